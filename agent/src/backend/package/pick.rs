//! Which package manager is used: at each request the first of the configured order that can be used here and now. What it began, it
//! also ends: a transaction names the manager that simulated it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::super::bus::Bus;
use super::package_kit::Kit;
use super::{
    Change, Done, Hit, Manager, ManagerName, PackageError, PackageName, ProgressSender, Refresh, Running, Transaction,
    Unit, alias, find, order,
};

/// The package managers of this machine that the configuration allows, in its order.
#[derive(Debug, Clone)]
pub struct Packages {
    managers: Vec<Manager>,
    /// What does the part that needs root, where this process is not root and has somebody who does it.
    unit: Option<Unit>,
    /// The buses of this machine.
    bus: Arc<Bus>,
}

/// How a manager stands, for `doctor` and the capabilities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Its name.
    pub manager: &'static str,
    /// Whether it is the one that is used now.
    pub used: bool,
    /// Its version, where it is the one that is used.
    pub version: Option<String>,
    /// Why it cannot be used here and now.
    pub why_not: Option<String>,
}

/// A word on each method's errors stands at [`PackageError`].
#[allow(clippy::missing_errors_doc)]
impl Packages {
    /// The managers with these names on this machine. Names that come twice count once.
    #[must_use]
    pub fn of_this_machine(order: &[ManagerName], bus: &Arc<Bus>) -> Self {
        let mut managers: Vec<Manager> = Vec::new();
        for name in order {
            if managers.iter().all(|m| m.name() != Some(*name)) {
                managers.extend(named(*name, bus));
            }
        }
        Self { managers, unit: None, bus: bus.clone() }
    }

    /// Has what needs root done by `unit`. Managers that have root of their own are left out: they ask polkit, and nobody answers for
    /// the machine's agent.
    #[must_use]
    pub fn by(mut self, unit: Unit) -> Self {
        self.managers.retain(|m| m.name().is_none_or(order::by_root));
        self.unit = Some(unit);
        self
    }

    /// One manager and no other.
    #[must_use]
    pub fn only(manager: Manager) -> Self {
        Self { managers: vec![manager], unit: None, bus: Arc::default() }
    }

    /// Whether a manager can be used here and now. One that lacks nothing but root can, where somebody else is root for it.
    async fn usable(&self, manager: &Manager) -> Result<(), PackageError> {
        match (manager.available().await, &self.unit) {
            (Err(PackageError::NotRoot), Some(unit)) => unit.available(),
            (other, _) => other,
        }
    }

    /// The first that can be used here and now.
    async fn pick(&self) -> Result<&Manager, PackageError> {
        let mut why_not = Vec::new();
        for manager in &self.managers {
            match self.usable(manager).await {
                Ok(()) => return Ok(manager),
                Err(why) => why_not.push((manager, why)),
            }
        }
        Err(none_of(why_not))
    }

    /// Whether packages can be changed here and now, and why not.
    pub async fn available(&self) -> Result<(), PackageError> {
        self.pick().await.map(drop)
    }

    /// How each manager stands, in the configured order.
    pub async fn standing(&self) -> Vec<Standing> {
        let mut all: Vec<Standing> = Vec::with_capacity(self.managers.len());
        for manager in &self.managers {
            let why_not = self.usable(manager).await.err().map(|why| why.to_string());
            let used = why_not.is_none() && all.iter().all(|other| !other.used);
            let version = if used { manager.own_version().await } else { None };
            let name = manager.name().map_or("an archive in memory", ManagerName::as_str);
            all.push(Standing { manager: name, used, version, why_not });
        }
        all
    }

    /// The manager that is to be used: the one that is named, as an undo does, or else the first that can be used here and now.
    async fn using(&self, name: Option<ManagerName>) -> Result<&Manager, PackageError> {
        let Some(name) = name else { return self.pick().await };
        let Some(manager) = self.managers.iter().find(|manager| manager.name() == Some(name)) else {
            let reason = format!("{}, which did this, is not among the configured package managers", name.as_str());
            return Err(PackageError::Unavailable { reason });
        };
        self.usable(manager).await.map(|()| manager)
    }

    /// What is meant by names that people say: what exists exactly stays as it is; else the very same software under the name that it
    /// has here (`vs-code` is `code`) stands in for it. What is only like it never does. Names that are in no table are not looked up.
    ///
    /// Where no manager can be used nothing is changed: that is told when it is needed.
    pub async fn meant(
        &self,
        names: &[PackageName],
        by: Option<ManagerName>,
    ) -> Result<Vec<PackageName>, PackageError> {
        let Ok(manager) = self.using(by).await else { return Ok(names.to_vec()) };
        let mut meant: Vec<PackageName> = Vec::with_capacity(names.len());
        for name in names {
            let one = stand_in(manager, name).await?.unwrap_or_else(|| name.clone());
            manager.grammar().check(&one)?;
            if !meant.contains(&one) {
                meant.push(one);
            }
        }
        Ok(meant)
    }

