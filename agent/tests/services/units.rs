//! Units of systemd and limits: what is protected, what is shown and bound, how it ends.

use serde_json::json;
use steward_agent::backend::simulate::{Part, SimulatedUnit, State, Trouble, When};

use crate::support::{self, DESKTOP};
use crate::{ALLOW, Bench, effects, unit};

#[test]
fn a_protected_unit_is_protected_under_each_of_its_names_and_through_what_it_hangs_on() {
    let bench = Bench::new(DESKTOP);
    let before = bench.stands();
    for (name, unit, rule) in [
        ("service_stop", "dbus", "svc.keep-vital"),
        ("service_stop", "lightdm", "svc.keep-vital"),
        ("service_stop", "display-manager.service", "svc.keep-vital"),
        ("service_restart", "display-manager", "svc.keep-vital"),
        ("service_disable", "lightdm.service", "svc.keep-vital"),
        ("service_stop", "NetworkManager", "svc.keep-network"),
        ("service_restart", "sshd", "svc.keep-network"),
        ("service_start", "systemd-poweroff", "svc.power-has-actions"),
        // Nobody has it, and it is denied all the same.
        ("service_stop", "user@1000", "svc.keep-vital"),
    ] {
        let answer = bench.ask(name, Some(unit));
        assert_eq!(
            (&answer["status"], &answer["policy"]["rule"]),
            (&json!("deny"), &json!(rule)),
            "{name} {unit}: {answer}"
        );
    }
    // One that goes by another name than the policy knows.
    bench.laptop.meddle(|s| {
        let alias = SimulatedUnit {
            aliases: vec!["display-manager.service"],
            ..SimulatedUnit::new("A new one", "active", "enabled")
        };
        s.system_units.insert("brandnew.service".to_owned(), alias);
        s.system_units.get_mut("lightdm.service").unwrap().aliases.clear();
        // And what a protected one hangs on, by two steps.
        let base =
            SimulatedUnit { required_by: vec!["middle.service"], ..SimulatedUnit::new("Base", "active", "static") };
        let middle =
            SimulatedUnit { required_by: vec!["dbus.service"], ..SimulatedUnit::new("Middle", "active", "static") };
        let rival = SimulatedUnit {
            conflicts: vec!["NetworkManager.service"],
            ..SimulatedUnit::new("Rival", "inactive", "disabled")
        };
        let starter = SimulatedUnit {
            requires: vec!["systemd-poweroff.service"],
            ..SimulatedUnit::new("Starter", "inactive", "disabled")
        };
        for (name, unit) in [("base", base), ("middle", middle), ("rival", rival), ("starter", starter)] {
            s.system_units.insert(format!("{name}.service"), unit);
        }
    });
    for (name, unit, rule) in [
        ("service_stop", "brandnew", "svc.keep-vital"),
        ("service_stop", "base", "svc.keep-vital"),
        ("service_restart", "base", "svc.keep-vital"),
        ("service_start", "rival", "svc.keep-network"),
        ("service_start", "starter", "svc.power-has-actions"),
    ] {
        let answer = bench.ask(name, Some(unit));
        assert_eq!(
            (&answer["status"], &answer["policy"]["rule"]),
            (&json!("deny"), &json!(rule)),
            "{name} {unit}: {answer}"
        );
    }
    assert_eq!(bench.stands().wifi, before.wifi);
    assert!(
        bench.laptop.state().system_units.iter().all(|(n, u)| u.active_state == "active" || !n.starts_with("dbus"))
    );
    // Looking is never denied, and an alias leads to the unit.
    let status = bench.ask("service_status", Some("display-manager"));
    assert_eq!((&status["status"], &status["data"]["unit"]), (&json!("ok"), &json!("brandnew.service")), "{status}");
}

