//! The system calls that a sandboxed program may make, as a program for the kernel's seccomp(2).
//!
//! What is refused is listed. The list is complete because it is about a closed set: numbers above [`CEILING`], which is where this
//! list was made, and those of other instruction sets are not there for the program. Landlock holds the files; this holds what
//! Landlock has no word for. Pure: the kernel is asked by `launcher`.

use std::collections::BTreeMap;

use seccompiler::sock_filter;

/// `mseal`, the last call that was looked at for this list (Linux 6.10). Later ones answer `ENOSYS`, as on an older kernel.
/// Numbers from 424 on are the same on every architecture.
const CEILING: u32 = 462;

/// What the filter has to know beside the list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Whether inet sockets may be made.
    pub(super) network: bool,
    /// Whether it may start programs.
    pub(super) programs: bool,
    /// Whether it writes anywhere, so that it may change the mode and times of what it has open.
    pub(super) writes: bool,
    /// The version of Landlock's interface that holds the files.
    pub(super) landlock: u32,
    /// The descriptor that is executed. It lies beyond the limit of open files, so that no other can ever have its number.
    pub(super) program: u32,
    /// The number of the program's process.
    pub(super) pid: u32,
}

/// A condition on one argument. All of them look at its lower half, as the kernel does where the argument is an `int`.
#[derive(Clone, Copy, Debug)]
enum Test {
    /// It is this number.
    Is(u32),
    /// It is not.
    Not(u32),
    /// Of the bits in the first, it is the second.
    Masked(u32, u32),
    /// Of the bits in the first, it is not the second.
    NotMasked(u32, u32),
    /// Any of these bits is set.
    Bits(u32),
    /// It is a pointer to something; both halves count.
    NotNull,
}

/// Refused with this error when all the tests hold; no test is always.
#[derive(Clone, Debug)]
struct Case {
    tests: Vec<(u32, Test)>,
    errno: i32,
}

type Rules = BTreeMap<u32, Vec<Case>>;

