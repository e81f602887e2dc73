//! How often something was released, for the rate limits of rules.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use steward_policy::{LimitUse, Per, Released};

/// How many limits are counted at once; the longest unused one makes room.
const MAX_KEYS: usize = 4096;
/// How many releases a limit remembers; a rule's rate is smaller.
const MAX_MOMENTS: usize = 100_000;

/// Counts of releases.
#[derive(Debug, Default)]
pub struct Rates {
    /// Guards the moments, in milliseconds since boot, by whom and what they count.
    by_key: Mutex<HashMap<Key, VecDeque<i64>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    limit: LimitUse,
    uid: Option<u32>,
}

impl Key {
    fn new(limit: &LimitUse, uid: u32) -> Key {
        Key { limit: limit.clone(), uid: (limit.per != Per::Action).then_some(uid) }
    }
}

impl Rates {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, VecDeque<i64>>> {
        self.by_key.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// How often it was released within the limit's window.
    pub fn released(&self, limit: &LimitUse, uid: u32, boot_ms: i64) -> Released {
        let mut by_key = self.lock();
        let Some(moments) = by_key.get_mut(&Key::new(limit, uid)) else { return Released::default() };
        let window = i64::try_from(limit.window.as_millis()).unwrap_or(i64::MAX);
        while moments.front().is_some_and(|m| boot_ms.saturating_sub(*m) >= window) {
            moments.pop_front();
        }
        let left = moments.front().map_or(0, |oldest| window - (boot_ms - oldest));
        Released {
            count: u32::try_from(moments.len()).unwrap_or(u32::MAX),
            oldest_leaves_in: Duration::from_millis(u64::try_from(left).unwrap_or(0)),
        }
    }

    /// Counts a release under each of `limits`.
    pub fn count(&self, limits: &[LimitUse], uid: u32, boot_ms: i64) {
        if limits.is_empty() {
            return;
        }
        let mut by_key = self.lock();
        for limit in limits {
            let key = Key::new(limit, uid);
            if by_key.len() >= MAX_KEYS && !by_key.contains_key(&key) {
                let oldest = by_key.iter().min_by_key(|(_, m)| m.back().copied()).map(|(k, _)| k.clone());
                oldest.and_then(|k| by_key.remove(&k));
            }
            let moments = by_key.entry(key).or_default();
            if moments.len() == MAX_MOMENTS {
                moments.pop_front();
            }
            moments.push_back(boot_ms);
        }
    }
}
