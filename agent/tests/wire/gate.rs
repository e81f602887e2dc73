//! The gate: who may answer, when, how often, and what an answer is bound to.

use std::collections::HashMap;
use std::sync::Barrier;

use serde_json::{Value, json};
use steward_agent::backend::package::mock::{Pause, Trouble};

use crate::support::{DESKTOP, World, as_uid, connect, desktop_and, eventually, id_of, line_on, open_to_all};

/// Requests may be held in any number.
const NO_QUOTAS: &str = "version = 1\n[confirm]\nper_uid = 100000\nper_caller = 100000\n";

/// Whatever changes something asks; notes may be approved for longer.
pub(crate) const ASKS: &str = r#"
version = 1
[risk]
observe     = "ok"
low         = { confirm = { grants = ["once", "session", "1h", "8h", "until_revoked"] } }
reversible  = "confirm"
disruptive  = "confirm"
destructive = "confirm"
"#;

pub(crate) fn code(answer: &Value) -> &str {
    answer["code"].as_str().or(answer["status"].as_str()).expect("a code or a status")
}

pub(crate) fn state(world: &World, id: &str) -> String {
    world.ask("result", id)["data"]["state"].as_str().expect("a state").to_owned()
}

#[test]
fn a_confirmation_releases_in_time_and_not_late() {
    for (seconds, expected) in
        [(0, "ok"), (299, "ok"), (300, "ok"), (301, "confirmation_expired"), (86_400, "confirmation_expired")]
    {
        let world = World::new(DESKTOP);
        let id = world.hold("package_install", "cowsay");
        world.turn_seconds(seconds);
        assert_eq!(code(&world.ask("confirm", &id)), expected, "after {seconds} s");
        assert_eq!(world.archive.started(), u32::from(expected == "ok"));
        if expected != "ok" {
            assert_eq!(state(&world, &id), "expired");
            world.turn_seconds(-seconds);
        }
    }
}

#[test]
fn no_clock_can_be_turned_to_keep_a_confirmation_open() {
    let day = 86_400_000;
    // Since boot, and on the wall, in milliseconds; and what a yes is answered with then.
    let rows = [
        (1_000, day, "confirmation_expired", "the wall clock a day on"),
        (1_000, -day, "ok", "the wall clock a day back, in time"),
        (301_000, -day, "confirmation_expired", "the wall clock a day back, too late"),
        (8 * 3_600_000, 8 * 3_600_000, "confirmation_expired", "eight hours of suspend"),
        (8 * 3_600_000, 0, "confirmation_expired", "eight hours of suspend with a wall clock that stood"),
        (299_000, 299_000, "ok", "in time"),
    ];
    for (boot, wall, expected, why) in rows {
        let world = World::new(DESKTOP);
        let id = world.hold("package_install", "cowsay");
        world.turn(boot, wall);
        assert_eq!(code(&world.ask("confirm", &id)), expected, "{why}");
    }
}

