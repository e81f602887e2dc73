//! The wire types of action plans: one JSON document in, one out (docs/plan.md).
//!
//! 1. A client connects, sends one [`ActionPlan`] of at most [`MAX_DOCUMENT`] bytes and may half-close. It is answered with one
//!    [`PlanResult`] as compact JSON, without a newline, and the connection is closed.
//! 2. A plan is read ([`ActionPlan::decode`]), then checked ([`ActionPlan::validate`]); the first rule that fails is the answer, and
//!    nothing runs. The command `steward plan validate` and the daemon run this very code.
//! 3. Every step of a plan has exactly one result, in its position.
//!
//! The sentences of [`ActionPlan::decode`] are those of `serde_json` for these types, so the order of their fields is a part of the
//! protocol, and so are the doors that its derived readers leave open (arrays in the place of objects, extra keys of `ping`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

mod check;
mod complete;
mod result;

pub use check::{Invalid, caps};
pub use complete::Completeness;
pub use result::{ErrorCode, Judged, PlanError, PlanResult, StepResult, WouldFail};

/// The longest document in bytes, white space included.
pub const MAX_DOCUMENT: usize = 256 * 1024;

/// A plan: typed steps that are judged as one and done in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ActionPlan {
    /// By this the client tells its plans apart; echoed.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::NAME), pattern(r"\S")))]
    pub request_id: String,
    /// What the plan belongs to; it is in the audit log, and nowhere else.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::NAME), pattern(r"\S")))]
    pub session_id: Option<String>,
    /// The version of the protocol, `0.1`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::NAME), pattern(r"\S")))]
    pub version: String,
    /// Whether the steps are done or only looked at.
    pub mode: Mode,
    /// The steps, in the order in which they are done.
    #[cfg_attr(feature = "schema", schemars(length(max = caps::ACTIONS)))]
    pub actions: Vec<Action>,
    /// An approval that was given for this very plan.
    pub confirmation: Option<Confirmation>,
}

/// Whether the steps are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing runs: each step is judged and previewed.
    PlanOnly,
    /// The steps are done.
    Execute,
}

/// An approval.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// What `steward approve --token` handed out for this plan.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::TOKEN), pattern(r"\S")))]
    pub token: String,
}

/// The token is nobody's business.
impl std::fmt::Debug for Confirmation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Confirmation")
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Action {
    /// Runs a program in a sandbox, without a shell.
    Exec(Exec),
    /// Reads a file.
    ReadFile(ReadFile),
    /// Writes a file.
    WriteFile(WriteFile),
    /// Starts, stops or asks about a service.
    ServiceControl(ServiceControl),
    /// Installs packages.
    InstallPackages(Packages),
    /// Removes packages.
    RemovePackages(Packages),
    /// Brings the system up to date.
    UpdateSystem(UpdateSystem),
    /// Looks at the machine with one of a few tools.
    Observe(Observe),
    /// Bounds what a process or a unit uses up.
    CgroupApply(CgroupApply),
    /// Reads of the machine's firmware.
    FirmwareOp(FirmwareOp),
    /// Asks whether somebody answers.
    Ping,
}

/// Arguments of `exec`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// The program, then its arguments.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::ARGS), inner(length(max = caps::TEXT))))]
    pub argv: Vec<String>,
    /// The working folder.
    #[cfg_attr(feature = "schema", schemars(length(min = 1), pattern(r"\S")))]
    pub cwd: Option<String>,
    /// Variables of its environment.
    #[cfg_attr(feature = "schema", schemars(extend("maxProperties" = caps::VARIABLES)))]
    pub env: Option<BTreeMap<String, String>>,
    /// Seconds until it is ended.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = caps::SECONDS)))]
    pub timeout_sec: u64,
    /// Always false: no command is root.
    #[cfg_attr(feature = "schema", schemars(extend("const" = false)))]
    pub as_root: bool,
    /// Why it is wanted, for the person who is asked.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::TEXT), pattern(r"\S")))]
    pub reason: String,
    /// What can go wrong; a plan with it asks a person.
    #[cfg_attr(feature = "schema", schemars(length(max = caps::TEXT)))]
    pub danger: Option<String>,
    /// What to do then.
    #[cfg_attr(feature = "schema", schemars(length(max = caps::TEXT)))]
    pub recovery: Option<String>,
}

