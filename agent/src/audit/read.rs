//! Reading the log while it is written, without a lock: all of it, its end, what comes next, and one request's story.

use super::chain::{Place, READ_LIMIT, Stored};
use crate::store::{LineReader, Stretch, same_file};
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use uuid::Uuid;

/// [`Follow::poll`] reads so many bytes at a time.
const FOLLOW_BYTES: usize = 256 * 1024;
/// So many rotated files are held open at once, well below the usual limit of 1024 descriptors.
const OPEN_FILES: usize = 256;
/// Opening starts anew when a rotation comes in between, so many times.
const ATTEMPTS: usize = 5;

/// A line that is no record, or a file that cannot be read. Reading goes on behind it.
#[derive(Debug, thiserror::Error)]
#[error("{}, line {line}: {what}", file.display())]
pub struct ReadError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 when the file cannot be opened.
    pub line: u64,
    /// What is wrong.
    pub what: String,
}

/// All records, rotated files first. A line that is just being written is not seen yet.
///
/// # Errors
/// When the folder cannot be read. No log at all is an empty one.
pub fn read(place: &Place) -> io::Result<Records> {
    Ok(Records { files: open_all(place)?.into(), reader: None, wanted: None })
}

/// The last `n` records, oldest first. Damaged lines are left out: `verify` tells of those.
///
/// # Errors
/// When the folder cannot be read.
pub fn tail(place: &Place, n: usize) -> io::Result<Vec<Stored>> {
    let mut found: Vec<Stored> = Vec::new();
    for file in open_all(place)?.into_iter().rev() {
        let missing = n - found.len();
        if missing == 0 {
            break;
        }
        let mut last = VecDeque::new();
        for record in (Records { files: [file].into(), reader: None, wanted: None }).flatten() {
            if last.len() == missing {
                last.pop_front();
            }
            last.push_back(record);
        }
        last.extend(found);
        found = last.into();
    }
    Ok(found)
}

/// Every record of a request or of a confirmation, in order.
///
/// # Errors
/// When the folder cannot be read.
pub fn show(place: &Place, id: Uuid) -> io::Result<Vec<Stored>> {
    let text = id.to_string();
    let records = Records { wanted: Some(text.clone().into_bytes()), ..read(place)? };
    let about = |r: &Stored| ["id", "confirmation"].iter().any(|m| r.text(m) == Some(&text));
    Ok(records.flatten().filter(about).collect())
}

/// An iterator over records; see [`read`].
#[derive(Debug)]
pub struct Records {
    files: VecDeque<Opened>,
    reader: Option<(PathBuf, LineReader<File>)>,
    /// Only lines that contain these bytes are looked at.
    wanted: Option<Vec<u8>>,
}

impl Iterator for Records {
    type Item = Result<Stored, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((file, reader)) = &mut self.reader else {
                let (file, open) = self.files.pop_front()?;
                match open.map_or_else(|| File::open(&file), Ok) {
                    Ok(open) => self.reader = Some((file, LineReader::new(open, READ_LIMIT))),
                    // The current file of a new log, or one that retention has just removed.
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                    Err(e) => return Some(Err(ReadError { file, line: 0, what: e.to_string() })),
                }
                continue;
            };
            let what = match reader.read() {
                Ok(Some(Stretch::Line(line))) => {
                    let skip = |wanted: &Vec<u8>| !line.windows(wanted.len()).any(|w| w == wanted);
                    if self.wanted.as_ref().is_some_and(skip) {
                        continue;
                    }
                    match Stored::parse(line) {
                        Ok(record) => return Some(Ok(record)),
                        Err(what) => what,
                    }
                }
                Ok(Some(Stretch::TooLong { .. })) => "the line is too long for a record".into(),
                Ok(None | Some(Stretch::Torn(_))) => {
                    self.reader = None;
                    continue;
                }
                Err(e) => {
                    let (file, line) = (file.clone(), reader.line);
                    self.reader = None;
                    return Some(Err(ReadError { file, line, what: e.to_string() }));
                }
            };
            return Some(Err(ReadError { file: file.clone(), line: reader.line, what }));
        }
    }
}

