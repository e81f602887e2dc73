//! Restarting, switching off and sleeping.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use steward_ipc::{Code, Effect, Preview};
use steward_policy::Risk;

use super::types::{no_payload, visible};
use super::{Capability, Example, Need, Perform, Ready, Shown, say};
use crate::backend::dbus::login1::{Can, Login1, Power};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Restarts the machine.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerReboot {}

impl Capability for PowerReboot {
    const NAME: &'static str = "power_reboot";
    const RISK: Risk = Risk::Destructive;
    const PHRASES: &'static [&'static str] = &[
        "(reboot|restart|re-boot|re-start|re boot|re start|reset|power cycle|powercycle|warm boot|cold boot|soft reboot|hard reboot|bounce|\
         reload|relaunch) (<this machine>|the operating system|the os)",
        "(reboot|restart|re-boot|re boot|reboot computer|restart computer|reboot system|restart system|reboot now|reboot everything)",
        "(reboot it|reboot yourself|restart yourself|reboot linux|reboot debian|reboot ubuntu|restart linux)",
        "(do|perform|give me|give it|start|initiate|trigger|make|run|execute|have|issue|hit|go for|proceed with|go ahead with|lets do) (a|\
         the) [quick|full|clean|fresh|system|machine|complete|proper|soft|hard|computer|normal|nice] (reboot|restart|system restart|system \
         reboot) [of|on|for] [the|my|this] [<machine>]",
        "(give) (the|my|this) <machine> a [quick|fresh] (reboot|restart)",
        "<wish> (a|to do a|the) [quick|full|system|computer|fresh] (reboot|restart) [of|on|for] [the|my|this] [<machine>]",
        "(the|my|this) <machine> (is|has been|keeps|gets|feels|seems|has become) [being|getting|very|so|really|all|too|a bit|way too|\
         acting] (slow|frozen|freezing|stuck|weird|hanging|sluggish|laggy|lagging|unresponsive|up|acting up|acting weird|crashing|strange|\
         buggy|funny|hot|glitchy) (reboot|restart) (it|<this machine>)",
        "(the|my|this) <machine> (froze|hangs|is acting up|is acting weird|acts weird|acts up|crashed|needs a reboot|needs a restart|needs \
         rebooting|needs restarting) [please] (reboot it|restart it|do it|reboot|restart|please reboot it|reboot <this machine>|restart \
         <this machine>)",
        "(reboot|restart) it [please] (the|my|this) <machine>",
        "(shut down|turn off|power off|power down) and [then] (restart|reboot|start up again|start again|boot up again|power back on|turn \
         back on) [the|my|this] [<machine>|it|again]",
        "(shut|turn|power) <this machine> (down|off) and (restart|reboot) [it]",
        "(off and on again|system restart|reboot time|restart time)",
        "(time|its time|it is time|high time) for a [quick|fresh|system|computer] (reboot|restart)",
        "(go for|lets have|lets go for|lets do|how about we do|time to do) a [quick|fresh|system|clean] (reboot|restart)",
        "(reboot|restart) (the|this|my|that) (bad boy|sucker|baby|beast|old thing|rust bucket|bugger|hunk of junk|piece of junk|old girl|\
         puppy|monster|little guy)",
        "(kick off|fire off) a (reboot|restart)",
        "(give|give me|do|lets give) (it|this thing|the thing) a [quick|fresh|good] (reboot|restart)",
        "restart (fresh|now|everything|the whole computer|os|the linux box)",
        "(have|make) (it|yourself|this thing) (reboot|restart)",
        "(system|computer|machine|pc|full|quick|laptop) (reboot|restart)",
        "(turn|switch|shut|power) <this machine> off and [back] on [again]",
        "(turn|switch|shut|power) (off|down) and [back] on [again] <this machine>",
        "(turn|switch) it off and [back] on again",
        "(cycle) (the|my|this) <machine> [reboot|restart|power]",
        "(boot|start) (the|my|this) <machine> (again|anew|afresh|fresh)",
        "(bring|take) (the|my|this) <machine> down and [back] up [again]",
        "<wish> (the|my|this) (<machine>|thing) [to be|to get] (rebooted|restarted|to reboot|to restart|reboot|restart)",
        "(get|have) (the|my|this) (<machine>|thing) (rebooted|restarted|to reboot|to restart)",
        "(make|let|have|get|force) (the|my|this) <machine> [to|do a] (reboot|restart)",
        "(reboot|restart) (the|my|this) <machine> and (log me back in|start fresh|start over|come back)",
    ];
    const EXAMPLES: &'static [Example] = &[say("restart the computer", None), say("reboot", None)];

    fn from_payload(payload: Option<&str>) -> Result<PowerReboot, Failure> {
        no_payload(Self::NAME, payload, PowerReboot {})
    }
}

