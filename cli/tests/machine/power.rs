//! Power: logind really restarts and stops the machine; the audit log is read at the next boot.

use serde_json::{Value, json};

use crate::bed::{Machine, refuses};

/// What the audit log says of a request: the records with its id, as JSON values.
fn records(machine: &Machine, id: &str) -> Vec<Value> {
    let shown = machine.steward(&["--json", "audit", "show", id]).with(0);
    shown.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_restart_and_a_switching_off_happen_after_a_yes_and_are_found_as_done() {
    let test = "a_restart_and_a_switching_off_happen_after_a_yes_and_are_found_as_done";
    let Some(mut machine) = Machine::boot(test) else { return };
    let boot = machine.read("/proc/sys/kernel/random/boot_id");
    let held = machine.steward(&["do", "restart", "the", "computer"]).with(3);
    let id = held.out.lines().next().unwrap().to_owned();
    assert_eq!(boot, machine.read("/proc/sys/kernel/random/boot_id"));
    // The answer may not come through: the machine is going down.
    machine.steward(&["approve", &id]);
    machine.wait_boot();
    let after = records(&machine, &id);
    assert!(after.iter().any(|r| r["kind"] == "finished" && r["status"] == "ok"), "{after:#?}");
    machine.steward(&["audit", "verify"]).with(0);

    let mut socket = machine.connect();
    let held = socket.ask(&json!({ "version": 1, "name": "power_shutdown" }));
    assert_eq!(held["message"], "user confirmation required", "{held}");
    let id = held["confirmation_id"].as_str().unwrap().to_owned();
    socket.send(&json!({ "version": 1, "name": "confirm", "payload": id }));
    machine.wait_off_and_on();
    let after = records(&machine, &id);
    assert!(after.iter().any(|r| r["kind"] == "finished" && r["status"] == "ok"), "{after:#?}");
    let result = machine.call(&["result", &id]);
    assert_eq!(result["status"], "ok", "{result}");
}

#[test]
fn who_would_be_disturbed_is_shown_and_polkit_has_the_last_word() {
    let test = "who_would_be_disturbed_is_shown_and_polkit_has_the_last_word";
    let Some(machine) = Machine::boot(test) else { return };
    let mut socket = machine.connect();
    let hold = json!({ "version": 1, "name": "power_reboot" });
    let inhibit = [
        "systemd-run",
        "--quiet",
        "--unit=burner",
        "systemd-inhibit",
        "--what=shutdown",
        "--who=Burner",
        "--why=A disc is written",
        "sleep",
        "infinity",
    ];
    machine.root(&inhibit);
    machine.until("logind knows of the inhibitor", |m| m.root(&["systemd-inhibit", "--list"]).contains("Burner"));
    // A program that forbids it is named; logind would want an administrator's password now.
    refuses(&socket.ask(&hold), "not_authorized", "Burner forbids restarting at the moment (A disc is written)");
    // Where an administrator lets people do it all the same, they see whom it disturbs.
    machine.polkit(
        "polkit.addRule(function(a, s) { if (a.id == 'org.freedesktop.login1.reboot-ignore-inhibit') return polkit.Result.YES; });",
    );
    let held = socket.ask(&hold);
    assert!(held["preview"].to_string().contains("Burner: A disc is written"), "{held}");
    let id = held["confirmation_id"].as_str().unwrap();
    machine.steward(&["deny", id]).with(0);
    machine.root(&["systemctl", "stop", "burner"]);

    // All of logind: what sets where it boots from next is allowed to people and implies that they may restart it.
    for result in ["NO", "AUTH_ADMIN"] {
        machine.polkit(&format!(
            "polkit.addRule(function(a, s) {{ if (a.id.indexOf('org.freedesktop.login1.') == 0) return polkit.Result.{result}; }});"
        ));
        refuses(&socket.ask(&hold), "not_authorized", "polkit");
    }
    // What a container cannot do is said at once, and nobody is asked.
    let asleep = socket.ask(&json!({ "version": 1, "name": "power_sleep" }));
    refuses(&asleep, "unavailable", "sleep is not available here");
    assert_eq!(asleep["confirmation_id"], Value::Null);
    machine.steward(&["do", "go", "to", "sleep"]).with(5);
}
