//! Walking through an automaton along the words of a sentence: which templates say it, and what their slots take.

use std::cell::{Cell, RefCell};

use super::super::slot::{self, Slot};
use super::super::token::Tokens;
use super::{Automaton, Pieces};

/// Steps of all walks over one sentence after which they give up; an ordinary sentence takes a few hundred.
const MAX_STEPS: u32 = 32 * 1024;

/// Most slots that one template may fill.
const MAX_SLOTS: usize = 4;

/// Most words that a shared piece, or a phrase around an order, may have: one bit for each length.
const MAX_PIECE_WORDS: usize = 31;

/// What one walk found: a template, and the words that each of its slots took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Match {
    pub(crate) template: u16,
    /// The word after its last.
    pub(crate) end: u16,
    pub(crate) slots: [(Slot, u16, u16); MAX_SLOTS],
    pub(crate) slot_count: u8,
}

impl Match {
    /// The filled slots: kind, first word, word after the last.
    pub(crate) fn filled(&self) -> &[(Slot, u16, u16)] {
        &self.slots[..usize::from(self.slot_count)]
    }

    /// How many words its slots took.
    pub(crate) fn open_words(&self) -> u16 {
        self.filled().iter().map(|(_, from, to)| to - from).sum()
    }
}

impl Automaton {
    /// All ways in which the words from `from` to one of `ends` are said by a template, appended to `found`. True when the words
    /// up to the last end stopped inside a template: more was expected.
    pub(crate) fn matches(
        &self,
        pieces: &Pieces,
        tokens: &Tokens<'_>,
        from: usize,
        ends: &Ends,
        found: &mut Vec<Match>,
    ) -> bool {
        let empty = Match { template: 0, end: 0, slots: [(Slot::Percent, 0, 0); MAX_SLOTS], slot_count: 0 };
        let mut walk = Walk { automaton: self, pieces, tokens, ends, found, cut_short: false };
        walk.go(0, from, empty);
        walk.cut_short
    }

    /// The lengths of the phrases without slots that are said from word `start` on, before `to`: bit `n` for `n` words.
    pub(crate) fn lengths(&self, pieces: &Pieces, tokens: &Tokens<'_>, start: usize, to: usize) -> u32 {
        let mut lengths = 0;
        let to = to.min(start + MAX_PIECE_WORDS);
        Lengths { automaton: self, pieces, tokens, start, to, lengths: &mut lengths }.go(0, start);
        lengths & !1
    }
}

/// Where the words of an order may end: some of the places up to the last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    bits: u128,
    last: usize,
}

impl Ends {
    /// These places; there is at least one.
    pub(crate) fn new(places: &[usize]) -> Self {
        let bits = places.iter().filter(|p| **p < 128).fold(0, |bits, p| bits | 1 << p);
        Self { bits, last: places.iter().copied().max().unwrap_or(0) }
    }

    fn has(&self, at: usize) -> bool {
        self.bits & 1 << at != 0
    }
}

struct Lengths<'a, 't> {
    automaton: &'a Automaton,
    pieces: &'a Pieces,
    tokens: &'a Tokens<'t>,
    start: usize,
    to: usize,
    lengths: &'a mut u32,
}

impl Lengths<'_, '_> {
    fn go(&mut self, mut state: u32, mut at: usize) {
        loop {
            let here = &self.automaton.states[state as usize];
            if !self.automaton.accepts(here).is_empty() {
                *self.lengths |= 1 << (at - self.start);
            }
            if at >= self.to || !self.tokens.work.step() {
                return;
            }
            let symbol = self.tokens.list[at].symbol;
            if symbol == 0 {
                return;
            }
            if self.pieces.first[usize::from(symbol)] & here.piece_bits != 0 {
                for &(piece, next) in self.automaton.pieces(here) {
                    for length in self.pieces.lengths(piece, symbol, self.tokens, at, self.to) {
                        self.go(next, at + length);
                    }
                }
            }
            match self.automaton.step(here, symbol) {
                Some(next) => (state, at) = (next, at + 1),
                None => return,
            }
        }
    }
}

