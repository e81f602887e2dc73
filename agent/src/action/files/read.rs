//! Reading a file.

use rustix::io::Errno;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use steward_ipc::{Code, Effect, Fact, Preview};
use steward_policy::{ArgKind, OwnedArg, Risk};

use super::class::private_by_mode;
use super::{MAX_CONTENT, blocking, fact, normal, not_opened, places};
use crate::action::types::{count, visible};
use crate::action::{Action, Capability, Example, Look, Opened, Perform, Ready, Shown, call};
use crate::backend::files::{Found, Readable};
use crate::reply::{Failure, Outcome};
use crate::services::Context;

/// Reads the beginning of a file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadFile {
    /// The file: an absolute path, or one that begins with `~`. No part of it may be a symbolic link.
    pub path: String,
    /// How many bytes are read at the most: 1 to 65536, which it is when left out.
    #[serde(default)]
    pub max_bytes: MaxBytes,
}

/// A number of bytes from 1 to 65536.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u64", into = "u64")]
#[schemars(with = "u64")]
pub struct MaxBytes(u32);

impl Default for MaxBytes {
    fn default() -> MaxBytes {
        MaxBytes(MAX_CONTENT as u32)
    }
}

impl TryFrom<u64> for MaxBytes {
    type Error = String;

    fn try_from(n: u64) -> Result<MaxBytes, String> {
        let good = u32::try_from(n).ok().filter(|n| (1..=MAX_CONTENT as u32).contains(n));
        good.map(MaxBytes).ok_or_else(|| format!("{n} is not from 1 to {MAX_CONTENT} bytes"))
    }
}

impl From<MaxBytes> for u64 {
    fn from(n: MaxBytes) -> u64 {
        n.0.into()
    }
}

impl Capability for ReadFile {
    const NAME: &'static str = "read_file";
    const RISK: Risk = Risk::Observe;
    const RISK_POSSIBLE: Risk = Risk::Destructive;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("path", ArgKind::Path), ("max_bytes", ArgKind::Number)];
    const EXAMPLES: &'static [Example] = &[call(Some("/tmp/notes.txt")), call(Some("~/Documents/letter.txt"))];

    fn from_payload(payload: Option<&str>) -> Result<ReadFile, Failure> {
        let path = payload.filter(|p| !p.is_empty()).ok_or_else(|| Failure::invalid_payload("missing path"))?;
        Ok(ReadFile { path: path.to_owned(), max_bytes: MaxBytes::default() })
    }

    fn payload(&self) -> Option<String> {
        (self.max_bytes == MaxBytes::default()).then(|| self.path.clone())
    }
}

impl Perform for ReadFile {
    const PERSONAL: bool = true;

    fn sentence(&self) -> String {
        format!("Read `{}`", visible(&self.path, 200))
    }

    fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
        self.facts_of(None)
    }

    async fn mean(&mut self, cx: &Context<'_>) -> Result<(), Failure> {
        self.path = normal(&self.path, cx.services.home.as_deref())?;
        Ok(())
    }

    /// Judged by what was opened; what is not there, or cannot be opened, by its path.
    async fn look(&self, cx: &Context<'_>) -> Result<Look, Failure> {
        Ok(self.seen(self.find(cx).await?, cx))
    }

    /// Bound to the very file; it may have grown by then.
    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        let opened = self.find(cx).await?.map_err(|e| self.failed(e))?;
        opened.is_good().map_err(|e| self.failed(e))?;
        let found = opened.found();
        let most = u64::from(self.max_bytes);
        let (_, why) = self.risk(cx, Some(found));
        let stat = found.stat();
        let effect = Effect {
            verb: "read".into(),
            object: visible(&self.path, 400),
            to: Some(format!("up to {}", count(usize::try_from(most).unwrap_or(usize::MAX), "byte"))),
            version: Some(format!("device {}, inode {}", stat.st_dev, stat.st_ino)),
            ..Effect::default()
        };
        let fact = |name: &str, value: String| Fact { name: name.to_owned(), value };
        let mut facts = vec![fact("size", size_of(found.size()))];
        facts.extend(why.map(|w| fact("private", w.to_owned())));
        let preview = Preview { summary: self.sentence(), effects: vec![effect], facts, ..Preview::default() };
        Ok(Shown { preview, ..Shown::default() })
    }

    async fn run(&self, _cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        let Some(Opened::File(opened)) = ready.opened else {
            return Err(Failure::internal("a file that was not looked for"));
        };
        let opened = opened.map_err(|e| self.failed(e))?;
        let (size, most) = (opened.found().size(), self.max_bytes.0 as usize);
        // One byte more tells whether there is more.
        let bytes = match opened.head_at_hand(most + 1) {
            Some(bytes) => bytes,
            None => {
                let read = blocking("reading a file", move || opened.head(most + 1)).await?;
                read.map_err(|e| self.failed(e))?
            }
        };
        let (read, truncated) = (bytes.len().min(most), bytes.len() > most);
        let content = base64_simd::STANDARD.encode_to_string(&bytes[..read]);
        let more = if truncated { "; there is more" } else { "" };
        let message = format!("Read {} of `{}`{more}.", size_of(read as u64), visible(&self.path, 200));
        let mut data = json!({ "path": self.path, "truncated": truncated, "size": size });
        // Moved: `json!` would copy it.
        data["content_base64"] = content.into();
        Ok(Outcome::says(message).with(data))
    }
}

