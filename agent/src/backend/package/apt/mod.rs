//! apt, directly. Arguments and output are handled by pure functions in `argv` and `parse`; here and in `direct` the programs run.
//!
//! An update is what `apt upgrade` does: nothing is removed, new packages are added when a newer version needs them (a kernel), and
//! what would need a removal is kept back and said. A release upgrade (`full-upgrade`) is never done.
//!
//! Between the last simulation and the moment when apt takes its lock there is a short window. In it nothing can change what is
//! named in the transaction (exact versions, `--no-remove`), but a package that another program removes in that window would be
//! installed again as a dependency.

pub mod argv;
mod direct;
pub mod index;
pub mod parse;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::transaction::{Already, Change, Mark, Transaction};
use super::{Hit, INDEX_AGE, PackageError, PackageName, ProgressSender, Refresh, clean, commit, find, lock, tool};
use crate::backend::read;
use crate::backend::spawn::{self, Job, Limits, Output, Program};

use self::argv::Mode;
use self::parse::Refusal;

/// A query or simulation. On slow machines apt reads its index for tens of seconds.
const QUERY: Limits = Limits { deadline: Duration::from_secs(120), output: 8 * 1024 * 1024 };

/// Fetching the index. It can be stopped at any time: apt replaces each file when it is whole.
const FETCH: Limits = Limits { deadline: Duration::from_secs(15 * 60), output: 1024 * 1024 };

/// The longest list of marks that is read, in bytes; a package has about a hundred.
const MAX_STATES: u64 = 16 << 20;

/// Where apt's programs and files are. [`AptPaths::default`] is every Debian and Ubuntu.
#[derive(Debug, Clone)]
pub struct AptPaths {
    /// apt-get(8).
    pub apt_get: PathBuf,
    /// apt-cache(8).
    pub apt_cache: PathBuf,
    /// apt-mark(8).
    pub apt_mark: PathBuf,
    /// dpkg-query(1).
    pub dpkg_query: PathBuf,
    /// The locks that a transaction takes.
    pub locks: Vec<PathBuf>,
    /// The lock that fetching the index takes.
    pub lists_lock: PathBuf,
    /// Files and folders that change when the index is fetched.
    pub index_stamps: Vec<PathBuf>,
    /// Which packages are marked as automatically installed.
    pub extended_states: PathBuf,
    /// The folder with the index.
    pub lists: PathBuf,
    /// dpkg's own list of packages.
    pub status: PathBuf,
    /// The folder with archives that were downloaded before.
    pub archives: PathBuf,
}

impl Default for AptPaths {
    fn default() -> Self {
        Self {
            apt_get: "/usr/bin/apt-get".into(),
            apt_cache: "/usr/bin/apt-cache".into(),
            apt_mark: "/usr/bin/apt-mark".into(),
            dpkg_query: "/usr/bin/dpkg-query".into(),
            locks: vec![
                "/var/lib/dpkg/lock-frontend".into(),
                "/var/lib/dpkg/lock".into(),
                "/var/cache/apt/archives/lock".into(),
            ],
            lists_lock: "/var/lib/apt/lists/lock".into(),
            // The stamp is written on desktops only (update-notifier); the folder changes with every fetch.
            index_stamps: vec![
                "/var/lib/apt/periodic/update-success-stamp".into(),
                "/var/lib/apt/lists/partial".into(),
            ],
            extended_states: "/var/lib/apt/extended_states".into(),
            lists: "/var/lib/apt/lists".into(),
            status: "/var/lib/dpkg/status".into(),
            archives: "/var/cache/apt/archives".into(),
        }
    }
}

/// apt on this machine.
#[derive(Debug, Clone)]
pub struct Apt {
    paths: AptPaths,
}

/// A word on each method's errors stands at [`PackageError`].
#[allow(clippy::missing_errors_doc)]
impl Apt {
    /// apt with its programs and files at `paths`.
    #[must_use]
    pub fn new(paths: AptPaths) -> Self {
        Self { paths }
    }

    /// Whether apt is there.
    pub(super) fn there(&self) -> Result<(), PackageError> {
        for program in [&self.paths.apt_get, &self.paths.dpkg_query] {
            Program::new(program)?;
        }
        Ok(())
    }

