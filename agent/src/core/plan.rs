//! Plans of several steps: what each step is told, and what a plan may be admitted by beside rules and people.

use std::sync::Arc;

use serde_json::json;
use sha2::{Digest, Sha256};
use steward_ipc::Code;
use steward_policy::{Assurance, Decision, Policy, Requirements, Risk, Verdict};
use uuid::Uuid;

use super::Core;
use super::assess::{mean, merged};
use super::carry::Case;
use crate::action::{self, Action, Meta, Shown};
use crate::audit::{AuditRecord, Kind, What};
use crate::caller::Caller;
use crate::gate::Unfit;
use crate::gate::judge::{Subject, Who};
use crate::reply::{Denied, Ending, Failure, Looked, Outcome, Reply};
use crate::request::{About, Ask, PLAN, Plan, PlanRequest, Terms};
use crate::services::Progress;
use crate::store::Durability;

/// The worst class of harm that a static token discharges. A command is an exception as long as a sandbox holds it.
const STATIC_TOKEN_RISK: Risk = Risk::Reversible;

impl Core {
    /// Answers several calls as one plan: one verdict, one approval, one record, and an end for each call in its position. Never
    /// fails, never panics.
    pub async fn plan(&self, request: PlanRequest<'_>) -> Vec<Ending> {
        let PlanRequest { caller, calls, mut terms, about } = request;
        let mut steps = Vec::with_capacity(calls.len());
        let mut positions = Vec::with_capacity(calls.len());
        let mut asks = Vec::new();
        let mut endings: Vec<Option<Ending>> = Vec::with_capacity(calls.len());
        let mut pings = 0;
        for (at, call) in calls.into_iter().enumerate() {
            let name = call.as_ref().map_or(PLAN, |call| &*call.name).to_owned();
            let read = call.and_then(|call| action::read(&call.name, call.payload.as_deref(), call.args));
            let ending = match read {
                Ok(Ask::Do(action)) => {
                    steps.push(action);
                    positions.push(at);
                    asks.push(terms.asks.get(at).copied().unwrap_or(false));
                    None
                }
                Ok(Ask::Meta(Meta::Ping(_))) => {
                    pings += 1;
                    Some(Ending::Done(Outcome { message: Some("pong".into()), ..Outcome::default() }))
                }
                Ok(Ask::Meta(_)) => {
                    let message = format!("`{}` is no step of a plan", action::types::visible(&name, 64));
                    Some(failed(Failure::invalid_payload(message)))
                }
                Err(failure) => {
                    self.refused(caller, &name, &failure);
                    Some(failed(failure))
                }
            };
            endings.push(ending);
        }
        let unreadable = endings.iter().flatten().any(|e| e.code().is_some());
        if steps.is_empty() {
            if !unreadable {
                self.looked_in(caller, about, pings).await;
            }
        } else if unreadable && !terms.only_look {
            // Whoever wrote one step that cannot be meant did not mean the others like this either.
            for at in positions {
                endings[at] = Some(not_run("not run, because a step of the plan is not one that can be done"));
            }
        } else {
            let count = steps.len();
            terms.asks = asks;
            // Plans of nothing but `ping` do not carry a future of this size.
            let reply = Box::pin(self.caught(PLAN.into(), self.several(caller, steps, about, terms))).await;
            for (at, ending) in positions.into_iter().zip(reply.into_endings(count)) {
                endings[at] = Some(ending);
            }
        }
        let missing = || failed(Failure::internal("a step of a plan without an end"));
        endings.into_iter().map(|ending| ending.unwrap_or_else(missing)).collect()
    }

