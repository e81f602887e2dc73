//! Writing a file, and putting back what one was.

use rustix::io::Errno;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_ipc::{Code, Effect, Fact, Preview};
use steward_policy::{ArgKind, OwnedArg, Risk};
use uuid::Uuid;

use super::{MAX_CONTENT, blocking, fact, normal, not_opened, places};
use crate::action::level::still;
use crate::action::types::{count, visible};
use crate::action::{Capability, Example, Look, Opened, Perform, Ready, Shown, call};
use crate::backend::files::{Found, Kept, KeptError, MAX_KEPT, Place, PlaceError, State, leftovers};
use crate::fault;
use crate::provenance::{NoteError, Written, head_of, sha256};
use crate::reply::{Failure, Outcome, Undo};
use crate::services::Context;

/// The permissions of a new file when none are asked for.
const MODE: u32 = 0o644;
/// How much of a content is shown, in bytes: a beginning, and where something else starts what is in it, enough to be read.
const HEAD: usize = 1024;
const WHOLE: usize = 16 * 1024;

/// Writes a file in one step: whoever looks sees the old content or the new one, never a half.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteFile {
    /// The file: an absolute path, or one that begins with `~`. Its folder must be there; no part of it may be a symbolic link.
    pub path: String,
    /// The whole new content, up to 65536 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Its permissions, in octal digits such as `0644`; when left out those of the old file, else `0644`. Nothing beyond `0777`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<FileMode>,
    /// In the place of `content`: the id of a change of this file that is to be put back, as a receipt has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub restore: Option<Uuid>,
}

/// A content, or what the audit log keeps of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Value", into = "Value")]
#[schemars(with = "String")]
pub enum Content {
    /// The text itself.
    Text(String),
    /// Its length and its SHA-256. Nothing is written from it: it tells whether something was.
    Sealed {
        /// Its length in bytes.
        bytes: u64,
        /// Its SHA-256, in hexadecimal.
        sha256: String,
    },
}

impl TryFrom<Value> for Content {
    type Error = String;

    fn try_from(value: Value) -> Result<Content, String> {
        match value {
            Value::String(text) if text.len() > MAX_CONTENT => {
                Err(format!("a content has at most {MAX_CONTENT} bytes; this one has {}", text.len()))
            }
            Value::String(text) => Ok(Content::Text(text)),
            Value::Object(of) if of.len() == 2 => match (of.get("bytes").and_then(Value::as_u64), of.get("sha256")) {
                (Some(bytes), Some(Value::String(sha256))) => Ok(Content::Sealed { bytes, sha256: sha256.clone() }),
                _ => Err("expected the content as a text".to_owned()),
            },
            _ => Err("expected the content as a text".to_owned()),
        }
    }
}

impl From<Content> for Value {
    fn from(content: Content) -> Value {
        match content {
            Content::Text(text) => Value::String(text),
            Content::Sealed { bytes, sha256 } => json!({ "bytes": bytes, "sha256": sha256 }),
        }
    }
}

impl Content {
    /// What the audit log keeps of it.
    fn sealed(&self) -> Content {
        match self {
            Content::Text(text) => Content::Sealed { bytes: text.len() as u64, sha256: sha256(text.as_bytes()) },
            sealed => sealed.clone(),
        }
    }
}

/// Permissions of a file: three or four octal digits, `0o` may stand before them; no set-id bits and no sticky bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct FileMode(u32);

impl TryFrom<String> for FileMode {
    type Error = String;

    fn try_from(text: String) -> Result<FileMode, String> {
        let digits = text.strip_prefix("0o").unwrap_or(&text);
        let octal = matches!(digits.len(), 3 | 4) && digits.bytes().all(|b| matches!(b, b'0'..=b'7'));
        let bits = u32::from_str_radix(digits, 8).ok().filter(|_| octal);
        match bits {
            None => Err("expected permissions in octal digits, such as `0644`".to_owned()),
            Some(bits) if bits > 0o777 => {
                Err("a file is not written with set-id bits or a sticky bit; nothing beyond `0777`".to_owned())
            }
            Some(bits) => Ok(FileMode(bits)),
        }
    }
}