    /// The manager that simulated `transaction`: it alone may carry it out, whatever could be picked now.
    fn of(&self, transaction: &Transaction) -> Result<Manager, PackageError> {
        if let Some(own) = self.managers.iter().find(|m| m.name() == transaction.manager) {
            return Ok(own.clone());
        }
        // What was begun is waited for also when the configuration has lost its manager since.
        let known =
            transaction.manager.and_then(|name| named(name, &self.bus)).or_else(|| self.managers.first().cloned());
        known.ok_or_else(|| none_of(Vec::new()))
    }

    /// See [`Manager::simulate`]. For a name that is not there, what the table knows to be like it is offered first.
    pub async fn simulate(&self, change: &Change, by: Option<ManagerName>) -> Result<Transaction, PackageError> {
        let manager = self.using(by).await?;
        match manager.simulate(change).await {
            Err(PackageError::NotFound { name, near }) => {
                let mut offered = Vec::new();
                for other in alias::of(&name).into_iter().flat_map(|alias| alias.like(manager.grammar())) {
                    if exists(manager, other).await.unwrap_or(false) {
                        offered.push(other.to_string());
                    }
                }
                let near: Vec<String> = near.into_iter().filter(|name| !offered.contains(name)).collect();
                offered.extend(near);
                offered.truncate(find::MAX_NEAR);
                Err(PackageError::NotFound { name, near: offered })
            }
            other => other,
        }
    }

    /// See [`Manager::start`].
    pub async fn start(
        &self,
        transaction: &Transaction,
        folder: &Path,
        lock_wait: Duration,
        progress: &ProgressSender,
    ) -> Result<Running, PackageError> {
        match (&self.unit, self.of(transaction)?) {
            // The lock is waited for, and all is looked at once more, by root.
            (Some(unit), _) => unit.start(transaction, folder).await,
            (None, manager) => manager.start(transaction, folder, lock_wait, progress).await,
        }
    }

    /// See [`Manager::finish`].
    pub async fn finish(
        &self,
        transaction: &Transaction,
        running: &Running,
        deadline: Duration,
        progress: &ProgressSender,
    ) -> Result<Done, PackageError> {
        let manager = self.of(transaction)?;
        match (&running.ordered, &self.unit) {
            (Some(order), Some(unit)) => unit.finish(&manager, transaction, order, deadline, progress).await,
            (Some(order), None) => Err(PackageError::Unknown {
                text: format!("root was to do it; `journalctl -u {}` says more", order.unit()),
            }),
            (None, _) => manager.finish(transaction, running, deadline, progress).await,
        }
    }

    /// See [`Manager::search`]. Where no manager may change packages, the first that can look does: looking needs no root.
    pub async fn search(&self, words: &str) -> Result<Vec<Hit>, PackageError> {
        match self.pick().await {
            Ok(manager) => manager.search(words).await,
            Err(why) => {
                for manager in &self.managers {
                    if let Ok(hits) = manager.search(words).await {
                        return Ok(hits);
                    }
                }
                Err(why)
            }
        }
    }

    /// See [`Manager::refresh`].
    pub async fn refresh(&self, lock_wait: Duration, progress: &ProgressSender) -> Result<Refresh, PackageError> {
        let manager = self.pick().await?;
        match (manager.refresh(lock_wait, progress).await, &self.unit, manager.name()) {
            // Too old, and root fetches it.
            (Err(PackageError::NotRoot), Some(unit), Some(name)) => unit.refresh(name, progress).await,
            (other, _, _) => other,
        }
    }

    /// See [`Manager::installed`].
    pub async fn installed(
        &self,
        names: &[PackageName],
        by: Option<ManagerName>,
    ) -> Result<Vec<Option<String>>, PackageError> {
        self.using(by).await?.installed(names).await
    }
}

/// The name under which the very same software is here, for a name of the table that is not here itself.
async fn stand_in(manager: &Manager, name: &PackageName) -> Result<Option<PackageName>, PackageError> {
    let Some(alias) = alias::of(name.as_str()) else { return Ok(None) };
    if exists(manager, name).await? {
        return Ok(None);
    }
    for other in alias.same(manager.grammar()) {
        if exists(manager, other).await? {
            return Ok(Some(other.clone()));
        }
    }
    Ok(None)
}

