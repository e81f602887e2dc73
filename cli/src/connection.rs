//! The agent that answers: a daemon behind a socket, or this process when no daemon runs.

use std::fmt;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use steward_agent::caller::{Caller, Door};
use steward_agent::core::{Core, Setup, StartError};
use steward_agent::request::{Call, Request as CoreRequest};
use steward_agent::store::LockError;
use steward_ipc::{Client, ClientError, Request, Response};
use tokio::runtime::Runtime;

use crate::exit::Exit;
use crate::interrupt;
use crate::out::Out;
use crate::progress;
use crate::settings::Settings;
use crate::show::quoted;

/// How long an answer is waited for. The agent has a deadline of its own for every action; this one is for an agent that
/// hangs, and longer than any upgrade of a machine.
const ANSWER: Duration = Duration::from_secs(2 * 60 * 60);

/// What Ctrl-C says while an answer is waited for.
const LEFT: &str = "What was begun already goes on; `steward audit tail` tells how it ended.";

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It was asked for in a way that cannot work.
    Usage(String),
    /// Nobody answers.
    Unavailable(String),
    /// The agent took too long.
    TimedOut(String),
    /// Something on this machine does not work.
    Failed(String),
    /// A check could not look.
    CannotLook(String),
}

impl Fault {
    /// How the command ends with it.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Fault::Usage(_) | Fault::CannotLook(_) => Exit::Usage,
            Fault::Unavailable(_) => Exit::Unavailable,
            Fault::TimedOut(_) => Exit::Overloaded,
            Fault::Failed(_) => Exit::Failed,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Usage(text)
            | Fault::Unavailable(text)
            | Fault::TimedOut(text)
            | Fault::Failed(text)
            | Fault::CannotLook(text) => f.write_str(text),
        }
    }
}

impl From<StartError> for Fault {
    fn from(error: StartError) -> Fault {
        // The request was not tried: there is no agent that could.
        Fault::Unavailable(match &error {
            StartError::Lock(LockError::Folder(_)) => format!("{error}; choose another folder with --state-dir"),
            _ => error.to_string(),
        })
    }
}

impl From<ClientError> for Fault {
    fn from(error: ClientError) -> Fault {
        match &error {
            ClientError::Io(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Fault::TimedOut("the agent did not answer in time; what it began goes on".to_owned())
            }
            _ => Fault::Unavailable(error.to_string()),
        }
    }
}

/// Whoever answers requests.
#[derive(Debug)]
pub(crate) enum Connection {
    /// A daemon.
    Daemon(Daemon),
    /// This process.
    Here(Box<Here>),
}

/// A daemon behind a socket.
#[derive(Debug)]
pub(crate) struct Daemon {
    /// Where it is.
    pub(crate) path: PathBuf,
    client: Client,
}

/// The agent inside this process. It has the state folder only while it handles a request, so that commands on other
/// terminals get their turn while a person thinks.
#[derive(Debug)]
pub(crate) struct Here {
    setup: Setup,
    runtime: Runtime,
}

impl Connection {
    /// Finds who answers: the socket that was named, else a usual one that is alive, else this process.
    ///
    /// # Errors
    /// When a socket was named and nobody answers there, or when this process cannot be the agent.
    pub(crate) fn open(settings: &Settings, out: &Out) -> Result<Connection, Fault> {
        let found = Connection::find(settings, out)?;
        out.reached(found.command());
        Ok(found)
    }

    fn find(settings: &Settings, out: &Out) -> Result<Connection, Fault> {
        if let Some(daemon) = daemon(settings, out)? {
            if settings.names_an_agent_of_its_own() {
                let path = daemon.path.display();
                out.note(&format!(
                    "the daemon at {path} has its own policy and state; --policy and --state-dir do not reach it"
                ));
            }
            return Ok(Connection::Daemon(daemon));
        }
        if !settings.names_an_agent_of_its_own() {
            out.note("no daemon runs; acting as the agent in this process");
        }
        Ok(Connection::Here(Box::new(Here::new(settings)?)))
    }

