//! dnf 4, directly. Arguments are made in `argv`, output is read in `parse`; both are pure.
//!
//! An update is `dnf upgrade`; what newer packages replace (`Obsoletes`) is shown as a removal. A conflict is never solved by removing
//! something (`--allowerasing` is not used), and what nothing needs any more stays. dnf 5 has other commands and another output, so it
//! is not used: it is told instead.
//!
//! Every package is named with its version, and what would be done is simulated once more immediately before. Between that and the
//! moment when dnf takes its lock another program may change the database; then dnf does what is named, with other dependencies.

pub mod argv;
pub mod parse;

use std::path::PathBuf;
use std::time::Duration;

use super::commit::{self, Direct};
use super::tool::{self, FETCH, QUERY, Row, Tool};
use super::transaction::{Already, Change, Item, Transaction, Verb};
use super::{Hit, INDEX_AGE, PackageError, PackageName, Progress, ProgressSender, Refresh, find, lock, rpm};
use crate::backend::spawn::{Job, Output};

use self::parse::Refusal;

/// Where dnf's programs and files are. [`DnfPaths::default`] is every Fedora, RHEL and relatives.
#[derive(Debug, Clone)]
pub struct DnfPaths {
    /// dnf(8).
    pub dnf: Tool,
    /// rpm(8).
    pub rpm: Tool,
    /// Files with the number of the process that holds a lock.
    pub pid_files: Vec<PathBuf>,
    /// rpm's own lock, which every program takes that changes its database.
    pub rpm_locks: Vec<PathBuf>,
    /// The folder with the index.
    pub index: PathBuf,
}

impl Default for DnfPaths {
    fn default() -> Self {
        Self {
            dnf: Tool::new("/usr/bin/dnf"),
            rpm: Tool::new("/usr/bin/rpm"),
            pid_files: vec!["/var/lib/dnf/rpmdb_lock.pid".into(), "/var/cache/dnf/metadata_lock.pid".into()],
            rpm_locks: vec!["/usr/lib/sysimage/rpm/.rpm.lock".into(), "/var/lib/rpm/.rpm.lock".into()],
            index: "/var/cache/dnf".into(),
        }
    }
}

/// dnf on this machine.
#[derive(Debug, Clone)]
pub struct Dnf {
    paths: DnfPaths,
}

/// A word on each method's errors stands at [`PackageError`].
#[allow(clippy::missing_errors_doc)]
impl Dnf {
    /// dnf with its programs and files at `paths`.
    #[must_use]
    pub fn new(paths: DnfPaths) -> Self {
        Self { paths }
    }

    fn there(&self) -> Result<(), PackageError> {
        self.paths.dnf.there()?;
        let real = self.paths.dnf.program.canonicalize().unwrap_or_default();
        if real.file_name().is_some_and(|name| name == "dnf5") {
            let reason = "this is dnf 5, which is not used directly yet; install PackageKit".to_owned();
            return Err(PackageError::Unavailable { reason });
        }
        self.paths.rpm.there()
    }

    /// See [`super::Manager::simulate`].
    pub async fn simulate(&self, change: &Change) -> Result<Transaction, PackageError> {
        let Some(argv) = argv::change(change) else {
            let text = "dnf cannot install and remove in one transaction; do one after the other".to_owned();
            return Err(PackageError::Unmet { text });
        };
        let output = self.paths.dnf.run(argv, QUERY).await?;
        // Of a removal, what is not installed is no error of dnf's.
        let refused = self.refusal(&output);
        match refused {
            Some(Refusal::NotFound(_)) if matches!(change, Change::Remove(_)) => {}
            Some(Refusal::NotFound(spec)) => return Err(self.no_match(change, &spec).await),
            Some(refusal) => return Err(refusal.error(output.status.code())),
            None => {}
        }
        let (mut transaction, whole) = self.read(&output).await?;
        if !whole {
            return Err(PackageError::Unmet { text: "what dnf would do could not be read".into() });
        }
        let rows = rpm::installed(&self.paths.rpm, change.names().map(|n| n.name().to_owned())).await?;
        for name in tool::settle(change, &mut transaction, &rows) {
            if matches!(change, Change::Remove(_) | Change::Restore { .. }) && self.knows(name.name()).await? {
                transaction.already.push(Already { name: name.to_string(), version: None });
            } else {
                return Err(self.not_found(&name).await);
            }
        }
        let wanted =
            if transaction.items.iter().any(|i| i.verb != Verb::Install) { self.wanted().await? } else { Vec::new() };
        tool::set_marks(change, &mut transaction.items, |item| !wanted.contains(&item.name));
        Ok(transaction)
    }

