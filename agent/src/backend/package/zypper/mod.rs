//! zypper 1.14, directly. Arguments are made in `argv`, output is read in `parse`; both are pure.
//!
//! An update is `zypper update`. A conflict is never solved by removing something: zypper asks then, is answered no, and its question is
//! the reason that is told. A licence that has to be agreed to is not agreed to. zypper keeps a list of what came along as a dependency;
//! what is named with its version is not on it any more, and there is no command to put it back.
//!
//! Every package is named with its version, and what would be done is simulated once more immediately before. Between that and the
//! moment when zypper takes its lock another program may change the database; then zypper does what is named, with other dependencies.

pub mod argv;
pub mod parse;

use std::path::PathBuf;
use std::time::Duration;

use super::commit::{self, Direct};
use super::tool::{self, FETCH, QUERY, Row, Tool};
use super::transaction::{Already, Change, Item, Transaction};
use super::{Hit, INDEX_AGE, PackageError, PackageName, Progress, ProgressSender, Refresh, find, lock, rpm};
use crate::backend::spawn::{Job, Output};

use self::parse::{Refusal, Simulation};

/// How long zypper itself waits for its lock, which as root it takes for every question.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

/// Where zypper's programs and files are. [`ZypperPaths::default`] is every openSUSE and SLES.
#[derive(Debug, Clone)]
pub struct ZypperPaths {
    /// zypper(8).
    pub zypper: Tool,
    /// rpm(8).
    pub rpm: Tool,
    /// The file with the number of the process that holds libzypp's lock.
    pub pid_file: PathBuf,
    /// rpm's own lock, which every program takes that changes its database.
    pub rpm_locks: Vec<PathBuf>,
    /// The folders that change when the index is fetched.
    pub index: Vec<PathBuf>,
}

impl Default for ZypperPaths {
    fn default() -> Self {
        Self {
            zypper: Tool::new("/usr/bin/zypper"),
            rpm: Tool::new("/usr/bin/rpm"),
            pid_file: "/run/zypp.pid".into(),
            rpm_locks: vec!["/usr/lib/sysimage/rpm/.rpm.lock".into(), "/var/lib/rpm/.rpm.lock".into()],
            index: vec!["/var/cache/zypp/raw".into(), "/var/cache/zypp/solv".into()],
        }
    }
}

/// zypper on this machine.
#[derive(Debug, Clone)]
pub struct Zypper {
    paths: ZypperPaths,
}

/// A word on each method's errors stands at [`PackageError`].
#[allow(clippy::missing_errors_doc)]
impl Zypper {
    /// zypper with its programs and files at `paths`.
    #[must_use]
    pub fn new(mut paths: ZypperPaths) -> Self {
        paths.zypper.env.push(("ZYPP_LOCK_TIMEOUT".to_owned(), LOCK_TIMEOUT.as_secs().to_string()));
        Self { paths }
    }

    /// See [`super::Manager::simulate`].
    pub async fn simulate(&self, change: &Change) -> Result<Transaction, PackageError> {
        let output = self.paths.zypper.run(argv::change(change), QUERY).await?;
        let xml = output.stdout_text();
        let refusal = parse::refusal(&xml);
        let read = match (refusal, parse::simulation(&xml)) {
            // Of a removal, what is not installed is no reason to stop.
            (Some(Refusal::NotFound(_)), Some(read)) if matches!(change, Change::Remove(_)) => read,
            (Some(Refusal::NotFound(spec)), _) => return Err(self.no_match(change, &spec).await),
            (Some(refusal), _) => return Err(refusal.error(output.status.code())),
            (None, Some(read)) => read,
            (None, None) if nothing_to_do(&xml) => Simulation { download_bytes: Some(0), ..Simulation::default() },
            (None, None) => return Err(unread(&output)),
        };
        let mut transaction = Transaction {
            items: read.items,
            download_bytes: read.download_bytes,
            installed_bytes_change: read.installed_change,
            ..Transaction::default()
        };
        let rows = rpm::installed(&self.paths.rpm, change.names().map(|n| n.name().to_owned())).await?;
        for name in tool::settle(change, &mut transaction, &rows) {
            if !matches!(change, Change::Install(_)) && !self.found(&[name.name().to_owned()]).await?.is_empty() {
                transaction.already.push(Already { name: name.to_string(), version: None });
            } else {
                return Err(self.not_found(&name).await);
            }
        }
        tool::set_marks(change, &mut transaction.items, |_| false);
        self.set_origins(&mut transaction.items).await?;
        Ok(transaction)
    }

