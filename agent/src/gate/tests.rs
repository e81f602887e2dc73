//! The gate by itself: grants and what they cover, claims, quotas, and the journal read again.

use std::path::PathBuf;

use steward_policy::{GrantLength, GrantSet, Layer, OwnedArg, Risk, Source};

use super::grants::{Asked, Extent, Scope, offers, offers_for};
use super::judge::Subject;
use super::record::{HeldStep, Needs};
use super::*;
use crate::action::for_policy::ForPolicy;
use crate::caller::Door;

const POLICY: &str = "version = 1\n[risk]\nlow = \"confirm\"\n[set]\npackages.browsers = [\"firefox\", \"chromium\"]\n\
    packages.all = [\"*\"]\n[[rule]]\nid = \"some\"\nactions = [\"package_install\"]\ndecision = \"confirm\"\nargs.packages = { in = \"@packages.browsers\" }\n\
    [[rule]]\nid = \"others\"\nactions = [\"package_install\"]\ndecision = \"confirm\"\nargs.packages = { not_in = \"@packages.all\" }\n";

fn policy() -> Policy {
    let source = Source { layer: Layer::Vendor, name: "test".into(), text: POLICY.into() };
    Policy::load(vec![source], &ForPolicy).expect("the test's policy")
}

fn install(packages: &[&str]) -> Subject {
    let list = packages.iter().map(|p| (*p).to_owned()).collect();
    Subject { action: "package_install", risk: Risk::Disruptive, facts: vec![("packages", OwnedArg::List(list))] }
}

/// What is asked with these arguments.
fn asked(subject: &Subject, args: Value) -> Asked<'_> {
    Asked { subject, args }
}

fn plain(subject: &Subject) -> Asked<'_> {
    asked(subject, Value::Null)
}

fn asker(uid: u32) -> Asker {
    Asker {
        uid,
        gid: uid,
        pid: 77,
        exe: Some("/usr/bin/assistant".into()),
        unit: None,
        user_unit: None,
        session: Some("3".into()),
        door: Door::Ndjson,
        socket: None,
        foreign: false,
        connection: Some(5),
    }
}

fn needs(assurance: Assurance, grants: &[GrantLength]) -> Requirements {
    Requirements { assurance, ttl: 300, grants: GrantSet::of(grants), preview: false }
}

fn approver() -> Approver {
    Approver {
        uid: 1000,
        pid: 78,
        exe: None,
        door: Door::Ndjson,
        assurance: Assurance::Desktop,
        approver_same_uid: true,
    }
}

fn moment() -> Moment {
    Moment { boot_id: "boot-one".into(), boot_ms: 1_000_000, wall_ms: 1_767_268_800_000 }
}

const LENGTHS: [GrantLength; 4] =
    [GrantLength::Session, GrantLength::Hour, GrantLength::EightHours, GrantLength::UntilRevoked];

fn grant(length: GrantLength, scope: Scope) -> Grant {
    let now = moment();
    Grant {
        id: Uuid::new_v4(),
        owner: 1000,
        door: Door::Ndjson,
        unit: None,
        action: "package_install".into(),
        scope,
        covers: String::new(),
        host: "here".into(),
        length,
        session: Some("3".into()),
        connection: Some(5),
        needs: needs(Assurance::Requester, &LENGTHS).into(),
        approver: approver(),
        boot_id: now.boot_id.to_string(),
        boot_ms: now.boot_ms,
        wall_ms: now.wall_ms,
        uses: 0,
    }
}

fn firefox() -> Scope {
    disruptive(Extent::Items { arg: "packages".into(), values: vec!["firefox".into()] })
}

fn disruptive(what: Extent) -> Scope {
    Scope { risk: Risk::Disruptive, what }
}

