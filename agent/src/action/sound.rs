//! The volume of the default output.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_ipc::{Code, Effect, Fact, Preview};
use steward_policy::{ArgKind, OwnedArg, Risk};

use super::level::{Wish, still, unchanged};
use super::types::{Percent, StepBy, no_payload, visible};
use super::{Capability, Example, Need, Perform, Ready, Shown, call, say};
use crate::backend::sound::{Order, Sink, SoundError};
use crate::reply::{Failure, Outcome, Undo};
use crate::services::Context;

/// How much of an output's name is shown, in characters.
const MAX_SHOWN: usize = 100;

impl From<SoundError> for Failure {
    fn from(error: SoundError) -> Failure {
        let code = match &error {
            SoundError::NoServer(_) | SoundError::NoOutput => Code::Unavailable,
            SoundError::NotLetIn => Code::NotAuthorized,
            SoundError::Late => Code::TimedOut,
            SoundError::Unknown(_) => Code::UnknownOutcome,
            SoundError::Failed(_) => Code::Failed,
        };
        Failure::new(code, error.to_string()).with(json!({ "needs": Need::Sound.words() }))
    }
}

/// An output as it is shown.
fn shown_name(sink: &Sink) -> String {
    visible(&sink.description, MAX_SHOWN)
}

/// Whether it can be heard, as a fact.
fn mute_fact(sink: &Sink) -> Vec<Fact> {
    let muted = Fact { name: "muted".to_owned(), value: "yes; this does not change that".to_owned() };
    sink.muted.then_some(muted).into_iter().collect()
}

/// The state that a volume is, to be compared before it is put back.
fn volume_state(sink: &Sink, percent: u32) -> Value {
    json!({ "output": sink.name, "percent": percent })
}

/// The state that a mute is.
fn mute_state(sink: &Sink, muted: bool) -> Value {
    json!({ "output": sink.name, "muted": muted })
}

/// Has the output changed by the order that `order` makes of how it is, if `effect` is what was shown. Gives how it was before.
async fn change(
    cx: &Context<'_>,
    ready: &Ready,
    effect: impl Fn(&Sink) -> Effect + Send,
    order: impl Fn(&Sink) -> Option<Order> + Send,
) -> Result<Sink, Failure> {
    let mut as_shown = Ok(());
    let make = |sink: &Sink| {
        if ready.shown.is_some() {
            as_shown = still(ready.shown.as_ref(), &effect(sink));
        }
        order(sink).filter(|_| as_shown.is_ok())
    };
    let sink = cx.services.seat.sound.change(make).await?;
    as_shown.map(|()| sink)
}

async fn preview_level(cx: &Context<'_>, wish: Wish) -> Result<Shown, Failure> {
    let sink = cx.services.seat.sound.sink().await?;
    Ok(wish.from(sink.percent()).shown("volume", &shown_name(&sink), mute_fact(&sink)))
}

async fn run_level(cx: &Context<'_>, wish: Wish, ready: Ready) -> Result<Outcome, Failure> {
    let level = |sink: &Sink| wish.from(sink.percent());
    let effect = |sink: &Sink| level(sink).effect("volume", &shown_name(sink));
    let sink = change(cx, &ready, effect, |sink| level(sink).sets().map(Order::Volume)).await?;
    let level = level(&sink);
    let mut says = level.says("volume");
    if sink.muted {
        says.push_str(" The sound is muted.");
    }
    let data = json!({ "percent": level.to, "before": level.from, "muted": sink.muted, "output": shown_name(&sink) });
    if level.sets().is_none() {
        return Ok(unchanged(says, data));
    }
    let undo = level.undo(SetVolume::NAME, |percent| volume_state(&sink, percent));
    Ok(Outcome::says(says).with(data).undone_by(undo))
}

fn mute_effect(sink: &Sink, mute: bool) -> Effect {
    let verb = if mute { "mute" } else { "unmute" };
    Effect { verb: verb.to_owned(), object: shown_name(sink), ..Effect::default() }
}

fn already_mute(mute: bool) -> &'static str {
    if mute { "The sound is already muted." } else { "The sound is not muted." }
}

