//! Carries a transaction out, whatever the manager: wait for its locks, look once more, start it in a session of its own, follow it,
//! check what it did. What only one manager knows is behind `Direct`: pure arguments and parsers, its locks, and whether an item is
//! done now.
//!
//! Until `Direct::start` has started the manager, nothing has been changed and everything can be dropped. After that nothing here ends
//! it: dropping `Direct::finish`, or the end of this program, leaves it running, and [`Running::load`] finds it again.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{interval, timeout};

use super::lock;
use super::order::Instance;
use super::package_kit::OnBus;
use super::transaction::{Difference, Item, Transaction};
use super::unit::Unit;
use super::{Done, PackageError, Progress, ProgressSender};
use crate::backend::read;
use crate::backend::spawn::{self, Detached, Job, ProcessId};

/// How often the output of a transaction is looked at.
const FOLLOW: Duration = Duration::from_millis(150);

/// The most output of a transaction that is read at once, and the most that is searched for the reason of a failure.
const MAX_READ: usize = 256 * 1024;

/// The name of the manager's output in the folder of a transaction.
const OUTPUT: &str = "output";

/// The name of [`Running`] in the folder of a transaction.
const RUNNING: &str = "running.json";

/// The longest of it that is read, in bytes.
const MAX_RUNNING: u64 = 64 * 1024;

/// A transaction that was started. It is found again after a restart.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Running {
    /// The process; nothing when this program ended in the moment between starting it and writing this down, and for one on the bus.
    pub process: Option<ProcessId>,
    /// The object on the bus, for one that is another service's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bus: Option<OnBus>,
    /// The boot in which it was started: `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// Where its output goes.
    pub output: PathBuf,
    /// Its exit status when it has ended, known only to the program that started it.
    #[serde(skip)]
    exit: Option<watch::Receiver<Option<ExitStatus>>>,
    /// The order by which root does it, where this process is not root and has it done.
    #[serde(skip)]
    pub(super) ordered: Option<Instance>,
}

impl Running {
    /// The transaction that was started with this folder, if one was.
    #[must_use]
    pub fn load(folder: &Path) -> Option<Self> {
        if let Some(instance) = Unit::load(folder) {
            return Some(Self::ordered(instance));
        }
        let written =
            read::bytes(&folder.join(RUNNING), MAX_RUNNING).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let output = folder.join(OUTPUT);
        // The output is made first; without the other file the manager may or may not have been started.
        written.or_else(|| output.exists().then(|| Self { output, ..Self::beginning() }))
    }

    /// Nothing of it is known but that it begins now.
    fn beginning() -> Self {
        Self { process: None, bus: None, boot_id: boot_id(), output: PathBuf::new(), exit: None, ordered: None }
    }

    /// One that root does.
    pub(super) fn ordered(instance: Instance) -> Self {
        Self { ordered: Some(instance), ..Self::beginning() }
    }

    /// Writes down where a transaction on the bus is, which is about to be started.
    pub(super) fn on_bus(folder: &Path, bus: OnBus) -> std::io::Result<Self> {
        let running = Self { bus: Some(bus), output: folder.join(OUTPUT), ..Self::beginning() };
        write(&folder.join(RUNNING), &running)?;
        Ok(running)
    }

    /// Whether it was started since the machine was.
    pub(super) fn is_of_this_boot(&self) -> bool {
        self.boot_id == boot_id()
    }
}

fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Whether this process may have packages changed at all.
///
/// # Errors
/// [`PackageError::NotRoot`].
pub(super) fn may_change() -> Result<(), PackageError> {
    if rustix::process::geteuid().is_root() { Ok(()) } else { Err(PackageError::NotRoot) }
}

/// Whether a transaction can be started at all. `before` is whether one has been with its folder.
///
/// # Errors
/// [`PackageError::Unmet`] where there is nothing to do, [`PackageError::Unknown`] where it was started before.
pub(super) fn may_start(transaction: &Transaction, before: bool) -> Result<(), PackageError> {
    if transaction.is_empty() {
        return Err(PackageError::Unmet { text: "there is nothing to do".into() });
    }
    if before {
        return Err(PackageError::Unknown { text: "this transaction has been started before".into() });
    }
    Ok(())
}

/// Waits until the index can be fetched, and tells that it is.
///
/// # Errors
/// Where this process may not, or `holder` tells somebody for longer than `wait`.
pub(super) async fn before_fetching(
    holder: impl Fn() -> Option<String>,
    wait: Duration,
    progress: &ProgressSender,
) -> Result<(), PackageError> {
    may_change()?;
    lock::wait_until_free(holder, wait, progress).await?;
    let _ = progress.try_send(Progress { percent: None, text: "Fetching the package index".into() });
    Ok(())
}

/// What is known of a transaction that `who` is still carrying out when its deadline is over.
pub(super) fn late(who: &str, deadline: Duration) -> PackageError {
    PackageError::Unknown { text: format!("{who} is still at work after {} s", deadline.as_secs()) }
}

