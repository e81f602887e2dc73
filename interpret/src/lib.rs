//! Words to a plan: whole-sentence templates, no IO, no side effects.
//!
//! A sentence is read in layers. (1) `token`: words with their place in the text. (2) `refuse`: what is not an order: shell
//! syntax, quotations, and, when nothing fits, the reason: negation, question, hypothesis, report, time, two orders, another
//! machine. (3) `surround`: greetings and politeness around an order are set aside, which are a closed list, and clauses that only
//! tell something, which may not order, ask, doubt, wait or quote. (4) `find`: the whole rest must be said by a template; a word too
//! many and nothing fires. (5) `slot`: what a template leaves open is checked; a slot that is not sure takes nothing. (6) `again`:
//! what no template says as it stands is changed into a sentence that one says, where nothing can be lost. (7) `near`: what is said
//! when nothing was done.
//!
//! # How to write a template
//!
//! A template is one string, in lower case and without apostrophes (`dont`, `whats`), of whole words:
//!
//! | write | for |
//! |---|---|
//! | `mute` | the word itself |
//! | `(turn\|switch) off` | one of these; a choice may be several words: `(power down\|halt)` |
//! | `[the\|my]` | one of these, or nothing |
//! | `<wifi>` | a shared piece, from `FRAGMENTS` |
//! | `{percent}` | a typed slot, see [`slot::Slot`] |
//! | `… => 100` | the payload; `{step}` in it is what the slot took: `volume up {step} => +{step}` |
//!
//! Without `=>` the payload is what the only slot took, or none. Punctuation, capitals and politeness are not written:
//! they are dealt with around the template. Every template is sampled in a test, and each sample must be read as its action.

mod address;
mod again;
mod automaton;
mod english;
mod find;
mod follow;
mod lang;
mod names;
mod near;
mod notation;
mod reading;
mod refuse;
mod slot;
mod surround;
#[cfg(test)]
mod tests;
mod token;
mod typo;
mod words;

use std::sync::LazyLock;

use automaton::{Automaton, Builder, Pieces};
pub use follow::FollowUp;
pub use lang::{codes as languages, of_locale};
pub use notation::TemplateError;
use notation::{Fragments, Template};
pub use reading::{Nothing, Order, Reading};
pub use refuse::Reason;
pub use slot::Slot;
use surround::Surround;
use token::Lexicon;

/// Longest text that is read as an order, in bytes. Longer than this is only ever a note.
pub const MAX_ORDER_BYTES: usize = 4 * 1024;

/// Longest note with its lead-in, in bytes.
pub const MAX_NOTE_BYTES: usize = 64 * 1024;

/// The ways to say one action.
#[derive(Debug, Clone, Copy)]
pub struct PhraseSet {
    /// The action's name, `noun_verb`.
    pub action: &'static str,
    /// Its templates, the plainest first: it is the one that help texts show.
    pub templates: &'static [&'static str],
}

/// What the reading of a sentence may depend on beside the sentence.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// The home folder of the speaker, absolute; "downloads" is a folder in it.
    pub home: Option<&'a str>,
    /// What the installed apps call themselves, in lower case: each is the name of an app, whatever else it means.
    pub installed: &'a [String],
}

/// A template as it was compiled.
struct Phrase {
    action: &'static str,
    template: &'static str,
    payload: Option<&'static str>,
}

/// What is compiled beside the templates of actions.
struct Tables<'a> {
    fragments: &'a [(&'static str, &'static str)],
    before: &'a [&'static str],
    after: &'a [&'static str],
    follow_ups: &'a [&'static str],
}

/// An automaton that is made when a sentence first begins like it: most speakers never use most actions.
type AtFirstUse = LazyLock<Automaton, Box<dyn FnOnce() -> Automaton + Send>>;

/// All phrase tables, compiled. It is made once and shared.
pub struct Interpreter {
    lexicon: Lexicon,
    pieces: Pieces,
    /// The templates of each action. One automaton for all of them would be several times as large, and as slow to make.
    automata: Vec<AtFirstUse>,
    /// By the number of a word: which actions' templates can begin with it, one bit each; all that begin with a slot can.
    begin: Vec<u64>,
    phrases: Vec<Phrase>,
    surround: Surround,
    follow: follow::Follow,
    /// Languages beside English.
    others: Vec<Interpreter>,
    /// The plainest phrase of each action.
    plain: Vec<String>,
    /// By the number of a word: what it tells of the action, for the nearest commands.
    tells: Vec<near::Tells>,
}

impl std::fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interpreter").field("templates", &self.phrases.len()).finish_non_exhaustive()
    }
}

