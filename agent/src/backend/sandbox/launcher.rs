//! The inner half: this very program, started again under the name [`NAME`], puts the fences around itself and becomes what it was
//! asked to run. It is told what to do over a socket that is its standard input, with the descriptors beside it, and tells there
//! what went wrong. One thread, and nothing of Steward's but this file runs in it.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use rustix::fs::{Mode, OFlags};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags};
use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use serde::{Deserialize, Serialize};
use steward_policy::{SandboxFiles, SandboxLimits, SandboxPrograms};

use super::fences::{self, Files, Ground};
use super::filter::{Wanted, filter};

/// The name under which a program of ours is started to be the inner half.
pub const NAME: &str = "steward-sandbox";

/// What is being done when the program itself cannot be executed.
pub const EXECUTING: &str = "executing it";

/// The fence that holds files, by its name.
const LANDLOCK: &str = "a fence around files (Landlock)";

/// The exit status of the inner half when it did not become what it was asked to run.
const FAILED: u8 = 125;

/// Who a command is when the agent is root: the user whom nothing belongs to (`nobody`; the kernel's overflow uid).
pub(super) const NOBODY: u32 = 65534;

/// Descriptors that come along at most: the order, the program, the working folder, the script.
pub(super) const MAX_DESCRIPTORS: usize = 4;

/// The longest order, in bytes. A request is at most 256 KiB, and a byte of it at most six here (`\u0000`).
const MAX_ORDER: u64 = 2 << 20;

/// What is asked of the inner half; the descriptors follow in the order of [`MAX_DESCRIPTORS`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) argv: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) fences: Fences,
    /// Whether there is a working folder.
    pub(super) folder: bool,
    /// Whether the program is the interpreter of a script: which argument stands for that.
    pub(super) script: Option<usize>,
    /// The agent's process; when it is no longer the parent, nothing is run.
    pub(super) parent: i32,
    /// Everything but becoming the program.
    pub(super) only_try: bool,
}

/// The fences of a profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Fences {
    pub(super) confined: bool,
    pub(super) reads_folder: bool,
    pub(super) writes_folder: bool,
    pub(super) network: bool,
    pub(super) programs: bool,
    pub(super) read: Vec<String>,
    pub(super) memory: u64,
    pub(super) processes: u32,
    pub(super) cpu: u32,
    pub(super) file_size: u64,
    pub(super) open_files: u32,
}

impl Fences {
    pub(super) fn of(profile: &steward_policy::SandboxProfile) -> Fences {
        let SandboxLimits { memory, processes, cpu, file_size, open_files } = profile.limits;
        Fences {
            confined: profile.is_confined(),
            reads_folder: profile.files >= SandboxFiles::ReadCwd,
            writes_folder: profile.files >= SandboxFiles::WriteCwd,
            network: profile.network,
            programs: profile.programs == SandboxPrograms::System,
            read: profile.read.clone(),
            memory,
            processes,
            cpu,
            file_size,
            open_files,
        }
    }
}

/// What the inner half tells.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(super) enum Report {
    /// All fences stand; the next thing is to become the program.
    Ready,
    /// The kernel does not give what the profile promises.
    Missing {
        /// Which fence.
        fence: String,
        /// What the kernel said.
        what: String,
    },
    /// Something else went wrong.
    Failed {
        /// At what, as in "while …".
        doing: String,
        /// The error's number.
        errno: i32,
    },
}

static ABLE: OnceLock<()> = OnceLock::new();

/// To be called first of all in `main`: when this process was started as the inner half, it is that, and `main` returns what this
/// says. Else sandboxed commands can be started from now on.
pub fn called() -> Option<ExitCode> {
    if std::env::args_os().next().is_some_and(|name| name == NAME) {
        return Some(run());
    }
    ABLE.get_or_init(|| ());
    None
}

/// Whether `main` of this program calls [`called`]: started again, any other would be itself again.
pub(super) fn is_able() -> bool {
    ABLE.get().is_some()
}

fn run() -> ExitCode {
    let (control, failed) = match rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3) {
        Ok(control) => {
            let failed = prepare(&control).and_then(|ground| become_it(&control, ground)).err();
            (control, failed)
        }
        Err(_) => return ExitCode::from(FAILED),
    };
    match failed {
        None => ExitCode::SUCCESS,
        Some(report) => {
            if tell(&control, &report).is_err() {
                eprintln!("this is a part of Steward, and is not started by hand");
            }
            ExitCode::from(FAILED)
        }
    }
}

