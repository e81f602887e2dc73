//! Package managers: one schema, simulate first, hold to it.
//!
//! [`Packages`] is the only way in: at each request it picks the first [`Manager`] of the configured order that can be used here and
//! now. A simulation gives a [`Transaction`], which is the preview and says who made it; a commit takes that transaction, checks that
//! the same manager would still do the same, and does it in a process that outlives this one. A name that does not exist is an error
//! with near names in it and is never replaced by one of them.

pub mod alias;
pub mod apt;
pub mod commit;
pub mod dnf;
pub mod find;
pub mod flatpak;
mod lock;
pub mod mock;
pub mod name;
mod order;
pub mod package_kit;
pub mod pacman;
mod pick;
pub mod root;
mod rpm;
mod tool;
pub mod transaction;
mod unit;
pub mod zypper;

use std::path::Path;
use std::time::Duration;

pub use commit::Running;
pub use name::{Grammar, NameError, PackageName};
pub use order::{Instance, Order, Refusal, understood as understood_order};
pub use pick::{Packages, Standing};
pub use tool::Tool;
pub use transaction::{Already, Change, Difference, Exact, Item, Mark, Transaction, Verb};
pub use unit::Unit;

use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

use super::spawn::SpawnError;
use commit::Direct;

/// How old the package index may be before an update fetches it again.
pub const INDEX_AGE: Duration = Duration::from_secs(60 * 60);

/// The longest piece of a manager's text that is passed on, in characters.
const MAX_TEXT: usize = 400;

/// A text without control characters (a package's description is not ours), cut to a length that can be shown.
#[must_use]
pub fn clean(text: &str) -> String {
    // Trimmed last: what was nothing but control characters is nothing.
    let visible: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT).collect();
    visible.trim().to_owned()
}

/// A package manager by name, as the configuration and transactions write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ManagerName {
    /// PackageKit, over the bus.
    PackageKit,
    /// apt of Debian and its relatives.
    Apt,
    /// dnf of Fedora and its relatives.
    Dnf,
    /// pacman of Arch and its relatives.
    Pacman,
    /// zypper of openSUSE.
    Zypper,
    /// flatpak: for this user, or for everybody as root.
    Flatpak,
}

impl ManagerName {
    /// All of them in the order in which they are tried unless the configuration says otherwise.
    pub const ORDER: [Self; 6] = [Self::PackageKit, Self::Apt, Self::Dnf, Self::Pacman, Self::Zypper, Self::Flatpak];

    /// The name in sentences.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PackageKit => "PackageKit",
            Self::Apt => "apt",
            Self::Dnf => "dnf",
            Self::Pacman => "pacman",
            Self::Zypper => "zypper",
            Self::Flatpak => "flatpak",
        }
    }
}

/// How far a transaction is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// From 0 to 100, when the manager says so.
    pub percent: Option<u8>,
    /// What is being done, for a person.
    pub text: String,
}

/// Where progress goes. Bounded; what does not fit is dropped, because the next line says more.
pub type ProgressSender = mpsc::Sender<Progress>;

/// A package that a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// Its name.
    pub name: String,
    /// The version that would be installed, when known.
    pub version: Option<String>,
    /// One line about it.
    pub summary: String,
    /// The version that is installed.
    pub installed: Option<String>,
}

/// What a transaction did, checked against the manager's database after it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The items that are now as they should be.
    pub items: Vec<Item>,
}

/// What a refresh of the package index did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refresh {
    /// It was young enough.
    Fresh,
    /// It was fetched again.
    Updated,
}

