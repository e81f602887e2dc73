//! Asking and refusing: a request is held for a person, or answered with the policy's no.

use std::sync::Arc;

use serde_json::{Value, json};
use steward_ipc::{Code, PolicyNote};
use steward_policy::{Decision, NoApprover};
use uuid::Uuid;

use super::Core;
use super::carry::Case;
use crate::audit::{Importance, Kind};
use crate::caller::Caller;
use crate::gate::approver;
use crate::gate::grants::{Asked, offers_for};
use crate::gate::record::{Asker, Held, HeldStep, equal};
use crate::reply::{Denied, Ending, Failure, Held as HeldReply, Reply};
use crate::store::Durability;

impl Core {
    /// Holds a request for a person. `asker` is whoever asked first when a changed request is held again.
    pub(super) async fn hold(
        &self,
        case: Case<'_>,
        preview: Option<steward_ipc::Preview>,
        preview_error: Option<String>,
        asker: Option<&Held>,
    ) -> Result<Reply, Failure> {
        let Decision::Confirm(needs) = case.verdict.decision else {
            return Err(Failure::internal("a request was held that nobody has to confirm"));
        };
        let approvers = approvers(needs.assurance);
        if approvers.is_empty() && case.rules.policy.no_approver() == NoApprover::Deny {
            let mut case = case;
            case.verdict.decision = Decision::Deny;
            case.verdict.why = Some("nobody can approve this here".into());
            return Ok(self.deny(case).await);
        }
        let who = asker.map_or_else(|| Asker::of(case.caller), |held| held.asker.clone());
        let chain = asker.map_or_else(|| approver::Chain::of(case.caller).ok(), |held| held.chain.clone());
        let steps = case.plan.steps.iter().zip(&case.subjects);
        let held = Held {
            id: Uuid::new_v4(),
            name: case.plan.name.to_string(),
            steps: steps.map(|(a, s)| HeldStep { name: a.name().into(), args: a.args(), risk: s.risk }).collect(),
            undoes: case.plan.undoes,
            said: case.plan.said,
            about: case.plan.about.clone(),
            equal: equal(who.uid, case.plan),
            asker: who,
            chain,
            preview,
            preview_error,
            needs: needs.into(),
            rule: case.verdict.rule.to_string(),
            why: case.verdict.why.as_ref().map(ToString::to_string),
            policy: case.rules.policy.hash().to_owned(),
            nonce: Uuid::new_v4(),
            digest: String::new(),
            boot_id: String::new(),
            boot_ms: 0,
            wall_ms: 0,
        };
        // The record says that somebody is to be asked; it stands before the question.
        let (held, count) = self.0.gate.hold(held).await?;
        let now = self.0.clock.now();
        if count == 1 {
            let mut record = self.record(Kind::Held, &case);
            record.confirmation = Some(held.id);
            if let Err(failure) = self.write(record).await {
                self.0.gate.withdraw(held.id).await;
                return Err(failure);
            }
            crate::fault::point("held_recorded");
            self.0
                .events
                .tell(Some(held.asker.uid), "request_held", now.wall_ms, || crate::gate::shown(&held, count, &now));
        }
        let asked = Asked::of(case.plan, &case.subjects[..case.plan.steps.len()]);
        let scopes: Vec<String> = offers_for(&asked, &case.rules.policy).into_iter().map(|(_, s)| s).collect();
        let mut data = json!({
            "approve": approve_sentence(needs.assurance, held.id), "approvers": approvers, "assurance": needs.assurance,
            "grants": held.needs.grants, "scopes": scopes, "expires_in": held.left(&now), "count": count,
        });
        if let Some(error) = &held.preview_error {
            data["preview_error"] = Value::String(error.clone());
        }
        let policy = self.note(&case, "confirm");
        let ending = Ending::Held(Box::new(HeldReply { id: held.id, preview: held.preview.clone(), policy, data }));
        Ok(self.marked(&case.plan.steps, Reply::ended(case.plan.name.clone(), ending)))
    }

    /// Answers that the policy says no, and records it.
    pub(super) async fn deny(&self, case: Case<'_>) -> Reply {
        let mut record = self.record(Kind::Denied, &case);
        let limited = case.verdict.retry_after;
        let code = if limited.is_some() { Code::RateLimited } else { Code::Denied };
        record.code = Some(code.as_str().to_owned());
        if case.plan.about.is_some() {
            // What is refused of a plan is on record before it is answered, as far as its rate allows.
            record.importance = Importance::Refusal;
            if let Err(error) = self.0.audit.write(&record, Durability::Written).await {
                tracing::error!("a denied plan could not be recorded: {error}");
            }
        } else {
            self.write_later(&record);
        }
        let denied = self.denied(&case);
        self.denied_steps(&case, denied).await
    }

    /// What is told of a denial.
    pub(super) fn denied(&self, case: &Case<'_>) -> Denied {
        let limited = case.verdict.retry_after;
        let code = if limited.is_some() { Code::RateLimited } else { Code::Denied };
        let message = match limited {
            Some(_) => "too many requests of this kind; wait a little".into(),
            None => "action denied by policy".into(),
        };
        let data = limited.map(|after| json!({ "retry_after": after.as_secs().max(1) }));
        Denied { code, message, policy: Some(self.note(case, "deny")), data }
    }

    /// Why the policy says what it says, as far as the caller may know.
    pub(super) fn note(&self, case: &Case<'_>, decision: &'static str) -> PolicyNote {
        let text = |t: &Option<Arc<str>>| t.as_ref().map(ToString::to_string);
        PolicyNote {
            decision: decision.into(),
            rule: self.may_read_policy(case.caller).then(|| case.verdict.rule.to_string()),
            why: self.why(case.caller, &case.rules.policy, &case.verdict),
            instead: text(&case.verdict.instead),
            hash: case.rules.policy.hash().to_owned(),
        }
    }

    /// The agent's own uid and root may read the policy's files.
    pub(super) fn may_read_policy(&self, caller: &Caller) -> bool {
        !caller.is_foreign() && (caller.uid() == self.0.services.uid || caller.uid() == 0)
    }
}

/// The ways in which a person can answer at this level.
fn approvers(assurance: steward_policy::Assurance) -> Vec<&'static str> {
    match assurance {
        steward_policy::Assurance::Requester => vec!["confirm", "command"],
        steward_policy::Assurance::Desktop => vec!["command"],
        steward_policy::Assurance::Authenticated => Vec::new(),
    }
}

fn approve_sentence(assurance: steward_policy::Assurance, id: Uuid) -> String {
    match assurance {
        steward_policy::Assurance::Requester => {
            format!("ask the person, then send `confirm` with this id; or they run: steward approve {id}")
        }
        steward_policy::Assurance::Desktop => format!("the person runs this in another terminal: steward approve {id}"),
        steward_policy::Assurance::Authenticated => {
            "nobody can approve this here yet: it needs a person who proves who they are".to_owned()
        }
    }
}
