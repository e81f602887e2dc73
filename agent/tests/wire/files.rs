//! Reading and writing files, over the socket: what is free, what asks, what is refused, and that nothing is half done.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{DESKTOP, Daemon, Simulated, World, desktop_and, eventually, is_root};

/// A world, and a folder in `/tmp` to work in that is none of the agent's own.
fn place() -> (World, tempfile::TempDir) {
    (World::new(DESKTOP), tempfile::tempdir_in("/tmp").unwrap())
}

fn read(world: &World, path: &Path) -> Value {
    world.call("read_file", json!({ "path": path }))
}

fn write(world: &World, path: &Path, content: &str) -> Value {
    world.call("write_file", json!({ "path": path, "content": content }))
}

fn is(answer: &Value, status: &str) -> bool {
    answer["status"] == status
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o7777
}

/// What lies in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut all: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    all.sort();
    all
}

/// Standard base64, slowly.
fn decoded(text: &Value) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for group in text.as_str().unwrap().as_bytes().chunks(4) {
        let digits = group.iter().filter(|b| **b != b'=');
        let value = digits.clone().fold(0_u32, |n, b| n << 6 | ALPHABET.iter().position(|a| a == b).unwrap() as u32);
        let count = digits.count();
        let bytes = (value << (6 * (4 - count))).to_be_bytes();
        out.extend(&bytes[1..count]);
    }
    out
}

