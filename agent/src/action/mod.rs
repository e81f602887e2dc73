//! What the agent can do: one struct for each action, and one list of them.
//!
//! A capability is something that the agent can do; an action is a capability with its arguments. To add one, write its
//! struct in its family's file and one word in the `catalogue!` list below. Names, parsing, schemas, documents, phrases,
//! policy checks and the audit follow from these.

use std::borrow::Cow;
use std::future::Future;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use steward_ipc::{Code, Preview};
use steward_policy::{ArgKind, OwnedArg, Risk};

use crate::backend::files::{Place, Readable};
use crate::backend::package::Transaction;
use crate::backend::sandbox::OpenProgram;
use crate::gate::judge::Subject;
use crate::reply::{Failure, Outcome};
use crate::request::Ask;
use crate::services::Context;
use steward_interpret::PhraseSet;

pub mod app;
pub mod bluetooth;
pub mod cgroup;
pub mod exec;
pub mod files;
pub mod firmware;
pub mod for_policy;
mod level;
pub mod memory;
pub mod meta;
pub mod network;
pub mod observe;
pub mod package;
pub mod power;
pub mod screen;
pub mod service;
pub mod session;
pub mod sound;
mod switched;
pub mod system;
pub mod types;
pub mod web;

/// What an action is, and how its arguments are read.
pub trait Capability:
    Clone + std::fmt::Debug + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static
{
    /// The name, `noun_verb`.
    const NAME: &'static str;
    /// The class of harm that it does at the least; facts may raise it, never lower it.
    const RISK: Risk;
    /// The class that it may be raised to.
    const RISK_POSSIBLE: Risk = Self::RISK;
    /// The arguments that rules can look at, with their types.
    const ARGS: &'static [(&'static str, ArgKind)] = &[];
    /// Whole-sentence templates that mean it (the notation is in [`steward_interpret`]).
    const PHRASES: &'static [&'static str] = &[];
    /// Requests that mean it, at least two.
    const EXAMPLES: &'static [Example];

    /// Reads the string form of the arguments.
    ///
    /// # Errors
    /// `invalid_payload`, with what was expected.
    fn from_payload(payload: Option<&str>) -> Result<Self, Failure>;

    /// Whether it is what somebody may ask for: not too much for one request, say. What was written down here before is not asked.
    ///
    /// # Errors
    /// `invalid_payload`, with the limit.
    fn bounded(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// The arguments in their string form; none when there is none, or when only `args` can express them.
    fn payload(&self) -> Option<String> {
        None
    }

    /// The sentence for arguments that could not be read; `detail` says why.
    fn invalid(detail: &str) -> String {
        format!("invalid payload for `{}`: {detail}", Self::NAME)
    }
}

/// An action that is judged by the rules, previewed and done.
pub trait Perform: Capability {
    /// What it needs on the machine.
    const NEED: Need = Need::Nothing;
    /// Whether it acts on a person's files or session: then only the agent that runs as that person does it.
    const PERSONAL: bool = false;
    /// How it can be put back, as the documents say it.
    const UNDO: &'static str = "–";
    /// How long it may take, unless the configuration says otherwise. Longer than a question and an order to a service may take
    /// together, so that a service which does not answer is named.
    const DEADLINE: Duration = Duration::from_secs(20);
    /// How much longer it is waited for once it has begun to change something, for what then goes on whatever is done here. Such an
    /// action keeps to the deadline itself until its first change ([`Context::deadline`]), and then nothing was changed.
    const AFTER_FIRST_CHANGE: Duration = Duration::ZERO;
    /// How long finding out what would happen may take.
    const PREVIEW_DEADLINE: Duration = Duration::from_secs(10);
    /// Whether a preview is made even when nobody is asked, because what runs is held to it.
    const HELD_TO_PREVIEW: bool = false;

    /// What it would do, as a sentence without its full stop: `Set the volume to 40 percent`.
    fn sentence(&self) -> String;

