//! What actions act through: the machine as this agent may use it, and the request that it is done for.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use steward_ipc::Code;
use uuid::Uuid;

use crate::action::{Action, Need, exec};
use crate::backend::apps::Apps;
use crate::backend::apps::start::Starter;
use crate::backend::backlight::Backlights;
use crate::backend::bus::{Bus, BusError, Service, Side};
use crate::backend::dbus::bluez;
use crate::backend::dbus::login1::{self, Login1};
use crate::backend::dbus::network_manager::{self, NetworkManager};
use crate::backend::dbus::portal;
use crate::backend::dbus::systemd1;
use crate::backend::dbus::units::{Scope, Units};
use crate::backend::dbus::upower::{self, Upower};
use crate::backend::files::{Base, KeptFiles};
use crate::backend::package::{Manager, Packages, Transaction};
use crate::backend::read;
use crate::backend::simulate::Laptop;
use crate::backend::sound::Sound;
use crate::caller::Caller;
use crate::clock::Clock;
use crate::memory::Memory;
use crate::provenance::Provenance;
use crate::reply::Failure;

/// Whether the agent belongs to a person or to the machine. Chosen by a flag, never by uid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Runs as a person, in that person's session.
    User,
    /// Runs for the whole machine.
    System,
}

/// What a person has before them.
#[derive(Debug)]
pub struct Seat {
    /// The sound server.
    pub sound: Sound,
    /// The screens.
    pub screens: Backlights,
    /// The apps that are installed.
    pub apps: Arc<Apps>,
    /// What starts programs.
    pub starter: Starter,
}

impl Seat {
    /// One with nothing on it: no sound, no screen, no apps. Tests begin with it, so that none of them touches the desktop it runs in.
    pub fn bare() -> Seat {
        let nowhere = PathBuf::from("/nonexistent");
        Seat {
            sound: Sound::at(nowhere.join("pulse")),
            screens: Backlights::below(&nowhere),
            apps: Arc::new(Apps::new([], [], "", "")),
            starter: Starter::with([]),
        }
    }

    /// That of the session in which this process runs. Nothing is opened yet.
    pub fn of_this_session() -> Seat {
        Seat {
            sound: Sound::of_this_session(),
            screens: Backlights::below("/sys".as_ref()),
            apps: Arc::new(Apps::of_this_session()),
            starter: Starter::of_this_session(),
        }
    }
}

/// What the machine offers to the agent: the one thing that a test or a simulation puts something else in the place of.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The package manager; those of the configuration when there is none.
    pub packages: Option<Manager>,
    /// The system bus and the session bus.
    pub bus: Arc<Bus>,
    /// Sound, screen and apps.
    pub seat: Arc<Seat>,
    /// Where the kernel shows devices, firmware and control groups: `/sys`.
    pub sysfs: PathBuf,
    /// The folder that stands for `/` where files are read and written.
    pub root: PathBuf,
    /// Whether it is one that is not there, so that nothing that is done to it is done to this machine. Every answer says so.
    pub simulated: bool,
}

impl Machine {
    /// This machine.
    pub fn this() -> Machine {
        Machine {
            packages: None,
            bus: Arc::default(),
            seat: Arc::new(Seat::of_this_session()),
            sysfs: PathBuf::from("/sys"),
            root: PathBuf::from("/"),
            simulated: false,
        }
    }

    /// A machine without any service, and with this package manager, or those of the configuration.
    pub fn bare(packages: Option<Manager>) -> Machine {
        Machine {
            packages,
            bus: Arc::new(Bus::nowhere()),
            seat: Arc::new(Seat::bare()),
            sysfs: PathBuf::from("/nonexistent"),
            root: PathBuf::from("/"),
            simulated: false,
        }
    }

    /// A laptop that is not there.
    pub fn simulated(laptop: &Laptop) -> Machine {
        Machine {
            packages: Some(Manager::Mock(laptop.archive().clone())),
            bus: Arc::new(laptop.bus()),
            seat: Arc::new(Seat {
                sound: Sound::at(laptop.sound()),
                screens: Backlights::below(&laptop.sysfs()),
                apps: Arc::new(Apps::new([laptop.data()], [], "", "")),
                // What it does not know it cannot start.
                starter: Starter::with([]),
            }),
            sysfs: laptop.sysfs(),
            root: laptop.root(),
            simulated: true,
        }
    }
}

