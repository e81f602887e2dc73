//! Anchors: places outside the chain that remember where it was. A chain alone proves its inside; whoever can write the
//! file can cut its end or seal all of it anew, and only an anchor shows that.

use super::chain::{Place, Sha256Hash};
use crate::store::{LogError, open_private};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// The socket of the system journal for its native protocol (systemd.journal-fields(7), "Native Journal Protocol").
pub const JOURNAL_SOCKET: &str = "/run/systemd/journal/socket";
/// Marks our entries: `journalctl MESSAGE_ID=…` finds them. A random 128-bit id, as systemd asks for.
pub const JOURNAL_MESSAGE_ID: &str = "5e1f0c2d9a7b4c48b6d1f3a2907e64bb";
/// The head file is read up to this many bytes.
const HEAD_LIMIT: u64 = 4096;

/// A record that something outside the chain remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Anchor {
    /// The record's number.
    pub seq: u64,
    /// Its hash.
    pub hash: Sha256Hash,
    /// Who remembers it, for a sentence: `the system journal`.
    pub source: String,
}

impl Anchor {
    /// Reads one entry as `journalctl --output=json MESSAGE_ID=…` prints it. `None` when it is about another log, or was not
    /// written by `uid`, the agent's: everybody may send entries to the journal, but `_UID` comes from the kernel.
    #[must_use]
    pub fn from_journal(entry: &[u8], place: &Place, uid: u32) -> Option<Anchor> {
        let entry: serde_json::Value = serde_json::from_slice(entry).ok()?;
        let field = |name: &str| entry.get(name)?.as_str();
        let ours = field("MESSAGE_ID") == Some(JOURNAL_MESSAGE_ID)
            && field("_UID") == Some(&uid.to_string())
            && field("STEWARD_AUDIT_FILE") == Some(&file_field(place));
        if !ours {
            return None;
        }
        let hash = Sha256Hash::parse(field("STEWARD_AUDIT_HASH")?)?;
        Some(Anchor { seq: field("STEWARD_AUDIT_SEQ")?.parse().ok()?, hash, source: "the system journal".into() })
    }
}

/// The log's file as a field of one line.
fn file_field(place: &Place) -> String {
    let file = std::path::absolute(&place.current).unwrap_or_else(|_| place.current.clone());
    file.display().to_string().replace(|c: char| c.is_control(), "?")
}

/// The head file: where the chain ended when it was last put on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The number of the last record.
    pub seq: u64,
    /// Its hash.
    pub hash: Sha256Hash,
    /// The log that it is the head of.
    pub file: PathBuf,
}

impl Head {
    /// Reads the head file of a place. `None` when there is none or it is about another log.
    ///
    /// # Errors
    /// When it is there and cannot be read, or is not a head.
    pub fn read(place: &Place) -> io::Result<Option<Head>> {
        let file = match std::fs::File::open(&place.head) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut text = Vec::new();
        file.take(HEAD_LIMIT).read_to_end(&mut text)?;
        let head: Head = serde_json::from_slice(&text)?;
        let same = Head::names(place).is_ok_and(|file| file == head.file);
        Ok(same.then_some(head))
    }

    /// The log as the head file names it: by its name where both lie in one folder, so that a state folder can be moved or
    /// copied and is still checked.
    fn names(place: &Place) -> io::Result<PathBuf> {
        let (log, head) = (std::path::absolute(&place.current)?, std::path::absolute(&place.head)?);
        let beside = head.parent().and_then(|folder| log.strip_prefix(folder).ok());
        Ok(beside.map_or_else(|| log.clone(), Path::to_owned))
    }

    /// Replaces the head file in one step. The folder is not synced: an older head is still true.
    pub(super) fn write(place: &Place, seq: u64, hash: Sha256Hash) -> Result<(), LogError> {
        let new = place.head.with_extension("json.new");
        let failed = |e| LogError::io("cannot write", &new, e);
        let head = Head { seq, hash, file: Head::names(place).map_err(failed)? };
        let mut text = serde_json::to_vec(&head).map_err(|e| failed(e.into()))?;
        text.push(b'\n');
        let mut file = open_private(&new)?;
        file.set_len(0)
            .and_then(|()| file.write_all(&text))
            .and_then(|()| file.sync_data())
            .and_then(|()| std::fs::rename(&new, &place.head))
            .map_err(failed)
    }
}

/// Sends the head to the system journal. Silent when there is none: the head file stays the anchor then.
pub(super) fn to_journal(socket: &Path, place: &Place, seq: u64, hash: Sha256Hash) {
    let file = file_field(place);
    let entry = format!(
        "MESSAGE=audit log {file} is at record {seq}, hash {hash}\nMESSAGE_ID={JOURNAL_MESSAGE_ID}\nPRIORITY=6\n\
         SYSLOG_IDENTIFIER=steward\nSTEWARD_AUDIT_SEQ={seq}\nSTEWARD_AUDIT_HASH={hash}\nSTEWARD_AUDIT_FILE={file}\n"
    );
    let sent = UnixDatagram::unbound().and_then(|datagram| {
        datagram.set_nonblocking(true)?;
        datagram.send_to(entry.as_bytes(), socket)
    });
    if let Err(error) = sent {
        tracing::debug!("the audit log's head did not go to the system journal: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_the_journal_is_an_anchor_only_from_our_uid_and_for_our_file() {
        let place = Place::in_state(Path::new("/var/lib/steward"));
        let hash = Sha256Hash::of(&[b"x"]);
        let entry = |id: &str, uid: &str, file: &str| {
            let fields = serde_json::json!({
                "MESSAGE_ID": id, "_UID": uid, "STEWARD_AUDIT_FILE": file, "STEWARD_AUDIT_SEQ": "7",
                "STEWARD_AUDIT_HASH": hash.to_string(), "__CURSOR": "s=1",
            });
            Anchor::from_journal(fields.to_string().as_bytes(), &place, 990)
        };
        let file = "/var/lib/steward/audit/audit.jsonl";
        let anchor = entry(JOURNAL_MESSAGE_ID, "990", file).unwrap();
        assert_eq!((anchor.seq, anchor.hash), (7, hash));
        assert_eq!(entry(JOURNAL_MESSAGE_ID, "1000", file), None);
        assert_eq!(entry(JOURNAL_MESSAGE_ID, "990", "/tmp/other"), None);
        assert_eq!(entry("00", "990", file), None);
        assert_eq!(Anchor::from_journal(b"[]", &place, 990), None);
    }
}
