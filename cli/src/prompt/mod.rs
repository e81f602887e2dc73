//! The prompt: one sentence, or one command with a slash, after the other.

mod helper;
mod line;

use std::io::{BufRead, IsTerminal};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};

use crate::cmd::settle::Wait;
use crate::cmd::{decide, request};
use crate::connection::{Connection, Fault};
use crate::exit::Exit;
use crate::out::Out;
use crate::settings::Settings;
use helper::Words;
use line::Line;

/// How many lines are remembered.
const HISTORY: usize = 1000;
/// The file in the state folder that they are in.
const HISTORY_FILE: &str = "history";
/// The prompt itself.
const PROMPT: &str = "steward> ";

/// What to type, in short.
const HELP: &str = "\
Say what you want in English, such as `install cowsay` or `what do you remember`, or:
  /call NAME [PAYLOAD]   call an action by its name (Tab completes it)
  /pending               what waits for an answer
  /approve ID            say yes to it          /deny ID   say no
  /explain WORDS         what would be done, and what the policy says
  /undo                  put back what was done last
  /capabilities          what can be done here
  /help                  this text              /quit      leave (or Ctrl-D)";

/// Reads lines until the end of input. Exits as the last request did when standard input is no terminal.
///
/// # Errors
/// When no agent can be reached at the start.
pub(crate) fn run(settings: &Settings, out: &mut Out) -> Result<Exit, Fault> {
    let mut agent = Connection::open(settings, out)?;
    if !std::io::stdin().is_terminal() {
        return piped(&mut agent, settings, out);
    }
    out.note("Say what you want, or /help. Ctrl-D leaves.");
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .history_ignore_space(true)
        .max_history_size(HISTORY)
        .map_err(|e| Fault::Failed(e.to_string()))?
        .build();
    let mut editor: Editor<Words, FileHistory> =
        Editor::with_config(config).map_err(|e| Fault::Failed(format!("the terminal cannot be used: {e}")))?;
    let history = history(settings);
    if let Some(history) = &history {
        // There is none yet at the first time.
        let _none_yet = editor.load_history(history);
    }
    editor.set_helper(Some(Words::new(decide::pending_ids(&mut agent, out))));
    loop {
        let typed = match editor.readline(PROMPT) {
            Ok(typed) => typed,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(e) => return Err(Fault::Failed(format!("the terminal cannot be read: {e}"))),
        };
        let line = Line::read(&typed);
        if line == Line::Nothing {
            continue;
        }
        // What it could not take is only not remembered.
        let _kept = editor.add_history_entry(&typed);
        if let Some(history) = &history {
            save(&mut editor, history, out);
        }
        if line == Line::Quit {
            break;
        }
        let changes_what_waits = matches!(line, Line::Approve(_) | Line::Deny(_) | Line::Pending);
        let exit = answer(&mut agent, settings, out, line).unwrap_or_else(|fault| {
            out.error(&fault.to_string());
            fault.exit()
        });
        if changes_what_waits || exit == Exit::Held {
            let ids = decide::pending_ids(&mut agent, out);
            editor.helper_mut().into_iter().for_each(|helper| helper.pending.clone_from(&ids));
        }
    }
    Ok(Exit::Done)
}

/// Lines from a pipe or a file: no prompt, no history.
fn piped(agent: &mut Connection, settings: &Settings, out: &mut Out) -> Result<Exit, Fault> {
    let mut exit = Exit::Done;
    for typed in std::io::stdin().lock().lines() {
        let typed = typed.map_err(|e| Fault::Failed(format!("standard input cannot be read: {e}")))?;
        match Line::read(&typed) {
            Line::Nothing => {}
            Line::Quit => break,
            line => {
                exit = answer(agent, settings, out, line).unwrap_or_else(|fault| {
                    out.error(&fault.to_string());
                    fault.exit()
                });
            }
        }
    }
    Ok(exit)
}

fn answer(agent: &mut Connection, settings: &Settings, out: &mut Out, line: Line) -> Result<Exit, Fault> {
    match line {
        Line::Nothing | Line::Quit => Ok(Exit::Done),
        Line::Help => {
            out.line(HELP);
            Ok(Exit::Done)
        }
        Line::Unknown(word) => Err(Fault::Usage(format!("`{word}` is no command here; /help lists them"))),
        Line::Incomplete(word, what) => Err(Fault::Usage(format!("`{word}` needs {what}"))),
        other => {
            if agent.is_daemon() && agent.is_gone(out) {
                // It was started anew, or has ended: then this process is the agent, and says so.
                *agent = Connection::open(settings, out)?;
            }
            ask(agent, out, other)
        }
    }
}

fn ask(agent: &mut Connection, out: &mut Out, line: Line) -> Result<Exit, Fault> {
    match line {
        Line::Say(words) => request::say(agent, out, &words, Wait::No),
        Line::Call(name, payload) => {
            let asked = request::named(&name, payload.as_deref(), None)?;
            request::carry(agent, out, &asked, Wait::No)
        }
        Line::Pending => decide::pending(agent, out),
        Line::Approve(id) => {
            let look = decide::LookFirst::OnATerminal;
            decide::approve(
                agent,
                out,
                &decide::Approval { id, length: None, scope: None, gives: decide::Gives::Order, look },
            )
        }
        Line::Deny(id) => decide::deny(agent, out, &id, None),
        Line::Explain(words) => request::explain(agent, out, &words, false),
        Line::Undo(receipt) => request::undo(agent, out, receipt.as_deref(), false),
        Line::Capabilities => crate::cmd::capabilities::run(agent, out, false.into(), &[]),
        Line::Nothing | Line::Quit | Line::Help | Line::Unknown(_) | Line::Incomplete(..) => Ok(Exit::Done),
    }
}

fn history(settings: &Settings) -> Option<PathBuf> {
    let state = settings.state().ok()?;
    steward_agent::store::private_folder(&state).ok()?;
    Some(state.join(HISTORY_FILE))
}

/// Writes the history, for its owner alone: sentences can be as private as notes.
fn save(editor: &mut Editor<Words, FileHistory>, path: &Path, out: &Out) {
    let saved = editor.save_history(path).map_err(|e| e.to_string()).and_then(|()| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(|e| e.to_string())
    });
    if let Err(e) = saved {
        out.note(&format!("the history could not be written: {e}"));
    }
}
