//! The escape suite: programs that try to get out of their sandbox, started by the built command. Each fails with a clear result.
//!
//! The attackers are small Python programs, because what they call has no safe name in Rust. What they attack was put there by the
//! test: a process, a socket, a file of the same user. Where the tests run as root, commands are `nobody`, and so are the victims.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "the tests start the built command, and its victims")]

mod common;

use std::collections::BTreeMap;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Ended, World};

const PYTHON: &str = "/usr/bin/python3";
/// Who commands are when the tests are root.
const NOBODY: u32 = 65534;

/// What every attacker begins with: system calls by number and by name, with their error in the place of an exception.
const PRELUDE: &str = r#"
import ctypes, os, sys, errno, signal, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    ctypes.set_errno(0)
    r = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
    return 'ok' if r >= 0 else errno.errorcode.get(ctypes.get_errno(), ctypes.get_errno())
def attempt(f):
    try:
        f()
        return 'ok'
    except OSError as e:
        return errno.errorcode.get(e.errno, e.errno)
    except MemoryError:
        return 'MemoryError'
def say(name, result):
    print(name + '=' + str(result), flush=True)
"#;

/// A world with a working folder that commands may write to, and one beside it that belongs to the same user.
struct Cage {
    world: World,
    cwd: PathBuf,
    outside: PathBuf,
}

impl Cage {
    fn new() -> Cage {
        let world = World::new();
        let (cwd, outside) = (world.path("work"), world.path("outside"));
        for folder in [&cwd, &outside] {
            std::fs::create_dir(folder).unwrap();
            give_away(folder);
        }
        std::fs::write(outside.join("secret"), "secret").unwrap();
        give_away(&outside.join("secret"));
        // Nobody passes through the folder to what is his: the sandbox has to stop him, not this.
        std::fs::set_permissions(world.path(""), PermissionsExt::from_mode(0o755)).unwrap();
        Cage { world, cwd, outside }
    }

    fn run(&self, profile: &str, flags: &[&str], command: &[&str]) -> Ended {
        let cwd = self.cwd.to_str().unwrap();
        let mut all = vec!["sandbox", "run", profile, "--cwd", cwd];
        all.extend(flags);
        all.push("--");
        all.extend(command);
        self.world.run(&all)
    }

    /// Runs an attacker; what it said, by name.
    fn attack(&self, profile: &str, program: &str, args: &[&str]) -> BTreeMap<String, String> {
        let program = format!("{PRELUDE}{program}");
        let mut command = vec![PYTHON, "-I", "-S", "-c", &program];
        command.extend(args);
        let ended = self.run(profile, &["--timeout", "30"], &command);
        assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{ended:?}");
        let said: BTreeMap<String, String> =
            ended.out.lines().filter_map(|l| l.split_once('=')).map(|(n, r)| (n.to_owned(), r.to_owned())).collect();
        assert!(!said.is_empty());
        said
    }

