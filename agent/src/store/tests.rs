use super::super::seam;
use super::*;
use proptest::prelude::*;
use rustix::io::Errno;
use serde_json::{Value, json};
use std::os::unix::fs::MetadataExt;

/// Number, kind and data of a record.
type Seen = (u64, String, Value);

struct World {
    tmp: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        World { tmp: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.tmp.path().join("journal.jsonl")
    }

    fn open(&self) -> Result<(Log, Vec<Seen>), LogError> {
        let mut seen = Vec::new();
        let log = Log::open(&self.path(), |e| {
            seen.push((e.seq, e.kind.to_owned(), e.parse()?));
            Ok(())
        })?;
        Ok((log, seen))
    }

    /// The data of all records, read afresh.
    fn data(&self) -> Vec<Value> {
        self.open().unwrap().1.into_iter().map(|(_, _, data)| data).collect()
    }

    fn with(numbers: std::ops::Range<u32>) -> World {
        let world = World::new();
        let (log, _) = world.open().unwrap();
        for n in numbers {
            log.append("held", &n, Durability::Written).wait().unwrap();
        }
        world
    }
}

#[test]
fn what_was_appended_is_replayed_in_order() {
    let world = World::new();
    let (log, seen) = world.open().unwrap();
    assert!(seen.is_empty());
    assert_eq!(log.append("held", &json!({"id": "a"}), Durability::Written).wait().unwrap(), 1);
    assert_eq!(log.append("executing", &json!("zwei\n"), Durability::Synced).wait().unwrap(), 2);
    drop(log);
    let (log, seen) = world.open().unwrap();
    assert_eq!(seen, [(1, "held".into(), json!({"id": "a"})), (2, "executing".into(), json!("zwei\n"))]);
    assert!(log.cut().is_none());
    assert_eq!(log.append("done", &1, Durability::Synced).wait().unwrap(), 3);
    assert_eq!(world.path().metadata().unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn the_checksum_is_the_common_crc32() {
    assert_eq!(!crc32(u32::MAX, b"123456789"), 0xCBF4_3926);
}

#[test]
fn a_torn_last_line_is_cut_off_and_noted() {
    let tails: [&[u8]; 6] =
        [b"{\"v\":1", b"\n", b"garbage\n", b"{}\n", &[0; 4096], b"{\"v\":1,\"seq\":4,\"crc\":\"00000000\"}\n"];
    for tail in tails {
        let world = World::with(0..3);
        let whole = std::fs::read(world.path()).unwrap();
        std::fs::write(world.path(), [&whole[..], tail].concat()).unwrap();
        let (log, seen) = world.open().unwrap();
        assert_eq!((seen.len(), log.cut().unwrap().line, log.cut().unwrap().bytes), (3, 4, tail.len() as u64));
        drop(log);
        assert_eq!(std::fs::read(world.path()).unwrap(), whole);
    }
}

#[test]
fn any_other_bad_line_stops_the_start_with_file_and_line() {
    let edits: [fn(&mut Vec<String>); 5] = [
        |l| l[1] = l[1].replace("\"data\":1", "\"data\":7"),
        |l| drop(l.remove(1)),
        |l| l.swap(1, 2),
        |l| l.insert(1, String::new()),
        |l| l[1] = "x".repeat(MAX_LINE + 1),
    ];
    for edit in edits {
        let world = World::with(0..4);
        let text = std::fs::read_to_string(world.path()).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        edit(&mut lines);
        let text = lines.join("\n") + "\n";
        std::fs::write(world.path(), &text).unwrap();
        let error = world.open().unwrap_err().to_string();
        assert!(error.contains("journal.jsonl, line 2: "), "{error}");
        assert_eq!(std::fs::read_to_string(world.path()).unwrap(), text, "a damaged journal is left alone");
    }
}

#[test]
fn a_record_that_the_replay_refuses_stops_the_start() {
    let world = World::with(0..2);
    let error = Log::open(&world.path(), |e| if e.seq == 2 { Err("no".into()) } else { Ok(()) }).unwrap_err();
    assert!(matches!(error, LogError::Line { line: 2, .. }));
}

#[test]
fn records_that_cannot_be_a_line_are_refused_and_the_rest_goes_on() {
    let world = World::new();
    let (log, _) = world.open().unwrap();
    let pretty = RawValue::from_string("{\n}".into()).unwrap();
    for (kind, data) in
        [("", &json!(1) as &dyn erased::Data), ("Held", &json!(1)), ("held", &"x".repeat(MAX_LINE)), ("held", &pretty)]
    {
        assert!(matches!(data.append(&log, kind).wait(), Err(LogError::Record(_))));
    }
    assert_eq!(log.append("held", &1, Durability::Written).wait().unwrap(), 1);
}

mod erased {
    use super::*;
    pub(super) trait Data {
        fn append(&self, log: &Log, kind: &str) -> Ack;
    }
    impl<T: Serialize> Data for T {
        fn append(&self, log: &Log, kind: &str) -> Ack {
            log.append(kind, self, Durability::Written)
        }
    }
}

#[test]
fn a_full_disk_fails_that_batch_only_and_leaves_no_half_line() {
    let world = World::new();
    let (log, _) = world.open().unwrap();
    log.append("held", &1, Durability::Synced).wait().unwrap();
    seam::fail_next(&world.path(), seam::Step::Write, 20, Errno::NOSPC);
    let error = log.append("held", &2, Durability::Written).wait().unwrap_err();
    assert!(error.is_full(), "{error}");
    assert_eq!(log.append("held", &3, Durability::Synced).wait().unwrap(), 2, "numbers have no gap");
    drop(log);
    assert_eq!(world.data(), [json!(1), json!(3)]);
}

#[test]
fn a_failed_sync_takes_back_what_was_to_be_on_disk_and_keeps_what_was_promised() {
    let world = World::new();
    let (log, _) = world.open().unwrap();
    // A task holds the writer up, so that both records are one batch.
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let hold = log.writer.task(move |_| {
        let _ = wait.recv();
        Ok(0)
    });
    seam::fail_next(&world.path(), seam::Step::Sync, 0, Errno::IO);
    let synced = log.append("held", &1, Durability::Synced);
    let written = log.append("held", &2, Durability::Written);
    go.send(()).unwrap();
    hold.wait().unwrap();
    assert!(synced.wait().is_err());
    written.wait().unwrap();
    log.append("held", &3, Durability::Synced).wait().unwrap();
    drop(log);
    assert_eq!(world.data(), [json!(2), json!(3)]);
}

#[test]
fn an_overfull_queue_is_an_error_and_not_a_wait() {
    let world = World::new();
    let (log, _) = world.open().unwrap();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let hold = log.writer.task(move |_| {
        let _ = wait.recv();
        Ok(0)
    });
    let acks: Vec<Ack> = (0..=super::super::QUEUE_ITEMS).map(|n| log.append("held", &n, Durability::Written)).collect();
    go.send(()).unwrap();
    hold.wait().unwrap();
    let mut results = acks.into_iter().map(Ack::wait);
    assert!(matches!(results.next_back(), Some(Err(LogError::Overloaded))));
    assert!(results.filter(Result::is_ok).count() >= super::super::QUEUE_ITEMS - 1);
}

#[test]
fn a_rewrite_replaces_what_was_before_and_keeps_what_comes_after() {
    let world = World::with(0..9);
    let (log, _) = world.open().unwrap();
    let before = log.append("held", &"before", Durability::Written);
    let rewrite = log.rewrite([("held", json!("kept"))]);
    let after = log.append("done", &"after", Durability::Synced);
    for ack in [before, rewrite, after] {
        ack.wait().unwrap();
    }
    drop(log);
    assert_eq!(world.data(), [json!("kept"), json!("after")]);
    assert_eq!(std::fs::read_dir(world.tmp.path()).unwrap().count(), 1);
}

#[test]
fn a_closed_journal_says_so() {
    let world = World::new();
    let (log, _) = world.open().unwrap();
    let waiting = log.append("held", &1, Durability::Synced);
    log.stop();
    waiting.wait().unwrap();
    assert!(matches!(log.append("held", &2, Durability::Written).wait(), Err(LogError::Stopped)));
}

#[test]
fn an_acknowledgement_is_a_future_too() {
    let world = World::new();
    let (log, _) = world.open().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        assert_eq!(log.append("held", &1, Durability::Synced).await.unwrap(), 1);
        assert_eq!(
            log.append("held", &2, Durability::Synced).wait().unwrap(),
            2,
            "waiting in a runtime does not panic"
        );
    });
}

