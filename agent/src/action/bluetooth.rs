//! The Bluetooth adapters.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_ipc::Code;
use steward_policy::Risk;

use super::types::{listed, no_payload};
use super::{Capability, Example, Need, Perform, Ready, Shown, say, switched};
use crate::backend::bus::BusError;
use crate::backend::dbus::bluez::Bluez;
use crate::reply::{Failure, Outcome, Undo};
use crate::services::Context;

/// Switches Bluetooth on.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkBluetoothOn {
    /// Only these adapters, such as `hci0`; absent for all of them.
    #[serde(default, deserialize_with = "some", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<String>>", length(min = 1, max = 16))]
    pub adapters: Option<Vec<String>>,
}

impl Capability for NetworkBluetoothOn {
    const NAME: &'static str = "network_bluetooth_on";
    const RISK: Risk = Risk::Reversible;
    const PHRASES: &'static [&'static str] = &[
        "<turn> <the> <bluetooth> <radio> [turned|switched|put] [back|right back] <on> <here>",
        "(<turn>|fire|start|bring|boot|light|wake|power|spin) [back] (on|up) [again] <the> <bluetooth> <radio> [again|back] <here>",
        "<enable> <the> <bluetooth> <radio> [again|back|up] <here>",
        "<the> <bluetooth> <radio> [turn|switch|be|to|go|set to] [back] (on|enable|enabled|activate|activated|start|up) [again] <here>",
        "<wish> <the> <bluetooth> <radio> [to be|to come|to go|turned|switched|put|brought] [back] <on> <here>",
        "<the> <bluetooth> <radio> <must be> [turned|switched|put|brought] [back] <on> <here>",
        "(make sure|ensure|see to it|make sure that|see that|check that) <the> <bluetooth> <radio> is [turned|switched] [back] <on> <here>",
        "<wish> to use <the> <bluetooth> <turn it on>",
        "(<wish>|i need to use|we need) <the> <bluetooth> <radio> [on|back|again] [so] [please] <turn it on>",
        "<the> <bluetooth> <radio> is (off|disabled|down|not on|turned off|switched off) [so] [please] <turn it on>",
        "(make) <the> <bluetooth> (work|go on|active|available|discoverable)",
        "<turn> <the> <bluetooth> on (for|so i can use|so i can connect|so i can pair|so that i can use|so that i can connect|to connect|\
         to pair|to use|because i want to connect|and connect|so we can use) <the> [new] <gear>",
        "(turn on|switch on|<enable>) <the> <bluetooth> (for|so i can use|so i can connect|so i can pair|so that i can use|so that i can \
         connect|to connect|to pair|to use|so we can use) <the> [new] <gear>",
        "<the> <gear> (needs|need|wants|want|requires|require|uses|use) [the] <bluetooth> [on] [so] [please] <turn it on>",
    ];
    const EXAMPLES: &'static [Example] = &[say("turn on bluetooth", None), say("enable bluetooth", None)];

    fn from_payload(payload: Option<&str>) -> Result<NetworkBluetoothOn, Failure> {
        no_payload(Self::NAME, payload, NetworkBluetoothOn::default())
    }
}

impl Perform for NetworkBluetoothOn {
    const NEED: Need = Need::Bluez;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        "Switch Bluetooth on".to_owned()
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        preview(cx, self.adapters.as_deref(), true).await
    }

    async fn run(&self, cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        switch(cx, self.adapters.as_deref(), true).await
    }

    async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
        Ok(json!(chosen(cx, self.adapters.as_deref()).await?))
    }

    async fn took_place(&self, cx: &Context<'_>, _rebooted: Option<bool>) -> Option<bool> {
        let now = chosen(cx, self.adapters.as_deref()).await.ok()?;
        Some(now.values().all(|powered| *powered))
    }
}

/// Switches Bluetooth off.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkBluetoothOff {
    /// Only these adapters, such as `hci0`; absent for all of them.
    #[serde(default, deserialize_with = "some", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<String>>", length(min = 1, max = 16))]
    pub adapters: Option<Vec<String>>,
}

impl Capability for NetworkBluetoothOff {
    const NAME: &'static str = "network_bluetooth_off";
    const RISK: Risk = Risk::Reversible;
    const PHRASES: &'static [&'static str] = &[
        "<turn> <the> <bluetooth> <radio> [turned|switched|shut|powered|right] <off> <here>",
        "off <the> <bluetooth>",
        "(<turn>|cut|click|shut|power) off [again] <the> <bluetooth> <radio> [again] <here>",
        "<disable> <the> <bluetooth> <radio> [again] <here>",
        "(pull the plug on|pull the plug from|cut the power to|cut power to|kill the power to|say goodbye to|stop using|put an end to|do \
         away with) <the> <bluetooth> <radio> <here>",
        "<the> <bluetooth> <radio> [turn|switch|be|to|go|set to] (off|disable|disabled|off again|deactivate|deactivated|down|stop) <here>",
        "<wish> <the> <bluetooth> <radio> [to be|to go|turned|switched|powered|shut|cut] <off> <here>",
        "<the> <bluetooth> <radio> <must be> [turned|switched|powered|shut|cut] <off> <here>",
        "(make sure|ensure|see to it|make sure that|see that|check that) <the> <bluetooth> <radio> is [turned|switched] <off> <here>",
        "(<unneeded>|no more|no need for|no more need for|there is no need for|we have no need for|i have no need for|enough of) <the> \
         <bluetooth> <radio> [anymore|any more|any longer|right now|now|at the moment|today|for now] [so] [please] <turn it off>",
        "<the> <bluetooth> <radio> is [still] (on|enabled|turned on|switched on) [so] [please] <turn it off>",
    ];
    const EXAMPLES: &'static [Example] = &[say("turn off bluetooth", None), say("disable bluetooth", None)];

    fn from_payload(payload: Option<&str>) -> Result<NetworkBluetoothOff, Failure> {
        no_payload(Self::NAME, payload, NetworkBluetoothOff::default())
    }
}

