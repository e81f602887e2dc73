//! Releasing: a held request in the hands of the one who says yes.

use std::sync::Arc;

use serde_json::json;
use steward_ipc::Code;
use steward_policy::{Assurance, GrantLength, LimitUse};
use uuid::Uuid;

use super::grants::{Grant, MAX_GRANTS, Scope};
use super::record::{Approver, End, Executing, Held};
use super::state::{Phase, State};
use super::{Approved, Gate, How, journal};
use crate::action::Ready;
use crate::caller::Caller;
use crate::fault;
use crate::reply::Failure;
use crate::request::Plan;
use crate::store::Durability;

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
    pub(super) gate: &'a Gate,
    pub(super) held: Arc<Held>,
    pub(super) approver: Approver,
    pub(super) settled: bool,
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

    /// The standing approval that was asked for with the yes, not given yet; [`Gate::give`] gives it when the yes holds.
    ///
    /// # Errors
    /// When the rule does not allow that length, the scope was not offered, or there are too many already.
    pub fn grant(
        &self,
        length: GrantLength,
        scope: Option<usize>,
        offers: Vec<(Scope, String)>,
    ) -> Result<Option<Grant>, Failure> {
        if length == GrantLength::Once {
            return Ok(None);
        }
        if !self.held.needs.grants.contains(&length) {
            let message = "the policy does not allow an approval of that length for this; approve it once";
            return Err(Failure::invalid_payload(message).with(json!({ "grants": self.held.needs.grants })));
        }
        let count = offers.len();
        let Some((scope, covers)) = offers.into_iter().nth(scope.unwrap_or(0)) else {
            return Err(Failure::invalid_payload(match count {
                0 => "an approval of this cannot last: it is more than one action; approve it once".to_owned(),
                _ => format!("`scope` is a number from 0 to {}", count - 1),
            }));
        };
        self.gate.room_for_grant(&self.gate.state(), self.held.asker.uid)?;
        let (held, now) = (&self.held, self.gate.clock.now());
        Ok(Some(Grant {
            id: Uuid::new_v4(),
            owner: held.asker.uid,
            door: held.asker.door,
            unit: held.asker.unit.clone(),
            action: held.steps.first().map(|s| s.name.clone()).unwrap_or_default(),
            scope,
            covers,
            host: self.gate.host.clone(),
            length,
            session: held.asker.session.clone(),
            connection: held.asker.connection,
            needs: held.needs.clone(),
            approver: self.approver.clone(),
            boot_id: now.boot_id.to_string(),
            boot_ms: now.boot_ms,
            wall_ms: now.wall_ms,
            uses: 0,
        }))
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
        let end = End {
            id: self.held.id,
            reply: None,
            note: Some(why.to_owned()),
            approver: None,
            wall_ms: 0,
            by_another: false,
        };
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

impl Gate {
    fn room_for_grant(&self, state: &State, owner: u32) -> Result<(), Failure> {
        if state.grants.values().filter(|g| g.owner == owner).count() >= MAX_GRANTS {
            let message = "there are too many standing approvals; revoke some first";
            return Err(Failure::new(Code::RateLimited, message));
        }
        Ok(())
    }

    /// Gives a standing approval: it holds as soon as it is in the journal.
    ///
    /// # Errors
    /// When there are too many, or the journal cannot be written; then there is none.
    pub async fn give(&self, grant: Grant) -> Result<(), Failure> {
        let id = grant.id;
        let ack = {
            let mut state = self.state();
            self.room_for_grant(&state, grant.owner)?;
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
