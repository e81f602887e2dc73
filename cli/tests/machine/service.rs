//! The Debian package and its services: installed, upgraded, restarted in the middle of work, removed and purged.

use serde_json::{Value, json};

use crate::bed::{Ended, Machine, package, refuses, says};

/// Where the packages are seen in the machine.
const FIRST: &str = "/srv/first.deb";
const SECOND: &str = "/srv/second.deb";

/// A machine with the package installed, and the desktop user in the group. With `upgrade` it sees a newer one.
fn installed(test: &str, upgrade: bool) -> Option<Machine> {
    let first = package(test, "0.1.0-1")?;
    let second = if upgrade { package(test, "0.1.0-2")? } else { first.clone() };
    let machine = Machine::bare(test, &[(&first, FIRST), (&second, SECOND)])?;
    machine.root(&["dpkg", "--install", FIRST]);
    machine.root(&["usermod", "--append", "--groups", "steward", "tester"]);
    Some(machine)
}

/// The command `steward` to the machine's agent, as a member of the group.
fn member(machine: &Machine, args: &[&str]) -> Ended {
    let who = ["setpriv", "--reuid=tester", "--regid=tester", "--init-groups", "env", "HOME=/home/tester"];
    let rest = ["STEWARD_SOCKET=/run/steward/agent.sock", "steward"];
    machine.try_root(&[&who[..], &rest[..], args].concat())
}

fn call(machine: &Machine, args: &[&str]) -> Value {
    member(machine, &[&["--json", "call"], args].concat()).json()
}

/// Asks for something that is held, and gives its id.
fn hold(machine: &Machine, words: &str) -> String {
    member(machine, &["do", words]).with(3).out.lines().next().unwrap().to_owned()
}

fn shown(machine: &Machine, unit: &str, property: &str) -> String {
    machine.root(&["systemctl", "show", "--property", property, "--value", unit])
}

fn main_pid(machine: &Machine) -> String {
    shown(machine, "steward.service", "MainPID")
}

/// The version of an installed package; empty when it is not.
fn version(machine: &Machine, package: &str) -> String {
    let query = machine.try_root(&["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Version}", package]);
    query.out.strip_prefix("installed ").unwrap_or_default().to_owned()
}