    /// Runs an attacker, of whom everything must fail with one of these errors.
    fn all_fail(&self, profile: &str, program: &str, args: &[&str], with: &[&str]) {
        for (name, result) in self.attack(profile, program, args) {
            assert!(
                with.contains(&result.as_str()),
                "{profile}: {name} ended with {result}, and not with one of {with:?}"
            );
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Makes what commands of this user would own theirs.
fn give_away(path: &Path) {
    if is_root() {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

/// A process of the user whom commands run as.
struct Victim(Child);

impl Victim {
    fn new() -> Victim {
        let mut command = Command::new("/bin/sleep");
        command.arg("300").stdin(Stdio::null()).env("STEWARD_TEST_SECRET", "in the environment");
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        Victim(command.spawn().unwrap())
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    fn lives(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many processes have this text in their arguments.
fn processes_with(marker: &str) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let mut text = Vec::new();
        if let Ok(mut file) = std::fs::File::open(entry.path().join("cmdline")) {
            let _ = file.read_to_end(&mut text);
        }
        count += usize::from(String::from_utf8_lossy(&text).contains(marker) && entry.file_name() != "self");
    }
    count
}

#[test]
fn a_program_runs_and_its_end_is_the_commands() {
    let cage = Cage::new();
    cage.run("ro-nonet", &[], &["/bin/true"]).with(0);
    cage.run("ro-nonet", &[], &["/bin/false"]).with(1);
    assert_eq!(cage.run("ro-nonet", &[], &["/bin/echo", "a  b", "$HOME"]).with(0).out, "a  b $HOME\n");
    let killed = cage.run("ro-nonet", &[], &[PYTHON, "-c", "import os; os.kill(os.getpid(), 9)"]);
    killed.with(128 + 9);
    cage.run("ro-nonet", &["--timeout", "1"], &["/bin/sleep", "30"]).with(124);
    cage.run("ro-nonet", &[], &["/no/such/program"]).with(126);
    cage.run("ro-nonet", &[], &["true"]).with(126);
    cage.run("no-such-sandbox", &[], &["/bin/true"]).with(2);
    // A pipe that nobody reads ends a program as everywhere.
    let sh = cage.run("rw-cwd-nonet", &[], &["/bin/sh", "-c", "yes | head -n 1"]).with(0);
    assert_eq!((sh.out.as_str(), sh.err.as_str()), ("y\n", ""));
}

#[test]
fn the_list_says_what_this_kernel_can_hold() {
    let list = Cage::new().world.run(&["--json", "sandbox", "list"]).with(0).json();
    let all = list["sandboxes"].as_array().unwrap();
    let names: Vec<&str> = all.iter().map(|row| row["profile"]["name"].as_str().unwrap()).collect();
    let built_in = ["ro-nonet", "ro-cwd-nonet", "rw-cwd-nonet", "rw-cwd-net", "none"];
    // Behind them are those of the shipped policy.
    assert_eq!(names, [&built_in[..], &["plan", "plan-cwd"]].concat());
    for (row, name) in all.iter().zip(names) {
        // As root a command without fences would be root.
        assert_eq!(row["available"], name != "none" || !is_root(), "{row}");
    }
    let said = Cage::new().world.run(&["sandbox", "list"]).with(0).out;
    let row = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.lines().any(|line| row(line).starts_with("rw-cwd-net writes cwd yes system")), "{said}");
}

#[test]
fn a_command_starts_with_nothing_of_the_agents() {
    let cage = Cage::new();
    let env = cage.run("ro-nonet", &["--env", "TZ=UTC"], &["/usr/bin/env"]).with(0).out;
    let mut lines: Vec<&str> = env.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["HOME=/nonexistent", "LANG=C.UTF-8", "PATH=/usr/bin:/bin:/usr/sbin:/sbin", "TZ=UTC"]);
    let said = cage.attack(
        "ro-nonet",
        "say('fds', sorted(int(n) for n in os.listdir('/proc/self/fd'))); say('in', os.readlink('/proc/self/fd/0'))
say('session', os.getsid(0) == os.getpid() and os.getpgid(0) == os.getpid())
say('tty', attempt(lambda: os.open('/dev/tty', os.O_RDWR)))
say('privileges', [l.split()[1] for l in open('/proc/self/status') if l.startswith(('CapEff', 'CapPrm', 'NoNewPrivs'))])
say('root', os.getuid() == 0 or os.geteuid() == 0 or 0 in os.getgroups())",
        &[],
    );
    let none = "0".repeat(16);
    assert_eq!(said["in"], "/dev/null");
    // The fourth is the folder that is being read.
    assert_eq!(said["fds"], "[0, 1, 2, 3]");
    assert_eq!(said["session"], "True");
    assert!(["EACCES", "ENXIO"].contains(&said["tty"].as_str()));
    assert_eq!(said["privileges"], format!("['{none}', '{none}', '1']"));
    assert_eq!(said["root"], "False");
}

#[test]
fn a_descriptor_that_was_left_open_is_closed() {
    let cage = Cage::new();
    let script = "exec 7</etc/passwd; exec \"$0\" sandbox run ro-nonet -- /bin/ls /proc/self/fd";
    let out = Command::new("/bin/sh").args(["-c", script]).arg(common::steward()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stdout), "0\n1\n2\n3\n", "{out:?}");
    drop(cage);
}

#[test]
fn what_the_loader_looks_at_never_comes_from_a_caller() {
    let cage = Cage::new();
    for variable in
        ["LD_PRELOAD=/tmp/x.so", "PATH=/tmp", "GLIBC_TUNABLES=x=y", "LD_AUDIT=x", "BASH_ENV=/tmp/x", "HOME=/tmp"]
    {
        cage.run("ro-nonet", &["--env", variable], &["/bin/true"]).with(2);
    }
}

/// Runs all of this again as a user without a name, for whom a command is not another one: what holds then holds without the
/// help of the ownership of files.
#[test]
fn an_ordinary_users_commands_are_held_as_well() {
    const SOMEBODY: u32 = 2001;
    if !is_root() {
        // Then the others have just shown it.
        return;
    }
    // The built programs may lie where nobody else can go; copies of them can be reached.
    let folder = tempfile::tempdir().unwrap();
    let own = |path: &Path| std::os::unix::fs::chown(path, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    let (suite, steward) = (folder.path().join("suite"), folder.path().join("steward"));
    std::fs::copy(std::env::current_exe().unwrap(), &suite).unwrap();
    std::fs::copy(common::steward(), &steward).unwrap();
    [folder.path(), &suite, &steward].into_iter().for_each(own);
    let mut command = Command::new(&suite);
    command.env_clear().env("STEWARD_TEST_BINARY", &steward).env("TMPDIR", folder.path()).current_dir(folder.path());
    let ended = command.uid(SOMEBODY).gid(SOMEBODY).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && said.contains("0 failed"), "{said}{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn nothing_is_read_or_written_outside() {
    let cage = Cage::new();
    let outside = cage.outside.to_str().unwrap();
    std::os::unix::fs::symlink(&cage.outside, cage.cwd.join("link")).unwrap();
    let before = std::fs::metadata(cage.outside.join("secret")).unwrap();
    let program = r#"
out = sys.argv[1]
secret = out + '/secret'
say('read', attempt(lambda: open(secret).read()))
say('list', attempt(lambda: os.listdir(out)))
say('write', attempt(lambda: open(secret, 'w')))
say('append', attempt(lambda: open(secret, 'a')))
say('create', attempt(lambda: open(out + '/new', 'w')))
say('truncate', attempt(lambda: os.truncate(secret, 0)))
say('open and truncate', attempt(lambda: os.open(secret, os.O_RDONLY | os.O_TRUNC)))
say('unlink', attempt(lambda: os.unlink(secret)))
say('mkdir', attempt(lambda: os.mkdir(out + '/new')))
say('move in', attempt(lambda: os.rename(secret, 'secret')))
say('move out', attempt(lambda: os.rename('own', out + '/new')))
say('hard link in', attempt(lambda: os.link(secret, 'hard')))
say('symlink out', attempt(lambda: os.symlink('/etc/passwd', out + '/new')))
say('by a link', attempt(lambda: open('link/new', 'w')))
say('by a link, reading', attempt(lambda: open('link/secret')))
say('by the way up', attempt(lambda: open('../outside/secret')))
say('by /proc/self/cwd', attempt(lambda: open('/proc/self/cwd/../outside/secret')))
say('by /proc/self/root', attempt(lambda: open('/proc/self/root' + secret)))
say('by O_PATH', attempt(lambda: open('/proc/self/fd/%d' % os.open(secret, os.O_PATH))))
say('chmod', attempt(lambda: os.chmod(secret, 0o777)))
say('chmod of a folder', attempt(lambda: os.chmod(out, 0o777)))
say('chown', attempt(lambda: os.chown(secret, -1, os.getgid())))
say('times', attempt(lambda: os.utime(secret, (1, 1))))
say('shadow', attempt(lambda: open('/etc/shadow')))
say('tmp', attempt(lambda: open('/tmp/steward-escape', 'w')))
say('shm', attempt(lambda: open('/dev/shm/steward-escape', 'w')))
say('disk', attempt(lambda: open('/dev/zero')))
"#;
    std::fs::write(cage.cwd.join("own"), "own").unwrap();
    give_away(&cage.cwd.join("own"));
    for profile in ["ro-nonet", "ro-cwd-nonet", "rw-cwd-nonet", "rw-cwd-net"] {
        cage.all_fail(profile, program, &[outside], &["EACCES", "EPERM", "EXDEV"]);
    }
    let after = std::fs::metadata(cage.outside.join("secret")).unwrap();
    assert_eq!((before.mode(), before.ctime(), before.ctime_nsec()), (after.mode(), after.ctime(), after.ctime_nsec()));
    assert_eq!(std::fs::read_dir(&cage.outside).unwrap().count(), 1);
}

#[test]
fn a_race_of_links_leads_nowhere() {
    let cage = Cage::new();
    let program = r#"
import threading, time
os.mkdir('inside')
stop = False
def swap():
    while not stop:
        for target in ('inside', sys.argv[1]):
            os.symlink(target, 'next')
            os.rename('next', 'target')
os.symlink('inside', 'target')
swapper = threading.Thread(target=swap)
swapper.start()
inside = refused = 0
for n in range(3000):
    try:
        open('target/file%d' % n, 'w').write('x')
        inside += 1
    except OSError:
        refused += 1
stop = True
swapper.join()
say('inside', inside)
say('refused', refused)
"#;
    let said = cage.attack("rw-cwd-nonet", program, &[cage.outside.to_str().unwrap()]);
    // The race took place: some went each way.
    assert!(said["inside"] != "0" && said["refused"] != "0", "{said:?}");
    assert_eq!(std::fs::read_dir(&cage.outside).unwrap().count(), 1, "only what was there before");
}

#[test]
fn the_working_folder_is_what_its_sandbox_says() {
    let cage = Cage::new();
    std::fs::write(cage.cwd.join("own"), "own").unwrap();
    give_away(&cage.cwd.join("own"));
    let program = r#"
say('read', attempt(lambda: open('own').read()))
say('write', attempt(lambda: open('own', 'a')))
say('create', attempt(lambda: open('new', 'w')))
say('mode', attempt(lambda: os.fchmod(os.open('new', os.O_WRONLY), 0o600)))
"#;
    let results = |profile: &str| cage.attack(profile, program, &[]).into_values().collect::<Vec<_>>().join(" ");
    // In the order of the names: create, mode, read, write.
    assert_eq!(results("ro-nonet"), "EACCES ENOENT EACCES EACCES");
    assert_eq!(results("ro-cwd-nonet"), "EACCES ENOENT ok EACCES");
    assert_eq!(results("rw-cwd-nonet"), "ok ok ok ok");
}

#[test]
fn no_set_id_file_and_no_device_is_made() {
    let cage = Cage::new();
    let program = r#"
import stat
fd = os.open('plain', os.O_CREAT | os.O_WRONLY, 0o755)
say('fchmod', attempt(lambda: os.fchmod(fd, 0o4755)))
say('create', attempt(lambda: os.open('new', os.O_CREAT | os.O_WRONLY, 0o4755)))
say('create, set-gid', attempt(lambda: os.open('new', os.O_CREAT | os.O_WRONLY, 0o2755)))
say('mknod', attempt(lambda: os.mknod('new', 0o4755 | stat.S_IFREG)))
say('chmod', attempt(lambda: os.chmod('plain', 0o4755)))
say('device', attempt(lambda: os.mknod('new', 0o600 | stat.S_IFBLK, os.makedev(8, 0))))
say('socket', attempt(lambda: os.mknod('new', 0o600 | stat.S_IFSOCK)))
"#;
    cage.all_fail("rw-cwd-nonet", program, &[], &["EPERM", "EACCES"]);
}

#[test]
fn other_processes_are_out_of_reach() {
    let cage = Cage::new();
    let mut victim = Victim::new();
    let program = r#"
victim = int(sys.argv[1])
proc = '/proc/%d/' % victim
for name in ('environ', 'mem', 'maps', 'root/etc/hostname', 'cwd/x', 'fd/0', 'syscall', 'auxv'):
    say(name, attempt(lambda: open(proc + name, 'rb').read(1)))
say('root of 1', attempt(lambda: os.listdir('/proc/1/root')))
say('environ of 1', attempt(lambda: open('/proc/1/environ').read()))
say('parent', attempt(lambda: open('/proc/%d/environ' % os.getppid()).read()))
say('oom', attempt(lambda: open(proc + 'oom_score_adj', 'w')))
PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_SEIZE = 0, 16, 0x4206
for name, request in (('attach', PTRACE_ATTACH), ('seize', PTRACE_SEIZE), ('traceme', PTRACE_TRACEME)):
    ctypes.set_errno(0)
    r = libc.ptrace(request, victim, 0, 0)
    say(name, 'ok' if r == 0 else errno.errorcode[ctypes.get_errno()])
for sig in (0, 9, 15, 19):
    say('kill %d' % sig, attempt(lambda: os.kill(victim, sig)))
say('kill the parent', attempt(lambda: os.kill(os.getppid(), 0)))
say('kill 1', attempt(lambda: os.kill(1, 0)))
say('limits', attempt(lambda: __import__('resource').prlimit(victim, 7, (0, 0))))
say('priority', attempt(lambda: os.setpriority(os.PRIO_PROCESS, victim, 19)))
say('affinity', attempt(lambda: os.sched_setaffinity(victim, {0})))
pidfd = os.pidfd_open(victim)
say('signal by descriptor', attempt(lambda: signal.pidfd_send_signal(pidfd, 9)))
import fcntl
say('signal by owner', attempt(lambda: fcntl.fcntl(0, fcntl.F_SETOWN, victim)))
"#;
    for profile in ["ro-nonet", "rw-cwd-net"] {
        cage.all_fail(profile, program, &[&victim.pid()], &["EPERM", "EACCES"]);
    }
    assert!(victim.lives());
}

#[test]
fn there_is_no_way_to_a_socket() {
    let cage = Cage::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port().to_string();
    // What a D-Bus daemon is to a program: a socket of a file, and one of a name.
    let bus = cage.cwd.join("bus");
    let _bus = UnixListener::bind(&bus).unwrap();
    give_away(&bus);
    let program = r#"
port, bus = int(sys.argv[1]), sys.argv[2]
def connect(family, kind, address, protocol=0):
    s = socket.socket(family, kind, protocol)
    s.settimeout(5)
    s.connect(address)
say('inet', attempt(lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', port))))
say('inet6', attempt(lambda: connect(socket.AF_INET6, socket.SOCK_STREAM, ('::1', port))))
say('udp', attempt(lambda: connect(socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', 53))))
say('unix', attempt(lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, bus)))
say('unix, abstract', attempt(lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, '\0/tmp/.X11-unix/X0')))
say('unix, datagrams', attempt(lambda: connect(socket.AF_UNIX, socket.SOCK_DGRAM, '/run/systemd/journal/socket')))
say('system bus', attempt(lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, '/run/dbus/system_bus_socket')))
say('raw', attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)))
say('ping', attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)))
say('packet', attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)))
say('netlink', attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)))
say('vsock', attempt(lambda: socket.socket(40, socket.SOCK_STREAM)))
say('alg', attempt(lambda: socket.socket(38, socket.SOCK_SEQPACKET)))
say('pair of datagrams', attempt(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)))
say('listen', attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).listen()))
"#;
    let args = [port.as_str(), bus.to_str().unwrap()];
    for profile in ["ro-nonet", "ro-cwd-nonet", "rw-cwd-nonet"] {
        cage.all_fail(profile, program, &args, &["EPERM"]);
    }
    for (name, result) in cage.attack("rw-cwd-net", program, &args) {
        let expected: &[&str] = match name.as_str() {
            "inet" | "udp" => &["ok"],
            // Nobody listens there; the socket itself is allowed. Some machines have no such address at all.
            "inet6" => &["ECONNREFUSED", "EADDRNOTAVAIL", "ENETUNREACH", "EAFNOSUPPORT"],
            _ => &["EPERM"],
        };
        assert!(expected.contains(&result.as_str()), "{name}: {result}");
    }
}

