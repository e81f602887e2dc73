//! Commands and their sandboxes: what rules say of them, and what a request may choose.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::source;
use steward_policy::Layer::{Admin, User, Vendor};
use steward_policy::{
    ActionInfo, ArgKind, Catalogue, Layer, OwnedArg, OwnedStep, Policy, Risk, SandboxFiles, SandboxGroup,
    SandboxProfile, SandboxPrograms, Staged, with_steps,
};

/// A catalogue with `exec` alone: its payload is the command, in the sandbox that stands before a colon.
struct Exec;

impl Catalogue for Exec {
    fn names(&self) -> Vec<String> {
        vec!["exec".to_owned()]
    }

    fn action(&self, name: &str) -> Option<ActionInfo> {
        let args = [("argv", ArgKind::Argv), ("sandbox", ArgKind::Text)].map(|(n, k)| (n.to_owned(), k)).to_vec();
        (name == "exec").then_some(ActionInfo { risk: Risk::Disruptive, args, meta: false })
    }

    fn parse(&self, text: &str) -> Result<Vec<OwnedStep>, String> {
        let (name, command) = text.split_once(' ').ok_or("no command")?;
        let (sandbox, command) = command.split_once(':').unwrap_or(("", command));
        let argv = command.split(' ').map(str::to_owned).collect();
        let args =
            vec![("argv".to_owned(), OwnedArg::Argv(argv)), ("sandbox".to_owned(), OwnedArg::Text(sandbox.to_owned()))];
        Ok(vec![OwnedStep { action: name.to_owned(), risk: Risk::Disruptive, args }])
    }
}

fn load(files: &[(Layer, &str)]) -> Result<Policy, String> {
    let sources = files
        .iter()
        .enumerate()
        .map(|(i, (layer, text))| source(*layer, &format!("{i}.toml"), &format!("version = 1\n{text}")));
    Policy::load(sources.collect(), &Exec).map_err(|e| e.iter().map(|e| format!("{e}\n")).collect())
}

fn verdict(policy: &Policy, request: &str) -> (&'static str, Option<String>) {
    let steps = Exec.parse(request).unwrap();
    with_steps(&steps, |steps| {
        let decision = policy.decide(steps, &Staged::default()).decision.name();
        (decision, policy.sandbox_for(&steps[0], &Staged::default()).map(str::to_owned))
    })
}

const RULES: &str = r#"
[sandbox.build]
base = "rw-cwd-nonet"
processes = 200
memory_mib = 4096
memory_max_mib = 512
tasks_max = 100
cpu_weight = 50
env = ["CARGO_*"]

[[rule]]
id = "echo"
actions = ["exec"]
decision = "ok"
args.argv = { program = ["/usr/bin/echo"] }

[[rule]]
id = "make"
actions = ["exec"]
decision = "ok"
sandbox = ["build", "rw-cwd-nonet"]
args.argv = { program = ["/usr/bin/make"], flags_deny = ["-f", "--file"], max_args = 3 }
match = ["exec /usr/bin/make test"]
not_match = ["exec /usr/bin/make -f x", "exec rw-cwd-net:/usr/bin/make test"]

[[rule]]
id = "dd"
actions = ["exec"]
decision = "deny"
args.argv = { program = ["/usr/bin/dd"] }
"#;

#[test]
fn a_request_does_not_choose_its_way_out_of_a_sandbox() {
    let policy = load(&[(Admin, RULES)]).unwrap();
    for (request, decision, sandbox) in [
        // An `ok` without a sandbox means the strict ones.
        ("exec /usr/bin/echo x", "ok", None),
        ("exec ro-nonet:/usr/bin/echo x", "ok", None),
        ("exec ro-cwd-nonet:/usr/bin/echo x", "ok", None),
        ("exec rw-cwd-net:/usr/bin/echo x", "confirm", None),
        ("exec none:/usr/bin/echo x", "confirm", None),
        ("exec build:/usr/bin/echo x", "confirm", None),
        // One with a sandbox means that, and gives it to a request that names none.
        ("exec /usr/bin/make test", "ok", Some("build")),
        ("exec rw-cwd-nonet:/usr/bin/make test", "ok", Some("build")),
        ("exec rw-cwd-net:/usr/bin/make test", "confirm", None),
        ("exec none:/usr/bin/make test", "confirm", None),
        ("exec /usr/bin/make --file=x", "confirm", None),
        ("exec /usr/bin/make --fil x", "confirm", None),
        ("exec /usr/bin/make a b c d", "confirm", None),
        // A denial does not ask about sandboxes.
        ("exec none:/usr/bin/dd x", "deny", None),
        ("exec ro-nonet:/usr/bin/dd x", "deny", None),
        ("exec /usr/bin/id", "confirm", None),
    ] {
        assert_eq!(verdict(&policy, request), (decision, sandbox.map(str::to_owned)), "{request}");
    }
}

#[test]
fn a_profile_is_a_built_in_one_with_differences() {
    let policy = load(&[(Admin, RULES)]).unwrap();
    let build = policy.sandbox("build").unwrap();
    assert_eq!((build.files, build.network, build.programs), (SandboxFiles::WriteCwd, false, SandboxPrograms::System));
    assert_eq!((build.limits.processes, build.limits.memory, build.limits.cpu), (200, 4 << 30, 60));
    let group = SandboxGroup { memory_max: Some(512 << 20), tasks_max: Some(100), cpu_weight: Some(50) };
    assert_eq!(build.group, group);
    assert!(SandboxProfile::all_built_in().iter().all(|p| p.group.is_empty()), "these are to be had everywhere");
    assert!(build.lets_set("CARGO_HOME") && build.lets_set("TZ") && !build.lets_set("LD_PRELOAD"));
    assert_eq!(policy.sandboxes().len(), 6);
    assert!(policy.sandbox("nothing").is_none());
}

