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
        "(turn|switch|shut|flip|power|toggle|cut|click) off [again] <the> <bluetooth> <radio> <here>",
        "(turn|switch|shut|flip|power|toggle|take|bring|put|cut) <the> <bluetooth> <radio> (off|down|offline|off again|back off) <here>",
        "(disable|deactivate|stop|cut|kill|shut down|power down|bring down|disconnect|drop|take down|block|cut off|suspend|disengage|power off|terminate|shut|end|close|inactivate|halt|turn down|pull down) <the> <bluetooth> <radio> <here>",
        "<the> <bluetooth> <radio> [turn|switch|be|to] (off|disable|disabled|off again|deactivate|deactivated|down|stop|turn off|switch off|power off|shut off) <here>",
        "<wish> <the> <bluetooth> <radio> [to be] (off|disabled|turned off|switched off|deactivated|gone|shut off|cut|down|shut down|off again) <here>",
        "(i dont need|i do not need|i no longer need|i am done with|im done with|dont need|im not using|i am not using|we dont need|i dont use) <the> <bluetooth> [anymore|any more|any longer|right now|now] [please] (turn it off|switch it off|disable it|shut it off|kill it|deactivate it)",
        "no more <bluetooth> [please] (turn it off|disable it|switch it off|shut it off)",
        "<the> <bluetooth> is (on|enabled) (turn it off|switch it off|disable it)",
        "<the> <bluetooth> <radio> <should be> (off|disabled|turned off|switched off|deactivated)",
        "(get|have) <the> <bluetooth> <radio> (turned off|disabled|switched off|shut off|off|deactivated)",
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