    /// What a simulation says, with the versions that are there now; and whether it was understood.
    async fn read(&self, output: &Output) -> Result<(Transaction, bool), PackageError> {
        let read = parse::simulation(&output.stdout_text());
        let mut transaction = Transaction {
            items: read.items,
            kept_back: read.kept_back,
            download_bytes: read.download_bytes,
            installed_bytes_change: read.installed_change,
            ..Transaction::default()
        };
        let replaced = |item: &&mut Item| item.verb.keeps() && item.verb != Verb::Install;
        let names: Vec<String> = transaction.items.iter_mut().filter(replaced).map(|i| i.name.clone()).collect();
        let rows = rpm::installed(&self.paths.rpm, names).await?;
        for item in transaction.items.iter_mut().filter(replaced) {
            item.from = rows
                .iter()
                .find(|r| r.name == item.name && Some(&r.arch) == item.arch.as_ref())
                .map(|r| r.version.clone());
        }
        if transaction.is_empty() {
            transaction.download_bytes = Some(0);
        }
        Ok((transaction, read.whole))
    }

    /// Why a simulation did not come to its end; `--assumeno` ends with 1 and these words when it did.
    fn refusal(&self, output: &Output) -> Option<Refusal> {
        let (stdout, stderr) = (output.stdout_text(), output.stderr_text());
        let no_match = stdout.lines().any(|l| l.starts_with("No match for argument: "));
        let said_no = output.status.success() || stderr.lines().any(|l| l == "Operation aborted.");
        (no_match || !said_no).then(|| parse::refusal(&stdout, &stderr))
    }

    async fn no_match(&self, change: &Change, spec: &str) -> PackageError {
        match change {
            Change::Restore { install, .. } => {
                let exact = install.iter().find(|e| argv::nevra(e.name.name(), e.name.arch(), &e.version) == spec);
                let text = exact.map_or_else(
                    || format!("`{spec}` is not to be had"),
                    |e| format!("version {} of `{}` is not to be had any more", e.version, e.name),
                );
                PackageError::Unmet { text }
            }
            _ => {
                let name = change.names().find(|n| n.name() == spec || tool::name_arch(n) == spec);
                match name {
                    Some(name) => self.not_found(name).await,
                    None => PackageError::NotFound { name: spec.to_owned(), near: Vec::new() },
                }
            }
        }
    }

    /// Whether there is a package of this name, installed or not.
    async fn knows(&self, name: &str) -> Result<bool, PackageError> {
        Ok(self.ask(&["%{name}"], &[name]).await?.iter().any(|known| known == name))
    }

    async fn not_found(&self, name: &PackageName) -> PackageError {
        // One after the other: two at once would wait for each other's lock.
        let provided = self.ask(&["%{name}", "--whatprovides"], &[name.name()]).await;
        let known = self.ask(&["%{name}"], &[]).await;
        let mut near = provided.unwrap_or_default();
        near.sort();
        near.extend(find::near(name.name(), known.unwrap_or_default().iter().map(String::as_str)));
        near.dedup();
        near.truncate(find::MAX_NEAR);
        PackageError::NotFound { name: name.to_string(), near }
    }

    /// The packages that somebody asked for.
    async fn wanted(&self) -> Result<Vec<String>, PackageError> {
        self.ask(&["%{name}", "--userinstalled"], &[]).await
    }

    /// `dnf repoquery` in this form, for these names.
    async fn ask(&self, form: &[&str], names: &[&str]) -> Result<Vec<String>, PackageError> {
        let output = self.paths.dnf.run(argv::repoquery(form, names), QUERY).await?;
        // To find nothing is a success too.
        if !output.status.success() {
            return Err(refused(&output));
        }
        Ok(output.stdout_text().lines().map(str::trim).filter(|l| !l.is_empty()).map(super::clean).collect())
    }