#[test]
fn the_package_installs_starts_upgrades_and_goes_without_a_trace() {
    let test = "the_package_installs_starts_upgrades_and_goes_without_a_trace";
    let Some(machine) = installed(test, true) else { return };
    assert_eq!(machine.root(&["stat", "--format", "%U %G %a", "/run/steward/agent.sock"]), "root steward 660");
    assert_eq!(machine.root(&["stat", "--format", "%U %G %a", "/var/lib/steward"]), "steward steward 700");
    assert_eq!(machine.root(&["stat", "--format", "%U %G %a", "/var/lib/steward-txn"]), "root steward 2750");
    says(&call(&machine, &["ping"]), "pong");
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "steward", "--socket"];
    machine.try_root(&[&nobody[..], &["/run/steward/agent.sock", "call", "ping"]].concat()).with(5);
    // The user's own is there without a login of its own, and is another agent under another policy.
    assert_eq!(machine.user(&["systemctl", "--user", "is-active", "steward.socket"]), "active");
    let own = machine.steward(&["explain", "turn bluetooth on"]).with(0).out;
    let machines = member(&machine, &["explain", "turn bluetooth on"]).with(0).out;
    let denies = |said: &str| said.contains("This machine has no desktop.");
    assert!(!denies(&own) && denies(&machines), "{own}\n{machines}");
    assert_eq!(machine.user(&["systemctl", "--user", "is-active", "steward.service"]), "active");
    // Whoever asks a bus for the agent has it started.
    let name = ["org.freedesktop.DBus", "/", "org.freedesktop.DBus", "StartServiceByName", "su"];
    for user in [false, true] {
        let scope = if user { "--user" } else { "--system" };
        let run = |args: &[&str]| if user { machine.user(args) } else { machine.root(args) };
        run(&["systemctl", scope, "stop", "steward.service"]);
        let ask = [&["busctl", scope, "call"], &name[..], &["io.github.steward_project.Steward", "0"]].concat();
        assert_eq!(run(&ask), "u 1", "{scope}");
        assert_eq!(run(&["systemctl", scope, "is-active", "steward.service"]), "active");
    }
    // Once more is the same.
    machine.root(&["dpkg-reconfigure", "steward"]);
    assert_eq!(machine.root(&["systemctl", "is-active", "steward.service"]), "active");

    member(&machine, &["call", "remember", "kept"]).with(0);
    let (before, inode) = (main_pid(&machine), machine.root(&["stat", "--format", "%i", "/run/steward/agent.sock"]));
    machine.root(&["dpkg", "--install", SECOND]);
    assert_ne!(main_pid(&machine), before, "the new one took over");
    assert_eq!(
        machine.root(&["stat", "--format", "%i", "/run/steward/agent.sock"]),
        inode,
        "clients waited in the socket"
    );
    assert!(call(&machine, &["read_context"]).to_string().contains("kept"));
    // What an administrator has switched off stays off.
    machine.root(&["systemctl", "disable", "--now", "steward.service"]);
    machine.root(&["dpkg", "--install", SECOND]);
    assert_eq!(machine.try_root(&["systemctl", "is-enabled", "steward.service"]).out, "disabled");

    machine.write("/etc/steward/policy.d/10-local.toml", "version = 1\n[risk]\nlow = \"deny\"\n");
    machine.root(&["dpkg", "--remove", "steward"]);
    assert_eq!(
        machine.try_root(&["systemctl", "is-active", "steward.socket", "steward.service"]).out,
        "inactive\ninactive"
    );
    assert!(machine.try_root(&["pgrep", "stewardd"]).out.is_empty(), "the users' are stopped too");
    machine.root(&["test", "-e", "/var/lib/steward/memory.jsonl"]);
    machine.root(&["dpkg", "--install", FIRST]);
    assert_eq!(machine.try_root(&["systemctl", "is-enabled", "steward.service"]).out, "disabled", "and is still off");
    machine.root(&["systemctl", "enable", "--now", "steward.service"]);
    machine.root(&["rm", "/etc/steward/policy.d/10-local.toml"]);
    machine.root(&["systemctl", "reload", "steward.service"]);
    machine.until("what it kept is still there", |m| call(m, &["read_context"]).to_string().contains("kept"));

    machine.root(&["dpkg", "--purge", "steward"]);
    let left = "find / -xdev -iname '*steward*' -not -path '/proc/*' -not -path '/sys/*' -not -path '/home/*' -not -path '/srv/*' \
                -not -path '/run/user/*' -not -path '/var/log/journal/*' -not -path '/tmp/*'";
    assert_eq!(machine.root(&["sh", "-c", left]), "");
    assert_eq!(machine.root(&["systemctl", "list-units", "--failed", "--no-legend"]), "");
    machine.root(&["dpkg", "--audit"]);
}

