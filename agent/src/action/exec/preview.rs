//! What is shown of a command before it runs: in one line, with what its sandbox promises, and with what tells its program from another.

use std::os::unix::fs::MetadataExt;

use sha2::{Digest, Sha256};
use steward_policy::{SandboxFiles, SandboxGroup, SandboxProfile, SandboxPrograms};

use super::args::is_plain;
use crate::action::types::visible;
use crate::backend::sandbox::OpenProgram;
use crate::reply::Failure;

/// A command as it is shown: words that are not plain in quotes, everything invisible made visible.
pub(super) fn shown(argv: &[String]) -> String {
    let word = |a: &String| if is_plain(a) && !a.is_empty() && !a.contains(' ') { a.clone() } else { format!("{a:?}") };
    visible(&argv.iter().map(word).collect::<Vec<_>>().join(" "), 2000)
}
/// What a sandbox promises, in words that change when the promise does.
pub(super) fn promise(profile: &SandboxProfile) -> String {
    let mut said = vec![
        match profile.files {
            SandboxFiles::System => "reads the system's own files",
            SandboxFiles::ReadCwd => "reads the system's own files and its working folder",
            SandboxFiles::WriteCwd => "writes beneath its working folder",
            SandboxFiles::All => "no fences at all",
        }
        .to_owned(),
    ];
    if !profile.read.is_empty() {
        said.push(format!("reads {}", visible(&profile.read.join(", "), 500)));
    }
    said.push(if profile.network { "uses the network" } else { "no network" }.to_owned());
    said.push(
        match profile.programs {
            SandboxPrograms::One => "starts nothing else",
            SandboxPrograms::System => "may start programs of the system",
        }
        .to_owned(),
    );
    let SandboxGroup { memory_max, tasks_max, cpu_weight } = profile.group;
    said.extend(memory_max.map(|bytes| format!("at most {} MiB of memory all together", bytes >> 20)));
    said.extend(tasks_max.map(|tasks| format!("at most {tasks} processes all together")));
    said.extend(cpu_weight.map(|weight| format!("a weight of {weight} on the processors")));
    format!("{}: {}", profile.name, said.join("; "))
}

/// What tells the opened file from another one that is put in its place: its number, size and time of change, in a digest.
pub(super) fn identity(program: &OpenProgram) -> Result<String, Failure> {
    let mut sha = Sha256::new();
    for file in program.files() {
        let meta = file.metadata().map_err(|e| Failure::internal(format!("a program that was opened: {e}")))?;
        for n in [meta.dev(), meta.ino(), meta.size(), meta.ctime().cast_unsigned(), meta.ctime_nsec().cast_unsigned()]
        {
            sha.update(n.to_le_bytes());
        }
    }
    Ok(sha.finalize().iter().take(6).map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_command_is_one_line_without_tricks() {
        let argv = ["/bin/echo", "", "a b", "\u{202e}x", "a\nb"].map(str::to_owned);
        assert_eq!(shown(&argv), r#"/bin/echo "" "a b" <U+202E>x "a\nb""#);
    }
}