#[test]
fn the_kernels_other_doors_are_shut() {
    let cage = Cage::new();
    // The numbers are those of x86-64 and, from 424 on, of all.
    if !cfg!(target_arch = "x86_64") {
        return;
    }
    let program = r#"
buffer = ctypes.create_string_buffer(256)
say('io_uring_setup', call(425, 8, buffer))
say('io_uring_enter', call(426, 0, 0, 0, 0, 0))
say('clone3', call(435, buffer, 88))
say('openat2', call(437, -100, buffer, buffer, 24))
say('memfd_create', call(319, buffer, 0))
say('beyond the list', call(463, 0))
say('x32', call(0x40000000 | 39))
"#;
    cage.all_fail("rw-cwd-net", program, &[], &["ENOSYS"]);
    let program = r#"
buffer = ctypes.create_string_buffer(256)
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
for name, number, args in (
    ('unshare', 272, (CLONE_NEWUSER,)), ('unshare net', 272, (CLONE_NEWNET,)), ('clone newuser', 56, (CLONE_NEWUSER | 17, 0, 0, 0, 0)),
    ('clone parent', 56, (0x8000 | 17, 0, 0, 0, 0)), ('setns', 308, (0, 0)), ('mount', 165, (buffer, buffer, buffer, 0, 0)),
    ('umount', 166, (buffer, 2)), ('chroot', 161, (buffer,)), ('pivot_root', 155, (buffer, buffer)), ('bpf', 321, (0, buffer, 48)),
    ('keyctl', 250, (0, 0)), ('add_key', 248, (buffer, buffer, buffer, 1, 0)), ('request_key', 249, (buffer, buffer, 0, 0)),
    ('perf', 298, (buffer, 0, -1, -1, 0)), ('userfaultfd', 323, (0,)), ('process_vm_readv', 310, (1, buffer, 1, buffer, 1, 0)),
    ('setsid', 112, ()), ('setpgid', 109, (0, 0)), ('init_module', 175, (buffer, 0, buffer)), ('reboot', 169, (0, 0, 0, 0)),
    ('name_to_handle_at', 303, (-100, buffer, buffer, buffer, 0)), ('open_by_handle_at', 304, (0, buffer, 0)),
    ('inotify', 254, (0, buffer, 1)), ('shmget', 29, (0, 4096, 0o600)), ('mq_open', 240, (buffer, 0)), ('syslog', 103, (3, buffer, 1)),
    ('personality', 135, (0x40000,)), ('iopl', 172, (3,)), ('settimeofday', 164, (buffer, 0)), ('ptrace', 101, (0, 0, 0, 0)),
    ('TIOCSTI', 16, (0, 0x5412, buffer)), ('TIOCSTI, with a high half', 16, (0, 0x100005412, buffer)),
    ('TIOCLINUX', 16, (0, 0x541c, buffer)), ('TIOCSCTTY', 16, (0, 0x540e, 1)), ('quotactl', 179, (0, 0, 0, 0)), ('swapon', 167, (buffer, 0)),
):
    say(name, call(number, *args))
"#;
    for profile in ["ro-nonet", "rw-cwd-net"] {
        cage.all_fail(profile, program, &[], &["EPERM"]);
    }
}

