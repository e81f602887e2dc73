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
    const PHRASES: &'static [&'static str] = &[
        "(turn|switch|flip|power|toggle|put) [back] on <the> <wifi> <radio> <here>",
        "(turn|switch|flip|power|toggle|put|bring|get) <the> <wifi> <radio> (on|back on|on again|back|up|back up|online|running|going|working|back online|up again|up and running|back on again) <here>",
        "(enable|activate|start|start up|restore|reenable|re-enable|reactivate|reconnect|bring up|bring back|power up|engage|fire up|connect|unblock) <the> <wifi> <radio> [again] <here>",
        "<the> <wifi> <radio> (on|enable|enabled|back on|on again|activate|start)",
        "(enable|activate) [the] (wireless|wifi) (internet|connection|network)",
        "(i want|i need|i would like|id like) <the> <wifi> <radio> (on|back on|enabled|to be on|turned on|switched on|back|activated)",
        "(get) <the> <wifi> <radio> (going|working|running|started|turned on|up and running)",
        "(make) <the> <wifi> (work|go on|active)",
        "(reconnect|connect) [to|me to] [the] (wifi|wi fi|wireless)",
    ];
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
    const PHRASES: &'static [&'static str] = &[
        "(turn|switch|shut|flip|power|toggle) off <the> <wifi> <radio> <here>",
        "(turn|switch|shut|flip|power|toggle|take|bring|put|cut) <the> <wifi> <radio> (off|down|offline|off again|back off) <here>",
        "(disable|deactivate|stop|cut|kill|shut down|power down|bring down|disconnect|drop|take down|block|cut off|suspend|disengage) <the> <wifi> <radio> <here>",
        "<the> <wifi> <radio> (off|disable|disabled|off again|deactivate|down)",
        "disconnect (from|me from) [the|my] <wifi> <radio>",
        "(i want|i need|i would like|id like) <the> <wifi> <radio> (off|disabled|to be off|turned off|switched off|deactivated)",
        "(get) <the> <wifi> <radio> (turned off|disabled|switched off)",
        "(take|get) me off [the] <wifi>",
    ];
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
    const PHRASES: &'static [&'static str] = &[
        "am i (online|connected|connected to the internet|connected to the network|connected to wifi|connected to the wifi|connected to a network|offline|on the network|on the internet|on wifi)",
        "are (we|you) (online|connected to the internet|connected to the network|offline)",
        "is (this|the|my) (<machine>) (online|connected|connected to the internet|offline|on the network|connected to the network)",
        "(do i|do we|do you) have [an|any|a working] (internet|network|internet connection|network connection|connection|internet access|network access|connectivity)",
        "is (the|my|our) (internet|network|connection|internet connection|network connection) (up|down|working|on|ok|okay|connected|there|alive|running|fine)",
        "(how is|hows|what is|whats) (the|my|our) (network|connection|internet connection|network connection|connectivity|network status|connection status|internet status|status of the network|network state|status of my connection|status of the internet connection)",
        "(show|show me|check|tell me|give me|get|display|report|print|list|query|view|see|test) [the|my] (network status|connection status|internet status|network connection|internet connection|network state|network|connection|network info|network information|network connections|connectivity|network details|connection details|ip address|ip|network settings status|wifi network name|current network)",
        "(network|connection|internet|connectivity) (status|state|check|info)",
        "(what|which) (network|wifi|wifi network|wireless network|wi fi|wi fi network) (am i on|am i connected to|are we on|are we connected to|am i using|is this|is this computer on|is this machine on|is this connected to|are you on|are you connected to)",
        "(what is|whats) (my|the) (ip|ip address|network|current network|wifi name|wifi network|network name|ssid|local ip|local ip address)",
        "how is (the|my) (internet|network) (doing|connection)",
    ];
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
