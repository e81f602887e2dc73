//! The two systemds of a laptop: a few units with their states, jobs, and what of a unit's properties Steward reads.

use std::collections::{BTreeMap, HashMap};

use zbus::{OwnedObjectPath, OwnedVariant, Variant};

use super::bus::{Answer, signal};
use super::services::Call;
use super::{Inside, Part, State};

/// Where the manager is.
const MANAGER: &str = "/org/freedesktop/systemd1";
/// Where units are.
const UNITS: &str = "/org/freedesktop/systemd1/unit/";
/// When all units came to be as they are: 2026-01-01T08:00:00Z, in microseconds.
const SINCE: u64 = 1_767_254_400_000_000;

/// A unit of a laptop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names that systemd gives them")]
pub struct SimulatedUnit {
    pub description: &'static str,
    pub active_state: &'static str,
    pub unit_file_state: &'static str,
    /// Names beside its own.
    pub aliases: Vec<&'static str>,
    /// Units that are stopped when it is.
    pub required_by: Vec<&'static str>,
    pub requires: Vec<&'static str>,
    pub conflicts: Vec<&'static str>,
    pub load_state: &'static str,
    pub need_daemon_reload: bool,
    /// What it is limited to; `u64::MAX` is not at all.
    pub cpu_weight: u64,
    pub memory_max: u64,
}

impl SimulatedUnit {
    /// A unit that runs, or not, and is enabled, or not.
    pub fn new(description: &'static str, active_state: &'static str, unit_file_state: &'static str) -> SimulatedUnit {
        SimulatedUnit {
            description,
            active_state,
            unit_file_state,
            aliases: Vec::new(),
            required_by: Vec::new(),
            requires: Vec::new(),
            conflicts: Vec::new(),
            load_state: "loaded",
            need_daemon_reload: false,
            cpu_weight: u64::MAX,
            memory_max: u64::MAX,
        }
    }
}

/// The units at the start, the machine's and the person's.
pub(super) fn at_first() -> (Units, Units) {
    let unit = SimulatedUnit::new;
    let system = [
        ("bluetooth.service", unit("Bluetooth service", "active", "enabled")),
        (
            "cups.service",
            SimulatedUnit { required_by: vec!["cups-browsed.service"], ..unit("CUPS Scheduler", "active", "enabled") },
        ),
        (
            "cups-browsed.service",
            SimulatedUnit { requires: vec!["cups.service"], ..unit("Remote printers", "inactive", "disabled") },
        ),
        ("dbus.service", unit("D-Bus System Message Bus", "active", "static")),
        ("fstrim.timer", unit("Discard unused blocks once a week", "inactive", "disabled")),
        (
            "lightdm.service",
            SimulatedUnit {
                aliases: vec!["display-manager.service"],
                ..unit("Light Display Manager", "active", "enabled")
            },
        ),
        ("NetworkManager.service", unit("Network Manager", "active", "enabled")),
        (
            "ssh.service",
            SimulatedUnit {
                aliases: vec!["sshd.service"],
                ..unit("OpenBSD Secure Shell server", "inactive", "disabled")
            },
        ),
        ("systemd-poweroff.service", unit("System Power Off", "inactive", "static")),
    ];
    let user = [
        ("pipewire.service", unit("PipeWire Multimedia Service", "active", "enabled")),
        ("syncthing.service", unit("Syncthing", "inactive", "disabled")),
    ];
    let named = |(name, unit): (&str, SimulatedUnit)| (name.to_owned(), unit);
    (system.into_iter().map(named).collect(), user.into_iter().map(named).collect())
}

/// Units by their own names.
pub(super) type Units = BTreeMap<String, SimulatedUnit>;

fn units(state: &mut State, part: Part) -> &mut Units {
    if part == Part::SystemManager { &mut state.system_units } else { &mut state.user_units }
}

/// A unit under one of its names.
fn find<'u>(units: &'u mut Units, name: &str) -> Option<(String, &'u mut SimulatedUnit)> {
    units.iter_mut().find(|(own, u)| *own == name || u.aliases.contains(&name)).map(|(own, u)| (own.clone(), u))
}

