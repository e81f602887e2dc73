//! One rule: when it matches, and what it contributes then.

use std::sync::Arc;
use std::time::Duration;

use crate::decision::{Decision, LimitUse, Per};
use crate::facts::{LocalTime, OwnedStep, Surroundings};
use crate::predicate::{Pair, Predicate, Value, all};
use crate::sandbox::STRICT_SANDBOXES;
use crate::values::Patterns;

/// Whose word counts more: earlier layers stand over later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// The administrator's files, `/etc/steward/policy.d`.
    Admin,
    /// What a package brought, `/usr/share/steward/policy.d`, or the built-in policy.
    Vendor,
    /// The user's own files, which may only tighten.
    User,
}

impl Layer {
    /// All layers, the most authoritative first.
    pub const ALL: [Layer; 3] = [Layer::Admin, Layer::Vendor, Layer::User];

    /// `admin`, `vendor` or `user`.
    pub fn name(self) -> &'static str {
        match self {
            Layer::Admin => "admin",
            Layer::Vendor => "vendor",
            Layer::User => "user",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: Arc<str>,
    pub(crate) layer: Layer,
    pub(crate) file: u32,
    /// Where it stands in its file, in bytes.
    pub(crate) at: u32,
    pub(crate) actions: Vec<Arc<str>>,
    pub(crate) decision: Decision,
    pub(crate) why: Option<Arc<str>>,
    pub(crate) instead: Option<Arc<str>>,
    pub(crate) floor: bool,
    /// The user's rules may take this one's place.
    pub(crate) delegate: bool,
    /// It is about callers at a door, and says itself who may answer: then the door's own least does not raise it.
    pub(crate) speaks_for_door: bool,
    /// [`Rule::only_tightens`], worked out once.
    pub(crate) joins: bool,
    pub(crate) clause: Clause,
    pub(crate) except: Vec<Clause>,
    /// The sandboxes in which it lets commands run, the first for those that name none; empty = it says nothing.
    pub(crate) sandbox: Vec<Arc<str>>,
    pub(crate) limit: Option<Limit>,
    pub(crate) examples: Vec<Example>,
}

#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) steps: Vec<OwnedStep>,
}

#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) count: u32,
    pub(crate) window: Duration,
    pub(crate) per: Per,
    pub(crate) over: Decision,
}

/// Conditions that must all hold: a rule's own, or those of one exception.
#[derive(Debug, Default)]
pub(crate) struct Clause {
    pub(crate) predicates: Vec<Predicate>,
    /// Any of them; empty = whoever it is.
    pub(crate) callers: Vec<Arc<CallerDef>>,
    pub(crate) time: Option<Window>,
    pub(crate) locked: Option<bool>,
}

/// A `[caller.NAME]` table: all fields that are given must hold.
#[derive(Debug)]
pub(crate) struct CallerDef {
    pub(crate) name: Arc<str>,
    pub(crate) uid: Option<Vec<u32>>,
    pub(crate) gid: Option<Vec<u32>>,
    pub(crate) exe: Option<Patterns>,
    pub(crate) unit: Option<Patterns>,
    pub(crate) user_unit: Option<Patterns>,
    pub(crate) door: Option<Patterns>,
    pub(crate) socket: Option<Patterns>,
}

/// A window of time; `from` after `to` spans midnight and belongs to the day on which it began.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    /// Bit 0 is Monday.
    pub(crate) days: u8,
    pub(crate) from: u16,
    pub(crate) to: u16,
    pub(crate) zone: Option<Box<str>>,
}

/// The uid that stands for those which a user namespace does not map (`/proc/sys/kernel/overflowuid`).
pub(crate) const OVERFLOW_ID: u32 = 65534;

impl Rule {
    /// Whether what is unknown counts as a match.
    pub(crate) fn strict(&self) -> bool {
        self.decision != Decision::Ok
    }

    /// Whether it only tightens what others decide: a floor, and a `confirm` that can begin to match when a list grows. If such a
    /// rule could take the word from a lower layer that denies, a longer list would be judged milder than a shorter one.
    pub(crate) fn only_tightens(&self) -> bool {
        let whole = |c: &Clause| c.predicates.iter().any(Predicate::sees_whole_list);
        self.floor
            || matches!(self.decision, Decision::Confirm(_)) && (whole(&self.clause) || self.except.iter().any(whole))
    }

    pub(crate) fn matches(&self, pair: &Pair<'_>, s: &dyn Surroundings) -> bool {
        let strict = self.strict();
        self.sandbox_fits(pair)
            && self.clause.holds(pair, s, strict)
            && !self.except.iter().any(|e| e.holds(pair, s, !strict))
    }

    /// Whether what a command asks for as its sandbox is one that the rule means. A rule that names some means those; an `ok` rule
    /// that names none means the strict ones, so that no command chooses its way out; any other means all.
    pub(crate) fn sandbox_fits(&self, pair: &Pair<'_>) -> bool {
        if self.sandbox.is_empty() && self.strict() {
            return true;
        }
        match pair.value("sandbox") {
            Value::Absent | Value::Text("", _) => true,
            Value::Text(name, _) if self.sandbox.is_empty() => STRICT_SANDBOXES.contains(&name),
            Value::Text(name, _) => self.sandbox.iter().any(|s| **s == *name),
            _ => self.strict(),
        }
    }

