//! Points between two steps of the one path at which a crash test stops the process dead.
//!
//! Compiled in with the feature `fault-injection` only; without it [`point`] is empty. `STEWARD_FAULT=NAME:N` stops the
//! process at the Nth pass of a point (`NAME` alone: the first); `STEWARD_FAULT_TRACE=FILE` writes down each pass, so that
//! a test can find all of them.

/// Stops the process with SIGKILL when `STEWARD_FAULT` names this point and this pass.
#[cfg(feature = "fault-injection")]
pub fn point(name: &str) {
    use std::io::Write;
    use std::sync::atomic::{AtomicU32, Ordering};
    static PASSES: AtomicU32 = AtomicU32::new(0);
    if let Some(file) = std::env::var_os("STEWARD_FAULT_TRACE") {
        // One write a line, so that the lines of several threads do not mix.
        let file = std::fs::OpenOptions::new().create(true).append(true).open(file);
        let _traced = file.and_then(|mut f| f.write_all(format!("{name}\n").as_bytes()));
    }
    let Ok(wanted) = std::env::var("STEWARD_FAULT") else { return };
    let (at, nth) = wanted.split_once(':').map_or((wanted.as_str(), 1), |(n, k)| (n, k.parse().unwrap_or(1)));
    if at == name && PASSES.fetch_add(1, Ordering::SeqCst) + 1 == nth {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::thread::park();
    }
}

/// Does nothing: this build has no fault points.
#[cfg(not(feature = "fault-injection"))]
#[inline(always)]
pub fn point(_name: &str) {}
