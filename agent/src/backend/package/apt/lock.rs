//! Who holds the locks of dpkg and apt, and waiting until nobody does.
//!
//! They are record locks (fcntl(2)), so the kernel names the holder. Nothing is locked here: apt does that itself, and waits a little
//! more when somebody was faster.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Flock, FlockType};
use tokio::time::{Instant, sleep};

use super::super::{PackageError, Progress, ProgressSender};

/// How often a lock that is held is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The holder of the record lock on `path`, as `apt-get (pid 123)`; nothing when it is free, not there or not readable.
#[must_use]
pub fn holder(path: &Path) -> Option<String> {
    let file = File::open(path).ok()?;
    let wanted = Flock::from(FlockType::WriteLock);
    let held = rustix::process::fcntl_getlk(&file, &wanted).ok()??;
    // Number 0 is a process outside of our process namespace.
    let Some(pid) = held.pid.map(|pid| pid.as_raw_nonzero().get()) else { return Some("another program".to_owned()) };
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let name = super::parse::clean(&name);
    Some(if name.is_empty() { format!("a program (pid {pid})") } else { format!("{name} (pid {pid})") })
}

/// Waits until nobody holds any of the locks, and says on the way who does.
///
/// # Errors
///
/// [`PackageError::Locked`] after `patience`.
pub async fn wait_until_free(
    locks: &[PathBuf],
    patience: Duration,
    progress: &ProgressSender,
) -> Result<(), PackageError> {
    let start = Instant::now();
    let mut told = None;
    while let Some(by) = locks.iter().find_map(|path| holder(path)) {
        if start.elapsed() >= patience {
            return Err(PackageError::Locked { by: Some(by), waited: start.elapsed() });
        }
        if told.as_ref() != Some(&by) {
            let text = format!("Waiting for {by}, which is using the package database");
            let _ = progress.try_send(Progress { percent: None, text });
            told = Some(by);
        }
        sleep(LOOK_AGAIN.min(patience)).await;
    }
    Ok(())
}
