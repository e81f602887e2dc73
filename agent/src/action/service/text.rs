//! What a unit would run and who wrote that, for previews: from its file and drop-ins, as they lie on the disk now.

use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use steward_ipc::Effect;

use crate::action::types::visible;
use crate::backend::dbus::units::Unit;
use crate::backend::unit_file::{self, MAX_FILE, UnitText};
use crate::provenance::Written;
use crate::reply::Failure;
use crate::services::Context;

/// How many drop-ins are read.
const MAX_FILES: usize = 32;
/// How many files are looked up that a unit's commands name.
const MAX_PATHS: usize = 256;
/// How many characters of the commands are shown.
const MAX_SHOWN: usize = 1000;

/// The files of a unit.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    /// What they say.
    pub parsed: UnitText,
    /// A digest of them, so that a yes is for these very files; none where they cannot be read.
    pub digest: Option<String>,
}

/// What of a unit was written through Steward a short time ago: its file, its drop-ins, and what its commands name.
///
/// # Errors
/// When that cannot be found out.
pub(super) async fn written(unit: &Unit, text: &Text, cx: &Context<'_>) -> Result<Vec<Arc<Written>>, Failure> {
    let commands = unit.commands.iter().chain(&text.parsed.commands);
    // `ExecStart=-/bin/sh` and `--config=/x` name files too.
    let words =
        commands.flat_map(|c| c.split_ascii_whitespace()).filter_map(|word| word.find('/').map(|at| &word[at..]));
    let words = words.map(|w| w.trim_matches(['"', '\'']));
    let files = unit.drop_in_paths.iter().map(String::as_str).chain([unit.fragment_path.as_str()]);
    let paths = files.chain(words).filter(|p| p.starts_with('/')).take(MAX_PATHS).map(PathBuf::from).collect();
    cx.services.written.find(paths).await
}

impl Text {
    /// Reads the files of a unit. What may not be read is as if it were not there; the digest says so.
    pub(super) async fn of(unit: &Unit, cx: &Context<'_>) -> Text {
        // The files of this machine are not those of one that is not there.
        if cx.services.simulated || unit.fragment_path.is_empty() {
            return Text::default();
        }
        let files: Vec<String> =
            [&unit.fragment_path].into_iter().chain(&unit.drop_in_paths).take(MAX_FILES).cloned().collect();
        tokio::task::spawn_blocking(move || read(&files)).await.unwrap_or_default()
    }

    /// Why this cannot be done with a unit, if it cannot.
    pub(super) fn cannot(&self, verb: &str, unit: &Unit) -> Option<String> {
        let id = visible(&unit.id, 255);
        match verb {
            "start" | "restart" if !unit.can_start => Some(format!("{id} is not started by hand: its file says so")),
            "stop" | "restart" if !unit.can_stop && unit.is_up() => {
                Some(format!("{id} is not stopped by hand: its file says so"))
            }
            "enable" | "disable" => match unit.unit_file_state.as_str() {
                "static" => Some(format!("{id} cannot be enabled or disabled: it is started by what needs it")),
                state @ ("generated" | "transient" | "bad" | "") => Some(format!(
                    "{id} cannot be enabled or disabled: it has no file of its own ({})",
                    if state.is_empty() { "unknown" } else { state }
                )),
                _ => None,
            },
            _ => None,
        }
    }

    /// What happens to the unit itself, bound to its files where it runs what is in them.
    pub(super) fn effect(&self, verb: &str, unit: &Unit, runs_it: bool) -> Effect {
        let commands = if unit.need_daemon_reload || unit.commands.is_empty() {
            self.parsed.commands.clone()
        } else {
            unit.commands.clone()
        };
        let to = match verb {
            "enable" => Some(format!("with {}", self.parsed.started_by.join(" ")))
                .filter(|_| !self.parsed.started_by.is_empty()),
            _ if runs_it && !commands.is_empty() => Some(commands.join("; ")),
            _ => None,
        };
        let names = |verb: &str| verb == "enable" && !self.parsed.aliases.is_empty();
        let to = match (names(verb), to) {
            (true, to) => {
                Some(format!("{} as {}", to.unwrap_or_default(), self.parsed.aliases.join(" ")).trim().to_owned())
            }
            (false, to) => to,
        };
        let bound = runs_it || verb == "enable";
        Effect {
            verb: verb.to_owned(),
            object: visible(&unit.id, 255),
            to: to.map(|t| visible(&t, MAX_SHOWN)),
            version: self.digest.clone().filter(|_| bound),
            origin: Some(visible(&unit.fragment_path, 300)).filter(|p| bound && !p.is_empty()),
            ..Effect::default()
        }
    }
}

fn read(files: &[String]) -> Text {
    let mut found = Text::default();
    let mut sha = Sha256::new();
    for path in files {
        sha.update(path.as_bytes());
        match read_one(path) {
            Ok(text) => {
                sha.update(text.as_bytes());
                unit_file::read(&text, &mut found.parsed);
            }
            Err(_) => sha.update(b"\0unreadable"),
        }
    }
    found.digest = Some(sha.finalize().iter().take(6).map(|b| format!("{b:02x}")).collect());
    found
}

/// The text of one regular file, up to [`MAX_FILE`].
fn read_one(path: &str) -> std::io::Result<String> {
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY).bits()).unwrap_or_default();
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE as u64).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yes_is_for_these_very_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.service");
        let files = [path.display().to_string()];
        std::fs::write(&path, "[Service]\nExecStart=/bin/a\n").unwrap();
        let first = read(&files);
        assert_eq!(first.parsed.commands, ["ExecStart=/bin/a"]);
        assert_eq!(first.digest, read(&files).digest);
        std::fs::write(&path, "[Service]\nExecStart=/bin/b\n").unwrap();
        assert_ne!(first.digest, read(&files).digest);
        std::fs::remove_file(&path).unwrap();
        assert_ne!(first.digest, read(&files).digest);
        // A pipe, and a folder, are no file of a unit, and nobody waits at them.
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        assert!(read(&files).parsed.commands.is_empty());
        assert!(read_one("/").is_err());
    }
}