    /// Takes the path with these steps. Of several, one that cannot be meant is that one's trouble: nothing is done then, and where it
    /// is only looked, at the others.
    async fn several(
        &self,
        caller: &Arc<Caller>,
        mut steps: Vec<Action>,
        about: Option<About>,
        mut terms: Terms<'_>,
    ) -> Reply {
        if steps.len() < 2 {
            return self.path(caller, Plan::of(steps, about), &terms).await;
        }
        let progress = |_: Progress| {};
        let cx = self.context(caller, caller.uid(), Uuid::new_v4(), &progress);
        let mut troubles = Vec::with_capacity(steps.len());
        for number in 0..steps.len() {
            troubles.push(mean(&mut steps, number, &cx).await.err());
        }
        terms.meant = true;
        if troubles.iter().all(Option::is_none) {
            return self.path(caller, Plan::of(steps, about), &terms).await;
        }
        let plan = Plan::of(steps, about);
        if !terms.only_look {
            return self.hopeless(caller, &plan, troubles);
        }
        let names = plan.names();
        let mut good = troubles.iter().map(Option::is_none);
        let mut asks = terms.asks.into_iter();
        let (steps, asks) = plan
            .steps
            .into_iter()
            .map(|step| (step, asks.next().unwrap_or(false)))
            .filter(|_| good.next() == Some(true))
            .unzip();
        terms.asks = asks;
        let plan = Plan { steps, ..Plan::of(Vec::new(), plan.about) };
        let count = plan.steps.len();
        let mut seen = match count {
            0 => Vec::new(),
            _ => self.path(caller, plan, &terms).await.into_endings(count),
        }
        .into_iter();
        let endings = troubles.into_iter().map(|trouble| match trouble {
            Some(failure) => failed(failure),
            None => seen.next().unwrap_or_else(|| failed(Failure::internal("a step that was not looked at"))),
        });
        Reply::of_steps(PLAN, &names, endings.collect())
    }

    /// A plan that only asked whether somebody answers: recorded like what only looks.
    async fn looked_in(&self, caller: &Arc<Caller>, about: Option<About>, pings: u64) {
        if !self.0.audit.admits(caller.uid(), What::Observed) {
            return;
        }
        let mut record = self.blank(Kind::Finished, caller);
        record.action = Some(PLAN.to_owned());
        record.status = Some("ok".to_owned());
        record.data = Some(json!({ "plan": about.as_ref().map(said), "pings": pings }));
        if let Err(error) = self.0.audit.write(&record, Durability::Written).await {
            tracing::error!("a plan of nothing but `ping` could not be recorded: {error}");
        }
    }

    /// A document that was no plan, or one that breaks a rule: recorded before it is answered.
    pub async fn rejected(&self, caller: &Arc<Caller>, request_id: Option<&str>, failure: &Failure) {
        let mut record = self.malformed_record(caller, failure);
        if let Some(id) = request_id {
            let data = record.data.get_or_insert_with(|| json!({}));
            data["plan"] = json!({ "request_id": action::types::visible(id, 128) });
        }
        if let Err(error) = self.0.audit.write(&record, Durability::Written).await {
            tracing::error!("a rejected plan could not be recorded: {error}");
        }
    }

    /// The verdict on each step by itself.
    async fn each(&self, policy: &Policy, case: &Case<'_>) -> Vec<Verdict> {
        let mut all = Vec::with_capacity(case.plan.steps.len());
        for subject in &case.subjects[..case.plan.steps.len()] {
            all.push(self.judge(policy, std::slice::from_ref(subject), Who::Here(case.caller)).await);
        }
        all
    }

