//! Package ids as PackageKit writes them: `name;version;arch;data`. Pure; takes any bytes that a service could send.
//!
//! `data` is where the package comes from. apt's backend puts in front of it how an installed package is marked (`auto:`, `manual:`)
//! and how one that comes will be (`+auto:`, `+manual:`), and takes the latter from an id that it is given.

use std::fmt;

use super::super::name::PackageName;
use super::super::transaction::{Item, Mark};

/// The longest id that is taken, in bytes. PackageKit itself takes at most 1024.
const MAX_ID: usize = 1024;

/// A package in one version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// The name, without the architecture.
    pub name: String,
    /// The version; empty where the manager has none.
    pub version: String,
    /// The architecture; `all` or `noarch` for every one.
    pub arch: String,
    /// Where it comes from, in the backend's words.
    pub data: String,
}

/// What apt's backend puts in front of the origin.
const MARKS: [(&str, Mark); 4] =
    [("auto:", Mark::Auto), ("manual:", Mark::Manual), ("+auto:", Mark::Auto), ("+manual:", Mark::Manual)];

impl Id {
    /// Reads an id; nothing for what is none, or has signs in it that a person could not see.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let good = |part: &&str| {
            !part.chars().any(|c| c.is_control() || c.is_whitespace())
                && crate::action::types::visible(part, MAX_ID) == **part
        };
        let mut parts = text.split(';').filter(good).map(str::to_owned);
        let id = Self { name: parts.next()?, version: parts.next()?, arch: parts.next()?, data: parts.next()? };
        (text.len() <= MAX_ID && !id.name.is_empty() && text.split(';').count() == 4).then_some(id)
    }

    /// Where it comes from, without a mark.
    #[must_use]
    pub fn origin(&self) -> &str {
        MARKS.iter().find_map(|(mark, _)| self.data.strip_prefix(mark)).unwrap_or(&self.data)
    }

    /// How it is marked, or will be, where the backend says so.
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        MARKS.iter().find_map(|(text, mark)| self.data.starts_with(text).then_some(*mark))
    }

    /// The same id, which tells apt's backend how to mark the package when it comes.
    #[must_use]
    pub fn marked(&self, mark: Mark) -> Self {
        let word = if mark == Mark::Auto { "+auto:" } else { "+manual:" };
        Self { data: format!("{word}{}", self.origin()), ..self.clone() }
    }

    /// Whether it is for every architecture.
    #[must_use]
    pub fn any_arch(&self) -> bool {
        matches!(self.arch.as_str(), "all" | "noarch" | "any" | "")
    }

    /// Whether `name` names it.
    #[must_use]
    pub fn is(&self, name: &PackageName) -> bool {
        self.name == name.name() && (self.any_arch() || name.arch().is_none_or(|arch| arch == self.arch))
    }

    /// Whether it is the package of `item`, in whatever version.
    #[must_use]
    pub fn is_of(&self, item: &Item) -> bool {
        self.name == item.name && item.arch.as_deref().is_none_or(|arch| arch == self.arch)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};{};{};{}", self.name, self.version, self.arch, self.data)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_has_four_parts_that_can_be_seen() {
        let id = Id::parse("e2e-lib;1:1.0~rc1+b2;all;+auto:e2e-e2e-").unwrap();
        assert_eq!((id.name.as_str(), id.version.as_str(), id.arch.as_str()), ("e2e-lib", "1:1.0~rc1+b2", "all"));
        assert_eq!((id.origin(), id.mark()), ("e2e-e2e-", Some(Mark::Auto)));
        assert_eq!(id.marked(Mark::Manual).to_string(), "e2e-lib;1:1.0~rc1+b2;all;+manual:e2e-e2e-");
        let plain = Id::parse("bash;5.2;x86_64;fedora").unwrap();
        assert_eq!((plain.origin(), plain.mark()), ("fedora", None));
        assert_eq!(plain.marked(Mark::Auto).data, "+auto:fedora");
        assert!(Id::parse("x;;;").is_some(), "a name is enough");
        let long = format!("{};1;all;d", "x".repeat(MAX_ID));
        for bad in [
            "",
            "bash",
            "bash;1;all",
            "a;1;all;d;e",
            ";1;all;d",
            "a b;1;all;d",
            "a\u{1b};1;all;d",
            "a\u{202e};1;all;d",
            &long,
        ] {
            assert_eq!(Id::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_name_without_an_architecture_is_every_architecture() {
        let id = |arch: &str| Id::parse(&format!("libc6;2;{arch};d")).unwrap();
        let name = |text: &str| text.parse::<PackageName>().unwrap();
        let rows = [
            ("libc6", "amd64", true),
            ("libc6:i386", "amd64", false),
            ("libc6:amd64", "amd64", true),
            ("libc6:amd64", "all", true),
            ("libc", "amd64", false),
        ];
        for (asked, arch, is) in rows {
            assert_eq!(id(arch).is(&name(asked)), is, "{asked} {arch}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_again(text in "[a-z;+:. \u{202e}]{0,20}") {
            if let Some(id) = Id::parse(&text) {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