/// Looks nothing up: which calls are refused, and when.
fn rules(wanted: &Wanted) -> Rules {
    let mut rules = Rules::new();
    let mut refuse = |calls: &[libc::c_long], errno: i32, cases: &[&[(u32, Test)]]| {
        for call in calls {
            let of = rules.entry(u32::try_from(*call).unwrap_or(u32::MAX)).or_default();
            of.extend(cases.iter().map(|tests| Case { tests: tests.to_vec(), errno }));
        }
    };
    const ALWAYS: &[&[(u32, Test)]] = &[&[]];
    use Test::{Bits, Is, Masked, Not, NotMasked, NotNull};
    use libc::{ENOSYS, ENOTSUP, EPERM};

    // The group is how the end of a command is made sure of: nothing leaves it, and so one signal ends all of it.
    refuse(&[libc::SYS_setsid, libc::SYS_setpgid], EPERM, ALWAYS);

    // Namespaces, and children that would be somebody else's. The flags of clone3 are in memory, where a filter cannot see them;
    // without it the C library uses clone.
    const APART: u32 = (libc::CLONE_NEWNS
        | libc::CLONE_NEWCGROUP
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_PARENT
        | libc::CLONE_PTRACE)
        .cast_unsigned();
    refuse(&[libc::SYS_clone], EPERM, &[&[(0, Bits(APART))]]);
    refuse(&[libc::SYS_clone3], ENOSYS, ALWAYS);
    refuse(&[libc::SYS_unshare, libc::SYS_setns, libc::SYS_chroot, libc::SYS_pivot_root], EPERM, ALWAYS);

    // What a ring of io_uring does is not seen by any filter, and the flags of openat2 are in memory too.
    refuse(&[libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register], ENOSYS, ALWAYS);
    refuse(&[libc::SYS_openat2], ENOSYS, ALWAYS);

    // Programs. The first one is executed by its descriptor, after this filter is in force.
    // Landlock does not hold files that are in memory alone.
    refuse(&[libc::SYS_memfd_create, libc::SYS_memfd_secret], ENOSYS, ALWAYS);
    if !wanted.programs {
        refuse(&[libc::SYS_execve], EPERM, ALWAYS);
        refuse(&[libc::SYS_execveat], EPERM, &[&[(0, Not(wanted.program))]]);
    }

    // Other processes: their memory, their descriptors, their limits and their turn on the processor.
    refuse(
        &[
            libc::SYS_ptrace,
            libc::SYS_process_vm_readv,
            libc::SYS_process_vm_writev,
            libc::SYS_process_madvise,
            libc::SYS_process_mrelease,
            libc::SYS_pidfd_getfd,
            libc::SYS_kcmp,
            libc::SYS_move_pages,
            libc::SYS_migrate_pages,
        ],
        EPERM,
        ALWAYS,
    );
    refuse(
        &[
            libc::SYS_prlimit64,
            libc::SYS_sched_setaffinity,
            libc::SYS_sched_setscheduler,
            libc::SYS_sched_setparam,
            libc::SYS_sched_setattr,
        ],
        EPERM,
        &[&[(0, Not(0))]],
    );
    refuse(&[libc::SYS_setpriority, libc::SYS_ioprio_set], EPERM, &[&[(1, Not(0))], &[(0, Bits(!1))]]);
    // A descriptor can be told to send its owner a signal: F_SETOWN, F_SETSIG, F_SETOWN_EX; FIOSETOWN and SIOCSPGRP below.
    refuse(&[libc::SYS_fcntl], EPERM, &[&[(1, Is(8))], &[(1, Is(10))], &[(1, Is(15))]]);
    if wanted.landlock < SCOPES {
        let own = wanted.pid;
        refuse(&[libc::SYS_kill], EPERM, &[&[(0, Not(0)), (0, Not(own)), (0, Not(own.wrapping_neg()))]]);
        let threads = [libc::SYS_tkill, libc::SYS_tgkill, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo];
        refuse(&threads, EPERM, &[&[(0, Not(own))]]);
        refuse(&[libc::SYS_pidfd_send_signal], EPERM, ALWAYS);
    }

    // Terminals: typing into them (TIOCSTI), selecting on the console (TIOCLINUX), taking the console (TIOCCONS) or a terminal
    // (TIOCSCTTY).
    let ioctls = [0x5412, 0x541c, 0x541d, 0x540e, 0x8901, 0x8902];
    for number in ioctls {
        refuse(&[libc::SYS_ioctl], EPERM, &[&[(1, Is(number))]]);
    }

    // Sockets. Without the network there are none at all, of whatever family; a connected pair within the command is no way out,
    // but one of datagrams is, since it can be sent to another address.
    refuse(&[libc::SYS_socketpair], EPERM, &[&[(1, NotMasked(0xf, 1)), (1, NotMasked(0xf, 5))]]);
    refuse(&[libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4], EPERM, ALWAYS);
    if wanted.network {
        refuse(
            &[libc::SYS_socket],
            EPERM,
            &[
                &[(0, Not(libc::AF_INET.cast_unsigned())), (0, Not(libc::AF_INET6.cast_unsigned()))],
                &[(1, NotMasked(0xf, 1)), (1, NotMasked(0xf, 2))],
                &[
                    (2, Not(0)),
                    (2, Not(libc::IPPROTO_TCP.cast_unsigned())),
                    (2, Not(libc::IPPROTO_UDP.cast_unsigned())),
                ],
            ],
        );
    } else {
        refuse(&[libc::SYS_socket, libc::SYS_connect, libc::SYS_bind], EPERM, ALWAYS);
    }

    // Memory that the limit does not count, and that outlives a process: shared without a file, System V, message queues.
    refuse(&[libc::SYS_mmap], EPERM, &[&[(3, Masked(0x2f, 0x21))], &[(3, Masked(0x2f, 0x23))]]);
    refuse(
        &[
            libc::SYS_shmget,
            libc::SYS_shmat,
            libc::SYS_shmctl,
            libc::SYS_semget,
            libc::SYS_semop,
            libc::SYS_semtimedop,
            libc::SYS_semctl,
            libc::SYS_msgget,
            libc::SYS_msgsnd,
            libc::SYS_msgrcv,
            libc::SYS_msgctl,
            libc::SYS_mq_open,
            libc::SYS_mq_unlink,
            libc::SYS_mq_notify,
        ],
        EPERM,
        ALWAYS,
    );

    // What Landlock does not hold of files: owner, mode, times, attributes, and news of what others do.
    const SET_ID: u32 = 0o7000;
    const MAKES: u32 = 0o100 | 0o20_000_000;
    let owner = [libc::SYS_fchownat, libc::SYS_fchown, libc::SYS_fchmodat, libc::SYS_fchmodat2];
    refuse(&owner, EPERM, ALWAYS);
    refuse(
        &[
            libc::SYS_setxattr,
            libc::SYS_lsetxattr,
            libc::SYS_fsetxattr,
            libc::SYS_removexattr,
            libc::SYS_lremovexattr,
            libc::SYS_fremovexattr,
        ],
        ENOTSUP,
        ALWAYS,
    );
    if wanted.writes {
        refuse(&[libc::SYS_fchmod], EPERM, &[&[(1, Bits(SET_ID))]]);
        refuse(&[libc::SYS_utimensat], EPERM, &[&[(1, NotNull)]]);
    } else {
        refuse(&[libc::SYS_fchmod, libc::SYS_utimensat], EPERM, ALWAYS);
    }
    refuse(&[libc::SYS_openat], EPERM, &[&[(2, Bits(MAKES)), (3, Bits(SET_ID))]]);
    refuse(&[libc::SYS_mknodat], EPERM, &[&[(2, Bits(SET_ID))]]);
    refuse(&[libc::SYS_inotify_add_watch, libc::SYS_fanotify_init, libc::SYS_fanotify_mark], EPERM, ALWAYS);
    refuse(&[libc::SYS_open_by_handle_at, libc::SYS_name_to_handle_at], EPERM, ALWAYS);
    const TRUNC: u32 = 0o1000;
    if wanted.landlock < TRUNCATE {
        // Landlock does not hold truncation yet: neither by name nor by opening for reading alone.
        refuse(&[libc::SYS_truncate], EPERM, ALWAYS);
        refuse(&[libc::SYS_openat], EPERM, &[&[(2, Masked(TRUNC | 3, TRUNC))]]);
    }

    // The machine itself.
    refuse(
        &[
            libc::SYS_mount,
            libc::SYS_umount2,
            libc::SYS_open_tree,
            libc::SYS_move_mount,
            libc::SYS_fsopen,
            libc::SYS_fsconfig,
            libc::SYS_fsmount,
            libc::SYS_fspick,
            libc::SYS_mount_setattr,
            libc::SYS_swapon,
            libc::SYS_swapoff,
            libc::SYS_quotactl,
            libc::SYS_quotactl_fd,
            libc::SYS_acct,
            libc::SYS_reboot,
            libc::SYS_sethostname,
            libc::SYS_setdomainname,
            libc::SYS_init_module,
            libc::SYS_finit_module,
            libc::SYS_delete_module,
            libc::SYS_kexec_load,
            libc::SYS_settimeofday,
            libc::SYS_clock_settime,
            libc::SYS_adjtimex,
            libc::SYS_clock_adjtime,
            libc::SYS_syslog,
            libc::SYS_vhangup,
            libc::SYS_bpf,
            libc::SYS_perf_event_open,
            libc::SYS_userfaultfd,
            libc::SYS_add_key,
            libc::SYS_request_key,
            libc::SYS_keyctl,
            libc::SYS_lookup_dcookie,
            libc::SYS_nfsservctl,
        ],
        EPERM,
        ALWAYS,
    );
    refuse(&[libc::SYS_personality], EPERM, &[&[(0, Not(0)), (0, Not(u32::MAX))]]);

    // The older names of the same, which newer architectures do not have.
    #[cfg(target_arch = "x86_64")]
    {
        let always = [
            libc::SYS_chmod,
            libc::SYS_chown,
            libc::SYS_lchown,
            libc::SYS_utime,
            libc::SYS_utimes,
            libc::SYS_futimesat,
            libc::SYS_iopl,
            libc::SYS_ioperm,
            libc::SYS_modify_ldt,
            libc::SYS_uselib,
            libc::SYS_ustat,
            libc::SYS_sysfs,
            libc::SYS__sysctl,
            libc::SYS_kexec_file_load,
        ];
        refuse(&always, EPERM, ALWAYS);
        refuse(&[libc::SYS_open], EPERM, &[&[(1, Bits(MAKES)), (2, Bits(SET_ID))]]);
        refuse(&[libc::SYS_creat, libc::SYS_mknod], EPERM, &[&[(1, Bits(SET_ID))]]);
        if wanted.landlock < TRUNCATE {
            refuse(&[libc::SYS_open], EPERM, &[&[(1, Masked(TRUNC | 3, TRUNC))]]);
        }
    }
    rules
}

