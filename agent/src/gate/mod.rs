//! The gate: judges, admits, holds and releases. Only it can make an [`Approved`], and nothing runs without one.
//!
//! A held request is `pending → executing → done | failed | unknown`, or `pending → denied | expired | cancelled |
//! invalidated`. Every step is in the journal, on disk, before it is answered.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_ipc::Code;
use steward_policy::{Assurance, GrantLength, LimitUse, Policy, Requirements};
use tokio::sync::Notify;
use uuid::Uuid;

pub mod approver;
pub mod grants;
pub mod judge;
pub mod rates;
pub mod record;

use crate::action::Ready;
use crate::audit::Audit;
use crate::caller::Caller;
use crate::clock::{Clock, Moment, rfc3339};
use crate::fault;
use crate::reply::Failure;
use crate::request::Plan;
use crate::store::{Durability, Log, LogError};
use approver::{Brokers, Chain};
use grants::{Grant, MAX_GRANTS, Scope};
use judge::Subject;
use rates::Rates;
use record::{Approver, Asker, End, Executing, Held};

/// How long the end of a request can be asked for, in milliseconds.
const KEPT_MS: i64 = 24 * 3_600_000;
/// How many ended requests are kept at the most.
const MAX_ENDED: usize = 10_000;
/// How many denials refuse a caller's confirmations, and within and for how long, in milliseconds.
const DENIALS: usize = 3;
const DENIALS_MS: i64 = 600_000;

/// How many requests may be held at once.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quotas {
    /// For each uid.
    pub per_uid: usize,
    /// For each caller of a uid.
    pub per_caller: usize,
}

impl Default for Quotas {
    fn default() -> Quotas {
        Quotas { per_uid: 16, per_caller: 4 }
    }
}

/// The proof that a plan was judged and may run. Only the gate makes one, and running consumes it.
#[must_use]
#[derive(Debug)]
pub struct Approved {
    plan: Plan,
    ready: Vec<Ready>,
    how: How,
    caller: Arc<Caller>,
    owner: u32,
}

/// Why a plan may run.
#[derive(Clone, Debug)]
pub enum How {
    /// The policy says ok.
    Rule,
    /// A standing approval.
    Grant(Uuid),
    /// A person said yes to the held request of this id.
    Person(Uuid),
}

impl Approved {
    /// What may run.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Why it may.
    pub fn how(&self) -> &How {
        &self.how
    }

    /// Who asked, or who released it.
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// Whose request it is.
    pub fn owner(&self) -> u32 {
        self.owner
    }

    /// Takes it apart; `execute` alone does that.
    pub(crate) fn into_parts(self) -> (Plan, Vec<Ready>) {
        (self.plan, self.ready)
    }
}

/// How a held request stands.
#[derive(Clone, Debug)]
enum Phase {
    Pending,
    /// Somebody is releasing it at this moment.
    Claimed,
    Executing,
    Ended(&'static str, Box<End>),
}

#[derive(Debug)]
struct Entry {
    held: Arc<Held>,
    phase: Phase,
    /// How often the same was asked for.
    count: u32,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<Uuid, Entry>,
    grants: HashMap<Uuid, Grant>,
    /// Whether texts were taken out of what ended, and the journal still has them.
    scrubbed: bool,
    /// Callers to whom a person said no, and when (milliseconds since boot).
    denials: VecDeque<(String, i64)>,
}

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
    /// Makes room on a full disk for what lets nothing through.
    audit: Arc<Audit>,
    /// Counts of releases for rate limits.
    pub rates: Rates,
    /// Told whenever a held request moves on.
    pub moved: Notify,
}

#[derive(Serialize, Deserialize)]
struct IdOf {
    id: Uuid,
}

