//! The daemon dies at each point of writing a file and of taking that back. Afterwards the file is the old one or the new one, nothing lies
//! beside it, and the audit log says which.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use super::world::{LONG, World, ask, must};

/// The points that a write passes, or its undo.
const POINTS: [&str; 10] = [
    "judged",
    "file.written",
    "file.noted",
    "file.named",
    "file.placed",
    "file.aside",
    "file.removed",
    "executed",
    "receipts",
    "finished",
];

/// What is done when the daemon dies.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// A new file.
    New,
    /// A file in the place of another.
    Replace,
    /// A new file is taken away again.
    Remove,
    /// An old content is put back.
    Restore,
}

impl Deed {
    /// The content before and after; none where there is no file.
    fn contents(self) -> (Option<&'static str>, Option<&'static str>) {
        match self {
            Deed::New => (None, Some("one")),
            Deed::Replace => (Some("one"), Some("two")),
            Deed::Remove => (Some("one"), None),
            Deed::Restore => (Some("two"), Some("one")),
        }
    }

    /// What is written before.
    fn first(self) -> &'static [&'static str] {
        match self {
            Deed::New => &[],
            Deed::Replace | Deed::Remove => &["one"],
            Deed::Restore => &["one", "two"],
        }
    }

    fn request(self, path: &Path) -> (&'static str, Value) {
        match self {
            Deed::New => ("write_file", json!({ "path": path, "content": "one" })),
            Deed::Replace => ("write_file", json!({ "path": path, "content": "two" })),
            Deed::Remove | Deed::Restore => ("undo", json!({})),
        }
    }
}

#[test]
fn a_file_is_the_old_one_or_the_new_one_wherever_the_daemon_dies() {
    let mut passed = BTreeSet::new();
    for deed in [Deed::New, Deed::Replace, Deed::Remove, Deed::Restore] {
        for point in POINTS {
            if die_at(deed, point) {
                passed.insert(point);
            }
        }
    }
    assert_eq!(passed.into_iter().collect::<Vec<_>>(), BTreeSet::from(POINTS).into_iter().collect::<Vec<_>>());
}

/// Whether the daemon passed the point and died.
fn die_at(deed: Deed, point: &str) -> bool {
    let world = World::new();
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let path = folder.path().join("file");
    let mut before = world.start();
    for content in deed.first() {
        let answer = must(&mut before.client(), "write_file", json!({ "path": path, "content": content }));
        assert_eq!(answer.code, None, "{answer:?}");
    }
    before.kill();

    let mut dies = world.start_with(&[("STEWARD_FAULT", point)]);
    let (name, args) = deed.request(&path);
    let answer = dies.try_client().and_then(|mut client| ask(&mut client, name, args));
    let answered = answer.is_some();
    dies.kill();

    let mut last = world.start();
    let end = end_of(&world, name);
    let (old, new) = deed.contents();
    let now = std::fs::read_to_string(&path).ok();
    let what = format!("{deed:?} at {point}: {now:?}, {end:?}, {answer:?}\n{}", world.log());
    match end {
        None => assert!(!answered && now.as_deref() == old, "{what}"),
        Some(status) => assert_eq!(now.as_deref(), if status == "ok" { new } else { old }, "{what}"),
    }
    assert!(!answered || now.as_deref() == new, "{what}");
    let beside: Vec<PathBuf> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(beside.iter().all(|p| *p == path), "{what}: {beside:?}");
    // And it goes on: what is written now is written.
    let again = must(&mut last.client(), "write_file", json!({ "path": path, "content": "three" }));
    assert_eq!((again.code, std::fs::read_to_string(&path).unwrap().as_str()), (None, "three"), "{what}");
    last.kill();
    !answered
}

/// The status in the audit log of the last request of this name, once there is one; none when it was never begun.
fn end_of(world: &World, name: &str) -> Option<String> {
    let until = Instant::now() + LONG;
    loop {
        let log = std::fs::read_to_string(world.state.join("audit/audit.jsonl")).unwrap();
        let records: Vec<Value> = log.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
        let begun = records.iter().rev().find(|r| r["kind"] == "judged" && r["action"] == name);
        let ended = begun.map(|b| {
            records.iter().find(|r| r["id"] == b["id"] && matches!(r["kind"].as_str(), Some("finished" | "unknown")))
        });
        match ended {
            None => return None,
            Some(Some(record)) => return Some(record["status"].as_str().unwrap_or_default().to_owned()),
            Some(None) => {
                assert!(Instant::now() < until, "nobody found out what became of it");
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    }
}