fn tell(control: &OwnedFd, report: &Report) -> io::Result<()> {
    let text = serde_json::to_vec(report)?;
    rustix::net::send(control, &text, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn at(doing: &str) -> impl Fn(rustix::io::Errno) -> Report {
    move |e| Report::Failed { doing: doing.to_owned(), errno: e.raw_os_error() }
}

fn nix_at(doing: &str) -> impl Fn(nix::errno::Errno) -> Report {
    move |e| Report::Failed { doing: doing.to_owned(), errno: e as i32 }
}

fn io_at(doing: &str) -> impl Fn(io::Error) -> Report {
    move |e| Report::Failed { doing: doing.to_owned(), errno: e.raw_os_error().unwrap_or(0) }
}

fn missing(fence: &str, what: impl ToString) -> Report {
    Report::Missing { fence: fence.to_owned(), what: what.to_string() }
}

/// All that is the same for every command, before it is known which it will be: no input, no descriptor of anybody's, no terminal; and
/// a look at the system.
fn prepare(control: &OwnedFd) -> Result<Ground, Report> {
    let null = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(at("opening /dev/null"))?;
    rustix::stdio::dup2_stdin(&null).map_err(at("closing the input"))?;
    drop(null);
    close_others(control.as_raw_fd())?;
    rustix::process::setsid().map_err(at("beginning a session"))?;
    rustix::process::umask(Mode::from_raw_mode(0o077));
    default_sigpipe()?;
    Ground::look().map_err(|e| missing(LANDLOCK, e))
}

fn become_it(control: &OwnedFd, ground: Ground) -> Result<(), Report> {
    let (order, descriptors) = receive(control)?;
    let mut descriptors = descriptors.into_iter();
    let mut next = |wanted: bool| if wanted { descriptors.next() } else { None };
    let (program, folder, script) = (next(!order.only_try), next(order.folder), next(order.script.is_some()));
    let fences = &order.fences;

    if fences.confined {
        // The kernel's choice when memory runs out. It may be more than that already, and then it stays.
        let _stays = std::fs::write("/proc/self/oom_score_adj", "1000");
    }
    leave_root(fences)?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(at("being bound to the agent"))?;
    if rustix::process::getppid().map(|p| p.as_raw_nonzero().get()) != Some(order.parent) {
        return Err(Report::Failed { doing: "looking for the agent".to_owned(), errno: libc::ESRCH });
    }
    match &folder {
        Some(folder) => rustix::process::fchdir(folder).map_err(at("entering the working folder"))?,
        None => rustix::process::chdir("/").map_err(at("entering the working folder"))?,
    }
    rustix::thread::set_no_new_privs(true).map_err(at("giving up new privileges"))?;

    // Before the limit of open files is there, the program gets a number beyond it.
    let sealed = match &program {
        Some(program) => {
            let number = fences.open_files.cast_signed();
            let sealed = rustix::io::fcntl_dupfd_cloexec(program, number).map_err(at("keeping the program open"))?;
            if sealed.as_raw_fd() != number {
                return Err(Report::Failed { doing: "keeping the program open".to_owned(), errno: libc::EBUSY });
            }
            Some(sealed)
        }
        None => None,
    };
    limit(fences)?;
    let landlock = ground.version;
    if fences.confined {
        fence(ground, fences, folder.as_ref(), program.as_ref(), script.as_ref())?;
    }
    drop(folder);
    drop(program);

    let (argv, env) = words(&order, script.as_ref())?;
    if fences.confined {
        let wanted = Wanted {
            network: fences.network,
            programs: fences.programs,
            writes: fences.writes_folder,
            landlock,
            program: fences.open_files,
            pid: std::process::id(),
        };
        seccompiler::apply_filter(&filter(&wanted)).map_err(|e| missing("a filter of system calls (seccomp)", e))?;
    }
    tell(control, &Report::Ready).map_err(io_at("telling the agent"))?;
    let Some(program) = sealed else { return Ok(()) };
    let failed = nix::unistd::execveat(&program, c"", &argv, &env, nix::fcntl::AtFlags::AT_EMPTY_PATH);
    Err(match failed {
        Ok(never) => match never {},
        Err(e) => nix_at(EXECUTING)(e),
    })
}

/// Takes the order and the descriptors that come with it.
fn receive(control: &OwnedFd) -> Result<(Order, Vec<OwnedFd>), Report> {
    let doing = "reading what to do";
    let mut byte = [0u8; 1];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    rustix::net::recvmsg(control, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)
        .map_err(at(doing))?;
    let mut descriptors: Vec<OwnedFd> = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    let nothing = || Report::Failed { doing: doing.to_owned(), errno: libc::EINVAL };
    if descriptors.is_empty() {
        return Err(nothing());
    }
    let text = File::from(descriptors.remove(0));
    let size = text.metadata().map_err(io_at(doing))?.len();
    let mut bytes = vec![0; usize::try_from(size.min(MAX_ORDER)).unwrap_or(0)];
    text.read_exact_at(&mut bytes, 0).map_err(io_at(doing))?;
    let order: Order = serde_json::from_slice(&bytes).map_err(|_| nothing())?;
    let expected = usize::from(!order.only_try) + usize::from(order.folder) + usize::from(order.script.is_some());
    if descriptors.len() != expected {
        return Err(nothing());
    }
    Ok((order, descriptors))
}

/// Closes every descriptor but the three standard ones and `keep`: the agent's own are closed by the kernel, but not what the agent
/// itself was started with.
fn close_others(keep: i32) -> Result<(), Report> {
    let doing = "closing what was left open";
    let mut open = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd").map_err(io_at(doing))? {
        let name = entry.map_err(io_at(doing))?.file_name();
        open.extend(name.to_str().and_then(|n| n.parse::<i32>().ok()));
    }
    for number in open {
        if number > 2 && number != keep {
            // EBADF: it was the folder that was just read.
            let _closed = nix::unistd::close(number);
        }
    }
    Ok(())
}

/// The runtime of Rust ignores SIGPIPE, and what is ignored stays so in a new program. What is handled does not.
fn default_sigpipe() -> Result<(), Report> {
    let flag = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(libc::SIGPIPE, flag).map(drop).map_err(io_at("setting the signals"))
}

/// As root, becomes nobody; a command is never root. A profile without fences is refused then.
fn leave_root(fences: &Fences) -> Result<(), Report> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    if !fences.confined {
        return Err(missing("a user other than root", "without its fences a command would be root, and no command is"));
    }
    let doing = "becoming nobody";
    let (uid, gid) = (nix::unistd::Uid::from_raw(NOBODY), nix::unistd::Gid::from_raw(NOBODY));
    nix::unistd::setgroups(&[]).map_err(nix_at(doing))?;
    nix::unistd::setresgid(gid, gid, gid).map_err(nix_at(doing))?;
    nix::unistd::setresuid(uid, uid, uid).map_err(nix_at(doing))?;
    // Changing the user took away the right to its own files in /proc, which the namespace below is set up by.
    let dumpable = rustix::process::DumpableBehavior::Dumpable;
    rustix::process::set_dumpable_behavior(dumpable).map_err(at(doing))
}

