//! What can be done here, and what the policy says to it.

use serde_json::{Map, Value, json};
use steward_ipc::{Request, Status};

use crate::connection::{Connection, Fault};
use crate::exit::Exit;
use crate::out::{Form, Look, Out};
use crate::show::text;
use crate::{show, table};

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// A line for each action.
    Table,
    /// Everything.
    Details,
}

impl From<bool> for Depth {
    fn from(details: bool) -> Depth {
        if details { Depth::Details } else { Depth::Table }
    }
}

/// Lists actions; only `names` when there are any.
///
/// # Errors
/// When there is no answer, or no action has one of the names.
pub(crate) fn run(agent: &mut Connection, out: &mut Out, depth: Depth, names: &[String]) -> Result<Exit, Fault> {
    let answer = agent.request(&question(out.form == Form::Human || depth == Depth::Details), out)?;
    if answer.status != Status::Ok {
        show::reply(out, &answer);
        return Ok(Exit::of(&answer));
    }
    let data = answer.data.as_deref().unwrap_or(&Value::Null);
    let all = data["actions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if let (Some(unknown), false) = (names.iter().find(|n| !all.iter().any(|a| a["name"] == **n)), all.is_empty()) {
        let near = steward_agent::action::near(unknown);
        let hint = near.first().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
        return Err(Fault::Usage(format!("no action is named `{unknown}`{hint}")));
    }
    if out.form == Form::Json {
        out.json(&answer);
        return Ok(Exit::Done);
    }
    let chosen: Vec<&Value> =
        all.iter().filter(|a| names.is_empty() || names.iter().any(|n| a["name"] == **n)).collect();
    match depth {
        Depth::Details => chosen.iter().for_each(|a| details(out, a)),
        Depth::Table => listed(out, &chosen),
    }
    Ok(Exit::Done)
}

/// The request for what the agent can do.
pub(super) fn question(details: bool) -> Request<'static> {
    let mut args = Map::new();
    if details {
        args.insert("details".to_owned(), json!(true));
    }
    Request::with_args("get_capabilities", args)
}

/// What the policy says, in a word for people, or two where the arguments and the machine decide.
fn verdict(action: &Value) -> String {
    let word = |verdict: &Value| match verdict.as_str() {
        Some("ok") => "yes",
        Some("confirm") => "asks",
        Some("deny") => "no",
        _ => "?",
    };
    match (word(&action["verdict"]), word(&action["verdict_possible"])) {
        (usual, "?") => usual.to_owned(),
        (usual, possible) if usual == possible => usual.to_owned(),
        (usual, possible) => format!("{usual} or {possible}"),
    }
}

fn listed(out: &mut Out, actions: &[&Value]) {
    let mut rows = vec![["ACTION", "HERE", "ALLOWED", "WHAT IT DOES"].map(str::to_owned)];
    for a in actions {
        let here = if a["available"] == true { "yes" } else { "no" };
        rows.push([text(&a["name"]), here.to_owned(), verdict(a), text(&a["summary"])]);
    }
    for (n, line) in table::lines(&rows, table::width()).iter().enumerate() {
        let there = n > 0 && rows[n][1] == "yes";
        let line = if there { line.clone() } else { out.styled(Look::Dim, line) };
        out.line(&line);
    }
    out.note("HERE: whether this machine has what it needs (`steward doctor` tells why not). ALLOWED: what the policy says to you; where there are two words, the arguments and the machine decide.");
}

fn details(out: &mut Out, action: &Value) {
    let name = out.styled(Look::Bold, &text(&action["name"]));
    out.line(&name);
    out.line(&format!("  {}", text(&action["summary"])));
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            out.line(&format!("  {:<9} {value}", format!("{name}:")));
        }
    };
    fact(
        "here",
        match action["why_not"].as_str() {
            None => "yes".to_owned(),
            Some(why) => format!("no: {}", crate::out::one_line(why)),
        },
    );
    fact("allowed", verdict(action));
    let (risk, possible) = (text(&action["risk"]), text(&action["risk_possible"]));
    fact("risk", if risk == possible { risk } else { format!("{risk}, up to {possible}") });
    fact("needs", text(&action["needs"]));
    fact("undo", text(&action["undo"]));
    let properties = action["args"]["properties"].as_object();
    for (n, (arg, schema)) in properties.into_iter().flatten().enumerate() {
        let said = schema["description"].as_str().unwrap_or_default().replace('\n', " ");
        let label = if n == 0 { "args:" } else { "" };
        out.line(&format!("  {label:<9} {}: {}", crate::out::one_line(arg), crate::out::one_line(&said)));
    }
    for (n, example) in action["examples"].as_array().into_iter().flatten().enumerate() {
        let label = if n == 0 { "examples:" } else { "" };
        let typed = match example["say"].as_str() {
            Some(words) => format!("steward do {}", crate::out::one_line(words)),
            None => format!("steward call {} {}", text(&action["name"]), show::quoted(&text(&example["payload"]))),
        };
        out.line(&format!("  {label:<9} {}", typed.trim_end()));
    }
    out.line("");
}
