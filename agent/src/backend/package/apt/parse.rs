//! Reads what apt and dpkg print in the C locale. Pure; every function takes any bytes that a program could print.
//!
//! The forms are those of apt 2.x: simulation lines (`Inst`, `Remv`, `Purg`, `Conf`) are described in apt-get(8) under
//! `--simulate`, status lines in apt's README.progress-reporting.

use std::collections::BTreeSet;

use super::super::transaction::{Item, Mark, Verb};
use super::super::{Hit, Progress, clean, tool};

/// The share of a transaction that its download takes in the progress that is shown, in percent.
const DOWNLOAD_SHARE: f64 = 40.0;

/// What `apt-get -s` printed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Simulation {
    /// What would be done, in the order of names. All marks are `Manual`.
    pub items: Vec<Item>,
    /// What is already there in the newest version: names as apt prints them, and the version.
    pub newest: Vec<(String, String)>,
    /// What was to be removed and is not installed.
    pub absent: Vec<String>,
    /// The packages that are kept back.
    pub kept_back: Vec<String>,
}

/// Reads the output of `apt-get -s`.
#[must_use]
pub fn simulation(stdout: &str) -> Simulation {
    let mut simulation = Simulation::default();
    let mut section = Section::Other;
    let mut downgraded = BTreeSet::new();
    let mut configured = Vec::new();
    for line in stdout.lines() {
        if line.starts_with("  ") {
            match section {
                Section::Downgraded => downgraded.extend(line.split_ascii_whitespace().map(str::to_owned)),
                Section::KeptBack => simulation.kept_back.extend(line.split_ascii_whitespace().map(clean)),
                Section::Other => {}
            }
            continue;
        }
        section = match line {
            "The following packages will be DOWNGRADED:" => Section::Downgraded,
            "The following packages have been kept back:" => Section::KeptBack,
            _ => Section::Other,
        };
        if let Some(rest) = line.strip_prefix("Inst ") {
            simulation.items.extend(versioned(rest));
        } else if let Some(rest) = line.strip_prefix("Conf ") {
            configured.extend(versioned(rest).map(|item| Item { verb: Verb::Configure, from: None, ..item }));
        } else if let Some(rest) = line.strip_prefix("Remv ") {
            simulation.items.extend(removal(Verb::Remove, rest));
        } else if let Some(rest) = line.strip_prefix("Purg ") {
            simulation.items.extend(removal(Verb::Purge, rest));
        } else if let Some((name, rest)) = line.split_once(" is already the newest version (") {
            let version = rest.split(')').next().unwrap_or_default();
            simulation.newest.push((clean(name), clean(version)));
        } else if let Some(rest) = line.strip_prefix("Package '")
            && let Some(name) = rest.strip_suffix("' is not installed, so not removed")
        {
            simulation.absent.push(clean(name));
        }
    }
    for item in &mut simulation.items {
        if item.verb == Verb::Upgrade && downgraded.contains(item.name.as_str()) {
            item.verb = Verb::Downgrade;
        }
    }
    // A package that is set up without being unpacked was left half done by an earlier transaction.
    for left in configured {
        if !simulation.items.iter().any(|item| item.name == left.name && item.arch == left.arch) {
            simulation.items.push(left);
        }
    }
    tool::sort(&mut simulation.items);
    simulation
}

enum Section {
    Downgraded,
    KeptBack,
    Other,
}

/// `NAME[:ARCH] [OLD]? (NEW ORIGIN, ORIGIN [ARCH])…`, after `Inst ` or `Conf `.
fn versioned(rest: &str) -> Option<Item> {
    let (name, rest) = rest.split_once(' ')?;
    let (from, rest) = match rest.strip_prefix('[') {
        None => (None, rest),
        Some(rest) => rest.split_once("] ").map(|(old, rest)| (Some(old), rest))?,
    };
    let (inner, _) = rest.strip_prefix('(')?.split_once("])")?;
    let (inner, arch) = inner.rsplit_once('[')?;
    let (to, origin) = inner.trim_end().split_once(' ').unwrap_or((inner.trim_end(), ""));
    let (name, _) = name.split_once(':').unwrap_or((name, ""));
    if clean(name).is_empty() || to.is_empty() {
        return None;
    }
    let verb = match from {
        None => Verb::Install,
        Some(old) if old == to => Verb::Reinstall,
        Some(_) => Verb::Upgrade,
    };
    Some(Item {
        verb,
        name: clean(name),
        arch: Some(clean(arch)),
        from: from.map(clean),
        to: Some(clean(to)),
        origin: Some(clean(origin)).filter(|o| !o.is_empty()),
        download_bytes: None,
        mark: Mark::Manual,
    })
}

