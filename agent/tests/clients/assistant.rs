//! The example of a desktop assistant, at its terminal: what it shows, what it takes for a yes, and what it does when things go wrong.

use std::io::{BufReader, Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use crate::support::{DESKTOP, World, desktop_and, eventually};
use crate::{clients, has};

/// The assistant with somebody who reads and types.
struct Talk {
    child: Child,
    out: ChildStdout,
    keyboard: Option<ChildStdin>,
}

impl Talk {
    fn start(socket: &Path, sentence: &[&str]) -> Talk {
        // Whoever runs the tests may ignore interrupts, which a child would inherit.
        let mut command = Command::new("/usr/bin/env");
        command
            .args(["--default-signal=INT", "/usr/bin/python3"])
            .arg(clients().join("assistant/assistant.py"))
            .args(sentence)
            .env_clear();
        command.env("STEWARD_SOCKET", socket).env("LC_ALL", "C.UTF-8").env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let out = child.stdout.take().unwrap();
        let keyboard = child.stdin.take();
        Talk { child, out, keyboard }
    }

    /// Everything up to and with this.
    #[track_caller]
    fn until(&mut self, wanted: &str) -> String {
        let mut seen = Vec::new();
        while !seen.ends_with(wanted.as_bytes()) {
            let mut byte = [0];
            let patience = Timespec { tv_sec: 60, tv_nsec: 0 };
            if poll(&mut [PollFd::new(&self.out, PollFlags::IN)], Some(&patience)).unwrap() == 0 {
                self.child.kill().unwrap();
                panic!("`{wanted}` did not come: {}", String::from_utf8_lossy(&seen));
            }
            let read = self.out.read(&mut byte).unwrap();
            assert!(read > 0, "it ended before `{wanted}`: {}", String::from_utf8_lossy(&seen));
            seen.push(byte[0]);
        }
        String::from_utf8(seen).unwrap()
    }

    fn types(&mut self, line: &str) {
        writeln!(self.keyboard.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Goes away from the keyboard; gives the rest and the exit status.
    fn end(mut self) -> (String, i32) {
        drop(self.keyboard.take());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap().code().unwrap())
    }
}

/// Asks for a package and answers the question.
fn asked(world: &World, answer: &str) -> (String, String) {
    let mut talk = Talk::start(&world.socket(), &["install", "cowsay"]);
    let shown = talk.until("Yes or no: ");
    talk.types(answer);
    let (rest, status) = talk.end();
    assert_eq!(status, 0, "{rest}");
    (shown, rest)
}

#[test]
fn the_assistant_shows_what_would_happen_and_only_a_clear_yes_does_it() {
    if !has("python3") {
        return;
    }
    let world = World::new(DESKTOP);
    for answer in ["no", "", "maybe", "yes but not now", "y e s", "ja", "ok"] {
        let (_, said) = asked(&world, answer);
        assert!(said.contains("Refused."), "{answer}: {said}");
        assert_eq!(world.archive.version("cowsay"), None, "{answer}");
        // Nobody is asked for ten minutes after three times no.
        world.turn_seconds(900);
    }
    let (shown, said) = asked(&world, "Yes.");
    assert!(shown.starts_with("Install cowsay 3.03+dfsg2-8 from Mock:1"), "{shown}");
    for line in ["  install cowsay 3.03+dfsg2-8\n", "  to download: 21 kB\n", "I ask because: "] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(said.contains("Installed cowsay.") && said.contains("“undo”"), "{said}");
    assert!(world.archive.version("cowsay").is_some());
}

#[test]
fn the_assistant_withdraws_what_nobody_can_answer_and_asks_again_about_what_changed() {
    if !has("python3") {
        return;
    }
    let world = World::new(DESKTOP);
    let mut talk = Talk::start(&world.socket(), &["install", "vim"]);
    talk.until("Yes or no: ");
    let (said, _) = talk.end();
    assert!(said.contains("Withdrawn."), "{said}");
    let mut talk = Talk::start(&world.socket(), &["install", "cowsay"]);
    talk.until("Yes or no: ");
    world.archive.publish("cowsay", "4.0-1", &["vim"]);
    talk.types("yes");
    let again = talk.until("Yes or no: ");
    assert!(again.contains("not what was shown") && again.contains("install cowsay 4.0-1"), "{again}");
    assert_eq!(world.archive.version("cowsay"), None);
    talk.types("yes");
    assert!(talk.end().0.contains("Installed cowsay"), "{again}");
}

#[test]
fn the_assistant_converses_offers_what_is_near_and_puts_back() {
    if !has("python3") {
        return;
    }
    let world = World::new(DESKTOP);
    let mut talk = Talk::start(&world.socket(), &[]);
    for (typed, said) in [
        ("remember that I like tea", "“undo”"),
        ("undo", "I forgot that."),
        ("undo", "forget"),
        ("don't install vim", "I did nothing."),
        ("play music louder or so", "Its number, or nothing: "),
    ] {
        talk.until("You: ");
        talk.types(typed);
        if said == "forget" {
            continue;
        }
        talk.until(said);
    }
    talk.types("2");
    // One of the two that are near; here is no sound.
    talk.until("no sound server can be reached");
    talk.until("You: ");
    talk.types("");
    assert_eq!(talk.end().1, 0);
}

#[test]
fn the_assistant_tells_where_a_person_approves_and_waits_for_it() {
    if !has("python3") {
        return;
    }
    let rule = "[[rule]]\nid = \"local.desk\"\nactions = [\"package_install\"]\ndecision = { confirm = { assurance = \"desktop\" } }\n";
    let world = World::new(&desktop_and(rule));
    let waits = |world: &World| {
        let mut talk = Talk::start(&world.socket(), &["install", "htop"]);
        let shown = talk.until("I wait for that.");
        assert!(shown.contains("steward approve") && !shown.contains("Yes or no"), "{shown}");
        talk
    };
    let talk = waits(&world);
    let pending = world.line(r#"{"name":"pending_list"}"#);
    let id = pending["data"]["pending"][0]["id"].as_str().unwrap();
    drop(world.ask("reject", id));
    assert!(talk.end().0.contains("A person said no."));
    let talk = waits(&world);
    let pid = rustix::process::Pid::from_child(&talk.child);
    rustix::process::kill_process(pid, Signal::INT).unwrap();
    assert!(talk.end().0.contains("Withdrawn."));
    eventually(|| world.line(r#"{"name":"pending_list"}"#)["data"]["pending"] == serde_json::json!([]));
}

/// An agent that says these lines on its first connection, hangs up, and says the others on the second.
fn scripted(folder: &Path, first: &'static [&'static str], second: &'static [&'static str]) -> std::path::PathBuf {
    let path = folder.join("scripted");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for lines in [first, second] {
            let (stream, _) = listener.accept().unwrap();
            let mut asked = BufReader::new(&stream);
            for line in lines {
                let mut request = String::new();
                std::io::BufRead::read_line(&mut asked, &mut request).unwrap();
                writeln!(&stream, "{line}").unwrap();
            }
            std::io::BufRead::read_line(&mut asked, &mut String::new()).unwrap();
        }
    });
    path
}

#[test]
fn the_assistant_looks_what_became_of_it_when_the_agent_dies_after_the_yes() {
    if !has("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let socket = scripted(
        folder.path(),
        &[
            r#"{"version":1,"action":"get_capabilities","status":"ok","message":null,"data":{"simulated":true}}"#,
            r#"{"version":1,"action":"power_reboot","status":"confirm","message":"user confirmation required","confirmation_id":"7","data":{"approvers":["confirm"]},"preview":{"summary":"Restart \u001b[2J the \u202emachine","requester_text":"please\u0007"}}"#,
        ],
        &[
            r#"{"version":1,"action":"result","status":"ok","message":"x","data":{"state":"done","reply":{"status":"ok","message":"Restarted."}}}"#,
        ],
    );
    let mut talk = Talk::start(&socket, &["restart"]);
    let shown = talk.until("Yes or no: ");
    assert!(shown.starts_with("This is a simulation"), "{shown}");
    assert!(shown.contains("Restart [2J the machine") && shown.contains("wrote: “please”"), "{shown:?}");
    talk.types("yes");
    let (said, status) = talk.end();
    assert!(said.contains("I look what became of it.") && said.contains("Restarted."), "{said}");
    assert_eq!(status, 0);
}

#[test]
fn the_assistant_says_when_there_is_no_agent() {
    if !has("python3") {
        return;
    }
    let (said, status) = Talk::start(Path::new("/nonexistent/socket"), &["hello"]).end();
    assert_eq!((said.as_str(), status), ("", 1));
}
