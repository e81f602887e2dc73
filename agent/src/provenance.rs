//! Which files were written through Steward in the last day, by whom and for which request.
//!
//! What starts programs asks it: a unit, a desktop entry or a program that a caller wrote a moment ago is that caller's code,
//! however it is called. It is then one class of harm up, and whoever is asked sees who wrote it. It remembers what Steward itself
//! wrote and nothing else: what a command changed or another program wrote is not in it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use steward_ipc::{Effect, Fact};
use steward_policy::Risk;
use uuid::Uuid;

use crate::action::types::visible;
use crate::clock::{Clock, Moment, rfc3339};
use crate::reply::Failure;
use crate::store::{Durability, Log, LogError};

/// How long it is known who wrote a file, in milliseconds: a day.
pub const KEPT_MS: i64 = 24 * 3_600_000;
/// How many writes are known at the most. When so many were made within a day no more are made, because forgetting one of them
/// would let it pass for somebody else's.
pub const MAX_WRITTEN: usize = 4096;
/// How much of a file is shown, in bytes.
const HEAD: usize = 2048;

/// A file that was written through Steward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Its absolute path without links.
    pub path: String,
    /// The device that it is on, and its number there: it is found again under another name.
    pub device: u64,
    /// See `device`.
    pub inode: u64,
    /// How long it is.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal: a copy is found too.
    pub sha256: String,
    /// Who wrote it.
    pub uid: u32,
    /// The program that asked for it, where that is known. The same uid can forge it.
    pub exe: Option<String>,
    /// The number of the request in the audit log.
    pub request: Uuid,
    /// When, in milliseconds since 1970.
    pub wall_ms: i64,
    /// The boot in which it was written, and milliseconds since then.
    pub boot_id: String,
    /// See `boot_id`.
    pub boot_ms: i64,
}

impl Written {
    /// Who wrote it, in a sentence.
    pub fn told(&self) -> String {
        let exe = self.exe.as_deref().map(|e| format!(" ({})", visible(e, 200))).unwrap_or_default();
        let when = rfc3339(self.wall_ms);
        format!(
            "`{}` was written through Steward at {when} by uid {}{exe}, request {}",
            visible(&self.path, 200),
            self.uid,
            self.request
        )
    }

    /// The same as one of the facts of a preview.
    pub fn fact(&self) -> Fact {
        Fact { name: "written by".to_owned(), value: self.told() }
    }

    /// The same as an effect of a preview, so that an approval is bound to the very content.
    pub fn effect(&self) -> Effect {
        Effect {
            verb: "rely on".to_owned(),
            object: visible(&self.path, 200),
            version: Some(self.sha256.clone()),
            origin: Some(format!("written through Steward by uid {}, request {}", self.uid, self.request)),
            ..Effect::default()
        }
    }

    /// The clocks must agree that a day is over; one that was turned forward does not end it.
    fn is_old(&self, now: &Moment) -> bool {
        let here = *now.boot_id == *self.boot_id;
        now.wall_ms - self.wall_ms > KEPT_MS && (!here || now.boot_ms - self.boot_ms > KEPT_MS)
    }
}

/// The class of harm of starting something: one up for what was written through Steward.
pub fn raised(risk: Risk, written: &[Arc<Written>]) -> Risk {
    if written.is_empty() { risk } else { risk.raised() }
}

/// What the preview of starting something has of what was written: who did, to which content the approval is bound, and the
/// beginning of the content.
pub async fn shown(written: Vec<Arc<Written>>) -> (Vec<Effect>, Vec<Fact>) {
    if written.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let effects = written.iter().map(|w| w.effect()).collect();
    let reading = tokio::task::spawn_blocking(move || {
        let mut facts = Vec::new();
        for one in written {
            facts.push(one.fact());
            facts.extend(head(Path::new(&one.path)).map(|value| Fact { name: "content".to_owned(), value }));
        }
        facts
    });
    (effects, reading.await.unwrap_or_default())
}

/// The beginning of a file as it is shown. None when it cannot be read. Blocking.
fn head(path: &Path) -> Option<String> {
    let (file, meta) = open(path)?;
    let mut bytes = Vec::new();
    file.take(HEAD as u64).read_to_end(&mut bytes).ok()?;
    let left = meta.len().saturating_sub(bytes.len() as u64);
    Some(shown_text(&bytes, left))
}

/// The beginning of a content as it is shown to a person, `most` bytes of it at the most.
pub(crate) fn head_of(content: &[u8], most: usize) -> String {
    let head = &content[..content.len().min(most)];
    shown_text(head, (content.len() - head.len()) as u64)
}

/// A text as it is shown: nothing in it that a terminal would obey, and how much of it is not shown.
fn shown_text(bytes: &[u8], left: u64) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<String> = text.lines().map(|l| visible(l, l.len())).collect();
    if left > 0 {
        lines.push(format!("… and {left} bytes more that are not shown"));
    }
    lines.join("\n")
}

