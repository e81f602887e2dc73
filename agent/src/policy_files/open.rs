//! Opening policy files so that what was checked is what is read: descriptor by descriptor from the root, following no link.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Dir, FileType, Mode, OFlags, Stat, fstat, open, openat};
use rustix::io::Errno;
use steward_policy::LoadError;

use super::{MAX_FILE, MAX_FILES};

/// A file that was checked and read.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) owner: u32,
    pub(super) folder_owners: Vec<u32>,
}

/// Whether links in the path of a folder are followed. The system's folders are taken as they are; a user may keep a home behind
/// a link, and then the folders of the real path are checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Folder {
    AsItIs,
    Resolved,
}

/// Who may write, as three bits each for owner, group and others.
const GROUP_OR_OTHER_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// All `*.toml` in a folder, sorted by name; names that begin with a dot are left out. A missing folder has none, and a folder
/// without such files is not looked at further.
pub(super) fn all(path: &Path, owners: &[u32], how: Folder) -> Result<Vec<Opened>, Vec<LoadError>> {
    let wrong = |message: String| vec![LoadError::file(path.display().to_string(), message)];
    let real = match how {
        Folder::AsItIs => path.to_owned(),
        Folder::Resolved => match path.canonicalize() {
            Ok(real) => real,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(wrong(format!("cannot be read: {e}"))),
        },
    };
    let walked = match walk(&real, owners) {
        Ok(walked) => walked,
        Err(Walk::Missing) => return Ok(Vec::new()),
        Err(Walk::Wrong(at, message)) => return Err(vec![LoadError::file(at.display().to_string(), message)]),
    };
    let names = names(&walked.folder).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    if names.is_empty() {
        return Ok(Vec::new());
    }
    if names.len() > MAX_FILES {
        return Err(wrong(format!("has more than {MAX_FILES} policy files")));
    }
    if let Some((at, message)) = walked.problem {
        return Err(vec![LoadError::file(at.display().to_string(), message)]);
    }
    let mut files = Vec::new();
    let mut errors = Vec::new();
    for name in names {
        match read(&walked.folder, &name, &path.join(&name), owners, &walked.owners) {
            Ok(file) => files.push(file),
            Err(e) => errors.push(e),
        }
    }
    if errors.is_empty() { Ok(files) } else { Err(errors) }
}

/// One file that was named; it must exist.
pub(super) fn one(path: &Path, owners: &[u32]) -> Result<Opened, LoadError> {
    let wrong = |message: String| LoadError::file(path.display().to_string(), message);
    let name = path.file_name().ok_or_else(|| wrong("is not a file".to_owned()))?.to_owned();
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let real = parent.canonicalize().map_err(|e| wrong(format!("cannot be read: {e}")))?;
    let walked = match walk(&real, owners) {
        Ok(walked) => walked,
        Err(Walk::Missing) => return Err(wrong("does not exist".to_owned())),
        Err(Walk::Wrong(at, message)) => return Err(LoadError::file(at.display().to_string(), message)),
    };
    if let Some((at, message)) = walked.problem {
        return Err(LoadError::file(at.display().to_string(), message));
    }
    read(&walked.folder, &name, path, owners, &walked.owners)
}

struct Walked {
    folder: OwnedFd,
    owners: Vec<u32>,
    /// The first folder that somebody else could write.
    problem: Option<(PathBuf, String)>,
}

enum Walk {
    Missing,
    Wrong(PathBuf, String),
}

