//! What was interrupted when the agent stopped: it is found out what became of it, and nothing is done again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use steward_ipc::Code;
use uuid::Uuid;

use super::Core;
use super::start::listed;
use crate::action::package::attach;
use crate::action::{self, Action};
use crate::audit::{self, AuditRecord, Kind};
use crate::caller::{Caller, Door};
use crate::gate::record::Held;
use crate::reply::{Failure, Outcome, Reply};
use crate::request::Ask;
use crate::services::{Context, Progress};
use crate::store::Durability;

/// How long the machine is asked what became of a step.
const LOOK_BACK: Duration = Duration::from_secs(10);

impl Core {
    /// Says in the audit log that it started, and finds out what became of what was interrupted. Nothing is started again.
    pub async fn take_up(&self, interrupted: Vec<Arc<Held>>) {
        let rules = self.rules();
        let mut started = AuditRecord::new(Kind::Started);
        started.policy = Some(rules.policy.hash().to_owned());
        let mut data = json!({
            "version": env!("CARGO_PKG_VERSION"), "policy": self.policy_state(), "files": listed(&rules.files),
        });
        if self.0.services.simulated {
            data["simulated"] = json!(true);
        }
        started.data = Some(data);
        self.write_later(&started);

        if self.0.services.memory.tidy().await {
            self.0.gate.scrub().await;
        }
        let now = self.0.clock.now();
        let mut transactions = self.0.services.transactions_left();
        let mut asked = interrupted;
        for stored in self.0.audit.unfinished() {
            let id = stored.text("id").and_then(|t| Uuid::try_parse(t).ok());
            let confirmation = stored.text("confirmation").and_then(|t| Uuid::try_parse(t).ok());
            let held = confirmation.and_then(|c| asked.iter().position(|h| h.id == c)).map(|at| asked.swap_remove(at));
            let Some(id) = id else { continue };
            let at = transactions.iter().position(|(of, _)| *of == id);
            let caller =
                stored.fields.get("caller").and_then(|c| c["uid"].as_u64()).and_then(|u| u32::try_from(u).ok());
            // Its arguments are in the record; where they were too long for it, the text is taken out to be sure.
            let kept = stored.fields.get("args").and_then(|a| a.get("purge")) == Some(&Value::Bool(false));
            let begun = Begun {
                id,
                purges: stored.text("action") == Some("forget") && !kept,
                action: stored.text("action").unwrap_or("unknown").to_owned(),
                // Whoever confirmed it is the caller of the record; the owner is whoever asked.
                owner: held.as_ref().map(|h| h.asker.uid).or(caller).unwrap_or(u32::MAX),
                ended: confirmation.and_then(|c| self.0.gate.end_of(c)),
                confirmation,
                held,
                transaction: at.map(|at| transactions.swap_remove(at).1),
                steps: steps_of(stored),
                rebooted: stored.fields.get("data").and_then(|d| d["boot"].as_str()).map(|b| b != &*now.boot_id),
            };
            let core = self.clone();
            tokio::spawn(async move { core.find_out(begun).await });
        }
        // Their end is recorded; the agent stopped before it could tidy up.
        for (id, _) in transactions {
            self.0.services.forget_transaction(id);
        }
        // Approved, but not yet recorded as judged: then it was not begun either. Or ended and not yet journalled.
        for held in asked {
            let records = audit::show(&self.0.audit_place, held.id);
            let ended = |r: &&audit::Stored| matches!(r.text("kind"), Some("judged" | "finished" | "unknown"));
            let last = records.as_ref().map(|records| records.iter().rev().find(ended));
            let last = last.inspect_err(|e| tracing::error!("the audit log cannot be read: {e}"));
            let reply = match last.unwrap_or_default() {
                Some(record) if record.text("status") == Some("ok") => Reply::done(
                    held.name.clone(),
                    Outcome::says("It was done; the agent stopped before it could answer."),
                ),
                Some(record) if record.text("kind") == Some("finished") => {
                    let code = record.text("code").unwrap_or("failed").to_owned();
                    let message =
                        format!("it was tried and did not work ({code}); the agent stopped before it could answer");
                    Reply::failed(held.name.clone(), Failure::new(Code::Failed, message))
                }
                Some(_) => Reply::failed(held.name.clone(), unknown()),
                None if records.is_err() => Reply::failed(held.name.clone(), unknown()),
                None => {
                    let message = "the agent stopped before it was begun; nothing was done, so ask again";
                    Reply::failed(held.name.clone(), Failure::new(Code::Failed, message))
                }
            };
            self.finished(held.id, &reply).await;
        }
        if self.0.gate.owes_scrub() {
            self.0.gate.scrub().await;
        }
    }

