//! Units of systemd, the machine's and the user's: what is known of one, starting and stopping, unit files, resources.
//! org.freedesktop.systemd1(5). What may be done to which unit is not decided here.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zbus::{OwnedObjectPath, OwnedVariant, Variant};

use super::systemd1::{JobEnd, ManagerProxy, SYSTEM_MANAGER, USER_MANAGER, end_of};
use super::{at, the};
use crate::backend::bus::{Bus, BusError, Service, clean};
use crate::backend::unit_name::UnitName;

/// How long systemd may take to queue a job, to change links, or to read its unit files anew.
const ORDER: Duration = Duration::from_secs(15);
/// How long a job may take: a little longer than systemd's own limit for starting and for stopping (`DefaultTimeoutStartSec=` of
/// systemd-system.conf(5)).
pub const JOB: Duration = Duration::from_secs(95);
/// How many units are looked at to find what an order brings along.
const MAX_UNITS: usize = 256;

/// Whose systemd a unit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The machine's.
    System,
    /// The person's.
    User,
}

impl Scope {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Scope::System => "system",
            Scope::User => "user",
        }
    }

    fn service(self) -> &'static Service {
        match self {
            Scope::System => &SYSTEM_MANAGER,
            Scope::User => &USER_MANAGER,
        }
    }
}

#[zbus::proxy(interface = "org.freedesktop.DBus.Properties", default_service = "org.freedesktop.systemd1")]
trait Properties {
    fn get_all(&self, interface: &str) -> zbus::Result<HashMap<String, OwnedVariant>>;
}

/// What systemd knows of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names that systemd gives them, org.freedesktop.systemd1(5)")]
pub struct Unit {
    /// Its own name, whatever it was asked for by.
    pub id: String,
    /// All its names.
    pub names: Vec<String>,
    pub description: String,
    pub load_state: String,
    /// What is wrong with its file.
    pub load_error: String,
    pub active_state: String,
    pub sub_state: String,
    pub unit_file_state: String,
    pub fragment_path: String,
    pub drop_in_paths: Vec<String>,
    pub need_daemon_reload: bool,
    pub can_start: bool,
    pub can_stop: bool,
    /// Whether a condition in its file was not met when it was last started, as far as systemd still knows: it forgets units that ended.
    pub condition_failed: bool,
    /// Microseconds since 1970.
    pub state_change: u64,
    /// The number of its job; 0 without one.
    pub job: u32,
    pub main_pid: u32,
    /// Its commands, as they are loaded.
    pub commands: Vec<String>,
    /// `None` where its type has no such property, `u64::MAX` where it is not set.
    pub cpu_weight: Option<u64>,
    /// The same; `u64::MAX` is no limit.
    pub memory_max: Option<u64>,
    /// What it has now; `u64::MAX` where that is not counted.
    pub memory_current: Option<u64>,
    /// Names of units by the kind of the dependency.
    deps: BTreeMap<&'static str, Vec<String>>,
}

/// Dependencies along which stopping and restarting goes on (`unit-dependency-atom.c`: `PROPAGATE_STOP`, `PROPAGATE_RESTART`).
const STOP_ALONG: [&str; 5] = ["RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf", "PropagatesStopTo"];
/// Dependencies along which starting goes on (`PULL_IN_START`), and what a socket, timer or path starts when it fires.
const START_ALONG: [&str; 6] = ["Requires", "Requisite", "BindsTo", "Wants", "Upholds", "Triggers"];
/// Dependencies whose units are stopped by a start (`PULL_IN_STOP`).
const STOPPED_BY_START: [&str; 2] = ["Conflicts", "ConflictedBy"];

impl Unit {
    /// Whether it runs or is about to, or is about to end.
    pub fn is_up(&self) -> bool {
        !matches!(self.active_state.as_str(), "inactive" | "failed")
    }

    /// Whether systemd has no such unit.
    pub fn is_missing(&self) -> bool {
        self.load_state == "not-found"
    }

