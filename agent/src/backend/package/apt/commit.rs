//! Carries a transaction out: wait for the lock, look once more, start it in a session of its own, follow it, check what it did.
//!
//! Until [`Apt::start`] has started apt, nothing has been changed and everything can be dropped. After that nothing here ends it:
//! dropping [`Apt::finish`], or the end of this program, leaves it running, and [`Running::load`] finds it again.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{interval, timeout};

use super::super::transaction::{Item, Mark, Transaction};
use super::super::{Done, PackageError, ProgressSender};
use super::argv::{self, Mode};
use super::parse::{self, Refusal, Row};
use super::{Apt, QUERY, gone, job, lock, same_arch};
use crate::backend::spawn::{self, Detached, ProcessId};

/// How often the output of a transaction is looked at.
const FOLLOW: Duration = Duration::from_millis(150);

/// The most output of a transaction that is read at once, and the most that is searched for the reason of a failure.
const MAX_READ: usize = 256 * 1024;

/// How long apt itself waits when somebody takes the lock between our look and its own.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// The name of apt's output in the folder of a transaction.
const OUTPUT: &str = "output";

/// The name of [`Running`] in the folder of a transaction.
const RUNNING: &str = "running.json";

/// A transaction that was started. It is found again after a restart.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Running {
    /// The process; nothing when this program ended in the moment between starting it and writing this down.
    pub process: Option<ProcessId>,
    /// The boot in which it was started: `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// Where its output goes.
    pub output: PathBuf,
    /// Its exit status when it has ended, known only to the program that started it.
    #[serde(skip)]
    exit: Option<watch::Receiver<Option<ExitStatus>>>,
}

impl Running {
    /// The transaction that was started with this folder, if one was.
    #[must_use]
    pub fn load(folder: &Path) -> Option<Self> {
        let written = std::fs::read(folder.join(RUNNING)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let output = folder.join(OUTPUT);
        // The output is made first; without the other file apt may or may not have been started.
        written.or_else(|| output.exists().then(|| Self { process: None, boot_id: boot_id(), output, exit: None }))
    }
}

fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// A word on each method's errors stands at [`PackageError`].
#[allow(clippy::missing_errors_doc)]
impl Apt {
    /// See [`super::super::Manager::start`].
    pub async fn start(
        &self,
        transaction: &Transaction,
        folder: &Path,
        lock_wait: Duration,
        progress: &ProgressSender,
    ) -> Result<Running, PackageError> {
        self.available()?;
        if transaction.is_empty() {
            return Err(PackageError::Unmet { text: "there is nothing to do".into() });
        }
        let output = folder.join(OUTPUT);
        if output.exists() {
            return Err(PackageError::Unknown { text: "this transaction has been started before".into() });
        }
        lock::wait_until_free(&self.paths.locks, lock_wait, progress).await?;
        self.check_again(transaction).await?;
        crate::fault::point("package_before_start");
        let argv = argv::exactly(Mode::Commit { lock: LOCK_TIMEOUT }, transaction);
        let detached = spawn::spawn_detached(&job(&self.paths.apt_get, argv)?, &output)?;
        crate::fault::point("package_started");
        let running =
            Running { process: Some(detached.id()), boot_id: boot_id(), output, exit: Some(reaped(detached)) };
        if let Err(error) = write(&folder.join(RUNNING), &running) {
            tracing::warn!(%error, "a package transaction runs but could not be written down");
        }
        Ok(running)
    }

    /// Simulates exactly what will be done, in the last moment, and compares.
    async fn check_again(&self, transaction: &Transaction) -> Result<(), PackageError> {
        let output = self.run(&self.paths.apt_get, argv::exactly(Mode::Simulate, transaction), QUERY).await?;
        let (stdout, stderr) = (output.stdout_text(), output.stderr_text());
        if !output.status.success() {
            return Err(match parse::refusal(&stdout, &stderr) {
                Refusal::NotFound(name) | Refusal::NoVersion { name, .. } => gone(transaction, Some(&name)),
                Refusal::RemovalNeeded => gone(transaction, None),
                _ => self.refused(&output).await,
            });
        }
        let now = Transaction { items: parse::simulation(&stdout).items, ..Transaction::default() };
        let difference = transaction.diff(&now);
        if difference.is_empty() && !output.truncated {
            Ok(())
        } else {
            Err(PackageError::Changed { difference: Box::new(difference) })
        }
    }

