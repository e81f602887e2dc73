//! The door of action plans against a bare server of the same shape: tokio, a connection for each document, read to its end, parsed
//! into the same types, answered, closed.
//!
//! Both run in processes of their own and are measured turn by turn by the same client; what counts is the ratio. `cargo bench -p
//! steward-agent --bench plan`

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use steward_ipc::plan::{ActionPlan, Mode, PlanResult, StepResult};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PLAN: &str = r#"{"request_id":"req-1","version":"0.1","mode":"execute","actions":[{"type":"ping"}]}"#;
/// Clients at once, as the bars name them.
const LOADS: [usize; 2] = [1, 16];
const ROUNDS: usize = 7;
const TIME: Duration = Duration::from_millis(700);
const BARE: &str = "STEWARD_BENCH_BARE";

fn main() {
    if let Ok(path) = std::env::var(BARE) {
        return bare(&path);
    }
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let at = |name: &str| folder.path().join(name);
    let this = std::env::current_exe().expect("this program");
    let mut children = vec![start(&this, &[], Some(&at("bare.sock")))];
    let args = ["--socket", "agent.sock", "--plan-socket", "plan.sock", "--state-dir", "state"]
        .map(|arg| if arg.starts_with("--") { arg.into() } else { at(arg).into_os_string() });
    children.push(start(Path::new(env!("CARGO_BIN_EXE_stewardd")), &args, None));
    let sockets = [at("bare.sock"), at("plan.sock")];
    for socket in &sockets {
        let until = Instant::now() + Duration::from_secs(10);
        while UnixStream::connect(socket).is_err() {
            assert!(Instant::now() < until, "{} does not answer", socket.display());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    println!("{:>7}  {:>12} {:>12}  {:>6}", "clients", "plans/s", "bare", "ratio");
    for clients in LOADS {
        let mut rates = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (socket, rates) in sockets.iter().zip(&mut rates) {
                rates.push(load(socket, clients));
            }
        }
        let [bare, ours] = rates.map(|mut all| {
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        });
        println!("{clients:>7}  {ours:>12.0} {bare:>12.0}  {:>5.2}×", ours / bare);
    }
    for mut child in children {
        let _gone = child.kill();
        let _gone = child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench starts the programs that it measures")]
fn start(program: &Path, args: &[std::ffi::OsString], bare: Option<&Path>) -> Child {
    let mut command = Command::new(program);
    command.args(args).envs(bare.map(|path| (BARE, path))).stderr(std::process::Stdio::null());
    command.spawn().expect("a program")
}

/// Plans a second, of so many clients that each send one after the other.
fn load(socket: &Path, clients: usize) -> f64 {
    let until = Instant::now() + TIME;
    let all: usize = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(|| client(socket, until))).collect();
        clients.into_iter().map(|c| c.join().expect("a client")).sum()
    });
    all as f64 / TIME.as_secs_f64()
}

fn client(socket: &Path, until: Instant) -> usize {
    let mut done = 0;
    let mut answer = Vec::with_capacity(1024);
    while Instant::now() < until {
        let mut stream = UnixStream::connect(socket).expect("a connection");
        stream.write_all(PLAN.as_bytes()).expect("a write");
        let _gone = stream.shutdown(Shutdown::Write);
        answer.clear();
        stream.read_to_end(&mut answer).expect("an answer");
        assert!(answer.ends_with(b"\"error\":null}"), "{}", String::from_utf8_lossy(&answer));
        done += 1;
    }
    done
}

/// The least that a server of such documents must do.
fn bare(path: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::UnixListener::bind(path).expect("a socket");
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut document = Vec::new();
                if stream.read_to_end(&mut document).await.is_err() || document.is_empty() {
                    return;
                }
                let plan = ActionPlan::decode(&document).expect("our own plan");
                let answer = PlanResult {
                    executed: plan.mode == Mode::Execute,
                    results: plan.actions.iter().map(StepResult::of).collect(),
                    request_id: plan.request_id,
                    error: None,
                };
                let answer = serde_json::to_vec(&answer).expect("an answer is JSON");
                if stream.write_all(&answer).await.is_ok() {
                    let _closed = stream.shutdown().await;
                }
            });
        }
    });
}