#[test]
fn what_would_be_stopped_with_a_unit_is_shown_judged_and_bound_to_the_yes() {
    let bench = Bench::new(DESKTOP);
    unit(&bench, "cups-browsed.service", |u| u.active_state = "active");
    let held = bench.ask("service_stop", Some("cups"));
    assert_eq!(effects(&held), ["stop cups.service", "stop cups-browsed.service"], "{held}");
    unit(&bench, "cups-browsed.service", |u| u.active_state = "inactive");
    let changed = bench.world.ask("confirm", &support::id_of(&held));
    assert_eq!(changed["code"], "confirmation_changed", "{changed}");
    let again = bench.ask("service_stop", Some("cups"));
    let done = bench.world.ask("confirm", &support::id_of(&again));
    assert_eq!(done["message"], "Stopped cups.service (simulated).", "{done}");
    assert_eq!(done["data"]["active_state"], "inactive");
    assert_eq!(done["data"]["job"]["result"], "done", "{done}");
    // A rule for the one is no rule for the other.
    let more = "\n[[rule]]\nid = \"test.cups\"\nactions = [\"service_stop\"]\ndecision = \"ok\"\nargs.unit = { eq = \"cups.service\" }\n";
    bench.laptop.meddle(|s| *s = State::default());
    bench.world.reload(&support::desktop_and(more)).unwrap();
    unit(&bench, "cups-browsed.service", |u| u.active_state = "active");
    assert_eq!(bench.ask("service_stop", Some("cups"))["status"], "confirm");
    unit(&bench, "cups-browsed.service", |u| u.active_state = "inactive");
    assert_eq!(bench.ask("service_stop", Some("cups"))["status"], "ok");
}

