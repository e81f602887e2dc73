//! Sets aside what stands around an order. The phrases are data of the language; this only walks them.

use super::automaton::{Automaton, Builder, Pieces};
use super::notation::{Fragments, Template, TemplateError};
use super::token::{Lexicon, Tokens};
use super::words::{Class, class};

/// Most places at which an order is thought to begin, and to end.
const MAX_CUTS: usize = 10;

/// Most words that one phrase behind an order may have.
const MAX_AFTER_WORDS: usize = 12;

/// The phrases around an order, compiled.
#[derive(Debug)]
pub(super) struct Surround {
    before: Automaton,
    after: Automaton,
}

/// Where an order may begin and end, from the least set aside to the most.
#[derive(Debug)]
pub(super) struct Around {
    pub(super) starts: Vec<usize>,
    pub(super) ends: Vec<usize>,
    /// Where the order begins after a clause that only tells the situation.
    pub(super) situation: Option<usize>,
    /// The places among `starts` that follow a clause which tells a situation by its looks only, so that what follows must begin
    /// like an order.
    pub(super) loose: Vec<usize>,
    /// Where reasons begin behind an order.
    pub(super) reasons: Vec<usize>,
}

impl Surround {
    pub(super) fn new(
        before: &[&'static str],
        after: &[&'static str],
        fragments: &Fragments,
        lexicon: &mut Lexicon,
    ) -> Result<Self, TemplateError> {
        let mut compile = |list: &[&'static str]| {
            let mut builder = Builder::new();
            for source in list {
                let template = Template::parse(source, fragments)?;
                builder.add(&template.said, 0, &mut |w| lexicon.symbol(w));
            }
            Ok(builder.build())
        };
        Ok(Self { before: compile(before)?, after: compile(after)? })
    }

    pub(super) fn bytes(&self) -> usize {
        self.before.bytes() + self.after.bytes()
    }

    /// Adds the places that are reached from these by phrases in front of an order.
    fn on_from(&self, starts: &mut Vec<usize>, pieces: &Pieces, tokens: &Tokens<'_>, to: usize) {
        let mut i = 0;
        while i < starts.len() && starts.len() < MAX_CUTS {
            let at = starts[i];
            let lengths = self.before.lengths(pieces, tokens, at, to);
            for n in (1..u32::BITS as usize).filter(|n| lengths & 1 << n != 0) {
                if !starts.contains(&(at + n)) {
                    starts.push(at + n);
                }
            }
            i += 1;
        }
    }

    /// Where the order in the words `from..to` may begin and end.
    pub(super) fn around(&self, pieces: &Pieces, tokens: &Tokens<'_>, from: usize, to: usize) -> Around {
        let mut starts = vec![from];
        let sure = situation_before(tokens, from, to);
        starts.extend(sure);
        let mut loose = Vec::new();
        self.on_from(&mut starts, pieces, tokens, to);
        let situation = sure.or_else(|| clause_before(tokens, from, to));
        if let Some(clause) = situation.filter(|c| !starts.contains(c)) {
            loose.push(clause);
            self.on_from(&mut loose, pieces, tokens, to);
            loose.retain(|start| !starts.contains(start));
            starts.extend(&loose);
        }
        starts.sort_unstable();
        let mut ends = vec![to];
        let reasons: Vec<usize> = reasons_behind(tokens, from, to).collect();
        ends.extend(&reasons);
        let mut i = 0;
        while i < ends.len() && ends.len() < MAX_CUTS {
            let at = ends[i];
            for start in from.max(at.saturating_sub(MAX_AFTER_WORDS))..at {
                let lengths = self.after.lengths(pieces, tokens, start, at);
                if lengths & 1 << (at - start) != 0 && !ends.contains(&start) {
                    ends.push(start);
                }
            }
            i += 1;
        }
        ends.sort_unstable_by_key(|e| std::cmp::Reverse(*e));
        Around { starts, ends, situation, loose, reasons }
    }
}

/// Where a reason or a purpose may begin behind an order, as far as there is nothing conditional in it: "… because the baby
/// sleeps", "… to read the news", "…, I'm on a call".
fn reasons_behind(tokens: &Tokens<'_>, from: usize, to: usize) -> impl Iterator<Item = usize> {
    let says = |i: usize, words: &[&str]| i < to && words.iter().any(|w| tokens.says(i, w));
    let spoken = (from + 1..to).find(|&i| {
        says(i, &["because", "cause", "cuz", "coz"])
            || says(i, &["since", "as"])
                && !says(i - 1, &["well", "soon", "far", "long"])
                && i + 1 < to
                && tokens.list[i + 1].is(BEGINS_CLAUSE)
                && tokens.list[i + 1..to].iter().any(|t| t.is(class::VERB))
            || says(i, &["so"]) && says(i + 1, &["i", "we", "that", "it", "my", "the", "everyone", "nobody"])
            || says(i, &["for"]) && says(i + 1, &["i", "my", "the"]) && i + 4 < to
    });
    let doubtful = |from: usize, of: Class| {
        tokens.list[from..to].iter().any(|t| t.is(class::HYPOTHESIS | class::AND | class::TIME | of))
    };
    let told = spoken.filter(|&at| to - at > 2 && !doubtful(at + 1, 0));
    let purpose = (from + 1..to.saturating_sub(1)).find(|&i| {
        says(i, &["for"]) && tokens.list[i + 1].is(class::THE) && i + 2 < to && to - i <= 4
            || says(i, &["to"]) && PURPOSES.contains(&tokens.word(i + 1)) && to - i <= 7
    });
    let meant = purpose.filter(|&at| {
        let disk = if tokens.says(at, "to") { class::DISK } else { 0 };
        spoken.is_none()
            && !doubtful(at + 1, class::DEVICE | class::NUMBER | class::MACHINE | disk)
            && !tokens.list[at + 2..to].iter().any(|t| t.is(class::COMMAND))
    });
    // "Turn it off, it won't help", "install it, it's already there" take back what they say.
    let takes_back = |at: usize| {
        says(at, &["it", "that", "its", "thats", "he", "she", "they"])
            && tokens.list[at..to].iter().any(|t| t.is(class::NEGATION))
            || (at..to).any(|i| tokens.says(i, "already"))
    };
    // "Dim the screen please my eyes hurt": as good as a pause.
    let after_please = |i: usize| tokens.says(i - 1, "please") && i > from + 1 && tokens.list[i].is(BEGINS_CLAUSE);
    let situation = (from + 1..to).find(|&i| {
        (pauses(tokens, i - 1) || after_please(i))
            && !takes_back(i)
            && (is_situation(tokens, i, to) || tells(tokens, i, to))
    });
    // "Cut the wifi I'm trying to concentrate": speech without its comma, where no relative clause could begin.
    let unmarked = (from + 1..to).find(|&i| {
        let is = says(i, &["im", "its", "were", "theyre", "theres", "thats"])
            || says(i, &["i", "we"]) && says(i + 1, &["am", "are", "need", "want", "cant", "cannot"])
            || says(i, &["it"]) && says(i + 1, &["is"]);
        let bound =
            tokens.list[i - 1].is(class::HYPOTHESIS | class::TIME | class::NEGATION | class::AND | class::QUESTION);
        is && !bound && to - i >= 3 && !takes_back(i) && is_situation(tokens, i, to)
    });
    [told, meant, situation, unmarked].into_iter().flatten()
}

/// What an order may be for: "open firefox to read the news".
const PURPOSES: &[&str] = &[
    "watch",
    "read",
    "write",
    "listen",
    "hear",
    "see",
    "play",
    "work",
    "edit",
    "check",
    "save",
    "free",
    "make",
    "get",
    "do",
    "use",
    "view",
    "look",
    "relax",
    "fix",
    "test",
    "try",
    "apply",
    "finish",
    "draw",
    "design",
    "chat",
    "talk",
    "record",
    "browse",
    "code",
    "study",
    "focus",
    "concentrate",
    "reduce",
    "speed",
    "help",
    "protect",
    "conserve",
    "clear",
];

/// Where an order begins after a clause that only tells the situation ("the meeting runs long, …"), and a pause.
fn situation_before(tokens: &Tokens<'_>, from: usize, to: usize) -> Option<usize> {
    (from + 1..to).rev().find(|&i| {
        // "The baby's asleep so turn it down": "so" is as good as a pause.
        let so = i > from + 1 && tokens.says(i - 1, "so") && !tokens.list[i].is(class::PERSON | class::ADVERB);
        pauses(tokens, i - 1) && is_situation(tokens, from, i) || so && is_situation(tokens, from, i - 1)
    })
}

/// Where an order begins after any other clause that tells something, and a pause or "so": "pages won't load, …", "popping out
/// for lunch so …". Nothing in it may make the order wait, doubt it, or say that it is somebody else's.
fn clause_before(tokens: &Tokens<'_>, from: usize, to: usize) -> Option<usize> {
    (from + 2..to).rev().find(|&i| {
        let so =
            tokens.says(i - 1, "so") && (!tokens.list[i].is(class::PERSON | class::ADVERB) || tokens.says(i, "you"));
        // "This advert is loud can you turn it down", "… please dim it": as good as a pause, too.
        let asks = ["can", "could", "would", "will"].iter().any(|w| tokens.says(i, w)) && tokens.says(i + 1, "you")
            || tokens.says(i, "please") && i + 1 < to && tokens.list[i + 1].is(class::COMMAND | class::IMPERATIVE);
        (so && tells(tokens, from, i - 1)) || (asks || pauses_or_ends(tokens, i - 1)) && tells(tokens, from, i)
    })
}

/// As [`pauses`], and a semicolon.
fn pauses_or_ends(tokens: &Tokens<'_>, i: usize) -> bool {
    tokens.list[i].pause
        && !tokens.text[tokens.list[i].end as usize..].trim_start_matches(['"', ')', '\'']).starts_with([':', '?'])
}

/// Whether these words look like a clause that tells something and orders, asks, quotes and supposes nothing.
fn tells(tokens: &Tokens<'_>, from: usize, to: usize) -> bool {
    let list = &tokens.list[from..to];
    let no = class::HYPOTHESIS | class::WAITING | class::SHELL | class::POLITE;
    let subject = !list[0].is(class::COMMAND
        | class::IMPERATIVE
        | class::QUESTION & !class::NEGATION
        | class::TIME
        | class::PREPOSITION)
        && (!tokens.says(from, "not") || tokens.word(from + 1).ends_with("ing"))
        && ![
            "you", "he", "she", "they", "dont", "do", "never", "no", "stop", "let", "lets", "alexa", "siri", "google",
            "cortana",
        ]
        .iter()
        .any(|w| tokens.says(from, w));
    let verb = |i: usize| {
        let word = tokens.word(i);
        tokens.list[i].is(class::VERB | class::PAST)
            || short_is(tokens, i)
            || i == from && word.len() > 5 && word.ends_with("ing")
            || word.len() > 4 && word.ends_with("ed")
            || word.len() > 4 && word.ends_with("n't")
    };
    (2..=MAX_CLAUSE_WORDS).contains(&list.len())
        && subject
        && (from..to).any(verb)
        && !orders_within(tokens, from, to)
        && !list.iter().any(|t| t.is(no) && !t.is(class::VERB) || t.is(class::WAITING))
        && !of_others(tokens, from, to)
        && !(from..to).any(|i| {
            [
                "if", "you", "your", "instead", "would", "should", "could", "like", "other", "how", "what", "why",
                "who", "where", "which", "whether", "tell", "ask",
            ]
            .iter()
            .any(|w| tokens.says(i, w))
        })
        && !(list.iter().any(|t| t.is(class::NEGATION))
            && (from..to)
                .any(|i| ["think", "know", "mean", "sure", "believe", "say", "want"].iter().any(|w| tokens.says(i, w))))
        && !["goes", "be", "is", "was", "were", "all", "to"].iter().any(|w| tokens.says(to - 1, w))
}

/// Words that a clause about the situation begins with.
const BEGINS_CLAUSE: Class = class::PERSON | class::THE | class::MINE;

/// Words that a clause begins with whose speaker is left out: "done with work, …".
const WITHOUT_SUBJECT: &[&str] = &[
    "done",
    "finished",
    "heading",
    "going",
    "gonna",
    "gotta",
    "leaving",
    "stepping",
    "trying",
    "working",
    "watching",
    "reading",
    "listening",
    "recording",
    "presenting",
    "studying",
    "need",
    "got",
    "having",
    "feeling",
    "still",
    "about",
    "getting",
    "streaming",
    "travelling",
    "traveling",
    "time",
    "popping",
    "closing",
    "packing",
    "wrapping",
    "almost",
    "finally",
    "cant",
    "wanna",
];

/// Whether the words from `at` on begin a clause that tells something: a person, a thing, or nobody.
fn begins_clause(tokens: &Tokens<'_>, at: usize, to: usize) -> bool {
    let first = &tokens.list[at];
    let asks = first.is(class::QUESTION | class::HYPOTHESIS | class::TIME | class::COMMAND) || tokens.says(at, "lets");
    let is = at + 1 < to && ["is", "are", "isnt", "keeps"].iter().any(|w| tokens.says(at + 1, w));
    first.is(BEGINS_CLAUSE)
        || !asks && (is || short_is(tokens, at))
        || WITHOUT_SUBJECT.iter().any(|w| tokens.says(at, w)) && at + 1 < to
}

/// "The baby's asleep", "the phone's ringing", but not "my wife's laptop".
fn short_is(tokens: &Tokens<'_>, i: usize) -> bool {
    const STATES: &[&str] = &[
        "asleep", "awake", "here", "home", "too", "so", "very", "really", "low", "dead", "dying", "full", "empty",
        "late", "over", "done", "finished", "on", "off", "about", "almost", "nearly", "dark", "bright", "loud",
        "quiet", "hot", "cold", "slow", "back", "in", "at", "a", "all", "frozen", "stuck", "broken", "crashed", "gone",
        "ready",
    ];
    let word = tokens.word(i);
    (word.ends_with("'s") || word.ends_with("’s"))
        && i + 1 < tokens.list.len()
        && (tokens.word(i + 1).ends_with("ing") || STATES.iter().any(|w| tokens.says(i + 1, w)))
}

/// Longest clause that is set aside, in words.
const MAX_CLAUSE_WORDS: usize = 14;

/// Whether these words tell a situation and nothing else: a subject and a verb, no order, no doubt, no time, nobody else's words.
fn is_situation(tokens: &Tokens<'_>, from: usize, to: usize) -> bool {
    let list = &tokens.list[from..to];
    let other = class::HYPOTHESIS | class::QUESTION & !class::VERB | class::TIME | class::SHELL;
    (2..=MAX_CLAUSE_WORDS).contains(&list.len())
        && begins_clause(tokens, from, to)
        && !tokens.says(from, "you")
        && (list.iter().any(|t| t.is(class::VERB))
            || !list[0].is(BEGINS_CLAUSE)
            || (from + 1..to).any(|i| short_is(tokens, i)))
        && !["like", "goes", "be", "is", "was", "were", "all", "to"].iter().any(|w| tokens.says(to - 1, w))
        && !list.iter().any(|t| t.is(other) && !t.is(class::VERB))
        && !of_others(tokens, from, to)
        && !(from..to).any(|i| tokens.says(i, "other"))
        && !orders_within(tokens, from, to)
        && !(from..to).any(|i| ["if", "dont", "never", "instead", "wont"].iter().any(|w| tokens.says(i, w)))
        && !(from..to.saturating_sub(1))
            .any(|i| pauses(tokens, i) && i + 1 < to && tokens.list[i + 1].is(class::COMMAND))
}

/// Whether a clause tells somebody else's words: somebody says something in it, or it is about a text, or it ends with a shout, or it
/// tells who speaks: "install docker, he is still talking" passes on what he says.
fn of_others(tokens: &Tokens<'_>, from: usize, to: usize) -> bool {
    const THEY: &[&str] = &["he", "she", "they", "hes", "shes", "theyre", "somebody", "someone"];
    const SPEAK: &[&str] = &["talking", "speaking", "dictating", "explaining", "presenting", "narrating", "lecturing"];
    let they_speak =
        THEY.iter().any(|w| tokens.says(from, w)) && (from + 1..to).any(|i| SPEAK.iter().any(|w| tokens.says(i, w)));
    let told = |i: usize| {
        let wish = (tokens.says(i, "wants") || tokens.says(i, "wanted")) && tokens.says(i + 1, "to");
        tokens.list[i].is(class::REPORTER) && !wish
    };
    let text = |i: usize| tokens.list[i].is(class::SOURCE);
    they_speak || (from..to).any(told) || (from..to.min(from + 3)).any(text) || text(to - 1)
}

/// Whether a word inside a clause could begin an order: not "to focus", "can't read", "my search".
fn orders_within(tokens: &Tokens<'_>, from: usize, to: usize) -> bool {
    (from + 1..to).any(|i| {
        let before = &tokens.list[i - 1];
        let leads = ["so", "but", "or"].iter().any(|w| tokens.says(i - 1, w));
        let noun = before.is(class::NEGATION | class::THE | class::ARTICLE)
            || !leads && before.is(class::PREPOSITION | class::MINE) && tokens.list[i].is(class::IMPERATIVE)
            || ["can", "will", "must", "need", "ill"].iter().any(|w| tokens.says(i - 1, w));
        let now = tokens.list[i].is(class::COMMAND | class::IMPERATIVE) && !noun;
        let state = tokens.says(i, "open") && before.is(class::VERB);
        now && !state && !tokens.list[i].is(class::VERB) && !tokens.says(i - 1, "to")
    })
}

/// Longest order with "it" at the end of a text, in words.
const MAX_ORDER_WITH_IT: usize = 7;

/// Where an order with "it" at the end of the text begins, where its "it" is, and the one thing that was named before it.
pub(super) fn antecedent(tokens: &Tokens<'_>) -> Option<(usize, usize, std::ops::Range<usize>)> {
    let list = &tokens.list;
    let from = list.len().saturating_sub(MAX_ORDER_WITH_IT).max(1);
    let last = list.len().saturating_sub(1);
    let mut its = (from..list.len())
        .filter(|&i| ["it", "them"].iter().any(|w| tokens.says(i, w)) || i == last && tokens.says(i, "that"));
    let it = its.next().filter(|_| its.next().is_none())?;
    let mut order = (from..it).rev().find(|&i| list[i].is(class::COMMAND | class::IMPERATIVE))?;
    // "… so can you please remove it": what only leads over belongs to the order.
    const LEADS: &[&str] = &["please", "so", "can", "could", "would", "will", "you", "just", "and", "then"];
    while order > 1 && LEADS.iter().any(|w| tokens.says(order - 1, w)) {
        order -= 1;
    }
    let before = &list[..order];
    let doubtful = class::HYPOTHESIS & !class::VERB
        | class::TIME
        | class::DEVICE
        | class::REPORTER
        | class::SHELL
        | class::COMMAND;
    let could_use = |i: usize| tokens.says(i, "could") && tokens.says(i + 1, "use");
    let clause = before.len() >= 2
        && before.len() <= MAX_CLAUSE_WORDS
        && before.iter().any(|t| t.is(class::VERB))
        && !tokens.says(0, "you")
        && !before[0].is(class::QUESTION)
        && !(0..order).any(|i| {
            let short =
                ["isnt", "arent", "wont", "doesnt", "hasnt", "havent", "cant"].iter().any(|w| tokens.says(i, w));
            before[i].is(class::NEGATION)
                && !(i > 0 && (before[i - 1].is(class::PERSON) || tokens.says(i - 1, "have") || short))
        })
        && !(0..order).any(|i| {
            (before[i].is(class::REPORTER) || before[i].is(doubtful) && !before[i].is(class::VERB | class::SOFTWARE))
                && !could_use(i)
        });
    if !clause {
        return None;
    }
    let named =
        |i: usize| before[i].is(class::SOFTWARE) && !before[i].is(class::DOUBLE_MEANING | class::VERB | class::MACHINE);
    let mut things = (0..order).filter(|&i| named(i) || before[i].is(class::MACHINE | class::RADIO));
    let thing = things
        .find(|&i| !before[i].is(class::MACHINE))
        .or_else(|| (0..order).find(|&i| before[i].is(class::MACHINE)))?;
    let one = (0..order)
        .filter(|&i| i != thing && !before[i].is(class::MACHINE))
        .all(|i| !named(i) && !before[i].is(class::RADIO));
    let article = thing > 0 && before[thing].is(class::MACHINE) && before[thing - 1].is(class::THE | class::MINE);
    one.then_some((order, it, thing - usize::from(article)..thing + 1))
}

/// Whether a comma, full stop, exclamation mark or dash follows the word; a colon announces something else.
fn pauses(tokens: &Tokens<'_>, i: usize) -> bool {
    tokens.list[i].pause
        && !tokens.text[tokens.list[i].end as usize..].trim_start_matches(['"', ')', '\'']).starts_with([':', ';', '?'])
}
