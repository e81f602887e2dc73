//! How the command ends: one number for each way a request can end, so that scripts need not read sentences.

use std::process::ExitCode;

use steward_ipc::{Code, Response, Status};

/// The ways to end. `--help` has the same table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It was done.
    Done,
    /// It was tried and did not work; of a check: something is wrong.
    Failed,
    /// The request cannot be meant like this; of a check: it could not look.
    Usage,
    /// It waits for a person; the id is on standard output.
    Held,
    /// The policy, or a person, said no.
    Denied,
    /// Nobody is there to do it, or may.
    Unavailable,
    /// The sentence has no reading, or more than one.
    NotUnderstood,
    /// It may have had its effect.
    Unknown,
    /// It took too long, or there is too much to do.
    Overloaded,
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// As the command ended that was run in a sandbox.
    Command(u8),
}

impl Exit {
    /// The number.
    pub(crate) fn number(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Held => 3,
            Exit::Denied => 4,
            Exit::Unavailable => 5,
            Exit::NotUnderstood => 6,
            Exit::Unknown => 7,
            Exit::Overloaded => 8,
            Exit::Interrupted => 130,
            Exit::Command(number) => number,
        }
    }

    /// What an answer means.
    pub(crate) fn of(response: &Response) -> Exit {
        match (response.status, response.code) {
            (Status::Ok, _) => Exit::Done,
            (Status::Confirm, _) => Exit::Held,
            (Status::Deny, _) => Exit::Denied,
            (Status::Error, Some(code)) => Exit::of_code(code),
            (Status::Error, None) => Exit::Failed,
        }
    }

    /// What a code means.
    pub(crate) fn of_code(code: Code) -> Exit {
        match code {
            Code::InvalidRequest | Code::RequestTooLarge | Code::UnknownAction | Code::InvalidPayload => Exit::Usage,
            Code::NotUnderstood | Code::Ambiguous => Exit::NotUnderstood,
            Code::Denied | Code::ConfirmationRejected => Exit::Denied,
            Code::ApproverNotAllowed | Code::Unavailable | Code::NotAuthorized => Exit::Unavailable,
            Code::RateLimited | Code::TimedOut | Code::Overloaded => Exit::Overloaded,
            Code::UnknownOutcome => Exit::Unknown,
            Code::ConfirmationNotFound
            | Code::ConfirmationExpired
            | Code::ConfirmationUsed
            | Code::ConfirmationChanged
            | Code::NotRun
            | Code::Failed
            | Code::Internal => Exit::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_in_the_help() {
        let help = crate::args::EXIT_STATUS;
        for exit in [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::Held,
            Exit::Denied,
            Exit::Unavailable,
            Exit::NotUnderstood,
            Exit::Unknown,
            Exit::Overloaded,
            Exit::Interrupted,
        ] {
            let number = exit.number().to_string();
            assert!(help.lines().any(|l| l.split_whitespace().next() == Some(&number)), "{exit:?}");
        }
    }

    #[test]
    fn an_answer_ends_the_command_with_its_number() {
        let answer = |status, code| {
            let mut response = Response::new("x", status, "");
            response.code = code;
            Exit::of(&response).number()
        };
        for (status, code, number) in [
            (Status::Ok, None, 0),
            (Status::Confirm, None, 3),
            (Status::Deny, Some(Code::RateLimited), 4),
            (Status::Error, Some(Code::UnknownAction), 2),
            (Status::Error, Some(Code::Ambiguous), 6),
            (Status::Error, Some(Code::UnknownOutcome), 7),
            (Status::Error, Some(Code::RateLimited), 8),
        ] {
            assert_eq!(answer(status, code), number, "{status:?} {code:?}");
        }
    }
}