    /// The arguments as rules see them.
    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        Vec::new()
    }

    /// The arguments as the audit log keeps them: without what a person would not want to find there.
    fn audited(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// Gathers the facts that judging needs; reads only, and quickly.
    ///
    /// # Errors
    /// When the request cannot work at all.
    fn look(&self, _cx: &Context<'_>) -> impl Future<Output = Result<Look, Failure>> + Send {
        async { Ok(Look { risk: Self::RISK, facts: self.facts(), opened: None }) }
    }

    /// What would happen; reads only.
    ///
    /// # Errors
    /// When it cannot be found out, or when there is nothing to do it with.
    fn preview(&self, _cx: &Context<'_>) -> impl Future<Output = Result<Shown, Failure>> + Send {
        async { Ok(Shown::sentence(self.sentence())) }
    }

    /// Does it.
    ///
    /// # Errors
    /// What went wrong, with a code.
    fn run(&self, cx: &Context<'_>, ready: Ready) -> impl Future<Output = Result<Outcome, Failure>> + Send;

    /// Whether it may change anything. What only looks is done in a plan even after a step that failed.
    fn changes(&self) -> bool {
        Self::RISK > Risk::Observe
    }

    /// Puts what is meant in the place of what was said, before anything is judged. It may look, and changes nothing.
    ///
    /// # Errors
    /// When what was said can mean nothing here.
    fn mean(&mut self, _cx: &Context<'_>) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// The present value of what it changes, to be compared with a receipt's `after` before it is put back.
    ///
    /// # Errors
    /// When it cannot be read.
    fn present(&self, _cx: &Context<'_>) -> impl Future<Output = Result<Value, Failure>> + Send {
        async { Ok(Value::Null) }
    }

    /// Whether it took place, asked of the machine after the agent was stopped in the middle of it; none when the machine
    /// cannot tell. `rebooted` is whether the machine was booted again since, where that is known.
    fn took_place(&self, _cx: &Context<'_>, _rebooted: Option<bool>) -> impl Future<Output = Option<bool>> + Send {
        async { None }
    }
}

/// The facts that were gathered for judging.
#[derive(Debug)]
pub struct Look {
    /// The class of harm, raised where a fact says so.
    pub risk: Risk,
    /// The arguments as rules see them.
    pub facts: Vec<(&'static str, OwnedArg)>,
    /// What was opened for judging; the same descriptors are used to act.
    pub opened: Option<Opened>,
}

/// What was opened for judging.
#[derive(Debug)]
pub enum Opened {
    /// A folder.
    Folder(OwnedFd),
    /// A file, or why there is none.
    File(Result<Readable, Errno>),
    /// A file's place in its folder, or why there is none.
    Place(Result<Place, Errno>),
    /// A command: its program, and its working folder with the path that it is known by.
    Command(Box<OpenProgram>, Option<(OwnedFd, String)>),
}

/// A preview, and what is kept beside it so that the real thing can be held to it.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// What a person sees.
    pub preview: Preview,
    /// The sentence for the answer when everything is as it was asked for already.
    pub already: Option<String>,
    /// What it does beside what was asked for, to be judged like it.
    pub implies: Vec<Subject>,
    /// What comes along with it, to be judged where a rule names it.
    pub pulls_in: Vec<Subject>,
    /// The package transaction behind it.
    pub transaction: Option<Transaction>,
}

impl Shown {
    /// A preview of one sentence, bound to it.
    pub fn sentence(sentence: String) -> Shown {
        Shown { preview: Preview { summary: sentence, ..Preview::default() }, ..Shown::default() }
    }
}

/// What an approved action is handed to run with.
#[derive(Debug)]
pub struct Ready {
    /// Whether [`Perform::look`] saw what there is to see. What a step before it is to make cannot be seen yet.
    pub looked: bool,
    /// What [`Perform::look`] opened.
    pub opened: Option<Opened>,
    /// What [`Perform::preview`] found, when one was made.
    pub shown: Option<Shown>,
}

/// A request that means an action.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The sentence, when it can be said.
    pub say: Option<&'static str>,
    /// The payload that it is read as.
    pub payload: Option<&'static str>,
}

/// An example that can be said.
pub const fn say(words: &'static str, payload: Option<&'static str>) -> Example {
    Example { say: Some(words), payload }
}

/// An example with a payload.
pub const fn call(payload: Option<&'static str>) -> Example {
    Example { say: None, payload }
}

/// What an action needs on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing but the agent itself.
    Nothing,
    /// A package manager that this process may use.
    Packages,
    /// logind, for power and sessions.
    Logind,
    /// NetworkManager.
    NetworkManager,
    /// BlueZ.
    Bluez,
    /// A PulseAudio or PipeWire sound server.
    Sound,
    /// A backlight and logind.
    Backlight,
    /// A desktop session that can open things.
    Desktop,
    /// A kernel that holds a sandbox.
    Sandbox,
    /// systemd, the machine's or the person's.
    Systemd,
}

