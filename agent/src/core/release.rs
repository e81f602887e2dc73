//! Releasing what was held: everything is looked at, judged and previewed anew, and must still be what was shown.

use std::sync::Arc;

use serde_json::{Value, json};
use steward_ipc::Code;
use steward_policy::{Assurance, Decision, GrantLength};
use uuid::Uuid;

use super::Core;
use super::assess::{Assessed, Depth};
use super::carry::Case;
use super::plan::with_words;
use crate::action::meta::{Confirm, MAX_NOTE, Reject};
use crate::action::types::visible;
use crate::audit::{AuditRecord, Importance, Kind};
use crate::caller::Caller;
use crate::fault;
use crate::gate::grants::{Asked, Grant, offers_for};
use crate::gate::judge::Who;
use crate::gate::record::{Approver, Held, difference};
use crate::gate::{Answer, Claim};
use crate::reply::{Ending, Failure, Outcome, Reply};
use crate::services::Progress;

impl Core {
    /// A yes for once through the door of this caller.
    pub(super) fn plain_yes(&self, caller: &Caller) -> Answer {
        let at_least = self.rules().policy.min_assurance(caller.door().name()).unwrap_or(Assurance::Requester);
        Answer { at_least, lasting: false }
    }

    /// The approver's yes: of any number at once, one releases the request.
    pub(super) async fn confirm(&self, caller: &Arc<Caller>, confirm: Confirm) -> Reply {
        let lasting = confirm.grant.is_some_and(|g| g != steward_policy::GrantLength::Once);
        let claim = match self.0.gate.claim(&confirm.id, caller, Answer { lasting, ..self.plain_yes(caller) }) {
            Ok(claim) => claim,
            Err(failure) => {
                self.refused(caller, "confirm", &failure);
                return Reply::failed("confirm", failure);
            }
        };
        if confirm.token {
            return self.lend(caller, claim, confirm.grant).await;
        }
        self.answered(caller, claim, confirm.grant.map(|length| (length, confirm.scope))).await
    }

    /// Hands a yes out as a token. Its record is on disk before the token is told.
    async fn lend(&self, caller: &Arc<Caller>, claim: Claim<'_>, grant: Option<GrantLength>) -> Reply {
        let (held, approver) = (claim.held().clone(), claim.approver().clone());
        let lent = async {
            if grant.is_some() {
                return Err(Failure::invalid_payload("a token is for one plan, once; leave `grant` out"));
            }
            if held.about.is_none() {
                let message =
                    "a token is for an action plan, which is sent again with it; this request waits for a plain yes";
                return Err(Failure::invalid_payload(message));
            }
            let mut record = self.decided(caller, &held, "approved", Some(&approver));
            record.data = Some(json!({ "owner": held.asker.uid, "digest": held.digest, "token": true }));
            self.write(record).await?;
            claim.lend().await
        };
        match lent.await {
            Ok(token) => {
                let left = held.left(&self.0.clock.now());
                let message = format!("Send the same plan again with this token within {left} seconds.");
                let data = json!({ "id": held.id, "token": token, "expires_in": left });
                Reply::done("confirm", Outcome::says(message).with(data))
            }
            Err(failure) => {
                self.refused(caller, "confirm", &failure);
                Reply::failed("confirm", failure)
            }
        }
    }

    /// Carries out what somebody who may said yes to.
    pub(super) async fn answered(
        &self,
        caller: &Arc<Caller>,
        claim: Claim<'_>,
        grant: Option<(GrantLength, Option<usize>)>,
    ) -> Reply {
        let held = claim.held().clone();
        match Box::pin(self.release(caller, claim, grant)).await {
            Ok(reply) => reply,
            Err(failure) => {
                self.refused(caller, &held.name, &failure);
                Reply::failed(held.name.clone(), failure)
            }
        }
    }

