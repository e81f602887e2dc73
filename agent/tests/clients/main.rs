//! The clients of `contrib/clients` against the built daemon, as an author would use them. Each language has a program that drives its
//! client and fails at the first thing that is not so; what no daemon can be brought to say is said by a few lines in its place.
//!
//! Without the language a test says so and passes; with `STEWARD_TEST_REAL=1` that is a failure.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests start the daemon and clients; the daemon starts nothing here"
)]
#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../support/mod.rs"]
mod support;

mod assistant;
mod simulated;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use support::{Daemon, desktop_and};

/// A policy under which keeping a note is asked about.
const ASK: &str = "[[rule]]\nid = \"local.ask\"\nactions = [\"remember\"]\ndecision = \"confirm\"\nwhy = \"Notes are asked about here.\"\n";

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib/clients").canonicalize().unwrap()
}

/// Whether a program is there; says what is skipped if not.
fn has(program: &str) -> bool {
    let there = Path::new("/usr/bin").join(program).exists();
    assert!(there || std::env::var("STEWARD_TEST_REAL").as_deref() != Ok("1"), "`{program}` is not installed");
    if !there {
        println!("skipped: `{program}` is not installed");
    }
    there
}

/// What runs a client.
#[derive(Clone)]
struct Driver {
    words: Vec<String>,
    path: String,
}

impl Driver {
    fn new(program: &str, file: &str) -> Driver {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(file);
        Driver { words: vec![format!("/usr/bin/{program}"), file.display().to_string()], path: "/usr/bin:/bin".into() }
    }

    /// The driver on its way through a scenario.
    fn start(&self, scenario: &str, socket: &Path) -> Child {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).arg(scenario).arg(socket).env_clear();
        command
            .env("CLIENTS", clients())
            .env("PATH", &self.path)
            .env("LC_ALL", "C.UTF-8")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn run(&self, scenario: &str, socket: &Path) {
        well(&self.words, scenario, self.start(scenario, socket));
    }
}

/// Waits for the end of a driver, which must be a good one.
#[track_caller]
fn well(words: &[String], scenario: &str, child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?} {scenario}: {}: {said}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Reads the lines of a driver until one is this.
fn until(out: &mut impl BufRead, wanted: &str) {
    loop {
        let mut line = String::new();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended before `{wanted}`");
        if line.trim_end() == wanted {
            return;
        }
    }
}

/// The clients of these languages, where they are.
fn python() -> Option<Driver> {
    has("python3").then(|| Driver::new("python3", "drive.py"))
}

fn node() -> Option<Driver> {
    has("node").then(|| Driver::new("node", "drive.mjs"))
}

/// The shell client with each shell and each program that joins it with the socket, and nothing else to fall back on.
fn shells(folder: &Path) -> Vec<Driver> {
    let mut drivers = Vec::new();
    for (name, program, awk) in [("socat", "socat", "mawk"), ("ncat", "ncat", "gawk"), ("nc", "nc.openbsd", "mawk")] {
        let real = Path::new(if program == "nc.openbsd" { "/bin" } else { "/usr/bin" }).join(program);
        if !has(real.file_name().unwrap().to_str().unwrap()) || !has(awk) {
            continue;
        }
        let tools = folder.join(name);
        std::fs::create_dir(&tools).unwrap();
        for tool in ["sh", "timeout", "grep", "wc", "dirname", "basename"] {
            std::os::unix::fs::symlink(Path::new("/usr/bin").join(tool), tools.join(tool)).unwrap();
        }
        std::os::unix::fs::symlink(real, tools.join(name)).unwrap();
        std::os::unix::fs::symlink(Path::new("/usr/bin").join(awk), tools.join("awk")).unwrap();
        for shell in ["dash", "bash"] {
            drivers.push(Driver { path: tools.display().to_string(), ..Driver::new(shell, "drive.sh") });
        }
    }
    drivers
}

/// An agent of a few lines: answers each request with these bytes and hangs up; with none it never answers.
fn stand_in(folder: &Path, name: &str, answer: Option<Vec<u8>>) -> PathBuf {
    let path = folder.join(name);
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            let asked = BufReader::new(&stream).read_line(&mut line).unwrap_or(0);
            match &answer {
                // The client may have gone away, which is what it is tested for.
                Some(answer) if asked > 0 => drop(stream.write_all(answer)),
                None if asked > 0 => held.push(stream),
                _ => {}
            }
        }
    });
    path
}

