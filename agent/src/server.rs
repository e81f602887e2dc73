//! Listening: sockets that are never stolen, sockets that a service manager opened, connections that are counted, and an
//! end in order.

use std::collections::HashMap;
use std::fmt;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use steward_ipc::{Code, Response};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

use crate::caller::{Caller, Door};
use crate::core::Core;
use crate::door::{ndjson, plan};
use crate::reply::{Failure, Reply};

/// How many connections there are at the most.
pub const MAX_CONNECTIONS: usize = 16_384;
/// How many of them one uid has at the most: whatever it does, a quarter is left for the others.
pub const MAX_CONNECTIONS_OF_UID: usize = 12_288;
/// How many connections wait to be accepted.
const BACKLOG: u32 = 1024;
/// How long connections have to finish when the agent stops: what is asked has [`ndjson::LAST_CALL`] to be answered in it.
const GRACE: Duration = Duration::from_secs(5);
/// How often it is looked whether they have.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long to wait when the kernel has no descriptors left.
const BREATHER: Duration = Duration::from_millis(100);

/// A socket to listen on.
#[derive(Clone, Debug)]
pub struct SocketSpec {
    /// The name by which policies know it.
    pub name: Option<String>,
    /// Where it is.
    pub path: PathBuf,
    /// What is spoken on it.
    pub speaks: Speaks,
}

/// What is spoken on a socket.
#[derive(Clone, Debug, Default)]
pub enum Speaks {
    /// The home protocol.
    #[default]
    Home,
    /// Action plans, read in the light of this.
    Plans(plan::Place),
}

/// The name of a socket unit whose sockets are for action plans.
pub const PLANS: &str = "plan";

impl std::str::FromStr for SocketSpec {
    type Err = std::convert::Infallible;

    /// `PATH`, or `NAME=PATH`.
    fn from_str(text: &str) -> Result<SocketSpec, std::convert::Infallible> {
        Ok(match text.split_once('=') {
            Some((name, path)) if !name.contains('/') && !name.is_empty() => {
                SocketSpec { name: Some(name.to_owned()), path: path.into(), speaks: Speaks::Home }
            }
            _ => SocketSpec { name: None, path: text.into(), speaks: Speaks::Home },
        })
    }
}

/// Why a socket cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another agent answers on it.
    #[error("{0}: an agent is listening there already; stop it, or choose another --socket")]
    Live(PathBuf),
    /// Something that is no socket.
    #[error("{0}: there is something that is not a socket; it is left alone, so choose another --socket")]
    NotASocket(PathBuf),
    /// A place in a folder that would lie in one that is not there either.
    #[error("{0}: the folder above its folder is not there; make it, or choose another --socket")]
    NoFolder(PathBuf),
    /// What the service manager handed over is no socket that can be listened on.
    #[error(
        "descriptor {number} from the service manager: {why}; the socket unit needs ListenStream= with a path, and Accept=no"
    )]
    Inherited {
        /// Which of them, from 0.
        number: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The system said no.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// Who may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The agent's own uid: mode 0600.
    Own,
    /// The agent's uid and a group: mode 0660.
    Group(Option<u32>),
}

/// A socket that is listened on. One that this process made is taken away when it is dropped; one that a service manager
/// made stays, so that connections wait in it for the next agent.
#[derive(Debug)]
pub struct Listening {
    listener: UnixListener,
    path: PathBuf,
    name: Option<Arc<str>>,
    speaks: Speaks,
    /// Of the file that this process made.
    inode: Option<u64>,
}

impl fmt::Display for Listening {
    /// Where it is, and what is spoken there where that is not the home protocol.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plans = if matches!(self.speaks, Speaks::Plans(_)) { " for plans" } else { "" };
        write!(f, "{}{plans}", self.path.display())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        use std::os::unix::fs::MetadataExt;
        // Only our own: another agent may have replaced it since.
        if std::fs::symlink_metadata(&self.path).is_ok_and(|m| Some(m.ino()) == self.inode) {
            let _gone = std::fs::remove_file(&self.path);
        }
    }
}

/// The name of a socket unit that has no `FileDescriptorName=` and is ours, and what sd_listen_fds(3) says where there is
/// none at all: such a socket has no name for policies either.
const NAMELESS: [&str; 3] = ["steward.socket", "unknown", ""];

/// A socket that a service manager opened for this process.
#[derive(Debug)]
pub struct Inherited {
    listener: std::os::unix::net::UnixListener,
    /// The name by which policies know it: `FileDescriptorName=` of the socket unit (systemd.socket(5)).
    pub name: Option<String>,
    /// Where it is.
    pub path: PathBuf,
}

