//! The brightness of the built-in screen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_ipc::Code;
use steward_policy::{ArgKind, OwnedArg, Risk};

use super::level::{Move, Wish, still, unchanged};
use super::types::{Percent, StepBy};
use super::{Capability, Example, Need, Perform, Ready, Shown, call, say};
use crate::backend::backlight::Backlight;
use crate::backend::bus::BusError;
use crate::backend::dbus::login1::Login1;
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// The backlight that the brightness is about.
async fn screen(cx: &Context<'_>) -> Result<Backlight, Failure> {
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
        "(<set>|<raise>|<lower>|tone|dim|brighten) <the> <brightness> [up|down|back] [level] <to> [the] [number|level] {percent} [setting|\
         mark|level|brightness|instead|or so]",
        "(set|change|adjust|put|turn|make|have) <the> <brightness> [level] {percent}",
        "<the> <brightness> [level|set|goes|go] [<to>] [the] [number|level] {percent} [setting|mark|level]",
        "<the> <brightness> (up|down|back) <to> [the] [number|level] {percent} [setting|mark|level]",
        "make <the> <screen> {percent} (bright|brightness)",
        "<the> <brightness> (equals|is|=) {percent}",
        "(<set>|dim|brighten|<lower>|<raise>|darken|light) <the> <screen> [up|down|back] [brightness] <to> {percent} [brightness|bright|\
         percent brightness]",
        "<the> <screen> (<to>) {percent} [brightness]",
        "(turn|bring|put|take|dial) (up|down) <the> <brightness> to {percent}",
        "<wish> <the> (<brightness>|<screen>) [to be|to go] [set|turned|raised|lowered|dimmed|put|brought|reduced|increased|adjusted|\
         changed] [up|down] [<to>] {percent} [brightness|bright]",
        "<the> (<brightness>|<screen>) <should be> [set|at|put|turned|raised|lowered|dimmed|adjusted] [up|down] [<to>] {percent} [brightness]",
        "could <the> (<brightness>|<screen>) (be|go|come) [set|put|turned|dimmed] [up|down|back] [<to>] {percent} [brightness]",
        "(<set>|<raise>|<lower>) it [up|down] [<to>] {percent} (brightness|bright)",
        "<set> {percent} [<to>] (brightness|screen brightness|display brightness)",
        "[<wish>|at|set|to|go to|make it|use|give it|lets go] {percent} [of] (<brightness>|full brightness)",
        "{percent} (on|for|as) <the> (<brightness>|<screen>)",
        "(keep|leave|hold|have|lets keep) <the> <brightness> (at|to|around|on) {percent}",
        "(let|have) <the> (<brightness>|<screen>) [be|at|go to|sit at] [<to>] {percent} [brightness]",
        "(dim|brighten|darken) [it] [down|up] to {percent}",
        "<set> <the> <screen> <to> [a] (brightness|brightness level) [of] {percent}",
        "(set|make|turn|put) <the> (computer|pc|laptop|machine|computers|laptops) (brightness|screen) [<to>] {percent}",
        "(<set>|<raise>) <the> (<brightness>|<screen>) <all the way up> => 100",
        "(max|max out|maximize|maximise|blast) [out] <the> <brightness> [out] [fully|completely|all the way] => 100",
        "[<wish>|at|set|to|go to|use|give it|go] [the|a] (full|maximum|max|highest|top|maximal|brightest) [possible] (<brightness>) [setting] => 100",
        "[<wish>|at|set|to|go to|use] [the|a] brightest [screen|display] [setting|possible] => 100",
        "<wish> <the> (<brightness>|<screen>) [to be] [turned|at|set|up|cranked] <all the way up> => 100",
        "[as] (bright as possible|bright as you can|bright as it gets|bright as it goes|bright as can be) => 100",
        "(make|turn) (it|this) as bright as (possible|it gets|you can|it goes|it can be|it can get|can be) => 100",
        "(make|turn|set) (it|this) as (dim|dark) as (possible|it gets|you can|it goes|it can be|it can get) => 0",
        "<the> <brightness> <all the way up> => 100",
        "(make|turn|get|set) <the> <screen> (fully bright|as bright as can be) => 100",
        "(<set>|<lower>|dim|darken) <the> (<brightness>|<screen>) <all the way down> => 0",
        "(minimize|minimise) <the> <brightness> => 0",
        "[<wish>|at|set|to|go to|use] [the|a] (minimum|min|lowest|zero|minimal|dimmest) [possible] (<brightness>) [setting] => 0",
        "<the> <brightness> <all the way down> => 0",
        "<wish> <the> (<brightness>|<screen>) [to be] [turned|at|set] <all the way down> => 0",
        "(<set>|<raise>|<lower>) <the> <brightness> [down|up|back] [<to>] <half> => 50",
        "<set> <the> <brightness> <half> [up|down] => 50",
        "(halve|half) <the> <brightness> => 50",
        "<the> <brightness> [to|at|on] <half> => 50",
        "<wish> <the> (<brightness>|<screen>) [to be] [set|at|down|up] [to|at] <half> => 50",
        "[<wish>|at|to|set|go to] (half|medium|middle|mid|moderate) <brightness> => 50",
        "(cut|reduce|lower|drop|turn|bring|set|split|slash) <the> <brightness> [down] (in|by|to) (half|the half) => 50",
        "(dim|<set>) <the> <screen> (to half|half way|halfway|to half brightness|to medium|to medium brightness|to half way) => 50",
        "<wish> {percent} (on|for|as) <the> (<brightness>|<screen>)",
        "<the> <screen> [to|at|on] (full|max|maximum) [brightness] => 100",
        "<the> <screen> [to|at|on] (minimum|min|lowest) [brightness] => 0",
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
    const PERSONAL: bool = true;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        format!("Set the brightness to {} percent", self.percent.get())
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("percent", OwnedArg::Number(self.percent.get().into()))]
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
        "<raise> <the> <brightness> [up] [higher] <bit> [on] [<the> <screen>|here] => +",
        "(<raise>|turn|make|put|bring|move|set|take|change|get|step|nudge) <the> <brightness> <bit> (up|higher|brighter) <bit> => +",
        "(make|turn|get|set) (it|this|<the> <screen>) <bit> (brighter|lighter|more bright) <bit> => +",
        "(turn|bring|crank) up <the> <screen> <bit> => +",
        "(turn|bring|crank) <the> (screen|display|backlight) <bit> up <bit> => +",
        "(brighten|brighten up) [<the> (<screen>|<brightness>)] [up] <bit> => +",
        "(light up|lighten up|illuminate|intensify) <the> (<screen>|<brightness>) <bit> => +",
        "(brighten|lighten) (it|this|<the> <screen>) [up] <bit> => +",
        "<the> (<brightness>) <bit> (up|higher|increase|increased) <bit> => +",
        "<the> <screen> <bit> brighter <bit> => +",
        "<bit> (brighter|more brightness|brightness up|higher brightness|brighter screen|brighter display|more screen brightness|more \
         bright|up the brightness) <bit> => +",
        "brightness (increase|boost|upwards|upward|higher|plus) => +",
        "<raise> <the> (screen|display|backlight) [level] <bit> => +",
        "(go|get) <bit> brighter <bit> => +",
        "could (it|this|<the> (<screen>|<brightness>)) (be|go) [made|turned|set] <bit> (brighter|lighter) <bit> => +",
        "(give|get) (me|us|it) <bit> (more light|more brightness|brightness) (on|from|for) <the> <screen> => +",
        "<bit> (more light|more brightness|extra brightness) (on|from|for) <the> <screen> => +",
        "(kick|knock) <the> <brightness> <bit> up <bit> => +",
        "(let|have|make) <the> <brightness> go <bit> (up|higher) => +",
        "<the> (<screen>|<brightness>) is (too|way too|a bit too|a little too|far too|much too) (dark|dim|low) <raise> (it|that) <bit> => +",
        "<the> (<screen>|<brightness>) is (too|way too|a bit too|a little too|far too|much too) (dark|dim|low) (make it|turn it) <bit> \
         (brighter|up) <bit> => +",
        "<wish> <bit> (more brightness|more light|a brighter screen|a brighter display|higher brightness|a higher brightness|brighter \
         screen|more screen brightness|brighter display|more backlight|brightness) [on|from] [the|my] [screen|display|monitor] => +",
        "<wish> <the> (<screen>|<brightness>) [to be|to go] [turned|set|made] <bit> (brighter|higher|up|raised|increased|boosted) <bit> => +",
        "<wish> (it|this|things) [to be] <bit> brighter <bit> => +",
        "(it|this) <should be> <bit> brighter => +",
        "<the> (<screen>|<brightness>) <should be> [turned] <bit> (brighter|higher|up) <bit> => +",
        "(add|add some|add more|add a bit of|add a little) <the> <brightness> => +",
        "<move> <the> (<brightness>) (up|higher) by {step} [points|notches|steps|levels] => +{step}",
        "<raise> <the> (<brightness>) [up|higher] by {step} [points|notches|steps|levels] => +{step}",
        "(brighten|lighten) <the> <screen> [up] [by] {step} [points|notches|steps] => +{step}",
        "<the> (<brightness>) (up|higher|plus|+|increase) [by] {step} [points|notches|steps|levels] => +{step}",
        "<move> <the> <brightness> up {step} [points|notches|steps|levels] => +{step}",
        "(<raise>) <the> <brightness> {step} [points|notches|steps|levels] => +{step}",
        "(make) (it|<the> <screen>) {step} brighter => +{step}",
        "(add|give) {step} [points|more|extra] (to|on) <the> <brightness> => +{step}",
        "(turn|bring|crank|bump) (it|this) up by {step} (brightness) => +{step}",
        "{step} [points|notches|more] (up|higher|more|brighter) (on|in|for) <the> <brightness> => +{step}",
        "<wish> <the> <brightness> [to be|to go] (turned up|raised|increased|bumped|up|higher|boosted) by {step} [points|notches] => +{step}",
        "<wish> <the> (<brightness>|<screen>) {step} (higher|brighter) => +{step}",
        "{step} brighter => +{step}",
        "<lower> <the> <brightness> [down] [lower] <bit> [on] [<the> <screen>|here] => -",
        "(<lower>|turn|make|put|bring|move|set|take|change|get|tone|dial|step|nudge|crank) <the> <brightness> <bit> (down|lower|dimmer|\
         darker) <bit> => -",
        "(make|turn|get|set) (it|this|<the> <screen>) <bit> (dimmer|darker|less bright|more dim|dim) <bit> => -",
        "(turn|tone|dial) down <the> (screen|display|monitor|backlight) <bit> => -",
        "(turn|tone|dial) <the> (screen|display|backlight) <bit> down <bit> => -",
        "(dim|darken|dim down|tone down) [<the> (<screen>|<brightness>)] [down] <bit> => -",
        "(dim|darken) (it|this) [down] <bit> => -",
        "<the> (<brightness>) <bit> (down|lower|decrease|decreased) <bit> => -",
        "<the> <screen> <bit> (dimmer|darker) <bit> => -",
        "<bit> (dimmer|darker|less brightness|brightness down|lower brightness|less bright|darker screen|dimmer screen|not so bright|not \
         that bright|darker display|dimmer display|less screen brightness) <bit> => -",
        "brightness (decrease|reduction|downwards|downward|lower|minus) => -",
        "<lower> <the> (screen|display|backlight) [level] <bit> => -",
        "(go|get) <bit> (dimmer|darker) <bit> => -",
        "could (it|this|<the> (<screen>|<brightness>)) (be|go) [made|turned|set] <bit> (dimmer|darker|dimmed|less bright) <bit> => -",
        "<bit> (less light|less brightness) (on|from|for) <the> <screen> => -",
        "(kick|knock) <the> <brightness> <bit> down <bit> => -",
        "(let|have|make) <the> <brightness> go <bit> (down|lower) => -",
        "<the> (<screen>|<brightness>) is (too|way too|a bit too|a little too|far too|much too) (bright|high|intense) <lower> (it|that) <bit> => -",
        "<the> (<screen>|<brightness>) is (too|way too|a bit too|a little too|far too|much too) (bright|high|intense) (make it|turn it|dim \
         it|darken it) <bit> [dimmer|darker|down|less bright] <bit> => -",
        "<wish> <bit> (less brightness|less light|a dimmer screen|a darker screen|lower brightness|a lower brightness|a dimmer display|a \
         darker display|dimmer screen|darker screen|less screen brightness|less backlight) [on|from] [the|my] [screen|display|monitor] => \
         -",
        "<wish> <the> (<screen>|<brightness>) [to be|to go] [turned|set|made] <bit> (dimmer|darker|less bright|lower|down|lowered|dimmed|\
         reduced|decreased|darkened) <bit> => -",
        "<wish> (it|this|things) [to be] <bit> (dimmer|darker|less bright) <bit> => -",
        "(it|this) <should be> <bit> (dimmer|darker|less bright) => -",
        "<the> (<screen>|<brightness>) <should be> [turned] <bit> (dimmer|darker|lower|down|less bright) <bit> => -",
        "<move> <the> (<brightness>) (down|lower) by {step} [points|notches|steps|levels] => -{step}",
        "<lower> <the> (<brightness>) [down|lower] by {step} [points|notches|steps|levels] => -{step}",
        "(dim|darken) <the> <screen> [down] [by] {step} [points|notches|steps] => -{step}",
        "<the> (<brightness>) (down|lower|minus|decrease) [by] {step} [points|notches|steps|levels] => -{step}",
        "<move> <the> <brightness> down {step} [points|notches|steps|levels] => -{step}",
        "(<lower>) <the> <brightness> {step} [points|notches|steps|levels] => -{step}",
        "(make) (it|<the> <screen>) {step} (dimmer|darker) => -{step}",
        "{step} (dimmer|darker) => -{step}",
        "cut <the> <brightness> by {step} [points|notches] => -{step}",
        "(take|knock|shave|cut|drop|subtract|remove) {step} [points] (off|from|off of) <the> <brightness> => -{step}",
        "{step} [points|notches|less] (down|lower|less) (on|in|for) <the> <brightness> => -{step}",
        "<wish> <the> <brightness> [to be|to go] (turned down|lowered|decreased|reduced|down|lower|dimmed) by {step} [points|notches] => -{step}",
        "<wish> <the> (<brightness>|<screen>) {step} (lower|dimmer|darker) => -{step}",
        "<wish> {step} more (<brightness>) => +{step}",
        "<wish> {step} less (<brightness>) => -{step}",
        "(knock|set|dial|turn|bring|pull|take|ease) <the> <brightness> back [by] {step} [points|notches|steps|units] => -{step}",
        "(take|knock|shave|cut) (some|a bit of|a little) <brightness> off => -",
        "(give|give it|give me|add|i want|i need|id like) (another|an extra|an additional|a further) {step} [points|more|of] [on|to] <the> \
         <brightness> => +{step}",
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
    const PERSONAL: bool = true;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        let by = self.by.get();
        format!("Turn the brightness {} by {} percent", if by > 0 { "up" } else { "down" }, by.unsigned_abs())
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("by", OwnedArg::Number(self.by.get().into()))]
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        preview(cx, Wish::By(self.by)).await
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        run(cx, Wish::By(self.by), ready).await
    }
}
