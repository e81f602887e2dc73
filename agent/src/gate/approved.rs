//! The proof that a plan may run.

use std::sync::Arc;

use uuid::Uuid;

use crate::action::Ready;
use crate::caller::Caller;
use crate::request::Plan;

/// The proof that a plan was judged and may run. Only the gate makes one, and running consumes it.
#[must_use]
#[derive(Debug)]
pub struct Approved {
    pub(super) plan: Plan,
    pub(super) ready: Vec<Ready>,
    pub(super) how: How,
    pub(super) caller: Arc<Caller>,
    pub(super) owner: u32,
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
    /// The one token that the agent was started with.
    StaticToken,
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
