//! The package backend against the real dnf, zypper, pacman and flatpak, each in a throwaway root with a local repository
//! (`contrib/testbed/manager-root.sh`).
//!
//! dnf, zypper and pacman need root for their roots. Without root or the tools a test says why and passes; with `STEWARD_TEST_REAL=1`
//! that is a failure.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use steward_agent::backend::package::dnf::{Dnf, DnfPaths};
use steward_agent::backend::package::flatpak::argv::Scope;
use steward_agent::backend::package::flatpak::{Flatpak, FlatpakPaths};
use steward_agent::backend::package::pacman::{Pacman, PacmanPaths};
use steward_agent::backend::package::zypper::{Zypper, ZypperPaths};
use steward_agent::backend::package::{
    Change, Done, Manager, Mark, PackageError, PackageName, Refresh, Running, Tool, Transaction,
};
use tokio::sync::mpsc;

/// Longer than anything here takes on a slow machine.
const LONG: Duration = Duration::from_secs(120);

/// The exit status of the script when this machine cannot do it.
const CANNOT: i32 = 77;

#[expect(clippy::disallowed_methods, reason = "tests look at the world with other programs")]
fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

/// Which manager, with what differs between them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dnf,
    Zypper,
    Pacman,
    Flatpak,
}

/// A root with its manager.
struct World {
    kind: Kind,
    manager: Manager,
    folder: tempfile::TempDir,
    count: std::cell::Cell<u32>,
}

/// Runs `body` in a fresh root, or says why not.
fn in_root<F: Future<Output = ()>>(kind: Kind, body: impl FnOnce(World) -> F) {
    let (script, program) = match kind {
        Kind::Dnf => ("rpm", "/usr/bin/dnf"),
        Kind::Zypper => ("rpm", "/usr/bin/zypper"),
        Kind::Pacman => ("pacman", "/usr/bin/pacman"),
        Kind::Flatpak => ("flatpak", "/usr/bin/flatpak"),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib/testbed/manager-root.sh");
    let why = if !rustix::process::geteuid().is_root() {
        Some("needs root".to_owned())
    } else if Path::new(program).exists() {
        let output = command(path).arg(script).arg(folder.path()).stdin(Stdio::null()).output().unwrap();
        match output.status.code() {
            Some(0) => None,
            Some(CANNOT) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            code => panic!("the root, exit status {code:?}: {}", String::from_utf8_lossy(&output.stderr)),
        }
    } else {
        Some(format!("{program} is not there"))
    };
    if let Some(why) = why {
        assert!(std::env::var_os("STEWARD_TEST_REAL").is_none_or(|v| v != "1"), "{why}");
        // Past the capture of the test harness, so that it is seen.
        let _ = writeln!(std::io::stderr(), "{}: skipped: {why}", std::thread::current().name().unwrap_or("a test"));
        return;
    }
    let manager = manager(kind, folder.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World { kind, manager, folder, count: 0.into() };
        if kind == Kind::Zypper {
            // libzypp cannot read a database that has become empty, which is that of no real machine.
            world.refresh().await;
            world.commit(&world.install("e2e-provider").await.unwrap()).await.unwrap();
        }
        body(world).await;
    });
}

