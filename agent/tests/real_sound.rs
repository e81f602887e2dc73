//! The sound actions against the real PulseAudio and the real PipeWire, each with an output that goes nowhere, read back with `pactl`.
//!
//! Where the servers are not installed a test says so and passes; with `STEWARD_TEST_REAL=1` that is a failure.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "tests start the servers and look at them with other programs")]

mod support;

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use steward_agent::backend::package::Manager;
use steward_agent::backend::package::mock::MockArchive;
use steward_agent::backend::sound::Sound;
use steward_agent::services::{Machine, Seat};
use support::{DESKTOP, Daemon, World, desktop_and};

/// How long a server may take until it is ready.
const READY: Duration = Duration::from_secs(20);
/// How often a server is started before it is said not to start at all.
const STARTS: usize = 3;
/// The output that the tests speak about.
const SINK: &str = "steward_test";
const TITLE: &str = "Test Speakers";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    PulseAudio,
    PipeWire,
}

/// A sound server in a session of its own.
struct Server {
    kind: Kind,
    folder: tempfile::TempDir,
    running: Vec<Child>,
}

impl Server {
    fn installed(kind: Kind) -> bool {
        let needed: &[&str] = match kind {
            Kind::PulseAudio => &["pulseaudio", "pactl"],
            Kind::PipeWire => &["pipewire", "pipewire-pulse", "wireplumber", "dbus-daemon", "pactl", "wpctl"],
        };
        needed.iter().all(|name| Path::new("/usr/bin").join(name).exists())
    }

    fn start(kind: Kind) -> Server {
        let mut server = Server { kind, folder: tempfile::tempdir().unwrap(), running: Vec::new() };
        server.go_on();
        server
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("pulse/native")
    }

