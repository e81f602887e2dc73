//! Typed slots: which words a slot may take, and what value they make. A slot that is not sure takes nothing.

use super::names;
use super::token::Tokens;
use super::words::{Class, class};

/// What a template leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// `{percent}`: a whole number from 0 to 100 in digits or words, `max`, `half`, `minimum`.
    Percent,
    /// `{step}`: by how much, from 1 to 100.
    Step,
    /// `{packages}`: one or more package names, after a verb that is said of software alone (`install`).
    Packages,
    /// `{known packages}`: as above, after a verb that is said of anything (`add`, `get`): names of software only.
    KnownPackages,
    /// `{app}`: the name of an app.
    App,
    /// `{known app}`: the name of an app that is surely one.
    KnownApp,
    /// `{url}`: a URL, or a domain under a public suffix.
    Url,
    /// `{query}`: what to search the web for.
    Query,
    /// `{words}`: a few words to look for.
    Words,
    /// `{place}`: a folder.
    Place,
    /// `{note}`: anything, to the end, to the letter.
    Note,
    /// `{fact}`: as `{note}`, but only what states something ("my shoe size is 42").
    Fact,
}

/// A value outside what the slot allows, though it is one of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// The words are not a value of this slot.
    NotOne,
    /// A number outside the range.
    OutOfRange,
}

/// Words that one list of packages may have.
const MAX_LIST_WORDS: usize = 24;
/// Words that the name of an app, a place or a package may have, with its article and noun.
const MAX_NAME_WORDS: usize = 6;
/// Words of a search on the web.
const MAX_QUERY_WORDS: usize = 24;
/// Words of a `{words}` slot.
const MAX_FEW_WORDS: usize = 8;

/// Classes that a name never has in it.
pub(super) const NOT_IN_NAMES: Class = class::NEGATION
    | class::QUESTION
    | class::HYPOTHESIS
    | class::TIME
    | class::PRONOUN
    | class::POLITE
    | class::PREPOSITION
    | class::ARTICLE
    | class::ADVERB
    | class::PERSON
    | class::SHELL;

impl Slot {
    /// All of them, in their order.
    pub(super) const ALL: [Self; 12] = [
        Self::Percent,
        Self::Step,
        Self::Packages,
        Self::KnownPackages,
        Self::App,
        Self::KnownApp,
        Self::Url,
        Self::Query,
        Self::Words,
        Self::Place,
        Self::Note,
        Self::Fact,
    ];

    /// The slot of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "percent" => Self::Percent,
            "step" => Self::Step,
            "packages" => Self::Packages,
            "known packages" => Self::KnownPackages,
            "app" => Self::App,
            "known app" => Self::KnownApp,
            "url" => Self::Url,
            "query" => Self::Query,
            "words" => Self::Words,
            "place" => Self::Place,
            "note" => Self::Note,
            "fact" => Self::Fact,
            _ => return None,
        })
    }

    /// The name by which payloads and explanations call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::Step => "step",
            Self::Packages | Self::KnownPackages => "packages",
            Self::App | Self::KnownApp => "app",
            Self::Url => "url",
            Self::Query => "query",
            Self::Words => "words",
            Self::Place => "place",
            Self::Note | Self::Fact => "note",
        }
    }

    /// Values for samples; the first is the one for help texts.
    pub(super) fn examples(self) -> &'static [&'static str] {
        match self {
            Self::Percent => &["40 percent", "65", "25%", "twenty", "max", "thirty five percent", "half"],
            Self::Step => &["10", "5 percent", "fifteen"],
            Self::Packages => &["vim", "htop and tmux", "the gparted package", "git, curl and jq", "build-essential"],
            Self::KnownPackages => &["vim", "htop and tmux", "python3-venv"],
            Self::App => &["firefox", "the calculator", "disk usage analyzer", "my text editor"],
            Self::KnownApp => &["firefox", "the text editor", "system monitor"],
            Self::Url => &["example.org", "https://www.debian.org/News/?a=B", "docs.rs", "localhost:8080"],
            Self::Query => &["cheap bicycles", "how to reboot a router", "weather in lisbon"],
            Self::Words => &["printer", "pdf editor", "the holiday house"],
            Self::Place => &["downloads", "my pictures folder", "/etc", "~/Projects"],
            Self::Note => &["my printer is upstairs", "Never restart the NAS; ask Sam first!", "tea: 3 minutes"],
            Self::Fact => &["my shoe size is 42", "the demo is on Friday", "Ada likes oat milk"],
        }
    }

    /// Whether the slot runs to the end of the text and takes it to the letter.
    pub(super) fn is_note(self) -> bool {
        matches!(self, Self::Note | Self::Fact)
    }
}

