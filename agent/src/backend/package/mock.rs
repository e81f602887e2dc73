//! A package manager in memory: a small archive with dependencies and versions, for tests and for trying Steward out where nothing may be
//! changed. It never touches the machine. Each of its troubles is a switch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::find::near;
use super::name::PackageName;
use super::transaction::{Already, Change, Item, Mark, Transaction, Verb};
use super::{Done, Hit, PackageError, Progress, ProgressSender, Refresh, Running};

/// The output of a transaction, by which [`Running::load`] finds it.
const OUTPUT: &str = "output";

/// An archive and what is installed of it.
#[derive(Debug)]
pub struct MockArchive {
    /// Guards the packages; never held while waiting.
    state: Mutex<State>,
    /// Whether a step waits: the simulation, or the transaction after it was started.
    pause: watch::Sender<Option<Pause>>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// There is no package manager that may be used.
    Unavailable,
    /// Another program has the database.
    Locked,
    /// The package manager fails after it was started.
    Fails,
    /// The package manager fails after the first package.
    FailsHalfWay,
    /// It is not known how the transaction ended; it may have had its effect.
    LosesTrack,
}

/// Where the archive waits until it is told to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// While it finds out what would happen.
    Simulation,
    /// Before it begins, as for a lock.
    Start,
    /// While it installs and removes.
    Transaction,
}

#[derive(Debug, Default)]
struct State {
    offered: BTreeMap<String, Offered>,
    installed: BTreeMap<String, (String, Mark)>,
    trouble: Trouble,
    /// How many transactions were started.
    started: u32,
}

#[derive(Clone, Debug)]
struct Offered {
    version: String,
    needs: Vec<String>,
    bytes: u64,
    summary: String,
}

/// A package that is offered.
#[derive(Clone, Debug)]
pub(in crate::backend) struct Offer {
    pub(in crate::backend) name: String,
    pub(in crate::backend) version: String,
    pub(in crate::backend) bytes: u64,
    pub(in crate::backend) summary: String,
}

/// Name, version, what it needs, bytes to download, summary.
type Row = (&'static str, &'static str, &'static [&'static str], u64, &'static str);

const SHIPPED: [Row; 14] = [
    ("badpkg", "6.6", &[], 666, "a package that a policy may forbid"),
    ("cowsay", "3.03+dfsg2-8", &["perl"], 20_480, "configurable talking cow"),
    ("cowsay-off", "3.03+dfsg2-8", &["cowsay"], 3_584, "offensive cows"),
    ("curl", "7.88.1-10", &["libcurl4"], 315_000, "command line tool for transferring data with URL syntax"),
    ("firefox-esr", "128.3.0esr-1", &[], 70_000_000, "Mozilla Firefox web browser"),
    ("htop", "3.2.2-2", &[], 152_000, "interactive processes viewer"),
    ("libc6", "2.36-9", &[], 2_750_000, "GNU C Library: shared libraries"),
    ("libcurl4", "7.88.1-10", &[], 390_000, "easy-to-use client-side URL transfer library"),
    ("openssl", "3.0.14-1", &["libc6"], 1_430_000, "Secure Sockets Layer toolkit"),
    ("perl", "5.36.0-7", &["libc6"], 239_000, "Larry Wall's Practical Extraction and Report Language"),
    ("systemd", "252.30-1", &["libc6"], 3_030_000, "system and service manager"),
    ("vim", "2:9.0.1378-2", &["vim-common"], 1_567_000, "Vi IMproved - enhanced vi editor"),
    ("vim-common", "2:9.0.1378-2", &[], 124_000, "Vi IMproved - common files"),
    ("vim-tiny", "2:9.0.1378-2", &["vim-common"], 720_000, "Vi IMproved - compact version"),
];

/// What is installed at the beginning.
const INSTALLED: [&str; 3] = ["libc6", "perl", "systemd"];