/// The manager of a root.
fn manager(kind: Kind, at: &Path) -> Manager {
    let place = |name: &str| at.join(name);
    let text = |name: &str| place(name).display().to_string();
    let tool = |program: &str, args: Vec<String>| {
        let mut tool = Tool::new(program);
        tool.args = args;
        tool
    };
    let rpm = || tool("/usr/bin/rpm", vec!["--root".to_owned(), text("root")]);
    match kind {
        Kind::Dnf => {
            for folder in ["log", "persist", "cache"] {
                std::fs::create_dir_all(place(folder)).unwrap();
            }
            let args = [
                format!("--installroot={}", text("root")),
                "--disablerepo=*".to_owned(),
                format!("--repofrompath=e2e,file://{}", text("repo")),
                "--setopt=e2e.gpgcheck=0".to_owned(),
                "--setopt=reposdir=/nonexistent".to_owned(),
                format!("--setopt=cachedir={}", text("cache")),
                format!("--setopt=logdir={}", text("log")),
                format!("--setopt=persistdir={}", text("persist")),
                "--setopt=pluginpath=/nonexistent".to_owned(),
                "--releasever=1".to_owned(),
            ];
            Manager::Dnf(Dnf::new(DnfPaths {
                dnf: tool("/usr/bin/dnf", args.to_vec()),
                rpm: rpm(),
                pid_files: vec![place("persist/rpmdb_lock.pid"), place("cache/metadata_lock.pid")],
                rpm_locks: vec![],
                index: place("cache"),
            }))
        }
        Kind::Zypper => {
            let zypper = tool("/usr/bin/zypper", vec!["--root".to_owned(), text("root")]);
            let repository = format!("file://{}", text("repo"));
            let added = command("zypper")
                .args(["-n", "--root", &text("root"), "addrepo", "-G", &repository, "e2e"])
                .stdout(Stdio::null())
                .status();
            assert!(added.unwrap().success());
            Manager::Zypper(Zypper::new(ZypperPaths {
                zypper,
                rpm: rpm(),
                pid_file: place("root/run/zypp.pid"),
                rpm_locks: vec![],
                index: vec![place("root/var/cache/zypp/raw"), place("root/var/cache/zypp/solv")],
            }))
        }
        Kind::Pacman => {
            for folder in ["root/var/lib/pacman", "cache", "hooks", "gpg"] {
                std::fs::create_dir_all(place(folder)).unwrap();
            }
            let config =
                format!("[options]\nArchitecture = auto\nSigLevel = Never\n[e2e]\nServer = file://{}\n", text("repo"));
            std::fs::write(place("pacman.conf"), config).unwrap();
            let pairs = [
                ("--config", "pacman.conf"),
                ("--root", "root"),
                ("--dbpath", "root/var/lib/pacman"),
                ("--cachedir", "cache"),
                ("--logfile", "log"),
                ("--hookdir", "hooks"),
                ("--gpgdir", "gpg"),
            ];
            let args = pairs.iter().flat_map(|(option, name)| [(*option).to_owned(), text(name)]).collect();
            Manager::Pacman(Pacman::new(PacmanPaths {
                pacman: tool("/usr/bin/pacman", args),
                lock: place("root/var/lib/pacman/db.lck"),
                index: place("root/var/lib/pacman/sync"),
            }))
        }
        Kind::Flatpak => {
            let mut flatpak = Tool::new("/usr/bin/flatpak");
            std::fs::create_dir_all(place("run")).unwrap();
            let pairs =
                [("HOME", ""), ("XDG_DATA_HOME", "data"), ("FLATPAK_USER_DIR", "user"), ("XDG_RUNTIME_DIR", "run")];
            flatpak.env = pairs.iter().map(|(name, at)| ((*name).to_owned(), text(at))).collect();
            let added = command("flatpak")
                .args(["--user", "remote-add", "--no-gpg-verify", "e2e", &text("repo")])
                .envs(flatpak.env.iter().cloned())
                .status();
            assert!(added.unwrap().success());
            let config = place("user/repo/config");
            Manager::Flatpak(Flatpak::new(FlatpakPaths { flatpak, scope: Scope::User, config }))
        }
    }
}

impl World {
    fn names(list: &str) -> Vec<PackageName> {
        PackageName::list(list).unwrap()
    }

    async fn install(&self, list: &str) -> Result<Transaction, PackageError> {
        self.manager.simulate(&Change::Install(Self::names(list))).await
    }

    async fn remove(&self, list: &str) -> Result<Transaction, PackageError> {
        self.manager.simulate(&Change::Remove(Self::names(list))).await
    }

    fn new_folder(&self) -> PathBuf {
        self.count.set(self.count.get() + 1);
        let folder = self.folder.path().join(format!("transaction-{}", self.count.get()));
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    async fn commit(&self, transaction: &Transaction) -> Result<Done, PackageError> {
        let progress = mpsc::channel(1).0;
        let running = self.manager.start(transaction, &self.new_folder(), LONG, &progress).await?;
        self.manager.finish(transaction, &running, LONG, &progress).await
    }

    async fn versions(&self, list: &str) -> Vec<Option<String>> {
        self.manager.installed(&Self::names(list)).await.unwrap()
    }

    /// Old enough to be fetched again, and fetched.
    async fn refresh(&self) {
        let index = match self.kind {
            Kind::Dnf => vec!["cache"],
            Kind::Zypper => vec!["root/var/cache/zypp/raw", "root/var/cache/zypp/solv"],
            Kind::Pacman => vec!["root/var/lib/pacman/sync"],
            Kind::Flatpak => return,
        };
        for folder in index.iter().map(|name| self.folder.path().join(name)).filter(|folder| folder.exists()) {
            // Older than any repository that was made for these tests: pacman takes an index only when it is newer.
            let ages = command("find")
                .arg(&folder)
                .args(["-maxdepth", "1", "-exec", "touch", "-d", "2001-01-01", "{}", "+"])
                .status();
            assert!(ages.unwrap().success());
        }
        let progress = mpsc::channel(1).0;
        assert_eq!(self.manager.refresh(LONG, &progress).await.unwrap(), Refresh::Updated);
        // zypper writes nothing where a repository has nothing new.
        if self.kind != Kind::Zypper {
            assert_eq!(self.manager.refresh(LONG, &progress).await.unwrap(), Refresh::Fresh);
        }
    }

    /// The repository gets newer packages, and the manager is told.
    async fn newer_repository(&self) {
        let link = self.folder.path().join("repo");
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("v2", link).unwrap();
        self.refresh().await;
    }

    fn in_the_root(&self, name: &str) -> PathBuf {
        self.folder.path().join("root").join(name)
    }
}

fn told(transaction: &Transaction) -> Vec<String> {
    transaction.items.iter().map(ToString::to_string).collect()
}

fn some(version: &str) -> Option<String> {
    Some(version.to_owned())
}

async fn wait_for(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < LONG, "{} did not come", path.display());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

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
    let short = Duration::from_millis(300);
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
