//! Packages: simulated first, shown, and held to what was shown.

mod search;
mod update;

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_ipc::{Code, Effect, Fact, Preview};
use steward_policy::{ArgKind, OwnedArg, Risk};

use crate::action::types::{count, listed, size};
use crate::action::{Capability, Example, Need, Perform, Ready, Shown, call, say};
use crate::backend::package::alias;
use crate::backend::package::name::MAX_NAMES;
use crate::backend::package::{
    Change, Done, Exact, Item, ManagerName, PackageError, PackageName, ProgressSender, Running, Transaction, Verb,
};
use crate::gate::judge::Subject;
use crate::reply::{Failure, Outcome, Undo};
use crate::services::{Context, Progress};

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

/// Installs packages.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageInstall {
    /// The packages' names.
    #[serde(deserialize_with = "list")]
    #[schemars(with = "Vec<String>", length(min = 1, max = 64))]
    pub packages: Vec<PackageName>,
    /// What is to come back and to go again, as `undo` asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<Back>,
    /// The package manager that did what is put back, as `undo` asks for it; one that the configuration names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub by: Option<ManagerName>,
}

/// Exact versions to bring back, and what has to go for them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Back {
    /// What comes back.
    #[schemars(with = "Vec<Value>")]
    pub install: Vec<Exact>,
    /// What goes.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub remove: Vec<PackageName>,
}

