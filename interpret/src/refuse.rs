//! What is not an order, and how to say so.

use super::Order;
use super::token::Tokens;
use super::words::{Class, class};

/// Why a text is no order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It says what not to do.
    Negated,
    /// It asks.
    Question,
    /// It only supposes.
    Hypothetical,
    /// It tells what happened.
    Reported,
    /// It has words of somebody else in it.
    Quoted,
    /// It is for another time; there is no scheduler.
    Scheduled,
    /// Two orders in one sentence: both, ready to be sent one by one.
    Compound(Vec<Order>),
    /// It has shell or data syntax, or is about a shell's work.
    Shell,
    /// It tries to change what the agent is.
    Injection,
    /// It is about another machine or thing.
    OtherDevice,
    /// It is in a language that is not loaded.
    OtherLanguage,
    /// What is to be done, or with what, is missing.
    Underspecified,
    /// No command is like it.
    NoMatch,
    /// It is longer than any order.
    TooLong,
    /// A number outside what is possible.
    OutOfRange,
}

impl Reason {
    /// A stable word for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Negated => "negated",
            Self::Question => "question",
            Self::Hypothetical => "hypothetical",
            Self::Reported => "reported",
            Self::Quoted => "quoted",
            Self::Scheduled => "scheduled",
            Self::Compound(_) => "compound",
            Self::Shell => "shell",
            Self::Injection => "injection",
            Self::OtherDevice => "other_device",
            Self::OtherLanguage => "other_language",
            Self::Underspecified => "underspecified",
            Self::NoMatch => "no_match",
            Self::TooLong => "too_long",
            Self::OutOfRange => "out_of_range",
        }
    }

    /// What to tell the person, with what the sentence was about, if that is known.
    pub fn sentence(&self, about: Option<&str>) -> String {
        if let Some(about) = about {
            match self {
                Self::Negated => return format!("That is about not {about}; I did nothing."),
                Self::Question => return format!("That is a question about {about}; I did nothing."),
                Self::Hypothetical => return format!("That only supposes {about}; I did nothing."),
                Self::Reported => return format!("That tells of {about}; I did nothing."),
                Self::Scheduled => {
                    return format!("That is about {about} at another time, and I cannot schedule; I did nothing.");
                }
                _ => {}
            }
        }
        match self {
            Self::Negated => "That says what not to do; I did nothing.",
            Self::Question => "That is a question, not an order; I did nothing.",
            Self::Hypothetical => "That only supposes something; I did nothing.",
            Self::Reported => "That tells what happened; I did nothing.",
            Self::Quoted => "That has quoted words in it; I did nothing. Say the order itself.",
            Self::Scheduled => "That is for another time, and I cannot schedule; I did nothing.",
            Self::Compound(orders) => {
                let all: Vec<String> = orders.iter().map(|o| o.action.replace('_', " ")).collect();
                return format!(
                    "Those are two orders ({}); I did nothing. Give me one at a time.",
                    all.join(", then ")
                );
            }
            Self::Shell => "That looks like a shell command or a script, which I do not run; I did nothing.",
            Self::Injection => "That tries to tell me what I am; I did nothing.",
            Self::OtherDevice => "That is about something other than this computer; I did nothing.",
            Self::OtherLanguage => "I do not speak that language here; I did nothing.",
            Self::Underspecified => "Something is missing there, so I did nothing. Say what, or how much.",
            Self::NoMatch => "I did not understand that, so I did nothing.",
            Self::TooLong => "That is too long to be an order; I did nothing.",
            Self::OutOfRange => "That number is out of range; it goes from 0 to 100. I did nothing.",
        }
        .to_owned()
    }
}

/// Actions that only tell something: an order for them may have the form of a question.
const TELLING: &[&str] = &[
    "ping",
    "get_capabilities",
    "read_context",
    "pending_list",
    "network_status",
    "system_status",
    "list_files",
    "package_search",
];

/// Whether an action only tells something.
pub(super) fn tells(action: &str) -> bool {
    TELLING.contains(&action)
}

