//! Commands in a sandbox: judged, shown, asked about, run by the built daemon.

use serde_json::{Value, json};

use crate::support::{Daemon, desktop_and, eventually};

const RULES: &str = r#"
[[rule]]
id       = "test.echo"
actions  = ["exec"]
decision = "ok"
args.argv = { program = ["/usr/bin/echo", "/usr/bin/id", "/usr/bin/yes", "/usr/bin/sleep"] }

[[rule]]
id       = "test.touch"
actions  = ["exec"]
decision = "ok"
sandbox  = "rw-cwd-nonet"
args.argv = { program = ["/usr/bin/touch"] }

[[rule]]
id       = "test.no-dd"
actions  = ["exec"]
decision = "deny"
why      = "No raw copies."
args.argv = { program = ["/usr/bin/dd"] }
"#;

struct Running {
    folder: tempfile::TempDir,
    daemon: Daemon,
}

fn running() -> Running {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path(), &desktop_and(RULES));
    Running { folder, daemon }
}

impl Running {
    fn exec(&self, args: Value) -> Value {
        self.daemon.line(&json!({ "name": "exec", "args": args }).to_string())
    }

    /// A folder that the command can write to: as root it is nobody's.
    fn work(&self) -> std::path::PathBuf {
        let work = self.folder.path().join("work");
        std::fs::create_dir_all(&work).unwrap();
        let open = |path: &std::path::Path, mode| {
            std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        };
        open(self.folder.path(), 0o755);
        open(&work, 0o777);
        work
    }

    fn audit(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("state/audit/audit.jsonl")).unwrap()
    }
}

#[test]
fn a_command_that_a_rule_allows_runs_in_the_strict_sandbox() {
    let running = running();
    let answer = running.exec(json!({ "argv": ["/bin/echo", "a  b", "$HOME", "`id`"] }));
    assert_eq!(
        (&answer["status"], &answer["message"]),
        (&json!("ok"), &json!("`/bin/echo` ended with 0.\na  b $HOME `id`")),
        "{answer}"
    );
    let data = &answer["data"];
    assert_eq!((&data["stdout"], &data["exit_code"]), (&json!("a  b $HOME `id`\n"), &json!(0)));
    assert_eq!((&data["sandbox"], &data["stdout_truncated"]), (&json!("ro-nonet"), &json!(false)));
    // A program that ends badly is not a request that failed.
    let answer = running.exec(json!({ "argv": ["/usr/bin/id", "--no-such-option"] }));
    assert_eq!((&answer["status"], &answer["data"]["exit_code"]), (&json!("ok"), &json!(1)), "{answer}");
    // As root a command is nobody, and otherwise who the agent is.
    let id = running.exec(json!({ "argv": ["/usr/bin/id", "-u"] }));
    assert_ne!(id["data"]["stdout"], "0\n");
}

#[test]
fn a_command_that_no_rule_names_waits_and_shows_its_sandbox() {
    let running = running();
    let work = running.work();
    let held = running.exec(json!({ "argv": ["/bin/ls", "a b"], "cwd": work, "env": { "LC_ALL": "C" } }));
    assert_eq!(held["status"], "confirm", "{held}");
    let effect = &held["preview"]["effects"][0];
    assert_eq!((&effect["verb"], &effect["object"]), (&json!("run"), &json!("/bin/ls \"a b\"")));
    assert_eq!(effect["from"].as_str(), work.to_str());
    assert!(effect["to"].as_str().unwrap().starts_with("ro-cwd-nonet: reads the system's own files"), "{effect}");
    assert_eq!(held["preview"]["effects"][1]["object"], "LC_ALL");
    let confirmed = running.daemon.line(&json!({ "name": "confirm", "payload": held["confirmation_id"] }).to_string());
    assert_eq!((&confirmed["status"], &confirmed["action"]), (&json!("ok"), &json!("exec")), "{confirmed}");
    assert_eq!(confirmed["data"]["exit_code"], 2, "there is no such file");
    // What a request asks for beyond the strict sandboxes is asked about, whatever the rule for the program is.
    let asked = running.exec(json!({ "argv": ["/bin/echo"], "sandbox": "rw-cwd-net", "cwd": work }));
    assert_eq!(
        (&asked["status"], &asked["policy"]["rule"]),
        (&json!("confirm"), &json!("risk.destructive")),
        "{asked}"
    );
    let none = running.exec(json!({ "argv": ["/bin/echo"], "sandbox": "none" }));
    assert_eq!((&none["status"], &none["policy"]["rule"]), (&json!("deny"), &json!("risk.critical")), "{none}");
}