#[test]
fn a_grant_covers_its_scope_and_nothing_beside_it() {
    let policy = policy();
    let offered = offers(&[install(&["firefox"])], &policy);
    let browsers = offered.into_iter().find(|(_, s)| s == "anything in @packages.browsers").expect("offered").0;
    let gone = Extent::Set { arg: "packages".into(), set: "packages.gone".into(), content: String::new() };
    let rows: [(&Scope, &[&str], bool); 9] = [
        (&firefox(), &["firefox"], true),
        (&firefox(), &["chromium"], false),
        (&firefox(), &["firefox", "chromium"], false),
        (&firefox(), &[], false),
        (&browsers, &["firefox"], true),
        (&browsers, &["firefox", "chromium"], true),
        (&browsers, &["firefox", "docker"], false),
        (&browsers, &["docker"], false),
        (&disruptive(gone), &["firefox"], false),
    ];
    for (scope, packages, covered) in rows {
        let grant = grant(GrantLength::Hour, scope.clone());
        let requirements = needs(Assurance::Requester, &LENGTHS);
        let discharges =
            grant.discharges(&asker(1000), &plain(&install(packages)), &requirements, &policy, "here", &moment());
        assert_eq!(discharges, covered, "{scope:?} {packages:?}");
    }
}

#[test]
fn a_grant_is_for_its_owner_door_unit_action_host_and_level() {
    let policy = policy();
    let subject = install(&["firefox"]);
    let fine = needs(Assurance::Desktop, &LENGTHS);
    let at = |asker: &Asker, subject: &Subject, requirements: &Requirements, host: &str| {
        grant(GrantLength::Hour, firefox()).discharges(asker, &plain(subject), requirements, &policy, host, &moment())
    };
    assert!(at(&asker(1000), &subject, &fine, "here"));
    assert!(!at(&asker(1001), &subject, &fine, "here"), "another uid");
    assert!(!at(&Asker { door: Door::Command, ..asker(1000) }, &subject, &fine, "here"), "another door");
    assert!(!at(&Asker { unit: Some("x.service".into()), ..asker(1000) }, &subject, &fine, "here"), "another unit");
    assert!(!at(&Asker { foreign: true, ..asker(1000) }, &subject, &fine, "here"), "outside of the namespaces");
    assert!(
        !at(&asker(1000), &Subject { action: "package_remove", ..subject.clone() }, &fine, "here"),
        "another action"
    );
    assert!(!at(&asker(1000), &subject, &fine, "there"), "another machine");
    let stricter = needs(Assurance::Authenticated, &LENGTHS);
    assert!(!at(&asker(1000), &subject, &stricter, "here"), "a level that it was not given at");
    let once = needs(Assurance::Requester, &[GrantLength::Once]);
    assert!(!at(&asker(1000), &subject, &once, "here"), "a policy that allows it once");
}

#[test]
fn a_grant_ends_when_its_time_is_over_by_any_clock() {
    let hour = 3_600_000;
    // Length, then what the clocks are turned by (since boot, on the wall), and whether it has ended.
    let rows = [
        (GrantLength::Once, 0, 0, true),
        (GrantLength::Hour, hour, hour, false),
        (GrantLength::Hour, hour + 1, 0, true),
        (GrantLength::Hour, 0, hour + 1, true),
        (GrantLength::Hour, 1, -hour * 24, false),
        (GrantLength::EightHours, 8 * hour, 8 * hour, false),
        (GrantLength::EightHours, 8 * hour + 1, 8 * hour + 1, true),
        (GrantLength::Session, 12 * hour, 12 * hour, false),
        (GrantLength::Session, 12 * hour + 1, 12 * hour + 1, true),
        (GrantLength::UntilRevoked, 1000 * hour, 1000 * hour, false),
    ];
    for (length, boot, wall, ended) in rows {
        let mut now = moment();
        now.boot_ms += boot;
        now.wall_ms += wall;
        assert_eq!(grant(length, firefox()).ended(&now), ended, "{length:?} after {boot} and {wall}");
        now.boot_id = "boot-two".into();
        assert_eq!(
            grant(length, firefox()).ended(&now),
            length != GrantLength::UntilRevoked,
            "{length:?} after a reboot"
        );
    }
}

