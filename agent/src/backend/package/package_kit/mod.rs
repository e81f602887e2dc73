//! PackageKit: the same schema over the bus. packagekitd does the work as root and asks polkit whether whoever asks may; what is
//! done goes on when this program ends, and is found again by its object (`follow`).
//!
//! Every package is named with its whole id. A preview is PackageKit's own simulation; immediately before the real transaction exactly
//! the same ids are simulated once more, and a difference ends it. apt's backend takes an id whose version is gone as the one that is
//! there, and does not know "remove nothing else", so what that leaves between the simulation and the real one is told by
//! PackageKit's signals: a package outside the preview cancels, while it can be cancelled (docs/known-holes.md).
//!
//! Only signed packages are installed, always. Nobody is asked anything here: what polkit would ask is passed on as "not authorized".

mod ask;
mod follow;
pub mod id;
mod plan;
pub mod refusal;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use follow::OnBus;
pub use id::Id;

use super::transaction::{Change, Item, Mark, Transaction, Verb};
use super::{Hit, INDEX_AGE, PackageError, PackageName, ProgressSender, Refresh, Running, clean, commit, find, lock};
use crate::backend::bus::Bus;
use crate::backend::dbus::package_kit::{self as kit, FILTER_INSTALLED, FILTER_NEWEST, Order, Really};
use ask::Answer;
use refusal::Role;

/// `PK_INFO_ENUM_INSTALLED` and the others of `PkInfoEnum` that are told of packages.
mod info {
    pub(super) const INSTALLED: u32 = 1;
    pub(super) const AVAILABLE: u32 = 2;
    pub(super) const BLOCKED: u32 = 9;
    pub(super) const DOWNLOADING: u32 = 10;
    pub(super) const UPDATING: u32 = 11;
    pub(super) const INSTALLING: u32 = 12;
    pub(super) const REMOVING: u32 = 13;
    pub(super) const OBSOLETING: u32 = 15;
    pub(super) const FINISHED: u32 = 18;
    pub(super) const REINSTALLING: u32 = 19;
    pub(super) const DOWNGRADING: u32 = 20;
    pub(super) const PREPARING: u32 = 21;
    pub(super) const DECOMPRESSING: u32 = 22;
    pub(super) const UNTRUSTED: u32 = 23;
    pub(super) const TRUSTED: u32 = 24;
}

/// The fewest letters of a name with which near names are looked for.
const NEAR_LETTERS: usize = 3;

/// PackageKit on a bus.
#[derive(Debug, Clone)]
pub struct Kit {
    bus: Arc<Bus>,
}

/// A word on each method's errors stands at [`PackageError`].
#[allow(clippy::missing_errors_doc)]
impl Kit {
    /// PackageKit on this bus.
    #[must_use]
    pub fn new(bus: Arc<Bus>) -> Self {
        Self { bus }
    }

