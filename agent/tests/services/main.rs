//! Every action that acts through a service, with everything that can go wrong with that service, on a laptop that is not there: the right
//! code, a sentence that says what is missing, nothing half done, no hang, and the next request works. And every way back.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests start the daemon and clients; the daemon starts nothing here"
)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

#[path = "../support/mod.rs"]
mod support;
mod units;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use steward_agent::backend::simulate::{Part, SimulatedUnit, State, Trouble, When};
use support::{DESKTOP, Simulated, World};

/// Everything is done at once.
const ALLOW: &str = "version = 1\n[risk]\nobserve = \"ok\"\nlow = \"ok\"\nreversible = \"ok\"\ndisruptive = \"ok\"\ndestructive = \"ok\"\n";

/// Longer than any deadline of these actions but for the portal's, in which a person chooses.
const NO_HANG: Duration = Duration::from_secs(25);

/// An agent on a laptop.
struct Bench {
    world: World,
    simulated: Simulated,
}

impl std::ops::Deref for Bench {
    type Target = Simulated;

    fn deref(&self) -> &Simulated {
        &self.simulated
    }
}

impl Bench {
    fn new(policy: &str) -> Bench {
        let simulated = Simulated::new();
        Bench { world: simulated.world(policy), simulated }
    }

    /// Everything that an action could have changed.
    fn stands(&self) -> Stands {
        let State { wifi, adapters, volume, muted, locked, done, system_units, user_units, .. } = self.laptop.state();
        // Names of units are random.
        let done = done.iter().map(|d| d.split('@').next().unwrap().to_owned()).collect();
        let packages = ["cowsay", "vim", "perl"].iter().filter(|p| self.laptop.archive().version(p).is_some());
        let packages = packages.map(|p| (*p).to_owned()).collect();
        Stands {
            wifi,
            adapters: adapters.into_iter().collect(),
            volume,
            muted,
            locked,
            done,
            packages,
            units: system_units.into_iter().chain(user_units).collect(),
            light: self.laptop.backlight(),
        }
    }

    /// An answer, in time.
    fn ask(&self, name: &str, payload: Option<&str>) -> Value {
        let began = Instant::now();
        let answer = self.world.line(&json!({ "name": name, "payload": payload }).to_string());
        assert!(began.elapsed() < NO_HANG, "{name} took {:?}: {answer}", began.elapsed());
        answer
    }

