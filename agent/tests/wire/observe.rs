//! Tools that look at the machine: what they are given, run by the built daemon in its sandbox.

use serde_json::{Value, json};

use crate::support::{DESKTOP, Daemon};

struct Running {
    folder: tempfile::TempDir,
    daemon: Daemon,
}

fn running() -> Running {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path(), DESKTOP);
    Running { folder, daemon }
}

impl Running {
    fn observe(&self, tool: &str, args: &[&str]) -> Value {
        self.daemon.line(&json!({ "name": "observe", "args": { "tool": tool, "args": args } }).to_string())
    }
}

#[test]
fn processes_are_looked_at_and_nobody_is_asked() {
    let running = running();
    let answer = running.observe("ps", &["-eo", "pid,comm"]);
    assert_eq!((&answer["status"], &answer["data"]["exit_code"]), (&json!("ok"), &json!(0)), "{answer}");
    let listed = answer["data"]["stdout"].as_str().unwrap();
    assert!(listed.lines().next().unwrap().contains("PID COMMAND") && listed.lines().count() > 2, "{listed}");
    assert_eq!(answer["data"]["argv"], json!(["ps", "-eo", "pid,comm"]));
    // More than is kept is cut, and said to be.
    let long = running.observe("ps", &["-eo", "pid,args,args,args,args,args,args,args,args", "-ww"]);
    let stdout = long["data"]["stdout"].as_str().unwrap();
    assert_eq!((stdout.len() == 8192, &long["data"]["stdout_truncated"]), (true, &json!(true)), "{}", stdout.len());
    let top = running.observe("top", &[]);
    assert_eq!((&top["status"], &top["data"]["exit_code"]), (&json!("ok"), &json!(0)), "{top}");
    assert!(top["data"]["stdout"].as_str().unwrap().contains("Tasks:"), "{top}");
}

#[test]
fn no_tool_is_made_to_run_or_write_anything() {
    let running = running();
    let file = running.folder.path().join("written");
    let (path, output) = (file.to_str().unwrap(), format!("--output={}", file.display()));
    let cursor = format!("--cursor-file={path}");
    for (tool, args) in [
        ("perf", &["stat", "--", "/usr/bin/touch", path][..]),
        ("perf", &["record", "-o", path, "-a", "--", "/bin/true"]),
        ("perf", &["list", &output]),
        ("bpftrace", &["-e", "BEGIN { system(\"id\"); exit(); }"]),
        ("bpftrace", &["-c", "/usr/bin/touch"]),
        ("journalctl", &["--vacuum-time=1s"]),
        ("journalctl", &["--rotate"]),
        ("journalctl", &[&cursor]),
        ("journalctl", &["--file", path]),
        ("ps", &["auxe"]),
        ("ps", &["-o", "environ"]),
    ] {
        let answer = running.observe(tool, args);
        assert_eq!(
            (&answer["status"], &answer["code"]),
            (&json!("error"), &json!("invalid_payload")),
            "{args:?}: {answer}"
        );
        assert!(answer["message"].as_str().unwrap().len() > 30, "{answer}");
        assert!(!file.exists(), "{args:?}");
    }
    let unknown = running.observe("strace", &["-o", path]);
    assert_eq!(unknown["code"], "invalid_payload", "{unknown}");
}

#[test]
fn the_journal_and_events_are_looked_at_where_their_tools_are() {
    let running = running();
    for (tool, program, args) in [
        ("journalctl", "/usr/bin/journalctl", &["-n", "3"][..]),
        ("perf", "/usr/bin/perf", &["version"]),
        ("bpftrace", "/usr/bin/bpftrace", &["--version"]),
    ] {
        let answer = running.observe(tool, args);
        match std::path::Path::new(program).exists() {
            true => {
                assert_eq!((&answer["status"], &answer["data"]["signal"]), (&json!("ok"), &Value::Null), "{answer}")
            }
            false => {
                assert_eq!(answer["code"], "unavailable", "{answer}");
                assert!(answer["message"].as_str().unwrap().contains(program), "{answer}");
            }
        }
    }
}
