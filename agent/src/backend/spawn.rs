//! The only place that starts processes.
//!
//! A program is an absolute path that was checked, its environment is cleared, its input is empty and it leads a process group of its
//! own. [`run`] bounds time and output and ends the whole group; [`spawn_detached`] is for package transactions and for programs of the
//! desktop, which must outlive this process and are never killed by it. Nothing here knows what the programs do.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};
use serde::{Deserialize, Serialize};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

/// How long a group that was sent SIGTERM may take before it is sent SIGKILL.
pub const TERM_GRACE: Duration = Duration::from_secs(2);

/// How long a pipe may stay open after the group has ended (a process that left the group can hold it).
const PIPE_GRACE: Duration = Duration::from_millis(500);

/// The `PATH` of every process that is started; package managers find dpkg and maintainer scripts their tools with it.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// setsid(1) of util-linux, an essential package in Debian and part of every base installation elsewhere.
const SETSID: &str = "/usr/bin/setsid";

/// A program that may be started: an absolute path to an executable file which nobody but root or this user can replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(PathBuf);

impl Program {
    /// Checks the file at `path`, and every folder above it, after following links.
    ///
    /// # Errors
    ///
    /// [`SpawnError::Missing`] when there is no such file, [`SpawnError::Untrusted`] when the path is not absolute, the file is not
    /// executable, or the file or a folder above it belongs to somebody else or can be written by others. A folder with the sticky
    /// bit (`/tmp`) passes: others cannot replace a file of ours in it.
    pub fn new(path: impl AsRef<Path>) -> Result<Self, SpawnError> {
        let path = path.as_ref();
        let untrusted = |reason: &str| SpawnError::Untrusted { program: path.to_owned(), reason: reason.to_owned() };
        if !path.is_absolute() {
            return Err(untrusted("the path is not absolute"));
        }
        let missing = |source| SpawnError::Missing { program: path.to_owned(), source };
        let real = path.canonicalize().map_err(missing)?;
        let own = rustix::process::geteuid().as_raw();
        for (depth, place) in real.ancestors().enumerate() {
            let meta = place.metadata().map_err(missing)?;
            if meta.uid() != 0 && meta.uid() != own {
                return Err(untrusted(&format!("`{}` belongs to uid {}", place.display(), meta.uid())));
            }
            let by_others = meta.mode() & 0o002 != 0 || (meta.mode() & 0o020 != 0 && meta.gid() != 0);
            let sticky_folder = meta.is_dir() && meta.mode() & 0o1000 != 0;
            if by_others && !sticky_folder {
                return Err(untrusted(&format!("`{}` can be written by others", place.display())));
            }
            if depth == 0 && (!meta.is_file() || meta.mode() & 0o111 == 0) {
                return Err(untrusted("it is not an executable file"));
            }
        }
        // Started under the name that was asked for: programs such as busybox look at it.
        Ok(Self(path.to_owned()))
    }

    /// The path that was asked for.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// What to start: a program, its arguments and the few variables it gets besides `PATH`.
#[derive(Debug, Clone)]
pub struct Job {
    program: Program,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    folder: PathBuf,
}

impl Job {
    /// A job without arguments, with `LC_ALL=C` and the `PATH` of the base system as its whole environment.
    #[must_use]
    pub fn new(program: Program) -> Self {
        let env = vec![("PATH".into(), PATH.into()), ("LC_ALL".into(), "C".into())];
        Self { program, args: Vec::new(), env, folder: "/".into() }
    }

    /// A job without arguments with the environment of a person's session, for programs of the desktop.
    #[must_use]
    pub fn in_session(program: Program, environment: &[(OsString, OsString)]) -> Self {
        let mut env = vec![("PATH".into(), PATH.into())];
        env.retain(|(name, _): &(OsString, OsString)| !environment.iter().any(|(given, _)| given == name));
        env.extend_from_slice(environment);
        Self { program, args: Vec::new(), env, folder: "/".into() }
    }

    /// Sets the folder to start in.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.retain(|(have, _)| have != name.as_ref());
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that starts processes, with all the fences of this module"
    )]
    fn command(&self, through: Option<&Program>) -> Command {
        let mut command = match through {
            None => Command::new(&self.program.0),
            Some(wrapper) => {
                let mut command = Command::new(&wrapper.0);
                command.arg(&self.program.0);
                command
            }
        };
        command.args(&self.args).env_clear().envs(self.env.iter().map(|(n, v)| (n, v)));
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }
}

/// The bounds of one [`run`].
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the start to the end of the process; then the group is sent SIGTERM, and SIGKILL after [`TERM_GRACE`].
    pub deadline: Duration,
    /// Bytes kept of each of the two outputs. More is read and dropped, so that the process is not blocked.
    pub output: usize,
}

/// What a process left behind.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// The first bytes of its standard output.
    pub stdout: Vec<u8>,
    /// The first bytes of its standard error.
    pub stderr: Vec<u8>,
    /// Whether either output was longer than [`Limits::output`], or was still open when the process had ended.
    pub truncated: bool,
}

