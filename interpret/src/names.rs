//! Names of packages and apps in what was said: what is a name, and what is any old noun.
//!
//! "Install" and "uninstall" are said of software, so an unknown name is a name; "add", "get" and "delete" are said of eggs and
//! photos too, so only what is known to be software counts. Everyday words count in neither case unless the speaker says "package".

use super::slot::NOT_IN_NAMES;
use super::token::{Token, Tokens};
use super::words::{Class, class, is_english};

/// How far the verb vouches that a name is software.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// The verb is said of software alone.
    Strong,
    /// The verb is said of anything.
    Weak,
}

/// Most packages in one order.
const MAX_PACKAGES: usize = 16;
/// Most words of one name.
const MAX_WORDS: usize = 4;

/// Classes that the name of a package never has in it, besides.
const NEVER: Class = NOT_IN_NAMES | class::MINE | class::THE | class::AND | class::NUMBER;

/// A list of packages as a comma list in lower case, or nothing when one of them is not a name.
pub(super) fn packages(tokens: &Tokens<'_>, from: usize, to: usize, trust: Trust) -> Option<String> {
    let mut list: Vec<String> = Vec::new();
    let plural = (from..to).any(|i| tokens.says(i, "packages") || tokens.says(i, "apps") || tokens.says(i, "programs"));
    let mut at = from;
    while at + 1 < to && ["the", "these", "following", "both"].iter().any(|w| tokens.says(at, w)) {
        at += 1;
    }
    while at < to {
        let end = (at..to).find(|&i| tokens.list[i].is(class::AND)).unwrap_or(to);
        let end = (at..end).find(|&i| tokens.list[i].pause).map_or(end, |i| i + 1);
        if at < end {
            let trust = if plural { Trust::Strong } else { trust };
            // "ripgrep fd and bat", without a comma: each is a name by itself, and together they are none.
            let each = |i: usize| tokens.list[i].is(class::SOFTWARE) && !tokens.list[i].is(class::SOFTWARE_NOUN);
            let row = end - at > 1 && (at..end).all(each) && !known(tokens, at, end);
            for (from, to) in if row { (at..end).map(|i| (i, i + 1)).collect() } else { vec![(at, end)] } {
                let name = package(tokens, from, to, trust, plural || row)?;
                if !list.contains(&name) {
                    list.push(name);
                }
            }
        } else if list.is_empty() || at + 1 == to {
            return None;
        }
        at = if end < to && tokens.list[end].is(class::AND) { end + 1 } else { end.max(at + 1) };
    }
    // "vim and reboot": the order of a second action is not a second package.
    let ends_in_and = tokens.list[to - 1].is(class::AND);
    if list.is_empty() || list.len() > MAX_PACKAGES || ends_in_and {
        return None;
    }
    Some(list.join(","))
}

fn package(tokens: &Tokens<'_>, mut from: usize, mut to: usize, trust: Trust, plural: bool) -> Option<String> {
    let said_so = strip_nouns(tokens, &mut from, &mut to);
    let list = tokens.list.get(from..to)?;
    // "the kdenlive video editor": the name is its first word, the rest says what it is.
    let kind = tokens.list.get(to.wrapping_sub(1)).is_some_and(|t| t.is(class::APP_KIND));
    if list.len() > 1
        && kind
        && tokens.list[from].is(class::SOFTWARE)
        && !tokens.list[from].is(class::DOUBLE_MEANING)
        && !known(tokens, from, to)
    {
        to = from + 1;
    }
    let list = tokens.list.get(from..to)?;
    let grammar = |i: usize| is_package_name(tokens.word(i));
    if list.is_empty() || list.len() > MAX_WORDS || !(from..to).all(grammar) {
        return None;
    }
    let text = lower(tokens, from, to, " ");
    let class_of = tokens.lexicon.get(&text).class;
    let software = class_of & class::SOFTWARE != 0;
    let app = class_of & class::APP_NAME != 0;
    let everyday = class_of & class::DOUBLE_MEANING != 0;
    let fits = if software {
        trust == Trust::Strong || said_so || !everyday
    } else if list.iter().any(|t| t.is(NEVER | class::COMMAND)) {
        false
    } else if said_so || (plural && list.len() == 1) {
        !list.iter().any(|t| t.is(class::DEVICE))
    } else if list.iter().any(|t| t.is(class::ORDINARY | class::DEVICE | class::DISK | class::FOREIGN)) {
        false
    } else if list.len() > 1 {
        trust == Trust::Strong && (app || extends_a_known_name(tokens, from, to))
    } else {
        match trust {
            Trust::Strong => !is_english(&text),
            Trust::Weak => has_package_shape(&text),
        }
    };
    fits.then_some(text)
}

