//! Starting programs of the desktop.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_ipc::{Code, Effect, Preview};
use steward_policy::{ArgKind, OwnedArg, Risk};

use super::level::still;
use super::types::{is_hidden, listed, visible};
use super::{Capability, Example, Look, Need, Perform, Ready, Shown, call, say};
use crate::backend::apps::find::{Found, find};
use crate::backend::apps::start::{Order, StartError, Through};
use crate::backend::apps::{App, Launch, LaunchError};
use crate::backend::bus::BusError;
use crate::backend::dbus::application;
use crate::provenance::{self, Written, raised};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// The longest name of an app, in bytes (a file name's limit, without `.desktop`).
const MAX_NAME: usize = 247;

/// How much of a command is shown, in characters.
const MAX_SHOWN: usize = 300;

/// Starts an app of the desktop.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenApp {
    /// The desktop entry's id, or the app's name. Rules see the id, under whatever name it was asked for.
    pub app: AppName,
}

/// The name of an app: no slash, no leading `-` or `.`, nothing invisible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct AppName(String);

impl TryFrom<String> for AppName {
    type Error = String;

    fn try_from(name: String) -> Result<AppName, String> {
        let bad = name.is_empty()
            || name.len() > MAX_NAME
            || name.starts_with(['-', '.', ' '])
            || name.ends_with(' ')
            || name
                .chars()
                .any(|c| is_hidden(c) || matches!(c, '/' | '\\' | ';' | '"' | '`' | '$' | '|' | '&' | '<' | '>'));
        if bad { Err("expected the name of an app, such as `firefox`".to_owned()) } else { Ok(AppName(name)) }
    }
}

impl From<AppName> for String {
    fn from(name: AppName) -> String {
        name.0
    }
}

impl Capability for OpenApp {
    const NAME: &'static str = "open_app";
    const RISK: Risk = Risk::Reversible;
    const RISK_POSSIBLE: Risk = Risk::Disruptive;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("app", ArgKind::Text)];
    const PHRASES: &'static [&'static str] = &[
        "(open|open up|launch|fire up|boot up|spin up|start|start up|execute|lunch) {app} <here>",
        "(open|open up|launch|fire up|start|start up|run) (up|me|the program called|the app called|the application called|the application \
         named|a new instance of|a new window of|an instance of|a window of|another instance of|another window of|the program named) {app} \
         <here>",
        "(run|load|load up|bring up|pull up|pop open|pop up|call up|startup|get up|throw up|put up|crank up|bring out) {known app} [up] \
         [here|on here|for me]",
        "(get|get me|give me|fetch me|bring me) {known app} (open|opened|running|going|on screen|on the screen)",
        "<wish> (the|my) (calculator|calculator app) => calculator",
        "<wish> (the|my) (terminal|terminal app|terminal window|command line) => terminal",
        "<wish> (the|my) (browser|web browser) => browser",
        "<wish> (the|my) (file manager|file browser) => file manager",
        "<wish> (the|my) (settings|settings app) => settings",
        "(run|load|bring up|pull up|show|show me|display|switch to|go to|take me to|bring me to|get me to|jump to|use|i want to use|let me \
         use|go into|navigate to|get into|head to|hop into|jump into|move to|take us to|open me|i need to use|i need to open|id like to \
         use|i would like to use|i wanna use|let me into|lets use|lets open|get me into|bring me into|i need to get into|i want to get \
         into|get back to|go back to|show up|see|view|bring me|access) {known app}",
        "(get|have|lets get|i want|i need|keep) {app} (running|open|opened|going|started|up and running|up|launched|started up|loaded|\
         fired up) [for me]",
        "(get|have|bring|put|pull|show|throw) {known app} (up|on screen|on the screen|on my screen|to the front|up on screen|up on the \
         screen|in front)",
        "{app} [please] (open it|launch it|start it|fire it up|run it|open it up|start it up|please open it|please open|open|open up|launch|start)",
        "(<open>|<open> me|<open> up|<wish>|show me) (a|an|another) [new|fresh] terminal [window] => terminal",
        "(<open>|<open> me|<open> up|<wish>|show me) (a|an|another) [new|fresh] (browser|web browser|internet browser) [window] => browser",
        "(<open>|<open> me|<open> up|<wish>|show me) (a|an|another) [new|fresh] text editor [window] => text editor",
        "(<open>|<open> me|<open> up|<wish>|show me) (a|an|another) [new|fresh] calculator [window] => calculator",
        "(<open>|<open> me|<open> up|<wish>|show me) (a|an|another) [new|fresh] file manager [window] => file manager",
        "<wish> {known app} [to be|to get] (open|opened|running|started|launched|up|opened up|started up|up and running|loaded)",
        "{known app} <should be> (open|opened|running|started|launched)",
        "(let me see|i want to see|let me have|kick off) {known app}",
        "(give me|get me|open|launch|start|i want|i need|bring up) (a|an|another|one more) [new|fresh] {known app} [window|instance]",
        "(make|let|have) {known app} (run|start|open|launch|appear|come up)",
        "(fire|boot|start|load|spin|open|crank|power) {app} (up|right up)",
        "(throw|put|stick|pop) on {known app}",
        "(throw|put|pop) {known app} on",
        "{known app} (please|pls|plz)",
        "(hand|hand me|pass|pass me|toss me|get|show) {known app} (window)",
        "<wish> to (open|launch|start|run|use|fire up|see) {app}",
        "(can|could|may) (i|we) (open|launch|start|run|use|see) {known app}",
        "(open|start|launch) (a new|a fresh|another|a|one more) {known app} (window|instance|session)",
        "(open|launch|start|run|bring up|fire up) [up] [the] {app} (now|again|here)",
        "(time for|time to open|time to start|time to use|time to launch|lets fire up|lets start|lets launch|lets have|lets go to|lets \
         see) {known app}",
        "pop open {app}",
        "(<wish>|<wish> to (use|see|open|run|start|have)) {known app} [so] [please] (open it|launch it|start it|fire it up|run it|open it \
         up|start it up|load it) [up]",
        "(hop|get|jump|go|head|log|pop) (on|onto|into|over to|in) [to] {known app}",
        "(lets hear|lets see|lets use|lets have|lets try|lets run|lets open|lets launch) {known app} [open it|start it|launch it]",
        "(get|bring|have|put) {app} (up and running|up on the screen|up on screen|on screen|started up|opened up)",
    ];
    const EXAMPLES: &'static [Example] = &[
        say("open firefox", Some("firefox")),
        say("launch the calculator", Some("calculator")),
        call(Some("firefox")),
    ];

    fn from_payload(payload: Option<&str>) -> Result<OpenApp, Failure> {
        let name = payload.filter(|p| !p.is_empty()).ok_or_else(|| Failure::invalid_payload("missing app name"))?;
        let app = AppName::try_from(name.to_owned()).map_err(|e| Failure::invalid_payload(Self::invalid(&e)))?;
        Ok(OpenApp { app })
    }

    fn payload(&self) -> Option<String> {
        Some(self.app.0.clone())
    }

    fn invalid(detail: &str) -> String {
        format!("invalid app name: {detail}")
    }
}

