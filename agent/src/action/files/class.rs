//! What a file is by its name, its place and its owner: private, something that starts programs, or Steward's own.
//!
//! Lists of names and places only; whether it is asked about is the policy's business. The paths are absolute and without links.

use std::path::{Path, PathBuf};

use rustix::fs::Stat;
use steward_policy::Risk;

/// Folders of Steward's own, whoever's: policies, configuration, state, sockets. Beneath a home they have other names, below.
const OWN: [&str; 5] = ["/etc/steward", "/usr/share/steward", "/usr/lib/steward", "/var/lib/steward", "/run/steward"];
/// The same in a home.
const OWN_AT_HOME: [&str; 4] = [".config/steward", ".local/state/steward", ".local/share/steward", ".cache/steward"];

/// Names of files with secrets in them, wherever they lie, in lower case.
const SECRET_NAMES: [&str; 24] = [
    "shadow",
    "shadow-",
    "gshadow",
    "gshadow-",
    "sudoers",
    ".netrc",
    ".pgpass",
    ".my.cnf",
    ".git-credentials",
    ".env",
    ".envrc",
    ".htpasswd",
    ".npmrc",
    ".pypirc",
    ".vault-token",
    ".dockercfg",
    "authorized_keys",
    "known_hosts",
    "credentials",
    "cookies.sqlite",
    "key4.db",
    "logins.json",
    "login data",
    "random-seed",
];
/// Parts of such names.
const SECRET_PARTS: [&str; 9] =
    ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "password", "passwd", "secret", "credential", "token"];
/// Their endings.
const SECRET_ENDS: [&str; 14] = [
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    ".jks",
    ".keystore",
    ".kdb",
    ".kdbx",
    ".asc",
    ".gpg",
    ".ovpn",
    ".keytab",
    ".ppk",
    "_history",
];
/// Places with secrets in them.
const SECRET_PLACES: [&str; 15] = [
    "/etc/ssl/private",
    "/etc/ssh",
    "/etc/sudoers.d",
    "/etc/NetworkManager/system-connections",
    "/etc/wireguard",
    "/etc/openvpn",
    "/etc/ppp",
    "/etc/krb5.keytab",
    "/etc/security/opasswd",
    "/var/lib/NetworkManager",
    "/var/lib/bluetooth",
    "/var/lib/private",
    "/var/spool/cron",
    "/var/lib/sss",
    "/run/user",
];
/// The same in a home.
const SECRET_AT_HOME: [&str; 30] = [
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".docker",
    ".password-store",
    ".pki",
    ".mozilla",
    ".thunderbird",
    ".config/gh",
    ".config/gcloud",
    ".config/hub",
    ".config/op",
    ".config/chromium",
    ".config/google-chrome",
    ".config/BraveSoftware",
    ".config/microsoft-edge",
    ".config/rclone",
    ".config/sops",
    ".config/age",
    ".config/Signal",
    ".config/Slack",
    ".local/share/keyrings",
    ".local/share/kwalletd",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".m2",
    ".terraform.d",
    ".electrum",
];

/// Names that something starts programs by, wherever they lie, in lower case.
const STARTS_NAMES: [&str; 22] = [
    "authorized_keys",
    "crontab",
    ".envrc",
    ".gitconfig",
    ".gitmodules",
    ".gitattributes",
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".bash_aliases",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".zlogin",
    ".xinitrc",
    ".xsession",
    ".xprofile",
    ".xsessionrc",
    ".pam_environment",
    "environment",
];
/// Endings of units (systemd.unit(5)), of desktop entries, and of what is loaded into programs.
const STARTS_ENDS: [&str; 13] = [
    ".desktop",
    ".service",
    ".socket",
    ".timer",
    ".path",
    ".mount",
    ".automount",
    ".target",
    ".slice",
    ".swap",
    ".so",
    ".pth",
    ".directory",
];
/// Folders with what tools run by themselves, wherever they lie.
const STARTS_FOLDERS: [&str; 9] =
    [".git", ".githooks", ".husky", ".vscode", ".idea", ".direnv", "autostart", "cron.d", "units"];
/// Folders of the system: programs, their libraries and their configuration.
const SYSTEM: [&str; 8] = ["/usr", "/etc", "/opt", "/run", "/var/lib", "/var/spool", "/var/log", "/var/www"];
/// What the machine does not start or cannot be repaired without, or what decides who may do what.
const VITAL: [&str; 26] = [
    "/boot",
    "/efi",
    "/dev",
    "/proc",
    "/sys",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libexec",
    "/etc/passwd",
    "/etc/group",
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/pam.d",
    "/etc/ld.so.preload",
    "/etc/fstab",
    "/etc/crypttab",
];
/// Beneath `/dev`, and no device: files in memory, in a folder that everybody may write to (shm_overview(7)).
const SHARED_MEMORY: &str = "/dev/shm/";
/// The same, by what a path begins with: variants such as `/etc/shadow-` and `/etc/ld.so.conf.d`.
const VITAL_BEGINS: [&str; 6] =
    ["/etc/shadow", "/etc/gshadow", "/etc/ld.so", "/etc/polkit-1/", "/etc/security/", "/etc/ssh/"];