impl Output {
    /// Standard output as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// Why a process gave no [`Output`].
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no such program.
    #[error("`{}` is not there", program.display())]
    Missing {
        /// What was asked for.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Somebody else could have put the program there.
    #[error("`{}` is not started: {reason}", program.display())]
    Untrusted {
        /// What was asked for.
        program: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system did not start it, or lost it.
    #[error("`{}` could not be started", program.display())]
    Io {
        /// What was asked for.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It was stopped at its deadline. It may have had its effect.
    #[error("`{}` was stopped after {} s", program.display(), after.as_secs_f32())]
    Deadline {
        /// What was started.
        program: PathBuf,
        /// The deadline.
        after: Duration,
    },
}

/// Runs a process to its end, within `limits`. The whole group is ended with it, also when the future is dropped.
///
/// # Errors
///
/// [`SpawnError::Io`] and [`SpawnError::Deadline`]. A process that ends with an exit status other than 0 is not an error here.
pub async fn run(job: &Job, limits: Limits) -> Result<Output, SpawnError> {
    let program = || job.program.0.clone();
    let lost = |source: io::Error| SpawnError::Io { program: program(), source };
    let mut command = job.command(None);
    command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().map_err(lost)?;
    let ended = attend(child, limits.deadline, limits.output, Some(TERM_GRACE)).await.map_err(lost)?;
    if ended.late {
        return Err(SpawnError::Deadline { program: program(), after: limits.deadline });
    }
    let truncated = ended.stdout.1 || ended.stderr.1;
    Ok(Output { status: ended.status, stdout: ended.stdout.0, stderr: ended.stderr.0, truncated })
}

/// What is left of a process that was attended to its end.
pub(super) struct Attended {
    pub(super) status: ExitStatus,
    /// Whether it was ended at its deadline.
    pub(super) late: bool,
    /// The first bytes of an output, and whether there were more.
    pub(super) stdout: (Vec<u8>, bool),
    pub(super) stderr: (Vec<u8>, bool),
}

/// Waits for a process that leads, or will lead, its group, within a time and with so many bytes of each output, and ends the
/// whole group. With a `grace` it is asked to end first.
pub(super) async fn attend(
    mut child: Child,
    deadline: Duration,
    output: usize,
    grace: Option<Duration>,
) -> io::Result<Attended> {
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).ok_or(io::ErrorKind::NotFound)?;
    // Declared after `child`, so dropped before it: the leader is not reaped yet and its number still names this group.
    let group = Group { leader: pid };
    let ended = Watch::open(pid)?;
    let out = tokio::spawn(read_capped(child.stdout.take(), output));
    let err = tokio::spawn(read_capped(child.stderr.take(), output));
    let (out, err) = (Abort(out), Abort(err));

    let in_time = timeout(deadline, ended.wait()).await;
    if let (Err(_), Some(grace)) = (&in_time, grace) {
        group.signal(Signal::TERM);
        let _ = timeout(grace, ended.wait()).await;
    }
    drop(group);
    let status = child.wait().await?;
    let until = Instant::now() + PIPE_GRACE;
    let stdout = out.finish(until).await;
    let stderr = err.finish(until).await;
    let late = in_time.is_err();
    in_time.unwrap_or(Ok(()))?;
    Ok(Attended { status, late, stdout, stderr })
}

/// Starts this very program again under another name, with a socket as its input, no environment and both outputs piped. It makes
/// a session, and so a group, of its own; see [`super::sandbox::launcher`].
#[expect(clippy::disallowed_methods, reason = "this is the one place that starts processes")]
pub(super) fn launch(name: &str, control: OwnedFd) -> io::Result<Child> {
    let mut command = Command::new("/proc/self/exe");
    command.arg0(name).env_clear().current_dir("/");
    command.stdin(control).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()
}

/// Ends its process group with SIGKILL when it is dropped. The leader must not have been reaped before.
struct Group {
    leader: Pid,
}

impl Group {
    fn signal(&self, signal: Signal) {
        // ESRCH: the group is already empty.
        let _ = rustix::process::kill_process_group(self.leader, signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        // The leader too where it has not made its group yet; its number is not free before it is reaped.
        let _ = rustix::process::kill_process(self.leader, Signal::KILL);
    }
}

/// A process that can be waited for without being its parent (pidfd_open(2)).
struct Watch(AsyncFd<OwnedFd>);

impl Watch {
    #[expect(
        deprecated,
        reason = "`register` is unsafe; an owned descriptor that is never taken out again meets what it asks for"
    )]
    fn open(pid: Pid) -> rustix::io::Result<Self> {
        let fd = rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK)?;
        AsyncFd::new(fd).map(Self).map_err(|_| Errno::IO)
    }

    /// Returns when the process has ended, reaped or not. Can be called again.
    async fn wait(&self) -> io::Result<()> {
        // The guard is dropped without being cleared: an ended process stays readable.
        self.0.readable().await.map(drop)
    }
}

type Collected = (Vec<u8>, bool);

/// A reader that ends with the future that waits for it.
struct Abort(tokio::task::JoinHandle<Collected>);

