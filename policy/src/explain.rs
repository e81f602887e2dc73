//! The decision of [`Policy::decide`] in sentences: what decided, what was considered, what would change it.

use std::fmt;

use crate::decide::{Gathered, Joined, MAX_PAIRS, for_pairs};
use crate::decision::Decision;
use crate::facts::{Arg, Step, Surroundings};
use crate::policy::Policy;
use crate::predicate::{Pair, PathPattern, Predicate, Test, Value};
use crate::rule::{Clause, Layer, Rule};
use crate::values::Patterns;

/// How many rules that did not match are listed; those that came nearest are.
const MAX_CONSIDERED: usize = 50;
/// How many (rule, element) pairs are looked at.
const MAX_LOOKED: usize = 50_000;
/// How many elements of a list are shown in a sentence.
const MAX_SHOWN: usize = 5;

/// Why a verdict is as it is.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Explanation {
    /// `ok`, `confirm` or `deny`.
    pub decision: &'static str,
    /// The deciding rule.
    pub rule: String,
    /// The file that it is in; none for the risk baseline and the defaults.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// Its layer.
    pub layer: Option<Layer>,
    /// Its reason.
    pub why: Option<String>,
    /// What to do instead.
    pub instead: Option<String>,
    /// The rules that were considered, those that matched first.
    pub considered: Vec<Considered>,
    /// How many more were considered.
    pub more: usize,
    /// The nearest change that would alter the verdict, as a sentence.
    pub nearest: Option<String>,
}

/// One rule that was considered, for one element.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Considered {
    /// Its id.
    pub rule: String,
    /// Its file.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// Its layer.
    pub layer: Layer,
    /// Its decision.
    pub decision: &'static str,
    /// The action, and the element of the list that it was considered for.
    pub about: String,
    /// Whether it matched.
    pub matched: bool,
    /// Why it did not match, or what became of its match.
    pub reason: String,
}

