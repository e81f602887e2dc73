//! Commands that have no action of their own: a program with arguments, in a sandbox. There is no shell and no search path.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use steward_ipc::{Code, Effect, Fact, Preview};
use steward_policy::{
    Arg, ArgKind, OwnedArg, PathFact, Policy, Risk, SandboxFiles, SandboxProfile, SandboxPrograms, Step, Surroundings,
    is_never_set,
};

use super::files::open_path;
use super::types::visible;
use super::{Capability, Example, Look, Need, Opened, Perform, Ready, Shown, call};
use crate::backend::sandbox::{self, Command, Finished, OpenProgram, SandboxError};
use crate::gate::judge::Subject;
use crate::provenance::{self, Written, raised};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Arguments of one command, the program among them, and bytes of each: as in the action plans of `llm-osd`, sections 1.5 and 1.8
/// of its description.
const MAX_ARGS: usize = 64;
const MAX_ARG: usize = 2048;
/// Variables, and bytes of their names and values (the same source).
const MAX_VARIABLES: usize = 32;
const MAX_VARIABLE_NAME: usize = 128;
const MAX_VARIABLE: usize = 2048;
/// The longest time that a command may take, in seconds (the same source), and the time that it has when it does not say.
const MAX_SECONDS: u8 = 60;
const SECONDS: u8 = 10;
/// Bytes kept of each of its two outputs.
const OUTPUT: usize = 16 * 1024;

/// Lines of output in the sentence of an answer, and characters of each; the whole is in `data`.
const SHOWN_LINES: usize = 100;
const SHOWN_WIDTH: usize = 200;

/// Runs a program in a sandbox, without a shell, and answers with what it wrote.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// The program by its whole path, then its arguments.
    pub argv: Argv,
    /// The working folder: a whole path, or one that begins with `~`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Variables that are set besides `PATH`, `HOME` and `LANG`; the sandbox says which may be.
    #[serde(default, skip_serializing_if = "Variables::is_empty")]
    pub env: Variables,
    /// Seconds until it is ended with everything that it started: 1 to 60, 10 when left out.
    #[serde(default)]
    pub timeout_sec: Seconds,
    /// The sandbox, by its name in `steward sandbox list`; when left out, the policy's, else `ro-nonet`, or `ro-cwd-nonet` with a `cwd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// What that is in the policy in force.
    #[serde(skip)]
    profile: Option<SandboxProfile>,
}

/// A program by its whole path, then its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
#[schemars(with = "Vec<String>")]
pub struct Argv(Vec<String>);

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
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    fn is_empty(&self) -> bool {
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
pub struct Seconds(u8);

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

impl Capability for Exec {
    const NAME: &'static str = "exec";
    const RISK: Risk = Risk::Disruptive;
    const RISK_POSSIBLE: Risk = Risk::Critical;
    const ARGS: &'static [(&'static str, ArgKind)] = &[
        ("argv", ArgKind::Argv),
        ("cwd", ArgKind::Path),
        ("env", ArgKind::Text),
        ("sandbox", ArgKind::Text),
        ("timeout_sec", ArgKind::Number),
    ];
    const EXAMPLES: &'static [Example] = &[call(Some("/usr/bin/id -u")), call(Some("/usr/bin/ls -l /usr/bin"))];

    /// Words with one blank between them. Whatever a shell would read into them is for `args.argv`.
    fn from_payload(payload: Option<&str>) -> Result<Exec, Failure> {
        let line = payload.filter(|p| !p.is_empty()).ok_or_else(|| Failure::invalid_payload("missing command"))?;
        if !is_plain(line) {
            let message = "a command in one line has no quotes, no signs of a shell and single blanks; use `args.argv`";
            return Err(Failure::invalid_payload(message));
        }
        let argv = Argv::try_from(line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        let argv = argv.map_err(|e| Failure::invalid_payload(Self::invalid(&e)))?;
        Ok(Exec {
            argv,
            cwd: None,
            env: Variables::default(),
            timeout_sec: Seconds::default(),
            sandbox: None,
            profile: None,
        })
    }

    fn payload(&self) -> Option<String> {
        let bare = self.cwd.is_none() && self.env.is_empty() && self.sandbox.is_none();
        let words = self.argv.0.iter().all(|a| !a.is_empty() && !a.contains(' '));
        let line = self.argv.0.join(" ");
        (bare && words && self.timeout_sec == Seconds::default() && is_plain(&line)).then_some(line)
    }

    fn invalid(detail: &str) -> String {
        format!("invalid command: {detail}")
    }
}