pub(super) fn answer(inside: &Inside, part: Part, call: &Call<'_>) -> Answer {
    let mut state = inside.state();
    match call.member.as_str() {
        "LoadUnit" => call.returns(&path(&call.body::<String>()?)?),
        "GetAll" => {
            let name = name_of(&call.path).ok_or_else(|| call.unknown())?;
            let interface: String = call.body()?;
            let found = find(units(&mut state, part), &name);
            call.returns(&properties(&interface, &name, found))
        }
        "GetUnitFileState" => {
            let name: String = call.body()?;
            let missing = || ("org.freedesktop.DBus.Error.FileNotFound", "No such file or directory".to_owned());
            call.returns(&find(units(&mut state, part), &name).ok_or_else(missing)?.1.unit_file_state)
        }
        "StartUnit" | "StopUnit" | "RestartUnit" => {
            let (name, _mode): (String, String) = call.body()?;
            let result = state.job;
            let starts = call.member != "StopUnit";
            let all = units(&mut state, part);
            let (own, unit) = find(all, &name).ok_or_else(|| no_such_unit(&name))?;
            let along = if starts { unit.conflicts.clone() } else { unit.required_by.clone() };
            unit.active_state = match (result, starts) {
                ("done", true) => "active",
                ("done", false) => "inactive",
                ("failed", _) => "failed",
                _ => unit.active_state,
            };
            for other in along.into_iter().filter(|_| result == "done") {
                if let Some((_, other)) = find(all, other) {
                    other.active_state = "inactive";
                }
            }
            job(&mut state, call, own, result)
        }
        "StartTransientUnit" => {
            // Only what is told back is read: the name of the unit.
            type Start = (String, String, Vec<(String, OwnedVariant)>, Vec<(String, Vec<(String, OwnedVariant)>)>);
            let (unit, ..): Start = call.body()?;
            let result = state.job;
            if result == "done" {
                state.done.push(format!("start {unit}"));
            }
            job(&mut state, call, unit, result)
        }
        "EnableUnitFiles" | "DisableUnitFiles" => {
            let enables = call.member == "EnableUnitFiles";
            let names = if enables {
                call.body::<(Vec<String>, bool, bool)>()?.0
            } else {
                call.body::<(Vec<String>, bool)>()?.0
            };
            let mut changes = Vec::new();
            for name in names {
                let (own, unit) = find(units(&mut state, part), &name).ok_or_else(|| no_such_unit(&name))?;
                unit.unit_file_state = if enables { "enabled" } else { "disabled" };
                let kind = if enables { "symlink" } else { "unlink" };
                changes.push((
                    kind,
                    format!("/etc/systemd/system/multi-user.target.wants/{own}"),
                    format!("/usr/lib/systemd/system/{own}"),
                ));
            }
            if enables { call.returns(&(true, changes)) } else { call.returns(&changes) }
        }
        "Reload" => {
            units(&mut state, part).values_mut().for_each(|u| u.need_daemon_reload = false);
            call.returns(&())
        }
        "SetUnitProperties" => {
            let (name, _runtime, set): (String, bool, Vec<(String, OwnedVariant)>) = call.body()?;
            let (_, unit) = find(units(&mut state, part), &name).ok_or_else(|| no_such_unit(&name))?;
            for (property, value) in set {
                let value = value.downcast_ref::<u64>().unwrap_or(u64::MAX);
                match property.as_str() {
                    "CPUWeight" => unit.cpu_weight = value,
                    "MemoryMax" => unit.memory_max = value,
                    other => {
                        return Err((
                            "org.freedesktop.DBus.Error.PropertyReadOnly",
                            format!("Cannot set property {other}"),
                        ));
                    }
                }
            }
            call.returns(&())
        }
        _ => Err(call.unknown()),
    }
}

/// A job that has ended already, and the signal that says so.
fn job(state: &mut State, call: &Call<'_>, unit: String, result: &'static str) -> Answer {
    state.jobs += 1;
    let number = state.jobs;
    let path = OwnedObjectPath::try_from(format!("{MANAGER}/job/{number}"));
    let path = path.map_err(|e| ("org.freedesktop.DBus.Error.Failed", e.to_string()))?;
    let mut messages = call.returns(&path)?;
    let body = (number, path, unit, result);
    messages.extend(signal(MANAGER, "org.freedesktop.systemd1.Manager", "JobRemoved", &body));
    Ok(messages)
}