    /// See [`super::Manager::simulate`].
    pub async fn simulate(&self, change: &Change) -> Result<Transaction, PackageError> {
        // Where the index can only be read by apt itself, the sizes are asked of another one beside this.
        let sizes = async {
            let compressed = index::is_compressed(&self.paths.lists);
            if compressed { self.uris(change).await } else { None }
        };
        let simulating = self.run(&self.paths.apt_get, argv::change(Mode::Simulate, change), QUERY);
        let (simulated, sizes) = tokio::join!(simulating, sizes);
        let simulated = simulated?;
        let stdout = simulated.stdout_text();
        if simulated.truncated {
            return Err(PackageError::Unmet { text: "what apt would do is too long to be looked at".into() });
        }
        if !simulated.status.success() {
            let refusal = parse::refusal(&stdout, &simulated.stderr_text());
            return Err(match refusal {
                Refusal::NotFound(name) => self.not_found(as_asked(change, &name)).await,
                _ => self.refused(&simulated).await,
            });
        }
        let read = parse::simulation(&stdout);
        let mut transaction = Transaction { items: read.items, kept_back: read.kept_back, ..Transaction::default() };
        if let Some(name) = Self::settle(change, &mut transaction, &read.newest, &read.absent) {
            return Err(self.not_found(name).await);
        }
        self.set_marks(change, &mut transaction);
        self.set_sizes(change, &mut transaction, sizes).await;
        Ok(transaction)
    }

    /// What apt itself says that has to be downloaded.
    async fn uris(&self, change: &Change) -> Option<parse::Sizes> {
        let asked = self.run(&self.paths.apt_get, argv::change(Mode::PrintUris, change), QUERY).await.ok()?;
        (asked.status.success() && !asked.truncated).then(|| parse::uris(&asked.stdout_text()))
    }

    /// Sizes are facts that only help to decide, so whatever goes wrong with them is left out.
    async fn set_sizes(&self, change: &Change, transaction: &mut Transaction, sizes: Option<parse::Sizes>) {
        let sizes = match sizes {
            Some(sizes) => sizes,
            None => {
                let (paths, mut items) = (self.paths.clone(), transaction.items.clone());
                let read = tokio::task::spawn_blocking(move || {
                    let change = sizes_of(&paths, &mut items)?;
                    Some((items, change))
                });
                if let Ok(Some((items, change))) = read.await {
                    transaction.download_bytes = Some(items.iter().filter_map(|item| item.download_bytes).sum());
                    (transaction.items, transaction.installed_bytes_change) = (items, change);
                    return;
                }
                // A package of no index: apt itself knows it.
                let Some(sizes) = self.uris(change).await else { return };
                sizes
            }
        };
        for item in transaction.items.iter_mut().filter(|item| item.to.is_some()) {
            let own = |(name, arch, _): &&(String, String, u64)| *name == item.name && Some(arch) == item.arch.as_ref();
            item.download_bytes = sizes.archives.iter().find(own).map(|(_, _, bytes)| *bytes);
        }
        transaction.download_bytes =
            Some(sizes.archives.iter().fold(0, |sum, (_, _, bytes)| sum.saturating_add(*bytes)));
        transaction.installed_bytes_change = sizes.installed_change;
    }

    /// Fills `already`, and returns the first name that apt took for another one: a provider of a virtual package, or `name-` read
    /// as "remove name".
    fn settle(
        change: &Change,
        transaction: &mut Transaction,
        newest: &[(String, String)],
        absent: &[String],
    ) -> Option<String> {
        for (name, stays) in change.asked() {
            let touched = |item: &super::Item| {
                item.verb.keeps() == stays && item.name == name.name() && same_arch(name.arch(), item.arch.as_deref())
            };
            if transaction.items.iter().any(touched) {
                continue;
            }
            let printed = |text: &str| text == name.as_str() || text == name.name();
            if stays && let Some((_, version)) = newest.iter().find(|(n, _)| printed(n)) {
                transaction.already.push(Already { name: name.to_string(), version: Some(version.clone()) });
            } else if !stays && absent.iter().any(|n| printed(n)) {
                transaction.already.push(Already { name: name.to_string(), version: None });
            } else {
                return Some(name.to_string());
            }
        }
        None
    }

    /// What is named on apt's command line becomes "manually installed", so what it has to be is kept with each item.
    fn set_marks(&self, change: &Change, transaction: &mut Transaction) {
        let auto = self.auto_marks();
        let asked = |item: &super::Item| match change {
            Change::Install(names) => names.iter().any(|n| n.is(&item.name, item.arch.as_deref())),
            _ => false,
        };
        for item in &mut transaction.items {
            let was_auto =
                auto.iter().any(|(name, arch)| *name == item.name && same_arch(Some(arch), item.arch.as_deref()));
            let restored = match change {
                Change::Restore { install, .. } => {
                    install.iter().find(|e| e.name.is(&item.name, item.arch.as_deref())).map(|e| e.mark)
                }
                _ => None,
            };
            item.mark = match restored {
                Some(mark) => mark,
                None if asked(item) => Mark::Manual,
                None if item.verb == super::Verb::Install || was_auto => Mark::Auto,
                None => Mark::Manual,
            };
        }
    }

