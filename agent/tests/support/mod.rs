//! What the tests from outside stand on: a [`World`] with an agent in the test's own process, and a [`Daemon`] with the built `stewardd`.
//!
//! Both are spoken to over their sockets alone. Packages come from an archive in memory.

#![allow(dead_code, unreachable_pub, reason = "not every test program uses everything")]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use steward_agent::backend::package::Manager;
use steward_agent::backend::package::mock::MockArchive;
use steward_agent::backend::simulate::Laptop;
use steward_agent::clock::{Clock, Moment};
use steward_agent::core::{Core, Setup, Vanished};
use steward_agent::door::plan::Place;
use steward_agent::policy_files::Roots;
use steward_agent::server::{self, Access, SocketSpec, Speaks};
use steward_agent::services::{Machine, Mode};
use steward_ipc::Client;
use tokio::sync::watch;

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The wall clock at which a world begins: 2026-01-01T12:00:00Z.
pub const NOON: i64 = 1_767_268_800_000;
/// The policy for a desktop, as it is shipped.
pub const DESKTOP: &str = steward_policy::shipped::DESKTOP;

/// The shipped policy with more rules.
pub fn desktop_and(more: &str) -> String {
    format!("{DESKTOP}\n{more}")
}

/// An agent in this process, with a folder, a clock and packages of its own.
pub struct World {
    pub folder: tempfile::TempDir,
    pub clock: Clock,
    pub archive: Arc<MockArchive>,
    pub access: Access,
    /// The machine that it acts on; one with the archive and nothing else when none is given. Taken at the next start.
    pub machine: Option<Machine>,
    running: Option<Running>,
}

struct Running {
    runtime: tokio::runtime::Runtime,
    core: Core,
    stop: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<()>,
}

impl World {
    /// An agent with this policy.
    pub fn new(policy: &str) -> World {
        World::with_config(policy, "version = 1\n")
    }

