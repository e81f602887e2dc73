//! Lines, however they come: long, cut, many, slow, broken; and sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};

use serde_json::{Value, json};
use steward_agent::server::{Access, ListenError, SocketSpec, Speaks, listen};
use steward_ipc::MAX_LINE;

use crate::support::{
    DESKTOP, Daemon, PATIENCE, World, connect, desktop_and, eventually, line_on, over_stdio, raw, rest,
};

const PING: &str = "{\"name\":\"ping\"}\n";
const PONG: &str = "{\"version\":1,\"action\":\"ping\",\"status\":\"ok\",\"message\":\"pong\",\"capabilities\":null,\"confirmation_id\":null}\n";

fn codes(text: &str) -> Vec<String> {
    let code = |line: &str| {
        let answer: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in {line}"));
        answer["code"].as_str().unwrap_or(answer["status"].as_str().expect("a status")).to_owned()
    };
    text.lines().map(code).collect()
}

fn padded(length: usize) -> String {
    let mut line = String::from("{\"name\":\"ping\",\"payload\":\"");
    line.push_str(&"x".repeat(length - line.len() - 2));
    line.push_str("\"}");
    line
}

#[test]
fn a_line_of_256_kib_is_answered_and_a_longer_one_is_refused_and_skipped() {
    let world = World::new(DESKTOP);
    for (length, code) in [
        (MAX_LINE, "ok"),
        (MAX_LINE + 1, "request_too_large"),
        (MAX_LINE + 2, "request_too_large"),
        (3 * MAX_LINE, "request_too_large"),
    ] {
        for end in ["\n", "\r\n"] {
            let text = format!("{PING}{}{end}{PING}", padded(length));
            assert_eq!(codes(&raw(&world.socket(), text.as_bytes())), ["ok", code, "ok"], "{length}");
        }
    }
    assert_eq!(
        codes(&raw(&world.socket(), padded(MAX_LINE + 5).as_bytes())),
        ["request_too_large"],
        "a last line without its end"
    );
}

/// The memory of a process that is resident, in bytes.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("a size");
    line.trim().strip_suffix(" kB").expect("kB").parse::<u64>().expect("a number") * 1024
}

#[test]
fn a_hundred_megabytes_without_a_newline_are_skipped_in_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(folder.path(), DESKTOP);
    let mut other = connect(&daemon.socket());
    assert_eq!(line_on(&mut other, PING.trim())["message"], "pong");
    let before = resident(daemon.child.id());
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    let piece = vec![b'x'; 1 << 20];
    for n in 0..100 {
        stream.write_all(&piece).unwrap();
        if n % 20 == 0 {
            assert_eq!(line_on(&mut other, PING.trim())["message"], "pong", "others do not notice");
        }
    }
    let grown = resident(daemon.child.id()).saturating_sub(before);
    assert!(grown < 16 << 20, "it grew by {grown} bytes");
    stream.write_all(format!("\n{PING}").as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(codes(&rest(&mut stream)), ["request_too_large", "ok"]);
    assert!(daemon.end().success());
}

#[test]
fn blank_lines_are_skipped_and_every_kind_of_line_end_works() {
    let world = World::new(DESKTOP);
    for text in [
        format!("\n\n \t \r\n{PING}\n\r\n"),
        PING.replace('\n', "\r\n"),
        PING.trim().to_owned(),
        format!("{}\r", PING.trim()),
        format!("\n{}", PING.trim()),
    ] {
        assert_eq!(raw(&world.socket(), text.as_bytes()), PONG, "{text:?}");
    }
    for nothing in ["", "\n", "\r\n", "  \n\n\t"] {
        assert_eq!(raw(&world.socket(), nothing.as_bytes()), "", "{nothing:?}");
    }
}

