//! Man pages and completion scripts, made from the same definitions as `--help`.

use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::args::Cli;
use crate::connection::Fault;
use crate::exit::Exit;
use crate::out::Out;

/// Prints a completion script.
pub(crate) fn completions(out: &mut Out, shell: clap_complete::Shell) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "steward", &mut script);
    out.raw(&script);
    Exit::Done
}

/// Prints the main page, or writes all pages into `dir`, that of the daemon too.
///
/// # Errors
/// When the folder cannot be written to.
pub(crate) fn pages(out: &mut Out, dir: Option<&Path>) -> Result<Exit, Fault> {
    let command = Cli::command();
    let Some(dir) = dir else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page).map_err(|e| Fault::Failed(e.to_string()))?;
        out.raw(&page);
        return Ok(Exit::Done);
    };
    let daemon = || {
        let mut page = Vec::new();
        Man::new(steward_agent::args::Args::command()).section("8").render(&mut page)?;
        std::fs::write(dir.join("stewardd.8"), page)
    };
    let made =
        std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(command, dir)).and_then(|()| daemon());
    made.map_err(|e| Fault::Failed(format!("{}: {e}", dir.display())))?;
    out.note(&format!("The pages are in {}.", dir.display()));
    Ok(Exit::Done)
}
