//! The daemon: one agent, its sockets, its signals.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use steward_agent::args::{Args, Task};
use steward_agent::backend::bus::Side;
use steward_agent::backend::package::root::Root;
use steward_agent::backend::simulate::Laptop;
use steward_agent::caller::{Caller, Door};
use steward_agent::clock::Clock;
use steward_agent::config::Places;
use steward_agent::core::{Core, Setup, Vanished};
use steward_agent::door::{ndjson, plan};
use steward_agent::notify::ServiceManager;
use steward_agent::policy_files::Roots;
use steward_agent::server::{self, Access, Inherited, ListenError, SocketSpec, Speaks};
use steward_agent::services::{Machine, Mode};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long a daemon waits for the command that has the state folder at the moment.
const WAIT: Duration = Duration::from_secs(10);

/// How long threads that cannot be interrupted are waited for at the end.
const LEFT_BEHIND: Duration = Duration::from_millis(100);

fn main() -> anyhow::Result<ExitCode> {
    if let Some(ended) = steward_agent::backend::sandbox::launcher::called() {
        return Ok(ended);
    }
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("STEWARD_LOG");
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| "info,zbus=warn".into()))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .without_time()
        .init();
    if let Some(Task::Transact { instance }) = args.task {
        return transact(&instance).map(|()| ExitCode::SUCCESS);
    }
    many_descriptors();
    steward_agent::backend::sandbox::settle();
    // Before there are threads: what is handed over is taken out of the environment.
    let inherited = Inherited::take()?;
    // Two at the least: one may wait for the disk (see `store`).
    let workers = std::thread::available_parallelism().map_or(2, |n| n.get().max(2));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    let done = runtime.block_on(run(args, inherited));
    // A read of standard input cannot be interrupted; nothing else is left.
    runtime.shutdown_timeout(LEFT_BEHIND);
    done.map(|()| ExitCode::SUCCESS)
}

