//! The arguments of apt and dpkg. Pure. Names and versions stand after `--`, and a name is never an option, a pattern or a file,
//! because [`PackageName`](super::super::PackageName) has none of their characters.

use std::time::Duration;

use super::super::tool::literal;
use super::super::transaction::{Change, Item, Transaction, Verb};

/// What dpkg-query prints for each package: name, architecture, status, version.
pub const DPKG_FORMAT: &str = "${Package}\t${Architecture}\t${db:Status-Status}\t${Version}\n";

/// What every call of apt-get gets.
///
/// `Pattern-Only` turns the reading of names as regular expressions and globs off; confdef and confold keep an administrator's
/// configuration files; nothing is removed because it is not needed any more.
const COMMON: &[&str] = &[
    "-oAPT::Cmd::Pattern-Only=true",
    "-oAPT::Get::AutomaticRemove=false",
    "-oAPT::Get::HideAutoRemove=true",
    "-oAPT::Get::Show-User-Simulation-Note=false",
    "-oAPT::Color=false",
    "-oDpkg::Progress-Fancy=false",
    "-oDpkg::Options::=--force-confdef",
    "-oDpkg::Options::=--force-confold",
];

/// Whether apt-get only says what it would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It prints what it would do.
    Simulate,
    /// It prints the archives that it would fetch.
    PrintUris,
    /// It does it, with status lines on its standard output, after waiting for a lock that somebody takes in between.
    Commit {
        /// How long apt itself waits for the lock.
        lock: Duration,
    },
}

fn options(mode: Mode) -> Vec<String> {
    // `-y` in a simulation too: it then refuses what the real one would refuse (held packages, essential ones).
    let of_mode: Vec<String> = match mode {
        Mode::Simulate => vec!["-s".into(), "-y".into()],
        Mode::PrintUris => vec!["--print-uris".into(), "--assume-no".into(), "-oDebug::NoLocking=true".into()],
        Mode::Commit { lock } => {
            vec!["-y".into(), "-oAPT::Status-Fd=1".into(), format!("-oDPkg::Lock::Timeout={}", lock.as_secs())]
        }
    };
    of_mode.into_iter().chain(COMMON.iter().map(ToString::to_string)).collect()
}

/// apt-get for a change that nobody has looked at yet: [`Mode::Simulate`] or [`Mode::PrintUris`].
#[must_use]
pub fn change(mode: Mode, change: &Change) -> Vec<String> {
    let mut argv = options(mode);
    match change {
        Change::Install(names) => {
            argv.extend(["install".into(), "--".into()]);
            argv.extend(names.iter().map(ToString::to_string));
        }
        Change::Remove(names) => {
            argv.extend(["remove".into(), "--".into()]);
            argv.extend(names.iter().map(ToString::to_string));
        }
        // What `apt upgrade` does: never a removal, but a new kernel or library that a newer version needs is added.
        Change::Upgrade => argv.extend(["--with-new-pkgs".into(), "upgrade".into()]),
        Change::Restore { remove, install } => {
            argv.push(if install.is_empty() { "remove".into() } else { "install".into() });
            argv.push("--".into());
            argv.extend(install.iter().map(|exact| format!("{}={}", exact.name, exact.version)));
            // After `install` a name with `-` at its end is removed.
            let suffix = if install.is_empty() { "" } else { "-" };
            argv.extend(remove.iter().map(|name| format!("{name}{suffix}")));
        }
    }
    argv
}

/// apt-get for exactly `transaction`: every package with its version, every removal by name. The simulation that comes
/// immediately before the real one has the same arguments.
#[must_use]
pub fn exactly(mode: Mode, transaction: &Transaction) -> Vec<String> {
    let mut argv = options(mode);
    if !transaction.removes() {
        argv.push("--no-remove".into());
    }
    let has = |verb| transaction.items.iter().any(|item| item.verb == verb);
    if has(Verb::Downgrade) {
        argv.push("--allow-downgrades".into());
    }
    if has(Verb::Reinstall) {
        argv.push("--reinstall".into());
    }
    let only_removals = transaction.removes()
        && transaction.items.iter().all(|item| !item.verb.keeps() || item.verb == Verb::Configure);
    argv.push(if only_removals { "remove".into() } else { "install".into() });
    argv.push("--".into());
    let suffix = if only_removals { "" } else { "-" };
    argv.extend(transaction.items.iter().filter_map(|item: &Item| match (item.verb, item.to.as_deref()) {
        (Verb::Configure, _) => None,
        (verb, Some(to)) if verb.keeps() => Some(format!("{}={to}", item.full_name())),
        _ => Some(format!("{}{suffix}", item.full_name())),
    }));
    argv
}