impl From<FileMode> for String {
    fn from(mode: FileMode) -> String {
        format!("{:04o}", mode.0)
    }
}

impl Capability for WriteFile {
    const NAME: &'static str = "write_file";
    const RISK: Risk = Risk::Reversible;
    const RISK_POSSIBLE: Risk = Risk::Critical;
    const ARGS: &'static [(&'static str, ArgKind)] =
        &[("path", ArgKind::Path), ("content", ArgKind::Text), ("mode", ArgKind::Text)];
    const EXAMPLES: &'static [Example] =
        &[call(Some("/tmp/notes.txt\nBuy milk.\n")), call(Some("~/Documents/empty.txt"))];

    /// The path; what follows its line is the content.
    fn from_payload(payload: Option<&str>) -> Result<WriteFile, Failure> {
        let text = payload.filter(|p| !p.is_empty()).ok_or_else(|| Failure::invalid_payload("missing path"))?;
        let (path, content) = text.split_once('\n').unwrap_or((text, ""));
        let content = Content::try_from(Value::String(content.to_owned()));
        let content = content.map_err(|e| Failure::invalid_payload(Self::invalid(&e)))?;
        Ok(WriteFile { path: path.to_owned(), content: Some(content), mode: None, restore: None })
    }

    fn payload(&self) -> Option<String> {
        match (&self.content, self.mode, self.restore) {
            (Some(Content::Text(text)), None, None) if !self.path.contains('\n') => {
                Some(format!("{}\n{text}", self.path))
            }
            _ => None,
        }
    }
}

impl Perform for WriteFile {
    const PERSONAL: bool = true;
    const UNDO: &'static str = "the content before, if it had up to 1 MiB, for a week";

    fn sentence(&self) -> String {
        let path = visible(&self.path, 200);
        match &self.content {
            None => format!("Put `{path}` back as it was"),
            Some(content) => format!("Write {} to `{path}`", bytes(len(content))),
        }
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        self.facts_of(None, self.mode)
    }

    /// The content is nobody's business afterwards; its length and hash tell whether it was written.
    fn audited(&self) -> Value {
        let content = self.content.as_ref().map(Content::sealed);
        serde_json::to_value(WriteFile { content, ..self.clone() }).unwrap_or(Value::Null)
    }

    async fn mean(&mut self, cx: &Context<'_>) -> Result<(), Failure> {
        match (&self.content, self.restore) {
            (Some(Content::Text(_)), None) => {}
            (None, Some(_)) if self.mode.is_none() => {}
            _ => {
                let message = "give the `content` as a text, or the `restore` of a receipt and nothing else";
                return Err(Failure::invalid_payload(message));
            }
        }
        self.path = normal(&self.path, cx.services.home.as_deref())?;
        Ok(())
    }

    /// Judged by the place that was opened: its path, what is there, and whose folder it is.
    async fn look(&self, cx: &Context<'_>) -> Result<Look, Failure> {
        if places(cx).is_own(&self.path) {
            // Whatever the rules say: who writes these decides what the rules say.
            let message =
                format!("`{}` is Steward's own; nothing is written there for a request", visible(&self.path, 200));
            return Err(Failure::new(Code::Denied, message));
        }
        let place = self.place(cx).await?;
        let (risk, _) = self.risk(cx, place.as_ref().ok());
        let mode = self
            .mode
            .or_else(|| place.as_ref().ok().and_then(Place::old).map(|old| FileMode(old.stat().st_mode & 0o777)));
        let facts = self.facts_of(place.as_ref().ok().and_then(Place::old), mode);
        Ok(Look { risk, facts, opened: Some(Opened::Place(place)) })
    }

