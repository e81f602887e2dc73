//! Package managers: one schema, simulate first, hold to it.
