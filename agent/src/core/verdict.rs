//! What the policy says of a plan, first on its arguments, then with what would happen.

use std::sync::Arc;

use steward_policy::{Policy, Verdict};

use super::{Core, Rules};
use crate::action::Shown;
use crate::backend::dbus::login1::Login1;
use crate::gate::judge::{Judging, Subject, Who, judge};
use crate::request::Plan;

/// Under which name rules judge that something was said in words.
pub(super) const SAID: &str = "natural_language";

impl Core {
    pub(super) async fn judge(&self, policy: &Policy, subjects: &[Subject], who: Who<'_>) -> Verdict {
        judge(policy, subjects, &self.judging(policy, who).await)
    }

    /// What the policy may ask about the caller and the moment.
    pub(super) async fn judging<'a>(&'a self, policy: &Policy, who: Who<'a>) -> Judging<'a> {
        let locked = if policy.asks_locked() { self.locked(who).await } else { None };
        Judging {
            who,
            now: self.0.clock.now(),
            rates: &self.0.gate.rates,
            home: self.0.services.home.as_deref(),
            folder: self.0.services.folder.as_deref(),
            locked,
        }
    }

    /// Judges again with what would happen. It may only get stricter: what a package pulls in counts where a rule names
    /// it, and what would be removed counts as a removal.
    pub(super) async fn judge_effects(
        &self,
        policy: &Policy,
        plan: &Plan,
        subjects: Vec<Subject>,
        shown: &[Shown],
        who: Who<'_>,
    ) -> Verdict {
        let (asked, implied) = subjects.split_at(plan.steps.len() + usize::from(plan.said));
        let mut verdict = self.judge(policy, asked, who).await;
        for subject in implied {
            verdict = stricter(verdict, self.judge(policy, std::slice::from_ref(subject), who).await);
        }
        for subject in shown.iter().flat_map(|s| &s.pulls_in) {
            let other = self.judge(policy, std::slice::from_ref(subject), who).await;
            if !other.rule.starts_with("risk.") && !other.rule.starts_with("defaults.") {
                verdict = stricter(verdict, other);
            }
        }
        verdict
    }

    /// Judges with what would happen by the rules that are in force when it is done: those that came while it waited for its
    /// turn or for the bus count too. Takes a turn where a rate counts; whoever has one keeps it until the release.
    pub(super) async fn judge_now<'a>(
        &'a self,
        plan: &Plan,
        subjects: &[Subject],
        shown: &[Shown],
        who: Who<'_>,
        turn: &mut Option<tokio::sync::MutexGuard<'a, ()>>,
    ) -> (Verdict, Arc<Rules>) {
        loop {
            let rules = self.rules();
            let verdict = self.judge_effects(&rules.policy, plan, subjects.to_vec(), shown, who).await;
            if turn.is_none() && !verdict.limits.is_empty() {
                *turn = Some(self.0.gate.admitting.lock().await);
            } else if self.rules().generation == rules.generation {
                return (verdict, rules);
            }
        }
    }

    /// Whether the screen of `who` is locked, for rules that ask; `None` when that is not known.
    pub(super) async fn locked(&self, who: Who<'_>) -> Option<bool> {
        let (uid, session) = match who {
            Who::Here(c) => (c.uid(), c.facts().session.clone()),
            Who::Then(a) => (a.uid, a.session.clone()),
        };
        Login1(&self.0.services.bus).screen_locked(uid, session.as_deref()).await.ok().flatten()
    }
}

/// The stricter of two verdicts, with the reasons of the one that is.
pub(super) fn stricter(a: Verdict, b: Verdict) -> Verdict {
    let decision = a.decision.join(b.decision);
    let (mut winner, other) = if decision == a.decision { (a, b) } else { (b, a) };
    winner.decision = decision;
    winner.floor |= other.floor;
    winner.limits.extend(other.limits.into_iter().filter(|l| !winner.limits.contains(l)).collect::<Vec<_>>());
    winner
}
