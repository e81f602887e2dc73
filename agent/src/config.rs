//! `config.toml`, and where files are. Flags over environment over configuration over default.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::io::Errno;
use serde::Deserialize;

use crate::action::Action;
use crate::backend::package::ManagerName;
use crate::gate::Quotas;
use crate::services::Mode;

/// The largest configuration file, in bytes.
const MAX_CONFIG: u64 = 256 * 1024;

/// The bits of a mode by which others than the owner may write.
const GROUP_OR_OTHER_WRITE: u32 = 0o022;

/// The configuration. Unknown keys are errors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The version of this form, 1.
    pub version: u32,
    /// How long each action may take, in seconds, by its name; a change of packages before its first change.
    #[serde(default)]
    pub deadline: BTreeMap<String, u32>,
    /// Package managers.
    #[serde(default)]
    pub package: PackageConfig,
    /// The audit log.
    #[serde(default)]
    pub audit: AuditConfig,
    /// Held requests.
    #[serde(default)]
    pub confirm: Quotas,
    /// Languages that sentences are understood in beside English, by their codes; without it, that of the locale.
    #[serde(default)]
    pub languages: Option<Vec<String>>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            version: 1,
            deadline: BTreeMap::new(),
            package: PackageConfig::default(),
            audit: AuditConfig::default(),
            confirm: Quotas::default(),
            languages: None,
        }
    }
}

/// Package managers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PackageConfig {
    /// Which may be used, in this order: at each request the first that can be used here and now. Those that are not here are
    /// skipped.
    pub managers: Vec<ManagerName>,
    /// How long the lock of another package manager is waited for, in seconds.
    pub lock_wait: u32,
}

impl Default for PackageConfig {
    fn default() -> PackageConfig {
        PackageConfig { managers: ManagerName::ORDER.to_vec(), lock_wait: 60 }
    }
}

/// The audit log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// At which size a file is rotated, in bytes.
    pub rotate_bytes: u64,
    /// How many rotated files are kept; 0, the default, for all. With any other number whoever asks often enough decides
    /// how far back the log goes.
    pub keep: u32,
}

impl Default for AuditConfig {
    fn default() -> AuditConfig {
        AuditConfig { rotate_bytes: 5 << 20, keep: 0 }
    }
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is wrong.
    #[error("{path}: {message}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        message: String,
    },
    /// No folder can be found to keep state in.
    #[error("no home folder: set HOME, or give --state-dir and --socket")]
    NoHome,
}

impl Config {
    /// Reads the file at `path`; the defaults when there is none.
    ///
    /// # Errors
    /// When it is there and cannot be used: it must be a regular file and no link, belong to root or to this process's uid, and
    /// nobody else may be able to write it.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let read = |source| ConfigError::Read { path: path.to_owned(), source };
        let wrong = |message| ConfigError::Wrong { path: path.to_owned(), message };
        // NONBLOCK, so that a FIFO cannot hold up the start.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match rustix::fs::open(path, flags, rustix::fs::Mode::empty()) {
            Ok(file) => std::fs::File::from(file),
            Err(Errno::NOENT) => return Ok(Config::default()),
            Err(Errno::LOOP) => return Err(wrong("is a link; the configuration is read without following one".into())),
            Err(e) => return Err(read(e.into())),
        };
        let there = file.metadata().map_err(read)?;
        if !there.is_file() {
            return Err(wrong("is not a regular file".into()));
        }
        let own = rustix::process::geteuid().as_raw();
        if ![0, own].contains(&there.uid()) {
            return Err(wrong(format!("belongs to uid {}; it must belong to uid 0 or {own}", there.uid())));
        }
        let mode = there.mode() & 0o7777;
        if mode & GROUP_OR_OTHER_WRITE != 0 {
            return Err(wrong(format!("can be written by group or others (mode {mode:04o}); chmod go-w it")));
        }
        let mut text = String::new();
        file.take(MAX_CONFIG + 1).read_to_string(&mut text).map_err(read)?;
        if text.len() as u64 > MAX_CONFIG {
            return Err(read(std::io::ErrorKind::FileTooLarge.into()));
        }
        Config::parse(&text).map_err(wrong)
    }

    /// Reads the text of a configuration.
    ///
    /// # Errors
    /// What is wrong, with line and column.
    pub fn parse(text: &str) -> Result<Config, String> {
        let config: Config = toml::from_str(text).map_err(|e| e.to_string())?;
        if config.version != 1 {
            return Err(format!("version {} is not known; this program reads version 1", config.version));
        }
        if let Some(name) = config.deadline.keys().find(|n| crate::action::entry(n).is_none_or(|e| e.meta)) {
            let near = crate::action::near(name);
            let hint = near.first().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            return Err(format!("[deadline]: no action is named `{name}`{hint}"));
        }
        let languages = config.languages.iter().flatten();
        if let Some(code) = languages.into_iter().find(|c| !steward_interpret::languages().any(|known| known == *c)) {
            let known: Vec<&str> = steward_interpret::languages().collect();
            return Err(format!("`languages`: `{code}` is not one of {}", known.join(", ")));
        }
        if config.package.managers.is_empty() {
            return Err("[package]: `managers` is empty; leave it out for the default".to_owned());
        }
        Ok(config)
    }

    /// How long `action` may take.
    pub fn deadline(&self, action: &Action) -> Duration {
        let configured = self.deadline.get(action.name()).map(|s| Duration::from_secs(u64::from(*s).max(1)));
        configured.unwrap_or_else(|| action.deadline())
    }
}

