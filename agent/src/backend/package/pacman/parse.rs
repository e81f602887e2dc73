//! Reads what pacman 6 prints in the C locale. Pure; every function takes any bytes that a program could print.

use super::super::tool::{self, Row, binary_size};
use super::super::transaction::{Item, Verb};
use super::super::{Hit, Progress, clean};

pub use super::super::tool::Refusal;

/// Reads rows in the form of [`super::argv::FORMAT`]: what comes, or what goes. What is replaced becomes an upgrade later.
#[must_use]
pub fn printed(stdout: &str, comes: bool) -> Vec<Item> {
    let row = |line: &str| {
        let mut fields = line.split('\t');
        let (name, version, repository, bytes) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        if clean(name).is_empty() || clean(version).is_empty() {
            return None;
        }
        let mut item = tool::item(if comes { Verb::Install } else { Verb::Remove }, name);
        if comes {
            item.to = Some(clean(version));
            item.origin = Some(clean(repository));
            item.download_bytes = bytes.trim().parse().ok();
        } else {
            item.from = Some(clean(version));
        }
        Some(item)
    };
    let mut items: Vec<Item> = stdout.lines().filter_map(row).collect();
    items.sort_by(|a, b| a.name.cmp(&b.name));
    items.dedup_by(|a, b| a.name == b.name);
    items
}

/// Reads `pacman -Q`: name and version of what is installed.
#[must_use]
pub fn rows(stdout: &str) -> Vec<Row> {
    let row = |line: &str| {
        let (name, version) = line.split_once(' ')?;
        Some(Row { name: clean(name), arch: String::new(), version: clean(version) })
    };
    stdout.lines().filter_map(row).collect()
}

/// The packages whose newer versions are not taken, because the configuration says so (`IgnorePkg`).
#[must_use]
pub fn kept_back(stderr: &str) -> Vec<String> {
    let name = |line: &str| {
        let (name, rest) = line.strip_prefix("warning: ")?.split_once(": ")?;
        rest.starts_with("ignoring package ").then(|| clean(name))
    };
    stderr.lines().filter_map(name).collect()
}

/// The packages that would come in an older version than the one that is there.
#[must_use]
pub fn older(stderr: &str) -> Vec<String> {
    let name = |line: &str| {
        let (name, rest) = line.strip_prefix("warning: ")?.split_once(": local (")?;
        rest.contains(") is newer than ").then(|| clean(name))
    };
    stderr.lines().filter_map(name).collect()
}

/// How many bytes more, or less, are used on the disk afterwards, from the summary before the question.
#[must_use]
pub fn installed_change(stdout: &str) -> Option<i64> {
    let size = |label: &str| {
        let text = stdout.lines().find_map(|line| line.strip_prefix(label))?.trim();
        let (number, unit) = text.split_once(' ')?;
        let (sign, number) = number.strip_prefix('-').map_or((1, number), |number| (-1, number));
        i64::try_from(binary_size(number, unit)?).ok().map(|bytes| sign * bytes)
    };
    size("Net Upgrade Size:")
        .or_else(|| size("Total Installed Size:"))
        .or_else(|| size("Total Removed Size:").map(|n| -n))
}

/// Whether pacman came to its question, which it does when everything fits.
#[must_use]
pub fn asked(output: &str) -> bool {
    output.contains(":: Proceed with ") || output.contains(":: Do you want to remove these packages?")
}

/// Whether a question was answered: with what is there, or with nothing but that it is not there.
#[must_use]
pub fn is_answer(exit: Option<i32>, stderr: &str) -> bool {
    let not_there = |line: &str| !line.starts_with("error: ") || line.ends_with(" was not found");
    exit == Some(0) || (exit == Some(1) && stderr.lines().all(not_there))
}

/// Reads why pacman ended with an error.
#[must_use]
pub fn refusal(stdout: &str, stderr: &str) -> Refusal {
    let all = || stdout.lines().chain(stderr.lines());
    // A question that got no answer stands before the error on the same line.
    let errors: Vec<&str> = all().filter_map(|l| l.split_once("error: ").map(|(_, error)| error)).collect();
    if let Some(name) = errors.iter().find_map(|e| e.strip_prefix("target not found: ")) {
        return Refusal::NotFound(clean(name));
    }
    if errors.iter().any(|e| e.contains("unable to lock database") || e.contains("could not lock database")) {
        return Refusal::Locked(None);
    }
    let unmet: Vec<&str> = all()
        .filter_map(|l| l.strip_prefix(":: "))
        .filter(|l| {
            l.starts_with("unable to satisfy") || l.contains(" are in conflict") || l.contains(" breaks dependency ")
        })
        .map(|l| l.split(". Remove ").next().unwrap_or(l))
        .collect();
    if !unmet.is_empty() {
        let mut unmet = unmet;
        unmet.dedup();
        return Refusal::Unmet(clean(&unmet.join("; ")));
    }
    let unreachable =
        ["failed retrieving file", "failed to synchronize", "failed to retrieve", "download library error"];
    match errors.iter().find(|e| unreachable.iter().any(|u| e.contains(u))) {
        Some(error) => Refusal::Network(clean(error)),
        None => Refusal::Other(errors.into_iter().map(clean).take(6).collect()),
    }
}

/// Reads a line of a transaction: `installing e2e-lib...`. pacman says no numbers without a terminal.
#[must_use]
pub fn progress(line: &str) -> Option<Progress> {
    let text = line.trim().strip_suffix("...")?;
    let known = ["installing ", "upgrading ", "removing ", "downgrading ", "reinstalling "];
    let known = known.iter().any(|verb| text.starts_with(verb)) || text.ends_with(" downloading");
    known.then(|| Progress { percent: None, text: clean(text) })
}

/// Reads `pacman -Ss`: `REPOSITORY/NAME VERSION [installed]`, and the description in the line below.
#[must_use]
pub fn search(stdout: &str) -> Vec<Hit> {
    let mut hits: Vec<Hit> = Vec::new();
    for line in stdout.lines() {
        if line.starts_with(' ') {
            if let Some(hit) = hits.last_mut()
                && hit.summary.is_empty()
            {
                hit.summary = clean(line);
            }
        } else if let Some((_, rest)) = line.split_once('/')
            && let Some((name, rest)) = rest.split_once(' ')
        {
            let version = rest.split(' ').next().unwrap_or_default();
            let installed = rest.split_once("[installed").map(|(_, said)| {
                said.strip_prefix(": ").and_then(|v| v.strip_suffix(']')).map_or_else(|| clean(version), clean)
            });
            hits.push(Hit { name: clean(name), version: Some(clean(version)), summary: String::new(), installed });
        }
    }
    hits
}
