//! The compiled matcher against one that walks the templates as they are written, word by word and without an automaton.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::automaton::Match;
use super::super::notation::{Fragments, Node, Template, sample};
use super::super::token::Tokens;
use super::super::{english, slot};
use super::interpreter;

/// A place in the text and the slots that were filled on the way.
type Ends = BTreeSet<(usize, Vec<(slot::Slot, usize, usize)>)>;

/// Where a node can end that begins at `at`.
fn ends(node: &Node, tokens: &Tokens<'_>, at: usize) -> Ends {
    match node {
        Node::Word(word) => {
            let here = at < tokens.list.len() && tokens.list[at].symbol != 0;
            let says = here && tokens.list[at].symbol == tokens.lexicon.get(word).symbol;
            says.then(|| (at + 1, Vec::new())).into_iter().collect()
        }
        Node::Slot(slot) => {
            slot::ends(*slot, tokens, at, tokens.list.len()).map(|end| (end, vec![(*slot, at, end)])).collect()
        }
        Node::Shared(_, node, _) => ends(node, tokens, at),
        Node::Any(choices) => choices.iter().flat_map(|c| ends(c, tokens, at)).collect(),
        Node::Seq(nodes) => nodes.iter().fold(Ends::from([(at, Vec::new())]), |so_far, node| {
            let longer = |(at, slots): &(usize, Vec<_>)| {
                let slots = slots.clone();
                ends(node, tokens, *at).into_iter().map(move |(end, more)| (end, [&*slots, &*more].concat()))
            };
            so_far.iter().flat_map(longer).collect()
        }),
    }
}

/// Templates with the slots that they filled.
type Found = BTreeSet<(usize, Vec<(slot::Slot, usize, usize)>)>;

/// The templates that say all of the text, with their slots: by the automaton, and by the naive walk.
fn both(text: &str, templates: &[Node]) -> [Found; 2] {
    let speaker = interpreter();
    let tokens = Tokens::read(text, &speaker.lexicon);
    let mut found: Vec<Match> = Vec::new();
    let to = tokens.list.len();
    if to > 0 {
        speaker.matches(&tokens, 0, &super::super::automaton::Ends::new(&[to]), &mut found);
    }
    let filled = |m: &Match| m.filled().iter().map(|&(s, a, b)| (s, a.into(), b.into())).collect();
    let fast = found.iter().map(|m| (usize::from(m.template), filled(m))).collect();
    let whole = |(n, node): (usize, &Node)| {
        let all = if to > 0 { ends(node, &tokens, 0) } else { Ends::new() };
        all.into_iter().filter(move |(end, _)| *end == to).map(move |(_, slots)| (n, slots)).collect::<Vec<_>>()
    };
    [fast, templates.iter().enumerate().flat_map(whole).collect()]
}

fn templates() -> Vec<Node> {
    let fragments = Fragments::read(english::fragments()).expect("read before");
    let said = |(_, source)| Template::parse(source, &fragments).expect("read before").said;
    interpreter().templates().map(said).collect()
}

#[test]
fn the_automaton_finds_what_a_naive_walk_over_the_templates_finds() {
    let templates = templates();
    for (n, template) in templates.iter().enumerate().step_by(7) {
        let text = sample(template, n as u64);
        let [fast, naive] = both(&text, &templates);
        assert_eq!(fast, naive, "{text}");
        assert!(naive.iter().any(|(found, _)| *found == n), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_automaton_agrees_with_the_naive_walk_on_mixtures_of_words(
        words in proptest::collection::vec(
            prop::sample::select(vec![
                "turn", "the", "volume", "up", "down", "to", "40", "by", "a", "bit", "on", "off", "wifi", "it", "make", "screen", "brighter",
                "install", "vim", "and", "open", "firefox", "remember", "that", "show", "my", "notes", "about", "please", "set", "percent",
                "what", "can", "you", "do", "files", "in", "downloads", "i", "want", "restart", "computer", "put", "sleep",
            ]),
            1..8,
        ),
    ) {
        let [fast, naive] = both(&words.join(" "), &templates());
        prop_assert_eq!(fast, naive);
    }
}