impl Need {
    /// What has to be there, in words.
    pub fn words(self) -> &'static str {
        match self {
            Need::Nothing => "nothing",
            Need::Packages => "a package manager",
            Need::Logind => "the login manager (systemd-logind)",
            Need::NetworkManager => "NetworkManager",
            Need::Bluez => "the Bluetooth service (BlueZ)",
            Need::Sound => "a sound server (PipeWire or PulseAudio)",
            Need::Backlight => "a screen with a backlight, and systemd-logind",
            Need::Desktop => "a desktop session (xdg-desktop-portal or xdg-open)",
            Need::Systemd => "systemd",
            Need::Sandbox => "a kernel with Landlock, seccomp and user namespaces",
        }
    }
}

/// Reads a payload or arguments.
type Parse = fn(Option<&str>, Option<Map<String, Value>>, From) -> Result<Ask, Failure>;

/// Where arguments come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// Somebody asks; no request may ask for too much.
    Asked,
    /// They were written down here: a receipt, a held request, a record.
    Kept,
}

/// A row of the catalogue.
pub struct Entry {
    /// The action's name.
    pub name: &'static str,
    /// Its class of harm.
    pub risk: Risk,
    /// The class that facts may raise it to.
    pub risk_possible: Risk,
    /// Whether it is about Steward itself: subject to ownership, not to rules.
    pub meta: bool,
    /// The arguments that rules can look at.
    pub args: &'static [(&'static str, ArgKind)],
    /// Templates of sentences.
    pub phrases: &'static [&'static str],
    /// Examples.
    pub examples: &'static [Example],
    /// What it needs.
    pub need: Need,
    /// Whether it acts on a person's files or session.
    pub personal: bool,
    /// How it is put back.
    pub undo: &'static str,
    /// The JSON Schema of its `args`.
    pub schema: fn() -> Value,
    parse: Parse,
}

impl Entry {
    /// Reads a payload or arguments.
    ///
    /// # Errors
    /// `invalid_payload`, with what was expected.
    pub fn parse(&self, payload: Option<&str>, args: Option<Map<String, Value>>) -> Result<Ask, Failure> {
        (self.parse)(payload, args, From::Asked)
    }

    /// What it does, in one sentence: the first paragraph of the struct's doc comment.
    pub fn summary(&self) -> String {
        let schema = (self.schema)();
        let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        text.split("\n\n").next().unwrap_or_default().replace('\n', " ")
    }
}

fn parse<C: Capability>(payload: Option<&str>, args: Option<Map<String, Value>>, from: From) -> Result<C, Failure> {
    let read = match args {
        None => C::from_payload(payload),
        Some(args) => serde_json::from_value(Value::Object(args)).map_err(|e| {
            Failure::invalid_payload(C::invalid(&e.to_string())).with(json!({ "expected": schema::<C>() }))
        }),
    }?;
    if from == From::Asked {
        read.bounded()?;
    }
    Ok(read)
}

fn schema<C: JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(C).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.remove("$schema");
        object.remove("title");
    }
    schema
}

