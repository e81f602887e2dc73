//! What came in: a caller and what it asks, before anything is understood or judged.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::action::{Action, Meta};
use crate::caller::Caller;

/// One request as a door hands it to the core.
#[derive(Debug)]
pub struct Request<'a> {
    /// Who asks. It comes from the kernel or the door, never from the bytes.
    pub caller: &'a Arc<Caller>,
    /// What is asked.
    pub call: Call<'a>,
}

/// A named action with its payload or arguments, not yet parsed.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The action's name.
    pub name: Cow<'a, str>,
    /// Its payload in the string form.
    pub payload: Option<Cow<'a, str>>,
    /// Its arguments; never together with a payload.
    pub args: Option<Map<String, Value>>,
}

impl<'a> Call<'a> {
    /// A call with a payload.
    pub fn new(name: impl Into<Cow<'a, str>>, payload: Option<&'a str>) -> Call<'a> {
        Call { name: name.into(), payload: payload.map(Cow::Borrowed), args: None }
    }

    /// A call with arguments.
    pub fn with_args(name: impl Into<Cow<'a, str>>, args: Map<String, Value>) -> Call<'a> {
        Call { name: name.into(), payload: None, args: Some(args) }
    }
}

/// What a call means.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Something that Steward answers about itself, subject to ownership and not to rules.
    Meta(Meta),
    /// Something that is judged and then done.
    Do(Action),
}

/// Typed actions that are judged and done as one. A single action is a plan of one step.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The name that the answer has.
    pub name: Cow<'static, str>,
    /// The steps in their order.
    pub steps: Vec<Action>,
    /// The receipt that this plan puts back.
    pub undoes: Option<Uuid>,
    /// The sentence that it was understood from: rules for `natural_language` are judged too.
    pub said: bool,
}

impl Plan {
    /// A plan of one step.
    pub fn one(action: Action) -> Plan {
        Plan { name: Cow::Borrowed(action.name()), steps: vec![action], undoes: None, said: false }
    }
}