async fn preview_mute(cx: &Context<'_>, mute: bool) -> Result<Shown, Failure> {
    let sink = cx.services.seat.sound.sink().await?;
    let effect = mute_effect(&sink, mute);
    let summary = format!("{} {}", if mute { "Mute" } else { "Unmute" }, effect.object);
    let fact = |name: &str, value: String| Fact { name: name.to_owned(), value };
    let now = if sink.muted { "muted" } else { "not muted" }.to_owned();
    let facts = vec![fact("now", now), fact("volume", format!("{} %", sink.percent()))];
    let already = (sink.muted == mute).then(|| already_mute(mute).to_owned());
    let preview = Preview { summary, effects: vec![effect], facts, requester_text: None };
    Ok(Shown { preview, already, ..Shown::default() })
}

async fn run_mute(cx: &Context<'_>, mute: bool, ready: Ready) -> Result<Outcome, Failure> {
    let order = |sink: &Sink| (sink.muted != mute).then_some(Order::Mute(mute));
    let sink = change(cx, &ready, |sink| mute_effect(sink, mute), order).await?;
    let data = json!({ "muted": mute, "percent": sink.percent(), "output": shown_name(&sink) });
    if sink.muted == mute {
        return Ok(unchanged(already_mute(mute).to_owned(), data));
    }
    let says: Cow<'static, str> = match mute {
        true => "The sound is muted.".into(),
        false => format!("The sound is no longer muted; the volume is at {} percent.", sink.percent()).into(),
    };
    let undo = Undo {
        action: if mute { VolumeUnmute::NAME } else { VolumeMute::NAME }.to_owned(),
        args: json!({}),
        before: mute_state(&sink, sink.muted),
        after: mute_state(&sink, mute),
        only: None,
        within: None,
    };
    Ok(Outcome::says(says).with(data).undone_by(undo))
}

