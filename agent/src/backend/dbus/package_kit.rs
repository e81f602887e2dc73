//! PackageKit: everything that is asked of it is a transaction, an object of its own that answers with signals and goes away a few
//! seconds after its end. The interface is that of `org.freedesktop.PackageKit.Transaction.xml`; the numbers are those of `pk-enum.h`
//! (PackageKit 1.2), where new ones are only added at the end. What the answers mean for packages stands in `backend/package`.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Deserialize;
use zbus::names::{BusName, OwnedUniqueName, UniqueName};
use zbus::proxy::{Builder, CacheProperties};
use zbus::{MatchRule, Message, MessageStream, ObjectPath, OwnedObjectPath, OwnedVariant};

use super::the;
use crate::backend::bus::{Bus, BusError, Service, Side, meaning};

/// The service.
pub static PACKAGE_KIT: Service = Service {
    title: "PackageKit",
    name: "org.freedesktop.PackageKit",
    side: Side::System,
    get: "install `packagekit`",
};

/// The interface of a transaction.
const TRANSACTION: &str = "org.freedesktop.PackageKit.Transaction";

/// How long a call may take. packagekitd ends when it is idle, so the first call starts it, and it opens its backend before it answers.
const CALL: Duration = Duration::from_secs(25);

/// How many signals wait for us at the most; then the bus waits.
const SIGNALS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// What PackageKit is told beside each order: nobody is asked (polkit's questions are passed on as a refusal, dpkg keeps changed
/// configuration files), it is not put behind other work, answers are in English, and packages come many in one signal.
const HINTS: [&str; 4] = ["interactive=false", "background=false", "locale=C.UTF-8", "supports-plural-signals=true"];

#[zbus::proxy(
    interface = "org.freedesktop.PackageKit",
    default_service = "org.freedesktop.PackageKit",
    default_path = "/org/freedesktop/PackageKit"
)]
trait Daemon {
    fn can_authorize(&self, action: &str) -> zbus::Result<u32>;
    fn get_time_since_action(&self, role: u32) -> zbus::Result<u32>;
    #[zbus(property)]
    fn version_major(&self) -> zbus::Result<u32>;
    #[zbus(property)]
    fn version_minor(&self) -> zbus::Result<u32>;
    #[zbus(property)]
    fn version_micro(&self) -> zbus::Result<u32>;
    #[zbus(property)]
    fn backend_name(&self) -> zbus::Result<String>;
}

#[zbus::proxy(interface = "org.freedesktop.PackageKit.Transaction", default_service = "org.freedesktop.PackageKit")]
trait Transaction {
    fn set_hints(&self, hints: &[&str]) -> zbus::Result<()>;
    fn cancel(&self) -> zbus::Result<()>;
    fn resolve(&self, filter: u64, names: &[&str]) -> zbus::Result<()>;
    fn search_names(&self, filter: u64, words: &[&str]) -> zbus::Result<()>;
    fn search_details(&self, filter: u64, words: &[&str]) -> zbus::Result<()>;
    fn get_details(&self, ids: &[&str]) -> zbus::Result<()>;
    fn get_updates(&self, filter: u64) -> zbus::Result<()>;
    fn refresh_cache(&self, force: bool) -> zbus::Result<()>;
    fn install_packages(&self, flags: u64, ids: &[&str]) -> zbus::Result<()>;
    fn update_packages(&self, flags: u64, ids: &[&str]) -> zbus::Result<()>;
    fn remove_packages(&self, flags: u64, ids: &[&str], with_dependents: bool, autoremove: bool) -> zbus::Result<()>;
    #[zbus(property)]
    fn status(&self) -> zbus::Result<u32>;
}

/// `PkFilterEnum` as bits: nothing is left out.
pub const FILTER_NONE: u64 = 0;
/// Only what is installed.
pub const FILTER_INSTALLED: u64 = 1 << 2;
/// Only the newest of several versions.
pub const FILTER_NEWEST: u64 = 1 << 16;
/// Only the machine's own architecture.
pub const FILTER_ARCH: u64 = 1 << 18;

/// `PkTransactionFlagEnum` as bits: only packages that are signed by a key which the machine trusts. It is always given.
const ONLY_TRUSTED: u64 = 1 << 1;
/// Nothing is done, it is only told what would be.
const SIMULATE: u64 = 1 << 2;

