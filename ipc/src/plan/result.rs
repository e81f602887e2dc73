//! The answer to a plan. The order of the fields is the order on the wire, and `null` is written out.

use std::fmt;
use std::io::Write as _;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::{Preview, plan::Action};

/// The answer to a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanResult {
    /// The plan's own; `unknown` where it could not be read.
    pub request_id: String,
    /// Whether the plan was one to execute, and was taken.
    pub executed: bool,
    /// One for each step, in its position; none when the plan was not taken.
    pub results: Vec<StepResult>,
    /// Why the plan was not taken.
    pub error: Option<PlanError>,
}

impl PlanResult {
    /// The answer to a plan that was not taken.
    pub fn refused(request_id: &str, code: ErrorCode, message: impl Into<String>) -> PlanResult {
        let error = PlanError::new(code, message);
        PlanResult { request_id: request_id.to_owned(), executed: false, results: Vec::new(), error: Some(error) }
    }

    /// The answer as it goes out: what `serde_json` makes of it, in one piece of memory, and without looking at each character of
    /// what was read for one that needs a backslash.
    ///
    /// # Errors
    /// None that these types can have.
    pub fn encode(&self) -> serde_json::Result<Vec<u8>> {
        let contents = self.results.iter().map(|r| AROUND + r.content_base64.as_ref().map_or(0, String::len));
        let mut out = Vec::with_capacity(AROUND + contents.sum::<usize>());
        out.extend_from_slice(b"{\"request_id\":");
        serde_json::to_writer(&mut out, &self.request_id)?;
        write!(out, ",\"executed\":{},\"results\":[", self.executed).map_err(serde_json::Error::io)?;
        for (number, result) in self.results.iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            result.encode(&mut out)?;
        }
        out.extend_from_slice(b"],\"error\":");
        serde_json::to_writer(&mut out, &self.error)?;
        out.push(b'}');
        Ok(out)
    }
}

/// About what is around a content, in bytes.
const AROUND: usize = 256;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $wire:literal, $level:literal;)+) => {
        /// What went wrong with a plan or a step.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[doc = $doc])+ $name,)+ }

        impl ErrorCode {
            /// Every code with where it stands and what it means, in the order of the document.
            pub const ALL: &'static [(ErrorCode, &'static str, &'static str)] =
                &[$((ErrorCode::$name, $level, concat!($($doc),+)),)+];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$name => $wire,)+ }
            }
        }
    };
}

codes! {
    /// The document is no plan: no JSON, unknown or missing fields, wrong types; or nothing came for two seconds (`read timed out`).
    ParseFailed = "parse_failed", "plan";
    /// A rule of docs/plan.md is not kept; the message is the rule.
    ValidationFailed = "validation_failed", "plan";
    /// The document is longer than 262144 bytes, white space included.
    RequestTooLarge = "request_too_large", "plan";
    /// The agent has too much to do; try again.
    Overloaded = "overloaded", "plan, step";
    /// The policy says no, the step is one that is never carried out, or the system did not allow it.
    PolicyDenied = "policy_denied", "step";
    /// A person has to say yes first; `steward pending` has the plan, and `steward approve --token` gives the token.
    ConfirmationRequired = "confirmation_required", "step";
    /// What would happen is not what was approved, or not what the steps before it were to leave; look again.
    ConfirmationChanged = "confirmation_changed", "step";
    /// A step before it failed, or another step of the plan cannot be done; so this one was not begun.
    NotRun = "not_run", "step";
    /// The program could not be started.
    ExecFailed = "exec_failed", "step";
    /// It was ended at its deadline, with everything that it had started.
    ExecTimedOut = "exec_timed_out", "step";
    /// The file could not be read.
    ReadFailed = "read_failed", "step";
    /// The file could not be written.
    WriteFailed = "write_failed", "step";
    /// The step's arguments are ones that the action does not take.
    InvalidArguments = "invalid_arguments", "step";
    /// What it needs on this machine is not there.
    Unavailable = "unavailable", "step";
    /// Too many; wait a little.
    RateLimited = "rate_limited", "step";
    /// It did not end in time, and nothing was changed.
    TimedOut = "timed_out", "step";
    /// It may have had its effect, and it cannot be known.
    UnknownOutcome = "unknown_outcome", "step";
    /// It was tried and did not work.
    Failed = "failed", "step";
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanError {
    /// The stable word.
    pub code: ErrorCode,
    /// The sentence.
    pub message: String,
}

impl PlanError {
    /// An error with its sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> PlanError {
        PlanError { code, message: message.into() }
    }
}

/// What a step that is not run would come to; the last member of a result of `plan_only`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// `ok`, `confirm` or `deny`: what the policy says to this step; `unknown` where that is not known.
    pub decision: &'static str,
    /// Who would have to say yes to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assurance: Option<String>,
    /// Why the plan's token does not count for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<&'static str>,
    /// The rule's reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What the policy has in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// What would happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
    /// Why it would not work now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would_fail: Option<WouldFail>,
}