#[test]
fn what_cannot_be_done_with_a_unit_is_said_before_anybody_is_asked() {
    let bench = Bench::new(DESKTOP);
    bench.laptop.meddle(|s| {
        s.system_units.get_mut("ssh.service").unwrap().load_state = "masked";
        s.system_units.get_mut("fstrim.timer").unwrap().load_state = "bad-setting";
    });
    for (name, unit, code, said) in [
        ("service_start", "no-such-thing", "failed", "no unit `no-such-thing.service`"),
        ("service_start", "ssh", "failed", "masked"),
        ("service_start", "fstrim.timer", "failed", "cannot read the file"),
        ("service_enable", "dbus", "failed", "started by what needs it"),
        ("service_start", "getty@.service", "invalid_payload", "template"),
        ("service_stop", "multi-user.target", "invalid_payload", "target"),
        ("service_start", "home.mount", "invalid_payload", "mount"),
        ("service_start", "--now", "invalid_payload", "invalid unit"),
        ("service_stop", "-H.service", "invalid_payload", "invalid unit"),
        ("service_status", "*", "invalid_payload", "invalid unit"),
        ("service_status", "/etc/systemd/system/x.service", "invalid_payload", "invalid unit"),
    ] {
        let answer = bench.ask(name, Some(unit));
        assert_eq!(answer["code"], code, "{name} {unit}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(said), "{name} {unit}: {answer}");
    }
    assert_eq!(bench.world.line("{\"name\":\"pending_list\"}")["data"]["pending"], json!([]));
}

#[test]
fn a_job_that_ends_badly_is_told_with_its_result() {
    let bench = Bench::new(ALLOW);
    for (result, said) in [
        ("failed", "it failed"),
        ("timeout", "longer than its file allows"),
        ("dependency", "something that it needs"),
        ("canceled", "another order"),
        ("odd", "(odd)"),
    ] {
        bench.laptop.meddle(|s| {
            *s = State::default();
            s.job = result;
        });
        let answer = bench.ask("service_start", Some("ssh"));
        assert_eq!((&answer["code"], &answer["data"]["job"]["result"]), (&json!("failed"), &json!(result)), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(said), "{answer}");
        assert_eq!(answer["data"].get("receipt"), None);
    }
}

#[test]
fn the_person_s_own_systemd_is_meant_where_it_has_the_unit() {
    let bench = Bench::new(ALLOW);
    let own = bench.ask("service_start", Some("syncthing"));
    assert_eq!((&own["status"], &own["data"]["scope"]), (&json!("ok"), &json!("user")), "{own}");
    assert_eq!(bench.laptop.state().user_units["syncthing.service"].active_state, "active");
    let named = |scope: &str| {
        let request = json!({ "name": "service_status", "args": { "unit": "bluetooth", "scope": scope } });
        bench.world.line(&request.to_string())
    };
    assert_eq!(named("system")["data"]["active_state"], "active");
    assert_eq!(named("user")["code"], "failed");
    assert_eq!(named("other")["code"], "invalid_payload");
    // Without a person's systemd it is the machine's.
    bench.laptop.trouble(Part::UserManager, When::Always, Trouble::Missing);
    assert_eq!(bench.ask("service_status", Some("bluetooth"))["data"]["scope"], "system");
}

#[test]
fn limits_are_shown_with_what_holds_now_and_what_they_are_for() {
    let bench = Bench::new(DESKTOP);
    let held = bench.ask("cgroup_apply", Some("cups mem_max_bytes=536870912"));
    let effect = &held["preview"]["effects"][0];
    assert_eq!(
        (&effect["object"], &effect["to"]),
        (&json!("cups.service"), &json!("at most 536.9 MB of memory")),
        "{held}"
    );
    assert!(effect["from"].as_str().unwrap().contains("no limit of memory"), "{held}");
    let denied = bench.ask("cgroup_apply", Some("dbus mem_max_bytes=1048576"));
    assert_eq!((&denied["status"], &denied["policy"]["rule"]), (&json!("deny"), &json!("svc.keep-vital")), "{denied}");
    for (args, said) in [
        (json!({ "unit": "cups", "pid": 1, "cpu_weight": 1 }), "either `unit` or `pid`"),
        (json!({ "cpu_weight": 1 }), "either `unit` or `pid`"),
        (json!({ "unit": "cups" }), "say `cpu_weight`"),
        (json!({ "unit": "cups", "cpu_weight": 0 }), "from 1 to 10000"),
        (json!({ "unit": "cups", "cpu_weight": 10_001 }), "from 1 to 10000"),
        (json!({ "unit": "cups", "mem_max_bytes": (1 << 20) - 1 }), "1 MiB"),
        (json!({ "unit": "home.mount", "cpu_weight": 1 }), "no unit that processes run in"),
        (json!({ "unit": "--unit=x", "cpu_weight": 1 }), "expected the name of a unit"),
    ] {
        let answer = bench.world.line(&json!({ "name": "cgroup_apply", "args": args }).to_string());
        assert_eq!(answer["code"], "invalid_payload", "{args}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(said), "{args}: {answer}");
    }
}

#[test]
fn a_process_is_limited_only_while_it_is_the_one_that_was_shown() {
    let bench = Bench::new(DESKTOP);
    let mut child = std::process::Command::new("/bin/sleep").arg("600").spawn().unwrap();
    let request = json!({ "name": "cgroup_apply", "args": { "pid": child.id(), "cpu_weight": 50, "scope": "user" } });
    // Where this process is in a unit that is protected, or in none, that is the policy's no.
    let held = bench.world.line(&request.to_string());
    if held["status"] == "confirm" {
        assert!(held["preview"]["effects"][0]["object"].as_str().unwrap().contains("(sleep)"), "{held}");
        child.kill().unwrap();
        child.wait().unwrap();
        let gone = bench.world.ask("confirm", &support::id_of(&held));
        assert_eq!(gone["code"], "failed", "{gone}");
        assert!(bench.laptop.state().done.is_empty());
    } else {
        assert_eq!(held["status"], "deny", "{held}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mine = json!({ "name": "cgroup_apply", "args": { "pid": std::process::id(), "cpu_weight": 50 } });
    let itself = bench.world.line(&mine.to_string());
    assert!(itself["message"].as_str().unwrap().contains("Steward itself"), "{itself}");
}

#[test]
fn a_file_that_changed_is_read_anew_and_that_is_shown() {
    let bench = Bench::new(DESKTOP);
    unit(&bench, "ssh.service", |u| u.need_daemon_reload = true);
    let held = bench.ask("service_start", Some("ssh"));
    assert_eq!(effects(&held), ["read anew the unit files of systemd", "start ssh.service"], "{held}");
    let done = bench.world.ask("confirm", &support::id_of(&held));
    assert_eq!(done["status"], "ok", "{done}");
    assert!(!bench.laptop.state().system_units["ssh.service"].need_daemon_reload);
}
