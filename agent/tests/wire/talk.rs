//! What is said on a connection after something was asked there: "and vim too", "yes", "no".

use serde_json::{Value, json};

use crate::support::{DESKTOP, World, desktop_and, id_of, line_on};

/// Packages are installed without a question.
const FREELY: &str = "version = 1\n[risk]\nobserve = \"ok\"\nlow = \"ok\"\nreversible = \"ok\"\ndisruptive = \"ok\"\n";

/// Says a sentence on a connection.
macro_rules! say {
    ($client:expr, $text:expr) => {
        line_on(&mut $client, &json!({ "name": "natural_language", "payload": $text }).to_string())
    };
}

fn code(answer: &Value) -> &str {
    answer["code"].as_str().or(answer["status"].as_str()).expect("a code or a status")
}

#[test]
fn a_yes_in_words_releases_the_one_request_of_this_connection() {
    let world = World::new(DESKTOP);
    let mut client = world.connect();
    assert_eq!(code(&say!(client, "yes")), "not_understood", "there is nothing to say yes to");
    let id = id_of(&say!(client, "install cowsay"));
    assert_eq!(code(&say!(world.connect(), "yes")), "not_understood", "another connection asked for nothing");
    let shown = line_on(&mut client, &json!({ "name": "explain", "payload": "yes" }).to_string());
    assert_eq!((&shown["data"]["action"], &shown["data"]["payload"]), (&json!("confirm"), &json!(id)), "{shown}");
    let done = say!(client, "yes, please");
    assert_eq!((code(&done), &done["action"]), ("ok", &json!("package_install")), "{done}");
    assert_eq!(world.archive.started(), 1);
    assert_eq!(code(&say!(client, "yes")), "not_understood", "once is once");
}

#[test]
fn a_yes_in_words_is_for_what_is_young_mild_alone_and_the_requesters_own() {
    let late = World::new(DESKTOP);
    let mut client = late.connect();
    id_of(&say!(client, "install cowsay"));
    late.turn_seconds(60);
    assert_eq!(say!(client, "yes")["data"]["reason"], "yes_needs_id", "too late");

    let two = World::new(DESKTOP);
    let mut client = two.connect();
    id_of(&say!(client, "install cowsay"));
    id_of(&say!(client, "install vim"));
    for text in ["yes", "no"] {
        assert_eq!(code(&say!(client, text)), "not_understood", "which of the two?");
    }

    let harm = World::new(DESKTOP);
    let mut client = harm.connect();
    id_of(&say!(client, "uninstall perl"));
    assert_eq!(say!(client, "yes")["data"]["reason"], "yes_needs_id", "too harmful");

    let at_the_desk = "[door.ndjson]\nmin_assurance = \"desktop\"\n";
    let desk = World::new(&desktop_and(at_the_desk));
    let mut client = desk.connect();
    id_of(&say!(client, "install cowsay"));
    assert_eq!(say!(client, "yes")["data"]["reason"], "yes_needs_id", "somebody at the desk answers");
    for world in [late, two, harm, desk] {
        assert_eq!(world.archive.started(), 0);
    }
}

#[test]
fn a_no_in_words_withdraws_the_one_request_of_this_connection() {
    let world = World::new(DESKTOP);
    let mut client = world.connect();
    let id = id_of(&say!(client, "install cowsay"));
    let withdrawn = say!(client, "no thanks");
    assert_eq!((code(&withdrawn), &withdrawn["action"]), ("ok", &json!("cancel")), "{withdrawn}");
    assert_eq!(world.ask("result", &id)["data"]["state"], "cancelled");
}

#[test]
fn the_same_with_something_else_is_a_named_action_too() {
    let world = World::new(FREELY);
    let mut client = world.connect();
    assert_eq!(code(&say!(client, "and vim too")), "not_understood");
    assert_eq!(code(&say!(client, "install cowsay")), "ok");
    let more = say!(client, "and vim too");
    assert_eq!((code(&more), &more["action"]), ("ok", &json!("package_install")), "{more}");
    assert_eq!(world.archive.started(), 2);
    assert_eq!(code(&say!(world.connect(), "and vim too")), "not_understood", "it was another connection");
}
