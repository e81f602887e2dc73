//! Sandbox profiles: what a command that was started for a caller may touch. Data only; whether the machine can hold a program to
//! it is the agent's business.

use crate::glob::Glob;

/// What a command may do with files beside those of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxFiles {
    /// Reads what every program needs of the system, and nothing of anybody's own.
    System,
    /// Reads the system and what is beneath its working folder.
    ReadCwd,
    /// Reads the system, and reads and writes beneath its working folder.
    WriteCwd,
    /// Whatever the user may do.
    All,
}

/// Which programs a command may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxPrograms {
    /// None but itself.
    One,
    /// Those of the system, which hold to the same sandbox.
    System,
}

/// What a command may use up. All but `processes` are for each of its processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SandboxLimits {
    /// Bytes of private memory (`RLIMIT_DATA` of setrlimit(2)).
    pub memory: u64,
    /// Processes and threads, all together.
    pub processes: u32,
    /// Seconds of processor time (`RLIMIT_CPU`).
    pub cpu: u32,
    /// Bytes of the longest file that it may write (`RLIMIT_FSIZE`).
    pub file_size: u64,
    /// Open files (`RLIMIT_NOFILE`).
    pub open_files: u32,
}

/// What all processes of a command may use up together. The kernel counts it by a control group (cgroups(7), version 2), which has to be
/// delegated to the agent; without one of these a sandbox needs none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SandboxGroup {
    /// Bytes of memory, with nothing of it swapped out (systemd's `MemoryMax=`, the controller `memory`).
    pub memory_max: Option<u64>,
    /// Processes and threads (systemd's `TasksMax=`, the controller `pids`).
    pub tasks_max: Option<u32>,
    /// The weight of their share of the processors, 1 to 10000; everything else has 100 (systemd's `CPUWeight=`, the controller `cpu`).
    pub cpu_weight: Option<u16>,
}

impl SandboxGroup {
    /// Whether nothing is counted together.
    pub fn is_empty(&self) -> bool {
        *self == SandboxGroup::default()
    }
}

/// A sandbox by name.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SandboxProfile {
    /// Its name, which rules and requests use.
    pub name: String,
    /// What it is for, in a sentence.
    pub summary: String,
    /// The files.
    pub files: SandboxFiles,
    /// Absolute paths that may be read besides.
    pub read: Vec<String>,
    /// Whether it may use the network.
    pub network: bool,
    /// The programs.
    pub programs: SandboxPrograms,
    /// Names of variables, or globs of them, that a request may set.
    pub env: Vec<String>,
    /// What it may use up.
    pub limits: SandboxLimits,
    /// What all of it may use up together.
    pub group: SandboxGroup,
}

/// The limits of the built-in profiles, and of tables that do not say.
pub const SANDBOX_LIMITS: SandboxLimits =
    SandboxLimits { memory: 1 << 30, processes: 64, cpu: 60, file_size: 256 << 20, open_files: 256 };

/// Variables that every profile lets a request set: how things are written, and no more.
const ENV: [&str; 6] = ["LANG", "LANGUAGE", "LC_*", "TZ", "NO_COLOR", "COLUMNS"];

/// The names of the built-in profiles, the strictest first.
pub const BUILT_IN_SANDBOXES: [&str; 5] = ["ro-nonet", "ro-cwd-nonet", "rw-cwd-nonet", "rw-cwd-net", "none"];

/// The profiles in which an `ok` rule that names none lets a command run.
pub const STRICT_SANDBOXES: [&str; 2] = ["ro-nonet", "ro-cwd-nonet"];

impl SandboxProfile {
    /// The built-in profile of this name.
    pub fn built_in(name: &str) -> Option<SandboxProfile> {
        use SandboxFiles::{All, ReadCwd, System, WriteCwd};
        let (files, network, programs, summary) = match name {
            "ro-nonet" => {
                (System, false, SandboxPrograms::One, "Reads the system's own files; no network; starts nothing else.")
            }
            "ro-cwd-nonet" => {
                (ReadCwd, false, SandboxPrograms::One, "Reads its working folder too; no network; starts nothing else.")
            }
            "rw-cwd-nonet" => (
                WriteCwd,
                false,
                SandboxPrograms::System,
                "Writes beneath its working folder; no network; may start programs of the system.",
            ),
            "rw-cwd-net" => (
                WriteCwd,
                true,
                SandboxPrograms::System,
                "Writes beneath its working folder and uses the network; may start programs of the system.",
            ),
            "none" => {
                (All, true, SandboxPrograms::System, "No sandbox: everything that the user may do. Never the default.")
            }
            _ => return None,
        };
        Some(SandboxProfile {
            name: name.into(),
            summary: summary.into(),
            files,
            read: Vec::new(),
            network,
            programs,
            env: ENV.map(str::to_owned).to_vec(),
            limits: SANDBOX_LIMITS,
            group: SandboxGroup::default(),
        })
    }

