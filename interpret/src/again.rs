//! The second look, at a sentence that no template says as it stands: a slip of the finger, a filler in the middle, "it" for what
//! was named before, two orders in one. Whatever is changed is changed into a whole sentence, which the templates read to its
//! last word.

use super::token::{Token, Tokens};
use super::words::class;
use super::{Context, Interpreter, Order, Reading, Reason, refuse, surround, typo};

/// What a sentence with two orders in it says.
#[derive(Debug)]
pub(super) enum Two {
    /// The same in two ways: "I need silence, mute it".
    Same(Order),
    /// One thing and another.
    Different(Vec<Order>),
}

/// Longest note in which a second order is looked for, in words.
const MAX_WORDS_OF_TWO: usize = 24;

/// Longest thing that is named apart from its order ("the volume, turn it down"), in words.
const MAX_APART_WORDS: usize = 4;

impl Interpreter {
    /// The order when one slip in a command word is mended, and the slip is in no slot.
    pub(super) fn mended(&self, text: &str, tokens: &Tokens<'_>, cx: &Context<'_>) -> Option<Order> {
        let (i, known) = typo::slip(tokens)?;
        let typed = tokens.word(i).to_lowercase();
        let mut again = Tokens::read(text, &self.lexicon);
        let token = again.list.get_mut(i)?;
        (token.symbol, token.class) = (known.symbol, known.class);
        let order = self.one(&again, 0, again.list.len(), cx)?;
        let in_slot = order.slots.iter().any(|(_, value)| value.to_lowercase().contains(&typed));
        let fits = !in_slot && refuse::despite(&again, std::slice::from_ref(&order)).is_none();
        fits.then_some(order)
    }

    /// "Set, um, the damn volume please to 40": the order without what was put into its middle. "You restart now, please" is one
    /// too, when it is said like one.
    pub(super) fn without_fillers(&self, text: &str, tokens: &Tokens<'_>, cx: &Context<'_>) -> Option<Order> {
        let last = tokens.list.len().checked_sub(1)?;
        // "Way down", "right up"; but "by the way" and "turn right" are something else.
        let degree = |i: usize| {
            ["way", "right"].iter().any(|w| tokens.says(i, w))
                && ["up", "down", "back"].iter().any(|w| tokens.says(i + 1, w))
        };
        // "At exactly 40", "by a further 15".
        let rough = |i: usize| {
            tokens.list[i].is(class::ROUGH) && i < last && tokens.list[i + 1].is(class::NUMBER | class::ARTICLE)
                || tokens.says(i, "a") && ["further", "additional"].iter().any(|w| tokens.says(i + 1, w))
        };
        let filler = |i: usize| tokens.list[i].is(class::FILLER) || degree(i) || rough(i);
        let urged = ["now", "please", "pls"].iter().any(|w| tokens.says(last, w));
        let subject = |i: usize| i == 0 && urged && tokens.says(0, "you") && tokens.list[1].is(class::COMMAND);
        let left_out = |i: usize| filler(i) || subject(i);
        // "Lock, um, lock the screen", "to to forty": a word that stumbled. "Very very loud" needs no mending.
        let stumbled = |i: usize| {
            let next = (i + 1..=last).find(|&n| !left_out(n));
            next.is_some_and(|n| tokens.list[i].number.is_none() && tokens.word(n).eq_ignore_ascii_case(tokens.word(i)))
        };
        if !(0..=last).any(|i| left_out(i) || stumbled(i)) {
            return None;
        }
        let mut again = Tokens::read(text, &self.lexicon);
        let mut i = 0;
        again.list.retain(|_| {
            i += 1;
            !left_out(i - 1) && !stumbled(i - 1)
        });
        let order = self.one(&again, 0, again.list.len(), cx)?;
        let fits = order.action != "remember" && refuse::despite(&again, std::slice::from_ref(&order)).is_none();
        fits.then_some(order)
    }

    /// "Docker eats my disk, remove it": the order at the end, with the one thing that was spoken of before in the place of "it".
    pub(super) fn with_antecedent(&self, tokens: &Tokens<'_>, cx: &Context<'_>) -> Option<Order> {
        let (order, it, thing) = surround::antecedent(tokens)?;
        self.with_thing(tokens, order, it, thing, tokens.list.len(), cx)
    }

