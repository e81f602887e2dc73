//! Where files are read and written without more ado: the roots of `[files]`. Beyond them an action on a file is one that asks.
//! Data only; opening files, and what a file is by its name and owner, is the agent's business.

use std::sync::Arc;

use crate::facts::{Arg, Step, Surroundings};
use crate::predicate::{PathPattern, any_path};
use crate::risk::Risk;

/// The class of harm that an action on a file outside the roots has at the least.
pub const OUTSIDE: Risk = Risk::Disruptive;

/// The names of the actions that the roots are about.
pub(crate) const READS: &str = "read_file";
pub(crate) const WRITES: &str = "write_file";

/// Some folders.
pub(crate) type Folders = Arc<[PathPattern]>;

/// The roots of all layers. A path must be beneath one of each list, and match none of what is left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roots {
    /// The lists that must all have it; none at all has nothing.
    pub(crate) read: Vec<Folders>,
    pub(crate) write: Vec<Folders>,
    pub(crate) except: Vec<Folders>,
}

impl Roots {
    /// The class of harm of a step: at least [`OUTSIDE`] where its file is not beneath the roots, or cannot be known to be.
    pub(crate) fn raised(&self, step: &Step<'_>, s: &dyn Surroundings) -> Risk {
        let lists = match step.action {
            READS => &self.read,
            WRITES => &self.write,
            _ => return step.risk,
        };
        let path = step.args.iter().find_map(|(_, arg)| match arg {
            Arg::Path(fact) => Some(fact.path.as_str()),
            _ => None,
        });
        // A root itself is no file beneath it.
        let beneath = |p: &PathPattern, path: &str| p.spans(path) && !p.is(path);
        let has = |l: &Folders, path: &str| any_path(l, path, s, beneath) == Some(true);
        let left_out = |path: &str| self.except.iter().any(|e| any_path(e, path, s, PathPattern::spans) != Some(false));
        match path {
            Some(path) if !lists.is_empty() && lists.iter().all(|l| has(l, path)) && !left_out(path) => step.risk,
            _ => step.risk.max(OUTSIDE),
        }
    }
}
