//! What is said when nothing was done: what the sentence was about, and the commands that are nearest to it.

use super::token::Tokens;
use super::words::{self, class};
use super::{Context, Interpreter, Nothing, Reading, Reason};

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
        let mut said: Vec<(u16, &str)> = Vec::with_capacity(16);
        for (i, token) in tokens.list.iter().enumerate().take(16) {
            if token.symbol != 0 && !token.is(idle) && said.iter().all(|s| s.0 != token.symbol) {
                said.push((token.symbol, tokens.word(i)));
            }
        }
        let has = |words: &[u16], symbol: u16| words.binary_search(&symbol).is_ok();
        // A word that few actions have tells more.
        let spread: Vec<u32> =
            said.iter().map(|s| self.plain.iter().filter(|p| has(&p.2, s.0)).count() as u32).collect();
        let mut scores: Vec<(u32, usize)> = Vec::with_capacity(self.plain.len());
        for (i, (_, plain, words)) in self.plain.iter().enumerate() {
            let score: u32 = said
                .iter()
                .zip(&spread)
                .map(|((symbol, word), n)| {
                    // The plainest phrase is of words of the templates.
                    let known = has(words, *symbol);
                    let named = known && word.len() > 3 && plain.split(' ').any(|w| w.eq_ignore_ascii_case(word));
                    let rare = known && (1..=6).contains(n);
                    u32::from(named) * 30 + if rare { 60 / n } else { 0 }
                })
                .sum();
            if score >= 20 {
                scores.push((score, i));
            }
        }
        scores.sort_by_key(|&(score, i)| (std::cmp::Reverse(score), i));
        scores.iter().take(3).map(|&(_, i)| self.plain[i].1.clone()).collect()
    }
}