/// What was written through Steward in the last day.
#[derive(Debug)]
pub struct Provenance {
    log: Log,
    clock: Clock,
    /// Guards the writes, the oldest first; never held while waiting for the disk.
    written: Mutex<VecDeque<Arc<Written>>>,
}

impl Provenance {
    /// Opens the journal at `path`, or makes it.
    ///
    /// # Errors
    /// When it cannot be read: the file, the line and what is wrong.
    pub fn open(path: &Path, clock: Clock) -> Result<Provenance, LogError> {
        let mut written = VecDeque::new();
        let log = Log::open(path, |entry| match entry.kind {
            "written" => {
                written.push_back(Arc::new(entry.parse::<Written>()?));
                Ok(())
            }
            other => Err(format!("`{other}` is no kind of record of what was written")),
        })?;
        let all = Provenance { log, clock, written: Mutex::new(written) };
        if let Some(Err(e)) = all.drop_old().map(crate::store::Ack::wait) {
            tracing::warn!("what was written long ago could not be dropped: {e}");
        }
        Ok(all)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Written>>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The latest write through Steward, within a day, of the file that `path` leads to: under this path, links followed, under
    /// another one (the same file), or as a copy of the same content. None when there was none. Looks at the file, so it blocks; see [`Provenance::find`].
    pub fn of(&self, path: &Path) -> Option<Arc<Written>> {
        let now = self.clock.now();
        let all: Vec<Arc<Written>> = self.lock().iter().filter(|w| !w.is_old(&now)).cloned().collect();
        if all.is_empty() {
            return None;
        }
        let real = path.canonicalize().ok();
        let named =
            |w: &Written| Path::new(&w.path) == path || real.as_deref().is_some_and(|r| Path::new(&w.path) == r);
        let found = open(path);
        let same =
            |w: &Written| found.as_ref().is_some_and(|(_, meta)| (meta.dev(), meta.ino()) == (w.device, w.inode));
        if let Some(one) = all.iter().rev().find(|w| named(w) || same(w)) {
            return Some(one.clone());
        }
        // A copy. What is empty is a copy of nothing.
        let (file, meta) = found?;
        if meta.len() == 0 || !all.iter().any(|w| w.bytes == meta.len()) {
            return None;
        }
        let mut bytes = Vec::new();
        file.take(meta.len()).read_to_end(&mut bytes).ok()?;
        let sha256 = sha256(&bytes);
        all.iter().rev().find(|w| w.sha256 == sha256).cloned()
    }

    /// The writes behind several paths, each once, without blocking. What is no absolute path is passed over.
    ///
    /// # Errors
    /// Our own; then it is not known, and nothing is started.
    pub async fn find(self: &Arc<Provenance>, paths: Vec<PathBuf>) -> Result<Vec<Arc<Written>>, Failure> {
        if self.lock().is_empty() {
            return Ok(Vec::new());
        }
        let all = self.clone();
        let looking = tokio::task::spawn_blocking(move || {
            let mut found: Vec<Arc<Written>> = Vec::new();
            for one in paths.iter().filter(|p| p.is_absolute()).filter_map(|p| all.of(p)) {
                if !found.contains(&one) {
                    found.push(one);
                }
            }
            found
        });
        looking.await.map_err(|e| Failure::internal(format!("looking for what was written: {e}")))
    }

    /// Writes down that a file is about to be put in its place; it survives a crash of the agent when this returns.
    ///
    /// # Errors
    /// When it cannot be written, or when too many files were written within a day: then the file must not be put there.
    pub async fn note(&self, written: Written) -> Result<(), NoteError> {
        let ack = {
            let now = self.clock.now();
            let mut all = self.lock();
            if all.len() >= MAX_WRITTEN && !all.front().is_some_and(|w| w.is_old(&now)) {
                return Err(NoteError::Full);
            }
            let ack = self.log.append("written", &written, Durability::Written);
            all.push_back(Arc::new(written));
            while all.len() > MAX_WRITTEN {
                all.pop_front();
            }
            ack
        };
        Ok(ack.await.map(drop)?)
    }

    /// Drops what is too old. Called now and then.
    pub async fn tidy(&self) {
        let Some(ack) = self.drop_old() else { return };
        if let Err(e) = ack.await {
            tracing::warn!("what was written long ago could not be dropped: {e}");
        }
    }

    fn drop_old(&self) -> Option<crate::store::Ack> {
        let now = self.clock.now();
        let mut all = self.lock();
        let before = all.len();
        all.retain(|w| !w.is_old(&now));
        // Under the lock, so that nothing that is added meanwhile is lost.
        (all.len() != before).then(|| self.log.rewrite(all.iter().map(|w| ("written", &**w))))
    }
}

/// Why a write could not be written down.
#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    /// Too many.
    #[error(
        "{MAX_WRITTEN} files were written within a day already; nothing is written until the oldest of them is a day old"
    )]
    Full,
    /// The journal could not be written.
    #[error("it could not be written down who writes it: {0}")]
    Log(#[from] LogError),
}

