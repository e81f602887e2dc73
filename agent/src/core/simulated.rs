//! In a simulation every answer about the machine says that it is one. Where the protocol's sentences are exact, `data` says so.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::Core;
use crate::action::{Action, Need, Shown};
use crate::reply::{Ending, Reply};

/// What stands in every sentence about a machine that is not there.
const MARK: &str = "(simulated)";

impl Core {
    /// Whether the machine that it acts on is not there.
    pub fn is_simulated(&self) -> bool {
        self.0.services.simulated
    }

    /// Whether what is done in these steps is done to a machine that is not there. Notes, and lists of
    /// files, are real in a simulation too.
    pub(super) fn simulates(&self, steps: &[Action]) -> bool {
        let of_the_machine = |s: &Action| {
            let others = matches!(s, Action::SystemStatus(_) | Action::ReadFile(_) | Action::WriteFile(_));
            s.need() != Need::Nothing || others
        };
        self.0.services.simulated && steps.iter().any(of_the_machine)
    }

    /// A reply about these steps, with what says that it is simulated.
    pub(super) fn marked(&self, steps: &[Action], mut reply: Reply) -> Reply {
        if !self.simulates(steps) {
            return reply;
        }
        match &mut reply.ending {
            Ending::Done(outcome) => {
                outcome.message = outcome.message.take().map(|m| sentence(m).into());
                let data = outcome.data.take();
                outcome.data = Some(with_mark(data));
            }
            Ending::Held(held) => held.data = with_mark(Some(held.data.take())),
            Ending::Failed(failure) => {
                failure.message = sentence(std::mem::take(&mut failure.message)).into();
                failure.data = Some(Box::new(with_mark(failure.data.take().map(|d| *d))));
            }
            // Nothing was asked of the machine.
            Ending::Denied(_) => {}
        }
        reply
    }

    /// Previews of these steps, whose sentences say that it is simulated.
    pub(super) fn mark_previews(&self, steps: &[Action], shown: &mut [Shown]) {
        if self.simulates(steps) {
            for shown in shown {
                let summary = std::mem::take(&mut shown.preview.summary);
                shown.preview.summary = sentence(summary.into());
            }
        }
    }
}

/// Facts that say that they are simulated.
fn with_mark(data: Option<Value>) -> Value {
    match data {
        Some(Value::Object(mut data)) => {
            data.insert("simulated".to_owned(), json!(true));
            Value::Object(data)
        }
        _ => json!({ "simulated": true }),
    }
}

/// A sentence that says that it is simulated, once.
fn sentence(text: Cow<'_, str>) -> String {
    match text.strip_suffix('.') {
        _ if text.contains(MARK) => text.into_owned(),
        Some(text) => format!("{text} {MARK}."),
        None => format!("{text} {MARK}"),
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_sentence_says_once_that_it_is_simulated() {
        for (text, said) in [
            ("Restarting now.", "Restarting now (simulated)."),
            ("Restart the machine", "Restart the machine (simulated)"),
            ("Restarting now (simulated).", "Restarting now (simulated)."),
        ] {
            assert_eq!(sentence(text.into()), said);
        }
    }
}