#[test]
fn a_rule_gives_a_command_its_sandbox() {
    let running = running();
    let work = running.work();
    let answer = running.exec(json!({ "argv": ["/usr/bin/touch", "made"], "cwd": work }));
    assert_eq!((&answer["status"], &answer["data"]["sandbox"]), (&json!("ok"), &json!("rw-cwd-nonet")), "{answer}");
    assert!(work.join("made").exists());
    let outside = running.exec(json!({ "argv": ["/usr/bin/touch", running.folder.path().join("out")], "cwd": work }));
    assert_eq!(outside["data"]["exit_code"], 1, "{outside}");
    assert!(!running.folder.path().join("out").exists());
    // Without a folder there is nothing to write to, and where programs are started from is no place for it.
    for cwd in [Value::Null, json!("/"), json!("/etc"), json!("~"), json!(running.folder.path().join("state"))] {
        let answer = running.exec(json!({ "argv": ["/usr/bin/touch", "made"], "cwd": cwd }));
        assert_eq!((&answer["status"], &answer["code"]), (&json!("error"), &json!("invalid_payload")), "{answer}");
    }
}

#[test]
fn a_denied_command_is_denied_by_its_real_folder() {
    let running = running();
    for program in ["/usr/bin/dd", "/bin/dd", "/usr/bin//dd", "/usr/./bin/dd"] {
        let answer = running.exec(json!({ "argv": [program] }));
        assert_eq!((&answer["status"], &answer["policy"]["rule"]), (&json!("deny"), &json!("test.no-dd")), "{answer}");
    }
}

#[test]
fn a_command_that_cannot_be_meant_is_refused_before_anything_runs() {
    let running = running();
    for (args, code) in [
        (json!({ "argv": [] }), "invalid_payload"),
        (json!({ "argv": ["echo"] }), "invalid_payload"),
        (json!({ "argv": ["/bin/echo"], "env": { "LD_PRELOAD": "/tmp/x.so" } }), "invalid_payload"),
        (json!({ "argv": ["/bin/echo"], "env": { "PATH": "/tmp" } }), "invalid_payload"),
        (json!({ "argv": ["/bin/echo"], "env": { "ANYTHING": "x" } }), "invalid_payload"),
        (json!({ "argv": ["/bin/echo"], "timeout_sec": 61 }), "invalid_payload"),
        (json!({ "argv": ["/bin/echo"], "timeout_sec": 0 }), "invalid_payload"),
        (json!({ "argv": ["/bin/echo"], "sandbox": "no-such" }), "invalid_payload"),
        (json!({ "argv": ["/bin/echo"], "sandbox": "ro-cwd-nonet" }), "invalid_payload"),
        (json!({ "argv": ["/bin/echo"], "as_root": true }), "invalid_payload"),
        (json!({ "argv": ["/no/such/program"] }), "failed"),
        (json!({ "argv": ["/etc/hostname"] }), "failed"),
        (json!({ "argv": ["/proc/self/exe"] }), "failed"),
        (json!({ "argv": ["/bin/echo"], "cwd": "/no/such/folder" }), "failed"),
        (json!({ "argv": ["/bin/echo"], "cwd": "../.." }), "invalid_payload"),
    ] {
        let answer = running.exec(args.clone());
        assert_eq!((&answer["status"], &answer["code"]), (&json!("error"), &json!(code)), "{args}: {answer}");
    }
}

