//! The gate: judge, admit, hold, release.

pub mod approver;