#[test]
fn a_grant_for_a_session_ends_with_it() {
    let policy = policy();
    let at = |grant: &Grant, asker: &Asker| {
        grant.discharges(
            asker,
            &plain(&install(&["firefox"])),
            &needs(Assurance::Requester, &LENGTHS),
            &policy,
            "here",
            &moment(),
        )
    };
    let session = grant(GrantLength::Session, firefox());
    assert!(at(&session, &Asker { connection: Some(6), ..asker(1000) }), "another connection of the session");
    assert!(!at(&session, &Asker { session: Some("4".into()), ..asker(1000) }));
    assert!(!at(&session, &Asker { session: None, ..asker(1000) }));
    let connection = Grant { session: None, ..session };
    assert!(at(&connection, &Asker { session: None, ..asker(1000) }));
    assert!(!at(&connection, &Asker { session: None, connection: Some(6), ..asker(1000) }));
    let unknown = Grant { connection: None, ..connection };
    assert!(!at(&unknown, &Asker { session: None, connection: None, ..asker(1000) }), "no session is nobody's session");
}

#[test]
fn scopes_are_offered_narrowest_first_and_for_one_action_alone() {
    let policy = policy();
    let sentences = |subjects: &[Subject]| offers(subjects, &policy).into_iter().map(|(_, s)| s).collect::<Vec<_>>();
    let one = sentences(&[install(&["firefox"])]);
    assert_eq!(one[0], "firefox only");
    assert!(one.contains(&"anything in @packages.browsers".to_owned()), "{one:?}");
    assert_eq!(sentences(&[install(&["firefox", "docker"])])[0], "firefox and docker only");
    assert!(sentences(&[install(&["firefox"]), install(&["vim"])]).is_empty());
    let plain = Subject { action: "power_reboot", risk: Risk::Destructive, facts: Vec::new() };
    assert_eq!(sentences(&[plain]), ["this very request only"]);
}

#[test]
fn a_grant_for_one_request_covers_neither_other_arguments_nor_a_worse_harm() {
    let policy = policy();
    let subject = |risk: Risk| Subject { action: "forget", risk, facts: vec![("id", OwnedArg::Text("1".into()))] };
    let given = subject(Risk::Reversible);
    let offered = offers_for(&[asked(&given, json!({ "id": 1, "purge": false }))], &policy);
    assert_eq!(offered[0].1, "this very request only");
    let grant = Grant { action: "forget".into(), ..grant(GrantLength::Hour, offered[0].0.clone()) };
    let rows = [
        (Risk::Reversible, json!({ "id": 1, "purge": false }), true),
        (Risk::Low, json!({ "purge": false, "id": 1 }), true),
        (Risk::Reversible, json!({ "id": 1, "purge": true }), false),
        (Risk::Destructive, json!({ "id": 1, "purge": false }), false),
        (Risk::Reversible, json!({ "id": 2, "purge": false }), false),
        (Risk::Reversible, Value::Null, false),
    ];
    for (risk, args, covered) in rows {
        let requirements = needs(Assurance::Requester, &LENGTHS);
        let subject = subject(risk);
        let asked = asked(&subject, args);
        let discharges = grant.discharges(&asker(1000), &asked, &requirements, &policy, "here", &moment());
        assert_eq!(discharges, covered, "{asked:?}");
    }
}

#[test]
fn what_restores_packages_is_covered_by_no_list_and_no_set() {
    let policy = policy();
    let subject = install(&["firefox"]);
    let back = || json!({ "packages": ["firefox"], "back": [["firefox", "1.0"]] });
    let requirements = needs(Assurance::Requester, &LENGTHS);
    let now = moment();
    for (scope, sentence) in offers(&[install(&["firefox"])], &policy) {
        let covers = |asked: &Asked<'_>| {
            let grant = grant(GrantLength::Hour, scope.clone());
            grant.discharges(&asker(1000), asked, &requirements, &policy, "here", &now)
        };
        assert!(covers(&asked(&subject, json!({ "packages": ["firefox"] }))), "{sentence}");
        assert!(!covers(&asked(&subject, back())), "{sentence}");
        assert!(!covers(&plain(&Subject { risk: Risk::Critical, ..subject.clone() })), "{sentence}");
    }
    let offered = offers_for(&[asked(&subject, back())], &policy);
    assert_eq!(offered.iter().map(|(_, s)| s.as_str()).collect::<Vec<_>>(), ["this very request only"]);
}