    fn kit(&self) -> kit::PackageKit<'_> {
        kit::PackageKit(&self.bus)
    }

    /// Whether PackageKit is there, or would be started.
    pub async fn available(&self) -> Result<(), PackageError> {
        Ok(self.kit().there().await?)
    }

    /// Its version and its backend.
    pub async fn own_version(&self) -> Option<String> {
        let (version, backend) = self.kit().version().await.ok()?;
        Some(format!("{} ({})", clean(&version), clean(&backend)))
    }

    /// See [`super::Manager::simulate`].
    pub async fn simulate(&self, change: &Change) -> Result<Transaction, PackageError> {
        let mut transaction = match change {
            Change::Install(names) => self.install(names).await?,
            Change::Remove(names) => self.remove(names).await?,
            Change::Upgrade => self.upgrade().await?,
            Change::Restore { remove, install } if install.is_empty() => self.remove(remove).await?,
            Change::Restore { remove, install } => self.restore(remove, install).await?,
        };
        if !transaction.is_empty() {
            // Sizes are facts that only help to decide, so whatever goes wrong with them is left out.
            self.sizes(&mut transaction).await;
            // A person is not asked for what polkit will not let through.
            let role = Role::of(&transaction);
            if self.kit().may(role.action()).await == Some(false) {
                return Err(refusal::not_authorized(role, &user()));
            }
        }
        Ok(transaction)
    }

    /// Whether the backend takes from an id how a package is to be marked.
    async fn marks_are_taken(&self) -> bool {
        self.kit().version().await.is_ok_and(|(_, backend)| matches!(backend.as_str(), "apt" | "aptcc"))
    }

    /// The packages with these names, each name without patterns.
    async fn resolve<'n>(&self, filter: u64, names: impl IntoIterator<Item = &'n str>) -> Result<Answer, PackageError> {
        let names: Vec<&str> = names.into_iter().collect();
        self.heard(Order::Resolve(filter, &names)).await
    }

    async fn not_found(&self, name: &PackageName) -> PackageError {
        let wanted = name.name();
        let search =
            async |word: &str| self.heard(Order::SearchNames(FILTER_NEWEST, &[word])).await.unwrap_or_default();
        // A virtual name is answered with the packages that provide it.
        let providing = search(wanted).await;
        let mut near: Vec<String> =
            providing.names().filter(|n| !n.contains(wanted)).take(find::MAX_NEAR).map(clean).collect();
        let letters = wanted.len().div_ceil(2).max(NEAR_LETTERS);
        let like = match wanted.get(..letters) {
            Some(start) => search(start).await,
            None => Answer::default(),
        };
        near.extend(find::near(wanted, like.names().chain(providing.names())));
        let mut seen = std::collections::BTreeSet::new();
        near.retain(|n| seen.insert(n.clone()));
        near.truncate(find::MAX_NEAR);
        PackageError::NotFound { name: name.to_string(), near }
    }

    /// See [`super::Manager::search`].
    pub async fn search(&self, words: &str) -> Result<Vec<Hit>, PackageError> {
        // PackageKit refuses these two signs.
        let words = find::words(&words.replace(['*', '?'], " "));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut hits: Option<Vec<Hit>> = None;
        // Some backends look for any of the words and some for all, so each is looked for by itself.
        for word in &words {
            let found = self.heard(Order::SearchDetails(FILTER_NEWEST, &[*word])).await?;
            match &mut hits {
                None => hits = Some(found.hits()),
                Some(hits) => {
                    let names: std::collections::BTreeSet<&str> = found.names().collect();
                    hits.retain(|hit| names.contains(hit.name.as_str()));
                }
            }
        }
        let mut hits = find::rank(hits.unwrap_or_default(), &words);
        hits.truncate(find::MAX_HITS);
        if !hits.is_empty() {
            let known = self.resolve(FILTER_NEWEST, hits.iter().map(|hit| hit.name.as_str())).await?;
            for hit in &mut hits {
                let version = |info| known.with(info).find(|id| id.name == hit.name).map(|id| clean(&id.version));
                (hit.installed, hit.version) = (version(info::INSTALLED), version(info::AVAILABLE));
                hit.version = hit.version.take().or_else(|| hit.installed.clone());
            }
        }
        Ok(hits)
    }

    /// See [`super::Manager::refresh`].
    pub async fn refresh(&self, lock_wait: Duration, progress: &ProgressSender) -> Result<Refresh, PackageError> {
        if self.kit().since_refresh().await?.is_some_and(|age| age <= INDEX_AGE) {
            return Ok(Refresh::Fresh);
        }
        lock::wait_until_free(lock::of_index, lock_wait, progress).await?;
        self.fetched(progress).await?;
        Ok(Refresh::Updated)
    }

    /// See [`super::Manager::installed`].
    pub async fn installed(&self, names: &[PackageName]) -> Result<Vec<Option<String>>, PackageError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let there = self.resolve(FILTER_INSTALLED, names.iter().map(PackageName::name)).await?;
        let version =
            |name: &PackageName| there.with(info::INSTALLED).find(|id| id.is(name)).map(|id| id.version.clone());
        Ok(names.iter().map(version).collect())
    }

    /// Which of the items are now as they should be.
    async fn done(&self, items: &[Item]) -> Result<Vec<Item>, PackageError> {
        let there = self.resolve(FILTER_INSTALLED, items.iter().map(|item| item.name.as_str())).await?;
        let done = |item: &&Item| {
            let mut own = there.with(info::INSTALLED).filter(|id| id.is_of(item));
            if item.verb.keeps() { own.any(|id| Some(&id.version) == item.to.as_ref()) } else { own.next().is_none() }
        };
        Ok(items.iter().filter(done).cloned().collect())
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
        commit::may_start(transaction, Running::load(folder).is_some())?;
        lock::wait_until_free(lock::of_packages, lock_wait, progress).await?;
        let exact = self.check_again(transaction).await?;
        crate::fault::point("package_before_start");
        self.begin(transaction, &exact, folder).await
    }

    /// Simulates exactly what will be done, in the last moment, and compares. Gives the ids that are to be named.
    async fn check_again(&self, transaction: &Transaction) -> Result<Vec<String>, PackageError> {
        let role = Role::of(transaction);
        let marks = self.marks_are_taken().await;
        let ids: Vec<String> = if role == Role::Remove {
            let there = self.resolve(FILTER_INSTALLED, transaction.items.iter().map(|item| item.name.as_str())).await?;
            let own = |item: &Item| {
                let found =
                    there.with(info::INSTALLED).find(|id| id.is_of(item) && Some(&id.version) == item.from.as_ref());
                found.map(Id::to_string)
            };
            transaction.items.iter().filter_map(own).collect()
        } else {
            // apt's backend takes everything by its id; others take what comes along by themselves in an update.
            let named =
                |item: &&Item| item.verb.keeps() && (role == Role::Install || marks || item.verb == Verb::Upgrade);
            transaction.items.iter().filter(named).filter_map(|item| exact(item, marks)).collect()
        };
        if ids.is_empty() || (role == Role::Remove && ids.len() < transaction.items.len()) {
            return Err(commit::gone(transaction, None));
        }
        let told = match self.heard(Order::Change(change(role, &strs(&ids)), Really::Simulated)).await {
            Ok(told) => told,
            Err(PackageError::Unmet { .. }) => return Err(commit::gone(transaction, None)),
            Err(error) => return Err(error),
        };
        commit::compare(transaction, self.items(&told, |_| false).await?)?;
        Ok(ids)
    }
}

