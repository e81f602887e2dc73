//! Lines of the home protocol, passed through as they are.

use std::io::{self, IsTerminal, Read, Write};
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
    let mut screen = io::stdout().is_terminal().then(Screen::default);
    loop {
        match answers.read(&mut piece) {
            Ok(0) => return Ok(Exit::Done),
            Ok(n) => match &mut screen {
                Some(screen) => out.raw(screen.pass(&piece[..n]).as_bytes()),
                None => out.raw(&piece[..n]),
            },
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(broken(e)),
        }
        if out.is_closed() {
            return Ok(Exit::Done);
        }
    }
}

/// What stands between the answers and a terminal: hidden characters are escaped as JSON escapes them.
#[derive(Debug, Default)]
struct Screen {
    /// The beginning of a character whose other bytes have not come yet.
    rest: Vec<u8>,
}

impl Screen {
    fn pass(&mut self, bytes: &[u8]) -> String {
        let mut all = std::mem::take(&mut self.rest);
        all.extend_from_slice(bytes);
        let mut shown = String::with_capacity(all.len());
        let mut left = all.as_slice();
        loop {
            match std::str::from_utf8(left) {
                Ok(text) => {
                    ndjson::escape_lines(text, &mut shown);
                    return shown;
                }
                Err(e) => {
                    let (good, bad) = left.split_at(e.valid_up_to());
                    ndjson::escape_lines(&String::from_utf8_lossy(good), &mut shown);
                    let Some(length) = e.error_len() else {
                        self.rest = bad.to_vec();
                        return shown;
                    };
                    shown.push(char::REPLACEMENT_CHARACTER);
                    left = &bad[length..];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hidden_character_of_an_answer_reaches_a_terminal_however_it_is_cut() {
        let answers = "{\"m\":\"a\u{9b}31m\u{202e}b\u{e0041}ü\"}\n{\"m\":\"\u{1b}[2J\"}\n";
        let wanted = "{\"m\":\"a\\u009b31m\\u202eb\\udb40\\udc41ü\"}\n{\"m\":\"\\u001b[2J\"}\n";
        for size in 1..=answers.len() {
            let mut screen = Screen::default();
            let shown: String = answers.as_bytes().chunks(size).map(|piece| screen.pass(piece)).collect();
            assert_eq!(shown, wanted, "in pieces of {size}");
        }
        assert_eq!(Screen::default().pass(b"a\xff\x1bb"), "a\u{fffd}\\u001bb");
    }
}
