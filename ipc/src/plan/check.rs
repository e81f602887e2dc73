//! The rules that a plan has to keep, in the order in which they are looked at. All lengths are in bytes.

use std::fmt;

use super::{Action, ActionPlan, CgroupApply, Exec, Firmware, FirmwareOp, Observe, Packages, ReadFile, WriteFile};

/// How much of what a plan may have. The numbers are the protocol's (docs/plan.md).
pub mod caps {
    /// Steps.
    pub const ACTIONS: usize = 64;
    /// Bytes of `request_id`, `session_id`, `version`, a package's name, and the name of a variable.
    pub const NAME: usize = 128;
    /// Bytes of `confirmation.token`.
    pub const TOKEN: usize = 1024;
    /// Arguments of a command or a tool.
    pub const ARGS: usize = 64;
    /// Bytes of an argument, of a variable's value, of `reason`, `danger` and `recovery`.
    pub const TEXT: usize = 2048;
    /// Variables.
    pub const VARIABLES: usize = 32;
    /// Seconds of a command.
    pub const SECONDS: u64 = 60;
    /// Bytes of a path.
    pub const PATH: usize = 4096;
    /// Bytes of a file's content, read or written.
    pub const CONTENT: usize = 65_536;
    /// Bytes of a unit's or a firmware variable's name.
    pub const UNIT: usize = 256;
    /// Packages.
    pub const PACKAGES: usize = 128;
}

/// The first rule that a plan does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The step's type that the sentence begins with, where it does.
    of: &'static str,
    what: &'static str,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.of)?;
        f.write_str(self.what)
    }
}

impl std::error::Error for Invalid {}

impl ActionPlan {
    /// Looks at every rule that needs nothing but the plan itself.
    ///
    /// # Errors
    /// The first rule that fails.
    pub fn validate(&self) -> Result<(), Invalid> {
        no_more(self.actions.len(), caps::ACTIONS, "", "too many actions")?;
        present(&self.request_id, "", "request_id must be non-empty")?;
        no_more(self.request_id.len(), caps::NAME, "", "request_id is too long")?;
        if let Some(session) = &self.session_id {
            present(session, "", "session_id must be non-empty when provided")?;
            no_more(session.len(), caps::NAME, "", "session_id is too long")?;
        }
        if let Some(confirmation) = &self.confirmation {
            present(&confirmation.token, "", "confirmation.token must be non-empty")?;
            no_more(confirmation.token.len(), caps::TOKEN, "", "confirmation.token is too long")?;
        }
        present(&self.version, "", "version must be non-empty")?;
        no_more(self.version.len(), caps::NAME, "", "version is too long")?;
        // A token that is blank did not come as far as this.
        let confirmed = self.confirmation.is_some();
        self.actions.iter().try_for_each(|action| step(action, confirmed))
    }
}

fn step(action: &Action, confirmed: bool) -> Result<(), Invalid> {
    let of = action.name();
    match action {
        Action::Exec(a) => exec(a)?,
        Action::ReadFile(a) => read_file(a)?,
        Action::WriteFile(a) => write_file(a)?,
        Action::ServiceControl(a) => {
            present(&a.unit, of, ".unit must be non-empty")?;
            no_more(a.unit.len(), caps::UNIT, of, ".unit is too long")?;
        }
        Action::InstallPackages(a) | Action::RemovePackages(a) => packages(of, a)?,
        Action::UpdateSystem(_) => {}
        Action::Observe(a) => observe(a)?,
        Action::CgroupApply(a) => cgroup(a)?,
        Action::FirmwareOp(_) | Action::Ping => {}
    }
    let Some(words) = action.words() else { return Ok(()) };
    present(words.reason, of, ".reason must be non-empty")?;
    match action {
        Action::Exec(_) | Action::ReadFile(_) | Action::WriteFile(_) => {
            no_more(words.reason.len(), caps::TEXT, "", "reason is too long")?;
            no_more(words.danger.map_or(0, str::len), caps::TEXT, "", "danger is too long")?;
            no_more(words.recovery.map_or(0, str::len), caps::TEXT, "", "recovery is too long")?;
            unless(words.danger.is_some() && !confirmed, of, " requires confirmation when danger is set")
        }
        _ => no_more(words.reason.len(), caps::TEXT, of, ".reason is too long"),
    }?;
    match action {
        Action::FirmwareOp(a) => firmware(a),
        _ => Ok(()),
    }
}

