//! What the writer thread does for the audit log: the chain, rotation, the reserve, the head and the anchors.

use super::anchor::{Head, to_journal};
use super::chain::{Place, Sha256Hash, seal};
use super::count::{Counts, MINUTE};
use super::record::{AuditRecord, Importance, Kind, counted};
use super::space::{self, Space};
use super::{AuditError, Config};
use crate::store::{Book, LineFile, LogError, now_text, sync_folder};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The head file follows the chain at this distance, in time.
const HEAD_LAG: Duration = Duration::from_secs(1);
/// The system journal gets the head after so many records…
const JOURNAL_RECORDS: u64 = 1000;
/// … or after this time, when there was any.
const JOURNAL_TIME: Duration = Duration::from_secs(15 * 60);

/// A record on its way: its members as JSON, and whether it may be refused.
pub(super) struct Item {
    pub(super) members: Vec<u8>,
    pub(super) importance: Importance,
}

impl From<&AuditRecord> for Item {
    fn from(record: &AuditRecord) -> Item {
        Item { members: record.members(), importance: record.importance }
    }
}

/// The end of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) seq: u64,
    pub(super) hash: Sha256Hash,
}

impl End {
    pub(super) const START: End = End { seq: 0, hash: Sha256Hash::GENESIS };
}

pub(super) struct AuditBook {
    place: Place,
    config: Config,
    lines: LineFile,
    end: End,
    /// The first record of the current file.
    first: u64,
    space: Space,
    counts: Arc<Counts>,
    counts_due: Instant,
    /// Records of the log's own that wait to be written.
    own: Vec<AuditRecord>,
    /// Rotated files that begin before this number are to be removed.
    keep_from: u64,
    /// What the head file says, and when it is to be written next.
    head: u64,
    head_due: Option<Instant>,
    /// What the system journal was told, and when.
    told: u64,
    told_at: Instant,
}

impl AuditBook {
    pub(super) fn new(
        place: Place,
        config: Config,
        lines: LineFile,
        (end, first): (End, u64),
        counts: Arc<Counts>,
        own: Vec<AuditRecord>,
    ) -> Result<AuditBook, LogError> {
        let now = Instant::now();
        let mut lines = lines;
        lines.sync().map_err(|e| LogError::io("cannot sync", lines.path(), e))?;
        let space = Space::open(place.reserve.clone(), config.reserve_bytes, now)?;
        let mut book = AuditBook {
            place,
            config,
            lines,
            end,
            first,
            space,
            counts,
            counts_due: now + MINUTE,
            own,
            keep_from: 0,
            head: 0,
            head_due: None,
            told: 0,
            told_at: now,
        };
        book.tell(now);
        Ok(book)
    }

    pub(super) fn space(&self) -> &Space {
        &self.space
    }

    #[cfg(test)]
    pub(super) fn space_mut(&mut self) -> &mut Space {
        &mut self.space
    }

    /// Gives the reserve up for somebody else's refusals on the same file system.
    pub(super) fn give_up_reserve(&mut self) {
        self.space.release(Instant::now());
    }

    /// Puts the counts, the file and the head on disk now.
    pub(super) fn flush(&mut self) -> Result<u64, AuditError> {
        self.count_now(Instant::now());
        self.write_own();
        self.lines.sync().map_err(|e| LogError::io("cannot sync", self.lines.path(), e))?;
        self.write_head();
        Ok(self.end.seq)
    }

    fn count_now(&mut self, now: Instant) {
        self.counts_due = now + MINUTE;
        self.own.extend(self.counts.take().into_iter().map(|(uid, counts)| counted(uid, counts)));
    }

    /// Writes records of the log's own outside a batch.
    fn write_own(&mut self) {
        let mut lines = Vec::new();
        let before = self.end;
        for record in std::mem::take(&mut self.own) {
            let _ = self.seal(&Item::from(&record), &mut lines); // never refused: not an act
        }
        if let Err(error) = self.lines.append(&lines) {
            self.end = before;
            tracing::error!("cannot write {}: {error}", self.lines.path().display());
        }
    }

    fn write_head(&mut self) {
        self.head_due = None;
        if self.head == self.end.seq {
            return;
        }
        match Head::write(&self.place, self.end.seq, self.end.hash) {
            Ok(()) => self.head = self.end.seq,
            Err(error) => tracing::warn!("{error}"),
        }
    }

    /// Tells the system journal, once for each end.
    fn tell(&mut self, now: Instant) {
        if self.told != self.end.seq
            && let Some(socket) = &self.config.journal_socket
        {
            to_journal(socket, &self.place, self.end.seq, self.end.hash);
        }
        (self.told, self.told_at) = (self.end.seq, now);
    }