/// `NAME[:ARCH] [OLD]…`, after `Remv ` or `Purg `. The architecture is only there when it is not the machine's own.
fn removal(verb: Verb, rest: &str) -> Option<Item> {
    let (name, rest) = rest.split_once(' ')?;
    let (from, _) = rest.strip_prefix('[')?.split_once(']')?;
    let (name, arch) = name.split_once(':').map_or((name, None), |(name, arch)| (name, Some(clean(arch))));
    let (from, to, origin) = (Some(clean(from)), None, None);
    (!clean(name).is_empty()).then(|| Item {
        verb,
        name: clean(name),
        arch,
        from,
        to,
        origin,
        download_bytes: None,
        mark: Mark::Manual,
    })
}

/// What `apt-get --print-uris` printed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Name, architecture and bytes of each archive that is not there yet.
    pub archives: Vec<(String, String, u64)>,
    /// How many bytes more, or less, are used on the disk afterwards.
    pub installed_change: Option<i64>,
}

/// Reads the output of `apt-get --print-uris`: `'URI' NAME_VERSION_ARCH.deb BYTES HASH`.
#[must_use]
pub fn uris(stdout: &str) -> Sizes {
    let mut sizes = Sizes::default();
    for line in stdout.lines() {
        if let Some(rest) = line.strip_prefix("After this operation, ") {
            sizes.installed_change = disk_change(rest);
        } else if let Some(rest) = line.strip_prefix('\'') {
            sizes.archives.extend(archive(rest));
        }
    }
    sizes
}

fn archive(rest: &str) -> Option<(String, String, u64)> {
    let mut fields = rest.rsplit_once("' ")?.1.split(' ');
    let (file, bytes) = (fields.next()?.strip_suffix(".deb")?, fields.next()?.parse().ok()?);
    let (name, arch) = (file.split('_').next()?, file.rsplit('_').next()?);
    Some((clean(name), clean(arch), bytes))
}

/// `136 kB of additional disk space will be used.` or `12.3 MB disk space will be freed.`; units are decimal.
fn disk_change(rest: &str) -> Option<i64> {
    let mut words = rest.split(' ');
    let number: f64 = words.next()?.replace(',', "").parse().ok()?;
    let unit = match words.next()? {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        _ => return None,
    };
    let bytes = number * unit;
    if !(0.0..9e15).contains(&bytes) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the line above bounds it")]
    let bytes = bytes.round() as i64;
    Some(if rest.contains("freed") { -bytes } else { bytes })
}

/// Why apt refused, read from what it printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such package, or nothing provides it in a version that can be installed.
    NotFound(String),
    /// This version of the package is not to be had.
    NoVersion {
        /// The package.
        name: String,
        /// The version.
        version: String,
    },
    /// The packages do not fit together, or a held package would change, or an essential one would go.
    Unmet(String),
    /// A removal would be needed and is not allowed.
    RemovalNeeded,
    /// Another process holds a lock: its name and number, when apt knows them.
    Locked(Option<String>),
    /// A source could not be reached.
    Network(String),
    /// Something else: the errors.
    Other(Vec<String>),
}

/// Reads why apt ended with an error.
#[must_use]
pub fn refusal(stdout: &str, stderr: &str) -> Refusal {
    let errors: Vec<&str> = stderr.lines().chain(stdout.lines()).filter_map(|l| l.strip_prefix("E: ")).collect();
    for error in &errors {
        if let Some(name) = error.strip_prefix("Unable to locate package ") {
            return Refusal::NotFound(clean(name));
        }
        if let Some(rest) = error.strip_prefix("Package '")
            && let Some((name, _)) = rest.split_once("' has no installation candidate")
        {
            return Refusal::NotFound(clean(name));
        }
        if let Some(rest) = error.strip_prefix("Version '")
            && let Some((version, rest)) = rest.split_once("' for '")
            && let Some((name, _)) = rest.split_once("' was not found")
        {
            return Refusal::NoVersion { name: clean(name), version: clean(version) };
        }
        if error.starts_with("Packages need to be removed but remove is disabled") {
            return Refusal::RemovalNeeded;
        }
        if error.starts_with("Could not get lock ") || error.starts_with("Unable to acquire the dpkg frontend lock") {
            return Refusal::Locked(errors.iter().find_map(|e| lock_holder(e)));
        }
        if error.starts_with("Failed to fetch ") || error.starts_with("Unable to fetch some archives") {
            return Refusal::Network(clean(error));
        }
    }
    let unmet = unmet(stdout);
    if !unmet.is_empty() {
        return Refusal::Unmet(unmet);
    }
    let refused = [
        "Held packages were changed",
        "Essential packages were removed",
        "Packages were downgraded",
        "There were unauthenticated",
    ];
    if let Some(error) = errors.iter().find(|e| refused.iter().any(|r| e.starts_with(r))) {
        let (reason, _) = error.split_once(" and -y was used").unwrap_or((error, ""));
        return Refusal::Unmet(clean(reason.trim_end_matches('.')));
    }
    Refusal::Other(errors.iter().map(|e| clean(e)).take(5).collect())
}

