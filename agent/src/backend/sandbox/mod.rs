//! Commands for a caller, in a sandbox: what a profile promises, the kernel holds, or the command is refused.
//!
//! This is the outer half: it opens the program, starts the inner half ([`launcher`]) with it, bounds time and output, and ends
//! the whole group. It decides nothing: the policy has done that before.

use std::io::{self, IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::MemfdFlags;
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use serde::Serialize;
use steward_policy::{SandboxFiles, SandboxProfile};
use tokio::process::Child;
use tokio::sync::Semaphore;

mod fences;
mod filter;
mod group;
pub mod launcher;
mod program;

pub use group::settle;
pub use launcher::EXECUTING;
pub use program::{OpenProgram, Shebang, shebang};

use super::spawn::{self, Attended};
use group::{Group, Reached};
use launcher::{Fences, MAX_DESCRIPTORS, Order, Report};

/// The `PATH` of every command: programs of the system, and none that a user could have put there.
const PATH: &str = "/usr/bin:/bin:/usr/sbin:/sbin";
/// The home folder of every command. It is not there: what lies in a real one is not a command's business.
const HOME: &str = "/nonexistent";
/// The longest report of the inner half, in bytes.
const MAX_REPORT: usize = 4096;

/// A command that is ready to be run.
#[derive(Debug)]
pub struct Command<'a> {
    /// The program.
    pub program: OpenProgram,
    /// Its arguments, without its name.
    pub args: &'a [String],
    /// The working folder, with the path that it is known by.
    pub folder: Option<(OwnedFd, String)>,
    /// Variables, which the profile was asked about.
    pub env: Vec<(String, String)>,
    /// The sandbox.
    pub profile: &'a SandboxProfile,
    /// How long it may run; then its group is ended.
    pub deadline: Duration,
    /// Bytes kept of each of its two outputs.
    pub output: usize,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finished {
    /// Its exit status; none when a signal ended it.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether that was at its deadline.
    pub timed_out: bool,
    /// The first bytes of its standard output.
    #[serde(skip)]
    pub stdout: Vec<u8>,
    /// Whether there was more.
    pub stdout_truncated: bool,
    /// The first bytes of its standard error.
    #[serde(skip)]
    pub stderr: Vec<u8>,
    /// Whether there was more.
    pub stderr_truncated: bool,
    /// The limits of all its processes together that it ran into, by their keys in the policy.
    pub limits_reached: Vec<&'static str>,
}

impl Finished {
    /// A sentence for each limit of all its processes together that it ran into.
    pub fn limits_said(&self, profile: &SandboxProfile) -> Vec<String> {
        let said = |key: &&str| match *key {
            group::MEMORY => format!(
                "It was killed: all of it together wanted more than {} MiB of memory (`{key}` of the sandbox).",
                profile.group.memory_max.unwrap_or_default() >> 20
            ),
            _ => format!(
                "It was refused another process: it had {} all together (`{key}` of the sandbox).",
                profile.group.tasks_max.unwrap_or_default()
            ),
        };
        self.limits_reached.iter().map(said).collect()
    }
}

/// Why a command was not run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The program is not one that is run.
    #[error("`{program}` is not run: {reason}")]
    Program {
        /// What was asked for.
        program: String,
        /// Why not.
        reason: String,
    },
    /// The kernel does not hold what the profile promises. Nothing is degraded.
    #[error("the sandbox `{profile}` is not to be had here, for want of {fence}: {what}")]
    Missing {
        /// The profile.
        profile: String,
        /// What cannot be held.
        fence: String,
        /// What the kernel said.
        what: String,
    },
    /// The profile is about a working folder, and none was given.
    #[error("the sandbox `{profile}` is about a working folder; give one (`cwd`)")]
    NoFolder {
        /// The profile.
        profile: String,
    },
    /// As many commands as may run at once do.
    #[error("{MAX_RUNNING} commands are running already; try again when one has ended")]
    Busy,
    /// Something else went wrong before the program ran.
    #[error("`{program}` was not run; while {doing}: {source}")]
    Failed {
        /// What was asked for.
        program: String,
        /// What went wrong.
        doing: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Runs a command to its end, and ends everything that it started.
///
/// # Errors
/// When it did not run at all. How it ended is no error, whatever it is.
pub async fn run(command: Command<'_>) -> Result<Finished, SandboxError> {
    let profile = command.profile;
    let about_folder = matches!(profile.files, SandboxFiles::ReadCwd | SandboxFiles::WriteCwd);
    if about_folder && command.folder.is_none() {
        return Err(SandboxError::NoFolder { profile: profile.name.clone() });
    }
    let _one_of = RUNNING.try_acquire().map_err(|_| SandboxError::Busy)?;
    let asked = command.program.asked().to_owned();
    let mut argv = vec![asked.clone()];
    let mut script = None;
    if let Some((_, line)) = &command.program.script {
        // As the kernel does it: the interpreter, its one argument, the script.
        argv = vec![line.interpreter.clone()];
        argv.extend(line.argument.clone());
        script = Some(argv.len());
        argv.push(asked.clone());
    }
    argv.extend(command.args.iter().cloned());
    let mut env: Vec<(String, String)> =
        [("PATH", PATH), ("HOME", HOME), ("LANG", "C.UTF-8")].map(|(n, v)| (n.to_owned(), v.to_owned())).into();
    if let Some((_, path)) = command.folder.as_ref().filter(|_| profile.files == SandboxFiles::WriteCwd) {
        env.push(("TMPDIR".to_owned(), path.clone()));
    }
    for (name, value) in command.env {
        env.retain(|(n, _)| *n != name);
        env.push((name, value));
    }
    let order = order(argv, env, profile, command.folder.is_some(), script, false);
    let mut descriptors = vec![command.program.file.as_fd()];
    descriptors.extend(command.folder.as_ref().map(|(fd, _)| fd.as_fd()));
    descriptors.extend(command.program.script.as_ref().map(|(fd, _)| fd.as_fd()));
    let group = group_for(profile).await?;
    let begun = start(&asked, &order, &descriptors, command.deadline, command.output, group.as_ref()).await;
    let reached = match group {
        Some(group) => tokio::task::spawn_blocking(|| group.end()).await.unwrap_or_default(),
        None => Reached::default(),
    };
    match begun? {
        (attended, Report::Ready) => Ok(finished(attended, reached)),
        (_, report) => Err(said(report, &asked, profile)),
    }
}

/// Tries whether this kernel, and this user's rights on it, give all that a profile promises: the inner half does everything but
/// run a program.
///
/// # Errors
/// [`SandboxError::Missing`] by name, or what went wrong at the try.
pub async fn try_out(profile: &SandboxProfile) -> Result<(), SandboxError> {
    let order = order(Vec::new(), Vec::new(), profile, false, None, true);
    let group = group_for(profile).await?;
    match start(launcher::NAME, &order, &[], TRY, 0, group.as_ref()).await? {
        (_, Report::Ready) => Ok(()),
        (_, report) => Err(said(report, launcher::NAME, profile)),
    }
}

/// The control group of a command, where its profile needs one.
async fn group_for(profile: &SandboxProfile) -> Result<Option<Group>, SandboxError> {
    if profile.group.is_empty() {
        return Ok(None);
    }
    let limits = profile.group;
    let made = tokio::task::spawn_blocking(move || Group::new(&limits)).await;
    let missing = |fence: String, what: String| SandboxError::Missing { profile: profile.name.clone(), fence, what };
    match made {
        Ok(made) => made.map(Some).map_err(|w| missing(w.fence, w.what)),
        Err(e) => Err(missing("a control group".to_owned(), e.to_string())),
    }
}

/// How many commands run at once.
const MAX_RUNNING: usize = 16;
static RUNNING: Semaphore = Semaphore::const_new(MAX_RUNNING);

/// How long trying a profile may take. It takes a millisecond.
const TRY: Duration = Duration::from_secs(5);

fn order(
    argv: Vec<String>,
    env: Vec<(String, String)>,
    profile: &SandboxProfile,
    folder: bool,
    script: Option<usize>,
    only_try: bool,
) -> Order {
    let parent = std::process::id().cast_signed();
    Order { argv, env, fences: Fences::of(profile), folder, script, parent, only_try }
}

/// Starts the inner half, attends it to its end, and returns what it told last.
async fn start(
    program: &str,
    order: &Order,
    descriptors: &[std::os::fd::BorrowedFd<'_>],
    deadline: Duration,
    output: usize,
    group: Option<&Group>,
) -> Result<(Attended, Report), SandboxError> {
    let failed = |doing: &str, source: io::Error| SandboxError::Failed {
        program: program.to_owned(),
        doing: doing.to_owned(),
        source,
    };
    // It does nothing before it is told what, so nothing of the caller's runs outside of its group.
    let waited = WAITING.take().filter(|launcher| launcher.tell(group, order, descriptors).is_ok());
    let launcher = match waited {
        Some(launcher) => launcher,
        None => {
            let launcher = Launcher::start().map_err(|e| failed("starting the launcher", e))?;
            launcher.tell(group, order, descriptors).map_err(|e| failed("telling the launcher what to run", e))?;
            launcher
        }
    };
    let Launcher { child, control } = launcher;
    let attended = spawn::attend(child, deadline, output, None).await.map_err(|e| failed("waiting for it", e))?;
    // The other end went with the new program, or with the process: everything that was told is here.
    let mut last = None;
    let mut bytes = vec![0u8; MAX_REPORT];
    while let Ok((n, _)) = rustix::net::recv(&control, &mut bytes[..], RecvFlags::DONTWAIT) {
        if n == 0 {
            break;
        }
        last = serde_json::from_slice::<Report>(&bytes[..n]).ok();
    }
    match last {
        Some(report) => Ok((attended, report)),
        None if attended.late => Err(failed("starting it", io::ErrorKind::TimedOut.into())),
        None => Err(failed("starting it", io::Error::other("the launcher ended without a word"))),
    }
}

/// The inner half of one command: started, and waiting to be told what to run.
struct Launcher {
    child: Child,
    control: OwnedFd,
}

impl Launcher {
    fn start() -> io::Result<Launcher> {
        if !launcher::is_able() {
            return Err(io::Error::other("this program has none"));
        }
        let (control, inner) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok(Launcher { child: spawn::launch(launcher::NAME, inner)?, control })
    }

    fn tell(
        &self,
        group: Option<&Group>,
        order: &Order,
        descriptors: &[std::os::fd::BorrowedFd<'_>],
    ) -> io::Result<()> {
        if let Some(group) = group {
            group.take(self.child.id().ok_or(io::ErrorKind::NotFound)?)?;
        }
        send(&self.control, order, descriptors)
    }
}

/// Starts the inner half of a command that is about to be judged: it is ready when the judgement is on disk. One waits at most, and for
/// five seconds; it has seen nothing of the command, so that it is any command's. To be called within a runtime.
pub fn expect() {
    WAITING.fill();
}

/// How long it waits: longer than the disk takes, and shorter than anybody counts what is resident.
const READY: Duration = Duration::from_secs(5);

/// The one that waits, with a number that tells it from later ones.
struct Waiting(Mutex<(u64, Option<Launcher>)>);

static WAITING: Waiting = Waiting(Mutex::new((0, None)));

impl Waiting {
    fn fill(&'static self) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.1.is_some() {
            return;
        }
        // What hinders it is told when the command is run.
        let Ok(launcher) = Launcher::start() else { return };
        let number = slot.0.wrapping_add(1);
        *slot = (number, Some(launcher));
        tokio::spawn(async move {
            tokio::time::sleep(READY).await;
            let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if slot.0 == number {
                slot.1 = None;
            }
        });
    }

    fn take(&self) -> Option<Launcher> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.take()
    }
}

fn send(control: &OwnedFd, order: &Order, descriptors: &[std::os::fd::BorrowedFd<'_>]) -> io::Result<()> {
    let text = rustix::fs::memfd_create(launcher::NAME, MemfdFlags::CLOEXEC)?;
    let mut text = std::fs::File::from(text);
    text.write_all(&serde_json::to_vec(order)?)?;
    let mut all = vec![text.as_fd()];
    all.extend(descriptors);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&all)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    rustix::net::sendmsg(control, &[IoSlice::new(b"!")], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn said(report: Report, program: &str, profile: &SandboxProfile) -> SandboxError {
    match report {
        Report::Missing { fence, what } => SandboxError::Missing { profile: profile.name.clone(), fence, what },
        Report::Failed { doing, errno } => {
            SandboxError::Failed { program: program.to_owned(), doing, source: io::Error::from_raw_os_error(errno) }
        }
        Report::Ready => SandboxError::Failed {
            program: program.to_owned(),
            doing: "starting it".to_owned(),
            source: io::ErrorKind::Other.into(),
        },
    }
}

fn finished(attended: Attended, reached: Reached) -> Finished {
    use std::os::unix::process::ExitStatusExt;
    let Attended { status, late, stdout, stderr } = attended;
    Finished {
        exit_code: status.code(),
        signal: status.signal(),
        timed_out: late,
        stdout: stdout.0,
        stdout_truncated: stdout.1,
        stderr: stderr.0,
        stderr_truncated: stderr.1,
        limits_reached: reached.keys(),
    }
}
