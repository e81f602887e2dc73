//! The files of `/proc` hold names that other processes chose.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steward_agent::caller::proc::{parse_audit_session, parse_cgroup, parse_stat, parse_uids};

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_uids(bytes);
    let _ = parse_audit_session(bytes);
    if let Some(group) = parse_cgroup(bytes) {
        assert!(group.as_str().starts_with('/'));
        let _ = (group.session(), group.innermost(), group.is_user_manager());
        // Only a user manager has units of its own below it.
        assert!(group.user_unit().is_none() || group.is_delegated());
    }
    let _ = parse_stat(bytes);

    // Whatever a process calls itself, the fields behind its name stay what the kernel wrote.
    let mut line = b"7 (".to_vec();
    line.extend_from_slice(bytes);
    line.extend_from_slice(b") S 3 7 7 34817 7 0 0 0 0 0 0 0 0 0 20 0 1 0 123 0 0");
    let stat = parse_stat(&line).expect("a whole line");
    assert_eq!((stat.pid, stat.parent, stat.tty, stat.start_time), (7, 3, Some(34817), 123));
});
