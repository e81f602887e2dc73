//! Notes that a person asked to be remembered: one store for each uid, in one journal.
//!
//! A forgotten note can be brought back for ten minutes; then its text is overwritten on disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use crate::action::types::is_hidden;
use crate::clock::Clock;
use crate::store::{Ack, Durability, Log, LogError};

/// The longest note, in bytes.
pub const MAX_NOTE: usize = 16 * 1024;
/// How many notes a uid may have, forgotten ones that can be brought back included.
pub const MAX_NOTES: usize = 10_000;
/// How many bytes of text a uid may have in its notes, forgotten ones included.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// How long a forgotten note can be brought back, in seconds.
pub const FORGOTTEN_FOR: i64 = 600;

/// A note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Counts the notes of this store.
    pub id: u64,
    /// When, RFC 3339 in UTC.
    pub ts: String,
    /// Whose it is.
    pub owner: u32,
    /// Who sent it: the executable, else the door.
    pub caller: String,
    /// The text, to the letter.
    pub text: String,
    /// When it was forgotten, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<i64>,
}

/// Why a note could not be kept, found or forgotten.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// Nothing to remember.
    #[error("missing memory text")]
    Empty,
    /// Too long.
    #[error("a note has at most {MAX_NOTE} bytes; this one has {0}")]
    TooLong(usize),
    /// Characters that cannot be seen.
    #[error("a note cannot have the invisible character {0}; leave it out")]
    Hidden(String),
    /// Too many.
    #[error(
        "there are {MAX_NOTES} notes or {} MiB of them already; forget some (each counts until its text is overwritten)",
        MAX_BYTES / 1024 / 1024
    )]
    Full,
    /// No such note.
    #[error("there is no such note; `read_context` lists what there is")]
    NotFound,
    /// The journal could not be written.
    #[error("the note could not be written: {0}")]
    Log(#[from] LogError),
}

/// The notes of everybody whom this agent serves.
#[derive(Debug)]
pub struct Memory {
    log: Log,
    clock: Clock,
    /// Guards the notes by id; never held while waiting for the disk.
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    by_id: BTreeMap<u64, Arc<Note>>,
    last: u64,
}

#[derive(Serialize, Deserialize)]
struct IdOf {
    id: u64,
    #[serde(default)]
    at: i64,
}

