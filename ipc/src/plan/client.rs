//! Handing a plan over, and its answer.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::ActionPlan;

/// The longest answer that is read, in bytes: 64 steps with 64 KiB each, in base64, and what is around them.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;

/// Sends a plan to the daemon behind `socket` and gives its answer as it came. `patience` is how long the answer may keep quiet.
///
/// # Errors
/// When nobody listens there, or the connection breaks.
pub fn send(socket: &Path, plan: &ActionPlan, patience: Duration) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(&serde_json::to_vec(plan)?)?;
    // The daemon may have answered and gone by now.
    let _gone = stream.shutdown(Shutdown::Write);
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer)?;
    Ok(answer)
}
