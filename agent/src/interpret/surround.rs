//! Sets aside what stands around an order. The phrases are data of the language; this only walks them.

use super::automaton::{Automaton, Builder};
use super::english::surround as phrases;
use super::notation::{Fragments, Template, TemplateError};
use super::token::{Lexicon, Tokens};
use super::words::class;

/// Most places at which an order is thought to begin, and to end.
const MAX_CUTS: usize = 6;

/// The phrases around an order, compiled.
#[derive(Debug)]
pub(super) struct Surround {
    before: Automaton,
    after: Automaton,
}

/// Where an order may begin and end, from the least set aside to the most.
#[derive(Debug)]
pub(super) struct Around {
    pub(super) starts: Vec<usize>,
    pub(super) ends: Vec<usize>,
}

impl Surround {
    pub(super) fn new(fragments: &Fragments, lexicon: &mut Lexicon) -> Result<Self, TemplateError> {
        let mut compile = |list: &[&'static str], reversed| {
            let mut builder = Builder::new();
            for source in list {
                let template = Template::parse(source, fragments)?;
                builder.add(&template.said, 0, reversed, &mut |w, n| if n == 0 { lexicon.symbol(w) } else { n });
            }
            Ok(builder.build())
        };
        Ok(Self { before: compile(phrases::BEFORE, false)?, after: compile(phrases::AFTER, true)? })
    }

    pub(super) fn bytes(&self) -> usize {
        self.before.bytes() + self.after.bytes()
    }

    /// Where the order in the words `from..to` may begin and end.
    pub(super) fn around(&self, tokens: &Tokens<'_>, from: usize, to: usize) -> Around {
        let list = &tokens.list;
        let mut starts = vec![from];
        let mut i = 0;
        while i < starts.len() && starts.len() < MAX_CUTS {
            let at = starts[i];
            self.before.phrases(list[at..to].iter().map(|t| t.symbol), |n| {
                if !starts.contains(&(at + n)) {
                    starts.push(at + n);
                }
            });
            i += 1;
        }
        starts.sort_unstable();
        let mut ends = vec![to];
        if let Some(cut) = reason_at(tokens, from, to) {
            ends.push(cut);
        }
        let mut i = 0;
        while i < ends.len() && ends.len() < MAX_CUTS {
            let at = ends[i];
            self.after.phrases(list[from..at].iter().rev().map(|t| t.symbol), |n| {
                if !ends.contains(&(at - n)) {
                    ends.push(at - n);
                }
            });
            i += 1;
        }
        ends.sort_unstable_by_key(|e| std::cmp::Reverse(*e));
        Around { starts, ends }
    }
}

/// Where a spoken reason begins ("… because the baby sleeps"), when there is nothing conditional in it.
fn reason_at(tokens: &Tokens<'_>, from: usize, to: usize) -> Option<usize> {
    let at = (from + 1..to).find(|&i| {
        ["because", "cause", "cuz", "coz", "since"].iter().any(|w| tokens.says(i, w))
            || (tokens.says(i, "so") && i + 1 < to && ["i", "we", "that", "it"].iter().any(|w| tokens.says(i + 1, w)))
    })?;
    let list = &tokens.list[at + 1..to];
    let doubtful = list.iter().any(|t| t.is(class::HYPOTHESIS | class::AND | class::TIME)) || list.len() < 2;
    (!doubtful).then_some(at)
}
