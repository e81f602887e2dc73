//! Policies: checked, explained, tested and imported. Reads files; asks no agent.

use std::io::Read;
use std::path::{Path, PathBuf};

use steward_agent::action::for_policy::ForPolicy;
use steward_agent::caller::{Caller, Door};
use steward_agent::clock::Clock;
use steward_agent::gate::judge::local_time;
use steward_agent::policy_files::{MAX_FILE, PolicyFiles};
use steward_agent::services::Mode;
use steward_policy::{
    Catalogue, Layer, LoadError, OwnedArg, OwnedStep, Policy, Severity, Source, Staged, moment, with_steps,
};

use crate::args::PolicyCommand;
use crate::connection::Fault;
use crate::exit::Exit;
use crate::out::{Form, Look, Out, clean};
use crate::settings::Settings;

/// Runs a policy tool.
///
/// # Errors
/// When a file cannot be read, or a word is not what it should be.
pub(crate) fn run(settings: &Settings, out: &mut Out, command: PolicyCommand) -> Result<Exit, Fault> {
    match command {
        PolicyCommand::Check { system, paths } => {
            check(settings, out, if system { Mode::System } else { Mode::User }, &paths)
        }
        PolicyCommand::Explain { request, caller, at } => {
            explain(settings, out, &request.join(" "), caller.as_deref(), at.as_deref())
        }
        PolicyCommand::Test { coverage: false, paths } => test(settings, out, &paths),
        PolicyCommand::Test { coverage: true, paths } => coverage(settings, out, &paths),
        PolicyCommand::Import { file } => import(out, &file),
    }
}

/// The files of a policy, or what is wrong with them.
type Loaded<T> = Result<T, Vec<LoadError>>;

/// The policy of a person's agent, or what stands at `paths`, with the number of its files.
pub(super) fn load(settings: &Settings, paths: &[PathBuf]) -> Result<Loaded<(Policy, usize)>, Fault> {
    load_for(settings, Mode::User, paths)
}

fn load_for(settings: &Settings, mode: Mode, paths: &[PathBuf]) -> Result<Loaded<(Policy, usize)>, Fault> {
    let sources = if paths.is_empty() {
        match PolicyFiles::new(settings.roots(mode)).read() {
            Ok(read) => read.sources,
            Err(errors) => return Ok(Err(errors)),
        }
    } else {
        named(paths)?
    };
    let count = sources.len();
    Ok(Policy::load(sources, &ForPolicy).map(|policy| (policy, count)))
}

/// The sources at `paths`: files, and the `*.toml` in folders. They are one layer, unless they are where administrators
/// have theirs.
fn named(paths: &[PathBuf]) -> Result<Vec<Source>, Fault> {
    let cannot = |path: &Path, e: &dyn std::fmt::Display| Fault::CannotLook(format!("{}: {e}", path.display()));
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        for entry in std::fs::read_dir(path).map_err(|e| cannot(path, &e))? {
            let file = entry.map_err(|e| cannot(path, &e))?.path();
            if file.extension().is_some_and(|e| e == "toml") {
                files.push(file);
            }
        }
        files[before..].sort();
        if files.len() == before {
            return Err(cannot(path, &"there is no *.toml in it"));
        }
    }
    let mut sources = Vec::with_capacity(files.len());
    for file in files {
        let mut text = String::new();
        let opened = std::fs::File::open(&file).map_err(|e| cannot(&file, &e))?;
        opened.take(MAX_FILE + 1).read_to_string(&mut text).map_err(|e| cannot(&file, &e))?;
        if text.len() as u64 > MAX_FILE {
            return Err(cannot(&file, &format!("it has more than {MAX_FILE} bytes")));
        }
        let layer = if file.starts_with("/etc/steward") { Layer::Admin } else { Layer::Vendor };
        sources.push(Source { layer, name: file.display().to_string(), text });
    }
    Ok(sources)
}

/// Prints what is wrong with files that do not load.
fn bad(out: &mut Out, errors: &[LoadError]) -> Exit {
    if out.form == Form::Json {
        out.json(&errors);
        return Exit::Failed;
    }
    for error in errors {
        out.line(&clean(&error.to_string()));
    }
    let n = errors.len();
    out.error(&format!("{n} {}; an agent would not take these files", if n == 1 { "error" } else { "errors" }));
    Exit::Failed
}