    fn rotate(&mut self, now: Instant) -> Result<(), LogError> {
        self.lines.sync().map_err(|e| LogError::io("cannot sync", self.lines.path(), e))?;
        let old = self.place.rotated(self.first);
        let here = rustix::fs::CWD;
        // NOREPLACE: a file that is there already is evidence of something.
        rustix::fs::renameat_with(here, &self.place.current, here, &old, rustix::fs::RenameFlags::NOREPLACE)
            .map_err(|e| LogError::io("cannot rotate to", &old, e.into()))?;
        crate::fault::point("audit.rotated");
        self.lines = LineFile::open(&self.place.current)?;
        let files = self.place.rotated_files().unwrap_or_default();
        let keep = match self.config.keep {
            0 => files.len(),
            n => n as usize,
        };
        self.keep_from = files.get(files.len().saturating_sub(keep)).map_or(self.first, |(first, _)| *first);
        self.first = self.end.seq + 1;
        let name = old.file_name().map(|n| n.to_string_lossy().into_owned());
        let data = json!({"file": name, "kept_from": self.keep_from});
        self.own.push(AuditRecord { data: Some(data), ..AuditRecord::new(Kind::Rotated) });
        self.tell(now);
        Ok(())
    }

    /// Removes what is beyond the number of files to keep, after the record that says so has been written.
    fn remove_old(&mut self) {
        if self.keep_from > 0 && self.end.seq >= self.first {
            for (_, file) in self.place.rotated_files().unwrap_or_default().iter().filter(|(n, _)| *n < self.keep_from)
            {
                if let Err(e) = std::fs::remove_file(file) {
                    tracing::warn!("cannot remove {}: {e}", file.display());
                }
            }
            self.keep_from = 0;
        }
    }

    /// The file was taken away under us: a new one goes on with the chain, and says so.
    fn reopen(&mut self) {
        let lost = json!({"first": self.first, "last": self.end.seq});
        let mut aside = self.place.current.as_os_str().to_owned();
        aside.push(format!(".replaced-{}", self.end.seq + 1));
        let _ = std::fs::rename(&self.place.current, &aside); // usually there is nothing
        match LineFile::open(&self.place.current) {
            Ok(lines) => {
                self.lines = lines;
                self.first = self.end.seq + 1;
                self.own.push(AuditRecord::note("file_gone", lost));
                tracing::warn!("{} was taken away; a new one was begun", self.place.current.display());
            }
            Err(error) => tracing::error!("{error}"),
        }
    }
}

impl Book for AuditBook {
    type Item = Item;
    type Error = AuditError;
    type Mark = End;
    const WRITTEN: &'static str = "audit.written";

    fn prepare(&mut self, now: Instant, own: &mut Vec<Item>) -> Option<Duration> {
        self.remove_old();
        if !self.lines.is_in_place() {
            self.reopen();
        } else if self.lines.len() >= self.config.rotate_bytes.max(1)
            && self.end.seq >= self.first
            && let Err(error) = self.rotate(now)
        {
            tracing::error!("{error}");
        }
        if now >= self.counts_due {
            self.count_now(now);
        }
        own.extend(self.own.drain(..).map(|record| Item::from(&record)));
        let mut due = self.counts_due.saturating_duration_since(now);
        if let Some(retry) = self.space.retry(now) {
            due = due.min(retry);
        }
        if self.head != self.end.seq {
            let head_due = *self.head_due.get_or_insert(now + HEAD_LAG);
            if now >= head_due && self.lines.sync().is_ok() {
                self.write_head();
                if self.end.seq - self.told >= JOURNAL_RECORDS || now.duration_since(self.told_at) >= JOURNAL_TIME {
                    self.tell(now);
                }
            } else {
                due = due.min(head_due.saturating_duration_since(now).max(Duration::from_millis(10)));
            }
        }
        Some(due)
    }

    fn seal(&mut self, item: &Item, out: &mut Vec<u8>) -> Result<u64, AuditError> {
        if item.importance == Importance::Act && self.space.is_full() {
            return Err(AuditError::Full);
        }
        let seq = self.end.seq + 1;
        let hash = seal(seq, &now_text(), &self.end.hash, &item.members, out);
        self.end = End { seq, hash };
        Ok(seq)
    }

    fn mark(&self) -> End {
        self.end
    }

    fn back_to(&mut self, mark: End) {
        self.end = mark;
    }

    fn make_room(&mut self, error: &std::io::Error) -> bool {
        space::is_full(error) && self.space.release(Instant::now())
    }

    fn synced(&mut self) {}

    fn stop(&mut self) {
        self.count_now(Instant::now());
        self.write_own();
        if self.lines.sync().is_ok() {
            self.write_head();
            let _ = sync_folder(&self.place.head);
            self.tell(Instant::now());
        }
    }

    fn file(&mut self) -> &mut LineFile {
        &mut self.lines
    }
}
