//! Carrying out: the record before, the deed, the receipt, the record after.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use serde_json::{Value, json};

use steward_ipc::{Code, Response};
use steward_policy::{Decision, Risk, Verdict};
use uuid::Uuid;

use super::plan::{failed, is_mild, said};
use super::take_up::Begun;
use super::{Core, Rules};
use crate::action::types::visible;
use crate::action::{Action, Need, Ready};
use crate::audit::{AuditCaller, AuditError, AuditRecord, Importance, Kind};
use crate::caller::Caller;

use crate::execute::{Ran, Turns, execute};
use crate::fault;
use crate::gate::judge::{Subject, Who};
use crate::gate::{Approved, How};
use crate::receipts::Keeping;
use crate::reply::{Ending, Failure, Reply};
use crate::request::Plan;
use crate::services::{Context, Progress};
use crate::store::Durability;

/// A request that was judged.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) id: Uuid,
    pub(super) caller: &'a Arc<Caller>,
    pub(super) plan: &'a Plan,
    pub(super) subjects: Vec<Subject>,
    pub(super) verdict: Verdict,
    pub(super) rules: Arc<Rules>,
}

impl Case<'_> {
    fn risk(&self) -> Risk {
        self.subjects.iter().map(|s| s.risk).max().unwrap_or(Risk::Critical)
    }
}

impl Core {
    /// Runs what was approved. The `judged` record is on disk before it begins; the `finished` one before it is answered.
    pub(super) async fn carry_out(&self, case: Case<'_>, approved: Approved) -> Reply {
        let name = case.plan.name.clone();
        let how = approved.how().clone();
        let mut judged = self.record(Kind::Judged, &case);
        judged.runs = true;
        let mut data = match &how {
            How::Rule => json!({ "how": "rule" }),
            How::Grant(id) => json!({ "how": "grant", "grant": id }),
            How::Person(_) => json!({ "how": "person" }),
            How::StaticToken => json!({ "how": "static_token", "static_token": true }),
        };
        if case.risk() > Risk::Observe {
            // A restarted agent tells by it whether the machine was booted again since.
            data["boot"] = json!(&*self.0.clock.now().boot_id);
        }
        if self.simulates(&case.plan.steps) {
            data["simulated"] = json!(true);
        }
        if let Some(about) = &case.plan.about {
            data["plan"] = said(about);
        }
        judged.data = Some(data);
        if let How::Person(id) = &how {
            judged.confirmation = Some(*id);
        }
        // What only looks need not wait for the disk, but for its line to be written; on a full disk, and beyond its rate,
        // it has none.
        let looks = case.risk() == Risk::Observe;
        judged.observe = looks;
        let durability = if looks { Durability::Written } else { Durability::Synced };
        let recorded = self.0.audit.write(&judged, durability).await;
        let unrecorded = looks && matches!(recorded, Ok(0) | Err(AuditError::Full));
        if let Err(error) = recorded
            && !unrecorded
        {
            let failure = audit_failure(&error);
            if let How::Person(id) = how {
                self.finished(id, &Reply::failed(name.clone(), failure.clone())).await;
            }
            return Reply::failed(name, failure);
        }
        fault::point("judged");

        let owner = approved.owner();
        let task = Running {
            core: self.clone(),
            id: case.id,
            owner,
            name: name.to_string(),
            rules: case.rules.clone(),
            admitted: case.verdict.decision,
            how: how.clone(),
        };
        let ran = if case.risk() > Risk::Observe {
            OnItsOwn::new(case.id, case.plan.steps.len(), task.run(approved)).await
        } else {
            task.run(approved).await
        };
        fault::point("ran");

        let mut reply = self.marked(&case.plan.steps, Reply::of_steps(name, &case.plan.names(), ran.steps));
        let kind = if reply.code() == Some(Code::UnknownOutcome) { Kind::Unknown } else { Kind::Finished };
        let mut finished = self.blank(kind, case.caller);
        finished.id = Some(case.id);
        finished.action = judged.action;
        finished.confirmation = judged.confirmation;
        if !reply.steps.is_empty() || case.plan.about.is_some() {
            let mut data = ends(&case, &reply);
            if matches!(how, How::StaticToken) {
                data["static_token"] = json!(true);
            }
            finished.data = Some(data);
        }
        finished.status = Some(reply.status().to_owned());
        finished.code = reply.code().map(|c| c.as_str().to_owned());
        // The record of the end and the receipts are written together.
        let record = async {
            if !unrecorded && let Err(error) = self.0.audit.write(&finished, Durability::Written).await {
                tracing::error!("the end of request {} could not be recorded: {error}", case.id);
                return false;
            }
            true
        };
        let (recorded, kept) = tokio::join!(record, self.kept(ran.receipts));
        if !kept {
            without_receipt(&mut reply);
        }
        fault::point("finished");
        // Not while the outcome is unknown: then it is waited for, here and by a restarted agent. Nor while its end is not on
        // record: then a restarted agent records it.
        if kind == Kind::Finished && recorded && case.plan.steps.iter().any(|s| s.need() == Need::Packages) {
            self.0.services.forget_transaction(case.id);
        }
        if let How::Person(id) = how {
            self.finished(id, &reply).await;
        }
        if case.plan.steps.iter().any(|s| matches!(s, Action::Forget(f) if f.purge)) {
            self.0.gate.scrub().await;
        }
        let now = self.0.clock.now().wall_ms;
        self.0.events.tell(
            Some(owner),
            "action_finished",
            now,
            || json!({ "request": case.id, "action": reply.action, "status": reply.status(), "code": reply.code() }),
        );
        if let (Kind::Unknown, [_]) = (kind, case.plan.steps.as_slice())
            && let Some(transaction) = self.0.services.transaction_of(case.id)
        {
            let (core, begun) =
                (self.clone(), Begun::unknown(case.id, owner, case.plan, judged.confirmation, transaction));
            tokio::spawn(async move { core.wait_on(begun).await });
        }
        reply
    }

