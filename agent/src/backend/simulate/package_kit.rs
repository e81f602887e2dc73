//! PackageKit in memory, over the archive of [`MockArchive`]. It speaks as apt's backend does: installed packages and those that come
//! have their mark in the id, and an id whose version is gone is taken as the one that is there. Each of its troubles is a switch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use zbus::connection::Builder;
use zbus::{OwnedObjectPath, Variant};

use crate::backend::bus::Bus;
use crate::backend::package::mock::MockArchive;
use crate::backend::package::package_kit::Id;
use crate::backend::package::{Change, Item, Mark, PackageError, PackageName, Transaction, Verb};

const TRANSACTION: &str = "org.freedesktop.PackageKit.Transaction";
const INSTALLED: u32 = 1;
const AVAILABLE: u32 = 2;
const NORMAL: u32 = 5;
const DOWNLOADING: u32 = 10;
const UPDATING: u32 = 11;
const INSTALLING: u32 = 12;
const REMOVING: u32 = 13;
const FINISHED: u32 = 18;
const UNTRUSTED: u32 = 23;
/// Exits: done, failed, cancelled.
const EXITS: (u32, u32, u32) = (1, 2, 3);

/// What goes wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KitTrouble {
    /// Nothing.
    #[default]
    None,
    /// Every transaction that would change packages ends with this error, before it changed anything.
    Error(u32, String),
    /// The real one ends with this error after its first package.
    Half(u32, String),
    /// This package is signed by nobody.
    Untrusted(String),
    /// From the second simulation on this package comes along.
    Drift(String),
    /// The real one downloads this package, too, and can be stopped.
    Stray(String),
    /// The real one removes this package, too, and cannot be stopped.
    StrayLate(String),
    /// polkit says no when it is asked beforehand.
    Forbidden,
    /// The daemon ends after the first package of the real one.
    Vanishes,
    /// The daemon ends after it did everything, and before it says so.
    VanishesDone,
    /// The real one never ends.
    Silent,
}

/// PackageKit in memory.
#[derive(Debug)]
pub struct MockKit {
    /// What there is to be had and what is installed.
    pub archive: Arc<MockArchive>,
    state: Mutex<State>,
    /// Whether the real transaction waits after it was started.
    hold: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    trouble: KitTrouble,
    made: u32,
    simulations: u32,
    /// The ids of each real transaction.
    ordered: Vec<Vec<String>>,
    /// The transactions that are there, and what was told of each to those who cancel.
    there: HashMap<OwnedObjectPath, watch::Sender<bool>>,
    connections: Vec<zbus::Connection>,
    /// Seconds since the index was fetched; the largest number for never.
    age: u32,
}

