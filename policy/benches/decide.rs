//! How long loading and deciding take, beside a bare TOML parse and a bare hash map lookup in the same run. Prints, asserts nothing.

#[path = "../tests/common/mod.rs"]
mod common;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use common::{Actions, source};
use steward_policy::{Arg, Layer, Policy, Risk, Staged, Step};

/// `rules` rules, of which one in five is a glob and at most 100 are regular expressions.
fn file(rules: usize) -> String {
    let mut text = String::from("version = 1\n[risk]\nobserve = \"ok\"\ndisruptive = \"confirm\"\n");
    let regexes = rules.min(1000) / 10;
    for i in 0..rules {
        let action = if i % 2 == 0 { "package_install" } else { "package_remove" };
        let decision = ["ok", "confirm", "deny"][i % 3];
        let test = match i {
            i if i < regexes => format!("regex = \"tool{i}-[a-z]+[0-9]?\""),
            i if i % 5 == 0 => format!("glob = [\"team{i}-*\"]"),
            _ => format!("in = [\"package{i}\", \"other{i}\"]"),
        };
        let written = write!(
            text,
            "[[rule]]\nid = \"rule.{i}\"\nactions = [\"{action}\"]\ndecision = \"{decision}\"\nwhy = \"Because of {i}.\"\nargs.packages = {{ {test} }}\n\n"
        );
        assert!(written.is_ok());
    }
    text
}

fn median(rounds: usize, mut run: impl FnMut() -> f64) -> f64 {
    let mut times: Vec<f64> = (0..rounds).map(|_| run()).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Nanoseconds for one call, the median of many rounds of 1,000.
fn each(mut f: impl FnMut(usize)) -> f64 {
    median(201, || {
        let start = Instant::now();
        (0..1000).for_each(&mut f);
        start.elapsed().as_nanos() as f64 / 1000.0
    })
}

fn main() {
    let staged = Staged::default();
    let map: HashMap<String, u32> = (0..10_000).map(|i| (format!("package{i}"), i)).collect();
    let keys: Vec<String> = (0..1000).map(|i| format!("package{}", i * 10)).collect();
    let lookup = each(|i| {
        black_box(map.get(black_box(keys[i].as_str())));
    });
    println!("hash map lookup                 {lookup:8.1} ns");

    for rules in [10, 100, 1000, 10_000] {
        let text = file(rules);
        let policy = match Policy::load(vec![source(Layer::Vendor, "bench.toml", &text)], &Actions) {
            Ok(policy) => policy,
            Err(errors) => return eprintln!("{}", errors[0]),
        };
        let numbers: Vec<usize> = (0..1000).map(|i| i * rules / 1000).collect();
        let kinds: [(&str, Vec<Vec<String>>); 4] = [
            ("exact", numbers.iter().map(|i| vec![format!("package{i}")]).collect()),
            ("glob", numbers.iter().map(|i| vec![format!("team{}-x", i / 5 * 5)]).collect()),
            ("regex", numbers.iter().map(|i| vec![format!("tool{}-abc1", i % 100)]).collect()),
            ("none", numbers.iter().map(|i| vec![format!("nothing{i}")]).collect()),
        ];
        for (kind, requests) in &kinds {
            let ns = each(|i| {
                let args = [("packages", Arg::List(&requests[i]))];
                let step = Step { action: "package_install", risk: Risk::Disruptive, args: &args };
                black_box(policy.decide(black_box(&[step]), &staged));
            });
            println!("decide {rules:6} rules, {kind:6}     {ns:8.1} ns   {:5.1} x hash map", ns / lookup);
        }
        let step = Step { action: "set_volume", risk: Risk::Reversible, args: &[("percent", Arg::Number(40))] };
        let ns = each(|_| {
            black_box(policy.decide(black_box(&[step]), &staged));
        });
        println!("decide {rules:6} rules, no rule    {ns:8.1} ns   {:5.1} x hash map", ns / lookup);
    }

    let text = file(10_000);
    let ms = |f: &mut dyn FnMut()| {
        median(21, || {
            let start = Instant::now();
            f();
            start.elapsed().as_secs_f64() * 1000.0
        })
    };
    let bare = ms(&mut || drop(black_box(toml::from_str::<toml::Table>(&text))));
    let load = ms(&mut || drop(black_box(Policy::load(vec![source(Layer::Vendor, "bench.toml", &text)], &Actions))));
    println!("bare toml::from_str, 10,000     {bare:8.1} ms");
    println!("load, 10,000 rules              {load:8.1} ms   {:5.2} x bare", load / bare);
}
