//! Bringing everything up to date.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steward_policy::{ArgKind, OwnedArg, Risk};

use super::{AFTER, Asked, BEFORE, commit, followed, shown};
use crate::action::types::visible;
use crate::action::{Capability, Example, Need, Perform, Ready, Shown, call, say};
use crate::backend::package::Change;
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Brings all packages to their newest versions; nothing is removed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SystemUpdate {
    /// The channel; `stable` is the one there is.
    #[serde(default)]
    pub channel: Channel,
}

/// Where updates come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// What the machine's package sources offer.
    #[default]
    Stable,
}

impl Capability for SystemUpdate {
    const NAME: &'static str = "system_update";
    const RISK: Risk = Risk::Disruptive;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("channel", ArgKind::Text)];
    const PHRASES: &'static [&'static str] = &[
        "(update|upgrade|patch|refresh|update and upgrade|upgrade and update|refresh and upgrade|refresh and update|fully update|fully \
         upgrade|bring up to date|freshen up|freshen|modernize|up date|up grade|patch up|refresh and patch|sync and upgrade) <all \
         software> <here> => stable",
        "(update|upgrade|update now|upgrade now|update and upgrade|update please and upgrade|update all|upgrade all|apply updates|install \
         updates|run apt update and upgrade|run apt upgrade|apt update and apt upgrade|pull the latest packages and upgrade|get the latest \
         packages and upgrade|make sure i have the latest updates|make sure all updates are installed|make sure the latest updates are \
         installed|make sure everything is updated|update everything now|self update) => stable",
        "(install|apply|get|fetch|download|download and install|fetch and apply|fetch and install|get and install|pull|pull and install|\
         pull in|grab|run|do|perform|download and apply|roll out) <updates> <here> => stable",
        "(run|do|perform|start|make|apply|launch|begin|execute|install|get|carry out|give me|kick off) (a|the) [full|complete|quick|whole] \
         (system update|system upgrade|software update|update|upgrade|package upgrade|package update|full upgrade|os update|security \
         update|distro upgrade|os upgrade|software upgrade|updates) (of|on|for) (the|my|this) (<machine>|packages|software) => stable",
        "(run|do|perform|start|make|apply|launch|begin|execute|carry out|kick off|give me|go ahead with|proceed with|continue with|go for|\
         initiate|trigger) (a|the) [full|complete|quick|whole] (system update|system upgrade|software update|package upgrade|package \
         update|full upgrade|os update|distro upgrade|os upgrade|software upgrade|full update|upgrade|update) => stable",
        "[a|the] (system|software|package|os|full|full system|complete system|complete|whole system) (update|upgrade|updates|upgrades) => stable",
        "(bring|get|make|keep|put|make sure|ensure|ensure that|make sure that|see that|see to it that|check that) <all software> [is|are|\
         gets|get|all] [all|fully] (up to date|up to speed|updated|upgraded|current|patched|to the latest version|to the latest versions|\
         fully updated) => stable",
        "(apt|apt get|apt-get|dnf|yum|aptitude) (upgrade|update|dist-upgrade|full-upgrade|update and upgrade) => stable",
        "(update|upgrade) (to) [the] (latest|newest) (version|versions|packages|software|release) => stable",
        "(update|upgrade|patch) (everything|anything|all|whatever) [that] (thats|is|that is|are|that are) (outdated|out of date|old|behind|stale) \
         => stable",
        "(update|upgrade|patch) (all|all of the|the|any|my) (outdated|upgradable|upgradeable|stale) (packages|software|programs|apps) => stable",
        "(update|upgrade|patch) <all software> to [the|their|its] (latest|newest) [version|versions|packages|software] => stable",
        "<wish> <all software> [to be|to get] (updated|upgraded|patched|up to date|brought up to date) => stable",
        "(get|fetch|install|grab) [me] [the] (latest|newest) (versions|packages|software|software versions|package versions|patches|\
         security patches|security fixes|fixes) [of everything|of all packages|for everything|of all software] <here> => stable",
        "(fetch|get|download|grab|pull|take) <updates> and (install|apply|run|set up) (them|those|it) <here> => stable",
        "(check for|look for|search for|see if there are|find) [any|new|the|the latest|available|all] [software|system] updates and \
         (install|apply|run|get|download|perform|do) (them|those|any|all|all of them|everything|whatever is there) => stable",
        "<wish> (a|to do a|to run a|to perform a) [full|complete] (system update|system upgrade|software update|update|upgrade|os update) => stable",
        "<wish> [the|all|all the] [latest] (updates|upgrades|patches|software updates|system updates|security updates) [installed|applied] \
         [please] <here> => stable",
        "<all software> (<should be>|needs|needs an|need|needs some) (updated|upgraded|updating|upgrading|update|upgrade|updates|patched|\
         patching|brought up to date) [so] [please] (do it|update it|go ahead|so update it|do that|install them|run it) => stable",
        "(run|do|perform|start|make|apply|launch|begin|execute|carry out|kick off|give me) an [os|entire|overall] (update|upgrade) [of|on|\
         for] [the|my|this] [<machine>|everything] => stable",
        "(run|do|perform|start|begin|launch) (updates|upgrades|system updates|software updates|all updates|all the updates|all upgrades|\
         system maintenance updates) [please|now] <here> => stable",
        "<all software> is (out of date|outdated|old|behind|not up to date) [please] (update it|upgrade it|bring it up to date|patch it|\
         please update it) => stable",
        "(update|upgrade) (my|the|this) (<machine>) (software|packages|os|operating system|apps|programs) => stable",
        "(get|have) <all software> (on|to) the (latest|newest) (version|versions|release) => stable",
        "(install|get|apply|download) (whatever|any|all|everything) (updates|is available|updates are available|new updates|updates there \
         are|updates are there|that needs updating|new versions) [there are|are available|available|exist] => stable",
        "(install|apply) [the|all|all the] [latest] (patches|security patches|security fixes|upgrades) <here> => stable",
        "(pull down|pull in|suck in|slurp up|bring in|roll in|push through|take in|go get|fetch me|get me|grab me) <updates> <here> => stable",
        "(update|upgrade|patch|refresh) (this thing|this puppy|this bad boy|this baby|this beast|this whole thing|all the things|the whole \
         lot|whatever needs updating|whatever can be updated|whatever is outdated|anything outdated|anything that needs it|outdated \
         packages|all outdated packages|the outdated packages) => stable",
        "(check for|look for|see if there are) [any|new] [system|software] updates and [then] [please] (install|apply|run|get) (them|those|\
         any|all|everything|whatever you find|what you find|what there is|whats there|all of them) <here> => stable",
        "(make sure|ensure|see to it|make sure that|ensure that) [everything|everythings|all software|my system|this machine|the system|\
         this computer|my computer|all packages|my packages|my software|my apps] [is|are] [fully] (up to date|current|patched|updated) \
         <here> => stable",
        "(keep|get) [me|us|everything|the system|my system|this machine|things] (up to date|current|fully patched) [update it|update \
         everything] => stable",
        "(time to|time for|its time for|lets do|lets run|lets have) (update|updates|upgrade|an update|an upgrade|a system update|a system \
         upgrade|some updates|a full update|the updates|system updates) => stable",
        "(run|start|fire up|kick off|launch|do|trigger) (the|my) (updater|update manager|package manager update|updates|upgrades|system \
         update|upgrade) [now] => stable",
        "<wish> to (update|upgrade|patch) <all software> => stable",
        "(go ahead with|proceed with|do|perform|run|start|begin) the (upgrade|update) of <all software> => stable",
        "(make sure|ensure|see to it) [that] (all|all my|all the|my) (packages|software|apps|programs) (are|is|get) (upgraded|updated|\
         brought) [up] to [the] (newest|latest|date|latest version|newest version|latest versions) => stable",
        "(get|install|apply|pull|grab|fetch|download) (all|all of|every one of) (the|my) [latest|newest|available|pending|security|system] \
         (patches|updates|upgrades|fixes|bug fixes) <here> => stable",
        "(make sure|ensure|see to it) [that] (im|i am|were|we are|the system is|this machine is|this computer is|everything is) (running|\
         on|using|at) [the] (latest|newest|most recent|current) (versions|version|packages|software|updates|releases|patches) <here> => \
         stable",
        "(do|perform|run|start|carry out|execute|begin|initiate|launch) (a|an|the) [full|complete|quick|whole|general|system wide] (update|\
         upgrade|refresh) (of|on|for) <all software> => stable",
        "(get|have) <updates> (installed|applied|done|in|put in) <here> => stable",
    ];
    const EXAMPLES: &'static [Example] =
        &[say("update the system", Some("stable")), say("install all updates", Some("stable")), call(Some("stable"))];

    fn from_payload(payload: Option<&str>) -> Result<SystemUpdate, Failure> {
        match payload {
            None | Some("" | "stable") => Ok(SystemUpdate::default()),
            Some(other) => {
                let message = format!("there is no channel `{}`; the channel is `stable`", visible(other, 40));
                Err(Failure::invalid_payload(message))
            }
        }
    }

    fn payload(&self) -> Option<String> {
        Some("stable".to_owned())
    }
}

impl Perform for SystemUpdate {
    const NEED: Need = Need::Packages;
    const DEADLINE: Duration = BEFORE;
    const AFTER_FIRST_CHANGE: Duration = AFTER;
    /// With the time to fetch the index, where it is old.
    const PREVIEW_DEADLINE: Duration = Duration::from_secs(180);
    const HELD_TO_PREVIEW: bool = true;

    fn sentence(&self) -> String {
        "Bring all packages to their newest versions".to_owned()
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("channel", OwnedArg::Text("stable".to_owned()))]
    }

    /// The index belongs to the preview; what is released installs the versions that were shown.
    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        let manager = &cx.services.packages;
        followed(cx, async |progress| manager.refresh(cx.services.lock_wait, &progress).await.map(|_| ())).await?;
        let transaction = manager.simulate(&Change::Upgrade, None).await?;
        Ok(shown(transaction, Asked::Everything))
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        // The older versions are often not to be had any more, and what they need may have come with the newer ones.
        commit(cx, ready, false).await
    }
}
