//! Asking a person on this terminal.

use std::io::{self, BufRead, Write};

/// What a person answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Yes, said with a word.
    Yes,
    /// Anything else, the end of input included.
    No,
}

/// Asks `question` and reads one line that is typed from now on. Only a word that means yes is one.
pub(crate) fn ask(question: &str) -> Answer {
    // What was typed before the question was shown is no answer to it (termios(3), TCIFLUSH).
    let _no_terminal = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
    let mut stdout = io::stdout().lock();
    // When the question cannot be shown, what is read is no answer to it.
    if write!(stdout, "{question} [y/N] ").and_then(|()| stdout.flush()).is_err() {
        return Answer::No;
    }
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(0) => {
            let _gone = writeln!(stdout);
            Answer::No
        }
        Ok(_) => read(&line),
        Err(_) => Answer::No,
    }
}

fn read(line: &str) -> Answer {
    match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Answer::Yes,
        _ => Answer::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        for yes in ["y\n", "Y\n", "yes\n", " YES \n"] {
            assert_eq!(read(yes), Answer::Yes, "{yes:?}");
        }
        for no in ["", "\n", "n\n", "yep, no\n", "y y\n", "1\n"] {
            assert_eq!(read(no), Answer::No, "{no:?}");
        }
    }
}