macro_rules! catalogue {
    (meta: $($mfamily:ident::$meta:ident),+; actions: $($family:ident::$action:ident),+ $(;)?) => {
        /// A question or an order about Steward itself.
        #[derive(Clone, Debug)]
        #[allow(missing_docs, reason = "each variant is named after its struct, which has the text")]
        pub enum Meta { $($meta($mfamily::$meta)),+ }

        /// An action with its arguments.
        #[derive(Clone, Debug)]
        #[allow(missing_docs, reason = "each variant is named after its struct, which has the text")]
        pub enum Action { $($action($family::$action)),+ }

        impl Meta {
            /// The name of the action.
            pub fn name(&self) -> &'static str {
                match self { $(Meta::$meta(_) => <$mfamily::$meta as Capability>::NAME),+ }
            }
        }

        impl Action {
            /// The name of the action.
            pub fn name(&self) -> &'static str {
                match self { $(Action::$action(_) => <$family::$action as Capability>::NAME),+ }
            }
            /// Its class of harm, before any fact raised it.
            pub fn risk(&self) -> Risk {
                match self { $(Action::$action(_) => <$family::$action as Capability>::RISK),+ }
            }
            /// What it needs.
            pub fn need(&self) -> Need {
                match self { $(Action::$action(_) => <$family::$action as Perform>::NEED),+ }
            }
            /// Whether it acts on a person's files or session.
            pub fn personal(&self) -> bool {
                match self { $(Action::$action(_) => <$family::$action as Perform>::PERSONAL),+ }
            }
            /// How long it may take.
            pub fn deadline(&self) -> Duration {
                match self { $(Action::$action(_) => <$family::$action as Perform>::DEADLINE),+ }
            }
            /// How much longer it is waited for once it has begun to change something.
            pub fn after_first_change(&self) -> Duration {
                match self { $(Action::$action(_) => <$family::$action as Perform>::AFTER_FIRST_CHANGE),+ }
            }
            /// How long its preview may take.
            pub fn preview_deadline(&self) -> Duration {
                match self { $(Action::$action(_) => <$family::$action as Perform>::PREVIEW_DEADLINE),+ }
            }
            /// Whether what runs is held to a preview even when nobody is asked.
            pub fn held_to_preview(&self) -> bool {
                match self { $(Action::$action(_) => <$family::$action as Perform>::HELD_TO_PREVIEW),+ }
            }
            /// The arguments in their string form.
            pub fn payload(&self) -> Option<String> {
                match self { $(Action::$action(a) => a.payload()),+ }
            }
            /// The arguments as an object.
            pub fn args(&self) -> Value {
                match self { $(Action::$action(a) => serde_json::to_value(a).unwrap_or(Value::Null)),+ }
            }
            /// The arguments as the audit log keeps them.
            pub fn audited(&self) -> Value {
                match self { $(Action::$action(a) => a.audited()),+ }
            }
            /// The arguments as rules see them.
            pub fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
                match self { $(Action::$action(a) => a.facts()),+ }
            }
            /// What it would do, as a sentence without its full stop.
            pub fn sentence(&self) -> String {
                match self { $(Action::$action(a) => a.sentence()),+ }
            }
            /// See [`Perform::changes`].
            pub fn changes(&self) -> bool {
                match self { $(Action::$action(a) => a.changes()),+ }
            }
            /// See [`Perform::look`].
            ///
            /// # Errors
            /// When the request cannot work at all.
            pub async fn look(&self, cx: &Context<'_>) -> Result<Look, Failure> {
                match self { $(Action::$action(a) => a.look(cx).await),+ }
            }
            /// See [`Perform::preview`].
            ///
            /// # Errors
            /// When it cannot be found out.
            pub async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
                match self { $(Action::$action(a) => a.preview(cx).await),+ }
            }
            /// See [`Perform::run`]. Only `execute` calls it.
            pub(crate) async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
                match self { $(Action::$action(a) => a.run(cx, ready).await),+ }
            }
            /// See [`Perform::mean`].
            ///
            /// # Errors
            /// As there.
            pub async fn mean(&mut self, cx: &Context<'_>) -> Result<(), Failure> {
                match self { $(Action::$action(a) => a.mean(cx).await),+ }
            }
            /// See [`Perform::present`].
            ///
            /// # Errors
            /// When it cannot be read.
            pub async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
                match self { $(Action::$action(a) => a.present(cx).await),+ }
            }
            /// See [`Perform::took_place`].
            pub async fn took_place(&self, cx: &Context<'_>, rebooted: Option<bool>) -> Option<bool> {
                match self { $(Action::$action(a) => a.took_place(cx, rebooted).await),+ }
            }
        }

        /// Everything that the agent can do, in the order of the documents.
        pub static CATALOGUE: &[Entry] = &[
            $(Entry {
                name: <$mfamily::$meta as Capability>::NAME,
                risk: <$mfamily::$meta as Capability>::RISK,
                risk_possible: <$mfamily::$meta as Capability>::RISK_POSSIBLE,
                meta: true,
                args: <$mfamily::$meta as Capability>::ARGS,
                phrases: <$mfamily::$meta as Capability>::PHRASES,
                examples: <$mfamily::$meta as Capability>::EXAMPLES,
                need: Need::Nothing,
                personal: false,
                undo: "–",
                schema: schema::<$mfamily::$meta>,
                parse: |payload, args, from| parse(payload, args, from).map(|m| Ask::Meta(Meta::$meta(m))),
            },)+
            $(Entry {
                name: <$family::$action as Capability>::NAME,
                risk: <$family::$action as Capability>::RISK,
                risk_possible: <$family::$action as Capability>::RISK_POSSIBLE,
                meta: false,
                args: <$family::$action as Capability>::ARGS,
                phrases: <$family::$action as Capability>::PHRASES,
                examples: <$family::$action as Capability>::EXAMPLES,
                need: <$family::$action as Perform>::NEED,
                personal: <$family::$action as Perform>::PERSONAL,
                undo: <$family::$action as Perform>::UNDO,
                schema: schema::<$family::$action>,
                parse: |payload, args, from| parse(payload, args, from).map(|a| Ask::Do(Action::$action(a))),
            },)+
        ];
    };
}

