//! Notes: remembered, read and forgotten.

use std::sync::Arc;

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
/// How many bytes of text the notes in `data` have at most, the newest notes first.
const MAX_LISTED_BYTES: usize = 256 * 1024;
/// How many bytes of one note a sentence or a choice between notes has; what is longer ends with `…`.
const MAX_IN_SENTENCE: usize = 4 * 1024;
/// The longest words to search for, in bytes.
const MAX_WORDS_BYTES: usize = 256;
/// How many words to search for there may be.
const MAX_WORDS: usize = 16;

/// Whether notes can be searched for these words.
fn check_words(words: &str) -> Result<(), String> {
    if words.len() > MAX_WORDS_BYTES || words.split_whitespace().nth(MAX_WORDS).is_some() {
        return Err(format!("words to search for have at most {MAX_WORDS_BYTES} bytes and are at most {MAX_WORDS}"));
    }
    Ok(())
}

/// Words in `args`, with the same bounds as in a payload.
fn words<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let words = Option::<String>::deserialize(from)?;
    words.as_deref().map_or(Ok(()), check_words).map_err(serde::de::Error::custom)?;
    Ok(words)
}

/// The beginning of a long note, the whole of any other.
fn cut(text: &str) -> String {
    if text.len() <= MAX_IN_SENTENCE {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(MAX_IN_SENTENCE)])
}

/// The newest notes that an answer has room for, of notes that have the oldest first.
fn newest(notes: &[Arc<Note>]) -> &[Arc<Note>] {
    let mut bytes = 0;
    let fits = notes.iter().rev().take(MAX_LISTED).take_while(|n| {
        bytes += n.text.len();
        bytes <= MAX_LISTED_BYTES
    });
    &notes[notes.len() - fits.count()..]
}

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
    // `{note}` takes all that follows to the letter; where the lead-in is weak, `{fact}` wants a statement.
    const PHRASES: &'static [&'static str] = &[
        "remember (that|this|the following|for me|for later|for me that|for later that|the fact that|from now on that|for the future that|\
         for next time that) {note}",
        "(note|note down|take note|make note|jot down|jot|write down|record|store|save|log|memorize|memorise|keep note|scribble down) \
         (that|the following|the fact that|of the fact that) {note}",
        "(note|note down|take note of|make note of|jot down|write down|memorize|memorise|write) this [down] {note}",
        "(record|store|save|log|jot) this {fact}",
        "(make|take|add|save|write|create|store|keep|leave|jot down|write down|record|put down|set|file|post|do|give me|new) (a|an|another|\
         the) [quick|new|short|mental|little|small] (note|memo|memory|entry|note to self) [that|saying|saying that|which says|with|about \
         the fact that|to self|to self that|to say|to myself|to myself that|for me|for me that|reading|of this|of the following|of the \
         fact that] {note}",
        "(note|memo|reminder) (to self|to myself|for me|for myself|for later) [that] {note}",
        "(new note|note this|another note|quick note|add note|add a note|memo) {note}",
        "(please be advised|be advised|just so you know|so you know|so you remember|heads up) that {note}",
        "let me (note that|tell you that|make a note that|leave you a note that) {note}",
        "(remind yourself|tell yourself|store in your memory|keep a record|make a record|put it on record|let it be noted|hold on to the \
         fact|put on record|take down|put down in your notes|write in my notes|put in my notes|write in your notes|save in my notes|log in \
         my notes|make a memo|keep track of the fact|take this down) that {note}",
        "(dont|do not|never|please dont|please do not|you must not|let us not|lets not|cant) forget (that|the fact that|this) {note}",
        "(keep|bear|have) in mind that {note}",
        "(keep|bear) in mind {fact}",
        "(keep|bear|keep it) in memory that {note}",
        "(commit|save|put|add|store) (to memory|to notes|to my notes|to your memory|in memory|in your memory|to your notes|in my notes|\
         into memory) [that|this|the following] {note}",
        "(remember|memorize|memorise|jot down|write down|note down|note|take note|dont forget|do not forget|make a mental note|take down|\
         log|mark down|record|save|never forget) {fact}",
        "(for your information|fyi|for the record|for future reference|for reference|for later) [please] [remember|note|note that|remember \
         that|keep in mind|keep in mind that] {fact}",
        "(i want|i need|i would like|id like) you to (know|remember|note|keep in mind) (that|this) {note}",
        "(you should|you must|you need to) (know|remember|note) that {note}",
        "(learn|know) that {note}",
        "(add|save|store|put|write) this (note|to my notes|to memory|in my notes|down) {note}",
        "(store|save|keep|note|record|log|remember|jot) this [down] (for me|for later|please) {fact}",
        "(keep|store|save) (a|this) (note|fact) [for me|for later] {fact}",
        "(take|note|write|jot|put|mark|get|set) this down {fact}",
        "(commit|add|put|save|store|keep|write|enter|log|file|stick|pop) this (to|in|into|under|among|with) [my|your|the] (memory|notes|\
         note list|memories|notebook|records|log) {note}",
        "(commit|add|put|save|store|keep|write|enter|log|stick|pop) (in|into|to) [my|your|the] (memory|notes|notebook|memories) that {note}",
        "(dont|do not|never) let (me|us|yourself) forget [that] {fact}",
        "(id like|i would like|i want|i need) [you] to (remember|note|note down|write down|jot down|keep in mind|store|save|log) [that|\
         this|the fact that] {fact}",
        "(heres|here is|ive got|i have|let me give you|let me tell you) (something|a thing|a note|one thing|a fact) [for you] to (remember|\
         note|note down|keep in mind|write down|save) {note}",
    ];
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
    #[serde(default, deserialize_with = "words", skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

