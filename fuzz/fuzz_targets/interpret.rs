//! Any text: the interpreter must not panic, and what it takes for an order must be one line of a plan.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use steward_interpret::{Context, Interpreter, Reading};

static INTERPRETER: LazyLock<Interpreter> =
    LazyLock::new(|| {
        let english = Interpreter::new(&steward_agent::action::phrases()).expect("the tables can be read");
        english.and_languages(steward_interpret::languages()).expect("the languages can be read")
    });

fuzz_target!(|text: &str| {
    let cx = Context { home: Some("/home/speaker"), ..Default::default() };
    let reading = INTERPRETER.read(text, &cx);
    if let Reading::Order(order) = &reading {
        for package in order.payload.iter().filter(|_| order.action.starts_with("package_in")).flat_map(|p| p.split(',')) {
            assert!(!package.is_empty() && !package.starts_with('-') && !package.contains([';', '&', '|', '/', '"']));
        }
    }
    let _ = reading.sentence();
    let _ = INTERPRETER.follow_up(text, Some(("adjust_volume", Some("+10"))));
});
