//! The daemon: one agent, its sockets, its signals.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use steward_agent::backend::simulate::Laptop;
use steward_agent::caller::{Caller, Door};
use steward_agent::clock::Clock;
use steward_agent::config::Places;
use steward_agent::core::{Core, Setup, Vanished};
use steward_agent::door::ndjson;
use steward_agent::policy_files::Roots;
use steward_agent::server::{self, Access, SocketSpec};
use steward_agent::services::{Machine, Mode};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long a daemon waits for the command that has the state folder at the moment.
const WAIT: Duration = Duration::from_secs(10);

/// The agent of Steward: the one gate through which assistants operate this machine.
///
/// It listens on a Unix socket for requests, one JSON object a line, judges each by the policy, has a person confirm what
/// the policy wants confirmed, carries it out, and keeps a record that can be checked.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  stewardd                                   serve this user on $XDG_RUNTIME_DIR/steward/agent.sock
  stewardd --system                          serve the machine on /run/steward/agent.sock
  stewardd --socket /tmp/a.sock --state-dir /tmp/a --policy my.toml
  echo '{\"name\":\"ping\"}' | stewardd --stdio --state-dir /tmp/a
  stewardd --simulate                        a laptop that is not there, to write clients against

Signals: SIGHUP reads configuration and policy again; SIGTERM and SIGINT end in order.
Exit status: 0 ended in order, 1 could not start, 2 wrong usage."
)]
struct Args {
    /// Serve the whole machine: /etc/steward, /var/lib/steward, /run/steward.
    #[arg(long)]
    system: bool,
    /// Listen here; may be given several times, as PATH or NAME=PATH, where policies know the socket by NAME.
    #[arg(long, value_name = "[NAME=]PATH", env = "STEWARD_SOCKET")]
    socket: Vec<String>,
    /// Take these policy files in place of the user's own (or of the vendor's, where there is no administrator's).
    #[arg(long, value_name = "FILE", num_args = 1.., env = "STEWARD_POLICY", value_delimiter = ':')]
    policy: Vec<PathBuf>,
    /// Keep state here.
    #[arg(long, value_name = "DIR", env = "STEWARD_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// Write the audit log here instead of into the state folder.
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// Read the configuration from here.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Speak on standard input and output; ends with the input. Sockets are served too when --socket names them.
    #[arg(long)]
    stdio: bool,
    /// Act on a laptop that is not there, with a battery, Wi-Fi, sound, a screen and a few packages: for authors of clients. Nothing on
    /// this machine is changed. State goes to a folder that is removed at the end, unless --state-dir names one.
    #[arg(long, conflicts_with = "system")]
    simulate: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("STEWARD_LOG");
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| "info,zbus=warn".into()))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .without_time()
        .init();
    many_descriptors();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(run(args));
    // A read of standard input cannot be interrupted; nothing else is left.
    runtime.shutdown_timeout(Duration::from_millis(100));
    done
}

/// As many open files as the administrator allows: each connection is one.
fn many_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(e) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!("the limit of open files stays: {e}");
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    // First of all: whoever sees the socket may send a signal, and an early SIGHUP must not end the daemon.
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hup = signal(SignalKind::hangup())?;
    let mode = if args.system { Mode::System } else { Mode::User };
    let places = Places::of(mode);
    let place = |given: Option<PathBuf>, of: fn(&Places) -> PathBuf| match (given, &places) {
        (Some(path), _) => Ok(path),
        (None, Ok(places)) => Ok(of(places)),
        (None, Err(e)) => Err(anyhow::anyhow!("{e}")),
    };
    let simulation = args.simulate.then(Simulation::new).transpose()?;
    let state = match (&simulation, args.state_dir) {
        (Some(simulation), None) => simulation.folder.join("state"),
        (_, given) => place(given, |p| p.state.clone())?,
    };
    let config = match &places {
        Err(_) if args.config.is_none() => state.join("config.toml"),
        _ => place(args.config, |p| p.config.clone())?,
    };
    let mut sockets: Vec<SocketSpec> = args.socket.iter().filter_map(|s| s.parse().ok()).collect();
    if sockets.is_empty() && !args.stdio {
        let default = places.as_ref().ok().and_then(|p| p.socket.clone());
        let path = default.context("no runtime folder: set XDG_RUNTIME_DIR, or give --socket PATH")?;
        sockets.push(SocketSpec { name: None, path });
    }
    let note = sockets.iter().map(|s| s.path.display().to_string()).collect::<Vec<_>>().join(" ");
    let config_home = places.as_ref().ok().and_then(|p| p.config_home.clone());
    let setup = Setup {
        mode,
        state,
        config,
        policy: Roots::usual(config_home.as_deref(), args.policy, rustix::process::geteuid().as_raw()),
        audit: args.audit,
        clock: Clock::system(),
        wait: WAIT,
        note,
        machine: simulation.as_ref().map_or_else(Machine::this, |s| Machine::simulated(&s.laptop)),
    };
    if simulation.is_some() {
        tracing::warn!(
            "this is a simulation: nothing on this machine is changed; state is in {}",
            setup.state.display()
        );
    }
    let (core, interrupted) = tokio::task::spawn_blocking(|| Core::start(setup)).await??;
    let access = match mode {
        Mode::User => Access::Own,
        Mode::System => {
            let group = nix::unistd::Group::from_name("steward").ok().flatten().map(|g| g.gid.as_raw());
            if group.is_none() {
                tracing::warn!("there is no group `steward`: nobody but root can connect");
            }
            Access::Group(group)
        }
    };
    let listening = sockets.iter().map(|s| server::listen(s, access)).collect::<Result<Vec<_>, _>>()?;
    core.take_up(interrupted).await;
    for socket in &sockets {
        tracing::info!("listening on {}", socket.path.display());
    }

    let (stop, stopped) = watch::channel(false);
    let house = tokio::spawn({
        let core = core.clone();
        async move { core.keep_house().await }
    });
    let serving = tokio::spawn(server::serve(core.clone(), listening, stopped.clone()));
    let mut stdio = std::pin::pin!(async {
        if args.stdio {
            ndjson::serve_stdio(core.clone(), Arc::new(Caller::own(Door::Stdio)), stopped.clone()).await;
        } else {
            std::future::pending().await
        }
    });
    loop {
        tokio::select! {
            () = &mut stdio => break,
            _ = term.recv() => break,
            _ = int.recv() => break,
            _ = hup.recv() => {
                // What is wrong was logged and told to everybody who listens.
                let _told = core.reload(Vanished::Taken).await;
            }
        }
    }
    house.abort();
    core.stopping();
    let _nobody_left = stop.send(true);
    serving.await?;
    core.stop().await;
    Ok(())
}

/// A laptop that is not there, and the folder that it takes.
struct Simulation {
    folder: PathBuf,
    laptop: Laptop,
}

impl Simulation {
    fn new() -> anyhow::Result<Simulation> {
        let folder = std::env::temp_dir().join(format!("steward-{}", uuid::Uuid::new_v4().simple()));
        // Not one that is there already, and nobody else's.
        std::fs::DirBuilder::new().mode(0o700).create(&folder).with_context(|| folder.display().to_string())?;
        let laptop = Laptop::new(&folder).with_context(|| format!("the simulation in {}", folder.display()))?;
        Ok(Simulation { folder, laptop })
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.folder) {
            tracing::warn!("{} could not be removed: {e}", self.folder.display());
        }
    }
}
