//! A full disk beneath the audit log: what cannot be recorded is not done.

use serde_json::json;

use crate::support::DESKTOP;
use crate::{Plans, code, read, small_disk, write};

const NAME: &str = "disk::a_plan_that_cannot_be_recorded_is_refused_and_nothing_of_it_runs";

#[test]
fn a_plan_that_cannot_be_recorded_is_refused_and_nothing_of_it_runs() {
    small_disk::with_own_mounts(NAME, inside);
}

fn inside() {
    let small = tempfile::tempdir().unwrap();
    small_disk::mount(1, small.path());
    // The log alone is on the small disk: a plan has room for what it writes.
    let log = small.path().join("audit.jsonl");
    let plans = Plans::with(&["--audit-path", log.to_str().unwrap()], DESKTOP);
    assert_eq!(plans.execute(json!([write("before.txt", "x")]))[0]["ok"], true);

    let filler = small_disk::fill(small.path());
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
    std::fs::remove_file(&filler).unwrap();
    crate::support::eventually(|| plans.execute(json!([write("after.txt", "x")]))[0]["ok"] == true);
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("after.txt") && !log.contains("one.txt"));
    drop(plans);
    small_disk::unmount(small.path());
}