    /// Waits until all receipts are kept; says whether they are.
    async fn kept(&self, receipts: Vec<Keeping>) -> bool {
        let mut all = true;
        for receipt in receipts {
            if let Err(e) = self.0.receipts.kept(receipt).await {
                tracing::error!("a receipt could not be written: {e}");
                all = false;
            }
        }
        all
    }

    /// Journals how a confirmed request ended.
    pub(super) async fn finished(&self, id: Uuid, reply: &Reply) {
        let kind = match reply.code() {
            None => "done",
            Some(Code::UnknownOutcome) => "unknown",
            Some(_) => "failed",
        };
        let response = serde_json::to_value(Response::from(reply.clone())).unwrap_or(Value::Null);
        if let Err(failure) = self.0.gate.finished(id, kind, response).await {
            tracing::error!("the end of confirmation {id} could not be journalled: {failure}");
        }
    }

    /// A record with what is known of a judged request.
    pub(super) fn record(&self, kind: Kind, case: &Case<'_>) -> AuditRecord {
        let mut record = self.blank(kind, case.caller);
        record.id = Some(case.id);
        record.action = Some(case.plan.name.to_string());
        record.args = Some(match case.plan.steps.as_slice() {
            [one] if case.plan.undoes.is_none() => one.audited(),
            steps => steps.iter().map(|s| json!({ "action": s.name(), "args": s.audited() })).collect(),
        });
        record.decision = Some(case.verdict.decision.name().to_owned());
        record.rule = Some(case.verdict.rule.to_string());
        record.policy = Some(case.rules.policy.hash().to_owned());
        if let Some(about) = &case.plan.about {
            record.data = Some(json!({ "plan": said(about) }));
        }
        record
    }

    /// A record with what is known of a caller.
    pub(super) fn blank(&self, kind: Kind, caller: &Caller) -> AuditRecord {
        let facts = caller.facts();
        let mut record = AuditRecord::new(kind);
        record.caller = Some(AuditCaller {
            uid: caller.uid(),
            gid: Some(caller.gid()),
            pid: Some(caller.pid()).filter(|p| *p != 0),
            exe: facts.exe.clone(),
            unit: facts.unit.clone().or_else(|| facts.user_unit.clone()),
            door: Some(caller.door().name().to_owned()),
            socket: caller.socket().map(str::to_owned),
            name: None,
        });
        record
    }

    /// Writes a record and waits until it is on disk.
    pub(super) async fn write(&self, record: AuditRecord) -> Result<(), Failure> {
        let written = self.0.audit.write(&record, Durability::Synced).await;
        written.map(|_| ()).map_err(|e| audit_failure(&e))
    }

    /// Writes a record without waiting: it tells of something that did not run.
    pub(super) fn write_later(&self, record: &AuditRecord) {
        let mut record = record.clone();
        record.importance = Importance::Refusal;
        self.0.audit.tell(&record);
    }

    /// Records that a request was refused before or beside judging.
    pub(super) fn refused(&self, caller: &Arc<Caller>, name: &str, failure: &Failure) {
        let mut record = self.blank(Kind::Refused, caller);
        record.action = Some(visible(name, 64));
        record.code = Some(failure.code.as_str().to_owned());
        self.write_later(&record);
    }
}

