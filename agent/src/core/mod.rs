//! The one path, from a request to its reply, readable from top to bottom in `Core::path`.
//!
//! A door calls [`Core::handle`] and [`Core::plan`], [`Core::watch`] for events, and [`Core::malformed`] and [`Core::rejected`] for what was
//! no request. Nothing else of the agent is its business.

use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::task::Poll;
use std::time::Duration;

use serde_json::json;
use steward_policy::{Decision, Policy, Requirements, Verdict};
use uuid::Uuid;

mod assess;
mod carry;
#[cfg(test)]
mod full_tests;
mod hold;
mod meta;
mod plan;
mod release;
mod say;
mod simulated;
mod start;
mod take_up;
mod verdict;

pub use start::{Setup, StartError, Vanished};

use crate::action::{self, Shown};
use crate::audit::{Audit, Place};
use crate::caller::Caller;
use crate::clock::Clock;
use crate::config::Config;
use crate::events::{Events, Watch};
use crate::gate::Gate;
use crate::gate::grants::Asked;
use crate::gate::judge::{Subject, Who};
use crate::policy_files::{self, PolicyFiles, ReadPolicy};
use crate::receipts::Receipts;
use crate::reply::{Ending, Failure, Outcome, Reply};
use crate::request::{Ask, Plan, Request, Terms};
use crate::services::{Context, Progress, Services};
use crate::store::StateLock;
use assess::{Assessed, Depth};
use carry::Case;
use plan::{asked_for, with_words};
use steward_interpret::Interpreter;
use verdict::SAID;

/// A handle on the agent; cheap to clone.
#[derive(Clone, Debug)]
pub struct Core(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    services: Services,
    gate: Gate,
    audit: Arc<Audit>,
    audit_place: Place,
    receipts: Receipts,
    events: Events,
    /// Compiled at the first sentence: an agent that is only sent named actions has no use for it.
    interpreter: std::sync::LazyLock<Interpreter, Box<dyn FnOnce() -> Interpreter + Send>>,
    clock: Clock,
    files: PolicyFiles,
    /// When they change; for [`Core::keep_house`].
    watch: tokio::sync::Mutex<policy_files::Watch>,
    config_file: PathBuf,
    /// The policy in force and the configuration; swapped as a whole at a reload.
    rules: RwLock<Arc<Rules>>,
    /// One reload at a time: what was read first is never put in the place of what was read later.
    reloading: tokio::sync::Mutex<()>,
    /// Told after each reload, taken or not.
    reloaded: tokio::sync::Notify,
    /// The digest of the one token that discharges what is mild, where the agent was started with one.
    static_token: OnceLock<[u8; 32]>,
    /// One preview at a time for each uid.
    previews: Mutex<HashMap<u32, Arc<tokio::sync::Mutex<()>>>>,
    /// Given up when the last handle goes.
    _lock: StateLock,
}

/// What a reload swaps.
#[derive(Debug)]
pub(crate) struct Rules {
    policy: Arc<Policy>,
    config: Config,
    /// Counts the generations from 1.
    generation: u64,
    /// The files that it was read from.
    files: ReadPolicy,
    /// What was wrong with the last files, when they were not taken.
    rejected: Option<String>,
}

impl Core {
    /// Answers one request. Never fails, never panics: an error in Steward is an answer too.
    pub async fn handle(&self, request: Request<'_>) -> Reply {
        let name = request.call.name.to_string();
        self.caught(name.into(), self.answer(request)).await
    }

