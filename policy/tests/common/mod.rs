//! A catalogue for tests: the names, risks and arguments of the agent's actions, parsed in the simplest way.

#![allow(dead_code, reason = "each test uses its part of it")]

use steward_policy::{
    ActionInfo, ArgKind, Catalogue, Layer, LoadError, OwnedArg, OwnedStep, PathFact, Policy, Risk, Source, UrlFact,
};

pub(crate) struct Actions;

use ArgKind::{List, Number, Path, Text, Url};
use Risk::{Destructive, Disruptive, Low, Observe, Reversible};

type Row = (&'static str, Risk, &'static [(&'static str, ArgKind)], bool);

pub(crate) const ROWS: &[Row] = &[
    ("ping", Observe, &[], true),
    ("get_capabilities", Observe, &[], true),
    ("natural_language", Observe, &[("text", Text)], false),
    ("confirm", Low, &[("id", Text)], true),
    ("cancel", Low, &[("id", Text)], true),
    ("reject", Observe, &[("id", Text)], true),
    ("grants_list", Observe, &[], true),
    ("grant_revoke", Low, &[("id", Text)], true),
    ("pending_list", Observe, &[], true),
    ("result", Observe, &[("id", Text)], true),
    ("explain", Observe, &[("request", Text)], true),
    ("subscribe", Observe, &[], true),
    ("package_install", Disruptive, &[("packages", List)], false),
    ("package_remove", Destructive, &[("packages", List)], false),
    ("package_search", Observe, &[("words", Text)], false),
    ("system_update", Disruptive, &[("channel", Text)], false),
    ("power_reboot", Destructive, &[], false),
    ("power_shutdown", Destructive, &[], false),
    ("power_sleep", Disruptive, &[], false),
    ("session_lock", Low, &[], false),
    ("set_volume", Reversible, &[("percent", Number)], false),
    ("adjust_volume", Reversible, &[("delta", Number)], false),
    ("volume_mute", Reversible, &[], false),
    ("volume_unmute", Reversible, &[], false),
    ("set_brightness", Reversible, &[("percent", Number)], false),
    ("adjust_brightness", Reversible, &[("delta", Number)], false),
    ("network_wifi_on", Reversible, &[], false),
    ("network_wifi_off", Reversible, &[], false),
    ("network_bluetooth_on", Reversible, &[], false),
    ("network_bluetooth_off", Reversible, &[], false),
    ("network_status", Observe, &[], false),
    ("open_url", Reversible, &[("url", Url)], false),
    ("open_app", Reversible, &[("app", Text)], false),
    ("list_files", Observe, &[("path", Path)], false),
    ("read_file", Observe, &[("path", Path)], false),
    ("write_file", Reversible, &[("path", Path)], false),
    ("remember", Low, &[("text", Text)], false),
    ("read_context", Observe, &[("words", Text)], false),
    ("forget", Reversible, &[("note", Text)], false),
    ("system_status", Observe, &[], false),
    ("undo", Disruptive, &[("receipt", Text)], false),
];

impl Catalogue for Actions {
    fn names(&self) -> Vec<String> {
        ROWS.iter().map(|r| r.0.to_owned()).collect()
    }

    fn action(&self, name: &str) -> Option<ActionInfo> {
        ROWS.iter().find(|r| r.0 == name).map(|r| ActionInfo {
            risk: r.1,
            args: r.2.iter().map(|(n, k)| ((*n).to_owned(), *k)).collect(),
            meta: r.3,
        })
    }

    fn parse(&self, text: &str) -> Result<Vec<OwnedStep>, String> {
        let (name, payload) = text.split_once(' ').unwrap_or((text, ""));
        let row = ROWS.iter().find(|r| r.0 == name).ok_or_else(|| format!("there is no action `{name}`"))?;
        let mut args = Vec::new();
        if let (Some((arg, kind)), false) = (row.2.first(), payload.is_empty()) {
            let value = match kind {
                Text => OwnedArg::Text(payload.to_owned()),
                Number => OwnedArg::Number(payload.parse().map_err(|_| format!("`{payload}` is not a number"))?),
                List => OwnedArg::List(payload.split(',').map(|p| p.trim().to_owned()).collect()),
                Path => OwnedArg::Path(PathFact { path: payload.to_owned(), ..PathFact::default() }),
                Url => OwnedArg::Url(UrlFact::parse(payload).map_err(|e| e.to_string())?),
                ArgKind::Argv => OwnedArg::Argv(payload.split(' ').map(str::to_owned).collect()),
            };
            args.push(((*arg).to_owned(), value));
        }
        Ok(vec![OwnedStep { action: name.to_owned(), risk: row.1, args }])
    }
}

pub(crate) fn source(layer: Layer, name: &str, text: &str) -> Source {
    Source { layer, name: name.to_owned(), text: text.to_owned() }
}

/// Loads one file of each layer that is given; `version = 1` is written for it.
pub(crate) fn policy(files: &[(Layer, &str)]) -> Result<Policy, Vec<LoadError>> {
    let sources = files
        .iter()
        .enumerate()
        .map(|(i, (l, t))| source(*l, &format!("{i}.toml"), &format!("version = 1\n{t}")))
        .collect();
    Policy::load(sources, &Actions)
}