/// The machine as this agent may use it.
#[derive(Debug)]
pub struct Services {
    /// For whom the agent runs.
    pub mode: Mode,
    /// The agent's own uid.
    pub uid: u32,
    /// The home folder of the represented user.
    pub home: Option<String>,
    /// The notes.
    pub memory: Memory,
    /// What time it is.
    pub clock: Clock,
    /// Where files are opened.
    pub files: Arc<Base>,
    /// Files and folders of this agent's own: nothing is ever written there for a caller.
    pub own: Vec<PathBuf>,
    /// Folders that programs are looked for in.
    pub programs: Vec<PathBuf>,
    /// The folder that the agent was started in, where that is a folder of work.
    pub folder: Option<String>,
    /// Old contents of files that were written.
    pub kept: Arc<KeptFiles>,
    /// Which files were written through Steward, by whom.
    pub written: Arc<Provenance>,
    /// The package managers.
    pub packages: Packages,
    /// The system bus and the session bus, connected when they are first needed.
    pub bus: Arc<Bus>,
    /// Sound, screen and apps.
    pub seat: Arc<Seat>,
    /// See [`Machine::sysfs`].
    pub sysfs: PathBuf,
    /// See [`Machine::simulated`].
    pub simulated: bool,
    /// The folder with what is known of package transactions on their way.
    pub transactions: PathBuf,
    /// How long the lock of another package manager is waited for.
    pub lock_wait: Duration,
}

impl Services {
    /// Whether what an action needs can be seen to be missing without asking anybody. A service on a bus is found missing
    /// when it is called: by the preview, so that nothing is held that cannot work.
    ///
    /// # Errors
    /// `unavailable`, with what is missing and how to get it.
    pub async fn available(&self, need: Need) -> Result<(), Failure> {
        match need {
            Need::Packages => Ok(self.packages.available().await?),
            _ => Ok(()),
        }
    }

    /// Looks whether what an action needs is there now, for capabilities and `doctor`.
    ///
    /// # Errors
    /// `unavailable`, with what is missing and how to get it.
    pub async fn probe(&self, need: Need) -> Result<(), Failure> {
        match need {
            Need::Nothing | Need::Packages => self.available(need).await,
            Need::Logind => Ok(self.bus.there(&login1::LOGIN1).await?),
            Need::NetworkManager => Ok(self.bus.there(&network_manager::NETWORK_MANAGER).await?),
            Need::Bluez => Ok(self.bus.there(&bluez::BLUEZ).await?),
            Need::Sound => Ok(self.seat.sound.sink().await.map(drop)?),
            Need::Backlight => {
                self.seat.screens.best().ok_or_else(crate::action::screen::no_backlight)?;
                Ok(self.bus.there(&login1::LOGIN1).await?)
            }
            Need::Desktop => self.desktop().await,
            Need::Sandbox => exec::probe().await,
            Need::Systemd => match self.bus.there(&systemd1::SYSTEM_MANAGER).await {
                Ok(()) => Ok(()),
                Err(e) => self.bus.there(&systemd1::USER_MANAGER).await.map_err(|_| e.into()),
            },
        }
    }

    /// The services that answer, with their versions where they tell them, for `doctor`.
    pub async fn versions(&self) -> Vec<Value> {
        let manager = async |scope| Units { bus: &self.bus, scope }.version().await;
        let (network, power, login, system, user) = tokio::join!(
            async { NetworkManager(&self.bus).version().await },
            async { Upower(&self.bus).version().await },
            async { Login1(&self.bus).version().await },
            manager(Scope::System),
            manager(Scope::User),
        );
        let row = |service: &Service, version: Result<String, BusError>| match version {
            Ok(version) => json!({ "name": service.name, "title": service.title, "version": version }),
            Err(e) => json!({ "name": service.name, "title": service.title, "missing": e.to_string() }),
        };
        vec![
            row(&login1::LOGIN1, login),
            row(&systemd1::SYSTEM_MANAGER, system),
            row(&systemd1::USER_MANAGER, user),
            row(&network_manager::NETWORK_MANAGER, network),
            row(&upower::UPOWER, power),
        ]
    }

    /// Whether something can be started in a desktop: by the portal, by the user's systemd, or by this process in a session of its own.
    async fn desktop(&self) -> Result<(), Failure> {
        if self.bus.there(&portal::PORTAL).await.is_ok() || self.bus.there(&systemd1::USER_MANAGER).await.is_ok() {
            return Ok(());
        }
        if self.seat.starter.has_display() {
            return Ok(());
        }
        let needs = Need::Desktop.words();
        Err(Failure::new(Code::Unavailable, format!("this needs {needs}; run the user service in a desktop session"))
            .with(json!({ "needs": needs })))
    }

    /// Makes the folder of a transaction, with the transaction in it, so that a restarted agent can go on with it.
    ///
    /// # Errors
    /// `failed`, when the disk says no.
    pub(crate) fn transaction_folder(&self, request: Uuid, transaction: &Transaction) -> Result<PathBuf, Failure> {
        let folder = self.transactions.join(request.to_string());
        let made = crate::store::private_folder(&folder).map_err(|e| e.to_string()).and_then(|()| {
            let text = serde_json::to_vec(transaction).map_err(|e| e.to_string())?;
            std::fs::write(folder.join(TRANSACTION), text).map_err(|e| e.to_string())
        });
        match made {
            Ok(()) => Ok(folder),
            Err(e) => {
                Err(Failure::new(Code::Failed, format!("nothing was done, because it could not be written down: {e}"))
                    .with(json!({ "folder": folder })))
            }
        }
    }