/// Why a package manager did not do what was asked.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub enum PackageError {
    /// There is no package with this name.
    #[error("there is no package `{name}`{}", near_words(near))]
    NotFound {
        /// The name that was asked for.
        name: String,
        /// Names that are like it, or packages that provide it, the best first.
        near: Vec<String>,
    },
    /// This manager has no such names.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The packages do not fit together, or something forbids the change.
    #[error("this cannot be done: {text}")]
    Unmet {
        /// The manager's words.
        text: String,
    },
    /// Another package manager is at work and did not end in time. Nothing was changed.
    #[error("{} is using the package database; waited {} s", by.as_deref().unwrap_or("another program"), waited.as_secs())]
    Locked {
        /// Who: `apt-get (pid 123)`.
        by: Option<String>,
        /// How long was waited.
        waited: Duration,
    },
    /// What would be done is not what was previewed any more. Nothing was changed.
    #[error("it is not what was previewed any more: {difference}")]
    Changed {
        /// What is different. Simulate the change again for a new preview.
        difference: Box<Difference>,
    },
    /// Only root may change packages.
    #[error("installing and removing packages needs root")]
    NotRoot,
    /// polkit does not let this process change packages. Nothing was changed.
    #[error(
        "polkit does not allow {action} here: it would ask for a password, or says no; do it as a user whom it lets, use Steward's system service, or have an administrator put this line into /etc/polkit-1/rules.d/50-steward.rules: {rule}"
    )]
    NotAuthorized {
        /// polkit's name for what was asked: `org.freedesktop.packagekit.package-install`.
        action: String,
        /// The rule that would allow it.
        rule: String,
    },
    /// The manager is not on this machine, or cannot be used.
    #[error("{reason}")]
    Unavailable {
        /// What is missing and how to get it.
        reason: String,
    },
    /// The manager ended with an error.
    #[error("the package manager failed{}: {}", exit.map(|e| format!(" with exit status {e}")).unwrap_or_default(), last.join("; "))]
    Failed {
        /// Its exit status, when known.
        exit: Option<i32>,
        /// The last things it said.
        last: Vec<String>,
        /// The items that were done nevertheless, checked in the manager's database.
        done: Vec<Item>,
    },
    /// It was started and it is not known how it ended: it may have had its effect.
    #[error("the outcome is not known yet: {text}")]
    Unknown {
        /// What is known.
        text: String,
    },
    /// It was stopped at its deadline, before anything was changed.
    #[error("the package manager took more than {} s; nothing was changed", after.as_secs())]
    Timeout {
        /// The deadline.
        after: Duration,
    },
    /// So many queries wait already that this one was not started.
    #[error("too many package queries wait already; try again later")]
    Overloaded,
    /// A package source could not be reached.
    #[error("a package source could not be reached: {text}")]
    Network {
        /// The manager's words.
        text: String,
    },
}

impl From<SpawnError> for PackageError {
    /// For processes that change nothing; a transaction that was started is [`PackageError::Unknown`] instead.
    fn from(error: SpawnError) -> Self {
        match error {
            SpawnError::Deadline { after, .. } => Self::Timeout { after },
            SpawnError::Missing { .. } | SpawnError::Untrusted { .. } | SpawnError::Io { .. } => {
                Self::Unavailable { reason: error.to_string() }
            }
        }
    }
}

fn near_words(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; near it: {}", near.join(", ")) }
}

/// How many queries run at once. Each reads apt's whole index, in up to two processes.
const QUERIES: usize = 4;
/// How many queries wait at the most for those that run.
const QUERIES_WAITING: usize = 16;
/// How long a query waits at the most, unless its action's deadline is over before.
const QUERY_WAIT: Duration = Duration::from_secs(60);

/// The queries of this whole process: everybody's together load the machine.
static QUEUE: Queue = Queue::new();

/// Bounds how many queries run and how many wait.
#[derive(Debug)]
struct Queue {
    /// A place for each query that runs or waits.
    places: Semaphore,
    /// A turn for each query that runs.
    turns: Semaphore,
}

impl Queue {
    const fn new() -> Queue {
        Queue { places: Semaphore::const_new(QUERIES + QUERIES_WAITING), turns: Semaphore::const_new(QUERIES) }
    }

