//! Another hand: the machine's agent, which is not root, has its orders carried out by the unit `steward-txn@.service`.
//!
//! The order is written down, systemd starts the unit for it, and what root says about it is read from a folder of root's. The
//! unit goes on whatever becomes of the agent; a restarted agent finds it by what was written down. What root does is in `root`.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior, interval};
use uuid::Uuid;

use super::order::{self, Instance, Order};
use super::transaction::Transaction;
use super::{Done, Manager, ManagerName, PackageError, Progress, ProgressSender, Refresh, Running, commit};
use crate::backend::bus::{Bus, BusError};
use crate::backend::dbus::systemd1;
use crate::backend::read;

/// Where root writes what it did; the folder of each order has its id as name.
pub(super) const RESULTS: &str = "/var/lib/steward-txn";
/// What root says on its way, one JSON object a line.
pub(super) const PROGRESS: &str = "progress.jsonl";
/// How it ended.
pub(super) const END: &str = "end.json";
/// The name of what the agent keeps of an order in the folder of its transaction.
const ORDERED: &str = "ordered";
/// The longest of it that is read, in bytes: an id and a digest.
const MAX_ORDERED: u64 = 1024;

/// How often it is looked at how far root is.
const FOLLOW: Duration = Duration::from_millis(200);
/// How long fetching an index may take, with waiting for the lock.
const REFRESH: Duration = Duration::from_secs(20 * 60);
/// The most progress that is read at once, and the largest end: an end has the items of its order in it.
const MAX_READ: u64 = order::MAX_ORDER + (64 << 10);

/// How root ended an order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    /// The transaction is done.
    Done(Done),
    /// The index is as young as it has to be.
    Refreshed(Refresh),
    /// It did not work.
    Failed(PackageError),
}

/// The way to root.
#[derive(Debug, Clone)]
pub struct Unit {
    bus: Arc<Bus>,
    /// The agent's state folder.
    state: PathBuf,
    results: PathBuf,
}

impl Unit {
    /// The way to root for the agent with this state folder.
    #[must_use]
    pub fn new(bus: Arc<Bus>, state: PathBuf) -> Unit {
        Unit { bus, state, results: RESULTS.into() }
    }

    /// Whether systemd runs this machine and has the unit.
    ///
    /// # Errors
    /// [`PackageError::Unavailable`], with what is missing.
    pub fn available(&self) -> Result<(), PackageError> {
        const FOLDERS: [&str; 3] = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
        // sd_booted(3)
        let systemd = Path::new("/run/systemd/system").is_dir();
        let unit = FOLDERS.iter().any(|folder| Path::new(folder).join("steward-txn@.service").is_file());
        if systemd && unit && self.results.is_dir() {
            return Ok(());
        }
        let reason = "changing packages needs root, and there is no steward-txn@.service here that does it for the \
                      machine's agent; install Steward's package on a machine that systemd runs";
        Err(PackageError::Unavailable { reason: reason.into() })
    }

    /// Begins exactly `transaction`; `folder` is its own, with the request's id as name.
    pub(super) async fn start(&self, transaction: &Transaction, folder: &Path) -> Result<Running, PackageError> {
        let id = folder.file_name().and_then(|name| Uuid::try_parse(name.to_str()?).ok());
        let id = id.ok_or_else(|| unwritten(&"the folder has no request's id as name"))?;
        let instance = self.write(id, &Order::Commit(transaction.clone()))?;
        // Before it is begun, so that it is found again whenever this agent ends.
        let noted = std::fs::write(folder.join(ORDERED), instance.to_string());
        noted.inspect_err(|_| order::forget(&self.state, id)).map_err(|e| unwritten(&e))?;
        self.begin(&instance).await?;
        Ok(Running::ordered(instance))
    }

    /// What was ordered with this folder, if anything was.
    pub(super) fn load(folder: &Path) -> Option<Instance> {
        read::text(&folder.join(ORDERED), MAX_ORDERED).ok()?.parse().ok()
    }

    /// Waits until root has ended `transaction`.
    pub(super) async fn finish(
        &self,
        manager: &Manager,
        transaction: &Transaction,
        instance: &Instance,
        deadline: Duration,
        progress: &ProgressSender,
    ) -> Result<Done, PackageError> {
        let end = match self.wait(instance, deadline, progress).await? {
            Some(end) => end,
            None => {
                // Root's part was ended before it could say how. What it had begun is seen by its own record, and its effect in
                // the manager's database.
                let Some(running) = Running::load(&self.folder(instance)) else { return Err(self.nothing(instance)) };
                let done = manager.finish(transaction, &running, deadline, progress).await;
                if !matches!(done, Err(PackageError::Unknown { .. })) {
                    order::forget(&self.state, instance.id);
                }
                return done;
            }
        };
        order::forget(&self.state, instance.id);
        match end {
            End::Done(done) => Ok(done),
            End::Failed(error) => Err(error),
            End::Refreshed(_) => Err(PackageError::Unknown { text: "root answered to another order".into() }),
        }
    }

