//! The predicates of one argument, by the argument's type.

use super::read::{At, Context};
use super::sets::{Kind, Sets};
use crate::catalogue::ArgKind;
use crate::predicate::{Predicate, Test};
use crate::values::anchored;

/// Lengths and counts in a policy are at most this.
const MAX_COUNT: i64 = 1 << 40;

fn known(kind: ArgKind) -> &'static [&'static str] {
    match kind {
        ArgKind::Text => &["eq", "in", "not_in", "glob", "regex", "max_len"],
        ArgKind::Number => &["min", "max"],
        ArgKind::List => &["in", "not_in", "glob", "regex", "all_in", "none_in", "any_in", "max_items", "min_items"],
        ArgKind::Path => &["under", "not_under", "eq", "glob"],
        ArgKind::Url => &["scheme", "host", "port", "path", "query_max", "private_ip", "userinfo"],
        ArgKind::Argv => &["program", "args", "flags_allow", "flags_deny", "max_args"],
    }
}

/// The keys that look at a whole list or command, and whether a longer one can only become a match (`true`) or only cease to be
/// one (`false`).
fn whole(key: &str) -> Option<bool> {
    match key {
        "all_in" | "none_in" | "max_items" | "flags_allow" | "max_args" => Some(false),
        "any_in" | "min_items" => Some(true),
        _ => None,
    }
}

impl<'s> Context<'s> {
    /// `args.NAME = { … }`. `strict` is whether unknown counts as a match where it stands.
    pub(super) fn predicates(
        &mut self,
        sets: &mut Sets,
        arg: &str,
        kind: ArgKind,
        strict: bool,
        at: At<'_, 's>,
        out: &mut Vec<Predicate>,
    ) {
        let Some(table) = self.table(at) else { return };
        if table.is_empty() {
            self.wrong(at, format!("nothing is said about `{arg}`"));
        }
        let first = out.len();
        for (key, node) in table.iter() {
            let name: &str = key.get_ref();
            let Some(fixed) = known(kind).iter().find(|k| **k == name) else {
                if ArgKind::ALL.iter().any(|k| known(*k).contains(&name)) {
                    let message = format!(
                        "`{arg}` is a {}, which does not take `{name}`; it takes {}",
                        kind.name(),
                        known(kind).join(", ")
                    );
                    self.error(at.file, key.span().start, message);
                } else {
                    self.unknown_key(at.file, key, known(kind));
                }
                continue;
            };
            if whole(name).is_some_and(|longer_matches| longer_matches != strict) {
                let place = if strict {
                    "in a `confirm` or `deny` rule or in the exception of an `ok` rule; there a longer list could become milder by it"
                } else {
                    "in an `ok` rule or in the exception of a `confirm` or `deny` rule; there a longer list could become milder by it"
                };
                self.error(at.file, key.span().start, format!("`{name}` cannot stand {place}"));
                continue;
            }
            if let Some(test) = self.test(sets, kind, fixed, strict, At { file: at.file, node }) {
                out.push(Predicate { arg: arg.into(), key: fixed, test });
            }
        }
        self.contradictions(at, &out[first..]);
    }

