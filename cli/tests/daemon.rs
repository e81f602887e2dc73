//! The command as a client: a server of the library stands in the test's own process.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use common::World;
use steward_agent::backend::simulate::Laptop;
use steward_agent::clock::Clock;
use steward_agent::core::{Core, Setup};
use steward_agent::policy_files::Roots;
use steward_agent::server::{self, Access, SocketSpec, Speaks};
use steward_agent::services::{Machine, Mode};
use steward_ipc::{Client, Request};
use tokio::sync::watch;

/// A daemon for one test; it ends with its world.
struct Daemon {
    world: World,
    socket: PathBuf,
    stop: watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Daemon {
    /// A daemon at the usual place of the world's user.
    fn new() -> Daemon {
        Daemon::on(|_| Machine::bare(None))
    }

    /// The same on another machine, which may have a folder.
    fn on(machine: fn(&Path) -> Machine) -> Daemon {
        let world = World::new();
        let folder = world.path("machine");
        std::fs::create_dir(&folder).unwrap();
        let socket = world.path("run/steward/agent.sock");
        let (stop, stopped) = watch::channel(false);
        let (ready, is_ready) = std::sync::mpsc::channel();
        let uid = rustix::process::geteuid().as_raw();
        let mut setup = Setup {
            mode: Mode::User,
            state: world.path("daemon"),
            config: world.path("config.toml"),
            policy: Roots::usual(None, Vec::new(), uid),
            audit: None,
            clock: Clock::system(),
            wait: std::time::Duration::ZERO,
            note: "a test".to_owned(),
            machine: Machine::bare(None),
        };
        let spec = SocketSpec { name: None, path: socket.clone(), speaks: Speaks::Home };
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                setup.machine = machine(&folder);
                let (core, interrupted) = Core::start(setup).unwrap();
                core.take_up(interrupted).await;
                let listening = server::listen(&spec, Access::Own).unwrap();
                ready.send(()).unwrap();
                server::serve(core.clone(), vec![listening], stopped).await;
                core.stop().await;
            });
        });
        is_ready.recv().unwrap();
        Daemon { world, socket, stop, thread: Some(thread) }
    }

    /// A subscriber, with what it was told first.
    fn listen(&self) -> Client {
        let mut client = Client::connect(&self.socket).unwrap();
        client.request(&Request::new("subscribe", None)).unwrap();
        client
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _nobody = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// Waits for an event of this name and gives its data.
fn next(client: &mut Client, name: &str) -> serde_json::Value {
    loop {
        let event = client.next_event().unwrap();
        if event.event == name {
            return event.data;
        }
    }
}

const PURGE: [&str; 5] = ["call", "forget", "--args", "{\"id\":1,\"purge\":true}", "--wait"];

#[test]
fn a_daemon_at_the_usual_place_is_used_without_a_word() {
    let daemon = Daemon::new();
    let said = daemon.world.run(&["call", "ping"]).with(0);
    assert_eq!((&*said.out, &*said.err), ("pong\n", ""));
    // A state folder that is named means an agent that uses it, which is this command.
    let other = daemon.world.path("other");
    daemon.world.run(&["--state-dir", other.to_str().unwrap(), "call", "remember", "x"]).with(0);
    assert!(daemon.world.run(&["memory"]).with(0).out.starts_with("No saved context"));
    assert!(daemon.world.run(&["doctor"]).with(0).out.contains("answers at "));
}

#[test]
fn whoever_waits_hears_the_answer() {
    let daemon = Daemon::new();
    for (n, (answer, code, said)) in
        [("deny", 4, "“not today”"), ("approve", 0, "I forgot that.")].into_iter().enumerate()
    {
        daemon.world.run(&["call", "remember", "x"]).with(0);
        let mut events = daemon.listen();
        let args = format!("{{\"id\":{},\"purge\":true}}", n + 1);
        let waiting = daemon.world.command(&["call", "forget", "--args", &args, "--wait"]).spawn().unwrap();
        let id = next(&mut events, "request_held")["id"].as_str().unwrap().to_owned();
        let note: &[&str] = if answer == "deny" { &["--note", "not today"] } else { &[] };
        daemon.world.run(&[&[answer, &id[..8]], note].concat()).with(0);
        let ended = common::ended(waiting.wait_with_output().unwrap()).with(code);
        assert!(ended.out.starts_with(&id) && ended.out.contains(said), "{ended:?}");
    }
}

#[test]
fn events_are_printed_as_they_happen_and_ctrl_c_ends_with_130() {
    let daemon = Daemon::new();
    let mut watching = daemon.world.command(&["--json", "watch"]).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("\"pending\":[]"));
    daemon.world.run(&["call", "remember", "x"]).with(0);
    let event: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((event["event"].as_str(), event["seq"].as_u64()), (Some("action_started"), Some(1)));
    let pid = rustix::process::Pid::from_child(&watching);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(watching.wait().unwrap().code(), Some(130));
}

