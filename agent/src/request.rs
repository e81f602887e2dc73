//! What came in: a caller and what it asks, before anything is understood or judged.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::action::{Action, Meta};
use crate::caller::Caller;
use crate::reply::Failure;

/// Several calls as a door hands them to the core: they are judged as one and done in their order.
#[derive(Debug)]
pub struct PlanRequest<'a> {
    /// Who asks. It comes from the kernel or the door, never from the bytes.
    pub caller: &'a Arc<Caller>,
    /// What is asked, or why a step is one that is never done.
    pub calls: Vec<Result<Call<'a>, Failure>>,
    /// How it is to be taken.
    pub terms: Terms<'a>,
    /// What the requester says about it.
    pub about: Option<About>,
}

/// How a plan is to be taken. Nothing in it makes a verdict milder, but for a token that somebody who may say yes handed out.
#[derive(Clone, Debug, Default)]
pub struct Terms<'a> {
    /// Nothing runs and nobody is asked: each step is judged and previewed.
    pub only_look: bool,
    /// What was handed out for an approval of this plan.
    pub token: Option<&'a str>,
    /// What was said in the steps was replaced by what is meant already.
    pub meant: bool,
    /// For each step: whether the requester itself wants that somebody is asked, whatever the policy says. Empty: none.
    pub asks: Vec<bool>,
}

/// What a requester says about its plan. An approval is bound to it, and the audit log has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// By this the requester tells its plans apart; bound to nothing.
    pub request_id: String,
    /// What the plan belongs to, as the requester says; bound to nothing.
    pub session_id: Option<String>,
    /// Its words for the person who is asked, made visible and cut.
    pub text: Option<String>,
    /// The digest of all that it says, uncut.
    pub digest: String,
}

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
    /// What the requester says about it.
    pub about: Option<About>,
}

/// The name of a plan that is no single action.
pub const PLAN: &str = "plan";

impl Plan {
    /// A plan of one step.
    pub fn one(action: Action) -> Plan {
        Plan { name: Cow::Borrowed(action.name()), steps: vec![action], undoes: None, said: false, about: None }
    }

    /// A plan of several steps.
    pub fn of(steps: Vec<Action>, about: Option<About>) -> Plan {
        Plan { name: Cow::Borrowed(PLAN), steps, undoes: None, said: false, about }
    }

    /// The steps' names.
    pub fn names(&self) -> Vec<&'static str> {
        self.steps.iter().map(Action::name).collect()
    }

    /// Whether a step before this one changes something, so that what is looked at now may be another thing at its turn.
    pub fn changes_before(&self, step: usize) -> bool {
        self.steps[..step].iter().any(Action::changes)
    }
}