/// `PK_ROLE_ENUM_REFRESH_CACHE`.
const ROLE_REFRESH: u32 = 13;

/// What [`PackageKit::since_refresh`] gets when there was none.
const NEVER: u32 = u32::MAX;

/// `PkAuthorizeEnum`: polkit says yes without asking anybody.
const MAY: u32 = 1;
/// `PkAuthorizeEnum`: polkit says no.
const MAY_NOT: u32 = 2;
/// `PkAuthorizeEnum`: polkit would ask somebody.
const WOULD_ASK: u32 = 3;

/// What a transaction is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order<'a> {
    /// Tell the packages with these names, installed or to be had.
    Resolve(u64, &'a [&'a str]),
    /// Tell the packages whose names have one of the words.
    SearchNames(u64, &'a [&'a str]),
    /// Tell the packages whose names or descriptions have the words.
    SearchDetails(u64, &'a [&'a str]),
    /// Tell sizes.
    Details(&'a [&'a str]),
    /// Tell what newer versions there are.
    Updates,
    /// Fetch the package index.
    Refresh,
    /// Change packages.
    Change(Change<'a>, Really),
}

/// How packages are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Install these.
    Install(&'a [&'a str]),
    /// Bring these to this version.
    Update(&'a [&'a str]),
    /// Remove these, and what needs them where the second is true. Never what is not needed any more.
    Remove(&'a [&'a str], bool),
}

/// Whether it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Really {
    /// It is only told what would be.
    Simulated,
    /// It is.
    Done,
}

/// A package of an answer. The strings are the service's, as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// `PkInfoEnum`.
    pub info: u32,
    /// The package id: `name;version;arch;data`.
    pub id: String,
    /// One line about it.
    pub summary: String,
}

/// A size of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// The package id.
    pub id: String,
    /// How many bytes it is: on the disk where it is installed, else to download.
    pub size: Option<u64>,
    /// How many bytes are to be downloaded, where the service tells it apart.
    pub download: Option<u64>,
}

/// What a transaction says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Packages.
    Packages(Vec<Told>),
    /// Sizes.
    Details(Detail),
    /// How far one package is: `PkStatusEnum`, percent.
    Item(String, u32, u32),
    /// How far all is: `PkStatusEnum`, percent (101 is not known).
    Far(Option<u32>, Option<u32>),
    /// `PkErrorEnum` and words. The end follows.
    Error(u32, String),
    /// The end: `PkExitEnum`.
    Finished(u32),
}

/// PackageKit on a bus.
#[derive(Clone, Copy, Debug)]
pub struct PackageKit<'a>(pub &'a Bus);

impl PackageKit<'_> {
    /// Whether it is there, or would be started.
    ///
    /// # Errors
    /// [`BusError::NoBus`] and [`BusError::NoService`].
    pub async fn there(&self) -> Result<(), BusError> {
        self.0.there(&PACKAGE_KIT).await
    }

    /// Its version and its backend's name.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn version(&self) -> Result<(String, String), BusError> {
        self.ask(async |bus| {
            let daemon: DaemonProxy<'_> = the(bus).await?;
            let (major, minor) = (daemon.version_major().await?, daemon.version_minor().await?);
            let version = format!("{major}.{minor}.{}", daemon.version_micro().await?);
            Ok((version, daemon.backend_name().await?))
        })
        .await
    }

    /// Seconds since the package index was last fetched by PackageKit.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn since_refresh(&self) -> Result<Option<Duration>, BusError> {
        let seconds =
            self.ask(async |bus| the::<DaemonProxy<'_>>(bus).await?.get_time_since_action(ROLE_REFRESH).await).await?;
        Ok((seconds != NEVER).then(|| Duration::from_secs(seconds.into())))
    }

    /// Whether polkit lets this process do something without asking anybody; nothing when PackageKit does not say.
    pub async fn may(&self, action: &str) -> Option<bool> {
        match self.ask(async |bus| the::<DaemonProxy<'_>>(bus).await?.can_authorize(action).await).await {
            Ok(MAY) => Some(true),
            Ok(MAY_NOT | WOULD_ASK) => Some(false),
            Ok(_) | Err(_) => None,
        }
    }

    async fn ask<T>(&self, question: impl AsyncFnOnce(&zbus::Connection) -> zbus::Result<T>) -> Result<T, BusError> {
        let connection = self.0.connection(PACKAGE_KIT.side).await?;
        called(question(&connection)).await
    }

    /// Makes a transaction, which does nothing yet.
    ///
    /// # Errors
    /// When PackageKit is not there or does not answer.
    pub async fn begin(&self) -> Result<Talk, BusError> {
        let connection = self.0.connection(PACKAGE_KIT.side).await?;
        let made = connection.call_method(
            Some(PACKAGE_KIT.name),
            "/org/freedesktop/PackageKit",
            Some(PACKAGE_KIT.name),
            "CreateTransaction",
            &(),
        );
        let made = called(made).await?;
        let path: OwnedObjectPath = made.body().deserialize().map_err(|e| meaning(&PACKAGE_KIT, e))?;
        let owner = made.header().sender().map(|s| s.to_owned().into());
        let object = Object { connection: connection.clone(), path, owner };
        called(async { object.proxy().await?.set_hints(&HINTS).await }).await?;
        Talk::new(object).await
    }

    /// A transaction that was begun before, perhaps by an earlier run of this program; nothing when it is not there any more. `owner`
    /// is the connection of the daemon that has it, empty between two ends of a socket pair.
    ///
    /// # Errors
    /// When there is no bus.
    pub async fn again(&self, path: &str, owner: &str) -> Result<Option<Talk>, BusError> {
        let connection = self.0.connection(PACKAGE_KIT.side).await?;
        let (Ok(path), owner) = (OwnedObjectPath::try_from(path), OwnedUniqueName::try_from(owner).ok()) else {
            return Ok(None);
        };
        if owner.is_none() && connection.is_bus() {
            return Ok(None);
        }
        let talk = Talk::new(Object { connection, path, owner }).await?;
        Ok(talk.object.is_there().await.then_some(talk))
    }
}

