//! Held requests and standing approvals: what waits, yes, no, and what became of it.

use serde_json::{Map, Value, json};
use steward_ipc::{Code, Request, Response, Status};
use uuid::Uuid;

use super::settle::{self, Wait};
use crate::args::{GrantsCommand, Length};
use crate::ask::{Answer, ask};
use crate::connection::{Connection, Fault};
use crate::exit::Exit;
use crate::out::{Form, Look, Out};
use crate::{show, table};

/// The fewest characters of an id that stand for it.
const MIN_PREFIX: usize = 4;
/// The length of a whole id.
const WHOLE: usize = 36;

/// A yes, as it was typed.
#[derive(Debug)]
pub(crate) struct Approval {
    /// The id, or its beginning.
    pub(crate) id: String,
    /// How long it lasts.
    pub(crate) length: Option<Length>,
    /// What a longer one covers.
    pub(crate) scope: Option<usize>,
    /// What the yes is for.
    pub(crate) gives: Gives,
    /// Whether to look first.
    pub(crate) look: LookFirst,
}

/// What a yes gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    /// The order to do it.
    Order,
    /// A token, with which whoever asked has it done.
    Token,
}

/// Whether a person sees what they approve before they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LookFirst {
    /// On a terminal it is shown and asked about.
    OnATerminal,
    /// It was looked at already.
    No,
}

impl From<bool> for LookFirst {
    fn from(yes: bool) -> LookFirst {
        if yes { LookFirst::No } else { LookFirst::OnATerminal }
    }
}

/// Lists what waits.
///
/// # Errors
/// When there is no answer.
pub(crate) fn pending(agent: &mut Connection, out: &mut Out) -> Result<Exit, Fault> {
    let answer = agent.request(&Request::new("pending_list", None), out)?;
    let items = list(&answer, "pending");
    if out.form == Form::Json || answer.status != Status::Ok || items.is_empty() {
        show::reply(out, &answer);
        return Ok(Exit::of(&answer));
    }
    if out.is_quiet() {
        items.iter().for_each(|item| out.line(&show::text(&item["id"])));
        return Ok(Exit::Done);
    }
    let mut rows = vec![["ID", "LEFT", "ASKED BY", "ANSWER AT", "WHAT"].map(str::to_owned)];
    for item in items {
        let what = if item["summary"].is_string() { &item["summary"] } else { &item["action"] };
        let caller = show::text(&item["caller"]);
        let caller = caller.rsplit('/').next().unwrap_or_default().to_owned();
        rows.push([
            show::text(&item["id"]),
            show::left(&item["expires_in"]),
            caller,
            show::text(&item["assurance"]),
            show::text(what),
        ]);
    }
    print(out, &rows);
    out.note(&format!("{0} approve ID shows one and asks; {0} deny ID refuses it.", out.command()));
    Ok(Exit::Done)
}