#[test]
fn a_grant_for_a_set_is_for_its_content_and_never_for_a_set_of_the_user() {
    let subject = install(&["firefox"]);
    let source = |layer, name: &str, text: &str| Source { layer, name: name.into(), text: text.into() };
    let load = |sources: Vec<Source>| Policy::load(sources, &ForPolicy).expect("the test's policy");
    let scope = offers(std::slice::from_ref(&subject), &policy())
        .into_iter()
        .find(|(_, s)| s.contains("browsers"))
        .expect("it")
        .0;
    let covered = |policy: &Policy| {
        let requirements = needs(Assurance::Requester, &LENGTHS);
        let grant = grant(GrantLength::Hour, scope.clone());
        grant.discharges(&asker(1000), &plain(&subject), &requirements, policy, "here", &moment())
    };
    let with =
        |values: &str| load(vec![source(Layer::Vendor, "v", &POLICY.replace("[\"firefox\", \"chromium\"]", values))]);
    assert!(covered(&policy()));
    assert!(covered(&with("[\"chromium\", \"firefox\"]")), "the order is nothing");
    assert!(!covered(&with("[\"firefox\", \"chromium\", \"docker\"]")), "it grew");
    assert!(!covered(&with("[\"*\"]")), "it is everything now");

    let own = "version = 1\n[set]\npackages.mine = [\"*\"]\n";
    let both = load(vec![source(Layer::Vendor, "v", POLICY), source(Layer::User, "u", own)]);
    let sentences: Vec<String> = offers(std::slice::from_ref(&subject), &both).into_iter().map(|(_, s)| s).collect();
    assert!(sentences.contains(&"anything in @packages.browsers".to_owned()), "{sentences:?}");
    assert!(!sentences.iter().any(|s| s.contains("mine")), "{sentences:?}");
}

/// A gate in a folder of its own.
struct Bench {
    folder: tempfile::TempDir,
    clock: Clock,
}

impl Bench {
    fn new() -> Bench {
        Bench { folder: tempfile::tempdir().expect("a folder"), clock: Clock::set_to(moment()) }
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("journal.jsonl")
    }

    fn open(&self, quotas: Quotas) -> Result<Gate, LogError> {
        let state = tempfile::tempdir().expect("a folder");
        let mut config = crate::audit::Config::new(state.path());
        config.journal_socket = None;
        let audit = Arc::new(Audit::open(config).expect("an audit log"));
        Gate::open(&self.journal(), self.clock.clone(), quotas, "here".into(), audit).map(|(gate, _)| gate)
    }
}

fn held(uid: u32, package: &str) -> Held {
    let plan = Plan::one(match crate::action::read("package_install", Some(package), None) {
        Ok(crate::request::Ask::Do(action)) => action,
        other => panic!("{other:?}"),
    });
    Held {
        id: Uuid::new_v4(),
        name: "package_install".into(),
        steps: vec![HeldStep {
            name: "package_install".into(),
            args: json!({ "packages": [package] }),
            risk: Risk::Disruptive,
        }],
        undoes: None,
        said: false,
        about: None,
        asker: asker(uid),
        chain: None,
        preview: None,
        preview_error: None,
        needs: Needs { assurance: Assurance::Requester, ttl: 300, grants: LENGTHS.to_vec(), preview: false },
        rule: "test".into(),
        why: None,
        policy: String::new(),
        nonce: Uuid::new_v4(),
        digest: String::new(),
        equal: record::equal(uid, &plan),
        boot_id: String::new(),
        boot_ms: 0,
        wall_ms: 0,
    }
}

fn this() -> Caller {
    Caller::this_process(Door::Command)
}

const ANYBODY: Answer = Answer { at_least: Assurance::Requester, lasting: false };

#[tokio::test]
async fn a_claim_that_is_dropped_lets_the_request_wait_again() {
    let bench = Bench::new();
    let gate = bench.open(Quotas::default()).expect("a gate");
    let (held, _) = gate.hold(held(this().uid(), "cowsay")).await.expect("held");
    let id = held.id.to_string();
    let claim = gate.claim(&id, &this(), ANYBODY).expect("claimed");
    let second = gate.claim(&id, &this(), ANYBODY).expect_err("it is in somebody's hands");
    assert_eq!(second.code, Code::ConfirmationUsed);
    drop(claim);
    drop(gate.claim(&id, &this(), ANYBODY).expect("it waits again"));
    assert_eq!(gate.standing(&id, &this()).expect("ours").1, "pending");
}

