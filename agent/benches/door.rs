//! The home protocol's door against a bare echo: a tokio server that parses a line and answers one, and nothing else.
//!
//! Both run in processes of their own and are measured turn by turn by the same client; what counts is the ratio. The bars
//! are in docs/performance.md. `cargo bench -p steward-agent --bench door`

mod common;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{connected, median, stewardd, this_program};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const REQUEST: &str = "{\"version\":1,\"name\":\"ping\"}\n";
/// Connections and requests on their way on each, as the bars name them.
const LOADS: [(usize, usize); 3] = [(1, 1), (1, 64), (8, 64)];
const ROUNDS: usize = 7;
const WARM: Duration = Duration::from_millis(200);
const TIME: Duration = Duration::from_millis(700);
const ECHO: &str = "STEWARD_BENCH_ECHO";

fn main() {
    if let Ok(path) = std::env::var(ECHO) {
        return echo(&path);
    }
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let at = |name: &str| folder.path().join(name);
    let (state, sockets) = (at("state"), [at("echo.sock"), at("agent.sock")]);
    let _echo = this_program(ECHO, &sockets[0]);
    let args = ["--socket".as_ref(), sockets[1].as_os_str(), "--state-dir".as_ref(), state.as_os_str()];
    let _agent = stewardd(&args, &[]);
    sockets.iter().for_each(|socket| drop(connected(socket)));
    println!(
        "{:>5} {:>5}  {:>22}  {:>22}  {:>22}",
        "conns", "depth", "requests/s (ratio)", "p50 µs (ratio)", "p99 µs (ratio)"
    );
    for (conns, depth) in LOADS {
        let mut rows = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (socket, rows) in sockets.iter().zip(&mut rows) {
                rows.push(load(socket, conns, depth));
            }
        }
        let [bare, ours] = rows.map(|rows| [0, 1, 2].map(|i| median(rows.iter().map(|r: &[f64; 3]| r[i]).collect())));
        let cell = |i: usize| format!("{:.1} / {:.1} ({:.2}×)", ours[i], bare[i], ours[i] / bare[i]);
        println!("{conns:>5} {depth:>5}  {:>22}  {:>22}  {:>22}", cell(0), cell(1), cell(2));
    }
}

/// Requests a second, and the p50 and p99 of a round trip in microseconds.
fn load(socket: &Path, conns: usize, depth: usize) -> [f64; 3] {
    let mut times: Vec<u32> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..conns).map(|_| scope.spawn(|| client(socket, depth))).collect();
        clients.into_iter().flat_map(|c| c.join().expect("a client")).collect()
    });
    times.sort_unstable();
    let at = |part: f64| f64::from(times[((times.len() as f64 * part) as usize).min(times.len() - 1)]) / 1000.0;
    [times.len() as f64 / TIME.as_secs_f64(), at(0.5), at(0.99)]
}

/// Keeps `depth` requests on their way on one connection; the round trips in nanoseconds.
fn client(socket: &Path, depth: usize) -> Vec<u32> {
    let mut stream = UnixStream::connect(socket).expect("a connection");
    let (begin, mut sent, mut times) =
        (Instant::now(), std::collections::VecDeque::new(), Vec::with_capacity(2_000_000));
    let (from, until) = (begin + WARM, begin + WARM + TIME);
    let mut buffer = vec![0; 256 * 1024];
    let mut want = depth;
    loop {
        sent.extend(std::iter::repeat_n(Instant::now(), want));
        stream.write_all(REQUEST.repeat(want).as_bytes()).expect("a write");
        let n = stream.read(&mut buffer).expect("a read");
        assert!(n > 0, "the server closed the connection");
        let now = Instant::now();
        want = buffer[..n].iter().filter(|b| **b == b'\n').count();
        for begun in sent.drain(..want) {
            if (from..until).contains(&now) {
                times.push(u32::try_from((now - begun).as_nanos()).unwrap_or(u32::MAX));
            }
        }
        if now >= until {
            return times;
        }
    }
}

#[derive(Deserialize)]
struct Asked<'a> {
    version: u32,
    #[serde(borrow)]
    name: std::borrow::Cow<'a, str>,
}

#[derive(Serialize)]
struct Answered<'a> {
    version: u32,
    action: &'a str,
    status: &'a str,
    message: &'a str,
    capabilities: Option<()>,
    confirmation_id: Option<()>,
}

/// The least that a server of such lines must do.
fn echo(path: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::UnixListener::bind(path).expect("a socket");
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut buffer, mut have, mut out) = (vec![0; 64 * 1024], 0, Vec::with_capacity(64 * 1024));
                while let Ok(n @ 1..) = stream.read(&mut buffer[have..]).await {
                    have += n;
                    let mut start = 0;
                    while let Some(end) = buffer[start..have].iter().position(|b| *b == b'\n') {
                        let asked: Asked<'_> =
                            serde_json::from_slice(&buffer[start..start + end]).expect("our own request");
                        let (version, action) = (asked.version, &*asked.name);
                        let answer = Answered {
                            version,
                            action,
                            status: "ok",
                            message: "pong",
                            capabilities: None,
                            confirmation_id: None,
                        };
                        serde_json::to_writer(&mut out, &answer).expect("a Vec takes every write");
                        out.push(b'\n');
                        start += end + 1;
                    }
                    buffer.copy_within(start..have, 0);
                    have -= start;
                    if stream.write_all(&out).await.is_err() {
                        return;
                    }
                    out.clear();
                }
            });
        }
    });
}