    /// The answer that nothing was run: what the policy says to each step, and what it would do.
    pub(super) async fn looked(
        &self,
        case: &Case<'_>,
        shown: Vec<Shown>,
        troubles: Vec<Option<Failure>>,
        terms: &Terms<'_>,
    ) -> Reply {
        let mut steps = Vec::with_capacity(case.plan.steps.len());
        let verdicts = self.each(&case.rules.policy, case).await;
        let is_static = self.is_static_token(terms.token);
        let redeemable = terms.token.map(|token| self.0.gate.redeemable(token, case.caller, case.plan));
        let excused = match case.verdict.decision {
            Decision::Confirm(needs) => {
                redeemable == Some(Ok(()))
                    || self.admits_by_static_token(terms.token, case.plan, &case.subjects, &needs)
            }
            _ => is_static,
        };
        let unfit = redeemable.and_then(Result::err).map(|unfit| self.unfit(terms.token, unfit));
        for (at, verdict) in verdicts.into_iter().enumerate() {
            let wanted = terms.asks.get(at).copied().unwrap_or(false);
            if verdict.decision == Decision::Deny {
                steps.push(self.denied_step(case, &verdict));
                continue;
            }
            let asks = matches!(verdict.decision, Decision::Confirm(_)) || wanted;
            let preview = shown.get(at).filter(|s| !s.preview.summary.is_empty()).map(|s| s.preview.clone());
            let name = verdict.decision.name();
            let would_fail = troubles.get(at).cloned().flatten();
            // What could not be opened is judged as the worst that it could be, and it is not asked about as long as it would not work.
            let excused = excused || is_static && would_fail.is_some();
            steps.push(Ending::Looked(Box::new(Looked {
                decision: verdict.decision,
                asks: asks && !excused,
                unfit: unfit.filter(|_| asks && !excused).map(Unfit::why),
                policy: self.note(&Case { verdict, subjects: Vec::new(), rules: case.rules.clone(), ..*case }, name),
                preview,
                would_fail,
            })));
        }
        let mut record = self.record(Kind::Finished, case);
        record.status = Some("ok".to_owned());
        let data = record.data.get_or_insert_with(|| json!({}));
        data["only_looked"] = json!(true);
        if self.0.audit.admits(case.caller.uid(), What::Observed)
            && let Err(error) = self.0.audit.write(&record, Durability::Written).await
        {
            tracing::error!("a plan that was only looked at could not be recorded: {error}");
        }
        Reply::of_steps(case.plan.name.clone(), &case.plan.names(), steps)
    }

    fn denied_step(&self, case: &Case<'_>, verdict: &Verdict) -> Ending {
        let case = Case { verdict: verdict.clone(), subjects: Vec::new(), rules: case.rules.clone(), ..*case };
        Ending::Denied(Box::new(self.denied(&case)))
    }

    /// The answer to a plan that is denied: each step that is, and that the others were not run.
    pub(super) async fn denied_steps(&self, case: &Case<'_>, all: Denied) -> Reply {
        let count = case.plan.steps.len();
        let all = Ending::Denied(Box::new(all));
        if count == 1 {
            return Reply::ended(case.plan.name.clone(), all);
        }
        let verdicts = self.each(&case.rules.policy, case).await;
        let denied: Vec<bool> = verdicts.iter().map(|v| v.decision == Decision::Deny).collect();
        if !denied.contains(&true) {
            // Only together: by a limit, or because they are too many.
            return Reply::of_steps(case.plan.name.clone(), &case.plan.names(), vec![all; count]);
        }
        let step = |verdict: &Verdict| match verdict.decision {
            Decision::Deny => self.denied_step(case, verdict),
            _ => not_run("not run, because the policy denies another step of the plan"),
        };
        Reply::of_steps(case.plan.name.clone(), &case.plan.names(), verdicts.iter().map(step).collect())
    }

    /// The answer to a plan that somebody would have to be asked about, and that cannot work: nobody is asked.
    pub(super) fn hopeless(&self, caller: &Arc<Caller>, plan: &Plan, troubles: Vec<Option<Failure>>) -> Reply {
        let step = |trouble: Option<Failure>| match trouble {
            Some(failure) => failed(failure),
            None => not_run("not run, because another step of the plan cannot be done"),
        };
        if let Some(failure) = troubles.iter().flatten().next() {
            self.refused(caller, &plan.name, failure);
        }
        let reply = Reply::of_steps(plan.name.clone(), &plan.names(), troubles.into_iter().map(step).collect());
        self.marked(&plan.steps, reply)
    }

    /// Lets one token, which never changes, discharge what is mild. To be called at most once, at the start.
    pub fn allow_static_token(&self, token: &str) {
        tracing::warn!(
            "--confirm-token: whoever knows this token approves what it asks for itself, again and again; it is in the list of \
             processes for everybody to read. It discharges what can be put back and commands in a sandbox, and nothing that \
             the policy wants a person at the desk for. For use, hand out tokens with `steward approve --token`"
        );
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if self.0.static_token.set(digest).is_err() {
            tracing::error!("there is a static token already");
        }
    }

