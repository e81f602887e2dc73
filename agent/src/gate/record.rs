//! What the gate writes down: held requests, decisions and standing approvals, as they stand in the journal.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use steward_ipc::{Effect, Preview};
use steward_policy::{Assurance, GrantLength, GrantSet, Requirements, Risk};
use uuid::Uuid;

use super::approver::Chain;
use crate::action::{Action, CATALOGUE};
use crate::caller::{Caller, Door};
use crate::clock::Moment;
use crate::request::{Ask, Plan};

/// Who asked, as far as rules, quotas and people want to know it after the process is gone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asker {
    /// The owner's uid.
    pub uid: u32,
    /// Its gid.
    pub gid: u32,
    /// Its process id; 0 when it is not known.
    pub pid: u32,
    /// Its program.
    pub exe: Option<String>,
    /// Its system unit.
    pub unit: Option<String>,
    /// Its unit in the user manager.
    pub user_unit: Option<String>,
    /// Its logind session.
    pub session: Option<String>,
    /// The door that it came in by.
    pub door: Door,
    /// The name of the listening socket.
    pub socket: Option<String>,
    /// Whether it is outside this machine's namespaces.
    pub foreign: bool,
    /// The serial number of its connection to this process of the agent.
    #[serde(skip)]
    pub connection: Option<u64>,
}

impl Asker {
    /// What is known of `caller`; reads `/proc`.
    pub fn of(caller: &Caller) -> Asker {
        let facts = caller.facts();
        Asker {
            uid: caller.uid(),
            gid: caller.gid(),
            pid: caller.pid(),
            exe: facts.exe.clone(),
            unit: facts.unit.clone(),
            user_unit: facts.user_unit.clone(),
            session: facts.session.clone(),
            door: caller.door(),
            socket: caller.socket().map(str::to_owned),
            foreign: caller.is_foreign(),
            connection: caller.connection(),
        }
    }

    /// What quotas and denials count together as one caller: uid, door, socket, program and the unit that holds it most
    /// closely. All whose program is not known are one caller of their uid and door, else each new process would be another.
    pub fn key(&self) -> String {
        let Some(exe) = &self.exe else { return json!([self.uid, self.door.name()]).to_string() };
        // Under a user manager the system unit is the same for every program of the user.
        let unit = self.user_unit.as_ref().or(self.unit.as_ref());
        json!([self.uid, self.door.name(), self.socket, exe, unit]).to_string()
    }
}

/// One step of a held plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeldStep {
    /// The action's name.
    pub name: String,
    /// Its arguments.
    pub args: Value,
    /// Its class of harm, as it was judged.
    pub risk: Risk,
}

/// The requirements of a confirmation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Needs {
    /// Who may answer at the least.
    pub assurance: Assurance,
    /// How long it stays open, in seconds.
    pub ttl: u32,
    /// How long an approval may last.
    pub grants: Vec<GrantLength>,
    /// Whether a preview must have been shown.
    pub preview: bool,
}

impl From<Requirements> for Needs {
    fn from(r: Requirements) -> Needs {
        Needs { assurance: r.assurance, ttl: r.ttl, grants: r.grants.iter().collect(), preview: r.preview }
    }
}

impl From<&Needs> for Requirements {
    fn from(n: &Needs) -> Requirements {
        Requirements { assurance: n.assurance, ttl: n.ttl, grants: GrantSet::of(&n.grants), preview: n.preview }
    }
}