/// Whether these words are the name of one piece of software.
fn known(tokens: &Tokens<'_>, from: usize, to: usize) -> bool {
    tokens.lexicon.get(&lower(tokens, from, to, " ")).class & (class::SOFTWARE | class::APP_NAME) != 0
}

/// "signal desktop", "vim gtk": an unknown name of several words, one of which is known to be software, and the others are no
/// everyday words.
fn extends_a_known_name(tokens: &Tokens<'_>, from: usize, to: usize) -> bool {
    let part = |i: usize| {
        let token = &tokens.list[i];
        token.is(class::SOFTWARE | class::APP_KIND | class::SOFTWARE_NOUN)
            || SUFFIXES.iter().any(|w| tokens.says(i, w))
            || !is_english(&lower(tokens, i, i + 1, ""))
    };
    (from..to).any(|i| tokens.list[i].is(class::SOFTWARE) && !tokens.list[i].is(class::DOUBLE_MEANING))
        && (from..to).all(part)
}

/// What comes after a name and belongs to it.
const SUFFIXES: &[&str] =
    &["desktop", "client", "studio", "beta", "nightly", "browser", "messenger", "server", "community", "edition"];

/// "telegram desktop": what comes after the name of an app and belongs to it.
fn with_suffix(tokens: &Tokens<'_>, from: usize, to: usize) -> bool {
    to - from == 2
        && SUFFIXES.iter().any(|w| tokens.says(to - 1, w))
        && tokens.list[from].is(class::SOFTWARE)
        && !tokens.list[from].is(class::DOUBLE_MEANING)
}

/// The name of an app in lower case.
pub(super) fn app(
    tokens: &Tokens<'_>,
    mut from: usize,
    mut to: usize,
    trust: Trust,
    installed: &[String],
) -> Option<String> {
    let article = tokens.list[from].is(class::THE);
    let many = (from..to).any(|i| ["apps", "applications", "programs", "packages"].iter().any(|w| tokens.says(i, w)));
    let said_so = strip_nouns(tokens, &mut from, &mut to) && !many;
    let list = tokens.list.get(from..to)?;
    if list.is_empty() || many || list.len() > MAX_WORDS || list[..list.len() - 1].iter().any(|t| t.pause) {
        return None;
    }
    let whole = tokens.span(from, to);
    if whole.len() > 64
        || !whole.chars().all(|c| c.is_alphanumeric() || " -+._".contains(c))
        || whole.starts_with(['-', '.', '+'])
    {
        return None;
    }
    let text = lower(tokens, from, to, " ");
    let class_of = tokens.lexicon.get(&text).class;
    let dotted =
        whole.contains('.') && !installed.contains(&text) && class_of & class::SOFTWARE == 0 && !is_desktop_id(whole);
    if dotted {
        return None;
    }
    let here = installed.contains(&text);
    let known = here || class_of & (class::SOFTWARE | class::APP_NAME) != 0;
    let everyday = class_of & class::DOUBLE_MEANING != 0;
    let fits = if known {
        trust == Trust::Strong && !(article && THINGS.contains(&text.as_str())) || said_so || !everyday
    } else if list.iter().any(|t| t.is(NEVER)) {
        false
    } else if said_so {
        !list.iter().any(|t| t.is(class::DEVICE | class::COMMAND))
    } else if is_kind(list) || with_suffix(tokens, from, to) {
        true
    } else if list.iter().any(|t| t.is(class::ORDINARY | class::DEVICE | class::DISK | class::FOREIGN | class::COMMAND))
    {
        false
    } else {
        // An unknown name with an article is a thing: "launch the missiles".
        trust == Trust::Strong
            && !article
            && (list.len() == 1 && !is_english(&text)
                || extends_a_known_name(tokens, from, to)
                || list.len() == 2 && capitals(tokens, from, to))
    };
    fits.then_some(text)
}