fn check(settings: &Settings, out: &mut Out, mode: Mode, paths: &[PathBuf]) -> Result<Exit, Fault> {
    let (policy, files) = match load_for(settings, mode, paths)? {
        Ok(loaded) => loaded,
        Err(errors) => return Ok(bad(out, &errors)),
    };
    let mut findings = policy.check();
    if mode == Mode::System {
        findings.extend(policy.check_without_exe());
    }
    let errors = findings.iter().filter(|f| f.severity == Severity::Error).count();
    let exit = if errors == 0 { Exit::Done } else { Exit::Failed };
    if out.form == Form::Json {
        out.json(&findings);
        return Ok(exit);
    }
    for finding in &findings {
        out.line(&clean(&finding.to_string()));
    }
    let what = match files {
        0 => "the built-in policy".to_owned(),
        1 => "1 file".to_owned(),
        n => format!("{n} files"),
    };
    let rules = policy.rule_count();
    match errors {
        0 => out.note(&format!("{what} with {rules} rules: all is well (hash {:.12}…)", policy.hash())),
        n => out.error(&format!("{n} of the findings above are errors")),
    }
    Ok(exit)
}

fn test(settings: &Settings, out: &mut Out, paths: &[PathBuf]) -> Result<Exit, Fault> {
    let policy = match load(settings, paths)? {
        Ok((policy, _)) => policy,
        Err(errors) => return Ok(bad(out, &errors)),
    };
    let results = policy.run_tests();
    let failed = results.iter().filter(|r| !r.failures.is_empty()).count();
    if out.form == Form::Json {
        out.json(&results);
    } else {
        for result in results.iter().filter(|r| !r.failures.is_empty()) {
            for failure in &result.failures {
                let place = format!("{}:{}: `{}`: {failure}", result.file, result.line, result.run);
                out.line(&clean(&place));
            }
        }
        out.note(&format!("{} tests, {} passed, {failed} failed", results.len(), results.len() - failed));
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}

fn coverage(settings: &Settings, out: &mut Out, paths: &[PathBuf]) -> Result<Exit, Fault> {
    let exit = match out.form {
        Form::Human => test(settings, out, paths)?,
        Form::Json => Exit::Done,
    };
    let policy = match load(settings, paths)? {
        Ok((policy, _)) => policy,
        Err(errors) if out.form == Form::Json => return Ok(bad(out, &errors)),
        // Said already.
        Err(_) => return Ok(Exit::Failed),
    };
    let coverage = policy.coverage();
    if out.form == Form::Json {
        out.json(&coverage);
        return Ok(exit);
    }
    for missing in &coverage.missing {
        out.line(&clean(missing));
    }
    out.line(&format!(
        "{} % exercised: {} of {} rules, {} of {} conditions",
        coverage.percent(),
        coverage.rules_exercised,
        coverage.rules,
        coverage.predicates_exercised,
        coverage.predicates
    ));
    Ok(exit)
}

fn explain(
    settings: &Settings,
    out: &mut Out,
    request: &str,
    caller: Option<&str>,
    at: Option<&str>,
) -> Result<Exit, Fault> {
    let policy = match load(settings, &[])? {
        Ok((policy, _)) => policy,
        Err(errors) => return Ok(bad(out, &errors)),
    };
    let mut staged = match caller {
        None => myself(),
        Some(text) if text.contains('=') => facts(text)?,
        Some(name) => policy.staged_as(name).ok_or_else(|| {
            let names: Vec<&str> = policy.caller_names().collect();
            let known =
                if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
            Fault::Usage(format!(
                "the policy has no `[caller.{name}]` ({known}); facts such as `uid=1000,door=ndjson` do, too"
            ))
        })?,
    };
    let now = local_time(Clock::system().now().wall_ms, None);
    staged.moment = match at {
        None => now.unwrap_or(staged.moment),
        Some(text) => moment(text)
            .ok_or_else(|| Fault::Usage(format!("`{text}` is not a date with a time such as 2026-03-02T09:00:00")))?,
    };
    if let Some(home) = std::env::var("HOME").ok().filter(|h| !h.is_empty()) {
        staged.home = home;
    }
    let steps = ForPolicy.parse(request).map_err(|e| Fault::Usage(clean(&e) + &for_a_sentence(request)))?;
    let steps = at_home(steps, &staged.home);
    let explanation = with_steps(&steps, |steps| policy.explain(steps, &staged));
    if out.form == Form::Json {
        out.json(&explanation);
        return Ok(Exit::Done);
    }
    let look = match explanation.decision {
        "ok" => Look::Green,
        "deny" => Look::Red,
        _ => Look::Yellow,
    };
    for (n, line) in explanation.to_string().lines().enumerate() {
        let line = crate::out::one_line(line);
        let line = if n == 0 { out.styled(look, &line) } else { line };
        out.line(&line);
    }
    if explanation.considered.is_empty() {
        out.line(
            "Considered: no rule, because none of the files is about it. A `[[rule]]` with its name in `actions` would decide; \
             `steward policy check` names the files.",
        );
    }
    Ok(Exit::Done)
}

/// Where to go with what begins with no action's name.
fn for_a_sentence(request: &str) -> String {
    let first = request.split_whitespace().next().unwrap_or_default();
    match steward_agent::action::entry(first).is_some() || request.trim_start().starts_with('{') {
        true => String::new(),
        false => format!(
            "; this takes a named action with its payload, such as `package_install cowsay`, and `steward explain {}` takes a sentence",
            crate::out::one_line(request)
        ),
    }
}

/// This process, as the agent inside the command would see it.
fn myself() -> Staged {
    let caller = Caller::this_process(Door::Command);
    let facts = caller.facts();
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    Staged {
        uid: caller.uid(),
        gid: caller.gid(),
        exe: text(&facts.exe),
        unit: text(&facts.unit),
        user_unit: text(&facts.user_unit),
        door: caller.door().name().to_owned(),
        socket: String::new(),
        ..Staged::default()
    }
}

/// Reads `uid=1000,exe=/usr/bin/kiosk,door=ndjson`.
fn facts(text: &str) -> Result<Staged, Fault> {
    let mut staged = Staged::default();
    for pair in text.split(',') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let number = || {
            value
                .trim()
                .parse()
                .map_err(|_| Fault::Usage(format!("`{}` takes a number, not `{}`", name.trim(), value.trim())))
        };
        let word = value.trim().to_owned();
        match name.trim() {
            "uid" => staged.uid = number()?,
            "gid" => staged.gid = number()?,
            "exe" => staged.exe = word,
            "unit" => staged.unit = word,
            "user_unit" => staged.user_unit = word,
            "door" => staged.door = word,
            "socket" => staged.socket = word,
            "locked" => staged.locked = word == "true",
            other => {
                let known = "uid, gid, exe, unit, user_unit, door, socket and locked";
                return Err(Fault::Usage(format!("a caller has no fact `{other}`; it has {known}")));
            }
        }
    }
    Ok(staged)
}

