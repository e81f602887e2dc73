//! The built daemon is killed, starved of disk space and given damaged files; what it had answered must still be true.
//!
//! With the feature `fault-injection` it is killed between every two steps of the one path (`points`), without it at random
//! moments under load (`load`).

#![expect(clippy::disallowed_methods, reason = "the tests start and kill the daemon, and mount file systems")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod damage;
mod disk;
#[cfg(feature = "fault-injection")]
mod files;
mod ledger;
#[cfg(not(feature = "fault-injection"))]
mod load;
#[cfg(feature = "fault-injection")]
mod points;
#[path = "../support/small_disk.rs"]
mod small_disk;
mod world;
