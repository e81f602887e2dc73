//! pacman 6, directly. Arguments are made in `argv`, output is read in `parse`; both are pure.
//!
//! An update is `pacman -Sy` as part of its preview, and then everything that it shows. A conflict is never solved by removing something:
//! pacman asks then and is answered no. So an update that would replace a package by one of another name is told and not done.
//!
//! pacman's `--print` looks for no conflicts, so each preview also goes on to pacman's first question, with all its checks and for a
//! moment its lock, and gives no answer. Every package is named with its version, and both are done once more immediately before.
//! Between that and the moment when pacman takes its lock another program may change the database; then pacman does what is named, with
//! other dependencies.

pub mod argv;
pub mod parse;

use std::path::PathBuf;
use std::time::Duration;

use super::commit::{self, Direct};
use super::tool::{self, FETCH, QUERY, Row, Tool};
use super::transaction::{Already, Change, Item, Transaction, Verb};
use super::{Hit, INDEX_AGE, PackageError, PackageName, Progress, ProgressSender, Refresh, clean, find, lock};
use crate::backend::spawn::{Job, Output};

use self::argv::Mode;
use self::parse::Refusal;

/// Where pacman's program and files are. [`PacmanPaths::default`] is every Arch and relatives.
#[derive(Debug, Clone)]
pub struct PacmanPaths {
    /// pacman(8).
    pub pacman: Tool,
    /// The file that is there while somebody changes the database.
    pub lock: PathBuf,
    /// The folder that changes when the index is fetched.
    pub index: PathBuf,
}

impl Default for PacmanPaths {
    fn default() -> Self {
        Self {
            pacman: Tool::new("/usr/bin/pacman"),
            lock: "/var/lib/pacman/db.lck".into(),
            index: "/var/lib/pacman/sync".into(),
        }
    }
}

/// pacman on this machine.
#[derive(Debug, Clone)]
pub struct Pacman {
    paths: PacmanPaths,
}

/// A word on each method's errors stands at [`PackageError`].
#[allow(clippy::missing_errors_doc)]
impl Pacman {
    /// pacman with its program and files at `paths`.
    #[must_use]
    pub fn new(paths: PacmanPaths) -> Self {
        Self { paths }
    }

    /// See [`super::Manager::simulate`].
    pub async fn simulate(&self, change: &Change) -> Result<Transaction, PackageError> {
        let (there, gone) = match change {
            // Of a removal, what is not installed is an error of pacman's.
            Change::Remove(names) => {
                let rows = self.rows(names.iter().map(|n| n.name().to_owned())).await?;
                let (there, gone) = names.iter().cloned().partition(|n| rows.iter().any(|row| row.name == n.name()));
                (Change::Remove(there), gone)
            }
            other => (other.clone(), Vec::new()),
        };
        let mut transaction = if matches!(&there, Change::Remove(names) if names.is_empty()) {
            Transaction { download_bytes: Some(0), ..Transaction::default() }
        } else {
            self.simulated(&there).await?
        };
        for name in gone {
            if !self.knows(name.name()).await? {
                return Err(self.not_found(&name).await);
            }
            transaction.already.push(Already { name: name.to_string(), version: None });
        }
        Ok(transaction)
    }

    async fn simulated(&self, change: &Change) -> Result<Transaction, PackageError> {
        let (Some(print), Some(ask)) = (argv::change(Mode::Print, change), argv::change(Mode::Ask, change)) else {
            let text = "pacman cannot install and remove in one transaction; do one after the other".to_owned();
            return Err(PackageError::Unmet { text });
        };
        let output = self.paths.pacman.run(print, QUERY).await?;
        if !output.status.success() {
            return Err(match parse::refusal(&output.stdout_text(), &output.stderr_text()) {
                Refusal::NotFound(spec) => self.no_match(change, &spec).await,
                refusal => self.refused_with(refusal, output.status.code()),
            });
        }
        let comes = !matches!(change, Change::Remove(_))
            && !matches!(change, Change::Restore { install, .. } if install.is_empty());
        let items = self.read(&output, comes).await?;
        let mut transaction =
            Transaction { items, kept_back: parse::kept_back(&output.stderr_text()), ..Transaction::default() };
        transaction.download_bytes = Some(transaction.items.iter().filter_map(|i| i.download_bytes).sum());
        let rows = self.rows(change.names().map(|n| n.name().to_owned())).await?;
        if let Some(name) = tool::settle(change, &mut transaction, &rows).first() {
            return Err(self.not_found(name).await);
        }
        let auto = self.auto().await?;
        tool::set_marks(change, &mut transaction.items, |item| auto.contains(&item.name));
        if !transaction.is_empty() && commit::may_change().is_ok() {
            transaction.installed_bytes_change = self.ask(ask).await?;
        }
        Ok(transaction)
    }

