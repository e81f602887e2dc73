//! Putting a content in a place, or taking it away, in one step: whoever looks sees the old or the new, never a half.
//!
//! The content is written to a file without a name in the same folder, with its mode and owner, and synced, before it gets the name. What
//! had the name is exchanged for it, so that it can be seen whether it was what was looked at; if not it is put back.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, RenameFlags, Stat, Uid};
use rustix::io::Errno;
use uuid::Uuid;

use super::open::{Found, Place};
use crate::fault;

/// What tells a file from another one, or from itself after somebody wrote to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    size: i64,
    modified: (i64, i64),
}

impl From<&Stat> for Identity {
    fn from(s: &Stat) -> Identity {
        Identity { device: s.st_dev, inode: s.st_ino, size: s.st_size, modified: (s.st_mtime, s.st_mtime_nsec as i64) }
    }
}

impl Identity {
    /// The same in a word, for a preview.
    pub fn word(&self) -> String {
        format!("{:x}-{:x}-{:x}-{:x}.{:x}", self.device, self.inode, self.size, self.modified.0, self.modified.1)
    }
}

/// What must have the name for a change to be made; none for nothing.
pub type Expect = Option<Identity>;

/// Why a content could not be put in its place.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The name has something else now than when it was looked at.
    #[error("it was changed by somebody else meanwhile")]
    Changed,
    /// The system says no.
    #[error("{0}")]
    System(#[from] Errno),
    /// It is in its place, and it is not known whether the disk has it.
    #[error("it is in its place, but the disk does not say that it has it: {0}")]
    NotSynced(Errno),
}

/// A content that is written and synced and has no name, or none that anybody looks for.
#[derive(Debug)]
pub struct Ready {
    file: OwnedFd,
    /// The name that it has meanwhile, where the file system has no files without one.
    named: Option<String>,
    stat: Stat,
}

impl Ready {
    /// What the kernel knows of it.
    pub fn stat(&self) -> &Stat {
        &self.stat
    }
}

/// The name of the new file while it is exchanged, and of an old one while it is taken away: of one request, so that what a crash
/// leaves can be found.
fn aside(request: Uuid, what: Aside) -> String {
    let end = match what {
        Aside::New => "new",
        Aside::Old => "old",
    };
    format!(".steward-{}.{end}", request.simple())
}

/// What lies beside a file for a moment.
#[derive(Clone, Copy, Debug)]
enum Aside {
    /// What is to get the name, or what was exchanged for it.
    New,
    /// What is taken away.
    Old,
}

impl Place {
    /// Writes a content with its permissions and owner into a file of this folder that has no name yet.
    ///
    /// # Errors
    /// The system's; nothing is left then.
    pub fn prepare(&self, request: Uuid, content: &[u8], mode: u32, owner: Option<(u32, u32)>) -> Result<Ready, Errno> {
        let private = Mode::RUSR | Mode::WUSR;
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let (file, named) = match rustix::fs::openat(&self.folder, ".", flags | OFlags::TMPFILE, private) {
            Ok(fd) => (fd, None),
            // File systems, and kernels, without files that have no name (open(2), O_TMPFILE).
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => {
                let name = aside(request, Aside::New);
                let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
                (rustix::fs::openat(&self.folder, &*name, flags, private)?, Some(name))
            }
            Err(e) => return Err(e),
        };
        let filled = (|| {
            let mut file = File::from(file.try_clone().map_err(|e| errno(&e))?);
            file.write_all(content).map_err(|e| errno(&e))?;
            if let Some((uid, gid)) = owner {
                rustix::fs::fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
            }
            rustix::fs::fchmod(&file, Mode::from_raw_mode(mode & 0o777))?;
            rustix::fs::fsync(&file)?;
            rustix::fs::fstat(&file)
        })();
        fault::point("file.written");
        match filled {
            Ok(stat) => Ok(Ready { file, named, stat }),
            Err(e) => {
                if let Some(name) = named {
                    self.drop_aside(&name);
                }
                Err(e)
            }
        }
    }

    /// Gives a prepared content the name, if that still has what is expected there.
    ///
    /// # Errors
    /// When it has something else, or the system's; then all is as it was.
    pub fn put(&self, request: Uuid, ready: Ready, expect: Expect) -> Result<(), PlaceError> {
        let Some(expect) = expect else {
            self.name_anew(&ready)?;
            fault::point("file.placed");
            return self.sync().map_err(PlaceError::NotSynced);
        };
        let name = match ready.named {
            Some(name) => name,
            None => {
                let name = aside(request, Aside::New);
                self.link(&ready.file, &name)?;
                name
            }
        };
        fault::point("file.named");
        let done = self.exchange(&name, expect);
        if done.is_err() {
            self.drop_aside(&name);
            return done;
        }
        fault::point("file.placed");
        // After an exchange it is the old content, which is kept elsewhere; else it is gone already.
        self.drop_aside(&name);
        self.sync().map_err(PlaceError::NotSynced)
    }

