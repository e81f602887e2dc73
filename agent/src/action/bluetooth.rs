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
    const PHRASES: &'static [&'static str] = &[];
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
    const PHRASES: &'static [&'static str] = &[];
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
