//! The commands, one file for each family.

mod audit;
pub(crate) mod capabilities;
pub(crate) mod decide;
mod doctor;
mod manual;
mod memory;
mod plan;
mod policy;
pub(crate) mod request;
mod sandbox;
mod send;
pub(crate) mod settle;
mod watch;

use crate::args::{Cli, Command};
use crate::connection::{Connection, Fault};
use crate::exit::Exit;
use crate::out::Out;
use crate::prompt;
use crate::settings::Settings;

/// Runs what was typed.
pub(crate) fn run(cli: Cli, out: &mut Out) -> Result<Exit, Fault> {
    let settings = Settings::of(&cli.global);
    let connect = |out: &Out| Connection::open(&settings, out);
    if let (Some(Command::Policy { .. } | Command::Audit { .. } | Command::Doctor), Some(socket)) =
        (&cli.command, settings.socket_alone())
    {
        out.note(&format!(
            "the files are those of your own agent; the daemon at {} may have others (--state-dir, --policy)",
            socket.display()
        ));
    }
    match cli.command {
        None => prompt::run(&settings, out),
        Some(Command::Do { words, wait }) => request::say(&mut connect(out)?, out, &words.join(" "), wait.into()),
        Some(Command::Call { name, payload, args, wait }) => {
            let request = request::named(&name, payload.as_deref(), args.as_deref())?;
            request::carry(&mut connect(out)?, out, &request, wait.into())
        }
        Some(Command::Send) => send::run(&settings, out),
        Some(Command::Pending) => decide::pending(&mut connect(out)?, out),
        Some(Command::Plan { command }) => plan::run(&settings, out, command),
        Some(Command::Approve { id, length, scope, token, yes }) => {
            let gives = if token { decide::Gives::Token } else { decide::Gives::Order };
            let approval = decide::Approval { id, length, scope, gives, look: yes.into() };
            decide::approve(&mut connect(out)?, out, &approval)
        }
        Some(Command::Deny { id, note }) => decide::deny(&mut connect(out)?, out, &id, note.as_deref()),
        Some(Command::Cancel { id }) => decide::cancel(&mut connect(out)?, out, &id),
        Some(Command::Result { id, wait }) => decide::result(&mut connect(out)?, out, &id, wait),
        Some(Command::Grants { command }) => decide::grants(&mut connect(out)?, out, command),
        Some(Command::Undo { receipt, force }) => request::undo(&mut connect(out)?, out, receipt.as_deref(), force),
        Some(Command::Explain { words, preview }) => {
            request::explain(&mut connect(out)?, out, &words.join(" "), preview)
        }
        Some(Command::Capabilities { details, names }) => {
            capabilities::run(&mut connect(out)?, out, details.into(), &names)
        }
        Some(Command::Memory { command }) => memory::run(&mut connect(out)?, out, command),
        Some(Command::Policy { command }) => policy::run(&settings, out, command),
        Some(Command::Sandbox { command }) => sandbox::run(&settings, out, command),
        Some(Command::Audit { command }) => audit::run(&settings, out, command),
        Some(Command::Doctor) => doctor::run(&settings, out),
        Some(Command::Watch) => watch::run(&settings, out),
        Some(Command::Completions { shell }) => Ok(manual::completions(out, shell)),
        Some(Command::Man { dir }) => manual::pages(out, dir.as_deref()),
    }
}
