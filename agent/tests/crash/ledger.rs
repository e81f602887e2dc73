//! What a client knows: what it sent, what it was answered, and what must therefore be true.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use steward_agent::audit;
use steward_ipc::{Client, Code, Response, Status};

use super::world::{LONG, World, ask, data, must, state_of};

/// How many live notes with a text there are: at least and at most.
#[derive(Clone, Copy, Debug, Default)]
struct Copies {
    least: u32,
    most: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Confirm,
    Reject,
    Cancel,
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Verb::Confirm => "confirm",
            Verb::Reject => "reject",
            Verb::Cancel => "cancel",
        }
    }
}

/// A held request whose id was answered.
#[derive(Debug)]
struct Waiting {
    /// What changes when it is carried out.
    deed: Deed,
    /// What was tried without an answer.
    tried: Vec<Verb>,
    /// What was answered, and how.
    answered: Option<(Verb, Response)>,
    /// The state after the last restart, when it is an end.
    ended: Option<String>,
}

#[derive(Clone, Debug)]
enum Deed {
    /// A note more.
    Remember(String),
    /// A note less, and its text nowhere on disk.
    Purge(String),
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    notes: BTreeMap<String, Copies>,
    /// The ids of the notes that were answered, by text.
    ids: HashMap<String, u64>,
    waiting: BTreeMap<String, Waiting>,
    /// Receipts that were answered, and those that were used for sure.
    receipts: Vec<String>,
    used: BTreeSet<String>,
    /// The grant, and whether it is there.
    grant: Option<(String, Copies)>,
    /// Texts that must not be on disk any more.
    purged: Vec<String>,
}

/// Nobody answered: the daemon is gone.
pub(crate) struct Gone;

impl Ledger {
    fn copies(&mut self, text: &str) -> &mut Copies {
        self.notes.entry(text.to_owned()).or_default()
    }

    pub(crate) fn remember(&mut self, client: &mut Client, text: &str) -> Result<(), Gone> {
        self.copies(text).most += 1;
        let response = ask(client, "remember", json!({ "text": text })).ok_or(Gone)?;
        self.kept(text, &response);
        Ok(())
    }

    fn kept(&mut self, text: &str, response: &Response) {
        match (response.status, response.code) {
            (Status::Ok, _) => {
                self.copies(text).least += 1;
                if let Some(id) = data(response, "id").as_u64() {
                    self.ids.insert(text.to_owned(), id);
                }
                self.receipts.extend(data(response, "receipt").as_str().map(str::to_owned));
            }
            // Answered with nothing done.
            (Status::Error, Some(Code::Failed | Code::Overloaded)) => self.copies(text).most -= 1,
            _ => panic!("{response:?}"),
        }
    }

    /// Asks for a note that a person has to agree to; gives its id.
    pub(crate) fn hold(&mut self, client: &mut Client, text: &str) -> Result<Option<String>, Gone> {
        let response = ask(client, "remember", json!({ "text": text })).ok_or(Gone)?;
        if response.code == Some(Code::RateLimited) {
            return Ok(None);
        }
        assert_eq!(response.status, Status::Confirm, "{response:?}");
        self.holds(response, Deed::Remember(text.to_owned()))
    }

    /// Asks to overwrite a note, which a person has to agree to.
    pub(crate) fn hold_purge(&mut self, client: &mut Client, text: &str) -> Result<Option<String>, Gone> {
        let id = self.ids[text];
        let response = ask(client, "forget", json!({ "id": id, "purge": true })).ok_or(Gone)?;
        assert_eq!(response.status, Status::Confirm, "{response:?}");
        self.holds(response, Deed::Purge(text.to_owned()))
    }

    fn holds(&mut self, response: Response, deed: Deed) -> Result<Option<String>, Gone> {
        let id = response.confirmation_id.expect("a held request has an id");
        let fresh = Waiting { deed, tried: Vec::new(), answered: None, ended: None };
        self.waiting.entry(id.clone()).or_insert(fresh);
        Ok(Some(id))
    }