fn is_plain(line: &str) -> bool {
    let sign = |c: char| c.is_control() || "\"'`\\$|&;<>(){}[]*?!#~".contains(c);
    !line.contains(sign) && !line.starts_with(' ') && !line.ends_with(' ') && !line.contains("  ")
}

impl Perform for Exec {
    const NEED: Need = Need::Sandbox;
    const PERSONAL: bool = true;
    /// The longest time of a command, and what is around it.
    const DEADLINE: Duration = Duration::from_secs(MAX_SECONDS as u64 + 5);

    fn sentence(&self) -> String {
        let inside = self.sandbox.as_deref().map(|s| format!(" in the sandbox {}", visible(s, 64))).unwrap_or_default();
        format!("Run `{}`{inside}", shown(&self.argv.0))
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        let folder = self.cwd.clone().map(|path| PathFact { path, kind: String::new(), owner: None });
        self.facts_of(self.argv.0.clone(), folder)
    }

    /// The values of variables are nobody's business afterwards.
    fn audited(&self) -> Value {
        let mut args = serde_json::to_value(self).unwrap_or(Value::Null);
        if let Some(env) = args.get_mut("env").and_then(Value::as_object_mut) {
            env.values_mut().for_each(|v| *v = json!("[redacted]"));
        }
        args
    }

    async fn look(&self, cx: &Context<'_>) -> Result<Look, Failure> {
        let (program, folder, fact) = self.open(cx).await?;
        let mut argv = self.argv.0.clone();
        argv[0] = program.judged().to_owned();
        // `settle` takes over that it is raised.
        let risk = raised(Self::RISK, &self.written(cx, fact.as_ref()).await?);
        let opened = Opened::Command(Box::new(program), folder);
        Ok(Look { risk, facts: self.facts_of(argv, fact), opened: Some(opened) })
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        let profile = self.profile()?;
        // Found out before a person is asked, not after.
        sandbox::try_out(profile).await.map_err(failure)?;
        let (program, _, fact) = self.open(cx).await?;
        let (relied, said) = provenance::shown(self.written(cx, fact.as_ref()).await?).await;
        let mut effects = vec![Effect {
            verb: "run".to_owned(),
            object: shown(&self.argv.0),
            from: fact.map(|f| visible(&f.path, 200)),
            to: Some(promise(profile)),
            version: Some(identity(&program)?),
            origin: None,
            bytes: None,
        }];
        effects.extend(self.env.0.iter().map(|(name, value)| Effect {
            verb: "set".to_owned(),
            object: name.clone(),
            from: None,
            to: Some(visible(value, 200)),
            version: None,
            origin: None,
            bytes: None,
        }));
        let text = format!("It is ended after {} seconds, with everything that it started.", self.timeout_sec.0);
        effects.extend(relied);
        let facts = said.into_iter().chain([Fact { name: "time".to_owned(), value: text }]).collect();
        Ok(Shown {
            preview: Preview { summary: self.sentence(), effects, facts, ..Preview::default() },
            ..Shown::default()
        })
    }

    async fn run(&self, _cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        let profile = self.profile()?;
        let Some(Opened::Command(program, folder)) = ready.opened else {
            return Err(Failure::internal("a command without its program"));
        };
        let command = Command {
            program: *program,
            args: &self.argv.0[1..],
            folder,
            env: self.env.0.clone().into_iter().collect(),
            profile,
            deadline: Duration::from_secs(self.timeout_sec.into()),
            output: OUTPUT,
        };
        let finished = sandbox::run(command).await.map_err(failure)?;
        self.told(&finished, profile)
    }
}

