//! What a unit or a process may use up: the weight of its share of the processors, and its memory. systemd sets it and the kernel
//! holds it, until the machine is started again.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_ipc::{Code, Effect, Fact};
use steward_policy::{ArgKind, OwnedArg, Risk};
use uuid::Uuid;

use super::types::{size, visible};
use super::{Capability, Example, Look, Need, Perform, Ready, Shown, call, service};
use crate::backend::cgroup;
use crate::backend::dbus::units::{JOB, Resources, Scope, Unit, Units};
use crate::backend::unit_name::UnitName;
use crate::caller::proc::Process;
use crate::gate::judge::Subject;
use crate::reply::{Failure, Outcome, Undo};
use crate::services::Context;

/// The weights that the kernel knows, and the one that everything has (`cpu.weight` of cgroups(7)).
const WEIGHTS: std::ops::RangeInclusive<u64> = 1..=10_000;
const USUAL_WEIGHT: u64 = 100;
/// The least memory that anything is left with: with less, no program can be started, and it would be killed at once.
const LEAST_MEMORY: u64 = 1 << 20;
/// No limit of memory, as systemd says it (`CGROUP_LIMIT_MAX`).
const NO_LIMIT: u64 = u64::MAX;

/// Limits what a unit, or one of the caller's own processes, may use up.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CgroupApply {
    /// The unit, such as `cups.service`; this or `pid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitName>,
    /// A process of the caller; this or `unit`. It is put into a scope of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The weight of its share of the processors, 1 to 10000; everything has 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_weight: Option<CpuWeight>,
    /// The most memory, in bytes, 1 MiB at least; 18446744073709551615 is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mem_max_bytes: Option<Memory>,
    /// Whose systemd: `system` or `user`; when left out, the person's where that one has the unit, else the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

/// A weight from 1 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u64", into = "u64")]
#[schemars(with = "u64")]
pub struct CpuWeight(u64);

impl TryFrom<u64> for CpuWeight {
    type Error = String;

    fn try_from(n: u64) -> Result<CpuWeight, String> {
        WEIGHTS
            .contains(&n)
            .then_some(CpuWeight(n))
            .ok_or_else(|| format!("a weight is from 1 to 10000, and {n} is not"))
    }
}

impl From<CpuWeight> for u64 {
    fn from(weight: CpuWeight) -> u64 {
        weight.0
    }
}

/// An amount of memory from 1 MiB on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u64", into = "u64")]
#[schemars(with = "u64")]
pub struct Memory(u64);

impl TryFrom<u64> for Memory {
    type Error = String;

    fn try_from(n: u64) -> Result<Memory, String> {
        let error = || format!("with less than {LEAST_MEMORY} bytes (1 MiB) nothing can run, and {n} is less");
        (n >= LEAST_MEMORY).then_some(Memory(n)).ok_or_else(error)
    }
}

impl From<Memory> for u64 {
    fn from(memory: Memory) -> u64 {
        memory.0
    }
}

impl Capability for CgroupApply {
    const NAME: &'static str = "cgroup_apply";
    const RISK: Risk = Risk::Disruptive;
    /// Raised when it has more memory now than it is left with.
    const RISK_POSSIBLE: Risk = Risk::Destructive;
    const ARGS: &'static [(&'static str, ArgKind)] = &[
        ("unit", ArgKind::Text),
        ("pid", ArgKind::Number),
        ("cpu_weight", ArgKind::Number),
        ("mem_max_bytes", ArgKind::Number),
        ("scope", ArgKind::Text),
    ];
    const EXAMPLES: &'static [Example] =
        &[call(Some("cups cpu_weight=50")), call(Some("syncthing.service mem_max_bytes=536870912"))];

    /// A unit, then `cpu_weight=N` or `mem_max_bytes=N` or both, with blanks between them.
    fn from_payload(payload: Option<&str>) -> Result<CgroupApply, Failure> {
        let invalid = |detail: &str| Failure::invalid_payload(Self::invalid(detail));
        let mut words = payload.unwrap_or_default().split(' ');
        let unit = words.next().filter(|w| !w.is_empty()).ok_or_else(|| invalid("missing unit"))?;
        let unit = UnitName::try_from(unit.to_owned()).map_err(|e| invalid(&e))?;
        let mut apply = CgroupApply { unit: Some(unit), ..CgroupApply::default() };
        for word in words {
            let number = |text: &str| text.parse::<u64>().map_err(|_| invalid("expected a number after `=`"));
            match word.split_once('=') {
                Some(("cpu_weight", n)) if apply.cpu_weight.is_none() => {
                    apply.cpu_weight = Some(CpuWeight::try_from(number(n)?).map_err(|e| invalid(&e))?);
                }
                Some(("mem_max_bytes", n)) if apply.mem_max_bytes.is_none() => {
                    apply.mem_max_bytes = Some(Memory::try_from(number(n)?).map_err(|e| invalid(&e))?);
                }
                _ => return Err(invalid("expected `cpu_weight=N` and `mem_max_bytes=N`, each once")),
            }
        }
        apply.target()?;
        Ok(apply)
    }

    fn payload(&self) -> Option<String> {
        let unit = self.unit.as_ref().filter(|_| self.pid.is_none() && self.scope.is_none())?;
        let cpu = self.cpu_weight.map(|n| format!(" cpu_weight={}", n.0)).unwrap_or_default();
        let memory = self.mem_max_bytes.map(|n| format!(" mem_max_bytes={}", n.0)).unwrap_or_default();
        Some(format!("{unit}{cpu}{memory}"))
    }

    fn invalid(detail: &str) -> String {
        format!("invalid limits: {detail}")
    }
}