#[tokio::test]
async fn a_standing_approval_is_given_as_the_policy_and_the_offers_allow() {
    let bench = Bench::new();
    let gate = bench.open(Quotas::default()).expect("a gate");
    let (held, _) = gate.hold(held(this().uid(), "firefox")).await.expect("held");
    let scopes = || offers(&[install(&["firefox"])], &policy());
    let claim = Claim { gate: &gate, held: held.clone(), approver: approver(), settled: true };
    let wrong = claim.grant(GrantLength::Hour, Some(99), scopes()).expect_err("no such scope");
    assert_eq!(wrong.code, Code::InvalidPayload);
    let several = claim.grant(GrantLength::Hour, None, Vec::new()).expect_err("nothing was offered");
    assert_eq!(several.code, Code::InvalidPayload);
    assert!(claim.grant(GrantLength::Once, None, scopes()).expect("fine").is_none(), "nothing to give");
    let grant = claim.grant(GrantLength::Hour, Some(0), scopes()).expect("fine").expect("a grant");
    assert!(gate.grants(&this()).is_empty(), "not before it is given");
    gate.give(grant).await.expect("given");
    assert_eq!(gate.grants(&this()).len(), 1);
    let narrow = Needs { grants: vec![GrantLength::Once], ..held.needs.clone() };
    let strict = Arc::new(Held { needs: narrow, ..(*held).clone() });
    let strict = Claim { gate: &gate, held: strict, approver: approver(), settled: true };
    assert!(strict.grant(GrantLength::Hour, None, scopes()).is_err(), "the rule allows it once");

    let id = gate.grants(&this())[0]["id"].as_str().expect("an id").to_owned();
    drop((claim, strict));
    drop(gate);
    let gate = bench.open(Quotas::default()).expect("the journal is read again");
    assert_eq!(gate.grants(&this()).len(), 1);
    gate.revoke(&id, &this()).await.expect("taken back");
    drop(gate);
    assert!(bench.open(Quotas::default()).expect("a gate").grants(&this()).is_empty());
}

#[tokio::test]
async fn quotas_count_a_program_and_a_uid_and_no_other_uid() {
    let bench = Bench::new();
    let gate = bench.open(Quotas { per_uid: 3, per_caller: 2, admin_group: None }).expect("a gate");
    let of = |uid: u32, package: &str, exe: &str| {
        let mut held = held(uid, package);
        held.asker.exe = Some(exe.into());
        held
    };
    gate.hold(of(1000, "aa", "/a")).await.expect("first");
    gate.hold(of(1000, "bb", "/a")).await.expect("second");
    assert_eq!(gate.hold(of(1000, "cc", "/a")).await.expect_err("third of a program").code, Code::RateLimited);
    gate.hold(of(1000, "cc", "/b")).await.expect("another program");
    assert_eq!(gate.hold(of(1000, "dd", "/c")).await.expect_err("fourth of a uid").code, Code::RateLimited);
    gate.hold(of(1001, "dd", "/a")).await.expect("another uid");
    let (_, count) = gate.hold(of(1000, "aa", "/b")).await.expect("an equal request");
    assert_eq!(count, 2);
}

#[tokio::test]
async fn a_journal_with_a_kind_that_is_not_known_stops_the_start() {
    let bench = Bench::new();
    let gate = bench.open(Quotas::default()).expect("a gate");
    gate.journal.append("surprise", &json!({}), Durability::Synced).await.expect("written");
    drop(gate);
    let error = bench.open(Quotas::default()).expect_err("it is not guessed at").to_string();
    assert!(error.contains("surprise"), "{error}");
}