/// Arguments of `read_file`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReadFile {
    /// The file.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::PATH), pattern(r"\S")))]
    pub path: String,
    /// Bytes that are read at the most.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = caps::CONTENT)))]
    pub max_bytes: u64,
    /// Why it is wanted, for the person who is asked.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::TEXT), pattern(r"\S")))]
    pub reason: String,
    /// What can go wrong; a plan with it asks a person.
    #[cfg_attr(feature = "schema", schemars(length(max = caps::TEXT)))]
    pub danger: Option<String>,
    /// What to do then.
    #[cfg_attr(feature = "schema", schemars(length(max = caps::TEXT)))]
    pub recovery: Option<String>,
}

/// Arguments of `write_file`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WriteFile {
    /// The file.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::PATH), pattern(r"\S")))]
    pub path: String,
    /// What is in it afterwards.
    #[cfg_attr(feature = "schema", schemars(length(max = caps::CONTENT)))]
    pub content: String,
    /// Its mode in octal digits, such as `0644`.
    #[cfg_attr(feature = "schema", schemars(pattern(r"^\s*(0o)?[0-7]{3,4}\s*$")))]
    pub mode: String,
    /// Why it is wanted, for the person who is asked.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::TEXT), pattern(r"\S")))]
    pub reason: String,
    /// What can go wrong; a plan with it asks a person.
    #[cfg_attr(feature = "schema", schemars(length(max = caps::TEXT)))]
    pub danger: Option<String>,
    /// What to do then.
    #[cfg_attr(feature = "schema", schemars(length(max = caps::TEXT)))]
    pub recovery: Option<String>,
}

/// Arguments of `service_control`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ServiceControl {
    /// What to do.
    pub action: ServiceVerb,
    /// To which unit.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::UNIT), pattern(r"\S")))]
    pub unit: String,
    /// Why it is wanted, for the person who is asked.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::TEXT), pattern(r"\S")))]
    pub reason: String,
    /// What can go wrong.
    pub danger: Option<String>,
    /// What to do then.
    pub recovery: Option<String>,
}

/// What is done to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words of systemctl(1)")]
pub enum ServiceVerb {
    Start,
    Stop,
    Restart,
    Enable,
    Disable,
    Status,
}

/// Arguments of `install_packages` and `remove_packages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// The package manager that is meant.
    pub manager: PackageManager,
    /// The packages.
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = caps::PACKAGES), inner(length(min = 1, max = caps::NAME), pattern(r"\S")))
    )]
    pub packages: Vec<String>,
    /// Why it is wanted, for the person who is asked.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::TEXT), pattern(r"\S")))]
    pub reason: String,
    /// What can go wrong.
    pub danger: Option<String>,
    /// What to do then.
    pub recovery: Option<String>,
}

/// A package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names of programs")]
pub enum PackageManager {
    Apt,
    Dnf,
    Pacman,
    Zypper,
    Brew,
    /// Another one; never carried out.
    Other,
}

/// Arguments of `update_system`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateSystem {
    /// The package manager that is meant.
    pub manager: PackageManager,
    /// Why it is wanted, for the person who is asked.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::TEXT), pattern(r"\S")))]
    pub reason: String,
    /// What can go wrong.
    pub danger: Option<String>,
    /// What to do then.
    pub recovery: Option<String>,
}

/// Arguments of `observe`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Observe {
    /// The tool.
    pub tool: ObserveTool,
    /// Its arguments.
    #[cfg_attr(
        feature = "schema",
        schemars(length(max = caps::ARGS), inner(length(min = 1, max = caps::TEXT), pattern(r"\S")))
    )]
    pub args: Vec<String>,
    /// Why it is wanted, for the person who is asked.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::TEXT), pattern(r"\S")))]
    pub reason: String,
    /// What can go wrong.
    pub danger: Option<String>,
    /// What to do then.
    pub recovery: Option<String>,
}

