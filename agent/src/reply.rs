//! What goes out: the answer to a request, before a door gives it the form of its protocol.

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use steward_ipc::{Capabilities, Code, PolicyNote, Preview, Response, Status};
use steward_policy::Decision;
use uuid::Uuid;

/// The answer to one request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The action that was asked for, or that the sentence was understood as.
    pub action: Cow<'static, str>,
    /// How it ended.
    pub ending: Ending,
    /// How each step ended, where there is more than one and they did not all end alike.
    pub steps: Vec<Ending>,
    /// The names of these steps.
    names: Vec<&'static str>,
}

/// How a request ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// It was done.
    Done(Outcome),
    /// It waits for a person.
    Held(Box<Held>),
    /// The policy says no.
    Denied(Box<Denied>),
    /// It could not be done.
    Failed(Box<Failure>),
    /// It was only looked at.
    Looked(Box<Looked>),
}

/// What a step would come to.
#[derive(Clone, Debug)]
pub struct Looked {
    /// What the policy says to it.
    pub decision: Decision,
    /// Whether this request would be asked about, for want of an approval.
    pub asks: bool,
    /// Why the token that came with it does not count, where it would be asked about.
    pub unfit: Option<&'static str>,
    /// The policy's reason.
    pub policy: PolicyNote,
    /// What would happen.
    pub preview: Option<Preview>,
    /// Why it would not work as things are now.
    pub would_fail: Option<Failure>,
}

/// What an action that was done has to say.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// A sentence for a person.
    pub message: Option<Cow<'static, str>>,
    /// Facts for programs.
    pub data: Option<Value>,
    /// What the agent can do; for `get_capabilities` alone.
    pub capabilities: Option<Box<Capabilities>>,
    /// What happens, or happened.
    pub preview: Option<Box<Preview>>,
    /// How it can be put back.
    pub undo: Option<Box<Undo>>,
    /// Whether it was done and did not reach what it was done for: a command that ended with another status than 0. In a plan,
    /// what changes something is not begun after it.
    pub unsuccessful: bool,
}

/// How an action that was done can be put back.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Undo {
    /// The name of the inverse action.
    pub action: String,
    /// Its arguments.
    pub args: Value,
    /// The state before.
    pub before: Value,
    /// The state after; undoing needs it to be the present one.
    pub after: Value,
    /// When given, the inverse may change these objects and no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<String>>,
    /// How long it can be put back, in seconds; absent for as long as receipts are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<u32>,
}

impl Undo {
    /// The way back: the inverse action with its arguments, and the state before and after.
    pub fn new(action: &str, args: Value, before: Value, after: Value) -> Undo {
        Undo { action: action.to_owned(), args, before, after, only: None, within: None }
    }
}

impl Outcome {
    /// An outcome with a sentence.
    pub fn says(message: impl Into<Cow<'static, str>>) -> Outcome {
        Outcome { message: Some(message.into()), ..Outcome::default() }
    }

    /// The same with facts for programs.
    #[must_use]
    pub fn with(mut self, data: Value) -> Outcome {
        self.data = Some(data);
        self
    }

    /// The same with a way back.
    #[must_use]
    pub fn undone_by(mut self, undo: Undo) -> Outcome {
        self.undo = Some(Box::new(undo));
        self
    }
}

/// A request that waits for a person.
#[derive(Clone, Debug)]
pub struct Held {
    /// The confirmation's id.
    pub id: Uuid,
    /// What would happen.
    pub preview: Option<Preview>,
    /// Why it is held.
    pub policy: PolicyNote,
    /// `approve`, `approvers`, `scopes`, `expires_in`, `count` and, when it could not be made, `preview_error`.
    pub data: Value,
}

/// A request that the policy, or a person, refused.
#[derive(Clone, Debug)]
pub struct Denied {
    /// Always [`Code::Denied`], [`Code::RateLimited`] or [`Code::ConfirmationRejected`].
    pub code: Code,
    /// The sentence.
    pub message: Cow<'static, str>,
    /// Why.
    pub policy: Option<PolicyNote>,
    /// Facts for programs, such as `retry_after`.
    pub data: Option<Value>,
}