#[test]
fn root_carries_out_what_the_machines_agent_was_allowed_and_no_restart_stops_it() {
    let test = "root_carries_out_what_the_machines_agent_was_allowed_and_no_restart_stops_it";
    let Some(machine) = installed(test, false) else { return };
    let id = hold(&machine, "install e2e-app");
    assert!(member(&machine, &["approve", "--yes", &id]).with(0).out.contains("Installed e2e-app and e2e-lib."));
    assert_eq!((version(&machine, "e2e-app"), version(&machine, "e2e-lib")), ("1.0".into(), "1.0".into()));
    assert_eq!(machine.root(&["apt-mark", "showauto", "e2e-app", "e2e-lib"]), "e2e-lib");
    let journal = machine.root(&["journalctl", "--no-pager", "--output=cat", "--unit=steward-txn@*"]);
    assert!(
        journal.contains("Install e2e-app 1.0 and e2e-lib 1.0") && journal.contains("done: 2 packages"),
        "{journal}"
    );

    // The agent is restarted while dpkg waits; the client has a last line, and the next agent has the end.
    let id = hold(&machine, "install e2e-slow");
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| member(&machine, &["--json", "approve", "--yes", &id]));
        machine.until("the postinst runs", |m| m.try_root(&["test", "-e", "/run/e2e-slow-is-here"]).code == 0);
        let before = main_pid(&machine);
        machine.root(&["systemctl", "restart", "steward.service"]);
        assert_ne!(main_pid(&machine), before);
        let last = asked.join().unwrap();
        refuses(&last.json(), "unknown_outcome", "what was begun goes on");
    });
    assert_eq!(member(&machine, &["result", &id]).code, 3, "it is still at work");
    machine.root(&["touch", "/run/e2e-slow-may-end"]);
    machine.until("its end is found", |m| member(m, &["result", &id]).code == 0);
    assert_eq!(version(&machine, "e2e-slow"), "1.0");
    assert!(hold(&machine, "undo").len() == 36, "the next agent made the receipt");

    // An index that is too old is fetched by root as well.
    machine.root(&["ln", "--symbolic", "--force", "--no-dereference", "archives/v2", "/srv/repo"]);
    machine.root(&["touch", "--date=2 days ago", "/var/lib/apt/lists/partial"]);
    let id = hold(&machine, "update the system");
    assert!(member(&machine, &["approve", "--yes", &id]).with(0).out.contains("Upgraded e2e-lib."));
    assert_eq!((version(&machine, "e2e-lib"), version(&machine, "e2e-extra")), ("2.0".into(), "1.0".into()));

    // What does not work is told as it is everywhere.
    let id = hold(&machine, "install e2e-badpost");
    let failed = member(&machine, &["--json", "approve", "--yes", &id]).json();
    refuses(&failed, "failed", "the package manager failed with exit status 100");
    let missing = call(&machine, &["package_install", "e2e-nothing"]);
    refuses(&missing, "failed", "there is no package `e2e-nothing`");
    // Nothing is left but root's own record.
    let left = machine.root(&["find", "/var/lib/steward/orders", "/var/lib/steward/transactions", "-mindepth", "1"]);
    assert_eq!(left, "");
    member(&machine, &["audit", "verify"]);
}

#[test]
fn the_agents_user_may_start_its_transactions_and_nothing_else() {
    let test = "the_agents_user_may_start_its_transactions_and_nothing_else";
    let Some(machine) = installed(test, false) else { return };
    let txn = format!("steward-txn@00000000-0000-4000-8000-000000000000-{}.service", "0".repeat(64));
    let asks = |user: &str, call: &[&str]| {
        let user = [format!("--reuid={user}"), format!("--regid={user}")];
        let who = ["setpriv", &user[0], &user[1], "--clear-groups", "busctl", "call", "org.freedesktop.systemd1"];
        let whom = ["/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"];
        machine.try_root(&[&who[..], &whom[..], call].concat())
    };
    asks("steward", &["StartUnit", "ss", &txn, "replace"]).with(0);
    machine.until("root refuses it", |m| {
        m.root(&["journalctl", "--no-pager", "--output=cat", "--unit=steward-txn@*"])
            .contains("No such file or directory")
    });
    let other = format!("{}x.service", txn.trim_end_matches(".service"));
    let properties = ["fail", "1", "ExecStart", "a(sasb)", "1", "/bin/true", "1", "/bin/true", "false", "0"];
    let transient = ["StartTransientUnit", "ssa(sv)a(sa(sv))"];
    let table: [(&str, Vec<&str>); 9] = [
        ("steward", vec!["StopUnit", "ss", &txn, "replace"]),
        ("steward", vec!["RestartUnit", "ss", &txn, "replace"]),
        ("steward", vec!["SetUnitProperties", "sba(sv)", &txn, "true", "0"]),
        ("steward", vec!["StartUnit", "ss", &other, "replace"]),
        ("steward", vec!["StartUnit", "ss", "steward-txn@x.service", "replace"]),
        ("steward", vec!["StartUnit", "ss", "rescue.service", "replace"]),
        ("steward", [&transient[..], &[txn.as_str()], &properties].concat()),
        ("steward", [&transient[..], &["mine.service"], &properties].concat()),
        ("tester", vec!["StartUnit", "ss", &txn, "replace"]),
    ];
    for (user, call) in table {
        let said = asks(user, &call).with(1).err;
        assert!(said.contains("Interactive authentication required"), "{user} {call:?}: {said}");
    }
    let instance = txn.trim_start_matches("steward-txn@").trim_end_matches(".service");
    let by_hand = ["setpriv", "--reuid=steward", "--regid=steward", "--clear-groups", "stewardd", "transact", instance];
    assert!(machine.try_root(&by_hand).with(1).err.contains("only root may do this"));
    assert!(machine.try_root(&["stewardd", "transact", "x"]).with(1).err.contains("not for use by hand"));
}

