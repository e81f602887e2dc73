//! A catalogue for tests: the names, risks and arguments of the agent's actions, parsed in the simplest way.

#![allow(dead_code, reason = "each test uses its part of it")]

use steward_policy::{
    ActionInfo, ArgKind, Catalogue, Layer, LimitUse, LoadError, LocalTime, OwnedArg, OwnedStep, PathFact, Policy,
    Released, Risk, Source, Surroundings, UrlFact,
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
    ("service_start", Disruptive, &[("unit", Text), ("scope", Text)], false),
    ("service_stop", Disruptive, &[("unit", Text), ("scope", Text)], false),
    ("service_restart", Disruptive, &[("unit", Text), ("scope", Text)], false),
    ("service_enable", Destructive, &[("unit", Text), ("scope", Text)], false),
    ("service_disable", Disruptive, &[("unit", Text), ("scope", Text)], false),
    ("cgroup_apply", Disruptive, &[("unit", Text), ("cpu_weight", Number), ("mem_max_bytes", Number)], false),
    ("observe", Observe, &[("tool", Text), ("args", List)], false),
    ("firmware_inventory", Observe, &[], false),
    ("firmware_variable", Observe, &[("name", Text)], false),
    ("service_status", Observe, &[("unit", Text), ("scope", Text)], false),
    ("read_file", Observe, &[("path", Path)], false),
    ("write_file", Reversible, &[("path", Path)], false),
    ("remember", Low, &[("text", Text)], false),
    ("read_context", Observe, &[("words", Text)], false),
    ("forget", Reversible, &[("note", Text)], false),
    ("system_status", Observe, &[], false),
    ("undo", Disruptive, &[("receipt", Text)], false),
    (
        "exec",
        Disruptive,
        &[
            ("argv", ArgKind::Argv),
            ("cwd", Path),
            ("env", Text),
            ("program", Text),
            ("sandbox", Text),
            ("timeout_sec", Number),
        ],
        false,
    ),
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
        if let Ok(call) = serde_json::from_str::<serde_json::Value>(text) {
            let words = call["args"]["argv"].as_array().into_iter().flatten().filter_map(|w| w.as_str());
            let mut steps = self.parse(&format!("exec {}", words.collect::<Vec<_>>().join(" ")))?;
            if let Some(cwd) = call["args"]["cwd"].as_str() {
                let path = PathFact { path: cwd.to_owned(), ..PathFact::default() };
                steps[0].args.push(("cwd".to_owned(), OwnedArg::Path(path)));
            }
            return Ok(steps);
        }
        let (name, payload) = text.split_once(' ').unwrap_or((text, ""));
        let row = ROWS.iter().find(|r| r.0 == name).ok_or_else(|| format!("there is no action `{name}`"))?;
        let mut args = Vec::new();
        if let (Some((arg, kind)), false) = (row.2.first(), payload.is_empty()) {
            let value = match kind {
                // A unit without a type is a service.
                Text if *arg == "tool" => OwnedArg::Text(payload.split(' ').next().unwrap_or_default().to_owned()),
                Text if *arg == "unit" => {
                    let unit = payload.split(' ').next().unwrap_or_default();
                    OwnedArg::Text(if unit.contains('.') { unit.to_owned() } else { format!("{unit}.service") })
                }
                Text => OwnedArg::Text(payload.to_owned()),
                Number => OwnedArg::Number(payload.parse().map_err(|_| format!("`{payload}` is not a number"))?),
                List => OwnedArg::List(payload.split(',').map(|p| p.trim().to_owned()).collect()),
                Path => OwnedArg::Path(PathFact { path: payload.to_owned(), ..PathFact::default() }),
                Url => OwnedArg::Url(UrlFact::parse(payload).map_err(|e| e.to_string())?),
                ArgKind::Argv => OwnedArg::Argv(payload.split(' ').map(str::to_owned).collect()),
            };
            args.push(((*arg).to_owned(), value));
            if name == "exec" {
                let program = payload.split(' ').next().unwrap_or_default().to_owned();
                args.push(("program".to_owned(), OwnedArg::Text(program)));
            }
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

/// What surrounds a request at the door `ndjson`: what is none is not known.
#[derive(Clone, Debug)]
pub(crate) struct Around {
    pub(crate) uid: Option<u32>,
    pub(crate) pid: Option<u32>,
    pub(crate) exe: Option<&'static str>,
    pub(crate) locked: Option<bool>,
    /// Of a Monday.
    pub(crate) minute: Option<u16>,
    pub(crate) released: Option<u32>,
    pub(crate) home: Option<&'static str>,
    pub(crate) folder: Option<&'static str>,
}

/// Nothing is known.
pub(crate) const UNKNOWN: Around =
    Around { uid: None, pid: None, exe: None, locked: None, minute: None, released: None, home: None, folder: None };

impl Surroundings for Around {
    fn uid(&self) -> Option<u32> {
        self.uid
    }
    fn gid(&self) -> Option<u32> {
        None
    }
    fn pid(&self) -> Option<u32> {
        self.pid
    }
    fn exe(&self) -> Option<&str> {
        self.exe
    }
    fn unit(&self) -> Option<&str> {
        None
    }
    fn user_unit(&self) -> Option<&str> {
        None
    }
    fn door(&self) -> &str {
        "ndjson"
    }
    fn socket(&self) -> Option<&str> {
        None
    }
    fn locked(&self) -> Option<bool> {
        self.locked
    }
    fn local_time(&self, _: Option<&str>) -> Option<LocalTime> {
        self.minute.map(|minute| LocalTime { weekday: 0, minute })
    }
    fn released(&self, _: &LimitUse) -> Option<Released> {
        self.released.map(|count| Released { count, ..Released::default() })
    }
    fn home(&self) -> Option<&str> {
        self.home
    }
    fn folder(&self) -> Option<&str> {
        self.folder
    }
}
