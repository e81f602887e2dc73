//! The name of a package, as Debian Policy 5.6.1 and 5.6.8 write it.
//!
//! Nothing is corrected on the way: what is not a name is refused with the reason.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name that is taken, in bytes. The longest in Debian 12 has 87; a file name, which it becomes, has at most 255.
pub const MAX_NAME: usize = 128;

/// The most packages in one request.
pub const MAX_NAMES: usize = 64;

/// The name of a package: `[a-z0-9][a-z0-9+.-]+`, and optionally `:` and an architecture.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackageName(String);

/// Why a text is not a [`PackageName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(NameError::new(
                text,
                format!("names are in lower case, such as `{}`", text.to_ascii_lowercase()),
            ));
        }
        let (name, arch) = text.split_once(':').map_or((text, None), |(name, arch)| (name, Some(arch)));
        let start = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = name.as_bytes();
        if bytes.len() < 2 {
            return fail("a name has at least two characters");
        }
        if !start(bytes[0]) || !bytes.iter().all(|&b| start(b) || b"+.-".contains(&b)) {
            return fail("a name starts with a letter or a digit and has only a-z, 0-9, `+`, `-` and `.`");
        }
        match arch {
            None => {}
            Some("any" | "native" | "all") => return fail("the architecture has to be one such as `amd64`"),
            Some(arch) => {
                let good = arch.bytes().next().is_some_and(start) && arch.bytes().all(|b| start(b) || b == b'-');
                if !good {
                    return fail("after `:` an architecture such as `amd64` is expected");
                }
            }
        }
        Ok(Self(text.to_owned()))
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
    fn names_follow_the_grammar_of_debian_policy() {
        for good in ["vim", "g++", "libstdc++6", "0ad", "libc6:i386", "a-", "python3.11", "xx:kfreebsd-amd64"] {
            assert_eq!(good.parse::<PackageName>().unwrap().as_str(), good);
        }
        let bad = [
            ("", "empty"),
            ("-oDPkg::Pre-Invoke::=id", "options"),
            ("--purge", "options"),
            ("Vim", "lower case, such as `vim`"),
            ("v", "two characters"),
            ("vim*", "only a-z"),
            ("vim^", "only a-z"),
            ("vim=1.0", "only a-z"),
            ("vim/stable", "only a-z"),
            ("vim curl", "only a-z"),
            ("?installed", "only a-z"),
            ("~n", "only a-z"),
            ("./x.deb", "only a-z"),
            ("vim\n", "only a-z"),
            ("vïm", "only a-z"),
            (".vim", "only a-z"),
            ("vim:", "architecture"),
            ("vim:any", "architecture"),
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
