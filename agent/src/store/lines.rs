//! A file of lines: appending with a known good length, and reading with a limit. It knows no format.

use super::{LogError, files};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// A file that grows by whole lines. What a failed write left behind is cut off before the next one.
#[derive(Debug)]
pub(crate) struct LineFile {
    file: File,
    path: PathBuf,
    /// Length up to which the file holds whole lines only.
    len: u64,
    /// Bytes behind `len` may be there and could not be cut off yet.
    ragged: bool,
    /// Something may have been written since the last sync, by a process before us too.
    dirty: bool,
}

impl LineFile {
    /// Opens or makes the file (mode 0600, no links). The caller checks its lines and then cuts with [`LineFile::cut`].
    pub(crate) fn open(path: &Path) -> Result<LineFile, LogError> {
        Self::from_file(files::open_private(path)?, path)
    }

    /// Takes over a file that is open for appending.
    pub(crate) fn from_file(file: File, path: &Path) -> Result<LineFile, LogError> {
        let len = file.metadata().map_err(|e| LogError::io("cannot look at", path, e))?.len();
        Ok(LineFile { file, path: path.to_owned(), len, ragged: false, dirty: true })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of whole lines in the file.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Adds whole lines. After an error the file is as long as before.
    pub(crate) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.ragged {
            self.file.set_len(self.len)?;
            self.ragged = false;
        }
        self.dirty = true;
        let written = self.write_all(lines);
        match written {
            Ok(()) => self.len += lines.len() as u64,
            Err(_) => self.ragged = self.file.set_len(self.len).is_err(),
        }
        written
    }

    fn write_all(&mut self, lines: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        if let Some((part, error)) = seam::take(&self.path, seam::Step::Write) {
            self.file.write_all(&lines[..part.min(lines.len())])?;
            return Err(error);
        }
        self.file.write_all(lines)
    }

    /// Puts everything on disk (fdatasync(2)); does nothing when nothing was written since the last time.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        if self.dirty {
            #[cfg(test)]
            if let Some((_, error)) = seam::take(&self.path, seam::Step::Sync) {
                return Err(error);
            }
            self.file.sync_data()?;
            self.dirty = false;
        }
        Ok(())
    }

    /// Cuts the file to `len` bytes; what is behind it is gone, on disk too.
    pub(crate) fn cut(&mut self, len: u64) -> io::Result<()> {
        self.len = len;
        self.ragged = true;
        self.dirty = true;
        self.file.set_len(len)?;
        self.ragged = false;
        self.sync()
    }

    /// Forgets the lines behind `len` without waiting for the disk: they were never promised.
    pub(crate) fn take_back(&mut self, len: u64) {
        self.len = len;
        self.dirty = true;
        self.ragged = self.file.set_len(len).is_err();
    }

    /// False when the name was taken away or given to another file behind our back.
    pub(crate) fn is_in_place(&self) -> bool {
        files::same_file(&self.path, &self.file)
    }
}

