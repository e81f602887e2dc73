//! Looking at the machine with the tools that are there for it. Each takes the arguments of a list of ours, so that none of them can be
//! made to run or write anything: what is not in the list is refused, whatever the tool would make of it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use steward_ipc::Code;
use steward_policy::{ArgKind, OwnedArg, Risk, SandboxProfile, SandboxPrograms};

use super::types::visible;
use super::{Capability, Example, Look, Need, Perform, Ready, call, exec};
use crate::backend::sandbox::{self, Command, Finished, OpenProgram};
use crate::backend::spawn::{self, Job, Limits, Program, SpawnError};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

pub mod grammar;

/// Arguments of one call and bytes of each, as in the action plans of `llm-osd`, section 1.5 of its description.
const MAX_ARGS: usize = 64;
const MAX_ARG: usize = 2048;
/// How long a tool may take, and how many bytes of each of its outputs are kept (the same source, section 1.8).
const DEADLINE: Duration = Duration::from_secs(5);
const OUTPUT: usize = 8192;
/// Lines of output in the sentence of an answer, and characters of each; the whole is in `data`.
const SHOWN_LINES: usize = 100;
const SHOWN_WIDTH: usize = 200;

/// Looks at processes, the journal, events or probes with a tool that can do nothing else here.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Observe {
    /// The tool.
    pub tool: Tool,
    /// Its arguments; docs/services.md has those that are taken.
    #[serde(default)]
    pub args: Vec<String>,
}

/// A tool that looks at the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    /// Processes: ps(1).
    Ps,
    /// Processes by what they use up, once: top(1).
    Top,
    /// The journal: journalctl(1).
    Journalctl,
    /// Which events can be counted: perf-list(1).
    Perf,
    /// Which probes there are: bpftrace(8).
    Bpftrace,
}

impl Tool {
    fn word(self) -> &'static str {
        match self {
            Tool::Ps => "ps",
            Tool::Top => "top",
            Tool::Journalctl => "journalctl",
            Tool::Perf => "perf",
            Tool::Bpftrace => "bpftrace",
        }
    }

    /// Where it is. Never looked up in a search path.
    fn program(self) -> &'static str {
        match self {
            Tool::Ps => "/usr/bin/ps",
            Tool::Top => "/usr/bin/top",
            Tool::Journalctl => "/usr/bin/journalctl",
            Tool::Perf => "/usr/bin/perf",
            Tool::Bpftrace => "/usr/bin/bpftrace",
        }
    }

    /// Arguments that are always there, so that it writes what it sees once and ends.
    fn always(self) -> &'static [&'static str] {
        match self {
            Tool::Top => &["-b", "-n1"],
            Tool::Journalctl => &["--no-pager"],
            Tool::Ps | Tool::Perf | Tool::Bpftrace => &[],
        }
    }

    /// The strictest sandbox, with what this tool has to read besides.
    fn sandbox(self) -> Option<SandboxProfile> {
        let mut profile = SandboxProfile::built_in("ro-nonet")?;
        profile.name = format!("observe-{}", self.word());
        let read: &[&str] = match self {
            Tool::Ps | Tool::Top => &["/etc/passwd", "/etc/group"],
            Tool::Journalctl => &["/var/log/journal", "/run/log/journal", "/etc/machine-id"],
            Tool::Perf | Tool::Bpftrace => &["/sys"],
        };
        profile.read = read.iter().map(|p| (*p).to_owned()).collect();
        // What distributions have under the name of perf is a script that starts the one for the kernel.
        if self == Tool::Perf {
            profile.programs = SandboxPrograms::System;
        }
        Some(profile)
    }
}

impl std::str::FromStr for Tool {
    type Err = String;

    fn from_str(word: &str) -> Result<Tool, String> {
        let all = [Tool::Ps, Tool::Top, Tool::Journalctl, Tool::Perf, Tool::Bpftrace];
        let found = all.into_iter().find(|t| t.word() == word);
        found.ok_or_else(|| "expected `ps`, `top`, `journalctl`, `perf` or `bpftrace`".to_owned())
    }
}

impl Capability for Observe {
    const NAME: &'static str = "observe";
    const RISK: Risk = Risk::Observe;
    /// Raised for the journal, in which is what services and people wrote.
    const RISK_POSSIBLE: Risk = Risk::Low;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("tool", ArgKind::Text), ("args", ArgKind::List)];
    const EXAMPLES: &'static [Example] = &[call(Some("ps aux")), call(Some("journalctl -u ssh -n 20"))];

    /// The tool and its arguments, with one blank between them.
    fn from_payload(payload: Option<&str>) -> Result<Observe, Failure> {
        let line = payload.filter(|p| !p.is_empty()).ok_or_else(|| Failure::invalid_payload("missing tool"))?;
        let mut words = line.split(' ').map(str::to_owned);
        let tool = words
            .next()
            .unwrap_or_default()
            .parse()
            .map_err(|e: String| Failure::invalid_payload(Self::invalid(&e)))?;
        let observe = Observe { tool, args: words.collect() };
        observe.check()?;
        Ok(observe)
    }

    fn payload(&self) -> Option<String> {
        let plain = self.args.iter().all(|a| !a.is_empty() && !a.contains(' '));
        let words = [self.tool.word()].into_iter().chain(self.args.iter().map(String::as_str));
        plain.then(|| words.collect::<Vec<_>>().join(" "))
    }

    fn invalid(detail: &str) -> String {
        format!("invalid observation: {detail}")
    }
}

