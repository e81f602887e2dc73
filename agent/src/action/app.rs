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
        "(open|open up|launch|fire up|boot up|spin up|start|start up|execute) {app} <here>",
        "(run|load|load up|bring up|pull up|pop open|pop up|call up|startup|get up) {known app} <here>",
        "(run|load|bring up|pull up|show|show me|display|switch to|go to|take me to|bring me to|get me to|jump to|use|i want to use|let me use|go into|navigate to|get into) {known app}",
        "(get) {app} (running|open|opened|going|started|up and running|up|launched)",
        "(get|have|bring) {known app} (up|on screen|on the screen)",
        "{app} [please] (open it|launch it|start it|fire it up|run it|open it up|start it up)",
        "(<open>|give me|get me|show me|i need|i want) (a|an|another) [new|fresh] terminal [window] => terminal",
        "(<open>|give me|get me|show me|i need|i want) (a|an|another) [new|fresh] (browser|web browser|internet browser) [window] => browser",
        "(<open>|give me|get me|show me|i need|i want) (a|an|another) [new|fresh] text editor [window] => text editor",
        "(<open>|give me|get me|show me|i need|i want) (a|an|another) [new|fresh] calculator [window] => calculator",
        "(<open>|give me|get me|show me|i need|i want) (a|an|another) [new|fresh] file manager [window] => file manager",
        "(i want|i need|i would like|id like) {known app} [to be] (open|opened|running|started|launched)",
        "(let me see|i want to see|let me have) {known app}",
        "(make|let) {known app} (run|start|open)",
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
