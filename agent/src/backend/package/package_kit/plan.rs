//! What a change would do, as PackageKit simulates it: names become whole ids, and what it tells becomes the items of a preview.

use super::super::transaction::{Already, Exact, Item, Mark, Transaction, Verb};
use super::super::{PackageError, PackageName, clean, tool};
use super::ask::Answer;
use super::{Id, Kit, info, marked, refusal};
use crate::backend::dbus::package_kit::{self as kit, FILTER_ARCH, FILTER_INSTALLED, FILTER_NEWEST, Order, Really};

/// How often an update is simulated at the most to find out which newer versions would need a removal.
const TRIES: usize = 24;

impl Kit {
    pub(super) async fn install(&self, names: &[PackageName]) -> Result<Transaction, PackageError> {
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

    pub(super) async fn remove(&self, names: &[PackageName]) -> Result<Transaction, PackageError> {
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
    pub(super) async fn upgrade(&self) -> Result<Transaction, PackageError> {
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
    pub(super) async fn restore(&self, remove: &[PackageName], install: &[Exact]) -> Result<Transaction, PackageError> {
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
    pub(super) async fn items(&self, told: &Answer, asked: impl Fn(&Id) -> bool) -> Result<Vec<Item>, PackageError> {
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
        tool::sort(&mut items);
        items.dedup();
        Ok(items)
    }

    pub(super) async fn sizes(&self, transaction: &mut Transaction) {
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
}

fn no_version(exact: &Exact) -> PackageError {
    PackageError::Unmet { text: format!("version {} of `{}` is not to be had any more", exact.version, exact.name) }
}
