//! Languages beside English, each by what its folder says.

use super::super::{Context, Interpreter, Reading, lang, notation};
use super::{HOME, interpreter};

const SAID: &[(&str, &str)] = &[
    ("de", include_str!("../lang/de/said.jsonl")),
    ("es", include_str!("../lang/es/said.jsonl")),
    ("fr", include_str!("../lang/fr/said.jsonl")),
];

/// The actions that every language has.
const MOST_USED: usize = 20;

fn also(code: &str) -> Interpreter {
    let english = Interpreter::new(&super::phrases()).expect("the tables can be read");
    english.and_languages([code]).expect("the language can be read")
}

fn rows(lines: &str) -> impl Iterator<Item = (String, String, Option<String>)> {
    lines.lines().map(|l| {
        let row: serde_json::Value = serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"));
        let text = |key: &str| row[key].as_str().map(str::to_owned);
        (text("text").unwrap(), text("action").unwrap(), text("payload"))
    })
}

#[test]
fn a_language_that_is_loaded_is_understood_and_its_non_orders_do_nothing() {
    assert!(SAID.iter().map(|s| s.0).eq(lang::codes()));
    let cx = Context { home: Some(HOME), ..Default::default() };
    for (code, lines) in SAID {
        let speaker = also(code);
        let mut wrong = Vec::new();
        for (text, action, payload) in rows(lines) {
            let read = speaker.read(&text, &cx);
            let right = match &read {
                Reading::Order(o) => o.action == action && o.payload == payload,
                _ => action == "none",
            };
            if !right {
                wrong.push(format!("{text:?} expected {action} {payload:?}, was {read:?}"));
            }
        }
        assert!(wrong.is_empty(), "{code}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn a_sentence_in_a_language_that_is_not_loaded_never_fires() {
    let cx = Context { home: Some(HOME), ..Default::default() };
    // Words that are the same in English are an order in both: "volume 50%".
    let the_same = |text: &str| text.to_lowercase().starts_with("volume");
    for (code, lines) in SAID {
        let other = lang::codes().find(|c| c != code).expect("there are several");
        let other = also(other);
        for (text, ..) in rows(lines).filter(|r| !the_same(&r.0)) {
            for speaker in [interpreter(), &other] {
                let read = speaker.read(&text, &cx);
                // Two neighbours may share a sentence ("installe htop" is a slip of "instale htop"); English shares none.
                assert!(!matches!(read, Reading::Order(_)), "{code}: {text:?} was {read:?}");
            }
        }
    }
}

#[test]
fn each_language_has_the_actions_that_are_used_most_and_each_template_reads_as_its_own() {
    let cx = Context { home: Some(HOME), ..Default::default() };
    let mut wrong = Vec::new();
    for code in lang::codes() {
        let language = lang::Language::named(code).expect("it is there").expect("it can be read");
        let known = |action: &str| steward_agent::action::CATALOGUE.iter().any(|e| e.name == action);
        assert!(language.sets.iter().all(|(action, _)| known(action)), "{code}");
        assert_eq!(language.sets.len(), MOST_USED, "{code}");
        let speaker = also(code);
        let fragments = notation::Fragments::read(language.fragments.iter().copied()).expect("checked when loaded");
        for (action, templates) in &language.sets {
            for source in templates {
                let said = notation::Template::parse(source, &fragments).expect("checked when loaded").said;
                for text in (0..40).map(|n| notation::sample(&said, n)) {
                    // An English value of a slot ("twenty") belongs to no sentence of another language.
                    let english = ["twenty", "thirty", "fifteen", "max", "half", " and ", "the ", "percent"];
                    if source.contains('{') && english.iter().any(|w| text.contains(w)) {
                        continue;
                    }
                    let read = speaker.read(&text, &cx);
                    let right = matches!(&read, Reading::Order(o) if o.action == *action);
                    if !right {
                        wrong.push(format!("{code} [{action}] `{source}`: {text:?} was {read:?}"));
                        break;
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_language_of_a_locale_is_its_first_part() {
    for (locale, code) in [
        ("de_AT.UTF-8", Some("de")),
        ("fr", Some("fr")),
        ("es-419", Some("es")),
        ("en_GB.UTF-8", None),
        ("C", None),
        ("", None),
    ] {
        assert_eq!(lang::of_locale(locale), code, "{locale}");
    }
}
