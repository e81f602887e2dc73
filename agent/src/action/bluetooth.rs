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
        "(turn|switch|flip|power|toggle|put) [back] (on|up) [again] <the> <bluetooth> <radio> [again|back] <here>",
        "(turn|switch|flip|power|toggle|put|bring|get) <the> <bluetooth> <radio> (on|back on|on again|back|up|back up|online|running|going|working|active|up and running|up again|back on again) <here>",
        "(enable|activate|start|start up|restore|reenable|re-enable|reactivate|bring up|bring back|power up|engage|fire up|re enable|re activate|initiate|power on|turn up|relaunch|resume|unblock|reconnect) <the> <bluetooth> <radio> [again] <here>",
        "<the> <bluetooth> <radio> [turn|switch|be|to] (on|enable|enabled|back on|on again|activate|activated|start|turn on|switch on|power on) <here>",
        "<wish> <the> <bluetooth> <radio> [to be] (on|back on|enabled|turned on|turned back on|switched on|switched back on|back|activated|reenabled|running|working|on again|back up|started|up) [again] <here>",
        "<wish> to use <the> <bluetooth> (turn|switch) it [back] on",
        "(<wish>|i need to use) <the> <bluetooth> [on|back|again] [please] (turn it on|switch it on|enable it|turn it back on|activate it|put it on)",
        "<the> <bluetooth> is (off|disabled) (turn it on|switch it on|enable it|turn it back on|activate it)",
        "<the> <bluetooth> <radio> <should be> (on|enabled|turned on|switched on|active|activated|turned back on)",
        "(get|have) <the> <bluetooth> <radio> (going|working|running|started|turned on|up and running|switched on|enabled|activated|on)",
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
        "(turn|switch|shut|flip|power|toggle|cut|click) off [again] <the> <bluetooth> <radio> <here>",
        "(turn|switch|shut|flip|power|toggle|take|bring|put|cut) <the> <bluetooth> <radio> (off|down|offline|off again|back off) <here>",
        "(disable|deactivate|stop|cut|kill|shut down|power down|bring down|disconnect|drop|take down|block|cut off|suspend|disengage|power off|terminate|shut|end|close|inactivate|halt|turn down|pull down) <the> <bluetooth> <radio> <here>",
        "<the> <bluetooth> <radio> [turn|switch|be|to] (off|disable|disabled|off again|deactivate|deactivated|down|stop|turn off|switch off|power off|shut off) <here>",
        "<wish> <the> <bluetooth> <radio> [to be] (off|disabled|turned off|switched off|deactivated|gone|shut off|cut|down|shut down|off again) <here>",
        "(i dont need|i do not need|i no longer need|i am done with|im done with|dont need|im not using|i am not using|we dont need|i dont use) <the> <bluetooth> [anymore|any more|any longer|right now|now] [please] (turn it off|switch it off|disable it|shut it off|kill it|deactivate it)",
        "<the> <bluetooth> is (on|enabled) (turn it off|switch it off|disable it)",
        "<the> <bluetooth> <radio> <should be> (off|disabled|turned off|switched off|deactivated)",
        "(get|have) <the> <bluetooth> <radio> (turned off|disabled|switched off|shut off|off|deactivated)",
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
