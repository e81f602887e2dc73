//! The home protocol: one JSON object a line, one answer a line, in order (docs/ipc.md).

use std::future::poll_fn;
use std::io::{self, IsTerminal as _};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use steward_ipc::frame::{Frame, Lines};
use steward_ipc::{Code, Event, Id, MAX_LINE, Request as WireRequest, Response, VERSION};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Stdin, Stdout};
use tokio::net::UnixStream;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use crate::action::types::is_hidden;
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
/// How long a line may take from its first byte to its newline. Between lines there is no limit.
const LINE_DEADLINE: Duration = Duration::from_secs(60);
/// How long a request has to be answered when the agent stops. Then its client has a last line that says so; it is shorter
/// than the grace that connections have.
pub(crate) const LAST_CALL: Duration = Duration::from_secs(4);
/// The longest name of an action that is echoed, in bytes.
const MAX_ECHO: usize = 128;

/// Two directions of bytes.
pub(crate) trait Wire {
    /// Appends what can be read, at most [`READ`] bytes; 0 is the end.
    fn read(&self, into: &mut Lines) -> impl Future<Output = io::Result<usize>> + Send;
    /// Whether a line that was begun has to end in time: a client of a socket takes the place of another, standard input has one.
    fn hurries(&self) -> bool;
    /// Writes all of `bytes`.
    fn write(&self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> + Send;
}

impl Wire for Arc<UnixStream> {
    fn hurries(&self) -> bool {
        true
    }

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
    /// Whether a terminal would act on what is written.
    terminal: bool,
}

impl Wire for Stdio {
    fn hurries(&self) -> bool {
        false
    }

    async fn read(&self, into: &mut Lines) -> io::Result<usize> {
        let buffer = into.buffer();
        buffer.reserve(READ);
        self.input.lock().await.read_buf(buffer).await
    }

    async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut output = self.output.lock().await;
        if self.terminal {
            let mut shown = String::new();
            escape_lines(&String::from_utf8_lossy(bytes), &mut shown);
            output.write_all(shown.as_bytes()).await?;
        } else {
            output.write_all(bytes).await?;
        }
        output.flush().await
    }
}

