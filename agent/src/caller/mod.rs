//! Who asks: the caller, from the kernel or the door, never from the bytes.
//!
//! A connection costs one `SO_PEERCRED` (unix(7)). Everything else about the process is read from `/proc` when somebody
//! asks for it, once, and no descriptor is kept for it. Nothing here judges.

pub mod proc;
mod talk;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;

use proc::{Cgroup, Process};
pub use talk::Talk;

/// Clock ticks in a second as `/proc` counts them (`USER_HZ`, proc_pid_stat(5)).
const TICKS_PER_SECOND: u64 = 100;
/// The uid that stands for one without a mapping, where `/proc/sys/kernel/overflowuid` cannot be read.
const DEFAULT_OVERFLOW_UID: u32 = 65534;

/// The way a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// Lines of JSON over a Unix socket.
    Ndjson,
    /// Lines of JSON over standard input and output, where nobody knows who is at the other end.
    Stdio,
    /// Action plans, a document a connection.
    Plan,
    /// The command `steward` with the agent inside its own process.
    Command,
}

impl Door {
    /// The name in policies, audit records and documents.
    pub fn name(self) -> &'static str {
        match self {
            Door::Ndjson => "ndjson",
            Door::Stdio => "stdio",
            Door::Plan => "plan",
            Door::Command => "command",
        }
    }
}

/// What is known of a process beyond its numbers. Whatever could not be read, or could be another process's, is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessFacts {
    /// The absolute path of its program. The same uid can forge it.
    pub exe: Option<String>,
    /// Its system unit, such as `ssh.service` or `session-3.scope`.
    pub unit: Option<String>,
    /// Its unit in the user manager. The same uid can forge it.
    pub user_unit: Option<String>,
    /// The device number of its controlling terminal; `None` also when it has none.
    pub tty: Option<u32>,
    /// Its control group.
    pub cgroup: Option<Cgroup>,
    /// When it started, in clock ticks since boot. Known whenever anything here is.
    pub start_time: Option<u64>,
    /// The logind session, such as `3` or `c1`: from the control group, else the audit session, whose number logind uses.
    pub session: Option<String>,
}

impl ProcessFacts {
    /// Whether the process was there to be read.
    pub fn are_known(&self) -> bool {
        self.start_time.is_some()
    }

    fn read(process: &Process) -> io::Result<ProcessFacts> {
        let stat = process.stat()?;
        let cgroup = process.cgroup();
        let own = |name: Option<&str>| name.map(str::to_owned);
        let session = own(cgroup.as_ref().and_then(Cgroup::session));
        Ok(ProcessFacts {
            exe: process.exe_path(),
            unit: own(cgroup.as_ref().and_then(Cgroup::unit)),
            user_unit: own(cgroup.as_ref().and_then(Cgroup::user_unit)),
            tty: stat.tty,
            start_time: Some(stat.start_time),
            session: session.or_else(|| process.audit_session().map(|id| id.to_string())),
            cgroup,
        })
    }
}

/// Why a caller's process cannot be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// It lives in another pid namespace, or its uid has no name here.
    #[error("the caller is outside this machine's namespaces")]
    Foreign,
    /// It connected and ended, or its number may belong to another process now.
    #[error("the calling process is gone")]
    Gone,
    /// `/proc` does not show it.
    #[error("the calling process cannot be read in /proc")]
    Unreadable,
}

/// Who asks.
#[derive(Debug)]
pub struct Caller {
    uid: u32,
    gid: u32,
    pid: u32,
    door: Door,
    socket: Option<Arc<str>>,
    origin: Origin,
    facts: OnceLock<ProcessFacts>,
    talk: Talk,
}

#[derive(Debug)]
enum Origin {
    /// The peer of a connection: its serial number, and the time in ticks at which the peer certainly existed.
    Peer { stream: Arc<UnixStream>, serial: u64, seen: u64 },
    /// Whoever holds the other ends of the daemon's own pipes.
    Pipe,
    /// The process that runs this code.
    This,
}

