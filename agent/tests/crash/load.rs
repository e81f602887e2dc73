//! The daemon is killed at random moments while several clients are at work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::ledger::{Gone, Ledger, Verb, check_files};
use super::world::World;

const CLIENTS: usize = 4;
const FOLDERS: u64 = 4;
/// Lives of a daemon in each folder.
const ROUNDS: u64 = 9;
/// The longest that a daemon lives, in microseconds.
const LIFE: u64 = 60_000;
/// A client stops after so many requests, so that all notes are listed.
const REQUESTS: u64 = 40;

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % below
    }
}

/// One client of one life: notes, held notes, answers, forgotten and overwritten notes, in any order.
fn work(world: &World, ledger: &mut Ledger, random: &mut Random, tag: &str, stop: &AtomicBool) -> Result<(), Gone> {
    let mut client = steward_ipc::Client::connect(&world.socket).map_err(|_| Gone)?;
    client.set_timeout(Some(super::world::LONG)).map_err(|_| Gone)?;
    let (mut waiting, mut kept) = (Vec::new(), Vec::new());
    for n in 0..REQUESTS {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        match random.next(10) {
            0..4 => {
                let text = format!("note {tag}.{n}.");
                ledger.remember(&mut client, &text)?;
                kept.push(text);
            }
            4..6 => waiting.extend(ledger.hold(&mut client, &format!("ask {tag}.{n}."))?),
            6..8 => {
                if let Some(id) = waiting.pop() {
                    ledger.answer(&mut client, Verb::Confirm, &id)?;
                }
            }
            8 => {
                if let Some(text) = kept.pop() {
                    match random.next(2) {
                        0 => {
                            ledger.forget(&mut client, &text)?;
                            if random.next(2) == 0 {
                                ledger.undo(&mut client, &text)?;
                            }
                        }
                        _ => waiting.extend(ledger.hold_purge(&mut client, &text)?),
                    }
                }
            }
            _ => {
                if let Some(id) = waiting.pop() {
                    // Few of these: three refusals in ten minutes, and nobody is asked any more.
                    let verb = if random.next(8) == 0 { Verb::Reject } else { Verb::Cancel };
                    ledger.answer(&mut client, verb, &id)?;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn what_was_answered_survives_kill_at_any_moment_under_load() {
    let seed = match std::env::var("STEWARD_TEST_SEED") {
        Ok(seed) => seed.parse().expect("a number"),
        Err(_) => std::time::UNIX_EPOCH.elapsed().expect("after 1970").subsec_nanos().into(),
    };
    println!("STEWARD_TEST_SEED={seed}");
    let mut random = Random(seed);
    let began = Instant::now();
    for folder in 0..FOLDERS {
        let world = World::with("[audit]\nrotate_bytes = 20000\nkeep = 0");
        let mut ledger = Ledger::default();
        for round in 0..ROUNDS {
            let mut daemon = world.start();
            // What the last life left is as it was answered.
            ledger.check(&mut daemon.client(), &world);
            check_files(&world);
            let stop = Arc::new(AtomicBool::new(false));
            let ledgers: Vec<Ledger> = std::thread::scope(|scope| {
                let clients: Vec<_> = (0..CLIENTS)
                    .map(|client| {
                        let (world, stop) = (&world, stop.clone());
                        let mut random = Random(seed ^ (folder << 32) ^ (round << 16) ^ client as u64);
                        scope.spawn(move || {
                            let mut ledger = Ledger::default();
                            let _gone = work(world, &mut ledger, &mut random, &format!("{round}.{client}"), &stop);
                            ledger
                        })
                    })
                    .collect();
                std::thread::sleep(Duration::from_micros(random.next(LIFE)));
                daemon.kill();
                stop.store(true, Ordering::Relaxed);
                clients.into_iter().map(|c| c.join().expect("the client saw nothing that cannot be")).collect()
            });
            ledgers.into_iter().for_each(|l| ledger.add(l));
        }
        let daemon = world.start();
        let mut client = daemon.client();
        ledger.check(&mut client, &world);
        check_files(&world);
        assert!(ledger.settle(&mut client).is_ok());
        ledger.check(&mut client, &world);
        check_files(&world);
    }
    println!("{} lives in {:?}", FOLDERS * ROUNDS, began.elapsed());
}
