//! Services of the machine's systemd and of the person's; `systemctl` reads back.

use serde_json::{Value, json};

use crate::bed::{Connection, Machine, refuses};

/// A rule that lets tester manage units without a password, as an administrator would write it.
const ALLOWED: &str = "polkit.addRule(function(action, subject) {
    if (['org.freedesktop.systemd1.manage-units', 'org.freedesktop.systemd1.manage-unit-files', \
         'org.freedesktop.systemd1.reload-daemon'].indexOf(action.id) >= 0 && subject.user == 'tester') return polkit.Result.YES;
});";

/// A service that says something and goes on.
const SERVICE: &str = "[Unit]\nDescription=A service for a test\n[Service]\nExecStart=/bin/sh -c 'echo hello from the unit; exec sleep infinity'\n\
                       [Install]\nWantedBy=multi-user.target\n";

/// The id of a held answer.
#[track_caller]
fn held(answer: &Value) -> String {
    assert_eq!(answer["message"], "user confirmation required", "{answer}");
    answer["confirmation_id"].as_str().unwrap().to_owned()
}

/// Asks for something that is asked about, and says yes.
#[track_caller]
fn yes(socket: &mut Connection, name: &str, payload: &str) -> Value {
    let answer = socket.call(name, payload);
    let id = held(&answer);
    socket.call("confirm", &id)
}

/// The same, and it must be done.
#[track_caller]
fn done(socket: &mut Connection, name: &str, payload: &str) -> Value {
    let answer = yes(socket, name, payload);
    assert_eq!(answer["status"], "ok", "{answer}");
    answer
}

fn is(machine: &Machine, what: &str, unit: &str) -> String {
    machine.try_root(&["systemctl", what, unit]).out
}

fn effects(answer: &Value) -> Vec<String> {
    let effects = answer["preview"]["effects"].as_array().unwrap_or_else(|| panic!("{answer}"));
    effects.iter().map(|e| format!("{} {}", e["verb"].as_str().unwrap(), e["object"].as_str().unwrap())).collect()
}

