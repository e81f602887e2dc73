//! Many templates as one automaton over words, built once.
//!
//! Literal words are deterministic: one word leads from a state to at most one other. A slot and a shared piece are edges that
//! take one or more words; only there the walk branches, and it is bounded by [`MAX_STEPS`] whatever the text is. Pieces are
//! automata of their own and are not copied to where they are used, which keeps the tables small and makes them in no time.

use std::collections::HashMap;

use super::notation::{Fragments, Node};
use super::slot::{self, Slot};
use super::token::{FastHash, Lexicon, Tokens};

/// Steps of one walk after which it gives up; an ordinary sentence takes under a hundred.
const MAX_STEPS: u32 = 4096;

/// Most slots that one template may fill.
pub(super) const MAX_SLOTS: usize = 4;

/// Most words that a shared piece, or a phrase around an order, may have: one bit for each length.
const MAX_PIECE_WORDS: usize = 31;

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

/// What one walk found: a template, and the words that each of its slots took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match {
    pub(super) template: u16,
    pub(super) slots: [(Slot, u16, u16); MAX_SLOTS],
    pub(super) slot_count: u8,
}

impl Match {
    /// The filled slots: kind, first word, word after the last.
    pub(super) fn filled(&self) -> &[(Slot, u16, u16)] {
        &self.slots[..usize::from(self.slot_count)]
    }

    /// How many words its slots took.
    pub(super) fn open_words(&self) -> u16 {
        self.filled().iter().map(|(_, from, to)| to - from).sum()
    }
}

/// Collects templates before they are compiled. All edges lie in one list: there are many thousands, and start-up is short.
#[derive(Debug, Default)]
pub(super) struct Builder {
    states: u32,
    edges: Vec<(u32, Label, u32)>,
    /// Edges that take no word.
    free: Vec<(u32, u32)>,
    accepts: Vec<(u32, u16)>,
}

/// What an edge takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Word(u16),
    Slot(Slot),
    Piece(u8),
}

impl Builder {
    pub(super) fn new() -> Self {
        Self { states: 1, ..Self::default() }
    }

    fn state(&mut self) -> u32 {
        self.states += 1;
        self.states - 1
    }

