//! What benches share: programs in processes of their own, and the middle of what was measured.

#![allow(dead_code, reason = "each bench uses its part of it")]

use std::ffi::OsStr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take until it answers.
const READY: Duration = Duration::from_secs(10);

/// A program that runs as long as this is kept.
pub(crate) struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// The daemon, with these arguments and variables.
pub(crate) fn stewardd(args: &[&OsStr], env: &[(&str, &Path)]) -> Program {
    start(Path::new(env!("CARGO_BIN_EXE_stewardd")), args, env)
}

/// The bench itself once more: the variable tells it to be what the daemon is compared with.
pub(crate) fn this_program(variable: &str, value: &Path) -> Program {
    start(&std::env::current_exe().expect("this program"), &[], &[(variable, value)])
}

#[expect(clippy::disallowed_methods, reason = "a bench starts the programs that it measures")]
fn start(program: &Path, args: &[&OsStr], env: &[(&str, &Path)]) -> Program {
    let mut command = Command::new(program);
    Program(command.args(args).envs(env.iter().copied()).stderr(Stdio::null()).spawn().expect("a program"))
}

/// A connection to a program that was started a moment ago.
pub(crate) fn connected(socket: &Path) -> UnixStream {
    let until = Instant::now() + READY;
    loop {
        match UnixStream::connect(socket) {
            Ok(stream) => return stream,
            Err(e) => assert!(Instant::now() < until, "{} does not answer: {e}", socket.display()),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
