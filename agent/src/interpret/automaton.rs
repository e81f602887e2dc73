//! Many templates as one automaton over words, built once.
//!
//! Literal words are deterministic: one word leads from a state to at most one other. A slot is an edge that takes one or more
//! words; only there the walk branches, and it is bounded by [`MAX_STEPS`] whatever the text is.

use std::collections::HashMap;

use super::notation::Node;
use super::slot::{self, Slot};
use super::token::Tokens;

/// Steps of one walk after which it gives up; an ordinary sentence takes under a hundred.
const MAX_STEPS: u32 = 4096;

/// Most slots that one template may fill.
pub(super) const MAX_SLOTS: usize = 4;

/// A state: where its edges lie in the tables of the automaton.
#[derive(Debug, Clone, Copy)]
struct State {
    words: (u32, u32),
    slots: (u32, u32),
    accepts: (u32, u32),
}

/// The automaton. Templates are known by their number in the order in which they were added.
#[derive(Debug)]
pub(super) struct Automaton {
    states: Vec<State>,
    words: Vec<(u16, u32)>,
    slots: Vec<(Slot, u32)>,
    accepts: Vec<u16>,
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

/// Collects templates before they are compiled.
#[derive(Debug, Default)]
pub(super) struct Builder {
    states: Vec<Loose>,
}

#[derive(Debug, Default)]
struct Loose {
    words: Vec<(u16, u32)>,
    slots: Vec<(Slot, u32)>,
    free: Vec<u32>,
    accept: Option<u16>,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self { states: vec![Loose::default()] }
    }

    fn state(&mut self) -> u32 {
        self.states.push(Loose::default());
        (self.states.len() - 1) as u32
    }

    /// Adds a template; `word` gives each literal its number; it is told the one that it gave before, or 0. `reversed` reads it from its last word to its first.
    pub(super) fn add(&mut self, node: &Node, template: u16, reversed: bool, word: &mut dyn FnMut(&str, u16) -> u16) {
        let end = self.state();
        self.states[end as usize].accept = Some(template);
        self.path(node, 0, end, reversed, word);
    }

    fn path(&mut self, node: &Node, from: u32, to: u32, reversed: bool, word: &mut dyn FnMut(&str, u16) -> u16) {
        match node {
            Node::Word(w, number) => {
                let symbol = word(w, number.get());
                number.set(symbol);
                self.states[from as usize].words.push((symbol, to));
            }
            Node::Shared(node) => self.path(node, from, to, reversed, word),
            Node::Slot(slot) => self.states[from as usize].slots.push((*slot, to)),
            Node::Any(choices) => choices.iter().for_each(|c| self.path(c, from, to, reversed, word)),
            Node::Seq(nodes) => match nodes.len() {
                0 => self.states[from as usize].free.push(to),
                n => {
                    let mut at = from;
                    for i in 0..n {
                        let node = &nodes[if reversed { n - 1 - i } else { i }];
                        let next = if i + 1 == n { to } else { self.state() };
                        self.path(node, at, next, reversed, word);
                        at = next;
                    }
                }
            },
        }
    }

    /// For each state what is reachable from it without a word, itself included, without states that only lead on; sorted.
    fn closures(&self) -> Vec<Box<[u32]>> {
        // In which round a state was seen last, so that nothing has to be cleared between rounds.
        let mut seen = vec![u32::MAX; self.states.len()];
        let mut set = Vec::new();
        let of = |from: u32| {
            set.clear();
            set.push(from);
            seen[from as usize] = from;
            let mut i = 0;
            while i < set.len() {
                for &next in &self.states[set[i] as usize].free {
                    if std::mem::replace(&mut seen[next as usize], from) != from {
                        set.push(next);
                    }
                }
                i += 1;
            }
            set.retain(|&s| {
                let s = &self.states[s as usize];
                !s.words.is_empty() || !s.slots.is_empty() || s.accept.is_some()
            });
            set.sort_unstable();
            set.as_slice().into()
        };
        (0..self.states.len() as u32).map(of).collect()
    }

