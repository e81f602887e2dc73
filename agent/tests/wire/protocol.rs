//! Every example and field of the protocol's document does what it says.

use serde_json::{Value, json};
use steward_ipc::{Client, Request};

use crate::support::{DESKTOP, World, desktop_and, id_of, line_on, raw};

const DENIES_BADPKG: &str = r#"
[[rule]]
id       = "no-badpkg"
actions  = ["package_install"]
decision = "deny"
why      = "It is a bad package."
instead  = "Take a good one."
args.packages = { in = ["badpkg"] }
match     = ["package_install badpkg"]
not_match = ["package_install vim"]
"#;

fn keys(answer: &str) -> Vec<String> {
    // An ordered reading: the bytes themselves tell the order of the keys at the top.
    let mut keys = Vec::new();
    let (mut depth, mut chars) = (0, answer.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            '"' => {
                let rest = &answer[at + 1..];
                let mut end = 0;
                while let Some(n) = rest[end..].find(['"', '\\']) {
                    end += n;
                    if rest.as_bytes()[end] == b'"' {
                        break;
                    }
                    end += 2;
                }
                if depth == 1 && rest[end + 1..].starts_with(':') {
                    keys.push(rest[..end].to_owned());
                }
                while chars.offset() < at + end + 2 {
                    chars.next();
                }
            }
            _ => {}
        }
    }
    keys
}

const SIX: [&str; 6] = ["version", "action", "status", "message", "capabilities", "confirmation_id"];

#[test]
fn the_pong_is_byte_for_byte_the_one_in_the_document() {
    let world = World::new(DESKTOP);
    let pong = "{\"version\":1,\"action\":\"ping\",\"status\":\"ok\",\"message\":\"pong\",\"capabilities\":null,\"confirmation_id\":null}\n";
    for line in [
        "{\"version\":1,\"name\":\"ping\"}\n",
        "{\"name\":\"ping\"}\n",
        "{\"name\":\"ping\",\"payload\":null}\n",
        "{\"name\":\"ping\",\"payload\":\"\"}\n",
        "{\"name\":\"ping\",\"payload\":\"ignored\",\"unknown key\":[1,2]}\n",
        "  {\"name\" : \"ping\" , \"version\" : null}\t\r\n",
    ] {
        assert_eq!(raw(&world.socket(), line.as_bytes()), pong, "{line}");
    }
}

#[test]
fn every_answer_has_the_six_keys_first_and_in_order() {
    let world = World::new(&desktop_and(DENIES_BADPKG));
    let mut client = world.connect();
    for line in [
        r#"{"name":"ping","id":"a"}"#,
        r#"{"name":"get_capabilities","args":{"details":true}}"#,
        r#"{"name":"package_install","payload":"vim"}"#,
        r#"{"name":"package_install","payload":"badpkg","id":7}"#,
        r#"{"name":"remember","payload":"x"}"#,
        r#"{"name":"nonsense"}"#,
        "nonsense",
    ] {
        let answer = client.request_line(line).unwrap();
        let keys = keys(&answer);
        assert_eq!(keys[..6], SIX, "{answer}");
        let ours = ["id", "code", "data", "preview", "policy"];
        let positions: Vec<usize> = keys[6..].iter().map(|k| ours.iter().position(|o| o == k).expect(k)).collect();
        assert!(positions.is_sorted(), "{answer}");
    }
}

