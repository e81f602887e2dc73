//! The ends of steps as the results that the protocol knows.

use serde_json::Value;
use steward_ipc::Code;
use steward_ipc::plan::{Action, ActionPlan, ErrorCode, Judged, Mode, PlanResult, StepResult, Told, WouldFail};
use steward_policy::Decision;

use crate::reply::{Denied, Ending, Failure, Looked, Outcome};

/// What follows an output of which there was more.
const TRUNCATED: &str = "\n[truncated]\n";

/// The answer to a plan of which each step ended.
pub(super) fn result(plan: &ActionPlan, endings: Vec<Ending>) -> PlanResult {
    let results = plan.actions.iter().zip(endings).map(|(action, ending)| step(action, plan.mode, ending)).collect();
    PlanResult { request_id: plan.request_id.clone(), executed: plan.mode == Mode::Execute, results, error: None }
}

fn step(action: &Action, mode: Mode, ending: Ending) -> StepResult {
    let result = StepResult::of(action);
    if matches!(action, Action::Ping) {
        return result;
    }
    match ending {
        Ending::Done(outcome) => done(action, result, outcome),
        Ending::Held(_) => result.failed(ErrorCode::ConfirmationRequired, "confirmation required"),
        Ending::Denied(denied) => result.failed(code_of_denial(&denied), denial(action, &denied)),
        Ending::Looked(looked) => would_do(action, result, *looked),
        // What cannot be done here and now can be described all the same.
        Ending::Failed(failure) if mode == Mode::PlanOnly && is_of_the_moment(failure.code) => {
            let judged = Judged {
                decision: "unknown",
                assurance: None,
                why: None,
                preview: None,
                would_fail: Some(would_fail(&failure)),
            };
            StepResult { judged: Some(Box::new(judged)), ..described(action, result) }
        }
        // So many wait for an answer already that this one is not among them. It needs a yes all the same.
        Ending::Failed(failure) if failure.code == Code::RateLimited => {
            result.failed(ErrorCode::ConfirmationRequired, "confirmation required")
        }
        Ending::Failed(failure) => failed(action, result, &failure),
    }
}

fn done(action: &Action, mut result: StepResult, outcome: Outcome) -> StepResult {
    let data = outcome.data.unwrap_or(Value::Null);
    result.ok = true;
    match action {
        Action::Exec(_) | Action::Observe(_) => {
            let (stdout, stdout_truncated) = output(&data, "stdout", "stdout_truncated");
            let (stderr, stderr_truncated) = output(&data, "stderr", "stderr_truncated");
            let exit_code = data["exit_code"].as_i64().and_then(|n| i32::try_from(n).ok());
            StepResult {
                ok: exit_code == Some(0),
                argv: action.described().unwrap_or_default(),
                exit_code,
                stdout,
                stdout_truncated,
                stderr,
                stderr_truncated,
                ..result
            }
        }
        Action::ReadFile(_) => {
            result.content_base64 = data["content_base64"].as_str().map(str::to_owned);
            result.truncated = data["truncated"].as_bool().unwrap_or(false);
            result
        }
        Action::WriteFile(write) => {
            // By the name that the client knows it by.
            result.artifacts = vec![write.path.clone()];
            result
        }
        _ => {
            result.argv = action.described().unwrap_or_default();
            let message = outcome.message.map(|m| m.into_owned());
            result.told = Some(Box::new(Told { message, data }));
            result
        }
    }
}

fn output(data: &Value, text: &str, truncated: &str) -> (String, bool) {
    let more = data[truncated].as_bool().unwrap_or(false);
    let mut text = data[text].as_str().unwrap_or_default().to_owned();
    if more && !text.ends_with(TRUNCATED) {
        text.push_str(TRUNCATED);
    }
    (text, more)
}

/// A step that nothing is wrong with, as it would be.
fn described(action: &Action, mut result: StepResult) -> StepResult {
    result.ok = true;
    result.argv = action.described().unwrap_or_default();
    result
}