    /// See [`super::super::Manager::finish`].
    pub async fn finish(
        &self,
        transaction: &Transaction,
        running: &Running,
        deadline: Duration,
        progress: &ProgressSender,
    ) -> Result<Done, PackageError> {
        if running.process.is_none() {
            // Perhaps it was started: then it holds the locks. Somebody else's transaction is waited for too, which does no harm.
            let busy = |e: PackageError| PackageError::Unknown { text: e.to_string() };
            lock::wait_until_free(&self.paths.locks, deadline, progress).await.map_err(busy)?;
        }
        let followed = timeout(deadline, follow(running, progress)).await;
        let exit = match followed {
            Err(_) => {
                let text = format!("the package manager is still at work after {} s", deadline.as_secs());
                return Err(PackageError::Unknown { text });
            }
            Ok(Err(error)) => return Err(PackageError::Unknown { text: error.to_string() }),
            Ok(Ok(exit)) => exit,
        };
        let unknown = |error: PackageError| PackageError::Unknown { text: format!("apt has ended, but {error}") };
        let rows = self.rows(transaction.items.iter().map(Item::full_name)).await.map_err(unknown)?;
        let (done, open): (Vec<Item>, Vec<Item>) =
            transaction.items.iter().cloned().partition(|item| is_done(item, &rows));
        self.restore_marks(&done).await;
        let output = tail(&running.output);
        let failed = exit.map_or_else(|| parse::dpkg_failed(&output), |status| !status.success());
        if open.is_empty() && !failed {
            return Ok(Done { items: done });
        }
        Err(match parse::refusal(&output, "") {
            Refusal::Network(text) if done.is_empty() => PackageError::Network { text },
            Refusal::Locked(by) if done.is_empty() => PackageError::Locked { by, waited: LOCK_TIMEOUT },
            _ => PackageError::Failed { exit: exit.and_then(|e| e.code()), last: parse::last_words(&output), done },
        })
    }

    /// Marks those packages as automatically installed that became "manual" only because they were named with their version.
    async fn restore_marks(&self, done: &[Item]) {
        let auto = self.auto_marks();
        let is_auto = |item: &Item| {
            auto.iter().any(|(name, arch)| *name == item.name && same_arch(Some(arch), item.arch.as_deref()))
        };
        let wrong = done.iter().filter(|item| item.verb.keeps() && item.mark == Mark::Auto && !is_auto(item));
        let names: Vec<String> = wrong.map(Item::full_name).collect();
        if names.is_empty() {
            return;
        }
        let argv = ["auto".to_owned(), "--".to_owned()].into_iter().chain(names).collect();
        match self.run(&self.paths.apt_mark, argv, QUERY).await {
            Ok(output) if output.status.success() => {}
            other => tracing::warn!(
                ?other,
                "packages that came as dependencies could not be marked as automatically installed"
            ),
        }
    }
}

/// Whether the package is now as the item says.
fn is_done(item: &Item, rows: &[Row]) -> bool {
    let mut own = rows.iter().filter(|row| row.name == item.name && same_arch(Some(&row.arch), item.arch.as_deref()));
    if item.verb.keeps() {
        own.any(|row| row.status == "installed" && Some(&row.version) == item.to.as_ref())
    } else {
        own.all(|row| row.status == "config-files" || row.status == "not-installed")
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
async fn follow(running: &Running, progress: &ProgressSender) -> std::io::Result<Option<ExitStatus>> {
    let mut tail = Tail { path: &running.output, at: 0, rest: Vec::new() };
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
        Some(process) => Detached::attach(process).wait().await,
        None => Ok(None),
    }
}

/// The output of a transaction, read as it grows.
struct Tail<'a> {
    path: &'a Path,
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
        if let Some(last) = text.lines().rev().find_map(parse::status_line) {
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
    use super::super::super::transaction::Verb;
    use super::*;

    fn item(verb: Verb, from: Option<&str>, to: Option<&str>) -> Item {
        let (from, to, arch) = (from.map(Into::into), to.map(Into::into), Some("all".into()));
        Item { verb, name: "aa".into(), arch, from, to, origin: None, download_bytes: None, mark: Mark::Manual }
    }

    #[test]
    fn an_item_is_done_when_the_database_says_so() {
        let row = |status: &str, version: &str| Row {
            name: "aa".into(),
            arch: "all".into(),
            status: status.into(),
            version: version.into(),
        };
        let (come, go) = (item(Verb::Install, None, Some("1")), item(Verb::Remove, Some("1"), None));
        let table = [
            (vec![], false, true),
            (vec![row("installed", "1")], true, false),
            (vec![row("installed", "2")], false, false),
            (vec![row("half-configured", "1")], false, false),
            (vec![row("config-files", "1")], false, true),
        ];
        for (rows, installed, removed) in table {
            assert_eq!((is_done(&come, &rows), is_done(&go, &rows)), (installed, removed), "{rows:?}");
        }
    }

    #[tokio::test]
    async fn progress_is_the_last_whole_status_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(OUTPUT);
        let mut tail = Tail { path: &path, at: 0, rest: Vec::new() };
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
        let running = Running { process, boot_id: boot_id(), output: folder.path().join(OUTPUT), exit: None };
        write(&folder.path().join(RUNNING), &running).unwrap();
        let found = Running::load(folder.path()).unwrap();
        assert_eq!((found.process, found.boot_id, found.output), (running.process, running.boot_id, running.output));
    }
}