impl Capability for PackageInstall {
    const NAME: &'static str = "package_install";
    const RISK: Risk = Risk::Disruptive;
    const RISK_POSSIBLE: Risk = Risk::Destructive;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("packages", ArgKind::List)];
    const PHRASES: &'static [&'static str] = &[
        "(install|reinstall|re-install) [and set up] {packages} <here>",
        "(i think|i believe) we should install {packages} <here>",
        "install (it|this|that|the following|these) {packages} <here>",
        "(download|fetch|get|grab|go|find|search for|look for) [me] and (install|set up|setup|add) {packages} <here>",
        "(download|fetch|get|grab|find) {packages} and install (it|them) <here>",
        "(install|put in) (a copy of|the latest version of|the latest|the newest|the newest version of|the current version of|the program \
         called|the software called|a (package|program|app|tool|application) (called|named|by the name of)|both|all of|all of these|these|\
         the following|(for me|for us) the package|(for me|for us)) {packages} <here>",
        "install (me|us) [some|a] {packages} <here>",
        "(set|hook|fix) (me|us|this machine|my machine|this computer|my computer) up with {known packages}",
        "(equip|provision|furnish) (this machine|my machine|this computer|my computer|this laptop|my laptop|the computer) with {known packages}",
        "get {known packages} and (put|install|set up) (it|them) <here>",
        "(get|grab|fetch|download) [me] (a copy of|[the] (latest|newest|current|most recent) [version of|release of]) {known packages} <here>",
        "install and (set up|setup|configure) {packages} <here>",
        "(apt|apt get|apt-get|aptitude|dnf|yum|zypper|pacman) install {packages}",
        "(get|have|lets get|lets have|can we get|could we get|can you get|could you get|can i get|could i get|can i have|could i have|can \
         we have) {packages} installed <here>",
        "<wish> {packages} [to be] (installed|set up|added) <here>",
        "<wish> {known packages} [added|put] (on|to|onto|in) (this|the|my|our) (<machine>|device)",
        "<wish> {known packages} on (here|this|it)",
        "(i want|i need|i would like|id like|we need|we want|get|grab|fetch|add|get me|grab me|give me|fetch me|i want to have|id like to \
         have|i need to have|pull in|bring in|install me|go get) {known packages}",
        "(<wish>|i am missing|im missing|i need to use|i want to use) {packages} [please] (install it|install them|please install it|\
         please install them|so install it|get it installed)",
        "{packages} is (missing|not installed|not here|gone) [please] (install it|please install it|add it)",
        "(make sure|ensure|see to it) [that] {packages} (is|are|gets|get) installed <here>",
        "(do|perform|run|start|begin) {packages} installation",
        "(install|installation of) {packages} (using|with|via|through|from) (apt|apt get|the package manager|dnf|pacman|flatpak|my package \
         manager|the software center|the repos|the repositories|the repo)",
        "(add|put|get|place|download|set up|setup|stick|throw|drop|bring|pop|chuck|slap|toss) {known packages} (to|on|onto|in|into|for) \
         (this|the|my|our) (<machine>|device|thing)",
        "(put|get|stick|throw|pop|drop|chuck|add|load|set up) {known packages} on (here|this|it)",
        "(set up|setup|download|fetch|get) {known packages} (for|on) (this|the|my|our) (<machine>|device)",
        "(set up|setup|download|fetch) {known packages} [for me|please|now]",
        "i require {packages} [installed] <here>",
        "{packages} (install it|install them|please install it|please install them|install that|install those)",
        "(do|perform|run|start) (an install|the installation|an installation|the install) of {packages}",
        "(make|make sure) {packages} (available|installed) <here>",
        "(load|slap|whack|bung) {known packages} (on|onto|on to) (this|the|my|our) (<machine>|device)",
        "(get|have) (hold of|ahold of) {known packages} [for me] and install (it|them) <here>",
        "(get|make) {packages} (going|running|working|available|ready|set up) on (this|the|my|our) (<machine>|device) [can you install it|install it]",
        "(i am|im|we are|were) (missing|lacking|in need of|needing|short of|without) {packages} <here> [so|can you|could you|please] \
         [please] (install it|install them|install|get it installed|add it)",
        "(i could|i can|we could) [really|do] (use|do with) {packages} <here> [so|can you|could you|please] [please] (install it|install \
         them|install|get it installed|add it)",
        "<wish> {packages} <here> [so|can you|could you|please] [please] (install it|install them|install|get it installed|add it)",
        "<wish> to (install|add) {packages} <here>",
        "<wish> to (have|get) {packages} installed <here>",
        "(me|i|we) want install {packages}",
        "(sort|hook|fix|kit) (me|us) (out|up) with {known packages}",
        "(go ahead with|proceed with|start|begin|do) (the|an) (install|installation) of {packages}",
        "(go and|go) (get|fetch|grab) {known packages} <here>",
        "(bring|pull) (in|down) {known packages} <here>",
        "{packages} (install|get|add) (both|all three|all|all of them|both of them|all of these|all four|the lot)",
        "install (all|both|all three|both of) [of] {packages} <here>",
        "set {known packages} up <here>",
        "install the {packages} (shell|editor|browser|player|package|app|program|tool|database|server|client|compiler|language|terminal|\
         suite|game|utility) <here>",
        "(make sure|ensure) [that] {packages} (is|are) (there|present|available|set up|in place) <here>",
        "(go and|go) (get|fetch|grab|download) {packages} and install (it|them) <here>",
        "install {packages} and (nothing else|only that|just that|that is all|thats all|thats it)",
        "{packages} [please] (need|needs) (installing|to be installed) [please|now] [on (this|my|the) <machine>|here|on here] (please|now)",
        "(do|perform|run) (a|an) [quick|clean|fresh|full] (install|installation) of {packages} <here>",
        "(go|go and) (grab|get|fetch) {known packages} from the (repos|repositories|repo|package manager) [and install it]",
    ];
    const EXAMPLES: &'static [Example] = &[
        say("install vim and curl", Some("vim,curl")),
        say("please install htop", Some("htop")),
        call(Some("vim,curl")),
    ];

    fn from_payload(payload: Option<&str>) -> Result<PackageInstall, Failure> {
        Ok(PackageInstall { packages: names(payload)?, back: None, by: None })
    }

    fn bounded(&self) -> Result<(), Failure> {
        few(self.packages.len())?;
        let Some(back) = &self.back else { return Ok(()) };
        few(back.install.len().max(back.remove.len()))?;
        // What was written down here is what a manager said; flatpak takes any words of an application's maker for a version.
        match back.install.iter().find(|exact| !exact.is_plain()) {
            Some(exact) => Err(Failure::invalid_payload(format!(
                "`{}` is no version",
                crate::action::types::visible(&exact.version, 40)
            ))),
            None => Ok(()),
        }
    }

    fn payload(&self) -> Option<String> {
        if self.back.is_some() || self.by.is_some() { None } else { Some(comma_list(&self.packages)) }
    }
}

impl PackageInstall {
    fn change(&self) -> Result<Change, Failure> {
        let Some(back) = &self.back else { return Ok(Change::Install(self.packages.clone())) };
        let named: Vec<&PackageName> = back.install.iter().map(|e| &e.name).collect();
        if named != self.packages.iter().collect::<Vec<_>>() {
            return Err(Failure::invalid_payload("`packages` and `back.install` must name the same packages"));
        }
        Ok(Change::Restore { remove: back.remove.clone(), install: back.install.clone() })
    }
}

