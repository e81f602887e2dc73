//! Beginning and ending: opening the state, reloading rules, tidying. What was interrupted is taken up in `take_up`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, RwLock};
use std::time::Duration;

use serde_json::{Value, json};
use steward_policy::{Assurance, Decision, LoadError, Policy};

use super::{Core, Inner, Rules};
use crate::action::for_policy::ForPolicy;
use crate::audit::{self, Audit, AuditError, AuditRecord, Kind};
use crate::backend::files::{Base, KeptFiles};
use crate::backend::package::{Packages, Unit};
use crate::caller::{Caller, Door};
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::events::Events;
use crate::gate::Gate;
use crate::gate::judge::{Judging, Subject, Who, judge};
use crate::gate::record::Held;
use crate::memory::Memory;
use crate::policy_files::{PolicyFiles, ReadPolicy, Roots};
use crate::provenance::Provenance;
use crate::receipts::Receipts;
use crate::services::{Machine, Mode, Services};
use crate::store::{LockError, LogError, StateLock};
use steward_interpret::Interpreter;

/// How often what is old is tidied away.
const TIDY: Duration = Duration::from_secs(30);

/// What an agent is started with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// For whom it runs.
    pub mode: Mode,
    /// The state folder.
    pub state: PathBuf,
    /// The configuration file.
    pub config: PathBuf,
    /// Where policy files are.
    pub policy: Roots,
    /// Another file for the audit log.
    pub audit: Option<PathBuf>,
    /// The clocks.
    pub clock: Clock,
    /// How long to wait for another agent that has the state folder.
    pub wait: Duration,
    /// What the lock says about this process: its sockets.
    pub note: String,
    /// The machine that it acts on.
    pub machine: Machine,
}

#[cfg(test)]
impl Setup {
    /// Longer than any test takes.
    const TEST: Duration = Duration::from_secs(30);

