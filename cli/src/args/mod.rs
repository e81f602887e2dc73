//! What can be typed. The help texts are the command's document; the man pages are made from them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand, ValueHint};

use crate::out::one_line;

mod families;

pub(crate) use families::{
    AuditCommand, GrantsCommand, Length, MemoryCommand, PlanCommand, PlanSource, PolicyCommand, SandboxCommand,
};

macro_rules! exit_status {
    () => {
        "\
Exit status:
  0    done
  1    failed; of a check: something is wrong
  2    wrong usage; of a check: it could not look
  3    held until a person agrees; the id is on standard output
  4    denied by the policy or by a person
  5    unavailable, or not authorized
  6    not understood, or ambiguous
  7    it is not known whether it had its effect
  8    timed out, or too many requests
  130  interrupted"
    };
}

/// What was typed, with `--json PLAN` of `plan send` and `plan validate` under the name that it has here: everywhere else `--json` is
/// the form of the answer, and takes nothing.
pub(crate) fn typed(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    let is = |at: usize, words: &[&str], args: &[OsString]| args.get(at).is_some_and(|a| words.iter().any(|w| a == w));
    let Some(at) = (1..args.len()).find(|at| is(*at, &["plan"], &args) && is(at + 1, &["send", "validate"], &args))
    else {
        return args;
    };
    for arg in &mut args[at + 2..] {
        let text = arg.to_str().unwrap_or_default();
        match text.strip_prefix("--json") {
            Some("") => *arg = "--document".into(),
            Some(rest) if rest.starts_with('=') => *arg = format!("--document{rest}").into(),
            _ => {}
        }
    }
    args
}