    /// A panic while one request is handled is the answer to that request alone.
    async fn caught(&self, name: Cow<'static, str>, answering: impl Future<Output = Reply>) -> Reply {
        let mut answering = pin!(answering);
        let answer = std::future::poll_fn(|cx| {
            match std::panic::catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(cx))) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(reply)) => Poll::Ready(Ok(reply)),
                Err(_) => Poll::Ready(Err(())),
            }
        });
        match answer.await {
            Ok(reply) => reply,
            Err(()) => Reply::failed(name, Failure::internal("a panic while a request was handled")),
        }
    }

    async fn answer(&self, request: Request<'_>) -> Reply {
        let Request { caller, call } = request;
        match action::read(&call.name, call.payload.as_deref(), call.args.clone()) {
            Ok(Ask::Meta(meta)) => self.meta(caller, meta).await,
            Ok(Ask::Do(action)) => Box::pin(self.path(caller, Plan::one(action), &Terms::default())).await,
            Err(failure) => {
                self.refused(caller, &call.name, &failure);
                Reply::failed(call.name.into_owned(), failure)
            }
        }
    }

    /// The one path: understood already, then looked at, judged, previewed, judged again, admitted, carried out.
    pub(crate) async fn path(&self, caller: &Arc<Caller>, plan: Plan, terms: &Terms<'_>) -> Reply {
        let id = Uuid::new_v4();
        let (name, steps) = (plan.name.clone(), plan.steps.clone());
        match self.try_path(caller, plan, terms, id).await {
            Ok(reply) => {
                match (&reply.ending, &*steps) {
                    (Ending::Done(_), [one]) => caller.talk().did(one.name(), one.payload()),
                    (Ending::Held(held), _) => caller.talk().holds(held.id),
                    _ => {}
                }
                reply
            }
            Err(failure) => {
                self.refused(caller, &name, &failure);
                self.marked(&steps, Reply::failed(name, failure))
            }
        }
    }

    async fn try_path(&self, caller: &Arc<Caller>, plan: Plan, terms: &Terms<'_>, id: Uuid) -> Result<Reply, Failure> {
        let progress = |_: Progress| {};
        let cx = self.context(caller, caller.uid(), id, &progress);
        let mut plan = if terms.meant { plan } else { self.resolve(plan, &cx).await? };
        let mut rules = self.rules();
        let asks = terms.asks.contains(&true);
        let depth = match (terms.only_look, asks) {
            (true, _) => Depth::OnlyLook,
            (false, true) => Depth::Previewed,
            (false, false) => Depth::AsNeeded,
        };
        let assessed = self.assess(&mut plan, &rules, Who::Here(caller), &cx, depth).await?;
        let Assessed { mut subjects, ready, mut verdict, shown, troubles, preview_error } = assessed;
        let case = |verdict: &Verdict, subjects: Vec<Subject>, rules: &Arc<Rules>| Case {
            id,
            caller,
            plan: &plan,
            subjects,
            verdict: verdict.clone(),
            rules: rules.clone(),
        };
        if terms.only_look {
            return Ok(self.looked(&case(&verdict, subjects, &rules), shown, troubles, terms).await);
        }
        if verdict.decision == Decision::Deny {
            return Ok(self.deny(case(&verdict, subjects, &rules)).await);
        }
        if let Some(reply) = already(&plan, &shown) {
            return Ok(self.marked(&plan.steps, reply));
        }

        // Judged again with what would happen, by the rules of now: finding it out may have taken a while. Where a rate counts,
        // one request at a time is judged and counted, so that no two take the same last place.
        let before = std::mem::replace(&mut rules, self.rules()).generation;
        let mut turn = None;
        if !verdict.limits.is_empty() || before != rules.generation {
            turn = Some(self.0.gate.admitting.lock().await);
        }
        if turn.is_some() || !shown.is_empty() {
            subjects.extend(shown.iter().flat_map(|s| s.implies.iter().cloned()));
            (verdict, rules) = self.judge_now(&plan, &subjects, &shown, Who::Here(caller), &mut turn).await;
        }
        if asks && verdict.decision == Decision::Ok {
            verdict = asked_for(&rules.policy);
        }

        // Admitted: by the rules, by a standing approval, by a token for an approval, or later by a person.
        let approved = match verdict.decision {
            Decision::Deny => return Ok(self.deny(case(&verdict, subjects, &rules)).await),
            Decision::Ok => self.0.gate.by_rule(plan.clone(), ready, caller, &verdict.limits),
            // Nobody is asked about what cannot work.
            Decision::Confirm(_) if troubles.iter().any(Option::is_some) => {
                return Ok(self.hopeless(caller, &plan, troubles));
            }
            Decision::Confirm(needs) => {
                let unfit = match terms.token.map(|token| self.0.gate.redeem(token, caller, &plan)) {
                    Some(Ok(claim)) => {
                        drop(turn);
                        return Ok(self.answered(caller, claim, None).await);
                    }
                    Some(Err(unfit)) => Some(unfit),
                    None => None,
                };
                if self.admits_by_static_token(terms.token, &plan, &subjects, &needs) {
                    self.0.gate.by_static_token(plan.clone(), ready, caller, &verdict.limits)
                } else {
                    if let Some(unfit) = unfit {
                        self.does_not_count(caller, &plan, terms.token, unfit);
                    }
                    // A requester that wants somebody to be asked does not want what was approved before.
                    let grant = match asks {
                        true => None,
                        false => self.standing(caller, &plan, &subjects, &needs, &rules.policy).await,
                    };
                    let granted = match grant {
                        Some(grant) => {
                            self.0.gate.by_grant(grant, plan.clone(), ready, caller, &verdict.limits).await?
                        }
                        None => None,
                    };
                    let Some(approved) = granted else {
                        let case = case(&verdict, subjects, &rules);
                        return self.hold(case, with_words(&plan, &shown), preview_error, None).await;
                    };
                    approved
                }
            }
        };
        drop(turn);
        let case = case(&verdict, subjects, &rules);
        Ok(self.carry_out(case, approved).await)
    }

    /// The standing approval by which nobody has to be asked, if there is one.
    async fn standing(
        &self,
        caller: &Arc<Caller>,
        plan: &Plan,
        subjects: &[Subject],
        needs: &Requirements,
        policy: &Policy,
    ) -> Option<Uuid> {
        if plan.undoes.is_some() {
            return None;
        }
        if let Some(said) = subjects.iter().find(|s| s.action == SAID) {
            let said = self.judge(policy, std::slice::from_ref(said), Who::Here(caller)).await;
            if said.decision != Decision::Ok {
                return None;
            }
        }
        let covered: Vec<Subject> = subjects.iter().filter(|s| s.action != SAID).cloned().collect();
        self.0.gate.grant_for(caller, &Asked::of(plan, &covered), needs, policy)
    }

    fn context<'a>(
        &'a self,
        caller: &'a Arc<Caller>,
        owner: u32,
        request: Uuid,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
    ) -> Context<'a> {
        // What is carried out has its own; what only looks has that of whoever has it look.
        let deadline = Duration::MAX;
        Context { services: &self.0.services, caller, owner, request, earlier: &[], deadline, progress }
    }

    fn rules(&self) -> Arc<Rules> {
        self.0.rules.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Subscribes to the events of a uid, or to all for root. None when there are too many subscribers.
    pub fn watch(&self, caller: &Caller) -> Option<Watch> {
        self.0.events.subscribe(caller.uid(), self.may_read_policy(caller))
    }

    /// A line that was no request: answered by its door, recorded here.
    pub fn malformed(&self, caller: &Arc<Caller>, failure: &Failure) {
        self.write_later(&self.malformed_record(caller, failure));
    }
}

/// A message without what it quotes: a line that is no request may have somebody's note in it all the same.
fn unquoted(message: &str) -> String {
    match (message.find('"'), message.rfind('"')) {
        (Some(from), Some(to)) if from < to => format!("{}\"…{}", &message[..from], &message[to..]),
        _ => message.to_owned(),
    }
}

/// The answer when everything is as it was asked for already: nothing runs and nobody is asked.
fn already(plan: &Plan, shown: &[Shown]) -> Option<Reply> {
    let said: Vec<&str> = shown.iter().map(|s| s.already.as_deref()).collect::<Option<_>>()?;
    let outcome = Outcome::says(said.join(" ")).with(json!({ "changed": false }));
    (!said.is_empty()).then(|| Reply::done(plan.name.clone(), outcome))
}
