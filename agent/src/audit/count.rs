//! What is only counted: pings on the hot path, and refusals beyond a rate. Counting takes no lock.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// So many refused or malformed lines a minute and uid get records of their own.
pub const RECORDS_A_MINUTE: u32 = 20;
/// So many requests that only look, and as many that the policy denies, get records of their own a minute and uid: ten a second
/// are more than a person or an assistant asks for, and a file of the log lasts half an hour at that rate.
pub const LOOKS_A_MINUTE: u32 = 600;
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
    /// A request that only looks, beyond the rate.
    Observed,
    /// A request that the policy denied, beyond the rate.
    Denied,
    /// A record that the full queue of the log did not take.
    Lost,
}

impl What {
    const ALL: [(What, &'static str); 7] = [
        (What::Ping, "ping"),
        (What::GetCapabilities, "get_capabilities"),
        (What::Refused, "refused"),
        (What::Malformed, "malformed"),
        (What::Observed, "observed"),
        (What::Denied, "denied"),
        (What::Lost, "lost"),
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

/// The rates of what anybody can cause as often as they like.
#[derive(Debug)]
pub(super) struct Limits {
    refused: Rates,
    observed: Rates,
    denied: Rates,
}

impl Limits {
    pub(super) fn new() -> Limits {
        Limits {
            refused: Rates::new(RECORDS_A_MINUTE),
            observed: Rates::new(LOOKS_A_MINUTE),
            denied: Rates::new(LOOKS_A_MINUTE),
        }
    }

    /// True when the record is written; otherwise it is to be counted. Refused and malformed lines share a rate.
    pub(super) fn admit(&mut self, uid: u32, what: What, now: Duration) -> bool {
        match what {
            What::Observed => self.observed.admit(uid, now),
            What::Denied => self.denied.admit(uid, now),
            _ => self.refused.admit(uid, now),
        }
    }
}

/// How many records of one sort each uid has had in its present minute.
#[derive(Debug)]
struct Rates {
    limit: u32,
    minutes: HashMap<u32, (Duration, u32)>,
}

impl Rates {
    fn new(limit: u32) -> Rates {
        Rates { limit, minutes: HashMap::new() }
    }

    /// True when this one gets a record; otherwise it is to be counted. `now` is monotonic.
    fn admit(&mut self, uid: u32, now: Duration) -> bool {
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
        *count = count.saturating_add(1);
        *count <= self.limit
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
        let mut rates = Rates::new(RECORDS_A_MINUTE);
        let at = Duration::from_secs;
        assert_eq!((0..30).filter(|n| rates.admit(7, at(*n))).count(), 20);
        assert!(rates.admit(8, at(30)));
        assert!(!rates.admit(7, at(59)));
        assert!(rates.admit(7, at(60)));
    }

    #[test]
    fn a_flood_of_uids_takes_no_more_memory() {
        let mut rates = Rates::new(RECORDS_A_MINUTE);
        let admitted = (0..100_000).filter(|uid| rates.admit(*uid, Duration::ZERO)).count();
        assert_eq!(admitted, RATES);
        assert_eq!(rates.minutes.len(), RATES);
        assert!(rates.admit(5_000_000, MINUTE));
    }
}
