//! Against PackageKit in memory, between two ends of a socket pair.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::super::transaction::Already;
use super::super::{Done, PackageName};
use super::*;
use crate::backend::simulate::package_kit::{KitTrouble, MockKit};

const LONG: Duration = Duration::from_secs(60);

struct World {
    mock: Arc<MockKit>,
    kit: Kit,
    folders: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let mock = MockKit::shipped();
        Self { kit: Kit::new(mock.bus()), mock, folders: tempfile::tempdir().unwrap() }
    }

    async fn install(&self, names: &str) -> Result<Transaction, PackageError> {
        self.kit.simulate(&Change::Install(list(names))).await
    }

    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folders.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    async fn commit(&self, transaction: &Transaction) -> Result<Done, PackageError> {
        let folder = tempfile::tempdir_in(self.folders.path()).unwrap();
        let running = self.kit.start(transaction, folder.path(), LONG, &mpsc::channel(1).0).await?;
        self.kit.finish(transaction, &running, LONG, &mpsc::channel(1).0).await
    }

    fn versions<const N: usize>(&self, names: [&str; N]) -> [Option<String>; N] {
        names.map(|name| self.mock.archive.version(name))
    }
}

fn list(names: &str) -> Vec<PackageName> {
    PackageName::list(names).unwrap()
}

fn told(transaction: &Transaction) -> Vec<String> {
    transaction.items.iter().map(ToString::to_string).collect()
}

fn some(version: &str) -> Option<String> {
    Some(version.to_owned())
}

