//! Which rules can match a pair at all: by action, then by the values that they name.

use std::collections::BTreeMap;

use crate::facts::Arg;
use crate::predicate::{Pair, Predicate, Test, Value, has_control};
use crate::rule::Rule;
use crate::values::{FastMap, Patterns, Values};

/// The rules of one action.
#[derive(Debug, Default)]
pub(crate) struct ActionRules {
    /// All of them, by number.
    pub(crate) all: Vec<u32>,
    /// Those that no value leads to.
    always: Vec<u32>,
    buckets: Vec<Bucket>,
}

/// The rules that name values of one argument.
#[derive(Debug)]
struct Bucket {
    arg: Box<str>,
    host: bool,
    all: Vec<u32>,
    values: Values,
    /// Rules by the number under which their set stands in `values`.
    groups: Vec<Vec<u32>>,
}

pub(crate) fn build(rules: &[Rule]) -> FastMap<Box<str>, ActionRules> {
    let mut out: FastMap<Box<str>, ActionRules> = FastMap::default();
    // A set that many rules name is put into a bucket once.
    let mut shared: BTreeMap<(usize, Box<str>, Box<str>), u32> = BTreeMap::new();
    for (number, rule) in rules.iter().enumerate() {
        let number = number as u32;
        let key = rule.clause.predicates.iter().filter_map(|p| Some((cost(p)?, p))).min_by_key(|(c, _)| *c);
        for action in &rule.actions {
            if !out.contains_key(&**action) {
                out.insert((**action).into(), ActionRules::default());
            }
            let Some(entry) = out.get_mut(&**action) else { continue };
            entry.all.push(number);
            let Some((_, p)) = key else {
                entry.always.push(number);
                continue;
            };
            let host = matches!(p.test, Test::Host(_));
            let at = match entry.buckets.iter().position(|b| b.arg == p.arg && b.host == host) {
                Some(at) => at,
                None => {
                    entry.buckets.push(Bucket {
                        arg: p.arg.clone(),
                        host,
                        all: Vec::new(),
                        values: Values::default(),
                        groups: Vec::new(),
                    });
                    entry.buckets.len() - 1
                }
            };
            let bucket = &mut entry.buckets[at];
            bucket.all.push(number);
            let next = bucket.groups.len() as u32;
            match &p.test {
                Test::In(set) | Test::Host(set) => {
                    if set.all.len() > 1 {
                        let id = (std::sync::Arc::as_ptr(set).cast::<()>() as usize, (**action).into(), p.arg.clone());
                        if let Some(group) = shared.get(&id) {
                            bucket.groups[*group as usize].push(number);
                            continue;
                        }
                        shared.insert(id, next);
                    }
                    set.all.iter().for_each(|pattern| bucket.values.add(pattern, next));
                }
                Test::Regex(regex) => bucket.values.add_regex(regex, next),
                _ => {}
            }
            bucket.groups.push(vec![number]);
        }
    }
    out
}

/// How many requests a predicate lets through, roughly; `None` when the index cannot use it.
fn cost(p: &Predicate) -> Option<usize> {
    let globs = |set: &Patterns| {
        set.all
            .iter()
            .any(|p| matches!(p, crate::values::Pattern::Glob(g) if g.prefix().is_empty() && g.suffix().is_empty()))
    };
    match &p.test {
        Test::In(set) | Test::Host(set) => Some(set.all.len() + if globs(set) { 1 << 20 } else { 0 }),
        Test::Regex(_) => Some(1 << 21),
        _ => None,
    }
}

impl ActionRules {
    /// Calls `visit` with the rules that could match wherever `rule` does: those without a value, and those that share its first.
    pub(crate) fn near(&self, rule: &Rule, visit: &mut dyn FnMut(u32)) {
        self.always.iter().for_each(|r| visit(*r));
        for bucket in &self.buckets {
            let own = rule.clause.predicates.iter().filter(|p| p.arg == bucket.arg).find_map(|p| match &p.test {
                Test::In(set) if !bucket.host => set.all.first(),
                Test::Host(set) if bucket.host => set.all.first(),
                _ => None,
            });
            if let Some(first) = own {
                let found = &mut |group: u32| bucket.groups[group as usize].iter().for_each(|r| visit(*r));
                bucket.values.find(first.text(), found);
            }
        }
    }

    /// Calls `visit` with every rule that could match; a rule may come more than once.
    pub(crate) fn candidates(&self, pair: &Pair<'_>, visit: &mut dyn FnMut(u32)) {
        self.always.iter().for_each(|r| visit(*r));
        for bucket in &self.buckets {
            let text = match pair.value(&bucket.arg) {
                Value::Absent => continue,
                Value::Text(text, _) if !bucket.host && !has_control(text) => text,
                Value::Other(Arg::Url(url)) if bucket.host => match url.host() {
                    Some(host) => host,
                    None => continue,
                },
                // What is unknown is a match for some rules.
                _ => {
                    bucket.all.iter().for_each(|r| visit(*r));
                    continue;
                }
            };
            bucket.values.find(text, &mut |group| bucket.groups[group as usize].iter().for_each(|r| visit(*r)));
        }
    }
}
