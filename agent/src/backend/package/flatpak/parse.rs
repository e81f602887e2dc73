//! Reads what flatpak 1.14 prints in the C locale. Pure; every function takes any bytes that a program could print.

use super::super::tool::{self, Row};
use super::super::transaction::{Item, Verb};
use super::super::{Progress, clean};

/// The columns of [`offers`], as `flatpak remote-ls` is asked for them.
pub const OFFER_COLUMNS: &str =
    "--columns=ref,origin,version,commit,download-size,installed-size,runtime,name,description";
/// The columns of [`here`], as `flatpak list` is asked for them.
pub const LIST_COLUMNS: &str = "--columns=ref,origin,version,active";

/// An application or runtime that a remote offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What it is.
    pub what: Ref,
    /// The remote.
    pub remote: String,
    /// The version as [`Item`] has it.
    pub version: String,
    /// Bytes to download for it, about.
    pub download_bytes: Option<u64>,
    /// Bytes that it takes on the disk, about.
    pub installed_bytes: Option<u64>,
    /// The runtime that an application needs.
    pub runtime: Option<Ref>,
    /// Its name for people.
    pub name: String,
    /// One line about it.
    pub summary: String,
}

/// `app/ID/ARCH/BRANCH` or `runtime/ID/ARCH/BRANCH`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ref {
    /// Whether it is an application; otherwise a runtime or an extension of one.
    pub app: bool,
    /// The id: `org.mozilla.firefox`.
    pub id: String,
    /// The architecture.
    pub arch: String,
    /// The branch: `stable`.
    pub branch: String,
}

impl Ref {
    /// Reads a whole reference; nothing when a part of it could be read as something else on a command line.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('/')?;
        match kind {
            "app" => Self::of(true, rest),
            "runtime" => Self::of(false, rest),
            _ => None,
        }
    }

    /// Reads `ID/ARCH/BRANCH`.
    fn of(app: bool, text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (id, arch, branch) = (parts.next()?, parts.next()?, parts.next()?);
        let good = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        let whole = parts.next().is_none() && [id, arch, branch].into_iter().all(good);
        whole.then(|| Self { app, id: id.to_owned(), arch: arch.to_owned(), branch: branch.to_owned() })
    }
}

impl std::fmt::Display for Ref {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.app { "app" } else { "runtime" };
        write!(f, "{kind}/{}/{}/{}", self.id, self.arch, self.branch)
    }
}

/// A version that names exactly one build: `128.0+f9c9b295d71d`, or the commit alone where there is no version.
fn version(version: &str, commit: &str) -> String {
    let (version, commit) = (clean(version), clean(commit));
    if version.is_empty() { commit } else { format!("{version}+{commit}") }
}

/// Reads `flatpak remote-ls` with [`OFFER_COLUMNS`].
#[must_use]
pub fn offers(stdout: &str) -> Vec<Offer> {
    let row = |line: &str| {
        let mut fields = line.split('\t').map(str::trim);
        let mut next = || fields.next().unwrap_or_default();
        let (what, remote) = (Ref::parse(next())?, clean(next()));
        let version = version(next(), next());
        let (download_bytes, installed_bytes) = (size(next()), size(next()));
        let runtime = Ref::of(false, next()).filter(|_| what.app);
        let (name, summary) = (clean(next()), clean(next()));
        (!version.is_empty() && !remote.is_empty() && !remote.starts_with('-')).then_some(Offer {
            what,
            remote,
            version,
            download_bytes,
            installed_bytes,
            runtime,
            name,
            summary,
        })
    };
    stdout.lines().filter_map(row).collect()
}

/// `145 bytes`, `1.0 kB`, `12,3 MB`, with what is between number and unit in any form: a space that C locales print as `?`.
#[must_use]
pub fn size(text: &str) -> Option<u64> {
    let text = text.trim().trim_start_matches("< ");
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(end);
    let factor = match unit.trim_start_matches(|c: char| !c.is_ascii_alphabetic()) {
        "bytes" | "byte" | "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * factor;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is bounded on the same line")]
    (0.0..9e15).contains(&bytes).then(|| bytes.round() as u64)
}

