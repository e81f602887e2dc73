//! One line, one value: splits a stream of bytes into lines with a size limit. No IO.

use memchr::memchr;

/// What stands next in the stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A line without its newline and without a carriage return before it. Blank lines are left out.
    Line(&'a [u8]),
    /// A line that is longer than the limit. What follows of it is skipped.
    TooLarge,
}

/// Collects bytes and gives back lines.
///
/// ```
/// use steward_ipc::frame::{Frame, Lines};
/// let mut lines = Lines::new(8);
/// lines.push(b"one\r\n\ntw");
/// assert_eq!(lines.next_frame(), Some(Frame::Line(b"one")));
/// assert_eq!(lines.next_frame(), None);
/// lines.push(b"o\nmuch too long\nend");
/// assert_eq!(lines.next_frame(), Some(Frame::Line(b"two")));
/// assert_eq!(lines.next_frame(), Some(Frame::TooLarge));
/// assert_eq!(lines.next_frame(), None);
/// assert_eq!(lines.last_frame(), Some(Frame::Line(b"end")));
/// ```
#[derive(Debug)]
pub struct Lines {
    buffer: Vec<u8>,
    start: usize,
    /// How far the rest of the buffer was searched for a newline already.
    searched: usize,
    max: usize,
    skipping: bool,
}

impl Lines {
    /// Splits into lines of at most `max` bytes.
    pub fn new(max: usize) -> Lines {
        Lines { buffer: Vec::new(), start: 0, searched: 0, max, skipping: false }
    }

    /// Adds bytes that were read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer().extend_from_slice(bytes);
    }

    /// The buffer to append bytes to directly; what was given back as lines is dropped from it first.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        if self.start > 0 {
            let rest = self.buffer.len() - self.start;
            self.buffer.copy_within(self.start.., 0);
            self.buffer.truncate(rest);
            self.searched -= self.start;
            self.start = 0;
        }
        &mut self.buffer
    }

    /// Whether no byte waits for more.
    pub fn is_empty(&self) -> bool {
        self.start == self.buffer.len()
    }

    /// Gives the memory back when nothing waits in it, so that an idle connection costs nothing.
    pub fn shrink(&mut self) {
        if self.is_empty() {
            self.buffer = Vec::new();
            (self.start, self.searched) = (0, 0);
        }
    }

    /// The next whole line, if there is one.
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        loop {
            let Some(at) = memchr(b'\n', &self.buffer[self.searched..]).map(|i| self.searched + i) else {
                self.searched = self.buffer.len();
                if self.skipping {
                    self.buffer.clear();
                    (self.start, self.searched) = (0, 0);
                } else if self.buffer.len() - self.start > self.max + 1 {
                    // One byte more than the limit may still be the carriage return.
                    self.skipping = true;
                    self.buffer.clear();
                    (self.start, self.searched) = (0, 0);
                    return Some(Frame::TooLarge);
                }
                return None;
            };
            let from = self.start;
            (self.start, self.searched) = (at + 1, at + 1);
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            match frame(&self.buffer[from..at], self.max) {
                Some(Frame::TooLarge) => return Some(Frame::TooLarge),
                // Looked up again, because a borrow that is returned lasts for the whole loop.
                Some(Frame::Line(_)) => return frame(&self.buffer[from..at], self.max),
                None => {}
            }
        }
    }

    /// What is left when the stream has ended: a last line without its newline.
    pub fn last_frame(&mut self) -> Option<Frame<'_>> {
        let from = std::mem::replace(&mut self.start, self.buffer.len());
        self.searched = self.buffer.len();
        if std::mem::take(&mut self.skipping) {
            return None;
        }
        frame(&self.buffer[from..], self.max)
    }
}

/// The frame that a line is: none when it is blank.
fn frame(line: &[u8], max: usize) -> Option<Frame<'_>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > max {
        return Some(Frame::TooLarge);
    }
    (!line.iter().all(u8::is_ascii_whitespace)).then_some(Frame::Line(line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(lines: &mut Lines, out: &mut Vec<Option<Vec<u8>>>) {
        while let Some(f) = lines.next_frame() {
            out.push(match f {
                Frame::Line(l) => Some(l.to_vec()),
                Frame::TooLarge => None,
            });
        }
    }

    proptest! {
        #[test]
        fn however_the_bytes_are_cut_the_lines_are_the_same(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b' '), any::<u8>()], 0..200), cut in 1usize..20) {
            let mut whole = Vec::new();
            let mut lines = Lines::new(10);
            lines.push(&bytes);
            all(&mut lines, &mut whole);
            if let Some(Frame::Line(l)) = lines.last_frame() { whole.push(Some(l.to_vec())) }

            let mut pieces = Vec::new();
            let mut lines = Lines::new(10);
            for piece in bytes.chunks(cut) {
                lines.push(piece);
                all(&mut lines, &mut pieces);
            }
            if let Some(Frame::Line(l)) = lines.last_frame() { pieces.push(Some(l.to_vec())) }
            let lines_only = |v: &Vec<Option<Vec<u8>>>| v.iter().flatten().cloned().collect::<Vec<_>>();
            prop_assert_eq!(lines_only(&whole), lines_only(&pieces));
        }
    }

    #[test]
    fn a_line_of_just_the_limit_passes_and_one_more_does_not() {
        let mut lines = Lines::new(4);
        lines.push(b"1234\r\n12345\n1\n");
        assert_eq!(lines.next_frame(), Some(Frame::Line(b"1234")));
        assert_eq!(lines.next_frame(), Some(Frame::TooLarge));
        assert_eq!(lines.next_frame(), Some(Frame::Line(b"1")));
        assert!(lines.is_empty());
    }
}
