//! The whole catalogue, and the document that is made from it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::*;
use steward_interpret::{Interpreter, Reading};

/// Names of the protocol's document, or of questions about Steward itself, that are no noun and verb.
const OTHER_NAMES: [&str; 12] = [
    "exec",
    "observe",
    "ping",
    "confirm",
    "reject",
    "cancel",
    "result",
    "explain",
    "subscribe",
    "remember",
    "forget",
    "undo",
];

fn read_again(action: &Action, payload: Option<&str>, args: Option<Map<String, Value>>) -> Action {
    match read(action.name(), payload, args).unwrap_or_else(|e| panic!("{}: {e}", action.name())) {
        Ask::Do(action) => action,
        Ask::Meta(meta) => panic!("{} became {}", action.name(), meta.name()),
    }
}

#[test]
fn names_are_unique_and_a_noun_with_a_verb_or_a_word_of_the_protocol() {
    let names: BTreeSet<&str> = CATALOGUE.iter().map(|e| e.name).collect();
    assert_eq!(names.len(), CATALOGUE.len());
    for name in names {
        let simple =
            name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && !name.starts_with('_') && !name.ends_with('_');
        assert!(simple && (name.contains('_') || OTHER_NAMES.contains(&name)), "{name}");
    }
    assert_eq!(names_of(&super::names()[..17]), FIRST_NAMES);
    assert_eq!(super::names().len(), CATALOGUE.len());
}

