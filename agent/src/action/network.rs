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
        "(turn|switch|flip|power|toggle|put) [back] (on|up) [again] <the> <wifi> <radio> [again|back] <here>",
        "(turn|switch|flip|power|toggle|put|bring|get) <the> <wifi> <radio> (on|back on|on again|back|up|back up|online|running|going|working|active|back online|up again|up and running|back on again) <here>",
        "(enable|activate|start|start up|restore|reenable|re-enable|reactivate|reconnect|bring up|bring back|power up|engage|fire up|re enable|re activate|initiate|power on|turn up|relaunch|resume|connect|unblock) <the> <wifi> <radio> [again] <here>",
        "<the> <wifi> <radio> [turn|switch|be|to] (on|enable|enabled|back on|on again|activate|activated|start|turn on|switch on|power on) <here>",
        "(enable|activate) [the] (wireless|wifi) (internet|connection|network)",
        "<wish> <the> <wifi> <radio> [to be] (on|back on|enabled|turned on|turned back on|switched on|switched back on|back|activated|reenabled|running|working|on again|back up|started|up) [again] <here>",
        "<wish> to use <the> <wifi> (turn|switch) it [back] on",
        "(<wish>|i need to use) <the> <wifi> [on|back|again] [please] (turn it on|switch it on|enable it|turn it back on|activate it|put it on)",
        "<the> <wifi> is (off|disabled) (turn it on|switch it on|enable it|turn it back on|activate it)",
        "<the> <wifi> <radio> <should be> (on|enabled|turned on|switched on|active|activated|turned back on)",
        "(get|have) <the> <wifi> <radio> (going|working|running|started|turned on|up and running|switched on|enabled|activated|on)",
        "(make) <the> <wifi> (work|go on|active)",
        "(reconnect|connect|get|put|bring) [to|me to|me on|me back on|me back to|us to|us on|this computer to|the computer to|my computer to|this laptop to|my laptop to|the laptop to|back to] (the|my|our) <wifi> [again]",
        "(reconnect|connect) [to|me to|back to] <wifi> [again]",
        "(get|put|bring) (me|us|this computer|the computer|my computer|this laptop|my laptop) [back] (on|onto|on to|to) <the> <wifi> [again]",
        "(go|get) [back] on <the> <wifi>",
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
        "(turn|switch|shut|flip|power|toggle|cut|click) off [again] <the> <wifi> <radio> <here>",
        "(turn|switch|shut|flip|power|toggle|take|bring|put|cut) <the> <wifi> <radio> (off|down|offline|off again|back off) <here>",
        "(disable|deactivate|stop|cut|kill|shut down|power down|bring down|disconnect|drop|take down|block|cut off|suspend|disengage|power off|terminate|shut|end|close|inactivate|halt|turn down|pull down) <the> <wifi> <radio> <here>",
        "<the> <wifi> <radio> [turn|switch|be|to] (off|disable|disabled|off again|deactivate|deactivated|down|stop|turn off|switch off|power off|shut off) <here>",
        "disconnect (from|me from|this computer from|the computer from|my computer from|my laptop from|this laptop from|us from) [the|my] <wifi> <radio>",
        "(go|get) off <the> <wifi>",
        "<wish> <the> <wifi> <radio> [to be] (off|disabled|turned off|switched off|deactivated|gone|shut off|cut|down|shut down|off again) <here>",
        "(i dont need|i do not need|i no longer need|i am done with|im done with|dont need|im not using|i am not using|we dont need|i dont use) <the> <wifi> [anymore|any more|any longer|right now|now] [please] (turn it off|switch it off|disable it|shut it off|kill it|deactivate it)",
        "<the> <wifi> is (on|enabled) (turn it off|switch it off|disable it)",
        "<the> <wifi> <radio> <should be> (off|disabled|turned off|switched off|deactivated)",
        "(get|have) <the> <wifi> <radio> (turned off|disabled|switched off|shut off|off|deactivated)",
        "(take|get) (me|this computer|the computer|my laptop|this laptop|us) off [of] [the|my] <wifi>",
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
        "(am i|are we) [still] (connected|online)",
        "is (the|my|our) (wifi|wireless) connected",
        "am i (online|connected|connected to the internet|connected to the network|connected to wifi|connected to the wifi|connected to a network|offline|on the network|on the internet|on wifi)",
        "are (we|you) (online|connected right now|connected to wifi|connected to the wifi|on wifi|on the internet|on the network|connected to the internet|connected to the network|offline)",
        "is (this|the|my) (<machine>) (online|connected|connected to the internet|offline|on the network|connected to the network)",
        "(do i|do we|do you) have [an|any|a working] (internet|network|internet connection|network connection|connection|internet access|network access|connectivity)",
        "is (the|my|our) (internet|network|connection|internet connection|network connection) (up|down|working|on|ok|okay|connected|there|alive|running|fine)",
        "(how is|hows|what is|whats) (the|my|our) (network|connection|internet connection|network connection|connectivity|network status|connection status|internet status|status of the network|network state|status of my connection|status of the internet connection)",
        "(show|show me|check|tell me|give me|get|display|report|print|list|query|view|see|test) [the|my] (network status|connection status|internet status|network connection|internet connection|network state|network|connection|network info|network information|network connections|connectivity|network details|connection details|ip address|ip|network settings status|wifi network name|current network)",
        "(network|internet|connectivity|ip|networking) (status|state|check|info|information|details|report|address|test|overview)",
        "(connection) (status|state|check|info|information|details|report|overview)",
        "(is|are) (there|we having) [an|any|a] (internet|internet connection|network|network connection|connection|connectivity) [available|right now|here]",
        "(is|does) (the|my|our|this) (internet|network|connection|internet connection|network connection) (working|connected|up|on|ok|okay|down|work)",
        "(what is|whats|how is|hows) (the|my|our) (status|state) of (the|my|our) (network|internet|connection|internet connection|network connection)",
        "(show|tell|give) [me] (whether|if) (i am|im|we are|this computer is|the computer is) (online|connected|connected to the internet|offline)",
        "(check|see|verify|test|tell me) (if|whether) (i am|im|we are|the internet is|my internet is|the network is|this computer is|the computer is|i have|there is) [still] (online|connected|connected to the internet|working|up|down|internet|an internet connection|offline)",
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