impl Exec {
    /// Settles the sandbox by the policy in force: the one that was asked for, else the one that the rules give it, else the
    /// strictest that makes sense. What rules see, and how bad it can be, follows.
    ///
    /// # Errors
    /// When there is no such sandbox, or it does not let this request be what it is.
    pub(crate) fn settle(
        &mut self,
        policy: &Policy,
        s: &dyn Surroundings,
        subject: &mut Subject,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        let name = match self.sandbox.clone() {
            Some(name) => name,
            None => {
                let args: Vec<(&str, Arg<'_>)> = subject.facts.iter().map(|(n, a)| (*n, a.borrow())).collect();
                let step = Step { action: Self::NAME, risk: subject.risk, args: &args };
                let usual = if self.cwd.is_some() { "ro-cwd-nonet" } else { "ro-nonet" };
                policy.sandbox_for(&step, s).unwrap_or(usual).to_owned()
            }
        };
        let Some(profile) = policy.sandbox(&name) else {
            let all: Vec<String> = policy.sandboxes().into_iter().map(|p| p.name).collect();
            let message = format!("there is no sandbox `{}`; there are {}", visible(&name, 64), all.join(", "));
            return Err(Failure::invalid_payload(message));
        };
        if let Some(name) = self.env.0.keys().find(|name| !profile.lets_set(name)) {
            let message = format!("the sandbox `{}` does not let `{}` be set", profile.name, visible(name, 64));
            return Err(Failure::invalid_payload(message));
        }
        let folder = subject.facts.iter().find_map(|(_, arg)| match arg {
            OwnedArg::Path(fact) => Some(fact.path.clone()),
            _ => None,
        });
        match (profile.files, &folder) {
            (SandboxFiles::ReadCwd | SandboxFiles::WriteCwd, None) => {
                return Err(failure(SandboxError::NoFolder { profile: profile.name }));
            }
            (SandboxFiles::WriteCwd, Some(folder)) => {
                let state = cx.services.transactions.parent();
                if let Some(why) =
                    not_to_be_written(Path::new(folder), cx.services.home.as_deref().map(Path::new), state)
                {
                    let message = format!(
                        "no command writes beneath `{}`: {why}; name a folder for this work",
                        visible(folder, 200)
                    );
                    return Err(Failure::invalid_payload(message));
                }
            }
            _ => {}
        }
        subject.risk = if subject.risk > Self::RISK { risk(&profile).raised() } else { risk(&profile) };
        for (name, arg) in &mut subject.facts {
            if *name == "sandbox" {
                *arg = OwnedArg::Text(profile.name.clone());
            }
        }
        self.sandbox = Some(profile.name.clone());
        self.profile = Some(profile);
        Ok(())
    }

    /// What of this command was written through Steward: its program, and what its arguments name. An interpreter runs what it is
    /// given.
    async fn written(&self, cx: &Context<'_>, folder: Option<&PathFact>) -> Result<Vec<Arc<Written>>, Failure> {
        let folder = Path::new(folder.map_or("/", |f| &f.path));
        let named = |arg: &'_ String| {
            let value = arg.split_once('=').map_or(arg.as_str(), |(_, value)| value);
            [folder.join(arg), folder.join(value)]
        };
        cx.services.written.find(self.argv.0.iter().flat_map(named).collect()).await
    }

    fn profile(&self) -> Result<&SandboxProfile, Failure> {
        self.profile.as_ref().ok_or_else(|| Failure::internal("a command without a settled sandbox"))
    }

    fn facts_of(&self, argv: Vec<String>, folder: Option<PathFact>) -> Vec<(&'static str, OwnedArg)> {
        let names: Vec<&str> = self.env.0.keys().map(String::as_str).collect();
        let mut facts = vec![("argv", OwnedArg::Argv(argv))];
        facts.extend(folder.map(|f| ("cwd", OwnedArg::Path(f))));
        facts.push(("env", OwnedArg::Text(names.join(" "))));
        facts.push(("sandbox", OwnedArg::Text(self.sandbox.clone().unwrap_or_default())));
        facts.push(("timeout_sec", OwnedArg::Number(self.timeout_sec.0.into())));
        facts
    }

