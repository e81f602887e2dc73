//! Who holds the locks of package managers, and waiting until nobody does.
//!
//! Nothing is locked here: a manager does that itself, and waits a little more, or gives up, when somebody was faster.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Flock, FlockType};
use tokio::time::{Instant, sleep};

use super::{PackageError, Progress, ProgressSender, clean};
use crate::backend::read;

/// How often a lock that is held is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The holder of the record lock (fcntl(2)) on `path`, as `apt-get (pid 123)`; nothing when it is free or not there. The kernel names
/// the holder. A lock that we may not look at is not free: who holds it is not known.
#[must_use]
pub(super) fn of_record(path: &Path) -> Option<String> {
    of_opened(File::open(path), path)
}

fn of_opened(file: std::io::Result<File>, path: &Path) -> Option<String> {
    let file = match file {
        Ok(file) => file,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return None,
        Err(_) => return of_anybody(path).or_else(|| Some(NOT_KNOWN.to_owned())),
    };
    let wanted = Flock::from(FlockType::WriteLock);
    let held = rustix::process::fcntl_getlk(&file, &wanted).ok()??;
    // Number 0 is a process outside of our process namespace.
    Some(held.pid.map_or_else(|| "another program".to_owned(), |pid| named(pid.as_raw_nonzero().get())))
}

/// The holder of a lock that cannot be looked at.
const NOT_KNOWN: &str = "perhaps a program that cannot be seen from here";

/// The longest file with a process id that is read, in bytes.
const MAX_PID: u64 = 64;

/// The process whose number stands in the file at `path`, while it is alive; nothing for an empty file.
#[must_use]
pub(super) fn of_pid_file(path: &Path) -> Option<String> {
    let pid: i32 = read::text(path, MAX_PID).ok()?.trim().parse().ok()?;
    (pid > 0 && Path::new(&format!("/proc/{pid}")).exists()).then(|| named(pid))
}

/// The process that has the file at `path` open, where the file's being there is the lock. One that nobody has open was left behind.
#[must_use]
pub(super) fn of_file(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let holds = |process: &std::fs::DirEntry| {
        let open = std::fs::read_dir(process.path().join("fd"));
        open.into_iter().flatten().flatten().any(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to == path))
    };
    let numbers = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pid = numbers.filter(holds).find_map(|process| process.file_name().to_str()?.parse().ok());
    Some(
        pid.map_or_else(
            || format!("nobody; `{}` was left behind, and has to be removed by hand", path.display()),
            named,
        ),
    )
}

/// The locks that changing packages takes, where they are files: dpkg's and rpm's.
const PACKAGES: [&str; 3] = ["/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/rpm/.rpm.lock"];

/// The lock that fetching apt's index takes.
const INDEX: &str = "/var/lib/apt/lists/lock";

/// Who is changing packages, whether we may read the locks or not.
pub(super) fn of_packages() -> Option<String> {
    PACKAGES.iter().find_map(|path| of_anybody(Path::new(path)))
}

/// Who is fetching the index.
pub(super) fn of_index() -> Option<String> {
    of_anybody(Path::new(INDEX))
}

/// Whether this system has a lock by which it can be seen that packages are being changed.
pub(super) fn can_be_seen() -> bool {
    PACKAGES.iter().any(|path| Path::new(path).exists()) && Path::new(TABLE).exists()
}

/// The kernel's table of locks, which everybody may read (proc_locks(5)).
const TABLE: &str = "/proc/locks";

/// The most of the table that is read, in bytes; a line has about 60.
const MAX_TABLE: u64 = 4 * 1024 * 1024;

/// The holder of the record lock on a file that we may not open.
fn of_anybody(path: &Path) -> Option<String> {
    let of = path.metadata().ok()?;
    let mut table = String::new();
    File::open(TABLE).ok()?.take(MAX_TABLE).read_to_string(&mut table).ok()?;
    let pid = in_table(&table, rustix::fs::major(of.dev()), rustix::fs::minor(of.dev()), of.ino())?;
    Some(if pid > 0 { named(pid) } else { "another program".to_owned() })
}

/// The process that has a write lock on a file, by its device and number, in the form of `/proc/locks`:
/// `1: POSIX  ADVISORY  WRITE 708 08:01:131109 0 EOF`. Those that only wait have an arrow before the kind.
fn in_table(table: &str, major: u32, minor: u32, inode: u64) -> Option<i32> {
    let file = format!("{major:02x}:{minor:02x}:{inode}");
    let held = |line: &str| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let kind = words.next().filter(|kind| matches!(*kind, "POSIX" | "OFDLCK"))?;
        let (_, mode, pid, of) = (words.next()?, words.next()?, words.next()?, words.next()?);
        // A lock of an open file has no process (-1).
        (mode == "WRITE" && of == file).then(|| if kind == "POSIX" { pid.parse().unwrap_or(0) } else { 0 })
    };
    table.lines().find_map(held)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_a_lock_is_seen_by_everybody() {
        let table = "1: POSIX  ADVISORY  READ  100 08:01:7 0 EOF\n2: FLOCK  ADVISORY  WRITE 101 08:01:7 0 EOF\n\
                     3: POSIX  ADVISORY  WRITE 102 08:01:70 0 EOF\n4: POSIX  ADVISORY  WRITE 103 fd:10:7 0 EOF\n\
                     4: -> POSIX  ADVISORY  WRITE 105 08:01:7 0 EOF\n5: POSIX  ADVISORY  WRITE 104 08:01:7 0 EOF\nodd\n6:\n\
                     7: OFDLCK ADVISORY  WRITE -1 08:01:9 0 EOF\n";
        assert_eq!(in_table(table, 8, 1, 7), Some(104));
        assert_eq!(in_table(table, 0xfd, 0x10, 7), Some(103));
        assert_eq!(in_table(table, 8, 1, 9), Some(0));
        assert_eq!(in_table(table, 8, 1, 8), None);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let file = File::create(&path).unwrap();
        assert_eq!(of_anybody(&path), None);
        assert_eq!(of_opened(Err(ErrorKind::PermissionDenied.into()), &path).as_deref(), Some(NOT_KNOWN));
        assert_eq!(of_record(&path), None, "and one that can be is seen to be free");
        rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
        assert_eq!(of_record(&folder.path().join("none")), None);
        // On some file systems the table has another device than the file; then nobody is seen.
        if let Some(holder) = of_anybody(&path) {
            assert!(holder.contains(&format!("(pid {})", std::process::id())), "{holder}");
        }
    }
}
