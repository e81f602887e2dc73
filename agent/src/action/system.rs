//! How the machine is doing, and taking the last change back.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use steward_policy::Risk;

use super::types::{count, no_payload, size};
use super::{Capability, Example, Perform, Ready, call, say};
use crate::backend::dbus::upower::Upower;
use crate::backend::read;
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Tells how the machine is doing: load, memory, disks, temperature and battery.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SystemStatus {}

impl Capability for SystemStatus {
    const NAME: &'static str = "system_status";
    const RISK: Risk = Risk::Observe;
    const PHRASES: &'static [&'static str] = &[
        "(system|computer|machine|battery|memory|ram|cpu|disk|hardware|health) (status|state|health|info|information|stats|report|overview|\
         summary|level|usage|load|check|statistics)",
        "(show|show me|check|tell me|give me|get|display|report|print|view|see|run) [me] [a|the|my|this] [current] (system|computers|\
         computer|machine|battery|memory|ram|cpu|disk|hardware|machines|laptops) (status|state|health|info|information|stats|report|\
         overview|summary|level|usage|load|check|temperature|space|percentage|charge|life|statistics)",
        "how much (battery|charge|power|battery life|battery power|juice|battery charge) (do i have|is left|do i have left|do we have left|\
         remains|have i got|have i got left|is remaining|is there|is there left|does it have|do you have|do you have left|does this laptop \
         have|does my laptop have|does the laptop have left|does my computer have)",
        "how much [free] (memory|ram|disk|disk space|space|storage|storage space|hard drive space|drive space|room|free space) (do i have|\
         is left|is free|do i have left|is available|do we have|do we have left|remains|have i got|is used|is in use|am i using|is being \
         used|have i got left|is there|is there left|is left on this computer|is left on this machine|is free on this computer|is free on \
         this machine|is left on the disk|is free on the disk|does this computer have|do i have free|is remaining|is left on my computer|\
         is free on my computer)",
        "(what is|whats|hows|how is) (the|my|this) (battery|battery level|battery status|battery percentage|battery charge|charge|cpu load|\
         cpu usage|load|system load|memory usage|ram usage|disk usage|disk space|cpu temperature|temperature of the cpu|processor \
         temperature|system status|status of the system|status of this machine|status of the computer|free space|free disk space|battery \
         life|processor load|storage situation|computers status|systems status) [at|like|right now|looking|doing]",
        "how (full|empty) is (the|my) (battery|disk|hard drive|hard disk|drive|ssd|storage)",
        "(is) (the|my|this) (disk|drive|hard drive|ssd|memory) (full|almost full|running out)",
        "(how is|hows) (the|this|my) (computer|laptop|pc) (doing|running|holding up|feeling|performing)",
        "(how is|hows) (the|this|my) (system|machine|box) (doing|running|holding up|feeling|performing)",
        "(how much|what) (cpu|processor|memory|ram|disk|disk space) (is in use|is being used|is used|am i using|usage is there|is the \
         system using|does the system use)",
        "(give|show) me a [quick] (status report|system report|system overview|system check|health check|status overview|status update) \
         [of|on] [the|my|this] [<machine>]",
        "(check|show|tell me|show me) [on] (the|my|this) (<machine>|computers|machines|systems) [status|health|vitals|stats]",
        "(check|show|show me|tell me|report|get|display|give me) [me] [the|my] (status|health|state|stats|vitals|load|temperature|uptime) \
         of (the|my|this) <machine>",
        "(check|show|show me|tell me|report|get|display|give me|see) [me] how (much battery i have|much battery is left|much disk space is \
         left|much space is left|much memory is free|much ram is free|much memory is used|full the disk is|full my disk is|hot the cpu is|\
         busy the cpu is|the system is doing|the computer is doing|much free space i have|much disk space i have|much battery i have left|\
         much space i have left|much memory i have) [left]",
        "(is|are) (the|my|this) (computer|machine|system|pc|laptop) (overheating|hot|running hot|healthy|ok|okay|under load|busy|overloaded)",
        "(show|show me|list|display) (free|available|used) (memory|ram|disk space|space|storage)",
        "(what is|whats) (my|the) [current] (uptime|temperature|ram|disk space|remaining battery|remaining charge|power level|battery \
         state|system health|health of the system|health of this machine)",
        "(status|stats|sysinfo|system info)",
        "how much (battery|charge|power|battery life) is left (on|in) (the|my|this) (<machine>)",
        "how much [free] (memory|ram|disk space|space|storage) (is left|is free|is available|is used) (on|in) (the|my|this) (<machine>|\
         disk|drive|hard drive)",
        "(status report|battery|battery percentage|battery level|disk space|free space|free memory|cpu load|cpu temperature)",
        "(am i) (running low on|low on|out of) (battery|memory|ram|disk space|space|storage)",
        "(hows|how is|how are) (my|the|this|our) (<machine>|ram|memory|disk|cpu|processor|battery|hard drive|storage|drive|system|\
         temperature|load|stats|vitals) (doing|looking|holding up|going|feeling)",
        "(whats|what is|what are) (my|the|this|our) [current] (battery|cpu|ram|memory|disk|system|computer|machine|storage|battery level|\
         battery charge|battery percentage|charge level|system stats|vitals|specs|system load|cpu temp|cpu temperature|temps|temperatures|\
         uptime|load average|disk space|free space|memory usage|ram usage|cpu usage|disk usage|status of my battery|state of my battery|\
         system info|machine status|system information) [at|like|looking like|doing|level|status|usage|load|state|right now|now|at now|at \
         right now]",
        "how much (longer|more time) (does|do|will|can) (my|the|this) (battery|laptop|charge) [have|last|got|go] [left]",
        "(do i|do we|have i|does this <machine>) (have|got|have got) [enough|any|much] (battery|disk space|ram|memory|space|storage|power|\
         charge|free space) [left]",
        "(am i|are we|is the <machine>|is my <machine>|is this <machine>) (running|getting) (low|hot|out) [on|of] [battery|memory|ram|disk \
         space|space|storage|power]",
        "(check|show|see|tell me|get|report|print|display|list|give me|read|monitor|look at) [me] (my|the|this|current|a|on my|on the|\
         system) [current|systems] (system|<machine>|battery|cpu|ram|memory|disk|storage|hardware|vitals|health|stats|temperature|\
         temperatures|uptime|resources|resource usage|processor|hard drive|charge|battery life|remaining battery|remaining disk space) \
         [status|info|health|stats|level|usage|load|use|temperature|space|charge|percentage|report|left|remaining|information|summary|\
         overview|state]",
        "(cpu|ram|memory|disk|battery|system|storage) (check|usage|status|level|left|remaining|load|temp|temperature|stats|info|space|\
         percentage|free) [please]",
        "(run|do|perform|give me|make) (a|me a) (health check|status check|system check|checkup|check up|quick check|diagnostic|\
         diagnostics|system report|status report|system overview) [on|of|for] [the|my|this] [<machine>]",
        "(is|are) (the|my|this) (<machine>|battery|cpu|disk|system|ram|memory) [running|doing|getting|nearly|almost|still] (ok|okay|fine|\
         well|alright|healthy|hot|slow|full|low|empty|good|under load|stressed|charged|plugged in|charging|on battery|on ac power|maxed \
         out|overheating) [right now|now|today]",
        "(battery|cpu|ram|disk|uptime|disk space|storage|system load) please",
        "how (hot|warm|busy|full|loaded|healthy) (is|are) (the|my|this) (<machine>|cpu|processor|battery|disk|drive|memory) [running|\
         getting|right now|now|today|at the moment]",
        "how (hot|warm|busy|full|loaded|healthy|charged|low) (the|my|this) (<machine>|cpu|processor|battery|disk|drive|memory|hard drive) \
         is [running|getting|right now|now]",
        "how much [free|available|used] (battery|charge|power|memory|ram|disk space|space|storage|disk|battery life|juice|storage space|\
         room) (i have|we have|there is|is there|is left|remains|i have left|we have left|ive got|weve got|ive got left|i got|i got left|i \
         still have|this <machine> has|my <machine> has|is free|is used|is available|im using|is in use) [left|free|available|right now]",
        "how (the|my|this) (<machine>|system|battery) is (doing|holding up|running|feeling|performing) [today|right now|now]",
        "(how is|hows) (the|this|my) (computer|laptop|pc|system|machine|box) (doing|running|holding up|feeling|performing) (today|right \
         now|now|this morning|at the moment|these days|so far)",
        "what (the|my) (battery|battery level|battery percentage|charge|cpu load|cpu usage|load|memory usage|ram usage|disk usage|system \
         status|temperature|cpu temperature|uptime|battery status) is [at|like|now|right now]",
        "<ask> <mine> (system|systems|<machine>|computers|battery|cpu|processor|memory|ram|disk|storage|drive|hardware|power|temperature|\
         resource|swap) (<status>|level|usage|load|use|charge|percentage|life|space|temperature|temp|vitals|remaining) <now>",
        "<asked> (the|my|our|this) [current] (system|<machine>|computers|laptops|battery|cpu|processor|memory|ram|disk|storage|drive|\
         hardware) (<status>|level|usage|load|charge|percentage|life|temperature|temp|vitals) [like|at|looking like|looking|doing] <now>",
        "<ask> <mine> <status> (of|on|for) (the|my|our|this) (system|<machine>|battery|cpu|memory|ram|disk|storage|hard drive|hardware) <now>",
        "<asked> (the|my|our) [current] <status> (of|on|for|with) (the|my|our|this) (system|<machine>|battery|cpu|memory|ram|disk|storage|\
         hard drive|hardware) <now>",
        "<ask> (the|my|our|some) [current] [system] (uptime|vitals|load|load average|free space|disk space|free disk space|free memory|\
         free ram|available memory|available space|remaining battery|battery|temperatures|temps|resource usage|resources|stats|specs) \
         <now>",
        "(system|<machine>|battery|cpu|memory|ram|disk|storage|hardware) (<status>|level|usage|load|percentage|temperature) <now>",
        "<status> of (the|my|this) (system|<machine>|battery|disk|hardware|memory|cpu)",
        "how (is|are) (the|my|this|our) (system|<machine>|battery|disk|memory|cpu|ram|storage) (doing|holding up|looking|running|\
         performing|feeling|going) <now>",
        "(hows|how is) (everything|the old girl|the old box|this thing|it all) (running|doing|holding up|performing) [on (this|the|my) <machine>]",
        "how much (battery|charge|power|juice|battery life|battery power|memory|ram|disk|disk space|space|storage|room|free space|free \
         memory|free ram|storage space|hard drive space|free disk space) (is|have|do|does|remains|did|has) [i|we|you|there|the <machine>|\
         my <machine>|this <machine>] [still|currently] [have|got|left|free|available|remaining|used|in use|being used] [left|free|\
         available|remaining|still|to spare|to work with] [on (the|my|this) (<machine>|disk|drive|ssd|hard drive)|on here|here] <now>",
        "(whats|what is) (the|my) (free|available|remaining|used) (memory|ram|space|disk space|storage|battery|charge) [on (the|my|this) \
         (<machine>|disk|drive)|left] <now>",
        "(what|at what) (percent|percentage|level|charge) is (my|the) (battery|charge|laptop|laptop battery) [at|on|charged to|sitting at] <now>",
        "(is|are) (the|my) (battery|laptop|laptop battery) [still|nearly|almost|fully|getting] (charging|charged|full|low|plugged in|empty|\
         dead|ok|okay|on battery|running on battery|draining|about to die|good|fine) <now>",
        "(am i|are we|is it) [still] (on battery|running on battery|plugged in|on ac|charging|on battery power|on mains|on the charger) <now>",
        "(how long|how much longer|how many hours) (will|does|can|until|do) [i have until] (the|my|this) (battery|charge|laptop) [will] \
         (last|hold|hold out|remain|keep going|run|live|hold up) <now>",
        "<ask> [me] (the|my|this|our) (computers|laptops|systems|machines|pcs) (<status>|health|vitals|stats|temperature|load|uptime) <now>",
        "<ask> <mine> (cpu|ram|memory|disk|battery|system) and (cpu|ram|memory|disk|battery|system) (<status>|usage|load|levels|use) <now>",
        "(is|do) (there|i|we) [have] (enough|much|any|sufficient) [free] (disk space|space|memory|ram|storage|battery|battery life|charge) \
         [left|free|available] [on (the|my|this) (<machine>|disk|drive)] <now>",
        "(whats|what is) (my|the) (cpu|processor|ram|memory|disk|system|battery|<machine>) (doing|up to|running at|sitting at|at) <now>",
        "<ask> how (hot|busy|full|loaded|warm) (the|my|this) (computers|laptops|pcs|machines|systems|cpus|disks|batterys) [running|getting|\
         doing] <now>",
    ];
    const EXAMPLES: &'static [Example] = &[say("how is the computer doing", None), say("show the system status", None)];

    fn from_payload(payload: Option<&str>) -> Result<SystemStatus, Failure> {
        no_payload(Self::NAME, payload, SystemStatus {})
    }
}