/// SHA-256 of some bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Opens a regular file for reading, links followed; nothing else is ever waited for or woken by it.
fn open(path: &Path) -> Option<(File, std::fs::Metadata)> {
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let flags = (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits();
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path).ok()?;
    let meta = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((file, meta))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place {
        folder: tempfile::TempDir,
        clock: Clock,
        all: Provenance,
    }

    fn place() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::set_to(Moment { boot_id: "one".into(), boot_ms: 1000, wall_ms: 1_000_000 });
        let all = Provenance::open(&folder.path().join("written.jsonl"), clock.clone()).unwrap();
        Place { folder, clock, all }
    }

    impl Place {
        fn written(&self, name: &str, content: &str) -> Written {
            let path = self.folder.path().canonicalize().unwrap().join(name);
            std::fs::write(&path, content).unwrap();
            let (meta, now) = (path.metadata().unwrap(), self.clock.now());
            Written {
                path: path.to_str().unwrap().to_owned(),
                device: meta.dev(),
                inode: meta.ino(),
                bytes: meta.len(),
                sha256: sha256(content.as_bytes()),
                uid: 1000,
                exe: Some("/usr/bin/model".to_owned()),
                request: Uuid::new_v4(),
                wall_ms: now.wall_ms,
                boot_id: now.boot_id.to_string(),
                boot_ms: now.boot_ms,
            }
        }

        fn knows(&self, name: &str) -> bool {
            self.all.of(&self.folder.path().join(name)).is_some()
        }
    }

    #[tokio::test]
    async fn what_was_written_is_found_under_any_name_and_as_a_copy() {
        let place = place();
        place.all.note(place.written("run.sh", "#!/bin/sh\nid\n")).await.unwrap();
        let at = |name: &str| place.folder.path().join(name);
        std::os::unix::fs::symlink(at("run.sh"), at("link")).unwrap();
        std::fs::hard_link(at("run.sh"), at("second")).unwrap();
        std::fs::copy(at("run.sh"), at("copy")).unwrap();
        std::fs::write(at("other"), "#!/bin/sh\nls\n").unwrap();
        std::fs::write(at("empty"), "").unwrap();
        for (name, known) in [
            ("run.sh", true),
            ("link", true),
            ("second", true),
            ("copy", true),
            ("other", false),
            ("empty", false),
            ("none", false),
            (".", false),
        ] {
            assert_eq!(place.knows(name), known, "{name}");
        }
        std::fs::rename(at("run.sh"), at("moved")).unwrap();
        assert!(place.knows("moved") && place.knows("run.sh"), "the name stays suspect too");
        let told = place.all.of(&at("moved")).unwrap().told();
        assert!(told.contains("by uid 1000 (/usr/bin/model), request "), "{told}");
    }

    #[tokio::test]
    async fn a_pipe_is_never_waited_for() {
        let place = place();
        place.all.note(place.written("run.sh", "#!/bin/sh\n")).await.unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            place.folder.path().join("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        assert!(!place.knows("pipe"));
    }

    #[tokio::test]
    async fn it_is_forgotten_after_a_day_by_both_clocks_and_survives_a_restart_before() {
        let place = place();
        place.all.note(place.written("a", "x")).await.unwrap();
        place.clock.turn(|m| m.wall_ms += KEPT_MS + 1);
        assert!(place.knows("a"), "a clock that was turned forward ends nothing");
        let again = Provenance::open(&place.folder.path().join("written.jsonl"), place.clock.clone());
        assert!(again.is_ok_and(|all| all.of(&place.folder.path().join("a")).is_some()));
        place.clock.turn(|m| m.boot_ms += KEPT_MS + 1);
        assert!(!place.knows("a"));
        place.all.tidy().await;
        assert!(place.all.lock().is_empty());
    }

    #[tokio::test]
    async fn too_many_writes_within_a_day_are_refused_and_none_is_forgotten() {
        let place = place();
        let one = place.written("a", "x");
        for n in 0..MAX_WRITTEN {
            place.all.lock().push_back(Arc::new(Written { path: format!("/n/{n}"), ..one.clone() }));
        }
        assert!(matches!(place.all.note(one.clone()).await, Err(NoteError::Full)));
        place.clock.turn(|m| (m.wall_ms, m.boot_ms) = (m.wall_ms + KEPT_MS + 1, m.boot_ms + KEPT_MS + 1));
        assert!(place.all.note(one).await.is_ok());
    }

    #[tokio::test]
    async fn what_starts_something_written_is_one_class_up() {
        let one = Arc::new(place().written("a", "x"));
        assert_eq!(raised(Risk::Reversible, std::slice::from_ref(&one)), Risk::Disruptive);
        assert_eq!(raised(Risk::Reversible, &[]), Risk::Reversible);
        let (effects, facts) = shown(vec![one]).await;
        assert_eq!((effects[0].verb.as_str(), facts[0].name.as_str()), ("rely on", "written by"));
    }
}