    /// Asks, and waits for the answer; shows what is going on when it takes long.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) fn request(&mut self, request: &Request<'_>, out: &Out) -> Result<Response, Fault> {
        // Packages are installed by processes of their own; a question has nothing that could go on.
        let _left = (request.name != "result").then(|| interrupt::says(LEFT.to_owned()));
        match self {
            Connection::Daemon(daemon) => {
                let watching = progress::over_socket(&daemon.path, out);
                let answer = daemon.client.request(request);
                watching.end();
                Ok(answer?)
            }
            Connection::Here(here) => here.request(request, out),
        }
    }

    /// The command with the flags that reach this agent, for a person to type on another terminal.
    pub(crate) fn command(&self) -> String {
        match self {
            Connection::Daemon(daemon) if !Settings::usual_sockets().contains(&daemon.path) => {
                format!("steward --socket {}", quoted(&daemon.path.display().to_string()))
            }
            Connection::Here(here) if !Settings::is_usual_state(&here.setup.state) => {
                format!("steward --state-dir {}", quoted(&here.setup.state.display().to_string()))
            }
            _ => "steward".to_owned(),
        }
    }

    /// Whether the daemon that answered before does not any more.
    pub(crate) fn is_gone(&mut self, out: &Out) -> bool {
        self.request(&Request::new("ping", None), out).is_err()
    }

    /// Whether a daemon answers.
    pub(crate) fn is_daemon(&self) -> bool {
        matches!(self, Connection::Daemon(_))
    }
}

impl Here {
    fn new(settings: &Settings) -> Result<Here, Fault> {
        log_to_stderr();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|e| Fault::Failed(format!("the agent in this process cannot start: {e}")))?;
        Ok(Here { setup: settings.setup()?, runtime })
    }

    /// Starts the agent, hands it to `work`, and stops it, so that all is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be started: most often because another process has the state folder.
    pub(crate) fn with<T>(&self, work: impl AsyncFnOnce(&Core, &Arc<Caller>) -> T) -> Result<T, Fault> {
        let (core, interrupted) = Core::start(self.setup.clone())?;
        let caller = Arc::new(Caller::this_process(Door::Command));
        Ok(self.runtime.block_on(async {
            core.take_up(interrupted).await;
            let done = work(&core, &caller).await;
            core.stop().await;
            done
        }))
    }

    fn request(&self, request: &Request<'_>, out: &Out) -> Result<Response, Fault> {
        self.with(async |core, caller| {
            let watching = progress::of_core(core, caller, out);
            let call = Call {
                name: request.name.as_ref().into(),
                payload: request.payload.as_deref().map(Into::into),
                args: request.args.clone(),
            };
            let reply = core.handle(CoreRequest { caller, call }).await;
            watching.end().await;
            reply.into()
        })
    }
}

/// The daemon that is meant, if one is.
///
/// # Errors
/// When a socket was named and nobody answers there.
pub(crate) fn daemon(settings: &Settings, out: &Out) -> Result<Option<Daemon>, Fault> {
    if let Some(path) = &settings.socket {
        return connect(path).map(Some).map_err(|e| {
            let path = path.display();
            Fault::Unavailable(format!(
                "no agent answers at {path}: {e}; start one with `stewardd --socket {path}`, or leave the socket out \
                 (--socket and STEWARD_SOCKET) to let this command be the agent"
            ))
        });
    }
    if settings.names_an_agent_of_its_own() {
        return Ok(None);
    }
    for path in Settings::usual_sockets() {
        match connect(&path) {
            Ok(daemon) => return Ok(Some(daemon)),
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                out.note(&format!(
                    "{} is not open to you (are you in the group `steward`?); going on without it",
                    path.display()
                ));
            }
            // Not there, or nobody listens on it any more.
            Err(_) => {}
        }
    }
    Ok(None)
}

fn connect(path: &Path) -> io::Result<Daemon> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(ANSWER))?;
    Ok(Daemon { path: path.to_owned(), client: Client::over(stream) })
}

/// The agent's own log, when this process is the agent: errors, or what STEWARD_LOG asks for.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("STEWARD_LOG").unwrap_or_else(|_| "error".into());
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).without_time().with_target(false);
    // Set already when the prompt connects anew.
    let _set_before = log.with_ansi(false).try_init();
}
