//! Reading values out of TOML with their positions, collecting every error on the way.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::catalogue::{ActionInfo, Catalogue};
use crate::error::{LoadError, Source};
use crate::rule::Layer;
use crate::suggest::nearest;
use crate::values::FastMap;

pub(super) type Node<'s> = Spanned<DeValue<'s>>;

/// A value and the file that it is in.
#[derive(Clone, Copy)]
pub(super) struct At<'d, 's> {
    pub(super) file: usize,
    pub(super) node: &'d Node<'s>,
}

/// What is carried through the loading of all files.
pub(super) struct Context<'s> {
    pub(super) sources: &'s [Source],
    pub(super) catalogue: &'s dyn Catalogue,
    pub(super) names: Vec<String>,
    pub(super) actions: FastMap<Box<str>, ActionInfo>,
    pub(super) errors: Vec<LoadError>,
    /// Only user files are there, so they stand in the vendor layer's place.
    pub(super) promoted: bool,
}

impl<'s> Context<'s> {
    pub(super) fn new(sources: &'s [Source], catalogue: &'s dyn Catalogue) -> Context<'s> {
        let names = catalogue.names();
        let actions = names.iter().filter_map(|n| Some((n.as_str().into(), catalogue.action(n)?))).collect();
        let promoted = sources.iter().all(|s| s.layer == Layer::User);
        Context { sources, catalogue, names, actions, errors: Vec::new(), promoted }
    }

    pub(super) fn layer(&self, file: usize) -> Layer {
        if self.promoted { Layer::Vendor } else { self.sources[file].layer }
    }

    pub(super) fn error(&mut self, file: usize, at: usize, message: impl Into<String>) {
        self.error_hint(file, at, message, None);
    }

    pub(super) fn error_hint(&mut self, file: usize, at: usize, message: impl Into<String>, hint: Option<String>) {
        let source = &self.sources[file];
        let (line, column) = position(&source.text, at);
        // One error is one line, whatever of the file it quotes.
        let message = message.into().replace(['\n', '\r'], " ");
        self.errors.push(LoadError { file: source.name.clone(), line, column, message, hint });
    }

    pub(super) fn wrong(&mut self, at: At<'_, '_>, message: impl Into<String>) {
        self.error(at.file, at.node.span().start, message);
    }

    pub(super) fn expected(&mut self, at: At<'_, '_>, what: &str) {
        let is = at.node.get_ref().type_str();
        let article = if is.starts_with(['a', 'i', 'o', 'u', 'e']) { "an" } else { "a" };
        self.wrong(at, format!("expected {what}, found {article} {is}"));
    }

    /// An unknown key, with the nearest one that is known here.
    pub(super) fn unknown_key(&mut self, file: usize, key: &Spanned<std::borrow::Cow<'_, str>>, known: &[&str]) {
        let name = key.get_ref();
        let hint = nearest(name, known.iter().copied()).map(str::to_owned);
        let message = if hint.is_some() {
            format!("unknown key `{name}`")
        } else {
            format!("unknown key `{name}`; known here: {}", known.join(", "))
        };
        self.error_hint(file, key.span().start, message, hint);
    }

    /// One word of a few.
    pub(super) fn word<T: Copy>(&mut self, at: At<'_, 's>, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(at)?;
        let found = words.iter().find(|(w, _)| *w == text).map(|(_, v)| *v);
        if found.is_none() {
            let hint = nearest(text, words.iter().map(|(w, _)| *w)).map(str::to_owned);
            let known: Vec<_> = words.iter().map(|(w, _)| format!("`{w}`")).collect();
            let message = format!("`{text}` is none of {}", known.join(", "));
            self.error_hint(at.file, at.node.span().start, message, hint);
        }
        found
    }

    pub(super) fn text<'d>(&mut self, at: At<'d, 's>) -> Option<&'d str>
    where
        's: 'd,
    {
        let text = at.node.get_ref().as_str();
        if text.is_none() {
            self.expected(at, "a string");
        }
        text
    }

    /// A string, or a list of them that is not empty.
    pub(super) fn texts<'d>(&mut self, at: At<'d, 's>) -> Option<Vec<(&'d str, usize)>> {
        if let Some(text) = at.node.get_ref().as_str() {
            return Some(vec![(text, at.node.span().start)]);
        }
        let Some(list) = at.node.get_ref().as_array() else {
            self.expected(at, "a string or a list of strings");
            return None;
        };
        if list.is_empty() {
            self.wrong(at, "the list is empty");
            return None;
        }
        let mut out = Vec::with_capacity(list.len());
        for node in list.iter() {
            out.push((self.text(At { file: at.file, node })?, node.span().start));
        }
        Some(out)
    }

    pub(super) fn number(&mut self, at: At<'_, '_>, allowed: Range<i64>) -> Option<i64> {
        let Some(n) = at.node.get_ref().as_integer() else {
            self.expected(at, "a whole number");
            return None;
        };
        match i64::from_str_radix(n.as_str(), n.radix()) {
            Ok(n) if allowed.contains(&n) => Some(n),
            _ => {
                self.wrong(at, format!("`{}` is not from {} to {}", n.as_str(), allowed.start, allowed.end - 1));
                None
            }
        }
    }

    /// A number, or a list of them.
    pub(super) fn numbers(&mut self, at: At<'_, '_>, allowed: Range<i64>) -> Option<Vec<i64>> {
        let Some(list) = at.node.get_ref().as_array() else { return self.number(at, allowed).map(|n| vec![n]) };
        if list.is_empty() {
            self.wrong(at, "the list is empty");
            return None;
        }
        list.iter().map(|node| self.number(At { file: at.file, node }, allowed.clone())).collect()
    }

    pub(super) fn boolean(&mut self, at: At<'_, '_>) -> Option<bool> {
        let is = at.node.get_ref().as_bool();
        if is.is_none() {
            self.expected(at, "`true` or `false`");
        }
        is
    }

    pub(super) fn table<'d>(&mut self, at: At<'d, 's>) -> Option<&'d DeTable<'s>> {
        let table = at.node.get_ref().as_table();
        if table.is_none() {
            self.expected(at, "a table");
        }
        table
    }

    /// The tables of a `[[list]]`.
    pub(super) fn tables<'d>(&mut self, at: At<'d, 's>) -> Vec<At<'d, 's>> {
        match at.node.get_ref().as_array() {
            Some(list) => list.iter().map(|node| At { file: at.file, node }).collect(),
            None => {
                self.expected(at, "a list of tables, written with `[[ ]]`");
                Vec::new()
            }
        }
    }

    /// `30s`, `5m`, `1h` or `2d`, in seconds.
    pub(super) fn duration(&mut self, at: At<'_, 's>, max: u64) -> Option<u64> {
        let text = self.text(at)?;
        let seconds = seconds(text);
        match seconds {
            Some(s) if s > 0 && s <= max => Some(s),
            Some(_) => {
                self.wrong(at, format!("`{text}` is not from 1s to {max}s"));
                None
            }
            None => {
                self.wrong(at, format!("`{text}` is not a length of time such as `30s`, `5m` or `1h`"));
                None
            }
        }
    }
}

