//! The package backend against the real apt, in a throwaway root with a local archive (`contrib/testbed/apt-root.sh`).
//!
//! Each test starts this same test program again inside the root, where its body runs as root and may do what it likes. Without root
//! or the tools a test says why and passes; with `STEWARD_TEST_REAL=1` that is a failure.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "tests look at the world with other programs")]

#[path = "support/inside.rs"]
mod inside;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use steward_agent::backend::package::{
    Change, Done, Hit, Manager, ManagerName, Mark, PackageError, PackageName, Progress, Refresh, Running, Transaction,
};
use tokio::sync::mpsc;

/// Longer than anything here takes on a slow machine.
const LONG: Duration = Duration::from_secs(120);

/// Runs `body` inside a fresh root.
fn in_root<F: Future<Output = ()>>(test: &str, body: impl FnOnce(World) -> F) {
    inside::in_root(&[], test, || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(body(World::new()));
    });
}

/// The manager of the root, and a place for transactions.
struct World {
    apt: Manager,
    folder: tempfile::TempDir,
    count: std::cell::Cell<u32>,
}

impl World {
    fn new() -> Self {
        Self {
            apt: Manager::of_this_machine(ManagerName::Apt).unwrap(),
            folder: tempfile::tempdir().unwrap(),
            count: 0.into(),
        }
    }

    fn names(list: &str) -> Vec<PackageName> {
        PackageName::list(list).unwrap()
    }

    async fn install(&self, list: &str) -> Result<Transaction, PackageError> {
        self.apt.simulate(&Change::Install(Self::names(list))).await
    }

    async fn remove(&self, list: &str) -> Result<Transaction, PackageError> {
        self.apt.simulate(&Change::Remove(Self::names(list))).await
    }

