//! Facts and policy to verdict: total, without IO and without a clock.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use crate::decision::{Decision, LimitUse, Per, Verdict};
use crate::facts::{Arg, Step, Surroundings};
use crate::policy::{ANSWERS_WHEN_BROKEN, Policy};
use crate::predicate::{MAX_LISTS, Pair};
use crate::risk::Risk;
use crate::rule::{Layer, Limit, Rule};

/// How many (step, element) pairs of one plan are judged; a longer plan is denied.
pub const MAX_PAIRS: usize = 1000;

/// What decided, in the order in which equally strict ones are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    Rule(u32),
    Risk(Risk),
    Unmatched,
}

/// One decision and where it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contribution {
    pub(crate) decision: Decision,
    pub(crate) origin: Origin,
    /// How long until it would not be denied any more, for an exceeded limit.
    pub(crate) retry: Option<Duration>,
}

/// Several contributions: what they join to, and which of them is named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joined {
    pub(crate) decision: Decision,
    pub(crate) named: Contribution,
}

/// What one pair has gathered, by the part that it plays.
#[derive(Default)]
pub(crate) struct Gathered {
    admin: Option<Joined>,
    delegated: Option<Joined>,
    vendor: Option<Joined>,
    user: Option<Joined>,
    floors: Option<Joined>,
    /// Whether a rule that is written as a floor matched.
    floor: bool,
    limits: Vec<(Part, LimitUse)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Admin,
    Delegated,
    Vendor,
    User,
    Floor,
}

