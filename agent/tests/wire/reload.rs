//! Policy files from outside: good and bad, at start, by a signal and by a change on disk.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::Barrier;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{DESKTOP, Daemon, World, connect, desktop_and, eventually, line_on};

const DENIES: &str = "[[rule]]\nid = \"no-notes\"\nactions = [\"remember\"]\ndecision = \"deny\"\n";
const REMEMBER: &str = r#"{"name":"remember","payload":"x"}"#;
const DETAILS: &str = r#"{"name":"get_capabilities","args":{"details":true}}"#;

/// Puts a policy in its place as editors do: beside it, then renamed.
fn put(daemon: &Daemon, policy: &str) {
    let beside = daemon.folder.join("policy.toml.new");
    std::fs::write(&beside, policy).unwrap();
    std::fs::rename(beside, daemon.folder.join("policy.toml")).unwrap();
}

fn generation(daemon: &Daemon) -> (u64, Value) {
    let policy = daemon.line(DETAILS)["data"]["policy"].clone();
    (policy["generation"].as_u64().unwrap(), policy["rejected"].clone())
}

#[test]
fn a_signal_reads_the_policy_again_and_a_bad_file_keeps_the_last_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(folder.path(), DESKTOP);
    assert_eq!(daemon.line(REMEMBER)["status"], "ok");
    assert_eq!(generation(&daemon), (1, Value::Null));

    put(&daemon, &desktop_and(DENIES));
    daemon.signal(Signal::HUP);
    eventually(|| generation(&daemon).0 >= 2);
    assert_eq!(daemon.line(REMEMBER)["policy"]["rule"], "no-notes");
    let good = generation(&daemon).0;

    let bad = desktop_and(&DENIES.replace("remember", "remembr"));
    put(&daemon, &bad);
    daemon.signal(Signal::HUP);
    eventually(|| generation(&daemon).1.is_string());
    let (still, rejected) = generation(&daemon);
    assert_eq!(still, good, "the last good generation stays");
    assert_eq!(daemon.line(REMEMBER)["policy"]["rule"], "no-notes");
    let said = rejected.as_str().unwrap();
    let line = 1 + bad[..bad.find("remembr").unwrap()].matches('\n').count();
    assert!(said.contains(&format!("policy.toml:{line}:12")), "file, line and column: {said}");
    assert!(said.contains("remember"), "and what was meant: {said}");

    put(&daemon, DESKTOP);
    daemon.signal(Signal::HUP);
    eventually(|| generation(&daemon).1.is_null());
    assert_eq!(daemon.line(REMEMBER)["status"], "ok");
    assert!(daemon.end().success());
}

#[test]
fn a_change_on_disk_is_taken_without_a_signal_and_everybody_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(folder.path(), DESKTOP);
    let mut stream = connect(&daemon.socket());
    drop(line_on(&mut stream, r#"{"name":"subscribe"}"#));
    put(&daemon, &desktop_and(DENIES));
    let event = stream.next_event().unwrap();
    assert_eq!((&*event.event, &event.data["generation"]), ("policy_reloaded", &json!(2)));
    assert_eq!(daemon.line(REMEMBER)["status"], "deny");
    put(&daemon, "version = 1\n[risk]\nlow = \"maybe\"\n");
    let event = stream.next_event().unwrap();
    assert_eq!(&*event.event, "policy_rejected");
    assert!(event.data["errors"].as_str().unwrap().contains("policy.toml:3:7"), "{event:?}");
    assert_eq!(daemon.line(REMEMBER)["status"], "deny");
    assert!(daemon.end().success());
}

#[test]
fn with_a_bad_policy_at_start_everything_is_denied_but_looking_at_the_agent() {
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(folder.path(), "version = 1\n[risk]\nlow = \"maybe\"\n");
    let line = |line: &str| daemon.line(line);
    assert_eq!(line(r#"{"name":"ping"}"#)["message"], "pong");
    let broken = line(DETAILS)["data"]["policy"]["broken"].clone();
    assert!(broken.as_str().unwrap().contains("policy.toml:3:7"), "{broken}");
    assert_eq!(line(r#"{"name":"get_capabilities"}"#)["status"], "ok");
    assert_eq!(line(r#"{"name":"pending_list"}"#)["status"], "ok");
    assert_eq!(line(r#"{"name":"result","payload":"x"}"#)["code"], "confirmation_not_found");
    assert_eq!(line(r#"{"name":"cancel","payload":"x"}"#)["code"], "confirmation_not_found");
    assert_eq!(
        line(r#"{"name":"explain","payload":"{\"name\":\"remember\",\"payload\":\"x\"}"}"#)["data"]["decision"],
        "deny"
    );
    for (name, payload) in [
        ("remember", "x"),
        ("forget", "1"),
        ("package_install", "cowsay"),
        ("power_reboot", ""),
        ("set_volume", "40"),
        ("open_app", "firefox"),
        ("read_context", ""),
        ("list_files", "/"),
    ] {
        let answer = line(&json!({ "name": name, "payload": payload }).to_string());
        assert_eq!(
            (&answer["status"], &answer["policy"]["rule"]),
            (&json!("deny"), &json!("policy.broken")),
            "{name}: {answer}"
        );
        assert!(answer["policy"]["why"].as_str().unwrap().contains("policy.toml:3:7"), "it says why: {answer}");
    }
    put(&daemon, DESKTOP);
    daemon.signal(Signal::HUP);
    eventually(|| daemon.line(REMEMBER)["status"] == "ok");
    assert!(daemon.end().success());
}

#[test]
fn the_log_names_file_line_and_column_of_a_bad_policy() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.toml"), "version = 1\n[risk]\nlow = \"maybe\"\n").unwrap();
    let mut command = Daemon::command(folder.path());
    command.args(["--stdio", "--policy", &folder.path().join("policy.toml").display().to_string()]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{REMEMBER}").unwrap();
    let said: String = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok).collect();
    assert!(said.contains("policy.toml:3:7"), "{said}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_missing_policy_file_is_as_bad_as_a_wrong_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Daemon::command(folder.path());
    command.args(["--stdio", "--policy", &folder.path().join("nowhere.toml").display().to_string()]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{REMEMBER}").unwrap();
    let mut answer = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut answer).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((&answer["status"], &answer["policy"]["rule"]), (&json!("deny"), &json!("policy.broken")), "{answer}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_bad_configuration_is_an_error_at_start_and_is_not_taken_at_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), "version = 1\nnonsense = 2\n").unwrap();
    let output = Daemon::command(folder.path()).arg("--stdio").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("config.toml") && said.contains("nonsense") && said.contains("line 2"), "{said}");

    std::fs::write(folder.path().join("config.toml"), "version = 1\n").unwrap();
    let mut daemon = Daemon::start(folder.path(), DESKTOP);
    std::fs::write(folder.path().join("config.toml"), "version = 1\n[deadline]\npackage_instal = 3\n").unwrap();
    daemon.signal(Signal::HUP);
    eventually(|| generation(&daemon).1.is_string());
    assert!(generation(&daemon).1.as_str().unwrap().contains("did you mean `package_install`"));
    assert_eq!(daemon.line(REMEMBER)["status"], "ok");
    assert!(daemon.end().success());
}

#[test]
fn a_signal_that_comes_as_soon_as_the_socket_is_there_does_not_end_the_daemon() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let mut daemon = Daemon::start(folder.path(), DESKTOP);
        daemon.signal(Signal::HUP);
        eventually(|| generation(&daemon).0 >= 2);
        assert!(daemon.end().success());
    }
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