#[test]
fn services_of_the_machine_are_started_stopped_enabled_and_put_back() {
    let test = "services_of_the_machine_are_started_stopped_enabled_and_put_back";
    let Some(machine) = Machine::boot(test) else { return };
    let mut socket = machine.connect();
    // systemd was not told of it: it is found all the same.
    machine.write("/etc/systemd/system/e2e-web.service", SERVICE);

    // As the machine comes, polkit wants an administrator's password, and nobody is there who could ask for it.
    let refused = yes(&mut socket, "service_start", "e2e-web");
    refuses(&refused, "not_authorized", "polkit");
    assert_eq!(refused["data"]["challenge"], true, "{refused}");
    assert_eq!(is(&machine, "is-active", "e2e-web"), "inactive");
    machine.polkit(ALLOWED);

    let shown = socket.call("service_start", "e2e-web");
    let effect = &shown["preview"]["effects"][0];
    assert_eq!(effect["object"], "e2e-web.service", "{shown}");
    assert!(effect["to"].as_str().unwrap().contains("hello from the unit"), "{shown}");
    assert_eq!(effect["origin"], "/etc/systemd/system/e2e-web.service", "{shown}");
    let started = socket.call("confirm", &held(&shown));
    assert_eq!(started["message"], "Started e2e-web.service.", "{started}");
    assert_eq!(started["data"]["job"]["result"], "done", "{started}");
    assert_eq!(is(&machine, "is-active", "e2e-web"), "active");
    let again = socket.call("service_start", "e2e-web");
    assert_eq!(again["message"], "e2e-web.service is already running.", "{again}");

    let status = socket.call("service_status", "e2e-web");
    let data = &status["data"];
    assert_eq!(
        (&data["active_state"], &data["sub_state"], &data["scope"]),
        (&json!("active"), &json!("running"), &json!("system"))
    );
    let pid = data["main_pid"].to_string();
    assert_eq!(machine.root(&["systemctl", "show", "-P", "MainPID", "e2e-web"]), pid, "{status}");

    let restarted = done(&mut socket, "service_restart", "e2e-web.service");
    assert_ne!(restarted["data"]["main_pid"].to_string(), pid, "{restarted}");
    done(&mut socket, "service_enable", "e2e-web");
    assert_eq!(is(&machine, "is-enabled", "e2e-web"), "enabled");
    let undo = socket.ask(&json!({ "version": 1, "name": "undo" }));
    socket.call("confirm", &held(&undo));
    assert_eq!(is(&machine, "is-enabled", "e2e-web"), "disabled");

    // A file that changed is read anew, and that is shown.
    machine.write("/etc/systemd/system/e2e-web.service", &SERVICE.replace("hello from", "news from"));
    let shown = socket.call("service_restart", "e2e-web");
    assert_eq!(effects(&shown), ["read anew the unit files of systemd", "restart e2e-web.service"], "{shown}");
    assert!(shown["preview"]["effects"][1]["to"].as_str().unwrap().contains("news from"), "{shown}");
    // A yes is for the file that was shown.
    machine.write("/etc/systemd/system/e2e-web.service", &SERVICE.replace("hello from", "other news from"));
    let changed = socket.call("confirm", &held(&shown));
    assert_eq!(changed["code"], "confirmation_changed", "{changed}");
    done(&mut socket, "service_restart", "e2e-web");
    assert!(machine.root(&["journalctl", "-u", "e2e-web", "-o", "cat"]).contains("other news from the unit"));

    done(&mut socket, "service_stop", "e2e-web");
    assert_eq!(is(&machine, "is-active", "e2e-web"), "inactive");
    let undo = socket.ask(&json!({ "version": 1, "name": "undo" }));
    socket.call("confirm", &held(&undo));
    assert_eq!(is(&machine, "is-active", "e2e-web"), "active");

    // A plain no of polkit.
    machine.polkit("polkit.addRule(function(a, s) { if (a.id.indexOf('org.freedesktop.systemd1.') == 0) return polkit.Result.NO; });");
    refuses(&yes(&mut socket, "service_stop", "e2e-web"), "not_authorized", "polkit");
    assert_eq!(is(&machine, "is-active", "e2e-web"), "active");
    machine.steward(&["audit", "verify"]).with(0);
}

#[test]
fn services_of_the_person_need_no_right_and_their_journal_is_told() {
    let test = "services_of_the_person_need_no_right_and_their_journal_is_told";
    let Some(machine) = Machine::boot(test) else { return };
    let mut socket = machine.connect();
    machine.write("/etc/systemd/user/e2e-own.service", &SERVICE.replace("multi-user.target", "default.target"));
    let started = done(&mut socket, "service_start", "e2e-own");
    assert_eq!(started["data"]["scope"], "user", "{started}");
    assert_eq!(machine.user(&["systemctl", "--user", "is-active", "e2e-own"]), "active");
    machine.until("the journal has its line", |_| {
        let status = socket.call("service_status", "e2e-own");
        let journal = status["data"]["journal"].as_array().unwrap_or_else(|| panic!("{status}"));
        journal.iter().any(|line| line.as_str().unwrap().ends_with("hello from the unit"))
    });
    done(&mut socket, "service_enable", "e2e-own");
    assert_eq!(machine.user(&["systemctl", "--user", "is-enabled", "e2e-own"]), "enabled");
    done(&mut socket, "service_disable", "e2e-own");
    done(&mut socket, "service_stop", "e2e-own");
    assert_eq!(
        machine.steward(&["--json", "call", "service_status", "e2e-own"]).json()["data"]["active_state"],
        "inactive"
    );

    // One that fails is told with its end.
    let fails = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo no good; exit 3'\n";
    machine.write("/etc/systemd/user/e2e-fails.service", fails);
    let failed = yes(&mut socket, "service_start", "e2e-fails");
    refuses(&failed, "failed", "it failed");
    assert_eq!(
        (&failed["data"]["job"]["result"], &failed["data"]["active_state"]),
        (&json!("failed"), &json!("failed")),
        "{failed}"
    );
    // One that ends at once has ended well.
    machine.write("/etc/systemd/user/e2e-once.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n");
    let once = done(&mut socket, "service_start", "e2e-once");
    assert!(once["message"].as_str().unwrap().contains("a task that has ended"), "{once}");
    // One whose condition is not met has not been started, which systemd may have forgotten by then.
    let never = "[Unit]\nConditionPathExists=/nonexistent\n[Service]\nExecStart=/bin/true\n";
    machine.write("/etc/systemd/user/e2e-never.service", never);
    let never = yes(&mut socket, "service_start", "e2e-never");
    assert!(never["message"].as_str().unwrap().contains("condition"), "{never}");
    assert_eq!(never["data"]["active_state"], "inactive", "{never}");
    machine.steward(&["audit", "verify"]).with(0);
}

