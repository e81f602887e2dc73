//! One slip of the finger in a command word. Names are never mended: what a slot takes is as it was typed.

use super::token::{Known, Tokens};
use super::words::is_english;

/// The words that are mended.
const COMMAND_WORDS: &[&str] = &[
    "install",
    "uninstall",
    "remove",
    "restart",
    "reboot",
    "shutdown",
    "suspend",
    "volume",
    "brightness",
    "bluetooth",
    "update",
    "upgrade",
    "launch",
    "turn",
    "open",
    "mute",
    "unmute",
    "wireless",
    "search",
    "computer",
    "system",
    "screen",
    "display",
    "percent",
    "speaker",
    "speakers",
    "please",
    "sound",
    "laptop",
    "machine",
    "increase",
    "decrease",
    "lower",
    "raise",
    "switch",
    "enable",
    "disable",
    "remember",
    "everything",
    "package",
    "packages",
    "updates",
    "commands",
    "notes",
    "files",
    "downloads",
    "documents",
    "start",
    "show",
    "list",
    "wifi",
    "lock",
    "sleep",
    "network",
    "status",
    "battery",
    "memory",
    "hibernate",
    "silence",
    "reinstall",
    "browser",
    "terminal",
    "calculator",
    "settings",
    "activate",
    "deactivate",
    "brighten",
    "brighter",
    "dimmer",
    "louder",
    "quieter",
    "delete",
    "reduce",
    "internet",
    "pending",
    "forget",
    "website",
    "google",
    "desktop",
    "folder",
    "software",
    "maximum",
    "minimum",
    "connection",
    "available",
    "latest",
    "could",
    "would",
    "shut",
    "down",
    "quit",
    "half",
    "undo",
    "help",
    "make",
    "dim",
    "the",
];

/// Shortest word in which a missing, added or wrong letter is mended; in shorter ones only two that changed places.
const MIN_LETTERS: usize = 5;

/// The first word that is a slip of a command word, and what it is then.
pub(super) fn slip(tokens: &Tokens<'_>) -> Option<(usize, Known)> {
    tokens.list.iter().take(16).enumerate().find_map(|(i, token)| {
        // "Turn of the wifi".
        if i > 0 && tokens.says(i, "of") && ["turn", "switch", "shut"].iter().any(|w| tokens.says(i - 1, w)) {
            return Some((i, tokens.lexicon.get("off")));
        }
        if token.symbol != 0 || token.class != 0 || token.number.is_some() {
            return None;
        }
        let typed = tokens.word(i).to_ascii_lowercase();
        if !(3..=13).contains(&typed.len()) || !typed.bytes().all(|b| b.is_ascii_lowercase()) {
            return None;
        }
        let only = |is: &dyn Fn(&str) -> bool| {
            let mut candidates = COMMAND_WORDS.iter().filter(|word| is(word));
            candidates.next().filter(|_| candidates.next().is_none())
        };
        let word = only(&|word| is_slip(word, &typed))
            .or_else(|| only(&|word| sounds_alike(word, &typed)).filter(|_| !is_english(&typed)))?;
        Some((i, tokens.lexicon.get(word)))
    })
}

/// Whether `typed` has the consonants of `word` in their order, and only its vowels are others ("reebot"), or one consonant is
/// doubled or not ("dissable").
fn sounds_alike(word: &str, typed: &str) -> bool {
    let bones = |word: &str| {
        let mut bones: Vec<u8> = word.bytes().filter(|b| !b"aeiouy".contains(b)).collect();
        bones.dedup();
        bones
    };
    word.len() >= MIN_LETTERS
        && word.len().abs_diff(typed.len()) <= 1
        && word.as_bytes()[0] == typed.as_bytes()[0]
        && bones(word).len() >= 3
        && bones(word) == bones(typed)
}

/// Whether `typed` is `word` with one letter wrong, missing or added, or with two neighbours changed over. The first letter is
/// right, and an ending that makes another form of the word ("updated") is no slip.
fn is_slip(word: &str, typed: &str) -> bool {
    let (a, b) = (word.as_bytes(), typed.as_bytes());
    if a[0] != b[0] || typed.starts_with(word) {
        return false;
    }
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (rest_a, rest_b) = (&a[same..], &b[same..]);
    if rest_a.len() == rest_b.len()
        && rest_a.len() >= 2
        && rest_a[0] == rest_b[1]
        && rest_a[1] == rest_b[0]
        && rest_a[2..] == rest_b[2..]
    {
        return true;
    }
    // "tun", "opn": a letter is missing in one of the shortest.
    let shortest = typed.len() == 3 && word.len() == 4;
    if typed.len().min(word.len()) < MIN_LETTERS && !shortest {
        return false;
    }
    match (rest_a.len(), rest_b.len()) {
        (x, y) if x == y => x > 0 && rest_a[1..] == rest_b[1..],
        (x, y) if x == y + 1 => rest_a[1..] == *rest_b,
        (x, y) if x + 1 == y => *rest_a == rest_b[1..],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_word_stands_once_so_that_a_slip_of_it_is_of_one_word() {
        for (i, word) in COMMAND_WORDS.iter().enumerate() {
            assert!(!COMMAND_WORDS[..i].contains(word), "{word}");
        }
    }

    #[test]
    fn one_slip_is_mended_and_another_word_is_not() {
        for (word, typed, expected) in [
            ("install", "instal", true),
            ("shutdown", "shutdwon", true),
            ("launch", "lauch", true),
            ("volume", "volumne", true),
            ("turn", "trun", true),
            ("turn", "torn", false),
            ("turn", "tun", true),
            ("open", "opn", true),
            ("update", "updated", false),
            ("install", "installs", false),
            ("lower", "power", false),
            ("reboot", "robot", false),
            ("mute", "mote", false),
        ] {
            assert_eq!(is_slip(word, typed), expected, "{typed}");
        }
    }

    #[test]
    fn a_word_with_other_vowels_sounds_alike() {
        for (word, typed, expected) in [
            ("reboot", "reebot", true),
            ("volume", "volyum", true),
            ("install", "instoll", true),
            ("disable", "dissable", true),
            ("uninstall", "install", false),
            ("mute", "moot", false),
            ("restart", "resort", false),
        ] {
            assert_eq!(sounds_alike(word, typed), expected, "{typed}");
        }
    }
}
