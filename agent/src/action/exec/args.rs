//! The arguments of a command: what is taken, and how it is read. Pure but for the look at where a program lies.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steward_policy::is_never_set;

use crate::action::types::visible;

/// Arguments of one command, the program among them, and bytes of each: as in the action plans of `llm-osd`, sections 1.5 and 1.8
/// of its description.
const MAX_ARGS: usize = 64;
const MAX_ARG: usize = 2048;
/// Variables, and bytes of their names and values (the same source).
const MAX_VARIABLES: usize = 32;
const MAX_VARIABLE_NAME: usize = 128;
const MAX_VARIABLE: usize = 2048;
/// The longest time that a command may take, in seconds (the same source), and the time that it has when it does not say.
pub(super) const MAX_SECONDS: u8 = 60;
const SECONDS: u8 = 10;
/// Bytes kept of each of its two outputs.
const OUTPUT: u64 = 16 * 1024;

/// A program by its whole path, then its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
#[schemars(with = "Vec<String>")]
pub struct Argv(pub(super) Vec<String>);

impl TryFrom<Vec<String>> for Argv {
    type Error = String;

    fn try_from(argv: Vec<String>) -> Result<Argv, String> {
        let Some(program) = argv.first() else { return Err("there is no program in `argv`".to_owned()) };
        if !program.starts_with('/') {
            return Err("name the program by its whole path, such as `/usr/bin/id`".to_owned());
        }
        if argv.len() > MAX_ARGS || argv.iter().any(|a| a.len() > MAX_ARG) {
            return Err(format!("a command has at most {MAX_ARGS} arguments of {MAX_ARG} bytes each"));
        }
        if argv.iter().any(|a| a.contains('\0')) {
            return Err("an argument has no zero byte in it".to_owned());
        }
        Ok(Argv(argv))
    }
}

impl From<Argv> for Vec<String> {
    fn from(argv: Argv) -> Vec<String> {
        argv.0
    }
}

/// Variables of the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
#[schemars(with = "BTreeMap<String, String>")]
pub struct Variables(pub(super) BTreeMap<String, String>);

impl Variables {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<BTreeMap<String, String>> for Variables {
    type Error = String;

    fn try_from(all: BTreeMap<String, String>) -> Result<Variables, String> {
        if all.len() > MAX_VARIABLES {
            return Err(format!("at most {MAX_VARIABLES} variables are set"));
        }
        for (name, value) in &all {
            if name.len() > MAX_VARIABLE_NAME || value.len() > MAX_VARIABLE || value.contains('\0') {
                return Err(format!(
                    "a variable's name has at most {MAX_VARIABLE_NAME} bytes and its value {MAX_VARIABLE}, without a zero byte"
                ));
            }
            if is_never_set(name) {
                let shown = visible(name, 40);
                return Err(format!(
                    "`{shown}` is not set by a request: it decides what code runs, or is no variable's name"
                ));
            }
        }
        Ok(Variables(all))
    }
}

impl From<Variables> for BTreeMap<String, String> {
    fn from(all: Variables) -> BTreeMap<String, String> {
        all.0
    }
}

/// A time from 1 to 60 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u64", into = "u64")]
#[schemars(with = "u64")]
pub struct Seconds(pub(super) u8);

impl Default for Seconds {
    fn default() -> Seconds {
        Seconds(SECONDS)
    }
}

impl TryFrom<u64> for Seconds {
    type Error = String;

    fn try_from(n: u64) -> Result<Seconds, String> {
        let good = u8::try_from(n).ok().filter(|n| (1..=MAX_SECONDS).contains(n));
        good.map(Seconds).ok_or_else(|| format!("{n} is not from 1 to {MAX_SECONDS} seconds"))
    }
}

impl From<Seconds> for u64 {
    fn from(s: Seconds) -> u64 {
        s.0.into()
    }
}

/// A number of bytes from 1 to 16384.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u64", into = "u64")]
#[schemars(with = "u64")]
pub struct Output(pub(super) u16);

impl Output {
    pub(super) fn is_default(&self) -> bool {
        *self == Output::default()
    }
}

impl Default for Output {
    fn default() -> Output {
        Output(OUTPUT as u16)
    }
}

impl TryFrom<u64> for Output {
    type Error = String;

    fn try_from(n: u64) -> Result<Output, String> {
        let good = u16::try_from(n).ok().filter(|n| (1..=OUTPUT).contains(&u64::from(*n)));
        good.map(Output).ok_or_else(|| format!("{n} is not from 1 to {OUTPUT} bytes"))
    }
}

impl From<Output> for u64 {
    fn from(n: Output) -> u64 {
        n.0.into()
    }
}

/// Where programs of the system are looked for by their name alone, in this order. It is never a caller's search path.
const FOLDERS: [&str; 4] = ["/bin", "/usr/bin", "/sbin", "/usr/sbin"];

/// The whole path of a program of the system that is known by its name; where there is none, the path at which it would be looked
/// for first.
pub(crate) fn in_system_folders(name: &str) -> String {
    let there = FOLDERS.iter().map(|folder| format!("{folder}/{name}")).find(|path| Path::new(path).exists());
    there.unwrap_or_else(|| format!("{}/{name}", FOLDERS[0]))
}

/// Whether a line means the same to everybody: words with one blank between them, and nothing that a shell would read into it.
pub(super) fn is_plain(line: &str) -> bool {
    let sign = |c: char| c.is_control() || "\"'`\\$|&;<>(){}[]*?!#~".contains(c);
    !line.contains(sign) && !line.starts_with(' ') && !line.ends_with(' ') && !line.contains("  ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::action::exec::Exec;

    fn read(args: Value) -> Result<Exec, String> {
        serde_json::from_value(args).map_err(|e| e.to_string())
    }

    #[test]
    fn a_command_has_a_whole_path_and_bounds() {
        assert!(read(json!({ "argv": ["/bin/echo", "", "a b", "ü"] })).is_ok());
        let long = "x".repeat(MAX_ARG + 1);
        for bad in [
            json!([]),
            json!(["echo"]),
            json!(["./x"]),
            json!(["/bin/echo", "a\0b"]),
            json!(["/bin/echo", long]),
            json!(vec!["/bin/echo"; MAX_ARGS + 1]),
        ] {
            assert!(read(json!({ "argv": bad })).is_err(), "{bad}");
        }
        for (seconds, good) in [(0, false), (1, true), (60, true), (61, false)] {
            assert_eq!(read(json!({ "argv": ["/bin/true"], "timeout_sec": seconds })).is_ok(), good, "{seconds}");
        }
    }

    #[test]
    fn the_search_path_and_the_loaders_variables_never_come_from_a_request() {
        for name in
            ["PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "GLIBC_TUNABLES", "BASH_ENV", "PYTHONPATH", "IFS", "A=B", ""]
        {
            let error = read(json!({ "argv": ["/bin/echo"], "env": { name: "x" } })).expect_err(name);
            assert!(error.contains("not set by a request"), "{error}");
        }
        assert!(read(json!({ "argv": ["/bin/echo"], "env": { "LANG": "C" } })).is_ok());
    }
}
