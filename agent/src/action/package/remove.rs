//! Removing packages.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steward_policy::{ArgKind, OwnedArg, Risk};

use super::{AFTER, Asked, BEFORE, comma_list, commit, fact, few, list, listed_names, names, present, shown};
use crate::action::{Capability, Example, Need, Perform, Ready, Shown, call, say};
use crate::backend::package::{Change, ManagerName, PackageName};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Removes packages; their configuration stays.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageRemove {
    /// The packages' names.
    #[serde(deserialize_with = "list")]
    #[schemars(with = "Vec<String>", length(min = 1, max = 64))]
    pub packages: Vec<PackageName>,
    /// The package manager that did what is put back, as `undo` asks for it; one that the configuration names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub by: Option<ManagerName>,
}

impl Capability for PackageRemove {
    const NAME: &'static str = "package_remove";
    const RISK: Risk = Risk::Destructive;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("packages", ArgKind::List)];
    const PHRASES: &'static [&'static str] = &[
        "(uninstall|deinstall|un-install|un install|unistall|uninstal|purge) [both|all of] {packages} <off here>",
        "(remove|purge|delete|erase|get rid of|throw out|throw away|rip out|wipe|kick out|dump|ditch|drop|clean out|take out|scrap|trash|\
         nuke) {known packages} <off here>",
        "(apt|apt get|apt-get|aptitude|dnf|yum|zypper|pacman) (remove|purge|uninstall) {packages}",
        "(take|get|kick|throw|wipe|pull|strip|scrub|clear|clean|boot|rip|remove) {known packages} (off|off of|from|out of) ((this|the|my|\
         our) (<machine>|device|thing)|this (server|host|node))",
        "(take off|get off|toss|toss out|pull|strip out|kill off|clear out|clear off|take away|clean up|eliminate|expunge|do away with|\
         strip|be rid of|banish|axe) {known packages} <off here>",
        "(take|get|throw|toss|kick|rip|pull|chuck|boot|clear|clean|tear) {known packages} (off|off here|out|out of here|off of here|away|right out)",
        "(remove|uninstall|get rid of|delete|purge) {known packages} on (this|the|my|our) (<machine>|device)",
        "(get|have|lets get|lets have) {packages} (uninstalled|removed|deleted|purged) <off here>",
        "<wish> {packages} [to be] (gone|removed|uninstalled|deleted|off this machine|off this computer|off my computer|off my system|off \
         the machine|off the system) <off here>",
        "{packages} [really|just] (has to go|has got to go|have got to go|gotta go|must go|needs to go|have to go|need to go)",
        "{packages} [really|just] (has to go|has got to go|have got to go|gotta go|must go|needs to go|should go|can go|have to go|need to \
         go|ought to go|can be removed|can be uninstalled) [so] [please|please just|just] (remove it|uninstall it|get rid of it|delete it|\
         take it off|remove them|uninstall them|purge it)",
        "{packages} is (no longer needed|not needed|not needed anymore|unnecessary|useless|unused|not used|rubbish|garbage|bloat|bloatware|\
         junk|no longer used|no longer necessary|not needed any more|too big|annoying|not working) [so|please] (remove it|uninstall it|get \
         rid of it|delete it|take it off)",
        "(remove|uninstall|delete) {packages} (using|with|via|through) (apt|apt get|the package manager|dnf|pacman|flatpak|my package manager)",
        "{packages} [please] (uninstall it|remove it|get rid of it|uninstall them|remove them)",
        "(remove and purge|uninstall and purge|completely remove|fully remove|totally remove|completely uninstall|fully uninstall|remove \
         completely|permanently remove|permanently uninstall|uninstall completely) {packages} <off here>",
        "(i dont need|i no longer need|i dont want|i no longer want|i dont use|i never use|i no longer use|im done with|i am done with|i \
         dont like|i hate|we dont need|we no longer need|i do not need|i do not use|i do not want|im sick of|i am sick of|im tired of|no \
         one uses|nobody uses) {packages} [anymore|any more|any longer|at all] [so|please] (remove it|remove them|uninstall them|take it \
         off|purge it|please remove it|please uninstall it|uninstall it|get rid of it|delete it)",
        "(remove|delete|get rid of|wipe|purge|erase|take|strip|clear|kick|throw|scrub) {packages} (from|off|off of|out of) (this|the|my|\
         our) (<machine>)",
        "(remove|delete|get rid of|erase|purge|wipe) (the following [packages|programs|apps]|these (packages|programs|apps)|these|those|\
         both|the packages|the apps|the programs) {packages} <off here>",
        "(let go of|free me of|free me from|rid me of|rid this machine of|rid my computer of|rid this computer of|rid my system of) {known packages}",
        "<wish> to (uninstall|deinstall) {packages} <off here>",
        "<wish> to (remove|delete|get rid of|purge|ditch|drop) {known packages} <off here>",
        "(id rather not have|i would rather not have|i dont want|i dont want to have|i no longer want to have) {packages} (on here|here|on \
         this machine|on this computer|on my computer|on my laptop|on this laptop|installed) [anymore|any more|any longer] [so] [please] \
         (uninstall it|remove it|take it off|get rid of it|delete it)",
        "(<unneeded>) {packages} <off here> [anymore|any more|any longer|at all|now] [so] [please|just] (remove it|remove them|uninstall \
         it|uninstall them|get rid of it|delete it|take it off|purge it|ditch it|dump it)",
        "(see to it that|make sure that|make sure|ensure) {packages} (is|are|gets|get) (removed|uninstalled|deleted|gone) <off here>",
        "(remove|uninstall|delete) (completely|entirely|fully) {known packages}",
        "(clean up|clean house|do some cleaning|spring cleaning) (remove|uninstall|delete) {known packages}",
        "no more {known packages} [on (this|my|the) <machine>] [please] (remove it|uninstall it|get rid of it)",
        "{packages} (uninstall|remove|delete) (both|all three|all|all of them|both of them|all of these|all four)",
        "(uninstall|remove|delete|get rid of) (that|those) {packages} (program|app|package|application|software|tool|thing|programs|packages|apps)",
        "{packages} (isnt|is not|arent|are not) (needed|used|wanted|necessary|required|useful) [any more|anymore|any longer|now] [so] \
         [please|just] (remove it|uninstall it|get rid of it|delete it|take it off|remove them|uninstall them|purge it)",
        "(say goodbye to|goodbye to|bye bye|farewell to) {packages} [please] (uninstall it|remove it|delete it|get rid of it)",
    ];
    const EXAMPLES: &'static [Example] =
        &[say("remove htop", Some("htop")), say("uninstall vim and curl", Some("vim,curl")), call(Some("htop"))];

    fn from_payload(payload: Option<&str>) -> Result<PackageRemove, Failure> {
        Ok(PackageRemove { packages: names(payload)?, by: None })
    }

    fn bounded(&self) -> Result<(), Failure> {
        few(self.packages.len())
    }

    fn payload(&self) -> Option<String> {
        if self.by.is_some() { None } else { Some(comma_list(&self.packages)) }
    }
}

impl Perform for PackageRemove {
    const NEED: Need = Need::Packages;
    const UNDO: &'static str = "installs the same versions";
    const DEADLINE: Duration = BEFORE;
    const AFTER_FIRST_CHANGE: Duration = AFTER;
    const PREVIEW_DEADLINE: Duration = Duration::from_secs(30);
    const HELD_TO_PREVIEW: bool = true;

    fn sentence(&self) -> String {
        format!("Remove {}", listed_names(&self.packages))
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        fact(&self.packages)
    }

    async fn mean(&mut self, cx: &Context<'_>) -> Result<(), Failure> {
        self.packages = cx.services.packages.meant(&self.packages, self.by).await?;
        Ok(())
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        let transaction = cx.services.packages.simulate(&Change::Remove(self.packages.clone()), self.by).await?;
        Ok(shown(transaction, Asked::ToGo(&self.packages)))
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        commit(cx, ready, true).await
    }

    async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
        present(cx, self.packages.iter().cloned(), self.by).await
    }
}
