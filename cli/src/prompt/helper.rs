//! Completion: slash commands, names of actions, and ids that wait.

use rustyline::completion::Completer;
use rustyline::{Context, Helper, Highlighter, Hinter, Validator};
use steward_agent::action;

use super::line::COMMANDS;

/// What can be completed.
#[derive(Debug, Helper, Highlighter, Hinter, Validator)]
pub(super) struct Words {
    /// The ids that wait for an answer.
    pub(super) pending: Vec<String>,
}

impl Words {
    pub(super) fn new(pending: Vec<String>) -> Words {
        Words { pending }
    }

    /// What `typed` can be completed to, and where the completed word begins.
    fn candidates(&self, typed: &str) -> (usize, Vec<String>) {
        if !typed.starts_with('/') {
            return (0, Vec::new());
        }
        let Some((command, rest)) = typed.split_once(char::is_whitespace) else {
            let begun = COMMANDS.iter().filter(|c| c.starts_with(typed));
            return (0, begun.map(|c| format!("{c} ")).collect());
        };
        let word = rest.trim_start();
        let start = typed.len() - word.len();
        let found = match command {
            "/call" => action::names().iter().filter(|n| n.starts_with(word)).map(|n| format!("{n} ")).collect(),
            "/approve" | "/deny" => self.pending.iter().filter(|id| id.starts_with(word)).cloned().collect(),
            _ => Vec::new(),
        };
        (start, found)
    }
}

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.candidates(line.get(..pos).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_names_and_ids_are_completed_and_sentences_are_not() {
        let words = Words::new(vec!["3f8e2c1a".to_owned(), "aaaa".to_owned()]);
        for (typed, start, wanted) in [
            ("/pe", 0, vec!["/pending "]),
            ("/call package_i", 6, vec!["package_install "]),
            ("/approve 3", 9, vec!["3f8e2c1a"]),
            ("/deny ", 6, vec!["3f8e2c1a", "aaaa"]),
            ("install pack", 0, vec![]),
            ("/call ping x", 6, vec![]),
        ] {
            assert_eq!(words.candidates(typed), (start, wanted.into_iter().map(str::to_owned).collect()), "{typed}");
        }
    }
}
