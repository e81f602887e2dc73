//! Action plans: checked and sent as the original client does it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::World;
use serde_json::{Value, json};
use steward_agent::clock::Clock;
use steward_agent::core::{Core, Setup};
use steward_agent::door::plan::Place;
use steward_agent::policy_files::Roots;
use steward_agent::server::{self, Access, SocketSpec, Speaks};
use steward_agent::services::{Machine, Mode};
use tokio::sync::watch;

const PING: &str = r#"{"request_id":"r","version":"0.1","mode":"execute","actions":[{"type":"ping"}]}"#;

#[test]
fn a_plan_is_checked_without_a_daemon() {
    let world = World::new();
    let ok = world.run_with(&["plan", "validate"], PING).with(0);
    assert_eq!(ok.out, "{\n  \"ok\": true,\n  \"error\": null\n}");
    for (plan, code, message) in [
        ("", "parse_failed", "EOF while parsing a value at line 1 column 0"),
        (&PING.replace("0.1", " "), "validation_failed", "version must be non-empty"),
        (&PING.replace("ping\"", "ping\",\"type\":1"), "parse_failed", "duplicate field `type` at line 1 column 83"),
    ] {
        let verdict = world.run(&["plan", "validate", "--json", plan]).with(0).json();
        assert_eq!(verdict["ok"], false, "{plan}");
        assert_eq!(
            (&verdict["error"]["code"], &verdict["error"]["message"]),
            (&json!(code), &json!(message)),
            "{plan}"
        );
    }
    // More than a plan may have is a verdict as well, and the daemon's words for it.
    let long = format!("{PING}{}", " ".repeat(1 << 20));
    let file = world.write("long.json", &long).display().to_string();
    let verdict = world.run(&["plan", "validate", "--file", &file]).with(0).json();
    assert_eq!(verdict["error"], json!({ "code": "request_too_large", "message": "request exceeds max bytes" }));
    let unsent = world.run(&["plan", "send", "--file", &file]).with(1);
    assert!(unsent.out.is_empty() && unsent.err.contains("at most 262144"), "{unsent:?}");
    let file = world.write("plan.json", PING);
    world.run(&["plan", "validate", "--file", file.to_str().unwrap()]).with(0);
}

#[test]
fn what_cannot_be_sent_is_an_error_and_nothing_is_printed() {
    let world = World::new();
    let socket = world.path("nobody.sock").display().to_string();
    for (args, input, said) in [
        (vec!["plan", "send"], "", "EOF while parsing a value at line 1 column 0"),
        (vec!["plan", "send", "--request-id", " "], PING, "request_id override must be non-empty"),
        (vec!["plan", "send", "--session-id", ""], PING, "session_id override must be non-empty"),
        (vec!["plan", "send", "--file", "/no/such/file"], "", "No such file or directory"),
        (vec!["plan", "send", "--socket-path", &socket], PING, "No such file or directory"),
        (vec!["plan", "ping", "--socket-path", &socket], "", "No such file or directory"),
        (vec!["plan", "ping", "--socket-path", &socket], "", "start an agent that does with `stewardd --plan-socket"),
    ] {
        let ended = world.run_with(&args, input).with(1);
        assert!(ended.out.is_empty() && ended.err.contains(said), "{args:?}: {ended:?}");
    }
    world.run(&["plan", "send", "--no-such-flag"]).with(2);
}

#[test]
fn the_schema_is_the_one_of_the_documents() {
    let printed = World::new().run(&["plan", "schema"]).with(0);
    let document = include_str!("../../docs/action-plan.schema.json");
    assert_eq!(printed.json(), serde_json::from_str::<Value>(document).unwrap());
}

#[test]
fn a_plan_is_sent_its_answer_printed_and_told_how_to_approve() {
    let world = World::new();
    std::fs::create_dir(world.path("run/steward")).unwrap();
    let folder = world.path("work");
    std::fs::create_dir(&folder).unwrap();
    let place = Place { folder: folder.display().to_string().into() };
    let home = SocketSpec { name: None, path: world.path("run/steward/agent.sock"), speaks: Speaks::Home };
    let plans = SocketSpec { name: None, path: world.path("run/steward/plan.sock"), speaks: Speaks::Plans(place) };
    let setup = Setup {
        mode: Mode::User,
        state: world.path("daemon"),
        config: world.path("config.toml"),
        policy: Roots::usual(None, Vec::new(), rustix::process::geteuid().as_raw()),
        audit: None,
        clock: Clock::system(),
        wait: std::time::Duration::ZERO,
        note: "a test".to_owned(),
        machine: Machine::bare(None),
    };
    let (stop, stopped) = watch::channel(false);
    let (ready, is_ready) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let (core, interrupted) = Core::start(setup).unwrap();
            core.take_up(interrupted).await;
            let listening = [home, plans].iter().map(|s| server::listen(s, Access::Own).unwrap()).collect();
            ready.send(()).unwrap();
            server::serve(core.clone(), listening, stopped).await;
            core.stop().await;
        });
    });
    is_ready.recv().unwrap();

    let ponged = world.run(&["plan", "ping"]).with(0);
    assert_eq!(
        ponged.out,
        r#"{"request_id":"req-ping-cli-1","executed":true,"results":[{"type":"pong","ok":true}],"error":null}"#
    );
    let sent = world.run_with(&["plan", "send", "--request-id", "other"], PING).with(0);
    assert!(sent.out.starts_with(r#"{"request_id":"other","executed":true"#), "{sent:?}");
    let only = world.run_with(&["plan", "send"], &PING.replace("execute", "plan_only")).with(0);
    assert_eq!(only.json()["executed"], false);

    let held = json!({ "request_id": "held-1", "version": "0.1", "mode": "execute", "actions": [
        { "type": "write_file", "path": "x", "content": "x", "mode": "0644", "reason": "r", "danger": "d" },
    ], "confirmation": { "token": "none" } });
    let asked = world.run_with(&["plan", "send"], &held.to_string()).with(0);
    assert_eq!(asked.json()["results"][0]["error"]["code"], "confirmation_required", "{asked:?}");
    assert!(asked.err.contains("its confirmation.token does not count"), "{asked:?}");
    let id = asked.err.split('`').find_map(|w| w.strip_prefix("steward approve ")).unwrap_or_default().to_owned();
    let token = world.run(&["approve", "--token", &id]).with(0);
    let mut approved = held.clone();
    approved["confirmation"]["token"] = json!(token.out.trim());
    let done = world.run_with(&["plan", "send"], &approved.to_string()).with(0);
    assert_eq!(done.json()["results"][0]["artifacts"], json!(["x"]), "{done:?}");
    assert!(done.err.is_empty(), "{done:?}");

    let _nobody = stop.send(true);
    thread.join().unwrap();
}