/// `… It is held by process 1234 (apt-get)`.
fn lock_holder(error: &str) -> Option<String> {
    let (_, rest) = error.split_once("held by process ")?;
    let (pid, rest) = rest.split_once(' ')?;
    let name = rest.strip_prefix('(')?.split(')').next()?;
    let pid: u32 = pid.parse().ok()?;
    Some(format!("{} (pid {pid})", clean(name)))
}

/// The lines below `The following packages have unmet dependencies:`, as one sentence.
fn unmet(stdout: &str) -> String {
    let lines = stdout.lines().skip_while(|l| *l != "The following packages have unmet dependencies:").skip(1);
    let text: Vec<&str> = lines.take_while(|l| l.starts_with(' ')).flat_map(str::split_ascii_whitespace).collect();
    clean(&text.join(" ").replace(" : ", ": "))
}

/// Reads a status line (`APT::Status-Fd`); nothing when it is another line.
#[must_use]
pub fn status_line(line: &str) -> Option<Progress> {
    let (kind, rest) = line.split_once(':')?;
    // The second field is a package, which can have `:ARCH` after it.
    let mut fields = rest.split(':').skip(1);
    let number =
        |field: &str| field.bytes().all(|b| b.is_ascii_digit() || b == b'.').then(|| field.parse::<f64>().ok())?;
    let percent = fields.by_ref().take(2).find_map(number)?.clamp(0.0, 100.0);
    let text = clean(&fields.collect::<Vec<_>>().join(":"));
    let percent = match kind {
        "dlstatus" => percent * DOWNLOAD_SHARE / 100.0,
        "pmstatus" | "pmerror" | "pmconffile" => DOWNLOAD_SHARE + percent * (100.0 - DOWNLOAD_SHARE) / 100.0,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both shares are between 0 and 100")]
    let percent = percent as u8;
    Some(Progress { percent: Some(percent), text })
}

/// The words in a transaction's output that tell a person what went wrong: errors first, else the last lines.
#[must_use]
pub fn last_words(output: &str) -> Vec<String> {
    const LAST: usize = 6;
    let said: Vec<&str> = output
        .lines()
        .map(|line| line.rsplit('\r').next().unwrap_or(line))
        .filter(|l| !l.trim().is_empty() && status_line(l).is_none())
        .collect();
    let is_error = |l: &str| l.starts_with("E: ") || l.starts_with("dpkg: error");
    let start =
        said.iter().position(|l| is_error(l)).map_or(said.len().saturating_sub(LAST), |at| at.saturating_sub(1));
    said[start..].iter().take(LAST).map(|l| clean(l)).collect()
}

/// Whether apt's output says that dpkg failed, for when its exit status is not known.
#[must_use]
pub fn dpkg_failed(output: &str) -> bool {
    output.lines().any(|line| line.starts_with("E: Sub-process "))
}

/// A row of the package database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name without the architecture.
    pub name: String,
    /// The architecture.
    pub arch: String,
    /// dpkg's status: `installed`, `config-files`, `half-configured` and others of dpkg(1).
    pub status: String,
    /// The version.
    pub version: String,
}

/// Reads rows in the form of [`super::argv::DPKG_FORMAT`].
#[must_use]
pub fn rows(stdout: &str) -> Vec<Row> {
    let row = |line: &str| {
        let mut fields = line.split('\t').map(str::to_owned);
        Some(Row { name: fields.next()?, arch: fields.next()?, status: fields.next()?, version: fields.next()? })
    };
    stdout.lines().filter_map(row).collect()
}

/// Reads apt's `extended_states`: name and architecture of the packages that are marked as automatically installed.
#[must_use]
pub fn auto_marks(states: &str) -> BTreeSet<(String, String)> {
    let paragraph = |text: &str| {
        let field = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim().to_owned());
        (field("Auto-Installed:")? == "1").then(|| Some((field("Package:")?, field("Architecture:")?)))?
    };
    states.split("\n\n").filter_map(paragraph).collect()
}

/// Reads `apt-cache search`: `NAME - SUMMARY`.
#[must_use]
pub fn search(stdout: &str) -> Vec<Hit> {
    let hit = |line: &str| {
        let (name, summary) = line.split_once(" - ")?;
        Some(Hit { name: clean(name), version: None, summary: clean(summary), installed: None })
    };
    stdout.lines().filter_map(hit).collect()
}

/// Reads `apt-cache show`: name and version of each record.
#[must_use]
pub fn versions(stdout: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut name = None;
    for line in stdout.lines() {
        if let Some(value) = line.strip_prefix("Package: ") {
            name = Some(clean(value));
        } else if let Some(version) = line.strip_prefix("Version: ")
            && let Some(name) = name.take()
        {
            found.push((name, clean(version)));
        }
    }
    found
}

/// Reads `apt-cache showpkg`: the packages that provide it.
#[must_use]
pub fn providers(stdout: &str) -> Vec<String> {
    let lines = stdout.lines().skip_while(|l| !l.starts_with("Reverse Provides:")).skip(1);
    let mut names: Vec<String> =
        lines.filter_map(|l| l.split(' ').next()).filter(|n| !n.is_empty()).map(clean).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
