//! The home protocol: one JSON object a line, one answer a line, in order (docs/ipc.md).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use steward_ipc::frame::{Frame, Lines};
use steward_ipc::{Code, Event, Id, MAX_LINE, Request as WireRequest, Response, VERSION};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Stdin, Stdout};
use tokio::net::UnixStream;
use tokio::sync::{Mutex, watch};

use crate::caller::Caller;
use crate::core::Core;
use crate::events::Watch;
use crate::reply::{Failure, Reply};
use crate::request::{Call, Request};

/// How much is read at once, in bytes.
const READ: usize = 64 * 1024;
/// How many bytes of answers are collected before they are written.
const BATCH: usize = 64 * 1024;
/// How long a client may take to read what was written for it.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);
/// The longest name of an action that is echoed, in bytes.
const MAX_ECHO: usize = 128;

/// Two directions of bytes.
pub(crate) trait Wire {
    /// Appends what can be read, at most [`READ`] bytes; 0 is the end.
    fn read(&self, into: &mut Lines) -> impl Future<Output = io::Result<usize>> + Send;
    /// Writes all of `bytes`.
    fn write(&self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> + Send;
}

impl Wire for Arc<UnixStream> {
    async fn read(&self, into: &mut Lines) -> io::Result<usize> {
        loop {
            // The buffer is made only when there is something to read, so that an idle connection has none.
            self.readable().await?;
            let buffer = into.buffer();
            buffer.reserve(READ);
            match self.try_read_buf(buffer) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => into.shrink(),
                done => return done,
            }
        }
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.try_write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    let writable = tokio::time::timeout(WRITE_DEADLINE, self.writable()).await;
                    writable.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

/// Standard input and output.
pub(crate) struct Stdio {
    input: Mutex<Stdin>,
    output: Mutex<Stdout>,
}

impl Wire for Stdio {
    async fn read(&self, into: &mut Lines) -> io::Result<usize> {
        let buffer = into.buffer();
        buffer.reserve(READ);
        self.input.lock().await.read_buf(buffer).await
    }

