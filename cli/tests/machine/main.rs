//! The shipped programs on a small desktop machine with the real services: `contrib/testbed/machine`, which says what is in it.
//!
//! Each test boots a machine of its own, speaks to the agent in it through the `steward` command and over the socket, and has
//! another program read back what Steward says that it did. As root on Debian only; elsewhere a test says why and passes, and with
//! `STEWARD_TEST_REAL=1` that is a failure.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[allow(unreachable_pub, reason = "the tests of this program use it")]
mod bed;
mod network;
mod packages;
mod plan;
mod power;
mod screen;
mod service;
mod sound;
mod units;
