//! explain, check and import.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{Actions, Around, UNKNOWN, policy, source};
use steward_policy::Layer::{Admin, User, Vendor};
use steward_policy::{Catalogue, Explanation, Policy, Severity, Staged, import, with_steps};

fn explain(p: &Policy, request: &str) -> Explanation {
    with_steps(&Actions.parse(request).unwrap(), |s| p.explain(s, &Staged::default()))
}

#[test]
fn an_explanation_names_the_place_what_did_not_match_and_the_nearest_change() {
    let p = policy(&[(
        Vendor,
        "[set]\neditors=['vim','nano']\n[[rule]]\nid='ed'\nactions=['package_install']\ndecision='ok'\nwhy='Editors are fine.'\nargs.packages={in='@editors',max_items=2}",
    )])
    .unwrap();
    let e = explain(&p, "package_install vim,docker");
    assert_eq!((e.decision, e.rule.as_str(), e.line), ("confirm", "risk.disruptive", None));
    let text = e.to_string();
    assert!(
        text.contains("ed [ok, 0.toml:5] for `package_install docker`: no match: `docker` is not in @editors."),
        "{text}"
    );
    assert!(text.contains("the rule `ed` would match and the verdict would be `ok`"), "{text}");
    let e = explain(&p, "package_install vim");
    assert_eq!((e.decision, e.file.as_deref(), e.line), ("ok", Some("0.toml"), Some(5)));
    assert!(e.to_string().ends_with("Without the rule `ed` the verdict would be `confirm`.\n"), "{e}");
    assert_eq!(serde_json::to_value(&e).unwrap()["considered"][0]["matched"], true);
}

#[test]
fn rules_that_never_matter_are_an_error_inside_a_layer_and_a_note_across() {
    let wide = "[[rule]]\nid='wide'\nactions=['package_install']\ndecision='deny'\nargs.packages={in=['vim','nano']}\n";
    let narrow = "[[rule]]\nid='narrow'\nactions=['package_install']\ndecision='ok'\nargs.packages={in=['vim']}\n";
    let other = "[[rule]]\nid='other'\nactions=['package_install']\ndecision='ok'\nargs.packages={in=['emacs']}\n";
    let p = policy(&[(Vendor, &format!("{wide}{narrow}{other}"))]).unwrap();
    let found = p.check();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].to_string().contains("the rule `narrow` never matters: `wide` (0.toml:3)"), "{}", found[0]);
    let p = policy(&[(Admin, wide), (Vendor, narrow), (User, other)]).unwrap();
    let found = p.check();
    assert_eq!(found.iter().map(|f| f.severity).collect::<Vec<_>>(), [Severity::Note, Severity::Note], "{found:?}");
}

#[test]
fn rules_that_rest_on_an_executable_are_told_where_it_cannot_be_read() {
    let rule = |id: &str, decision: &str, rest: &str| {
        format!("[[rule]]\nid='{id}'\nactions=['set_volume']\ndecision='{decision}'\n{rest}\n")
    };
    let (kiosk, voice) = ("when.caller=['kiosk']", "when.caller=['voice']");
    let text = [
        "[caller.kiosk]\nuid=[7]\nexe='/usr/bin/kiosk'\n[caller.voice]\nuid=[8]\nsocket='voice'\n".to_owned(),
        rule("allows", "ok", kiosk),
        rule("denies", "deny", kiosk),
        rule("but", "deny", "[[rule.except]]\nwhen.caller=['voice', 'kiosk']"),
        rule("by-socket", "ok", voice),
    ];
    let p = policy(&[(Admin, &text.concat())]).unwrap();
    let found: Vec<String> = p.check_without_exe().iter().map(|f| f.message.replace('`', "")).collect();
    let said = [
        "the rule allows never holds for the caller kiosk:",
        "the rule denies holds whatever the program is for the caller kiosk:",
        "an exception of the rule but never holds for the caller kiosk:",
    ];
    assert_eq!(found.len(), said.len(), "{found:?}");
    assert!(found.iter().zip(said).all(|(f, s)| f.starts_with(s)), "{found:?}");
    // It is as they say.
    let steps = Actions.parse("set_volume 4").unwrap();
    for (id, holds) in [("allows", false), ("denies", true)] {
        let alone = rule(id, if id == "allows" { "ok" } else { "deny" }, kiosk);
        let p = policy(&[(Admin, &format!("{}{alone}[risk]\nreversible='confirm'\n", text[0]))]).unwrap();
        let decided = with_steps(&steps, |s| p.decide(s, &Around { uid: Some(7), pid: Some(4), ..UNKNOWN }));
        assert_eq!(&*decided.rule == id, holds, "{id}: {decided:?}");
    }
}