/// A held request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Held {
    /// Its id: 128 random bits.
    pub id: Uuid,
    /// The name that its answer has.
    pub name: String,
    /// What would be done.
    pub steps: Vec<HeldStep>,
    /// The receipt that it would put back.
    pub undoes: Option<Uuid>,
    /// Whether it was said in words.
    pub said: bool,
    /// Who asked.
    pub asker: Asker,
    /// The processes from the requester up to the first; absent when they could not be read.
    pub chain: Option<Chain>,
    /// What the person is shown.
    pub preview: Option<Preview>,
    /// Why there is none.
    pub preview_error: Option<String>,
    /// What an approval must satisfy.
    pub needs: Needs,
    /// The deciding rule.
    pub rule: String,
    /// The rule's reason.
    pub why: Option<String>,
    /// The policy's hash.
    pub policy: String,
    /// A random number that makes the digest of this request its own.
    pub nonce: Uuid,
    /// Over all of what an approval is bound to.
    pub digest: String,
    /// The same for equal requests of one owner.
    pub equal: String,
    /// The boot in which it was held.
    pub boot_id: String,
    /// Milliseconds since boot when it was held.
    pub boot_ms: i64,
    /// Milliseconds since 1970 when it was held.
    pub wall_ms: i64,
}

impl Held {
    /// Whether its time is over: another boot, its time to live by the clock that counts sleep, or the wall clock.
    pub fn expired(&self, now: &Moment) -> bool {
        let ttl = i64::from(self.needs.ttl) * 1000;
        *now.boot_id != *self.boot_id || now.boot_ms - self.boot_ms > ttl || now.wall_ms > self.wall_ms + ttl
    }

    /// Whether both show the same effects. Facts, such as what is free on the disk, change all the time and bind nobody.
    pub fn shows_the_same(&self, other: &Held) -> bool {
        match (&self.preview, &other.preview) {
            (Some(one), Some(other)) => {
                one.requester_text == other.requester_text
                    && difference(&one.effects, &other.effects).is_empty()
                    && difference(&other.effects, &one.effects).is_empty()
            }
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    /// The seconds that are left.
    pub fn left(&self, now: &Moment) -> i64 {
        (i64::from(self.needs.ttl) - (now.boot_ms - self.boot_ms) / 1000).max(0)
    }

    /// The plan, read again from its names and arguments.
    ///
    /// # Errors
    /// When a later version of the agent does not know an action any more.
    pub fn plan(&self) -> Result<Plan, String> {
        let step = |step: &HeldStep| match crate::action::recall(
            &step.name,
            step.args.as_object().cloned().unwrap_or_default(),
        ) {
            Ok(Ask::Do(action)) => Ok(action),
            Ok(Ask::Meta(_)) => Err(format!("`{}` cannot be held", step.name)),
            Err(e) => Err(e.to_string()),
        };
        let steps = self.steps.iter().map(step).collect::<Result<Vec<Action>, String>>()?;
        let name = CATALOGUE.iter().find(|e| e.name == self.name).map_or("unknown", |e| e.name);
        Ok(Plan { name: name.into(), steps, undoes: self.undoes, said: self.said })
    }

    /// The digest over the plan, its arguments and effects, the owner and caller, the host, the nonce and the expiry.
    pub fn digest(&self, host: &str) -> String {
        let effects = self.preview.as_ref().map(|p| &p.effects);
        let expires = self.wall_ms + i64::from(self.needs.ttl) * 1000;
        digest(&json!({
            "steps": self.steps.iter().map(|s| json!({ "name": s.name, "args": s.args })).collect::<Vec<_>>(),
            "undoes": self.undoes, "effects": effects, "owner": self.asker.uid, "caller": self.asker.key(),
            "host": host, "nonce": self.nonce, "expires": expires, "boot": self.boot_id,
        }))
    }
}

/// Marks requests of one owner for the same thing.
pub fn equal(owner: u32, plan: &Plan) -> String {
    let steps: Vec<Value> = plan.steps.iter().map(|s| json!({ "name": s.name(), "args": s.args() })).collect();
    digest(&json!({ "owner": owner, "name": plan.name, "steps": steps, "undoes": plan.undoes }))
}

/// SHA-256 over canonical JSON (RFC 8785, with whole numbers as strings), in hexadecimal digits.
pub fn digest(value: &Value) -> String {
    let mut text = String::new();
    canonical(value, &mut text);
    Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => out.push_str(&Value::String(n.to_string()).to_string()),
        Value::String(s) => out.push_str(&Value::String(s.clone()).to_string()),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            // RFC 8785, section 3.2.3: keys in the order of their UTF-16 code units.
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                canonical(&map[key], out);
            }
            out.push('}');
        }
    }
}

