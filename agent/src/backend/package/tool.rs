//! What the managers that are run as programs have in common: their processes, how old an index is, sizes in words, and which of the
//! names that were asked for the simulation has not touched.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::transaction::{Already, Change, Item, Mark, Transaction, Verb};
use super::{PackageError, PackageName};
use crate::backend::spawn::{self, Job, Limits, Output, Program};

/// A query or simulation. On slow machines a manager reads its index for tens of seconds.
pub(super) const QUERY: Limits = Limits { deadline: Duration::from_secs(120), output: 32 * 1024 * 1024 };

/// Fetching the index. It can be stopped at any time: a manager replaces each file when it is whole.
pub(super) const FETCH: Limits = Limits { deadline: Duration::from_secs(15 * 60), output: 1024 * 1024 };

/// A program with the arguments and variables that each of its calls gets.
#[derive(Debug, Clone)]
pub struct Tool {
    /// The program.
    pub program: PathBuf,
    /// Arguments that stand before all others. Empty on a real machine: tests give another root here.
    pub args: Vec<String>,
    /// Variables.
    pub env: Vec<(String, String)>,
}

impl Tool {
    /// The program at `program`, with root's home folder.
    #[must_use]
    pub fn new(program: &str) -> Self {
        Self { program: program.into(), args: Vec::new(), env: vec![("HOME".to_owned(), "/root".to_owned())] }
    }

    /// Whether it is there and nobody else could have put it there.
    pub(super) fn there(&self) -> Result<(), PackageError> {
        Ok(Program::new(&self.program).map(drop)?)
    }

    pub(super) fn job(&self, args: Vec<String>) -> Result<Job, PackageError> {
        let job = Job::new(Program::new(&self.program)?).args(self.args.iter().cloned()).args(args);
        Ok(self.env.iter().fold(job, |job, (name, value)| job.env(name, value)))
    }

    /// Runs it to its end. What it prints has to fit into the limits.
    pub(super) async fn run(&self, args: Vec<String>, limits: Limits) -> Result<Output, PackageError> {
        let output = spawn::run(&self.job(args)?, limits).await?;
        if output.truncated {
            let text = format!("what `{}` says is too long to be looked at", self.program.display());
            return Err(PackageError::Unmet { text });
        }
        Ok(output)
    }

    /// Marks what came along as not wanted for itself: what was named with its version counts as wanted. `argv` is the order for names.
    pub(super) async fn unwanted(&self, done: &[Item], argv: fn(Vec<String>) -> Vec<String>) {
        let along = done.iter().filter(|item| item.verb.keeps() && item.mark == Mark::Auto);
        let along: Vec<String> = along.map(|item| item.name.clone()).collect();
        if along.is_empty() {
            return;
        }
        match self.run(argv(along), QUERY).await {
            Ok(output) if output.status.success() => {}
            other => tracing::warn!(?other, "packages that came as dependencies could not be marked as such"),
        }
    }

    /// The last word of the first line that has a digit in it, which is the version in what all of them say to `--version`.
    pub(super) async fn version(&self) -> Option<String> {
        let bare = Self { args: Vec::new(), ..self.clone() };
        let said = bare.run(vec!["--version".to_owned()], QUERY).await.ok()?.stdout_text();
        version_in(&said)
    }
}

/// The first word that looks like a version.
fn version_in(said: &str) -> Option<String> {
    let word =
        |word: &&str| word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    said.split_ascii_whitespace().find(word).map(|word| super::clean(word.trim_start_matches('v')))
}

/// Arguments as the processes take them.
pub(super) fn argv(fixed: &[&str], names: impl IntoIterator<Item = String>) -> Vec<String> {
    fixed.iter().map(ToString::to_string).chain(names).collect()
}

/// How old the newest of `stamps` is; nothing when there is none, or it is in the future (the clock was changed).
pub(super) fn age<P: AsRef<Path>>(stamps: impl IntoIterator<Item = P>) -> Option<Duration> {
    let changed = |path: P| path.as_ref().metadata().ok()?.modified().ok();
    SystemTime::now().duration_since(stamps.into_iter().filter_map(changed).max()?).ok()
}