    pub(crate) fn answer(&mut self, client: &mut Client, verb: Verb, id: &str) -> Result<(), Gone> {
        let waiting = self.waiting.get_mut(id).expect("it was held");
        if waiting.answered.is_some() || waiting.ended.is_some() {
            let again = ask(client, verb.name(), json!({ "id": id })).ok_or(Gone)?;
            assert_eq!(again.status, Status::Error, "{again:?}");
            return Ok(());
        }
        waiting.tried.push(verb);
        let deed = waiting.deed.clone();
        if verb == Verb::Confirm {
            match &deed {
                Deed::Remember(text) => self.copies(text).most += 1,
                Deed::Purge(text) => self.copies(text).least = 0,
            }
        }
        let response = ask(client, verb.name(), json!({ "id": id })).ok_or(Gone)?;
        assert_eq!(response.status, Status::Ok, "{response:?}");
        if verb == Verb::Confirm {
            match &deed {
                Deed::Remember(text) => self.kept(text, &response),
                Deed::Purge(text) => {
                    self.copies(text).most = 0;
                    self.purged.push(text.clone());
                }
            }
        }
        self.waiting.get_mut(id).expect("it was held").answered = Some((verb, response));
        Ok(())
    }

    pub(crate) fn forget(&mut self, client: &mut Client, text: &str) -> Result<(), Gone> {
        let id = self.ids[text];
        self.copies(text).least = 0;
        let response = ask(client, "forget", json!({ "id": id })).ok_or(Gone)?;
        assert_eq!(response.status, Status::Ok, "{response:?}");
        self.copies(text).most = 0;
        self.receipts.extend(data(&response, "receipt").as_str().map(str::to_owned));
        Ok(())
    }

    /// Puts the last change back, which was to the note with this text.
    pub(crate) fn undo(&mut self, client: &mut Client, text: &str) -> Result<(), Gone> {
        let was = *self.copies(text);
        *self.copies(text) = Copies { least: 0, most: 1 };
        let receipt = self.receipts.last().expect("there is a receipt").clone();
        let response = ask(client, "undo", json!({ "receipt": receipt })).ok_or(Gone)?;
        assert_eq!(response.status, Status::Ok, "{response:?}");
        let now = 1 - was.least;
        *self.copies(text) = Copies { least: now, most: now };
        self.used.insert(receipt);
        self.receipts.extend(data(&response, "receipt").as_str().map(str::to_owned));
        Ok(())
    }

    #[cfg(feature = "fault-injection")]
    /// From now on there is a grant with this id for notes that say `text`.
    pub(crate) fn granted(&mut self, id: &str) {
        self.grant = Some((id.to_owned(), Copies { least: 1, most: 1 }));
    }

    #[cfg(feature = "fault-injection")]
    pub(crate) fn revoke(&mut self, client: &mut Client) -> Result<(), Gone> {
        let (id, there) = self.grant.as_mut().expect("there is a grant");
        there.least = 0;
        let response = ask(client, "grant_revoke", json!({ "id": id })).ok_or(Gone)?;
        assert_eq!(response.status, Status::Ok, "{response:?}");
        there.most = 0;
        Ok(())
    }

