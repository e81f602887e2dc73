//! The last lines of a unit's journal, through journalctl(1).
//!
//! The program and not a library: the one library that reads every form of the journal's files is C, which would be code of ours that
//! nothing checks. Its arguments are fixed but for the name of the unit, which is by systemd's grammar and no pattern. Who may read what
//! is the system's business: a user who may not read the machine's journal sees no lines.

use std::time::Duration;

use serde_json::Value;

use super::dbus::units::Scope;
use super::spawn::{self, Job, Limits, Program};
use super::unit_name::UnitName;
use crate::action::types::visible;

/// Where journalctl is.
const JOURNALCTL: &str = "/usr/bin/journalctl";
/// How many lines are asked for.
pub const LINES: usize = 10;
/// How many characters of a line are kept.
const WIDTH: usize = 200;
/// How much output is read, in bytes. A line of the journal can have megabytes.
const MAX_OUTPUT: usize = 256 * 1024;
/// How long journalctl may take: it looks through all files of the journal.
const DEADLINE: Duration = Duration::from_secs(3);

/// The last lines of a unit, the oldest first: time, program, text.
///
/// # Errors
/// Why they could not be read, in a sentence.
pub async fn last_lines(scope: Scope, unit: &UnitName) -> Result<Vec<String>, String> {
    let program = Program::new(JOURNALCTL).map_err(|e| e.to_string())?;
    let which = match scope {
        Scope::System => format!("--unit={unit}"),
        Scope::User => format!("--user-unit={unit}"),
    };
    let lines = format!("--lines={LINES}");
    let args = ["--output=json", "--output-fields=MESSAGE,SYSLOG_IDENTIFIER", "--no-pager", "--quiet", &lines, &which];
    let job = Job::new(program).args(args);
    let limits = Limits { deadline: DEADLINE, output: MAX_OUTPUT };
    let output = spawn::run(&job, limits).await.map_err(|e| e.to_string())?;
    Ok(parse(&output.stdout))
}

/// Reads journalctl's `--output=json`, one object a line. What is no such object is left out: the last one may have been cut.
pub fn parse(output: &[u8]) -> Vec<String> {
    let lines = output.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let mut told: Vec<String> = lines.filter_map(|line| told(&line)).collect();
    told.drain(..told.len().saturating_sub(LINES));
    told
}

fn told(line: &Value) -> Option<String> {
    // A text with a control character in it comes as a list of bytes, one that is too long as null.
    let message = match line.get("MESSAGE")? {
        Value::String(text) => text.clone(),
        Value::Array(bytes) => {
            let bytes: Vec<u8> =
                bytes.iter().map(|b| b.as_u64().and_then(|b| u8::try_from(b).ok()).unwrap_or(b'?')).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => "(too long)".to_owned(),
    };
    let micros = line.get("__REALTIME_TIMESTAMP").and_then(Value::as_str).and_then(|t| t.parse::<i64>().ok());
    let at = micros.map(|t| crate::clock::rfc3339(t / 1000)).unwrap_or_default();
    let who = line.get("SYSLOG_IDENTIFIER").and_then(Value::as_str).unwrap_or_default();
    Some(format!("{at} {}: {}", visible(who, 40), visible(message.trim_end(), WIDTH)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_a_time_a_program_and_a_text_that_is_safe_to_show() {
        let output =
            br#"{"__REALTIME_TIMESTAMP":"1795198203662000","SYSLOG_IDENTIFIER":"sshd","MESSAGE":"Server listening"}
{"__REALTIME_TIMESTAMP":"1795198204000000","SYSLOG_IDENTIFIER":"x","MESSAGE":[27,91,51,49,109,104,105]}
{"SYSLOG_IDENTIFIER":"x","MESSAGE":null}
{"SYSLOG_IDENTIFIER":"x"}
not json
{"MESSAGE":"cut"#;
        let lines = parse(output);
        assert_eq!(
            lines,
            [
                "2026-11-20T18:10:03.662Z sshd: Server listening",
                "2026-11-20T18:10:04.000Z x: <U+001B>[31mhi",
                " x: (too long)"
            ]
        );
    }

    #[test]
    fn so_many_lines_are_kept_and_each_is_cut() {
        let line = format!("{{\"MESSAGE\":\"{}\"}}\n", "y".repeat(5000));
        let lines = parse(line.repeat(50).as_bytes());
        assert_eq!(lines.len(), LINES);
        assert!(lines.iter().all(|l| l.chars().count() < WIDTH + 10));
    }

    proptest::proptest! {
        #[test]
        fn any_output_is_read_without_a_panic(output in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            parse(&output);
        }
    }
}
