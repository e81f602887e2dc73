//! Wi-Fi and what the network is doing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_ipc::Fact;
use steward_policy::Risk;

use super::types::{listed, no_payload, visible};
use super::{Capability, Example, Look, Need, Perform, Ready, Shown, say, switched};
use crate::backend::dbus::network_manager::{Carries, NetworkManager, Status};
use crate::reply::{Failure, Outcome, Undo};
use crate::services::Context;

/// Switches Wi-Fi on.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkWifiOn {}

impl Capability for NetworkWifiOn {
    const NAME: &'static str = "network_wifi_on";
    const RISK: Risk = Risk::Reversible;
    const PHRASES: &'static [&'static str] = &[
        "<turn> <the> <wifi> <radio> [turned|switched|put] [back|right back] <on> <here>",
        "(<turn>|fire|start|bring|boot|light|wake|power|spin) [back] (on|up) [again] <the> <wifi> <radio> [again|back] <here>",
        "<enable> <the> <wifi> <radio> [again|back|up] <here>",
        "<the> <wifi> <radio> [turn|switch|be|to|go|set to] [back] (on|enable|enabled|activate|activated|start|up) [again] <here>",
        "<wish> <the> <wifi> <radio> [to be|to come|to go|turned|switched|put|brought] [back] <on> <here>",
        "<the> <wifi> <radio> <must be> [turned|switched|put|brought] [back] <on> <here>",
        "(make sure|ensure|see to it|make sure that|see that|check that) <the> <wifi> <radio> is [turned|switched] [back] <on> <here>",
        "<wish> to use <the> <wifi> <turn it on>",
        "(<wish>|i need to use|we need) <the> <wifi> <radio> [on|back|again] [so] [please] <turn it on>",
        "<the> <wifi> <radio> is (off|disabled|down|not on|turned off|switched off) [so] [please] <turn it on>",
        "(lets go|lets get|go) [back] on <the> <wifi>",
        "(reconnect|connect|get|put|bring|hook|log) [to|me to|me on|me up to|me back on|me back to|me back up to|us to|us on|us back on|\
         this computer to|the computer to|my computer to|this laptop to|my laptop to|the laptop to|back to|back up to|me up with] (the|my|\
         our) <wifi> [again]",
        "(reconnect|connect|hook) [to|me to|back to|up to|me up to|me back up to] <wifi> [again]",
        "(get|put|bring) (me|us|this computer|the computer|my computer|this laptop|my laptop|this machine) [back] (on|onto|on to|to) <the> \
         <wifi> [again]",
        "(make) <the> <wifi> (work|go on|active|available|connect)",
        "(get|put|bring) (me|us|this computer|the computer|my computer|this laptop|my laptop|this machine) [back] online [again|over wifi|\
         with the wifi|using wifi|on the wifi]",
        "(go|get) [back] online [again] [with|over|on|using] [the|my] [wifi]",
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

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        preview(cx, true).await
    }

    async fn run(&self, cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        switch(cx, true).await
    }

    async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
        present(cx).await
    }

    async fn took_place(&self, cx: &Context<'_>, _rebooted: Option<bool>) -> Option<bool> {
        present(cx).await.ok().map(|on| on == json!(true))
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
        "<turn> <the> <wifi> <radio> [turned|switched|shut|powered|right] <off> <here>",
        "(<turn>|cut|click|shut|power) off [again] <the> <wifi> <radio> [again] <here>",
        "off <the> <wifi>",
        "<disable> <the> <wifi> <radio> [again] <here>",
        "(pull the plug on|pull the plug from|cut the power to|cut power to|kill the power to|say goodbye to|stop using|put an end to|do \
         away with) <the> <wifi> <radio> <here>",
        "<the> <wifi> <radio> [turn|switch|be|to|go|set to] (off|disable|disabled|off again|deactivate|deactivated|down|stop) <here>",
        "<wish> <the> <wifi> <radio> [to be|to go|turned|switched|powered|shut|cut] <off> <here>",
        "<the> <wifi> <radio> <must be> [turned|switched|powered|shut|cut] <off> <here>",
        "(make sure|ensure|see to it|make sure that|see that|check that) <the> <wifi> <radio> is [turned|switched] <off> <here>",
        "(<unneeded>|no more|no need for|no more need for|there is no need for|we have no need for|i have no need for|enough of) <the> \
         <wifi> <radio> [anymore|any more|any longer|right now|now|at the moment|today|for now] [so] [please] <turn it off>",
        "<the> <wifi> <radio> is [still] (on|enabled|turned on|switched on) [so] [please] <turn it off>",
        "disconnect (from|me from|this computer from|the computer from|my computer from|my laptop from|this laptop from|us from) [the|my] \
         <wifi> <radio>",
        "(go|get|hop|jump) off [of] <the> <wifi>",
        "(take|get|kick|bump|throw|knock) (me|this computer|the computer|my computer|my laptop|this laptop|this machine|us) off [of] [the|my] <wifi>",
    ];
    const EXAMPLES: &'static [Example] = &[say("turn off wifi", None), say("disable wi-fi", None)];

    fn from_payload(payload: Option<&str>) -> Result<NetworkWifiOff, Failure> {
        no_payload(Self::NAME, payload, NetworkWifiOff {})
    }
}