/// Names of apps that with an article are the thing itself: "start the music".
const THINGS: &[&str] = &["music", "radio", "game", "games", "news", "map", "videos", "podcasts"];

/// "pdf editor", "web browser": a kind of app, whatever it is called.
fn is_kind(list: &[Token]) -> bool {
    let (last, first) = match list {
        [first @ .., last] if !first.is_empty() => (last, first),
        _ => return false,
    };
    last.is(class::APP_KIND) && first.iter().all(|t| t.is(class::APP_SORT | class::SOFTWARE) && !t.is(class::DEVICE))
}

fn capitals(tokens: &Tokens<'_>, from: usize, to: usize) -> bool {
    (from..to).all(|i| tokens.word(i).starts_with(|c: char| c.is_ascii_uppercase()))
}

/// Takes "the", "my", "package", "app", "called" from both ends; true when the speaker said what kind of thing it is.
fn strip_nouns(tokens: &Tokens<'_>, from: &mut usize, to: &mut usize) -> bool {
    if *from < *to && tokens.list[*from].is(class::THE) {
        *from += 1;
    }
    let mut said_so = false;
    while *from + 1 < *to
        && tokens.list[*from].is(class::SOFTWARE_NOUN)
        && !known(tokens, *from, *to)
        && (tokens.list[*from].class & class::APP_NAME == 0 || tokens.list[*from + 1].is(class::SOFTWARE))
    {
        said_so = true;
        *from += 1;
    }
    while *from + 1 < *to && tokens.list[*to - 1].is(class::SOFTWARE_NOUN) {
        let phrase = lower(tokens, *from, *to, " ");
        if tokens.lexicon.get(&phrase).class & (class::SOFTWARE | class::APP_NAME) != 0 {
            break;
        }
        said_so = true;
        *to -= 1;
    }
    if *from + 1 == *to
        && tokens.list[*from].is(class::SOFTWARE_NOUN)
        && tokens.list[*from].class & (class::SOFTWARE | class::APP_NAME) == 0
    {
        *from = *to;
    }
    said_so
}

fn lower(tokens: &Tokens<'_>, from: usize, to: usize, between: &str) -> String {
    let mut text = String::with_capacity(24);
    for i in from..to {
        if i > from {
            text.push_str(between);
        }
        text.extend(tokens.word(i).chars().flat_map(char::to_lowercase));
    }
    text
}

/// Debian policy 5.6.1 without the two-character minimum, and with capitals, which are folded; other managers allow `_` too.
fn is_package_name(word: &str) -> bool {
    word.len() <= 64
        && word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b))
}

/// `python3-venv`, `libssl-dev`: no everyday word looks like this.
fn has_package_shape(text: &str) -> bool {
    let letters = text.bytes().filter(u8::is_ascii_lowercase).count();
    let figure = text.bytes().skip(1).any(|b| b.is_ascii_digit());
    letters >= 3
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.contains('-')
        && (figure || text.starts_with("lib") || text.ends_with("-dev"))
}

/// `org.gnome.Nautilus`, `firefox.desktop`.
fn is_desktop_id(text: &str) -> bool {
    text.ends_with(".desktop")
        || (text.split('.').count() >= 3
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && ["org.", "com.", "io.", "net.", "dev."].iter().any(|p| text.starts_with(p))
            && text.contains(|c: char| c.is_ascii_uppercase()))
}