/// The kinds of ends, as the journal and `result` name them.
const ENDS: [&str; 7] = ["done", "failed", "unknown", "denied", "expired", "cancelled", "invalidated"];

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

    /// Admits a plan that the policy allows.
    pub fn by_rule(&self, plan: Plan, ready: Vec<Ready>, caller: &Arc<Caller>, limits: &[LimitUse]) -> Approved {
        self.rates.count(limits, caller.uid(), self.clock.now().boot_ms);
        Approved { plan, ready, how: How::Rule, caller: caller.clone(), owner: caller.uid() }
    }

    /// A standing approval that discharges `requirements` for all of `subjects`, if there is one.
    pub fn grant_for(
        &self,
        caller: &Caller,
        subjects: &[Subject],
        requirements: &Requirements,
        policy: &Policy,
    ) -> Option<Uuid> {
        let now = self.clock.now();
        let state = self.state();
        if !state.grants.values().any(|g| g.owner == caller.uid()) {
            return None;
        }
        let asker = Asker::of(caller);
        let fits =
            |g: &&Grant| subjects.iter().all(|s| g.discharges(&asker, s, requirements, policy, &self.host, &now));
        state.grants.values().find(fits).map(|g| g.id)
    }

    /// Admits a plan by a standing approval, and counts its use.
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
    ) -> Result<Approved, Failure> {
        self.journal.append("grant_used", &IdOf { id }, Durability::Synced).await.map_err(journal)?;
        fault::point("grant_used");
        if let Some(grant) = self.state().grants.get_mut(&id) {
            grant.uses += 1;
        }
        self.rates.count(limits, caller.uid(), self.clock.now().boot_ms);
        Ok(Approved { plan, ready, how: How::Grant(id), caller: caller.clone(), owner: caller.uid() })
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
        let entry = Entry { held: held.clone(), phase: Phase::Pending, count: 1 };
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
        let recent = || state.denials.iter().filter(|(k, at)| *k == key && now.boot_ms - at < DENIALS_MS);
        if recent().count() >= DENIALS {
            let last = recent().map(|(_, at)| *at).max().unwrap_or(now.boot_ms);
            let after = ((last + DENIALS_MS - now.boot_ms) / 1000).max(1);
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
        let approver = self.may_answer(&held, caller, ask)?;
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
        if entry.held.asker.uid != caller.uid() && !is_admin(caller) {
            return Err(not_found());
        }
        open_now(entry, &self.clock.now())?;
        Ok(entry.held.clone())
    }

    /// Whether `caller` may answer `held`, and at which level.
    fn may_answer(&self, held: &Held, caller: &Caller, ask: Answer) -> Result<Approver, Failure> {
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
            let chain = Chain::of(caller);
            let allowed = match (&held.chain, &chain) {
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
        self.end(id, kind, End { id, reply: Some(reply), note: None, approver: None, wall_ms: 0 }).await?;
        fault::point("after_outcome");
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
        let now = self.clock.now();
        {
            let mut state = self.state();
            let entry = state.held.get_mut(&held.id).ok_or_else(not_found)?;
            open_now(entry, &now)?;
            entry.phase = Phase::Claimed;
            state.denials.push_back((held.asker.key(), now.boot_ms));
            while state.denials.front().is_some_and(|(_, at)| now.boot_ms - at > DENIALS_MS) {
                state.denials.pop_front();
            }
        }
        self.end(held.id, "denied", End { id: held.id, reply: None, note, approver: Some(approver), wall_ms: 0 })
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
        self.end(held.id, "cancelled", End { id: held.id, reply: None, note: None, approver: None, wall_ms: 0 })
            .await?;
        Ok(held)
    }

    /// Takes a request back that could not be recorded as held.
    pub(crate) async fn withdraw(&self, id: Uuid) {
        if let Some(entry) = self.state().held.get_mut(&id) {
            entry.phase = Phase::Claimed;
        }
        let end = End { id, reply: None, note: None, approver: None, wall_ms: 0 };
        if let Err(e) = self.end(id, "cancelled", end).await {
            tracing::error!("request {id} could not be withdrawn: {e}");
        }
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

    /// What waits, as `pending_list` shows it: the caller's own, or everything for an administrator.
    pub fn pending(&self, caller: &Caller) -> Vec<Value> {
        let now = self.clock.now();
        let state = self.state();
        let mut waiting: Vec<&Entry> = state
            .held
            .values()
            .filter(|e| matches!(e.phase, Phase::Pending) && !e.held.expired(&now))
            .filter(|e| e.held.asker.uid == caller.uid() || is_admin(caller))
            .collect();
        waiting.sort_by_key(|e| (e.held.wall_ms, e.held.id));
        waiting.into_iter().map(|e| shown(&e.held, e.count, &now)).collect()
    }

    /// The standing approvals of the caller's uid, or all for an administrator.
    pub fn grants(&self, caller: &Caller) -> Vec<Value> {
        let now = self.clock.now();
        let state = self.state();
        let mut grants: Vec<&Grant> =
            state.grants.values().filter(|g| !g.ended(&now) && (g.owner == caller.uid() || is_admin(caller))).collect();
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
                Some(g) if g.owner == caller.uid() || is_admin(caller) => {}
                _ => return Err(gone()),
            }
            state.grants.remove(&id).ok_or_else(gone)?
        };
        self.append_always("grant_revoked", &IdOf { id }).await.map_err(journal)?;
        fault::point("grant_revoked");
        Ok(grant)
    }

    /// Ends what the new policy would judge stricter than when it was held; `stricter` decides. Gives back what was ended.
    pub async fn invalidate(&self, stricter: impl Fn(&Held) -> bool) -> Vec<Arc<Held>> {
        let ended: Vec<Arc<Held>> = {
            let mut state = self.state();
            let waiting = state.held.values_mut().filter(|e| matches!(e.phase, Phase::Pending) && stricter(&e.held));
            waiting
                .map(|e| {
                    e.phase = Phase::Claimed;
                    e.held.clone()
                })
                .collect()
        };
        for held in &ended {
            let note = Some("the policy changed".to_owned());
            let end = End { id: held.id, reply: None, note, approver: None, wall_ms: 0 };
            if let Err(e) = self.end(held.id, "invalidated", end).await {
                tracing::warn!(id = %held.id, "{e}");
            }
        }
        ended
    }

    /// Journals what expired, forgets what ended a day ago, and writes the journal anew without it. Called now and then.
    pub async fn tidy(&self) -> Vec<Arc<Held>> {
        let now = self.clock.now();
        let expired: Vec<Arc<Held>> = {
            let mut state = self.state();
            let late = state.held.values_mut().filter(|e| matches!(e.phase, Phase::Pending) && e.held.expired(&now));
            late.map(|e| {
                e.phase = Phase::Claimed;
                e.held.clone()
            })
            .collect()
        };
        for held in &expired {
            let end = End { id: held.id, reply: None, note: None, approver: None, wall_ms: 0 };
            if let Err(e) = self.end(held.id, "expired", end).await {
                tracing::warn!(id = %held.id, "{e}");
            }
        }
        self.compact().await;
        expired
    }

    /// Writes the journal anew when there is something to leave out.
    async fn compact(&self) {
        let now = self.clock.now();
        let _nobody_holds = self.holding.lock().await;
        let ack = {
            let mut state = self.state();
            let old = |e: &Entry| matches!(&e.phase, Phase::Ended(_, end) if now.wall_ms - end.wall_ms > KEPT_MS);
            let ended = state.held.values().filter(|e| matches!(e.phase, Phase::Ended(..))).count();
            let stale = state.held.values().filter(|e| old(e)).count();
            if !state.scrubbed && stale == 0 && ended <= MAX_ENDED && !state.grants.values().any(|g| g.ended(&now)) {
                return;
            }
            // Nothing may be on its way to the journal while it is written anew.
            if state.held.values().any(|e| matches!(e.phase, Phase::Claimed | Phase::Executing)) {
                return;
            }
            state.scrubbed = false;
            state.held.retain(|_, e| !old(e));
            if ended - stale > MAX_ENDED {
                let mut by_age: Vec<(i64, Uuid)> = state
                    .held
                    .iter()
                    .filter_map(|(id, e)| match &e.phase {
                        Phase::Ended(_, end) => Some((end.wall_ms, *id)),
                        _ => None,
                    })
                    .collect();
                by_age.sort_unstable();
                for (_, id) in &by_age[..by_age.len() - MAX_ENDED] {
                    state.held.remove(id);
                }
            }
            state.grants.retain(|_, g| !g.ended(&now));
            // Under the lock, so that nothing that happens meanwhile is lost.
            self.journal.rewrite(records(&state))
        };
        if let Err(e) = ack.await {
            tracing::warn!("the journal could not be written anew: {e}");
            self.state().scrubbed = true;
        }
    }

    /// Takes the texts of notes out of requests that ended, in memory and in the journal: a note that is gone from the
    /// memory is to be gone from here too. Where another request is being carried out at the moment, the journal follows
    /// when that has ended.
    pub async fn scrub(&self) {
        {
            let mut state = self.state();
            let mut any = false;
            for entry in state.held.values_mut() {
                let of_notes = |s: &record::HeldStep| matches!(s.name.as_str(), "remember" | "read_context" | "forget");
                if let Phase::Ended(_, end) = &mut entry.phase
                    && entry.held.steps.iter().any(of_notes)
                {
                    let held = Arc::make_mut(&mut entry.held);
                    held.steps.iter_mut().filter(|s| of_notes(s)).for_each(|s| s.args = json!({}));
                    held.preview = None;
                    if let Some(Value::Object(reply)) = &mut end.reply {
                        reply.remove("data");
                        reply.remove("preview");
                        if held.steps.iter().any(|s| s.name == "read_context") {
                            reply.insert("message".to_owned(), Value::Null);
                        }
                    }
                    any = true;
                }
            }
            state.scrubbed |= any;
        }
        self.compact().await;
    }

    /// Whether the journal has the text of a note that was purged: the agent stopped before it was taken out.
    pub(crate) fn owes_scrub(&self) -> bool {
        let purge = |s: &record::HeldStep| s.name == "forget" && s.args["purge"] == true;
        let ended = |e: &&Entry| matches!(e.phase, Phase::Ended(..));
        self.state().held.values().filter(ended).any(|e| e.held.steps.iter().any(purge))
    }

    /// Gives a standing approval for what `held` asked.
    async fn give(
        &self,
        held: &Held,
        approver: &Approver,
        length: GrantLength,
        scope: Scope,
        covers: String,
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        let grant = Grant {
            id: Uuid::new_v4(),
            owner: held.asker.uid,
            door: held.asker.door,
            unit: held.asker.unit.clone(),
            action: held.steps.first().map(|s| s.name.clone()).unwrap_or_default(),
            scope,
            covers,
            host: self.host.clone(),
            length,
            session: held.asker.session.clone(),
            connection: held.asker.connection,
            needs: held.needs.clone(),
            approver: approver.clone(),
            boot_id: now.boot_id.to_string(),
            boot_ms: now.boot_ms,
            wall_ms: now.wall_ms,
            uses: 0,
        };
        let id = grant.id;
        let ack = {
            let mut state = self.state();
            if state.grants.values().filter(|g| g.owner == grant.owner).count() >= MAX_GRANTS {
                let message = "there are too many standing approvals; revoke some first";
                return Err(Failure::new(Code::RateLimited, message));
            }
            let ack = self.journal.append("grant", &grant, Durability::Synced);
            state.grants.insert(id, grant);
            ack
        };
        if let Err(e) = ack.await {
            self.state().grants.remove(&id);
            return Err(journal(e));
        }
        Ok(())
    }
}

