//! Answers as sentences and tables, for people. Everything that comes from outside goes through [`one_line`] or `clean`.

use serde_json::Value;
use steward_agent::action::types::size;
use steward_ipc::{Code, PolicyNote, Preview, Response, Status};

use crate::out::{Form, Look, Out, clean, one_line};
use crate::table;

/// How many lines of a list are shown; `--json` has all.
const MAX_LISTED: usize = 200;

/// Prints an answer that is not held. Errors and refusals go to standard error.
pub(crate) fn reply(out: &mut Out, response: &Response) {
    if out.form == Form::Json {
        return out.json(response);
    }
    let message = response.message.as_deref().unwrap_or_default();
    match response.status {
        Status::Ok | Status::Confirm => done(out, response, message),
        Status::Deny => denied(out, message, response.policy.as_deref()),
        Status::Error => {
            out.error(message);
            hints(out, response);
        }
    }
}

fn done(out: &mut Out, response: &Response, message: &str) {
    if out.is_quiet() {
        return;
    }
    let data = response.data.as_deref().unwrap_or(&Value::Null);
    match data["packages"].as_array() {
        // The sentence is the same list, to be read aloud.
        Some(found) if response.action == "package_search" && !found.is_empty() => packages(out, found),
        _ if response.action == "read_file" && data["content_base64"].is_string() => content(out, data, message),
        _ if !message.is_empty() => out.line(&clean(message)),
        _ => names(out, response),
    }
    match data["receipt"].as_str() {
        // Without a receipt `undo` goes further back, and does not take back what it did.
        Some(receipt) if response.action == "undo" => {
            out.note(&format!("`{} undo {receipt}` puts it back.", out.command()))
        }
        Some(_) => out.note(&format!("`{} undo` puts it back.", out.command())),
        None => {}
    }
}

/// A file's text as it is; of what is no text, how much there is of it.
fn content(out: &mut Out, data: &Value, message: &str) {
    let encoded = data["content_base64"].as_str().unwrap_or_default();
    let bytes = base64_simd::STANDARD.decode_to_vec(encoded).unwrap_or_default();
    let truncated = data["truncated"] == true;
    match text_of(&bytes, truncated) {
        Some(text) => {
            out.text(text);
            if truncated {
                out.note(&clean(message));
            }
        }
        None => {
            out.line(&clean(message));
            out.note("It is no text; --json has it in base64.");
        }
    }
}