#[test]
fn a_set_id_program_gets_no_privileges() {
    let cage = Cage::new();
    let copy = cage.world.path("id");
    std::fs::copy("/usr/bin/id", &copy).unwrap();
    // As root the copy is root's, and as anybody else one's own, which is not more; then the mode alone is looked at.
    std::fs::set_permissions(&copy, PermissionsExt::from_mode(0o6755)).unwrap();
    let out = cage.run("rw-cwd-nonet", &[], &[copy.to_str().unwrap(), "-u"]).with(0).out;
    assert_ne!(out, "0\n");
    let out = cage.run("rw-cwd-nonet", &[], &[copy.to_str().unwrap()]).with(0).out;
    assert!(!out.contains("euid=") && !out.contains("egid="), "{out}");
    let su = cage.run("rw-cwd-nonet", &[], &["/bin/sh", "-c", "/bin/su -c id </dev/null; /usr/bin/id -u"]);
    assert!(!su.out.contains("uid=0") && su.out.trim() != "0", "{su:?}");
}

#[test]
fn only_what_was_asked_for_is_executed() {
    let cage = Cage::new();
    let program = r#"
loader = next(p for p in ('/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1') if os.path.exists(p))
say('execve', attempt(lambda: os.execv('/bin/true', ['true'])))
say('the loader', attempt(lambda: os.execv(loader, ['ld.so', '/bin/true'])))
fd = os.open('/bin/true', os.O_RDONLY)
say('by its descriptor', attempt(lambda: os.execve(fd, ['true'], {})))
say('by /proc', attempt(lambda: os.execv('/proc/self/fd/%d' % fd, ['true'])))
import fcntl
say('by the number of the first', attempt(lambda: fcntl.fcntl(fd, fcntl.F_DUPFD, 256)))
"#;
    for profile in ["ro-nonet", "ro-cwd-nonet"] {
        cage.all_fail(profile, program, &[], &["EPERM", "EINVAL"]);
    }
    let find =
        cage.run("ro-cwd-nonet", &[], &["/usr/bin/find", "/etc/hostname", "-exec", "/bin/echo", "executed", ";"]);
    assert!(!find.out.contains("executed") && find.err.contains("not permitted"), "{find:?}");
    // Where programs of the system may be started, what was written a moment ago is none of them.
    let script =
        "cp /bin/true mine && chmod 700 mine; /bin/cat mine > own; ./mine; echo $?; ./own; echo $?; /bin/true; echo $?";
    let out = cage.run("rw-cwd-nonet", &[], &["/bin/sh", "-c", script]);
    assert_eq!(out.out, "126\n126\n0\n", "{out:?}");
}