/// The version of Landlock that holds truncation (Linux 6.2).
const TRUNCATE: u32 = 3;
/// The version that holds signals and abstract sockets (Linux 6.12).
pub(super) const SCOPES: u32 = 6;

/// The filter, for [`seccompiler::apply_filter`].
pub(super) fn filter(wanted: &Wanted) -> Vec<sock_filter> {
    let mut out = vec![
        op(LOAD, ARCH_AT, 0, 0),
        op(JUMP_EQ, ARCH, 1, 0),
        op(RETURN, libc::SECCOMP_RET_KILL_PROCESS, 0, 0),
        op(LOAD, 0, 0, 0),
        // The numbers of x32 have a high bit, and so are beyond it too.
        op(JUMP_GT, CEILING, 0, 1),
        refused(libc::ENOSYS),
    ];
    out.extend(search(&rules(wanted).into_iter().collect::<Vec<_>>()));
    out
}

/// How many calls are looked for one after the other.
const FEW: usize = 3;

/// Instructions that end with the answer to a call. The list is halved until few are left: the kernel itself runs this for each number
/// when it takes the filter, and a program for many of its calls.
fn search(calls: &[(u32, Vec<Case>)]) -> Vec<sock_filter> {
    if calls.len() > FEW {
        let (lower, upper) = calls.split_at(calls.len() / 2);
        let first = upper[0].0;
        let (lower, upper) = (search(lower), search(upper));
        // A condition jumps over 255 instructions at most.
        let mut out = match u8::try_from(lower.len()) {
            Ok(over) => vec![op(JUMP_GE, first, over, 0)],
            Err(_) => vec![op(JUMP_GE, first, 0, 1), op(JUMP, u32::try_from(lower.len()).unwrap_or(u32::MAX), 0, 0)],
        };
        out.extend(lower);
        out.extend(upper);
        return out;
    }
    let mut out = Vec::new();
    for (call, cases) in calls {
        let mut body: Vec<sock_filter> = cases.iter().flat_map(Case::compile).collect();
        if cases.iter().all(|c| !c.tests.is_empty()) {
            body.push(op(RETURN, ALLOW, 0, 0));
        }
        // A longer body would be a mistake in the list.
        let skip = u8::try_from(body.len()).expect("the cases of one call are few");
        out.push(op(JUMP_EQ, *call, 0, skip));
        out.extend(body);
    }
    out.push(op(RETURN, ALLOW, 0, 0));
    out
}