    /// Has root fetch the index of a manager.
    pub(super) async fn refresh(
        &self,
        manager: ManagerName,
        progress: &ProgressSender,
    ) -> Result<Refresh, PackageError> {
        let instance = self.write(Uuid::new_v4(), &Order::Refresh(manager))?;
        self.begin(&instance).await?;
        let ended = self.wait(&instance, REFRESH, progress).await;
        order::forget(&self.state, instance.id);
        match ended? {
            Some(End::Refreshed(refresh)) => Ok(refresh),
            Some(End::Failed(error)) => Err(error),
            Some(End::Done(_)) | None => Err(self.nothing(&instance)),
        }
    }

    fn write(&self, id: Uuid, order: &Order) -> Result<Instance, PackageError> {
        order::write(&self.state, id, order).map_err(|e| unwritten(&e))
    }

    fn folder(&self, instance: &Instance) -> PathBuf {
        self.results.join(instance.id.to_string())
    }

    async fn begin(&self, instance: &Instance) -> Result<(), PackageError> {
        let begun = systemd1::start(&self.bus, &instance.unit()).await;
        match begun {
            Ok(()) => Ok(()),
            // It may have been queued; waiting shows whether it was.
            Err(BusError::Lost { .. }) => Ok(()),
            Err(error) => {
                order::forget(&self.state, instance.id);
                Err(match error {
                    BusError::Refused { .. } => PackageError::Unavailable {
                        reason:
                            "the machine's agent may not start steward-txn@.service; polkit has to be installed, with \
                                 the rule /usr/share/polkit-1/rules.d/50-steward.rules"
                                .into(),
                    },
                    other => PackageError::Unavailable { reason: other.to_string() },
                })
            }
        }
    }

    /// Follows root to its end; nothing when it ended without saying how.
    async fn wait(
        &self,
        instance: &Instance,
        deadline: Duration,
        progress: &ProgressSender,
    ) -> Result<Option<End>, PackageError> {
        let folder = self.folder(instance);
        let (mut said, mut tick) = (Said::new(folder.join(PROGRESS)), interval(FOLLOW));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let until = Instant::now() + deadline;
        loop {
            tick.tick().await;
            said.pass_on(progress);
            if let Some(end) = read_end(&folder)? {
                return Ok(Some(end));
            }
            // While the bus or systemd is started again, or is slow, nothing is known; the unit goes on.
            if let Ok(false) = systemd1::runs(&self.bus, &instance.unit()).await {
                // It may have written its end after it was looked for.
                return read_end(&folder);
            }
            if Instant::now() >= until {
                return Err(commit::late("the package manager", deadline));
            }
        }
    }

    /// The error when root did not begin.
    fn nothing(&self, instance: &Instance) -> PackageError {
        order::forget(&self.state, instance.id);
        let unit = instance.unit();
        PackageError::Unavailable {
            reason: format!("nothing was changed: root's part ended before it began; `journalctl -u {unit}` says why"),
        }
    }
}

fn unwritten(why: &dyn std::fmt::Display) -> PackageError {
    PackageError::Unavailable { reason: format!("nothing was changed: the order could not be written down: {why}") }
}

/// How root ended, when it has.
fn read_end(folder: &Path) -> Result<Option<End>, PackageError> {
    let unknown =
        |e: &dyn std::fmt::Display| PackageError::Unknown { text: format!("what root wrote cannot be read: {e}") };
    let file = match std::fs::File::open(folder.join(END)) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(unknown(&e)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_READ).read_to_end(&mut bytes).map_err(|e| unknown(&e))?;
    serde_json::from_slice(&bytes).map(Some).map_err(|e| unknown(&e))
}

/// The lines that root writes, read as they come.
struct Said {
    path: PathBuf,
    at: u64,
}

impl Said {
    fn new(path: PathBuf) -> Said {
        Said { path, at: 0 }
    }

