//! Whether everything is in place, and for each action whether it would work here.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::{Value, json};
use steward_agent::audit;
use steward_agent::config::{Config, Places};
use steward_agent::services::Mode;
use steward_ipc::Status;

use super::{capabilities, policy};
use crate::connection::{self, Connection, Fault};
use crate::exit::Exit;
use crate::out::{Form, Look, Out, clean, one_line};
use crate::settings::Settings;
use crate::show::text;
use crate::table;

/// The widest block of names, in characters.
const BLOCK: usize = 100;

/// What was found.
#[derive(Debug, Default)]
struct Findings {
    /// What is wrong, with what to do.
    problems: Vec<String>,
    /// Where things are and how they stand: a name, and what is said about it.
    facts: Vec<(&'static str, String)>,
    /// The services that the agent acts through: what they are called, and their version or why they are not there.
    services: Vec<(String, String)>,
    /// The answer to `get_capabilities` with details.
    agent: Option<Value>,
}

impl Findings {
    fn fact(&mut self, name: &'static str, said: impl Into<String>) {
        self.facts.push((name, said.into()));
    }
}

/// Looks at everything.
///
/// # Errors
/// When there is no home folder and no state folder was named.
pub(crate) fn run(settings: &Settings, out: &mut Out) -> Result<Exit, Fault> {
    let mut found = Findings::default();
    let looked = agent(settings, out, &mut found);
    if found.agent.as_ref().is_some_and(|a| a["mode"] == "system") {
        // What is looked at here is this user's; the machine's agent has its own, which this user need not be able to read.
        let places = Places::of(Mode::System).map_err(|e| Fault::Usage(e.to_string()))?;
        found.fact("state", format!("{} (the system service's; not looked at)", places.state.display()));
        found.fact("configuration", format!("{} (the system service's; not looked at)", places.config.display()));
    } else {
        files(settings, &mut found)?;
        rules(settings, &mut found)?;
        log(settings, &mut found)?;
    }
    match out.form {
        Form::Json => out.json(&json!({
            "problems": found.problems,
            "facts": found.facts.iter().map(|(n, s)| ((*n).to_owned(), json!(s))).collect::<serde_json::Map<_, _>>(),
            "services": found.agent.as_ref().map(|a| &a["services"]),
            "policy": found.agent.as_ref().map(|a| &a["policy"]),
            "actions": found.agent.as_ref().map(|a| &a["actions"]),
        })),
        Form::Human => print(out, &found),
    }
    Ok(match (looked, found.problems.is_empty()) {
        (Looked::No, _) => Exit::Usage,
        (Looked::Yes, true) => Exit::Done,
        (Looked::Yes, false) => Exit::Failed,
    })
}

/// The state folder and the configuration.
fn files(settings: &Settings, found: &mut Findings) -> Result<(), Fault> {
    let state = settings.state()?;
    let path = state.display();
    let mut made = "";
    match std::fs::symlink_metadata(&state) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => made = " (made when it is needed)",
        Err(e) => found.problems.push(format!("the state folder {path} cannot be looked at: {e}")),
        Ok(meta) => {
            let own = rustix::process::geteuid().as_raw();
            if !meta.is_dir() || meta.uid() != own || meta.mode() & 0o022 != 0 {
                found.problems.push(format!(
                    "the state folder {path} must be a folder of uid {own} that nobody else can write to (it belongs to uid {}, \
                     mode {:03o}); mend it, or choose another with --state-dir",
                    meta.uid(),
                    meta.mode() & 0o777
                ));
            }
        }
    }
    found.fact("state", format!("{path}{made}"));
    let config = settings.config();
    let there = if config.exists() { "" } else { " (not there; the defaults hold)" };
    found.fact("configuration", format!("{}{there}", config.display()));
    if let Err(e) = Config::read(&config) {
        found.problems.push(e.to_string());
    }
    Ok(())
}

