//! Roots that are made for a test, with a package manager and small repositories of their own.

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
use steward_agent::backend::package::{Change, Done, Manager, PackageError, PackageName, Refresh, Tool, Transaction};
use tokio::sync::mpsc;

/// Longer than anything here takes on a slow machine.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// The exit status of the script when this machine cannot do it.
const CANNOT: i32 = 77;

#[expect(clippy::disallowed_methods, reason = "tests look at the world with other programs")]
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

/// Which manager, with what differs between them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Dnf,
    Zypper,
    Pacman,
    Flatpak,
}

/// A root with its manager.
pub(crate) struct World {
    pub(crate) kind: Kind,
    pub(crate) manager: Manager,
    pub(crate) folder: tempfile::TempDir,
    count: std::cell::Cell<u32>,
}

/// Runs `body` in a fresh root, or says why not.
pub(crate) fn in_root<F: Future<Output = ()>>(kind: Kind, body: impl FnOnce(World) -> F) {
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

    pub(crate) async fn install(&self, list: &str) -> Result<Transaction, PackageError> {
        self.manager.simulate(&Change::Install(Self::names(list))).await
    }

    pub(crate) async fn remove(&self, list: &str) -> Result<Transaction, PackageError> {
        self.manager.simulate(&Change::Remove(Self::names(list))).await
    }

    pub(crate) fn new_folder(&self) -> PathBuf {
        self.count.set(self.count.get() + 1);
        let folder = self.folder.path().join(format!("transaction-{}", self.count.get()));
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    pub(crate) async fn commit(&self, transaction: &Transaction) -> Result<Done, PackageError> {
        let progress = mpsc::channel(1).0;
        let running = self.manager.start(transaction, &self.new_folder(), LONG, &progress).await?;
        self.manager.finish(transaction, &running, LONG, &progress).await
    }

    pub(crate) async fn versions(&self, list: &str) -> Vec<Option<String>> {
        self.manager.installed(&Self::names(list)).await.unwrap()
    }

    /// Old enough to be fetched again, and fetched.
    pub(crate) async fn refresh(&self) {
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
    pub(crate) async fn newer_repository(&self) {
        let link = self.folder.path().join("repo");
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("v2", link).unwrap();
        self.refresh().await;
    }

    pub(crate) fn in_the_root(&self, name: &str) -> PathBuf {
        self.folder.path().join("root").join(name)
    }
}

pub(crate) fn told(transaction: &Transaction) -> Vec<String> {
    transaction.items.iter().map(ToString::to_string).collect()
}

pub(crate) fn some(version: &str) -> Option<String> {
    Some(version.to_owned())
}

pub(crate) async fn wait_for(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < LONG, "{} did not come", path.display());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