/// One line, or what stands in the place of one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stretch<'a> {
    /// A whole line, without its newline.
    Line(&'a [u8]),
    /// The file ended before the newline.
    Torn(&'a [u8]),
    /// Longer than the limit; it was skipped. The field says whether a newline ended it.
    TooLong {
        /// A newline came after it.
        ended: bool,
    },
}

/// Reads a file line by line; a line longer than the limit is skipped, never held in memory.
#[derive(Debug)]
pub(crate) struct LineReader<R> {
    input: BufReader<R>,
    limit: usize,
    buffer: Vec<u8>,
    /// Number of the line that was read last, from 1.
    pub(crate) line: u64,
    /// Where the line that was read last starts.
    pub(crate) start: u64,
    /// Where the next line starts.
    pub(crate) next: u64,
}

impl<R: Read> LineReader<R> {
    pub(crate) fn new(input: R, limit: usize) -> LineReader<R> {
        let input = BufReader::with_capacity(64 * 1024, input);
        LineReader { input, limit, buffer: Vec::new(), line: 0, start: 0, next: 0 }
    }

    /// The next line, or `None` at the end of the file.
    pub(crate) fn read(&mut self) -> io::Result<Option<Stretch<'_>>> {
        self.buffer.clear();
        let most = self.limit as u64 + 1;
        let got = (&mut self.input).take(most).read_until(b'\n', &mut self.buffer)? as u64;
        if got == 0 {
            return Ok(None);
        }
        self.line += 1;
        self.start = self.next;
        self.next += got;
        if self.buffer.last() == Some(&b'\n') {
            return Ok(Some(Stretch::Line(&self.buffer[..self.buffer.len() - 1])));
        }
        if got < most {
            return Ok(Some(Stretch::Torn(&self.buffer)));
        }
        let (skipped, ended) = self.skip()?;
        self.next += skipped;
        Ok(Some(Stretch::TooLong { ended }))
    }

    /// True when nothing follows what was read last.
    pub(crate) fn at_end(&mut self) -> io::Result<bool> {
        Ok(self.input.fill_buf()?.is_empty())
    }

    fn skip(&mut self) -> io::Result<(u64, bool)> {
        let mut skipped = 0;
        loop {
            let chunk = self.input.fill_buf()?;
            if chunk.is_empty() {
                return Ok((skipped, false));
            }
            let newline = chunk.iter().position(|&b| b == b'\n');
            let used = newline.map_or(chunk.len(), |at| at + 1);
            self.input.consume(used);
            skipped += used as u64;
            if newline.is_some() {
                return Ok((skipped, true));
            }
        }
    }
}

/// Lets a test fail the next write or sync of one file, as a full or broken disk would.
#[cfg(test)]
pub(crate) mod seam {
    use std::io;
    use std::path::{Path, PathBuf};
    use std::sync::Mutex;

    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) enum Step {
        Write,
        Sync,
    }

    struct Fault {
        path: PathBuf,
        step: Step,
        /// So many go well before.
        after: usize,
        part: usize,
        errno: i32,
    }

    static NEXT: Mutex<Vec<Fault>> = Mutex::new(Vec::new());

    /// The next `step` on `path` fails with `errno`, a write after `part` bytes.
    pub(crate) fn fail_next(path: &Path, step: Step, part: usize, errno: rustix::io::Errno) {
        fail(path, step, 0, part, errno);
    }

    /// The same for the one after the next.
    pub(crate) fn fail_second(path: &Path, step: Step, part: usize, errno: rustix::io::Errno) {
        fail(path, step, 1, part, errno);
    }

    fn fail(path: &Path, step: Step, after: usize, part: usize, errno: rustix::io::Errno) {
        let fault = Fault { path: path.to_owned(), step, after, part, errno: errno.raw_os_error() };
        NEXT.lock().unwrap().push(fault);
    }

    pub(super) fn take(path: &Path, step: Step) -> Option<(usize, io::Error)> {
        let mut next = NEXT.lock().unwrap();
        let at = next.iter().position(|f| f.path == path && f.step == step)?;
        if next[at].after > 0 {
            next[at].after -= 1;
            return None;
        }
        let Fault { part, errno, .. } = next.remove(at);
        Some((part, io::Error::from_raw_os_error(errno)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_a_limit_and_the_rest_is_told_apart() {
        let text = b"one\n\nlonger than eight\ntwo\nrest";
        let mut reader = LineReader::new(&text[..], 8);
        let mut seen = Vec::new();
        while let Some(stretch) = reader.read().unwrap() {
            seen.push(match stretch {
                Stretch::Line(l) => format!("line {}", String::from_utf8_lossy(l)),
                Stretch::Torn(l) => format!("torn {}", String::from_utf8_lossy(l)),
                Stretch::TooLong { ended } => format!("too long {ended}"),
            });
        }
        assert_eq!(seen, ["line one", "line ", "too long true", "line two", "torn rest"]);
        assert_eq!((reader.line, reader.start, reader.next), (5, 27, 31));
    }

    #[test]
    fn a_failed_write_leaves_no_half_line() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("f");
        let mut file = LineFile::open(&path).unwrap();
        file.append(b"one\n").unwrap();
        seam::fail_next(&path, seam::Step::Write, 2, rustix::io::Errno::NOSPC);
        assert!(file.append(b"two\n").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"one\n");
        file.append(b"three\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\nthree\n");
        assert!(file.is_in_place());
    }
}
