//! A plan of 64 reads of 64 KiB through the plan door against a bare server that reads the same plan, reads the files, encodes them
//! and writes the same answer.
//!
//! Both run in processes of their own and are measured turn by turn by the same client over a Unix socket; what counts is the ratio. The bar is in
//! docs/performance.md. `cargo bench -p steward-agent --bench files`

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::json;
use steward_ipc::plan::{Action, ActionPlan, Mode, PlanResult, StepResult};

const READS: usize = 64;
const BYTES: usize = 64 * 1024;
const ROUNDS: usize = 101;
const BARE: &str = "STEWARD_BENCH_BARE";

fn main() {
    if let Ok(path) = std::env::var(BARE) {
        return bare(&path);
    }
    let folder = tempfile::tempdir_in("/tmp").expect("a folder for temporary files");
    let at = |name: &str| folder.path().join(name);
    let steps: Vec<_> = (0..READS as u32)
        .map(|number| {
            let path = at(&format!("file-{number}"));
            let content = (0..BYTES as u32).map(|n| ((n + number).wrapping_mul(2_654_435_761) >> 13) as u8);
            std::fs::write(&path, content.collect::<Vec<u8>>()).expect("a file");
            json!({ "type": "read_file", "path": path, "max_bytes": BYTES, "reason": "a bench" })
        })
        .collect();
    let plan = json!({ "request_id": "r", "version": "0.1", "mode": "execute", "actions": steps }).to_string();
    let flags = [("--socket", at("agent.sock")), ("--plan-socket", at("plan.sock")), ("--state-dir", at("state"))];
    let flags = flags.into_iter().flat_map(|(flag, path)| [PathBuf::from(flag), path]).collect::<Vec<_>>();
    let this = std::env::current_exe().expect("this program");
    let bare = start(&this, &[], &[(BARE, &at("bare.sock"))]);
    let agent = start(Path::new(env!("CARGO_BIN_EXE_stewardd")), &flags, &[]);
    let sockets = [at("bare.sock"), at("plan.sock")];
    let answers = sockets.each_ref().map(|socket| {
        let until = Instant::now() + Duration::from_secs(10);
        while UnixStream::connect(socket).is_err() {
            assert!(Instant::now() < until, "{} does not answer", socket.display());
            std::thread::sleep(Duration::from_millis(5));
        }
        turn(socket, &plan).1
    });
    assert!(answers[0] == answers[1] && answers[0].len() > READS * BYTES, "the answers are not the same");
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (socket, times) in sockets.iter().zip(&mut times) {
            times.push(turn(socket, &plan).0);
        }
    }
    let [bare_ms, ours_ms] = times.map(median);
    println!(
        "a plan of {READS} reads of {BYTES} bytes, median of {ROUNDS} turns: {ours_ms:.2} ms / {bare_ms:.2} ms ({:.2}×)",
        ours_ms / bare_ms
    );
    for mut child in [bare, agent] {
        let _gone = child.kill();
        let _gone = child.wait();
    }
}

/// Milliseconds from the connection to the last byte of the answer, and the answer.
fn turn(socket: &Path, plan: &str) -> (f64, Vec<u8>) {
    let begin = Instant::now();
    let mut stream = UnixStream::connect(socket).expect("a connection");
    stream.write_all(plan.as_bytes()).expect("sent");
    let _gone = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::with_capacity(2 * READS * BYTES);
    stream.read_to_end(&mut answer).expect("answered");
    (begin.elapsed().as_secs_f64() * 1e3, answer)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

#[expect(clippy::disallowed_methods, reason = "a bench starts the programs that it measures")]
fn start(program: &Path, args: &[PathBuf], env: &[(&str, &Path)]) -> Child {
    let mut command = Command::new(program);
    command.args(args).envs(env.iter().copied()).stderr(std::process::Stdio::null());
    command.spawn().expect("a program")
}

/// The least that a server of such plans must do.
fn bare(path: &str) {
    let listener = UnixListener::bind(path).expect("a socket");
    for stream in listener.incoming() {
        let mut stream = stream.expect("a client");
        let mut document = Vec::new();
        stream.read_to_end(&mut document).expect("a plan");
        if document.is_empty() {
            continue;
        }
        let plan = ActionPlan::decode(&document).expect("our own plan");
        let read = |action: &Action| {
            let Action::ReadFile(read) = action else { unreachable!("the plan only reads") };
            let mut content = Vec::with_capacity(BYTES + 1);
            let file = std::fs::File::open(&read.path).expect("a file");
            file.take(read.max_bytes + 1).read_to_end(&mut content).expect("its content");
            let content_base64 = Some(base64_simd::STANDARD.encode_to_string(&content));
            StepResult { ok: true, content_base64, ..StepResult::of(action) }
        };
        let answer = PlanResult {
            executed: plan.mode == Mode::Execute,
            results: plan.actions.iter().map(read).collect(),
            request_id: plan.request_id,
            error: None,
        };
        stream.write_all(&serde_json::to_vec(&answer).expect("an answer is JSON")).expect("sent");
    }
}
