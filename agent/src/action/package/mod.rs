//! Packages: simulated first, shown, and held to what was shown.

mod install;
mod remove;
mod search;
mod update;

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use steward_ipc::{Code, Effect, Fact, Preview};
use steward_policy::OwnedArg;

use crate::action::types::{count, listed, size};
use crate::action::{Capability, Ready, Shown};
use crate::backend::package::alias;
use crate::backend::package::name::MAX_NAMES;
use crate::backend::package::{
    Change, Done, Item, ManagerName, PackageError, PackageName, ProgressSender, Running, Transaction, Verb,
};
use crate::gate::judge::Subject;
use crate::reply::{Failure, Outcome, Undo};
use crate::services::{Context, Progress};

pub use install::{Back, PackageInstall};
pub use remove::PackageRemove;
pub use search::PackageSearch;
pub use update::{Channel, SystemUpdate};

/// How long a change of packages may take before its first change, with waiting for the lock of another package manager and looking
/// once more.
const BEFORE: Duration = Duration::from_secs(30 * 60);
/// How long a transaction that was started is waited for before the answer is that its outcome is not known yet.
const TRANSACTION: Duration = Duration::from_secs(25 * 60);
/// The same with looking what became of it.
const AFTER: Duration = TRANSACTION.saturating_add(Duration::from_secs(5 * 60));
/// How many lines of progress wait at the most; the next line says more.
const PROGRESS_QUEUE: usize = 16;

impl From<PackageError> for Failure {
    fn from(error: PackageError) -> Failure {
        let message = format!("{error}.");
        let (code, data) = match &error {
            PackageError::NotFound { name, near } => (Code::Failed, json!({ "not_found": name, "near": near })),
            PackageError::Name(error) => (Code::InvalidPayload, json!({ "name": error.given })),
            PackageError::Unmet { text } => (Code::Failed, json!({ "unmet": text })),
            PackageError::Locked { by, waited } => {
                (Code::TimedOut, json!({ "locked_by": by, "waited_seconds": waited.as_secs() }))
            }
            PackageError::Changed { difference } => (Code::ConfirmationChanged, json!({ "difference": difference })),
            PackageError::NotRoot => (Code::Unavailable, json!({ "needs": "root" })),
            PackageError::NotAuthorized { action, rule } => (
                Code::NotAuthorized,
                json!({ "polkit_action": action, "file": "/etc/polkit-1/rules.d/50-steward.rules", "rule": rule }),
            ),
            PackageError::Unavailable { reason } => (Code::Unavailable, json!({ "needs": reason })),
            PackageError::Failed { exit, last, done } => {
                (Code::Failed, json!({ "exit": exit, "output": last, "done": done }))
            }
            PackageError::Unknown { text } => (Code::UnknownOutcome, json!({ "known": text })),
            PackageError::Timeout { after } => (Code::TimedOut, json!({ "after_seconds": after.as_secs() })),
            PackageError::Overloaded => (Code::Overloaded, json!({})),
            PackageError::Network { text } => (Code::Failed, json!({ "network": text })),
        };
        Failure::new(code, message.trim_end_matches("..").to_owned()).with(data)
    }
}

/// Reads a comma list: whitespace is trimmed and empty entries are ignored, as the protocol has it.
fn names(payload: Option<&str>) -> Result<Vec<PackageName>, Failure> {
    let text = payload.ok_or_else(|| Failure::invalid_payload("missing package list"))?;
    let kept: Vec<&str> = text.split(',').map(str::trim).filter(|p| !p.is_empty()).collect();
    if kept.is_empty() {
        return Err(Failure::invalid_payload("empty package list"));
    }
    // What people say in several words stands for one name until it is known what it is called here.
    let spoken = |said: &str| {
        let words = said.contains(|c: char| c.is_ascii_whitespace());
        words.then(|| alias::name_of(said)).flatten().map_or_else(|| said.to_owned(), String::from)
    };
    let kept: Vec<String> = kept.into_iter().map(spoken).collect();
    PackageName::list(&kept.join(",")).map_err(|e| Failure::invalid_payload(e.to_string()))
}

fn comma_list(names: &[PackageName]) -> String {
    names.iter().map(PackageName::as_str).collect::<Vec<_>>().join(",")
}

/// The names as rules see them: without the architecture, so that `x:amd64` is judged as `x`.
fn fact(names: &[PackageName]) -> Vec<(&'static str, OwnedArg)> {
    vec![("packages", OwnedArg::List(names.iter().map(|n| n.name().to_owned()).collect()))]
}

fn listed_names(names: &[PackageName]) -> String {
    listed(&names.iter().map(PackageName::as_str).collect::<Vec<_>>())
}

/// A list in `args`: not empty, each name once.
fn list<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<PackageName>, D::Error> {
    let mut seen = std::collections::HashSet::new();
    let mut names = Vec::<PackageName>::deserialize(from)?;
    names.retain(|name| seen.insert(name.clone()));
    if names.is_empty() { Err(serde::de::Error::custom("empty package list")) } else { Ok(names) }
}