pub(super) fn seconds(text: &str) -> Option<u64> {
    let unit = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86400,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// Line and column of a byte, both from 1, the column in characters.
pub(crate) fn position(text: &str, at: usize) -> (u32, u32) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    (line as u32, before[start..].chars().count() as u32 + 1)
}

/// Writes a value in a form that depends neither on order nor on layout: every list of a policy is a set.
pub(super) fn canonical(value: &DeValue<'_>, out: &mut String) {
    use std::fmt::Write as _;
    let written = match value {
        DeValue::String(s) => write!(out, "{:?}", s),
        DeValue::Integer(i) => match i64::from_str_radix(i.as_str(), i.radix()) {
            Ok(n) => write!(out, "{n}"),
            Err(_) => write!(out, "{}", i.as_str()),
        },
        DeValue::Float(x) => write!(out, "{}", x.as_str()),
        DeValue::Boolean(b) => write!(out, "{b}"),
        DeValue::Datetime(d) => write!(out, "{d}"),
        DeValue::Array(list) => {
            out.push('[');
            let mut parts: Vec<String> = list
                .iter()
                .map(|v| {
                    let mut s = String::new();
                    canonical(v.get_ref(), &mut s);
                    s
                })
                .collect();
            parts.sort_unstable();
            parts.dedup();
            for part in parts {
                out.push_str(&part);
                out.push(',');
            }
            out.push(']');
            Ok(())
        }
        DeValue::Table(table) => {
            canonical_table(table, &[], out);
            Ok(())
        }
    };
    // Writing into a string cannot fail.
    debug_assert!(written.is_ok());
}

pub(super) fn canonical_table(table: &DeTable<'_>, without: &[&str], out: &mut String) {
    out.push('{');
    for (key, value) in table.iter() {
        let key: &str = key.get_ref();
        if !without.contains(&key) {
            out.push_str(key);
            out.push('=');
            canonical(value.get_ref(), out);
            out.push(';');
        }
    }
    out.push('}');
}
