//! Plans that somebody has to say yes to.

use serde_json::{Value, json};

use crate::{Plans, TOKEN, code, confirmed, exec, plan, read, results, write};

/// The command in the plan is one that the shipped policy asks the requester about.
fn asks() -> Value {
    json!([write("made.txt", "x"), exec(&["/usr/bin/true"])])
}

fn pending(plans: &Plans) -> Vec<Value> {
    plans.daemon.line(r#"{"name":"pending_list"}"#)["data"]["pending"].as_array().unwrap().clone()
}

fn token(plans: &Plans, id: &str) -> Value {
    plans.daemon.line(&json!({ "name": "confirm", "args": { "id": id, "token": true } }).to_string())
}

#[test]
fn a_plan_that_asks_waits_as_one_and_a_token_has_it_done_once() {
    let plans = Plans::new();
    let answer = plans.send(&plan(asks()));
    assert_eq!(answer["executed"], true);
    for result in results(&answer) {
        assert_eq!(
            (code(&result), &result["error"]["message"]),
            ("confirmation_required", &json!("confirmation required"))
        );
    }
    let waiting = pending(&plans);
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!((&waiting[0]["door"], &waiting[0]["request_id"]), (&json!("plan"), &json!("req-1")));
    assert_eq!(waiting[0]["steps"].as_array().unwrap().len(), 2);
    assert_eq!(waiting[0]["preview"]["requester_text"], "1. a test 2. a test");
    // Asked again it is the same question.
    plans.send(&plan(asks()));
    let waiting = pending(&plans);
    assert_eq!((waiting.len(), &waiting[0]["count"]), (1, &json!(2)));

    let given = token(&plans, waiting[0]["id"].as_str().unwrap());
    let token = given["data"]["token"].as_str().unwrap_or_else(|| panic!("{given}")).to_owned();
    assert_eq!(token.len(), 32);
    assert!(!plans.path("work/made.txt").exists());
    let journal = std::fs::read_to_string(plans.path("state/journal.jsonl")).unwrap();
    assert!(!journal.contains(&token) && journal.contains("\"lent\""), "only its digest is kept");

    // One byte of the plan is another, and it is another plan.
    for changed in [
        json!([write("made.txt", "y"), exec(&["/usr/bin/true"])]),
        json!([write("made.txt", "x"), exec(&["/usr/bin/true", ""])]),
        json!([write("made.txt", "x"), { "type": "exec", "argv": ["/usr/bin/true"], "timeout_sec": 30, "as_root": false, "reason": "a tesT" }]),
    ] {
        let results = plans.execute_with(&token, changed);
        assert_eq!(code(&results[1]), "confirmation_required", "{results:?}");
    }
    assert!(!plans.path("work/made.txt").exists());

    let done = plans.execute_with(&format!("  {token}\n"), asks());
    assert_eq!((&done[0]["ok"], &done[1]["exit_code"]), (&json!(true), &json!(0)), "{done:?}");
    assert_eq!(std::fs::read_to_string(plans.path("work/made.txt")).unwrap(), "x");
    assert_eq!(code(&plans.execute_with(&token, asks())[1]), "confirmation_required");
    let log = plans.end();
    let judged: Vec<&Value> = log.iter().filter(|r| r["kind"] == "judged").collect();
    assert_eq!(judged.len(), 1, "{judged:?}");
    assert_eq!(judged[0]["data"]["how"], "person");
    assert!(!log.iter().any(|r| r.to_string().contains(&token)));
}

#[test]
fn a_plan_that_is_approved_is_done_without_its_requester() {
    let plans = Plans::new();
    plans.send(&plan(asks()));
    let id = pending(&plans)[0]["id"].as_str().unwrap().to_owned();
    let answer = plans.daemon.line(&json!({ "name": "confirm", "payload": id }).to_string());
    assert_eq!((&answer["status"], &answer["action"]), (&json!("ok"), &json!("plan")), "{answer}");
    let steps = answer["data"]["steps"].as_array().unwrap();
    assert_eq!((&steps[0]["action"], &steps[1]["data"]["exit_code"]), (&json!("write_file"), &json!(0)), "{answer}");
    assert!(plans.path("work/made.txt").exists());
    let told = plans.daemon.line(&json!({ "name": "result", "payload": id }).to_string());
    assert_eq!(told["data"]["state"], "done", "{told}");
}

#[test]
fn a_token_outlives_the_daemon_and_not_its_time() {
    let mut plans = Plans::new();
    plans.send(&plan(asks()));
    let id = pending(&plans)[0]["id"].as_str().unwrap().to_owned();
    let token = token(&plans, &id)["data"]["token"].as_str().unwrap().to_owned();
    assert!(plans.daemon.end().success());
    let folder = std::mem::replace(&mut plans.folder, tempfile::tempdir().unwrap());
    let mut command = crate::support::Daemon::command(folder.path());
    command.current_dir(folder.path().join("work"));
    for (flag, name) in [("--socket", "agent.sock"), ("--plan-socket", "plan.sock"), ("--policy", "policy.toml")] {
        command.arg(flag).arg(folder.path().join(name));
    }
    plans.daemon.child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    plans.folder = folder;
    crate::support::eventually(|| std::os::unix::net::UnixStream::connect(plans.path("plan.sock")).is_ok());
    assert_eq!(plans.execute_with(&token, asks())[1]["ok"], true);
}

#[test]
fn the_static_token_is_for_what_is_mild_and_nothing_else() {
    let plans = Plans::with_token();
    assert_eq!(plans.execute_with(TOKEN, asks())[1]["exit_code"], 0);
    assert_eq!(code(&plans.execute_with("another", asks())[1]), "confirmation_required");
    for harm in [
        json!([write(".git/hooks/post-commit", "#!/bin/sh\n")]),
        json!([read("/etc/shadow")]),
        json!([write("/etc/cron.d/x", "")]),
    ] {
        let results = plans.execute_with(TOKEN, harm.clone());
        assert!(
            matches!(code(&results[0]), "confirmation_required" | "read_failed" | "write_failed"),
            "{harm}: {results:?}"
        );
    }
    let without = Plans::new();
    assert_eq!(code(&without.execute_with(TOKEN, asks())[1]), "confirmation_required");
}

#[test]
fn the_static_token_is_nothing_where_the_policy_wants_a_person_at_the_desk() {
    let policy = crate::support::desktop_and(
        "[[rule]]\nid = \"test.desk\"\nactions = [\"exec\"]\ndecision = { confirm = { assurance = \"desktop\" } }\nfloor = true\n",
    );
    let plans = Plans::with(&["--confirm-token", TOKEN], &policy);
    assert_eq!(code(&plans.execute_with(TOKEN, asks())[1]), "confirmation_required");
    assert_eq!(pending(&plans)[0]["assurance"], "desktop");
}

#[test]
fn danger_asks_though_the_policy_would_not() {
    let plans = Plans::with_token();
    let mut step = exec(&["echo", "x"]);
    step["danger"] = json!("it may be loud");
    let answer = plans.send(&plan(json!([step])));
    assert_eq!(answer["error"]["message"], "validation failed: exec requires confirmation when danger is set");
    let wrong = plans.send(&confirmed("wrong", plan(json!([step]))));
    assert_eq!(code(&results(&wrong)[0]), "confirmation_required");
    assert_eq!(plans.execute_with(TOKEN, json!([step]))[0]["stdout"], "x\n");
}

#[test]
fn of_any_number_who_come_with_a_token_one_has_it_done() {
    let plans = Plans::new();
    let steps = || json!([exec(&["/usr/bin/true"])]);
    plans.execute(steps());
    let token = token(&plans, pending(&plans)[0]["id"].as_str().unwrap())["data"]["token"].as_str().unwrap().to_owned();
    let done = std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..8).map(|_| scope.spawn(|| plans.execute_with(&token, steps())[0]["ok"] == true)).collect();
        all.into_iter().map(|t| t.join().unwrap()).filter(|done| *done).count()
    });
    assert_eq!(done, 1);
}