#[test]
fn a_file_is_read_up_to_what_was_asked_for_and_says_whether_there_is_more() {
    let (world, folder) = place();
    let path = folder.path().join("file");
    let content: Vec<u8> = (0..70_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    std::fs::write(&path, &content).unwrap();
    for (most, got, truncated) in [(1, 1, true), (65_536, 65_536, true), (4096, 4096, true)] {
        let answer = world.call("read_file", json!({ "path": path, "max_bytes": most }));
        let data = &answer["data"];
        assert_eq!(decoded(&data["content_base64"]), content[..got], "{most}");
        assert_eq!((&data["truncated"], &data["size"]), (&json!(truncated), &json!(70_000)));
    }
    for exact in [0_usize, 1, 2, 3, 4, 65_536] {
        std::fs::write(&path, &content[..exact]).unwrap();
        let answer = read(&world, &path);
        let data = &answer["data"];
        assert_eq!((decoded(&data["content_base64"]).len(), &data["truncated"]), (exact, &json!(false)), "{answer}");
    }
    assert_eq!(world.ask("read_file", path.to_str().unwrap())["status"], "ok");
    assert_eq!(read(&world, Path::new("/tmp/no/such"))["data"]["errno"], json!(2));
}

#[test]
fn hostile_paths_are_refused_for_reading_and_for_writing_and_nothing_is_left() {
    let (world, folder) = place();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("sub")).unwrap();
    std::fs::write(at("sub/file"), "x").unwrap();
    std::fs::write(at("outside"), "keep").unwrap();
    symlink(at("outside"), at("link")).unwrap();
    symlink(at("sub"), at("door")).unwrap();
    symlink(at("gone"), at("dangling")).unwrap();
    let pipe = at("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let before = names(folder.path());
    for (path, errno) in [
        (at("link"), 40),
        (at("door/file"), 40),
        (at("dangling"), 40),
        (at("sub"), 21),
        (pipe.clone(), 19),
        (at("socket"), 19),
        (at("sub/file/x"), 20),
        (at("none/file"), 2),
        (at(&"n".repeat(300)), 36),
    ] {
        for answer in [read(&world, &path), write(&world, &path, "evil")] {
            assert!(is(&answer, "error"), "{}: {answer}", path.display());
            assert_eq!(answer["data"]["errno"], json!(errno), "{}: {answer}", path.display());
        }
    }
    for path in ["x", "./x", "../x", "/tmp/../etc/passwd", "", "/", "/tmp/", "~root/x", "/tmp/a\0b"] {
        for answer in [read(&world, Path::new(path)), write(&world, Path::new(path), "evil")] {
            assert_eq!(answer["code"], "invalid_payload", "{path}: {answer}");
        }
    }
    // What the kernel makes up, and devices, are outside the roots: they are never so much as asked about.
    for path in ["/proc/self/environ", "/proc/self/fd/0", "/proc/1/environ", "/dev/null", "/dev/tty", "/proc/kmsg"] {
        let answer = read(&world, Path::new(path));
        assert!(is(&answer, "error"), "{path}: {answer}");
        let answer = write(&world, Path::new(path), "evil");
        assert!(is(&answer, "deny") || is(&answer, "error"), "{path}: {answer}");
    }
    assert_eq!(names(folder.path()), before);
    assert_eq!(std::fs::read_to_string(at("outside")).unwrap(), "keep");
    assert_eq!(std::fs::read_to_string(at("sub/file")).unwrap(), "x");
}

#[test]
fn a_file_is_written_in_one_step_with_its_mode_and_put_back() {
    let (world, folder) = place();
    let path = folder.path().join("file");
    let made = write(&world, &path, "one\n");
    let data = &made["data"];
    assert_eq!(
        (&data["created"], &data["bytes"], &data["artifacts"]),
        (&json!(true), &json!(4), &json!([path])),
        "{made}"
    );
    assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("one\n", 0o644));
    let inode = path.metadata().unwrap().ino();
    // The old file's permissions are kept unless others are asked for, whatever the umask is.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let two = write(&world, &path, "two");
    assert_eq!((&two["data"]["created"], mode(&path)), (&json!(false), 0o640), "{two}");
    assert_ne!(path.metadata().unwrap().ino(), inode, "a new file took the name");
    let three = world.call("write_file", json!({ "path": path, "content": "three", "mode": "0o777" }));
    assert_eq!((&three["status"], mode(&path)), (&json!("ok"), 0o777), "{three}");
    assert_eq!(names(folder.path()), ["file"], "nothing lies beside it");
    // Back, step by step, to where there was nothing.
    for (content, bits) in [("two", 0o640), ("one\n", 0o640)] {
        let answer = world.line(r#"{"name":"undo"}"#);
        assert_eq!(answer["status"], "ok", "{answer}");
        assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), mode(&path)), (content, bits), "{answer}");
    }
    // Its mode was changed by somebody else meanwhile: it is not what was written.
    let refused = world.line(r#"{"name":"undo"}"#);
    assert_eq!(refused["code"], "confirmation_changed", "{refused}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let gone = world.line(r#"{"name":"undo"}"#);
    assert_eq!((&gone["status"], names(folder.path()).len()), (&json!("ok"), 0), "{gone}");
    // And that can be taken back by its id.
    let id = gone["data"]["receipt"].as_str().unwrap();
    let again = world.ask("undo", id);
    assert_eq!(
        (&again["status"], std::fs::read_to_string(&path).unwrap().as_str()),
        (&json!("ok"), "one\n"),
        "{again}"
    );
}

#[test]
fn what_was_written_by_somebody_else_since_is_neither_put_back_nor_taken_away() {
    let (world, folder) = place();
    let path = folder.path().join("file");
    assert!(is(&write(&world, &path, "mine"), "ok"));
    std::fs::write(&path, "theirs").unwrap();
    for request in [r#"{"name":"undo"}"#, r#"{"name":"undo","args":{"force":true}}"#] {
        let answer = world.line(request);
        assert_eq!(answer["code"], "confirmation_changed", "{answer}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "theirs");
    }
    // Another owner's content, or one of another file, is not to be had by naming it.
    let other = folder.path().join("other");
    assert!(is(&write(&world, &other, "x"), "ok"));
    let id = write(&world, &other, "y")["data"]["receipt"].clone();
    for restore in [id, json!("00000000-0000-4000-8000-000000000000")] {
        let answer = world.call("write_file", json!({ "path": path, "restore": restore }));
        assert_eq!(answer["code"], "failed", "{answer}");
    }
    for args in [
        json!({ "path": path }),
        json!({ "path": path, "content": "x", "restore": "00000000-0000-4000-8000-000000000000" }),
        json!({ "path": path, "content": { "bytes": 1, "sha256": "x" } }),
        json!({ "path": path, "content": "x", "mode": "4755" }),
        json!({ "path": path, "content": "x".repeat(65_537) }),
        json!({ "path": path, "content": "x", "more": 1 }),
    ] {
        let answer = world.call("write_file", args.clone());
        assert_eq!(answer["code"], "invalid_payload", "{answer}");
    }
}

#[test]
fn what_is_outside_the_roots_private_or_starts_something_is_asked_about_and_shown() {
    let (world, folder) = place();
    let secret = folder.path().join("id_ed25519");
    std::fs::write(&secret, "key").unwrap();
    let linked = folder.path().join("linked");
    std::fs::write(&linked, "x").unwrap();
    std::fs::hard_link(&linked, folder.path().join("second")).unwrap();
    for (path, rule) in [
        (Path::new("/etc/passwd"), "risk.disruptive"),
        (Path::new("/etc/hostname"), "risk.disruptive"),
        (&secret, "risk.destructive"),
        (&linked, "risk.disruptive"),
    ] {
        let answer = read(&world, path);
        assert_eq!((&answer["status"], &answer["policy"]["rule"]), (&json!("confirm"), &json!(rule)), "{answer}");
    }
    let confirmed = world.ask("confirm", read(&world, Path::new("/etc/passwd"))["confirmation_id"].as_str().unwrap());
    assert!(decoded(&confirmed["data"]["content_base64"]).starts_with(b"root:"), "{confirmed}");

    let entry = folder.path().join("x.desktop");
    let content = "[Desktop Entry]\nType=Application\nName=X\nExec=/bin/evil \u{202e}\n";
    let held = write(&world, &entry, content);
    assert_eq!((&held["status"], &held["policy"]["rule"]), (&json!("confirm"), &json!("risk.destructive")), "{held}");
    let shown = held["preview"]["facts"].as_array().unwrap().iter().find(|f| f["name"] == "content").unwrap();
    assert_eq!(shown["value"], "[Desktop Entry]\nType=Application\nName=X\nExec=/bin/evil <U+202E>");
    assert!(!entry.exists());
    assert!(is(&world.ask("confirm", held["confirmation_id"].as_str().unwrap()), "ok"));
    assert_eq!(std::fs::read_to_string(&entry).unwrap(), content);
    let vital = write(&world, Path::new("/etc/ld.so.preload"), "/tmp/evil.so");
    assert_eq!((&vital["status"], &vital["policy"]["rule"]), (&json!("deny"), &json!("risk.critical")), "{vital}");
}

#[test]
fn stewards_own_files_are_written_by_no_request_whatever_the_rules_say() {
    let world = World::new(&desktop_and(
        "[[rule]]\nid = \"all\"\nactions = [\"write_file\"]\ndecision = \"ok\"\nargs.path = { under = \"/\" }\n",
    ));
    let policy = std::fs::read_to_string(world.path("policy.toml")).unwrap();
    for path in [
        world.path("policy.toml"),
        world.path("config.toml"),
        world.path("state/audit/audit.jsonl"),
        world.path("state/journal.jsonl"),
        world.path("state/new"),
        world.path("etc/x.toml"),
        PathBuf::from("/etc/steward/policy.d/x.toml"),
        PathBuf::from("/home/x/.config/steward/policy.d/x.toml"),
    ] {
        let answer = write(&world, &path, "version = 1\n[risk]\ncritical = \"ok\"\n");
        assert_eq!((&answer["status"], &answer["code"]), (&json!("error"), &json!("denied")), "{answer}");
    }
    assert_eq!(std::fs::read_to_string(world.path("policy.toml")).unwrap(), policy);
    // To read them is another matter, and asks.
    assert!(is(&read(&world, &world.path("state/journal.jsonl")), "confirm"));
    assert!(is(&write(&world, &world.path("free"), "x"), "ok"), "the rule itself holds");
}

#[test]
fn what_was_approved_is_what_is_written_or_nothing_is() {
    let world = World::new(&desktop_and(
        "[[rule]]\nid = \"ask\"\nactions = [\"read_file\", \"write_file\"]\ndecision = \"confirm\"\n",
    ));
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let path = folder.path().join("file");
    let hold = |answer: Value| answer["confirmation_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    let confirm = |id: &str| {
        let answer = world.ask("confirm", id);
        // Neither it nor what was held in its place waits any longer.
        world.ask("cancel", id);
        world.ask("cancel", answer["data"]["confirmation_id"].as_str().unwrap_or_default());
        answer
    };
    // A new file: somebody else makes it first.
    let id = hold(write(&world, &path, "mine"));
    std::fs::write(&path, "theirs").unwrap();
    assert_eq!(confirm(&id)["code"], "confirmation_changed");
    // A replaced one: another content, another mode, another file of the same content.
    let meddle: [&dyn Fn(); 4] = [
        &|| std::fs::write(&path, "theirs, changed").unwrap(),
        &|| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap(),
        &|| {
            std::fs::copy(&path, folder.path().join("copy")).unwrap();
            std::fs::rename(folder.path().join("copy"), &path).unwrap();
        },
        &|| {
            std::fs::rename(&path, folder.path().join("aside")).unwrap();
            symlink(folder.path().join("aside"), &path).unwrap();
        },
    ];
    for (n, meddle) in meddle.iter().enumerate() {
        let id = hold(write(&world, &path, &format!("mine {n}")));
        meddle();
        let answer = confirm(&id);
        assert!(is(&answer, "error"), "{n}: {answer}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "theirs, changed", "{n}");
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::rename(folder.path().join("aside"), &path).unwrap();
    // Reading: the very file.
    let id = hold(read(&world, &path));
    std::fs::write(folder.path().join("other"), "other").unwrap();
    std::fs::rename(folder.path().join("other"), &path).unwrap();
    let answer = confirm(&id);
    assert_eq!(
        (&answer["code"], answer.to_string().contains("content_base64")),
        (&json!("confirmation_changed"), false)
    );
    // And what was left alone is written.
    let id = hold(write(&world, &path, "mine"));
    assert!(is(&confirm(&id), "ok"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    let same = write(&world, &path, "mine");
    assert_eq!((&same["status"], &same["data"]["changed"]), (&json!("ok"), &json!(false)), "{same}");
}

#[test]
fn the_audit_log_has_no_content_and_the_state_is_the_owners_alone() {
    let (mut world, folder) = place();
    let path = folder.path().join("file");
    assert!(is(&write(&world, &path, "first secret"), "ok"));
    assert!(is(&write(&world, &path, "second secret"), "ok"));
    assert!(is(&read(&world, &path), "ok"));
    let records = world.end();
    let text = serde_json::to_string(&records).unwrap();
    assert!(!text.contains("secret"));
    let written: Vec<&Value> =
        records.iter().filter(|r| r["action"] == "write_file" && r["kind"] == "judged").collect();
    assert_eq!(written.len(), 2);
    assert_eq!(written[0]["args"]["content"]["bytes"], 12);
    assert_eq!(written[0]["args"]["content"]["sha256"].as_str().unwrap().len(), 64);
    for name in ["written.jsonl", "kept"] {
        assert_eq!(mode(&world.path("state").join(name)) & 0o077, 0, "{name}");
    }
}

#[test]
fn what_was_written_is_known_when_it_is_started() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let daemon = Daemon::start(
        folder.path(),
        &desktop_and(
            "[[rule]]\nid = \"w\"\nactions = [\"write_file\"]\ndecision = \"ok\"\nargs.path = { under = \"/tmp\" }\n",
        ),
    );
    let script = folder.path().join("run.sh");
    let call = |name: &str, args: Value| daemon.line(&json!({ "name": name, "args": args }).to_string());
    let exec = |argv: Value| call("exec", json!({ "argv": argv, "cwd": folder.path() }));
    let before = exec(json!(["/bin/cat", "/etc/hostname"]));
    assert_eq!(before["policy"]["rule"], "risk.disruptive", "{before}");
    let made = call("write_file", json!({ "path": script, "content": "#!/bin/sh\nid\n", "mode": "0755" }));
    assert!(is(&made, "ok"), "{made}");
    std::fs::copy(&script, folder.path().join("copy.sh")).unwrap();
    for argv in [
        json!(["/bin/sh", script]),
        json!(["/bin/sh", "run.sh"]),
        json!(["/bin/sh", "copy.sh"]),
        json!(["/bin/sh", format!("--init={}", script.display())]),
    ] {
        let held = exec(argv.clone());
        daemon.line(&json!({ "name": "cancel", "payload": held["confirmation_id"] }).to_string());
        assert_eq!(
            (&held["status"], &held["policy"]["rule"]),
            (&json!("confirm"), &json!("risk.destructive")),
            "{argv}: {held}"
        );
        let facts = held["preview"]["facts"].to_string();
        assert!(facts.contains("was written through Steward at") && facts.contains("#!/bin/sh"), "{facts}");
        assert!(held["preview"]["effects"].as_array().unwrap().iter().any(|e| e["verb"] == "rely on"), "{held}");
    }
}

#[test]
fn two_writers_of_one_file_leave_one_whole_content_and_nothing_else() {
    let (world, folder) = place();
    let path = folder.path().join("file");
    let contents: Vec<String> = (0..4).map(|n| n.to_string().repeat(60_000)).collect();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                if let Ok(text) = std::fs::read_to_string(&path) {
                    assert!(contents.contains(&text), "a half: {} bytes", text.len());
                    seen += 1;
                }
            }
            seen
        });
        let writers: Vec<_> = contents
            .iter()
            .map(|content| {
                let (world, path) = (&world, &path);
                scope.spawn(move || {
                    let mut good = 0;
                    for _ in 0..8 {
                        let answer = write(world, path, content);
                        match answer["code"].as_str() {
                            None => good += 1,
                            Some(code) => assert!(matches!(code, "confirmation_changed" | "failed"), "{answer}"),
                        }
                    }
                    good
                })
            })
            .collect();
        let good: i32 = writers.into_iter().map(|w| w.join().unwrap()).sum();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(good >= 1 && reader.join().unwrap() > 0);
    });
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn in_a_simulation_files_are_those_of_the_laptop() {
    let simulated = Simulated::new();
    let world = simulated.world(DESKTOP);
    let path = Path::new("/tmp/steward-simulated-file");
    let made = write(&world, path, "x");
    assert_eq!((&made["status"], &made["data"]["simulated"]), (&json!("ok"), &json!(true)), "{made}");
    assert!(!path.exists());
    assert_eq!(read(&world, path)["data"]["content_base64"], "eA==");
    assert!(is(&read(&world, Path::new("/etc/passwd")), "error"), "there is none");
    assert!(is(&world.line(r#"{"name":"undo"}"#), "ok"));
    assert_eq!(read(&world, path)["data"]["errno"], 2);
}

#[test]
fn somebody_elses_files_are_left_alone_and_a_files_owner_is_kept() {
    if !is_root() {
        return;
    }
    let (world, folder) = place();
    let own = |path: &Path, uid: u32| std::os::unix::fs::chown(path, Some(uid), Some(uid)).unwrap();
    // In a folder where everybody may leave files, what somebody else left is not written to.
    let sticky = folder.path().join("sticky");
    std::fs::create_dir(&sticky).unwrap();
    std::fs::set_permissions(&sticky, std::fs::Permissions::from_mode(0o1777)).unwrap();
    let bait = sticky.join("bait");
    std::fs::write(&bait, "theirs").unwrap();
    own(&bait, 4242);
    let refused = write(&world, &bait, "mine");
    let refused = match refused["confirmation_id"].as_str() {
        Some(id) => world.ask("confirm", id),
        None => refused,
    };
    assert!(is(&refused, "error"), "{refused}");
    assert_eq!(std::fs::read_to_string(&bait).unwrap(), "theirs");
    // What others may not read is asked about before it is read.
    std::fs::set_permissions(&bait, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(read(&world, &bait)["policy"]["rule"], "risk.destructive");
    // In a folder of one's own it is asked about, and stays theirs.
    let file = folder.path().join("file");
    std::fs::write(&file, "old").unwrap();
    own(&file, 4242);
    let held = write(&world, &file, "new");
    assert_eq!(held["policy"]["rule"], "risk.disruptive", "{held}");
    assert!(is(&world.ask("confirm", held["confirmation_id"].as_str().unwrap()), "ok"));
    let meta = file.metadata().unwrap();
    assert_eq!((meta.uid(), meta.gid(), std::fs::read_to_string(&file).unwrap().as_str()), (4242, 4242, "new"));
    // What has a set-id bit is not replaced.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o4755)).unwrap();
    let refused = write(&world, &file, "evil");
    assert!(is(&refused, "error") && mode(&file) == 0o4755, "{refused}");
    // A folder of somebody else's is one where they change what was written.
    let theirs = folder.path().join("theirs");
    std::fs::create_dir(&theirs).unwrap();
    own(&theirs, 4242);
    assert_eq!(write(&world, &theirs.join("x"), "x")["policy"]["rule"], "risk.disruptive");
}

#[test]
fn what_the_agent_may_not_open_is_told_as_such_and_nothing_is_changed() {
    if !is_root() {
        return;
    }
    const UID: u32 = 4242;
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let own = |path: &Path| std::os::unix::fs::chown(path, Some(UID), Some(UID)).unwrap();
    let at = |name: &str| folder.path().join(name);
    own(folder.path());
    std::fs::write(at("policy.toml"), DESKTOP).unwrap();
    own(&at("policy.toml"));
    let mut command = Daemon::command(folder.path());
    command.args(["--socket", at("agent.sock").to_str().unwrap(), "--policy", at("policy.toml").to_str().unwrap()]);
    let command = std::os::unix::process::CommandExt::uid(&mut command, UID);
    let child =
        std::os::unix::process::CommandExt::gid(command, UID).stderr(std::process::Stdio::null()).spawn().unwrap();
    let daemon = Daemon { folder: folder.path().to_owned(), child };
    eventually(|| std::os::unix::net::UnixStream::connect(daemon.socket()).is_ok());
    let call = |name: &str, args: Value| {
        let answer = daemon.line(&json!({ "name": name, "args": args }).to_string());
        match answer["confirmation_id"].as_str() {
            Some(id) => daemon.line(&json!({ "name": "confirm", "payload": id }).to_string()),
            None => answer,
        }
    };
    let roots = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(roots.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let secret = roots.path().join("file");
    std::fs::write(&secret, "root's").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let theirs = at("theirs");
    std::fs::write(&theirs, "root's").unwrap();
    let locked = at("locked");
    std::fs::write(&locked, "own").unwrap();
    own(&locked);
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o400)).unwrap();
    for (name, path, code) in [
        ("read_file", &secret, "not_authorized"),
        ("write_file", &secret, "failed"),
        ("write_file", &roots.path().join("new"), "not_authorized"),
        ("write_file", &theirs, "failed"),
        ("write_file", &locked, "not_authorized"),
    ] {
        let args =
            if name == "read_file" { json!({ "path": path }) } else { json!({ "path": path, "content": "evil" }) };
        let answer = call(name, args);
        assert_eq!(
            (&answer["status"], &answer["code"]),
            (&json!("error"), &json!(code)),
            "{name} {}: {answer}",
            path.display()
        );
    }
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "root's");
    assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "root's");
    assert_eq!(names(roots.path()), ["file"]);
    // A permission that it has is enough.
    assert_eq!(call("write_file", json!({ "path": at("new"), "content": "x" }))["status"], "ok");
    assert_eq!(at("new").metadata().unwrap().uid(), UID);
}

/// Set inside a mount namespace of our own.
const INSIDE: &str = "STEWARD_INSIDE_MOUNTS";
const FULL: &str = "files::on_a_full_disk_the_old_file_stays_and_nothing_lies_beside_it";

#[test]
fn on_a_full_disk_the_old_file_stays_and_nothing_lies_beside_it() {
    if std::env::var_os(INSIDE).is_some() {
        return on_a_full_disk();
    }
    let skip = |why: &str| {
        assert!(std::env::var_os("STEWARD_TEST_REAL").is_none_or(|v| v != "1"), "{why}");
        let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{FULL}: skipped: {why}\n"));
    };
    if !is_root() {
        return skip("needs root, to mount a small tmpfs");
    }
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let mounts = |program: &str| {
        let mut command = std::process::Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "--", program]).stdin(std::process::Stdio::null());
        command
    };
    let mount = format!("mount -t tmpfs -o size=256k tmpfs {0} && exec \"$@\"", folder.path().display());
    let probe = mounts("sh").args(["-c", &mount, "sh", "true"]).output().unwrap();
    if !probe.status.success() {
        return skip(&format!("cannot mount: {}", String::from_utf8_lossy(&probe.stderr).trim()));
    }
    let own = std::env::current_exe().unwrap();
    let mut again = mounts("sh");
    again.args(["-c", &mount, "sh", own.to_str().unwrap(), "--exact", FULL, "--nocapture", "--test-threads=1"]);
    let done = again.env(INSIDE, folder.path()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}

fn on_a_full_disk() {
    let folder = PathBuf::from(std::env::var_os(INSIDE).unwrap());
    let world = World::new(DESKTOP);
    let file = folder.join("file");
    assert!(is(&write(&world, &file, "old"), "ok"));
    let mut fill = std::fs::File::create(folder.join("fill")).unwrap();
    while std::io::Write::write(&mut fill, &[0; 4096]).is_ok_and(|n| n > 0) {}
    for path in [&file, &folder.join("new")] {
        let answer = write(&world, path, &"x".repeat(60_000));
        assert_eq!((&answer["code"], &answer["data"]["errno"]), (&json!("failed"), &json!(28)), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains("the disk is full"), "{answer}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "old");
    assert_eq!(names(&folder), ["file", "fill"]);
    drop(fill);
    std::fs::remove_file(folder.join("fill")).unwrap();
    assert!(is(&write(&world, &file, &"x".repeat(60_000)), "ok"), "with space it goes on");
    assert!(is(&world.line(r#"{"name":"undo"}"#), "ok"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "old");
}
