//! What a package manager would do, item by item: the preview, what a confirmation is bound to, and what a receipt keeps.
//!
//! Pure: no package manager is asked here.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ManagerName;
use super::name::PackageName;

/// What is asked of a package manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Install these, or bring them to the newest version.
    Install(Vec<PackageName>),
    /// Remove these; their configuration stays.
    Remove(Vec<PackageName>),
    /// Bring everything to the newest version. Nothing is removed; packages that newer versions need are added.
    Upgrade,
    /// Undo: remove exactly some packages and install exact versions of others.
    Restore {
        /// What goes.
        remove: Vec<PackageName>,
        /// What comes back, in which version.
        install: Vec<Exact>,
    },
}

impl Change {
    /// The names that it has to do with, and whether each is to be there afterwards.
    pub(super) fn asked(&self) -> impl Iterator<Item = (&PackageName, bool)> {
        let none: &[PackageName] = &[];
        let (install, back, remove) = match self {
            Self::Install(names) => (names.as_slice(), &[][..], none),
            Self::Remove(names) => (none, &[][..], names.as_slice()),
            Self::Upgrade => (none, &[][..], none),
            Self::Restore { remove, install } => (none, install.as_slice(), remove.as_slice()),
        };
        let come = install.iter().chain(back.iter().map(|exact| &exact.name)).map(|name| (name, true));
        come.chain(remove.iter().map(|name| (name, false)))
    }

    /// The names that it has to do with.
    pub(super) fn names(&self) -> impl Iterator<Item = &PackageName> {
        self.asked().map(|(name, _)| name)
    }
}

/// One version of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exact {
    /// The package.
    pub name: PackageName,
    /// The version, as the manager writes it.
    pub version: String,
    /// How it was marked before it went.
    pub mark: Mark,
}

impl Exact {
    /// Whether the version is one that may come from outside: one word of versions, so no option, file or pattern of a manager.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        is_word(&self.version, VERSION)
    }
}

/// The longest name, version or architecture, in bytes. The longest version in Debian 12 has 76.
const MAX_WORD: usize = 200;
/// What versions have beside letters and digits.
pub(super) const VERSION: &str = ".+:~_^-";

/// Whether a text that becomes an argument is one word of letters, digits and what is in `more`, and begins with neither an option's
/// dash nor a path's dot.
pub(super) fn is_word(text: &str, more: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    first && text.len() <= MAX_WORD && text.bytes().all(|b| b.is_ascii_alphanumeric() || more.as_bytes().contains(&b))
}

/// What happens to one package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// It is not there and comes.
    Install,
    /// A newer version replaces it.
    Upgrade,
    /// An older version replaces it.
    Downgrade,
    /// The same version is installed again.
    Reinstall,
    /// It goes; its configuration stays.
    Remove,
    /// It goes with its configuration.
    Purge,
    /// An earlier transaction left it half done; it is set up now.
    Configure,
}

impl Verb {
    /// Whether the package is there afterwards.
    #[must_use]
    pub fn keeps(self) -> bool {
        !matches!(self, Self::Remove | Self::Purge)
    }
}

/// Whether a package is there because somebody wanted it. What is not wanted goes when nothing needs it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Somebody asked for it.
    Manual,
    /// Another package needs it.
    Auto,
}

/// One package of a [`Transaction`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// What happens to it.
    pub verb: Verb,
    /// Its name without the architecture.
    pub name: String,
    /// Its architecture, where the manager names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// The version that is installed now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The version that will be installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Where the new version comes from, in the manager's words: `Debian:12.15/oldstable` for apt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Bytes to download for it, when known and not already downloaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_bytes: Option<u64>,
    /// How it has to be marked afterwards.
    pub mark: Mark,
}

impl Item {
    /// Whether the same happens to the same package. Sizes and marks are facts and do not count. Where it comes from does where both
    /// know it: not all simulations say it.
    fn does_as(&self, other: &Self) -> bool {
        let same_origin = match (&self.origin, &other.origin) {
            (Some(one), Some(two)) => sources(one).any(|source| sources(two).any(|other| other == source)),
            _ => true,
        };
        (&self.name, &self.arch, self.verb) == (&other.name, &other.arch, other.verb)
            && (&self.from, &self.to) == (&other.from, &other.to)
            && same_origin
    }

