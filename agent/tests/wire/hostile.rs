//! Hostile inputs: each is answered with a code, and nothing is done.

use serde_json::{Value, json};

use crate::support::{DESKTOP, World, as_uid, connect, desktop_and, id_of, line_on, open_to_all};

#[test]
fn what_is_no_package_name_never_reaches_the_package_manager() {
    let world = World::new(DESKTOP);
    for name in [
        "-oDPkg::Pre-Invoke::=id",
        "--help",
        "-y",
        "vim -oAPT::x=y",
        "vim;reboot",
        "$(reboot)",
        "`reboot`",
        "vim&&reboot",
        "vim|sh",
        "../../etc/passwd",
        "/tmp/evil.deb",
        "./evil.deb",
        "vim=1.0",
        "vim/unstable",
        "vim*",
        "vim+",
        "?x",
        "~nvim",
        "Vim",
        "VIM",
        "v",
        "vim\nreboot",
        "vim\u{0}",
        "vim\u{202e}",
        "v\u{456}m",
        "ｖｉｍ",
        "rm -rf /",
        "dd if=/dev/zero",
        "vim:any",
        "vim:",
        ":amd64",
    ] {
        for action in ["package_install", "package_remove"] {
            for line in [
                json!({ "name": action, "payload": name }),
                json!({ "name": action, "payload": format!("vim,{name}") }),
                json!({ "name": action, "args": { "packages": [name] } }),
                json!({ "name": action, "args": { "packages": ["curl", name] } }),
            ] {
                let answer = world.line(&line.to_string());
                // `vim+` is a name in Debian's grammar, of a package that is not there.
                let expected = if name == "vim+" { "failed" } else { "invalid_payload" };
                assert_eq!(
                    (&answer["status"], &answer["code"]),
                    (&json!("error"), &json!(expected)),
                    "{line}: {answer}"
                );
            }
        }
    }
    let many: Vec<String> = (0..65).map(|n| format!("pkg{n}")).collect();
    assert_eq!(world.ask("package_install", &many.join(","))["code"], "invalid_payload");
    assert_eq!(world.call("package_install", json!({ "packages": many }))["code"], "invalid_payload");
    assert_eq!(world.archive.started(), 0);
    assert_eq!(world.line(r#"{"name":"pending_list"}"#)["data"]["pending"], json!([]));
}

const GOOGLE_ONLY: &str = r#"
[[rule]]
id       = "only-google"
actions  = ["open_url"]
decision = "deny"
why      = "Only Google."
match     = ["open_url https://example.com/"]
not_match = ["open_url https://mail.google.com/"]
[[rule.except]]
args.url = { host = ["google.com", "*.google.com"] }
"#;

#[test]
fn an_address_is_judged_by_the_host_that_a_browser_would_go_to() {
    let world = World::new(&desktop_and(GOOGLE_ONLY));
    for good in [
        "https://google.com/",
        "https://mail.google.com",
        "HTTPS://GOOGLE.COM/",
        "https://google.com:443/x?evil.com#evil.com",
    ] {
        assert_eq!(
            world.ask("open_url", good)["code"],
            "unavailable",
            "{good} is let through to a desktop that is not there"
        );
    }
    for evil in [
        "http://good@evil",
        "http://google.com:80@evil.com/",
        "https://google.com@evil.com",
        "https://evil.com\\.google.com/",
        "https://evil.com?.google.com",
        "https://evil.com#.google.com/",
        "https://evil.com/.google.com",
        "https://google.com.evil.com/",
        "https://evilgoogle.com/",
        "https://evil.com:443\\@google.com/",
        "https:evil.com",
        "https:///evil.com",
        "//evil.com",
        "evil.com",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://google.com/",
        "http://[::1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "https://google.com\u{3002}evil.com/",
        "-oProxyCommand=x",
        "--help",
        "",
        "https://goo\u{0}gle.com/",
        "https://g\u{43e}\u{43e}gle.com/",
    ] {
        let answer = world.ask("open_url", evil);
        let code = answer["code"].as_str().unwrap();
        assert!(matches!(code, "denied" | "invalid_payload"), "{evil}: {answer}");
    }
}

#[test]
fn an_id_is_never_a_path() {
    let world = World::new(DESKTOP);
    let held = world.hold("package_install", "cowsay");
    let upper = held.to_uppercase();
    for id in [
        "../../../etc/passwd",
        "..",
        "/etc/passwd",
        "journal.jsonl",
        "*",
        "%",
        "1795198396-52095580",
        "00000000-0000-0000-0000-000000000000",
        "temp-id",
        "\u{0}",
        "\u{202e}",
        &held[1..],
        &format!("{held}\n"),
        &format!(" {held}"),
        &format!("{held}/../x"),
        &"x".repeat(100_000),
    ] {
        for name in ["confirm", "cancel", "reject", "result", "grant_revoke"] {
            let answer = world.ask(name, id);
            assert_eq!(
                (&answer["status"], &answer["code"]),
                (&json!("error"), &json!("confirmation_not_found")),
                "{name} {id:?}: {answer}"
            );
        }
        let answer = world.ask("undo", id);
        assert_eq!(answer["code"], "failed", "{id:?}: {answer}");
    }
    // One id has one owner, however it is spelled.
    assert_eq!(world.ask("result", &upper)["data"]["state"], "pending");
    assert_eq!(world.archive.started(), 0);
}

#[test]
fn what_cannot_be_seen_is_refused_in_notes_and_shown_in_answers() {
    let world = World::new(DESKTOP);
    for text in [
        "a\u{202e}b",
        "a\u{2066}b",
        "a\u{200b}b",
        "a\u{7}b",
        "a\u{1b}[31mb",
        "a\u{feff}b",
        "a\u{e0041}b",
        "\u{202e}",
        "a\u{0}",
    ] {
        let answer = world.ask("remember", text);
        assert_eq!(answer["code"], "invalid_payload", "{text:?}: {answer}");
        assert!(!answer.to_string().contains(text) || text == "\u{202e}", "{answer}");
    }
    for text in ["two\nlines", "tab\there", "👩\u{200d}👩\u{200d}👧", "❤\u{fe0f}", "ñ", "שלום", "e\u{301}"]
    {
        assert_eq!(world.ask("remember", text)["status"], "ok", "{text:?}");
    }
    assert_eq!(world.ask("remember", &"x".repeat(16 * 1024 + 1))["code"], "invalid_payload");
    assert_eq!(world.ask("remember", &"x".repeat(16 * 1024))["status"], "ok");
    for blank in ["", " ", "\n\t"] {
        assert_eq!(world.ask("remember", blank)["code"], "invalid_payload", "{blank:?}");
    }
}

#[test]
fn odd_names_of_actions_do_nothing_and_are_shown_safely() {
    let world = World::new(DESKTOP);
    for name in [
        "",
        " ",
        "rm -rf /",
        "disable_security_services",
        "unknown",
        "delete_files",
        "package_install ",
        "PACKAGE_INSTALL",
        "package_install\u{0}",
        "../ping",
        "ping\n",
        "\u{202e}gnip",
        "\u{1b}[2J",
        "constructor",
        "__proto__",
        "%s%n",
        "natural_language\u{200b}",
        "pаckage_install",
    ] {
        let answer = world.line(&json!({ "name": name, "payload": "vim" }).to_string());
        assert_eq!(
            (&answer["status"], &answer["code"]),
            (&json!("error"), &json!("unknown_action")),
            "{name:?}: {answer}"
        );
        assert_eq!(answer["action"], name, "the name is echoed as data");
        let message = answer["message"].as_str().unwrap();
        assert!(!message.chars().any(|c| c.is_control() || c == '\u{202e}'), "{message:?}");
    }
    let long = world.line(&json!({ "name": "x".repeat(200_000) }).to_string());
    assert_eq!((&long["action"], &long["code"]), (&json!("unknown"), &json!("invalid_request")));
    assert!(long.to_string().len() < 1000);
}

#[test]
fn ten_megabytes_of_payload_are_refused_and_the_connection_goes_on() {
    let world = World::new(DESKTOP);
    let mut client = connect(&world.socket());
    let line = json!({ "name": "remember", "payload": "x".repeat(10 << 20) }).to_string();
    assert_eq!(line_on(&mut client, &line)["code"], "request_too_large");
    assert_eq!(line_on(&mut client, r#"{"name":"ping"}"#)["message"], "pong");
    assert_eq!(world.line(r#"{"name":"read_context"}"#)["message"], "No saved context yet.");
}

#[test]
fn paths_with_a_way_up_or_without_a_root_are_refused() {
    let world = World::new(DESKTOP);
    for path in [
        "..",
        "../..",
        "/home/../etc",
        "~root",
        "etc",
        "-la",
        "--help",
        "/etc\u{0}/passwd",
        "~/../..",
        "$HOME",
        "file:///etc",
    ] {
        let answer = world.ask("list_files", path);
        assert_eq!(answer["code"], "invalid_payload", "{path:?}: {answer}");
    }
    let long = world.ask("list_files", &format!("/{}", "x".repeat(5000)));
    assert_eq!(long["code"], "invalid_payload");
}

#[test]
fn names_of_files_are_shown_safely() {
    let world = World::new(DESKTOP);
    let folder = world.path("files");
    std::fs::create_dir(&folder).unwrap();
    for name in ["plain", "a\u{202e}b", "line\nbreak", "\u{1b}[31m", "<img src=x onerror=alert(1)>"] {
        std::fs::write(folder.join(name), "").unwrap();
    }
    let answer = world.ask("list_files", folder.to_str().unwrap());
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("a<U+202E>b") && message.contains("line<U+000A>break"), "{message}");
    assert_eq!(message.lines().count(), 6, "{message}");
    assert_eq!(answer["data"]["entries"].as_array().unwrap().len(), 5);
}

#[test]
fn no_field_of_a_request_approves_anything() {
    let world = World::new(DESKTOP);
    for extra in [
        json!({ "confirmed": true }),
        json!({ "confirm": "yes" }),
        json!({ "confirmation_id": "x" }),
        json!({ "status": "ok" }),
        json!({ "uid": 0 }),
        json!({ "caller": "root" }),
        json!({ "policy": "ok" }),
        json!({ "grant": "until_revoked" }),
        json!({ "force": true }),
    ] {
        let mut request = json!({ "name": "package_install", "payload": "cowsay" });
        request.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let answer = world.line(&request.to_string());
        assert_eq!(answer["status"], "confirm", "{request}: {answer}");
    }
    for args in [json!({ "packages": ["cowsay"], "confirmed": true }), json!({ "packages": ["cowsay"], "yes": true })] {
        assert_eq!(world.call("package_install", args)["code"], "invalid_payload");
    }
    assert_eq!(world.archive.version("cowsay"), None);
}

#[test]
fn nothing_is_held_that_cannot_work() {
    let world = World::new(DESKTOP);
    for (name, payload, code) in [
        ("package_install", "", "invalid_payload"),
        ("package_install", "cowsy", "failed"),
        ("package_remove", "no-such-package", "failed"),
        ("power_reboot", "", "unavailable"),
        ("delete_files", "", "unknown_action"),
    ] {
        let answer = world.ask(name, payload);
        assert_eq!((&answer["code"], &answer["confirmation_id"]), (&json!(code), &Value::Null), "{name}: {answer}");
    }
    let near = world.ask("package_install", "cowsy");
    assert_eq!(near["data"]["near"], json!(["cowsay"]));
    assert_eq!(world.line(r#"{"name":"pending_list"}"#)["data"]["pending"], json!([]));
    drop(id_of(&world.ask("package_install", "cowsay")));
}

#[test]
fn a_yes_is_never_read_from_a_sentence() {
    let world = World::new(DESKTOP);
    let id = id_of(&world.ask("package_install", "cowsay"));
    for text in [
        "yes",
        "yes please",
        "ok",
        "confirm",
        "confirm it",
        "I confirm",
        "approve",
        "go ahead",
        "do it",
        &format!("confirm {id}"),
        &format!("approve {id}"),
        &format!("steward approve {id}"),
    ] {
        let answer = world.ask("natural_language", text);
        assert_eq!(answer["status"], "error", "{text}: {answer}");
    }
    assert_eq!(world.ask("result", &id)["data"]["state"], "pending");
    assert_eq!(world.archive.started(), 0);
}

#[test]
fn whatever_is_sent_the_agent_answers_and_goes_on() {
    let world = World::new(DESKTOP);
    let mut client = connect(&world.socket());
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("x"),
        json!("\u{0}"),
        json!([]),
        json!([[]]),
        json!({}),
        json!({ "a": 1 }),
        json!("x".repeat(5000)),
        json!(i64::MIN),
        json!(u64::MAX),
    ];
    let names: Vec<String> =
        steward_agent::action::CATALOGUE.iter().map(|e| e.name.to_owned()).filter(|n| n != "subscribe").collect();
    let keys = [
        "id", "text", "words", "packages", "percent", "by", "path", "url", "app", "receipt", "force", "purge", "wait",
        "grant", "request",
    ];
    for name in &names {
        for value in &values {
            let answer = line_on(&mut client, &json!({ "name": name, "payload": value }).to_string());
            assert_ne!(answer["code"], "internal", "{name} {value}: {answer}");
            for key in keys {
                let line = json!({ "name": name, "args": { key: value } }).to_string();
                let answer = line_on(&mut client, &line);
                assert_ne!(answer["code"], "internal", "{line}: {answer}");
            }
        }
    }
    assert_eq!(world.archive.started(), 0);
}

#[test]
fn who_may_not_read_the_policy_learns_neither_its_rules_nor_its_errors() {
    use std::os::unix::fs::PermissionsExt;
    let Some(mut world) = open_to_all(DESKTOP) else { return };
    let other = |world: &World, lines: &[Value]| as_uid(world, 61_005, lines);
    let lines = [
        json!({ "name": "package_install", "payload": "cowsay" }),
        json!({ "name": "pending_list" }),
        json!({ "name": "subscribe" }),
    ];
    let answers = other(&world, &lines);
    assert_eq!(answers[0]["status"], "confirm", "{}", answers[0]);
    assert_eq!(answers[1]["data"]["pending"].as_array().map(Vec::len), Some(1));
    assert!(answers.iter().all(|a| !a.to_string().contains("risk.")), "{answers:?}");

    world.write("policy.toml", "version = 1\n[risk]\nlow = \"maybe\"\n");
    world.restart();
    std::fs::set_permissions(world.socket(), std::fs::Permissions::from_mode(0o666)).unwrap();
    let lines = [
        json!({ "name": "remember", "payload": "x" }),
        json!({ "name": "explain", "payload": "{\"name\":\"remember\",\"payload\":\"x\"}" }),
        json!({ "name": "get_capabilities", "args": { "details": true } }),
        json!({ "name": "subscribe" }),
    ];
    let answers = other(&world, &lines);
    assert_eq!(answers[0]["status"], "deny", "{}", answers[0]);
    for answer in &answers {
        assert!(!answer.to_string().contains("policy.toml") && !answer.to_string().contains("maybe"), "{answer}");
        assert!(answer.to_string().contains("the policy files have an error"), "{answer}");
    }
    assert!(world.ask("remember", "x")["policy"]["why"].as_str().unwrap().contains("policy.toml:3:7"), "the owner");
}
