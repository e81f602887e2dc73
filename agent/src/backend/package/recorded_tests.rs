//! The parsers of dnf, zypper, pacman and flatpak over what those really printed (`agent/tests/data`), and over anything.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::transaction::{Change, Exact, Item, Mark, Transaction, Verb};
use super::{PackageError, PackageName, Tool, dnf, flatpak, pacman, rpm, zypper};

macro_rules! recorded {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/", $name))
    };
}

fn told(items: &[Item]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn names(list: &str) -> Vec<PackageName> {
    PackageName::list(list).unwrap()
}

const LONG_NAME: &str = "install e2e-a-name-that-is-so-long-that-no-table-has-a-column-for-it 1.0-1";

#[test]
fn the_tables_of_dnf_become_items() {
    let rows: &[(&str, &[&str])] = &[
        (recorded!("dnf/install-app.out"), &[LONG_NAME, "install e2e-app 1.0-1", "install e2e-lib 1.0-1"]),
        (recorded!("dnf/already.out"), &["install E2E_Upper 1.0-1", "install e2e-epoch 3:1.0-1"]),
        (recorded!("dnf/remove-lib.out"), &["remove e2e-app 1.0-1", "remove e2e-lib 1.0-1"]),
        (
            recorded!("dnf/upgrade.out"),
            &["install e2e-extra 1.0-1", "upgrade e2e-hello from ? to 2.0-1", "upgrade e2e-lib from ? to 2.0-1"],
        ),
        (recorded!("dnf/downgrade.out"), &["downgrade e2e-hello from ? to 1.0-1"]),
        (recorded!("dnf/remove-none.out"), &[]),
    ];
    for (stdout, expected) in rows {
        let read = dnf::parse::simulation(stdout);
        assert_eq!(told(&read.items), *expected);
        assert!(read.whole, "{stdout}");
    }
    let read = dnf::parse::simulation(recorded!("dnf/install-app.out"));
    assert_eq!((read.items[1].arch.as_deref(), read.items[1].origin.as_deref()), (Some("noarch"), Some("e2e")));
    assert_eq!((read.items[1].mark, read.items[2].mark), (Mark::Manual, Mark::Auto));
    assert_eq!((read.items[1].download_bytes, read.download_bytes), (Some(6042), Some(18_432)));
    assert_eq!(read.installed_change, Some(12));
    assert_eq!(dnf::parse::simulation(recorded!("dnf/remove-lib.out")).installed_change, Some(-8));
}

#[test]
fn a_table_of_dnf_with_less_in_it_than_its_sum_is_not_believed() {
    let text = recorded!("dnf/install-app.out").replace(" e2e-lib ", "\te2e-lib ");
    assert!(!dnf::parse::simulation(&text).whole);
    assert!(!dnf::parse::simulation("Installing:\n a b\n\nInstall  1 Package\n").whole);
}

#[test]
fn a_refusal_of_dnf_has_its_reason() {
    use dnf::parse::Refusal::{Locked, NotFound, Other, Unmet};
    let rows = [
        (recorded!("dnf/nosuch.out"), recorded!("dnf/nosuch.err"), NotFound("e2e-nosuch".into())),
        (recorded!("dnf/badnevra.out"), recorded!("dnf/badnevra.err"), NotFound("e2e-hello-0:9.0-1.noarch".into())),
        (
            recorded!("dnf/broken.out"),
            recorded!("dnf/broken.err"),
            Unmet("Problem: conflicting requests; nothing provides no-such-package >= 9 needed by e2e-broken-1.0-1.noarch".into()),
        ),
        (recorded!("dnf/lockedy.out"), recorded!("dnf/lockedy.err"), Locked(Some("dnf (pid 26429)".into()))),
        ("", "Error: Something new\n", Other(vec!["Error: Something new".into()])),
        ("", "", Other(vec![])),
    ];
    for (stdout, stderr, expected) in rows {
        assert_eq!(dnf::parse::refusal(stdout, stderr), expected);
    }
    let steps: Vec<_> = recorded!("dnf/real-app.out").lines().filter_map(dnf::parse::progress).collect();
    assert_eq!((steps[0].percent, steps[0].text.as_str()), (Some(0), "Installing e2e-lib-1.0-1.noarch"));
    assert!(steps.is_sorted_by_key(|p| p.percent) && steps.last().is_some_and(|p| p.percent == Some(99)));
    assert_eq!(dnf::parse::search(recorded!("dnf/search.out"))[0].name, "e2e-hello");
}

#[test]
fn the_summaries_of_zypper_become_items() {
    let rows: &[(&str, &[&str])] = &[
        (recorded!("zypper/install-app.out"), &["install e2e-app 1.0-1", "install e2e-lib 1.0-1"]),
        (recorded!("zypper/already.out"), &["install E2E_Upper 1.0-1", "install e2e-epoch 3:1.0-1"]),
        (recorded!("zypper/remove-lib.out"), &["remove e2e-app 1.0-1", "remove e2e-lib 1.0-1"]),
        (recorded!("zypper/both.out"), &["remove e2e-app 1.0-1", "install e2e-hello 1.0-1"]),
        (
            recorded!("zypper/up.out"),
            &[
                "install e2e-extra 1.0-1",
                "upgrade e2e-hello from 1.0-1 to 2.0-1",
                "upgrade e2e-lib from 1.0-1 to 2.0-1",
            ],
        ),
        (recorded!("zypper/down.out"), &["downgrade e2e-hello from 2.0-1 to 1.0-1"]),
        (recorded!("zypper/remove-none.out"), &[]),
    ];
    for (xml, expected) in rows {
        assert_eq!(told(&zypper::parse::simulation(xml).unwrap().items), *expected);
    }
    let read = zypper::parse::simulation(recorded!("zypper/install-app.out")).unwrap();
    assert_eq!((read.download_bytes, read.installed_change), (Some(12_154), Some(8)));
    assert_eq!(zypper::parse::simulation(recorded!("zypper/broken.out")), None);
}

#[test]
fn a_refusal_of_zypper_has_its_reason() {
    use zypper::parse::Refusal::{Locked, NotFound, Unmet};
    let broken = "Problem: nothing provides no-such-package >= 9 needed by e2e-broken-1.0-1.noarch";
    let rival = "Problem: e2e-rival-1.0-1.noarch conflicts with e2e-lib provided by e2e-lib-1.0-1.noarch";
    let rows = [
        (recorded!("zypper/nosuch.out"), Some(NotFound("e2e-nosuch".into()))),
        (recorded!("zypper/badver.out"), Some(NotFound("e2e-hello=9.9-1".into()))),
        (recorded!("zypper/broken.out"), Some(Unmet(broken.into()))),
        (recorded!("zypper/rival.out"), Some(Unmet(rival.into()))),
        (recorded!("zypper/locked.out"), Some(Locked(Some("zypper (pid 27082)".into())))),
        (recorded!("zypper/install-app.out"), None),
    ];
    for (xml, expected) in rows {
        assert_eq!(zypper::parse::refusal(xml), expected);
    }
    assert!(zypper::parse::messages(recorded!("zypper/badpost.out"), "error")[0].contains("this script fails"));
    let steps: Vec<_> = recorded!("zypper/real-app.out").lines().filter_map(zypper::parse::progress).collect();
    assert_eq!((steps[0].percent, steps[0].text.as_str()), (Some(0), "Installing: e2e-lib-1.0-1.noarch"));
    assert!(steps.is_sorted_by_key(|p| p.percent) && steps.last().is_some_and(|p| p.percent == Some(100)));
    let found = zypper::parse::found(recorded!("zypper/search2.out"));
    assert!(
        found.iter().any(|f| f.name == "e2e-hello" && f.installed && f.edition == "2.0-1" && f.repository == "e2e")
    );
    assert_eq!(zypper::parse::hits(recorded!("zypper/search-plain.out"))[0].summary, "test package e2e-hello");
}

#[test]
fn what_pacman_prints_becomes_items() {
    let come = |text: &str| told(&pacman::parse::printed(text, true));
    assert_eq!(come(recorded!("pacman/install-app.out")), ["install e2e-app 1.0-1", "install e2e-lib 1.0-1"]);
    let sup = ["install e2e-extra 1.0-1", "install e2e-hello 2.0-1", "install e2e-lib 2.0-1"];
    assert_eq!(come(recorded!("pacman/sup.out")), sup, "what is replaced is known from the database");
    let first = &pacman::parse::printed(recorded!("pacman/sup.out"), true)[0];
    assert_eq!((first.origin.as_deref(), first.download_bytes), (Some("e2e"), Some(683)));
    let gone = pacman::parse::printed("e2e-app\t1.0-1\tlocal\t0\n", false);
    assert_eq!(told(&gone), ["remove e2e-app 1.0-1"]);
    assert!(pacman::parse::asked(recorded!("pacman/no-hello.err")));
    assert!(pacman::parse::asked(recorded!("pacman/no-rm.err")));
    assert!(!pacman::parse::asked(recorded!("pacman/no-rival.err")));
    assert_eq!(pacman::parse::installed_change(recorded!("pacman/no-rm.out")), Some(-10_486));
    assert_eq!(pacman::parse::installed_change(recorded!("pacman/no-up.out")), Some(0));
    assert_eq!(pacman::parse::rows(recorded!("pacman/q.out"))[0].version, "1.0-1");
    assert_eq!(pacman::parse::kept_back("warning: vim: ignoring package upgrade (9-1 => 9-2)\n"), ["vim"]);
    assert_eq!(pacman::parse::older("warning: vim: local (9-2) is newer than extra (9-1)\n"), ["vim"]);
    let hit = &pacman::parse::search("extra/vim 9-2 [installed: 9-1]\n    Vi Improved\n")[0];
    assert_eq!(
        (hit.version.as_deref(), hit.installed.as_deref(), hit.summary.as_str()),
        (Some("9-2"), Some("9-1"), "Vi Improved")
    );
    assert_eq!(pacman::parse::search(recorded!("pacman/ss.out"))[0].name, "e2e-hello");
}

#[test]
fn a_refusal_of_pacman_has_its_reason() {
    use pacman::parse::Refusal::{Locked, NotFound, Unmet};
    let rows = [
        ("", recorded!("pacman/nosuch.err"), NotFound("e2e-nosuch".into())),
        ("", recorded!("pacman/nodb.err"), NotFound("e2e-app".into())),
        (
            recorded!("pacman/broken.out"),
            recorded!("pacman/broken.err"),
            Unmet("unable to satisfy dependency 'no-such-package>=9' required by e2e-broken".into()),
        ),
        (
            recorded!("pacman/no-rival.out"),
            recorded!("pacman/no-rival.err"),
            Unmet("e2e-rival and e2e-lib are in conflict".into()),
        ),
        ("", recorded!("pacman/locked.err"), Locked(None)),
    ];
    for (stdout, stderr, expected) in rows {
        assert_eq!(pacman::parse::refusal(stdout, stderr), expected);
    }
    let steps: Vec<String> =
        recorded!("pacman/real-app.out").lines().filter_map(pacman::parse::progress).map(|p| p.text).collect();
    assert!(steps.ends_with(&["installing e2e-lib".to_owned(), "installing e2e-app".to_owned()]), "{steps:?}");
}

#[test]
fn the_tables_of_flatpak_become_items_only_when_it_came_to_its_question() {
    let table = |text| {
        flatpak::parse::table(text)
            .map(|items| items.iter().map(|i| format!("{:?} {}", i.verb, i.full_name())).collect::<Vec<_>>())
    };
    let rows: &[(&str, Option<&[&str]>)] = &[
        (recorded!("flatpak/in-both.out"), Some(&["Install org.e2e.App:stable", "Install org.e2e.Platform:1"])),
        (recorded!("flatpak/up-n.out"), Some(&["Upgrade org.e2e.App:stable"])),
        (recorded!("flatpak/un-both.out"), Some(&["Remove org.e2e.App:stable", "Remove org.e2e.Platform:1"])),
        (recorded!("flatpak/inst-n.out"), None),
        (recorded!("flatpak/un-rt-n.out"), None),
    ];
    for (stdout, expected) in rows {
        let expected = expected.map(|e| e.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(table(stdout), expected, "{stdout}");
    }
    assert_eq!(
        flatpak::parse::reasons(recorded!("flatpak/nosuch.err")),
        ["Nothing matches org.e2e.Nosuch in remote e2e"]
    );
    let used = flatpak::parse::reasons(recorded!("flatpak/un-rt-n.out"));
    assert_eq!(used, ["applications using the runtime org.e2e.Platform branch 1: org.e2e.App"]);
    assert!(flatpak::parse::nothing_to_do(recorded!("flatpak/up.out"), ""));
    assert!(flatpak::parse::nothing_to_do("", recorded!("flatpak/in-already.err")));
    let steps: Vec<String> =
        recorded!("flatpak/inst.out").lines().filter_map(flatpak::parse::progress).map(|p| p.text).collect();
    assert_eq!(steps, ["Installing org.e2e.Platform", "Installing org.e2e.App"]);
}

#[test]
fn what_flatpak_offers_and_has_is_read() {
    let offers = flatpak::parse::offers(recorded!("flatpak/remote-ls.out"));
    let app = &offers[0];
    assert_eq!(
        (app.what.to_string(), app.version.as_str()),
        ("app/org.e2e.App/x86_64/stable".to_owned(), "465e76ad5ea1")
    );
    assert_eq!((app.download_bytes, app.installed_bytes), (Some(145), Some(1000)));
    assert_eq!(app.runtime.as_ref().map(ToString::to_string).as_deref(), Some("runtime/org.e2e.Platform/x86_64/1"));
    assert!(!offers[2].what.app && offers[2].runtime.is_none());
    let here = flatpak::parse::here(recorded!("flatpak/list-app.out"), true);
    assert_eq!((here[0].version.as_str(), here[0].what.app), ("465e76ad5ea1", true));
    for bad in ["app/--system/x86_64/stable", "app/a.b.c/x86_64", "app/a.b.c/x/y/z", "other/a.b.c/x/y", "app/a b.c/x/y"]
    {
        assert_eq!(flatpak::parse::Ref::parse(bad), None, "{bad}");
    }
}

/// What follows the two dashes, and the word before them.
fn named(argv: &[String]) -> Vec<&str> {
    let at = argv.iter().position(|a| a == "--").unwrap_or(argv.len());
    argv[at..].iter().skip(1).map(String::as_str).collect()
}

#[test]
fn every_commit_names_versions_and_every_name_stands_after_the_two_dashes() {
    let item = |verb: Verb, name: &str, version: &str| Item {
        from: Some(version.to_owned()).filter(|_| verb != Verb::Install),
        to: Some(version.to_owned()).filter(|_| verb.keeps()),
        arch: Some("noarch".to_owned()),
        ..super::tool::item(verb, name)
    };
    let of = |items: &[Item]| Transaction { items: items.to_vec(), ..Transaction::default() };
    let (come, go) = (item(Verb::Install, "aa", "2:1-1"), item(Verb::Remove, "bb", "2-1"));
    let install = of(std::slice::from_ref(&come));
    let remove = of(std::slice::from_ref(&go));
    let dnf = |t: &Transaction| dnf::argv::exactly(dnf::argv::Mode::Commit, t);
    assert_eq!(named(&dnf(&install)), ["aa-2:1-1.noarch"]);
    assert!(dnf(&install).contains(&"install-nevra".to_owned()) && dnf(&remove).contains(&"remove-nevra".to_owned()));
    assert_eq!(named(&dnf(&remove)), ["bb-2-1.noarch"]);
    let zypper = |t: &Transaction| zypper::argv::exactly(zypper::argv::Mode::Commit, t);
    assert_eq!(named(&zypper(&install)), ["aa.noarch=2:1-1"]);
    assert_eq!(named(&zypper(&of(&[come.clone(), go]))), ["aa.noarch=2:1-1", "-bb.noarch"]);
    let pacman = |t: &Transaction| pacman::argv::exactly(pacman::argv::Mode::Commit, t);
    assert_eq!(named(&pacman(&install)), ["aa=2:1-1"]);
    assert_eq!(named(&pacman(&remove)), ["bb"]);
    assert!(!pacman(&remove).contains(&"--cascade".to_owned()), "only what was shown goes");

    let exact = Exact { name: "cc".parse().unwrap(), version: "1-1".into(), mark: Mark::Auto };
    let back = Change::Restore { remove: vec![], install: vec![exact.clone()] };
    let both = Change::Restore { remove: names("dd"), install: vec![exact] };
    assert_eq!(named(&dnf::argv::change(&back).unwrap()), ["cc-1-1"]);
    assert_eq!(named(&pacman::argv::change(pacman::argv::Mode::Ask, &back).unwrap()), ["cc=1-1"]);
    assert_eq!(named(&zypper::argv::change(&both)), ["cc=1-1", "-dd"]);
    assert!(dnf::argv::change(&both).is_none() && pacman::argv::change(pacman::argv::Mode::Print, &both).is_none());
    let changes = [Change::Install(names("aa,bb-")), Change::Remove(names("aa,bb-"))];
    for change in &changes {
        assert_eq!(named(&dnf::argv::change(change).unwrap()), ["aa", "bb-"]);
        assert_eq!(named(&zypper::argv::change(change)), ["aa", "bb-"]);
        assert_eq!(named(&pacman::argv::change(pacman::argv::Mode::Print, change).unwrap()), ["aa", "bb-"]);
    }
    assert_eq!(named(&dnf::argv::change(&Change::Install(names("aa:i686"))).unwrap()), ["aa.i686"]);
}

#[test]
fn a_question_is_never_answered_with_yes_while_it_is_only_looked() {
    let yes = |argv: &[String]| {
        argv.iter().any(|a| ["-y", "--noconfirm", "--noninteractive", "--assumeyes"].contains(&a.as_str()))
    };
    for change in [Change::Install(names("aa")), Change::Remove(names("aa")), Change::Upgrade] {
        let dnf = dnf::argv::change(&change).unwrap();
        assert!(dnf.contains(&"--assumeno".to_owned()) && !yes(&dnf));
        assert!(zypper::argv::change(&change).contains(&"--dry-run".to_owned()));
        assert!(!yes(&pacman::argv::change(pacman::argv::Mode::Ask, &change).unwrap()));
        assert!(pacman::argv::change(pacman::argv::Mode::Print, &change).unwrap().contains(&"--print".to_owned()));
    }
    use flatpak::argv::{Mode, Scope};
    let what = [flatpak::parse::Ref::parse("app/org.e2e.App/x86_64/stable").unwrap()];
    for argv in [
        flatpak::argv::install(Scope::User, Mode::Ask, "e2e", &what),
        flatpak::argv::remove(Scope::User, Mode::Ask, &what),
        flatpak::argv::update(Scope::System, Mode::Ask, &[]),
    ] {
        assert!(!yes(&argv), "{argv:?}");
    }
}

fn any_output() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "Installing:\n",
        "Removing:\n",
        "Upgrading:\n",
        "Skipping packages with conflicts:\n",
        " a noarch 1 e2e 5 k\n",
        " a",
        "      b",
        "Install  1 Package\n",
        "Total size: 9 k\n",
        "Error:\n",
        " Problem: x\n",
        "No match for argument: ",
        " already locked by ",
        "\n",
        "<install-summary download-size=\"1\">",
        "<to-install>",
        "<to-remove>",
        "<solvable type=\"package\" name=\"",
        "\" edition=\"1\"/>",
        "</install-summary>",
        "<message type=\"error\">",
        "<",
        ">",
        "\"",
        "=\"",
        "&lt;",
        "<progress name=\"(1/0) x\"/>",
        "(",
        "/",
        "a\t1\te2e\t5\n",
        "\t",
        "error: ",
        "target not found: ",
        ":: ",
        " are in conflict",
        "warning: ",
        ": local (",
        "e2e/a 1 [installed: ",
        "]",
        " 1.\t \ta\tstable\ti\te2e\n",
        "Proceed with these changes",
        "app/a.b.c/x/y",
        "Info: ",
        "installing ",
        "...",
        "  Installing : a 1/0",
        "\u{e9}",
        "\u{1b}",
        " ",
        "1",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn no_output_makes_a_parser_panic_or_gives_an_item_that_contradicts_itself(text in any_output()) {
        let mut items = dnf::parse::simulation(&text).items;
        items.extend(zypper::parse::simulation(&text).map(|s| s.items).unwrap_or_default());
        items.extend(pacman::parse::printed(&text, true));
        for item in &items {
            prop_assert!(item.verb.keeps() == item.to.is_some());
            prop_assert!(!item.name.is_empty());
        }
        for item in pacman::parse::printed(&text, false).iter().chain(&flatpak::parse::table(&text).unwrap_or_default()) {
            prop_assert!(!item.name.contains(char::is_control));
        }
        let _ = (dnf::parse::refusal(&text, &text), dnf::parse::search(&text), dnf::parse::versions(&text));
        let _ = (zypper::parse::refusal(&text), zypper::parse::found(&text), zypper::parse::hits(&text), zypper::parse::names(&text));
        let _ = (pacman::parse::refusal(&text, &text), pacman::parse::search(&text), pacman::parse::installed_change(&text));
        let _ = (flatpak::parse::offers(&text), flatpak::parse::here(&text, true), flatpak::parse::reasons(&text));
        for line in text.lines() {
            let _ = (dnf::parse::progress(line), zypper::parse::progress(line), pacman::parse::progress(line), flatpak::parse::progress(line));
        }
    }
}

#[test]
fn a_name_of_nothing_but_control_characters_is_no_item() {
    let xml = "<install-summary><to-remove><solvable type=\"package\" name=\"\u{1b}\" edition=\"1\"/></to-remove></install-summary>";
    assert_eq!(zypper::parse::simulation(xml).unwrap().items, []);
}

/// A program that says something else for each way of being called.
fn program(folder: &Path, name: &str, cases: &str) -> Tool {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\ncase \"$*\" in\n{cases}\nesac\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    Tool::new(path.to_str().unwrap())
}

fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

const HELLO: &str = "e2e-hello\tnoarch\t0:1.0-1\ne2e-lib\tnoarch\t0:1.0-1";

#[tokio::test]
async fn a_dnf_that_cannot_tell_what_is_wanted_makes_nothing_a_dependency() {
    let folder = tempfile::tempdir().unwrap();
    let rpm = program(folder.path(), "rpm", &format!("*) printf '{HELLO}\n' ;;"));
    let simulated = recorded("dnf/upgrade.out");
    for (wanted, marks) in [
        ("echo e2e-hello", Ok(vec![Mark::Auto, Mark::Manual, Mark::Auto])),
        ("echo 'Error: Failed to download metadata for repo' >&2; exit 1", Err("could not be reached")),
        ("echo 'Error: something new' >&2; exit 1", Err("something new")),
    ] {
        let cases = format!(
            "*repoquery*) {wanted} ;;\n*) cat {}; echo 'Operation aborted.' >&2; exit 1 ;;",
            simulated.display()
        );
        let dnf = program(folder.path(), "dnf", &cases);
        let paths = dnf::DnfPaths { dnf, rpm: rpm.clone(), ..dnf::DnfPaths::default() };
        let got = dnf::Dnf::new(paths).simulate(&Change::Upgrade).await;
        match (got, marks) {
            (Ok(read), Ok(marks)) => assert_eq!(read.items.iter().map(|i| i.mark).collect::<Vec<_>>(), marks),
            (Err(error), Err(why)) => assert!(error.to_string().contains(why), "{error}"),
            (got, marks) => panic!("{got:?}, not {marks:?}"),
        }
    }
}

#[tokio::test]
async fn an_rpm_that_cannot_look_has_not_said_that_nothing_is_installed() {
    let folder = tempfile::tempdir().unwrap();
    let names = || ["e2e-hello".to_owned(), "e2e-none".to_owned()];
    let one = "printf 'e2e-hello\\tnoarch\\t0:1.0-1\\npackage e2e-none is not installed\\n'; exit 1";
    let tool = program(folder.path(), "rpm", &format!("*) {one} ;;"));
    assert_eq!(rpm::installed(&tool, names()).await.unwrap().len(), 1);
    for broken in [
        "echo 'error: cannot open Packages database in /var/lib/rpm' >&2; echo 'package e2e-hello is not installed'; exit 2",
        "kill -9 $$",
    ] {
        let tool = program(folder.path(), "rpm", &format!("*) {broken} ;;"));
        let error = rpm::installed(&tool, names()).await.unwrap_err();
        assert!(matches!(error, PackageError::Failed { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_pacman_that_cannot_look_has_not_said_that_something_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let alpm = "echo 'error: failed to initialize alpm library' >&2; exit 255";
    let none = "echo \"error: package 'none' was not found\" >&2; exit 1";
    for (says, answered) in
        [("echo none 1-1", true), (none, true), ("exit 1", true), (alpm, false), ("kill -9 $$", false)]
    {
        let pacman = program(folder.path(), "pacman", &format!("*) {says} ;;"));
        let paths = pacman::PacmanPaths { pacman, ..pacman::PacmanPaths::default() };
        let pacman = pacman::Pacman::new(paths);
        assert_eq!(pacman.installed(&names("none")).await.is_ok(), answered, "{says}");
        assert_eq!(pacman.search("none").await.is_ok(), answered, "{says}");
        // What is not there is known or not; what could not be looked for is neither.
        let removed = pacman.simulate(&Change::Remove(names("none"))).await;
        assert_eq!(matches!(removed, Err(PackageError::Failed { .. })), !answered, "{says}: {removed:?}");
    }
    // How dependencies are marked is asked for last.
    let cases =
        format!("*-Qqd*) {alpm} ;;\n*--print*) cat {} ;;\n*) {none} ;;", recorded("pacman/install-app.out").display());
    let pacman = program(folder.path(), "pacman", &cases);
    let paths = pacman::PacmanPaths { pacman, ..pacman::PacmanPaths::default() };
    let error = pacman::Pacman::new(paths).simulate(&Change::Install(names("e2e-app"))).await.unwrap_err();
    assert!(error.to_string().contains("alpm"), "{error}");
}

#[tokio::test]
async fn a_flatpak_that_cannot_look_has_not_said_that_nothing_is_there() {
    let folder = tempfile::tempdir().unwrap();
    for (broken, other) in [("--app", "--runtime"), ("--runtime", "--app")] {
        let cases = format!("*{other}*) ;;\n*{broken}*) echo 'error: While opening repository' >&2; exit 1 ;;");
        let flatpak = program(folder.path(), "flatpak", &cases);
        let paths = flatpak::FlatpakPaths { flatpak, ..flatpak::FlatpakPaths::default() };
        let error = flatpak::Flatpak::new(paths).installed(&names("org.e2e.App")).await.unwrap_err();
        assert!(error.to_string().contains("While opening repository"), "{error}");
    }
}