impl Capability for ReadContext {
    const NAME: &'static str = "read_context";
    const RISK: Risk = Risk::Observe;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("words", ArgKind::Text)];
    // Without words: the last notes.
    const PHRASES: &'static [&'static str] = &[
        "what (do|can) you (remember|recall|have in memory|have in mind|have noted|have stored|have saved|have on file) [so far|for me|now|\
         at the moment] => default",
        "what (do|can) you (remember|recall|know|have noted|have stored|have saved) about me => default",
        "what (have|did) (i|we) (told you to remember|tell you to remember|asked you to remember|ask you to remember|noted|note|told you \
         to note|asked you to note|saved|save|tell you to note|ask you to note|ask you to keep in mind|tell you to keep in mind|stored|\
         note down|noted down|written down|write down|ask you not to forget|tell you not to forget|asked you not to forget) [so far|\
         earlier|before] => default",
        "what (was|were) (i|we) (asking you to remember|telling you to remember|asking you to note|asking you to keep in mind|asking you \
         not to forget) => default",
        "what (have you|did you) (remembered|remember|noted|noted down|note|stored|saved|write down|note down|written down|memorized|\
         memorised) [so far|for me] => default",
        "what (is in|is on|are in|do you have in|have you got in|do i have in|have you got saved in) [my|the|your] memory => default",
        "what (are|is|is in|is on|are in|do you have in|have you got in|do i have in) (my|the|your) (notes|memories|saved notes|notepad) => default",
        "what (are|is|is in|is on|are in) (my|the|your) (notes|saved notes|memories|stored notes|notepad|note list|list of notes) => default",
        "whats (in|on|inside) (my|the|your) (notes|memory|memories|saved notes|note list) => default",
        "(what|which) (notes|memories|things|facts) (do|have|did|are|were) (you|i|we) [have|saved|stored|got|keep|kept|noted|remember|made|given \
         you|left you|left|taken|take|told you to remember|recorded|written|asked you to remember|in memory|remembered] [saved|stored|noted|so far|for me] \
         => default",
        "(show|list|read|show me|read me|read out|tell me|give me|display|print|view|open|read back|see|get|recall|bring up|pull up|recite|\
         go through|check|review|look at|fetch) [me] [all|all of|all the] [the|my|your] [recent|latest|last|saved|stored|current|existing|\
         old] (notes|memories|saved notes|memory|memos|noted things|list of notes|stored notes) [back|out|to me|aloud|out loud|again|from \
         memory|you have|you saved|i made] => default",
        "(show|list|tell|read|show me|tell me|remind me|give me|read me|repeat|list out) [me] [everything|all|of] [that] [what] (you \
         remember|you have remembered|you have noted|you know about me|i told you to remember|i asked you to remember|you have in memory|\
         you noted|ive told you to remember|ive asked you to remember|i told you|i noted|you have saved|you have stored) [so far] => \
         default",
        "(notes|my notes|memory|show memory|saved notes|context|show context|read context|show notes|list notes|read notes|note list|notes \
         list|list memories|all notes|all my notes|show the context|what have i noted|remind me of my notes|whats noted|what is noted|what \
         notes|notes please|recall everything|recall notes|recall memory|what all do you remember) => default",
        "(remind me|tell me|repeat|recall) (what|of what|everything) (i|we) (told you|told you to remember|asked you to remember|noted|\
         saved|had noted|wrote down|asked you to keep in mind|wanted you to remember) [earlier|before|so far] => default",
        "(what do you|do you) remember [anything|from before|from earlier|from last time] => default",
        "(what was|what is|whats) (it|that thing) i (told you|asked you) to (remember|note|keep in mind) => default",
        "(what was i|what were we) (saying|telling you) to remember => default",
        "(do you remember anything|do you have any notes|are there any notes|do i have any notes|do i have notes|have i left any notes|\
         have i saved any notes|any notes) [saved|for me|stored] => default",
        "(what|whatever|anything) (do|can|did|have) you (remember|recall|have noted|have in memory|note|noted|saved|save|stored|\
         remembered) (about|on|regarding|concerning) {words}",
        "(do you|can you) (remember|recall|know) (anything|something|what i said|what i told you) (about|on|regarding) {words}",
        "(remind me|tell me|recall|look up|check|repeat) (what|everything) (i said|i told you|i noted|you know|you remember|you noted|i \
         wrote|i saved|we said|you have|i asked you to remember|i wrote down) (about|on|regarding) {words}",
        "(did i|have i) (note|noted|save|saved|say|said|tell you|told you|write|written|mention|mentioned) anything about {words}",
        "(look in|check|look through|search|go through|consult) [all] (my|the|your) (notes|memory|memories|saved notes) (about|on|regarding) {words}",
        "(any|my) notes (about|on|regarding|for|mentioning) {words}",
        "what (did|have) i (say|said|note|noted|tell you|told you|write|written|write down|save|saved|ask you to remember) about {words}",
        "(search|look through|look in|check|search through|search in|go through) [all] (my|the|your) (notes|memory|memories|saved notes) \
         for [anything about|anything on|notes about|something about] {words}",
        "(find|show|show me|read|list|read me|get|tell me|look up|search for|search|recall|bring up|open|give me) [me] [all] [the|my|any] \
         (notes|note|memories|memory) (about|on|regarding|for|mentioning|containing|with|that mention|related to|concerning) {words}",
        "(what|which) notes (do i have|are there|do you have|have i got|mention|did i make|did i take) (about|on|regarding|mentioning) {words}",
        "(do i have|are there|do you have|is there) (a|any) (notes|note|memory) (about|on|regarding|mentioning) {words}",
        "(which|what) notes (are|have been|were) (saved|stored|there|kept|made|noted) => default",
        "(go over|run through|walk me through|list out|give me back|dump|spit out|see) (my|the|your|all my|all the) (notes|memories|saved \
         notes) => default",
        "(everything|all|whatever) (you remember|you have noted|i told you to remember|i asked you to remember|you have saved) => default",
        "(anything|something) (noted|saved|stored|in your notes|in my notes|in memory|written down) => default",
        "(is there|do you have|have you got|have we got) anything (noted|saved|stored|in your notes|in my notes|in memory|written down) \
         (about|on|regarding) {words}",
        "(pull up|bring up|dig up|dig out|get me|get|see|open) (my|the|your|any) notes (about|on|regarding|for|mentioning|related to) {words}",
        "(see|check|find|look) [if|whether] (there is|theres|i have|you have|i noted|i saved) (a note|any note|anything|any notes|\
         something|notes) (about|on|for|regarding) {words}",
        "(what was|whats|what is) my note (about|on|for|regarding) {words}",
        "(read|show|tell|give) me (what|everything) (i|you) (have|noted|saved|wrote|wrote down|know) (about|on|regarding) {words}",
        "(read|give|show|tell|play) (me back|back to me|me back all|to me|back) [all] [of] (my|the|your) [saved|stored] (notes|memories|\
         memos) => default",
        "(list|show|tell me|give me|read|recite|repeat) [me] [all] [of] (the|all) (things|stuff|facts|notes|items) [that] (youve|you have|\
         you|ive|i|i have|we|weve) [remembered|noted|saved|stored|remember|told you|told you to remember|asked you to remember|made|\
         written down|recorded|kept|taken] [remembered|saved|for me|so far] => default",
        "(let me|id like to|i want to|i would like to|i wanna) (hear|see|read|review|go over|check) [all] [of] (my|the|all my|all the) \
         (notes|memories|saved notes) [i saved|ive saved|you saved|i made|youve saved|you have|i have|we have|i took] => default",
        "<ask> <mine> [saved|stored|noted|remembered|little|personal] (notes|memories|memos|notes and memories|noted things|saved things) \
         [i have|i saved|ive saved|you have|you saved|youve saved|i made|i left|ive made|you keep|youve kept|of mine|i took|ive taken|we \
         have|from before|from earlier|out loud|back|to me|back to me|for me] <now> => default",
        "(what|which) (notes|memories|memos|things|facts|stuff|info|information) (have|do|did|are|has|am) (i|you|we|there|been) [have|got|\
         still] [in your memory|in memory|saved|stored|noted|noted down|remembered|kept|made|left|save|store|note|keep|remember|jotted \
         down|written down|recorded|told you|asked you to remember|told you to remember|asked you to keep|holding on to|holding onto|have \
         on me|storing|keeping|on record|on file] [for me|in memory|about me|in your memory|to remember|on file|down] <now> => default",
        "what (have i|did i|have we|did we|have you) [got|ever|already] (told you|tell you|asked you|ask you|had you|have you|got you|made \
         you) to (remember|note|keep in mind|note down|write down|memorize|save|store|keep|jot down|hold on to) [for me|for later|earlier] \
         <now> => default",
        "<ask> (what|everything|all|all that|the things|the stuff|whatever) (i|ive|i have|we|weve|you|youve|you have) [have] (told you to \
         remember|asked you to remember|told you to note|asked you to note|asked you to keep in mind|remember|remembered|noted|noted down|\
         saved|stored|kept|know about me|wrote down|written down|jotted down|have in memory|have on file|have saved|have stored|have noted|\
         told you) [for me|about me|earlier|before] <now> => default",
        "what (do|can|have) you [still|actually] (remember|recall|got|noted|saved|stored|got stored|got saved|got noted|have stored|have \
         saved|have noted|have on record|have written down) [about me|for me|from before|from last time|of what i told you|of what ive \
         told you|in memory|in your memory|on file|from our last chat|from earlier|of mine|in storage|in there|in your notes|from me] \
         <now> => default",
        "<ask> (what|everything|anything|all|whatever) (i|ive|you|youve|you have|we) [have] (said|told you|noted|saved|wrote|wrote down|\
         written down|know|remember|got|stored|mentioned|recorded|have noted|have saved) (about|regarding|concerning) {words}",
        "<ask> <mine> [saved] (notes|note|memories|memory|memos|memo) (about|on|regarding|for|mentioning|concerning|related to|that \
         mention|with|containing|to do with|relating to) {words}",
        "what (do|did|have|was|can) (you|i|we|it) [have] (remember|recall|say|said|tell you|told you|note|noted|write|wrote|save|saved|\
         have noted|have saved|mention|mentioned|write down|note down|noted down) (about|regarding|concerning) {words}",
        "(did|have) (i|we) (leave|left|make|made|write|written|save|saved|store|keep|kept|take|taken|jot|jotted) [myself|ourselves|you|\
         down] (any|some|a few) (notes|note|memos) [down|for myself|earlier|before] => default",
        "what (do|does) (my|the|your) (notes|memory|memories) (say|have|contain|mention|hold) (about|on|regarding|for|of) {words}",
        "what (do|does) (my|the|your) (notes|memory|memories|notebook) (say|have|contain|hold) => default",
        "(look up|look for|find|search|search for|check|check for) {words} in [all] (my|the|your) (notes|memory|memories|saved notes|notebook)",
        "(do|does) (my|the|your) (notes|memory|memories) (say|have|contain|mention|hold) (anything|something) (about|on|regarding|for|of) {words}",
        "<ask> (what|everything|all) (you have|youve|youve got|you have got|you got|you|i|ive got|i have) (in|saved in|stored in|got in|\
         kept in|have in) [your|my|the] (memory|notes) <now> => default",
        "what (was|were|am|are) (i|we|you) supposed to (remember|note|keep in mind) => default",
        "do (you|we|i) have (anything|something) (noted|saved|stored|written down|in memory|on file) [for me|about me|down] => default",
    ];
    const EXAMPLES: &'static [Example] =
        &[say("what do you remember", None), say("show my notes", None), call(Some("default")), call(Some("printer"))];

    fn from_payload(payload: Option<&str>) -> Result<ReadContext, Failure> {
        let words = payload.map(str::trim).filter(|p| !p.is_empty() && *p != "default");
        words.map_or(Ok(()), check_words).map_err(Failure::invalid_payload)?;
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
        let joined = last.iter().map(|n| cut(&n.text)).collect::<Vec<_>>().join(" | ");
        let message = match (&self.words, notes.len()) {
            (None, 0) => "No saved context yet.".to_owned(),
            (None, _) => format!("Recent context: {joined}"),
            (Some(words), 0) => format!("No note has `{}`.", visible(words, 80)),
            (Some(_), n) if n > LAST => format!("{}, the last of them: {joined}", count(n, "note")),
            (Some(_), n) => format!("{}: {joined}", count(n, "note")),
        };
        let listed: Vec<Value> = newest(&notes)
            .iter()
            .map(|n| json!({ "id": n.id, "ts": n.ts, "caller": n.caller, "text": n.text }))
            .collect();
        Ok(Outcome::says(message)
            .with(json!({ "left_out": notes.len() - listed.len(), "notes": listed, "total": notes.len() })))
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
    #[serde(default, deserialize_with = "words", skip_serializing_if = "Option::is_none")]
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
    const PHRASES: &'static [&'static str] = &[
        "(forget|delete|remove|erase|drop|discard|clear|get rid of|throw away|trash|scrap|wipe|strike|cross out|throw out|purge|lose) (the|\
         my|that|your|our|any|all the|all my) [last|old|saved|stored] (note|memory|memo|notes|memories|entry) (about|on|regarding|of|that \
         says|saying|for|mentioning|with|that|concerning|called|titled) {words}",
        "forget (what i said|what i told you|what you know|everything you know|what i noted|anything i said|that i said|all you know|\
         everything i said|what you remember|everything i told you|all i told you|what i have told you) about {words}",
        "forget that {words}",
        "forget about {words}",
        "forget note {words}",
        "(delete|remove|erase|drop) note {words}",
        "(stop remembering|unremember|un-remember|no longer remember) [that|about] {words}",
        "(remove|delete|erase|drop|clear) {words} from (your memory|memory|your notes|my notes|the notes|the memory)",
        "(forget|delete|remove|erase|drop|discard|clear|get rid of|scratch|strike|trash|wipe|scrap) (the|my|that|our) {words} (note|memo|memory|entry)",
        "(you can|you may|please|go ahead and) (forget|delete) (the|my|that|what i said|what i told you|the note|my note|the thing) (about|\
         on|regarding) {words}",
        "(forget|erase|delete|remove|clear|drop|discard) (everything|all|anything|what|whatever) (you know|you remember|i said|i told you|\
         you noted|you have|you have noted|ive told you|ive said|you stored|you saved) (about|on|regarding|concerning) {words}",
        "(delete|remove|erase|drop|clear|strike|scratch) (that|the|my) (thing|bit|part|stuff|line|fact|info|information|reminder) (about|\
         on|regarding) {words} [from (my|your|the) (notes|memory)]",
        "(take|strike|cross|wipe|scrub|scratch) {words} (off|out of|from) (my|your|the) (notes|memory|list of notes)",
        "(you can|you may) stop remembering (that|about|the note about) {words}",
    ];
    const EXAMPLES: &'static [Example] =
        &[say("forget note 7", Some("7")), say("forget about the printer", Some("printer")), call(Some("7"))];

    fn from_payload(payload: Option<&str>) -> Result<Forget, Failure> {
        let text = payload.map(str::trim).filter(|p| !p.is_empty());
        let text = text.ok_or_else(|| Failure::invalid_payload("missing note; send its id, or words that it has"))?;
        check_words(text).map_err(Failure::invalid_payload)?;
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
                    (Some(note), true) => Ok(Note::clone(&note)),
                    (Some(last), false) => {
                        found.push(last);
                        let listed: Vec<Value> =
                            found.iter().take(20).map(|n| json!({ "id": n.id, "text": cut(&n.text) })).collect();
                        let message = format!("{} have these words; forget one by its id", count(found.len(), "note"));
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
            // Without the words: the sentence is kept in the receipt, where no text of a note belongs.
            (None, _) => "Forget the note with these words".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_to_search_for_are_bounded_in_payload_and_args() {
        let rows = [("printer", true), (&"a ".repeat(16), true), (&"a ".repeat(17), false), (&"a".repeat(257), false)];
        for (words, good) in rows {
            let args = json!({ "words": words });
            assert_eq!(ReadContext::from_payload(Some(words)).is_ok(), good, "{words}");
            assert_eq!(Forget::from_payload(Some(words)).is_ok(), good, "{words}");
            assert_eq!(serde_json::from_value::<ReadContext>(args.clone()).is_ok(), good, "{words}");
            assert_eq!(serde_json::from_value::<Forget>(args).is_ok(), good, "{words}");
        }
        let failure = ReadContext::from_payload(Some(&"a ".repeat(80_000))).unwrap_err();
        assert_eq!(failure.code, Code::InvalidPayload);
    }

    #[test]
    fn an_answer_has_the_newest_notes_that_fit_and_no_more() {
        let note = |id, bytes| {
            let (ts, caller, text) = (String::new(), String::new(), "a".repeat(bytes));
            Arc::new(Note { id, ts, owner: 1, caller, text, forgotten: None })
        };
        let long: Vec<_> = (0..1000).map(|id| note(id, 16 * 1024)).collect();
        assert_eq!(newest(&long).iter().map(|n| n.id).collect::<Vec<_>>(), (984..1000).collect::<Vec<_>>());
        let short: Vec<_> = (0..1001).map(|id| note(id, 1)).collect();
        assert_eq!(newest(&short).len(), MAX_LISTED);
        assert!(newest(&[]).is_empty());
    }

    #[test]
    fn only_a_long_note_is_cut_in_a_sentence() {
        let whole = "ä".repeat(MAX_IN_SENTENCE / 2);
        assert_eq!(cut(&whole), whole);
        assert_eq!(cut(&format!("a{whole}")).len(), MAX_IN_SENTENCE - 1 + "…".len());
    }
}
