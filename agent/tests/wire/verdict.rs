//! What the policy says, as a client hears it: rates, sentences, explanations, and rules that change meanwhile.

use std::sync::Barrier;

use serde_json::json;
use steward_agent::backend::package::mock::Pause;

use crate::gate::{code, state};
use crate::support::{DESKTOP, World, as_uid, desktop_and, eventually, id_of, line_on, open_to_all};

#[test]
fn a_rate_counts_what_was_released_and_says_when_to_come_back() {
    let rule = "[[rule]]\nid = \"seldom\"\nactions = [\"remember\"]\ndecision = \"ok\"\nlimit = { rate = \"3/1h\", per = \"uid\", over = \"deny\" }\n";
    let world = World::new(&desktop_and(rule));
    for n in 0..3 {
        drop(world.ask("explain", &format!("remember that {n}")));
        assert_eq!(code(&world.ask("remember", &format!("{n}"))), "ok");
        assert_eq!(code(&world.ask("remember", "")), "invalid_payload", "what does not work does not count");
    }
    let over = world.ask("remember", "one more");
    assert_eq!((&over["status"], code(&over)), (&json!("deny"), "rate_limited"), "{over}");
    assert!(over["data"]["retry_after"].as_u64().is_some_and(|s| (3500..=3600).contains(&s)), "{over}");
    world.turn_seconds(3601);
    assert_eq!(code(&world.ask("remember", "one more")), "ok");
}

#[test]
fn rules_for_sentences_join_those_for_what_they_mean() {
    let rule = "[[rule]]\nid = \"said\"\nactions = [\"natural_language\"]\ndecision = \"confirm\"\n";
    let world = World::new(&desktop_and(rule));
    assert_eq!(code(&world.ask("remember", "x")), "ok");
    let said = world.ask("natural_language", "remember that x");
    assert_eq!((&said["action"], code(&said)), (&json!("remember"), "confirm"), "{said}");
    assert_eq!(code(&world.ask("confirm", &id_of(&said))), "ok");
    let world = World::new(&desktop_and(&rule.replace("\"confirm\"", "\"deny\"")));
    assert_eq!(code(&world.ask("natural_language", "remember that x")), "denied");
    assert_eq!(code(&world.ask("remember", "x")), "ok");
}

#[test]
fn explaining_runs_nothing_and_changes_nothing() {
    let world = World::new(DESKTOP);
    let id = world.hold("package_install", "cowsay");
    let before = world.line(r#"{"name":"pending_list"}"#);
    for request in [
        json!({ "name": "confirm", "payload": id }),
        json!({ "name": "cancel", "payload": id }),
        json!({ "name": "reject", "payload": id }),
        json!({ "name": "package_install", "payload": "vim" }),
        json!({ "name": "remember", "payload": "x" }),
        json!({ "name": "natural_language", "payload": "remember that x" }),
        json!({ "name": "explain", "payload": "remember that x" }),
    ] {
        let answer = world.call("explain", json!({ "request": request, "preview": true }));
        assert_eq!((code(&answer), &answer["action"]), ("ok", &json!("explain")), "{answer}");
        assert!(answer["data"]["decision"].is_string(), "{answer}");
    }
    assert_eq!(code(&world.ask("explain", "the weather is nice")), "not_understood");
    assert_eq!(world.line(r#"{"name":"pending_list"}"#)["data"], before["data"]);
    assert_eq!(world.line(r#"{"name":"read_context"}"#)["data"]["total"], 0);
    assert_eq!(world.archive.started(), 0);
}

#[test]
fn a_caller_that_may_not_read_the_policy_is_not_told_its_rules() {
    let Some(world) = open_to_all(&desktop_and(
        "[[rule]]\nid = \"secret-rule\"\nactions = [\"remember\"]\ndecision = \"deny\"\nwhy = \"no\"\n",
    )) else {
        return;
    };
    let lines = [
        json!({ "name": "remember", "payload": "x" }),
        json!({ "name": "explain", "payload": "{\"name\":\"remember\",\"payload\":\"x\"}" }),
    ];
    let theirs = as_uid(&world, 61_001, &lines);
    assert_eq!((&theirs[0]["policy"]["why"], theirs[0]["policy"].get("rule")), (&json!("no"), None), "{}", theirs[0]);
    assert!(theirs.iter().all(|a| !a.to_string().contains("secret-rule")), "{theirs:?}");
    assert_eq!(world.ask("remember", "x")["policy"]["rule"], "secret-rule");
}

#[test]
fn a_rate_holds_against_many_requests_at_once() {
    let rule = "[[rule]]\nid = \"seldom\"\nactions = [\"remember\"]\ndecision = \"ok\"\nlimit = { rate = \"5/1h\", per = \"uid\", over = \"deny\" }\n";
    for _ in 0..10 {
        let world = World::new(&desktop_and(rule));
        let barrier = Barrier::new(16);
        let released: usize = std::thread::scope(|scope| {
            let one = || {
                let mut client = world.connect();
                barrier.wait();
                (0..4).filter(|_| code(&line_on(&mut client, r#"{"name":"remember","payload":"x"}"#)) == "ok").count()
            };
            let running: Vec<_> = (0..16).map(|_| scope.spawn(one)).collect();
            running.into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert_eq!(released, 5);
    }
}

#[test]
fn a_policy_that_came_while_the_preview_was_made_is_the_one_that_counts() {
    let denies = desktop_and("[[rule]]\nid = \"late\"\nactions = [\"package_install\"]\ndecision = \"deny\"\n");
    // While it is asked for.
    let world = World::new(DESKTOP);
    world.archive.pause(Some(Pause::Simulation));
    std::thread::scope(|scope| {
        let asks = scope.spawn(|| world.ask("package_install", "cowsay"));
        eventually(|| world.archive.waiting() == 1);
        world.reload(&denies).unwrap();
        world.archive.pause(None);
        assert_eq!(asks.join().unwrap()["policy"]["rule"], "late");
    });
    // While it is released.
    world.reload(DESKTOP).unwrap();
    let id = world.hold("package_install", "cowsay");
    world.archive.pause(Some(Pause::Simulation));
    std::thread::scope(|scope| {
        let yes = scope.spawn(|| world.ask("confirm", &id));
        eventually(|| world.archive.waiting() == 1);
        world.reload(&denies).unwrap();
        world.archive.pause(None);
        assert_eq!(code(&yes.join().unwrap()), "denied");
    });
    assert_eq!(state(&world, &id), "invalidated");
    assert_eq!(world.archive.started(), 0);
}
