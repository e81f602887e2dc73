//! The Bluetooth adapters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steward_policy::Risk;

use super::types::no_payload;
use super::{Capability, Example, Need, Perform, Ready, not_connected, say};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Switches Bluetooth on.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkBluetoothOn {}

impl Capability for NetworkBluetoothOn {
    const NAME: &'static str = "network_bluetooth_on";
    const RISK: Risk = Risk::Reversible;
    const PHRASES: &'static [&'static str] = &[
        "(turn|switch|flip|power|toggle|put) [back] on <the> <bluetooth> <radio> <here>",
        "(turn|switch|flip|power|toggle|put|bring|get) <the> <bluetooth> <radio> (on|back on|on again|back|up|back up|online|running|going|working|up and running|up again|back on again) <here>",
        "(enable|activate|start|start up|restore|reenable|re-enable|reactivate|bring up|bring back|power up|engage|fire up|unblock|reconnect) <the> <bluetooth> <radio> [again] <here>",
        "<the> <bluetooth> <radio> (on|enable|enabled|back on|on again|activate|start)",
        "(i want|i need|i would like|id like) <the> <bluetooth> <radio> (on|back on|enabled|to be on|turned on|switched on|back|activated)",
        "(get) <the> <bluetooth> <radio> (going|working|running|started|turned on|up and running)",
        "(make) <the> <bluetooth> (work|go on|active)",
    ];
    const EXAMPLES: &'static [Example] = &[say("turn on bluetooth", None), say("enable bluetooth", None)];

    fn from_payload(payload: Option<&str>) -> Result<NetworkBluetoothOn, Failure> {
        no_payload(Self::NAME, payload, NetworkBluetoothOn {})
    }
}

impl Perform for NetworkBluetoothOn {
    const NEED: Need = Need::Bluez;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        "Switch Bluetooth on".to_owned()
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}

/// Switches Bluetooth off.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkBluetoothOff {}

impl Capability for NetworkBluetoothOff {
    const NAME: &'static str = "network_bluetooth_off";
    const RISK: Risk = Risk::Reversible;
    const PHRASES: &'static [&'static str] = &[
        "(turn|switch|shut|flip|power|toggle) off <the> <bluetooth> <radio> <here>",
        "(turn|switch|shut|flip|power|toggle|take|bring|put|cut) <the> <bluetooth> <radio> (off|down|offline|off again|back off) <here>",
        "(disable|deactivate|stop|cut|kill|shut down|power down|bring down|disconnect|drop|take down|block|cut off|suspend|disengage) <the> <bluetooth> <radio> <here>",
        "<the> <bluetooth> <radio> (off|disable|disabled|off again|deactivate|down)",
        "(i want|i need|i would like|id like) <the> <bluetooth> <radio> (off|disabled|to be off|turned off|switched off|deactivated)",
        "(get) <the> <bluetooth> <radio> (turned off|disabled|switched off)",
    ];
    const EXAMPLES: &'static [Example] = &[say("turn off bluetooth", None), say("disable bluetooth", None)];

    fn from_payload(payload: Option<&str>) -> Result<NetworkBluetoothOff, Failure> {
        no_payload(Self::NAME, payload, NetworkBluetoothOff {})
    }
}

impl Perform for NetworkBluetoothOff {
    const NEED: Need = Need::Bluez;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        "Switch Bluetooth off".to_owned()
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}
