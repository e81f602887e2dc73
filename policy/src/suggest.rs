//! "Did you mean …?"

/// More of a word than this is not compared, in characters.
const MAX_WORD: usize = 64;

/// The candidate that is nearest to `word`, when it is near enough to be a slip of the fingers.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).clamp(1, 3);
    let word: String = word.chars().take(MAX_WORD).collect::<String>().to_ascii_lowercase();
    candidates
        .into_iter()
        .map(|c| (strsim::osa_distance(&word, &c.to_ascii_lowercase()), c))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_fingers_finds_the_name_that_was_meant() {
        let names = ["package_install", "package_remove", "set_volume"];
        assert_eq!(nearest("package_instal", names), Some("package_install"));
        assert_eq!(nearest("set_voulme", names), Some("set_volume"));
        assert_eq!(nearest("reboot", names), None);
    }
}