/// How a transaction of this kind is ordered.
fn change<'a>(role: Role, ids: &'a [&'a str]) -> kit::Change<'a> {
    match role {
        Role::Remove => kit::Change::Remove(ids, false),
        Role::Update => kit::Change::Update(ids),
        Role::Install | Role::Refresh => kit::Change::Install(ids),
    }
}

fn strs(ids: &[String]) -> Vec<&str> {
    ids.iter().map(String::as_str).collect()
}

/// The whole id of what comes.
fn exact(item: &Item, marks: bool) -> Option<String> {
    let id = Id {
        name: item.name.clone(),
        version: item.to.clone()?,
        arch: item.arch.clone().unwrap_or_default(),
        data: item.origin.clone().unwrap_or_default(),
    };
    Some(marked(&id, item.mark, marks))
}

fn marked(id: &Id, mark: Mark, marks: bool) -> String {
    if marks { id.marked(mark).to_string() } else { id.to_string() }
}

/// The name of the user as whom this process runs, for a rule of polkit.
fn user() -> String {
    let uid = rustix::process::geteuid().as_raw();
    let known = nix::unistd::User::from_uid(uid.into()).ok().flatten();
    known.map_or_else(|| uid.to_string(), |user| user.name)
}

#[cfg(test)]
mod tests;