#[tokio::test]
async fn what_ended_is_forgotten_after_a_day_and_what_waits_is_not() {
    let bench = Bench::new();
    let gate = bench.open(Quotas::default()).expect("a gate");
    let (ended, _) = gate.hold(held(this().uid(), "aa")).await.expect("held");
    gate.cancel(&ended.id.to_string(), &this()).await.expect("withdrawn");
    bench.clock.turn(|m| {
        m.boot_ms += KEPT_MS + 1;
        m.wall_ms += KEPT_MS + 1;
    });
    let (waiting, _) = gate.hold(held(this().uid(), "bb")).await.expect("held");
    gate.tidy().await;
    let text = std::fs::read_to_string(bench.journal()).expect("a journal");
    assert!(!text.contains(&ended.id.to_string()) && text.contains(&waiting.id.to_string()));
}

#[tokio::test]
async fn an_equal_request_is_found_by_what_it_would_do_whatever_the_facts_beside_it() {
    let bench = Bench::new();
    let gate = bench.open(Quotas::default()).expect("a gate");
    let with = |object: &str, bytes: u64, free: &str| {
        let effect = steward_ipc::Effect {
            verb: "install".into(),
            object: object.into(),
            bytes: Some(bytes),
            ..steward_ipc::Effect::default()
        };
        let fact = steward_ipc::Fact { name: "free space".into(), value: free.into() };
        let preview = steward_ipc::Preview { effects: vec![effect], facts: vec![fact], ..Default::default() };
        Held { preview: Some(preview), ..held(1000, "cowsay") }
    };
    let (first, _) = gate.hold(with("cowsay", 20, "1 GB")).await.expect("held");
    let (again, count) = gate.hold(with("cowsay", 0, "2 GB")).await.expect("held");
    assert_eq!((first.id, count), (again.id, 2));
    let (other, count) = gate.hold(with("cowsay2", 20, "1 GB")).await.expect("held");
    assert!(other.id != first.id && count == 1);
}

#[tokio::test]
async fn a_standing_approval_that_was_taken_back_meanwhile_admits_nothing() {
    let bench = Bench::new();
    let gate = bench.open(Quotas::default()).expect("a gate");
    let grant = Grant { owner: this().uid(), ..grant(GrantLength::Hour, firefox()) };
    let id = grant.id;
    gate.give(grant).await.expect("given");
    let caller = Arc::new(this());
    let plan = held(this().uid(), "firefox").plan().expect("a plan");
    let admitted = gate.by_grant(id, plan.clone(), Vec::new(), &caller, &[]).await.expect("written");
    assert!(matches!(admitted.expect("admitted").how(), How::Grant(by) if *by == id));
    gate.revoke(&id.to_string(), &this()).await.expect("taken back");
    assert!(gate.by_grant(id, plan, Vec::new(), &caller, &[]).await.expect("written").is_none());
}

#[test]
fn programs_of_one_session_are_callers_of_their_own_and_unknown_ones_are_one() {
    let desktop = |exe: Option<&str>, user_unit: Option<&str>| Asker {
        exe: exe.map(Into::into),
        unit: Some("user@1000.service".into()),
        user_unit: user_unit.map(Into::into),
        ..asker(1000)
    };
    let one = desktop(Some("/a"), Some("app-a.scope"));
    let same = Asker { pid: 78, connection: Some(6), ..one.clone() };
    assert_eq!(one.key(), same.key(), "another process of it");
    let others = [
        desktop(Some("/b"), Some("app-a.scope")),
        desktop(Some("/a"), Some("app-b.scope")),
        desktop(Some("/a"), None),
        Asker { socket: Some("voice".into()), ..one.clone() },
        Asker { door: Door::Command, ..one.clone() },
        Asker { uid: 1001, ..one.clone() },
        desktop(None, None),
    ];
    for (n, other) in others.iter().enumerate() {
        assert_ne!(one.key(), other.key(), "row {n}");
    }
    let unknown = desktop(None, None);
    assert_eq!(unknown.key(), Asker { pid: 5, ..desktop(None, Some("app-x.scope")) }.key());
    assert_ne!(unknown.key(), Asker { door: Door::Command, ..unknown.clone() }.key());
}

