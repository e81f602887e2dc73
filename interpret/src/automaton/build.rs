//! Making an automaton of templates: a list of edges, then the subset construction over words, slots and pieces.

use super::super::notation::Node;
use super::super::slot::Slot;
use super::{Automaton, State};

/// Collects templates before they are compiled. All edges lie in one list: there are many thousands, and start-up is short.
#[derive(Debug, Default)]
pub(crate) struct Builder {
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
    pub(crate) fn new() -> Self {
        Self { states: 1, ..Self::default() }
    }

    fn state(&mut self) -> u32 {
        self.states += 1;
        self.states - 1
    }

    /// Adds a template; `word` gives each literal its number.
    pub(crate) fn add(&mut self, node: &Node, template: u16, word: &mut dyn FnMut(&'static str) -> u16) {
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
    pub(crate) fn pieces(&self) -> u64 {
        self.pieces
    }

    /// What its templates can begin with.
    pub(crate) fn beginnings(&self) -> Beginnings {
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
    pub(crate) fn build(self) -> Automaton {
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
pub(crate) struct Beginnings {
    pub(super) words: Vec<u16>,
    /// Shared pieces, one bit each.
    pub(super) pieces: u64,
    /// A slot.
    pub(super) anything: bool,
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
