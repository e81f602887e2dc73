//! Packages through PackageKit and polkit, as a person's agent changes them; `dpkg-query` reads back.

use serde_json::{Value, json};

use crate::bed::{Connection, Machine, refuses};

/// A rule that lets tester change packages without a password, as an administrator would write it.
const ALLOWED: &str = "polkit.addRule(function(action, subject) {
    if (action.id.indexOf('org.freedesktop.packagekit.') == 0 && subject.user == 'tester') return polkit.Result.YES;
});";

/// The installed versions of these packages, `-` for one that is not there.
fn installed<const N: usize>(machine: &Machine, packages: [&str; N]) -> [String; N] {
    packages.map(|package| {
        let asked = machine.try_root(&["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package]);
        asked.out.strip_prefix("installed ").unwrap_or("-").to_owned()
    })
}

/// The id of a held answer.
#[track_caller]
fn held(answer: &Value) -> String {
    assert_eq!(answer["message"], "user confirmation required", "{answer}");
    answer["confirmation_id"].as_str().unwrap().to_owned()
}

/// Says yes over the socket and gives the answer, which must be `ok`.
#[track_caller]
fn confirmed(socket: &mut Connection, held_answer: &Value) -> Value {
    let done = socket.call("confirm", &held(held_answer));
    assert_eq!(done["status"], "ok", "{done}");
    done
}

/// What a preview says would change, as `verb object version`.
fn effects(answer: &Value) -> Vec<String> {
    let effects = answer["preview"]["effects"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let word = |e: &Value, key: &str| e[key].as_str().unwrap_or_default().to_owned();
    effects.iter().map(|e| format!("{} {} {}", word(e, "verb"), word(e, "object"), word(e, "version"))).collect()
}

#[test]
fn packages_are_found_installed_updated_removed_and_put_back() {
    let test = "packages_are_found_installed_updated_removed_and_put_back";
    let Some(machine) = Machine::boot(test) else { return };
    machine.polkit(ALLOWED);
    let mut events = machine.connect();
    events.ask(&json!({ "version": 1, "name": "subscribe" }));
    let mut socket = machine.connect();

    let found = machine.steward(&["call", "package_search", "e2e-app"]).with(0);
    assert!(found.out.contains("e2e-app"), "{found:?}");
    let shown = machine.steward(&["do", "install", "e2e-app"]).with(3);
    assert!(shown.err.contains("e2e-lib"), "what comes along is shown: {shown:?}");
    assert_eq!(installed(&machine, ["e2e-app", "e2e-lib"]), ["-", "-"]);
    let done = machine.steward(&["approve", shown.out.lines().next().unwrap()]).with(0);
    assert!(done.out.contains("Installed e2e-app and e2e-lib."), "{done:?}");
    assert_eq!(installed(&machine, ["e2e-app", "e2e-lib"]), ["1.0", "1.0"]);
    let told = events.events_to("action_finished", "package_install");
    assert!(told.iter().any(|e| e["event"] == "action_progress"), "{told:#?}");

    // Taken back, and installed again over the socket.
    let undo = socket.ask(&json!({ "version": 1, "name": "undo" }));
    confirmed(&mut socket, &undo);
    assert_eq!(installed(&machine, ["e2e-app", "e2e-lib"]), ["-", "-"]);
    let install = socket.call("package_install", "e2e-app,e2e-hello");
    assert_eq!(effects(&install), ["install e2e-app 1.0", "install e2e-hello 1.0", "install e2e-lib 1.0"]);
    confirmed(&mut socket, &install);

    // The archive has newer packages; one of them needs one more.
    machine.root(&["ln", "-sfn", "archives/v2", "/srv/repo"]);
    machine.root(&["pkcon", "--plain", "refresh", "force"]);
    let update = socket.call("system_update", "stable");
    assert_eq!(effects(&update), ["install e2e-extra 1.0", "upgrade e2e-hello 2.0", "upgrade e2e-lib 2.0"]);
    confirmed(&mut socket, &update);
    assert_eq!(installed(&machine, ["e2e-app", "e2e-hello", "e2e-lib", "e2e-extra"]), ["1.0", "2.0", "2.0", "1.0"]);

    // A removal takes what needs it along, and is put back as it was.
    let remove = socket.call("package_remove", "e2e-lib");
    assert_eq!(effects(&remove), ["remove e2e-app 1.0", "remove e2e-lib 2.0"]);
    confirmed(&mut socket, &remove);
    assert_eq!(installed(&machine, ["e2e-app", "e2e-lib"]), ["-", "-"]);
    let undo = socket.ask(&json!({ "version": 1, "name": "undo" }));
    confirmed(&mut socket, &undo);
    assert_eq!(installed(&machine, ["e2e-app", "e2e-lib"]), ["1.0", "2.0"]);
    machine.steward(&["audit", "verify"]).with(0);
}

#[test]
fn without_a_right_nothing_is_installed_and_what_would_give_it_is_said() {
    let test = "without_a_right_nothing_is_installed_and_what_would_give_it_is_said";
    let Some(machine) = Machine::boot(test) else { return };
    let mut socket = machine.connect();
    // As the machine comes, polkit wants an administrator's password, and nobody is there who could ask for it.
    let challenged = socket.call("package_install", "e2e-app");
    refuses(&challenged, "not_authorized", "polkit");
    assert_eq!(challenged["data"]["polkit_action"], "org.freedesktop.packagekit.package-install", "{challenged}");
    machine.steward(&["do", "install", "e2e-app"]).with(5);

    // The rule that is told is enough.
    let rule = challenged["data"]["rule"].as_str().unwrap();
    machine.polkit(rule);
    let install = socket.call("package_install", "e2e-app");
    confirmed(&mut socket, &install);
    assert_eq!(installed(&machine, ["e2e-app"]), ["1.0"]);

    // A plain no, said after the question.
    let late = socket.call("package_install", "e2e-hello");
    machine.polkit("polkit.addRule(function(a, s) { if (a.id.indexOf('org.freedesktop.packagekit.') == 0) return polkit.Result.NO; });");
    refuses(&socket.call("confirm", &held(&late)), "not_authorized", "");
    refuses(&socket.call("package_remove", "e2e-app"), "not_authorized", "polkit");
    assert_eq!(installed(&machine, ["e2e-app", "e2e-hello"]), ["1.0", "-"]);
}

#[test]
fn a_packagekit_that_is_killed_half_way_is_told_as_it_is_and_the_next_request_works() {
    let test = "a_packagekit_that_is_killed_half_way_is_told_as_it_is_and_the_next_request_works";
    let Some(machine) = Machine::boot(test) else { return };
    machine.polkit(ALLOWED);
    let mut socket = machine.connect();
    let id = held(&socket.call("package_install", "e2e-slow"));
    socket.send(&json!({ "version": 1, "name": "confirm", "payload": id }));
    machine.until("the script of the package runs", |m| m.try_root(&["test", "-e", "/run/e2e-slow-is-here"]).code == 0);
    machine.root(&["systemctl", "kill", "--kill-whom=main", "--signal=KILL", "packagekit.service"]);
    // Whatever is left of it may end now.
    machine.root(&["touch", "/run/e2e-slow-may-end"]);
    let end = socket.next();
    let is = installed(&machine, ["e2e-slow"]);
    match end["status"].as_str() {
        Some("ok") => assert_eq!(is, ["1.0"], "{end}"),
        _ => {
            let code = end["code"].as_str().unwrap_or_default();
            assert!(matches!(code, "failed" | "unknown_outcome"), "{end}");
            assert!(code == "unknown_outcome" || is == ["-"], "{is:?}: {end}");
        }
    }
    // The next request starts it again. What dpkg was at is finished first, by hand, as every manager wants it.
    machine.root(&["dpkg", "--configure", "-a"]);
    let found = socket.call("package_search", "e2e-hello");
    assert_eq!(found["status"], "ok", "{found}");
    let install = socket.call("package_install", "e2e-hello");
    confirmed(&mut socket, &install);
    assert_eq!(installed(&machine, ["e2e-hello"]), ["1.0"]);
    machine.steward(&["audit", "verify"]).with(0);
}

#[test]
fn an_agent_that_restarts_finds_the_transaction_that_went_on_without_it() {
    let test = "an_agent_that_restarts_finds_the_transaction_that_went_on_without_it";
    let Some(machine) = Machine::boot(test) else { return };
    machine.polkit(ALLOWED);
    let mut socket = machine.connect();
    let id = held(&socket.call("package_install", "e2e-slow"));
    socket.send(&json!({ "version": 1, "name": "confirm", "payload": id }));
    machine.until("the script of the package runs", |m| m.try_root(&["test", "-e", "/run/e2e-slow-is-here"]).code == 0);
    machine.user(&["systemctl", "--user", "kill", "--signal=KILL", "steward.service"]);
    let mut socket = machine.connect();
    let now = socket.call("result", &id);
    assert_eq!(now["data"]["state"], "executing", "{now}");
    machine.root(&["touch", "/run/e2e-slow-may-end"]);
    let end = socket.ask(&json!({ "version": 1, "name": "result", "args": { "id": id, "wait": 60 } }));
    assert_eq!(end["data"]["state"], "done", "{end}");
    assert_eq!(installed(&machine, ["e2e-slow"]), ["1.0"]);
    machine.steward(&["audit", "verify"]).with(0);
}
