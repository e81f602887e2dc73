//! Brightness, addresses and apps over real buses (`dbus-daemon`) with a real `xdg-open` and a real portal, and with services that are
//! played where the real ones need a machine of their own: logind and the user's systemd.
//!
//! Where a tool is not installed a test says so and passes; with `STEWARD_TEST_REAL=1` that is a failure.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "tests start buses and look at the world with other programs")]
#![expect(clippy::disallowed_types, reason = "tests play services on a bus")]

#[path = "../support/mod.rs"]
mod support;

mod apps;
mod brightness;
mod url;

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::Value;
use steward_agent::backend::apps::Apps;
use steward_agent::backend::apps::start::Starter;
use steward_agent::backend::backlight::Backlights;
use steward_agent::backend::bus::Bus;
use steward_agent::backend::package::Manager;
use steward_agent::backend::package::mock::MockArchive;
use steward_agent::services::{Machine, Seat};
use support::World;

/// A person's session with a bus, data folders and programs of its own, and a bus that stands for the system's.
struct Session {
    folder: tempfile::TempDir,
    buses: Vec<Child>,
    environment: Vec<(String, String)>,
    /// Runs the services that are played.
    runtime: tokio::runtime::Runtime,
}

/// Whether these programs are there; says so, or fails in CI, when they are not.
fn installed(programs: &[&str]) -> bool {
    let missing: Vec<&&str> = programs.iter().filter(|p| !Path::new(p).exists()).collect();
    if !missing.is_empty() {
        assert!(std::env::var_os("STEWARD_TEST_REAL").is_none_or(|v| v != "1"), "{missing:?} is not installed");
        eprintln!("skipped: {missing:?} is not installed");
    }
    missing.is_empty()
}

impl Session {
    fn new() -> Option<Session> {
        if !installed(&["/usr/bin/dbus-daemon"]) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        for name in ["run", "data/applications", "data/dbus-1/services", "bin", "config"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        std::fs::set_permissions(folder.path().join("run"), std::fs::Permissions::from_mode(0o700)).unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", at("bin"));
        let environment = [
            ("HOME", at("")),
            ("PATH", path),
            ("DISPLAY", ":4711".to_owned()),
            ("XDG_RUNTIME_DIR", at("run")),
            ("XDG_DATA_HOME", at("data")),
            ("XDG_CONFIG_HOME", at("config")),
            ("XDG_DATA_DIRS", "/usr/local/share:/usr/share".to_owned()),
            ("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", at("session"))),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Some(Session { folder, buses: Vec::new(), environment, runtime })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn address(&self, bus: &str) -> String {
        format!("unix:path={}", self.at(bus).display())
    }

    fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(n, _)| n != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Starts both buses, which know no services but those of the session's own data folder unless `all` is said.
    fn start_buses(&mut self, all: bool) {
        for bus in ["system", "session"] {
            let services = match (bus, all) {
                ("session", true) => "<standard_session_servicedirs/>".to_owned(),
                _ => format!("<servicedir>{}</servicedir>", self.at("data/dbus-1/services").display()),
            };
            let config = format!(
                "<busconfig><type>session</type><listen>{}</listen><auth>EXTERNAL</auth>{services}<policy context=\"default\">\
                 <allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
                self.address(bus),
            );
            let file = self.at(&format!("{bus}.conf"));
            std::fs::write(&file, config).unwrap();
            let child = self
                .command("/usr/bin/dbus-daemon")
                .arg(format!("--config-file={}", file.display()))
                .arg("--nofork")
                .spawn()
                .unwrap();
            self.buses.push(child);
            let socket = self.at(bus);
            support::eventually(|| std::os::unix::net::UnixStream::connect(&socket).is_ok());
        }
    }

    /// Plays a service on one of the buses.
    fn play<I: zbus::object_server::Interface>(
        &self,
        bus: &str,
        name: &str,
        path: &str,
        service: I,
    ) -> zbus::Connection {
        let address = self.address(bus);
        self.runtime.block_on(async {
            let builder = zbus::connection::Builder::address(address.as_str());
            builder.name(name).serve_at(path, service).build().await.unwrap()
        })
    }

    /// A program that notes its name, its arguments and one variable in the file `ran`.
    fn program(&self, name: &str) -> String {
        let (path, ran) = (self.at("bin").join(name), self.at("ran"));
        let script = format!(
            "#!/bin/sh\n{{ printf '%s' {name}; for a in \"$@\"; do printf '|%s' \"$a\"; done; echo; }} > {0}.part.$$\nmv {0}.part.$$ {0}\n",
            ran.display()
        );
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    /// What such a program noted, once it has.
    fn ran(&self) -> String {
        support::eventually(|| self.at("ran").exists());
        std::fs::read_to_string(self.at("ran")).unwrap().trim_end().to_owned()
    }

    fn entry(&self, id: &str, keys: &str) {
        let text = format!("[Desktop Entry]\nType=Application\n{keys}\n");
        std::fs::write(self.at("data/applications").join(format!("{id}.desktop")), text).unwrap();
    }

    fn backlight(&self, name: &str, brightness: &str, max: &str) -> PathBuf {
        let folder = self.at("sys/class/backlight").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for (file, value) in [("type", "raw"), ("brightness", brightness), ("max_brightness", max)] {
            std::fs::write(folder.join(file), value).unwrap();
        }
        folder.join("brightness")
    }

    /// An agent in this session.
    fn world(&self, policy: &str) -> World {
        let path = self.environment.iter().find(|(n, _)| n == "PATH").unwrap().1.clone();
        let apps = Apps::new([self.at("data")], std::env::split_paths(&path), "C", "");
        let environment = self.environment.iter().map(|(n, v)| (OsString::from(n), OsString::from(v)));
        let seat = Seat {
            screens: Backlights::below(&self.at("sys")),
            apps: Arc::new(apps),
            starter: Starter::with(environment),
            ..Seat::bare()
        };
        let mut world = World::new(policy);
        world.machine = Some(Machine {
            bus: Arc::new(Bus::at(self.address("system"), self.address("session"))),
            seat: Arc::new(seat),
            ..Machine::bare(Some(Manager::Mock(MockArchive::shipped())))
        });
        world.restart();
        world
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for bus in &mut self.buses {
            drop(bus.kill());
            drop(bus.wait());
        }
    }
}

fn done(answer: &Value, says: &str) {
    assert_eq!((answer["status"].as_str(), answer["message"].as_str()), (Some("ok"), Some(says)), "{answer}");
}

fn failed(answer: &Value, code: &str, words: &str) {
    assert_eq!((answer["status"].as_str(), answer["code"].as_str()), (Some("error"), Some(code)), "{answer}");
    assert!(answer["message"].as_str().unwrap().contains(words), "{answer}");
}
