//! A transaction that changes packages: begun, followed, found again after a restart, and judged by what is installed afterwards.
//!
//! It belongs to packagekitd and goes on when this program ends. Where its object is, is written down before it is told to do
//! anything. A task of its own listens to it, whether anybody waits or not, and cancels it when it touches a package that was not
//! shown.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::super::transaction::{Difference, Item, Mark, Transaction, Verb};
use super::super::{Done, PackageError, Progress, ProgressSender, Running, clean, commit, lock};
use super::ask::{End, listen};
use super::id::Id;
use super::refusal::{self, CANCELLED, Meter, Role, SUCCESS};
use super::{Kit, change, info, strs, user};
use crate::backend::bus::BusError;
use crate::backend::dbus::package_kit::{Heard, Object, Order, Really, Talk};

/// How long a transaction is listened to at the most. Distribution upgrades over slow lines take hours.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// How many packages outside the preview are told.
const MAX_STRAY: usize = 20;

/// Where a transaction on the bus is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnBus {
    /// The path of its object, which packagekitd never uses twice.
    pub path: String,
    /// The connection of the packagekitd that has it.
    pub owner: String,
    /// What is heard of it, where this process listens already.
    #[serde(skip)]
    live: Option<watch::Receiver<Seen>>,
}

/// What was heard of a transaction.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// How far it is.
    progress: Option<Progress>,
    /// What it does that was not shown.
    stray: Vec<Item>,
    /// Whether it was stopped because of that.
    stopped: bool,
    /// Its error.
    error: Option<(u32, String)>,
    /// Its end; nothing when it was lost from sight.
    end: Option<End>,
}

impl Kit {
    /// Starts exactly `transaction`, by these ids.
    pub(super) async fn begin(
        &self,
        transaction: &Transaction,
        ids: &[String],
        folder: &Path,
    ) -> Result<Running, PackageError> {
        let talk = self.kit().begin().await?;
        let object = talk.object.clone();
        let (path, owner) = object.place();
        let (sender, live) = watch::channel(Seen::default());
        // Written down first: a transaction that nobody would find again is not started.
        let running = Running::on_bus(folder, OnBus { path, owner, live: Some(live) })
            .map_err(|e| PackageError::Unavailable { reason: format!("it could not be written down: {e}") })?;
        tokio::spawn(follow(talk, transaction.clone(), sender));
        let ids = strs(ids);
        let ordered = object.order(Order::Change(change(Role::of(transaction), &ids), Really::Done)).await;
        crate::fault::point("package_started");
        match ordered {
            // It may have been taken: what becomes of it is found out like after a restart.
            Ok(()) | Err(BusError::Late { .. } | BusError::Lost { .. } | BusError::NoService { .. }) => Ok(running),
            Err(BusError::Refused { .. }) => Err(refusal::not_authorized(Role::of(transaction), &user())),
            Err(error) => Err(error.into()),
        }
    }

    /// See [`super::super::Manager::finish`].
    pub async fn finish(
        &self,
        transaction: &Transaction,
        running: &Running,
        deadline: Duration,
        progress: &ProgressSender,
    ) -> Result<Done, PackageError> {
        let waiting = async {
            match self.heard_of(transaction, running).await {
                Ok(Some(live)) => Ok(until_end(live, progress).await),
                Ok(None) => Ok(Seen { end: Some(End::Gone), ..Seen::default() }),
                Err(error) => Err(PackageError::Unknown { text: error.to_string() }),
            }
        };
        let Ok(seen) = tokio::time::timeout(deadline, waiting).await else {
            return Err(commit::late("PackageKit", deadline));
        };
        self.judge(transaction, seen?, deadline, progress).await
    }

    /// What is heard of a transaction that was started; nothing when it is over already.
    async fn heard_of(
        &self,
        transaction: &Transaction,
        running: &Running,
    ) -> Result<Option<watch::Receiver<Seen>>, BusError> {
        let Some(place) = running.bus.as_ref().filter(|_| running.is_of_this_boot()) else { return Ok(None) };
        if let Some(live) = &place.live {
            return Ok(Some(live.clone()));
        }
        let Some(talk) = self.kit().again(&place.path, &place.owner).await? else { return Ok(None) };
        let (sender, live) = watch::channel(Seen::default());
        tokio::spawn(follow(talk, transaction.clone(), sender));
        Ok(Some(live))
    }

    /// What the transaction did, by what is installed now.
    async fn judge(
        &self,
        transaction: &Transaction,
        seen: Seen,
        patience: Duration,
        progress: &ProgressSender,
    ) -> Result<Done, PackageError> {
        let role = Role::of(transaction);
        let Some(end) = seen.end else {
            return Err(PackageError::Unknown { text: "it was lost from sight".to_owned() });
        };
        if end == End::Gone {
            // When packagekitd is killed, what it started may still be at work; then it has the lock.
            let busy = |e: PackageError| PackageError::Unknown { text: format!("PackageKit ended, but {e}") };
            lock::wait_until_free(lock::of_packages, patience, progress).await.map_err(busy)?;
        }
        let unknown = |e: PackageError| PackageError::Unknown { text: format!("PackageKit has ended, but {e}") };
        let done = self.done(&transaction.items).await.map_err(unknown)?;
        let whole = done.len() == transaction.items.len();
        if !seen.stray.is_empty() {
            // Its end can be heard before the answer to the call that stopped it.
            let stopped = seen.stopped || end == End::Finished(CANCELLED);
            return Err(strayed(seen.stray, stopped, done));
        }
        let error = match (seen.error, end) {
            (None, End::Finished(SUCCESS) | End::Gone) if whole => return Ok(Done { items: done }),
            (Some((code, words)), _) => refusal::refusal(code, &words, role, &user()),
            (None, End::Finished(SUCCESS)) => PackageError::Failed {
                exit: None,
                last: vec!["PackageKit says that it is done, but not all packages are as they should be".to_owned()],
                done: Vec::new(),
            },
            (None, End::Finished(exit)) => refusal::ending(exit),
            (None, End::Gone) if lock::can_be_seen() => PackageError::Failed {
                exit: None,
                last: vec![
                    "PackageKit ended before it was done, and nothing is at work any more; a package may be half set up, which the next package change mends or tells"
                        .to_owned(),
                ],
                done: Vec::new(),
            },
            (None, End::Gone) => {
                return Err(PackageError::Unknown {
                    text: format!(
                        "PackageKit ended before it was done; {} of {} packages are as they should be",
                        done.len(),
                        transaction.items.len()
                    ),
                });
            }
        };
        Err(match error {
            PackageError::Failed { exit, last, .. } => PackageError::Failed { exit, last, done },
            // Something was done before it failed.
            other if !done.is_empty() => PackageError::Failed { exit: None, last: vec![other.to_string()], done },
            other => other,
        })
    }
}

