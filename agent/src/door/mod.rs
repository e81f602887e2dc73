//! Ways in. A door decodes bytes, calls [`crate::core::Core::handle`] and encodes the reply; it knows no policy and no
//! backend, and what a protocol needs for compatibility lives in its door alone.

pub mod ndjson;
pub mod plan;