async fn present_mute(cx: &Context<'_>) -> Result<Value, Failure> {
    let sink = cx.services.seat.sound.sink().await?;
    Ok(mute_state(&sink, sink.muted))
}

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
    const PHRASES: &'static [&'static str] = &[
        "(<set>|<raise>|<lower>|tone) <the> <volume> [level] [up|down|back] [level] <to> [the] [number|level] {percent} [setting|mark|\
         level|volume|instead|or so]",
        "(set|change|adjust|put|turn|make|have|change) <the> <volume> [level] {percent}",
        "<the> <volume> [level|set|goes|go|should go] [<to>] [the] [number|level] {percent} [setting|mark|level]",
        "<the> <volume> (up|down|back) <to> [the] [number|level] {percent} [setting|mark|level]",
        "<the> <volume> (equals|is|=) {percent}",
        "(turn|bring|crank|dial|put|take|pump|push|knock|bump|drop|set|whack|jack) (it|that|this) [right|way|back] (up|down|back) (to|at) {percent}",
        "(turn|crank|pump|bump|push|jack|whack|put|bring|max|blast) (it|that|this) (up to <full>|[up] all the way [up]|up (full|fully|\
         <full>)|to <full>) => 100",
        "(max|blast|crank) (it|this|that) (out|at <full>|on <full>) => 100",
        "(turn|bring|crank|dial|put|take|pump|push|knock) (up|down) [the] <volume> to {percent}",
        "<wish> <the> <volume> [level] [to be|to go|to sit] [set|turned|bumped|raised|lowered|brought|cranked|put|increased|decreased|\
         moved|changed|reduced|adjusted|dropped|upped] [up|down|back] [<to>] {percent}",
        "<the> <volume> [level] <should be> [set|at|put|turned|raised|lowered|changed|adjusted|moved|brought|increased|decreased|reduced] \
         [up|down|back] [<to>] {percent}",
        "could <the> <volume> [level] (be|go|come) [set|put|turned] [up|down|back] [<to>] {percent}",
        "(<set>|<raise>|<lower>) it [up|down|back] [<to>] {percent} (volume|sound|loudness)",
        "(<set>|<raise>|<lower>) it [up|down|back] <to> {percent} on <the> <volume>",
        "<set> <the> <volume> [to] be {percent}",
        "(keep|leave|hold|have|lets keep) <the> <volume> (at|to|around|on) {percent}",
        "(let|have) <the> <volume> [be|at|go to|go up to|go down to|sit at|sit] [<to>] {percent}",
        "(<set>|<raise>|<lower>) <the> (music|tunes|song|video|playback|movie) [up|down|back] <to> {percent} [volume]",
        "go to <volume> [level] {percent}",
        "(play|listen) [it|the music|music|this] at {percent} [volume]",
        "make <the> <volume> [be] (set|turned|raised|lowered) [up|down] <to> {percent}",
        "<set> {percent} [<to>] (volume|sound|audio|loudness)",
        "[<wish>|at|set|to|make it|go to|make that|use|play at|lets go] {percent} [of] [the] (volume|sound volume|audio volume|speaker \
         volume|sound|loudness|full volume)",
        "{percent} (on|for|as) <the> <volume>",
        "(whisper|background|party|quiet|low|night) <volume> {percent}",
        "(<set>|<raise>) <the> <loud> <all the way up> => 100",
        "(max|max out|maximize|maximise|blast) [out] <the> <volume> [out] [fully|completely|all the way] => 100",
        "(play|blast|run) [it|this|<the> <loud>] (at|on|to) <full> [volume|blast] => 100",
        "[<wish>|at|set|to|play at|go to|use|give it|go] [the|a] (full|maximum|max|highest|top|the loudest|loudest|maximal|complete|\
         hundred percent) [possible] <volume> [setting] => 100",
        "[as] (loud as possible|loud as you can|loud as it gets|loud as it goes|loud as it will go|loud as can be) => 100",
        "(make|turn|play) (it|this|<the> <loud>) (as loud as (possible|you can|it gets|it goes|it can go|it can get|can be)|max volume|\
         full volume|maximum volume|at full volume|at max volume|full blast|the loudest) => 100",
        "<the> <volume> <all the way up> => 100",
        "<wish> <the> <loud> [to be] [turned|at|set|up|cranked] <all the way up> => 100",
        "<the> <volume> <must be> [turned|set] <all the way up> => 100",
        "(<set>|<lower>) <the> <volume> <all the way down> => 0",
        "(minimize|minimise) <the> <volume> => 0",
        "[<wish>|at|set|to|go to|use] [the|a] (minimum|min|lowest|zero|minimal) [possible] <volume> [setting] => 0",
        "<the> <volume> <all the way down> => 0",
        "<wish> <the> <volume> [to be] [turned|at|set] <all the way down> => 0",
        "(<set>|<raise>|<lower>) <the> <volume> [down|up|back] [<to>] <half> => 50",
        "(<set>) <the> <volume> <half> [up|down] => 50",
        "(halve|half) <the> <volume> => 50",
        "<the> <volume> [to|at|on] <half> => 50",
        "<wish> <the> <volume> [to be] [set|at|down|up] [to|at] <half> => 50",
        "[<wish>|at|to|set|go to|play at] (half|medium|middle|mid|moderate) <volume> => 50",
        "(cut|reduce|lower|drop|turn|bring|set|split|slash) <the> <volume> [down] (in|by|to) (half|the half) => 50",
        "<wish> {percent} (on|for|as) <the> <volume>",
        "<wish> it (at|to|on|to be|to be at) {percent} (volume|loudness)",
    ];
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
    const PERSONAL: bool = true;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        format!("Set the volume to {} percent", self.percent.get())
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("percent", OwnedArg::Number(self.percent.get().into()))]
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        preview_level(cx, Wish::To(self.percent)).await
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        run_level(cx, Wish::To(self.percent), ready).await
    }

    async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
        let sink = cx.services.seat.sound.sink().await?;
        Ok(volume_state(&sink, sink.percent()))
    }

    async fn took_place(&self, cx: &Context<'_>, _rebooted: Option<bool>) -> Option<bool> {
        let sink = cx.services.seat.sound.sink().await.ok()?;
        Some(sink.percent() == u32::from(self.percent.get()))
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
    // A sign without a step means the usual step.
    const PHRASES: &'static [&'static str] = &[
        "(<raise>|raise up|increase up) <the> <loud> [level] [up] [higher] <bit> => +",
        "(<raise>|turn|make|put|bring|move|set|take|change|get|step|nudge) <the> <loud> [level] (up|higher|louder|upward|upwards) <bit> => +",
        "(turn|crank|bring|put|move|pump|make|step|nudge|bump|get|keep turning|ease) <the> <loud> <bit> (up|higher|louder) <bit> => +",
        "(can|could) <the> <loud> (be|get) (turned|brought|put|moved|bumped) <bit> (up|higher) <bit> => +",
        "(turn|crank|pump|bump|bring|put|push|take) up <the> <loud> <bit> => +",
        "(turn|crank|pump|bump|put|jack|amp|ramp|whack) it <bit> up <bit> => +",
        "(bring|take|move|push|dial|nudge|kick|knock|notch|step) (it|that|this) [back] up (a bit|a little|a little bit|a tad|a notch|one \
         notch|some|some more|slightly|a touch|more|a bit more|a smidge|a hair) => +",
        "(crank|pump) (it|<the> <loud>|the tunes|the jams|that) => +",
        "could (it|this|that|<the> <loud>) (be|go|come) [made|turned|set] <bit> (louder|higher|turned up|up) <bit> => +",
        "(can|could|may|let) (i|we|me|us) (hear|have|get) (it|this|that|<the> <loud>) [turned] <bit> (louder|better|up) <bit> => +",
        "(make|get|turn) <the> <loud> on (this|the|my) (computer|laptop|pc|machine) <bit> (louder|up) <bit> => +",
        "(make|get|turn) <the> <loud> <bit> (louder|up) <bit> on (this|the|my) (computer|laptop|pc|machine) => +",
        "(turn|crank) up <bit> [the] (music|sound|volume|audio) <bit> => +",
        "(turn|crank|pump) that <bit> up <bit> => +",
        "(let|have|make) <the> <loud> [go] (up|higher|louder) => +",
        "(kick|knock) <the> <loud> <bit> up <bit> => +",
        "give <the> <volume> a [little|big|small] (boost|bump|push|lift|raise) => +",
        "give it <bit> (more volume|more sound|volume) => +",
        "(make|get|turn|play) (it|this|that|things|everything) <bit> louder <bit> => +",
        "<the> <volume> [level] <bit> (up|higher|louder|increase|increased|raise) <bit> => +",
        "<bit> (louder|more volume|more sound|volume up|higher volume|louder volume|louder sound|louder music|up the volume) [still] <bit> => +",
        "(volume|sound|audio) (increase|boost|raise|upwards|upward|higher|louder|plus) => +",
        "(play|put) <the> <loud> <bit> louder <bit> => +",
        "(speak|talk|play|sound|get|be|go) <bit> louder <bit> => +",
        "(speak|talk|play) up (a bit|a little|a little bit|more|louder) => +",
        "make (the|my|this) (computer|laptop|pc|machine|speakers|music|thing) <bit> louder <bit> => +",
        "<wish> (it|this|that|things|everything) [to be|to sound|turned|played] <bit> louder <bit> => +",
        "<wish> (it|this|that) turned <bit> up <bit> => +",
        "<wish> <the> <loud> [to be|to go] [turned|set|brought|cranked|pumped|played|put|bumped] <bit> (louder|up|higher|raised|increased|\
         boosted) <bit> => +",
        "<wish> <bit> (more volume|louder sound|more sound|higher volume|a higher volume|a louder volume|louder volume|more loudness|more \
         audio|a volume boost|a volume increase|louder music|louder audio) [on|from] [the|my] [speakers|music|computer|laptop|headphones] \
         => +",
        "<raise> <the> (headphones|headset|headphone volume|headset volume) [volume] [up] <bit> => +",
        "(it|this|that) <should be> <bit> louder <bit> => +",
        "<the> <loud> <should be> [turned] <bit> (louder|higher|up) <bit> => +",
        "(add|add some|add more|add a bit of|add a little) <the> <volume> => +",
        "<the> <volume> (is|are|seems|sounds) (too|way too|a bit too|a little too|far too|much too) (low|quiet|soft) <raise> (it|that) <bit> => +",
        "<move> <the> <loud> [level] (up|higher|louder) by {step} [points|notches|steps|levels|more] => +{step}",
        "<raise> <the> <loud> [level] [up|higher] by {step} [points|notches|steps|units|more|levels|ticks|percentage points] => +{step}",
        "(turn|bring|crank|bump|pump|put|raise|push|move) (it up|that up|up|this up) by {step} [points|notches|steps|units|levels|more] => +{step}",
        "(turn|crank|bump|pump) (it|this) up {step} [points|notches|steps|units|levels|more] => +{step}",
        "(go|turn) up [by] {step} [points|notches|steps|units|levels|more] (on|in) <the> <volume> => +{step}",
        "(raise|increase|up|boost|bump) it [up] by {step} (volume|sound) => +{step}",
        "<the> <volume> [level] (up|higher|plus|+|increase) [by] {step} [points|notches|steps|units|levels] => +{step}",
        "<move> <the> <volume> up {step} [points|notches|steps|units|levels|more] => +{step}",
        "(<raise>) <the> <volume> {step} [points|notches|steps|units|levels|more] [higher|up|louder] => +{step}",
        "(add|give) {step} [points|more|extra] (to|on) <the> <volume> => +{step}",
        "(give|give it|give me|add|i want|i need|id like) (another|an extra|an additional|a further) {step} [points|more|of] [on|to] <the> \
         <volume> => +{step}",
        "{step} [points|notches|more] (up|higher|more) (on|in|for) <the> <volume> => +{step}",
        "<wish> <the> <volume> [to be|to go] (raised|increased|bumped|up|higher|turned up|moved up|brought up|put up|bumped up|boosted) by \
         {step} [points|notches|steps|units|levels] => +{step}",
        "<wish> <the> <volume> {step} (higher|louder) => +{step}",
        "(make|turn) (it|<the> <loud>) {step} (louder|higher) => +{step}",
        "{step} louder => +{step}",
        "(<lower>|limit|soften|quieten|bring down) <the> <loud> [level] [down] [lower] <bit> => -",
        "(<lower>|turn|make|put|bring|move|set|take|change|get|tone|dial|step|nudge|tune|crank|keep) <the> <loud> [level] (down|lower|\
         quieter|softer|downward|downwards) <bit> => -",
        "(turn|bring|put|move|make|tone|dial|step|nudge|get|crank) <the> <loud> <bit> (down|lower|less|quieter|softer|more quiet|less loud) <bit> => -",
        "(turn|tone|bring|put|dial|quiet|take|crank) down <the> <loud> <bit> => -",
        "(turn|tone|dial|bring|crank|take|wind|ease) (it|that) [back] <bit> down <bit> => -",
        "(keep|hold) (it|the noise|the sound|the volume|the music) down <bit> => -",
        "could (it|this|that|<the> <loud>) (be|go|come) [made|turned|set] <bit> (quieter|softer|lower|turned down|less loud|down) <bit> => -",
        "(quiet|soften|hush) <the> <loud> (a bit|a little|a little bit|a tad|slightly|some|somewhat|a notch|a touch) => -",
        "(take|turn|bring|dial|tone) (it|that|<the> <loud>) down (from|for) (there|here|me) => -",
        "(let|have|make) <the> <loud> [go] (down|lower|quieter) => -",
        "(kick|knock) <the> <loud> <bit> down <bit> => -",
        "(make|get|turn|play|keep) (it|this|that|things|everything) <bit> (quieter|softer|less loud|more quiet|more silent|lower) <bit> => -",
        "<the> <volume> [level] <bit> (down|lower|quieter|softer|decrease|decreased|reduce) <bit> => -",
        "<bit> (quieter|softer|less volume|less sound|volume down|lower volume|not so loud|less loud|less noise|more quiet|more quietly|\
         more softly|not that loud|lower sound|quieter sound) [still] <bit> => -",
        "(volume|sound|audio) (decrease|reduction|downwards|downward|lower|quieter|minus) => -",
        "(play|put) <the> <loud> <bit> (quieter|softer|more quietly|less loud|lower|more softly) <bit> => -",
        "make (the|my|this) (computer|laptop|pc|machine|thing) <bit> (quieter|less loud) <bit> => -",
        "(speak|talk|play|sound|get|be) <bit> (quieter|softer|more quietly|more softly|less loud|lower|less loudly) <bit> => -",
        "(quiet|quieten|hush|calm|shush) (it|this|that|things|everything|<the> <loud>) down <bit> => -",
        "quieten (it|this|that|things|everything|<the> <loud>) <bit> => -",
        "ease <the> <loud> <bit> (down|off|back) <bit> => -",
        "(can|could) <the> <loud> (be|get) (turned|brought|put|moved|toned) <bit> (down|lower) <bit> => -",
        "(quiet|quieten|hush|pipe) down <bit> => -",
        "<wish> (it|this|that|things|everything) [to be|to sound|turned|played] <bit> (quieter|softer|less loud|more quiet) <bit> => -",
        "<wish> (it|this|that) turned <bit> down <bit> => -",
        "<wish> <the> <loud> [to be|to go] [turned|set|brought|toned|played|put|dialed] <bit> (quieter|softer|down|lower|lowered|decreased|\
         reduced|less loud|more quiet) <bit> => -",
        "<wish> <bit> (less volume|less sound|lower volume|a lower volume|softer sound|quieter sound|less noise|a softer sound|a quieter \
         sound|less loudness|quieter music|quieter audio) => -",
        "<lower> <the> (headphones|headset|headphone volume|headset volume) [volume] [down] <bit> => -",
        "(it|this|that) <should be> <bit> (quieter|softer|less loud) <bit> => -",
        "<the> <loud> <should be> [turned] <bit> (quieter|softer|lower|down|less loud|more quiet) <bit> => -",
        "<the> <volume> (is|are|seems|sounds) (too|way too|a bit too|a little too|far too|much too) (loud|high|strong) <lower> (it|that) <bit> => -",
        "<move> <the> <loud> [level] (down|lower|softer|quieter) by {step} [points|notches|steps|levels|more] => -{step}",
        "<lower> <the> <loud> [level] [down|lower] by {step} [points|notches|steps|units|levels|ticks|percentage points] => -{step}",
        "(turn|bring|put|dial|tone|take|lower|knock|drop|move|crank) (it down|that down|down|this down) by {step} [points|notches|steps|\
         units|levels|more] => -{step}",
        "(turn|bring|take|knock|dial) (it|this) down {step} [points|notches|steps|units|levels|more] => -{step}",
        "(go|turn) down [by] {step} [points|notches|steps|units|levels|more] (on|in) <the> <volume> => -{step}",
        "(lower|decrease|reduce|drop) it [down] by {step} (volume|sound) => -{step}",
        "<the> <volume> [level] (down|lower|minus|decrease) [by] {step} [points|notches|steps|units|levels] => -{step}",
        "<move> <the> <volume> down {step} [points|notches|steps|units|levels] => -{step}",
        "(<lower>) <the> <volume> {step} [points|notches|steps|units|levels] => -{step}",
        "(take|knock|shave|cut|drop|subtract|remove|deduct) {step} [points|notches] (off|from|off of) <the> <volume> => -{step}",
        "{step} [points|notches|less] (down|lower|less) (on|in|for) <the> <volume> => -{step}",
        "<wish> <the> <volume> [to be|to go] (lowered|decreased|reduced|down|lower|turned down|moved down|brought down|put down|cut|\
         dropped) by {step} [points|notches|steps|units|levels] => -{step}",
        "<wish> <the> <volume> {step} (lower|quieter) => -{step}",
        "(make|turn) (it|<the> <loud>) {step} (quieter|lower|softer) => -{step}",
        "cut <the> <volume> by {step} [points|notches] => -{step}",
        "{step} quieter => -{step}",
        "<wish> {step} more (<volume>|loudness) => +{step}",
        "<wish> {step} less <volume> => -{step}",
        "(knock|set|dial|turn|bring|pull|take|ease) <the> <volume> back [by] {step} [points|notches|steps|units] => -{step}",
    ];
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
    const PERSONAL: bool = true;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        let by = self.by.get();
        format!("Turn the volume {} by {} percent", if by > 0 { "up" } else { "down" }, by.unsigned_abs())
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("by", OwnedArg::Number(self.by.get().into()))]
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        preview_level(cx, Wish::By(self.by)).await
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        run_level(cx, Wish::By(self.by), ready).await
    }
}