    /// Makes the automaton (subset construction over literal words).
    pub(super) fn build(&self) -> Automaton {
        let mut automaton = Automaton { states: Vec::new(), words: Vec::new(), slots: Vec::new(), accepts: Vec::new() };
        let closures = self.closures();
        let start = closures[0].to_vec();
        let mut known: HashMap<Vec<u32>, u32, super::token::FastHash> = HashMap::default();
        known.insert(start.clone(), 0);
        let mut queue = vec![start];
        let mut done = 0;
        let mut edges: Vec<(u16, u32)> = Vec::new();
        let mut slot_edges: Vec<(Slot, u32)> = Vec::new();
        let mut seen: Vec<(Vec<u32>, u32)> = Vec::new();
        while done < queue.len() {
            edges.clear();
            slot_edges.clear();
            let first_accept = automaton.accepts.len() as u32;
            for &s in &queue[done] {
                let s = &self.states[s as usize];
                edges.extend_from_slice(&s.words);
                slot_edges.extend_from_slice(&s.slots);
                automaton.accepts.extend(s.accept);
            }
            edges.sort_unstable();
            edges.dedup();
            slot_edges.sort_unstable();
            slot_edges.dedup();
            let mut target = |to: &[u32], queue: &mut Vec<Vec<u32>>| {
                let mut set: Vec<u32> = to.iter().flat_map(|s| closures[*s as usize].iter().copied()).collect();
                if to.len() > 1 {
                    set.sort_unstable();
                    set.dedup();
                }
                *known.entry(set).or_insert_with_key(|set| {
                    queue.push(set.clone());
                    (queue.len() - 1) as u32
                })
            };
            // Most words of a state lead where another of its words leads, and most often to one place.
            let first_word = automaton.words.len() as u32;
            seen.clear();
            for group in edges.chunk_by(|a, b| a.0 == b.0) {
                let same =
                    seen.iter().find(|(g, _)| g.len() == group.len() && g.iter().zip(group).all(|(a, b)| *a == b.1));
                let to = match same {
                    Some((_, to)) => *to,
                    None => {
                        let set: Vec<u32> = group.iter().map(|e| e.1).collect();
                        let to = target(&set, &mut queue);
                        seen.push((set, to));
                        to
                    }
                };
                automaton.words.push((group[0].0, to));
            }
            let first_slot = automaton.slots.len() as u32;
            for group in slot_edges.chunk_by(|a, b| a.0 == b.0) {
                let to = target(&group.iter().map(|e| e.1).collect::<Vec<_>>(), &mut queue);
                automaton.slots.push((group[0].0, to));
            }
            automaton.states.push(State {
                words: (first_word, automaton.words.len() as u32),
                slots: (first_slot, automaton.slots.len() as u32),
                accepts: (first_accept, automaton.accepts.len() as u32),
            });
            done += 1;
        }
        automaton
    }
}

impl Automaton {
    /// Bytes that the tables take.
    pub(super) fn bytes(&self) -> usize {
        self.states.capacity() * size_of::<State>()
            + self.words.capacity() * size_of::<(u16, u32)>()
            + self.slots.capacity() * size_of::<(Slot, u32)>()
            + self.accepts.capacity() * 2
    }

    fn step(&self, state: u32, symbol: u16) -> Option<u32> {
        if symbol == 0 {
            return None;
        }
        let (from, to) = self.states[state as usize].words;
        let edges = &self.words[from as usize..to as usize];
        edges.binary_search_by_key(&symbol, |e| e.0).ok().map(|i| edges[i].1)
    }

    fn accepts(&self, state: u32) -> &[u16] {
        let (from, to) = self.states[state as usize].accepts;
        &self.accepts[from as usize..to as usize]
    }

    fn slots(&self, state: u32) -> &[(Slot, u32)] {
        let (from, to) = self.states[state as usize].slots;
        &self.slots[from as usize..to as usize]
    }

    /// All ways in which the words `from..to` are said by a template, appended to `found`. True when the words ended
    /// inside a template: more was expected.
    pub(super) fn matches(&self, tokens: &Tokens<'_>, from: usize, to: usize, found: &mut Vec<Match>) -> bool {
        let empty = Match { template: 0, slots: [(Slot::Percent, 0, 0); MAX_SLOTS], slot_count: 0 };
        let mut walk = Walk { automaton: self, tokens, to, found, steps: 0, cut_short: false };
        walk.go(0, from, empty);
        walk.cut_short
    }

    /// The lengths of the literal phrases that start at `at` (or end there, backwards, for a reversed automaton).
    pub(super) fn phrases(&self, symbols: impl Iterator<Item = u16>, mut each: impl FnMut(usize)) {
        let mut state = 0;
        for (n, symbol) in symbols.enumerate() {
            match self.step(state, symbol) {
                Some(next) => state = next,
                None => return,
            }
            if !self.accepts(state).is_empty() {
                each(n + 1);
            }
        }
    }
}

struct Walk<'a, 't> {
    automaton: &'a Automaton,
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
            if at == self.to {
                for &template in self.automaton.accepts(state) {
                    self.found.push(Match { template, ..so_far });
                }
                self.cut_short |= self.automaton.accepts(state).is_empty();
                return;
            }
            for &(slot, next) in self.automaton.slots(state) {
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
            match self.automaton.step(state, self.tokens.list[at].symbol) {
                Some(next) => (state, at) = (next, at + 1),
                None => return,
            }
        }
    }
}
