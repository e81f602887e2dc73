//! Old contents of files that were replaced, so that they can be put back: one file for each in the state folder, for a week.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::store::{LogError, private_folder};

/// The largest content that is kept, in bytes: sixteen times what a request can write.
pub const MAX_KEPT: u64 = 1 << 20;
/// How many contents are kept, and how many bytes of them; the oldest go first.
const MAX_ENTRIES: usize = 1000;
const MAX_BYTES: u64 = 64 << 20;
/// How long they are kept, in milliseconds: as long as the receipts that name them.
pub const KEPT_FOR: i64 = 7 * 24 * 3_600_000;
/// The longest line about a content.
const MAX_LINE: u64 = 16 * 1024;

/// How a file stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
    /// Its permissions.
    pub mode: u32,
}

/// A change of a file, and what it was before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its id.
    pub id: Uuid,
    /// Whose change it was.
    pub owner: u32,
    /// The file.
    pub path: String,
    /// How it stood before; none when it was not there.
    pub before: Option<State>,
    /// How it stood after; none when it was removed.
    pub after: Option<State>,
    /// When, in milliseconds since 1970.
    pub wall_ms: i64,
}

/// Why an old content could not be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// It is not there any more, or somebody else's.
    #[error("the old content is not kept any more")]
    Gone,
    /// The disk says no.
    #[error("the old content cannot be kept: {0}")]
    Io(#[from] std::io::Error),
    /// The folder cannot be used.
    #[error("the old content cannot be kept: {0}")]
    Folder(#[from] LogError),
}

/// The folder of old contents.
#[derive(Debug)]
pub struct KeptFiles {
    folder: PathBuf,
    /// One tidies or adds at a time.
    turn: Mutex<()>,
}

impl KeptFiles {
    /// The contents in `folder`, which is made when the first is kept.
    pub fn new(folder: PathBuf) -> KeptFiles {
        KeptFiles { folder, turn: Mutex::default() }
    }

    /// Keeps a content; it is on disk when this returns. Blocking.
    ///
    /// # Errors
    /// When it cannot be written; then the file must not be replaced.
    pub fn keep(&self, kept: &Kept, content: &[u8]) -> Result<(), KeptError> {
        let _turn = self.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        private_folder(&self.folder)?;
        self.make_room(kept.wall_ms, content.len() as u64);
        let path = self.folder.join(kept.id.to_string());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file =
            File::from(rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR).map_err(std::io::Error::from)?);
        let mut line = serde_json::to_vec(kept).map_err(std::io::Error::other)?;
        line.push(b'\n');
        let done = file.write_all(&line).and_then(|()| file.write_all(content)).and_then(|()| file.sync_all());
        if let Err(e) = done.and_then(|()| File::open(&self.folder)?.sync_all()) {
            let _ = std::fs::remove_file(&path);
            return Err(e.into());
        }
        Ok(())
    }

    /// What is kept of a change of this owner's, without its content. Blocking.
    ///
    /// # Errors
    /// When there is none.
    pub fn about(&self, id: Uuid, owner: u32) -> Result<Kept, KeptError> {
        self.open(id, owner).map(|(kept, _)| kept)
    }

    /// What is kept of a change of this owner's. Blocking.
    ///
    /// # Errors
    /// When there is none, or when it is not what was kept.
    pub fn content(&self, id: Uuid, owner: u32) -> Result<(Kept, Vec<u8>), KeptError> {
        let (kept, rest) = self.open(id, owner)?;
        let mut content = Vec::new();
        rest.take(MAX_KEPT + 1).read_to_end(&mut content)?;
        match &kept.before {
            Some(before) if before.sha256 != crate::provenance::sha256(&content) => Err(KeptError::Gone),
            _ => Ok((kept, content)),
        }
    }

    fn open(&self, id: Uuid, owner: u32) -> Result<(Kept, BufReader<File>), KeptError> {
        let path = self.folder.join(id.to_string());
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::open(&path, flags, Mode::empty()).map_err(|_| KeptError::Gone)?;
        let mut reader = BufReader::new(File::from(file));
        let mut line = Vec::new();
        (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line)?;
        let kept: Kept = serde_json::from_slice(&line).map_err(|_| KeptError::Gone)?;
        if kept.owner != owner || kept.id != id { Err(KeptError::Gone) } else { Ok((kept, reader)) }
    }

    /// Drops what is too old or too much. Called now and then; blocking.
    pub fn tidy(&self, wall_ms: i64) {
        let _turn = self.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.make_room(wall_ms, 0);
    }

    fn make_room(&self, wall_ms: i64, bytes: u64) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        let mut all: Vec<(i64, u64, PathBuf)> = entries
            .flatten()
            .filter_map(|e| {
                let meta = e.metadata().ok()?;
                let ms = meta.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis();
                Some((i64::try_from(ms).ok()?, meta.len(), e.path()))
            })
            .collect();
        all.sort();
        let mut left = all.len() + 1;
        let mut size = bytes + all.iter().map(|(_, len, _)| len).sum::<u64>();
        for (ms, len, path) in all {
            if wall_ms - ms <= KEPT_FOR && left <= MAX_ENTRIES && size <= MAX_BYTES {
                break;
            }
            remove(&path);
            left -= 1;
            size -= len;
        }
    }
}

fn remove(path: &Path) {
    if let Err(e) = std::fs::remove_file(path) {
        tracing::warn!("{} could not be removed: {e}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(content: &[u8]) -> Kept {
        let state = State { bytes: content.len() as u64, sha256: crate::provenance::sha256(content), mode: 0o644 };
        Kept {
            id: Uuid::new_v4(),
            owner: 7,
            path: "/tmp/x".into(),
            before: Some(state),
            after: None,
            wall_ms: std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64,
        }
    }

    #[test]
    fn a_content_is_its_owners_and_must_be_what_was_kept() {
        let tmp = tempfile::tempdir().unwrap();
        let all = KeptFiles::new(tmp.path().join("kept"));
        let one = kept(b"a\nb\0c");
        all.keep(&one, b"a\nb\0c").unwrap();
        assert_eq!(all.content(one.id, 7).unwrap(), (one.clone(), b"a\nb\0c".to_vec()));
        assert!(matches!(all.content(one.id, 8), Err(KeptError::Gone)), "another owner");
        assert!(matches!(all.content(Uuid::new_v4(), 7), Err(KeptError::Gone)));
        let path = tmp.path().join("kept").join(one.id.to_string());
        let mode = std::os::unix::fs::MetadataExt::mode(&path.metadata().unwrap());
        assert_eq!(mode & 0o777, 0o600);
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"!").unwrap();
        assert!(matches!(all.content(one.id, 7), Err(KeptError::Gone)), "it was changed");
        std::fs::write(&path, "no json").unwrap();
        assert!(matches!(all.content(one.id, 7), Err(KeptError::Gone)));
    }

    #[test]
    fn the_oldest_make_room() {
        let tmp = tempfile::tempdir().unwrap();
        let all = KeptFiles::new(tmp.path().join("kept"));
        let large = vec![b'x'; MAX_KEPT as usize];
        let ids: Vec<Uuid> = (0..66)
            .map(|_| {
                let one = kept(&large);
                all.keep(&one, &large).unwrap();
                one.id
            })
            .collect();
        let there = |id: &Uuid| all.about(*id, 7).is_ok();
        assert!(!there(&ids[0]) && there(&ids[65]));
        let last = kept(b"");
        all.tidy(last.wall_ms + KEPT_FOR + 60_000);
        assert!(!there(&ids[65]));
    }
}