#[test]
fn a_script_is_run_by_the_interpreter_that_it_names() {
    let cage = Cage::new();
    let script = cage.world.path("script");
    let write = |text: &str| {
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    };
    let run = |profile: &str| cage.run(profile, &[], &[script.to_str().unwrap(), "a b", "c"]);
    write("#!/bin/sh -e\necho \"$#:$1:$2\"\nfalse\necho not reached\n");
    let ended = run("ro-nonet").with(1);
    assert_eq!(ended.out, "2:a b:c\n");
    // An interpreter that is looked for would be another program.
    write("#!/usr/bin/env sh\necho found\n");
    run("ro-nonet").with(126);
    assert_eq!(run("rw-cwd-nonet").with(0).out, "found\n");
    write("#!/no/such/interpreter\n");
    run("ro-nonet").with(126);
    write("#!sh\n");
    run("ro-nonet").with(126);
    std::fs::write(&script, "echo neither\n").unwrap();
    run("ro-nonet").with(126);
}

/// Makes processes that wait, until one is refused.
const FORKS: &str = "
made = 0
while True:
    try:
        if os.fork() == 0:
            signal.pause()
    except OSError as e:
        say('error', errno.errorcode[e.errno])
        break
    made += 1
say('made', made)";

#[test]
fn a_fork_bomb_stays_small_and_is_gone() {
    let cage = Cage::new();
    let marker = format!("steward-bomb-{}", std::process::id());
    let said = cage.attack("ro-nonet", FORKS, &[&marker]);
    assert_eq!((said["error"].as_str(), said["made"].as_str()), ("EAGAIN", "63"));
    assert_eq!(processes_with(&marker), 0);

    // One that never waits, at the deadline.
    let bomb = format!("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n# {marker}");
    let begun = Instant::now();
    cage.run("rw-cwd-nonet", &["--timeout", "1"], &[PYTHON, "-c", &bomb]).with(124);
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(processes_with(&marker), 0);
}