impl MockArchive {
    /// The archive that tests know: `cowsay` needs `perl`, which is installed; `vim` needs `vim-common`, which is not.
    #[must_use]
    pub fn shipped() -> Arc<Self> {
        let mut state = State::default();
        for (name, version, needs, bytes, summary) in SHIPPED {
            let needs = needs.iter().map(|n| (*n).to_owned()).collect();
            let offered = Offered { version: version.to_owned(), needs, bytes, summary: summary.to_owned() };
            state.offered.insert(name.to_owned(), offered);
            if INSTALLED.contains(&name) {
                state.installed.insert(name.to_owned(), (version.to_owned(), Mark::Manual));
            }
        }
        Arc::new(Self { state: Mutex::new(state), pause: watch::Sender::new(None) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offers `name` in this version from now on, with what it needs.
    pub fn publish(&self, name: &str, version: &str, needs: &[&str]) {
        let needs = needs.iter().map(|n| (*n).to_owned()).collect();
        let offered =
            Offered { version: version.to_owned(), needs, bytes: 1_000, summary: format!("the package {name}") };
        self.state().offered.insert(name.to_owned(), offered);
    }

    /// Takes `name` out of the archive; what is installed of it stays.
    pub fn withdraw(&self, name: &str) {
        self.state().offered.remove(name);
    }

    /// Installs or removes behind Steward's back, as a person with another tool would.
    pub fn meddle(&self, name: &str, version: Option<&str>) {
        let mut state = self.state();
        match version {
            Some(version) => drop(state.installed.insert(name.to_owned(), (version.to_owned(), Mark::Manual))),
            None => drop(state.installed.remove(name)),
        }
    }

    /// Makes something go wrong from now on.
    pub fn trouble(&self, trouble: Trouble) {
        self.state().trouble = trouble;
    }

    /// Makes a step wait; with `None` everything goes on.
    pub fn pause(&self, at: Option<Pause>) {
        self.pause.send_replace(at);
    }

    /// How many steps wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.pause.receiver_count()
    }

    /// The version of `name` that is installed.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<String> {
        self.state().installed.get(name).map(|(version, _)| version.clone())
    }

    /// How many transactions were started.
    #[must_use]
    pub fn started(&self) -> u32 {
        self.state().started
    }

    /// What is offered, by name.
    pub(in crate::backend) fn offers(&self) -> Vec<Offer> {
        let state = self.state();
        let offer = |(name, offered): (&String, &Offered)| Offer {
            name: name.clone(),
            version: offered.version.clone(),
            bytes: offered.bytes,
            summary: offered.summary.clone(),
        };
        state.offered.iter().map(offer).collect()
    }

    /// What is installed, by name: the version and the mark.
    pub(in crate::backend) fn there(&self) -> Vec<(String, String, Mark)> {
        self.state().installed.iter().map(|(name, (version, mark))| (name.clone(), version.clone(), *mark)).collect()
    }

    /// Does all of it at once.
    pub(in crate::backend) fn apply(&self, transaction: &Transaction) {
        self.state().apply(transaction);
    }

    async fn wait(&self, at: Pause) {
        // The sender lives as long as this, so it cannot be closed.
        drop(self.pause.subscribe().wait_for(|pause| *pause != Some(at)).await);
    }

    /// What `change` would do.
    pub(in crate::backend) fn transaction(&self, change: &Change) -> Result<Transaction, PackageError> {
        let state = self.state();
        let mut items = BTreeMap::new();
        let mut already = Vec::new();
        match change {
            Change::Install(names) => {
                for name in names {
                    let offered = state.offer(name.name())?;
                    match state.installed.get(name.name()) {
                        Some((version, _)) if *version == offered.version => {
                            already.push(Already { name: name.to_string(), version: Some(version.clone()) });
                        }
                        _ => state.bring(name.name(), Mark::Manual, &mut items)?,
                    }
                }
            }
            Change::Remove(names) => {
                for name in names {
                    if state.installed.contains_key(name.name()) {
                        state.take(name.name(), &mut items);
                    } else {
                        // A name that nobody knows is an error, one that is merely not there is as it was asked for.
                        state.offer(name.name())?;
                        already.push(Already { name: name.to_string(), version: None });
                    }
                }
            }
            Change::Upgrade => {
                for (name, (version, mark)) in &state.installed {
                    if state.offered.get(name).is_some_and(|o| o.version != *version) {
                        state.bring(name, *mark, &mut items)?;
                    }
                }
            }
            Change::Restore { remove, install } => {
                for name in remove.iter().filter(|n| state.installed.contains_key(n.name())) {
                    state.take(name.name(), &mut items);
                }
                for exact in install {
                    let offered = state.offer(exact.name.name())?;
                    if offered.version != exact.version {
                        let text = format!("{} {} is not to be had any more", exact.name, exact.version);
                        return Err(PackageError::Unmet { text });
                    }
                    if !state.installed.contains_key(exact.name.name()) {
                        state.bring(exact.name.name(), exact.mark, &mut items)?;
                    }
                }
            }
        }
        let items: Vec<Item> = items.into_values().collect();
        let download = items.iter().filter_map(|i| i.download_bytes).sum();
        let grows = items.iter().map(|i| {
            let bytes = state.offered.get(&i.name).map_or(0, |o| i64::try_from(o.bytes).unwrap_or(0)) * 3;
            if i.verb.keeps() { bytes } else { -bytes }
        });
        let installed_bytes_change = Some(grows.sum());
        Ok(Transaction {
            download_bytes: Some(download),
            installed_bytes_change,
            items,
            already,
            ..Transaction::default()
        })
    }
}

impl State {
    fn offer(&self, name: &str) -> Result<&Offered, PackageError> {
        self.offered.get(name).ok_or_else(|| PackageError::NotFound {
            name: name.to_owned(),
            near: near(name, self.offered.keys().map(String::as_str)),
        })
    }

