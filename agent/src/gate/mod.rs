//! The gate: judges, admits, holds and releases. Only it can make an [`Approved`], and nothing runs without one.
//!
//! A held request is `pending → executing → done | failed | unknown`, or `pending → denied | expired | cancelled |
//! invalidated`. Every step is in the journal, on disk, before it is answered.

use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_ipc::Code;
use steward_policy::{Assurance, LimitUse, Policy, Requirements};
use tokio::sync::Notify;
use uuid::Uuid;

mod approved;
pub mod approver;
mod claim;
pub mod grants;
mod house;
pub mod judge;
pub mod rates;
pub mod record;
mod state;
mod token;

use crate::action::Ready;
use crate::audit::Audit;
use crate::caller::Caller;
use crate::clock::{Clock, Moment};
use crate::fault;
use crate::reply::Failure;
use crate::request::Plan;
use crate::store::{Durability, Log, LogError};
use approver::{Brokers, Chain, ChainError};
use grants::{Asked, Grant};
use rates::Rates;
use record::{Approver, Asker, End, Held};
use state::{Entry, IdOf, Phase, State, open_now, replay};

pub use approved::{Approved, How};
pub use claim::{Answer, Claim};
pub use state::shown;
pub use token::Unfit;

/// How long the end of a request can be asked for, in milliseconds.
const KEPT_MS: i64 = 24 * 3_600_000;
/// How many ended requests of a uid are kept at the most: what one does pushes out nobody else's.
const MAX_ENDED: usize = 1000;
/// How many denials refuse a caller's confirmations, and within and for how long, in milliseconds.
const DENIALS: usize = 3;
const DENIALS_MS: i64 = 600_000;

/// How many requests may be held at once, and who decides for others.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quotas {
    /// For each uid.
    pub per_uid: usize,
    /// For each caller of a uid.
    pub per_caller: usize,
    /// A group whose members, like root, list and decide everybody's requests at `desktop` or above. Read at start.
    pub admin_group: Option<String>,
}

impl Default for Quotas {
    fn default() -> Quotas {
        Quotas { per_uid: 16, per_caller: 4, admin_group: None }
    }
}

/// Which processes answer, once somebody has looked.
type Answering = std::cell::OnceCell<Result<Chain, ChainError>>;

/// The gate.
#[derive(Debug)]
pub struct Gate {
    /// Guards what is held and granted; never held while waiting.
    state: Mutex<State>,
    /// Orders holding, so that equal requests find each other.
    holding: tokio::sync::Mutex<()>,
    /// Orders judging and counting where a rule has a rate.
    pub admitting: tokio::sync::Mutex<()>,
    journal: Log,
    clock: Clock,
    quotas: Quotas,
    host: String,
    brokers: Brokers,
    admins: Admins,
    /// Makes room on a full disk for what lets nothing through.
    audit: Arc<Audit>,
    /// Counts of releases for rate limits.
    pub rates: Rates,
    /// Told whenever a held request moves on.
    pub moved: Notify,
}

