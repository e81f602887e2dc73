//! What `/proc` says about one process: pure parsers of its files, and a handle that cannot slip to another process.
//!
//! Formats: proc_pid_stat(5), proc_pid_status(5), cgroups(7), and systemd's naming of control groups (systemd.slice(5),
//! systemd-system.conf(5)). Nothing here decides anything.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use serde::{Deserialize, Serialize};

/// The longest `/proc/PID/stat` that is read; it stays far below one page.
const MAX_STAT: usize = 4096;
/// The longest `/proc/PID/status` that is read. It lists every supplementary group, so it can be longer.
const MAX_STATUS: usize = 32 * 1024;
/// The longest `/proc/PID/cgroup` that is read. Fourteen hierarchies of version 1 with long paths fit.
const MAX_CGROUP_FILE: usize = 16 * 1024;
/// The longest control group that is kept; a longer one counts as unknown.
const MAX_CGROUP: usize = 1024;
/// The longest program path that is kept; a longer one counts as unknown.
const MAX_EXE: usize = 512;
/// The first buffer for a file of `/proc`; nearly all of them fit.
const FIRST_READ: usize = 2048;
/// What the kernel appends to the path of a program whose file is gone.
const REPLACED: &str = " (deleted)";
/// The audit session of a process that nobody logged in for.
const NO_AUDIT_SESSION: u32 = u32::MAX;

/// The fields of `/proc/PID/stat` that matter here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The process id.
    pub pid: u32,
    /// The command name as the process likes to have it: at most 15 bytes, and forgeable.
    pub comm: String,
    /// One letter; `Z` and `X` are dead.
    pub state: u8,
    /// The parent's process id; 0 when the parent is outside this pid namespace, and for pid 1.
    pub parent: u32,
    /// The device number of the controlling terminal, if it has one.
    pub tty: Option<u32>,
    /// When it started, in clock ticks (1/100 s) since boot.
    pub start_time: u64,
}

impl Stat {
    /// Whether the process has ended and only waits to be reaped.
    pub fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// Reads `/proc/PID/stat`. The command name may hold blanks, parentheses and newlines, so it ends at the *last* `)`.
pub fn parse_stat(bytes: &[u8]) -> Option<Stat> {
    let open = bytes.iter().position(|b| *b == b'(')?;
    let close = bytes.iter().rposition(|b| *b == b')')?;
    let comm = String::from_utf8_lossy(bytes.get(open + 1..close)?).into_owned();
    let pid = std::str::from_utf8(&bytes[..open]).ok()?.trim().parse().ok()?;
    let rest = std::str::from_utf8(bytes.get(close + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    // Field 3 of the manual page is the first after the name.
    let state = match fields.next()?.as_bytes() {
        [letter] => *letter,
        _ => return None,
    };
    let parent = fields.next()?.parse().ok()?;
    // Printed as a signed number, but it is a bit field.
    let tty = fields.nth(2)?.parse::<i32>().ok()?.cast_unsigned();
    let start_time = fields.nth(14)?.parse().ok()?;
    Some(Stat { pid, comm, state, parent, tty: (tty != 0).then_some(tty), start_time })
}

/// Reads the real, effective, saved and file system uid from `/proc/PID/status`.
pub fn parse_uids(bytes: &[u8]) -> Option<[u32; 4]> {
    // The command name is escaped in this file, so a line that begins so is the kernel's.
    let line = bytes.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"Uid:"))?;
    let mut uids = std::str::from_utf8(line).ok()?.split_ascii_whitespace().map(|n| n.parse().ok());
    let four = [uids.next()??, uids.next()??, uids.next()??, uids.next()??];
    uids.next().is_none().then_some(four)
}

/// Reads `/proc/PID/sessionid`, the audit session; `None` where nobody logged in.
pub fn parse_audit_session(bytes: &[u8]) -> Option<u32> {
    let id = std::str::from_utf8(bytes).ok()?.trim_end().parse().ok()?;
    (id != NO_AUDIT_SESSION && id != 0).then_some(id)
}

/// Reads `/proc/PID/cgroup` and takes the hierarchy in which systemd keeps its units: the named one of version 1 and of
/// the hybrid layout, else the one of version 2.
pub fn parse_cgroup(bytes: &[u8]) -> Option<Cgroup> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (mut named, mut unified) = (None, None);
    for line in text.lines() {
        // The path is last and may hold colons.
        let mut parts = line.splitn(3, ':');
        match (parts.next()?, parts.next()?, parts.next()?) {
            (_, "name=systemd", path) => named = Some(path),
            ("0", "", path) => unified = Some(path),
            _ => {}
        }
    }
    let path = named.filter(|path| *path != "/").or(unified).or(named)?;
    (path.starts_with('/') && path.len() <= MAX_CGROUP).then(|| Cgroup(path.to_owned()))
}