/// What running came to.
#[derive(Debug)]
struct Settled {
    steps: Vec<Ending>,
    /// Receipts that are being written.
    receipts: Vec<Keeping>,
}

/// Names a receipt among the facts of an answer.
fn with_receipt(data: &mut Value, id: Uuid) {
    match data {
        Value::Object(data) => drop(data.insert("receipt".to_owned(), json!(id))),
        data => *data = json!({ "receipt": id }),
    }
}

/// An answer does not name a receipt that could not be kept.
fn without_receipt(reply: &mut Reply) {
    for ending in std::iter::once(&mut reply.ending).chain(&mut reply.steps) {
        let data = match ending {
            Ending::Done(outcome) => outcome.data.as_mut(),
            Ending::Failed(failure) => failure.data.as_deref_mut(),
            Ending::Held(_) | Ending::Denied(_) | Ending::Looked(_) => None,
        };
        if let Some(Value::Object(data)) = data {
            data.remove("receipt");
        }
    }
}

/// What the audit log keeps of how a plan ended.
fn ends(case: &Case<'_>, reply: &Reply) -> Value {
    let endings = reply.endings(case.plan.steps.len());
    let steps: Vec<Value> = endings.map(|e| json!({ "status": e.status(), "code": e.code() })).collect();
    json!({ "plan": case.plan.about.as_ref().map(said), "steps": steps })
}

/// What was approved, on its way: here as long as somebody waits for it, and in a task of its own when nobody does any more.
struct OnItsOwn {
    id: Uuid,
    steps: usize,
    run: Option<Pin<Box<dyn Future<Output = Settled> + Send>>>,
}

impl OnItsOwn {
    fn new(id: Uuid, steps: usize, run: impl Future<Output = Settled> + Send + 'static) -> OnItsOwn {
        OnItsOwn { id, steps, run: Some(Box::pin(run)) }
    }
}

impl Future for OnItsOwn {
    type Output = Settled;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Settled> {
        let Some(run) = &mut self.run else { return Poll::Ready(unknown(self.id, self.steps)) };
        // One that panics in the middle may have had its effect.
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(cx)));
        let settled = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(settled)) => settled,
            Err(_) => unknown(self.id, self.steps),
        };
        self.run = None;
        Poll::Ready(settled)
    }
}

impl Drop for OnItsOwn {
    fn drop(&mut self) {
        if let (Some(run), Ok(runtime)) = (self.run.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(run);
        }
    }
}

/// What is said of an action that ended unexpectedly: whoever looks finds it in the audit log.
fn unknown(id: Uuid, steps: usize) -> Settled {
    let message = format!(
        "it ended unexpectedly, and it is not known whether it had its effect; the audit log has it as request {id}"
    );
    let failure = Failure::new(Code::UnknownOutcome, message).with(json!({ "request": id }));
    Settled { steps: vec![failed(failure); steps], receipts: Vec::new() }
}

pub(super) fn audit_failure(error: &AuditError) -> Failure {
    let code = match error {
        AuditError::Full => Code::Failed,
        AuditError::Log(crate::store::LogError::Overloaded | crate::store::LogError::Stalled) => Code::Overloaded,
        AuditError::Log(_) => Code::Failed,
    };
    Failure::new(code, format!("nothing was done, because it could not be recorded: {error}"))
}

/// An approved plan on its way.
struct Running {
    core: Core,
    id: Uuid,
    owner: u32,
    name: String,
    rules: Arc<Rules>,
    /// What it was admitted with.
    admitted: Decision,
    how: How,
}

impl Running {
    async fn run(self, approved: Approved) -> Settled {
        let inner = &self.core.0;
        let (plan, caller) = (approved.plan().clone(), approved.caller().clone());
        let now = || inner.clock.now().wall_ms;
        inner.events.tell(
            Some(self.owner),
            "action_started",
            now(),
            || json!({ "request": self.id, "action": self.name }),
        );
        let progress = |p: Progress| {
            inner.events.tell(
                Some(self.owner),
                "action_progress",
                now(),
                || json!({ "request": self.id, "action": self.name, "percent": p.percent, "text": p.text }),
            );
        };
        let cx = self.core.context(&caller, self.owner, self.id, &progress);
        let asker = match &self.how {
            How::Person(id) => inner.gate.known(*id),
            _ => None,
        };
        let who = asker.as_ref().map_or(Who::Here(&caller), |held| Who::Then(&held.asker));
        let between = Between { running: &self, who };
        let ran = execute(approved, &cx, &between).await;
        fault::point("executed");
        let mut receipts = Vec::new();
        let steps = self.settle(ran, &plan, &mut receipts).await;
        Settled { steps, receipts }
    }