    fn test(&mut self, sets: &mut Sets, kind: ArgKind, key: &str, strict: bool, at: At<'_, 's>) -> Option<Test> {
        let file = at.file;
        let mut set = |cx: &mut Self, kind| {
            let texts = cx.texts(at)?;
            sets.shared(cx, file, kind, &texts)
        };
        Some(match (kind, key) {
            (ArgKind::Path, "under") => Test::Under(self.paths(sets, false, at)?),
            (ArgKind::Path, "not_under") => Test::NotUnder(self.paths(sets, false, at)?),
            (ArgKind::Path, "eq") => Test::Path(self.paths(sets, false, at)?),
            (ArgKind::Path, _) => Test::Path(self.paths(sets, true, at)?),
            (_, "eq") => Test::In(set(self, Kind::Plain)?),
            (_, "in" | "glob") => Test::In(set(self, Kind::Text)?),
            (_, "not_in") => Test::NotIn(set(self, Kind::Text)?),
            (_, "all_in") => Test::AllIn(set(self, Kind::Text)?),
            (_, "none_in") => Test::NoneIn(set(self, Kind::Text)?),
            (_, "any_in") => Test::AnyIn(set(self, Kind::Text)?),
            (_, "regex") => {
                let text = self.text(at)?;
                match anchored(text) {
                    Ok(regex) => Test::Regex(Box::new(regex)),
                    Err(e) => {
                        self.wrong(at, format!("the regular expression `{text}` is not usable: {e}"));
                        return None;
                    }
                }
            }
            (_, "max_len") => Test::MaxLen(self.number(at, 0..MAX_COUNT)? as usize),
            (_, "max_items") => Test::MaxItems(self.number(at, 1..MAX_COUNT)? as usize),
            (_, "min_items") => Test::MinItems(self.number(at, 1..MAX_COUNT)? as usize),
            (_, "min") => Test::Min(self.number(at, i64::MIN..i64::MAX)?),
            (_, "max") => Test::Max(self.number(at, i64::MIN..i64::MAX)?),
            (_, "scheme") => Test::Scheme(self.plain(at)?),
            (_, "host") => Test::Host(set(self, Kind::Host)?),
            (_, "port") => Test::Port(self.numbers(at, 0..65536)?.into_iter().map(|p| p as u16).collect()),
            (_, "path") => Test::UrlPath(set(self, Kind::File)?),
            (_, "query_max") => Test::QueryMax(self.number(at, 0..MAX_COUNT)? as usize),
            (_, "private_ip") => Test::PrivateIp(self.boolean(at)?),
            (_, "userinfo") => Test::Userinfo(self.boolean(at)?),
            (_, "program") => {
                for (text, start) in self.texts(at)? {
                    if !text.starts_with('/') && !text.starts_with('@') {
                        self.error(file, start, format!("the program `{text}` is not an absolute path"));
                    }
                }
                Test::Program(set(self, Kind::File)?)
            }
            (_, "args") if strict => Test::ArgsAny(set(self, Kind::Text)?),
            (_, "args") => Test::ArgsAll(set(self, Kind::Text)?),
            (_, "flags_allow") => Test::FlagsAll(self.plain(at)?),
            (_, "flags_deny") if strict => Test::FlagsAny(self.plain(at)?),
            (_, "flags_deny") => Test::FlagsNone(self.plain(at)?),
            (_, "max_args") => Test::MaxArgs(self.number(at, 0..MAX_COUNT)? as usize),
            _ => return None,
        })
    }

    fn plain(&mut self, at: At<'_, 's>) -> Option<Box<[Box<str>]>> {
        Some(self.texts(at)?.into_iter().map(|(t, _)| t.into()).collect())
    }

    fn paths(
        &mut self,
        sets: &Sets,
        globs: bool,
        at: At<'_, 's>,
    ) -> Option<std::sync::Arc<[crate::predicate::PathPattern]>> {
        let texts = self.texts(at)?;
        sets.paths(self, at.file, globs, &texts)
    }

    /// What can never hold together.
    fn contradictions(&mut self, at: At<'_, 's>, tests: &[Predicate]) {
        let min = tests.iter().find_map(|p| if let Test::Min(n) = p.test { Some(n) } else { None });
        let max = tests.iter().find_map(|p| if let Test::Max(n) = p.test { Some(n) } else { None });
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            self.wrong(at, format!("no number is at least {min} and at most {max}"));
        }
        // Every exact value of an `in` or `eq` is refused by another condition on the same element.
        for p in tests {
            let Test::In(set) = &p.test else { continue };
            let exact = |x: &crate::values::Pattern| matches!(x, crate::values::Pattern::Exact(_));
            if !set.all.iter().all(exact) {
                continue;
            }
            let refused = |text: &str| {
                tests.iter().any(|q| match &q.test {
                    Test::In(other) => !other.contains(text),
                    Test::NotIn(other) => other.contains(text),
                    Test::Regex(regex) => !regex.is_match(text),
                    Test::MaxLen(max) => text.len() > *max,
                    _ => false,
                })
            };
            if tests.len() > 1 && set.all.iter().all(|x| refused(x.text())) {
                self.wrong(at, format!("no value satisfies `{}` together with the other conditions", p.key));
                return;
            }
        }
    }
}