    /// A program of this session; its errors go to the file `log` of the session.
    fn command(&self, program: &str, args: &[&str]) -> Command {
        let folder = self.folder.path();
        let log = std::fs::File::options().append(true).create(true).open(folder.join("log")).unwrap();
        let mut command = Command::new(Path::new("/usr/bin").join(program));
        command.env_clear().env("XDG_RUNTIME_DIR", folder).env("HOME", folder).env("LC_ALL", "C");
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}/bus", folder.display()));
        command.args(args).stdin(Stdio::null()).stderr(log);
        command
    }

    fn run(&mut self, program: &str, args: &[&str]) {
        let child = self.command(program, args).stdout(Stdio::null()).spawn().unwrap();
        self.running.push(child);
    }

    /// Starts it, again after [`Server::end`], and waits for the output. A server that does not come up is started once more.
    fn go_on(&mut self) {
        for _ in 0..STARTS {
            if self.comes_up() {
                return;
            }
            let state: Vec<_> = self.running.iter_mut().map(|child| (child.id(), child.try_wait())).collect();
            eprintln!("{:?} did not come up, its programs are {state:?}", self.kind);
            self.end();
        }
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        panic!("{:?} does not come up: {log}", self.kind);
    }

    fn comes_up(&mut self) -> bool {
        let sink = format!("sink_name={SINK}");
        match self.kind {
            Kind::PulseAudio => {
                let module = format!("module-null-sink {sink} sink_properties=\"device.description='{TITLE}'\"");
                let args = ["-n", "--daemonize=no", "--exit-idle-time=-1", "-L", "module-native-protocol-unix", "-L"];
                self.run("pulseaudio", &[&args[..], &[module.as_str()]].concat());
                self.within(|s| s.try_pactl(&["get-default-sink"]).is_some_and(|s| s.trim() == SINK))
            }
            Kind::PipeWire => {
                let bus = format!("--address=unix:path={}/bus", self.folder.path().display());
                self.run("dbus-daemon", &["--session", "--nofork", &bus]);
                let listens = |name| move |s: &Server| UnixStream::connect(s.folder.path().join(name)).is_ok();
                if !self.within(listens("bus")) {
                    return false;
                }
                self.run("pipewire", &[]);
                if !self.within(listens("pipewire-0")) {
                    return false;
                }
                self.run("wireplumber", &[]);
                self.run("pipewire-pulse", &[]);
                let title = format!("sink_properties=\"device.description='{TITLE}'\"");
                let load = ["load-module", "module-null-sink", &sink, "media.class=Audio/Sink", &title];
                self.within(|s| s.try_pactl(&["info"]).is_some())
                    && self.try_pactl(&load).is_some()
                    && self.within(|s| {
                        drop(s.try_pactl(&["set-default-sink", SINK]));
                        s.try_pactl(&["get-default-sink"]).is_some_and(|s| s.trim() == SINK) && s.wpctl().is_some()
                    })
            }
        }
    }

    fn end(&mut self) {
        for child in self.running.iter_mut().rev() {
            drop(child.kill());
            drop(child.wait());
        }
        self.running.clear();
        // A process that was killed leaves its sockets.
        for left in ["pulse/native", "pulse/pid", "pipewire-0", "pipewire-0.lock", "bus"] {
            drop(std::fs::remove_file(self.folder.path().join(left)));
        }
    }

    /// Whether it becomes so within [`READY`].
    fn within(&self, so: impl Fn(&Server) -> bool) -> bool {
        let until = Instant::now() + READY;
        while !so(self) {
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    fn try_pactl(&self, args: &[&str]) -> Option<String> {
        let output = self.command("pactl", args).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    fn pactl(&self, args: &[&str]) -> String {
        self.try_pactl(args).unwrap_or_else(|| panic!("pactl {args:?}"))
    }

    fn wpctl(&self) -> Option<String> {
        let output = self.command("wpctl", &["get-volume", "@DEFAULT_AUDIO_SINK@"]).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    fn set(&self, volume: &str) {
        let volumes: Vec<&str> = volume.split(' ').collect();
        self.pactl(&[&["set-sink-volume", SINK][..], &volumes].concat());
    }

    /// Turns the knob by hand, and waits until the agent's own connection has heard of it: PipeWire tells each client by and by.
    fn turn(&self, world: &World, volume: &str) {
        self.set(volume);
        let now = json!(volume.replace('%', " %"));
        let look = json!({ "text": "set the volume to 1 percent", "preview": true });
        let seen = self.within(|_| world.call("explain", look.clone())["data"]["preview"]["facts"][0]["value"] == now);
        assert!(seen, "the agent does not hear of the volume {volume}");
    }

    /// The volumes of the channels in percent, as the server itself says.
    fn volumes(&self) -> Vec<u32> {
        let text = self.pactl(&["get-sink-volume", SINK]);
        let line = text.lines().next().unwrap();
        line.split(" / ").filter_map(|p| p.trim().strip_suffix('%')?.parse().ok()).collect()
    }

    fn muted(&self) -> bool {
        self.pactl(&["get-sink-mute", SINK]).contains("yes")
    }

    fn machine(&self) -> Machine {
        let bare = Machine::bare(Some(Manager::Mock(MockArchive::shipped())));
        let seat = Seat { sound: Sound::at(self.path()), ..Seat::bare() };
        Machine { seat: Arc::new(seat), ..bare }
    }

    fn world(&self, policy: &str) -> World {
        let mut world = World::new(policy);
        world.machine = Some(self.machine());
        world.restart();
        world
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs `test` with each server that is installed.
fn with_each(test: impl Fn(&mut Server)) {
    for kind in [Kind::PulseAudio, Kind::PipeWire] {
        if Server::installed(kind) {
            test(&mut Server::start(kind));
        } else {
            assert!(std::env::var_os("STEWARD_TEST_REAL").is_none_or(|v| v != "1"), "{kind:?} is not installed");
            eprintln!("skipped: {kind:?} is not installed");
        }
    }
}

fn done(answer: &Value, says: &str) {
    assert_eq!((answer["status"].as_str(), answer["message"].as_str()), (Some("ok"), Some(says)), "{answer}");
}

#[test]
fn the_volume_is_set_stepped_and_put_back_and_the_server_says_the_same() {
    with_each(|server| {
        server.set("70%");
        let world = server.world(DESKTOP);
        let set = world.ask("set_volume", "40");
        done(&set, "Volume set to 40 percent.");
        assert_eq!((&set["data"]["before"], &set["data"]["output"]), (&json!(70), &json!(TITLE)));
        assert_eq!(server.volumes(), [40, 40]);
        if server.kind == Kind::PipeWire {
            assert_eq!(server.wpctl().unwrap().trim(), "Volume: 0.40");
        }
        done(&world.ask("adjust_volume", "+10"), "Volume set to 50 percent.");
        assert_eq!(server.volumes(), [50, 50]);
        let same = world.ask("set_volume", "50");
        done(&same, "The volume is already at 50 percent.");
        assert_eq!((&same["data"]["changed"], &same["data"]["receipt"]), (&json!(false), &Value::Null));

        // Back, one change after the other.
        done(&world.ask("undo", ""), "Volume set to 40 percent.");
        done(&world.ask("undo", set["data"]["receipt"].as_str().unwrap()), "Volume set to 70 percent.");
        assert_eq!(server.volumes(), [70, 70]);
    });
}

#[test]
fn steps_end_at_0_and_100_and_nothing_is_ever_louder() {
    with_each(|server| {
        let world = server.world(DESKTOP);
        for (before, name, payload, says, after) in [
            ("95%", "adjust_volume", "+10", "Volume set to 100 percent, the highest.", 100),
            ("100%", "adjust_volume", "+10", "The volume is already at 100 percent, the highest.", 100),
            ("5%", "adjust_volume", "-10", "Volume set to 0 percent, the lowest.", 0),
            (
                "150%",
                "adjust_volume",
                "+10",
                "The volume is at 150 percent, and Steward does not go over 100; it is left as it is.",
                150,
            ),
            ("150%", "adjust_volume", "-10", "Volume set to 100 percent; it was at 150, over what Steward sets.", 100),
            ("150%", "set_volume", "100", "Volume set to 100 percent; it was at 150, over what Steward sets.", 100),
            ("40%", "set_volume", "0", "Volume set to 0 percent.", 0),
        ] {
            server.turn(&world, before);
            done(&world.ask(name, payload), says);
            assert_eq!(server.volumes(), [after, after], "{before} {name} {payload}");
        }
        server.turn(&world, "150%");
        done(&world.ask("set_volume", "30"), "Volume set to 30 percent; it was at 150, over what Steward sets.");
        done(&world.ask("undo", ""), "Volume set to 100 percent.");
        assert_eq!(server.volumes(), [100, 100]);
    });
}

#[test]
fn the_balance_of_the_channels_stays() {
    with_each(|server| {
        server.set("80% 40%");
        let world = server.world(DESKTOP);
        done(&world.ask("set_volume", "40"), "Volume set to 40 percent.");
        assert_eq!(server.volumes(), [40, 20]);
        done(&world.ask("adjust_volume", "+20"), "Volume set to 60 percent.");
        assert_eq!(server.volumes(), [60, 30]);
        done(&world.ask("undo", ""), "Volume set to 40 percent.");
        assert_eq!(server.volumes(), [40, 20]);
    });
}

#[test]
fn the_sound_is_muted_and_unmuted_and_a_volume_does_not_unmute_it() {
    with_each(|server| {
        server.set("70%");
        let world = server.world(DESKTOP);
        done(&world.ask("volume_unmute", ""), "The sound is not muted.");
        let muted = world.ask("volume_mute", "");
        done(&muted, "The sound is muted.");
        assert!(server.muted());
        done(&world.ask("volume_mute", ""), "The sound is already muted.");
        done(&world.ask("set_volume", "40"), "Volume set to 40 percent. The sound is muted.");
        assert!(server.muted());
        done(&world.ask("undo", ""), "Volume set to 70 percent. The sound is muted.");
        let back = world.ask("undo", muted["data"]["receipt"].as_str().unwrap());
        done(&back, "The sound is no longer muted; the volume is at 70 percent.");
        assert!(!server.muted());
    });
}

#[test]
fn a_restart_of_the_server_in_the_middle_is_not_noticed() {
    with_each(|server| {
        server.set("70%");
        let world = server.world(DESKTOP);
        done(&world.ask("set_volume", "40"), "Volume set to 40 percent.");
        server.end();
        let gone = world.ask("set_volume", "50");
        assert_eq!((&gone["status"], &gone["code"]), (&json!("error"), &json!("unavailable")), "{gone}");
        assert!(gone["message"].as_str().unwrap().contains("pipewire-pulse"), "{gone}");
        server.go_on();
        server.set("60%");
        done(&world.ask("adjust_volume", "-10"), "Volume set to 50 percent.");
        // And once more while the connection is thought to be good.
        server.end();
        server.go_on();
        server.set("30%");
        done(&world.ask("set_volume", "20"), "Volume set to 20 percent.");
        assert_eq!(server.volumes(), [20, 20]);
    });
}

#[test]
fn a_person_sees_the_output_and_the_values_and_a_yes_is_bound_to_where_it_ends() {
    with_each(|server| {
        let rule = "[[rule]]\nid = \"ask\"\nactions = [\"set_volume\", \"adjust_volume\", \"volume_mute\"]\ndecision = \"confirm\"\n";
        server.set("70%");
        let world = server.world(&desktop_and(rule));
        let held = world.ask("set_volume", "40");
        let preview = &held["preview"];
        assert_eq!(preview["summary"], json!(format!("Set volume of {TITLE} from 70 % to 40 %")), "{held}");
        assert_eq!((&preview["effects"][0]["to"], &preview["facts"][0]["value"]), (&json!("40 %"), &json!("70 %")));
        let (id, step) = (support::id_of(&held), world.hold("adjust_volume", "-10"));
        // Somebody turned the knob meanwhile. A step would end elsewhere than was shown.
        server.turn(&world, "55%");
        let changed = world.ask("confirm", &step);
        assert_eq!(changed["code"], "confirmation_changed", "{changed}");
        assert_eq!(server.volumes(), [55, 55]);
        done(&world.ask("confirm", &id), "Volume set to 40 percent.");
        assert_eq!(server.volumes(), [40, 40]);
        // Nobody is asked for what is so already.
        done(&world.ask("set_volume", "40"), "The volume is already at 40 percent.");
        let held = world.ask("volume_mute", "");
        assert_eq!(held["preview"]["summary"], json!(format!("Mute {TITLE}")), "{held}");
    });
}

#[test]
fn what_was_changed_by_hand_since_is_not_put_back_unless_it_is_forced() {
    with_each(|server| {
        server.set("70%");
        let world = server.world(DESKTOP);
        done(&world.ask("set_volume", "40"), "Volume set to 40 percent.");
        server.turn(&world, "55%");
        let refused = world.ask("undo", "");
        assert_eq!(refused["code"], "confirmation_changed", "{refused}");
        assert_eq!(refused["data"]["present"]["percent"], 55, "{refused}");
        done(&world.call("undo", json!({ "force": true })), "Volume set to 70 percent.");
    });
}

#[test]
fn two_steps_at_once_are_two_steps() {
    with_each(|server| {
        server.set("10%");
        let world = server.world(DESKTOP);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(world.ask("adjust_volume", "+10")["status"], "ok"));
            }
        });
        assert_eq!(server.volumes(), [90, 90]);
    });
}

#[test]
fn the_built_daemon_finds_the_server_of_its_session() {
    with_each(|server| {
        server.set("70%");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("policy.toml"), DESKTOP).unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let mut command = Daemon::command(folder.path());
        command.args(["--socket", &at("agent.sock"), "--policy", &at("policy.toml")]);
        let child = command.env("XDG_RUNTIME_DIR", server.folder.path()).stderr(Stdio::null()).spawn().unwrap();
        let mut daemon = Daemon { folder: folder.path().to_owned(), child };
        support::eventually(|| UnixStream::connect(daemon.socket()).is_ok());
        let answer = daemon.line(r#"{"name":"natural_language","payload":"set volume to 40 percent"}"#);
        done(&answer, "Volume set to 40 percent.");
        assert_eq!(server.volumes(), [40, 40]);
        assert!(daemon.end().success());
    });
}

#[test]
fn a_server_without_an_output_is_told_and_one_that_does_not_speak_is_late() {
    if Server::installed(Kind::PulseAudio) {
        let server = Server::start(Kind::PulseAudio);
        server.pactl(&["unload-module", "module-null-sink"]);
        let world = server.world(DESKTOP);
        let answer = world.ask("set_volume", "40");
        assert_eq!(answer["code"], "unavailable", "{answer}");
        assert!(answer["message"].as_str().unwrap().contains("no output"), "{answer}");
    }
    let folder = tempfile::tempdir().unwrap();
    let silent = folder.path().join("native");
    let _listening = std::os::unix::net::UnixListener::bind(&silent).unwrap();
    let mut world = World::new(DESKTOP);
    let bare = Machine::bare(Some(Manager::Mock(MockArchive::shipped())));
    world.machine = Some(Machine { seat: Arc::new(Seat { sound: Sound::at(silent), ..Seat::bare() }), ..bare });
    world.restart();
    let answer = world.ask("volume_mute", "");
    assert_eq!(answer["code"], "timed_out", "{answer}");
}
