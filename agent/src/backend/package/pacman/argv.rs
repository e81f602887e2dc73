//! The arguments of pacman 6. Pure. Names stand after `--`; a name has none of the characters that pacman would read as a repository, a
//! version or a pattern.

use super::super::tool::{argv, literal};
use super::super::transaction::{Change, Transaction};

/// What pacman prints for each package that it would install: name, version, repository, bytes to download.
pub const FORMAT: &str = "%n\t%v\t%r\t%s";

/// How a transaction is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It prints what it would do. Conflicts are not looked for.
    Print,
    /// It goes on to its first question, with all checks and its lock, and gets no answer, which it takes for a no.
    Ask,
    /// It does it.
    Commit,
}

fn options(operation: &str, mode: Mode) -> Vec<String> {
    let mode: &[&str] = match mode {
        Mode::Print => &["--print", "--print-format", FORMAT],
        Mode::Ask => &[],
        Mode::Commit => &["--noconfirm"],
    };
    argv(&[operation, "--noprogressbar", "--color", "never"], mode.iter().map(ToString::to_string))
}

/// pacman for a change that nobody has looked at yet; nothing for one that it cannot do in one transaction.
#[must_use]
pub fn change(mode: Mode, change: &Change) -> Option<Vec<String>> {
    let install = |names: Vec<String>| [options("-S", mode), argv(&["--needed", "--"], names)].concat();
    let text = ToString::to_string;
    Some(match change {
        Change::Install(names) => install(names.iter().map(text).collect()),
        // What needs it goes along, and is shown.
        Change::Remove(names) => [options("-R", mode), argv(&["--cascade", "--"], names.iter().map(text))].concat(),
        Change::Upgrade => [options("-S", mode), argv(&["--sysupgrade"], [])].concat(),
        Change::Restore { remove, install: back } if remove.is_empty() => {
            install(back.iter().map(|e| format!("{}={}", e.name, e.version)).collect())
        }
        Change::Restore { remove, install: back } if back.is_empty() => {
            [options("-R", mode), argv(&["--"], remove.iter().map(text))].concat()
        }
        Change::Restore { .. } => return None,
    })
}

/// pacman for exactly `transaction`: every package with its version, every removal by name.
#[must_use]
pub fn exactly(mode: Mode, transaction: &Transaction) -> Vec<String> {
    let comes = transaction.items.iter().any(|item| item.verb.keeps());
    let names = transaction.items.iter().map(|item| match &item.to {
        Some(to) if item.verb.keeps() => format!("{}={to}", item.name),
        _ => item.name.clone(),
    });
    [options(if comes { "-S" } else { "-R" }, mode), argv(&["--"], names)].concat()
}

/// Another operation: `-Q`, `-Ssq`, `-Sy`, for these names.
#[must_use]
pub fn other(fixed: &[&str], names: impl IntoIterator<Item = String>) -> Vec<String> {
    [argv(fixed, argv(&["--color", "never", "--"], [])), names.into_iter().collect()].concat()
}

/// `pacman -Ss` for all of the words, each taken literally although pacman reads it as a regular expression (regex(7)).
#[must_use]
pub fn search(words: &[&str]) -> Vec<String> {
    other(&["-Ss"], words.iter().map(|word| literal(word)))
}
