//! The screen and what is opened on it: brightness and the lock through logind, addresses and applications through the desktop.

use serde_json::json;

use crate::bed::{Machine, receipt, refuses, says};

fn brightness(machine: &Machine) -> String {
    machine.read("/sys/class/backlight/e2e_bl/brightness")
}

/// What the test's browser and editor wrote when they were started.
fn opened(machine: &Machine) -> String {
    machine.try_root(&["cat", "/home/tester/opened"]).out
}

#[test]
fn the_brightness_is_what_was_said_and_comes_back() {
    let Some(machine) = Machine::boot("the_brightness_is_what_was_said_and_comes_back") else { return };
    machine.steward(&["do", "set", "brightness", "to", "30", "percent"]).with(0);
    assert_eq!(brightness(&machine), "30");
    machine.steward(&["undo"]).with(0);
    assert_eq!(brightness(&machine), "50");
    let mut socket = machine.connect();
    let told = [
        ("adjust_brightness", "+15", "50", "65"),
        ("set_brightness", "80", "65", "80"),
        ("adjust_brightness", "-20", "80", "60"),
    ];
    let mut back = Vec::new();
    for (name, payload, before, then) in told {
        let answer = socket.call(name, payload);
        assert_eq!((answer["status"].as_str(), brightness(&machine).as_str()), (Some("ok"), then), "{answer}");
        back.push((before, receipt(&answer)));
    }
    refuses(&socket.call("set_brightness", "180"), "invalid_payload", "invalid brightness percentage");
    for (before, receipt) in back.iter().rev() {
        machine.undo(receipt);
        assert_eq!(brightness(&machine), *before);
    }
}

#[test]
fn the_session_is_locked_and_a_rule_can_rest_on_that() {
    let Some(machine) = Machine::boot("the_session_is_locked_and_a_rule_can_rest_on_that") else { return };
    let rules = "version = 1\n[[rule]]\nid = \"not-locked\"\nactions = [\"set_brightness\", \"open_app\"]\ndecision = \"deny\"\n\
                 why = \"The screen is locked.\"\nwhen.locked = true\n";
    machine.write("/etc/steward/policy.d/locked.toml", rules);
    machine.user(&["systemctl", "--user", "restart", "steward.service"]);
    let session = machine.root(&["loginctl", "show-user", "tester", "-P", "Display"]);
    let locked = |m: &Machine| m.root(&["loginctl", "show-session", &session, "-P", "LockedHint"]);
    assert_eq!(locked(&machine), "no");
    let mut socket = machine.connect();
    assert_eq!(socket.call("set_brightness", "40")["status"], "ok");

    machine.steward(&["do", "lock", "the", "screen"]).with(0);
    machine.until("the lock screen was told", |m| locked(m) == "yes");
    says(&socket.ask(&json!({ "version": 1, "name": "session_lock" })), "The screen is already locked.");
    let denied = socket.call("set_brightness", "60");
    assert_eq!(
        (denied["status"].as_str(), denied["message"].as_str()),
        (Some("deny"), Some("action denied by policy")),
        "{denied}"
    );
    assert_eq!(denied["policy"]["why"], "The screen is locked.", "{denied}");
    machine.steward(&["call", "open_app", "e2e-editor"]).with(4);
    assert_eq!((brightness(&machine).as_str(), opened(&machine).as_str()), ("40", ""));

    machine.root(&["loginctl", "unlock-session", &session]);
    machine.until("it is unlocked", |m| locked(m) == "no");
    assert_eq!(socket.call("set_brightness", "60")["status"], "ok");
    assert_eq!(brightness(&machine), "60");
}

#[test]
fn an_address_is_opened_by_the_browser_with_the_portal_and_without() {
    let Some(machine) = Machine::boot("an_address_is_opened_by_the_browser_with_the_portal_and_without") else {
        return;
    };
    machine.steward(&["do", "open", "https://example.com/portal"]).with(0);
    machine.until("the browser was started", |m| opened(m) == "browser https://example.com/portal");
    assert_eq!(machine.user(&["systemctl", "--user", "is-active", "xdg-desktop-portal"]), "active");

    // Without a backend the portal has no OpenURI; without its file the bus does not start it.
    machine.user(&["systemctl", "--user", "stop", "xdg-desktop-portal"]);
    machine.root(&["rm", "/usr/share/dbus-1/services/org.freedesktop.portal.Desktop.service"]);
    machine.user(&["systemctl", "--user", "mask", "--runtime", "xdg-desktop-portal"]);
    machine.user(&[
        "busctl",
        "--user",
        "call",
        "org.freedesktop.DBus",
        "/org/freedesktop/DBus",
        "org.freedesktop.DBus",
        "ReloadConfig",
    ]);
    let mut socket = machine.connect();
    assert_eq!(socket.call("open_url", "https://example.com/fallback?a=1&b=$(id)")["status"], "ok");
    machine.until("the browser was started again", |m| opened(m).lines().count() == 2);
    assert!(opened(&machine).ends_with("browser https://example.com/fallback?a=1&b=$(id)"), "{}", opened(&machine));

    for (address, rule) in [("http://127.0.0.1/", "url.no-private-addresses"), ("file:///etc/passwd", "url.web-only")] {
        let denied = socket.call("open_url", address);
        assert_eq!(
            (denied["status"].as_str(), denied["policy"]["rule"].as_str()),
            (Some("deny"), Some(rule)),
            "{denied}"
        );
    }
    assert_eq!(opened(&machine).lines().count(), 2);
}

#[test]
fn an_application_is_started_in_a_unit_of_its_own() {
    let Some(machine) = Machine::boot("an_application_is_started_in_a_unit_of_its_own") else { return };
    machine.steward(&["do", "open", "paper", "editor"]).with(0);
    machine.until("the editor was started", |m| opened(m).starts_with("editor --fresh in app-"));
    // It goes on when the agent does not.
    let unit = opened(&machine).rsplit(' ').next().unwrap().to_owned();
    machine.user(&["systemctl", "--user", "restart", "steward.service"]);
    assert_eq!(machine.user(&["systemctl", "--user", "is-active", &unit]), "active");

    let mut socket = machine.connect();
    assert_eq!(socket.call("open_app", "e2e-editor")["status"], "ok");
    machine.until("the editor was started again", |m| opened(m).lines().count() == 2);
    let answer = socket.call("open_app", "no-such-editor");
    assert_eq!(answer["status"], "error", "{answer}");
    assert_eq!(opened(&machine).lines().count(), 2);
}