/// The policy files.
fn rules(settings: &Settings, found: &mut Findings) -> Result<(), Fault> {
    match policy::load(settings, &[])? {
        Ok((policy, 0)) => found.fact("policy files", format!("built in, {} rules", policy.rule_count())),
        Ok((policy, n)) => found.fact("policy files", format!("{n} files, {} rules", policy.rule_count())),
        Err(errors) => {
            found.fact("policy files", "cannot be used: everything but looking is denied until it is mended");
            found.problems.extend(errors.iter().map(ToString::to_string));
        }
    }
    Ok(())
}

/// Whether there was an agent to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looked {
    Yes,
    No,
}

/// Who answers, and what it says of its actions.
fn agent(settings: &Settings, out: &Out, found: &mut Findings) -> Looked {
    let daemon = match connection::daemon(settings, out) {
        Ok(Some(daemon)) => format!("answers at {}", daemon.path.display()),
        Ok(None) => {
            let sockets =
                Settings::usual_sockets().iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(" or ");
            format!("none at {sockets}; this command is the agent itself")
        }
        Err(fault) => {
            found.problems.push(fault.to_string());
            return Looked::No;
        }
    };
    found.fact("daemon", daemon);
    let answer =
        Connection::open(settings, out).and_then(|mut agent| agent.request(&capabilities::question(true), out));
    match answer {
        Ok(answer) if answer.status == Status::Ok => {
            let data = answer.data.map(|d| *d).unwrap_or_default();
            if data["simulated"] == true {
                found.fact("machine", "a simulation: nothing on this machine is changed");
            }
            let state = &data["policy"];
            let rules = format!(
                "generation {}, hash {:.12}…, {}",
                text(&state["generation"]),
                text(&state["hash"]),
                if state["written_by"] == "self-writable" {
                    "policy: self-writable (the agent's own user can change it)"
                } else {
                    "the agent's own user cannot change the policy"
                }
            );
            found.fact("rules in force", rules);
            if let Some(why) = state["rejected"].as_str() {
                let said = format!("the agent did not take the last policy files: {why}");
                if !found.problems.iter().any(|p| why.contains(p.as_str())) {
                    found.problems.push(said);
                }
            }
            found.fact("agent", format!("version {}", text(&data["version"])));
            for service in data["services"].as_array().into_iter().flatten() {
                let said = match (service["version"].as_str(), service["missing"].as_str()) {
                    (Some(version), _) => format!("version {}", one_line(version)),
                    (None, missing) => missing.map_or_else(|| "not there".to_owned(), one_line),
                };
                found.services.push((text(&service["title"]), said));
            }
            found.fact("packages", packages(&data["package_managers"]));
            found.agent = Some(data);
            Looked::Yes
        }
        Ok(answer) => {
            found
                .problems
                .push(format!("the agent does not say what it can do: {}", answer.message.unwrap_or_default()));
            Looked::No
        }
        Err(fault) => {
            found.problems.push(fault.to_string());
            Looked::No
        }
    }
}

/// Which package manager is used, in which version, and why none before it is.
fn packages(managers: &Value) -> String {
    let each = managers.as_array().into_iter().flatten().map(|manager| {
        let name = text(&manager["manager"]);
        match (manager["why_not"].as_str(), &manager["version"], manager["used"] == true) {
            (Some(why), _, _) => format!("not {name}: {}", one_line(why)),
            (None, Value::String(version), true) => format!("{name} {version} is used"),
            (None, _, true) => format!("{name} is used"),
            (None, _, false) => format!("{name} would do too"),
        }
    });
    let each: Vec<String> = each.collect();
    if each.is_empty() {
        "no package manager is configured that this version knows".to_owned()
    } else {
        each.join("; ")
    }
}

