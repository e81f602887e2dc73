//! Root's part of the machine's agent: one order, carried out once, by the same code as everywhere. `steward-txn@.service`
//! starts it.
//!
//! It takes nothing from whoever ordered but the order itself: the configuration is the administrator's, and everything is
//! written into a folder of root's that the agent can read. It judges nothing; that was done before the order was written.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::order::{self, Instance, Order, Refusal};
use super::transaction::Transaction;
use super::unit::{END, End, PROGRESS, RESULTS};
use super::{Manager, ManagerName, PackageError, ProgressSender};
use crate::action::types::count;
use crate::backend::bus::Bus;
use crate::backend::dbus::login1::Login1;
use crate::config::{Config, Places};
use crate::services::Mode;

/// How long the watching process waits for a package manager; the agent gives up before.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// How many lines of progress wait to be written.
const QUEUE: usize = 16;
/// After so many bytes no more progress is written: the agent has long seen that it is going on.
const MAX_PROGRESS: u64 = 4 << 20;

/// The mode of what the agent reads: its group is that of the folder, which is the agent's.
const READABLE: u32 = 0o640;

/// The agent's user.
const USER: &str = "steward";

/// Where things are, and whose. [`Root::of_this_machine`] but in tests.
#[derive(Debug, Clone)]
pub struct Root {
    /// The agent's state folder.
    pub state: PathBuf,
    /// The agent's uid.
    pub owner: u32,
    /// Where it is written what was done.
    pub results: PathBuf,
    /// Which managers may be used.
    pub allowed: Vec<ManagerName>,
    /// How long the lock of another package manager is waited for.
    pub lock_wait: Duration,
}

impl Root {
    /// As the system service has it, with the administrator's configuration.
    ///
    /// # Errors
    /// [`Refusal`], when this is not root, when there is no agent, or when its configuration cannot be used.
    pub fn of_this_machine() -> Result<Root, Refusal> {
        // A set-id bit on this program would change the one and not the other.
        if !rustix::process::getuid().is_root() || !rustix::process::geteuid().is_root() {
            return Err(Refusal::NotRoot);
        }
        let order = |why: String| Refusal::Order(why);
        let places = Places::of(Mode::System).map_err(|e| order(e.to_string()))?;
        let config = Config::read(&places.config).map_err(|e| order(e.to_string()))?;
        let user = nix::unistd::User::from_name(USER).ok().flatten();
        let user = user.ok_or_else(|| order(format!("there is no user `{USER}`, who orders")))?;
        if user.uid.is_root() {
            return Err(order(format!("the user `{USER}` is root, who needs no order")));
        }
        Ok(Root {
            state: places.state,
            owner: user.uid.as_raw(),
            results: RESULTS.into(),
            allowed: config.package.managers,
            lock_wait: Duration::from_secs(config.package.lock_wait.into()),
        })
    }

    /// Carries out the order with this name, to its end. What becomes of it is written into its folder.
    ///
    /// # Errors
    /// [`Refusal`], when nothing was begun. How it ended otherwise is what this returns: the end in words.
    pub async fn carry_out(&self, instance: &str) -> Result<String, Refusal> {
        let instance: Instance = instance.parse()?;
        let order = order::read(&self.state, self.owner, &instance, &self.allowed)?;
        let folder = self.claim(&instance)?;
        let file = |e: std::io::Error| Refusal::File { path: folder.clone(), why: e.to_string() };
        match &order {
            Order::Commit(transaction) => tracing::info!("{}", super::clean(&transaction.summary())),
            Order::Refresh(manager) => tracing::info!("fetching the package index of {}", manager.as_str()),
        }
        let (sender, lines) = mpsc::channel(QUEUE);
        let writing = tokio::spawn(write_progress(create(&folder.join(PROGRESS)).map_err(file)?, lines));
        let end = match &order {
            Order::Commit(transaction) => match self.commit(transaction, &folder, &sender).await {
                Ok(done) => End::Done(done),
                Err(error) => End::Failed(error),
            },
            Order::Refresh(manager) => match self.manager(*manager) {
                Ok(manager) => manager.refresh(self.lock_wait, &sender).await.map_or_else(End::Failed, End::Refreshed),
                Err(error) => End::Failed(error),
            },
        };
        drop(sender);
        // Progress that cannot be written is not missed.
        let _ = writing.await;
        write_end(&folder, &end).map_err(file)?;
        Ok(match end {
            End::Done(done) => format!("done: {}", count(done.items.len(), "package")),
            End::Refreshed(_) => "the package index was fetched".to_owned(),
            End::Failed(error) => format!("it did not work: {error}"),
        })
    }

