//! The risk classes of actions.

use std::fmt;

/// How much harm an action can do, mildest first. It comes from the action catalogue, never from the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Reads only.
    Observe,
    /// Writes something of Steward's own that harms nobody, such as a note.
    Low,
    /// Changes the machine and can be put back at once, such as the volume.
    Reversible,
    /// Interrupts work or is slow to put back, such as installing a package.
    Disruptive,
    /// Loses something: unsaved work, a package with its settings.
    Destructive,
    /// Can make the machine unusable.
    Critical,
}

impl Risk {
    /// All classes, mildest first.
    pub const ALL: [Risk; 6] =
        [Risk::Observe, Risk::Low, Risk::Reversible, Risk::Disruptive, Risk::Destructive, Risk::Critical];

    /// The name used in policies, replies and documents.
    pub fn name(self) -> &'static str {
        match self {
            Risk::Observe => "observe",
            Risk::Low => "low",
            Risk::Reversible => "reversible",
            Risk::Disruptive => "disruptive",
            Risk::Destructive => "destructive",
            Risk::Critical => "critical",
        }
    }

    /// The class above, or the same at the top.
    pub fn raised(self) -> Risk {
        Risk::ALL[(self as usize + 1).min(Risk::ALL.len() - 1)]
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