    /// All built-in profiles, the strictest first.
    pub fn all_built_in() -> Vec<SandboxProfile> {
        BUILT_IN_SANDBOXES.iter().filter_map(|name| SandboxProfile::built_in(name)).collect()
    }

    /// Whether a request may set this variable in it. What the loader and shells look at is never among them.
    pub fn lets_set(&self, variable: &str) -> bool {
        !is_never_set(variable)
            && self.env.iter().any(|pattern| match Glob::new(pattern, None) {
                Ok(glob) if Glob::is_glob(pattern) => glob.matches(variable),
                _ => pattern == variable,
            })
    }

    /// Whether it fences anything in.
    pub fn is_confined(&self) -> bool {
        self.files != SandboxFiles::All
    }
}

/// Variables that decide which code a program loads or starts, or where it looks for it: `ld.so(8)`, the GNU C library, shells and
/// common interpreters. They never come from a request, whatever a profile says.
pub fn is_never_set(variable: &str) -> bool {
    const NAMES: [&str; 33] = [
        "PATH",
        "IFS",
        "ENV",
        "BASH_ENV",
        "SHELLOPTS",
        "BASHOPTS",
        "PS4",
        "PROMPT_COMMAND",
        "CDPATH",
        "GLOBIGNORE",
        "FPATH",
        "ZDOTDIR",
        "GCONV_PATH",
        "GETCONF_DIR",
        "HOSTALIASES",
        "LOCALDOMAIN",
        "LOCPATH",
        "NLSPATH",
        "RES_OPTIONS",
        "RESOLV_HOST_CONF",
        "TMPDIR",
        "HOME",
        "PERL5OPT",
        "PERL5LIB",
        "PERL5DB",
        "RUBYOPT",
        "RUBYLIB",
        "NODE_OPTIONS",
        "JAVA_TOOL_OPTIONS",
        "PAGER",
        "EDITOR",
        "VISUAL",
        "SHELL",
    ];
    // Nothing is a variable's name but letters, digits and `_` (POSIX.1-2024, chapter 8); exported functions of bash are not.
    let is_name = !variable.is_empty()
        && !variable.starts_with(|c: char| c.is_ascii_digit())
        && variable.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let begins = |with: &[&str]| with.iter().any(|p| variable.starts_with(p));
    !is_name
        || NAMES.contains(&variable)
        || begins(&[
            "LD_",
            "GLIBC_",
            "MALLOC_",
            "PYTHON",
            "GIT_",
            "DYLD_",
            "BASH_FUNC_",
            "XDG_",
            "DBUS_",
            "SSH_",
            "STEWARD_",
        ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_loader_looks_at_is_never_set_by_a_request() {
        let mut all = SandboxProfile::built_in("ro-nonet").unwrap();
        all.env.push("*".to_owned());
        for name in [
            "PATH",
            "LD_PRELOAD",
            "LD_AUDIT",
            "GLIBC_TUNABLES",
            "BASH_ENV",
            "PYTHONPATH",
            "",
            "1A",
            "A=B",
            "BASH_FUNC_ls%%",
            "É",
        ] {
            assert!(!all.lets_set(name), "{name}");
        }
        assert!(all.lets_set("ANYTHING_ELSE"));
        for built_in in SandboxProfile::all_built_in() {
            let name = &built_in.name;
            assert!(
                built_in.lets_set("LC_TIME") && built_in.lets_set("TZ") && !built_in.lets_set("ANYTHING_ELSE"),
                "{name}"
            );
        }
    }

    #[test]
    fn the_built_in_profiles_are_sorted_from_strict_to_loose() {
        let all = SandboxProfile::all_built_in();
        assert_eq!(all.len(), BUILT_IN_SANDBOXES.len());
        assert!(all.is_sorted_by_key(|p| (p.files, p.network, p.programs)));
        assert!(STRICT_SANDBOXES.iter().all(|s| BUILT_IN_SANDBOXES.contains(s)));
    }
}
