//! URLs and folders in what was said.

use super::token::Tokens;
use super::words::class;

/// Longest URL that is taken from a sentence, in bytes.
const MAX_URL: usize = 2048;

/// Endings that are a country's or a registry's and, far more often, a file's.
const FILE_LIKE: &[&str] = &["md", "sh", "py", "zip", "mov", "so", "ps"];

/// Folders that have a name of their own: what is said, and where it is under the home folder (XDG user directories).
const PLACES: &[(&str, &str)] = &[
    ("home", ""),
    ("home folder", ""),
    ("home directory", ""),
    ("~", ""),
    ("desktop", "/Desktop"),
    ("documents", "/Documents"),
    ("docs", "/Documents"),
    ("downloads", "/Downloads"),
    ("download", "/Downloads"),
    ("music", "/Music"),
    ("pictures", "/Pictures"),
    ("photos", "/Pictures"),
    ("videos", "/Videos"),
    ("movies", "/Videos"),
    ("public", "/Public"),
    ("templates", "/Templates"),
];

/// A URL as said, with `https://` before a bare domain.
pub(super) fn url(word: &str) -> Option<String> {
    if word.len() > MAX_URL || word.chars().any(|c| c.is_control() || "\"`<>\\^{}|".contains(c)) {
        return None;
    }
    if let Some(at) = word.find("://") {
        let scheme_ok = at > 0
            && word.as_bytes()[0].is_ascii_alphabetic()
            && word[..at].bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        return (scheme_ok && word.len() > at + 3).then(|| word.to_owned());
    }
    let host = word.split(['/', '?', '#']).next().unwrap_or_default();
    let (name, port) = host.split_once(':').map_or((host, None), |(n, p)| (n, Some(p)));
    if port.is_some_and(|p| p.is_empty() || p.len() > 5 || !p.bytes().all(|b| b.is_ascii_digit())) || word.contains('@')
    {
        return None;
    }
    let labels = || name.split('.');
    let local = name.eq_ignore_ascii_case("localhost");
    let address = labels().count() == 4 && labels().all(|l| l.parse::<u8>().is_ok());
    (local || address || is_domain(name, word.len() > host.len())).then(|| format!("https://{word}"))
}

fn is_domain(name: &str, has_path: bool) -> bool {
    let label_ok = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    if !name.contains('.') || name.len() > 253 || !name.split('.').all(label_ok) {
        return false;
    }
    let lower = name.to_lowercase();
    let last = lower.rsplit('.').next().unwrap_or_default();
    if FILE_LIKE.contains(&last) && !has_path && !lower.starts_with("www.") {
        return false;
    }
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let suffix = steward_policy::public_suffix(&lower);
    suffix.is_some_and(|n| {
        n < lower.len() || lower.split_once('.').is_some_and(|(label, _)| !SECOND_LEVEL.contains(&label))
    })
}

/// Labels of suffixes that are never a site of their own; `gov.uk` and `nhs.uk` are.
const SECOND_LEVEL: &[&str] = &[
    "ac", "co", "com", "ed", "edu", "go", "gob", "gouv", "gv", "id", "info", "ltd", "me", "mil", "ne", "net", "nom",
    "or", "org", "plc", "sch", "school",
];

/// A folder: a known one under `home`, a path, or the place as said.
pub(super) fn place(tokens: &Tokens<'_>, mut from: usize, mut to: usize, home: Option<&str>) -> Option<String> {
    if tokens.list[from].is(class::THE) && to - from > 1 {
        from += 1;
    }
    let noun = |i: usize| ["folder", "directory", "dir"].iter().any(|w| tokens.says(i, w));
    let mut called = false;
    if noun(from) && to - from > 1 {
        called = true;
        from += 1;
    } else if noun(to - 1) && to - from > 1 {
        called = true;
        to -= 1;
    }
    let said = tokens.span(from, to);
    let known = PLACES.iter().find(|(name, _)| name.eq_ignore_ascii_case(said));
    if let (Some((_, path)), Some(home)) = (known, home) {
        return Some(format!("{}{path}", home.trim_end_matches('/')));
    }
    if known.is_some() {
        return Some(said.to_owned());
    }
    if to - from != 1 || said.contains("..") {
        return None;
    }
    if let (Some(rest), Some(home)) = (said.strip_prefix("~/"), home) {
        return Some(format!("{}/{rest}", home.trim_end_matches('/')));
    }
    let path = said.contains('/') && !said.contains("://");
    let token = &tokens.list[from];
    let name = called
        && !token.is(class::PRONOUN | class::DEVICE | class::QUESTION | class::PREPOSITION | class::COMMAND)
        && said.starts_with(|c: char| c.is_alphanumeric());
    (path || name).then(|| said.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_and_domains_under_a_public_suffix_are_addresses() {
        for (word, expected) in [
            ("example.org", Some("https://example.org")),
            ("HTTPS://Example.org/Path?Q=A", Some("HTTPS://Example.org/Path?Q=A")),
            ("bbc.co.uk/news", Some("https://bbc.co.uk/news")),
            ("localhost:3000", Some("https://localhost:3000")),
            ("192.168.0.1", Some("https://192.168.0.1")),
            ("co.uk", None),
            ("nhs.uk", Some("https://nhs.uk")),
            ("config.json", None),
            ("readme.md", None),
            ("firefox", None),
            ("good@evil.com", None),
            ("3.5", None),
            ("example..org", None),
            ("http://", None),
        ] {
            assert_eq!(url(word).as_deref(), expected, "{word}");
        }
    }
}