    /// `name`, or `name:arch` where the architecture is known and not every machine's.
    #[must_use]
    pub fn full_name(&self) -> String {
        match self.arch.as_deref() {
            None | Some("all" | "noarch" | "any") => self.name.clone(),
            Some(arch) => format!("{}:{arch}", self.name),
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from.as_deref().unwrap_or("?"), self.to.as_deref().unwrap_or("?"));
        match self.verb {
            Verb::Install => write!(f, "install {} {to}", self.name),
            Verb::Upgrade => write!(f, "upgrade {} from {from} to {to}", self.name),
            Verb::Downgrade => write!(f, "downgrade {} from {from} to {to}", self.name),
            Verb::Reinstall => write!(f, "install {} {to} again", self.name),
            Verb::Remove => write!(f, "remove {} {from}", self.name),
            Verb::Purge => write!(f, "remove {} {from} and its configuration", self.name),
            Verb::Configure => write!(f, "finish setting up {} {to}", self.name),
        }
    }
}

/// A package that is already as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Already {
    /// Its name as it was asked for.
    pub name: String,
    /// The installed version; nothing when it was to be removed and is not there.
    pub version: Option<String>,
}

/// Everything that a package manager would do for one [`Change`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// Who simulated it, and alone may carry it out; nothing for the archive in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<ManagerName>,
    /// What happens, in the order of names.
    pub items: Vec<Item>,
    /// Bytes to download in all, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_bytes: Option<u64>,
    /// How many bytes more (or less) are used on the disk afterwards, when known; rounded as the manager prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_bytes_change: Option<i64>,
    /// What is already as asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub already: Vec<Already>,
    /// Newer versions that are not taken, because they are held or would need a removal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_back: Vec<String>,
}

/// How two transactions differ. Empty lists: they do the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What only the new one does.
    pub added: Vec<Item>,
    /// What only the old one does.
    pub gone: Vec<Item>,
    /// What both do with a package, but not the same: the old and the new.
    pub changed: Vec<(Item, Item)>,
}

impl Difference {
    /// Whether both do the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.gone.is_empty() && self.changed.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let added = self.added.iter().map(|i| format!("would now also {i}"));
        let gone = self.gone.iter().map(|i| format!("would no longer {i}"));
        let changed = self.changed.iter().map(|(old, new)| match (&old.origin, &new.origin) {
            (Some(before), Some(now)) if old.to_string() == new.to_string() => {
                format!("would now {new} from {now} and not from {before}")
            }
            _ => format!("would now {new} and not {old}"),
        });
        let all: Vec<String> = added.chain(gone).chain(changed).collect();
        f.write_str(if all.is_empty() { "no difference".to_owned() } else { all.join("; ") }.as_str())
    }
}

impl Transaction {
    /// Whether nothing would be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether a package would go.
    #[must_use]
    pub fn removes(&self) -> bool {
        self.items.iter().any(|item| !item.verb.keeps())
    }

    /// What `new` does otherwise than this.
    #[must_use]
    pub fn diff(&self, new: &Self) -> Difference {
        let same_package = |a: &Item, b: &Item| a.name == b.name && a.arch == b.arch;
        let mut difference = Difference::default();
        for item in &new.items {
            match self.items.iter().find(|old| same_package(old, item)) {
                None => difference.added.push(item.clone()),
                Some(old) if !old.does_as(item) => difference.changed.push((old.clone(), item.clone())),
                Some(_) => {}
            }
        }
        let gone = self.items.iter().filter(|old| !new.items.iter().any(|item| same_package(old, item)));
        difference.gone.extend(gone.cloned());
        difference
    }

