//! What `steward policy check` and `steward policy test` look for: examples, tests, dead rules, coverage.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::dead::{self, Dead};
use crate::decide::for_pairs;
use crate::decision::{Assurance, Decision, LimitUse, Released};
use crate::explain::conditions;
use crate::facts::{LocalTime, OwnedStep, Surroundings, with_steps};
use crate::policy::Policy;
use crate::rule::{CallerDef, Clause, Rule};
use crate::values::Patterns;

/// One `[[test]]` of a policy file.
#[derive(Debug, Default)]
pub(crate) struct PolicyTest {
    pub(crate) file: u32,
    pub(crate) at: u32,
    pub(crate) run: String,
    pub(crate) steps: Vec<OwnedStep>,
    pub(crate) caller: Option<Arc<CallerDef>>,
    pub(crate) moment: Option<LocalTime>,
    pub(crate) door: Option<String>,
    pub(crate) uid: Option<u32>,
    pub(crate) locked: Option<bool>,
    pub(crate) released: Option<u32>,
    pub(crate) decision: Option<&'static str>,
    pub(crate) rule: Option<String>,
    pub(crate) preview: Option<bool>,
    pub(crate) assurance: Option<Assurance>,
}

/// The surroundings of a `[[test]]` and of examples: everything is known. Without `as` it is uid 1000 at the `ndjson`
/// door, not locked, on a Monday at noon.
#[derive(Debug)]
pub struct Staged {
    /// The uid.
    pub uid: u32,
    /// The gid.
    pub gid: u32,
    /// The executable.
    pub exe: String,
    /// The system unit; empty = in none.
    pub unit: String,
    /// The user unit; empty = in none.
    pub user_unit: String,
    /// The door.
    pub door: String,
    /// The listening socket.
    pub socket: String,
    /// Whether the session is locked.
    pub locked: bool,
    /// The moment, in whatever zone.
    pub moment: LocalTime,
    /// How often everything was released in its window.
    pub released: u32,
    /// The home folder.
    pub home: String,
    /// The agent's working folder.
    pub folder: String,
}

impl Default for Staged {
    fn default() -> Staged {
        Staged {
            uid: 1000,
            gid: 1000,
            exe: "/usr/bin/example".into(),
            unit: String::new(),
            user_unit: String::new(),
            door: "ndjson".into(),
            socket: "agent".into(),
            locked: false,
            moment: LocalTime { weekday: 0, minute: 12 * 60 },
            released: 0,
            home: "/home/example".into(),
            folder: "/srv/work".into(),
        }
    }
}

impl Staged {
    /// A caller who fits `caller`; what it does not name is as in the default.
    fn of(caller: &CallerDef) -> Staged {
        let mut s = Staged::default();
        let text = |p: &Option<Patterns>, or: &str| match p.as_ref().and_then(|p| p.all.first()) {
            Some(p) => p.text().replace('*', "x"),
            None => or.to_owned(),
        };
        s.uid = caller.uid.as_ref().and_then(|u| u.first().copied()).unwrap_or(s.uid);
        s.gid = caller.gid.as_ref().and_then(|g| g.first().copied()).unwrap_or(s.gid);
        s.exe = text(&caller.exe, &s.exe);
        s.unit = text(&caller.unit, &s.unit);
        s.user_unit = text(&caller.user_unit, &s.user_unit);
        s.door = text(&caller.door, &s.door);
        s.socket = text(&caller.socket, &s.socket);
        s
    }
}

