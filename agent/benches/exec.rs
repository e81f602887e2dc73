//! What the sandbox adds to starting a program: `/bin/true`, against a bare `posix_spawn` of it with the same pipes; at once, and after
//! a judgement that was written to the disk.
//!
//! `cargo bench -p steward-agent --bench exec`

#![expect(clippy::disallowed_methods, reason = "the bare start is what is compared with")]

use std::process::{Command as Bare, ExitCode, Stdio};
use std::time::{Duration, Instant};

use steward_agent::backend::sandbox::{self, Command, OpenProgram, launcher};
use steward_policy::SandboxProfile;

/// Runs of each, in turn.
const ROUNDS: usize = 400;
const PROGRAM: &str = "/bin/true";

fn main() -> ExitCode {
    // This program is its own launcher, as the daemon is.
    if let Some(ended) = launcher::called() {
        return ended;
    }
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() else {
        return ExitCode::FAILURE;
    };
    println!("{:<22} {:>9} {:>9} {:>9} {:>9}", "", "p10 ms", "p50 ms", "p99 ms", "more ms");
    let mut bare = Vec::new();
    let mut rows: Vec<Row> = SandboxProfile::all_built_in()
        .into_iter()
        .filter(|p| runtime.block_on(sandbox::try_out(p)).is_ok())
        .flat_map(|p| [false, true].map(|judged| Row { profile: p.clone(), judged, times: Vec::new() }))
        .collect();
    let Ok(record) = tempfile::tempfile() else { return ExitCode::FAILURE };
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let mut command = Bare::new(PROGRAM);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if !command.output().is_ok_and(|o| o.status.success()) {
            return ExitCode::FAILURE;
        }
        bare.push(started.elapsed());
        for row in &mut rows {
            if row.judged && !runtime.block_on(judge(&record)) {
                return ExitCode::FAILURE;
            }
            let started = Instant::now();
            if !runtime.block_on(once(&row.profile)) {
                return ExitCode::FAILURE;
            }
            row.times.push(started.elapsed());
        }
    }
    let bare = show("posix_spawn", &mut bare, None);
    for Row { profile, judged, mut times } in rows {
        show(&format!("{}{}", profile.name, if judged { ", judged" } else { "" }), &mut times, Some(bare));
    }
    ExitCode::SUCCESS
}

/// One line of the table.
struct Row {
    profile: SandboxProfile,
    /// Whether it comes after a judgement, as a request does: then its launcher was started before.
    judged: bool,
    times: Vec<Duration>,
}

/// What a command waits for anyhow before it may run: the launcher is expected, and the judgement goes to the disk.
async fn judge(record: &std::fs::File) -> bool {
    use std::io::Write as _;
    sandbox::expect();
    let mut file = record;
    file.write_all(&[b'x'; 512]).is_ok() && record.sync_data().is_ok()
}

/// All that the action does after it was judged: opening and checking the program, the sandbox, the end.
async fn once(profile: &SandboxProfile) -> bool {
    let Ok(program) = OpenProgram::open(PROGRAM) else { return false };
    let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC;
    let Ok(folder) = rustix::fs::open("/tmp", flags, rustix::fs::Mode::empty()) else { return false };
    let command = Command {
        program,
        args: &[],
        folder: Some((folder, "/tmp".to_owned())),
        env: Vec::new(),
        profile,
        deadline: Duration::from_secs(10),
        output: 16 * 1024,
    };
    sandbox::run(command).await.is_ok_and(|f| f.exit_code == Some(0))
}

fn show(name: &str, times: &mut [Duration], bare: Option<f64>) -> f64 {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let more = bare.map(|b| format!("{:>9.2}", at(0.5) - b)).unwrap_or_default();
    println!("{name:<22} {:>9.2} {:>9.2} {:>9.2} {more}", at(0.1), at(0.5), at(0.99));
    at(0.5)
}