    fn auto_marks(&self) -> std::collections::BTreeSet<(String, String)> {
        // No file: nothing was ever installed automatically.
        parse::auto_marks(&read::text(&self.paths.extended_states, MAX_STATES).unwrap_or_default())
    }

    /// See [`super::Manager::search`].
    pub async fn search(&self, words: &str) -> Result<Vec<Hit>, PackageError> {
        let words = find::words(words);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let output = self.run(&self.paths.apt_cache, argv::search(&words), QUERY).await?;
        if !output.status.success() {
            return Err(self.refused(&output).await);
        }
        let mut hits = find::rank(parse::search(&output.stdout_text()), &words);
        hits.truncate(find::MAX_HITS);
        let names: Vec<PackageName> = hits.iter().filter_map(|hit| hit.name.parse().ok()).collect();
        if !names.is_empty() {
            let mut show: Vec<String> = ["show", "--no-all-versions", "--"].map(str::to_owned).to_vec();
            show.extend(names.iter().map(ToString::to_string));
            let (shown, installed) = tokio::join!(self.run(&self.paths.apt_cache, show, QUERY), self.installed(&names));
            let versions = parse::versions(&shown?.stdout_text());
            let installed = installed?;
            for hit in &mut hits {
                hit.version = versions.iter().find(|(name, _)| *name == hit.name).map(|(_, version)| version.clone());
                let at = names.iter().position(|name| name.as_str() == hit.name);
                hit.installed = at.and_then(|at| installed.get(at).cloned().flatten());
            }
        }
        Ok(hits)
    }

    /// Fetches the index when it is older than [`INDEX_AGE`], after waiting for whoever is fetching it now.
    pub async fn refresh(&self, lock_wait: Duration, progress: &ProgressSender) -> Result<Refresh, PackageError> {
        if self.index_age().is_some_and(|have| have <= INDEX_AGE) {
            return Ok(Refresh::Fresh);
        }
        commit::before_fetching(|| lock::of_record(&self.paths.lists_lock), lock_wait, progress).await?;
        let output = self.run(&self.paths.apt_get, vec!["-oAPT::Color=false".into(), "update".into()], FETCH).await?;
        if !output.status.success() {
            return Err(self.refused(&output).await);
        }
        // apt ends with 0 when a source could not be reached but an old copy of it is there.
        let stderr = output.stderr_text();
        match stderr.lines().find(|l| l.starts_with("W: Failed to fetch")) {
            Some(line) => Err(PackageError::Network { text: clean(line) }),
            None => Ok(Refresh::Updated),
        }
    }

    /// How old the index is; nothing when it was never fetched, or in the future (the clock was changed).
    fn index_age(&self) -> Option<Duration> {
        tool::age(&self.paths.index_stamps)
    }

    /// See [`super::Manager::own_version`]. `apt 2.6.1 (amd64)` is the first line that apt-get says.
    pub async fn own_version(&self) -> Option<String> {
        let output = self.run(&self.paths.apt_get, vec!["--version".into()], QUERY).await.ok()?;
        output.stdout_text().split_ascii_whitespace().nth(1).map(clean)
    }

    /// See [`super::Manager::installed`].
    pub async fn installed(&self, names: &[PackageName]) -> Result<Vec<Option<String>>, PackageError> {
        let rows = self.rows(names.iter().map(ToString::to_string)).await?;
        let version = |name: &PackageName| {
            rows.iter().find(|r| name.is(&r.name, Some(&r.arch)) && r.status == "installed").map(|r| r.version.clone())
        };
        Ok(names.iter().map(version).collect())
    }

    async fn rows(&self, names: impl IntoIterator<Item = String>) -> Result<Vec<parse::Row>, PackageError> {
        let output = self.run(&self.paths.dpkg_query, argv::query(names), QUERY).await?;
        // 1: some of them are not known to dpkg, which is an answer too (dpkg-query(1)).
        match output.status.code() {
            Some(0 | 1) if !output.truncated => Ok(parse::rows(&output.stdout_text())),
            exit => {
                Err(PackageError::Failed { exit, last: parse::last_words(&output.stderr_text()), done: Vec::new() })
            }
        }
    }

    async fn run(&self, program: &Path, argv: Vec<String>, limits: Limits) -> Result<Output, PackageError> {
        Ok(spawn::run(&job(program, argv)?, limits).await?)
    }

