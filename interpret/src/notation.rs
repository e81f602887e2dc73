//! The notation of templates: text to a tree, and a tree to sample sentences. The notation is explained in the module above.

use std::rc::Rc;

use super::automaton::MAX_PIECES;
use super::slot::Slot;

/// A template or a fragment that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template `{template}`: {problem}")]
pub struct TemplateError {
    /// The template as written.
    pub template: String,
    /// What is wrong with it.
    pub problem: String,
}

/// One node of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// One literal word, lower case.
    Word(&'static str),
    /// A typed slot.
    Slot(Slot),
    /// All of these, in order.
    Seq(Vec<Node>),
    /// A shared piece, with its number, and whether nothing at all says it.
    Shared(u8, Rc<Node>, bool),
    /// One of these; an empty sequence among them makes it optional.
    Any(Vec<Node>),
}

impl Node {
    /// Whether nothing at all says it.
    pub(super) fn may_be_empty(&self) -> bool {
        match self {
            Self::Word(_) | Self::Slot(_) => false,
            Self::Shared(.., may_be_empty) => *may_be_empty,
            Self::Seq(nodes) => nodes.iter().all(Self::may_be_empty),
            Self::Any(choices) => choices.iter().any(Self::may_be_empty),
        }
    }
}

/// A template that was read: what is said, and what payload it stands for.
#[derive(Debug, Clone)]
pub(super) struct Template {
    /// What is said.
    pub(super) said: Node,
    /// The text after `=>`, if there is one.
    pub(super) payload: Option<&'static str>,
}

/// Named pieces that templates share, read once.
#[derive(Debug, Default)]
pub(super) struct Fragments(Vec<(&'static str, Rc<Node>, bool)>);

impl Fragments {
    /// Reads the pieces in order; a piece may use those before it.
    pub(super) fn read(pieces: impl IntoIterator<Item = (&'static str, &'static str)>) -> Result<Self, TemplateError> {
        let mut fragments = Self::default();
        for (name, source) in pieces {
            let node = Reader::new(source, source, &fragments).choices(None)?;
            if fragments.0.len() == MAX_PIECES {
                let problem = format!("there are more than {MAX_PIECES} fragments");
                return Err(TemplateError { template: name.to_owned(), problem });
            }
            let may_be_empty = node.may_be_empty();
            fragments.0.push((name, Rc::new(node), may_be_empty));
        }
        Ok(fragments)
    }

    /// The pieces in their order.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.0.iter().map(|(_, node, _)| &**node)
    }
}

/// The characters that end a word: marks and spaces.
const MARKS: [bool; 256] = {
    let mut marks = [false; 256];
    let all = b" \t\n()[]{}<>|";
    let mut i = 0;
    while i < all.len() {
        marks[all[i] as usize] = true;
        i += 1;
    }
    marks
};

/// How deep brackets and fragments may nest; far above what a readable template needs.
const MAX_DEPTH: usize = 16;

impl Template {
    /// Reads one line of a phrase table.
    pub(super) fn parse(source: &'static str, fragments: &Fragments) -> Result<Self, TemplateError> {
        // From the end, where the payload stands, if there is one.
        let arrow = source.as_bytes().windows(2).rposition(|two| two == b"=>");
        let (said, payload) = match arrow {
            Some(at) => (&source[..at], Some(source[at + 2..].trim())),
            None => (source, None),
        };
        let mut reader = Reader::new(source, said, fragments);
        let said = reader.choices(None)?;
        Ok(Self { said, payload })
    }
}

struct Reader<'a> {
    source: &'static str,
    rest: &'static str,
    fragments: &'a Fragments,
    depth: usize,
    items: Vec<Node>,
    choices: Vec<Node>,
}

impl<'a> Reader<'a> {
    fn new(source: &'static str, rest: &'static str, fragments: &'a Fragments) -> Self {
        Self { source, rest, fragments, depth: 0, items: Vec::new(), choices: Vec::new() }
    }
}

