//! A plan that writes a unit, starts it, looks at it and installs a package: only planned, approved once, done; `systemctl` and
//! `dpkg-query` read back.

use serde_json::{Value, json};

use crate::bed::Machine;

/// What an administrator would write: packages may be changed, and the person who is asked is the one who sent the plan.
const ALLOWED: &str = "polkit.addRule(function(action, subject) {
    if (action.id.indexOf('org.freedesktop.packagekit.') == 0 && subject.user == 'tester') return polkit.Result.YES;
});";
const POLICY: &str = "version = 1\n[door.plan]\nmin_assurance = \"requester\"\n";

const FOLDER: &str = "/home/tester/.config/systemd/user";
const UNIT: &str = "[Unit]\nDescription=Written by a plan\n[Service]\nExecStart=/bin/sleep infinity\n";

fn plan(mode: &str, unit: &str, token: Option<&str>) -> String {
    let control = |verb: &str| json!({ "type": "service_control", "action": verb, "unit": "e2e-plan.service", "reason": "it is wanted" });
    let confirmation = token.map(|token| json!({ "token": token }));
    json!({ "request_id": "plan-1", "version": "0.1", "mode": mode, "confirmation": confirmation, "actions": [
        { "type": "write_file", "path": format!("{FOLDER}/e2e-plan.service"), "content": unit, "mode": "0644", "reason": "a new service" },
        control("start"),
        control("status"),
        { "type": "install_packages", "manager": "apt", "packages": ["e2e-app"], "reason": "it needs this" },
    ] })
    .to_string()
}

fn send(machine: &Machine, plan: &str) -> Vec<Value> {
    let answer = machine.steward(&["plan", "send", "--json", plan]).with(0).json();
    answer["results"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

fn codes(results: &[Value]) -> Vec<&str> {
    results.iter().map(|r| r["error"]["code"].as_str().unwrap_or("none")).collect()
}

#[test]
fn a_plan_writes_a_unit_starts_it_and_installs_a_package_after_one_yes() {
    let test = "a_plan_writes_a_unit_starts_it_and_installs_a_package_after_one_yes";
    let Some(machine) = Machine::boot(test) else { return };
    machine.polkit(ALLOWED);
    machine.root(&["mkdir", "-p", "/etc/steward/policy.d"]);
    machine.write("/etc/steward/policy.d/10-plan.toml", POLICY);
    machine.user(&["mkdir", "-p", FOLDER]);
    machine.user(&["systemctl", "--user", "stop", "steward.socket", "steward.service"]);
    machine.user(&["systemctl", "--user", "start", "steward.socket", "steward-plan.socket"]);
    let state = || {
        let active = machine.try_user(&["systemctl", "--user", "is-active", "e2e-plan.service"]).out;
        let package = machine.try_root(&["dpkg-query", "-W", "-f", "${db:Status-Status}", "e2e-app"]).out;
        (active, package.contains("installed"))
    };

    let planned = send(&machine, &plan("plan_only", UNIT, None));
    assert_eq!(planned[0]["plan"]["decision"], "confirm", "{planned:?}");
    assert!(planned[3]["plan"]["preview"]["summary"].as_str().unwrap().contains("e2e-app"), "{planned:?}");
    assert_eq!(state(), ("inactive".to_owned(), false));

    let asked = send(&machine, &plan("execute", UNIT, None));
    assert_eq!(codes(&asked), ["confirmation_required"; 4], "{asked:?}");
    let pending = machine.steward(&["--json", "pending"]).with(0).json();
    let waiting = pending["data"]["pending"].as_array().unwrap();
    assert_eq!(waiting.len(), 1, "{pending}");
    let token = machine.steward(&["approve", "--token", waiting[0]["id"].as_str().unwrap()]).with(0).out;

    // One byte more, and it is not what was approved.
    let changed = send(&machine, &plan("execute", &UNIT.replace("infinity", "infinity "), Some(&token)));
    assert_eq!(codes(&changed), ["confirmation_required"; 4], "{changed:?}");
    assert_eq!(state(), ("inactive".to_owned(), false));

    let done = send(&machine, &plan("execute", UNIT, Some(&token)));
    assert_eq!(codes(&done), ["none"; 4], "{done:?}");
    assert_eq!(done[2]["data"]["active_state"], "active", "{done:?}");
    assert_eq!(state(), ("active".to_owned(), true));
    let again = send(&machine, &plan("execute", UNIT, Some(&token)));
    assert_eq!(codes(&again), ["confirmation_required"; 4], "a token is good once: {again:?}");
}
