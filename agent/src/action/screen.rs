//! The brightness of the built-in screen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_ipc::Code;
use steward_policy::{ArgKind, OwnedArg, Risk};

use super::level::{Move, Wish, still, unchanged};
use super::types::{Percent, StepBy};
use super::{Capability, Example, Look, Need, Perform, Ready, Shown, call, say};
use crate::backend::backlight::Backlight;
use crate::backend::bus::BusError;
use crate::backend::dbus::login1::Login1;
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// The backlight that the brightness is about.
async fn screen(cx: &Context<'_>) -> Result<Backlight, Failure> {
    cx.personal()?;
    let screens = cx.services.seat.screens.clone();
    // Some drivers ask the firmware, which takes its time.
    let looking = tokio::task::spawn_blocking(move || screens.best());
    let screen = looking.await.map_err(|e| Failure::internal(format!("reading the brightness: {e}")))?;
    screen.ok_or_else(no_backlight)
}

/// What is said where there is no backlight.
pub(crate) fn no_backlight() -> Failure {
    let message =
        "no screen here has a backlight that the kernel can set; that of an external monitor is set at the monitor";
    Failure::new(Code::Unavailable, message).with(json!({ "needs": Need::Backlight.words() }))
}

/// What a wish makes of the present brightness: in percent, and in the screen's own values.
fn aim(screen: &Backlight, wish: Wish) -> (Move, u32) {
    let level = wish.from(screen.percent());
    let raw = match wish {
        Wish::To(_) => screen.nearest(level.to),
        Wish::By(by) => screen.step_to(level.to, by.get() > 0),
    };
    (level.ends_at(screen.percent_of(raw), raw <= screen.lowest()), raw)
}

fn state(screen: &Backlight, percent: u32) -> Value {
    json!({ "screen": screen.name, "percent": percent })
}

async fn preview(cx: &Context<'_>, wish: Wish) -> Result<Shown, Failure> {
    let screen = screen(cx).await?;
    Ok(aim(&screen, wish).0.shown("brightness", &screen.name, Vec::new()))
}

/// logind's error for a session that is not at the front of its seat, or on none (`BUS_ERROR_NOT_YOUR_DEVICE` of systemd).
const NOT_IN_FRONT: &str = "org.freedesktop.login1.NotYourDevice";

fn not_in_front(error: &BusError) -> Failure {
    let message =
        format!("{error}; the brightness is set from the session that is in front at the screen, by its owner");
    Failure::new(Code::NotAuthorized, message)
}