impl Reader<'_> {
    fn error<T>(&self, problem: impl Into<String>) -> Result<T, TemplateError> {
        Err(TemplateError { template: self.source.to_owned(), problem: problem.into() })
    }

    /// Sequences separated by `|`, up to `close` or the end.
    fn choices(&mut self, close: Option<u8>) -> Result<Node, TemplateError> {
        // What was read and belongs to no node yet lies on one stack for all depths: there are thousands of choices, most of
        // one word, and a list for each would be most of the time.
        let first_choice = self.choices.len();
        let first_item = self.items.len();
        loop {
            self.rest = self.rest.trim_ascii_start();
            let Some(&c) = self.rest.as_bytes().first() else {
                if let Some(c) = close {
                    return self.error(format!("`{}` is missing", char::from(c)));
                }
                break;
            };
            if Some(c) == close {
                self.rest = &self.rest[1..];
                break;
            }
            if c == b'|' {
                self.rest = &self.rest[1..];
                self.choice(first_item)?;
                continue;
            }
            let item = if MARKS[usize::from(c)] { self.item(c)? } else { Node::Word(self.word()?) };
            self.items.push(item);
        }
        self.choice(first_item)?;
        Ok(if self.choices.len() == first_choice + 1 {
            self.choices.pop().unwrap_or(Node::Seq(Vec::new()))
        } else {
            Node::Any(self.choices.split_off(first_choice))
        })
    }

    /// Ends a choice: what was read since `first` is one.
    fn choice(&mut self, first: usize) -> Result<(), TemplateError> {
        let choice = match self.items.len() - first {
            0 => return self.error("an empty choice; write `[ ]` for what may be left out"),
            1 => self.items.pop().unwrap_or(Node::Seq(Vec::new())),
            _ => Node::Seq(self.items.split_off(first)),
        };
        self.choices.push(choice);
        Ok(())
    }

    fn item(&mut self, first: u8) -> Result<Node, TemplateError> {
        if self.depth >= MAX_DEPTH {
            return self.error("nested too deeply");
        }
        match first {
            b'(' | b'[' => {
                self.rest = &self.rest[1..];
                self.depth += 1;
                let inner = self.choices(Some(if first == b'(' { b')' } else { b']' }))?;
                self.depth -= 1;
                Ok(if first == b'(' { inner } else { optional(inner) })
            }
            b'{' => {
                let name = self.named('}')?;
                match Slot::named(name) {
                    Some(slot) => Ok(Node::Slot(slot)),
                    None => self.error(format!("there is no slot `{name}`")),
                }
            }
            b'<' => {
                let name = self.named('>')?;
                match self.fragments.0.iter().position(|(n, ..)| *n == name) {
                    Some(i) => {
                        let (_, node, may_be_empty) = &self.fragments.0[i];
                        Ok(Node::Shared(i as u8, Rc::clone(node), *may_be_empty))
                    }
                    None => self.error(format!("there is no fragment `{name}`")),
                }
            }
            _ => self.error(format!("`{}` closes nothing", char::from(first))),
        }
    }

    /// A literal word, up to a mark or a space.
    fn word(&mut self) -> Result<&'static str, TemplateError> {
        // The marks are all ASCII, so they end a word of any script where they stand.
        let bytes = self.rest.as_bytes();
        let end = bytes.iter().position(|b| MARKS[usize::from(*b)]).unwrap_or(bytes.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        let wrong = |b: u8| b.is_ascii_uppercase() || b == b'\'';
        if word.bytes().any(wrong) || !word.is_ascii() && word.chars().any(char::is_uppercase) {
            return self.error(format!("`{word}`: words are lower case and without apostrophes"));
        }
        Ok(word)
    }

    fn named(&mut self, close: char) -> Result<&'static str, TemplateError> {
        let Some(end) = self.rest.find(close) else { return self.error(format!("`{close}` is missing")) };
        let name = &self.rest[1..end];
        self.rest = &self.rest[end + 1..];
        Ok(name)
    }
}

fn optional(inner: Node) -> Node {
    let mut choices = match inner {
        Node::Any(choices) => choices,
        one => vec![one],
    };
    choices.push(Node::Seq(Vec::new()));
    Node::Any(choices)
}

/// The shortest plain way to say a template: first choices, nothing optional, slots by an example.
pub(super) fn plainest(node: &Node) -> String {
    let mut words = Vec::new();
    fn walk(node: &Node, words: &mut Vec<String>) {
        match node {
            Node::Word(w) => words.push((*w).to_owned()),
            Node::Shared(_, node, _) => walk(node, words),
            Node::Slot(slot) => words.push(slot.examples()[0].to_owned()),
            Node::Seq(nodes) => nodes.iter().for_each(|n| walk(n, words)),
            Node::Any(choices) if choices.iter().any(|c| matches!(c, Node::Seq(s) if s.is_empty())) => {}
            Node::Any(choices) => walk(&choices[0], words),
        }
    }
    walk(node, &mut words);
    words.join(" ")
}

/// The `nth` sample of a template: each choice is picked by a small generator that `nth` seeds.
#[cfg(test)]
pub(super) fn sample(node: &Node, nth: u64) -> String {
    fn walk(node: &Node, seed: &mut u64, out: &mut Vec<String>) {
        let mut pick = |n: usize| {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*seed >> 33) as usize % n
        };
        match node {
            Node::Word(w) => out.push((*w).to_owned()),
            Node::Shared(_, node, _) => walk(node, seed, out),
            Node::Slot(slot) => {
                let examples = slot.examples();
                out.push(examples[pick(examples.len())].to_owned());
            }
            Node::Seq(nodes) => nodes.iter().for_each(|n| walk(n, seed, out)),
            Node::Any(choices) => {
                let n = pick(choices.len());
                walk(&choices[n], seed, out);
            }
        }
    }
    let mut seed = nth.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut out = Vec::new();
    walk(node, &mut seed, &mut out);
    out.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragments() -> Fragments {
        Fragments::read([("wifi", "wifi|wi fi"), ("the", "[the|my]")]).unwrap()
    }

    #[test]
    fn a_template_says_all_its_variants() {
        let t = Template::parse("turn <the> <wifi> (on|back on)", &fragments()).unwrap();
        let said: std::collections::BTreeSet<_> = (0..200).map(|n| sample(&t.said, n)).collect();
        assert_eq!(said.len(), 3 * 2 * 2);
        assert!(said.contains("turn my wi fi back on") && said.contains("turn wifi on"));
        assert_eq!(plainest(&t.said), "turn wifi on");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (source, problem) in [
            ("turn (on", "`)` is missing"),
            ("turn on)", "`)` closes nothing"),
            ("turn <wfi> on", "there is no fragment `wfi`"),
            ("set {percentage}", "there is no slot `percentage`"),
            ("Turn on", "`Turn`: words are lower case and without apostrophes"),
            ("turn (on|)", "an empty choice; write `[ ]` for what may be left out"),
        ] {
            assert_eq!(Template::parse(source, &fragments()).unwrap_err().problem, problem, "{source}");
        }
    }
}
