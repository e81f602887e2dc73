//! The chain: where its files are, how a line is sealed with SHA-256, and how it is read back and checked.
//!
//! A line is `{"v":1,"seq":N,"ts":"…","prev":"…", …, "hash":"…"}`. `hash` is the SHA-256 of the line's bytes without the
//! `hash` member, so nothing has to be written again in some canonical form to check it; `prev` is the hash of the record
//! before, and 64 zeros in record 1.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A record is at most this long in bytes, newline included.
pub const MAX_RECORD: usize = 4096;
/// A line that is read may be longer than one that we write: two joined lines must still be shown to be wrong.
pub(super) const READ_LIMIT: usize = 16 * 1024;
/// Bytes of a line besides the record's own members: version, number, time, both hashes and the newline.
pub(super) const FRAME: usize = 240;
/// No record has a higher number: a forged one must not make ours overflow. (2^53 is also the last whole number that every
/// reader of JSON knows.)
pub(super) const MAX_SEQ: u64 = 1 << 53;
/// How a line ends: this, 64 hexadecimal digits, `"}`.
const HASH_MEMBER: &[u8] = b",\"hash\":\"";
const HASH_TAIL: usize = HASH_MEMBER.len() + 64 + 2;

/// A SHA-256 digest; 64 lower-case hexadecimal digits as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256Hash(pub [u8; 32]);

impl Sha256Hash {
    /// What stands for the record before the first one.
    pub const GENESIS: Sha256Hash = Sha256Hash([0; 32]);

    /// The digest of these bytes, one after the other.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Sha256Hash {
        let mut hasher = Sha256::new();
        parts.iter().for_each(|p| hasher.update(p));
        Sha256Hash(hasher.finalize().into())
    }

    /// Reads exactly 64 lower-case digits: one hash has one spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Sha256Hash> {
        let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
        let value = |b: u8| match b {
            b'0'..=b'9' => Some(b - b'0'),
            b'a'..=b'f' => Some(b - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = value(pair[0])? << 4 | value(pair[1])?;
        }
        Some(Sha256Hash(bytes))
    }
}

impl fmt::Display for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Sha256Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not 64 lower-case hexadecimal digits"))
    }
}

/// Where an audit log lives: its current file, its rotated files, the file with its head and the reserve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file that grows.
    pub current: PathBuf,
    /// The file that says where the chain ends.
    pub head: PathBuf,
    /// The preallocated file that is given up when the disk is full; on the file system of `current`.
    pub reserve: PathBuf,
    /// What a rotated file is called: this, its first sequence number, the suffix.
    prefix: String,
    suffix: &'static str,
}

impl Place {
    /// The usual place: `audit/audit.jsonl` in the state folder, rotated to `audit/<first seq>.jsonl`.
    #[must_use]
    pub fn in_state(state_dir: &Path) -> Place {
        let folder = state_dir.join("audit");
        Place {
            current: folder.join("audit.jsonl"),
            head: folder.join("head.json"),
            reserve: folder.join("reserve"),
            prefix: String::new(),
            suffix: ".jsonl",
        }
    }

    /// A file of the operator's choice (`--audit FILE`), rotated to `FILE.<first seq>`; its head, which is its own, stays in the state
    /// folder.
    #[must_use]
    pub fn of_file(file: &Path, state_dir: &Path) -> Place {
        let current = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let name = current.file_name().map_or_else(|| "audit".into(), |n| n.to_string_lossy().into_owned());
        let reserve = current.with_file_name(format!("{name}.reserve"));
        // Each log has a head of its own: another one must not take the place of what is remembered of the usual one.
        let digest = Sha256::digest(current.as_os_str().as_encoded_bytes());
        let id: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
        let head = state_dir.join("audit").join(format!("head-{id}.json"));
        Place { current, head, reserve, prefix: format!("{name}."), suffix: "" }
    }

    /// The name of the rotated file whose first record has this number.
    #[must_use]
    pub fn rotated(&self, first: u64) -> PathBuf {
        self.current.with_file_name(format!("{}{first}{}", self.prefix, self.suffix))
    }

    /// The rotated files with their first sequence numbers, oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read; a folder that is not there has no files.
    pub fn rotated_files(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let folder = self.current.parent().unwrap_or(Path::new("."));
        let entries = match std::fs::read_dir(folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let number = name
                .to_str()
                .and_then(|n| n.strip_prefix(&self.prefix)?.strip_suffix(self.suffix))
                .filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|n| n.parse().ok());
            if let Some(first) = number {
                files.push((first, entry.path()));
            }
        }
        files.sort_unstable();
        Ok(files)
    }
}

