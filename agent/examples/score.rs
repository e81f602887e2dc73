//! Scores the interpreter on a file of JSON lines: `text`, `action` (`none` for a non-order), `payload`, and where they are
//! there `alt` (other right answers), `payload_match` and `kind`. `__HOME__` in a payload is the home folder.
//!
//! `cargo run --release -p steward-agent --example score -- FILE [--failures]`

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Deserialize;
use steward_interpret::{Context, Interpreter, Reading};

/// The home folder that `__HOME__` stands for.
const HOME: &str = "/home/speaker";

/// Actions that do harm when nobody ordered them.
const HARMFUL: &[&str] =
    &["package_install", "package_remove", "system_update", "power_reboot", "power_shutdown", "power_sleep"];

#[derive(Deserialize)]
struct Case {
    text: String,
    #[serde(alias = "intent")]
    action: Option<String>,
    payload: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    payload_match: Option<String>,
    #[serde(default)]
    alt: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    action: String,
    payload: Option<String>,
}

#[derive(Default)]
struct Score {
    orders: usize,
    actions_right: usize,
    all_right: usize,
    others: usize,
    fired: BTreeMap<String, (usize, usize)>,
    harmful: usize,
    wrong_action: usize,
}

fn main() -> anyhow::Result<()> {
    let (flags, files): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|a| a.starts_with("--"));
    anyhow::ensure!(!files.is_empty(), "usage: score FILE… [--failures]");
    let failures = flags.iter().any(|f| f == "--failures");
    let started = Instant::now();
    let interpreter = Interpreter::new(&steward_agent::action::phrases())?;
    println!(
        "start-up {:.2} ms, tables about {} KiB",
        started.elapsed().as_secs_f64() * 1e3,
        interpreter.bytes() / 1024
    );
    let cx = Context { home: Some(HOME), ..Default::default() };
    for file in &files {
        let mut cases = Vec::new();
        for (n, line) in std::fs::read_to_string(file)?.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
            cases.push(serde_json::from_str::<Case>(line).map_err(|e| anyhow::anyhow!("{file}:{}: {e}", n + 1))?);
        }
        let mut score = Score::default();
        for case in &cases {
            score.count(case, &interpreter.read(&case.text, &cx), failures);
        }
        score.print(file);
        print_times(&interpreter, &cases, &cx);
    }
    Ok(())
}

impl Score {
    fn count(&mut self, case: &Case, reading: &Reading, failures: bool) {
        let expected = case.action.as_deref().unwrap_or("none");
        let kind = case.kind.as_deref().unwrap_or("-");
        let said = |m: &str| {
            if failures {
                println!(
                    "  {m}: {:?} [{kind}] expected {expected} {:?}, got {}",
                    case.text,
                    case.payload,
                    show(reading)
                );
            }
        };
        let order = match reading {
            Reading::Order(order) => Some(order),
            _ => None,
        };
        if expected == "none" {
            self.others += 1;
            let of_kind = self.fired.entry(kind.to_owned()).or_default();
            of_kind.1 += 1;
            if let Some(order) = order {
                of_kind.0 += 1;
                let harmful = HARMFUL.contains(&order.action);
                self.harmful += usize::from(harmful);
                said(if harmful { "HARMFUL" } else { "fired" });
            }
            return;
        }
        self.orders += 1;
        let answers =
            || std::iter::once((expected, &case.payload)).chain(case.alt.iter().map(|a| (&*a.action, &a.payload)));
        let right_action = order.is_some_and(|o| answers().any(|(action, _)| action == o.action));
        let right = order.is_some_and(|o| {
            answers().any(|(action, payload)| {
                action == o.action
                    && same_payload(action, payload.as_deref(), o.payload.as_deref(), case.payload_match.as_deref())
            })
        });
        self.actions_right += usize::from(right_action);
        self.all_right += usize::from(right);
        self.wrong_action += usize::from(order.is_some() && !right_action);
        if !right {
            said(if order.is_none() {
                "missed"
            } else if right_action {
                "payload"
            } else {
                "wrong"
            });
        }
    }

    fn print(&self, file: &str) {
        let share = |n: usize, of: usize| if of == 0 { 100.0 } else { 100.0 * n as f64 / of as f64 };
        println!("{file}");
        println!(
            "  orders {}: action {:.1} %, action + payload {:.1} %, wrong action {}",
            self.orders,
            share(self.actions_right, self.orders),
            share(self.all_right, self.orders),
            self.wrong_action
        );
        let fired: usize = self.fired.values().map(|f| f.0).sum();
        println!(
            "  non-orders {}: fired {fired} ({:.2} %), harmful {}",
            self.others,
            share(fired, self.others.max(1)),
            self.harmful
        );
        for (kind, (n, of)) in self.fired.iter().filter(|(_, f)| f.0 > 0) {
            println!("    {kind}: {n} of {of}");
        }
    }
}

/// Whether two payloads are the same by the conventions of the cases: the default channel and context are the same as none,
/// and a URL's scheme, `www.` and last `/` do not count.
fn same_payload(action: &str, expected: Option<&str>, got: Option<&str>, matching: Option<&str>) -> bool {
    let expected = expected.map(|p| p.replace("__HOME__", HOME));
    let (expected, got) = (expected.as_deref(), got);
    if matching == Some("any") {
        return true;
    }
    match action {
        "system_update" => expected.unwrap_or("stable") == got.unwrap_or("stable"),
        "read_context" => expected.unwrap_or("default") == got.unwrap_or("default"),
        "open_url" => match (expected, got) {
            (Some(a), Some(b)) => bare(a) == bare(b),
            (a, b) => a == b,
        },
        _ => expected == got,
    }
}

fn bare(url: &str) -> &str {
    let url = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or(url);
    url.strip_prefix("www.").unwrap_or(url).trim_end_matches('/')
}

fn show(reading: &Reading) -> String {
    match reading {
        Reading::Order(o) => {
            format!("{} {:?} by `{}`", o.action, o.payload, o.template.chars().take(60).collect::<String>())
        }
        Reading::Ambiguous(orders) => {
            format!("ambiguous: {:?}", orders.iter().map(|o| (o.action, &o.payload)).collect::<Vec<_>>())
        }
        Reading::Nothing(nothing) => nothing.reason.name().to_owned(),
    }
}

fn print_times(interpreter: &Interpreter, cases: &[Case], cx: &Context<'_>) {
    let mut times = Vec::with_capacity(cases.len() * 20);
    for _ in 0..20 {
        for case in cases {
            let started = Instant::now();
            std::hint::black_box(interpreter.read(&case.text, cx));
            times.push(started.elapsed());
        }
    }
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    if !times.is_empty() {
        println!("  time p50 {:.2} µs, p99 {:.2} µs", at(0.5), at(0.99));
    }
}