    /// Whether an `ok` rule that looks at the whole list would match if that list were another one.
    pub(crate) fn matches_some_list(&self, pair: &Pair<'_>, s: &dyn Surroundings) -> bool {
        let whole = |c: &Clause| c.predicates.iter().any(Predicate::sees_whole_list);
        !self.strict()
            && (whole(&self.clause) || self.except.iter().any(whole))
            && self.sandbox_fits(pair)
            && self.clause.holds_but_for(Predicate::sees_whole_list, pair, s)
            && !self.except.iter().any(|e| !whole(e) && e.holds(pair, s, true))
    }

    /// As [`Rule::matches`], with what the rule says about the caller and the moment left out: how the examples of a rule are judged.
    pub(crate) fn matches_arguments(&self, pair: &Pair<'_>, s: &dyn Surroundings) -> bool {
        let strict = self.strict();
        self.sandbox_fits(pair)
            && self.clause.arguments_hold(pair, s, strict)
            && !self.except.iter().any(|e| !e.has_when() && e.arguments_hold(pair, s, !strict))
    }

    pub(crate) fn limit_use(&self, limit: &Limit, action: &str, names: &Names, caller: Option<Arc<str>>) -> LimitUse {
        let action = match limit.per {
            Per::Action => {
                self.actions.iter().find(|a| ***a == *action).cloned().unwrap_or_else(|| names.empty.clone())
            }
            _ => names.empty.clone(),
        };
        let caller = match limit.per {
            Per::Caller => caller.unwrap_or_else(|| names.empty.clone()),
            _ => names.empty.clone(),
        };
        LimitUse { rule: self.id.clone(), per: limit.per, caller, action, window: limit.window }
    }
}

/// Texts that are needed often and made once.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) empty: Arc<str>,
    pub(crate) risk: [Arc<str>; 6],
    pub(crate) risk_why: [Arc<str>; 6],
    pub(crate) unmatched: Arc<str>,
    pub(crate) unmatched_why: Arc<str>,
    pub(crate) broken: Arc<str>,
    pub(crate) too_many: Arc<str>,
    pub(crate) too_many_why: Arc<str>,
}

impl Clause {
    pub(crate) fn holds(&self, pair: &Pair<'_>, s: &dyn Surroundings, strict: bool) -> bool {
        self.arguments_hold(pair, s, strict) && self.when_holds(s, strict)
    }

    /// Whether all holds, leaving out some predicates, and not counting what is unknown.
    fn holds_but_for(&self, left_out: fn(&Predicate) -> bool, pair: &Pair<'_>, s: &dyn Surroundings) -> bool {
        self.predicates.iter().all(|p| left_out(p) || p.holds(pair, s) == Some(true)) && self.when_holds(s, false)
    }

    fn when_holds(&self, s: &dyn Surroundings, strict: bool) -> bool {
        (self.callers.is_empty() || self.caller(s).unwrap_or(strict))
            && self.locked.is_none_or(|want| s.locked().map_or(strict, |is| is == want))
            && self.time.as_ref().is_none_or(|w| w.holds(s).unwrap_or(strict))
    }

    pub(crate) fn arguments_hold(&self, pair: &Pair<'_>, s: &dyn Surroundings, strict: bool) -> bool {
        self.predicates.iter().all(|p| p.holds(pair, s).unwrap_or(strict))
    }

    pub(crate) fn has_when(&self) -> bool {
        !self.callers.is_empty() || self.time.is_some() || self.locked.is_some()
    }

    pub(crate) fn caller(&self, s: &dyn Surroundings) -> Option<bool> {
        let none = all(self.callers.iter().map(|c| c.is(s).map(|is| !is)));
        none.map(|none| !none)
    }
}

impl CallerDef {
    /// Whether the caller is the one described; `None` when that cannot be known. A peer in another pid namespace (pid 0), or one
    /// whose uid is not mapped, is never known to be anybody.
    pub(crate) fn is(&self, s: &dyn Surroundings) -> Option<bool> {
        let number = |want: &Option<Vec<u32>>, is: Option<u32>| match want {
            None => Some(true),
            Some(_) if is == Some(OVERFLOW_ID) => None,
            Some(want) => is.map(|is| want.contains(&is)),
        };
        let text = |want: &Option<Patterns>, is: Option<&str>| match want {
            None => Some(true),
            Some(want) => is.map(|is| want.contains(is)),
        };
        let is = all([
            number(&self.uid, s.uid()),
            number(&self.gid, s.gid()),
            text(&self.door, Some(s.door())),
            text(&self.socket, s.socket()),
        ]);
        let is = match is {
            // The facts that cost a look into /proc are asked for last.
            Some(true) | None => all([
                is,
                if self.exe.is_some() { text(&self.exe, s.exe()) } else { Some(true) },
                if self.unit.is_some() { text(&self.unit, s.unit()) } else { Some(true) },
                if self.user_unit.is_some() { text(&self.user_unit, s.user_unit()) } else { Some(true) },
            ]),
            no => no,
        };
        let nobody = s.pid() == Some(0) || s.uid() == Some(OVERFLOW_ID);
        if nobody && is == Some(true) { None } else { is }
    }
}

impl Window {
    pub(crate) fn holds(&self, s: &dyn Surroundings) -> Option<bool> {
        s.local_time(self.zone.as_deref()).map(|t| self.contains(t))
    }

    pub(crate) fn contains(&self, t: LocalTime) -> bool {
        let on = |day: u8| self.days & (1 << (day % 7)) != 0;
        if self.from < self.to {
            return on(t.weekday) && (self.from..self.to).contains(&t.minute);
        }
        t.minute >= self.from && on(t.weekday) || t.minute < self.to && on(t.weekday + 6)
    }
}