/// As many packages as one request may name.
fn few(count: usize) -> Result<(), Failure> {
    if count <= MAX_NAMES {
        return Ok(());
    }
    Err(Failure::invalid_payload(format!("at most {MAX_NAMES} packages can be named at once")))
}

/// Runs `work` and passes its progress on.
async fn followed<T>(
    cx: &Context<'_>,
    work: impl AsyncFnOnce(ProgressSender) -> Result<T, PackageError>,
) -> Result<T, PackageError> {
    let (sender, mut lines) = tokio::sync::mpsc::channel(PROGRESS_QUEUE);
    let mut work = std::pin::pin!(work(sender));
    loop {
        tokio::select! {
            biased;
            Some(line) = lines.recv() => (cx.progress)(Progress { percent: line.percent, text: line.text }),
            done = &mut work => return done,
        }
    }
}

/// What was asked by name.
#[derive(Clone, Copy)]
enum Asked<'a> {
    /// These are to be there.
    ToCome(&'a [PackageName]),
    /// These are to go.
    ToGo(&'a [PackageName]),
    /// All that is there is to be brought up to date.
    Everything,
}

/// What a transaction means for a person, for the rules and for what runs.
fn shown(transaction: Transaction, asked: Asked<'_>) -> Shown {
    let effect = |item: &Item| Effect {
        verb: match item.verb {
            Verb::Install => "install",
            Verb::Upgrade => "upgrade",
            Verb::Downgrade => "downgrade",
            Verb::Reinstall => "reinstall",
            Verb::Remove => "remove",
            Verb::Purge => "purge",
            Verb::Configure => "configure",
        }
        .to_owned(),
        object: item.full_name(),
        from: item.from.clone().filter(|_| item.to.is_some()),
        to: None,
        version: item.to.clone().or_else(|| item.from.clone()),
        origin: item.origin.clone(),
        bytes: item.download_bytes,
    };
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push(Fact { name: name.to_owned(), value });
    if let Some(bytes) = transaction.download_bytes {
        fact("to download", size(bytes));
    }
    if let Some(change) = transaction.installed_bytes_change {
        let word = if change < 0 { "less" } else { "more" };
        fact("disk space afterwards", format!("{} {word}", size(change.unsigned_abs())));
    }
    for already in &transaction.already {
        fact("already so", already.name.clone());
    }
    if !transaction.kept_back.is_empty() {
        fact("kept back", transaction.kept_back.join(", "));
    }
    if let Some(free) = rustix::fs::statvfs("/var").ok().map(|s| s.f_bavail * s.f_frsize) {
        fact("free space", size(free));
    }
    let subject =
        |action, risk, name: String| Subject { action, risk, facts: vec![("packages", OwnedArg::List(vec![name]))] };
    // By name, as it was judged; and only what was asked to come comes, and to go goes, without being judged again.
    let was_asked = |item: &Item| match asked {
        Asked::ToCome(names) => item.verb.keeps() && names.iter().any(|n| n.name() == item.name),
        Asked::ToGo(names) => !item.verb.keeps() && names.iter().any(|n| n.name() == item.name),
        Asked::Everything => false,
    };
    let others = || transaction.items.iter().filter(|i| !was_asked(i));
    // A removal that nobody named is judged like one that was; an installation counts where a rule names it.
    let implies = others()
        .filter(|i| !i.verb.keeps())
        .map(|i| subject(PackageRemove::NAME, PackageRemove::RISK, i.name.clone()))
        .collect();
    let pulls_in = others()
        .filter(|i| i.verb.keeps())
        .map(|i| subject(PackageInstall::NAME, PackageInstall::RISK, i.name.clone()))
        .collect();
    let summary = transaction.summary();
    let already = transaction.is_empty().then(|| match asked {
        Asked::Everything => "Everything is up to date.".to_owned(),
        _ => format!("{summary}."),
    });
    Shown {
        preview: Preview {
            summary,
            effects: transaction.items.iter().map(effect).collect(),
            facts,
            requester_text: None,
        },
        already,
        implies,
        pulls_in,
        transaction: Some(transaction),
    }
}

/// Carries out what was shown, and keeps how it can be put back, where it is one that has a way back.
async fn commit(cx: &Context<'_>, ready: Ready, undoable: bool) -> Result<Outcome, Failure> {
    let Some(Shown { transaction: Some(transaction), already, .. }) = ready.shown else {
        return Err(Failure::internal("a package transaction without its preview"));
    };
    // Somebody else has done it between the question and the yes.
    if let Some(already) = already {
        return Ok(Outcome::says(already).with(json!({ "changed": false })));
    }
    let folder = cx.services.transaction_folder(cx.request, &transaction)?;
    let manager = &cx.services.packages;
    let result = followed(cx, async |progress| {
        let start = manager.start(&transaction, &folder, cx.services.lock_wait, &progress);
        let running = match tokio::time::timeout(cx.deadline, start).await {
            Ok(running) => running?,
            // Somebody else may have been told already to do it.
            Err(_) => Running::load(&folder).ok_or(PackageError::Timeout { after: cx.deadline })?,
        };
        manager.finish(&transaction, &running, TRANSACTION, &progress).await
    })
    .await;
    // Its folder stays until the end is recorded: a restarted agent goes on with it.
    ended(&transaction, result, undoable)
}

/// How a transaction ended, with the way back of all of it, or of as much as was done.
fn ended(transaction: &Transaction, result: Result<Done, PackageError>, undoable: bool) -> Result<Outcome, Failure> {
    let way_back = |items: &[Item]| {
        let done = Transaction { manager: transaction.manager, items: items.to_vec(), ..Transaction::default() };
        undo_of(&done).filter(|_| undoable).map(Box::new)
    };
    match result {
        Ok(Done { items }) => Ok(Outcome { undo: way_back(&items), ..outcome_of(&items) }),
        Err(error) => {
            let undo = match &error {
                PackageError::Failed { done, .. } => way_back(done),
                _ => None,
            };
            Err(Failure { undo, ..error.into() })
        }
    }
}

/// The sentence and the facts of a transaction that was done.
fn outcome_of(items: &[Item]) -> Outcome {
    let of = |verbs: &[Verb]| -> Vec<String> {
        items.iter().filter(|i| verbs.contains(&i.verb)).map(|i| i.name.clone()).collect()
    };
    let said = |word: &str, names: Vec<String>| match names.len() {
        0 => None,
        1..=5 => Some(format!("{word} {}.", listed(&names))),
        n => Some(format!("{word} {}.", count(n, "package"))),
    };
    let sentences = [
        said("Installed", of(&[Verb::Install, Verb::Reinstall])),
        said("Upgraded", of(&[Verb::Upgrade])),
        said("Downgraded", of(&[Verb::Downgrade])),
        said("Removed", of(&[Verb::Remove, Verb::Purge])),
        said("Set up", of(&[Verb::Configure])),
    ];
    let message = sentences.into_iter().flatten().collect::<Vec<_>>().join(" ");
    Outcome::says(message).with(json!({ "items": items }))
}

/// The way back of a transaction; nothing where there is none, or where it would name more than the rules judge at once.
fn undo_of(transaction: &Transaction) -> Option<Undo> {
    let versions = |after: bool| -> BTreeMap<String, Value> {
        let changed = transaction.items.iter().filter(|i| matches!(i.verb, Verb::Install | Verb::Remove | Verb::Purge));
        changed
            .map(|i| {
                (i.full_name(), json!(if after { i.to.as_ref().filter(|_| i.verb.keeps()) } else { i.from.as_ref() }))
            })
            .collect()
    };
    let only = transaction.undoable();
    if only.len() > steward_policy::MAX_PAIRS {
        return None;
    }
    let undo = |action: &str, mut args: Value| {
        if let Some(by) = transaction.manager {
            args["by"] = json!(by);
        }
        let (before, after) = (json!(versions(false)), json!(versions(true)));
        Undo { action: action.to_owned(), args, before, after, only: Some(only.clone()), within: None }
    };
    Some(match transaction.inverse()? {
        Change::Remove(packages) => undo(PackageRemove::NAME, json!({ "packages": packages })),
        Change::Restore { remove, install } => {
            let packages: Vec<&PackageName> = install.iter().map(|e| &e.name).collect();
            undo(
                PackageInstall::NAME,
                json!({ "packages": packages, "back": { "install": install, "remove": remove } }),
            )
        }
        Change::Install(_) | Change::Upgrade => return None,
    })
}

/// The versions that are installed now, as a receipt has them.
async fn present(
    cx: &Context<'_>,
    names: impl Iterator<Item = PackageName>,
    by: Option<ManagerName>,
) -> Result<Value, Failure> {
    let names: Vec<PackageName> = names.collect();
    let versions = cx.services.packages.installed(&names, by).await?;
    Ok(json!(names.iter().map(PackageName::as_str).zip(versions).collect::<BTreeMap<_, _>>()))
}

/// Waits for a transaction that was started before, by this run of the agent or an earlier one, and tells how it ended; nothing when
/// it was never started. `action` is the one that it was started for.
pub(crate) fn attach<'a>(
    cx: &'a Context<'_>,
    transaction: &'a Transaction,
    action: &str,
) -> Option<impl Future<Output = Result<Outcome, Failure>> + 'a> {
    let folder = cx.services.transactions.join(cx.request.to_string());
    let running = Running::load(&folder)?;
    let undoable = action != SystemUpdate::NAME;
    Some(async move {
        let manager = &cx.services.packages;
        let result =
            followed(cx, async |progress| manager.finish(transaction, &running, TRANSACTION, &progress).await).await;
        ended(transaction, result, undoable)
    })
}
