//! A full disk, seen from outside: nothing above looking is done, saying no goes on, and space brings everything back.

use std::time::{Duration, Instant};

use serde_json::json;
use steward_ipc::{Client, Code, Response, Status};

use super::ledger::check_files;
use super::small_disk;
use super::world::{LONG, World, data, must, state_of};

const NAME: &str = "disk::on_a_full_disk_nothing_is_done_but_saying_no_goes_on_and_lasts";

#[test]
fn on_a_full_disk_nothing_is_done_but_saying_no_goes_on_and_lasts() {
    small_disk::with_own_mounts(NAME, inside);
}

fn large(n: u32) -> String {
    format!("large {n} {}", "x".repeat(12_000))
}

/// What has no room is answered with a code and a sentence that says why.
fn assert_full(response: &Response) {
    assert_eq!((response.status, response.code), (Status::Error, Some(Code::Failed)), "{response:?}");
    let message = response.message.as_deref().unwrap_or_default().to_lowercase();
    assert!(message.contains("disk is full") || message.contains("no space left"), "{message}");
}

fn assert_looking_goes_on(client: &mut Client) {
    for (name, args) in
        [("ping", json!({})), ("read_context", json!({})), ("system_status", json!({})), ("pending_list", json!({}))]
    {
        let response = must(client, name, args);
        assert_eq!(response.status, Status::Ok, "{name}: {response:?}");
    }
}

fn inside() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::at(folder.path().to_owned(), "");
    std::fs::create_dir(&world.state).unwrap();
    small_disk::mount(2, &world.state);
    world.give_grant();
    let mut daemon = world.start();
    let mut client = daemon.client();
    let mut notes = 0;
    for n in 0..3 {
        assert_eq!(must(&mut client, "remember", json!({ "text": large(n) })).status, Status::Ok);
        notes += 1;
    }
    let mut hold = |text: &str| must(&mut client, "remember", json!({ "text": text })).confirmation_id.unwrap();
    let (no, never_mind, yes, later) = (hold("ask 1"), hold("ask 2"), hold("ask 3"), hold("ask 4"));

    let filler = small_disk::fill(&world.state);
    // What fits into the rest of the last pages may still be done; then nothing is.
    let refused = (10..20).map(|n| must(&mut client, "remember", json!({ "text": large(n) }))).collect::<Vec<_>>();
    let done = refused.iter().filter(|r| r.status == Status::Ok).count();
    assert!(done <= 1, "{done} large notes on a full disk");
    notes += done;
    refused.iter().filter(|r| r.status != Status::Ok).for_each(assert_full);
    for n in 20..40 {
        let small = must(&mut client, "remember", json!({ "text": format!("small {n}") }));
        match small.status {
            Status::Ok => notes += 1,
            _ => assert_full(&small),
        }
    }
    assert_full(&must(&mut client, "remember", json!({ "text": "the last" })));
    assert_full(&must(&mut client, "remember", json!({ "text": "ask 5" })));
    assert_full(&must(&mut client, "confirm", json!({ "id": yes })));
    assert_full(&must(&mut client, "remember", json!({ "text": "ask granted" })));
    assert_looking_goes_on(&mut client);
    let pending = data(&must(&mut client, "pending_list", json!({})), "pending");
    let texts: Vec<_> = pending.as_array().unwrap().iter().map(|p| p["steps"][0]["args"]["text"].clone()).collect();
    assert!(!texts.contains(&json!("ask 5")), "a request that was refused does not wait: {texts:?}");
    for (name, args) in [
        ("reject", json!({ "id": no })),
        ("cancel", json!({ "id": never_mind })),
        ("grant_revoke", json!({ "id": super::world::GRANT })),
    ] {
        let response = must(&mut client, name, args);
        assert_eq!(response.status, Status::Ok, "{name}: {response:?}");
    }
    daemon.kill();

    // The same after a restart, on a disk that is still full.
    let mut daemon = world.start();
    let mut client = daemon.client();
    let after = |client: &mut Client, notes: usize| {
        assert_eq!(data(&must(client, "read_context", json!({})), "total"), notes);
        assert_eq!(state_of(client, &no).0, "denied");
        assert_eq!(state_of(client, &never_mind).0, "cancelled");
        assert_eq!(data(&must(client, "grants_list", json!({})), "grants"), json!([]));
        let pending = data(&must(client, "pending_list", json!({})), "pending");
        assert!(pending.as_array().unwrap().iter().any(|p| p["id"] == *later), "{pending}");
        let (state, _) = state_of(client, &yes);
        assert!(matches!(state.as_str(), "pending" | "failed"), "{state}");
    };
    assert_looking_goes_on(&mut client);
    after(&mut client, notes);
    assert_full(&must(&mut client, "remember", json!({ "text": large(50) })));

    std::fs::remove_file(filler).unwrap();
    let until = Instant::now() + LONG;
    while must(&mut client, "remember", json!({ "text": "space" })).status != Status::Ok {
        assert!(Instant::now() < until, "there is space, but it is not taken");
        std::thread::sleep(Duration::from_millis(50));
    }
    notes += 1;
    let released = must(&mut client, "confirm", json!({ "id": later }));
    assert_eq!(released.status, Status::Ok, "{released:?}");
    notes += 1;
    check_files(&world);
    daemon.kill();

    let mut daemon = world.start();
    let mut client = daemon.client();
    assert_eq!(data(&must(&mut client, "read_context", json!({})), "total"), notes);
    assert_eq!(state_of(&mut client, &later).0, "done");
    check_files(&world);
    daemon.kill();
    small_disk::unmount(&world.state);
}
