//! Tokens: an approval that was given and not yet used, for a requester that comes again with the same plan. Of a token only its
//! digest is kept; it is good once, for one owner, for one plan, and as long as the request waits.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::record::{Approver, equal};
use super::state::{Entry, Phase, State};
use super::{Claim, Gate, journal};
use crate::caller::Caller;
use crate::fault;
use crate::reply::Failure;
use crate::request::Plan;
use crate::store::Durability;

/// Bytes of a token.
const BYTES: usize = 16;

/// An approval that was handed out as a token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Lent {
    /// Of which request.
    pub(super) id: Uuid,
    /// SHA-256 of the token.
    pub(super) sha256: String,
    /// Who said yes.
    pub(super) approver: Approver,
}

impl Claim<'_> {
    /// Hands the yes out as a token. The request goes on waiting; an earlier token for it is good no more.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn lend(self) -> Result<String, Failure> {
        let token = token();
        let lent = Lent { id: self.held.id, sha256: digest(&token), approver: self.approver.clone() };
        self.gate.journal.append("lent", &lent, Durability::Synced).await.map_err(journal)?;
        fault::point("lent");
        if let Some(entry) = self.gate.state().held.get_mut(&self.held.id) {
            entry.lent = Some(lent);
        }
        // Dropping the claim lets the request wait again.
        Ok(token)
    }
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Nothing of this requester's was approved with it, or that is long ago.
    Unknown,
    /// It was used, or what it was for has ended.
    Used,
    /// What it was for did not wait any longer.
    Expired,
    /// It was handed out for another plan.
    OtherPlan,
    /// It is the static one, and the policy wants more than that.
    TooWeak,
}

impl Unfit {
    /// The word in the audit log.
    pub fn name(self) -> &'static str {
        match self {
            Unfit::Unknown => "unknown",
            Unfit::Used => "used",
            Unfit::Expired => "expired",
            Unfit::OtherPlan => "other_plan",
            Unfit::TooWeak => "too_weak",
        }
    }

    /// What a person is told.
    pub fn why(self) -> &'static str {
        match self {
            Unfit::Unknown => "the token is not known; `steward approve --token` hands out one",
            Unfit::Used => "the token was used already, and is good once",
            Unfit::Expired => "the token is too old; the plan has to be approved again",
            Unfit::OtherPlan => "the token was handed out for another plan; every byte of the steps counts",
            Unfit::TooWeak => {
                "the static token is not enough for this; `steward approve --token` hands out one that is"
            }
        }
    }
}

impl Gate {
    /// The claim of whoever said yes to this very plan and handed out this token for it. Of any number who come with it, one gets
    /// it, until that claim is given back.
    ///
    /// # Errors
    /// Why the token does not count.
    pub fn redeem(&self, token: &str, caller: &Caller, plan: &Plan) -> Result<Claim<'_>, Unfit> {
        let mut state = self.state();
        let (entry, approver) = self.lent(&mut state, token, caller, plan)?;
        entry.phase = Phase::Claimed;
        Ok(Claim { gate: self, held: entry.held.clone(), approver, settled: false })
    }

    /// Whether [`Gate::redeem`] would find something. Nothing is used up.
    ///
    /// # Errors
    /// Why the token does not count.
    pub fn redeemable(&self, token: &str, caller: &Caller, plan: &Plan) -> Result<(), Unfit> {
        self.lent(&mut self.state(), token, caller, plan).map(drop)
    }

    /// What this token was handed out for. Of what is another uid's it is not said that it is there.
    fn lent<'s>(
        &self,
        state: &'s mut State,
        token: &str,
        caller: &Caller,
        plan: &Plan,
    ) -> Result<(&'s mut Entry, Approver), Unfit> {
        let sha256 = digest(token.trim());
        let own = |e: &&mut Entry| e.held.asker.uid == caller.uid();
        let of = |e: &Entry| e.lent.as_ref().filter(|lent| lent.sha256 == sha256).map(|lent| lent.approver.clone());
        let found = state.held.values_mut().filter(own).find_map(|e| of(e).map(|approver| (e, approver)));
        let (entry, approver) = found.ok_or(Unfit::Unknown)?;
        match entry.phase {
            _ if entry.held.equal != equal(caller.uid(), plan) => Err(Unfit::OtherPlan),
            Phase::Pending if entry.held.expired(&self.clock.now()) => Err(Unfit::Expired),
            Phase::Pending => Ok((entry, approver)),
            Phase::Ended("expired", _) => Err(Unfit::Expired),
            _ => Err(Unfit::Used),
        }
    }
}

/// 128 bits out of 244 that the operating system made, in hexadecimal digits.
fn token() -> String {
    let random = Sha256::new().chain_update(Uuid::new_v4()).chain_update(Uuid::new_v4()).finalize();
    random[..BYTES].iter().map(|b| format!("{b:02x}")).collect()
}

fn digest(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}