/// dpkg-query for the state of these packages.
#[must_use]
pub fn query(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut argv = vec!["-W".to_owned(), "-f".to_owned(), DPKG_FORMAT.to_owned(), "--".to_owned()];
    argv.extend(names);
    argv
}

/// apt-cache search for all of the words, each taken literally although apt reads it as a regular expression (regex(7)).
#[must_use]
pub fn search(words: &[&str]) -> Vec<String> {
    ["search", "--"].into_iter().map(str::to_owned).chain(words.iter().map(|word| literal(word))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::transaction::{Exact, Mark};
    use super::*;

    fn after_options(argv: &[String]) -> Vec<&str> {
        argv.iter()
            .map(String::as_str)
            .skip_while(|a| !["install", "remove", "upgrade", "search"].contains(a))
            .collect()
    }

    fn item(verb: Verb, name: &str, arch: &str, version: &str) -> Item {
        Item {
            verb,
            name: name.into(),
            arch: Some(arch.into()),
            from: Some(version.into()).filter(|_| verb != Verb::Install),
            to: Some(version.into()).filter(|_| verb.keeps()),
            origin: None,
            download_bytes: None,
            mark: Mark::Manual,
        }
    }

    #[test]
    fn a_change_names_its_packages_after_the_two_dashes() {
        let names = |list| super::super::super::PackageName::list(list).unwrap();
        let back = Exact { name: "cc".parse().unwrap(), version: "1:2-3".into(), mark: Mark::Auto };
        let rows = [
            (Change::Install(names("aa,b-")), vec!["install", "--", "aa", "b-"]),
            (Change::Remove(names("aa")), vec!["remove", "--", "aa"]),
            (Change::Upgrade, vec!["upgrade"]),
            (Change::Restore { remove: names("aa"), install: vec![] }, vec!["remove", "--", "aa"]),
            (Change::Restore { remove: names("aa"), install: vec![back] }, vec!["install", "--", "cc=1:2-3", "aa-"]),
        ];
        for (wanted, expected) in rows {
            for mode in [Mode::Simulate, Mode::PrintUris] {
                assert_eq!(after_options(&change(mode, &wanted)), expected);
            }
        }
    }

    #[test]
    fn a_commit_is_pinned_and_removes_only_what_was_shown() {
        let of = |items: Vec<Item>| Transaction { items, ..Transaction::default() };
        let (come, go) = (item(Verb::Install, "aa", "all", "1"), item(Verb::Remove, "bb", "i386", "2"));
        let commit = Mode::Commit { lock: Duration::from_secs(30) };
        let plain = exactly(commit, &of(vec![come.clone(), item(Verb::Configure, "half", "all", "1")]));
        assert_eq!(after_options(&plain), ["install", "--", "aa=1"]);
        assert!(plain.contains(&"--no-remove".to_owned()) && plain.contains(&"-oDPkg::Lock::Timeout=30".to_owned()));
        assert!(!plain.iter().any(|a| a.starts_with("--allow") || a == "-s"));
        let both = exactly(commit, &of(vec![come, go.clone()]));
        assert_eq!(after_options(&both), ["install", "--", "aa=1", "bb:i386-"]);
        assert!(!both.contains(&"--no-remove".to_owned()));
        assert_eq!(after_options(&exactly(commit, &of(vec![go]))), ["remove", "--", "bb:i386"]);
        let down = exactly(Mode::Simulate, &of(vec![item(Verb::Downgrade, "aa", "amd64", "1")]));
        assert!(down.contains(&"--allow-downgrades".to_owned()) && down.contains(&"-s".to_owned()));
        assert_eq!(after_options(&down), ["install", "--", "aa:amd64=1"]);
    }

    #[test]
    fn words_of_a_search_are_literal() {
        assert_eq!(search(&["c++", "-v", "a|b"]), ["search", "--", "c\\+\\+", "-v", "a\\|b"]);
    }
}