    /// Makes the order's folder: whoever makes it carries the order out, and nobody does again.
    fn claim(&self, instance: &Instance) -> Result<PathBuf, Refusal> {
        let refuse = |path: &Path, why: String| Refusal::File { path: path.to_owned(), why };
        let there = std::fs::symlink_metadata(&self.results)
            .map_err(|e| refuse(&self.results, format!("{e}; `systemd-tmpfiles --create steward.conf` makes it")))?;
        let own = rustix::process::geteuid().as_raw();
        if !there.is_dir() || there.uid() != own || there.mode() & 0o022 != 0 {
            return Err(refuse(&self.results, "it has to be root's folder, which nobody else can write to".into()));
        }
        let folder = self.results.join(instance.id.to_string());
        match DirBuilder::new().mode(0o750).create(&folder) {
            Ok(()) => Ok(folder),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Err(Refusal::Twice(instance.id)),
            Err(e) => Err(refuse(&folder, e.to_string())),
        }
    }

    fn manager(&self, name: ManagerName) -> Result<Manager, PackageError> {
        Manager::of_this_machine(name)
            .ok_or_else(|| PackageError::Unavailable { reason: format!("{} is not known here", name.as_str()) })
    }

    async fn commit(
        &self,
        transaction: &Transaction,
        folder: &Path,
        progress: &ProgressSender,
    ) -> Result<super::Done, PackageError> {
        let name =
            transaction.manager.ok_or_else(|| PackageError::Unavailable { reason: "no manager is named".into() })?;
        let bus = Bus::default();
        Self::carried_out(&bus, &self.manager(name)?, transaction, folder, self.lock_wait, progress).await
    }

    async fn carried_out(
        bus: &Bus,
        manager: &Manager,
        transaction: &Transaction,
        folder: &Path,
        lock_wait: Duration,
        progress: &ProgressSender,
    ) -> Result<super::Done, PackageError> {
        // A stop before it began is one; after that the package manager is waited for.
        let mut stop =
            signal(SignalKind::terminate()).map_err(|e| PackageError::Unavailable { reason: e.to_string() })?;
        let running = tokio::select! {
            running = manager.start(transaction, folder, lock_wait, progress) => running?,
            _ = stop.recv() => {
                let reason = "nothing was changed: the unit was stopped before the package manager was started";
                return Err(PackageError::Unavailable { reason: reason.into() });
            }
        };
        // Where this process is killed, the agent reads there why the package manager failed.
        if let Err(e) = std::fs::set_permissions(&running.output, Permissions::from_mode(READABLE)) {
            tracing::warn!("{} cannot be read by the agent: {e}", running.output.display());
        }
        // A machine without logind, or whose bus is slow, changes packages as before.
        let awake = Login1(bus).stay_awake("Packages are being changed").await;
        let _awake = awake.inspect_err(|e| tracing::info!("the machine may be shut down meanwhile: {e}"));
        manager.finish(transaction, &running, PATIENCE, progress).await
    }
}

/// A new file that the agent can read.
fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(READABLE).open(path)
}

async fn write_progress(mut file: File, mut lines: mpsc::Receiver<super::Progress>) {
    let mut written = 0;
    while let Some(line) = lines.recv().await {
        let Ok(mut bytes) = serde_json::to_vec(&line) else { continue };
        bytes.push(b'\n');
        written += bytes.len() as u64;
        if written <= MAX_PROGRESS
            && let Err(e) = file.write_all(&bytes)
        {
            tracing::warn!("progress cannot be written: {e}");
        }
    }
}

/// Writes the end whole or not at all.
fn write_end(folder: &Path, end: &End) -> std::io::Result<()> {
    let new = folder.join("end.new");
    let mut file = create(&new)?;
    file.write_all(&serde_json::to_vec(end)?)?;
    file.sync_data()?;
    std::fs::rename(new, folder.join(END))
}

#[cfg(test)]
mod tests {
    use super::super::mock::{MockArchive, Pause};
    use super::super::transaction::{Item, Mark, Verb};
    use super::*;

