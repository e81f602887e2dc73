//! A disk that is small enough to be filled: a tmpfs, mounted where nobody else sees it.

#![allow(unreachable_pub, reason = "it stands in several test programs")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Set inside a mount namespace of our own.
const INSIDE: &str = "STEWARD_INSIDE_MOUNTS";

/// Runs `body` in a mount namespace of its own, by starting this test there. Without root it says why and passes; with
/// `STEWARD_TEST_REAL=1` that is a failure.
pub fn with_own_mounts(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let skip = |why: &str| {
        assert!(std::env::var_os("STEWARD_TEST_REAL").is_none_or(|v| v != "1"), "{why}");
        // Past the capture of the test harness, so that it is seen.
        let _ = writeln!(std::io::stderr(), "{test}: skipped: {why}");
    };
    if !rustix::process::geteuid().is_root() {
        return skip("needs root, to mount a small tmpfs");
    }
    let mounts = |program: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "--", program]).stdin(Stdio::null());
        command
    };
    match mounts("sh").args(["-c", "mount -t tmpfs tmpfs /mnt"]).output() {
        Ok(done) if done.status.success() => {}
        Ok(done) => return skip(&format!("cannot mount: {}", String::from_utf8_lossy(&done.stderr).trim())),
        Err(e) => return skip(&format!("cannot run unshare: {e}")),
    }
    let own = std::env::current_exe().unwrap();
    let mut again = mounts(own.to_str().unwrap());
    let done = again.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(INSIDE, "1").output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}

/// Mounts a disk of so many MiB there.
pub fn mount(mib: u32, at: &Path) {
    let options = format!("size={mib}m,mode=700");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).status();
    assert!(mounted.unwrap().success());
}

pub fn unmount(at: &Path) {
    assert!(Command::new("umount").arg("--lazy").arg(at).status().unwrap().success());
}

/// Takes all the space there is; the file that has it can be removed.
pub fn fill(disk: &Path) -> PathBuf {
    let path = disk.join("fill");
    let mut file = std::fs::File::create(&path).unwrap();
    let mut size = 64 * 1024;
    while size > 0 {
        match file.write(&vec![b'x'; size]) {
            Ok(n) if n > 0 => {}
            _ => size /= 2,
        }
    }
    path
}