impl MockKit {
    /// Over the archive that tests know.
    #[must_use]
    pub fn shipped() -> Arc<Self> {
        let state = State { age: u32::MAX, ..State::default() };
        Arc::new(Self { archive: MockArchive::shipped(), state: Mutex::new(state), hold: watch::Sender::new(false) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes something go wrong from now on.
    pub fn trouble(&self, trouble: KitTrouble) {
        self.state().trouble = trouble;
    }

    /// Makes the real transaction wait after it was started, or go on.
    pub fn hold(&self, hold: bool) {
        self.hold.send_replace(hold);
    }

    /// The ids of each real transaction that was ordered.
    #[must_use]
    pub fn ordered(&self) -> Vec<Vec<String>> {
        self.state().ordered.clone()
    }

    /// How many transactions were made, with those that only look.
    #[must_use]
    pub fn made(&self) -> u32 {
        self.state().made
    }

    /// A bus on which this is the only service. Each connection is a new one to the same daemon.
    #[must_use]
    pub fn bus(self: &Arc<Self>) -> Arc<Bus> {
        let kit = self.clone();
        let system = move || -> std::pin::Pin<Box<dyn Future<Output = zbus::Result<zbus::Connection>> + Send>> {
            let kit = kit.clone();
            Box::pin(async move { kit.connect().await })
        };
        Arc::new(Bus::with(Arc::new(system), Arc::new(|| Box::pin(async { Err(zbus::Error::Unsupported) }))))
    }

    async fn connect(self: Arc<Self>) -> zbus::Result<zbus::Connection> {
        let (ours, theirs) =
            std::os::unix::net::UnixStream::pair().map_err(|e| zbus::Error::InputOutput(Arc::new(e)))?;
        let daemon = Daemon(self.clone());
        let server = Builder::unix_stream(ours)
            .server(zbus::Guid::generate())
            .p2p()
            .serve_at("/org/freedesktop/PackageKit", daemon)
            .serve_at("/org/freedesktop/DBus", Driver);
        let (server, client) = tokio::join!(server.build(), Builder::unix_stream(theirs).p2p().build());
        let server = server?;
        let there: Vec<OwnedObjectPath> = self.state().there.keys().cloned().collect();
        for path in there {
            server.object_server().at(path.clone(), Object { kit: self.clone(), path }).await?;
        }
        self.state().connections.push(server);
        client
    }

    /// The daemon ends: nobody answers on its connections, and its transactions are gone.
    async fn vanish(&self) {
        let connections = std::mem::take(&mut self.state().connections);
        self.state().there.clear();
        for connection in connections {
            // One that its client closed before is closed.
            let _closed = connection.close().await;
        }
    }

    async fn say<B>(&self, path: &OwnedObjectPath, member: &str, body: B)
    where
        B: serde::Serialize + zbus::DynamicType,
    {
        let connections = self.state().connections.clone();
        for connection in connections {
            // Whoever listened there is gone.
            let _sent = connection.emit_signal(None::<&str>, path, TRANSACTION, member, &body).await;
        }
    }

    async fn far(&self, path: &OwnedObjectPath, status: u32, percent: u32) {
        let changed = HashMap::from([("Status", Variant::from(status)), ("Percentage", Variant::from(percent))]);
        let connections = self.state().connections.clone();
        for connection in connections {
            let body = (TRANSACTION, &changed, Vec::<&str>::new());
            let properties = "org.freedesktop.DBus.Properties";
            let _sent = connection.emit_signal(None::<&str>, path, properties, "PropertiesChanged", &body).await;
        }
    }

    async fn package(&self, path: &OwnedObjectPath, info: u32, id: &str) {
        self.say(path, "Package", (info | NORMAL << 16, id, "a package")).await;
    }

    async fn end(&self, path: &OwnedObjectPath, exit: u32) {
        self.say(path, "Finished", (exit, 1_u32)).await;
        let connections = self.state().connections.clone();
        for connection in connections {
            let _gone = connection.object_server().remove::<Object, _>(path).await;
        }
        self.state().there.remove(path);
    }

    async fn fail(&self, path: &OwnedObjectPath, code: u32, words: &str) {
        self.say(path, "ErrorCode", (code, words)).await;
        self.end(path, EXITS.1).await;
    }

    /// The ids of what has one of these names, as far as `filter` lets them through.
    fn named(&self, filter: u64, is: impl Fn(&str, &str) -> bool) -> Vec<(u32, String, String)> {
        let there = self.archive.there();
        let mut rows = Vec::new();
        for offer in self.archive.offers() {
            let installed = there.iter().find(|(name, ..)| *name == offer.name);
            if is(&offer.name, &offer.summary) {
                if let Some((name, version, mark)) = installed {
                    let mark = if *mark == Mark::Auto { "auto" } else { "manual" };
                    rows.push((INSTALLED, format!("{name};{version};all;{mark}:mock"), offer.summary.clone()));
                }
                let only_installed = filter & (1 << 2) != 0;
                if !only_installed && installed.is_none_or(|(_, version, _)| *version != offer.version) {
                    rows.push((AVAILABLE, format!("{};{};all;mock", offer.name, offer.version), offer.summary));
                }
            }
        }
        rows
    }
}

fn names(ids: &[String]) -> Vec<PackageName> {
    ids.iter().filter_map(|id| id.split(';').next()?.parse().ok()).collect()
}

/// An item as the simulation and the real one tell it.
fn told(item: &Item) -> (u32, String) {
    let mark = if item.mark == Mark::Auto { "auto" } else { "manual" };
    let id = |version: &Option<String>, data: String| {
        format!("{};{};all;{data}", item.name, version.as_deref().unwrap_or_default())
    };
    match item.verb {
        Verb::Install => (INSTALLING, id(&item.to, format!("+{mark}:mock"))),
        Verb::Remove | Verb::Purge => (REMOVING, id(&item.from, format!("{mark}:mock"))),
        _ => (UPDATING, id(&item.to, "mock".to_owned())),
    }
}

/// The bus, as far as it is asked who is there.
struct Driver;

#[zbus::interface(name = "org.freedesktop.DBus")]
impl Driver {
    fn name_has_owner(&self, name: &str) -> bool {
        name == "org.freedesktop.PackageKit"
    }

    fn list_activatable_names(&self) -> Vec<String> {
        Vec::new()
    }
}

struct Daemon(Arc<MockKit>);

#[zbus::interface(name = "org.freedesktop.PackageKit")]
impl Daemon {
    async fn create_transaction(
        &self,
        #[zbus(object_server)] server: &zbus::ObjectServer,
    ) -> zbus::fdo::Result<OwnedObjectPath> {
        let path = {
            let mut state = self.0.state();
            state.made += 1;
            let path = OwnedObjectPath::try_from(format!("/{}_mock", state.made))?;
            state.there.insert(path.clone(), watch::Sender::new(false));
            path
        };
        server.at(path.clone(), Object { kit: self.0.clone(), path: path.clone() }).await?;
        Ok(path)
    }

    fn can_authorize(&self, _action: &str) -> u32 {
        if self.0.state().trouble == KitTrouble::Forbidden { 2 } else { 1 }
    }

    fn get_time_since_action(&self, _role: u32) -> u32 {
        self.0.state().age
    }

    #[zbus(property)]
    fn version_major(&self) -> u32 {
        1
    }

    #[zbus(property)]
    fn version_minor(&self) -> u32 {
        2
    }

    #[zbus(property)]
    fn version_micro(&self) -> u32 {
        6
    }

    #[zbus(property)]
    fn backend_name(&self) -> &str {
        "apt"
    }
}

#[derive(Clone)]
struct Object {
    kit: Arc<MockKit>,
    path: OwnedObjectPath,
}

#[zbus::interface(name = "org.freedesktop.PackageKit.Transaction")]
impl Object {
    fn set_hints(&self, hints: Vec<String>) -> zbus::fdo::Result<()> {
        let wanted = ["interactive=false", "background=false"];
        if wanted.iter().all(|w| hints.iter().any(|h| h == w)) {
            return Ok(());
        }
        Err(zbus::fdo::Error::InvalidArgs(format!("hints {hints:?}")))
    }

    fn cancel(&self) -> zbus::fdo::Result<()> {
        let state = self.kit.state();
        match state.there.get(&self.path) {
            Some(stop) if !matches!(state.trouble, KitTrouble::StrayLate(_)) => drop(stop.send_replace(true)),
            _ => return Err(zbus::fdo::Error::Failed("cannot cancel".to_owned())),
        }
        Ok(())
    }

    fn resolve(&self, filter: u64, names: Vec<String>) {
        let is = |wanted: &String, name: &str| wanted.split(':').next() == Some(name);
        self.answer(self.kit.named(filter, |name, _| names.iter().any(|wanted| is(wanted, name))));
    }

    fn search_names(&self, filter: u64, words: Vec<String>) {
        self.answer(self.kit.named(filter, |name, _| words.iter().any(|w| name.contains(w.as_str()))));
    }

    fn search_details(&self, filter: u64, words: Vec<String>) {
        let found = self.kit.named(filter, |name, summary| {
            words.iter().any(|w| name.contains(w.as_str()) || summary.to_lowercase().contains(w.as_str()))
        });
        self.answer(found);
    }

    fn get_details(&self, ids: Vec<String>) {
        let this = self.clone();
        tokio::spawn(async move {
            let offers = this.kit.archive.offers();
            for id in ids {
                let offer = offers.iter().find(|offer| id.starts_with(&format!("{};", offer.name)));
                let Some(offer) = offer else { continue };
                let details = HashMap::from([("package-id", Variant::from(id)), ("size", Variant::from(offer.bytes))]);
                this.kit.say(&this.path, "Details", (details,)).await;
            }
            this.kit.end(&this.path, EXITS.0).await;
        });
    }

    fn get_updates(&self, _filter: u64) {
        let Ok(updates) = self.kit.archive.transaction(&Change::Upgrade) else {
            return self.answer(Vec::new());
        };
        let upgrades = updates.items.iter().filter(|item| item.verb == Verb::Upgrade);
        self.answer(upgrades.map(|item| (NORMAL, told(item).1, String::new())).collect());
    }

    fn refresh_cache(&self, _force: bool) {
        let this = self.clone();
        tokio::spawn(async move {
            let trouble = this.kit.state().trouble.clone();
            if let KitTrouble::Error(code, words) = trouble {
                return this.kit.fail(&this.path, code, &words).await;
            }
            this.kit.far(&this.path, 7, 50).await;
            this.kit.state().age = 0;
            this.kit.end(&this.path, EXITS.0).await;
        });
    }

    fn install_packages(&self, flags: u64, ids: Vec<String>) {
        self.change(flags, ids, Change::Install);
    }

    fn update_packages(&self, flags: u64, ids: Vec<String>) {
        self.change(flags, ids, Change::Install);
    }

    fn remove_packages(&self, flags: u64, ids: Vec<String>, _dependents: bool, _autoremove: bool) {
        self.change(flags, ids, Change::Remove);
    }

    #[zbus(property)]
    fn status(&self) -> u32 {
        3
    }
}

impl Object {
    fn answer(&self, rows: Vec<(u32, String, String)>) {
        let this = self.clone();
        tokio::spawn(async move {
            // As packagekitd does for those who said that they take many at once.
            if !rows.is_empty() {
                this.kit.say(&this.path, "Packages", (rows,)).await;
            }
            this.kit.end(&this.path, EXITS.0).await;
        });
    }

    fn change(&self, flags: u64, ids: Vec<String>, how: fn(Vec<PackageName>) -> Change) {
        let this = self.clone();
        tokio::spawn(async move {
            let (kit, path) = (&this.kit, &this.path);
            let trouble = kit.state().trouble.clone();
            let mut items = match kit.archive.transaction(&how(names(&ids))) {
                Ok(transaction) => transaction.items,
                Err(PackageError::Unmet { text }) => return kit.fail(path, 13, &text).await,
                Err(error) => return kit.fail(path, 8, &error.to_string()).await,
            };
            for item in &mut items {
                let named = ids.iter().filter_map(|id| Id::parse(id)).find(|id| id.name == item.name);
                item.mark = named.as_ref().and_then(Id::mark).unwrap_or(item.mark);
            }
            // Only signed packages: nothing else is ever asked for here.
            if flags & (1 << 1) == 0 {
                return kit.fail(path, 48, "untrusted packages were asked for").await;
            }
            if flags & (1 << 2) != 0 {
                return this.simulate(&trouble, items).await;
            }
            kit.state().ordered.push(ids);
            this.really(trouble, items).await;
        });
    }

    async fn simulate(&self, trouble: &KitTrouble, items: Vec<Item>) {
        let (kit, path) = (&self.kit, &self.path);
        kit.state().simulations += 1;
        for item in &items {
            let (info, id) = told(item);
            kit.package(path, info, &id).await;
            if *trouble == KitTrouble::Untrusted(item.name.clone()) {
                kit.package(path, UNTRUSTED, &id).await;
            }
        }
        let again = kit.state().simulations > 1;
        if let KitTrouble::Drift(name) = trouble
            && again
        {
            kit.package(path, INSTALLING, &format!("{name};1;all;+auto:mock")).await;
        }
        kit.end(path, EXITS.0).await;
    }

    async fn really(&self, trouble: KitTrouble, items: Vec<Item>) {
        let (kit, path) = (&self.kit, &self.path);
        let mut stop = match kit.state().there.get(path) {
            Some(stop) => stop.subscribe(),
            None => return,
        };
        if let KitTrouble::Error(code, words) = &trouble {
            return kit.fail(path, *code, words).await;
        }
        kit.far(path, 8, 50).await;
        for item in &items {
            kit.package(path, DOWNLOADING, &told(item).1).await;
        }
        let mut hold = kit.hold.subscribe();
        // The sender lives as long as this.
        drop(hold.wait_for(|hold| !*hold).await);
        if let KitTrouble::Stray(name) = &trouble {
            kit.package(path, DOWNLOADING, &format!("{name};1;all;+auto:mock")).await;
            // The sender lives as long as this.
            drop(stop.wait_for(|stop| *stop).await);
            self.kit.say(path, "ErrorCode", (17_u32, "cancelled")).await;
            return kit.end(path, EXITS.2).await;
        }
        if let KitTrouble::StrayLate(name) = &trouble {
            kit.package(path, REMOVING, &format!("{name};1;all;manual:mock")).await;
        }
        let count = items.len();
        for (done, item) in items.into_iter().enumerate() {
            let (info, id) = told(&item);
            kit.package(path, info, &id).await;
            kit.far(path, 9, u32::try_from(done * 100 / count).unwrap_or(100)).await;
            kit.archive.apply(&Transaction { items: vec![item], ..Transaction::default() });
            kit.package(path, FINISHED, &id).await;
            match &trouble {
                KitTrouble::Half(code, words) => return kit.fail(path, *code, words).await,
                KitTrouble::Vanishes => return kit.vanish().await,
                _ => {}
            }
        }
        match trouble {
            KitTrouble::VanishesDone => kit.vanish().await,
            KitTrouble::Silent => {}
            _ => kit.end(path, EXITS.0).await,
        }
    }
}
