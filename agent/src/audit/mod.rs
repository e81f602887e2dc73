//! The audit log: what was asked, judged and done, in a hash chain that can be checked.
//!
//! One writer thread seals the records ([`chain`](Stored)), commits them in groups and rotates the files; readers take no
//! lock. The log does not decide what is recorded and what is secret: the core does, before it hands a record over.

mod anchor;
mod book;
mod chain;
mod count;
mod open;
mod read;
mod record;
mod space;
mod verify;

pub use anchor::{Anchor, Head, JOURNAL_MESSAGE_ID, JOURNAL_SOCKET};
pub use chain::{MAX_RECORD, Place, Sha256Hash, Stored};
pub use count::{LOOKS_A_MINUTE, RECORDS_A_MINUTE, What};
pub use read::{Follow, ReadError, Records, read, show, tail};
pub use record::{AuditCaller, AuditRecord, Importance, Kind};
pub use verify::{Finding, Flaw, Proof, Report, Verdict, verify};

use crate::store::{Ack, Durability, LogError, Writer};
use book::{AuditBook, Item};
use count::{Counts, Limits};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// Where the log is and how large it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The state folder. The log is in its `audit/` unless `file` says otherwise; the head file always is.
    pub state_dir: PathBuf,
    /// Another file for the log (`--audit FILE`).
    pub file: Option<PathBuf>,
    /// A file that has grown to this many bytes is rotated.
    pub rotate_bytes: u64,
    /// So many rotated files are kept, the newest; 0 keeps all. The removal of older ones is recorded in the chain.
    pub keep: u32,
    /// So many bytes are set aside for refusals on a full disk.
    pub reserve_bytes: u64,
    /// The socket of the system journal that gets the head of the chain; `None` tells nobody.
    pub journal_socket: Option<PathBuf>,
}

impl Config {
    /// The defaults: files of 5 MiB (some 10,000 records), all of them kept, 256 KiB set aside, the system's journal told.
    #[must_use]
    pub fn new(state_dir: &Path) -> Config {
        Config {
            state_dir: state_dir.to_owned(),
            file: None,
            rotate_bytes: 5 << 20,
            keep: 0,
            reserve_bytes: 256 << 10,
            journal_socket: Some(JOURNAL_SOCKET.into()),
        }
    }

    /// The files that these settings mean.
    #[must_use]
    pub fn place(&self) -> Place {
        match &self.file {
            Some(file) => Place::of_file(file, &self.state_dir),
            None => Place::in_state(&self.state_dir),
        }
    }
}

/// Why a record was not written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AuditError {
    /// No space: only refusals are written until there is some.
    #[error("the disk is full, so the audit log cannot record this and it is not done; make space and try again")]
    Full,
    /// Anything else.
    #[error(transparent)]
    Log(LogError),
}

impl From<LogError> for AuditError {
    fn from(error: LogError) -> AuditError {
        if error.is_full() { AuditError::Full } else { AuditError::Log(error) }
    }
}

/// The open log. Dropping it stops it in order.
#[derive(Debug)]
pub struct Audit {
    writer: Writer<AuditBook>,
    counts: Arc<Counts>,
    /// How many records each uid has had of what is limited; held for one look-up.
    limits: Mutex<Limits>,
    unfinished: Vec<Stored>,
    full: Arc<AtomicBool>,
    start: Instant,
}

impl Audit {
    /// Opens or makes the log and goes on with its chain. What a crash left at its end is cut off; that, and a head file
    /// that does not fit, is recorded as a `note`. The state folder must be locked by this process.
    ///
    /// # Errors
    /// When the files cannot be used.
    pub fn open(config: Config) -> Result<Audit, AuditError> {
        let place = config.place();
        let opened = open::open(&place, &config.state_dir)?;
        let counts = Arc::new(Counts::new());
        let end = (opened.end, opened.first);
        let book = AuditBook::new(place, config, opened.lines, end, Arc::clone(&counts), opened.notes)?;
        let full = book.space().flag();
        let writer = Writer::start("audit", book)?;
        let limits = Mutex::new(Limits::new());
        Ok(Audit { writer, counts, limits, unfinished: opened.unfinished, full, start: Instant::now() })
    }

    /// Writes a record; the acknowledgement carries its number. Of refused and malformed lines only
    /// [`RECORDS_A_MINUTE`] a uid are recorded, of denied requests and of those that only look [`LOOKS_A_MINUTE`] each; the
    /// others are counted and have the number 0. A request whose `judged` record has that number gets no `finished` one.
    ///
    /// Where nothing waits before it, the record is written before this returns; so not under a lock that others wait for.
    pub fn write(&self, record: &AuditRecord, durability: Durability) -> Ack<AuditError> {
        let limited = match record.kind {
            Kind::Refused => Some(What::Refused),
            Kind::Malformed => Some(What::Malformed),
            Kind::Denied => Some(What::Denied),
            Kind::Judged if record.observe => Some(What::Observed),
            _ => None,
        };
        if let Some(what) = limited {
            let uid = uid_of(record);
            let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
            if !limits.admit(uid, what, self.start.elapsed()) {
                self.counts.add(uid, what);
                return Ack::ready(Ok(0));
            }
        }
        if record.importance == Importance::Act && self.is_full() {
            return Ack::ready(Err(AuditError::Full));
        }
        let item = Item::from(record);
        let bytes = item.members.len() + chain::FRAME;
        self.writer.append_here(item, bytes, durability)
    }

    /// Queues a record that nobody waits for. One that the queue does not take is counted as lost.
    pub fn tell(&self, record: &AuditRecord) {
        let mut ack = self.write(record, Durability::Written);
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(Err(_)) = Pin::new(&mut ack).poll(&mut context) {
            self.counts.add(uid_of(record), What::Lost);
        }
    }

    /// Counts something that gets no record of its own. Takes no lock and wakes nobody.
    pub fn count(&self, uid: u32, what: What) {
        self.counts.add(uid, what);
    }

    /// True while the disk is full: records before an act are refused at once.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// Gives up the reserve because another file of the state folder found the disk full, so that a refusal can be
    /// journalled. From then on the log counts as full until there is space again.
    pub fn make_room(&self) -> Ack<AuditError> {
        self.writer.task(|book| {
            book.give_up_reserve();
            Ok(0)
        })
    }

    /// Records that say that something runs, without one that says how it ended, as found when the log was opened, oldest
    /// first. The current file and the one before it are looked at: an act that began earlier than those is not found.
    #[must_use]
    pub fn unfinished(&self) -> &[Stored] {
        &self.unfinished
    }

    /// Answered by the writing thread after what was queued before; changes nothing.
    pub fn idle(&self) -> Ack<AuditError> {
        self.writer.task(|_| Ok(0))
    }

    /// Writes the counts down and puts everything, the head file too, on disk.
    pub fn flush(&self) -> Ack<AuditError> {
        self.writer.task(AuditBook::flush)
    }

    /// Writes out what waits, the counts and the head, tells the system journal, and closes the log. Blocks until then.
    pub fn stop(&self) {
        self.writer.stop();
    }
}

/// Whose rate and counts a record belongs to.
fn uid_of(record: &AuditRecord) -> u32 {
    record.caller.as_ref().map_or(u32::MAX, |c| c.uid)
}

#[cfg(test)]
mod tests;
