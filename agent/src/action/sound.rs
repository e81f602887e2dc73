//! The volume of the default output.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steward_policy::{ArgKind, OwnedArg, Risk};

use super::types::{Percent, StepBy, no_payload};
use super::{Capability, Example, Need, Perform, Ready, call, not_connected, say};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Sets the volume of the default output.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetVolume {
    /// The value in percent.
    pub percent: Percent,
}

impl Capability for SetVolume {
    const NAME: &'static str = "set_volume";
    const RISK: Risk = Risk::Reversible;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("percent", ArgKind::Number)];
    const PHRASES: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] =
        &[say("set volume to 40 percent", Some("40")), say("volume 25", Some("25")), call(Some("40"))];

    fn from_payload(payload: Option<&str>) -> Result<SetVolume, Failure> {
        let text = payload.filter(|p| !p.is_empty());
        let text = text.ok_or_else(|| Failure::invalid_payload("missing volume percentage"))?;
        text.parse().map(|percent| SetVolume { percent }).map_err(|e| Failure::invalid_payload(Self::invalid(&e)))
    }

    fn payload(&self) -> Option<String> {
        Some(self.percent.get().to_string())
    }

    /// The protocol's sentence, whatever the detail.
    fn invalid(_detail: &str) -> String {
        "invalid volume percentage".to_owned()
    }
}

impl Perform for SetVolume {
    const NEED: Need = Need::Sound;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        format!("Set the volume to {} percent", self.percent.get())
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("percent", OwnedArg::Number(self.percent.get().into()))]
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}

/// Turns the volume up or down by a step.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustVolume {
    /// How much, in percent of the whole, with its sign.
    pub by: StepBy,
}

impl Capability for AdjustVolume {
    const NAME: &'static str = "adjust_volume";
    const RISK: Risk = Risk::Reversible;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("by", ArgKind::Number)];
    const PHRASES: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[
        say("turn the volume up by 10", Some("+10")),
        say("lower the volume by 5 percent", Some("-5")),
        call(Some("+10")),
    ];

    fn from_payload(payload: Option<&str>) -> Result<AdjustVolume, Failure> {
        let text = payload.filter(|p| !p.is_empty());
        let text = text.ok_or_else(|| Failure::invalid_payload("missing volume step"))?;
        text.parse().map(|by| AdjustVolume { by }).map_err(|e| Failure::invalid_payload(Self::invalid(&e)))
    }

    fn payload(&self) -> Option<String> {
        Some(format!("{:+}", self.by.get()))
    }

    /// The protocol's sentence, whatever the detail.
    fn invalid(_detail: &str) -> String {
        "invalid volume step".to_owned()
    }
}

impl Perform for AdjustVolume {
    const NEED: Need = Need::Sound;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        let by = self.by.get();
        format!("Turn the volume {} by {} percent", if by > 0 { "up" } else { "down" }, by.unsigned_abs())
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("by", OwnedArg::Number(self.by.get().into()))]
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}

/// Mutes the default output.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeMute {}

impl Capability for VolumeMute {
    const NAME: &'static str = "volume_mute";
    const RISK: Risk = Risk::Reversible;
    const PHRASES: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[say("mute the sound", None), say("mute", None)];

    fn from_payload(payload: Option<&str>) -> Result<VolumeMute, Failure> {
        no_payload(Self::NAME, payload, VolumeMute {})
    }
}

impl Perform for VolumeMute {
    const NEED: Need = Need::Sound;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        "Mute the sound".to_owned()
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}

/// Takes the mute off the default output.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeUnmute {}

impl Capability for VolumeUnmute {
    const NAME: &'static str = "volume_unmute";
    const RISK: Risk = Risk::Reversible;
    const PHRASES: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[say("unmute the sound", None), say("unmute", None)];

    fn from_payload(payload: Option<&str>) -> Result<VolumeUnmute, Failure> {
        no_payload(Self::NAME, payload, VolumeUnmute {})
    }
}

impl Perform for VolumeUnmute {
    const NEED: Need = Need::Sound;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        "Unmute the sound".to_owned()
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}
