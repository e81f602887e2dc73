//! The reserve: a preallocated file that is given up when the disk is full, so that refusals can still be written.

use crate::store::{LogError, open_private};
use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a full disk is tried again.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// The reserve file and whether the disk is full.
#[derive(Debug)]
pub(super) struct Space {
    path: PathBuf,
    bytes: u64,
    full: Arc<AtomicBool>,
    next_try: Instant,
}

impl Space {
    /// Makes the reserve. Without the room for it the log starts out full.
    pub(super) fn open(path: PathBuf, bytes: u64, now: Instant) -> Result<Space, LogError> {
        let space = Space { path, bytes, full: Arc::new(AtomicBool::new(false)), next_try: now };
        match space.make(bytes) {
            Err(e) if is_full(&e) => {
                let _ = std::fs::remove_file(&space.path);
                space.full.store(true, Ordering::Release);
                Ok(space)
            }
            Err(e) => Err(LogError::io("cannot set space aside in", &space.path, e)),
            Ok(()) => Ok(space),
        }
    }

    /// True from the first write that found no space until there is space again.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// [`Space::is_full`] for other threads.
    pub(super) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.full)
    }

    /// Gives the reserve up. False when it was given up already.
    pub(super) fn release(&mut self, now: Instant) -> bool {
        if self.full.swap(true, Ordering::AcqRel) {
            return false;
        }
        self.next_try = now + RETRY;
        tracing::warn!("no space left for the audit log: nothing above observe is done until there is; refusals go on");
        std::fs::remove_file(&self.path).is_ok()
    }

    /// While the disk is full: looks, at most once in [`RETRY`], whether there is space again. Returns when to come back.
    pub(super) fn retry(&mut self, now: Instant) -> Option<Duration> {
        if !self.is_full() {
            return None;
        }
        if now >= self.next_try {
            self.next_try = now + RETRY;
            // Twice the reserve: what was just given up must not look like new space.
            match self.make(2 * self.bytes).and_then(|()| self.make(self.bytes)) {
                Ok(()) => {
                    self.full.store(false, Ordering::Release);
                    tracing::info!("there is space for the audit log again");
                    return None;
                }
                Err(_) => drop(std::fs::remove_file(&self.path)),
            }
        }
        Some(self.next_try.saturating_duration_since(now))
    }

    /// The reserve file with exactly these bytes, allocated.
    fn make(&self, bytes: u64) -> io::Result<()> {
        let mut file = open_private(&self.path).map_err(|e| match e {
            LogError::Io { source, .. } => io::Error::new(source.kind(), source.to_string()),
            other => io::Error::other(other),
        })?;
        let meta = file.metadata()?;
        if meta.len() != bytes {
            file.set_len(bytes)?;
        }
        if meta.len() == bytes && meta.blocks() * 512 >= bytes {
            return Ok(());
        }
        match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, bytes) {
            Err(Errno::OPNOTSUPP) => fill(&mut file, bytes),
            other => Ok(other?),
        }
    }
}

/// For file systems that cannot preallocate.
fn fill(file: &mut File, bytes: u64) -> io::Result<()> {
    file.set_len(0)?;
    let block = [0xA5; 4096];
    let mut left = bytes;
    while left > 0 {
        let now = left.min(4096);
        file.write_all(&block[..now as usize])?;
        left -= now;
    }
    file.sync_data()
}

/// ENOSPC or EDQUOT.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