    /// What became of a request that was being carried out when the agent stopped.
    async fn find_out(&self, begun: Begun) {
        let Begun { id, purges, action, owner, confirmation, held, ended, transaction, steps, rebooted } = begun;
        let caller = Arc::new(Caller::this_process(Door::Command));
        let progress = |_: Progress| {};
        let cx = self.context(&caller, owner, id, &progress);
        let result = match &transaction {
            // The journal has the end and the audit log lost it: the power failed between the two.
            _ if matches!(ended, Some("done")) => Ok(Outcome::default()),
            _ if matches!(ended, Some("failed")) => Err(Failure::new(Code::Failed, "it was tried and did not work")),
            Some(transaction) => match attach(&cx, transaction, &action) {
                Some(ending) => ending.await,
                // Its folder is there and its process was never started.
                None => Err(Failure::new(
                    Code::Failed,
                    "the agent stopped before the package manager was started; nothing was done",
                )),
            },
            None => took_place(&cx, &steps, rebooted).await,
        };
        let reply = match result {
            Ok(mut outcome) => {
                let receipts = &self.0.receipts;
                let summary = outcome.message.clone().unwrap_or_default().into_owned();
                let of_undo = held.as_ref().is_some_and(|h| h.undoes.is_some());
                if let Some(undo) = outcome.undo.take().filter(|_| !receipts.has_of(id))
                    && let Err(e) = receipts.add(owner, id, &action, summary, *undo, of_undo).await
                {
                    tracing::error!("a receipt could not be written: {e}");
                }
                if let Some(undone) = held.as_ref().and_then(|h| h.undoes)
                    && let Err(e) = receipts.used(undone).await
                {
                    tracing::error!("a receipt could not be used up: {e}");
                }
                Reply::done(action.clone(), outcome)
            }
            Err(failure) => Reply::failed(action.clone(), failure),
        };
        let known = reply.code() != Some(Code::UnknownOutcome);
        let mut record = AuditRecord::new(if known { Kind::Finished } else { Kind::Unknown });
        record.id = Some(id);
        record.action = Some(action);
        record.confirmation = confirmation;
        record.status = Some(reply.status().to_owned());
        record.code = reply.code().map(|c| c.as_str().to_owned());
        record.data = Some(json!({ "found": "after a restart" }));
        if let Err(e) = self.0.audit.write(&record, Durability::Written).await {
            tracing::error!("the end of request {id} could not be recorded: {e}");
        }
        if known {
            self.0.services.forget_transaction(id);
        }
        if let Some(held) = held {
            self.finished(held.id, &reply).await;
        }
        if purges {
            self.0.gate.scrub().await;
        }
    }
}

/// A request that had begun when the agent stopped, and what is known of it.
struct Begun {
    id: Uuid,
    /// Whether it overwrites the text of a note.
    purges: bool,
    action: String,
    owner: u32,
    confirmation: Option<Uuid>,
    held: Option<Arc<Held>>,
    /// Its end in the gate's journal.
    ended: Option<&'static str>,
    transaction: Option<crate::backend::package::Transaction>,
    /// What was to be done; empty when the record does not tell.
    steps: Vec<Action>,
    /// Whether the machine was booted again since.
    rebooted: Option<bool>,
}

/// What a record says was to be done; nothing when a part of it is not to be read any more.
fn steps_of(record: &audit::Stored) -> Vec<Action> {
    let step = |name: &str, args: &Value| match action::recall(name, args.as_object().cloned()?) {
        Ok(Ask::Do(action)) => Some(action),
        _ => None,
    };
    let steps = match (record.text("action"), record.fields.get("args")) {
        (_, Some(Value::Array(steps))) => steps.iter().map(|s| step(s["action"].as_str()?, &s["args"])).collect(),
        (Some(name), Some(args)) => step(name, args).map(|step| vec![step]),
        _ => None,
    };
    steps.unwrap_or_default()
}

/// Asks the machine whether what was begun took place. Nothing is done again.
async fn took_place(cx: &Context<'_>, steps: &[Action], rebooted: Option<bool>) -> Result<Outcome, Failure> {
    for step in steps {
        match tokio::time::timeout(LOOK_BACK, step.took_place(cx, rebooted)).await {
            Ok(Some(true)) => {}
            Ok(Some(false)) => {
                let message = "the agent was stopped in the middle of it, and it did not take place; ask again";
                return Err(Failure::new(Code::Failed, message));
            }
            Ok(None) | Err(_) => return Err(unknown()),
        }
    }
    match steps {
        [] => Err(unknown()),
        _ => Ok(Outcome::says("It was done; the agent was stopped before it could answer.")),
    }
}

fn unknown() -> Failure {
    Failure::new(
        Code::UnknownOutcome,
        "the agent stopped while this was carried out; it is not known whether it had its effect, and it is not started again",
    )
}
