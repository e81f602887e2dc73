//! The ends of steps as the results that the protocol knows.

use std::borrow::Cow;

use rustix::io::Errno;
use serde_json::Value;
use steward_ipc::Code;
use steward_ipc::plan::{Action, ActionPlan, ErrorCode, Judged, Mode, PlanResult, StepResult, Told, WouldFail};
use steward_policy::Decision;

use crate::reply::{Denied, Ending, Failure, Looked, Outcome};

/// What follows an output of which there was more.
const TRUNCATED: &str = "\n[truncated]\n";
/// Errors of the system that the original's clients know, and that say what is wrong.
const SAYS_ENOUGH: [Errno; 5] = [Errno::NOENT, Errno::NOTDIR, Errno::ISDIR, Errno::NAMETOOLONG, Errno::ACCESS];

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
        Ending::Denied(denied) if mode == Mode::PlanOnly => would_deny(action, result, *denied),
        Ending::Denied(denied) => result.failed(code_of_denial(&denied), denial(action, &denied)),
        Ending::Looked(looked) => would_do(action, result, *looked),
        // What cannot be done here and now can be described all the same. What is never done is an error here too.
        Ending::Failed(failure) if mode == Mode::PlanOnly && failure.code != Code::Denied => {
            let judged = Judged { would_fail: Some(would_fail(&failure)), ..Judged::of("unknown") };
            let ok = failure.code != Code::InvalidPayload;
            StepResult { ok, judged: Some(Box::new(judged)), ..described(action, result) }
        }
        // So many wait for an answer already that this one is not among them. It needs a yes all the same.
        Ending::Failed(failure) if failure.code == Code::RateLimited => {
            result.failed(ErrorCode::ConfirmationRequired, "confirmation required")
        }
        Ending::Failed(failure) => failed(action, result, &failure),
    }
}

fn done(action: &Action, mut result: StepResult, outcome: Outcome) -> StepResult {
    let mut data = outcome.data.unwrap_or(Value::Null);
    result.ok = true;
    match action {
        Action::Exec(_) | Action::Observe(_) => {
            let (stdout, stdout_truncated) = output(&mut data, "stdout", "stdout_truncated");
            let (stderr, stderr_truncated) = output(&mut data, "stderr", "stderr_truncated");
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
            result.content_base64 = taken(&mut data, "content_base64");
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

fn output(data: &mut Value, text: &str, truncated: &str) -> (String, bool) {
    let more = data[truncated].as_bool().unwrap_or(false);
    let mut text = taken(data, text).unwrap_or_default();
    if more && !text.ends_with(TRUNCATED) {
        text.push_str(TRUNCATED);
    }
    (text, more)
}

/// A text out of the facts. It may be long, so it is not copied.
fn taken(data: &mut Value, name: &str) -> Option<String> {
    match data.get_mut(name).map(Value::take) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// A step that nothing is wrong with, as it would be.
fn described(action: &Action, mut result: StepResult) -> StepResult {
    result.ok = true;
    result.argv = action.described().unwrap_or_default();
    result
}

/// Whether the original answers `plan_only` of this step with an error where it is denied, or would need an approval. The others it
/// only describes.
fn is_judged_by_the_original(action: &Action) -> bool {
    matches!(action, Action::Exec(_) | Action::ReadFile(_) | Action::WriteFile(_))
}

fn would_do(action: &Action, result: StepResult, looked: Looked) -> StepResult {
    let judged = Judged {
        assurance: match looked.decision {
            Decision::Confirm(needs) => Some(format!("{:?}", needs.assurance).to_lowercase()),
            _ => None,
        },
        token: looked.unfit,
        why: looked.policy.why,
        preview: looked.preview,
        would_fail: looked.would_fail.as_ref().map(would_fail),
        ..Judged::of(looked.decision.name())
    };
    let mut result = match looked.asks && is_judged_by_the_original(action) {
        true => result.failed(ErrorCode::ConfirmationRequired, "confirmation required"),
        false => described(action, result),
    };
    result.judged = Some(Box::new(judged));
    result
}

fn would_deny(action: &Action, result: StepResult, denied: Denied) -> StepResult {
    let mut result = match is_judged_by_the_original(action) {
        true => result.failed(code_of_denial(&denied), denial(action, &denied)),
        false => StepResult { ok: false, ..described(action, result) },
    };
    let (why, instead) = denied.policy.map(|p| (p.why, p.instead)).unwrap_or_default();
    result.judged = Some(Box::new(Judged { why, instead, ..Judged::of("deny") }));
    result
}

fn would_fail(failure: &Failure) -> WouldFail {
    WouldFail { code: failure.code.as_str().to_owned(), message: failure.message.to_string() }
}

fn denial(action: &Action, denied: &Denied) -> String {
    if denied.code == Code::RateLimited {
        return denied.message.to_string();
    }
    let why = denied.policy.as_ref().and_then(|p| p.why.as_deref()).filter(|_| !matches!(action, Action::Exec(_)));
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    format!("{} denied by policy{why}", action.name())
}

/// What the system said, where it said something, as the original has it; and what it means here, where it is an error that the
/// original does not know, because it opens whatever there is.
fn in_the_systems_words(failure: &Failure) -> Cow<'_, str> {
    let data = failure.data.as_deref();
    let Some(reason) = data.and_then(|d| d.get("reason")?.as_str()) else { return Cow::Borrowed(&failure.message) };
    match data.and_then(|d| d.get("errno")?.as_i64()) {
        Some(errno) if !SAYS_ENOUGH.iter().any(|e| i64::from(e.raw_os_error()) == errno) => {
            Cow::Owned(format!("{reason}; {}", failure.message))
        }
        _ => Cow::Borrowed(reason),
    }
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
            return result.failed(code, format!("{begins}: {}", in_the_systems_words(failure)));
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