    /// An agent with this policy and configuration.
    pub fn with_config(policy: &str, config: &str) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let moment = Moment { boot_id: "boot-one".into(), boot_ms: 3_600_000, wall_ms: NOON };
        let mut world = World {
            folder,
            clock: Clock::set_to(moment),
            archive: MockArchive::shipped(),
            access: Access::Own,
            machine: None,
            running: None,
        };
        world.write("policy.toml", policy);
        world.write("config.toml", config);
        world.start();
        let state = world.running().core.policy_state();
        assert_eq!(state.get("broken"), None, "the test's policy");
        world
    }

    /// A path in the world's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn socket(&self) -> PathBuf {
        self.path("agent.sock")
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("the folder can be written");
    }

    /// A file of the state folder.
    pub fn state(&self, name: &str) -> String {
        std::fs::read_to_string(self.path("state").join(name)).unwrap_or_default()
    }

    pub fn start(&mut self) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let setup = Setup {
            mode: Mode::User,
            state: self.path("state"),
            config: self.path("config.toml"),
            policy: Roots {
                admin: self.path("etc"),
                vendor: self.path("usr"),
                user: None,
                given: vec![self.path("policy.toml")],
                uid: rustix::process::geteuid().as_raw(),
                system: rustix::process::geteuid().as_raw(),
            },
            audit: None,
            clock: self.clock.clone(),
            wait: PATIENCE,
            note: "a test".to_owned(),
            machine: self.machine.clone().unwrap_or_else(|| Machine::bare(Some(Manager::Mock(self.archive.clone())))),
        };
        let sockets = [
            SocketSpec { name: None, path: self.socket(), speaks: Speaks::Home },
            SocketSpec { name: Some("voice".into()), path: self.path("voice.sock"), speaks: Speaks::Home },
            SocketSpec {
                name: None,
                path: self.path("plan.sock"),
                speaks: Speaks::Plans(Place { folder: self.path("work").to_string_lossy().into() }),
            },
        ];
        let access = self.access;
        let (core, stop, serving) = runtime.block_on(async {
            let (core, interrupted) =
                tokio::task::spawn_blocking(|| Core::start(setup)).await.expect("no panic").expect("starts");
            core.take_up(interrupted).await;
            let listening = sockets.iter().map(|s| server::listen(s, access).expect("listens")).collect();
            let (stop, stopped) = watch::channel(false);
            let serving = tokio::spawn(server::serve(core.clone(), listening, stopped));
            (core, stop, serving)
        });
        self.running = Some(Running { runtime, core, stop, serving });
    }

    /// Ends the agent in order; everything is on disk then.
    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.runtime.block_on(async {
                running.core.stopping();
                running.stop.send_replace(true);
                running.serving.await.expect("no panic");
                running.core.stop().await;
            });
            drop(running.core);
            running.runtime.shutdown_timeout(PATIENCE);
        }
    }

    pub fn restart(&mut self) {
        self.stop();
        self.start();
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("it runs")
    }

    /// Whether a watchdog would be told that the agent is alive.
    pub fn is_alive(&self) -> bool {
        let running = self.running();
        running.runtime.block_on(running.core.is_alive())
    }

    /// Closes the audit log while the agent goes on.
    pub fn stop_recording(&self) {
        let running = self.running();
        running.runtime.block_on(running.core.stop());
    }

    /// Puts another policy in its place and has it read.
    pub fn reload(&self, policy: &str) -> Result<(), String> {
        self.write("policy.toml", policy);
        let running = self.running();
        running.runtime.block_on(running.core.reload(Vanished::Taken))
    }

    /// Lets the agent tidy until `done` says so.
    pub fn tidy_until(&self, done: impl Fn() -> bool) {
        let running = self.running();
        let core = running.core.clone();
        let house = running.runtime.spawn(async move { core.keep_house().await });
        eventually(done);
        house.abort();
    }

    /// Turns the clocks by milliseconds: the one since boot, and the one on the wall.
    pub fn turn(&self, boot_ms: i64, wall_ms: i64) {
        self.clock.turn(|m| {
            m.boot_ms += boot_ms;
            m.wall_ms += wall_ms;
        });
    }

    pub fn turn_seconds(&self, seconds: i64) {
        self.turn(seconds * 1000, seconds * 1000);
    }

    /// A new connection.
    pub fn connect(&self) -> Client {
        connect(&self.socket())
    }

    /// One line on a connection of its own, and its answer.
    pub fn line(&self, line: &str) -> Value {
        line_on(&mut self.connect(), line)
    }

    /// An action with its payload.
    pub fn ask(&self, name: &str, payload: &str) -> Value {
        self.line(&json!({ "name": name, "payload": payload }).to_string())
    }

    /// An action with arguments.
    pub fn call(&self, name: &str, args: Value) -> Value {
        self.line(&json!({ "name": name, "args": args }).to_string())
    }

    /// Has a request held, and gives its confirmation's id.
    pub fn hold(&self, name: &str, payload: &str) -> String {
        id_of(&self.ask(name, payload))
    }

    /// Stops the agent and reads its audit log.
    pub fn end(&mut self) -> Vec<Value> {
        self.stop();
        records(&self.path("state/audit/audit.jsonl"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.archive.pause(None);
        if !std::thread::panicking() {
            self.stop();
        }
    }
}

/// A laptop that is not there, with what it lives on.
pub struct Simulated {
    pub laptop: Laptop,
    _folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Simulated {
    pub fn new() -> Simulated {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let laptop = {
            let _entered = runtime.enter();
            Laptop::new(folder.path()).expect("a laptop")
        };
        Simulated { laptop, _folder: folder, _runtime: runtime }
    }

    /// An agent on it.
    pub fn world(&self, policy: &str) -> World {
        let mut world = World::new(policy);
        world.machine = Some(Machine::simulated(&self.laptop));
        world.restart();
        world
    }
}

/// A connection on which nothing takes longer than [`PATIENCE`].
pub fn connect(socket: &Path) -> Client {
    let mut client = Client::connect(socket).expect("it listens");
    client.set_timeout(Some(PATIENCE)).expect("a timeout");
    client
}

/// One line and its answer.
pub fn line_on(client: &mut Client, line: &str) -> Value {
    let answer = client.request_line(line).unwrap_or_else(|e| panic!("{e} after {line}"));
    serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{e} in {answer}"))
}

/// The confirmation's id of a held request.
pub fn id_of(answer: &Value) -> String {
    assert_eq!(answer["status"], "confirm", "{answer}");
    answer["confirmation_id"].as_str().expect("an id").to_owned()
}

/// The records of an audit log.
pub fn records(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).expect("a log");
    text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e} in {l}"))).collect()
}