impl Case {
    /// Instructions that return the error when all tests hold, and else run on behind their end.
    fn compile(&self) -> Vec<sock_filter> {
        let mut blocks: Vec<Vec<sock_filter>> = Vec::new();
        for (arg, test) in &self.tests {
            let low = 16 + 8 * arg;
            // A jump of 1 goes on with the next test, one of FAIL to behind the end; both are filled in below.
            blocks.push(match *test {
                Test::Is(n) => vec![op(LOAD, low, 0, 0), op(JUMP_EQ, n, NEXT, FAIL)],
                Test::Not(n) => vec![op(LOAD, low, 0, 0), op(JUMP_EQ, n, FAIL, NEXT)],
                Test::Masked(mask, n) => vec![op(LOAD, low, 0, 0), op(AND, mask, 0, 0), op(JUMP_EQ, n, NEXT, FAIL)],
                Test::NotMasked(mask, n) => vec![op(LOAD, low, 0, 0), op(AND, mask, 0, 0), op(JUMP_EQ, n, FAIL, NEXT)],
                Test::Bits(mask) => vec![op(LOAD, low, 0, 0), op(JUMP_SET, mask, NEXT, FAIL)],
                Test::NotNull => {
                    vec![op(LOAD, low, 0, 0), op(JUMP_EQ, 0, 0, 2), op(LOAD, low + 4, 0, 0), op(JUMP_EQ, 0, FAIL, NEXT)]
                }
            });
        }
        let mut out: Vec<sock_filter> = blocks.concat();
        out.push(refused(self.errno));
        let end = out.len();
        for (at, one) in out.iter_mut().enumerate() {
            let behind = u8::try_from(end - at - 1).unwrap_or(u8::MAX);
            for to in [&mut one.jt, &mut one.jf] {
                match *to {
                    FAIL => *to = behind,
                    NEXT => *to = 0,
                    _ => {}
                }
            }
        }
        out
    }
}

/// Placeholders in the jumps of a test.
const FAIL: u8 = 255;
const NEXT: u8 = 254;

// The classic BPF machine (bpf(4) of the BSDs, linux/bpf_common.h) and `struct seccomp_data` (seccomp(2)); little-endian.
const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const JUMP_EQ: u16 = 0x15;
const JUMP_GT: u16 = 0x25;
const JUMP_GE: u16 = 0x35;
const JUMP_SET: u16 = 0x45;
const RETURN: u16 = 0x06;
const ARCH_AT: u32 = 4;
const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
/// `AUDIT_ARCH_*` of linux/audit.h.
#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xc000_00b7;