/// What is limited.
enum Target<'a> {
    Unit(&'a UnitName),
    Process(u32),
}

/// A process as it is now.
struct Own {
    process: Process,
    comm: String,
    /// Clock ticks from boot to its start, which tells it from a later one with the same number.
    start_time: u64,
    /// The unit that it is in.
    unit: String,
}

impl CgroupApply {
    fn target(&self) -> Result<Target<'_>, Failure> {
        let invalid = |detail: &str| Failure::invalid_payload(Self::invalid(detail));
        if self.cpu_weight.is_none() && self.mem_max_bytes.is_none() {
            return Err(invalid("say `cpu_weight`, `mem_max_bytes` or both"));
        }
        match (&self.unit, self.pid) {
            (Some(unit), None)
                if ["service", "socket", "slice", "scope"].contains(&unit.kind()) && !unit.is_template() =>
            {
                Ok(Target::Unit(unit))
            }
            (Some(unit), None) => Err(invalid(&format!("`{unit}` is no unit that processes run in"))),
            (None, Some(pid)) => Ok(Target::Process(pid)),
            _ => Err(invalid("say either `unit` or `pid`")),
        }
    }

    fn wanted(&self) -> Resources {
        Resources { cpu_weight: self.cpu_weight.map(u64::from), memory_max: self.mem_max_bytes.map(u64::from) }
    }

    fn units<'a>(&self, cx: &Context<'a>) -> Units<'a> {
        Units { bus: &cx.services.bus, scope: self.scope.unwrap_or(Scope::System) }
    }

    /// Whether the kernel can hold it here.
    async fn possible(&self, cx: &Context<'_>) -> Result<(), Failure> {
        if self.scope == Some(Scope::User) {
            cx.personal()?;
        }
        if cx.services.simulated {
            return Ok(());
        }
        let cpu = self.cpu_weight.map(|_| "cpu");
        let memory = self.mem_max_bytes.map(|_| "memory");
        let wanted: Vec<&str> = cpu.into_iter().chain(memory).collect();
        let group = match self.scope {
            Some(Scope::User) => self.units(cx).control_group().await?,
            _ => String::new(),
        };
        let missing = cgroup::missing(&cx.services.sysfs, &group, &wanted);
        let Some(first) = missing.first() else { return Ok(()) };
        let whose = if self.scope == Some(Scope::User) { "the person's systemd" } else { "this machine's systemd" };
        let message = format!(
            "the kernel's controller `{first}` is not there for {whose}, so nothing would hold this limit; it needs control groups of \
             version 2 with that controller delegated"
        );
        Err(Failure::new(Code::Unavailable, message).with(json!({ "missing": missing })))
    }

    /// The unit as it is now.
    async fn limited(&self, unit: &UnitName, cx: &Context<'_>) -> Result<Unit, Failure> {
        let found = service::known(unit, self.scope, cx).await?;
        if found.cpu_weight.is_none() && found.memory_max.is_none() {
            return Err(Failure::new(Code::Failed, format!("systemd has no limits for `{unit}`")));
        }
        Ok(found)
    }

    /// The present values of what is set, as a receipt keeps them.
    fn state(&self, unit: &Unit) -> Value {
        let cpu = self.cpu_weight.and(unit.cpu_weight);
        let memory = self.mem_max_bytes.and(unit.memory_max);
        json!({ "cpu_weight": cpu, "mem_max_bytes": memory })
    }

    fn effect(&self, object: String, from: Option<String>) -> Effect {
        Effect { verb: "limit".to_owned(), object, from, to: Some(words(self.wanted())), ..Effect::default() }
    }
}

