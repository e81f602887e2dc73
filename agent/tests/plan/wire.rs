//! Documents and connections.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Plans, code, exec, plan, read, results, write};

#[test]
fn whatever_comes_in_has_the_answer_of_the_protocol() {
    let plans = Plans::new();
    let refused = |id: &str, code: &str, message: &str| {
        format!(
            r#"{{"request_id":"{id}","executed":false,"results":[],"error":{{"code":"{code}","message":"{message}"}}}}"#
        )
    };
    let ping = r#"{"request_id":"a","version":"0.1","mode":"execute","actions":[{"type":"ping","x":1}]}"#;
    for (sent, answer) in [
        (
            ping.to_owned(),
            r#"{"request_id":"a","executed":true,"results":[{"type":"pong","ok":true}],"error":null}"#.to_owned(),
        ),
        (
            format!(" \n{ping}\n"),
            r#"{"request_id":"a","executed":true,"results":[{"type":"pong","ok":true}],"error":null}"#.to_owned(),
        ),
        (
            r#"["a",null,"0.1","plan_only",[],null]"#.to_owned(),
            r#"{"request_id":"a","executed":false,"results":[],"error":null}"#.to_owned(),
        ),
        (
            String::new(),
            refused("unknown", "parse_failed", "parse failed: EOF while parsing a value at line 1 column 0"),
        ),
        ("nonsense".to_owned(), refused("unknown", "parse_failed", "parse failed: expected ident at line 1 column 2")),
        (
            format!("{ping}\n{ping}"),
            refused("unknown", "parse_failed", "parse failed: trailing characters at line 2 column 1"),
        ),
        (ping.replace("0.1", " "), refused("a", "validation_failed", "validation failed: version must be non-empty")),
        (
            ping.replace("}]", "},{\"type\":\"exec\"}]"),
            refused("unknown", "parse_failed", "parse failed: missing field `argv` at line 1 column 100"),
        ),
    ] {
        assert_eq!(plans.raw(sent.as_bytes()), answer, "{sent}");
    }
}

