//! The compiled policy: immutable, shared between threads, swapped as a whole by a reload.

use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::check::PolicyTest;
use crate::decide::for_pairs;
use crate::decision::{Assurance, Decision, Requirements};
use crate::error::{LoadError, Source};
use crate::facts::{Step, Surroundings};
use crate::files::Roots;
use crate::glob::Glob;
use crate::index::{self, ActionRules};
use crate::load;
use crate::risk::Risk;
use crate::rule::{CallerDef, Layer, Names, Rule};
use crate::sandbox::SandboxProfile;
use crate::values::{FastMap, Pattern, Patterns};

/// What happens to a held request when nobody can approve here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NoApprover {
    /// It waits until it expires.
    Queue,
    /// It is denied at once.
    Deny,
}

/// What holds where no rule says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// The verdict where neither a rule nor the risk baseline has one.
    pub unmatched: Decision,
    /// What happens when nobody can approve.
    pub no_approver: NoApprover,
    /// What a confirmation must satisfy where a rule does not say.
    pub confirm: Requirements,
}

/// A set of a policy, by name.
#[derive(Debug)]
pub struct NamedSet {
    name: Arc<str>,
    layer: Layer,
    values: Vec<String>,
    patterns: Patterns,
}

impl NamedSet {
    pub(crate) fn new(layer: Layer, name: String, values: Vec<String>) -> NamedSet {
        let pattern = |text: &String| match Glob::new(text, None) {
            Ok(glob) if Glob::is_glob(text) => Pattern::Glob(glob),
            _ => Pattern::Exact(text.as_str().into()),
        };
        let patterns = Patterns::new(values.iter().map(pattern).collect());
        NamedSet { name: name.into(), layer, values, patterns }
    }

    /// Its name, without the `@`.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The layer that defines it.
    pub fn layer(&self) -> Layer {
        self.layer
    }

    /// Its elements as they are written; those with `* ? [` are globs.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Whether `text` is in it.
    pub fn contains(&self, text: &str) -> bool {
        self.patterns.contains(text)
    }
}

/// A file of the policy, for naming places in it.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    /// Where its lines begin, in bytes.
    starts: Vec<u32>,
}

impl File {
    pub(crate) fn new(name: &str, text: &str) -> File {
        let starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i as u32 + 1))
            .collect();
        File { name: name.to_owned(), starts }
    }

    pub(crate) fn line(&self, at: u32) -> u32 {
        self.starts.partition_point(|s| *s <= at) as u32
    }
}

/// A policy: what [`Policy::load`] makes of the files of all layers.
#[derive(Debug)]
pub struct Policy {
    /// Sorted by (layer, id), so that the smaller number is the one to name.
    pub(crate) rules: Vec<Rule>,
    pub(crate) actions: FastMap<Box<str>, ActionRules>,
    pub(crate) baseline: [Option<Decision>; 6],
    pub(crate) defaults: Defaults,
    pub(crate) doors: Vec<(Box<str>, Assurance)>,
    pub(crate) callers: Vec<Arc<CallerDef>>,
    pub(crate) sets: Vec<NamedSet>,
    pub(crate) tests: Vec<PolicyTest>,
    pub(crate) files: Vec<File>,
    pub(crate) names: Names,
    /// By layer, then name.
    pub(crate) sandboxes: Vec<(Layer, SandboxProfile)>,
    /// Where files are read and written without more ado.
    pub(crate) roots: Roots,
    hash: String,
    broken: Option<Arc<str>>,
}

/// What answers while the policy is broken: nothing that changes anything.
pub const ANSWERS_WHEN_BROKEN: [&str; 6] = ["ping", "get_capabilities", "explain", "pending_list", "result", "cancel"];

impl Policy {
    /// Compiles the files of all layers; their order does not matter. Where only the user's files are given, they stand in the
    /// vendor layer's place; where none is given, the built-in [`crate::shipped::DESKTOP`] does. Every error of every file is
    /// returned, sorted by file, line and column.
    pub fn load(mut sources: Vec<Source>, catalogue: &dyn Catalogue) -> Result<Policy, Vec<LoadError>> {
        if sources.is_empty() {
            sources.push(crate::shipped::desktop());
        }
        load::load(&sources, catalogue)
    }

    /// The built-in `desktop.toml` as the vendor layer: what holds while there is no file anywhere. It cannot fail with the agent's own
    /// catalogue, which its tests hold; with another one the policy is [`Policy::broken`].
    pub fn builtin(catalogue: &dyn Catalogue) -> Policy {
        Policy::load(Vec::new(), catalogue).unwrap_or_else(|errors| {
            let first = errors.first().map(LoadError::to_string).unwrap_or_default();
            Policy::broken(&first)
        })
    }