/// A request that could not be done.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The stable word.
    pub code: Code,
    /// What happened and then what to do, for a person.
    pub message: Cow<'static, str>,
    /// Facts for programs.
    pub data: Option<Box<Value>>,
    /// What would happen now, when it is not what was shown.
    pub preview: Option<Box<Preview>>,
    /// How that can be put back which was done before it failed.
    pub undo: Option<Box<Undo>>,
}

impl Failure {
    /// A failure with a sentence.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Failure {
        Failure { code, message: message.into(), data: None, preview: None, undo: None }
    }

    /// The same with facts for programs.
    #[must_use]
    pub fn with(mut self, data: Value) -> Failure {
        self.data = Some(Box::new(data));
        self
    }

    /// A payload or argument that the action does not take.
    pub fn invalid_payload(message: impl Into<Cow<'static, str>>) -> Failure {
        Failure::new(Code::InvalidPayload, message)
    }

    /// Our own error, with a word on what was being done.
    pub fn internal(what: impl std::fmt::Display) -> Failure {
        let id = Uuid::new_v4();
        tracing::error!(record = %id, "{what}");
        Failure::new(Code::Internal, format!("an error in Steward; the log has it under {id}"))
            .with(json!({ "record": id.to_string() }))
    }
}

impl Reply {
    /// The answer that something ended like this.
    pub fn ended(action: impl Into<Cow<'static, str>>, ending: Ending) -> Reply {
        Reply { action: action.into(), ending, steps: Vec::new(), names: Vec::new() }
    }

    /// One answer about steps that ended each in its own way: that of the only one, else the first failure, else all that was said.
    /// `names` are the steps' names.
    pub fn of_steps(action: impl Into<Cow<'static, str>>, names: &[&'static str], steps: Vec<Ending>) -> Reply {
        let action = action.into();
        let [_, _, ..] = steps.as_slice() else {
            let nothing = || Ending::Done(Outcome::says("There was nothing to do."));
            return Reply::ended(action, steps.into_iter().next().unwrap_or_else(nothing));
        };
        // What was not begun is not what went wrong.
        let wrong = |e: &&Ending| !matches!(e.code(), None | Some(Code::NotRun));
        let first = steps.iter().find(wrong).or_else(|| steps.iter().find(|e| e.code().is_some()));
        let ending = match first {
            Some(Ending::Failed(failure)) => {
                let at = steps.iter().position(|e| e.code() == Some(failure.code)).unwrap_or_default();
                let message = format!("step {} of {} (`{}`): {}", at + 1, steps.len(), names[at], failure.message);
                Ending::Failed(Box::new(Failure::new(failure.code, message)))
            }
            Some(Ending::Denied(denied)) => Ending::Denied(denied.clone()),
            _ => {
                let said = |e: &Ending| match e {
                    Ending::Done(outcome) => outcome.message.as_ref().map(ToString::to_string),
                    _ => None,
                };
                let message = steps.iter().filter_map(said).collect::<Vec<_>>().join(" ");
                let message = if message.is_empty() { "Done.".to_owned() } else { message };
                Ending::Done(Outcome::says(message))
            }
        };
        Reply { action, ending, steps, names: names.to_vec() }
    }

    /// How each of so many steps ended.
    pub fn endings(&self, count: usize) -> impl Iterator<Item = &Ending> {
        let alike = if self.steps.len() == count { 0 } else { count };
        self.steps.iter().take(count - alike).chain(std::iter::repeat_n(&self.ending, alike))
    }

    /// The same, taken out of the reply.
    pub fn into_endings(self, count: usize) -> Vec<Ending> {
        if self.steps.len() == count { self.steps } else { vec![self.ending; count] }
    }

    /// The answer that something was done.
    pub fn done(action: impl Into<Cow<'static, str>>, outcome: Outcome) -> Reply {
        Reply::ended(action, Ending::Done(outcome))
    }

    /// The answer that something could not be done.
    pub fn failed(action: impl Into<Cow<'static, str>>, failure: Failure) -> Reply {
        Reply::ended(action, Ending::Failed(Box::new(failure)))
    }

    /// The answer that the policy refuses.
    pub fn denied(action: impl Into<Cow<'static, str>>, denied: Denied) -> Reply {
        Reply::ended(action, Ending::Denied(Box::new(denied)))
    }

    /// The stable word for what went wrong, if anything did.
    pub fn code(&self) -> Option<Code> {
        self.ending.code()
    }

    /// `ok`, `confirm`, `deny` or `error`.
    pub fn status(&self) -> &'static str {
        self.ending.status()
    }
}

