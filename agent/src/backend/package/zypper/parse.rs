//! Reads what `zypper --xmlout` prints. Pure; every function takes any bytes that a program could print. This is no reader of XML: it
//! takes tags, attributes and texts as zypper writes them, one after the other.

use super::super::tool;
use super::super::transaction::{Item, Verb};
use super::super::{Progress, clean};

pub use super::super::tool::Refusal;

/// A tag: its name, its attributes as they stand there, and the text up to the next tag.
struct Tag<'a> {
    name: &'a str,
    attributes: &'a str,
    text: &'a str,
}

/// The tags of a text, in order; ends of elements have names that begin with `/`.
fn tags(xml: &str) -> impl Iterator<Item = Tag<'_>> {
    xml.split('<').skip(1).filter_map(|piece| {
        // An attribute's value has no `>`: zypper writes `&gt;`.
        let (inside, text) = piece.split_once('>')?;
        let inside = inside.strip_suffix('/').unwrap_or(inside);
        let (name, attributes) = inside.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((inside, ""));
        Some(Tag { name, attributes, text })
    })
}

impl Tag<'_> {
    fn attribute(&self, name: &str) -> Option<String> {
        let mut rest = self.attributes;
        loop {
            let (before, after) = rest.split_once("=\"")?;
            let (value, next) = after.split_once('"')?;
            if before.trim() == name {
                return Some(clean(&unescaped(value)));
            }
            rest = next;
        }
    }
}

fn unescaped(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    plain.replace("&amp;", "&")
}

/// What zypper would do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Simulation {
    /// What would be done, in the order of names.
    pub items: Vec<Item>,
    /// Bytes to download in all.
    pub download_bytes: Option<u64>,
    /// How many bytes more, or less, are used on the disk afterwards.
    pub installed_change: Option<i64>,
}

/// Reads the summary of a transaction; nothing when there is none, because zypper refused, had nothing to do or could not go on.
#[must_use]
pub fn simulation(xml: &str) -> Option<Simulation> {
    let mut read: Option<Simulation> = None;
    let mut verb = None;
    for tag in tags(xml) {
        match (tag.name, read.as_mut()) {
            ("install-summary", _) => {
                let number = |name: &str| tag.attribute(name);
                read = Some(Simulation {
                    items: Vec::new(),
                    download_bytes: number("download-size").and_then(|n| n.parse().ok()),
                    installed_change: number("space-usage-diff").and_then(|n| n.parse().ok()),
                });
            }
            ("/install-summary", _) => verb = None,
            ("to-install", Some(_)) => verb = Some(Verb::Install),
            ("to-upgrade" | "to-upgrade-change-arch", Some(_)) => verb = Some(Verb::Upgrade),
            ("to-downgrade" | "to-downgrade-change-arch", Some(_)) => verb = Some(Verb::Downgrade),
            ("to-reinstall", Some(_)) => verb = Some(Verb::Reinstall),
            ("to-remove", Some(_)) => verb = Some(Verb::Remove),
            // Other lists name the same packages again, for what else changes of them.
            (name, Some(_)) if name.starts_with("to-") || name.starts_with("/to-") => verb = None,
            ("solvable", Some(read)) => {
                if let Some(verb) = verb
                    && let Some(item) = solvable(verb, &tag)
                {
                    read.items.push(item);
                }
            }
            _ => {}
        }
    }
    if let Some(read) = read.as_mut() {
        tool::sort(&mut read.items);
        read.items.dedup_by(|a, b| a.name == b.name && a.arch == b.arch);
    }
    read
}

fn solvable(verb: Verb, tag: &Tag<'_>) -> Option<Item> {
    // Patterns, products and patches are only lists of packages, which have their own rows.
    if tag.attribute("type")? != "package" {
        return None;
    }
    let (name, edition) = (tag.attribute("name")?, tag.attribute("edition")?);
    if name.is_empty() {
        return None;
    }
    let mut item = Item { arch: tag.attribute("arch"), ..tool::item(verb, &name) };
    if verb.keeps() {
        item.from = tag.attribute("edition-old");
        item.to = Some(edition);
    } else {
        item.from = Some(edition);
    }
    Some(item)
}