/// At what level an answer has to be given, beside what the request itself needs.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// What the door of the answer asks for.
    pub at_least: Assurance,
    /// Whether a standing approval is to be given.
    pub lasting: bool,
}

/// A held request in the hands of the one who releases it. Dropped, it waits again.
#[derive(Debug)]
pub struct Claim<'a> {
    gate: &'a Gate,
    held: Arc<Held>,
    approver: Approver,
    settled: bool,
}

impl Claim<'_> {
    /// The request.
    pub fn held(&self) -> &Arc<Held> {
        &self.held
    }

    /// Who releases it.
    pub fn approver(&self) -> &Approver {
        &self.approver
    }

    /// Gives the standing approval that was asked for with the yes.
    ///
    /// # Errors
    /// When the rule does not allow that length, or the scope was not offered.
    pub async fn grant(
        &self,
        length: GrantLength,
        scope: Option<usize>,
        offers: Vec<(Scope, String)>,
    ) -> Result<(), Failure> {
        if length == GrantLength::Once {
            return Ok(());
        }
        if !self.held.needs.grants.contains(&length) {
            let message = "the policy does not allow an approval of that length for this; approve it once";
            return Err(Failure::invalid_payload(message).with(json!({ "grants": self.held.needs.grants })));
        }
        let count = offers.len();
        let Some((scope, covers)) = offers.into_iter().nth(scope.unwrap_or(0)) else {
            return Err(Failure::invalid_payload(format!("`scope` is a number from 0 to {}", count.saturating_sub(1))));
        };
        self.gate.give(&self.held, &self.approver, length, scope, covers).await
    }

    /// Approves and releases in one journalled step.
    ///
    /// # Errors
    /// When the journal cannot be written; the request waits again.
    pub async fn approve(
        mut self,
        plan: Plan,
        ready: Vec<Ready>,
        caller: &Arc<Caller>,
        limits: &[LimitUse],
    ) -> Result<Approved, Failure> {
        let line = Executing { id: self.held.id, approver: self.approver.clone(), digest: self.held.digest.clone() };
        self.gate.journal.append("executing", &line, Durability::Synced).await.map_err(journal)?;
        fault::point("executing");
        self.settled = true;
        if let Some(entry) = self.gate.state().held.get_mut(&self.held.id) {
            entry.phase = Phase::Executing;
        }
        self.gate.rates.count(limits, self.held.asker.uid, self.gate.clock.now().boot_ms);
        let owner = self.held.asker.uid;
        Ok(Approved { plan, ready, how: How::Person(self.held.id), caller: caller.clone(), owner })
    }

    /// Ends it because what would happen now is not what was shown.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn invalidate(mut self, why: &str) -> Result<(), Failure> {
        self.settled = true;
        let end = End { id: self.held.id, reply: None, note: Some(why.to_owned()), approver: None, wall_ms: 0 };
        self.gate.end(self.held.id, "invalidated", end).await
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !self.settled
            && let Some(entry) = self.gate.state().held.get_mut(&self.held.id)
            && matches!(entry.phase, Phase::Claimed)
        {
            entry.phase = Phase::Pending;
        }
    }
}

