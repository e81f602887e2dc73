//! What group commit gains: 64 writers who each wait for the disk, against one fdatasync(2) a record, in the same run on
//! the same file system; and what counting costs on the hot path.
//!
//! `cargo bench -p steward-agent --bench audit [-- FOLDER]`; a folder of its own is made in FOLDER (default: the
//! folder for temporary files, which must be on a disk).
//! Fails when the ratio is below its bar.

mod common;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::median;
use steward_agent::audit::{Audit, AuditCaller, AuditError, AuditRecord, Config, Kind, What, verify};
use steward_agent::store::Durability;

/// Concurrent writers, each with one record on its way.
const WRITERS: usize = 64;
/// Each side of the comparison runs for this long, in turns.
const ROUND: Duration = Duration::from_millis(700);
const ROUNDS: usize = 5;
/// The bar: records a second against one sync each.
const BAR: f64 = 10.0;
const COUNTS: u32 = 5_000_000;

fn main() -> ExitCode {
    let folder = std::env::args().skip(1).find(|a| !a.starts_with('-')).map(PathBuf::from);
    let folder = folder.unwrap_or_else(std::env::temp_dir).join(format!("steward-bench-{}", std::process::id()));
    let result = compare(&folder);
    let _ = std::fs::remove_dir_all(&folder);
    match result {
        Ok(ratio) if ratio >= BAR => ExitCode::SUCCESS,
        Ok(ratio) => {
            eprintln!("the bar is {BAR} ×, this is {ratio:.1} ×");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(folder: &Path) -> Result<f64, AuditError> {
    let config = Config { journal_socket: None, ..Config::new(folder) };
    let audit = Arc::new(Audit::open(config.clone())?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .map_err(|e| AuditError::Log(steward_agent::store::LogError::Record(e.to_string())))?;
    let (mut grouped, mut single) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        single.push(one_sync_each(&folder.join("single")));
        grouped.push(runtime.block_on(together(&audit))?);
    }
    let (single, grouped) = (median(single), median(grouped));
    println!("one fdatasync a record: {single:>9.0} records/s");
    println!("{WRITERS} durable writers:     {grouped:>9.0} records/s");
    println!("ratio:                  {:>9.1} × (bar {BAR} ×)", grouped / single);
    let alone = {
        let start = Instant::now();
        let n = 200;
        for _ in 0..n {
            audit.write(&record(1), Durability::Synced).wait()?;
        }
        start.elapsed() / n
    };
    println!("one durable writer:     {alone:>9.1?} a record");
    for threads in [1, 2] {
        println!("count, {threads} threads:       {:>9.1} ns", count(&audit, threads));
    }
    audit.stop();
    let start = Instant::now();
    let report = verify(&config.place(), &[]);
    if let Ok(report) = report {
        println!(
            "verify:                 {:>9.1?} for {} records, whole: {}",
            start.elapsed(),
            report.records,
            report.is_whole()
        );
    }
    drop(audit);
    let start = Instant::now();
    drop(Audit::open(config)?);
    println!("open and stop again:    {:>9.1?}", start.elapsed());
    Ok(grouped / single)
}

fn record(n: u32) -> AuditRecord {
    let caller = AuditCaller {
        uid: 1000,
        gid: Some(1000),
        pid: Some(n),
        exe: Some("/usr/bin/assistant".into()),
        door: Some("ndjson".into()),
        socket: Some("agent.sock".into()),
        ..AuditCaller::default()
    };
    let words = |text: &str| Some(text.to_owned());
    AuditRecord {
        caller: Some(caller),
        action: words("package_install"),
        args: Some(serde_json::json!({"names": ["cowsay"]})),
        decision: words("confirm"),
        rule: words("packages.ask"),
        policy: words("3f9c2e1a"),
        ..AuditRecord::new(Kind::Judged)
    }
}

/// Records a second of a program that writes a line and syncs it, one after the other.
fn one_sync_each(path: &Path) -> f64 {
    let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path) else { return f64::NAN };
    let mut line = serde_json::to_vec(&record(1)).unwrap_or_default();
    line.resize(600, b' '); // as long as a sealed record
    line.push(b'\n');
    let (start, mut done) = (Instant::now(), 0);
    while start.elapsed() < ROUND {
        if file.write_all(&line).and_then(|()| file.sync_data()).is_err() {
            return f64::NAN;
        }
        done += 1;
    }
    f64::from(done) / start.elapsed().as_secs_f64()
}

async fn together(audit: &Arc<Audit>) -> Result<f64, AuditError> {
    let start = Instant::now();
    let writers: Vec<_> = (0..WRITERS)
        .map(|n| {
            let audit = Arc::clone(audit);
            tokio::spawn(async move {
                let mut done = 0;
                while start.elapsed() < ROUND {
                    audit.write(&record(n as u32), Durability::Synced).await?;
                    done += 1;
                }
                Ok::<u32, AuditError>(done)
            })
        })
        .collect();
    let mut done = 0;
    for writer in writers {
        done += writer.await.unwrap_or(Ok(0))?;
    }
    Ok(f64::from(done) / start.elapsed().as_secs_f64())
}

fn count(audit: &Audit, threads: u32) -> f64 {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..COUNTS).for_each(|_| audit.count(std::hint::black_box(1000), What::Ping)));
        }
    });
    start.elapsed().as_nanos() as f64 / f64::from(COUNTS)
}
