//! What actions act through: the machine as this agent may use it, and the request that it is done for.

use std::sync::Arc;

use steward_ipc::Code;

use crate::backend::bus::Bus;
use crate::backend::package::Manager;
use crate::caller::Caller;
use crate::memory::Memory;
use crate::reply::Failure;

/// Whether the agent belongs to a person or to the machine. Chosen by a flag, never by uid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Runs as a person, in that person's session.
    User,
    /// Runs for the whole machine.
    System,
}

/// The machine as this agent may use it.
#[derive(Debug)]
pub struct Services {
    /// For whom the agent runs.
    pub mode: Mode,
    /// The agent's own uid.
    pub uid: u32,
    /// The home folder of the represented user.
    pub home: Option<String>,
    /// The notes.
    pub memory: Memory,
    /// The package manager.
    pub packages: Manager,
    /// The system bus, connected when it is first needed.
    pub bus: Bus,
}

/// One request's view of the machine.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The machine.
    pub services: &'a Services,
    /// Who asks.
    pub caller: &'a Arc<Caller>,
    /// Whose request it is: the uid that owns the notes, receipts and confirmations.
    pub owner: u32,
    /// Told what is going on while an action takes long.
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
}

/// How far a long action is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Progress {
    /// How much is done, from 0 to 100; absent when it cannot be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// What is being done, in words.
    pub text: String,
}

impl Context<'_> {
    /// Refuses actions on a person's files or session where the agent does not run as that person.
    ///
    /// # Errors
    /// `unavailable`, with what to use instead.
    pub fn personal(&self) -> Result<(), Failure> {
        if self.services.mode == Mode::User || self.owner == self.services.uid {
            return Ok(());
        }
        Err(Failure::new(
            Code::Unavailable,
            "the system service does not act on a person's files or session; use the user service",
        ))
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("owner", &self.owner).finish_non_exhaustive()
    }
}
