//! `decide` against a naive interpreter that knows no index, and the properties that hold for every policy.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::fmt::Write as _;

use common::{Actions, Around, UNKNOWN, source};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use steward_policy::{Arg, Assurance, Decision, GrantSet, Layer, PathFact, Policy, Requirements, Risk, Step};

const WORDS: [&str; 7] = ["vim", "vim-x", "nano", "a-dev", "x", "docker", "nanobot"];
/// Each with what it means, spelled out.
const GLOBS: [&str; 5] = ["vim*", "*-dev", "*a*", "?", "na*o"];
const PATHS: [&str; 4] = ["/home/u/docs", "/home/u", "/etc", "/home/u/docs/x"];

fn glob_means(glob: &str, t: &str) -> bool {
    match glob {
        "vim*" => t.starts_with("vim"),
        "*-dev" => t.ends_with("-dev"),
        "*a*" => t.contains('a'),
        "?" => t.chars().count() == 1,
        "na*o" => t.len() >= 3 && t.starts_with("na") && t.ends_with('o'),
        exact => exact == t,
    }
}

#[derive(Clone, Debug)]
enum Test {
    In(Vec<&'static str>),
    NotIn(Vec<&'static str>),
    Regex,
    AllIn(Vec<&'static str>),
    NoneIn(Vec<&'static str>),
    AnyIn(Vec<&'static str>),
    MaxItems(usize),
    MinItems(usize),
    Between(i64, i64),
    Under(Vec<&'static str>),
    NotUnder(Vec<&'static str>),
    MaxLen(usize),
}

#[derive(Clone, Debug, Default)]
struct Cond {
    tests: Vec<Test>,
    caller: Option<&'static str>,
    locked: Option<bool>,
    night: bool,
}

#[derive(Clone, Debug)]
struct GRule {
    layer: Layer,
    action: &'static str,
    decision: usize,
    floor: bool,
    delegate: bool,
    cond: Cond,
    except: Option<Cond>,
    limit: Option<(u32, bool)>,
}

#[derive(Clone, Debug)]
enum GArg {
    List(Vec<String>),
    Number(i64),
    Text(String),
    Path(PathFact),
    Unknown,
    Absent,
}

#[derive(Clone, Debug)]
struct GStep {
    action: &'static str,
    risk: Risk,
    arg: GArg,
}

fn arg_name(action: &str) -> &'static str {
    match action {
        "package_install" => "packages",
        "set_volume" => "percent",
        "open_app" => "app",
        _ => "path",
    }
}

const CONFIRM: [Requirements; 3] = [
    Requirements { assurance: Assurance::Requester, ttl: 300, grants: GrantSet::ONCE, preview: false },
    Requirements { assurance: Assurance::Desktop, ttl: 600, grants: GrantSet::ONCE, preview: false },
    Requirements { assurance: Assurance::Requester, ttl: 60, grants: GrantSet::ONCE, preview: true },
];
const DECISIONS: [&str; 5] = [
    "\"ok\"",
    "\"confirm\"",
    "{ confirm = { assurance = \"desktop\", ttl = \"10m\" } }",
    "{ confirm = { ttl = \"1m\", preview = true } }",
    "\"deny\"",
];

fn decision(n: usize) -> Decision {
    match n {
        0 => Decision::Ok,
        4 => Decision::Deny,
        n => Decision::Confirm(CONFIRM[n - 1]),
    }
}

// ---- the naive interpreter

fn test_holds(test: &Test, arg: &GArg, element: Option<&str>, list: &[String]) -> Option<bool> {
    let negative = matches!(test, Test::NotIn(_) | Test::NotUnder(_));
    let is_in =
        |set: &[&str], t: &str| if t.contains('\n') { None } else { Some(set.iter().any(|g| glob_means(g, t))) };
    let under = |set: &[&str], p: &str| set.iter().any(|s| p == *s || p.starts_with(&format!("{s}/")));
    match (arg, test) {
        (GArg::Unknown, _) => None,
        (GArg::Absent, _) => {
            if negative {
                None
            } else {
                Some(false)
            }
        }
        (GArg::Number(n), Test::Between(a, b)) => Some(n >= a && n <= b),
        (GArg::Path(p), Test::Under(set)) => Some(under(set, &p.path)),
        (GArg::Path(p), Test::NotUnder(set)) => Some(!under(set, &p.path)),
        (_, Test::In(set)) => is_in(set, element?),
        (_, Test::NotIn(set)) => is_in(set, element?).map(|b| !b),
        (_, Test::Regex) => {
            if element?.contains('\n') {
                None
            } else {
                Some(element?.starts_with("na") || element? == "x")
            }
        }
        (_, Test::MaxLen(n)) => Some(element?.len() <= *n),
        (GArg::List(_), Test::MaxItems(n)) => element.map(|_| list.len() <= *n),
        (GArg::List(_), Test::MinItems(n)) => element.map(|_| list.len() >= *n),
        (GArg::List(_), Test::AllIn(set) | Test::NoneIn(set) | Test::AnyIn(set)) => {
            element?;
            let want = matches!(test, Test::AllIn(_));
            let each: Vec<_> = list.iter().map(|t| is_in(set, t).map(|b| b == want)).collect();
            let all = if each.contains(&Some(false)) {
                Some(false)
            } else if each.contains(&None) {
                None
            } else {
                Some(true)
            };
            if matches!(test, Test::AnyIn(_)) { all.map(|none| !none) } else { all }
        }
        _ => panic!("{test:?} on {arg:?}"),
    }
}

fn cond_holds(c: &Cond, step: &GStep, element: Option<&str>, list: &[String], s: &Around, strict: bool) -> bool {
    let tests = c.tests.iter().all(|t| test_holds(t, &step.arg, element, list).unwrap_or(strict));
    let nobody = s.pid == Some(0) || s.uid == Some(65534);
    let uid = s.uid.filter(|u| *u != 65534).map(|u| u == 1000);
    let caller = match c.caller {
        None => true,
        Some(name) => {
            let exe = if name == "alice" { Some(true) } else { s.exe.map(|e| e == "/usr/bin/b") };
            let both = if uid == Some(false) || exe == Some(false) { Some(false) } else { uid.and(exe) };
            both.filter(|b| !(*b && nobody)).unwrap_or(strict)
        }
    };
    let locked = c.locked.is_none_or(|want| s.locked.map_or(strict, |l| l == want));
    let night = !c.night || s.minute.map_or(strict, |m| m >= 22 * 60);
    tests && caller && locked && night
}

fn whole(t: &Test) -> bool {
    matches!(t, Test::AllIn(_) | Test::NoneIn(_) | Test::AnyIn(_) | Test::MaxItems(_) | Test::MinItems(_))
}

fn reference(rules: &[GRule], steps: &[GStep], s: &Around) -> Decision {
    let baseline = |risk| match risk {
        Risk::Observe | Risk::Low | Risk::Reversible => Decision::Ok,
        Risk::Disruptive => Decision::Confirm(CONFIRM[0]),
        Risk::Destructive => Decision::Confirm(Requirements { preview: true, ..CONFIRM[0] }),
        Risk::Critical => Decision::Deny,
    };
    let mut total = Decision::Ok;
    for step in steps {
        let list = if let GArg::List(l) = &step.arg { l.clone() } else { Vec::new() };
        let elements: Vec<Option<String>> = match &step.arg {
            GArg::List(l) if !l.is_empty() => l.iter().cloned().map(Some).collect(),
            GArg::Text(t) => vec![Some(t.clone())],
            _ => vec![None],
        };
        for element in &elements {
            let matching = |step: &GStep, element: Option<&str>, list: &[String]| -> Vec<GRule> {
                rules
                    .iter()
                    .filter(|r| {
                        let strict = r.decision != 0;
                        r.action == step.action
                            && cond_holds(&r.cond, step, element, list, s, strict)
                            && !r.except.as_ref().is_some_and(|e| cond_holds(e, step, element, list, s, !strict))
                    })
                    .cloned()
                    .collect()
            };
            let says = |r: &GRule| {
                let mut d = decision(r.decision);
                if let Some((count, deny)) = r.limit
                    && s.released.is_none_or(|c| c >= count)
                {
                    d = d.join(if deny { Decision::Deny } else { Decision::Confirm(CONFIRM[0]) });
                }
                d
            };
            let joins = |r: &GRule| {
                r.floor
                    || (1..=3).contains(&r.decision)
                        && r.cond.tests.iter().chain(r.except.iter().flat_map(|e| &e.tests)).any(whole)
            };
            let all = matching(step, element.as_deref(), &list);
            let of = |f: &dyn Fn(&GRule) -> bool| all.iter().filter(|r| f(r)).map(says).reduce(Decision::join);
            let admin = of(&|r| r.layer == Layer::Admin && !joins(r) && !r.delegate);
            let delegated = of(&|r| r.layer == Layer::Admin && !joins(r) && r.delegate);
            let vendor = of(&|r| r.layer == Layer::Vendor && !joins(r));
            let user = of(&|r| r.layer == Layer::User && !joins(r));
            let delegated = if user.is_some() && delegated.is_some() { user } else { delegated };
            let base = match (admin, delegated) {
                (Some(a), Some(d)) => a.join(d),
                (Some(a), None) | (None, Some(a)) => a,
                (None, None) => vendor.unwrap_or_else(|| baseline(step.risk)),
            };
            // What an exceeded limit says holds for every list, also for one that has outgrown its rule.
            let outgrown = rules
                .iter()
                .filter(|r| r.action == step.action && r.decision == 0 && r.limit.is_some())
                .filter(|r| {
                    let mut r = (*r).clone();
                    if r.except.as_ref().is_some_and(|e| e.tests.iter().any(whole)) {
                        r.except = None;
                    } else if !r.cond.tests.iter().any(whole) {
                        return false;
                    }
                    r.cond.tests.retain(|t| !whole(t));
                    cond_holds(&r.cond, step, element.as_deref(), &list, s, false)
                        && !r.except.as_ref().is_some_and(|e| cond_holds(e, step, element.as_deref(), &list, s, true))
                })
                .filter(|r| !all.iter().any(|m| format!("{m:?}") == format!("{r:?}")))
                .filter(|r| says(r) != Decision::Ok)
                .map(says)
                .fold(Decision::Ok, Decision::join);
            let pair = base.join(user.unwrap_or(Decision::Ok)).join(of(&joins).unwrap_or(Decision::Ok)).join(outgrown);
            total = total.join(pair);
        }
    }
    total
}

// ---- writing a policy and asking it

fn quoted(set: &[&str]) -> String {
    format!("[{}]", set.iter().map(|s| format!("\"{s}\"")).collect::<Vec<_>>().join(", "))
}

fn write_cond(out: &mut String, action: &str, c: &Cond) {
    let mut parts: Vec<String> = Vec::new();
    for t in &c.tests {
        parts.push(match t {
            Test::In(s) => format!("in = {}", quoted(s)),
            Test::NotIn(s) => format!("not_in = {}", quoted(s)),
            Test::Regex => "regex = \"na.*|x\"".to_owned(),
            Test::AllIn(s) => format!("all_in = {}", quoted(s)),
            Test::NoneIn(s) => format!("none_in = {}", quoted(s)),
            Test::AnyIn(s) => format!("any_in = {}", quoted(s)),
            Test::MaxItems(n) => format!("max_items = {n}"),
            Test::MinItems(n) => format!("min_items = {n}"),
            Test::Between(a, b) => format!("min = {a}, max = {b}"),
            Test::Under(s) => format!("under = {}", quoted(s)),
            Test::NotUnder(s) => format!("not_under = {}", quoted(s)),
            Test::MaxLen(n) => format!("max_len = {n}"),
        });
    }
    if !parts.is_empty() {
        writeln!(out, "args.{} = {{ {} }}", arg_name(action), parts.join(", ")).unwrap();
    }
    if let Some(caller) = c.caller {
        writeln!(out, "when.caller = [\"{caller}\"]").unwrap();
    }
    if let Some(locked) = c.locked {
        writeln!(out, "when.locked = {locked}").unwrap();
    }
    if c.night {
        writeln!(out, "when.time = {{ from = \"22:00\", to = \"24:00\" }}").unwrap();
    }
}

fn write_rule(id: usize, r: &GRule) -> String {
    let mut out = String::new();
    writeln!(out, "[[rule]]\nid = \"r{id}\"\nactions = [\"{}\"]\ndecision = {}", r.action, DECISIONS[r.decision])
        .unwrap();
    if r.floor {
        out.push_str("floor = true\n");
    }
    if r.delegate {
        out.push_str("delegate = true\n");
    }
    if let Some((count, deny)) = r.limit {
        let over = if deny { "deny" } else { "confirm" };
        writeln!(out, "limit = {{ rate = \"{count}/1h\", per = \"uid\", over = \"{over}\" }}").unwrap();
    }
    write_cond(&mut out, r.action, &r.cond);
    if let Some(e) = &r.except {
        out.push_str("[[rule.except]]\n");
        write_cond(&mut out, r.action, e);
    }
    out
}

fn load(rules: &[(usize, GRule)], per_file: usize) -> Policy {
    let mut sources = Vec::new();
    for layer in Layer::ALL {
        let mut callers = "[caller.alice]\nuid = [1000]\n[caller.bob]\nuid = [1000]\nexe = \"/usr/bin/b\"\n";
        let own: Vec<_> = rules.iter().filter(|(_, r)| r.layer == layer).collect();
        for (i, part) in own.chunks(per_file).enumerate() {
            let text: String = part.iter().map(|(id, r)| write_rule(*id, r)).collect();
            sources.push(source(layer, &format!("{}{i}.toml", layer.name()), &format!("version = 1\n{callers}{text}")));
            callers = "";
        }
    }
    // A file of each layer, so that the user's never stand in the vendor's place.
    sources.push(source(Layer::Vendor, "base.toml", "version = 1\n"));
    Policy::load(sources, &Actions).unwrap_or_else(|e| panic!("{}", e[0]))
}

fn ask(policy: &Policy, steps: &[GStep], s: &Around) -> steward_policy::Verdict {
    let args: Vec<Vec<(&str, Arg<'_>)>> = steps
        .iter()
        .map(|step| {
            let arg = match &step.arg {
                GArg::List(l) => Arg::List(l),
                GArg::Number(n) => Arg::Number(*n),
                GArg::Text(t) => Arg::Text(t),
                GArg::Path(p) => Arg::Path(p),
                GArg::Unknown => Arg::Unknown,
                GArg::Absent => return Vec::new(),
            };
            vec![(arg_name(step.action), arg)]
        })
        .collect();
    let steps: Vec<Step<'_>> =
        steps.iter().zip(&args).map(|(s, args)| Step { action: s.action, risk: s.risk, args }).collect();
    policy.decide(&steps, s)
}

fn numbered(rules: &[GRule]) -> Vec<(usize, GRule)> {
    rules.iter().cloned().enumerate().collect()
}

// ---- generating

fn some_of(all: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(all.to_vec(), 1..=3)
}

fn patterns() -> impl Strategy<Value = Vec<&'static str>> {
    (subsequence(WORDS.to_vec(), 0..=2), subsequence(GLOBS.to_vec(), 0..=1), select(WORDS.to_vec())).prop_map(
        |(mut words, globs, one)| {
            words.extend(globs);
            if words.is_empty() {
                words.push(one);
            }
            words
        },
    )
}

/// One test at the most, so that no policy contradicts itself.
fn tests(action: &'static str, strict: bool) -> BoxedStrategy<Vec<Test>> {
    let element =
        prop_oneof![4 => patterns().prop_map(Test::In), 1 => patterns().prop_map(Test::NotIn), 1 => Just(Test::Regex)];
    let one = match (action, strict) {
        ("package_install", false) => prop_oneof![
            4 => element, 1 => patterns().prop_map(Test::AllIn), 1 => patterns().prop_map(Test::NoneIn), 1 => (1_usize..4).prop_map(Test::MaxItems)
        ]
        .boxed(),
        ("package_install", true) => {
            prop_oneof![4 => element, 1 => patterns().prop_map(Test::AnyIn), 1 => (1_usize..4).prop_map(Test::MinItems)].boxed()
        }
        ("set_volume", _) => (0_i64..50, 50_i64..100).prop_map(|(a, b)| Test::Between(a, b)).boxed(),
        ("open_app", _) => prop_oneof![element, (1_usize..6).prop_map(Test::MaxLen)].boxed(),
        _ => prop_oneof![some_of(&PATHS).prop_map(Test::Under), some_of(&PATHS).prop_map(Test::NotUnder)].boxed(),
    };
    prop_oneof![1 => Just(Vec::new()), 4 => one.prop_map(|t| vec![t])].boxed()
}

fn cond(action: &'static str, strict: bool, always: bool) -> BoxedStrategy<Cond> {
    let caller = prop_oneof![4 => Just(None), 1 => Just(Some("alice")), 1 => Just(Some("bob"))];
    let locked = prop_oneof![5 => Just(None), 1 => any::<bool>().prop_map(Some)];
    (tests(action, strict), caller, locked, prop_oneof![5 => Just(false), 1 => Just(true)])
        .prop_map(move |(tests, caller, locked, night)| {
            let nothing = tests.is_empty() && caller.is_none() && locked.is_none() && !night;
            Cond { tests, caller, locked: if always && nothing { Some(true) } else { locked }, night }
        })
        .boxed()
}

const ACTIONS: [&str; 4] = ["package_install", "set_volume", "open_app", "list_files"];

fn rule() -> impl Strategy<Value = GRule> {
    (select(ACTIONS.to_vec()), 0_usize..5, select(Layer::ALL.to_vec())).prop_flat_map(|(action, decision, layer)| {
        let strict = decision != 0;
        let except = prop_oneof![2 => Just(None), 1 => cond(action, !strict, true).prop_map(Some)];
        let limit = prop_oneof![4 => Just(None), 1 => (0_u32..4, any::<bool>()).prop_map(Some)];
        (cond(action, strict, false), except, limit, 0..6_u8).prop_map(move |(cond, except, limit, flags)| {
            let limit = match (decision, limit) {
                (0, limit) => limit,
                (1..=3, Some((n, _))) => Some((n, true)),
                _ => None,
            };
            let list = (1..=3).contains(&decision)
                && cond.tests.iter().chain(except.iter().flat_map(|e: &Cond| &e.tests)).any(whole);
            let floor = strict && flags == 0;
            let delegate = layer == Layer::Admin && flags == 1 && !floor && !list;
            GRule { layer, action, decision, floor, delegate, cond, except, limit }
        })
    })
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![9 => select(WORDS.to_vec()).prop_map(str::to_owned), 1 => Just("vi\nm".to_owned())]
}

fn step() -> impl Strategy<Value = GStep> {
    (select(ACTIONS.to_vec()), select(Risk::ALL.to_vec())).prop_flat_map(|(action, risk)| {
        let known = match action {
            "package_install" => proptest::collection::vec(word(), 0..4).prop_map(GArg::List).boxed(),
            "set_volume" => (0_i64..120).prop_map(GArg::Number).boxed(),
            "open_app" => word().prop_map(GArg::Text).boxed(),
            _ => select(vec!["/home/u/docs/a", "/home/u", "/home/u/docsx", "/etc/passwd", "/"])
                .prop_map(|p| GArg::Path(PathFact { path: p.to_owned(), ..PathFact::default() }))
                .boxed(),
        };
        prop_oneof![8 => known, 1 => Just(GArg::Unknown), 1 => Just(GArg::Absent)].prop_map(move |arg| GStep {
            action,
            risk,
            arg,
        })
    })
}

fn around() -> impl Strategy<Value = Around> {
    let uid = select(vec![None, Some(1000), Some(1000), Some(1001), Some(65534)]);
    let pid = select(vec![None, Some(0), Some(7), Some(7)]);
    let exe = select(vec![None, Some("/usr/bin/b"), Some("/usr/bin/c")]);
    let locked = select(vec![None, Some(true), Some(false)]);
    let minute = select(vec![None, Some(600), Some(1400)]);
    let released = select(vec![None, Some(0), Some(2), Some(9)]);
    (uid, pid, exe, locked, minute, released).prop_map(|(uid, pid, exe, locked, minute, released)| Around {
        uid,
        pid,
        exe,
        locked,
        minute,
        released,
        home: Some("/home/u"),
        ..UNKNOWN
    })
}

fn rules() -> impl Strategy<Value = Vec<GRule>> {
    proptest::collection::vec(rule(), 0..14)
}

/// Requests asked of each policy, so that many pairs are tried for each that is loaded.
const ASKED: usize = 40;

fn asked() -> impl Strategy<Value = Vec<(GStep, Around)>> {
    proptest::collection::vec((step(), around()), ASKED)
}

fn at_least(strict: Decision, mild: Decision) -> bool {
    strict.join(mild) == strict
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decide_agrees_with_the_naive_interpreter(rules in rules(), asked in asked()) {
        let policy = load(&numbered(&rules), 5);
        for (step, s) in asked {
            let steps = [step];
            prop_assert_eq!(ask(&policy, &steps, &s).decision, reference(&rules, &steps, &s), "{:?} {:?}", steps, s);
        }
    }

    #[test]
    fn the_order_of_rules_and_files_changes_neither_verdict_nor_hash(
        (rules, shuffled) in rules().prop_flat_map(|r| (Just(numbered(&r)), Just(numbered(&r)).prop_shuffle())),
        per_file in 1_usize..6,
        asked in asked(),
    ) {
        let (a, b) = (load(&rules, 100), load(&shuffled, per_file));
        prop_assert_eq!(a.hash(), b.hash());
        for (step, s) in asked {
            prop_assert_eq!(ask(&a, std::slice::from_ref(&step), &s), ask(&b, std::slice::from_ref(&step), &s));
        }
    }

    #[test]
    fn one_more_element_is_never_judged_milder(rules in rules(), asked in asked(), more in word()) {
        let policy = load(&numbered(&rules), 100);
        for (step, s) in asked {
            let GArg::List(list) = &step.arg else { continue };
            if list.is_empty() {
                continue;
            }
            let mut longer = step.clone();
            longer.arg = GArg::List(list.iter().cloned().chain([more.clone()]).collect());
            let (before, after) = (ask(&policy, &[step], &s).decision, ask(&policy, &[longer], &s).decision);
            prop_assert!(at_least(after, before), "{:?} became {:?}", before, after);
        }
    }

    #[test]
    fn one_more_step_is_never_judged_milder(rules in rules(), asked in asked(), more in step()) {
        let policy = load(&numbered(&rules), 100);
        for (step, s) in asked {
            let before = ask(&policy, std::slice::from_ref(&step), &s).decision;
            let after = ask(&policy, &[step, more.clone()], &s).decision;
            prop_assert!(at_least(after, before), "{:?} became {:?}", before, after);
        }
    }

    #[test]
    fn one_more_deny_or_floor_or_user_rule_never_makes_a_verdict_milder(rules in rules(), new in rule().prop_filter("stricter than ok", |r| r.decision != 0), asked in asked()) {
        let mut new = new;
        if new.decision != 4 && new.layer != Layer::User {
            new.floor = true;
        }
        new.delegate = false;
        // A user's `confirm` can answer for an admin's rule that delegates to it; that is what delegating is.
        let rules: Vec<GRule> = rules.into_iter().map(|r| GRule { delegate: false, ..r }).collect();
        let before = load(&numbered(&rules), 100);
        let more: Vec<GRule> = rules.iter().cloned().chain([new]).collect();
        let after = load(&numbered(&more), 100);
        for (step, s) in asked {
            let steps = [step];
            let (before, after) = (ask(&before, &steps, &s).decision, ask(&after, &steps, &s).decision);
            prop_assert!(at_least(after, before), "{:?} became {:?}", before, after);
        }
    }
}
