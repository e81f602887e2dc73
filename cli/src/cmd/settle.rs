//! What happens to an answer: it is printed, or a person is asked, or it waits.

use serde_json::{Map, Value, json};
use steward_ipc::{Code, Request, Response, Status};

use crate::ask::{Answer, ask};
use crate::connection::{Connection, Fault};
use crate::exit::Exit;
use crate::interrupt;
use crate::out::{Form, Out};
use crate::show;

/// The longest that `result` waits at once, in seconds; then it is asked again.
const WAIT: u16 = steward_agent::action::meta::MAX_WAIT;
/// How often a person is asked anew because what would happen has changed.
const ROUNDS: usize = 3;

/// Whether to wait until somebody else has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Print the id and end.
    No,
    /// Wait, where a daemon can be asked what became of it.
    ForTheAnswer,
}

impl From<bool> for Wait {
    fn from(flag: bool) -> Wait {
        if flag { Wait::ForTheAnswer } else { Wait::No }
    }
}

/// Prints an answer, and asks the person on this terminal when that is all it takes.
///
/// # Errors
/// When the agent is gone.
pub(crate) fn settle(agent: &mut Connection, out: &mut Out, mut response: Response, wait: Wait) -> Result<Exit, Fault> {
    for _ in 0..ROUNDS {
        let Some(id) = held(&response) else { break };
        if !(may_be_answered_here(&response) && out.can_ask()) {
            return leave(agent, out, &response, &id, wait);
        }
        if response.status == Status::Error {
            out.line(response.message.as_deref().map(crate::out::clean).unwrap_or_default().as_str());
        }
        if let Some(preview) = &response.preview {
            show::preview(out, preview);
        }
        if let Some(error) = response.data.as_ref().and_then(|d| d["preview_error"].as_str()) {
            out.line(&format!("  what would happen is not known: {}", crate::out::clean(error)));
        }
        if let Some(why) = response.policy.as_ref().and_then(|p| p.why.as_deref()) {
            out.line(&format!("  asked about because: {}", crate::out::clean(why)));
        }
        if let Some(data) = response.data.as_ref().filter(|d| d["expires_in"].is_u64()) {
            out.line(&format!("  {} to answer", show::left(&data["expires_in"])));
        }
        let left = interrupt::says({
            let steward = agent.command();
            format!("It still waits: {steward} approve {id}, or {steward} cancel {id}")
        });
        let answer = ask("Do it?");
        drop(left);
        response = match answer {
            Answer::Yes => agent.request(&Request::new("confirm", Some(&id)), out)?,
            Answer::No => {
                // Withdrawn rather than refused: refusals count against whoever asks.
                agent.request(&Request::new("cancel", Some(&id)), out)?;
                out.line("Not done.");
                return Ok(Exit::Denied);
            }
        };
    }
    if let Some(id) = held(&response) {
        return leave(agent, out, &response, &id, wait);
    }
    show::reply(out, &response);
    Ok(Exit::of(&response))
}

/// The id to answer, when the answer is still a question: it is held, or held anew because something changed.
fn held(response: &Response) -> Option<String> {
    match (response.status, response.code) {
        (Status::Confirm, _) => response.confirmation_id.clone(),
        (Status::Error, Some(Code::ConfirmationChanged)) => {
            response.data.as_ref()?.get("confirmation_id")?.as_str().map(str::to_owned)
        }
        _ => None,
    }
}

/// Whether whoever asked may answer: what is held anew was answered here before.
fn may_be_answered_here(response: &Response) -> bool {
    response.status == Status::Error || response.data.as_ref().is_some_and(|d| d["assurance"] == "requester")
}

/// Leaves a held request to somebody else: its id on standard output, the rest beside it.
fn leave(agent: &mut Connection, out: &mut Out, response: &Response, id: &str, wait: Wait) -> Result<Exit, Fault> {
    let waits = wait == Wait::ForTheAnswer && agent.is_daemon();
    match out.form {
        Form::Json if waits => {}
        Form::Json => out.json(response),
        Form::Human => {
            let summary = response.preview.as_ref().map(|p| p.summary.as_str());
            let data = response.data.as_deref();
            out.note(&format!("Held until a person agrees: {}", summary.unwrap_or(&response.action)));
            if let Some(approve) = data.and_then(|d| d["approve"].as_str()) {
                out.note(&approve.replace("steward approve", &format!("{} approve", agent.command())));
            }
            if wait == Wait::ForTheAnswer && !waits {
                out.note("No daemon runs, so there is nothing to wait for: `steward approve` carries it out.");
            }
            out.line(id);
        }
    }
    if !waits {
        return Ok(Exit::Held);
    }
    let _left = interrupt::says(format!("It still waits: {} result {id}", agent.command()));
    loop {
        let answer = agent.request(&result_of(id, WAIT), out)?;
        let state = answer.data.as_ref().and_then(|d| d["state"].as_str()).unwrap_or_default();
        if answer.status != Status::Ok || !matches!(state, "pending" | "executing") {
            return Ok(ended(out, &answer));
        }
    }
}

/// The question what became of a request.
pub(crate) fn result_of(id: &str, wait: u16) -> Request<'static> {
    let mut args = Map::new();
    args.insert("id".to_owned(), json!(id));
    args.insert("wait".to_owned(), json!(wait));
    Request::with_args("result", args)
}

/// Prints the answer to `result`: where there is a reply of the request itself, as that reply.
pub(crate) fn ended(out: &mut Out, answer: &Response) -> Exit {
    let data = answer.data.as_deref().unwrap_or(&Value::Null);
    let reply = serde_json::from_value::<Response>(data["reply"].clone()).ok();
    match reply {
        Some(reply) if out.form == Form::Human => {
            show::reply(out, &reply);
            return Exit::of(&reply);
        }
        _ => show::reply(out, answer),
    }
    if let (Form::Human, Some(note)) = (out.form, data["note"].as_str()) {
        out.line(&format!("  “{}”", crate::out::one_line(note)));
    }
    match (reply, data["state"].as_str().unwrap_or_default()) {
        (Some(reply), _) => Exit::of(&reply),
        (None, "pending" | "executing") => Exit::Held,
        (None, "done") => Exit::Done,
        (None, "denied") => Exit::Denied,
        (None, "unknown") => Exit::Unknown,
        (None, "") => Exit::of(answer),
        (None, _) => Exit::Failed,
    }
}