/// A process of this owner, by an open folder of `/proc`, which never becomes another process.
fn own(pid: u32, owner: u32) -> Result<Own, Failure> {
    let gone = || Failure::new(Code::Failed, format!("there is no process {pid}"));
    let process = Process::open(pid).map_err(|_| gone())?;
    let stat = process.stat().map_err(|_| gone())?;
    if stat.is_dead() {
        return Err(gone());
    }
    match process.uids() {
        Some(uids) if uids == [owner; 4] => {}
        Some(_) | None => {
            let message = format!("process {pid} is not one of yours; only one's own processes are limited");
            return Err(Failure::new(Code::NotAuthorized, message));
        }
    }
    if pid == std::process::id() {
        return Err(Failure::new(
            Code::Failed,
            format!("process {pid} is Steward itself, which is not limited by this"),
        ));
    }
    let unit = process.cgroup().and_then(|g| g.innermost().map(str::to_owned)).unwrap_or_default();
    Ok(Own { process, comm: visible(&stat.comm, 40), start_time: stat.start_time, unit })
}

/// Limits in words.
fn words(limits: Resources) -> String {
    let cpu = limits.cpu_weight.map(|n| match n {
        u64::MAX => "the usual share of the processors".to_owned(),
        n => format!("a weight of {n} for the processors"),
    });
    let memory = limits.memory_max.map(|n| match n {
        NO_LIMIT => "no limit of memory".to_owned(),
        n => format!("at most {} of memory", size(n)),
    });
    cpu.into_iter().chain(memory).collect::<Vec<_>>().join(", ")
}

impl Perform for CgroupApply {
    const NEED: Need = Need::Systemd;
    const UNDO: &'static str = "a unit's former values";
    /// The time of a job, and of what is around it.
    const DEADLINE: Duration = JOB.saturating_add(Duration::from_secs(40));
    const HELD_TO_PREVIEW: bool = true;

    fn sentence(&self) -> String {
        let what = match (&self.unit, self.pid) {
            (Some(unit), _) => unit.to_string(),
            (None, pid) => format!("process {}", pid.unwrap_or_default()),
        };
        format!("Limit {what} to {}", words(self.wanted()))
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        let number = |n: u64| OwnedArg::Number(i64::try_from(n).unwrap_or(i64::MAX));
        let mut facts = Vec::new();
        facts.extend(self.unit.as_ref().map(|u| ("unit", OwnedArg::Text(u.to_string()))));
        facts.extend(self.pid.map(|n| ("pid", number(n.into()))));
        facts.extend(self.cpu_weight.map(|n| ("cpu_weight", number(n.0))));
        facts.extend(self.mem_max_bytes.map(|n| ("mem_max_bytes", number(n.0))));
        facts.extend(self.scope.map(|s| ("scope", OwnedArg::Text(s.word().to_owned()))));
        facts
    }

    async fn mean(&mut self, cx: &Context<'_>) -> Result<(), Failure> {
        self.target()?;
        match &mut self.unit {
            Some(unit) => service::settle(unit, &mut self.scope, cx).await,
            None => {
                if self.scope.is_none() {
                    let user = Units { bus: &cx.services.bus, scope: Scope::User };
                    let has_own = cx.personal().is_ok() && user.version().await.is_ok();
                    self.scope = Some(if has_own { Scope::User } else { Scope::System });
                }
            }
        }
        Ok(())
    }

    /// A process is judged as what it is part of: the unit that it runs in. The scope of a login session is no such part.
    async fn look(&self, cx: &Context<'_>) -> Result<Look, Failure> {
        let mut facts = self.facts();
        let mut risk = Self::RISK;
        match self.target()? {
            Target::Process(pid) => match own(pid, cx.owner)?.unit {
                unit if unit.is_empty() => facts.push(("unit", OwnedArg::Unknown)),
                unit if unit.starts_with("session-") && unit.ends_with(".scope") => {}
                unit => facts.push(("unit", OwnedArg::Text(unit))),
            },
            Target::Unit(unit) => {
                let used = self.units(cx).unit(unit).await.ok().and_then(|u| u.memory_current);
                let limit = self.mem_max_bytes.map_or(NO_LIMIT, u64::from);
                if used.is_some_and(|used| used != u64::MAX && used > limit) {
                    risk = Self::RISK_POSSIBLE;
                }
            }
        }
        Ok(Look { risk, facts, opened: None })
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        let mut shown = Shown::sentence(self.sentence());
        match self.target()? {
            Target::Process(pid) => {
                self.possible(cx).await?;
                let own = own(pid, cx.owner)?;
                let object = format!("process {pid} ({}), started at tick {}", own.comm, own.start_time);
                shown.preview.effects = vec![self.effect(object, None)];
                shown.preview.facts = vec![Fact { name: "now in".to_owned(), value: visible(&own.unit, 255) }];
            }
            Target::Unit(unit) => {
                let found = self.limited(unit, cx).await?;
                self.possible(cx).await?;
                let before = Resources { cpu_weight: found.cpu_weight, memory_max: found.memory_max };
                shown.preview.effects = vec![self.effect(visible(&found.id, 255), Some(words(before)))];
                let used = found.memory_current.filter(|n| *n != u64::MAX);
                shown.preview.facts.extend(used.map(|n| Fact { name: "memory now".to_owned(), value: size(n) }));
                let names = found.names.iter().filter(|n| **n != found.id);
                shown.pulls_in = names
                    .map(|n| Subject {
                        action: Self::NAME,
                        risk: Self::RISK,
                        facts: vec![("unit", OwnedArg::Text(n.clone()))],
                    })
                    .collect();
                if self.state(&found) == json!({ "cpu_weight": self.cpu_weight, "mem_max_bytes": self.mem_max_bytes }) {
                    shown.already = Some(format!("{} has these limits already.", visible(&found.id, 255)));
                }
            }
        }
        Ok(shown)
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        self.possible(cx).await?;
        match self.target()? {
            Target::Unit(unit) => self.limit_unit(unit, cx).await,
            Target::Process(pid) => self.limit_process(pid, cx, ready).await,
        }
    }