impl Action {
    /// Whether a sandbox holds it, if it is a command.
    pub fn is_confined(&self) -> bool {
        match self {
            Action::Exec(exec) => exec.is_confined(),
            _ => true,
        }
    }
}

catalogue! {
    meta:
        meta::Ping, meta::GetCapabilities, meta::NaturalLanguage, meta::Confirm, meta::Reject, meta::Cancel,
        meta::PendingList, meta::ResultOf, meta::GrantsList, meta::GrantRevoke, meta::Explain, meta::Subscribe;
    actions:
        package::PackageInstall, package::PackageRemove, package::PackageSearch, package::SystemUpdate,
        power::PowerReboot, power::PowerShutdown, power::PowerSleep, session::SessionLock,
        sound::SetVolume, sound::AdjustVolume, sound::VolumeMute, sound::VolumeUnmute,
        screen::SetBrightness, screen::AdjustBrightness,
        network::NetworkWifiOn, network::NetworkWifiOff, bluetooth::NetworkBluetoothOn, bluetooth::NetworkBluetoothOff,
        network::NetworkStatus, web::OpenUrl, app::OpenApp, files::ListFiles, files::ReadFile, files::WriteFile, exec::Exec,
        service::ServiceStart, service::ServiceStop, service::ServiceRestart, service::ServiceEnable, service::ServiceDisable,
        service::ServiceStatus, cgroup::CgroupApply, observe::Observe,
        firmware::FirmwareInventory, firmware::FirmwareVariable, memory::Remember, memory::ReadContext, memory::Forget, system::SystemStatus, system::Undo;
}

/// The names that the protocol's document lists for `get_capabilities`, in its order.
const FIRST_NAMES: [&str; 17] = [
    "package_install",
    "system_update",
    "read_context",
    "get_capabilities",
    "ping",
    "open_url",
    "open_app",
    "set_volume",
    "set_brightness",
    "network_wifi_on",
    "network_wifi_off",
    "network_bluetooth_on",
    "network_bluetooth_off",
    "power_reboot",
    "power_shutdown",
    "power_sleep",
    "remember",
];

/// The action of this name.
pub fn entry(name: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|e| e.name == name)
}

/// All names: those of the protocol's document first, then ours in the order of the catalogue.
pub fn names() -> Vec<Cow<'static, str>> {
    let ours = CATALOGUE.iter().map(|e| e.name).filter(|n| !FIRST_NAMES.contains(n));
    FIRST_NAMES.iter().copied().chain(ours).map(Cow::Borrowed).collect()
}

/// More of a name than this is not compared, in characters.
const MAX_COMPARED: usize = 64;

/// Up to three names that look like `name`, nearest first.
pub fn near(name: &str) -> Vec<&'static str> {
    let wanted: String = name.chars().take(MAX_COMPARED).collect::<String>().to_ascii_lowercase();
    let mut scored: Vec<(usize, &str)> = CATALOGUE
        .iter()
        .map(|e| (strsim::osa_distance(&wanted, e.name), e.name))
        .filter(|(d, n)| *d <= 1 + n.len() / 3)
        .collect();
    scored.sort();
    scored.into_iter().take(3).map(|(_, n)| n).collect()
}

/// The templates of all sentences, for the interpreter.
pub fn phrases() -> Vec<PhraseSet> {
    CATALOGUE.iter().map(|e| PhraseSet { action: e.name, templates: e.phrases }).collect()
}

/// Reads what was written down here: the arguments of a receipt, a held request or a record, which may be more than one request
/// can ask for.
///
/// # Errors
/// As [`read`].
pub(crate) fn recall(name: &str, args: Map<String, Value>) -> Result<Ask, Failure> {
    (known(name)?.parse)(None, Some(args), From::Kept)
}

/// Reads a named call.
///
/// # Errors
/// `unknown_action` with the nearest names, or `invalid_payload`.
pub fn read(name: &str, payload: Option<&str>, args: Option<Map<String, Value>>) -> Result<Ask, Failure> {
    known(name)?.parse(payload, args)
}

fn known(name: &str) -> Result<&'static Entry, Failure> {
    entry(name).ok_or_else(|| {
        let near = near(name);
        let hint = match near.first() {
            Some(first) => format!("; did you mean `{first}`?"),
            None => {
                "; `get_capabilities`, or on the command line `steward capabilities`, lists what there is".to_owned()
            }
        };
        let shown = types::visible(name, 64);
        Failure::new(Code::UnknownAction, format!("no action is named `{shown}`{hint}")).with(json!({ "near": near }))
    })
}

#[cfg(test)]
mod tests;
