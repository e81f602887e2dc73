//! Actions through the daemon against a resident program that makes the same calls to the same services, and one fdatasync, behind
//! the same kind of socket.
//!
//! The services are those of the simulated laptop, in both programs inside the process: a call costs less there than over a bus,
//! so the gate's own share counts for more. The bars are in docs/performance.md. `cargo bench -p steward-agent --bench services`

mod common;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use common::{connected, median, stewardd, this_program};
use serde::Deserialize;
use steward_agent::backend::dbus::login1::{Login1, Power};
use steward_agent::backend::dbus::network_manager::NetworkManager;
use steward_agent::backend::simulate::Laptop;
use steward_agent::backend::sound::{Order, Sound};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};

const POLICY: &str = "version = 1\n[risk]\nobserve = \"ok\"\nlow = \"ok\"\nreversible = \"ok\"\ndisruptive = \"ok\"\n";
const ROUNDS: usize = 7;
/// Requests that are measured in each round.
const REQUESTS: usize = 400;
const BARE: &str = "STEWARD_BENCH_BARE";
/// What is measured, and the request that makes it necessary again.
const CASES: [(&str, &str, &str); 3] = [
    (
        "set_volume",
        "{\"version\":1,\"name\":\"set_volume\",\"payload\":\"40\"}\n",
        "{\"version\":1,\"name\":\"set_volume\",\"payload\":\"60\"}\n",
    ),
    (
        "network_wifi_off",
        "{\"version\":1,\"name\":\"network_wifi_off\"}\n",
        "{\"version\":1,\"name\":\"network_wifi_on\"}\n",
    ),
    ("power_sleep", "{\"version\":1,\"name\":\"power_sleep\"}\n", "{\"version\":1,\"name\":\"ping\"}\n"),
];

fn main() {
    if let Ok(folder) = std::env::var(BARE) {
        return bare(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let at = |name: &str| folder.path().join(name);
    for made in ["bare", "laptop"] {
        std::fs::create_dir(at(made)).expect("a folder");
    }
    std::fs::write(at("policy.toml"), POLICY).expect("written");
    let _bare = this_program(BARE, &at("bare"));
    let (socket, state, policy) = (at("agent.sock"), at("state"), at("policy.toml"));
    let args = [
        "--simulate".as_ref(),
        "--socket".as_ref(),
        socket.as_os_str(),
        "--state-dir".as_ref(),
        state.as_os_str(),
        "--policy".as_ref(),
        policy.as_os_str(),
    ];
    let _agent = stewardd(&args, &[("TMPDIR", &at("laptop"))]);
    let mut clients = [at("bare/bare.sock"), socket].map(|path| BufReader::new(connected(&path)));
    println!("{:>18}  {:>26}  {:>26}", "", "p50 µs (ratio)", "p99 µs (ratio)");
    for (name, order, back) in CASES {
        let mut rows = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (client, rows) in clients.iter_mut().zip(&mut rows) {
                rows.push(round(client, order, back));
            }
        }
        let [bare, ours] = rows.map(|rows| [0, 1].map(|i| median(rows.iter().map(|r: &[f64; 2]| r[i]).collect())));
        let cell = |i: usize| format!("{:.1} / {:.1} ({:.2}×)", ours[i], bare[i], ours[i] / bare[i]);
        println!("{name:>18}  {:>26}  {:>26}", cell(0), cell(1));
    }
}

/// The p50 and p99 of `order` in microseconds; `back` goes in between and is not measured.
fn round(client: &mut BufReader<UnixStream>, order: &str, back: &str) -> [f64; 2] {
    let mut times: Vec<u128> = Vec::with_capacity(REQUESTS);
    let mut answer = String::new();
    for _ in 0..REQUESTS {
        for (line, counts) in [(back, false), (order, true)] {
            let begun = Instant::now();
            client.get_mut().write_all(line.as_bytes()).expect("a write");
            answer.clear();
            client.read_line(&mut answer).expect("an answer");
            if counts {
                times.push(begun.elapsed().as_nanos());
            }
            assert!(answer.contains("\"ok\""), "{line}: {answer}");
        }
    }
    times.sort_unstable();
    [times[REQUESTS / 2], times[REQUESTS * 99 / 100]].map(|t| t as f64 / 1000.0)
}

#[derive(Deserialize)]
struct Asked {
    name: String,
    payload: Option<String>,
}

/// The least that a resident program must do: read the request, make the calls, write a line down so that it survives, answer.
fn bare(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let laptop = Laptop::new(folder).expect("a laptop");
        let (bus, sound) = (laptop.bus(), Sound::at(laptop.sound()));
        let mut log = std::fs::File::create(folder.join("log")).expect("a log");
        let listener = tokio::net::UnixListener::bind(folder.join("bare.sock")).expect("a socket");
        while let Ok((stream, _)) = listener.accept().await {
            let (reader, mut writer) = stream.into_split();
            let mut lines = tokio::io::BufReader::new(reader).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let asked: Asked = serde_json::from_str(&line).expect("our own request");
                match asked.name.as_str() {
                    "set_volume" => {
                        let percent = asked.payload.and_then(|p| p.parse().ok()).expect("our own request");
                        sound.change(|_| Some(Order::Volume(percent))).await.map(drop).expect("a sound server");
                    }
                    "network_wifi_off" => {
                        NetworkManager(&bus).carries().await.map(drop).expect("a network");
                        NetworkManager(&bus).wifi().await.map(drop).expect("a network");
                        NetworkManager(&bus).set_wifi(false).await.expect("a network");
                    }
                    "network_wifi_on" => NetworkManager(&bus).set_wifi(true).await.expect("a network"),
                    "power_sleep" => {
                        Login1(&bus).can(Power::Suspend).await.map(drop).expect("logind");
                        Login1(&bus).power(Power::Suspend).await.expect("logind");
                    }
                    _ => {}
                }
                log.write_all(line.as_bytes()).and_then(|()| log.sync_data()).expect("a disk");
                writer.write_all(b"{\"version\":1,\"status\":\"ok\"}\n").await.expect("a client");
            }
        }
    });
}