    /// What pacman printed, with what is there now.
    async fn read(&self, output: &Output, comes: bool) -> Result<Vec<Item>, PackageError> {
        let mut items = parse::printed(&output.stdout_text(), comes);
        if comes {
            let older = parse::older(&output.stderr_text());
            let rows = self.rows(items.iter().map(|i| i.name.clone())).await?;
            for item in &mut items {
                let Some(row) = rows.iter().find(|row| row.name == item.name) else { continue };
                item.verb = match item.to.as_ref() {
                    Some(to) if *to == row.version => Verb::Reinstall,
                    _ if older.contains(&item.name) => Verb::Downgrade,
                    _ => Verb::Upgrade,
                };
                item.from = Some(row.version.clone());
            }
        }
        Ok(items)
    }

    /// Goes on to pacman's question and gives no answer. How many bytes more are used afterwards.
    async fn ask(&self, argv: Vec<String>) -> Result<Option<i64>, PackageError> {
        let output = self.paths.pacman.run(argv, QUERY).await?;
        let (stdout, stderr) = (output.stdout_text(), output.stderr_text());
        if parse::asked(&stdout) || parse::asked(&stderr) {
            return Ok(parse::installed_change(&stdout));
        }
        match parse::refusal(&stdout, &stderr) {
            // Somebody is at work now: the transaction waits for that, and looks again.
            Refusal::Locked(_) => Ok(None),
            refusal => Err(self.refused_with(refusal, output.status.code())),
        }
    }

    async fn rows(&self, names: impl IntoIterator<Item = String>) -> Result<Vec<Row>, PackageError> {
        let names: Vec<String> = names.into_iter().collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let output = self.asked(argv::other(&["-Q"], names)).await?;
        Ok(parse::rows(&output.stdout_text()))
    }

    /// The packages that came along as dependencies.
    async fn auto(&self) -> Result<Vec<String>, PackageError> {
        self.lines(&["-Qqd"], None).await
    }

    /// Whether there is a package of this name to be had.
    async fn knows(&self, name: &str) -> Result<bool, PackageError> {
        Ok(self.asked(argv::other(&["-Si"], [name.to_owned()])).await?.status.success())
    }

    async fn lines(&self, fixed: &[&str], name: Option<String>) -> Result<Vec<String>, PackageError> {
        let output = self.asked(argv::other(fixed, name)).await?;
        Ok(output.stdout_text().lines().map(clean).collect())
    }

    /// A question. That something is not there is an answer too, for which pacman ends with 1.
    async fn asked(&self, argv: Vec<String>) -> Result<Output, PackageError> {
        let output = self.paths.pacman.run(argv, QUERY).await?;
        let exit = output.status.code();
        if parse::is_answer(exit, &output.stderr_text()) {
            return Ok(output);
        }
        Err(self.refused_with(parse::refusal(&output.stdout_text(), &output.stderr_text()), exit))
    }

    async fn no_match(&self, change: &Change, spec: &str) -> PackageError {
        match (change, spec.split_once('=')) {
            (Change::Restore { .. }, Some((name, version))) => {
                PackageError::Unmet { text: format!("version {version} of `{name}` is not to be had any more") }
            }
            _ => match change.names().find(|n| n.name() == spec) {
                Some(name) => self.not_found(name).await,
                None => PackageError::NotFound { name: spec.to_owned(), near: Vec::new() },
            },
        }
    }

    async fn not_found(&self, name: &PackageName) -> PackageError {
        // Without a database it takes a name for what provides it: then that is what it would print.
        let print = argv::change(Mode::Print, &Change::Install(vec![name.clone()])).unwrap_or_default();
        let (provided, known) = tokio::join!(self.paths.pacman.run(print, QUERY), self.lines(&["-Ssq"], None));
        let provided = provided.map(|o| parse::printed(&o.stdout_text(), true)).unwrap_or_default();
        let mut near: Vec<String> = provided.into_iter().map(|item| item.name).collect();
        near.extend(find::near(name.name(), known.unwrap_or_default().iter().map(String::as_str)));
        near.dedup();
        near.truncate(find::MAX_NEAR);
        PackageError::NotFound { name: name.to_string(), near }
    }

