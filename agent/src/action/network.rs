//! Wi-Fi and what the network is doing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steward_policy::Risk;

use super::types::no_payload;
use super::{Capability, Example, Look, Need, Perform, Ready, not_connected, say};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Switches Wi-Fi on.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkWifiOn {}

impl Capability for NetworkWifiOn {
    const NAME: &'static str = "network_wifi_on";
    const RISK: Risk = Risk::Reversible;
    const PHRASES: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[say("turn on wifi", None), say("enable wi-fi", None)];

    fn from_payload(payload: Option<&str>) -> Result<NetworkWifiOn, Failure> {
        no_payload(Self::NAME, payload, NetworkWifiOn {})
    }
}

impl Perform for NetworkWifiOn {
    const NEED: Need = Need::NetworkManager;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        "Switch Wi-Fi on".to_owned()
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}

/// Switches Wi-Fi off.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkWifiOff {}

impl Capability for NetworkWifiOff {
    const NAME: &'static str = "network_wifi_off";
    const RISK: Risk = Risk::Reversible;
    /// Raised when Wi-Fi carries the only route, or when that cannot be known.
    const RISK_POSSIBLE: Risk = Risk::Disruptive;
    const PHRASES: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[say("turn off wifi", None), say("disable wi-fi", None)];

    fn from_payload(payload: Option<&str>) -> Result<NetworkWifiOff, Failure> {
        no_payload(Self::NAME, payload, NetworkWifiOff {})
    }
}

impl Perform for NetworkWifiOff {
    const NEED: Need = Need::NetworkManager;
    const UNDO: &'static str = "yes";

    /// Until the default route can be read, it counts as carried by Wi-Fi.
    async fn look(&self, _cx: &Context<'_>) -> Result<Look, Failure> {
        Ok(Look { risk: Self::RISK_POSSIBLE, facts: self.facts(), opened: None })
    }

    fn sentence(&self) -> String {
        "Switch Wi-Fi off".to_owned()
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}

/// Tells which networks are connected.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkStatus {}

impl Capability for NetworkStatus {
    const NAME: &'static str = "network_status";
    const RISK: Risk = Risk::Observe;
    const PHRASES: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[say("show the network status", None), say("am i online", None)];

    fn from_payload(payload: Option<&str>) -> Result<NetworkStatus, Failure> {
        no_payload(Self::NAME, payload, NetworkStatus {})
    }
}

impl Perform for NetworkStatus {
    const NEED: Need = Need::NetworkManager;
    const UNDO: &'static str = "–";

    fn sentence(&self) -> String {
        "Tell which networks are connected".to_owned()
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}