/// Opens a folder from the root downwards, looking at each on the way.
fn walk(path: &Path, owners: &[u32]) -> Result<Walked, Walk> {
    const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
    const THROUGH: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
    let mut at = PathBuf::from("/");
    let wrong = |at: &Path, e: Errno| match e {
        Errno::NOENT => Walk::Missing,
        Errno::LOOP | Errno::NOTDIR => Walk::Wrong(at.to_owned(), "is a link or not a folder".to_owned()),
        e => Walk::Wrong(at.to_owned(), format!("cannot be opened: {e}")),
    };
    let mut folder = open("/", THROUGH, Mode::empty()).map_err(|e| wrong(&at, e))?;
    let mut walked_owners = Vec::new();
    let mut problem = None;
    let parts: Vec<_> = path.components().filter(|c| !matches!(c, Component::RootDir)).collect();
    for i in 0..=parts.len() {
        let stat = fstat(&folder).map_err(|e| wrong(&at, e))?;
        if problem.is_none() {
            problem = others_can_write(&stat, owners, i < parts.len()).map(|message| (at.clone(), message));
        }
        if !walked_owners.contains(&stat.st_uid) {
            walked_owners.push(stat.st_uid);
        }
        let Some(part) = parts.get(i) else { break };
        let Component::Normal(name) = part else {
            return Err(Walk::Wrong(path.to_owned(), "is not an absolute path".to_owned()));
        };
        at.push(name);
        let flags = if i + 1 == parts.len() { FOLDER } else { THROUGH };
        folder = openat(folder.as_fd(), *name, flags, Mode::empty()).map_err(|e| wrong(&at, e))?;
    }
    Ok(Walked { folder, owners: walked_owners, problem })
}

/// What is wrong with a folder above a policy file. A sticky folder such as `/tmp` may be written by all when a folder that is checked
/// too lies between: nobody but its owner can then rename or remove that one.
fn others_can_write(stat: &Stat, owners: &[u32], has_next: bool) -> Option<String> {
    // Root can write everywhere anyway.
    if stat.st_uid != 0 && !owners.contains(&stat.st_uid) {
        return Some(format!("belongs to uid {}, who could change the policy", stat.st_uid));
    }
    let mode = stat.st_mode & 0o7777;
    if mode & GROUP_OR_OTHER_WRITE != 0 && !(mode & STICKY != 0 && has_next) {
        return Some(format!("can be written by group or others (mode {mode:04o}); chmod go-w it"));
    }
    None
}

fn names(folder: &OwnedFd) -> Result<Vec<std::ffi::OsString>, Errno> {
    use std::os::unix::ffi::OsStrExt as _;
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name.ends_with(b".toml") && !name.starts_with(b".") {
            names.push(std::ffi::OsStr::from_bytes(name).to_owned());
            if names.len() > MAX_FILES {
                break;
            }
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn read(
    folder: &OwnedFd,
    name: &std::ffi::OsStr,
    path: &Path,
    owners: &[u32],
    folder_owners: &[u32],
) -> Result<Opened, LoadError> {
    let wrong = |message: String| LoadError::file(path.display().to_string(), message);
    // NONBLOCK, so that a FIFO in the folder cannot hold up the start.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = openat(folder.as_fd(), name, flags, Mode::empty()).map_err(|e| match e {
        Errno::LOOP => wrong("is a link; policy files are opened without following links".to_owned()),
        Errno::NOENT => wrong("does not exist".to_owned()),
        e => wrong(format!("cannot be opened: {e}")),
    })?;
    let stat = fstat(&file).map_err(|e| wrong(format!("cannot be looked at: {e}")))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(wrong("is not a regular file".to_owned()));
    }
    if !owners.contains(&stat.st_uid) {
        let allowed = owners.iter().map(u32::to_string).collect::<Vec<_>>().join(" or ");
        return Err(wrong(format!("belongs to uid {}; it must belong to uid {allowed}", stat.st_uid)));
    }
    let mode = stat.st_mode & 0o7777;
    if mode & GROUP_OR_OTHER_WRITE != 0 {
        return Err(wrong(format!("can be written by group or others (mode {mode:04o}); chmod go-w it")));
    }
    let mut bytes = Vec::new();
    File::from(file).take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(wrong(format!("is larger than {} MiB", MAX_FILE >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("is not UTF-8".to_owned()))?;
    if text.trim().is_empty() {
        return Err(wrong("the file is empty".to_owned()));
    }
    Ok(Opened { path: path.to_owned(), text, owner: stat.st_uid, folder_owners: folder_owners.to_vec() })
}
