//! `stewardd --simulate`, as authors of clients start it: it says what it is wherever one can look, touches nothing of this machine and
//! leaves nothing behind; and the examples of `contrib/clients/README.md`, tried on it.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::{connect, line_on, records};
use crate::{clients, has};

/// A simulation with its folder.
struct Simulation {
    folder: tempfile::TempDir,
    child: Child,
    /// What it says on standard error, from its start.
    said: Vec<String>,
}

fn stewardd(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stewardd"));
    command
        .env_clear()
        .env("HOME", folder.join("home"))
        .env("TMPDIR", folder)
        .env("XDG_RUNTIME_DIR", folder.join("run"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

impl Simulation {
    fn start(more: &[&str]) -> Simulation {
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "run"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let mut child = stewardd(folder.path()).arg("--simulate").args(more).spawn().unwrap();
        let mut said = Vec::new();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        while !said.last().is_some_and(|l: &String| l.contains("listening on")) {
            said.push(lines.next().unwrap_or_else(|| panic!("it ended: {said:?}")));
        }
        std::thread::spawn(move || lines.for_each(drop));
        Simulation { folder, child, said }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("run/steward/agent.sock")
    }

    fn line(&self, line: &str) -> Value {
        line_on(&mut connect(&self.socket()), line)
    }

    /// Ends it; gives its folder.
    fn end(mut self) -> tempfile::TempDir {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn names(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_simulation_says_that_it_is_one_and_leaves_nothing_behind() {
    let simulation = Simulation::start(&[]);
    assert!(
        simulation.said[0].contains("this is a simulation: nothing on this machine is changed"),
        "{:?}",
        simulation.said
    );
    let own = names(simulation.folder.path()).into_iter().find(|n| n.starts_with("steward-")).unwrap();
    let mode = std::fs::metadata(simulation.folder.path().join(&own)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);

    for line in [r#"{"name":"get_capabilities"}"#, r#"{"name":"get_capabilities","args":{"details":true}}"#] {
        let answer = simulation.line(line);
        assert_eq!(answer["data"]["simulated"], true, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains("simulation"), "{answer}");
        let keys: Vec<&String> = answer["capabilities"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["actions", "ipc_version", "protocol_version"]);
    }
    let details = simulation.line(r#"{"name":"get_capabilities","args":{"details":true}}"#);
    let missing = details["data"]["actions"].as_array().unwrap().iter().find(|a| a["available"] != true);
    assert_eq!(missing, None);

    let held = simulation.line(r#"{"name":"power_reboot"}"#);
    assert_eq!((&held["message"], &held["data"]["simulated"]), (&json!("user confirmation required"), &json!(true)));
    assert_eq!(held["preview"]["summary"], "Restart the machine (simulated)");
    let done = simulation.line(&json!({ "name": "confirm", "payload": held["confirmation_id"] }).to_string());
    assert_eq!((&done["message"], &done["data"]["simulated"]), (&json!("Restarting now (simulated)."), &json!(true)));
    // The machine goes on, and notes are real ones.
    let note = simulation.line(r#"{"name":"remember","payload":"x"}"#);
    assert_eq!((&note["message"], &note["data"]["simulated"]), (&json!("I'll remember that."), &Value::Null));

    let log = records(&simulation.folder.path().join(&own).join("state/audit/audit.jsonl"));
    for kind in ["started", "judged"] {
        let record = log.iter().find(|r| r["kind"] == kind).unwrap();
        assert_eq!(record["data"]["simulated"], true, "{record}");
    }
    let folder = simulation.end();
    assert_eq!(names(folder.path()), ["home", "run"]);
    assert_eq!(names(&folder.path().join("home")), Vec::<String>::new());
}

#[test]
fn what_is_well_said_of_something_that_is_not_there_is_read_as_it_was_meant_and_answered_with_near_names() {
    let simulation = Simulation::start(&[]);
    for (said, action, missing, near) in [
        ("please install the cowsayy package", "package_install", "cowsayy", "cowsay"),
        ("open firefoxx for me", "open_app", "firefoxx", "firefox"),
    ] {
        let line = |name: &str| simulation.line(&json!({ "name": name, "payload": said }).to_string());
        let read = line("explain");
        assert_eq!(read["data"]["parse"]["action"], action, "{read}");
        let answer = line("natural_language");
        assert_eq!((&answer["status"], &answer["data"]["not_found"]), (&json!("error"), &json!(missing)), "{answer}");
        assert!(answer["data"]["near"].to_string().contains(near), "{answer}");
    }
}

#[test]
fn a_simulation_keeps_state_where_it_is_told_and_is_never_the_machines_service() {
    let state = tempfile::tempdir().unwrap();
    let at = state.path().join("state");
    let simulation = Simulation::start(&["--state-dir", at.to_str().unwrap()]);
    drop(simulation.line(r#"{"name":"remember","payload":"x"}"#));
    let folder = simulation.end();
    assert_eq!(names(folder.path()), ["home", "run"]);
    assert!(at.join("memory.jsonl").exists());
    let refused = stewardd(folder.path()).args(["--simulate", "--system"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
}

/// The blocks of the README that are marked `sh`, and what it shows after each.
fn examples() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(clients().join("README.md")).unwrap();
    let block = |rest: &str| rest.split_once("\n```").map(|(block, _)| block.to_owned()).unwrap();
    let parts = text.split("```sh\n").skip(1);
    parts.map(|part| (block(part), part.split_once("```text\n").map(|(_, shown)| block(shown)).unwrap())).collect()
}

/// What differs from disk to disk is left out of the page.
fn without_sizes(said: &str) -> String {
    let lines = said.lines().map(|line| match line.split_once("free space: ") {
        Some((before, _)) => format!("{before}free space: …"),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn run(example: &str, socket: &Path) -> Output {
    let mut command = Command::new("/usr/bin/bash");
    command.args(["-euc", example]).current_dir(clients()).env_clear().env("PATH", "/usr/bin:/bin");
    command.env("STEWARD_SOCKET", socket).env("LC_ALL", "C.UTF-8").env("PYTHONDONTWRITEBYTECODE", "1");
    command.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn the_examples_of_the_readme_do_what_it_shows() {
    if !["python3", "node", "socat"].iter().all(|p| has(p)) {
        return;
    }
    let examples = examples();
    assert_eq!(examples.len(), 4, "one for each client");
    for (example, shown) in examples {
        let simulation = Simulation::start(&[]);
        let output = run(&example, &simulation.socket());
        let said = String::from_utf8(output.stdout).unwrap();
        let wrong = String::from_utf8(output.stderr).unwrap();
        assert_eq!(without_sizes(said.trim_end()), shown, "{example}\n{wrong}");
        drop(simulation.end());
    }
}