    /// Bound to the new content, its mode, and the old file with its content.
    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        let place = self.place(cx).await?.map_err(|e| self.failed(e))?;
        let (risk, why) = self.risk(cx, Some(&place));
        let change = self.change(cx, place).await?;
        let mut facts = Vec::new();
        let mut fact = |name: &str, value: String| facts.push(Fact { name: name.to_owned(), value });
        match (&change.before, &change.after) {
            (Some(before), _) => fact("replaces", format!("{}, mode {:04o}", bytes(before.bytes), before.mode)),
            (None, _) => fact("new", "there is no such file yet".to_owned()),
        }
        if let Some(why) = why {
            fact("why it is asked", why.to_owned());
        }
        if change.old_content.is_none() && change.before.is_some() {
            fact("undo", format!("the old content is not kept: it has more than {}", bytes(MAX_KEPT)));
        }
        if change.links > 1 {
            fact("other names", "the file has another name, which keeps the old content".to_owned());
        }
        if change.after.is_some() {
            let most = if risk >= Risk::Destructive { WHOLE } else { HEAD };
            fact("content", head_of(&change.content, most));
        }
        let already = (change.before.is_some() && change.before == change.after)
            .then(|| format!("`{}` is like that already.", visible(&self.path, 200)));
        let effects = vec![self.effect(&change)];
        let summary = match (&change.before, &change.after) {
            (_, None) => format!("Remove `{}`, which was not there before", visible(&self.path, 200)),
            (Some(_), Some(after)) => format!("Replace `{}` by {}", visible(&self.path, 200), bytes(after.bytes)),
            (None, Some(after)) => {
                format!("Write {} to the new file `{}`", bytes(after.bytes), visible(&self.path, 200))
            }
        };
        let preview = Preview { summary, effects, facts, ..Preview::default() };
        Ok(Shown { preview, already, ..Shown::default() })
    }

    async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        let Some(Opened::Place(place)) = ready.opened else {
            return Err(Failure::internal("a place that was not looked for"));
        };
        let place = place.map_err(|e| self.failed(e))?;
        let change = self.change(cx, place).await?;
        still(ready.shown.as_ref(), &self.effect(&change))?;
        self.carry_out(cx, change).await
    }

    /// How the file stands: null when it is not there.
    async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
        let (base, path) = (cx.services.files.clone(), normal(&self.path, cx.services.home.as_deref())?);
        let state =
            blocking("looking at a file", move || base.place(&path).and_then(|p| p.old().map(state_of).transpose()));
        // What cannot be looked at is not as it was left, and null would mean that nothing is known.
        Ok(match state.await? {
            Ok(state) => stands(state.as_ref()),
            Err(e) => json!({ "unknown": e.to_string() }),
        })
    }

    /// Whether the file is as it was to be; what a stopped agent left beside it is taken away.
    async fn took_place(&self, cx: &Context<'_>, _rebooted: Option<bool>) -> Option<bool> {
        let wanted = match (&self.content, self.restore) {
            (Some(content), _) => match content.sealed() {
                Content::Sealed { sha256, .. } => Some(sha256),
                Content::Text(_) => return None,
            },
            (None, Some(id)) => {
                let (kept, owner) = (cx.services.kept.clone(), cx.owner);
                let kept = blocking("looking for an old content", move || kept.about(id, owner)).await.ok()?.ok()?;
                kept.before.map(|b| b.sha256)
            }
            (None, None) => return None,
        };
        let (base, path, request) = (cx.services.files.clone(), self.path.clone(), cx.request);
        let found = blocking("looking at a file", move || {
            leftovers(&base.place(&path)?, request);
            base.place(&path)?.old().map(state_of).transpose()
        });
        let found = found.await.ok()?.ok()?;
        Some(found.map(|f| f.sha256) == wanted)
    }
}

/// A change that was looked at: the place, how the file stands, and how it is to stand.
struct Change {
    place: Place,
    before: Option<State>,
    /// The old content, where it is small enough to be kept.
    old_content: Option<Vec<u8>>,
    /// What tells the old file from another one.
    identity: String,
    /// Whose the new file is to be, where that is not this process's own.
    owner: Option<(u32, u32)>,
    /// How many names the old file has.
    links: u64,
    after: Option<State>,
    content: Vec<u8>,
}