/// Puts a sealed line, newline included, at the end of `out`. `members` is the inside of a JSON object.
pub(super) fn seal(seq: u64, ts: &str, prev: &Sha256Hash, members: &[u8], out: &mut Vec<u8>) -> Sha256Hash {
    let start = out.len();
    out.extend_from_slice(format!(r#"{{"v":1,"seq":{seq},"ts":"{ts}","prev":"{prev}","#).as_bytes());
    out.extend_from_slice(members);
    let hash = Sha256Hash::of(&[&out[start..], b"}"]);
    out.extend_from_slice(HASH_MEMBER);
    out.extend_from_slice(format!("{hash}\"}}\n").as_bytes());
    hash
}

/// One record as it stands in a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stored {
    /// Its number, from 1, without gaps over all files.
    pub seq: u64,
    /// When it was written: RFC 3339, UTC, milliseconds.
    pub ts: String,
    /// The hash of the record before it.
    pub prev: Sha256Hash,
    /// Its own hash.
    pub hash: Sha256Hash,
    /// Everything else: `kind`, `id`, `caller`, `action`, ….
    #[serde(flatten)]
    pub fields: serde_json::Map<String, serde_json::Value>,
}

impl Stored {
    /// Reads and checks one line without its newline. Total: any bytes give an answer.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(line: &[u8]) -> Result<Stored, String> {
        #[derive(Deserialize)]
        struct Line {
            v: u32,
            seq: u64,
            ts: String,
            prev: Sha256Hash,
            #[serde(flatten)]
            fields: serde_json::Map<String, serde_json::Value>,
        }
        let hash = check(line)?;
        let line: Line = serde_json::from_slice(line).map_err(|e| format!("it is not a record: {e}"))?;
        if line.v != 1 {
            return Err(format!("it has version {}; this program knows version 1", line.v));
        }
        if line.seq == 0 || line.seq > MAX_SEQ {
            return Err(format!("its number {} is out of range", line.seq));
        }
        let Line { seq, ts, prev, mut fields, .. } = line;
        fields.remove("hash");
        Ok(Stored { seq, ts, prev, hash, fields })
    }

    /// A member that is a string.
    #[must_use]
    pub fn text(&self, member: &str) -> Option<&str> {
        self.fields.get(member)?.as_str()
    }
}

/// Checks that the line's bytes fit its hash, and returns it.
pub(super) fn check(line: &[u8]) -> Result<Sha256Hash, String> {
    let (body, tail) = line.split_at_checked(line.len().saturating_sub(HASH_TAIL)).unwrap_or((line, b""));
    let stated = tail
        .strip_prefix(HASH_MEMBER)
        .and_then(|t| t.strip_suffix(b"\"}"))
        .and_then(|t| std::str::from_utf8(t).ok())
        .and_then(Sha256Hash::parse)
        .ok_or("it does not end in a hash")?;
    if Sha256Hash::of(&[body, b"}"]) != stated {
        return Err("its text does not fit its hash".into());
    }
    Ok(stated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_line_is_read_back_and_its_hash_is_sha256_of_the_rest() {
        let mut out = Vec::new();
        let hash = seal(1, "2026-01-02T03:04:05.678Z", &Sha256Hash::GENESIS, br#""kind":"note""#, &mut out);
        let line = out.strip_suffix(b"\n").unwrap();
        let stored = Stored::parse(line).unwrap();
        assert_eq!((stored.seq, stored.hash, stored.text("kind")), (1, hash, Some("note")));
        let zeros = "0".repeat(64);
        let body = format!(r#"{{"v":1,"seq":1,"ts":"2026-01-02T03:04:05.678Z","prev":"{zeros}","kind":"note"}}"#);
        assert_eq!(Sha256Hash::of(&[body.as_bytes()]), hash);
        assert_eq!(Sha256Hash::parse(&hash.to_string()), Some(hash));
        assert_eq!(Sha256Hash::parse(&"A".repeat(64)), None);
        assert_eq!(
            Sha256Hash::of(&[b"a", b"bc"]).to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-4 example
        );
    }

    #[test]
    fn the_frame_leaves_room_for_the_largest_numbers() {
        let mut out = Vec::new();
        seal(u64::MAX, "+292277026596-12-04T15:30:08.999Z", &Sha256Hash::GENESIS, b"", &mut out);
        assert!(out.len() <= FRAME, "{}", out.len());
    }

    #[test]
    fn rotated_files_are_found_by_number_in_both_places() {
        let tmp = tempfile::tempdir().unwrap();
        std::fs::create_dir(tmp.path().join("audit")).unwrap();
        for place in [Place::in_state(tmp.path()), Place::of_file(&tmp.path().join("my.log"), tmp.path())] {
            for first in [10, 9, 1] {
                std::fs::write(place.rotated(first), "").unwrap();
            }
            for other in [&place.current, &place.head, &place.reserve] {
                std::fs::write(other, "").unwrap();
            }
            let numbers: Vec<u64> = place.rotated_files().unwrap().into_iter().map(|(n, _)| n).collect();
            assert_eq!(numbers, [1, 9, 10]);
        }
    }
}