/// A tool that looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names of programs")]
pub enum ObserveTool {
    Ps,
    Top,
    Journalctl,
    Perf,
    Bpftrace,
    /// Another one; never carried out.
    Other,
}

/// Arguments of `cgroup_apply`: a process or a unit, and at least one bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CgroupApply {
    /// The process.
    pub pid: Option<u32>,
    /// The unit, in the place of a process.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::UNIT), pattern(r"\S")))]
    pub unit: Option<String>,
    /// Its share of the processors (`CPUWeight` of systemd.resource-control(5)).
    pub cpu_weight: Option<u64>,
    /// Bytes of memory that it may have (`MemoryMax`).
    pub mem_max_bytes: Option<u64>,
    /// Why it is wanted, for the person who is asked.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::TEXT), pattern(r"\S")))]
    pub reason: String,
    /// What can go wrong.
    pub danger: Option<String>,
    /// What to do then.
    pub recovery: Option<String>,
}

/// Arguments of `firmware_op`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FirmwareOp {
    /// What to do.
    pub op: Firmware,
    /// The variable of `uefi_var_read`, a file name.
    #[cfg_attr(feature = "schema", schemars(length(max = caps::UNIT)))]
    pub uefi_var_name: Option<String>,
    /// Why it is wanted, for the person who is asked.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = caps::TEXT), pattern(r"\S")))]
    pub reason: String,
    /// What can go wrong.
    pub danger: Option<String>,
    /// What to do then.
    pub recovery: Option<String>,
}

/// What is done about the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Firmware {
    /// Tells what the machine is.
    Inventory,
    /// Would write firmware; never carried out.
    FwupdUpdate,
    /// Reads a variable of UEFI.
    UefiVarRead,
}

/// What a step says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words<'a> {
    /// Why it is wanted.
    pub reason: &'a str,
    /// What can go wrong.
    pub danger: Option<&'a str>,
    /// What to do then.
    pub recovery: Option<&'a str>,
}

impl ActionPlan {
    /// Reads a document. Bytes that are no UTF-8 become U+FFFD first.
    ///
    /// # Errors
    /// The sentence of `serde_json`, with line and column.
    pub fn decode(document: &[u8]) -> Result<ActionPlan, serde_json::Error> {
        match String::from_utf8_lossy(document) {
            Cow::Borrowed(text) => serde_json::from_str(text),
            Cow::Owned(text) => serde_json::from_str(&text),
        }
    }
}

