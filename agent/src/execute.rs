//! Carries out what was approved: step by step, each with its deadline, the first failure ends it.

use std::time::Duration;

use steward_ipc::Code;

use crate::action::Action;
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

/// Runs all steps in their order; steps after a failure are not begun. `deadline` gives the time that a step may take.
pub async fn execute(approved: Approved, cx: &Context<'_>, deadline: impl Fn(&Action) -> Duration) -> Vec<Ran> {
    let (plan, ready) = approved.into_parts();
    let mut ran = Vec::with_capacity(plan.steps.len());
    for (action, ready) in plan.steps.into_iter().zip(ready) {
        let before = deadline(&action);
        let limit = before.saturating_add(action.after_first_change());
        let cx = Context { deadline: before, ..*cx };
        let result = match tokio::time::timeout(limit, action.run(&cx, ready)).await {
            Ok(result) => result,
            // It was called and did not come back: it may have had its effect.
            Err(_) => Err(Failure::new(
                Code::UnknownOutcome,
                format!("it did not end within {} seconds, and may still have its effect", limit.as_secs()),
            )),
        };
        let failed = result.is_err();
        ran.push(Ran { action, result });
        if failed {
            break;
        }
    }
    ran
}
