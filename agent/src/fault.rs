//! Points between two steps of the one path at which a crash test stops the process dead.
//!
//! Compiled in with the feature `fault-injection` only; without it [`point`] is empty.

/// Stops the process with SIGKILL when `STEWARD_FAULT` names this point (`NAME` or `NAME:N` for the Nth pass).
#[cfg(feature = "fault-injection")]
pub fn point(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static PASSES: AtomicU32 = AtomicU32::new(0);
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
