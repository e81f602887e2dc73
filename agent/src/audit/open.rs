//! Opening a log: where its chain ends, what a crash left behind, and what was running.
//!
//! Only the last record is checked against its hash, so that a start does not wait for megabytes; the whole chain is
//! [`verify`](super::verify())'s business.

use super::anchor::Head;
use super::book::End;
use super::chain::{MAX_SEQ, Place, READ_LIMIT, Sha256Hash, Stored, check};
use super::record::AuditRecord;
use crate::store::{LineFile, LineReader, LogError, Stretch, open_private, private_folder};
use serde_json::json;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// So many acts without an end are reported; more than can run at once.
const RUNNING: usize = 4096;
/// So much of a damaged end is kept.
const ASIDE_LIMIT: u64 = 1 << 20;

/// What opening found.
pub(super) struct Opened {
    pub(super) lines: LineFile,
    pub(super) end: End,
    /// The first record of the current file.
    pub(super) first: u64,
    pub(super) notes: Vec<AuditRecord>,
    pub(super) unfinished: Vec<Stored>,
}

/// Opens or makes the files of a place.
pub(super) fn open(place: &Place, state_dir: &Path) -> Result<Opened, LogError> {
    private_folder(state_dir)?;
    private_folder(&state_dir.join("audit"))?;
    if let Some(folder) = place.current.parent() {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|e| LogError::io("cannot make the folder", folder, e))?;
    }
    let mut lines = LineFile::open(&place.current)?;
    let mut running = Running::default();
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |e| LogError::io("cannot read", &path, e)
    };
    let rotated = place.rotated_files().map_err(failed(&place.current))?;
    let mut end = End::START;
    if let Some((_, path)) = rotated.last() {
        let file = File::open(path).map_err(failed(path))?;
        end = scan(file, &mut running).map_err(failed(path))?.end.unwrap_or(end);
    }
    let mut file = File::open(&place.current).map_err(failed(&place.current))?;
    let current = file.try_clone().and_then(|f| scan(f, &mut running)).map_err(failed(&place.current))?;
    end = current.end.unwrap_or(end);
    let mut notes = Vec::new();
    if current.good < lines.len() {
        let note = set_aside(&mut file, place, current.good, end.seq + 1).map_err(failed(&place.current))?;
        lines.cut(current.good).map_err(|e| LogError::io("cannot cut", &place.current, e))?;
        notes.push(note);
    }
    let first = if current.end.is_some() { current.first } else { end.seq + 1 };
    notes.extend(compare_head(place, end));
    Ok(Opened { lines, end, first, notes, unfinished: running.left() })
}

struct Scan {
    first: u64,
    /// The last good record.
    end: Option<End>,
    /// Bytes up to its end.
    good: u64,
}

fn scan(mut file: File, running: &mut Running) -> io::Result<Scan> {
    let mut reader = LineReader::new(&mut file, READ_LIMIT);
    let (mut last, mut good, mut first) = (Vec::new(), 0, 0);
    while let Some(stretch) = reader.read()? {
        if let Stretch::Line(line) = stretch {
            if first == 0 {
                first = number(line);
            }
            running.see(line);
            last.clear();
            last.extend_from_slice(line);
            good = reader.next;
        }
    }
    let len = reader.next;
    if let Some(end) = end_at(&last)
        && (good == len || len - good <= READ_LIMIT as u64)
    {
        return Ok(Scan { first, end: Some(end), good });
    }
    // The last whole line is damaged: go back to the last one that is not.
    file.seek(SeekFrom::Start(0))?;
    let mut reader = LineReader::new(&mut file, READ_LIMIT);
    let mut scan = Scan { first, end: None, good: 0 };
    while let Some(stretch) = reader.read()? {
        let end = if let Stretch::Line(line) = stretch { end_at(line) } else { None };
        if end.is_some() {
            (scan.end, scan.good) = (end, reader.next);
        }
    }
    Ok(scan)
}

fn end_at(line: &[u8]) -> Option<End> {
    let hash = check(line).ok()?;
    Some(End { seq: Some(number(line)).filter(|n| (1..=MAX_SEQ).contains(n))?, hash })
}