/// Where a path is, for those who judge it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places<'a> {
    /// The home of the represented user.
    pub(super) home: Option<&'a str>,
    /// Files and folders of this very agent.
    pub(super) own: &'a [PathBuf],
    /// Folders that programs are looked for in.
    pub(super) programs: &'a [PathBuf],
}

/// What follows a beginning of a path. Case makes no difference: there are file systems where it makes none.
fn after<'p>(path: &'p str, begins: &str) -> Option<&'p str> {
    let (head, rest) = path.split_at_checked(begins.len())?;
    head.eq_ignore_ascii_case(begins).then_some(rest)
}

/// What follows a home folder in a path: the represented user's, or as homes are usually named.
fn at_home<'p>(path: &'p str, home: Option<&str>) -> Option<&'p str> {
    let own = home.filter(|h| *h != "/" && !h.is_empty()).and_then(|h| after(path, h.trim_end_matches('/')));
    let usual = || after(path, "/home/").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    let root = || after(path, "/root").filter(|r| r.starts_with('/'));
    own.filter(|r| r.starts_with('/')).or_else(usual).or_else(root).map(|r| r.trim_start_matches('/'))
}

fn beneath(path: &str, folder: &str) -> bool {
    after(path, folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn name_of(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_lowercase()
}

impl Places<'_> {
    /// Whether a path is Steward's own: its policies, its state, its audit log, its configuration or its sockets.
    pub(super) fn is_own(&self, path: &str) -> bool {
        let own = |own: &PathBuf| match own.to_str() {
            // What is rotated, replaced or locked has the name with an ending.
            Some(own) => after(path, own).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.', '-', '~'])),
            None => Path::new(path).starts_with(own),
        };
        self.own.iter().any(own)
            || OWN.iter().any(|o| beneath(path, o))
            || at_home(path, self.home).is_some_and(|rest| OWN_AT_HOME.iter().any(|o| beneath(rest, o)))
            || after(path, "/run/user/").is_some_and(|rest| rest.split('/').nth(1) == Some("steward"))
    }

    /// Why a file's content is nobody else's business, if it is not.
    pub(super) fn private(&self, path: &str) -> Option<&'static str> {
        let name = name_of(path);
        if self.is_own(path) {
            return Some("it is Steward's own");
        }
        if SECRET_PLACES.iter().any(|p| beneath(path, p))
            || at_home(path, self.home).is_some_and(|rest| SECRET_AT_HOME.iter().any(|p| beneath(rest, p)))
        {
            return Some("keys, passwords or messages lie there");
        }
        let named = SECRET_NAMES.contains(&name.as_str())
            || SECRET_ENDS.iter().any(|e| name.ends_with(e))
            || SECRET_PARTS.iter().any(|p| name.contains(p)) && path != "/etc/passwd"
            || name.starts_with(".env.");
        named.then_some("it is named like a file with a secret")
    }

    /// How bad it can be to write a file, by its path alone, and why.
    pub(super) fn writing(&self, path: &str) -> (Risk, Option<&'static str>) {
        let name = name_of(path);
        let vital = |v: &&str| beneath(path, v) && !path.starts_with(SHARED_MEMORY);
        if VITAL.iter().any(vital) || VITAL_BEGINS.iter().any(|v| after(path, v).is_some()) {
            return (Risk::Critical, Some("the machine may not start without it, or it decides who may do what"));
        }
        let starts = Some("what is written there is started by something else");
        let parts = || path.split('/').map(str::to_lowercase);
        if STARTS_NAMES.contains(&name.as_str())
            || STARTS_ENDS.iter().any(|e| name.ends_with(e))
            || parts()
                .any(|p| STARTS_FOLDERS.contains(&p.as_str()) || p.ends_with(".wants") || p.ends_with(".service.d"))
        {
            return (Risk::Destructive, starts);
        }
        if self.programs.iter().any(|p| Path::new(path).starts_with(p)) {
            return (Risk::Destructive, Some("programs are looked for there"));
        }
        if let Some(rest) = at_home(path, self.home)
            && (rest.starts_with('.') || beneath(rest, "bin"))
        {
            return (Risk::Destructive, Some("hidden files of a home have what starts programs, and how they behave"));
        }
        if SYSTEM.iter().any(|s| beneath(path, s)) {
            return (Risk::Destructive, Some("it belongs to the system"));
        }
        (Risk::Reversible, None)
    }
}