    /// The error for an apt that refused and changed nothing.
    async fn refused(&self, output: &Output) -> PackageError {
        let (stdout, stderr) = (output.stdout_text(), output.stderr_text());
        match parse::refusal(&stdout, &stderr) {
            Refusal::NotFound(name) => self.not_found(name).await,
            Refusal::NoVersion { name, version } => {
                PackageError::Unmet { text: format!("version {version} of `{name}` is not to be had any more") }
            }
            Refusal::Unmet(text) => PackageError::Unmet { text },
            Refusal::RemovalNeeded => PackageError::Unmet { text: "other packages would have to be removed".into() },
            Refusal::Locked(by) => PackageError::Locked { by, waited: Duration::ZERO },
            Refusal::Network(text) => PackageError::Network { text },
            Refusal::Other(last) => PackageError::Failed { exit: output.status.code(), last, done: Vec::new() },
        }
    }

    async fn not_found(&self, name: String) -> PackageError {
        let argv = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (provided, known) = tokio::join!(
            self.run(&self.paths.apt_cache, argv(&["showpkg", "--", &name]), QUERY),
            self.run(&self.paths.apt_cache, argv(&["pkgnames"]), QUERY)
        );
        let mut found = provided.map(|o| parse::providers(&o.stdout_text())).unwrap_or_default();
        if let Ok(known) = known {
            found.extend(find::near(&name, known.stdout_text().lines()));
        }
        found.truncate(find::MAX_NEAR);
        PackageError::NotFound { name, near: found }
    }
}

/// A program of apt or dpkg that asks nothing: no terminal dialogue, no pager, no service is restarted that nobody looked at.
fn job(program: &Path, argv: Vec<String>) -> Result<Job, PackageError> {
    let job = Job::new(Program::new(program)?).args(argv).env("HOME", "/root").env("DEBIAN_FRONTEND", "noninteractive");
    Ok(job.env("APT_LISTCHANGES_FRONTEND", "none").env("NEEDRESTART_MODE", "l").env("UCF_FORCE_CONFFOLD", "1"))
}

/// Fills in what has to be downloaded for each item, and returns how many bytes more are used afterwards, rounded as dpkg counts them.
/// Nothing when a package that comes is not in the index as it can be read here.
fn sizes_of(paths: &AptPaths, items: &mut [super::Item]) -> Option<Option<i64>> {
    let all = items.to_vec();
    let names = |wanted: fn(&super::Item) -> bool| -> HashSet<&str> {
        all.iter().filter(|item| wanted(item)).map(|item| item.name.as_str()).collect()
    };
    let come = names(|item| item.to.is_some() && item.verb != super::Verb::Configure);
    let go = names(|item| item.from.is_some());
    let (offered, have) = (
        if come.is_empty() { Vec::new() } else { index::of_lists(&paths.lists, &come).ok()? },
        if go.is_empty() { Vec::new() } else { index::of_file(&paths.status, &go).ok()? },
    );
    let kib = |record: Option<&index::Record>| i64::try_from(record?.installed_kib?).ok();
    let mut change = Some(0_i64);
    for item in items {
        if item.to.is_some() && item.verb != super::Verb::Configure {
            let record = record_of(&offered, item, item.to.as_deref())?;
            // apt's name for it: a colon in the version would be one of the file system's on other machines.
            let file = format!("{}_{}_{}.deb", record.name, record.version.replace(':', "%3a"), record.arch);
            let there = paths.archives.join(file).metadata().is_ok_and(|file| Some(file.len()) == record.size);
            item.download_bytes = Some(record.size?).filter(|_| !there);
            change = change.zip(kib(Some(record))).map(|(sum, kib)| sum.saturating_add(kib));
        }
        if item.from.is_some() {
            change =
                change.zip(kib(record_of(&have, item, item.from.as_deref()))).map(|(sum, kib)| sum.saturating_sub(kib));
        }
    }
    Some(change.and_then(|kib| kib.checked_mul(1024)))
}

/// The record of an item in this version.
fn record_of<'a>(records: &'a [index::Record], item: &super::Item, version: Option<&str>) -> Option<&'a index::Record> {
    records.iter().find(|record| {
        record.name == item.name
            && Some(record.version.as_str()) == version
            && same_arch(Some(&record.arch), item.arch.as_deref())
    })
}

/// The name as it was asked for: apt takes a `+` or `-` off the end of a name that does not exist.
fn as_asked(change: &Change, name: &str) -> String {
    let asked: Vec<&str> = match change {
        Change::Install(names) | Change::Remove(names) => names.iter().map(PackageName::as_str).collect(),
        Change::Upgrade | Change::Restore { .. } => Vec::new(),
    };
    let cut = |asked: &&&str| asked.strip_suffix(['+', '-']) == Some(name);
    if asked.contains(&name) { name } else { asked.iter().find(cut).copied().unwrap_or(name) }.to_owned()
}

/// Whether two architectures can be the same: `all` and nothing stand for the machine's own.
fn same_arch(a: Option<&str>, b: Option<&str>) -> bool {
    let own = |arch: Option<&str>| matches!(arch, None | Some("all"));
    own(a) || own(b) || a == b
}
