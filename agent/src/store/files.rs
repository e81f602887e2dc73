//! Folders and files that belong to the agent alone: modes, owners, no links, and what must be synced when names change.

use super::LogError;
use rustix::fs::{FileType, Mode, OFlags};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

/// Mode of every file that the agent makes.
const FILE_MODE: u32 = 0o600;
/// Mode of every folder that the agent makes.
const FOLDER_MODE: u32 = 0o700;

/// Makes `path` (and its parents) as a folder that only this user can enter, or checks and tightens the one that is there.
///
/// # Errors
/// When it cannot be made, is a symbolic link or no folder, belongs to somebody else, or can be written by others.
pub fn private_folder(path: &Path) -> Result<(), LogError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(path)
        .map_err(|e| LogError::io("cannot make the folder", path, e))?;
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    let fd = rustix::fs::open(path, flags, Mode::empty())
        .map_err(|e| LogError::io("cannot open as a folder that is not a link:", path, e.into()))?;
    let stat = rustix::fs::fstat(&fd).map_err(|e| LogError::io("cannot look at", path, e.into()))?;
    let folder = |why: String| LogError::Folder { path: path.to_owned(), why };
    let me = rustix::process::geteuid().as_raw();
    if stat.st_uid != me {
        return Err(folder(format!("it belongs to uid {}, not to uid {me}", stat.st_uid)));
    }
    if stat.st_mode & 0o022 != 0 {
        return Err(folder(format!(
            "others can write to it (mode {:03o}); run `chmod 700` on it",
            stat.st_mode & 0o777
        )));
    }
    if stat.st_mode & 0o077 != 0 {
        rustix::fs::fchmod(&fd, Mode::from_raw_mode(FOLDER_MODE))
            .map_err(|e| LogError::io("cannot make private", path, e.into()))?;
    }
    Ok(())
}

/// Opens `path` for reading and appending and makes it (mode 0600) when it is not there. Links are not followed, and
/// anything but a regular file of this user is refused.
pub(crate) fn open_private(path: &Path) -> Result<File, LogError> {
    // NONBLOCK: a FIFO put in our place must not hang the start.
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mode = Mode::from_raw_mode(FILE_MODE);
    let fd = match rustix::fs::open(path, flags, mode) {
        Err(rustix::io::Errno::NOENT) => {
            let fd = rustix::fs::open(path, flags | OFlags::CREATE | OFlags::EXCL, mode)
                .map_err(|e| LogError::io("cannot make", path, e.into()))?;
            sync_folder(path)?;
            fd
        }
        other => other.map_err(|e| LogError::io("cannot open (links are not followed)", path, e.into()))?,
    };
    let stat = rustix::fs::fstat(&fd).map_err(|e| LogError::io("cannot look at", path, e.into()))?;
    let folder = |why: &str| LogError::Folder { path: path.to_owned(), why: why.to_owned() };
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(folder("it is not a regular file"));
    }
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(folder("it belongs to somebody else"));
    }
    if stat.st_mode & 0o077 != 0 {
        rustix::fs::fchmod(&fd, mode).map_err(|e| LogError::io("cannot make private", path, e.into()))?;
    }
    Ok(File::from(fd))
}

/// Puts the folder that holds `path` on disk, so that a new or renamed file is still there after a power cut (fsync(2)).
pub(crate) fn sync_folder(path: &Path) -> Result<(), LogError> {
    let parent = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    File::open(parent).and_then(|f| f.sync_all()).map_err(|e| LogError::io("cannot sync the folder", parent, e))
}

/// Replaces the whole of `path` in one step: a new file beside it (mode 0600), synced, renamed.
pub(crate) fn replace_file(
    path: &Path,
    write: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> Result<File, LogError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = std::path::PathBuf::from(name);
    match std::fs::remove_file(&new) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(LogError::io("cannot remove", &new, e)),
        _ => {}
    }
    let mut file = open_private(&new)?;
    let done = write(&mut file)
        .and_then(|()| file.flush())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&new, path));
    if let Err(e) = done {
        let _ = std::fs::remove_file(&new);
        return Err(LogError::io("cannot replace", path, e));
    }
    sync_folder(path)?;
    Ok(file)
}

/// True when `path` names the file that is open as `file`.
pub(crate) fn same_file(path: &Path, file: &File) -> bool {
    match (std::fs::symlink_metadata(path), file.metadata()) {
        (Ok(a), Ok(b)) => a.dev() == b.dev() && a.ino() == b.ino(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_folder_is_made_private_and_a_readable_one_is_tightened() {
        let tmp = tempfile::tempdir().unwrap();
        let (new, loose) = (tmp.path().join("a/b"), tmp.path().join("loose"));
        std::fs::create_dir(&loose).unwrap();
        std::fs::set_permissions(&loose, PermissionsExt::from_mode(0o755)).unwrap();
        for folder in [new, loose] {
            private_folder(&folder).unwrap();
            assert_eq!(folder.metadata().unwrap().mode() & 0o7777, 0o700, "{}", folder.display());
        }
    }

    #[test]
    fn a_folder_that_is_a_link_or_open_for_writing_is_refused() {
        let tmp = tempfile::tempdir().unwrap();
        let open = tmp.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, PermissionsExt::from_mode(0o777)).unwrap();
        assert!(private_folder(&open).unwrap_err().to_string().contains("others can write"));
        std::fs::set_permissions(&open, PermissionsExt::from_mode(0o700)).unwrap();
        let link = tmp.path().join("link");
        symlink(&open, &link).unwrap();
        assert!(private_folder(&link).is_err());
    }

    #[test]
    fn a_file_that_is_a_link_a_folder_or_a_pipe_is_refused() {
        let tmp = tempfile::tempdir().unwrap();
        let link = tmp.path().join("link");
        symlink(tmp.path().join("target"), &link).unwrap();
        assert!(open_private(&link).is_err());
        assert!(!tmp.path().join("target").exists());
        let pipe = tmp.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        assert!(open_private(&pipe).is_err());
        assert!(open_private(tmp.path()).is_err());
    }
}