    async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
        match &self.unit {
            Some(unit) => Ok(self.state(&self.units(cx).unit(unit).await?)),
            None => Ok(Value::Null),
        }
    }

    async fn took_place(&self, cx: &Context<'_>, _rebooted: Option<bool>) -> Option<bool> {
        let now = self.units(cx).unit(self.unit.as_ref()?).await.ok()?;
        Some(self.state(&now) == json!({ "cpu_weight": self.cpu_weight, "mem_max_bytes": self.mem_max_bytes }))
    }
}

impl CgroupApply {
    async fn limit_unit(&self, unit: &UnitName, cx: &Context<'_>) -> Result<Outcome, Failure> {
        let units = self.units(cx);
        let before = self.limited(unit, cx).await?;
        units.limit(unit.as_str(), self.wanted()).await?;
        let after = units.unit(unit).await?;
        let data = json!({
            "unit": after.id, "scope": self.scope, "cpu_weight": after.cpu_weight, "mem_max_bytes": after.memory_max, "changed": true,
        });
        if self.state(&after) != json!({ "cpu_weight": self.cpu_weight, "mem_max_bytes": self.mem_max_bytes }) {
            return Err(
                Failure::new(Code::Failed, format!("systemd took the limits of {unit} and has others now")).with(data)
            );
        }
        // Not set is the usual weight, which can be set.
        let cpu = self.cpu_weight.and(before.cpu_weight).map(|n| if n == u64::MAX { USUAL_WEIGHT } else { n });
        let memory = self.mem_max_bytes.and(before.memory_max);
        let mut args = json!({ "unit": unit, "scope": self.scope });
        args["cpu_weight"] = json!(cpu);
        args["mem_max_bytes"] = json!(memory);
        let undo = Undo::new(Self::NAME, args, self.state(&before), self.state(&after));
        Ok(Outcome::says(format!("Limited {unit} to {}.", words(self.wanted()))).with(data).undone_by(undo))
    }

    async fn limit_process(&self, pid: u32, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        let own = own(pid, cx.owner)?;
        let object = format!("process {pid} ({}), started at tick {}", own.comm, own.start_time);
        let still = ready.shown.is_none_or(|s| s.preview.effects.iter().any(|e| e.object == object));
        if !still {
            return Err(Failure::new(
                Code::ConfirmationChanged,
                format!("process {pid} is another one now; look again"),
            ));
        }
        let name = format!("steward-{pid}-{}.scope", Uuid::new_v4().simple());
        let units = self.units(cx);
        let about = format!("Process {pid} with limits of Steward");
        let end = units.new_scope(&name, &about, pid, self.wanted()).await?;
        // systemd takes a number. Was it this process until then? If not, whoever has the number now is left as it was: the scope is not
        // stopped, which would end it, but has no limits any more.
        let alive = own.process.stat().is_ok_and(|s| !s.is_dead() && s.start_time == own.start_time);
        if !alive {
            let none = Resources {
                cpu_weight: self.cpu_weight.map(|_| USUAL_WEIGHT),
                memory_max: self.mem_max_bytes.map(|_| NO_LIMIT),
            };
            let _freed = units.limit(&name, none).await;
            return Err(Failure::new(Code::Failed, format!("process {pid} ended before it was limited")));
        }
        let data = json!({
            "unit": name, "scope": self.scope, "pid": pid, "cpu_weight": self.cpu_weight, "mem_max_bytes": self.mem_max_bytes,
            "job": { "id": end.id, "result": end.result },
        });
        if end.result != "done" {
            let message = format!("systemd did not put process {pid} into a scope of its own ({})", end.result);
            return Err(Failure::new(Code::Failed, message).with(data));
        }
        Ok(Outcome::says(format!("Limited process {pid} ({}) to {}.", own.comm, words(self.wanted()))).with(data))
    }
}
