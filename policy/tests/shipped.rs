//! The shipped policies: they load, nothing in them is dead, everything in them is exercised, and they do not ask too often.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{Actions, source};
use steward_policy::{Catalogue, Decision, Layer, Policy, Staged, shipped, with_steps};

fn load(text: &str) -> Policy {
    match Policy::load(vec![source(Layer::Vendor, "shipped.toml", text)], &Actions) {
        Ok(policy) => policy,
        Err(errors) => panic!("{}", errors.iter().map(|e| format!("{e}\n")).collect::<String>()),
    }
}

#[test]
fn every_shipped_policy_is_sound_and_fully_exercised() {
    for (name, text) in [("desktop", shipped::DESKTOP), ("server", shipped::SERVER), ("guarded", shipped::GUARDED)] {
        let policy = load(text);
        assert_eq!(policy.check(), [], "{name}");
        let coverage = policy.coverage();
        assert_eq!(coverage.missing, [] as [String; 0], "{name}");
        assert_eq!(coverage.percent(), 100);
        let (with, without) = (text.matches("[[rule]]").count(), text.matches("\nmatch ").count());
        assert_eq!(with, without, "{name}: every rule has examples");
    }
}

/// What a person asks of an assistant in a few days.
const WORKLOAD: &[(&str, usize)] = &[
    ("set_volume 40", 12),
    ("adjust_volume 10", 8),
    ("volume_mute", 4),
    ("volume_unmute", 4),
    ("set_brightness 60", 5),
    ("adjust_brightness -10", 4),
    ("network_status", 4),
    ("network_wifi_on", 2),
    ("network_bluetooth_on", 3),
    ("network_bluetooth_off", 2),
    ("remember the printer code is on the fridge", 8),
    ("read_context printer", 10),
    ("forget old note", 2),
    ("list_files ~/Documents", 3),
    ("read_file ~/Documents/letter.txt", 2),
    ("write_file /tmp/list.txt", 1),
    ("list_files ~/Downloads/2026", 4),
    ("list_files /etc", 1),
    ("system_status", 8),
    ("session_lock", 4),
    ("package_search editor", 2),
    ("open_url https://example.com/news", 2),
    ("open_app org.gnome.Calculator", 2),
    ("package_install cowsay", 1),
    ("system_update stable", 1),
    ("power_sleep", 1),
];

#[test]
fn a_reference_workload_of_100_requests_asks_seldom() {
    assert_eq!(WORKLOAD.iter().map(|w| w.1).sum::<usize>(), 100);
    for (text, most) in [(shipped::DESKTOP, 3), (shipped::GUARDED, 8)] {
        let policy = load(text);
        let mut asked = 0;
        for (request, times) in WORKLOAD {
            let mut steps = Actions.parse(request).unwrap();
            for (_, arg) in steps.iter_mut().flat_map(|s| s.args.iter_mut()) {
                if let steward_policy::OwnedArg::Path(p) = arg {
                    p.path = p.path.replace('~', "/home/example");
                }
            }
            match with_steps(&steps, |s| policy.decide(s, &Staged::default())).decision {
                Decision::Ok => {}
                Decision::Confirm(_) => asked += times,
                Decision::Deny => panic!("{request} is denied"),
            }
        }
        assert!(asked <= most, "asked {asked} times");
    }
}

#[test]
fn the_first_file_of_the_manual_loads_and_passes_its_test() {
    let manual = include_str!("../../docs/policy.md");
    let text = manual.split("```toml\n").nth(1).and_then(|t| t.split("```").next()).unwrap();
    let policy = Policy::load(vec![source(Layer::Admin, "10-local.toml", text)], &Actions).unwrap();
    assert_eq!(policy.check(), []);
}

#[test]
fn the_documented_predicates_are_those_that_exist() {
    let manual = include_str!("../../docs/policy.md");
    for word in [
        "eq",
        "in",
        "not_in",
        "glob",
        "regex",
        "max_len",
        "min",
        "max",
        "all_in",
        "none_in",
        "any_in",
        "max_items",
        "min_items",
        "under",
        "not_under",
        "scheme",
        "host",
        "port",
        "path",
        "query_max",
        "private_ip",
        "userinfo",
        "program",
        "args",
        "flags_allow",
        "flags_deny",
        "max_args",
    ] {
        assert!(manual.contains(&format!("`{word}`")), "{word}");
    }
}
