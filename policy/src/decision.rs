//! What becomes of a request: decisions as a lattice, what a confirmation must satisfy, and the verdict with its reasons.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Who may answer a held request, weakest first.
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