impl Perform for SystemStatus {
    fn sentence(&self) -> String {
        "Tell how the machine is doing".to_owned()
    }

    async fn run(&self, cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        let home = cx.services.home.clone();
        let reading = tokio::task::spawn_blocking(move || machine(home.as_deref()));
        let mut data = reading.await.map_err(|e| Failure::internal(format!("reading the machine's state: {e}")))?;
        let battery = match Upower(&cx.services.bus).battery().await {
            Ok(Some(battery)) => json!({ "percent": battery.percent, "charging": battery.charging }),
            Ok(None) => json!({ "present": false }),
            Err(e) => json!({ "unknown": e.to_string() }),
        };
        data.insert("battery".to_owned(), battery);
        let message = sentence(&data);
        Ok(Outcome::says(message).with(Value::Object(data)))
    }
}

/// What the kernel tells without a service (proc(5), statvfs(3), sysfs).
fn machine(home: Option<&str>) -> Map<String, Value> {
    let mut data = Map::new();
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let load: Vec<f64> = read("/proc/loadavg").split(' ').take(3).filter_map(|n| n.parse().ok()).collect();
    data.insert("load".to_owned(), json!(load));
    data.insert("cpus".to_owned(), json!(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)));
    let uptime = read("/proc/uptime").split('.').next().and_then(|s| s.parse::<u64>().ok());
    data.insert("uptime_seconds".to_owned(), json!(uptime));
    let meminfo = read("/proc/meminfo");
    let kib = |key: &str| {
        let line = meminfo.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(':'))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    data.insert(
        "memory".to_owned(),
        json!({ "total": kib("MemTotal").map(|k| k * 1024), "available": kib("MemAvailable").map(|k| k * 1024) }),
    );
    let mut disks = Vec::new();
    for path in ["/"].into_iter().chain(home) {
        if let Ok(fs) = rustix::fs::statvfs(path) {
            let (total, free) = (fs.f_blocks * fs.f_frsize, fs.f_bavail * fs.f_frsize);
            if !disks.iter().any(|d: &Value| d["total"] == total && d["free"] == free) {
                disks.push(json!({ "path": path, "total": total, "free": free }));
            }
        }
    }
    data.insert("disks".to_owned(), json!(disks));
    data.insert("temperature_celsius".to_owned(), json!(hottest()));
    data
}