#[tokio::test]
async fn what_is_previewed_is_done_by_its_whole_ids_and_put_back() {
    let world = World::new();
    let preview = world.install("vim,perl").await.unwrap();
    assert_eq!(told(&preview), ["install vim 2:9.0.1378-2", "install vim-common 2:9.0.1378-2"]);
    assert_eq!((preview.items[0].mark, preview.items[1].mark), (Mark::Manual, Mark::Auto));
    assert_eq!(preview.items[0].origin.as_deref(), Some("mock"));
    assert_eq!(preview.download_bytes, Some(1_567_000 + 124_000));
    assert_eq!(preview.already, [Already { name: "perl".into(), version: some("5.36.0-7") }]);
    assert_eq!(world.versions(["vim"]), [None], "a preview changes nothing");

    assert_eq!(world.commit(&preview).await.unwrap().items, preview.items);
    let ids = ["vim;2:9.0.1378-2;all;+manual:mock", "vim-common;2:9.0.1378-2;all;+auto:mock"];
    assert_eq!(world.mock.ordered(), [ids.map(str::to_owned)]);
    let again = world.install("vim").await.unwrap();
    assert_eq!(again.summary(), "vim 2:9.0.1378-2 is already installed");

    let undo = world.kit.simulate(&preview.inverse().unwrap()).await.unwrap();
    assert_eq!(undo.beyond(&preview.undoable()), None);
    assert_eq!(told(&undo), ["remove vim 2:9.0.1378-2", "remove vim-common 2:9.0.1378-2"]);
    assert_eq!(undo.items[1].mark, Mark::Auto);
    world.commit(&undo).await.unwrap();
    assert_eq!(world.versions(["vim", "vim-common"]), [None, None]);
    let back = world.kit.simulate(&undo.inverse().unwrap()).await.unwrap();
    assert_eq!(back.beyond(&undo.undoable()), None);
    world.commit(&back).await.unwrap();
    assert_eq!(world.versions(["vim", "vim-common"]), [some("2:9.0.1378-2"), some("2:9.0.1378-2")]);
    assert!(world.mock.archive.there().contains(&("vim-common".into(), "2:9.0.1378-2".into(), Mark::Auto)));
    assert!(world.kit.simulate(&Change::Restore { remove: vec![], install: vec![] }).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_name_that_is_not_there_is_never_taken_for_a_near_one() {
    let world = World::new();
    let rows = [
        ("cowasy", vec!["cowsay"]),
        ("vim-tin", vec!["vim-tiny"]),
        ("zz", vec![]),
        ("cows", vec!["cowsay", "cowsay-off"]),
    ];
    for (name, expected) in rows {
        for change in [Change::Install(list(name)), Change::Remove(list(name))] {
            match world.kit.simulate(&change).await {
                Err(PackageError::NotFound { name: of, near }) => {
                    assert_eq!((of.as_str(), near), (name, expected.iter().map(ToString::to_string).collect()))
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }
    let absent = world.kit.simulate(&Change::Remove(list("vim"))).await.unwrap();
    assert_eq!(absent.summary(), "vim is not installed");
    assert!(world.mock.ordered().is_empty());
}

#[tokio::test]
async fn a_search_takes_all_words_and_has_the_exact_name_first() {
    let world = World::new();
    let names = async |words: &str| -> Vec<String> {
        world.kit.search(words).await.unwrap().into_iter().map(|hit| hit.name).collect()
    };
    assert_eq!(names("vi editor").await, ["vim"]);
    assert_eq!(names("cowsay").await, ["cowsay", "cowsay-off"]);
    assert_eq!(names("* ?").await, Vec::<String>::new());
    let perl = &world.kit.search("perl").await.unwrap()[0];
    assert_eq!((&perl.installed, &perl.version), (&some("5.36.0-7"), &some("5.36.0-7")));
}

#[tokio::test]
async fn an_update_takes_newer_versions_and_what_they_need() {
    let world = World::new();
    assert!(world.kit.simulate(&Change::Upgrade).await.unwrap().is_empty());
    world.mock.archive.publish("perl", "5.40", &["libnew"]);
    world.mock.archive.publish("libnew", "1", &[]);
    let preview = world.kit.simulate(&Change::Upgrade).await.unwrap();
    assert_eq!(told(&preview), ["install libnew 1", "upgrade perl from 5.36.0-7 to 5.40"]);
    assert_eq!(Role::of(&preview), Role::Update);
    world.commit(&preview).await.unwrap();
    assert_eq!(world.versions(["perl", "libnew"]), [some("5.40"), some("1")]);
    assert_eq!(world.kit.installed(&list("perl,vim,libnew")).await.unwrap(), [some("5.40"), None, some("1")]);
}

#[tokio::test]
async fn the_index_is_fetched_when_it_is_old_and_said_when_it_cannot_be() {
    let world = World::new();
    let (sender, mut lines) = mpsc::channel(10);
    world.mock.trouble(KitTrouble::Error(2, "Cannot refresh cache whilst offline".into()));
    let error = world.kit.refresh(LONG, &sender).await.unwrap_err();
    assert!(matches!(&error, PackageError::Network { text } if text.contains("offline")), "{error}");
    world.mock.trouble(KitTrouble::None);
    assert_eq!(world.kit.refresh(LONG, &sender).await.unwrap(), Refresh::Updated);
    assert_eq!(lines.recv().await.unwrap().text, "Fetching the package index");
    let made = world.mock.made();
    assert_eq!(world.kit.refresh(LONG, &sender).await.unwrap(), Refresh::Fresh);
    assert_eq!(world.mock.made(), made);
}

#[tokio::test]
async fn what_is_not_what_was_shown_any_more_is_not_started() {
    let world = World::new();
    let preview = world.install("vim").await.unwrap();
    world.mock.trouble(KitTrouble::Drift("stowaway".into()));
    let error = world.commit(&preview).await.unwrap_err();
    assert!(matches!(&error, PackageError::Changed { difference } if difference.added.len() == 1), "{error}");
    world.mock.trouble(KitTrouble::None);
    // The id's version is gone, and the daemon would take the new one for it.
    world.mock.archive.publish("vim", "3", &["vim-common"]);
    let error = world.commit(&preview).await.unwrap_err();
    assert!(error.to_string().contains("would now install vim 3"), "{error}");
    world.mock.archive.withdraw("vim");
    assert!(matches!(world.commit(&preview).await, Err(PackageError::Changed { .. })));
    assert!(world.mock.ordered().is_empty());
}

#[tokio::test]
async fn what_is_not_signed_is_refused_before_anybody_is_asked() {
    let world = World::new();
    world.mock.trouble(KitTrouble::Untrusted("vim-common".into()));
    let error = world.install("vim").await.unwrap_err();
    assert!(error.to_string().contains("not signed by a key that this machine trusts"), "{error}");
    assert!(error.to_string().contains("`vim-common`"), "{error}");
}

#[tokio::test]
async fn polkits_no_comes_before_the_question_and_says_what_to_do() {
    let world = World::new();
    world.mock.trouble(KitTrouble::Forbidden);
    let error = world.install("vim").await.unwrap_err();
    assert!(
        matches!(&error, PackageError::NotAuthorized { action, rule }
        if action.ends_with(".package-install") && rule.starts_with("polkit.addRule")),
        "{error}"
    );
    assert!(world.install("perl").await.unwrap().is_empty(), "what is already so needs no right");
    // polkit changed its mind after the question.
    world.mock.trouble(KitTrouble::None);
    let preview = world.install("vim").await.unwrap();
    assert_eq!(world.commit(&preview).await.unwrap().items.len(), 2);
    world.mock.trouble(KitTrouble::Forbidden);
    let error = world.kit.simulate(&Change::Remove(list("vim"))).await.unwrap_err();
    assert!(
        matches!(&error, PackageError::NotAuthorized { action, .. } if action.ends_with(".package-remove")),
        "{error}"
    );
}

#[tokio::test]
async fn every_error_of_the_real_one_is_told_with_what_was_done() {
    let said = |error: &PackageError| error.to_string();
    type Is = fn(&PackageError) -> bool;
    let rows: [(u32, &str, Is, &str); 12] = [
        (48, "", |e| matches!(e, PackageError::NotAuthorized { .. }), "50-steward.rules"),
        (26, "held by process 7 (apt)", |e| matches!(e, PackageError::Locked { .. }), "apt (pid 7)"),
        (67, "", |e| matches!(e, PackageError::Locked { .. }), "another program"),
        (13, "does not fit", |e| matches!(e, PackageError::Unmet { .. }), "does not fit"),
        (8, "no such", |e| matches!(e, PackageError::Unmet { .. }), "not to be had"),
        (2, "offline", |e| matches!(e, PackageError::Network { .. }), "offline"),
        (10, "404", |e| matches!(e, PackageError::Network { .. }), "404"),
        (17, "", |e| matches!(e, PackageError::Failed { .. }), "cancelled"),
        (30, "bad", |e| matches!(e, PackageError::Unmet { .. }), "never installed (bad)"),
        (50, "none", |e| matches!(e, PackageError::Unmet { .. }), "never installed (none)"),
        (58, "exit status 3", |e| matches!(e, PackageError::Failed { .. }), "exit status 3"),
        (4711, "new\u{1b}[31m words", |e| matches!(e, PackageError::Failed { .. }), "new [31m words"),
    ];
    for (code, words, is, expected) in rows {
        let world = World::new();
        let preview = world.install("vim").await.unwrap();
        let folder = world.folder("one");
        world.mock.hold(true);
        // The simulation before it still works.
        let ordered = world.kit.check_again(&preview).await.unwrap();
        world.mock.trouble(KitTrouble::Error(code, words.into()));
        let running = world.kit.begin(&preview, &ordered, &folder).await.unwrap();
        let error = world.kit.finish(&preview, &running, LONG, &mpsc::channel(1).0).await.unwrap_err();
        assert!(is(&error) && said(&error).contains(expected), "{code}: {error}");
        assert_eq!(world.versions(["vim"]), [None]);

        world.mock.hold(false);
        world.mock.trouble(KitTrouble::Half(code, words.into()));
        match world.commit(&preview).await.unwrap_err() {
            PackageError::Failed { done, .. } => assert_eq!(done.len(), 1, "{code}"),
            other => panic!("{code}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_package_that_was_not_shown_stops_it_where_it_can_be_stopped() {
    let world = World::new();
    let preview = world.install("vim").await.unwrap();
    world.mock.trouble(KitTrouble::Stray("stowaway".into()));
    let error = world.commit(&preview).await.unwrap_err();
    assert!(
        matches!(&error, PackageError::Changed { difference } if difference.added[0].name == "stowaway"),
        "{error}"
    );
    assert_eq!(world.versions(["vim", "vim-common"]), [None, None]);

    world.mock.trouble(KitTrouble::StrayLate("libc6".into()));
    match world.commit(&preview).await.unwrap_err() {
        PackageError::Failed { last, done, .. } => {
            assert_eq!(done.len(), 2);
            assert_eq!(
                last,
                [
                    "PackageKit did something that was not shown, and it could not be stopped any more: it also set out to remove libc6 1"
                ]
            );
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_daemon_that_vanishes_is_noticed_and_what_it_did_is_looked_at() {
    let world = World::new();
    let preview = world.install("vim").await.unwrap();
    world.mock.trouble(KitTrouble::Vanishes);
    match world.commit(&preview).await.unwrap_err() {
        PackageError::Failed { last, done, .. } => {
            assert_eq!(done.len(), 1);
            assert!(last[0].starts_with("PackageKit ended before it was done"), "{last:?}");
        }
        // Where no lock tells whether somebody is still at work.
        PackageError::Unknown { text } => assert!(text.contains("1 of 2"), "{text}"),
        other => panic!("{other}"),
    }
    world.mock.trouble(KitTrouble::VanishesDone);
    let rest = world.install("curl").await.unwrap();
    assert_eq!(world.commit(&rest).await.unwrap().items, rest.items, "everything is as it should be");
    world.mock.trouble(KitTrouble::None);
    assert!(world.install("htop").await.is_ok(), "the next call starts it again");
}

#[tokio::test]
async fn a_transaction_is_followed_with_its_progress_and_found_again_after_a_restart() {
    let world = World::new();
    let preview = world.install("vim").await.unwrap();
    let folder = world.folder("one");
    world.mock.hold(true);
    let (sender, mut lines) = mpsc::channel(100);
    let running = world.kit.start(&preview, &folder, LONG, &sender).await.unwrap();
    let short = Duration::from_millis(50);
    let error = world.kit.finish(&preview, &running, short, &sender).await.unwrap_err();
    assert!(matches!(&error, PackageError::Unknown { text } if text.contains("still at work")), "{error}");
    assert!(matches!(world.kit.start(&preview, &folder, LONG, &sender).await, Err(PackageError::Unknown { .. })));
    drop(running);

    // Another run of the program: a connection of its own, and only what is on the disk.
    let second = Kit::new(world.mock.bus());
    let found = Running::load(&folder).unwrap();
    let finishing = second.finish(&preview, &found, LONG, &sender);
    let going_on = async {
        while lines.recv().await.is_some_and(|step| !step.text.starts_with("Downloading")) {}
        world.mock.hold(false);
    };
    let (done, ()) = tokio::join!(finishing, going_on);
    assert_eq!(done.unwrap().items, preview.items);
    drop(sender);
    let mut last = None;
    while let Some(step) = lines.recv().await {
        assert!(step.percent >= last, "{step:?}");
        last = step.percent;
    }
    // A third run comes when it is over.
    let third = Kit::new(world.mock.bus());
    assert_eq!(third.finish(&preview, &found, LONG, &mpsc::channel(1).0).await.unwrap().items.len(), 2);
    world.mock.archive.meddle("vim", None);
    let error = third.finish(&preview, &found, LONG, &mpsc::channel(1).0).await.unwrap_err();
    assert!(matches!(error, PackageError::Failed { .. } | PackageError::Unknown { .. }), "{error}");
}

#[tokio::test]
async fn one_that_never_ends_is_not_waited_for_beyond_the_deadline() {
    let world = World::new();
    let preview = world.install("vim").await.unwrap();
    world.mock.trouble(KitTrouble::Silent);
    let folder = world.folder("one");
    let running = world.kit.start(&preview, &folder, LONG, &mpsc::channel(1).0).await.unwrap();
    let short = Duration::from_millis(200);
    let error = world.kit.finish(&preview, &running, short, &mpsc::channel(1).0).await.unwrap_err();
    assert!(matches!(error, PackageError::Unknown { .. }), "{error}");
}
