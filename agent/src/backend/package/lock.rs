//! Who holds the locks of package managers, and waiting until nobody does.
//!
//! Nothing is locked here: a manager does that itself, and waits a little more, or gives up, when somebody was faster.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Flock, FlockType};
use tokio::time::{Instant, sleep};

use super::{PackageError, Progress, ProgressSender, clean};

/// How often a lock that is held is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The holder of the record lock (fcntl(2)) on `path`, as `apt-get (pid 123)`; nothing when it is free, not there or not readable. The
/// kernel names the holder.
#[must_use]
pub(super) fn of_record(path: &Path) -> Option<String> {
    let file = File::open(path).ok()?;
    let wanted = Flock::from(FlockType::WriteLock);
    let held = rustix::process::fcntl_getlk(&file, &wanted).ok()??;
    // Number 0 is a process outside of our process namespace.
    Some(held.pid.map_or_else(|| "another program".to_owned(), |pid| named(pid.as_raw_nonzero().get())))
}

/// A process in words: `apt-get (pid 123)`.
fn named(pid: i32) -> String {
    let name = clean(&std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default());
    if name.is_empty() { format!("a program (pid {pid})") } else { format!("{name} (pid {pid})") }
}

/// Waits until there is no holder, and says on the way who it is.
///
/// # Errors
///
/// [`PackageError::Locked`] after `patience`.
pub(super) async fn wait_until_free(
    holder: impl Fn() -> Option<String>,
    patience: Duration,
    progress: &ProgressSender,
) -> Result<(), PackageError> {
    let start = Instant::now();
    let mut told = None;
    while let Some(by) = holder() {
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