/// An answer whose message is this.
fn answer(message: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut answer = steward_ipc::Response::new("ping", steward_ipc::Status::Ok, message.to_owned());
    answer.data = Some(Box::new(serde_json::json!({})));
    answer.encode(&mut out);
    out
}

/// What needs no daemon, or one that is not as it should be.
fn troubles(driver: &Driver, folder: &Path) {
    let socket = |name: &str, answer| stand_in(folder, name, answer);
    driver.run("nobody", &folder.join("nobody"));
    driver.run("long", &socket("long", Some(answer(&"é".repeat(600_000)))));
    driver.run("dies", &socket("cut", Some(answer("pong")[..50].to_vec())));
    driver.run("dies", &socket("mute", Some(Vec::new())));
    driver.run("late", &socket("late", None));
    let dropped = b"{\"version\":1,\"event\":\"dropped\",\"data\":{\"reason\":\"slow_reader\"}}\n";
    driver.run("dropped", &socket("dropped", Some([answer("Subscribed.").as_slice(), dropped].concat())));
}

/// Follows the events of a daemon until it ends in order.
fn events(driver: &Driver, folder: &Path) {
    let mut daemon = Daemon::start(folder, &desktop_and(""));
    let mut child = driver.start("events", &daemon.socket());
    let mut out = BufReader::new(child.stdout.take().unwrap());
    until(&mut out, "connected");
    // Some client is subscribed when an event arrives; the first may come before.
    let (sent, seen) = std::sync::mpsc::channel();
    let reading = std::thread::spawn(move || {
        let lines: Vec<String> = out
            .lines()
            .map(Result::unwrap)
            .inspect(|l| {
                if l.contains("action_finished") {
                    sent.send(()).unwrap();
                }
            })
            .collect();
        lines
    });
    while seen.recv_timeout(std::time::Duration::from_millis(20)).is_err() {
        daemon.line(r#"{"name":"remember","payload":"x"}"#);
    }
    assert!(daemon.end().success());
    let lines = reading.join().unwrap();
    assert!(lines.last().unwrap().contains("agent_stopping"), "{lines:?}");
    well(&driver.words, "events", child);
}

/// Kills the daemon while the client waits for an answer.
fn dies(driver: &Driver, folder: &Path) {
    let mut daemon = Daemon::start(folder, &desktop_and(""));
    daemon.signal(Signal::STOP);
    driver.run("late", &daemon.socket());
    let mut child = driver.start("dies", &daemon.socket());
    let mut out = BufReader::new(child.stdout.take().unwrap());
    until(&mut out, "connected");
    daemon.child.kill().unwrap();
    daemon.child.wait().unwrap();
    well(&driver.words, "dies", child);
}

#[test]
fn the_python_client_does_what_the_protocol_says() {
    let Some(driver) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path(), &desktop_and(ASK));
    driver.run("everyday", &daemon.socket());
}

#[test]
fn the_python_client_says_what_is_known_when_the_agent_is_not_well() {
    let Some(driver) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    troubles(&driver, folder.path());
    driver.run("malformed", &stand_in(folder.path(), "malformed", Some(b"{\"version\":1,\n".to_vec())));
    events(&driver, folder.path());
    dies(&driver, folder.path());
}

#[test]
fn the_node_client_does_what_the_protocol_says() {
    let Some(driver) = node() else { return };
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path(), &desktop_and(ASK));
    driver.run("everyday", &daemon.socket());
}

#[test]
fn the_node_client_says_what_is_known_when_the_agent_is_not_well() {
    let Some(driver) = node() else { return };
    let folder = tempfile::tempdir().unwrap();
    troubles(&driver, folder.path());
    driver.run("malformed", &stand_in(folder.path(), "malformed", Some(b"{\"version\":1,\n".to_vec())));
    events(&driver, folder.path());
    dies(&driver, folder.path());
}

#[test]
fn the_shell_client_does_what_the_protocol_says_with_each_shell_and_each_connector() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path(), &desktop_and(ASK));
    for driver in shells(folder.path()) {
        driver.run("everyday", &daemon.socket());
    }
}

#[test]
fn the_shell_client_says_what_is_known_when_the_agent_is_not_well() {
    let folder = tempfile::tempdir().unwrap();
    for (n, driver) in shells(folder.path()).iter().enumerate().step_by(2) {
        let own = folder.path().join(format!("of-{n}"));
        std::fs::create_dir(&own).unwrap();
        troubles(driver, &own);
        events(driver, &own);
    }
}