#[test]
fn nothing_outlives_the_end() {
    let cage = Cage::new();
    for (n, (ends, code)) in [("", 0), ("signal.pause()", 124)].into_iter().enumerate() {
        let marker = format!("steward-outlives-{}-{n}", std::process::id());
        let program = format!(
            r#"{PRELUDE}
told, tells = os.pipe()
if os.fork() == 0:
    say('setsid', attempt(os.setsid))
    say('setpgid', attempt(lambda: os.setpgid(0, 0)))
    if os.fork() == 0:
        for s in range(1, 32):
            if s not in (9, 19):
                signal.signal(s, signal.SIG_IGN)
        say('grandchild', 'lives')
        os.write(tells, b'x')
        while True:
            signal.pause()
    os._exit(0)
os.wait()
os.read(told, 1)
{ends}
# {marker}"#
        );
        let ended = cage.run("ro-nonet", &["--timeout", "2"], &[PYTHON, "-c", &program]).with(code);
        assert!(ended.out.contains("setsid=EPERM\nsetpgid=EPERM\n"), "{ended:?}");
        assert!(ended.out.contains("grandchild=lives"), "{ended:?}");
        assert_eq!(processes_with(&marker), 0);
    }
}

#[test]
fn a_memory_bomb_fails() {
    let cage = Cage::new();
    let program = r#"
import mmap
def grow():
    all = []
    for n in range(64):
        all.append(bytearray(64 << 20))
say('private', attempt(grow))
say('shared', attempt(lambda: mmap.mmap(-1, 1 << 20)))
say('zero', attempt(lambda: os.open('/dev/zero', os.O_RDWR)))
say('locked', call(149, ctypes.addressof(ctypes.create_string_buffer(8192)), 4096) if sys.maxsize else 0)
"#;
    cage.all_fail("ro-nonet", program, &[], &["MemoryError", "EPERM", "EACCES", "ENOMEM"]);
    let program = r#"
def fill():
    with open('big', 'wb') as f:
        for n in range(300):
            f.write(b'x' * (1 << 20))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
say('file', attempt(fill))
def files():
    for n in range(1000):
        os.open('big', os.O_RDONLY)
say('files', attempt(files))
os.unlink('big')
"#;
    cage.all_fail("rw-cwd-nonet", program, &[], &["EFBIG", "EMFILE"]);
}

