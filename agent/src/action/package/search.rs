//! Looking for packages; changes nothing and needs no root.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use steward_policy::{ArgKind, OwnedArg, Risk};

use crate::action::types::{count, listed, visible};
use crate::action::{Capability, Example, Need, Perform, Ready, call, say};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Looks for packages by words in their names and descriptions.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageSearch {
    /// The words; a package must have all of them.
    pub words: String,
}

/// The longest search, in bytes.
const MAX_SEARCH: usize = 200;

impl Capability for PackageSearch {
    const NAME: &'static str = "package_search";
    const RISK: Risk = Risk::Observe;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("words", ArgKind::Text)];
    const PHRASES: &'static [&'static str] = &[
        "(search|look|find|hunt|check) [for] [a|any|the|some] (package|packages|program|programs|app|apps|software|tool|tools) (called|\
         named|for|like|about|to|that does|matching) {words}",
        "(search|look through|look in|search in|search through|browse) [the|my|all] (packages|package archive|package index|repositories|\
         repos|package repositories|package list|available packages|software archive|archive|software center|apt|package manager) for \
         {words}",
        "(search|look) for {words} in [the] (packages|package archive|package index|repositories|repos|package repositories|software \
         center|software archive|archive|package manager|apt)",
        "(apt|apt-cache|apt cache|dnf|yum|zypper) search {words}",
        "(is there|are there|do you have|do you know|can you find) (a|any|some) (package|packages|program|programs|app|apps|software|tool) \
         (called|named|for|like|about|that does) {words}",
        "(search|look|find|find me|search for|look for|hunt for|show me|get me a list of|list) [me] [for] (a|any|some|the|all|available|\
         all available)  {words} (package|packages) => {words}",
        "(search|look|hunt|search for|look for) [for] {words} packages => {words}",
        "(what|which) (package|packages|program|programs|tool|tools|software) (can|does|do|offers) {words}",
        "(search|package search|search packages|search package|find package|find packages|search apps|search software) [for] the package {words}",
        "(package search|search packages|find packages|search package|find package|search software) [for] {words}",
        "(any|are there any|is there any|got any|have you got any|do we have any|know any) (packages|package|programs|software|apps|tools) \
         (for|called|named|about|like) {words} [available|out there|in the repos|i can install|in the repositories]",
        "(search|look|check|go|dig|hunt) (through|in|around in) (the|my|all) (repos|repositories|package repos|repo|archive|package list|\
         software center|app store|package manager) for [a|any|some] {words} [package|packages]",
        "(search|look|hunt|browse) [for] {words} in [the] (repos|repo|repository|distro repos|software sources|apt|app store|package index)",
        "(what|which) [kind of] (packages|programs|software|apps|tools) [are there that|that|can i install that|are available that|do you \
         have that] (can|do|does|contain|match|mention|have|handle|handles|make|edit|play|read|convert) {words}",
        "(look up|look for|find|search for|check) [a|an|the|some|any] {words} (package|packages|in the package list) [for me|in the repos|\
         in the repositories|in the archive]",
        "(search|find|look up|query) (packages|package|software|apps) (matching|with|containing|about|related to|for|by the name|named|\
         called|by name) {words}",
        "(is|are) {words} (available as a package|in the repos|in the repositories|in the repo|in the package archive|available in the repos|packaged)",
        "(see|check|find out|tell me) if (there is|theres|there are) (a|any|some) (package|packages|program|tool) (for|called|named) {words}",
        "(find|look for|search for|look up|find me|show me|i need|im looking for|i am looking for|looking for|im after|i want) (a|any|\
         some) (package|packages|program|programs|tool|tools|software|app|apps) (that|which|to|that can|which can|that will|for) {words} \
         [please search|search|find one|search for one|please look|in the repos|in the repositories]",
        "(search|search for|search through|look through|check|browse) [the] [available|all|all available] (software|packages|programs|apps|\
         repos|repositories) [for] {words}",
        "(see|check|find out) (if|whether) (the|our|my) (repos|repositories|repo|package manager|archive|distro|software center) (have|has|\
         contain|contains|carry|carries|offer|offers|ship|ships) (a|any|anything|something|a package|a program|a tool|some package) \
         (called|named|for|like|about) {words}",
        "(do|run|perform|make) (a|an) [package] (search|lookup|query) (for|on) {words} in the (repositories|repos|repo|archive|package \
         list|package archive|software center)",
        "(do|run|perform|make) (a|an) package (search|lookup|query) (for|on) {words}",
        "(search|look|check) the (repos|repositories|archive|package archive) for {words}",
        "(are|is) there (any|a|some) {words} (packages|package) [available|in the repos|in the repositories]",
        "(what|which) {words} packages (are there|are available|exist|can i install|do you have)",
        "<ask> [all|any|some|the|me|available] (packages|package|programs|software|apps|tools|package list) (for|about|related to|named|\
         called|matching|with|containing|to do with|like|that match|that mention|that do|that can) {words} [in the repos|in the \
         repositories|please]",
        "(search|query|look|look through|search through|look up|look in|dig through|hunt through|scan|browse|comb) [through|in] [the|our|\
         my] [package|software|debian|ubuntu|apt] (repos|repo|repositories|repository|archive|index|database|catalog|catalogue|packages|\
         package list|sources|manager|store|software center) [to find|for|and find|to see if there is|about] [a|an|any|something called|\
         anything called|anything about|something like|stuff about|packages for|a package for] {words}",
        "(find|search|search for|look for|look up|hunt for|hunt down|locate|seek) [me] [out] [a|an|the|any|some] {words} (package|\
         packages) [for me|in the repos|in the repositories]",
        "(find|search for|look for|look up|locate|hunt for) [me] [a|an|any|some] (package|packages|program|programs|tool|tools|software|\
         app|apps) (for|to|called|named|about|like|that|which|matching|with) {words} [in the repos|in the repositories|in the package \
         index|please]",
        "(what|which) (packages|package|programs|tools|software|apps) (is there|are there|exist|exists|can i get|can i use|could i install|\
         can i install|do we have|do you have|are available|is available|are out there|do the repos have|are in the repos) (for|to|about|\
         that) {words}",
        "(find|look for|search for|search|look up|hunt for|locate) [me] {words} in [the|our|my] (package manager|package index|package \
         list|packages|repos|repositories|repo|archive|software center|software store|software catalog|distro)",
        "(whats|what is|anything|is there anything|is anything|got anything|what do we have|what do you have) (available|out there|in the \
         repos) (for|to do with|about) {words} [in the (repos|repositories|package manager|archive)]",
        "(look for|search for|find|find me|hunt for|look up) [a|an|some|any] {words} (software|packages|package)",
        "(im|i am|were|we are) (looking for|searching for|after|hunting for) (a|an|some|any) {words} (package|packages)",
        "(find|search for|look for|look up|show me|list) [me] [all|any|the|some] (packages|package|programs|software|apps|tools) [that] \
         (have to do with|has to do with|to do with|having to do with|deal with|dealing with) {words}",
        "(look up|look for|search for|find|search) [a|an|any|the|some] {words} in the (package|software|debian|ubuntu) (repos|repositories|\
         repo|archive|index|sources)",
        "(is there|are there|do we have|got|have we got) (a|any|some) (package|packages|program|tool|software) (for|called|named|like|\
         about) {words} [please] (search for it|search for one|look for it|look it up|find it|search it)",
    ];
    const EXAMPLES: &'static [Example] =
        &[say("search for a package named htop", Some("htop")), call(Some("image viewer"))];

    fn from_payload(payload: Option<&str>) -> Result<PackageSearch, Failure> {
        let words = payload.map(str::trim).filter(|p| !p.is_empty());
        let words = words.ok_or_else(|| Failure::invalid_payload("missing words to search for"))?;
        Ok(PackageSearch { words: words.to_owned() })
    }

    fn payload(&self) -> Option<String> {
        Some(self.words.clone())
    }
}

impl Perform for PackageSearch {
    /// Searching needs no root; the manager says itself when it is not there.
    const NEED: Need = Need::Nothing;
    const DEADLINE: Duration = Duration::from_secs(30);

    fn sentence(&self) -> String {
        format!("Look for packages with `{}`", visible(&self.words, 80))
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("words", OwnedArg::Text(self.words.clone()))]
    }

    async fn run(&self, cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        if self.words.len() > MAX_SEARCH || self.words.trim().is_empty() {
            return Err(Failure::invalid_payload(format!("a search has 1 to {MAX_SEARCH} bytes")));
        }
        let hits = cx.services.packages.search(&self.words).await?;
        let first: Vec<String> = hits.iter().take(5).map(|h| format!("{} ({})", h.name, h.summary)).collect();
        let message = match hits.len() {
            0 => format!("No package has `{}`.", visible(&self.words, 80)),
            n if n > first.len() => format!("{}, first of them {}.", count(n, "package"), listed(&first)),
            n => format!("{}: {}.", count(n, "package"), listed(&first)),
        };
        Ok(Outcome::says(message).with(json!({ "packages": hits })))
    }
}