    /// Adds the installation of `name`, and of everything that it needs and is not there.
    fn bring(&self, name: &str, mark: Mark, items: &mut BTreeMap<String, Item>) -> Result<(), PackageError> {
        let offered = self.offer(name)?;
        let from = self.installed.get(name).map(|(version, _)| version.clone());
        let item = Item {
            verb: if from.is_some() { Verb::Upgrade } else { Verb::Install },
            name: name.to_owned(),
            arch: None,
            from,
            to: Some(offered.version.clone()),
            origin: Some("Mock:1/stable".to_owned()),
            download_bytes: Some(offered.bytes),
            mark,
        };
        if items.insert(name.to_owned(), item).is_some() {
            return Ok(());
        }
        for needed in &offered.needs {
            if !self.installed.contains_key(needed) && !items.contains_key(needed) {
                if !self.offered.contains_key(needed) {
                    let text = format!("{name} needs {needed}, which is not to be had");
                    return Err(PackageError::Unmet { text });
                }
                self.bring(needed, Mark::Auto, items)?;
            }
        }
        Ok(())
    }

    /// Adds the removal of `name`, and of everything that needs it.
    fn take(&self, name: &str, items: &mut BTreeMap<String, Item>) {
        let Some((version, mark)) = self.installed.get(name) else { return };
        let item = Item {
            verb: Verb::Remove,
            name: name.to_owned(),
            arch: None,
            from: Some(version.clone()),
            to: None,
            origin: None,
            download_bytes: None,
            mark: *mark,
        };
        if items.insert(name.to_owned(), item).is_some() {
            return;
        }
        let needing: BTreeSet<&String> = self
            .installed
            .keys()
            .filter(|n| self.offered.get(*n).is_some_and(|o| o.needs.iter().any(|d| d == name)))
            .collect();
        for other in needing {
            if !items.contains_key(other) {
                self.take(other, items);
            }
        }
    }

    fn apply(&mut self, transaction: &Transaction) {
        for item in &transaction.items {
            match &item.to {
                Some(version) if item.verb.keeps() => {
                    self.installed.insert(item.name.clone(), (version.clone(), item.mark));
                }
                _ => drop(self.installed.remove(&item.name)),
            }
        }
    }
}

/// A word on each method's errors stands at [`PackageError`].
#[allow(clippy::missing_errors_doc)]
impl MockArchive {
    /// See [`super::Manager::available`].
    pub async fn available(&self) -> Result<(), PackageError> {
        match self.state().trouble {
            Trouble::Unavailable => Err(PackageError::NotRoot),
            _ => Ok(()),
        }
    }

    /// See [`super::Manager::simulate`].
    pub async fn simulate(&self, change: &Change) -> Result<Transaction, PackageError> {
        self.wait(Pause::Simulation).await;
        self.transaction(change)
    }