#[test]
fn concurrent_appends_are_all_there_and_each_thread_keeps_its_order() {
    let world = World::new();
    let (log, _) = world.open().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let log = &log;
            scope.spawn(move || {
                for n in 0..50 {
                    log.append("held", &[thread, n], Durability::Synced).wait().unwrap();
                }
            });
        }
    });
    drop(log);
    let mut next = [0; 8];
    for data in world.data() {
        let [thread, n]: [usize; 2] = serde_json::from_value(data).unwrap();
        assert_eq!(next[thread], n);
        next[thread] += 1;
    }
    assert_eq!(next, [50; 8]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_written_by_its_caller_and_what_waits_for_the_thread_keep_their_order() {
    let world = World::new();
    let log = std::sync::Arc::new(world.open().unwrap().0);
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let log = log.clone();
        tasks.spawn(async move {
            for n in 0..50 {
                let durability = if n % 3 == 0 { Durability::Synced } else { Durability::Written };
                // Not waited for each time: the next one may come while the thread still has this one.
                let ack = match n % 2 {
                    0 => log.append("held", &[task, n], durability),
                    _ => log.append_here("held", &[task, n], durability),
                };
                if n % 5 == 0 {
                    ack.await.unwrap();
                }
            }
        });
    }
    tasks.join_all().await;
    log.append_here("held", &"last", Durability::Synced).await.unwrap();
    drop(log);
    let mut data = world.data();
    assert_eq!(data.pop(), Some(json!("last")));
    let mut next = [0; 8];
    for data in data {
        let [task, n]: [usize; 2] = serde_json::from_value(data).unwrap();
        assert_eq!(next[task], n);
        next[task] += 1;
    }
    assert_eq!(next, [50; 8]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_to_the_caller_that_writes_itself() {
    let world = World::new();
    let (log, _) = world.open().unwrap();
    log.append_here("held", &1, Durability::Synced).await.unwrap();
    for step in [seam::Step::Write, seam::Step::Sync] {
        seam::fail_next(&world.path(), step, 20, Errno::NOSPC);
        let error = log.append_here("held", &2, Durability::Synced).await.unwrap_err();
        assert!(error.is_full(), "{error}");
    }
    assert_eq!(log.append_here("held", &3, Durability::Synced).await.unwrap(), 2, "numbers have no gap");
    drop(log);
    assert_eq!(world.data(), [json!(1), json!(3)]);
}

proptest! {
    // Each case writes files.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_cut_anywhere_keeps_exactly_the_whole_lines(cut in 0.0..1.0f64) {
        let world = World::with(0..5);
        let text = std::fs::read(world.path()).unwrap();
        let at = (text.len() as f64 * cut) as usize;
        std::fs::write(world.path(), &text[..at]).unwrap();
        let whole = text[..at].iter().filter(|&&b| b == b'\n').count();
        let (log, seen) = world.open().unwrap();
        prop_assert_eq!(seen.len(), whole);
        prop_assert_eq!(log.append("held", &"next", Durability::Written).wait().unwrap(), whole as u64 + 1);
    }

    #[test]
    fn a_flipped_bit_is_never_replayed_as_something_else(at in 0.0..1.0f64, bit in 0..8u32) {
        let world = World::with(0..3);
        let mut text = std::fs::read(world.path()).unwrap();
        let at = (text.len() as f64 * at) as usize;
        text[at] ^= 1 << bit;
        std::fs::write(world.path(), &text).unwrap();
        if let Ok((_, seen)) = world.open() {
            prop_assert!(seen.len() < 3);
            for (n, (_, _, data)) in seen.into_iter().enumerate() {
                prop_assert_eq!(data, json!(n));
            }
        }
    }
}
