//! The arguments of flatpak 1.14. Pure. Everything is named by its whole reference (`app/ID/ARCH/BRANCH`), which flatpak takes for nothing
//! else, after `--`.

use super::super::tool::argv;
use super::parse::{LIST_COLUMNS, OFFER_COLUMNS, Ref};

/// Whose installation is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// This user's.
    User,
    /// Everybody's, which needs root.
    System,
}

impl Scope {
    fn option(self) -> &'static str {
        match self {
            Self::User => "--user",
            Self::System => "--system",
        }
    }
}

/// Whether flatpak goes on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It shows what it would do and asks; without a terminal it answers itself with no (`flatpak_yes_no_prompt`).
    Ask,
    /// It does it.
    Commit,
}

fn options(command: &str, scope: Scope, mode: Mode) -> Vec<String> {
    let mode: &[&str] = match mode {
        Mode::Ask => &[],
        Mode::Commit => &["--noninteractive"],
    };
    argv(&[command, scope.option()], mode.iter().map(ToString::to_string))
}

/// Installs these of one remote. What is named is not kept for ever because of that (`--no-auto-pin`).
#[must_use]
pub fn install(scope: Scope, mode: Mode, remote: &str, refs: &[Ref]) -> Vec<String> {
    let rest = argv(&["--no-auto-pin", "--", remote], refs.iter().map(ToString::to_string));
    [options("install", scope, mode), rest].concat()
}

/// Removes these.
#[must_use]
pub fn remove(scope: Scope, mode: Mode, refs: &[Ref]) -> Vec<String> {
    [options("uninstall", scope, mode), argv(&["--"], refs.iter().map(ToString::to_string))].concat()
}

/// Brings these to the newest version, or everything.
#[must_use]
pub fn update(scope: Scope, mode: Mode, refs: &[Ref]) -> Vec<String> {
    [options("update", scope, mode), argv(&["--"], refs.iter().map(ToString::to_string))].concat()
}

/// What is installed: the applications, or the runtimes and extensions.
#[must_use]
pub fn list(scope: Scope, app: bool) -> Vec<String> {
    let kind = if app { "--app" } else { "--runtime" };
    let all = if app { None } else { Some("--all".to_owned()) };
    argv(&["list", scope.option(), kind, LIST_COLUMNS], all)
}

/// Everything that the remotes offer for this machine.
#[must_use]
pub fn offers(scope: Scope) -> Vec<String> {
    argv(&["remote-ls", scope.option(), "--all", OFFER_COLUMNS], [])
}