    /// Adds a template; `word` gives each literal its number.
    pub(super) fn add(&mut self, node: &Node, template: u16, word: &mut dyn FnMut(&'static str) -> u16) {
        let end = self.state();
        self.accepts.push((end, template));
        self.path(node, 0, end, word);
    }

    fn path(&mut self, node: &Node, from: u32, to: u32, word: &mut dyn FnMut(&'static str) -> u16) {
        match node {
            Node::Word(w) => self.edges.push((from, Label::Word(word(w)), to)),
            Node::Shared(piece, node) => {
                self.edges.push((from, Label::Piece(*piece), to));
                if node.may_be_empty() {
                    self.free.push((from, to));
                }
            }
            Node::Slot(slot) => self.edges.push((from, Label::Slot(*slot), to)),
            Node::Any(choices) => choices.iter().for_each(|c| self.path(c, from, to, word)),
            Node::Seq(nodes) => match nodes.len() {
                0 => self.free.push((from, to)),
                n => {
                    let mut at = from;
                    for (i, node) in nodes.iter().enumerate() {
                        let next = if i + 1 == n { to } else { self.state() };
                        self.path(node, at, next, word);
                        at = next;
                    }
                }
            },
        }
    }

    /// Makes the automaton (subset construction over words, slots and pieces).
    pub(super) fn build(mut self) -> Automaton {
        let states = self.states as usize;
        self.edges = by_state(&self.edges, |e| e.0, states);
        self.free = by_state(&self.free, |e| e.0, states);
        let mut sets = Sets {
            edges: starts(&self.edges, |e| e.0, states),
            free: starts(&self.free, |e| e.0, states),
            accept: vec![None; states],
            seen: vec![0; states],
            round: 0,
            single: vec![u32::MAX; states],
            known: HashMap::default(),
            members: Vec::new(),
            queue: Vec::new(),
            builder: &self,
        };
        for &(state, template) in &self.accepts {
            sets.accept[state as usize] = Some(template);
        }
        let mut automaton = Automaton {
            states: Vec::new(),
            words: Vec::with_capacity(self.edges.len()),
            slots: Vec::new(),
            pieces: Vec::new(),
            accepts: Vec::new(),
        };
        sets.number(std::iter::once(0));
        let mut edges: Vec<(Label, u32)> = Vec::new();
        let mut done = 0;
        while done < sets.queue.len() {
            let before = automaton.sizes();
            edges.clear();
            let (from, to) = sets.queue[done];
            for &s in &sets.members[from as usize..to as usize] {
                let s = s as usize;
                let own = &self.edges[sets.edges[s] as usize..sets.edges[s + 1] as usize];
                edges.extend(own.iter().map(|e| (e.1, e.2)));
                automaton.accepts.extend(sets.accept[s]);
            }
            if edges.len() > 1 {
                edges.sort_unstable();
                edges.dedup();
            }
            let mut piece_bits = 0;
            for group in edges.chunk_by(|a, b| a.0 == b.0) {
                let number = sets.number(group.iter().map(|e| e.1));
                match group[0].0 {
                    Label::Word(word) => automaton.words.push((word, number)),
                    Label::Slot(slot) => automaton.slots.push((slot, number)),
                    Label::Piece(piece) => {
                        automaton.pieces.push((piece, number));
                        piece_bits |= 1 << piece;
                    }
                }
            }
            let after = automaton.sizes();
            automaton.states.push(State {
                words: (before[0], after[0]),
                slots: (before[1], after[1]),
                pieces: (before[2], after[2]),
                accepts: (before[3], after[3]),
                piece_bits,
            });
            done += 1;
        }
        automaton.words.shrink_to_fit();
        automaton
    }
}

/// The entries in the order of their states: there are as many states as entries, so that counting is quicker than comparing.
fn by_state<T: Copy>(entries: &[T], state: impl Fn(&T) -> u32, states: usize) -> Vec<T> {
    let mut next = starts(entries, &state, states);
    let mut sorted = entries.to_vec();
    for entry in entries {
        let place = &mut next[state(entry) as usize];
        sorted[*place as usize] = *entry;
        *place += 1;
    }
    sorted
}

/// Where in a list in the order of states the entries of each state begin, and where the last end.
fn starts<T>(sorted: &[T], state: impl Fn(&T) -> u32, states: usize) -> Vec<u32> {
    let mut starts = vec![0; states + 1];
    for entry in sorted {
        starts[state(entry) as usize + 1] += 1;
    }
    for i in 0..states {
        starts[i + 1] += starts[i];
    }
    starts
}

/// The sets of the builder's states that became states of the automaton.
struct Sets<'a> {
    builder: &'a Builder,
    edges: Vec<u32>,
    free: Vec<u32>,
    accept: Vec<Option<u16>>,
    /// In which round a state was seen last, so that nothing has to be cleared between rounds.
    seen: Vec<u32>,
    round: u32,
    /// The numbers of sets with one member; most have one.
    single: Vec<u32>,
    known: HashMap<Box<[u32]>, u32, FastHash>,
    members: Vec<u32>,
    queue: Vec<(u32, u32)>,
}

impl Sets<'_> {
    /// The number of the state that these and all that is reachable from them without a word make.
    fn number(&mut self, of: impl Iterator<Item = u32>) -> u32 {
        self.round += 1;
        let start = self.members.len();
        for state in of {
            self.collect(state);
        }
        // States that only lead on are not looked at again.
        let (edges, accept) = (&self.edges, &self.accept);
        let mut kept = start;
        for i in start..self.members.len() {
            let s = self.members[i] as usize;
            if edges[s] != edges[s + 1] || accept[s].is_some() {
                self.members[kept] = self.members[i];
                kept += 1;
            }
        }
        self.members.truncate(kept);
        let next = self.queue.len() as u32;
        let known = if kept - start == 1 {
            let single = &mut self.single[self.members[start] as usize];
            let known = (*single != u32::MAX).then_some(*single);
            *single = known.unwrap_or(next);
            known
        } else {
            self.members[start..].sort_unstable();
            let known = self.known.get(&self.members[start..]).copied();
            if known.is_none() {
                self.known.insert(self.members[start..].into(), next);
            }
            known
        };
        match known {
            Some(number) => {
                self.members.truncate(start);
                number
            }
            None => {
                self.queue.push((start as u32, kept as u32));
                next
            }
        }
    }