/// The audit log, where this user can read it.
fn log(settings: &Settings, found: &mut Findings) -> Result<(), Fault> {
    let place = settings.audit(None)?;
    if !Path::new(&place.current).exists() {
        found.fact("audit log", format!("{} (made when it is needed)", place.current.display()));
        return Ok(());
    }
    match audit::verify(&place, &[]) {
        Ok(report) if report.is_whole() => {
            found.fact("audit log", format!("{}, {} records, whole", place.current.display(), report.records));
        }
        Ok(report) => {
            found.fact("audit log", format!("{}, damaged", place.current.display()));
            let first = report.findings.first().map(|f| f.what.clone()).unwrap_or_default();
            found.problems.push(format!("the audit log is not whole: {first}; `steward audit verify` tells all"));
        }
        Err(e) => found.problems.push(format!("the audit log cannot be read: {}: {e}", place.current.display())),
    }
    Ok(())
}

fn print(out: &mut Out, found: &Findings) {
    for (name, said) in &found.facts {
        let name = out.styled(Look::Bold, &format!("{:<16}", format!("{name}:")));
        out.line(&format!("{name}{}", clean(said)));
    }
    if !found.services.is_empty() {
        out.line("");
        let heading = out.styled(Look::Bold, "Services:");
        out.line(&heading);
        for (title, said) in &found.services {
            out.line(&format!("  {}: {}", clean(title), clean(said)));
        }
    }
    let actions = found.agent.as_ref().and_then(|a| a["actions"].as_array());
    let mut missing = 0;
    if let Some(actions) = actions {
        let (here, not): (Vec<&Value>, Vec<&Value>) = actions.iter().partition(|a| a["available"] == true);
        missing = not.len();
        let denied = |a: &&&Value| a["verdict"] == "deny";
        out.line("");
        let heading = format!("{} of {} actions would work here:", here.len(), actions.len());
        let heading = out.styled(Look::Bold, &heading);
        out.line(&heading);
        let names: Vec<String> = here.iter().filter(|a| !denied(a)).map(|a| text(&a["name"])).collect();
        names_of(out, &names);
        let refused: Vec<String> = here.iter().filter(denied).map(|a| text(&a["name"])).collect();
        if !refused.is_empty() {
            out.line(&format!("  and, but for the policy, which denies them to you: {}", refused.join(" ")));
        }
        for (why, names) in by_reason(&not) {
            out.line("");
            let heading = out.styled(Look::Bold, &format!("These would not: {why}."));
            out.line(&heading);
            names_of(out, &names);
        }
    }
    out.line("");
    if found.problems.is_empty() {
        let well = out.styled(Look::Green, "Nothing is wrong with Steward.");
        let rest = match missing {
            0 => String::new(),
            1 => " One action would not work here, for what is named above.".to_owned(),
            n => format!(" {n} actions would not work here, for what is named above."),
        };
        out.line(&format!("{well}{rest}"));
        return;
    }
    let n = found.problems.len();
    let heading = format!("{n} {} wrong:", if n == 1 { "thing is" } else { "things are" });
    let heading = out.styled(Look::Red, &heading);
    out.line(&heading);
    for problem in &found.problems {
        out.line(&format!("  {}", clean(problem)));
    }
}

/// Names of actions by the reason for which they would not work, in the order of the catalogue.
fn by_reason(actions: &[&Value]) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for action in actions {
        let why = text(&action["why_not"]);
        // Said of a request; nothing was asked for here.
        let why = why.trim_end_matches("; nothing was changed").trim_end_matches('.').to_owned();
        match groups.iter_mut().find(|(w, _)| *w == why) {
            Some((_, names)) => names.push(text(&action["name"])),
            None => groups.push((why, vec![text(&action["name"])])),
        }
    }
    groups
}

/// Prints names as a block of lines.
fn names_of(out: &mut Out, names: &[String]) {
    let width = table::width().min(BLOCK);
    let mut line = String::from(" ");
    for name in names {
        if line.chars().count() + 1 + name.chars().count() > width {
            out.line(&line);
            line = String::from(" ");
        }
        line.push(' ');
        line.push_str(name);
    }
    out.line(&line);
}
