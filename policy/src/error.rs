//! What can be wrong with a policy file, and where.

use std::fmt;

use crate::rule::Layer;

/// One policy file as text.
#[derive(Clone, Debug)]
pub struct Source {
    /// Whose file it is.
    pub layer: Layer,
    /// The path as it is shown in errors.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// One thing that is wrong with a policy file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct LoadError {
    /// The file's name as in [`Source::name`].
    pub file: String,
    /// The line, from 1; 0 when it is about the file as a whole.
    pub line: u32,
    /// The character in the line, from 1; 0 when it is about the file as a whole.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What was probably meant.
    pub hint: Option<String>,
}

impl LoadError {
    /// An error about a file as a whole, such as one that cannot be read.
    pub fn file(name: impl Into<String>, message: impl Into<String>) -> LoadError {
        LoadError { file: name.into(), line: 0, column: 0, message: message.into(), hint: None }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " (did you mean `{hint}`?)"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for LoadError {}
