//! A record: what the audit log says about one step, and how it is made to fit into 4 KiB.
//!
//! The caller has redacted `args` and `data` already: nothing here knows what is secret.

use super::chain::{FRAME, MAX_RECORD, Sha256Hash};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The agent started.
    Started,
    /// The agent stopped in order.
    Stopped,
    /// A request was judged; it is on disk before anything runs.
    Judged,
    /// What came of it.
    Finished,
    /// What came of it is not known: the agent ended between the two.
    Unknown,
    /// A request waits for a person.
    Held,
    /// A person said yes or no, or nobody did in time.
    Decided,
    /// The policy said no.
    Denied,
    /// The gate or a limit said no before judging.
    Refused,
    /// A line that is not a request.
    Malformed,
    /// How often something happened that has no record of its own.
    Counted,
    /// The policy was loaded, reloaded or rejected.
    Policy,
    /// A new file was begun.
    Rotated,
    /// Something about the log itself.
    Note,
}

/// Whether a record may wait for a full disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// It stands before an act: without the record there is no act, so it hears [`super::AuditError::Full`].
    Act,
    /// It tells of a refusal or of what has happened already; the reserve is for these.
    Refusal,
}

/// Who asked, as far as it was looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AuditCaller {
    /// User id.
    pub uid: u32,
    /// Group id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// Process id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Program file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// systemd unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The way in: `ndjson`, `stdio`, `command`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub door: Option<String>,
    /// The socket's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
    /// What the caller calls itself; a claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One record. Make it with [`AuditRecord::new`] and fill in what is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditRecord {
    /// What it is about.
    pub kind: Kind,
    /// The request it belongs to.
    #[serde(serialize_with = "uuid", skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// For `judged`: it runs now, so a `finished` or `unknown` record with the same id must follow.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub runs: bool,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<AuditCaller>,
    /// The action's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Its arguments, redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<Value>,
    /// `ok`, `confirm`, `deny`; for `decided` what was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// The rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The hash of the policy in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The confirmation it belongs to.
    #[serde(serialize_with = "uuid", skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<Uuid>,
    /// Facts about who answered: assurance, uid, terminal, `approver_same_uid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approver: Option<Value>,
    /// The outcome's status, as in the reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The outcome's code, as in the reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Anything else, redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// For `judged`: what runs only looks, so beyond a rate it is counted; not written.
    #[serde(skip)]
    pub observe: bool,
    /// Whether it may be refused on a full disk; not written.
    #[serde(skip)]
    pub importance: Importance,
}

fn uuid<S: Serializer>(id: &Option<Uuid>, serializer: S) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => serializer.collect_str(id),
        None => serializer.serialize_none(),
    }
}

impl AuditRecord {
    /// An empty record. `judged`, `held` and `decided` stand before an act; set [`AuditRecord::importance`] where such a
    /// record tells of a denial, a cancelling or a revocation.
    #[must_use]
    pub fn new(kind: Kind) -> AuditRecord {
        let importance = match kind {
            Kind::Judged | Kind::Held | Kind::Decided => Importance::Act,
            _ => Importance::Refusal,
        };
        AuditRecord {
            kind,
            id: None,
            runs: false,
            caller: None,
            action: None,
            args: None,
            decision: None,
            rule: None,
            policy: None,
            confirmation: None,
            approver: None,
            status: None,
            code: None,
            data: None,
            observe: false,
            importance,
        }
    }

    /// A note about the log itself.
    pub(super) fn note(what: &str, mut data: Value) -> AuditRecord {
        data["what"] = what.into();
        AuditRecord { data: Some(data), ..AuditRecord::new(Kind::Note) }
    }