fn size_of(bytes: u64) -> String {
    count(usize::try_from(bytes).unwrap_or(usize::MAX), "byte")
}

/// What each step that reads a file finds there, for [`ReadFile::seen`]: opened in one go, because a thread for each file costs more
/// than opening it. Nothing where there are not several.
///
/// # Errors
/// When it could not be looked at all.
pub(crate) async fn ahead(steps: &[Action], cx: &Context<'_>) -> Result<Vec<Option<Result<Readable, Errno>>>, Failure> {
    let path = |step: &Action| match step {
        Action::ReadFile(read) => Some(read.path.clone()),
        _ => None,
    };
    let paths: Vec<Option<String>> = steps.iter().map(path).collect();
    if paths.iter().flatten().count() < 2 {
        return Ok(Vec::new());
    }
    let base = cx.services.files.clone();
    let open = move |path: String| base.find(&path).map(Found::opened);
    blocking("opening files", move || paths.into_iter().map(|path| path.map(&open)).collect()).await
}

impl ReadFile {
    /// [`Perform::look`] with what was found.
    pub(crate) fn seen(&self, found: Result<Readable, Errno>, cx: &Context<'_>) -> Look {
        let known = found.as_ref().ok().map(Readable::found);
        let (risk, _) = self.risk(cx, known);
        Look { risk, facts: self.facts_of(known), opened: Some(Opened::File(found)) }
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Result<Readable, Errno>, Failure> {
        let (base, path) = (cx.services.files.clone(), self.path.clone());
        blocking("opening a file", move || base.find(&path).map(Found::opened)).await
    }

    fn facts_of(&self, found: Option<&Found>) -> Vec<(&'static str, OwnedArg)> {
        vec![("path", fact(&self.path, found)), ("max_bytes", OwnedArg::Number(self.max_bytes.0.into()))]
    }

    fn risk(&self, cx: &Context<'_>, found: Option<&Found>) -> (Risk, Option<&'static str>) {
        let by_name = places(cx).private(&self.path).map(|why| (Risk::Destructive, why));
        let by_mode = found.and_then(|f| private_by_mode(f.stat(), cx.owner));
        match by_name.into_iter().chain(by_mode).max_by_key(|(risk, _)| *risk) {
            Some((risk, why)) => (risk, Some(why)),
            None => (Self::RISK, None),
        }
    }

    fn failed(&self, error: Errno) -> Failure {
        let shown = visible(&self.path, 200);
        not_opened(error, &shown).unwrap_or_else(|| {
            Failure::new(Code::Failed, format!("`{shown}` could not be read: {error}"))
        })
        .with(json!({ "path": self.path, "errno": error.raw_os_error(), "reason": std::io::Error::from(error).to_string() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_at_the_most_is_from_1_to_65536_bytes() {
        let read = |args| serde_json::from_value::<ReadFile>(args);
        for (max, good) in [(0_i64, false), (-1, false), (1, true), (65536, true), (65537, false)] {
            assert_eq!(read(json!({ "path": "/tmp/x", "max_bytes": max })).is_ok(), good, "{max}");
        }
        assert_eq!(read(json!({ "path": "/tmp/x" })).unwrap().max_bytes.0, 65536);
        assert!(read(json!({ "path": "/tmp/x", "more": 1 })).is_err());
    }
}
