//! Action plans: one JSON document a connection, one answer, and the connection is closed (docs/plan.md).
//!
//! The wire types and the rules of a plan are in `steward_ipc::plan`, so that a client checks with the same code. Here a step
//! becomes a named call (`calls`), and its end the result that the protocol knows (`encode`).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{RecvFlags, SendFlags, Shutdown};
use steward_ipc::Code;
use steward_ipc::plan::{ActionPlan, Completeness, ErrorCode, MAX_DOCUMENT, PlanResult};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::caller::Caller;
use crate::core::Core;
use crate::reply::Failure;
use crate::request::PlanRequest;

mod calls;
mod encode;
mod schema;

pub use schema::{error_codes, schema};

/// How long nothing may come before what has come is taken as all there is (the original's idle time).
const IDLE: Duration = Duration::from_secs(2);
/// How long a document may take as a whole, however slowly it comes.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long a client may take to read a piece of its answer.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);
/// How long, and how much, is read and thrown away of a document that is too long, so that its sender sees the answer.
const DRAIN: Duration = Duration::from_secs(5);
const MAX_DRAINED: usize = 64 << 20;
/// How much is read at once, in bytes.
const READ: usize = 16 * 1024;
/// So much white space behind a document is no line's end: its sender is not done, and may be about to send too much.
const PADDING: usize = 1024;
/// The `request_id` of an answer to what could not be read.
const UNKNOWN: &str = "unknown";

/// What a plan is read in the light of.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder against which relative paths are read: that in which the daemon was started.
    pub folder: Arc<str>,
}

impl Place {
    /// That of this process.
    ///
    /// # Errors
    /// When its working folder is gone, or its name is no text.
    pub fn here() -> io::Result<Place> {
        let folder = std::env::current_dir()?.into_os_string().into_string();
        Ok(Place { folder: folder.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?.into() })
    }
}

/// What came in on a connection.
#[derive(Debug, PartialEq, Eq)]
enum Received {
    /// A document, or what its client left of one.
    Document {
        bytes: Vec<u8>,
        /// Nothing can come after it: its sender has half-closed.
        is_all: bool,
    },
    /// More than a document may have.
    TooLarge,
    /// Nothing, or not all of it in time.
    TimedOut,
    /// Nobody waits for an answer.
    Gone,
}

/// Serves one connection: reads a plan, answers it, closes.
pub async fn serve_connection(
    core: Core,
    stream: Arc<UnixStream>,
    caller: Arc<Caller>,
    place: Place,
    mut stop: watch::Receiver<bool>,
) {
    let received = tokio::select! {
        biased;
        received = receive(&stream) => received,
        _ = stop.wait_for(|stop| *stop) => return,
    };
    let result = match &received {
        Received::Gone => return,
        Received::Document { bytes, .. } => answer(&core, &caller, &place, bytes).await,
        Received::TooLarge => {
            let message = "request exceeds max bytes";
            core.rejected(&caller, None, &Failure::new(Code::RequestTooLarge, message)).await;
            PlanResult::refused(UNKNOWN, ErrorCode::RequestTooLarge, message)
        }
        Received::TimedOut => {
            core.rejected(&caller, None, &Failure::new(Code::TimedOut, "read timed out")).await;
            PlanResult::refused(UNKNOWN, ErrorCode::ParseFailed, "read timed out")
        }
    };
    let reply = result.encode().unwrap_or_default();
    if let Err(e) = write(&stream, &reply).await {
        return tracing::debug!("a plan's answer was not read: {e}");
    }
    let _closed_already = rustix::net::shutdown(&*stream, Shutdown::Write);
    if !matches!(received, Received::Document { is_all: true, .. }) {
        drain(&stream, received == Received::TooLarge).await;
    }
}

