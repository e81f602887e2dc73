//! One process a state folder: an advisory lock (flock(2)) on an open descriptor, with the holder's name in the file.

use super::{LogError, files::open_private, private_folder};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Name of the lock file in the state folder.
const LOCK_FILE: &str = "lock";
/// How often a waiting process tries again.
const RETRY: Duration = Duration::from_millis(25);
/// The holder's note is read up to this many bytes.
const NOTE_LIMIT: u64 = 4096;

/// The state folder is ours until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct StateLock {
    file: File,
}

/// Why the state folder could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("the state folder {} is in use by {holder}; talk to it at its socket (`steward --socket PATH`), stop it, or choose another folder with --state-dir", dir.display())]
    Held {
        /// The state folder.
        dir: PathBuf,
        /// What the holder wrote about itself: its process id and its note (the socket paths).
        holder: String,
    },
    /// The folder or the lock file is not as it must be.
    #[error(transparent)]
    Folder(#[from] LogError),
}

impl StateLock {
    /// Takes the state folder `dir`, makes it when needed (mode 0700), and writes the process id and `note` (the socket
    /// paths) into its lock file. Blocks for at most `wait`.
    ///
    /// # Errors
    /// [`LockError::Held`] when another process still has it after `wait`; [`LockError::Folder`] when the folder is a
    /// link, belongs to somebody else or cannot be used.
    pub fn acquire(dir: &Path, wait: Duration, note: &str) -> Result<StateLock, LockError> {
        let until = Instant::now() + wait;
        private_folder(dir)?;
        let path = dir.join(LOCK_FILE);
        let mut file = open_private(&path)?;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < until => {
                    std::thread::sleep(RETRY.min(until.saturating_duration_since(Instant::now())));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    return Err(LockError::Held { dir: dir.to_owned(), holder: holder(&mut file) });
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(LogError::io("cannot lock", &path, e.into()).into()),
            }
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "pid {}\n{}", std::process::id(), note.replace('\n', " ")))
            .map_err(|e| LogError::io("cannot write", &path, e))?;
        Ok(StateLock { file })
    }
}

impl Drop for StateLock {
    fn drop(&mut self) {
        // The name goes first, so that nobody reads it after the lock is gone.
        let _ = self.file.set_len(0);
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

fn holder(file: &mut File) -> String {
    let mut bytes = Vec::new();
    let _ = file.rewind().and_then(|()| file.take(NOTE_LIMIT).read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<String> = text
        .lines()
        .filter(|l| !l.trim().is_empty())
        .map(|l| l.chars().filter(|c| !c.is_control()).collect())
        .collect();
    if lines.is_empty() { "another process (it left no name)".into() } else { lines.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_hears_who_holds_the_folder() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = tmp.path().join("state");
        let first = StateLock::acquire(&dir, Duration::ZERO, "/run/user/1000/steward/agent.sock").unwrap();
        let error = StateLock::acquire(&dir, Duration::from_millis(30), "x").unwrap_err().to_string();
        assert!(error.contains(&format!("pid {}, /run/user/1000/steward/agent.sock", std::process::id())), "{error}");
        drop(first);
        StateLock::acquire(&dir, Duration::ZERO, "x").unwrap();
    }

    #[test]
    fn a_waiting_process_gets_the_folder_when_the_holder_ends() {
        let tmp = tempfile::tempdir().unwrap();
        let first = StateLock::acquire(tmp.path(), Duration::ZERO, "").unwrap();
        let dir = tmp.path().to_owned();
        let waiting = std::thread::spawn(move || StateLock::acquire(&dir, Duration::from_secs(20), "").is_ok());
        drop(first);
        assert!(waiting.join().unwrap());
    }
}