/// Says yes. On a terminal what would happen is shown first.
///
/// # Errors
/// When there is no answer, or the beginning of an id stands for none or several.
pub(crate) fn approve(agent: &mut Connection, out: &mut Out, approval: &Approval) -> Result<Exit, Fault> {
    let looks = approval.look == LookFirst::OnATerminal && out.can_ask();
    let id = if looks || approval.id.len() != WHOLE {
        let answer = agent.request(&Request::new("pending_list", None), out)?;
        let items = list(&answer, "pending");
        let id = whole_id(&approval.id, items)?;
        if looks {
            // Nothing is approved that was not shown: what is not in the list has ended, or is somebody else's.
            let Some(item) = items.iter().find(|i| i["id"] == *id) else {
                return plain(agent, out, &Request::new("result", Some(&id)));
            };
            show::held(out, item);
            if let Some(why) = item["cannot_answer"].as_str() {
                out.error(why);
                return Ok(Exit::of_code(Code::ApproverNotAllowed));
            }
            let lasting = match approval.length {
                None | Some(Length::Once) => "Approve it?".to_owned(),
                Some(length) => format!("Approve it, and the like ({})?", length.word().replace('_', " ")),
            };
            if ask(&lasting) == Answer::No {
                out.line(&format!("Nothing was answered. To refuse it: {} deny {id}", out.command()));
                return Ok(Exit::Held);
            }
        }
        id
    } else {
        approval.id.clone()
    };
    let mut args = Map::new();
    args.insert("id".to_owned(), json!(id));
    if let Some(length) = approval.length {
        args.insert("grant".to_owned(), json!(length.word()));
    }
    if let Some(scope) = approval.scope {
        args.insert("scope".to_owned(), json!(scope));
    }
    if approval.gives == Gives::Token {
        args.insert("token".to_owned(), json!(true));
        let answer = agent.request(&Request::with_args("confirm", args), out)?;
        let token = answer.data.as_ref().and_then(|d| d["token"].as_str()).map(str::to_owned);
        return match token {
            // The token alone on standard output, for whoever puts it into a plan.
            Some(token) if out.form == Form::Human => {
                out.note(answer.message.as_deref().unwrap_or_default());
                out.line(&token);
                Ok(Exit::Done)
            }
            _ => {
                show::reply(out, &answer);
                Ok(Exit::of(&answer))
            }
        };
    }
    let answer = agent.request(&Request::with_args("confirm", args), out)?;
    settle::settle(agent, out, answer, Wait::No)
}

/// Says no.
///
/// # Errors
/// As [`approve`].
pub(crate) fn deny(agent: &mut Connection, out: &mut Out, id: &str, note: Option<&str>) -> Result<Exit, Fault> {
    let mut args = Map::new();
    args.insert("id".to_owned(), json!(resolve(agent, out, id)?));
    if let Some(note) = note {
        args.insert("note".to_owned(), json!(note));
    }
    plain(agent, out, &Request::with_args("reject", args))
}

/// Withdraws a request.
///
/// # Errors
/// As [`approve`].
pub(crate) fn cancel(agent: &mut Connection, out: &mut Out, id: &str) -> Result<Exit, Fault> {
    let id = resolve(agent, out, id)?;
    plain(agent, out, &Request::new("cancel", Some(&id)))
}

/// Tells what became of a request; waits up to `wait` seconds for its end.
///
/// # Errors
/// When there is no answer.
pub(crate) fn result(agent: &mut Connection, out: &mut Out, id: &str, wait: u32) -> Result<Exit, Fault> {
    // A beginning stands for what still waits; what has ended is asked for by its whole id.
    let id = &resolve(agent, out, id).unwrap_or_else(|_| id.to_owned());
    let mut left = wait;
    loop {
        let most = u32::from(steward_agent::action::meta::MAX_WAIT);
        let now = left.min(most);
        left -= now;
        let answer = agent.request(&settle::result_of(id, u16::try_from(now).unwrap_or(0)), out)?;
        let state = answer.data.as_ref().and_then(|d| d["state"].as_str()).unwrap_or_default();
        if left == 0 || !matches!(state, "pending" | "executing") {
            return Ok(settle::ended(out, &answer));
        }
    }
}

/// Lists standing approvals, or takes one back.
///
/// # Errors
/// When there is no answer.
pub(crate) fn grants(agent: &mut Connection, out: &mut Out, command: Option<GrantsCommand>) -> Result<Exit, Fault> {
    if let Some(GrantsCommand::Revoke { id }) = command {
        return plain(agent, out, &Request::new("grant_revoke", Some(&id)));
    }
    let answer = agent.request(&Request::new("grants_list", None), out)?;
    let items = list(&answer, "grants");
    if out.form == Form::Json || answer.status != Status::Ok || items.is_empty() {
        show::reply(out, &answer);
        return Ok(Exit::of(&answer));
    }
    let mut rows = vec![["ID", "LASTS", "USED", "DOOR", "ACTION", "COVERS"].map(str::to_owned)];
    for g in items {
        let length = show::text(&g["length"]).replace('_', " ");
        rows.push([
            show::text(&g["id"]),
            length,
            show::text(&g["uses"]),
            show::text(&g["door"]),
            show::text(&g["action"]),
            show::text(&g["covers"]),
        ]);
    }
    print(out, &rows);
    Ok(Exit::Done)
}

