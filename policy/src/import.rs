//! The constraint keys of an older JSON policy, written as the rules that they mean.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::url_fact::host_pattern;

/// Why a JSON policy cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Not JSON, or a key of another type than it must have.
    #[error("the file is not a policy in JSON: {0}")]
    Json(#[from] serde_json::Error),
}

#[derive(serde::Deserialize)]
struct Original {
    constraints: Constraints,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Constraints {
    require_confirmation_for: Vec<String>,
    deny_actions: Vec<String>,
    package_install_deny: Vec<String>,
    package_install_confirm: Vec<String>,
    open_url_allowed_domains: Vec<String>,
    open_app_allowed: Vec<String>,
    list_files_allowed_prefixes: Vec<String>,
    rate_limit_per_minute_default: Option<u32>,
    rate_limit_per_minute_overrides: BTreeMap<String, u32>,
    #[serde(flatten)]
    unknown: BTreeMap<String, serde_json::Value>,
}

/// The actions of this program that the original had too; its other names have nothing to stand for here.
const SHARED: [&str; 17] = [
    "package_install",
    "package_remove",
    "system_update",
    "open_url",
    "open_app",
    "set_volume",
    "set_brightness",
    "network_wifi_on",
    "network_wifi_off",
    "network_bluetooth_on",
    "network_bluetooth_off",
    "power_reboot",
    "power_shutdown",
    "power_sleep",
    "remember",
    "read_context",
    "list_files",
];
/// Actions that are subject to no rule, so that their limits and confirmations fall away.
const META: [&str; 3] = ["ping", "get_capabilities", "confirm"];

/// What the original allowed each action a minute when nothing was written.
const DEFAULT_RATE: u32 = 120;

/// Writes the TOML policy that a JSON policy with `constraints` means: what it lets run runs, what it denies is denied, what it
/// wants confirmed is confirmed. Limits deny, count what is released, and count each action for everybody together, as they did. What has no
/// meaning here (names that are no actions) is kept as a comment. The result is one self-contained file: its `[risk]` table
/// says `ok` to everything that no rule is about, as the original did, but `critical`, which is denied.
pub fn import(json: &str) -> Result<String, ImportError> {
    let c = serde_json::from_str::<Original>(json)?.constraints;
    let mut out = Out(String::from(
        "# Imported from a JSON policy by `steward policy import`. What no rule is about runs, as it did there:\n\
         # consider removing the [risk] table, so that the safer built-in one holds.\n\
         version = 1\n\n[risk]\nobserve     = \"ok\"\nlow         = \"ok\"\nreversible  = \"ok\"\ndisruptive  = \"ok\"\ndestructive = \"ok\"\ncritical    = \"deny\"\n",
    ));
    out.actions("deny", "deny_actions", &c.deny_actions);
    let denied = |action: &str| c.deny_actions.iter().any(|d| d == action);
    let confirm: Vec<String> = c.require_confirmation_for.iter().filter(|a| !denied(a)).cloned().collect();
    out.actions("confirm", "require_confirmation_for", &confirm);
    if !denied("package_install") {
        out.packages("deny", "package_install_deny", &c.package_install_deny);
        if !confirm.iter().any(|a| a == "package_install") {
            out.packages("confirm", "package_install_confirm", &c.package_install_confirm);
        } else if !c.package_install_confirm.is_empty() {
            out.comment("package_install_confirm: every installation is confirmed already");
        }
    }

    let mut hosts = Vec::new();
    for domain in &c.open_url_allowed_domains {
        match host_pattern(domain) {
            Ok(host) => {
                let below = format!("*.{host}");
                if host_pattern(&below).is_ok() {
                    hosts.push(below);
                } else {
                    out.comment(&format!(
                        "open_url_allowed_domains: the names below `{host}` are not taken over, it is a public suffix"
                    ));
                }
                hosts.push(host);
            }
            Err(_) => out.comment(&format!("open_url_allowed_domains: `{domain}` is not a host")),
        }
    }
    out.allow(
        "open_url",
        "open_url_allowed_domains",
        !c.open_url_allowed_domains.is_empty() && !denied("open_url"),
        "url",
        "host",
        &hosts,
    );
    out.allow(
        "open_app",
        "open_app_allowed",
        !c.open_app_allowed.is_empty() && !denied("open_app"),
        "app",
        "eq",
        &c.open_app_allowed,
    );
    let (paths, others): (Vec<String>, Vec<String>) = c
        .list_files_allowed_prefixes
        .iter()
        .cloned()
        .partition(|p| p.starts_with('/') && !p.split('/').any(|part| part == ".."));
    for path in others {
        out.comment(&format!("list_files_allowed_prefixes: `{path}` is not an absolute path"));
    }
    out.allow(
        "list_files",
        "list_files_allowed_prefixes",
        !c.list_files_allowed_prefixes.is_empty() && !denied("list_files"),
        "path",
        "under",
        &paths,
    );

    let default = c.rate_limit_per_minute_default.unwrap_or(DEFAULT_RATE);
    for action in SHARED {
        let rate = c.rate_limit_per_minute_overrides.get(action).copied().unwrap_or(default);
        // 0 switched a limit off.
        if rate > 0 && !denied(action) {
            out.rate(action, rate);
        }
    }
    for name in c.rate_limit_per_minute_overrides.keys().filter(|n| !SHARED.contains(&n.as_str())) {
        out.comment(&format!("rate_limit_per_minute_overrides: {}", no_action(name)));
    }
    for key in c.unknown.keys() {
        out.comment(&format!("the constraint `{key}` is not known and was not taken over"));
    }
    Ok(out.0)
}

fn no_action(name: &str) -> String {
    if META.contains(&name) {
        format!("`{name}` is subject to no rule here")
    } else {
        format!("`{name}` is not an action here")
    }
}

struct Out(String);

impl Out {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn comment(&mut self, text: &str) {
        let text: String = text
            .chars()
            .flat_map(|c| {
                if c.is_control() { c.escape_default().to_string() } else { c.to_string() }.chars().collect::<Vec<_>>()
            })
            .collect();
        self.line(&format!("# {text}"));
    }