impl Gate {
    /// Opens the journal at `path`; also gives back the requests that were being carried out when the agent stopped.
    ///
    /// # Errors
    /// When the journal cannot be read: the file, the line and what is wrong.
    pub fn open(
        path: &Path,
        clock: Clock,
        quotas: Quotas,
        host: String,
        audit: Arc<Audit>,
    ) -> Result<(Gate, Vec<Arc<Held>>), LogError> {
        let mut state = State::default();
        let journal = Log::open(path, |entry| replay(&mut state, entry.kind, entry.data.get()))?;
        let executing = state.held.values().filter(|e| matches!(e.phase, Phase::Executing));
        let interrupted = executing.map(|e| e.held.clone()).collect();
        let gate = Gate {
            state: Mutex::new(state),
            holding: tokio::sync::Mutex::new(()),
            admitting: tokio::sync::Mutex::new(()),
            journal,
            clock,
            admins: Admins::of(quotas.admin_group.as_deref()),
            quotas,
            host,
            brokers: Brokers::shipped(),
            audit,
            rates: Rates::default(),
            moved: Notify::new(),
        };
        Ok((gate, interrupted))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Returns when the lock that every request takes is to be had.
    pub fn answers(&self) {
        drop(self.state());
    }

    /// Admits a plan that the policy allows.
    pub fn by_rule(&self, plan: Plan, ready: Vec<Ready>, caller: &Arc<Caller>, limits: &[LimitUse]) -> Approved {
        self.rates.count(limits, caller.uid(), self.clock.now().boot_ms);
        Approved { plan, ready, how: How::Rule, caller: caller.clone(), owner: caller.uid() }
    }

    /// Admits a plan that came with the static token; the core has looked that it may.
    pub fn by_static_token(
        &self,
        plan: Plan,
        ready: Vec<Ready>,
        caller: &Arc<Caller>,
        limits: &[LimitUse],
    ) -> Approved {
        self.rates.count(limits, caller.uid(), self.clock.now().boot_ms);
        Approved { plan, ready, how: How::StaticToken, caller: caller.clone(), owner: caller.uid() }
    }

    /// A standing approval that discharges `requirements` for all that is `asked`, if there is one.
    pub fn grant_for(
        &self,
        caller: &Caller,
        asked: &[Asked<'_>],
        requirements: &Requirements,
        policy: &Policy,
    ) -> Option<Uuid> {
        let now = self.clock.now();
        let state = self.state();
        if !state.grants.values().any(|g| g.owner == caller.uid()) {
            return None;
        }
        let asker = Asker::of(caller);
        let fits = |g: &&Grant| asked.iter().all(|a| g.discharges(&asker, a, requirements, policy, &self.host, &now));
        state.grants.values().find(fits).map(|g| g.id)
    }

    /// Admits a plan by a standing approval, and counts its use. `None` when the approval was taken back meanwhile.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn by_grant(
        &self,
        id: Uuid,
        plan: Plan,
        ready: Vec<Ready>,
        caller: &Arc<Caller>,
        limits: &[LimitUse],
    ) -> Result<Option<Approved>, Failure> {
        self.journal.append("grant_used", &IdOf { id }, Durability::Synced).await.map_err(journal)?;
        fault::point("grant_used");
        match self.state().grants.get_mut(&id) {
            Some(grant) => grant.uses += 1,
            None => return Ok(None),
        }
        self.rates.count(limits, caller.uid(), self.clock.now().boot_ms);
        Ok(Some(Approved { plan, ready, how: How::Grant(id), caller: caller.clone(), owner: caller.uid() }))
    }

    /// Holds a request; an equal one that waits already is found instead. The second value counts how often it was asked.
    ///
    /// # Errors
    /// `rate_limited` over the quotas, or when the journal cannot be written.
    pub async fn hold(&self, mut held: Held) -> Result<(Arc<Held>, u32), Failure> {
        let _one_at_a_time = self.holding.lock().await;
        let now = self.clock.now();
        {
            let mut state = self.state();
            let waiting = |e: &&mut Entry| matches!(e.phase, Phase::Pending) && !e.held.expired(&now);
            let equal = state.held.values_mut().filter(waiting).find(|e| e.held.equal == held.equal);
            // What would happen must be the same too: else the person would be asked about something else.
            if let Some(entry) = equal.filter(|e| e.held.shows_the_same(&held)) {
                entry.count += 1;
                return Ok((entry.held.clone(), entry.count));
            }
            self.within_quotas(&state, &held, &now)?;
        }
        held.boot_id = now.boot_id.to_string();
        (held.boot_ms, held.wall_ms) = (now.boot_ms, now.wall_ms);
        held.digest = held.digest(&self.host);
        let held = Arc::new(held);
        self.journal.append("held", &*held, Durability::Synced).await.map_err(journal)?;
        fault::point("held");
        let entry = Entry { held: held.clone(), phase: Phase::Pending, count: 1, lent: None };
        self.state().held.insert(held.id, entry);
        self.moved.notify_waiters();
        Ok((held, 1))
    }

    fn within_quotas(&self, state: &State, held: &Held, now: &Moment) -> Result<(), Failure> {
        let (uid, key) = (held.asker.uid, held.asker.key());
        let waiting = || state.held.values().filter(|e| matches!(e.phase, Phase::Pending) && !e.held.expired(now));
        let of_uid = waiting().filter(|e| e.held.asker.uid == uid);
        let of_caller = waiting().filter(|e| e.held.asker.key() == key);
        let oldest = |left: Option<i64>| left.unwrap_or(0).max(1);
        let limited = |message: String, after: i64| {
            Err(Failure::new(Code::RateLimited, message).with(json!({ "retry_after": after })))
        };
        if of_caller.clone().count() >= self.quotas.per_caller {
            let after = oldest(of_caller.map(|e| e.held.left(now)).min());
            return limited(
                format!(
                    "{} requests of this caller wait for an answer already; have them answered or cancel one",
                    self.quotas.per_caller
                ),
                after,
            );
        }
        if of_uid.clone().count() >= self.quotas.per_uid {
            let after = oldest(of_uid.map(|e| e.held.left(now)).min());
            return limited(
                format!(
                    "{} requests wait for an answer already; have them answered or cancel one",
                    self.quotas.per_uid
                ),
                after,
            );
        }
        let no = |e: &Entry| match &e.phase {
            Phase::Ended("denied", end) if end.by_another && e.held.asker.key() == key => Some(end.wall_ms),
            _ => None,
        };
        // By the wall clock, which a restart does not forget; a clock that was turned back forgives sooner.
        let recent = || state.held.values().filter_map(no).filter(|at| (0..DENIALS_MS).contains(&(now.wall_ms - at)));
        if recent().count() >= DENIALS {
            let last = recent().max().unwrap_or(now.wall_ms);
            let after = ((last + DENIALS_MS - now.wall_ms) / 1000).max(1);
            return limited(
                format!(
                    "a person said no {DENIALS} times within ten minutes; nobody is asked for this caller until later"
                ),
                after,
            );
        }
        Ok(())
    }

    /// Takes a held request in hand to release it: of any number who try at once, one gets it.
    ///
    /// # Errors
    /// The gate's own: not found, expired, used, rejected, changed, or `approver_not_allowed`.
    pub fn claim(&self, id: &str, caller: &Caller, ask: Answer) -> Result<Claim<'_>, Failure> {
        let held = self.find(id, caller)?;
        let approver = self.may_answer(&held, caller, ask, &Answering::new())?;
        let now = self.clock.now();
        let mut state = self.state();
        let entry = state.held.get_mut(&held.id).ok_or_else(not_found)?;
        open_now(entry, &now)?;
        entry.phase = Phase::Claimed;
        Ok(Claim { gate: self, held, approver, settled: false })
    }

