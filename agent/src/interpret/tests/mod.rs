//! Tables of sentences, samples of every template, and properties.

mod lang;
mod naive;
mod non_orders;
mod orders;
mod properties;
mod said;

use std::sync::OnceLock;

use super::{Context, Interpreter, Reading};

/// The speaker's home folder.
const HOME: &str = "/home/speaker";

pub(in crate::interpret) fn interpreter() -> &'static Interpreter {
    static INTERPRETER: OnceLock<Interpreter> = OnceLock::new();
    INTERPRETER.get_or_init(|| Interpreter::new(&crate::action::phrases()).expect("the tables can be read"))
}

fn read(text: &str) -> Reading {
    interpreter().read(text, &Context { home: Some(HOME), ..Default::default() })
}