    /// Where each new version comes from; the summary does not say it.
    async fn set_origins(&self, items: &mut [Item]) -> Result<(), PackageError> {
        let names: Vec<String> = items.iter().filter(|i| i.verb.keeps()).map(|i| i.name.clone()).collect();
        if names.is_empty() {
            return Ok(());
        }
        let found = self.found(&names).await?;
        for item in items.iter_mut().filter(|i| i.verb.keeps()) {
            let own = found.iter().find(|f| {
                f.name == item.name
                    && Some(&f.edition) == item.to.as_ref()
                    && Some(&f.arch) == item.arch.as_ref()
                    && !f.repository.starts_with('(')
            });
            item.origin = own.map(|f| f.repository.clone());
        }
        Ok(())
    }

    /// All versions of packages with exactly these names.
    async fn found(&self, names: &[String]) -> Result<Vec<parse::Found>, PackageError> {
        let output = self.paths.zypper.run(argv::exact_names(names), QUERY).await?;
        match output.status.code() {
            // 104: there is none, which is an answer too.
            Some(0 | 104) => Ok(parse::found(&output.stdout_text())),
            exit => Err(parse::refusal(&output.stdout_text()).map_or_else(|| unread(&output), |r| r.error(exit))),
        }
    }

    async fn no_match(&self, change: &Change, spec: &str) -> PackageError {
        match (change, spec.split_once('=')) {
            (Change::Restore { .. }, Some((name, version))) => {
                PackageError::Unmet { text: format!("version {version} of `{name}` is not to be had any more") }
            }
            _ => match change
                .names()
                .find(|n| spec == n.name() || n.arch().is_some_and(|a| spec == format!("{}.{a}", n.name())))
            {
                Some(name) => self.not_found(name).await,
                None => PackageError::NotFound { name: spec.to_owned(), near: Vec::new() },
            },
        }
    }

    async fn not_found(&self, name: &PackageName) -> PackageError {
        // One after the other: as root each of them takes the lock.
        let provided = self.paths.zypper.run(argv::providers(name.name()), QUERY).await;
        let known = self.paths.zypper.run(argv::all_names(), QUERY).await;
        let names =
            |output: Result<Output, PackageError>| output.map(|o| parse::names(&o.stdout_text())).unwrap_or_default();
        let mut near = names(provided);
        near.sort();
        near.dedup();
        let mut known = names(known);
        known.sort();
        known.dedup();
        near.extend(find::near(name.name(), known.iter().map(String::as_str)));
        near.dedup();
        near.truncate(find::MAX_NEAR);
        PackageError::NotFound { name: name.to_string(), near }
    }

    /// See [`super::Manager::search`]. zypper finds packages with one of the words; those with all of them are taken here, by name.
    pub async fn search(&self, text: &str) -> Result<Vec<Hit>, PackageError> {
        let words = find::words(text);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let output = self.paths.zypper.run(argv::search(&words), QUERY).await?;
        if !matches!(output.status.code(), Some(0 | 104)) {
            let xml = output.stdout_text();
            return Err(parse::refusal(&xml).map_or_else(|| unread(&output), |r| r.error(output.status.code())));
        }
        let hits = parse::hits(&output.stdout_text()).into_iter().filter(|hit| {
            let text = format!("{} {}", hit.name, hit.summary).to_lowercase();
            words.iter().all(|word| text.contains(word))
        });
        let mut hits = find::rank(hits.collect(), &words);
        hits.truncate(find::MAX_HITS);
        if !hits.is_empty() {
            let found = self.found(&hits.iter().map(|hit| hit.name.clone()).collect::<Vec<_>>()).await?;
            for hit in &mut hits {
                let of = |installed: bool| {
                    found.iter().find(|f| f.name == hit.name && f.installed == installed).map(|f| f.edition.clone())
                };
                (hit.installed, hit.version) = (of(true), of(false).or(of(true)));
            }
        }
        Ok(hits)
    }

