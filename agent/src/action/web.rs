//! Opening web pages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steward_policy::{ArgKind, OwnedArg, Risk, UrlFact};

use super::types::visible;
use super::{Capability, Example, Need, Perform, Ready, call, not_connected, say};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Opens a web address in the person's browser.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenUrl {
    /// The address, with `http://` or `https://`.
    pub url: Address,
}

/// A web address that was parsed as the URL standard says: `http` or `https`, with a host, without a user name.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Address(UrlFact);

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Address, String> {
        let fact = UrlFact::parse(&text).map_err(|e| e.to_string())?;
        match fact.scheme() {
            "http" | "https" => Ok(Address(fact)),
            other => Err(format!("`{}` addresses are not opened; use `http://` or `https://`", visible(other, 20))),
        }
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
    const ARGS: &'static [(&'static str, ArgKind)] = &[("url", ArgKind::Url)];
    const PHRASES: &'static [&'static str] = &[];
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

impl Perform for OpenUrl {
    const NEED: Need = Need::Desktop;

    fn sentence(&self) -> String {
        format!("Open {}", visible(self.url.0.as_str(), 200))
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("url", OwnedArg::Url(self.url.0.clone()))]
    }

    async fn run(&self, _cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        Err(not_connected(Self::NEED))
    }
}