impl Caller {
    /// The peer of an accepted connection. `socket` is the name of the listening socket, if it has one.
    ///
    /// # Errors
    /// When the kernel does not tell the peer's credentials.
    pub fn from_peer(stream: Arc<UnixStream>, door: Door, socket: Option<Arc<str>>) -> io::Result<Caller> {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let peer = getsockopt(&stream.as_fd(), sockopt::PeerCredentials)?;
        let origin = Origin::Peer { stream, serial: SERIAL.fetch_add(1, Ordering::Relaxed), seen: boot_ticks() };
        // A peer of another pid namespace that this one does not contain has pid 0.
        let pid = u32::try_from(peer.pid()).unwrap_or(0);
        Ok(Caller {
            uid: peer.uid(),
            gid: peer.gid(),
            pid,
            door,
            socket,
            origin,
            facts: OnceLock::new(),
            talk: Talk::default(),
        })
    }

    /// The caller behind the daemon's standard input: the daemon's own uid and gid, and no process that anybody knows.
    pub fn own(door: Door) -> Caller {
        Caller { pid: 0, origin: Origin::Pipe, ..Caller::this_process(door) }
    }

    /// The process that runs this code, for the agent inside the command.
    pub fn this_process(door: Door) -> Caller {
        Caller {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            pid: std::process::id(),
            door,
            socket: None,
            origin: Origin::This,
            facts: OnceLock::new(),
            talk: Talk::default(),
        }
    }

    /// What was asked on this connection before.
    pub fn talk(&self) -> &Talk {
        &self.talk
    }

    /// The effective uid at the time of connecting.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// The effective gid at the time of connecting.
    pub fn gid(&self) -> u32 {
        self.gid
    }

    /// The process id; 0 when it is not known.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The door that it came in by.
    pub fn door(&self) -> Door {
        self.door
    }

    /// The name of the listening socket.
    pub fn socket(&self) -> Option<&str> {
        self.socket.as_deref()
    }

    /// A number for this connection that no other has while this process runs; `None` without a connection.
    pub fn connection(&self) -> Option<u64> {
        match self.origin {
            Origin::Peer { serial, .. } => Some(serial),
            Origin::Pipe | Origin::This => None,
        }
    }

    /// Whether it is a process of another pid namespace or a uid without a mapping: it matches no `ok` that names a
    /// caller, and never approves.
    pub fn is_foreign(&self) -> bool {
        matches!(self.origin, Origin::Peer { .. }) && (self.pid == 0 || self.uid == overflow_uid())
    }

    /// What to call it: its program, else the door.
    pub fn label(&self) -> String {
        self.facts().exe.clone().unwrap_or_else(|| self.door.name().to_owned())
    }

    /// What `/proc` says about the process; read at the first call, all unknown when that was too late.
    pub fn facts(&self) -> &ProcessFacts {
        self.facts.get_or_init(|| match self.origin {
            Origin::Pipe => ProcessFacts::default(),
            Origin::Peer { .. } | Origin::This => self.look(ProcessFacts::read).unwrap_or_default(),
        })
    }

    /// Runs `read` on the caller's process (for a pipe: on this process, which its caller started) and hands its result on
    /// only if that certainly was the caller, alive to the end.
    pub(crate) fn look<T>(&self, read: impl FnOnce(&Process) -> io::Result<T>) -> Result<T, Unknown> {
        let Origin::Peer { stream, seen, .. } = &self.origin else {
            return Process::this().and_then(|this| read(&this)).map_err(|_| Unknown::Unreadable);
        };
        if self.is_foreign() {
            return Err(Unknown::Foreign);
        }
        let handle = match getsockopt(&stream.as_fd(), sockopt::PeerPidfd) {
            Ok(handle) => Some(handle),
            // Before kernel 6.5.
            Err(Errno::ENOPROTOOPT) => None,
            Err(_) => return Err(Unknown::Gone),
        };
        self.look_at_peer(handle, *seen, read)
    }

    /// The same for a peer with the pidfd that the kernel gave, if it gave one.
    fn look_at_peer<T>(
        &self,
        handle: Option<OwnedFd>,
        seen: u64,
        read: impl FnOnce(&Process) -> io::Result<T>,
    ) -> Result<T, Unknown> {
        let process = Process::open(self.pid).map_err(|_| Unknown::Gone)?;
        let result = read(&process);
        // `process` is one process throughout. It is the peer if the peer still lives now, since then it kept its number;
        // without a handle, if it is at least as old as the connection and has the peer's uid.
        let is_peer = match &handle {
            Some(handle) => !has_ended(handle),
            None => {
                let stat = process.stat().map_err(|_| Unknown::Gone)?;
                let [real, effective, ..] = process.uids().ok_or(Unknown::Gone)?;
                !stat.is_dead() && stat.start_time <= seen && [real, effective].contains(&self.uid)
            }
        };
        if is_peer { result.map_err(|_| Unknown::Unreadable) } else { Err(Unknown::Gone) }
    }
}

