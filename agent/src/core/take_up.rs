//! What was interrupted when the agent stopped, and packages that were still being changed when it was answered: it is found out what
//! became of it, and nothing is done again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use steward_ipc::Code;
use tokio::time::Instant;
use uuid::Uuid;

use super::Core;
use super::start::listed;
use crate::action::package::attach;
use crate::action::{self, Action};
use crate::audit::{self, AuditRecord, Kind};
use crate::backend::package::Transaction;
use crate::caller::{Caller, Door};
use crate::gate::record::Held;
use crate::reply::{Failure, Outcome, Reply};
use crate::request::{Ask, Plan};
use crate::services::{Context, Progress};
use crate::store::Durability;

/// How long the machine is asked what became of a step.
const LOOK_BACK: Duration = Duration::from_secs(10);
/// How long a package transaction is waited for whose outcome was answered as unknown. The next start waits again.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// When it is asked about again that nobody can tell at the moment; each time twice as late.
const AGAIN: Duration = Duration::from_secs(1);
/// The latest that it is asked about again.
const AGAIN_AT_MOST: Duration = Duration::from_secs(60);

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
        let mut transactions = self.0.services.transactions_left();
        let mut asked = interrupted;
        for stored in self.0.audit.unfinished() {
            let Some(begun) = self.begun(stored, &mut transactions) else { continue };
            asked.retain(|held| Some(held.id) != begun.confirmation);
            let core = self.clone();
            tokio::spawn(async move { core.find_out(begun).await });
        }
        for (id, _) in transactions.clone() {
            match self.told_as_unknown(id) {
                // It may have ended since, or go on.
                Ok(Some(judged)) if steps_of(&judged).len() < 2 => {
                    let Some(begun) = self.begun(&judged, &mut transactions) else { continue };
                    let core = self.clone();
                    tokio::spawn(async move { core.wait_on(begun).await });
                }
                // Its end is recorded; the agent stopped before it could tidy up.
                Ok(_) => self.0.services.forget_transaction(id),
                Err(e) => tracing::error!("the audit log cannot be read: {e}"),
            }
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

    /// What is known of a request by its `judged` record; its transaction is taken out of those that are left.
    fn begun(&self, judged: &audit::Stored, transactions: &mut Vec<(Uuid, Transaction)>) -> Option<Begun> {
        let uuid = |name: &str| judged.text(name).and_then(|t| Uuid::try_parse(t).ok());
        let (id, confirmation) = (uuid("id")?, uuid("confirmation"));
        let held = confirmation.and_then(|c| self.0.gate.known(c));
        let caller = judged.fields.get("caller").and_then(|c| c["uid"].as_u64()).and_then(|u| u32::try_from(u).ok());
        // Its arguments are in the record; where they were too long for it, the text is taken out to be sure.
        let kept = judged.fields.get("args").and_then(|a| a.get("purge")) == Some(&Value::Bool(false));
        let at = transactions.iter().position(|(of, _)| *of == id);
        let ended = confirmation.and_then(|c| self.0.gate.end_of(c));
        let boot = judged.fields.get("data").and_then(|d| d["boot"].as_str());
        Some(Begun {
            id,
            purges: judged.text("action") == Some("forget") && !kept,
            action: judged.text("action").unwrap_or("unknown").to_owned(),
            // Whoever confirmed it is the caller of the record; the owner is whoever asked.
            owner: held.as_ref().map(|h| h.asker.uid).or(caller).unwrap_or(u32::MAX),
            ended,
            confirmation,
            undoes: held.as_ref().and_then(|h| h.undoes),
            held: held.is_some() && matches!(ended, None | Some("unknown")),
            transaction: at.map(|at| transactions.swap_remove(at).1),
            steps: steps_of(judged),
            rebooted: boot.map(|b| b != &*self.0.clock.now().boot_id),
        })
    }

    /// The `judged` record of a request whose last record says that its outcome is not known.
    fn told_as_unknown(&self, id: Uuid) -> std::io::Result<Option<audit::Stored>> {
        let mut records = audit::show(&self.0.audit_place, id)?;
        records.retain(|r| matches!(r.text("kind"), Some("judged" | "finished" | "unknown")));
        let unknown = records.last().is_some_and(|last| last.text("kind") == Some("unknown"));
        Ok(records.into_iter().find(|r| r.text("kind") == Some("judged")).filter(|_| unknown))
    }

    /// What became of a request that was being carried out when the agent stopped.
    async fn find_out(&self, begun: Begun) {
        let caller = Arc::new(Caller::this_process(Door::Command));
        let progress = |_: Progress| {};
        let cx = self.context(&caller, begun.owner, begun.id, &progress);
        let result = match &begun.transaction {
            // The journal has the end and the audit log lost it: the power failed between the two.
            _ if matches!(begun.ended, Some("done")) => Ok(Outcome::default()),
            _ if matches!(begun.ended, Some("failed")) => {
                Err(Failure::new(Code::Failed, "it was tried and did not work"))
            }
            Some(transaction) => became(&cx, transaction, &begun.action).await,
            None => took_place(&cx, &begun.steps, begun.rebooted).await,
        };
        let goes_on = begun.transaction.is_some() && is_unknown(&result);
        self.learnt(&begun, result, "after a restart").await;
        if goes_on {
            self.wait_on(begun).await;
        }
    }

    /// Waits for the end of a package transaction whose outcome was told as unknown, and records it when it is known. Nothing is
    /// recorded when it never is.
    pub(super) async fn wait_on(&self, begun: Begun) {
        let Some(transaction) = &begun.transaction else { return };
        let caller = Arc::new(Caller::this_process(Door::Command));
        let progress = |_: Progress| {};
        let cx = self.context(&caller, begun.owner, begun.id, &progress);
        let (until, mut again) = (Instant::now() + PATIENCE, AGAIN);
        while Instant::now() < until {
            let result = became(&cx, transaction, &begun.action).await;
            if !is_unknown(&result) {
                return self.learnt(&begun, result, "later").await;
            }
            tokio::time::sleep(again).await;
            again = AGAIN_AT_MOST.min(again * 2);
        }
        tracing::warn!("what became of request {} is not known after {} s", begun.id, PATIENCE.as_secs());
    }

    /// Records how a request ended, keeps how it can be put back, and tells whoever waits.
    async fn learnt(&self, begun: &Begun, mut result: Result<Outcome, Failure>, found: &str) {
        let Begun { id, owner, action, .. } = begun;
        let receipts = &self.0.receipts;
        let undo = match &mut result {
            Ok(outcome) => outcome.undo.take(),
            Err(failure) => failure.undo.take(),
        };
        if let Some(undo) = undo.filter(|_| !receipts.has_of(*id)) {
            let summary = match &result {
                Ok(outcome) => outcome.message.clone().unwrap_or_default().into_owned(),
                Err(failure) => failure.message.clone().into_owned(),
            };
            let summary = begun.steps.first().map_or(summary, Action::sentence);
            let keeping = receipts.begin(*owner, *id, action, summary, *undo, begun.undoes.is_some());
            if let Err(e) = receipts.kept(keeping).await {
                tracing::error!("a receipt could not be written: {e}");
            }
        }
        if let (Ok(_), Some(undone)) = (&result, begun.undoes)
            && let Err(e) = receipts.used(undone).await
        {
            tracing::error!("a receipt could not be used up: {e}");
        }
        let reply = match result {
            Ok(outcome) => Reply::done(action.clone(), outcome),
            Err(failure) => Reply::failed(action.clone(), failure),
        };
        let known = reply.code() != Some(Code::UnknownOutcome);
        let mut record = AuditRecord::new(if known { Kind::Finished } else { Kind::Unknown });
        record.id = Some(*id);
        record.action = Some(action.clone());
        record.confirmation = begun.confirmation;
        record.status = Some(reply.status().to_owned());
        record.code = reply.code().map(|c| c.as_str().to_owned());
        record.data = Some(json!({ "found": found }));
        match self.0.audit.write(&record, Durability::Written).await {
            Ok(_) if known => self.0.services.forget_transaction(*id),
            Ok(_) => {}
            // What is known of it stays for the next start.
            Err(e) => tracing::error!("the end of request {id} could not be recorded: {e}"),
        }
        if let Some(confirmation) = begun.confirmation.filter(|_| begun.held) {
            self.finished(confirmation, &reply).await;
        }
        if begun.purges {
            self.0.gate.scrub().await;
        }
        let now = self.0.clock.now().wall_ms;
        self.0.events.tell(
            Some(*owner),
            "action_finished",
            now,
            || json!({ "request": id, "action": reply.action, "status": reply.status(), "code": reply.code() }),
        );
    }
}

