//! What a policy judges: the steps of a plan with their arguments, and what may be asked about the caller and the moment.

use crate::decision::{LimitUse, Released};
use crate::risk::Risk;
use crate::url_fact::UrlFact;

/// One step of a plan, as the policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The action's name in the catalogue.
    pub action: &'a str,
    /// Its risk class, already raised where its facts say so.
    pub risk: Risk,
    /// Its arguments by name.
    pub args: &'a [(&'a str, Arg<'a>)],
}

/// One argument of a step.
#[derive(Clone, Copy, Debug)]
pub enum Arg<'a> {
    /// A string or a word of an enumeration.
    Text(&'a str),
    /// A whole number.
    Number(i64),
    /// A list; every element is judged by itself.
    List(&'a [String]),
    /// A path that was opened for judging.
    Path(&'a PathFact),
    /// A URL that was parsed.
    Url(&'a UrlFact),
    /// A command: program first.
    Argv(&'a [String]),
    /// It is there, but it could not be read: matches no `ok`, and every `confirm` and `deny`.
    Unknown,
}

/// What is known of a path that was opened with `O_PATH`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathFact {
    /// The absolute path without links.
    pub path: String,
    /// `file`, `folder`, `link`, `other` or `missing`.
    pub kind: String,
    /// The owner's uid, when it exists.
    pub owner: Option<u32>,
}

/// A moment as a clock on the wall shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// 0 is Monday, 6 is Sunday.
    pub weekday: u8,
    /// Minutes since midnight, 0 to 1439.
    pub minute: u16,
}

/// What judging may ask about the caller and the moment. Every answer may be unknown (`None`): then the fact matches no
/// `ok` rule and no exception, and every `confirm` and `deny`.
pub trait Surroundings {
    /// The caller's uid.
    fn uid(&self) -> Option<u32>;
    /// The caller's primary gid.
    fn gid(&self) -> Option<u32>;
    /// The caller's process id; 0 when it is in another pid namespace.
    fn pid(&self) -> Option<u32>;
    /// The caller's executable.
    fn exe(&self) -> Option<&str>;
    /// The caller's system unit.
    fn unit(&self) -> Option<&str>;
    /// The caller's unit in its user manager.
    fn user_unit(&self) -> Option<&str>;
    /// The door it came in by, such as `ndjson`.
    fn door(&self) -> &str;
    /// The name of the listening socket.
    fn socket(&self) -> Option<&str>;
    /// Whether the caller's session is locked.
    fn locked(&self) -> Option<bool>;
    /// The wall clock in `zone`, or in the machine's zone.
    fn local_time(&self, zone: Option<&str>) -> Option<LocalTime>;
    /// How often something was released under `limit`.
    fn released(&self, limit: &LimitUse) -> Option<Released>;
    /// The home folder of the represented user, for `~`.
    fn home(&self) -> Option<&str>;
    /// The folder that the agent was started to work in, for `.`; none where that is no folder of work.
    fn folder(&self) -> Option<&str> {
        None
    }
}

/// A step that owns what a [`Step`] borrows: what a [`crate::Catalogue`] makes of an example in a policy.
#[derive(Clone, Debug)]
pub struct OwnedStep {
    /// The action's name in the catalogue.
    pub action: String,
    /// Its risk class.
    pub risk: Risk,
    /// Its arguments by name.
    pub args: Vec<(String, OwnedArg)>,
}

/// An argument that owns what an [`Arg`] borrows.
#[derive(Clone, Debug)]
pub enum OwnedArg {
    /// See [`Arg::Text`].
    Text(String),
    /// See [`Arg::Number`].
    Number(i64),
    /// See [`Arg::List`].
    List(Vec<String>),
    /// See [`Arg::Path`].
    Path(PathFact),
    /// See [`Arg::Url`].
    Url(UrlFact),
    /// See [`Arg::Argv`].
    Argv(Vec<String>),
    /// See [`Arg::Unknown`].
    Unknown,
}

impl OwnedArg {
    /// The same, borrowed.
    pub fn borrow(&self) -> Arg<'_> {
        match self {
            OwnedArg::Text(t) => Arg::Text(t),
            OwnedArg::Number(n) => Arg::Number(*n),
            OwnedArg::List(l) => Arg::List(l),
            OwnedArg::Path(p) => Arg::Path(p),
            OwnedArg::Url(u) => Arg::Url(u),
            OwnedArg::Argv(a) => Arg::Argv(a),
            OwnedArg::Unknown => Arg::Unknown,
        }
    }
}

/// Lends `steps` to `f` in the form that [`crate::Policy::decide`] takes.
pub fn with_steps<R>(steps: &[OwnedStep], f: impl FnOnce(&[Step<'_>]) -> R) -> R {
    let args: Vec<Vec<(&str, Arg<'_>)>> =
        steps.iter().map(|s| s.args.iter().map(|(name, arg)| (name.as_str(), arg.borrow())).collect()).collect();
    let steps: Vec<Step<'_>> =
        steps.iter().zip(&args).map(|(s, args)| Step { action: &s.action, risk: s.risk, args }).collect();
    f(&steps)
}
