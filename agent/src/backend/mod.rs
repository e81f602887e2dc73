//! The world: the bus, processes, package managers. Only this folder names zbus, and only `spawn` starts processes.

pub mod bus;
mod dbus;
pub mod package;
pub mod spawn;
