//! Commands that have no action of their own: a program with arguments, in a sandbox. There is no shell and no search path.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_ipc::{Code, Effect, Fact, Preview};
use steward_policy::{
    Arg, ArgKind, OwnedArg, PathFact, Policy, Risk, SandboxFiles, SandboxProfile, Step, Surroundings,
};

use super::files::open_path;
use super::types::visible;
use super::{Capability, Example, Look, Need, Opened, Perform, Ready, Shown, call};
use crate::backend::sandbox::{self, Command, OpenProgram, SandboxError};
use crate::gate::judge::Subject;
use crate::provenance::{self, Written, raised};
use crate::reply::{Failure, Outcome};
use crate::services::{Context, Mode};

mod args;
mod end;
mod folder;
mod preview;

pub(crate) use args::in_system_folders;
pub use args::{Argv, Output, Seconds, Variables};
pub(crate) use end::{failure, probe};
use folder::holds_state;
pub(crate) use folder::not_to_be_written;

use args::{MAX_SECONDS, is_plain};
use preview::{identity, promise, shown};

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
    /// Bytes kept of each of its two outputs: 1 to 16384, which it is when left out.
    #[serde(default, skip_serializing_if = "Output::is_default")]
    pub max_output: Output,
    /// What that is in the policy in force.
    #[serde(skip)]
    profile: Option<Box<SandboxProfile>>,
}

impl Capability for Exec {
    const NAME: &'static str = "exec";
    const RISK: Risk = Risk::Disruptive;
    const RISK_POSSIBLE: Risk = Risk::Critical;
    const ARGS: &'static [(&'static str, ArgKind)] = &[
        ("argv", ArgKind::Argv),
        ("cwd", ArgKind::Path),
        ("env", ArgKind::Text),
        ("program", ArgKind::Text),
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
            max_output: Output::default(),
            profile: None,
        })
    }

    fn payload(&self) -> Option<String> {
        let bare = self.cwd.is_none() && self.env.is_empty() && self.sandbox.is_none() && self.max_output.is_default();
        let words = self.argv.0.iter().all(|a| !a.is_empty() && !a.contains(' '));
        let line = self.argv.0.join(" ");
        (bare && words && self.timeout_sec == Seconds::default() && is_plain(&line)).then_some(line)
    }

    fn invalid(detail: &str) -> String {
        format!("invalid command: {detail}")
    }
}

impl Perform for Exec {
    const NEED: Need = Need::Sandbox;
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

    /// In a sandbox that lets nothing be written and nobody be reached there is nothing to change.
    fn changes(&self) -> bool {
        self.profile.as_ref().is_none_or(|p| p.network || p.files >= SandboxFiles::WriteCwd)
    }

    async fn look(&self, cx: &Context<'_>) -> Result<Look, Failure> {
        if !cx.services.simulated {
            sandbox::expect();
        }
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
            output: usize::from(self.max_output.0),
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
        let state = cx.services.transactions.parent();
        if cx.services.mode == Mode::System {
            machines(&profile, folder.as_deref(), state)?;
        }
        match (profile.files, &folder) {
            (SandboxFiles::ReadCwd | SandboxFiles::WriteCwd, None) => {
                return Err(failure(SandboxError::NoFolder { profile: profile.name }));
            }
            (SandboxFiles::WriteCwd, Some(folder)) => {
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
        self.profile = Some(Box::new(profile));
        Ok(())
    }

    /// Whether its sandbox is settled, and fences anything in.
    pub(super) fn is_confined(&self) -> bool {
        self.profile.as_ref().is_some_and(|p| p.is_confined())
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
        self.profile.as_deref().ok_or_else(|| Failure::internal("a command without a settled sandbox"))
    }

    fn facts_of(&self, argv: Vec<String>, folder: Option<PathFact>) -> Vec<(&'static str, OwnedArg)> {
        let names: Vec<&str> = self.env.0.keys().map(String::as_str).collect();
        let mut facts = vec![("argv", OwnedArg::Argv(argv))];
        facts.extend(folder.map(|f| ("cwd", OwnedArg::Path(f))));
        facts.push(("env", OwnedArg::Text(names.join(" "))));
        facts.push(("program", OwnedArg::Text(self.argv.0[0].clone())));
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
}

/// What the machine's agent refuses whatever the policy says. Its commands run as its own user, whom its record and everybody's
/// notes belong to: without fences, or with these files beneath its working folder, a command would have them.
fn machines(profile: &SandboxProfile, folder: Option<&str>, state: Option<&Path>) -> Result<(), Failure> {
    if !profile.is_confined() {
        let message = format!(
            "the machine's agent runs no command without fences (`{}`); name another sandbox, or use the user service",
            profile.name
        );
        return Err(Failure::new(Code::Unavailable, message));
    }
    match folder {
        Some(folder) if profile.files >= SandboxFiles::ReadCwd && holds_state(Path::new(folder), state) => {
            let folder = visible(folder, 200);
            Err(Failure::invalid_payload(format!("no command works in `{folder}`: Steward's own files are there")))
        }
        _ => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_agent_gives_no_command_its_own_files() {
        let state = tempfile::tempdir().unwrap();
        let real = state.path().canonicalize().unwrap();
        let (inside, above) = (real.join("audit"), real.parent().unwrap().to_owned());
        std::fs::create_dir(&inside).unwrap();
        let refused = |profile: &str, folder: Option<&Path>| {
            let profile = SandboxProfile::built_in(profile).unwrap();
            machines(&profile, folder.map(|f| f.to_str().unwrap()), Some(&real)).is_err()
        };
        for folder in [&real, &inside, &above] {
            assert!(
                refused("ro-cwd-nonet", Some(folder)) && refused("rw-cwd-net", Some(folder)),
                "{}",
                folder.display()
            );
            assert!(!refused("ro-nonet", Some(folder)), "it does not read its working folder");
        }
        assert!(!refused("ro-cwd-nonet", Some(Path::new("/usr"))) && !refused("ro-nonet", None));
        assert!(refused("none", None));
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
    fn the_values_of_variables_are_not_kept() {
        let exec: Exec = serde_json::from_value(json!({ "argv": ["/bin/echo"], "env": { "LANG": "secret" } })).unwrap();
        assert_eq!(exec.audited()["env"], json!({ "LANG": "[redacted]" }));
    }
}
