//! Reads what dnf 4 prints in the C locale. Pure; every function takes any bytes that a program could print.

use super::super::tool::{self, binary_size};
use super::super::transaction::{Item, Mark, Verb};
use super::super::{Hit, Progress, clean};

pub use super::super::tool::Refusal;

/// What `dnf --assumeno` would do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Simulation {
    /// What would be done, in the order of names. Only the new version is known of what is replaced.
    pub items: Vec<Item>,
    /// What is not taken because it does not fit.
    pub kept_back: Vec<String>,
    /// Bytes to download in all.
    pub download_bytes: Option<u64>,
    /// How many bytes more, or less, are used on the disk afterwards.
    pub installed_change: Option<i64>,
    /// Whether the table and the numbers below it say the same. With another answer it was not understood.
    pub whole: bool,
}

/// What a section of the table is about.
#[derive(Clone, Copy)]
enum Section {
    None,
    Items(Verb, Mark),
    KeptBack,
}

/// Reads the table of a transaction. A row is a line that begins with one blank, and what is too long for its column goes on below.
#[must_use]
pub fn simulation(stdout: &str) -> Simulation {
    let mut read = Simulation { whole: true, ..Simulation::default() };
    let mut section = Section::None;
    let mut row: Vec<&str> = Vec::new();
    let mut counted = 0_u64;
    for line in stdout.lines() {
        let is_row = line.starts_with(' ') && !line.starts_with("  ");
        let goes_on = line.starts_with("  ") && !line.trim_start().starts_with("replacing ");
        if goes_on && !row.is_empty() {
            row.extend(line.split_ascii_whitespace());
            continue;
        }
        end_row(&mut row, section, &mut read);
        if is_row {
            row.extend(line.split_ascii_whitespace());
        } else if let Some(heading) = line.strip_suffix(':') {
            section = section_of(heading);
        } else if let Some((what, number)) = line.split_once("  ")
            && let Some(number) =
                number.trim_start().strip_suffix(" Packages").or(number.trim_start().strip_suffix(" Package"))
        {
            if ["Install", "Upgrade", "Downgrade", "Reinstall", "Remove"].contains(&what) {
                counted = counted.saturating_add(number.parse().unwrap_or(u64::MAX));
            }
        } else if let Some(size) = line.strip_prefix("Total download size: ").or(line.strip_prefix("Total size: ")) {
            read.download_bytes = size_of(size);
        } else if let Some(size) = line.strip_prefix("Installed size: ") {
            read.installed_change = size_of(size).and_then(|bytes| i64::try_from(bytes).ok());
        } else if let Some(size) = line.strip_prefix("Freed space: ") {
            read.installed_change = size_of(size).and_then(|bytes| i64::try_from(bytes).ok()).map(|bytes| -bytes);
        }
    }
    end_row(&mut row, section, &mut read);
    read.whole &= counted == read.items.len() as u64;
    tool::sort(&mut read.items);
    read
}

fn section_of(heading: &str) -> Section {
    match heading {
        "Installing" => Section::Items(Verb::Install, Mark::Manual),
        "Upgrading" => Section::Items(Verb::Upgrade, Mark::Manual),
        "Downgrading" => Section::Items(Verb::Downgrade, Mark::Manual),
        "Reinstalling" => Section::Items(Verb::Reinstall, Mark::Manual),
        heading if heading.starts_with("Installing ") => Section::Items(Verb::Install, Mark::Auto),
        heading if heading.starts_with("Removing") => Section::Items(Verb::Remove, Mark::Manual),
        heading if heading.starts_with("Skipping packages") => Section::KeptBack,
        _ => Section::None,
    }
}

/// `NAME ARCH VERSION REPOSITORY SIZE [UNIT]`.
fn end_row(row: &mut Vec<&str>, section: Section, read: &mut Simulation) {
    match (section, row.as_slice()) {
        (Section::KeptBack, [name, ..]) => read.kept_back.push(clean(name)),
        (Section::Items(verb, mark), [name, arch, version, repository, size @ ..]) if !clean(name).is_empty() => {
            let mut item = Item { arch: Some(clean(arch)), mark, ..tool::item(verb, name) };
            if verb.keeps() {
                item.to = Some(clean(version));
                item.origin = Some(clean(repository));
                item.download_bytes = size.first().and_then(|n| binary_size(n, size.get(1).unwrap_or(&"")));
            } else {
                item.from = Some(clean(version));
            }
            read.items.push(item);
        }
        (Section::Items(..), [_, ..]) => read.whole = false,
        _ => {}
    }
    row.clear();
}