    /// Takes away what has the name, if it still is what is expected.
    ///
    /// # Errors
    /// When it is something else, or the system's; then all is as it was.
    pub fn remove(&self, request: Uuid, expect: Identity) -> Result<(), PlaceError> {
        let name = aside(request, Aside::Old);
        rustix::fs::renameat_with(&self.folder, &*self.name, &self.folder, &*name, RenameFlags::NOREPLACE)?;
        fault::point("file.aside");
        if !matches!(self.identity(&name), Ok(Some(old)) if old == expect) {
            // Whatever it is, it keeps its name; if the name was taken meanwhile it is left beside it rather than lost.
            rustix::fs::renameat_with(&self.folder, &*name, &self.folder, &*self.name, RenameFlags::NOREPLACE)?;
            return Err(PlaceError::Changed);
        }
        rustix::fs::unlinkat(&self.folder, &*name, AtFlags::empty())?;
        fault::point("file.removed");
        self.sync().map_err(PlaceError::NotSynced)
    }

    /// Gives a new file its name, if nothing has it.
    fn name_anew(&self, ready: &Ready) -> Result<(), PlaceError> {
        let named = match &ready.named {
            None => self.link(&ready.file, &self.name),
            Some(aside) => {
                let flags = RenameFlags::NOREPLACE;
                let done = rustix::fs::renameat_with(&self.folder, &**aside, &self.folder, &*self.name, flags);
                if done.is_err() {
                    self.drop_aside(aside);
                }
                done
            }
        };
        named.map_err(|e| if e == Errno::EXIST { PlaceError::Changed } else { e.into() })
    }

    fn link(&self, file: &OwnedFd, name: &str) -> Result<(), Errno> {
        let magic = format!("/proc/self/fd/{}", file.as_raw_fd());
        rustix::fs::linkat(CWD, magic, &self.folder, name, AtFlags::SYMLINK_FOLLOW)
    }

    /// Exchanges the prepared file for what has the name.
    fn exchange(&self, aside: &str, expect: Identity) -> Result<(), PlaceError> {
        if self.identity(&self.name)? != Some(expect) {
            return Err(PlaceError::Changed);
        }
        match rustix::fs::renameat_with(&self.folder, aside, &self.folder, &*self.name, RenameFlags::EXCHANGE) {
            Ok(()) => {}
            // The file system cannot exchange: what was looked at a moment ago is replaced.
            Err(Errno::INVAL | Errno::NOSYS) => {
                return Ok(rustix::fs::renameat(&self.folder, aside, &self.folder, &*self.name)?);
            }
            Err(Errno::NOENT) => return Err(PlaceError::Changed),
            Err(e) => return Err(e.into()),
        }
        if matches!(self.identity(aside), Ok(Some(old)) if old == expect) {
            return Ok(());
        }
        rustix::fs::renameat_with(&self.folder, aside, &self.folder, &*self.name, RenameFlags::EXCHANGE)?;
        Err(PlaceError::Changed)
    }

    fn identity(&self, name: &str) -> Result<Option<Identity>, Errno> {
        match rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Identity::from(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn drop_aside(&self, name: &str) {
        match rustix::fs::unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => tracing::warn!("{name} is left behind beside a file that was written: {e}"),
        }
    }

    fn sync(&self) -> Result<(), Errno> {
        // The folder was opened to be looked at; to be synced it is opened again by itself.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.folder, ".", flags, Mode::empty()) {
            Ok(folder) => rustix::fs::fsync(&folder),
            // It may be written to and not be read: then there is nothing to sync it by, and it is done all the same.
            Err(Errno::ACCESS) => Ok(()),
            Err(e) => Err(e),
        }
    }
}

/// Takes away what a request left beside a file when the agent was stopped in the middle of it, and gives a file that was being taken
/// away its name again. What it was about is in its place then, old or new.
pub fn leftovers(place: &Place, request: Uuid) {
    place.drop_aside(&aside(request, Aside::New));
    let old = aside(request, Aside::Old);
    let back = rustix::fs::renameat_with(&place.folder, &*old, &place.folder, &*place.name, RenameFlags::NOREPLACE);
    if let Err(e) = back
        && e != Errno::NOENT
    {
        tracing::warn!("{old} is left behind beside `{}`: {e}", place.name);
    }
}

fn errno(e: &std::io::Error) -> Errno {
    Errno::from_io_error(e).unwrap_or(Errno::IO)
}

impl Found {
    /// What tells it from another file.
    pub fn identity(&self) -> Identity {
        Identity::from(self.stat())
    }

    /// Whether it has access rules or capabilities beside its mode, which a new file would not have.
    ///
    /// # Errors
    /// As for [`Found::read`].
    pub fn has_more_than_a_mode(&self) -> Result<bool, Errno> {
        let file = self.read()?;
        let mut names = [0_u8; 4096];
        match rustix::fs::flistxattr(&file, &mut names[..]) {
            Ok(length) => {
                let mut all = names[..length].split(|b| *b == 0);
                Ok(all.any(|n| matches!(n, b"system.posix_acl_access" | b"security.capability")))
            }
            Err(Errno::OPNOTSUPP) => Ok(false),
            Err(e) => Err(e),
        }
    }
}