/// The longest value in sysfs that is read, in bytes.
const MAX_VALUE: u64 = 256;

/// The hottest thermal zone in degrees Celsius, if the kernel knows one.
fn hottest() -> Option<i64> {
    let zones = std::fs::read_dir("/sys/class/thermal").ok()?;
    let degrees =
        zones.flatten().filter(|z| z.file_name().to_string_lossy().starts_with("thermal_zone")).filter_map(|z| {
            let milli: i64 = read::text(&z.path().join("temp"), MAX_VALUE).ok()?.trim().parse().ok()?;
            Some(milli / 1000)
        });
    degrees.filter(|d| (-50..200).contains(d)).max()
}

fn sentence(data: &Map<String, Value>) -> String {
    let mut out = String::new();
    if let (Some(load), Some(cpus)) = (data["load"][0].as_f64(), data["cpus"].as_u64()) {
        let processors = count(usize::try_from(cpus).unwrap_or(1), "processor");
        let _ = write!(out, "The load is {load:.1} on {processors}.");
    }
    if let (Some(total), Some(free)) = (data["memory"]["total"].as_u64(), data["memory"]["available"].as_u64()) {
        let _ = write!(out, " {} of {} of memory are free.", size(free), size(total));
    }
    for disk in data["disks"].as_array().into_iter().flatten() {
        if let (Some(path), Some(free)) = (disk["path"].as_str(), disk["free"].as_u64()) {
            let _ = write!(out, " {path} has {} free.", size(free));
        }
    }
    if let Some(degrees) = data["temperature_celsius"].as_i64() {
        let _ = write!(out, " It is {degrees} degrees warm.");
    }
    if let Some(percent) = data["battery"]["percent"].as_u64() {
        let charging = if data["battery"]["charging"] == true { " and charging" } else { "" };
        let _ = write!(out, " The battery is at {percent} percent{charging}.");
    }
    if let Some(seconds) = data["uptime_seconds"].as_u64() {
        let (n, unit) = match seconds {
            0..7200 => (seconds / 60, "minute"),
            7200..172_800 => (seconds / 3600, "hour"),
            _ => (seconds / 86_400, "day"),
        };
        let _ = write!(out, " It has been up for {}.", count(usize::try_from(n).unwrap_or(usize::MAX), unit));
    }
    out.trim_start().to_owned()
}

