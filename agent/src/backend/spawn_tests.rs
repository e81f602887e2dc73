use std::os::unix::fs::PermissionsExt;

use super::*;

const SOON: Limits = Limits { deadline: Duration::from_secs(10), output: 1000 };

fn sh(script: &str) -> Job {
    Job::new(Program::new("/bin/sh").unwrap()).args(["-c", script])
}

fn alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// Waits at most ten seconds for the process to be gone.
async fn gone(pid: i32) -> bool {
    for _ in 0..1000 {
        if !alive(pid) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[test]
fn only_an_absolute_executable_that_others_cannot_replace_is_a_program() {
    assert!(Program::new("/bin/sh").is_ok());
    assert!(matches!(Program::new("sh"), Err(SpawnError::Untrusted { .. })));
    assert!(matches!(Program::new("/no/such/program"), Err(SpawnError::Missing { .. })));
    assert!(matches!(Program::new("/etc/passwd"), Err(SpawnError::Untrusted { .. })));
    assert!(matches!(Program::new("/usr/bin"), Err(SpawnError::Untrusted { .. })));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tool");
    std::fs::write(&file, "#!/bin/sh\n").unwrap();
    for (mode, good) in [(0o755, true), (0o700, true), (0o757, false), (0o644, false)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(Program::new(&file).is_ok(), good, "{mode:o}");
    }
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    assert!(Program::new(&file).is_err(), "the folder can be written by all");
}

#[tokio::test]
async fn the_environment_is_the_given_one_and_the_input_is_empty() {
    let output =
        run(&sh("env | sort; cat; echo bad >&2; exit 3").env("LC_ALL", "C.UTF-8").env("X", "1"), SOON).await.unwrap();
    let text = output.stdout_text();
    let names: Vec<&str> = text.lines().filter_map(|l| l.split_once('=').map(|(n, _)| n)).collect();
    assert!(names.iter().all(|n| ["LC_ALL", "X", "PATH", "PWD", "SHLVL", "_", "OLDPWD"].contains(n)), "{names:?}");
    assert!(text.contains("LC_ALL=C.UTF-8\n") && text.contains("X=1\n"));
    assert_eq!((output.stderr_text().as_str(), output.status.code(), output.truncated), ("bad\n", Some(3), false));
}

#[tokio::test]
async fn output_over_the_cap_is_dropped_and_marked() {
    let output = run(&sh("head -c 300000 /dev/zero; echo end >&2"), SOON).await.unwrap();
    assert_eq!((output.stdout.len(), output.truncated, output.stderr_text().as_str()), (1000, true, "end\n"));
}

#[tokio::test]
async fn at_the_deadline_the_whole_group_ends() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("trap '' TERM; sleep 60 & echo $! > {0}/pid; wait; sleep 60", folder.path().display());
    let limits = Limits { deadline: Duration::from_millis(300), ..SOON };
    assert!(matches!(run(&sh(&script), limits).await, Err(SpawnError::Deadline { .. })));
    let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap().trim().parse().unwrap();
    assert!(gone(pid).await);
}

#[tokio::test]
async fn children_left_behind_end_with_their_leader() {
    let output = run(&sh("sleep 60 & echo $!"), SOON).await.unwrap();
    assert!(gone(output.stdout_text().trim().parse().unwrap()).await);
    assert!(!output.truncated);
}

#[tokio::test]
async fn a_dropped_run_ends_its_group() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("sleep 60 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
    let job = sh(&script);
    let running = tokio::spawn(async move { run(&job, SOON).await });
    while !file.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.abort();
    assert!(gone(std::fs::read_to_string(&file).unwrap().trim().parse().unwrap()).await);
}

#[tokio::test]
async fn a_detached_process_has_a_session_of_its_own_and_can_be_attached_to() {
    let folder = tempfile::tempdir().unwrap();
    let (log, go) = (folder.path().join("log"), folder.path().join("go"));
    let script = format!("echo hello; while [ ! -e {} ]; do sleep 0.02; done; echo bye >&2; exit 4", go.display());
    let mut first = spawn_detached(&sh(&script), &log).unwrap();
    let id = first.id();
    let mut second = Detached::attach(id).unwrap();
    assert!(timeout(Duration::from_millis(50), second.wait()).await.is_err());
    if Path::new(SETSID).exists() {
        let session = rustix::process::getsid(Pid::from_raw(id.pid)).unwrap();
        assert_eq!(session.as_raw_nonzero().get(), id.pid);
    }
    std::fs::write(&go, "").unwrap();
    assert_eq!(second.wait().await.unwrap(), None);
    assert_eq!(first.wait().await.unwrap().and_then(|s| s.code()), Some(4));
    assert_eq!(first.wait().await.unwrap().and_then(|s| s.code()), Some(4));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "hello\nbye\n");
    assert_eq!(std::fs::metadata(&log).unwrap().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_process_that_has_ended_or_was_replaced_is_not_waited_for() {
    let own = ProcessId::of(std::process::id().cast_signed()).unwrap().unwrap();
    let other = ProcessId { start_time: own.start_time + 1, ..own };
    assert_eq!(Detached::attach(other).unwrap().wait().await.unwrap(), None);
}

#[test]
fn only_the_systems_word_or_another_start_time_is_the_end_of_a_process() {
    let id = ProcessId { pid: 7, start_time: 9 };
    let other = ProcessId { start_time: 10, ..id };
    for (opened, now, ended) in [
        (Ok(()), Some(id), Some(false)),
        (Ok(()), Some(other), Some(true)),
        (Ok(()), None, Some(true)),
        (Err(Errno::SRCH), Some(id), Some(true)),
        // The number is that of a thread of another process now.
        (Err(Errno::INVAL), Some(other), Some(true)),
        (Err(Errno::MFILE), Some(id), None),
        (Err(Errno::NOMEM), Some(id), None),
    ] {
        let got = same(id, opened, || Ok(now)).ok().map(|there| there.is_none());
        assert_eq!(got, ended, "{opened:?} {now:?}");
    }
    let unreadable = || Err(io::ErrorKind::PermissionDenied.into());
    assert!(same(id, Ok(()), unreadable).is_err() && same(id, Err::<(), _>(Errno::MFILE), unreadable).is_err());
}

#[test]
fn the_start_time_is_read_after_any_program_name() {
    let tail = (3..=52).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
    for name in ["(cat)", "(a b) 9 (c)", "())"] {
        assert_eq!(start_time(&format!("12 {name} {tail}")), Some(22), "{name}");
    }
    assert_eq!(start_time("12 (cat"), None);
}
