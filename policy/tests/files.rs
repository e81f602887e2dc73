//! The roots of `[files]`: beneath them actions on files go by their own class of harm, elsewhere they are disruptive at the least.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{Actions, Around, UNKNOWN, source};
use steward_policy::{Arg, Layer, PathFact, Policy, Risk, Step};

/// A caller at home in `/home/sam`, of an agent that was started in `/srv/project`.
const SAM: Around =
    Around { uid: Some(1000), pid: Some(1), home: Some("/home/sam"), folder: Some("/srv/project"), ..UNKNOWN };

fn load(files: &[(Layer, &str)]) -> Policy {
    let sources = files
        .iter()
        .enumerate()
        .map(|(n, (layer, text))| source(*layer, &format!("{n}.toml"), &format!("version = 1\n{text}")));
    match Policy::load(sources.collect(), &Actions) {
        Ok(policy) => policy,
        Err(errors) => panic!("{}", errors.iter().map(|e| format!("{e}\n")).collect::<String>()),
    }
}

fn errors(text: &str) -> String {
    let one = vec![source(Layer::Admin, "a.toml", &format!("version = 1\n{text}"))];
    Policy::load(one, &Actions).err().unwrap_or_default().iter().map(|e| format!("{e}\n")).collect()
}

fn risk(policy: &Policy, action: &str, risk: Risk, path: &str, s: &Around) -> Risk {
    let fact = PathFact { path: path.into(), kind: "file".into(), owner: Some(1000) };
    policy.risk_of(&Step { action, risk, args: &[("path", Arg::Path(&fact))] }, s)
}

fn reads(policy: &Policy, path: &str, s: &Around) -> bool {
    risk(policy, "read_file", Risk::Observe, path, s) == Risk::Observe
}

fn writes(policy: &Policy, path: &str, s: &Around) -> bool {
    risk(policy, "write_file", Risk::Reversible, path, s) == Risk::Reversible
}

#[test]
fn without_a_table_the_home_tmp_and_the_working_folder_are_free_and_hidden_files_of_the_home_are_not() {
    let policy = load(&[(Layer::Admin, "[defaults]\nunmatched = 'deny'")]);
    for (path, free) in [
        ("/home/sam/letter.txt", true),
        ("/home/sam/a/.b/c", true),
        ("/home/sam/.ssh/id", false),
        ("/home/sam/.bashrc", false),
        ("/home/samuel/letter.txt", false),
        ("/tmp/x", true),
        ("/tmp", false),
        ("/home/sam", false),
        ("/tmp/.x", true),
        ("/tmpx", false),
        ("/srv/project/Cargo.toml", true),
        ("/srv/projects/x", false),
        ("/etc/passwd", false),
        ("/", false),
        ("", false),
    ] {
        assert_eq!((reads(&policy, path, &SAM), writes(&policy, path, &SAM)), (free, free), "{path}");
    }
}

#[test]
fn what_is_not_known_is_outside() {
    let policy = load(&[(Layer::Admin, "[files]\nread = ['~', '.']\nexcept = ['~/.*', '~/.*/**']")]);
    let nowhere = Around { home: None, folder: None, ..SAM };
    assert!(!reads(&policy, "/home/sam/x", &nowhere) && !reads(&policy, "/srv/project/x", &nowhere));
    // Where the exception cannot be known either, it may be one.
    let root = load(&[(Layer::Admin, "[files]\nread = '/tmp'\nexcept = ['~/.*', '~/.*/**']")]);
    assert!(!reads(&root, "/tmp/x", &nowhere) && reads(&root, "/tmp/x", &SAM));
    // A step whose path could not be read.
    assert_eq!(
        policy.risk_of(&Step { action: "read_file", risk: Risk::Observe, args: &[("path", Arg::Unknown)] }, &SAM),
        Risk::Disruptive
    );
    assert_eq!(policy.risk_of(&Step { action: "read_file", risk: Risk::Observe, args: &[] }, &SAM), Risk::Disruptive);
}

#[test]
fn a_list_that_a_table_leaves_out_is_empty_and_a_raised_class_is_never_lowered() {
    let policy = load(&[(Layer::Vendor, "[files]\nread = '/tmp'")]);
    assert!(reads(&policy, "/tmp/x", &SAM) && !writes(&policy, "/tmp/x", &SAM));
    assert_eq!(risk(&policy, "read_file", Risk::Destructive, "/tmp/x", &SAM), Risk::Destructive);
    assert_eq!(risk(&policy, "read_file", Risk::Critical, "/etc/x", &SAM), Risk::Critical);
    assert_eq!(risk(&policy, "list_files", Risk::Observe, "/etc", &SAM), Risk::Observe, "it is about two actions");
}

#[test]
fn the_administrators_list_stands_over_the_vendors_and_the_users_only_takes_away() {
    let vendor = (Layer::Vendor, "[files]\nread = ['/tmp', '/srv']\nwrite = '/tmp'");
    let both = load(&[vendor, (Layer::Admin, "[files]\nread = '/data'\nexcept = '/data/keys/**'")]);
    for (path, free) in [("/data/x", true), ("/data/keys/x", false), ("/tmp/x", false)] {
        assert_eq!(reads(&both, path, &SAM), free, "{path}");
    }
    assert!(writes(&both, "/tmp/x", &SAM), "the vendor's, where the administrator says nothing");
    let user = load(&[vendor, (Layer::User, "[files]\nread = ['/srv/mine', '/etc']\nexcept = '/srv/mine/**/*.key'")]);
    for (path, free) in [("/srv/mine/x", true), ("/srv/mine/a/b.key", false), ("/srv/x", false), ("/etc/x", false)] {
        assert_eq!(reads(&user, path, &SAM), free, "{path}");
    }
}

#[test]
fn every_error_of_the_table_names_its_place() {
    for (text, said) in [
        ("[files]\nreed = '/tmp'", "did you mean `read`"),
        ("[files]\nread = 'tmp'", "begins with none"),
        ("[files]\nread = '/tmp/../etc'", "`..`"),
        ("[files]\nread = []", "the list is empty"),
        ("[files]\nread = '@none'", "there is no set"),
        ("files = 3", "expected a table"),
    ] {
        assert!(errors(text).contains(said), "{text}: {}", errors(text));
    }
    assert_eq!(errors("[set]\nwork = ['/srv', '~/work']\n[files]\nread = ['@work', '.']"), "");
}