/// Requests come with the real path for `~`.
fn at_home(mut steps: Vec<OwnedStep>, home: &str) -> Vec<OwnedStep> {
    for (_, arg) in steps.iter_mut().flat_map(|s| s.args.iter_mut()) {
        if let OwnedArg::Path(path) = arg
            && let Some(rest) = path.path.strip_prefix('~')
        {
            path.path = format!("{home}{rest}");
        }
    }
    steps
}

fn import(out: &mut Out, file: &Path) -> Result<Exit, Fault> {
    let cannot = |e: &dyn std::fmt::Display| Fault::CannotLook(format!("{}: {e}", file.display()));
    let mut json = String::new();
    let opened = std::fs::File::open(file).map_err(|e| cannot(&e))?;
    opened.take(MAX_FILE).read_to_string(&mut json).map_err(|e| cannot(&e))?;
    let toml = steward_policy::import(&json).map_err(|e| Fault::Failed(format!("{}: {e}", file.display())))?;
    out.raw(toml.as_bytes());
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_described_by_facts() {
        let staged = facts("uid=7, exe=/usr/bin/kiosk,door=stdio").ok().unwrap();
        assert_eq!((staged.uid, &*staged.exe, &*staged.door), (7, "/usr/bin/kiosk", "stdio"));
        for bad in ["uid=x", "colour=red", "uid"] {
            assert!(facts(bad).is_err(), "{bad}");
        }
    }
}
