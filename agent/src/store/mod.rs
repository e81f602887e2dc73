//! Append-only journals on disk: one line a record, one fdatasync a batch, and the lock of the state folder.
//!
//! [`Log`] serves the gate's journal, the memory and the receipts; the audit log shares its writer thread and its files.
//! Nothing here knows what a record means.

mod files;
mod lines;
mod lock;
mod log;
mod writer;

pub use files::private_folder;
pub use lock::{LockError, StateLock};
pub use log::{Cut, Entry, Log, LogError, MAX_LINE};
pub use writer::{ACK_DEADLINE, Ack, Durability, QUEUE_BYTES, QUEUE_ITEMS};

pub(crate) use files::{open_private, same_file, sync_folder};
#[cfg(test)]
pub(crate) use lines::seam;
pub(crate) use lines::{LineFile, LineReader, Stretch};
pub(crate) use log::now_text;
pub(crate) use writer::{Book, Writer};