/// Whether there is a package of exactly this name, installed or to be had.
async fn exists(manager: &Manager, name: &PackageName) -> Result<bool, PackageError> {
    if manager.grammar().check(name).is_err() {
        return Ok(false);
    }
    if manager.installed(std::slice::from_ref(name)).await?.into_iter().any(|version| version.is_some()) {
        return Ok(true);
    }
    match manager.simulate(&Change::Install(vec![name.clone()])).await {
        Ok(_) | Err(PackageError::Unmet { .. }) => Ok(true),
        Err(PackageError::NotFound { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

/// A manager of this machine; nothing for one that this version does not know.
fn named(name: ManagerName, bus: &Arc<Bus>) -> Option<Manager> {
    match name {
        ManagerName::PackageKit => Some(Manager::PackageKit(Kit::new(bus.clone()))),
        program => Manager::of_this_machine(program),
    }
}

/// The error when no manager can be used. With one that is there and only may not, that is the reason; else all reasons.
fn none_of(mut why_not: Vec<(&Manager, PackageError)>) -> PackageError {
    if why_not.iter().any(|(_, why)| matches!(why, PackageError::NotRoot)) {
        return PackageError::NotRoot;
    }
    match why_not.len() {
        0 => PackageError::Unavailable { reason: "no package manager is configured that this version knows".into() },
        1 => why_not.remove(0).1,
        _ => {
            let each = why_not.iter().map(|(manager, why)| {
                format!("{}: {why}", manager.name().map_or("an archive in memory", ManagerName::as_str))
            });
            let reason = format!("no package manager can be used here ({})", each.collect::<Vec<_>>().join("; "));
            PackageError::Unavailable { reason }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::mock::{MockArchive, Trouble};
    use super::*;

    #[tokio::test]
    async fn the_first_that_can_be_used_now_is_picked_and_the_others_say_why_not() {
        let (first, second) = (MockArchive::shipped(), MockArchive::shipped());
        let packages = Packages {
            managers: vec![Manager::Mock(first.clone()), Manager::Mock(second.clone())],
            unit: None,
            bus: Arc::default(),
        };
        second.publish("only-there", "1", &[]);
        let looked_for = || packages.search("only-there");
        assert_eq!(looked_for().await.unwrap(), []);
        first.trouble(Trouble::Unavailable);
        assert_eq!(looked_for().await.unwrap().len(), 1);
        let used: Vec<bool> = packages.standing().await.into_iter().map(|s| s.used).collect();
        assert_eq!(used, [false, true]);
        second.trouble(Trouble::Unavailable);
        assert!(matches!(packages.available().await, Err(PackageError::NotRoot)));
        assert_eq!(looked_for().await.unwrap(), [], "looking is still possible");
        first.trouble(Trouble::None);
        assert!(packages.standing().await[0].used);
    }

    #[tokio::test]
    async fn a_name_that_exists_wins_over_an_alias_and_what_is_only_alike_is_offered() {
        let archive = MockArchive::shipped();
        let packages = Packages::only(Manager::Mock(archive.clone()));
        let meant = async |said: &str| {
            let names: Vec<PackageName> = said.split(',').map(|n| n.parse().unwrap()).collect();
            let meant = packages.meant(&names, None).await;
            meant.map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
        };
        assert_eq!(meant("vim,htop").await.unwrap(), "vim,htop", "they are in the table and exist");
        assert_eq!(meant("mozilla,firefox,curl").await.unwrap(), "firefox-esr,curl");
        assert_eq!(meant("nvim").await.unwrap(), "nvim", "vim is only like it");
        match packages.simulate(&Change::Install(vec!["nvim".parse().unwrap()]), None).await {
            Err(PackageError::NotFound { name, near }) => {
                assert_eq!((name.as_str(), near[0].as_str()), ("nvim", "vim"))
            }
            other => panic!("{other:?}"),
        }
        archive.publish("mozilla", "1", &[]);
        assert_eq!(meant("mozilla").await.unwrap(), "mozilla");
        assert!(matches!(meant("Vim2").await, Err(PackageError::Name(_))));
        assert!(matches!(meant("Firefox").await, Err(PackageError::Name(_))));
        archive.trouble(Trouble::Unavailable);
        assert_eq!(meant("chrome").await.unwrap(), "chrome", "the reason is told when it is needed");
    }

    #[tokio::test]
    async fn a_manager_that_is_not_configured_does_nothing_even_when_it_is_named() {
        let packages = Packages::only(Manager::Mock(MockArchive::shipped()));
        let change = Change::Remove(vec!["perl".parse().unwrap()]);
        let error = packages.simulate(&change, Some(ManagerName::Pacman)).await.unwrap_err();
        assert!(error.to_string().contains("pacman, which did this, is not among"), "{error}");
    }

    #[test]
    fn the_order_is_the_configured_one_and_a_name_counts_once() {
        let packages =
            Packages::of_this_machine(&[ManagerName::Apt, ManagerName::PackageKit, ManagerName::Apt], &Arc::default());
        let names: Vec<_> = packages.managers.iter().map(Manager::name).collect();
        assert_eq!(names.iter().filter(|n| **n == Some(ManagerName::Apt)).count(), 1);
        assert_eq!(names[0], Some(ManagerName::Apt));
    }

    #[test]
    fn what_was_begun_is_ended_by_its_own_manager() {
        let packages = Packages::of_this_machine(&[], &Arc::default());
        let of = |manager| packages.of(&Transaction { manager, ..Transaction::default() });
        assert_eq!(of(Some(ManagerName::Apt)).unwrap().name(), Some(ManagerName::Apt));
        assert!(of(None).is_err());
    }
}
