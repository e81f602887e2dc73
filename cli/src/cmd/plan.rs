//! Action plans: checking one, handing one over, and the schema that they have. The flags, and how it ends, are those of the
//! original client.

use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use steward_agent::config::Places;
use steward_agent::services::Mode as AgentMode;
use steward_ipc::Request;
use steward_ipc::plan::{self, Action, ActionPlan, MAX_DOCUMENT, Mode};

use crate::args::{PlanCommand, PlanSource};
use crate::connection::{self, Connection, Fault};
use crate::exit::Exit;
use crate::out::Out;
use crate::settings::Settings;
use crate::show::quoted;

/// How long an answer may keep quiet: longer than any upgrade of a machine.
const ANSWER: Duration = Duration::from_secs(2 * 60 * 60);

/// Does it. Whatever the daemon answers, the command was done: the answer says how the plan ended.
///
/// # Errors
/// When a plan cannot be sent: it cannot be read, breaks a rule, or nobody answers.
pub(crate) fn run(settings: &Settings, out: &mut Out, command: PlanCommand) -> Result<Exit, Fault> {
    match command {
        PlanCommand::Validate { source } => {
            let verdict = match read(&source)? {
                Document::Plan(plan) => plan.validate().map_err(|e| ("validation_failed", e.to_string())),
                Document::No(e) => Err(("parse_failed", e.to_string())),
                Document::TooLong => Err(("request_too_large", TOO_LONG.to_owned())),
            };
            let error = verdict.as_ref().err().map(|(code, message)| json!({ "code": code, "message": message }));
            show(out, &pretty(&Verdict { ok: verdict.is_ok(), error }));
            Ok(Exit::Done)
        }
        PlanCommand::Send { source, socket_path, request_id, session_id } => {
            let mut plan = match read(&source)? {
                Document::Plan(plan) => plan,
                Document::No(e) => return Err(Fault::Failed(e.to_string())),
                Document::TooLong => {
                    return Err(Fault::Failed(format!("{TOO_LONG}: a plan has at most {MAX_DOCUMENT}")));
                }
            };
            if let Some(id) = not_blank("request_id", request_id)? {
                plan.request_id = id;
            }
            if let Some(id) = not_blank("session_id", session_id)? {
                plan.session_id = Some(id);
            }
            plan.validate().map_err(|e| Fault::Failed(e.to_string()))?;
            send(settings, out, socket_path, &plan)
        }
        PlanCommand::Ping { socket_path, request_id, session_id } => {
            let plan = ActionPlan {
                request_id,
                session_id,
                version: "0.1".to_owned(),
                mode: Mode::Execute,
                actions: vec![Action::Ping],
                confirmation: None,
            };
            plan.validate().map_err(|e| Fault::Failed(e.to_string()))?;
            send(settings, out, socket_path, &plan)
        }
        PlanCommand::Schema => {
            out.line(pretty(&steward_agent::door::plan::schema()).as_str());
            Ok(Exit::Done)
        }
    }
}

fn not_blank(name: &str, given: Option<String>) -> Result<Option<String>, Fault> {
    match given {
        Some(text) if text.trim().is_empty() => Err(Fault::Failed(format!("{name} override must be non-empty"))),
        given => Ok(given),
    }
}

/// What `validate` prints.
#[derive(serde::Serialize)]
struct Verdict {
    ok: bool,
    error: Option<Value>,
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Prints what has no newline at its end: as it is for programs, and with one on a terminal.
fn show(out: &mut Out, text: &str) {
    if io::stdout().is_terminal() {
        let mut shown = String::new();
        steward_agent::door::ndjson::escape_lines(text, &mut shown);
        out.line(&shown);
    } else {
        out.raw(text.as_bytes());
    }
}

/// The daemon's words for it.
const TOO_LONG: &str = "request exceeds max bytes";

/// What a document turned out to be.
enum Document {
    Plan(ActionPlan),
    No(serde_json::Error),
    TooLong,
}

/// The plan that is meant: the one on the command line, in a file, or on standard input.
fn read(source: &PlanSource) -> Result<Document, Fault> {
    let text = match (&source.document, &source.file) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(file)) => {
            at_most(std::fs::File::open(file)).map_err(|e| Fault::Failed(format!("{}: {e}", file.display())))?
        }
        (None, None) => at_most(Ok(io::stdin().lock())).map_err(|e| Fault::Failed(e.to_string()))?,
    };
    if text.len() > MAX_DOCUMENT {
        return Ok(Document::TooLong);
    }
    Ok(ActionPlan::decode(&text).map_or_else(Document::No, Document::Plan))
}

