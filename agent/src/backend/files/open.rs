//! Opening a path so that no link, no `..` and no rename on the way leads elsewhere.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

/// No link anywhere on the way, neither of a user nor of the kernel's own in `/proc`, and no way out (openat2(2)).
const RESOLVE: ResolveFlags = ResolveFlags::NO_SYMLINKS.union(ResolveFlags::NO_MAGICLINKS).union(ResolveFlags::BENEATH);

/// File systems that the kernel makes up as they are read (linux/magic.h): a read there can hang, act, or show another process.
const MADE_UP: [(u32, &str); 16] = [
    (0x9fa0, "proc"),
    (0x6265_6572, "sysfs"),
    (0x6462_6720, "debugfs"),
    (0x7472_6163, "tracefs"),
    (0xcafe_4a11, "bpf"),
    (0x6265_6570, "configfs"),
    (0x7363_6673, "securityfs"),
    (0xf97c_ff8c, "selinuxfs"),
    (0x5a3c_69f0, "apparmorfs"),
    (0xde5e_81e4, "efivarfs"),
    (0x0027_e0eb, "cgroup"),
    (0x6367_7270, "cgroup2"),
    (0x6165_676c, "pstore"),
    (0x1980_0202, "mqueue"),
    (0x4249_4e4d, "binfmt_misc"),
    (0x6e73_6673, "nsfs"),
];

/// The folder beneath which all paths are opened: `/`, or another one that stands for it.
#[derive(Debug)]
pub struct Base {
    folder: OwnedFd,
    /// What the kernel puts before every path beneath it; empty for `/`.
    before: PathBuf,
}

/// What is at a path, not yet opened for reading.
#[derive(Debug)]
pub struct Found {
    fd: OwnedFd,
    stat: Stat,
}

/// A place in a folder: the folder that was opened, a name in it, and what has the name now.
#[derive(Debug)]
pub struct Place {
    pub(super) folder: OwnedFd,
    pub(super) folder_stat: Stat,
    pub(super) name: String,
    pub(super) old: Option<Found>,
}

impl Base {
    /// The root of the file system.
    ///
    /// # Errors
    /// The system's.
    pub fn of_the_machine() -> std::io::Result<Base> {
        Base::at(Path::new("/"))
    }

    /// A folder that stands for the root, in a simulation.
    ///
    /// # Errors
    /// The system's.
    pub fn at(folder: &Path) -> std::io::Result<Base> {
        let folder = folder.canonicalize()?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(&folder, flags, Mode::empty())?;
        let before = if folder == Path::new("/") { PathBuf::new() } else { folder };
        Ok(Base { folder: fd, before })
    }

    fn open(&self, path: &str, flags: OFlags) -> Result<Found, Errno> {
        let relative = path.trim_start_matches('/');
        let relative = if relative.is_empty() { "." } else { relative };
        let flags = flags | OFlags::PATH | OFlags::CLOEXEC;
        let fd = loop {
            match rustix::fs::openat2(&self.folder, relative, flags, Mode::empty(), RESOLVE) {
                // Something was renamed while a way out was looked for.
                Err(Errno::AGAIN) => std::thread::yield_now(),
                other => break other?,
            }
        };
        let stat = rustix::fs::fstat(&fd)?;
        let found = Found { fd, stat };
        // It was moved away while it was opened, or a mount lies over it: then the path does not say what it is.
        if found.real().as_deref() != Some(&*self.real(path)) {
            return Err(Errno::STALE);
        }
        Ok(found)
    }

    fn real(&self, path: &str) -> PathBuf {
        match path.trim_matches('/') {
            "" if self.before.as_os_str().is_empty() => PathBuf::from("/"),
            "" => self.before.clone(),
            path => PathBuf::from(format!("{}/{path}", self.before.display())),
        }
    }

    /// What is at `path`: absolute, without `.`, `..` and doubled slashes. A link at its end is refused like one on the way.
    ///
    /// # Errors
    /// The system's: `ELOOP` for a link, `ESTALE` when the path led elsewhere by the time it was opened.
    pub fn find(&self, path: &str) -> Result<Found, Errno> {
        self.open(path, OFlags::empty())
    }