impl Interpreter {
    /// Compiles the tables of English.
    ///
    /// # Errors
    ///
    /// When a template cannot be read; the error names it.
    pub fn new(sets: &[PhraseSet]) -> Result<Self, TemplateError> {
        let fragments: Vec<_> = english::fragments().collect();
        let tables = Tables {
            fragments: &fragments,
            before: english::surround::BEFORE,
            after: english::surround::AFTER,
            follow_ups: english::FOLLOW_UPS,
        };
        Self::compile(&tables, sets.iter().map(|s| (s.action, s.templates)), Lexicon::english())
    }

    /// Also reads sentences of these languages; a code that is not one of [`languages`] is left out.
    ///
    /// # Errors
    ///
    /// When a file of a language cannot be read; the error names the line.
    pub fn and_languages<'c>(mut self, codes: impl IntoIterator<Item = &'c str>) -> Result<Self, TemplateError> {
        for code in codes {
            let Some(language) = lang::Language::named(code).transpose()? else { continue };
            let tables = Tables {
                fragments: &language.fragments,
                before: &language.before,
                after: &language.after,
                follow_ups: &[],
            };
            let sets = language.sets.iter().map(|(action, templates)| (*action, &**templates));
            self.others.push(Self::compile(&tables, sets, Lexicon::foreign(&language.classes, &language.numbers))?);
        }
        Ok(self)
    }

    fn compile<'s>(
        tables: &Tables<'_>,
        sets: impl Iterator<Item = (&'static str, &'s [&'static str])>,
        mut lexicon: Lexicon,
    ) -> Result<Self, TemplateError> {
        let fragments = Fragments::read(tables.fragments.iter().copied())?;
        let mut pieces = Pieces::new(&fragments, &mut lexicon);
        let mut automata = Vec::new();
        let mut beginnings = Vec::new();
        let mut phrases = Vec::new();
        let mut plain = Vec::new();
        let mut tells: Vec<near::Tells> = Vec::new();
        for (action, templates) in sets {
            if plain.len() == near::MAX_ACTIONS {
                let problem = format!("there are more than {} actions", near::MAX_ACTIONS);
                return Err(TemplateError { template: action.to_owned(), problem });
            }
            let bit = 1 << plain.len();
            let mut plainest = String::new();
            let mut all: Vec<u16> = Vec::new();
            let mut builder = Builder::new();
            for (n, source) in templates.iter().enumerate() {
                let template = Template::parse(source, &fragments)?;
                builder.add(&template.said, phrases.len() as u16, &mut |w| {
                    let symbol = lexicon.symbol(w);
                    all.push(symbol);
                    symbol
                });
                if n == 0 {
                    plainest = notation::plainest(&template.said);
                }
                phrases.push(Phrase { action, template: source, payload: template.payload });
            }
            pieces.words(builder.pieces(), &mut all);
            beginnings.push(builder.beginnings());
            automata.push(AtFirstUse::new(Box::new(move || builder.build())));
            tells.resize(usize::from(lexicon.symbols()) + 1, near::Tells::default());
            all.iter().for_each(|symbol| tells[usize::from(*symbol)].says |= bit);
            for word in plainest.split(' ').filter(|word| word.len() > 3) {
                let tells = &mut tells[usize::from(lexicon.get(word).symbol)];
                tells.named |= tells.says & bit;
            }
            plain.push(plainest);
        }
        let surround = Surround::new(tables.before, tables.after, &fragments, &mut lexicon)?;
        let follow = follow::Follow::new(tables.follow_ups, &fragments, &mut lexicon)?;
        tells.resize(usize::from(lexicon.symbols()) + 1, near::Tells::default());
        pieces.index(&lexicon);
        let begin = pieces.begin(&beginnings, &lexicon);
        Ok(Self { automata, begin, lexicon, pieces, phrases, surround, follow, plain, tells, others: Vec::new() })
    }

    /// Bytes that the tables take, roughly, when all of them were used; makes those that were not.
    pub fn bytes(&self) -> usize {
        self.automata.iter().map(|automaton| automaton.bytes()).sum::<usize>()
            + self.begin.len() * 8
            + self.tells.len() * size_of::<near::Tells>()
            + self.pieces.bytes()
            + self.lexicon.bytes()
            + self.surround.bytes()
            + self.follow.bytes()
            + self.phrases.len() * 256
            + self.others.iter().map(Interpreter::bytes).sum::<usize>()
    }

    /// The templates with their actions, in the order of the tables.
    pub fn templates(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.phrases.iter().map(|p| (p.action, p.template))
    }

    /// What this sentence orders, if it does. The time is linear in its length, and the work beyond [`MAX_ORDER_BYTES`] is one
    /// copy.
    pub fn read(&self, text: &str, cx: &Context<'_>) -> Reading {
        let reading = self.read_here(text, cx);
        if matches!(reading, Reading::Nothing(_)) {
            // Another language only ever orders; why a sentence is none, is said by English.
            let other = self.others.iter().map(|l| l.read_here(text, cx)).find(|r| matches!(r, Reading::Order(_)));
            return other.unwrap_or(reading);
        }
        reading
    }
}
