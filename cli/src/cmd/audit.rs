//! The audit log: its end, one request's story, and whether it is whole. Reads files and takes no lock.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use steward_agent::audit::{self, Anchor, Follow, JOURNAL_MESSAGE_ID, Place, Stored};
use steward_agent::backend::spawn::{self, Job, Limits, Program};

use crate::args::AuditCommand;
use crate::connection::Fault;
use crate::exit::Exit;
use crate::out::{Form, Look, Out, one_line};
use crate::settings::Settings;
use crate::show::text;

/// How often new records are looked for.
const EVERY: Duration = Duration::from_millis(250);
/// journalctl(1), where the system journal is systemd's.
const JOURNALCTL: &str = "/usr/bin/journalctl";
/// How many of the journal's entries are asked for: the newest, each of which vouches for all before it.
const ENTRIES: &str = "500";
/// An entry with all its fields has some 1.5 kB.
const JOURNAL_LIMITS: Limits = Limits { deadline: Duration::from_secs(10), output: 4 << 20 };

/// Reads or checks the log.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn run(settings: &Settings, out: &mut Out, command: AuditCommand) -> Result<Exit, Fault> {
    let unreadable = |place: &Place, e: std::io::Error| Fault::Failed(format!("{}: {e}", place.current.display()));
    match command {
        AuditCommand::Tail { count, follow, file } => {
            let place = settings.audit(file.as_deref())?;
            tail(out, &place, count, follow).map_err(|e| unreadable(&place, e))
        }
        AuditCommand::Show { id, file } => {
            let place = settings.audit(file.as_deref())?;
            let records = audit::show(&place, id).map_err(|e| unreadable(&place, e))?;
            if records.is_empty() {
                return Err(Fault::Failed(format!("the audit log has nothing about {id}")));
            }
            records.iter().for_each(|r| whole(out, r));
            Ok(Exit::Done)
        }
        AuditCommand::Verify { file } => verify(settings, out, file.as_deref()),
    }
}

fn tail(out: &mut Out, place: &Place, count: usize, follow: bool) -> std::io::Result<Exit> {
    // The last one is asked for even if none is shown: what follows begins behind it.
    let records = audit::tail(place, count.max(1))?;
    let last = records.last().map_or(0, |r| r.seq);
    records.iter().skip(records.len().saturating_sub(count)).for_each(|r| line(out, r));
    if records.is_empty() && !follow {
        out.note(&format!("The audit log is empty: {}", place.current.display()));
    }
    let mut news = Follow::after(place, last);
    while follow && !out.is_closed() {
        let records = news.poll()?;
        if records.is_empty() {
            std::thread::sleep(EVERY);
        }
        records.iter().for_each(|r| line(out, r));
    }
    Ok(Exit::Done)
}

/// A record on one line.
fn line(out: &mut Out, record: &Stored) {
    if out.form == Form::Json {
        return out.json(record);
    }
    let field = |name: &str| record.fields.get(name).map(text).unwrap_or_default();
    let kind = field("kind");
    let caller = record.fields.get("caller").unwrap_or(&Value::Null);
    let exe = text(&caller["exe"]);
    let who = match (exe.rsplit('/').next().unwrap_or_default(), caller["uid"].as_u64()) {
        (_, None) => String::new(),
        ("", Some(uid)) => format!("uid {uid}"),
        (exe, Some(uid)) => format!("{exe} (uid {uid})"),
    };
    let look = match &*kind {
        "denied" | "refused" | "malformed" => Look::Red,
        "held" | "decided" => Look::Yellow,
        "unknown" => Look::Red,
        _ => Look::Green,
    };
    let kind = out.styled(look, &format!("{kind:<9}"));
    let said = ["action", "decision", "rule", "status", "code"].map(field);
    let said = said.iter().filter(|s| !s.is_empty()).cloned().collect::<Vec<_>>().join("  ");
    // Enough to tell records apart, and to find one again with `audit show`.
    let about = record.fields.get("args").map(|a| one_line(&a.to_string())).filter(|a| a != "{}").unwrap_or_default();
    let about: String = about.chars().take(60).collect();
    let id: String = ["confirmation", "id"].map(field).into_iter().find(|i| !i.is_empty()).unwrap_or_default();
    let said = [said, about, id].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join("  ");
    let ts = out.styled(Look::Dim, &one_line(&record.ts));
    let shown = format!("{:>6}  {ts}  {kind}  {said}  {}", record.seq, out.styled(Look::Dim, &who));
    out.line(shown.trim_end());
}

/// A record with everything in it.
fn whole(out: &mut Out, record: &Stored) {
    if out.form == Form::Json {
        return out.json(record);
    }
    line(out, record);
    let shown = ["kind", "action", "decision", "rule", "status", "code"];
    // In the order of their names, whatever their order in the file.
    let rest: BTreeMap<&String, &Value> = record.fields.iter().filter(|(n, _)| !shown.contains(&n.as_str())).collect();
    for (name, value) in rest {
        out.line(&format!("        {}: {}", one_line(name), text(value)));
    }
}

fn verify(settings: &Settings, out: &mut Out, file: Option<&Path>) -> Result<Exit, Fault> {
    let place = settings.audit(file)?;
    if !place.current.exists() && !place.head.exists() {
        return Err(Fault::CannotLook(format!("there is no audit log at {}", place.current.display())));
    }
    let (anchors, why_none) = match anchors(&place) {
        Ok(anchors) => (anchors, None),
        Err(why) => (Vec::new(), Some(why)),
    };
    let report = audit::verify(&place, &anchors)
        .map_err(|e| Fault::CannotLook(format!("the audit log cannot be read: {}: {e}", place.current.display())))?;
    match out.form {
        Form::Json => out.json(&report),
        Form::Human => {
            for sentence in report.to_string().lines() {
                out.line(&one_line(sentence));
            }
            if let Some(why) = why_none {
                out.note(&format!("The system journal was not asked: {why}."));
            }
        }
    }
    Ok(if report.is_whole() { Exit::Done } else { Exit::Failed })
}

/// What the system journal remembers of this log.
fn anchors(place: &Place) -> Result<Vec<Anchor>, String> {
    let program = Program::new(JOURNALCTL).map_err(|e| e.to_string())?;
    let owner = std::fs::metadata(&place.current).map_err(|e| e.to_string())?.uid();
    let arguments = ["--quiet", "--no-pager", "--output=json", "--lines", ENTRIES];
    let matches = [format!("MESSAGE_ID={JOURNAL_MESSAGE_ID}"), format!("_UID={owner}")];
    let job = Job::new(program).args(arguments).args(matches);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    let ended = runtime.block_on(spawn::run(&job, JOURNAL_LIMITS)).map_err(|e| e.to_string())?;
    if !ended.status.success() {
        return Err(format!("journalctl ended with {}", ended.status));
    }
    let entries = ended.stdout.split(|b| *b == b'\n');
    Ok(entries.filter_map(|entry| Anchor::from_journal(entry, place, owner)).collect())
}
