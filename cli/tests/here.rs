//! The command as the agent itself: no daemon runs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::{World, is_private};
use std::time::Duration;
use steward_agent::store::StateLock;

/// A note, and the arguments that ask to forget it for good, which needs a yes.
fn with_a_note() -> (World, [&'static str; 3]) {
    let world = World::new();
    world.run(&["-q", "memory", "add", "the door code is 1234"]).with(0);
    (world, ["memory", "purge", "1"])
}

const AT_THE_DESK: &str = "version = 1\n[[rule]]\nid = \"notes\"\nactions = [\"remember\"]\nwhy = \"Notes are asked about.\"\n\
    decision = { confirm = { assurance = \"desktop\" } }\n";

#[test]
fn what_is_said_is_remembered_and_read_back() {
    let world = World::new();
    let first = world.run(&["do", "remember", "that", "my", "name", "is", "Sam"]).with(0);
    assert_eq!(first.out, "I'll remember that.\n");
    assert_eq!(first.err.matches("no daemon runs; acting as the agent in this process").count(), 1);
    let second = world.run(&["do", "what do you remember"]).with(0);
    assert_eq!(second.out, "Recent context: my name is Sam\n");
    for name in ["memory.jsonl", "journal.jsonl", "audit/audit.jsonl"] {
        assert!(is_private(&world.state().join(name)), "{name}");
    }
}

#[test]
fn quiet_and_json_say_nothing_beside_the_answer() {
    let world = World::new();
    let quiet = world.run(&["-q", "call", "ping"]).with(0);
    assert_eq!((&*quiet.out, &*quiet.err), ("", ""));
    let json = world.run(&["--json", "call", "ping"]).with(0);
    let pong =
        r#"{"version":1,"action":"ping","status":"ok","message":"pong","capabilities":null,"confirmation_id":null}"#;
    assert_eq!((json.out.trim_end(), &*json.err), (pong, ""));
}

#[test]
fn a_held_request_prints_its_id_and_another_process_approves_it_once() {
    let (world, purge) = with_a_note();
    let held = world.run(&purge).with(3);
    let id = held.out.trim_end();
    assert_eq!(id.len(), 36, "{held:?}");
    assert!(held.err.contains("Forget note 1") && held.err.contains(&format!("steward approve {id}")), "{held:?}");
    assert!(world.run(&["pending"]).with(0).out.contains(id));
    assert_eq!(world.run(&["result", id]).code, 3);
    assert_eq!(world.run(&["approve", id]).with(0).out, "I forgot that.\n");
    assert_eq!(world.run(&["result", id]).with(0).out, "I forgot that.\n");
    assert!(world.run(&["approve", id]).with(1).err.contains("steward: "));
    assert!(world.run(&["memory"]).with(0).out.starts_with("No saved context"));
}

#[test]
fn a_person_on_a_terminal_sees_it_and_says_yes() {
    let (world, purge) = with_a_note();
    let said = world.converse(&purge, &[("[y/N]", "y\n")]).with(0);
    for shown in ["Forget note 1", "“the door code is 1234”", "to answer", "[y/N]", "I forgot that."] {
        assert!(said.out.contains(shown), "{shown}: {said:?}");
    }
}

#[test]
fn anything_but_yes_withdraws_it() {
    for typed in ["n\n", "\n", "maybe\n"] {
        let (world, purge) = with_a_note();
        assert!(world.converse(&purge, &[("[y/N]", typed)]).with(4).out.contains("Not done."));
        assert!(world.run(&["pending"]).with(0).out.starts_with("Nothing waits"));
        assert!(world.run(&["memory"]).out.contains("1234"));
    }
}

#[test]
fn approve_shows_what_is_approved_on_a_terminal() {
    let (world, purge) = with_a_note();
    let held = world.run(&purge).with(3);
    let no = world.converse(&["approve", &held.out[..8]], &[("[y/N]", "\n")]).with(3);
    assert!(no.out.contains("Forget note 1") && no.out.contains("asked by"), "{no:?}");
    world.converse(&["approve", &held.out[..8]], &[("[y/N]", "yes\n")]).with(0);
}

#[test]
fn at_the_desk_nobody_is_asked_here_and_no_pipe_approves() {
    let world = World::with_policy(AT_THE_DESK);
    let held = world.on_a_terminal(&["call", "remember", "x"], "y\n").with(3);
    assert!(held.out.contains("in another terminal: steward approve ") && !held.out.contains("[y/N]"), "{held:?}");
    let id = world.run(&["call", "remember", "y"]).with(3).out;
    let refused = world.run(&["approve", id.trim_end()]).with(5);
    assert!(refused.err.contains("another terminal"), "{refused:?}");
    // It still waits, and whoever asked can withdraw it.
    world.run(&["cancel", &id[..8]]).with(0);
}

#[test]
fn approve_tells_what_a_longer_approval_can_cover_and_asks_nobody_whose_yes_would_not_count() {
    let policy = "version = 1\n[[rule]]\nid = \"notes\"\nactions = [\"remember\"]\n\
                  why = \"Notes are asked about.\"\ndecision = { confirm = { assurance = \"desktop\", grants = [\"once\", \"1h\"] } }\n";
    let world = World::with_policy(policy);
    let held = world.run(&["call", "remember", "x"]).with(3);
    let shown = world.on_a_terminal(&["approve", &held.out[..8]], "y\n").with(5);
    assert!(shown.out.contains("--for 1h; --scope 0 = this very request only"), "{shown:?}");
    assert!(shown.out.contains("in another terminal") && !shown.out.contains("[y/N]"), "{shown:?}");
}

#[test]
fn a_no_has_a_word_for_whoever_asked() {
    let (world, purge) = with_a_note();
    let id = world.run(&purge).with(3).out;
    world.run(&["deny", id.trim_end(), "--note", "not \u{202e}now"]).with(0);
    let result = world.run(&["result", id.trim_end()]).with(4);
    assert!(result.out.contains("“not <U+202E>now”"), "{result:?}");
}

#[test]
fn every_ending_has_its_number() {
    let policy = "version = 1\n[[rule]]\nid = \"no\"\nactions = [\"package_install\"]\ndecision = \"deny\"\n\
                  why = \"Not here.\"\ninstead = \"Ask Kim.\"\n";
    let world = World::with_policy(policy);
    for (args, code, said) in [
        (vec!["call", "package_install", "cowsay"], 4, "Not here."),
        (vec!["call", "package_install", "cowsay"], 4, "Ask Kim."),
        (vec!["do", "frobnicate", "the", "gizmo"], 6, "steward: "),
        (vec!["call", "pign"], 2, "did you mean `ping`?"),
        (vec!["call", "set_volume", "loud"], 2, "steward: "),
        (vec!["call", "ping", "--args", "[]"], 2, "--args takes a JSON object"),
        (vec!["call", "network_wifi_off"], 5, "the system bus cannot be reached"),
        (vec!["approve", "00000000-0000-4000-8000-000000000000"], 1, "steward: "),
        (vec!["approve", "00"], 2, "too short"),
        (vec!["watch"], 5, "no daemon runs"),
        (vec!["--no-such-flag"], 2, "unexpected argument"),
    ] {
        let ended = world.run(&args).with(code);
        assert!(ended.err.contains(said), "{args:?}: {ended:?}");
        assert_eq!(ended.out, "", "{args:?}");
    }
}

#[test]
fn a_socket_that_was_named_and_does_not_answer_is_an_error() {
    let world = World::new();
    let dead = world.path("dead.sock");
    let ended = world.run(&["--socket", dead.to_str().unwrap(), "call", "ping"]).with(5);
    assert!(ended.err.contains("dead.sock") && ended.err.contains("stewardd --socket"), "{ended:?}");
    let mut command = world.command(&["call", "ping"]);
    assert_eq!(common::ended(command.env("STEWARD_SOCKET", &dead).output().unwrap()).code, 5);
    // An empty variable is none.
    assert_eq!(common::ended(command.env("STEWARD_SOCKET", "").output().unwrap()).code, 0);
}

#[test]
fn commands_at_once_share_the_state_folder() {
    let world = World::new();
    let all: Vec<_> =
        (0..3).map(|n| world.command(&["-q", "call", "remember", &format!("note {n}")]).spawn().unwrap()).collect();
    for child in all {
        common::ended(child.wait_with_output().unwrap()).with(0);
    }
    assert_eq!(world.run(&["--json", "memory"]).json()["data"]["total"], 3);
}

#[test]
fn a_state_folder_in_use_is_named_with_its_holder_and_readers_do_not_mind() {
    let world = World::new();
    world.run(&["call", "remember", "x"]).with(0);
    let _lock = StateLock::acquire(&world.state(), Duration::ZERO, "a test").unwrap();
    let ended = world.run(&["call", "ping"]).with(5);
    assert!(ended.err.contains(&format!("pid {}, a test", std::process::id())), "{ended:?}");
    assert!(world.run(&["audit", "tail"]).with(0).out.contains("remember"));
    world.run(&["audit", "verify"]).with(0);
    world.run(&["policy", "check"]).with(0);
    world.run(&["doctor"]).with(2);
}

#[test]
fn a_state_folder_that_cannot_be_used_says_what_to_do() {
    let world = World::new();
    let file = world.write("file", "");
    let ended = world.run(&["--state-dir", file.to_str().unwrap(), "call", "ping"]).with(5);
    assert!(ended.err.contains("choose another folder with --state-dir"), "{ended:?}");
}

#[test]
fn names_from_outside_do_not_command_the_terminal() {
    let world = World::new();
    std::fs::write(world.path("home/\x1b[2Jgone"), "").unwrap();
    let listed = world.on_a_terminal(&["call", "list_files", "~"], "");
    assert!(listed.out.contains("<U+001B>[2Jgone") && !listed.out.contains("\x1b[2J"), "{listed:?}");
    let json = world.on_a_terminal(&["--json", "call", "list_files", "~"], "");
    assert!(json.out.contains("\\u001b[2Jgone"), "{json:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let world = World::new();
    for args in [&["capabilities", "--details"][..], &["man"], &["completions", "bash"], &["doctor"]] {
        let mut child = world.command(args).spawn().unwrap();
        drop(child.stdout.take());
        let ended = common::ended(child.wait_with_output().unwrap()).with(0);
        assert!(!ended.err.contains("panicked"), "{ended:?}");
    }
}

#[test]
fn undo_puts_the_last_change_back() {
    let (world, _) = with_a_note();
    world.run(&["memory", "forget", "door", "code"]).with(0);
    world.run(&["undo"]).with(0);
    assert!(world.run(&["memory", "search", "door"]).with(0).out.contains("the door code is 1234"));
    assert!(world.run(&["undo", "00000000-0000-4000-8000-000000000000"]).with(1).err.contains("nothing to put back"));
}

#[test]
fn lines_are_passed_through() {
    let world = World::new();
    let sent =
        world.run_with(&["send"], "{\"name\":\"ping\",\"id\":7}\n\nnonsense\n{\"name\":\"pending_list\"}").with(0);
    let lines: Vec<&str> = sent.out.lines().collect();
    assert_eq!(lines.len(), 3, "{sent:?}");
    assert!(lines[0].contains(r#""message":"pong""#) && lines[0].contains(r#""id":7"#));
    assert!(lines[1].contains("invalid request: "));
    assert!(lines[2].contains("Nothing waits"));
}

#[test]
fn the_prompt_takes_sentences_and_commands() {
    let world = World::new();
    let piped = world
        .run_with(&[], "remember that tea is at four\n\n/call read_context\n/bogus\n/explain install cowsay\n/help\n")
        .with(0);
    for said in ["I'll remember that.", "Recent context: tea is at four", "a person would be asked", "/approve ID"] {
        assert!(piped.out.contains(said), "{said}: {piped:?}");
    }
    assert!(piped.err.contains("`/bogus` is no command here"));
    let prompt = "steward> ";
    let turns = [
        (prompt, "/pend\t\r"),
        ("Nothing waits", ""),
        (prompt, "what do you remember\r"),
        ("tea is", ""),
        (prompt, "/quit\r"),
    ];
    let typed = world.converse(&[], &turns).with(0);
    assert!(typed.out.contains("Nothing waits") && typed.out.contains("tea is at four"), "{typed:?}");
    let history = world.state().join("history");
    assert!(is_private(&history));
    assert!(std::fs::read_to_string(history).unwrap().contains("what do you remember"));
}

#[test]
fn a_file_is_printed_and_what_is_no_text_is_not() {
    let world = World::new();
    let text = world.write("home/letter.txt", "Dear Sam,\n\tit is \u{e9}.\n");
    let shown = world.run(&["call", "read_file", text.to_str().unwrap()]).with(0);
    assert_eq!(shown.out, "Dear Sam,\n\tit is \u{e9}.\n", "{shown:?}");
    let args = serde_json::json!({ "path": text, "max_bytes": 4 }).to_string();
    let cut = world.run(&["call", "read_file", "--args", &args]).with(0);
    assert!(cut.out == "Dear" && cut.err.contains("there is more"), "{cut:?}");
    let picture = world.path("home/picture");
    std::fs::write(&picture, b"\x89PNG\xff\0").unwrap();
    let shown = world.run(&["call", "read_file", picture.to_str().unwrap()]).with(0);
    assert!(shown.out.starts_with("Read 6 bytes of") && shown.err.contains("--json has it"), "{shown:?}");
    let json = world.run(&["--json", "call", "read_file", picture.to_str().unwrap()]).with(0).json();
    assert_eq!(json["data"]["content_base64"], "iVBORw==".replace("Rw==", "R/8A"));
}

#[test]
fn what_is_misnamed_is_told_what_there_is() {
    let world = World::new();
    for (args, exit, says) in [
        (&["call", "zzzzzzzz"][..], 2, "`steward capabilities`"),
        (&["call", "service_status"], 2, "such as `service_status ssh.service`"),
        (&["undo", "nosuch"], 1, "nothing to put back under `nosuch`: it is no receipt of yours"),
        (&["policy", "explain", "turn off the wifi"], 2, "`steward explain turn off the wifi` takes a sentence"),
    ] {
        let ended = world.run(args);
        assert!(ended.err.contains(says), "{args:?}: {ended:?}");
        ended.with(exit);
    }
}