impl Perform for NetworkWifiOff {
    const NEED: Need = Need::NetworkManager;
    const UNDO: &'static str = "yes";

    /// What cannot be found out counts as carried by Wi-Fi.
    async fn look(&self, cx: &Context<'_>) -> Result<Look, Failure> {
        let risk = match manager(cx).carries().await {
            Ok(Carries::Nothing) => Self::RISK,
            Ok(Carries::Primary) | Err(_) => Self::RISK_POSSIBLE,
        };
        Ok(Look { risk, facts: self.facts(), opened: None })
    }

    fn sentence(&self) -> String {
        "Switch Wi-Fi off".to_owned()
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        let mut shown = preview(cx, false).await?;
        let route = match manager(cx).carries().await {
            Ok(Carries::Primary) => "Wi-Fi carries the connection of this machine",
            Ok(Carries::Nothing) => return Ok(shown),
            Err(_) => "it is not known whether Wi-Fi carries the connection of this machine",
        };
        shown.preview.facts.push(Fact { name: "connection".to_owned(), value: route.to_owned() });
        Ok(shown)
    }

    async fn run(&self, cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        switch(cx, false).await
    }

    async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
        present(cx).await
    }

    async fn took_place(&self, cx: &Context<'_>, _rebooted: Option<bool>) -> Option<bool> {
        present(cx).await.ok().map(|on| on == json!(false))
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
        "is (this|the|my) (<machine>) (online|connected|connected to the internet|offline|on the network|connected to the network)",
        "(how is|hows|what is|whats) (the|my|our) (network|connection|internet connection|network connection|connectivity|network status|\
         connection status|internet status|status of the network|network state|status of my connection|status of the internet connection)",
        "(show|show me|check|tell me|give me|get|display|report|print|list|query|view|see|test) [the|my] (network status|connection status|\
         internet status|network connection|internet connection|network state|network|connection|network info|network information|network \
         connections|connectivity|network details|connection details|ip address|ip|network settings status|wifi network name|current \
         network)",
        "(network|internet|connectivity|ip|networking) (status|state|check|info|information|details|report|address|test|overview)",
        "(is|does) (the|my|our|this) (internet|network|connection|internet connection|network connection) (working|connected|up|on|ok|okay|down|work)",
        "(show|tell|give) [me] (whether|if) (i am|im|we are|this computer is|the computer is) (online|connected|connected to the internet|offline)",
        "(check|see|verify|test|tell me) (if|whether) (i am|im|we are|the internet is|my internet is|the network is|this computer is|the \
         computer is|i have|there is) [still] (online|connected|connected to the internet|working|up|down|internet|an internet connection|\
         offline)",
        "(what|which) (network|wifi|wifi network|wireless network|wi fi|wi fi network) (am i on|am i connected to|are we on|are we \
         connected to|am i using|is this|is this computer on|is this machine on|is this connected to|are you on|are you connected to)",
        "(what is|whats) (my|the) (ip|ip address|network|current network|wifi name|wifi network|network name|ssid|local ip|local ip address)",
        "(what|whats|hows|how is|how are) (the|my|our) (internet|network|networking|connection|wifi|wi fi|online) (situation|status|state|\
         connection|doing|looking|like|looking like|signal) [doing|right now|today|now]",
        "(is|are) (everything|we|things|stuff|this machine|the machine|this laptop|my laptop) [still] (online|connected|hooked up|on the \
         network|on the net|plugged into the network) [to the internet|to the network]",
        "(check|show|see|tell me|get|report|print|whats|give me) (if|whether|that|how) [the|my|our] (internet|network|connection|wifi) (is|\
         works|is up|is working|is ok|is doing|is connected|is down|is okay|is fine) [properly|now|today|right now]",
        "(am i|are we) (hooked up|on) [to] [the|a] (internet|network|wifi|net|web|lan)",
        "(do|have) (i|we) [have|got|still have] [a|any|an] (signal|internet|network|net|connection|wifi signal|wifi connection|network \
         connection|connectivity|access to the internet|internet access) [here|right now|now|at the moment]",
        "(what|which) (network|wifi|wireless network|connection) [is] (this|am i|are we|my laptop|this laptop|this computer|my computer|\
         the computer) [on|using|connected to|is on|is connected to|is using]",
        "(is|does) (the|my|our) (internet|network|connection|wifi|wifi connection|ethernet|lan|wireless) [still] (connected|working|up|ok|\
         okay|alive|fine|work|healthy|active|online) [right now|now|properly|today|here]",
        "(network|internet|wifi|connection) [status|check|info|details|report|state] (status|check|info|details|report|state) [please]",
        "(check|test|verify|inspect|ping) (the|my|our) (internet|network|connection|internet connection|wifi connection|network connection|\
         connectivity|wifi status)",
        "(give|show|tell|get|report|print) [me|us] (the|a) (state|status|details|health|condition|summary) of (the|my|our) (network|\
         internet|connection|network connection|internet connection|wifi connection|wifi)",
        "(what|which) (network|wifi|wifi network|wireless network) (i am|im|we are|this computer is|this machine is|my laptop is|this \
         laptop is) [currently] (on|connected to|using)",
        "(whether|if) (i am|im|we are|this computer is|this machine is|the internet is|my internet is|the network is|the connection is|\
         this laptop is|my laptop is) [still] (online|connected|connected to the internet|up|working|down|offline|hooked up|on wifi|on the \
         network|connected to a network)",
        "what (my|the|our) (ip|ip address|network status|connection status|network state|network name|wifi network|connection) is [like|now]",
        "how (my|the|our) (network|internet|connection|internet connection|wifi) is [doing|looking]",
        "<ask> <mine> (network|internet|wifi|wi fi|connection|net|lan|ethernet|wireless|connectivity|networking|online) (<status>|\
         connection|connectivity|name|adapter|strength|signal|signal strength) <now>",
        "<asked> (the|my|our) [current] (network|internet|wifi|wi fi|connection|net|lan|ethernet|wireless|connectivity|networking|online) \
         (<status>|connection|connectivity|signal|signal strength|strength) <now>",
        "<ask> <mine> <status> (of|on|for) (the|my|our) (network|internet|wifi|connection|net|wireless|internet connection|network \
         connection|wifi connection) <now>",
        "<asked> (the|my|our) [current] <status> (of|on|for|with) (the|my|our) (network|internet|wifi|connection|net|wireless|internet \
         connection|network connection|wifi connection) <now>",
        "<ask> (the|my|our) [current] (connection|connectivity|internet connection|network connection|wifi connection|ip|ip address|local \
         ip|local ip address|network name|ssid|current network|network) <now>",
        "(network|internet|wifi|connection|connectivity|net) <status> <now>",
        "<status> of (the|my|our) (network|internet|connection|internet connection|network connection|wifi|wifi connection)",
        "(is|are) (there|we having|we getting) [any|a|an] [working] (internet|internet connection|network|network connection|connection|\
         connectivity|signal|wifi|wifi signal) [available|here] <now>",
        "(is|are) (we|this machine|this computer|this laptop|my laptop|my computer|the computer|the laptop) [still] (online|offline|\
         connected|connected to (the|a) (internet|network|wifi|net|web)|connected to (wifi|anything|ethernet)|on (wifi|the wifi|the \
         internet|the network|ethernet)) <now>",
        "am i [still] (online|offline|connected|connected to (the|a|my) (internet|network|wifi|net|web)|connected to (wifi|anything|\
         ethernet)|on (wifi|the wifi|the internet|the network|ethernet|the net)) <now>",
        "(is|does) (the|my|our) (internet|network|net|connection|wifi|ethernet|internet connection|network connection|wifi connection) \
         [still|even|actually] (up|working|ok|okay|alive|fine|connected|up and running|down|there|available|stable|good|work|running|\
         active|live) <now>",
        "(do|did) (i|we|you) [still|even|currently|actually] have [a|any|an|the|some] [working] (internet|network|net|connection|wifi|\
         connectivity|internet connection|network connection|internet access|network access|wifi connection|signal) <now>",
        "(what|which) (network|wifi|wifi network|wireless network|wi fi|ssid|connection) (is (this|the|my) <machine> (on|connected to|\
         using)|are we (on|connected to|using)|am i (on|connected to|using)|do i have|is it|is this) <now>",
        "(see|check|find out|verify|test|make sure|confirm) (if|whether|that|were|we are|im|i am) [we are|were|i am|im|the internet is|the \
         internet|my internet|the network is|the connection is|this <machine> is] [still] (online|connected|up|working|works|connected to \
         the internet|on the network|on the internet|hooked up) <now>",
        "am i [still] (hooked up|connected|plugged in|linked) [up] to (wifi|the wifi|the internet|the network|a network|ethernet|anything) <now>",
        "<asked> (the|my|our) (ip|ip address|local ip|network address|network name|mac address) [of|for|on] [this|the|my] [<machine>] <now>",
        "what (ip|ip address|network|address|ssid) (do i have|am i on|have i got|is this|do we have|is mine|am i using|does this <machine> have) <now>",
        "(check|check on|whats going on with|whats up with|whats happening with|hows|how is|have a look at|look at) (the|my|our) (network|\
         internet|connection|wifi|internet connection|network connection|wifi connection) <now>",
        "(is|are) (the|my|our|any) (network|internet|ethernet|wired|wireless|wifi|lan) (connection|connections|cable|link) (up|active|ok|\
         okay|working|connected|live|there) <now>",
        "(hows|how is) (the|my|our) (network|internet|wifi) connection (looking|doing|holding up|going) <now>",
        "(check|see|find out|tell me) (if|whether) (we|i) (have|got|still have|have got) [a|any|an|working] (internet|network|net|\
         connection|wifi|internet connection|network connection|connectivity) <now>",
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

    async fn run(&self, cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        let status = manager(cx).status().await?;
        let data = serde_json::to_value(&status).unwrap_or(Value::Null);
        Ok(Outcome::says(sentence(&status)).with(data))
    }
}