    async fn release(
        &self,
        caller: &Arc<Caller>,
        claim: Claim<'_>,
        wanted: Option<(GrantLength, Option<usize>)>,
    ) -> Result<Reply, Failure> {
        let mut rules = self.rules();
        let held = claim.held().clone();
        let mut plan =
            held.plan().map_err(|e| Failure::new(Code::Failed, format!("it cannot be carried out any more: {e}")))?;
        let id = Uuid::new_v4();
        let progress = |_: Progress| {};
        let cx = self.context(caller, held.asker.uid, id, &progress);
        let who = Who::Then(&held.asker);

        let assessed = self.assess(&mut plan, &rules, who, &cx, Depth::Previewed).await?;
        let Assessed { mut subjects, ready, mut verdict, shown, troubles, preview_error } = assessed;
        if let Some(why) = preview_error {
            return Err(Failure::new(Code::TimedOut, why));
        }
        // As when it was asked for: by the rules of now, and one at a time where a rate counts.
        let mut turn = None;
        if verdict.decision != Decision::Deny {
            if !verdict.limits.is_empty() {
                turn = Some(self.0.gate.admitting.lock().await);
            }
            subjects.extend(shown.iter().flat_map(|s| s.implies.iter().cloned()));
            (verdict, rules) = self.judge_now(&plan, &subjects, &shown, who, &mut turn).await;
        }
        let case = Case { id, caller, plan: &plan, subjects, verdict, rules: rules.clone() };
        if case.verdict.decision == Decision::Deny {
            claim.invalidate("the policy denies it now").await?;
            return Ok(self.deny(case).await);
        }
        if troubles.iter().any(Option::is_some) {
            // It waits on: what is missing may come.
            return Ok(self.hopeless(caller, &plan, troubles));
        }

        // The same as was shown, and not judged stricter than then? Else a person is asked anew about what is true now.
        let now = with_words(&plan, &shown);
        let before = held.preview.as_ref().map(|p| p.effects.as_slice()).unwrap_or_default();
        let mut changes = difference(before, now.as_ref().map(|p| p.effects.as_slice()).unwrap_or_default());
        if held.preview.is_none() && held.needs.preview {
            changes.push("what would happen was not known when it was asked".to_owned());
        }
        if case.verdict.decision.stricter_than(Decision::Confirm((&held.needs).into())) {
            changes.push("the policy is stricter now".to_owned());
        }
        if !changes.is_empty() {
            return self.changed(claim, &held, case, now, changes).await;
        }

        // Looked at before the yes holds: an error leaves the request waiting. Given after it.
        let grant = match wanted {
            Some((length, scope)) => {
                let asked = Asked::of(&plan, &case.subjects[..plan.steps.len()]);
                claim.grant(length, scope, offers_for(&asked, &rules.policy))?
            }
            None => None,
        };
        let approver = claim.approver().clone();
        let limits = case.verdict.limits.clone();
        let approved = claim.approve(plan.clone(), ready, caller, &limits).await?;
        drop(turn);
        if let Err(failure) = self.write(self.decided(caller, &held, "approved", Some(&approver))).await {
            let reply = Reply::failed(held.name.clone(), failure);
            self.finished(held.id, &reply).await;
            return Ok(reply);
        }
        fault::point("decided");
        self.tell_decided(&held, "approved");
        if let Some(grant) = grant {
            self.give(caller, &held, grant).await;
        }
        Ok(self.carry_out(case, approved).await)
    }

    /// Gives a standing approval. Its record is on disk before it holds; without one there is none, and the request that it
    /// came with goes on by its own yes.
    async fn give(&self, caller: &Arc<Caller>, held: &Held, grant: Grant) {
        let (id, owner) = (grant.id, grant.owner);
        let mut record = self.decided(caller, held, "granted", Some(&grant.approver));
        // It lets something through, so it is no refusal that a full disk's reserve is for.
        record.importance = Importance::Act;
        record.data = Some(json!({ "grant": id, "length": grant.length, "covers": grant.covers, "owner": owner }));
        if let Err(failure) = self.write(record).await {
            tracing::error!("a standing approval was not given: {failure}");
            return;
        }
        if let Err(failure) = self.0.gate.give(grant).await {
            tracing::error!("a standing approval was not given: {failure}");
            let mut record = self.decided(caller, held, "not_granted", None);
            record.data = Some(json!({ "grant": id, "owner": owner }));
            self.write_later(&record);
            return;
        }
        let now = self.0.clock.now().wall_ms;
        self.0.events.tell(Some(owner), "grant_changed", now, || json!({ "given": true }));
    }

    /// Ends a request whose effects are not those that were shown, and holds it again as it is now.
    async fn changed(
        &self,
        claim: Claim<'_>,
        held: &Held,
        case: Case<'_>,
        now: Option<steward_ipc::Preview>,
        changes: Vec<String>,
    ) -> Result<Reply, Failure> {
        claim.invalidate("what would happen is not what was shown any more").await?;
        let name = case.plan.name.clone();
        let mut data = json!({ "changes": changes });
        if let Decision::Confirm(_) = case.verdict.decision {
            let again = self.hold(case, now.clone(), None, Some(held)).await?;
            if let Ending::Held(again) = &again.ending {
                data["confirmation_id"] = json!(again.id);
            }
        }
        let message = format!(
            "what would happen is not what was shown any more ({}); look again and confirm anew",
            changes.join("; ")
        );
        let mut failure = Failure::new(Code::ConfirmationChanged, message).with(data);
        failure.preview = now.map(Box::new);
        Ok(Reply::failed(name, failure))
    }

