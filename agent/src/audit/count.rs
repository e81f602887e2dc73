//! What is only counted: pings on the hot path, and refusals beyond a rate. Counting takes no lock.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// So many refused or malformed lines a minute and uid get records of their own.
pub const RECORDS_A_MINUTE: u32 = 20;
/// The time after which counts are written down.
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// Each thread counts in one of so many tables, so that two cores rarely share a cache line.
const SHARDS: usize = 8;
/// So many uids are counted by name; the others together.
const UIDS: usize = 32;
/// So many uids have a rate of their own; beyond that everything is only counted.
const RATES: usize = 1024;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// `ping`.
    Ping,
    /// `get_capabilities`.
    GetCapabilities,
    /// A request that was refused before judging.
    Refused,
    /// A line that was no request.
    Malformed,
}

impl What {
    const ALL: [(What, &'static str); 4] = [
        (What::Ping, "ping"),
        (What::GetCapabilities, "get_capabilities"),
        (What::Refused, "refused"),
        (What::Malformed, "malformed"),
    ];
}

/// One uid's counts, on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Cell64 {
    /// uid + 1; 0 is free. Once taken it stays.
    key: AtomicU64,
    counts: [AtomicU64; What::ALL.len()],
}

/// Counters by uid. Slot `UIDS` of a shard is for everybody who found no place.
#[derive(Debug)]
pub(super) struct Counts {
    shards: Box<[[Cell64; UIDS + 1]; SHARDS]>,
}

impl Counts {
    pub(super) fn new() -> Counts {
        Counts { shards: Box::new(std::array::from_fn(|_| std::array::from_fn(|_| Cell64::default()))) }
    }

    /// Adds one.
    pub(super) fn add(&self, uid: u32, what: What) {
        let shard = &self.shards[shard()];
        let key = u64::from(uid) + 1;
        let start = uid as usize % UIDS;
        let found = (0..UIDS).map(|n| &shard[(start + n) % UIDS]).find(|cell| {
            let present = cell.key.load(Ordering::Relaxed);
            present == key
                || (present == 0
                    && match cell.key.compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed) {
                        Ok(_) => true,
                        Err(theirs) => theirs == key,
                    })
        });
        found.unwrap_or(&shard[UIDS]).counts[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Takes all counts out: per uid (`None`: the others), what is not zero.
    pub(super) fn take(&self) -> Vec<(Option<u32>, serde_json::Map<String, serde_json::Value>)> {
        let mut sums: std::collections::BTreeMap<Option<u32>, [u64; What::ALL.len()]> = Default::default();
        for cell in self.shards.iter().flatten() {
            let uid = cell.key.load(Ordering::Relaxed).checked_sub(1).and_then(|uid| u32::try_from(uid).ok());
            for (n, count) in cell.counts.iter().enumerate() {
                if count.load(Ordering::Relaxed) > 0 {
                    sums.entry(uid).or_default()[n] += count.swap(0, Ordering::Relaxed);
                }
            }
        }
        let named = |counts: [u64; What::ALL.len()]| {
            let some = What::ALL.iter().zip(counts).filter(|(_, n)| *n > 0);
            some.map(|((_, name), n)| ((*name).to_owned(), n.into())).collect()
        };
        sums.into_iter().map(|(uid, counts)| (uid, named(counts))).collect()
    }
}

fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static MINE: Cell<usize> = const { Cell::new(usize::MAX) });
    MINE.with(|mine| {
        if mine.get() == usize::MAX {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        }
        mine.get()
    })
}

/// How many records of refusals each uid has had in its present minute.
#[derive(Debug, Default)]
pub(super) struct Rates {
    minutes: HashMap<u32, (Duration, u32)>,
}

impl Rates {
    /// True when this one gets a record; otherwise it is to be counted. `now` is monotonic.
    pub(super) fn admit(&mut self, uid: u32, now: Duration) -> bool {
        if self.minutes.len() >= RATES && !self.minutes.contains_key(&uid) {
            self.minutes.retain(|_, (start, _)| now.saturating_sub(*start) < MINUTE);
            if self.minutes.len() >= RATES {
                return false;
            }
        }
        let (start, count) = self.minutes.entry(uid).or_insert((now, 0));
        if now.saturating_sub(*start) >= MINUTE {
            (*start, *count) = (now, 0);
        }
        *count += 1;
        *count <= RECORDS_A_MINUTE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_summed_over_threads_and_taken_once() {
        let counts = Counts::new();
        std::thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| (0..1000).for_each(|_| counts.add(1000, What::Ping)));
            }
        });
        counts.add(0, What::Malformed);
        let taken = serde_json::to_value(counts.take()).unwrap();
        assert_eq!(taken, serde_json::json!([[0, {"malformed": 1}], [1000, {"ping": 10_000}]]));
        assert!(counts.take().is_empty());
    }

    #[test]
    fn more_uids_than_places_lose_no_count() {
        let counts = Counts::new();
        (0..1000).for_each(|uid| counts.add(uid, What::Refused));
        let taken = counts.take();
        assert_eq!(taken.len(), UIDS + 1);
        assert_eq!(taken.iter().map(|(_, c)| c["refused"].as_u64().unwrap()).sum::<u64>(), 1000);
        assert!(taken[0].0.is_none());
    }

    #[test]
    fn twenty_a_minute_get_records_and_each_uid_has_its_own_minute() {
        let mut rates = Rates::default();
        let at = Duration::from_secs;
        assert_eq!((0..30).filter(|n| rates.admit(7, at(*n))).count(), 20);
        assert!(rates.admit(8, at(30)));
        assert!(!rates.admit(7, at(59)));
        assert!(rates.admit(7, at(60)));
    }

    #[test]
    fn a_flood_of_uids_takes_no_more_memory() {
        let mut rates = Rates::default();
        let admitted = (0..100_000).filter(|uid| rates.admit(*uid, Duration::ZERO)).count();
        assert_eq!(admitted, RATES);
        assert_eq!(rates.minutes.len(), RATES);
        assert!(rates.admit(5_000_000, MINUTE));
    }
}