/// Starts a transaction that was looked at once more. The one place where one begins: where this process is not root, root runs this
/// too, on the order of [`Unit`].
async fn begin<D: Direct>(direct: &D, transaction: &Transaction, folder: &Path) -> Result<Running, PackageError> {
    let output = folder.join(OUTPUT);
    let job = direct.job(transaction).await?;
    crate::fault::point("package_before_start");
    let detached = spawn::spawn_detached(&job, &output)?;
    crate::fault::point("package_started");
    let running =
        Running { process: Some(detached.id()), output, exit: Some(reaped(detached)), ..Running::beginning() };
    if let Err(error) = write(&folder.join(RUNNING), &running) {
        tracing::warn!(%error, "a package transaction runs but could not be written down");
    }
    Ok(running)
}

/// Compares what would be done now with what was previewed.
///
/// # Errors
/// [`PackageError::Changed`].
pub(super) fn compare(transaction: &Transaction, now: Vec<Item>) -> Result<(), PackageError> {
    let difference = transaction.diff(&Transaction { items: now, ..Transaction::default() });
    if difference.is_empty() { Ok(()) } else { Err(PackageError::Changed { difference: Box::new(difference) }) }
}

/// What cannot be had of `transaction` any more, as a difference to its preview.
pub(super) fn gone(transaction: &Transaction, name: Option<&str>) -> PackageError {
    let gone = transaction.items.iter().filter(|item| name.is_none_or(|n| n.split(':').next() == Some(&item.name)));
    PackageError::Changed {
        difference: Box::new(Difference { gone: gone.cloned().collect(), ..Difference::default() }),
    }
}

/// What a manager that is run as a program contributes to a transaction.
#[allow(
    async_fn_in_trait,
    reason = "only this folder implements it, and no implementation is shared between threads by its name"
)]
pub(super) trait Direct: Sized + Sync {
    /// Its name in sentences: `apt`.
    const NAME: &'static str;

    /// Whether packages can be changed here and now, and why not.
    async fn available(&self) -> Result<(), PackageError>;

    /// Who holds a lock that a transaction needs, as `apt-get (pid 123)`.
    fn holder(&self) -> Option<String>;

    /// Simulates exactly what will be done, in the last moment, and compares.
    async fn check_again(&self, transaction: &Transaction) -> Result<(), PackageError>;

    /// The process that does exactly `transaction`: every package with its version, and nothing else.
    async fn job(&self, transaction: &Transaction) -> Result<Job, PackageError>;

    /// Reads a line of its output that says how far it is.
    fn progress(line: &str) -> Option<Progress>;

    /// Whether each of the items is now as it should be, by the manager's database.
    async fn done(&self, items: &[Item]) -> Result<Vec<bool>, PackageError>;

    /// Puts right what naming every package changes beside it, such as the mark of a dependency.
    async fn settle(&self, done: &[Item]);

    /// Whether it failed, by its exit status, or by its output where that is not known.
    fn failed(exit: Option<i32>, output: &str) -> bool;

    /// Why it failed, where nothing was done and the output has a better word than "failed".
    fn refused(output: &str) -> Option<PackageError>;

    /// The words in its output that tell a person what went wrong.
    fn last_words(output: &str) -> Vec<String>;

    /// See [`super::Manager::start`].
    async fn start(
        &self,
        transaction: &Transaction,
        folder: &Path,
        lock_wait: Duration,
        progress: &ProgressSender,
    ) -> Result<Running, PackageError> {
        self.available().await?;
        may_start(transaction, folder.join(OUTPUT).exists())?;
        lock::wait_until_free(|| self.holder(), lock_wait, progress).await?;
        self.check_again(transaction).await?;
        begin(self, transaction, folder).await
    }

    /// See [`super::Manager::finish`].
    async fn finish(
        &self,
        transaction: &Transaction,
        running: &Running,
        deadline: Duration,
        progress: &ProgressSender,
    ) -> Result<Done, PackageError> {
        if running.process.is_none() {
            // Perhaps it was started: then it holds the locks. Somebody else's transaction is waited for too, which does no harm.
            let busy = |e: PackageError| PackageError::Unknown { text: e.to_string() };
            lock::wait_until_free(|| self.holder(), deadline, progress).await.map_err(busy)?;
        }
        let followed = timeout(deadline, follow(running, Self::progress, progress)).await;
        let exit = match followed {
            Err(_) => return Err(late("the package manager", deadline)),
            Ok(Err(error)) => return Err(PackageError::Unknown { text: error.to_string() }),
            Ok(Ok(exit)) => exit,
        };
        let unknown =
            |error: PackageError| PackageError::Unknown { text: format!("{} has ended, but {error}", Self::NAME) };
        let now = self.done(&transaction.items).await.map_err(unknown)?;
        let done: Vec<Item> =
            transaction.items.iter().zip(&now).filter(|(_, done)| **done).map(|(item, _)| item.clone()).collect();
        self.settle(&done).await;
        let output = tail(&running.output);
        // An end by a signal has no exit status, and is not a success.
        let exit = exit.map(|status| status.code().unwrap_or(-1));
        if done.len() == transaction.items.len() && !Self::failed(exit, &output) {
            return Ok(Done { items: done });
        }
        let refused = if done.is_empty() { Self::refused(&output) } else { None };
        Err(refused.unwrap_or_else(|| PackageError::Failed {
            exit: exit.filter(|e| *e >= 0),
            last: Self::last_words(&output),
            done,
        }))
    }
}

