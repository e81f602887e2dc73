//! What steps do, one after the other.

use serde_json::json;

use crate::{Plans, TOKEN, code, exec, read, write};

#[test]
fn a_file_that_one_step_writes_is_what_the_next_one_reads() {
    let plans = Plans::new();
    std::fs::write(plans.path("work/note.txt"), "before").unwrap();
    let results =
        plans.execute(json!([read("note.txt"), write("./note.txt", "after\n"), read("note.txt"), { "type": "ping" }]));
    assert_eq!(results[0]["content_base64"], "YmVmb3Jl", "{results:?}");
    assert_eq!(results[1]["artifacts"], json!(["./note.txt"]));
    assert_eq!(results[2]["content_base64"], "YWZ0ZXIK");
    assert_eq!(results[3], json!({ "type": "pong", "ok": true }));
    assert_eq!(std::fs::read_to_string(plans.path("work/note.txt")).unwrap(), "after\n");
}

#[test]
fn after_a_failure_what_only_looks_is_still_done_and_nothing_is_changed() {
    let plans = Plans::with_token();
    std::fs::write(plans.path("work/there.txt"), "x").unwrap();
    let results = plans.execute_with(
        TOKEN,
        json!([
            write("first.txt", "1"),
            exec(&["/bin/false"]),
            read("there.txt"),
            write("second.txt", "2"),
            exec(&["echo", "on"])
        ]),
    );
    assert_eq!(results[0]["ok"], true, "{results:?}");
    assert_eq!((&results[1]["ok"], &results[1]["exit_code"], code(&results[1])), (&json!(false), &json!(1), "none"));
    assert_eq!(results[2]["content_base64"], "eA==");
    assert_eq!(code(&results[3]), "not_run");
    assert_eq!(results[4]["stdout"], "on\n");
    assert!(plans.path("work/first.txt").exists() && !plans.path("work/second.txt").exists());
    let missing = plans.execute(json!([read("no-such-file"), write("third.txt", "3"), read("there.txt")]));
    assert_eq!(code(&missing[0]), "read_failed");
    assert_eq!(missing[0]["error"]["message"], "read failed: No such file or directory (os error 2)");
    assert_eq!((code(&missing[1]), &missing[2]["ok"]), ("not_run", &json!(true)));
}

#[test]
fn one_step_that_is_denied_or_cannot_be_meant_keeps_all_from_running() {
    let plans = Plans::with_token();
    for (bad, wanted) in [
        (exec(&["reboot"]), "policy_denied"),
        (exec(&["/bin/ec\0ho"]), "exec_failed"),
        (
            json!({ "type": "install_packages", "manager": "apt", "packages": ["--evil"], "reason": "r" }),
            "invalid_arguments",
        ),
        (json!({ "type": "firmware_op", "op": "fwupd_update", "reason": "r" }), "policy_denied"),
    ] {
        let results = plans.execute_with(TOKEN, json!([write("never.txt", "x"), bad, { "type": "ping" }]));
        assert_eq!((code(&results[0]), code(&results[1])), ("not_run", wanted), "{results:?}");
        assert_eq!(results[2]["ok"], true);
        assert!(!plans.path("work/never.txt").exists());
    }
}

#[test]
fn what_ends_the_machine_is_denied_under_all_of_its_names() {
    let plans = Plans::with_token();
    for program in [
        "dd",
        "/bin/dd",
        "/usr/bin/dd",
        "mkfs.xfs",
        "/usr/sbin/mkfs.ext4",
        "poweroff",
        "halt",
        "/usr/sbin/reboot",
        "shutdown",
    ] {
        for mode in ["execute", "plan_only"] {
            let mut document = crate::confirmed(TOKEN, crate::plan(json!([exec(&[program, "--help"])])));
            document["mode"] = json!(mode);
            let results = crate::results(&plans.send(&document));
            assert_eq!(results[0]["error"]["message"], "exec denied by policy", "{program}: {results:?}");
        }
    }
}

