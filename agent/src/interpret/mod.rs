//! Words to a plan: whole-sentence templates, no IO, no side effects.
//!
//! A sentence is read in layers. (1) `token`: words with their place in the text. (2) `refuse`: what is not an order: shell
//! syntax, quotations, and, when nothing fits, the reason: negation, question, hypothesis, report, time, two orders, another
//! machine. (3) `surround`: greetings, politeness and reasons around an order are set aside; they are a closed list, so nothing
//! that negates or doubts is ever among them. (4) the whole rest must be said by a template; a word too many and nothing fires.
//! (5) `slot`: what a template leaves open is checked; a slot that is not sure takes nothing.
//!
//! # How to write a template
//!
//! A template is one line, in lower case and without apostrophes (`dont`, `whats`), of whole words:
//!
//! | write | for |
//! |---|---|
//! | `mute` | the word itself |
//! | `(turn\|switch) off` | one of these; a choice may be several words: `(power down\|halt)` |
//! | `[the\|my]` | one of these, or nothing |
//! | `<wifi>` | a shared piece, from `FRAGMENTS` |
//! | `{percent}` | a typed slot, see [`slot::Slot`] |
//! | `… => 100` | the payload; `{step}` in it is what the slot took: `volume up {step} => +{step}` |
//!
//! Without `=>` the payload is what the only slot took, or none. Punctuation, capitals and politeness are not written:
//! they are dealt with around the template. Every template is sampled in a test, and each sample must be read as its action.

mod address;
mod automaton;
mod english;
mod follow;
mod lang;
mod names;
mod notation;
mod refuse;
mod slot;
mod surround;
#[cfg(test)]
mod tests;
mod token;
mod typo;
mod words;

use automaton::{Automaton, Builder, Match, Pieces};
pub use follow::FollowUp;
pub use lang::{codes as languages, of_locale};
pub use notation::TemplateError;
use notation::{Fragments, Template};
pub use refuse::Reason;
use serde_json::{Map, Value, json};
pub use slot::Slot;
use surround::Surround;
use token::{Lexicon, Tokens};
use words::class;

/// Longest text that is read as an order, in bytes. Longer than this is only ever a note.
pub const MAX_ORDER_BYTES: usize = 4 * 1024;

/// Longest note with its lead-in, in bytes.
pub const MAX_NOTE_BYTES: usize = 64 * 1024;

/// The ways to say one action.
#[derive(Debug, Clone, Copy)]
pub struct PhraseSet {
    /// The action's name, `noun_verb`.
    pub action: &'static str,
    /// Its templates, the plainest first: it is the one that help texts show.
    pub templates: &'static [&'static str],
}

/// What the reading of a sentence may depend on beside the sentence.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// The home folder of the speaker, absolute; "downloads" is a folder in it.
    pub home: Option<&'a str>,
    /// What the installed apps call themselves, in lower case: each is the name of an app, whatever else it means.
    pub installed: &'a [String],
}

/// A sentence that is an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The action's name.
    pub action: &'static str,
    /// Its payload in the string form of the NDJSON protocol.
    pub payload: Option<String>,
    /// The template that said it.
    pub template: &'static str,
    /// What its slots took: name and value.
    pub slots: Vec<(&'static str, String)>,
    /// What was set aside around the order, as written.
    pub skipped: Vec<String>,
}

impl Order {
    /// How it was read, for explanations: `action`, `payload`, `template`, `slots`, `skipped`.
    pub fn to_json(&self) -> Value {
        let slots: Map<String, Value> =
            self.slots.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        json!({
            "action": self.action,
            "payload": self.payload,
            "template": self.template,
            "slots": slots,
            "skipped": self.skipped,
        })
    }
}

/// Why a sentence is no order, and what is near it. Nothing may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nothing {
    /// Why not.
    pub reason: Reason,
    /// Up to three of the nearest commands, in words.
    pub near: Vec<String>,
}

impl Nothing {
    /// What to tell the person.
    pub fn sentence(&self) -> String {
        self.reason.sentence()
    }

