//! What is found out about a plan before it is admitted: what is meant, what there is to see, whether it could work, what would happen.
//! Reads only; what is made of it stands in `verdict` and in the one path.

use std::sync::Arc;

use rustix::io::Errno;
use serde_json::json;
use steward_ipc::Code;
use steward_policy::{Arg, Decision, Policy, Risk, Step, Verdict};
use uuid::Uuid;

use super::verdict::SAID;
use super::{Core, Rules};
use crate::action::{self, Action, Look, Opened, Ready, Shown};
use crate::backend::files::Readable;
use crate::backend::package::Item;
use crate::gate::judge::{Subject, Who};
use crate::reply::Failure;
use crate::request::{Ask, Plan};
use crate::services::Context;

/// Replaces what was said in a step by what is meant, in the light of the steps before it.
pub(super) async fn mean(steps: &mut [Action], number: usize, cx: &Context<'_>) -> Result<(), Failure> {
    let (earlier, [step, ..]) = steps.split_at_mut(number) else { return Ok(()) };
    step.mean(&Context { earlier, ..*cx }).await
}

/// How far a plan is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// It is previewed where somebody is going to be asked, or where what runs is held to it.
    AsNeeded,
    /// It is previewed.
    Previewed,
    /// It is previewed, and what cannot work is told with it.
    OnlyLook,
}

/// What was found out about a plan before it is admitted.
#[derive(Debug)]
pub(super) struct Assessed {
    /// One for each step, then that it was said, if it was.
    pub(super) subjects: Vec<Subject>,
    pub(super) ready: Vec<Ready>,
    pub(super) verdict: Verdict,
    /// One for each step, where a preview was made.
    pub(super) shown: Vec<Shown>,
    /// Why a step cannot work, whatever the steps before it do.
    pub(super) troubles: Vec<Option<Failure>>,
    pub(super) preview_error: Option<String>,
}

impl Core {
    /// Replaces an `undo` by the action that puts the change back, and what was said by what is meant.
    pub(super) async fn resolve(&self, mut plan: Plan, cx: &Context<'_>) -> Result<Plan, Failure> {
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

    /// Everything that is found out about a plan before it is admitted: looked at, judged on its arguments, whether what it needs is
    /// there, and previewed as far as `depth` goes.
    ///
    /// # Errors
    /// Why a single action cannot work. In a plan of several steps that is one step's trouble.
    pub(super) async fn assess(
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

    /// Gathers the facts that judging needs. A step that cannot be looked at is judged on its arguments as they are, and says why.
    pub(super) async fn look(
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
    pub(super) async fn look_at(
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

    /// What would happen, within a time and one at a time for each uid. Of a step that cannot work it is not asked.
    pub(super) async fn preview(
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
    pub(super) fn held_to_receipt(&self, id: Uuid, shown: &mut Shown, cx: &Context<'_>) -> Result<(), Failure> {
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
}

/// One preview of all steps.
pub(super) fn merged(shown: &[Shown]) -> Option<steward_ipc::Preview> {
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