/// The control group of a process, and what its path says in systemd's naming.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cgroup(String);

impl Cgroup {
    /// The path below the root of the hierarchy.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The system unit, such as `ssh.service`, `session-3.scope`, or `user@1000.service` for all that a user manager runs.
    pub fn unit(&self) -> Option<&str> {
        self.split().0
    }

    /// The unit of the user manager, such as `app-foo.scope`. Its user can give it any name.
    pub fn user_unit(&self) -> Option<&str> {
        self.split().1
    }

    /// The unit that holds the process most closely: the user unit where there is one, else the system unit.
    pub fn innermost(&self) -> Option<&str> {
        match self.split() {
            (Some(system), None) if is_user_manager(system) => None,
            (system, user) => user.or(system),
        }
    }

    /// The logind session, when the process is in the scope of one.
    pub fn session(&self) -> Option<&str> {
        let inside = self.0.strip_prefix("/user.slice/user-")?;
        let id = self.unit()?.strip_prefix("session-")?.strip_suffix(".scope")?;
        (inside.contains(".slice/") && !id.is_empty()).then_some(id)
    }

    /// Whether the process belongs to a user manager: there its user may move processes as it likes.
    pub fn is_delegated(&self) -> bool {
        self.unit().is_some_and(is_user_manager)
    }

    /// Whether this is where a `systemd --user` manager itself lives.
    pub fn is_user_manager(&self) -> bool {
        self.is_delegated() && self.user_unit() == Some("init.scope")
    }

    fn split(&self) -> (Option<&str>, Option<&str>) {
        let mut parts = self.0.split('/').skip(1).skip_while(|part| part.ends_with(".slice"));
        let Some(system) = parts.next().and_then(unit_name) else { return (None, None) };
        let user =
            is_user_manager(system).then(|| parts.find(|part| !part.ends_with(".slice")).and_then(unit_name)).flatten();
        (Some(system), user)
    }
}

fn is_user_manager(unit: &str) -> bool {
    unit.strip_prefix("user@")
        .and_then(|rest| rest.strip_suffix(".service"))
        .is_some_and(|uid| !uid.is_empty() && uid.bytes().all(|b| b.is_ascii_digit()))
}

/// A path component as a unit's name; systemd puts `_` in front of names that the kernel would take for its own files.
fn unit_name(component: &str) -> Option<&str> {
    const TYPES: [&str; 5] = [".service", ".scope", ".socket", ".mount", ".swap"];
    let name = component.strip_prefix('_').unwrap_or(component);
    TYPES.iter().any(|t| name.len() > t.len() && name.ends_with(t)).then_some(name)
}

/// The program of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exe {
    /// Its absolute path.
    pub path: String,
    /// Whether the file is root's own, writable by root only, and what this path means to the agent too (a sandbox can
    /// mount any program under any name for itself).
    pub root_owned: bool,
}

/// An open folder `/proc/PID`. When its process has ended, every read fails, also after the number was given to another.
#[derive(Debug)]
pub struct Process {
    dir: OwnedFd,
}