    /// "The volume, turn it down a bit", "lower it a bit, the volume": the thing was named apart, and nothing else was said of it.
    pub(super) fn set_apart(&self, tokens: &Tokens<'_>, cx: &Context<'_>) -> Option<Order> {
        let end = tokens.list.len();
        let mut its = (0..end).filter(|&i| ["it", "them", "that"].iter().any(|w| tokens.says(i, w)));
        let it = its.next().filter(|_| its.next().is_none())?;
        let mut pauses = (0..end.saturating_sub(1)).filter(|&i| tokens.list[i].pause);
        let cut = pauses.next().filter(|_| pauses.next().is_none())? + 1;
        let (thing, order) = if it >= cut { (0..cut, cut..end) } else { (cut..end, 0..cut) };
        let says =
            |t: &Token| t.is(class::COMMAND | class::PERSON | class::QUESTION | class::NEGATION | class::HYPOTHESIS);
        if thing.len() > MAX_APART_WORDS || tokens.list[thing.clone()].iter().any(says) {
            return None;
        }
        self.with_thing(tokens, order.start, it, thing, order.end, cx)
    }

    /// "It's too bright, turn it down": what is too bright has brightness, and what is too loud has volume.
    pub(super) fn by_sense(&self, tokens: &Tokens<'_>, cx: &Context<'_>) -> Option<Order> {
        let end = tokens.list.len();
        let it = (1..end).rev().find(|&i| ["it", "that", "this"].iter().any(|w| tokens.says(i, w)))?;
        if tokens.list[..it].iter().any(|t| t.is(class::DEVICE)) {
            return None;
        }
        let thing = if of_light(tokens, 0, it) {
            "the brightness"
        } else if of_sound(tokens, 0, it) {
            "the volume"
        } else {
            return None;
        };
        if tokens.shell || tokens.semicolon || tokens.quoted || tokens.asked {
            return None;
        }
        let said = format!("{} {thing} {}", tokens.span(0, it), tokens.span(it + 1, end));
        let again = Tokens::read(&said, &self.lexicon);
        self.one(&again, 0, again.list.len(), cx)
            .filter(|o| o.action.starts_with("adjust_") || o.action.starts_with("set_"))
    }

    /// The order in the words `from..to` with `thing` in the place of the word at `it`.
    fn with_thing(
        &self,
        tokens: &Tokens<'_>,
        from: usize,
        it: usize,
        thing: std::ops::Range<usize>,
        to: usize,
        cx: &Context<'_>,
    ) -> Option<Order> {
        if tokens.shell || tokens.semicolon || tokens.quoted || tokens.asked {
            return None;
        }
        let set_aside = if from == 0 { tokens.span(to, tokens.list.len()) } else { tokens.span(0, from) };
        let thing = tokens.span(thing.start, thing.end);
        let thing = thing.strip_suffix("'s").or_else(|| thing.strip_suffix("’s")).unwrap_or(thing);
        let said = format!("{} {thing} {}", tokens.span(from, it), tokens.span(it + 1, to));
        let again = Tokens::read(&said, &self.lexicon);
        let mut order = self.one(&again, 0, again.list.len(), cx).filter(|o| o.action != "remember")?;
        order.skipped = vec![set_aside.to_owned()];
        Some(order)
    }

    /// The order, unless a second one hides in its note: "remember my pin is 1234 and lock the screen". What follows a colon is
    /// kept to the letter.
    pub(super) fn but_for_a_second(&self, order: Order, tokens: &Tokens<'_>, cx: &Context<'_>) -> Reading {
        let end = tokens.list.len();
        let stated = order.action == "remember" && !tokens.text.contains(':');
        let second = |i: usize| {
            let follows = tokens.list[i - 1].is(class::AND)
                && tokens.list[i].is(class::COMMAND | class::IMPERATIVE)
                && end - i >= 2;
            follows.then(|| self.one(tokens, i, end, cx)).flatten().filter(|o| o.action != "remember")
        };
        match (2..end).filter(|_| stated && end <= MAX_WORDS_OF_TWO).find_map(second) {
            Some(second) => self.nothing(Reason::Compound(vec![order, second]), tokens, cx),
            None => Reading::Order(order),
        }
    }

    /// "Open fire, sorry, I meant open calculator", "volume to 30, no wait, 40": the order as it was put right.
    pub(super) fn put_right(&self, tokens: &Tokens<'_>, cx: &Context<'_>) -> Option<Order> {
        const PUT_RIGHT: &[&[&str]] = &[
            &["sorry", "i", "meant"],
            &["sorry", "i", "mean"],
            &["no", "i", "meant"],
            &["no", "i", "mean"],
            &["no", "wait"],
            &["wait", "no"],
            &["no", "sorry"],
            &["sorry", "no"],
            &["i", "meant"],
            &["or", "rather"],
            &["actually", "no"],
            &["no", "make", "that"],
            &["make", "that"],
        ];
        if tokens.shell || tokens.semicolon || tokens.quoted || tokens.asked {
            return None;
        }
        let end = tokens.list.len();
        let (at, words) = (1..end).find_map(|i| {
            let said = PUT_RIGHT.iter().find(|p| p.iter().enumerate().all(|(n, w)| tokens.says(i + n, w)))?;
            Some((i, said.len()))
        })?;
        let doubt = class::HYPOTHESIS | class::REPORTER | class::QUESTION & !class::VERB | class::NEGATION;
        let start = at + words;
        if start >= end || tokens.list[..at].iter().chain(&tokens.list[start..]).any(|t| t.is(doubt)) {
            return None;
        }
        let said = if tokens.list[start..].iter().all(|t| t.is(class::NUMBER | class::PERCENT | class::POLITE)) {
            let number = (0..at).rev().take_while(|&i| tokens.list[i].is(class::NUMBER | class::PERCENT)).last()?;
            format!("{} {}", tokens.span(0, number), tokens.span(start, end))
        } else {
            tokens.span(start, end).to_owned()
        };
        let again = Tokens::read(&said, &self.lexicon);
        let mut order = self.one(&again, 0, again.list.len(), cx).filter(|o| o.action != "remember")?;
        order.skipped.insert(0, tokens.span(0, start).to_owned());
        Some(order)
    }