    /// Waits for a turn; the turn ends when what this returns is dropped.
    async fn turn(&self) -> Result<[SemaphorePermit<'_>; 2], PackageError> {
        let place = self.places.try_acquire().map_err(|_| PackageError::Overloaded)?;
        let turn = tokio::time::timeout(QUERY_WAIT, self.turns.acquire()).await;
        let turn = turn.map_err(|_| PackageError::Timeout { after: QUERY_WAIT })?;
        Ok([turn.map_err(|_| PackageError::Overloaded)?, place])
    }
}

/// A package manager.
#[derive(Debug, Clone)]
pub enum Manager {
    /// PackageKit, over the bus.
    PackageKit(package_kit::Kit),
    /// apt, directly, as root.
    Apt(apt::Apt),
    /// dnf, directly, as root.
    Dnf(dnf::Dnf),
    /// pacman, directly, as root.
    Pacman(pacman::Pacman),
    /// zypper, directly, as root.
    Zypper(zypper::Zypper),
    /// flatpak: for this user, or for everybody as root.
    Flatpak(flatpak::Flatpak),
    /// An archive in memory, which changes nothing on the machine.
    Mock(std::sync::Arc<mock::MockArchive>),
}

/// Does the same with whichever manager it is: all of them have methods of the same names.
macro_rules! each {
    ($self:expr, $manager:ident => $work:expr) => {
        match $self {
            Manager::PackageKit($manager) => $work,
            Manager::Apt($manager) => $work,
            Manager::Dnf($manager) => $work,
            Manager::Pacman($manager) => $work,
            Manager::Zypper($manager) => $work,
            Manager::Flatpak($manager) => $work,
            Manager::Mock($manager) => $work,
        }
    };
}

/// A word on each method's errors stands at [`PackageError`].
#[allow(clippy::missing_errors_doc)]
impl Manager {
    /// The manager with this name on this machine, where it is run as a program; nothing for PackageKit, which needs a bus.
    #[must_use]
    pub fn of_this_machine(name: ManagerName) -> Option<Self> {
        match name {
            ManagerName::PackageKit => None,
            ManagerName::Apt => Some(Self::Apt(apt::Apt::new(apt::AptPaths::default()))),
            ManagerName::Dnf => Some(Self::Dnf(dnf::Dnf::new(dnf::DnfPaths::default()))),
            ManagerName::Pacman => Some(Self::Pacman(pacman::Pacman::new(pacman::PacmanPaths::default()))),
            ManagerName::Zypper => Some(Self::Zypper(zypper::Zypper::new(zypper::ZypperPaths::default()))),
            ManagerName::Flatpak => Some(Self::Flatpak(flatpak::Flatpak::new(flatpak::FlatpakPaths::default()))),
        }
    }

    /// Its name; nothing for the archive in memory.
    #[must_use]
    pub fn name(&self) -> Option<ManagerName> {
        match self {
            Self::PackageKit(_) => Some(ManagerName::PackageKit),
            Self::Apt(_) => Some(ManagerName::Apt),
            Self::Dnf(_) => Some(ManagerName::Dnf),
            Self::Pacman(_) => Some(ManagerName::Pacman),
            Self::Zypper(_) => Some(ManagerName::Zypper),
            Self::Flatpak(_) => Some(ManagerName::Flatpak),
            Self::Mock(_) => None,
        }
    }

    /// Whether packages can be changed here and now, and why not.
    pub async fn available(&self) -> Result<(), PackageError> {
        each!(self, manager => manager.available().await)
    }

    /// Waits for a turn to ask a manager that reads its whole index each time.
    async fn turn(&self) -> Result<Option<[SemaphorePermit<'static>; 2]>, PackageError> {
        match self {
            Self::Mock(_) => Ok(None),
            _ => QUEUE.turn().await.map(Some),
        }
    }

