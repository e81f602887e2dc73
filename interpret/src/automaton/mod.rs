//! Many templates as one automaton over words, built once.
//!
//! Literal words are deterministic: one word leads from a state to at most one other. A slot and a shared piece are edges that
//! take one or more words; only there the walk branches, and it is bounded by [`walk::MAX_STEPS`] whatever the text is. Pieces are
//! automata of their own and are not copied to where they are used, which keeps the tables small and makes them in no time.
//! Here are the tables; `build` makes them, `walk` reads sentences by them.

mod build;
mod walk;

use super::notation::{Fragments, Node};
use super::slot::Slot;
use super::token::Lexicon;
pub(super) use build::{Beginnings, Builder};
#[cfg(test)]
pub(super) use walk::STEPS;
pub(super) use walk::{Ends, Match, Work};

/// Most shared pieces: one bit for each.
pub(super) const MAX_PIECES: usize = 64;

/// A state: where its edges lie in the tables of the automaton.
#[derive(Debug, Clone, Copy)]
struct State {
    words: (u32, u32),
    slots: (u32, u32),
    pieces: (u32, u32),
    accepts: (u32, u32),
    /// The pieces of its edges, one bit each.
    piece_bits: u64,
}

/// The automaton. Templates are known by their number in the order in which they were added.
#[derive(Debug)]
pub(super) struct Automaton {
    states: Vec<State>,
    words: Vec<(u16, u32)>,
    slots: Vec<(Slot, u32)>,
    pieces: Vec<(u8, u32)>,
    accepts: Vec<u16>,
}

/// The shared pieces, each an automaton.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    list: Vec<Automaton>,
    /// By the number of a word: which pieces begin with it, one bit each.
    first: Vec<u64>,
}

impl Pieces {
    /// Compiles the shared pieces; a piece uses only those before it.
    pub(super) fn new(fragments: &Fragments, lexicon: &mut Lexicon) -> Self {
        let compile = |node: &Node| {
            let mut builder = Builder::new();
            builder.add(node, 0, &mut |w| lexicon.symbol(w));
            builder.build()
        };
        Self { list: fragments.nodes().map(compile).collect(), first: Vec::new() }
    }

    /// Notes which words each piece begins with, when all words have their numbers.
    pub(super) fn index(&mut self, lexicon: &Lexicon) {
        self.first = vec![0; usize::from(lexicon.symbols()) + 1];
        for (i, piece) in self.list.iter().enumerate() {
            let start = &piece.states[0];
            for (symbol, _) in &piece.words[start.words.0 as usize..start.words.1 as usize] {
                self.first[usize::from(*symbol)] |= 1 << i;
            }
            for first in &mut self.first {
                if *first & start.piece_bits != 0 {
                    *first |= 1 << i;
                }
            }
        }
    }

    /// By the number of a word: which of these can begin with it, one bit each.
    pub(super) fn begin(&self, beginnings: &[Beginnings], lexicon: &Lexicon) -> Vec<u64> {
        let mut begin = vec![0; usize::from(lexicon.symbols()) + 1];
        for (i, of) in beginnings.iter().enumerate() {
            for symbol in &of.words {
                begin[usize::from(*symbol)] |= 1 << i;
            }
            for (begin, first) in begin.iter_mut().zip(&self.first) {
                if of.anything || first & of.pieces != 0 {
                    *begin |= 1 << i;
                }
            }
        }
        begin
    }

    /// The words of these pieces, one bit each, and of those that they use.
    pub(super) fn words(&self, mut pieces: u64, into: &mut Vec<u16>) {
        for (i, piece) in self.list.iter().enumerate().rev() {
            if pieces & 1 << i != 0 {
                into.extend(piece.words.iter().map(|(word, _)| *word));
                pieces |= piece.states.iter().fold(0, |bits, state| bits | state.piece_bits);
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.list.iter().map(Automaton::bytes).sum::<usize>() + self.first.len() * 8
    }
}

impl Automaton {
    /// Bytes that the tables take.
    pub(super) fn bytes(&self) -> usize {
        self.states.capacity() * size_of::<State>()
            + self.words.capacity() * size_of::<(u16, u32)>()
            + self.slots.capacity() * size_of::<(Slot, u32)>()
            + self.pieces.capacity() * size_of::<(u8, u32)>()
            + self.accepts.capacity() * 2
    }

    fn sizes(&self) -> [u32; 4] {
        [self.words.len(), self.slots.len(), self.pieces.len(), self.accepts.len()].map(|n| n as u32)
    }

    fn step(&self, state: &State, symbol: u16) -> Option<u32> {
        let edges = &self.words[state.words.0 as usize..state.words.1 as usize];
        edges.binary_search_by_key(&symbol, |e| e.0).ok().map(|i| edges[i].1)
    }

    fn accepts(&self, state: &State) -> &[u16] {
        &self.accepts[state.accepts.0 as usize..state.accepts.1 as usize]
    }

    fn slots(&self, state: &State) -> &[(Slot, u32)] {
        &self.slots[state.slots.0 as usize..state.slots.1 as usize]
    }

    fn pieces(&self, state: &State) -> &[(u8, u32)] {
        &self.pieces[state.pieces.0 as usize..state.pieces.1 as usize]
    }
}