/// Bytes as a text, where they are one; a character that was cut at the end is left out.
fn text_of(bytes: &[u8], truncated: bool) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) if truncated && e.error_len().is_none() => std::str::from_utf8(&bytes[..e.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    (!text.contains('\0')).then_some(text)
}

/// What can be asked, for those who said "what can you do".
fn names(out: &mut Out, response: &Response) {
    let Some(capabilities) = &response.capabilities else { return };
    out.line("What can be asked, by its name:");
    for name in &capabilities.actions {
        if let Some(entry) = steward_agent::action::entry(name) {
            out.line(&format!("  {:<22} {}", entry.name, entry.summary()));
        }
    }
    out.note("`steward capabilities` tells what would work here, and what the policy says.");
}

fn packages(out: &mut Out, found: &[Value]) {
    let row = |p: &Value| [text(&p["name"]), text(&p["version"]), text(&p["summary"])];
    let rows: Vec<[String; 3]> = found.iter().take(MAX_LISTED).map(row).collect();
    for line in table::lines(&rows, table::width()) {
        out.line(&line);
    }
    if found.len() > MAX_LISTED {
        out.line(&format!("… and {} more (--json has all)", found.len() - MAX_LISTED));
    }
}

fn denied(out: &mut Out, message: &str, policy: Option<&PolicyNote>) {
    let why = policy.and_then(|p| p.why.as_deref()).map(|w| format!(": {w}")).unwrap_or_default();
    out.error(&format!("{message}{why}"));
    if let Some(instead) = policy.and_then(|p| p.instead.as_deref()) {
        out.say_aside(&format!("  {instead}"));
    }
    if let Some(rule) = policy.and_then(|p| p.rule.as_deref()) {
        out.note(&format!("  (the rule `{rule}`; `steward policy explain` tells more)"));
    }
}

/// What to do about an error, from its data.
fn hints(out: &mut Out, response: &Response) {
    let Some(data) = response.data.as_deref() else { return };
    let said = response.message.as_deref().unwrap_or_default();
    let near: Vec<String> = strings(&data["near"]).into_iter().filter(|n| !said.contains(n.as_str())).collect();
    if !near.is_empty() {
        out.note("  What can be asked and is near:");
        near.iter().for_each(|n| out.note(&format!("    {n}")));
    }
    if let Some(readings) = data["readings"].as_array() {
        out.note("  It can mean:");
        for reading in readings {
            out.note(&format!("    steward call {} {}", text(&reading["name"]), quoted(&text(&reading["payload"]))));
        }
    }
    for note in data["notes"].as_array().into_iter().flatten() {
        out.note(&format!("    {:>4}  {}", text(&note["id"]), text(&note["text"])));
    }
    if response.code == Some(Code::ApproverNotAllowed) {
        out.note("  (docs/threat-model.md tells why a request cannot be approved from where it came)");
    }
    for line in strings(&data["output"]) {
        out.note(&format!("    {line}"));
    }
    if data["receipt"].is_string() {
        out.note(&format!("Part of it was done; `{} undo` puts that back.", out.command()));
    }
}

/// Prints what would happen: ours first, the requester's words last.
pub(crate) fn preview(out: &mut Out, preview: &Preview) {
    out.line(&out.styled(Look::Bold, &one_line(&preview.summary)));
    let rows: Vec<[String; 5]> = preview
        .effects
        .iter()
        .map(|e| {
            let word = |t: &Option<String>| t.as_deref().map(one_line).unwrap_or_default();
            let change = match (&e.from, &e.to) {
                (Some(from), Some(to)) => format!("{} → {}", one_line(from), one_line(to)),
                (None, Some(to)) => format!("→ {}", one_line(to)),
                (Some(from), None) => one_line(from),
                (None, None) => word(&e.version),
            };
            let bytes = e.bytes.map(size).unwrap_or_default();
            [one_line(&e.verb), one_line(&e.object), change, word(&e.origin), bytes]
        })
        .collect();
    // Not cut: a person must be able to see all of what is approved.
    for line in table::lines(&rows, usize::MAX) {
        out.line(&format!("  {line}"));
    }
    for fact in &preview.facts {
        out.line(&format!("  {}: {}", one_line(&fact.name), one_line(&fact.value)));
    }
    if let Some(words) = &preview.requester_text {
        out.line(&format!("  in the requester's words: “{}”", one_line(words)));
    }
}

/// Prints a held request as `pending_list` has it.
pub(crate) fn held(out: &mut Out, item: &Value) {
    match serde_json::from_value::<Preview>(item["preview"].clone()) {
        Ok(p) => preview(out, &p),
        Err(_) => {
            let summary = item["summary"].as_str().or(item["action"].as_str()).unwrap_or("a request");
            out.line(&out.styled(Look::Bold, &one_line(summary)));
            for step in item["steps"].as_array().into_iter().flatten() {
                out.line(&format!("  {} {}", text(&step["action"]), one_line(&step["args"].to_string())));
            }
        }
    }
    if let Some(error) = item["preview_error"].as_str() {
        out.line(&out.styled(Look::Yellow, &format!("  what would happen is not known: {}", one_line(error))));
    }
    let caller = item["caller"].as_str().unwrap_or("an unknown program");
    let times = match item["count"].as_u64() {
        Some(n) if n > 1 => format!(", {n} times"),
        _ => String::new(),
    };
    out.line(&format!(
        "  asked by {} of uid {} through {}{times}; {} left",
        one_line(caller),
        text(&item["owner"]),
        text(&item["door"]),
        left(&item["expires_in"])
    ));
    let lengths: Vec<String> = strings(&item["grants"]).into_iter().filter(|g| g != "once").collect();
    if !lengths.is_empty() {
        let lengths = lengths.join(", ").replace('_', "-");
        let scopes = strings(&item["scopes"]).iter().enumerate().map(|(n, s)| format!("{n} = {s}")).collect::<Vec<_>>();
        out.line(&format!("  can be approved for longer: --for {lengths}; --scope {}", scopes.join(", ")));
    }
    if let Some(why) = item["why"].as_str() {
        out.line(&format!("  asked about because: {}", one_line(why)));
    }
}

/// A number of seconds as it is said.
pub(crate) fn left(seconds: &Value) -> String {
    match seconds.as_u64() {
        None => "some time".to_owned(),
        Some(s) if s < 60 => format!("{s} s"),
        Some(s) if s < 3600 => format!("{} min {:02} s", s / 60, s % 60),
        Some(s) => format!("{} h {:02} min", s / 3600, s / 60 % 60),
    }
}

/// A value in a line: strings without quotes.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(s) => one_line(s),
        other => one_line(&other.to_string()),
    }
}

/// The strings of an array, also those of objects that have one to say.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        Value::String(s) => s.lines().map(one_line).collect(),
        _ => Vec::new(),
    }
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:,+@%".contains(c);
    match word {
        "" => String::new(),
        w if w.chars().all(plain) => w.to_owned(),
        w => format!("'{}'", w.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_said_in_their_unit() {
        for (seconds, said) in [(5, "5 s"), (299, "4 min 59 s"), (7260, "2 h 01 min")] {
            assert_eq!(left(&json!(seconds)), said);
        }
    }

    #[test]
    fn a_file_is_a_text_where_its_bytes_are_one() {
        for (bytes, truncated, text) in [
            (&b"a\n"[..], false, Some("a\n")),
            (b"", false, Some("")),
            ("é".as_bytes(), false, Some("é")),
            (b"a\xc3", true, Some("a")),
            (b"a\xc3", false, None),
            (b"\xff\xfea", true, None),
            (b"a\0b", false, None),
        ] {
            assert_eq!(text_of(bytes, truncated), text, "{bytes:?}");
        }
    }

    #[test]
    fn a_payload_is_one_word_for_a_shell() {
        for (word, shell) in [("", ""), ("vim,curl", "vim,curl"), ("it's", r"'it'\''s'"), ("a b", "'a b'")] {
            assert_eq!(quoted(word), shell);
        }
    }
}
