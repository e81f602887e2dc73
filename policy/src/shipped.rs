//! The policies that come with the program.

use crate::error::Source;
use crate::rule::Layer;

/// For a person at a desktop: what holds while there is no file anywhere.
pub const DESKTOP: &str = include_str!("../shipped/desktop.toml");

pub(crate) fn desktop() -> Source {
    Source { layer: Layer::Vendor, name: "built-in desktop.toml".to_owned(), text: DESKTOP.to_owned() }
}