impl Inherited {
    /// Takes the sockets that were handed to this process (sd_listen_fds(3)); none when it was started by hand. To be called
    /// once, before there are threads.
    ///
    /// # Errors
    /// [`ListenError::Inherited`] when one of them is no Unix stream socket with a path that listens.
    pub fn take() -> Result<Vec<Inherited>, ListenError> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':').map(|n| Some(n).filter(|n| !NAMELESS.contains(n)).map(str::to_owned));
        let mut handed = listenfd::ListenFd::from_env();
        let mut sockets = Vec::new();
        for number in 0..handed.len() {
            let wrong = |why: String| ListenError::Inherited { number, why };
            let taken = handed.take_unix_listener(number).map_err(|e| wrong(e.to_string()))?;
            let listener = taken.ok_or_else(|| wrong("it was taken already".into()))?;
            if !rustix::net::sockopt::socket_acceptconn(&listener).map_err(|e| wrong(e.to_string()))? {
                return Err(wrong("it does not listen".into()));
            }
            let address = listener.local_addr().map_err(|e| wrong(e.to_string()))?;
            let path = address.as_pathname().ok_or_else(|| wrong("it has no path".into()))?.to_owned();
            sockets.push(Inherited { listener, name: names.next().flatten(), path });
        }
        Ok(sockets)
    }

    /// Listens on it: for action plans when it is named [`PLANS`]. Its owner and mode are the service manager's business, and its file
    /// is never taken away here.
    ///
    /// # Errors
    /// [`ListenError::Io`].
    pub fn listen(self, plans: Option<&plan::Place>) -> Result<Listening, ListenError> {
        let speaks = match plans {
            Some(place) if self.speaks_plans() => Speaks::Plans(place.clone()),
            _ => Speaks::Home,
        };
        let io = |source| ListenError::Io { path: self.path.clone(), source };
        self.listener.set_nonblocking(true).map_err(io)?;
        let listener = UnixListener::from_std(self.listener).map_err(io)?;
        Ok(Listening { listener, path: self.path.clone(), name: self.name.map(Into::into), speaks, inode: None })
    }

    /// Whether it is one for action plans.
    pub fn speaks_plans(&self) -> bool {
        self.name.as_deref() == Some(PLANS)
    }
}

/// Listens on a socket. A live agent's socket is never taken, a stale one is replaced, anything else is an error.
///
/// # Errors
/// See [`ListenError`].
pub fn listen(spec: &SocketSpec, access: Access) -> Result<Listening, ListenError> {
    use std::os::unix::fs::MetadataExt;
    let path = &spec.path;
    let io = |source| ListenError::Io { path: path.clone(), source };
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty() && !f.exists()) {
        let mode = if access == Access::Own { 0o700 } else { 0o750 };
        use std::os::unix::fs::DirBuilderExt;
        // One, and not a whole way to it: that is a name which was typed wrongly.
        std::fs::DirBuilder::new().mode(mode).create(folder).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => ListenError::NoFolder(path.clone()),
            _ => io(e),
        })?;
        tracing::info!("made the folder {}", folder.display());
        if let Access::Group(Some(gid)) = access {
            std::os::unix::fs::chown(folder, None, Some(gid)).map_err(io)?;
        }
    }
    match std::fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(io(e)),
        Ok(m) if !m.file_type().is_socket() => return Err(ListenError::NotASocket(path.clone())),
        Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            // A full backlog is a live agent too.
            Ok(_) => return Err(ListenError::Live(path.clone())),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Err(ListenError::Live(path.clone())),
            Err(e) => return Err(io(e)),
        },
    }
    // Bound beside it, given its mode, and moved into its place, so that nobody can connect before the mode holds.
    let beside = beside(path);
    let _stale = std::fs::remove_file(&beside);
    let socket = rustix::net::socket_with(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::STREAM,
        rustix::net::SocketFlags::CLOEXEC | rustix::net::SocketFlags::NONBLOCK,
        None,
    );
    let socket = socket.map_err(|e| io(e.into()))?;
    let address = rustix::net::SocketAddrUnix::new(&beside).map_err(|e| io(e.into()))?;
    rustix::net::bind(&socket, &address).map_err(|e| io(e.into()))?;
    let prepare = || -> io::Result<u64> {
        let mode = if access == Access::Own { 0o600 } else { 0o660 };
        std::fs::set_permissions(&beside, Permissions::from_mode(mode))?;
        if let Access::Group(Some(gid)) = access {
            std::os::unix::fs::chown(&beside, None, Some(gid))?;
        }
        rustix::net::listen(&socket, i32::try_from(BACKLOG).unwrap_or(128))?;
        std::fs::rename(&beside, path)?;
        Ok(std::fs::symlink_metadata(path)?.ino())
    };
    let inode = prepare().inspect_err(|_| drop(std::fs::remove_file(&beside))).map_err(io)?;
    let listener = UnixListener::from_std(socket.into()).map_err(io)?;
    let name = spec.name.as_deref().map(Into::into);
    Ok(Listening { listener, path: path.clone(), name, speaks: spec.speaks.clone(), inode: Some(inode) })
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}", std::process::id()));
    path.with_file_name(name)
}

