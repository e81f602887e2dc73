//! The brightness of the built-in screen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steward_policy::{ArgKind, OwnedArg, Risk};

use super::types::{Percent, StepBy};
use super::{Capability, Example, Need, Perform, Ready, call, not_connected, say};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Sets the brightness of the built-in screen.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetBrightness {
    /// The value in percent.
    pub percent: Percent,
}

impl Capability for SetBrightness {
    const NAME: &'static str = "set_brightness";
    const RISK: Risk = Risk::Reversible;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("percent", ArgKind::Number)];
    const PHRASES: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] =
        &[say("set brightness to 60 percent", Some("60")), say("brightness 30", Some("30")), call(Some("60"))];

    fn from_payload(payload: Option<&str>) -> Result<SetBrightness, Failure> {
        let text = payload.filter(|p| !p.is_empty());
        let text = text.ok_or_else(|| Failure::invalid_payload("missing brightness percentage"))?;
        text.parse().map(|percent| SetBrightness { percent }).map_err(|e| Failure::invalid_payload(Self::invalid(&e)))
    }

    fn payload(&self) -> Option<String> {
        Some(self.percent.get().to_string())
    }

    /// The protocol's sentence, whatever the detail.
    fn invalid(_detail: &str) -> String {
        "invalid brightness percentage".to_owned()
    }
}

impl Perform for SetBrightness {
    const NEED: Need = Need::Backlight;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        format!("Set the brightness to {} percent", self.percent.get())
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("percent", OwnedArg::Number(self.percent.get().into()))]
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}

/// Turns the brightness up or down by a step.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustBrightness {
    /// How much, in percent of the whole, with its sign.
    pub by: StepBy,
}

impl Capability for AdjustBrightness {
    const NAME: &'static str = "adjust_brightness";
    const RISK: Risk = Risk::Reversible;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("by", ArgKind::Number)];
    const PHRASES: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[
        say("turn the brightness up by 10", Some("+10")),
        say("lower the brightness by 5 percent", Some("-5")),
        call(Some("+10")),
    ];

    fn from_payload(payload: Option<&str>) -> Result<AdjustBrightness, Failure> {
        let text = payload.filter(|p| !p.is_empty());
        let text = text.ok_or_else(|| Failure::invalid_payload("missing brightness step"))?;
        text.parse().map(|by| AdjustBrightness { by }).map_err(|e| Failure::invalid_payload(Self::invalid(&e)))
    }

    fn payload(&self) -> Option<String> {
        Some(format!("{:+}", self.by.get()))
    }

    /// The protocol's sentence, whatever the detail.
    fn invalid(_detail: &str) -> String {
        "invalid brightness step".to_owned()
    }
}

impl Perform for AdjustBrightness {
    const NEED: Need = Need::Backlight;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        let by = self.by.get();
        format!("Turn the brightness {} by {} percent", if by > 0 { "up" } else { "down" }, by.unsigned_abs())
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("by", OwnedArg::Number(self.by.get().into()))]
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}