    /// Root's part in folders of a test, with an order for a package that no archive has.
    fn ordered() -> (tempfile::TempDir, Root, Instance) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (state, results) = (at("state"), at("results"));
        for folder in [&state, &results] {
            crate::store::private_folder(folder).unwrap();
        }
        let item = Item {
            verb: Verb::Install,
            name: "no-such-package-anywhere".into(),
            arch: None,
            from: None,
            to: Some("1".into()),
            origin: None,
            download_bytes: None,
            mark: Mark::Manual,
        };
        let transaction = Transaction { manager: Some(ManagerName::Apt), items: vec![item], ..Transaction::default() };
        let instance = order::write(&state, uuid::Uuid::new_v4(), &Order::Commit(transaction)).unwrap();
        let owner = rustix::process::geteuid().as_raw();
        let root = Root { state, owner, results, allowed: vec![ManagerName::Apt], lock_wait: Duration::from_secs(1) };
        (folder, root, instance)
    }

    #[tokio::test]
    async fn an_order_is_carried_out_once_and_how_it_ended_is_written_down() {
        let (_folder, root, instance) = ordered();
        let said = root.carry_out(&instance.to_string()).await.unwrap();
        assert!(said.starts_with("it did not work"), "{said}");
        let end = std::fs::read(root.results.join(instance.id.to_string()).join(END)).unwrap();
        assert!(matches!(serde_json::from_slice(&end).unwrap(), End::Failed(_)));
        let again = root.carry_out(&instance.to_string()).await.unwrap_err();
        assert!(matches!(again, Refusal::Twice(_)), "{again}");
    }

    #[tokio::test]
    async fn the_agent_can_read_what_the_package_manager_said() {
        let folder = tempfile::tempdir().unwrap();
        let manager = Manager::Mock(MockArchive::shipped());
        let change = super::super::Change::Install(vec!["cowsay".parse().unwrap()]);
        let transaction = manager.simulate(&change).await.unwrap();
        let (sender, _lines) = mpsc::channel(QUEUE);
        let wait = Duration::from_secs(1);
        let done =
            Root::carried_out(&Bus::nowhere(), &manager, &transaction, folder.path(), wait, &sender).await.unwrap();
        assert_eq!(done.items, transaction.items);
        let output = folder.path().join("output").metadata().unwrap();
        assert_eq!(output.mode() & 0o777, READABLE);
    }

    #[tokio::test]
    async fn the_machine_stays_awake_while_packages_are_changed_and_no_longer() {
        use zbus::message::Message;

        let folder = tempfile::tempdir().unwrap();
        let archive = MockArchive::shipped();
        let manager = Manager::Mock(archive.clone());
        let change = super::super::Change::Install(vec!["cowsay".parse().unwrap()]);
        let transaction = manager.simulate(&change).await.unwrap();
        // As logind does: what is handed out is one end, and its being closed is seen at the other.
        let (read, write) = std::io::pipe().unwrap();
        let write = std::sync::Mutex::new(Some(write));
        let bus = crate::backend::bus::tests::saying(move |call| {
            let (what, _, _, mode): (String, String, String, String) = call.body().deserialize().ok()?;
            assert_eq!((what.as_str(), mode.as_str()), ("shutdown:sleep", "block"));
            let lock = write.lock().unwrap().take()?;
            Some(
                Message::method_return(&call.header())
                    .build(&zbus::Fd::from(std::os::fd::OwnedFd::from(lock)))
                    .unwrap(),
            )
        });
        archive.pause(Some(Pause::Transaction));
        let (sender, _lines) = mpsc::channel(QUEUE);
        let going = tokio::spawn(async move {
            let wait = Duration::from_secs(1);
            Root::carried_out(&bus, &manager, &transaction, folder.path(), wait, &sender).await.unwrap();
        });
        let mut closed = tokio::task::spawn_blocking(move || std::io::Read::read(&mut { read }, &mut [0]).unwrap());
        while archive.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut closed).await.is_err(), "it is held");
        archive.pause(None);
        going.await.unwrap();
        assert_eq!(closed.await.unwrap(), 0, "it is given up with the end");
    }

    #[tokio::test]
    async fn nothing_is_begun_where_the_end_could_be_written_by_others() {
        let (_folder, root, instance) = ordered();
        std::fs::set_permissions(&root.results, Permissions::from_mode(0o770)).unwrap();
        let said = root.carry_out(&instance.to_string()).await.unwrap_err().to_string();
        assert!(said.contains("nobody else can write"), "{said}");
        std::fs::remove_dir(&root.results).unwrap();
        let said = root.carry_out(&instance.to_string()).await.unwrap_err().to_string();
        assert!(said.contains("systemd-tmpfiles"), "{said}");
    }

    #[test]
    fn only_root_has_a_part() {
        if rustix::process::geteuid().is_root() {
            // Whoever is root and has no agent on the machine is told so; nothing is assumed.
            let known = nix::unistd::User::from_name(USER).unwrap().is_some();
            assert_eq!(Root::of_this_machine().is_ok(), known);
        } else {
            assert!(matches!(Root::of_this_machine(), Err(Refusal::NotRoot)));
        }
    }
}
