//! The commands that have commands of their own, and the words that they take.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum, ValueHint};

/// How long an approval lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Length {
    /// This request only
    Once,
    /// Until you log out, at most 12 hours
    Session,
    /// One hour
    #[value(name = "1h")]
    Hour,
    /// Eight hours
    #[value(name = "8h")]
    EightHours,
    /// Until it is taken back
    #[value(name = "until-revoked", alias = "until_revoked")]
    UntilRevoked,
}

impl Length {
    /// The word on the wire.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Length::Once => "once",
            Length::Session => "session",
            Length::Hour => "1h",
            Length::EightHours => "8h",
            Length::UntilRevoked => "until_revoked",
        }
    }
}

/// Standing approvals.
#[derive(Debug, Subcommand)]
pub(crate) enum GrantsCommand {
    /// Lists them.
    #[command(after_help = "Examples:\n  steward grants list")]
    List,
    /// Takes one back.
    #[command(after_help = "Examples:\n  steward grants revoke 0b9d6f52-7c31-4e8a-b4d5-6e7f8091a2b3")]
    Revoke {
        /// The id of the standing approval.
        id: String,
    },
}

/// Sandboxes.
#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Lists all sandboxes: what each allows, and whether this kernel can hold it.
    #[command(after_help = "Examples:\n  steward sandbox list\n  steward --json sandbox list")]
    List,
    /// Runs a program in a sandbox and shows what it wrote.
    ///
    /// It ends as the program did: with its exit status, or 128 and the number of the signal that ended it. 124: it was ended at
    /// the deadline. 125: the sandbox is not to be had here, or was not asked for rightly. 126: the program is not run.
    #[command(after_help = "\
Examples:
  steward sandbox run ro-nonet -- /usr/bin/id
  steward sandbox run rw-cwd-nonet --cwd ~/project --timeout 60 -- /usr/bin/make test
  steward sandbox run ro-cwd-nonet --env LANG=C -- /usr/bin/ls -l")]
    Run {
        /// The sandbox.
        profile: String,
        /// The working folder; where the sandbox is about one, the present folder when it is left out.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        cwd: Option<PathBuf>,
        /// A variable that the sandbox lets be set.
        #[arg(long, value_name = "NAME=VALUE")]
        env: Vec<String>,
        /// Seconds until it is ended, with everything that it started.
        #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
        timeout: u64,
        /// The program, by its whole path, and its arguments.
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<String>,
    },
}

/// Action plans.
#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// Tells whether a plan can be read and keeps the rules. No daemon is needed.
    #[command(after_help = "Examples:\n  steward plan validate --file plan.json\n  steward plan validate < plan.json")]
    Validate {
        #[command(flatten)]
        source: PlanSource,
    },
    /// Hands a plan over and prints the answer as it came.
    #[command(after_help = "\
Examples:
  steward plan send --file plan.json
  steward plan send --socket-path /tmp/plan.sock --session-id s-1 < plan.json

Where a person has to say yes first, standard error says how.")]
    Send {
        #[command(flatten)]
        source: PlanSource,
        /// The daemon's socket for plans; $XDG_RUNTIME_DIR/steward/plan.sock when left out.
        #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
        socket_path: Option<PathBuf>,
        /// Take this as the plan's request_id.
        #[arg(long, value_name = "ID")]
        request_id: Option<String>,
        /// Take this as the plan's session_id.
        #[arg(long, value_name = "ID")]
        session_id: Option<String>,
    },
    /// Asks whether the daemon takes plans.
    #[command(after_help = "Examples:\n  steward plan ping --socket-path /tmp/plan.sock")]
    Ping {
        /// The daemon's socket for plans; $XDG_RUNTIME_DIR/steward/plan.sock when left out.
        #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
        socket_path: Option<PathBuf>,
        /// The plan's request_id.
        #[arg(long, value_name = "ID", default_value = "req-ping-cli-1")]
        request_id: String,
        /// The plan's session_id.
        #[arg(long, value_name = "ID")]
        session_id: Option<String>,
    },
    /// Prints the JSON Schema of plans.
    #[command(after_help = "Examples:\n  steward plan schema > plan.schema.json")]
    Schema,
}

/// Where a plan is; on standard input when nothing is said.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanSource {
    /// The file that it is in.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// The plan itself. `--json PLAN` is the same here.
    #[arg(long, value_name = "PLAN")]
    pub(crate) document: Option<String>,
}

