//! The wire types of Steward's home protocol, version 1.
//!
//! 1. A client connects to a Unix stream socket, or talks to `stewardd --stdio`. Every message is one JSON object on one
//!    line of at most [`MAX_LINE`] bytes, ended by a newline.
//! 2. Each [`Request`] line gets exactly one [`Response`] line, in order. Any number may be pipelined. Blank lines are
//!    skipped without an answer.
//! 3. A response always has the six keys `version action status message capabilities confirmation_id`, in this order and
//!    with `null` written out. Further keys (`id code data preview policy`) follow when they have something to say.
//! 4. `status` is `ok`, `confirm` (held until a person agrees; `confirmation_id` names it), `deny` or `error`; with `error`
//!    and `deny` comes a stable [`Code`].
//! 5. The action `subscribe` turns the connection into a stream of [`Event`] lines: its answer has the full state, then
//!    every line is a change, numbered without gaps. A reader that is too slow gets the event `dropped` and is closed.
//! 6. A line that is no request is answered with `error` and `invalid_request` or `request_too_large`; the connection
//!    goes on at the next line.
//!
//! What is not promised: the wording of `message` (other than the sentences that the protocol names), the keys inside
//! `data` that the document of the action does not name, and the order of keys inside `data`.
//!
//! This crate depends on serde alone, so that a client need not compile an agent.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

mod client;
mod code;
pub mod frame;
pub mod plan;

pub use client::{Client, ClientError};
pub use code::Code;

/// The version of the protocol that this crate speaks.
pub const VERSION: u32 = 1;
/// The longest line in bytes, without its newline.
pub const MAX_LINE: usize = 256 * 1024;
/// The longest string that a request may have as its `id`, in bytes.
pub const MAX_ID: usize = 128;

/// What a client asks: an action by name, with its payload as a string or its arguments as an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Request<'a> {
    /// The protocol version; absent means 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The action's name. Names are case-sensitive.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// The action's payload in its string form.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Cow<'a, str>>,
    /// The action's arguments by name; never together with `payload`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Map<String, Value>>,
    /// Anything by which the client tells its requests apart; echoed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
}

impl<'a> Request<'a> {
    /// A request for `name` with a payload.
    pub fn new(name: impl Into<Cow<'a, str>>, payload: Option<&'a str>) -> Request<'a> {
        Request { version: Some(VERSION), name: name.into(), payload: payload.map(Cow::Borrowed), ..Request::default() }
    }

    /// A request for `name` with arguments.
    pub fn with_args(name: impl Into<Cow<'a, str>>, args: Map<String, Value>) -> Request<'a> {
        Request { version: Some(VERSION), name: name.into(), args: Some(args), ..Request::default() }
    }

    /// Reads one line without its newline.
    ///
    /// # Errors
    /// A sentence that begins with what was wrong, as the protocol's `invalid request: …` continues.
    pub fn decode(line: &'a [u8]) -> Result<Request<'a>, String> {
        let text = std::str::from_utf8(line).map_err(|e| format!("not UTF-8 at byte {}", e.valid_up_to()))?;
        let trimmed = text.trim_start_matches([' ', '\t', '\r']);
        if trimmed.starts_with('[') {
            return Err("expected a JSON object, not an array".into());
        }
        let request: Request<'a> = serde_json::from_str(text).map_err(|e| e.to_string())?;
        match &request.id {
            Some(Id::Text(id)) if id.len() > MAX_ID => Err(format!("`id` is longer than {MAX_ID} bytes")),
            _ if request.payload.is_some() && request.args.is_some() => {
                Err("`payload` and `args` cannot both be given; send one of them".into())
            }
            _ => Ok(request),
        }
    }
}

/// The tag of a request, echoed in its response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Id {
    /// A whole number.
    Number(i64),
    /// A string of at most [`MAX_ID`] bytes.
    Text(String),
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Id;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string or a whole number as `id`")
            }

            fn visit_i64<E>(self, n: i64) -> Result<Id, E> {
                Ok(Id::Number(n))
            }

            fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<Id, E> {
                i64::try_from(n).map(Id::Number).map_err(|_| E::custom("`id` is larger than 9223372036854775807"))
            }

            fn visit_str<E>(self, text: &str) -> Result<Id, E> {
                Ok(Id::Text(text.to_owned()))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was done.
    Ok,
    /// It is held until a person agrees.
    Confirm,
    /// The policy, or a person, says no.
    Deny,
    /// It could not be done; `code` says why.
    Error,
}

/// The answer to one request. The order of the fields is the order on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// The protocol version, 1.
    pub version: u32,
    /// The action that was asked for, or that the sentence was understood as.
    pub action: Cow<'static, str>,
    /// How it ended.
    pub status: Status,
    /// A sentence for a person; it can be read aloud.
    pub message: Option<Cow<'static, str>>,
    /// What the agent can do, as the answer to `get_capabilities`.
    pub capabilities: Option<Capabilities>,
    /// The id to confirm with, when it is held.
    pub confirmation_id: Option<String>,
    /// The request's own `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The stable word for what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Facts for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<Value>>,
    /// What would happen, when it is held or was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Box<Preview>>,
    /// Why the policy said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Box<PolicyNote>>,
}