#[test]
fn a_document_has_its_most_bytes_and_not_one_more() {
    let plans = Plans::new();
    let ping = r#"{"request_id":"a","version":"0.1","mode":"execute","actions":[{"type":"ping"}]}"#;
    let most = 262_144;
    for (before, after, fits) in
        [(0, most, true), (0, most + 1, false), (most, most, true), (most + 1, most + 1, false)]
    {
        let blanks = " ".repeat(before.max(after) - ping.len());
        let document = if before > 0 { format!("{blanks}{ping}") } else { format!("{ping}{blanks}") };
        let answer = plans.raw(document.as_bytes());
        assert_eq!(answer.contains("pong"), fits, "{answer}");
        assert_eq!(
            answer.contains(r#""code":"request_too_large","message":"request exceeds max bytes""#),
            !fits,
            "{answer}"
        );
    }
    // One that goes on for long is answered as well.
    assert!(plans.raw(&vec![b'['; 3 << 20]).contains("request_too_large"));
}

#[test]
fn a_whole_document_is_answered_though_its_sender_keeps_the_connection_open() {
    let plans = Plans::new();
    let quickest = (0..3).map(|_| {
        let mut stream = plans.connect();
        let started = Instant::now();
        stream.write_all(plan(json!([{ "type": "ping" }])).to_string().as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("pong"), "{answer}");
        started.elapsed()
    });
    // The original waits for two seconds of silence.
    assert!(quickest.min().unwrap() < Duration::from_secs(2));
}

#[test]
fn silence_is_answered_and_half_a_document_is_what_came_of_it() {
    let plans = Plans::new();
    for (sent, wanted) in [
        ("", r#""code":"parse_failed","message":"read timed out""#),
        (r#"{"request_id":"#, r#""message":"parse failed: EOF while parsing a value at line 1 column 14""#),
    ] {
        let mut stream = plans.connect();
        stream.write_all(sent.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(wanted), "{answer}");
    }
}

#[test]
fn pieces_are_put_together_and_bytes_that_are_no_text_are_replaced() {
    let plans = Plans::new();
    let mut document = plan(json!([{ "type": "ping" }])).to_string().into_bytes();
    let at = document.windows(5).position(|w| w == b"req-1").unwrap();
    document[at] = 0xff;
    let mut stream = plans.connect();
    for piece in document.chunks(7) {
        stream.write_all(piece).unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("{\"request_id\":\"\u{fffd}eq-1\",\"executed\":true"), "{answer}");
}

#[test]
fn what_is_only_planned_is_judged_and_shown_and_nothing_runs() {
    let plans = Plans::new();
    let mut document = plan(json!([
        write("planned.txt", "x"), exec(&["/usr/bin/touch", "/tmp/never"]), exec(&["dd"]), { "type": "ping" },
        { "type": "install_packages", "manager": "apt", "packages": ["vim"], "reason": "r" },
        { "type": "install_packages", "manager": "brew", "packages": ["vim"], "reason": "r" },
        { "type": "observe", "tool": "other", "args": [], "reason": "r" },
    ]));
    document["mode"] = json!("plan_only");
    let answer = plans.send(&document);
    assert_eq!(answer["executed"], false);
    let results = results(&answer);
    assert_eq!(results[0]["plan"]["decision"], "ok", "{answer}");
    assert!(results[0]["plan"]["preview"]["summary"].as_str().unwrap().contains("planned.txt"), "{answer}");
    assert!(!plans.path("work/planned.txt").exists());
    assert_eq!((code(&results[1]), &results[1]["plan"]["assurance"]), ("confirmation_required", &json!("requester")));
    assert_eq!(
        (code(&results[2]), &results[2]["error"]["message"]),
        ("policy_denied", &json!("exec denied by policy"))
    );
    assert_eq!(results[3], json!({ "type": "pong", "ok": true }));
    assert_eq!(results[4]["argv"], json!(["apt-get", "install", "-y", "vim"]));
    assert_eq!((&results[5]["ok"], &results[5]["argv"]), (&json!(true), &json!(["brew", "install", "vim"])));
    assert_eq!(results[6]["error"]["message"], "observe tool not supported");
    assert!(plans.daemon.line(r#"{"name":"pending_list"}"#)["data"]["pending"].as_array().unwrap().is_empty());
}

#[test]
fn what_the_original_only_describes_is_described_though_it_is_denied_or_never_done_like_that() {
    let plans = Plans::new();
    let service =
        |verb: &str, unit: &str| json!({ "type": "service_control", "action": verb, "unit": unit, "reason": "r" });
    let mut document = plan(json!([
        service("stop", "ssh.service"), service("start", "--now"),
        { "type": "observe", "tool": "top", "args": ["-a", "b c"], "reason": "r" },
        { "type": "cgroup_apply", "pid": 1, "cpu_weight": 0, "reason": "r" },
        { "type": "firmware_op", "op": "uefi_var_read", "uefi_var_name": "a b", "reason": "r" },
        { "type": "update_system", "manager": "dnf", "reason": "r" },
    ]));
    document["mode"] = json!("plan_only");
    let results = results(&plans.send(&document));
    for (at, argv) in [
        (0, json!(["systemctl", "stop", "ssh.service"])),
        (1, json!(["systemctl", "start", "--now"])),
        (2, json!(["top", "-a", "b c"])),
        (3, json!(["systemd-run", "--scope", "-p", "CPUWeight=0", "--pid=1"])),
        (4, json!(["cat", "/sys/firmware/efi/efivars/a b"])),
    ] {
        let result = &results[at];
        assert_eq!(
            (&result["ok"], &result["error"], &result["argv"]),
            (&json!(false), &json!(null), &argv),
            "{result}"
        );
    }
    assert_eq!(results[0]["plan"]["decision"], "deny");
    assert!(results[0]["plan"]["why"].as_str().unwrap().contains("session"), "{}", results[0]);
    assert_eq!(results[2]["plan"]["would_fail"]["code"], "invalid_payload");
    assert_eq!(code(&results[5]), "policy_denied");
}

#[test]
fn every_plan_is_on_record_and_no_secret_of_it() {
    let plans = Plans::with_token();
    let mut step = exec(&["/bin/echo", "out-secret"]);
    step["env"] = json!({ "KEY": "env-secret" });
    step["argv"] = json!(["/bin/echo", "plain"]);
    plans.execute(json!([write("a", "content-secret"), read("a"), step]));
    plans.execute_with(crate::TOKEN, json!([exec(&["/usr/bin/true"])]));
    plans.execute(json!([{ "type": "ping" }]));
    plans.raw(b"{ no plan");
    plans.send(&json!({ "request_id": "bad-1", "version": "", "mode": "execute", "actions": [] }));
    let mut denied = plan(json!([exec(&["dd"])]));
    denied["request_id"] = json!("denied-1");
    plans.send(&denied);
    let log = plans.end();
    let text = log.iter().map(Value::to_string).collect::<String>();
    for secret in ["content-secret", "env-secret", crate::TOKEN] {
        assert!(!text.contains(secret), "{secret}");
    }
    let of = |kind: &str| log.iter().filter(|r| r["kind"] == kind).collect::<Vec<_>>();
    let judged = of("judged");
    assert_eq!(judged[0]["data"]["plan"]["request_id"], "req-1");
    assert_eq!(judged[0]["data"]["plan"]["session_id"], "sess-1");
    assert_eq!(judged[0]["caller"]["door"], "plan");
    assert_eq!(judged[0]["args"].as_array().unwrap().len(), 3);
    assert_eq!(judged[1]["data"]["static_token"], true);
    let finished = of("finished");
    assert_eq!(finished[0]["data"]["steps"].as_array().unwrap().len(), 3, "{}", finished[0]);
    assert!(finished.iter().any(|r| r["data"]["pings"] == 1));
    assert!(finished.iter().any(|r| r["data"]["static_token"] == true));
    // Whoever connects and says nothing is on record as well.
    let said = |r: &&&Value| r["data"]["message"] != "parse failed: EOF while parsing a value at line 1 column 0";
    let malformed: Vec<&Value> = of("malformed").iter().filter(said).copied().collect();
    assert_eq!(malformed.len(), 2, "{malformed:?}");
    assert_eq!(malformed[1]["data"]["plan"]["request_id"], "bad-1");
    assert_eq!(of("denied")[0]["data"]["plan"]["request_id"], "denied-1");
}

#[test]
fn a_plans_socket_is_its_owners_and_is_never_stolen() {
    use std::os::unix::fs::PermissionsExt;
    let plans = Plans::new();
    let mode = std::fs::metadata(plans.path("plan.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let other = tempfile::tempdir().unwrap();
    let mut second = crate::support::Daemon::command(other.path());
    second.arg("--plan-socket").arg(plans.path("plan.sock"));
    assert_eq!(second.output().unwrap().status.code(), Some(1));
    std::fs::write(other.path().join("file"), "kept").unwrap();
    let mut third = crate::support::Daemon::command(other.path());
    third.arg("--plan-socket").arg(other.path().join("file"));
    assert_eq!(third.output().unwrap().status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(other.path().join("file")).unwrap(), "kept");
    assert_eq!(plans.execute(json!([{ "type": "ping" }]))[0]["ok"], true);
}

#[test]
fn running_out_of_descriptors_ends_no_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let plan_socket = folder.path().join("plan.sock");
    let daemon = crate::support::Daemon::command(folder.path());
    let mut limited = std::process::Command::new("/bin/sh");
    limited.env_clear().env("HOME", folder.path()).args(["-c", "ulimit -n 48; exec \"$@\"", "sh"]);
    limited.arg(daemon.get_program()).args(daemon.get_args()).arg("--plan-socket").arg(&plan_socket);
    let child = limited.stdin(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut daemon = crate::support::Daemon { folder: folder.path().to_owned(), child };
    crate::support::eventually(|| std::os::unix::net::UnixStream::connect(&plan_socket).is_ok());
    let many: Vec<_> = (0..100).filter_map(|_| std::os::unix::net::UnixStream::connect(&plan_socket).ok()).collect();
    assert!(many.len() > 48);
    drop(many);
    let asked = || {
        let mut stream = std::os::unix::net::UnixStream::connect(&plan_socket).unwrap();
        stream.write_all(plan(json!([{ "type": "ping" }])).to_string().as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).is_ok() && answer.contains("pong")
    };
    crate::support::eventually(asked);
    assert_eq!(daemon.child.try_wait().unwrap(), None);
    assert!(daemon.end().success());
}