    /// The approver's no.
    pub(super) async fn reject(&self, caller: &Arc<Caller>, reject: Reject) -> Result<Outcome, Failure> {
        if reject.note.as_ref().is_some_and(|n| n.len() > MAX_NOTE) {
            return Err(Failure::invalid_payload(format!("a note has at most {MAX_NOTE} bytes")));
        }
        let note = reject.note.map(|n| visible(&n, MAX_NOTE));
        let held = self.0.gate.reject(&reject.id, caller, note).await?;
        self.write_later(&self.decided(caller, &held, "rejected", None));
        self.tell_decided(&held, "denied");
        Ok(Outcome::says("Refused.").with(json!({ "id": held.id, "state": "denied" })))
    }

    /// The requester's second thought.
    pub(super) async fn cancel(&self, caller: &Arc<Caller>, id: &str) -> Result<Outcome, Failure> {
        let held = self.0.gate.cancel(id, caller).await?;
        self.write_later(&self.decided(caller, &held, "cancelled", None));
        self.tell_decided(&held, "cancelled");
        Ok(Outcome::says("Withdrawn.").with(json!({ "id": held.id, "state": "cancelled" })))
    }

    pub(super) fn decided(
        &self,
        caller: &Arc<Caller>,
        held: &Held,
        answer: &str,
        approver: Option<&Approver>,
    ) -> AuditRecord {
        let mut record = self.blank(Kind::Decided, caller);
        record.action = Some(held.name.clone());
        record.confirmation = Some(held.id);
        record.decision = Some(answer.to_owned());
        record.approver = approver.and_then(|a| serde_json::to_value(a).ok());
        record.data = Some(json!({ "owner": held.asker.uid, "digest": held.digest }));
        if answer != "approved" {
            record.importance = Importance::Refusal;
        }
        record
    }

    pub(super) fn tell_decided(&self, held: &Held, state: &str) {
        let now = self.0.clock.now().wall_ms;
        let data: Value = json!({ "id": held.id, "action": held.name, "state": state });
        self.0.events.tell(Some(held.asker.uid), "request_decided", now, || data);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Setup, Vanished};
    use super::*;
    use crate::caller::Door;
    use crate::request::{Plan, Terms};
    use crate::services::Machine;

    const SELDOM: &str = "version = 1\n[risk]\nobserve = \"ok\"\nlow = \"confirm\"\n[[rule]]\nid = \"seldom\"\nactions = [\"remember\"]\n\
        limit = { rate = \"5/1h\", per = \"uid\", over = \"deny\" }\ndecision = ";

    /// A plan to keep a note.
    fn note() -> Plan {
        match crate::action::read("remember", Some("x"), None) {
            Ok(crate::request::Ask::Do(action)) => Plan::one(action),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_deny_that_came_while_a_request_waited_for_its_turn_stops_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let write = |text: &str| std::fs::write(at("policy.toml"), text).expect("written");
        std::fs::write(at("config.toml"), "version = 1\n").expect("written");
        let caller = Arc::new(Caller::this_process(Door::Command));
        for decision in ["\"ok\"\n", "\"confirm\"\n"] {
            write(&format!("{SELDOM}{decision}"));
            let (core, _) = Core::start(Setup::of_a_test(folder.path(), Machine::bare(None))).expect("it starts");
            let held = match core.path(&caller, note(), &Terms::default()).await.ending {
                Ending::Held(held) => Some(held.id.to_string()),
                _ => None,
            };
            assert_eq!(held.is_some(), decision.contains("confirm"));
            let turn = core.0.gate.admitting.lock().await;
            let waiting = async {
                match &held {
                    Some(id) => {
                        core.confirm(&caller, Confirm { id: id.clone(), grant: None, scope: None, token: false }).await
                    }
                    None => core.path(&caller, note(), &Terms::default()).await,
                }
            };
            let meanwhile = async {
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                write("version = 1\n[risk]\nobserve = \"ok\"\nlow = \"deny\"\n");
                core.reload(Vanished::Taken).await.expect("good rules");
                drop(turn);
            };
            let (reply, ()) = tokio::join!(waiting, meanwhile);
            assert_eq!(reply.code(), Some(Code::Denied), "{decision}: {reply:?}");
            core.stop().await;
        }
    }
}