/// What is different between the effects that were shown and those of now; empty when an approval of `shown` still holds.
/// Packages, sessions and inhibitors may have become fewer; everything else must be equal.
pub fn difference(shown: &[Effect], now: &[Effect]) -> Vec<String> {
    let may_shrink = |e: &Effect| {
        matches!(e.verb.as_str(), "install" | "upgrade" | "downgrade" | "remove" | "end-session" | "interrupt")
    };
    let name = |e: &Effect| {
        format!("{} {}{}", e.verb, e.object, e.version.as_ref().map(|v| format!(" {v}")).unwrap_or_default())
    };
    // How much is to be downloaded is a fact: it is less when the packages are in the manager's cache by then.
    let same = |a: &Effect, b: &Effect| Effect { bytes: None, ..a.clone() } == Effect { bytes: None, ..b.clone() };
    let among = |all: &[Effect], e: &Effect| all.iter().any(|o| same(o, e));
    let added = now.iter().filter(|e| !among(shown, e)).map(|e| format!("new: {}", name(e)));
    let gone = shown.iter().filter(|e| !among(now, e) && !may_shrink(e)).map(|e| format!("gone: {}", name(e)));
    added.chain(gone).collect()
}

/// Who said yes or no.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Approver {
    /// The uid.
    pub uid: u32,
    /// The process id.
    pub pid: u32,
    /// The program.
    pub exe: Option<String>,
    /// The door.
    pub door: Door,
    /// The level that was reached.
    pub assurance: Assurance,
    /// Whether it is the requester's own uid: then `desktop` stops mistakes, not unconfined code of that uid.
    pub approver_same_uid: bool,
}

/// How a held request ended, as `result` tells it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct End {
    /// The confirmation's id.
    pub id: Uuid,
    /// The answer of the executed request, in the home protocol's form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Value>,
    /// A word from whoever refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<Approver>,
    /// When, in milliseconds since 1970.
    pub wall_ms: i64,
    /// Whether the no came from somebody else than the requester: such ones count towards being left alone for a while.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_another: bool,
}

/// The journal's line between the yes and the deed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Executing {
    /// The confirmation's id.
    pub id: Uuid,
    /// Who said yes.
    pub approver: Approver,
    /// What was approved.
    pub digest: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_does_not_depend_on_the_order_of_keys() {
        let a: Value = serde_json::from_str(r#"{"b":1,"a":[true,null,"x"]}"#).unwrap();
        let b: Value = serde_json::from_str(r#"{"a":[true,null,"x"],"b":1}"#).unwrap();
        assert_eq!(digest(&a), digest(&b));
        let mut text = String::new();
        canonical(&a, &mut text);
        assert_eq!(text, r#"{"a":[true,null,"x"],"b":"1"}"#);
    }

    #[test]
    fn fewer_packages_hold_and_other_ones_do_not() {
        let effect =
            |verb: &str, object: &str| Effect { verb: verb.into(), object: object.into(), ..Effect::default() };
        let shown = [effect("install", "a"), effect("install", "b"), effect("set", "volume")];
        let fewer = [effect("install", "a"), effect("set", "volume")];
        assert!(difference(&shown, &fewer).is_empty());
        assert_eq!(difference(&fewer, &shown), ["new: install b"]);
        assert_eq!(difference(&shown, &shown[..2]), ["gone: set volume"]);
        let downloaded =
            [Effect { bytes: Some(9), ..effect("install", "a") }, effect("install", "b"), effect("set", "volume")];
        assert!(difference(&shown, &downloaded).is_empty());
    }
}
