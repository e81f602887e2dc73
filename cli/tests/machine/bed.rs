//! A machine for one test: booted, furnished with the built programs, and spoken to.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longer than anything takes on a computer that does ten other things.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a state is looked at that nothing reports.
const LOOK: Duration = Duration::from_millis(50);
/// The exit status of the script when this computer cannot do it.
const CANNOT: i32 = 77;
/// The agent's socket, for the machine's user.
const SOCKET: &str = "/run/user/1000/steward/agent.sock";

#[expect(clippy::disallowed_methods, reason = "tests look at the world with other programs")]
fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The text of a file of this repository.
pub fn source(path: &str) -> String {
    let path = repository().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The built daemon, beside the built command. Cargo gives a test the programs of its own crate only, so this one is built here
/// where it is missing or older than a source of it; cargo itself wrote down which those are.
fn daemon() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_BIN_EXE_steward")).parent().unwrap();
        let program = folder.join("stewardd");
        let modified = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified());
        let fresh = || -> std::io::Result<bool> {
            let built = modified(&program)?;
            let sources = std::fs::read_to_string(folder.join("stewardd.d"))?;
            let (_, sources) = sources.split_once(": ").unwrap_or_default();
            // A path with a blank in it is cut in two and not found, and the program is built once more.
            let older = sources.split_whitespace().map(|s| Ok(modified(Path::new(s))? <= built));
            older.collect::<std::io::Result<Vec<_>>>().map(|all| !all.is_empty() && all.iter().all(|older| *older))
        };
        if !fresh().unwrap_or(false) {
            let build = ["build", "--quiet", "--profile", profile(), "-p", "steward-agent", "--bin", "stewardd"];
            let built = command(env!("CARGO")).args(build).current_dir(repository()).status().unwrap();
            assert!(built.success() && program.exists(), "cargo {build:?} made no {}", program.display());
        }
        program
    })
}

/// Builds the Debian package with this version, of the programs that are tested; `None`, with a line that says why, where that cannot be.
pub fn package(test: &str, version: &str) -> Option<PathBuf> {
    // Built once for all tests, one at a time.
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut all = BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(path) = all.get(version) {
        return Some(path.clone());
    }
    // Cargo gave this test the one program, and made the other for it.
    assert!(daemon().exists());
    let mut deb = command(repository().join("contrib/packaging/deb"));
    let ended = deb.arg(version).env("PROFILE", profile()).env("NO_BUILD", "1").stdin(Stdio::null()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    if ended.status.code() == Some(CANNOT) {
        skip(test, err.trim());
        return None;
    }
    let path = repository().join(out.lines().last().unwrap_or_default());
    assert!(ended.status.success() && path.is_file(), "{test}: no package: {out}{err}");
    all.insert(version.to_owned(), path.clone());
    Some(path)
}

/// The profile in which these tests, and the programs beside them, were built.
fn profile() -> &'static str {
    match Path::new(env!("CARGO_BIN_EXE_steward")).parent().unwrap().file_name().and_then(|n| n.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    }
}

/// Says that a test does not run, past the capture of the test harness; a failure where everything must run.
fn skip(test: &str, why: &str) {
    assert!(std::env::var_os("STEWARD_TEST_REAL").is_none_or(|v| v != "1"), "{test} cannot run here: {why}");
    let _ = writeln!(std::io::stderr(), "{test}: skipped: {why}");
}

