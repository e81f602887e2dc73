//! Verdicts, table by table.

mod common;

use common::{Actions, policy};
use steward_policy::Layer::{Admin, User, Vendor};
use steward_policy::{Assurance, Catalogue, Decision, Policy, Staged, Verdict, with_steps};

fn ask(policy: &Policy, request: &str) -> Verdict {
    ask_as(policy, request, &Staged::default())
}

fn ask_as(policy: &Policy, request: &str, staged: &Staged) -> Verdict {
    let steps = Actions.parse(request).unwrap();
    with_steps(&steps, |steps| policy.decide(steps, staged))
}

fn said(v: &Verdict) -> String {
    format!("{} {}", v.decision.name(), v.rule)
}

#[test]
fn the_built_in_policy_loads_and_judges_by_risk() {
    let p = Policy::builtin(&Actions);
    assert_eq!(p.is_broken(), None);
    for (request, want) in [
        ("package_install vim", "confirm risk.disruptive"),
        ("package_remove vim", "confirm risk.destructive"),
        ("set_volume 40", "ok risk.reversible"),
        ("open_url http://10.0.0.1/", "deny url.no-private-addresses"),
        ("package_remove vim,systemd", "deny pkg.keep-essential"),
    ] {
        assert_eq!(said(&ask(&p, request)), want, "{request}");
    }
    assert_eq!(p.hash().len(), 64);
}

#[test]
fn an_ok_rule_for_one_package_does_not_carry_another() {
    let p = policy(&[(
        Vendor,
        "[[rule]]\nid='a'\nactions=['package_install']\ndecision='ok'\nargs.packages={in=['vim','gnome-*'], max_items=2}",
    )])
    .unwrap();
    for (request, want) in [
        ("package_install vim", "ok a"),
        ("package_install gnome-maps", "ok a"),
        ("package_install vim,docker", "confirm risk.disruptive"),
        ("package_install vim,gnome-maps,vim", "confirm risk.disruptive"),
    ] {
        assert_eq!(said(&ask(&p, request)), want, "{request}");
    }
}

#[test]
fn the_highest_layer_with_a_match_decides_and_floors_join() {
    let p = policy(&[
        (Admin, "[[rule]]\nid='ok-vim'\nactions=['package_install']\ndecision='ok'\nargs.packages={in=['vim','evil']}"),
        (Vendor, "[[rule]]\nid='no-install'\nactions=['package_install']\ndecision='deny'\n[[rule]]\nid='evil'\nactions=['package_install']\ndecision='confirm'\nfloor=true\nargs.packages={in=['evil']}"),
        (User, "[[rule]]\nid='mine'\nactions=['package_install','power_reboot']\ndecision='ok'"),
    ])
    .unwrap();
    assert_eq!(said(&ask(&p, "package_install vim")), "ok ok-vim");
    assert_eq!(said(&ask(&p, "package_install emacs")), "deny no-install");
    let evil = ask(&p, "package_install evil");
    assert_eq!((said(&evil).as_str(), evil.floor), ("confirm evil", true));
    assert_eq!(said(&ask(&p, "power_reboot")), "confirm risk.destructive");
}

#[test]
fn a_door_raises_what_a_confirmation_needs() {
    let p = Policy::builtin(&Actions);
    let at = |door: &str| Staged { door: door.into(), ..Staged::default() };
    let need = |v: Verdict| match v.decision {
        Decision::Confirm(r) => r.assurance,
        other => panic!("{other:?}"),
    };
    assert_eq!(need(ask_as(&p, "power_reboot", &at("ndjson"))), Assurance::Requester);
    assert_eq!(need(ask_as(&p, "power_reboot", &at("mcp"))), Assurance::Desktop);
}

#[test]
fn a_broken_policy_lets_only_what_changes_nothing_through() {
    let p = Policy::broken("x.toml:3:1: unknown key");
    assert_eq!(p.is_broken(), Some("x.toml:3:1: unknown key"));
    assert_eq!(said(&ask(&p, "ping")), "ok policy.broken");
    assert_eq!(said(&ask(&p, "system_status")), "deny policy.broken");
}
