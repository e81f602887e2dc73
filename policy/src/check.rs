//! What `steward policy check` and `steward policy test` look for: examples, tests, dead rules, coverage.

use std::sync::Arc;
use std::time::Duration;

use crate::decide::for_pairs;
use crate::decision::{Assurance, Decision, LimitUse, Released};
use crate::facts::{LocalTime, OwnedStep, Surroundings, with_steps};
use crate::rule::{CallerDef, Rule};

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

/// The surroundings of a [`PolicyTest`] and of examples: everything is known. Without `as` it is uid 1000 at the `ndjson`
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
        }
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
