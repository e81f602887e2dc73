//! The one path, from a request to its reply, readable from top to bottom in `Core::path`.
//!
//! A door calls [`Core::handle`] and nothing else, beside [`Core::watch`] for events.

use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::task::Poll;
use std::time::Duration;

use rustix::io::Errno;
use serde_json::json;
use steward_ipc::Code;
use steward_policy::{Arg, Decision, Policy, Risk, Step, Verdict};
use uuid::Uuid;

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

pub use start::{Setup, StartError, Vanished};

use crate::action::{self, Action, Look, Opened, Ready, Shown};
use crate::audit::{Audit, Place};
use crate::backend::dbus::login1::Login1;
use crate::backend::files::Readable;
use crate::backend::package::Item;
use crate::caller::Caller;
use crate::clock::Clock;
use crate::config::Config;
use crate::events::{Events, Watch};
use crate::gate::Gate;
use crate::gate::grants::Asked;
use crate::gate::judge::{Judging, Subject, Who, judge};
use crate::interpret::Interpreter;
use crate::policy_files::{PolicyFiles, ReadPolicy};
use crate::receipts::Receipts;
use crate::reply::{Ending, Failure, Outcome, Reply};
use crate::request::{Ask, Plan, Request, Terms};
use crate::services::{Context, Progress, Services};
use crate::store::StateLock;
use carry::Case;
use plan::{asked_for, with_words};

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
                    let said_freely = match subjects.iter().find(|s| s.action == SAID) {
                        Some(said) => {
                            let alone = self.judge(&rules.policy, std::slice::from_ref(said), Who::Here(caller)).await;
                            alone.decision == Decision::Ok
                        }
                        None => true,
                    };
                    let covered: Vec<Subject> = subjects.iter().filter(|s| s.action != SAID).cloned().collect();
                    // A requester that wants somebody to be asked does not want what was approved before.
                    let grant = match plan.undoes {
                        None if said_freely && !asks => {
                            self.0.gate.grant_for(caller, &Asked::of(&plan, &covered), &needs, &rules.policy)
                        }
                        _ => None,
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

    /// Everything that is found out about a plan before it is admitted: looked at, judged on its arguments, whether what it needs is
    /// there, and previewed as far as `depth` goes.
    ///
    /// # Errors
    /// Why a single action cannot work. In a plan of several steps that is one step's trouble.
    async fn assess(
        &self,
        plan: &mut Plan,
        rules: &Rules,
        who: Who<'_>,
        cx: &Context<'_>,
        depth: Depth,
    ) -> Result<Assessed, Failure> {
        let (subjects, ready, mut troubles) = self.look(plan, &rules.policy, who, cx).await;
        // Judged on its arguments first: a deny ends here, and nothing was asked of the system.
        let verdict = self.judge(&rules.policy, &subjects, who).await;
        let mut assessed =
            Assessed { subjects, ready, verdict, shown: Vec::new(), troubles: Vec::new(), preview_error: None };
        let alone = plan.steps.len() == 1 && depth != Depth::OnlyLook;
        if assessed.verdict.decision == Decision::Deny && depth == Depth::OnlyLook {
            for (number, trouble) in troubles.iter_mut().enumerate() {
                let subject = std::slice::from_ref(&assessed.subjects[number]);
                if self.judge(&rules.policy, subject, who).await.decision == Decision::Deny {
                    *trouble = Some(Failure::new(Code::Denied, "action denied by policy"));
                }
            }
        } else if assessed.verdict.decision == Decision::Deny {
            match troubles.first_mut() {
                // Of arguments that say nothing to the rules it is not known whether they are denied.
                Some(trouble @ Some(_)) if alone && assessed.subjects[0].facts.is_empty() => {
                    if let Some(failure) = trouble.take() {
                        return Err(failure);
                    }
                }
                _ => {}
            }
            assessed.troubles = troubles;
            return Ok(assessed);
        }
        for (step, trouble) in plan.steps.iter().zip(&mut troubles) {
            if trouble.is_none() {
                *trouble = cx.available(step).await.err();
            }
        }
        if alone && let Some(failure) = troubles[0].take() {
            return Err(failure);
        }
        let asks = assessed.verdict.decision != Decision::Ok;
        if depth != Depth::AsNeeded || asks || plan.steps.iter().any(Action::held_to_preview) {
            match self.preview(plan, &troubles, cx).await {
                Ok(all) => {
                    for (number, shown) in all.into_iter().enumerate() {
                        assessed.shown.push(match shown {
                            Ok(shown) => shown,
                            Err(failure) if alone => return Err(failure),
                            // What the steps before it are to make cannot be seen yet.
                            Err(failure) => {
                                troubles[number].get_or_insert(failure);
                                Shown::sentence(plan.steps[number].sentence())
                            }
                        });
                    }
                }
                // It cannot be known now, which is not to say that it cannot work: the person is told.
                Err(f) if depth == Depth::OnlyLook || asks && matches!(f.code, Code::TimedOut | Code::Overloaded) => {
                    assessed.preview_error = Some(f.message.to_string());
                }
                Err(f) => return Err(f),
            }
            self.mark_previews(&plan.steps, &mut assessed.shown);
        }
        for (number, trouble) in troubles.iter_mut().enumerate() {
            if plan.changes_before(number) {
                *trouble = None;
            }
        }
        for (ready, shown) in assessed.ready.iter_mut().zip(&assessed.shown) {
            ready.shown = Some(shown.clone());
        }
        assessed.troubles = troubles;
        Ok(assessed)
    }

    /// Replaces an `undo` by the action that puts the change back, and what was said by what is meant.
    async fn resolve(&self, mut plan: Plan, cx: &Context<'_>) -> Result<Plan, Failure> {
        let [Action::Undo(undo)] = plan.steps.as_slice() else {
            for n in 0..plan.steps.len() {
                mean(&mut plan.steps, n, cx).await?;
            }
            return Ok(plan);
        };
        let no_receipt = |said: String| Failure::new(Code::Failed, said).with(json!({ "state": "no_receipt" }));
        let none = || no_receipt("there is nothing to put back".to_owned());
        let unknown = |text: &str| {
            let shown = action::types::visible(text, 64);
            no_receipt(format!(
                "there is nothing to put back under `{shown}`: it is no receipt of yours, or it was put back, or is too old; without a \
                 receipt it is what was done last"
            ))
        };
        let wanted = match &undo.receipt {
            Some(text) => Some(Uuid::try_parse(text).map_err(|_| unknown(text))?),
            None => None,
        };
        let receipt = self.0.receipts.find(cx.owner, wanted);
        let receipt = receipt.ok_or_else(|| undo.receipt.as_deref().map_or_else(none, unknown))?;
        let args = receipt.undo.args.as_object().cloned().unwrap_or_default();
        let Ask::Do(inverse) = action::recall(&receipt.undo.action, args)? else { return Err(none()) };
        if inverse.personal() {
            cx.personal()?;
        }
        let present = inverse.present(cx).await?;
        if !present.is_null() && present != receipt.undo.after && !undo.force {
            return Err(Failure::new(
                Code::ConfirmationChanged,
                "the state is not the one that the change left, so it is not put back; `force` asks for it all the same",
            )
            .with(json!({
                "receipt": receipt.id, "before": receipt.undo.before, "after": receipt.undo.after, "present": present,
            })));
        }
        Ok(Plan { steps: vec![inverse], undoes: Some(receipt.id), ..plan })
    }

    /// Gathers the facts that judging needs. A step that cannot be looked at is judged on its arguments as they are, and says why.
    async fn look(
        &self,
        plan: &mut Plan,
        policy: &Policy,
        who: Who<'_>,
        cx: &Context<'_>,
    ) -> (Vec<Subject>, Vec<Ready>, Vec<Option<Failure>>) {
        let mut subjects = Vec::with_capacity(plan.steps.len() + 1);
        let mut ready = Vec::with_capacity(plan.steps.len());
        let mut troubles = Vec::with_capacity(plan.steps.len());
        // Files of persons are not looked at for others.
        let mut files = match cx.personal() {
            Ok(()) => action::files::ahead(&plan.steps, cx).await.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        for n in 0..plan.steps.len() {
            let file = files.get_mut(n).and_then(Option::take);
            let (earlier, rest) = plan.steps.split_at_mut(n);
            let step = &mut rest[0];
            let cx = &Context { earlier, ..*cx };
            let mut subject = Subject { action: step.name(), risk: step.risk(), facts: Vec::new() };
            let (opened, trouble) = match self.look_at(step, file, policy, who, &mut subject, cx).await {
                Ok(opened) => (opened, None),
                Err(failure) => {
                    if subject.facts.is_empty() {
                        subject.facts = step.facts();
                    }
                    (None, Some(failure))
                }
            };
            subjects.push(subject);
            ready.push(Ready { looked: trouble.is_none(), opened, shown: None });
            troubles.push(trouble);
        }
        if plan.said {
            // Rules for `natural_language` join; without one, its class of harm adds nothing.
            subjects.push(Subject { action: SAID, risk: Risk::Observe, facts: Vec::new() });
        }
        (subjects, ready, troubles)
    }

    /// Looks at one step: what rules see of it, and what was opened. `file` is what it reads, where that was opened already.
    async fn look_at(
        &self,
        step: &mut Action,
        file: Option<Result<Readable, Errno>>,
        policy: &Policy,
        who: Who<'_>,
        subject: &mut Subject,
        cx: &Context<'_>,
    ) -> Result<Option<Opened>, Failure> {
        // What belongs to somebody else is not looked at: it is judged on its arguments, and refused after that.
        let look = match (cx.personal(), file) {
            (Ok(()), Some(file)) if let Action::ReadFile(read) = &*step => read.seen(file, cx),
            (Err(_), _) if step.personal() => Look { risk: step.risk(), facts: step.facts(), opened: None },
            _ => step.look(cx).await?,
        };
        (subject.risk, subject.facts) = (look.risk, look.facts);
        if let Action::Exec(exec) = step
            && look.opened.is_some()
        {
            exec.settle(policy, &self.judging(policy, who).await, subject, cx)?;
        }
        if matches!(step, Action::ReadFile(_) | Action::WriteFile(_)) {
            let args: Vec<(&str, Arg<'_>)> = subject.facts.iter().map(|(n, a)| (*n, a.borrow())).collect();
            let step = Step { action: subject.action, risk: subject.risk, args: &args };
            subject.risk = policy.risk_of(&step, &self.judging(policy, who).await);
        }
        Ok(look.opened)
    }

    async fn judge(&self, policy: &Policy, subjects: &[Subject], who: Who<'_>) -> Verdict {
        judge(policy, subjects, &self.judging(policy, who).await)
    }

    /// What the policy may ask about the caller and the moment.
    async fn judging<'a>(&'a self, policy: &Policy, who: Who<'a>) -> Judging<'a> {
        let locked = if policy.asks_locked() { self.locked(who).await } else { None };
        Judging {
            who,
            now: self.0.clock.now(),
            rates: &self.0.gate.rates,
            home: self.0.services.home.as_deref(),
            folder: self.0.services.folder.as_deref(),
            locked,
        }
    }

    /// Judges again with what would happen. It may only get stricter: what a package pulls in counts where a rule names
    /// it, and what would be removed counts as a removal.
    async fn judge_effects(
        &self,
        policy: &Policy,
        plan: &Plan,
        subjects: Vec<Subject>,
        shown: &[Shown],
        who: Who<'_>,
    ) -> Verdict {
        let (asked, implied) = subjects.split_at(plan.steps.len() + usize::from(plan.said));
        let mut verdict = self.judge(policy, asked, who).await;
        for subject in implied {
            verdict = stricter(verdict, self.judge(policy, std::slice::from_ref(subject), who).await);
        }
        for subject in shown.iter().flat_map(|s| &s.pulls_in) {
            let other = self.judge(policy, std::slice::from_ref(subject), who).await;
            if !other.rule.starts_with("risk.") && !other.rule.starts_with("defaults.") {
                verdict = stricter(verdict, other);
            }
        }
        verdict
    }

    /// Judges with what would happen by the rules that are in force when it is done: those that came while it waited for its
    /// turn or for the bus count too. Takes a turn where a rate counts; whoever has one keeps it until the release.
    async fn judge_now<'a>(
        &'a self,
        plan: &Plan,
        subjects: &[Subject],
        shown: &[Shown],
        who: Who<'_>,
        turn: &mut Option<tokio::sync::MutexGuard<'a, ()>>,
    ) -> (Verdict, Arc<Rules>) {
        loop {
            let rules = self.rules();
            let verdict = self.judge_effects(&rules.policy, plan, subjects.to_vec(), shown, who).await;
            if turn.is_none() && !verdict.limits.is_empty() {
                *turn = Some(self.0.gate.admitting.lock().await);
            } else if self.rules().generation == rules.generation {
                return (verdict, rules);
            }
        }
    }

    /// Whether the screen of `who` is locked, for rules that ask; `None` when that is not known.
    async fn locked(&self, who: Who<'_>) -> Option<bool> {
        let (uid, session) = match who {
            Who::Here(c) => (c.uid(), c.facts().session.clone()),
            Who::Then(a) => (a.uid, a.session.clone()),
        };
        Login1(&self.0.services.bus).screen_locked(uid, session.as_deref()).await.ok().flatten()
    }

    /// What would happen, within a time and one at a time for each uid. Of a step that cannot work it is not asked.
    async fn preview(
        &self,
        plan: &Plan,
        troubles: &[Option<Failure>],
        cx: &Context<'_>,
    ) -> Result<Vec<Result<Shown, Failure>>, Failure> {
        let turn = {
            let mut previews = self.0.previews.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            previews.retain(|_, turn| Arc::strong_count(turn) > 1);
            previews.entry(cx.owner).or_default().clone()
        };
        let limit = plan.steps.iter().map(Action::preview_deadline).max().unwrap_or_default();
        let previewing = async {
            let _turn = turn.lock().await;
            let mut all = Vec::with_capacity(plan.steps.len());
            for (number, step) in plan.steps.iter().enumerate() {
                all.push(match troubles.get(number) {
                    Some(Some(_)) => Ok(Shown::sentence(step.sentence())),
                    _ => step.preview(&Context { earlier: &plan.steps[..number], ..*cx }).await,
                });
            }
            all
        };
        let Ok(mut all) = tokio::time::timeout(limit, previewing).await else {
            let message = format!("what would happen could not be found out within {} seconds", limit.as_secs());
            return Err(Failure::new(Code::TimedOut, message));
        };
        if let (Some(id), [shown]) = (plan.undoes, all.as_mut_slice())
            && let Ok(shown) = shown
        {
            self.held_to_receipt(id, shown, cx)?;
        }
        Ok(all)
    }

    /// Putting back changes what its receipt names, and nothing else.
    fn held_to_receipt(&self, id: Uuid, shown: &mut Shown, cx: &Context<'_>) -> Result<(), Failure> {
        // Used by another undo since, or too old by now.
        let Some(receipt) = self.0.receipts.find(cx.owner, Some(id)) else {
            let message = "the change was put back already, or it is too long ago";
            return Err(Failure::new(Code::Failed, message).with(json!({ "state": "no_receipt" })));
        };
        let beyond = || shown.transaction.as_ref()?.beyond(receipt.undo.only.as_ref()?).map(Item::to_string);
        if let Some(other) = beyond() {
            let message = format!("putting it back would also {other}, which the change did not bring");
            return Err(Failure::new(Code::ConfirmationChanged, message).with(json!({ "preview": shown.preview })));
        }
        shown.preview.facts.push(steward_ipc::Fact { name: "puts back".into(), value: receipt.summary.clone() });
        Ok(())
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

/// Replaces what was said in a step by what is meant, in the light of the steps before it.
async fn mean(steps: &mut [Action], number: usize, cx: &Context<'_>) -> Result<(), Failure> {
    let (earlier, [step, ..]) = steps.split_at_mut(number) else { return Ok(()) };
    step.mean(&Context { earlier, ..*cx }).await
}

/// How far a plan is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// It is previewed where somebody is going to be asked, or where what runs is held to it.
    AsNeeded,
    /// It is previewed.
    Previewed,
    /// It is previewed, and what cannot work is told with it.
    OnlyLook,
}

/// What was found out about a plan before it is admitted.
#[derive(Debug)]
struct Assessed {
    /// One for each step, then that it was said, if it was.
    subjects: Vec<Subject>,
    ready: Vec<Ready>,
    verdict: Verdict,
    /// One for each step, where a preview was made.
    shown: Vec<Shown>,
    /// Why a step cannot work, whatever the steps before it do.
    troubles: Vec<Option<Failure>>,
    preview_error: Option<String>,
}

/// Under which name rules judge that something was said in words.
const SAID: &str = "natural_language";

/// The stricter of two verdicts, with the reasons of the one that is.
fn stricter(a: Verdict, b: Verdict) -> Verdict {
    let decision = a.decision.join(b.decision);
    let (mut winner, other) = if decision == a.decision { (a, b) } else { (b, a) };
    winner.decision = decision;
    winner.floor |= other.floor;
    winner.limits.extend(other.limits.into_iter().filter(|l| !winner.limits.contains(l)).collect::<Vec<_>>());
    winner
}

/// One preview of all steps.
fn merged(shown: &[Shown]) -> Option<steward_ipc::Preview> {
    match shown {
        [] => None,
        [one] => Some(one.preview.clone()),
        many => Some(steward_ipc::Preview {
            summary: many.iter().map(|s| s.preview.summary.as_str()).collect::<Vec<_>>().join("; then "),
            effects: many.iter().flat_map(|s| s.preview.effects.clone()).collect(),
            facts: many.iter().flat_map(|s| s.preview.facts.clone()).collect(),
            requester_text: many.iter().find_map(|s| s.preview.requester_text.clone()),
        }),
    }
}

/// The answer when everything is as it was asked for already: nothing runs and nobody is asked.
fn already(plan: &Plan, shown: &[Shown]) -> Option<Reply> {
    let said: Vec<&str> = shown.iter().map(|s| s.already.as_deref()).collect::<Option<_>>()?;
    let outcome = Outcome::says(said.join(" ")).with(json!({ "changed": false }));
    (!said.is_empty()).then(|| Reply::done(plan.name.clone(), outcome))
}
