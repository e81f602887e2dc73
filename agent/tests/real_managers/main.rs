//! The package backend against the real dnf, zypper, pacman and flatpak, each in a throwaway root with a local repository
//! (`contrib/testbed/manager-root.sh`).
//!
//! dnf, zypper and pacman need root for their roots. Without root or the tools a test says why and passes; with `STEWARD_TEST_REAL=1`
//! that is a failure.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod flatpak;
mod world;

use std::time::Duration;

use steward_agent::backend::package::{Change, Mark, PackageError, Running, Transaction};
use tokio::sync::mpsc;

use world::{Kind, LONG, World, in_root, some, told, wait_for};

/// For each of the managers that install packages for the machine a test of its own, by the name of the function.
macro_rules! for_each {
    ($($name:ident),+ $(,)?) => {
        mod dnf { $(#[test] fn $name() { super::in_root(super::Kind::Dnf, super::$name); })+ }
        mod zypper { $(#[test] fn $name() { super::in_root(super::Kind::Zypper, super::$name); })+ }
        mod pacman { $(#[test] fn $name() { super::in_root(super::Kind::Pacman, super::$name); })+ }
    };
}

for_each!(
    what_is_previewed_is_what_is_done_and_undo_removes_exactly_that,
    only_a_name_that_exists_is_taken_and_near_ones_are_offered,
    what_does_not_fit_together_is_refused_with_the_reason,
    a_transaction_that_is_not_the_previewed_one_any_more_is_not_started,
    a_removal_names_what_goes_with_it,
    an_update_takes_newer_versions,
    a_lock_is_waited_for_and_its_holder_named_and_a_transaction_is_attached_to_again,
    a_search_finds_the_exact_name_first_with_its_versions,
);

async fn what_is_previewed_is_what_is_done_and_undo_removes_exactly_that(world: World) {
    world.refresh().await;
    let preview = world.install("e2e-app").await.unwrap();
    assert_eq!(told(&preview), ["install e2e-app 1.0-1", "install e2e-lib 1.0-1"]);
    assert_eq!(preview.items[0].origin.as_deref(), Some("e2e"));
    assert_eq!((preview.items[0].mark, preview.items[1].mark), (Mark::Manual, Mark::Auto));
    assert!(preview.download_bytes.unwrap() > 1000, "{preview:?}");
    assert!(preview.installed_bytes_change.unwrap() >= 8, "{preview:?}");
    assert_eq!(world.versions("e2e-app,e2e-lib").await, [None, None]);

    let done = world.commit(&preview).await.unwrap();
    assert_eq!(done.items, preview.items);
    assert_eq!(world.versions("e2e-app,e2e-lib").await, [some("1.0-1"), some("1.0-1")]);
    let again = world.install("e2e-app").await.unwrap();
    assert!(again.is_empty());
    assert_eq!(again.summary(), "e2e-app 1.0-1 is already installed");

    let undo = world.manager.simulate(&preview.inverse().unwrap()).await.unwrap();
    assert_eq!(undo.beyond(&preview.undoable()), None);
    if world.kind != Kind::Zypper {
        assert_eq!((undo.items[0].mark, undo.items[1].mark), (Mark::Manual, Mark::Auto), "marks are kept");
    }
    world.commit(&undo).await.unwrap();
    assert_eq!(world.versions("e2e-app,e2e-lib").await, [None, None]);

    let restore = world.manager.simulate(&undo.inverse().unwrap()).await.unwrap();
    assert_eq!(restore.beyond(&undo.undoable()), None);
    world.commit(&restore).await.unwrap();
    assert_eq!(world.versions("e2e-app,e2e-lib").await, [some("1.0-1"), some("1.0-1")]);
}

async fn only_a_name_that_exists_is_taken_and_near_ones_are_offered(world: World) {
    world.refresh().await;
    for (list, missing, offered) in [
        ("e2e-helo", "e2e-helo", "e2e-hello"),
        ("e2e-lib,e2e-hello-", "e2e-hello-", "e2e-hello"),
        ("e2e-hello-1.0", "e2e-hello-1.0", ""),
        ("e2e-virtual", "e2e-virtual", "e2e-provider"),
        ("e2e-group", "e2e-group", ""),
    ] {
        match world.install(list).await {
            Err(PackageError::NotFound { name, near }) => {
                assert_eq!(name, missing);
                assert!(offered.is_empty() || near.contains(&offered.to_owned()), "{name}: {near:?}");
            }
            other => panic!("{list}: {other:?}"),
        }
    }
    assert!(matches!(world.remove("e2e-nosuch").await, Err(PackageError::NotFound { .. })));
    let absent = world.remove("e2e-hello").await.unwrap();
    assert_eq!(absent.summary(), "e2e-hello is not installed");
    let odd = if world.kind == Kind::Pacman { "e2e@odd+name_" } else { "E2E_Upper" };
    world.commit(&world.install(odd).await.unwrap()).await.unwrap();
    assert_eq!(world.versions(odd).await, [some("1.0-1")]);
    if world.kind != Kind::Pacman {
        let long =
            world.install("e2e-epoch,e2e-a-name-that-is-so-long-that-no-table-has-a-column-for-it").await.unwrap();
        assert_eq!(long.items.len(), 2, "{long:?}");
        world.commit(&long).await.unwrap();
        assert_eq!(world.versions("e2e-epoch").await, [some("3:1.0-1")]);
    }
    let wrong = if world.kind == Kind::Pacman { "Vim" } else { "vim@1" };
    assert!(matches!(world.install(wrong).await, Err(PackageError::Name(_))));
}

async fn what_does_not_fit_together_is_refused_with_the_reason(world: World) {
    world.refresh().await;
    match world.install("e2e-broken").await {
        Err(PackageError::Unmet { text }) => assert!(text.contains("no-such-package"), "{text}"),
        other => panic!("{other:?}"),
    }
    world.commit(&world.install("e2e-lib").await.unwrap()).await.unwrap();
    match world.install("e2e-rival").await {
        Err(PackageError::Unmet { text }) => assert!(text.contains("conflict") && text.contains("e2e-lib"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.versions("e2e-lib,e2e-rival,e2e-broken").await, [some("1.0-1"), None, None]);
}

async fn a_transaction_that_is_not_the_previewed_one_any_more_is_not_started(world: World) {
    world.refresh().await;
    let app = world.install("e2e-app").await.unwrap();
    let lib = world.install("e2e-lib").await.unwrap();
    world.newer_repository().await;
    // The library is only there in another version now.
    match world.commit(&app).await {
        Err(PackageError::Changed { difference }) => {
            assert!(difference.to_string().contains("would no longer install e2e-lib 1.0-1"), "{difference}");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(world.commit(&lib).await, Err(PackageError::Changed { .. })));
    assert_eq!(world.versions("e2e-app,e2e-lib,e2e-extra").await, [None, None, None]);
    let newer = world.install("e2e-lib").await.unwrap();
    assert_eq!(told(&newer), ["install e2e-extra 1.0-1", "install e2e-lib 2.0-1"]);
    world.commit(&newer).await.unwrap();
    // Somebody else installed it in the meantime.
    assert!(matches!(world.commit(&newer).await, Err(PackageError::Changed { .. })));
}

async fn a_removal_names_what_goes_with_it(world: World) {
    world.refresh().await;
    world.commit(&world.install("e2e-app").await.unwrap()).await.unwrap();
    let removal = world.remove("e2e-lib,e2e-hello").await.unwrap();
    assert_eq!(told(&removal), ["remove e2e-app 1.0-1", "remove e2e-lib 1.0-1"]);
    assert_eq!(removal.already[0].name, "e2e-hello");
    assert!(removal.removes());
    // What the undo of something else would take along is told.
    let lib_alone = Transaction { items: vec![removal.items[1].clone()], ..removal.clone() };
    assert!(matches!(world.commit(&lib_alone).await, Err(PackageError::Changed { .. } | PackageError::Unmet { .. })));
    assert_eq!(world.versions("e2e-app,e2e-lib").await, [some("1.0-1"), some("1.0-1")]);
    world.commit(&removal).await.unwrap();
    assert_eq!(world.versions("e2e-app,e2e-lib").await, [None, None]);
    assert!(matches!(world.commit(&removal).await, Err(PackageError::Changed { .. })));
}

async fn an_update_takes_newer_versions(world: World) {
    world.refresh().await;
    world.commit(&world.install("e2e-app,e2e-hello").await.unwrap()).await.unwrap();
    assert!(world.manager.simulate(&Change::Upgrade).await.unwrap().is_empty());
    world.newer_repository().await;
    let update = world.manager.simulate(&Change::Upgrade).await.unwrap();
    let expected =
        ["install e2e-extra 1.0-1", "upgrade e2e-hello from 1.0-1 to 2.0-1", "upgrade e2e-lib from 1.0-1 to 2.0-1"];
    assert_eq!(told(&update), expected);
    if world.kind != Kind::Zypper {
        assert_eq!(update.items.iter().map(|i| i.mark).collect::<Vec<_>>(), [Mark::Auto, Mark::Manual, Mark::Auto]);
    }
    world.commit(&update).await.unwrap();
    let versions = world.versions("e2e-app,e2e-lib,e2e-hello,e2e-extra").await;
    assert_eq!(versions, [some("1.0-1"), some("2.0-1"), some("2.0-1"), some("1.0-1")]);
    assert!(world.manager.simulate(&Change::Upgrade).await.unwrap().is_empty());
}

async fn a_lock_is_waited_for_and_its_holder_named_and_a_transaction_is_attached_to_again(world: World) {
    world.refresh().await;
    let preview = world.install("e2e-hello").await.unwrap();
    let slow = world.install("e2e-slow").await.unwrap();
    let folder = world.new_folder();
    let none = mpsc::channel(1).0;
    let running = world.manager.start(&slow, &folder, LONG, &none).await.unwrap();
    wait_for(&world.in_the_root("e2e-slow-is-here")).await;
    let short = Duration::from_secs(1);
    match world.manager.start(&preview, &world.new_folder(), short, &none).await {
        Err(PackageError::Locked { by: Some(by), waited }) => {
            let name = ["dnf (pid ", "zypper (pid ", "pacman (pid "].into_iter().find(|name| by.starts_with(name));
            assert!(name.is_some(), "{by}");
            assert!(waited >= short);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.versions("e2e-hello").await, [None]);
    match world.manager.finish(&slow, &running, short, &none).await {
        Err(PackageError::Unknown { text }) => assert!(text.contains("still at work"), "{text}"),
        other => panic!("{other:?}"),
    }
    // As a daemon that was started again does it: by the folder alone.
    drop(running);
    let found = Running::load(&folder).unwrap();
    std::fs::write(world.in_the_root("e2e-slow-may-end"), "").unwrap();
    let done = world.manager.finish(&slow, &found, LONG, &none).await.unwrap();
    assert_eq!(done.items, slow.items);
    assert_eq!(world.versions("e2e-slow").await, [some("1.0-1")]);
    world.commit(&preview).await.unwrap();
    assert_eq!(world.versions("e2e-hello").await, [some("1.0-1")]);
}

async fn a_search_finds_the_exact_name_first_with_its_versions(world: World) {
    world.refresh().await;
    world.commit(&world.install("e2e-lib").await.unwrap()).await.unwrap();
    let hits = world.manager.search("e2e-lib").await.unwrap();
    assert_eq!(
        (hits[0].name.as_str(), &hits[0].version, &hits[0].installed),
        ("e2e-lib", &some("1.0-1"), &some("1.0-1"))
    );
    assert!(hits[0].summary.contains("test package"), "{hits:?}");
    assert_eq!(world.manager.search("E2E-hello").await.unwrap()[0].installed, None);
    for nothing in ["", "e2e[", "zzzzzz"] {
        assert_eq!(world.manager.search(nothing).await.unwrap(), [], "{nothing}");
    }
    assert!(world.manager.own_version().await.is_some_and(|v| v.contains('.')));
}

#[test]
fn a_script_that_fails_is_told_with_what_it_said() {
    for kind in [Kind::Dnf, Kind::Zypper] {
        in_root(kind, |world| async move {
            world.refresh().await;
            let bad = world.install("e2e-badpost").await.unwrap();
            match world.commit(&bad).await {
                Err(PackageError::Failed { exit, last, done }) => {
                    assert!(exit.is_some_and(|e| e != 0) && done.is_empty(), "{exit:?} {done:?}");
                    assert!(last.join(" ").contains("e2e-badpost"), "{last:?}");
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(world.versions("e2e-badpost").await, [None]);
        });
    }
}
