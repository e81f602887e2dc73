//! Questions: a transaction that changes nothing, its answers collected within bounds.

use std::time::Duration;

use super::super::{Hit, PackageError, ProgressSender, clean};
use super::id::Id;
use super::refusal::{self, Meter, Role, SUCCESS};
use super::{Kit, user};
use crate::backend::bus::BusError;
use crate::backend::dbus::package_kit::{Detail, Heard, Object, Order, Talk};

/// How long a question may take. On slow machines a backend reads its index for tens of seconds.
const QUESTION: Duration = Duration::from_secs(120);

/// How long fetching the index may take.
const FETCH: Duration = Duration::from_secs(15 * 60);

/// The most packages of one answer. Debian 12 has 64,000.
const MAX_PACKAGES: usize = 200_000;

/// How often it is looked whether a transaction is still there while it says nothing.
const LOOK: Duration = Duration::from_secs(1);

/// What a question was answered with.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Packages and what is with them (`PkInfoEnum`), in the order told; some backends tell one twice.
    pub(super) packages: Vec<(u32, Id)>,
    /// One line about each of them.
    summaries: Vec<String>,
    /// Sizes.
    pub(super) details: Vec<(Id, Detail)>,
    /// Whether it told of a package whose id is none, or cannot be seen.
    pub(super) odd: bool,
}

impl Answer {
    /// The packages with which this is.
    pub(super) fn with(&self, info: u32) -> impl Iterator<Item = &Id> + Clone {
        self.packages.iter().filter(move |(i, _)| *i == info).map(|(_, id)| id)
    }

    /// The names of all packages.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.packages.iter().map(|(_, id)| id.name.as_str())
    }

    /// The packages as a search shows them.
    pub(super) fn hits(&self) -> Vec<Hit> {
        let rows = self.packages.iter().zip(&self.summaries);
        let hit = |((_, id), summary): (&(u32, Id), &String)| Hit {
            name: id.name.clone(),
            version: None,
            summary: clean(summary),
            installed: None,
        };
        rows.map(hit).collect()
    }
}

/// How listening ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It said so: `PkExitEnum`.
    Finished(u32),
    /// It is not there any more.
    Gone,
}

/// Listens until the transaction has ended.
pub(super) async fn listen(talk: &mut Talk, mut each: impl FnMut(Heard)) -> End {
    async fn look(object: Object) -> bool {
        tokio::time::sleep(LOOK).await;
        object.is_there().await
    }
    let object = talk.object.clone();
    let mut there = Box::pin(look(object.clone()));
    let mut last = false;
    loop {
        tokio::select! {
            biased;
            heard = talk.hear() => match heard {
                Some(Heard::Finished(exit)) => return End::Finished(exit),
                Some(heard) => each(heard),
                None => return End::Gone,
            },
            still = &mut there => {
                // What it said before it went has come before this answer, and is heard first.
                if !still && last {
                    return End::Gone;
                }
                last = !still;
                there = Box::pin(look(object.clone()));
            }
        }
    }
}

impl Kit {
    /// Asks and waits for the whole answer.
    pub(super) async fn heard(&self, order: Order<'_>) -> Result<Answer, PackageError> {
        self.ordered(order, Role::Install, QUESTION, &mut |_| ()).await
    }

    /// Fetches the package index.
    pub(super) async fn fetched(&self, progress: &ProgressSender) -> Result<(), PackageError> {
        let mut meter = Meter::default();
        let mut told = String::new();
        let mut tell = |heard: &Heard| {
            if let Heard::Far(status, _) = heard {
                let step = meter.take(*status, None, None);
                if step.text != told {
                    told.clone_from(&step.text);
                    let _ = progress.try_send(step);
                }
            }
        };
        self.ordered(Order::Refresh, Role::Refresh, FETCH, &mut tell).await.map(drop)
    }

    async fn ordered(
        &self,
        order: Order<'_>,
        role: Role,
        deadline: Duration,
        tell: &mut (dyn FnMut(&Heard) + Send),
    ) -> Result<Answer, PackageError> {
        let mut talk = self.kit().begin().await?;
        let object = talk.object.clone();
        let mut answer = Answer::default();
        let mut error = None;
        let mut whole = true;
        let listening = async {
            let heard = listen(&mut talk, |heard| {
                tell(&heard);
                match heard {
                    Heard::Packages(all) => {
                        for told in all {
                            let Some(id) = Id::parse(&told.id) else {
                                answer.odd = true;
                                continue;
                            };
                            whole &= answer.packages.len() < MAX_PACKAGES;
                            if whole {
                                answer.packages.push((told.info, id));
                                answer.summaries.push(told.summary.chars().take(MAX_SUMMARY).collect());
                            }
                        }
                    }
                    Heard::Details(detail) => {
                        whole &= answer.details.len() < MAX_PACKAGES;
                        answer.details.extend(Id::parse(&detail.id).map(|id| (id, detail)).filter(|_| whole));
                    }
                    Heard::Error(code, words) => error = Some((code, words)),
                    _ => {}
                }
            });
            // Both at once: what is not heard holds up the answer to the call.
            tokio::pin!(heard);
            let ordered = object.order(order);
            tokio::pin!(ordered);
            tokio::select! {
                biased;
                answered = &mut ordered => match answered {
                    Ok(()) => Ok(heard.await),
                    Err(error) => Err(error),
                },
                // It can end before the answer to the call is here.
                end = &mut heard => Ok(end),
            }
        };
        let end = match tokio::time::timeout(deadline, listening).await {
            Ok(Ok(end)) => end,
            Ok(Err(BusError::Refused { .. })) => return Err(refusal::not_authorized(role, &user())),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => {
                // Nobody waits for the answer any more.
                let _stopped = talk.object.cancel().await;
                return Err(PackageError::Timeout { after: deadline });
            }
        };
        match (end, error) {
            (End::Gone, _) => {
                Err(PackageError::Unavailable { reason: "PackageKit ended before it answered; ask again".into() })
            }
            (End::Finished(_), Some((code, words))) => Err(refusal::refusal(code, &words, role, &user())),
            (End::Finished(SUCCESS), None) if whole => Ok(answer),
            (End::Finished(SUCCESS), None) => {
                Err(PackageError::Unmet { text: "PackageKit's answer is too long to be looked at".into() })
            }
            (End::Finished(exit), None) => Err(refusal::ending(exit)),
        }
    }
}

/// The longest summary that is kept, in characters.
const MAX_SUMMARY: usize = 400;

impl From<BusError> for PackageError {
    /// For calls that change nothing.
    fn from(error: BusError) -> Self {
        match error {
            BusError::NoBus { .. } | BusError::NoService { .. } => Self::Unavailable { reason: error.to_string() },
            BusError::Late { after, .. } => Self::Timeout { after },
            BusError::Lost { .. } => Self::Unknown { text: error.to_string() },
            BusError::Refused { .. } | BusError::Said { .. } => {
                Self::Failed { exit: None, last: vec![error.to_string()], done: Vec::new() }
            }
        }
    }
}