#[test]
fn a_token_that_does_not_count_says_why_where_there_is_room_and_is_on_record() {
    let plans = Plans::with_token();
    let only = |token: &str, steps: Value| {
        let mut document = confirmed(token, plan(steps));
        document["mode"] = json!("plan_only");
        let results = results(&plans.send(&document));
        assert_eq!(
            (code(&results[0]), &results[0]["error"]["message"]),
            ("confirmation_required", &json!("confirmation required"))
        );
        results[0]["plan"]["token"].as_str().unwrap_or("nothing").to_owned()
    };
    let command = json!([exec(&["/usr/bin/true"])]);
    assert!(only("never heard of", command.clone()).contains("not known"));
    // The static one is a token, and not enough for what cannot be put back.
    assert!(only(TOKEN, json!([read("/etc/shadow")])).contains("not enough"));

    plans.execute(command.clone());
    let given = token(&plans, pending(&plans)[0]["id"].as_str().unwrap());
    let given = given["data"]["token"].as_str().unwrap();
    assert!(only(given, json!([exec(&["/usr/bin/true", "x"])])).contains("another plan"));
    assert_eq!(plans.execute_with(given, command.clone())[0]["exit_code"], 0);
    assert!(only(given, command.clone()).contains("used already"));

    // To be done it is asked about, in the protocol's words.
    for (token, steps) in [("never heard of", command.clone()), (given, command), (TOKEN, json!([read("/etc/shadow")]))]
    {
        assert_eq!(plans.execute_with(token, steps)[0]["error"]["message"], "confirmation required");
    }
    let log = plans.end();
    let refused: Vec<&Value> = log.iter().filter(|r| r["kind"] == "refused").map(|r| &r["data"]["token"]).collect();
    assert_eq!(refused, ["unknown", "used", "too_weak"], "{log:?}");
    assert!(!log.iter().any(|r| r.to_string().contains("never heard of")));
}
