//! flatpak, which installs for a user.

use std::time::Duration;

use steward_agent::backend::package::{Change, Mark, PackageError, Running};
use tokio::sync::mpsc;

use crate::world::{Kind, LONG, in_root};

#[test]
fn flatpak_installs_for_a_user_with_what_is_needed_and_takes_it_back() {
    in_root(Kind::Flatpak, |world| async move {
        let preview = world.install("org.e2e.App").await.unwrap();
        let names: Vec<String> = preview.items.iter().map(|i| i.full_name()).collect();
        assert_eq!(names, ["org.e2e.App:stable", "org.e2e.Platform:1"]);
        assert_eq!((preview.items[0].mark, preview.items[1].mark), (Mark::Manual, Mark::Auto));
        assert_eq!(preview.items[0].origin.as_deref(), Some("e2e"));
        assert!(preview.download_bytes.unwrap() > 100 && preview.installed_bytes_change.unwrap() > 1000, "{preview:?}");
        assert_eq!(world.versions("org.e2e.App").await, [None]);
        let done = world.commit(&preview).await.unwrap();
        assert_eq!(done.items, preview.items);
        assert_eq!(world.versions("org.e2e.App").await, [preview.items[0].to.clone()]);
        assert!(world.install("org.e2e.App").await.unwrap().is_empty());

        // The runtime is not taken away from under another application.
        let other = world.install("org.e2e.Other").await.unwrap();
        assert_eq!(other.items.len(), 1);
        world.commit(&other).await.unwrap();
        assert!(matches!(world.remove("org.e2e.Platform").await, Err(PackageError::Unmet { .. })));
        world.commit(&world.remove("org.e2e.Other").await.unwrap()).await.unwrap();

        let undo = world.manager.simulate(&preview.inverse().unwrap()).await.unwrap();
        assert_eq!(undo.beyond(&preview.undoable()), None);
        world.commit(&undo).await.unwrap();
        assert_eq!(world.versions("org.e2e.App,org.e2e.Platform").await, [None, None]);
        let restore = world.manager.simulate(&undo.inverse().unwrap()).await.unwrap();
        assert_eq!(restore.beyond(&undo.undoable()), None);
        world.commit(&restore).await.unwrap();
        assert_eq!(world.versions("org.e2e.App").await, [preview.items[0].to.clone()]);
    });
}

#[test]
fn flatpak_is_held_to_what_it_showed_and_updates() {
    in_root(Kind::Flatpak, |world| async move {
        let preview = world.install("org.e2e.App").await.unwrap();
        let other = world.install("org.e2e.Other").await.unwrap();
        world.newer_repository().await;
        assert!(matches!(world.commit(&preview).await, Err(PackageError::Changed { .. })));
        assert_eq!(world.versions("org.e2e.App").await, [None]);
        world.commit(&other).await.unwrap();
        let link = world.folder.path().join("repo");
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("v1", link).unwrap();
        let old = world.install("org.e2e.App").await.unwrap();
        world.commit(&old).await.unwrap();
        world.newer_repository().await;
        let update = world.manager.simulate(&Change::Upgrade).await.unwrap();
        assert_eq!(update.items.len(), 1, "{update:?}");
        assert_eq!((&update.items[0].from, update.items[0].to.is_some()), (&old.items[0].to, true));
        world.commit(&update).await.unwrap();
        assert_eq!(world.versions("org.e2e.App").await, [update.items[0].to.clone()]);
        assert!(world.manager.simulate(&Change::Upgrade).await.unwrap().is_empty());
    });
}

#[test]
fn flatpak_takes_only_ids_and_a_near_one_is_offered() {
    in_root(Kind::Flatpak, |world| async move {
        for (list, offered) in [("org.e2e.Ap", "org.e2e.App"), ("org.e2e.app", "org.e2e.App"), ("org.e2e.App:beta", "")]
        {
            match world.install(list).await {
                Err(PackageError::NotFound { name, near }) => {
                    assert_eq!(name, list);
                    assert!(offered.is_empty() || near.contains(&offered.to_owned()), "{name}: {near:?}");
                }
                other => panic!("{list}: {other:?}"),
            }
        }
        assert!(matches!(world.install("firefox").await, Err(PackageError::Name(_))));
        assert_eq!(world.remove("org.e2e.Other").await.unwrap().summary(), "org.e2e.Other is not installed");
        let hits = world.manager.search("e2e app").await.unwrap();
        assert_eq!(hits[0].name, "org.e2e.App");
    });
}

#[test]
fn a_flatpak_transaction_goes_on_without_us_and_is_attached_to_again() {
    in_root(Kind::Flatpak, |world| async move {
        let preview = world.install("org.e2e.App").await.unwrap();
        let folder = world.new_folder();
        let none = mpsc::channel(1).0;
        let running = world.manager.start(&preview, &folder, LONG, &none).await.unwrap();
        let pid = running.process.unwrap().pid;
        // Held in the middle of it, wherever that is.
        let stopped = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(stopped, rustix::process::Signal::STOP).unwrap();
        match world.manager.finish(&preview, &running, Duration::from_millis(300), &none).await {
            Err(PackageError::Unknown { text }) => assert!(text.contains("still at work"), "{text}"),
            other => panic!("{other:?}"),
        }
        drop(running);
        let found = Running::load(&folder).unwrap();
        rustix::process::kill_process(stopped, rustix::process::Signal::CONT).unwrap();
        assert_eq!(world.manager.finish(&preview, &found, LONG, &none).await.unwrap().items, preview.items);
    });
}
