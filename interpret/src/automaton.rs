//! Many templates as one automaton over words, built once.
//!
//! Literal words are deterministic: one word leads from a state to at most one other. A slot and a shared piece are edges that
//! take one or more words; only there the walk branches, and it is bounded by [`MAX_STEPS`] whatever the text is. Pieces are
//! automata of their own and are not copied to where they are used, which keeps the tables small and makes them in no time.

use std::cell::{Cell, RefCell};

use super::notation::{Fragments, Node};
use super::slot::{self, Slot};
use super::token::{Lexicon, Tokens};

/// Steps of all walks over one sentence after which they give up; an ordinary sentence takes a few hundred.
pub(super) const MAX_STEPS: u32 = 32 * 1024;

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
    /// The word after its last.
    pub(super) end: u16,
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
    edges: Vec<(u32, Edge)>,
    /// Edges that take no word.
    free: Vec<(u32, u32)>,
    accepts: Vec<(u32, u16)>,
    /// The shared pieces that are used, one bit each.
    pieces: u64,
}

/// An edge before compilation: what it takes in the upper half, where it leads in the lower. One number sorts faster than two
/// fields, and sorting is most of the work.
type Edge = u64;

/// What an edge takes, as a number: words come first, then slots, then pieces.
mod label {
    pub(super) const SLOT: u32 = 1 << 16;
    pub(super) const PIECE: u32 = 1 << 17;
}

fn edge(label: u32, to: u32) -> Edge {
    u64::from(label) << 32 | u64::from(to)
}

fn label_of(edge: Edge) -> u32 {
    (edge >> 32) as u32
}