    fn along(&self, kinds: &[&str]) -> Vec<String> {
        kinds.iter().filter_map(|k| self.deps.get(k)).flatten().cloned().collect()
    }

    fn of(mut all: HashMap<String, OwnedVariant>, special: &HashMap<String, OwnedVariant>) -> Unit {
        let number = |name: &str| special.get(name).and_then(|v| v.downcast_ref::<u64>().ok());
        let mut deps = BTreeMap::new();
        for kind in STOP_ALONG.into_iter().chain(START_ALONG).chain(STOPPED_BY_START) {
            deps.insert(kind, taken::<Vec<String>>(&mut all, kind).unwrap_or_default());
        }
        let job = taken::<(u32, OwnedObjectPath)>(&mut all, "Job").map_or(0, |(id, _)| id);
        let error = taken::<(String, String)>(&mut all, "LoadError").unwrap_or_default();
        let mut text = |name: &str| taken::<String>(&mut all, name).unwrap_or_default();
        Unit {
            id: text("Id"),
            description: clean(&text("Description")),
            load_state: text("LoadState"),
            load_error: clean(&error.1),
            active_state: text("ActiveState"),
            sub_state: text("SubState"),
            unit_file_state: text("UnitFileState"),
            fragment_path: text("FragmentPath"),
            names: taken(&mut all, "Names").unwrap_or_default(),
            drop_in_paths: taken(&mut all, "DropInPaths").unwrap_or_default(),
            need_daemon_reload: taken(&mut all, "NeedDaemonReload").unwrap_or_default(),
            can_start: taken(&mut all, "CanStart").unwrap_or_default(),
            can_stop: taken(&mut all, "CanStop").unwrap_or_default(),
            condition_failed: taken::<u64>(&mut all, "ConditionTimestamp").unwrap_or_default() != 0
                && !taken::<bool>(&mut all, "ConditionResult").unwrap_or_default(),
            state_change: taken(&mut all, "StateChangeTimestamp").unwrap_or_default(),
            job,
            main_pid: special.get("MainPID").and_then(|v| v.downcast_ref::<u32>().ok()).unwrap_or_default(),
            commands: special.get("ExecStart").map(|v| commands(v)).unwrap_or_default(),
            cpu_weight: number("CPUWeight"),
            memory_max: number("MemoryMax"),
            memory_current: number("MemoryCurrent"),
            deps,
        }
    }
}

fn taken<T: TryFrom<OwnedVariant>>(all: &mut HashMap<String, OwnedVariant>, name: &str) -> Option<T> {
    T::try_from(all.remove(name)?).ok()
}

/// The command lines of `ExecStart`, `a(sasbttttuii)`: the program, then its words, and what became of it.
fn commands(value: &Variant<'_>) -> Vec<String> {
    let Variant::Array(lines) = value else { return Vec::new() };
    let line = |line: &Variant<'_>| {
        let Variant::Structure(fields) = line else { return None };
        let Variant::Array(words) = fields.fields().get(1)? else { return None };
        let words: Vec<&str> = words.iter().filter_map(|w| w.downcast_ref::<&str>().ok()).collect();
        Some(words.join(" "))
    };
    lines.iter().filter_map(line).collect()
}

/// What is done to a unit by a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Stop it if it runs, and start it.
    Restart,
}

/// What an order would bring along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Along {
    /// Units that would be started with it.
    pub started: Vec<Unit>,
    /// Units that run and would be stopped with it, or restarted.
    pub stopped: BTreeSet<String>,
    /// Whether there are more than could be looked at.
    pub more: bool,
}

/// Limits of what a unit may use up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// `CPUWeight=` of systemd.resource-control(5).
    pub cpu_weight: Option<u64>,
    /// `MemoryMax=`; `u64::MAX` is no limit.
    pub memory_max: Option<u64>,
}

