//! The rules on written-down chains; `agent/tests/approval.rs` has the same with real processes.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::caller::proc::parse_cgroup;

const SCOPE: &str = "/user.slice/user-1000.slice/session-3.scope";
const MANAGER: &str = "/user.slice/user-1000.slice/user@1000.service/init.scope";

/// Writes a chain as words, the process first: `NAME[:TERMINAL][@GROUP]`. A name is one process in all chains of a test; its
/// letters are its program in `/usr/bin`. In front, `~` is a program that is not root's own, `?` one that the agent may not
/// read, `!` the same in a process of root. `init` is pid 1, `manager` a `systemd --user`. The group of all others is a
/// login session's, or `@a.service`, `@user/b.service` and `@none`.
#[derive(Default)]
struct World {
    pids: HashMap<String, u32>,
}

impl World {
    fn chain(&mut self, words: &str) -> Chain {
        let links = words.split_whitespace().map(|word| self.link(word)).collect();
        Chain { uid: 1000, door: Door::Ndjson, users: UserNamespace::Shared, links }
    }

    fn link(&mut self, word: &str) -> Link {
        let (word, group) = word.split_once('@').map_or((word, ""), |(w, g)| (w, g));
        let (word, tty) = word.split_once(':').map_or((word, None), |(w, t)| (w, Some(t.parse().expect("a number"))));
        let mark = word.chars().next().filter(|c| "~?!".contains(*c));
        let name = word.trim_start_matches(['~', '?', '!']);
        let program = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let next = 100 + self.pids.len() as u32;
        let pid = if name == "init" { 1 } else { *self.pids.entry(name.to_owned()).or_insert(next) };
        let exe = match program {
            "init" | "manager" => "/usr/lib/systemd/systemd".to_owned(),
            other => format!("/usr/bin/{other}"),
        };
        let readable = !matches!(mark, Some('?' | '!'));
        let group = match (group, program) {
            ("none", _) => None,
            ("", "manager") => Some(MANAGER.to_owned()),
            ("", "init") => Some("/init.scope".to_owned()),
            ("", _) => Some(SCOPE.to_owned()),
            (unit, _) => Some(match unit.strip_prefix("user/") {
                Some(unit) => format!("/user.slice/user-1000.slice/user@1000.service/app.slice/{unit}"),
                None => format!("/system.slice/{unit}"),
            }),
        };
        Link {
            pid,
            start_time: u64::from(pid) * 10,
            exe: readable.then_some(exe),
            exe_root_owned: readable && mark != Some('~'),
            root_comm: (mark == Some('!')).then(|| program.to_owned()),
            tty,
            cgroup: group.and_then(|path| parse_cgroup(format!("0::{path}").as_bytes())),
        }
    }
}

fn judge(requester: &str, approver: &str) -> Result<Approval, Refusal> {
    let mut world = World::default();
    let (requester, approver) = (world.chain(requester), world.chain(approver));
    may_approve(&requester, false, &approver, &Brokers::shipped())
}

#[track_caller]
fn check(rows: &[(&str, &str, &str, &str)]) {
    for (what, requester, approver, expected) in rows {
        let verdict = judge(requester, approver);
        let got = match &verdict {
            Ok(approval) => approval.broker.as_str(),
            Err(refusal) => refusal.code(),
        };
        assert_eq!(got, *expected, "{what}: {requester} <- {approver}");
    }
}

#[test]
fn whatever_belongs_to_the_requester_is_refused() {
    check(&[
        ("itself", "agent:1 bash:1 tmux init", "agent:1 bash:1 tmux init", "same_process"),
        ("a child", "agent:1 bash:1 tmux init", "steward:1 agent:1 bash:1 tmux init", "same_terminal"),
        ("a setsid child", "agent:1 bash:1 tmux init", "steward agent:1 bash:1 tmux init", "no_terminal"),
        ("script", "agent:1 bash:1 tmux init", "steward:9 script agent:1 bash:1 tmux init", "common_ancestor"),
        (
            "script of a sibling",
            "ask:1 agent:1 bash:1 tmux init",
            "steward:9 script agent:1 bash:1 tmux init",
            "common_ancestor",
        ),
        ("double fork to pid 1", "agent:1 bash:1 tmux init", "steward:9 script init", "no_broker"),
        (
            "double fork to the manager",
            "agent:1 bash:1 tmux manager init",
            "steward:9 script manager init",
            "no_broker",
        ),
        (
            "double fork at the shell",
            "agent:1 bash:1 tmux init",
            "steward:9 script bash:1 tmux init",
            "common_ancestor",
        ),
        ("parent shell", "agent:1 bash:1 tmux init", "steward:1 bash:1 tmux init", "same_terminal"),
        ("parent shell that answers itself", "agent bash:1 tmux init", "bash:1 tmux init", "same_terminal"),
        ("terminal of a parent", "agent:2 xterm:1 bash:1 tmux init", "steward:1 bash:1 tmux init", "same_terminal"),
        (
            "an emulator that it started",
            "agent:1 bash:1 tmux init",
            "steward:9 xterm:1 agent:1 bash:1 tmux init",
            "common_ancestor",
        ),
        (
            "a requester that is a broker itself",
            "tmux:1 bash1:1 kitty init",
            "steward:9 bash2:9 tmux:1 bash1:1 kitty init",
            "common_ancestor",
        ),
        ("the same pane again", "agent:1 bash:1 tmux init", "steward:1 bash2:1 su:1 bash:1 tmux init", "same_terminal"),
        ("a job of the multiplexer", "agent:1 bash:1 tmux init", "steward:9 script tmux init", "no_broker"),
        ("a job that holds no terminal", "agent:1 bash:1 tmux init", "steward tmux init", "no_terminal"),
    ]);
}