impl Perform for PowerReboot {
    const NEED: Need = Need::Logind;
    const UNDO: &'static str = "–";

    fn sentence(&self) -> String {
        "Restart the machine".to_owned()
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        preview(cx, Power::Reboot, self.sentence()).await
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        carry_out(cx, Power::Reboot, &ready, "Restarting now.").await
    }

    /// A machine that was not booted again may still be on its way down.
    async fn took_place(&self, _cx: &Context<'_>, rebooted: Option<bool>) -> Option<bool> {
        rebooted.filter(|again| *again)
    }
}

/// Switches the machine off.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerShutdown {}

impl Capability for PowerShutdown {
    const NAME: &'static str = "power_shutdown";
    const RISK: Risk = Risk::Destructive;
    const PHRASES: &'static [&'static str] = &[
        "(shut down|shutdown|shut-down|power off|poweroff|power-off|power down|powerdown|turn off|switch off|shut off|halt|kill power to|\
         cut power to|kill the power to|cut the power to|shut off power to|turn the power off on|turn off power to|turn off the power to|\
         close down|power-down|shutoff) <off machine>",
        "(shut down|shutdown|shut-down|power off|poweroff|power-off|power down|powerdown|halt|shut it down|shut everything down|shut it \
         all down|shut off everything|shut down everything|power off everything|power down everything|power everything off|power \
         everything down|turn everything off and shut down|shut yourself down|shut down now|shut down computer|shutdown computer|close \
         down)",
        "shut this (down|off)",
        "(shut|turn|switch|power|bring|take|put) <off machine> [completely|fully|all the way|properly] (down|off|completely off|all the \
         way off|off completely)",
        "(turn|switch|shut|power) yourself (off|down)",
        "(shutdown|turn off|switch off|power off|shut down|power down) yourself",
        "(do|perform|start|initiate|trigger|make|run|execute|issue|begin) (a|the) [quick|full|clean|system|machine|complete|proper|\
         computer|normal|safe|graceful] (shutdown|shut down|power off|poweroff|power down|system shutdown) [of|on|for] [the|my|this] [<off \
         noun>]",
        "<wish> (the|my|this) (<off noun>) (off|shut down|turned off|powered off|switched off|powered down|shut off|to shut down|to power \
         off|to be off|to be shut down|to be turned off)",
        "(i am done with|im done with|im finished with|i am finished with) (the|my|this) (<off noun>) [please] (turn it off|shut it down|\
         switch it off|power it off|shut it off)",
        "(turn|switch|shut|power) it (off|down) [please] (the|my|this) (<off noun>)",
        "<wish> (a|to do a) [full|clean|system|complete] (shutdown|power off)",
        "(get|have) (the|my|this) (<off noun>) (shut down|off|turned off|powered off|switched off|powered down)",
        "(system|computer|machine|pc|laptop) (shutdown|shut down|off|power off|power down|turn off|switch off|poweroff)",
        "(make|let|have|get|force) (the|my|this) <machine> [to] (shut down|power off|turn off|shutdown|power down|turn itself off|switch off)",
        "(cut|kill|turn off|switch off|shut off) [the] power [to|of|on] [<off machine>]",
        "(turn|switch|shut) [the] power off",
        "(close|shut|power|turn|switch) (the whole thing|the lot|it all|everything|this puppy|this bad boy|this sucker|the beast|this baby) (down|off)",
        "(go|going) (dark|off|down) computer",
        "(lights out|goodnight|good night|night night) <off machine>",
        "(time|its time|it is time) for (the|my|this) (<machine>) to (shut down|turn off|power off|power down|go off)",
        "(turn|switch|shut|power) off [the] (whole|entire) (<off noun>|thing)",
        "(take|bring) <off machine> (down|offline)",
        "(stop|kill|halt|end) (the|this|my) (<off noun>)",
        "(end|close|finish) (the|my|this) session and (shut down|power off|turn off [the computer])",
        "(kill|cut|shut off|turn off|switch off) [the] power (to|on|of|for) (this|the|my) (<off noun>|desktop)",
    ];
    const EXAMPLES: &'static [Example] = &[say("shut down the computer", None), say("power off", None)];

    fn from_payload(payload: Option<&str>) -> Result<PowerShutdown, Failure> {
        no_payload(Self::NAME, payload, PowerShutdown {})
    }
}