fn at_most(from: io::Result<impl Read>) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    from?.take(MAX_DOCUMENT as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

fn send(settings: &Settings, out: &mut Out, socket: Option<PathBuf>, plan: &ActionPlan) -> Result<Exit, Fault> {
    let usual = || Places::of(AgentMode::User).ok().and_then(|p| p.plan_socket);
    let socket = socket.or_else(usual).ok_or_else(|| {
        Fault::Failed("no runtime folder, so there is no usual socket: give --socket-path PATH".to_owned())
    })?;
    let answer = plan::send(&socket, plan, ANSWER).map_err(|e| {
        let path = socket.display();
        Fault::Failed(match e.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => format!(
                "nobody takes plans at {path}: {e}; start an agent that does with `stewardd --plan-socket {}`, or name its socket with \
                 --socket-path",
                quoted(&path.to_string())
            ),
            _ => format!("{path}: {e}"),
        })
    })?;
    show(out, &answer);
    let shape: Value = serde_json::from_str(&answer).unwrap_or_default();
    if !shape["results"].is_array() {
        return Err(Fault::Failed(format!(
            "{} is no socket for plans (`stewardd --plan-socket`): what answers there speaks something else",
            socket.display()
        )));
    }
    if waits(&shape) {
        tell_how_to_approve(settings, out, &socket, plan);
    }
    Ok(Exit::Done)
}

/// Whether a step of a plan to execute waits for a person.
fn waits(answer: &Value) -> bool {
    let steps = answer["results"].as_array().cloned().unwrap_or_default();
    answer["executed"] == true && steps.iter().any(|s| s["error"]["code"] == "confirmation_required")
}

/// Says beside the answer which request waits now. The answer itself has no place for it; the home socket tells.
fn tell_how_to_approve(settings: &Settings, out: &Out, socket: &Path, plan: &ActionPlan) {
    // The answer ends without a newline.
    if !io::stdout().is_terminal() {
        out.say_aside("");
    }
    if plan.confirmation.is_some() {
        out.say_aside(
            "its confirmation.token does not count: it is not known, was used already, is too old, was handed out for another plan, or is \
             too weak for this one (`steward audit tail --json` says which)",
        );
    }
    let socket = socket.display();
    match pending(settings, out, &plan.request_id) {
        Some(Some(id)) => out.say_aside(&format!(
            "it waits for a person: `steward approve {id}` has it done (in another terminal, where the policy wants a person at the desk), \
             `steward approve --token {id}` prints a token; send the same plan again with it as \"confirmation\":{{\"token\":…}}"
        )),
        Some(None) => out.say_aside(&format!(
            "it needs a person's yes, and no request of it waits at your agent: too many wait already (`steward pending`; answer some and \
             send it again), three of its sender's were refused in the last ten minutes (send it again after that), or another agent listens at {socket}"
        )),
        None => out.say_aside(&format!(
            "it needs a person's yes; `steward pending` (of the agent that listens at {socket}) shows whether it waits"
        )),
    }
}

/// The request of this plan that waits, if one does; nothing when it cannot be asked.
fn pending(settings: &Settings, out: &Out, request_id: &str) -> Option<Option<String>> {
    let daemon = connection::daemon(settings, out).ok()??;
    let answer = Connection::Daemon(daemon).request(&Request::new("pending_list", None), out).ok()?;
    let data = answer.data?;
    let mine = |item: &&Value| item["door"] == "plan" && item["request_id"] == request_id;
    let waiting = data["pending"].as_array()?.iter().rev().find(mine);
    Some(waiting.and_then(|item| item["id"].as_str()).map(str::to_owned))
}