/// The limits of setrlimit(2), and a user namespace in which the processes of this command are counted, and no others.
fn limit(fences: &Fences) -> Result<(), Report> {
    let set = |resource: Resource, to: u64| {
        let limit = Rlimit { current: Some(to), maximum: Some(to) };
        setrlimit(resource, limit).map_err(at("setting limits"))
    };
    set(Resource::Core, 0)?;
    set(Resource::Nofile, u64::from(fences.open_files))?;
    if !fences.confined {
        return Ok(());
    }
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER)
        .map_err(|e| missing("a limit of processes", format!("it needs a user namespace of its own: {e}")))?;
    // Where the kernel gives the namespace but no rights in it (AppArmor's rule for unconfined programs), the user has no name in
    // it; what it may do is the same.
    if std::fs::write("/proc/self/uid_map", format!("{0} {0} 1", uid.as_raw())).is_ok() {
        let _named = std::fs::write("/proc/self/setgroups", "deny")
            .and_then(|()| std::fs::write("/proc/self/gid_map", format!("{0} {0} 1", gid.as_raw())));
    }
    let none = rustix::thread::CapabilitySet::empty();
    let none = rustix::thread::CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, none).map_err(at("giving up capabilities"))?;
    set(Resource::Data, fences.memory)?;
    set(Resource::Nproc, u64::from(fences.processes))?;
    // At the first a program is told, at the second it is killed.
    let cpu = u64::from(fences.cpu);
    let limit = Rlimit { current: Some(cpu), maximum: Some(cpu + 1) };
    setrlimit(Resource::Cpu, limit).map_err(at("setting limits"))?;
    set(Resource::Fsize, fences.file_size)?;
    set(Resource::Memlock, 0)?;
    set(Resource::Msgqueue, 0)
}

/// Landlock.
fn fence(
    ground: Ground,
    fences: &Fences,
    folder: Option<&OwnedFd>,
    program: Option<&OwnedFd>,
    script: Option<&OwnedFd>,
) -> Result<(), Report> {
    if ground.version == 0 {
        return Err(missing(LANDLOCK, "this kernel has no Landlock, or it is switched off"));
    }
    let files = Files {
        folder: folder.filter(|_| fences.reads_folder).map(|f| (f, fences.writes_folder)),
        programs: program.into_iter().chain(script).collect(),
        read: &fences.read,
        network: fences.network,
    };
    fences::restrict(ground, &files).map_err(|e| missing(LANDLOCK, e))
}

/// Arguments and environment in the form of execve(2). A script's own argument names the descriptor of it that stays open.
fn words(order: &Order, script: Option<&OwnedFd>) -> Result<(Vec<CString>, Vec<CString>), Report> {
    let zero = |_| Report::Failed { doing: "reading the arguments".to_owned(), errno: libc::EINVAL };
    let mut argv = order.argv.clone();
    if let (Some(at_), Some(script)) = (order.script, script) {
        rustix::io::fcntl_setfd(script, rustix::io::FdFlags::empty()).map_err(at("keeping the script open"))?;
        if let Some(arg) = argv.get_mut(at_) {
            *arg = format!("/proc/self/fd/{}", script.as_raw_fd());
        }
    }
    let argv = argv.into_iter().map(CString::new).collect::<Result<_, _>>().map_err(zero)?;
    let env =
        order.env.iter().map(|(n, v)| CString::new(format!("{n}={v}"))).collect::<Result<_, _>>().map_err(zero)?;
    Ok((argv, env))
}
