//! Tables of sentences, samples of every template, and properties.

mod lang;
mod naive;
mod non_orders;
mod orders;
mod properties;
mod said;

use std::sync::OnceLock;

use super::{Context, Interpreter, PhraseSet, Reading};

/// Every action's phrases. The agent is built against this crate as a dependency, which to a test of it is another crate.
fn phrases() -> Vec<PhraseSet> {
    steward_agent::action::phrases()
        .iter()
        .map(|set| PhraseSet { action: set.action, templates: set.templates })
        .collect()
}

/// The speaker's home folder.
const HOME: &str = "/home/speaker";

pub(crate) fn interpreter() -> &'static Interpreter {
    static INTERPRETER: OnceLock<Interpreter> = OnceLock::new();
    INTERPRETER.get_or_init(|| Interpreter::new(&phrases()).expect("the tables can be read"))
}

fn read(text: &str) -> Reading {
    interpreter().read(text, &Context { home: Some(HOME), ..Default::default() })
}
