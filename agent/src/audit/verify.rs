//! Checking a log from outside: which record was edited, removed, moved, inserted or cut off, where, and what the anchors
//! prove.
//!
//! Three things are told apart. The chain proves the inside: whoever does not seal everything behind a change anew is
//! found. The head file proves that the end was not cut since it was written. The system journal, whose entries a user
//! cannot take back, proves everything up to its last entry even against somebody who rewrote the whole file.

use super::anchor::{Anchor, Head};
use super::chain::{Place, READ_LIMIT, Sha256Hash, Stored};
use super::read::open_all;
use crate::action::types::count;
use crate::store::{LineReader, Stretch};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// So many findings are listed; the others are counted.
const FINDINGS: usize = 100;
/// A rotation under our hands, or a line that is just being written, starts the check anew, so many times.
const ATTEMPTS: usize = 5;

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// The line is not what was written: it does not fit its own hash, or is no record.
    Edited,
    /// The record fits its own hash, but not the chain: it was sealed anew.
    Resealed,
    /// Records are missing between two others, or before the first.
    Removed,
    /// The record stands in the wrong place.
    Reordered,
    /// There is a second record with this number.
    Inserted,
    /// Records are missing at the end.
    Cut,
    /// The last line has no end: a crash, or a cut in the middle of it.
    Torn,
    /// The agent itself noted damage when it started.
    Noted,
    /// An anchor remembers another record under this number.
    Contradicted,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    pub flaw: Flaw,
    /// The file.
    pub file: PathBuf,
    /// The line in it, from 1.
    pub line: u64,
    /// The number of the record that is wrong or missing.
    pub seq: u64,
    /// The same as a sentence.
    pub what: String,
}

/// What an anchor says about the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The record is there as it was: with an unbroken chain, everything up to it is.
    Proved,
    /// It is not.
    Contradicted,
    /// It is older than what is kept.
    TooOld,
}

/// One anchor and what it proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The anchor.
    #[serde(flatten)]
    pub anchor: Anchor,
    /// What it says.
    pub verdict: Verdict,
}

/// The result of [`verify()`]; its `Display` is a handful of sentences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The files, oldest first.
    pub files: Vec<PathBuf>,
    /// Good records.
    pub records: u64,
    /// The first and the last of their numbers; 0 when there are none.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// What is wrong, at most the first hundred.
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub more: u64,
    /// The anchors, oldest first.
    pub proofs: Vec<Proof>,
}

impl Report {
    /// True when nothing is wrong.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }

    /// The last record that an anchor of this source proves; 0 when none does.
    #[must_use]
    pub fn proved_by(&self, source: &str) -> u64 {
        let proved = self.proofs.iter().filter(|p| p.verdict == Verdict::Proved && p.anchor.source == source);
        proved.map(|p| p.anchor.seq).max().unwrap_or(0)
    }
}

/// The source of the head file's anchor.
const HEAD_FILE: &str = "the head file";

/// Checks a log, running or not, with the head file and these `anchors`.
///
/// # Errors
/// When a file cannot be read; damage is no error but a finding.
pub fn verify(place: &Place, anchors: &[Anchor]) -> io::Result<Report> {
    let mut report = attempt(place, anchors)?;
    for _ in 1..ATTEMPTS {
        if report.findings.iter().all(|f| f.flaw != Flaw::Torn) {
            break;
        }
        report = attempt(place, anchors)?;
    }
    Ok(report)
}