/// How a command in the machine ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub code: i32,
    /// Standard output, without the last line's end.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ended {
    /// Asserts the exit status, with everything that was said when it is another.
    #[track_caller]
    pub fn with(self, code: i32) -> Ended {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// A machine that runs. It is gone when this is dropped, or when the test's process is killed.
#[derive(Debug)]
pub struct Machine {
    name: String,
    boots: u32,
    serving: Child,
    /// Open as long as the machine is wanted.
    _wanted: ChildStdin,
}

impl Machine {
    /// Boots a machine with the built programs in `/usr/bin` and the units and policy of the package; `None`, with a line that says
    /// why, where this computer cannot.
    pub fn boot(test: &str) -> Option<Machine> {
        let steward = Path::new(env!("CARGO_BIN_EXE_steward"));
        let machine = Machine::bare(test, &[(steward, "/usr/bin/steward"), (daemon(), "/usr/bin/stewardd")])?;
        machine.write("/usr/share/steward/policy.d/desktop.toml", &source("policy/shipped/desktop.toml"));
        for unit in ["steward.socket", "steward-plan.socket", "steward.service"] {
            machine.write(&format!("/usr/lib/systemd/user/{unit}"), &source(&format!("contrib/systemd/user/{unit}")));
        }
        machine.root(&["systemctl", "--global", "enable", "steward.socket"]);
        machine.user(&["systemctl", "--user", "daemon-reload"]);
        machine.user(&["systemctl", "--user", "start", "steward.socket"]);
        Some(machine)
    }

    /// Boots a machine that sees these files of this computer, and has nothing of Steward otherwise.
    pub fn bare(test: &str, files: &[(&Path, &str)]) -> Option<Machine> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut serve = script(&["serve", &name]);
        for (file, path) in files {
            let mut bind = OsString::from(file);
            bind.push(":");
            bind.push(path);
            serve.args([OsString::from("--bind"), bind]);
        }
        let mut serving = serve.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let wanted = serving.stdin.take().unwrap();
        let mut said = String::new();
        // The script gives up by itself, so this ends.
        while !said.ends_with("ready\n") {
            let mut line = String::new();
            if BufReader::new(serving.stdout.as_mut().unwrap()).read_line(&mut line).unwrap() == 0 {
                let ended = serving.wait_with_output().unwrap();
                let why = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
                if ended.status.code() == Some(CANNOT) {
                    skip(test, &why);
                    return None;
                }
                panic!("{test}: no machine, {}: {why}", ended.status);
            }
            said += &line;
        }
        Some(Machine { name, boots: 1, serving, _wanted: wanted })
    }

    fn run(&self, user: bool, args: &[&str], input: &str) -> Ended {
        let mut run = script(&["run", &self.name]);
        run.args(user.then_some("--user")).arg("--").args(args);
        let mut child = run.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Who does not read its input closes it.
        let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
        let ended = child.wait_with_output().unwrap();
        Ended {
            code: ended.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&ended.stdout).trim_end().to_owned(),
            err: String::from_utf8_lossy(&ended.stderr).into_owned(),
        }
    }

    /// What a command of the machine's root prints; it must succeed.
    #[track_caller]
    pub fn root(&self, args: &[&str]) -> String {
        self.try_root(args).with(0).out
    }

    /// Runs a command as root.
    pub fn try_root(&self, args: &[&str]) -> Ended {
        self.run(false, args, "")
    }

    /// What a command of the desktop user prints; it must succeed.
    #[track_caller]
    pub fn user(&self, args: &[&str]) -> String {
        self.run(true, args, "").with(0).out
    }

    /// Runs a command as the desktop user.
    pub fn try_user(&self, args: &[&str]) -> Ended {
        self.run(true, args, "")
    }

    /// Runs the command `steward` as the desktop user.
    pub fn steward(&self, args: &[&str]) -> Ended {
        self.run(true, &[&["steward"], args].concat(), "")
    }

    /// Calls an action through the command and gives the response.
    #[track_caller]
    pub fn call(&self, args: &[&str]) -> Value {
        self.steward(&[&["--json", "call"], args].concat()).json()
    }

    /// Takes back what a receipt names, through the command.
    #[track_caller]
    pub fn undo(&self, receipt: &str) {
        self.steward(&["undo", receipt]).with(0);
    }

    /// What is in a file of the machine.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        self.root(&["cat", path])
    }

    /// Writes a file of root's that everybody can read.
    #[track_caller]
    pub fn write(&self, path: &str, text: &str) {
        self.run(false, &["install", "-D", "-m", "644", "/dev/stdin", path], text).with(0);
    }

    /// Has polkit decide by these rules before its own.
    #[track_caller]
    pub fn polkit(&self, rules: &str) {
        self.write("/etc/polkit-1/rules.d/10-test.rules", rules);
        // It would see the file by itself, some time.
        self.root(&["systemctl", "restart", "polkit"]);
    }

    /// Looks until something is so.
    #[track_caller]
    pub fn until(&self, what: &str, mut is_so: impl FnMut(&Machine) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < until, "it never came to be that {what}\n{}", self.journal());
            std::thread::sleep(LOOK);
        }
    }

    /// The last lines of the machine's journal, for the message of a failure.
    pub fn journal(&self) -> String {
        self.try_root(&["journalctl", "--no-pager", "-b", "-n", "40"]).out
    }

    /// A connection to the agent, made by a process of the desktop user.
    pub fn connect(&self) -> Connection {
        let mut socat = script(&["run", &self.name, "--user", "--", "socat", "-"]);
        socat.arg(format!("UNIX-CONNECT:{SOCKET}"));
        let mut child = socat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (said, lines) = std::sync::mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
        Connection { to: child.stdin.take().unwrap(), child, lines }
    }

    /// Waits until the machine has restarted by itself.
    pub fn wait_boot(&mut self) {
        self.boots += 1;
        let waited = script(&["wait-boot", &self.name, &self.boots.to_string()]).status().unwrap();
        assert!(waited.success(), "no boot {}", self.boots);
    }

    /// Waits until the machine has switched itself off, and switches it on again.
    pub fn wait_off_and_on(&mut self) {
        for what in ["wait-off", "power-on"] {
            assert!(script(&[what, &self.name]).status().unwrap().success(), "{what}");
        }
        self.wait_boot();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _gone = script(&["down", &self.name]).status();
        let _reaped = self.serving.wait();
    }
}

