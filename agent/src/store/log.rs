//! A journal: `{"v":1,"seq":N,"ts":"…","kind":"…","data":…,"crc":"…"}` a line, replayed once at start.
//!
//! `crc` is the CRC-32 (ISO-HDLC) of the line without the `crc` member. It finds accidents, not attackers.

use super::writer::{Ack, Book, Durability, Writer};
use super::{LineFile, LineReader, Stretch, files};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A line is at most this long in bytes, newline included: four times the longest request, for its escapes.
pub const MAX_LINE: usize = 1 << 20;
/// Bytes of a line besides `kind` and `data`, generously.
const FRAME: usize = 160;
/// No record has a higher number, so that counting on never overflows.
const MAX_SEQ: u64 = 1 << 53;
/// A kind is at most this long.
const MAX_KIND: usize = 32;
/// How a line ends: this, eight hexadecimal digits, `"}`.
const CRC_MEMBER: &[u8] = b",\"crc\":\"";

/// Why a journal cannot be opened or written. It can be cloned because one failed write fails a whole batch.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// The system said no.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was tried, as the start of a sentence.
        what: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// A file or folder is not safe to use.
    #[error("{} cannot be used: {why}", path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A line that is not the last one is damaged.
    #[error("{}, line {line}: {what}; nothing is started on a damaged journal: restore the file, or move it away", path.display())]
    Line {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The record cannot be written as a line.
    #[error("a record cannot be written: {0}")]
    Record(String),
    /// Too much waits to be written.
    #[error("too much waits to be written to disk; try again in a moment")]
    Overloaded,
    /// No answer from the disk in time.
    #[error("the disk did not answer in {} seconds", super::ACK_DEADLINE.as_secs())]
    Stalled,
    /// The writer has ended.
    #[error("the journal is closed")]
    Stopped,
}

impl LogError {
    pub(crate) fn io(what: &'static str, path: &Path, source: io::Error) -> LogError {
        LogError::Io { what, path: path.to_owned(), source: Arc::new(source) }
    }

    /// True when the disk or the quota is full (ENOSPC, EDQUOT): the caller may make room and try again.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, LogError::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}

/// One record as it is read back.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its number; they have no gaps.
    pub seq: u64,
    /// When it was written (wall clock).
    pub ts: jiff::Timestamp,
    /// What it is about.
    pub kind: &'a str,
    /// What was appended, as JSON text.
    pub data: &'a RawValue,
}

impl Entry<'_> {
    /// The data as a type; the error is a sentence that can be returned from the replay.
    ///
    /// # Errors
    /// When the data does not fit the type.
    pub fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_str(self.data.get()).map_err(|e| format!("the data of a `{}` record: {e}", self.kind))
    }
}

/// What was cut off the end of a journal when it was opened: a record that had not been acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The line, from 1.
    pub line: u64,
    /// Its bytes.
    pub bytes: u64,
    /// What was wrong with it.
    pub why: String,
}

/// An open journal. Appends keep the order of the calls. Dropping it writes out what waits.
#[derive(Debug)]
pub struct Log {
    writer: Writer<Journal>,
    cut: Option<Cut>,
}