    /// `reason`, `near`, and for two orders in one sentence `orders`: requests that can be sent one by one.
    pub fn to_json(&self) -> Value {
        let mut data = json!({ "reason": self.reason.name(), "near": self.near });
        if let Reason::Compound(orders) = &self.reason {
            let requests = orders.iter().map(|o| json!({ "version": 1, "name": o.action, "payload": o.payload }));
            data["orders"] = requests.collect();
        }
        data
    }
}

/// What a sentence was understood as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// One clear order.
    Order(Order),
    /// An order that can be meant in more than one way.
    Ambiguous(Vec<Order>),
    /// No order.
    Nothing(Nothing),
}

impl Reading {
    /// What to tell the person when there is no order; for an order, an empty sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Order(_) => String::new(),
            Self::Ambiguous(orders) => {
                let mut names: Vec<String> = orders.iter().map(|o| o.action.replace('_', " ")).collect();
                names.dedup();
                format!("That can mean {}; I did nothing.", names.join(" or "))
            }
            Self::Nothing(nothing) => nothing.sentence(),
        }
    }
}

struct Phrase {
    action: &'static str,
    template: &'static str,
    payload: Option<&'static str>,
}

/// What is compiled beside the templates of actions.
struct Tables<'a> {
    fragments: &'a [(&'static str, &'static str)],
    before: &'a [&'static str],
    after: &'a [&'static str],
    follow_ups: &'a [&'static str],
}

/// All phrase tables, compiled. It is made once and shared.
pub struct Interpreter {
    lexicon: Lexicon,
    pieces: Pieces,
    automaton: Automaton,
    phrases: Vec<Phrase>,
    surround: Surround,
    follow: follow::Follow,
    /// Languages beside English.
    others: Vec<Interpreter>,
    /// Each action with its plainest phrase and all words of its templates, for the nearest commands.
    plain: Vec<(&'static str, String, Vec<u16>)>,
}

impl std::fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interpreter")
            .field("templates", &self.phrases.len())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

impl Interpreter {
    /// Compiles the tables of English.
    ///
    /// # Errors
    ///
    /// When a template cannot be read; the error names it.
    pub fn new(sets: &[PhraseSet]) -> Result<Self, TemplateError> {
        let fragments: Vec<_> = english::fragments().collect();
        let tables = Tables {
            fragments: &fragments,
            before: english::surround::BEFORE,
            after: english::surround::AFTER,
            follow_ups: english::FOLLOW_UPS,
        };
        Self::compile(&tables, sets.iter().map(|s| (s.action, s.templates)), Lexicon::english())
    }

    /// Also reads sentences of these languages; a code that is not one of [`languages`] is left out.
    ///
    /// # Errors
    ///
    /// When a file of a language cannot be read; the error names the line.
    pub fn and_languages<'c>(mut self, codes: impl IntoIterator<Item = &'c str>) -> Result<Self, TemplateError> {
        for code in codes {
            let Some(language) = lang::Language::named(code).transpose()? else { continue };
            let tables = Tables {
                fragments: &language.fragments,
                before: &language.before,
                after: &language.after,
                follow_ups: &[],
            };
            let sets = language.sets.iter().map(|(action, templates)| (*action, &**templates));
            self.others.push(Self::compile(&tables, sets, Lexicon::foreign(&language.classes, &language.numbers))?);
        }
        Ok(self)
    }