    /// The error for a pacman that refused and changed nothing.
    fn refused_with(&self, refusal: Refusal, exit: Option<i32>) -> PackageError {
        match refusal {
            Refusal::Locked(None) => Refusal::Locked(self.holder()).error(exit),
            other => other.error(exit),
        }
    }

    /// See [`super::Manager::search`].
    pub async fn search(&self, text: &str) -> Result<Vec<Hit>, PackageError> {
        let words = find::words(text);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let output = self.asked(argv::search(&words)).await?;
        let mut hits = find::rank(parse::search(&output.stdout_text()), &words);
        hits.truncate(find::MAX_HITS);
        Ok(hits)
    }

    /// See [`super::Manager::refresh`].
    pub async fn refresh(&self, lock_wait: Duration, progress: &ProgressSender) -> Result<Refresh, PackageError> {
        // The files have their server's time; the folder has the one at which a newer file came.
        if tool::age([&self.paths.index]).is_some_and(|age| age <= INDEX_AGE) {
            return Ok(Refresh::Fresh);
        }
        commit::before_fetching(|| self.holder(), lock_wait, progress).await?;
        let argv = tool::argv(&["-Sy", "--noconfirm", "--noprogressbar", "--color", "never"], []);
        let output = self.paths.pacman.run(argv, FETCH).await?;
        if output.status.success() {
            return Ok(Refresh::Updated);
        }
        Err(self.refused_with(parse::refusal(&output.stdout_text(), &output.stderr_text()), output.status.code()))
    }

    /// See [`super::Manager::installed`].
    pub async fn installed(&self, names: &[PackageName]) -> Result<Vec<Option<String>>, PackageError> {
        let rows = self.rows(names.iter().map(|n| n.name().to_owned())).await?;
        Ok(names.iter().map(|name| tool::version_of(&rows, name)).collect())
    }

    /// See [`super::Manager::own_version`].
    pub async fn own_version(&self) -> Option<String> {
        self.paths.pacman.version().await
    }
}

impl Direct for Pacman {
    const NAME: &'static str = "pacman";

    async fn available(&self) -> Result<(), PackageError> {
        self.paths.pacman.there()?;
        commit::may_change()
    }

    fn holder(&self) -> Option<String> {
        lock::of_file(&self.paths.lock)
    }

    async fn check_again(&self, transaction: &Transaction) -> Result<(), PackageError> {
        let output = self.paths.pacman.run(argv::exactly(Mode::Print, transaction), QUERY).await?;
        if !output.status.success() {
            return Err(match parse::refusal(&output.stdout_text(), &output.stderr_text()) {
                Refusal::NotFound(spec) => {
                    commit::gone(transaction, Some(spec.split_once('=').map_or(&*spec, |(name, _)| name)))
                }
                Refusal::Unmet(_) if transaction.removes() => commit::gone(transaction, None),
                refusal => self.refused_with(refusal, output.status.code()),
            });
        }
        let comes = transaction.items.iter().any(|item| item.verb.keeps());
        commit::compare(transaction, self.read(&output, comes).await?)?;
        self.ask(argv::exactly(Mode::Ask, transaction)).await.map(drop)
    }

    async fn job(&self, transaction: &Transaction) -> Result<Job, PackageError> {
        self.paths.pacman.job(argv::exactly(Mode::Commit, transaction))
    }

    fn progress(line: &str) -> Option<Progress> {
        parse::progress(line)
    }

    async fn done(&self, items: &[Item]) -> Result<Vec<bool>, PackageError> {
        let rows = self.rows(items.iter().map(|i| i.name.clone())).await?;
        Ok(tool::done(items, &rows))
    }

    async fn settle(&self, done: &[Item]) {
        self.paths.pacman.unwanted(done, |along| argv::other(&["-D", "--asdeps"], along)).await;
    }

    fn failed(exit: Option<i32>, output: &str) -> bool {
        exit.map_or_else(|| output.lines().any(|l| l.starts_with("error: ")), |status| status != 0)
    }

    fn refused(output: &str) -> Option<PackageError> {
        parse::refusal(output, "").of_the_start()
    }

    fn last_words(output: &str) -> Vec<String> {
        tool::last_words(output, |line| line.starts_with("error: "))
    }
}
