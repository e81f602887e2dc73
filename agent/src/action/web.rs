//! Opening web pages.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use steward_ipc::Code;
use steward_policy::{ArgKind, OwnedArg, Risk, UrlFact};

use super::app::{through_word, with_unit};
use super::types::visible;
use super::{Capability, Example, Look, Need, Perform, Ready, call, say};
use crate::backend::apps::start::Order;
use crate::backend::bus::BusError;
use crate::backend::dbus::portal::{CHOICE, Opened, Portal};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Opens a web address in the person's browser.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenUrl {
    /// The address, with its scheme, such as `https://example.com/`.
    pub url: Address,
}

/// An address that was parsed as the URL standard says, without a user name.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Address(UrlFact);

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Address, String> {
        UrlFact::parse(&text).map(Address).map_err(|e| e.to_string())
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.0.as_str().to_owned()
    }
}

impl Capability for OpenUrl {
    const NAME: &'static str = "open_url";
    const RISK: Risk = Risk::Reversible;
    /// Other schemes than `http` and `https` are opened only where a rule says so.
    const RISK_POSSIBLE: Risk = Risk::Critical;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("url", ArgKind::Url)];
    const PHRASES: &'static [&'static str] = &[
        "(open|open up|go to|go on|visit|browse|browse to|load|load up|navigate to|take me to|bring me to|show me|show|surf to|head to|\
         head over to|bring up|pull up|get me to|go on to|jump to|launch|get|view|send me to|point the browser to|point my browser to|lets \
         go to|go over to|goto|open the browser at|open the browser on|see|access|check out|look at|display|fetch|start|go and open|run|\
         call up|pop open|read|bring me over to|send me over to|take us to|direct me to|get me on|put up|lead me to|switch to|hop on|hop \
         over to|get to|point me to|guide me to|move to) [up] [the|this|that|a|my|a new] [new] [web] [site|website|tab with|tab at|tab to|\
         tab for|window with|browser at|browser with|browser window with|browser tab with|browser to|browser and go to|browser on|page|\
         webpage|web page|url|link|address|homepage|website at|page at|site at|url at|home page of|website of|homepage of|site called|\
         website called|page called|site named|website named] {url} [page|website|site|in the browser|in my browser|in a browser|in a new \
         tab|in firefox|in the web browser|on the web|in chrome|in a tab|in a new window|in the browser for me|in my web browser|in \
         chromium|with firefox|with chrome|using firefox|using chrome|on firefox|on chrome|in a browser tab|in a new browser tab|in \
         another tab|on my browser|on the browser|in the default browser|site]",
        "(open|start|launch|use) (firefox|chrome|chromium|a browser|the browser|my browser|the web browser|a web browser) [and] (to|at|on|\
         on the page|and go to|and open|and visit|and navigate to|and load|with|to go to|to visit|to open|to view) {url}",
        "{url}",
        "check {url}",
        "(<wish>|let me|let us) [to] (see|visit|go to|browse|read|look at|open|check) {url}",
        "<wish> {url} [open|opened|loaded|up|on screen|on the screen]",
        "(get|have|put|bring|pull) {url} (open|up|opened|loaded|on the screen|on screen|on my screen|in the browser|up on the screen) [for me]",
        "{url} [please] (open it|load it|visit it|go there|open that|take me there|open|please open it)",
        "(check|open|open up|show|show me|read|go to|visit|bring up|pull up|see|launch|load|take me to|look at|start) [my|the] (gmail|\
         google mail|g mail|gmail inbox|gmail account|gmail mail|gmail page|inbox on gmail|mail on gmail|email on gmail|emails on gmail) \
         => https://mail.google.com/",
        "(search|do a search|run a search|web search|search the web|search the internet|search online|search google|do a web search|do a \
         google search|run a web search|google search|search on google|make a web search|perform a web search|look online|look on the \
         internet|look on the web|look on google|search the net|run a google search) for {query} => \
         https://www.google.com/search?q={query}",
        "(search for|search|look up|look for) {query} (online|on the web|on the internet|on google|on the net|in google|with google) => \
         https://www.google.com/search?q={query}",
        "(google|look up|web search|google search|google for|search google|look up on the web|look up online) {query} => \
         https://www.google.com/search?q={query}",
        "(find) {query} (online|on the web|on the internet|on google) => https://www.google.com/search?q={query}",
        "(find|look|check|search) (me|up|out) {query} (online|on the web|on the internet|on google|on the net) => \
         https://www.google.com/search?q={query}",
        "(search|look) (the web|the internet|online|google|the net|on google|on the web|on the internet) (for|about|on) {query} => \
         https://www.google.com/search?q={query}",
        "(do|run|make|perform|start) (a|an) (google|web|internet|online) (search|lookup|query) (for|on|about) {query} => \
         https://www.google.com/search?q={query}",
        "(look|search) on the (web|internet|net) for {query} => https://www.google.com/search?q={query}",
        "(throw|put|pop|fire|crank|stick) (up|open) {url} [in the browser|in my browser|for me]",
        "(fire up|open up|start up|start|open) (the browser|my browser|firefox|chrome|a browser) (with|on|at|to|and go to|and load|and \
         open|and visit) {url}",
        "(can|could|may) (i|we) (see|visit|open|have|get|go to) {url}",
        "(check|look|peek|have a look|take a look) (out|at|in on|over at) {url}",
        "(hop|pop|jump|swing|run|drop) (over|on over|onto|into|by) [to] {url}",
        "{url} (please|pls|in the browser|in my browser|in firefox|in a new tab|in a tab)",
        "(point|direct|send|take|aim|navigate|steer) (me|us|firefox|chrome|chromium|the browser|my browser|a browser|the web browser) (to|\
         at|over to|toward|towards|onto) {url}",
        "(lets|i want to|id like to|i wanna|let us) (watch|look at|see|read|check|find) (something|stuff|things|a video|videos|some videos|\
         whats new|the news|whats happening|whats up) on {url}",
    ];
    const EXAMPLES: &'static [Example] = &[
        say("go to docs.openai.com", Some("https://docs.openai.com/")),
        say("open https://example.com/Path", Some("https://example.com/Path")),
        call(Some("https://mail.google.com/")),
    ];

    fn from_payload(payload: Option<&str>) -> Result<OpenUrl, Failure> {
        let text = payload.filter(|p| !p.is_empty()).ok_or_else(|| Failure::invalid_payload("missing url"))?;
        let url = Address::try_from(text.to_owned()).map_err(|e| Failure::invalid_payload(Self::invalid(&e)))?;
        Ok(OpenUrl { url })
    }

    fn payload(&self) -> Option<String> {
        Some(self.url.0.as_str().to_owned())
    }

    fn invalid(detail: &str) -> String {
        format!("invalid url: {detail}")
    }
}

