//! The policies that come with the program.

use crate::error::Source;
use crate::rule::Layer;

/// For a person at a desktop: what holds while there is no file anywhere.
pub const DESKTOP: &str = include_str!("../shipped/desktop.toml");

/// For a machine without a desktop.
pub const SERVER: &str = include_str!("../shipped/server.toml");

/// For a machine on which language models run as the person; whoever reads it from disk must see that only root can write it.
pub const GUARDED: &str = include_str!("../shipped/guarded.toml");

pub(crate) fn desktop() -> Source {
    Source { layer: Layer::Vendor, name: "built-in desktop.toml".to_owned(), text: DESKTOP.to_owned() }
}
