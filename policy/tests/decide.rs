//! Verdicts, table by table.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

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

const VOICE: &str = "[caller.voice]\nuid=[1000]\ndoor=['ndjson']\n";

#[test]
fn an_unknown_fact_matches_no_ok_and_every_deny() {
    let p = policy(&[(
        Vendor,
        &format!("{VOICE}[[rule]]\nid='o'\nactions=['package_install']\ndecision='ok'\nwhen.caller=['voice']\n[[rule]]\nid='d'\nactions=['set_volume']\ndecision='deny'\nwhen.caller=['voice']"),
    )])
    .unwrap();
    let voice = Staged::default();
    assert_eq!(said(&ask_as(&p, "package_install vim", &voice)), "ok o");
    assert_eq!(p.caller_name(&voice), Some("voice"));
    // The overflow uid stands for uids that are not mapped: nobody is known by it.
    let nobody = Staged { uid: 65534, ..Staged::default() };
    assert_eq!(said(&ask_as(&p, "package_install vim", &nobody)), "confirm risk.disruptive");
    assert_eq!(said(&ask_as(&p, "set_volume 4", &nobody)), "deny d");
    assert_eq!(p.caller_name(&nobody), None);
}

#[test]
fn a_rate_limit_counts_steps_of_the_same_plan_and_tells_when_to_come_back() {
    let p = policy(&[(
        Vendor,
        "[[rule]]\nid='r'\nactions=['open_app']\ndecision='ok'\nlimit={rate='2/1h',per='action',over='deny'}",
    )])
    .unwrap();
    let one = Actions.parse("open_app a").unwrap();
    let plan = |n: usize, released| {
        let steps: Vec<_> = std::iter::repeat_n(one[0].clone(), n).collect();
        with_steps(&steps, |s| p.decide(s, &Staged { released, ..Staged::default() }))
    };
    assert_eq!((said(&plan(2, 0)).as_str(), plan(2, 0).limits.len()), ("ok r", 2));
    assert_eq!(plan(1, 0).limits[0].action.as_ref(), "open_app");
    assert_eq!(said(&plan(3, 0)), "deny r");
    let over = plan(1, 2);
    assert_eq!((said(&over).as_str(), over.retry_after.map(|d| d.as_secs())), ("deny r", Some(3600)));
}

#[test]
fn an_admin_rule_can_delegate_to_the_users_rules() {
    let admin = "[[rule]]\nid='d'\nactions=['package_install']\ndecision='confirm'\ndelegate=true";
    let user = "[[rule]]\nid='u'\nactions=['package_install','power_sleep']\ndecision='ok'";
    let p = policy(&[(Admin, admin), (User, user)]).unwrap();
    assert_eq!(said(&ask(&p, "package_install vim")), "ok u");
    assert_eq!(said(&ask(&p, "power_sleep")), "confirm risk.disruptive");
    assert_eq!(said(&ask(&policy(&[(Admin, admin)]).unwrap(), "package_install vim")), "confirm d");
}

#[test]
fn the_users_tables_only_tighten() {
    let p = policy(&[
        (Vendor, "[defaults]\nconfirm={ttl='1m'}\n[risk]\nlow='confirm'\nreversible='ok'"),
        (User, "[defaults]\nconfirm={ttl='1h',assurance='desktop'}\n[risk]\nlow='ok'\nreversible='deny'"),
    ])
    .unwrap();
    let r = p.defaults().confirm;
    assert_eq!((r.ttl, r.assurance), (60, Assurance::Desktop));
    assert_eq!(said(&ask(&p, "remember x")), "confirm risk.low");
    assert_eq!(said(&ask(&p, "set_volume 4")), "deny risk.reversible");
    // A [risk] table without the class leaves it to `unmatched`.
    assert_eq!(said(&ask(&p, "power_reboot")), "deny defaults.unmatched");
}

#[test]
fn a_window_that_spans_midnight_belongs_to_the_day_it_began() {
    let p = policy(&[(
        Vendor,
        "[[rule]]\nid='n'\nactions=['power_sleep']\ndecision='ok'\nwhen.time={days=['fri'],from='22:00',to='02:00'}",
    )])
    .unwrap();
    for (at, want) in [
        ("2026-03-06T23:00:00", "ok n"),
        ("2026-03-07T01:59:00", "ok n"),
        ("2026-03-07T02:00:00", "confirm risk.disruptive"),
        ("2026-03-06T01:00:00", "confirm risk.disruptive"),
        ("2026-03-07T22:30:00", "confirm risk.disruptive"),
    ] {
        let staged = Staged { moment: steward_policy::moment(at).unwrap(), ..Staged::default() };
        assert_eq!(said(&ask_as(&p, "power_sleep", &staged)), want, "{at}");
    }
    assert_eq!(steward_policy::moment("2026-02-29T00:00"), None);
}

