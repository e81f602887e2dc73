//! The stable words for what went wrong.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $wire:literal,)+) => {
        /// Why a request was not done. The words are stable; sentences are not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Code { $($(#[doc = $doc])+ #[serde(rename = $wire)] $name,)+ }

        impl Code {
            /// Every code with what it means, in the order of the documents.
            pub const ALL: &'static [(Code, &'static str)] = &[$((Code::$name, concat!($($doc),+)),)+];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $wire,)+ }
            }
        }
    };
}

codes! {
    /// Not JSON, not an object, wrong types, an unknown version, or payload and args together.
    InvalidRequest = "invalid_request",
    /// A line over 256 KiB; the rest of it is skipped and the connection goes on.
    RequestTooLarge = "request_too_large",
    /// No action has this name; `data.near` has the nearest names.
    UnknownAction = "unknown_action",
    /// The payload or an argument is not what the action takes.
    InvalidPayload = "invalid_payload",
    /// The sentence has no reading; `data.near` has up to three commands in words.
    NotUnderstood = "not_understood",
    /// The sentence has more than one reading; `data.readings` has them as requests that can be sent.
    Ambiguous = "ambiguous",
    /// No request of yours is held, or was, under this id.
    ConfirmationNotFound = "confirmation_not_found",
    /// It was not answered in time.
    ConfirmationExpired = "confirmation_expired",
    /// It was approved before; it runs once.
    ConfirmationUsed = "confirmation_used",
    /// A person said no.
    ConfirmationRejected = "confirmation_rejected",
    /// What would happen now is not what was shown; `data` has the difference and a fresh id.
    ConfirmationChanged = "confirmation_changed",
    /// This caller may not answer this request; the message says who may.
    ApproverNotAllowed = "approver_not_allowed",
    /// The policy says no.
    Denied = "denied",
    /// Too many; `data.retry_after` has the seconds until the next is possible.
    RateLimited = "rate_limited",
    /// A service or a tool that it needs is not there.
    Unavailable = "unavailable",
    /// The service, polkit or the kernel said no.
    NotAuthorized = "not_authorized",
    /// It did not finish in time, and nothing was changed.
    TimedOut = "timed_out",
    /// It may have had its effect, and it cannot be known.
    UnknownOutcome = "unknown_outcome",
    /// A step of a plan that was not begun, because another one failed or cannot be done.
    NotRun = "not_run",
    /// It was tried and did not work.
    Failed = "failed",
    /// Queues are full; try again.
    Overloaded = "overloaded",
    /// An error in Steward; the message has the id of the record.
    Internal = "internal",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
