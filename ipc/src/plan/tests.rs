use std::collections::BTreeSet;

use super::*;

/// A plan of one step, of which one member may be another.
fn exec(change: &str) -> String {
    let usual = r#"{"type":"exec","argv":["/bin/echo","hi"],"timeout_sec":5,"as_root":false,"reason":"test"}"#;
    document(&usual.replacen(&change[..change.find("=>").unwrap_or(0)], change.split_once("=>").map_or("", |c| c.1), 1))
}

fn document(step: &str) -> String {
    format!(r#"{{"request_id":"r","version":"0.1","mode":"execute","actions":[{step}]}}"#)
}

fn refusal(document: &str) -> String {
    match ActionPlan::decode(document.as_bytes()) {
        Err(e) => e.to_string(),
        Ok(plan) => plan.validate().expect_err(document).to_string(),
    }
}

#[test]
fn what_is_no_plan_says_so_in_the_words_of_its_reader() {
    let nested = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    for (text, wanted) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("\u{feff}{}", "expected value at line 1 column 1"),
        ("{ not json", "key must be a string at line 1 column 3"),
        ("{\"request_id\":\"x\"", "EOF while parsing an object at line 1 column 17"),
        ("{}\n{}", "missing field `request_id` at line 1 column 2"),
        (&document(&format!(r#"{{"type":"ping","x":{nested}}}"#)), "recursion limit exceeded at line 1 column"),
        (&document(r#"{"type":"ping"}"#).replace("execute", "Execute"), "unknown variant `Execute`"),
        (&document(r#"{"type":"ping"}"#).replace("}]", "}],\"x\":1"), "unknown field `x`"),
        (&document(r#"{"type":"ping"}"#).replace("{\"req", "{\"mode\":\"execute\",\"req"), "duplicate field `mode`"),
        (&exec("5=>5.0"), "invalid type: floating point `5.0`, expected u64"),
        (&exec("5=>-1"), "invalid value: integer `-1`, expected u64"),
        (&exec("5=>\"5\""), "invalid type: string \"5\", expected u64"),
        (&exec("\"timeout_sec\":5,=>"), "missing field `timeout_sec`"),
        (&exec("\"timeout_sec\"=>\"argv\":[],\"timeout_sec\""), "duplicate field `argv`"),
        (&exec("\"reason\"=>\"unexpected\":1,\"reason\""), "unknown field `unexpected`, expected one of `argv`, `cwd`"),
        (&document(r#"{"type":"reboot"}"#), "unknown variant `reboot`, expected one of `exec`, `read_file`"),
        (&(document(r#"{"type":"ping"}"#) + "\n {}"), "trailing characters at line 2 column 2"),
    ] {
        let said = refusal(text);
        assert!(said.starts_with(wanted), "{text}: {said}");
    }
}

#[test]
fn what_readers_leave_open_is_open() {
    for text in [
        r#"["req",null,"0.1","execute",[["ping"]],null]"#,
        &document(r#"{"anything":[1],"type":"ping"}"#),
        &document(
            r#"{"as_root":false,"argv":["a"],"type":"exec","reason":"r","timeout_sec":1,"env":{"A":"1","A":"2"}}"#,
        ),
    ] {
        let plan = ActionPlan::decode(text.as_bytes()).expect(text);
        assert_eq!(plan.validate(), Ok(()), "{text}");
    }
    let lossy = [document(r#"{"type":"ping"}"#).replace("\"r\"", "\"a").as_bytes(), b""].concat();
    let at = lossy.windows(2).position(|w| w == b"\"a").expect("there") + 2;
    let text = [&lossy[..at], b"\xff\"", &lossy[at..]].concat();
    assert_eq!(ActionPlan::decode(&text).expect("lossy").request_id, "a\u{fffd}");
}

#[test]
fn the_first_rule_that_is_not_kept_is_the_answer() {
    let long = |n: usize| "x".repeat(n);
    let ping = document(r#"{"type":"ping"}"#);
    let many = |step: &str, n: usize| vec![step; n].join(",");
    let with = |kind: &str, members: &str| document(&format!(r#"{{"type":"{kind}",{members},"reason":"r"}}"#));
    let list = |n: usize, of: &str| format!("[{}]", vec![format!("\"{of}\""); n].join(","));
    let variables = |n: usize| {
        format!(r#""env":{{{}}},"as_root""#, (0..n).map(|i| format!("\"V{i}\":\"\"")).collect::<Vec<_>>().join(","))
    };
    for (text, wanted) in [
        (document(&many(r#"{"type":"ping"}"#, 65)).replace("\"r\"", "\" \""), "too many actions"),
        (ping.replace("\"r\"", "\" \\t\""), "request_id must be non-empty"),
        (ping.replace("\"r\"", &format!("\"{}\"", long(129))), "request_id is too long"),
        (ping.replace("\"r\"", "\"r\",\"session_id\":\"\""), "session_id must be non-empty when provided"),
        (ping.replace("\"r\"", &format!("\"r\",\"session_id\":\"{}\"", long(129))), "session_id is too long"),
        (ping.replace("\"r\"", "\"r\",\"confirmation\":{\"token\":\" \"}"), "confirmation.token must be non-empty"),
        (
            ping.replace("\"r\"", &format!("\"r\",\"confirmation\":{{\"token\":\"{}\"}}", long(1025))),
            "confirmation.token is too long",
        ),
        (ping.replace("0.1", " "), "version must be non-empty"),
        (ping.replace("0.1", &long(129)), "version is too long"),
        (exec(r#"["/bin/echo","hi"]=>[]"#).replace("false", "true"), "exec.argv must be non-empty"),
        (exec("false=>true"), "exec.as_root is not supported"),
        (exec(&format!(r#"["/bin/echo","hi"]=>{}"#, list(65, "a"))), "exec.argv has too many args"),
        (exec(&format!("hi=>{}", long(2049))), "exec.argv arg is too long"),
        (exec(r#""as_root"=>"cwd":" ","as_root""#), "exec.cwd must be non-empty when provided"),
        (exec(&format!("\"as_root\"=>{}", variables(33))), "exec.env has too many entries"),
        (exec(&format!(r#""as_root"=>"env":{{"{}":""}},"as_root""#, long(129))), "exec.env key is too long"),
        (exec(&format!(r#""as_root"=>"env":{{"A":"{}"}},"as_root""#, long(2049))), "exec.env value is too long"),
        (exec("5=>0"), "exec.timeout_sec must be >= 1"),
        (exec("5=>61"), "exec.timeout_sec is too large"),
        (exec("test=>"), "exec.reason must be non-empty"),
        (exec(&format!("test=>{}", long(2049))), "reason is too long"),
        (exec(&format!("\"test\"=>\"t\",\"danger\":\"{}\"", long(2049))), "danger is too long"),
        (exec(&format!("\"test\"=>\"t\",\"recovery\":\"{}\"", long(2049))), "recovery is too long"),
        (exec("\"test\"=>\"t\",\"danger\":\"\""), "exec requires confirmation when danger is set"),
        (with("read_file", r#""path":" ","max_bytes":0"#), "read_file.path must be non-empty"),
        (with("read_file", &format!(r#""path":"{}","max_bytes":0"#, long(4097))), "path is too long"),
        (with("read_file", r#""path":"x","max_bytes":0"#), "read_file.max_bytes must be >= 1"),
        (with("read_file", r#""path":"x","max_bytes":65537"#), "read_file.max_bytes is too large"),
        (
            with("read_file", r#""path":"x","max_bytes":1,"danger":"d""#),
            "read_file requires confirmation when danger is set",
        ),
        (with("write_file", r#""path":"","content":"","mode":"x""#), "write_file.path must be non-empty"),
        (
            with("write_file", &format!(r#""path":"x","content":"{}","mode":"""#, long(65537))),
            "write_file.content is too large",
        ),
        (with("write_file", r#""path":"x","content":"","mode":" ""#), "write_file.mode must be non-empty"),
        (
            with("write_file", &format!(r#""path":"x","content":"","mode":"{}""#, long(129))),
            "write_file.mode is too long",
        ),
        (with("write_file", r#""path":"x","content":"","mode":"0o0o644""#), "write_file.mode is invalid"),
        (with("write_file", r#""path":"x","content":"","mode":"44""#), "write_file.mode is invalid"),
        (with("write_file", r#""path":"x","content":"","mode":"0888""#), "write_file.mode is invalid"),
        (with("service_control", r#""action":"start","unit":"""#), "service_control.unit must be non-empty"),
        (
            with("service_control", &format!(r#""action":"start","unit":"{}""#, long(257))),
            "service_control.unit is too long",
        ),
        (
            document(&format!(
                r#"{{"type":"update_system","manager":"apt","reason":"{}","danger":"{}"}}"#,
                long(2049),
                long(9999)
            )),
            "update_system.reason is too long",
        ),
        (with("install_packages", r#""manager":"apt","packages":[]"#), "install_packages.packages must be non-empty"),
        (
            with("remove_packages", &format!(r#""manager":"apt","packages":{}"#, list(129, "a"))),
            "remove_packages.packages has too many entries",
        ),
        (
            with("install_packages", r#""manager":"apt","packages":["a"," "]"#),
            "install_packages.packages entries must be non-empty",
        ),
        (
            with("install_packages", &format!(r#""manager":"apt","packages":["{}"]"#, long(129))),
            "install_packages.packages entry is too long",
        ),
        (with("observe", &format!(r#""tool":"ps","args":{}"#, list(65, "a"))), "observe.args has too many entries"),
        (with("observe", r#""tool":"ps","args":[""]"#), "observe.args entries must be non-empty"),
        (with("observe", &format!(r#""tool":"ps","args":["{}"]"#, long(2049))), "observe.args entry is too long"),
        (with("cgroup_apply", r#""cpu_weight":1"#), "cgroup_apply requires pid or unit"),
        (with("cgroup_apply", r#""pid":1,"unit":"a""#), "cgroup_apply must not set both pid and unit"),
        (with("cgroup_apply", r#""unit":" ""#), "cgroup_apply.unit must be non-empty when provided"),
        (with("cgroup_apply", r#""pid":1"#), "cgroup_apply requires at least one setting"),
        (with("firmware_op", r#""op":"uefi_var_read""#), "firmware_op.uefi_var_name must be set for uefi_var_read"),
        (
            with("firmware_op", r#""op":"uefi_var_read","uefi_var_name":"a..b""#),
            "firmware_op.uefi_var_name must be a filename",
        ),
        (
            with("firmware_op", &format!(r#""op":"uefi_var_read","uefi_var_name":"{}""#, long(257))),
            "firmware_op.uefi_var_name is too long",
        ),
    ] {
        assert_eq!(refusal(&text), wanted, "{text}");
    }
}

#[test]
fn at_its_bounds_a_plan_is_kept() {
    for text in [
        document(&vec![r#"{"type":"ping"}"#; 64].join(",")),
        document(""),
        exec("hi=>"),
        exec("5=>60"),
        exec("\"test\"=>\"t\",\"danger\":\"\"").replace("\"r\"", "\"r\",\"confirmation\":{\"token\":\"x\"}"),
        document(r#"{"type":"write_file","path":"x","content":"","mode":" 0o4755 ","reason":"r"}"#),
        document(r#"{"type":"write_file","path":"x","content":"","mode":"644","reason":"r"}"#),
        document(r#"{"type":"firmware_op","op":"inventory","uefi_var_name":"a/b","reason":"r"}"#),
    ] {
        let plan = ActionPlan::decode(text.as_bytes()).expect(&text);
        assert_eq!(plan.validate(), Ok(()), "{text}");
    }
}

#[test]
fn an_answer_goes_out_as_serde_would_write_it() {
    let plan = ActionPlan::decode(
        document(
            r#"{"type":"ping"},{"type":"exec","argv":["a"],"timeout_sec":1,"as_root":false,"reason":"r"},
            {"type":"read_file","path":"x","max_bytes":1,"reason":"r"}"#,
        )
        .as_bytes(),
    )
    .expect("a plan");
    let [ping, exec, read] = [0, 1, 2].map(|at| StepResult::of(&plan.actions[at]));
    let with = |content: &str| StepResult { content_base64: Some(content.to_owned()), ..read.clone() };
    let told = Told { message: Some("\"x\"".to_owned()), data: serde_json::json!({ "a": [1] }) };
    let results = [
        with("QUJD+/=="),
        with(""),
        StepResult { ok: true, truncated: true, ..with(&"QUJD".repeat(9999)) },
        // What is no base64 is written with care all the same.
        with("a\"b\\c\u{1}é"),
        StepResult { judged: Some(Box::new(Judged::of("ok"))), ..with("QQ==") },
        StepResult { told: Some(Box::new(told)), ..with("QQ==") },
        with("QQ==").failed(ErrorCode::ReadFailed, "read \"failed\""),
        StepResult { stdout: "a\n\"\u{fffd}".to_owned(), ..exec },
        read,
        ping,
    ];
    for count in 0..=results.len() {
        let answer = PlanResult {
            request_id: "r \"\n é".to_owned(),
            executed: count % 2 == 0,
            results: results[results.len() - count..].to_vec(),
            error: None,
        };
        let wanted = serde_json::to_string(&answer).expect("JSON");
        assert_eq!(String::from_utf8(answer.encode().expect("JSON")).expect("text"), wanted);
    }
    let refused = PlanResult::refused("x", ErrorCode::Overloaded, "no \"room\"");
    assert_eq!(refused.encode().expect("JSON"), serde_json::to_vec(&refused).expect("JSON"));
}

#[test]
fn results_have_their_members_in_order() {
    let plan = ActionPlan::decode(
        document(
            r#"{"type":"ping"},{"type":"exec","argv":["a"],"timeout_sec":1,"as_root":false,"reason":"r"},
            {"type":"observe","tool":"ps","args":[],"reason":"r"},{"type":"read_file","path":"x","max_bytes":1,"reason":"r"},
            {"type":"write_file","path":"x","content":"","mode":"644","reason":"r"},
            {"type":"update_system","manager":"apt","reason":"r"}"#,
        )
        .as_bytes(),
    )
    .expect("a plan");
    let all = plan.actions.iter().map(|a| serde_json::to_string(&StepResult::of(a)).expect("JSON")).collect::<Vec<_>>();
    assert_eq!(
        all,
        [
            r#"{"type":"pong","ok":true}"#,
            r#"{"type":"exec","ok":false,"exit_code":null,"stdout":"","stdout_truncated":false,"stderr":"","stderr_truncated":false,"error":null}"#,
            r#"{"type":"observe","ok":false,"argv":[],"exit_code":null,"stdout":"","stdout_truncated":false,"stderr":"","stderr_truncated":false,"error":null}"#,
            r#"{"type":"read_file","ok":false,"content_base64":null,"truncated":false,"error":null}"#,
            r#"{"type":"write_file","ok":false,"artifacts":[],"error":null}"#,
            r#"{"type":"update_system","ok":false,"argv":[],"error":null}"#,
        ]
    );
    let refused = PlanResult::refused("unknown", ErrorCode::ParseFailed, "read timed out");
    assert_eq!(
        serde_json::to_string(&refused).expect("JSON"),
        r#"{"request_id":"unknown","executed":false,"results":[],"error":{"code":"parse_failed","message":"read timed out"}}"#
    );
}

#[test]
fn each_step_of_the_document_is_one_and_every_sort_has_one() {
    let document = include_str!("../../../docs/plan.md");
    let steps: Vec<&str> = document.lines().filter(|line| line.starts_with(r#"{"type":"#)).collect();
    let mut sorts = BTreeSet::new();
    for step in &steps {
        let plan = format!(r#"{{"request_id":"r","version":"0.1","mode":"plan_only","actions":[{step}]}}"#);
        let plan = ActionPlan::decode(plan.as_bytes()).unwrap_or_else(|e| panic!("{e:?}: {step}"));
        plan.validate().unwrap_or_else(|e| panic!("{e}: {step}"));
        sorts.insert(plan.actions[0].name());
    }
    assert_eq!((steps.len(), sorts.len()), (11, 11), "{sorts:?}");
}