fn op(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

fn refused(errno: i32) -> sock_filter {
    op(RETURN, libc::SECCOMP_RET_ERRNO | errno.cast_unsigned(), 0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Wanted =
        Wanted { network: false, programs: false, writes: false, landlock: 6, program: 256, pid: 4242 };

    /// What the kernel would do: 0 for yes, else the error.
    fn runs(wanted: &Wanted, call: libc::c_long, args: [u64; 6]) -> i32 {
        raw(&filter(wanted), u32::try_from(call).unwrap(), ARCH, args)
    }

    fn raw(program: &[sock_filter], call: u32, arch: u32, args: [u64; 6]) -> i32 {
        let mut data = Vec::new();
        data.extend(call.to_le_bytes());
        data.extend(arch.to_le_bytes());
        data.extend(0u64.to_le_bytes());
        args.iter().for_each(|a| data.extend(a.to_le_bytes()));
        let (mut at, mut a) = (0usize, 0u32);
        loop {
            let i = &program[at];
            at += 1;
            let to = |yes: bool| usize::from(if yes { i.jt } else { i.jf });
            match i.code {
                LOAD => a = u32::from_le_bytes(data[i.k as usize..][..4].try_into().unwrap()),
                AND => a &= i.k,
                JUMP_EQ => at += to(a == i.k),
                JUMP => at += i.k as usize,
                JUMP_GT => at += to(a > i.k),
                JUMP_GE => at += to(a >= i.k),
                JUMP_SET => at += to(a & i.k != 0),
                RETURN if i.k == ALLOW => return 0,
                RETURN if i.k == libc::SECCOMP_RET_KILL_PROCESS => return -1,
                RETURN => return (i.k & 0xffff).cast_signed(),
                code => panic!("{code:#x}"),
            }
        }
    }

    #[test]
    fn what_is_refused_is_refused_and_what_programs_need_is_not() {
        let (eperm, enosys) = (libc::EPERM, libc::ENOSYS);
        for (call, args, answer) in [
            (libc::SYS_read, [0; 6], 0),
            (libc::SYS_execve, [0; 6], eperm),
            (libc::SYS_execveat, [256, 0, 0, 0, 0, 0], 0),
            (libc::SYS_execveat, [3, 0, 0, 0, 0, 0], eperm),
            (libc::SYS_clone, [0x11, 0, 0, 0, 0, 0], 0),
            (libc::SYS_clone, [0x1000_0011, 0, 0, 0, 0, 0], eperm),
            (libc::SYS_clone3, [0; 6], enosys),
            (libc::SYS_io_uring_setup, [0; 6], enosys),
            (libc::SYS_socket, [2, 1, 0, 0, 0, 0], eperm),
            (libc::SYS_socketpair, [1, 1 | 0o2_000_000, 0, 0, 0, 0], 0),
            (libc::SYS_socketpair, [1, 2, 0, 0, 0, 0], eperm),
            // The kernel looks at the lower half of the number, so the filter must too.
            (libc::SYS_ioctl, [0, 0x1_0000_5412, 0, 0, 0, 0], eperm),
            (libc::SYS_ioctl, [0, 0x5401, 0, 0, 0, 0], 0),
            (libc::SYS_mmap, [0, 0, 0, 0x22, 0, 0], 0),
            (libc::SYS_mmap, [0, 0, 0, 0x21, 0, 0], eperm),
            (libc::SYS_mmap, [0, 0, 0, 0x01, 0, 0], 0),
            (libc::SYS_prlimit64, [0; 6], 0),
            (libc::SYS_prlimit64, [7, 0, 0, 0, 0, 0], eperm),
            (libc::SYS_fchmod, [3, 0o644, 0, 0, 0, 0], eperm),
            (libc::SYS_kill, [7, 9, 0, 0, 0, 0], 0),
            (libc::SYS_personality, [u64::from(u32::MAX), 0, 0, 0, 0, 0], 0),
            (libc::SYS_personality, [0x0004_0000, 0, 0, 0, 0, 0], eperm),
            (libc::SYS_openat, [0, 1, 0, 0o4755, 0, 0], 0),
            (libc::SYS_openat, [0, 1, 0o101, 0o4755, 0, 0], eperm),
        ] {
            assert_eq!(runs(&STRICT, call, args), answer, "{call} {args:?}");
        }
    }

    #[test]
    fn a_profile_that_writes_and_connects_may_do_so_and_no_more() {
        let loose = Wanted { network: true, programs: true, writes: true, ..STRICT };
        for (call, args, answer) in [
            (libc::SYS_execve, [0; 6], 0),
            (libc::SYS_socket, [2, 1 | 0o2_000_000, 6, 0, 0, 0], 0),
            (libc::SYS_socket, [10, 2, 17, 0, 0, 0], 0),
            (libc::SYS_socket, [1, 1, 0, 0, 0, 0], libc::EPERM),
            (libc::SYS_socket, [16, 3, 0, 0, 0, 0], libc::EPERM),
            (libc::SYS_socket, [2, 3, 1, 0, 0, 0], libc::EPERM),
            (libc::SYS_socket, [2, 2, 1, 0, 0, 0], libc::EPERM),
            (libc::SYS_listen, [3, 1, 0, 0, 0, 0], libc::EPERM),
            (libc::SYS_fchmod, [3, 0o755, 0, 0, 0, 0], 0),
            (libc::SYS_fchmod, [3, 0o4755, 0, 0, 0, 0], libc::EPERM),
            (libc::SYS_utimensat, [3, 0, 0, 0, 0, 0], 0),
            (libc::SYS_utimensat, [3, 0x7000_0000_0000, 0, 0, 0, 0], libc::EPERM),
            (libc::SYS_utimensat, [3, 0x7000, 0, 0, 0, 0], libc::EPERM),
        ] {
            assert_eq!(runs(&loose, call, args), answer, "{call} {args:?}");
        }
    }

    #[test]
    fn an_older_landlock_is_made_up_for() {
        let old = Wanted { landlock: 2, ..STRICT };
        for (call, args, answer) in [
            (libc::SYS_kill, [0, 9, 0, 0, 0, 0], 0),
            (libc::SYS_kill, [4242, 9, 0, 0, 0, 0], 0),
            (libc::SYS_kill, [u64::from(4242u32.wrapping_neg()), 9, 0, 0, 0, 0], 0),
            (libc::SYS_kill, [1, 9, 0, 0, 0, 0], libc::EPERM),
            (libc::SYS_tgkill, [4242, 4243, 6, 0, 0, 0], 0),
            (libc::SYS_tgkill, [1, 1, 6, 0, 0, 0], libc::EPERM),
            (libc::SYS_truncate, [0; 6], libc::EPERM),
            (libc::SYS_openat, [0, 1, 0o1000, 0, 0, 0], libc::EPERM),
            (libc::SYS_openat, [0, 1, 0o1001, 0, 0, 0], 0),
            (libc::SYS_openat, [0, 1, 0, 0, 0, 0], 0),
        ] {
            assert_eq!(runs(&old, call, args), answer, "{call} {args:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_there() {
        let program = filter(&STRICT);
        assert_eq!(raw(&program, CEILING + 1, ARCH, [0; 6]), libc::ENOSYS);
        assert_eq!(raw(&program, 0x4000_0000 | 59, ARCH, [0; 6]), libc::ENOSYS);
        assert_eq!(raw(&program, u32::MAX, ARCH, [0; 6]), libc::ENOSYS);
        // A 32-bit call on a 64-bit machine, whose numbers mean something else.
        assert_eq!(raw(&program, 11, 0x4000_0003, [0; 6]), -1);
    }

    /// Every call by number, as the list says it, whatever way the search takes to it.
    #[test]
    fn each_call_of_the_list_and_no_other_is_found() {
        for wanted in [STRICT, Wanted { network: true, programs: true, writes: true, landlock: 1, ..STRICT }] {
            let (program, rules) = (filter(&wanted), rules(&wanted));
            let always = |call| rules.get(&call).and_then(|c: &Vec<Case>| c.iter().find(|c| c.tests.is_empty()));
            for call in 0..=CEILING {
                // With arguments that no test is about: all of them refuse bits, or numbers that are not 0.
                let answer = raw(&program, call, ARCH, [0; 6]);
                match (always(call), rules.contains_key(&call)) {
                    (Some(case), _) => assert_eq!(answer, case.errno, "{call}"),
                    (None, true) => {}
                    (None, false) => assert_eq!(answer, 0, "{call}"),
                }
            }
        }
    }

    #[test]
    fn the_kernel_takes_it() {
        // BPF_MAXINSNS of linux/bpf_common.h.
        assert!(filter(&STRICT).len() < 4096);
    }
}