/// Mutes the default output.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeMute {}

impl Capability for VolumeMute {
    const NAME: &'static str = "volume_mute";
    const RISK: Risk = Risk::Reversible;
    const PHRASES: &'static [&'static str] = &[
        "(mute|silence|hush|shush|mute out) [<noise>]",
        "shut (up <noise>|<noise> up|it up|everything up)",
        "(quiet|shush) <noise>",
        "(mute|silence|shush|hush) (it|everything|all|this|yourself|that|things|the thing|this thing|the whole thing|all sound|all sounds|\
         all audio|all the sound|all the sounds|all the audio)",
        "(mute|silence) all [of] [the|my] (<volume>)",
        "(turn|switch|shut|cut|kill|toggle|click|power) off [all|all the|all of] <the> <volume> [output|effects]",
        "(<turn>|kill|toggle) [all|all of] <the> <volume> [output] (off|mute|muted|silent|on mute|to mute|to silent|on silent|into silence|away|out)",
        "(cut|kill|disable|stop|shut off|shut down|deactivate|cut off|cut out|kill off|silence|block|suppress) [all|all of] <the> \
         (<volume>) [output|completely|entirely]",
        "(cut|kill|stop|cut out|end) [all|all of] (the|that|this) (noise|racket|din)",
        "(put|set|turn|switch|make|get|bring|keep) (it|this|everything|yourself|things|<noise>) (on|to|into|in) (mute|silent|silence|\
         silent mode|mute mode|quiet mode)",
        "(go|be|stay|keep|become) [completely|totally|very|absolutely] (silent|mute|muted|on mute|into silent mode|quiet)",
        "make no (sound|noise|sounds)",
        "(hit|press|use|push|click|engage|smash|tap) (the|that) mute [button|key]",
        "(mute|silent|quiet|silence) mode [on]",
        "(turn on|switch on|enter|enable|activate|go into|go to|switch to|use|put on|engage) (mute|silent|quiet) [mode]",
        "(turn|switch|put|flip) [the] mute on",
        "(turn|switch|flip) on [the] mute",
        "(enable|activate|engage|hit|press|toggle on|apply) [the] mute",
        "<the> (<volume>) (off|mute|muted|on mute|to mute|to silent)",
        "(mute|muted) on",
        "[<wish>|make it|lets have|give me] [complete|total|absolute|some] silence",
        "no (sound|audio|volume|sounds|more sound|more noise|noise|more audio|more sounds)",
        "(make|get|keep|have) (it|this|everything|<noise>) [go] [completely|totally] (mute|muted|silent|silenced)",
        "<wish> (<noise>|it|everything) [to be|to go] [completely|totally] (muted|silenced|silent|mute|on mute)",
        "<wish> <the> <volume> [to be] (off|turned off|switched off|cut|cut off|killed|gone)",
        "<wish> no (sound|audio|noise|sounds)",
        "(<the> <volume>) <must be> (muted|off|turned off|switched off|silenced)",
        "(mute|silence) <this machine>",
        "(mute|silence) <the> (<volume>|sound) <here>",
    ];
    const EXAMPLES: &'static [Example] = &[say("mute the sound", None), say("mute", None)];

    fn from_payload(payload: Option<&str>) -> Result<VolumeMute, Failure> {
        no_payload(Self::NAME, payload, VolumeMute {})
    }
}