    /// Compares with what a restarted daemon says, and from then on takes that as known.
    pub(crate) fn check(&mut self, client: &mut Client, world: &World) {
        let mut live: HashMap<String, u32> = HashMap::new();
        let context = must(client, "read_context", json!({}));
        let notes = data(&context, "notes");
        for note in notes.as_array().expect("notes") {
            *live.entry(note["text"].as_str().expect("a text").to_owned()).or_default() += 1;
        }
        let count = |text: &str| live.get(text).copied().unwrap_or(0);
        for (text, copies) in &mut self.notes {
            let now = count(text);
            assert!((copies.least..=copies.most).contains(&now), "`{text}` is there {now} times, not {copies:?}");
            *copies = Copies { least: now, most: now };
        }
        for text in live.keys() {
            assert!(self.notes.contains_key(text), "nobody sent `{text}`");
        }

        let purges = self.waiting.values().any(|w| matches!(w.deed, Deed::Purge(_)));
        for (id, waiting) in &mut self.waiting {
            let (state, result) = state_of(client, id);
            let allowed: Vec<&str> = match (&waiting.ended, &waiting.answered) {
                (Some(ended), _) => vec![ended],
                (None, Some((Verb::Confirm, _))) => vec!["done"],
                (None, Some((Verb::Reject, _))) => vec!["denied"],
                (None, Some((Verb::Cancel, _))) => vec!["cancelled"],
                (None, None) => {
                    let ends = waiting.tried.iter().flat_map(|verb| match verb {
                        Verb::Confirm => vec!["done", "failed", "unknown"],
                        Verb::Reject => vec!["denied"],
                        Verb::Cancel => vec!["cancelled"],
                    });
                    ends.chain(["pending"]).collect()
                }
            };
            assert!(allowed.contains(&state.as_str()), "{id} is {state}, not one of {allowed:?}: {waiting:?}");
            if let Some((Verb::Confirm, answer)) = &waiting.answered {
                let reply = data(&result, "reply");
                let same = reply["data"] == json!(answer.data);
                // Whoever overwrites a note takes the facts of ended requests away with it.
                assert!(same || (purges && reply["data"].is_null()), "{reply} is not the answer as before: {answer:?}");
            }
            if waiting.ended.is_none() {
                let there = match &waiting.deed {
                    Deed::Remember(text) => count(text) == 1,
                    Deed::Purge(text) => count(text) == 0,
                };
                let done_or_not = match state.as_str() {
                    "done" => Some(true),
                    "unknown" => None,
                    _ => Some(false),
                };
                assert!(done_or_not.is_none_or(|d| d == there), "{id} is {state}, its effect is there: {there}");
            }
            if let Deed::Purge(text) = &waiting.deed
                && count(text) == 0
            {
                self.purged.push(text.clone());
            }
            if state != "pending" {
                waiting.ended = Some(state);
            }
        }
        if let Some((id, there)) = &mut self.grant {
            let grants = data(&must(client, "grants_list", json!({})), "grants");
            let now = u32::from(grants.as_array().expect("grants").iter().any(|g| g["id"] == **id));
            assert!((there.least..=there.most).contains(&now), "the grant is there {now} times, not {there:?}");
            *there = Copies { least: now, most: now };
        }
        for text in &self.purged {
            for file in ["memory.jsonl", "journal.jsonl"] {
                let there =
                    || String::from_utf8_lossy(&std::fs::read(world.state.join(file)).unwrap()).contains(text.as_str());
                // Where it was interrupted, the restarted daemon does it beside its work, or when it tidies next: each 30 seconds.
                let until = Instant::now() + 2 * LONG;
                while there() {
                    assert!(Instant::now() < until, "`{text}` is still in {file}");
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
        }
    }

    /// Answers everything that still waits, and sees that nothing can be answered twice.
    pub(crate) fn settle(&mut self, client: &mut Client) -> Result<(), Gone> {
        let ids: Vec<String> = self.waiting.keys().cloned().collect();
        for id in ids {
            if self.waiting[&id].ended.is_none() {
                self.waiting.get_mut(&id).expect("it was held").answered = None;
                self.answer(client, Verb::Confirm, &id)?;
                self.waiting.get_mut(&id).expect("it was held").ended = Some("done".to_owned());
            }
            let again = ask(client, "confirm", json!({ "id": id })).ok_or(Gone)?;
            let expected = match self.waiting[&id].ended.as_deref() {
                Some("done" | "failed" | "unknown") => Code::ConfirmationUsed,
                Some("denied") => Code::ConfirmationRejected,
                Some("cancelled") => Code::ConfirmationNotFound,
                other => panic!("{other:?}"),
            };
            assert_eq!((again.status, again.code), (Status::Error, Some(expected)), "{again:?}");
        }
        for receipt in &self.used {
            let again = ask(client, "undo", json!({ "receipt": receipt })).ok_or(Gone)?;
            assert_eq!(again.status, Status::Error, "a receipt is good for once: {again:?}");
        }
        Ok(())
    }
}

#[cfg(not(feature = "fault-injection"))]
impl Ledger {
    /// Takes in what another client knows.
    pub(crate) fn add(&mut self, other: Ledger) {
        self.notes.extend(other.notes);
        self.ids.extend(other.ids);
        self.waiting.extend(other.waiting);
        self.used.extend(other.used);
        self.purged.extend(other.purged);
    }
}

impl Ledger {
    /// Asks for everything that waits to be carried out by a daemon that may die over it.
    #[cfg(feature = "fault-injection")]
    pub(crate) fn settle_blindly(&mut self, client: &mut Client) -> Result<(), Gone> {
        let ids: Vec<String> = self.waiting.keys().cloned().collect();
        for id in ids {
            let waiting = self.waiting.get_mut(&id).expect("it was held");
            let open = waiting.answered.is_none();
            if open {
                waiting.tried.push(Verb::Confirm);
                if let Deed::Remember(text) = waiting.deed.clone() {
                    self.copies(&text).most = 1;
                }
            }
            ask(client, "result", json!({ "id": id, "wait": 1 })).ok_or(Gone)?;
            if open {
                ask(client, "confirm", json!({ "id": id })).ok_or(Gone)?;
            }
        }
        Ok(())
    }
}

/// What the files say, with the daemon dead or alive but idle: the audit log is whole, every act has one end, nothing ran twice, and
/// the gate's journal has at most one release and one end for each request.
pub(crate) fn check_files(world: &World) {
    let place = audit::Config::new(&world.state).place();
    let report = audit::verify(&place, &[]).expect("the audit log can be read");
    assert!(report.is_whole(), "{report}");
    let until = Instant::now() + LONG;
    let (mut began, mut ended, mut released) = acts(&place);
    // A restarted daemon finds out beside its work what became of the rest.
    while began != ended && Instant::now() < until && world.is_alive() {
        std::thread::sleep(Duration::from_millis(2));
        (began, ended, released) = acts(&place);
    }
    assert_eq!(began, ended, "every act has one end");
    assert!(began.values().chain(released.values()).all(|n| *n == 1), "something ran twice: {began:?} {released:?}");

    let journal = std::fs::read_to_string(world.state.join("journal.jsonl")).expect("a journal");
    let mut lines: HashMap<(String, bool), u32> = HashMap::new();
    for line in journal.lines() {
        let line: Value = serde_json::from_str(line).expect("a line");
        let kind = line["kind"].as_str().expect("a kind");
        if !matches!(kind, "held" | "grant" | "grant_used" | "grant_revoked") {
            let id = line["data"]["id"].as_str().expect("an id").to_owned();
            *lines.entry((id, kind == "executing")).or_default() += 1;
        }
    }
    assert!(lines.values().all(|n| *n == 1), "released or ended twice: {lines:?}");
}

type Counts = HashMap<String, u32>;

/// How often each request began, how often it ended, and how often each confirmation was released.
fn acts(place: &audit::Place) -> (Counts, Counts, Counts) {
    let (mut began, mut ended, mut released) = (Counts::new(), Counts::new(), Counts::new());
    for record in audit::read(place).expect("the audit log can be read") {
        let record = record.expect("a record");
        let Some(id) = record.text("id").map(str::to_owned) else { continue };
        match record.text("kind") {
            Some("judged") if record.fields.get("runs") == Some(&Value::Bool(true)) => {
                *began.entry(id).or_default() += 1;
                if let Some(confirmation) = record.text("confirmation") {
                    *released.entry(confirmation.to_owned()).or_default() += 1;
                }
            }
            Some("finished" | "unknown") => *ended.entry(id).or_default() += 1,
            _ => {}
        }
    }
    (began, ended, released)
}
