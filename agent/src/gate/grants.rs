//! Standing approvals: what a person at the desk allowed for longer than once.
//!
//! A grant discharges a `confirm` for its scope until it ends. It is never a rule: a deny stays a deny.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_policy::{GrantLength, OwnedArg, Policy, Requirements};
use uuid::Uuid;

use super::judge::Subject;
use super::record::{Approver, Asker, Needs, digest};
use crate::action::types::listed;
use crate::caller::Door;
use crate::clock::Moment;

/// The longest that a grant for a session lasts.
const SESSION_HOURS: i64 = 12;
/// How many grants a uid may have.
pub const MAX_GRANTS: usize = 256;

/// What a grant covers, beside its action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Scope {
    /// The same arguments.
    Exact {
        /// Digest of the arguments as rules see them.
        key: String,
    },
    /// Any of these in a list argument.
    Items {
        /// The argument.
        arg: String,
        /// The values.
        values: Vec<String>,
    },
    /// Anything in a set of the policy.
    Set {
        /// The argument.
        arg: String,
        /// The set's name, without `@`.
        set: String,
    },
}

impl Scope {
    /// Whether `subject` lies within it.
    fn covers(&self, subject: &Subject, policy: &Policy) -> bool {
        let list = |name: &str| match subject.facts.iter().find(|(n, _)| *n == name) {
            Some((_, OwnedArg::List(values))) if !values.is_empty() => Some(values),
            _ => None,
        };
        match self {
            Scope::Exact { key } => *key == key_of(subject),
            Scope::Items { arg, values } => list(arg).is_some_and(|asked| asked.iter().all(|a| values.contains(a))),
            Scope::Set { arg, set } => {
                list(arg).is_some_and(|asked| policy.set(set).is_some_and(|s| asked.iter().all(|a| s.contains(a))))
            }
        }
    }
}

/// A digest of a subject's arguments.
fn key_of(subject: &Subject) -> String {
    let facts: Vec<Value> = subject.facts.iter().map(|(n, a)| json!([n, format!("{a:?}")])).collect();
    digest(&json!([subject.action, facts]))
}

/// The scopes that are offered for a request, each with a sentence; the first is the narrowest.
pub fn offers(subjects: &[Subject], policy: &Policy) -> Vec<(Scope, String)> {
    let [subject] = subjects else { return Vec::new() };
    let mut offers = Vec::new();
    for (arg, value) in &subject.facts {
        let OwnedArg::List(values) = value else { continue };
        let scope = Scope::Items { arg: (*arg).to_owned(), values: values.clone() };
        offers.push((scope, format!("{} only", listed(values))));
        for set in policy.sets().iter().filter(|s| values.iter().all(|v| s.contains(v))) {
            let name = set.name().to_string();
            let offer = (Scope::Set { arg: (*arg).to_owned(), set: name.clone() }, format!("anything in @{name}"));
            if !offers.contains(&offer) {
                offers.push(offer);
            }
        }
    }
    if offers.is_empty() {
        offers.push((Scope::Exact { key: key_of(subject) }, "this very request only".to_owned()));
    }
    offers
}

/// A standing approval.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// Its id.
    pub id: Uuid,
    /// Whose requests it is for.
    pub owner: u32,
    /// The door that they come in by.
    pub door: Door,
    /// The system unit of the requester.
    pub unit: Option<String>,
    /// The action.
    pub action: String,
    /// What it covers.
    pub scope: Scope,
    /// The same in words.
    pub covers: String,
    /// The machine's name.
    pub host: String,
    /// How long it lasts.
    pub length: GrantLength,
    /// The requester's logind session, for [`GrantLength::Session`].
    pub session: Option<String>,
    /// The requester's connection, for [`GrantLength::Session`] without a logind session.
    #[serde(skip)]
    pub connection: Option<u64>,
    /// The level at which it was given.
    pub needs: Needs,
    /// Who gave it.
    pub approver: Approver,
    /// The boot in which it was given.
    pub boot_id: String,
    /// Milliseconds since boot when it was given.
    pub boot_ms: i64,
    /// Milliseconds since 1970 when it was given.
    pub wall_ms: i64,
    /// How often it was used.
    #[serde(default)]
    pub uses: u32,
}

impl Grant {
    /// Whether its time is over.
    pub fn ended(&self, now: &Moment) -> bool {
        let hours = match self.length {
            GrantLength::Once => return true,
            GrantLength::Session => SESSION_HOURS,
            GrantLength::Hour => 1,
            GrantLength::EightHours => 8,
            GrantLength::UntilRevoked => return false,
        };
        let ms = hours * 3_600_000;
        *now.boot_id != *self.boot_id || now.boot_ms - self.boot_ms > ms || now.wall_ms > self.wall_ms + ms
    }

    /// Whether it discharges `requirements` for `subject` when `asker` asks.
    pub fn discharges(
        &self,
        asker: &Asker,
        subject: &Subject,
        requirements: &Requirements,
        policy: &Policy,
        host: &str,
        now: &Moment,
    ) -> bool {
        let same_session = self.length != GrantLength::Session
            || match &self.session {
                Some(session) => asker.session.as_ref() == Some(session),
                None => self.connection.is_some() && self.connection == asker.connection,
            };
        self.owner == asker.uid
            && !asker.foreign
            && self.door == asker.door
            && self.unit == asker.unit
            && self.action == subject.action
            && self.host == host
            && same_session
            && !self.ended(now)
            // A policy that got stricter suspends it.
            && requirements.grants.contains(self.length)
            && self.approver.assurance >= requirements.assurance
            && self.scope.covers(subject, policy)
    }

    /// As `grants_list` shows it.
    pub fn shown(&self) -> Value {
        json!({
            "id": self.id, "owner": self.owner, "action": self.action, "covers": self.covers, "length": self.length,
            "door": self.door, "unit": self.unit, "uses": self.uses, "given": crate::clock::rfc3339(self.wall_ms),
            "approver": self.approver,
        })
    }
}