#[test]
fn a_failing_test_is_found_and_what_is_not_exercised_is_listed() {
    let p = policy(&[(
        Vendor,
        "[caller.voice]\nuid=[7]\n[[rule]]\nid='a'\nactions=['set_volume']\ndecision='deny'\nwhen.caller=['voice']\nargs.percent={max=9}\n[[test]]\nrun='set_volume 4'\nas={caller='voice',at='2026-03-02T09:00:00'}\nexpect={decision='ok'}",
    )])
    .unwrap();
    assert_eq!(p.check()[0].to_string(), "0.toml:11: the test `set_volume 4` fails: expected `ok`, got `deny` by `a`");
    let c = p.coverage();
    assert_eq!((c.rules_exercised, c.predicates, c.predicates_exercised), (1, 2, 0));
    assert!(c.missing.iter().any(|m| m.contains("`when.caller` never fails")), "{:?}", c.missing);
}

#[test]
fn an_imported_policy_means_what_it_meant() {
    let json = r#"{"version":1,"mode":"x","constraints":{
        "require_confirmation_for":["package_install","power_reboot","delete_files"],
        "deny_actions":["rm -rf /","power_sleep"],
        "package_install_deny":["bad*pkg","dd if=/dev/zero"],"package_install_confirm":["docker"],
        "open_url_allowed_domains":["google.com","co.uk"],"open_app_allowed":["firefox"],
        "list_files_allowed_prefixes":["/home","/tmp"],
        "rate_limit_per_minute_default":120,"rate_limit_per_minute_overrides":{"open_app":2,"remember":0,"ping":240},
        "other":1}}"#;
    let text = import(json).unwrap();
    let p = Policy::load(vec![source(Admin, "i.toml", &text)], &Actions).unwrap_or_else(|e| panic!("{}\n{text}", e[0]));
    assert_eq!(p.check(), [], "{text}");
    let said = |request: &str, released| {
        let steps = Actions.parse(request).unwrap();
        let staged = Staged { released, ..Staged::default() };
        with_steps(&steps, |s| p.decide(s, &staged)).decision.name()
    };
    for (request, want) in [
        ("package_install vim", "confirm"),
        ("package_install docker", "confirm"),
        ("package_install bad*pkg", "deny"),
        ("package_install badxpkg", "confirm"),
        ("power_sleep", "deny"),
        ("power_reboot", "confirm"),
        ("power_shutdown", "ok"),
        ("open_url https://mail.google.com/", "ok"),
        ("open_url https://google.com/", "ok"),
        ("open_url https://evil.com/", "deny"),
        ("open_app firefox", "ok"),
        ("open_app Firefox", "deny"),
        ("list_files /home/x", "ok"),
        ("list_files /homes", "deny"),
    ] {
        assert_eq!(said(request, 0), want, "{request}\n{text}");
    }
    assert_eq!(
        (said("open_app firefox", 2), said("remember x", 999), said("set_volume 4", 120)),
        ("deny", "ok", "deny")
    );
    for comment in [
        "`delete_files` is not an action here",
        "`ping` is subject to no rule here",
        "the constraint `other` is not known",
    ] {
        assert!(text.contains(comment), "{text}");
    }
    assert!(import("{}").is_err() && import("[").is_err());
    assert!(import(r#"{"constraints":{}}"#).is_ok());
}