impl Perform for OpenApp {
    const NEED: Need = Need::Desktop;
    const PERSONAL: bool = true;
    /// An app that starts itself over D-Bus, and what is tried when it does not.
    const DEADLINE: Duration = Duration::from_secs(40);

    fn sentence(&self) -> String {
        format!("Start `{}`", visible(&self.app.0, 100))
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("app", OwnedArg::Text(self.app.0.clone()))]
    }

    /// Judged by the id of the app that would be started; what is not installed, by the name.
    async fn look(&self, cx: &Context<'_>) -> Result<Look, Failure> {
        let (facts, risk) = match self.launch(cx).await? {
            Ok(launch) => {
                let risk = raised(Self::RISK, &written(cx, &launch).await?);
                (vec![("app", OwnedArg::Text(launch.id))], risk)
            }
            Err(_) => (self.facts(), Self::RISK),
        };
        Ok(Look { risk, facts, opened: None })
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        let launch = self.launch(cx).await??;
        let summary = format!("Start {}", named(&launch));
        let (relied, facts) = provenance::shown(written(cx, &launch).await?).await;
        let effects = std::iter::once(effect(&launch)).chain(relied).collect();
        let preview = Preview { summary, effects, facts, ..Preview::default() };
        Ok(Shown { preview, ..Shown::default() })
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        let launch = self.launch(cx).await??;
        still(ready.shown.as_ref(), &effect(&launch))?;
        let says = format!("Started {}.", visible(&launch.title, 100));
        let data = |through: &str| json!({ "app": launch.id, "name": launch.title, "through": through });
        if launch.activatable {
            match (application::activate(&cx.services.bus, &launch.id).await, &launch.argv) {
                (Ok(()), _) => return Ok(Outcome::says(says).with(data("dbus"))),
                // Nothing on the bus has its name, so nothing was started; the command is there for that.
                (Err(BusError::NoBus { .. } | BusError::NoService { .. }), Some(_)) => (),
                (Err(e), _) => return Err(e.into()),
            }
        }
        let Some(argv) = &launch.argv else { return Err(Failure::internal("an app without a way to start it")) };
        let order = Order { id: &launch.id, title: &launch.title, argv, folder: launch.folder.as_deref() };
        let through = cx.services.seat.starter.start(&cx.services.bus, &order).await?;
        Ok(Outcome::says(says).with(with_unit(data(through_word(&through)), &through)))
    }
}

