//! Notes that a person asked to be remembered: one store for each uid, in one journal.
//!
//! A forgotten note can be brought back for ten minutes; then its text is overwritten on disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::action::types::is_hidden;
use crate::clock::Clock;
use crate::store::{Durability, Log, LogError};

/// The longest note, in bytes.
pub const MAX_NOTE: usize = 16 * 1024;
/// How many notes a uid may have.
pub const MAX_NOTES: usize = 10_000;
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
    #[error("there are {MAX_NOTES} notes already; forget some first")]
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
    /// Read while a record is on its way to the journal, written while the journal is written anew: what is on its way is in
    /// neither the notes nor the new journal yet.
    rewriting: tokio::sync::RwLock<()>,
}

#[derive(Debug, Default)]
struct Notes {
    by_id: BTreeMap<u64, Note>,
    last: u64,
    /// The journal has the text of a note that must not be there any more.
    overdue: bool,
}

#[derive(Serialize, Deserialize)]
struct IdOf {
    id: u64,
    #[serde(default)]
    at: i64,
}

/// The data of a line of the journal.
#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Note(&'a Note),
    Id(IdOf),
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
                    notes.by_id.insert(note.id, note);
                }
                "forgotten" | "restored" | "purged" => {
                    let of: IdOf = serde_json::from_str(entry.data.get()).map_err(bad)?;
                    notes.last = notes.last.max(of.id);
                    match entry.kind {
                        // Whoever forgot it may have been stopped before the text was overwritten.
                        "purged" => notes.overdue |= notes.by_id.remove(&of.id).is_some(),
                        kind => {
                            if let Some(note) = notes.by_id.get_mut(&of.id) {
                                note.forgotten = (kind == "forgotten").then_some(of.at);
                            }
                        }
                    }
                }
                other => return Err(format!("`{other}` is no kind of record of the memory")),
            }
            Ok(())
        })?;
        let memory = Memory { log, clock, notes: Mutex::new(notes), rewriting: tokio::sync::RwLock::default() };
        memory.tidy();
        Ok(memory)
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
        let _on_its_way = self.rewriting.read().await;
        let (note, ack) = {
            let mut notes = self.notes();
            if notes.by_id.values().filter(|n| n.owner == owner && n.forgotten.is_none()).count() >= MAX_NOTES {
                return Err(MemoryError::Full);
            }
            let note = Note {
                id: notes.last + 1,
                ts: self.clock.now().timestamp(),
                owner,
                caller: caller.to_owned(),
                text: text.to_owned(),
                forgotten: None,
            };
            let ack = self.log.append("note", &note, Durability::Synced);
            notes.last = note.id;
            (note, ack)
        };
        ack.await?;
        self.notes().by_id.insert(note.id, note.clone());
        Ok(note)
    }

    /// The notes of a uid, oldest first; with words, those that have all of them, whatever the case.
    pub fn read(&self, owner: u32, words: Option<&str>) -> Vec<Note> {
        let wanted: Vec<String> = words.unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
        let has_all = |text: &str| {
            let text = text.to_lowercase();
            wanted.iter().all(|w| text.contains(w))
        };
        let notes = self.notes();
        let mine = notes.by_id.values().filter(|n| n.owner == owner && n.forgotten.is_none());
        mine.filter(|n| has_all(&n.text)).cloned().collect()
    }

    /// A note of a uid by its id, a forgotten one too while it can be brought back.
    pub fn find(&self, owner: u32, id: u64) -> Option<Note> {
        self.notes().by_id.get(&id).filter(|n| n.owner == owner).cloned()
    }

    /// Forgets a note. With `purge` its text is overwritten at once, else after ten minutes.
    ///
    /// # Errors
    /// When there is no such note, or it cannot be written.
    pub async fn forget(&self, owner: u32, id: u64, purge: bool) -> Result<(), MemoryError> {
        let at = self.clock.now().wall_ms;
        self.find(owner, id).filter(|n| purge || n.forgotten.is_none()).ok_or(MemoryError::NotFound)?;
        let on_its_way = self.rewriting.read().await;
        if !purge {
            self.log.append("forgotten", &IdOf { id, at }, Durability::Synced).await?;
            if let Some(note) = self.notes().by_id.get_mut(&id) {
                note.forgotten = Some(at);
            }
            return Ok(());
        }
        self.log.append("purged", &IdOf { id, at }, Durability::Synced).await?;
        {
            let mut notes = self.notes();
            notes.by_id.remove(&id);
            notes.overdue = true;
        }
        drop(on_its_way);
        let _alone = self.rewriting.write().await;
        Ok(self.rewrite().await.map(|_| self.notes().overdue = false)?)
    }

    /// Brings a forgotten note back.
    ///
    /// # Errors
    /// When it is gone, was not forgotten, or cannot be written.
    pub async fn restore(&self, owner: u32, id: u64) -> Result<Note, MemoryError> {
        self.find(owner, id).filter(|n| n.forgotten.is_some()).ok_or(MemoryError::NotFound)?;
        let _on_its_way = self.rewriting.read().await;
        self.log.append("restored", &json!({ "id": id }), Durability::Synced).await?;
        let mut notes = self.notes();
        let note = notes.by_id.get_mut(&id).ok_or(MemoryError::NotFound)?;
        note.forgotten = None;
        Ok(note.clone())
    }

    /// Overwrites the text of notes that were forgotten more than ten minutes ago. Called now and then.
    pub fn tidy(&self) {
        // Somebody writes at this moment: the next time, then.
        let Ok(_alone) = self.rewriting.try_write() else { return };
        let due = self.clock.now().wall_ms - FORGOTTEN_FOR * 1000;
        {
            let mut notes = self.notes();
            let before = notes.by_id.len();
            notes.by_id.retain(|_, n| n.forgotten.is_none_or(|at| at > due));
            notes.overdue |= notes.by_id.len() != before;
            if !notes.overdue {
                return;
            }
        }
        match self.rewrite().wait() {
            Ok(_) => self.notes().overdue = false,
            Err(e) => tracing::warn!("forgotten notes could not be overwritten yet: {e}"),
        }
    }

    /// Writes the journal anew with what there is now. Nothing may be on its way to it.
    fn rewrite(&self) -> crate::store::Ack {
        let notes = self.notes();
        // The last number stays known: a receipt for a note that is gone must never mean another one.
        let last = (!notes.by_id.contains_key(&notes.last)).then(|| ("purged", Line::Id(IdOf { id: notes.last, at: 0 })));
        self.log.rewrite(notes.by_id.values().map(|n| ("note", Line::Note(n))).chain(last))
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