    fn new_folder(&self) -> PathBuf {
        self.count.set(self.count.get() + 1);
        let folder = self.folder.path().join(self.count.get().to_string());
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    async fn start(&self, transaction: &Transaction) -> Result<Running, PackageError> {
        self.apt.start(transaction, &self.new_folder(), LONG, &mpsc::channel(1).0).await
    }

    async fn commit(&self, transaction: &Transaction) -> Result<Done, PackageError> {
        let running = self.start(transaction).await?;
        self.apt.finish(transaction, &running, LONG, &mpsc::channel(1).0).await
    }

    async fn versions(&self, list: &str) -> Vec<Option<String>> {
        self.apt.installed(&Self::names(list)).await.unwrap()
    }

    /// The archive gets newer packages, and apt is told.
    fn newer_archive() {
        std::fs::remove_file("/srv/repo").unwrap();
        std::os::unix::fs::symlink("archives/v2", "/srv/repo").unwrap();
        assert!(Command::new("apt-get").args(["-qq", "update"]).status().unwrap().success());
    }
}

fn told(transaction: &Transaction) -> Vec<String> {
    transaction.items.iter().map(ToString::to_string).collect()
}

fn some(version: &str) -> Option<String> {
    Some(version.to_owned())
}

fn shown_auto() -> String {
    String::from_utf8(Command::new("apt-mark").arg("showauto").output().unwrap().stdout).unwrap()
}

#[test]
fn what_is_previewed_is_what_is_done_and_undo_removes_exactly_that() {
    in_root("what_is_previewed_is_what_is_done_and_undo_removes_exactly_that", |world| async move {
        let preview = world.install("e2e-app").await.unwrap();
        assert_eq!(told(&preview), ["install e2e-app 1.0", "install e2e-lib 1.0"]);
        assert_eq!(preview.items[0].origin.as_deref(), Some("E2E:1/e2e"));
        assert_eq!((preview.items[0].mark, preview.items[1].mark), (Mark::Manual, Mark::Auto));
        assert!(preview.download_bytes.unwrap() > 1000 && preview.items[0].download_bytes.unwrap() > 500);
        assert_eq!(preview.installed_bytes_change, Some(16_384));
        assert!(
            preview.summary().starts_with("Install e2e-app 1.0 and e2e-lib 1.0 from E2E:1 (2 packages, "),
            "{}",
            preview.summary()
        );
        assert_eq!(world.versions("e2e-app,e2e-lib").await, [None, None]);

        let folder = world.new_folder();
        let (sender, mut progress) = mpsc::channel::<Progress>(1000);
        let running = world.apt.start(&preview, &folder, LONG, &sender).await.unwrap();
        let done = world.apt.finish(&preview, &running, LONG, &sender).await.unwrap();
        assert_eq!(done.items, preview.items);
        assert_eq!(world.versions("e2e-app,e2e-lib").await, [some("1.0"), some("1.0")]);
        assert_eq!(shown_auto().trim(), "e2e-lib", "a dependency is not wanted for itself");
        drop(sender);
        let mut last = None;
        while let Some(step) = progress.recv().await {
            assert!(step.percent >= last);
            last = step.percent;
        }
        assert!(last >= Some(90), "{last:?}");

        let again = world.install("e2e-app").await.unwrap();
        assert!(again.is_empty());
        assert_eq!(again.summary(), "e2e-app 1.0 is already installed");

        let undo = world.apt.simulate(&preview.inverse().unwrap()).await.unwrap();
        assert_eq!(undo.beyond(&preview.undoable()), None);
        world.commit(&undo).await.unwrap();
        assert_eq!(world.versions("e2e-app,e2e-lib").await, [None, None]);

        let restore = world.apt.simulate(&undo.inverse().unwrap()).await.unwrap();
        assert_eq!(restore.beyond(&undo.undoable()), None);
        world.commit(&restore).await.unwrap();
        assert_eq!(world.versions("e2e-app,e2e-lib").await, [some("1.0"), some("1.0")]);
        assert_eq!(shown_auto().trim(), "e2e-lib");
    });
}

#[test]
fn an_undo_that_would_take_more_with_it_is_refused() {
    in_root("an_undo_that_would_take_more_with_it_is_refused", |world| async move {
        let lib = world.install("e2e-lib").await.unwrap();
        world.commit(&lib).await.unwrap();
        let app = world.install("e2e-app").await.unwrap();
        world.commit(&app).await.unwrap();
        let undo = world.apt.simulate(&lib.inverse().unwrap()).await.unwrap();
        let further = undo.beyond(&lib.undoable()).unwrap();
        assert_eq!(further.to_string(), "remove e2e-app 1.0");
    });
}

#[test]
fn only_a_name_that_exists_is_taken_and_near_ones_are_offered() {
    in_root("only_a_name_that_exists_is_taken_and_near_ones_are_offered", |world| async move {
        world.commit(&world.install("e2e-hello").await.unwrap()).await.unwrap();
        for (list, missing, offered) in [
            ("e2e-helo", "e2e-helo", "e2e-hello"),
            ("e2e-lib,e2e-hello-", "e2e-hello-", "e2e-hello"),
            ("e2e-app+", "e2e-app+", "e2e-app"),
            ("e2e-l.b", "e2e-l.b", "e2e-lib"),
            ("e2e-.+", "e2e-.+", ""),
            ("e2e-virtual", "e2e-virtual", "e2e-provider"),
            ("e2e-virtual,e2e-provider", "e2e-virtual", "e2e-provider"),
        ] {
            match world.install(list).await {
                Err(PackageError::NotFound { name, near }) => {
                    assert_eq!(name, missing);
                    assert!(offered.is_empty() || near.contains(&offered.to_owned()), "{name}: {near:?}");
                }
                other => panic!("{list}: {other:?}"),
            }
        }
        for list in ["e2e-lib+", "e2e-hello-", "e2e-nosuch"] {
            assert!(matches!(world.remove(list).await, Err(PackageError::NotFound { .. })), "{list}");
        }
        let plus = world.install("e2e-plus+").await.unwrap();
        assert_eq!(told(&plus), ["install e2e-plus+ 1.0"]);
        world.commit(&plus).await.unwrap();
        let odd = world.install("e2e-tilde").await.unwrap();
        world.commit(&odd).await.unwrap();
        assert_eq!(world.versions("e2e-plus+,e2e-tilde").await, [some("1.0"), some("1:1.0~rc1+b2")]);
    });
}

#[test]
fn a_transaction_that_is_not_the_previewed_one_any_more_is_not_started() {
    in_root("a_transaction_that_is_not_the_previewed_one_any_more_is_not_started", |world| async move {
        let app = world.install("e2e-app").await.unwrap();
        let hello = world.install("e2e-hello").await.unwrap();
        let lib = world.install("e2e-lib").await.unwrap();
        World::newer_archive();
        // The library is only there in another version now.
        match world.commit(&app).await {
            Err(PackageError::Changed { difference }) => {
                assert_eq!(difference.to_string(), "would no longer install e2e-lib 1.0");
            }
            other => panic!("{other:?}"),
        }
        // A newer version is there, the previewed one is still to be had: that one is installed.
        world.commit(&hello).await.unwrap();
        assert_eq!(world.versions("e2e-hello,e2e-lib,e2e-app").await, [some("1.0"), None, None]);
        // Somebody else installed it in the meantime.
        let newer = world.install("e2e-lib").await.unwrap();
        assert!(!lib.diff(&newer).is_empty());
        world.commit(&newer).await.unwrap();
        assert!(matches!(world.commit(&newer).await, Err(PackageError::Changed { .. })));
    });
}

#[test]
fn a_removal_names_what_goes_with_it_and_an_install_what_has_to_go() {
    in_root("a_removal_names_what_goes_with_it_and_an_install_what_has_to_go", |world| async move {
        world.commit(&world.install("e2e-app").await.unwrap()).await.unwrap();
        let removal = world.remove("e2e-lib,e2e-hello").await.unwrap();
        assert_eq!(told(&removal), ["remove e2e-app 1.0", "remove e2e-lib 1.0"]);
        assert_eq!(removal.already[0].name, "e2e-hello");
        assert!(removal.removes());
        let rival = world.install("e2e-rival").await.unwrap();
        assert_eq!(told(&rival), ["remove e2e-app 1.0", "remove e2e-lib 1.0", "install e2e-rival 1.0"]);
        world.commit(&rival).await.unwrap();
        assert_eq!(world.versions("e2e-app,e2e-lib,e2e-rival").await, [None, None, some("1.0")]);
        assert!(matches!(world.commit(&removal).await, Err(PackageError::Changed { .. })));
        assert!(matches!(world.remove("dpkg").await, Err(PackageError::Unmet { .. })));
        assert!(matches!(world.remove("perl-base").await, Err(PackageError::Unmet { .. })));
    });
}

#[test]
fn an_update_takes_newer_versions_and_keeps_what_is_held_and_how_it_was_marked() {
    in_root("an_update_takes_newer_versions_and_keeps_what_is_held_and_how_it_was_marked", |world| async move {
        world.commit(&world.install("e2e-app,e2e-hello").await.unwrap()).await.unwrap();
        World::newer_archive();
        assert!(Command::new("apt-mark").args(["hold", "e2e-hello"]).status().unwrap().success());
        assert!(matches!(world.install("e2e-hello").await, Err(PackageError::Unmet { text }) if text.contains("Held")));
        let held = world.apt.simulate(&Change::Upgrade).await.unwrap();
        assert_eq!(told(&held), ["install e2e-extra 1.0", "upgrade e2e-lib from 1.0 to 2.0"]);
        assert_eq!(held.kept_back, ["e2e-hello"]);
        assert!(Command::new("apt-mark").args(["unhold", "e2e-hello"]).status().unwrap().success());
        let update = world.apt.simulate(&Change::Upgrade).await.unwrap();
        assert_eq!(update.items.len(), 3);
        world.commit(&update).await.unwrap();
        let versions = world.versions("e2e-app,e2e-lib,e2e-hello,e2e-extra").await;
        assert_eq!(versions, [some("1.0"), some("2.0"), some("2.0"), some("1.0")]);
        assert_eq!(shown_auto().split_whitespace().collect::<Vec<_>>(), ["e2e-extra", "e2e-lib"]);
        assert!(world.apt.simulate(&Change::Upgrade).await.unwrap().is_empty());
    });
}

#[test]
fn the_index_is_fetched_only_when_it_is_old() {
    in_root("the_index_is_fetched_only_when_it_is_old", |world| async move {
        let progress = mpsc::channel(1).0;
        assert_eq!(world.apt.refresh(LONG, &progress).await.unwrap(), Refresh::Fresh);
        let old = "/var/lib/apt/lists/partial";
        assert!(Command::new("touch").args(["-d", "2 hours ago", old]).status().unwrap().success());
        assert_eq!(world.apt.refresh(LONG, &progress).await.unwrap(), Refresh::Updated);
        assert!(Command::new("touch").args(["-d", "2 hours ago", old]).status().unwrap().success());
        std::fs::write("/etc/apt/sources.list", "deb [trusted=yes] file:/srv/nowhere ./\n").unwrap();
        assert!(world.apt.refresh(LONG, &progress).await.is_err());
    });
}

#[test]
fn a_lock_is_waited_for_and_its_holder_named() {
    in_root("a_lock_is_waited_for_and_its_holder_named", |world| async move {
        let preview = world.install("e2e-hello").await.unwrap();
        let slow = world.install("e2e-slow").await.unwrap();
        // The holder is apt itself, in the middle of a transaction.
        let running = world.start(&slow).await.unwrap();
        wait_for("/run/e2e-slow-is-here").await;
        let none = mpsc::channel(1).0;
        let short = Duration::from_secs(1);
        match world.apt.start(&preview, &world.new_folder(), short, &none).await {
            Err(PackageError::Locked { by: Some(by), waited }) => {
                assert!(by.starts_with("apt-get (pid "), "{by}");
                assert!(waited >= short);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(world.versions("e2e-hello").await, [None]);

        let (sender, mut progress) = mpsc::channel(10);
        let folder = world.new_folder();
        let (started, ()) = tokio::join!(world.apt.start(&preview, &folder, LONG, &sender), async {
            let text = progress.recv().await.unwrap().text;
            assert!(text.starts_with("Waiting for apt-get (pid "), "{text}");
            std::fs::write("/run/e2e-slow-may-end", "").unwrap();
        });
        world.apt.finish(&preview, &started.unwrap(), LONG, &none).await.unwrap();
        world.apt.finish(&slow, &running, LONG, &none).await.unwrap();
        assert_eq!(world.versions("e2e-hello,e2e-slow").await, [some("1.0"), some("1.0")]);
    });
}

#[test]
fn a_transaction_outlives_who_waits_for_it_and_is_found_again() {
    in_root("a_transaction_outlives_who_waits_for_it_and_is_found_again", |world| async move {
        let slow = world.install("e2e-slow").await.unwrap();
        let folder = world.new_folder();
        let none = mpsc::channel(1).0;
        let running = world.apt.start(&slow, &folder, LONG, &none).await.unwrap();
        wait_for("/run/e2e-slow-is-here").await;
        let early = world.apt.finish(&slow, &running, Duration::from_millis(50), &none).await;
        assert!(matches!(early, Err(PackageError::Unknown { .. })), "{early:?}");
        let twice = world.apt.start(&slow, &folder, LONG, &none).await;
        assert!(matches!(twice, Err(PackageError::Unknown { .. })), "{twice:?}");
        drop(running);

        // What a restarted agent knows: the folder, and the transaction from its journal.
        let kept: Transaction = serde_json::from_str(&serde_json::to_string(&slow).unwrap()).unwrap();
        let found = Running::load(&folder).unwrap();
        let (done, ()) = tokio::join!(world.apt.finish(&kept, &found, LONG, &none), async {
            std::fs::write("/run/e2e-slow-may-end", "").unwrap();
        });
        assert_eq!(done.unwrap().items, slow.items);
        // Once more, when it has long ended.
        assert_eq!(world.apt.finish(&kept, &found, LONG, &none).await.unwrap().items, slow.items);
    });
}

#[test]
fn dependencies_that_cannot_be_met_are_said() {
    in_root("dependencies_that_cannot_be_met_are_said", |world| async move {
        match world.install("e2e-broken").await {
            Err(PackageError::Unmet { text }) => assert!(text.contains("no-such-package (>= 9)"), "{text}"),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_failing_maintainer_script_is_a_failure_with_what_was_done() {
    in_root("a_failing_maintainer_script_is_a_failure_with_what_was_done", |world| async move {
        let preview = world.install("e2e-badpost,e2e-hello").await.unwrap();
        match world.commit(&preview).await {
            Err(PackageError::Failed { exit, last, done }) => {
                assert_eq!(exit, Some(100));
                assert_eq!(done.iter().map(|i| i.name.as_str()).collect::<Vec<_>>(), ["e2e-hello"]);
                assert!(last.iter().any(|line| line == "this postinst fails"), "{last:?}");
            }
            other => panic!("{other:?}"),
        }
        // What is half done is in the next preview, because apt will try it again.
        let next = world.install("e2e-tilde").await.unwrap();
        assert_eq!(told(&next), ["finish setting up e2e-badpost 1.0", "install e2e-tilde 1:1.0~rc1+b2"]);
        let away = world.remove("e2e-badpost").await.unwrap();
        world.commit(&away).await.unwrap();
        assert_eq!(world.versions("e2e-badpost,e2e-hello").await, [None, some("1.0")]);
    });
}

#[test]
fn a_search_finds_the_exact_name_first_with_its_versions() {
    in_root("a_search_finds_the_exact_name_first_with_its_versions", |world| async move {
        world.commit(&world.install("e2e-lib").await.unwrap()).await.unwrap();
        let hits: Vec<Hit> = world.apt.search("e2e lib").await.unwrap();
        assert_eq!(
            (hits[0].name.as_str(), &hits[0].version, &hits[0].installed),
            ("e2e-lib", &some("1.0"), &some("1.0"))
        );
        assert_eq!(world.apt.search("E2E-hello").await.unwrap()[0].installed, None);
        for nothing in ["", "e2e.hello", "-oDebug::x=zz", "e2e[", "zzzzzz"] {
            assert_eq!(world.apt.search(nothing).await.unwrap(), [], "{nothing}");
        }
    });
}

/// Waits until a package's script says that it is there.
async fn wait_for(path: &str) {
    let start = Instant::now();
    while !Path::new(path).exists() {
        assert!(start.elapsed() < LONG, "{path} did not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
