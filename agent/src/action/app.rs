//! Starting programs of the desktop.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steward_policy::{ArgKind, OwnedArg, Risk};

use super::types::{is_hidden, visible};
use super::{Capability, Example, Need, Perform, Ready, call, not_connected, say};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// The longest name of an app, in bytes (a file name's limit, without `.desktop`).
const MAX_NAME: usize = 247;

/// Starts an app of the desktop.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenApp {
    /// The desktop entry's id, or the app's name.
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
    const ARGS: &'static [(&'static str, ArgKind)] = &[("app", ArgKind::Text)];
    const PHRASES: &'static [&'static str] = &[
        "(open|open up|launch|fire up|boot up|spin up|start|start up|execute|lunch) {app} <here>",
        "(open|open up|launch|fire up|start|start up|run) (up|me|the program called|the app called|the application called|the application named|a new instance of|a new window of|an instance of|a window of|another instance of|another window of|the program named) {app} <here>",
        "(run|load|load up|bring up|pull up|pop open|pop up|call up|startup|get up|throw up|put up|crank up|bring out) {known app} [up] <here>",
        "(get|get me|give me|fetch me|bring me) {known app} (open|opened|running|going|on screen|on the screen)",
        "<wish> (the|my) (calculator|calculator app) => calculator",
        "<wish> (the|my) (terminal|terminal app|terminal window|command line) => terminal",
        "<wish> (the|my) (browser|web browser) => browser",
        "<wish> (the|my) (file manager|file browser) => file manager",
        "<wish> (the|my) (settings|settings app) => settings",
        "(run|load|bring up|pull up|show|show me|display|switch to|go to|take me to|bring me to|get me to|jump to|use|i want to use|let me use|go into|navigate to|get into|head to|hop into|jump into|move to|take us to|open me|i need to use|i need to open|id like to use|i would like to use|i wanna use|let me into|lets use|lets open|get me into|bring me into|i need to get into|i want to get into|get back to|go back to|show up|see|view|bring me|access) {known app}",
        "(get|have|lets get|i want|i need|keep) {app} (running|open|opened|going|started|up and running|up|launched|started up|loaded|fired up) [for me]",
        "(get|have|bring|put|pull|show|throw) {known app} (up|on screen|on the screen|on my screen|to the front|up on screen|up on the screen|in front)",
        "{app} [please] (open it|launch it|start it|fire it up|run it|open it up|start it up|please open it|please open|open|open up|launch|start)",
        "<wish> {known app} [please] (open it|launch it|start it|fire it up|run it|open it up|start it up)",
        "(<open>|<open> me|<open> up|<wish>|show me) (a|an|another) [new|fresh] terminal [window] => terminal",
        "(<open>|<open> me|<open> up|<wish>|show me) (a|an|another) [new|fresh] (browser|web browser|internet browser) [window] => browser",
        "(<open>|<open> me|<open> up|<wish>|show me) (a|an|another) [new|fresh] text editor [window] => text editor",
        "(<open>|<open> me|<open> up|<wish>|show me) (a|an|another) [new|fresh] calculator [window] => calculator",
        "(<open>|<open> me|<open> up|<wish>|show me) (a|an|another) [new|fresh] file manager [window] => file manager",
        "<wish> {known app} [to be|to get] (open|opened|running|started|launched|up|opened up|started up|up and running|loaded)",
        "{known app} <should be> (open|opened|running|started|launched)",
        "(let me see|i want to see|let me have) {known app}",
        "(make|let|have) {known app} (run|start|open|launch|appear|come up)",
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

    fn sentence(&self) -> String {
        format!("Start `{}`", visible(&self.app.0, 100))
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("app", OwnedArg::Text(self.app.0.clone()))]
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}
