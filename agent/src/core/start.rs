//! Beginning and ending: opening the state, taking up what was interrupted, reloading rules, tidying.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, RwLock};
use std::time::Duration;

use serde_json::{Value, json};
use steward_ipc::Code;
use steward_policy::{Assurance, Decision, LoadError, Policy};
use uuid::Uuid;

use super::{Core, Inner, Rules};
use crate::action::for_policy::ForPolicy;
use crate::action::package::attach;
use crate::action::{self, Action};
use crate::audit::{self, Audit, AuditError, AuditRecord, Kind, Place};
use crate::backend::package::{Packages, Unit};
use crate::caller::{Caller, Door};
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::events::Events;
use crate::gate::Gate;
use crate::gate::judge::{Judging, Subject, Who, judge};
use crate::gate::record::Held;
use crate::interpret::Interpreter;
use crate::memory::Memory;
use crate::policy_files::{PolicyFiles, ReadPolicy, Roots};
use crate::receipts::Receipts;
use crate::reply::{Failure, Outcome, Reply};
use crate::request::Ask;
use crate::services::{Context, Machine, Mode, Progress, Services};
use crate::store::{Durability, LockError, LogError, StateLock};

/// How long the machine is asked what became of a step.
const LOOK_BACK: Duration = Duration::from_secs(10);
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
        let services = Services {
            mode: setup.mode,
            uid: rustix::process::geteuid().as_raw(),
            home: directories::BaseDirs::new().and_then(|d| d.home_dir().to_str().map(str::to_owned)),
            memory,
            packages: match setup.machine.packages.clone() {
                Some(manager) => Packages::only(manager),
                None => packages(&setup, &config),
            },
            bus: setup.machine.bus,
            seat: setup.machine.seat,
            simulated: setup.machine.simulated,
            transactions: at("transactions"),
            lock_wait: Duration::from_secs(config.package.lock_wait.into()),
        };
        let files = PolicyFiles::new(setup.policy);
        let rules = first_rules(&files, config);
        let inner = Inner {
            services,
            gate,
            audit,
            audit_place,
            receipts,
            events: Events::default(),
            interpreter: LazyLock::new(interpreter),
            clock: setup.clock,
            files,
            config_file: setup.config,
            rules: RwLock::new(Arc::new(rules)),
            reloading: tokio::sync::Mutex::default(),
            reloaded: tokio::sync::Notify::new(),
            previews: Mutex::default(),
            _lock: lock,
        };
        Ok((Core(Arc::new(inner)), interrupted))
    }

    /// Says in the audit log that it started, and finds out what became of what was interrupted. Nothing is started again.
    pub async fn take_up(&self, interrupted: Vec<Arc<Held>>) {
        let rules = self.rules();
        let mut started = AuditRecord::new(Kind::Started);
        started.policy = Some(rules.policy.hash().to_owned());
        let mut data = json!({
            "version": env!("CARGO_PKG_VERSION"), "policy": self.policy_state(), "files": listed(&rules.files),
        });
        if self.0.services.simulated {
            data["simulated"] = json!(true);
        }
        started.data = Some(data);
        self.write_later(&started);

        if self.0.services.memory.tidy().await {
            self.0.gate.scrub().await;
        }
        let now = self.0.clock.now();
        let mut transactions = self.0.services.transactions_left();
        let mut asked = interrupted;
        for stored in self.0.audit.unfinished() {
            let id = stored.text("id").and_then(|t| Uuid::try_parse(t).ok());
            let confirmation = stored.text("confirmation").and_then(|t| Uuid::try_parse(t).ok());
            let held = confirmation.and_then(|c| asked.iter().position(|h| h.id == c)).map(|at| asked.swap_remove(at));
            let Some(id) = id else { continue };
            let at = transactions.iter().position(|(of, _)| *of == id);
            let caller =
                stored.fields.get("caller").and_then(|c| c["uid"].as_u64()).and_then(|u| u32::try_from(u).ok());
            // Its arguments are in the record; where they were too long for it, the text is taken out to be sure.
            let kept = stored.fields.get("args").and_then(|a| a.get("purge")) == Some(&Value::Bool(false));
            let begun = Begun {
                id,
                purges: stored.text("action") == Some("forget") && !kept,
                action: stored.text("action").unwrap_or("unknown").to_owned(),
                // Whoever confirmed it is the caller of the record; the owner is whoever asked.
                owner: held.as_ref().map(|h| h.asker.uid).or(caller).unwrap_or(u32::MAX),
                ended: confirmation.and_then(|c| self.0.gate.end_of(c)),
                confirmation,
                held,
                transaction: at.map(|at| transactions.swap_remove(at).1),
                steps: steps_of(stored),
                rebooted: stored.fields.get("data").and_then(|d| d["boot"].as_str()).map(|b| b != &*now.boot_id),
            };
            let core = self.clone();
            tokio::spawn(async move { core.find_out(begun).await });
        }
        // Their end is recorded; the agent stopped before it could tidy up.
        for (id, _) in transactions {
            self.0.services.forget_transaction(id);
        }
        // Approved, but not yet recorded as judged: then it was not begun either. Or ended and not yet journalled.
        for held in asked {
            let records = audit::show(&self.place(), held.id);
            let ended = |r: &&audit::Stored| matches!(r.text("kind"), Some("judged" | "finished" | "unknown"));
            let last = records.as_ref().map(|records| records.iter().rev().find(ended));
            let last = last.inspect_err(|e| tracing::error!("the audit log cannot be read: {e}"));
            let reply = match last.unwrap_or_default() {
                Some(record) if record.text("status") == Some("ok") => Reply::done(
                    held.name.clone(),
                    Outcome::says("It was done; the agent stopped before it could answer."),
                ),
                Some(record) if record.text("kind") == Some("finished") => {
                    let code = record.text("code").unwrap_or("failed").to_owned();
                    let message =
                        format!("it was tried and did not work ({code}); the agent stopped before it could answer");
                    Reply::failed(held.name.clone(), Failure::new(Code::Failed, message))
                }
                Some(_) => Reply::failed(held.name.clone(), unknown()),
                None if records.is_err() => Reply::failed(held.name.clone(), unknown()),
                None => {
                    let message = "the agent stopped before it was begun; nothing was done, so ask again";
                    Reply::failed(held.name.clone(), Failure::new(Code::Failed, message))
                }
            };
            self.finished(held.id, &reply).await;
        }
        if self.0.gate.owes_scrub() {
            self.0.gate.scrub().await;
        }
    }

    /// What became of a request that was being carried out when the agent stopped.
    async fn find_out(&self, begun: Begun) {
        let Begun { id, purges, action, owner, confirmation, held, ended, transaction, steps, rebooted } = begun;
        let caller = Arc::new(Caller::this_process(Door::Command));
        let progress = |_: Progress| {};
        let cx = self.context(&caller, owner, id, &progress);
        let result = match &transaction {
            // The journal has the end and the audit log lost it: the power failed between the two.
            _ if matches!(ended, Some("done")) => Ok(Outcome::default()),
            _ if matches!(ended, Some("failed")) => Err(Failure::new(Code::Failed, "it was tried and did not work")),
            Some(transaction) => match attach(&cx, transaction) {
                Some(ending) => ending.await,
                // Its folder is there and its process was never started.
                None => Err(Failure::new(
                    Code::Failed,
                    "the agent stopped before the package manager was started; nothing was done",
                )),
            },
            None => took_place(&cx, &steps, rebooted).await,
        };
        let reply = match result {
            Ok(mut outcome) => {
                let receipts = &self.0.receipts;
                let summary = outcome.message.clone().unwrap_or_default().into_owned();
                let of_undo = held.as_ref().is_some_and(|h| h.undoes.is_some());
                if let Some(undo) = outcome.undo.take().filter(|_| !receipts.has_of(id))
                    && let Err(e) = receipts.add(owner, id, &action, summary, *undo, of_undo).await
                {
                    tracing::error!("a receipt could not be written: {e}");
                }
                if let Some(undone) = held.as_ref().and_then(|h| h.undoes)
                    && let Err(e) = receipts.used(undone).await
                {
                    tracing::error!("a receipt could not be used up: {e}");
                }
                Reply::done(action.clone(), outcome)
            }
            Err(failure) => Reply::failed(action.clone(), failure),
        };
        let known = reply.code() != Some(Code::UnknownOutcome);
        let mut record = AuditRecord::new(if known { Kind::Finished } else { Kind::Unknown });
        record.id = Some(id);
        record.action = Some(action);
        record.confirmation = confirmation;
        record.status = Some(reply.status().to_owned());
        record.code = reply.code().map(|c| c.as_str().to_owned());
        record.data = Some(json!({ "found": "after a restart" }));
        if let Err(e) = self.0.audit.write(&record, Durability::Written).await {
            tracing::error!("the end of request {id} could not be recorded: {e}");
        }
        if known {
            self.0.services.forget_transaction(id);
        }
        if let Some(held) = held {
            self.finished(held.id, &reply).await;
        }
        if purges {
            self.0.gate.scrub().await;
        }
    }

    fn place(&self) -> Place {
        self.0.audit_place.clone()
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
            locked: None,
        };
        let verdict = judge(policy, &subjects, &judging);
        verdict.decision.stricter_than(Decision::Confirm((&held.needs).into()))
    }

    /// Watches the policy's files and tidies, for as long as the agent runs.
    pub async fn keep_house(&self) {
        let mut watch = self.0.files.watch();
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

/// The package managers of the configuration. The machine's agent has what needs root done by a unit, unless it is root.
fn packages(setup: &Setup, config: &Config) -> Packages {
    let packages = Packages::of_this_machine(&config.package.managers, &setup.machine.bus);
    if setup.mode == Mode::User || rustix::process::geteuid().is_root() {
        return packages;
    }
    packages.by(Unit::new(setup.machine.bus.clone(), setup.state.clone()))
}

fn interpreter() -> Interpreter {
    Interpreter::new(&crate::action::phrases())
        .expect("a test compiles the templates of the catalogue, which are constants")
}

/// Whether an administrator's file that is gone counts as taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vanished {
    /// No: somebody may be replacing it at this moment.
    Refused,
    /// Yes: somebody asked for a reload.
    Taken,
}