impl Perform for VolumeMute {
    const NEED: Need = Need::Sound;
    const PERSONAL: bool = true;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        "Mute the sound".to_owned()
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        preview_mute(cx, true).await
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        run_mute(cx, true, ready).await
    }

    async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
        present_mute(cx).await
    }

    async fn took_place(&self, cx: &Context<'_>, _rebooted: Option<bool>) -> Option<bool> {
        Some(cx.services.seat.sound.sink().await.ok()?.muted)
    }
}

/// Takes the mute off the default output.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeUnmute {}

impl Capability for VolumeUnmute {
    const NAME: &'static str = "volume_unmute";
    const RISK: Risk = Risk::Reversible;
    const PHRASES: &'static [&'static str] = &[
        "(unmute|un-mute|un mute|unsilence|desilence|unhush|demute) [<noise>]",
        "(unmute|un-mute|un mute|unsilence) (it|everything|all|this|yourself|me|things|all sound|all sounds|all audio|all the sound|all \
         the sounds|all the audio)",
        "(<turn>) [all|all of] <the> <volume> [output] [turned|switched] [right] (on|back on|back|on again|back again|back up again|\
         unmuted|working again)",
        "(turn|switch|bring|put|get|toggle|flip) (on|back on|back) [all] <the> <volume> [output] [again]",
        "(give me back|restore|reenable|re-enable|enable|reactivate|activate|resume|bring back|get back|give back|start|let me have back|\
         re enable|return|reinstate) [all] <the> (<volume>) [output] [again]",
        "(cancel|undo|disable|remove|end|stop|lift|deactivate|release|clear|drop|kill|exit|quit|reverse|take away) [the|that] (mute|\
         silence|mute mode|silent mode)",
        "(turn|switch|take) [the] mute [back] off",
        "(turn|switch|take) off [the] mute",
        "(take|get|bring|pull) (it|me|this|everything|<noise>) (off|off of|out of) (mute|silent|silent mode|mute mode)",
        "(come|get) (off|out of) (mute|silent mode|silent|mute mode)",
        "(mute|silent mode|silent) off",
        "stop (muting|silencing) (it|me|everything|<noise>)",
        "(no more|no longer) (mute|muted|muting|silent mode)",
        "<the> (<volume>) (on|back on|on again|back|unmute)",
        "(<wish>|let me hear|let us hear|let me get|let me have) [the|my|some] (sound|audio|volume|sounds) [to be|to come] (back|on|again|\
         back on|back again|unmuted|turned on|turned back on|restored|switched on)",
        "(i want|i wanna|i need|i would like|id like|we want|let me|let us) [to] [be able to] (hear|have) [the|my|some] (sound|audio|\
         sounds|music) [back|again|on|once more]",
        "(i want|i wanna|i would like|id like|let me|let us) [to] hear (it|things|stuff|everything|something|you) again",
        "(get|have|make) <the> (<volume>|computer|laptop|pc|machine) [be] (unmuted|audible) [again]",
        "(turn|take|switch|remove) (mute|silent mode|mute mode|silent|the mute) off",
        "(turn off|disable|exit|leave|switch off|get out of|deactivate|end) [the] (mute|silent|silent mode|mute mode)",
        "unmute <this machine>",
        "<wish> <the> <volume> [to be] (unmuted|back on|turned back on)",
        "(can|could) (we|i) (have|hear|get) [the|some|my] (sound|audio) [back] [on] again",
        "<the> <volume> <must be> (unmuted|back on|turned back on|restored)",
    ];
    const EXAMPLES: &'static [Example] = &[say("unmute the sound", None), say("unmute", None)];

    fn from_payload(payload: Option<&str>) -> Result<VolumeUnmute, Failure> {
        no_payload(Self::NAME, payload, VolumeUnmute {})
    }
}

impl Perform for VolumeUnmute {
    const NEED: Need = Need::Sound;
    const PERSONAL: bool = true;
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        "Unmute the sound".to_owned()
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        preview_mute(cx, false).await
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        run_mute(cx, false, ready).await
    }

    async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
        present_mute(cx).await
    }

    async fn took_place(&self, cx: &Context<'_>, _rebooted: Option<bool>) -> Option<bool> {
        Some(!cx.services.seat.sound.sink().await.ok()?.muted)
    }
}