#[test]
fn a_broken_line_is_answered_and_the_connection_goes_on() {
    let world = World::new(DESKTOP);
    let deep = |n: usize| format!("{{\"name\":\"ping\",\"x\":{}{}}}", "[".repeat(n), "]".repeat(n));
    let deep_args =
        |n: usize| format!("{{\"name\":\"ping\",\"args\":{{\"x\":{}1{}}}}}", "{\"a\":".repeat(n), "}".repeat(n));
    let rows: Vec<(Vec<u8>, &str)> = vec![
        (b"{\"name\":\"\xff\"}".to_vec(), "invalid_request"),
        (b"\xff\xfe\x00".to_vec(), "invalid_request"),
        (b"\x00".to_vec(), "invalid_request"),
        (b"{\"name\":\"\xed\xa0\x80\"}".to_vec(), "invalid_request"),
        (br#"{"name":"\ud800"}"#.to_vec(), "invalid_request"),
        (b"\xef\xbb\xbf{\"name\":\"ping\"}".to_vec(), "invalid_request"),
        (b"{\"name\":\"a\x01b\"}".to_vec(), "invalid_request"),
        (deep(100_000).into_bytes(), "ok"),
        (deep_args(40_000).into_bytes(), "invalid_request"),
        (br#"{"name":"ping","version":99999999999999999999999999}"#.to_vec(), "invalid_request"),
        (br#"{"name":"ping","id":99999999999999999999999999}"#.to_vec(), "invalid_request"),
        (br#"{"name":"ping","version":1e999}"#.to_vec(), "invalid_request"),
        (br#"{"name":"result","args":{"id":"x","wait":99999999999999999999}}"#.to_vec(), "invalid_payload"),
        (br#"{"name":"set_volume","args":{"percent":1e308}}"#.to_vec(), "invalid_payload"),
        (br#"{"name":"ping","name":"ping"}"#.to_vec(), "invalid_request"),
        (br#"{"name":"ping","payload":"a","payload":"b"}"#.to_vec(), "invalid_request"),
        (br#"{"name":"ping","id":1,"id":2}"#.to_vec(), "invalid_request"),
        (b"null".to_vec(), "invalid_request"),
        (b"NaN".to_vec(), "invalid_request"),
        (b"{\"name\":\"ping\",}".to_vec(), "invalid_request"),
        (b"{'name':'ping'}".to_vec(), "invalid_request"),
    ];
    let mut all = Vec::new();
    for (line, _) in &rows {
        all.extend_from_slice(line);
        all.push(b'\n');
        all.extend_from_slice(PING.as_bytes());
    }
    let answers = raw(&world.socket(), &all);
    let codes = codes(&answers);
    assert_eq!(codes.len(), 2 * rows.len(), "{answers}");
    for (n, (line, code)) in rows.iter().enumerate() {
        assert_eq!(
            (codes[2 * n].as_str(), codes[2 * n + 1].as_str()),
            (*code, "ok"),
            "{}",
            String::from_utf8_lossy(&line[..line.len().min(80)])
        );
    }
}

#[test]
fn three_thousand_pipelined_requests_are_answered_in_order() {
    let world = World::new(DESKTOP);
    let mut text = String::new();
    for n in 0..3000 {
        let name = ["ping", "nonsense", "get_capabilities", "read_context"][n % 4];
        text.push_str(&format!("{{\"name\":\"{name}\",\"id\":{n}}}\n"));
    }
    let answers = raw(&world.socket(), text.as_bytes());
    let mut count = 0;
    for (n, line) in answers.lines().enumerate() {
        let answer: Value = serde_json::from_str(line).unwrap();
        assert_eq!(answer["id"], n);
        count += 1;
    }
    assert_eq!(count, 3000);
}

#[test]
fn a_request_may_come_a_byte_at_a_time() {
    let world = World::new(DESKTOP);
    let mut slow = UnixStream::connect(world.socket()).unwrap();
    let mut other = world.connect();
    for byte in PING.bytes() {
        slow.write_all(&[byte]).unwrap();
        assert_eq!(line_on(&mut other, PING.trim())["message"], "pong");
    }
    slow.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(rest(&mut slow), PONG);
}

#[test]
fn a_client_that_never_reads_holds_up_nobody_else() {
    let world = World::new(DESKTOP);
    let mut deaf: Vec<UnixStream> = Vec::new();
    for _ in 0..8 {
        let mut stream = UnixStream::connect(world.socket()).unwrap();
        stream.set_nonblocking(true).unwrap();
        // As much as fits: the agent stops to read when its answers are not.
        let line = "{\"name\":\"get_capabilities\",\"args\":{\"details\":true}}\n".repeat(2000);
        let _full = stream.write(line.as_bytes());
        deaf.push(stream);
    }
    let mut other = world.connect();
    for _ in 0..200 {
        assert_eq!(line_on(&mut other, PING.trim())["message"], "pong");
    }
}

#[test]
fn a_thousand_clients_at_once_are_all_answered() {
    let world = World::new(DESKTOP);
    let mut clients: Vec<UnixStream> = (0..1000).map(|_| UnixStream::connect(world.socket()).unwrap()).collect();
    for client in &mut clients {
        client.write_all(PING.as_bytes()).unwrap();
    }
    for client in &mut clients {
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut line = vec![0; PONG.len()];
        client.read_exact(&mut line).unwrap();
        assert_eq!(line, PONG.as_bytes());
    }
}

#[test]
fn standard_input_and_output_speak_the_same_and_end_with_the_input() {
    let folder = tempfile::tempdir().unwrap();
    let input = format!(
        "{PING}\n{{\"name\":\"remember\",\"payload\":\"x\"}}\nnonsense\r\n{}",
        r#"{"name":"read_context","id":4}"#
    );
    let (lines, well) = over_stdio(folder.path(), input.as_bytes());
    assert!(well);
    assert_eq!(format!("{}\n", lines[0]), PONG);
    assert_eq!(codes(&lines.join("\n")), ["ok", "ok", "invalid_request", "ok"]);
    let last: Value = serde_json::from_str(&lines[3]).unwrap();
    assert_eq!((&last["id"], &last["message"]), (&json!(4), &json!("Recent context: x")));
    let (lines, well) = over_stdio(folder.path(), b"");
    assert!(well && lines.is_empty());
}

#[test]
fn over_standard_input_the_requester_itself_may_confirm_and_nothing_more() {
    use std::process::Stdio;
    let folder = tempfile::tempdir().unwrap();
    let policy = "version = 1\n[risk]\nlow = { confirm = { grants = [\"once\", \"1h\"] } }\nreversible = { confirm = { assurance = \"desktop\" } }\n";
    std::fs::write(folder.path().join("policy.toml"), policy).unwrap();
    let mut command = Daemon::command(folder.path());
    command.args(["--stdio", "--policy", &folder.path().join("policy.toml").display().to_string()]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut to, mut from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut ask = |line: Value| -> Value {
        writeln!(to, "{line}").unwrap();
        let mut answer = String::new();
        from.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    };
    let held = ask(json!({ "name": "remember", "payload": "a" }));
    let id = held["confirmation_id"].as_str().expect("held").to_owned();
    let lasting = ask(json!({ "name": "confirm", "args": { "id": id, "grant": "1h" } }));
    assert_eq!(lasting["code"], "approver_not_allowed", "{lasting}");
    assert_eq!(ask(json!({ "name": "confirm", "payload": id }))["status"], "ok");
    let held = ask(json!({ "name": "forget", "payload": "1" }));
    let id = held["confirmation_id"].as_str().expect("held").to_owned();
    assert_eq!(ask(json!({ "name": "confirm", "payload": id }))["code"], "approver_not_allowed");
    drop(to);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_socket_has_the_mode_of_its_service_and_its_folder_is_made() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let tmp = tempfile::tempdir().unwrap();
    for (name, access, mode, folder_mode) in
        [("own", Access::Own, 0o600, 0o700), ("group", Access::Group(None), 0o660, 0o750)]
    {
        let path = tmp.path().join(name).join("agent.sock");
        let listening = listen(&SocketSpec { name: None, path: path.clone(), speaks: Speaks::Home }, access).unwrap();
        let meta = std::fs::symlink_metadata(&path).unwrap();
        assert!(meta.file_type().is_socket());
        assert_eq!(meta.permissions().mode() & 0o777, mode, "{name}");
        assert_eq!(
            std::fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777,
            folder_mode,
            "{name}"
        );
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
        drop(listening);
        assert!(!path.exists(), "it is taken away at the end");
    }
    // Where more than that is missing, somebody typed it wrongly.
    let path = tmp.path().join("not/there/agent.sock");
    let refused = listen(&SocketSpec { name: None, path, speaks: Speaks::Home }, Access::Own);
    assert!(matches!(refused, Err(ListenError::NoFolder(_))));
    assert!(!tmp.path().join("not").exists());
}

#[test]
fn a_live_socket_is_not_stolen_a_stale_one_is_replaced_and_a_file_is_left_alone() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let tmp = tempfile::tempdir().unwrap();
    let spec = |name: &str| SocketSpec { name: None, path: tmp.path().join(name), speaks: Speaks::Home };

    let live = UnixListener::bind(tmp.path().join("live")).unwrap();
    assert!(matches!(listen(&spec("live"), Access::Own), Err(ListenError::Live(_))));
    drop(live);
    let replaced = listen(&spec("live"), Access::Own).unwrap();
    assert!(matches!(listen(&spec("live"), Access::Own), Err(ListenError::Live(_))));
    drop(replaced);

    for (name, make) in [
        ("file", (|p| std::fs::write(p, "precious").unwrap()) as fn(&std::path::Path)),
        ("folder", |p| std::fs::create_dir(p).unwrap()),
        ("link", |p| std::os::unix::fs::symlink("/dev/null", p).unwrap()),
        ("dangling", |p| std::os::unix::fs::symlink("nowhere", p).unwrap()),
    ] {
        make(&tmp.path().join(name));
        assert!(matches!(listen(&spec(name), Access::Own), Err(ListenError::NotASocket(_))), "{name}");
        assert!(std::fs::symlink_metadata(tmp.path().join(name)).is_ok(), "{name}");
    }
    assert_eq!(std::fs::read_to_string(tmp.path().join("file")).unwrap(), "precious");
    let long = SocketSpec { name: None, path: tmp.path().join("x".repeat(200)), speaks: Speaks::Home };
    assert!(matches!(listen(&long, Access::Own), Err(ListenError::Io { .. })));
}

#[test]
fn a_second_daemon_does_not_start_on_the_first_ones_socket_or_state() {
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(folder.path(), DESKTOP);
    let other = tempfile::tempdir().unwrap();
    let mut command = Daemon::command(other.path());
    let output = command.args(["--socket", &daemon.socket().display().to_string()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("an agent is listening there already"), "{said}");
    assert_eq!(daemon.line(PING.trim())["message"], "pong");
    assert!(daemon.end().success());
    assert!(!daemon.socket().exists());
}

#[test]
fn a_daemon_that_was_killed_leaves_a_socket_that_the_next_one_replaces() {
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(folder.path(), DESKTOP);
    daemon.child.kill().unwrap();
    daemon.child.wait().unwrap();
    assert!(daemon.socket().exists());
    let mut next = Daemon::start(folder.path(), DESKTOP);
    assert_eq!(next.line(PING.trim())["message"], "pong");
    assert!(next.end().success());
}

#[test]
fn several_sockets_have_names_that_rules_know() {
    let rule = "[caller.voice]\nsocket = \"voice\"\n[[rule]]\nid = \"voice\"\nactions = [\"remember\"]\ndecision = \"deny\"\nwhen.caller = [\"voice\"]\n";
    let world = World::new(&desktop_and(rule));
    let mut voice = connect(&world.path("voice.sock"));
    let line = r#"{"name":"remember","payload":"x"}"#;
    assert_eq!(line_on(&mut voice, line)["policy"]["rule"], "voice");
    assert_eq!(world.line(line)["status"], "ok");
}

#[test]
fn the_environment_says_where_when_no_flag_does() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("policy.toml"), "version = 1\n[risk]\nlow = \"deny\"\n").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_stewardd"));
    command.env_clear().env("HOME", folder.path());
    command.env("STEWARD_SOCKET", at("s")).env("STEWARD_POLICY", at("policy.toml")).env("STEWARD_STATE_DIR", at("st"));
    command.stderr(std::process::Stdio::null());
    let mut daemon = Daemon { folder: folder.path().to_owned(), child: command.spawn().unwrap() };
    eventually(|| UnixStream::connect(at("s")).is_ok());
    let denied = line_on(&mut connect(&at("s")), r#"{"name":"remember","payload":"x"}"#);
    assert_eq!((&denied["status"], &denied["policy"]["rule"]), (&json!("deny"), &json!("risk.low")));
    assert!(at("st").join("journal.jsonl").exists());
    assert!(daemon.end().success());
}

#[test]
fn a_signal_ends_it_in_order_while_its_input_is_open_and_a_client_does_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Daemon::command(folder.path());
    command.args(["--stdio", "--socket", &folder.path().join("agent.sock").display().to_string()]);
    let mut child = command.stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let input = child.stdin.take();
    let mut daemon = Daemon { folder: folder.path().to_owned(), child };
    eventually(|| UnixStream::connect(daemon.socket()).is_ok());
    let mut deaf = UnixStream::connect(daemon.socket()).unwrap();
    deaf.set_nonblocking(true).unwrap();
    let _full = deaf.write("{\"name\":\"get_capabilities\"}\n".repeat(5000).as_bytes());
    let mut stream = connect(&daemon.socket());
    drop(line_on(&mut stream, r#"{"name":"subscribe"}"#));
    daemon.signal(rustix::process::Signal::TERM);
    assert_eq!(&*stream.next_event().unwrap().event, "agent_stopping");
    assert!(daemon.child.wait().unwrap().success());
    assert!(!daemon.socket().exists());
    drop((input, deaf));
}