impl Observe {
    /// # Errors
    /// `invalid_payload`, with the argument that is not taken and why.
    fn check(&self) -> Result<(), Failure> {
        let invalid = |detail: &str| {
            Failure::invalid_payload(Self::invalid(detail))
                .with(json!({ "tool": self.tool, "taken": grammar::taken(self.tool) }))
        };
        if self.args.len() > MAX_ARGS || self.args.iter().any(|a| a.len() > MAX_ARG) {
            return Err(invalid(&format!("at most {MAX_ARGS} arguments of {MAX_ARG} bytes each are taken")));
        }
        grammar::check(self.tool, &self.args).map_err(|e| invalid(&e))
    }

    /// Runs the tool in its sandbox.
    async fn fenced(&self, args: &[String]) -> Result<Finished, Failure> {
        let profile = self.tool.sandbox().ok_or_else(|| Failure::internal("the strictest sandbox is not built in"))?;
        let path = self.tool.program();
        let opening = tokio::task::spawn_blocking(move || OpenProgram::open(path));
        let program = opening.await.map_err(|e| Failure::internal(format!("opening a program: {e}")))?;
        let program = program.map_err(|_| self.not_there())?;
        // Of top, which asks about the terminal that it does not write to.
        let env = vec![("TERM".to_owned(), "dumb".to_owned())];
        let command =
            Command { program, args, folder: None, env, profile: &profile, deadline: DEADLINE, output: OUTPUT };
        sandbox::run(command).await.map_err(exec::failure)
    }

    /// Runs the tool as root: in a sandbox root is nobody, who may not read the journal.
    async fn unfenced(&self, args: &[String]) -> Result<Finished, Failure> {
        let program = Program::new(self.tool.program()).map_err(|_| self.not_there())?;
        let job = Job::new(program).args(args.iter().map(String::as_str));
        match spawn::run(&job, Limits { deadline: DEADLINE, output: OUTPUT + 1 }).await {
            Ok(output) => {
                let cut = |mut bytes: Vec<u8>| {
                    let more = bytes.len() > OUTPUT;
                    bytes.truncate(OUTPUT);
                    (bytes, more)
                };
                let (stdout, stdout_truncated) = cut(output.stdout);
                let (stderr, stderr_truncated) = cut(output.stderr);
                let exit_code = output.status.code();
                Ok(Finished {
                    exit_code,
                    signal: None,
                    timed_out: false,
                    stdout,
                    stdout_truncated,
                    stderr,
                    stderr_truncated,
                    limits_reached: Vec::new(),
                })
            }
            Err(SpawnError::Deadline { .. }) => Err(self.late()),
            Err(e) => Err(Failure::new(Code::Failed, e.to_string())),
        }
    }

    fn not_there(&self) -> Failure {
        let word = self.tool.word();
        Failure::new(
            Code::Unavailable,
            format!("`{}` is not installed here; install the package that has `{word}`", self.tool.program()),
        )
        .with(json!({ "needs": self.tool.program() }))
    }

    fn late(&self) -> Failure {
        let message = format!("`{}` was ended after {} seconds; ask for less", self.tool.word(), DEADLINE.as_secs());
        Failure::new(Code::TimedOut, message)
    }
}

impl Perform for Observe {
    const NEED: Need = Need::Sandbox;

    fn sentence(&self) -> String {
        let words: Vec<&str> = [self.tool.word()].into_iter().chain(self.args.iter().map(String::as_str)).collect();
        format!("Look at the machine with `{}`", visible(&words.join(" "), 200))
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("tool", OwnedArg::Text(self.tool.word().to_owned())), ("args", OwnedArg::List(self.args.clone()))]
    }

    async fn mean(&mut self, _cx: &Context<'_>) -> Result<(), Failure> {
        self.check()
    }

    async fn look(&self, cx: &Context<'_>) -> Result<Look, Failure> {
        self.check()?;
        if !cx.services.simulated {
            sandbox::expect();
        }
        let risk = if self.tool == Tool::Journalctl { Self::RISK_POSSIBLE } else { Self::RISK };
        Ok(Look { risk, facts: self.facts(), opened: None })
    }

    async fn run(&self, cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        self.check()?;
        if cx.services.simulated {
            return Err(Failure::new(
                Code::Unavailable,
                "nothing can be looked at on a machine that is not there; start a real agent",
            ));
        }
        let always = self.tool.always().iter().map(|a| (*a).to_owned());
        let args: Vec<String> = always.chain(self.args.iter().cloned()).collect();
        let finished = match self.tool {
            Tool::Journalctl if cx.services.uid == 0 => self.unfenced(&args).await?,
            _ => self.fenced(&args).await?,
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let argv: Vec<&str> = [self.tool.word()].into_iter().chain(self.args.iter().map(String::as_str)).collect();
        let data = json!({
            "argv": argv,
            "exit_code": finished.exit_code, "signal": finished.signal,
            "stdout": text(&finished.stdout), "stdout_truncated": finished.stdout_truncated,
            "stderr": text(&finished.stderr), "stderr_truncated": finished.stderr_truncated,
        });
        if finished.timed_out {
            return Err(self.late().with(data));
        }
        let word = self.tool.word();
        let mut message = match (finished.exit_code, finished.signal) {
            (Some(code), _) => format!("`{word}` ended with {code}."),
            (None, signal) => format!("`{word}` was ended by signal {}.", signal.unwrap_or(0)),
        };
        for line in text(&finished.stdout).lines().chain(text(&finished.stderr).lines()).take(SHOWN_LINES) {
            message.push('\n');
            message.push_str(&visible(line, SHOWN_WIDTH));
        }
        Ok(Outcome::says(message).with(data))
    }
}