impl Perform for PowerShutdown {
    const NEED: Need = Need::Logind;
    const UNDO: &'static str = "–";

    fn sentence(&self) -> String {
        "Switch the machine off".to_owned()
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        preview(cx, Power::PowerOff, self.sentence()).await
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        carry_out(cx, Power::PowerOff, &ready, "Switching off now.").await
    }

    /// A machine that was not booted again may still be on its way down.
    async fn took_place(&self, _cx: &Context<'_>, rebooted: Option<bool>) -> Option<bool> {
        rebooted.filter(|again| *again)
    }
}

/// Puts the machine to sleep.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerSleep {}

impl Capability for PowerSleep {
    const NAME: &'static str = "power_sleep";
    const RISK: Risk = Risk::Disruptive;
    const PHRASES: &'static [&'static str] = &[
        "(suspend|sleep|hibernate to ram|standby) <the sleeper>",
        "(suspend|sleep|go to sleep|go into sleep|go into sleep mode|sleep mode|standby|go to standby|enter sleep mode|enter standby mode|\
         enter suspend mode|go into suspend|go into suspend mode|go into standby mode|go to standby mode|switch to standby|switch to sleep \
         mode|switch to sleep|go asleep|fall asleep|suspend now|sleep now|sleep computer|suspend computer|nap time|standby mode|suspend \
         mode|engage sleep|computer sleep|go to bed computer|time to sleep computer|sleep tight computer|take a rest|suspend everything|\
         enter standby|go into standby|suspend to ram|take a nap|go to sleep mode|enter suspend|go to suspend)",
        "(put|send|set|bring|get|place|switch|turn) (<the sleeper>|it|yourself) (to sleep|to bed|sleep|to rest|down for a nap|in suspend \
         mode|in a sleep state|into a sleep state|into low power mode|into sleep|in sleep|in sleep mode|into sleep mode|to sleep mode|on \
         standby|in standby|into standby|to standby|in standby mode|into standby mode|in suspend|into suspend|into suspend mode|on sleep \
         mode|asleep|to suspend|on suspend)",
        "(put|send) to sleep <the sleeper>",
        "<the sleeper> (go to sleep|go into sleep mode)",
        "(laptop|computer|pc|machine|system) (to sleep|sleep|suspend|to suspend|into sleep mode|to standby)",
        "(make|let|have|get|force) (the|my|this) (<machine>|device) [to] (sleep|enter sleep mode|go into sleep mode|go to standby|go into \
         standby|rest|go to sleep|suspend|fall asleep|nap|take a nap)",
        "(enable|activate|start|trigger|engage|initiate) (sleep|suspend|standby|sleep mode|standby mode|suspend mode)",
        "<wish> (the|my|this) (<machine>|device) (to sleep|sleeping|put to sleep|to be asleep|on standby|in standby|suspended|asleep|to go \
         to sleep|in sleep mode|to be suspended)",
        "suspend (the|this|my) session",
        "suspend it",
        "(nap time|sleepy time|bed time|bedtime|sleep time|rest time|time for a nap|time to nap|time to sleep|time for bed) [for] [the|my|\
         this|you] (<machine>|computer)",
        "(time|its time|it is time) for (the|my|this) (<machine>) to (sleep|go to sleep|nap|rest|suspend|take a nap|go to bed)",
        "(put|send|rock|lull) (the|my|this) (<machine>) (down for the night|to bed|asleep)",
        "(let|make|have) (it|yourself) (sleep|go to sleep|suspend)",
        "(drop|slip|fall|transition|enter) [into|in|to] (sleep|sleep mode|suspend|suspend mode|standby|standby mode|low power mode)",
        "(time for|give me|do a|initiate a|go for a) (suspend|sleep|standby)",
        "<wish> (the|my|this) (<machine>|device) (in|into|on) (suspend mode|standby mode|sleep mode|sleep|suspend|standby)",
    ];
    const EXAMPLES: &'static [Example] = &[say("go to sleep", None), say("suspend the computer", None)];

    fn from_payload(payload: Option<&str>) -> Result<PowerSleep, Failure> {
        no_payload(Self::NAME, payload, PowerSleep {})
    }
}

