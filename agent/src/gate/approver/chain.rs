//! The chain of processes from one that asks or answers up to pid 1, as it was at that moment.

use std::io;

use serde::{Deserialize, Serialize};

use crate::caller::proc::{Cgroup, Process, Stat};
use crate::caller::{Caller, Door, Unknown};

/// The longest chain that is followed. Deep ones in daily use have about twenty links.
const MAX_LINKS: usize = 64;
/// How often a chain is read again when a parent ended meanwhile.
const MAX_TRIES: usize = 3;

/// One process of a chain. It is identified by `(pid, start_time)` within one boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The process id.
    pub pid: u32,
    /// When it started, in clock ticks (1/100 s) since boot.
    pub start_time: u64,
    /// Its program; `None` where the agent may not read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// Whether the program is root's own file, writable by root only, and the agent sees the same file under that path.
    #[serde(default)]
    pub exe_root_owned: bool,
    /// Where the program may not be read: the command name, if every uid of the process is root's. An agent that runs as
    /// its user may not read the programs of root (ptrace(2)), and `sshd` and `login` are such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_comm: Option<String>,
    /// The device number of its controlling terminal, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<u32>,
    /// Its control group; `None` when it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<Cgroup>,
}

impl Link {
    /// Whether both are the same process.
    pub fn is(&self, other: &Link) -> bool {
        (self.pid, self.start_time) == (other.pid, other.start_time)
    }

    fn read(process: &Process, stat: &Stat) -> Link {
        let exe = process.exe();
        let all_root = || process.uids().is_some_and(|uids| uids == [0; 4]);
        Link {
            pid: stat.pid,
            start_time: stat.start_time,
            root_comm: (exe.is_none() && all_root()).then(|| stat.comm.clone()),
            exe_root_owned: exe.as_ref().is_some_and(|exe| exe.root_owned),
            exe: exe.map(|exe| exe.path),
            tty: stat.tty,
            cgroup: process.cgroup(),
        }
    }
}

/// Why there is no chain. Without one nobody approves at `desktop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The process itself cannot be looked at.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// A parent lives outside this pid namespace.
    #[error("a parent of the calling process is outside this container")]
    Outside,
    /// Parents ended faster than they could be read.
    #[error("the parents of the calling process kept changing")]
    Moved,
    /// More than 64 processes lie between it and pid 1.
    #[error("the calling process has too many parents")]
    TooDeep,
}

/// Whether a process is in the agent's own user namespace. Sandboxes that need no privilege make a new one for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserNamespace {
    /// It is.
    Shared,
    /// It is not; or it hides that although it has the agent's uid.
    Apart,
    /// It is another user's process, which the agent may not look into.
    Unknown,
}

impl UserNamespace {
    fn of(process: &Process, uid: u32) -> UserNamespace {
        match process.shares_users() {
            Some(true) => UserNamespace::Shared,
            Some(false) => UserNamespace::Apart,
            None if uid == rustix::process::geteuid().as_raw() => UserNamespace::Apart,
            None => UserNamespace::Unknown,
        }
    }
}

/// A process and its parents up to pid 1. It is stored with a held request, since whoever asked may be gone when somebody
/// answers. It holds for one boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// The caller's uid.
    pub uid: u32,
    /// The door that the caller came in by.
    pub door: Door,
    /// Whether the process is in a sandbox of its own.
    pub users: UserNamespace,
    /// The process itself first, pid 1 last.
    pub links: Vec<Link>,
}

impl Chain {
    /// Reads the chain of `caller` from `/proc`. Behind a pipe stands whoever started this process, so the chain is this
    /// process's own.
    ///
    /// # Errors
    /// When a process of it is gone, hidden or out of reach; see [`ChainError`].
    pub fn of(caller: &Caller) -> Result<Chain, ChainError> {
        for _ in 0..MAX_TRIES {
            match caller.look(|process| Ok((UserNamespace::of(process, caller.uid()), follow(process))))? {
                (_, Err(ChainError::Moved)) => {}
                (users, links) => return Ok(Chain { uid: caller.uid(), door: caller.door(), users, links: links? }),
            }
        }
        Err(ChainError::Moved)
    }
}

/// From `first` to pid 1. A parent is believed when its child still has that parent after the parent's folder in `/proc`
/// was opened: a parent that ends hands its children on before its number is free.
fn follow(first: &Process) -> Result<Vec<Link>, ChainError> {
    let unreadable = |_: io::Error| ChainError::Unknown(Unknown::Unreadable);
    let mut links: Vec<Link> = Vec::new();
    let mut opened: Option<Process> = None;
    loop {
        let process = opened.as_ref().unwrap_or(first);
        let moved =
            |_: io::Error| if links.is_empty() { ChainError::Unknown(Unknown::Gone) } else { ChainError::Moved };
        let stat = process.stat().map_err(moved)?;
        if stat.is_dead() {
            return Err(if links.is_empty() { ChainError::Unknown(Unknown::Gone) } else { ChainError::Moved });
        }
        let link = Link::read(process, &stat);
        if stat.pid == 1 {
            links.push(link);
            return Ok(links);
        }
        if stat.parent == 0 {
            return Err(ChainError::Outside);
        }
        let parent = Process::open(stat.parent);
        let again = process.stat().map_err(moved)?;
        if (again.parent, again.start_time) != (stat.parent, stat.start_time) {
            return Err(ChainError::Moved);
        }
        links.push(link);
        if links.len() == MAX_LINKS {
            return Err(ChainError::TooDeep);
        }
        opened = Some(parent.map_err(unreadable)?);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_of_this_process_ends_at_pid_1_and_survives_the_journal() {
        let chain = Chain::of(&Caller::this_process(Door::Command)).expect("it runs");
        assert_eq!(chain.links.first().map(|l| l.pid), Some(std::process::id()));
        assert_eq!(chain.links.last().map(|l| l.pid), Some(1));
        let line = serde_json::to_string(&chain).expect("writes");
        assert_eq!(serde_json::from_str::<Chain>(&line).expect("reads"), chain);
    }

    #[test]
    fn the_chain_behind_a_pipe_is_the_daemons_own() {
        let chain = Chain::of(&Caller::own(Door::Stdio)).expect("it runs");
        assert_eq!((chain.door, chain.links[0].pid), (Door::Stdio, std::process::id()));
    }
}
