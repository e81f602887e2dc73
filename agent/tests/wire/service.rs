//! The daemon as a service: sockets that it is handed, what it tells the service manager, and how it ends.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use serde_json::json;
use steward_agent::backend::package::mock::Pause;

use crate::support::{DESKTOP, Daemon, PATIENCE, World, connect, desktop_and, eventually, line_on, rest};

const PING: &str = r#"{"name":"ping"}"#;

/// Gives a command the two sockets as a service manager does: as descriptors 3 and 4, with their names.
fn hand_over(command: Command, sockets: [&UnixListener; 2], names: &str) -> Child {
    let own = |socket: &UnixListener| Stdio::from(OwnedFd::from(socket.try_clone().unwrap()));
    let script = "exec 3<&0 4<&1 0</dev/null 1>&2; LISTEN_PID=$$ LISTEN_FDS=2 exec \"$0\" \"$@\"";
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script]).arg(command.get_program()).args(command.get_args());
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("LISTEN_FDNAMES", names).stdin(own(sockets[0])).stdout(own(sockets[1])).stderr(Stdio::null());
    shell.spawn().unwrap()
}

fn signal(child: &Child, signal: Signal) {
    rustix::process::kill_process(Pid::from_child(child), signal).unwrap();
}

fn with_policy(folder: &Path, policy: &str) -> Command {
    std::fs::write(folder.join("policy.toml"), policy).unwrap();
    let mut command = Daemon::command(folder);
    command.args(["--policy", &folder.join("policy.toml").display().to_string()]);
    command
}

#[test]
fn sockets_of_a_service_manager_are_served_under_their_names_and_outlive_the_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (plain, voice) =
        (UnixListener::bind(path("agent.sock")).unwrap(), UnixListener::bind(path("voice.sock")).unwrap());
    let policy = desktop_and(
        "[caller.voice]\nsocket = [\"voice\"]\n[[rule]]\nid = \"not-by-voice\"\nactions = [\"remember\"]\n\
         decision = \"deny\"\nwhen.caller = [\"voice\"]\n",
    );
    let start = || hand_over(with_policy(folder.path(), &policy), [&plain, &voice], "steward.socket:voice");
    let remember = r#"{"name":"remember","payload":"x"}"#;

    // Asked before there is a daemon: it waits in the socket.
    let mut early = UnixStream::connect(path("agent.sock")).unwrap();
    writeln!(early, "{PING}").unwrap();
    early.shutdown(std::net::Shutdown::Write).unwrap();
    let mut daemon = start();
    assert!(rest(&mut early).contains("pong"));
    assert_eq!(line_on(&mut connect(&path("agent.sock")), remember)["status"], "ok", "the plain socket has no name");
    assert_eq!(line_on(&mut connect(&path("voice.sock")), remember)["policy"]["rule"], "not-by-voice");

    signal(&daemon, Signal::TERM);
    assert!(daemon.wait().unwrap().success());
    // Between two daemons nobody is refused.
    let mut between = UnixStream::connect(path("agent.sock")).expect("the socket is still there");
    writeln!(between, "{PING}").unwrap();
    between.shutdown(std::net::Shutdown::Write).unwrap();
    let mut next = start();
    assert!(rest(&mut between).contains("pong"));
    signal(&next, Signal::TERM);
    assert!(next.wait().unwrap().success());
}

#[test]
fn what_is_handed_over_and_is_no_listening_socket_keeps_the_daemon_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let script = "exec 3</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\"";
    let command = Daemon::command(folder.path());
    let output = Command::new("/bin/sh")
        .args(["-c", script])
        .arg(command.get_program())
        .args(command.get_args())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("descriptor 0 from the service manager") && said.contains("ListenStream="), "{said}");
}

/// A daemon that was started by a service manager which wants to hear of it.
struct Told {
    folder: tempfile::TempDir,
    manager: UnixDatagram,
    daemon: Daemon,
}

impl Told {
    fn start(more: &[(&str, &str)]) -> Told {
        let folder = tempfile::tempdir().unwrap();
        let manager = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        manager.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = with_policy(folder.path(), DESKTOP);
        command.args(["--socket", &folder.path().join("agent.sock").display().to_string()]);
        command.env("NOTIFY_SOCKET", folder.path().join("notify")).envs(more.iter().copied());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let daemon = Daemon { folder: folder.path().to_owned(), child };
        Told { folder, manager, daemon }
    }

