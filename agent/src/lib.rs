//! Steward's agent: the one path from a request to a done action.

pub mod audit;
pub mod backend;
pub mod caller;
pub mod fault;
pub mod gate;
pub mod interpret;
pub mod policy_files;
pub mod store;