    /// An agent that has all that is its own in `folder`, with `policy.toml` and `config.toml` there.
    pub(super) fn of_a_test(folder: &std::path::Path, machine: Machine) -> Setup {
        let uid = rustix::process::geteuid().as_raw();
        let (admin, vendor, given) = (folder.join("etc"), folder.join("usr"), vec![folder.join("policy.toml")]);
        Setup {
            mode: Mode::User,
            state: folder.join("state"),
            config: folder.join("config.toml"),
            policy: Roots { admin, vendor, user: None, given, uid, system: uid },
            audit: None,
            clock: Clock::system(),
            wait: Setup::TEST,
            note: "a test".to_owned(),
            machine,
        }
    }
}

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state folder is somebody else's at the moment, or cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A journal cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The audit log cannot be opened.
    #[error("the audit log cannot be opened: {0}")]
    Audit(#[from] AuditError),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Core {
    /// Opens the state folder and reads configuration and policy. A policy that is there and bad does not keep the agent
    /// from starting: it denies then, and says why.
    ///
    /// # Errors
    /// When the state folder, a journal or the configuration cannot be used.
    pub fn start(setup: Setup) -> Result<(Core, Vec<Arc<Held>>), StartError> {
        let lock = StateLock::acquire(&setup.state, setup.wait, &setup.note)?;
        let config = Config::read(&setup.config)?;
        let at = |name: &str| setup.state.join(name);
        let mut audit_config = audit::Config::new(&setup.state);
        audit_config.file = setup.audit.clone();
        audit_config.rotate_bytes = config.audit.rotate_bytes;
        audit_config.keep = config.audit.keep;
        let audit_place = audit_config.place();
        let audit = Arc::new(Audit::open(audit_config)?);
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let (gate, interrupted) =
            Gate::open(&at("journal.jsonl"), setup.clock.clone(), config.confirm.clone(), host, audit.clone())?;
        let memory = Memory::open(&at("memory.jsonl"), setup.clock.clone())?;
        let receipts = Receipts::open(&at("receipts.jsonl"), setup.clock.clone())?;
        let files = Base::at(&setup.machine.root).map_err(|e| LogError::io("cannot open", &setup.machine.root, e))?;
        let services = Services {
            mode: setup.mode,
            uid: rustix::process::geteuid().as_raw(),
            home: directories::BaseDirs::new().and_then(|d| real(d.home_dir()).to_str().map(str::to_owned)),
            clock: setup.clock.clone(),
            files: Arc::new(files),
            own: own_files(&setup),
            programs: program_folders(),
            folder: work_folder(),
            kept: Arc::new(KeptFiles::new(at("kept"))),
            memory,
            written: Arc::new(Provenance::open(&at("written.jsonl"), setup.clock.clone())?),
            packages: match setup.machine.packages.clone() {
                Some(manager) => Packages::only(manager),
                None => packages(&setup, &config),
            },
            bus: setup.machine.bus,
            seat: setup.machine.seat,
            sysfs: setup.machine.sysfs,
            simulated: setup.machine.simulated,
            transactions: at("transactions"),
            lock_wait: Duration::from_secs(config.package.lock_wait.into()),
        };
        let languages = config.languages.clone().unwrap_or_else(of_the_locale);
        let files = PolicyFiles::new(setup.policy);
        // What changes while they are read is a change.
        let watch = files.watch();
        let rules = first_rules(&files, config);
        let inner = Inner {
            services,
            gate,
            audit,
            audit_place,
            receipts,
            events: Events::default(),
            interpreter: LazyLock::new(interpreter(languages)),
            clock: setup.clock,
            files,
            watch: tokio::sync::Mutex::new(watch),
            config_file: setup.config,
            rules: RwLock::new(Arc::new(rules)),
            reloading: tokio::sync::Mutex::default(),
            reloaded: tokio::sync::Notify::new(),
            static_token: OnceLock::new(),
            previews: Mutex::default(),
            _lock: lock,
        };
        Ok((Core(Arc::new(inner)), interrupted))
    }

    /// Reads configuration and policy again. What is bad is not taken: the last good rules stay, and everybody is told.
    /// `vanished` is whether an administrator's file that is gone counts as taken away.
    ///
    /// # Errors
    /// What is wrong, with file, line and column.
    pub async fn reload(&self, vanished: Vanished) -> Result<(), String> {
        let _one_at_a_time = self.0.reloading.lock().await;
        let done = self.read_again(vanished).await;
        self.0.reloaded.notify_one();
        done
    }

    /// Returns after the next reload, or at once when there was one since this was asked last. One task may ask.
    pub async fn reloaded(&self) {
        self.0.reloaded.notified().await;
    }

    async fn read_again(&self, vanished: Vanished) -> Result<(), String> {
        let before = self.rules();
        let loaded = match Config::read(&self.0.config_file) {
            Ok(config) => {
                let last = (vanished == Vanished::Refused).then_some(&before.files);
                load(&self.0.files, last).map(|(policy, files)| (config, policy, files))
            }
            Err(e) => Err(e.to_string()),
        };
        let now = self.0.clock.now().wall_ms;
        let mut record = AuditRecord::new(Kind::Policy);
        let (config, policy, files) = match loaded {
            Ok(loaded) => loaded,
            Err(why) => {
                tracing::warn!("the new rules are not taken, the last good ones stay: {why}");
                record.decision = Some("rejected".to_owned());
                record.policy = Some(before.policy.hash().to_owned());
                record.data = Some(json!({ "errors": why }));
                self.write_later(&record);
                self.swap(|rules| rules.rejected = Some(why.clone()), &before);
                let others = json!({ "errors": super::meta::NOT_SHOWN });
                self.0.events.tell_of_policy("policy_rejected", now, json!({ "errors": why }), others);
                return Err(why);
            }
        };
        let hash = policy.hash().to_owned();
        let next = Rules { policy: Arc::new(policy), config, generation: before.generation + 1, files, rejected: None };
        let next = Arc::new(next);
        *self.0.rules.write().unwrap_or_else(std::sync::PoisonError::into_inner) = next.clone();
        tracing::info!(generation = next.generation, hash, "rules are in force");
        record.decision = Some("loaded".to_owned());
        record.policy = Some(hash.clone());
        record.data = Some(json!({ "generation": next.generation, "files": listed(&next.files) }));
        self.write_later(&record);
        let ended = self.0.gate.invalidate(|held| self.is_stricter(&next.policy, held)).await;
        for held in ended {
            self.tell_decided(&held, "invalidated");
        }
        self.0.events.tell(None, "policy_reloaded", now, || json!({ "hash": hash, "generation": next.generation }));
        Ok(())
    }

    fn swap(&self, change: impl FnOnce(&mut Rules), of: &Arc<Rules>) {
        let mut rules = Rules {
            policy: of.policy.clone(),
            config: of.config.clone(),
            generation: of.generation,
            files: of.files.clone(),
            rejected: of.rejected.clone(),
        };
        change(&mut rules);
        *self.0.rules.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(rules);
    }

    /// Whether `policy` would judge a held request stricter than when it was held, by what is written down of it.
    fn is_stricter(&self, policy: &Policy, held: &Held) -> bool {
        let Ok(plan) = held.plan() else { return true };
        let steps = plan.steps.iter().zip(&held.steps);
        let mut subjects: Vec<Subject> =
            steps.map(|(a, s)| Subject { action: a.name(), risk: s.risk, facts: a.facts() }).collect();
        if plan.said {
            subjects.push(Subject {
                action: "natural_language",
                risk: steward_policy::Risk::Observe,
                facts: Vec::new(),
            });
        }
        let judging = Judging {
            who: Who::Then(&held.asker),
            now: self.0.clock.now(),
            rates: &self.0.gate.rates,
            home: self.0.services.home.as_deref(),
            folder: self.0.services.folder.as_deref(),
            locked: None,
        };
        let verdict = judge(policy, &subjects, &judging);
        verdict.decision.stricter_than(Decision::Confirm((&held.needs).into()))
    }

    /// Watches the policy's files and tidies, for as long as the agent runs.
    pub async fn keep_house(&self) {
        let mut watch = self.0.watch.lock().await;
        let mut every = tokio::time::interval(TIDY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = every.tick() => {
                    for held in self.0.gate.tidy().await {
                        self.write_later(&self.decided(&Arc::new(Caller::this_process(Door::Command)), &held, "expired", None));
                        self.tell_decided(&held, "expired");
                    }
                    if self.0.services.memory.tidy().await {
                        self.0.gate.scrub().await;
                    }
                    self.0.receipts.tidy().await;
                    self.0.services.written.tidy().await;
                    let (kept, now) = (self.0.services.kept.clone(), self.0.clock.now().wall_ms);
                    if let Err(e) = tokio::task::spawn_blocking(move || kept.tidy(now)).await {
                        tracing::error!("old contents could not be tidied: {e}");
                    }
                }
                () = watch.changed() => {
                    // What is wrong was told to everybody already.
                    let _told = self.reload(Vanished::Refused).await;
                }
            }
        }
    }

    /// Whether what every request needs still answers: the rules, the gate, and the thread that writes the audit log. A part
    /// that hangs keeps this from returning, which whoever asks has to take for a no.
    pub async fn is_alive(&self) -> bool {
        drop(self.rules());
        self.0.gate.answers();
        // A full queue is drained by a thread that lives.
        matches!(self.0.audit.idle().await, Ok(_) | Err(AuditError::Log(LogError::Overloaded)))
    }

    /// Tells those who listen that the agent stops, and ends their streams after what waits in them. Called before the
    /// doors are told to stop, which wait for their connections.
    pub fn stopping(&self) {
        self.0.events.tell(None, "agent_stopping", self.0.clock.now().wall_ms, || json!({}));
        self.0.events.close();
    }

    /// Ends in order: tells those who listen, writes the last record, closes the files.
    pub async fn stop(&self) {
        self.stopping();
        self.write_later(&AuditRecord::new(Kind::Stopped));
        let audit = self.0.audit.clone();
        if let Err(e) = tokio::task::spawn_blocking(move || audit.stop()).await {
            tracing::error!("the audit log did not close: {e}");
        }
    }

    /// The least assurance that the policy asks for at a door, for those who want to say so beforehand.
    pub fn min_assurance(&self, door: &str) -> Option<Assurance> {
        self.rules().policy.min_assurance(door)
    }
}

