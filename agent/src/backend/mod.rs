//! The world: the bus, processes, package managers.

pub mod package;
pub mod spawn;