impl Process {
    /// Opens the process that has this number now; an error when there is none or `/proc` hides it.
    pub fn open(pid: u32) -> io::Result<Process> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Process { dir: rustix::fs::openat(CWD, format!("/proc/{pid}"), flags, Mode::empty())? })
    }

    /// The process that runs this code.
    pub fn this() -> io::Result<Process> {
        Process::open(std::process::id())
    }

    /// The facts of `stat`.
    pub fn stat(&self) -> io::Result<Stat> {
        parse_stat(&self.read("stat", MAX_STAT)?).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Its control group, if it is known.
    pub fn cgroup(&self) -> Option<Cgroup> {
        parse_cgroup(&self.read("cgroup", MAX_CGROUP_FILE).ok()?)
    }

    /// Its real, effective, saved and file system uid.
    pub fn uids(&self) -> Option<[u32; 4]> {
        parse_uids(&self.read("status", MAX_STATUS).ok()?)
    }

    /// Its audit session, if somebody logged in for it.
    pub fn audit_session(&self) -> Option<u32> {
        parse_audit_session(&self.read("sessionid", 64).ok()?)
    }

    /// The path of its program, where the agent may look: for others' processes only root may, nor for set-id programs
    /// (ptrace(2), "Ptrace access mode checking").
    pub fn exe_path(&self) -> Option<String> {
        let target = self.exe_target()?;
        Some(match target.strip_suffix(REPLACED) {
            Some(path) if self.exe_file()?.st_nlink == 0 => path.to_owned(),
            _ => target,
        })
    }

    /// Its program and whose it is, where the agent may look.
    pub fn exe(&self) -> Option<Exe> {
        let target = self.exe_target()?;
        let file = self.exe_file()?;
        let replaced = (file.st_nlink == 0).then(|| target.strip_suffix(REPLACED)).flatten();
        let path = replaced.unwrap_or(&target);
        let roots_own = file.st_uid == 0
            && file.st_mode & 0o022 == 0
            && FileType::from_raw_mode(file.st_mode) == FileType::RegularFile;
        let same_file = || match replaced {
            // An upgrade replaced it under a running process: then the path holds where both see the same mounts.
            Some(_) => self.shares_mounts(),
            None => rustix::fs::stat(path).is_ok_and(|ours| (ours.st_dev, ours.st_ino) == (file.st_dev, file.st_ino)),
        };
        Some(Exe { path: path.to_owned(), root_owned: roots_own && same_file() })
    }

    fn exe_target(&self) -> Option<String> {
        let target = rustix::fs::readlinkat(&self.dir, "exe", Vec::new()).ok()?.into_string().ok()?;
        (target.starts_with('/') && target.len() <= MAX_EXE).then_some(target)
    }

    fn exe_file(&self) -> Option<rustix::fs::Stat> {
        rustix::fs::statat(&self.dir, "exe", AtFlags::empty()).ok()
    }

    /// Whether it is in the agent's own user namespace (user_namespaces(7)); `None` where the agent may not look.
    pub fn shares_users(&self) -> Option<bool> {
        self.shares("user")
    }

    fn shares_mounts(&self) -> bool {
        self.shares("mnt") == Some(true)
    }

    fn shares(&self, namespace: &str) -> Option<bool> {
        let theirs = rustix::fs::readlinkat(&self.dir, format!("ns/{namespace}"), Vec::new()).ok()?;
        let ours = rustix::fs::readlinkat(CWD, format!("/proc/self/ns/{namespace}"), Vec::new()).ok()?;
        Some(theirs == ours)
    }

    /// Reads one small file whole; longer than `limit` is an error.
    fn read(&self, name: &str, limit: usize) -> io::Result<Vec<u8>> {
        let file = rustix::fs::openat(&self.dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let mut bytes = vec![0; FIRST_READ];
        let mut filled = 0;
        loop {
            match rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut bytes[filled..]))? {
                0 => break,
                n => filled += n,
            }
            if filled > limit {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if filled == bytes.len() {
                bytes.resize(2 * filled, 0);
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stat_line(comm: &str) -> String {
        format!(
            "4242 ({comm}) S 17 4242 4242 34817 4242 4194304 99 0 0 0 1 2 3 4 20 0 1 0 90172 3133440 360 1844674407370 0"
        )
    }

    #[test]
    fn a_command_name_cannot_shift_the_fields_of_stat() {
        for comm in ["cat", "", "a b", ")", "(", ") Z 1 (", "x) R 1 1 1 0 0", "tmux: server", "new\nline", "é"] {
            let stat = parse_stat(stat_line(comm).as_bytes()).expect(comm);
            let expected =
                Stat { pid: 4242, comm: comm.into(), state: b'S', parent: 17, tty: Some(34817), start_time: 90172 };
            assert_eq!(stat, expected);
        }
    }

    #[test]
    fn a_stat_line_without_terminal_or_cut_short_is_told_apart() {
        let none = stat_line("x").replace("34817", "0");
        assert_eq!(parse_stat(none.as_bytes()).expect("parses").tty, None);
        let negative = stat_line("x").replace("34817", "-2147483648");
        assert_eq!(parse_stat(negative.as_bytes()).expect("parses").tty, Some(0x8000_0000));
        for bad in
            ["", "1", "1 (x", "1 x) S 1", "1 (x) S 1 1 1 0 0", "x (x) S 1 1 1 0 0", "1 )x( S", "1 (x) SS 1 1 1 0"]
        {
            assert_eq!(parse_stat(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_control_group_names_unit_user_unit_and_session() {
        type Row = (&'static str, Option<&'static str>, Option<&'static str>, Option<&'static str>);
        let user = "0::/user.slice/user-1000.slice";
        #[rustfmt::skip]
        let rows: &[Row] = &[
            ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-foo.scope", Some("user@1000.service"), Some("app-foo.scope"), None),
            ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-a.slice/x.service/sub", Some("user@1000.service"), Some("x.service"), None),
            ("0::/user.slice/user-1000.slice/user@1000.service/init.scope", Some("user@1000.service"), Some("init.scope"), None),
            ("0::/user.slice/user-1000.slice/user@1000.service", Some("user@1000.service"), None, None),
            ("0::/user.slice/user-1000.slice/user@1000.service/mine/ssh.service", Some("user@1000.service"), None, None),
            ("0::/user.slice/user-1000.slice/session-3.scope", Some("session-3.scope"), None, Some("3")),
            ("0::/user.slice/user-1000.slice/session-c1.scope", Some("session-c1.scope"), None, Some("c1")),
            ("0::/system.slice/session-3.scope", Some("session-3.scope"), None, None),
            ("0::/system.slice/ssh.service", Some("ssh.service"), None, None),
            ("0::/system.slice/system-getty.slice/getty@tty1.service", Some("getty@tty1.service"), None, None),
            ("0::/system.slice/_cgroup.service", Some("cgroup.service"), None, None),
            ("0::/machine.slice/machine-a.scope/payload/system.slice/ssh.service", Some("machine-a.scope"), None, None),
            ("0::/system.slice/docker-0a.scope", Some("docker-0a.scope"), None, None),
            ("0::/docker/0a/system.slice/ssh.service", None, None, None),
            ("0::/init.scope", Some("init.scope"), None, None),
            ("0::/", None, None, None),
            ("0::/../system.slice/ssh.service", None, None, None),
            ("0::/a:b/x.service", None, None, None),
            ("0::/system.slice/.service", None, None, None),
            ("9:name=systemd:/\n3:cpuset:/\n0::/system.slice/a.service", Some("a.service"), None, None),
            ("12:pids:/user.slice\n1:name=systemd:/user.slice/user-0.slice/session-7.scope\n", Some("session-7.scope"), None, Some("7")),
            ("1:name=systemd:/user.slice/user-0.slice/session-7.scope\n0::/system.slice/a.service", Some("session-7.scope"), None, Some("7")),
        ];
        for (file, unit, user_unit, session) in rows {
            let group = parse_cgroup(file.as_bytes()).expect(file);
            assert_eq!((group.unit(), group.user_unit(), group.session()), (*unit, *user_unit, *session), "{file}");
        }
        for bad in ["", "\n", "nonsense", "0::", "0::relative", "3:cpuset:/", "0:/x"] {
            assert_eq!(parse_cgroup(bad.as_bytes()), None, "{bad}");
        }
        let long = format!("{user}/{}", "x".repeat(MAX_CGROUP));
        assert_eq!(parse_cgroup(long.as_bytes()), None);
    }

    #[test]
    fn only_a_manager_by_itself_has_no_innermost_unit() {
        let inner =
            |path: &str| parse_cgroup(format!("0::{path}").as_bytes()).and_then(|g| g.innermost().map(String::from));
        assert_eq!(inner("/system.slice/a.service").as_deref(), Some("a.service"));
        assert_eq!(inner("/user.slice/user-1.slice/user@1.service/app.slice/b.service").as_deref(), Some("b.service"));
        assert_eq!(inner("/user.slice/user-1.slice/user@1.service"), None);
        assert_eq!(inner("/"), None);
    }

    #[test]
    fn uids_and_audit_sessions_are_read_or_unknown() {
        assert_eq!(parse_uids(b"Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t0\t0\t0\t0\n"), Some([1, 2, 3, 4]));
        for bad in ["", "Uid:", "Uid:\t1\t2\t3", "Uid:\t1\t2\t3\t4\t5", "Uid:\ta\tb\tc\td", "xUid:\t1\t2\t3\t4"] {
            assert_eq!(parse_uids(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse_audit_session(b"12"), Some(12));
        assert_eq!(parse_audit_session(b"12\n"), Some(12));
        assert_eq!(parse_audit_session(b"4294967295"), None);
        assert_eq!(parse_audit_session(b""), None);
    }

    #[test]
    fn this_process_can_be_read_and_one_that_is_not_there_cannot() {
        let this = Process::this().expect("it runs");
        let stat = this.stat().expect("it runs");
        assert_eq!(stat.pid, std::process::id());
        assert!(!stat.is_dead());
        let exe = this.exe().expect("one's own is readable");
        assert_eq!(Some(exe.path.as_str()), std::env::current_exe().expect("has a name").to_str());
        assert!(this.uids().is_some());
        assert!(Process::open(0).is_err());
        assert!(Process::open(u32::MAX).is_err());
    }

    proptest! {
        #[test]
        fn foreign_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (parse_stat(&bytes), parse_uids(&bytes), parse_audit_session(&bytes));
            if let Some(group) = parse_cgroup(&bytes) {
                let _ = (group.unit(), group.user_unit(), group.session(), group.innermost());
            }
        }

        #[test]
        fn any_command_name_leaves_the_other_fields_alone(comm in "\\PC{0,15}") {
            let stat = parse_stat(stat_line(&comm).as_bytes()).expect("a kernel's line");
            prop_assert_eq!((stat.parent, stat.tty, stat.start_time), (17, Some(34817), 90172));
        }
    }
}