    fn compile<'s>(
        tables: &Tables<'_>,
        sets: impl Iterator<Item = (&'static str, &'s [&'static str])>,
        mut lexicon: Lexicon,
    ) -> Result<Self, TemplateError> {
        let fragments = Fragments::read(tables.fragments.iter().copied())?;
        let mut pieces = Pieces::new(&fragments, &mut lexicon);
        let mut builder = Builder::new();
        let mut phrases = Vec::new();
        let mut plain = Vec::new();
        for (action, templates) in sets {
            let mut all: Vec<u16> = Vec::new();
            let mut used = 0;
            for (n, source) in templates.iter().enumerate() {
                let template = Template::parse(source, &fragments)?;
                builder.add(&template.said, phrases.len() as u16, &mut |w| {
                    let symbol = lexicon.symbol(w);
                    all.push(symbol);
                    symbol
                });
                used |= template.said.pieces();
                if n == 0 {
                    plain.push((action, notation::plainest(&template.said), Vec::new()));
                }
                phrases.push(Phrase { action, template: source, payload: template.payload });
            }
            pieces.words(used, &mut all);
            all.sort_unstable();
            all.dedup();
            if let Some(last) = plain.last_mut().filter(|p| p.0 == action) {
                last.2 = all;
            }
        }
        let surround = Surround::new(tables.before, tables.after, &fragments, &mut lexicon)?;
        let follow = follow::Follow::new(tables.follow_ups, &fragments, &mut lexicon)?;
        pieces.index(&lexicon);
        let automaton = builder.build();
        Ok(Self { automaton, lexicon, pieces, phrases, surround, follow, plain, others: Vec::new() })
    }

    /// Bytes that the tables take, roughly.
    pub fn bytes(&self) -> usize {
        self.automaton.bytes()
            + self.pieces.bytes()
            + self.lexicon.bytes()
            + self.surround.bytes()
            + self.follow.bytes()
            + self.phrases.len() * 256
            + self.others.iter().map(Interpreter::bytes).sum::<usize>()
    }

    /// The templates with their actions, in the order of the tables.
    pub fn templates(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.phrases.iter().map(|p| (p.action, p.template))
    }

    /// What this sentence orders, if it does. The time is linear in its length, and the work beyond [`MAX_ORDER_BYTES`] is one
    /// copy.
    pub fn read(&self, text: &str, cx: &Context<'_>) -> Reading {
        let reading = self.read_here(text, cx);
        if matches!(reading, Reading::Nothing(_)) {
            // Another language only ever orders; why a sentence is none, is said by English.
            let other = self.others.iter().map(|l| l.read_here(text, cx)).find(|r| matches!(r, Reading::Order(_)));
            return other.unwrap_or(reading);
        }
        reading
    }

    fn read_here(&self, text: &str, cx: &Context<'_>) -> Reading {
        if text.len() > MAX_NOTE_BYTES {
            return Reading::Nothing(Nothing { reason: Reason::TooLong, near: Vec::new() });
        }
        let tokens = Tokens::read(text, &self.lexicon);
        let mut out_of_range = false;
        let mut cut_short = false;
        let only_notes = tokens.more || text.len() > MAX_ORDER_BYTES;
        let found = self.find(&tokens, 0, tokens.list.len(), only_notes, cx, &mut out_of_range, &mut cut_short);
        if only_notes && found.is_empty() {
            return Reading::Nothing(Nothing { reason: Reason::TooLong, near: Vec::new() });
        }
        if let Some(reason) = refuse::despite(&tokens, &found) {
            return self.nothing(reason, &tokens);
        }
        let mut found = found;
        match found.len() {
            0 => {}
            1 => return Reading::Order(found.remove(0)),
            _ => return Reading::Ambiguous(found),
        }
        if out_of_range {
            return self.nothing(Reason::OutOfRange, &tokens);
        }
        if let Some(order) = self.without_fillers(text, &tokens, cx) {
            return Reading::Order(order);
        }
        if let Some(order) = self.with_antecedent(&tokens, cx) {
            return Reading::Order(order);
        }
        if let Some(reason) = refuse::not_an_order(&tokens) {
            return self.nothing(reason, &tokens);
        }
        if let Some(order) = self.mended(text, &tokens, cx) {
            return Reading::Order(order);
        }
        if let Some(orders) = self.two_orders(&tokens, cx) {
            return self.nothing(Reason::Compound(orders), &tokens);
        }
        self.nothing(refuse::otherwise(&tokens, cut_short), &tokens)
    }

    /// The best readings of the words `from..to`; several only when they differ and none is better.
    #[allow(clippy::too_many_arguments, reason = "two of them are what the search learned on its way")]
    fn find(
        &self,
        tokens: &Tokens<'_>,
        from: usize,
        to: usize,
        only_notes: bool,
        cx: &Context<'_>,
        out_of_range: &mut bool,
        cut_short: &mut bool,
    ) -> Vec<Order> {
        let around = self.surround.around(&self.pieces, tokens, from, to);
        let mut matches: Vec<Match> = Vec::with_capacity(8);
        let mut best: Vec<(u32, Order)> = Vec::new();
        // From the least set aside to the most: "hello computer" is an order as it stands.
        for &start in &around.starts {
            for &end in &around.ends {
                if start >= end {
                    continue;
                }
                matches.clear();
                *cut_short |= self.automaton.matches(&self.pieces, tokens, start, end, &mut matches);
                for m in &matches {
                    let open = m.filled().iter().any(|(slot, ..)| slot.is_note());
                    if (only_notes || end < to) && open != only_notes {
                        continue;
                    }
                    // "The TV is too loud, turn it down": a situation with another thing in it, and an order that does not say which.
                    if around.situation.is_some_and(|at| at <= start && start > from)
                        && (from..start).any(|i| tokens.list[i].is(class::DEVICE))
                        && (start..end).any(|i| tokens.list[i].is(class::PRONOUN))
                    {
                        continue;
                    }
                    match self.order(m, tokens, cx) {
                        Ok(mut order) => {
                            let cost = u32::from(m.open_words()) + u32::from(open) * 1000;
                            if best.first().is_some_and(|b| b.0 < cost) {
                                continue;
                            }
                            if best.first().is_some_and(|b| b.0 > cost) {
                                best.clear();
                            }
                            if best.iter().any(|(_, o)| o.action == order.action && o.payload == order.payload) {
                                continue;
                            }
                            // What tells the situation must not be an order of its own.
                            if around.situation == Some(start)
                                && !self.find(tokens, from, start, false, cx, &mut false, &mut false).is_empty()
                            {
                                continue;
                            }
                            order.skipped = [(from, start), (end, to)]
                                .iter()
                                .filter(|(a, b)| a < b)
                                .map(|&(a, b)| tokens.span(a, b).to_owned())
                                .collect();
                            best.push((cost, order));
                        }
                        Err(slot::Unfit::OutOfRange) => *out_of_range = true,
                        Err(slot::Unfit::NotOne) => {}
                    }
                }
                if !best.is_empty() {
                    return best.into_iter().map(|(_, o)| o).collect();
                }
            }
        }
        Vec::new()
    }

    fn order(&self, m: &Match, tokens: &Tokens<'_>, cx: &Context<'_>) -> Result<Order, slot::Unfit> {
        let phrase = &self.phrases[usize::from(m.template)];
        let mut slots = Vec::with_capacity(m.filled().len());
        for &(slot, from, to) in m.filled() {
            slots.push((slot.name(), slot::value(slot, tokens, usize::from(from), usize::from(to), cx)?));
        }
        let payload = match phrase.payload {
            None => slots.first().map(|(_, value)| value.clone()),
            Some(pattern) => {
                let mut payload = pattern.to_owned();
                for (name, value) in &slots {
                    payload = payload.replace(&format!("{{{name}}}"), value);
                }
                Some(payload)
            }
        };
        Ok(Order { action: phrase.action, payload, template: phrase.template, slots, skipped: Vec::new() })
    }

    /// The order when one slip in a command word is mended, and the slip is in no slot.
    fn mended(&self, text: &str, tokens: &Tokens<'_>, cx: &Context<'_>) -> Option<Order> {
        let (i, known) = typo::slip(tokens)?;
        let typed = tokens.word(i).to_lowercase();
        let mut again = Tokens::read(text, &self.lexicon);
        let token = again.list.get_mut(i)?;
        (token.symbol, token.class) = (known.symbol, known.class);
        let mut found = self.find(&again, 0, again.list.len(), false, cx, &mut false, &mut false);
        let order = found.pop().filter(|_| found.is_empty())?;
        let in_slot = order.slots.iter().any(|(_, value)| value.to_lowercase().contains(&typed));
        let fits = !in_slot && refuse::despite(&again, std::slice::from_ref(&order)).is_none();
        fits.then_some(order)
    }

    /// "Set, um, the volume please to 40": the order without what politeness and hesitation put into its middle.
    fn without_fillers(&self, text: &str, tokens: &Tokens<'_>, cx: &Context<'_>) -> Option<Order> {
        const FILLERS: &[&str] =
            &["please", "pls", "plz", "kindly", "um", "umm", "uh", "uhh", "uhm", "er", "erm", "hm", "hmm", "like"];
        let filler = |i: usize| FILLERS.iter().any(|w| tokens.says(i, w));
        if !(0..tokens.list.len()).any(filler) {
            return None;
        }
        let mut again = Tokens::read(text, &self.lexicon);
        let mut i = 0;
        again.list.retain(|_| {
            i += 1;
            !filler(i - 1)
        });
        let mut found = self.find(&again, 0, again.list.len(), false, cx, &mut false, &mut false);
        let order = found.pop().filter(|_| found.is_empty())?;
        let fits = order.action != "remember" && refuse::despite(&again, std::slice::from_ref(&order)).is_none();
        fits.then_some(order)
    }

    /// "Docker eats my disk, remove it": the order at the end, with the one thing that was spoken of before in the place of "it".
    fn with_antecedent(&self, tokens: &Tokens<'_>, cx: &Context<'_>) -> Option<Order> {
        let (order, it, thing) = surround::antecedent(tokens)?;
        let end = tokens.list.len();
        let said =
            format!("{} {} {}", tokens.span(order, it), tokens.span(thing.start, thing.end), tokens.span(it + 1, end));
        let again = Tokens::read(&said, &self.lexicon);
        let mut found = self.find(&again, 0, again.list.len(), false, cx, &mut false, &mut false);
        let mut order_read = found.pop().filter(|_| found.is_empty())?;
        if tokens.shell || tokens.quoted || tokens.asked || order_read.action == "remember" {
            return None;
        }
        order_read.skipped = vec![tokens.span(0, order).to_owned()];
        Some(order_read)
    }

    /// Two orders joined by "and", "then" or a pause: both, when both are orders. "Turn off bluetooth and wifi" shares its verb.
    fn two_orders(&self, tokens: &Tokens<'_>, cx: &Context<'_>) -> Option<Vec<Order>> {
        /// Joints that are tried; more than that is prose.
        const MAX_JOINTS: usize = 6;
        let list = &tokens.list;
        let one = |from: usize, to: usize| {
            let mut found = self.find(tokens, from, to, false, cx, &mut false, &mut false);
            if found.len() == 1 { found.pop() } else { None }
        };
        let mut tried = 0;
        for i in 1..list.len() {
            let joint = refuse::is_joint(tokens, i);
            if !(joint || list[i - 1].pause) {
                continue;
            }
            tried += 1;
            if tried > MAX_JOINTS {
                return None;
            }
            let mut next = i;
            while next < list.len() && refuse::is_joint(tokens, next) {
                next += 1;
            }
            if next >= list.len() {
                return None;
            }
            let Some(first) = one(0, i) else { continue };
            if let Some(second) = one(next, list.len()) {
                return Some(vec![first, second]);
            }
            for verb in 1..=2.min(i) {
                let shared = format!("{} {}", tokens.span(0, verb), tokens.span(next, list.len()));
                let again = Tokens::read(&shared, &self.lexicon);
                let mut found = self.find(&again, 0, again.list.len(), false, cx, &mut false, &mut false);
                if let (1, Some(second)) = (found.len(), found.pop()) {
                    return Some(vec![first, second]);
                }
            }
        }
        None
    }

    fn nothing(&self, reason: Reason, tokens: &Tokens<'_>) -> Reading {
        // Nobody is offered what was just forbidden, or what somebody else's words ask for.
        let near = match reason {
            Reason::Negated | Reason::Quoted | Reason::Reported | Reason::Shell | Reason::Injection => Vec::new(),
            _ => self.near(tokens),
        };
        Reading::Nothing(Nothing { near, reason })
    }

    /// The commands that share the most telling words with the text.
    fn near(&self, tokens: &Tokens<'_>) -> Vec<String> {
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