#[test]
fn a_request_sets_any_variable_only_where_nothing_is_written_and_nobody_reached() {
    let profile =
        |base: &str, more: &str| load(&[(Admin, &format!("[sandbox.x]\nbase = \"{base}\"\nenv = [\"*\"]\n{more}\n"))]);
    for (base, more) in [
        ("ro-nonet", ""),
        ("ro-cwd-nonet", "programs = \"system\""),
        ("rw-cwd-net", "files = \"system\"\nnetwork = false"),
    ] {
        let profile = profile(base, more).unwrap().sandbox("x").unwrap();
        assert!(profile.lets_set("ANYTHING_ELSE") && !profile.lets_set("LD_PRELOAD"), "{base} {more}");
    }
    for (base, more) in [
        ("rw-cwd-nonet", ""),
        ("rw-cwd-net", ""),
        ("ro-nonet", "network = true"),
        ("ro-nonet", "files = \"write-cwd\""),
    ] {
        let error = profile(base, more).err().unwrap_or_else(|| panic!("{base} {more}"));
        assert!(error.contains("name the variables that a request may set"), "{error}");
    }
}

#[test]
fn the_higher_layers_profile_is_the_one_that_is_meant() {
    let own = |files: &str| format!("[sandbox.x]\nbase = \"ro-nonet\"\nfiles = \"{files}\"\n");
    let policy = load(&[(User, &own("write-cwd")), (Admin, &own("system")), (Vendor, &own("read-cwd"))]).unwrap();
    assert_eq!(policy.sandbox("x").unwrap().files, SandboxFiles::System);
    assert_eq!(policy.sandboxes().len(), 6);
}

#[test]
fn a_profile_changes_the_policys_hash() {
    let hash = |text: &str| load(&[(Admin, text)]).unwrap().hash().to_owned();
    let base = "[sandbox.x]\nbase = \"ro-nonet\"\n";
    assert_ne!(hash(base), hash(&format!("{base}network = true\n")));
    assert_eq!(hash(base), hash("[sandbox]\nx = { base = \"ro-nonet\" }\n"));
}

#[test]
fn what_cannot_be_meant_is_an_error() {
    let rule = |more: &str| format!("[[rule]]\nid = \"a\"\nactions = [\"exec\"]\n{more}\n");
    for (text, error) in [
        ("[sandbox.x]\nfiles = \"system\"".to_owned(), "has no `base`"),
        ("[sandbox.x]\nbase = \"none\"".to_owned(), "`none` is not a built-in sandbox; they are ro-nonet"),
        ("[sandbox.x]\nbase = \"ro-nonet\"\nfile = \"x\"".to_owned(), "unknown key `file` (did you mean `files`?)"),
        ("[sandbox.x]\nbase = \"ro-nonet\"\nfiles = \"all\"".to_owned(), "`all` is none of"),
        ("[sandbox.x]\nbase = \"ro-nonet\"\nenv = [\"LD_*\"]".to_owned(), "`LD_*` never comes from a request"),
        ("[sandbox.x]\nbase = \"ro-nonet\"\nread = [\"home\"]".to_owned(), "`home` is not a whole path"),
        ("[sandbox.x]\nbase = \"ro-nonet\"\nprocesses = 0".to_owned(), "0"),
        ("[sandbox.x]\nbase = \"ro-nonet\"\nmemory_max_mib = 7".to_owned(), "7"),
        ("[sandbox.x]\nbase = \"ro-nonet\"\ntasks_max = 0".to_owned(), "0"),
        ("[sandbox.x]\nbase = \"ro-nonet\"\ncpu_weight = 10001".to_owned(), "10001"),
        ("[sandbox.ro-nonet]\nbase = \"ro-nonet\"".to_owned(), "`ro-nonet` is built in"),
        ("[sandbox.\"a b\"]\nbase = \"ro-nonet\"".to_owned(), "is not named with"),
        (
            rule("decision = \"ok\"\nsandbox = \"ro-nonett\""),
            "there is no sandbox `ro-nonett` (did you mean `ro-nonet`?)",
        ),
        (rule("decision = \"deny\"\nsandbox = \"ro-nonet\""), "a `deny` rule runs nothing"),
    ] {
        match load(&[(Admin, &text)]) {
            Ok(_) => panic!("{text}"),
            Err(said) => assert!(said.contains(error), "{text}: {said}"),
        }
    }
    // All variables are all but those that decide what code runs.
    let all = load(&[(Admin, "[sandbox.x]\nbase = \"ro-nonet\"\nenv = [\"*\"]")]).unwrap().sandbox("x").unwrap();
    assert!(all.lets_set("ANYTHING") && !all.lets_set("LD_PRELOAD") && !all.lets_set("PATH"));
    // A rule sees its own layer's profiles and those above, as with sets.
    let (admin, user) = (rule("decision = \"ok\"\nsandbox = \"mine\""), "[sandbox.mine]\nbase = \"rw-cwd-net\"\n");
    assert!(load(&[(Admin, &admin), (User, user)]).unwrap_err().contains("no sandbox `mine`"));
}
