//! What holds for every template and for any text.

use proptest::prelude::*;

use super::super::automaton::STEPS;
use super::super::{Interpreter, PhraseSet};
use super::super::{MAX_NOTE_BYTES, MAX_ORDER_BYTES, Nothing, Reading, english, notation, refuse::Reason};
use super::{interpreter, read};

/// Samples of each template.
const SAMPLES: u64 = 120;

struct Phrase {
    action: &'static str,
    source: &'static str,
    said: notation::Node,
}

fn phrases() -> Vec<Phrase> {
    let fragments = notation::Fragments::read(english::fragments()).unwrap();
    let read =
        |(action, source)| Phrase { action, source, said: notation::Template::parse(source, &fragments).unwrap().said };
    interpreter().templates().map(read).collect()
}

#[test]
fn each_sample_of_a_template_is_read_as_its_action_and_as_no_other() {
    let mut failures = Vec::new();
    for phrase in phrases() {
        let wrong = (0..SAMPLES).find_map(|n| {
            let text = notation::sample(&phrase.said, n);
            match read(&text) {
                Reading::Order(order) if order.action == phrase.action => None,
                other => Some(format!("{} `{}`\n    {text:?} was {other:?}", phrase.action, phrase.source)),
            }
        });
        failures.extend(wrong);
    }
    assert!(failures.is_empty(), "{} templates:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_sample_in_capitals_and_with_politeness_is_the_same_order() {
    for phrase in phrases().into_iter().filter(|p| p.action != "remember") {
        let text = notation::plainest(&phrase.said);
        let polite = format!("Hey Steward, could you please {text}, thanks!");
        match (read(&text), read(&polite)) {
            (Reading::Order(a), Reading::Order(b)) => {
                assert_eq!((a.action, a.payload), (b.action, b.payload), "{polite}")
            }
            other => panic!("{polite}: {other:?}"),
        }
    }
}

#[test]
fn a_negated_sample_is_no_order() {
    for phrase in phrases().into_iter().filter(|p| p.action != "remember") {
        for negation in ["don't", "do not", "never", "please don't", "you must not"] {
            let text = format!("{negation} {}", notation::plainest(&phrase.said));
            // "Don't forget that …" is how a note begins.
            let fine = match read(&text) {
                Reading::Nothing(_) => true,
                Reading::Order(order) => phrase.action == "forget" && order.action == "remember",
                Reading::Ambiguous(_) => false,
            };
            assert!(fine, "{text}: {:?}", read(&text));
        }
    }
}

#[test]
fn a_sample_for_another_time_or_under_a_condition_is_no_order() {
    for phrase in phrases().into_iter().filter(|p| !["remember", "open_url"].contains(&p.action)) {
        for when in ["tomorrow", "at midnight", "when I leave", "if it rains", "in ten minutes"] {
            let text = format!("{} {when}", notation::plainest(&phrase.said));
            if phrase.source.contains("{words}") || text.starts_with("what") {
                continue;
            }
            assert!(!matches!(read(&text), Reading::Order(_)), "{text}: {:?}", read(&text));
        }
    }
}

#[test]
fn an_installed_app_is_known_by_what_it_calls_itself() {
    let read =
        |text: &str, installed: &[String]| interpreter().read(text, &super::super::Context { home: None, installed });
    let installed = ["mines".to_owned()];
    for (text, name) in [("open mines", "mines"), ("Open Mines please", "mines")] {
        assert!(!matches!(read(text, &[]), Reading::Order(_)), "{text}: an everyday word");
        let Reading::Order(order) = read(text, &installed) else { panic!("{text}") };
        assert_eq!((order.action, order.payload.as_deref()), ("open_app", Some(name)));
    }
}

#[test]
fn a_note_keeps_its_letters_and_marks() {
    for note in [
        "never restart the NAS on Sundays",
        "\"quoted\" words; and $HOME && more",
        "Zoë's café opens at 8:30 — ask for Łukasz!",
        "don't say no",
    ] {
        let Reading::Order(order) = read(&format!("Remember that {note}")) else { panic!("{note}") };
        assert_eq!((order.action, order.payload.as_deref()), ("remember", Some(note)));
    }
}

#[test]
fn a_long_text_is_a_note_or_nothing() {
    let words = "word ".repeat(MAX_ORDER_BYTES / 4);
    assert!(matches!(read(&words), Reading::Nothing(Nothing { reason: Reason::TooLong, .. })));
    let Reading::Order(order) = read(&format!("remember that {words}")) else { panic!() };
    assert_eq!(order.payload.as_deref(), Some(words.trim()));
    let huge = format!("remember that {}", "x".repeat(MAX_NOTE_BYTES));
    assert!(matches!(read(&huge), Reading::Nothing(Nothing { reason: Reason::TooLong, .. })));
}

/// Steps that reading takes for each word of a text, whatever the text is.
const STEPS_A_WORD: u32 = 200;

#[test]
fn the_work_for_a_text_is_bounded_by_its_length() {
    let steps = |text: &str| {
        STEPS.set(0);
        let _ = read(text);
        STEPS.get()
    };
    let mut most = 0;
    for unit in [
        "please ",
        "and ",
        "turn ",
        "the ",
        "a bit ",
        "it's too loud, ",
        "volume up ",
        "turn the volume up and install vim then mute ",
        "can you please just ",
        "show me my notes about ",
        "install vim, ",
        "open the ",
        "could you maybe turn down the volume a little bit more please thanks, ",
        "i need it, because i am tired so ",
        "what do you know about the ",
        "set the volume to forty five percent or to half of it, ",
        "don't ",
        "tell me if ",
        "um uh um ",
        "reboot ",
    ] {
        for words in [8, 24, 48, 72, 96, 200] {
            let repeat = words / unit.split_ascii_whitespace().count().max(1) + 1;
            let text = unit.repeat(repeat);
            let (took, length) = (steps(&text), text.split_ascii_whitespace().count() as u32);
            most = most.max(took / length);
            assert!(took <= STEPS_A_WORD * length, "{took} steps for {length} words: {unit:?}");
        }
    }
    // The bound is near what is seen, so that it would fail if a walk grew with the square of the length.
    assert!(most * 8 > STEPS_A_WORD, "{most}");
    // What is longer than a note is not looked at.
    assert_eq!(steps(&"turn the volume up ".repeat(128 * 1024 / 19)), 0);
}

#[test]
fn the_tables_are_small() {
    assert!(interpreter().bytes() < 4 << 20, "{}", interpreter().bytes());
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in any::<String>()) {
        let _ = read(&text).sentence();
    }

    #[test]
    fn any_mixture_of_known_words_is_read_without_panic(
        words in proptest::collection::vec(
            prop::sample::select(vec![
                "turn", "on", "off", "the", "wifi", "and", "volume", "to", "40", "%", "a", "hundred", "quarter", "install", "vim", ",",
                "please", "remember", "that", "note", "'", "\"", "is", "reboot", "remove", "it", "in", "downloads", "because", "i", "you",
                "package", "app", "open", "https://a.b/", "zoë", "。", "three", "-", "mind", "turning", "http://", "~", ".", "..",
            ]),
            0..14,
        ),
        glue in prop::sample::select(vec![" ", "", ", ", "\n", "-"]),
    ) {
        let _ = read(&words.join(glue)).sentence();
    }
}

#[test]
fn each_spoken_example_of_an_action_is_read_as_exactly_that_action() {
    let mut failures = Vec::new();
    for entry in steward_agent::action::CATALOGUE.iter().filter(|e| !e.phrases.is_empty()) {
        for words in entry.examples.iter().filter_map(|e| e.say) {
            match read(words) {
                Reading::Order(order) if order.action == entry.name => {}
                other => failures.push(format!("{}: {words:?} was {other:?}", entry.name)),
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn more_actions_than_have_bits_are_refused() {
    let set = PhraseSet { action: "ping", templates: &["are you there"] };
    assert!(Interpreter::new(&vec![set; 64]).is_ok());
    let refused = Interpreter::new(&vec![set; 65]).expect_err("one too many");
    assert!(refused.to_string().contains("more than 64 actions"), "{refused}");
}
