//! The first look at a sentence: the templates on all that is left when what surrounds an order is set aside.

use super::again::{self, Two};
use super::automaton::{Ends, Match};
use super::token::Tokens;
use super::words::class;
use super::{Context, Interpreter, MAX_NOTE_BYTES, MAX_ORDER_BYTES, Nothing, Order, Reading, Reason, refuse, slot};

/// What a search learned on its way, beside what it found.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// A number was outside what a slot allows.
    out_of_range: bool,
    /// The words ended inside a template.
    cut_short: bool,
}

impl Interpreter {
    /// What this language makes of a text.
    pub(super) fn read_here(&self, text: &str, cx: &Context<'_>) -> Reading {
        if text.len() > MAX_NOTE_BYTES {
            return Reading::Nothing(Nothing { reason: Reason::TooLong, about: None, near: Vec::new() });
        }
        let tokens = Tokens::read(text, &self.lexicon);
        let only_notes = tokens.more || text.len() > MAX_ORDER_BYTES;
        let mut learned = Learned::default();
        let found = self.find(&tokens, 0, tokens.list.len(), only_notes, cx, &mut learned);
        if only_notes && found.is_empty() {
            return Reading::Nothing(Nothing { reason: Reason::TooLong, about: None, near: Vec::new() });
        }
        if let Some(reason) = refuse::despite(&tokens, &found) {
            return self.nothing(reason, &tokens, cx);
        }
        let mut found = found;
        match found.len() {
            0 => {}
            1 => return self.but_for_a_second(found.remove(0), &tokens, cx),
            _ => return Reading::Ambiguous(found),
        }
        if learned.out_of_range {
            return self.nothing(Reason::OutOfRange, &tokens, cx);
        }
        let again = self.without_fillers(text, &tokens, cx).or_else(|| self.with_antecedent(&tokens, cx));
        let again = again.or_else(|| self.set_apart(&tokens, cx)).or_else(|| self.by_sense(&tokens, cx));
        let again = again.or_else(|| self.put_right(&tokens, cx)).or_else(|| self.spoken_address(&tokens, cx));
        if let Some(order) = again {
            return Reading::Order(order);
        }
        let reason = refuse::not_an_order(&tokens);
        // "I need silence, mute it" sounds like other things, but each half of it orders the same.
        let two = if matches!(reason, None | Some(Reason::Hypothetical)) { self.two_orders(&tokens, cx) } else { None };
        match two {
            Some(Two::Same(order)) => return Reading::Order(order),
            Some(Two::Different(orders)) if reason.is_none() => {
                return self.nothing(Reason::Compound(orders), &tokens, cx);
            }
            _ => {}
        }
        if let Some(reason) = reason {
            return self.nothing(reason, &tokens, cx);
        }
        if let Some(order) = self.mended(text, &tokens, cx) {
            return Reading::Order(order);
        }
        self.nothing(refuse::otherwise(&tokens, learned.cut_short), &tokens, cx)
    }

