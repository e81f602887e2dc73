//! The name of a package: what every manager could take, and what each of them does take.
//!
//! At the edge it is not known yet which manager will be used, so [`PackageName`] has the characters of all of them and none that a shell,
//! a pattern, an option, a path or a version has. The manager's own [`Grammar`] is checked before it is asked anything. Nothing is
//! corrected on the way: what is not a name is refused with the reason.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name that is taken, in bytes. The longest in Debian 12 has 87; a file name, which it becomes, has at most 255.
pub const MAX_NAME: usize = 128;

/// The most packages in one request.
pub const MAX_NAMES: usize = 64;

/// The name of a package: `[A-Za-z0-9_][A-Za-z0-9+._@-]*`, and optionally `:` and an architecture, or a branch for flatpak.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackageName(String);

/// Why a text is not a [`PackageName`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("`{given}` is not a package name: {reason}")]
pub struct NameError {
    /// The text, cut to a length that can be shown and without control characters.
    pub given: String,
    /// What is wrong with it, and what would be right.
    pub reason: String,
}

impl PackageName {
    /// The whole name, with the architecture when one was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without the architecture.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(name, _)| name)
    }

    /// The architecture, when one was given.
    #[must_use]
    pub fn arch(&self) -> Option<&str> {
        self.0.split_once(':').map(|(_, arch)| arch)
    }

    /// Whether this names the package `name` of architecture `arch`.
    #[must_use]
    pub fn is(&self, name: &str, arch: Option<&str>) -> bool {
        self.name() == name && (self.arch().is_none() || self.arch() == arch)
    }

    /// Reads a list with commas between the names, in the order given; a name that comes twice is taken once.
    ///
    /// # Errors
    ///
    /// [`NameError`] of the first thing that is not a name, for an empty list and for more than [`MAX_NAMES`].
    pub fn list(text: &str) -> Result<Vec<Self>, NameError> {
        let mut names: Vec<Self> = Vec::new();
        for part in text.split(',') {
            let name: Self = part.trim_matches([' ', '\t']).parse()?;
            if names.contains(&name) {
                continue;
            }
            if names.len() == MAX_NAMES {
                return Err(NameError::new(text, format!("at most {MAX_NAMES} packages can be named at once")));
            }
            names.push(name);
        }
        Ok(names)
    }
}

impl NameError {
    fn new(given: &str, reason: impl Into<String>) -> Self {
        let given = given.chars().filter(|c| !c.is_control()).take(60).collect();
        Self { given, reason: reason.into() }
    }
}

impl FromStr for PackageName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let fail = |reason: &str| Err(NameError::new(text, reason));
        if text.is_empty() {
            return fail("it is empty");
        }
        if text.len() > MAX_NAME {
            return Err(NameError::new(text, format!("it is longer than {MAX_NAME} bytes")));
        }
        if text.starts_with('-') {
            return fail("a name starts with a letter or a digit; options are not taken here");
        }
        let (name, arch) = text.split_once(':').map_or((text, None), |(name, arch)| (name, Some(arch)));
        let start = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let all = |part: &str, others: &[u8]| {
            part.bytes().next().is_some_and(start) && part.bytes().all(|b| start(b) || others.contains(&b))
        };
        if !all(name, b"+.@-") {
            return fail(
                "a name starts with a letter or a digit and has only letters, digits, `+`, `-`, `.`, `_` and `@`",
            );
        }
        if arch.is_some_and(|arch| !all(arch, b".-")) {
            return fail("after `:` an architecture such as `amd64` is expected");
        }
        Ok(Self(text.to_owned()))
    }
}

/// What names a package manager takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    /// Debian Policy 5.6.1 and 5.6.8: `[a-z0-9][a-z0-9+.-]+`, and an architecture after `:`.
    Debian,
    /// rpm: letters, digits and `+`, `-`, `.`, `_` (Fedora's Naming Guidelines; upper case is allowed), and an architecture after `:`.
    Rpm,
    /// PKGBUILD(5): lower-case letters, digits and `@`, `.`, `_`, `+`, `-`, not beginning with `-` or `.`; no architecture.
    Pacman,
    /// The application ids of D-Bus and flatpak(1): at least three parts with `.` between them, and a branch after `:`.
    Flatpak,
}

impl Grammar {
    /// That of the distribution's own packages, by the database that is there: PackageKit gives each distribution's names on.
    #[must_use]
    pub fn of_the_distribution() -> Self {
        let there = |path: &str| std::path::Path::new(path).exists();
        match () {
            () if there("/var/lib/dpkg/status") => Self::Debian,
            () if there("/var/lib/pacman/local") => Self::Pacman,
            () => Self::Rpm,
        }
    }

