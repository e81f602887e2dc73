//! What is written down, remembered, put back and told: audit, notes, receipts and events.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use steward_agent::backend::package::mock::{Pause, Trouble};

use crate::support::{
    DESKTOP, NOON, PATIENCE, World, as_uid, desktop_and, eventually, id_of, line_on, open_to_all, records,
};

fn kinds(records: &[Value]) -> Vec<&str> {
    records.iter().map(|r| r["kind"].as_str().expect("a kind")).collect()
}

fn of<'a>(records: &'a [Value], kind: &str, action: &str) -> Vec<&'a Value> {
    records.iter().filter(|r| r["kind"] == kind && r["action"] == action).collect()
}

#[test]
fn the_audit_log_tells_what_was_asked_judged_decided_and_done() {
    let mut world = World::new(&desktop_and(
        "[[rule]]\nid = \"no-vim\"\nactions = [\"package_install\"]\ndecision = \"deny\"\nargs.packages = { in = [\"vim\"] }\n",
    ));
    let uid = rustix::process::geteuid().as_raw();
    drop(world.ask("remember", "a secret note"));
    drop(world.ask("package_install", "vim"));
    let id = world.hold("package_install", "cowsay");
    assert_eq!(world.ask("confirm", &id)["status"], "ok");
    let other = world.hold("package_install", "htop");
    drop(world.ask("reject", &other));
    drop(world.ask("cancel", &world.hold("package_install", "curl")));
    drop(world.ask("set_volume", "40"));
    drop(world.ask("power_reboot", ""));
    drop(world.ask("nonsense", ""));
    drop(world.line("not a request"));
    for _ in 0..50 {
        drop(world.ask("ping", ""));
    }
    let records = world.end();

    let judged = of(&records, "judged", "remember");
    let finished = of(&records, "finished", "remember");
    assert_eq!((judged.len(), finished.len()), (1, 1));
    assert_eq!((&judged[0]["id"], &judged[0]["runs"]), (&finished[0]["id"], &json!(true)));
    assert_eq!((&judged[0]["caller"]["uid"], &judged[0]["caller"]["door"]), (&json!(uid), &json!("ndjson")));
    assert_eq!(judged[0]["caller"]["exe"], std::env::current_exe().unwrap().to_str().unwrap());
    assert_eq!(
        (&judged[0]["rule"], &judged[0]["decision"], &finished[0]["status"]),
        (&json!("risk.low"), &json!("ok"), &json!("ok"))
    );
    assert!(judged[0]["policy"].as_str().unwrap().len() == 64);

    let denied = of(&records, "denied", "package_install");
    assert_eq!(
        (denied.len(), &denied[0]["rule"], &denied[0]["args"]["packages"]),
        (1, &json!("no-vim"), &json!(["vim"]))
    );
    let held = of(&records, "held", "package_install");
    assert_eq!((held.len(), &held[0]["confirmation"]), (3, &json!(id)));
    let decided: Vec<&str> =
        of(&records, "decided", "package_install").iter().map(|r| r["decision"].as_str().unwrap()).collect();
    assert_eq!(decided, ["approved", "rejected", "cancelled"]);
    let approved = of(&records, "decided", "package_install")[0];
    assert_eq!(
        (&approved["approver"]["assurance"], &approved["approver"]["approver_same_uid"]),
        (&json!("requester"), &json!(true))
    );
    let done = of(&records, "finished", "package_install");
    assert_eq!((done.len(), &done[0]["confirmation"], &done[0]["status"]), (1, &json!(id), &json!("ok")));

    assert_eq!(of(&records, "finished", "set_volume")[0]["code"], "unavailable");
    assert_eq!(of(&records, "refused", "power_reboot")[0]["code"], "unavailable");
    assert_eq!(of(&records, "refused", "nonsense")[0]["code"], "unknown_action");
    assert_eq!(records.iter().filter(|r| r["kind"] == "malformed").count(), 1);
    assert!(!records.iter().any(|r| r["action"] == "ping"), "a ping has no record of its own");
    assert!(records.iter().any(|r| r["kind"] == "counted" && r.to_string().contains("\"ping\":50")), "{records:?}");
    let kinds = kinds(&records);
    assert_eq!(kinds[0], "started");
    assert!(kinds[kinds.len() - 2..].contains(&"stopped"), "only counts may follow: {kinds:?}");
    let numbers: Vec<u64> = records.iter().map(|r| r["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=records.len() as u64).collect::<Vec<_>>());
    for pair in records.windows(2) {
        assert_eq!(pair[1]["prev"], pair[0]["hash"]);
    }
}

#[test]
fn the_text_of_a_note_is_never_in_the_audit_log() {
    let policy =
        "version = 1\n[risk]\nobserve = \"ok\"\nlow = \"confirm\"\nreversible = \"ok\"\ndestructive = \"ok\"\n";
    let mut world = World::new(policy);
    let secret = "Hunter2";
    let id = world.hold("remember", secret);
    assert_eq!(world.ask("confirm", &id)["status"], "ok");
    drop(world.ask("read_context", secret));
    drop(world.ask("forget", secret));
    drop(world.call("forget", json!({ "id": 1, "purge": true })));
    drop(world.ask("natural_language", &format!("remember that {secret}")));
    drop(world.ask("natural_language", &format!("{secret} frobnicates {secret}")));
    drop(world.ask("explain", &format!("remember that {secret}")));
    drop(world.call("remember", json!({ "text": secret, "extra": secret })));
    drop(world.call("remember", json!({ secret: 1 })));
    drop(world.line(&json!({ "name": "remember", "args": secret }).to_string()));
    drop(world.line(&json!({ "name": "remember", "payload": "x", "version": secret }).to_string()));
    drop(world.line(&json!({ "name": "remember", "payload": [secret] }).to_string()));
    drop(world.line(&json!({ "name": [secret] }).to_string()));
    drop(world.line(&format!("{{\"name\":\"remember\",\"payload\":{secret}}}")));
    let records = world.end();
    assert!(records.len() > 10);
    for record in records {
        assert!(!record.to_string().contains(secret), "{record}");
    }
}

#[test]
fn twenty_refused_lines_a_minute_are_recorded_and_the_others_counted() {
    let mut world = World::new(DESKTOP);
    let mut client = world.connect();
    for _ in 0..500 {
        drop(line_on(&mut client, "nonsense"));
        drop(line_on(&mut client, r#"{"name":"nonsense"}"#));
    }
    drop(client);
    let records = world.end();
    let recorded = records.iter().filter(|r| r["kind"] == "malformed" || r["kind"] == "refused").count();
    // A minute may end in between.
    assert!((20..=40).contains(&recorded), "{recorded}");
    let counted: u64 = records
        .iter()
        .filter(|r| r["kind"] == "counted")
        .flat_map(|r| ["malformed", "refused"].map(|what| find(r, what)))
        .sum();
    assert_eq!(counted + recorded as u64, 1000);
}

/// The sum of all numbers under this key, however deep.
fn find(value: &Value, key: &str) -> u64 {
    match value {
        Value::Object(map) => {
            map.iter().map(|(k, v)| if k == key { v.as_u64().unwrap_or(0) } else { find(v, key) }).sum()
        }
        Value::Array(items) => items.iter().map(|v| find(v, key)).sum(),
        _ => 0,
    }
}

#[test]
fn every_file_of_the_state_is_its_owners_alone() {
    let mut world = World::new(DESKTOP);
    drop(world.ask("remember", "x"));
    drop(world.hold("package_install", "cowsay"));
    world.stop();
    fn check(path: &Path) {
        let mode = std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
        if path.is_dir() {
            std::fs::read_dir(path).unwrap().for_each(|e| check(&e.unwrap().path()));
        }
    }
    check(&world.path("state"));
}

#[test]
fn a_forgotten_note_comes_back_for_ten_minutes_and_is_gone_from_the_disk_after() {
    let world = World::new(DESKTOP);
    drop(world.ask("remember", "the Zanzibar note"));
    let forgotten = world.ask("forget", "zanzibar");
    assert_eq!((&forgotten["status"], &forgotten["message"]), (&json!("ok"), &json!("I forgot that.")));
    assert_eq!(world.ask("read_context", "")["message"], "No saved context yet.");
    assert_eq!(world.ask("forget", "1")["code"], "failed", "it cannot be forgotten twice");
    world.turn_seconds(599);
    let back = world.line(r#"{"name":"undo"}"#);
    assert_eq!((&back["status"], &back["message"]), (&json!("ok"), &json!("The note is back.")), "{back}");
    assert_eq!(world.ask("read_context", "")["message"], "Recent context: the Zanzibar note");

    let receipt = world.ask("forget", "1")["data"]["receipt"].as_str().unwrap().to_owned();
    world.turn_seconds(601);
    assert_eq!(world.ask("undo", &receipt)["code"], "failed", "too late");
    world.tidy_until(|| !world.state("memory.jsonl").contains("Zanzibar"));
    let all = ["journal.jsonl", "receipts.jsonl", "audit/audit.jsonl"].map(|f| world.state(f)).concat();
    assert!(!all.to_lowercase().contains("zanzibar"), "and it is nowhere else either");
}

#[test]
fn a_purged_note_is_gone_from_the_disk_at_once() {
    let world = World::new(DESKTOP);
    let receipt = world.ask("remember", "the Zanzibar note")["data"]["receipt"].as_str().unwrap().to_owned();
    drop(world.ask("remember", "another"));
    let held = world.call("forget", json!({ "id": 1, "purge": true }));
    assert_eq!(held["preview"]["requester_text"], "the Zanzibar note", "the person sees what goes: {held}");
    assert_eq!(world.ask("confirm", &id_of(&held))["status"], "ok");
    for file in ["memory.jsonl", "journal.jsonl", "receipts.jsonl", "audit/audit.jsonl"] {
        assert!(!world.state(file).contains("Zanzibar"), "{file}");
    }
    let undone = world.ask("undo", &receipt);
    assert_eq!(
        (&undone["code"], &undone["data"]["present"]),
        (&json!("confirmation_changed"), &json!("gone")),
        "{undone}"
    );
    assert_eq!(world.ask("read_context", "")["message"], "Recent context: another");
}

#[test]
fn notes_are_many_and_long_up_to_a_limit_and_survive_a_restart() {
    let mut world = World::new(DESKTOP);
    let long = "ü".repeat(8 * 1024);
    assert_eq!(world.ask("remember", &long)["status"], "ok");
    assert_eq!(world.ask("remember", &format!("{long}x"))["code"], "invalid_payload");
    world.restart();
    assert_eq!(world.call("read_context", json!({ "words": "üü" }))["data"]["notes"][0]["text"], long.as_str());
    let words = world.ask("forget", "no such words");
    assert_eq!(words["code"], "failed", "{words}");
    drop(world.ask("remember", "printer one"));
    drop(world.ask("remember", "printer two"));
    let two = world.ask("forget", "printer");
    assert_eq!((&two["code"], two["data"]["notes"].as_array().unwrap().len()), (&json!("ambiguous"), 2));
}

#[test]
fn undo_takes_back_a_note_once() {
    let world = World::new(DESKTOP);
    let receipt = world.ask("remember", "x")["data"]["receipt"].as_str().unwrap().to_owned();
    let undone = world.ask("undo", &receipt);
    assert_eq!(
        (&undone["status"], &undone["action"], &undone["data"]["undone"]),
        (&json!("ok"), &json!("undo"), &json!(receipt))
    );
    assert_eq!(world.ask("read_context", "")["message"], "No saved context yet.");
    assert_eq!(world.ask("undo", &receipt)["code"], "failed", "a receipt is good for once");
    let none = World::new(DESKTOP).line(r#"{"name":"undo"}"#);
    assert_eq!((&none["code"], &none["message"]), (&json!("failed"), &json!("there is nothing to put back")));
}

#[test]
fn undo_of_an_installation_removes_exactly_what_it_brought() {
    let mut world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay,vim");
    assert_eq!(world.ask("confirm", &id)["status"], "ok");
    world.restart();
    let held = world.line(r#"{"name":"undo"}"#);
    assert_eq!(held["action"], "undo");
    let objects: Vec<&str> =
        held["preview"]["effects"].as_array().unwrap().iter().map(|e| e["object"].as_str().unwrap()).collect();
    assert_eq!(objects, ["cowsay", "vim", "vim-common"], "and not perl, which was there before");
    let done = world.ask("confirm", &id_of(&held));
    assert_eq!((&done["status"], &done["action"]), (&json!("ok"), &json!("undo")), "{done}");
    assert_eq!((world.archive.version("cowsay"), world.archive.version("vim-common")), (None, None));
    assert!(world.archive.version("perl").is_some());
}

#[test]
fn undo_runs_only_from_the_state_that_the_change_left() {
    let world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay");
    let receipt = world.ask("confirm", &id)["data"]["receipt"].as_str().unwrap().to_owned();
    world.archive.meddle("cowsay", Some("9.9"));
    let changed = world.ask("undo", &receipt);
    assert_eq!(changed["code"], "confirmation_changed", "{changed}");
    assert_eq!(
        (&changed["data"]["before"]["cowsay"], &changed["data"]["after"]["cowsay"]),
        (&Value::Null, &json!("3.03+dfsg2-8"))
    );
    assert_eq!(changed["data"]["present"]["cowsay"], "9.9");
    let forced = world.call("undo", json!({ "receipt": receipt, "force": true }));
    assert_eq!(forced["status"], "confirm", "to force it is to ask anew: {forced}");

    // What was put on top of it since does not go with it.
    world.archive.meddle("cowsay", Some("3.03+dfsg2-8"));
    world.archive.meddle("cowsay-off", Some("3.03+dfsg2-8"));
    let further = world.ask("undo", &receipt);
    assert_eq!(further["code"], "confirmation_changed", "{further}");
    world.archive.meddle("cowsay-off", None);
    assert_eq!(world.ask("confirm", &id_of(&world.ask("undo", &receipt)))["status"], "ok");
    assert_eq!(world.ask("undo", &receipt)["code"], "failed");
    assert_eq!(world.archive.version("cowsay"), None);
}

/// `htop` was there in an old version; the new one needs a library that was not.
fn with_an_upgrade_that_needs_more() -> World {
    let world = World::new(DESKTOP);
    world.archive.meddle("htop", Some("3.2.1"));
    world.archive.publish("htop", "3.2.2-2", &["libnew"]);
    world.archive.publish("libnew", "1", &[]);
    world
}

#[test]
fn undo_does_not_take_away_what_was_there_before_and_was_only_upgraded() {
    let world = with_an_upgrade_that_needs_more();
    let done = world.ask("confirm", &world.hold("package_install", "htop"));
    assert_eq!((&done["status"], done["data"]["receipt"].is_string()), (&json!("ok"), true), "{done}");
    let undone = world.line(r#"{"name":"undo"}"#);
    assert_eq!(undone["code"], "confirmation_changed", "{undone}");
    assert!(undone["message"].as_str().unwrap().contains("would also remove htop 3.2.2-2"), "{undone}");
    assert_eq!(world.archive.version("htop").as_deref(), Some("3.2.2-2"));
}

#[test]
fn undo_puts_back_more_packages_than_one_request_may_name() {
    for many in [65, 900] {
        let mut world = World::new(DESKTOP);
        let names: Vec<String> = (0..many).map(|n| format!("needed-{n:04}")).collect();
        names.iter().for_each(|name| world.archive.publish(name, "1.0", &[]));
        world.archive.publish("large", "1", &names.iter().map(String::as_str).collect::<Vec<_>>());
        let done = world.ask("confirm", &world.hold("package_install", "large"));
        let receipt = done["data"]["receipt"].as_str().expect("a receipt").to_owned();
        let held = world.ask("undo", &receipt);
        assert_eq!(held["preview"]["effects"].as_array().map(Vec::len), Some(many + 1), "{many}: {held}");
        // It waits and is read back, as any held request.
        world.restart();
        let undone = world.ask("confirm", &id_of(&held));
        assert_eq!((&undone["status"], &undone["code"]), (&json!("ok"), &Value::Null), "{many}: {}", undone["message"]);
        assert_eq!((world.archive.version("large"), world.archive.version("needed-0001")), (None, None));

        // Whoever asks may still name no more than before, with whatever the agent keeps.
        for args in
            [json!({ "packages": names }), json!({ "packages": ["large"], "back": { "install": [], "remove": names } })]
        {
            let refused = world.call("package_install", args);
            assert_eq!(refused["code"], "invalid_payload");
            assert!(refused["message"].as_str().unwrap().contains("at most 64 packages"), "{refused}");
        }
    }
}

#[test]
fn a_version_that_comes_from_outside_is_one_word() {
    let world = World::new(DESKTOP);
    let back = |version: &str| {
        let install = json!([{ "name": "cowsay", "version": version, "mark": "manual" }]);
        world.call("package_install", json!({ "packages": ["cowsay"], "back": { "install": install } }))
    };
    for version in ["", "-1", "*", "3.*", "1/stable", "../x", "1 2", "1=2", "\u{7f}1", &"1".repeat(300)] {
        assert_eq!(back(version)["code"], "invalid_payload", "{version}");
    }
    assert_eq!(back("3.03+dfsg2-8")["status"], "confirm");
}

#[test]
fn no_way_back_is_offered_that_the_rules_would_not_let_through() {
    let world = World::new(DESKTOP);
    let names: Vec<String> = (0..steward_policy::MAX_PAIRS).map(|n| format!("needed-{n:04}")).collect();
    names.iter().for_each(|name| world.archive.publish(name, "1.0", &[]));
    world.archive.publish("large", "1", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let done = world.ask("confirm", &world.hold("package_install", "large"));
    assert_eq!((&done["status"], &done["data"]["receipt"]), (&json!("ok"), &Value::Null), "{}", done["message"]);
}

#[test]
fn an_update_of_everything_has_no_way_back_and_says_nothing_else() {
    let world = with_an_upgrade_that_needs_more();
    let done = world.ask("confirm", &world.hold("system_update", "stable"));
    assert_eq!((&done["status"], &done["data"]["receipt"]), (&json!("ok"), &Value::Null), "{done}");
    assert_eq!(world.archive.version("libnew").as_deref(), Some("1"), "it brought something new all the same");
    assert_eq!(world.line(r#"{"name":"undo"}"#)["data"]["state"], "no_receipt");
}

#[test]
fn what_failed_half_way_can_be_put_back_as_far_as_it_came() {
    let world = World::new(DESKTOP);
    let id = world.hold("package_install", "curl");
    world.archive.trouble(Trouble::FailsHalfWay);
    let failed = world.ask("confirm", &id);
    world.archive.trouble(Trouble::None);
    assert_eq!((&failed["code"], &failed["data"]["done"][0]["name"]), (&json!("failed"), &json!("curl")), "{failed}");
    let receipt = failed["data"]["receipt"].as_str().expect("a receipt").to_owned();
    assert_eq!((world.archive.version("curl").is_some(), world.archive.version("libcurl4")), (true, None));
    let held = world.ask("undo", &receipt);
    let objects: Vec<&Value> = held["preview"]["effects"].as_array().unwrap().iter().map(|e| &e["object"]).collect();
    assert_eq!(objects, ["curl"]);
    assert_eq!(world.ask("confirm", &id_of(&held))["status"], "ok");
    assert_eq!(world.archive.version("curl"), None);
}

/// An installation that was answered with `unknown_outcome`: its confirmation's id.
fn lost_from_sight(world: &World) -> String {
    let id = world.hold("package_install", "cowsay");
    world.archive.trouble(Trouble::LosesTrack);
    let answer = world.ask("confirm", &id);
    assert_eq!(answer["code"], "unknown_outcome", "{answer}");
    assert_eq!(world.ask("result", &id)["data"]["state"], "unknown");
    id
}

/// What became of it is found out: it is told, recorded after what was recorded before, and can be put back.
fn is_found_again(world: &mut World, id: &str) {
    eventually(|| world.ask("result", id)["data"]["state"] == "done");
    let reply = &world.ask("result", id)["data"]["reply"];
    assert_eq!((&reply["status"], &reply["message"]), (&json!("ok"), &json!("Installed cowsay.")), "{reply}");
    eventually(|| std::fs::read_dir(world.path("state/transactions")).unwrap().next().is_none());
    let held = world.line(r#"{"name":"undo"}"#);
    assert_eq!(held["preview"]["effects"][0]["object"], "cowsay", "{held}");
    let records = world.end();
    let judged = of(&records, "judged", "package_install");
    let request = &judged[0]["id"];
    let kinds = records.iter().filter(|r| r["id"] == *request).map(|r| r["kind"].as_str().unwrap());
    assert_eq!(kinds.collect::<Vec<_>>(), ["judged", "unknown", "finished"]);
    let finished = of(&records, "finished", "package_install");
    assert_eq!((&finished[0]["status"], &finished[0]["data"]["found"]), (&json!("ok"), &json!("later")));
}

#[test]
fn an_outcome_that_was_unknown_is_told_when_it_is_known() {
    let mut world = World::new(DESKTOP);
    let mut stream = world.connect();
    drop(line_on(&mut stream, r#"{"name":"subscribe","id":"s"}"#));
    let id = lost_from_sight(&world);
    world.archive.trouble(Trouble::None);
    let mut ends = Vec::new();
    while ends.len() < 2 {
        let event = stream.next_event().unwrap();
        if event.event == "action_finished" {
            ends.push(event.data["code"].clone());
        }
    }
    assert_eq!(ends, [json!("unknown_outcome"), Value::Null]);
    is_found_again(&mut world, &id);
}

#[test]
fn an_outcome_that_was_unknown_is_found_out_after_a_restart() {
    let mut world = World::new(DESKTOP);
    let id = lost_from_sight(&world);
    world.restart();
    // Still nobody knows: that was recorded, and is not recorded again.
    world.restart();
    world.archive.trouble(Trouble::None);
    is_found_again(&mut world, &id);
}

/// So much for what comes before the first change of an installation.
const SHORT: Duration = Duration::from_secs(3);
const SHORT_CONFIG: &str = "version = 1\n[deadline]\npackage_install = 3\n";

#[test]
fn an_installation_that_has_begun_is_waited_for_longer_than_its_deadline() {
    let world = World::with_config(DESKTOP, SHORT_CONFIG);
    let id = world.hold("package_install", "cowsay");
    world.archive.pause(Some(Pause::Transaction));
    std::thread::scope(|scope| {
        let confirmed = scope.spawn(|| world.ask("confirm", &id));
        eventually(|| world.archive.started() == 1);
        let begun = Instant::now();
        eventually(|| begun.elapsed() > SHORT + Duration::from_millis(200) || confirmed.is_finished());
        world.archive.pause(None);
        let answer = confirmed.join().unwrap();
        assert_eq!((&answer["status"], &answer["code"]), (&json!("ok"), &Value::Null), "{answer}");
    });
}

#[test]
fn an_installation_that_could_not_begin_within_its_deadline_has_changed_nothing() {
    let world = World::with_config(DESKTOP, SHORT_CONFIG);
    let id = world.hold("package_install", "cowsay");
    world.archive.pause(Some(Pause::Start));
    let answer = world.ask("confirm", &id);
    assert_eq!(answer["code"], "timed_out", "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("nothing was changed"), "{answer}");
    world.archive.pause(None);
    assert_eq!((world.archive.started(), world.archive.version("cowsay")), (0, None));
    assert_eq!(world.ask("confirm", &world.hold("package_install", "cowsay"))["status"], "ok");
}

#[test]
fn an_undo_that_waits_does_not_run_when_another_has_put_it_back() {
    let world = World::new("version = 1\n[risk]\nobserve = \"ok\"\nlow = \"ok\"\nreversible = \"confirm\"\n");
    let receipt = world.ask("remember", "x")["data"]["receipt"].as_str().unwrap().to_owned();
    let waiting = id_of(&world.ask("undo", &receipt));
    let milder = "version = 1\n[risk]\nobserve = \"ok\"\nlow = \"ok\"\nreversible = \"ok\"\n";
    world.reload(milder).unwrap();
    assert_eq!(world.ask("undo", &receipt)["status"], "ok");
    assert_eq!(world.ask("confirm", &waiting)["status"], "error");
}

#[test]
fn a_receipt_is_kept_for_a_week() {
    let world = World::new(DESKTOP);
    let receipt = world.ask("remember", "x")["data"]["receipt"].as_str().unwrap().to_owned();
    world.turn_seconds(7 * 86_400 + 1);
    assert_eq!(world.ask("undo", &receipt)["code"], "failed");
}

#[test]
fn a_subscriber_gets_the_full_state_and_then_every_change_in_order() {
    let mut world = World::new("version = 1\n[risk]\nobserve = \"ok\"\nlow = \"confirm\"\n");
    let before = world.hold("remember", "before");
    let mut stream = world.connect();
    let state = line_on(&mut stream, r#"{"name":"subscribe","id":"s"}"#);
    assert_eq!((&state["status"], &state["id"], &state["data"]["seq"]), (&json!("ok"), &json!("s"), &json!(0)));
    assert_eq!(state["data"]["pending"][0]["id"], before.as_str());
    assert!(state["data"]["grants"].is_array() && state["data"]["policy"]["hash"].is_string());

    let id = world.hold("remember", "x");
    assert_eq!(world.ask("confirm", &id)["status"], "ok");
    drop(world.ask("cancel", &before));
    world.reload("version = 1\n[risk]\nobserve = \"ok\"\nlow = \"ok\"\n").unwrap();
    world.reload("version = 1\nnonsense").unwrap_err();
    world.stop();
    let mut events = Vec::new();
    while let Ok(event) = stream.next_event() {
        events.push(event);
    }
    let names: Vec<&str> = events.iter().map(|e| &*e.event).collect();
    let expected = [
        "request_held",
        "request_decided",
        "action_started",
        "action_finished",
        "request_decided",
        "policy_reloaded",
        "policy_rejected",
        "agent_stopping",
    ];
    assert_eq!(names, expected);
    assert_eq!(events.iter().map(|e| e.seq.unwrap()).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    assert!(events.iter().all(|e| e.version == 1 && e.ts.as_deref() == Some("2026-01-01T12:00:00.000Z")), "{NOON}");
    assert_eq!(events[0].data["id"], id.as_str());
    assert_eq!(events[1].data["state"], "approved");
    assert_eq!(events[4].data["state"], "cancelled");
    assert!(events[6].data["errors"].as_str().unwrap().contains("policy.toml:2:"), "{:?}", events[6]);
}

#[test]
fn another_uid_hears_nothing_and_root_hears_all() {
    let Some(world) = open_to_all(DESKTOP) else { return };
    let mut root = world.connect();
    drop(line_on(&mut root, r#"{"name":"subscribe"}"#));
    std::thread::scope(|scope| {
        let listens = scope.spawn(|| as_uid(&world, 61_002, &[json!({ "name": "subscribe" }), Value::Null]));
        // It has subscribed when root hears nothing of it; so the first thing that it can hear is asked for again and again.
        let note = as_uid(&world, 61_001, &[json!({ "name": "remember", "payload": "x" })]);
        assert_eq!(note[0]["status"], "ok");
        while !listens.is_finished() {
            drop(as_uid(&world, 61_001, &[json!({ "name": "remember", "payload": "y" })]));
            world.reload(DESKTOP).unwrap();
        }
        let heard = listens.join().unwrap();
        assert_eq!(heard[0]["data"]["pending"], json!([]));
        assert_eq!((&heard[1]["event"], &heard[1]["seq"]), (&json!("policy_reloaded"), &json!(1)));
    });
    assert_eq!(&*root.next_event().unwrap().event, "action_started", "root hears of the notes of others");
}

#[test]
fn another_request_on_a_stream_is_refused_and_the_stream_goes_on() {
    let world = World::new(DESKTOP);
    let mut stream = world.connect();
    drop(line_on(&mut stream, r#"{"name":"subscribe"}"#));
    let refused = line_on(&mut stream, r#"{"name":"ping","id":9}"#);
    assert_eq!(
        (&refused["code"], &refused["id"], &refused["action"]),
        (&json!("invalid_request"), &json!(9), &json!("ping"))
    );
    drop(world.ask("remember", "x"));
    assert_eq!(&*stream.next_event().unwrap().event, "action_started");
    let bad = world.ask("subscribe", "everything");
    assert_eq!(bad["code"], "invalid_payload");
}

#[test]
fn progress_is_told_while_packages_are_installed() {
    let world = World::new(DESKTOP);
    let mut stream = world.connect();
    drop(line_on(&mut stream, r#"{"name":"subscribe"}"#));
    let id = world.hold("package_install", "cowsay");
    world.archive.pause(Some(Pause::Transaction));
    std::thread::scope(|scope| {
        let yes = scope.spawn(|| world.ask("confirm", &id));
        let mut seen = Vec::new();
        while seen.last().is_none_or(|name| name != "action_progress") {
            seen.push(stream.next_event().unwrap().event.into_owned());
        }
        assert_eq!(seen, ["request_held", "request_decided", "action_started", "action_progress"]);
        world.archive.pause(None);
        assert_eq!(yes.join().unwrap()["status"], "ok");
    });
}

#[test]
fn a_subscriber_that_does_not_read_gets_the_last_line_dropped() {
    let world = World::new(DESKTOP);
    let mut stream = world.connect();
    stream.set_timeout(Some(PATIENCE)).unwrap();
    drop(line_on(&mut stream, r#"{"name":"subscribe"}"#));
    let mut client = world.connect();
    // Two events a note: more than the socket's buffer and the queue can take.
    for n in 0..2500 {
        assert_eq!(
            line_on(&mut client, &json!({ "name": "remember", "payload": format!("{n}") }).to_string())["status"],
            "ok"
        );
    }
    let mut last = stream.next_event().unwrap();
    let mut expected = 1;
    while last.event != "dropped" {
        assert_eq!(last.seq, Some(expected), "no gaps up to the end");
        expected += 1;
        last = stream.next_event().unwrap();
    }
    assert_eq!((last.seq, &last.data), (None, &json!({ "reason": "slow_reader" })));
    assert!(stream.next_event().is_err(), "and it is closed");
}

#[test]
fn the_log_verifies_after_all_of_this() {
    let mut world = World::new(DESKTOP);
    for n in 0..20 {
        drop(world.ask("remember", &format!("{n}")));
    }
    world.restart();
    drop(world.ask("remember", "after"));
    world.stop();
    let state = world.path("state");
    let place = steward_agent::audit::Place::in_state(&state);
    let report = steward_agent::audit::verify(&place, &[]);
    assert!(
        format!("{report:?}").contains("Whole") || records(&state.join("audit/audit.jsonl")).len() > 40,
        "{report:?}"
    );
    eventually(|| true);
}

#[test]
fn beyond_six_hundred_a_minute_what_only_looks_is_counted_with_neither_record() {
    let mut world = World::new(DESKTOP);
    let mut client = world.connect();
    for _ in 0..1500 {
        assert_eq!(line_on(&mut client, r#"{"name":"read_context"}"#)["status"], "ok");
    }
    drop(client);
    drop(world.ask("remember", "an act"));
    let records = world.end();
    let (judged, finished) = (of(&records, "judged", "read_context"), of(&records, "finished", "read_context"));
    // A minute may end in between.
    assert!((600..=1200).contains(&judged.len()), "{}", judged.len());
    assert_eq!(judged.len(), finished.len());
    let counted: u64 = records.iter().filter(|r| r["kind"] == "counted").map(|r| find(r, "observed")).sum();
    assert_eq!(counted + judged.len() as u64, 1500);
    assert_eq!(of(&records, "finished", "remember").len(), 1, "an act has its records all the same");
}