    /// What names it takes.
    #[must_use]
    pub fn grammar(&self) -> Grammar {
        match self {
            Self::PackageKit(_) => Grammar::of_the_distribution(),
            Self::Apt(_) | Self::Mock(_) => Grammar::Debian,
            Self::Dnf(_) | Self::Zypper(_) => Grammar::Rpm,
            Self::Pacman(_) => Grammar::Pacman,
            Self::Flatpak(_) => Grammar::Flatpak,
        }
    }

    /// What `change` would do. Changes nothing and needs no root.
    pub async fn simulate(&self, change: &Change) -> Result<Transaction, PackageError> {
        change.names().try_for_each(|name| self.grammar().check(name))?;
        let _turn = self.turn().await?;
        let transaction = each!(self, manager => manager.simulate(change).await)?;
        Ok(Transaction { manager: self.name(), ..transaction })
    }

    /// Starts exactly `transaction`, after checking that it is still what would be done. `folder` is new for each transaction and
    /// private; output and [`Running`] are kept in it. Until this returns nothing has been changed, and it can be dropped.
    pub async fn start(
        &self,
        transaction: &Transaction,
        folder: &Path,
        lock_wait: Duration,
        progress: &ProgressSender,
    ) -> Result<Running, PackageError> {
        each!(self, manager => manager.start(transaction, folder, lock_wait, progress).await)
    }

    /// Waits for a transaction that was started, here or by an earlier run of this program, and checks what it did. It goes on when
    /// this is dropped or the deadline is over ([`PackageError::Unknown`]); then call this again.
    pub async fn finish(
        &self,
        transaction: &Transaction,
        running: &Running,
        deadline: Duration,
        progress: &ProgressSender,
    ) -> Result<Done, PackageError> {
        each!(self, manager => manager.finish(transaction, running, deadline, progress).await)
    }

    /// Packages with all the words in their name or description: the exact name first, then names that begin with it, at most
    /// [`find::MAX_HITS`].
    pub async fn search(&self, words: &str) -> Result<Vec<Hit>, PackageError> {
        let _turn = self.turn().await?;
        each!(self, manager => manager.search(words).await)
    }

    /// Fetches the package index when it is older than [`INDEX_AGE`].
    pub async fn refresh(&self, lock_wait: Duration, progress: &ProgressSender) -> Result<Refresh, PackageError> {
        each!(self, manager => manager.refresh(lock_wait, progress).await)
    }

    /// The installed versions, in the order asked; nothing for a package that is not installed.
    pub async fn installed(&self, names: &[PackageName]) -> Result<Vec<Option<String>>, PackageError> {
        each!(self, manager => manager.installed(names).await)
    }

    /// Its version, for a person; nothing when it is not there or does not say.
    pub async fn own_version(&self) -> Option<String> {
        each!(self, manager => manager.own_version().await)
    }
}

#[cfg(test)]
#[path = "recorded_tests.rs"]
mod recorded_tests;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn text_of_a_manager_is_cut_and_has_no_control_characters() {
        assert_eq!(clean("a\u{1b}[31mb\tc\n"), "a [31mb c");
        assert_eq!(clean(&"x".repeat(2 * MAX_TEXT)).len(), MAX_TEXT);
    }

    #[tokio::test]
    async fn four_queries_run_sixteen_wait_and_the_next_is_told_so() {
        let queue = Arc::new(Queue::new());
        let mut running = Vec::new();
        for _ in 0..QUERIES {
            running.push(queue.turn().await.unwrap());
        }
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..QUERIES_WAITING {
            let queue = queue.clone();
            waiting.spawn(async move { queue.turn().await.map(drop) });
        }
        while queue.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(queue.turn().await, Err(PackageError::Overloaded)));
        running.clear();
        while let Some(ended) = waiting.join_next().await {
            assert!(ended.unwrap().is_ok(), "those that waited have their turn");
        }
        assert!(queue.turn().await.is_ok());
    }
}
