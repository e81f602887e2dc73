//! The tools that read files, and the documents that the command makes of itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::World;

const COMMANDS: &[&[&str]] = &[
    &["do"],
    &["call"],
    &["send"],
    &["pending"],
    &["approve"],
    &["deny"],
    &["cancel"],
    &["result"],
    &["grants"],
    &["grants", "revoke"],
    &["undo"],
    &["explain"],
    &["capabilities"],
    &["memory"],
    &["memory", "add"],
    &["policy"],
    &["policy", "check"],
    &["policy", "explain"],
    &["policy", "test"],
    &["policy", "import"],
    &["audit"],
    &["audit", "tail"],
    &["audit", "show"],
    &["audit", "verify"],
    &["sandbox"],
    &["sandbox", "list"],
    &["sandbox", "run"],
    &["doctor"],
    &["watch"],
    &["completions"],
    &["man"],
];

#[test]
fn a_sentence_in_the_place_of_a_command_is_told_where_to_go() {
    let ended = World::new().run(&["install", "vim"]).with(2);
    assert!(ended.err.contains("steward do install vim"), "{ended:?}");
}

#[test]
fn the_help_of_every_command_has_an_example() {
    let world = World::new();
    for command in COMMANDS {
        let help = world.run(&[command, &["--help"][..]].concat()).with(0).out;
        assert!(
            help.contains(&format!("Examples:\n  steward {}", command[0])) || help.contains("| steward send"),
            "{command:?}: {help}"
        );
    }
    let help = world.run(&["--help"]).with(0).out;
    assert!(help.contains("  3    held until a person agrees") && help.contains("  130  interrupted"), "{help}");
}

#[test]
fn man_pages_and_completions_are_made() {
    let world = World::new();
    let page = world.run(&["man"]).with(0).out;
    assert!(page.contains(".TH steward 1") && page.contains("Exit status:"), "{page}");
    let dir = world.path("man");
    world.run(&["man", "--dir", dir.to_str().unwrap()]).with(0);
    for command in COMMANDS {
        assert!(dir.join(format!("steward-{}.1", command.join("-"))).exists(), "{command:?}");
    }
    let daemon = std::fs::read_to_string(dir.join("stewardd.8")).unwrap();
    assert!(daemon.contains(".TH stewardd 8") && daemon.contains("\\-\\-system"), "{daemon}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(world.run(&["completions", shell]).with(0).out.contains("capabilities"), "{shell}");
    }
}

#[test]
fn answers_in_json_are_one_line_that_parses() {
    let world = World::new();
    for (args, code) in [
        (vec!["call", "ping"], 0),
        (vec!["do", "gibberish it"], 6),
        (vec!["pending"], 0),
        (vec!["grants"], 0),
        (vec!["memory"], 0),
        (vec!["memory", "add", "x"], 0),
        (vec!["explain", "install vim"], 0),
        (vec!["capabilities"], 0),
        (vec!["capabilities", "--details"], 0),
        (vec!["undo"], 0),
        (vec!["call", "forget", "--args", "{\"id\":1,\"purge\":true}"], 3),
        (vec!["audit", "verify"], 0),
        (vec!["policy", "check"], 0),
        (vec!["policy", "test", "--coverage"], 0),
        (vec!["policy", "explain", "package_install", "vim"], 0),
        (vec!["doctor"], 0),
    ] {
        let ended = world.run(&[&["--json"], &args[..]].concat()).with(code);
        assert_eq!(ended.out.lines().count(), 1, "{args:?}: {ended:?}");
        ended.json();
    }
    let tail = world.run(&["--json", "audit", "tail", "-n", "3"]).with(0).out;
    assert_eq!(tail.lines().filter(|l| serde_json::from_str::<serde_json::Value>(l).is_ok()).count(), 3, "{tail}");
}

#[test]
fn capabilities_are_a_table_and_one_action_in_full() {
    let world = World::new();
    let table = world.run(&["capabilities"]).with(0).out;
    assert!(table.starts_with("ACTION"), "{table}");
    assert!(table.lines().any(|l| l.split_whitespace().take(3).eq(["power_reboot", "no", "asks"])), "{table}");
    let one = world.run(&["capabilities", "--details", "forget"]).with(0).out;
    assert!(one.contains("steward do forget note 7") && one.contains("reversible, up to destructive"), "{one}");
    assert!(world.run(&["capabilities", "forgte"]).with(2).err.contains("did you mean `forget`?"));
}

