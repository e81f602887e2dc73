//! The built daemon against the real packagekitd with its apt backend and the real polkit, over its socket, in a throwaway root with a
//! local archive (`contrib/testbed/apt-root.sh --packagekit`). What Steward says is read back with dpkg-query.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "tests start the daemon and look at the world with other programs")]

#[path = "support/inside.rs"]
mod inside;

use std::path::Path;
use std::process::Command;

use inside::{Daemon, STATE, ask, check_audit, confirm, data, held, install, installed, wait_for};
use serde_json::{Value, json};
use steward_ipc::{Client, Code, Response, Status};

fn in_root(test: &str, body: impl FnOnce()) {
    inside::in_root(&["--packagekit"], test, body);
}

/// What a request is refused with.
fn refused(client: &mut Client, name: &'static str, args: Value) -> Response {
    let response = ask(client, name, args);
    assert_eq!(response.status, Status::Error, "{response:?}");
    response
}

fn packages(names: &[&str]) -> Value {
    json!({ "packages": names })
}

/// The process ids of a program.
fn running(program: &str) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|p| p.file_name().to_str()?.parse().ok());
    ids.filter(|pid: &u32| {
        std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == program)
    })
    .collect()
}

/// Ends the daemon of PackageKit at once, and waits until it is gone.
fn kill_packagekitd() {
    let own = running("packagekitd");
    assert!(!own.is_empty(), "packagekitd runs");
    for pid in own {
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
    wait_for(|| running("packagekitd").is_empty(), "the end of packagekitd");
}

fn marked_auto() -> String {
    let output = Command::new("apt-mark").args(["showauto", "e2e-app", "e2e-lib"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn what_is_shown_is_done_by_packagekit_and_undone_to_the_package() {
    in_root("what_is_shown_is_done_by_packagekit_and_undone_to_the_package", || {
        let _daemon = Daemon::start();
        let mut client = Daemon::client();
        let mut events = Daemon::client();
        assert_eq!(ask(&mut events, "subscribe", json!({})).status, Status::Ok);
        let capabilities = ask(&mut client, "get_capabilities", json!({ "details": true }));
        let managers = data(&capabilities, "package_managers");
        assert_eq!((&managers[0]["manager"], &managers[0]["used"]), (&json!("PackageKit"), &json!(true)), "{managers}");
        assert!(managers[0]["version"].as_str().is_some_and(|v| v.ends_with("(apt)")), "{managers}");

        let found = ask(&mut client, "package_search", json!({ "words": "e2e-app" }));
        assert_eq!(data(&found, "packages")[0]["name"], "e2e-app", "{found:?}");
        assert_eq!(data(&found, "packages")[0]["version"], "1.0");

        let response = ask(&mut client, "package_install", packages(&["e2e-app"]));
        let preview = response.preview.clone().unwrap();
        let shown: Vec<_> =
            preview.effects.iter().map(|e| (e.verb.as_str(), e.object.as_str(), e.version.as_deref())).collect();
        assert_eq!(shown, [("install", "e2e-app", Some("1.0")), ("install", "e2e-lib", Some("1.0"))]);
        assert!(
            preview.effects.iter().all(|e| e.bytes.is_some_and(|b| b > 500) && e.origin.as_deref() == Some("e2e-e2e-"))
        );
        assert!(preview.facts.iter().any(|f| f.name == "to download"), "{preview:?}");
        assert_eq!(installed(["e2e-app", "e2e-lib"]), ["-", "-"], "a preview changes nothing");
        let done = confirm(&mut client, &response.confirmation_id.unwrap());
        assert_eq!(done.status, Status::Ok, "{done:?}");
        assert_eq!(done.message.as_deref(), Some("Installed e2e-app and e2e-lib."));
        assert_eq!(installed(["e2e-app", "e2e-lib"]), ["1.0", "1.0"]);
        assert_eq!(marked_auto(), "e2e-lib", "a dependency is not wanted for itself");
        let mut told = Vec::new();
        loop {
            let event = events.next_event().unwrap();
            match event.event.as_ref() {
                "action_progress" => told.push(event.data["text"].as_str().unwrap().to_owned()),
                "action_finished" if event.data["action"] == "package_install" => break,
                _ => {}
            }
        }
        assert!(told.iter().any(|t| t.contains("e2e-")), "{told:?}");

        let again = ask(&mut client, "package_install", packages(&["e2e-app"]));
        assert_eq!((again.status, data(&again, "changed")), (Status::Ok, json!(false)), "{again:?}");

        // Somebody else's package stays: the undo takes exactly what came.
        let (other, _) = install(&mut client, "e2e-hello");
        assert_eq!(confirm(&mut client, &other).status, Status::Ok);
        let (undo, effects) = held(&mut client, "undo", json!({ "receipt": data(&done, "receipt") }));
        assert_eq!(effects, ["remove e2e-app 1.0", "remove e2e-lib 1.0"]);
        assert_eq!(confirm(&mut client, &undo).status, Status::Ok);
        assert_eq!(installed(["e2e-app", "e2e-lib", "e2e-hello"]), ["-", "-", "1.0"]);
        check_audit();
    });
}

#[test]
fn a_removal_shows_what_needs_it_and_is_put_back_in_its_version() {
    in_root("a_removal_shows_what_needs_it_and_is_put_back_in_its_version", || {
        let _daemon = Daemon::start();
        let mut client = Daemon::client();
        let response = ask(&mut client, "package_install", packages(&["e2e-app", "e2e-hello"]));
        assert_eq!(confirm(&mut client, &response.confirmation_id.unwrap()).status, Status::Ok);

        let (id, effects) = held(&mut client, "package_remove", packages(&["e2e-lib"]));
        assert_eq!(effects, ["remove e2e-app 1.0", "remove e2e-lib 1.0"]);
        let gone = confirm(&mut client, &id);
        assert_eq!(gone.status, Status::Ok, "{gone:?}");
        assert_eq!(installed(["e2e-app", "e2e-lib"]), ["-", "-"]);
        let (back, effects) = held(&mut client, "undo", json!({ "receipt": data(&gone, "receipt") }));
        assert_eq!(effects, ["install e2e-app 1.0", "install e2e-lib 1.0"]);
        assert_eq!(confirm(&mut client, &back).status, Status::Ok);
        assert_eq!(installed(["e2e-app", "e2e-lib"]), ["1.0", "1.0"]);
        assert_eq!(marked_auto(), "e2e-lib");

        // An older version comes back although a newer one is to be had.
        let (id, _) = held(&mut client, "package_remove", packages(&["e2e-hello"]));
        let gone = confirm(&mut client, &id);
        newer_archive();
        let (back, effects) = held(&mut client, "undo", json!({ "receipt": data(&gone, "receipt") }));
        assert_eq!(effects, ["install e2e-hello 1.0"]);
        assert_eq!(confirm(&mut client, &back).status, Status::Ok);
        assert_eq!(installed(["e2e-hello"]), ["1.0"]);

        // One that is not to be had any more is said to be so.
        let (id, _) = held(&mut client, "package_remove", packages(&["e2e-lib"]));
        let gone = confirm(&mut client, &id);
        let response = refused(&mut client, "undo", json!({ "receipt": data(&gone, "receipt") }));
        assert!(response.message.unwrap().contains("version 1.0 of `e2e-lib` is not to be had any more"));
        check_audit();
    });
}

/// The archive gets newer packages, and apt is told behind PackageKit's back.
fn newer_archive() {
    link_newer();
    assert!(Command::new("apt-get").args(["-qq", "update"]).status().unwrap().success());
}

fn link_newer() {
    std::fs::remove_file("/srv/repo").unwrap();
    std::os::unix::fs::symlink("archives/v2", "/srv/repo").unwrap();
}

#[test]
fn an_update_fetches_the_index_and_installs_what_it_showed() {
    in_root("an_update_fetches_the_index_and_installs_what_it_showed", || {
        let _daemon = Daemon::start();
        let mut client = Daemon::client();
        let response = ask(&mut client, "package_install", packages(&["e2e-app", "e2e-hello"]));
        assert_eq!(confirm(&mut client, &response.confirmation_id.unwrap()).status, Status::Ok);
        link_newer();
        let (id, effects) = held(&mut client, "system_update", json!({}));
        assert_eq!(effects, ["install e2e-extra 1.0", "upgrade e2e-hello 2.0", "upgrade e2e-lib 2.0"]);
        let done = confirm(&mut client, &id);
        assert_eq!(done.status, Status::Ok, "{done:?}");
        assert_eq!(installed(["e2e-extra", "e2e-hello", "e2e-lib", "e2e-app"]), ["1.0", "2.0", "2.0", "1.0"]);
        let nothing = ask(&mut client, "system_update", json!({}));
        assert_eq!(nothing.message.as_deref(), Some("Everything is up to date."), "{nothing:?}");
        check_audit();
    });
}

#[test]
fn what_is_not_what_was_shown_any_more_is_asked_anew() {
    in_root("what_is_not_what_was_shown_any_more_is_asked_anew", || {
        let _daemon = Daemon::start();
        let mut client = Daemon::client();
        let (id, _) = install(&mut client, "e2e-app");
        newer_archive();
        let changed = confirm(&mut client, &id);
        assert_eq!((changed.status, changed.code), (Status::Error, Some(Code::ConfirmationChanged)), "{changed:?}");
        assert_eq!(installed(["e2e-app", "e2e-lib", "e2e-extra"]), ["-", "-", "-"]);
        let fresh = data(&changed, "confirmation_id").as_str().unwrap().to_owned();
        assert_eq!(confirm(&mut client, &fresh).status, Status::Ok);
        assert_eq!(installed(["e2e-app", "e2e-lib", "e2e-extra"]), ["1.0", "2.0", "1.0"]);
        check_audit();
    });
}

#[test]
fn what_cannot_be_done_is_refused_with_its_reason() {
    in_root("what_cannot_be_done_is_refused_with_its_reason", || {
        let _daemon = Daemon::start();
        let mut client = Daemon::client();
        let rows = [
            ("package_install", "e2e-ap", "there is no package `e2e-ap`; near it: e2e-app"),
            ("package_install", "e2e-virtual", "there is no package `e2e-virtual`; near it: e2e-provider"),
            ("package_install", "nosuch-at-all", "there is no package `nosuch-at-all`"),
            ("package_remove", "e2e-ap", "there is no package `e2e-ap`"),
            ("package_install", "e2e-broken", "no-such-package (>= 9) but it is not installable"),
            ("package_remove", "diffutils", "essential packages: diffutils"),
        ];
        for (name, package, why) in rows {
            let response = refused(&mut client, name, packages(&[package]));
            assert!(response.message.as_deref().unwrap().contains(why), "{package}: {response:?}");
            assert_eq!(response.code, Some(Code::Failed), "{package}");
        }
        // A script that fails: what is half done is told, and is not called done.
        let (id, _) = install(&mut client, "e2e-badpost");
        let failed = confirm(&mut client, &id);
        assert_eq!((failed.status, failed.code), (Status::Error, Some(Code::Failed)), "{failed:?}");
        // Which of its two lines PackageKit passes on is decided by whether it read dpkg's status before dpkg ended.
        let why = failed.message.as_deref().unwrap();
        assert!(why.contains("exit status 3") || why.contains("dpkg returned an error code (1)"), "{failed:?}");
        assert_eq!(installed(["e2e-badpost"]), ["-"]);

        // Nobody has signed the archive any more.
        std::fs::write("/etc/apt/sources.list", "deb file:/srv/repo ./\n").unwrap();
        let response = refused(&mut client, "package_install", packages(&["e2e-hello"]));
        assert!(
            response.message.as_deref().unwrap().contains("not signed by a key that this machine trusts"),
            "{response:?}"
        );
        assert_eq!(installed(["e2e-hello"]), ["-"]);
        check_audit();
    });
}

#[test]
fn polkit_lets_an_ordinary_user_by_exactly_the_rule_that_was_told() {
    in_root("polkit_lets_an_ordinary_user_by_exactly_the_rule_that_was_told", || {
        let _daemon = Daemon::of_tester();
        let mut client = Daemon::client();
        let found = ask(&mut client, "package_search", json!({ "words": "e2e-hello" }));
        assert_eq!(found.status, Status::Ok, "looking needs no right: {found:?}");
        let response = refused(&mut client, "package_install", packages(&["e2e-hello"]));
        assert_eq!(response.code, Some(Code::NotAuthorized), "{response:?}");
        assert_eq!(data(&response, "polkit_action"), "org.freedesktop.packagekit.package-install");
        let (file, rule) = (data(&response, "file"), data(&response, "rule"));
        assert!(rule.as_str().unwrap().contains("\"tester\""), "{rule}");
        assert!(response.message.unwrap().contains(rule.as_str().unwrap()));

        std::fs::write(file.as_str().unwrap(), rule.as_str().unwrap()).unwrap();
        let held_now = || {
            let response = ask(&mut Daemon::client(), "package_install", packages(&["e2e-hello"]));
            response.confirmation_id
        };
        let id = std::cell::OnceCell::new();
        wait_for(|| held_now().is_some_and(|now| id.set(now).is_ok()), "polkit's rule");
        let done = confirm(&mut client, id.get().unwrap());
        assert_eq!(done.status, Status::Ok, "{done:?}");
        assert_eq!(installed(["e2e-hello"]), ["1.0"]);

        // The rule is about installing and nothing else.
        let response = refused(&mut client, "package_remove", packages(&["e2e-hello"]));
        assert_eq!(data(&response, "polkit_action"), "org.freedesktop.packagekit.package-remove");
        // Taken back after the question: the answer comes from the transaction.
        let (id, _) = install(&mut client, "e2e-lib");
        std::fs::remove_file(file.as_str().unwrap()).unwrap();
        wait_for(|| held_now().is_none(), "polkit without the rule");
        let late = confirm(&mut client, &id);
        assert_eq!(late.code, Some(Code::NotAuthorized), "{late:?}");
        assert_eq!(installed(["e2e-lib"]), ["-"]);
    });
}

/// Confirms the slow package, and waits until its script runs.
fn confirmed_slowly(client: &mut Client) -> String {
    let (id, _) = install(client, "e2e-slow");
    client.send_line(&json!({ "name": "confirm", "payload": id }).to_string()).unwrap();
    wait_for(|| Path::new("/run/e2e-slow-is-here").exists(), "the script of the package");
    id
}

#[test]
fn packagekit_goes_on_when_the_daemon_is_killed_and_the_next_daemon_attaches_to_it() {
    in_root("packagekit_goes_on_when_the_daemon_is_killed_and_the_next_daemon_attaches_to_it", || {
        let daemon = Daemon::start();
        let mut client = Daemon::client();
        let id = confirmed_slowly(&mut client);
        daemon.kill();
        let daemon = Daemon::start();
        let mut client = Daemon::client();
        let now = ask(&mut client, "result", json!({ "id": id }));
        assert_eq!(data(&now, "state"), "executing", "{now:?}");
        // Killed once more while it waits.
        daemon.kill();
        let _daemon = Daemon::start();
        let mut client = Daemon::client();
        std::fs::write("/run/e2e-slow-may-end", "").unwrap();
        let end = ask(&mut client, "result", json!({ "id": id, "wait": 60 }));
        assert_eq!(data(&end, "state"), "done", "{end:?}");
        assert_eq!(installed(["e2e-slow"]), ["1.0"]);
        let (undo, effects) = held(&mut client, "undo", json!({}));
        assert_eq!(effects, ["remove e2e-slow 1.0"]);
        assert_eq!(confirm(&mut client, &undo).status, Status::Ok);
        assert_eq!(installed(["e2e-slow"]), ["-"]);
        check_audit();
    });
}

#[test]
fn what_ended_while_no_daemon_ran_is_known_afterwards() {
    in_root("what_ended_while_no_daemon_ran_is_known_afterwards", || {
        let daemon = Daemon::start();
        let id = confirmed_slowly(&mut Daemon::client());
        daemon.kill();
        std::fs::write("/run/e2e-slow-may-end", "").unwrap();
        wait_for(|| installed(["e2e-slow"]) == ["1.0"], "the end of the installation");
        // The daemon of PackageKit is gone, too: its transactions are not to be asked any more.
        kill_packagekitd();
        let _daemon = Daemon::start();
        let mut client = Daemon::client();
        let end = ask(&mut client, "result", json!({ "id": id, "wait": 60 }));
        assert_eq!(data(&end, "state"), "done", "{end:?}");
        check_audit();
        let left = std::fs::read_dir(Path::new(STATE).join("transactions")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "what has ended is not kept");
    });
}

#[test]
fn packagekit_killed_half_way_is_told_and_the_next_request_starts_it_again() {
    in_root("packagekit_killed_half_way_is_told_and_the_next_request_starts_it_again", || {
        let _daemon = Daemon::start();
        let mut client = Daemon::client();
        let id = confirmed_slowly(&mut client);
        kill_packagekitd();
        // A script that is still at work may end now.
        std::fs::write("/run/e2e-slow-may-end", "").unwrap();
        let mut client = Daemon::client();
        let end = ask(&mut client, "result", json!({ "id": id, "wait": 60 }));
        let state = data(&end, "state");
        let is = installed(["e2e-slow"]);
        // Whichever it is, it is what dpkg says.
        match state.as_str().unwrap() {
            "done" => assert_eq!(is, ["1.0"], "{end:?}"),
            "failed" => assert_eq!(is, ["-"], "{end:?}"),
            other => panic!("{other}: {end:?}"),
        }
        assert!(ask(&mut client, "package_search", json!({ "words": "e2e-hello" })).status == Status::Ok);
        check_audit();
    });
}

#[test]
fn another_package_manager_at_work_is_waited_for_and_named() {
    in_root("another_package_manager_at_work_is_waited_for_and_named", || {
        let config = Path::new("/etc/steward-test.toml");
        std::fs::write(config, "version = 1\n[package]\nlock_wait = 1\n").unwrap();
        let _daemon = Daemon::with_args(&["--config", config.to_str().unwrap()]);
        let mut client = Daemon::client();
        let (id, _) = install(&mut client, "e2e-hello");
        let mut other = Command::new("apt-get").args(["-y", "-qq", "install", "e2e-slow"]).spawn().unwrap();
        wait_for(|| Path::new("/run/e2e-slow-is-here").exists(), "the script of the package");
        let busy = confirm(&mut client, &id);
        assert_eq!(busy.code, Some(Code::TimedOut), "{busy:?}");
        assert!(busy.message.unwrap().contains("apt-get (pid"), "the holder is named");
        std::fs::write("/run/e2e-slow-may-end", "").unwrap();
        assert!(other.wait().unwrap().success());
        let (id, _) = install(&mut client, "e2e-hello");
        assert_eq!(confirm(&mut client, &id).status, Status::Ok);
        check_audit();
    });
}