/// Whether the words `from..to` in front of an order only ask to be told something: "tell me", "I want to know", "any idea".
pub(super) fn wants_to_know(tokens: &Tokens<'_>, from: usize, to: usize) -> bool {
    let says = |i: usize, words: &[&str]| words.iter().any(|w| tokens.says(i, w));
    (from..to).any(|i| {
        says(i, &["tell", "show", "inform", "remind"]) && i + 1 < to && says(i + 1, &["me", "us"])
            || says(i, &["know", "see", "find", "check", "hear", "learn"])
                && i > from
                && says(i - 1, &["to", "me", "us"])
            || says(i, &["idea"])
            || says(i, &["know"]) && i > from && says(i - 1, &["you"]) && i + 1 == to && i > from + 1
            || says(i, &["know"]) && i > from + 1 && says(i - 2, &["do"])
    })
}

/// What forbids an order although a template says it: shell syntax, quotation marks, a bare order asked as a question.
/// Notes are exempt: they are kept, not followed.
pub(super) fn despite(tokens: &Tokens<'_>, found: &[Order]) -> Option<Reason> {
    let first = found.first()?;
    if first.action == "remember" {
        return None;
    }
    let within = tokens.semicolon && !first.skipped.iter().any(|s| s.contains(';'));
    if tokens.shell || within {
        return Some(Reason::Shell);
    }
    if tokens.quoted {
        return Some(Reason::Quoted);
    }
    if injected(tokens) {
        return Some(Reason::Injection);
    }
    // "I want to sleep" is about the speaker, unless a machine is named.
    let about_speaker = first.skipped.first().is_some_and(|s| {
        let mut words = s.split_ascii_whitespace().rev();
        let last = words.next().unwrap_or_default().to_ascii_lowercase();
        ["to", "me", "us", "lets", "let's", "we", "i", "wanna", "gotta"].contains(&&*last)
            && !words.any(|w| w.eq_ignore_ascii_case("you"))
    });
    if first.action == "power_sleep" && about_speaker && !tokens.list.iter().any(|t| t.is(class::MACHINE)) {
        return Some(Reason::Underspecified);
    }
    if tokens.asked && !TELLING.contains(&first.action) {
        let polite = first.skipped.iter().any(|s| s.split_ascii_whitespace().any(|w| w.eq_ignore_ascii_case("you")));
        let asks_for_more = first.template.starts_with("could ");
        if !polite
            && !asks_for_more
            && !first.payload.as_deref().is_some_and(|p| p.starts_with("https://www.google.com/search"))
        {
            return Some(Reason::Question);
        }
    }
    None
}

/// What tries to change what the agent is or may do: a word, and one of those behind it; nothing more where there are none.
const INJECTIONS: &[(&str, &[&str])] = &[
    ("ignore", &["previous", "all", "your", "any", "the"]),
    ("disregard", &["previous", "all", "your", "any", "the"]),
    ("forget", &["your", "previous"]),
    ("pretend", &["you", "to", "that", "youre"]),
    ("act", &["as"]),
    ("system", &["prompt"]),
    ("as", &["root", "admin", "administrator", "superuser"]),
    ("your", &["instructions", "rules", "programming", "guidelines", "restrictions"]),
    ("new", &["instructions"]),
    ("without", &["asking", "confirmation", "confirming", "permission"]),
    ("developer", &["mode"]),
    ("override", &[]),
    ("jailbreak", &[]),
    ("unrestricted", &[]),
];

/// "You are now": the one that is of three words.
const YOU_ARE_NOW: [&str; 3] = ["you", "are", "now"];

/// The words that such a text begins with, all of class [`class::SUSPECT`].
pub(super) fn suspects() -> impl Iterator<Item = &'static str> {
    INJECTIONS.iter().map(|(first, _)| *first).chain(YOU_ARE_NOW.first().copied())
}

