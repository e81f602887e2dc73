//! Carries out what was approved: step by step, each with its deadline. After a failure only what looks is still done.

use std::time::Duration;

use steward_ipc::Code;

use crate::action::{Action, Ready};
use crate::gate::Approved;
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// How one step ended.
#[derive(Debug)]
pub struct Ran {
    /// The step.
    pub action: Action,
    /// How it ended.
    pub result: Result<Outcome, Failure>,
}

/// What is asked between steps.
pub trait Turns {
    /// The time that a step may take.
    fn deadline(&self, action: &Action) -> Duration;

    /// Looks at a step anew, because a step before it changed something, and judges what it sees. It may only run if that is not
    /// judged stricter than what was approved.
    fn again(
        &self,
        action: &mut Action,
        ready: &mut Ready,
        cx: &Context<'_>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Runs all steps in their order. Each has an end: a step that changes something is not begun after one that failed.
pub async fn execute(approved: Approved, cx: &Context<'_>, turns: &impl Turns) -> Vec<Ran> {
    let (mut plan, ready) = approved.into_parts();
    let mut ran = Vec::with_capacity(plan.steps.len());
    let (mut changed, mut failed) = (false, None);
    for (number, mut ready) in ready.into_iter().enumerate() {
        let (earlier, [action, ..]) = plan.steps.split_at_mut(number) else { break };
        let result = match failed {
            Some(step) if action.changes() => Err(not_run(step)),
            _ => run(action, &mut ready, changed, &Context { earlier, ..*cx }, turns).await,
        };
        changed |= action.changes();
        // A command that ended with another status than 0 was run, and what it was run for was not reached.
        if result.as_ref().map_or(true, |outcome| outcome.unsuccessful) {
            failed = failed.or(Some(number));
        }
        ran.push(Ran { action: action.clone(), result });
    }
    ran
}

async fn run(
    action: &mut Action,
    ready: &mut Ready,
    changed: bool,
    cx: &Context<'_>,
    turns: &impl Turns,
) -> Result<Outcome, Failure> {
    if changed || !ready.looked {
        turns.again(action, ready, cx).await?;
    }
    let before = turns.deadline(action);
    let limit = before.saturating_add(action.after_first_change());
    let cx = &Context { deadline: before, ..*cx };
    let ready = std::mem::replace(ready, Ready { looked: false, opened: None, shown: None });
    match tokio::time::timeout(limit, action.run(cx, ready)).await {
        Ok(result) => result,
        // It was called and did not come back: it may have had its effect.
        Err(_) => Err(Failure::new(
            Code::UnknownOutcome,
            format!("it did not end within {} seconds, and may still have its effect", limit.as_secs()),
        )),
    }
}

/// The end of a step that was not begun, because `step` failed.
fn not_run(step: usize) -> Failure {
    Failure::new(Code::NotRun, format!("not run, because step {} failed", step + 1))
}