/// Whether the process behind a pidfd has ended (pidfd_open(2): the descriptor becomes readable).
fn has_ended(handle: &impl AsFd) -> bool {
    let mut fds = [PollFd::new(handle, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    // An error counts as the end: nothing is known then.
    rustix::io::retry_on_intr(|| poll(&mut fds, Some(&at_once))) != Ok(0)
}

/// The time since boot in the unit of `/proc/PID/stat`, suspend included.
fn boot_ticks() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let (seconds, nanos) = (now.tv_sec.cast_unsigned(), now.tv_nsec.cast_unsigned());
    seconds * TICKS_PER_SECOND + nanos / (1_000_000_000 / TICKS_PER_SECOND)
}

fn overflow_uid() -> u32 {
    static UID: OnceLock<u32> = OnceLock::new();
    *UID.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/overflowuid").unwrap_or_default();
        text.trim().parse().unwrap_or(DEFAULT_OVERFLOW_UID)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pair() -> (Arc<UnixStream>, UnixStream) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        (Arc::new(ours), theirs)
    }

    #[tokio::test]
    async fn a_peer_has_the_kernels_credentials_and_facts() {
        let (ours, _theirs) = pair().await;
        let caller = Caller::from_peer(ours, Door::Ndjson, Some("voice".into())).expect("credentials");
        assert_eq!((caller.uid(), caller.pid()), (rustix::process::geteuid().as_raw(), std::process::id()));
        assert_eq!((caller.door().name(), caller.socket()), ("ndjson", Some("voice")));
        let facts = caller.facts();
        assert!(facts.are_known());
        assert_eq!(facts.exe.as_deref(), std::env::current_exe().expect("has a name").to_str());
        assert_eq!(*facts, *Caller::this_process(Door::Command).facts());
    }

    #[tokio::test]
    async fn every_connection_has_a_number_of_its_own() {
        let (a, _a) = pair().await;
        let first = Caller::from_peer(a.clone(), Door::Ndjson, None).expect("credentials");
        let second = Caller::from_peer(a, Door::Ndjson, None).expect("credentials");
        assert_ne!(first.connection(), second.connection());
        assert_eq!(Caller::own(Door::Stdio).connection(), None);
    }

    #[tokio::test]
    async fn a_kernel_without_pidfds_of_peers_compares_uid_and_age() {
        let (ours, _theirs) = pair().await;
        let mut caller = Caller::from_peer(ours, Door::Ndjson, None).expect("credentials");
        let now = boot_ticks();
        assert_eq!(caller.look_at_peer(None, now, |_| Ok(())), Ok(()));
        assert_eq!(caller.look_at_peer(None, 0, |_| Ok(())), Err(Unknown::Gone));
        caller.uid += 1;
        assert_eq!(caller.look_at_peer(None, now, |_| Ok(())), Err(Unknown::Gone));
    }

    #[tokio::test]
    async fn a_foreign_peer_has_no_facts() {
        for (uid, pid) in [(0, 0), (overflow_uid(), std::process::id())] {
            let (ours, _theirs) = pair().await;
            let mut caller = Caller::from_peer(ours, Door::Ndjson, None).expect("credentials");
            (caller.uid, caller.pid) = (uid, pid);
            assert!(caller.is_foreign());
            assert!(!caller.facts().are_known());
            assert_eq!(caller.look(|_| Ok(())), Err(Unknown::Foreign));
        }
    }

    #[test]
    fn a_pipe_has_the_daemons_uid_and_no_facts() {
        let caller = Caller::own(Door::Stdio);
        assert_eq!((caller.uid(), caller.pid()), (rustix::process::geteuid().as_raw(), 0));
        assert!(!caller.facts().are_known());
        assert!(!caller.is_foreign());
    }
}
