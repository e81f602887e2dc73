//! Clients that take their time.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Timespec;
use serde_json::json;

use crate::{Plans, plan};

/// What the document says: a document, and a piece of an answer, may take so long.
const DEADLINE: Duration = Duration::from_secs(30);
/// Longer than that on a machine with other work.
const LATEST: Duration = Duration::from_secs(120);

#[test]
fn a_byte_now_and_then_keeps_no_connection() {
    let plans = Plans::new();
    let mut stream = plans.connect();
    // Each wait is shorter than the two seconds of silence that end a document.
    stream.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    let (began, mut answer) = (Instant::now(), Vec::new());
    loop {
        assert!(began.elapsed() < LATEST, "it is still waited for");
        let mut piece = [0; 1024];
        match stream.write_all(b" ").and_then(|()| stream.read(&mut piece)) {
            Ok(0) => break,
            Ok(n) => answer.extend_from_slice(&piece[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            // It was answered and closed before this byte.
            Err(_) => break,
        }
    }
    assert!(began.elapsed() >= DEADLINE, "{:?}", began.elapsed());
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.is_empty() || answer.contains(r#""message":"read timed out""#), "{answer}");
    assert_eq!(plans.execute(json!([{ "type": "ping" }]))[0]["ok"], true);
    let rejected = plans.end().into_iter().filter(|r| r["kind"] == "malformed");
    assert!(rejected.into_iter().any(|r| r["data"]["message"] == "read timed out"));
}

#[test]
fn who_does_not_read_its_answer_keeps_no_connection() {
    let plans = Plans::new();
    std::fs::write(plans.path("work/large"), vec![b'x'; 65_536]).unwrap();
    let step = json!({ "type": "read_file", "path": "large", "max_bytes": 65_536, "reason": "a test" });
    let document = plan(json!(vec![step; 64])).to_string();
    let mut stream = plans.connect();
    stream.write_all(document.as_bytes()).unwrap();
    let began = Instant::now();
    // Nothing is read until the other side has gone.
    let wait = Timespec { tv_sec: LATEST.as_secs() as i64, tv_nsec: 0 };
    let gone = poll(&mut [PollFd::new(&stream, PollFlags::RDHUP)], Some(&wait)).unwrap();
    assert_eq!(gone, 1, "it is still written to");
    assert!(began.elapsed() >= DEADLINE, "{:?}", began.elapsed());
    let mut answer = Vec::new();
    let _cut = stream.read_to_end(&mut answer);
    assert!(answer.len() < 64 * 65_536, "all of it fitted into the buffers: {}", answer.len());
    assert_eq!(plans.execute(json!([{ "type": "ping" }]))[0]["ok"], true);
    // What was done is on record, whoever read of it.
    let log = plans.end();
    assert!(
        log.iter().any(|r| r["kind"] == "finished" && r["data"]["steps"].as_array().is_some_and(|s| s.len() == 64))
    );
}