/// What is connected, as a person would say it.
fn sentence(status: &Status) -> String {
    if !status.networking {
        return "Networking is switched off.".to_owned();
    }
    let names: Vec<String> = status
        .connections
        .iter()
        .filter(|c| c.kind != "loopback")
        .take(NAMED)
        .map(|c| format!("{} ({})", visible(&c.name, 60), c.kind))
        .collect();
    let connected = match names.as_slice() {
        [] => "Not connected.".to_owned(),
        names => format!("Connected to {}.", listed(names)),
    };
    let reach = match status.connectivity {
        "full" => " The internet can be reached.",
        "limited" => " The internet cannot be reached.",
        "portal" => " The network wants a login page to be visited first.",
        _ => "",
    };
    let wifi = if status.wifi { "on" } else { "off" };
    format!("{connected}{reach} Wi-Fi is {wifi}.")
}

/// How many connections are named.
const NAMED: usize = 4;
/// What is switched, as it is said.
const WIFI: &str = "Wi-Fi";

fn manager<'a>(cx: &Context<'a>) -> NetworkManager<'a> {
    NetworkManager(&cx.services.bus)
}

async fn present(cx: &Context<'_>) -> Result<Value, Failure> {
    Ok(json!(manager(cx).wifi().await?.on))
}

async fn preview(cx: &Context<'_>, on: bool) -> Result<Shown, Failure> {
    let manager = manager(cx);
    let now = manager.wifi().await?.on;
    if now != on {
        manager.may_switch().await?;
    }
    Ok(switched::shown(WIFI, on, now))
}

/// Switches Wi-Fi and tells what came of it.
async fn switch(cx: &Context<'_>, on: bool) -> Result<Outcome, Failure> {
    let manager = manager(cx);
    let before = manager.wifi().await?;
    let hint = match before.hardware || !on {
        true => "",
        false => " The machine's own switch or key still keeps it off.",
    };
    if before.on == on {
        return Ok(Outcome::says(format!("{}{hint}", switched::already(WIFI, on))).with(json!({ "changed": false })));
    }
    manager.set_wifi(on).await?;
    let back = if on { NetworkWifiOff::NAME } else { NetworkWifiOn::NAME };
    Ok(Outcome::says(format!("{}{hint}", switched::done(WIFI, on)))
        .with(json!({ "changed": true, "on": on, "hardware_allows": before.hardware }))
        .undone_by(Undo::new(back, json!({}), json!(!on), json!(on))))
}
