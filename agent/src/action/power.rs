//! Restarting, switching off and sleeping.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steward_policy::Risk;

use super::types::no_payload;
use super::{Capability, Example, Need, Perform, Ready, not_connected, say};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Restarts the machine.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerReboot {}

impl Capability for PowerReboot {
    const NAME: &'static str = "power_reboot";
    const RISK: Risk = Risk::Destructive;
    const PHRASES: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[say("restart the computer", None), say("reboot", None)];

    fn from_payload(payload: Option<&str>) -> Result<PowerReboot, Failure> {
        no_payload(Self::NAME, payload, PowerReboot {})
    }
}

impl Perform for PowerReboot {
    const NEED: Need = Need::Logind;
    const UNDO: &'static str = "–";

    fn sentence(&self) -> String {
        "Restart the machine".to_owned()
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}

/// Switches the machine off.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerShutdown {}

impl Capability for PowerShutdown {
    const NAME: &'static str = "power_shutdown";
    const RISK: Risk = Risk::Destructive;
    const PHRASES: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[say("shut down the computer", None), say("power off", None)];

    fn from_payload(payload: Option<&str>) -> Result<PowerShutdown, Failure> {
        no_payload(Self::NAME, payload, PowerShutdown {})
    }
}

impl Perform for PowerShutdown {
    const NEED: Need = Need::Logind;
    const UNDO: &'static str = "–";

    fn sentence(&self) -> String {
        "Switch the machine off".to_owned()
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}

/// Puts the machine to sleep.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerSleep {}

impl Capability for PowerSleep {
    const NAME: &'static str = "power_sleep";
    const RISK: Risk = Risk::Disruptive;
    const PHRASES: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[say("go to sleep", None), say("suspend the computer", None)];

    fn from_payload(payload: Option<&str>) -> Result<PowerSleep, Failure> {
        no_payload(Self::NAME, payload, PowerSleep {})
    }
}

impl Perform for PowerSleep {
    const NEED: Need = Need::Logind;
    const UNDO: &'static str = "–";

    fn sentence(&self) -> String {
        "Put the machine to sleep".to_owned()
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}
