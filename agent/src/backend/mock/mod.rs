//! Services in memory that are spoken to over D-Bus like the real ones, for tests and for trying Steward out.

pub mod package_kit;
