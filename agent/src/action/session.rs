//! The caller's login session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steward_policy::Risk;

use super::types::no_payload;
use super::{Capability, Example, Need, Perform, Ready, not_connected, say};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Locks the caller's session.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionLock {}

impl Capability for SessionLock {
    const NAME: &'static str = "session_lock";
    const RISK: Risk = Risk::Low;
    const PHRASES: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[say("lock the screen", None), say("lock my session", None)];

    fn from_payload(payload: Option<&str>) -> Result<SessionLock, Failure> {
        no_payload(Self::NAME, payload, SessionLock {})
    }
}

impl Perform for SessionLock {
    const NEED: Need = Need::Logind;
    const UNDO: &'static str = "–";

    fn sentence(&self) -> String {
        "Lock the screen".to_owned()
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}