fn names_of(names: &[Cow<'static, str>]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn every_action_has_two_examples_and_a_summary_in_a_sentence() {
    for entry in CATALOGUE {
        assert!(entry.examples.len() >= 2, "{}", entry.name);
        let summary = entry.summary();
        let sentence = summary.ends_with('.') && summary.starts_with(char::is_uppercase) && !summary.contains('\n');
        assert!(sentence && (8..=200).contains(&summary.len()), "{}: {summary}", entry.name);
        assert!(entry.risk_possible >= entry.risk, "{}", entry.name);
    }
}

#[test]
fn every_example_is_read_and_comes_back_the_same() {
    for entry in CATALOGUE {
        for example in entry.examples {
            let ask = entry
                .parse(example.payload, None)
                .unwrap_or_else(|e| panic!("{} {:?}: {e}", entry.name, example.payload));
            let Ask::Do(action) = ask else { continue };
            assert_eq!(action.name(), entry.name);
            let args = action.args();
            let object = args.as_object().expect("arguments are an object").clone();
            assert_eq!(read_again(&action, None, Some(object)).args(), args, "{}", entry.name);
            let payload = action.payload();
            assert_eq!(read_again(&action, payload.as_deref(), None).args(), args, "{} {payload:?}", entry.name);
            assert!(!action.sentence().is_empty() && !action.sentence().ends_with('.'), "{}", action.sentence());
            assert_eq!((action.risk(), action.need()), (entry.risk, entry.need));
        }
    }
}

#[test]
fn every_example_that_can_be_said_means_exactly_its_action() {
    let interpreter = Interpreter::new(&phrases()).expect("the shipped templates");
    let cx = steward_interpret::Context { home: Some("/home/sam"), ..Default::default() };
    for entry in CATALOGUE {
        for example in entry.examples {
            let Some(say) = example.say else { continue };
            match interpreter.read(say, &cx) {
                Reading::Order(order) => {
                    assert_eq!(order.action, entry.name, "{say}");
                    // Compared as read: the interpreter leaves it to the action to spell an address.
                    let args = |payload: Option<&str>| match entry.parse(payload, None) {
                        Ok(Ask::Do(action)) => action.args(),
                        Ok(Ask::Meta(meta)) => json!(meta.name()),
                        Err(e) => panic!("{say}: {e}"),
                    };
                    assert_eq!(args(order.payload.as_deref()), args(example.payload), "{say}");
                }
                other => panic!("{say}: {other:?}"),
            }
        }
    }
}

#[test]
fn every_schema_describes_its_arguments() {
    for entry in CATALOGUE {
        let schema = (entry.schema)();
        assert_eq!(
            (&schema["type"], &schema["additionalProperties"]),
            (&json!("object"), &json!(false)),
            "{}",
            entry.name
        );
        let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        for (name, _) in entry.args {
            // The program of a command is the first of its words, as it was named.
            let first_word = (entry.name, *name) == ("exec", "program");
            assert!(first_word || properties.contains_key(*name), "{}: rules see `{name}`", entry.name);
        }
        for (name, property) in &properties {
            let described = property["description"].as_str().is_some_and(|d| d.ends_with('.'));
            assert!(described, "{}: `{name}` has no description: {property}", entry.name);
        }
        for example in entry.examples {
            if let Ok(Ask::Do(action)) = entry.parse(example.payload, None) {
                for key in action.args().as_object().expect("an object").keys() {
                    assert!(properties.contains_key(key), "{}: {key}", entry.name);
                }
            }
        }
    }
}

#[test]
fn unknown_arguments_are_refused_everywhere() {
    for entry in CATALOGUE {
        let args = Map::from_iter([("no such argument".to_owned(), json!(1))]);
        let Err(failure) = entry.parse(None, Some(args)) else { panic!("{}", entry.name) };
        assert_eq!(failure.code, Code::InvalidPayload, "{}", entry.name);
    }
}

#[test]
fn a_payload_that_means_nothing_is_refused_and_never_a_panic() {
    for entry in CATALOGUE {
        for payload in ["", " ", "\0", "-", "--", "\u{202e}", "x".repeat(100_000).as_str(), "{}", "[]", "null", "🦀"]
        {
            if let Err(failure) = entry.parse(Some(payload), None) {
                assert_eq!(failure.code, Code::InvalidPayload, "{} {payload:?}", entry.name);
            }
        }
    }
}

#[test]
fn near_names_are_near() {
    for (wrong, right) in [
        ("pign", "ping"),
        ("package_instal", "package_install"),
        ("PACKAGE_REMOVE", "package_remove"),
        ("setvolume", "set_volume"),
    ] {
        assert_eq!(near(wrong).first(), Some(&right));
    }
    assert!(near("frobnicate_the_widget").is_empty());
}

/// docs/actions.md as the catalogue makes it.
fn document() -> String {
    let mut out = String::from(
        "# Actions\n\n<!-- Made from agent/src/action by its tests; `UPDATE_DOCS=1 cargo test -p steward-agent --lib action::` writes it anew. -->\n\n\
         Everything that the agent can do, in the order of `get_capabilities` with `args.details`. An action is asked for by its name, with its\n\
         arguments as an object in `args` or, where there is one, in the string form in `payload` (docs/ipc.md). *Risk* is what the policy goes\n\
         by where no rule matches (docs/policy.md); facts may raise it to the second value. *Undo* says how `undo` puts it back.\n\n\
         | action | risk | needs | undo |\n|---|---|---|---|\n",
    );
    let risk = |e: &Entry| match e.risk == e.risk_possible {
        true => e.risk.to_string(),
        false => format!("{} to {}", e.risk, e.risk_possible),
    };
    for entry in CATALOGUE {
        let needs = if entry.need == Need::Nothing { "–" } else { entry.need.words() };
        let _ = writeln!(out, "| [`{0}`](#{0}) | {1} | {needs} | {2} |", entry.name, risk(entry), entry.undo);
    }
    for entry in CATALOGUE {
        let _ = write!(out, "\n## {}\n\n{}\n", entry.name, entry.summary());
        if entry.meta {
            out.push_str("It is about Steward itself: subject to who owns what, not to rules.\n");
        }
        let schema = (entry.schema)();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut properties: Vec<_> = schema["properties"].as_object().into_iter().flatten().collect();
        properties.sort_by_key(|(name, _)| (!required.contains(&name.as_str()), name.as_str()));
        if !properties.is_empty() {
            out.push_str("\n| argument | type | |\n|---|---|---|\n");
        }
        for (name, property) in properties {
            let text = property["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
            let optional = if required.contains(&name.as_str()) { "" } else { " *Optional.*" };
            let _ = writeln!(out, "| `{name}` | {} | {text}{optional} |", kind(&schema, property));
        }
        out.push_str("\n```json\n");
        for example in entry.examples.iter().filter(|e| e.say.is_none()).chain(entry.examples.iter().take(1)).take(1) {
            let request = steward_ipc::Request::new(entry.name, example.payload);
            let _ = writeln!(out, "{}", serde_json::to_string(&request).expect("a request"));
        }
        out.push_str("```\n");
        let said: Vec<String> = entry.examples.iter().filter_map(|e| e.say).map(|s| format!("“{s}”")).collect();
        if !said.is_empty() {
            let _ = writeln!(out, "\nIn words: {}.", said.join(", "));
        }
    }
    out
}

/// A type as people read it.
fn kind(schema: &Value, property: &Value) -> String {
    let name = |value: &Value| value.as_str().unwrap_or("any value").to_owned();
    if let Some(reference) = property["$ref"].as_str().or_else(|| property["allOf"][0]["$ref"].as_str()) {
        let target = reference.rsplit('/').next().unwrap_or_default();
        return kind(schema, &schema["$defs"][target]);
    }
    if let Some(any) = property["anyOf"].as_array() {
        return any.iter().filter(|p| p["type"] != "null").map(|p| kind(schema, p)).collect::<Vec<_>>().join(" or ");
    }
    if let Some(words) = property["enum"].as_array().or_else(|| property["oneOf"].as_array()) {
        let word = |w: &Value| format!("`{}`", w.as_str().or_else(|| w["const"].as_str()).unwrap_or_default());
        return words.iter().map(word).collect::<Vec<_>>().join(", ");
    }
    let mut text = match &property["type"] {
        Value::Array(types) => types.iter().filter(|t| **t != "null").map(name).collect::<Vec<_>>().join(" or "),
        one => name(one),
    };
    if text == "array" {
        text = format!("list of {}s", kind(schema, &property["items"]));
    }
    let bound = |key: &str| property[key].as_i64();
    match (bound("minimum"), bound("maximum")) {
        (Some(min), Some(max)) if max < 100_000 => text = format!("{text}, {min} to {max}"),
        _ => {}
    }
    text
}

#[test]
fn the_document_of_the_actions_is_up_to_date() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/actions.md");
    let wanted = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).expect("docs can be written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == wanted,
        "docs/actions.md is stale; run `UPDATE_DOCS=1 cargo test -p steward-agent --lib action::`"
    );
}