    fn rule(&mut self, id: &str, actions: &[&str], decision: &str, why: &str, rest: &[String]) {
        let names: Vec<String> = actions.iter().map(|a| quoted(a)).collect();
        self.line("\n[[rule]]");
        self.line(&format!("id       = {}", quoted(id)));
        self.line(&format!("actions  = [{}]", names.join(", ")));
        self.line(&format!("decision = {}", quoted(decision)));
        self.line(&format!("why      = {}", quoted(why)));
        rest.iter().for_each(|r| self.line(r));
    }

    fn actions(&mut self, decision: &str, key: &str, names: &[String]) {
        let (known, others): (Vec<&str>, Vec<&str>) =
            names.iter().map(String::as_str).partition(|n| SHARED.contains(n));
        for name in others {
            self.comment(&format!("{key}: {}", no_action(name)));
        }
        if !known.is_empty() {
            self.rule(&format!("imported.{key}"), &known, decision, &format!("Imported from `{key}`."), &[]);
        }
    }

    fn packages(&mut self, decision: &str, key: &str, names: &[String]) {
        if !names.is_empty() {
            let test =
                format!("args.packages = {{ in = {} }}", list(&names.iter().map(|n| escaped(n)).collect::<Vec<_>>()));
            self.rule(
                &format!("imported.{key}"),
                &["package_install"],
                decision,
                &format!("Imported from `{key}`."),
                &[test],
            );
        }
    }

    /// Everything but `values` is denied; an empty list in the file meant everything, an unusable one means nothing.
    fn allow(&mut self, action: &str, key: &str, present: bool, arg: &str, predicate: &str, values: &[String]) {
        if !present {
            return;
        }
        let mut rest = Vec::new();
        if !values.is_empty() {
            rest.push("[[rule.except]]".to_owned());
            rest.push(format!("args.{arg} = {{ {predicate} = {} }}", list(values)));
        }
        self.rule(&format!("imported.{key}"), &[action], "deny", &format!("Not in `{key}`."), &rest);
    }

    fn rate(&mut self, action: &str, rate: u32) {
        let limit = format!("limit    = {{ rate = \"{rate}/1m\", per = \"action\", over = \"deny\" }}");
        self.rule(&format!("imported.rate.{action}"), &[action], "ok", "Imported from the rate limits.", &[limit]);
    }
}

/// A text in which the characters of globs and of set names mean themselves.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | '\\') || c == '@' && out.is_empty() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn list(values: &[String]) -> String {
    format!("[{}]", values.iter().map(|v| quoted(v)).collect::<Vec<_>>().join(", "))
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                let written = write!(out, "\\u{:04X}", c as u32);
                debug_assert!(written.is_ok());
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