/// root decides and lists for everybody, at `desktop` or above.
fn is_admin(caller: &Caller) -> bool {
    caller.uid() == 0 && !caller.is_foreign()
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

/// Whether an entry still waits for an answer.
fn open_now(entry: &Entry, now: &Moment) -> Result<(), Failure> {
    let ended =
        |code: Code, message: String, state: &str| Err(Failure::new(code, message).with(json!({ "state": state })));
    match &entry.phase {
        Phase::Pending if entry.held.expired(now) => {
            ended(Code::ConfirmationExpired, "confirmation expired; ask again".to_owned(), "expired")
        }
        Phase::Pending => Ok(()),
        Phase::Claimed | Phase::Executing => {
            ended(Code::ConfirmationUsed, "confirmation used already; it is being carried out".to_owned(), "executing")
        }
        Phase::Ended(kind, end) => match *kind {
            "expired" => ended(Code::ConfirmationExpired, "confirmation expired; ask again".to_owned(), kind),
            "denied" => {
                let note = end.note.as_deref().map(|n| format!(": {n}")).unwrap_or_default();
                ended(Code::ConfirmationRejected, format!("a person said no{note}"), kind)
            }
            "cancelled" => {
                ended(Code::ConfirmationNotFound, "confirmation not found; it was withdrawn".to_owned(), kind)
            }
            "invalidated" => {
                let why = end.note.as_deref().unwrap_or("what would happen changed");
                ended(Code::ConfirmationChanged, format!("confirmation no longer holds: {why}; ask again"), kind)
            }
            kind => {
                ended(Code::ConfirmationUsed, "confirmation used already; `result` tells how it ended".to_owned(), kind)
            }
        },
    }
}

/// A held request as lists and events show it.
pub fn shown(held: &Held, count: u32, now: &Moment) -> Value {
    json!({
        "id": held.id, "action": held.name, "owner": held.asker.uid, "caller": held.asker.exe, "door": held.asker.door,
        "summary": held.preview.as_ref().map(|p| &p.summary), "preview": held.preview, "preview_error": held.preview_error,
        "steps": held.steps.iter().map(|s| json!({ "action": s.name, "args": s.args, "risk": s.risk })).collect::<Vec<_>>(),
        "assurance": held.needs.assurance, "grants": held.needs.grants, "rule": held.rule, "why": held.why,
        "held": rfc3339(held.wall_ms), "expires_in": held.left(now), "count": count,
    })
}

/// Everything that is known, as journal records.
fn records(state: &State) -> Vec<(&'static str, Value)> {
    let mut held: Vec<&Entry> = state.held.values().collect();
    held.sort_by_key(|e| (e.held.wall_ms, e.held.id));
    let value = |v: serde_json::Result<Value>| v.unwrap_or(Value::Null);
    let mut records = Vec::new();
    for entry in held {
        records.push(("held", value(serde_json::to_value(&*entry.held))));
        if let Phase::Ended(kind, end) = &entry.phase {
            records.push((kind, value(serde_json::to_value(end))));
        }
    }
    records.extend(state.grants.values().map(|g| ("grant", value(serde_json::to_value(g)))));
    records
}

/// Takes one record of the journal in.
fn replay(state: &mut State, kind: &str, data: &str) -> Result<(), String> {
    fn read<T: serde::de::DeserializeOwned>(data: &str) -> Result<T, String> {
        serde_json::from_str(data).map_err(|e| e.to_string())
    }
    match kind {
        "held" => {
            let held: Held = read(data)?;
            state.held.insert(held.id, Entry { held: Arc::new(held), phase: Phase::Pending, count: 1 });
        }
        "executing" => {
            let line: Executing = read(data)?;
            if let Some(entry) = state.held.get_mut(&line.id) {
                entry.phase = Phase::Executing;
            }
        }
        "grant" => {
            let grant: Grant = read(data)?;
            state.grants.insert(grant.id, grant);
        }
        "grant_used" => {
            if let Some(grant) = state.grants.get_mut(&read::<IdOf>(data)?.id) {
                grant.uses += 1;
            }
        }
        "grant_revoked" => drop(state.grants.remove(&read::<IdOf>(data)?.id)),
        kind => {
            let Some(kind) = ENDS.iter().find(|e| **e == kind) else {
                return Err(format!("`{kind}` is no kind of record of the gate"));
            };
            let end: End = read(data)?;
            if let Some(entry) = state.held.get_mut(&end.id) {
                entry.phase = Phase::Ended(kind, Box::new(end));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
