//! Finding, among any number of exact values, globs and regular expressions, those that match a text, without trying each.
//!
//! Exact values are in a hash map; globs are found by what they begin or end with; what is left goes through one automaton.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::OnceLock;

use regex::{Regex, RegexSet, RegexSetBuilder};

use crate::glob::Glob;

/// What a text is compared with.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Exact(Box<str>),
    Glob(Glob),
}

impl Pattern {
    pub(crate) fn text(&self) -> &str {
        match self {
            Pattern::Exact(t) => t,
            Pattern::Glob(g) => g.text(),
        }
    }

    pub(crate) fn matches(&self, value: &str) -> bool {
        match self {
            Pattern::Exact(t) => **t == *value,
            Pattern::Glob(g) => g.matches(value),
        }
    }
}

/// A set of patterns, compiled once and shared by all rules that name it.
#[derive(Debug)]
pub(crate) struct Patterns {
    /// The set's name in the policy, when it has one.
    pub(crate) name: Option<Box<str>>,
    pub(crate) all: Vec<Pattern>,
    /// Only for sets with more than [`FEW`] elements.
    index: Option<Values>,
}

/// Up to so many patterns are simply tried one after the other.
const FEW: usize = 8;

impl Patterns {
    pub(crate) fn new(all: Vec<Pattern>) -> Patterns {
        let index = (all.len() > FEW).then(|| {
            let mut values = Values::default();
            all.iter().for_each(|p| values.add(p, 0));
            values
        });
        Patterns { name: None, all, index }
    }

    pub(crate) fn named(name: &str, all: Vec<Pattern>) -> Patterns {
        Patterns { name: Some(name.into()), ..Patterns::new(all) }
    }

    pub(crate) fn contains(&self, value: &str) -> bool {
        match &self.index {
            None => self.all.iter().any(|p| p.matches(value)),
            Some(index) => {
                let mut found = false;
                index.find(value, &mut |_| found = true);
                found
            }
        }
    }
}

/// A hasher for keys that come from the policy, not from requests: fast, and not proof against chosen keys.
#[derive(Default)]
pub(crate) struct Fast(u64);

impl Hasher for Fast {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.write_u64(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }
}

pub(crate) type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<Fast>>;

/// Numbers by the patterns under which they were added. A number may be found more than once.
#[derive(Debug, Default)]
pub(crate) struct Values {
    exact: FastMap<Box<str>, Ids>,
    prefixes: Ends,
    suffixes: Ends,
    rest: Vec<(Glob, u32)>,
    regexes: Vec<(Regex, u32)>,
    automaton: OnceLock<Option<RegexSet>>,
}

#[derive(Debug)]
enum Ids {
    One(u32),
    Many(Vec<u32>),
}

/// Globs by their fixed beginning or end, and the lengths that occur.
#[derive(Debug, Default)]
struct Ends {
    map: FastMap<Box<str>, Vec<(Glob, u32)>>,
    lengths: Vec<u32>,
}

/// Regular expressions are put into one automaton when there are more than so many.
const FEW_REGEXES: usize = 4;
/// The memory that the automaton may take for each expression, in bytes; beyond it they are tried one after the other.
const REGEX_SIZE: usize = 1 << 20;

impl Values {
    pub(crate) fn add(&mut self, pattern: &Pattern, id: u32) {
        match pattern {
            Pattern::Exact(text) => match self.exact.get_mut(text) {
                None => {
                    self.exact.insert(text.clone(), Ids::One(id));
                }
                Some(Ids::Many(ids)) => ids.push(id),
                Some(ids @ Ids::One(_)) => {
                    if let Ids::One(first) = *ids {
                        *ids = Ids::Many(vec![first, id]);
                    }
                }
            },
            Pattern::Glob(glob) => {
                let (prefix, suffix) = (glob.prefix(), glob.suffix());
                if !prefix.is_empty() && prefix.len() >= suffix.len() {
                    self.prefixes.add(prefix, glob, id);
                } else if !suffix.is_empty() {
                    self.suffixes.add(suffix, glob, id);
                } else {
                    self.rest.push((glob.clone(), id));
                }
            }
        }
    }

