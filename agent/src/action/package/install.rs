//! Installing packages, and bringing back what an undo names.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steward_policy::{ArgKind, OwnedArg, Risk};

use super::{AFTER, Asked, BEFORE, comma_list, commit, fact, few, list, listed_names, names, present, shown};
use crate::action::{Capability, Example, Need, Perform, Ready, Shown, call, say};
use crate::backend::package::{Change, Exact, ManagerName, PackageName};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Installs packages.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageInstall {
    /// The packages' names.
    #[serde(deserialize_with = "list")]
    #[schemars(with = "Vec<String>", length(min = 1, max = 64))]
    pub packages: Vec<PackageName>,
    /// What is to come back and to go again, as `undo` asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<Back>,
    /// The package manager that did what is put back, as `undo` asks for it; one that the configuration names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub by: Option<ManagerName>,
}

/// Exact versions to bring back, and what has to go for them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Back {
    /// What comes back.
    #[schemars(with = "Vec<Value>")]
    pub install: Vec<Exact>,
    /// What goes.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub remove: Vec<PackageName>,
}

impl Capability for PackageInstall {
    const NAME: &'static str = "package_install";
    const RISK: Risk = Risk::Disruptive;
    const RISK_POSSIBLE: Risk = Risk::Destructive;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("packages", ArgKind::List)];
    const PHRASES: &'static [&'static str] = &[
        "(install|reinstall|re-install) [and set up] {packages} <here>",
        "(i think|i believe) we should install {packages} <here>",
        "install (it|this|that|the following|these) {packages} <here>",
        "(download|fetch|get|grab|go|find|search for|look for) [me] and (install|set up|setup|add) {packages} <here>",
        "(download|fetch|get|grab|find) {packages} and install (it|them) <here>",
        "(install|put in) (a copy of|the latest version of|the latest|the newest|the newest version of|the current version of|the program \
         called|the software called|a (package|program|app|tool|application) (called|named|by the name of)|both|all of|all of these|these|\
         the following|(for me|for us) the package|(for me|for us)) {packages} <here>",
        "install (me|us) [some|a] {packages} <here>",
        "(go|come) install {packages} <here>",
        "(set|hook|fix) (me|us) up with (a|an|another) [fresh|new|clean|working] (install|installation|copy|version) of {packages} <here>",
        "(grab|get|fetch|download) {known packages} [for me|for us] from (the|our|my) (repos|repositories|repo|archive|package manager)",
        "(set|hook|fix) (me|us|this machine|my machine|this computer|my computer) up with {known packages}",
        "(equip|provision|furnish) (this machine|my machine|this computer|my computer|this laptop|my laptop|the computer) with {known packages}",
        "get {known packages} and (put|install|set up) (it|them) <here>",
        "(get|grab|fetch|download) [me] (a copy of|[the] (latest|newest|current|most recent) [version of|release of]) {known packages} <here>",
        "install and (set up|setup|configure) {packages} <here>",
        "(apt|apt get|apt-get|aptitude|dnf|yum|zypper|pacman) install {packages}",
        "(get|have|lets get|lets have|can we get|could we get|can you get|could you get|can i get|could i get|can i have|could i have|can \
         we have) {packages} installed <here>",
        "<wish> {packages} [to be] (installed|set up|added) <here>",
        "<wish> {known packages} [added|put] (on|to|onto|in) (this|the|my|our) (<machine>|device)",
        "<wish> {known packages} on (here|this|it)",
        "(i want|i need|i would like|id like|we need|we want|get|grab|fetch|add|get me|grab me|give me|fetch me|i want to have|id like to \
         have|i need to have|pull in|bring in|install me|go get) {known packages}",
        "(<wish>|i am missing|im missing|i need to use|i want to use) {packages} [please] (install it|install them|please install it|\
         please install them|so install it|get it installed)",
        "{packages} is (missing|not installed|not here|gone) [please] (install it|please install it|add it)",
        "(make sure|ensure|see to it) [that] {packages} (is|are|gets|get) installed <here>",
        "(do|perform|run|start|begin) {packages} installation",
        "(install|installation of) {packages} (using|with|via|through|from) (apt|apt get|the package manager|dnf|pacman|flatpak|my package \
         manager|the software center|the repos|the repositories|the repo)",
        "(add|put|get|place|download|set up|setup|stick|throw|drop|bring|pop|chuck|slap|toss) {known packages} (to|on|onto|in|into|for) \
         (this|the|my|our) (<machine>|device|thing)",
        "(put|get|stick|throw|pop|drop|chuck|add|load|set up) {known packages} on (here|this|it)",
        "(set up|setup|download|fetch|get) {known packages} (for|on) (this|the|my|our) (<machine>|device)",
        "(set up|setup|download|fetch) {known packages} [for me|please|now]",
        "i require {packages} [installed] <here>",
        "{packages} (install it|install them|please install it|please install them|install that|install those)",
        "(do|perform|run|start) (an install|the installation|an installation|the install) of {packages}",
        "(make|make sure) {packages} (available|installed) <here>",
        "(load|slap|whack|bung) {known packages} (on|onto|on to) (this|the|my|our) (<machine>|device)",
        "(get|have) (hold of|ahold of) {known packages} [for me] and install (it|them) <here>",
        "(get|make) {packages} (going|running|working|available|ready|set up) on (this|the|my|our) (<machine>|device) [can you install it|install it]",
        "(i am|im|we are|were) (missing|lacking|in need of|needing|short of|without) {packages} <here> [so|can you|could you|please] \
         [please] (install it|install them|install|get it installed|add it)",
        "(i could|i can|we could) [really|do] (use|do with) {packages} <here> [so|can you|could you|please] [please] (install it|install \
         them|install|get it installed|add it)",
        "<wish> {packages} <here> [so|can you|could you|please] [please] (install it|install them|install|get it installed|add it)",
        "<wish> to (install|add) {packages} <here>",
        "<wish> to (have|get) {packages} installed <here>",
        "(me|i|we) want install {packages}",
        "(sort|hook|fix|kit) (me|us) (out|up) with {known packages}",
        "(go ahead with|proceed with|start|begin|do) (the|an) (install|installation) of {packages}",
        "(go and|go) (get|fetch|grab) {known packages} <here>",
        "(bring|pull) (in|down) {known packages} <here>",
        "{packages} (install|get|add) (both|all three|all|all of them|both of them|all of these|all four|the lot)",
        "install (all|both|all three|both of) [of] {packages} <here>",
        "set {known packages} up <here>",
        "install the {packages} (shell|editor|browser|player|package|app|program|tool|database|server|client|compiler|language|terminal|\
         suite|game|utility) <here>",
        "(make sure|ensure) [that] {packages} (is|are) (there|present|available|set up|in place) <here>",
        "(go and|go) (get|fetch|grab|download) {packages} and install (it|them) <here>",
        "install {packages} and (nothing else|only that|just that|that is all|thats all|thats it)",
        "{packages} [please] (need|needs) (installing|to be installed) [please|now] [on (this|my|the) <machine>|here|on here] (please|now)",
        "(do|perform|run) (a|an) [quick|clean|fresh|full] (install|installation) of {packages} <here>",
        "(go|go and) (grab|get|fetch) {known packages} from the (repos|repositories|repo|package manager) [and install it]",
    ];
    const EXAMPLES: &'static [Example] = &[
        say("install vim and curl", Some("vim,curl")),
        say("please install htop", Some("htop")),
        call(Some("vim,curl")),
    ];

    fn from_payload(payload: Option<&str>) -> Result<PackageInstall, Failure> {
        Ok(PackageInstall { packages: names(payload)?, back: None, by: None })
    }

    fn bounded(&self) -> Result<(), Failure> {
        few(self.packages.len())?;
        let Some(back) = &self.back else { return Ok(()) };
        few(back.install.len().max(back.remove.len()))?;
        // What was written down here is what a manager said; flatpak takes any words of an application's maker for a version.
        match back.install.iter().find(|exact| !exact.is_plain()) {
            Some(exact) => Err(Failure::invalid_payload(format!(
                "`{}` is no version",
                crate::action::types::visible(&exact.version, 40)
            ))),
            None => Ok(()),
        }
    }

    fn payload(&self) -> Option<String> {
        if self.back.is_some() || self.by.is_some() { None } else { Some(comma_list(&self.packages)) }
    }
}