impl Policy {
    /// The verdict on a plan. Every step is judged for every element of its lists by itself, and the strictest answer holds. An empty
    /// plan is denied.
    pub fn decide(&self, steps: &[Step<'_>], s: &dyn Surroundings) -> Verdict {
        if let Some(reason) = self.broken_reason() {
            return self.broken_verdict(steps, reason);
        }
        let mut total: Option<Joined> = None;
        let mut floor = false;
        let mut limits: Vec<LimitUse> = Vec::new();
        let mut pairs = 0;
        for step in steps {
            let already = limits.len();
            let risk = self.risk_of(step, s);
            let whole = for_pairs(step, &mut |pair| {
                pairs += 1;
                if pairs > MAX_PAIRS {
                    return false;
                }
                let mut gathered = Gathered::default();
                if let Some(rules) = self.actions.get(step.action) {
                    rules.candidates(pair, &mut |number| {
                        self.consult(number, pair, s, &limits[..already], &mut gathered);
                    });
                }
                let judged = self.settle(risk, &gathered, s);
                floor |= gathered.floor;
                for (part, used) in gathered.limits.drain(..) {
                    if judged.1.contains(&part) && !limits[already..].contains(&used) {
                        limits.push(used);
                    }
                }
                total = Some(judged.0.join(total));
                true
            });
            if !whole {
                return self.too_many();
            }
        }
        match total {
            Some(total) => self.verdict(total, floor, limits),
            None => self.too_many(),
        }
    }

    /// Adds what one rule says about a pair, if anything.
    pub(crate) fn consult(
        &self,
        number: u32,
        pair: &Pair<'_>,
        s: &dyn Surroundings,
        earlier: &[LimitUse],
        gathered: &mut Gathered,
    ) {
        let rule = &self.rules[number as usize];
        if rule.matches(pair, s) {
            return self.gather(number, rule, &pair.step, s, earlier, gathered);
        }
        // A list cannot grow out of a limit: once that is exceeded, what it says is joined for every list.
        if let Some(limit) = &rule.limit
            && rule.matches_some_list(pair, s)
            && let (_, Some(retry)) = self.used(rule, limit, &pair.step, s, earlier)
        {
            let retry = (limit.over == Decision::Deny).then_some(retry);
            let own = Contribution { decision: self.at_door(limit.over, s), origin: Origin::Rule(number), retry };
            gathered.floors = Some(Joined::from(own).join(gathered.floors));
        }
    }

    /// The use of a rule's limit, and how long until it is not exceeded any more, if it is.
    fn used(
        &self,
        rule: &Rule,
        limit: &Limit,
        step: &Step<'_>,
        s: &dyn Surroundings,
        earlier: &[LimitUse],
    ) -> (LimitUse, Option<Duration>) {
        let caller = match limit.per {
            Per::Caller => {
                let named = rule.clause.callers.iter().find(|c| c.is(s) == Some(true)).map(|c| c.name.clone());
                named.or_else(|| self.caller_arc(s))
            }
            _ => None,
        };
        let used = rule.limit_use(limit, step.action, &self.names, caller);
        // Steps before this one in the same plan count as if they were released already.
        let before = earlier.iter().filter(|u| **u == used).count() as u32;
        let over = match s.released(&used) {
            None => Some(limit.window),
            Some(r) if r.count.saturating_add(before) >= limit.count => Some(r.oldest_leaves_in),
            Some(_) => None,
        };
        (used, over)
    }

    /// Adds what one matching rule says.
    pub(crate) fn gather(
        &self,
        number: u32,
        rule: &Rule,
        step: &Step<'_>,
        s: &dyn Surroundings,
        earlier: &[LimitUse],
        gathered: &mut Gathered,
    ) {
        let part = match (rule.joins, rule.layer) {
            (true, _) => Part::Floor,
            (_, Layer::Admin) if rule.delegate => Part::Delegated,
            (_, Layer::Admin) => Part::Admin,
            (_, Layer::Vendor) => Part::Vendor,
            (_, Layer::User) => Part::User,
        };
        gathered.floor |= rule.floor;
        let decision = if rule.speaks_for_door { rule.decision } else { self.at_door(rule.decision, s) };
        let mut own = Contribution { decision, origin: Origin::Rule(number), retry: None };
        if let Some(limit) = &rule.limit {
            let (used, over) = self.used(rule, limit, step, s, earlier);
            if let Some(retry) = over {
                own.decision = own.decision.join(self.at_door(limit.over, s));
                own.retry = (limit.over == Decision::Deny).then_some(retry);
            }
            if !gathered.limits.iter().any(|(p, u)| *p == part && *u == used) {
                gathered.limits.push((part, used));
            }
        }
        let slot = match part {
            Part::Admin => &mut gathered.admin,
            Part::Delegated => &mut gathered.delegated,
            Part::Vendor => &mut gathered.vendor,
            Part::User => &mut gathered.user,
            Part::Floor => &mut gathered.floors,
        };
        *slot = Some(Joined::from(own).join(*slot));
    }

    /// What one pair comes to, and the parts that had a say.
    pub(crate) fn settle_pair(&self, risk: Risk, gathered: &Gathered, s: &dyn Surroundings) -> Joined {
        self.settle(risk, gathered, s).0
    }

    fn settle(&self, risk: Risk, g: &Gathered, s: &dyn Surroundings) -> (Joined, [Part; 4]) {
        let (base, first, second) = match (g.admin, g.delegated, g.user) {
            // The user's rules take the place of those that delegate to them.
            (Some(admin), Some(_), Some(_)) => (admin, Part::Admin, Part::Admin),
            (None, Some(_), Some(user)) => (user, Part::User, Part::User),
            (Some(admin), delegated, _) => (admin.join(delegated), Part::Admin, Part::Delegated),
            (None, Some(delegated), None) => (delegated, Part::Delegated, Part::Delegated),
            (None, None, _) => match g.vendor {
                Some(vendor) => (vendor, Part::Vendor, Part::Vendor),
                None => (self.without_rules(risk, s), Part::Floor, Part::Floor),
            },
        };
        // An `ok` of the user's adds nothing, and is not named, where it is not delegated to.
        let user = g.user.filter(|u| u.decision != Decision::Ok);
        (base.join(user).join(g.floors), [first, second, Part::User, Part::Floor])
    }

    fn without_rules(&self, risk: Risk, s: &dyn Surroundings) -> Joined {
        let (decision, origin) = match self.baseline[risk as usize] {
            Some(decision) => (decision, Origin::Risk(risk)),
            None => (self.defaults.unmatched, Origin::Unmatched),
        };
        Contribution { decision: self.at_door(decision, s), origin, retry: None }.into()
    }

    /// A decision with what is asked for at least at the door that it came in by.
    fn at_door(&self, decision: Decision, s: &dyn Surroundings) -> Decision {
        match decision {
            Decision::Confirm(mut r) if !self.doors.is_empty() => {
                r.assurance = r.assurance.max(self.min_assurance(s.door()).unwrap_or(r.assurance));
                Decision::Confirm(r)
            }
            decision => decision,
        }
    }

    pub(crate) fn verdict(&self, total: Joined, floor: bool, limits: Vec<LimitUse>) -> Verdict {
        let decision = total.decision;
        let (rule, why, instead) = match total.named.origin {
            Origin::Rule(number) => {
                let rule = &self.rules[number as usize];
                (rule.id.clone(), rule.why.clone(), rule.instead.clone())
            }
            Origin::Risk(risk) => {
                (self.names.risk[risk as usize].clone(), Some(self.names.risk_why[risk as usize].clone()), None)
            }
            Origin::Unmatched => (self.names.unmatched.clone(), Some(self.names.unmatched_why.clone()), None),
        };
        Verdict { decision, rule, why, instead, limits, retry_after: total.named.retry, floor }
    }

    fn too_many(&self) -> Verdict {
        Verdict {
            decision: Decision::Deny,
            rule: self.names.too_many.clone(),
            why: Some(self.names.too_many_why.clone()),
            instead: None,
            limits: Vec::new(),
            retry_after: None,
            floor: true,
        }
    }

    fn broken_verdict(&self, steps: &[Step<'_>], reason: Arc<str>) -> Verdict {
        let answers = !steps.is_empty() && steps.iter().all(|s| ANSWERS_WHEN_BROKEN.contains(&s.action));
        Verdict {
            decision: if answers { Decision::Ok } else { Decision::Deny },
            rule: self.names.broken.clone(),
            why: Some(reason),
            instead: None,
            limits: Vec::new(),
            retry_after: None,
            floor: !answers,
        }
    }
}

impl From<Contribution> for Joined {
    fn from(c: Contribution) -> Joined {
        Joined { decision: c.decision, named: c }
    }
}

impl Joined {
    pub(crate) fn join(self, other: Option<Joined>) -> Joined {
        let Some(other) = other else { return self };
        let named = if other.named.weight() > self.named.weight() { other.named } else { self.named };
        Joined { decision: self.decision.join(other.decision), named }
    }
}

impl Contribution {
    /// The strictest is named: a plain denial over one that passes with time, then by what a confirmation asks for; of equals the one
    /// with the smallest (layer, id).
    fn weight(&self) -> impl Ord {
        let strictness = match self.decision {
            Decision::Ok => (0, None),
            Decision::Confirm(r) => {
                (1, Some((r.assurance, r.preview, Reverse(r.ttl), Reverse(r.grants.iter().count()))))
            }
            Decision::Deny => (2, None),
        };
        (strictness, Reverse(self.retry), Reverse(self.origin))
    }
}

/// Calls `judge` for each element of the step's lists (each combination, where there are several lists) until it says stop.
/// An empty list is one element of which nothing is known. False when it was stopped or there are too many lists.
pub(crate) fn for_pairs(step: &Step<'_>, judge: &mut dyn FnMut(&Pair<'_>) -> bool) -> bool {
    let mut lengths = [1; MAX_LISTS];
    let mut count = 0;
    for (_, arg) in step.args {
        if let Arg::List(list) = arg {
            let Some(slot) = lengths.get_mut(count) else { return false };
            *slot = list.len().max(1);
            count += 1;
        }
    }
    let mut pair = Pair { step: *step, picks: [0; MAX_LISTS] };
    loop {
        if !judge(&pair) {
            return false;
        }
        let mut at = 0;
        loop {
            if at == MAX_LISTS {
                return true;
            }
            pair.picks[at] += 1;
            if pair.picks[at] < lengths[at] {
                break;
            }
            pair.picks[at] = 0;
            at += 1;
        }
    }
}
