//! Standing approvals: who gives one, what it covers, and when it ends.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::gate::{ASKS, code, state};
use crate::support::{World, eventually, id_of};

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