#[test]
fn a_confirmation_survives_a_restart_and_not_a_reboot() {
    let mut world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay");
    world.restart();
    let pending = world.line(r#"{"name":"pending_list"}"#);
    assert_eq!(pending["data"]["pending"][0]["id"], id.as_str());
    assert_eq!(code(&world.ask("confirm", &id)), "ok");
    world.restart();
    assert_eq!(code(&world.ask("confirm", &id)), "confirmation_used", "once is once, after a restart too");
    assert_eq!(world.ask("result", &id)["data"]["reply"]["message"], "Installed cowsay.");

    let id = world.hold("package_install", "htop");
    world.stop();
    world.clock.turn(|m| {
        m.boot_id = "boot-two".into();
        m.boot_ms = 5_000;
        m.wall_ms += 60_000;
    });
    world.start();
    assert_eq!(code(&world.ask("confirm", &id)), "confirmation_expired");
    assert_eq!(world.archive.version("htop"), None);
}

#[test]
fn of_a_thousand_simultaneous_confirms_exactly_one_runs() {
    let world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay");
    let (threads, each) = (20, 50);
    let barrier = Barrier::new(threads);
    let counts: Vec<HashMap<String, u32>> = std::thread::scope(|scope| {
        let one = || {
            let mut clients: Vec<_> = (0..each).map(|_| world.connect()).collect();
            let line = json!({ "name": "confirm", "payload": id }).to_string();
            barrier.wait();
            clients.iter_mut().for_each(|c| c.send_line(&line).unwrap());
            let mut counts = HashMap::new();
            for client in &mut clients {
                let answer: Value = serde_json::from_str(&client.read_line().unwrap()).unwrap();
                *counts.entry(code(&answer).to_owned()).or_default() += 1;
            }
            counts
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        running.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let total = |code: &str| counts.iter().filter_map(|c| c.get(code)).sum::<u32>();
    assert_eq!((total("ok"), total("confirmation_used")), (1, 999), "{counts:?}");
    assert_eq!(world.archive.started(), 1);
}

#[test]
fn ten_thousand_confirms_of_a_hundred_ids_are_a_hundred_executions() {
    let world = World::with_config(ASKS, NO_QUOTAS);
    let ids: Vec<String> = (0..100).map(|n| world.hold("remember", &format!("note {n}"))).collect();
    let (threads, rounds) = (10, 10);
    let barrier = Barrier::new(threads);
    let done: Vec<HashMap<String, u32>> = std::thread::scope(|scope| {
        let one = |first: usize| {
            let (world, ids, barrier) = (&world, &ids, &barrier);
            scope.spawn(move || {
                let mut client = world.connect();
                let mut counts = HashMap::new();
                barrier.wait();
                for round in 0..rounds {
                    for n in 0..ids.len() {
                        let id = &ids[(n * 7 + first + round) % ids.len()];
                        let answer = line_on(&mut client, &json!({ "name": "confirm", "payload": id }).to_string());
                        *counts.entry(code(&answer).to_owned()).or_default() += 1;
                    }
                }
                counts
            })
        };
        let running: Vec<_> = (0..threads).map(|first| one(first * 10)).collect();
        running.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let total = |code: &str| done.iter().filter_map(|c| c.get(code)).sum::<u32>();
    assert_eq!((total("ok"), total("confirmation_used")), (100, 9_900), "{done:?}");
    assert_eq!(world.line(r#"{"name":"read_context"}"#)["data"]["total"], 100);
}

#[test]
fn at_most_four_requests_of_a_caller_and_sixteen_of_a_uid_wait() {
    let world = World::new(ASKS);
    let ids: Vec<String> = (0..4).map(|n| world.hold("remember", &format!("{n}"))).collect();
    let over = world.ask("remember", "one more");
    assert_eq!(code(&over), "rate_limited", "{over}");
    assert!(over["data"]["retry_after"].as_u64().is_some_and(|s| (1..=300).contains(&s)), "{over}");
    assert_eq!(code(&world.ask("remember", "2")), "confirm", "an equal request is none more");
    assert_eq!(code(&world.ask("cancel", &ids[0])), "ok");
    assert_eq!(code(&world.ask("remember", "one more")), "confirm");
    world.turn_seconds(301);
    assert_eq!(code(&world.ask("remember", "later")), "confirm", "what expired does not count");

    let world = World::with_config(ASKS, "version = 1\n[confirm]\nper_uid = 3\nper_caller = 100\n");
    for n in 0..3 {
        world.hold("remember", &format!("{n}"));
    }
    assert_eq!(code(&world.ask("remember", "one more")), "rate_limited");
}

#[test]
fn an_equal_request_has_the_id_that_waits_already_and_a_count() {
    let world = World::new(DESKTOP);
    let first = world.ask("package_install", "cowsay,vim");
    let again = world.ask("package_install", " cowsay , vim");
    let other = world.ask("package_install", "cowsay");
    assert_eq!(id_of(&first), id_of(&again));
    assert_eq!((&first["data"]["count"], &again["data"]["count"]), (&json!(1), &json!(2)));
    assert_ne!(id_of(&first), id_of(&other));
    let pending = world.line(r#"{"name":"pending_list"}"#);
    assert_eq!(pending["data"]["pending"].as_array().unwrap().len(), 2);
    assert_eq!(code(&world.ask("confirm", &id_of(&first))), "ok");
    assert_eq!(world.archive.started(), 1);
}

#[test]
fn a_no_is_heard_by_the_requester_with_its_note() {
    let world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay");
    let said = world.call("reject", json!({ "id": id, "note": "not \u{202e}today" }));
    assert_eq!((&said["status"], &said["data"]["state"]), (&json!("ok"), &json!("denied")));
    let result = world.ask("result", &id);
    assert_eq!((&result["data"]["state"], &result["data"]["note"]), (&json!("denied"), &json!("not <U+202E>today")));
    let late = world.ask("confirm", &id);
    assert_eq!(code(&late), "confirmation_rejected");
    assert!(late["message"].as_str().unwrap().contains("today"), "{late}");
    assert_eq!(code(&world.ask("cancel", &id)), "confirmation_rejected");
    assert_eq!(code(&world.call("reject", json!({ "id": id }))), "confirmation_rejected");
    let long = world.call("reject", json!({ "id": world.hold("package_install", "vim"), "note": "x".repeat(1025) }));
    assert_eq!(code(&long), "invalid_payload");
    assert_eq!(world.archive.started(), 0);
}

#[test]
fn after_three_denials_nobody_is_asked_for_a_while() {
    let world = World::new(ASKS);
    for n in 0..3 {
        let id = world.hold("remember", &format!("{n}"));
        assert_eq!(code(&world.ask("reject", &id)), "ok");
    }
    let refused = world.ask("remember", "please");
    assert_eq!(code(&refused), "rate_limited", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("said no 3 times"), "{refused}");
    assert!(refused["data"]["retry_after"].as_u64().is_some_and(|s| (1..=600).contains(&s)));
    world.turn_seconds(599);
    assert_eq!(code(&world.ask("remember", "please")), "rate_limited");
    world.turn_seconds(2);
    assert_eq!(code(&world.ask("remember", "please")), "confirm");
}

#[test]
fn what_was_withdrawn_cannot_be_confirmed() {
    let world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay");
    assert_eq!(code(&world.ask("cancel", &id)), "ok");
    assert_eq!(code(&world.ask("confirm", &id)), "confirmation_not_found");
    assert_eq!(code(&world.ask("cancel", &id)), "confirmation_not_found");
    assert_eq!(state(&world, &id), "cancelled");
    assert_eq!(world.archive.started(), 0);
}

#[test]
fn what_was_approved_is_what_runs_or_nothing_does() {
    let world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay");
    world.archive.publish("cowsay", "6.0", &["perl", "badpkg"]);
    let changed = world.ask("confirm", &id);
    assert_eq!(
        (&changed["action"], &changed["status"], code(&changed)),
        (&json!("package_install"), &json!("error"), "confirmation_changed")
    );
    assert_eq!(world.archive.started(), 0);
    let fresh = changed["data"]["confirmation_id"].as_str().expect("a fresh id").to_owned();
    assert_ne!(fresh, id);
    assert!(!changed["data"]["changes"].as_array().unwrap().is_empty(), "{changed}");
    assert_eq!(changed["preview"]["effects"].as_array().unwrap().len(), 2, "{changed}");
    assert_eq!(code(&world.ask("confirm", &id)), "confirmation_changed", "the old id stays dead");
    assert_eq!(code(&world.ask("confirm", &fresh)), "ok");
    assert_eq!(world.archive.version("cowsay").as_deref(), Some("6.0"));
}

#[test]
fn fewer_packages_than_were_shown_still_hold() {
    let world = World::new(DESKTOP);
    let id = world.hold("package_install", "vim");
    world.archive.meddle("vim-common", Some("2:9.0.1378-2"));
    assert_eq!(code(&world.ask("confirm", &id)), "ok");
    assert_eq!(world.archive.started(), 1);
}

#[test]
fn what_is_so_by_the_time_of_the_yes_is_not_done_again() {
    let world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay");
    world.archive.meddle("cowsay", Some("3.03+dfsg2-8"));
    let answer = world.ask("confirm", &id);
    assert_eq!((code(&answer), &answer["action"]), ("ok", &json!("package_install")), "{answer}");
    assert_eq!(world.archive.started(), 0);
    assert_eq!(state(&world, &id), "done");
}

#[test]
fn a_stricter_policy_ends_what_waits_and_a_milder_one_does_not() {
    let world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay");
    let same = desktop_and("# the same, said again\n");
    world.reload(&same).unwrap();
    assert_eq!(state(&world, &id), "pending");
    let stricter = desktop_and(
        "[[rule]]\nid = \"at-the-desk\"\nactions = [\"package_install\"]\ndecision = { confirm = { assurance = \"desktop\" } }\n",
    );
    world.reload(&stricter).unwrap();
    assert_eq!(state(&world, &id), "invalidated");
    assert_eq!(code(&world.ask("confirm", &id)), "confirmation_changed");
    assert_eq!(world.archive.started(), 0);
}

#[test]
fn a_result_is_waited_for_and_kept_a_day() {
    let world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay");
    let waiting = world.call("result", json!({ "id": id, "wait": 0 }));
    assert_eq!((&waiting["data"]["state"], &waiting["data"].get("reply")), (&json!("pending"), &None));
    world.archive.pause(Some(Pause::Transaction));
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| world.call("result", json!({ "id": id, "wait": 60 })));
        let yes = scope.spawn(|| world.ask("confirm", &id));
        eventually(|| state(&world, &id) == "executing");
        assert_eq!(code(&world.ask("confirm", &id)), "confirmation_used");
        assert_eq!(code(&world.ask("cancel", &id)), "confirmation_used");
        world.archive.pause(None);
        assert_eq!(code(&yes.join().unwrap()), "ok");
        let result = waiter.join().unwrap();
        assert_eq!(
            (&result["data"]["state"], &result["data"]["reply"]["message"]),
            (&json!("done"), &json!("Installed cowsay."))
        );
        assert_eq!(result["data"]["reply"]["action"], "package_install");
    });
    world.turn_seconds(23 * 3600);
    assert_eq!(state(&world, &id), "done");
    world.turn_seconds(2 * 3600);
    // The journal forgets it too.
    world.tidy_until(|| {
        code(&world.ask("result", &id)) == "confirmation_not_found" && !world.state("journal.jsonl").contains(&id)
    });
}

#[test]
fn how_a_released_request_failed_is_told_and_it_is_used_up() {
    for (trouble, expected, end) in [
        (Trouble::Fails, "failed", "failed"),
        (Trouble::LosesTrack, "unknown_outcome", "unknown"),
        (Trouble::Locked, "timed_out", "failed"),
    ] {
        let world = World::new(DESKTOP);
        let id = world.hold("package_install", "cowsay");
        world.archive.trouble(trouble);
        let answer = world.ask("confirm", &id);
        assert_eq!((&answer["action"], code(&answer)), (&json!("package_install"), expected), "{answer}");
        let result = world.ask("result", &id);
        assert_eq!((&result["data"]["state"], &result["data"]["reply"]["code"]), (&json!(end), &json!(expected)));
        world.archive.trouble(Trouble::None);
        assert_eq!(code(&world.ask("confirm", &id)), "confirmation_used", "a failure uses it up");
    }
}

#[test]
fn the_requester_cannot_approve_at_the_desk() {
    let desk = "version = 1\n[defaults]\nconfirm = { assurance = \"desktop\" }\n[risk]\nobserve = \"ok\"\nlow = { confirm = { grants = [\"once\", \"1h\"] } }\n";
    let world = World::new(desk);
    let held = world.ask("remember", "x");
    let id = id_of(&held);
    assert_eq!((&held["data"]["assurance"], &held["data"]["approvers"]), (&json!("desktop"), &json!(["command"])));
    assert!(held["data"]["approve"].as_str().unwrap().contains(&format!("steward approve {id}")), "{held}");
    for args in [json!({ "id": id }), json!({ "id": id, "grant": "1h" })] {
        let answer = world.call("confirm", args);
        assert_eq!((&answer["action"], code(&answer)), (&json!("confirm"), "approver_not_allowed"), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains("steward approve"), "it says what to do: {answer}");
    }
    assert_eq!(state(&world, &id), "pending", "it waits on for a person");
    assert_eq!(world.line(r#"{"name":"read_context"}"#)["data"]["total"], 0);
    assert_eq!(code(&world.ask("reject", &id)), "ok", "a no needs nobody at the desk");
}

#[test]
fn the_least_assurance_of_a_door_holds_for_what_comes_in_there() {
    let world = World::new(&desktop_and("[door.ndjson]\nmin_assurance = \"desktop\"\n"));
    let held = world.ask("package_install", "cowsay");
    assert_eq!(held["data"]["assurance"], "desktop");
    assert_eq!(code(&world.ask("confirm", &id_of(&held))), "approver_not_allowed");

    // An answer is tested against the door that it comes in by, too.
    let world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay");
    world.write("policy.toml", &desktop_and("[door.ndjson]\nmin_assurance = \"desktop\"\n"));
    world.reload(&desktop_and("[door.ndjson]\nmin_assurance = \"desktop\"\n")).unwrap();
    assert_eq!(state(&world, &id), "invalidated");
}

#[test]
fn what_nobody_can_approve_is_denied_or_queued_as_the_policy_says() {
    let policy = |no_approver: &str| {
        format!(
            "version = 1\n[defaults]\nno_approver = \"{no_approver}\"\n[risk]\nlow = {{ confirm = {{ assurance = \"authenticated\" }} }}\n"
        )
    };
    let world = World::new(&policy("deny"));
    let answer = world.ask("remember", "x");
    assert_eq!((&answer["status"], code(&answer)), (&json!("deny"), "denied"), "{answer}");
    let world = World::new(&policy("queue"));
    let held = world.ask("remember", "x");
    assert_eq!(held["data"]["approvers"], json!([]), "nobody can, and it says so");
    assert_eq!(code(&world.ask("confirm", &id_of(&held))), "approver_not_allowed");
}

#[test]
fn requests_notes_receipts_and_results_belong_to_a_uid() {
    let Some(world) = open_to_all(DESKTOP) else { return };
    let (me, other) = (61_001, 61_002);
    let mine = as_uid(
        &world,
        me,
        &[json!({ "name": "package_install", "payload": "cowsay" }), json!({ "name": "remember", "payload": "mine" })],
    );
    let id = id_of(&mine[0]);
    let receipt = mine[1]["data"]["receipt"].as_str().expect("a receipt").to_owned();
    let theirs = as_uid(
        &world,
        other,
        &[
            json!({ "name": "confirm", "payload": id }),
            json!({ "name": "cancel", "payload": id }),
            json!({ "name": "reject", "payload": id }),
            json!({ "name": "result", "payload": id }),
            json!({ "name": "pending_list" }),
            json!({ "name": "read_context" }),
            json!({ "name": "undo" }),
            json!({ "name": "undo", "payload": receipt }),
            json!({ "name": "forget", "payload": "1" }),
        ],
    );
    for answer in &theirs[..4] {
        assert_eq!(code(answer), "confirmation_not_found", "{answer}");
    }
    assert_eq!((&theirs[4]["data"]["pending"], &theirs[5]["data"]["notes"]), (&json!([]), &json!([])));
    for answer in &theirs[6..] {
        assert_eq!(code(answer), "failed", "{answer}");
    }
    // root sees it, and says no; a yes of root's needs a person at the desk.
    assert_eq!(world.line(r#"{"name":"pending_list"}"#)["data"]["pending"][0]["owner"], me);
    assert_eq!(code(&world.ask("confirm", &id)), "approver_not_allowed");
    assert_eq!(code(&world.ask("result", &id)), "confirmation_not_found", "a result is its owner's alone");
    let done = as_uid(&world, me, &[json!({ "name": "confirm", "payload": id }), json!({ "name": "read_context" })]);
    assert_eq!((code(&done[0]), &done[1]["message"]), ("ok", &json!("Recent context: mine")));
}

#[test]
fn an_equal_request_of_another_uid_is_another_request() {
    let Some(world) = open_to_all(DESKTOP) else { return };
    let line = [json!({ "name": "package_install", "payload": "cowsay" })];
    let (a, b) = (as_uid(&world, 61_001, &line), as_uid(&world, 61_002, &line));
    assert_ne!(id_of(&a[0]), id_of(&b[0]));
}

#[test]
fn two_connections_of_one_program_are_one_owner() {
    let world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay");
    let mut voice = connect(&world.path("voice.sock"));
    assert_eq!(code(&line_on(&mut voice, &json!({ "name": "confirm", "payload": id }).to_string())), "ok");
}

#[test]
fn a_preview_that_takes_long_holds_up_nobody_else() {
    let world = World::new(DESKTOP);
    world.archive.pause(Some(Pause::Simulation));
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| world.ask("package_install", "cowsay"));
        let mut other = world.connect();
        for _ in 0..100 {
            assert_eq!(line_on(&mut other, r#"{"name":"ping"}"#)["message"], "pong");
        }
        assert_eq!(code(&world.ask("remember", "x")), "ok");
        assert_eq!(code(&world.ask("package_install", "-y")), "invalid_payload");
        world.archive.pause(None);
        assert_eq!(code(&slow.join().unwrap()), "confirm");
    });
}

#[test]
fn what_was_confirmed_goes_on_when_the_connection_is_gone() {
    let world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay");
    world.archive.pause(Some(Pause::Transaction));
    let mut client = world.connect();
    client.send_line(&json!({ "name": "confirm", "payload": id }).to_string()).unwrap();
    eventually(|| state(&world, &id) == "executing");
    drop(client);
    world.archive.pause(None);
    let result = world.call("result", json!({ "id": id, "wait": 60 }));
    assert_eq!(
        (&result["data"]["state"], &result["data"]["reply"]["status"]),
        (&json!("done"), &json!("ok")),
        "{result}"
    );
    assert_eq!(world.archive.started(), 1);
}

#[test]
fn a_transaction_that_outlives_the_agent_is_taken_up_again_and_not_started_twice() {
    let mut world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay");
    world.archive.pause(Some(Pause::Transaction));
    let mut client = world.connect();
    client.send_line(&json!({ "name": "confirm", "payload": id }).to_string()).unwrap();
    eventually(|| world.archive.started() == 1);
    world.stop();
    world.archive.pause(None);
    world.start();
    let result = world.call("result", json!({ "id": id, "wait": 60 }));
    assert_eq!(
        (&result["data"]["state"], &result["data"]["reply"]["message"]),
        (&json!("done"), &json!("Installed cowsay.")),
        "{result}"
    );
    assert_eq!(world.archive.started(), 1);
    assert_eq!(code(&world.ask("confirm", &id)), "confirmation_used");
    let held = world.line(r#"{"name":"undo"}"#);
    assert_eq!(code(&held), "confirm", "and it can be put back: {held}");
}
