//! Rules that can never matter. What is found is certain; not everything is found: only sets, intervals and equal conditions are compared.

use crate::decision::Decision;
use crate::policy::Policy;
use crate::predicate::{PathPattern, PathRest, Predicate, Test};
use crate::rule::{Clause, Layer, Rule};
use crate::values::{Pattern, Patterns};

/// Why a rule can never matter.
pub(crate) enum Dead {
    /// Another rule of its layer matches wherever it does and is at least as strict.
    Covered(u32),
    /// A rule of a higher layer matches wherever it does.
    Shadowed(u32),
    /// An `ok` of the user's, which nothing delegates to.
    NoEffect,
}

pub(crate) fn find(policy: &Policy) -> Vec<(u32, Dead)> {
    let mut out = Vec::new();
    let delegates = policy.rules.iter().any(|r| r.delegate);
    for (number, rule) in policy.rules.iter().enumerate() {
        let number = number as u32;
        if rule.layer == Layer::User && rule.decision == Decision::Ok && rule.limit.is_none() && !delegates {
            out.push((number, Dead::NoEffect));
            continue;
        }
        let Some(entry) = rule.actions.first().and_then(|a| policy.actions.get(&**a)) else { continue };
        let mut found = None;
        entry.near(rule, &mut |other| {
            if found.is_some() || other == number {
                return;
            }
            let by = &policy.rules[other as usize];
            if by.layer == rule.layer {
                // Of two equal rules the first stays.
                let equal = by.decision == rule.decision && covers(rule, by);
                if outweighs(by, rule) && covers(by, rule) && !(equal && other > number) {
                    found = Some(Dead::Covered(other));
                }
            } else if by.layer < rule.layer
                && rule.layer != Layer::User
                && !by.joins
                && !by.delegate
                && !rule.joins
                && covers(by, rule)
            {
                found = Some(Dead::Shadowed(other));
            }
        });
        out.extend(found.map(|dead| (number, dead)));
    }
    out
}

/// Whether `by` says at least what `rule` says.
fn outweighs(by: &Rule, rule: &Rule) -> bool {
    by.decision.join(rule.decision) == by.decision
        && (by.floor || !rule.floor)
        && (by.joins == rule.joins || by.floor)
        && by.delegate == rule.delegate
        && rule.limit.is_none()
}

/// Whether `by` matches wherever `rule` does.
fn covers(by: &Rule, rule: &Rule) -> bool {
    // What is unknown matches a strict rule only.
    let unknown = by.strict() || !rule.strict() || by.clause.predicates.is_empty() && !by.clause.has_when();
    unknown
        && by.except.is_empty()
        && (by.sandbox == rule.sandbox || by.sandbox.is_empty() && by.strict())
        && rule.actions.iter().all(|a| by.actions.contains(a))
        && includes(&by.clause, &rule.clause)
}

fn includes(wide: &Clause, narrow: &Clause) -> bool {
    wide.predicates.iter().all(|w| narrow.predicates.iter().any(|n| n.arg == w.arg && implies(n, w)))
        && (wide.callers.is_empty()
            || !narrow.callers.is_empty()
                && narrow.callers.iter().all(|n| wide.callers.iter().any(|w| std::sync::Arc::ptr_eq(n, w))))
        && wide.locked.is_none_or(|l| narrow.locked == Some(l))
        && wide.time.as_ref().is_none_or(|w| {
            narrow.time.as_ref().is_some_and(|n| {
                n.days & !w.days == 0
                    && n.from >= w.from
                    && n.to <= w.to
                    && n.from < n.to
                    && w.from < w.to
                    && n.zone == w.zone
            })
        })
}

/// Whether `n` can only hold where `w` does.
fn implies(n: &Predicate, w: &Predicate) -> bool {
    use Test::{
        AllIn, AnyIn, Host, In, Max, MaxItems, MaxLen, Min, MinItems, NoneIn, NotIn, NotUnder, Port, PrivateIp, Regex,
        Scheme, Under,
    };
    match (&n.test, &w.test) {
        (In(n), In(w)) | (Host(n), Host(w)) | (AllIn(n), AllIn(w)) | (AnyIn(n), AnyIn(w)) => within(n, w),
        (NotIn(n), NotIn(w)) | (NoneIn(n), NoneIn(w)) => within(w, n),
        (In(n), Regex(w)) => n.all.iter().all(|p| matches!(p, Pattern::Exact(t) if w.is_match(t))),
        (In(n), MaxLen(w)) => n.all.iter().all(|p| matches!(p, Pattern::Exact(t) if t.len() <= *w)),
        (Regex(n), Regex(w)) => n.as_str() == w.as_str(),
        (MaxLen(n), MaxLen(w)) | (MaxItems(n), MaxItems(w)) => n <= w,
        (MinItems(n), MinItems(w)) => n >= w,
        (Min(n), Min(w)) => n >= w,
        (Max(n), Max(w)) => n <= w,
        (Under(n), Under(w)) => n.iter().all(|n| w.iter().any(|w| path_within(n, w))),
        (NotUnder(n), NotUnder(w)) => w.iter().all(|w| n.iter().any(|n| path_within(w, n))),
        (Scheme(n), Scheme(w)) => n.iter().all(|n| w.contains(n)),
        (Port(n), Port(w)) => n.iter().all(|n| w.contains(n)),
        (PrivateIp(n), PrivateIp(w)) => n == w,
        _ => false,
    }
}

fn within(narrow: &Patterns, wide: &Patterns) -> bool {
    narrow.all.iter().all(|p| match p {
        Pattern::Exact(text) => wide.contains(text),
        Pattern::Glob(glob) => {
            wide.all.iter().any(|w| matches!(w, Pattern::Glob(g) if g.text() == glob.text() || g.text() == "*"))
        }
    })
}

fn path_within(narrow: &PathPattern, wide: &PathPattern) -> bool {
    let (PathRest::Exact(n), PathRest::Exact(w)) = (&narrow.rest, &wide.rest) else { return false };
    narrow.base == wide.base && n.strip_prefix(&**w).is_some_and(|r| r.is_empty() || r.starts_with('/'))
}