impl Perform for PackageInstall {
    const NEED: Need = Need::Packages;
    const UNDO: &'static str = "removes what was newly installed";
    const DEADLINE: Duration = BEFORE;
    const AFTER_FIRST_CHANGE: Duration = AFTER;
    const PREVIEW_DEADLINE: Duration = Duration::from_secs(30);
    const HELD_TO_PREVIEW: bool = true;

    fn sentence(&self) -> String {
        format!("Install {}", listed_names(&self.packages))
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        fact(&self.packages)
    }

    async fn mean(&mut self, cx: &Context<'_>) -> Result<(), Failure> {
        // An undo names what it means.
        if self.back.is_none() {
            self.packages = cx.services.packages.meant(&self.packages, self.by).await?;
        }
        Ok(())
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        let transaction = cx.services.packages.simulate(&self.change()?, self.by).await?;
        Ok(shown(transaction, Asked::ToCome(&self.packages)))
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        commit(cx, ready, true).await
    }

    async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
        let gone = self.back.iter().flat_map(|b| b.remove.iter().cloned());
        present(cx, self.packages.iter().cloned().chain(gone), self.by).await
    }
}

/// Removes packages; their configuration stays.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageRemove {
    /// The packages' names.
    #[serde(deserialize_with = "list")]
    #[schemars(with = "Vec<String>", length(min = 1, max = 64))]
    pub packages: Vec<PackageName>,
    /// The package manager that did what is put back, as `undo` asks for it; one that the configuration names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub by: Option<ManagerName>,
}

