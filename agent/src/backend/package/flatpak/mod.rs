//! flatpak 1.14: for this user, or for everybody when this is root. Arguments are made in `argv`, output is read in `parse`; both are pure.
//!
//! Names are ids (`org.mozilla.firefox`). The branch stands where other managers have the architecture (`org.mozilla.firefox:stable`), and
//! a version is what the maker calls it with the commit that it is (`128.0+f9c9b295d71d`). flatpak has no simulation; it shows what it
//! would do and asks, and without a terminal it answers itself with no.
//!
//! flatpak cannot be told to install a commit, only a branch. What it shows, and the commits behind it, are looked at once more immediately
//! before, and what came is checked afterwards; when the remote changes in between, that is told as a failure with what was done. Its locks
//! are not waited for here: flatpak itself lets several of its own work at once. It fetches what remotes offer at each call, so there is
//! no index that grows old.

pub mod argv;
pub mod parse;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::commit::{self, Direct};
use super::tool::{self, QUERY, Refusal, Tool};
use super::transaction::{Already, Change, Item, Transaction, Verb};
use super::{Hit, PackageError, PackageName, Progress, ProgressSender, Refresh, find};
use crate::backend::read;
use crate::backend::spawn::Job;

use self::argv::{Mode, Scope};
use self::parse::{Here, Offer, Ref};

/// The longest list of remotes that is read, in bytes; each has a few lines.
const MAX_CONFIG: u64 = 1 << 20;

/// Where flatpak's program and files are.
#[derive(Debug, Clone)]
pub struct FlatpakPaths {
    /// flatpak(1).
    pub flatpak: Tool,
    /// Whose installation is used.
    pub scope: Scope,
    /// The configuration of that installation, which names its remotes.
    pub config: PathBuf,
}

impl Default for FlatpakPaths {
    /// Everybody's installation for root, else this user's.
    fn default() -> Self {
        let mut flatpak = Tool::new("/usr/bin/flatpak");
        if commit::may_change().is_ok() {
            return Self { flatpak, scope: Scope::System, config: "/var/lib/flatpak/repo/config".into() };
        }
        let dirs = directories::BaseDirs::new();
        let at = |path: Option<&std::path::Path>| path.map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
        let data = dirs.as_ref().map(|d| d.data_local_dir().to_owned()).unwrap_or_default();
        flatpak.env = vec![
            ("HOME".to_owned(), at(dirs.as_ref().map(directories::BaseDirs::home_dir))),
            ("XDG_DATA_HOME".to_owned(), at(Some(&data))),
        ];
        if let Some(runtime) = dirs.as_ref().and_then(directories::BaseDirs::runtime_dir) {
            flatpak.env.push(("XDG_RUNTIME_DIR".to_owned(), at(Some(runtime))));
        }
        Self { flatpak, scope: Scope::User, config: data.join("flatpak/repo/config") }
    }
}

/// flatpak on this machine.
#[derive(Debug, Clone)]
pub struct Flatpak {
    paths: FlatpakPaths,
}

/// A word on each method's errors stands at [`PackageError`].
#[allow(clippy::missing_errors_doc)]
impl Flatpak {
    /// flatpak with its program and files at `paths`.
    #[must_use]
    pub fn new(paths: FlatpakPaths) -> Self {
        Self { paths }
    }

    fn scope(&self) -> Scope {
        self.paths.scope
    }

    /// See [`super::Manager::simulate`].
    pub async fn simulate(&self, change: &Change) -> Result<Transaction, PackageError> {
        let (here, offers) = tokio::join!(self.here(), self.offers());
        let here = here?;
        // What goes needs no remote.
        let offers = if matches!(change, Change::Remove(_)) { offers.unwrap_or_default() } else { offers? };
        let mut transaction = match change {
            Change::Install(names) => self.install(names, &here, &offers).await?,
            Change::Remove(names) => self.remove(names, &here, &offers).await?,
            Change::Upgrade => self.asked(argv::update(self.scope(), Mode::Ask, &[]), &here, &offers).await?,
            Change::Restore { remove, install } if install.is_empty() => self.remove(remove, &here, &offers).await?,
            Change::Restore { remove, install } if remove.is_empty() => {
                let names: Vec<PackageName> = install.iter().map(|e| e.name.clone()).collect();
                let back = self.install(&names, &here, &offers).await?;
                let to = |name: &PackageName| {
                    back.items.iter().find(|i| name.is(&i.name, i.arch.as_deref())).and_then(|i| i.to.clone())
                };
                let other = install.iter().find(|e| to(&e.name).is_some_and(|to| to != e.version));
                if let Some(exact) = other {
                    let text = format!("version {} of `{}` is not to be had any more", exact.version, exact.name);
                    return Err(PackageError::Unmet { text });
                }
                back
            }
            Change::Restore { .. } => {
                let text = "flatpak cannot install and remove in one transaction; do one after the other".to_owned();
                return Err(PackageError::Unmet { text });
            }
        };
        tool::set_marks(change, &mut transaction.items, |_| false);
        Ok(transaction)
    }