impl Policy {
    /// Explains the verdict on a plan. It costs far more than [`Policy::decide`] and changes nothing.
    pub fn explain(&self, steps: &[Step<'_>], s: &dyn Surroundings) -> Explanation {
        let verdict = self.decide(steps, s);
        // The same id may be in two layers: the one that decided is the one of that decision.
        let of_id = |same: bool| {
            let decision = verdict.decision.name();
            self.rules.iter().find(|r| r.id == verdict.rule && (!same || r.decision.name() == decision))
        };
        let place = of_id(true).or_else(|| of_id(false));
        let mut out = Explanation {
            decision: verdict.decision.name(),
            rule: verdict.rule.to_string(),
            file: place.map(|r| self.files[r.file as usize].name.clone()),
            line: place.map(|r| self.files[r.file as usize].line(r.at)),
            layer: place.map(|r| r.layer),
            why: verdict.why.as_deref().map(str::to_owned),
            instead: verdict.instead.as_deref().map(str::to_owned),
            considered: Vec::new(),
            more: 0,
            nearest: None,
        };
        if self.is_broken().is_some() {
            return out;
        }
        let mut considered: Vec<(usize, u32, Considered)> = Vec::new();
        let mut nearest: Option<(usize, u32, String)> = None;
        let mut pairs = 0;
        for (number, step) in steps.iter().enumerate() {
            for_pairs(step, &mut |pair| {
                pairs += 1;
                let rules = self.actions.get(step.action).map(|a| a.all.as_slice()).unwrap_or_default();
                for rule in rules {
                    let (one, failing) = self.consider(*rule, pair, s);
                    if !one.matched
                        && failing.len() == 1
                        && nearest.as_ref().is_none_or(|(n, r, _)| (1, *rule) < (*n, *r))
                    {
                        let changed = self.verdict_if(steps, s, (number, pair.picks), *rule, true);
                        if changed != verdict.decision.name() {
                            let sentence = format!(
                                "If it were otherwise that {}, the rule `{}` would match and the verdict would be `{changed}`.",
                                failing[0], one.rule
                            );
                            nearest = Some((1, *rule, sentence));
                        }
                    }
                    considered.push((failing.len() + usize::from(!one.matched), *rule, one));
                }
                pairs < MAX_PAIRS && considered.len() < MAX_LOOKED
            });
        }
        if nearest.is_none()
            && let Some(number) = self.rules.iter().position(|r| r.id == verdict.rule)
        {
            let without = self.verdict_if(steps, s, (usize::MAX, [0; 4]), number as u32, false);
            if without != out.decision {
                let sentence = format!("Without the rule `{}` the verdict would be `{without}`.", verdict.rule);
                nearest = Some((2, number as u32, sentence));
            }
        }
        out.nearest = nearest.map(|(_, _, sentence)| sentence);
        considered.sort_by_key(|(failing, rule, _)| (*failing, *rule));
        out.more = considered.len().saturating_sub(MAX_CONSIDERED);
        considered.truncate(MAX_CONSIDERED);
        out.considered = considered.into_iter().map(|(_, _, c)| c).collect();
        out
    }

    /// The verdict if one rule matched (at one pair) or did not (anywhere), all else being equal.
    fn verdict_if(
        &self,
        steps: &[Step<'_>],
        s: &dyn Surroundings,
        at: (usize, [usize; 4]),
        rule: u32,
        matches: bool,
    ) -> &'static str {
        let mut total: Option<Joined> = None;
        for (number, step) in steps.iter().enumerate() {
            let risk = self.risk_of(step, s);
            for_pairs(step, &mut |pair| {
                let mut gathered = Gathered::default();
                for r in self.actions.get(step.action).map(|a| a.all.as_slice()).unwrap_or_default() {
                    let own = &self.rules[*r as usize];
                    let forced = *r == rule && (!matches || (number, pair.picks) == at);
                    match (forced, matches) {
                        (true, true) => self.gather(*r, own, step, s, &[], &mut gathered),
                        (true, false) => {}
                        (false, _) => self.consult(*r, pair, s, &[], &mut gathered),
                    }
                }
                total = Some(self.settle_pair(risk, &gathered, s).join(total));
                true
            });
        }
        total.map_or("deny", |t| t.decision.name())
    }

    fn consider(&self, number: u32, pair: &Pair<'_>, s: &dyn Surroundings) -> (Considered, Vec<String>) {
        let rule = &self.rules[number as usize];
        let failing = failing(rule, pair, s);
        let matched = failing.is_empty();
        let reason = if !matched {
            failing.join("; ")
        } else if rule.floor {
            "it matches, and is a floor that nothing relaxes".to_owned()
        } else if rule.layer == Layer::User && rule.decision == Decision::Ok {
            "it matches, but a user's rule only tightens unless an admin rule delegates".to_owned()
        } else {
            "it matches".to_owned()
        };
        let file = &self.files[rule.file as usize];
        let about = match element(pair) {
            Some(element) => format!("{} {}", pair.step.action, shown(element)),
            None => pair.step.action.to_owned(),
        };
        let considered = Considered {
            rule: rule.id.to_string(),
            file: file.name.clone(),
            line: file.line(rule.at),
            layer: rule.layer,
            decision: rule.decision.name(),
            about,
            matched,
            reason,
        };
        (considered, failing)
    }
}

/// What keeps a rule from matching, each as a clause of a sentence; empty when it matches.
fn failing(rule: &Rule, pair: &Pair<'_>, s: &dyn Surroundings) -> Vec<String> {
    let strict = rule.strict();
    let mut out: Vec<String> = conditions(&rule.clause, pair, s)
        .into_iter()
        .filter(|c| !c.holds.unwrap_or(strict))
        .map(|c| c.failing)
        .collect();
    if !rule.sandbox_fits(pair) {
        out.push("it is not about the sandbox that was asked for".to_owned());
    }
    for (i, except) in rule.except.iter().enumerate() {
        if except.holds(pair, s, !strict) {
            out.push(format!("its exception {} applies", i + 1));
        }
    }
    out
}

/// One condition of a clause and how it came out.
pub(crate) struct Condition {
    /// Such as `args.packages.in`.
    pub(crate) label: String,
    pub(crate) holds: Option<bool>,
    failing: String,
}

/// All conditions of a clause, none skipped.
pub(crate) fn conditions(clause: &Clause, pair: &Pair<'_>, s: &dyn Surroundings) -> Vec<Condition> {
    let mut out = Vec::new();
    for p in &clause.predicates {
        let holds = p.holds(pair, s);
        out.push(Condition { label: format!("args.{}.{}", p.arg, p.key), holds, failing: sentence(p, pair, holds) });
    }
    let unknown = |holds: Option<bool>, known: String, what: &str| match holds {
        None => format!("{what} is not known"),
        _ => known,
    };
    if !clause.callers.is_empty() {
        let holds = clause.caller(s);
        let names: Vec<&str> = clause.callers.iter().map(|c| &*c.name).collect();
        let known = format!("the caller is not {}", names.join(" or "));
        out.push(Condition { label: "when.caller".into(), holds, failing: unknown(holds, known, "who the caller is") });
    }
    if let Some(window) = &clause.time {
        let holds = window.holds(s);
        let time = |m: u16| format!("{:02}:{:02}", m / 60, m % 60);
        let known = format!("the time is not from {} to {} on its days", time(window.from), time(window.to));
        out.push(Condition { label: "when.time".into(), holds, failing: unknown(holds, known, "the time") });
    }
    if let Some(want) = clause.locked {
        let holds = s.locked().map(|is| is == want);
        let known = format!("the session is {}locked", if want { "not " } else { "" });
        let failing = unknown(holds, known, "whether the session is locked");
        out.push(Condition { label: "when.locked".into(), holds, failing });
    }
    out
}

fn element<'a>(pair: &Pair<'a>) -> Option<&'a str> {
    let (name, _) = pair.step.args.iter().find(|(_, a)| matches!(a, Arg::List(_)))?;
    match pair.value(name) {
        Value::Text(text, _) => Some(text),
        _ => None,
    }
}