    /// Checks a name against this grammar.
    ///
    /// # Errors
    ///
    /// [`NameError`], with what would be right.
    pub fn check(self, name: &PackageName) -> Result<(), NameError> {
        let fail = |reason: &str| Err(NameError::new(name.as_str(), reason));
        let (plain, arch) = (name.name(), name.arch());
        let only = |text: &str, others: &[u8]| {
            text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || others.contains(&b))
        };
        let starts = |text: &str| text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if matches!(self, Self::Debian | Self::Pacman) && name.as_str().bytes().any(|b| b.is_ascii_uppercase()) {
            let lower = name.as_str().to_ascii_lowercase();
            return fail(&format!("names are in lower case, such as `{lower}`"));
        }
        match self {
            Self::Debian if plain.len() < 2 => fail("a name has at least two characters"),
            Self::Debian if !starts(plain) || !only(plain, b"+.-") => {
                fail("a name starts with a letter or a digit and has only a-z, 0-9, `+`, `-` and `.`")
            }
            Self::Debian if matches!(arch, Some("any" | "native" | "all")) => {
                fail("the architecture has to be one such as `amd64`")
            }
            Self::Debian if arch.is_some_and(|arch| !starts(arch) || !only(arch, b"-")) => {
                fail("after `:` an architecture such as `amd64` is expected")
            }
            Self::Rpm if plain.contains('@') => fail("a name has only letters, digits, `+`, `-`, `.` and `_`"),
            Self::Rpm if arch.is_some_and(|arch| arch.contains(['.', '-'])) => {
                fail("after `:` an architecture such as `x86_64` is expected")
            }
            Self::Pacman if arch.is_some() => fail("pacman has no architectures in names"),
            Self::Flatpak
                if plain.contains(['+', '@'])
                    || plain.split('.').count() < 3
                    || plain.split('.').any(str::is_empty) =>
            {
                fail("an id of flatpak has three or more parts, such as `org.mozilla.firefox`")
            }
            _ => Ok(()),
        }
    }
}

impl TryFrom<String> for PackageName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<PackageName> for String {
    fn from(name: PackageName) -> Self {
        name.0
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_has_nothing_that_a_shell_a_pattern_an_option_a_path_or_a_version_has() {
        for good in ["vim", "g++", "libc6:i386", "a-", "R", "E2E_Upper", "e2e@odd+name_", "org.mozilla.Firefox:stable"]
        {
            assert_eq!(good.parse::<PackageName>().unwrap().as_str(), good);
        }
        let bad = [
            ("", "empty"),
            ("-oDPkg::Pre-Invoke::=id", "options"),
            ("--purge", "options"),
            ("vim*", "only letters"),
            ("vim^", "only letters"),
            ("vim=1.0", "only letters"),
            ("vim/stable", "only letters"),
            ("vim curl", "only letters"),
            ("?installed", "only letters"),
            ("~n", "only letters"),
            ("./x.deb", "only letters"),
            ("@core", "only letters"),
            ("!vim", "only letters"),
            ("vim\n", "only letters"),
            ("v\u{ef}m", "only letters"),
            (".vim", "only letters"),
            ("vim:", "architecture"),
            ("vim:amd64:x", "architecture"),
            ("vim:-x", "architecture"),
        ];
        for (text, why) in bad {
            let error = text.parse::<PackageName>().unwrap_err();
            assert!(error.reason.contains(why), "{text:?}: {error}");
        }
        assert!("a".repeat(MAX_NAME).parse::<PackageName>().is_ok());
        assert!("a".repeat(MAX_NAME + 1).parse::<PackageName>().is_err());
    }

    #[test]
    fn each_manager_has_its_own_grammar() {
        use Grammar::{Debian, Flatpak, Pacman, Rpm};
        let rows: [(&str, &[Grammar]); 17] = [
            ("vim", &[Debian, Rpm, Pacman]),
            ("g++", &[Debian, Rpm, Pacman]),
            ("0ad", &[Debian, Rpm, Pacman]),
            ("a-", &[Debian, Rpm, Pacman]),
            ("python3.11", &[Debian, Rpm, Pacman]),
            ("libc6:i386", &[Debian, Rpm]),
            ("xx:kfreebsd-amd64", &[Debian]),
            ("glibc:x86_64", &[Rpm]),
            ("vim:any", &[Rpm]),
            ("Vim", &[Rpm]),
            ("v", &[Rpm, Pacman]),
            ("E2E_Upper", &[Rpm]),
            ("e2e_lower", &[Rpm, Pacman]),
            ("gtk@4", &[Pacman]),
            ("org.mozilla.firefox", &[Debian, Rpm, Pacman, Flatpak]),
            ("org.mozilla.Firefox:stable", &[Rpm, Flatpak]),
            ("org..Firefox", &[Rpm]),
        ];
        for (text, takers) in rows {
            let name: PackageName = text.parse().unwrap();
            for grammar in [Debian, Rpm, Pacman, Flatpak] {
                assert_eq!(grammar.check(&name).is_ok(), takers.contains(&grammar), "{text} {grammar:?}");
            }
        }
        let why = |grammar: Grammar, text: &str| grammar.check(&text.parse().unwrap()).unwrap_err().reason;
        assert!(why(Debian, "Vim").contains("lower case, such as `vim`"));
        assert!(why(Debian, "v").contains("two characters"));
    }

    #[test]
    fn a_list_keeps_its_order_and_takes_a_name_once() {
        let names = |text| PackageName::list(text).map(|l| l.into_iter().map(String::from).collect::<Vec<_>>());
        assert_eq!(names("vim, curl,vim").unwrap(), ["vim", "curl"]);
        for bad in ["", ",", "vim,", "vim,,curl", "vim;curl"] {
            assert!(names(bad).is_err(), "{bad}");
        }
        let many: Vec<String> = (0..=MAX_NAMES).map(|n| format!("p{n}")).collect();
        assert!(names(&many.join(",")).is_err());
    }

    proptest! {
        #[test]
        fn no_name_can_be_read_as_an_option_a_pattern_or_a_version(text in "\\PC{0,20}") {
            if let Ok(name) = text.parse::<PackageName>() {
                prop_assert!(!name.as_str().starts_with('-'));
                prop_assert!(!name.as_str().contains(|c: char| "*?[]^=/~ !|()".contains(c) || c.is_control()));
            }
        }
    }
}