impl PackageInstall {
    fn change(&self) -> Result<Change, Failure> {
        let Some(back) = &self.back else { return Ok(Change::Install(self.packages.clone())) };
        let named: Vec<&PackageName> = back.install.iter().map(|e| &e.name).collect();
        if named != self.packages.iter().collect::<Vec<_>>() {
            return Err(Failure::invalid_payload("`packages` and `back.install` must name the same packages"));
        }
        Ok(Change::Restore { remove: back.remove.clone(), install: back.install.clone() })
    }
}

impl Perform for PackageInstall {
    const NEED: Need = Need::Packages;
    const UNDO: &'static str = "removes what was newly installed";
    const DEADLINE: Duration = BEFORE;
    const AFTER_FIRST_CHANGE: Duration = AFTER;
    const PREVIEW_DEADLINE: Duration = Duration::from_secs(30);
    const HELD_TO_PREVIEW: bool = true;

    fn sentence(&self) -> String {
        format!("Install {}", listed_names(&self.packages))
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        fact(&self.packages)
    }

    async fn mean(&mut self, cx: &Context<'_>) -> Result<(), Failure> {
        // An undo names what it means.
        if self.back.is_none() {
            self.packages = cx.services.packages.meant(&self.packages, self.by).await?;
        }
        Ok(())
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        let transaction = cx.services.packages.simulate(&self.change()?, self.by).await?;
        Ok(shown(transaction, Asked::ToCome(&self.packages)))
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        commit(cx, ready, true).await
    }

    async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
        let gone = self.back.iter().flat_map(|b| b.remove.iter().cloned());
        present(cx, self.packages.iter().cloned().chain(gone), self.by).await
    }
}
