//! The world: the bus, processes, package managers. Only this folder names zbus, and only `spawn` starts processes.

pub mod apps;
pub mod backlight;
#[expect(clippy::disallowed_types, reason = "this folder is where zbus is named")]
pub mod bus;
pub mod cgroup;
#[expect(clippy::disallowed_types, reason = "this folder is where zbus is named")]
pub mod dbus;
pub mod files;
pub mod firmware;
pub mod journal;
pub mod package;
pub(crate) mod read;
pub mod sandbox;
#[expect(clippy::disallowed_types, reason = "this folder is where zbus is named")]
pub mod simulate;
pub mod sound;
pub mod spawn;
pub mod unit_file;
pub mod unit_name;