/// The ends that a slot starting at word `at` may have, before `to`; what is certain to fail is left out.
pub(super) fn ends(slot: Slot, tokens: &Tokens<'_>, at: usize, to: usize) -> std::ops::RangeInclusive<usize> {
    #[allow(clippy::reversed_empty_ranges, reason = "an empty range says that there is none")]
    let none = 1..=0;
    if at >= to {
        return none;
    }
    let first = &tokens.list[at];
    let run = |most: usize, stop: &dyn Fn(&super::token::Token) -> bool| {
        let longest = tokens.list[at..to].iter().take(most).take_while(|t| !stop(t)).count();
        at + 1..=at + longest
    };
    match slot {
        Slot::Percent | Slot::Step => match number(tokens, at, to) {
            Some((_, end)) => end..=end,
            None => none,
        },
        Slot::Url => at + 1..=at + 1,
        Slot::Note | Slot::Fact => to..=to,
        Slot::Query => run(MAX_QUERY_WORDS, &|_| false),
        Slot::Packages | Slot::KnownPackages => run(MAX_LIST_WORDS, &|t| {
            t.is(NOT_IN_NAMES & !class::ARTICLE) && !t.is(class::SOFTWARE) && !t.is(class::AND)
        }),
        Slot::App | Slot::KnownApp => {
            if first.is(class::ARTICLE) {
                return none;
            }
            run(MAX_NAME_WORDS, &|t| t.is(NOT_IN_NAMES))
        }
        Slot::Place => run(MAX_NAME_WORDS, &|t| t.is(NOT_IN_NAMES & !class::PREPOSITION) && !t.is(class::ARTICLE)),
        Slot::Words => run(MAX_FEW_WORDS, &|t| t.is(class::NEGATION | class::HYPOTHESIS | class::POLITE)),
    }
}

/// The value that these words make, checked.
pub(super) fn value(
    slot: Slot,
    tokens: &Tokens<'_>,
    from: usize,
    to: usize,
    cx: &super::Context<'_>,
) -> Result<String, Unfit> {
    let found = match slot {
        Slot::Percent => return ranged(tokens, from, to, 0),
        Slot::Step => return ranged(tokens, from, to, 1),
        Slot::Packages => names::packages(tokens, from, to, names::Trust::Strong),
        Slot::KnownPackages => names::packages(tokens, from, to, names::Trust::Weak),
        Slot::App => names::app(tokens, from, to, names::Trust::Strong, cx.installed),
        Slot::KnownApp => names::app(tokens, from, to, names::Trust::Weak, cx.installed),
        Slot::Url => super::address::url(tokens.word(from)),
        Slot::Query => query(tokens, from, to),
        Slot::Words => words(tokens, from, to),
        Slot::Place => super::address::place(tokens, from, to, cx.home),
        Slot::Note | Slot::Fact => note(slot, tokens, from),
    };
    found.ok_or(Unfit::NotOne)
}

fn ranged(tokens: &Tokens<'_>, from: usize, to: usize, least: i32) -> Result<String, Unfit> {
    match number(tokens, from, to) {
        Some((n, _)) if n < least || n > 100 => Err(Unfit::OutOfRange),
        Some((n, _)) => Ok(n.to_string()),
        None => Err(Unfit::NotOne),
    }
}

/// The number that starts at word `at`, and where it ends, with the word "percent" after it.
fn number(tokens: &Tokens<'_>, at: usize, to: usize) -> Option<(i32, usize)> {
    let word = |i: usize| if i < to { tokens.word(i) } else { "" };
    let small = |i: usize| tokens.lexicon.number(&word(i).to_lowercase());
    if !tokens.list[at].is(class::NUMBER | class::ARTICLE) {
        return None;
    }
    let says = |i: usize, w: &str| i < to && tokens.says(i, w);
    let (value, mut end) = if let Some(n) = tokens.list[at].number {
        if n == 3 && says(at + 1, "quarters") { (75, at + 2) } else { (n, at + 1) }
    } else if says(at, "max") || says(at, "maximum") {
        (100, at + 1)
    } else if says(at, "min") || says(at, "minimum") {
        (0, at + 1)
    } else if says(at, "half") {
        (50, at + 1)
    } else if says(at, "a") && (says(at + 1, "hundred") || says(at + 1, "quarter") || says(at + 1, "third")) {
        (
            if says(at + 1, "hundred") {
                100
            } else if says(at + 1, "quarter") {
                25
            } else {
                33
            },
            at + 2,
        )
    } else if let Some(tens) = small(at) {
        match small(at + 1) {
            _ if tens == 1 && (says(at + 1, "quarter") || says(at + 1, "third")) => {
                (if says(at + 1, "quarter") { 25 } else { 33 }, at + 2)
            }
            _ if tens == 3 && says(at + 1, "quarters") => (75, at + 2),
            _ if tens == 2 && says(at + 1, "thirds") => (67, at + 2),
            Some(100) if tens < 100 => match small(at + 2) {
                Some(more) if more < 100 => (tens * 100 + more, at + 3),
                _ => (tens * 100, at + 2),
            },
            Some(ones) if (20..100).contains(&tens) && (1..10).contains(&ones) => (tens + ones, at + 2),
            Some(more) if tens == 100 && more < 100 => (100 + more, at + 2),
            _ => (tens, at + 1),
        }
    } else {
        return None;
    };
    if end < to && tokens.list[end].is(class::PERCENT) {
        end += 1;
    } else if says(end, "per") && says(end + 1, "cent") {
        end += 2;
    }
    Some((value, end))
}

