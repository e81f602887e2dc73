//! A world for one test: a home of its own, the built command in it, and what stands around it.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unreachable_pub, reason = "every test file includes this as a private module")]

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use serde_json::Value;

/// How long a test waits for a terminal to say something.
const PATIENCE: Duration = Duration::from_secs(60);

/// The built command, or a copy of it that was put where another user can run it.
pub fn steward() -> PathBuf {
    std::env::var_os("STEWARD_TEST_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_steward").into(), PathBuf::from)
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; 128 and more for a signal, as shells have it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ended {
    /// Asserts the exit status, with everything that was said when it is another.
    #[track_caller]
    pub fn with(self, code: i32) -> Ended {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// A home.
#[derive(Debug)]
pub struct World {
    folder: tempfile::TempDir,
    /// What every command gets before its own arguments.
    pub flags: Vec<String>,
}

impl World {
    pub fn new() -> World {
        let world = World { folder: tempfile::tempdir().unwrap(), flags: Vec::new() };
        for name in ["home", "run", "config", "state"] {
            std::fs::create_dir(world.path(name)).unwrap();
            std::fs::set_permissions(world.path(name), std::fs::Permissions::from_mode(0o700)).unwrap();
        }
        world
    }

    /// A world whose commands are given a policy.
    pub fn with_policy(toml: &str) -> World {
        let mut world = World::new();
        let file = world.write("policy.toml", toml);
        world.flags = vec!["--policy".into(), file.display().to_string()];
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn state(&self) -> PathBuf {
        self.path("state/steward")
    }

    /// Writes a file that only its owner can write.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path("home"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("TERM", "xterm")
            // The services of the machine that the tests run on are nobody's to change.
            .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    }

    /// The built command with these arguments, not yet started; nothing is a terminal.
    #[expect(clippy::disallowed_methods, reason = "a test of the built command starts it")]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(steward());
        self.environment(&mut command).args(&self.flags).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the command to its end.
    pub fn run(&self, args: &[&str]) -> Ended {
        ended(self.command(args).output().unwrap())
    }

    /// Runs the command with something on standard input.
    pub fn run_with(&self, args: &[&str], input: &str) -> Ended {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        ended(child.wait_with_output().unwrap())
    }

    /// Runs the command on a terminal of its own (script(1)), where somebody types `typed` at once.
    pub fn on_a_terminal(&self, args: &[&str], typed: &str) -> Ended {
        self.converse(args, &[("", typed)])
    }

    /// Runs the command on a terminal of its own, where somebody waits for each first word and types the second. Both
    /// outputs are in `out`.
    #[expect(clippy::disallowed_methods, reason = "a test needs somebody who makes a terminal")]
    pub fn converse(&self, args: &[&str], turns: &[(&str, &str)]) -> Ended {
        let words = [env!("CARGO_BIN_EXE_steward")].into_iter().chain(self.flags.iter().map(String::as_str));
        let quoted = |w: &str| format!("'{}'", w.replace('\'', r"'\''"));
        let line = words.chain(args.iter().copied()).map(quoted).collect::<Vec<_>>().join(" ");
        let mut script = Command::new("/usr/bin/script");
        self.environment(&mut script).args(["-q", "-e", "-c", &line, "/dev/null"]);
        script.env("SHELL", "/bin/sh").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = script.spawn().unwrap();
        let mut keyboard = child.stdin.take().unwrap();
        let mut screen = child.stdout.take().unwrap();
        let (sender, pieces) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = screen.read(&mut piece) {
                if sender.send(piece[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let (mut seen, mut from) = (Vec::new(), 0);
        let mut more = |seen: &mut Vec<u8>| match pieces.recv_timeout(PATIENCE) {
            Ok(piece) => {
                seen.extend(piece);
                true
            }
            Err(RecvTimeoutError::Disconnected) => false,
            Err(RecvTimeoutError::Timeout) => {
                child.kill().unwrap();
                panic!("nothing more came after: {}", String::from_utf8_lossy(seen))
            }
        };
        for (wanted, typed) in turns {
            let at = |seen: &[u8]| {
                wanted
                    .is_empty()
                    .then_some(0)
                    .or_else(|| seen.windows(wanted.len()).position(|w| w == wanted.as_bytes()))
            };
            while at(&seen[from..]).is_none() {
                assert!(more(&mut seen), "it ended before `{wanted}`: {}", String::from_utf8_lossy(&seen));
            }
            from += at(&seen[from..]).map_or(0, |at| at + wanted.len());
            keyboard.write_all(typed.as_bytes()).unwrap();
        }
        drop(keyboard);
        while more(&mut seen) {}
        let ended = ended(child.wait_with_output().unwrap());
        Ended { out: String::from_utf8_lossy(&seen).replace('\r', ""), ..ended }
    }
}

/// Waits for a child that was started by hand.
pub fn ended(output: std::process::Output) -> Ended {
    use std::os::unix::process::ExitStatusExt;
    Ended {
        code: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Whether a file can be read by its owner alone.
pub fn is_private(path: &Path) -> bool {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o077 == 0
}
