//! Standard output and standard error: colour where it is wanted, nothing that reaches a terminal's own commands, no panic
//! on a closed pipe.

use std::cell::OnceCell;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use steward_agent::action::types::is_hidden;

use crate::args::Global;
use crate::exit::Exit;

/// For whom answers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Sentences and tables.
    Human,
    /// One JSON value a line.
    Json,
}

/// How a stretch of text looks on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Stands out.
    Bold,
    /// Stands back.
    Dim,
    /// Went wrong.
    Red,
    /// Waits.
    Yellow,
    /// Went well.
    Green,
}

/// The two streams.
#[derive(Debug)]
pub(crate) struct Out {
    /// For whom.
    pub(crate) form: Form,
    quiet: bool,
    colour: bool,
    colour_errors: bool,
    /// Standard output is gone: nobody reads on.
    closed: bool,
    broken: Option<io::Error>,
    /// What a person types to reach the agent that answered.
    command: OnceCell<String>,
}

impl Out {
    /// The streams as the flags want them.
    pub(crate) fn new(global: &Global) -> Out {
        let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
        // NO_COLOR: https://no-color.org
        let wanted = set("NO_COLOR").is_none() && set("TERM").is_none_or(|t| t != "dumb");
        Out {
            form: if global.json { Form::Json } else { Form::Human },
            quiet: global.quiet,
            colour: wanted && !global.json && io::stdout().is_terminal(),
            colour_errors: wanted && io::stderr().is_terminal(),
            closed: false,
            broken: None,
            command: OnceCell::new(),
        }
    }

    /// Hints name this command from now on.
    pub(crate) fn reached(&self, command: String) {
        // The same agent is reached again after it was lost.
        let _same = self.command.set(command);
    }

    /// What hints begin with: `steward`, with the flags that reach the agent that answered.
    pub(crate) fn command(&self) -> &str {
        self.command.get().map_or("steward", String::as_str)
    }

    /// Whether a person sits there: standard input and standard output are a terminal, and sentences are wanted.
    pub(crate) fn can_ask(&self) -> bool {
        self.form == Form::Human && io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    /// Whether progress may be shown on standard error.
    pub(crate) fn can_show_progress(&self) -> bool {
        self.form == Form::Human && !self.quiet && io::stderr().is_terminal()
    }

    /// Whether only errors and ids are wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether nobody reads on: streams end then.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Writes bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        if self.closed || self.broken.is_some() {
            return;
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => self.closed = true,
            Err(e) => self.broken = Some(e),
            Ok(()) => {}
        }
    }

    /// Writes a line that was made here: what came from outside in it must have gone through [`clean`].
    pub(crate) fn line(&mut self, line: &str) {
        self.raw(format!("{line}\n").as_bytes());
    }

    /// Writes a text from outside as it is; on a terminal without anything that a terminal would obey or not show, and as whole lines.
    pub(crate) fn text(&mut self, text: &str) {
        if !io::stdout().is_terminal() {
            return self.raw(text.as_bytes());
        }
        let mut shown = String::with_capacity(text.len() + 1);
        for c in text.chars() {
            match c {
                '\n' | '\t' => shown.push(c),
                c if is_hidden(c) => shown.push_str(&format!("<U+{:04X}>", u32::from(c))),
                c => shown.push(c),
            }
        }
        if !shown.is_empty() && !shown.ends_with('\n') {
            shown.push('\n');
        }
        self.raw(shown.as_bytes());
    }

    /// Writes a value as one line of JSON. On a terminal, characters that are not shown are written as `\u202e`.
    pub(crate) fn json(&mut self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) if io::stdout().is_terminal() => self.line(&escaped(&text)),
            Ok(text) => self.line(&text),
            Err(e) => self.broken = Some(e.into()),
        }
    }

    /// Says something on standard error that is no error, unless it shall be quiet.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet && self.form == Form::Human {
            // Nothing can be done when even standard error is gone.
            let _gone = writeln!(io::stderr(), "{}", clean(text));
        }
    }

    /// Says on standard error what a person has to know also when it shall be quiet.
    pub(crate) fn say_aside(&self, text: &str) {
        let _gone = writeln!(io::stderr(), "{}", clean(text));
    }

    /// Says on standard error what went wrong.
    pub(crate) fn error(&self, text: &str) {
        let name = if self.colour_errors { "\x1b[1;31msteward:\x1b[0m" } else { "steward:" };
        let _gone = writeln!(io::stderr(), "{name} {}", clean(text));
    }

    /// `text` as it looks on standard output.
    pub(crate) fn styled(&self, look: Look, text: &str) -> String {
        let code = match look {
            Look::Bold => "1",
            Look::Dim => "2",
            Look::Red => "31",
            Look::Yellow => "33",
            Look::Green => "32",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// The exit at the very end: an answer that could not be written is not done.
    pub(crate) fn finish(self, exit: Exit) -> Exit {
        match self.broken {
            Some(e) => {
                let _gone = writeln!(io::stderr(), "steward: the answer could not be written: {e}");
                if exit == Exit::Done { Exit::Failed } else { exit }
            }
            None => exit,
        }
    }
}

/// `text` without anything that a terminal would obey or not show: such characters become `<U+001B>`. Lines stay lines;
/// those after the first are indented, so that none can pass for one of ours.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        match c {
            '\n' => out.push_str("\n  "),
            c if is_hidden(c) => out.push_str(&format!("<U+{:04X}>", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// [`clean`] for text that belongs on one line.
pub(crate) fn one_line(text: &str) -> String {
    steward_agent::action::types::visible(text, text.len())
}

/// JSON with hidden characters escaped; outside its strings JSON has none.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    steward_agent::door::ndjson::escape_lines(json, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        for (text, shown) in [
            ("\x1b[2Jgone", "<U+001B>[2Jgone"),
            ("a\u{202e}b", "a<U+202E>b"),
            ("one\ntwo\n", "one\n  two"),
            ("a\u{9b}31m", "a<U+009B>31m"),
            ("plain – ok", "plain – ok"),
        ] {
            assert_eq!(clean(text), shown);
        }
        assert_eq!(one_line("a\nb"), "a<U+000A>b");
    }

    #[test]
    fn escaped_json_is_the_same_value() {
        let value = serde_json::json!({ "a": "x\u{202e}\u{9b}\u{e0041}y" });
        let text = escaped(&value.to_string());
        assert!(text.is_ascii());
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