/// The script, which does not outlive the patience.
fn script(args: &[&str]) -> Command {
    let mut script = command("/usr/bin/timeout");
    // A machine is served as long as its test takes.
    let limit = if args[0] == "serve" { PATIENCE * 5 } else { PATIENCE * 2 };
    script.arg(limit.as_secs().to_string()).arg(repository().join("contrib/testbed/machine")).args(args);
    script
}

/// A connection to the agent's socket.
#[derive(Debug)]
pub struct Connection {
    child: Child,
    to: ChildStdin,
    lines: Receiver<String>,
}

impl Connection {
    /// The next line.
    #[track_caller]
    pub fn next(&mut self) -> Value {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}")),
            Err(RecvTimeoutError::Timeout) => panic!("no answer"),
            Err(RecvTimeoutError::Disconnected) => panic!("the connection was closed"),
        }
    }

    /// Sends a line and waits for nothing.
    pub fn send(&mut self, line: &Value) {
        writeln!(self.to, "{line}").unwrap();
    }

    /// Sends a line and gives the answer.
    #[track_caller]
    pub fn ask(&mut self, line: &Value) -> Value {
        self.send(line);
        self.next()
    }

    /// Asks for an action with a payload.
    #[track_caller]
    pub fn call(&mut self, name: &str, payload: &str) -> Value {
        self.ask(&json!({ "version": 1, "name": name, "payload": payload }))
    }

    /// Reads events until one with this name comes about this action, and gives all of them.
    #[track_caller]
    pub fn events_to(&mut self, name: &str, action: &str) -> Vec<Value> {
        let mut seen = vec![self.next()];
        while seen.last().is_none_or(|e| e["event"] != name || e["data"]["action"] != action) {
            seen.push(self.next());
        }
        seen
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The receipt in an answer, with which it is undone.
#[track_caller]
pub fn receipt(response: &Value) -> String {
    response["data"]["receipt"].as_str().unwrap_or_else(|| panic!("{response}")).to_owned()
}

/// Asserts that a response is `ok` and says this.
#[track_caller]
pub fn says(response: &Value, message: &str) {
    assert_eq!((response["status"].as_str(), response["message"].as_str()), (Some("ok"), Some(message)), "{response}");
}

/// Asserts that a response is an error with this code, whose message has this in it.
#[track_caller]
pub fn refuses(response: &Value, code: &str, part: &str) {
    assert_eq!((response["status"].as_str(), response["code"].as_str()), (Some("error"), Some(code)), "{response}");
    assert!(response["message"].as_str().is_some_and(|m| m.contains(part)), "{response}");
}
