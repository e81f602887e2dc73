//! Sandboxes: what there is, whether this kernel can hold it, and trying one.

use std::io::{IsTerminal, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use serde_json::json;
use steward_agent::backend::sandbox::{self, Command, Finished, OpenProgram, SandboxError};
use steward_policy::{Policy, SandboxFiles, SandboxGroup, SandboxLimits, SandboxProfile, SandboxPrograms};

use super::policy;
use crate::args::SandboxCommand;
use crate::connection::Fault;
use crate::exit::Exit;
use crate::out::{Form, Look, Out, clean, one_line};
use crate::settings::Settings;
use crate::table;

/// Bytes kept of each output of a command that is tried.
const OUTPUT: usize = 8 << 20;

/// How `run` ends when the command did not end by itself; all other numbers are the command's own. They are those of timeout(1)
/// and of shells.
const AT_DEADLINE: u8 = 124;
const NO_SANDBOX: u8 = 125;
const NO_PROGRAM: u8 = 126;
const BY_SIGNAL: u8 = 128;

/// Does it.
///
/// # Errors
/// When the policy cannot be read, or no such sandbox is there.
pub(crate) fn run(settings: &Settings, out: &mut Out, command: SandboxCommand) -> Result<Exit, Fault> {
    let policy = match policy::load(settings, &[])? {
        Ok((policy, _)) => policy,
        Err(errors) => {
            let first = errors.first().map(ToString::to_string).unwrap_or_default();
            return Err(Fault::CannotLook(format!(
                "the policy cannot be used: {first}; `steward policy check` tells all"
            )));
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Fault::Failed(e.to_string()))?;
    match command {
        SandboxCommand::List => Ok(runtime.block_on(list(&policy, out))),
        SandboxCommand::Run { profile, cwd, env, timeout, command } => {
            let known = || policy.sandboxes().iter().map(|p| p.name.clone()).collect::<Vec<_>>().join(", ");
            let profile = policy
                .sandbox(&profile)
                .ok_or_else(|| Fault::Usage(format!("there is no sandbox `{profile}`; there are {}", known())))?;
            runtime.block_on(try_it(out, &profile, cwd.as_deref(), &env, Duration::from_secs(timeout), &command))
        }
    }
}

async fn list(policy: &Policy, out: &mut Out) -> Exit {
    let mut rows = Vec::new();
    for profile in policy.sandboxes() {
        let here = sandbox::try_out(&profile).await;
        rows.push((profile, here.err().map(|e| e.to_string())));
    }
    if out.form == Form::Json {
        let all: Vec<_> = rows
            .iter()
            .map(|(profile, why_not)| json!({ "profile": profile, "available": why_not.is_none(), "why_not": why_not }))
            .collect();
        out.json(&json!({ "sandboxes": all }));
        return Exit::Done;
    }
    let mut lines = vec![["SANDBOX", "FILES", "NETWORK", "PROGRAMS", "HERE"].map(str::to_owned)];
    for (profile, why_not) in &rows {
        let files = match profile.files {
            SandboxFiles::System => "system",
            SandboxFiles::ReadCwd => "reads cwd",
            SandboxFiles::WriteCwd => "writes cwd",
            SandboxFiles::All => "all",
        };
        let programs = match profile.programs {
            SandboxPrograms::One => "itself",
            SandboxPrograms::System => "system",
        };
        let network = if profile.network { "yes" } else { "no" };
        let here = if why_not.is_none() { "yes" } else { "no" };
        lines.push([&one_line(&profile.name), files, network, programs, here].map(str::to_owned));
    }
    for line in table::lines(&lines, table::width()) {
        out.line(&line);
    }
    out.line("");
    for (profile, why_not) in &rows {
        let name = out.styled(Look::Bold, &one_line(&profile.name));
        out.line(&format!("{name}: {}", one_line(&profile.summary)));
        if profile.is_confined() {
            let SandboxLimits { memory, processes, cpu, file_size, open_files } = profile.limits;
            out.line(&format!(
                "  up to {processes} processes, each with {} MiB of memory, {cpu} s of processor, {open_files} open files, files of {} MiB",
                memory >> 20,
                file_size >> 20
            ));
        }
        let SandboxGroup { memory_max, tasks_max, cpu_weight } = profile.group;
        let together = [
            memory_max.map(|bytes| format!("{} MiB of memory", bytes >> 20)),
            tasks_max.map(|tasks| format!("{tasks} processes")),
            cpu_weight.map(|weight| format!("a weight of {weight} on the processors")),
        ];
        let together: Vec<String> = together.into_iter().flatten().collect();
        if !together.is_empty() {
            out.line(&format!("  all together: {}", together.join(", ")));
        }
        if let Some(why_not) = why_not {
            out.line(&format!("  {}", clean(why_not)));
        }
    }
    Exit::Done
}

async fn try_it(
    out: &mut Out,
    profile: &SandboxProfile,
    cwd: Option<&Path>,
    env: &[String],
    deadline: Duration,
    command: &[String],
) -> Result<Exit, Fault> {
    let Some((program, args)) = command.split_first() else {
        return Err(Fault::Usage("there is nothing to run; write it after `--`".to_owned()));
    };
    let mut variables = Vec::new();
    for pair in env {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| Fault::Usage(format!("`{pair}` is not a variable as NAME=VALUE")))?;
        if !profile.lets_set(name) {
            return Err(Fault::Usage(format!("the sandbox `{}` does not let `{name}` be set", profile.name)));
        }
        variables.push((name.to_owned(), value.to_owned()));
    }
    let about_folder = matches!(profile.files, SandboxFiles::ReadCwd | SandboxFiles::WriteCwd);
    let folder = match cwd {
        Some(path) => Some(open_folder(path)?),
        None if about_folder => Some(open_folder(Path::new("."))?),
        None => None,
    };
    let program = match OpenProgram::open(program) {
        Ok(program) => program,
        Err(e) => return Ok(not_run(out, &e)),
    };
    let command = Command { program, args, folder, env: variables, profile, deadline, output: OUTPUT };
    match sandbox::run(command).await {
        Ok(finished) => Ok(told(out, &finished, profile)),
        Err(e) => Ok(not_run(out, &e)),
    }
}

fn open_folder(path: &Path) -> Result<(OwnedFd, String), Fault> {
    let failed = |e: String| Fault::Usage(format!("the folder {}: {e}", path.display()));
    let real = path.canonicalize().map_err(|e| failed(e.to_string()))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let fd = rustix::fs::open(&real, flags, Mode::empty()).map_err(|e| failed(e.to_string()))?;
    let real = real.into_os_string().into_string().map_err(|_| failed("its path is not UTF-8".to_owned()))?;
    Ok((fd, real))
}

fn not_run(out: &mut Out, error: &SandboxError) -> Exit {
    let number = match error {
        SandboxError::Program { .. } => NO_PROGRAM,
        SandboxError::Failed { doing, .. } if doing == sandbox::EXECUTING => NO_PROGRAM,
        _ => NO_SANDBOX,
    };
    if out.form == Form::Json {
        out.json(&json!({ "ran": false, "why_not": error.to_string() }));
    } else {
        out.error(&error.to_string());
    }
    Exit::Command(number)
}

fn told(out: &mut Out, finished: &Finished, profile: &SandboxProfile) -> Exit {
    if out.form == Form::Json {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        out.json(&json!({
            "ran": true, "exit_code": finished.exit_code, "signal": finished.signal, "timed_out": finished.timed_out,
            "stdout": text(&finished.stdout), "stdout_truncated": finished.stdout_truncated,
            "stderr": text(&finished.stderr), "stderr_truncated": finished.stderr_truncated,
            "limits_reached": finished.limits_reached,
        }));
    } else {
        // A terminal is told nothing that moves its cursor; whoever reads by a pipe gets the bytes.
        if std::io::stdout().is_terminal() {
            out.line(clean(&String::from_utf8_lossy(&finished.stdout)).trim_end_matches('\n'));
        } else {
            out.raw(&finished.stdout);
        }
        let stderr = if std::io::stderr().is_terminal() {
            clean(&String::from_utf8_lossy(&finished.stderr)).into_bytes()
        } else {
            finished.stderr.clone()
        };
        // Nobody is left to be told that nobody reads.
        let _gone = std::io::stderr().write_all(&stderr);
        if finished.stdout_truncated || finished.stderr_truncated {
            out.error(&format!("there was more output than {} MiB; the rest of it was dropped", OUTPUT >> 20));
        }
        for line in finished.limits_said(profile) {
            out.error(&line);
        }
        if finished.timed_out {
            out.error("it was ended at its deadline, with everything that it had started");
        }
    }
    Exit::Command(match (finished.timed_out, finished.exit_code, finished.signal) {
        (true, _, _) => AT_DEADLINE,
        (_, Some(code), _) => u8::try_from(code).unwrap_or(u8::MAX),
        (_, None, signal) => BY_SIGNAL + u8::try_from(signal.unwrap_or(0) & 0x7f).unwrap_or(0),
    })
}