impl Pieces {
    /// How many words a piece takes from `at` on, each way, before `to`. What was found once is kept for the sentence.
    fn lengths(
        &self,
        piece: u8,
        symbol: u16,
        tokens: &Tokens<'_>,
        at: usize,
        to: usize,
    ) -> impl Iterator<Item = usize> + use<> {
        let begins = self.first[usize::from(symbol)] & 1 << piece != 0;
        let all = if begins {
            let place = at * self.list.len() + usize::from(piece);
            tokens.work.kept(place, tokens.list.len() * self.list.len()).unwrap_or_else(|| {
                let lengths = self.list[usize::from(piece)].lengths(self, tokens, at, tokens.list.len());
                tokens.work.keep(place, lengths);
                lengths
            })
        } else {
            0
        };
        let fit = to - at;
        let mut bits = if fit < 31 { all & ((2 << fit) - 1) } else { all };
        std::iter::from_fn(move || {
            let length = bits.trailing_zeros();
            bits &= bits.wrapping_sub(1);
            (length < u32::BITS).then_some(length as usize)
        })
    }
}

/// The work that one sentence made: steps, and what is known of its pieces.
#[derive(Debug, Default)]
pub(crate) struct Work {
    steps: Cell<u32>,
    /// By word and piece: the lengths, or [`UNKNOWN`].
    lengths: RefCell<Vec<u32>>,
}

#[cfg(test)]
thread_local! {
    /// The steps of all walks of a test.
    pub(crate) static STEPS: Cell<u32> = const { Cell::new(0) };
}

/// No length: bit 0 is never a length.
const UNKNOWN: u32 = 1;

impl Work {
    /// Counts a step; false when there were too many.
    fn step(&self) -> bool {
        self.steps.set(self.steps.get() + 1);
        #[cfg(test)]
        STEPS.set(STEPS.get() + 1);
        self.steps.get() <= MAX_STEPS
    }

    fn kept(&self, place: usize, of: usize) -> Option<u32> {
        let mut lengths = self.lengths.borrow_mut();
        if lengths.len() != of {
            lengths.clear();
            lengths.resize(of, UNKNOWN);
        }
        Some(lengths[place]).filter(|l| *l != UNKNOWN)
    }

    fn keep(&self, place: usize, found: u32) {
        self.lengths.borrow_mut()[place] = found;
    }
}

struct Walk<'a, 't> {
    automaton: &'a Automaton,
    pieces: &'a Pieces,
    tokens: &'a Tokens<'t>,
    ends: &'a Ends,
    found: &'a mut Vec<Match>,
    cut_short: bool,
}

impl Walk<'_, '_> {
    fn go(&mut self, mut state: u32, mut at: usize, so_far: Match) {
        loop {
            let here = &self.automaton.states[state as usize];
            if self.ends.has(at) {
                for &template in self.automaton.accepts(here) {
                    self.found.push(Match { template, end: at as u16, ..so_far });
                }
            }
            if at == self.ends.last {
                self.cut_short |= self.automaton.accepts(here).is_empty();
                return;
            }
            if !self.tokens.work.step() {
                return;
            }
            for &(slot, next) in self.automaton.slots(here) {
                let count = usize::from(so_far.slot_count);
                if count == MAX_SLOTS {
                    continue;
                }
                let mut longer = so_far;
                longer.slot_count += 1;
                for end in slot::ends(slot, self.tokens, at, self.ends.last) {
                    longer.slots[count] = (slot, at as u16, end as u16);
                    self.go(next, end, longer);
                }
            }
            let symbol = self.tokens.list[at].symbol;
            if symbol == 0 {
                return;
            }
            if self.pieces.first[usize::from(symbol)] & here.piece_bits != 0 {
                for &(piece, next) in self.automaton.pieces(here) {
                    for length in self.pieces.lengths(piece, symbol, self.tokens, at, self.ends.last) {
                        self.go(next, at + length, so_far);
                    }
                }
            }
            match self.automaton.step(here, symbol) {
                Some(next) => (state, at) = (next, at + 1),
                None => return,
            }
        }
    }
}
