//! TOML to [`Policy`]. All errors of all files are collected; any error means that there is no policy.

mod files;
mod predicates;
pub(crate) mod read;
mod rules;
mod sandbox;
mod sets;
pub(crate) mod tables;

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use toml::Spanned;
use toml::de::DeTable;

pub(crate) use rules::minute;

use crate::catalogue::Catalogue;
use crate::error::{LoadError, Source};
use crate::policy::{File, NamedSet, Policy};
use crate::rule::{Layer, Rule};
use files::FileTables;
use read::{At, Context, canonical, canonical_table};
use sandbox::Sandboxes;
use sets::Sets;
use tables::Tables;

/// The form of policy files that this crate reads.
const VERSION: i64 = 1;
const TOP: [&str; 10] = ["version", "defaults", "risk", "set", "caller", "door", "sandbox", "files", "rule", "test"];

pub(crate) fn load(sources: &[Source], catalogue: &dyn Catalogue) -> Result<Policy, Vec<LoadError>> {
    let mut cx = Context::new(sources, catalogue);
    let docs: Vec<Spanned<DeTable<'_>>> = sources.iter().enumerate().map(|(i, s)| parse(&mut cx, i, s)).collect();
    let (mut tables, mut sets) = (Tables::default(), Sets::default());
    let mut sandboxes = Sandboxes::new();
    let mut roots = FileTables::default();

    // Sets come first, because callers and rules name them; then what completes a rule; then the rules.
    for pass in ["set", "caller", "rest"] {
        for (file, doc) in docs.iter().enumerate() {
            for (key, node) in doc.get_ref().iter() {
                let at = At { file, node };
                match (pass, &**key.get_ref()) {
                    ("set", "set") => cx.sets(&mut sets, "", at),
                    ("caller", "caller") => cx.callers(&mut tables, &mut sets, at),
                    ("rest", "defaults") => cx.defaults(&mut tables, at),
                    ("rest", "risk") => cx.risk(&mut tables, at),
                    ("rest", "door") => cx.doors(&mut tables, at),
                    ("rest", "files") => cx.files(&mut roots, &sets, at),
                    ("rest", "sandbox") => cx.sandboxes(&mut sandboxes, at),
                    ("rest", "version") => drop(cx.number(at, VERSION..VERSION + 1)),
                    ("rest", name) if !TOP.contains(&name) => cx.unknown_key(file, key, &TOP),
                    _ => {}
                }
            }
        }
    }

    let settled = tables.settle();
    let mut rules: Vec<Rule> = Vec::new();
    let mut tests = Vec::new();
    let mut ids: BTreeMap<(Layer, Arc<str>), ()> = BTreeMap::new();
    let mut texts: Vec<(Layer, Arc<str>, String)> = Vec::new();
    for (file, doc) in docs.iter().enumerate() {
        for (key, node) in doc.get_ref().iter() {
            let at = At { file, node };
            match &**key.get_ref() {
                "rule" => {
                    for one in cx.tables(at) {
                        let Some(rule) = cx.rule(&tables, &mut sets, &sandboxes, settled.defaults.confirm, one) else {
                            continue;
                        };
                        if ids.insert((rule.layer, rule.id.clone()), ()).is_some() {
                            let message = format!("the rule `{}` is there twice in this layer", rule.id);
                            cx.error(file, rule.at as usize, message);
                        }
                        let mut text = String::new();
                        if let Some(table) = one.node.get_ref().as_table() {
                            canonical_table(table, &["match", "not_match"], &mut text);
                        }
                        texts.push((rule.layer, rule.id.clone(), text));
                        rules.push(rule);
                    }
                }
                "test" => {
                    for one in cx.tables(at) {
                        tests.extend(cx.test_case(&tables, one));
                    }
                }
                _ => {}
            }
        }
    }
    if !cx.errors.is_empty() {
        cx.errors.sort();
        cx.errors.dedup();
        return Err(cx.errors);
    }

    let hash = hash(&cx, &docs, texts);
    rules.sort_by(|a, b| (a.layer, &a.id).cmp(&(b.layer, &b.id)));
    let files = sources.iter().map(|s| File::new(&s.name, &s.text)).collect();
    let sets = sets
        .defs
        .into_iter()
        .map(|((layer, name), def)| NamedSet::new(layer, name, def.values.into_iter().map(|(v, _)| v).collect()))
        .collect();
    let callers = tables.callers.into_values().collect();
    let mut policy =
        Policy::assemble(rules, settled.baseline, settled.defaults, settled.doors, callers, sets, tests, files, hash);
    policy.roots = roots.settle();
    // Sorted by layer: of two of one name the higher layer's is found first.
    policy.sandboxes = sandboxes.into_iter().map(|((layer, _), profile)| (layer, profile)).collect();
    Ok(policy)
}

fn parse<'s>(cx: &mut Context<'s>, file: usize, source: &'s Source) -> Spanned<DeTable<'s>> {
    let (doc, errors) = DeTable::parse_recoverable(&source.text);
    let syntax = !errors.is_empty();
    for e in errors {
        cx.error(file, e.span().map_or(0, |s| s.start), e.message().replace('\n', "; "));
    }
    if syntax {
        // What could not be read as TOML would only make further errors.
        return Spanned::new(0..0, DeTable::new());
    }
    if doc.get_ref().is_empty() {
        cx.error(file, 0, "the file is empty");
    } else if !doc.get_ref().contains_key("version") {
        cx.error(file, 0, format!("the file does not begin with `version = {VERSION}`"));
    }
    doc
}

/// SHA-256 over what the files mean, whatever their order and layout.
fn hash(cx: &Context<'_>, docs: &[Spanned<DeTable<'_>>], mut rules: Vec<(Layer, Arc<str>, String)>) -> String {
    let mut parts = Vec::new();
    for (file, doc) in docs.iter().enumerate() {
        for (key, value) in doc.get_ref().iter() {
            let name = &**key.get_ref();
            if matches!(name, "version" | "rule" | "test") {
                continue;
            }
            for (sub, value) in value.get_ref().as_table().into_iter().flat_map(|t| t.iter()) {
                let mut text = format!("{}.{name}.{}=", cx.layer(file).name(), sub.get_ref());
                canonical(value.get_ref(), &mut text);
                parts.push(text);
            }
        }
    }
    parts.sort_unstable();
    rules.sort_unstable();
    let mut sha = Sha256::new();
    for part in &parts {
        sha.update((part.len() as u64).to_le_bytes());
        sha.update(part);
    }
    for (layer, id, text) in &rules {
        sha.update(format!("{}.rule.{id}:{}:", layer.name(), text.len()));
        sha.update(text);
    }
    sha.finalize().iter().map(|b| format!("{b:02x}")).collect()
}
