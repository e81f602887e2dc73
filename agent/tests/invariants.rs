//! The invariants of ARCHITECTURE.md that are absences, held by reading the sources: what a folder never names. What the compiler, clippy
//! or a test that runs something holds is not here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};

/// A source file without its tests, line by line.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The lines of code, with their numbers: what begins as a comment is none.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(n, line)| (n + 1, line.trim()));
        lines.filter(|(_, line)| !line.starts_with("//"))
    }
}

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The sources at `path`, a file or a folder, but those that are tests.
fn sources(path: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open = vec![root().join(path)];
    while let Some(at) = open.pop() {
        let name = at.file_name().unwrap().to_str().unwrap().to_owned();
        if at.is_dir() {
            if name != "tests" {
                open.extend(std::fs::read_dir(&at).unwrap().map(|e| e.unwrap().path()));
            }
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&at).unwrap();
            let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
            let path = at.strip_prefix(root()).unwrap().display().to_string();
            found.push(Source { path, text: text[..end].to_owned() });
        }
    }
    assert!(!found.is_empty(), "{path} has no sources");
    found
}

/// Every line of code beneath `folder` that `is_wrong`, as `file:line: code`; those in `but` may.
fn wrong(folder: &str, but: &[&str], is_wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let all = sources(folder);
    let others = all.iter().filter(|s| !but.iter().any(|b| s.path.starts_with(b)));
    let lines = others.flat_map(|s| s.code().map(move |(n, line)| (s, n, line)));
    lines.filter(|(.., line)| is_wrong(line)).map(|(s, n, line)| format!("{}:{n}: {line}", s.path)).collect()
}

/// Whether `line` names one of these.
fn names(line: &str, these: &[&str]) -> bool {
    these.iter().any(|word| line.contains(word))
}

/// The modules of this crate that a line names.
fn modules(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap())
}

/// What reaches out of a computation.
const OUTSIDE: [&str; 13] = [
    "std::fs",
    "std::io",
    "TcpStream",
    "UdpSocket",
    "std::os",
    "std::env",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant",
    "tokio",
    "rustix",
    "async ",
];

