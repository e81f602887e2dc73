//! `[files]`: the roots beneath which files are read and written.

use super::read::{At, Context};
use super::sets::Sets;
use crate::files::{Folders, Roots};
use crate::predicate::PathPattern;
use crate::rule::Layer;

/// The tables of all files, by layer.
#[derive(Debug, Default)]
pub(super) struct FileTables {
    layers: [LayerFiles; 3],
}

#[derive(Debug, Default)]
struct LayerFiles {
    there: bool,
    read: Option<Folders>,
    write: Option<Folders>,
    except: Vec<Folders>,
}

/// What holds while no admin or vendor file has the table: what `desktop.toml` says.
const BUILT_IN: [&str; 3] = ["~", "/tmp", "."];
const BUILT_IN_EXCEPT: [&str; 2] = ["~/.*", "~/.*/**"];

impl<'s> Context<'s> {
    pub(super) fn files(&mut self, found: &mut FileTables, sets: &Sets, at: At<'_, 's>) {
        const KEYS: [&str; 3] = ["read", "write", "except"];
        let layer = self.layer(at.file) as usize;
        found.layers[layer].there = true;
        for (key, node) in self.table(at).into_iter().flat_map(|t| t.iter()) {
            let at = At { file: at.file, node };
            let name: &str = key.get_ref();
            match name {
                "except" => {
                    let texts = self.texts(at).unwrap_or_default();
                    let paths = sets.paths(self, at.file, true, &texts);
                    found.layers[layer].except.extend(paths);
                }
                "read" | "write" => {
                    let texts = self.texts(at).unwrap_or_default();
                    let folders = sets.paths(self, at.file, false, &texts);
                    let own = &mut found.layers[layer];
                    let slot = if name == "read" { &mut own.read } else { &mut own.write };
                    if slot.is_some() {
                        self.error(at.file, key.span().start, format!("`{name}` is there twice in this layer"));
                    } else {
                        *slot = folders;
                    }
                }
                _ => self.unknown_key(at.file, key, &KEYS),
            }
        }
    }
}

impl FileTables {
    /// For each list the highest of the admin's and the vendor's layers that has it decides; the user's must have a path too. What
    /// any layer leaves out is left out.
    pub(super) fn settle(self) -> Roots {
        let [admin, vendor, user] = self.layers;
        debug_assert_eq!((Layer::Admin as usize, Layer::User as usize), (0, 2));
        let mut roots = Roots::default();
        if admin.there || vendor.there {
            roots.read.extend(admin.read.or(vendor.read));
            roots.write.extend(admin.write.or(vendor.write));
        } else {
            let built_in = patterns(&BUILT_IN, false);
            roots.read.extend(built_in.clone());
            roots.write.extend(built_in);
            roots.except.extend(patterns(&BUILT_IN_EXCEPT, true));
        }
        // What the user says tightens what there is; it makes nothing of nothing.
        if !roots.read.is_empty() {
            roots.read.extend(user.read);
        }
        if !roots.write.is_empty() {
            roots.write.extend(user.write);
        }
        roots.except.extend(admin.except.into_iter().chain(vendor.except).chain(user.except));
        roots
    }
}

/// Constants, which a test of the shipped policies reads.
fn patterns(texts: &[&str], globs: bool) -> Option<Folders> {
    let all: Result<Vec<PathPattern>, String> = texts.iter().map(|t| PathPattern::new(t, globs)).collect();
    Some(all.ok()?.into())
}
