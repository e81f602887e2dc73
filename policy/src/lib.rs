//! The decision engine of Steward: the facts of a request and a policy in, a [`Verdict`] with its reasons out.
//!
//! This crate deliberately has no IO, no clock and no async: files are read, time is told and callers are looked up by
//! whoever asks, through [`Surroundings`]. A decision is total: whatever the facts, there is a verdict.

#![warn(missing_docs)]

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How much harm an action can do, mildest first. It comes from the action catalogue, never from the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Reads only.
    Observe,
    /// Writes something of Steward's own that harms nobody, such as a note.
    Low,
    /// Changes the machine and can be put back at once, such as the volume.
    Reversible,
    /// Interrupts work or is slow to put back, such as installing a package.
    Disruptive,
    /// Loses something: unsaved work, a package with its settings.
    Destructive,
    /// Can make the machine unusable.
    Critical,
}

impl Risk {
    /// All classes, mildest first.
    pub const ALL: [Risk; 6] =
        [Risk::Observe, Risk::Low, Risk::Reversible, Risk::Disruptive, Risk::Destructive, Risk::Critical];

    /// The name used in policies, replies and documents.
    pub fn name(self) -> &'static str {
        match self {
            Risk::Observe => "observe",
            Risk::Low => "low",
            Risk::Reversible => "reversible",
            Risk::Disruptive => "disruptive",
            Risk::Destructive => "destructive",
            Risk::Critical => "critical",
        }
    }

    /// The class above, or the same at the top.
    pub fn raised(self) -> Risk {
        Risk::ALL[(self as usize + 1).min(Risk::ALL.len() - 1)]
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who may answer a held request, weakest first (`design: Assurance`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Assurance {
    /// A peer with the owner's uid, the requester itself included.
    Requester,
    /// A person at the seat who is not the requesting process or its offspring.
    Desktop,
    /// Somebody who proved to be the user or an administrator.
    Authenticated,
}

/// How long an approval may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum GrantLength {
    /// This request only.
    #[serde(rename = "once")]
    Once,
    /// The logind session, else the connection; at most 12 hours.
    #[serde(rename = "session")]
    Session,
    /// One hour.
    #[serde(rename = "1h")]
    Hour,
    /// Eight hours.
    #[serde(rename = "8h")]
    EightHours,
    /// Until somebody revokes it.
    #[serde(rename = "until_revoked", alias = "until-revoked")]
    UntilRevoked,
}

/// A set of [`GrantLength`]s; joining two verdicts intersects them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct GrantSet(u8);

impl GrantSet {
    /// Every length.
    pub const ALL: GrantSet = GrantSet(0b1_1111);
    /// None at all.
    pub const NONE: GrantSet = GrantSet(0);
    /// Only this once.
    pub const ONCE: GrantSet = GrantSet(1);

    /// The set of these lengths.
    pub fn of(lengths: &[GrantLength]) -> GrantSet {
        GrantSet(lengths.iter().fold(0, |bits, l| bits | 1 << *l as u8))
    }

    /// Whether `length` is in the set.
    pub fn contains(self, length: GrantLength) -> bool {
        self.0 & (1 << length as u8) != 0
    }

    /// What both sets allow.
    pub fn and(self, other: GrantSet) -> GrantSet {
        GrantSet(self.0 & other.0)
    }

    /// The lengths in it, shortest first.
    pub fn iter(self) -> impl Iterator<Item = GrantLength> {
        use GrantLength::{EightHours, Hour, Once, Session, UntilRevoked};
        [Once, Session, Hour, EightHours, UntilRevoked].into_iter().filter(move |l| self.contains(*l))
    }
}

impl fmt::Debug for GrantSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What a confirmation must satisfy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Requirements {
    /// Who may answer at the least.
    pub assurance: Assurance,
    /// How long the request stays open, in seconds.
    pub ttl: u32,
    /// How long an approval may last.
    pub grants: GrantSet,
    /// Whether the person must have been shown a preview.
    pub preview: bool,
}

/// What becomes of a request. Stricter is greater: `ok < confirm < deny`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// It runs.
    Ok,
    /// It runs after a person said yes.
    Confirm(Requirements),
    /// It does not run.
    Deny,
}

impl Decision {
    /// The stricter of two decisions; of two confirmations the higher assurance, the shorter time to live, the smaller
    /// set of grants, and a preview if either asks for one. Commutative, associative, idempotent.
    #[must_use]
    pub fn join(self, other: Decision) -> Decision {
        match (self, other) {
            (Decision::Deny, _) | (_, Decision::Deny) => Decision::Deny,
            (Decision::Ok, d) | (d, Decision::Ok) => d,
            (Decision::Confirm(a), Decision::Confirm(b)) => Decision::Confirm(Requirements {
                assurance: a.assurance.max(b.assurance),
                ttl: a.ttl.min(b.ttl),
                grants: a.grants.and(b.grants),
                preview: a.preview || b.preview,
            }),
        }
    }