fn attempt(place: &Place, anchors: &[Anchor]) -> io::Result<Report> {
    let mut check = Check::default();
    // Read first: the log only grows behind it.
    match Head::read(place) {
        Ok(Some(Head { seq, hash, .. })) => check.expect(Anchor { seq, hash, source: HEAD_FILE.into() }),
        Ok(None) => {}
        Err(e) if e.kind() == io::ErrorKind::InvalidData || e.kind() == io::ErrorKind::UnexpectedEof => {
            check.find(Flaw::Edited, &place.head, 1, 0, format!("the head file cannot be read: {e}"));
        }
        Err(e) => return Err(e),
    }
    anchors.iter().cloned().for_each(|a| check.expect(a));
    for (path, file) in open_all(place)? {
        match file.map_or_else(|| File::open(&path), Ok) {
            Ok(file) => check.file(&path, file)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(check.end(&place.current))
}

#[derive(Default)]
struct Check {
    report: Report,
    /// What the anchors remember, by number, and whether it was seen.
    expected: BTreeMap<u64, Vec<(Anchor, Option<bool>)>>,
    /// The highest number so far and the hash that its line states.
    last: Option<(u64, Sha256Hash)>,
    /// Bad lines since the last good one: each may have been a record.
    bad: u64,
    /// Numbers that were jumped over: first, last, and before which line they are missing.
    missing: BTreeMap<u64, (u64, PathBuf, u64)>,
    /// The oldest record that retention has kept, as the chain itself says.
    kept_from: u64,
    place: (PathBuf, u64),
}

impl Check {
    fn expect(&mut self, anchor: Anchor) {
        self.expected.entry(anchor.seq).or_default().push((anchor, None));
    }

    fn find(&mut self, flaw: Flaw, file: &Path, line: u64, seq: u64, what: String) {
        if self.report.findings.len() < FINDINGS {
            self.report.findings.push(Finding { flaw, file: file.to_owned(), line, seq, what });
        } else {
            self.report.more += 1;
        }
    }

    fn file(&mut self, path: &Path, file: File) -> io::Result<()> {
        self.report.files.push(path.to_owned());
        let mut reader = LineReader::new(file, READ_LIMIT);
        while let Some(stretch) = reader.read()? {
            let parsed = match stretch {
                Stretch::Line(line) => Stored::parse(line),
                Stretch::TooLong { .. } => Err("it is too long for a record".into()),
                Stretch::Torn(_) => {
                    let seq = self.next_number();
                    let what = "the last line has no end: a crash tore it, it is just being written, or it was cut";
                    self.find(Flaw::Torn, path, reader.line, seq, what.into());
                    break;
                }
            };
            match parsed {
                Ok(record) => self.record(path, reader.line, &record),
                Err(what) => {
                    let seq = self.next_number();
                    self.bad += 1;
                    self.find(Flaw::Edited, path, reader.line, seq, format!("record {seq} was edited: {what}"));
                }
            }
            self.place = (path.to_owned(), reader.line);
        }
        Ok(())
    }

    /// The number that the next line ought to have.
    fn next_number(&self) -> u64 {
        self.last.map_or(1, |(seq, _)| seq + 1) + self.bad
    }

    fn record(&mut self, file: &Path, line: u64, record: &Stored) {
        let seq = record.seq;
        self.report.records += 1;
        self.anchors(record);
        if let Some(data) = record.fields.get("data") {
            self.own_words(file, line, record, data);
        }
        let bad = std::mem::take(&mut self.bad);
        let Some((last, hash)) = self.last else {
            self.report.first = seq;
            // The first of all: whether anything is missing before it is known at the end only.
            if seq == 1 && record.prev != Sha256Hash::GENESIS {
                self.find(Flaw::Resealed, file, line, 1, "record 1 claims to have one before it".into());
            }
            if seq > 1 + bad {
                self.missing.insert(1, (seq - 1 - bad, file.to_owned(), line));
            }
            self.last = Some((seq, record.hash));
            return;
        };
        if seq <= last {
            self.bad = bad;
            self.out_of_place(file, line, seq);
            return;
        }
        let gap = seq - last - 1;
        if gap > bad {
            self.missing.insert(last + 1 + bad, (seq - 1, file.to_owned(), line));
        } else if gap == 0 && bad == 0 && record.prev != hash {
            let what = format!(
                "record {last} was changed and sealed anew, or record {seq} was: the link between them is broken"
            );
            self.find(Flaw::Resealed, file, line, last, what);
        }
        self.last = Some((seq, record.hash));
    }

    fn out_of_place(&mut self, file: &Path, line: u64, seq: u64) {
        let range = self.missing.range(..=seq).next_back().map(|(from, (to, ..))| (*from, *to));
        let Some((from, to)) = range.filter(|(_, to)| seq <= *to) else {
            let what = format!("record {seq} stands here a second time");
            self.find(Flaw::Inserted, file, line, seq, what);
            return;
        };
        if let Some((_, gap_file, gap_line)) = self.missing.remove(&from) {
            if from < seq {
                self.missing.insert(from, (seq - 1, gap_file.clone(), gap_line));
            }
            if seq < to {
                self.missing.insert(seq + 1, (to, gap_file, gap_line));
            }
        }
        self.find(Flaw::Reordered, file, line, seq, format!("record {seq} was moved here from its place"));
    }

    /// What the log says about itself.
    fn own_words(&mut self, file: &Path, line: u64, record: &Stored, data: &serde_json::Value) {
        match record.text("kind") {
            Some("rotated") => {
                let kept = data.get("kept_from").and_then(serde_json::Value::as_u64).unwrap_or(0);
                self.kept_from = self.kept_from.max(kept);
            }
            Some("note") => {
                let what = match data.get("what").and_then(serde_json::Value::as_str) {
                    Some("head_mismatch") => "the end of the chain was not where the head file had it",
                    Some("set_aside") => "the end of the file was damaged and was set aside",
                    Some("file_gone") => "the file was taken away while the agent ran",
                    _ => return,
                };
                let what = format!("when it wrote record {}, the agent found: {what} ({data})", record.seq);
                self.find(Flaw::Noted, file, line, record.seq, what);
            }
            _ => {}
        }
    }

    fn anchors(&mut self, record: &Stored) {
        for (anchor, seen) in self.expected.get_mut(&record.seq).into_iter().flatten() {
            // A second record with the number does not help the first.
            *seen = Some(seen.unwrap_or(true) && anchor.hash == record.hash);
        }
    }

    fn end(mut self, current: &Path) -> Report {
        self.report.last = self.last.map_or(0, |(seq, _)| seq);
        let bad_end = self.bad;
        for (from, (to, file, line)) in std::mem::take(&mut self.missing) {
            // What retention has removed is not missing.
            let from = if from == 1 { from.max(self.kept_from) } else { from };
            if from <= to {
                let what = match from == to {
                    true => format!("record {from} was removed before this line"),
                    false => format!("records {from} to {to} were removed before this line"),
                };
                self.find(Flaw::Removed, &file, line, from, what);
            }
        }
        let (file, line) = match self.place.1 {
            0 => (current.to_owned(), 0),
            _ => self.place.clone(),
        };
        for (seq, anchors) in std::mem::take(&mut self.expected) {
            for (anchor, seen) in anchors {
                let verdict = match seen {
                    Some(true) => Verdict::Proved,
                    None if seq < self.report.first.max(1) && seq < self.kept_from => Verdict::TooOld,
                    Some(false) | None => Verdict::Contradicted,
                };
                if verdict == Verdict::Contradicted {
                    let source = &anchor.source;
                    if seen.is_none() && seq > self.report.last + bad_end {
                        let last = self.report.last;
                        let what = format!(
                            "{source} remembers record {seq}, but the log ends at record {last}: its end was cut off"
                        );
                        self.find(Flaw::Cut, &file, line, last + 1, what);
                    } else {
                        let what = format!(
                            "{source} remembers record {seq} with another hash: it was replaced, and perhaps everything before it"
                        );
                        self.find(Flaw::Contradicted, &file, line, seq, what);
                    }
                }
                self.report.proofs.push(Proof { anchor, verdict });
            }
        }
        self.report
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { files, records, first, last, findings, more, .. } = self;
        match records {
            0 => writeln!(f, "The audit log has no records.")?,
            _ => {
                let where_ = match files.as_slice() {
                    [file] => file.display().to_string(),
                    files => count(files.len(), "file"),
                };
                let records = count(usize::try_from(*records).unwrap_or(usize::MAX), "record");
                writeln!(f, "{records}, {first} to {last}, in {where_}.")?;
            }
        }
        match findings.len() {
            0 => writeln!(f, "The chain is whole: no record in it was edited, removed, moved or inserted.")?,
            1 if *more == 0 => writeln!(f, "1 thing is wrong:")?,
            n => writeln!(f, "{} things are wrong:", n as u64 + more)?,
        }
        for finding in findings {
            writeln!(f, "  {}, line {}: {}.", finding.file.display(), finding.line, finding.what)?;
        }
        let mut sources: Vec<&str> = self.proofs.iter().map(|p| p.anchor.source.as_str()).collect();
        sources.sort_unstable();
        sources.dedup();
        for source in &sources {
            let contradicted =
                self.proofs.iter().any(|p| p.anchor.source == *source && p.verdict == Verdict::Contradicted);
            match self.proved_by(source) {
                _ if contradicted => writeln!(f, "It does not agree with {source}.")?,
                0 => writeln!(f, "What {source} remembers is older than what is kept.")?,
                seq if *source == HEAD_FILE && seq == *last => {
                    writeln!(f, "The end was not cut: {source} agrees at record {seq}.")?;
                }
                // A running agent writes it a second after the records that it is about.
                seq if *source == HEAD_FILE => {
                    let after = last.saturating_sub(seq);
                    let after = count(usize::try_from(after).unwrap_or(usize::MAX), "record");
                    writeln!(
                        f,
                        "Up to record {seq} nothing was cut: {source} agrees. It does not know the {after} behind it: a cut there would not be seen."
                    )?;
                }
                seq => writeln!(f, "Nothing up to record {seq} was replaced: {source} agrees.")?,
            }
        }
        if *records > 0 && !sources.contains(&HEAD_FILE) {
            writeln!(f, "There is no head file: a cut end would not be seen.")?;
        }
        if *records > 0 && sources.iter().all(|s| *s == HEAD_FILE) {
            writeln!(f, "Nobody outside remembers it: a log that was rewritten from start to end would not be seen.")?;
        }
        Ok(())
    }
}