#[test]
fn a_person_at_another_terminal_is_accepted() {
    check(&[
        ("another pane", "agent:1 bash1:1 tmux init", "steward:2 bash2:2 tmux init", "/usr/bin/tmux"),
        (
            "another tab",
            "agent:1 bash1:1 konsole manager init",
            "steward:2 bash2:2 konsole manager init",
            "/usr/bin/konsole",
        ),
        (
            "two ssh logins",
            "agent:1 bash1:1 sshd1 sshd2 sshd init",
            "steward:2 bash2:2 sshd3 sshd4 sshd init",
            "/usr/bin/sshd",
        ),
        ("ssh besides a pane", "agent:1 bash1:1 tmux init", "steward:2 bash2:2 sshd1 sshd init", "/usr/bin/sshd"),
        ("two emulators", "agent:1 bash1:1 kitty manager init", "steward:2 bash2:2 foot manager init", "/usr/bin/foot"),
        ("two consoles", "agent:1 bash1:1 login1:1 init", "steward:2 bash2:2 login2:2 init", "/usr/bin/login"),
        ("a service asked", "agent@a.service init", "steward:2 bash:2 sshd1 sshd@ssh.service init", "/usr/bin/sshd"),
        (
            "a user service asked",
            "agent@user/a.service manager init",
            "steward:2 bash:2 kitty@user/k.service manager init",
            "/usr/bin/kitty",
        ),
        (
            "a desktop started both",
            "app shell ~x gnome-shell manager init",
            "steward:2 bash:2 kitty gnome-shell manager init",
            "/usr/bin/kitty",
        ),
        (
            "sudo with a terminal of its own",
            "agent:1 bash1:1 tmux init",
            "steward:7 !sudo2:7 !sudo1:2 bash2:2 tmux init",
            "/usr/bin/tmux",
        ),
        (
            "su in between",
            "agent:1 bash1:1 !su1:1 bash3:1 tmux init",
            "steward:2 bash4:2 !su2:2 bash2:2 tmux init",
            "/usr/bin/tmux",
        ),
        (
            "script at the person's own terminal",
            "agent:1 bash1:1 tmux init",
            "steward:7 script:2 bash2:2 tmux init",
            "/usr/bin/tmux",
        ),
    ]);
}

#[test]
fn an_agent_of_the_user_knows_the_logins_of_root_by_name() {
    check(&[
        (
            "two ssh logins",
            "agent:1 bash1:1 ?sshd1 !sshd2 !sshd@ssh.service !init",
            "steward:2 bash2:2 ?sshd3 !sshd4 !sshd@ssh.service !init",
            "sshd",
        ),
        ("two consoles", "agent:1 bash1:1 !login1:1 !init", "steward:2 bash2:2 !login2:2 !init", "login"),
        (
            "a manager with capabilities",
            "agent:1 bash1:1 kitty ?manager !init",
            "steward:2 bash2:2 foot ?manager !init",
            "/usr/bin/foot",
        ),
        (
            "sudo by the name of sshd below a user manager",
            "agent init",
            "steward:2 !sshd@user/app.scope !init",
            "no_broker",
        ),
        ("a process that is not root's", "agent init", "steward:2 bash:2 ?sshd !init", "no_broker"),
        ("another name of root's", "agent init", "steward:2 bash:2 !tmux !init", "no_broker"),
    ]);
}

