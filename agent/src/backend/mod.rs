//! The world: the bus, processes, package managers. Only this folder names zbus, and only `spawn` starts processes.

pub mod apps;
pub mod backlight;
#[expect(clippy::disallowed_types, reason = "this folder is where zbus is named")]
pub mod bus;
#[expect(clippy::disallowed_types, reason = "this folder is where zbus is named")]
pub mod dbus;
pub mod files;
pub mod package;
pub mod sandbox;
#[expect(clippy::disallowed_types, reason = "this folder is where zbus is named")]
pub mod simulate;
pub mod sound;
pub mod spawn;
