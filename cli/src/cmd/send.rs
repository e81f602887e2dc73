//! Lines of the home protocol, passed through as they are.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use steward_agent::door::ndjson;

use crate::connection::{Connection, Fault};
use crate::exit::Exit;
use crate::out::Out;
use crate::settings::Settings;

/// How much is copied at once, in bytes.
const PIECE: usize = 64 * 1024;

/// Passes standard input to the agent and its answers to standard output.
///
/// # Errors
/// When no agent answers, or the connection breaks.
pub(crate) fn run(settings: &Settings, out: &mut Out) -> Result<Exit, Fault> {
    match Connection::open(settings, out)? {
        Connection::Daemon(daemon) => through(&daemon.path, out),
        Connection::Here(here) => {
            here.with(async |core, caller| {
                // Nobody stops it but the end of its input.
                let (_stop, stopped) = tokio::sync::watch::channel(false);
                ndjson::serve_stdio(core.clone(), caller.clone(), stopped).await;
            })?;
            Ok(Exit::Done)
        }
    }
}

fn through(path: &std::path::Path, out: &mut Out) -> Result<Exit, Fault> {
    let broken = |e: io::Error| Fault::Unavailable(format!("the connection to {} broke: {e}", path.display()));
    let mut answers = UnixStream::connect(path).map_err(broken)?;
    let mut requests = answers.try_clone().map_err(broken)?;
    // It ends with the input, or with the process: a read of standard input cannot be interrupted.
    std::thread::spawn(move || {
        let mut piece = vec![0; PIECE];
        let mut stdin = io::stdin().lock();
        while let Ok(n @ 1..) = stdin.read(&mut piece) {
            if requests.write_all(&piece[..n]).is_err() {
                return;
            }
        }
        let _closed = requests.shutdown(Shutdown::Write);
    });
    let mut piece = vec![0; PIECE];
    loop {
        match answers.read(&mut piece) {
            Ok(0) => return Ok(Exit::Done),
            Ok(n) => out.raw(&piece[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(broken(e)),
        }
        if out.is_closed() {
            return Ok(Exit::Done);
        }
    }
}
