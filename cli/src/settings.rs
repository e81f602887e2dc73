//! What was said about where the agent is: flags over environment over the usual places.

use std::path::{Path, PathBuf};
use std::time::Duration;

use steward_agent::audit::Place;
use steward_agent::clock::Clock;
use steward_agent::config::{Places, SYSTEM_SOCKET};
use steward_agent::core::Setup;
use steward_agent::policy_files::Roots;
use steward_agent::server::SocketSpec;
use steward_agent::services::{Machine, Mode};

use crate::args::Global;
use crate::connection::Fault;

/// How long the command waits for another one that has the state folder.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Where things are.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The socket that was named.
    pub(crate) socket: Option<PathBuf>,
    /// The state folder that was named.
    state_dir: Option<PathBuf>,
    /// The policy files that were named.
    pub(crate) policy: Vec<PathBuf>,
}

impl Settings {
    /// Takes what was said. Empty values are the same as none.
    pub(crate) fn of(global: &Global) -> Settings {
        let said = |text: &Option<String>| text.clone().filter(|t| !t.is_empty());
        // The daemon takes NAME=PATH, and the same variable is for both.
        let socket = said(&global.socket).and_then(|s| s.parse::<SocketSpec>().ok()).map(|s| s.path);
        let policy = global.policy.iter().filter(|p| !p.is_empty()).map(PathBuf::from).collect();
        Settings { socket, state_dir: said(&global.state_dir).map(PathBuf::from), policy }
    }

    /// Whether a state folder or a policy was named: then the agent is meant that uses them, which is this process.
    pub(crate) fn names_an_agent_of_its_own(&self) -> bool {
        self.state_dir.is_some() || !self.policy.is_empty()
    }

    /// The socket that was named, when the files of the daemon behind it were not.
    pub(crate) fn socket_alone(&self) -> Option<&Path> {
        self.socket.as_deref().filter(|_| self.state_dir.is_none())
    }

    /// The sockets to look at when none was named.
    pub(crate) fn usual_sockets() -> Vec<PathBuf> {
        let own = Places::of(Mode::User).ok().and_then(|p| p.socket);
        own.into_iter().chain([PathBuf::from(SYSTEM_SOCKET)]).collect()
    }

    /// Whether `state` is the folder that is used when none is named.
    pub(crate) fn is_usual_state(state: &Path) -> bool {
        Places::of(Mode::User).is_ok_and(|p| p.state == state)
    }

    /// The state folder.
    ///
    /// # Errors
    /// When there is no home folder and none was named.
    pub(crate) fn state(&self) -> Result<PathBuf, Fault> {
        match &self.state_dir {
            Some(dir) => Ok(dir.clone()),
            None => Ok(Places::of(Mode::User).map_err(|e| Fault::Usage(e.to_string()))?.state),
        }
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        let usual = Places::of(Mode::User).map(|p| p.config);
        usual.unwrap_or_else(|_| self.state_dir.clone().unwrap_or_default().join("config.toml"))
    }

    /// Where the policy files of a person's agent are, or those of the machine's.
    pub(crate) fn roots(&self, mode: Mode) -> Roots {
        let uid = rustix::process::geteuid().as_raw();
        let config = match mode {
            Mode::System => return Roots::of_the_system(self.policy.clone(), uid),
            Mode::User => Places::of(mode).ok().map(|p| p.config),
        };
        let config_home = config.as_deref().and_then(Path::parent).and_then(Path::parent);
        Roots::usual(config_home, self.policy.clone(), uid)
    }

    /// Where the audit log is; `file` is another one than the state folder's.
    ///
    /// # Errors
    /// As [`Settings::state`].
    pub(crate) fn audit(&self, file: Option<&Path>) -> Result<Place, Fault> {
        let state = self.state()?;
        Ok(match file {
            Some(file) => Place::of_file(file, &state),
            None => Place::in_state(&state),
        })
    }

    /// What the agent inside this process is started with.
    ///
    /// # Errors
    /// As [`Settings::state`].
    pub(crate) fn setup(&self) -> Result<Setup, Fault> {
        Ok(Setup {
            mode: Mode::User,
            state: self.state()?,
            config: self.config(),
            policy: self.roots(Mode::User),
            audit: None,
            clock: Clock::system(),
            wait: LOCK_WAIT,
            note: "the command steward".to_owned(),
            machine: Machine::this(),
        })
    }
}