impl Judged {
    /// A decision, and nothing more.
    pub fn of(decision: &'static str) -> Judged {
        Judged { decision, assurance: None, token: None, why: None, instead: None, preview: None, would_fail: None }
    }
}

/// Why a step would not work as things are now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WouldFail {
    /// A code of the home protocol (docs/ipc.md).
    pub code: String,
    /// The sentence.
    pub message: String,
}

/// What a step that was done says of itself; the last members of its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// A sentence.
    pub message: Option<String>,
    /// Facts, as the action's document names them.
    pub data: serde_json::Value,
}

/// The result of one step. Which members it has on the wire goes by its type.
#[derive(Clone, Debug, PartialEq)]
pub struct StepResult {
    /// The step's `type`.
    pub kind: &'static str,
    /// Whether it was done, or in `plan_only` could be.
    pub ok: bool,
    /// What was run, or would be in the original's words.
    pub argv: Vec<String>,
    /// The exit status of a program that ended by itself.
    pub exit_code: Option<i32>,
    /// What it wrote to its standard output, cut.
    pub stdout: String,
    /// Whether there was more.
    pub stdout_truncated: bool,
    /// What it wrote to its standard error, cut.
    pub stderr: String,
    /// Whether there was more.
    pub stderr_truncated: bool,
    /// The content of a file.
    pub content_base64: Option<String>,
    /// Whether there was more.
    pub truncated: bool,
    /// Files that were written.
    pub artifacts: Vec<String>,
    /// What went wrong.
    pub error: Option<PlanError>,
    /// What was done says of itself, for the steps that have no members for it.
    pub told: Option<Box<Told>>,
    /// What `plan_only` found.
    pub judged: Option<Box<Judged>>,
}

impl StepResult {
    /// An empty result of a step.
    pub fn of(action: &Action) -> StepResult {
        StepResult {
            kind: action.name(),
            ok: matches!(action, Action::Ping),
            argv: Vec::new(),
            exit_code: None,
            stdout: String::new(),
            stdout_truncated: false,
            stderr: String::new(),
            stderr_truncated: false,
            content_base64: None,
            truncated: false,
            artifacts: Vec::new(),
            error: None,
            told: None,
            judged: None,
        }
    }

    /// The same with what went wrong.
    #[must_use]
    pub fn failed(mut self, code: ErrorCode, message: impl Into<String>) -> StepResult {
        self.ok = false;
        self.error = Some(PlanError::new(code, message));
        self
    }
}

/// Whether JSON writes a text as it is (RFC 8259, section 7). Every byte is looked at, so that many are at once.
fn is_plain(text: &str) -> bool {
    let escaped = |b: u8| u8::from(b < b' ') | u8::from(b == b'"') | u8::from(b == b'\\');
    text.as_bytes().iter().fold(0, |any, b| any | escaped(*b)) == 0
}

impl StepResult {
    fn encode(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        match self.content_base64.as_ref().filter(|content| is_plain(content)) {
            Some(content) if self.kind == "read_file" && self.told.is_none() && self.judged.is_none() => {
                write!(out, "{{\"type\":\"read_file\",\"ok\":{},\"content_base64\":\"", self.ok)
                    .map_err(serde_json::Error::io)?;
                out.extend_from_slice(content.as_bytes());
                write!(out, "\",\"truncated\":{},\"error\":", self.truncated).map_err(serde_json::Error::io)?;
                serde_json::to_writer(&mut *out, &self.error)?;
                out.push(b'}');
                Ok(())
            }
            _ => serde_json::to_writer(out, self),
        }
    }
}

impl Serialize for StepResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.kind == "ping" {
            map.serialize_entry("type", "pong")?;
            map.serialize_entry("ok", &true)?;
            return map.end();
        }
        map.serialize_entry("type", self.kind)?;
        map.serialize_entry("ok", &self.ok)?;
        match self.kind {
            "exec" | "observe" => {
                if self.kind == "observe" {
                    map.serialize_entry("argv", &self.argv)?;
                }
                map.serialize_entry("exit_code", &self.exit_code)?;
                map.serialize_entry("stdout", &self.stdout)?;
                map.serialize_entry("stdout_truncated", &self.stdout_truncated)?;
                map.serialize_entry("stderr", &self.stderr)?;
                map.serialize_entry("stderr_truncated", &self.stderr_truncated)?;
            }
            "read_file" => {
                map.serialize_entry("content_base64", &self.content_base64)?;
                map.serialize_entry("truncated", &self.truncated)?;
            }
            "write_file" => map.serialize_entry("artifacts", &self.artifacts)?,
            _ => map.serialize_entry("argv", &self.argv)?,
        }
        map.serialize_entry("error", &self.error)?;
        if let Some(told) = &self.told {
            map.serialize_entry("message", &told.message)?;
            map.serialize_entry("data", &told.data)?;
        }
        if let Some(judged) = &self.judged {
            map.serialize_entry("plan", judged)?;
        }
        map.end()
    }
}
