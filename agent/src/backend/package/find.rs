//! Finding packages by words and by names that are nearly right. Pure: no package manager is asked here.

use super::{Hit, clean};

/// The most packages that a search returns.
pub const MAX_HITS: usize = 20;

/// The most words of a search that count.
pub(super) const MAX_WORDS: usize = 8;

/// The most near names of a name that does not exist.
pub(super) const MAX_NEAR: usize = 5;

/// The words of a search, in lower case.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().take(MAX_WORDS).map(str::to_lowercase).collect()
}

/// The exact name first, then names that begin with the first word, names with all words, and the rest; each in the order of names.
pub(super) fn rank(mut hits: Vec<Hit>, words: &[&str]) -> Vec<Hit> {
    let joined = words.join("-");
    let rank = |hit: &Hit| {
        let all = words.iter().all(|word| hit.name.contains(word));
        match &hit.name {
            name if *name == joined => 0,
            name if words.contains(&name.as_str()) => 1,
            name if all && name.starts_with(words[0]) => 2,
            _ if all => 3,
            _ => 4,
        }
    };
    hits.sort_by(|a, b| (rank(a), a.name.len().min(40), &a.name).cmp(&(rank(b), b.name.len().min(40), &b.name)));
    hits.dedup_by(|a, b| a.name == b.name);
    hits
}

/// Up to [`MAX_NEAR`] names that are at most two typing errors away, or begin with what was typed; the nearest first.
pub(super) fn near<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let allowed = if wanted.len() <= 4 { 1 } else { 2 };
    let mut found: Vec<(usize, usize, &str)> = known
        .filter(|name| *name != wanted)
        .filter_map(|name| {
            let apart = if name.len().abs_diff(wanted.len()) > allowed {
                usize::MAX
            } else {
                strsim::osa_distance(wanted, name)
            };
            if apart <= allowed {
                return Some((apart, name.len(), name));
            }
            (wanted.len() >= 3 && name.starts_with(wanted)).then_some((allowed + 1, name.len(), name))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().take(MAX_NEAR).map(|(_, _, name)| clean(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_typing_errors_first_then_longer_names() {
        let known = ["vim", "vim-tiny", "vom", "curl", "cowsay", "cowsay-off", "libcowsay", "xcowsay"];
        let rows = [
            ("cowasy", vec!["cowsay", "xcowsay"]),
            ("cowsa", vec!["cowsay", "xcowsay", "cowsay-off"]),
            ("vmi", vec!["vim"]),
            ("vim-", vec!["vim", "vim-tiny"]),
            ("zzzz", vec![]),
        ];
        for (wanted, expected) in rows {
            assert_eq!(near(wanted, known.into_iter()), expected, "{wanted}");
        }
    }

    #[test]
    fn a_search_has_the_exact_name_first() {
        let hit = |name: &str| Hit { name: name.into(), version: None, summary: String::new(), installed: None };
        let hits = ["biosyntax-vim", "vim-tiny", "neovim", "vim", "zathura"].map(hit).to_vec();
        let names: Vec<String> = rank(hits, &["vim"]).into_iter().map(|h| h.name).collect();
        assert_eq!(names, ["vim", "vim-tiny", "neovim", "biosyntax-vim", "zathura"]);
    }
}