/// Waits until something is so.
pub fn eventually(so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < until, "it did not come about within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Everything that comes from a raw connection until it is closed.
pub fn rest(stream: &mut UnixStream) -> String {
    let mut text = String::new();
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.read_to_string(&mut text).expect("it is closed in order");
    text
}

/// Sends bytes on a connection of their own, ends it, and gives what came back.
pub fn raw(socket: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).expect("it listens");
    let mut writer = stream.try_clone().expect("a second handle");
    let bytes = bytes.to_vec();
    let writing = std::thread::spawn(move || {
        writer.write_all(&bytes).expect("it reads");
        writer.shutdown(std::net::Shutdown::Write).expect("it is open");
    });
    let text = rest(&mut stream);
    writing.join().expect("no panic");
    text
}

/// The built daemon, with a folder of its own.
pub struct Daemon {
    pub folder: PathBuf,
    pub child: Child,
}

impl Daemon {
    /// A command that starts the daemon with its state in `folder`, and nothing of this user's surroundings.
    pub fn command(folder: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stewardd"));
        command.env_clear().env("HOME", folder).env("STEWARD_LOG", "info");
        // The services of the machine that the tests run on are nobody's to change.
        command
            .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
        command.args(["--state-dir", &folder.join("state").display().to_string()]);
        command.args(["--config", &folder.join("config.toml").display().to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts it with a policy and a socket, and waits until it answers.
    pub fn start(folder: &Path, policy: &str) -> Daemon {
        std::fs::write(folder.join("policy.toml"), policy).expect("a policy");
        let mut command = Daemon::command(folder);
        command.args(["--socket", &folder.join("agent.sock").display().to_string()]);
        command.args(["--policy", &folder.join("policy.toml").display().to_string()]);
        let child = command.stderr(Stdio::null()).spawn().expect("it starts");
        let daemon = Daemon { folder: folder.to_owned(), child };
        eventually(|| UnixStream::connect(daemon.socket()).is_ok());
        daemon
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.join("agent.sock")
    }

    pub fn line(&self, line: &str) -> Value {
        line_on(&mut connect(&self.socket()), line)
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("it runs");
    }

    /// Ends it in order.
    pub fn end(&mut self) -> std::process::ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.child.wait().expect("it ends")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs the daemon on standard input and output with this input until it ends; gives its lines and whether it ended well.
pub fn over_stdio(folder: &Path, input: &[u8]) -> (Vec<String>, bool) {
    let mut child =
        Daemon::command(folder).arg("--stdio").stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let writing = std::thread::spawn(move || stdin.write_all(&input).expect("it reads"));
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map(|l| l.expect("UTF-8")).collect();
    writing.join().expect("no panic");
    (lines, child.wait().expect("it ends").success())
}

/// Whether this test runs as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Sends lines as another uid, with a fresh process, and reads one line after each; an empty line is only read for. Only
/// root can.
pub fn as_uid(world: &World, uid: u32, lines: &[Value]) -> Vec<Value> {
    let script = "import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\nf=s.makefile('rw')\n\
                  for l in sys.argv[2:]:\n if l!='null':\n  f.write(l+'\\n');f.flush()\n print(f.readline(),end='',flush=True)\n";
    let output = Command::new("setpriv")
        .args([&format!("--reuid={uid}"), "--regid=65533", "--clear-groups", "/usr/bin/python3", "-c", script])
        .arg(world.socket())
        .args(lines.iter().map(Value::to_string))
        .stderr(Stdio::inherit())
        .output()
        .expect("setpriv");
    assert!(output.status.success(), "the other uid's client");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e} in {l}"))).collect()
}

/// A world whose socket everybody may use; none where this is not root, who alone can become others.
pub fn open_to_all(policy: &str) -> Option<World> {
    use std::os::unix::fs::PermissionsExt;
    let there = |p: &str| Path::new("/usr/bin").join(p).exists();
    if !is_root() || !there("setpriv") || !there("python3") {
        println!("skipped: needs root, setpriv and python3");
        return None;
    }
    let mut world = World::new(policy);
    world.access = Access::Group(None);
    world.restart();
    let open = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("ours");
    open(world.folder.path(), 0o755);
    open(&world.socket(), 0o666);
    Some(world)
}