/// Many processes that are each within their own limit. Where no controller counts them together the sandbox is not to be had, and says
/// which one is wanting and what to do; nothing is run in a weaker one.
#[test]
fn what_all_of_a_command_uses_up_together_is_held_or_refused_by_name() {
    let cage = Cage::new();
    let policy = "version = 1\n[sandbox.small]\nbase = \"rw-cwd-nonet\"\nmemory_max_mib = 96\n\
                  [sandbox.few]\nbase = \"rw-cwd-nonet\"\ntasks_max = 6\n\
                  [sandbox.slow]\nbase = \"rw-cwd-nonet\"\ncpu_weight = 10\n";
    let file = cage.world.write("together.toml", policy);
    let (file, cwd) = (file.to_str().unwrap(), cage.cwd.to_str().unwrap());
    let marker = format!("steward-together-{}", std::process::id());
    let run = |profile: &str, program: &str| {
        let flags = ["--policy", file, "sandbox", "run", profile, "--cwd", cwd, "--", PYTHON, "-I", "-S", "-c"];
        cage.world.run(&[&flags[..], &[&format!("{PRELUDE}{program}\n# {marker}")]].concat())
    };
    let list = cage.world.run(&["--json", "--policy", file, "sandbox", "list"]).with(0).json();
    let refused = |profile: &str, controller: &str, key: &str, ended: &Ended| {
        let rows = list["sandboxes"].as_array().unwrap();
        let row = rows.iter().find(|row| row["profile"]["name"] == profile).unwrap();
        assert_eq!(row["available"], ended.code != 125, "the list says the same: {row} {ended:?}");
        if ended.code != 125 {
            return false;
        }
        let wanting = format!(
            "the sandbox `{profile}` is not to be had here, for want of the cgroup controller `{controller}`: "
        );
        assert!(ended.err.contains(&wanting) && ended.err.contains(&format!("leave `{key}` out")), "{ended:?}");
        assert_eq!(ended.out, "", "nothing was run");
        true
    };
    let memory = run(
        "small",
        "
for n in range(8):
    if os.fork() == 0:
        kept = bytearray(os.urandom(1) * (24 << 20))
        signal.pause()
say('started', 8)
signal.pause()",
    );
    if !refused("small", "memory", "memory_max_mib", &memory) {
        assert_eq!(memory.code, 128 + 9, "{memory:?}");
        assert!(memory.err.contains("more than 96 MiB of memory (`memory_max_mib` of the sandbox)"), "{memory:?}");
    }
    let tasks = run("few", FORKS);
    if !refused("few", "pids", "tasks_max", &tasks) {
        assert_eq!((tasks.code, tasks.out.as_str()), (0, "error=EAGAIN\nmade=5\n"), "{tasks:?}");
        assert!(tasks.err.contains("it had 6 all together (`tasks_max` of the sandbox)"), "{tasks:?}");
    }
    let weight =
        run("slow", "say('group', open('/proc/self/cgroup').read().strip().split('/')[-1].startswith('command-'))");
    if !refused("slow", "cpu", "cpu_weight", &weight) {
        assert_eq!((weight.code, weight.out.as_str(), weight.err.as_str()), (0, "group=True\n", ""), "{weight:?}");
    }
    assert_eq!(processes_with(&marker), 0);
}