/// The error for a transaction that did something which was not shown.
fn strayed(stray: Vec<Item>, stopped: bool, done: Vec<Item>) -> PackageError {
    let difference = Difference { added: stray, ..Difference::default() };
    if stopped && done.is_empty() {
        return PackageError::Changed { difference: Box::new(difference) };
    }
    let said = difference.to_string().replace("would now also", "it also set out to");
    let stopped = if stopped { "it was stopped" } else { "it could not be stopped any more" };
    let last = vec![format!("PackageKit did something that was not shown, and {stopped}: {said}")];
    PackageError::Failed { exit: None, last, done }
}

/// Passes progress on until the transaction has ended.
async fn until_end(mut live: watch::Receiver<Seen>, progress: &ProgressSender) -> Seen {
    loop {
        let seen = live.borrow_and_update().clone();
        if let Some(step) = &seen.progress {
            let _ = progress.try_send(step.clone());
        }
        if seen.end.is_some() || live.changed().await.is_err() {
            return seen;
        }
    }
}

/// Listens to a transaction until its end.
async fn follow(mut talk: Talk, transaction: Transaction, sender: watch::Sender<Seen>) {
    let object = talk.object.clone();
    let mut meter = Meter::default();
    let (stop, mut stopping) = tokio::sync::mpsc::channel::<()>(1);
    let stopped = async {
        if stopping.recv().await.is_some() {
            let stopped = stopped(&object).await;
            sender.send_modify(|seen| seen.stopped = stopped);
        }
        std::future::pending::<()>().await;
    };
    let listening = listen(&mut talk, |heard| {
        sender.send_modify(|seen| match heard {
            Heard::Packages(all) => {
                for told in all {
                    let id = Id::parse(&told.id);
                    seen.progress = Some(meter.take(None, None, id.as_ref().map(|id| id.name.as_str())));
                    if let Some(stray) = stray(&transaction, told.info, id.as_ref())
                        && seen.stray.len() < MAX_STRAY
                        && !seen.stray.contains(&stray)
                    {
                        seen.stray.push(stray);
                        // Full: it is being stopped already.
                        let _asked = stop.try_send(());
                    }
                }
            }
            Heard::Item(id, status, _) => {
                let name = Id::parse(&id).map(|id| id.name);
                seen.progress = Some(meter.take(Some(status), None, name.as_deref()));
            }
            Heard::Far(status, percent) => seen.progress = Some(meter.take(status, percent, None)),
            Heard::Error(code, words) => seen.error = Some((code, words)),
            Heard::Details(_) | Heard::Finished(_) => {}
        });
    });
    let end = tokio::select! {
        biased;
        end = tokio::time::timeout(LIFE, listening) => end.ok(),
        () = stopped => None,
    };
    sender.send_modify(|seen| seen.end = end);
}

/// Stops a transaction, where it still can be.
async fn stopped(object: &Object) -> bool {
    match object.cancel().await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "a package transaction does what was not shown, and cannot be stopped");
            false
        }
    }
}

/// What PackageKit is doing to a package that the preview does not have.
fn stray(transaction: &Transaction, what: u32, id: Option<&Id>) -> Option<Item> {
    let works = matches!(
        what,
        info::DOWNLOADING
            | info::UPDATING
            | info::INSTALLING
            | info::REMOVING
            | info::OBSOLETING
            | info::REINSTALLING
            | info::DOWNGRADING
            | info::PREPARING
            | info::DECOMPRESSING
    );
    if !works {
        return None;
    }
    let goes = matches!(what, info::REMOVING | info::OBSOLETING);
    let shown = |item: &Item| {
        let Some(id) = id else { return false };
        let version = [&item.from, &item.to].into_iter().flatten().any(|v| *v == id.version);
        // The old version of what is upgraded goes, too.
        id.is_of(item) && version && !(goes && item.verb == Verb::Install)
    };
    if transaction.items.iter().any(shown) {
        return None;
    }
    let text = |of: fn(&Id) -> &String| id.map(|id| clean(of(id)));
    Some(Item {
        verb: if goes { Verb::Remove } else { Verb::Install },
        name: text(|id| &id.name).unwrap_or_else(|| "a package whose name cannot be shown".to_owned()),
        arch: text(|id| &id.arch),
        from: text(|id| &id.version).filter(|_| goes),
        to: text(|id| &id.version).filter(|_| !goes),
        origin: None,
        download_bytes: None,
        mark: Mark::Auto,
    })
}
