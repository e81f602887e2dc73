//! `[sandbox.NAME]`, and the names of sandboxes in rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::read::{At, Context};
use crate::rule::Layer;
use crate::sandbox::{BUILT_IN_SANDBOXES, SandboxFiles, SandboxProfile, SandboxPrograms};
use crate::suggest::nearest;

/// The profiles that files define, by layer and name.
pub(super) type Sandboxes = BTreeMap<(Layer, String), SandboxProfile>;

const KEYS: [&str; 14] = [
    "base",
    "summary",
    "files",
    "read",
    "network",
    "programs",
    "env",
    "memory_mib",
    "processes",
    "cpu",
    "file_size_mib",
    "memory_max_mib",
    "tasks_max",
    "cpu_weight",
];
/// Bounds of limits. More than these is no limit.
const MAX_MIB: i64 = 1 << 20;
const MAX_PROCESSES: i64 = 4096;
const MAX_SECONDS: u64 = 3600;
/// The least memory that a command is left with, all of it together: with less the agent's own half of it does not come as far as to run it.
const LEAST_TOGETHER_MIB: i64 = 8;
/// The weights that the kernel knows (`cpu.weight` of cgroups(7)).
const MAX_WEIGHT: i64 = 10_000;
/// The longest summary, in bytes.
const MAX_SUMMARY: usize = 200;

impl<'s> Context<'s> {
    /// All tables of one file. Each begins as its `base`, a built-in profile, and says what is different.
    pub(super) fn sandboxes(&mut self, found: &mut Sandboxes, at: At<'_, 's>) {
        let layer = self.layer(at.file);
        for (name, node) in self.table(at).into_iter().flat_map(|t| t.iter()) {
            let (file, start) = (at.file, name.span().start);
            let name = name.get_ref().to_string();
            let good = !name.is_empty()
                && name.len() <= 64
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
            if !good {
                self.error(
                    file,
                    start,
                    format!("the sandbox `{name}` is not named with up to 64 letters, digits and `.-_`"),
                );
            }
            if BUILT_IN_SANDBOXES.contains(&name.as_str()) {
                self.error(file, start, format!("the sandbox `{name}` is built in; give yours another name"));
            }
            let Some(profile) = self.sandbox(&name, At { file, node }) else { continue };
            if found.insert((layer, name.clone()), profile).is_some() {
                self.error(file, start, format!("the sandbox `{name}` is there twice in this layer"));
            }
        }
    }