#[test]
fn a_flood_of_output_is_cut_off() {
    let cage = Cage::new();
    let ended = cage.run("ro-nonet", &["--timeout", "2"], &["/usr/bin/yes"]).with(124);
    assert_eq!(ended.out.len(), 8 << 20);
    assert!(ended.err.contains("more output") && ended.err.contains("deadline"), "{}", ended.err);
}

#[test]
fn a_profile_of_the_policy_is_one_like_the_built_in_ones() {
    let cage = Cage::new();
    let mut policy =
        String::from("version = 1\n[sandbox.reader]\nbase = \"ro-nonet\"\nsummary = \"Reads one more folder.\"\n");
    policy.push_str(&format!("read = [{:?}]\nprocesses = 3\nenv = [\"GREETING\"]\n", cage.outside));
    let file = cage.world.write("sandboxes.toml", &policy);
    let file = file.to_str().unwrap();
    let secret = cage.outside.join("secret");
    let run = |profile: &str, command: &[&str]| {
        let flags = ["--policy", file, "sandbox", "run", profile, "--env", "GREETING=hello", "--"];
        cage.world.run(&[&flags[..], command].concat())
    };
    assert_eq!(run("reader", &["/bin/cat", secret.to_str().unwrap()]).with(0).out, "secret");
    let write = run("reader", &["/usr/bin/tee", secret.to_str().unwrap()]).with(1);
    assert!(write.err.contains("Permission denied"), "{write:?}");
    run("ro-nonet", &["/bin/true"]).with(2);
    let list = cage.world.run(&["--policy", file, "sandbox", "list"]).with(0).out;
    assert!(list.contains("reader: Reads one more folder.\n  up to 3 processes"), "{list}");
}
