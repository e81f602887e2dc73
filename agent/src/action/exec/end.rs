//! What is answered of a command: how it ended, or why it was not run.

use serde_json::json;
use steward_ipc::Code;
use steward_policy::{SandboxFiles, SandboxProfile};

use super::Exec;
use crate::action::types::visible;
use crate::backend::sandbox::{self, Finished, SandboxError};
use crate::reply::{Failure, Outcome};

/// Lines of output in the sentence of an answer, and characters of each; the whole is in `data`.
const SHOWN_LINES: usize = 100;
const SHOWN_WIDTH: usize = 200;
impl Exec {
    /// How it ended.
    ///
    /// # Errors
    /// When that was at its deadline.
    pub(super) fn told(&self, finished: &Finished, profile: &SandboxProfile) -> Result<Outcome, Failure> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let name = visible(&self.argv.0[0], 100);
        let mut data = json!({
            "argv": self.argv, "sandbox": profile.name,
            "exit_code": finished.exit_code, "signal": finished.signal,
            "stdout": text(&finished.stdout), "stdout_truncated": finished.stdout_truncated,
            "stderr": text(&finished.stderr), "stderr_truncated": finished.stderr_truncated,
        });
        if !finished.limits_reached.is_empty() {
            data["limits_reached"] = json!(finished.limits_reached);
        }
        if finished.timed_out {
            let (code, effect) = match profile.files {
                SandboxFiles::System | SandboxFiles::ReadCwd if !profile.network => {
                    (Code::TimedOut, "nothing was changed")
                }
                _ => (Code::UnknownOutcome, "what it had done by then stays"),
            };
            let message = format!(
                "`{name}` was ended after {} seconds, with everything that it had started; {effect}",
                self.timeout_sec.0
            );
            return Err(Failure::new(code, message).with(data));
        }
        let mut message = match (finished.exit_code, finished.signal) {
            (Some(code), _) => format!("`{name}` ended with {code}."),
            (None, signal) => format!("`{name}` was ended by signal {}.", signal.unwrap_or(0)),
        };
        for line in finished.limits_said(profile) {
            message.push('\n');
            message.push_str(&line);
        }
        // For a person: the lines that it wrote, with nothing in them that a terminal would obey.
        for line in text(&finished.stdout).lines().chain(text(&finished.stderr).lines()).take(SHOWN_LINES) {
            message.push('\n');
            message.push_str(&visible(line, SHOWN_WIDTH));
        }
        Ok(Outcome { unsuccessful: finished.exit_code != Some(0), ..Outcome::says(message).with(data) })
    }
}

/// Whether the strictest sandbox is to be had here.
///
/// # Errors
/// `unavailable`, with what the kernel does not give.
pub(crate) async fn probe() -> Result<(), Failure> {
    match SandboxProfile::built_in("ro-nonet") {
        Some(strict) => sandbox::try_out(&strict).await.map_err(failure),
        None => Err(Failure::internal("the strictest sandbox is not built in")),
    }
}
/// The reply for a command that was not run.
pub(crate) fn failure(error: SandboxError) -> Failure {
    let said = error.to_string();
    match error {
        SandboxError::Missing { profile, fence, .. } => {
            Failure::new(Code::Unavailable, format!("{said}; nothing was run"))
                .with(json!({ "sandbox": profile, "missing": fence }))
        }
        SandboxError::NoFolder { .. } => Failure::invalid_payload(said),
        SandboxError::Busy => Failure::new(Code::Overloaded, said),
        SandboxError::Program { reason, .. } => Failure::new(Code::Failed, said).with(json!({ "reason": reason })),
        SandboxError::Failed { source, .. } => {
            Failure::new(Code::Failed, said).with(json!({ "reason": source.to_string() }))
        }
    }
}