/// The number of a record, without parsing the rest; 0 when there is none.
fn number(line: &[u8]) -> u64 {
    let digits = line.strip_prefix(br#"{"v":1,"seq":"#).unwrap_or_default();
    let digits = digits.split(|b| !b.is_ascii_digit()).next().unwrap_or_default();
    std::str::from_utf8(digits).ok().and_then(|d| d.parse().ok()).unwrap_or(0)
}

/// Keeps what is behind the last good record and says so.
fn set_aside(file: &mut File, place: &Place, from: u64, next: u64) -> io::Result<AuditRecord> {
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(ASIDE_LIMIT).read_to_end(&mut bytes)?;
    let mut data = json!({"bytes": bytes.len(), "sha256": Sha256Hash::of(&[&bytes])});
    tracing::warn!("{}: {} bytes at the end are no record and were cut off", place.current.display(), bytes.len());
    if !bytes.contains(&b'\n') {
        // A write that the machine or the process did not survive.
        return Ok(AuditRecord::note("torn", data));
    }
    let mut name = place.current.as_os_str().to_owned();
    name.push(format!(".cut-{next}"));
    let path = PathBuf::from(name);
    let mut aside = open_private(&path).map_err(io::Error::other)?;
    aside.write_all(&bytes)?;
    aside.sync_data()?;
    data["file"] = path.file_name().map(|n| n.to_string_lossy()).into();
    Ok(AuditRecord::note("set_aside", data))
}

/// A note when the head file says that the chain once ended elsewhere.
fn compare_head(place: &Place, end: End) -> Option<AuditRecord> {
    let found = json!({"found_seq": end.seq, "found_hash": end.hash});
    match Head::read(place) {
        Ok(Some(head)) if head.seq > end.seq || (head.seq == end.seq && head.hash != end.hash) => {
            tracing::warn!("the audit log ends at record {}, its head file says {}", end.seq, head.seq);
            let mut data = found;
            data["expected_seq"] = head.seq.into();
            data["expected_hash"] = head.hash.to_string().into();
            Some(AuditRecord::note("head_mismatch", data))
        }
        Ok(Some(_)) => None,
        Ok(None) if end.seq == 0 => None,
        Ok(None) => Some(AuditRecord::note("head_missing", found)),
        Err(error) => {
            let mut data = found;
            data["error"] = error.to_string().into();
            Some(AuditRecord::note("head_unreadable", data))
        }
    }
}

/// Acts that have begun and not ended, in the order of their records.
#[derive(Default)]
struct Running {
    acts: HashMap<Vec<u8>, (u64, Vec<u8>)>,
    next: u64,
}

impl Running {
    /// Looks at a line's `kind`, `id` and `runs`, which stand right behind the frame in this order.
    fn see(&mut self, line: &[u8]) {
        const KIND: &[u8] = b",\"kind\":\"";
        // The frame before `kind` has digits and hashes only, so the first one is the right one.
        let Some(at) =
            line.get(..FRAME_AT_MOST.min(line.len())).and_then(|l| l.windows(KIND.len()).position(|w| w == KIND))
        else {
            return;
        };
        let rest = &line[at + KIND.len()..];
        let (kind, rest) = rest.split_at(rest.iter().position(|b| *b == b'"').unwrap_or(rest.len()));
        if !matches!(kind, b"judged" | b"finished" | b"unknown") {
            return;
        }
        let Some(rest) = rest.strip_prefix(b"\",\"id\":\"") else { return };
        let Some((id, rest)) = rest.split_at_checked(36) else { return };
        if kind != b"judged" {
            self.acts.remove(id);
        } else if rest.starts_with(b"\",\"runs\":true") && self.acts.len() < RUNNING {
            self.next += 1;
            self.acts.insert(id.to_vec(), (self.next, line.to_vec()));
        }
    }

    fn left(self) -> Vec<Stored> {
        let mut left: Vec<_> = self.acts.into_values().collect();
        left.sort_unstable();
        left.into_iter().filter_map(|(_, line)| Stored::parse(&line).ok()).collect()
    }
}

/// `kind` begins within so many bytes of a line.
const FRAME_AT_MOST: usize = super::chain::FRAME;
