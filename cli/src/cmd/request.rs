//! Asking: a sentence, a named action, the way back, and what would be.

use serde_json::{Map, Value, json};
use steward_ipc::{Request, Status};

use super::settle::{Wait, settle};
use crate::connection::{Connection, Fault};
use crate::exit::Exit;
use crate::out::{Form, Look, Out, clean, one_line};
use crate::show;

/// Does what a sentence says.
///
/// # Errors
/// When there is no answer.
pub(crate) fn say(agent: &mut Connection, out: &mut Out, sentence: &str, wait: Wait) -> Result<Exit, Fault> {
    carry(agent, out, &Request::new("natural_language", Some(sentence)), wait)
}

/// A request by name.
///
/// # Errors
/// When `args` is no JSON object.
pub(crate) fn named<'a>(name: &'a str, payload: Option<&'a str>, args: Option<&str>) -> Result<Request<'a>, Fault> {
    let Some(args) = args else { return Ok(Request::new(name, payload)) };
    match serde_json::from_str::<Value>(args) {
        Ok(Value::Object(args)) => Ok(Request::with_args(name, args)),
        Ok(_) => Err(Fault::Usage("--args takes a JSON object, such as '{\"id\": 7}'".to_owned())),
        Err(e) => Err(Fault::Usage(format!("--args is not JSON: {e}"))),
    }
}

/// Sends a request and prints, or settles, its answer.
///
/// # Errors
/// When there is no answer.
pub(crate) fn carry(agent: &mut Connection, out: &mut Out, request: &Request<'_>, wait: Wait) -> Result<Exit, Fault> {
    let answer = agent.request(request, out)?;
    settle(agent, out, answer, wait)
}

/// Puts back what was done.
///
/// # Errors
/// When there is no answer.
pub(crate) fn undo(agent: &mut Connection, out: &mut Out, receipt: Option<&str>, force: bool) -> Result<Exit, Fault> {
    let mut args = Map::new();
    if let Some(receipt) = receipt {
        args.insert("receipt".to_owned(), json!(receipt));
    }
    if force {
        args.insert("force".to_owned(), json!(true));
    }
    carry(agent, out, &Request::with_args("undo", args), Wait::No)
}

/// Tells what a request would be understood as and what the policy says to it.
///
/// # Errors
/// When there is no answer.
pub(crate) fn explain(agent: &mut Connection, out: &mut Out, words: &str, preview: bool) -> Result<Exit, Fault> {
    let mut args = Map::new();
    match serde_json::from_str::<Value>(words) {
        Ok(request @ Value::Object(_)) => args.insert("request".to_owned(), request),
        _ => args.insert("text".to_owned(), json!(words)),
    };
    if preview {
        args.insert("preview".to_owned(), json!(true));
    }
    let answer = agent.request(&Request::with_args("explain", args), out)?;
    if out.form == Form::Json || answer.status != Status::Ok {
        show::reply(out, &answer);
        return Ok(Exit::of(&answer));
    }
    let data = answer.data.as_deref().unwrap_or(&Value::Null);
    let look = match data["decision"].as_str() {
        Some("ok") => Look::Green,
        Some("deny") => Look::Red,
        _ => Look::Yellow,
    };
    let message = clean(answer.message.as_deref().unwrap_or_default());
    let message = out.styled(look, &message);
    out.line(&message);
    let payload = match (&data["payload"], &data["args"]) {
        (Value::String(payload), _) => format!(" {}", one_line(payload)),
        (_, Value::Object(args)) if !args.is_empty() => format!(" {}", one_line(&data["args"].to_string())),
        _ => String::new(),
    };
    out.line(&format!("  as:      {}{payload}", show::text(&data["action"])));
    for (name, key) in [("rule", "rule"), ("why", "why"), ("instead", "instead"), ("asks at", "assurance")] {
        if let Some(value) = data[key].as_str().filter(|v| *v != "meta") {
            out.line(&format!("  {:<8} {}", format!("{name}:"), one_line(value)));
        }
    }
    if let Some(template) = data["parse"]["template"].as_str() {
        out.line(&format!("  read by: {}", one_line(template)));
    }
    for (slot, taken) in data["parse"]["slots"].as_object().into_iter().flatten() {
        out.line(&format!("  {:<8} {}", format!("{slot}:"), one_line(taken.as_str().unwrap_or_default())));
    }
    for aside in data["parse"]["skipped"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        out.line(&format!("  aside:   {}", one_line(aside)));
    }
    if let Some(action) = data["parse"]["follows"]["action"].as_str() {
        out.line(&format!("  follows: {}", one_line(action)));
    }
    if let Some(preview) = &answer.preview {
        out.line("");
        show::preview(out, preview);
    }
    if let Some(error) = data["preview_error"].as_str() {
        out.line(&format!("  what would happen cannot be told: {}", one_line(error)));
    }
    Ok(Exit::Done)
}