fn target_of(edge: Edge) -> u32 {
    edge as u32
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
            Node::Word(w) => self.edges.push((from, edge(word(w).into(), to))),
            Node::Shared(piece, _, may_be_empty) => {
                self.pieces |= 1 << piece;
                self.edges.push((from, edge(label::PIECE | u32::from(*piece), to)));
                if *may_be_empty {
                    self.free.push((from, to));
                }
            }
            Node::Slot(slot) => self.edges.push((from, edge(label::SLOT | *slot as u32, to))),
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

    /// The shared pieces that its templates use, one bit each.
    pub(super) fn pieces(&self) -> u64 {
        self.pieces
    }

    /// What its templates can begin with.
    pub(super) fn beginnings(&self) -> Beginnings {
        let mut reached = vec![false; self.states as usize];
        reached[0] = true;
        let mut grew = true;
        while grew {
            grew = false;
            for (from, to) in &self.free {
                if reached[*from as usize] && !std::mem::replace(&mut reached[*to as usize], true) {
                    grew = true;
                }
            }
        }
        let mut beginnings = Beginnings::default();
        for label in self.edges.iter().filter(|e| reached[e.0 as usize]).map(|e| label_of(e.1)) {
            match label {
                l if l & label::PIECE != 0 => beginnings.pieces |= 1 << (l as u8),
                l if l & label::SLOT != 0 => beginnings.anything = true,
                word => beginnings.words.push(word as u16),
            }
        }
        beginnings
    }

    /// Makes the automaton (subset construction over words, slots and pieces).
    pub(super) fn build(self) -> Automaton {
        let states = self.states as usize;
        let (edge_starts, edges) = by_state(&self.edges, states);
        let (free_starts, free) = by_state(&self.free, states);
        let mut sets = Sets {
            edge_starts: &edge_starts,
            free_starts: &free_starts,
            free: &free,
            accept: vec![NONE; states],
            seen: vec![0; states],
            round: 0,
            alone: vec![NONE; states],
            single: vec![NONE; states],
            known: Known::with_room_for(states),
            members: Vec::with_capacity(4 * states),
            queue: Vec::with_capacity(states),
        };
        for &(state, template) in &self.accepts {
            sets.accept[state as usize] = u32::from(template);
        }
        let mut automaton = Automaton {
            states: Vec::with_capacity(states),
            words: Vec::with_capacity(2 * edges.len()),
            slots: Vec::new(),
            pieces: Vec::new(),
            accepts: Vec::with_capacity(2 * self.accepts.len()),
        };
        sets.number(&[edge(0, 0)]);
        let mut here: Vec<Edge> = Vec::new();
        let mut done = 0;
        while done < sets.queue.len() {
            let before = automaton.sizes();
            here.clear();
            let (from, to) = sets.queue[done];
            for &s in &sets.members[from as usize..to as usize] {
                let s = s as usize;
                here.extend_from_slice(&edges[edge_starts[s] as usize..edge_starts[s + 1] as usize]);
                if sets.accept[s] != NONE {
                    automaton.accepts.push(sets.accept[s] as u16);
                }
            }
            if here.len() > 1 {
                here.sort_unstable();
                here.dedup();
            }
            let mut piece_bits = 0;
            let mut at = 0;
            while at < here.len() {
                let label = label_of(here[at]);
                let group = here[at..].iter().take_while(|e| label_of(**e) == label).count();
                let number = sets.number(&here[at..at + group]);
                at += group;
                if label & label::PIECE != 0 {
                    automaton.pieces.push((label as u8, number));
                    piece_bits |= 1 << (label as u8);
                } else if label & label::SLOT != 0 {
                    automaton.slots.push((Slot::ALL[usize::from(label as u8)], number));
                } else {
                    automaton.words.push((label as u16, number));
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
        automaton.states.shrink_to_fit();
        automaton.words.shrink_to_fit();
        automaton
    }
}

/// What templates can begin with.
#[derive(Debug, Default)]
pub(super) struct Beginnings {
    words: Vec<u16>,
    /// Shared pieces, one bit each.
    pieces: u64,
    /// A slot.
    anything: bool,
}

/// No state, no number.
const NONE: u32 = u32::MAX;

/// The entries in the order of their states, and where those of each state begin and the last end. There are as many states as
/// entries, so that counting is quicker than comparing.
fn by_state<T: Copy + Default>(entries: &[(u32, T)], states: usize) -> (Vec<u32>, Vec<T>) {
    let mut starts = vec![0; states + 1];
    for (state, _) in entries {
        starts[*state as usize + 1] += 1;
    }
    for i in 0..states {
        starts[i + 1] += starts[i];
    }
    let mut next = starts.clone();
    let mut sorted = vec![T::default(); entries.len()];
    for (state, entry) in entries {
        let place = &mut next[*state as usize];
        sorted[*place as usize] = *entry;
        *place += 1;
    }
    (starts, sorted)
}

/// The sets of the builder's states that became states of the automaton.
struct Sets<'a> {
    edge_starts: &'a [u32],
    free_starts: &'a [u32],
    free: &'a [u32],
    accept: Vec<u32>,
    /// In which round a state was seen last, so that nothing has to be cleared between rounds.
    seen: Vec<u32>,
    round: u32,
    /// The numbers of the sets that one target alone makes; most have one.
    alone: Vec<u32>,
    /// The numbers of the sets that have one member.
    single: Vec<u32>,
    known: Known,
    members: Vec<u32>,
    queue: Vec<(u32, u32)>,
}

impl Sets<'_> {
    /// The number of the state that the targets of these edges and all that is reachable from them without a word make.
    fn number(&mut self, of: &[Edge]) -> u32 {
        if let [one] = of {
            let one = target_of(*one) as usize;
            if self.alone[one] == NONE {
                // Most states lead nowhere without a word, and are a set by themselves.
                let by_itself = self.free_starts[one] == self.free_starts[one + 1];
                self.alone[one] = if by_itself { self.number_of_one(one as u32) } else { self.number_of_set(of) };
            }
            return self.alone[one];
        }
        self.number_of_set(of)
    }

    /// The number of the set with this one member.
    fn number_of_one(&mut self, state: u32) -> u32 {
        let single = &mut self.single[state as usize];
        if *single == NONE {
            *single = self.queue.len() as u32;
            self.queue.push((self.members.len() as u32, self.members.len() as u32 + 1));
            self.members.push(state);
        }
        *single
    }

    fn number_of_set(&mut self, of: &[Edge]) -> u32 {
        self.round += 1;
        let start = self.members.len();
        for edge in of {
            self.collect(target_of(*edge));
        }
        // States that only lead on are not looked at again.
        let mut kept = start;
        for i in start..self.members.len() {
            let s = self.members[i] as usize;
            if self.edge_starts[s] != self.edge_starts[s + 1] || self.accept[s] != NONE {
                self.members[kept] = self.members[i];
                kept += 1;
            }
        }
        self.members.truncate(kept);
        if kept == start + 1 {
            let one = self.members[start];
            self.members.truncate(start);
            return self.number_of_one(one);
        }
        self.members[start..].sort_unstable();
        let next = self.queue.len() as u32;
        let number = self.known.number(&self.members, &self.queue, start, next);
        if number == next {
            self.queue.push((start as u32, kept as u32));
        } else {
            self.members.truncate(start);
        }
        number
    }

    fn collect(&mut self, state: u32) {
        let mut at = self.members.len();
        if std::mem::replace(&mut self.seen[state as usize], self.round) != self.round {
            self.members.push(state);
        }
        while at < self.members.len() {
            let s = self.members[at] as usize;
            for &next in &self.free[self.free_starts[s] as usize..self.free_starts[s + 1] as usize] {
                if std::mem::replace(&mut self.seen[next as usize], self.round) != self.round {
                    self.members.push(next);
                }
            }
            at += 1;
        }
    }
}

/// Which sets there are already. The sets lie in one list of members, so that none is copied to be a key.
struct Known {
    /// Numbers of sets by hash, open addressing; a power of two of them, at most half of it used.
    slots: Vec<u32>,
    used: usize,
}

impl Known {
    fn with_room_for(sets: usize) -> Self {
        Self { slots: vec![NONE; (2 * sets).next_power_of_two().max(16)], used: 0 }
    }

    /// The number of the set that is the end of `members` from `start` on; `next` when it is a new one.
    fn number(&mut self, members: &[u32], queue: &[(u32, u32)], start: usize, next: u32) -> u32 {
        let set = |n: u32| {
            let (from, to) = queue[n as usize];
            &members[from as usize..to as usize]
        };
        let hash = |set: &[u32]| {
            set.iter()
                .fold(set.len() as u64, |h, s| (h.rotate_left(5) ^ u64::from(*s)).wrapping_mul(0x517c_c1b7_2722_0a95))
        };
        if 2 * (self.used + 1) > self.slots.len() {
            let numbers = std::mem::take(&mut self.slots);
            self.slots = vec![NONE; 2 * numbers.len()];
            for number in numbers.into_iter().filter(|n| *n != NONE) {
                let mut at = hash(set(number)) as usize >> 7 & (self.slots.len() - 1);
                while self.slots[at] != NONE {
                    at = (at + 1) & (self.slots.len() - 1);
                }
                self.slots[at] = number;
            }
        }
        let new = &members[start..];
        let mut at = hash(new) as usize >> 7 & (self.slots.len() - 1);
        loop {
            match self.slots[at] {
                NONE => {
                    self.slots[at] = next;
                    self.used += 1;
                    return next;
                }
                number if set(number) == new => return number,
                _ => at = (at + 1) & (self.slots.len() - 1),
            }
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

    /// All ways in which the words from `from` to one of `ends` are said by a template, appended to `found`. True when the words
    /// up to the last end stopped inside a template: more was expected.
    pub(super) fn matches(
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
    pub(super) fn lengths(&self, pieces: &Pieces, tokens: &Tokens<'_>, start: usize, to: usize) -> u32 {
        let mut lengths = 0;
        let to = to.min(start + MAX_PIECE_WORDS);
        Lengths { automaton: self, pieces, tokens, start, to, lengths: &mut lengths }.go(0, start);
        lengths & !1
    }
}

/// Where the words of an order may end: some of the places up to the last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    bits: u128,
    last: usize,
}

impl Ends {
    /// These places; there is at least one.
    pub(super) fn new(places: &[usize]) -> Self {
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
pub(super) struct Work {
    steps: Cell<u32>,
    /// By word and piece: the lengths, or [`UNKNOWN`].
    lengths: RefCell<Vec<u32>>,
}

#[cfg(test)]
thread_local! {
    /// The steps of all walks of a test.
    pub(super) static STEPS: Cell<u32> = const { Cell::new(0) };
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