    /// Whether `self` asks for anything that `other` does not.
    pub fn stricter_than(self, other: Decision) -> bool {
        self.join(other) != other
    }

    /// `ok`, `confirm` or `deny`.
    pub fn name(self) -> &'static str {
        match self {
            Decision::Ok => "ok",
            Decision::Confirm(_) => "confirm",
            Decision::Deny => "deny",
        }
    }
}

/// Whom a rate limit counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Per {
    /// Each uid.
    Uid,
    /// Each `[caller]` name and uid.
    Caller,
    /// Each action, whoever asks.
    Action,
}

/// One rate limit of a rule that matched; the gate counts a release under it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LimitUse {
    /// The rule's id.
    pub rule: Arc<str>,
    /// Whom it counts together.
    pub per: Per,
    /// The `[caller]` name for [`Per::Caller`], else empty.
    pub caller: Arc<str>,
    /// The action's name for [`Per::Action`], else empty.
    pub action: Arc<str>,
    /// How far back it counts.
    pub window: Duration,
}

/// How often something was released within a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Released {
    /// How many times.
    pub count: u32,
    /// How long until the oldest of them leaves the window.
    pub oldest_leaves_in: Duration,
}

/// The verdict on a plan: the decision and why it is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of it.
    pub decision: Decision,
    /// The id of the deciding rule; `risk.<class>` for the baseline, `defaults.unmatched`, or `policy.broken`.
    pub rule: Arc<str>,
    /// The rule's reason.
    pub why: Option<Arc<str>>,
    /// What to do instead.
    pub instead: Option<Arc<str>>,
    /// The limits under which a release counts.
    pub limits: Vec<LimitUse>,
    /// Set when a rate limit decided: how long until the next is possible.
    pub retry_after: Option<Duration>,
    /// Whether a matching `confirm` or `deny` was a floor, which no grant and no layer relaxes.
    pub floor: bool,
}

/// One step of a plan, as the policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The action's name in the catalogue.
    pub action: &'a str,
    /// Its risk class, already raised where its facts say so.
    pub risk: Risk,
    /// Its arguments by name.
    pub args: &'a [(&'a str, Arg<'a>)],
}

/// One argument of a step.
#[derive(Clone, Copy, Debug)]
pub enum Arg<'a> {
    /// A string or a word of an enumeration.
    Text(&'a str),
    /// A whole number.
    Number(i64),
    /// A list; every element is judged by itself.
    List(&'a [String]),
    /// A path that was opened for judging.
    Path(&'a PathFact),
    /// A URL that was parsed.
    Url(&'a UrlFact),
    /// A command: program first.
    Argv(&'a [String]),
    /// It is there, but it could not be read: matches no `ok`, and every `confirm` and `deny`.
    Unknown,
}

/// What is known of a path that was opened with `O_PATH`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathFact {
    /// The absolute path without links.
    pub path: String,
    /// `file`, `folder`, `link`, `other` or `missing`.
    pub kind: String,
    /// The owner's uid, when it exists.
    pub owner: Option<u32>,
}

/// A moment as a clock on the wall shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// 0 is Monday, 6 is Sunday.
    pub weekday: u8,
    /// Minutes since midnight, 0 to 1439.
    pub minute: u16,
}

/// What judging may ask about the caller and the moment. Every answer may be unknown (`None`): then the fact matches no
/// `ok` rule and no exception, and every `confirm` and `deny`.
pub trait Surroundings {
    /// The caller's uid.
    fn uid(&self) -> Option<u32>;
    /// The caller's primary gid.
    fn gid(&self) -> Option<u32>;
    /// The caller's process id; 0 when it is in another pid namespace.
    fn pid(&self) -> Option<u32>;
    /// The caller's executable.
    fn exe(&self) -> Option<&str>;
    /// The caller's system unit.
    fn unit(&self) -> Option<&str>;
    /// The caller's unit in its user manager.
    fn user_unit(&self) -> Option<&str>;
    /// The door it came in by, such as `ndjson`.
    fn door(&self) -> &str;
    /// The name of the listening socket.
    fn socket(&self) -> Option<&str>;
    /// Whether the caller's session is locked.
    fn locked(&self) -> Option<bool>;
    /// The wall clock in `zone`, or in the machine's zone.
    fn local_time(&self, zone: Option<&str>) -> Option<LocalTime>;
    /// How often something was released under `limit`.
    fn released(&self, limit: &LimitUse) -> Option<Released>;
    /// The home folder of the represented user, for `~`.
    fn home(&self) -> Option<&str>;
}

/// A URL as the policy sees it (placeholder until `url.rs`).
#[derive(Clone, Debug)]
pub struct UrlFact {
    /// The parsed URL.
    pub url: url::Url,
}
