//! Standing approvals: what a person at the desk allowed for longer than once.
//!
//! A grant discharges a `confirm` for its scope until it ends. It is never a rule: a deny stays a deny.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_policy::{GrantLength, Layer, NamedSet, OwnedArg, Policy, Requirements, Risk};
use uuid::Uuid;

use super::judge::Subject;
use super::record::{Approver, Asker, Needs, digest};
use crate::action::Action;
use crate::action::types::listed;
use crate::caller::Door;
use crate::clock::Moment;
use crate::request::Plan;

/// The longest that a grant for a session lasts.
const SESSION_HOURS: i64 = 12;
/// How many grants a uid may have.
pub const MAX_GRANTS: usize = 256;

/// What a grant covers, beside its action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The class of harm of the request that it was given for; anything worse lies outside. A journal of before this was
    /// written down covers what only looks.
    #[serde(default = "mildest")]
    pub risk: Risk,
    /// The arguments.
    #[serde(flatten)]
    pub what: Extent,
}

/// Which arguments a grant covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Extent {
    /// The same arguments.
    Exact {
        /// Digest of the action's name and all of its arguments.
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
        /// Digest of the set's elements; with other elements the grant is suspended.
        #[serde(default)]
        content: String,
    },
}

fn mildest() -> Risk {
    Risk::Observe
}

/// A subject and the arguments that it stands for.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// As rules see it.
    pub subject: &'a Subject,
    /// The action's arguments, all of them; null for what a preview brought up and nobody asked for.
    pub args: Value,
}

impl<'a> Asked<'a> {
    /// The subjects of `plan` with its arguments: the steps first, in their order, then what their preview implies.
    pub fn of(plan: &Plan, subjects: &'a [Subject]) -> Vec<Asked<'a>> {
        let args = plan.steps.iter().map(Action::args).chain(std::iter::repeat(Value::Null));
        subjects.iter().zip(args).map(|(subject, args)| Asked { subject, args }).collect()
    }

    /// A digest of the action's name and all of its arguments.
    fn key(&self) -> String {
        digest(&json!([self.subject.action, self.args]))
    }

    /// Whether it would restore what was there before: that is more than its names say.
    fn puts_back(&self) -> bool {
        !matches!(&self.args["back"], Value::Null | Value::Bool(false))
    }

    fn list(&self, name: &str) -> Option<&Vec<String>> {
        match self.subject.facts.iter().find(|(n, _)| *n == name) {
            Some((_, OwnedArg::List(values))) if !values.is_empty() => Some(values),
            _ => None,
        }
    }
}

impl Scope {
    /// Whether what is asked lies within it.
    fn covers(&self, asked: &Asked<'_>, policy: &Policy) -> bool {
        if asked.subject.risk > self.risk {
            return false;
        }
        match &self.what {
            Extent::Exact { key } => *key == asked.key(),
            _ if asked.puts_back() => false,
            Extent::Items { arg, values } => asked.list(arg).is_some_and(|all| all.iter().all(|a| values.contains(a))),
            Extent::Set { arg, set, content } => asked.list(arg).is_some_and(|all| {
                let sets =
                    policy.sets().iter().filter(|s| **s.name() == **set && trusted(s) && content_of(s) == *content);
                let mut sets = sets.filter(|s| all.iter().all(|a| s.contains(a)));
                sets.next().is_some()
            }),
        }
    }
}

/// Whether grants may be for a set: those of the user's own files change with whatever writes there.
fn trusted(set: &NamedSet) -> bool {
    matches!(set.layer(), Layer::Admin | Layer::Vendor)
}

/// A digest of a set's layer and elements.
fn content_of(set: &NamedSet) -> String {
    let mut values: Vec<&String> = set.values().iter().collect();
    values.sort_unstable();
    values.dedup();
    digest(&json!([set.layer().name(), values]))
}

/// The scopes that are offered for subjects whose arguments are what rules see of them.
pub fn offers(subjects: &[Subject], policy: &Policy) -> Vec<(Scope, String)> {
    let args = |s: &Subject| {
        let value = |arg: &OwnedArg| match arg {
            OwnedArg::Text(text) => json!(text),
            OwnedArg::List(values) => json!(values),
            other => json!(format!("{other:?}")),
        };
        s.facts.iter().map(|(name, arg)| ((*name).to_owned(), value(arg))).collect::<serde_json::Map<_, _>>()
    };
    let asked: Vec<Asked<'_>> = subjects.iter().map(|s| Asked { subject: s, args: Value::Object(args(s)) }).collect();
    offers_for(&asked, policy)
}

/// The scopes that are offered for a request, each with a sentence; the first is the narrowest.
pub fn offers_for(asked: &[Asked<'_>], policy: &Policy) -> Vec<(Scope, String)> {
    let [asked] = asked else { return Vec::new() };
    let risk = asked.subject.risk;
    let mut offers = Vec::new();
    for (arg, value) in asked.subject.facts.iter().filter(|_| !asked.puts_back()) {
        let OwnedArg::List(values) = value else { continue };
        let what = Extent::Items { arg: (*arg).to_owned(), values: values.clone() };
        offers.push((Scope { risk, what }, format!("{} only", listed(values))));
        for set in policy.sets().iter().filter(|s| trusted(s) && values.iter().all(|v| s.contains(v))) {
            let name = set.name().to_string();
            let covers = format!("anything in @{name}");
            let what = Extent::Set { arg: (*arg).to_owned(), set: name, content: content_of(set) };
            let offer = (Scope { risk, what }, covers);
            if !offers.contains(&offer) {
                offers.push(offer);
            }
        }
    }
    if offers.is_empty() {
        offers.push((Scope { risk, what: Extent::Exact { key: asked.key() } }, "this very request only".to_owned()));
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

    /// Whether it discharges `requirements` for what is `asked` when `asker` asks.
    pub fn discharges(
        &self,
        asker: &Asker,
        asked: &Asked<'_>,
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
            && self.action == asked.subject.action
            && self.host == host
            && same_session
            && !self.ended(now)
            // A policy that got stricter suspends it.
            && requirements.grants.contains(self.length)
            && self.approver.assurance >= requirements.assurance
            && self.scope.covers(asked, policy)
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