    /// Makes ends of what the steps did, and receipts for what can be put back.
    async fn settle(&self, ran: Vec<Ran>, plan: &Plan, keeping: &mut Vec<Keeping>) -> Vec<Ending> {
        let receipts = &self.core.0.receipts;
        let mut steps = Vec::with_capacity(ran.len());
        for Ran { action, mut result } in ran {
            // What failed half-way has a way back for the half that was done.
            let undo = match &mut result {
                Ok(step) => step.undo.take(),
                Err(failure) => failure.undo.take(),
            };
            if let Some(undo) = undo {
                let of_undo = plan.undoes.is_some();
                let receipt = receipts.begin(self.owner, self.id, action.name(), action.sentence(), *undo, of_undo);
                match &mut result {
                    Ok(step) => with_receipt(step.data.get_or_insert_default(), receipt.id),
                    Err(failure) => with_receipt(failure.data.get_or_insert_default(), receipt.id),
                }
                keeping.push(receipt);
            }
            steps.push(result.map_or_else(failed, Ending::Done));
        }
        fault::point("receipts");
        // An undo is one step.
        if let (Some(id), [Ending::Done(outcome)]) = (plan.undoes, steps.as_mut_slice()) {
            if let Err(e) = receipts.used(id).await {
                tracing::error!("a receipt could not be used up: {e}");
            }
            if let Some(Value::Object(data)) = &mut outcome.data {
                data.insert("undone".to_owned(), json!(id));
                data.insert("did".to_owned(), json!(plan.names()));
            }
        }
        steps
    }
}

/// What is done between the steps of a plan.
struct Between<'a> {
    running: &'a Running,
    who: Who<'a>,
}

impl Turns for Between<'_> {
    fn deadline(&self, action: &Action) -> Duration {
        self.running.rules.config.deadline(action)
    }

    async fn again(&self, action: &mut Action, ready: &mut Ready, cx: &Context<'_>) -> Result<(), Failure> {
        let core = &self.running.core;
        let rules = core.rules();
        let mut subject = Subject { action: action.name(), risk: action.risk(), facts: Vec::new() };
        ready.opened = core.look_at(action, None, &rules.policy, self.who, &mut subject, cx).await?;
        ready.looked = true;
        let verdict = core.judge(&rules.policy, std::slice::from_ref(&subject), self.who).await;
        let stricter = verdict.decision.stricter_than(self.running.admitted);
        let by_static_token = matches!(self.running.how, How::StaticToken);
        if stricter || by_static_token && !is_mild(&subject, std::slice::from_ref(action)) {
            let message = "after the steps before it, this is not what was approved any more; look again and ask anew";
            return Err(Failure::new(Code::ConfirmationChanged, message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Outcome;

    #[tokio::test]
    async fn an_action_that_panics_has_an_unknown_outcome_and_names_its_record() {
        let id = Uuid::new_v4();
        let steps = OnItsOwn::new(id, 2, async { panic!("in the middle of it") }).await.steps;
        assert_eq!(steps.len(), 2);
        let Ending::Failed(failure) = &steps[0] else { panic!("{steps:?}") };
        assert_eq!(failure.code, Code::UnknownOutcome);
        assert!(failure.message.contains(&id.to_string()), "{failure}");
        let well = async { Settled { steps: vec![Ending::Done(Outcome::default())], receipts: Vec::new() } };
        assert_eq!(OnItsOwn::new(id, 1, well).await.steps[0].code(), None);
    }

    #[tokio::test]
    async fn an_action_goes_on_when_nobody_waits_for_it_any_more() {
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let (done, ended) = tokio::sync::oneshot::channel();
        let run = async {
            let _told = gone.await;
            let _sent = done.send(());
            Settled { steps: vec![Ending::Done(Outcome::default())], receipts: Vec::new() }
        };
        let mut waited = Box::pin(OnItsOwn::new(Uuid::new_v4(), 1, run));
        assert!(polled_once(waited.as_mut()).is_pending());
        drop(waited);
        go.send(()).expect("it still runs");
        ended.await.expect("it came to its end");
    }

    fn polled_once(future: Pin<&mut OnItsOwn>) -> Poll<Settled> {
        future.poll(&mut task::Context::from_waker(task::Waker::noop()))
    }
}