    /// See [`super::Manager::search`].
    pub async fn search(&self, text: &str) -> Result<Vec<Hit>, PackageError> {
        let words = find::words(text);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let output = self.paths.dnf.run(argv::search(&words), QUERY).await?;
        if !output.status.success() {
            return Err(refused(&output));
        }
        let mut hits = find::rank(parse::search(&output.stdout_text()), &words);
        hits.truncate(find::MAX_HITS);
        let names: Vec<&str> = hits.iter().map(|hit| hit.name.as_str()).collect();
        if !names.is_empty() {
            let (versions, rows) = tokio::join!(
                self.ask(&["%{name} %{epoch}:%{version}-%{release}", "--latest-limit=1"], &names),
                rpm::installed(&self.paths.rpm, names.iter().map(ToString::to_string))
            );
            let (versions, rows) = (parse::versions(&versions?.join("\n")), rows?);
            for hit in &mut hits {
                hit.version = versions.iter().find(|(name, _)| *name == hit.name).map(|(_, version)| version.clone());
                hit.installed = rows.iter().find(|row| row.name == hit.name).map(|row| row.version.clone());
            }
        }
        Ok(hits)
    }

    /// See [`super::Manager::refresh`].
    pub async fn refresh(&self, lock_wait: Duration, progress: &ProgressSender) -> Result<Refresh, PackageError> {
        // The folders of the sources, and the indexes that were made of them.
        if tool::age_inside(std::slice::from_ref(&self.paths.index)).is_some_and(|age| age <= INDEX_AGE) {
            return Ok(Refresh::Fresh);
        }
        commit::before_fetching(|| self.holder(), lock_wait, progress).await?;
        let output = self.paths.dnf.run(argv::refresh(), FETCH).await?;
        if output.status.success() {
            return Ok(Refresh::Updated);
        }
        Err(refused(&output))
    }

    /// See [`super::Manager::installed`].
    pub async fn installed(&self, names: &[PackageName]) -> Result<Vec<Option<String>>, PackageError> {
        let rows = rpm::installed(&self.paths.rpm, names.iter().map(|n| n.name().to_owned())).await?;
        Ok(names.iter().map(|name| tool::version_of(&rows, name)).collect())
    }

    /// See [`super::Manager::own_version`].
    pub async fn own_version(&self) -> Option<String> {
        self.paths.dnf.version().await
    }
}

/// The error of a dnf that did not do what it was called for.
fn refused(output: &Output) -> PackageError {
    parse::refusal(&output.stdout_text(), &output.stderr_text()).error(output.status.code())
}

impl Direct for Dnf {
    const NAME: &'static str = "dnf";

    async fn available(&self) -> Result<(), PackageError> {
        self.there()?;
        commit::may_change()
    }

    fn holder(&self) -> Option<String> {
        let pid_file = self.paths.pid_files.iter().find_map(|path| lock::of_pid_file(path));
        pid_file.or_else(|| self.paths.rpm_locks.iter().find_map(|path| lock::of_record(path)))
    }

    async fn check_again(&self, transaction: &Transaction) -> Result<(), PackageError> {
        let output = self.paths.dnf.run(argv::exactly(argv::Mode::Simulate, transaction), QUERY).await?;
        match self.refusal(&output) {
            Some(Refusal::NotFound(_)) => return Err(commit::gone(transaction, None)),
            Some(refusal) => return Err(refusal.error(output.status.code())),
            None => {}
        }
        let (now, whole) = self.read(&output).await?;
        if whole { commit::compare(transaction, now.items) } else { Err(commit::gone(transaction, None)) }
    }

    async fn job(&self, transaction: &Transaction) -> Result<Job, PackageError> {
        self.paths.dnf.job(argv::exactly(argv::Mode::Commit, transaction))
    }

    fn progress(line: &str) -> Option<Progress> {
        parse::progress(line)
    }

    async fn done(&self, items: &[Item]) -> Result<Vec<bool>, PackageError> {
        let rows: Vec<Row> = rpm::installed(&self.paths.rpm, items.iter().map(|i| i.name.clone())).await?;
        Ok(tool::done(items, &rows))
    }

    async fn settle(&self, done: &[Item]) {
        self.paths.dnf.unwanted(done, argv::unwanted).await;
    }

    fn failed(exit: Option<i32>, output: &str) -> bool {
        exit.map_or_else(|| output.lines().any(|l| l.starts_with("Error:")), |status| status != 0)
    }

    fn refused(output: &str) -> Option<PackageError> {
        parse::refusal("", output).of_the_start()
    }

    fn last_words(output: &str) -> Vec<String> {
        tool::last_words(output, |line| line.starts_with("Error") || line.starts_with("error:"))
    }
}
