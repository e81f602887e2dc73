//! What people say for a package, as data in `aliases.txt`. Pure.
//!
//! A row of the table may stand in for a name that does not exist, because it is the very same software. What is only like it is offered.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Grammar, PackageName};

/// The names of one piece of software.
#[derive(Debug)]
pub(super) struct Alias {
    /// By family: Debian, rpm, pacman, flatpak.
    same: [Vec<PackageName>; 4],
    /// What is only like it, in any family.
    like: Vec<PackageName>,
}

impl Alias {
    /// What it is called where names are of this grammar, the likeliest first.
    pub(super) fn same(&self, grammar: Grammar) -> &[PackageName] {
        match grammar {
            Grammar::Debian => &self.same[0],
            Grammar::Rpm => &self.same[1],
            Grammar::Pacman => &self.same[2],
            Grammar::Flatpak => &self.same[3],
        }
    }

    /// What is only like it, as far as names are of this grammar.
    pub(super) fn like(&self, grammar: Grammar) -> impl Iterator<Item = &PackageName> {
        self.like.iter().filter(move |name| grammar.check(name).is_ok())
    }
}

/// The table by what is said, in the form of [`key`].
static TABLE: LazyLock<HashMap<String, &'static Alias>> = LazyLock::new(|| {
    let mut table = HashMap::new();
    for (said, alias) in rows() {
        let alias: &'static Alias = Box::leak(Box::new(alias));
        for said in said.split(',') {
            table.entry(key(said)).or_insert(alias);
        }
    }
    table
});

fn rows() -> impl Iterator<Item = (&'static str, Alias)> {
    let lines = include_str!("aliases.txt").lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.filter_map(|line| {
        let mut columns = line.split('|').map(str::trim);
        let said = columns.next()?;
        let mut names = || -> Vec<PackageName> {
            let column = columns.next().unwrap_or_default();
            column.split([' ', ',']).filter(|n| !n.is_empty()).filter_map(|n| n.parse().ok()).collect()
        };
        Some((said, Alias { same: [names(), names(), names(), names()], like: names() }))
    })
}

/// What was said in the form in which it is looked up: `VS  Code` and `vs_code` are `vs-code`.
fn key(said: &str) -> String {
    let parts = said.split(|c: char| c.is_whitespace() || c == '-' || c == '_').filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// The row for a name as [`name_of`] gives it. Letters and dashes count: a program that sends `Vim` is told what is wrong with that.
pub(super) fn of(name: &str) -> Option<&'static Alias> {
    TABLE.get(name).copied()
}

/// The name that stands for words of the table until it is known which manager is used: `vs code` is `vs-code`.
#[must_use]
pub fn name_of(said: &str) -> Option<PackageName> {
    let key = key(said);
    of(&key).and_then(|_| key.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_whole_and_its_names_are_names_of_their_family() {
        let grammars = [Grammar::Debian, Grammar::Rpm, Grammar::Pacman, Grammar::Flatpak];
        let mut seen = HashMap::new();
        let mut count = 0;
        for line in include_str!("aliases.txt").lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()) {
            count += 1;
            let columns: Vec<&str> = line.split('|').map(str::trim).collect();
            assert_eq!(columns.len(), 6, "{line}");
            for said in columns[0].split(',') {
                assert!(key(said).parse::<PackageName>().is_ok(), "{said}");
                if let Some(other) = seen.insert(key(said), columns[1]) {
                    assert_eq!(other, columns[1], "{said} is in two rows");
                }
            }
            for (column, grammar) in columns[1..5].iter().zip(grammars) {
                for name in column.split(' ').filter(|n| *n != "-") {
                    assert_eq!(grammar.check(&name.parse().unwrap()), Ok(()), "{line}");
                }
            }
            for name in columns[5].split(", ").filter(|n| *n != "-") {
                let name: PackageName = name.parse().unwrap();
                assert!(grammars.iter().any(|g| g.check(&name).is_ok()), "{line}");
            }
        }
        assert!((30..=60).contains(&count), "{count}");
    }

    #[test]
    fn what_is_said_is_found_in_any_writing() {
        let same = |said: &str, grammar| {
            of(&key(said)).map(|a| a.same(grammar).iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        for said in ["vs code", "VS  Code", "vs-code", "vs_code", "vscode", "Visual Studio Code"] {
            assert_eq!(same(said, Grammar::Debian).unwrap(), ["code"], "{said}");
            assert_eq!(same(said, Grammar::Flatpak).unwrap(), ["com.visualstudio.code"], "{said}");
        }
        assert_eq!(name_of("vs code").unwrap().as_str(), "vs-code");
        assert_eq!(same("chrome", Grammar::Debian).unwrap(), ["google-chrome-stable"]);
        let like: Vec<&str> = of("chrome").unwrap().like(Grammar::Debian).map(PackageName::as_str).collect();
        assert!(like.contains(&"chromium"));
        for nothing in ["", "rm -rf", "vs", "chrome; reboot", "-chrome-x"] {
            assert!(of(nothing).is_none(), "{nothing}");
        }
    }
}