    /// See [`super::Manager::start`].
    pub async fn start(
        &self,
        transaction: &Transaction,
        folder: &Path,
        lock_wait: Duration,
        progress: &ProgressSender,
    ) -> Result<Running, PackageError> {
        self.available().await?;
        if self.state().trouble == Trouble::Locked {
            return Err(PackageError::Locked { by: Some("apt-get (pid 4711)".to_owned()), waited: lock_wait });
        }
        self.wait(Pause::Start).await;
        let missing = |e: std::io::Error| PackageError::Unavailable { reason: e.to_string() };
        OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join(OUTPUT)).map_err(missing)?;
        let running = Running::load(folder);
        self.state().started += 1;
        // Full: somebody reads slowly, and the next line says more.
        let _dropped = progress.try_send(Progress { percent: Some(0), text: transaction.summary() });
        running.ok_or_else(|| PackageError::Unknown { text: "the transaction's folder is gone".to_owned() })
    }

    /// See [`super::Manager::finish`].
    pub async fn finish(
        &self,
        transaction: &Transaction,
        _running: &Running,
        deadline: Duration,
        progress: &ProgressSender,
    ) -> Result<Done, PackageError> {
        if tokio::time::timeout(deadline, self.wait(Pause::Transaction)).await.is_err() {
            return Err(PackageError::Unknown { text: "it has not ended yet".to_owned() });
        }
        let mut state = self.state();
        match state.trouble {
            Trouble::Fails | Trouble::FailsHalfWay => {
                let last = vec!["E: Sub-process /usr/bin/dpkg returned an error code (1)".to_owned()];
                let half = usize::from(state.trouble == Trouble::FailsHalfWay);
                let done: Vec<Item> = transaction.items.iter().take(half).cloned().collect();
                state.apply(&Transaction { items: done.clone(), ..Transaction::default() });
                return Err(PackageError::Failed { exit: Some(100), last, done });
            }
            Trouble::LosesTrack => {
                state.apply(transaction);
                return Err(PackageError::Unknown { text: "it was lost from sight".to_owned() });
            }
            _ => state.apply(transaction),
        }
        let _dropped = progress.try_send(Progress { percent: Some(100), text: "done".to_owned() });
        Ok(Done { items: transaction.items.clone() })
    }

    /// See [`super::Manager::search`].
    pub async fn search(&self, words: &str) -> Result<Vec<Hit>, PackageError> {
        let state = self.state();
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        let matching = state.offered.iter().filter(|(name, offered)| {
            let text = format!("{name} {}", offered.summary).to_lowercase();
            words.iter().all(|w| text.contains(w.as_str()))
        });
        let mut hits: Vec<Hit> = matching
            .map(|(name, offered)| Hit {
                name: name.clone(),
                version: Some(offered.version.clone()),
                summary: offered.summary.clone(),
                installed: state.installed.get(name).map(|(version, _)| version.clone()),
            })
            .collect();
        hits.sort_by_key(|h| (!words.contains(&h.name), h.name.clone()));
        Ok(hits)
    }

    /// See [`super::Manager::refresh`].
    pub async fn refresh(&self, _lock_wait: Duration, _progress: &ProgressSender) -> Result<Refresh, PackageError> {
        Ok(Refresh::Fresh)
    }

    /// See [`super::Manager::own_version`].
    pub async fn own_version(&self) -> Option<String> {
        None
    }

    /// See [`super::Manager::installed`].
    pub async fn installed(&self, names: &[PackageName]) -> Result<Vec<Option<String>>, PackageError> {
        Ok(names.iter().map(|n| self.version(n.name())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Vec<PackageName> {
        PackageName::list(list).unwrap()
    }

    #[tokio::test]
    async fn what_is_needed_comes_along_and_what_needs_it_goes_along() {
        let archive = MockArchive::shipped();
        let install = archive.simulate(&Change::Install(names("vim"))).await.unwrap();
        assert_eq!(install.items.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["vim", "vim-common"]);
        archive.state().apply(&install);
        let remove = archive.simulate(&Change::Remove(names("vim-common"))).await.unwrap();
        assert_eq!(remove.items.len(), 2);
        assert_eq!(archive.simulate(&install.inverse().unwrap()).await.unwrap().items.len(), 2);
    }

    #[tokio::test]
    async fn a_name_that_is_not_there_is_never_replaced_by_a_near_one() {
        let error = MockArchive::shipped().simulate(&Change::Install(names("cowsy"))).await.unwrap_err();
        assert!(matches!(error, PackageError::NotFound { near, .. } if near == ["cowsay"]));
    }
}