    fn next(&self) -> String {
        let mut bytes = [0; 4096];
        let n = self.manager.recv(&mut bytes).expect("a message in time");
        String::from_utf8(bytes[..n].to_vec()).unwrap()
    }
}

#[test]
fn the_service_manager_hears_ready_reloading_and_stopping_in_this_order() {
    let mut told = Told::start(&[]);
    assert_eq!(told.next(), "READY=1\nSTATUS=policy generation 1");
    assert_eq!(told.daemon.line(PING)["message"], "pong", "ready means that it answers");

    told.daemon.signal(Signal::HUP);
    let reloading = told.next();
    let at = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap_or_else(|| panic!("{reloading}"));
    assert!(at.parse::<u64>().unwrap() > 0);
    assert_eq!(told.next(), "READY=1\nSTATUS=policy generation 2");

    // Put beside it and renamed, and the signal is sent at once: the reload of the signal is the one that finds it.
    std::fs::write(told.folder.path().join("new.toml"), "version = 1\n[risk]\nlow = \"maybe\"\n").unwrap();
    std::fs::rename(told.folder.path().join("new.toml"), told.folder.path().join("policy.toml")).unwrap();
    told.daemon.signal(Signal::HUP);
    assert!(told.next().starts_with("RELOADING=1"));
    assert!(told.next().starts_with("READY=1\nSTATUS=policy generation 2; the files as they are now were not taken"));

    std::fs::write(told.folder.path().join("policy.toml"), DESKTOP).unwrap();
    assert_eq!(told.next(), "STATUS=policy generation 3", "a change on disk is told as well");

    told.daemon.signal(Signal::TERM);
    assert!(told.next().starts_with("STOPPING=1"));
    assert!(told.daemon.child.wait().unwrap().success());
    told.manager.set_nonblocking(true).unwrap();
    assert!(told.manager.recv(&mut [0; 64]).is_err(), "nothing comes after it");
}

#[test]
fn a_watchdog_hears_of_the_daemon_as_often_as_it_asks_and_only_where_it_is_meant() {
    let mut told = Told::start(&[("WATCHDOG_USEC", "100000")]);
    let mut beats = 0;
    let mut ready = false;
    while beats < 3 {
        match told.next().as_str() {
            "WATCHDOG=1" => beats += 1,
            other => ready |= other.starts_with("READY=1"),
        }
    }
    assert!(ready || told.next().starts_with("READY=1"));
    assert!(told.daemon.end().success());

    // The number of this test is not that of the daemon.
    let own = std::process::id().to_string();
    let mut other = Told::start(&[("WATCHDOG_USEC", "1000"), ("WATCHDOG_PID", &own)]);
    assert!(other.next().starts_with("READY=1"));
    assert_eq!(other.daemon.line(PING)["message"], "pong");
    assert!(other.daemon.end().success());
    assert!(other.next().starts_with("STOPPING=1"), "no sign of life in between");
}

#[test]
fn an_agent_that_cannot_write_its_record_does_not_count_as_alive() {
    let mut world = World::new(DESKTOP);
    assert!(world.is_alive());
    world.stop_recording();
    assert!(!world.is_alive());
    world.stop();
}

#[test]
fn a_request_that_is_carried_out_when_the_agent_stops_has_a_last_line() {
    let mut world =
        World::new(&desktop_and("[[rule]]\nid = \"all\"\nactions = [\"package_install\"]\ndecision = \"ok\"\n"));
    world.archive.pause(Some(Pause::Transaction));
    let mut client = world.connect();
    client.send_line(&json!({ "name": "package_install", "payload": "cowsay", "id": 7 }).to_string()).unwrap();
    eventually(|| world.archive.waiting() > 0);
    let reading = std::thread::spawn(move || client.read_line().unwrap());
    let begun = std::time::Instant::now();
    world.stop();
    let last: serde_json::Value = serde_json::from_str(&reading.join().unwrap()).unwrap();
    assert_eq!(
        (&last["action"], &last["code"], &last["id"]),
        (&json!("package_install"), &json!("unknown_outcome"), &json!(7))
    );
    assert!(begun.elapsed() < Duration::from_secs(10), "it does not wait for a transaction to end");
}