    /// The held request of this id, if this caller may know of it.
    fn find(&self, id: &str, caller: &Caller) -> Result<Arc<Held>, Failure> {
        let id = Uuid::try_parse(id).map_err(|_| not_found())?;
        let state = self.state();
        let entry = state.held.get(&id).ok_or_else(not_found)?;
        if entry.held.asker.uid != caller.uid() && !self.admins.has(caller) {
            return Err(not_found());
        }
        open_now(entry, &self.clock.now())?;
        Ok(entry.held.clone())
    }

    /// Whether `caller` may answer `held`, and at which level. `chain` is looked at once for all that the caller may answer.
    fn may_answer(&self, held: &Held, caller: &Caller, ask: Answer, chain: &Answering) -> Result<Approver, Failure> {
        let refuse = |why: String| {
            let data = json!({ "needs": held.needs.assurance, "approve": format!("steward approve {}", held.id) });
            Err(Failure::new(Code::ApproverNotAllowed, why).with(data))
        };
        if caller.is_foreign() {
            return refuse("the answer came from outside this machine's namespaces".to_owned());
        }
        let own = caller.uid() == held.asker.uid;
        let mut needed = held.needs.assurance.max(ask.at_least);
        if !own || ask.lasting {
            needed = needed.max(Assurance::Desktop);
        }
        if needed == Assurance::Authenticated {
            return refuse(
                "this needs a person who proves who they are, which this version cannot ask for yet".to_owned(),
            );
        }
        if needed == Assurance::Desktop {
            let same = caller.connection().is_some() && caller.connection() == held.asker.connection;
            let allowed = match (&held.chain, chain.get_or_init(|| Chain::of(caller))) {
                (Some(requester), Ok(answering)) => approver::may_approve(requester, same, answering, &self.brokers),
                (None, _) => return refuse("it cannot be told any more which process asked; ask again".to_owned()),
                (_, Err(e)) => return refuse(format!("it cannot be told who answers: {e}")),
            };
            if let Err(refusal) = allowed {
                return refuse(refusal.sentence(&held.id.to_string()));
            }
        }
        Ok(Approver {
            uid: caller.uid(),
            pid: caller.pid(),
            exe: caller.facts().exe.clone(),
            door: caller.door(),
            assurance: needed,
            approver_same_uid: own,
        })
    }

    /// Journals how a request that was carried out ended.
    ///
    /// # Errors
    /// When the journal cannot be written; the end is known in memory all the same.
    pub async fn finished(&self, id: Uuid, kind: &'static str, reply: Value) -> Result<(), Failure> {
        fault::point("before_outcome");
        self.end(id, kind, End { id, reply: Some(reply), note: None, approver: None, wall_ms: 0, by_another: false })
            .await?;
        fault::point("after_outcome");
        // What was purged meanwhile leaves the journal as soon as nothing is on its way to it.
        let owes = self.state().scrubbed;
        if owes {
            self.compact().await;
        }
        Ok(())
    }