/// Where files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The configuration file.
    pub config: PathBuf,
    /// The folder of the user's configuration, which `steward/policy.d` lies in; none for the system service.
    pub config_home: Option<PathBuf>,
    /// The state folder.
    pub state: PathBuf,
    /// The default socket; none when there is no runtime folder.
    pub socket: Option<PathBuf>,
    /// The default socket for action plans; none when there is no runtime folder.
    pub plan_socket: Option<PathBuf>,
}

/// The system service's socket.
pub const SYSTEM_SOCKET: &str = "/run/steward/agent.sock";

impl Places {
    /// The places of a mode (XDG Base Directory Specification for a user, FHS for the system).
    ///
    /// # Errors
    /// When a user has no home folder.
    pub fn of(mode: Mode) -> Result<Places, ConfigError> {
        if mode == Mode::System {
            return Ok(Places {
                config: "/etc/steward/config.toml".into(),
                config_home: None,
                state: "/var/lib/steward".into(),
                socket: Some(SYSTEM_SOCKET.into()),
                plan_socket: Some("/run/steward/plan.sock".into()),
            });
        }
        let dirs = directories::BaseDirs::new().ok_or(ConfigError::NoHome)?;
        let config = dirs.config_dir().join("steward");
        let state = dirs.state_dir().ok_or(ConfigError::NoHome)?.join("steward");
        Ok(Places {
            config_home: Some(dirs.config_dir().to_owned()),
            config: config.join("config.toml"),
            state,
            socket: dirs.runtime_dir().map(|r| r.join("steward/agent.sock")),
            plan_socket: dirs.runtime_dir().map(|r| r.join("steward/plan.sock")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_configuration_that_others_could_have_written_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let write = |name: &str, mode| {
            std::fs::write(path(name), "version = 1\n").unwrap();
            std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        write("good", 0o644);
        write("group", 0o664);
        write("others", 0o646);
        write("foreign", 0o644);
        symlink(path("good"), path("link")).unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, path("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(Config::read(&path("good")).is_ok());
        assert!(Config::read(&path("nowhere")).is_ok());
        let mut bad = vec![
            ("group", "mode 0664"),
            ("others", "mode 0646"),
            ("link", "is a link"),
            ("folder", "is not a regular file"),
            ("fifo", "is not a regular file"),
        ];
        // Only root can give a file away.
        if std::os::unix::fs::chown(path("foreign"), Some(61_000), None).is_ok() {
            bad.push(("foreign", "belongs to uid 61000"));
        }
        for (name, why) in bad {
            let said = Config::read(&path(name)).unwrap_err().to_string();
            assert!(said.contains(why) && said.contains(name), "{name}: {said}");
        }
    }
}