/// The program that opens an address where there is no portal.
const XDG_OPEN: &str = "xdg-open";

impl Perform for OpenUrl {
    const NEED: Need = Need::Desktop;
    const PERSONAL: bool = true;
    /// The portal may ask the person which program is to be used.
    const DEADLINE: Duration = CHOICE.saturating_add(Duration::from_secs(30));

    fn sentence(&self) -> String {
        format!("Open {}", visible(self.url.0.as_str(), 200))
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("url", OwnedArg::Url(self.url.0.clone()))]
    }

    async fn look(&self, _cx: &Context<'_>) -> Result<Look, Failure> {
        let web = matches!(self.url.0.url().scheme(), "http" | "https");
        let risk = if web { Self::RISK } else { Self::RISK_POSSIBLE };
        Ok(Look { risk, facts: self.facts(), opened: None })
    }

    async fn run(&self, cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        let url = self.url.0.as_str();
        let shown = visible(url, 200);
        let says = format!("Opened {shown}.");
        match Portal(&cx.services.bus).open(url).await {
            Ok(Opened::Yes) => return Ok(Outcome::says(says).with(json!({ "url": url, "through": "portal" }))),
            Ok(Opened::Cancelled) => {
                let message = format!("the desktop asked, and {shown} was not opened because the person said no");
                return Err(Failure::new(Code::Failed, message).with(json!({ "cancelled": true, "through": "portal" })));
            }
            Ok(Opened::No) => {
                let message = format!("the desktop has no program that opens {shown}, or it could not be started");
                return Err(Failure::new(Code::Failed, message).with(json!({ "through": "portal" })));
            }
            Ok(Opened::NoChoice) => {
                let seconds = CHOICE.as_secs();
                let message = format!(
                    "the desktop asked for a program, and nobody chose one within {seconds} seconds; nothing was opened"
                );
                return Err(Failure::new(Code::TimedOut, message).with(json!({ "through": "portal" })));
            }
            // No portal: then the tool that every desktop has.
            Err(BusError::NoBus { .. } | BusError::NoService { .. }) => (),
            Err(e) => return Err(e.into()),
        }
        let apps = cx.services.seat.apps.clone();
        let looking = tokio::task::spawn_blocking(move || apps.program(XDG_OPEN));
        let found = looking.await.map_err(|e| Failure::internal(format!("looking for a program: {e}")))?;
        let Some(program) = found.and_then(|p| p.into_os_string().into_string().ok()) else {
            let message = "there is neither a desktop portal nor `xdg-open` to open it with; install `xdg-desktop-portal` or `xdg-utils`";
            return Err(Failure::new(Code::Unavailable, message).with(json!({ "needs": Self::NEED.words() })));
        };
        // An address begins with its scheme, so it is never taken for an option.
        let argv = [program, url.to_owned()];
        let title = format!("Open {shown}");
        let order = Order { id: XDG_OPEN, title: &title, argv: &argv, folder: None };
        let through = cx.services.seat.starter.start(&cx.services.bus, &order).await?;
        let data = json!({ "url": url, "through": XDG_OPEN, "started": through_word(&through) });
        Ok(Outcome::says(format!("{shown} was handed to `xdg-open`, which opens it in the browser."))
            .with(with_unit(data, &through)))
    }
}