/// A request that had begun, and what is known of it.
pub(super) struct Begun {
    id: Uuid,
    /// Whether it overwrites the text of a note.
    purges: bool,
    action: String,
    owner: u32,
    confirmation: Option<Uuid>,
    /// Whether the gate has to be told how the request ended that was confirmed.
    held: bool,
    /// The receipt that it puts back.
    undoes: Option<Uuid>,
    /// Its end in the gate's journal.
    ended: Option<&'static str>,
    transaction: Option<Transaction>,
    /// What was to be done; empty when the record does not tell.
    steps: Vec<Action>,
    /// Whether the machine was booted again since.
    rebooted: Option<bool>,
}

impl Begun {
    /// A plan of one step, whose packages were still being changed when it was answered.
    pub(super) fn unknown(id: Uuid, owner: u32, plan: &Plan, confirmation: Option<Uuid>, of: Transaction) -> Begun {
        Begun {
            id,
            purges: false,
            action: plan.name.to_string(),
            owner,
            confirmation,
            held: confirmation.is_some(),
            undoes: plan.undoes,
            ended: None,
            transaction: Some(of),
            steps: plan.steps.clone(),
            rebooted: None,
        }
    }
}

fn is_unknown(result: &Result<Outcome, Failure>) -> bool {
    matches!(result, Err(failure) if failure.code == Code::UnknownOutcome)
}

/// What became of a package transaction; waits for its end, within a time.
async fn became(cx: &Context<'_>, transaction: &Transaction, action: &str) -> Result<Outcome, Failure> {
    match attach(cx, transaction, action) {
        Some(ending) => ending.await,
        // Its folder is there and its process was never started.
        None => Err(Failure::new(
            Code::Failed,
            "the agent stopped before the package manager was started; nothing was done",
        )),
    }
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