    /// The transactions that were on their way when the agent stopped.
    pub(crate) fn transactions_left(&self) -> Vec<(Uuid, Transaction)> {
        let Ok(folders) = std::fs::read_dir(&self.transactions) else { return Vec::new() };
        let left = folders.flatten().filter_map(|folder| {
            let id = Uuid::try_parse(folder.file_name().to_str()?).ok()?;
            Some((id, self.transaction_of(id)?))
        });
        left.collect()
    }

    /// The transaction of a request, while it is not forgotten.
    pub(crate) fn transaction_of(&self, request: Uuid) -> Option<Transaction> {
        let path = self.transactions.join(request.to_string()).join(TRANSACTION);
        let text = read::bytes(&path, MAX_TRANSACTION).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Forgets a transaction whose end is known.
    pub(crate) fn forget_transaction(&self, request: Uuid) {
        let folder = self.transactions.join(request.to_string());
        if let Err(e) = std::fs::remove_dir_all(&folder)
            && e.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!("{} could not be removed: {e}", folder.display());
        }
    }
}

/// What an error of a service means to whoever asked.
impl From<BusError> for Failure {
    fn from(error: BusError) -> Failure {
        let said = error.to_string();
        match error {
            BusError::NoBus { side, .. } => {
                let get = match side {
                    Side::System => "start D-Bus (`systemctl start dbus`)",
                    Side::Session => "run Steward in a desktop session (the user service)",
                };
                Failure::new(Code::Unavailable, format!("{said}; {get}")).with(json!({ "needs": "D-Bus", "get": get }))
            }
            BusError::NoService { service } => {
                Failure::new(Code::Unavailable, said).with(json!({ "needs": service.title, "get": service.get }))
            }
            BusError::Late { service, after } => Failure::new(Code::TimedOut, format!("{said}; nothing was changed"))
                .with(json!({ "service": service.name, "after_seconds": after.as_secs() })),
            BusError::Lost { service, .. } => {
                Failure::new(Code::UnknownOutcome, said).with(json!({ "service": service.name }))
            }
            BusError::Refused { service, challenge, .. } => {
                let hint = if challenge {
                    "polkit wants a password for it here; do it from an active local session, or have an administrator allow it with a polkit rule"
                } else {
                    "an administrator can allow it with a polkit rule"
                };
                Failure::new(Code::NotAuthorized, format!("{said}; {hint}"))
                    .with(json!({ "service": service.name, "challenge": challenge }))
            }
            BusError::Said { service, name, .. } => {
                Failure::new(Code::Failed, said).with(json!({ "service": service.name, "error": name }))
            }
        }
    }
}

/// The name of a transaction's file in its folder.
const TRANSACTION: &str = "transaction.json";
/// The longest one that is read, in bytes: some ten thousand packages.
const MAX_TRANSACTION: u64 = 16 << 20;

/// One request's view of the machine.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The machine.
    pub services: &'a Services,
    /// Who asks.
    pub caller: &'a Arc<Caller>,
    /// Whose request it is: the uid that owns the notes, receipts and confirmations.
    pub owner: u32,
    /// The number of this request in the audit log.
    pub request: Uuid,
    /// The steps of the same plan that come before the one that this is for.
    pub earlier: &'a [Action],
    /// How long an action may take that is carried out: all of it, or what comes before its first change
    /// ([`AFTER_FIRST_CHANGE`](crate::action::Perform::AFTER_FIRST_CHANGE)).
    pub deadline: Duration,
    /// Told what is going on while an action takes long.
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
}

/// How far a long action is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Progress {
    /// How much is done, from 0 to 100; absent when it cannot be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// What is being done, in words.
    pub text: String,
}

impl Context<'_> {
    /// Whether a step can be seen not to work here without asking anybody.
    ///
    /// # Errors
    /// `unavailable`, with what is missing and how to get it.
    pub async fn available(&self, step: &Action) -> Result<(), Failure> {
        if step.personal() {
            self.personal()?;
        }
        self.services.available(step.need()).await
    }

    /// Refuses actions on a person's files or session where the agent does not run as that person.
    ///
    /// # Errors
    /// `unavailable`, with what to use instead.
    pub fn personal(&self) -> Result<(), Failure> {
        if self.services.mode == Mode::User || self.owner == self.services.uid {
            return Ok(());
        }
        Err(Failure::new(
            Code::Unavailable,
            "the system service does not act on a person's files or session; use the user service",
        ))
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("owner", &self.owner).finish_non_exhaustive()
    }
}
