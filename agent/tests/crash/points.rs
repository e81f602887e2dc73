//! The daemon dies at each pass of each fault point of a handful of stories, also while it recovers; then everything that
//! was answered must be there, and nothing may have run twice.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use steward_ipc::Client;

use super::ledger::{Gone, Ledger, Verb, check_files};
use super::world::{GRANT, World};

/// How many daemons run at once.
const WORKERS: usize = 3;

/// Every point that these stories pass; one that is not passed any more is a hole in the test.
const POINTS: &[&str] = &[
    "after_outcome",
    "audit.rotated",
    "audit.synced",
    "audit.written",
    "before_outcome",
    "decided",
    "ended",
    "executed",
    "executing",
    "finished",
    "grant_revoked",
    "grant_used",
    "held",
    "held_recorded",
    "judged",
    "ran",
    "receipts",
    "store.replaced",
    "store.rewritten",
    "store.synced",
    "store.written",
];

struct Story {
    name: &'static str,
    config: &'static str,
    tell: fn(&mut Ledger, &mut Client) -> Result<(), Gone>,
}

const STORIES: &[Story] = &[
    Story {
        name: "a note, a held one, a confirmation",
        config: "",
        tell: |ledger, client| {
            ledger.remember(client, "one")?;
            let id = ledger.hold(client, "ask two")?.expect("held");
            ledger.answer(client, Verb::Confirm, &id)?;
            ledger.answer(client, Verb::Confirm, &id)?;
            ledger.remember(client, "three")
        },
    },
    Story {
        name: "no, never mind, and one that waits",
        config: "",
        tell: |ledger, client| {
            let no = ledger.hold(client, "ask one")?.expect("held");
            let never_mind = ledger.hold(client, "ask two")?.expect("held");
            ledger.hold(client, "ask three")?;
            ledger.answer(client, Verb::Reject, &no)?;
            ledger.answer(client, Verb::Cancel, &never_mind)?;
            ledger.answer(client, Verb::Confirm, &no)
        },
    },
    Story {
        name: "forgotten, brought back, and forgotten again",
        config: "",
        tell: |ledger, client| {
            ledger.remember(client, "one")?;
            ledger.forget(client, "one")?;
            ledger.undo(client, "one")?;
            ledger.undo(client, "one")
        },
    },
    Story {
        name: "overwritten",
        config: "",
        tell: |ledger, client| {
            ledger.remember(client, "secret one")?;
            ledger.remember(client, "two")?;
            let id = ledger.hold_purge(client, "secret one")?.expect("held");
            ledger.answer(client, Verb::Confirm, &id)?;
            ledger.remember(client, "three")
        },
    },
    Story {
        name: "granted",
        config: "",
        tell: |ledger, client| {
            ledger.granted(GRANT);
            ledger.remember(client, "ask granted")?;
            ledger.remember(client, "ask granted")?;
            ledger.revoke(client)
        },
    },
    Story {
        name: "with a new audit file every few records",
        config: "[audit]\nrotate_bytes = 1500\nkeep = 0",
        tell: |ledger, client| {
            ledger.remember(client, "one")?;
            let id = ledger.hold(client, "ask two")?.expect("held");
            ledger.answer(client, Verb::Confirm, &id)?;
            ledger.remember(client, "three")
        },
    },
];

/// One life of a story: it is told to a daemon that dies at `fault`, then the next one dies at `second` while it recovers or
/// is asked what happened, and the last one has to know everything.
fn live(story: &Story, fault: &str, second: Option<&str>) -> (bool, bool) {
    let world = World::with(story.config);
    world.give_grant();
    let mut ledger = Ledger::default();
    let mut first = world.start_with(&[("STEWARD_FAULT", fault)]);
    let told = match first.try_client() {
        Some(mut client) => (story.tell)(&mut ledger, &mut client),
        None => Err(Gone),
    };
    assert!(told.is_err() || first.ended().is_none(), "it died after the last answer, before anything was asked");
    first.kill();

    let mut died_again = false;
    if let Some(second) = second {
        let mut daemon = world.start_with(&[("STEWARD_FAULT", second)]);
        if let Some(mut client) = daemon.try_client() {
            // What it answers is not looked at: it may end at any moment.
            died_again = ledger.settle_blindly(&mut client).is_err();
        } else {
            died_again = true;
        }
        daemon.kill();
    }

    let mut last = world.start();
    let mut client = last.client();
    ledger.check(&mut client, &world);
    check_files(&world);
    assert!(ledger.settle(&mut client).is_ok(), "the last daemon lives");
    ledger.check(&mut client, &world);
    check_files(&world);
    last.kill();

    let after = world.start();
    ledger.check(&mut after.client(), &world);
    check_files(&world);
    (told.is_err(), died_again)
}

/// The passes of a story in which nothing goes wrong: how often each point is passed.
fn passes(story: &Story) -> BTreeMap<String, usize> {
    let world = World::with(story.config);
    world.give_grant();
    let trace = world.root.join("trace");
    let daemon = world.start_with(&[("STEWARD_FAULT_TRACE", trace.to_str().unwrap())]);
    let mut client = daemon.client();
    assert!((story.tell)(&mut Ledger::default(), &mut client).is_ok(), "{}:\n{}", story.name, world.log());
    drop(daemon);
    let mut passes = BTreeMap::new();
    for line in std::fs::read_to_string(trace).unwrap().lines() {
        *passes.entry(line.to_owned()).or_default() += 1;
    }
    passes
}

#[test]
fn whatever_was_answered_is_true_after_a_crash_between_any_two_steps() {
    let mut runs = Vec::new();
    let mut seen = BTreeSet::new();
    for story in STORIES {
        let passes = passes(story);
        seen.extend(passes.keys().cloned());
        runs.extend(passes.iter().flat_map(|(point, n)| (1..=*n).map(move |n| (story, format!("{point}:{n}"), None))));
    }
    let missing: Vec<_> = POINTS.iter().filter(|p| !seen.contains(**p)).collect();
    let unknown: Vec<_> = seen.iter().filter(|p| !POINTS.contains(&p.as_str())).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "not passed any more: {missing:?}, not listed: {unknown:?}");
    // A second crash, while the first is being recovered from.
    for story in [&STORIES[0], &STORIES[3]] {
        for (point, passes) in passes(story) {
            for second in ["audit.written:2", "before_outcome", "store.written"] {
                runs.extend((1..=passes).map(|n| (story, format!("{point}:{n}"), Some(second))));
            }
        }
    }

    let total = runs.len();
    let (next, died, twice) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((story, fault, second)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match std::panic::catch_unwind(AssertUnwindSafe(|| live(story, fault, *second))) {
                        Ok((one, two)) => {
                            died.fetch_add(usize::from(one), Ordering::Relaxed);
                            twice.fetch_add(usize::from(two), Ordering::Relaxed);
                        }
                        Err(_) => failures.lock().unwrap().push(json!([story.name, fault, second]).to_string()),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {total} runs:\n{}", failures.len(), failures.join("\n"));
    let (died, twice) = (died.into_inner(), twice.into_inner());
    println!("{total} runs, {died} died in the story, {twice} a second time");
    assert!(died * 10 > total * 8, "only {died} of {total} died where they should");
    assert!(twice > 50, "only {twice} died again while they recovered");
}