    async fn end(&self, id: Uuid, kind: &'static str, mut end: End) -> Result<(), Failure> {
        end.wall_ms = self.clock.now().wall_ms;
        let written = self.append_always(kind, &end).await;
        fault::point("ended");
        if let Some(entry) = self.state().held.get_mut(&id) {
            entry.phase = Phase::Ended(kind, Box::new(end));
        }
        self.moved.notify_waiters();
        written.map(|_| ()).map_err(journal)
    }

    /// Journals what lets nothing through, on a full disk too.
    async fn append_always(&self, kind: &str, data: &impl Serialize) -> Result<u64, LogError> {
        match self.journal.append(kind, data, Durability::Synced).await {
            Err(e) if e.is_full() => {
                if let Err(e) = self.audit.make_room().await {
                    tracing::error!("the reserve on the full disk could not be given up: {e}");
                }
                self.journal.append(kind, data, Durability::Synced).await
            }
            done => done,
        }
    }

    /// The approver's no.
    ///
    /// # Errors
    /// As [`Gate::claim`].
    pub async fn reject(&self, id: &str, caller: &Caller, note: Option<String>) -> Result<Arc<Held>, Failure> {
        // Saying no is open to everybody who may say yes at the weakest level; it lets nothing through.
        let held = self.find(id, caller)?;
        let approver = Approver {
            uid: caller.uid(),
            pid: caller.pid(),
            exe: caller.facts().exe.clone(),
            door: caller.door(),
            assurance: Assurance::Requester,
            approver_same_uid: caller.uid() == held.asker.uid,
        };
        // Taking one's own request back with a no is no sign of a person who is asked too often.
        let by_another = caller.pid() != held.asker.pid || caller.connection() != held.asker.connection;
        let now = self.clock.now();
        {
            let mut state = self.state();
            let entry = state.held.get_mut(&held.id).ok_or_else(not_found)?;
            open_now(entry, &now)?;
            entry.phase = Phase::Claimed;
        }
        self.end(
            held.id,
            "denied",
            End { id: held.id, reply: None, note, approver: Some(approver), wall_ms: 0, by_another },
        )
        .await?;
        Ok(held)
    }

    /// The requester's second thought.
    ///
    /// # Errors
    /// As [`Gate::claim`].
    pub async fn cancel(&self, id: &str, caller: &Caller) -> Result<Arc<Held>, Failure> {
        let held = self.find(id, caller)?;
        {
            let mut state = self.state();
            let entry = state.held.get_mut(&held.id).ok_or_else(not_found)?;
            open_now(entry, &self.clock.now())?;
            entry.phase = Phase::Claimed;
        }
        self.end(
            held.id,
            "cancelled",
            End { id: held.id, reply: None, note: None, approver: None, wall_ms: 0, by_another: false },
        )
        .await?;
        Ok(held)
    }

    /// Takes a request back that could not be recorded as held, if nobody has it in hand yet.
    pub(crate) async fn withdraw(&self, id: Uuid) {
        match self.state().held.get_mut(&id) {
            Some(entry) if matches!(entry.phase, Phase::Pending) => entry.phase = Phase::Claimed,
            _ => return,
        }
        let end = End { id, reply: None, note: None, approver: None, wall_ms: 0, by_another: false };
        if let Err(e) = self.end(id, "cancelled", end).await {
            tracing::error!("request {id} could not be withdrawn: {e}");
        }
    }

    /// The held request of this id, however it stands.
    pub(crate) fn known(&self, id: Uuid) -> Option<Arc<Held>> {
        self.state().held.get(&id).map(|entry| entry.held.clone())
    }

