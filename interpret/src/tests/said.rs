//! What many speakers said: sets of orders and of sentences that are none, each but the last written without a look at the tables
//! and scored before anything was mended (docs/performance.md has those figures). `cargo run -p steward-agent --example score -- FILE`
//! shows them one by one.

use serde::Deserialize;

use super::super::Reading;
use super::{HOME, read};

/// Sets of sentences, in the format of the example `score`.
const SETS: &[(&str, &str)] = &[
    ("first", include_str!("said/first.jsonl")),
    ("second", include_str!("said/second.jsonl")),
    ("third", include_str!("said/third.jsonl")),
    ("fourth", include_str!("said/fourth.jsonl")),
    ("fifth", include_str!("said/fifth.jsonl")),
    ("sixth", include_str!("said/sixth.jsonl")),
    ("seventh", include_str!("said/seventh.jsonl")),
    ("ninth", include_str!("said/ninth.jsonl")),
    ("tenth", include_str!("said/tenth.jsonl")),
    ("own", include_str!("said/own.jsonl")),
];

/// The least share of the orders of a set that must be read with their action and payload. The rest are sayings that would cost
/// more doubt elsewhere than they are worth; none of them may be read as something else.
const LEAST_RIGHT: f64 = 0.93;

#[derive(Deserialize)]
struct Said {
    text: String,
    action: String,
    payload: Option<String>,
    #[serde(default)]
    alt: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    action: String,
    payload: Option<String>,
}

fn sets() -> impl Iterator<Item = (&'static str, Vec<Said>)> {
    SETS.iter().map(|(name, lines)| {
        let said = lines.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{name}: {e}: {l}")));
        (*name, said.collect())
    })
}

#[test]
fn nothing_fires_on_what_many_speakers_say_that_is_no_order() {
    let mut fired = Vec::new();
    for (set, said) in sets() {
        for said in said.iter().filter(|s| s.action == "none") {
            if let Reading::Order(order) = read(&said.text) {
                fired.push(format!("{set}: {:?} was {} {:?}", said.text, order.action, order.payload));
            }
        }
    }
    assert!(fired.is_empty(), "{}", fired.join("\n"));
}

#[test]
fn nearly_all_orders_of_many_speakers_are_read_and_none_as_another_action() {
    for (set, said) in sets() {
        let orders: Vec<&Said> = said.iter().filter(|s| s.action != "none").collect();
        let mut right = 0;
        for said in &orders {
            let Reading::Order(order) = read(&said.text) else { continue };
            let first = Answer { action: said.action.clone(), payload: said.payload.clone() };
            let mut answers = std::iter::once(&first).chain(&said.alt).filter(|a| a.action == order.action).peekable();
            assert!(answers.peek().is_some(), "{set}: {:?} was {}", said.text, order.action);
            right += usize::from(answers.any(|a| same(&a.action, a.payload.as_deref(), order.payload.as_deref())));
        }
        let share = right as f64 / orders.len() as f64;
        assert!(share >= LEAST_RIGHT, "{set}: {right} of {}", orders.len());
    }
}

/// By the conventions of the files: the default is the same as none, and the scheme of a URL and `www.` do not count.
fn same(action: &str, expected: Option<&str>, got: Option<&str>) -> bool {
    let expected = expected.map(|e| e.replace("__HOME__", HOME));
    let bare = |u: &str| {
        let u = u.strip_prefix("https://").or_else(|| u.strip_prefix("http://")).unwrap_or(u);
        u.strip_prefix("www.").unwrap_or(u).trim_end_matches('/').to_owned()
    };
    match action {
        "system_update" => true,
        "read_context" => expected.as_deref().unwrap_or("default") == got.unwrap_or("default"),
        "open_url" => expected.as_deref().map(bare) == got.map(bare),
        _ => expected.as_deref() == got,
    }
}