    /// The folder that `path` lies in, and what has its name there.
    ///
    /// # Errors
    /// The system's, as for [`Base::find`]. That nothing has the name is none.
    pub fn place(&self, path: &str) -> Result<Place, Errno> {
        let (parent, name) = path.rsplit_once('/').ok_or(Errno::INVAL)?;
        if name.is_empty() {
            return Err(Errno::ISDIR);
        }
        let folder = self.open(parent, OFlags::DIRECTORY)?;
        let mut place = Place { folder: folder.fd, folder_stat: folder.stat, name: name.to_owned(), old: None };
        place.old = place.look()?;
        Ok(place)
    }
}

impl Place {
    /// What has the name now. A link there is refused.
    pub(super) fn look(&self) -> Result<Option<Found>, Errno> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat2(&self.folder, &*self.name, flags, Mode::empty(), RESOLVE) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(e) => return Err(e),
        };
        let stat = rustix::fs::fstat(&fd)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => Err(Errno::LOOP),
            _ => Ok(Some(Found { fd, stat })),
        }
    }

    /// What had the name when it was opened.
    pub fn old(&self) -> Option<&Found> {
        self.old.as_ref()
    }

    /// The folder's owner and mode.
    pub fn folder(&self) -> (u32, u32) {
        (self.folder_stat.st_uid, self.folder_stat.st_mode)
    }
}

impl Found {
    /// What the kernel knows of it.
    pub fn stat(&self) -> &Stat {
        &self.stat
    }