/// A file's name, and the file when it was opened at once.
type Opened = (PathBuf, Option<File>);

/// All files, oldest first, of one moment: a file that is open stays whole when it is rotated or removed. Of very many only
/// the newest are opened; the others change no more.
pub(super) fn open_all(place: &Place) -> io::Result<Vec<Opened>> {
    for _ in 0..ATTEMPTS {
        let rotated = place.rotated_files()?;
        let lazy = rotated.len().saturating_sub(OPEN_FILES);
        let paths = rotated.iter().map(|(_, path)| path).chain([&place.current]).enumerate();
        let files: Vec<_> =
            paths.map(|(n, p)| (p.clone(), (n >= lazy).then(|| File::open(p).ok()).flatten())).collect();
        if place.rotated_files()? == rotated {
            return Ok(files);
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "the audit log is rotated faster than it can be opened"))
}

/// What comes after now, over rotations. The caller polls, some times a second.
#[derive(Debug)]
pub struct Follow {
    place: Place,
    file: Option<File>,
    offset: u64,
    /// The last record that was handed out.
    seq: u64,
}

impl Follow {
    /// Starts behind the record with this number; 0 starts at the beginning.
    #[must_use]
    pub fn after(place: &Place, seq: u64) -> Follow {
        Follow { place: place.clone(), file: None, offset: 0, seq }
    }

    /// The records that have come since the last call, none when there are none. Damaged lines are left out.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn poll(&mut self) -> io::Result<Vec<Stored>> {
        let mut records = Vec::new();
        loop {
            if self.file.is_none() && !self.open_next()? {
                return Ok(records);
            }
            let Some(file) = &self.file else { return Ok(records) };
            // Before reading: what is written between this look and a rotation is read in the next round.
            let current = same_file(&self.place.current, file);
            let mut chunk = vec![0; FOLLOW_BYTES];
            let got = file.read_at(&mut chunk, self.offset)?;
            let whole = chunk[..got].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            self.offset += whole as u64;
            for record in chunk[..whole].split(|b| *b == b'\n').filter_map(|line| Stored::parse(line).ok()) {
                if record.seq > self.seq {
                    self.seq = record.seq;
                    records.push(record);
                }
            }
            if whole == 0 && got == chunk.len() {
                self.offset += got as u64; // no record is that long
            } else if whole == 0 && current {
                return Ok(records);
            } else if whole == 0 {
                self.file = None;
            }
            if !records.is_empty() && whole > 0 {
                return Ok(records);
            }
        }
    }

    /// Opens the file that holds the next record.
    fn open_next(&mut self) -> io::Result<bool> {
        let rotated = self.place.rotated_files()?;
        let next = rotated.partition_point(|(first, _)| *first <= self.seq + 1);
        // The file that begins at or before the next record, unless everything in it is known.
        let candidates = rotated.iter().skip(next.saturating_sub(1)).map(|(_, path)| path).chain([&self.place.current]);
        for path in candidates {
            match File::open(path) {
                Ok(file) if *path == self.place.current || last_number(&file)? > self.seq => {
                    (self.file, self.offset) = (Some(file), 0);
                    return Ok(true);
                }
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(false)
    }
}

/// The number of the last whole record of a finished file.
fn last_number(file: &File) -> io::Result<u64> {
    let len = file.metadata()?.len();
    let from = len.saturating_sub(2 * READ_LIMIT as u64);
    let mut end = vec![0; (len - from) as usize];
    file.read_exact_at(&mut end, from)?;
    let last = end.split(|b| *b == b'\n').rev().find_map(|line| Stored::parse(line).ok());
    Ok(last.map_or(0, |r| r.seq))
}