    async fn install(
        &self,
        names: &[PackageName],
        here: &[Here],
        offers: &[Offer],
    ) -> Result<Transaction, PackageError> {
        let mut already = Vec::new();
        let mut refs: Vec<Ref> = Vec::new();
        let mut remote: Option<&str> = None;
        for name in names {
            if let Some(own) = here.iter().find(|h| name.is(&h.what.id, Some(&h.what.branch))) {
                already.push(Already { name: name.to_string(), version: Some(own.version.clone()) });
                continue;
            }
            let Some(offer) = best(name, offers) else { return Err(not_found(name, offers)) };
            if remote.is_some_and(|remote| remote != offer.remote) {
                let text = "these come from different remotes; install them one after the other".to_owned();
                return Err(PackageError::Unmet { text });
            }
            remote = Some(&offer.remote);
            // Named first: of a runtime that is named nothing is asked.
            let runtime = offer.runtime.as_ref().filter(|r| !here.iter().any(|h| h.what == **r));
            for what in runtime.into_iter().chain([&offer.what]) {
                if !refs.contains(what) {
                    refs.push(what.clone());
                }
            }
        }
        let Some(remote) = remote else {
            return Ok(Transaction { already, download_bytes: Some(0), ..Transaction::default() });
        };
        let argv = argv::install(self.scope(), Mode::Ask, remote, &refs);
        Ok(Transaction { already, ..self.asked(argv, here, offers).await? })
    }

    async fn remove(
        &self,
        names: &[PackageName],
        here: &[Here],
        offers: &[Offer],
    ) -> Result<Transaction, PackageError> {
        let mut already = Vec::new();
        let mut refs = Vec::new();
        for name in names {
            let own: Vec<&Here> = here.iter().filter(|h| name.is(&h.what.id, Some(&h.what.branch))).collect();
            if own.is_empty() && best(name, offers).is_none() {
                return Err(not_found(name, offers));
            }
            if own.is_empty() {
                already.push(Already { name: name.to_string(), version: None });
            }
            refs.extend(own.into_iter().map(|h| h.what.clone()));
        }
        if refs.is_empty() {
            return Ok(Transaction { already, download_bytes: Some(0), ..Transaction::default() });
        }
        let argv = argv::remove(self.scope(), Mode::Ask, &refs);
        Ok(Transaction { already, ..self.asked(argv, here, offers).await? })
    }

    /// What flatpak shows before its question, with the versions that are there and those that would come.
    async fn asked(&self, argv: Vec<String>, here: &[Here], offers: &[Offer]) -> Result<Transaction, PackageError> {
        let output = self.paths.flatpak.run(argv, QUERY).await?;
        let (stdout, stderr) = (output.stdout_text(), output.stderr_text());
        let Some(mut items) = parse::table(&stdout) else {
            if output.status.success() && parse::nothing_to_do(&stdout, &stderr) {
                return Ok(Transaction { download_bytes: Some(0), ..Transaction::default() });
            }
            let reasons = parse::reasons(&format!("{stdout}\n{stderr}"));
            return Err(match reasons.iter().find(|reason| parse::unreachable(reason)) {
                Some(reason) => PackageError::Network { text: reason.clone() },
                None if reasons.is_empty() => {
                    PackageError::Unmet { text: "what flatpak would do could not be read".to_owned() }
                }
                None => PackageError::Unmet { text: reasons.join("; ") },
            });
        };
        let mut disk = 0_i64;
        for item in &mut items {
            let is = |what: &Ref| what.id == item.name && Some(&what.branch) == item.arch.as_ref();
            item.from = here.iter().find(|h| is(&h.what)).map(|h| h.version.clone());
            if item.verb.keeps() {
                let offer = offers.iter().find(|o| is(&o.what) && Some(&o.remote) == item.origin.as_ref());
                let Some(offer) = offer else {
                    return Err(PackageError::Unmet {
                        text: format!("which version of `{}` would come is not known", item.name),
                    });
                };
                item.to = Some(offer.version.clone());
                item.download_bytes = offer.download_bytes;
                disk += offer
                    .installed_bytes
                    .filter(|_| item.verb == Verb::Install)
                    .and_then(|b| i64::try_from(b).ok())
                    .unwrap_or(0);
            }
        }
        let download = items.iter().filter_map(|i| i.download_bytes).sum();
        let comes = items.iter().all(|i| i.verb == Verb::Install);
        Ok(Transaction {
            items,
            download_bytes: Some(download),
            installed_bytes_change: comes.then_some(disk),
            ..Transaction::default()
        })
    }