    /// The kind of the end of a request that has one.
    pub(crate) fn end_of(&self, id: Uuid) -> Option<&'static str> {
        match &self.state().held.get(&id)?.phase {
            Phase::Ended(kind, _) => Some(kind),
            Phase::Pending | Phase::Claimed | Phase::Executing => None,
        }
    }

    /// How the request of this id stands: its state and, when it ended, its end. For its owner alone.
    ///
    /// # Errors
    /// `confirmation_not_found`.
    pub fn standing(&self, id: &str, caller: &Caller) -> Result<(Arc<Held>, &'static str, Option<End>), Failure> {
        let id = Uuid::try_parse(id).map_err(|_| not_found())?;
        let now = self.clock.now();
        let state = self.state();
        let entry = state.held.get(&id).filter(|e| e.held.asker.uid == caller.uid()).ok_or_else(not_found)?;
        let (name, end) = match &entry.phase {
            Phase::Pending if entry.held.expired(&now) => ("expired", None),
            Phase::Pending => ("pending", None),
            Phase::Claimed | Phase::Executing => ("executing", None),
            Phase::Ended(kind, end) => (*kind, Some((**end).clone())),
        };
        Ok((entry.held.clone(), name, end))
    }

    /// What waits, as `pending_list` shows it: the caller's own, or everything for an administrator; with the reason for which
    /// the caller's `answer` would not count, where it would not.
    pub fn pending(&self, caller: &Caller, answer: Answer) -> Vec<Value> {
        let now = self.clock.now();
        let mut waiting: Vec<(Arc<Held>, u32)> = self
            .state()
            .held
            .values()
            .filter(|e| matches!(e.phase, Phase::Pending) && !e.held.expired(&now))
            .filter(|e| e.held.asker.uid == caller.uid() || self.admins.has(caller))
            .map(|e| (e.held.clone(), e.count))
            .collect();
        waiting.sort_by_key(|(held, _)| (held.wall_ms, held.id));
        let chain = Answering::new();
        let seen = |(held, count): (Arc<Held>, u32)| {
            let mut seen = shown(&held, count, &now);
            if let Err(refusal) = self.may_answer(&held, caller, answer, &chain) {
                seen["cannot_answer"] = json!(refusal.message);
            }
            seen
        };
        waiting.into_iter().map(seen).collect()
    }

    /// The standing approvals of the caller's uid, or all for an administrator.
    pub fn grants(&self, caller: &Caller) -> Vec<Value> {
        let now = self.clock.now();
        let state = self.state();
        let mut grants: Vec<&Grant> = state
            .grants
            .values()
            .filter(|g| !g.ended(&now) && (g.owner == caller.uid() || self.admins.has(caller)))
            .collect();
        grants.sort_by_key(|g| (g.wall_ms, g.id));
        grants.into_iter().map(Grant::shown).collect()
    }

    /// Takes a standing approval back.
    ///
    /// # Errors
    /// `confirmation_not_found`, or when the journal cannot be written; it is gone from memory all the same.
    pub async fn revoke(&self, id: &str, caller: &Caller) -> Result<Grant, Failure> {
        let gone = || Failure::new(Code::ConfirmationNotFound, "there is no such grant; `grants_list` lists yours");
        let id = Uuid::try_parse(id).map_err(|_| gone())?;
        let grant = {
            let mut state = self.state();
            match state.grants.get(&id) {
                Some(g) if g.owner == caller.uid() || self.admins.has(caller) => {}
                _ => return Err(gone()),
            }
            state.grants.remove(&id).ok_or_else(gone)?
        };
        self.append_always("grant_revoked", &IdOf { id }).await.map_err(journal)?;
        fault::point("grant_revoked");
        Ok(grant)
    }
}

/// Who lists and decides for everybody, at `desktop` or above: root, and the members of a configured group.
#[derive(Debug, Default)]
struct Admins {
    uids: Vec<u32>,
}

impl Admins {
    /// The members that the group has now, by the system's database of groups and users.
    fn of(group: Option<&str>) -> Admins {
        let Some(name) = group else { return Admins::default() };
        let found = nix::unistd::Group::from_name(name).ok().flatten();
        if found.is_none() {
            tracing::warn!("[confirm] admin_group: there is no group `{name}`; only root decides for others");
        }
        let uid = |name: &String| nix::unistd::User::from_name(name).ok().flatten().map(|u| u.uid.as_raw());
        Admins { uids: found.iter().flat_map(|g| g.mem.iter().filter_map(uid)).collect() }
    }

    fn has(&self, caller: &Caller) -> bool {
        !caller.is_foreign() && (caller.uid() == 0 || self.uids.contains(&caller.uid()))
    }
}

fn not_found() -> Failure {
    Failure::new(Code::ConfirmationNotFound, "confirmation not found")
}

fn journal(error: LogError) -> Failure {
    match error {
        LogError::Overloaded | LogError::Stalled => Failure::new(Code::Overloaded, error.to_string()),
        other => Failure::new(Code::Failed, format!("the journal could not be written, so nothing was done: {other}")),
    }
}

#[cfg(test)]
mod tests;