#[test]
fn a_common_ancestor_must_be_known_and_listed() {
    check(&[
        ("an editor", "agent:1 code:1 manager init", "steward:2 bash:2 kitty code:1 manager init", "common_ancestor"),
        ("a file that is not root's", "agent:1 bash1:1 ~tmux init", "steward:2 bash2:2 ~tmux init", "common_ancestor"),
        ("unreadable", "agent:1 bash1:1 ?tmux init", "steward:2 bash2:2 ?tmux init", "fact_missing"),
        ("became a broker later", "agent:1 ~x1 init", "steward:2 bash2:2 ~x1 init", "common_ancestor"),
        (
            "a manager that is not a child of pid 1",
            "agent:1 manager bash:3 init",
            "steward:2 bash2:2 kitty manager bash:3 init",
            "common_ancestor",
        ),
        (
            "a manager with another program",
            "agent:1 evil@user/init.scope init",
            "steward:2 bash2:2 kitty evil@user/init.scope init",
            "common_ancestor",
        ),
        ("a chain that ends outside", "agent:1 bash1:1", "steward:2 bash2:2 tmux init", "fact_missing"),
        ("an approver from outside", "agent:1 init", "steward:2 bash2:2 tmux", "fact_missing"),
        ("nothing at all", "", "", "fact_missing"),
        ("nothing but pid 1", "init", "steward:2 bash:2 tmux init", "common_ancestor"),
        ("only a launcher", "agent init", "steward:2 bash:2 gnome-shell manager init", "no_broker"),
        ("the approver is the broker", "agent init", "tmux:2 init", "no_broker"),
    ]);
}

#[test]
fn a_broker_inside_the_requesters_service_is_not_another_terminal() {
    check(&[
        ("the same system service", "agent@a.service init", "steward:2@a.service tmux@a.service init", "same_service"),
        ("the broker's service alone", "agent@a.service init", "steward:2 bash:2 tmux@a.service init", "same_service"),
        (
            "the same user service",
            "agent@user/a.service manager init",
            "steward:2 bash:2 tmux@user/a.service manager init",
            "same_service",
        ),
        (
            "below a launcher",
            "agent@user/p.service plasmashell manager init",
            "steward:2 bash:2 kitty@user/p.service plasmashell manager init",
            "same_service",
        ),
        (
            "another service",
            "agent@a.service init",
            "steward:2@b.service bash:2@b.service tmux@b.service init",
            "/usr/bin/tmux",
        ),
        (
            "scopes are not services",
            "agent@a.scope init",
            "steward:2@a.scope bash:2@a.scope tmux@a.scope init",
            "/usr/bin/tmux",
        ),
        ("an unknown group of the approver", "agent@a.service init", "steward:2 bash:2@none tmux init", "fact_missing"),
        ("an unknown group of the requester", "agent@none init", "steward:2 bash:2 tmux init", "fact_missing"),
        ("a broker they meet in", "agent:1@a.service tmux init", "steward:2@a.service tmux init", "/usr/bin/tmux"),
    ]);
}

#[test]
fn a_common_ancestor_that_changed_its_program_is_judged_by_both() {
    let mut world = World::default();
    let requester = world.chain("ask:1 x1 init");
    let mut approver = world.chain("steward:2 bash:2 x1 init");
    approver.links[2].exe = Some("/usr/bin/tmux".into());
    let brokers = Brokers::shipped();
    assert_eq!(may_approve(&requester, false, &approver, &brokers), Err(Refusal::CommonAncestor));
    assert_eq!(may_approve(&approver, false, &requester, &brokers), Err(Refusal::CommonAncestor));
}

#[test]
fn a_number_that_was_given_to_another_process_is_another_process() {
    let mut world = World::default();
    let requester = world.chain("agent:1 bash:1 tmux init");
    let mut approver = world.chain("agent:2 bash:2 tmux init");
    approver.links[0].start_time += 1;
    approver.links[1].start_time += 1;
    assert!(may_approve(&requester, false, &approver, &Brokers::shipped()).is_ok());
}

#[test]
fn connection_door_uid_and_sandbox_count() {
    let mut world = World::default();
    let requester = world.chain("agent:1 bash1:1 tmux init");
    let mut approver = world.chain("steward:2 bash2:2 tmux init");
    let brokers = Brokers::shipped();
    assert_eq!(may_approve(&requester, true, &approver, &brokers), Err(Refusal::SameConnection));
    assert!(may_approve(&requester, false, &approver, &brokers).is_ok_and(|approval| approval.same_uid));
    approver.uid = 0;
    assert!(may_approve(&requester, false, &approver, &brokers).is_ok_and(|approval| !approval.same_uid));
    assert!(may_approve(&requester, false, &approver, &Brokers::none()).is_err());
    approver.users = UserNamespace::Unknown;
    assert!(may_approve(&requester, false, &approver, &brokers).is_ok());
    approver.users = UserNamespace::Apart;
    assert_eq!(may_approve(&requester, false, &approver, &brokers), Err(Refusal::Sandboxed));
    approver.door = Door::Stdio;
    assert_eq!(may_approve(&requester, false, &approver, &brokers), Err(Refusal::UnknownSender));
}

