//! Predicates on one argument. Each is true, false or unknown; what unknown means is the rule's business.

use std::sync::Arc;

use regex::Regex;

use crate::facts::{Arg, Step, Surroundings};
use crate::glob::Glob;
use crate::values::Patterns;

/// One condition on one argument of a step.
#[derive(Debug)]
pub(crate) struct Predicate {
    pub(crate) arg: Box<str>,
    /// Its key in the file.
    pub(crate) key: &'static str,
    pub(crate) test: Test,
}

#[derive(Debug)]
pub(crate) enum Test {
    In(Arc<Patterns>),
    NotIn(Arc<Patterns>),
    Regex(Box<Regex>),
    MaxLen(usize),
    Min(i64),
    Max(i64),
    AllIn(Arc<Patterns>),
    NoneIn(Arc<Patterns>),
    AnyIn(Arc<Patterns>),
    MaxItems(usize),
    MinItems(usize),
    Under(Arc<[PathPattern]>),
    NotUnder(Arc<[PathPattern]>),
    Path(Arc<[PathPattern]>),
    Scheme(Box<[Box<str>]>),
    Host(Arc<Patterns>),
    Port(Box<[u16]>),
    UrlPath(Arc<Patterns>),
    QueryMax(usize),
    PrivateIp(bool),
    Userinfo(bool),
    Program(Arc<Patterns>),
    ArgsAll(Arc<Patterns>),
    ArgsAny(Arc<Patterns>),
    FlagsAll(Box<[Box<str>]>),
    FlagsNone(Box<[Box<str>]>),
    FlagsAny(Box<[Box<str>]>),
    MaxArgs(usize),
}

/// A folder, a path or a glob for paths; with `~` it is below the represented user's home folder, with `.` below the agent's
/// working folder.
#[derive(Clone, Debug)]
pub(crate) struct PathPattern {
    pub(crate) text: Box<str>,
    pub(crate) base: PathBase,
    /// What follows `~` or `.`, or the whole pattern.
    pub(crate) rest: PathRest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathBase {
    Root,
    Home,
    Folder,
}

#[derive(Clone, Debug)]
pub(crate) enum PathRest {
    /// Without a slash at its end; empty for `/`, `~` and `.` themselves.
    Exact(Box<str>),
    Glob(Glob),
}

/// Lists of one step that can be taken apart; a step with more is denied.
pub(crate) const MAX_LISTS: usize = 4;

/// One step with one element picked of each of its lists.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    pub(crate) step: Step<'a>,
    pub(crate) picks: [usize; MAX_LISTS],
}

/// An argument as a predicate sees it.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Absent,
    Unknown,
    /// A text, or one element of the list.
    Text(&'a str, &'a [String]),
    Other(Arg<'a>),
}

impl<'a> Pair<'a> {
    pub(crate) fn value(&self, name: &str) -> Value<'a> {
        let mut lists = 0;
        for (arg, value) in self.step.args {
            let is_list = matches!(value, Arg::List(_));
            if *arg == name {
                return match *value {
                    Arg::Unknown => Value::Unknown,
                    Arg::Text(text) => text_value(text, &[]),
                    Arg::List(list) => match list.get(self.picks[lists.min(MAX_LISTS - 1)]) {
                        Some(element) => text_value(element, list),
                        None => Value::Unknown,
                    },
                    Arg::Path(p) if has_control(&p.path) || p.path.is_empty() => Value::Unknown,
                    other => Value::Other(other),
                };
            }
            lists += usize::from(is_list);
        }
        Value::Absent
    }
}

fn text_value<'a>(text: &'a str, list: &'a [String]) -> Value<'a> {
    Value::Text(text, list)
}

/// Control characters: C0, DEL and C1.
pub(crate) fn has_control(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().any(|b| *b < 0x20 || *b == 0x7f)
        || bytes.windows(2).any(|w| w[0] == 0xc2 && (0x80..0xa0).contains(&w[1]))
}

