//! The command `steward`: say or name an action, see what would happen, approve it, read the record.
//!
//! It is a client of the daemon, or the agent itself when no daemon runs. It decides nothing: whatever is asked goes
//! through the one gate.

mod args;
mod ask;
mod cmd;
mod connection;
mod exit;
mod interrupt;
mod out;
mod progress;
mod prompt;
mod settings;
mod show;
mod table;

use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use connection::Fault;
use exit::Exit;
use out::Out;

fn main() -> ExitCode {
    if let Some(ended) = steward_agent::backend::sandbox::launcher::called() {
        return ended;
    }
    let typed = args::typed(std::env::args_os());
    let cli = Cli::try_parse_from(&typed).unwrap_or_else(|error| args::with_tip(error, &typed).exit());
    let mut out = Out::new(&cli.global);
    interrupt::listen();
    let exit = match cmd::run(cli, &mut out) {
        Ok(exit) => exit,
        Err(fault) => failed(&mut out, &fault),
    };
    out.finish(exit).into()
}

/// Says why there is no answer at all.
fn failed(out: &mut Out, fault: &Fault) -> Exit {
    out.error(&fault.to_string());
    fault.exit()
}
