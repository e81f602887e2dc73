//! The agent from outside: over its sockets, as a client sees it.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests start the daemon and clients; the daemon starts nothing here"
)]
#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../support/mod.rs"]
mod support;

mod bound;
mod docs;
mod exec;
mod files;
mod framing;
mod gate;
mod grants;
mod hostile;
mod observe;
mod protocol;
mod records;
mod reload;
mod service;
mod talk;
mod verdict;