impl Resources {
    fn properties(self) -> Vec<(&'static str, Variant<'static>)> {
        let cpu = self.cpu_weight.map(|n| ("CPUWeight", Variant::from(n)));
        let memory = self.memory_max.map(|n| ("MemoryMax", Variant::from(n)));
        cpu.into_iter().chain(memory).collect()
    }
}

/// One of the two systemds, on its bus.
#[derive(Clone, Copy, Debug)]
pub struct Units<'a> {
    /// The buses.
    pub bus: &'a Bus,
    /// Which of the two.
    pub scope: Scope,
}

/// What an error means stands at [`BusError`].
#[allow(clippy::missing_errors_doc)]
impl Units<'_> {
    /// The version of systemd.
    pub async fn version(&self) -> Result<String, BusError> {
        self.bus.ask(self.scope.service(), async |bus| the::<ManagerProxy<'_>>(bus).await?.version().await).await
    }

    /// The control group in which all that it starts is.
    pub async fn control_group(&self) -> Result<String, BusError> {
        self.bus.ask(self.scope.service(), async |bus| the::<ManagerProxy<'_>>(bus).await?.control_group().await).await
    }

    /// What is known of a unit. A name that nobody knows is a unit whose `load_state` is `not-found`. A template has no unit: of it the
    /// state of its file alone is told.
    pub async fn unit(&self, name: &UnitName) -> Result<Unit, BusError> {
        let asked = name.clone();
        self.bus
            .ask(self.scope.service(), async |bus| {
                let manager: ManagerProxy<'_> = the(bus).await?;
                if asked.is_template() {
                    let state = manager.get_unit_file_state(asked.as_str()).await;
                    let load_state = if state.is_ok() { "template" } else { "not-found" }.to_owned();
                    let unit_file_state = state.unwrap_or_default();
                    return Ok(Unit { id: asked.into(), load_state, unit_file_state, ..Unit::default() });
                }
                let path = manager.load_unit(asked.as_str()).await?;
                let properties: PropertiesProxy<'_> = at(bus, path).await?;
                let all = properties.get_all("org.freedesktop.systemd1.Unit").await?;
                let special = format!("org.freedesktop.systemd1.{}", asked.interface());
                let special = match properties.get_all(&special).await {
                    Ok(special) => special,
                    Err(e @ zbus::Error::InputOutput(_)) => return Err(e),
                    // A unit that is not loaded has nothing special, and some types have no such interface.
                    Err(_) => HashMap::new(),
                };
                Ok(Unit::of(all, &special))
            })
            .await
    }

    /// What else an order to `unit` would start and stop: found by its dependencies as systemd follows them, among what is loaded.
    pub async fn along(&self, unit: &Unit, order: Order) -> Result<Along, BusError> {
        let mut along = Along::default();
        let mut seen = BTreeSet::from([unit.id.clone()]);
        let (kinds, starts): (&[&str], bool) = match order {
            Order::Start => (&START_ALONG, true),
            Order::Stop | Order::Restart => (&STOP_ALONG, false),
        };
        let mut queue: VecDeque<(String, bool)> = unit.along(kinds).into_iter().map(|n| (n, starts)).collect();
        if starts {
            queue.extend(unit.along(&STOPPED_BY_START).into_iter().map(|n| (n, false)));
        }
        while let Some((name, start)) = queue.pop_front() {
            if seen.len() > MAX_UNITS {
                along.more = true;
                break;
            }
            let Ok(asked) = UnitName::try_from(name.clone()) else { continue };
            if !seen.insert(name) {
                continue;
            }
            let other = self.unit(&asked).await?;
            // What runs is not started again, and what does not run is not stopped.
            if other.is_missing() || start == other.is_up() || other.id == unit.id {
                continue;
            }
            if start {
                // Once, under whatever name it is met.
                if along.started.iter().any(|u| u.id == other.id) {
                    continue;
                }
                queue.extend(other.along(&START_ALONG).into_iter().map(|n| (n, true)));
                queue.extend(other.along(&STOPPED_BY_START).into_iter().map(|n| (n, false)));
                along.started.push(other);
            } else {
                along.stopped.insert(other.id.clone());
                queue.extend(other.along(&STOP_ALONG).into_iter().map(|n| (n, false)));
            }
        }
        along.started.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(along)
    }

    /// Has systemd do something to a unit, and waits until that has ended.
    pub async fn order(&self, unit: &str, order: Order) -> Result<JobEnd, BusError> {
        self.job(async |manager: &ManagerProxy<'_>| match order {
            Order::Start => manager.start_unit(unit, "replace").await,
            Order::Stop => manager.stop_unit(unit, "replace").await,
            Order::Restart => manager.restart_unit(unit, "replace").await,
        })
        .await
    }

    /// Puts a process into a new scope with these limits.
    pub async fn new_scope(&self, unit: &str, about: &str, pid: u32, limits: Resources) -> Result<JobEnd, BusError> {
        self.job(async |manager: &ManagerProxy<'_>| {
            let mut properties = vec![("Description", Variant::from(about)), ("PIDs", Variant::from(vec![pid]))];
            properties.extend(limits.properties());
            manager.start_transient_unit(unit, "fail", &properties, &[]).await
        })
        .await
    }

    async fn job(
        &self,
        queue: impl AsyncFnOnce(&ManagerProxy<'_>) -> zbus::Result<OwnedObjectPath>,
    ) -> Result<JobEnd, BusError> {
        let service = self.scope.service();
        let lost = |text: String| BusError::Lost { service, text };
        let (ended, job) = self
            .bus
            .change(service, ORDER, async |bus| {
                let manager: ManagerProxy<'_> = the(bus).await?;
                let ended = manager.receive_job_removed().await?;
                let job = queue(&manager).await?;
                Ok((ended, job))
            })
            .await?;
        match tokio::time::timeout(JOB, end_of(ended, job)).await {
            Ok(Some(end)) => Ok(end),
            Ok(None) => Err(lost("ended before it told what became of the job".to_owned())),
            Err(_) => Err(lost(format!("is still at it after {} seconds", JOB.as_secs()))),
        }
    }

    /// Has systemd start a unit at the next start of what wants it. Gives the links that were made or removed.
    pub async fn enable(&self, unit: &str) -> Result<Vec<String>, BusError> {
        let order = async |bus: &zbus::Connection| {
            the::<ManagerProxy<'_>>(bus).await?.enable_unit_files(&[unit], false, false).await
        };
        Ok(links(self.bus.change(self.scope.service(), ORDER, order).await?.1))
    }

    /// The opposite of [`Units::enable`].
    pub async fn disable(&self, unit: &str) -> Result<Vec<String>, BusError> {
        let order =
            async |bus: &zbus::Connection| the::<ManagerProxy<'_>>(bus).await?.disable_unit_files(&[unit], false).await;
        Ok(links(self.bus.change(self.scope.service(), ORDER, order).await?))
    }

    /// Has systemd read all unit files anew.
    pub async fn reload(&self) -> Result<(), BusError> {
        let order = async |bus: &zbus::Connection| the::<ManagerProxy<'_>>(bus).await?.reload().await;
        self.bus.change(self.scope.service(), ORDER, order).await
    }

    /// Sets limits of a unit until the machine is started again.
    pub async fn limit(&self, unit: &str, limits: Resources) -> Result<(), BusError> {
        let order = async |bus: &zbus::Connection| {
            the::<ManagerProxy<'_>>(bus).await?.set_unit_properties(unit, true, &limits.properties()).await
        };
        self.bus.change(self.scope.service(), ORDER, order).await
    }
}

/// Links that were changed, by their paths.
fn links(changes: Vec<(String, String, String)>) -> Vec<String> {
    changes
        .into_iter()
        .filter(|(kind, ..)| kind == "symlink" || kind == "unlink")
        .map(|(_, link, _)| clean(&link))
        .collect()
}