    /// Opens the program and the working folder.
    async fn open(
        &self,
        cx: &Context<'_>,
    ) -> Result<(OpenProgram, Option<(OwnedFd, String)>, Option<PathFact>), Failure> {
        let path =
            self.cwd.as_deref().map(|cwd| super::files::absolute(cwd, cx.services.home.as_deref())).transpose()?;
        let program = self.argv.0[0].clone();
        let opening = tokio::task::spawn_blocking(move || {
            let program = OpenProgram::open(&program).map_err(failure)?;
            let Some(path) = path else { return Ok((program, None, None)) };
            match open_path(&path)? {
                (fact, Some(fd)) if fact.kind == "folder" => Ok((program, Some((fd, fact.path.clone())), Some(fact))),
                _ => Err(Failure::new(Code::Failed, format!("`{}` is not a folder", visible(&path, 200)))),
            }
        });
        opening.await.map_err(|e| Failure::internal(format!("opening a program: {e}")))?
    }

    fn told(&self, finished: &Finished, profile: &SandboxProfile) -> Result<Outcome, Failure> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let name = visible(&self.argv.0[0], 100);
        let data = json!({
            "argv": self.argv, "sandbox": profile.name,
            "exit_code": finished.exit_code, "signal": finished.signal,
            "stdout": text(&finished.stdout), "stdout_truncated": finished.stdout_truncated,
            "stderr": text(&finished.stderr), "stderr_truncated": finished.stderr_truncated,
        });
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
        // For a person: the lines that it wrote, with nothing in them that a terminal would obey.
        for line in text(&finished.stdout).lines().chain(text(&finished.stderr).lines()).take(SHOWN_LINES) {
            message.push('\n');
            message.push_str(&visible(line, SHOWN_WIDTH));
        }
        Ok(Outcome::says(message).with(data))
    }
}

/// A command as it is shown: words that are not plain in quotes, everything invisible made visible.
fn shown(argv: &[String]) -> String {
    let word = |a: &String| if is_plain(a) && !a.is_empty() && !a.contains(' ') { a.clone() } else { format!("{a:?}") };
    visible(&argv.iter().map(word).collect::<Vec<_>>().join(" "), 2000)
}