/// Reaps the child in the background, whether anybody waits for it or not.
fn reaped(mut detached: Detached) -> watch::Receiver<Option<ExitStatus>> {
    let (sender, receiver) = watch::channel(None);
    tokio::spawn(async move {
        if let Ok(status) = detached.wait().await {
            sender.send_replace(status);
        }
    });
    receiver
}

/// Passes progress on until the process has ended, and returns its exit status when that is known.
async fn follow(
    running: &Running,
    read: fn(&str) -> Option<Progress>,
    progress: &ProgressSender,
) -> std::io::Result<Option<ExitStatus>> {
    let mut tail = Tail { path: &running.output, read, at: 0, rest: Vec::new() };
    let mut tick = interval(FOLLOW);
    let ended = ended(running);
    tokio::pin!(ended);
    loop {
        tokio::select! {
            exit = &mut ended => {
                tail.send(progress);
                return exit;
            }
            _ = tick.tick() => tail.send(progress),
        }
    }
}

async fn ended(running: &Running) -> std::io::Result<Option<ExitStatus>> {
    if let Some(mut exit) = running.exit.clone()
        && let Ok(status) = exit.wait_for(Option::is_some).await
    {
        return Ok(*status);
    }
    match running.process.filter(|_| running.boot_id == boot_id()) {
        Some(process) => Detached::attach(process)?.wait().await,
        None => Ok(None),
    }
}

/// The output of a transaction, read as it grows.
struct Tail<'a> {
    path: &'a Path,
    /// Reads one line.
    read: fn(&str) -> Option<Progress>,
    at: u64,
    /// The beginning of a line that is not whole yet.
    rest: Vec<u8>,
}

impl Tail<'_> {
    /// Sends the last status line of what is new. What cannot be read now is read the next time.
    fn send(&mut self, progress: &ProgressSender) {
        let Ok(new) = read_at(self.path, self.at) else { return };
        self.at += new.len() as u64;
        self.rest.extend(new);
        let Some(end) = self.rest.iter().rposition(|&b| b == b'\n') else {
            // A line that never ends is not a status line.
            if self.rest.len() > MAX_READ {
                self.rest.clear();
            }
            return;
        };
        let text = String::from_utf8_lossy(&self.rest[..end]).into_owned();
        self.rest.drain(..=end);
        if let Some(last) = text.lines().rev().find_map(self.read) {
            let _ = progress.try_send(last);
        }
    }
}

fn read_at(path: &Path, at: u64) -> std::io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.take(MAX_READ as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The last part of the output.
fn tail(path: &Path) -> String {
    let length = path.metadata().map(|m| m.len()).unwrap_or_default();
    let bytes = read_at(path, length.saturating_sub(MAX_READ as u64)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Writes the file whole or not at all.
fn write(path: &Path, running: &Running) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let file = std::fs::File::create(&new)?;
    serde_json::to_writer(&file, running)?;
    file.sync_data()?;
    std::fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use super::super::apt::parse::status_line;
    use super::*;

    #[tokio::test]
    async fn progress_is_the_last_whole_status_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(OUTPUT);
        let mut tail = Tail { path: &path, read: status_line, at: 0, rest: Vec::new() };
        let (sender, mut receiver) = tokio::sync::mpsc::channel(4);
        tail.send(&sender);
        let mut written = String::new();
        let steps = [
            ("pmstatus:aa:0.0:Unpacking aa\npmstatus:aa:50.0:Config", Some("Unpacking aa")),
            ("uring aa\nSetting up aa\n", Some("Configuring aa")),
            ("Processing\n", None),
        ];
        for (text, expected) in steps {
            written.push_str(text);
            std::fs::write(&path, &written).unwrap();
            tail.send(&sender);
            assert_eq!(receiver.try_recv().ok().map(|p| p.text).as_deref(), expected);
        }
    }

    #[test]
    fn a_transaction_is_found_again_by_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Running::load(folder.path()).is_none());
        std::fs::write(folder.path().join(OUTPUT), "").unwrap();
        assert_eq!(Running::load(folder.path()).unwrap().process, None);
        let process = Some(ProcessId { pid: 7, start_time: 9 });
        let running = Running { process, output: folder.path().join(OUTPUT), ..Running::beginning() };
        write(&folder.path().join(RUNNING), &running).unwrap();
        let found = Running::load(folder.path()).unwrap();
        assert_eq!((found.process, found.boot_id, found.output), (running.process, running.boot_id, running.output));
    }
}