    /// The members of the line, between the braces, made to fit: strings are cut, then `args`, `data` and `approver` are
    /// replaced by their digests, then strings are cut to the bone.
    pub(super) fn members(&self) -> Vec<u8> {
        const LIMIT: usize = MAX_RECORD - FRAME;
        let fits = |text: Vec<u8>| (text.len() <= LIMIT + 2).then(|| text[1..text.len() - 1].to_vec());
        if let Some(members) = serde_json::to_vec(self).ok().and_then(fits) {
            return members;
        }
        let mut record = self.clone();
        record.cut_strings(512);
        let replace: [fn(&mut AuditRecord) -> &mut Option<Value>; 3] =
            [|r| &mut r.args, |r| &mut r.data, |r| &mut r.approver];
        let mut text = serde_json::to_vec(&record).ok().and_then(fits);
        for (step, member) in replace.iter().enumerate() {
            if text.is_some() {
                break;
            }
            // The digest is over what was given, not over what was cut already.
            *member(&mut record) = [&self.args, &self.data, &self.approver][step].as_ref().map(digest);
            text = serde_json::to_vec(&record).ok().and_then(fits);
        }
        text.unwrap_or_else(|| {
            // Eleven strings of at most 32 bytes, escaped at most sixfold, always fit; a test holds that.
            let [args, data, approver] = [&self.args, &self.data, &self.approver].map(|v| v.as_ref().map(digest));
            record = AuditRecord { args, data, approver, ..self.clone() };
            record.cut_strings(32);
            serde_json::to_vec(&record).ok().and_then(fits).unwrap_or_else(|| br#""kind":"note""#.to_vec())
        })
    }

    fn cut_strings(&mut self, limit: usize) {
        let caller = self.caller.iter_mut();
        let texts = caller.flat_map(|c| [&mut c.exe, &mut c.unit, &mut c.door, &mut c.socket, &mut c.name]);
        let own =
            [&mut self.action, &mut self.decision, &mut self.rule, &mut self.policy, &mut self.status, &mut self.code];
        texts.chain(own).flatten().for_each(|text| cut(text, limit));
        if limit >= 512 {
            [&mut self.args, &mut self.data, &mut self.approver]
                .into_iter()
                .flatten()
                .for_each(|v| cut_value(v, limit));
        }
    }
}

/// What stands for a value that is too long.
fn digest(value: &Value) -> Value {
    let text = value.to_string();
    json!({"sha256": Sha256Hash::of(&[text.as_bytes()]), "bytes": text.len()})
}

fn cut_value(value: &mut Value, limit: usize) {
    match value {
        Value::String(text) => cut(text, limit),
        Value::Array(items) => items.iter_mut().for_each(|v| cut_value(v, limit)),
        Value::Object(members) => members.values_mut().for_each(|v| cut_value(v, limit)),
        _ => {}
    }
}

/// Cuts at a character boundary and says how long the text was.
fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        let length = text.len();
        text.truncate(text.floor_char_boundary(limit));
        text.push_str(&format!("… [cut from {length} bytes]"));
    }
}

/// The record that says how often something happened.
pub(super) fn counted(uid: Option<u32>, counts: Map<String, Value>) -> AuditRecord {
    let caller = uid.map(|uid| AuditCaller { uid, ..AuditCaller::default() });
    AuditRecord { caller, data: Some(Value::Object(counts)), ..AuditRecord::new(Kind::Counted) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(record: &AuditRecord) -> Value {
        let members = record.members();
        serde_json::from_slice(&[b"{", &members[..], b"}"].concat()).unwrap()
    }

    #[test]
    fn a_small_record_is_written_as_it_is() {
        let mut record = AuditRecord::new(Kind::Judged);
        record.id = Some(Uuid::nil());
        record.runs = true;
        record.args = Some(json!({"names": ["cowsay"]}));
        let text = String::from_utf8(record.members()).unwrap();
        assert_eq!(
            text,
            r#""kind":"judged","id":"00000000-0000-0000-0000-000000000000","runs":true,"args":{"names":["cowsay"]}"#
        );
    }

    #[test]
    fn a_long_string_is_cut_at_a_character_and_marked() {
        let mut record = AuditRecord::new(Kind::Malformed);
        record.data = Some(json!({"text": "ü".repeat(3000), "short": "kept"}));
        let data = parsed(&record)["data"].clone();
        let text = data["text"].as_str().unwrap();
        assert!(text.starts_with("üü") && text.ends_with("ü… [cut from 6000 bytes]"), "{text}");
        assert_eq!(data["short"], "kept");
    }

    #[test]
    fn arguments_that_are_still_too_long_become_their_digest() {
        let mut record = AuditRecord::new(Kind::Judged);
        let args = json!((0..5000).collect::<Vec<u32>>());
        record.args = Some(args.clone());
        record.data = Some(json!("kept"));
        let value = parsed(&record);
        assert_eq!(value["args"]["sha256"], Sha256Hash::of(&[args.to_string().as_bytes()]).to_string());
        assert_eq!(value["data"], "kept");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_record_fits_and_is_one_line_of_json(text in "\\PC{0,50}|[\0-\x1f]{0,40}", times in 1..200usize, n in 0..1500u32) {
            let long = text.repeat(times);
            let some = || Some(long.clone());
            let record = AuditRecord {
                id: Some(Uuid::max()),
                confirmation: Some(Uuid::max()),
                runs: true,
                caller: Some(AuditCaller {
                    uid: u32::MAX, gid: Some(u32::MAX), pid: Some(u32::MAX),
                    exe: some(), unit: some(), door: some(), socket: some(), name: some(),
                }),
                action: some(), decision: some(), rule: some(), policy: some(), status: some(), code: some(),
                args: Some(json!({ long.clone(): (0..n).collect::<Vec<_>>() })),
                approver: Some(json!([long, n])),
                data: Some(json!({"a": long})),
                ..AuditRecord::new(Kind::Judged)
            };
            let members = record.members();
            prop_assert!(members.len() <= MAX_RECORD - FRAME);
            prop_assert!(!members.contains(&b'\n'));
            prop_assert_eq!(&parsed(&record)["kind"], "judged");
        }
    }
}