/// The word for how a program was started.
pub(super) fn through_word(through: &Through) -> &'static str {
    match through {
        Through::Systemd(_) => "systemd",
        Through::Direct => "direct",
    }
}

/// `data` with the unit of a program that has one.
pub(super) fn with_unit(mut data: Value, through: &Through) -> Value {
    if let Through::Systemd(unit) = through {
        data["unit"] = json!(unit);
    }
    data
}

impl OpenApp {
    /// The app that is meant and how it is started, from what is installed now. The outer error is ours.
    async fn launch(&self, cx: &Context<'_>) -> Result<Result<Launch, Failure>, Failure> {
        let (apps, asked) = (cx.services.seat.apps.clone(), self.app.0.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let installed = apps.installed();
            match find(&installed, &asked) {
                Found::One(app) => apps.launch(app).map_err(Failure::from),
                Found::Many(fit) => Err(ambiguous(&asked, &fit)),
                Found::None(_) if installed.is_empty() => Err(no_apps()),
                Found::None(near) => Err(not_installed(&asked, &near)),
            }
        });
        looking.await.map_err(|e| Failure::internal(format!("looking for an app: {e}")))
    }
}

/// What of an app was written through Steward: its desktop entry, its program, and what the program is given.
async fn written(cx: &Context<'_>, launch: &Launch) -> Result<Vec<Arc<Written>>, Failure> {
    let command = launch.argv.iter().flatten().map(PathBuf::from);
    cx.services.written.find(std::iter::once(launch.entry.clone()).chain(command).collect()).await
}

/// The app for a person: its name, and the id where that says more.
fn named(launch: &Launch) -> String {
    format!("{} ({})", visible(&launch.title, 100), visible(&launch.id, 100))
}

/// What is started, bound to its command.
fn effect(launch: &Launch) -> Effect {
    let command = launch.argv.as_ref().map(|argv| visible(&argv.join(" "), MAX_SHOWN));
    Effect { verb: "start".to_owned(), object: named(launch), to: command, ..Effect::default() }
}

fn ambiguous(asked: &str, fit: &[&App]) -> Failure {
    let names: Vec<String> =
        fit.iter().map(|a| format!("{} (`{}`)", visible(a.title(), 60), visible(&a.id, 100))).collect();
    let readings: Vec<Value> =
        fit.iter().map(|a| json!({ "version": 1, "name": OpenApp::NAME, "payload": a.id })).collect();
    let message = format!(
        "more than one app is called `{}`: {}; ask for one by its id, or send one of the readings",
        visible(asked, 60),
        listed(&names)
    );
    Failure::new(Code::Ambiguous, message).with(json!({ "readings": readings }))
}

/// What is said on a machine without a desktop.
fn no_apps() -> Failure {
    let message = "no apps are installed here: there are no desktop entries in the data folders (`XDG_DATA_DIRS`)";
    Failure::new(Code::Unavailable, message).with(json!({ "needs": Need::Desktop.words() }))
}

fn not_installed(asked: &str, near: &[&App]) -> Failure {
    let hint = match near.first() {
        Some(app) => format!("; did you mean {} (`{}`)?", visible(app.title(), 60), visible(&app.id, 100)),
        None => String::new(),
    };
    let told: Vec<Value> = near.iter().map(|a| json!({ "id": a.id, "name": a.title() })).collect();
    Failure::new(Code::Failed, format!("no app called `{}` is installed{hint}", visible(asked, 60)))
        .with(json!({ "not_found": asked, "near": told }))
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Failure {
        let code = match &error {
            LaunchError::NoProgram { .. } | LaunchError::NoTerminal(_) => Code::Unavailable,
            LaunchError::Gone(_) | LaunchError::Exec { .. } => Code::Failed,
        };
        Failure::new(code, visible(&error.to_string(), MAX_SHOWN))
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Failure {
        match error {
            StartError::NoDesktop => Failure::new(Code::Unavailable, StartError::NoDesktop.to_string())
                .with(json!({ "needs": Need::Desktop.words() })),
            StartError::Failed(what) => Failure::new(Code::Failed, visible(&what, MAX_SHOWN)),
            StartError::Bus(error) => error.into(),
        }
    }
}