#[test]
fn urls_and_paths_match_by_what_they_are_and_not_by_how_they_are_written() {
    let p = policy(&[(
        Vendor,
        "[[rule]]\nid='w'\nactions=['open_url']\ndecision='deny'\nargs.url={host=['example.com','*.example.com']}\n[[rule]]\nid='f'\nactions=['list_files']\ndecision='deny'\nargs.path={under=['~/.ssh','/etc']}",
    )])
    .unwrap();
    for (request, want) in [
        ("open_url https://EXAMPLE.com./x", "deny w"),
        ("open_url https://a.b.example.com/", "deny w"),
        ("open_url https://notexample.com/", "ok risk.reversible"),
        ("open_url https://example.com.evil.org/", "ok risk.reversible"),
        ("list_files /etc/passwd", "deny f"),
        ("list_files /etcetera", "ok risk.observe"),
        ("list_files /home/example/.ssh/id", "deny f"),
        ("list_files /home/other/.ssh", "ok risk.observe"),
    ] {
        assert_eq!(said(&ask(&p, request)), want, "{request}");
    }
}

#[test]
fn a_plan_that_is_too_long_or_empty_is_denied() {
    let p = Policy::builtin(&Actions);
    let many = vec!["x"; steward_policy::MAX_PAIRS + 1].join(",");
    assert_eq!(said(&ask(&p, &format!("package_install {many}"))), "deny policy.too_many");
    assert_eq!(p.decide(&[], &Staged::default()).decision, Decision::Deny);
}

#[test]
fn a_rule_about_a_door_that_says_who_may_answer_is_not_raised_there() {
    let p = policy(&[(
        Vendor,
        "[door.plan]\nmin_assurance='desktop'\n[caller.plan]\ndoor='plan'\n[caller.sam]\nuid=1000\n\
        [[rule]]\nid='own'\nactions=['set_volume']\ndecision={confirm={assurance='requester'}}\nwhen.caller=['plan']\n\
        [[rule]]\nid='silent'\nactions=['volume_mute']\ndecision='confirm'\nwhen.caller=['plan']\n\
        [[rule]]\nid='anybody'\nactions=['volume_unmute']\ndecision={confirm={assurance='requester'}}\n\
        [[rule]]\nid='somebody'\nactions=['session_lock']\ndecision={confirm={assurance='requester'}}\nwhen.caller=['plan','sam']\n\
        [[rule]]\nid='floor'\nactions=['package_install']\nfloor=true\ndecision={confirm={assurance='requester'}}\nwhen.caller=['plan']",
    )])
    .unwrap();
    let at = Staged { door: "plan".into(), ..Staged::default() };
    for (request, want) in [
        ("set_volume 40", Assurance::Requester),
        ("volume_mute", Assurance::Desktop),
        ("volume_unmute", Assurance::Desktop),
        ("session_lock", Assurance::Desktop),
        // The class of harm asks too, and nobody speaks for it.
        ("package_install vim", Assurance::Desktop),
    ] {
        match ask_as(&p, request, &at).decision {
            Decision::Confirm(r) => assert_eq!(r.assurance, want, "{request}"),
            other => panic!("{request}: {other:?}"),
        }
    }
}

#[test]
fn a_dot_is_the_folder_that_the_agent_works_in() {
    let p = policy(&[(
        Vendor,
        "[[rule]]\nid='work'\nactions=['list_files']\ndecision='deny'\nargs.path={not_under=['.', '/tmp']}",
    )])
    .unwrap();
    let none = Staged { folder: "/nowhere/else".into(), ..Staged::default() };
    for (path, here, elsewhere) in [
        ("/srv/work", "ok risk.observe", "deny work"),
        ("/srv/work/a/b", "ok risk.observe", "deny work"),
        ("/srv/workshop", "deny work", "deny work"),
        ("/tmp/x", "ok risk.observe", "ok risk.observe"),
        ("/etc/passwd", "deny work", "deny work"),
    ] {
        let request = format!("list_files {path}");
        assert_eq!(said(&ask(&p, &request)), here, "{path}");
        assert_eq!(said(&ask_as(&p, &request, &none)), elsewhere, "{path}");
    }
}
