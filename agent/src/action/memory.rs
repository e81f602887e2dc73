//! Notes: remembered, read and forgotten.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use steward_ipc::{Code, Effect, Preview};
use steward_policy::{ArgKind, OwnedArg, Risk};

use super::types::{count, visible};
use super::{Capability, Example, Perform, Ready, Shown, call, say};
use crate::memory::{FORGOTTEN_FOR, MemoryError, Note};
use crate::reply::{Failure, Outcome, Undo};
use crate::services::Context;

/// How many notes the sentence of `read_context` has; all are in its `data`.
const LAST: usize = 5;
/// How many notes `data` has at most, the newest ones.
const MAX_LISTED: usize = 1000;

impl From<MemoryError> for Failure {
    fn from(error: MemoryError) -> Failure {
        let code = match &error {
            MemoryError::Log(_) | MemoryError::Full => Code::Failed,
            MemoryError::NotFound => Code::Failed,
            MemoryError::Empty | MemoryError::TooLong(_) | MemoryError::Hidden(_) => Code::InvalidPayload,
        };
        Failure::new(code, error.to_string())
    }
}

/// What the audit keeps of a text: its length and a digest, never the text.
fn redacted(text: &str) -> Value {
    let digest = Sha256::digest(text.as_bytes());
    json!({ "bytes": text.len(), "sha256": digest[..8].iter().map(|b| format!("{b:02x}")).collect::<String>() })
}

/// Keeps a note.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remember {
    /// The text, kept to the letter.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The id of a forgotten note to bring back instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<u64>,
}

impl Capability for Remember {
    const NAME: &'static str = "remember";
    const RISK: Risk = Risk::Low;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("text", ArgKind::Text)];
    const PHRASES: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] = &[
        say("remember that my name is Sam", Some("my name is Sam")),
        say("note that the demo room is B12", Some("the demo room is B12")),
        call(Some("my name is Sam")),
    ];

    fn from_payload(payload: Option<&str>) -> Result<Remember, Failure> {
        match payload {
            Some(text) if !text.trim().is_empty() => Ok(Remember { text: text.to_owned(), restore: None }),
            _ => Err(Failure::invalid_payload("missing memory text")),
        }
    }

    fn payload(&self) -> Option<String> {
        (!self.text.is_empty()).then(|| self.text.clone())
    }
}

impl Perform for Remember {
    const UNDO: &'static str = "yes";

    fn sentence(&self) -> String {
        match self.restore {
            Some(id) => format!("Bring the forgotten note {id} back"),
            None => format!("Keep a note of {}", count(self.text.chars().count(), "character")),
        }
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        vec![("text", OwnedArg::Text(self.text.clone()))]
    }

    fn audited(&self) -> Value {
        match self.restore {
            Some(id) => json!({ "restore": id }),
            None => json!({ "text": redacted(&self.text) }),
        }
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        let text = match self.restore {
            Some(id) => cx.services.memory.find(cx.owner, id).ok_or(MemoryError::NotFound)?.text,
            None => self.text.clone(),
        };
        let mut shown = Shown::sentence(self.sentence());
        shown.preview.requester_text = Some(visible(&text, 500));
        Ok(shown)
    }

    async fn run(&self, cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        let memory = &cx.services.memory;
        let (note, message, before) = match self.restore {
            Some(id) => (memory.restore(cx.owner, id).await?, "The note is back.", json!("forgotten")),
            None if self.text.trim().is_empty() => return Err(MemoryError::Empty.into()),
            None => {
                let who = cx.caller.label();
                (memory.remember(cx.owner, &who, &self.text).await?, "I'll remember that.", Value::Null)
            }
        };
        Ok(Outcome::says(message).with(json!({ "id": note.id, "ts": note.ts })).undone_by(Undo {
            action: Forget::NAME.to_owned(),
            args: json!({ "id": note.id }),
            before,
            after: json!("kept"),
            only: None,
            within: None,
        }))
    }

    async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
        Ok(match self.restore {
            Some(id) => state(cx, id),
            None => Value::Null,
        })
    }
}

fn state(cx: &Context<'_>, id: u64) -> Value {
    match cx.services.memory.find(cx.owner, id) {
        None => json!("gone"),
        Some(Note { forgotten: Some(_), .. }) => json!("forgotten"),
        Some(_) => json!("kept"),
    }
}

/// Tells what was remembered: the last five notes, or those that have all of the given words.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadContext {
    /// Words to search for; absent or `default` for the last notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

impl Capability for ReadContext {
    const NAME: &'static str = "read_context";
    const RISK: Risk = Risk::Observe;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("words", ArgKind::Text)];
    const PHRASES: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] =
        &[say("what do you remember", None), say("show my notes", None), call(Some("default")), call(Some("printer"))];

    fn from_payload(payload: Option<&str>) -> Result<ReadContext, Failure> {
        let words = payload.map(str::trim).filter(|p| !p.is_empty() && *p != "default");
        Ok(ReadContext { words: words.map(str::to_owned) })
    }

    fn payload(&self) -> Option<String> {
        self.words.clone()
    }
}

impl Perform for ReadContext {
    fn sentence(&self) -> String {
        match &self.words {
            Some(words) => format!("Look for `{}` in the notes", visible(words, 80)),
            None => "Read the last notes".to_owned(),
        }
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        self.words.iter().map(|w| ("words", OwnedArg::Text(w.clone()))).collect()
    }

    fn audited(&self) -> Value {
        json!({ "words": self.words.as_deref().map(redacted) })
    }