    /// Whether this is the static token. White space around it does not count. Digests are compared, so that how far a guess is
    /// right cannot be told by the time that it takes.
    fn is_static_token(&self, token: Option<&str>) -> bool {
        let (Some(token), Some(own)) = (token, self.0.static_token.get()) else { return false };
        Sha256::digest(token.trim().as_bytes())[..] == own[..]
    }

    /// Why a token does not count, with what is known of the static one.
    fn unfit(&self, token: Option<&str>, unfit: Unfit) -> Unfit {
        if self.is_static_token(token) { Unfit::TooWeak } else { unfit }
    }

    /// Records that a plan came with a token that does not count. Somebody may be trying them out.
    pub(super) fn does_not_count(&self, caller: &Arc<Caller>, plan: &Plan, token: Option<&str>, unfit: Unfit) {
        let mut record = self.blank(Kind::Refused, caller);
        record.action = Some(plan.name.to_string());
        record.code = Some(Code::ConfirmationNotFound.as_str().to_owned());
        record.data = Some(json!({ "token": self.unfit(token, unfit).name(), "plan": plan.about.as_ref().map(said) }));
        self.write_later(&record);
    }

    /// Whether the static token discharges a plan: it is the one, the policy wants nobody else than the requester, and no step does
    /// more harm than can be put back, commands in a sandbox apart.
    pub(super) fn admits_by_static_token(
        &self,
        token: Option<&str>,
        plan: &Plan,
        subjects: &[Subject],
        needs: &Requirements,
    ) -> bool {
        self.is_static_token(token)
            && plan.undoes.is_none()
            && needs.assurance <= Assurance::Requester
            && subjects.iter().all(|subject| is_mild(subject, &plan.steps))
    }
}

/// Whether the static token is enough for it.
pub(super) fn is_mild(subject: &Subject, steps: &[Action]) -> bool {
    subject.risk <= STATIC_TOKEN_RISK
        || subject.action == "exec" && subject.risk < Risk::Critical && steps.iter().all(Action::is_confined)
}

/// What is asked for where the requester itself wants that somebody is asked.
pub(super) fn asked_for(policy: &Policy) -> Verdict {
    let needs = policy.defaults().confirm;
    Verdict {
        decision: Decision::Confirm(Requirements { assurance: Assurance::Requester, ..needs }),
        rule: "requester.asks".into(),
        why: Some("The requester says that something can go wrong.".into()),
        instead: None,
        limits: Vec::new(),
        retry_after: None,
        floor: true,
    }
}

/// What the audit log keeps of what a requester says about its plan.
pub(super) fn said(about: &About) -> serde_json::Value {
    json!({ "request_id": about.request_id, "session_id": about.session_id, "says": about.text, "digest": about.digest })
}

/// The preview of a held plan, with what the requester says.
pub(super) fn with_words(plan: &Plan, shown: &[Shown]) -> Option<steward_ipc::Preview> {
    let mut preview = merged(shown)?;
    if let Some(text) = plan.about.as_ref().and_then(|a| a.text.clone()) {
        preview.requester_text = Some(text);
    }
    Some(preview)
}

pub(super) fn failed(failure: Failure) -> Ending {
    Ending::Failed(Box::new(failure))
}

fn not_run(message: &'static str) -> Ending {
    failed(Failure::new(Code::NotRun, message))
}

impl Core {
    /// The record of something that was no request.
    pub(super) fn malformed_record(&self, caller: &Arc<Caller>, failure: &Failure) -> AuditRecord {
        let mut record = self.blank(Kind::Malformed, caller);
        record.code = Some(failure.code.as_str().to_owned());
        record.data = Some(json!({ "message": action::types::visible(&super::unquoted(&failure.message), 200) }));
        record
    }
}