#[test]
fn what_keeps_the_machine_and_the_session_is_never_stopped() {
    let test = "what_keeps_the_machine_and_the_session_is_never_stopped";
    let Some(machine) = Machine::boot(test) else { return };
    machine.polkit(ALLOWED);
    let mut socket = machine.connect();
    // Another name of one, what one hangs on by two steps, and one that starting another would stop.
    machine.root(&["ln", "-s", "/lib/systemd/system/NetworkManager.service", "/etc/systemd/system/e2e-alias.service"]);
    let simple = |unit: &str| format!("[Unit]\n{unit}\n[Service]\nExecStart=/bin/sleep infinity\n");
    machine.write("/etc/systemd/system/e2e-base.service", &simple(""));
    machine.write("/etc/systemd/system/e2e-middle.service", &simple("Requires=e2e-base.service"));
    machine.write("/etc/systemd/system/dbus.service.d/e2e.conf", "[Unit]\nRequires=e2e-middle.service\n");
    machine.write("/etc/systemd/system/e2e-rival.service", &simple("Conflicts=polkit.service"));
    machine.write("/etc/systemd/system/e2e-off.service", &simple("Wants=poweroff.target"));
    machine.root(&["systemctl", "daemon-reload"]);
    machine.root(&["systemctl", "start", "e2e-middle.service"]);

    for (name, unit) in [
        ("service_stop", "dbus"),
        ("service_stop", "dbus.socket"),
        ("service_restart", "systemd-logind"),
        ("service_stop", "user@1000"),
        ("service_stop", "polkit"),
        ("service_stop", "NetworkManager"),
        ("service_disable", "NetworkManager"),
        ("service_stop", "e2e-alias"),
        ("service_stop", "e2e-base"),
        ("service_restart", "e2e-middle"),
        ("service_start", "e2e-rival"),
        ("service_start", "e2e-off"),
        ("service_start", "systemd-poweroff"),
        ("service_stop", "steward"),
    ] {
        let answer = socket.call(name, unit);
        assert_eq!((&answer["status"], &answer["code"]), (&json!("deny"), &json!("denied")), "{name} {unit}: {answer}");
    }
    for unit in ["dbus", "systemd-logind", "NetworkManager", "polkit", "e2e-base", "e2e-middle"] {
        assert_eq!(is(&machine, "is-active", unit), "active", "{unit}");
    }
    let status = socket.call("service_status", "e2e-alias");
    assert_eq!(status["data"]["unit"], "NetworkManager.service", "{status}");
    let on_the_system =
        json!({ "version": 1, "name": "service_status", "args": { "unit": "dbus", "scope": "system" } });
    assert_eq!(socket.ask(&on_the_system)["data"]["active_state"], "active");
}

