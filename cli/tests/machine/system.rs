//! The Debian package on a machine: it installs, starts, upgrades and removes; the machine's agent runs as a user that may do nothing
//! by itself, and changes packages through its transaction unit.

use serde_json::Value;

use crate::bed::{Machine, built_package};

/// Where the package is seen in the machine.
const DEB: &str = "/srv/steward.deb";

/// A machine with the package installed; `None` where there can be none.
fn with_package(test: &str) -> Option<Machine> {
    let deb = built_package(test)?;
    let machine = Machine::bare(test, &[(&deb, DEB)])?;
    machine.root(&["dpkg", "--install", DEB]);
    machine.write("/etc/steward/config.toml", "version = 1\n[package]\nmanagers = [\"apt\"]\n");
    machine.root(&["systemctl", "restart", "steward.service"]);
    Some(machine)
}

fn state(machine: &Machine, unit: &str) -> String {
    machine.try_root(&["systemctl", "is-active", unit]).out
}

/// The command as root, which the machine's socket lets in.
fn steward(machine: &Machine, args: &[&str]) -> crate::bed::Ended {
    machine.try_root(&[&["steward", "--socket", "/run/steward/agent.sock"], args].concat())
}

/// Says yes to a held request and gives the answer.
fn approve(machine: &Machine, id: &str) -> Value {
    steward(machine, &["--json", "call", "confirm", id]).json()
}

fn held(machine: &Machine, args: &[&str]) -> String {
    let held = steward(machine, &[&["--json", "call"], args].concat()).json();
    held["confirmation_id"].as_str().unwrap_or_else(|| panic!("{held}")).to_owned()
}

#[test]
fn the_package_installs_starts_upgrades_and_removes_without_a_trace() {
    let Some(machine) = with_package("the_package_installs_starts_upgrades_and_removes_without_a_trace") else {
        return;
    };
    let agent = || machine.root(&["systemctl", "show", "steward.service", "-P", "MainPID"]);
    let first = agent();
    assert_eq!(machine.root(&["ps", "-o", "user=,args=", "-p", &first]), "steward  /usr/bin/stewardd --system");
    steward(&machine, &["call", "ping"]).with(0);
    // Who is not in the group is not let in; everybody has an agent of their own, started by its socket.
    machine.steward(&["--socket", "/run/steward/agent.sock", "call", "ping"]).with(5);
    assert_eq!(machine.steward(&["call", "remember", "the agent of a person"]).with(0).out, "I'll remember that.");
    assert_eq!(
        machine.user(&["systemctl", "--user", "is-active", "steward.socket", "steward.service"]),
        "active\nactive"
    );
    let of_user = || machine.user(&["systemctl", "--user", "show", "steward.service", "-P", "MainPID"]);
    let users = of_user();

    // A newer package: the agents are started anew, and know what they knew.
    let newer = "dpkg-deb -R /srv/steward.deb /root/deb && sed -i 's/^Version: .*/Version: 99.0-1/' /root/deb/DEBIAN/control && \
                 dpkg-deb -Znone -b /root/deb /root/steward-99.deb && dpkg --install /root/steward-99.deb";
    machine.root(&["sh", "-c", newer]);
    assert_eq!(machine.root(&["dpkg-query", "-W", "-f", "${Version}", "steward"]), "99.0-1");
    assert!(agent() != first && of_user() != users);
    steward(&machine, &["call", "ping"]).with(0);
    assert!(machine.steward(&["memory"]).with(0).out.contains("the agent of a person"));
    assert_eq!(machine.root(&["systemctl", "--failed", "--quiet", "--no-legend"]), "");

    machine.root(&["dpkg", "--remove", "steward"]);
    assert_eq!(
        (state(&machine, "steward.socket"), state(&machine, "steward.service")),
        ("inactive".into(), "inactive".into())
    );
    assert_eq!(machine.try_root(&["pgrep", "-a", "stewardd"]).out, "");
    assert!(machine.root(&["ls", "/var/lib/steward"]).contains("audit"), "a removed package keeps what it knew");
    machine.root(&["dpkg", "--purge", "steward"]);
    let left = "find / -xdev -iname '*steward*' -not -path '/home/*' -not -path '/srv/*' -not -path '/root/*' -not -path '/proc/*' \
                -not -path '/sys/*' -not -path '/var/lib/dpkg/info/*' -not -path '/run/systemd/*'";
    assert_eq!(machine.root(&["sh", "-c", left]), "");
    assert_eq!(machine.root(&["systemctl", "--failed", "--quiet", "--no-legend"]), "");
}

#[test]
fn the_machines_agent_changes_packages_through_its_unit_and_a_restart_does_not_stop_it() {
    let test = "the_machines_agent_changes_packages_through_its_unit_and_a_restart_does_not_stop_it";
    let Some(machine) = with_package(test) else { return };
    let status =
        |package: &str| machine.try_root(&["dpkg-query", "-W", "-f", "${Version} ${db:Status-Status}", package]).out;
    let shown = steward(&machine, &["call", "package_install", "e2e-app"]).with(3);
    assert!(shown.err.contains("e2e-lib"), "{shown:?}");
    let done = approve(&machine, shown.out.lines().next().unwrap());
    assert_eq!(done["message"], "Installed e2e-app and e2e-lib.", "{done}");
    assert_eq!((status("e2e-app"), status("e2e-lib")), ("1.0 installed".into(), "1.0 installed".into()));
    let units = machine.root(&["journalctl", "--no-pager", "-o", "cat", "-u", "steward-txn@*"]);
    assert!(!units.is_empty(), "a unit carried it out");

    let undo = held(&machine, &["undo"]);
    assert_eq!(approve(&machine, &undo)["status"], "ok");
    assert_eq!((status("e2e-app").as_str(), status("e2e-lib").as_str()), ("", ""));

    // The agent ends in the middle of a transaction, twice: in order, and by a kill.
    let slow = held(&machine, &["package_install", "e2e-slow"]);
    let confirming = std::thread::scope(|scope| {
        let asked = scope.spawn(|| steward(&machine, &["--json", "call", "confirm", &slow]));
        machine.until("the script of the package runs", |m| {
            m.try_root(&["test", "-e", "/run/e2e-slow-is-here"]).code == 0
        });
        machine.root(&["systemctl", "restart", "steward.service"]);
        machine.root(&["systemctl", "kill", "--kill-whom=main", "--signal=KILL", "steward.service"]);
        machine.until("the agent is back", |m| steward(m, &["call", "ping"]).code == 0);
        machine.root(&["touch", "/run/e2e-slow-may-end"]);
        asked.join().unwrap()
    });
    assert_ne!(confirming.code, 0, "the answer was lost with the agent: {confirming:?}");
    let result =
        steward(&machine, &["--json", "call", "result", "--args", &format!("{{\"id\":\"{slow}\",\"wait\":60}}")])
            .json();
    assert_eq!(result["data"]["state"], "done", "{result}");
    assert_eq!(status("e2e-slow"), "1.0 installed");

    // A service that has to do with a person is not the machine's agent's.
    let personal = steward(&machine, &["--json", "call", "open_app", "e2e-editor"]).json();
    assert!(matches!(personal["status"].as_str(), Some("deny" | "error")), "{personal}");
    machine.root(&["steward", "--state-dir", "/var/lib/steward", "audit", "verify"]);
}