/// The same of `folders` and what lies in them.
pub(super) fn age_inside(folders: &[PathBuf]) -> Option<Duration> {
    let inside = |path: &PathBuf| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    age(folders.iter().flat_map(|path| inside(path).chain([path.clone()])))
}

/// `NAME` or `NAME.ARCH`, as rpm's managers write it.
pub(super) fn name_arch(name: &PackageName) -> String {
    name.arch().map_or_else(|| name.name().to_owned(), |arch| format!("{}.{arch}", name.name()))
}

/// A word for programs that read it as a regular expression (regex(7)), so that they take it literally.
pub(super) fn literal(word: &str) -> String {
    word.chars().fold(String::new(), |mut text, c| {
        if ".[]{}()\\*+?|^$".contains(c) {
            text.push('\\');
        }
        text.push(c);
        text
    })
}

/// Why a manager refused, read from what it printed. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such package, or not in this version: as it was asked for.
    NotFound(String),
    /// The packages do not fit together, or a protected one would go.
    Unmet(String),
    /// Another process holds a lock: which, where the manager says it.
    Locked(Option<String>),
    /// A source could not be reached.
    Network(String),
    /// Something else: the errors.
    Other(Vec<String>),
}

impl Refusal {
    /// The error that it is; `exit` is the manager's exit status.
    pub(super) fn error(self, exit: Option<i32>) -> PackageError {
        match self {
            Self::NotFound(name) => PackageError::NotFound { name: super::clean(&name), near: Vec::new() },
            Self::Unmet(text) => PackageError::Unmet { text },
            Self::Locked(by) => PackageError::Locked { by, waited: Duration::ZERO },
            Self::Network(text) => PackageError::Network { text },
            Self::Other(last) => PackageError::Failed { exit, last, done: Vec::new() },
        }
    }

    /// The error that it is where a transaction ended by it before it did anything, and nothing else tells more.
    pub(super) fn of_the_start(self) -> Option<PackageError> {
        matches!(self, Self::Locked(_) | Self::Network(_)).then(|| self.error(None))
    }
}

/// A size in binary units as managers print it: `5.9` `k`, `692.00` `B`, `1.2` `MiB`.
pub(super) fn binary_size(number: &str, unit: &str) -> Option<u64> {
    let power = match unit.trim_end_matches("iB") {
        "" | "B" => 0,
        "k" | "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * 1024_f64.powi(power);
    if !(0.0..9e15).contains(&bytes) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the line above bounds it")]
    let bytes = bytes.round() as u64;
    Some(bytes)
}

/// An item that comes or goes; the versions are filled in afterwards.
pub(super) fn item(verb: Verb, name: &str) -> Item {
    Item {
        verb,
        name: super::clean(name),
        arch: None,
        from: None,
        to: None,
        origin: None,
        download_bytes: None,
        mark: Mark::Manual,
    }
}

/// Puts items in the order in which transactions have them: by name, architecture and verb.
pub(super) fn sort(items: &mut [Item]) {
    items.sort_by(|a, b| (&a.name, &a.arch, a.verb).cmp(&(&b.name, &b.arch, b.verb)));
}

/// A package that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its architecture, or its branch for flatpak; empty where the manager has none.
    pub arch: String,
    /// Its version.
    pub version: String,
}

/// The version of `name` that is installed.
pub(super) fn version_of(rows: &[Row], name: &PackageName) -> Option<String> {
    rows.iter().find(|row| name.is(&row.name, Some(&row.arch))).map(|row| row.version.clone())
}

/// Whether each item is as it should be, by what is installed.
pub(super) fn done(items: &[Item], rows: &[Row]) -> Vec<bool> {
    let is_done = |item: &Item| {
        let same_arch = |arch: &str| item.arch.as_deref().is_none_or(|own| own == arch);
        let mut own = rows.iter().filter(|row| row.name == item.name && same_arch(&row.arch));
        if item.verb.keeps() {
            own.any(|row| Some(&row.version) == item.to.as_ref())
        } else {
            own.all(|row| Some(&row.version) != item.from.as_ref())
        }
    };
    items.iter().map(is_done).collect()
}