/// The texts of its messages of this kind: `error`, `info`, `warning`.
#[must_use]
pub fn messages(xml: &str, kind: &str) -> Vec<String> {
    let of_kind = |tag: &Tag<'_>| tag.name == "message" && tag.attribute("type").as_deref() == Some(kind);
    tags(xml).filter(of_kind).map(|tag| clean(&unescaped(tag.text))).filter(|text| !text.is_empty()).collect()
}

/// Reads why zypper ended without doing it; nothing when it does not say.
#[must_use]
pub fn refusal(xml: &str) -> Option<Refusal> {
    let errors = messages(xml, "error");
    for error in &errors {
        let quoted = |before: &str, after: &str| Some(error.strip_prefix(before)?.split_once(after)?.0.to_owned());
        if let Some(name) = quoted("Package '", "' not found") {
            return Some(Refusal::NotFound(name));
        }
        if let Some(rest) = error.strip_prefix("System management is locked by the application with pid ") {
            let mut words = rest.split([' ', '(', ')', '.']).filter(|w| !w.is_empty());
            let (pid, name) = (words.next().unwrap_or("?"), words.next().unwrap_or("a program"));
            return Some(Refusal::Locked(Some(format!("{name} (pid {pid})"))));
        }
    }
    let problem = tags(xml).find(|tag| tag.name == "description" && tag.text.trim_start().starts_with("Problem: "));
    if let Some(problem) = problem {
        let first = unescaped(problem.text);
        let lines = first.trim().lines().take_while(|line| !line.trim_start().starts_with("Solution "));
        return Some(Refusal::Unmet(clean(&lines.map(str::trim).collect::<Vec<_>>().join("; "))));
    }
    let unreachable =
        ["Download (curl) error", "Timeout exceeded", "not found on medium", "could not be refreshed", "is invalid"];
    match errors.iter().find(|e| unreachable.iter().any(|u| e.contains(u))) {
        Some(error) => Some(Refusal::Network(error.clone())),
        None if errors.is_empty() => None,
        None => Some(Refusal::Other(errors.into_iter().take(6).collect())),
    }
}

/// A package that a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Its version.
    pub edition: String,
    /// Its architecture.
    pub arch: String,
    /// Where it comes from.
    pub repository: String,
    /// Whether it is the installed one.
    pub installed: bool,
}

/// Reads `zypper search --details`.
#[must_use]
pub fn found(xml: &str) -> Vec<Found> {
    let one = |tag: Tag<'_>| {
        if tag.name != "solvable" || tag.attribute("kind")? != "package" {
            return None;
        }
        Some(Found {
            name: tag.attribute("name")?,
            edition: tag.attribute("edition")?,
            arch: tag.attribute("arch")?,
            repository: tag.attribute("repository")?,
            installed: tag.attribute("status")? == "installed",
        })
    };
    tags(xml).filter_map(one).collect()
}

/// Reads the names of a plain `zypper search`.
#[must_use]
pub fn names(xml: &str) -> Vec<String> {
    tags(xml).filter(|tag| tag.name == "solvable").filter_map(|tag| tag.attribute("name")).collect()
}

/// Reads a line of a transaction: `<progress id="install-resolvable" name="(1/2) Installing: …" value="53"/>`.
#[must_use]
pub fn progress(line: &str) -> Option<Progress> {
    let tag = tags(line).find(|tag| tag.name == "progress")?;
    let name = tag.attribute("name")?;
    let (count, what) = name.strip_prefix('(')?.split_once(") ")?;
    let (now, all) = count.split_once('/')?;
    let (now, all): (u64, u64) = (now.parse().ok()?, all.parse().ok()?);
    let value: u64 = match tag.attribute("done") {
        Some(_) => 100,
        None => tag.attribute("value").and_then(|v| v.parse().ok()).unwrap_or(0),
    };
    let steps = now.checked_sub(1)?.checked_mul(100)?.checked_add(value.min(100))?;
    let percent = steps.checked_div(all).filter(|percent| *percent <= 100)?;
    Some(Progress { percent: u8::try_from(percent).ok(), text: clean(what) })
}

/// Reads a plain `zypper search`: name and summary of each package.
#[must_use]
pub fn hits(xml: &str) -> Vec<super::super::Hit> {
    let one = |tag: Tag<'_>| {
        let name = tag.attribute("name").filter(|_| tag.name == "solvable")?;
        let summary = tag.attribute("summary").unwrap_or_default();
        Some(super::super::Hit { name, version: None, summary, installed: None })
    };
    tags(xml).filter_map(one).collect()
}