async fn run(cx: &Context<'_>, wish: Wish, ready: Ready) -> Result<Outcome, Failure> {
    let screen = screen(cx).await?;
    let (level, raw) = aim(&screen, wish);
    still(ready.shown.as_ref(), &level.effect("brightness", &screen.name))?;
    let data = json!({ "percent": level.to, "before": level.from, "screen": screen.name });
    let says = level.says("brightness");
    if level.sets().is_none() {
        return Ok(unchanged(says, data));
    }
    let set = Login1(&cx.services.bus).set_brightness(cx.services.uid, &screen.name, raw).await;
    set.map_err(|e| match e {
        // Not a matter of polkit: logind lets the session's owner, at the front of the seat.
        BusError::Refused { .. } => not_in_front(&e),
        BusError::Said { ref name, .. } if name == NOT_IN_FRONT => not_in_front(&e),
        other => other.into(),
    })?;
    let undo = level.undo(SetBrightness::NAME, |percent| state(&screen, percent));
    Ok(Outcome::says(says).with(data).undone_by(undo))
}

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
    const PHRASES: &'static [&'static str] = &[
        "<set> <the> <brightness> [up|down|back] <to> {percent} [setting|mark|level|brightness|instead]",
        "(set|change|adjust|put|turn|make) <the> <brightness> {percent}",
        "<the> <brightness> [level|set] [<to>] [the] [number|level] {percent} [setting|mark|level]",
        "<the> <brightness> (up|down|back) <to> [the] [number|level] {percent} [setting|mark|level]",
        "make <the> <screen> {percent} (bright|brightness)",
        "<the> <brightness> (equals|is|=) {percent}",
        "(<raise>|<lower>|dial|tone|<set>|dim|brighten) <the> <brightness> [up|down|back] <to> [the] [number] {percent} [setting|mark|level]",
        "(<set>|dim|brighten|lower|raise|darken|light) <the> <screen> [up|down|back] [brightness] <to> {percent} [brightness|bright|percent brightness]",
        "<the> <screen> (<to>) {percent} [brightness]",
        "(turn|bring|put|take|dial) (up|down) <the> <brightness> to {percent}",
        "(i want|i need|i would like|id like|i d like|can i have|give me|get me|could i have) <the> (<brightness>|<screen>) [to be] [set|turned|raised|lowered|dimmed|put|brought] [up|down] [<to>] {percent} [brightness]",
        "<the> (<brightness>) (should|must|needs to|has to) be [set|at|put|turned|raised|lowered] [up|down] [<to>] {percent}",
        "<set> {percent} [<to>] (brightness|screen brightness|display brightness)",
        "[give me|i want|at|set|to] {percent} (brightness|screen brightness|display brightness)",
        "(dim|brighten|darken) [it] to {percent}",
        "<set> <the> (<brightness>|<screen>) (all the way up|to full|to the top|to the max|to the maximum|to its maximum|to the highest|to the highest level|to full brightness|to maximum brightness|to max brightness|as bright as possible|to the brightest|to its brightest|to the highest setting) => 100",
        "(turn|crank|pump|push|put|bring) <the> <brightness> (all the way up|to full|to the max|to maximum|to the maximum|up full|up all the way|full|all the way) => 100",
        "(max|max out|maximize|maximise) <the> <brightness> [out] => 100",
        "(full|maximum|max|highest|top) (<brightness>) => 100",
        "<the> <brightness> (full|all the way up|to full|to the max|to the maximum|at full|at max|to the top) => 100",
        "(make) <the> <screen> (as bright as possible|as bright as it goes|fully bright|as bright as it gets) => 100",
        "<set> <the> (<brightness>|<screen>) (all the way down|down all the way|to the lowest|to the minimum|to its minimum|to the lowest level|as low as possible|as dim as possible|as dark as possible|to the darkest|to minimum brightness|to the lowest setting) => 0",
        "(minimize|minimise) <the> <brightness> => 0",
        "(minimum|min|lowest|zero) (<brightness>) => 0",
        "<the> <brightness> (all the way down|to the minimum|to the lowest|at the minimum|at the lowest) => 0",
        "<set> <the> <brightness> [down|up|back] (<to>) (the half|halfway|the middle|half way|medium|the halfway mark|half brightness|a half|mid level) => 50",
        "<set> <the> <brightness> (halfway|half way) [up|down] => 50",
        "(halve|half) <the> <brightness> => 50",
        "<the> <brightness> [to|at] (halfway|half way|medium|the middle) => 50",
    ];
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

    async fn look(&self, cx: &Context<'_>) -> Result<Look, Failure> {
        cx.personal()?;
        Ok(Look { risk: Self::RISK, facts: self.facts(), opened: None })
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        preview(cx, Wish::To(self.percent)).await
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        run(cx, Wish::To(self.percent), ready).await
    }

    async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
        let screen = screen(cx).await?;
        Ok(state(&screen, screen.percent()))
    }

    async fn took_place(&self, cx: &Context<'_>, _rebooted: Option<bool>) -> Option<bool> {
        let screen = screen(cx).await.ok()?;
        Some(screen.raw == screen.nearest(self.percent.get().into()))
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
    // A sign without a step means the usual step.
    const PHRASES: &'static [&'static str] = &[
        "<raise> <the> <brightness> [up] [higher] <bit> => +",
        "(<raise>|turn|make|put|bring|move|set|take|change|get|step|nudge) <the> <brightness> <bit> (up|higher|brighter) <bit> => +",
        "(turn|crank|pump|bump|bring) up <the> <brightness> <bit> => +",
        "(make|turn|get|set) (it|this|<the> <screen>) <bit> (brighter|lighter|more bright) <bit> => +",
        "(turn|bring|crank) up <the> <screen> <bit> => +",
        "(turn|bring|crank) <the> (screen|display|backlight) <bit> up <bit> => +",
        "(brighten|brighten up|lighten) [<the> (<screen>|<brightness>)] <bit> => +",
        "(lighten up|light up|illuminate) <the> (<screen>|<brightness>) <bit> => +",
        "(brighten|lighten) (it|this|<the> <screen>) [up] <bit> => +",
        "<the> (<brightness>) <bit> (up|higher|increase|increased) <bit> => +",
        "<the> <screen> <bit> brighter <bit> => +",
        "<bit> (brighter|more brightness|brightness up|higher brightness|brighter screen) => +",
        "(i want|i need|i would like|id like|can i have|can i get|give me|could i have|get me) <bit> (more brightness|more light|a brighter screen|a brighter display|higher brightness|brighter screen|more screen brightness) [on the screen] => +",
        "(i want|i need|i would like|id like|i d like) <the> (<screen>|<brightness>) [to be] [turned|set] <bit> (brighter|higher|up|raised|increased) <bit> => +",
        "(i want|i need|i would like|id like|i d like) it [to be] <bit> brighter <bit> => +",
        "it (should be|needs to be|has to be|must be|could be) <bit> brighter => +",
        "<the> (<screen>|<brightness>) (should be|needs to be|has to be|must be|could be) [turned] <bit> (brighter|higher|up) => +",
        "(add|add some|add more) (brightness|screen brightness) => +",
        "(turn|bring|move|step|put) <the> (<brightness>) (up|higher) by {step} [points|notches|steps|levels] => +{step}",
        "<raise> <the> (<brightness>) [up|higher] by {step} [points|notches|steps|levels] => +{step}",
        "(brighten|lighten) <the> <screen> [up] [by] {step} [points|notches|steps] => +{step}",
        "<the> (<brightness>) (up|higher|plus|+|increase) [by] {step} [points|notches|steps|levels] => +{step}",
        "(turn|bring|move|put|bump|crank|step) <the> <brightness> up {step} [points|notches|steps|levels] => +{step}",
        "(<raise>) <the> <brightness> {step} [points|notches|steps|levels] => +{step}",
        "(make) (it|<the> <screen>) {step} brighter => +{step}",
        "add {step} to <the> <brightness> => +{step}",
        "<lower> <the> <brightness> [down] [lower] <bit> => -",
        "(<lower>|turn|make|put|bring|move|set|take|change|get|tone|dial|step|nudge|crank) <the> <brightness> <bit> (down|lower|dimmer|darker) <bit> => -",
        "(turn|tone|bring|dial) down <the> <brightness> <bit> => -",
        "(make|turn|get|set) (it|this|<the> <screen>) <bit> (dimmer|darker|less bright|more dim) <bit> => -",
        "(turn|tone|dial) down <the> (screen|display|monitor|backlight) <bit> => -",
        "(turn|tone|dial) <the> (screen|display|backlight) <bit> down <bit> => -",
        "(dim|darken|dim down|tone down) [<the> (<screen>|<brightness>)] [down] <bit> => -",
        "(dim|darken) (it|this) [down] <bit> => -",
        "<the> (<brightness>) <bit> (down|lower|decrease|decreased) <bit> => -",
        "<the> <screen> <bit> (dimmer|darker) <bit> => -",
        "<bit> (dimmer|darker|less brightness|brightness down|lower brightness|less bright|darker screen|dimmer screen) => -",
        "(i want|i need|i would like|id like|can i have|give me|could i have|get me) <bit> (less brightness|less light|a dimmer screen|a darker screen|lower brightness) => -",
        "(i want|i need|i would like|id like|i d like) <the> (<screen>|<brightness>) [to be] [turned|set] <bit> (dimmer|darker|less bright|lower|down|lowered|dimmed) <bit> => -",
        "(i want|i need|i would like|id like|i d like) it [to be] <bit> (dimmer|darker|less bright) <bit> => -",
        "it (should be|needs to be|has to be|must be|could be) <bit> (dimmer|darker) => -",
        "<the> (<screen>|<brightness>) (should be|needs to be|has to be|must be|could be) [turned] <bit> (dimmer|darker|lower|down) => -",
        "(turn|bring|move|step|put|take|dim) <the> (<brightness>) (down|lower) by {step} [points|notches|steps|levels] => -{step}",
        "<lower> <the> (<brightness>) [down|lower] by {step} [points|notches|steps|levels] => -{step}",
        "(dim|darken) <the> <screen> [down] [by] {step} [points|notches|steps] => -{step}",
        "<the> (<brightness>) (down|lower|minus|decrease) [by] {step} [points|notches|steps|levels] => -{step}",
        "(turn|bring|move|put|take|step|dial) <the> <brightness> down {step} [points|notches|steps|levels] => -{step}",
        "(<lower>) <the> <brightness> {step} [points|notches|steps|levels] => -{step}",
        "(make) (it|<the> <screen>) {step} (dimmer|darker) => -{step}",
    ];
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

    async fn look(&self, cx: &Context<'_>) -> Result<Look, Failure> {
        cx.personal()?;
        Ok(Look { risk: Self::RISK, facts: self.facts(), opened: None })
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        preview(cx, Wish::By(self.by)).await
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        run(cx, Wish::By(self.by), ready).await
    }
}
