//! Named sets and the lists in rules, compiled for what they are compared with.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::read::{At, Context};
use crate::glob::Glob;
use crate::predicate::PathPattern;
use crate::rule::Layer;
use crate::suggest::nearest;
use crate::url_fact::host_pattern;
use crate::values::{Pattern, Patterns};

/// What the elements of a set are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Texts and globs.
    Text,
    /// Texts as they are.
    Plain,
    /// Globs in which `*` stays between slashes.
    File,
    Host,
}

/// A `[set]` entry.
#[derive(Debug)]
pub(super) struct SetDef {
    pub(super) values: Vec<(String, usize)>,
    file: usize,
}

#[derive(Debug, Default)]
pub(super) struct Sets {
    pub(super) defs: BTreeMap<(Layer, String), SetDef>,
    compiled: BTreeMap<(Layer, String, Kind), Arc<Patterns>>,
}

impl Sets {
    fn find(&self, layer: Layer, name: &str) -> Option<(Layer, &SetDef)> {
        Layer::ALL
            .into_iter()
            .rev()
            .filter(|l| *l <= layer)
            .find_map(|l| self.defs.get(&(l, name.to_owned())).map(|d| (l, d)))
    }

    fn missing(&self, cx: &mut Context<'_>, file: usize, at: usize, layer: Layer, name: &str) {
        let known = self.defs.keys().filter(|(l, _)| *l <= layer).map(|(_, n)| n.as_str());
        let hint = nearest(name, known).map(|n| format!("@{n}"));
        cx.error_hint(file, at, format!("there is no set `@{name}` in this layer or above"), hint);
    }

    /// The patterns of a list; `@name` stands for the elements of that set.
    pub(super) fn compile(
        &self,
        cx: &mut Context<'_>,
        file: usize,
        kind: Kind,
        texts: &[(&str, usize)],
    ) -> Option<Vec<Pattern>> {
        let layer = cx.layer(file);
        let mut out = Vec::with_capacity(texts.len());
        let mut good = true;
        for (text, at) in texts {
            if kind == Kind::Plain || !text.starts_with('@') {
                match pattern(kind, text) {
                    Ok(p) => out.push(p),
                    Err(e) => {
                        cx.error(file, *at, e);
                        good = false;
                    }
                }
                continue;
            }
            let Some((_, def)) = self.find(layer, &text[1..]) else {
                self.missing(cx, file, *at, layer, &text[1..]);
                good = false;
                continue;
            };
            for (value, at) in &def.values {
                match pattern(kind, value) {
                    Ok(p) => out.push(p),
                    Err(e) => {
                        cx.error(def.file, *at, e);
                        good = false;
                    }
                }
            }
        }
        good.then_some(out)
    }

    /// As [`Sets::compile`], with one copy for everybody who names the same set.
    pub(super) fn shared(
        &mut self,
        cx: &mut Context<'_>,
        file: usize,
        kind: Kind,
        texts: &[(&str, usize)],
    ) -> Option<Arc<Patterns>> {
        if let [(text, _)] = texts
            && let Some(name) = text.strip_prefix('@')
            && kind != Kind::Plain
            && let Some((layer, _)) = self.find(cx.layer(file), name)
        {
            let key = (layer, name.to_owned(), kind);
            if let Some(set) = self.compiled.get(&key) {
                return Some(set.clone());
            }
            let set = Arc::new(Patterns::named(name, self.compile(cx, file, kind, texts)?));
            self.compiled.insert(key, set.clone());
            return Some(set);
        }
        Some(Arc::new(Patterns::new(self.compile(cx, file, kind, texts)?)))
    }

    pub(super) fn paths(
        &self,
        cx: &mut Context<'_>,
        file: usize,
        globs: bool,
        texts: &[(&str, usize)],
    ) -> Option<Arc<[PathPattern]>> {
        let layer = cx.layer(file);
        let mut out = Vec::new();
        let mut good = true;
        for (text, at) in texts {
            let values: Vec<(&str, usize, usize)> = match text.strip_prefix('@') {
                None => vec![(text, file, *at)],
                Some(name) => match self.find(layer, name) {
                    Some((_, def)) => def.values.iter().map(|(v, at)| (v.as_str(), def.file, *at)).collect(),
                    None => {
                        self.missing(cx, file, *at, layer, name);
                        good = false;
                        continue;
                    }
                },
            };
            for (value, file, at) in values {
                match PathPattern::new(value, globs) {
                    Ok(p) => out.push(p),
                    Err(e) => {
                        cx.error(file, at, e);
                        good = false;
                    }
                }
            }
        }
        good.then(|| out.into())
    }
}

fn pattern(kind: Kind, text: &str) -> Result<Pattern, String> {
    match kind {
        Kind::Plain => Ok(Pattern::Exact(text.into())),
        Kind::Text if Glob::is_glob(text) => Glob::new(text, None).map(Pattern::Glob),
        Kind::File if Glob::is_glob(text) => Glob::new(text, Some(b'/')).map(Pattern::Glob),
        Kind::Text | Kind::File => Ok(Pattern::Exact(text.into())),
        Kind::Host => {
            let text = host_pattern(text)?;
            match text.strip_prefix("*.") {
                None if !text.contains('*') => Ok(Pattern::Exact(text.into())),
                // Below a domain, at any depth.
                Some(tail) if !tail.contains('*') => Glob::new(&text, None).map(Pattern::Glob),
                Some(tail) => Glob::new(&format!("*.**.{tail}"), Some(b'.')).map(Pattern::Glob),
                None => Glob::new(&text, Some(b'.')).map(Pattern::Glob),
            }
        }
    }
}

impl<'s> Context<'s> {
    /// `[set]`: names may have dots, so tables in it are parts of names.
    pub(super) fn sets(&mut self, sets: &mut Sets, prefix: &str, at: At<'_, 's>) {
        let layer = self.layer(at.file);
        for (key, node) in self.table(at).into_iter().flat_map(|t| t.iter()) {
            let own = At { file: at.file, node };
            let name =
                if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
            if node.get_ref().is_table() {
                self.sets(sets, &name, own);
                continue;
            }
            let Some(texts) = self.texts(own) else { continue };
            for (text, start) in &texts {
                if text.starts_with('@') {
                    self.error(at.file, *start, format!("`{text}`: a set cannot contain a set"));
                }
            }
            let values = texts.into_iter().map(|(t, at)| (t.to_owned(), at)).collect();
            let def = SetDef { values, file: at.file };
            if sets.defs.insert((layer, name.clone()), def).is_some() {
                self.error(at.file, key.span().start, format!("the set `@{name}` is there twice in this layer"));
            }
        }
    }
}