/// Whether the text tries to change what the agent is or may do.
fn injected(tokens: &Tokens<'_>) -> bool {
    let injects = |i: usize| {
        INJECTIONS.iter().any(|(first, then)| {
            tokens.says(i, first) && (then.is_empty() || then.iter().any(|word| tokens.says(i + 1, word)))
        }) || YOU_ARE_NOW.iter().zip(i..).all(|(word, i)| tokens.says(i, word))
    };
    tokens.list.iter().enumerate().any(|(i, token)| token.is(class::SUSPECT) && injects(i))
        || tokens.text.trim_start().starts_with(['{', '[', '<'])
}

/// The reasons that are read off the text itself.
pub(super) fn not_an_order(tokens: &Tokens<'_>) -> Option<Reason> {
    let list = &tokens.list;
    let says = |i: usize, w: &str| tokens.says(i, w);
    let has = |c: Class| list.iter().any(|t| t.is(c));
    let pair = |a: &str, b: &str| (1..list.len()).any(|i| says(i - 1, a) && says(i, b));
    if injected(tokens) {
        return Some(Reason::Injection);
    }
    if tokens.shell || tokens.semicolon || has(class::SHELL) {
        return Some(Reason::Shell);
    }
    if tokens.quoted {
        return Some(Reason::Quoted);
    }
    let first = list.first()?;
    let negated = list.iter().enumerate().any(|(i, t)| {
        t.is(class::NEGATION)
            && (!["leave", "keep", "stop", "cancel", "avoid", "skip"].iter().any(|w| says(i, w))
                || i == 0
                || says(i - 1, "please"))
            && !says(i, "rather")
            || says(i, "rather") && i > 0 && says(i - 1, "id")
            || says(i, "never")
    });
    if has(class::HYPOTHESIS) && !(first.is(class::QUESTION) && says(1, "you"))
        || pair("what", "if")
        || pair("how", "about")
    {
        return Some(if negated { Reason::Negated } else { Reason::Hypothetical });
    }
    if negated {
        return Some(Reason::Negated);
    }
    if first.is(class::QUESTION) && !says(1, "you") && !says(0, "have") || tokens.asked {
        return Some(Reason::Question);
    }
    if reported(tokens) {
        return Some(Reason::Reported);
    }
    if has(class::TIME) && (has(class::COMMAND) || has(class::NUMBER)) {
        return Some(Reason::Scheduled);
    }
    None
}

/// "I restarted it", "the volume jumped": a subject and what it did.
fn reported(tokens: &Tokens<'_>) -> bool {
    let list = &tokens.list;
    let past = list.iter().skip(1).any(|t| t.is(class::PAST));
    list.first().is_some_and(|t| t.is(class::PERSON | class::THE)) && past
        || past && !list[0].is(class::COMMAND) && list.iter().skip(1).take(2).any(|t| t.is(class::PAST))
}

/// What is left to say when the text is no other kind.
pub(super) fn otherwise(tokens: &Tokens<'_>, cut_short: bool) -> Reason {
    let list = &tokens.list;
    let letters = tokens.text.chars().take(256).filter(|c| c.is_alphabetic()).count();
    let strange = tokens.foreign_letters as usize * 3 > letters && letters > 0;
    if strange || list.iter().filter(|t| t.is(class::FOREIGN) && t.symbol == 0).count() * 2 >= list.len().max(1) {
        return Reason::OtherLanguage;
    }
    if list.iter().any(|t| t.is(class::DEVICE)) {
        return Reason::OtherDevice;
    }
    let vague = list.len() <= 4 && list.iter().any(|t| t.is(class::PRONOUN));
    // Words that no command has begin nothing that could be incomplete.
    let known = list.iter().any(|t| t.symbol != 0);
    if known && (cut_short || vague || list.len() <= 1) { Reason::Underspecified } else { Reason::NoMatch }
}

/// A word that joins two orders.
pub(super) fn is_joint(tokens: &Tokens<'_>, i: usize) -> bool {
    tokens.list[i].is(class::AND) || ["then", "but", "or", "afterwards"].iter().any(|w| tokens.says(i, w))
}