    /// `file`, `folder`, `link` or `other`.
    pub fn kind(&self) -> &'static str {
        match FileType::from_raw_mode(self.stat.st_mode) {
            FileType::RegularFile => "file",
            FileType::Directory => "folder",
            FileType::Symlink => "link",
            _ => "other",
        }
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or(0)
    }

    /// Where it is now.
    fn real(&self) -> Option<PathBuf> {
        std::fs::read_link(self.magic()).ok()
    }

    /// Its name among this process's descriptors, by which it and nothing else is opened (proc_pid_fd(5)).
    fn magic(&self) -> String {
        format!("/proc/self/fd/{}", self.fd.as_raw_fd())
    }

    /// The file system that makes up its content, where it is such a one.
    pub fn made_up(&self) -> Option<&'static str> {
        let magic = rustix::fs::fstatfs(&self.fd).ok()?.f_type;
        MADE_UP.iter().find(|(m, _)| i64::from(*m) == magic as i64).map(|(_, name)| *name)
    }

    /// Opens it for reading: the very file that was found, and only a regular one on a file system that keeps what is written.
    ///
    /// # Errors
    /// `EISDIR` for a folder, `ENODEV` for what is no file or made up, and the system's.
    pub fn read(&self) -> Result<File, Errno> {
        match self.kind() {
            "file" if self.made_up().is_none() => {}
            "folder" => return Err(Errno::ISDIR),
            "link" => return Err(Errno::LOOP),
            _ => return Err(Errno::NODEV),
        }
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(self.magic(), flags, Mode::empty())?;
        Ok(File::from(fd))
    }

    /// Its first bytes, `most` at the most, in one buffer.
    ///
    /// # Errors
    /// As for [`Found::read`].
    pub fn head(&self, most: usize) -> Result<Vec<u8>, Errno> {
        let file = self.read()?;
        // `read_to_end` stops at the limit; the room for one byte more keeps it from growing the buffer to see the end.
        let mut bytes = Vec::with_capacity(most + 1);
        let done = file.take(most as u64).read_to_end(&mut bytes);
        done.map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileTypeExt, symlink};
    use std::os::unix::net::UnixListener;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn below(folder: &Path, name: &str) -> String {
        folder.canonicalize().unwrap().join(name).to_str().unwrap().to_owned()
    }

    #[test]
    fn hostile_paths_are_refused_by_what_they_are() {
        let tmp = tempfile::tempdir().unwrap();
        let at = |name: &str| below(tmp.path(), name);
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::fs::write(at("a/b/file"), "x").unwrap();
        symlink(at("a/b/file"), at("link")).unwrap();
        symlink(at("a"), at("door")).unwrap();
        symlink("b", at("a/inner")).unwrap();
        symlink("loop", at("loop")).unwrap();
        symlink("/nonexistent", at("dangling")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        let base = Base::of_the_machine().unwrap();
        let read = |path: &str| base.find(path).and_then(|f| f.head(10));
        assert_eq!(read(&at("a/b/file")).as_deref(), Ok(&b"x"[..]));
        for (path, error) in [
            (at("link"), Errno::LOOP),
            (at("door/b/file"), Errno::LOOP),
            (at("a/inner/file"), Errno::LOOP),
            (at("loop"), Errno::LOOP),
            (at("dangling"), Errno::LOOP),
            (at("none"), Errno::NOENT),
            (at("a/b/file/x"), Errno::NOTDIR),
            (at("a"), Errno::ISDIR),
            (at("pipe"), Errno::NODEV),
            (at("socket"), Errno::NODEV),
            ("/dev/null".into(), Errno::NODEV),
            ("/dev/zero".into(), Errno::NODEV),
            ("/proc/self/fd/0".into(), Errno::LOOP),
            ("/proc/self/environ".into(), Errno::LOOP),
            (format!("/proc/{}/environ", std::process::id()), Errno::NODEV),
            (format!("/proc/{}/fd/0", std::process::id()), Errno::LOOP),
            (format!("/proc/{}/root/etc/passwd", std::process::id()), Errno::LOOP),
            (format!("/proc/{}/cwd", std::process::id()), Errno::LOOP),
            ("/sys/kernel/mm/transparent_hugepage/enabled".into(), Errno::NODEV),
            ("/".into(), Errno::ISDIR),
            (at(&"n".repeat(300)), Errno::NAMETOOLONG),
            (format!("{}/x", at("").trim_end_matches('/')) + &"/d".repeat(3000), Errno::NAMETOOLONG),
        ] {
            if path.starts_with("/sys") && !Path::new(&path).exists() {
                continue;
            }
            assert_eq!(read(&path), Err(error), "{}", &path[..path.len().min(200)]);
        }
        // A link where something is to be written is refused too, whether it leads anywhere or not.
        for (path, error) in [
            (at("link"), Errno::LOOP),
            (at("dangling"), Errno::LOOP),
            (at("door/new"), Errno::LOOP),
            (at("none/new"), Errno::NOENT),
        ] {
            assert_eq!(base.place(&path).err(), Some(error), "{path}");
        }
        assert!(base.place(&at("new")).is_ok_and(|p| p.old().is_none()));
        assert!(std::fs::symlink_metadata(at("pipe")).unwrap().file_type().is_fifo());
    }

    #[test]
    fn another_root_is_not_left_by_any_path() {
        let tmp = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tmp.path().join("root/etc")).unwrap();
        std::fs::write(tmp.path().join("root/etc/passwd"), "inside").unwrap();
        std::fs::write(tmp.path().join("secret"), "outside").unwrap();
        symlink("../../secret", tmp.path().join("root/etc/out")).unwrap();
        let base = Base::at(&tmp.path().join("root")).unwrap();
        assert_eq!(base.find("/etc/passwd").unwrap().head(9).as_deref(), Ok(&b"inside"[..]));
        assert_eq!(base.find("/../secret").err(), Some(Errno::XDEV));
        assert_eq!(base.find("/etc/out").err(), Some(Errno::LOOP));
        assert_eq!(base.find("/").unwrap().kind(), "folder");
    }

    #[test]
    fn a_renaming_thread_never_makes_a_path_lead_elsewhere() {
        let tmp = tempfile::tempdir().unwrap();
        let at = |name: &str| below(tmp.path(), name);
        std::fs::create_dir_all(at("good")).unwrap();
        std::fs::create_dir_all(at("evil")).unwrap();
        std::fs::write(at("good/file"), "good").unwrap();
        std::fs::write(at("evil/file"), "evil").unwrap();
        symlink(at("evil"), at("link")).unwrap();
        let stop = AtomicBool::new(false);
        let seen = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    // Now a folder, now a link to another one.
                    for (from, to) in [("good", "aside"), ("link", "good"), ("good", "link"), ("aside", "good")] {
                        std::fs::rename(at(from), at(to)).unwrap();
                    }
                }
            });
            let base = Base::of_the_machine().unwrap();
            let mut seen = [0; 2];
            for _ in 0..20_000 {
                match base.find(&at("good/file")).and_then(|f| f.head(10)) {
                    Ok(content) => {
                        assert_eq!(content, b"good");
                        seen[0] += 1;
                    }
                    Err(e) => {
                        assert!(matches!(e, Errno::LOOP | Errno::NOENT | Errno::STALE), "{e}");
                        seen[1] += 1;
                    }
                }
            }
            stop.store(true, Ordering::Relaxed);
            seen
        });
        assert!(seen[0] > 0 && seen[1] > 0, "the race was never run: {seen:?}");
    }
}
