//! Receipts: how the last changes can be put back. Each is good for once, for a week at most.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;
use crate::reply::Undo;
use crate::store::{Ack, Durability, Log, LogError};

/// How long a receipt is kept, in milliseconds.
const KEPT_MS: i64 = 7 * 24 * 3_600_000;
/// How many receipts a uid has at the most; the oldest go first.
const MAX_RECEIPTS: usize = 1000;

/// How one change can be put back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// Its id.
    pub id: Uuid,
    /// Whose change it was.
    pub owner: u32,
    /// The number in the audit log of the request that made the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Uuid>,
    /// The action that made the change.
    pub action: String,
    /// What it did, in words.
    pub summary: String,
    /// How it is put back.
    pub undo: Undo,
    /// Whether the change put another one back: then only its id takes it back again, and `undo` without one goes further back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_undo: bool,
    /// When it was made, in milliseconds since 1970.
    pub wall_ms: i64,
    /// Counts the receipts, so that the last one is known whatever the clock does.
    pub number: u64,
}

/// All receipts.
#[derive(Debug)]
pub struct Receipts {
    log: Log,
    clock: Clock,
    /// Guards the unused receipts by id.
    unused: Mutex<HashMap<Uuid, Receipt>>,
    /// The number of the last receipt.
    last: AtomicU64,
}

/// A receipt on its way to the disk.
#[derive(Debug)]
#[must_use = "a receipt is only known to be kept when it was waited for"]
pub struct Keeping {
    /// Its id.
    pub id: Uuid,
    ack: Ack,
}

#[derive(Serialize, Deserialize)]
struct IdOf {
    id: Uuid,
}

impl Receipts {
    /// Opens the journal at `path`.
    ///
    /// # Errors
    /// When it cannot be read: the file, the line and what is wrong.
    pub fn open(path: &Path, clock: Clock) -> Result<Receipts, LogError> {
        let mut unused = HashMap::new();
        let log = Log::open(path, |entry| {
            match entry.kind {
                "receipt" => {
                    let receipt: Receipt = entry.parse()?;
                    unused.insert(receipt.id, receipt);
                }
                "used" => drop(unused.remove(&entry.parse::<IdOf>()?.id)),
                other => return Err(format!("`{other}` is no kind of record of the receipts")),
            }
            Ok(())
        })?;
        let last = AtomicU64::new(unused.values().map(|r| r.number).max().unwrap_or(0));
        let receipts = Receipts { log, clock, unused: Mutex::new(unused), last };
        if let Some(Err(e)) = receipts.drop_old().map(Ack::wait) {
            tracing::warn!("old receipts could not be dropped: {e}");
        }
        Ok(receipts)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Receipt>> {
        self.unused.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Begins to keep a receipt; [`Receipts::kept`] waits for it. What is written in between is written together.
    pub fn begin(
        &self,
        owner: u32,
        request: Uuid,
        action: &str,
        summary: String,
        undo: Undo,
        of_undo: bool,
    ) -> Keeping {
        let (id, wall_ms) = (Uuid::new_v4(), self.clock.now().wall_ms);
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (action, request) = (action.to_owned(), Some(request));
        let receipt = Receipt { id, owner, request, action, summary, undo, of_undo, wall_ms, number };
        // In the table first: a journal that is written anew in between has it then, and twice is as good as once.
        self.lock().insert(id, receipt.clone());
        Keeping { id, ack: self.log.append_here("receipt", &receipt, Durability::Written) }
    }

    /// Waits until a receipt is kept; it survives a crash of the agent when this returns.
    ///
    /// # Errors
    /// When it cannot be written; then there is none.
    pub async fn kept(&self, keeping: Keeping) -> Result<(), LogError> {
        let Keeping { id, ack } = keeping;
        ack.await.map(drop).inspect_err(|_| drop(self.lock().remove(&id)))
    }

    /// Whether the change of this request has a receipt already.
    pub fn has_of(&self, request: Uuid) -> bool {
        self.lock().values().any(|r| r.request == Some(request))
    }

    /// The receipt of this id, or the owner's last one that is not of an undo.
    pub fn find(&self, owner: u32, id: Option<Uuid>) -> Option<Receipt> {
        let now = self.clock.now().wall_ms;
        let unused = self.lock();
        let good = |r: &&Receipt| {
            let kept = r.undo.within.map_or(KEPT_MS, |s| i64::from(s) * 1000);
            r.owner == owner && now - r.wall_ms <= kept
        };
        match id {
            Some(id) => unused.get(&id).filter(good).cloned(),
            None => unused.values().filter(good).filter(|r| !r.of_undo).max_by_key(|r| r.number).cloned(),
        }
    }

    /// Uses a receipt up.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn used(&self, id: Uuid) -> Result<(), LogError> {
        self.lock().remove(&id);
        self.log.append_here("used", &IdOf { id }, Durability::Written).await.map(drop)
    }

    /// Drops what is too old or too much. Called now and then.
    pub async fn tidy(&self) {
        let Some(ack) = self.drop_old() else { return };
        if let Err(e) = ack.await {
            tracing::warn!("old receipts could not be dropped: {e}");
        }
    }

    /// Drops what is too old or too much, and writes the journal anew when there was any.
    fn drop_old(&self) -> Option<Ack> {
        let now = self.clock.now().wall_ms;
        let mut unused = self.lock();
        let before = unused.len();
        unused.retain(|_, r| now - r.wall_ms <= KEPT_MS);
        drop_oldest(&mut unused, MAX_RECEIPTS);
        if unused.len() == before {
            return None;
        }
        // Under the lock, so that nothing that is added meanwhile is lost.
        Some(self.log.rewrite(unused.values().map(|r| ("receipt", r))))
    }
}

/// Keeps the newest `most` receipts of each uid.
fn drop_oldest(unused: &mut HashMap<Uuid, Receipt>, most: usize) {
    let mut of_owner: HashMap<u32, Vec<(u64, Uuid)>> = HashMap::new();
    for receipt in unused.values() {
        of_owner.entry(receipt.owner).or_default().push((receipt.number, receipt.id));
    }
    for mut receipts in of_owner.into_values() {
        receipts.sort_unstable();
        for (_, id) in receipts.iter().rev().skip(most) {
            unused.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_receipts_of_one_uid_do_not_push_out_those_of_another() {
        let receipt = |owner, number| Receipt {
            id: Uuid::new_v4(),
            owner,
            request: None,
            action: "set_volume".into(),
            summary: String::new(),
            undo: Undo {
                action: "set_volume".into(),
                args: serde_json::Value::Null,
                before: serde_json::Value::Null,
                after: serde_json::Value::Null,
                only: None,
                within: None,
            },
            of_undo: false,
            wall_ms: 0,
            number,
        };
        let all = std::iter::once(receipt(1, 1)).chain((2..=6).map(|n| receipt(2, n)));
        let mut unused: HashMap<Uuid, Receipt> = all.map(|r| (r.id, r)).collect();
        drop_oldest(&mut unused, 3);
        let mut left: Vec<(u32, u64)> = unused.values().map(|r| (r.owner, r.number)).collect();
        left.sort_unstable();
        assert_eq!(left, [(1, 1), (2, 4), (2, 5), (2, 6)]);
    }
}