    async fn run(&self, cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        let notes = cx.services.memory.read(cx.owner, self.words.as_deref());
        let last = &notes[notes.len().saturating_sub(LAST)..];
        let joined = last.iter().map(|n| n.text.as_str()).collect::<Vec<_>>().join(" | ");
        let message = match (&self.words, notes.len()) {
            (None, 0) => "No saved context yet.".to_owned(),
            (None, _) => format!("Recent context: {joined}"),
            (Some(words), 0) => format!("No note has `{}`.", visible(words, 80)),
            (Some(_), n) if n > LAST => format!("{}, the last of them: {joined}", count(n, "note")),
            (Some(_), n) => format!("{}: {joined}", count(n, "note")),
        };
        let listed: Vec<Value> = notes
            .iter()
            .skip(notes.len().saturating_sub(MAX_LISTED))
            .map(|n| json!({ "id": n.id, "ts": n.ts, "caller": n.caller, "text": n.text }))
            .collect();
        Ok(Outcome::says(message).with(json!({ "notes": listed, "total": notes.len() })))
    }
}

/// Forgets a note; for ten minutes it can be brought back.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Forget {
    /// The note's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Words that one note alone has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// Whether its text is overwritten at once and cannot be brought back.
    #[serde(default)]
    pub purge: bool,
}

impl Capability for Forget {
    const NAME: &'static str = "forget";
    const RISK: Risk = Risk::Reversible;
    const RISK_POSSIBLE: Risk = Risk::Destructive;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("words", ArgKind::Text), ("id", ArgKind::Number)];
    const PHRASES: &'static [&'static str] = &[];
    const EXAMPLES: &'static [Example] =
        &[say("forget note 7", Some("7")), say("forget about the printer", Some("printer")), call(Some("7"))];

    fn from_payload(payload: Option<&str>) -> Result<Forget, Failure> {
        let text = payload.map(str::trim).filter(|p| !p.is_empty());
        let text = text.ok_or_else(|| Failure::invalid_payload("missing note; send its id, or words that it has"))?;
        Ok(match text.parse() {
            Ok(id) => Forget { id: Some(id), words: None, purge: false },
            Err(_) => Forget { id: None, words: Some(text.to_owned()), purge: false },
        })
    }

    fn payload(&self) -> Option<String> {
        match self.purge {
            true => None,
            false => self.id.map(|id| id.to_string()).or_else(|| self.words.clone()),
        }
    }
}

impl Forget {
    /// The one note that is meant.
    fn note(&self, cx: &Context<'_>) -> Result<Note, Failure> {
        let memory = &cx.services.memory;
        match (self.id, &self.words) {
            (Some(id), None) => {
                let note = memory.find(cx.owner, id).filter(|n| self.purge || n.forgotten.is_none());
                Ok(note.ok_or(MemoryError::NotFound)?)
            }
            (None, Some(words)) if !words.trim().is_empty() => {
                let mut found = memory.read(cx.owner, Some(words));
                match (found.pop(), found.is_empty()) {
                    (None, _) => Err(MemoryError::NotFound.into()),
                    (Some(note), true) => Ok(note),
                    (Some(last), false) => {
                        found.push(last);
                        let listed: Vec<Value> =
                            found.iter().take(20).map(|n| json!({ "id": n.id, "text": n.text })).collect();
                        let message =
                            format!("{} have these words; forget one by its id", count(found.len(), "note"));
                        Err(Failure::new(Code::Ambiguous, message).with(json!({ "notes": listed })))
                    }
                }
            }
            _ => Err(Failure::invalid_payload("give either `id` or `words`")),
        }
    }
}

impl Perform for Forget {
    const UNDO: &'static str = "10 minutes";

    fn sentence(&self) -> String {
        match (self.id, &self.words) {
            (Some(id), _) => format!("Forget note {id}"),
            (None, words) => format!("Forget the note with `{}`", visible(words.as_deref().unwrap_or_default(), 80)),
        }
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        let words = self.words.iter().map(|w| ("words", OwnedArg::Text(w.clone())));
        words.chain(self.id.map(|id| ("id", OwnedArg::Number(id.try_into().unwrap_or(i64::MAX))))).collect()
    }

    fn audited(&self) -> Value {
        json!({ "id": self.id, "words": self.words.as_deref().map(redacted), "purge": self.purge })
    }

    /// What cannot be brought back is destructive.
    async fn look(&self, _cx: &Context<'_>) -> Result<super::Look, Failure> {
        let risk = if self.purge { Self::RISK_POSSIBLE } else { Self::RISK };
        Ok(super::Look { risk, facts: self.facts(), opened: None })
    }

    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        let note = self.note(cx)?;
        let effect = Effect { verb: "forget".into(), object: format!("note {}", note.id), ..Effect::default() };
        let preview = Preview {
            summary: format!("Forget note {}", note.id),
            effects: vec![effect],
            requester_text: Some(visible(&note.text, 500)),
            ..Preview::default()
        };
        Ok(Shown { preview, ..Shown::default() })
    }

    async fn run(&self, cx: &Context<'_>, _ready: Ready) -> Result<Outcome, Failure> {
        let note = self.note(cx)?;
        cx.services.memory.forget(cx.owner, note.id, self.purge).await?;
        let outcome = Outcome::says("I forgot that.").with(json!({ "id": note.id }));
        if self.purge {
            return Ok(outcome);
        }
        Ok(outcome.undone_by(Undo {
            action: Remember::NAME.to_owned(),
            args: json!({ "restore": note.id }),
            before: json!("kept"),
            after: json!("forgotten"),
            only: None,
            within: u32::try_from(FORGOTTEN_FOR).ok(),
        }))
    }

    async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
        Ok(self.id.map_or(Value::Null, |id| state(cx, id)))
    }
}
