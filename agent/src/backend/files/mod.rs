//! Files of persons and of the machine, by descriptor: opened without following links, read, and replaced in one step.
//!
//! What was opened for judging is what is read or replaced. Nothing here knows rules or classes of harm, and nothing is opened that a
//! process could be hung or woken by: every file is looked at (`O_PATH`) before it is opened.

mod kept;
mod open;
mod place;

pub use kept::{KEPT_FOR, Kept, KeptError, KeptFiles, MAX_KEPT, State};
pub use open::{Base, Found, Place};
pub use place::{Expect, Identity, PlaceError, Ready, leftovers};