    /// The policy while a file is bad and there is no earlier generation: only [`ANSWERS_WHEN_BROKEN`] answer, everything else is
    /// denied with the rule `policy.broken` and `reason`.
    pub fn broken(reason: &str) -> Policy {
        let defaults =
            Defaults { unmatched: Decision::Deny, no_approver: NoApprover::Queue, confirm: load::tables::REQUIREMENTS };
        let empty = Vec::new;
        let mut policy = Policy::assemble(
            Vec::new(),
            [None; 6],
            defaults,
            Vec::new(),
            Vec::new(),
            Vec::new(),
            Vec::new(),
            empty(),
            "broken".to_owned(),
        );
        policy.broken = Some(reason.into());
        policy
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a policy, given once, by name")]
    pub(crate) fn assemble(
        rules: Vec<Rule>,
        baseline: [Option<Decision>; 6],
        defaults: Defaults,
        doors: Vec<(Box<str>, Assurance)>,
        callers: Vec<Arc<CallerDef>>,
        sets: Vec<NamedSet>,
        tests: Vec<PolicyTest>,
        files: Vec<File>,
        hash: String,
    ) -> Policy {
        let actions = index::build(&rules);
        let names = Names::new();
        Policy {
            rules,
            actions,
            baseline,
            defaults,
            doors,
            callers,
            sets,
            tests,
            files,
            names,
            sandboxes: Vec::new(),
            roots: Roots::default(),
            hash,
            broken: None,
        }
    }

    /// Why the policy is broken, when it is.
    pub fn is_broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    pub(crate) fn broken_reason(&self) -> Option<Arc<str>> {
        self.broken.clone()
    }

    /// SHA-256, in hexadecimal, over what the files mean: neither their order nor their layout nor comments nor examples change it.
    /// `broken` for a broken policy.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// What holds where no rule says otherwise.
    pub fn defaults(&self) -> &Defaults {
        &self.defaults
    }

    /// What happens to a held request when nobody can approve here.
    pub fn no_approver(&self) -> NoApprover {
        self.defaults.no_approver
    }

    /// The least assurance of a confirmation that came in by `door`, where no rule speaks for that door. [`Policy::decide`] has
    /// joined it already.
    pub fn min_assurance(&self, door: &str) -> Option<Assurance> {
        self.doors.iter().find(|(d, _)| **d == *door).map(|(_, a)| *a)
    }

    /// How many rules there are, in all layers.
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// The first `[caller]`, by layer and name, that the caller is known to be.
    pub fn caller_name(&self, s: &dyn Surroundings) -> Option<&str> {
        self.callers.iter().find(|c| c.is(s) == Some(true)).map(|c| &*c.name)
    }

    pub(crate) fn caller_arc(&self, s: &dyn Surroundings) -> Option<Arc<str>> {
        self.callers.iter().find(|c| c.is(s) == Some(true)).map(|c| c.name.clone())
    }

    /// The set `@name` (given without the `@`); where several layers have it, that of the highest.
    pub fn set(&self, name: &str) -> Option<&NamedSet> {
        self.sets.iter().filter(|s| *s.name == *name).min_by_key(|s| s.layer)
    }

    /// All sets, by layer and name.
    pub fn sets(&self) -> &[NamedSet] {
        &self.sets
    }

    /// The sandbox of this name: a built-in one, or that of the highest layer that defines it.
    pub fn sandbox(&self, name: &str) -> Option<SandboxProfile> {
        let own = || self.sandboxes.iter().find(|(_, p)| p.name == name).map(|(_, p)| p.clone());
        SandboxProfile::built_in(name).or_else(own)
    }

    /// All sandboxes that [`Policy::sandbox`] knows: the built-in ones from strict to loose, then those of the files.
    pub fn sandboxes(&self) -> Vec<SandboxProfile> {
        let mut all = SandboxProfile::all_built_in();
        for (_, profile) in &self.sandboxes {
            if !all.iter().any(|p| p.name == profile.name) {
                all.push(profile.clone());
            }
        }
        all
    }

    /// The sandbox that the rules give a command which names none: the first of the rule that matches and is first by layer and
    /// id; none where no rule that matches names one.
    pub fn sandbox_for(&self, step: &Step<'_>, s: &dyn Surroundings) -> Option<&str> {
        let rules = self.actions.get(step.action)?;
        let mut found: Option<u32> = None;
        for_pairs(step, &mut |pair| {
            rules.candidates(pair, &mut |number| {
                let rule = &self.rules[number as usize];
                if !rule.sandbox.is_empty() && found.is_none_or(|f| number < f) && rule.matches(pair, s) {
                    found = Some(number);
                }
            });
            true
        });
        self.rules[found? as usize].sandbox.first().map(|name| &**name)
    }

    /// The class of harm of a step as it is judged: an action on a file outside the roots of `[files]` is [`crate::OUTSIDE`] at the
    /// least. [`Policy::decide`] has it in already.
    pub fn risk_of(&self, step: &Step<'_>, s: &dyn Surroundings) -> Risk {
        self.roots.raised(step, s)
    }

    /// Whether any rule or exception asks whether the session is locked: whether asking logind is worth its cost.
    pub fn asks_locked(&self) -> bool {
        self.rules.iter().any(|r| std::iter::once(&r.clause).chain(&r.except).any(|c| c.locked.is_some()))
    }

    /// Whether any rule, caller or exception for `action` asks about more of the caller than uid, gid, pid and door: whether
    /// looking those facts up is worth its cost.
    pub fn asks_about_process(&self, action: &str) -> bool {
        let deep = |c: &Arc<CallerDef>| c.exe.is_some() || c.unit.is_some() || c.user_unit.is_some();
        self.actions.get(action).is_some_and(|a| {
            a.all.iter().map(|r| &self.rules[*r as usize]).any(|r| {
                std::iter::once(&r.clause).chain(&r.except).any(|c| c.callers.iter().any(deep))
                    || r.limit.is_some() && self.callers.iter().any(deep)
            })
        })
    }
}

impl Names {
    fn new() -> Names {
        use crate::risk::Risk;
        Names {
            empty: "".into(),
            risk: Risk::ALL.map(|r| format!("risk.{r}").into()),
            risk_why: Risk::ALL.map(|r| format!("No rule is about this; it goes by its risk, {r}.").into()),
            unmatched: "defaults.unmatched".into(),
            unmatched_why: "No rule is about this, and nothing is said about its risk.".into(),
            broken: "policy.broken".into(),
            too_many: "policy.too_many".into(),
            too_many_why: "The request names more things than are judged at once.".into(),
        }
    }
}
