//! Action plans, as a client of the built daemon sees them.

#![expect(clippy::disallowed_methods, reason = "the tests start the daemon; the daemon starts nothing here")]
#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../support/small_disk.rs"]
mod small_disk;
#[path = "../support/mod.rs"]
mod support;

mod approved;
mod disk;
mod slow;
mod steps;
mod wire;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde_json::{Value, json};
use support::{DESKTOP, Daemon, PATIENCE, eventually, records};

/// A daemon that takes plans, started to work in a folder of its own.
pub(crate) struct Plans {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) daemon: Daemon,
}

/// The token of those that have one.
pub(crate) const TOKEN: &str = "a token for the tests";

impl Plans {
    pub(crate) fn new() -> Plans {
        Plans::with(&[], DESKTOP)
    }

    pub(crate) fn with_token() -> Plans {
        Plans::with(&["--confirm-token", TOKEN], DESKTOP)
    }

    pub(crate) fn with(flags: &[&str], policy: &str) -> Plans {
        Plans::started_in(None, flags, policy)
    }

    /// One that was started in another folder than its own.
    pub(crate) fn started_in(work: Option<&str>, flags: &[&str], policy: &str) -> Plans {
        let folder = tempfile::tempdir().unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("work")).unwrap();
        std::fs::write(at("policy.toml"), policy).unwrap();
        let mut command = Daemon::command(folder.path());
        command
            .current_dir(work.map_or_else(|| at("work"), PathBuf::from))
            .args(flags)
            .stderr(std::process::Stdio::null());
        for (flag, name) in [("--socket", "agent.sock"), ("--plan-socket", "plan.sock"), ("--policy", "policy.toml")] {
            command.arg(flag).arg(at(name));
        }
        let child = command.spawn().unwrap();
        let daemon = Daemon { folder: folder.path().to_owned(), child };
        eventually(|| UnixStream::connect(at("plan.sock")).is_ok());
        Plans { folder, daemon }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.path("plan.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// What comes back for these bytes and the end.
    pub(crate) fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        let mut writer = stream.try_clone().unwrap();
        let bytes = bytes.to_vec();
        let writing = std::thread::spawn(move || {
            writer.write_all(&bytes).unwrap();
            // The daemon may have answered and gone by now.
            drop(writer.shutdown(Shutdown::Write));
        });
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        writing.join().unwrap();
        answer
    }

    /// The answer to a plan.
    pub(crate) fn send(&self, plan: &Value) -> Value {
        let answer = self.raw(plan.to_string().as_bytes());
        serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{e} in {answer}"))
    }

    /// The results of steps that are to be done.
    pub(crate) fn execute(&self, steps: Value) -> Vec<Value> {
        results(&self.send(&plan(steps)))
    }

    /// The same with a token.
    pub(crate) fn execute_with(&self, token: &str, steps: Value) -> Vec<Value> {
        results(&self.send(&confirmed(token, plan(steps))))
    }

    /// Ends the daemon in order and reads its audit log.
    pub(crate) fn end(mut self) -> Vec<Value> {
        assert!(self.daemon.end().success());
        records(&self.path("state/audit/audit.jsonl"))
    }
}

pub(crate) fn plan(steps: Value) -> Value {
    json!({ "request_id": "req-1", "session_id": "sess-1", "version": "0.1", "mode": "execute", "actions": steps })
}

pub(crate) fn confirmed(token: &str, mut plan: Value) -> Value {
    plan["confirmation"] = json!({ "token": token });
    plan
}

pub(crate) fn exec(argv: &[&str]) -> Value {
    json!({ "type": "exec", "argv": argv, "timeout_sec": 30, "as_root": false, "reason": "a test" })
}

pub(crate) fn read(path: &str) -> Value {
    json!({ "type": "read_file", "path": path, "max_bytes": 4096, "reason": "a test" })
}

pub(crate) fn write(path: &str, content: &str) -> Value {
    json!({ "type": "write_file", "path": path, "content": content, "mode": "0644", "reason": "a test" })
}

pub(crate) fn results(answer: &Value) -> Vec<Value> {
    assert!(answer["error"].is_null(), "{answer}");
    answer["results"].as_array().unwrap().clone()
}

pub(crate) fn code(result: &Value) -> &str {
    result["error"]["code"].as_str().unwrap_or("none")
}