/// Root's part: one package transaction, to its end.
fn transact(instance: &str) -> anyhow::Result<()> {
    let root = Root::of_this_machine()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tracing::info!("{}", runtime.block_on(root.carry_out(instance))?);
    Ok(())
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

async fn run(args: Args, inherited: Vec<Inherited>) -> anyhow::Result<()> {
    // First of all: whoever sees the socket may send a signal, and an early SIGHUP must not end the daemon.
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hup = signal(SignalKind::hangup())?;
    let manager = Arc::new(ServiceManager::of_this_process().context("NOTIFY_SOCKET")?);
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
    let takes_plans = !args.plan_socket.is_empty() || inherited.iter().any(Inherited::speaks_plans);
    let plans = takes_plans.then(plan::Place::here).transpose().context("the working folder")?;
    // Where nothing else is asked for, requests of the home protocol are served in the usual place; beside plans as far as there is one.
    let mut usual = None;
    if sockets.is_empty() && inherited.is_empty() && !args.stdio {
        let default = places.as_ref().ok().and_then(|p| p.socket.clone());
        match default {
            None if takes_plans => {
                tracing::warn!(
                    "no runtime folder, so plans only: without --socket PATH nobody can approve anything here"
                );
            }
            default => {
                let path = default.context("no runtime folder: set XDG_RUNTIME_DIR, or give --socket PATH")?;
                usual = Some(path.clone());
                sockets.push(SocketSpec { name: None, path, speaks: Speaks::Home });
            }
        }
    }
    sockets.extend(args.plan_socket.iter().flat_map(|path| {
        plans.iter().map(|place| SocketSpec { name: None, path: path.clone(), speaks: Speaks::Plans(place.clone()) })
    }));
    let paths = inherited.iter().map(|s| &s.path).chain(sockets.iter().map(|s| &s.path));
    let paths: Vec<String> = paths.map(|p| p.display().to_string()).collect();
    let config_home = places.as_ref().ok().and_then(|p| p.config_home.clone());
    let uid = rustix::process::geteuid().as_raw();
    let policy = match mode {
        Mode::User => Roots::usual(config_home.as_deref(), args.policy, uid),
        Mode::System => Roots::of_the_system(args.policy, uid),
    };
    let setup = Setup {
        mode,
        state,
        config,
        policy,
        audit: args.audit,
        clock: Clock::system(),
        wait: WAIT,
        note: paths.join(" "),
        machine: simulation.as_ref().map_or_else(Machine::this, |s| Machine::simulated(&s.laptop)),
    };
    if simulation.is_some() {
        tracing::warn!(
            "this is a simulation: nothing on this machine is changed; state is in {}",
            setup.state.display()
        );
    }
    let bus = setup.machine.bus.clone();
    let (core, interrupted) = tokio::task::spawn_blocking(|| Core::start(setup)).await??;
    if let Some(token) = &args.confirm_token {
        core.allow_static_token(token);
    }
    let access = match mode {
        Mode::User => Access::Own,
        Mode::System => {
            let group = nix::unistd::Group::from_name("steward").ok().flatten().map(|g| g.gid.as_raw());
            if group.is_none() && !sockets.is_empty() {
                tracing::warn!("there is no group `steward`: nobody but root can connect");
            }
            Access::Group(group)
        }
    };
    let handed = inherited.into_iter().map(|socket| socket.listen(plans.as_ref()));
    let made = sockets.iter().filter_map(|spec| match server::listen(spec, access) {
        Err(e @ ListenError::Live(_)) if takes_plans && usual.as_ref() == Some(&spec.path) => {
            tracing::warn!("{e}; plans only, then");
            None
        }
        made => Some(made),
    });
    let listening = handed.chain(made).collect::<Result<Vec<_>, _>>()?;
    core.take_up(interrupted).await;
    for socket in &listening {
        tracing::info!("listening on {socket}");
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
    let heart = tokio::spawn(beat(core.clone(), manager.clone()));
    manager.ready(&status(&core));
    if args.bus_name {
        let side = if mode == Mode::System { Side::System } else { Side::Session };
        // Beside the loop: a bus that does not answer holds up no signal.
        tokio::spawn(async move {
            if let Err(e) = bus.own_name(side).await {
                tracing::warn!("the agent has no name on the bus: {e}");
            }
        });
    }
    loop {
        tokio::select! {
            () = &mut stdio => break,
            _ = term.recv() => break,
            _ = int.recv() => break,
            () = core.reloaded() => manager.status(&status(&core)),
            _ = hup.recv() => {
                manager.reloading();
                // What is wrong was logged and told to everybody who listens.
                let _told = core.reload(Vanished::Taken).await;
                manager.ready(&status(&core));
            }
        }
    }
    manager.stopping();
    house.abort();
    core.stopping();
    let _nobody_left = stop.send(true);
    serving.await?;
    core.stop().await;
    heart.abort();
    Ok(())
}

/// What it acts on and how the rules stand, in one line for `systemctl status`.
fn status(core: &Core) -> String {
    match core.is_simulated() {
        true => format!("a simulation: nothing on this machine is changed; {}", rules(core)),
        false => rules(core),
    }
}

fn rules(core: &Core) -> String {
    let state = core.policy_state();
    let generation = &state["generation"];
    if !state["broken"].is_null() {
        return "the policy cannot be used, so everything is denied until it is mended: see the log".to_owned();
    }
    if !state["rejected"].is_null() {
        return format!("policy generation {generation}; the files as they are now were not taken: see the log");
    }
    format!("policy generation {generation}")
}

/// Tells the service manager that the agent is alive for as long as it is: this task runs, and the core answers it.
async fn beat(core: Core, manager: Arc<ServiceManager>) {
    let Some(every) = manager.heartbeat() else { return };
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if core.is_alive().await {
            manager.alive();
        }
    }
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