    /// "Go to github dot com slash debian": an address as it is spoken.
    pub(super) fn spoken_address(&self, tokens: &Tokens<'_>, cx: &Context<'_>) -> Option<Order> {
        let end = tokens.list.len();
        let dot = (1..end.saturating_sub(1)).find(|&i| tokens.says(i, "dot"))?;
        let mut said = tokens.span(0, dot).to_owned();
        let mut i = dot;
        while i < end {
            let mark =
                [("dot", "."), ("slash", "/")].iter().find(|(word, _)| tokens.says(i, word)).map(|(_, mark)| mark);
            match mark {
                Some(mark) => {
                    said.push_str(mark);
                    said.push_str(tokens.span(i + 1, (i + 2).min(end)));
                    i += 2;
                }
                None => {
                    said.push(' ');
                    said.push_str(tokens.word(i));
                    i += 1;
                }
            }
        }
        if tokens.shell
            || tokens.semicolon
            || tokens.quoted
            || tokens.asked && !tokens.list.iter().any(|t| t.is(class::POLITE))
        {
            return None;
        }
        let again = Tokens::read(&said, &self.lexicon);
        self.one(&again, 0, again.list.len(), cx).filter(|o| o.action == "open_url")
    }

    /// Two orders joined by "and", "then" or a pause, when both are orders. "Turn off bluetooth and wifi" shares its verb.
    pub(super) fn two_orders(&self, tokens: &Tokens<'_>, cx: &Context<'_>) -> Option<Two> {
        /// Joints that are tried; more than that is prose.
        const MAX_JOINTS: usize = 6;
        let list = &tokens.list;
        let mut tried = 0;
        for i in 1..list.len() {
            let joint = refuse::is_joint(tokens, i);
            if !(joint || list[i - 1].pause || said_twice(tokens, i)) {
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
            let Some(first) = self.one(tokens, 0, i, cx) else { continue };
            if let Some(second) = self.one(tokens, next, list.len(), cx) {
                let same = first.action == second.action && first.payload == second.payload;
                let two = if same && !joint && !tokens.quoted && !tokens.shell && !tokens.semicolon && !tokens.asked {
                    Two::Same(second)
                } else {
                    Two::Different(vec![first, second])
                };
                return Some(two);
            }
            for verb in 1..=2.min(i) {
                if !list[verb - 1].is(class::COMMAND | class::PREPOSITION) || list[next].is(class::PERSON) {
                    continue;
                }
                let shared = format!("{} {}", tokens.span(0, verb), tokens.span(next, list.len()));
                let again = Tokens::read(&shared, &self.lexicon);
                if let Some(second) = self.one(&again, 0, again.list.len(), cx) {
                    return Some(Two::Different(vec![first, second]));
                }
            }
        }
        None
    }
}

/// Whether these words speak of light.
pub(super) fn of_light(tokens: &Tokens<'_>, from: usize, to: usize) -> bool {
    const LIGHT: &[&str] = &["bright", "dark", "dim", "blinding", "glaring", "gloomy", "eyes", "see", "read"];
    (from..to).any(|i| LIGHT.iter().any(|w| tokens.says(i, w)))
}

/// Whether these words speak of sound.
fn of_sound(tokens: &Tokens<'_>, from: usize, to: usize) -> bool {
    const SOUND: &[&str] = &["loud", "quiet", "noisy", "hear", "hearing", "deafening", "soft", "ears"];
    (from..to).any(|i| SOUND.iter().any(|w| tokens.says(i, w)))
}

/// "Volume down volume down": the second half is the first again.
fn said_twice(tokens: &Tokens<'_>, i: usize) -> bool {
    2 * i == tokens.list.len() && (0..i).all(|w| tokens.says(i + w, tokens.word(w)))
}
