//! The built daemon as root against the real apt, over its socket, in a throwaway root with a local archive
//! (`contrib/testbed/apt-root.sh`).
//!
//! Each test starts this same test program again inside the root, where its body runs as root and may do what it likes.
//! Without root or the tools a test says why and passes; with `STEWARD_TEST_REAL=1` that is a failure.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "tests start the daemon and look at the world with other programs")]

#[path = "support/inside.rs"]
mod inside;

use std::path::Path;
use std::process::Command;

use inside::{Daemon, STATE, ask, check_audit, confirm, data, held, in_root, install, installed, wait_for};
use serde_json::json;
use steward_ipc::{Code, Status};

#[test]
fn an_installation_is_shown_confirmed_followed_and_undone_to_the_package() {
    in_root(&[], "an_installation_is_shown_confirmed_followed_and_undone_to_the_package", || {
        let _daemon = Daemon::start();
        let mut client = Daemon::client();
        let mut events = Daemon::client();
        assert_eq!(ask(&mut events, "subscribe", json!({})).status, Status::Ok);

        let (id, effects) = install(&mut client, "e2e-app");
        assert_eq!(effects, ["install e2e-app 1.0", "install e2e-lib 1.0"]);
        assert_eq!(installed(["e2e-app", "e2e-lib"]), ["-", "-"], "a preview changes nothing");
        let done = confirm(&mut client, &id);
        assert_eq!((done.status, done.action.as_ref()), (Status::Ok, "package_install"), "{done:?}");
        assert_eq!(installed(["e2e-app", "e2e-lib"]), ["1.0", "1.0"]);
        assert_eq!(confirm(&mut client, &id).code, Some(Code::ConfirmationUsed));
        let mut seen: Vec<String> = Vec::new();
        while seen.last().is_none_or(|last| last != "action_finished") {
            let event = events.next_event().unwrap();
            if event.event == "action_progress" {
                assert!(event.data["text"].as_str().is_some_and(|t| !t.is_empty()), "{event:?}");
            }
            seen.push(event.event.into_owned());
        }
        assert_eq!(seen[..3], ["request_held", "request_decided", "action_started"]);
        assert!(seen.iter().any(|e| e == "action_progress"), "{seen:?}");

        // Somebody else's package stays: the undo takes exactly what came.
        let (other, _) = install(&mut client, "e2e-hello");
        assert_eq!(confirm(&mut client, &other).status, Status::Ok);
        let receipt = data(&done, "receipt");
        let (undo, effects) = held(&mut client, "undo", json!({ "receipt": receipt }));
        assert_eq!(effects, ["remove e2e-app 1.0", "remove e2e-lib 1.0"]);
        let undone = confirm(&mut client, &undo);
        assert_eq!(undone.status, Status::Ok, "{undone:?}");
        assert_eq!(installed(["e2e-app", "e2e-lib", "e2e-hello"]), ["-", "-", "1.0"]);
        let again = ask(&mut client, "undo", json!({ "receipt": receipt }));
        assert_eq!(again.status, Status::Error, "a receipt is good for once: {again:?}");

        let nothing = ask(&mut client, "package_install", json!({ "packages": ["e2e-hello"] }));
        assert_eq!((nothing.status, data(&nothing, "changed")), (Status::Ok, json!(false)), "{nothing:?}");
        check_audit();
    });
}

#[test]
fn what_is_not_what_was_shown_any_more_is_asked_anew() {
    in_root(&[], "what_is_not_what_was_shown_any_more_is_asked_anew", || {
        let _daemon = Daemon::start();
        let mut client = Daemon::client();
        let (id, _) = install(&mut client, "e2e-app");
        std::fs::remove_file("/srv/repo").unwrap();
        std::os::unix::fs::symlink("archives/v2", "/srv/repo").unwrap();
        assert!(Command::new("apt-get").args(["-qq", "update"]).status().unwrap().success());

        let changed = confirm(&mut client, &id);
        assert_eq!((changed.status, changed.code), (Status::Error, Some(Code::ConfirmationChanged)), "{changed:?}");
        assert_eq!(installed(["e2e-app", "e2e-lib", "e2e-extra"]), ["-", "-", "-"]);
        let fresh = data(&changed, "confirmation_id").as_str().unwrap().to_owned();
        assert_eq!(confirm(&mut client, &id).code, Some(Code::ConfirmationChanged));
        assert_eq!(confirm(&mut client, &fresh).status, Status::Ok);
        assert_eq!(installed(["e2e-app", "e2e-lib", "e2e-extra"]), ["1.0", "2.0", "1.0"]);
        check_audit();
    });
}

/// Confirms the slow package, waits until its script runs, and kills the daemon.
fn killed_in_the_middle() -> String {
    let daemon = Daemon::start();
    let mut client = Daemon::client();
    let (id, _) = install(&mut client, "e2e-slow");
    client.send_line(&json!({ "name": "confirm", "payload": id }).to_string()).unwrap();
    wait_for(|| Path::new("/run/e2e-slow-is-here").exists(), "the script of the package");
    daemon.kill();
    id
}