#[test]
fn the_capabilities_are_the_documents_seventeen_names_in_its_order_and_then_ours() {
    let world = World::new(DESKTOP);
    let answer = world.line(r#"{"version":1,"name":"get_capabilities"}"#);
    assert_eq!((&answer["status"], &answer["message"]), (&json!("ok"), &Value::Null));
    let capabilities = answer["capabilities"].as_object().unwrap();
    assert_eq!(capabilities.len(), 3);
    assert_eq!((&capabilities["ipc_version"], &capabilities["protocol_version"]), (&json!(1), &json!(1)));
    let actions: Vec<&str> = capabilities["actions"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
    let documented = [
        "package_install",
        "system_update",
        "read_context",
        "get_capabilities",
        "ping",
        "open_url",
        "open_app",
        "set_volume",
        "set_brightness",
        "network_wifi_on",
        "network_wifi_off",
        "network_bluetooth_on",
        "network_bluetooth_off",
        "power_reboot",
        "power_shutdown",
        "power_sleep",
        "remember",
    ];
    assert_eq!(actions[..17], documented);
    let raw = raw(&world.socket(), b"{\"name\":\"get_capabilities\",\"payload\":\"\"}");
    assert!(
        raw.contains("\"capabilities\":{\"ipc_version\":1,\"protocol_version\":1,\"actions\":[\"package_install\","),
        "{raw}"
    );
    let mut sorted = actions.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), actions.len(), "no name comes twice");
    for ours in [
        "natural_language",
        "confirm",
        "reject",
        "cancel",
        "result",
        "explain",
        "subscribe",
        "forget",
        "undo",
        "list_files",
    ] {
        assert!(actions.contains(&ours), "{ours}");
    }
}