    fn collect(&mut self, state: u32) {
        let mut at = self.members.len();
        if std::mem::replace(&mut self.seen[state as usize], self.round) != self.round {
            self.members.push(state);
        }
        while at < self.members.len() {
            let s = self.members[at] as usize;
            for &(_, next) in &self.builder.free[self.free[s] as usize..self.free[s + 1] as usize] {
                if std::mem::replace(&mut self.seen[next as usize], self.round) != self.round {
                    self.members.push(next);
                }
            }
            at += 1;
        }
    }
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

    /// All ways in which the words `from..to` are said by a template, appended to `found`. True when the words ended
    /// inside a template: more was expected.
    pub(super) fn matches(
        &self,
        pieces: &Pieces,
        tokens: &Tokens<'_>,
        from: usize,
        to: usize,
        found: &mut Vec<Match>,
    ) -> bool {
        let empty = Match { template: 0, slots: [(Slot::Percent, 0, 0); MAX_SLOTS], slot_count: 0 };
        let mut walk = Walk { automaton: self, pieces, tokens, to, found, steps: 0, cut_short: false };
        walk.go(0, from, empty);
        walk.cut_short
    }

    /// The lengths of the phrases without slots that are said from word `at` on, before `to`: bit `n` for `n` words.
    pub(super) fn lengths(&self, pieces: &Pieces, tokens: &Tokens<'_>, at: usize, to: usize) -> u32 {
        let mut lengths = 0;
        let to = to.min(at + MAX_PIECE_WORDS);
        let mut walk = Lengths { pieces, tokens, start: at, to, lengths: &mut lengths, steps: 0 };
        walk.go(self, 0, at);
        lengths & !1
    }
}

struct Lengths<'a, 't> {
    pieces: &'a Pieces,
    tokens: &'a Tokens<'t>,
    start: usize,
    to: usize,
    lengths: &'a mut u32,
    steps: u32,
}

impl Lengths<'_, '_> {
    fn go(&mut self, automaton: &Automaton, mut state: u32, mut at: usize) {
        loop {
            let here = &automaton.states[state as usize];
            self.steps += 1;
            if !automaton.accepts(here).is_empty() {
                *self.lengths |= 1 << (at - self.start);
            }
            if at >= self.to || self.steps > MAX_STEPS {
                return;
            }
            let symbol = self.tokens.list[at].symbol;
            if symbol == 0 {
                return;
            }
            if self.pieces.first[usize::from(symbol)] & here.piece_bits != 0 {
                for &(piece, next) in automaton.pieces(here) {
                    for length in self.pieces.lengths(piece, symbol, self.tokens, at, self.to) {
                        self.go(automaton, next, at + length);
                    }
                }
            }
            match automaton.step(here, symbol) {
                Some(next) => (state, at) = (next, at + 1),
                None => return,
            }
        }
    }
}

impl Pieces {
    /// How many words a piece takes from `at` on, each way.
    fn lengths(
        &self,
        piece: u8,
        symbol: u16,
        tokens: &Tokens<'_>,
        at: usize,
        to: usize,
    ) -> impl Iterator<Item = usize> + use<> {
        let begins = self.first[usize::from(symbol)] & 1 << piece != 0;
        let mut bits = if begins { self.list[usize::from(piece)].lengths(self, tokens, at, to) } else { 0 };
        std::iter::from_fn(move || {
            let length = bits.trailing_zeros();
            bits &= bits.wrapping_sub(1);
            (length < u32::BITS).then_some(length as usize)
        })
    }
}

struct Walk<'a, 't> {
    automaton: &'a Automaton,
    pieces: &'a Pieces,
    tokens: &'a Tokens<'t>,
    to: usize,
    found: &'a mut Vec<Match>,
    steps: u32,
    cut_short: bool,
}

impl Walk<'_, '_> {
    fn go(&mut self, mut state: u32, mut at: usize, so_far: Match) {
        loop {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return;
            }
            let here = &self.automaton.states[state as usize];
            if at == self.to {
                for &template in self.automaton.accepts(here) {
                    self.found.push(Match { template, ..so_far });
                }
                self.cut_short |= self.automaton.accepts(here).is_empty();
                return;
            }
            for &(slot, next) in self.automaton.slots(here) {
                let count = usize::from(so_far.slot_count);
                if count == MAX_SLOTS {
                    continue;
                }
                let mut longer = so_far;
                longer.slot_count += 1;
                for end in slot::ends(slot, self.tokens, at, self.to) {
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
                    for length in self.pieces.lengths(piece, symbol, self.tokens, at, self.to) {
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
