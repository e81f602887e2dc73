//! The gate: who may answer, when, how often, and what an answer is bound to.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::Barrier;

use serde_json::{Value, json};
use steward_agent::backend::package::mock::{Pause, Trouble};

use crate::support::{DESKTOP, World, as_uid, connect, desktop_and, eventually, id_of, line_on, open_to_all};

/// Requests may be held in any number.
const NO_QUOTAS: &str = "version = 1\n[confirm]\nper_uid = 100000\nper_caller = 100000\n";

/// Whatever changes something asks; notes may be approved for longer.
const ASKS: &str = r#"
version = 1
[risk]
observe     = "ok"
low         = { confirm = { grants = ["once", "session", "1h", "8h", "until_revoked"] } }
reversible  = "confirm"
disruptive  = "confirm"
destructive = "confirm"
"#;

fn code(answer: &Value) -> &str {
    answer["code"].as_str().or(answer["status"].as_str()).expect("a code or a status")
}

fn state(world: &World, id: &str) -> String {
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
fn a_longer_approval_is_never_made_by_the_requester() {
    let world = World::new(ASKS);
    let held = world.ask("remember", "x");
    let id = id_of(&held);
    assert_eq!(held["data"]["grants"], json!(["once", "session", "1h", "8h", "until_revoked"]));
    for length in ["session", "1h", "8h", "until_revoked"] {
        let answer = world.call("confirm", json!({ "id": id, "grant": length }));
        assert_eq!(code(&answer), "approver_not_allowed", "{length}: {answer}");
    }
    assert_eq!(code(&world.call("confirm", json!({ "id": id, "grant": "for ever" }))), "invalid_payload");
    assert_eq!(world.line(r#"{"name":"grants_list"}"#)["data"]["grants"], json!([]));
    assert_eq!(code(&world.call("confirm", json!({ "id": id, "grant": "once" }))), "ok");
    assert_eq!(code(&world.ask("remember", "x")), "confirm", "and the next one is asked about again");
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

/// Runs shell words in a pane of tmux, as a person at another terminal would.
fn in_another_pane(world: &World, words: &str) -> bool {
    if !std::path::Path::new("/usr/bin/tmux").exists() || !std::path::Path::new("/usr/bin/python3").exists() {
        println!("skipped: needs tmux and python3");
        return false;
    }
    // A server of its own each time: one that is about to end takes no more sessions.
    let server = world.path(&format!("tmux-{}", uuid::Uuid::new_v4()));
    let done = Command::new("/usr/bin/tmux")
        .args(["-S", server.to_str().unwrap(), "-f", "/dev/null", "new-session", "-d", words])
        .env_remove("TMUX")
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .status()
        .expect("tmux");
    assert!(done.success());
    true
}

/// Sends a line from another pane and gives its answer.
fn from_another_pane(world: &World, line: &Value) -> Option<Value> {
    let (script, question, answer) = (world.path("ask.py"), world.path("question"), world.path("answer"));
    let text = "import socket,sys,os\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\nf=s.makefile('rw')\nf.write(open(sys.argv[2]).read()+'\\n');f.flush()\nr=f.readline()\nopen(sys.argv[3]+'.new','w').write(r)\nos.rename(sys.argv[3]+'.new',sys.argv[3])\n";
    std::fs::write(&script, text).unwrap();
    std::fs::write(&question, line.to_string()).unwrap();
    drop(std::fs::remove_file(&answer));
    let path = |p: &std::path::Path| p.display().to_string();
    let words =
        format!("/usr/bin/python3 {} {} {} {}", path(&script), path(&world.socket()), path(&question), path(&answer));
    if !in_another_pane(world, &words) {
        return None;
    }
    eventually(|| answer.exists());
    Some(serde_json::from_str(&std::fs::read_to_string(&answer).unwrap()).unwrap())
}

#[test]
fn a_person_at_another_terminal_gives_a_standing_approval_that_ends_when_it_should() {
    let world = World::new(&format!("{ASKS}[set]\nwords.good = [\"x\"]\n"));
    let id = world.hold("remember", "x");
    let yes = json!({ "name": "confirm", "args": { "id": id, "grant": "1h" } });
    let Some(done) = from_another_pane(&world, &yes) else { return };
    assert_eq!((&done["action"], code(&done)), (&json!("remember"), "ok"), "{done}");

    let grants = world.line(r#"{"name":"grants_list"}"#);
    let grant = &grants["data"]["grants"][0];
    assert_eq!(
        (&grant["action"], &grant["length"], &grant["uses"]),
        (&json!("remember"), &json!("1h"), &json!(0)),
        "{grants}"
    );
    assert_eq!(grant["approver"]["assurance"], "desktop");
    assert_eq!(grant["approver"]["approver_same_uid"], true);

    // Its scope is this note alone; explaining uses nothing up.
    assert_eq!(code(&world.ask("remember", "x")), "ok");
    assert_eq!(code(&world.ask("remember", "something else")), "confirm");
    drop(world.ask("explain", r#"{"name":"remember","payload":"x"}"#));
    let uses = || world.line(r#"{"name":"grants_list"}"#)["data"]["grants"][0]["uses"].clone();
    assert_eq!(uses(), 1);

    // A policy that got stricter suspends it, and a deny is a deny.
    let stricter = ASKS.replace(r#"["once", "session", "1h", "8h", "until_revoked"]"#, r#"["once"]"#);
    world.reload(&stricter).unwrap();
    assert_eq!(code(&world.ask("remember", "x")), "confirm");
    world.reload(&ASKS.replace("low         = {", "low = \"deny\"\n#")).unwrap();
    assert_eq!(code(&world.ask("remember", "x")), "denied");
    world.reload(ASKS).unwrap();
    assert_eq!(code(&world.ask("remember", "x")), "ok");
    assert_eq!(uses(), 2);

    let grant = grant["id"].as_str().unwrap();
    world.turn_seconds(3599);
    assert_eq!(code(&world.ask("remember", "x")), "ok");
    world.turn_seconds(2);
    assert_eq!(code(&world.ask("remember", "x")), "confirm", "an hour is over");
    assert_eq!(world.line(r#"{"name":"grants_list"}"#)["data"]["grants"], json!([]));
    drop(world.ask("grant_revoke", grant));
}

#[test]
fn a_standing_approval_survives_a_restart_and_ends_when_it_is_taken_back() {
    let mut world = World::new(ASKS);
    let id = world.hold("remember", "x");
    let yes = json!({ "name": "confirm", "args": { "id": id, "grant": "until_revoked", "scope": 7 } });
    let Some(wrong) = from_another_pane(&world, &yes) else { return };
    assert_eq!(code(&wrong), "invalid_payload", "no such scope was offered: {wrong}");
    assert_eq!(state(&world, &id), "pending");
    let yes = json!({ "name": "confirm", "args": { "id": id, "grant": "until_revoked", "scope": 0 } });
    let done = from_another_pane(&world, &yes).expect("tmux is there");
    assert_eq!(code(&done), "ok", "{done}");
    world.restart();
    assert_eq!(code(&world.ask("remember", "x")), "ok");
    let grants = world.line(r#"{"name":"grants_list"}"#);
    let grant = grants["data"]["grants"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(code(&world.ask("grant_revoke", &grant)), "ok");
    assert_eq!(code(&world.ask("remember", "x")), "confirm");
    assert_eq!(code(&world.ask("grant_revoke", &grant)), "confirmation_not_found");
    world.restart();
    assert_eq!(code(&world.ask("remember", "x")), "confirm");
}

#[test]
fn a_standing_approval_is_on_record_and_none_is_given_with_a_yes_that_did_not_hold() {
    let mut world = World::new(ASKS);
    let id = world.hold("remember", "x");
    let yes = |scope: u32| json!({ "name": "confirm", "args": { "id": id, "grant": "8h", "scope": scope } });
    let Some(wrong) = from_another_pane(&world, &yes(7)) else { return };
    assert_eq!(code(&wrong), "invalid_payload", "{wrong}");
    let list = || world.line(r#"{"name":"grants_list"}"#)["data"]["grants"].clone();
    assert_eq!((state(&world, &id).as_str(), list()), ("pending", json!([])));
    assert_eq!(code(&from_another_pane(&world, &yes(0)).expect("tmux is there")), "ok");
    let grant = list()[0]["id"].clone();
    let records = world.end();
    let decisions: Vec<&str> =
        records.iter().filter(|r| r["kind"] == "decided").filter_map(|r| r["decision"].as_str()).collect();
    assert_eq!(decisions, ["approved", "granted"], "the yes first");
    let given = records.iter().find(|r| r["decision"] == "granted").unwrap();
    assert_eq!((&given["action"], &given["confirmation"]), (&json!("remember"), &json!(id)), "{given}");
    let data = &given["data"];
    assert_eq!((&data["grant"], &data["length"]), (&grant, &json!("8h")), "{given}");
    assert_eq!(data["covers"], "this very request only", "{given}");
    assert!(data["owner"].is_u64() && given["approver"]["assurance"] == "desktop", "{given}");
}

#[test]
fn an_approval_to_forget_a_note_is_none_to_purge_it() {
    let lasting = "{ confirm = { grants = [\"1h\"] } }";
    let policy = ASKS
        .replace("low         = {", "low = \"ok\"\n#")
        .replace("reversible  = \"confirm\"", &format!("reversible = {lasting}"))
        .replace("destructive = \"confirm\"", &format!("destructive = {lasting}"));
    let world = World::new(&policy);
    let restore = || assert_eq!(code(&world.call("remember", json!({ "restore": 1 }))), "ok");
    assert_eq!(code(&world.ask("remember", "x")), "ok");
    let id = id_of(&world.call("forget", json!({ "id": 1 })));
    let yes = json!({ "name": "confirm", "args": { "id": id, "grant": "1h" } });
    let Some(done) = from_another_pane(&world, &yes) else { return };
    assert_eq!(code(&done), "ok", "{done}");
    restore();
    assert_eq!(code(&world.call("forget", json!({ "id": 1 }))), "ok", "it is covered");
    restore();
    assert_eq!(code(&world.call("forget", json!({ "id": 1, "purge": true }))), "confirm");
}

#[test]
fn reloads_at_the_same_time_are_taken_one_after_the_other() {
    let mut world = World::new(DESKTOP);
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                for _ in 0..5 {
                    // The file may be half written by another of these, and then it is not taken.
                    drop(world.reload(DESKTOP));
                }
            });
        }
    });
    world.reload(DESKTOP).unwrap();
    let records = world.end();
    let loaded = records.iter().filter(|r| r["kind"] == "policy" && r["decision"] == "loaded");
    let generations: Vec<u64> = loaded.filter_map(|r| r["data"]["generation"].as_u64()).collect();
    let last = u64::try_from(generations.len()).unwrap() + 1;
    assert_eq!(generations, (2..=last).collect::<Vec<_>>());
}

#[test]
fn two_connections_of_one_program_are_one_owner() {
    let world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay");
    let mut voice = connect(&world.path("voice.sock"));
    assert_eq!(code(&line_on(&mut voice, &json!({ "name": "confirm", "payload": id }).to_string())), "ok");
}

#[test]
fn a_rate_counts_what_was_released_and_says_when_to_come_back() {
    let rule = "[[rule]]\nid = \"seldom\"\nactions = [\"remember\"]\ndecision = \"ok\"\nlimit = { rate = \"3/1h\", per = \"uid\", over = \"deny\" }\n";
    let world = World::new(&desktop_and(rule));
    for n in 0..3 {
        drop(world.ask("explain", &format!("remember that {n}")));
        assert_eq!(code(&world.ask("remember", &format!("{n}"))), "ok");
        assert_eq!(code(&world.ask("remember", "")), "invalid_payload", "what does not work does not count");
    }
    let over = world.ask("remember", "one more");
    assert_eq!((&over["status"], code(&over)), (&json!("deny"), "rate_limited"), "{over}");
    assert!(over["data"]["retry_after"].as_u64().is_some_and(|s| (3500..=3600).contains(&s)), "{over}");
    world.turn_seconds(3601);
    assert_eq!(code(&world.ask("remember", "one more")), "ok");
}

#[test]
fn rules_for_sentences_join_those_for_what_they_mean() {
    let rule = "[[rule]]\nid = \"said\"\nactions = [\"natural_language\"]\ndecision = \"confirm\"\n";
    let world = World::new(&desktop_and(rule));
    assert_eq!(code(&world.ask("remember", "x")), "ok");
    let said = world.ask("natural_language", "remember that x");
    assert_eq!((&said["action"], code(&said)), (&json!("remember"), "confirm"), "{said}");
    assert_eq!(code(&world.ask("confirm", &id_of(&said))), "ok");
    let world = World::new(&desktop_and(&rule.replace("\"confirm\"", "\"deny\"")));
    assert_eq!(code(&world.ask("natural_language", "remember that x")), "denied");
    assert_eq!(code(&world.ask("remember", "x")), "ok");
}

#[test]
fn explaining_runs_nothing_and_changes_nothing() {
    let world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay");
    let before = world.line(r#"{"name":"pending_list"}"#);
    for request in [
        json!({ "name": "confirm", "payload": id }),
        json!({ "name": "cancel", "payload": id }),
        json!({ "name": "reject", "payload": id }),
        json!({ "name": "package_install", "payload": "vim" }),
        json!({ "name": "remember", "payload": "x" }),
        json!({ "name": "natural_language", "payload": "remember that x" }),
        json!({ "name": "explain", "payload": "remember that x" }),
    ] {
        let answer = world.call("explain", json!({ "request": request, "preview": true }));
        assert_eq!((code(&answer), &answer["action"]), ("ok", &json!("explain")), "{answer}");
        assert!(answer["data"]["decision"].is_string(), "{answer}");
    }
    assert_eq!(code(&world.ask("explain", "the weather is nice")), "not_understood");
    assert_eq!(world.line(r#"{"name":"pending_list"}"#)["data"], before["data"]);
    assert_eq!(world.line(r#"{"name":"read_context"}"#)["data"]["total"], 0);
    assert_eq!(world.archive.started(), 0);
}

#[test]
fn a_caller_that_may_not_read_the_policy_is_not_told_its_rules() {
    let Some(world) = open_to_all(&desktop_and(
        "[[rule]]\nid = \"secret-rule\"\nactions = [\"remember\"]\ndecision = \"deny\"\nwhy = \"no\"\n",
    )) else {
        return;
    };
    let lines = [
        json!({ "name": "remember", "payload": "x" }),
        json!({ "name": "explain", "payload": "{\"name\":\"remember\",\"payload\":\"x\"}" }),
    ];
    let theirs = as_uid(&world, 61_001, &lines);
    assert_eq!((&theirs[0]["policy"]["why"], theirs[0]["policy"].get("rule")), (&json!("no"), None), "{}", theirs[0]);
    assert!(theirs.iter().all(|a| !a.to_string().contains("secret-rule")), "{theirs:?}");
    assert_eq!(world.ask("remember", "x")["policy"]["rule"], "secret-rule");
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

#[test]
fn a_rate_holds_against_many_requests_at_once() {
    let rule = "[[rule]]\nid = \"seldom\"\nactions = [\"remember\"]\ndecision = \"ok\"\nlimit = { rate = \"5/1h\", per = \"uid\", over = \"deny\" }\n";
    for _ in 0..10 {
        let world = World::new(&desktop_and(rule));
        let barrier = Barrier::new(16);
        let released: usize = std::thread::scope(|scope| {
            let one = || {
                let mut client = world.connect();
                barrier.wait();
                (0..4).filter(|_| code(&line_on(&mut client, r#"{"name":"remember","payload":"x"}"#)) == "ok").count()
            };
            let running: Vec<_> = (0..16).map(|_| scope.spawn(one)).collect();
            running.into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert_eq!(released, 5);
    }
}

#[test]
fn a_policy_that_came_while_the_preview_was_made_is_the_one_that_counts() {
    let denies = desktop_and("[[rule]]\nid = \"late\"\nactions = [\"package_install\"]\ndecision = \"deny\"\n");
    // While it is asked for.
    let world = World::new(DESKTOP);
    world.archive.pause(Some(Pause::Simulation));
    std::thread::scope(|scope| {
        let asks = scope.spawn(|| world.ask("package_install", "cowsay"));
        eventually(|| world.archive.waiting() == 1);
        world.reload(&denies).unwrap();
        world.archive.pause(None);
        assert_eq!(asks.join().unwrap()["policy"]["rule"], "late");
    });
    // While it is released.
    world.reload(DESKTOP).unwrap();
    let id = world.hold("package_install", "cowsay");
    world.archive.pause(Some(Pause::Simulation));
    std::thread::scope(|scope| {
        let yes = scope.spawn(|| world.ask("confirm", &id));
        eventually(|| world.archive.waiting() == 1);
        world.reload(&denies).unwrap();
        world.archive.pause(None);
        assert_eq!(code(&yes.join().unwrap()), "denied");
    });
    assert_eq!(state(&world, &id), "invalidated");
    assert_eq!(world.archive.started(), 0);
}