    /// The change that brings back what was before: what came goes, what went comes back in the same version. Upgrades stay, because
    /// the older version is often not to be had any more. Nothing when there is nothing to bring back.
    #[must_use]
    pub fn inverse(&self) -> Option<Change> {
        let name = |item: &Item| item.full_name().parse::<PackageName>().ok();
        let of = |verbs: &'static [Verb]| self.items.iter().filter(move |item| verbs.contains(&item.verb));
        let remove: Vec<_> = of(&[Verb::Install]).filter_map(name).collect();
        let install: Vec<_> = of(&[Verb::Remove, Verb::Purge])
            .filter_map(|item| Some(Exact { name: name(item)?, version: item.from.clone()?, mark: item.mark }))
            .collect();
        match (remove.is_empty(), install.is_empty()) {
            (true, true) => None,
            (false, true) => Some(Change::Remove(remove)),
            (_, false) => Some(Change::Restore { remove, install }),
        }
    }

    /// The packages that [`Self::inverse`] may change, and no others: what came and what went. What was upgraded stays.
    #[must_use]
    pub fn undoable(&self) -> Vec<String> {
        let moved = |item: &&Item| matches!(item.verb, Verb::Install | Verb::Remove | Verb::Purge);
        self.items.iter().filter(moved).map(Item::full_name).collect()
    }

    /// The first item that changes another package than those in `only`, which are full names.
    #[must_use]
    pub fn beyond(&self, only: &[String]) -> Option<&Item> {
        self.items.iter().find(|item| !only.iter().any(|one| same_package(one, &item.full_name())))
    }

    /// One sentence for a person: what, which version, from where, how much.
    #[must_use]
    pub fn summary(&self) -> String {
        if self.items.is_empty() {
            return self.nothing_to_do();
        }
        let parts: Vec<String> = [
            ("Install", &[Verb::Install][..]),
            ("upgrade", &[Verb::Upgrade]),
            ("downgrade", &[Verb::Downgrade]),
            ("install again", &[Verb::Reinstall]),
            ("remove", &[Verb::Remove]),
            ("remove with its configuration", &[Verb::Purge]),
            ("finish setting up", &[Verb::Configure]),
        ]
        .iter()
        .filter_map(|(word, verbs)| self.part(word, verbs))
        .collect();
        let count = self.items.len();
        let size = match self.download_bytes {
            Some(0) => ", nothing to download".to_owned(),
            Some(bytes) => format!(", {} to download", human_bytes(bytes)),
            None => String::new(),
        };
        let text = format!("{} ({count} package{}{size})", parts.join("; "), if count == 1 { "" } else { "s" });
        let mut letters = text.chars();
        letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
    }

    /// `Install a 1.0 and b 2.0 from Debian:12`, for the items with one of the verbs. Those that somebody asked for come first.
    fn part(&self, word: &str, verbs: &[Verb]) -> Option<String> {
        const NAMED: usize = 5;
        let mut items: Vec<&Item> = self.items.iter().filter(|item| verbs.contains(&item.verb)).collect();
        items.sort_by_key(|item| item.mark == Mark::Auto);
        let first = items.first()?;
        let version = |item: &Item| item.to.as_deref().or(item.from.as_deref()).unwrap_or_default().to_owned();
        let mut named: Vec<String> = items
            .iter()
            .take(NAMED)
            .map(|item| format!("{} {}", item.name, version(item)).trim_end().to_owned())
            .collect();
        if items.len() > NAMED {
            named.push(format!("{} more", items.len() - NAMED));
        }
        let mut origins: Vec<&str> =
            items.iter().filter_map(|item| Some(short_origin(item.origin.as_deref()?))).collect();
        origins.sort_unstable();
        origins.dedup();
        let from = match (first.verb.keeps(), origins.as_slice()) {
            (false, _) | (_, []) => String::new(),
            (true, origins) => format!(" from {}", and(&origins.iter().map(ToString::to_string).collect::<Vec<_>>())),
        };
        Some(format!("{word} {}{from}", and(&named)))
    }

    fn nothing_to_do(&self) -> String {
        let (there, absent): (Vec<&Already>, Vec<&Already>) = self.already.iter().partition(|a| a.version.is_some());
        let mut sentences = Vec::new();
        if !there.is_empty() {
            let named: Vec<String> =
                there.iter().map(|a| format!("{} {}", a.name, a.version.as_deref().unwrap_or_default())).collect();
            let verb = if named.len() == 1 { "is" } else { "are" };
            sentences.push(format!("{} {verb} already installed", and(&named)));
        }
        if !absent.is_empty() {
            let named: Vec<String> = absent.iter().map(|a| a.name.clone()).collect();
            let verb = if named.len() == 1 { "is" } else { "are" };
            sentences.push(format!("{} {verb} not installed", and(&named)));
        }
        if sentences.is_empty() { "Nothing to do".to_owned() } else { sentences.join("; ") }
    }
}

