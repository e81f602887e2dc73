//! The caller's login session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use steward_ipc::{Code, Effect, Preview};
use steward_policy::Risk;

use super::types::no_payload;
use super::{Capability, Example, Need, Perform, Ready, Shown, say};
use crate::backend::dbus::login1::{Login1, LoginSession};
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
        "(lock|lock down|secure) [up] (the|my|this|our|your) (<screen>|<machine>|device|session|desktop session|workspace|user session|\
         desktop|desktop screen|screen and session|login|display|account) [up|down]",
        "lock (the thing|the whole thing|everything|everything up|down|up|down everything|yourself|yourself up|me out|screen|computer|pc|\
         laptop|session|desktop|machine|workstation|display|system)",
        "lock",
        "lock it [up|down]",
        "(put|turn|switch) (the|my) (lock screen|screen lock|lockscreen) (on|up)",
        "(screen|session|computer|desktop|pc|laptop) (lock|to lock|locked)",
        "(activate|enable|start|engage|turn on|show|bring up|trigger|put on|open|display|switch on|put up|throw up) [the|my|a] (lock \
         screen|screen lock|lockscreen|session lock)",
        "(put|get) (the|my) (screen|computer|pc|laptop|session|desktop) (in lock|on lock|locked|in lock mode)",
        "<wish> (the|my|this) (<screen>|<machine>|session|desktop) [to be|to get] (locked|to lock)",
        "(get|have|make|keep) (the|my|this) (<screen>|<machine>|session|desktop) locked",
        "(the|my|this) (<screen>|<machine>|session|desktop) <should be> locked",
        "(make|let) (the|my|this) (<screen>|<machine>|session|desktop) lock",
        "lock (this|the) (thing)",
        "(go|switch|get|take me) to [the|my] (lock screen|lockscreen)",
        "(lock|secure) (up|down) [the|my|this|everything] [<machine>|<screen>|desktop|session]",
        "(lock|keep) (people|everyone|others|everybody|anyone|strangers) out [of (the|my|this) (<machine>|session)]",
        "(throw|put|slap|stick) (the|a) lock on (the|my|this) (<screen>|<machine>|session|desktop)",
        "(password protect|protect) (the|my) (<screen>|session|desktop)",
        "(make sure|ensure|see to it) [that] (the|my|this) (<screen>|<machine>|session|desktop) (is|gets) locked",
    ];
    const EXAMPLES: &'static [Example] = &[say("lock the screen", None), say("lock my session", None)];

    fn from_payload(payload: Option<&str>) -> Result<SessionLock, Failure> {
        no_payload(Self::NAME, payload, SessionLock {})
    }
}

impl Perform for SessionLock {
    const NEED: Need = Need::Logind;
    const PERSONAL: bool = true;
    const UNDO: &'static str = "–";

    fn sentence(&self) -> String {
        "Lock the screen".to_owned()
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        let session = own(cx).await?;
        let locked = Login1(&cx.services.bus).locked(&session.id).await?;
        let object = format!("session {} of {}", session.id, session.user);
        let effect = Effect { verb: "lock".to_owned(), object, ..Effect::default() };
        let preview = Preview { summary: self.sentence(), effects: vec![effect], ..Preview::default() };
        Ok(Shown { preview, already: locked.then(|| ALREADY.to_owned()), ..Shown::default() })
    }

    async fn run(&self, cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        let session = own(cx).await?;
        let login1 = Login1(&cx.services.bus);
        if login1.locked(&session.id).await? {
            return Ok(Outcome::says(ALREADY).with(json!({ "changed": false, "session": session.id })));
        }
        login1.lock(&session.id).await?;
        Ok(Outcome::says("Locking the screen.").with(json!({ "changed": true, "session": session.id })))
    }

    async fn took_place(&self, cx: &Context<'_>, _rebooted: Option<bool>) -> Option<bool> {
        let session = own(cx).await.ok()?;
        // A desktop that does not say that it is locked may be locked all the same.
        Login1(&cx.services.bus).locked(&session.id).await.ok().filter(|locked| *locked)
    }
}

/// The answer when it is locked.
const ALREADY: &str = "The screen is already locked.";

/// The session whose screen the caller sits at.
async fn own(cx: &Context<'_>) -> Result<LoginSession, Failure> {
    let session = Login1(&cx.services.bus).at_the_seat(cx.owner, cx.caller.facts().session.as_deref()).await?;
    session.ok_or_else(|| {
        let message = "you have no session with a screen on this machine; log in at it, then it can be locked";
        Failure::new(Code::Unavailable, message).with(json!({ "needs": "a session at the machine" }))
    })
}