/// A request that had begun when the agent stopped, and what is known of it.
struct Begun {
    id: Uuid,
    /// Whether it overwrites the text of a note.
    purges: bool,
    action: String,
    owner: u32,
    confirmation: Option<Uuid>,
    held: Option<Arc<Held>>,
    /// Its end in the gate's journal.
    ended: Option<&'static str>,
    transaction: Option<crate::backend::package::Transaction>,
    /// What was to be done; empty when the record does not tell.
    steps: Vec<Action>,
    /// Whether the machine was booted again since.
    rebooted: Option<bool>,
}

/// What a record says was to be done; nothing when a part of it is not to be read any more.
fn steps_of(record: &audit::Stored) -> Vec<Action> {
    let step = |name: &str, args: &Value| match action::read(name, None, args.as_object().cloned()) {
        Ok(Ask::Do(action)) => Some(action),
        _ => None,
    };
    let steps = match (record.text("action"), record.fields.get("args")) {
        (_, Some(Value::Array(steps))) => steps.iter().map(|s| step(s["action"].as_str()?, &s["args"])).collect(),
        (Some(name), Some(args)) => step(name, args).map(|step| vec![step]),
        _ => None,
    };
    steps.unwrap_or_default()
}

/// Asks the machine whether what was begun took place. Nothing is done again.
async fn took_place(cx: &Context<'_>, steps: &[Action], rebooted: Option<bool>) -> Result<Outcome, Failure> {
    for step in steps {
        match tokio::time::timeout(LOOK_BACK, step.took_place(cx, rebooted)).await {
            Ok(Some(true)) => {}
            Ok(Some(false)) => {
                let message = "the agent was stopped in the middle of it, and it did not take place; ask again";
                return Err(Failure::new(Code::Failed, message));
            }
            Ok(None) | Err(_) => return Err(unknown()),
        }
    }
    match steps {
        [] => Err(unknown()),
        _ => Ok(Outcome::says("It was done; the agent was stopped before it could answer.")),
    }
}

fn unknown() -> Failure {
    Failure::new(
        Code::UnknownOutcome,
        "the agent stopped while this was carried out; it is not known whether it had its effect, and it is not started again",
    )
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
fn listed(read: &ReadPolicy) -> Value {
    let files = read.files.iter();
    files.map(|f| json!({ "path": f.path, "layer": format!("{:?}", f.layer).to_lowercase(), "sha256": f.sha256, "owner": f.owner })).collect()
}

fn lines(errors: &[LoadError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