#[test]
fn a_package_is_installed_after_a_confirmation() {
    let world = World::new(DESKTOP);
    let held = world.line(r#"{"version":1,"name":"package_install","payload":"vim,curl"}"#);
    assert_eq!((&held["action"], &held["status"]), (&json!("package_install"), &json!("confirm")));
    assert_eq!((&held["message"], &held["capabilities"]), (&json!("user confirmation required"), &Value::Null));
    let id = id_of(&held);
    assert_eq!(held["preview"]["effects"].as_array().unwrap().len(), 4, "{held}");
    assert_eq!(held["policy"]["decision"], "confirm");
    assert_eq!(world.archive.version("vim"), None, "nothing is done before the yes");

    let done = world.line(&format!(r#"{{"version":1,"name":"confirm","payload":"{id}"}}"#));
    assert_eq!((&done["action"], &done["status"]), (&json!("package_install"), &json!("ok")), "{done}");
    assert_eq!(done["confirmation_id"], Value::Null);
    assert_eq!(world.archive.version("vim").as_deref(), Some("2:9.0.1378-2"));
    assert_eq!(world.archive.started(), 1);
    let again = world.ask("confirm", &id);
    assert_eq!(
        (&again["action"], &again["status"], &again["code"]),
        (&json!("confirm"), &json!("error"), &json!("confirmation_used"))
    );
}

#[test]
fn a_denied_action_is_denied_with_the_documents_words() {
    let world = World::new(&desktop_and(DENIES_BADPKG));
    for payload in ["badpkg", "vim, badpkg", "badpkg,vim"] {
        let answer = world.ask("package_install", payload);
        assert_eq!(
            (&answer["action"], &answer["status"]),
            (&json!("package_install"), &json!("deny")),
            "{payload}: {answer}"
        );
        assert_eq!((&answer["message"], &answer["code"]), (&json!("action denied by policy"), &json!("denied")));
        assert_eq!(
            (&answer["policy"]["rule"], &answer["policy"]["why"]),
            (&json!("no-badpkg"), &json!("It is a bad package."))
        );
        assert_eq!(answer["policy"]["instead"], "Take a good one.");
        assert_eq!(answer["confirmation_id"], Value::Null);
    }
    assert_eq!(id_of(&world.ask("package_install", "vim,openssl")).len(), 36);
    assert_eq!(world.archive.started(), 0);
}

#[test]
fn payloads_are_read_as_the_document_says() {
    let world = World::new(DESKTOP);
    // Whitespace is trimmed around each package, empty entries are ignored.
    let plain = world.ask("package_install", "vim,curl,openssl");
    let odd = world.ask("package_install", " vim ,, curl,\topenssl ,");
    assert_eq!(plain["confirmation_id"], odd["confirmation_id"], "{odd}");
    // Here is no service of a desktop: judged first, then unavailable.
    for (name, payload) in [
        ("open_url", "https://mail.google.com/"),
        ("open_app", "firefox"),
        ("set_volume", "40"),
        ("set_brightness", "60"),
        ("network_wifi_on", ""),
        ("network_wifi_off", ""),
        ("network_bluetooth_on", ""),
        ("network_bluetooth_off", ""),
        ("power_reboot", ""),
        ("power_shutdown", ""),
        ("power_sleep", ""),
    ] {
        let answer = world.ask(name, payload);
        assert_eq!((&answer["status"], &answer["code"]), (&json!("error"), &json!("unavailable")), "{name}: {answer}");
        assert_eq!(answer["action"], name);
        assert!(answer["data"]["needs"].is_string(), "{answer}");
    }
    let denied = world.ask("open_url", "http://127.0.0.1/");
    assert_eq!(denied["code"], "denied", "what is denied is not even looked for");
    assert_eq!(world.ask("system_update", "stable")["message"], "Everything is up to date.");
    assert_eq!(world.ask("read_context", "default")["message"], "No saved context yet.");
    assert_eq!(world.ask("remember", "my name is Sam")["message"], "I'll remember that.");
    assert_eq!(world.ask("read_context", "default")["message"], "Recent context: my name is Sam");
}

#[test]
fn the_last_five_notes_are_joined_and_all_are_in_the_data() {
    let world = World::new(DESKTOP);
    for n in 1..=7 {
        assert_eq!(world.ask("remember", &format!("note {n}"))["status"], "ok");
    }
    let answer = world.line(r#"{"name":"read_context"}"#);
    assert_eq!(answer["message"], "Recent context: note 3 | note 4 | note 5 | note 6 | note 7");
    assert_eq!(answer["data"]["notes"].as_array().unwrap().len(), 7);
    assert_eq!(world.ask("read_context", "NOTE 2")["data"]["notes"][0]["text"], "note 2");
}

/// A line, then the action, the code and the beginning of the message of its answer.
const ERRORS: [(&str, &str, &str, &str); 32] = [
    ("x", "unknown", "invalid_request", "invalid request: expected value at line 1 column 1"),
    ("{", "unknown", "invalid_request", "invalid request: EOF while parsing an object at line 1 column 1"),
    ("{}", "unknown", "invalid_request", "invalid request: missing field `name` at line 1 column 2"),
    (r#"{"name":"ping"} {}"#, "unknown", "invalid_request", "invalid request: trailing characters at line 1 column 17"),
    (
        r#"{"name":"a","name":"b"}"#,
        "unknown",
        "invalid_request",
        "invalid request: duplicate field `name` at line 1 column",
    ),
    (r#"{"name":"ping","payload":{}}"#, "unknown", "invalid_request", "invalid request: invalid type: map, expected"),
    (
        r#"{"name":"ping","payload":[1]}"#,
        "unknown",
        "invalid_request",
        "invalid request: invalid type: sequence, expected",
    ),
    (
        r#"{"name":"ping","payload":7}"#,
        "unknown",
        "invalid_request",
        "invalid request: invalid type: integer `7`, expected",
    ),
    (r#"{"name":7}"#, "unknown", "invalid_request", "invalid request: invalid type: integer `7`, expected a string"),
    (r#"{"name":null}"#, "unknown", "invalid_request", "invalid request: invalid type: null, expected a string"),
    (
        r#"{"name":"ping","version":"1"}"#,
        "unknown",
        "invalid_request",
        "invalid request: invalid type: string \"1\", expected u32",
    ),
    (
        r#"{"name":"ping","version":-1}"#,
        "unknown",
        "invalid_request",
        "invalid request: invalid value: integer `-1`, expected u32",
    ),
    (
        r#"{"name":"ping","version":1.0}"#,
        "unknown",
        "invalid_request",
        "invalid request: invalid type: floating point `1.0`, expected u32",
    ),
    (r#"[1,"ping",null]"#, "unknown", "invalid_request", "invalid request: expected a JSON object, not an array"),
    (r#""ping""#, "unknown", "invalid_request", "invalid request: invalid type: string \"ping\", expected"),
    (r#"{"name":"ping","version":0}"#, "ping", "invalid_request", "unsupported request version"),
    (r#"{"name":"ping","version":2}"#, "ping", "invalid_request", "unsupported request version"),
    (r#"{"name":"confirm","payload":"x","version":2}"#, "confirm", "invalid_request", "unsupported request version"),
    (
        r#"{"name":"natural_language","payload":"x","version":2}"#,
        "natural_language",
        "invalid_request",
        "unsupported request version",
    ),
    (
        r#"{"name":"remember","payload":"a","args":{"text":"b"}}"#,
        "unknown",
        "invalid_request",
        "invalid request: `payload` and `args`",
    ),
    (r#"{"name":"delete_files"}"#, "delete_files", "unknown_action", "no action is named `delete_files`"),
    (r#"{"name":"Ping"}"#, "Ping", "unknown_action", "no action is named `Ping`; did you mean `ping`?"),
    (r#"{"name":" ping"}"#, " ping", "unknown_action", "no action is named ` ping`; did you mean `ping`?"),
    (r#"{"name":"package_install"}"#, "package_install", "invalid_payload", "missing package list"),
    (r#"{"name":"package_install","payload":" , "}"#, "package_install", "invalid_payload", "empty package list"),
    (r#"{"name":"open_url"}"#, "open_url", "invalid_payload", "missing url"),
    (r#"{"name":"open_app"}"#, "open_app", "invalid_payload", "missing app name"),
    (r#"{"name":"set_volume"}"#, "set_volume", "invalid_payload", "missing volume percentage"),
    (r#"{"name":"set_volume","payload":"101"}"#, "set_volume", "invalid_payload", "invalid volume percentage"),
    (
        r#"{"name":"set_brightness","payload":"40%"}"#,
        "set_brightness",
        "invalid_payload",
        "invalid brightness percentage",
    ),
    (r#"{"name":"remember"}"#, "remember", "invalid_payload", "missing memory text"),
    (r#"{"name":"confirm"}"#, "confirm", "invalid_payload", "missing confirmation id"),
];

#[test]
fn what_is_wrong_with_a_line_is_said_in_the_words_that_clients_know() {
    let world = World::new(DESKTOP);
    let mut client = world.connect();
    for (line, action, code, message) in ERRORS {
        let answer = line_on(&mut client, line);
        assert_eq!(
            (&answer["status"], &answer["action"], &answer["code"]),
            (&json!("error"), &json!(action), &json!(code)),
            "{line}: {answer}"
        );
        assert!(answer["message"].as_str().unwrap().starts_with(message), "{line}: {answer}");
        assert_eq!((&answer["capabilities"], &answer["confirmation_id"]), (&Value::Null, &Value::Null));
    }
    let unknown = line_on(&mut client, r#"{"name":"confirm","payload":"1795198396-52095580"}"#);
    assert_eq!((&unknown["action"], &unknown["message"]), (&json!("confirm"), &json!("confirmation not found")));
}

#[test]
fn the_id_of_a_request_is_echoed_to_the_letter() {
    let world = World::new(DESKTOP);
    let mut client = world.connect();
    for id in
        [json!(0), json!(-7), json!(i64::MAX), json!("x"), json!(""), json!("\u{202e}\n\""), json!("x".repeat(128))]
    {
        for name in ["ping", "nonsense", "package_install"] {
            let answer = line_on(&mut client, &json!({ "name": name, "payload": "vim", "id": id }).to_string());
            assert_eq!(answer["id"], id, "{answer}");
        }
    }
    for id in [json!("x".repeat(129)), json!(1.5), json!(u64::MAX), json!([]), json!({}), json!(true)] {
        let answer = line_on(&mut client, &json!({ "name": "ping", "id": id }).to_string());
        assert_eq!(answer["code"], "invalid_request", "{answer}");
    }
    assert!(line_on(&mut client, r#"{"name":"ping","id":null}"#).get("id").is_none());
}

#[test]
fn arguments_and_payload_mean_the_same() {
    let world = World::new(DESKTOP);
    let payload = world.ask("package_install", "vim");
    let args = world.call("package_install", json!({ "packages": ["vim"] }));
    assert_eq!(payload["confirmation_id"], args["confirmation_id"]);
    assert_eq!(args["data"]["count"], 2);
    for (name, args) in [
        ("package_install", json!({})),
        ("package_install", json!({ "packages": [] })),
        ("package_install", json!({ "packages": "vim" })),
        ("package_install", json!({ "packages": ["vim"], "force": true })),
        ("ping", json!({ "x": 1 })),
        ("set_volume", json!({ "percent": 101 })),
        ("set_volume", json!({ "percent": "40" })),
        ("remember", json!({})),
        ("forget", json!({})),
        ("forget", json!({ "id": 1, "words": "x" })),
        ("confirm", json!({})),
        ("result", json!({ "id": "x", "wait": 61 })),
        ("explain", json!({})),
        ("explain", json!({ "text": "a", "request": {} })),
    ] {
        let answer = world.call(name, args.clone());
        assert_eq!(
            (&answer["status"], &answer["code"]),
            (&json!("error"), &json!("invalid_payload")),
            "{name} {args}: {answer}"
        );
    }
}

#[test]
fn the_client_library_speaks_it() {
    let world = World::new(DESKTOP);
    let mut client = Client::connect(world.socket()).unwrap();
    let answer = client.request(&Request::new("package_install", Some("vim"))).unwrap();
    assert_eq!(answer.status, steward_ipc::Status::Confirm);
    let id = answer.confirmation_id.unwrap();
    assert_eq!(client.request(&Request::new("confirm", Some(&id))).unwrap().status, steward_ipc::Status::Ok);
}

const NO_CODE: &str = r#"
[[rule]]
id        = "no-code"
actions   = ["package_install"]
args.packages = { in = ["code"] }
decision  = "deny"
match     = ["package_install code"]
not_match = ["package_install vim"]
"#;

#[test]
fn what_people_say_for_a_package_is_judged_and_shown_under_its_real_name() {
    let world = World::new(DESKTOP);
    world.archive.publish("code", "1.95", &[]);
    for line in [
        json!({ "name": "package_install", "payload": "VS Code" }),
        json!({ "name": "package_install", "payload": "vs code, vscode" }),
        json!({ "name": "package_install", "args": { "packages": ["vscode"] } }),
        json!({ "name": "natural_language", "payload": "install visual studio code" }),
        json!({ "name": "natural_language", "payload": "install vs code" }),
    ] {
        let answer = world.line(&line.to_string());
        assert_eq!(answer["status"], "confirm", "{line}: {answer}");
        assert_eq!(answer["preview"]["effects"][0]["object"], "code", "{line}: {answer}");
        assert_eq!(answer["preview"]["effects"].as_array().map(Vec::len), Some(1));
    }
    // What is only like it is offered and not taken.
    let chrome = world.ask("package_install", "google chrome");
    assert_eq!((&chrome["status"], &chrome["code"]), (&json!("error"), &json!("failed")), "{chrome}");
    assert_eq!(chrome["data"]["near"][0], "firefox-esr");
    assert_eq!(world.ask("package_install", "some words")["code"], "invalid_payload");
    assert_eq!(world.archive.started(), 0);

    let world = World::new(&format!("{DESKTOP}{NO_CODE}"));
    world.archive.publish("code", "1.95", &[]);
    assert_eq!(world.ask("package_install", "vs code")["status"], "deny");
    assert_eq!(world.line(r#"{"name":"natural_language","payload":"install vs code"}"#)["status"], "deny");
}
