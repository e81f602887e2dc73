//! 64 reads of 64 KiB through the agent against a bare program that reads, encodes and writes the same.
//!
//! Both run in processes of their own and are measured turn by turn by the same client over a Unix socket; what counts is the ratio. The bar is in
//! docs/performance.md. `cargo bench -p steward-agent --bench files`

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const READS: usize = 64;
const BYTES: usize = 64 * 1024;
const ROUNDS: usize = 41;
const BARE: &str = "STEWARD_BENCH_BARE";

fn main() {
    if let Ok(path) = std::env::var(BARE) {
        return bare(&path);
    }
    let folder = tempfile::tempdir_in("/tmp").expect("a folder for temporary files");
    let at = |name: &str| folder.path().join(name);
    let content: Vec<u8> = (0..BYTES as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(at("file"), content).expect("a file");
    let line = format!("{{\"name\":\"read_file\",\"args\":{{\"path\":\"{}\"}}}}\n", at("file").display());
    let state = at("state");
    let args = [
        "--socket".as_ref(),
        at("agent.sock").as_os_str().to_owned().leak(),
        "--state-dir".as_ref(),
        state.as_os_str(),
    ];
    let bare = start(std::env::current_exe().expect("this program").as_path(), &[], &[(BARE, &at("bare.sock"))]);
    let agent = start(Path::new(env!("CARGO_BIN_EXE_stewardd")), &args, &[]);
    let mut streams = [at("bare.sock"), at("agent.sock")].map(|socket| {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            match UnixStream::connect(&socket) {
                Ok(stream) => break BufReader::with_capacity(1 << 20, stream),
                Err(_) => assert!(Instant::now() < until, "{} does not answer", socket.display()),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=ROUNDS {
        for (stream, times) in streams.iter_mut().zip(&mut times) {
            let took = turn(stream, &line);
            if round > 0 {
                times.push(took);
            }
        }
    }
    let [bare_ms, ours_ms] = times.map(median);
    println!(
        "{READS} reads of {BYTES} bytes, median of {ROUNDS} turns: {ours_ms:.2} ms / {bare_ms:.2} ms ({:.2}×)",
        ours_ms / bare_ms
    );
    for mut child in [bare, agent] {
        let _gone = child.kill();
        let _gone = child.wait();
    }
}

/// Milliseconds from the first request to the last byte of the last answer.
fn turn(stream: &mut BufReader<UnixStream>, line: &str) -> f64 {
    let begin = Instant::now();
    // Sent one by one, so that neither side is asked to run them beside each other: a plan's steps are done in their order.
    let mut answer = Vec::with_capacity(2 * BYTES);
    for _ in 0..READS {
        stream.get_mut().write_all(line.as_bytes()).expect("sent");
        answer.clear();
        stream.read_until(b'\n', &mut answer).expect("answered");
        assert!(answer.len() > BYTES, "{}", String::from_utf8_lossy(&answer));
    }
    begin.elapsed().as_secs_f64() * 1e3
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

#[expect(clippy::disallowed_methods, reason = "a bench starts the programs that it measures")]
fn start(program: &Path, args: &[&std::ffi::OsStr], env: &[(&str, &Path)]) -> Child {
    Command::new(program)
        .args(args)
        .envs(env.iter().copied())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("a program")
}

/// Reads a line, then the file that it names, and answers with its content in base64.
fn bare(path: &str) {
    let listener = UnixListener::bind(path).expect("a socket");
    let (stream, _) = listener.accept().expect("a client");
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    while lines.read_line(&mut line).expect("a line") > 0 {
        let request: serde_json::Value = serde_json::from_str(&line).expect("a request");
        let name = request["args"]["path"].as_str().expect("a path");
        let mut content = Vec::with_capacity(BYTES + 1);
        let file = std::fs::File::open(name).expect("a file");
        file.take(BYTES as u64 + 1).read_to_end(&mut content).expect("its content");
        let answer = serde_json::json!({ "content_base64": base64_simd::STANDARD.encode_to_string(&content) });
        let mut out = serde_json::to_vec(&answer).expect("an answer");
        out.push(b'\n');
        lines.get_mut().write_all(&out).expect("sent");
        line.clear();
    }
}