    fn put_back(&self, row: &Row, before: &Stands) {
        self.laptop.meddle(|s| {
            *s = State::default();
            (row.begin)(s);
        });
        self.laptop.meddle_backlight(before.light).unwrap();
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stands {
    wifi: bool,
    adapters: Vec<(String, bool)>,
    volume: Vec<u32>,
    muted: bool,
    locked: bool,
    done: Vec<String>,
    packages: Vec<String>,
    units: Vec<(String, SimulatedUnit)>,
    light: u32,
}

/// An action through a service.
#[derive(Clone, Copy)]
struct Row {
    name: &'static str,
    payload: Option<&'static str>,
    part: Part,
    /// How the laptop stands before, so that there is something to do.
    begin: fn(&mut State),
}

const fn row(name: &'static str, payload: Option<&'static str>, part: Part, begin: fn(&mut State)) -> Row {
    Row { name, payload, part, begin }
}

const ROWS: [Row; 22] = [
    row("set_volume", Some("40"), Part::Sound, |_| ()),
    row("adjust_volume", Some("+10"), Part::Sound, |_| ()),
    row("volume_mute", None, Part::Sound, |_| ()),
    row("volume_unmute", None, Part::Sound, |s| s.muted = true),
    row("set_brightness", Some("80"), Part::Login1, |_| ()),
    row("adjust_brightness", Some("-10"), Part::Login1, |_| ()),
    row("network_wifi_off", None, Part::NetworkManager, |_| ()),
    row("network_wifi_on", None, Part::NetworkManager, |s| s.wifi = false),
    row("network_bluetooth_off", None, Part::Bluez, |_| ()),
    row("network_bluetooth_on", None, Part::Bluez, |s| s.adapters.values_mut().for_each(|on| *on = false)),
    row("session_lock", None, Part::Login1, |_| ()),
    row("power_reboot", None, Part::Login1, |_| ()),
    row("power_shutdown", None, Part::Login1, |_| ()),
    row("power_sleep", None, Part::Login1, |_| ()),
    row("service_start", Some("ssh"), Part::SystemManager, |_| ()),
    row("service_stop", Some("bluetooth"), Part::SystemManager, |_| ()),
    row("service_restart", Some("ssh"), Part::SystemManager, |_| ()),
    row("service_enable", Some("ssh"), Part::SystemManager, |_| ()),
    row("service_disable", Some("bluetooth"), Part::SystemManager, |_| ()),
    row("cgroup_apply", Some("bluetooth cpu_weight=50"), Part::SystemManager, |_| ()),
    row("open_app", Some("calculator"), Part::UserManager, |_| ()),
    row("open_url", Some("https://example.com/"), Part::Portal, |_| ()),
];

/// What a service says, when, and the code of the answer. The names are those of the D-Bus specification, of polkit, and two that
/// nobody knows.
const SAID: [(When, &str, &str); 22] = [
    (When::Always, "org.freedesktop.DBus.Error.ServiceUnknown", "unavailable"),
    (When::Changing, "org.freedesktop.DBus.Error.ServiceUnknown", "unavailable"),
    (When::Changing, "org.freedesktop.DBus.Error.NameHasNoOwner", "unavailable"),
    (When::Changing, "org.freedesktop.DBus.Error.Spawn.ServiceNotFound", "unavailable"),
    (When::Changing, "org.freedesktop.DBus.Error.Spawn.ChildExited", "unavailable"),
    (When::Always, "org.freedesktop.DBus.Error.AccessDenied", "not_authorized"),
    (When::Changing, "org.freedesktop.DBus.Error.AccessDenied", "not_authorized"),
    (When::Changing, "org.freedesktop.DBus.Error.AuthFailed", "not_authorized"),
    (When::Changing, "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", "not_authorized"),
    (When::Changing, "org.freedesktop.PolicyKit1.Error.NotAuthorized", "not_authorized"),
    (When::Changing, "org.freedesktop.NetworkManager.PermissionDenied", "not_authorized"),
    (When::Changing, "org.freedesktop.DBus.Error.NoReply", "unknown_outcome"),
    (When::Changing, "org.freedesktop.DBus.Error.Timeout", "unknown_outcome"),
    (When::Changing, "org.freedesktop.DBus.Error.TimedOut", "unknown_outcome"),
    (When::Changing, "org.freedesktop.DBus.Error.Disconnected", "unknown_outcome"),
    (When::Changing, "org.freedesktop.DBus.Error.Failed", "failed"),
    (When::Changing, "org.freedesktop.DBus.Error.InvalidArgs", "failed"),
    (When::Changing, "org.freedesktop.DBus.Error.NoMemory", "failed"),
    (When::Changing, "org.freedesktop.DBus.Error.LimitsExceeded", "failed"),
    (When::Changing, "org.freedesktop.DBus.Error.NotSupported", "failed"),
    (When::Changing, "com.example.Odd", "failed"),
    (When::Always, "com.example.Odd", "failed"),
];

/// What else goes wrong, when, the code, and whether the change was made all the same.
const HAPPENS: [(When, Trouble, &str, bool); 6] = [
    (When::Always, Trouble::Missing, "unavailable", false),
    (When::Always, Trouble::Silent, "timed_out", false),
    (When::Always, Trouble::Dies, "timed_out", false),
    (When::Changing, Trouble::Silent, "unknown_outcome", true),
    (When::Changing, Trouble::Dies, "unknown_outcome", true),
    (When::Changing, Trouble::Closes, "unknown_outcome", true),
];

/// Whether an action asks its service nothing before it tells it to do it.
fn asks_nothing(row: &Row) -> bool {
    // What a screen is at stands in files.
    row.name.ends_with("_brightness")
}

/// Makes something go wrong and looks at the answer, at the laptop, and at the next request.
fn goes_wrong(bench: &Bench, row: &Row, when: When, trouble: Trouble, code: &str, happens: bool) {
    let of = format!("{} with {when:?} {trouble:?}", row.name);
    bench.put_back(row, &bench.stands());
    let before = bench.stands();
    bench.laptop.trouble(row.part, when, trouble);
    let answer = bench.ask(row.name, row.payload);
    assert_eq!((&answer["status"], &answer["code"]), (&json!("error"), &json!(code)), "{of}: {answer}");
    let message = answer["message"].as_str().unwrap();
    assert!(message.len() > 20 && message.contains("(simulated)"), "{of}: {answer}");
    assert_eq!(answer["data"].get("receipt"), None, "{of}: {answer}");
    assert_eq!(bench.stands() != before, happens, "{of}: {answer}\n{before:?}\n{:?}", bench.stands());
    let says = match code {
        "unavailable" => ["install", "start", "session"].iter().any(|w| message.contains(w)),
        "not_authorized" => {
            ["polkit", "agent has to run", "in front at the screen"].iter().any(|w| message.contains(w))
        }
        "unknown_outcome" => ["not known", "did not say whether"].iter().any(|w| message.contains(w)),
        "timed_out" => message.contains("nothing was changed"),
        _ => true,
    };
    assert!(says, "{of}: {answer}");
    bench.laptop.trouble(row.part, When::Always, Trouble::None);
    bench.put_back(row, &before);
    let again = bench.ask(row.name, row.payload);
    assert_eq!(again["status"], "ok", "{of}, then: {again}");
    assert_ne!(bench.stands(), before, "{of}, then: {again}");
    bench.put_back(row, &before);
}

#[test]
fn whatever_a_service_does_the_answer_is_true_and_the_next_request_works() {
    std::thread::scope(|threads| {
        for row in &ROWS {
            threads.spawn(move || {
                let mut bench = Bench::new(ALLOW);
                for (when, trouble, code, happens) in HAPPENS {
                    match trouble {
                        Trouble::Silent | Trouble::Dies if when == When::Always && asks_nothing(row) => {
                            goes_wrong(&bench, row, when, trouble, "unknown_outcome", true);
                        }
                        // The next connection is refused too: then there is no server. A portal that does not answer is none.
                        Trouble::Dies if when == When::Always && row.part == Part::Sound => {
                            goes_wrong(&bench, row, when, trouble, "unavailable", happens);
                        }
                        Trouble::Dies | Trouble::Silent if when == When::Always && row.part == Part::Portal => {
                            goes_wrong(&bench, row, when, trouble, "unavailable", happens);
                        }
                        _ => goes_wrong(&bench, row, when, trouble, code, happens),
                    }
                }
                if row.part == Part::Sound {
                    for when in [When::Always, When::Changing] {
                        goes_wrong(&bench, row, when, Trouble::Says("AccessDenied", ""), "not_authorized", false);
                        goes_wrong(&bench, row, when, Trouble::Says("Internal", ""), "failed", false);
                    }
                } else {
                    for (when, error, code) in SAID {
                        goes_wrong(&bench, row, when, Trouble::Says(error, "for a test"), code, false);
                    }
                }
                // Whatever began has an end in the log, and an unknown one is called so.
                let records = bench.world.end();
                let count = |kind: &str| records.iter().filter(|r| r["kind"] == kind && !r["id"].is_null()).count();
                assert_eq!(count("judged"), count("finished") + count("unknown"), "{}", row.name);
                assert!(count("unknown") >= 3, "{}: {}", row.name, count("unknown"));
            });
        }
    });
}

#[test]
fn what_only_looks_says_what_is_missing_and_works_again() {
    let bench = Bench::new(DESKTOP);
    for (trouble, code) in [
        (Trouble::Missing, "unavailable"),
        (Trouble::Silent, "timed_out"),
        (Trouble::Dies, "timed_out"),
        (Trouble::Closes, "timed_out"),
        (Trouble::Says("org.freedesktop.DBus.Error.AccessDenied", "no"), "not_authorized"),
        (Trouble::Says("com.example.Odd", "no"), "failed"),
    ] {
        bench.laptop.trouble(Part::NetworkManager, When::Always, trouble);
        let answer = bench.ask("network_status", None);
        assert_eq!(answer["code"], code, "{trouble:?}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains("NetworkManager"), "{answer}");
        bench.laptop.trouble(Part::NetworkManager, When::Always, Trouble::None);
        assert_eq!(bench.ask("network_status", None)["data"]["connectivity"], "full", "after {trouble:?}");
    }
}

#[test]
fn what_cannot_work_is_never_held() {
    let bench = Bench::new(DESKTOP);
    for (trouble, code) in [
        (Trouble::Missing, "unavailable"),
        (Trouble::Says("org.freedesktop.DBus.Error.AccessDenied", "no"), "not_authorized"),
    ] {
        bench.laptop.trouble(Part::Login1, When::Always, trouble);
        for name in ["power_reboot", "power_shutdown", "power_sleep"] {
            assert_eq!(bench.ask(name, None)["code"], code, "{name}");
        }
    }
    bench.laptop.trouble(Part::Login1, When::Always, Trouble::None);
    for (can, code) in [("na", "unavailable"), ("no", "not_authorized"), ("challenge", "not_authorized")] {
        bench.laptop.meddle(|s| s.can = can);
        assert_eq!(bench.ask("power_reboot", None)["code"], code, "{can}");
    }
    bench.laptop.meddle(|s| s.can = "yes");
    assert_eq!(bench.world.line("{\"name\":\"pending_list\"}")["data"]["pending"], json!([]));
}

#[test]
fn a_service_that_went_away_while_a_person_thought_is_named_and_the_yes_is_not_used_up() {
    let bench = Bench::new(DESKTOP);
    let id = bench.world.hold("power_reboot", "");
    bench.laptop.trouble(Part::Login1, When::Always, Trouble::Missing);
    let gone = bench.world.ask("confirm", &id);
    assert_eq!(gone["code"], "unavailable", "{gone}");
    assert!(bench.laptop.state().done.is_empty());
    bench.laptop.trouble(Part::Login1, When::Always, Trouble::None);
    let done = bench.world.ask("confirm", &id);
    assert_eq!((&done["status"], &done["action"]), (&json!("ok"), &json!("power_reboot")), "{done}");
    assert_eq!(bench.laptop.state().done, ["reboot"]);
}

#[test]
fn who_would_be_interrupted_is_shown_and_somebody_more_is_asked_about_again() {
    let bench = Bench::new(DESKTOP);
    bench.laptop.meddle(|s| {
        s.others = vec!["mallory"];
        s.inhibitors = vec![("Backup", "writing a backup")];
    });
    let held = bench.ask("power_shutdown", None);
    let preview = held["preview"].to_string();
    for word in ["mallory", "Backup", "writing a backup", "(simulated)"] {
        assert!(preview.contains(word), "{word} in {held}");
    }
    bench.laptop.meddle(|s| s.others.push("trudy"));
    let changed = bench.world.ask("confirm", &support::id_of(&held));
    assert_eq!(changed["code"], "confirmation_changed", "{changed}");
    assert!(changed["data"]["changes"].to_string().contains("trudy"), "{changed}");
    assert!(bench.laptop.state().done.is_empty());
}

/// Switches one Bluetooth adapter.
fn power(state: &mut State, adapter: &str, on: bool) {
    state.adapters.insert(adapter.to_owned(), on);
}

/// Changes a unit of the machine's systemd behind Steward's back.
fn unit(bench: &Bench, name: &str, change: impl FnOnce(&mut SimulatedUnit)) {
    bench.laptop.meddle(|s| change(s.system_units.get_mut(name).unwrap()));
}

/// What a held answer would do, as `verb object`.
fn effects(answer: &Value) -> Vec<String> {
    let effects = answer["preview"]["effects"].as_array().unwrap_or_else(|| panic!("{answer}"));
    effects.iter().map(|e| format!("{} {}", e["verb"].as_str().unwrap(), e["object"].as_str().unwrap())).collect()
}

/// An action that can be put back, how the laptop stands before, and what somebody else could do after it.
type Way = (&'static str, Option<&'static str>, fn(&mut State), fn(&Bench));

const WAYS: [Way; 17] = [
    ("set_volume", Some("40"), |s| s.volume = vec![45_875, 0], |b| b.laptop.meddle(|s| s.volume = vec![1, 1])),
    ("adjust_volume", Some("-10"), |_| (), |b| b.laptop.meddle(|s| s.volume = vec![65_536, 65_536])),
    ("volume_mute", None, |_| (), |b| b.laptop.meddle(|s| s.muted = false)),
    ("volume_unmute", None, |s| s.muted = true, |b| b.laptop.meddle(|s| s.muted = true)),
    (
        "cgroup_apply",
        Some("bluetooth cpu_weight=50 mem_max_bytes=1073741824"),
        |s| s.system_units.get_mut("bluetooth.service").unwrap().cpu_weight = 100,
        |b| unit(b, "bluetooth.service", |u| u.memory_max = 7 << 30),
    ),
    ("service_start", Some("sshd"), |_| (), |b| unit(b, "ssh.service", |u| u.active_state = "inactive")),
    ("service_stop", Some("bluetooth"), |_| (), |b| unit(b, "bluetooth.service", |u| u.active_state = "active")),
    ("service_enable", Some("ssh"), |_| (), |b| unit(b, "ssh.service", |u| u.unit_file_state = "masked")),
    ("service_disable", Some("bluetooth"), |_| (), |b| unit(b, "bluetooth.service", |u| u.unit_file_state = "enabled")),
    ("set_brightness", Some("80"), |_| (), |b| b.laptop.meddle_backlight(3).unwrap()),
    ("adjust_brightness", Some("+10"), |_| (), |b| b.laptop.meddle_backlight(3).unwrap()),
    ("network_wifi_off", None, |_| (), |b| b.laptop.meddle(|s| s.wifi = true)),
    ("network_wifi_on", None, |s| s.wifi = false, |b| b.laptop.meddle(|s| s.wifi = false)),
    ("network_bluetooth_off", None, |s| power(s, "hci0", false), |b| b.laptop.meddle(|s| power(s, "hci1", true))),
    ("network_bluetooth_on", None, |s| power(s, "hci0", false), |b| b.laptop.meddle(|s| power(s, "hci0", false))),
    ("package_install", Some("cowsay"), |_| (), |b| b.laptop.archive().meddle("cowsay", None)),
    ("package_remove", Some("perl"), |_| (), |b| b.laptop.archive().meddle("perl", Some("5.36.0-7"))),
];

#[test]
fn every_change_is_put_back_once_and_only_while_it_is_as_the_change_left_it() {
    for (name, payload, begin, other) in WAYS {
        let bench = Bench::new(ALLOW);
        bench.laptop.meddle(begin);
        let before = bench.stands();

        let done = bench.ask(name, payload);
        assert_eq!(done["status"], "ok", "{done}");
        assert_ne!(bench.stands(), before, "{name}");
        let receipt = done["data"]["receipt"].as_str().unwrap_or_else(|| panic!("{done}"));
        let undone = bench.ask("undo", Some(receipt));
        assert_eq!(undone["status"], "ok", "{name}: {undone}");
        assert_eq!(bench.stands(), before, "{name}: {undone}");
        let twice = bench.ask("undo", Some(receipt));
        assert_eq!(twice["data"]["state"], "no_receipt", "{name}: {twice}");
        assert_eq!(bench.stands(), before, "{name}");

        let again = bench.ask(name, payload);
        assert_eq!(again["status"], "ok", "{name}: {again}");
        other(&bench);
        let moved = bench.stands();
        let receipt = again["data"]["receipt"].as_str().unwrap();
        let refused = bench.ask("undo", Some(receipt));
        assert_ne!(refused["status"], "confirm", "{name}: {refused}");
        if refused["status"] == "ok" {
            // Packages that somebody else put back already: there is nothing to do, and it says so.
            assert_eq!(refused["data"]["changed"], false, "{name}: {refused}");
        } else {
            assert_eq!(refused["code"], "confirmation_changed", "{name}: {refused}");
        }
        assert_eq!(bench.stands(), moved, "{name}");
    }
}

#[test]
fn of_several_adapters_all_are_switched_or_none() {
    let bench = Bench::new(ALLOW);
    bench.laptop.meddle(|s| s.blocked = Some("hci1"));
    let before = bench.stands();
    let refused = bench.ask("network_bluetooth_off", None);
    assert_eq!(refused["code"], "failed", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("rfkill"), "{refused}");
    assert_eq!(bench.stands(), before);

    // One that cannot be switched back does not keep the others from it.
    bench.laptop.meddle(|s| {
        power(s, "hci2", true);
        (s.blocked, s.stuck) = (Some("hci2"), Some("hci0"));
    });
    let half = bench.ask("network_bluetooth_off", None);
    assert_eq!((&half["code"], &half["data"]["changed"]), (&json!("unknown_outcome"), &json!(["hci0"])), "{half}");
    let adapters: Vec<bool> = bench.laptop.state().adapters.into_values().collect();
    assert_eq!(adapters, [false, true, true]);

    bench.laptop.meddle(|s| s.adapters.clear());
    let none = bench.ask("network_bluetooth_on", None);
    assert_eq!(none["code"], "unavailable", "{none}");
}

#[test]
fn no_adapter_at_all_is_no_order() {
    let bench = Bench::new(ALLOW);
    for (adapters, code) in
        [(json!([]), "invalid_payload"), (json!(vec!["hci0"; 17]), "invalid_payload"), (json!(["hci7"]), "unavailable")]
    {
        let answer = bench.world.call("network_bluetooth_off", json!({ "adapters": adapters }));
        assert_eq!(answer["code"], code, "{answer}");
    }
    for adapters in [json!(["hci0"]), json!(null)] {
        let answer = bench.world.call("network_bluetooth_off", json!({ "adapters": adapters }));
        assert_eq!(answer["status"], "ok", "{answer}");
    }
}

#[test]
fn what_is_so_already_is_said_and_nothing_is_changed() {
    let bench = Bench::new(ALLOW);
    let rows = [
        ("network_wifi_on", None),
        ("network_bluetooth_on", None),
        ("volume_unmute", None),
        ("set_volume", Some("70")),
        ("service_start", Some("bluetooth")),
        ("service_stop", Some("ssh.service")),
        ("service_enable", Some("bluetooth")),
        ("service_disable", Some("sshd")),
        ("service_start", Some("pipewire")),
    ];
    for (name, payload) in rows {
        let before = bench.stands();
        let answer = bench.ask(name, payload);
        let message = answer["message"].as_str().unwrap();
        assert_eq!(answer["status"], "ok", "{answer}");
        assert!(["already", "not muted", "not running"].iter().any(|w| message.contains(w)), "{answer}");
        assert_eq!(answer["data"].get("receipt"), None, "{answer}");
        assert_eq!(bench.stands(), before, "{name}");
    }
    bench.laptop.meddle(|s| (s.wifi, s.wifi_key) = (false, false));
    let key = bench.ask("network_wifi_on", None);
    assert!(key["message"].as_str().unwrap().contains("switch or key"), "{key}");
}

#[test]
fn polkit_that_says_no_to_wifi_is_told_before_anything_is_tried() {
    // Where a person would be asked first, they are not.
    for (policy, asked) in [(ALLOW, false), (DESKTOP, true)] {
        let bench = Bench::new(policy);
        for (may, challenge) in [("no", false), ("auth", true)] {
            bench.laptop.meddle(|s| s.may_switch_wifi = may);
            let answer = bench.ask("network_wifi_off", None);
            assert_eq!(answer["code"], "not_authorized", "{answer}");
            assert!(!asked || answer["data"]["challenge"] == challenge, "{answer}");
            assert!(bench.laptop.state().wifi);
        }
    }
}

#[test]
fn who_does_not_sit_at_the_screen_is_told_so_when_its_brightness_is_not_set() {
    let bench = Bench::new(ALLOW);
    let says = Trouble::Says("org.freedesktop.login1.NotYourDevice", "Session is not in foreground, refusing.");
    bench.laptop.trouble(Part::Login1, When::Changing, says);
    let answer = bench.ask("set_brightness", Some("80"));
    assert_eq!(answer["code"], "not_authorized", "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("in front at the screen"), "{answer}");
}

#[test]
fn what_the_desktop_and_systemd_say_of_a_program_is_told() {
    let bench = Bench::new(ALLOW);
    for (portal, code) in [(1, "failed"), (2, "failed")] {
        bench.laptop.meddle(|s| s.portal = portal);
        let answer = bench.ask("open_url", Some("https://example.com/"));
        assert_eq!(answer["code"], code, "{answer}");
    }
    bench.laptop.meddle(|s| s.job = "failed");
    let answer = bench.ask("open_app", Some("calculator"));
    assert_eq!(answer["code"], "failed", "{answer}");
    assert!(bench.laptop.state().done.is_empty());
    let status = bench.ask("system_status", None);
    assert_eq!(status["data"]["battery"]["percent"], 80, "{status}");
    bench.laptop.trouble(Part::Upower, When::Always, Trouble::Missing);
    let status = bench.ask("system_status", None);
    assert_eq!(
        (&status["status"], &status["data"]["battery"]),
        (&json!("ok"), &json!({ "unknown": UNKNOWN })),
        "{status}"
    );
}

/// What is said of the battery when nobody knows.
const UNKNOWN: &str = "The power service (UPower) is not running; install `upower`";

#[test]
fn what_the_firmware_says_is_read_and_nothing_else_can_be() {
    let bench = Bench::new(DESKTOP);
    let inventory = bench.ask("firmware_inventory", None);
    let data = &inventory["data"];
    assert_eq!((&data["efi"], &data["secure_boot"], &data["simulated"]), (&json!(true), &json!(true), &json!(true)));
    assert_eq!(data["dmi"]["product_name"], "Laptop", "{inventory}");
    assert!(data["devices_missing"].as_str().unwrap().contains("fwupd"), "{inventory}");
    let secure = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    let variable = bench.ask("firmware_variable", Some(secure));
    let data = &variable["data"];
    assert_eq!((&data["content_base64"], &data["attributes"]), (&json!("BgAAAAE="), &json!(6)), "{variable}");
    for (name, code) in [
        ("../../../../etc/shadow", "invalid_payload"),
        ("/etc/shadow", "invalid_payload"),
        ("..", "invalid_payload"),
        ("a\\b", "invalid_payload"),
        ("NoSuch-8be4df61-93ca-11d2-aa0d-00e098032b8c", "failed"),
    ] {
        let answer = bench.ask("firmware_variable", Some(name));
        assert_eq!(answer["code"], code, "{name}: {answer}");
    }
}

#[test]
fn when_the_bus_dies_within_a_plan_what_was_called_is_unknown_and_what_comes_after_is_not_begun() {
    use std::io::{Read, Write};
    let bench = Bench::new(ALLOW);
    let plan = |actions: Value| {
        let document = json!({ "request_id": "r", "version": "0.1", "mode": "execute", "actions": actions });
        let mut stream = std::os::unix::net::UnixStream::connect(bench.world.path("plan.sock")).unwrap();
        stream.set_read_timeout(Some(NO_HANG)).unwrap();
        stream.write_all(document.to_string().as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{e} in {answer}"));
        answer["results"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
    };
    let service =
        |verb: &str, unit: &str| json!({ "type": "service_control", "action": verb, "unit": unit, "reason": "r" });
    let file = |name: &str| json!({ "type": "write_file", "path": format!("/tmp/{name}"), "content": "x", "mode": "0644", "reason": "r" });
    let steps =
        json!([file("first"), service("start", "ssh"), file("second"), service("status", "ssh"), { "type": "ping" }]);
    bench.laptop.trouble(Part::SystemManager, When::Changing, Trouble::Closes);
    let results = plan(steps.clone());
    let codes: Vec<&str> = results.iter().map(|r| r["error"]["code"].as_str().unwrap_or("none")).collect();
    assert_eq!(codes[..3], ["none", "unknown_outcome", "not_run"], "{results:?}");
    // It was told to, and did; looking at it is still done, over a new connection.
    assert_eq!(bench.laptop.state().system_units["ssh.service"].active_state, "active");
    assert_eq!((&results[3]["ok"], &results[4]["ok"]), (&json!(true), &json!(true)), "{results:?}");
    let there = |name: &str| bench.laptop.root().join("tmp").join(name).exists();
    assert!(there("first") && !there("second"));
    // The next plan is as if nothing had been.
    bench.laptop.trouble(Part::SystemManager, When::Changing, Trouble::None);
    let again = plan(json!([service("stop", "bluetooth"), file("second")]));
    assert!(again.iter().all(|r| r["ok"] == true), "{again:?}");
    assert!(there("second"));
}
