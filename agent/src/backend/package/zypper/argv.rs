//! The arguments of zypper 1.14. Pure. Names stand after `--` and are plain names (`--name`), so nothing that provides one is taken for it.

use super::super::tool::{argv, name_arch};
use super::super::transaction::{Change, Item, Transaction};

/// Whether zypper only says what it would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It prints what it would do.
    Simulate,
    /// It does it.
    Commit,
}

/// What every call gets: it asks nothing and takes the careful answer, and fetches no index by itself. Licences are not agreed to.
const COMMON: [&str; 4] = ["--non-interactive", "--xmlout", "--no-color", "--no-refresh"];

fn of_mode(mode: Mode) -> &'static [&'static str] {
    match mode {
        Mode::Simulate => &["--dry-run"],
        Mode::Commit => &[],
    }
}

/// zypper for a change that nobody has looked at yet.
#[must_use]
pub fn change(change: &Change) -> Vec<String> {
    let mut all = argv(&COMMON, []);
    match change {
        Change::Install(names) => {
            all.extend(argv(&["install", "--dry-run", "--name", "--"], names.iter().map(name_arch)));
        }
        Change::Remove(names) => {
            all.extend(argv(&["remove", "--dry-run", "--name", "--"], names.iter().map(name_arch)));
        }
        Change::Upgrade => all.extend(argv(&["update", "--dry-run"], [])),
        Change::Restore { remove, install } if install.is_empty() => {
            all.extend(argv(&["remove", "--dry-run", "--name", "--"], remove.iter().map(name_arch)));
        }
        Change::Restore { remove, install } => {
            let back = install.iter().map(|e| format!("{}={}", name_arch(&e.name), e.version));
            // After `install` a name with `-` before it is removed.
            let away = remove.iter().map(|name| format!("-{}", name_arch(name)));
            all.extend(argv(&["install", "--dry-run", "--oldpackage", "--name", "--"], back.chain(away)));
        }
    }
    all
}

/// zypper for exactly `transaction`: every package with its version, every removal by name.
#[must_use]
pub fn exactly(mode: Mode, transaction: &Transaction) -> Vec<String> {
    let full =
        |item: &Item| item.arch.as_ref().map_or_else(|| item.name.clone(), |arch| format!("{}.{arch}", item.name));
    let comes = transaction.items.iter().any(|item| item.verb.keeps());
    let mut all = argv(&COMMON, [if comes { "install" } else { "remove" }.to_owned()]);
    all.extend(argv(of_mode(mode), []));
    if comes {
        all.push("--oldpackage".to_owned());
    }
    all.extend(argv(&["--name", "--"], []));
    all.extend(transaction.items.iter().map(|item| match &item.to {
        Some(to) if item.verb.keeps() => format!("{}={to}", full(item)),
        _ if comes => format!("-{}", full(item)),
        _ => full(item),
    }));
    all
}

/// Fetches the index.
#[must_use]
pub fn refresh() -> Vec<String> {
    argv(&["--non-interactive", "--xmlout", "--no-color", "refresh"], [])
}

/// Every version of packages with exactly these names, and where it comes from.
#[must_use]
pub fn exact_names(names: &[String]) -> Vec<String> {
    argv(&COMMON, argv(&["search", "--details", "--type", "package", "--match-exact", "--"], names.iter().cloned()))
}

/// The names of all packages.
#[must_use]
pub fn all_names() -> Vec<String> {
    argv(&COMMON, argv(&["search", "--type", "package"], []))
}

/// Packages that provide this name.
#[must_use]
pub fn providers(name: &str) -> Vec<String> {
    argv(&COMMON, argv(&["search", "--type", "package", "--provides", "--match-exact", "--", name], []))
}

/// Packages with one of the words in their name or summary.
#[must_use]
pub fn search(words: &[&str]) -> Vec<String> {
    let words = words.iter().map(|word| word.replace(['*', '?', '[', ']', '/'], "?"));
    argv(&COMMON, argv(&["search", "--type", "package", "--match-substrings", "--"], words))
}