/// Whether two full names are of the same package: managers name the architecture where they know it (`name:arch`), and leave it
/// out where they remove one.
fn same_package(a: &str, b: &str) -> bool {
    let (a, b) = (a.split_once(':').ok_or(a), b.split_once(':').ok_or(b));
    match (a, b) {
        (Ok(a), Ok(b)) => a == b,
        (Ok((name, _)), Err(other)) | (Err(other), Ok((name, _))) | (Err(name), Err(other)) => name == other,
    }
}

/// Whose the packages of an origin are, without the release, which a source may count up: `Debian` and `Debian-Security` of
/// `Debian:12.15/oldstable, Debian-Security:12/oldstable-security`.
fn sources(origin: &str) -> impl Iterator<Item = &str> {
    origin.split(',').map(|source| source.split(':').next().unwrap_or(source).trim())
}

/// The distribution and its release, or what stands first: `Debian:12.15/oldstable, …` is `Debian:12.15`.
fn short_origin(origin: &str) -> &str {
    origin.split([',', '/']).next().unwrap_or(origin).trim()
}

/// `a`, `a and b`, `a, b and c`.
fn and(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// A size with a decimal unit, as apt prints it: `31 kB`.
fn human_bytes(bytes: u64) -> String {
    let tenths = |unit: u64| {
        let tenths = bytes.saturating_mul(10) / unit;
        if tenths < 100 { format!("{}.{}", tenths / 10, tenths % 10) } else { (tenths / 10).to_string() }
    };
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(1_000_000)),
        _ => format!("{} GB", tenths(1_000_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(verb: Verb, name: &str, from: Option<&str>, to: Option<&str>) -> Item {
        Item {
            verb,
            name: name.into(),
            arch: Some("all".into()).filter(|_| verb.keeps()),
            from: from.map(Into::into),
            to: to.map(Into::into),
            origin: to.map(|_| "Debian:12/oldstable".into()),
            download_bytes: None,
            mark: Mark::Manual,
        }
    }

    fn of(items: &[Item]) -> Transaction {
        Transaction { items: items.to_vec(), ..Transaction::default() }
    }

    #[test]
    fn the_summary_is_one_sentence() {
        let cow = item(Verb::Install, "cowsay", None, Some("3.03+dfsg2-8"));
        let rows = [
            (
                of(std::slice::from_ref(&cow)),
                Some(20_100),
                "Install cowsay 3.03+dfsg2-8 from Debian:12 (1 package, 21 kB to download)",
            ),
            (
                of(&[cow.clone(), item(Verb::Remove, "fish", Some("2"), None)]),
                None,
                "Install cowsay 3.03+dfsg2-8 from Debian:12; remove fish 2 (2 packages)",
            ),
            (of(&[item(Verb::Remove, "fish", Some("2"), None)]), None, "Remove fish 2 (1 package)"),
            (of(&[]), None, "Nothing to do"),
        ];
        for (mut transaction, bytes, text) in rows {
            transaction.download_bytes = bytes;
            assert_eq!(transaction.summary(), text);
        }
        let already = Transaction {
            already: vec![
                Already { name: "vim".into(), version: Some("9".into()) },
                Already { name: "x1".into(), version: None },
            ],
            ..Transaction::default()
        };
        assert_eq!(already.summary(), "vim 9 is already installed; x1 is not installed");
    }

    #[test]
    fn sizes_have_decimal_units() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (30_868, "31 kB"),
            (1_250_000, "1.2 MB"),
            (12_900_000, "12 MB"),
            (3_000_000_000, "3.0 GB"),
        ] {
            assert_eq!(human_bytes(bytes), text);
        }
    }

    #[test]
    fn another_package_version_or_verb_is_a_difference() {
        let (a, b) = (item(Verb::Install, "aa", None, Some("1")), item(Verb::Install, "bb", None, Some("1")));
        let preview = of(&[a.clone(), b.clone()]);
        assert!(preview.diff(&preview).is_empty());
        let newer = Item { to: Some("2".into()), ..a.clone() };
        let more = item(Verb::Install, "cc", None, Some("1"));
        let removed = Item { verb: Verb::Remove, ..a.clone() };
        assert!(!preview.diff(&of(&[removed, b.clone()])).is_empty());
        let difference = preview.diff(&of(&[newer.clone(), more.clone()]));
        assert_eq!(difference, Difference { added: vec![more], gone: vec![b], changed: vec![(a, newer)] });
        assert_eq!(
            difference.to_string(),
            "would now also install cc 1; would no longer install bb 1; would now install aa 2 and not install aa 1"
        );
    }

    #[test]
    fn sizes_and_marks_are_facts_and_do_not_bind() {
        let a = item(Verb::Install, "aa", None, Some("1"));
        let other = Item { download_bytes: Some(5), mark: Mark::Auto, ..a.clone() };
        assert!(of(&[a]).diff(&of(&[other])).is_empty());
    }

    #[test]
    fn another_origin_is_a_difference_where_both_are_known() {
        let a = item(Verb::Install, "aa", None, Some("1"));
        let from = |origin: Option<&str>| of(&[Item { origin: origin.map(Into::into), ..a.clone() }]);
        assert!(from(Some("Debian:12")).diff(&from(None)).is_empty() && from(None).diff(&from(Some("x"))).is_empty());
        let also_security = from(Some("Debian:12.16/stable, Debian-Security:12/stable-security"));
        assert!(from(Some("Debian:12.15/stable")).diff(&also_security).is_empty(), "the same source, counted up");
        assert!(!from(Some("main")).diff(&from(Some("mainly"))).is_empty());
        let difference = from(Some("Debian:12")).diff(&from(Some("Evil:1")));
        assert_eq!(difference.to_string(), "would now install aa 1 from Evil:1 and not from Debian:12");
    }

    #[test]
    fn the_inverse_removes_what_came_and_brings_back_what_went() {
        let done = of(&[item(Verb::Install, "aa", None, Some("1")), item(Verb::Upgrade, "bb", Some("1"), Some("2"))]);
        assert_eq!(done.inverse(), Some(Change::Remove(vec!["aa".parse().unwrap()])));
        let gone = of(&[item(Verb::Remove, "cc", Some("1"), None)]);
        let install = vec![Exact { name: "cc".parse().unwrap(), version: "1".into(), mark: Mark::Manual }];
        assert_eq!(gone.inverse(), Some(Change::Restore { remove: vec![], install }));
        assert_eq!(of(&[item(Verb::Upgrade, "bb", Some("1"), Some("2"))]).inverse(), None);
    }

    #[test]
    fn an_undo_may_change_what_came_and_what_went_and_nothing_else() {
        let done = of(&[
            item(Verb::Install, "aa", None, Some("1")),
            item(Verb::Upgrade, "bb", Some("1"), Some("2")),
            item(Verb::Remove, "cc", Some("1"), None),
        ]);
        let only = done.undoable();
        assert_eq!(only, ["aa", "cc"]);
        let back = [item(Verb::Remove, "aa", Some("1"), None), item(Verb::Install, "cc", None, Some("1"))];
        assert_eq!(of(&back).beyond(&only), None);
        // What was upgraded was there before, and has to stay; so has what was put on top.
        for further in [item(Verb::Remove, "bb", Some("2"), None), item(Verb::Remove, "on-top", Some("1"), None)] {
            assert_eq!(of(&[back[0].clone(), further.clone()]).beyond(&only), Some(&further));
        }
    }

    #[test]
    fn a_package_of_another_architecture_is_another_one_where_both_are_known() {
        for (a, b, same) in [
            ("x", "x", true),
            ("x:i386", "x", true),
            ("x:i386", "x:amd64", false),
            ("x", "y", false),
            ("x", "y:x", false),
        ] {
            assert_eq!((same_package(a, b), same_package(b, a)), (same, same), "{a} {b}");
        }
    }
}
