//! State folders that are damaged, somebody else's or in use: a torn end is mended, anything else stops the start with a
//! sentence that names the place.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::json;
use steward_ipc::Status;

use super::world::{World, data, must};

/// A folder in which something was held, confirmed and remembered.
fn lived_in() -> World {
    let world = World::new();
    let mut daemon = world.start();
    let mut client = daemon.client();
    for text in ["one", "two", "three"] {
        assert_eq!(must(&mut client, "remember", json!({ "text": text })).status, Status::Ok);
    }
    for text in ["ask one", "ask two"] {
        let held = must(&mut client, "remember", json!({ "text": text }));
        assert_eq!(must(&mut client, "confirm", json!({ "id": held.confirmation_id })).status, Status::Ok);
    }
    must(&mut client, "remember", json!({ "text": "ask three" }));
    daemon.kill();
    world
}

/// Starts a daemon that must not start; gives what it says.
fn refused(world: &World) -> String {
    let output = world.command().stderr(std::process::Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!world.socket.exists() || !world.is_alive(), "nobody serves");
    said
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_torn_last_line_is_cut_off_and_said() {
    for (file, torn) in [
        ("memory.jsonl", r#"{"v":1,"seq":99,"ts":"2026-"#),
        ("journal.jsonl", "\0\0\0\0"),
        (
            "receipts.jsonl",
            r#"{"v":1,"seq":4,"ts":"2026-01-01T00:00:00.000Z","kind":"receipt","data":{},"crc":"00000000"}"#,
        ),
        ("audit/audit.jsonl", r#"{"v":1,"seq":7,"#),
    ] {
        let world = lived_in();
        let path = world.state.join(file);
        let whole = std::fs::read(&path).unwrap();
        edit(&path, |bytes| bytes.extend_from_slice(torn.as_bytes()));
        let daemon = world.start();
        let mut client = daemon.client();
        let notes = data(&must(&mut client, "read_context", json!({})), "total");
        assert_eq!(notes, 5, "{file}");
        let pending = data(&must(&mut client, "pending_list", json!({})), "pending");
        assert_eq!(pending.as_array().map(Vec::len), Some(1), "{file}");
        assert!(std::fs::read(&path).unwrap().starts_with(&whole), "{file}: what was whole is untouched");
        assert!(world.log().contains(file) && world.log().contains("cut off"), "{file}:\n{}", world.log());
        assert_eq!(must(&mut client, "remember", json!({ "text": "more" })).status, Status::Ok, "{file}");
    }
}

#[test]
fn a_damaged_line_in_the_middle_stops_the_start_with_file_and_line() {
    type Damage = fn(&mut Vec<u8>);
    fn line(bytes: &[u8], n: usize) -> std::ops::Range<usize> {
        let ends: Vec<usize> = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1).collect();
        (if n == 1 { 0 } else { ends[n - 2] })..ends[n - 1]
    }
    let damages: [(&str, Damage); 4] = [
        ("a changed letter", |b| {
            let at = line(b, 2);
            b[at.start + 70] ^= 1;
        }),
        ("a line that is missing", |b| drop(b.drain(line(b, 2)))),
        ("a line twice", |b| {
            let again = b[line(b, 1)].to_vec();
            let at = line(b, 1).end;
            b.splice(at..at, again);
        }),
        ("bytes that are no line", |b| {
            let at = line(b, 1).end;
            b.splice(at..at, *b"nonsense\n");
        }),
    ];
    for file in ["memory.jsonl", "journal.jsonl", "receipts.jsonl"] {
        for (name, damage) in damages {
            let world = lived_in();
            let path = world.state.join(file);
            edit(&path, damage);
            let damaged = std::fs::read(&path).unwrap();
            let said = refused(&world);
            assert!(said.contains(&format!("{file}, line 2: ")), "{file}, {name}: {said}");
            assert_eq!(std::fs::read(&path).unwrap(), damaged, "{file}, {name}: nothing was changed");
        }
    }
}

#[test]
fn a_state_folder_that_is_not_our_own_is_refused() {
    let world = lived_in();
    let real = world.root.join("elsewhere");
    std::fs::rename(&world.state, &real).unwrap();
    symlink(&real, &world.state).unwrap();
    let said = refused(&world);
    assert!(said.contains("not a link") && said.contains(world.state.to_str().unwrap()), "{said}");

    std::fs::remove_file(&world.state).unwrap();
    std::fs::rename(&real, &world.state).unwrap();
    std::fs::set_permissions(&world.state, PermissionsExt::from_mode(0o770)).unwrap();
    let said = refused(&world);
    assert!(said.contains("others can write to it"), "{said}");
    std::fs::set_permissions(&world.state, PermissionsExt::from_mode(0o700)).unwrap();

    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&world.state, Some(12_345), None).unwrap();
        let said = refused(&world);
        assert!(said.contains("belongs to uid 12345"), "{said}");
        std::os::unix::fs::chown(&world.state, Some(0), None).unwrap();
    }

    std::fs::remove_file(world.state.join("journal.jsonl")).unwrap();
    symlink("/etc/passwd", world.state.join("journal.jsonl")).unwrap();
    let said = refused(&world);
    assert!(said.contains("journal.jsonl") && said.contains("links are not followed"), "{said}");
}

#[test]
fn a_second_daemon_on_the_same_folder_hears_who_has_it() {
    let world = World::new();
    let daemon = world.start();
    let mut second = world.command();
    second.arg("--socket").arg(world.root.join("other"));
    let output = second.stderr(std::process::Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("in use by pid {}", daemon.child.id())), "{said}");
    assert!(said.contains(world.socket.to_str().unwrap()), "{said}");
    assert_eq!(must(&mut daemon.client(), "ping", json!({})).status, Status::Ok, "the first is not disturbed");
}