impl Log {
    /// Opens or makes the journal and hands every record to `replay`, in order. The folder must be there
    /// ([`super::private_folder`]). A damaged last line is cut off: see [`Log::cut`].
    ///
    /// # Errors
    /// When the file cannot be used, any line but the last is damaged, or `replay` refuses a record: then with file and
    /// line.
    pub fn open(path: &Path, replay: impl FnMut(Entry<'_>) -> Result<(), String>) -> Result<Log, LogError> {
        let file = files::open_private(path)?;
        let read = file.try_clone().map_err(|e| LogError::io("cannot open", path, e))?;
        let (seq, good, cut) = replay_all(read, path, replay)?;
        let mut lines = LineFile::from_file(file, path)?;
        if let Some(cut) = &cut {
            tracing::warn!(
                "{}, line {}: cut off {} bytes at the end that were never acknowledged ({})",
                path.display(),
                cut.line,
                cut.bytes,
                cut.why
            );
            lines.cut(good).map_err(|e| LogError::io("cannot cut", path, e))?;
        }
        let name = path.file_stem().map_or_else(|| "log".into(), |s| s.to_string_lossy().into_owned());
        Ok(Log { writer: Writer::start(&name, Journal { lines, seq })?, cut })
    }

    /// What was cut off when the journal was opened.
    #[must_use]
    pub fn cut(&self) -> Option<&Cut> {
        self.cut.as_ref()
    }

    /// Appends a record. `kind` is a word of lower-case letters and `_`.
    ///
    /// The acknowledgement fails with [`LogError::Overloaded`] when the queue is full, and with [`LogError::Io`] when the
    /// write failed; then the record is not in the file, and later appends are tried again.
    pub fn append(&self, kind: &str, data: &impl Serialize, durability: Durability) -> Ack {
        self.add(kind, data, |record, bytes| self.writer.append(record, bytes, durability))
    }

    /// Like [`Log::append`], and where nothing waits before it the record is written before this returns. Not under a lock that
    /// others wait for.
    pub fn append_here(&self, kind: &str, data: &impl Serialize, durability: Durability) -> Ack {
        self.add(kind, data, |record, bytes| self.writer.append_here(record, bytes, durability))
    }

    fn add(&self, kind: &str, data: &impl Serialize, append: impl FnOnce(Record, usize) -> Ack) -> Ack {
        match Record::new(kind, data) {
            Ok(record) => {
                let bytes = record.data.len() + FRAME;
                append(record, bytes)
            }
            Err(e) => Ack::ready(Err(e)),
        }
    }

    /// Replaces the whole journal by `records` (compaction): a new file, synced, renamed over the old one. Everything that
    /// was appended before this call is replaced, everything after it comes behind the new records; so call it under the
    /// lock under which you change your state and append. After an error the old journal is in use as before.
    pub fn rewrite<K: AsRef<str>, D: Serialize>(&self, records: impl IntoIterator<Item = (K, D)>) -> Ack {
        let records: Result<Vec<_>, _> = records.into_iter().map(|(k, d)| Record::new(k.as_ref(), &d)).collect();
        match records {
            Ok(records) => self.writer.task(move |journal| journal.rewrite(&records)),
            Err(e) => Ack::ready(Err(e)),
        }
    }

    /// Writes out what waits, syncs, and closes the journal. Blocks until that is done.
    pub fn stop(&self) {
        self.writer.stop();
    }
}

/// `now` as it stands in every line: RFC 3339, UTC, milliseconds.
pub(crate) fn now_text() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

struct Record {
    kind: Box<str>,
    data: Vec<u8>,
}

impl Record {
    fn new(kind: &str, data: &impl Serialize) -> Result<Record, LogError> {
        if kind.is_empty() || kind.len() > MAX_KIND || !kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            return Err(LogError::Record(format!("`{kind}` is not a kind")));
        }
        let data = serde_json::to_vec(data).map_err(|e| LogError::Record(e.to_string()))?;
        if data.contains(&b'\n') {
            return Err(LogError::Record("its text has a line break outside a string".into()));
        }
        if data.len() > MAX_LINE - FRAME {
            return Err(LogError::Record(format!("it has {} bytes, the limit is {}", data.len(), MAX_LINE - FRAME)));
        }
        Ok(Record { kind: kind.into(), data })
    }