fn exec(a: &Exec) -> Result<(), Invalid> {
    let of = "exec";
    unless(a.argv.is_empty(), of, ".argv must be non-empty")?;
    unless(a.as_root, of, ".as_root is not supported")?;
    no_more(a.argv.len(), caps::ARGS, of, ".argv has too many args")?;
    unless(a.argv.iter().any(|arg| arg.len() > caps::TEXT), of, ".argv arg is too long")?;
    if let Some(cwd) = &a.cwd {
        present(cwd, of, ".cwd must be non-empty when provided")?;
    }
    if let Some(env) = &a.env {
        no_more(env.len(), caps::VARIABLES, of, ".env has too many entries")?;
        for (name, value) in env {
            no_more(name.len(), caps::NAME, of, ".env key is too long")?;
            no_more(value.len(), caps::TEXT, of, ".env value is too long")?;
        }
    }
    unless(a.timeout_sec == 0, of, ".timeout_sec must be >= 1")?;
    unless(a.timeout_sec > caps::SECONDS, of, ".timeout_sec is too large")
}

fn read_file(a: &ReadFile) -> Result<(), Invalid> {
    let of = "read_file";
    present(&a.path, of, ".path must be non-empty")?;
    no_more(a.path.len(), caps::PATH, "", "path is too long")?;
    unless(a.max_bytes == 0, of, ".max_bytes must be >= 1")?;
    unless(a.max_bytes > caps::CONTENT as u64, of, ".max_bytes is too large")
}

fn write_file(a: &WriteFile) -> Result<(), Invalid> {
    let of = "write_file";
    present(&a.path, of, ".path must be non-empty")?;
    no_more(a.path.len(), caps::PATH, "", "path is too long")?;
    no_more(a.content.len(), caps::CONTENT, of, ".content is too large")?;
    present(&a.mode, of, ".mode must be non-empty")?;
    no_more(a.mode.len(), caps::NAME, of, ".mode is too long")?;
    let digits = a.mode.trim();
    let digits = digits.strip_prefix("0o").unwrap_or(digits);
    let good = matches!(digits.len(), 3 | 4) && digits.bytes().all(|b| matches!(b, b'0'..=b'7'));
    unless(!good, of, ".mode is invalid")
}

fn packages(of: &'static str, a: &Packages) -> Result<(), Invalid> {
    unless(a.packages.is_empty(), of, ".packages must be non-empty")?;
    no_more(a.packages.len(), caps::PACKAGES, of, ".packages has too many entries")?;
    for name in &a.packages {
        present(name, of, ".packages entries must be non-empty")?;
        no_more(name.len(), caps::NAME, of, ".packages entry is too long")?;
    }
    Ok(())
}

fn observe(a: &Observe) -> Result<(), Invalid> {
    let of = "observe";
    no_more(a.args.len(), caps::ARGS, of, ".args has too many entries")?;
    for arg in &a.args {
        present(arg, of, ".args entries must be non-empty")?;
        no_more(arg.len(), caps::TEXT, of, ".args entry is too long")?;
    }
    Ok(())
}

fn cgroup(a: &CgroupApply) -> Result<(), Invalid> {
    let of = "cgroup_apply";
    unless(a.pid.is_none() && a.unit.is_none(), of, " requires pid or unit")?;
    unless(a.pid.is_some() && a.unit.is_some(), of, " must not set both pid and unit")?;
    if let Some(unit) = &a.unit {
        present(unit, of, ".unit must be non-empty when provided")?;
        no_more(unit.len(), caps::UNIT, of, ".unit is too long")?;
    }
    unless(a.cpu_weight.is_none() && a.mem_max_bytes.is_none(), of, " requires at least one setting")
}

fn firmware(a: &FirmwareOp) -> Result<(), Invalid> {
    let of = "firmware_op";
    if a.op != Firmware::UefiVarRead {
        return Ok(());
    }
    let name = a.uefi_var_name.as_deref().unwrap_or_default();
    present(name, of, ".uefi_var_name must be set for uefi_var_read")?;
    unless(name.contains(['/', '\\']) || name.contains(".."), of, ".uefi_var_name must be a filename")?;
    no_more(name.len(), caps::UNIT, of, ".uefi_var_name is too long")
}

fn present(text: &str, of: &'static str, what: &'static str) -> Result<(), Invalid> {
    unless(text.trim().is_empty(), of, what)
}

fn no_more(length: usize, cap: usize, of: &'static str, what: &'static str) -> Result<(), Invalid> {
    unless(length > cap, of, what)
}

fn unless(wrong: bool, of: &'static str, what: &'static str) -> Result<(), Invalid> {
    if wrong { Err(Invalid { of, what }) } else { Ok(()) }
}