fn len(content: &Content) -> u64 {
    match content {
        Content::Text(text) => text.len() as u64,
        Content::Sealed { bytes, .. } => *bytes,
    }
}

fn bytes(n: u64) -> String {
    count(usize::try_from(n).unwrap_or(usize::MAX), "byte")
}

/// How a file stands, as receipts compare it. Never null, which would mean that it is not known.
fn stands(state: Option<&State>) -> Value {
    match state {
        None => json!("not there"),
        Some(state) => json!({ "bytes": state.bytes, "sha256": state.sha256, "mode": format!("{:04o}", state.mode) }),
    }
}

fn state_of(found: &Found) -> Result<State, Errno> {
    content_of(found).map(|(state, _)| state)
}

/// How a file stands, and its content where that is small enough to be kept.
fn content_of(found: &Found) -> Result<(State, Option<Vec<u8>>), Errno> {
    let mode = found.stat().st_mode & 0o7777;
    if found.size() > MAX_KEPT {
        // By its identity: it is not read for the sake of a hash that nothing can be put back by.
        found.read()?;
        return Ok((
            State { bytes: found.size(), sha256: format!("not read: {}", found.identity().word()), mode },
            None,
        ));
    }
    let size = usize::try_from(found.size()).unwrap_or(usize::MAX);
    let content = found.head(size.saturating_add(1))?;
    if content.len() as u64 != found.size() {
        // Somebody is writing to it.
        return Err(Errno::STALE);
    }
    Ok((State { bytes: content.len() as u64, sha256: sha256(&content), mode }, Some(content)))
}

impl WriteFile {
    async fn place(&self, cx: &Context<'_>) -> Result<Result<Place, Errno>, Failure> {
        let (base, path) = (cx.services.files.clone(), self.path.clone());
        blocking("opening a folder", move || base.place(&path)).await
    }

    fn facts_of(&self, old: Option<&Found>, mode: Option<FileMode>) -> Vec<(&'static str, OwnedArg)> {
        let mut facts = vec![("path", fact(&self.path, old))];
        match &self.content {
            Some(Content::Text(text)) => facts.push(("content", OwnedArg::Text(text.clone()))),
            // An old content, which no rule has seen.
            _ => facts.push(("content", OwnedArg::Unknown)),
        }
        facts.push(("mode", OwnedArg::Text(mode.unwrap_or(FileMode(MODE)).into())));
        facts
    }