#[test]
fn doors_know_no_policy_and_no_backend() {
    const KNOWN: [&str; 6] = ["action", "caller", "core", "events", "reply", "request"];
    // The word of a verdict is what they tell.
    let policy = |line: &str| line.replace("use steward_policy::Decision;", "").contains("steward_policy");
    let beyond = |line: &str| policy(line) || modules(line).any(|m| !KNOWN.contains(&m));
    assert_eq!(wrong("agent/src/door", &[], beyond), [""; 0]);
    // Of the actions they know the types and limits of arguments, and none that acts.
    let acts = |line: &str| line.contains("Perform") || line.contains("Context<");
    assert_eq!(wrong("agent/src/door", &[], acts), [""; 0]);
    let calls = ["handle", "plan", "watch", "malformed", "rejected", "clone"];
    let other = |line: &str| {
        let called = line.split("core.").skip(1).filter_map(|rest| rest.split_once('(')).map(|(name, _)| name);
        called.into_iter().any(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_') && !calls.contains(&name))
    };
    assert_eq!(wrong("agent/src/door", &[], other), [""; 0]);
}

/// What a crate is built of, by its manifest.
fn dependencies(of: &str) -> Vec<String> {
    let manifest = std::fs::read_to_string(root().join(of).join("Cargo.toml")).unwrap();
    let listed = manifest.split_once("[dependencies]\n").unwrap().1.split("\n\n").next().unwrap();
    let mut names: Vec<String> = listed.lines().map(|l| l.split(['.', ' ']).next().unwrap().to_owned()).collect();
    names.sort_unstable();
    names
}

#[test]
fn the_interpreter_has_no_io_no_clock_and_no_async() {
    assert_eq!(wrong("interpret/src", &[], |line| names(line, &OUTSIDE)), [""; 0]);
    assert_eq!(dependencies("interpret"), ["serde_json", "steward-policy", "thiserror", "url"], "each is pure");
}

#[test]
fn the_policy_engine_has_no_io_no_clock_and_no_async() {
    assert_eq!(wrong("policy/src", &[], |line| names(line, &OUTSIDE)), [""; 0]);
    let pure = ["psl", "regex", "serde", "serde_json", "sha2", "strsim", "thiserror", "toml", "url"];
    assert_eq!(dependencies("policy"), pure);
}

#[test]
fn only_the_gate_makes_a_permit_and_only_execute_takes_it() {
    assert_eq!(wrong("agent/src", &["agent/src/gate/"], |line| names(line, &["Approved {", "Approved::"])), [""; 0]);
    let takes = |line: &str| names(line, &["into_parts()", ".run(cx, ready)", "action.run("]);
    assert_eq!(wrong("agent/src", &["agent/src/execute.rs", "agent/src/action/"], takes), [""; 0]);
    assert!(!wrong("agent/src/execute.rs", &[], takes).is_empty());
}

#[test]
fn only_the_backend_names_the_bus_library() {
    for folder in ["agent/src", "cli/src", "interpret/src", "ipc/src", "policy/src"] {
        assert_eq!(wrong(folder, &["agent/src/backend/"], |line| line.contains("zbus::")), [""; 0]);
    }
}

#[test]
fn a_caller_is_made_of_a_peer_or_of_this_process_and_of_no_bytes() {
    let makes = |line: &str| line.contains("Caller {") && !line.contains("AuditCaller {") && !line.starts_with("impl");
    let made: Vec<String> = wrong("agent/src", &["agent/src/caller/"], |line| makes(line) && !line.contains("->"));
    assert_eq!(made, [""; 0]);
    let callers = sources("agent/src/caller/mod.rs");
    let (before, _) = callers[0].text.split_once("pub struct Caller {").unwrap();
    let derives = before.lines().rev().find(|l| l.starts_with("#[derive")).unwrap();
    assert_eq!(derives, "#[derive(Debug)]", "it is read from nothing");
    let makers = |line: &str| line.contains("fn ") && line.contains("-> Caller") || line.contains("io::Result<Caller>");
    let makers = wrong("agent/src/caller", &[], makers);
    let taking: Vec<&str> = makers.iter().map(|m| m.split_once("fn ").unwrap().1).collect();
    assert_eq!(
        taking,
        [
            "from_peer(stream: Arc<UnixStream>, door: Door, socket: Option<Arc<str>>) -> io::Result<Caller> {",
            "own(door: Door) -> Caller {",
            "this_process(door: Door) -> Caller {",
        ]
    );
}

#[test]
fn every_queue_and_every_read_has_a_limit_and_every_time_a_name() {
    for folder in ["agent/src", "cli/src", "ipc/src"] {
        // Queues without an end. The command's own progress is written by its one request.
        let endless = |line: &str| {
            names(
                line,
                &["unbounded_channel", "mpsc::channel()", "mpsc::{Receiver, RecvTimeoutError, Sender, channel}"],
            )
        };
        assert_eq!(wrong(folder, &["cli/src/progress.rs"], endless), [""; 0]);
        // A file is read up to a limit, but for what the kernel makes up, and the folder of the laptop that is not there.
        let whole = |line: &str| {
            let reads = line.contains("fs::read(") || line.contains("fs::read_to_string(");
            let rest = line.contains("read_to_end(") || line.contains("read_to_string(&mut");
            (reads && !line.contains("\"/proc/") && !line.contains("read = |path: &str|"))
                || (rest && !line.contains(".take("))
        };
        assert_eq!(wrong(folder, &["agent/src/backend/simulate/"], whole), [""; 0]);
        // A number of seconds stands beside its name.
        let unnamed = |line: &str| {
            let number = ["from_secs(", "from_millis(", "from_micros("]
                .iter()
                .any(|from| line.split(from).skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit())));
            number && !names(line, &["const ", "static "])
        };
        assert_eq!(wrong(folder, &["agent/src/backend/simulate/"], unnamed), [""; 0]);
        let queue = |line: &str| {
            names(line, &["channel(", "Semaphore::new("])
                && line.split(['(']).skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        assert_eq!(wrong(folder, &[], queue), [""; 0]);
    }
}