impl Action {
    /// The step's `type`.
    pub fn name(&self) -> &'static str {
        match self {
            Action::Exec(_) => "exec",
            Action::ReadFile(_) => "read_file",
            Action::WriteFile(_) => "write_file",
            Action::ServiceControl(_) => "service_control",
            Action::InstallPackages(_) => "install_packages",
            Action::RemovePackages(_) => "remove_packages",
            Action::UpdateSystem(_) => "update_system",
            Action::Observe(_) => "observe",
            Action::CgroupApply(_) => "cgroup_apply",
            Action::FirmwareOp(_) => "firmware_op",
            Action::Ping => "ping",
        }
    }

    /// What it says about itself; nothing for `ping`.
    pub fn words(&self) -> Option<Words<'_>> {
        let (reason, danger, recovery) = match self {
            Action::Exec(a) => (&a.reason, &a.danger, &a.recovery),
            Action::ReadFile(a) => (&a.reason, &a.danger, &a.recovery),
            Action::WriteFile(a) => (&a.reason, &a.danger, &a.recovery),
            Action::ServiceControl(a) => (&a.reason, &a.danger, &a.recovery),
            Action::InstallPackages(a) | Action::RemovePackages(a) => (&a.reason, &a.danger, &a.recovery),
            Action::UpdateSystem(a) => (&a.reason, &a.danger, &a.recovery),
            Action::Observe(a) => (&a.reason, &a.danger, &a.recovery),
            Action::CgroupApply(a) => (&a.reason, &a.danger, &a.recovery),
            Action::FirmwareOp(a) => (&a.reason, &a.danger, &a.recovery),
            Action::Ping => return None,
        };
        Some(Words { reason, danger: danger.as_deref(), recovery: recovery.as_deref() })
    }

    /// What the original's `plan_only` says would be run, for the steps whose result has an `argv`. It is for reading: Steward
    /// asks services, and starts none of these.
    pub fn described(&self) -> Option<Vec<String>> {
        let words = |first: &[&str], rest: &[String]| {
            first.iter().map(|w| (*w).to_owned()).chain(rest.iter().cloned()).collect::<Vec<_>>()
        };
        Some(match self {
            Action::Exec(_) | Action::ReadFile(_) | Action::WriteFile(_) | Action::Ping => return None,
            Action::ServiceControl(s) => words(&["systemctl", s.action.name()], std::slice::from_ref(&s.unit)),
            Action::InstallPackages(p) => words(
                match p.manager {
                    PackageManager::Apt => &["apt-get", "install", "-y"],
                    PackageManager::Dnf => &["dnf", "install", "-y"],
                    PackageManager::Pacman => &["pacman", "-S", "--noconfirm"],
                    PackageManager::Zypper => &["zypper", "install", "-y"],
                    PackageManager::Brew => &["brew", "install"],
                    PackageManager::Other => return Some(Vec::new()),
                },
                &p.packages,
            ),
            Action::RemovePackages(p) => words(
                match p.manager {
                    PackageManager::Apt => &["apt-get", "remove", "-y"],
                    PackageManager::Dnf => &["dnf", "remove", "-y"],
                    PackageManager::Pacman => &["pacman", "-R", "--noconfirm"],
                    PackageManager::Zypper => &["zypper", "remove", "-y"],
                    PackageManager::Brew => &["brew", "uninstall"],
                    PackageManager::Other => return Some(Vec::new()),
                },
                &p.packages,
            ),
            Action::UpdateSystem(u) => match u.manager {
                PackageManager::Apt => words(&["apt-get", "update", "&&", "apt-get", "upgrade", "-y"], &[]),
                _ => Vec::new(),
            },
            Action::Observe(o) => words(&[o.tool.name()], &o.args),
            Action::CgroupApply(c) => {
                let mut argv = words(&["systemd-run", "--scope"], &[]);
                for setting in
                    [c.cpu_weight.map(|w| format!("CPUWeight={w}")), c.mem_max_bytes.map(|m| format!("MemoryMax={m}"))]
                {
                    argv.extend(setting.into_iter().flat_map(|s| ["-p".to_owned(), s]));
                }
                argv.extend(c.pid.map(|pid| format!("--pid={pid}")));
                argv.extend(c.unit.as_ref().map(|unit| format!("--unit={unit}")));
                argv
            }
            Action::FirmwareOp(f) => match f.op {
                Firmware::Inventory => words(&["dmidecode"], &[]),
                Firmware::FwupdUpdate => words(&["fwupdmgr", "update"], &[]),
                Firmware::UefiVarRead => {
                    let name = f.uefi_var_name.as_deref().unwrap_or_default();
                    vec!["cat".to_owned(), format!("/sys/firmware/efi/efivars/{name}")]
                }
            },
        })
    }
}

impl ServiceVerb {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            ServiceVerb::Start => "start",
            ServiceVerb::Stop => "stop",
            ServiceVerb::Restart => "restart",
            ServiceVerb::Enable => "enable",
            ServiceVerb::Disable => "disable",
            ServiceVerb::Status => "status",
        }
    }
}

impl PackageManager {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            PackageManager::Apt => "apt",
            PackageManager::Dnf => "dnf",
            PackageManager::Pacman => "pacman",
            PackageManager::Zypper => "zypper",
            PackageManager::Brew => "brew",
            PackageManager::Other => "other",
        }
    }
}

impl ObserveTool {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            ObserveTool::Ps => "ps",
            ObserveTool::Top => "top",
            ObserveTool::Journalctl => "journalctl",
            ObserveTool::Perf => "perf",
            ObserveTool::Bpftrace => "bpftrace",
            ObserveTool::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests;