impl Surroundings for Staged {
    fn uid(&self) -> Option<u32> {
        Some(self.uid)
    }
    fn gid(&self) -> Option<u32> {
        Some(self.gid)
    }
    fn pid(&self) -> Option<u32> {
        Some(4242)
    }
    fn exe(&self) -> Option<&str> {
        Some(&self.exe)
    }
    fn unit(&self) -> Option<&str> {
        Some(&self.unit)
    }
    fn user_unit(&self) -> Option<&str> {
        Some(&self.user_unit)
    }
    fn door(&self) -> &str {
        &self.door
    }
    fn socket(&self) -> Option<&str> {
        Some(&self.socket)
    }
    fn locked(&self) -> Option<bool> {
        Some(self.locked)
    }
    fn local_time(&self, _zone: Option<&str>) -> Option<LocalTime> {
        Some(self.moment)
    }
    fn released(&self, limit: &LimitUse) -> Option<Released> {
        let oldest_leaves_in = if self.released > 0 { limit.window } else { Duration::ZERO };
        Some(Released { count: self.released, oldest_leaves_in })
    }
    fn home(&self) -> Option<&str> {
        Some(&self.home)
    }
    fn folder(&self) -> Option<&str> {
        Some(&self.folder)
    }
}

/// Whether a rule matches an example by what it says about arguments. An `ok` must match every element, since a list is only as
/// free as its strictest element; a `confirm` or `deny` matches when it matches any.
pub(crate) fn example_matches(rule: &Rule, steps: &[OwnedStep]) -> bool {
    let staged = Staged::default();
    let steps = at_home(steps, &staged.home);
    with_steps(&steps, |steps| {
        let every = rule.decision == Decision::Ok;
        let mut result = every && !steps.is_empty();
        for step in steps {
            for_pairs(step, &mut |pair| {
                let is = rule.actions.iter().any(|a| **a == *step.action) && rule.matches_arguments(pair, &staged);
                result = if every { result && is } else { result || is };
                true
            });
        }
        result
    })
}

/// Examples are written with `~`; requests come with the real path.
pub(crate) fn at_home(steps: &[OwnedStep], home: &str) -> Vec<OwnedStep> {
    let mut steps = steps.to_vec();
    for (_, arg) in steps.iter_mut().flat_map(|s| s.args.iter_mut()) {
        if let crate::facts::OwnedArg::Path(p) = arg
            && let Some(rest) = p.path.strip_prefix('~')
        {
            p.path = format!("{home}{rest}");
        }
    }
    steps
}

/// How much a [`Finding`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The policy does not say what its author meant.
    Error,
    /// Worth knowing.
    Note,
}

/// Something that [`Policy::check`] found in a policy that loads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// Whether it is an error.
    pub severity: Severity,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What it is.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.severity == Severity::Error { "" } else { "note: " };
        write!(f, "{}:{}: {kind}{}", self.file, self.line, self.message)
    }
}

/// How one `[[test]]` came out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TestResult {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The request.
    pub run: String,
    /// What was expected and did not come; empty when it passed.
    pub failures: Vec<String>,
}

/// What the tests and examples of a policy exercise.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Coverage {
    /// How many rules there are.
    pub rules: usize,
    /// How many of them some test or example matches.
    pub rules_exercised: usize,
    /// How many conditions the rules and their exceptions have.
    pub predicates: usize,
    /// How many of them were seen both to hold and to fail.
    pub predicates_exercised: usize,
    /// What is not exercised, each as a line with its place.
    pub missing: Vec<String>,
}

impl Coverage {
    /// Rules and conditions together, in whole percent, rounded down; 100 when there are none.
    pub fn percent(&self) -> usize {
        let all = self.rules + self.predicates;
        ((self.rules_exercised + self.predicates_exercised) * 100).checked_div(all).unwrap_or(100)
    }
}

impl PolicyTest {
    fn staged(&self) -> Staged {
        let mut s = self.caller.as_deref().map(Staged::of).unwrap_or_default();
        s.uid = self.uid.unwrap_or(s.uid);
        s.door = self.door.clone().unwrap_or(s.door);
        s.locked = self.locked.unwrap_or(s.locked);
        s.moment = self.moment.unwrap_or(s.moment);
        s.released = self.released.unwrap_or(s.released);
        s
    }
}