/// The names that were asked for and that the simulation has not touched, under exactly that name. Those that are as they should be
/// already become [`Already`]; the others are for the manager to say whether it knows them at all.
pub(super) fn settle(change: &Change, transaction: &mut Transaction, rows: &[Row]) -> Vec<PackageName> {
    let mut open = Vec::new();
    for (name, stays) in change.asked() {
        let touched = |item: &Item| {
            item.verb.keeps() == stays && name.name() == item.name && arch_fits(name, item.arch.as_deref())
        };
        if transaction.items.iter().any(touched) {
            continue;
        }
        match (stays, version_of(rows, name)) {
            (true, Some(version)) => {
                transaction.already.push(Already { name: name.to_string(), version: Some(version) });
            }
            _ => open.push(name.clone()),
        }
    }
    open
}

/// Whether the item has the architecture that was asked for, where one was.
pub(super) fn arch_fits(name: &PackageName, arch: Option<&str>) -> bool {
    name.arch().is_none() || arch.is_none() || name.arch() == arch
}

/// How each item has to be marked: what was asked for is wanted, what comes along is not, and what is there stays as it is marked.
pub(super) fn set_marks(change: &Change, items: &mut [Item], auto: impl Fn(&Item) -> bool) {
    for item in items {
        let is = |name: &PackageName| name.is(&item.name, item.arch.as_deref());
        item.mark = match change {
            Change::Install(names) if item.verb.keeps() && names.iter().any(is) => Mark::Manual,
            Change::Restore { install, .. } if item.verb.keeps() && install.iter().any(|e| is(&e.name)) => {
                install.iter().find(|e| is(&e.name)).map_or(Mark::Manual, |e| e.mark)
            }
            _ if item.verb == Verb::Install => Mark::Auto,
            _ if auto(item) => Mark::Auto,
            _ => Mark::Manual,
        };
    }
}

/// The words in a transaction's output that tell a person what went wrong: from the first error on, else the last lines.
pub(super) fn last_words(output: &str, is_error: impl Fn(&str) -> bool) -> Vec<String> {
    const LAST: usize = 6;
    let said: Vec<&str> = output.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let start = said.iter().position(|line| is_error(line)).unwrap_or(said.len().saturating_sub(LAST));
    said[start..].iter().take(LAST).map(|line| super::clean(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        for (number, unit, bytes) in [
            ("4", "", Some(4)),
            ("5.9", "k", Some(6042)),
            ("692.00", "B", Some(692)),
            ("4.00", "KiB", Some(4096)),
            ("0.01", "MiB", Some(10_486)),
            ("1", "parsec", None),
            ("inf", "k", None),
            ("-1", "k", None),
        ] {
            assert_eq!(binary_size(number, unit), bytes, "{number} {unit}");
        }
    }

    #[test]
    fn the_version_is_the_first_word_that_looks_like_one() {
        for (said, version) in [
            ("4.14.0\n  Installed: dnf-0:4.14.0", Some("4.14.0")),
            ("\n .--.                  Pacman v6.0.2 - libalpm v13.0.2\n", Some("6.0.2")),
            ("zypper 1.14.42\n", Some("1.14.42")),
            ("Flatpak 1.14.10", Some("1.14.10")),
            ("", None),
        ] {
            assert_eq!(version_in(said).as_deref(), version, "{said}");
        }
    }

    #[test]
    fn an_item_is_done_when_the_database_says_so() {
        let row = |version: &str| Row { name: "aa".into(), arch: "noarch".into(), version: version.into() };
        let come = Item { to: Some("1".into()), ..item(Verb::Install, "aa") };
        let go = Item { from: Some("1".into()), ..item(Verb::Remove, "aa") };
        for (rows, installed, removed) in [
            (vec![], false, true),
            (vec![row("1")], true, false),
            (vec![row("2")], false, true),
            (vec![row("2"), row("1")], true, false),
        ] {
            assert_eq!(done(&[come.clone(), go.clone()], &rows), [installed, removed], "{rows:?}");
        }
    }
}
