//! Tokens: an approval that was given and not yet used, for a requester that comes again with the same plan. Of a token only its
//! digest is kept; it is good once, for one owner, for one plan, and as long as the request waits.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::record::{Approver, equal};
use super::state::Phase;
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

impl Gate {
    /// The claim of whoever said yes to this very plan and handed out this token for it. Of any number who come with it, one gets
    /// it, until that claim is given back.
    pub fn redeem(&self, token: &str, caller: &Caller, plan: &Plan) -> Option<Claim<'_>> {
        let sha256 = digest(token.trim());
        let (equal, now) = (equal(caller.uid(), plan), self.clock.now());
        let mut state = self.state();
        let entry = state.held.values_mut().find(|e| {
            matches!(e.phase, Phase::Pending)
                && e.held.asker.uid == caller.uid()
                && e.held.equal == equal
                && !e.held.expired(&now)
                && e.lent.as_ref().is_some_and(|lent| lent.sha256 == sha256)
        })?;
        let approver = entry.lent.as_ref()?.approver.clone();
        entry.phase = Phase::Claimed;
        Some(Claim { gate: self, held: entry.held.clone(), approver, settled: false })
    }

    /// Whether [`Gate::redeem`] would find something. Nothing is used up.
    pub fn redeemable(&self, token: &str, caller: &Caller, plan: &Plan) -> bool {
        // Dropped at once, the claim changes nothing.
        self.redeem(token, caller, plan).is_some()
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
