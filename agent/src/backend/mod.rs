//! The world: the bus, processes, package managers. Only this folder names zbus, and only `spawn` starts processes.

#[expect(clippy::disallowed_types, reason = "this folder is where zbus is named")]
pub mod bus;
#[expect(clippy::disallowed_types, reason = "this folder is where zbus is named")]
pub mod dbus;
#[expect(clippy::disallowed_types, reason = "this folder is where zbus is named")]
pub mod mock;
pub mod package;
pub mod spawn;