    fn seal(&self, seq: u64, ts: &str, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(format!(r#"{{"v":1,"seq":{seq},"ts":"{ts}","kind":"{}","data":"#, self.kind).as_bytes());
        out.extend_from_slice(&self.data);
        let crc = !crc32(crc32(u32::MAX, &out[start..]), b"}");
        out.extend_from_slice(CRC_MEMBER);
        out.extend_from_slice(format!("{crc:08x}\"}}\n").as_bytes());
    }
}

struct Journal {
    lines: LineFile,
    /// The number of the last record.
    seq: u64,
}

impl Journal {
    fn rewrite(&mut self, records: &[Record]) -> Result<u64, LogError> {
        let path = self.lines.path().to_owned();
        let (ts, mut seq) = (now_text(), self.seq);
        let file = files::replace_file(&path, |file| {
            let mut out = io::BufWriter::new(file);
            let mut line = Vec::new();
            for record in records {
                seq += 1;
                line.clear();
                record.seal(seq, &ts, &mut line);
                out.write_all(&line)?;
            }
            crate::fault::point("store.rewritten");
            out.flush()
        })?;
        crate::fault::point("store.replaced");
        self.lines = LineFile::from_file(file, &path)?;
        self.seq = seq;
        Ok(seq)
    }
}

impl Book for Journal {
    type Item = Record;
    type Error = LogError;
    type Mark = u64;
    const WRITTEN: &'static str = "store.written";
    const SYNCED: &'static str = "store.synced";
    const LAG: Option<Duration> = None;

    fn prepare(&mut self, _: Instant) -> Option<Duration> {
        None
    }

    fn is_due(&self) -> bool {
        false
    }

    fn seal(&mut self, item: &Record, out: &mut Vec<u8>) -> Result<u64, LogError> {
        self.seq += 1;
        item.seal(self.seq, &now_text(), out);
        Ok(self.seq)
    }

    fn mark(&self) -> u64 {
        self.seq
    }

    fn back_to(&mut self, mark: u64) {
        self.seq = mark;
    }

    fn make_room(&mut self, _: &io::Error) -> bool {
        false
    }

    fn stop(&mut self) {}

    fn file(&mut self) -> &mut LineFile {
        &mut self.lines
    }
}

/// Reads every record; returns the last number, the length of the good part and what has to be cut off.
fn replay_all(
    input: impl io::Read,
    path: &Path,
    mut replay: impl FnMut(Entry<'_>) -> Result<(), String>,
) -> Result<(u64, u64, Option<Cut>), LogError> {
    let failed = |e| LogError::io("cannot read", path, e);
    let mut reader = LineReader::new(input, MAX_LINE);
    let mut last = None;
    loop {
        let read = match reader.read().map_err(failed)? {
            None => return Ok((last.unwrap_or(0), reader.next, None)),
            Some(Stretch::Line(line)) => parse(line).map_err(|why| (why, false)),
            Some(Stretch::Torn(_)) => Err(("it has no end".into(), true)),
            Some(Stretch::TooLong { ended }) => Err((format!("it is longer than {MAX_LINE} bytes"), !ended)),
        };
        let what = match read {
            Ok(entry) if last.is_some_and(|last| entry.seq != last + 1) => {
                format!("it has the number {}, after number {}", entry.seq, last.unwrap_or(0))
            }
            Ok(entry) => match replay(entry) {
                Ok(()) => {
                    last = Some(entry.seq);
                    continue;
                }
                Err(what) => what,
            },
            Err((why, torn)) => {
                let (line, start, next) = (reader.line, reader.start, reader.next);
                if torn || reader.at_end().map_err(failed)? {
                    return Ok((last.unwrap_or(0), start, Some(Cut { line, bytes: next - start, why })));
                }
                why
            }
        };
        return Err(LogError::Line { path: path.to_owned(), line: reader.line, what });
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    v: u32,
    seq: u64,
    ts: &'a str,
    kind: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(rename = "crc")]
    _crc: &'a str,
}

/// Checks and reads one line without its newline.
fn parse(line: &[u8]) -> Result<Entry<'_>, String> {
    let tail = CRC_MEMBER.len() + 10;
    let (body, end) = line.split_at_checked(line.len().saturating_sub(tail)).unwrap_or((line, b""));
    let stated =
        end.strip_prefix(CRC_MEMBER).and_then(|e| e.strip_suffix(b"\"}")).ok_or("it does not end in a checksum")?;
    let crc = !crc32(crc32(u32::MAX, body), b"}");
    if stated != format!("{crc:08x}").as_bytes() {
        return Err("its checksum does not fit".into());
    }
    let line: Line<'_> = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    if line.v != 1 {
        return Err(format!("it has version {}; this program knows version 1", line.v));
    }
    if line.seq == 0 || line.seq > MAX_SEQ {
        return Err(format!("its number {} is out of range", line.seq));
    }
    let ts = line.ts.parse().map_err(|e| format!("its time: {e}"))?;
    Ok(Entry { seq: line.seq, ts, kind: line.kind, data: line.data })
}

/// CRC-32 (ISO-HDLC: reflected, polynomial 0xEDB88320), without the inversions at both ends so that it can go on.
fn crc32(crc: u32, bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut n = 0;
        while n < 256 {
            let (mut value, mut bit) = (n as u32, 0);
            while bit < 8 {
                value = if value & 1 == 1 { (value >> 1) ^ 0xEDB8_8320 } else { value >> 1 };
                bit += 1;
            }
            table[n] = value;
            n += 1;
        }
        table
    };
    bytes.iter().fold(crc, |crc, &byte| (crc >> 8) ^ TABLE[((crc ^ u32::from(byte)) & 0xFF) as usize])
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
