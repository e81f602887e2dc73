//! Notes.

use serde_json::{Map, Value, json};
use steward_ipc::{Request, Status};

use super::request::carry;
use super::settle::Wait;
use crate::args::MemoryCommand;
use crate::connection::{Connection, Fault};
use crate::exit::Exit;
use crate::out::{Form, Out, one_line};
use crate::{show, table};

/// The length of a time that is shown: to the minute.
const TO_THE_MINUTE: usize = "2026-03-02T09:00".len();

/// Lists, finds, keeps or forgets notes.
///
/// # Errors
/// When there is no answer.
pub(crate) fn run(agent: &mut Connection, out: &mut Out, command: Option<MemoryCommand>) -> Result<Exit, Fault> {
    match command {
        None | Some(MemoryCommand::List) => list(agent, out, None),
        Some(MemoryCommand::Search { words }) => list(agent, out, Some(&words.join(" "))),
        Some(MemoryCommand::Add { text }) => {
            carry(agent, out, &Request::new("remember", Some(&text.join(" "))), Wait::No)
        }
        Some(MemoryCommand::Forget { what }) => {
            carry(agent, out, &Request::new("forget", Some(&what.join(" "))), Wait::No)
        }
        Some(MemoryCommand::Purge { id }) => {
            let mut args = Map::new();
            args.insert("id".to_owned(), json!(id));
            args.insert("purge".to_owned(), json!(true));
            carry(agent, out, &Request::with_args("forget", args), Wait::No)
        }
    }
}

fn list(agent: &mut Connection, out: &mut Out, words: Option<&str>) -> Result<Exit, Fault> {
    let args: Map<String, Value> = words.map(|w| ("words".to_owned(), json!(w))).into_iter().collect();
    let answer = agent.request(&Request::with_args("read_context", args), out)?;
    let notes = answer.data.as_ref().and_then(|d| d["notes"].as_array());
    let shown = match notes {
        Some(notes) if out.form == Form::Human && answer.status == Status::Ok && !notes.is_empty() => notes,
        _ => {
            show::reply(out, &answer);
            return Ok(Exit::of(&answer));
        }
    };
    let mut rows = Vec::with_capacity(shown.len());
    for note in shown {
        let ts = show::text(&note["ts"]).replace('T', " ");
        let text = note["text"].as_str().map(one_line).unwrap_or_default();
        rows.push([format!("{:>4}", show::text(&note["id"])), ts.chars().take(TO_THE_MINUTE).collect(), text]);
    }
    // Notes are what was asked for: they are not cut.
    for line in table::lines(&rows, usize::MAX) {
        out.line(&line);
    }
    Ok(Exit::Done)
}