impl Ending {
    /// The stable word for what went wrong, if anything did.
    pub fn code(&self) -> Option<Code> {
        match self {
            Ending::Done(_) | Ending::Held(_) | Ending::Looked(_) => None,
            Ending::Denied(d) => Some(d.code),
            Ending::Failed(f) => Some(f.code),
        }
    }

    /// `ok`, `confirm`, `deny` or `error`.
    pub fn status(&self) -> &'static str {
        match self {
            Ending::Done(_) | Ending::Looked(_) => "ok",
            Ending::Held(_) => "confirm",
            Ending::Denied(_) => "deny",
            Ending::Failed(_) => "error",
        }
    }

    /// A step as the answer about all of them tells it. What was read may be long, so it is moved and not copied.
    fn told(self, action: &str) -> Value {
        let (status, code) = (self.status(), self.code());
        let (message, data) = match self {
            Ending::Done(outcome) => (outcome.message, outcome.data),
            Ending::Failed(failure) => (Some(failure.message), failure.data.map(|data| *data)),
            Ending::Denied(denied) => (Some(denied.message), denied.data),
            Ending::Held(_) | Ending::Looked(_) => (None, None),
        };
        let mut told = json!({ "action": action, "status": status, "code": code, "message": message });
        told["data"] = data.unwrap_or_default();
        told
    }
}

/// The home protocol's form, which is also the form in which ends of requests are kept.
impl From<Reply> for Response {
    fn from(reply: Reply) -> Response {
        let mut response = Response::new(reply.action, Status::Ok, "");
        match reply.ending {
            Ending::Done(outcome) => {
                response.message = outcome.message;
                response.capabilities = outcome.capabilities.map(|c| *c);
                response.data = outcome.data.map(Box::new);
                response.preview = outcome.preview;
            }
            Ending::Held(held) => {
                response.status = Status::Confirm;
                response.message = Some("user confirmation required".into());
                response.confirmation_id = Some(held.id.to_string());
                response.preview = held.preview.map(Box::new);
                response.policy = Some(Box::new(held.policy));
                response.data = Some(Box::new(held.data));
            }
            // Only plans are looked at, and their door has a form of its own.
            Ending::Looked(looked) => {
                response.preview = looked.preview.map(Box::new);
                response.policy = Some(Box::new(looked.policy));
            }
            Ending::Denied(denied) => {
                response.status = Status::Deny;
                response.code = Some(denied.code);
                response.message = Some(denied.message);
                response.policy = denied.policy.map(Box::new);
                response.data = denied.data.map(Box::new);
            }
            Ending::Failed(failure) => {
                response.status = Status::Error;
                response.code = Some(failure.code);
                response.message = Some(failure.message);
                response.data = failure.data;
                response.preview = failure.preview;
            }
        }
        if !reply.steps.is_empty() {
            let steps = reply.names.iter().zip(reply.steps).map(|(name, ending)| ending.told(name)).collect();
            let all = response.data.get_or_insert_with(|| Box::new(Value::Object(Map::new())));
            all["steps"] = Value::Array(steps);
        }
        response
    }
}
