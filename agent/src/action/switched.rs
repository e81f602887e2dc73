//! What is said and shown of a thing that is on or off.

use steward_ipc::{Effect, Fact, Preview};

use super::Shown;

fn word(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// The answer when it was switched.
pub(super) fn done(thing: &str, on: bool) -> String {
    format!("{thing} is {} now.", word(on))
}

/// The answer when there is nothing to switch.
pub(super) fn already(thing: &str, on: bool) -> String {
    format!("{thing} is already {}.", word(on))
}

/// The preview: bound to what it will be, with what it is as a fact.
pub(super) fn shown(thing: &str, on: bool, now: bool) -> Shown {
    let effect = Effect {
        verb: "switch".to_owned(),
        object: thing.to_owned(),
        to: Some(word(on).to_owned()),
        ..Effect::default()
    };
    Shown {
        preview: Preview {
            summary: format!("Switch {thing} {}", word(on)),
            effects: vec![effect],
            facts: vec![Fact { name: "now".to_owned(), value: word(now).to_owned() }],
            requester_text: None,
        },
        already: (on == now).then(|| already(thing, on)),
        ..Shown::default()
    }
}