    fn sandbox(&mut self, name: &str, at: At<'_, 's>) -> Option<SandboxProfile> {
        let table = self.table(at)?;
        let mut profile = None;
        for (key, node) in table.iter().filter(|(key, _)| &**key.get_ref() == "base") {
            let _ = key;
            let at = At { file: at.file, node };
            let base = self.text(at)?;
            profile = SandboxProfile::built_in(base).filter(SandboxProfile::is_confined);
            if profile.is_none() {
                self.wrong(
                    at,
                    format!("`{base}` is not a built-in sandbox; they are {}", BUILT_IN_SANDBOXES[..4].join(", ")),
                );
                return None;
            }
        }
        let Some(mut profile) = profile else {
            self.wrong(at, "the sandbox has no `base`, such as \"ro-cwd-nonet\", from which it differs");
            return None;
        };
        profile.name = name.to_owned();
        profile.summary = format!("As {name} in the policy.");
        let mut any_variable = None;
        for (key, node) in table.iter() {
            let at = At { file: at.file, node };
            let mib = |cx: &mut Self| cx.number(at, 1..MAX_MIB + 1).map(|n| n.cast_unsigned() << 20);
            match &**key.get_ref() {
                "base" => {}
                "summary" => match self.text(at) {
                    Some(text) if text.len() <= MAX_SUMMARY && !crate::predicate::has_control(text) => {
                        profile.summary = text.to_owned();
                    }
                    Some(_) => self.wrong(at, format!("the summary is one line of up to {MAX_SUMMARY} bytes")),
                    None => {}
                },
                "files" => {
                    let words = [
                        ("system", SandboxFiles::System),
                        ("read-cwd", SandboxFiles::ReadCwd),
                        ("write-cwd", SandboxFiles::WriteCwd),
                    ];
                    profile.files = self.word(at, &words)?;
                }
                "read" => {
                    for (path, start) in self.texts(at)? {
                        if !path.starts_with('/') || path.split('/').any(|p| p == "..") || path.contains('\0') {
                            self.error(at.file, start, format!("`{path}` is not a whole path without `..`"));
                        }
                        profile.read.push(path.to_owned());
                    }
                }
                "network" => profile.network = self.boolean(at)?,
                "programs" => {
                    let words = [("one", SandboxPrograms::One), ("system", SandboxPrograms::System)];
                    profile.programs = self.word(at, &words)?;
                }
                "env" => {
                    for (variable, start) in self.texts(at)? {
                        let fixed = variable.trim_end_matches('*');
                        if variable == "*" {
                            any_variable = Some((at, start));
                        }
                        // All but those that are never set: SandboxProfile::lets_set leaves them out of every glob.
                        if variable != "*" && crate::sandbox::is_never_set(fixed) {
                            let message =
                                format!("`{variable}` never comes from a request, or is no name of variables");
                            self.error(at.file, start, message);
                        }
                        profile.env.push(variable.to_owned());
                    }
                }
                "memory_mib" => profile.limits.memory = mib(self)?,
                "file_size_mib" => profile.limits.file_size = mib(self)?,
                "processes" => profile.limits.processes = self.number(at, 1..MAX_PROCESSES + 1)? as u32,
                "memory_max_mib" => {
                    let mib = self.number(at, LEAST_TOGETHER_MIB..MAX_MIB + 1)?;
                    profile.group.memory_max = Some(mib.cast_unsigned() << 20);
                }
                "tasks_max" => profile.group.tasks_max = Some(self.number(at, 1..MAX_PROCESSES + 1)? as u32),
                "cpu_weight" => profile.group.cpu_weight = Some(self.number(at, 1..MAX_WEIGHT + 1)? as u16),
                "cpu" => profile.limits.cpu = self.duration(at, MAX_SECONDS)?.max(1) as u32,
                _ => self.unknown_key(at.file, key, &KEYS),
            }
        }
        // Which variables decide what a program does is a list that is never complete. Where nothing is written and nobody reached, what
        // is not on it can change no more than what the command says.
        if let Some((at, start)) = any_variable
            && (profile.network || profile.files >= SandboxFiles::WriteCwd)
        {
            let message = "`*` is for sandboxes that write nothing and have no network; name the variables that a request may set";
            self.error(at.file, start, message.to_owned());
        }
        Some(profile)
    }

    /// `sandbox = "NAME"` of a rule, or a list of which the first is taken where a request names none.
    pub(super) fn rule_sandboxes(&mut self, found: &Sandboxes, at: At<'_, 's>, deny: bool) -> Vec<Arc<str>> {
        if deny {
            self.wrong(
                at,
                "a `deny` rule runs nothing, so it has no sandbox; use `args.sandbox` to match what was asked for",
            );
        }
        let layer = self.layer(at.file);
        let mut out = Vec::new();
        for (name, start) in self.texts(at).unwrap_or_default() {
            // As with sets: a rule sees its own layer's, then those above.
            let known: Vec<&str> =
                found.keys().filter(|(l, _)| *l <= layer).map(|(_, n)| n.as_str()).chain(BUILT_IN_SANDBOXES).collect();
            if known.contains(&name) {
                out.push(Arc::from(name));
            } else {
                let hint = nearest(name, known).map(str::to_owned);
                self.error_hint(at.file, start, format!("there is no sandbox `{name}`"), hint);
            }
        }
        out
    }
}