/// Notes.
#[derive(Debug, Subcommand)]
pub(crate) enum MemoryCommand {
    /// Lists all notes.
    #[command(after_help = "Examples:\n  steward memory list")]
    List,
    /// Finds the notes that have all of these words.
    #[command(after_help = "Examples:\n  steward memory search demo room")]
    Search {
        /// The words.
        #[arg(required = true)]
        words: Vec<String>,
    },
    /// Keeps a note.
    #[command(after_help = "Examples:\n  steward memory add the demo room is B12")]
    Add {
        /// The text.
        #[arg(required = true)]
        text: Vec<String>,
    },
    /// Forgets a note; for ten minutes `steward undo` brings it back.
    #[command(after_help = "Examples:\n  steward memory forget 7\n  steward memory forget printer")]
    Forget {
        /// Its number, or words that it alone has.
        #[arg(required = true, value_name = "ID or WORDS")]
        what: Vec<String>,
    },
    /// Forgets a note for good, at once.
    #[command(after_help = "Examples:\n  steward memory purge 7")]
    Purge {
        /// Its number.
        id: u64,
    },
}

/// Policies.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Loads policy files and reports errors, dead rules, and examples and tests that fail.
    #[command(after_help = "\
Examples:
  steward policy check                          the files that are in force
  steward policy check policy.d my.toml         these, and no others
  steward policy check --system                 what the machine's agent goes by

Exits 0 when all is well, 1 when something is wrong, 2 when it could not look.")]
    Check {
        /// Check them for the machine's agent (`stewardd --system`).
        #[arg(long)]
        system: bool,
        /// Files, and folders with files; those in force when left out.
        #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
        paths: Vec<PathBuf>,
    },
    /// Tells which rule decides a request, with its file and line, which others were considered, and what would change it.
    #[command(after_help = "\
Examples:
  steward policy explain package_install firefox,docker
  steward policy explain '{\"name\":\"set_volume\",\"payload\":\"40\"}' --as voice --at 2026-03-02T09:00:00
  steward policy explain power_reboot --as uid=1000,exe=/usr/bin/kiosk,door=ndjson")]
    Explain {
        /// An action with its payload, or a request as JSON.
        #[arg(required = true, value_name = "REQUEST")]
        request: Vec<String>,
        /// As whom: the name of a `[caller]`, or facts such as `uid=1000,door=ndjson`; yourself when left out.
        #[arg(long = "as", value_name = "CALLER")]
        caller: Option<String>,
        /// When: a date with a time such as 2026-03-02T09:00:00; now when left out.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// Runs the `[[test]]`s of policy files.
    #[command(after_help = "\
Examples:
  steward policy test
  steward policy test --coverage policy/shipped/desktop.toml")]
    Test {
        /// Tell which rules and conditions no test and no example exercises.
        #[arg(long)]
        coverage: bool,
        /// Files, and folders with files; those in force when left out.
        #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
        paths: Vec<PathBuf>,
    },
    /// Writes the rules that an older policy in JSON means.
    #[command(after_help = "\
Examples:
  steward policy import old-policy.json > imported.toml
  steward policy check imported.toml")]
    Import {
        /// The JSON file.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
}

/// The audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Prints the last records.
    #[command(
        after_help = "Examples:\n  steward audit tail -n 50\n  steward audit tail --follow\n  steward --json audit tail -n 0 --follow"
    )]
    Tail {
        /// How many.
        #[arg(short = 'n', value_name = "N", default_value_t = 20)]
        count: usize,
        /// Go on printing what comes.
        #[arg(short, long)]
        follow: bool,
        /// Another file than the state folder's, as `stewardd --audit` has it.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Prints everything about a request or a confirmation.
    #[command(after_help = "Examples:\n  steward audit show 3f8e2c1a-9b64-4d0e-8a57-0c1d2e3f4a5b")]
    Show {
        /// The id of the request or of the confirmation.
        id: uuid::Uuid,
        /// Another file than the state folder's.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Checks the chain of records against the head file and the system journal.
    #[command(after_help = "\
Examples:
  steward audit verify
  steward --json audit verify | jq .findings

Exits 0 when the log is whole, 1 when it is not, 2 when it could not be read.")]
    Verify {
        /// Another file than the state folder's.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
}