fn no_such_unit(name: &str) -> (&'static str, String) {
    ("org.freedesktop.systemd1.NoSuchUnit", format!("Unit {name} not found."))
}

/// The path of a unit: what is no letter and no digit is its number, as `bus_label_escape` of systemd has it.
fn path(name: &str) -> Result<OwnedObjectPath, (&'static str, String)> {
    let escaped: String = name
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("_{b:02x}") })
        .collect();
    let path = OwnedObjectPath::try_from(format!("{UNITS}{escaped}"));
    path.map_err(|e| ("org.freedesktop.DBus.Error.InvalidArgs", e.to_string()))
}

fn name_of(path: &str) -> Option<String> {
    let mut pieces = path.strip_prefix(UNITS)?.split('_');
    let mut name = pieces.next()?.to_owned();
    for piece in pieces {
        let (number, rest) = piece.split_at_checked(2)?;
        name.push(u8::from_str_radix(number, 16).ok()?.into());
        name.push_str(rest);
    }
    Some(name)
}

fn properties(
    interface: &str,
    name: &str,
    found: Option<(String, &mut SimulatedUnit)>,
) -> HashMap<&'static str, Variant<'static>> {
    let no_job = (0u32, OwnedObjectPath::try_from("/").unwrap_or_default());
    let Some((own, unit)) = found else {
        let error = ("org.freedesktop.systemd1.NoSuchUnit", format!("Unit {name} not found."));
        return HashMap::from([
            ("Id", Variant::from(name.to_owned())),
            ("Names", Variant::from(vec![name.to_owned()])),
            ("LoadState", Variant::from("not-found")),
            ("LoadError", Variant::from(error)),
            ("ActiveState", Variant::from("inactive")),
            ("SubState", Variant::from("dead")),
            ("Job", Variant::from(no_job)),
        ]);
    };
    let up = unit.active_state == "active";
    if interface != "org.freedesktop.systemd1.Unit" {
        return HashMap::from([
            ("MainPID", Variant::from(if up { 4242u32 } else { 0 })),
            ("CPUWeight", Variant::from(unit.cpu_weight)),
            ("MemoryMax", Variant::from(unit.memory_max)),
        ]);
    }
    let names: Vec<String> = [own.clone()].into_iter().chain(unit.aliases.iter().map(|a| (*a).to_owned())).collect();
    let many = |all: &[&'static str]| Variant::from(all.iter().map(|s| (*s).to_owned()).collect::<Vec<String>>());
    HashMap::from([
        ("Names", Variant::from(names)),
        ("FragmentPath", Variant::from(format!("/usr/lib/systemd/system/{own}"))),
        ("Id", Variant::from(own)),
        ("Description", Variant::from(unit.description)),
        ("LoadState", Variant::from(unit.load_state)),
        ("LoadError", Variant::from((String::new(), String::new()))),
        ("ActiveState", Variant::from(unit.active_state)),
        ("SubState", Variant::from(if up { "running" } else { "dead" })),
        ("UnitFileState", Variant::from(unit.unit_file_state)),
        ("NeedDaemonReload", Variant::from(unit.need_daemon_reload)),
        ("CanStart", Variant::from(true)),
        ("CanStop", Variant::from(true)),
        ("StateChangeTimestamp", Variant::from(SINCE)),
        ("Job", Variant::from(no_job)),
        ("RequiredBy", many(&unit.required_by)),
        ("Requires", many(&unit.requires)),
        ("Conflicts", many(&unit.conflicts)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_unit_leads_back_to_its_name() {
        for name in ["cups.service", "getty@tty1.service", "a\\x2db_c.timer"] {
            assert_eq!(name_of(path(name).unwrap().as_str()).as_deref(), Some(name));
        }
        assert_eq!(name_of("/org/freedesktop/systemd1/unit/a_2"), None);
    }
}