impl Perform for NetworkBluetoothOff {
    const NEED: Need = Need::Bluez;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        "Switch Bluetooth off".to_owned()
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        preview(cx, self.adapters.as_deref(), false).await
    }

    async fn run(&self, cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        switch(cx, self.adapters.as_deref(), false).await
    }

    async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
        Ok(json!(chosen(cx, self.adapters.as_deref()).await?))
    }

    async fn took_place(&self, cx: &Context<'_>, _rebooted: Option<bool>) -> Option<bool> {
        let now = chosen(cx, self.adapters.as_deref()).await.ok()?;
        Some(now.values().all(|powered| !*powered))
    }
}

/// The most adapters that are named at once.
const MAX_ADAPTERS: usize = 16;

/// A list of adapters that names one at least: none at all is no way to say "all of them".
fn some<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    use serde::de::Error;
    let named = Option::<Vec<String>>::deserialize(from)?;
    match named.as_ref().map(Vec::len) {
        Some(0) => Err(D::Error::custom("`adapters` is empty; leave it out for all of them")),
        Some(n) if n > MAX_ADAPTERS => {
            Err(D::Error::custom(format_args!("`adapters` has at most {MAX_ADAPTERS} names")))
        }
        _ => Ok(named),
    }
}

/// What is switched, as it is said.
const BLUETOOTH: &str = "Bluetooth";

/// The adapters that are meant, and whether each is on.
async fn chosen(cx: &Context<'_>, only: Option<&[String]>) -> Result<BTreeMap<String, bool>, Failure> {
    let mut adapters = Bluez(&cx.services.bus).adapters().await?;
    let Some(only) = only else {
        if adapters.is_empty() {
            let message = "this machine has no Bluetooth adapter, or it is blocked; plug one in, or see `rfkill list`";
            return Err(Failure::new(Code::Unavailable, message).with(json!({ "needs": "a Bluetooth adapter" })));
        }
        return Ok(adapters);
    };
    if let Some(missing) = only.iter().find(|name| !adapters.contains_key(*name)) {
        let names: Vec<&String> = adapters.keys().collect();
        let message = format!("there is no Bluetooth adapter `{}`", super::types::visible(missing, 40));
        return Err(Failure::new(Code::Unavailable, message).with(json!({ "adapters": names })));
    }
    adapters.retain(|name, _| only.contains(name));
    Ok(adapters)
}

async fn preview(cx: &Context<'_>, only: Option<&[String]>, on: bool) -> Result<Shown, Failure> {
    let adapters = chosen(cx, only).await?;
    // As soon as one of them has to be switched, there is something to do.
    Ok(switched::shown(BLUETOOTH, on, if adapters.values().all(|powered| *powered == on) { on } else { !on }))
}

/// Switches the adapters one after the other. When one fails, those before it are switched back: all or none.
async fn switch(cx: &Context<'_>, only: Option<&[String]>, on: bool) -> Result<Outcome, Failure> {
    let adapters = chosen(cx, only).await?;
    let wanted: Vec<&String> = adapters.iter().filter(|(_, powered)| **powered != on).map(|(name, _)| name).collect();
    if wanted.is_empty() {
        return Ok(Outcome::says(switched::already(BLUETOOTH, on)).with(json!({ "changed": false })));
    }
    let mut done: Vec<String> = Vec::new();
    let bluez = Bluez(&cx.services.bus);
    for name in wanted {
        let Err(error) = bluez.set_powered(name, on).await else {
            done.push(name.clone());
            continue;
        };
        // Each of them, whatever becomes of the others.
        let mut left = Vec::new();
        for name in done {
            if let Err(error) = bluez.set_powered(&name, !on).await {
                left.push((name, error));
            }
        }
        let Some((_, why)) = left.first() else { return Err(blocked(error)) };
        let names: Vec<&str> = left.iter().map(|(name, _)| name.as_str()).collect();
        let message = format!("one adapter failed ({error}), and {} could not be switched back: {why}", listed(&names));
        return Err(Failure::new(Code::UnknownOutcome, message).with(json!({ "changed": names })));
    }
    let states = |value: bool| done.iter().map(|name| (name.clone(), value)).collect::<BTreeMap<_, _>>();
    let back = if on { NetworkBluetoothOff::NAME } else { NetworkBluetoothOn::NAME };
    Ok(Outcome::says(switched::done(BLUETOOTH, on))
        .with(json!({ "changed": true, "on": on, "adapters": done }))
        .undone_by(Undo::new(back, json!({ "adapters": done }), json!(states(!on)), json!(states(on)))))
}

/// BlueZ' word for a radio that another switch keeps off.
fn blocked(error: BusError) -> Failure {
    match &error {
        BusError::Said { name, .. } if name == "org.bluez.Error.Blocked" => Failure::new(
            Code::Failed,
            "the adapter is blocked by a switch or by `rfkill`; unblock it there (`rfkill unblock bluetooth`)",
        ),
        _ => error.into(),
    }
}