impl Memory {
    /// Opens the journal at `path`, or makes it.
    ///
    /// # Errors
    /// When it cannot be read: the file, the line and what is wrong.
    pub fn open(path: &Path, clock: Clock) -> Result<Memory, LogError> {
        let mut notes = Notes::default();
        let log = Log::open(path, |entry| {
            let bad = |e: serde_json::Error| e.to_string();
            match entry.kind {
                "note" => {
                    let note: Note = serde_json::from_str(entry.data.get()).map_err(bad)?;
                    notes.last = notes.last.max(note.id);
                    notes.by_id.insert(note.id, Arc::new(note));
                }
                "last" | "forgotten" | "restored" => {
                    let of: IdOf = serde_json::from_str(entry.data.get()).map_err(bad)?;
                    notes.last = notes.last.max(of.id);
                    if let Some(note) = notes.by_id.get_mut(&of.id).filter(|_| entry.kind != "last") {
                        Arc::make_mut(note).forgotten = (entry.kind == "forgotten").then_some(of.at);
                    }
                }
                other => return Err(format!("`{other}` is no kind of record of the memory")),
            }
            Ok(())
        })?;
        Ok(Memory { log, clock, notes: Mutex::new(notes) })
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Keeps a note; it is on disk when this returns.
    ///
    /// # Errors
    /// When it is empty, too long, has hidden characters, or cannot be written.
    pub async fn remember(&self, owner: u32, caller: &str, text: &str) -> Result<Note, MemoryError> {
        check(text)?;
        let (note, ack) = {
            let mut notes = self.notes();
            let mine = notes.by_id.values().filter(|n| n.owner == owner);
            let (number, bytes) = mine.fold((0, text.len()), |(number, bytes), n| (number + 1, bytes + n.text.len()));
            if number >= MAX_NOTES || bytes > MAX_BYTES {
                return Err(MemoryError::Full);
            }
            notes.last += 1;
            let note = Note {
                id: notes.last,
                ts: self.clock.now().timestamp(),
                owner,
                caller: caller.to_owned(),
                text: text.to_owned(),
                forgotten: None,
            };
            notes.by_id.insert(note.id, Arc::new(note.clone()));
            (note.clone(), self.log.append("note", &note, Durability::Synced))
        };
        if let Err(e) = ack.await {
            self.notes().by_id.remove(&note.id);
            return Err(e.into());
        }
        Ok(note)
    }

    /// The notes of a uid, oldest first; with words, those that have all of them, whatever the case.
    pub fn read(&self, owner: u32, words: Option<&str>) -> Vec<Arc<Note>> {
        let wanted: Vec<String> = words.unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
        let has_all = |text: &str| {
            let text = text.to_lowercase();
            wanted.iter().all(|w| text.contains(w))
        };
        let mut mine: Vec<Arc<Note>> = {
            let notes = self.notes();
            notes.by_id.values().filter(|n| n.owner == owner && n.forgotten.is_none()).cloned().collect()
        };
        // The lock is not held for the search: nobody else waits for it.
        if !wanted.is_empty() {
            mine.retain(|n| has_all(&n.text));
        }
        mine
    }

    /// A note of a uid by its id, a forgotten one too while it can be brought back.
    pub fn find(&self, owner: u32, id: u64) -> Option<Note> {
        self.notes().by_id.get(&id).filter(|n| n.owner == owner).map(|n| Note::clone(n))
    }

    /// Forgets a note. With `purge` its text is overwritten at once, else after ten minutes.
    ///
    /// # Errors
    /// When there is no such note, or it cannot be written.
    pub async fn forget(&self, owner: u32, id: u64, purge: bool) -> Result<(), MemoryError> {
        let at = self.clock.now().wall_ms;
        if purge {
            let ack = {
                let mut notes = self.notes();
                notes.by_id.get(&id).filter(|n| n.owner == owner).ok_or(MemoryError::NotFound)?;
                notes.by_id.remove(&id);
                self.rewrite(&notes)
            };
            ack.await?;
            return Ok(());
        }
        self.mark(owner, id, "forgotten", Some(at)).await.map(|_| ())
    }

    /// Brings a forgotten note back.
    ///
    /// # Errors
    /// When it is gone, was not forgotten, or cannot be written.
    pub async fn restore(&self, owner: u32, id: u64) -> Result<Note, MemoryError> {
        self.mark(owner, id, "restored", None).await
    }

    /// Changes whether a note is forgotten, and takes the change back when it cannot be written.
    async fn mark(&self, owner: u32, id: u64, kind: &str, forgotten: Option<i64>) -> Result<Note, MemoryError> {
        let (before, ack, note) = {
            let mut notes = self.notes();
            let note = notes.by_id.get_mut(&id).filter(|n| n.owner == owner);
            let note = note.filter(|n| n.forgotten.is_some() != forgotten.is_some()).ok_or(MemoryError::NotFound)?;
            let note = Arc::make_mut(note);
            let before = std::mem::replace(&mut note.forgotten, forgotten);
            let at = forgotten.unwrap_or_default();
            (before, self.log.append(kind, &IdOf { id, at }, Durability::Synced), note.clone())
        };
        if let Err(e) = ack.await {
            if let Some(note) = self.notes().by_id.get_mut(&id) {
                Arc::make_mut(note).forgotten = before;
            }
            return Err(e.into());
        }
        Ok(note)
    }

    /// Overwrites the text of notes that were forgotten more than ten minutes ago, and says whether there were any. Called
    /// now and then.
    pub async fn tidy(&self) -> bool {
        let due = self.clock.now().wall_ms - FORGOTTEN_FOR * 1000;
        let ack = {
            let mut notes = self.notes();
            let before = notes.by_id.len();
            notes.by_id.retain(|_, n| n.forgotten.is_none_or(|at| at > due));
            if notes.by_id.len() == before {
                return false;
            }
            self.rewrite(&notes)
        };
        if let Err(e) = ack.await {
            tracing::warn!("forgotten notes could not be overwritten: {e}");
        }
        true
    }

    /// Writes the journal anew. Called under the lock under which notes change, so that none is lost between.
    fn rewrite(&self, notes: &Notes) -> Ack {
        // The last id is kept, so that no id comes twice.
        let last = std::iter::once(("last", serde_json::to_value(IdOf { id: notes.last, at: 0 })));
        let records = last.chain(notes.by_id.values().map(|n| ("note", serde_json::to_value(n.as_ref()))));
        self.log.rewrite(records.filter_map(|(kind, value)| Some((kind, value.ok()?))))
    }
}

fn check(text: &str) -> Result<(), MemoryError> {
    if text.trim().is_empty() {
        return Err(MemoryError::Empty);
    }
    if text.len() > MAX_NOTE {
        return Err(MemoryError::TooLong(text.len()));
    }
    // A note may have several lines; what cannot be seen would deceive the person who reads it later.
    match text.chars().find(|c| is_hidden(*c) && !matches!(c, '\n' | '\t' | '\u{200D}' | '\u{FE0F}')) {
        Some(c) => Err(MemoryError::Hidden(format!("U+{:04X}", u32::from(c)))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn forgotten_notes_count_until_they_are_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::open(&folder.path().join("memory.jsonl"), Clock::system()).unwrap();
        let text = "a".repeat(MAX_NOTE);
        for _ in 0..MAX_BYTES / MAX_NOTE {
            let note = memory.remember(1000, "test", &text).await.unwrap();
            memory.forget(1000, note.id, false).await.unwrap();
        }
        assert!(matches!(memory.remember(1000, "test", "b").await, Err(MemoryError::Full)));
        assert!(memory.remember(1001, "test", "b").await.is_ok(), "another uid has its own room");
    }
}
