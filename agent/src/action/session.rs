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
        "(lock|lock down|secure) [up] (the|my|this|our|your) (<screen>|<machine>|device|session|desktop session|workspace|user session|desktop|desktop screen|screen and session|login|display|account) [up|down]",
        "lock (the thing|the whole thing|everything|everything up|down|up|down everything|yourself|yourself up|me out|screen|computer|pc|laptop|session|desktop|machine|workstation|display|system)",
        "lock",
        "lock it [up|down]",
        "(put|turn|switch) (the|my) (lock screen|screen lock|lockscreen) (on|up)",
        "(screen|session|computer|desktop|pc|laptop) (lock|to lock|locked)",
        "(activate|enable|start|engage|turn on|show|bring up|trigger|put on|open|display|switch on|put up|throw up) [the|my|a] (lock screen|screen lock|lockscreen|session lock)",
        "(go to|switch to|get to|take me to) (the|my) (lock screen|lockscreen)",
        "(put|get) (the|my) (screen|computer|pc|laptop|session|desktop) (in lock|on lock|locked|in lock mode)",
        "<wish> (the|my|this) (<screen>|<machine>|session|desktop) [to be|to get] (locked|to lock)",
        "(get|have|make|keep) (the|my|this) (<screen>|<machine>|session|desktop) locked",
        "(the|my|this) (<screen>|<machine>|session|desktop) <should be> locked",
        "(make|let) (the|my|this) (<screen>|<machine>|session|desktop) lock",
        "lock (this|the) (thing)",
        "(go|switch|get|take me) to [the|my] (lock screen|lockscreen)",
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