/// Words that would make a query something else: a search on the disk, or a second order.
fn query(tokens: &Tokens<'_>, from: usize, to: usize) -> Option<String> {
    let list = &tokens.list[from..to];
    let placeholder = to - from == 1 && list[0].is(class::PRONOUN) || tokens.list[to - 1].is(class::POLITE);
    let second_order = list.windows(2).any(|w| w[0].is(class::AND) && w[1].is(class::COMMAND));
    // "Google cat pictures" says itself where they are; "look up my pictures" does not.
    let before = |n: usize, words: &[&str]| from >= n && words.iter().any(|w| tokens.says(from - n, w));
    let net = &["google", "online", "internet", "web", "net"];
    let web = before(1, net) || before(1, &["for"]) && (before(2, net) || before(2, &["search"]) && before(3, net));
    let on_disk = !web && list.iter().take(3).any(|t| t.is(class::DISK | class::SOFTWARE_NOUN))
        || tokens.word(from).starts_with(['.', '/', '~']);
    // "google is evil", "look up at the sky", "search for my keys": not for the web.
    let idle = list[0].is(class::PREPOSITION | class::PRONOUN)
        || ["is", "was", "my", "your"].iter().any(|w| tokens.says(from, w));
    // "Hey Google, …" speaks to another machine.
    let another = from >= 2
        && tokens.says(from - 1, "google")
        && ["hey", "ok", "okay", "hi"].iter().any(|w| tokens.says(from - 2, w));
    let files = list
        .iter()
        .enumerate()
        .any(|(i, _)| ["file", "files", "folder", "folders", "directory"].iter().any(|w| tokens.says(from + i, w)));
    // "Look up Julia in my notes", "… in the repositories": not on the web.
    let kept = (from + 1..to).any(|i| {
        ["in", "through", "from"].iter().any(|w| tokens.says(i, w))
            && i + 2 < to + 1
            && tokens.list[i + 1..to].iter().any(|t| t.is(class::THE | class::ARTICLE))
            && (i + 1..to).any(|i| {
                [
                    "notes",
                    "memory",
                    "memories",
                    "repos",
                    "repositories",
                    "repo",
                    "archive",
                    "packages",
                    "package",
                    "documents",
                    "downloads",
                ]
                .iter()
                .any(|w| tokens.says(i, w))
            })
    });
    if kept || another || files || placeholder || second_order || on_disk || idle {
        return None;
    }
    Some(url::form_urlencoded::byte_serialize(tokens.span(from, to).as_bytes()).collect())
}

fn words(tokens: &Tokens<'_>, from: usize, to: usize) -> Option<String> {
    let list = &tokens.list[from..to];
    let from = from + usize::from(list[0].is(class::THE | class::ARTICLE) && list.len() > 1);
    let list = &tokens.list[from..to];
    if list.iter().all(|t| t.is(class::PRONOUN | class::ARTICLE | class::THE))
        || list.last().is_some_and(|t| t.is(class::PREPOSITION | class::POLITE | class::ADVERB))
        || list[..list.len() - 1].iter().any(|t| t.pause)
        || super::words::GERUNDS.iter().any(|(ing, _)| tokens.says(from, ing))
        || list.windows(2).any(|w| w[0].is(class::AND) && w[1].is(class::COMMAND))
    {
        return None;
    }
    Some(tokens.span(from, to).to_owned())
}

fn note(slot: Slot, tokens: &Tokens<'_>, from: usize) -> Option<String> {
    let list = &tokens.list[from..];
    if list.iter().all(|t| t.is(class::PRONOUN | class::POLITE | class::PREPOSITION)) {
        return None;
    }
    // "Add a note to my calendar": where to, and no note.
    let elsewhere = list.len() <= 4 && list[0].is(class::PREPOSITION) && list.get(1).is_some_and(|t| t.is(class::THE));
    if elsewhere {
        return None;
    }
    if slot == Slot::Fact {
        let first = &list[0];
        let states = list.iter().skip(1).any(|t| t.is(class::VERB | class::PAST))
            || ["dont", "never"].iter().any(|w| tokens.says(from, w)) && list.len() > 3
            || first.is(class::VERB) && first.is(class::MINE) && list.len() > 1
            || list.iter().any(|t| t.pause && t.end < tokens.text.len() as u32);
        let mine =
            tokens.says(from, "my") || tokens.says(from, "our") || tokens.says(from, "i") || tokens.says(from, "im");
        let counted = list.iter().any(|t| t.is(class::NUMBER));
        let asks = first.is(class::QUESTION | class::TIME | class::PREPOSITION) || tokens.says(from, "me");
        // "Note: call Ada" says itself that a note follows.
        let announced = from > 0 && tokens.text[..tokens.list[from].start as usize].trim_end().ends_with(':');
        if !announced && (asks || !(states || (mine && list.len() > 1 && counted))) {
            return None;
        }
    }
    let start = tokens.list[from].start as usize;
    // What stood before the first word and belongs to it, as an opening quote or bracket, is part of the note.
    let before = tokens.text[..start].trim_end_matches(|c: char| "\"“„‘«([{*".contains(c)).len();
    Some(tokens.text[before..].trim().to_owned())
}
