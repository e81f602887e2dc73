//! What Landlock holds: which files may be read, written and executed, and, where the kernel has words for it, TCP, signals and
//! abstract sockets. The kernel's version is asked for, never assumed; what a version lacks is the filter's business.

use std::os::fd::{AsFd, OwnedFd};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, Scope,
};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};

use super::filter::SCOPES;

/// Folders with programs and what they are made of. They may be read, and executed where the profile says so.
const PROGRAMS: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store"];

/// What else nearly every program reads. Of `/etc` only what has no secrets in it: names, languages, fonts, certificates.
const SYSTEM: &[&str] = &[
    // The loader.
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    // Names of users, hosts and services.
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/resolv.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    // Time, language, terminals, types of files.
    "/etc/localtime",
    "/etc/timezone",
    "/etc/locale.alias",
    "/etc/locale.conf",
    "/etc/terminfo",
    "/etc/mime.types",
    "/etc/magic",
    "/etc/fonts",
    // Which system it is, and which program a name stands for.
    "/etc/os-release",
    "/etc/lsb-release",
    "/etc/debian_version",
    "/etc/alternatives",
    // Certificates, without their keys.
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates.conf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    // Of other processes Landlock shows names and no more.
    "/proc",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/dev/urandom",
    "/dev/random",
    "/dev/full",
];

/// Devices that may be written to. `/dev/zero` is not here: what is mapped of it is memory that no limit counts.
const SINKS: &[&str] = &["/dev/null"];

/// The version of Landlock that this kernel has, up to the newest that is used here; 0 for none.
fn version() -> u32 {
    [6, 5, 4, 3, 2, 1].into_iter().find(|v| ruleset(*v, false).is_ok()).unwrap_or(0)
}

fn abi(version: u32) -> ABI {
    match version {
        0 => ABI::Unsupported,
        1 => ABI::V1,
        2 => ABI::V2,
        3 => ABI::V3,
        4 => ABI::V4,
        5 => ABI::V5,
        _ => ABI::V6,
    }
}

/// A set of rules that holds all that this version can, and allows nothing yet.
fn ruleset(version: u32, network: bool) -> Result<RulesetCreated, String> {
    let failed = |e: landlock::RulesetError| e.to_string();
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(abi(version)))
        .map_err(failed)?;
    if version >= 4 && !network {
        rules = rules.handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp).map_err(failed)?;
    }
    if version >= SCOPES {
        rules = rules.scope(Scope::AbstractUnixSocket | Scope::Signal).map_err(failed)?;
    }
    rules.create().map_err(failed)
}

/// What one profile lets a program do with files.
pub(super) struct Files<'a, F> {
    /// The working folder, and whether it may be written to.
    pub(super) folder: Option<(&'a F, bool)>,
    /// The program, its interpreter or the script: read, and executed.
    pub(super) programs: Vec<&'a F>,
    /// More paths that may be read.
    pub(super) read: &'a [String],
    /// Whether it may use the network.
    pub(super) network: bool,
}

/// What of the system every profile may read, opened before it is known which profile it will be: that takes longer than all else.
pub(super) struct Ground {
    /// The version of Landlock.
    pub(super) version: u32,
    places: Vec<Place>,
}

struct Place {
    path: &'static str,
    fd: OwnedFd,
    is_folder: bool,
    /// What may be done there, by all versions.
    access: BitFlags<AccessFs>,
}

impl Ground {
    /// Looks at what this machine has. What is not there needs no rule.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub(super) fn look() -> Result<Ground, String> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let all = [
            (PROGRAMS, read | AccessFs::Execute),
            (SYSTEM, read),
            (SINKS, AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate),
        ];
        let mut places = Vec::new();
        for (paths, access) in all {
            for path in paths {
                if let Some((fd, is_folder)) = open(path)? {
                    places.push(Place { path, fd, is_folder, access });
                }
            }
        }
        Ok(Ground { version: version(), places })
    }
}

/// Puts the fences around this process, and all that it starts.
///
/// # Errors
/// What the kernel would not do, in words.
pub(super) fn restrict<F: AsFd>(ground: Ground, files: &Files<'_, F>) -> Result<(), String> {
    let all = AccessFs::from_all(abi(ground.version));
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = ruleset(ground.version, files.network)?;
    for Place { path, fd, is_folder, access } in &ground.places {
        rules = allow(rules, path, fd, *is_folder, all & *access)?;
    }
    for path in files.read {
        if let Some((fd, is_folder)) = open(path)? {
            rules = allow(rules, path, &fd, is_folder, read)?;
        }
    }
    for file in &files.programs {
        rules = allow(rules, "the program", *file, false, AccessFs::ReadFile | AccessFs::Execute)?;
    }
    if let Some((folder, writes)) = files.folder {
        // Neither programs nor devices nor sockets are made in it.
        let never =
            AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeSock | AccessFs::IoctlDev;
        let access = if writes { all & !never } else { read };
        rules = allow(rules, "the working folder", folder, true, access)?;
    }
    let status = rules.restrict_self().map_err(|e| e.to_string())?;
    if status.ruleset != landlock::RulesetStatus::FullyEnforced {
        return Err("the kernel holds only a part of it".to_owned());
    }
    Ok(())
}

/// Opens what is at `path`, if anything is, and tells whether that is a folder.
fn open(path: &str) -> Result<Option<(OwnedFd, bool)>, String> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let Ok(fd) = rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS) else {
        return Ok(None);
    };
    let stat = rustix::fs::fstat(&fd).map_err(|e| format!("`{path}`: {e}"))?;
    Ok(Some((fd, FileType::from_raw_mode(stat.st_mode) == FileType::Directory)))
}

/// Allows what was opened, and what is beneath it.
fn allow(
    rules: RulesetCreated,
    path: &str,
    fd: &impl AsFd,
    is_folder: bool,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, String> {
    let access = if is_folder { access } else { access & AccessFs::from_file(ABI::V6) };
    rules.add_rule(PathBeneath::new(fd.as_fd(), access)).map_err(|e| format!("`{path}`: {e}"))
}
