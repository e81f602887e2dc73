//! What is offered when nothing was done: the commands that are nearest to what was said.

use super::token::Tokens;
use super::{Interpreter, Nothing, Reading, Reason};

impl Interpreter {
    pub(super) fn nothing(&self, reason: Reason, tokens: &Tokens<'_>) -> Reading {
        // Nobody is offered what was just forbidden, or what somebody else's words ask for.
        let near = match reason {
            Reason::Negated | Reason::Quoted | Reason::Reported | Reason::Shell | Reason::Injection => Vec::new(),
            _ => self.near(tokens),
        };
        Reading::Nothing(Nothing { near, reason })
    }

    /// The commands that share the most telling words with the text.
    pub(super) fn near(&self, tokens: &Tokens<'_>) -> Vec<String> {
        let mut scores: Vec<(u32, usize)> = Vec::with_capacity(self.plain.len());
        let mut said: Vec<u16> = tokens.list.iter().take(16).map(|t| t.symbol).filter(|s| *s != 0).collect();
        said.sort_unstable();
        said.dedup();
        // A word that few actions have tells more.
        let spread: Vec<u32> =
            said.iter().map(|s| self.plain.iter().filter(|p| p.2.binary_search(s).is_ok()).count() as u32).collect();
        for (i, (_, _, words)) in self.plain.iter().enumerate() {
            let score: u32 = said
                .iter()
                .zip(&spread)
                .filter(|(s, n)| **n > 0 && **n <= 6 && words.binary_search(s).is_ok())
                .map(|(_, n)| 60 / n)
                .sum();
            if score >= 20 {
                scores.push((score, i));
            }
        }
        scores.sort_by_key(|&(score, i)| (std::cmp::Reverse(score), i));
        scores.iter().take(3).map(|&(_, i)| self.plain[i].1.clone()).collect()
    }
}
