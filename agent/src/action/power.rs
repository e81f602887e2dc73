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
        "(reboot|restart|re-boot|re-start|reset|power cycle|powercycle|warm boot|cold boot) <this machine>",
        "(reboot|restart|re-boot)",
        "(reboot it|reboot yourself|restart yourself|reboot linux|reboot debian|reboot ubuntu|restart linux)",
        "(do|perform|give me|give it|start|initiate|trigger|make|run|execute|have|issue) (a|the) [quick|full|clean|fresh|system|machine|complete|proper|soft|hard|computer] (reboot|restart)",
        "(give) (the|my|this) <machine> a [quick|fresh] (reboot|restart)",
        "(i want|i need|i would like|id like) (a|to do a) [quick|full|system] (reboot|restart)",
        "(system|computer|machine|pc|full|quick|laptop) (reboot|restart)",
        "(turn|switch|shut|power) <this machine> off and [back] on [again]",
        "(turn|switch|shut|power) (off|down) and [back] on [again] <this machine>",
        "(turn|switch) it off and [back] on again",
        "(cycle) (the|my|this) <machine> [reboot|restart|power]",
        "(boot|start) (the|my|this) <machine> (again|anew|afresh|fresh)",
        "(bring|take) (the|my|this) <machine> down and [back] up [again]",
        "(i want|i need|i would like|id like) (the|my|this) (<machine>|thing) (rebooted|restarted|to reboot|to restart|to be restarted|to be rebooted)",
        "(get|have) (the|my|this) (<machine>|thing) (rebooted|restarted|to reboot|to restart)",
        "(the|my|this) (<machine>|thing) (needs|needs a|must be|should be|has to be) (rebooted|restarted|reboot|restart|rebooting|restarting)",
        "(make|let) (the|my|this) <machine> (reboot|restart)",
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
        "(shut down|shutdown|shut-down|power off|poweroff|power-off|power down|powerdown|turn off|switch off|shut off|halt|kill power to|cut power to) <off machine>",
        "(shut down|shutdown|shut-down|power off|poweroff|power-off|power down|powerdown|halt)",
        "(shut|turn|switch|power|bring) <off machine> (down|off|completely off|all the way off|off completely)",
        "(turn|switch|shut|power) yourself (off|down)",
        "(shutdown|turn off|switch off|power off|shut down|power down) yourself",
        "(do|perform|start|initiate|trigger|make|run|execute|issue|begin) (a|the) [quick|full|clean|system|machine|complete|proper|computer] (shutdown|shut down|power off|poweroff|power down)",
        "(i want|i need|i would like|id like) (the|my|this) (<off noun>) (off|shut down|turned off|powered off|switched off|powered down|shut off|to shut down|to power off|to be off|to be shut down|to be turned off)",
        "(get|have) (the|my|this) (<off noun>) (shut down|turned off|powered off|switched off|powered down)",
        "(system|computer|machine|pc|laptop) (shutdown|shut down|off|power off)",
        "(make|let) (the|my|this) <machine> (shut down|power off|turn off)",
        "(cut|kill|turn off|switch off|shut off) [the] power",
        "(turn|switch|shut) [the] power off",
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
        "(suspend|sleep) <the sleeper>",
        "(suspend|sleep|go to sleep|go into sleep|go into sleep mode|sleep mode|standby|stand by|go to standby|enter sleep mode|enter standby|go into standby|suspend to ram|take a nap|go to sleep mode|enter suspend|go to suspend)",
        "(put|send|set|bring|get|place|switch|turn) (<the sleeper>|it|yourself) (to sleep|to bed|in sleep mode|into sleep mode|to sleep mode|on standby|in standby|into standby|to standby|in standby mode|into standby mode|in suspend|into suspend|into suspend mode|on sleep mode|asleep|to suspend|on suspend)",
        "put to sleep <the sleeper>",
        "(laptop|computer|pc|machine|system) (to sleep|sleep|suspend|to suspend|into sleep mode|to standby)",
        "(make|let|have) (the|my|this) (<machine>|device) (sleep|go to sleep|suspend|fall asleep|nap|take a nap)",
        "(enable|activate|start|trigger|engage|initiate) (sleep|suspend|standby|sleep mode|standby mode|suspend mode)",
        "(i want|i need|i would like|id like) (the|my|this) (<machine>|device) (to sleep|suspended|asleep|to go to sleep|in sleep mode|to be suspended)",
        "suspend (the|this|my) session",
        "suspend it",
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