#[test]
fn an_interrupted_wait_says_what_is_left() {
    let daemon = Daemon::new();
    daemon.world.run(&["call", "remember", "x"]).with(0);
    let mut waiting = daemon.world.command(&PURGE).spawn().unwrap();
    let mut id = String::new();
    let mut stdout = BufReader::new(waiting.stdout.take().unwrap());
    stdout.read_line(&mut id).unwrap();
    // The question for the result is the next thing after the id: once it is asked, the sentence stands.
    let pid = rustix::process::Pid::from_child(&waiting);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let ended = common::ended(waiting.wait_with_output().unwrap()).with(130);
    assert!(ended.err.contains("Forget note 1"), "{ended:?}");
    assert!(daemon.world.run(&["pending"]).with(0).out.contains(id.trim_end()));
}

#[test]
fn doctor_says_that_a_simulation_is_one() {
    let daemon = Daemon::on(|folder| Machine::simulated(&Laptop::new(folder).unwrap()));
    let said = daemon.world.run(&["doctor"]);
    assert!(said.out.contains("machine:        a simulation: nothing on this machine is changed"), "{said:?}");
    let real = Daemon::new();
    assert!(!real.world.run(&["doctor"]).out.contains("simulation"));
}

#[test]
fn lines_are_passed_through_and_answered_in_order() {
    let daemon = Daemon::new();
    let asked: String = (0..500).map(|n| format!("{{\"name\":\"ping\",\"id\":{n}}}\n")).collect();
    let sent = daemon.world.run_with(&["send"], &asked).with(0);
    assert_eq!(sent.out.lines().count(), 500);
    assert!(sent.out.lines().last().unwrap().ends_with("\"id\":499}"));
}

#[test]
fn a_command_for_another_terminal_names_the_socket_that_was_named() {
    let mut daemon = Daemon::new();
    let elsewhere = daemon.world.path("run/elsewhere.sock");
    std::os::unix::fs::symlink(&daemon.socket, &elsewhere).unwrap();
    daemon.world.flags = vec!["--socket".into(), elsewhere.display().to_string()];
    let kept = daemon.world.run(&["call", "remember", "x"]).with(0);
    assert!(kept.err.contains(&format!("`steward --socket {} undo` puts it back.", elsewhere.display())), "{kept:?}");
    let undone = daemon.world.run(&["undo"]).with(0);
    let again = format!("`steward --socket {} undo ", elsewhere.display());
    assert!(undone.err.contains(&again), "an undo is put back by its own receipt: {undone:?}");
    let held = daemon.world.run(&PURGE[..4]).with(3);
    assert!(held.err.contains(&format!("steward --socket {} approve ", elsewhere.display())), "{held:?}");
}

#[test]
fn the_home_socket_is_told_from_one_for_plans() {
    let daemon = Daemon::new();
    let socket = daemon.socket.display().to_string();
    let ended = daemon.world.run(&["plan", "ping", "--socket-path", &socket]).with(1);
    assert!(ended.err.contains("is no socket for plans"), "{ended:?}");
}

/// An agent that answers a request only when somebody has subscribed and was told of progress.
fn slow_agent(socket: &Path) -> std::thread::JoinHandle<()> {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        let line = |stream: &UnixStream| {
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).unwrap();
            line
        };
        let ok = |mut stream: &UnixStream, action: &str, message: &str| {
            let mut answer = Vec::new();
            steward_ipc::Response::new(action.to_owned(), steward_ipc::Status::Ok, message.to_owned())
                .encode(&mut answer);
            stream.write_all(&answer).unwrap();
        };
        let (asking, _) = listener.accept().unwrap();
        assert!(line(&asking).contains("system_update"));
        let (mut watching, _) = listener.accept().unwrap();
        assert!(line(&watching).contains("subscribe"));
        ok(&watching, "subscribe", "Subscribed.");
        let event = "{\"version\":1,\"event\":\"action_progress\",\"seq\":1,\"ts\":\"2026-03-02T09:00:00Z\",\
                     \"data\":{\"percent\":40,\"text\":\"Unpacking cowsay\"}}\n";
        watching.write_all(event.as_bytes()).unwrap();
        // The command closes this connection when it has its answer.
        ok(&asking, "system_update", "Updated.");
        assert_eq!(line(&watching), "");
    })
}

#[test]
fn a_long_wait_shows_progress_on_a_terminal() {
    let mut world = World::new();
    let socket = world.path("slow.sock");
    world.flags = vec!["--socket".into(), socket.display().to_string()];
    let agent = slow_agent(&socket);
    let said = world.on_a_terminal(&["call", "system_update"], "").with(0);
    agent.join().unwrap();
    assert!(said.out.contains("Updated."), "{said:?}");
    assert!(said.out.contains("40 % Unpacking cowsay"), "{said:?}");
}