    fn risk(&self, cx: &Context<'_>, place: Option<&Place>) -> (Risk, Option<&'static str>) {
        let (mut risk, mut why) = places(cx).writing(&self.path);
        let mut at_least = |least: Risk, because: &'static str| {
            if least > risk {
                (risk, why) = (least, Some(because));
            }
        };
        if let Some(place) = place {
            let (owner, mode) = place.folder();
            let known = [0, cx.owner, cx.services.uid].contains(&owner);
            if !known || mode & 0o1002 == 0o002 {
                at_least(Risk::Disruptive, "others can change what is in this folder");
            }
            if let Some(old) = place.old() {
                if old.size() > MAX_KEPT {
                    at_least(Risk::Destructive, "the old content is too large to be kept");
                }
                if old.stat().st_uid != cx.services.uid {
                    at_least(Risk::Disruptive, "the file is somebody else's");
                }
            }
        }
        (risk, why)
    }

    /// What is to be done, from what is there: reads the old content, and changes nothing.
    async fn change(&self, cx: &Context<'_>, place: Place) -> Result<Change, Failure> {
        let shown = visible(&self.path, 200);
        let refused = |why: &str| {
            Failure::new(Code::Failed, format!("`{shown}` is not written: {why}")).with(self.data(Errno::PERM))
        };
        let mut owner = None;
        let (folder_owner, folder_mode) = place.folder();
        if let Some(old) = place.old() {
            let stat = old.stat();
            match old.kind() {
                "file" => {}
                "folder" => return Err(self.failed(Errno::ISDIR)),
                _ => return Err(self.failed(Errno::NODEV)),
            }
            if stat.st_mode & 0o7000 != 0 {
                return Err(refused("the old file has set-id bits or a sticky bit"));
            }
            // As protected_regular of proc_sys_fs(5) has it: who may add files there does not decide what is written to.
            if folder_mode & 0o1002 == 0o1002 && stat.st_uid != cx.services.uid && stat.st_uid != folder_owner {
                return Err(refused("it is somebody else's, in a folder where everybody may leave files"));
            }
            let (uid, gid) = (cx.services.uid, rustix::process::getegid().as_raw());
            if (stat.st_uid, stat.st_gid) != (uid, gid) {
                if stat.st_uid != uid && uid != 0 {
                    return Err(refused("the old file is somebody else's, and a new one would not be"));
                }
                owner = Some((stat.st_uid, stat.st_gid));
            }
            if uid != 0 && stat.st_mode & 0o200 == 0 {
                return Err(self.failed(Errno::ACCESS));
            }
        }
        let restored = match self.restore {
            None => None,
            Some(id) => {
                let (kept, mine) = (cx.services.kept.clone(), cx.owner);
                let kept = blocking("reading an old content", move || kept.content(id, mine)).await?;
                Some(kept.ok().filter(|(k, _)| k.path == self.path).ok_or_else(no_longer)?)
            }
        };
        let (content, mode) = match (&self.content, &restored) {
            (Some(Content::Text(text)), _) => (Some(text.clone().into_bytes()), self.mode.map(|m| m.0)),
            (_, Some((kept, content))) => {
                (kept.before.as_ref().map(|_| content.clone()), kept.before.as_ref().map(|b| b.mode))
            }
            _ => return Err(Failure::internal("a content that is not there")),
        };
        let looked = blocking("reading a file", move || {
            let Some(old) = place.old() else { return Ok((place, None, None, false)) };
            let (state, bytes) = content_of(old)?;
            let more = old.has_more_than_a_mode()?;
            Ok((place, Some(state), bytes, more))
        });
        let (place, before, old_content, more) = looked.await?.map_err(|e| self.failed(e))?;
        if more {
            return Err(refused(
                "the old file has access rules or capabilities beside its mode, which a new one would not have",
            ));
        }
        let mode = mode.or(before.as_ref().map(|b| b.mode)).unwrap_or(MODE);
        let after = content.as_ref().map(|c| State { bytes: c.len() as u64, sha256: sha256(c), mode });
        // What was made by the change that is put back is only taken away as it was made, whatever was asked for.
        if after.is_none() && before != restored.and_then(|(kept, _)| kept.after) {
            let message = format!("`{shown}` is not what was written any more, so it is not taken away");
            return Err(
                Failure::new(Code::ConfirmationChanged, message).with(json!({ "present": stands(before.as_ref()) }))
            );
        }
        let identity = place.old().map(|o| o.identity().word()).unwrap_or_default();
        let links = place.old().map_or(0, |o| o.stat().st_nlink);
        Ok(Change { place, before, old_content, identity, owner, links, after, content: content.unwrap_or_default() })
    }

    fn effect(&self, change: &Change) -> Effect {
        let told = |state: &State| format!("{}, mode {:04o}, SHA-256 {}", bytes(state.bytes), state.mode, state.sha256);
        let verb = match (&change.before, &change.after) {
            (_, None) => "remove-file",
            (Some(_), _) => "replace",
            (None, _) => "write",
        };
        Effect {
            verb: verb.to_owned(),
            object: visible(&self.path, 400),
            from: change.before.as_ref().map(|b| format!("{}, file {}", told(b), change.identity)),
            to: change.after.as_ref().map(told),
            ..Effect::default()
        }
    }

    /// Written beside it, kept, noted, and then put in its place.
    async fn carry_out(&self, cx: &Context<'_>, change: Change) -> Result<Outcome, Failure> {
        let Change { place, before, old_content, owner, after, content, .. } = change;
        let request = cx.request;
        let prepared = match &after {
            None => (place, None),
            Some(after) => {
                let mode = after.mode;
                let preparing = blocking("writing a file", move || {
                    let ready = place.prepare(request, &content, mode, owner);
                    (place, ready)
                });
                let (place, ready) = preparing.await?;
                (place, Some(ready.map_err(|e| self.failed(e))?))
            }
        };
        let (place, ready) = prepared;
        // From here on a file without a name, or with one that nobody looks for, waits; dropping it takes it away.
        let stat = ready.as_ref().map(|r| (r.stat().st_dev, r.stat().st_ino));
        let (place, ready, kept) =
            match self.keep_and_note(cx, before.as_ref(), old_content, after.as_ref(), stat).await {
                Ok(kept) => (place, ready, kept),
                Err(failure) => {
                    blocking("taking a file back", move || leftovers(&place, request)).await?;
                    return Err(failure);
                }
            };
        fault::point("file.noted");
        let expect = place.old().map(Found::identity);
        let put = blocking("putting a file in its place", move || match (ready, expect) {
            (Some(ready), expect) => place.put(request, ready, expect),
            (None, Some(expect)) => place.remove(request, expect),
            (None, None) => Ok(()),
        });
        put.await?.map_err(|e| self.not_put(&e))?;
        let path = visible(&self.path, 200);
        let message = match (&before, &after) {
            (_, None) => format!("Removed `{path}` again."),
            (Some(_), Some(after)) if self.restore.is_some() => format!("Put `{path}` back: {}.", bytes(after.bytes)),
            (Some(before), Some(after)) => {
                format!("Replaced `{path}`: {} instead of {}.", bytes(after.bytes), bytes(before.bytes))
            }
            (None, Some(after)) => format!("Wrote {} to `{path}`.", bytes(after.bytes)),
        };
        let written = after.as_ref().map_or(0, |a| a.bytes);
        let data = json!({
            "path": self.path, "bytes": written, "created": before.is_none() && after.is_some(), "artifacts": [self.path],
        });
        let outcome = Outcome::says(message).with(data);
        Ok(match kept {
            Some(id) => outcome.undone_by(Undo::new(
                Self::NAME,
                json!({ "path": self.path, "restore": id }),
                stands(before.as_ref()),
                stands(after.as_ref()),
            )),
            None => outcome,
        })
    }

    /// Keeps the old content, and writes down who writes the new one.
    async fn keep_and_note(
        &self,
        cx: &Context<'_>,
        before: Option<&State>,
        old_content: Option<Vec<u8>>,
        after: Option<&State>,
        stat: Option<(u64, u64)>,
    ) -> Result<Option<Uuid>, Failure> {
        let now = cx.services.clock.now();
        let keeps = before.is_none() || old_content.is_some();
        let kept = Kept {
            id: Uuid::new_v4(),
            owner: cx.owner,
            path: self.path.clone(),
            before: before.cloned(),
            after: after.cloned(),
            wall_ms: now.wall_ms,
        };
        let id = kept.id;
        if keeps {
            let all = cx.services.kept.clone();
            let keeping = blocking("keeping an old content", move || all.keep(&kept, &old_content.unwrap_or_default()));
            keeping.await?.map_err(|e| Failure::new(Code::Failed, format!("nothing was written: {e}")))?;
        }
        if let (Some(after), Some((device, inode))) = (after, stat) {
            let written = Written {
                path: self.path.clone(),
                device,
                inode,
                bytes: after.bytes,
                sha256: after.sha256.clone(),
                uid: cx.owner,
                exe: cx.caller.facts().exe.clone(),
                request: cx.request,
                wall_ms: now.wall_ms,
                boot_id: now.boot_id.to_string(),
                boot_ms: now.boot_ms,
            };
            cx.services.written.note(written).await.map_err(|e| {
                let code = if matches!(e, NoteError::Full) { Code::Overloaded } else { Code::Failed };
                Failure::new(code, format!("nothing was written: {e}"))
            })?;
        }
        Ok(keeps.then_some(id))
    }

    fn data(&self, error: Errno) -> Value {
        json!({ "path": self.path, "errno": error.raw_os_error(), "reason": std::io::Error::from(error).to_string() })
    }

    fn failed(&self, error: Errno) -> Failure {
        let shown = visible(&self.path, 200);
        let failure = match error {
            Errno::NOENT => Failure::new(Code::Failed, format!("the folder of `{shown}` is not there; make it first")),
            Errno::ROFS => Failure::new(Code::Failed, format!("`{shown}` lies where nothing can be written")),
            _ => not_opened(error, &shown)
                .unwrap_or_else(|| Failure::new(Code::Failed, format!("`{shown}` could not be written: {error}"))),
        };
        failure.with(self.data(error))
    }

    fn not_put(&self, error: &PlaceError) -> Failure {
        let shown = visible(&self.path, 200);
        match error {
            PlaceError::Changed => Failure::new(
                Code::ConfirmationChanged,
                format!(
                    "`{shown}` was changed by somebody else meanwhile, so it is left as it is; look again and ask anew"
                ),
            )
            .with(self.data(Errno::STALE)),
            PlaceError::System(e) => self.failed(*e),
            PlaceError::NotSynced(e) => {
                Failure::new(Code::UnknownOutcome, format!("`{shown}`: {error}")).with(self.data(*e))
            }
        }
    }
}