#[test]
fn limits_are_held_by_the_kernel_or_it_is_said_that_nothing_would_hold_them() {
    let test = "limits_are_held_by_the_kernel_or_it_is_said_that_nothing_would_hold_them";
    let Some(machine) = Machine::boot(test) else { return };
    machine.polkit(ALLOWED);
    machine.write("/etc/systemd/system/e2e-web.service", SERVICE);
    machine.root(&["systemctl", "start", "e2e-web"]);
    let mut socket = machine.connect();
    let limit =
        json!({ "version": 1, "name": "cgroup_apply", "args": { "unit": "e2e-web", "mem_max_bytes": 64 << 20 } });
    let answer = socket.ask(&limit);
    let shown = |property: &str| machine.root(&["systemctl", "show", "-P", property, "e2e-web"]);
    if answer["code"] == "unavailable" {
        // This computer gives its containers no controllers.
        assert!(answer["message"].as_str().unwrap().contains("controller `memory`"), "{answer}");
        assert_eq!(shown("MemoryMax"), "infinity");
    } else {
        let done = socket.call("confirm", &held(&answer));
        assert_eq!(done["status"], "ok", "{done}");
        assert_eq!(shown("MemoryMax"), (64 << 20).to_string());
        // Not what systemd says, but what the kernel holds.
        let group = shown("ControlGroup");
        let holds =
            format!("cat /sys/fs/cgroup{group}/memory.max || cat /sys/fs/cgroup/memory{group}/memory.limit_in_bytes");
        assert_eq!(machine.root(&["sh", "-c", &holds]), (64 << 20).to_string());
        let undo = socket.ask(&json!({ "version": 1, "name": "undo" }));
        socket.call("confirm", &held(&undo));
        assert_eq!(shown("MemoryMax"), "infinity");
    }
    // A process of somebody else is left alone.
    let pid: u32 = machine.root(&["systemctl", "show", "-P", "MainPID", "e2e-web"]).parse().unwrap();
    let others = json!({ "version": 1, "name": "cgroup_apply", "args": { "pid": pid, "cpu_weight": 50 } });
    refuses(&socket.ask(&others), "not_authorized", "not one of yours");
    let small = json!({ "version": 1, "name": "cgroup_apply", "args": { "unit": "e2e-web", "mem_max_bytes": 4096 } });
    refuses(&socket.ask(&small), "invalid_payload", "1 MiB");
}

#[test]
fn a_unit_that_was_written_through_steward_is_one_class_up_and_shows_who_wrote_it() {
    let test = "a_unit_that_was_written_through_steward_is_one_class_up_and_shows_who_wrote_it";
    let Some(machine) = Machine::boot(test) else { return };
    let mut socket = machine.connect();
    let path = "/home/tester/.config/systemd/user/e2e-planted.service";
    machine.user(&["mkdir", "-p", "/home/tester/.config/systemd/user"]);
    let write = json!({ "version": 1, "name": "write_file", "args": { "path": path, "content": SERVICE } });
    let asked = socket.ask(&write);
    let written = socket.call("confirm", &held(&asked));
    assert_eq!(written["status"], "ok", "{written}");
    let shown = socket.call("service_start", "e2e-planted");
    assert_eq!(shown["policy"]["rule"], "risk.destructive", "{shown}");
    let facts = shown["preview"]["facts"].as_array().unwrap();
    let fact =
        |name: &str| facts.iter().find(|f| f["name"] == name).map(|f| f["value"].as_str().unwrap()).unwrap_or_default();
    assert!(fact("written by").contains("by uid 1000"), "{shown}");
    assert!(fact("content").contains("hello from the unit"), "{shown}");
    let started = socket.call("confirm", &held(&shown));
    assert_eq!(started["data"]["active_state"], "active", "{started}");
    // One that somebody else wrote, but runs a script that was written through Steward.
    let script = json!({ "version": 1, "name": "write_file", "args": {
        "path": "/home/tester/.local/bin/e2e-tool", "content": "#!/bin/sh\nexec sleep infinity\n", "mode": "0755" } });
    machine.user(&["mkdir", "-p", "/home/tester/.local/bin"]);
    let asked = socket.ask(&script);
    assert_eq!(socket.call("confirm", &held(&asked))["status"], "ok");
    machine.write("/etc/systemd/user/e2e-runs.service", "[Service]\nExecStart=/home/tester/.local/bin/e2e-tool\n");
    let shown = socket.call("service_start", "e2e-runs");
    assert_eq!(shown["policy"]["rule"], "risk.destructive", "{shown}");
    machine.write("/etc/systemd/user/e2e-plain.service", "[Service]\nExecStart=/bin/sleep infinity\n");
    assert_eq!(socket.call("service_start", "e2e-plain")["policy"]["rule"], "risk.disruptive");
}