/// A call with its deadline and the meaning of its error.
async fn called<T>(call: impl Future<Output = zbus::Result<T>>) -> Result<T, BusError> {
    match tokio::time::timeout(CALL, call).await {
        Ok(answer) => answer.map_err(|e| meaning(&PACKAGE_KIT, e)),
        Err(_) => Err(BusError::Late { service: &PACKAGE_KIT, after: CALL }),
    }
}

/// A transaction's object, for calls. What it says is heard by its [`Talk`].
#[derive(Clone)]
pub struct Object {
    connection: zbus::Connection,
    path: OwnedObjectPath,
    /// The connection of the daemon: nobody else's signals are listened to. Nothing between two ends of a socket pair.
    owner: Option<OwnedUniqueName>,
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object").field("path", &self.path).field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Object {
    /// The path of the object and the connection of the daemon that has it, by which it is found again.
    pub fn place(&self) -> (String, String) {
        (self.path.to_string(), self.owner.as_ref().map(ToString::to_string).unwrap_or_default())
    }

    async fn proxy(&self) -> zbus::Result<TransactionProxy<'static>> {
        let mut builder = Builder::<TransactionProxy<'static>>::new(&self.connection)
            .path(ObjectPath::from(self.path.clone()))
            .cache_properties(CacheProperties::No);
        // Never the well-known name: it would start a new daemon, which knows nothing of this.
        if let Some(owner) = &self.owner {
            builder = builder.destination(BusName::from(UniqueName::from(owner.clone())));
        }
        builder.build().await
    }

    /// Tells the transaction what to do. It answers at once, and signals follow.
    ///
    /// # Errors
    /// When it refuses, or PackageKit does not answer.
    pub async fn order(&self, order: Order<'_>) -> Result<(), BusError> {
        let flags = |really| if really == Really::Simulated { ONLY_TRUSTED | SIMULATE } else { ONLY_TRUSTED };
        called(async {
            let object = self.proxy().await?;
            match order {
                Order::Resolve(filter, names) => object.resolve(filter, names).await,
                Order::SearchNames(filter, words) => object.search_names(filter, words).await,
                Order::SearchDetails(filter, words) => object.search_details(filter, words).await,
                Order::Details(ids) => object.get_details(ids).await,
                Order::Updates => object.get_updates(FILTER_NONE).await,
                Order::Refresh => object.refresh_cache(false).await,
                Order::Change(Change::Install(ids), really) => object.install_packages(flags(really), ids).await,
                Order::Change(Change::Update(ids), really) => object.update_packages(flags(really), ids).await,
                Order::Change(Change::Remove(ids, dependents), really) => {
                    object.remove_packages(flags(really), ids, dependents, false).await
                }
            }
        })
        .await
    }

    /// Stops it, where it can still be stopped.
    ///
    /// # Errors
    /// When it cannot: packages are being changed already, or it is somebody else's.
    pub async fn cancel(&self) -> Result<(), BusError> {
        called(async { self.proxy().await?.cancel().await }).await
    }

    /// Whether the object is still there. One that does not answer is: its daemon is busy.
    pub async fn is_there(&self) -> bool {
        let status = tokio::time::timeout(CALL, async { self.proxy().await?.status().await }).await;
        !self.connection.is_closed() && !matches!(status, Ok(Err(_)))
    }
}

