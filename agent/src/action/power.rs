//! Restarting, switching off and sleeping.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steward_policy::Risk;

use super::types::no_payload;
use super::{Capability, Example, Need, Perform, Ready, not_connected, say};
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

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
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

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
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

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}