/// Something that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here {
    /// What it is; whether it is an application is not printed.
    pub what: Ref,
    /// The remote that it came from.
    pub remote: String,
    /// The version as [`Item`] has it.
    pub version: String,
}

/// Reads `flatpak list` with [`LIST_COLUMNS`]. Of each row it is not said whether it is an application, so two lists are made.
#[must_use]
pub fn here(stdout: &str, app: bool) -> Vec<Here> {
    let row = |line: &str| {
        let mut fields = line.split('\t').map(str::trim);
        let mut next = || fields.next().unwrap_or_default();
        let (what, remote) = (Ref::of(app, next())?, clean(next()));
        Some(Here { what, remote, version: version(next(), next()) })
    };
    stdout.lines().filter_map(row).collect()
}

/// The rows of the database as other managers have them: the branch stands where they have the architecture.
#[must_use]
pub fn rows(here: &[Here]) -> Vec<Row> {
    let row = |h: &Here| Row { name: h.what.id.clone(), arch: h.what.branch.clone(), version: h.version.clone() };
    here.iter().map(row).collect()
}

/// Reads the table that flatpak shows before its question: ` 1.`, id, branch, what happens, remote, size. The new versions are not in it.
///
/// Nothing when it did not come to the question, so that nothing that was read could be less than what would be done.
#[must_use]
pub fn table(stdout: &str) -> Option<Vec<Item>> {
    stdout.lines().find(|line| line.starts_with("Proceed with these changes"))?;
    let mut items = Vec::new();
    for line in stdout.lines() {
        let mut fields = line.split('\t').map(str::trim);
        let number = fields.next().and_then(|n| n.strip_suffix('.'));
        if !number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) {
            continue;
        }
        let fields: Vec<&str> = fields.filter(|f| !f.is_empty()).collect();
        let at = fields.iter().position(|f| ["i", "u", "r"].contains(f))?;
        // With another architecture between them it is something that this does not handle.
        let [id, branch] = fields[..at] else { return None };
        let verb = match fields[at] {
            "i" => Verb::Install,
            "u" => Verb::Upgrade,
            _ => Verb::Remove,
        };
        let mut item = Item { arch: Some(clean(branch)), ..tool::item(verb, id) };
        item.origin = fields.get(at + 1).map(|remote| clean(remote)).filter(|_| verb.keeps());
        items.push(item);
    }
    items.sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
    Some(items)
}

/// Whether flatpak came to its end without a question: everything is as it was asked for.
#[must_use]
pub fn nothing_to_do(stdout: &str, stderr: &str) -> bool {
    let lines = || stdout.lines().chain(stderr.lines()).map(str::trim);
    lines().any(|l| l == "Nothing to do.")
        || lines().any(|l| l.starts_with("Skipping: ") && l.ends_with("is already installed"))
}

/// The sentences in which flatpak says why it does not.
#[must_use]
pub fn reasons(output: &str) -> Vec<String> {
    let error = |line: &str| line.trim().strip_prefix("error: ").or(line.trim().strip_prefix("Error: ")).map(clean);
    let info = output.lines().skip_while(|l| !l.starts_with("Info: ")).take_while(|l| !l.starts_with("Really remove?"));
    let info: Vec<&str> = info.map(|l| l.trim().trim_start_matches("Info: ")).filter(|l| !l.is_empty()).collect();
    output.lines().filter_map(error).chain((!info.is_empty()).then(|| clean(&info.join(" ")))).take(6).collect()
}

/// Whether a reason is that a remote could not be reached.
#[must_use]
pub fn unreachable(reason: &str) -> bool {
    ["Unable to load summary", "While fetching", "Could not resolve", "Could not connect", "Can't load uri"]
        .iter()
        .any(|u| reason.contains(u))
}

/// Reads a line of a transaction: `Installing app/org.e2e.App/x86_64/stable`.
#[must_use]
pub fn progress(line: &str) -> Option<Progress> {
    let (verb, what) = line.trim().split_once(' ')?;
    let what = Ref::parse(what)?;
    let text = format!("{verb} {}", what.id);
    ["Installing", "Updating", "Uninstalling"].contains(&verb).then(|| Progress { percent: None, text: clean(&text) })
}
