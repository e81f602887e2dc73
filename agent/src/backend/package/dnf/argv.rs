//! The arguments of dnf 4. Pure. Names stand after `--`, in the commands that take exactly a name (`install-n`), a name with its
//! architecture (`-na`) or everything with its version (`-nevra`): dnf's plain `install` would also take globs, files and provides.

use super::super::PackageName;
use super::super::tool::{argv, name_arch};
use super::super::transaction::{Change, Transaction};

/// Whether dnf only says what it would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It prints what it would do, and answers itself with no.
    Simulate,
    /// It does it.
    Commit,
}

/// What every call gets: nothing is removed because it is not needed any more, and the index is fetched by `refresh` alone (or when there
/// is none).
const COMMON: [&str; 3] =
    ["--setopt=clean_requirements_on_remove=0", "--setopt=metadata_expire=-1", "--setopt=*.metadata_expire=-1"];

fn options(mode: Mode) -> Vec<String> {
    // A query waits for the index of another one; a transaction waited for its lock before, so one that is taken now is an error.
    let mode: &[&str] = match mode {
        Mode::Simulate => &["--assumeno"],
        Mode::Commit => &["-y", "--setopt=exit_on_lock=1"],
    };
    argv(mode, COMMON.iter().map(ToString::to_string))
}

/// `NAME-[EPOCH:]VERSION-RELEASE[.ARCH]`.
#[must_use]
pub fn nevra(name: &str, arch: Option<&str>, version: &str) -> String {
    arch.map_or_else(|| format!("{name}-{version}"), |arch| format!("{name}-{version}.{arch}"))
}

/// dnf for a change that nobody has looked at yet; nothing for one that it cannot do in one transaction.
#[must_use]
pub fn change(change: &Change) -> Option<Vec<String>> {
    let mut all = options(Mode::Simulate);
    let named = |verb: &str, names: &[PackageName]| {
        let form = if names.iter().any(|name| name.arch().is_some()) { "na" } else { "n" };
        // In one form all of them need an architecture, or none does.
        let form = if names.iter().all(|name| name.arch().is_some()) || form == "n" {
            format!("-{form}")
        } else {
            String::new()
        };
        argv(&[&format!("{verb}{form}"), "--"], names.iter().map(name_arch))
    };
    match change {
        Change::Install(names) => all.extend(named("install", names)),
        Change::Remove(names) => all.extend(named("remove", names)),
        Change::Upgrade => all.push("upgrade".to_owned()),
        Change::Restore { remove, install } if remove.is_empty() => {
            let exact = install.iter().map(|e| nevra(e.name.name(), e.name.arch(), &e.version));
            // Without an architecture it is no full name: name, epoch, version and release.
            let all_have = install.iter().all(|e| e.name.arch().is_some());
            all.extend(argv(&[if all_have { "install-nevra" } else { "install" }, "--"], exact));
        }
        Change::Restore { remove, install } if install.is_empty() => all.extend(named("remove", remove)),
        Change::Restore { .. } => return None,
    }
    Some(all)
}

/// dnf for exactly `transaction`: every package with its version. What goes because something newer replaces it is not named: it goes
/// with what replaces it, or the simulation before says that it does not.
#[must_use]
pub fn exactly(mode: Mode, transaction: &Transaction) -> Vec<String> {
    let mut all = options(mode);
    let comes = transaction.items.iter().any(|item| item.verb.keeps());
    all.extend(argv(&[if comes { "install-nevra" } else { "remove-nevra" }, "--"], []));
    let named = transaction.items.iter().filter(|item| item.verb.keeps() == comes);
    all.extend(named.map(|item| {
        let version = item.to.as_deref().or(item.from.as_deref()).unwrap_or_default();
        nevra(&item.name, item.arch.as_deref(), version)
    }));
    all
}

/// Fetches the index.
#[must_use]
pub fn refresh() -> Vec<String> {
    argv(&["makecache", "--refresh", "--setopt=exit_on_lock=1"], [])
}

/// `dnf repoquery`, with the form of a row and perhaps another option first, for these names.
#[must_use]
pub fn repoquery(form: &[&str], names: &[&str]) -> Vec<String> {
    let mut all = argv(&["-q"], COMMON.iter().map(ToString::to_string));
    let (row, others) = form.split_first().unwrap_or((&"", &[]));
    all.extend(argv(&["repoquery", "--qf", row], others.iter().map(ToString::to_string)));
    // `--whatprovides` takes the name as its own argument.
    if others.last() == Some(&"--whatprovides") {
        all.extend(names.iter().map(ToString::to_string));
    } else {
        all.extend(argv(&["--"], names.iter().map(ToString::to_string)));
    }
    all
}

/// `dnf search` for all of the words. It reads them as globs in names and descriptions, so their special characters stand for any one.
#[must_use]
pub fn search(words: &[&str]) -> Vec<String> {
    let mut all = argv(&["-q"], COMMON.iter().map(ToString::to_string));
    all.extend(argv(&["search", "--"], words.iter().map(|word| word.replace(['*', '?', '[', ']'], "?"))));
    all
}

/// Marks packages as those that came along.
#[must_use]
pub fn unwanted(names: Vec<String>) -> Vec<String> {
    argv(&["-q", "-y", "--setopt=exit_on_lock=1", "mark", "remove", "--"], names)
}