    /// The best readings of the words `from..to`; several only when they differ and none is better.
    pub(super) fn find(
        &self,
        tokens: &Tokens<'_>,
        from: usize,
        to: usize,
        only_notes: bool,
        cx: &Context<'_>,
        learned: &mut Learned,
    ) -> Vec<Order> {
        let around = self.surround.around(&self.pieces, tokens, from, to);
        let mut matches: Vec<Match> = Vec::with_capacity(8);
        let mut best: Vec<(u32, Order)> = Vec::new();
        let ends = Ends::new(&around.ends);
        // From the least set aside to the most: "hello computer" is an order as it stands.
        for &start in around.starts.iter().filter(|s| **s < to) {
            matches.clear();
            learned.cut_short |= self.matches(tokens, start, &ends, &mut matches);
            for &end in around.ends.iter().filter(|e| **e > start) {
                for m in matches.iter().filter(|m| usize::from(m.end) == end) {
                    let open = m.filled().iter().any(|(slot, ..)| slot.is_note());
                    if (only_notes || end < to) && open != only_notes || swallows(m, &matches, tokens) {
                        continue;
                    }
                    // "The TV is too loud, turn it down": a situation with another thing in it, and an order that does not say which.
                    if around.situation.is_some_and(|at| at <= start && start > from)
                        && (from..start).any(|i| tokens.list[i].is(class::DEVICE))
                        && (start..end).any(|i| tokens.list[i].is(class::PRONOUN))
                    {
                        continue;
                    }
                    // After a clause that is one by its looks, only what begins like an order is one, or asks; "he sat down, shut
                    // the door" tells on.
                    let asks = refuse::tells(self.phrases[usize::from(m.template)].action);
                    if around.loose.contains(&start)
                        && (!asks && !tokens.list[start].is(class::COMMAND | class::IMPERATIVE)
                            || around.situation == Some(start) && tells_on(tokens, from, start))
                    {
                        continue;
                    }
                    let told = around.situation.is_some_and(|at| at <= start);
                    match self.order(m, tokens, cx) {
                        // "Tell me if you can reboot" wants an answer.
                        Ok(order) if !refuse::tells(order.action) && refuse::wants_to_know(tokens, from, start) => {}
                        // "Turn it off, the lamp is too bright": "it" is what the reason is about.
                        Ok(_)
                            if (start..end).any(|i| tokens.list[i].is(class::PRONOUN))
                                && around
                                    .reasons
                                    .iter()
                                    .any(|reason| *reason >= end && about_a_thing(tokens, *reason, to)) => {}
                        // "Help my friend".
                        Ok(order)
                            if order.action == "get_capabilities" && end < to && tokens.list[end].is(class::THE) => {}
                        // "My phone is stuck, restart the machine": which?
                        Ok(order)
                            if told
                                && (order.action.starts_with("power_") || order.action == "system_update")
                                && (from..start).any(|i| tokens.list[i].is(class::DEVICE)) => {}
                        // "The stereo is blasting, turn down the volume": its own.
                        Ok(order) if told && is_level(order.action) && has_own_level(tokens, from, start) => {}
                        // "It's late, kids, go to sleep".
                        Ok(order)
                            if told
                                && order.action == "power_sleep"
                                && !(start..end)
                                    .any(|i| tokens.list[i].is(class::MACHINE) || tokens.says(i, "suspend")) => {}
                        // "Sleep on it", "sleep well": one word that is said of people too must stand alone, or politely.
                        Ok(order)
                            if order.action == "power_sleep"
                                && end - start == 1
                                && !(end..to).all(|i| tokens.list[i].is(class::POLITE | class::ADVERB)) => {}
                        // "It's too bright, turn it down" is not about the volume.
                        Ok(order)
                            if order.action.ends_with("_volume")
                                && again::of_light(tokens, from, start)
                                && (start..end).any(|i| tokens.list[i].is(class::PRONOUN)) => {}
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
                                && !self.find(tokens, from, start, false, cx, &mut Learned::default()).is_empty()
                            {
                                continue;
                            }
                            // Nor must what sounds like its reason, and nobody gives a reason for a greeting.
                            if let Some(&reason) = around.reasons.iter().find(|reason| **reason >= end)
                                && (order.action == "ping"
                                    || !self.find(tokens, reason, to, false, cx, &mut Learned::default()).is_empty())
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
                        Err(slot::Unfit::OutOfRange) => learned.out_of_range = true,
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

    /// All ways in which templates say the words from `start` to one of `ends`. Only the actions that such a sentence can begin
    /// are asked.
    pub(super) fn matches(&self, tokens: &Tokens<'_>, start: usize, ends: &Ends, found: &mut Vec<Match>) -> bool {
        let symbol = usize::from(tokens.list[start].symbol);
        let mut cut_short = false;
        let mut asked = self.begin[symbol];
        while asked != 0 {
            let action = asked.trailing_zeros() as usize;
            asked &= asked - 1;
            cut_short |= self.automata[action].matches(&self.pieces, tokens, start, ends, found);
        }
        cut_short
    }

    /// The one clear order in the words `from..to`.
    pub(super) fn one(&self, tokens: &Tokens<'_>, from: usize, to: usize, cx: &Context<'_>) -> Option<Order> {
        let mut found = self.find(tokens, from, to, false, cx, &mut Learned::default());
        found.pop().filter(|_| found.is_empty())
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
}

/// Whether a reason begins with a thing that is no part of this computer, and nobody that an order is given for.
fn about_a_thing(tokens: &Tokens<'_>, reason: usize, to: usize) -> bool {
    const OURS: &[&str] = &[
        "music",
        "sound",
        "volume",
        "audio",
        "noise",
        "screen",
        "display",
        "brightness",
        "song",
        "video",
        "movie",
        "baby",
        "kids",
        "wife",
        "husband",
        "daughter",
        "son",
        "mother",
        "mum",
        "mom",
        "father",
        "dad",
        "child",
        "toddler",
        "roommate",
        "flatmate",
        "partner",
        "neighbors",
        "neighbours",
        "boss",
        "meeting",
        "eyes",
        "ears",
        "head",
        "battery",
        "sun",
        "call",
        "internet",
        "connection",
    ];
    let Some(noun) = tokens.list.get(reason + 1).filter(|_| reason + 1 < to) else { return false };
    let ours =
        noun.is(class::MACHINE | class::RADIO | class::SOFTWARE) || OURS.iter().any(|w| tokens.says(reason + 1, w));
    (reason..to).any(|i| tokens.list[i].is(class::DEVICE)) || tokens.list[reason].is(class::THE) && !ours
}

/// Whether an action is about sound or light.
fn is_level(action: &str) -> bool {
    action.ends_with("_volume") || action.ends_with("_brightness") || action.ends_with("mute")
}

/// Whether the words speak of something that has a volume or a brightness of its own.
fn has_own_level(tokens: &Tokens<'_>, from: usize, to: usize) -> bool {
    const OTHERS: &[&str] = &[
        "tv",
        "tvs",
        "television",
        "telly",
        "stereo",
        "hifi",
        "radio",
        "projector",
        "lamp",
        "lamps",
        "light",
        "lights",
        "ipad",
        "tablet",
        "iphone",
        "kitchen",
        "bedroom",
        "car",
        "soundbar",
        "jukebox",
        "neighbor",
        "neighbour",
    ];
    (from..to).any(|i| OTHERS.iter().any(|w| tokens.says(i, w)))
}

/// Whether the order's first word can be a past tense too, after a clause in the past: "the fan died, shut down".
fn tells_on(tokens: &Tokens<'_>, from: usize, start: usize) -> bool {
    ["shut", "put", "set", "cut", "let", "read", "quit", "hit"].iter().any(|w| tokens.says(start, w))
        && (from..start).any(|i| tokens.list[i].is(class::PAST) || tokens.word(i).ends_with("ed"))
}

/// Whether the words that a match took to its end have something behind them that is set aside for another match of the same
/// template: "the note about parking, could you". In what is looked for on the web, "for a while" may be meant.
fn swallows(m: &Match, all: &[Match], tokens: &Tokens<'_>) -> bool {
    let Some(&(slot, from, end)) = m.filled().last() else { return false };
    let open = slot == slot::Slot::Words || slot == slot::Slot::Query;
    open && end == m.end
        && all.iter().any(|other| {
            other.template == m.template
                && other.end < m.end
                && other.filled().last() == Some(&(slot, from, other.end))
                && (slot == slot::Slot::Words || !tokens.list[usize::from(other.end)].is(class::PREPOSITION))
        })
}