impl Predicate {
    /// Whether it looks at the whole list or command, so that one more element can change it for all.
    pub(crate) fn sees_whole_list(&self) -> bool {
        use Test::{
            AllIn, AnyIn, ArgsAll, ArgsAny, FlagsAll, FlagsAny, FlagsNone, MaxArgs, MaxItems, MinItems, NoneIn,
        };
        matches!(
            self.test,
            AllIn(_)
                | NoneIn(_)
                | AnyIn(_)
                | MaxItems(_)
                | MinItems(_)
                | ArgsAll(_)
                | ArgsAny(_)
                | FlagsAll(_)
                | FlagsNone(_)
                | FlagsAny(_)
                | MaxArgs(_)
        )
    }

    /// Whether it holds; `None` when that cannot be known.
    pub(crate) fn holds(&self, pair: &Pair<'_>, s: &dyn Surroundings) -> Option<bool> {
        match pair.value(&self.arg) {
            Value::Unknown => None,
            // Of something that was not given nothing can be said but that it is not in a set.
            Value::Absent => match self.test {
                Test::NotIn(_) | Test::NotUnder(_) => None,
                _ => Some(false),
            },
            Value::Text(text, list) => self.text(text, list),
            Value::Other(arg) => self.other(arg, s),
        }
    }

    fn text(&self, text: &str, list: &[String]) -> Option<bool> {
        let each = |set: &Patterns, text: &str| if has_control(text) { None } else { Some(set.contains(text)) };
        match &self.test {
            Test::In(set) => each(set, text),
            Test::NotIn(set) => each(set, text).map(|is| !is),
            Test::Regex(regex) => (!has_control(text)).then(|| regex.is_match(text)),
            Test::MaxLen(max) => Some(text.len() <= *max),
            Test::AllIn(set) => all(list.iter().map(|t| each(set, t))),
            Test::NoneIn(set) => all(list.iter().map(|t| each(set, t).map(|is| !is))),
            Test::AnyIn(set) => all(list.iter().map(|t| each(set, t).map(|is| !is))).map(|none| !none),
            Test::MaxItems(max) => Some(list.len() <= *max),
            Test::MinItems(min) => Some(list.len() >= *min),
            _ => None,
        }
    }

    fn other(&self, arg: Arg<'_>, s: &dyn Surroundings) -> Option<bool> {
        match (&self.test, arg) {
            (Test::Min(min), Arg::Number(n)) => Some(n >= *min),
            (Test::Max(max), Arg::Number(n)) => Some(n <= *max),
            (Test::Under(set), Arg::Path(p)) => any_path(set, &p.path, s, PathPattern::spans),
            (Test::NotUnder(set), Arg::Path(p)) => any_path(set, &p.path, s, PathPattern::spans).map(|is| !is),
            (Test::Path(set), Arg::Path(p)) => any_path(set, &p.path, s, PathPattern::is),
            (Test::Scheme(set), Arg::Url(u)) => Some(set.iter().any(|x| **x == *u.url().scheme())),
            (Test::Host(set), Arg::Url(u)) => Some(u.host().is_some_and(|h| set.contains(h))),
            (Test::Port(set), Arg::Url(u)) => Some(u.port().is_some_and(|p| set.contains(&p))),
            (Test::UrlPath(set), Arg::Url(u)) => Some(set.contains(u.url().path())),
            (Test::QueryMax(max), Arg::Url(u)) => Some(u.url().query().map_or(0, str::len) <= *max),
            (Test::PrivateIp(want), Arg::Url(u)) => Some(u.private_ip() == *want),
            (Test::Userinfo(want), Arg::Url(u)) => Some(u.url().username().is_empty() != *want),
            (_, Arg::Argv(argv)) => self.argv(argv),
            _ => None,
        }
    }

    fn argv(&self, argv: &[String]) -> Option<bool> {
        if argv.iter().any(|a| has_control(a)) {
            return None;
        }
        let (program, rest) = argv.split_first()?;
        let end = rest.iter().position(|a| a == "--").unwrap_or(rest.len());
        let is_flag = |a: &&String| a.len() > 1 && a.starts_with('-');
        let mut flags = rest[..end].iter().filter(is_flag);
        let mut args = rest[..end].iter().filter(|a| !is_flag(a)).chain(rest.iter().skip(end + 1));
        Some(match &self.test {
            Test::Program(set) => set.contains(program),
            Test::ArgsAll(set) => args.all(|a| set.contains(a)),
            Test::ArgsAny(set) => args.any(|a| set.contains(a)),
            Test::FlagsAll(set) => flags.all(|f| only(f, set)),
            Test::FlagsNone(set) => !flags.any(|f| among(f, set)),
            Test::FlagsAny(set) => flags.any(|f| among(f, set)),
            Test::MaxArgs(max) => rest.len() <= *max,
            _ => return None,
        })
    }
}