/// Accepts connections until `stop` says so, then lets them finish what they are at.
pub async fn serve(core: Core, listening: Vec<Listening>, stop: watch::Receiver<bool>) {
    let open = Arc::new(Places::default());
    let mut accepting = tokio::task::JoinSet::new();
    for socket in listening {
        accepting.spawn(accept(core.clone(), socket, open.clone(), stop.clone()));
    }
    while accepting.join_next().await.is_some() {}
    let until = tokio::time::Instant::now() + GRACE;
    while open.taken() > 0 && tokio::time::Instant::now() < until {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn accept(core: Core, socket: Listening, open: Arc<Places>, mut stop: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = socket.listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => Arc::new(stream),
            Err(e) => {
                tracing::warn!("no connection could be accepted: {e}");
                tokio::time::sleep(BREATHER).await;
                continue;
            }
        };
        let door = match socket.speaks {
            Speaks::Home => Door::Ndjson,
            Speaks::Plans(_) => Door::Plan,
        };
        let caller = match Caller::from_peer(stream.clone(), door, socket.name.clone()) {
            Ok(caller) => Arc::new(caller),
            Err(e) => {
                refuse(
                    &stream,
                    door,
                    Failure::new(Code::NotAuthorized, format!("the kernel does not say who you are: {e}")),
                );
                continue;
            }
        };
        let Some(place) = open.take(caller.uid()) else {
            refuse(&stream, door, Failure::new(Code::Overloaded, "too many connections; try again later"));
            continue;
        };
        let (core, stop) = (core.clone(), stop.clone());
        match &socket.speaks {
            Speaks::Home => tokio::spawn(async move {
                ndjson::serve_connection(core, stream, caller, stop).await;
                drop(place);
            }),
            Speaks::Plans(read_in) => {
                let read_in = read_in.clone();
                tokio::spawn(async move {
                    plan::serve_connection(core, stream, caller, read_in, stop).await;
                    drop(place);
                })
            }
        };
    }
}

/// The places of connections, by uid. A uid without a connection takes no memory.
#[derive(Debug, Default)]
struct Places(Mutex<HashMap<u32, usize>>);

impl Places {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u32, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn taken(&self) -> usize {
        self.lock().values().sum()
    }

    /// A place for a connection of `uid`; none when it has its share, or all are taken.
    fn take(self: &Arc<Places>, uid: u32) -> Option<Place> {
        let mut taken = self.lock();
        let all: usize = taken.values().sum();
        let own = taken.get(&uid).copied().unwrap_or(0);
        if all >= MAX_CONNECTIONS || own >= MAX_CONNECTIONS_OF_UID {
            return None;
        }
        taken.insert(uid, own + 1);
        Some(Place { places: self.clone(), uid })
    }
}

/// A connection's place; given up however it ends.
#[derive(Debug)]
struct Place {
    places: Arc<Places>,
    uid: u32,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        if let std::collections::hash_map::Entry::Occupied(mut own) = taken.entry(self.uid) {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

/// The last words for a connection that is not served.
fn refuse(stream: &UnixStream, door: Door, failure: Failure) {
    if door == Door::Plan {
        return plan::refuse(stream, &failure);
    }
    let mut out = Vec::new();
    Response::from(Reply::failed("unknown", failure)).encode(&mut out);
    // One line fits into the buffer of a fresh socket; if not, the client is gone.
    let _gone = stream.try_write(&out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_uid_leaves_a_quarter_of_the_connections_to_the_others() {
        let places = Arc::new(Places::default());
        let mut held: Vec<Place> = (0..MAX_CONNECTIONS).map_while(|_| places.take(1000)).collect();
        assert_eq!(held.len(), MAX_CONNECTIONS_OF_UID);
        let others: Vec<Place> = (0..MAX_CONNECTIONS).map_while(|_| places.take(1001)).collect();
        assert_eq!(others.len(), MAX_CONNECTIONS - MAX_CONNECTIONS_OF_UID);
        assert!(places.take(0).is_none());
        held.pop();
        assert!(places.take(1000).is_some());
        drop((held, others));
        assert!(places.lock().is_empty());
    }
}