    async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut output = self.output.lock().await;
        output.write_all(bytes).await?;
        output.flush().await
    }
}

/// Serves standard input and output until the input ends.
pub async fn serve_stdio(core: Core, caller: Arc<Caller>, stop: watch::Receiver<bool>) {
    let wire = Stdio { input: Mutex::new(tokio::io::stdin()), output: Mutex::new(tokio::io::stdout()) };
    serve(&core, &wire, &caller, stop).await;
}

/// Serves one connection until it ends or the agent stops.
pub async fn serve_connection(core: Core, stream: Arc<UnixStream>, caller: Arc<Caller>, stop: watch::Receiver<bool>) {
    serve(&core, &stream, &caller, stop).await;
}

async fn serve(core: &Core, wire: &impl Wire, caller: &Arc<Caller>, mut stop: watch::Receiver<bool>) {
    let mut lines = Lines::new(MAX_LINE);
    let mut out = Vec::new();
    loop {
        let read = tokio::select! {
            biased;
            read = wire.read(&mut lines) => read,
            () = stopped(&mut stop) => return,
        };
        let ended = match read {
            Ok(0) => true,
            Ok(_) => false,
            Err(e) => return tracing::debug!("a connection broke: {e}"),
        };
        loop {
            let frame = match lines.next_frame() {
                None if ended => lines.last_frame(),
                frame => frame,
            };
            let Some(frame) = frame else { break };
            let (response, subscribed) = answer(core, caller, frame).await;
            response.encode(&mut out);
            if let Some(watch) = subscribed {
                if wire.write(&out).await.is_ok() {
                    stream(core, wire, caller, watch, &mut lines, stop).await;
                }
                return;
            }
            if out.len() >= BATCH && write(wire, &mut out).await.is_err() {
                return;
            }
        }
        if write(wire, &mut out).await.is_err() || ended {
            return;
        }
        lines.shrink();
        out.shrink_to(0);
    }
}

/// Waits until the agent stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

async fn write(wire: &impl Wire, out: &mut Vec<u8>) -> io::Result<()> {
    if !out.is_empty() {
        wire.write(out).await?;
        out.clear();
    }
    Ok(())
}

/// Answers one line; with a subscription when it asked for one.
async fn answer(core: &Core, caller: &Arc<Caller>, frame: Frame<'_>) -> (Response, Option<Watch>) {
    let request = match decode(frame) {
        Ok(request) => request,
        Err((name, id, failure)) => {
            core.malformed(caller, &failure);
            return (with_id(Reply::failed(name, failure).into(), id), None);
        }
    };
    let id = request.id;
    // Listening begins before the state is told, so that nothing falls between.
    let watch = match &*request.name {
        "subscribe" => match core.watch(caller) {
            None => {
                let failure = Failure::new(Code::Overloaded, "too many clients listen already; try again later");
                return (with_id(Reply::failed("subscribe", failure).into(), id), None);
            }
            watch => watch,
        },
        _ => None,
    };
    let call = Call { name: request.name, payload: request.payload, args: request.args };
    let response = Response::from(core.handle(Request { caller, call }).await);
    let subscribed = watch.filter(|_| response.status == steward_ipc::Status::Ok);
    (with_id(response, id), subscribed)
}

fn with_id(mut response: Response, id: Option<Id>) -> Response {
    response.id = id;
    response
}

/// A line as a request; else the action's name, the request's id and what is wrong.
type Undecoded = (String, Option<Id>, Failure);

fn decode(frame: Frame<'_>) -> Result<WireRequest<'_>, Undecoded> {
    let invalid = |message: String| ("unknown".to_owned(), None, Failure::new(Code::InvalidRequest, message));
    let line = match frame {
        Frame::Line(line) => line,
        Frame::TooLarge => {
            let message = format!("a line has at most {MAX_LINE} bytes; the rest of this one is skipped");
            return Err(("unknown".to_owned(), None, Failure::new(Code::RequestTooLarge, message)));
        }
    };
    let request = WireRequest::decode(line).map_err(|e| invalid(format!("invalid request: {e}")))?;
    if request.name.len() > MAX_ECHO {
        return Err(invalid(format!("invalid request: the name of an action has at most {MAX_ECHO} bytes")));
    }
    if request.version.is_some_and(|v| v != VERSION) {
        let failure = Failure::new(Code::InvalidRequest, "unsupported request version");
        return Err((request.name.into_owned(), request.id, failure));
    }
    Ok(request)
}

/// Streams events until the client goes, is too slow, or the agent stops.
async fn stream(
    core: &Core,
    wire: &impl Wire,
    caller: &Arc<Caller>,
    mut watch: Watch,
    lines: &mut Lines,
    mut stop: watch::Receiver<bool>,
) {
    let mut out = Vec::new();
    let mut seq = 0;
    let mut stopping = false;
    loop {
        tokio::select! {
            happening = watch.next() => match happening {
                Some(happening) => {
                    seq += 1;
                    encode_event(happening.name, Some(seq), Some(&happening.ts), &happening.data, &mut out);
                }
                None => {
                    if watch.was_slow() {
                        let data = serde_json::json!({ "reason": "slow_reader" });
                        encode_event("dropped", None, None, &data, &mut out);
                        // It may still read; if not, the deadline of writing ends it.
                    }
                    let _gone = wire.write(&out).await;
                    return;
                }
            },
            read = wire.read(lines), if !stopping => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            },
            // What waits is still told; the end of the subscription ends the stream.
            () = stopped(&mut stop), if !stopping => stopping = true,
        }
        while let Some(frame) = lines.next_frame() {
            let failure = Failure::new(Code::InvalidRequest, "this connection only has events; ask on another one");
            let (name, id) = match decode(frame) {
                Ok(request) => (request.name.into_owned(), request.id),
                Err((name, id, _)) => (name, id),
            };
            core.malformed(caller, &failure);
            with_id(Reply::failed(name, failure).into(), id).encode(&mut out);
        }
        if write(wire, &mut out).await.is_err() {
            return;
        }
    }
}

fn encode_event(name: &'static str, seq: Option<u64>, ts: Option<&str>, data: &serde_json::Value, out: &mut Vec<u8>) {
    let event = Event { version: VERSION, event: name.into(), seq, ts: ts.map(str::to_owned), data: data.clone() };
    if serde_json::to_writer(&mut *out, &event).is_ok() {
        out.push(b'\n');
    }
}