#[test]
fn output_is_cut_at_8192_bytes_and_says_so() {
    let plans = Plans::with_token();
    for (bytes, cut) in [(8192, false), (8193, true)] {
        let results = plans.execute_with(TOKEN, json!([exec(&["/usr/bin/printf", &format!("%0{bytes}d"), "0"])]));
        let wanted = "0".repeat(8192) + if cut { "\n[truncated]\n" } else { "" };
        assert_eq!(results[0]["stdout"], wanted);
        assert_eq!(results[0]["stdout_truncated"], cut);
    }
}

#[test]
fn nothing_of_the_caller_decides_which_program_runs() {
    let plans = Plans::with_token();
    let evil = plans.path("work/echo");
    std::fs::write(&evil, "#!/bin/sh\necho evil\n").unwrap();
    std::fs::set_permissions(&evil, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for name in ["PATH", "LD_PRELOAD", "BASH_ENV"] {
        let mut step = exec(&["echo", "x"]);
        step["env"] = json!({ name: plans.path("work").display().to_string() });
        let results = plans.execute(json!([step]));
        assert_eq!(code(&results[0]), "exec_failed", "{name}: {results:?}");
    }
    let mut step = exec(&["echo", "good"]);
    step["cwd"] = json!(".");
    assert_eq!(plans.execute_with(TOKEN, json!([step]))[0]["stdout"], "good\n");
    let results = plans.execute(json!([exec(&["/usr/bin/env"])]));
    assert_eq!(code(&results[0]), "confirmation_required");
    let environment = plans.execute_with(TOKEN, json!([exec(&["/usr/bin/env"])]));
    assert!(!environment[0]["stdout"].as_str().unwrap().contains("STEWARD"), "{environment:?}");
}

#[test]
fn a_command_ends_at_its_deadline_and_what_cannot_be_started_says_why() {
    let plans = Plans::with_token();
    let mut step = exec(&["/bin/sleep", "60"]);
    step["timeout_sec"] = json!(1);
    let results = plans.execute_with(TOKEN, json!([step]));
    assert_eq!((code(&results[0]), &results[0]["error"]["message"]), ("exec_timed_out", &json!("exec timed out")));
    assert_eq!((&results[0]["exit_code"], &results[0]["stdout"]), (&json!(null), &json!("")));
    let results = plans.execute_with(TOKEN, json!([exec(&["/no/such/program"])]));
    assert_eq!(results[0]["error"]["message"], "exec failed: No such file or directory (os error 2)");
}

#[test]
fn links_and_the_way_up_lead_nowhere() {
    let plans = Plans::with_token();
    std::fs::write(plans.path("outside.txt"), "s").unwrap();
    std::os::unix::fs::symlink(plans.path("outside.txt"), plans.path("work/link")).unwrap();
    let results = plans.execute(json!([read("link")]));
    assert_eq!(code(&results[0]), "read_failed", "{results:?}");
    // It is free by its place, and asks for the way it is named.
    assert_eq!(code(&plans.execute(json!([read("../outside.txt")]))[0]), "confirmation_required");
    assert_eq!(plans.execute_with(TOKEN, json!([read("../outside.txt")]))[0]["content_base64"], "cw==");
    let audit = plans.path("state/audit/audit.jsonl");
    let results = plans.execute_with(TOKEN, json!([write(audit.to_str().unwrap(), "")]));
    assert_eq!(code(&results[0]), "policy_denied", "{results:?}");
}

#[test]
fn one_step_that_cannot_be_meant_is_that_ones_trouble_and_no_others() {
    let plans = Plans::new();
    std::fs::write(plans.path("work/there.txt"), "x").unwrap();
    let steps =
        json!([read("there.txt"), read("a\0b"), exec(&["echo", "x"]), write("folder/", "x"), { "type": "ping" }]);
    let results = plans.execute(steps.clone());
    let codes: Vec<&str> = results.iter().map(code).collect();
    assert_eq!(codes, ["not_run", "read_failed", "not_run", "write_failed", "none"], "{results:?}");
    assert_eq!(results[1]["error"]["message"], "read failed: file name contained an unexpected NUL byte");
    assert_eq!(results[3]["error"]["message"], "write failed: Is a directory (os error 21)");
    assert!(!plans.path("work/folder").exists());
    let mut only = crate::plan(steps);
    only["mode"] = json!("plan_only");
    let results = crate::results(&plans.send(&only));
    assert!(results.iter().all(|r| r["error"].is_null()), "{results:?}");
    assert_eq!(results[0]["plan"]["decision"], "ok", "{results:?}");
    assert_eq!(
        (&results[1]["ok"], &results[1]["plan"]["would_fail"]["code"]),
        (&json!(false), &json!("invalid_payload"))
    );
    assert_eq!((&results[2]["ok"], &results[2]["plan"]["decision"]), (&json!(true), &json!("ok")));
}

#[test]
fn a_file_that_is_not_opened_says_what_it_is_behind_the_systems_words() {
    let plans = Plans::new();
    let at = |name: &str| plans.path("work").join(name);
    std::os::unix::fs::symlink("elsewhere", at("link")).unwrap();
    let made = rustix::fs::mknodat(
        rustix::fs::CWD,
        at("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    );
    made.unwrap();
    for (path, begins, says) in [
        ("link", "failed: Too many levels of symbolic links (os error 40); ", "name the place that it leads to"),
        ("link/x", "failed: Too many levels of symbolic links (os error 40); ", "links are not followed"),
        ("pipe", "failed: No such device (os error 19); ", "a device, a pipe, a socket"),
        // What the original's clients know stays as it is.
        ("none/x", "failed: No such file or directory (os error 2)", ""),
        ("pipe/x", "failed: Not a directory (os error 20)", ""),
    ] {
        for (word, step) in [("read", read(path)), ("write", write(path, "x"))] {
            let results = plans.execute(json!([step]));
            let message = results[0]["error"]["message"].as_str().unwrap();
            assert_eq!(code(&results[0]), format!("{word}_failed"));
            assert!(message.starts_with(&format!("{word} {begins}")) && message.contains(says), "{path}: {message}");
            assert!(!says.is_empty() || message.len() == word.len() + 1 + begins.len(), "{path}: {message}");
        }
    }
    let device = plans.execute(json!([read("/dev/null")]));
    assert!(device[0]["error"]["message"].as_str().unwrap().contains("neither read nor written"), "{device:?}");
}

#[test]
fn memory_that_programs_share_is_a_place_like_others() {
    let plans = Plans::new();
    let path = format!("/dev/shm/steward-test-{}", std::process::id());
    assert_eq!(code(&plans.execute(json!([write(&path, "x")]))[0]), "confirmation_required");
    assert_eq!(code(&plans.execute(json!([write("/dev/steward-test", "x")]))[0]), "policy_denied");
    assert!(!std::path::Path::new(&path).exists());
}

#[test]
fn a_daemon_in_the_root_folder_has_nothing_free_because_of_it() {
    let plans = Plans::started_in(Some("/"), &[], crate::support::DESKTOP);
    // A relative path is a whole one by then, and judged as that.
    for path in ["etc/hostname", "./etc/passwd", "root/x", "proc/version"] {
        let results = plans.execute(json!([read(path)]));
        assert!(results[0]["content_base64"].is_null(), "{path}: {results:?}");
        let results = plans.execute(json!([write(path, "x")]));
        assert!(
            matches!(code(&results[0]), "confirmation_required" | "policy_denied" | "write_failed"),
            "{path}: {results:?}"
        );
    }
    let log = plans.end();
    assert!(!log.iter().any(|r| r["kind"] == "judged"), "something ran: {log:?}");
    assert!(log.iter().any(|r| r.to_string().contains("\"/etc/passwd\"")));
}