fn risk(profile: &SandboxProfile) -> Risk {
    if !profile.is_confined() {
        Risk::Critical
    } else if profile.network || profile.files >= SandboxFiles::WriteCwd {
        Risk::Destructive
    } else {
        Risk::Disruptive
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

/// What a sandbox promises, in words that change when the promise does.
fn promise(profile: &SandboxProfile) -> String {
    let mut said = vec![
        match profile.files {
            SandboxFiles::System => "reads the system's own files",
            SandboxFiles::ReadCwd => "reads the system's own files and its working folder",
            SandboxFiles::WriteCwd => "writes beneath its working folder",
            SandboxFiles::All => "no fences at all",
        }
        .to_owned(),
    ];
    if !profile.read.is_empty() {
        said.push(format!("reads {}", visible(&profile.read.join(", "), 500)));
    }
    said.push(if profile.network { "uses the network" } else { "no network" }.to_owned());
    said.push(
        match profile.programs {
            SandboxPrograms::One => "starts nothing else",
            SandboxPrograms::System => "may start programs of the system",
        }
        .to_owned(),
    );
    format!("{}: {}", profile.name, said.join("; "))
}

/// What tells the opened file from another one that is put in its place: its number, size and time of change, in a digest.
fn identity(program: &OpenProgram) -> Result<String, Failure> {
    let mut sha = Sha256::new();
    for file in program.files() {
        let meta = file.metadata().map_err(|e| Failure::internal(format!("a program that was opened: {e}")))?;
        for n in [meta.dev(), meta.ino(), meta.size(), meta.ctime().cast_unsigned(), meta.ctime_nsec().cast_unsigned()]
        {
            sha.update(n.to_le_bytes());
        }
    }
    Ok(sha.finalize().iter().take(6).map(|b| format!("{b:02x}")).collect())
}

/// Why a folder is not one that a command may write to, if it is not: what starts programs, and what Steward itself is, lies there.
pub(crate) fn not_to_be_written(folder: &Path, home: Option<&Path>, state: Option<&Path>) -> Option<&'static str> {
    const SYSTEM: [&str; 12] =
        ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/boot", "/dev", "/proc", "/sys", "/run"];
    const ABOVE: [&str; 8] = ["/", "/var", "/home", "/opt", "/srv", "/mnt", "/media", "/root"];
    if SYSTEM.iter().any(|s| folder.starts_with(s)) || ABOVE.iter().any(|a| folder == Path::new(a)) {
        return Some("it belongs to the system");
    }
    if let Some(state) = state.and_then(|s| s.canonicalize().ok())
        && (state.starts_with(folder) || folder.starts_with(&state))
    {
        return Some("Steward's own files are there");
    }
    let home = home?.canonicalize().ok()?;
    if home.starts_with(folder) {
        return Some("a home folder has files that start programs");
    }
    let first = folder.strip_prefix(&home).ok()?.components().next()?;
    first
        .as_os_str()
        .as_encoded_bytes()
        .starts_with(b".")
        .then_some("hidden folders of a home have files that start programs")
}

/// The reply for a command that was not run.
fn failure(error: SandboxError) -> Failure {
    let said = error.to_string();
    match error {
        SandboxError::Missing { profile, fence, .. } => {
            Failure::new(Code::Unavailable, format!("{said}; nothing was run"))
                .with(json!({ "sandbox": profile, "missing": fence }))
        }
        SandboxError::NoFolder { .. } => Failure::invalid_payload(said),
        SandboxError::Busy => Failure::new(Code::Overloaded, said),
        SandboxError::Program { .. } | SandboxError::Failed { .. } => Failure::new(Code::Failed, said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_command_in_one_line_is_words_and_nothing_for_a_shell() {
        assert_eq!(Exec::from_payload(Some("/bin/echo a b")).unwrap().argv.0, ["/bin/echo", "a", "b"]);
        for bad in [
            "",
            "echo",
            "/bin/echo $HOME",
            "/bin/echo 'a'",
            "/bin/a; /bin/b",
            "/bin/a  b",
            "/bin/a > b",
            " /bin/a",
            "/bin/a\n",
        ] {
            assert!(Exec::from_payload(Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_command_writes_where_programs_are_started_from() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let state = home.join("state");
        for folder in ["project", ".config/autostart", ".ssh", "state/audit"] {
            std::fs::create_dir_all(home.join(folder)).unwrap();
        }
        let refused = |folder: &Path| not_to_be_written(folder, Some(&home), Some(&state)).is_some();
        for bad in ["/", "/usr/local/x", "/etc", "/run/user/1000", "/home", "/dev/shm"] {
            assert!(refused(Path::new(bad)), "{bad}");
        }
        for bad in ["", ".config/autostart", ".ssh", "state", "state/audit"] {
            assert!(refused(&home.join(bad)), "{bad}");
        }
        assert!(refused(home.parent().unwrap()));
        assert!(!refused(&home.join("project")) && !refused(Path::new("/srv/work")));
    }

    #[test]
    fn the_values_of_variables_are_not_kept() {
        let exec = read(json!({ "argv": ["/bin/echo"], "env": { "LANG": "secret" } })).unwrap();
        assert_eq!(exec.audited()["env"], json!({ "LANG": "[redacted]" }));
    }

    #[test]
    fn what_is_shown_of_a_command_is_one_line_without_tricks() {
        let argv = ["/bin/echo", "", "a b", "\u{202e}x", "a\nb"].map(str::to_owned);
        assert_eq!(shown(&argv), r#"/bin/echo "" "a b" <U+202E>x "a\nb""#);
    }
}
