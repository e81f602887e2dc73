//! The decision engine of Steward: the facts of a request and a policy in, a [`Verdict`] with its reasons out.
//!
//! This crate deliberately has no IO, no clock and no async: files are read, time is told and callers are looked up by
//! whoever asks, through [`Surroundings`]. A decision is total: whatever the facts, there is a verdict.

#![warn(missing_docs)]

mod catalogue;
mod check;
mod dead;
mod decide;
mod decision;
mod error;
mod explain;
mod facts;
mod files;
mod glob;
mod import;
mod index;
mod load;
mod policy;
mod predicate;
mod risk;
mod rule;
mod sandbox;
pub mod shipped;
mod suggest;
mod url_fact;
mod values;

pub use catalogue::{ActionInfo, ArgKind, Catalogue};
pub use check::{Coverage, Finding, Severity, Staged, TestResult};
pub use decide::MAX_PAIRS;
pub use decision::{Assurance, Decision, GrantLength, GrantSet, LimitUse, Per, Released, Requirements, Verdict};
pub use error::{LoadError, Source};
pub use explain::{Considered, Explanation};
pub use facts::{Arg, LocalTime, OwnedArg, OwnedStep, PathFact, Step, Surroundings, with_steps};
pub use files::OUTSIDE;
pub use import::{ImportError, import};
pub use policy::{ANSWERS_WHEN_BROKEN, Defaults, NamedSet, NoApprover, Policy};
pub use risk::Risk;
pub use rule::Layer;
pub use sandbox::{
    BUILT_IN_SANDBOXES, SANDBOX_LIMITS, STRICT_SANDBOXES, SandboxFiles, SandboxGroup, SandboxLimits, SandboxProfile,
    SandboxPrograms, is_never_set,
};
pub use url_fact::{MAX_URL, UrlError, UrlFact, public_suffix};

/// A date with a time, such as `2026-03-02T09:00:00`, as weekday and minute; no zone is looked at.
pub fn moment(text: &str) -> Option<LocalTime> {
    let (date, time) = text.split_once(['T', ' '])?;
    let mut parts = date.split('-').map(|p| p.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if parts.next().is_some() || !(1970..=9999).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    // Days since 1970-01-01, a Thursday, with the year beginning in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 719_469;
    Some(LocalTime { weekday: ((days + 3) % 7) as u8, minute: load::minute(time)? })
}
