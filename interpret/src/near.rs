//! What is said when nothing was done: what the sentence was about, and the commands that are nearest to it.

use super::token::Tokens;
use super::words::{self, class};
use super::{Context, Interpreter, Nothing, Reading, Reason};

/// The most actions that have phrases: each has a bit.
pub(super) const MAX_ACTIONS: usize = 64;

/// What a word tells of the action that is meant: one bit for each action.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tells {
    /// A template of it has the word.
    pub(super) says: u64,
    /// Its plainest phrase has the word, and the word is no short one.
    pub(super) named: u64,
}

/// Longest piece of a sentence that is repeated in the answer to it, in bytes.
const MAX_REPEATED: usize = 64;

impl Interpreter {
    /// No order, and why.
    pub(super) fn nothing(&self, reason: Reason, tokens: &Tokens<'_>, cx: &Context<'_>) -> Reading {
        // Nobody is offered what was just forbidden, or what somebody else's words ask for.
        let near = match reason {
            Reason::Negated | Reason::Quoted | Reason::Reported | Reason::Shell | Reason::Injection => Vec::new(),
            _ => self.near(tokens),
        };
        let about = match reason {
            Reason::Negated | Reason::Question | Reason::Hypothetical | Reason::Reported | Reason::Scheduled => {
                self.about(tokens, cx)
            }
            _ => None,
        };
        Reading::Nothing(Nothing { reason, about, near })
    }

    /// What the sentence would order without what makes it no order: "rebooting the computer".
    fn about(&self, tokens: &Tokens<'_>, cx: &Context<'_>) -> Option<String> {
        /// Places at which an order may begin in it; more than that is prose.
        const MAX_PLACES: usize = 2;
        let list = &tokens.list;
        let orders = |i: &usize| list[*i].is(class::COMMAND | class::IMPERATIVE);
        (0..list.len()).filter(orders).take(MAX_PLACES).find_map(|i| {
            let doing = words::GERUNDS.iter().find(|(_, base)| tokens.says(i, base))?.0;
            let waits = (i + 1..list.len()).find(|&n| list[n].is(class::TIME | class::HYPOTHESIS | class::WAITING));
            let ends = [Some(list.len()), waits, waits.filter(|n| list[n - 1].is(class::PREPOSITION)).map(|n| n - 1)];
            let end = ends
                .into_iter()
                .flatten()
                .filter(|end| *end > i)
                .find(|&end| self.one(tokens, i, end, cx).is_some())?;
            let rest = tokens.span(i + 1, end);
            let plain = rest.chars().all(|c| c.is_alphanumeric() || " -.+%'’,/:_".contains(c));
            let about = if rest.is_empty() { doing.to_owned() } else { format!("{doing} {rest}") };
            (plain && about.len() <= MAX_REPEATED).then_some(about)
        })
    }

    /// The commands that share the most telling words with the text. "Nice" is said around many orders and tells nothing.
    pub(super) fn near(&self, tokens: &Tokens<'_>) -> Vec<String> {
        let idle = class::QUESTION | class::POLITE | class::GRATEFUL | class::PREPOSITION;
        let mut said: [u16; 16] = [0; 16];
        let mut scores = [0_u32; MAX_ACTIONS];
        let mut scored = 0;
        for (i, token) in tokens.list.iter().enumerate().take(said.len()) {
            if token.symbol == 0 || token.is(idle) || said.contains(&token.symbol) {
                continue;
            }
            said[i] = token.symbol;
            let Tells { says, named } = self.tells[usize::from(token.symbol)];
            // A word that few actions have tells more.
            if (1..=6).contains(&says.count_ones()) {
                actions_of(says).for_each(|action| scores[action] += 60 / says.count_ones());
                scored |= says;
            }
            // The plainest phrase is of words of the templates.
            actions_of(named).for_each(|action| scores[action] += 30);
            scored |= named;
        }
        let mut best: Vec<usize> = actions_of(scored).filter(|&action| scores[action] >= 20).collect();
        best.sort_by_key(|&action| std::cmp::Reverse(scores[action]));
        best.iter().take(3).map(|&action| self.plain[action].clone()).collect()
    }
}

/// The numbers of the bits that are set.
fn actions_of(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let action = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(action)
    })
}