impl Policy {
    /// What is questionable in a policy that loads: rules that can never matter (an error inside a layer, a note across layers)
    /// and tests that fail.
    pub fn check(&self) -> Vec<Finding> {
        let mut out = Vec::new();
        for (number, why) in dead::find(self) {
            let rule = &self.rules[number as usize];
            let place = |n: u32| {
                let by = &self.rules[n as usize];
                let file = &self.files[by.file as usize];
                format!("`{}` ({}:{})", by.id, file.name, file.line(by.at))
            };
            let (severity, message) = match why {
                Dead::Covered(by) => (
                    Severity::Error,
                    format!(
                        "the rule `{}` never matters: {} matches wherever it does and is at least as strict",
                        rule.id,
                        place(by)
                    ),
                ),
                Dead::Shadowed(by) => {
                    (Severity::Note, format!("the rule `{}` is shadowed by {} of a higher layer", rule.id, place(by)))
                }
                Dead::NoEffect => (
                    Severity::Note,
                    format!(
                        "the rule `{}` has no effect: a user's `ok` counts only where an admin rule delegates",
                        rule.id
                    ),
                ),
            };
            let file = &self.files[rule.file as usize];
            out.push(Finding { severity, file: file.name.clone(), line: file.line(rule.at), message });
        }
        for test in self.run_tests() {
            for failure in test.failures {
                let message = format!("the test `{}` fails: {failure}", test.run);
                out.push(Finding { severity: Severity::Error, file: test.file.clone(), line: test.line, message });
            }
        }
        out.sort();
        out
    }

    /// What is questionable where the executable of other uids' processes cannot be read, as by the machine's agent, which has no rights
    /// of root's: rules that rest on one. All are notes, because the same rules may be meant for agents that can.
    pub fn check_without_exe(&self) -> Vec<Finding> {
        let resting = |clause: &Clause| clause.callers.iter().find(|c| c.exe.is_some()).map(|c| c.name.clone());
        let mut out = Vec::new();
        for rule in &self.rules {
            let file = &self.files[rule.file as usize];
            let mut note = |what: &str, caller: &str, matches: bool| {
                let how = if matches { "holds whatever the program is" } else { "never holds" };
                let message = format!(
                    "{what} `{}` {how} for the caller `{caller}`: the machine's agent cannot read the `exe` of another user's process; name a `uid`, `unit` or `socket` instead",
                    rule.id
                );
                let line = file.line(rule.at);
                out.push(Finding { severity: Severity::Note, file: file.name.clone(), line, message });
            };
            if let Some(caller) = resting(&rule.clause) {
                note("the rule", &caller, rule.strict());
            }
            if let Some(caller) = rule.except.iter().find_map(resting) {
                note("an exception of the rule", &caller, !rule.strict());
            }
        }
        out.sort();
        out
    }

    /// The surroundings of a request that `[caller.NAME]` makes; none when no caller has this name.
    pub fn staged_as(&self, caller: &str) -> Option<Staged> {
        self.callers.iter().find(|c| *c.name == *caller).map(|c| Staged::of(c))
    }

    /// The names of the `[caller]`s, by layer.
    pub fn caller_names(&self) -> impl Iterator<Item = &str> {
        self.callers.iter().map(|c| &*c.name)
    }

    /// Runs the `[[test]]`s of all files.
    pub fn run_tests(&self) -> Vec<TestResult> {
        self.tests.iter().map(|t| self.run_test(t)).collect()
    }