/// What is said when an old content is gone.
fn no_longer() -> Failure {
    Failure::new(Code::Failed, KeptError::Gone.to_string()).with(json!({ "state": "not_kept" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: Value) -> Result<WriteFile, String> {
        serde_json::from_value(args).map_err(|e| e.to_string())
    }

    #[test]
    fn permissions_are_octal_and_have_no_set_id_bits() {
        for (text, bits) in [("0644", 0o644), ("600", 0o600), ("0o755", 0o755), ("0o0777", 0o777), ("000", 0)] {
            assert_eq!(FileMode::try_from(text.to_owned()), Ok(FileMode(bits)), "{text}");
        }
        for bad in [
            "", "0o", "64", "00644", "0x644", "888", "4755", "2755", "1777", "7777", " 644", "+644", "-644", "o644",
            "0o0o644",
        ] {
            assert!(FileMode::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        assert!(read(json!({ "path": "/tmp/x", "content": "", "mode": "4755" })).unwrap_err().contains("set-id"));
    }

    #[test]
    fn a_content_is_a_text_of_up_to_65536_bytes() {
        let of = |n: usize| read(json!({ "path": "/tmp/x", "content": "ü".repeat(n / 2) }));
        assert!(of(65536).is_ok());
        assert!(of(65538).unwrap_err().contains("65536"));
        for bad in [json!(3), json!(["x"]), json!({ "bytes": 3 }), json!({ "bytes": -1, "sha256": "x" })] {
            assert!(read(json!({ "path": "/tmp/x", "content": bad })).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_audit_log_has_the_length_and_the_hash_of_a_content_and_can_be_read_again() {
        let write = read(json!({ "path": "/tmp/x", "content": "secret", "mode": "0600" })).unwrap();
        let audited = write.audited();
        assert_eq!(audited["content"], json!({ "bytes": 6, "sha256": sha256(b"secret") }));
        assert_eq!(audited["mode"], "0600");
        assert!(!audited.to_string().contains("secret"));
        let again = read(audited).unwrap();
        assert_eq!(again.content.unwrap().sealed(), write.content.unwrap().sealed());
    }

    #[test]
    fn a_payload_is_a_path_and_then_the_content() {
        let read = |p| WriteFile::from_payload(Some(p)).unwrap();
        let one = read("/tmp/x\na\nb");
        assert_eq!((one.path.as_str(), one.content), ("/tmp/x", Some(Content::Text("a\nb".into()))));
        assert_eq!(read("/tmp/x").content, Some(Content::Text(String::new())));
        assert!(WriteFile::from_payload(Some("")).is_err() && WriteFile::from_payload(None).is_err());
    }
}
