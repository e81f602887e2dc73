//! What is held and granted, how it stands, and how it is read back from the journal.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_ipc::Code;
use uuid::Uuid;

use super::grants::Grant;
use super::record::{End, Executing, Held};
use super::token::Lent;
use crate::clock::{Moment, rfc3339};
use crate::reply::Failure;

/// How a held request stands.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    Pending,
    /// Somebody is releasing it at this moment.
    Claimed,
    Executing,
    Ended(&'static str, Box<End>),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) held: Arc<Held>,
    pub(super) phase: Phase,
    /// How often the same was asked for.
    pub(super) count: u32,
    /// The yes that was handed out as a token, while it waits to be used.
    pub(super) lent: Option<Lent>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) held: HashMap<Uuid, Entry>,
    pub(super) grants: HashMap<Uuid, Grant>,
    /// Whether texts were taken out of what ended, and the journal still has them.
    pub(super) scrubbed: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct IdOf {
    pub(super) id: Uuid,
}

/// The kinds of ends, as the journal and `result` name them.
pub(super) const ENDS: [&str; 7] = ["done", "failed", "unknown", "denied", "expired", "cancelled", "invalidated"];

/// Whether an entry still waits for an answer.
pub(super) fn open_now(entry: &Entry, now: &Moment) -> Result<(), Failure> {
    let ended =
        |code: Code, message: String, state: &str| Err(Failure::new(code, message).with(json!({ "state": state })));
    match &entry.phase {
        Phase::Pending if entry.held.expired(now) => {
            ended(Code::ConfirmationExpired, "confirmation expired; ask again".to_owned(), "expired")
        }
        Phase::Pending => Ok(()),
        Phase::Claimed | Phase::Executing => {
            ended(Code::ConfirmationUsed, "confirmation used already; it is being carried out".to_owned(), "executing")
        }
        Phase::Ended(kind, end) => match *kind {
            "expired" => ended(Code::ConfirmationExpired, "confirmation expired; ask again".to_owned(), kind),
            "denied" => {
                let note = end.note.as_deref().map(|n| format!(": {n}")).unwrap_or_default();
                ended(Code::ConfirmationRejected, format!("a person said no{note}"), kind)
            }
            "cancelled" => {
                ended(Code::ConfirmationNotFound, "confirmation not found; it was withdrawn".to_owned(), kind)
            }
            "invalidated" => {
                let why = end.note.as_deref().unwrap_or("what would happen changed");
                ended(Code::ConfirmationChanged, format!("confirmation no longer holds: {why}; ask again"), kind)
            }
            kind => {
                ended(Code::ConfirmationUsed, "confirmation used already; `result` tells how it ended".to_owned(), kind)
            }
        },
    }
}

/// A held request as lists and events show it: to everybody alike, so without the rule, which is in the audit log.
pub fn shown(held: &Held, count: u32, now: &Moment) -> Value {
    json!({
        "id": held.id, "action": held.name, "request_id": held.about.as_ref().map(|a| &a.request_id), "owner": held.asker.uid, "caller": held.asker.exe, "door": held.asker.door,
        "summary": held.preview.as_ref().map(|p| &p.summary), "preview": held.preview, "preview_error": held.preview_error,
        "steps": held.steps.iter().map(|s| json!({ "action": s.name, "args": s.args, "risk": s.risk })).collect::<Vec<_>>(),
        "assurance": held.needs.assurance, "grants": held.needs.grants, "why": held.why,
        "held": rfc3339(held.wall_ms), "expires_in": held.left(now), "count": count,
    })
}

/// Everything that is known, as journal records.
pub(super) fn records(state: &State) -> Vec<(&'static str, Value)> {
    let mut held: Vec<&Entry> = state.held.values().collect();
    held.sort_by_key(|e| (e.held.wall_ms, e.held.id));
    let value = |v: serde_json::Result<Value>| v.unwrap_or(Value::Null);
    let mut records = Vec::new();
    for entry in held {
        records.push(("held", value(serde_json::to_value(&*entry.held))));
        match (&entry.phase, &entry.lent) {
            (Phase::Ended(kind, end), _) => records.push((kind, value(serde_json::to_value(end)))),
            (_, Some(lent)) => records.push(("lent", value(serde_json::to_value(lent)))),
            _ => {}
        }
    }
    records.extend(state.grants.values().map(|g| ("grant", value(serde_json::to_value(g)))));
    records
}

/// Takes one record of the journal in.
pub(super) fn replay(state: &mut State, kind: &str, data: &str) -> Result<(), String> {
    fn read<T: serde::de::DeserializeOwned>(data: &str) -> Result<T, String> {
        serde_json::from_str(data).map_err(|e| e.to_string())
    }
    match kind {
        "held" => {
            let held: Held = read(data)?;
            state.held.insert(held.id, Entry { held: Arc::new(held), phase: Phase::Pending, count: 1, lent: None });
        }
        "lent" => {
            let lent: Lent = read(data)?;
            if let Some(entry) = state.held.get_mut(&lent.id) {
                entry.lent = Some(lent);
            }
        }
        "executing" => {
            let line: Executing = read(data)?;
            if let Some(entry) = state.held.get_mut(&line.id) {
                entry.phase = Phase::Executing;
            }
        }
        "grant" => {
            let grant: Grant = read(data)?;
            state.grants.insert(grant.id, grant);
        }
        "grant_used" => {
            if let Some(grant) = state.grants.get_mut(&read::<IdOf>(data)?.id) {
                grant.uses += 1;
            }
        }
        "grant_revoked" => drop(state.grants.remove(&read::<IdOf>(data)?.id)),
        kind => {
            let Some(kind) = ENDS.iter().find(|e| **e == kind) else {
                return Err(format!("`{kind}` is no kind of record of the gate"));
            };
            let end: End = read(data)?;
            if let Some(entry) = state.held.get_mut(&end.id) {
                entry.phase = Phase::Ended(kind, Box::new(end));
            }
        }
    }
    Ok(())
}