    async fn here(&self) -> Result<Vec<Here>, PackageError> {
        let (apps, runtimes) = tokio::join!(
            self.paths.flatpak.run(argv::list(self.scope(), true), QUERY),
            self.paths.flatpak.run(argv::list(self.scope(), false), QUERY)
        );
        let mut here = Vec::new();
        for (output, app) in [(apps?, true), (runtimes?, false)] {
            if !output.status.success() {
                let last = parse::reasons(&output.stderr_text());
                return Err(Refusal::Other(last).error(output.status.code()));
            }
            here.extend(parse::here(&output.stdout_text(), app));
        }
        Ok(here)
    }

    async fn offers(&self) -> Result<Vec<Offer>, PackageError> {
        let output = self.paths.flatpak.run(argv::offers(self.scope()), QUERY).await?;
        if output.status.success() {
            return Ok(parse::offers(&output.stdout_text()));
        }
        Err(PackageError::Network { text: parse::reasons(&output.stderr_text()).join("; ") })
    }

    /// The references of a transaction's items. What belongs to another item (its translations, say) comes and goes with it.
    async fn refs(&self, transaction: &Transaction) -> Result<Vec<Ref>, PackageError> {
        let (here, offers) = tokio::join!(self.here(), self.offers());
        let here = here?;
        let offers = if transaction.removes() { offers.unwrap_or_default() } else { offers? };
        let known: Vec<&Ref> = here.iter().map(|h| &h.what).chain(offers.iter().map(|o| &o.what)).collect();
        let own = |item: &&Item| {
            let belongs = |other: &Item| item.name.strip_prefix(&other.name).is_some_and(|rest| rest.starts_with('.'));
            !transaction.items.iter().any(belongs)
        };
        let mut refs = BTreeSet::new();
        for item in transaction.items.iter().filter(own) {
            let same = |what: &&&Ref| what.id == item.name && Some(&what.branch) == item.arch.as_ref();
            let found = known.iter().find(same).ok_or_else(|| commit::gone(transaction, Some(&item.name)))?;
            refs.insert((*found).clone());
        }
        // A runtime is named before what needs it; `false` sorts first.
        Ok(refs.into_iter().collect())
    }

    fn exactly(&self, mode: Mode, transaction: &Transaction, refs: &[Ref]) -> Vec<String> {
        let verb = transaction.items.iter().map(|item| item.verb).max();
        let installs = transaction.items.iter().all(|item| item.verb == Verb::Install);
        match transaction.items.first().and_then(|item| item.origin.as_deref()) {
            Some(remote) if installs => argv::install(self.scope(), mode, remote, refs),
            _ if verb == Some(Verb::Remove) => argv::remove(self.scope(), mode, refs),
            _ => argv::update(self.scope(), mode, refs),
        }
    }

    /// See [`super::Manager::search`].
    pub async fn search(&self, text: &str) -> Result<Vec<Hit>, PackageError> {
        let words = find::words(text);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let (here, offers) = tokio::join!(self.here(), self.offers());
        let here = here?;
        let matching = offers?.into_iter().filter(|offer| {
            let text = format!("{} {} {}", offer.what.id, offer.name, offer.summary).to_lowercase();
            offer.what.app && words.iter().all(|word| text.contains(word))
        });
        let hits = matching.map(|offer| Hit {
            installed: here.iter().find(|h| h.what == offer.what).map(|h| h.version.clone()),
            name: offer.what.id,
            version: Some(offer.version),
            summary: if offer.summary.is_empty() { offer.name } else { format!("{}: {}", offer.name, offer.summary) },
        });
        let mut hits = find::rank(hits.collect(), &words);
        hits.truncate(find::MAX_HITS);
        Ok(hits)
    }