impl Perform for PowerSleep {
    const NEED: Need = Need::Logind;
    const UNDO: &'static str = "–";

    fn sentence(&self) -> String {
        "Put the machine to sleep".to_owned()
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        preview(cx, Power::Suspend, self.sentence()).await
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        carry_out(cx, Power::Suspend, &ready, "Going to sleep now.").await
    }
}

/// Refuses what logind would not do for this process.
async fn possible(cx: &Context<'_>, power: Power) -> Result<(), Failure> {
    let what = match power {
        Power::Reboot => "restarting",
        Power::PowerOff => "switching off",
        Power::Suspend => "sleep",
    };
    let login1 = Login1(&cx.services.bus);
    let can = login1.can(power).await?;
    // Who may do it at other times is asked for a password while a program forbids it.
    if matches!(can, Can::Challenge | Can::No)
        && let Some(inhibitor) = login1.inhibitors(power).await?.into_iter().find(|i| i.blocks)
    {
        let (who, why) = (visible(&inhibitor.who, 60), visible(&inhibitor.why, 120));
        let message = format!(
            "{who} forbids {what} at the moment ({why}); end it first, or have an administrator allow `{}-ignore-inhibit` with a polkit rule",
            power.polkit()
        );
        return Err(Failure::new(Code::NotAuthorized, message)
            .with(json!({ "action": power.polkit(), "who": who, "why": why })));
    }
    let (code, message) = match can {
        Can::Yes => return Ok(()),
        Can::NotAvailable => (
            Code::Unavailable,
            format!("{what} is not available here: the kernel, the configuration of systemd or a container forbids it"),
        ),
        Can::Challenge => (
            Code::NotAuthorized,
            format!(
                "{what} needs a password here: do it from an active local session, or have an administrator allow it with a polkit rule"
            ),
        ),
        Can::No => (
            Code::NotAuthorized,
            format!("{what} is not allowed to this user; an administrator can allow it with a polkit rule"),
        ),
    };
    Err(Failure::new(code, message).with(json!({ "action": power.polkit() })))
}

/// What would be interrupted: the sessions of others, and programs that forbid it for now.
async fn preview(cx: &Context<'_>, power: Power, sentence: String) -> Result<Shown, Failure> {
    possible(cx, power).await?;
    let login1 = Login1(&cx.services.bus);
    let mut effects =
        vec![Effect { verb: power.verb().to_owned(), object: "this machine".to_owned(), ..Effect::default() }];
    let mut told = Vec::new();
    if power != Power::Suspend {
        let others: Vec<_> = login1.sessions().await?.into_iter().filter(|s| s.uid != cx.owner).collect();
        for session in &others {
            let object = format!("session {} of {}", session.id, session.user);
            effects.push(Effect { verb: "end-session".to_owned(), object, ..Effect::default() });
        }
        match others.len() {
            0 => {}
            1 => told.push("another user is logged in".to_owned()),
            n => told.push(format!("{n} sessions of other users end")),
        }
    }
    for inhibitor in login1.inhibitors(power).await?.into_iter().filter(|i| i.blocks) {
        let object = format!("{}: {}", visible(&inhibitor.who, 60), visible(&inhibitor.why, 120));
        told.push(format!("{} asks not to", visible(&inhibitor.who, 60)));
        effects.push(Effect { verb: "interrupt".to_owned(), object, ..Effect::default() });
    }
    let summary = if told.is_empty() { sentence } else { format!("{sentence} ({})", told.join(", ")) };
    Ok(Shown { preview: Preview { summary, effects, ..Preview::default() }, ..Shown::default() })
}

/// Has it done. It was asked whether it is possible where a preview was made.
async fn carry_out(cx: &Context<'_>, power: Power, ready: &Ready, said: &'static str) -> Result<Outcome, Failure> {
    if ready.shown.is_none() {
        possible(cx, power).await?;
    }
    Login1(&cx.services.bus).power(power).await?;
    Ok(Outcome::says(said).with(json!({ "changed": true })))
}
