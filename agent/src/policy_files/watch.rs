//! When policy files change. inotify(7) says when to look; what counts is whether names, inodes, times, sizes, owners or modes differ.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::inotify;
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

use super::{MAX_FILES, Roots};

/// How long the files must have stayed as they are before a change is told.
pub const SETTLE: Duration = Duration::from_millis(500);
/// How often they are looked at where inotify cannot be had.
const POLL: Duration = Duration::from_secs(1);

/// What tells two states of a file apart.
type Mark = (u64, u64, i64, i64, i64, i64, u64, u32, u32);
type Marks = BTreeMap<OsString, Mark>;

/// Tells when policy files changed.
#[derive(Debug)]
pub struct Watch {
    roots: Roots,
    events: Option<OwnedFd>,
    seen: Marks,
}

impl Watch {
    pub(super) fn new(roots: Roots) -> Watch {
        let mut watch = Watch { roots, events: None, seen: Marks::new() };
        watch.seen = watch.marks();
        watch
    }

    /// Resolves when the files differ from what they were when the watch began or last resolved, and have been left alone for
    /// [`SETTLE`]. Dropping the future loses nothing. It needs a tokio runtime with IO and time.
    pub async fn changed(&mut self) {
        if self.events.is_none() {
            self.events = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).ok();
        }
        self.arm();
        let mut pending = self.marks();
        let mut since = Instant::now();
        loop {
            if pending == self.seen {
                self.event().await;
            } else {
                let left = SETTLE.saturating_sub(since.elapsed());
                if left.is_zero() {
                    self.seen = pending;
                    return;
                }
                // Either way the files are looked at again.
                let _ = tokio::time::timeout(left, self.event()).await;
            }
            self.arm();
            let now = self.marks();
            if now != pending {
                pending = now;
                since = Instant::now();
            }
        }
    }

    /// Waits for anything that happened in a watched folder.
    async fn event(&self) {
        // A dup keeps the registration with the runtime apart from the watch itself, which may outlive a runtime.
        #[expect(deprecated, reason = "sound for a descriptor that is owned; what replaces it is unsafe to call")]
        let fd = self.events.as_ref().and_then(|fd| fd.try_clone().ok()).and_then(|fd| AsyncFd::new(fd).ok());
        let Some(fd) = fd else { return tokio::time::sleep(POLL).await };
        match fd.readable().await {
            Ok(mut ready) => {
                drain(fd.get_ref());
                ready.clear_ready();
            }
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }

    /// Watches each folder, and of one that is missing the nearest above that exists. Adding a watch twice changes nothing.
    fn arm(&self) {
        use inotify::WatchFlags as F;
        let Some(events) = &self.events else { return };
        let flags = F::CLOSE_WRITE
            | F::CREATE
            | F::DELETE
            | F::MOVE
            | F::ATTRIB
            | F::MODIFY
            | F::DELETE_SELF
            | F::MOVE_SELF
            | F::ONLYDIR;
        for folder in self.folders() {
            let exists = folder.ancestors().find(|f| f.is_dir());
            if let Some(folder) = exists {
                // A folder that cannot be watched is seen at the next event of another.
                let _ = inotify::add_watch(events, folder, flags);
            }
        }
    }

    fn folders(&self) -> Vec<PathBuf> {
        let r = &self.roots;
        let given = r.given.iter().map(|file| match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        });
        [&r.admin, &r.vendor].into_iter().chain(r.user.as_ref()).cloned().chain(given).collect()
    }

    fn marks(&self) -> Marks {
        let mut out = Marks::new();
        for folder in
            [Some(&self.roots.admin), Some(&self.roots.vendor), self.roots.user.as_ref()].into_iter().flatten()
        {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            mark(folder, &mut out);
            for entry in
                entries.flatten().filter(|e| e.path().extension().is_some_and(|x| x == "toml")).take(MAX_FILES + 1)
            {
                mark(&entry.path(), &mut out);
            }
        }
        self.roots.given.iter().for_each(|file| mark(file, &mut out));
        out
    }
}

fn mark(path: &Path, out: &mut Marks) {
    let Ok(m) = path.symlink_metadata() else { return };
    let file = m.is_file();
    // Of a folder only the owner and the mode matter: what is in it is marked by itself.
    let times = if file { (m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec(), m.size()) } else { (0, 0, 0, 0, 0) };
    let mark = (m.dev(), m.ino(), times.0, times.1, times.2, times.3, times.4, m.uid(), m.mode());
    out.insert(path.as_os_str().to_owned(), mark);
}

fn drain(fd: &OwnedFd) {
    let mut buffer = [0_u8; 4096];
    while matches!(rustix::io::read(fd, &mut buffer), Ok(n) if n > 0) {}
}