/// A path without links, as far as it is there.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => real(parent).join(name),
        _ => path.to_owned(),
    }
}

/// The folder that this process was started in, where that is one to work in: neither the whole machine, nor a home, nor one of the
/// system's. A service manager starts a daemon in such a one, and then nothing is in it for the rules.
fn work_folder() -> Option<String> {
    let folder = std::env::current_dir().ok()?.canonicalize().ok()?;
    let home = directories::BaseDirs::new().map(|d| d.home_dir().to_owned());
    crate::action::exec::not_to_be_written(&folder, home.as_deref(), None)
        .is_none()
        .then_some(folder)?
        .into_os_string()
        .into_string()
        .ok()
}

/// The folders that programs are looked for in, by this process's own `PATH`.
fn program_folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).filter(|p| p.is_absolute() && p.parent().is_some()).map(|p| real(&p)).collect()
}

/// Files and folders of this very agent: its state, its configuration, its policies, its audit log.
fn own_files(setup: &Setup) -> Vec<PathBuf> {
    let policy = &setup.policy;
    let folders = [Some(&setup.state), Some(&setup.config), Some(&policy.admin), Some(&policy.vendor)];
    let more = [policy.user.as_ref(), setup.audit.as_ref()];
    folders.into_iter().chain(more).flatten().chain(&policy.given).map(|p| real(p)).collect()
}