#[test]
fn at_its_deadline_a_command_ends_and_what_it_wrote_is_told() {
    let running = running();
    let answer = running.exec(json!({ "argv": ["/bin/sleep", "50"], "timeout_sec": 1 }));
    assert_eq!((&answer["status"], &answer["code"]), (&json!("error"), &json!("timed_out")), "{answer}");
    let answer = running.exec(json!({ "argv": ["/usr/bin/yes"], "timeout_sec": 1 }));
    assert_eq!(answer["code"], "timed_out", "{answer}");
    assert_eq!(answer["data"]["stdout"].as_str().unwrap().len(), 16 * 1024);
    assert_eq!(answer["data"]["stdout_truncated"], true);
}

#[test]
fn a_command_does_not_outlive_the_agent() {
    let running = running();
    let socket = running.daemon.socket();
    let marker = format!("1000.{}", std::process::id());
    let sleep = json!({ "name": "exec", "args": { "argv": ["/bin/sleep", marker], "timeout_sec": 60 } }).to_string();
    let asking = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let mut client = std::os::unix::net::UnixStream::connect(socket).unwrap();
        client.write_all(format!("{sleep}\n").as_bytes()).unwrap();
        // It is cut off when the agent is gone.
        let _cut_off = client.read_to_end(&mut Vec::new());
    });
    let sleeps = || {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let of = |entry: std::fs::DirEntry| std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        all.map(of).filter(|c| *c == format!("/bin/sleep\0{marker}\0").into_bytes()).count()
    };
    eventually(|| sleeps() == 1);
    running.daemon.signal(rustix::process::Signal::KILL);
    eventually(|| sleeps() == 0);
    asking.join().unwrap();
}

#[test]
fn so_many_commands_run_at_once_and_no_more() {
    let running = running();
    let sleep = json!({ "name": "exec", "args": { "argv": ["/bin/sleep", "3"], "timeout_sec": 20 } }).to_string();
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..20).map(|_| scope.spawn(|| running.daemon.line(&sleep))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let ran = answers.iter().filter(|a| a["status"] == "ok").count();
    let refused = answers.iter().filter(|a| a["code"] == "overloaded").count();
    assert!(ran >= 16 && refused > 0 && ran + refused == 20, "{answers:?}");
}

#[test]
fn the_audit_log_has_the_command_and_neither_values_nor_output() {
    let running = running();
    let answer = running.exec(json!({ "argv": ["/bin/echo", "what-was-said"], "env": { "TZ": "a-private-value" } }));
    assert_eq!(answer["status"], "ok", "{answer}");
    let log = running.audit();
    assert!(log.contains("what-was-said") && log.contains("ro-nonet") && log.contains("[redacted]"), "{log}");
    assert!(!log.contains("a-private-value") && !log.contains("what-was-said\\n"), "{log}");
}

#[test]
fn what_was_approved_is_the_program_that_runs_or_none() {
    let running = running();
    let work = running.work();
    let tool = work.join("tool");
    let write = |text: &str| {
        std::fs::write(&tool, text).unwrap();
        std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    };
    std::fs::set_permissions(&work, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    write("#!/bin/sh\necho shown\n");
    let held = running.exec(json!({ "argv": [tool] }));
    assert_eq!(held["status"], "confirm", "{held}");
    write("#!/bin/sh\necho another\n");
    let answer = running.daemon.line(&json!({ "name": "confirm", "payload": held["confirmation_id"] }).to_string());
    assert_eq!(answer["code"], "confirmation_changed", "{answer}");
    let again =
        running.daemon.line(&json!({ "name": "confirm", "payload": answer["data"]["confirmation_id"] }).to_string());
    assert!(again["status"] == "ok" || answer["data"]["confirmation_id"].is_null(), "{again}");
}