/// The last words for a connection that is not served.
pub fn refuse(stream: &UnixStream, failure: &Failure) {
    let code = if failure.code == Code::Overloaded { ErrorCode::Overloaded } else { ErrorCode::PolicyDenied };
    let reply = PlanResult::refused(UNKNOWN, code, &*failure.message).encode().unwrap_or_default();
    // It fits into the buffer of a fresh socket; if not, the client is gone.
    let _gone = rustix::net::send(stream, &reply, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
}

async fn answer(core: &Core, caller: &Arc<Caller>, place: &Place, document: &[u8]) -> PlanResult {
    let plan = match ActionPlan::decode(document) {
        Ok(plan) => plan,
        Err(error) => {
            let message = format!("parse failed: {error}");
            core.rejected(caller, None, &Failure::new(Code::InvalidRequest, message.clone())).await;
            return PlanResult::refused(UNKNOWN, ErrorCode::ParseFailed, message);
        }
    };
    if let Err(invalid) = plan.validate() {
        let message = format!("validation failed: {invalid}");
        let failure = Failure::new(Code::InvalidRequest, message.clone());
        core.rejected(caller, Some(&plan.request_id), &failure).await;
        return PlanResult::refused(&plan.request_id, ErrorCode::ValidationFailed, message);
    }
    let terms = calls::terms(&plan);
    let request = PlanRequest { caller, calls: calls::of(&plan, place), terms, about: Some(calls::about(&plan)) };
    encode::result(&plan, core.plan(request).await)
}

/// Reads until a document is complete, or its sender stops.
async fn receive(stream: &UnixStream) -> Received {
    let mut document = Vec::new();
    let mut complete = Completeness::default();
    let started = Instant::now();
    loop {
        let ended = match read(stream, &mut document) {
            Ok(n) => n == 0,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                if let Some(end) = complete.look(&document)
                    && document.len() - end <= PADDING
                {
                    // Whoever sends a second document sends it now; what comes later finds the connection closed.
                    tokio::task::yield_now().await;
                    match read(stream, &mut document) {
                        Ok(n) if n > 0 && document.len() <= MAX_DOCUMENT => continue,
                        _ if document.len() > MAX_DOCUMENT => return Received::TooLarge,
                        n => return Received::Document { bytes: document, is_all: n.is_ok_and(|n| n == 0) },
                    }
                }
                let until = (Instant::now() + IDLE).min(started + DEADLINE);
                match tokio::time::timeout_at(until, readable(stream)).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(_)) => return Received::Gone,
                    Err(_) if document.is_empty() || Instant::now() >= started + DEADLINE => return Received::TimedOut,
                    Err(_) => return Received::Document { bytes: document, is_all: false },
                }
            }
            Err(_) => return Received::Gone,
        };
        if document.len() > MAX_DOCUMENT {
            return Received::TooLarge;
        }
        if ended {
            return Received::Document { bytes: document, is_all: true };
        }
    }
}

/// What can be read at once; 0 is the end. The kernel is asked and not the runtime, which does not know of what was there before
/// the connection was.
fn read(stream: &UnixStream, into: &mut Vec<u8>) -> io::Result<usize> {
    let before = into.len();
    into.resize(before + READ, 0);
    let read = rustix::io::retry_on_intr(|| rustix::net::recv(stream, &mut into[before..], RecvFlags::DONTWAIT));
    let n = read.as_ref().map_or(0, |(n, _)| *n);
    into.truncate(before + n);
    Ok(read.map(|_| n)?)
}

/// Waits until there is something to read. What the runtime thinks is there is looked at again, so that it does not say so for ever.
async fn readable(stream: &UnixStream) -> io::Result<()> {
    loop {
        stream.readable().await?;
        let there = stream.try_io(tokio::io::Interest::READABLE, || {
            let peeked = rustix::net::recv(stream, &mut [0u8; 1][..], RecvFlags::DONTWAIT | RecvFlags::PEEK);
            Ok(peeked.map(|_| ())?)
        });
        match there {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
    }
}

async fn write(stream: &UnixStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        match rustix::io::retry_on_intr(|| rustix::net::send(stream, bytes, flags)) {
            Ok(n) => bytes = &bytes[n..],
            Err(rustix::io::Errno::AGAIN) => {
                let sent = async {
                    loop {
                        stream.writable().await?;
                        match stream.try_write(bytes) {
                            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                            done => return done,
                        }
                    }
                };
                let n = tokio::time::timeout(WRITE_DEADLINE, sent).await;
                bytes = &bytes[n.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??..];
            }
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// Throws away what is left to read: closing a socket with something in it takes the answer away from its reader.
async fn drain(stream: &UnixStream, more_is_coming: bool) {
    let mut thrown = Vec::new();
    let mut all = 0;
    let until = Instant::now() + DRAIN;
    while all < MAX_DRAINED {
        thrown.clear();
        match read(stream, &mut thrown) {
            Ok(0) => return,
            Ok(n) => all += n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock && more_is_coming => {
                if !matches!(tokio::time::timeout_at(until, readable(stream)).await, Ok(Ok(()))) {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}