    fn run_test(&self, test: &PolicyTest) -> TestResult {
        let staged = test.staged();
        let verdict = with_steps(&at_home(&test.steps, &staged.home), |steps| self.decide(steps, &staged));
        let mut failures = Vec::new();
        if let Some(want) = test.decision
            && want != verdict.decision.name()
        {
            failures.push(format!("expected `{want}`, got `{}` by `{}`", verdict.decision.name(), verdict.rule));
        }
        if let Some(want) = &test.rule
            && **want != *verdict.rule
        {
            failures.push(format!("expected the rule `{want}`, got `{}`", verdict.rule));
        }
        if test.preview.is_some() || test.assurance.is_some() {
            match verdict.decision {
                Decision::Confirm(r) => {
                    if test.preview.is_some_and(|p| p != r.preview) {
                        failures.push(format!("expected preview = {}, got {}", !r.preview, r.preview));
                    }
                    if test.assurance.is_some_and(|a| a != r.assurance) {
                        failures.push(format!("got the assurance {:?}", r.assurance).to_lowercase());
                    }
                }
                _ => failures.push(format!("expected a confirmation, got `{}`", verdict.decision.name())),
            }
        }
        let file = &self.files[test.file as usize];
        TestResult { file: file.name.clone(), line: file.line(test.at), run: test.run.clone(), failures }
    }

    /// Which rules and conditions the tests and examples exercise: a rule when something matches it, a condition when it was seen both
    /// to hold and to fail. What a rule says about the caller and the moment is exercised by tests only.
    pub fn coverage(&self) -> Coverage {
        let tests: Vec<(Staged, Vec<OwnedStep>)> = self
            .tests
            .iter()
            .map(|t| {
                let staged = t.staged();
                let steps = at_home(&t.steps, &staged.home);
                (staged, steps)
            })
            .collect();
        let mut out =
            Coverage { rules: 0, rules_exercised: 0, predicates: 0, predicates_exercised: 0, missing: Vec::new() };
        for rule in &self.rules {
            let clauses: Vec<&Clause> = std::iter::once(&rule.clause).chain(&rule.except).collect();
            let mut seen: Vec<Vec<(String, bool, bool)>> = vec![Vec::new(); clauses.len()];
            let mut matched = false;
            let mut look = |steps: &[OwnedStep], staged: &Staged, example: bool| {
                with_steps(steps, |steps| {
                    for step in steps.iter().filter(|s| rule.actions.iter().any(|a| **a == *s.action)) {
                        for_pairs(step, &mut |pair| {
                            matched |=
                                if example { rule.matches_arguments(pair, staged) } else { rule.matches(pair, staged) };
                            for (clause, seen) in clauses.iter().zip(&mut seen) {
                                let conditions = conditions(clause, pair, staged);
                                seen.resize_with(conditions.len(), Default::default);
                                for (c, seen) in conditions.into_iter().zip(seen) {
                                    let counts = !example || c.label.starts_with("args.");
                                    seen.1 |= counts && c.holds == Some(true);
                                    seen.2 |= counts && c.holds == Some(false);
                                    seen.0 = c.label;
                                }
                            }
                            true
                        });
                    }
                });
            };
            for example in &rule.examples {
                let staged = Staged::default();
                look(&at_home(&example.steps, &staged.home), &staged, true);
            }
            for (staged, steps) in &tests {
                look(steps, staged, false);
            }
            let file = &self.files[rule.file as usize];
            let place = format!("{}:{}: the rule `{}`", file.name, file.line(rule.at), rule.id);
            out.rules += 1;
            out.rules_exercised += usize::from(matched);
            if !matched {
                out.missing.push(format!("{place} is matched by no test and no example"));
            }
            for (i, (clause, seen)) in clauses.iter().zip(seen).enumerate() {
                let total = clause.predicates.len()
                    + usize::from(!clause.callers.is_empty())
                    + usize::from(clause.time.is_some())
                    + usize::from(clause.locked.is_some());
                let good = seen.iter().filter(|(_, held, failed)| *held && *failed).count();
                out.predicates += total;
                out.predicates_exercised += good;
                let part = if i == 0 { String::new() } else { format!(", exception {i}") };
                for (label, held, _) in seen.iter().filter(|(_, held, failed)| !(*held && *failed)) {
                    let what = if *held { "never fails" } else { "never holds" };
                    out.missing.push(format!("{place}{part}: `{label}` {what}"));
                }
            }
        }
        out
    }
}