/// Appends lines of JSON with the characters escaped that a terminal or a reader would not show. JSON has none of them outside
/// its strings, so the value stays the same.
pub fn escape_lines(text: &str, out: &mut String) {
    for c in text.chars() {
        if c != '\n' && is_hidden(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
}

/// Serves standard input and output until the input ends.
pub async fn serve_stdio(core: Core, caller: Arc<Caller>, stop: watch::Receiver<bool>) {
    let terminal = io::stdout().is_terminal();
    let wire = Stdio { input: Mutex::new(tokio::io::stdin()), output: Mutex::new(tokio::io::stdout()), terminal };
    serve(&core, &wire, &caller, stop).await;
}

/// Serves one connection until it ends or the agent stops.
pub async fn serve_connection(core: Core, stream: Arc<UnixStream>, caller: Arc<Caller>, stop: watch::Receiver<bool>) {
    serve(&core, &stream, &caller, stop).await;
}

async fn serve(core: &Core, wire: &impl Wire, caller: &Arc<Caller>, mut stop: watch::Receiver<bool>) {
    let mut lines = Lines::new(MAX_LINE);
    let mut out = Vec::new();
    let mut half = Half::default();
    loop {
        let read = tokio::select! {
            biased;
            read = wire.read(&mut lines) => read,
            () = stopped(&mut stop) => return,
            () = half.overdue(), if wire.hurries() => {
                half.refuse(core, caller, &mut out);
                let _gone = write(wire, &mut out).await;
                return;
            }
        };
        let mut seen = Seen::Nothing;
        let ended = match read {
            Ok(0) => true,
            Ok(n) => {
                seen = Seen::of(lines.buffer(), n);
                false
            }
            Err(e) => return tracing::debug!("a connection broke: {e}"),
        };
        loop {
            let frame = match lines.next_frame() {
                None if ended => lines.last_frame(),
                frame => frame,
            };
            let Some(frame) = frame else { break };
            let answering = answer(core, caller, frame, &mut stop);
            let Ok((response, subscribed)) = in_turn(wire, &mut out, answering).await else { return };
            response.encode(&mut out);
            if let Some(watch) = subscribed {
                if wire.write(&out).await.is_ok() {
                    half.saw(seen, Instant::now());
                    stream(core, wire, caller, watch, &mut lines, half, stop).await;
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
        // Only now: what was answered before the half line may have taken its time.
        half.saw(seen, Instant::now());
        lines.shrink();
        out.shrink_to(0);
    }
}

/// Where what was read leaves the stream of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// There was nothing.
    Nothing,
    /// It is more of the same line.
    More,
    /// A line ended in it, and it ends in another.
    Started,
    /// It ends with a line.
    Whole,
}

impl Seen {
    /// Looks at the last `n` bytes of a buffer, which are those that were just read.
    fn of(buffer: &[u8], n: usize) -> Seen {
        match &buffer[buffer.len().saturating_sub(n)..] {
            [] => Seen::Nothing,
            [.., b'\n'] => Seen::Whole,
            read if read.contains(&b'\n') => Seen::Started,
            _ => Seen::More,
        }
    }
}

/// A line that was begun and has no end yet; also one that is too long and being skipped.
#[derive(Clone, Copy, Debug, Default)]
struct Half {
    since: Option<Instant>,
}

impl Half {
    fn saw(&mut self, seen: Seen, now: Instant) {
        self.since = match seen {
            Seen::Nothing => self.since,
            Seen::More => self.since.or(Some(now)),
            Seen::Started => Some(now),
            Seen::Whole => None,
        };
    }

    fn deadline(&self) -> Option<Instant> {
        self.since.map(|since| since + LINE_DEADLINE)
    }

    /// Waits until the line has taken too long; for ever when there is none.
    async fn overdue(&self) {
        match self.deadline() {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    }

    /// The last line for a client whose own never ended.
    fn refuse(&self, core: &Core, caller: &Arc<Caller>, out: &mut Vec<u8>) {
        let seconds = LINE_DEADLINE.as_secs();
        let failure =
            Failure::new(Code::TimedOut, format!("a line must end within {seconds} seconds of its beginning"));
        core.malformed(caller, &failure);
        Response::from(Reply::failed("unknown", failure)).encode(out);
    }
}

/// Waits for an answer. Those before it that are not written yet are not kept waiting by one that takes its time; and while they are
/// written the request goes on, because it may have in hand what others wait for.
///
/// # Errors
/// When the client does not read them.
async fn in_turn<T>(wire: &impl Wire, out: &mut Vec<u8>, answering: impl Future<Output = T>) -> io::Result<T> {
    let mut answering = pin!(answering);
    if out.is_empty() {
        return Ok(answering.await);
    }
    if let Poll::Ready(answer) = poll_fn(|cx| Poll::Ready(answering.as_mut().poll(cx))).await {
        return Ok(answer);
    }
    let (written, answer) = tokio::join!(write(wire, out), answering);
    written.map(|()| answer)
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

/// Waits until the agent has been stopping for so long that what is not answered yet is given up.
async fn out_of_time(stop: &mut watch::Receiver<bool>) {
    stopped(stop).await;
    tokio::time::sleep(LAST_CALL).await;
}

/// Answers one line; with a subscription when it asked for one.
async fn answer(
    core: &Core,
    caller: &Arc<Caller>,
    frame: Frame<'_>,
    stop: &mut watch::Receiver<bool>,
) -> (Response, Option<Watch>) {
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
    let name = request.name.clone();
    let call = Call { name: request.name, payload: request.payload, args: request.args };
    let reply = tokio::select! {
        biased;
        reply = core.handle(Request { caller, call }) => reply,
        () = out_of_time(stop) => {
            let message = "the agent is being stopped and does not wait for this; what was begun goes on, and its end will \
                           be in the audit log and in the answer to `result`";
            Reply::failed(name.into_owned(), Failure::new(Code::UnknownOutcome, message))
        }
    };
    let response = Response::from(reply);
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
    mut half: Half,
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
                Ok(n) => half.saw(Seen::of(lines.buffer(), n), Instant::now()),
            },
            () = half.overdue(), if wire.hurries() && !stopping => {
                half.refuse(core, caller, &mut out);
                let _gone = write(wire, &mut out).await;
                return;
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_sixty_seconds_from_its_first_byte_and_an_idle_connection_for_ever() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut half = Half::default();
        let reads: [(u64, &[u8], Option<u64>); 8] = [
            (0, b"{\"na", Some(60)),
            (1, b"m", Some(60)),
            (59, b"e", Some(60)),
            (59, b"\":1}\n", None),
            (500, b"{}\n{", Some(560)),
            (501, b"}\n{}\n{", Some(561)),
            (502, b"}", Some(561)),
            (503, b"\n", None),
        ];
        for (now, read, deadline) in reads {
            half.saw(Seen::of(&[b"before\n", read].concat(), read.len()), at(now));
            assert_eq!(half.deadline(), deadline.map(at), "at {now}");
        }
    }

    #[tokio::test]
    async fn an_answer_does_not_wait_for_a_slower_one_behind_it() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (ours, mut out) = (Arc::new(ours), b"pong\n".to_vec());
        // This one ends only when the answer before it has been read.
        let slow = async {
            let mut read = [0; 5];
            loop {
                theirs.readable().await.unwrap();
                match theirs.try_read(&mut read) {
                    Ok(n) => return read[..n].to_vec(),
                    Err(e) => assert_eq!(e.kind(), io::ErrorKind::WouldBlock),
                }
            }
        };
        let read = tokio::time::timeout(WRITE_DEADLINE, in_turn(&ours, &mut out, slow)).await;
        assert_eq!(read.expect("the answer came first").unwrap(), b"pong\n");
        assert!(out.is_empty());

        // What is done at once is written together with what was before it.
        out.extend_from_slice(b"pong\n");
        in_turn(&ours, &mut out, std::future::ready(())).await.unwrap();
        assert_eq!(out, b"pong\n");
    }

    #[tokio::test]
    async fn a_request_goes_on_while_its_client_does_not_read() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let (ours, mut out) = (Arc::new(ours), vec![b'x'; 16 << 20]);
        let done = tokio::sync::Notify::new();
        let request = async {
            tokio::task::yield_now().await;
            done.notify_one();
        };
        let went_on = tokio::time::timeout(WRITE_DEADLINE / 2, async {
            tokio::select! {
                _written = in_turn(&ours, &mut out, request) => panic!("nobody reads"),
                () = done.notified() => {}
            }
        });
        went_on.await.expect("it did not wait for its client");
    }
}