#[test]
fn the_machines_agent_reloads_restarts_and_is_restarted_without_losing_a_client() {
    let test = "the_machines_agent_reloads_restarts_and_is_restarted_without_losing_a_client";
    let Some(machine) = installed(test, false) else { return };
    // A person's things are not the machine's.
    refuses(&call(&machine, &["list_files", "/etc"]), "unavailable", "use the user service");
    // What the policy denies is denied, whether it could work or not.
    let volume = call(&machine, &["set_volume", "40"]);
    assert_eq!(volume["status"], "deny", "{volume}");
    let details = call(&machine, &["get_capabilities", "--args", r#"{"details":true}"#]);
    let able = |name: &str| {
        let actions = details["data"]["actions"].as_array().expect("a list");
        actions.iter().find(|a| a["name"] == name).expect("an action")["available"].clone()
    };
    assert_eq!((able("list_files"), able("remember")), (json!(false), json!(true)));

    machine.write("/etc/steward/policy.d/10-local.toml", "version = 1\n[risk]\nlow = \"deny\"\n");
    machine.root(&["systemctl", "reload", "steward.service"]);
    machine.until("the rule holds", |m| call(m, &["remember", "x"])["status"] == "deny");
    machine.until("systemd knows", |m| shown(m, "steward.service", "StatusText").starts_with("policy generation "));
    machine.write("/etc/steward/policy.d/10-local.toml", "version = 1\n[risk]\nlow = \"maybe\"\n");
    machine.root(&["systemctl", "reload", "steward.service"]);
    machine.until("systemd is told", |m| shown(m, "steward.service", "StatusText").contains("were not taken"));
    machine.root(&["rm", "/etc/steward/policy.d/10-local.toml"]);

    // A process of the unit that is not the agent stands for a package manager.
    machine.root(&["systemctl", "start", "steward.service"]);
    let group = shown(&machine, "steward.service", "ControlGroup");
    let script = format!(
        "for top in /sys/fs/cgroup/systemd /sys/fs/cgroup; do procs=$top{group}/cgroup.procs; [ -e $procs ] && break; done; \
         setsid sleep 1000 >/dev/null 2>&1 & echo $! | tee $procs"
    );
    let worker = machine.root(&["sh", "-c", &script]);
    std::thread::scope(|scope| {
        let restarts =
            scope.spawn(|| (0..3).for_each(|_| drop(machine.root(&["systemctl", "restart", "steward.service"]))));
        let mut answered = 0;
        while !restarts.is_finished() || answered < 20 {
            says(&call(&machine, &["ping"]), "pong");
            answered += 1;
        }
    });
    machine.root(&["kill", "-0", &worker]);
    assert_eq!(shown(&machine, "steward.service", "NRestarts"), "0");
    machine.root(&["kill", &worker]);

    // One that hangs is found by the watchdog, and one that dies is started again.
    machine.write("/etc/systemd/system/steward.service.d/fast.conf", "[Service]\nWatchdogSec=2\n");
    machine.root(&["systemctl", "daemon-reload"]);
    machine.root(&["systemctl", "restart", "steward.service"]);
    machine.root(&["kill", "-STOP", &main_pid(&machine)]);
    machine.until("the watchdog has it restarted", |m| shown(m, "steward.service", "NRestarts") == "1");
    says(&call(&machine, &["ping"]), "pong");
    machine.root(&["kill", "-KILL", &main_pid(&machine)]);
    says(&call(&machine, &["ping"]), "pong");
    machine.until("it was started again", |m| shown(m, "steward.service", "NRestarts") == "2");
}

#[test]
fn the_machines_agent_runs_commands_within_its_hardening_and_none_of_them_has_its_files() {
    let test = "the_machines_agent_runs_commands_within_its_hardening_and_none_of_them_has_its_files";
    let Some(machine) = installed(test, false) else { return };
    let policy = "version = 1\n[sandbox.small]\nbase = \"ro-nonet\"\nmemory_max_mib = 64\n\
                  [[rule]]\nid = \"looks\"\nactions = [\"exec\"]\ndecision = \"ok\"\nsandbox = [\"ro-nonet\", \"ro-cwd-nonet\", \"small\", \"none\"]\n";
    machine.write("/etc/steward/policy.d/10-local.toml", policy);
    machine.root(&["systemctl", "reload", "steward.service"]);
    machine.until("the rule holds", |m| call(m, &["exec", "/usr/bin/true"])["status"] == "ok");
    let id = machine.root(&["id", "--user", "steward"]);
    let run = |args: Value| call(&machine, &["exec", "--args", &args.to_string()]);
    assert_eq!(run(json!({ "argv": ["/usr/bin/id", "-u"] }))["data"]["stdout"], format!("{id}\n"));
    // The agent's hardening holds for a command too, and so does the sandbox.
    for argv in [vec!["/usr/bin/cat", "/var/lib/steward/audit/audit.jsonl"], vec!["/usr/bin/cat", "/etc/shadow"]] {
        let read = run(json!({ "argv": argv }));
        assert!(read["data"]["stderr"].as_str().unwrap().contains("Permission denied"), "{read}");
    }
    let inside = run(json!({ "argv": ["/usr/bin/ls"], "cwd": "/var/lib/steward", "sandbox": "ro-cwd-nonet" }));
    refuses(&inside, "invalid_payload", "Steward's own files are there");
    let above = run(json!({ "argv": ["/usr/bin/ls"], "cwd": "/var", "sandbox": "ro-cwd-nonet" }));
    refuses(&above, "invalid_payload", "Steward's own files are there");
    let free = run(json!({ "argv": ["/usr/bin/id"], "sandbox": "none" }));
    refuses(&free, "unavailable", "the machine's agent runs no command without fences");
    let seen = call(&machine, &["observe", "ps -e"]);
    assert!(seen["message"].as_str().unwrap().contains("systemd"), "{seen}");

    // The agent has moved out of the group that was delegated to it, and systemd knows it there.
    assert_eq!(shown(&machine, "steward.service", "Delegate"), "yes");
    let groups = machine.root(&["cat", &format!("/proc/{}/cgroup", main_pid(&machine))]);
    assert!(groups.lines().any(|l| l.starts_with("0::") && l.ends_with("/steward.service/agent")), "{groups}");
    let small = run(json!({ "argv": ["/usr/bin/true"], "sandbox": "small" }));
    let there = machine.root(&["sh", "-c", "cat /sys/fs/cgroup/cgroup.controllers 2>/dev/null || true"]);
    if there.split(' ').any(|c| c == "memory") {
        assert!(small["message"].as_str().unwrap().contains("ended with 0"), "{small}");
    } else {
        refuses(&small, "unavailable", "for want of the cgroup controller `memory`");
    }
    let before = main_pid(&machine);
    machine.root(&["systemctl", "restart", "steward.service"]);
    assert_ne!(main_pid(&machine), before);
    says(&call(&machine, &["ping"]), "pong");
    // A member's own agent runs commands under its own policy.
    assert!(machine.steward(&["sandbox", "run", "ro-nonet", "--", "/usr/bin/id", "-u"]).with(0).out.contains("1000"));
}
