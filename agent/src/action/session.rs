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
    const PHRASES: &'static [&'static str] = &[
        "lock [up] (the|my|this|our) (<screen>|<machine>|device|session|desktop session|workspace)",
        "lock (screen|computer|pc|laptop|session|desktop|machine|workstation|display|system)",
        "lock",
        "lock it [up|down]",
        "(screen|session|computer|desktop) lock",
        "(activate|enable|start|engage|turn on|show|bring up|trigger) (the|my) (lock screen|screen lock|lockscreen)",
        "(go to|switch to|get to|take me to) (the|my) (lock screen|lockscreen)",
        "(put|get) (the|my) (screen|computer|pc|laptop|session|desktop) (in lock|on lock|locked|in lock mode)",
        "(i want|i need|i would like|id like) (the|my|this) (<screen>|<machine>|session) [to be] locked",
        "(get|have|make) (the|my|this) (<screen>|<machine>|session) locked",
        "lock (this|the) (thing)",
        "lock (me) out",
    ];
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