/// Why what is in a file may be somebody else's, by its owner and mode: others may not read it, or it has another name that no rule
/// sees.
pub(super) fn private_by_mode(stat: &Stat, uid: u32) -> Option<(Risk, &'static str)> {
    if stat.st_uid != uid && stat.st_mode & 0o004 == 0 {
        return Some((Risk::Destructive, "it is somebody else's, and not for everybody to read"));
    }
    // A rule about the other name does not see this one (protected_hardlinks of proc_sys_fs(5) guards the same).
    (stat.st_nlink > 1).then_some((Risk::Disruptive, "it has another name too, which is not known"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(own: &[PathBuf]) -> Places<'_> {
        Places { home: Some("/home/sam"), own, programs: &[] }
    }

    #[test]
    fn files_with_secrets_are_private_by_name_or_place() {
        let own = [PathBuf::from("/srv/agent/state")];
        let places = places(&own);
        for private in [
            "/etc/shadow",
            "/etc/shadow-",
            "/etc/ssh/ssh_host_ed25519_key",
            "/etc/NetworkManager/system-connections/home.nmconnection",
            "/home/sam/.ssh/id_ed25519",
            "/home/sam/.ssh/config",
            "/home/other/.gnupg/x",
            "/root/.aws/credentials",
            "/home/sam/project/.env",
            "/home/sam/project/.env.local",
            "/home/sam/project/server.KEY",
            "/home/sam/wallet.kdbx",
            "/home/sam/.bash_history",
            "/home/sam/api_token.txt",
            "/home/sam/Passwords.txt",
            "/home/sam/.config/steward/policy.d/x.toml",
            "/home/sam/.local/state/steward/audit/audit.jsonl",
            "/srv/agent/state/journal.jsonl",
            "/run/user/1000/steward/agent.sock",
            "/var/lib/steward/x",
        ] {
            assert!(places.private(private).is_some(), "{private}");
        }
        for open in [
            "/etc/passwd",
            "/etc/hosts",
            "/home/sam/letter.txt",
            "/tmp/x",
            "/home/sam/keynote.txt",
            "/srv/agent/stated",
        ] {
            assert_eq!(places.private(open), None, "{open}");
        }
    }

    #[test]
    fn what_starts_programs_is_destructive_to_write_and_what_the_machine_stands_on_critical() {
        let programs = [PathBuf::from("/data/tools")];
        let places = Places { programs: &programs, ..places(&[]) };
        for path in [
            "/home/sam/.config/autostart/x.desktop",
            "/home/sam/.config/systemd/user/x.service",
            "/home/sam/.bashrc",
            "/home/sam/.ssh/authorized_keys",
            "/home/sam/.local/bin/ls",
            "/home/sam/bin/ls",
            "/home/other/.profile",
            "/root/.profile",
            "/home/sam/project/.git/hooks/pre-commit",
            "/home/sam/project/.GIT/config",
            "/tmp/x/.envrc",
            "/tmp/x.desktop",
            "/tmp/X.Service",
            "/home/sam/units/default.target.wants/x",
            "/etc/systemd/system/x.service",
            "/etc/cron.d/x",
            "/etc/hosts",
            "/usr/local/bin/x",
            "/opt/x/y",
            "/var/spool/cron/crontabs/sam",
            "/data/tools/x",
        ] {
            assert_eq!(places.writing(path).0, Risk::Destructive, "{path}");
        }
        for path in [
            "/boot/x",
            "/etc/shadow",
            "/etc/shadow-",
            "/etc/ld.so.preload",
            "/etc/sudoers.d/x",
            "/usr/bin/x",
            "/dev/shm",
            "/dev/shmx",
            "/dev/Shm/x",
            "/proc/x",
        ] {
            assert_eq!(places.writing(path).0, Risk::Critical, "{path}");
        }
        for path in [
            "/tmp/x",
            "/home/sam/letter.txt",
            "/home/sam/a/b.txt",
            "/data/x",
            "/var/tmp/x",
            "/dev/shm/x",
            "/home/sam/servicebook.txt",
        ] {
            assert_eq!(places.writing(path).0, Risk::Reversible, "{path}");
        }
    }

    #[test]
    fn what_is_stewards_own_is_known_under_every_ending() {
        let own = [PathBuf::from("/srv/s/policy.toml"), PathBuf::from("/srv/s/audit.jsonl")];
        let places = places(&own);
        for path in [
            "/srv/s/policy.toml",
            "/srv/s/audit.jsonl.1",
            "/srv/s/audit.jsonl.new",
            "/home/sam/.config/steward",
            "/home/sam/.Config/Steward/policy.d/x.toml",
            "/srv/S/policy.toml",
            "/home/sam/.config/steward/config.toml",
            "/etc/steward/policy.d/10.toml",
            "/run/user/7/steward/x",
        ] {
            assert!(places.is_own(path), "{path}");
        }
        for path in [
            "/srv/s/other",
            "/srv/s/policy.tomlx",
            "/home/sam/.config/stewardess",
            "/etc/stewards",
            "/run/user/7/x/steward",
        ] {
            assert!(!places.is_own(path), "{path}");
        }
    }
}