/// A text of the request, cut, with everything that is not plain made visible.
fn shown(text: &str) -> String {
    let mut out: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        out.push('…');
    }
    out
}

fn sentence(p: &Predicate, pair: &Pair<'_>, holds: Option<bool>) -> String {
    let value = match pair.value(&p.arg) {
        Value::Absent => return format!("`{}` is not given", p.arg),
        Value::Unknown => return format!("`{}` is not known", p.arg),
        Value::Text(text, _) => shown(text),
        Value::Other(Arg::Number(n)) => n.to_string(),
        Value::Other(Arg::Path(path)) => shown(&path.path),
        Value::Other(Arg::Url(url)) => shown(url.as_str()),
        Value::Other(Arg::Argv(argv)) => shown(&argv.join(" ")),
        Value::Other(_) => String::new(),
    };
    if holds.is_none() {
        return format!("whether `{value}` satisfies `{}` cannot be known", p.key);
    }
    let list = "the list";
    match &p.test {
        Test::In(set) => format!("`{value}` is not in {}", set_text(set)),
        Test::NotIn(set) => format!("`{value}` is in {}", set_text(set)),
        Test::Regex(_) => format!("`{value}` does not match the regular expression"),
        Test::MaxLen(max) => format!("`{}` is longer than {max} bytes", p.arg),
        Test::Min(min) => format!("{value} is less than {min}"),
        Test::Max(max) => format!("{value} is more than {max}"),
        Test::AllIn(set) => format!("{list} is not all in {}", set_text(set)),
        Test::NoneIn(set) => format!("something in {list} is in {}", set_text(set)),
        Test::AnyIn(set) => format!("nothing in {list} is in {}", set_text(set)),
        Test::MaxItems(max) => format!("{list} has more than {max} elements"),
        Test::MinItems(min) => format!("{list} has fewer than {min} elements"),
        Test::Under(set) => format!("`{value}` is not under {}", paths_text(set)),
        Test::NotUnder(set) => format!("`{value}` is under {}", paths_text(set)),
        Test::Path(set) => format!("`{value}` is not {}", paths_text(set)),
        Test::Host(set) => format!("the host of `{value}` is not in {}", set_text(set)),
        Test::UrlPath(set) => format!("the path of `{value}` is not in {}", set_text(set)),
        Test::Program(set) => format!("the program of `{value}` is not in {}", set_text(set)),
        Test::PrivateIp(want) => {
            format!("the address of `{value}` is {}private", if *want { "not literally " } else { "literally " })
        }
        _ => format!("`{value}` does not satisfy `{}`", p.key),
    }
}

fn set_text(set: &Patterns) -> String {
    match &set.name {
        Some(name) => format!("@{name}"),
        None => list_text(set.all.iter().map(|p| p.text())),
    }
}

fn paths_text(set: &[PathPattern]) -> String {
    list_text(set.iter().map(|p| &*p.text))
}

fn list_text<'a>(all: impl Iterator<Item = &'a str> + Clone) -> String {
    let rest = all.clone().count().saturating_sub(MAX_SHOWN);
    let mut out = all.take(MAX_SHOWN).map(|t| format!("`{t}`")).collect::<Vec<_>>().join(", ");
    if rest > 0 {
        out.push_str(&format!(" and {rest} more"));
    }
    out
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The verdict is `{}`, by `{}`", self.decision, self.rule)?;
        if let (Some(file), Some(line)) = (&self.file, self.line) {
            write!(f, " ({file}:{line})")?;
        }
        writeln!(f, ".")?;
        if let Some(why) = &self.why {
            writeln!(f, "Why: {why}")?;
        }
        if let Some(instead) = &self.instead {
            writeln!(f, "Instead: {instead}")?;
        }
        if !self.considered.is_empty() {
            writeln!(f, "Considered:")?;
        }
        for c in &self.considered {
            let mark = if c.matched { "matched" } else { "no match" };
            writeln!(
                f,
                "  {} [{}, {}:{}] for `{}`: {mark}: {}.",
                c.rule, c.decision, c.file, c.line, c.about, c.reason
            )?;
        }
        if self.more > 0 {
            writeln!(f, "  and {} more that did not match.", self.more)?;
        }
        match &self.nearest {
            Some(nearest) => writeln!(f, "{nearest}"),
            None => Ok(()),
        }
    }
}
