//! Time to read a sentence, start-up time (and with every action's automaton made, which sentences do when they first need it) and
//! size of the tables.
//!
//! `cargo bench -p steward-agent --bench interpret`

use std::hint::black_box;
use std::time::{Duration, Instant};

use steward_interpret::{Context, Interpreter};

/// Sentences of every sort: orders, orders with slots, politeness around them, and no orders at all.
const SENTENCES: &[&str] = &[
    "turn the wifi off",
    "set the volume to forty five percent",
    "could you please install htop, tmux and git for me, thanks",
    "it's too loud in here, turn it down a little",
    "open https://www.debian.org/releases/?lang=en#stable",
    "remember that the boiler was serviced in March; next time ask for Ada",
    "search the web for how to grow tomatoes on a balcony",
    "list the files in my downloads folder",
    "what can you do",
    "don't restart the computer",
    "how do I uninstall a package",
    "the meeting went on for three hours and nobody opened a window",
    "shut down the computer when the build is done",
    "mute and lock the screen",
    "turn off the lights in the kitchen",
    "выключи компьютер",
];

/// Rounds over all sentences.
const ROUNDS: usize = 2_000;

fn main() {
    let started = Instant::now();
    let interpreter = match Interpreter::new(&steward_agent::action::phrases()) {
        Ok(interpreter) => interpreter,
        Err(error) => {
            println!("{error}");
            return;
        }
    };
    println!("start-up      {:>9.2} ms", started.elapsed().as_secs_f64() * 1e3);
    println!(
        "best of 50    {:>9.2} ms",
        best(|| drop(black_box(Interpreter::new(&steward_agent::action::phrases())))).as_secs_f64() * 1e3
    );
    println!(
        "with all used {:>9.2} ms",
        best(|| drop(black_box(Interpreter::new(&steward_agent::action::phrases()).map(|i| i.bytes())))).as_secs_f64()
            * 1e3
    );
    println!("tables        {:>9} KiB", interpreter.bytes() / 1024);
    let cx = Context { home: Some("/home/speaker"), ..Default::default() };
    let mut times = Vec::with_capacity(ROUNDS * SENTENCES.len());
    for _ in 0..ROUNDS {
        for sentence in SENTENCES {
            let started = Instant::now();
            black_box(interpreter.read(black_box(sentence), &cx));
            times.push(started.elapsed());
        }
    }
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    println!("sentence p50  {:>9.2} µs", at(0.5));
    println!("sentence p99  {:>9.2} µs", at(0.99));
    let long = "turn the volume up and install vim then mute ".repeat(3_000);
    println!(
        "{:>4} KiB text {:>9.2} µs",
        long.len() / 1024,
        best(|| drop(black_box(interpreter.read(&long, &cx)))).as_secs_f64() * 1e6
    );
    let note = format!("remember that {}", "the boiler was serviced ".repeat(2_600));
    println!(
        "{:>4} KiB note {:>9.2} µs",
        note.len() / 1024,
        best(|| drop(black_box(interpreter.read(&note, &cx)))).as_secs_f64() * 1e6
    );
}

fn best(mut run: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..50 {
        let started = Instant::now();
        run();
        best = best.min(started.elapsed());
    }
    best
}