fn apt_runs() -> bool {
    let args = ["-W", "-f=${db:Status-Status}", "--", "e2e-slow"];
    let state = Command::new("dpkg-query").args(args).output().unwrap();
    String::from_utf8_lossy(&state.stdout) == "half-configured"
}

#[test]
fn apt_goes_on_when_the_daemon_is_killed_and_the_next_daemon_tells_how_it_ended() {
    in_root(&[], "apt_goes_on_when_the_daemon_is_killed_and_the_next_daemon_tells_how_it_ended", || {
        let id = killed_in_the_middle();
        assert!(apt_runs(), "apt outlives the daemon");
        let daemon = Daemon::start();
        let mut client = Daemon::client();
        let now = ask(&mut client, "result", json!({ "id": id }));
        assert_eq!(data(&now, "state"), "executing", "{now:?}");
        assert_eq!(confirm(&mut client, &id).code, Some(Code::ConfirmationUsed));
        // Killed once more while it waits.
        daemon.kill();
        let _daemon = Daemon::start();
        let mut client = Daemon::client();
        std::fs::write("/run/e2e-slow-may-end", "").unwrap();
        let end = ask(&mut client, "result", json!({ "id": id, "wait": 60 }));
        assert_eq!(data(&end, "state"), "done", "{end:?}");
        assert_eq!(installed(["e2e-slow"]), ["1.0"]);
        assert_eq!(confirm(&mut client, &id).code, Some(Code::ConfirmationUsed));

        // Its receipt was made by the daemon that waited for it.
        let (undo, effects) = held(&mut client, "undo", json!({}));
        assert_eq!(effects, ["remove e2e-slow 1.0"]);
        assert_eq!(confirm(&mut client, &undo).status, Status::Ok);
        assert_eq!(installed(["e2e-slow"]), ["-"]);
        check_audit();
    });
}

#[test]
fn what_ended_while_no_daemon_ran_is_known_afterwards() {
    in_root(&[], "what_ended_while_no_daemon_ran_is_known_afterwards", || {
        let id = killed_in_the_middle();
        std::fs::write("/run/e2e-slow-may-end", "").unwrap();
        wait_for(|| !apt_runs(), "the end of apt");
        let _daemon = Daemon::start();
        let mut client = Daemon::client();
        let end = ask(&mut client, "result", json!({ "id": id, "wait": 60 }));
        assert_eq!(data(&end, "state"), "done", "{end:?}");
        assert_eq!(installed(["e2e-slow"]), ["1.0"]);
        check_audit();
        let left = std::fs::read_dir(Path::new(STATE).join("transactions")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "what has ended is not kept");
    });
}

#[test]
fn actions_that_need_other_services_are_unavailable() {
    in_root(&[], "actions_that_need_other_services_are_unavailable", || {
        let _daemon = Daemon::start();
        let mut client = Daemon::client();
        for name in ["power_reboot", "power_shutdown", "power_sleep"] {
            let response = ask(&mut client, name, json!({}));
            assert_eq!((response.status, response.code), (Status::Error, Some(Code::Unavailable)), "{response:?}");
        }
        check_audit();
    });
}

#[cfg(feature = "fault-injection")]
#[test]
fn a_crash_around_the_start_of_apt_is_told_as_it_was() {
    in_root(&[], "a_crash_around_the_start_of_apt_is_told_as_it_was", || {
        let table = [
            ("judged", "e2e-hello", "unknown"),
            ("package_before_start", "e2e-hello", "failed"),
            ("package_started", "e2e-hello", "done"),
            ("executed", "e2e-lib", "done"),
            ("receipts", "e2e-tilde", "done"),
            ("ran", "e2e-plus+", "done"),
            ("finished", "e2e-provider", "done"),
        ];
        for (point, package, expected) in table {
            let daemon = Daemon::with(&[("STEWARD_FAULT", point)]);
            let mut client = Daemon::client();
            let (id, _) = install(&mut client, package);
            let args = json!({ "id": id }).as_object().cloned().unwrap();
            assert!(client.request(&steward_ipc::Request::with_args("confirm", args)).is_err(), "{point}: it dies");
            drop(daemon);
            let daemon = Daemon::start();
            let mut client = Daemon::client();
            let end = ask(&mut client, "result", json!({ "id": id, "wait": 60 }));
            assert_eq!(data(&end, "state"), expected, "{point}: {end:?}");
            assert_eq!(installed([package])[0] != "-", expected == "done", "{point}");
            assert_eq!(confirm(&mut client, &id).code, Some(Code::ConfirmationUsed), "{point}");
            if expected == "done" {
                let (undo, effects) = held(&mut client, "undo", json!({}));
                assert_eq!(effects.len(), 1, "{point}: {effects:?}");
                assert_eq!(ask(&mut client, "cancel", json!({ "id": undo })).status, Status::Ok, "{point}");
                assert!(effects[0].starts_with(&format!("remove {package} ")), "{point}: {effects:?}");
            }
            check_audit();
            let left = std::fs::read_dir(Path::new(STATE).join("transactions")).map_or(0, Iterator::count);
            assert_eq!(left, 0, "{point}: what has ended is not kept");
            drop(daemon);
        }
    });
}