/// A transaction, and what it says.
pub struct Talk {
    /// The object, for calls beside listening.
    pub object: Object,
    signals: MessageStream,
}

impl std::fmt::Debug for Talk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Talk").field("object", &self.object).finish_non_exhaustive()
    }
}

impl Talk {
    async fn new(object: Object) -> Result<Talk, BusError> {
        let rule = MatchRule::builder().msg_type(zbus::message::Type::Signal);
        let rule = rule.path(ObjectPath::from(object.path.clone()));
        let rule = match &object.owner {
            Some(owner) => rule.sender(UniqueName::from(owner.clone())).build(),
            None => rule.build(),
        };
        let rule = rule.map_err(|e| meaning(&PACKAGE_KIT, e))?;
        let signals = called(MessageStream::for_match_rule(rule, &object.connection, Some(SIGNALS))).await?;
        Ok(Talk { object, signals })
    }

    /// What it says next; nothing when the bus is gone. Can be dropped while it waits. It has to be waited for while calls are on
    /// their way: what is not heard holds up the whole connection.
    pub async fn hear(&mut self) -> Option<Heard> {
        loop {
            let message = super::next(&mut self.signals).await?.ok()?;
            if self.object.owner.as_ref().is_some_and(|owner| message.header().sender() != Some(&**owner)) {
                continue;
            }
            if let Some(heard) = read(&message) {
                return Some(heard);
            }
        }
    }
}

/// The low half of the number that says what a package is; the other half is how urgent an update is.
const INFO: u32 = 0xffff;

/// Reads a signal; nothing for one that is not used or not in its form.
fn read(message: &Message) -> Option<Heard> {
    let header = message.header();
    let body = message.body();
    let told = |(info, id, summary): (u32, String, String)| Told { info: info & INFO, id, summary };
    match (header.interface()?.as_str(), header.member()?.as_str()) {
        (TRANSACTION, "Package") => Some(Heard::Packages(vec![told(body.deserialize().ok()?)])),
        (TRANSACTION, "Packages") => {
            let all: Vec<(u32, String, String)> = body.deserialize().ok()?;
            Some(Heard::Packages(all.into_iter().map(told).collect()))
        }
        (TRANSACTION, "Details") => {
            let data: HashMap<String, OwnedVariant> = body.deserialize().ok()?;
            let number = |name: &str| data.get(name)?.downcast_ref::<u64>().ok();
            let id: &str = data.get("package-id")?.downcast_ref().ok()?;
            Some(Heard::Details(Detail { id: id.to_owned(), size: number("size"), download: number("download-size") }))
        }
        (TRANSACTION, "ItemProgress") => {
            let (id, status, percent) = body.deserialize().ok()?;
            Some(Heard::Item(id, status, percent))
        }
        (TRANSACTION, "ErrorCode") => {
            let (code, words) = body.deserialize().ok()?;
            Some(Heard::Error(code, words))
        }
        (TRANSACTION, "Finished") => {
            let (exit, _milliseconds): (u32, u32) = body.deserialize().ok()?;
            Some(Heard::Finished(exit))
        }
        ("org.freedesktop.DBus.Properties", "PropertiesChanged") => {
            let changed: Changed = body.deserialize().ok()?;
            let number = |name: &str| changed.properties.get(name)?.downcast_ref::<u32>().ok();
            let (status, percent) = (number("Status"), number("Percentage"));
            (changed.interface == TRANSACTION && (status, percent) != (None, None))
                .then_some(Heard::Far(status, percent))
        }
        _ => None,
    }
}

/// The body of `PropertiesChanged`.
#[derive(Deserialize, zbus::Type)]
struct Changed {
    interface: String,
    properties: HashMap<String, OwnedVariant>,
    _invalidated: Vec<String>,
}