fn size_of(text: &str) -> Option<u64> {
    let mut words = text.split_ascii_whitespace();
    binary_size(words.next()?, words.next().unwrap_or(""))
}

/// Reads why dnf ended with an error.
#[must_use]
pub fn refusal(stdout: &str, stderr: &str) -> Refusal {
    let all = || stdout.lines().chain(stderr.lines());
    if let Some(name) = all().find_map(|l| l.strip_prefix("No match for argument: ")) {
        return Refusal::NotFound(clean(name));
    }
    if let Some((_, pid)) = all().find_map(|l| l.split_once(" already locked by ")) {
        let what = all().find_map(|l| l.trim().strip_prefix("The application with PID ")?.split_once(" is: "));
        return Refusal::Locked(Some(format!(
            "{} (pid {})",
            what.map_or("a program".into(), |(_, n)| clean(n)),
            clean(pid)
        )));
    }
    let problems = stderr.lines().skip_while(|l| !l.starts_with("Error:")).skip(1);
    let problem: Vec<&str> = problems.map(|l| l.trim().trim_start_matches("- ")).filter(|l| !l.is_empty()).collect();
    if problem.iter().any(|l| l.starts_with("Problem")) {
        return Refusal::Unmet(clean(&problem.join("; ").replace(":;", ":")));
    }
    let errors: Vec<String> = stderr.lines().filter(|l| !l.trim().is_empty()).map(clean).take(6).collect();
    let unreachable = ["Failed to download metadata", "Cannot download", "Error downloading packages", "Curl error"];
    match errors.iter().find(|l| unreachable.iter().any(|u| l.contains(u))) {
        Some(line) => Refusal::Network(line.clone()),
        None => Refusal::Other(errors),
    }
}

/// Reads a line of a transaction: `  Installing       : e2e-lib-1.0-1.noarch      1/2 `.
#[must_use]
pub fn progress(line: &str) -> Option<Progress> {
    let (what, rest) =
        line.strip_prefix("  ")?.split_once(" : ").or_else(|| line.strip_prefix("  ")?.split_once(": "))?;
    let (package, count) = rest.trim().rsplit_once(' ').unwrap_or((rest.trim(), ""));
    let (now, all) = count.split_once('/')?;
    let (now, all): (u32, u32) = (now.parse().ok()?, all.parse().ok()?);
    let text = clean(&format!("{} {}", what.trim(), package.trim()));
    // Each step is announced when it begins.
    let percent = now.checked_sub(1)?.checked_mul(100)?.checked_div(all).filter(|p| *p <= 100);
    Some(Progress {
        percent: if what.trim() == "Verifying" { Some(99) } else { percent.and_then(|p| u8::try_from(p).ok()) },
        text,
    })
}

/// Reads `dnf search`: `NAME.ARCH : SUMMARY`.
#[must_use]
pub fn search(stdout: &str) -> Vec<Hit> {
    let hit = |line: &str| {
        let (full, summary) = line.split_once(" : ")?;
        let (name, _arch) = full.trim().rsplit_once('.')?;
        let fits = !name.is_empty() && !name.contains(' ');
        fits.then(|| Hit { name: clean(name), version: None, summary: clean(summary), installed: None })
    };
    stdout.lines().filter_map(hit).collect()
}

/// Reads rows with a blank between name and version; an epoch of 0 is left out.
#[must_use]
pub fn versions(stdout: &str) -> Vec<(String, String)> {
    let row = |line: &str| {
        let (name, version) = line.split_once(' ')?;
        Some((clean(name), clean(version.strip_prefix("0:").unwrap_or(version))))
    };
    stdout.lines().filter_map(row).collect()
}
