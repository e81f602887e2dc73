//! Languages as data: each is a folder with the file `phrases.txt` and what its tests say. English is complete and stands beside
//! the actions; the others have the actions that are used most. docs/language.md has the form of the file.

use super::notation::TemplateError;
use super::words::{Class, class};

/// The languages beside English: their code, and their file.
const FILES: &[(&str, &str)] = &[
    ("de", include_str!("de/phrases.txt")),
    ("es", include_str!("es/phrases.txt")),
    ("fr", include_str!("fr/phrases.txt")),
];

/// The codes of the languages that can be loaded beside English.
pub fn codes() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(code, _)| *code)
}

/// The language that a locale's name begins with (`de_AT.UTF-8`), if it is one of [`codes`].
pub fn of_locale(locale: &str) -> Option<&'static str> {
    let code = locale.split(['_', '.', '@', '-']).next().unwrap_or_default();
    codes().find(|c| c.eq_ignore_ascii_case(code))
}

/// A language as its file has it.
#[derive(Debug, Default)]
pub(super) struct Language {
    pub(super) fragments: Vec<(&'static str, &'static str)>,
    pub(super) before: Vec<&'static str>,
    pub(super) after: Vec<&'static str>,
    pub(super) sets: Vec<(&'static str, Vec<&'static str>)>,
    pub(super) classes: Vec<(Class, &'static str)>,
    pub(super) numbers: Vec<(&'static str, i32)>,
}

impl Language {
    /// The language of this code.
    pub(super) fn named(code: &str) -> Option<Result<Self, TemplateError>> {
        FILES.iter().find(|(c, _)| *c == code).map(|(_, text)| Self::read(text))
    }

    fn read(text: &'static str) -> Result<Self, TemplateError> {
        let mut language = Self::default();
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            language.line(line).map_err(|problem| TemplateError { template: line.to_owned(), problem })?;
        }
        Ok(language)
    }

    fn line(&mut self, line: &'static str) -> Result<(), String> {
        if let Some(action) =
            line.strip_prefix('[').and_then(|l| l.strip_suffix(']')).filter(|a| !a.contains([' ', '|']))
        {
            self.sets.push((action, Vec::new()));
            return Ok(());
        }
        if let Some((_, templates)) = self.sets.last_mut() {
            templates.push(line);
            return Ok(());
        }
        let (key, value) = line.split_once(':').ok_or("expected `key: value` before the first `[action]`")?;
        let value = value.trim();
        match key.split_once(' ').unwrap_or((key, "")) {
            ("piece", name) if !name.is_empty() => self.fragments.push((name, value)),
            ("before", "") => self.before.push(value),
            ("after", "") => self.after.push(value),
            ("numbers", "") => {
                for pair in value.split_whitespace() {
                    let number = pair.split_once('=').and_then(|(word, n)| Some((word, n.parse().ok()?)));
                    self.numbers.push(number.ok_or_else(|| format!("`{pair}`: expected `word=number`"))?);
                }
            }
            ("words", name) => {
                let class = match name {
                    "negation" => class::NEGATION,
                    "question" => class::QUESTION,
                    "time" => class::TIME,
                    "pronoun" => class::PRONOUN,
                    "polite" => class::POLITE,
                    "preposition" => class::PREPOSITION,
                    "the" => class::THE,
                    "article" => class::ARTICLE,
                    "and" => class::AND,
                    "percent" => class::PERCENT,
                    "software noun" => class::SOFTWARE_NOUN,
                    "ordinary" => class::ORDINARY,
                    _ => return Err(format!("there is no class `{name}`")),
                };
                self.classes.push((class, value));
            }
            _ => return Err(format!("there is no key `{key}`")),
        }
        Ok(())
    }
}
