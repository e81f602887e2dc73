//! The built daemon inside a throwaway root (`contrib/testbed/apt-root.sh`), spoken to over its socket.
//!
//! A test starts this same test program again inside the root, where its body runs as root and may do what it likes. Without root or the
//! tools it says why and passes; with `STEWARD_TEST_REAL=1` that is a failure.

#![allow(dead_code, unreachable_pub, reason = "not every test program uses everything")]

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use steward_agent::audit;
use steward_ipc::{Client, Request, Response, Status};

/// Set inside the root.
const INSIDE: &str = "STEWARD_INSIDE_APT_ROOT";
/// Longer than anything here takes on a slow machine.
pub const LONG: Duration = Duration::from_secs(120);
/// The exit status of the script when this machine cannot do it.
const CANNOT: i32 = 77;

/// The ordinary user of the root.
const TESTER: u32 = 1000;
pub const SOCKET: &str = "/run/steward-test/socket";
pub const STATE: &str = "/var/lib/steward-test";

/// Runs `body` inside a fresh root, by starting this test there. `options` are the script's.
pub fn in_root(options: &[&str], test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib/testbed/apt-root.sh");
    let bind = |what: OsString, at: &str| {
        let mut bind = what;
        bind.push(format!(":{at}"));
        bind
    };
    let mut args: Vec<OsString> = options.iter().map(Into::into).collect();
    args.extend(["--bind".into(), bind(std::env::current_exe().unwrap().into(), "/steward-test")]);
    args.extend(["--bind".into(), bind(env!("CARGO_BIN_EXE_stewardd").into(), "/stewardd")]);
    args.extend(["--env".into(), format!("{INSIDE}=1").into(), "--".into()]);
    args.extend(["/steward-test", "--exact", test, "--nocapture", "--test-threads=1"].map(Into::into));
    let output = Command::new(script).args(args).stdin(Stdio::null()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.code() {
        Some(0) => assert!(said.contains("1 passed"), "the test did not run inside the root: {said}"),
        Some(CANNOT) if std::env::var_os("STEWARD_TEST_REAL").is_none_or(|v| v != "1") => {
            // Past the capture of the test harness, so that it is seen.
            let _ = writeln!(std::io::stderr(), "{test}: skipped: {}", said.trim());
        }
        code => panic!("{test} inside the root, exit status {code:?}:\n{said}"),
    }
}

/// The daemon inside the root.
pub struct Daemon(Child);

impl Daemon {
    pub fn start() -> Daemon {
        Daemon::with(&[])
    }

    pub fn with(env: &[(&str, &str)]) -> Daemon {
        Daemon::spawn(Command::new("/stewardd").envs(env.iter().copied()))
    }

    pub fn with_args(args: &[&str]) -> Daemon {
        Daemon::spawn(Command::new("/stewardd").args(args))
    }

    /// The daemon of the ordinary user of the root.
    pub fn of_tester() -> Daemon {
        for folder in [STATE, "/run/steward-test", "/run/tester"] {
            std::fs::create_dir_all(folder).unwrap();
            std::os::unix::fs::chown(folder, Some(TESTER), Some(TESTER)).unwrap();
        }
        let mut command = Command::new("/stewardd");
        command.uid(TESTER).gid(TESTER).env("HOME", "/home/tester").env("XDG_RUNTIME_DIR", "/run/tester");
        Daemon::spawn(&mut command)
    }

    fn spawn(command: &mut Command) -> Daemon {
        let _stale = std::fs::remove_file(SOCKET);
        command.args(["--socket", SOCKET, "--state-dir", STATE]).stdin(Stdio::null());
        let daemon = Daemon(command.spawn().unwrap());
        wait_for(|| Client::connect(SOCKET).is_ok(), "the daemon");
        daemon
    }

    pub fn client() -> Client {
        let mut client = Client::connect(SOCKET).unwrap();
        client.set_timeout(Some(LONG)).unwrap();
        client
    }

    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _dead = self.0.kill();
        let _reaped = self.0.wait();
    }
}

pub fn ask(client: &mut Client, name: &'static str, args: Value) -> Response {
    let Value::Object(args) = args else { panic!("arguments are an object") };
    client.request(&Request::with_args(name, args)).unwrap()
}

pub fn data(response: &Response, member: &str) -> Value {
    response.data.as_ref().map_or(Value::Null, |d| d[member].clone())
}

/// Asks for a change that is held; gives its id and the effects that are shown.
pub fn held(client: &mut Client, name: &'static str, args: Value) -> (String, Vec<String>) {
    let response = ask(client, name, args);
    assert_eq!(response.status, Status::Confirm, "{response:?}");
    let effects = response.preview.as_ref().unwrap().effects.iter();
    let effects = effects.map(|e| format!("{} {} {}", e.verb, e.object, e.version.as_deref().unwrap_or("-"))).collect();
    (response.confirmation_id.unwrap(), effects)
}

pub fn confirm(client: &mut Client, id: &str) -> Response {
    ask(client, "confirm", json!({ "id": id }))
}

pub fn install(client: &mut Client, package: &str) -> (String, Vec<String>) {
    held(client, "package_install", json!({ "packages": [package] }))
}

/// What dpkg itself says: the version of each package, or `-`.
pub fn installed<const N: usize>(names: [&str; N]) -> [String; N] {
    names.map(|name| {
        let args = ["-W", "-f=${db:Status-Status} ${Version}", "--", name];
        let output = Command::new("dpkg-query").args(args).stderr(Stdio::null()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.strip_prefix("installed ").unwrap_or("-").to_owned()
    })
}

pub fn wait_for(there: impl Fn() -> bool, what: &str) {
    let until = Instant::now() + LONG;
    while !there() {
        assert!(Instant::now() < until, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The audit log is whole, and every act in it has one end.
pub fn check_audit() {
    let place = audit::Config::new(Path::new(STATE)).place();
    let report = audit::verify(&place, &[]).unwrap();
    assert!(report.is_whole(), "{report}");
    let of = |wanted: fn(&audit::Stored) -> bool| {
        let records = audit::read(&place).unwrap().map(Result::unwrap).filter(wanted);
        let mut ids: Vec<String> = records.filter_map(|r| r.text("id").map(str::to_owned)).collect();
        ids.sort();
        ids
    };
    let began = of(|r| r.fields.get("runs") == Some(&Value::Bool(true)));
    let ended = of(|r| matches!(r.text("kind"), Some("finished" | "unknown")));
    assert_eq!(began, ended);
}