impl Response {
    /// A response with the six keys and nothing else.
    pub fn new(
        action: impl Into<Cow<'static, str>>,
        status: Status,
        message: impl Into<Cow<'static, str>>,
    ) -> Response {
        Response {
            version: VERSION,
            action: action.into(),
            status,
            message: Some(message.into()),
            capabilities: None,
            confirmation_id: None,
            id: None,
            code: None,
            data: None,
            preview: None,
            policy: None,
        }
    }

    /// Appends the response to `out` as one line, newline included.
    pub fn encode(&self, out: &mut Vec<u8>) {
        // Writing to a Vec cannot fail, and every map in `Response` has strings as keys.
        if serde_json::to_writer(&mut *out, self).is_ok() {
            out.push(b'\n');
        }
    }
}

/// The answer to `get_capabilities`: three keys, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// The version of this protocol.
    pub ipc_version: u32,
    /// The version of the action vocabulary.
    pub protocol_version: u32,
    /// The names of all actions.
    pub actions: Vec<Cow<'static, str>>,
}

/// What would happen, computed by the agent and not taken from the request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// One sentence.
    pub summary: String,
    /// What changes. An approval is bound to these: when they differ at release, nothing runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
    /// What is good to know; shown only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
    /// The requester's own words, quoted and cut, with control characters made visible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester_text: Option<String>,
}

/// One change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// `install`, `remove`, `upgrade`, `set`, `write` …
    pub verb: String,
    /// What it is done to.
    pub object: String,
    /// The value before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The value after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The version that is installed or removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Its size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// One thing that is good to know before saying yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is about.
    pub name: String,
    /// What it is now.
    pub value: String,
}

/// Why the policy said what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyNote {
    /// `ok`, `confirm` or `deny`.
    pub decision: Cow<'static, str>,
    /// The id of the deciding rule; left out for callers who may not read the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The rule's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to do instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// The SHA-256 of the policy that decided, in hexadecimal digits.
    pub hash: String,
}

/// One line of an event stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The protocol version, 1.
    pub version: u32,
    /// What happened, such as `request_held`.
    pub event: Cow<'static, str>,
    /// Counts the events of this connection from 1, without gaps. Absent in the last line `dropped`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// When, RFC 3339 in UTC. Absent in the last line `dropped`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<String>,
    /// What exactly.
    pub data: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pong_has_the_six_keys_in_order_and_nothing_else() {
        let mut out = Vec::new();
        Response::new("ping", Status::Ok, "pong").encode(&mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"version\":1,\"action\":\"ping\",\"status\":\"ok\",\"message\":\"pong\",\"capabilities\":null,\"confirmation_id\":null}\n"
        );
    }

    #[test]
    fn lines_that_are_no_request_say_what_is_wrong() {
        for (line, wanted) in [
            ("", "EOF while parsing"),
            ("nonsense", "expected ident"),
            ("[1,\"ping\",null]", "not an array"),
            ("{}", "missing field `name`"),
            ("{\"name\":\"a\",\"name\":\"b\"}", "duplicate field `name`"),
            ("{\"name\":\"ping\"} {}", "trailing characters"),
            ("{\"name\":\"ping\",\"payload\":{}}", "invalid type: map"),
            ("{\"name\":\"ping\",\"version\":-1}", "invalid value: integer `-1`"),
            ("{\"name\":\"ping\",\"version\":1e400}", "number out of range"),
            ("{\"name\":\"ping\",\"id\":{}}", "a string or a whole number"),
            ("{\"name\":\"ping\",\"id\":1.5}", "a string or a whole number"),
            ("{\"name\":\"ping\",\"payload\":\"a\",\"args\":{}}", "cannot both be given"),
        ] {
            let error = Request::decode(line.as_bytes()).expect_err(line);
            assert!(error.contains(wanted), "{line}: {error}");
        }
        let long = format!("{{\"name\":\"ping\",\"id\":\"{}\"}}", "x".repeat(MAX_ID + 1));
        assert!(Request::decode(long.as_bytes()).is_err());
        let deep = format!("{{\"name\":\"ping\",\"args\":{{\"a\":{}{}}}}}", "[".repeat(200), "]".repeat(200));
        assert!(Request::decode(deep.as_bytes()).unwrap_err().contains("recursion limit"));
        assert!(Request::decode(b"{\"name\":\"\xff\"}").unwrap_err().starts_with("not UTF-8"));
    }

    #[test]
    fn unknown_keys_are_ignored_and_null_is_absent() {
        let r = Request::decode(b"{\"name\":\"ping\",\"payload\":null,\"version\":null,\"extra\":[1]}").unwrap();
        assert_eq!((r.version, r.payload, r.id), (None, None, None));
    }
}