#[tokio::test]
async fn only_a_no_from_another_process_counts_as_a_denial() {
    let bench = Bench::new();
    let gate = bench.open(Quotas::default()).expect("a gate");
    let (uid, pid) = (this().uid(), this().pid());
    let of = |package: &str, pid: u32| {
        let mut held = held(uid, package);
        (held.asker.pid, held.asker.connection) = (pid, None);
        held
    };
    for package in ["aa", "bb", "cc", "dd"] {
        let (held, _) = gate.hold(of(package, pid)).await.expect("its own no does not count");
        gate.reject(&held.id.to_string(), &this(), None).await.expect("refused");
    }
    for package in ["aa", "bb", "cc"] {
        let (held, _) = gate.hold(of(package, pid + 1)).await.expect("held");
        gate.reject(&held.id.to_string(), &this(), None).await.expect("refused");
    }
    assert_eq!(gate.hold(of("dd", pid + 1)).await.expect_err("three times no").code, Code::RateLimited);
}

#[tokio::test]
async fn what_somebody_has_in_hand_is_not_withdrawn() {
    let bench = Bench::new();
    let gate = bench.open(Quotas::default()).expect("a gate");
    let (waiting, _) = gate.hold(held(this().uid(), "aa")).await.expect("held");
    let id = waiting.id.to_string();
    let claim = gate.claim(&id, &this(), ANYBODY).expect("claimed");
    gate.withdraw(waiting.id).await;
    drop(claim);
    assert_eq!(gate.standing(&id, &this()).expect("ours").1, "pending");
    gate.withdraw(waiting.id).await;
    assert_eq!(gate.standing(&id, &this()).expect("ours").1, "cancelled");
    let (denied, _) = gate.hold(held(this().uid(), "bb")).await.expect("held");
    gate.reject(&denied.id.to_string(), &this(), None).await.expect("refused");
    gate.withdraw(denied.id).await;
    assert_eq!(gate.end_of(denied.id), Some("denied"));
}

#[tokio::test]
async fn a_purged_text_leaves_the_journal_when_what_was_being_carried_out_has_ended() {
    let bench = Bench::new();
    let gate = bench.open(Quotas::default()).expect("a gate");
    let note = HeldStep { name: "remember".into(), args: json!({ "text": "the secret" }), risk: Risk::Observe };
    let (note, _) = gate.hold(Held { steps: vec![note], ..held(this().uid(), "aa") }).await.expect("held");
    gate.cancel(&note.id.to_string(), &this()).await.expect("withdrawn");
    let (busy, _) = gate.hold(held(this().uid(), "bb")).await.expect("held");
    let claim = gate.claim(&busy.id.to_string(), &this(), ANYBODY).expect("claimed");
    let has_it = || std::fs::read_to_string(bench.journal()).expect("a journal").contains("the secret");
    gate.scrub().await;
    assert!(has_it(), "nothing is written anew under what is on its way");
    gate.finished(busy.id, "done", Value::Null).await.expect("journalled");
    assert!(!has_it());
    drop(claim);
    assert_eq!(gate.end_of(busy.id), Some("done"));
}

#[tokio::test]
async fn what_one_uid_ends_pushes_out_nobody_elses_result() {
    let bench = Bench::new();
    let gate = bench.open(Quotas::default()).expect("a gate");
    let ended = |uid: u32, ms: i64| {
        let mut held = held(uid, "aa");
        held.asker.uid = uid;
        let end = End {
            id: held.id,
            reply: None,
            note: None,
            approver: None,
            wall_ms: moment().wall_ms + ms,
            by_another: false,
        };
        Entry { held: Arc::new(held), phase: Phase::Ended("cancelled", Box::new(end)), count: 1, lent: None }
    };
    let others = ended(1001, -5);
    let (kept, oldest) = (others.held.id, ended(1000, -4));
    let gone = oldest.held.id;
    let count = i64::try_from(MAX_ENDED).expect("small");
    let many = (0..count).map(|n| ended(1000, n)).chain([others, oldest]);
    gate.state().held.extend(many.map(|e| (e.held.id, e)));
    gate.tidy().await;
    let state = gate.state();
    assert!(state.held.contains_key(&kept) && !state.held.contains_key(&gone));
    assert_eq!(state.held.len(), MAX_ENDED + 1);
}