/// The ids that wait, for completion.
pub(crate) fn pending_ids(agent: &mut Connection, out: &Out) -> Vec<String> {
    let Ok(answer) = agent.request(&Request::new("pending_list", None), out) else { return Vec::new() };
    list(&answer, "pending").iter().filter_map(|i| i["id"].as_str().map(str::to_owned)).collect()
}

fn plain(agent: &mut Connection, out: &mut Out, request: &Request<'_>) -> Result<Exit, Fault> {
    let answer = agent.request(request, out)?;
    show::reply(out, &answer);
    Ok(Exit::of(&answer))
}

/// The whole id that `id` stands for.
fn resolve(agent: &mut Connection, out: &Out, id: &str) -> Result<String, Fault> {
    if let Ok(whole) = Uuid::try_parse(id) {
        // The agent takes an id in any of its forms; it is looked up in the one that lists have.
        return Ok(whole.to_string());
    }
    let answer = agent.request(&Request::new("pending_list", None), out)?;
    whole_id(id, list(&answer, "pending"))
}

fn whole_id(id: &str, items: &[Value]) -> Result<String, Fault> {
    if let Ok(whole) = Uuid::try_parse(id) {
        // The agent takes an id in any of its forms; it is looked up in the one that lists have.
        return Ok(whole.to_string());
    }
    if id.len() < MIN_PREFIX {
        return Err(Fault::Usage(format!(
            "`{id}` is too short for an id: give at least {MIN_PREFIX} of its characters"
        )));
    }
    let ids = items.iter().filter_map(|i| i["id"].as_str());
    let mut found = ids.filter(|whole| whole.starts_with(&id.to_ascii_lowercase()));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.to_owned()),
        (None, _) => Err(Fault::Failed(format!(
            "no request that waits has an id that begins with `{id}`; see `steward pending`"
        ))),
        (Some(_), Some(_)) => Err(Fault::Usage(format!("more than one id begins with `{id}`; give more of it"))),
    }
}

fn list<'a>(answer: &'a Response, key: &str) -> &'a [Value] {
    answer.data.as_ref().and_then(|d| d[key].as_array()).map(Vec::as_slice).unwrap_or_default()
}

/// Prints rows with the first as a heading.
fn print<const N: usize>(out: &mut Out, rows: &[[String; N]]) {
    for (n, line) in table::lines(rows, table::width()).iter().enumerate() {
        let line = if n == 0 { out.styled(Look::Dim, line) } else { line.clone() };
        out.line(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_id_stands_for_it_when_it_is_the_only_one() {
        let items = [
            json!({ "id": "3f8e2c1a-9b64-4d0e-8a57-0c1d2e3f4a5b" }),
            json!({ "id": "3f8effff-9b64-4d0e-8a57-0c1d2e3f4a5b" }),
        ];
        assert_eq!(whole_id("3F8E2", &items).ok().as_deref(), items[0]["id"].as_str());
        for bad in ["3f8", "3f8e", "aaaa"] {
            assert!(whole_id(bad, &items).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_is_looked_up_in_the_form_that_lists_have_however_it_is_written() {
        let whole = "9f35f5c0-7c31-4e8a-b4d5-6e7f8091a2b3";
        let items = [json!({ "id": whole })];
        for form in [whole, &whole.to_uppercase(), &whole.replace('-', ""), "9F35", "9f35f5c0-7c31"] {
            assert_eq!(whole_id(form, &items).ok().as_deref(), Some(whole), "{form}");
        }
    }
}
