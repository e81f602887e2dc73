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
/// How soon it is tried again when the disk did not take it.
const HEAD_AGAIN: Duration = Duration::from_millis(10);
/// So many records of the log's own wait for a disk that refuses them.
const OWN: usize = 64;
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
    /// Whether the current file is looked for under its name: not where file numbers mean nothing.
    watch: bool,
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
        let watch = lines.is_in_place();
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
            watch,
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
        // What cannot be written stays counted.
        if self.own.len() < OWN {
            self.own.extend(self.counts.take().into_iter().map(|(uid, counts)| counted(uid, counts)));
        }
    }

    /// Writes the records of the log's own, ahead of the next batch. What cannot be written is tried again later.
    fn write_own(&mut self) -> bool {
        if self.own.is_empty() {
            return true;
        }
        let mut lines = Vec::new();
        let before = self.end;
        let own = std::mem::take(&mut self.own);
        for record in &own {
            let _ = self.seal(&Item::from(record), &mut lines); // never refused: not an act
        }
        if let Err(error) = self.lines.append(&lines) {
            self.end = before;
            self.own = own;
            if self.make_room(&error) {
                return self.write_own();
            }
            tracing::error!("cannot write {}: {error}", self.lines.path().display());
            return false;
        }
        true
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
        let old_ones = files.len().saturating_sub(keep);
        let kept_from = files.get(old_ones).map_or(self.first, |(first, _)| *first);
        self.first = self.end.seq + 1;
        let name = old.file_name().map(|n| n.to_string_lossy().into_owned());
        let data = json!({"file": name, "kept_from": kept_from});
        self.own.push(AuditRecord { data: Some(data), ..AuditRecord::new(Kind::Rotated) });
        self.tell(now);
        // Only after the record that says so: a file that is missing without one is a finding.
        if self.write_own() {
            for (_, file) in &files[..old_ones] {
                if let Err(e) = std::fs::remove_file(file) {
                    tracing::warn!("cannot remove {}: {e}", file.display());
                }
            }
        }
        Ok(())
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
    const SYNCED: &'static str = "audit.synced";
    const LAG: Option<Duration> = Some(HEAD_LAG);

    fn prepare(&mut self, now: Instant) -> Option<Duration> {
        // A file is rotated with two records at least: the one about the last rotation does not make the next.
        if self.watch && !self.lines.is_in_place() {
            self.reopen();
        } else if self.lines.len() >= self.config.rotate_bytes
            && self.end.seq > self.first
            && let Err(error) = self.rotate(now)
        {
            tracing::error!("{error}");
        }
        if now >= self.counts_due {
            self.count_now(now);
        }
        self.write_own();
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
                due = due.min(head_due.saturating_duration_since(now).max(HEAD_AGAIN));
            }
        }
        Some(due)
    }

    fn is_due(&self) -> bool {
        self.lines.len() >= self.config.rotate_bytes && self.end.seq > self.first
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
