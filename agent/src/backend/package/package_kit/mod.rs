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
mod id;
mod refusal;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use follow::OnBus;
pub use id::Id;

use super::transaction::{Already, Change, Difference, Exact, Item, Mark, Transaction, Verb};
use super::{Hit, INDEX_AGE, PackageError, PackageName, ProgressSender, Refresh, Running, clean, find, lock};
use crate::backend::bus::Bus;
use crate::backend::dbus::package_kit::{self as kit, FILTER_ARCH, FILTER_INSTALLED, FILTER_NEWEST, Order, Really};
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

/// How often an update is simulated at the most to find out which newer versions would need a removal.
const TRIES: usize = 24;

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

    async fn install(&self, names: &[PackageName]) -> Result<Transaction, PackageError> {
        let known = self.resolve(FILTER_NEWEST, names.iter().map(PackageName::as_str)).await?;
        let mut transaction = Transaction::default();
        let mut wanted = Vec::new();
        for name in names {
            let there = known.with(info::INSTALLED).find(|id| id.is(name));
            let Some(newest) = self.choose(&known, name, there).await? else {
                let Some(there) = there else { return Err(self.not_found(name).await) };
                transaction.already.push(Already { name: name.to_string(), version: Some(clean(&there.version)) });
                continue;
            };
            wanted.push(newest);
        }
        if !wanted.is_empty() {
            let ids: Vec<String> = wanted.iter().map(Id::to_string).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let told = self.heard(Order::Change(kit::Change::Install(&ids), Really::Simulated)).await?;
            let asked = |id: &Id| wanted.iter().any(|w| (&w.name, &w.arch) == (&id.name, &id.arch));
            transaction.items = self.items(&told, asked).await?;
        }
        Ok(transaction)
    }

    /// The package that would be installed for `name`; nothing where nothing newer is to be had.
    async fn choose(&self, known: &Answer, name: &PackageName, there: Option<&Id>) -> Result<Option<Id>, PackageError> {
        let newer = |id: &&Id| id.is(name) && there.is_none_or(|t| t.version != id.version);
        let mut to_be_had: Vec<Id> = known.with(info::AVAILABLE).filter(newer).cloned().collect();
        // What is there keeps its architecture; else it is the machine's own.
        if let Some(there) = there {
            to_be_had.retain(|id| id.arch == there.arch || id.any_arch() || there.any_arch());
        } else if to_be_had.iter().any(|id| id.arch != to_be_had[0].arch) {
            let own = self.resolve(FILTER_NEWEST | FILTER_ARCH, [name.as_str()]).await?;
            to_be_had.retain(|id| own.with(info::AVAILABLE).any(|o| o == id));
        }
        if to_be_had.iter().any(|id| id.arch != to_be_had[0].arch) {
            let text = format!("`{name}` is there for several architectures; say which, such as `{name}:amd64`");
            return Err(PackageError::Unmet { text });
        }
        Ok((!to_be_had.is_empty()).then(|| to_be_had.remove(0)))
    }

    async fn remove(&self, names: &[PackageName]) -> Result<Transaction, PackageError> {
        let known = self.resolve(FILTER_NEWEST, names.iter().map(PackageName::as_str)).await?;
        let mut transaction = Transaction::default();
        let mut wanted = Vec::new();
        for name in names {
            let there: Vec<&Id> = known.with(info::INSTALLED).filter(|id| id.is(name)).collect();
            match there.as_slice() {
                // A name that nobody knows is an error, one that is merely not there is as it was asked for.
                [] if known.with(info::AVAILABLE).any(|id| id.is(name)) => {
                    transaction.already.push(Already { name: name.to_string(), version: None });
                }
                [] => return Err(self.not_found(name).await),
                there => wanted.extend(there.iter().map(|id| id.to_string())),
            }
        }
        if !wanted.is_empty() {
            let ids: Vec<&str> = wanted.iter().map(String::as_str).collect();
            let told = self.heard(Order::Change(kit::Change::Remove(&ids, true), Really::Simulated)).await?;
            transaction.items = self.items(&told, |_| true).await?;
        }
        Ok(transaction)
    }

    /// Newer versions, without those that would need a removal: these are kept back.
    async fn upgrade(&self) -> Result<Transaction, PackageError> {
        let told = self.heard(Order::Updates).await?;
        let mut transaction = Transaction::default();
        let mut wanted = Vec::new();
        for (info, id) in &told.packages {
            match *info {
                info::BLOCKED => transaction.kept_back.push(id.name.clone()),
                info::INSTALLING | info::REMOVING | info::OBSOLETING | info::DOWNGRADING => {}
                _ => wanted.push(id.clone()),
            }
        }
        let mut groups = vec![wanted];
        let mut taken: Vec<Id> = Vec::new();
        let mut tries = 0;
        while let Some(mut group) = groups.pop() {
            if group.is_empty() {
                continue;
            }
            tries += 1;
            if tries > TRIES {
                transaction.kept_back.extend(group.into_iter().map(|id| id.name));
                continue;
            }
            let all: Vec<String> = taken.iter().chain(&group).map(Id::to_string).collect();
            let ids: Vec<&str> = all.iter().map(String::as_str).collect();
            match self.heard(Order::Change(kit::Change::Update(&ids), Really::Simulated)).await {
                Ok(told) if told.packages.iter().all(|(i, _)| !matches!(*i, info::REMOVING | info::OBSOLETING)) => {
                    taken.append(&mut group);
                    transaction.items = self.items(&told, |_| false).await?;
                }
                Ok(_) | Err(PackageError::Unmet { .. }) if group.len() == 1 => {
                    transaction.kept_back.extend(group.into_iter().map(|id| id.name));
                }
                Ok(_) | Err(PackageError::Unmet { .. }) => {
                    let rest = group.split_off(group.len() / 2);
                    groups.extend([rest, group]);
                }
                Err(error) => return Err(error),
            }
        }
        transaction.kept_back.sort();
        transaction.kept_back.dedup();
        Ok(transaction)
    }

    /// Exact versions come back. What goes for them has to go by itself: PackageKit does one thing in a transaction.
    async fn restore(&self, remove: &[PackageName], install: &[Exact]) -> Result<Transaction, PackageError> {
        let names = install.iter().map(|exact| &exact.name).chain(remove);
        let known = self.resolve(FILTER_NEWEST, names.map(PackageName::as_str)).await?;
        let mut wanted: Vec<(Id, Mark)> = Vec::new();
        let mut transaction = Transaction::default();
        for exact in install {
            let name = &exact.name;
            if let Some(there) = known.with(info::INSTALLED).find(|id| id.is(name) && id.version == exact.version) {
                let version = Some(clean(&there.version));
                transaction.already.push(Already { name: name.to_string(), version });
                continue;
            }
            let there = known.with(info::INSTALLED).find(|id| id.is(name));
            let like = match self.choose(&known, name, there).await? {
                Some(id) => id,
                None => there.cloned().ok_or_else(|| no_version(exact))?,
            };
            // An older version than the newest is not listed, but is taken by its id.
            wanted.push((Id { version: exact.version.clone(), ..like }, exact.mark));
        }
        if wanted.is_empty() {
            return Ok(transaction);
        }
        let marks = self.marks_are_taken().await;
        let ids: Vec<String> = wanted.iter().map(|(id, mark)| marked(id, *mark, marks)).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let told = self.heard(Order::Change(kit::Change::Install(&ids), Really::Simulated)).await?;
        transaction.items = self.items(&told, |_| false).await?;
        for item in &mut transaction.items {
            if let Some((_, mark)) = wanted.iter().find(|(id, _)| id.is_of(item)) {
                item.mark = *mark;
            }
        }
        let comes = |id: &Id| transaction.items.iter().any(|i| id.is_of(i) && i.to.as_ref() == Some(&id.version));
        if let Some((id, _)) = wanted.iter().find(|(id, _)| !comes(id)) {
            let exact = install.iter().find(|exact| id.is(&exact.name));
            return Err(exact.map_or(PackageError::Unmet { text: id.name.clone() }, no_version));
        }
        let goes = |name: &PackageName| {
            let installed = known.with(info::INSTALLED).find(|id| id.is(name));
            installed.is_none_or(|id| transaction.items.iter().any(|i| !i.verb.keeps() && id.is_of(i)))
        };
        match remove.iter().find(|name| !goes(name)) {
            None => Ok(transaction),
            Some(name) => Err(PackageError::Unmet {
                text: format!("PackageKit does not remove and install at once; remove `{name}` first"),
            }),
        }
    }

    /// What a simulation told, as items. `asked` is whether somebody named the package.
    async fn items(&self, told: &Answer, asked: impl Fn(&Id) -> bool) -> Result<Vec<Item>, PackageError> {
        if told.odd {
            return Err(PackageError::Unmet { text: "it would touch a package whose name cannot be shown".into() });
        }
        if let Some(id) = told.with(info::UNTRUSTED).next() {
            return Err(refusal::untrusted(&format!("`{}`", id.name)));
        }
        let stays = told.packages.iter().filter(|(info, _)| !matches!(*info, info::REMOVING | info::OBSOLETING));
        let there = match stays.map(|(_, id)| id.name.as_str()).collect::<Vec<_>>() {
            names if names.is_empty() => Answer::default(),
            names => self.resolve(FILTER_INSTALLED, names).await?,
        };
        let mut items = Vec::new();
        for (info, id) in &told.packages {
            let installed = || {
                let own = there.with(info::INSTALLED).filter(|i| i.name == id.name);
                own.clone().find(|i| i.arch == id.arch).or_else(|| own.clone().find(|i| i.any_arch() || id.any_arch()))
            };
            let (verb, from) = match *info {
                info::REMOVING | info::OBSOLETING => (Verb::Remove, None),
                info::INSTALLING => match installed() {
                    None => (Verb::Install, None),
                    from => (Verb::Upgrade, from),
                },
                info::UPDATING => (Verb::Upgrade, installed()),
                info::DOWNGRADING => (Verb::Downgrade, installed()),
                info::REINSTALLING => (Verb::Reinstall, installed()),
                info::FINISHED | info::DOWNLOADING | info::TRUSTED => continue,
                other => {
                    let text =
                        format!("PackageKit would do something with `{}` that is not known here ({other})", id.name);
                    return Err(PackageError::Unmet { text });
                }
            };
            let mark = match () {
                () if verb.keeps() && asked(id) => Mark::Manual,
                () if verb.keeps() => from.and_then(Id::mark).or(id.mark()).unwrap_or(match verb {
                    Verb::Install => Mark::Auto,
                    _ => Mark::Manual,
                }),
                () => id.mark().unwrap_or(Mark::Manual),
            };
            let version = Some(id.version.clone());
            items.push(Item {
                verb,
                name: id.name.clone(),
                arch: Some(id.arch.clone()).filter(|a| !a.is_empty()),
                from: if verb.keeps() { from.map(|f| f.version.clone()) } else { version.clone() },
                to: version.filter(|_| verb.keeps()),
                origin: Some(id.origin().to_owned()).filter(|o| verb.keeps() && !o.is_empty()),
                download_bytes: None,
                mark,
            });
        }
        items.sort_by(|a, b| (&a.name, &a.arch, a.verb).cmp(&(&b.name, &b.arch, b.verb)));
        items.dedup();
        Ok(items)
    }

    async fn sizes(&self, transaction: &mut Transaction) {
        let id = |item: &Item| {
            let version = item.to.as_deref().or(item.from.as_deref()).unwrap_or_default();
            let origin = item.origin.as_deref().unwrap_or_default();
            format!("{};{version};{};{origin}", item.name, item.arch.as_deref().unwrap_or_default())
        };
        let ids: Vec<String> = transaction.items.iter().map(id).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let Ok(answer) = self.heard(Order::Details(&ids)).await else { return };
        let (mut download, mut freed) = (Some(0_u64), Some(0_i64));
        for item in &mut transaction.items {
            let detail = answer.details.iter().find(|(id, _)| id.is_of(item));
            let size = detail.and_then(|(_, d)| d.size);
            if item.verb.keeps() {
                item.download_bytes = detail.and_then(|(_, d)| d.download.or(d.size));
                download = download.zip(item.download_bytes).map(|(sum, more)| sum.saturating_add(more));
                freed = None;
            } else {
                let size = size.and_then(|s| i64::try_from(s).ok());
                freed = freed.zip(size).map(|(sum, more)| sum.saturating_sub(more));
            }
        }
        transaction.download_bytes = download;
        transaction.installed_bytes_change = freed;
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
        if transaction.is_empty() {
            return Err(PackageError::Unmet { text: "there is nothing to do".into() });
        }
        if Running::load(folder).is_some() {
            return Err(PackageError::Unknown { text: "this transaction has been started before".into() });
        }
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
        let gone = |items: Vec<Item>| PackageError::Changed {
            difference: Box::new(Difference { gone: items, ..Difference::default() }),
        };
        if ids.is_empty() || (role == Role::Remove && ids.len() < transaction.items.len()) {
            return Err(gone(transaction.items.clone()));
        }
        let told = match self.heard(Order::Change(change(role, &strs(&ids)), Really::Simulated)).await {
            Ok(told) => told,
            Err(PackageError::Unmet { .. }) => return Err(gone(transaction.items.clone())),
            Err(error) => return Err(error),
        };
        let now = Transaction { items: self.items(&told, |_| false).await?, ..Transaction::default() };
        let difference = transaction.diff(&now);
        if difference.is_empty() { Ok(ids) } else { Err(PackageError::Changed { difference: Box::new(difference) }) }
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

fn no_version(exact: &Exact) -> PackageError {
    PackageError::Unmet { text: format!("version {} of `{}` is not to be had any more", exact.version, exact.name) }
}

/// The name of the user as whom this process runs, for a rule of polkit.
fn user() -> String {
    let uid = rustix::process::geteuid().as_raw();
    let known = nix::unistd::User::from_uid(uid.into()).ok().flatten();
    known.map_or_else(|| uid.to_string(), |user| user.name)
}

#[cfg(test)]
mod tests;