/// The package managers of the configuration. The machine's agent has what needs root done by a unit, unless it is root.
fn packages(setup: &Setup, config: &Config) -> Packages {
    let packages = Packages::of_this_machine(&config.package.managers, &setup.machine.bus);
    if setup.mode == Mode::User || rustix::process::geteuid().is_root() {
        return packages;
    }
    packages.by(Unit::new(setup.machine.bus.clone(), setup.state.clone()))
}

/// Makes the interpreter when the first sentence comes.
fn interpreter(languages: Vec<String>) -> Box<dyn FnOnce() -> Interpreter + Send> {
    Box::new(move || {
        Interpreter::new(&crate::action::phrases())
            .and_then(|english| english.and_languages(languages.iter().map(String::as_str)))
            .expect("a test compiles the templates of the catalogue and of each language, which are constants")
    })
}

/// The language of the environment (`LC_ALL`, `LC_MESSAGES`, `LANG`, locale(7)), if sentences of it can be understood.
fn of_the_locale() -> Vec<String> {
    let set =
        ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    set.and_then(|locale| steward_interpret::of_locale(&locale)).map(str::to_owned).into_iter().collect()
}

/// Whether an administrator's file that is gone counts as taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vanished {
    /// No: somebody may be replacing it at this moment.
    Refused,
    /// Yes: somebody asked for a reload.
    Taken,
}

/// The rules at start: without good files everything above looking is denied, with the reason.
fn first_rules(files: &PolicyFiles, config: Config) -> Rules {
    match load(files, None) {
        Ok((policy, files)) => Rules { files, policy: Arc::new(policy), config, generation: 1, rejected: None },
        Err(why) => {
            tracing::error!("the policy cannot be used, so everything is denied until it is mended: {why}");
            let policy = Arc::new(Policy::broken(&why));
            Rules { policy, config, generation: 1, files: ReadPolicy::default(), rejected: Some(why) }
        }
    }
}

/// Reads and compiles the policy; the built-in one when there is no file anywhere. `last` is what an administrator's file may
/// not vanish from.
fn load(files: &PolicyFiles, last: Option<&ReadPolicy>) -> Result<(Policy, ReadPolicy), String> {
    let read = match last {
        Some(last) => files.reread(last),
        None => files.read(),
    };
    let read = read.map_err(|e| lines(&e))?;
    if read.sources.is_empty() {
        return Ok((Policy::builtin(&ForPolicy), read));
    }
    let policy = Policy::load(read.sources.clone(), &ForPolicy).map_err(|e| lines(&e))?;
    Ok((policy, read))
}

/// What the audit log keeps of the files of a generation.
pub(super) fn listed(read: &ReadPolicy) -> Value {
    let files = read.files.iter();
    files.map(|f| json!({ "path": f.path, "layer": format!("{:?}", f.layer).to_lowercase(), "sha256": f.sha256, "owner": f.owner })).collect()
}

fn lines(errors: &[LoadError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_policy_that_changes_before_the_house_is_kept_is_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let policy = folder.path().join("policy.toml");
        std::fs::write(&policy, "version = 1\n").expect("written");
        let (core, _) = Core::start(Setup::of_a_test(folder.path(), Machine::bare(None))).expect("it starts");
        let before = core.rules().policy.hash().to_owned();
        std::fs::write(&policy, "version = 1\n[risk]\nlow = \"deny\"\n").expect("written");
        let house = tokio::spawn({
            let core = core.clone();
            async move { core.keep_house().await }
        });
        tokio::time::timeout(Setup::TEST, core.reloaded()).await.expect("it is read again");
        assert_ne!(core.rules().policy.hash(), before);
        house.abort();
    }
}