    /// See [`super::Manager::refresh`].
    pub async fn refresh(&self, _lock_wait: Duration, _progress: &ProgressSender) -> Result<Refresh, PackageError> {
        Ok(Refresh::Fresh)
    }

    /// See [`super::Manager::installed`].
    pub async fn installed(&self, names: &[PackageName]) -> Result<Vec<Option<String>>, PackageError> {
        let rows = parse::rows(&self.here().await?);
        Ok(names.iter().map(|name| tool::version_of(&rows, name)).collect())
    }

    /// See [`super::Manager::own_version`].
    pub async fn own_version(&self) -> Option<String> {
        self.paths.flatpak.version().await
    }
}

/// The offer that is meant by a name: an application before a runtime, the branch `stable` before others, then the first remote.
fn best<'a>(name: &PackageName, offers: &'a [Offer]) -> Option<&'a Offer> {
    let fitting = offers.iter().filter(|o| name.is(&o.what.id, Some(&o.what.branch)));
    fitting.min_by_key(|o| (!o.what.app, o.what.branch != "stable"))
}

fn not_found(name: &PackageName, offers: &[Offer]) -> PackageError {
    let apps = || offers.iter().filter(|o| o.what.app).map(|o| o.what.id.as_str());
    let mut near = find::near(name.name(), apps());
    // An id is long, and what differs is often the letters' case alone.
    let lower = name.name().to_ascii_lowercase();
    near.extend(apps().filter(|id| id.to_ascii_lowercase() == lower).map(str::to_owned));
    near.sort();
    near.dedup();
    near.truncate(find::MAX_NEAR);
    PackageError::NotFound { name: name.to_string(), near }
}

impl Direct for Flatpak {
    const NAME: &'static str = "flatpak";

    async fn available(&self) -> Result<(), PackageError> {
        self.paths.flatpak.there()?;
        let config = read::text(&self.paths.config, MAX_CONFIG).unwrap_or_default();
        if config.lines().any(|line| line.starts_with("[remote \"")) {
            return Ok(());
        }
        let whose = match self.scope() {
            Scope::User => "this user",
            Scope::System => "this machine",
        };
        let reason = format!("flatpak has no remote for {whose}; add one with `flatpak remote-add`");
        Err(PackageError::Unavailable { reason })
    }

    fn holder(&self) -> Option<String> {
        None
    }

    async fn check_again(&self, transaction: &Transaction) -> Result<(), PackageError> {
        let refs = self.refs(transaction).await?;
        let (here, offers) = tokio::join!(self.here(), self.offers());
        let offers = if transaction.removes() { offers.unwrap_or_default() } else { offers? };
        let now = self.asked(self.exactly(Mode::Ask, transaction, &refs), &here?, &offers).await?;
        commit::compare(transaction, now.items)
    }

    async fn job(&self, transaction: &Transaction) -> Result<Job, PackageError> {
        let refs = self.refs(transaction).await?;
        self.paths.flatpak.job(self.exactly(Mode::Commit, transaction, &refs))
    }

    fn progress(line: &str) -> Option<Progress> {
        parse::progress(line)
    }

    async fn done(&self, items: &[Item]) -> Result<Vec<bool>, PackageError> {
        Ok(tool::done(items, &parse::rows(&self.here().await?)))
    }

    async fn settle(&self, _done: &[Item]) {}

    fn failed(exit: Option<i32>, output: &str) -> bool {
        exit.map_or_else(|| !parse::reasons(output).is_empty(), |status| status != 0)
    }

    fn refused(output: &str) -> Option<PackageError> {
        parse::reasons(output).into_iter().find(|r| parse::unreachable(r)).map(|text| PackageError::Network { text })
    }

    fn last_words(output: &str) -> Vec<String> {
        tool::last_words(output, |line| line.starts_with("error: ") || line.starts_with("Error: "))
    }
}