#[test]
fn the_audit_log_is_read_and_an_edit_is_found() {
    let world = World::new();
    world.run(&["call", "remember", "x"]).with(0);
    let tail = world.run(&["audit", "tail"]).with(0).out;
    let id = world.run(&["--json", "audit", "tail"]).with(0).out.lines().find_map(|l| {
        let record: serde_json::Value = serde_json::from_str(l).unwrap();
        (record["kind"] == "judged").then(|| record["id"].as_str().unwrap().to_owned())
    });
    assert!(tail.contains("judged") && tail.contains("remember"), "{tail}");
    let shown = world.run(&["audit", "show", &id.unwrap()]).with(0).out;
    assert!(shown.contains("judged") && shown.contains("finished") && shown.contains("sha256"), "{shown}");
    world.run(&["audit", "show", "00000000-0000-4000-8000-000000000000"]).with(1);
    assert!(world.run(&["audit", "verify"]).with(0).out.contains("The chain is whole"));
    let file = world.state().join("audit/audit.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("\"remember\"", "\"forget\"", 1)).unwrap();
    assert!(world.run(&["audit", "verify"]).with(1).out.contains("audit.jsonl, line "));
    assert!(world.run(&["doctor"]).with(1).out.contains("the audit log is not whole"));
}

#[test]
fn a_bad_policy_is_named_by_line_and_column_and_what_the_machines_agent_cannot_know_is_told() {
    let world = World::new();
    let bad = world
        .write("bad.toml", "version = 1\n[[rule]]\nid = \"a\"\nactions = [\"pakage_install\"]\ndecision = \"ok\"\n");
    let bad = bad.to_str().unwrap();
    let check = world.run(&["policy", "check", bad]).with(1);
    assert!(
        check.out.contains("bad.toml:4:12: ") && check.out.contains("did you mean `package_install`?"),
        "{check:?}"
    );
    world.run(&["policy", "check", "/no/such/file.toml"]).with(2);
    let kiosk = "version = 1\n[caller.kiosk]\nuid = [1000]\nexe = \"/usr/bin/kiosk\"\n[[rule]]\nid = \"a\"\n\
        actions = [\"remember\"]\ndecision = \"ok\"\nwhen.caller = [\"kiosk\"]\n";
    let kiosk = world.write("kiosk.toml", kiosk);
    let kiosk = kiosk.to_str().unwrap();
    assert_eq!(world.run(&["policy", "check", kiosk]).with(0).out, "");
    let note = world.run(&["policy", "check", "--system", kiosk]).with(0).out;
    assert!(note.contains("kiosk.toml:6: note: the rule `a` never holds for the caller `kiosk`"), "{note}");
    let doctor = world.run(&["--policy", bad, "doctor"]).with(1);
    assert!(doctor.out.contains("bad.toml:4:12"), "{doctor:?}");
    let denied = world.run(&["--policy", bad, "call", "remember", "x"]).with(4);
    assert!(denied.err.contains("bad.toml"), "{denied:?}");
}

#[test]
fn a_policy_explains_itself_to_a_caller_at_a_time() {
    let world = World::with_policy(
        "version = 1\n[caller.voice]\nuid = [4711]\n[[rule]]\nid = \"day\"\nactions = [\"package_install\"]\ndecision = \"ok\"\n\
         why = \"By day.\"\nwhen.caller = [\"voice\"]\nwhen.time = { days = [\"mon..fri\"], from = \"08:00\", to = \"20:00\" }\n\
         [[test]]\nrun = \"package_install vim\"\nas = { caller = \"voice\", at = \"2026-03-02T09:00:00\" }\nexpect = { decision = \"ok\" }\n",
    );
    for (caller, at, decision) in [
        ("voice", "2026-03-02T09:00:00", "ok"),
        ("voice", "2026-03-01T09:00:00", "confirm"),
        ("uid=4711,door=ndjson", "2026-03-02T09:00:00", "ok"),
        ("uid=1,door=ndjson", "2026-03-02T09:00:00", "confirm"),
    ] {
        let args = ["--json", "policy", "explain", "package_install", "vim", "--as", caller, "--at", at];
        let explained = world.run(&args).with(0).json();
        assert_eq!(explained["decision"], decision, "{caller} {at}: {explained}");
    }
    let args = ["policy", "explain", "package_install", "vim", "--as", "vioce"];
    assert!(world.run(&args).with(2).err.contains("it has voice"));
    world.run(&["policy", "explain", "package_install", "vim", "--at", "tomorrow"]).with(2);
    world.run(&["policy", "test"]).with(0);
}

#[test]
fn an_older_policy_is_imported_and_loads() {
    let world = World::new();
    let old = world
        .write("old.json", r#"{"constraints":{"deny_actions":["power_reboot"],"package_install_deny":["badpkg"]}}"#);
    let toml = world.run(&["policy", "import", old.to_str().unwrap()]).with(0).out;
    let new = world.write("new.toml", &toml);
    world.run(&["policy", "check", new.to_str().unwrap()]).with(0);
    world.run(&["--policy", new.to_str().unwrap(), "call", "package_install", "badpkg"]).with(4);
    world.run(&["policy", "import", "/no/such.json"]).with(2);
}