impl Abort {
    async fn finish(mut self, until: Instant) -> Collected {
        match tokio::time::timeout_at(until, &mut self.0).await {
            Ok(Ok(collected)) => collected,
            _ => (Vec::new(), true),
        }
    }
}

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn read_capped(pipe: Option<impl AsyncRead + Unpin>, cap: usize) -> Collected {
    let (mut kept, mut truncated) = (Vec::new(), false);
    let Some(mut pipe) = pipe else { return (kept, false) };
    let mut chunk = vec![0; 16 * 1024];
    loop {
        match pipe.read(&mut chunk).await {
            Ok(0) | Err(_) => return (kept, truncated),
            Ok(n) => {
                let room = cap.saturating_sub(kept.len()).min(n);
                kept.extend_from_slice(&chunk[..room]);
                truncated |= room < n;
            }
        }
    }
}

/// The name of one process for as long as the machine runs: its number and its start time, which tells it from a later one with the
/// same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessId {
    /// The process number.
    pub pid: i32,
    /// Clock ticks from boot to its start: field 22 of `/proc/PID/stat`, see proc_pid_stat(5).
    pub start_time: u64,
}

impl ProcessId {
    /// The process with this number now, if there is one.
    ///
    /// # Errors
    ///
    /// When there may be one, and `/proc` does not tell.
    pub fn of(pid: i32) -> io::Result<Option<Self>> {
        let stat = match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => stat,
            // ESRCH: it ended between opening and reading.
            Err(e) if e.kind() == io::ErrorKind::NotFound || e.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => {
                return Ok(None);
            }
            Err(e) => return Err(e),
        };
        let start_time = start_time(&stat).ok_or_else(|| io::Error::other("/proc/PID/stat has no start time"))?;
        Ok(Some(Self { pid, start_time }))
    }
}

/// Field 22 of a line of `/proc/PID/stat`. The second field is the program's name in parentheses and may contain anything.
fn start_time(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// A process that outlives this one. It is never killed from here; dropping this only stops watching.
pub struct Detached {
    id: ProcessId,
    watch: Option<Watch>,
    /// Present when it was started here; it is reaped when it ends.
    child: Option<Child>,
}

/// Starts a process in a session of its own, with both outputs appended to `output` (made with mode 0600): no terminal and no signal of
/// ours reaches it. Where setsid(1) is not there it has a process group of its own only, and a terminal that hangs up can still end it.
///
/// A service manager that ends all processes of a unit ends this one too; the daemon's unit has to say `KillMode=process`.
///
/// # Errors
///
/// [`SpawnError::Io`].
pub fn spawn_detached(job: &Job, output: &Path) -> Result<Detached, SpawnError> {
    let lost = |source: io::Error| SpawnError::Io { program: job.program.0.clone(), source };
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(output).map_err(lost)?;
    let second = file.try_clone().map_err(lost)?;
    let setsid = Program::new(SETSID).ok();
    let mut command = job.command(setsid.as_ref());
    command.stdout(file).stderr(second).kill_on_drop(false);
    if setsid.is_none() {
        // With setsid(1) it must not lead a group: then that one does not fork, and the number stays the one of the program.
        command.process_group(0);
    }
    let child = command.spawn().map_err(lost)?;
    let pid = child.id().ok_or_else(|| lost(io::ErrorKind::NotFound.into()))?.cast_signed();
    // Not reaped yet, so it has an entry in /proc even when it has already ended.
    let id = ProcessId::of(pid).map_err(lost)?.ok_or_else(|| lost(io::Error::other("/proc has no entry for it")))?;
    Ok(Detached { id, watch: None, child: Some(child) })
}

/// What was opened of a process, while it is still the one that is meant by `id`; nothing when that one has ended. Only the system's
/// word that there is no such process, or another start time, is an end: to be short of descriptors is none.
fn same<T>(
    id: ProcessId,
    opened: Result<T, Errno>,
    now: impl FnOnce() -> io::Result<Option<ProcessId>>,
) -> io::Result<Option<T>> {
    match opened {
        Err(Errno::SRCH) => Ok(None),
        _ if now()? != Some(id) => Ok(None),
        opened => Ok(opened.map(Some)?),
    }
}

impl Detached {
    /// Finds a process that an earlier run of this program started. One that has ended is found too: [`Self::wait`] returns at once.
    ///
    /// # Errors
    ///
    /// When the system does not say whether it has ended.
    pub fn attach(id: ProcessId) -> io::Result<Self> {
        // Opened before the start time is read: what the descriptor names cannot be replaced after that.
        let opened = Pid::from_raw(id.pid).map_or(Err(Errno::SRCH), Watch::open);
        Ok(Self { id, watch: same(id, opened, || ProcessId::of(id.pid))?, child: None })
    }

    /// Its number and start time.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Waits for its end. The exit status is known only when it was started by this process. Can be called again.
    ///
    /// # Errors
    ///
    /// When the system cannot say whether it has ended.
    pub async fn wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if let Some(child) = &mut self.child {
            return child.wait().await.map(Some);
        }
        if let Some(watch) = &self.watch {
            watch.wait().await?;
        }
        Ok(None)
    }
}

#[cfg(test)]
#[path = "spawn_tests.rs"]
mod tests;