fn would_do(action: &Action, result: StepResult, looked: Looked) -> StepResult {
    let judged = Judged {
        decision: looked.decision.name(),
        assurance: match looked.decision {
            Decision::Confirm(needs) => Some(format!("{:?}", needs.assurance).to_lowercase()),
            _ => None,
        },
        why: looked.policy.why,
        preview: looked.preview,
        would_fail: looked.would_fail.as_ref().map(would_fail),
    };
    // The original asks for an approval in `plan_only` of these, and of no other.
    let asked_by_the_original = matches!(action, Action::Exec(_) | Action::ReadFile(_) | Action::WriteFile(_));
    let mut result = match looked.asks && asked_by_the_original {
        true => result.failed(ErrorCode::ConfirmationRequired, "confirmation required"),
        false => described(action, result),
    };
    result.judged = Some(Box::new(judged));
    result
}

fn would_fail(failure: &Failure) -> WouldFail {
    WouldFail { code: failure.code.as_str().to_owned(), message: failure.message.to_string() }
}

/// Whether it is about how things are now, and not about what was asked.
fn is_of_the_moment(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::UnknownAction
            | Code::TimedOut
            | Code::Overloaded
            | Code::NotAuthorized
            | Code::Failed
    )
}

fn denial(action: &Action, denied: &Denied) -> String {
    if denied.code == Code::RateLimited {
        return denied.message.to_string();
    }
    let why = denied.policy.as_ref().and_then(|p| p.why.as_deref()).filter(|_| !matches!(action, Action::Exec(_)));
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    format!("{} denied by policy{why}", action.name())
}

fn code_of_denial(denied: &Denied) -> ErrorCode {
    if denied.code == Code::RateLimited { ErrorCode::RateLimited } else { ErrorCode::PolicyDenied }
}

fn failed(action: &Action, mut result: StepResult, failure: &Failure) -> StepResult {
    if let Action::Observe(_) = action {
        result.argv = action.described().unwrap_or_default();
    }
    let own = match action {
        Action::Exec(_) | Action::Observe(_) => Some((ErrorCode::ExecFailed, "exec failed")),
        Action::ReadFile(_) => Some((ErrorCode::ReadFailed, "read failed")),
        Action::WriteFile(_) => Some((ErrorCode::WriteFailed, "write failed")),
        _ => None,
    };
    let is_command = matches!(action, Action::Exec(_) | Action::Observe(_));
    let ran = failure.data.as_ref().is_some_and(|d| d.get("stdout").is_some());
    let code = match failure.code {
        Code::TimedOut | Code::UnknownOutcome if is_command && ran => {
            return result.failed(ErrorCode::ExecTimedOut, "exec timed out");
        }
        Code::Failed | Code::InvalidPayload | Code::Unavailable | Code::NotAuthorized if own.is_some() => {
            let (code, begins) = own.unwrap_or((ErrorCode::Failed, "failed"));
            // What the system said, where it said something.
            let reason = failure.data.as_ref().and_then(|d| d.get("reason")?.as_str().map(str::to_owned));
            return result.failed(code, format!("{begins}: {}", reason.as_deref().unwrap_or(&failure.message)));
        }
        Code::Denied | Code::NotAuthorized => ErrorCode::PolicyDenied,
        Code::ConfirmationChanged => ErrorCode::ConfirmationChanged,
        Code::NotRun => ErrorCode::NotRun,
        Code::InvalidPayload => ErrorCode::InvalidArguments,
        Code::Unavailable | Code::UnknownAction => ErrorCode::Unavailable,
        Code::TimedOut => ErrorCode::TimedOut,
        Code::UnknownOutcome => ErrorCode::UnknownOutcome,
        Code::Overloaded => ErrorCode::Overloaded,
        _ => ErrorCode::Failed,
    };
    result.failed(code, &*failure.message)
}