#[test]
fn an_administrators_own_broker_counts() {
    let mut world = World::default();
    let requester = world.chain("agent:1 bash1:1 myterm init");
    let approver = world.chain("steward:2 bash2:2 myterm init");
    assert!(may_approve(&requester, false, &approver, &Brokers::shipped()).is_err());
    let brokers = Brokers::shipped().and("/usr/bin/myterm", Kind::Terminal);
    assert!(may_approve(&requester, false, &approver, &brokers).is_ok());
}

#[test]
fn every_refusal_has_a_code_of_its_own_and_says_what_to_do() {
    let codes: std::collections::HashSet<_> = Refusal::ALL.iter().map(|r| r.code()).collect();
    assert_eq!(codes.len(), Refusal::ALL.len());
    for refusal in Refusal::ALL {
        assert!(refusal.sentence("1f0c").contains("run `steward approve 1f0c` in another terminal"), "{refusal}");
    }
}

/// A process tree: each has an earlier one as parent, pid 1 is the first.
fn trees() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0..4u8, 0..5u8), 2..14).prop_map(|rows| {
        rows.into_iter().enumerate().map(|(at, (parent, tty, exe))| (parent.index(at + 1), tty, exe)).collect()
    })
}

fn chain_of(tree: &[(usize, u8, u8)], mut at: usize) -> Chain {
    const PROGRAMS: [&str; 5] = ["bash", "tmux", "script", "sshd", "gnome-shell"];
    let mut world = World::default();
    let mut links = Vec::new();
    while at > 0 {
        let (parent, tty, exe) = tree[at - 1];
        let mut link = world.link(PROGRAMS[usize::from(exe)]);
        (link.pid, link.start_time) = (100 + at as u32, at as u64);
        link.tty = (tty > 0).then(|| u32::from(tty));
        links.push(link);
        at = parent;
    }
    links.push(world.link("init"));
    Chain { uid: 1000, door: Door::Ndjson, users: UserNamespace::Shared, links }
}

proptest! {
    #[test]
    fn no_process_approves_for_itself_its_parents_or_its_offspring(tree in trees(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let requester = chain_of(&tree, a.index(tree.len() + 1));
        let approver = chain_of(&tree, b.index(tree.len() + 1));
        let verdict = may_approve(&requester, false, &approver, &Brokers::shipped());
        if approver.links.iter().any(|l| l.is(&requester.links[0])) || requester.links.iter().any(|l| l.is(&approver.links[0])) {
            prop_assert!(verdict.is_err());
        }
        if verdict.is_ok() {
            let tty = approver.links[0].tty;
            prop_assert!(tty.is_some() && requester.links.iter().all(|l| l.tty != tty));
            let broker = |l: &Link| l.exe.as_deref().is_some_and(|e| e.ends_with("/tmux") || e.ends_with("/sshd"));
            prop_assert!(approver.links[1..].iter().any(broker));
        }
    }

    #[test]
    fn a_missing_fact_never_turns_a_no_into_a_yes(tree in trees(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>(), lost in any::<prop::sample::Index>(), what in 0..7u8) {
        let requester = chain_of(&tree, a.index(tree.len() + 1));
        let approver = chain_of(&tree, b.index(tree.len() + 1));
        let brokers = Brokers::shipped();
        let before = may_approve(&requester, false, &approver, &brokers);
        let (mut asks, mut answers) = (requester.clone(), approver.clone());
        let (ours, theirs) = (lost.index(answers.links.len()), lost.index(asks.links.len()));
        match what {
            0 => asks.links[theirs].exe = None,
            1 => asks.links[theirs].cgroup = None,
            2 => asks.links[theirs].exe_root_owned = false,
            3 => answers.links[ours].cgroup = None,
            4 => answers.links[ours].tty = None,
            5 => answers.links.truncate(ours),
            _ => asks.links.truncate(theirs),
        }
        let after = may_approve(&asks, false, &answers, &brokers);
        prop_assert!(before.is_ok() || after.is_err(), "{before:?} became {after:?}");
    }
}