    /// Passes the last whole line on. What cannot be read now is read the next time.
    fn pass_on(&mut self, progress: &ProgressSender) {
        let mut new = Vec::new();
        let read = std::fs::File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.at))?;
            file.take(MAX_READ).read_to_end(&mut new)
        });
        let Some(end) = read.ok().and_then(|_| new.iter().rposition(|b| *b == b'\n')) else { return };
        self.at += end as u64 + 1;
        let last = new[..end].rsplit(|b| *b == b'\n').next().unwrap_or_default();
        if let Ok(line) = serde_json::from_slice::<Progress>(last) {
            // A full queue is told more with the next line.
            let _ = progress.try_send(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use zbus::message::Message;

    use super::super::mock::MockArchive;
    use super::super::transaction::Change;
    use super::*;
    use crate::backend::bus::tests::{member, saying};

    /// An order in folders of a test, and a systemd that says this when it is asked for the unit the n-th time.
    struct Ordered {
        _folder: tempfile::TempDir,
        unit: Unit,
        instance: Instance,
        archive: Arc<MockArchive>,
        transaction: Transaction,
    }

    const NO_SUCH_UNIT: &str = "org.freedesktop.systemd1.NoSuchUnit";
    /// What a bus says of a service that is being started again.
    const NOBODY: &str = "org.freedesktop.DBus.Error.ServiceUnknown";
    const LONG: Duration = Duration::from_secs(30);

    impl Ordered {
        async fn with(says: impl Fn(u32, &Path) -> &'static str + Send + Sync + 'static) -> Ordered {
            let folder = tempfile::tempdir().unwrap();
            let (state, results) = (folder.path().join("state"), folder.path().join("results"));
            crate::store::private_folder(&state).unwrap();
            std::fs::create_dir(&results).unwrap();
            let archive = MockArchive::shipped();
            let change = Change::Install(vec!["cowsay".parse().unwrap()]);
            let transaction = Manager::Mock(archive.clone()).simulate(&change).await.unwrap();
            let instance = order::write(&state, Uuid::new_v4(), &Order::Commit(transaction.clone())).unwrap();
            let (own, asked) = (results.join(instance.id.to_string()), AtomicU32::new(0));
            let bus = saying(move |call| {
                let header = call.header();
                let error = match member(call).as_str() {
                    "GetUnit" => says(asked.fetch_add(1, Ordering::Relaxed), &own),
                    _ => NOBODY,
                };
                Some(Message::error(&header, error).build(&"not now").unwrap())
            });
            let unit = Unit { bus: Arc::new(bus), state, results };
            Ordered { _folder: folder, unit, instance, archive, transaction }
        }

        async fn finish(&self, deadline: Duration) -> Result<Done, PackageError> {
            let (sender, _receiver) = tokio::sync::mpsc::channel(4);
            let manager = Manager::Mock(self.archive.clone());
            self.unit.finish(&manager, &self.transaction, &self.instance, deadline, &sender).await
        }

        fn is_still_ordered(&self) -> bool {
            let folder = self.unit.state.join(order::FOLDER);
            folder.join(format!("{}.json", self.instance.id)).exists()
        }
    }

    #[tokio::test]
    async fn a_systemd_that_is_not_on_the_bus_for_a_while_has_not_ended_the_order() {
        let ordered = Ordered::with(|asked, own| {
            if asked == 3 {
                std::fs::create_dir(own).unwrap();
                std::fs::write(own.join(END), r#"{"done":{"items":[]}}"#).unwrap();
            }
            NOBODY
        })
        .await;
        assert_eq!(ordered.finish(LONG).await.unwrap().items, []);
        assert!(!ordered.is_still_ordered(), "what is carried out is forgotten");
    }

    #[tokio::test]
    async fn nothing_is_said_of_an_order_of_which_nothing_is_known() {
        let ordered = Ordered::with(|_, _| NOBODY).await;
        let error = ordered.finish(Duration::from_millis(500)).await.unwrap_err();
        assert!(matches!(error, PackageError::Unknown { .. }), "{error}");
        assert!(ordered.is_still_ordered(), "root may still read it");
    }

    #[tokio::test]
    async fn an_order_whose_unit_systemd_does_not_know_was_not_begun() {
        let ordered = Ordered::with(|_, _| NO_SUCH_UNIT).await;
        let error = ordered.finish(LONG).await.unwrap_err().to_string();
        assert!(error.contains("nothing was changed"), "{error}");
        assert!(!ordered.is_still_ordered(), "so it is not begun later either");
    }

    #[tokio::test]
    async fn what_a_unit_that_was_killed_had_begun_is_seen_and_its_order_is_forgotten() {
        let ordered = Ordered::with(|_, own| {
            std::fs::create_dir(own).unwrap();
            std::fs::write(own.join("output"), "").unwrap();
            NO_SUCH_UNIT
        })
        .await;
        assert_eq!(ordered.finish(LONG).await.unwrap().items, ordered.transaction.items);
        assert!(!ordered.is_still_ordered());
    }
}
