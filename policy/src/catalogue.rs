//! What loading a policy needs to know of the actions; the agent answers from its catalogue.

use crate::facts::OwnedStep;
use crate::risk::Risk;

/// The type of an argument, which says what predicates it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArgKind {
    /// A text or a word of an enumeration.
    Text,
    /// A whole number.
    Number,
    /// A list of texts.
    List,
    /// A path.
    Path,
    /// A URL.
    Url,
    /// A command: program first.
    Argv,
}

impl ArgKind {
    pub(crate) const ALL: [ArgKind; 6] =
        [ArgKind::Text, ArgKind::Number, ArgKind::List, ArgKind::Path, ArgKind::Url, ArgKind::Argv];

    pub(crate) fn name(self) -> &'static str {
        match self {
            ArgKind::Text => "text",
            ArgKind::Number => "number",
            ArgKind::List => "list",
            ArgKind::Path => "path",
            ArgKind::Url => "url",
            ArgKind::Argv => "command",
        }
    }
}

/// One action as policies see it.
#[derive(Clone, Debug)]
pub struct ActionInfo {
    /// Its base risk.
    pub risk: Risk,
    /// Its arguments by name.
    pub args: Vec<(String, ArgKind)>,
    /// Whether it is subject to ownership and assurance instead of rules, as `ping` and `confirm` are.
    pub meta: bool,
}

/// The actions that exist.
pub trait Catalogue {
    /// The names of all actions.
    fn names(&self) -> Vec<String>;

    /// One action, when there is one of that name.
    fn action(&self, name: &str) -> Option<ActionInfo>;

    /// What the example request `text` stands for: a name with its payload, such as `package_install firefox,docker`, or a
    /// request as JSON. It must give the arguments that a request gives, defaults included, without asking the system: a path
    /// stays as it is written (`~` too), its kind empty. The error is a sentence.
    fn parse(&self, text: &str) -> Result<Vec<OwnedStep>, String>;
}
