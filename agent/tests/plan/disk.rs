//! A full disk beneath the audit log: what cannot be recorded is not done.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::DESKTOP;
use crate::{Plans, code, read, write};

/// Set inside a mount namespace of our own.
const INSIDE: &str = "STEWARD_INSIDE_MOUNTS";
const NAME: &str = "disk::a_plan_that_cannot_be_recorded_is_refused_and_nothing_of_it_runs";

#[test]
fn a_plan_that_cannot_be_recorded_is_refused_and_nothing_of_it_runs() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let skip = |why: &str| {
        assert!(std::env::var_os("STEWARD_TEST_REAL").is_none_or(|v| v != "1"), "{why}");
        // Past the capture of the test harness, so that it is seen.
        let _ = writeln!(std::io::stderr(), "{NAME}: skipped: {why}");
    };
    if !crate::support::is_root() {
        return skip("needs root, to mount a small tmpfs");
    }
    let mounts = |program: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "--", program]).stdin(Stdio::null());
        command
    };
    match mounts("sh").args(["-c", "mount -t tmpfs tmpfs /mnt"]).output() {
        Ok(done) if done.status.success() => {}
        Ok(done) => return skip(&format!("cannot mount: {}", String::from_utf8_lossy(&done.stderr).trim())),
        Err(e) => return skip(&format!("cannot run unshare: {e}")),
    }
    let own = std::env::current_exe().unwrap();
    let mut again = mounts(own.to_str().unwrap());
    let done = again.args(["--exact", NAME, "--nocapture", "--test-threads=1"]).env(INSIDE, "1").output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}

fn inside() {
    let small = tempfile::tempdir().unwrap();
    let options = ["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs"];
    assert!(Command::new("mount").args(options).arg(small.path()).status().unwrap().success());
    // The log alone is on the small disk: a plan has room for what it writes.
    let log = small.path().join("audit.jsonl");
    let plans = Plans::with(&["--audit-path", log.to_str().unwrap()], DESKTOP);
    assert_eq!(plans.execute(json!([write("before.txt", "x")]))[0]["ok"], true);

    let filler = small.path().join("fill");
    let mut file = std::fs::File::create(&filler).unwrap();
    let mut size = 64 * 1024;
    while size > 0 {
        match file.write(&vec![b'x'; size]) {
            Ok(n) if n > 0 => {}
            _ => size /= 2,
        }
    }
    // What fits into the rest of the last page may still be done; then nothing is.
    let mut refused = 0;
    for n in 0..40 {
        let name = format!("full-{n}.txt");
        let step = plans.execute(json!([write(&name, "x")])).remove(0);
        let there = plans.path("work").join(&name).exists();
        assert_eq!(step["ok"], there, "{step}");
        if !there {
            refused += 1;
            assert_eq!(code(&step), "write_failed", "{step}");
            let message = step["error"]["message"].as_str().unwrap();
            assert!(
                message.starts_with("write failed: nothing was done, because it could not be recorded"),
                "{message}"
            );
        }
    }
    assert!(refused > 20, "{refused} of 40 were refused");
    // Of several steps none runs, and what only looks goes on.
    let several = plans.execute(json!([write("one.txt", "1"), read("one.txt")]));
    assert!(several.iter().all(|s| s["ok"] == false), "{several:?}");
    assert!(!plans.path("work/one.txt").exists());
    assert_eq!(plans.execute(json!([read("before.txt")]))[0]["content_base64"], "eA==");
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    crate::support::eventually(|| plans.execute(json!([write("after.txt", "x")]))[0]["ok"] == true);
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("after.txt") && !log.contains("one.txt"));
    drop(plans);
    assert!(Command::new("umount").args(["--lazy".as_ref(), small.path().as_os_str()]).status().unwrap().success());
}