/// A flag without its `=value`.
fn bare(flag: &str) -> &str {
    flag.split_once('=').map_or(flag, |(f, _)| f)
}

fn short_letters(flag: &str) -> Option<std::str::Chars<'_>> {
    (!flag.starts_with("--")).then(|| flag[1..].chars())
}

/// Whether every flag in `flag` (`-abc` may be three) is in `set`.
fn only(flag: &str, set: &[Box<str>]) -> bool {
    let flag = bare(flag);
    let has = |f: &str| set.iter().any(|s| **s == *f);
    has(flag) || short_letters(flag).is_some_and(|mut l| l.all(|c| has(&format!("-{c}"))))
}

/// Whether any flag in `flag` is in `set`; an abbreviated long flag counts as each that it could stand for.
fn among(flag: &str, set: &[Box<str>]) -> bool {
    let flag = bare(flag);
    let has = |f: &str| set.iter().any(|s| **s == *f);
    has(flag)
        || short_letters(flag).is_some_and(|mut l| l.any(|c| has(&format!("-{c}"))))
        || flag.len() > 2 && flag.starts_with("--") && set.iter().any(|s| s.starts_with(flag))
}

/// True when all are, false when one is false, else unknown.
pub(crate) fn all(values: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut out = Some(true);
    for value in values {
        match value {
            Some(false) => return Some(false),
            None => out = None,
            Some(true) => {}
        }
    }
    out
}

pub(crate) fn any_path(
    set: &[PathPattern],
    path: &str,
    s: &dyn Surroundings,
    test: fn(&PathPattern, &str) -> bool,
) -> Option<bool> {
    let mut out = Some(false);
    for pattern in set {
        let base = match pattern.base {
            PathBase::Root => Some(""),
            PathBase::Home => match s.home() {
                Some(home) => Some(home.trim_end_matches('/')),
                None => {
                    out = None;
                    continue;
                }
            },
            // Where there is none, it is known that nothing is in it.
            PathBase::Folder => s.folder(),
        };
        let rest = match base.and_then(|base| path.strip_prefix(base)) {
            Some(rest) if pattern.base == PathBase::Root || rest.is_empty() || rest.starts_with('/') => rest,
            _ => continue,
        };
        if test(pattern, rest) {
            return Some(true);
        }
    }
    out
}

impl PathPattern {
    pub(crate) fn new(text: &str, allow_glob: bool) -> Result<PathPattern, String> {
        let (base, rest) = match (text.strip_prefix('~'), text.strip_prefix('.')) {
            (Some(rest), _) => (PathBase::Home, rest),
            (None, Some(rest)) => (PathBase::Folder, rest),
            (None, None) => (PathBase::Root, text),
        };
        if !(rest.starts_with('/') || base != PathBase::Root && rest.is_empty()) {
            return Err(format!("the path `{text}` begins with none of `/`, `~/` and `./`"));
        }
        if rest.split('/').any(|p| p == "..") {
            return Err(format!("the path `{text}` has `..` in it"));
        }
        let rest = if allow_glob && Glob::is_glob(rest) {
            PathRest::Glob(Glob::new(rest, Some(b'/'))?)
        } else {
            PathRest::Exact(rest.trim_end_matches('/').into())
        };
        Ok(PathPattern { text: text.into(), base, rest })
    }

    pub(crate) fn is(&self, path: &str) -> bool {
        match &self.rest {
            PathRest::Exact(text) => **text == *path.trim_end_matches('/'),
            PathRest::Glob(glob) => glob.matches(path),
        }
    }

    pub(crate) fn spans(&self, path: &str) -> bool {
        match &self.rest {
            PathRest::Exact(text) => path.strip_prefix(&**text).is_some_and(|r| r.is_empty() || r.starts_with('/')),
            PathRest::Glob(glob) => glob.matches(path),
        }
    }
}