    /// See [`super::Manager::refresh`].
    pub async fn refresh(&self, lock_wait: Duration, progress: &ProgressSender) -> Result<Refresh, PackageError> {
        if tool::age_inside(&self.paths.index).is_some_and(|age| age <= INDEX_AGE) {
            return Ok(Refresh::Fresh);
        }
        commit::before_fetching(|| self.holder(), lock_wait, progress).await?;
        let output = self.paths.zypper.run(argv::refresh(), FETCH).await?;
        if output.status.success() {
            return Ok(Refresh::Updated);
        }
        let last = tool::last_words(&parse::messages(&output.stdout_text(), "error").join("\n"), |_| true);
        Err(PackageError::Network { text: last.join("; ") })
    }

    /// See [`super::Manager::installed`].
    pub async fn installed(&self, names: &[PackageName]) -> Result<Vec<Option<String>>, PackageError> {
        let rows = rpm::installed(&self.paths.rpm, names.iter().map(|n| n.name().to_owned())).await?;
        Ok(names.iter().map(|name| tool::version_of(&rows, name)).collect())
    }

    /// See [`super::Manager::own_version`].
    pub async fn own_version(&self) -> Option<String> {
        self.paths.zypper.version().await
    }
}

/// Whether zypper came to its end and found everything as it was asked for.
fn nothing_to_do(xml: &str) -> bool {
    parse::messages(xml, "info").iter().any(|text| text == "Nothing to do.")
}

/// The error for output without a word that is known.
fn unread(output: &Output) -> PackageError {
    let said = format!("{}\n{}", parse::messages(&output.stdout_text(), "info").join("\n"), output.stderr_text());
    PackageError::Failed { exit: output.status.code(), last: tool::last_words(&said, |_| false), done: Vec::new() }
}

impl Direct for Zypper {
    const NAME: &'static str = "zypper";

    async fn available(&self) -> Result<(), PackageError> {
        self.paths.zypper.there()?;
        self.paths.rpm.there()?;
        commit::may_change()
    }

    fn holder(&self) -> Option<String> {
        let own = lock::of_pid_file(&self.paths.pid_file);
        own.or_else(|| self.paths.rpm_locks.iter().find_map(|path| lock::of_record(path)))
    }

    async fn check_again(&self, transaction: &Transaction) -> Result<(), PackageError> {
        let output = self.paths.zypper.run(argv::exactly(argv::Mode::Simulate, transaction), QUERY).await?;
        let xml = output.stdout_text();
        match (parse::refusal(&xml), parse::simulation(&xml)) {
            (Some(Refusal::NotFound(spec)), _) => {
                let name = spec.split_once('=').map_or(spec.as_str(), |(name, _)| name);
                let item = transaction
                    .items
                    .iter()
                    .find(|i| name == i.name || name.strip_prefix(&i.name).is_some_and(|r| r.starts_with('.')));
                Err(commit::gone(transaction, item.map(|i| i.name.as_str())))
            }
            (Some(refusal), _) => Err(refusal.error(output.status.code())),
            (None, Some(now)) => commit::compare(transaction, now.items),
            (None, None) => Err(commit::gone(transaction, None)),
        }
    }

    async fn job(&self, transaction: &Transaction) -> Result<Job, PackageError> {
        self.paths.zypper.job(argv::exactly(argv::Mode::Commit, transaction))
    }

    fn progress(line: &str) -> Option<Progress> {
        parse::progress(line)
    }

    async fn done(&self, items: &[Item]) -> Result<Vec<bool>, PackageError> {
        let rows: Vec<Row> = rpm::installed(&self.paths.rpm, items.iter().map(|i| i.name.clone())).await?;
        Ok(tool::done(items, &rows))
    }

    async fn settle(&self, _done: &[Item]) {}

    /// zypper(8), EXIT CODES: 100 to 103 are informations after a success, 106 is a source that was skipped.
    fn failed(exit: Option<i32>, output: &str) -> bool {
        exit.map_or_else(
            || !parse::messages(output, "error").is_empty(),
            |status| !matches!(status, 0 | 100..=103 | 106),
        )
    }

    fn refused(output: &str) -> Option<PackageError> {
        parse::refusal(output)?.of_the_start()
    }

    fn last_words(output: &str) -> Vec<String> {
        let errors = parse::messages(output, "error");
        if errors.is_empty() { tool::last_words(output, |_| false) } else { errors.into_iter().take(6).collect() }
    }
}
