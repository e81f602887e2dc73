//! What happens, as it happens.

use serde_json::Value;
use steward_ipc::{Client, ClientError, Event, Request, Status};

use crate::connection::{self, Fault};
use crate::exit::Exit;
use crate::out::{Form, Look, Out};
use crate::settings::Settings;
use crate::show;

/// Prints the daemon's events until it stops or nobody reads on.
///
/// # Errors
/// When no daemon runs, or the connection breaks.
pub(crate) fn run(settings: &Settings, out: &mut Out) -> Result<Exit, Fault> {
    let Some(daemon) = connection::daemon(settings, out)? else {
        let message = "no daemon runs, so nothing happens that could be watched; start `stewardd`, or read \
                       `steward audit tail --follow`";
        return Err(Fault::Unavailable(message.to_owned()));
    };
    let mut client = Client::connect(&daemon.path)?;
    let answer = client.request(&Request::new("subscribe", None))?;
    if answer.status != Status::Ok {
        show::reply(out, &answer);
        return Ok(Exit::of(&answer));
    }
    if out.form == Form::Json {
        out.json(&answer);
    } else {
        let waiting = answer.data.as_ref().and_then(|d| d["pending"].as_array()).map_or(0, Vec::len);
        out.note(&format!("watching {}; {waiting} waiting for an answer; Ctrl-C ends", daemon.path.display()));
    }
    while !out.is_closed() {
        match client.next_event() {
            Ok(event) if out.form == Form::Json => out.json(&event),
            Ok(event) => {
                let line = line(out, &event);
                out.line(&line);
            }
            Err(ClientError::Closed) => {
                out.note("the daemon closed the connection");
                return Ok(Exit::Done);
            }
            Err(e) => return Err(e.into()),
        }
    }
    Ok(Exit::Done)
}

fn line(out: &Out, event: &Event) -> String {
    let ts = event.ts.as_deref().map(crate::out::one_line).unwrap_or_default();
    let d = &event.data;
    let said = match &*event.event {
        "request_held" => format!(
            "{}  {}",
            show::text(&d["id"]),
            show::text(if d["summary"].is_string() { &d["summary"] } else { &d["action"] })
        ),
        "request_decided" => {
            format!("{}  {}  {}", show::text(&d["id"]), show::text(&d["state"]), show::text(&d["action"]))
        }
        "action_progress" => {
            format!("{}  {} % {}", show::text(&d["action"]), show::text(&d["percent"]), show::text(&d["text"]))
        }
        "action_finished" => {
            format!("{}  {} {}", show::text(&d["action"]), show::text(&d["status"]), show::text(&d["code"]))
        }
        "action_started" => show::text(&d["action"]),
        _ if *d == Value::Null => String::new(),
        _ => show::text(d),
    };
    let name = crate::out::one_line(&event.event);
    format!("{}  {name:<16}  {said}", out.styled(Look::Dim, &ts)).trim_end().to_owned()
}