impl Capability for PackageRemove {
    const NAME: &'static str = "package_remove";
    const RISK: Risk = Risk::Destructive;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("packages", ArgKind::List)];
    const PHRASES: &'static [&'static str] = &[
        "(uninstall|deinstall|un-install|un install|unistall|uninstal|purge) [both|all of] {packages} <off here>",
        "(remove|purge|delete|erase|get rid of|throw out|throw away|rip out|wipe|kick out|dump|ditch|drop|clean out|take out|scrap|trash|\
         nuke) {known packages} <off here>",
        "(apt|apt get|apt-get|aptitude|dnf|yum|zypper|pacman) (remove|purge|uninstall) {packages}",
        "(take|get|kick|throw|wipe|pull|strip|scrub|clear|clean|boot|rip|remove) {known packages} (off|off of|from|out of) ((this|the|my|\
         our) (<machine>|device|thing)|this (server|host|node))",
        "(take off|get off|toss|toss out|pull|strip out|kill off|clear out|clear off|take away|clean up|eliminate|expunge|do away with|\
         strip|be rid of|banish|axe) {known packages} <off here>",
        "(take|get|throw|toss|kick|rip|pull|chuck|boot|clear|clean|tear) {known packages} (off|off here|out|out of here|off of here|away|right out)",
        "(remove|uninstall|get rid of|delete|purge) {known packages} on (this|the|my|our) (<machine>|device)",
        "(get|have|lets get|lets have) {packages} (uninstalled|removed|deleted|purged) <off here>",
        "<wish> {packages} [to be] (gone|removed|uninstalled|deleted|off this machine|off this computer|off my computer|off my system|off \
         the machine|off the system) <off here>",
        "{packages} [really|just] (has to go|has got to go|have got to go|gotta go|must go|needs to go|have to go|need to go)",
        "{packages} [really|just] (has to go|has got to go|have got to go|gotta go|must go|needs to go|should go|can go|have to go|need to \
         go|ought to go|can be removed|can be uninstalled) [so] [please|please just|just] (remove it|uninstall it|get rid of it|delete it|\
         take it off|remove them|uninstall them|purge it)",
        "{packages} is (no longer needed|not needed|not needed anymore|unnecessary|useless|unused|not used|rubbish|garbage|bloat|bloatware|\
         junk|no longer used|no longer necessary|not needed any more|too big|annoying|not working) [so|please] (remove it|uninstall it|get \
         rid of it|delete it|take it off)",
        "(remove|uninstall|delete) {packages} (using|with|via|through) (apt|apt get|the package manager|dnf|pacman|flatpak|my package manager)",
        "{packages} [please] (uninstall it|remove it|get rid of it|uninstall them|remove them)",
        "(remove and purge|uninstall and purge|completely remove|fully remove|totally remove|completely uninstall|fully uninstall|remove \
         completely|permanently remove|permanently uninstall|uninstall completely) {packages} <off here>",
        "(i dont need|i no longer need|i dont want|i no longer want|i dont use|i never use|i no longer use|im done with|i am done with|i \
         dont like|i hate|we dont need|we no longer need|i do not need|i do not use|i do not want|im sick of|i am sick of|im tired of|no \
         one uses|nobody uses) {packages} [anymore|any more|any longer|at all] [so|please] (remove it|remove them|uninstall them|take it \
         off|purge it|please remove it|please uninstall it|uninstall it|get rid of it|delete it)",
        "(remove|delete|get rid of|wipe|purge|erase|take|strip|clear|kick|throw|scrub) {packages} (from|off|off of|out of) (this|the|my|\
         our) (<machine>)",
        "(remove|delete|get rid of|erase|purge|wipe) (the following [packages|programs|apps]|these (packages|programs|apps)|these|those|\
         both|the packages|the apps|the programs) {packages} <off here>",
        "(let go of|free me of|free me from|rid me of|rid this machine of|rid my computer of|rid this computer of|rid my system of) {known packages}",
        "<wish> to (uninstall|deinstall) {packages} <off here>",
        "<wish> to (remove|delete|get rid of|purge|ditch|drop) {known packages} <off here>",
        "(id rather not have|i would rather not have|i dont want|i dont want to have|i no longer want to have) {packages} (on here|here|on \
         this machine|on this computer|on my computer|on my laptop|on this laptop|installed) [anymore|any more|any longer] [so] [please] \
         (uninstall it|remove it|take it off|get rid of it|delete it)",
        "(<unneeded>) {packages} <off here> [anymore|any more|any longer|at all|now] [so] [please|just] (remove it|remove them|uninstall \
         it|uninstall them|get rid of it|delete it|take it off|purge it|ditch it|dump it)",
        "(see to it that|make sure that|make sure|ensure) {packages} (is|are|gets|get) (removed|uninstalled|deleted|gone) <off here>",
        "(remove|uninstall|delete) (completely|entirely|fully) {known packages}",
        "(clean up|clean house|do some cleaning|spring cleaning) (remove|uninstall|delete) {known packages}",
        "no more {known packages} [on (this|my|the) <machine>] [please] (remove it|uninstall it|get rid of it)",
        "{packages} (uninstall|remove|delete) (both|all three|all|all of them|both of them|all of these|all four)",
        "(uninstall|remove|delete|get rid of) (that|those) {packages} (program|app|package|application|software|tool|thing|programs|packages|apps)",
        "{packages} (isnt|is not|arent|are not) (needed|used|wanted|necessary|required|useful) [any more|anymore|any longer|now] [so] \
         [please|just] (remove it|uninstall it|get rid of it|delete it|take it off|remove them|uninstall them|purge it)",
        "(say goodbye to|goodbye to|bye bye|farewell to) {packages} [please] (uninstall it|remove it|delete it|get rid of it)",
    ];
    const EXAMPLES: &'static [Example] =
        &[say("remove htop", Some("htop")), say("uninstall vim and curl", Some("vim,curl")), call(Some("htop"))];

    fn from_payload(payload: Option<&str>) -> Result<PackageRemove, Failure> {
        Ok(PackageRemove { packages: names(payload)?, by: None })
    }

    fn bounded(&self) -> Result<(), Failure> {
        few(self.packages.len())
    }

    fn payload(&self) -> Option<String> {
        if self.by.is_some() { None } else { Some(comma_list(&self.packages)) }
    }
}

impl Perform for PackageRemove {
    const NEED: Need = Need::Packages;
    const UNDO: &'static str = "installs the same versions";
    const DEADLINE: Duration = BEFORE;
    const AFTER_FIRST_CHANGE: Duration = AFTER;
    const PREVIEW_DEADLINE: Duration = Duration::from_secs(30);
    const HELD_TO_PREVIEW: bool = true;

    fn sentence(&self) -> String {
        format!("Remove {}", listed_names(&self.packages))
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        fact(&self.packages)
    }

    async fn mean(&mut self, cx: &Context<'_>) -> Result<(), Failure> {
        self.packages = cx.services.packages.meant(&self.packages, self.by).await?;
        Ok(())
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        let transaction = cx.services.packages.simulate(&Change::Remove(self.packages.clone()), self.by).await?;
        Ok(shown(transaction, Asked::ToGo(&self.packages)))
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        commit(cx, ready, true).await
    }

    async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
        present(cx, self.packages.iter().cloned(), self.by).await
    }
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