/// Puts the last change back that can be put back.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// The receipt of the change; absent for the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// Whether to ask for it even when the state is not the one that the change left.
    #[serde(default)]
    pub force: bool,
}

impl Capability for Undo {
    const NAME: &'static str = "undo";
    const RISK: Risk = Risk::Observe;
    const RISK_POSSIBLE: Risk = Risk::Critical;
    const PHRASES: &'static [&'static str] = &[
        "(undo|undo please|un do) [it|that|this|the last|last|everything you just did|your last action|your action|your change|my last \
         command|my last request|my last change|my last action]",
        "undo (the|my|your|that|this) [last|previous|most recent] (thing|action|change|command|step|operation|one|order)",
        "undo (last|previous) (thing|action|change|command|step|operation|one|order)",
        "undo (what you just did|what you have just done|what just happened|whatever you just did|whatever you did|what was just done)",
        "(revert|reverse|roll back|rollback|take back|back out|unwind|cancel out|reverse out) (it|that|this|the last|what you did|what you \
         just did|whatever you just did|the change|your change|your last change)",
        "(revert|reverse|roll back|rollback|take back|back out) (the|my|your|that|this) [last|previous|most recent] (thing|action|change|\
         command|step|operation|one|order)",
        "(take|roll|turn) (that|it|this|that last one|the last one) back",
        "(put|change|set|turn|switch|bring) (it|that|things|everything) back (how it was|the way it was|as it was|how they were|the way \
         they were|to how it was|to what it was|to the way it was|like it was|as they were|to before|how it was before|the way it was \
         before)",
        "(change|put|switch|set) (it|that) back [again]",
        "(go|step) back (one step|a step)",
        "(undo|revert|reverse|cancel|roll back|rollback|take back) (the thing|what|whatever|the change|the action|the last thing|that last \
         thing|the last one|that last one|that last change|that last action|that last bit|that change|that action) [that] [you|we|i] \
         [just] [did|made|changed|have done|have made|performed|ran|executed]",
        "(oops|whoops|oh no|wait|no wait|my bad|sorry) (undo|revert|take it back|take that back|go back|undo it|undo that|put it back|\
         change it back|reverse that)",
        "(bring|set|get) (it|that|things|everything) back (to|the way|how|like) (it was|they were|how it was|the way it was|how things were|before)",
        "(go|switch|turn|revert|return|roll) back to (how it was|the way it was|what it was|how things were|the previous state|the state \
         before|before|the last state|the previous setting|the old setting|the way things were) [before]",
        "(i|we) (didnt|did not) (mean|want) (to do that|that|to) (undo it|undo that|undo|revert it|take it back|take that back|put it back)",
        "(on second thought|never mind|nevermind|scratch that|actually no) (undo that|undo it|undo|revert that|take that back|put it back)",
        "<wish> (that|it|the last change|your last change|the last action|what you just did) (undone|reverted|reversed|rolled back|taken back)",
        "(scrap|cancel|discard|drop|ditch|nix|kill|scratch|erase|remove) (that|the|my) (last|previous|latest) (change|action|step|command|\
         edit|one|thing you did|thing)",
        "(do|perform|run|make) an undo",
    ];
    const EXAMPLES: &'static [Example] = &[say("undo that", None), call(None)];

    fn from_payload(payload: Option<&str>) -> Result<Undo, Failure> {
        let receipt = payload.filter(|p| !p.is_empty()).map(str::to_owned);
        Ok(Undo { receipt, force: false })
    }

    fn payload(&self) -> Option<String> {
        if self.force { None } else { self.receipt.clone() }
    }
}

impl Perform for Undo {
    fn sentence(&self) -> String {
        "Put the last change back".to_owned()
    }

    /// The core replaces an undo by its inverse action before anything is judged.
    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(Failure::internal("an undo reached the executor unresolved"))
    }
}