/// The error, with the way to say it in words where a sentence was typed in the place of a command: `steward install vim`.
pub(crate) fn with_tip(mut error: clap::Error, typed: &[OsString]) -> clap::Error {
    if error.kind() == ErrorKind::InvalidSubcommand {
        let words: Vec<String> = typed.iter().skip(1).map(|w| one_line(&w.to_string_lossy())).collect();
        let tip = format!("what is said in words goes to `do`: steward do {}", words.join(" "));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// The table of exit statuses, as `--help` and the man pages have it.
#[cfg(test)]
pub(crate) const EXIT_STATUS: &str = exit_status!();

/// What `--help` ends with.
const AFTER_HELP: &str = concat!(
    "\
Examples:
  steward                                  ask for one sentence after the other
  steward do install cowsay                say it
  steward call package_install cowsay      name it
  steward pending                          what waits for an answer
  steward approve 3f8e2c1a                 say yes to it, on another terminal
  steward explain turn off the wifi        what would be done, and what the policy says
  steward --json capabilities              for programs

",
    exit_status!(),
    "

Files:
  $XDG_RUNTIME_DIR/steward/agent.sock         your daemon's socket
  /run/steward/agent.sock                     the system daemon's socket
  $XDG_CONFIG_HOME/steward/config.toml        configuration
  $XDG_CONFIG_HOME/steward/policy.d/*.toml    your policy
  $XDG_STATE_HOME/steward/                    notes, held requests, the audit log"
);

/// Lets you, and assistants that act for you, operate this machine through one gate.
///
/// A request is a sentence or a named action. It is judged by a policy, shown and confirmed where the policy says so,
/// carried out, and recorded. Without a command, steward asks for one sentence after the other.
///
/// When the daemon stewardd runs, it answers; otherwise this command is the agent itself, under the same rules and on
/// the same state.
#[derive(Debug, Parser)]
#[command(name = "steward", version, after_help = AFTER_HELP, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The heading above what every command takes.
const EVERYWHERE: &str = "With every command";

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Answer in JSON: the agent's response as one line, or one value a line.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) json: bool,
    /// Print errors and ids only.
    #[arg(short, long, global = true, help_heading = EVERYWHERE)]
    pub(crate) quiet: bool,
    /// The daemon's socket; it is an error when nobody answers there.
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "PATH", env = "STEWARD_SOCKET", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub(crate) socket: Option<String>,
    /// Keep state here; without --socket this command is then the agent itself.
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "DIR", env = "STEWARD_STATE_DIR", hide_env_values = true, value_hint = ValueHint::DirPath)]
    pub(crate) state_dir: Option<String>,
    /// Take this policy file in place of your own; may be given several times.
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE", env = "STEWARD_POLICY", hide_env_values = true, value_delimiter = ':', value_hint = ValueHint::FilePath)]
    pub(crate) policy: Vec<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Does what a sentence says.
    #[command(after_help = "\
Examples:
  steward do remember that my name is Sam
  steward do 'install cowsay and sl' --wait
  steward do -- what is \"--foo\"

On a terminal a request that needs a yes shows what would happen and asks. Without one it prints the id of the confirmation and exits 3.")]
    Do {
        /// The sentence; quotes are not needed.
        #[arg(required = true, value_name = "WORDS")]
        words: Vec<String>,
        /// Wait until somebody has answered (with a daemon).
        #[arg(long)]
        wait: bool,
    },
    /// Calls an action by its name.
    #[command(after_help = "\
Examples:
  steward call ping
  steward call package_install cowsay,sl
  steward call set_volume 40
  steward call forget --args '{\"id\": 7, \"purge\": true}'

`steward capabilities` lists the names.")]
    Call {
        /// The action's name.
        name: String,
        /// Its payload.
        #[arg(allow_negative_numbers = true)]
        payload: Option<String>,
        /// Its arguments by name, as a JSON object, in place of a payload.
        #[arg(long, value_name = "JSON", conflicts_with = "payload")]
        args: Option<String>,
        /// Wait until somebody has answered (with a daemon).
        #[arg(long)]
        wait: bool,
    },
    /// Passes requests through: lines of JSON from standard input, answers as lines of JSON.
    #[command(after_help = "\
Examples:
  echo '{\"version\":1,\"name\":\"ping\"}' | steward send
  steward send < requests.ndjson | jq -r .message

Nothing is asked and nothing is changed on the way; docs/ipc.md has the protocol. Exits 0 when everything was passed through, whatever the answers say.")]
    Send,
    /// Lists what waits for an answer.
    #[command(after_help = "\
Examples:
  steward pending
  steward --json pending | jq '.data.pending[].id'")]
    Pending,
    /// Says yes to a held request, which is then carried out.
    #[command(after_help = "\
Examples:
  steward approve 3f8e2c1a-9b64-4d0e-8a57-0c1d2e3f4a5b
  steward approve 3f8e                          the beginning of an id will do
  steward approve 3f8e --for 1h --scope 1       and the like for an hour
  steward approve 3f8e --token                  a token for the plan that asked

On a terminal it shows what would happen and asks first; --yes leaves that out. Some requests are answered only on a terminal that the requester did not start.")]
    Approve {
        /// The id of the confirmation.
        id: String,
        /// How long the approval lasts, as far as the policy allows.
        #[arg(long = "for", visible_alias = "grant", value_name = "LENGTH")]
        length: Option<Length>,
        /// What a longer approval covers: the number of an offered scope, from 0; the narrowest when left out.
        #[arg(long, value_name = "N", requires = "length")]
        scope: Option<usize>,
        /// Print a token in place of having it done: whoever asked sends the same plan again with it.
        #[arg(long, conflicts_with = "length")]
        token: bool,
        /// Do not show it and ask first.
        #[arg(short, long)]
        yes: bool,
    },
    /// Says no to a held request.
    #[command(after_help = "\
Examples:
  steward deny 3f8e2c1a-9b64-4d0e-8a57-0c1d2e3f4a5b
  steward deny 3f8e --note 'not during the demo'")]
    Deny {
        /// The id of the confirmation.
        id: String,
        /// A word to whoever asked.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Withdraws a held request of yours.
    #[command(after_help = "\
Examples:
  steward cancel 3f8e2c1a-9b64-4d0e-8a57-0c1d2e3f4a5b")]
    Cancel {
        /// The id of the confirmation.
        id: String,
    },
    /// Tells what became of a held request.
    #[command(after_help = "\
Examples:
  steward result 3f8e2c1a-9b64-4d0e-8a57-0c1d2e3f4a5b
  steward result 3f8e2c1a-9b64-4d0e-8a57-0c1d2e3f4a5b --wait 60

Exits as the request itself did, and 3 while it waits.")]
    Result {
        /// The id of the confirmation.
        id: String,
        /// Wait so many seconds for the end.
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        wait: u32,
    },
    /// Lists standing approvals, or takes one back.
    #[command(after_help = "\
Examples:
  steward grants
  steward grants revoke 0b9d6f52-7c31-4e8a-b4d5-6e7f8091a2b3")]
    Grants {
        #[command(subcommand)]
        command: Option<GrantsCommand>,
    },
    /// Puts back what was done last, or what a receipt names.
    #[command(after_help = "\
Examples:
  steward undo
  steward undo 0b9d6f52-7c31-4e8a-b4d5-6e7f8091a2b3

It is judged and asked about like any other request, and refused when the state is not the one that the change left.")]
    Undo {
        /// The receipt; the last one when left out.
        receipt: Option<String>,
        /// Ask for it even if the state has changed since.
        #[arg(long)]
        force: bool,
    },
    /// Tells what a request would be understood as and what the policy says; nothing runs.
    #[command(after_help = "\
Examples:
  steward explain turn off the wifi
  steward explain '{\"name\":\"package_install\",\"payload\":\"docker.io\"}'
  steward explain --preview install cowsay

`steward policy explain` tells more: each rule that was considered, with its file and line.")]
    Explain {
        /// A sentence, or a request as JSON.
        #[arg(required = true, value_name = "WORDS")]
        words: Vec<String>,
        /// Show what would happen, too.
        #[arg(long)]
        preview: bool,
    },
    /// Lists what can be done here, and what the policy says to it.
    #[command(
        after_help = "\
Examples:
  steward capabilities
  steward capabilities --details package_install set_volume
  steward --json capabilities --details | jq '.data.actions[].name'",
        visible_alias = "actions"
    )]
    Capabilities {
        /// Tell everything about each action: arguments, risk, way back, examples.
        #[arg(long)]
        details: bool,
        /// Only these actions.
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Notes: lists, finds, keeps and forgets them.
    #[command(after_help = "\
Examples:
  steward memory
  steward memory add the demo room is B12
  steward memory search demo
  steward memory forget 7")]
    Memory {
        #[command(subcommand)]
        command: Option<MemoryCommand>,
    },
    /// Checks, explains and tests policies.
    #[command(after_help = "\
Examples:
  steward policy check
  steward policy explain package_install docker.io
  steward policy test --coverage
  steward policy import old-policy.json > ~/.config/steward/policy.d/imported.toml")]
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Sandboxes for commands: what there is, and trying one.
    #[command(after_help = "\
Examples:
  steward sandbox list
  steward sandbox run ro-cwd-nonet -- /usr/bin/ls -l")]
    Sandbox {
        #[command(subcommand)]
        command: SandboxCommand,
    },
    /// Action plans: checks one, hands one over.
    #[command(after_help = "\
Examples:
  steward plan validate --file plan.json
  steward plan send --file plan.json
  steward plan ping
  steward plan schema > plan.schema.json

Exits 0 when there was an answer or a verdict, whatever it says; 1 when there was none; 2 for wrong usage.")]
    Plan {
        #[command(subcommand)]
        command: PlanCommand,
    },
    /// Reads and checks the audit log.
    #[command(after_help = "\
Examples:
  steward audit tail --follow
  steward audit show 3f8e2c1a-9b64-4d0e-8a57-0c1d2e3f4a5b
  steward audit verify

It reads files and takes no lock, so it works beside a running daemon.")]
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Looks whether everything is in place, and says for each action whether it would work here.
    #[command(after_help = "\
Examples:
  steward doctor
  steward --json doctor | jq '.problems'

Exits 0 when nothing is wrong, 1 when something is, 2 when it could not look.")]
    Doctor,
    /// Prints what happens, as it happens (with a daemon).
    #[command(
        alias = "subscribe",
        after_help = "\
Examples:
  steward watch
  steward --json watch | jq 'select(.event == \"request_held\").data.id'"
    )]
    Watch,
    /// Prints a completion script for a shell.
    #[command(after_help = "\
Examples:
  steward completions bash > ~/.local/share/bash-completion/completions/steward
  steward completions zsh > ~/.zfunc/_steward
  steward completions fish > ~/.config/fish/completions/steward.fish")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Prints the man page, or writes those of all commands into a folder.
    #[command(after_help = "\
Examples:
  steward man | man -l -
  steward man --dir /usr/local/share/man/man1")]
    Man {
        /// Write all pages here.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        dir: Option<PathBuf>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_original_clients_flags_are_understood() {
        let typed = |line: &str| super::typed(line.split(' ').map(OsString::from)).join(&OsString::from(" "));
        for (line, wanted) in [
            ("steward plan send --json {} --socket-path /s", "steward plan send --document {} --socket-path /s"),
            ("steward -q plan validate --json={}", "steward -q plan validate --document={}"),
            ("steward --json plan ping", "steward --json plan ping"),
            ("steward --json call plan send", "steward --json call plan send"),
        ] {
            assert_eq!(typed(line), *wanted, "{line}");
        }
        for line in ["plan send --json {}", "plan validate --file x", "plan ping --session-id s", "plan schema"] {
            let args = super::typed(std::iter::once("steward").chain(line.split(' ')).map(OsString::from));
            assert!(Cli::try_parse_from(args).is_ok(), "{line}");
        }
    }

    #[test]
    fn every_command_shows_an_example() {
        fn look(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples:\n  "), "{}", command.get_name());
            command.get_subcommands().for_each(look);
        }
        look(&Cli::command());
    }
}