    pub(crate) fn add_regex(&mut self, regex: &Regex, id: u32) {
        self.regexes.push((regex.clone(), id));
    }

    pub(crate) fn find(&self, value: &str, found: &mut dyn FnMut(u32)) {
        match self.exact.get(value) {
            None => {}
            Some(Ids::One(id)) => found(*id),
            Some(Ids::Many(ids)) => ids.iter().for_each(|id| found(*id)),
        }
        for length in &self.prefixes.lengths {
            let Some(end) = value.get(..*length as usize) else { continue };
            self.prefixes.find(end, value, found);
        }
        for length in &self.suffixes.lengths {
            let Some(start) = value.len().checked_sub(*length as usize) else { break };
            let Some(end) = value.get(start..) else { continue };
            self.suffixes.find(end, value, found);
        }
        for (glob, id) in &self.rest {
            if glob.matches(value) {
                found(*id);
            }
        }
        if self.regexes.is_empty() {
            return;
        }
        match self.automaton() {
            Some(set) if !set.is_match(value) => {}
            Some(set) => set.matches(value).iter().for_each(|i| found(self.regexes[i].1)),
            None => self.regexes.iter().filter(|(r, _)| r.is_match(value)).for_each(|(_, id)| found(*id)),
        }
    }

    fn automaton(&self) -> Option<&RegexSet> {
        if self.regexes.len() <= FEW_REGEXES {
            return None;
        }
        self.automaton
            .get_or_init(|| {
                RegexSetBuilder::new(self.regexes.iter().map(|(r, _)| r.as_str()))
                    .size_limit(REGEX_SIZE * self.regexes.len())
                    .dfa_size_limit(8 * REGEX_SIZE)
                    .build()
                    .ok()
            })
            .as_ref()
    }
}

impl Ends {
    fn add(&mut self, end: String, glob: &Glob, id: u32) {
        let length = end.len() as u32;
        if let Err(at) = self.lengths.binary_search(&length) {
            self.lengths.insert(at, length);
        }
        self.map.entry(end.into_boxed_str()).or_default().push((glob.clone(), id));
    }

    fn find(&self, end: &str, value: &str, found: &mut dyn FnMut(u32)) {
        for (glob, id) in self.map.get(end).into_iter().flatten() {
            if glob.matches(value) {
                found(*id);
            }
        }
    }
}

/// A regular expression that must match the whole text. The bare text is compiled first, so that nothing in it can reach
/// outside of the group that anchors it.
pub(crate) fn anchored(text: &str) -> Result<Regex, String> {
    let build = |t: &str| regex::RegexBuilder::new(t).size_limit(REGEX_SIZE).build();
    let short =
        |e: regex::Error| e.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    build(text).map_err(short)?;
    build(&format!("\\A(?:{text})\\z")).map_err(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_pattern_is_found() {
        let mut values = Values::default();
        let patterns = ["vim", "vim*", "*-dev", "*x*", "a*z", "vim", "v?m", "é*"];
        for (i, text) in patterns.iter().enumerate() {
            let p = if Glob::is_glob(text) {
                Pattern::Glob(Glob::new(text, None).unwrap())
            } else {
                Pattern::Exact((*text).into())
            };
            values.add(&p, i as u32);
        }
        for i in 0..6 {
            values.add_regex(&anchored(&format!("r{i}+|s")).unwrap(), 100 + i);
        }
        let found = |v: &str| {
            let mut out = Vec::new();
            values.find(v, &mut |i| out.push(i));
            out.sort_unstable();
            out
        };
        assert_eq!(found("vim"), [0, 1, 5, 6]);
        assert_eq!(found("vimx-dev"), [1, 2, 3]);
        assert_eq!(found("abz"), [4]);
        assert_eq!(found("ér"), [7]);
        assert_eq!(found("r33"), [103]);
        assert_eq!(found("s"), [100, 101, 102, 103, 104, 105]);
        assert_eq!(found(""), [] as [u32; 0]);
    }

    #[test]
    fn a_regular_expression_cannot_reach_out_of_its_anchors() {
        assert!(anchored("a)|(b").is_err());
        assert!(!anchored("a|b").unwrap().is_match("xb"));
        assert!(anchored("(?x) a # c").is_err());
    }
}
