//! One typed line: a sentence, or a command with a slash.

/// The commands, for completion.
pub(super) const COMMANDS: [&str; 10] =
    ["/approve", "/call", "/capabilities", "/deny", "/explain", "/help", "/pending", "/quit", "/undo", "/exit"];

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Nothing was typed.
    Nothing,
    /// A sentence.
    Say(String),
    /// `/call NAME [PAYLOAD]`
    Call(String, Option<String>),
    /// `/pending`
    Pending,
    /// `/approve ID`
    Approve(String),
    /// `/deny ID`
    Deny(String),
    /// `/explain WORDS`
    Explain(String),
    /// `/undo [RECEIPT]`
    Undo(Option<String>),
    /// `/capabilities`
    Capabilities,
    /// `/help`
    Help,
    /// `/quit`
    Quit,
    /// A slash before something else.
    Unknown(String),
    /// A command that needs more.
    Incomplete(&'static str, &'static str),
}

impl Line {
    /// Reads a line.
    pub(super) fn read(typed: &str) -> Line {
        let typed = typed.trim();
        if !typed.starts_with('/') {
            return match typed {
                "" => Line::Nothing,
                words => Line::Say(words.to_owned()),
            };
        }
        let (command, rest) = typed.split_once(char::is_whitespace).unwrap_or((typed, ""));
        let rest = Some(rest.trim()).filter(|r| !r.is_empty()).map(str::to_owned);
        match (command, rest) {
            ("/call", Some(rest)) => match rest.split_once(char::is_whitespace) {
                Some((name, payload)) => Line::Call(name.to_owned(), Some(payload.trim().to_owned())),
                None => Line::Call(rest, None),
            },
            ("/call", None) => Line::Incomplete("/call", "the name of an action"),
            ("/pending", _) => Line::Pending,
            ("/approve", Some(id)) => Line::Approve(id),
            ("/approve", None) => Line::Incomplete("/approve", "an id; /pending has them"),
            ("/deny", Some(id)) => Line::Deny(id),
            ("/deny", None) => Line::Incomplete("/deny", "an id; /pending has them"),
            ("/explain", Some(words)) => Line::Explain(words),
            ("/explain", None) => Line::Incomplete("/explain", "a sentence, or a request as JSON"),
            ("/undo", receipt) => Line::Undo(receipt),
            ("/capabilities", _) => Line::Capabilities,
            ("/help" | "/?", _) => Line::Help,
            ("/quit" | "/exit", _) => Line::Quit,
            (other, _) => Line::Unknown(other.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_sentence_unless_it_begins_with_a_slash() {
        let s = str::to_owned;
        for (typed, line) in [
            ("  ", Line::Nothing),
            (" turn off the wifi ", Line::Say(s("turn off the wifi"))),
            ("/call ping", Line::Call(s("ping"), None)),
            ("/call remember  two words ", Line::Call(s("remember"), Some(s("two words")))),
            ("/call", Line::Incomplete("/call", "the name of an action")),
            ("/approve 3f8e", Line::Approve(s("3f8e"))),
            ("/undo", Line::Undo(None)),
            ("/exit", Line::Quit),
            ("/etc/passwd", Line::Unknown(s("/etc/passwd"))),
        ] {
            assert_eq!(Line::read(typed), line, "{typed:?}");
        }
    }

    #[test]
    fn every_command_that_is_completed_exists() {
        for command in COMMANDS {
            assert!(!matches!(Line::read(command), Line::Unknown(_) | Line::Say(_)), "{command}");
        }
    }
}
