//! What `stewardd` can be told. It stands in the library so that the man page is made from it.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// The agent of Steward: the one gate through which assistants operate this machine.
///
/// It listens on a Unix socket for requests, one JSON object a line, judges each by the policy, has a person confirm what
/// the policy wants confirmed, carries it out, and keeps a record that can be checked.
#[derive(Debug, Parser)]
#[command(
    name = "stewardd",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  stewardd                                   serve this user on $XDG_RUNTIME_DIR/steward/agent.sock
  stewardd --system                          serve the machine on /run/steward/agent.sock
  stewardd --socket /tmp/a.sock --state-dir /tmp/a --policy my.toml
  echo '{\"name\":\"ping\"}' | stewardd --stdio --state-dir /tmp/a
  stewardd --plan-socket /tmp/plan.sock      take action plans there, too
  stewardd --simulate                        a laptop that is not there, to write clients against

Started by systemd it serves the sockets that it is handed (LISTEN_FDS) in place of the usual one.

Signals: SIGHUP reads configuration and policy again; SIGTERM and SIGINT end in order.
Exit status: 0 ended in order, 1 could not start, 2 wrong usage."
)]
pub struct Args {
    /// Serve the whole machine: /etc/steward, /var/lib/steward, /run/steward.
    #[arg(long)]
    pub system: bool,
    /// Listen here; may be given several times, as PATH or NAME=PATH, where policies know the socket by NAME.
    #[arg(long, value_name = "[NAME=]PATH", env = "STEWARD_SOCKET", hide_env_values = true)]
    pub socket: Vec<String>,
    /// Listen here for action plans: one JSON document a connection (docs/plan.md). May be given several times.
    #[arg(long, value_name = "PATH")]
    pub plan_socket: Vec<PathBuf>,
    /// Let whoever knows TOKEN approve its own action plans, as far as they do little harm. For trying things out: it is in the list
    /// of processes for everybody to read, and good any number of times.
    #[arg(long, value_name = "TOKEN")]
    pub confirm_token: Option<String>,
    /// Take these policy files in place of the user's own (or of the vendor's, where there is no administrator's).
    #[arg(long, value_name = "FILE", num_args = 1.., env = "STEWARD_POLICY", hide_env_values = true, value_delimiter = ':')]
    pub policy: Vec<PathBuf>,
    /// Keep state here.
    #[arg(long, value_name = "DIR", env = "STEWARD_STATE_DIR", hide_env_values = true)]
    pub state_dir: Option<PathBuf>,
    /// Write the audit log here instead of into the state folder.
    #[arg(long, visible_alias = "audit-path", value_name = "FILE")]
    pub audit: Option<PathBuf>,
    /// Read the configuration from here.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Speak on standard input and output; ends with the input. Sockets are served too when --socket names them.
    #[arg(long)]
    pub stdio: bool,
    /// Act on a laptop that is not there, with a battery, Wi-Fi, sound, a screen and a few packages: for authors of clients.
    ///
    /// Nothing on this machine is changed. State goes to a folder that is removed at the end, unless --state-dir names one.
    #[arg(long, conflicts_with = "system")]
    pub simulate: bool,
    /// Take the name io.github.steward_project.Steward on the user's bus, with --system on the machine's; for D-Bus activation.
    #[arg(long)]
    pub bus_name: bool,
    /// What this program does in place of serving.
    #[command(subcommand)]
    pub task: Option<Task>,
}

/// What `stewardd` does in place of serving.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Carries out one package transaction for the machine's agent; for steward-txn@.service and root alone.
    ///
    /// It is a task of this program and no program of its own so that both are always of one version: what the one writes
    /// down is what the other reads.
    #[command(hide = true)]
    Transact {
        /// The transaction's id and the SHA-256 of its file: the instance of the unit.
        instance: String,
    },
}
