use super::find::{Found, find};
use super::*;

/// Data folders with entries: the person's own, then the system's.
struct World(tempfile::TempDir);

impl World {
    fn new() -> World {
        let world = World(tempfile::tempdir().expect("a folder"));
        world.program("app");
        world
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn program(&self, name: &str) {
        let path = self.at("bin").join(name);
        std::fs::create_dir_all(self.at("bin")).expect("a folder");
        std::fs::write(&path, "#!/bin/sh\n").expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    fn entry(&self, path: &str, keys: &str) {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        std::fs::write(path, format!("[Desktop Entry]\nType=Application\n{keys}\n")).expect("a file");
    }

    fn apps(&self) -> Apps {
        Apps::new([self.at("home"), self.at("usr")], [self.at("bin")], "de_DE.UTF-8", "GNOME:Other")
    }

    fn ids(&self) -> Vec<String> {
        self.apps().installed().iter().map(|a| a.id.clone()).collect()
    }
}

fn one(apps: &Apps, name: &str) -> Result<Launch, LaunchError> {
    let installed = apps.installed();
    match find(&installed, name) {
        Found::One(app) => apps.launch(app),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn the_persons_own_entry_goes_before_the_systems_and_can_hide_it() {
    let world = World::new();
    world.entry("usr/applications/a.desktop", "Name=System's\nExec=app");
    world.entry("home/applications/a.desktop", "Name=Own\nExec=app");
    world.entry("usr/applications/b.desktop", "Name=B\nExec=app");
    world.entry("home/applications/b.desktop", "Name=B\nExec=app\nHidden=true");
    world.entry("usr/applications/sub/folder/c.desktop", "Name=C\nExec=app");
    world.entry("usr/applications/d.desktop", "Name=D\nExec=app\nTryExec=not-there");
    world.entry("usr/applications/e.txt", "Name=E\nExec=app");
    let apps = world.apps();
    let installed = apps.installed();
    let rows: Vec<(&str, &str)> = installed.iter().map(|a| (a.id.as_str(), a.name.as_str())).collect();
    assert_eq!(rows, [("a", "Own"), ("sub-folder-c", "C")]);
}

#[test]
fn what_menus_do_not_show_is_found_by_its_id_alone() {
    let world = World::new();
    for (id, keys, shown) in [
        ("plain", "", true),
        ("nodisplay", "NoDisplay=true", false),
        ("only", "OnlyShowIn=KDE;", false),
        ("here", "OnlyShowIn=KDE;GNOME;", true),
        ("not", "NotShowIn=GNOME;", false),
        ("elsewhere", "NotShowIn=KDE;", true),
    ] {
        world.entry(&format!("usr/applications/{id}.desktop"), &format!("Name=The {id}\nExec=app\n{keys}"));
        let installed = world.apps().installed();
        assert_eq!(matches!(find(&installed, &format!("the {id}")), Found::One(_)), shown, "{id}");
        assert!(matches!(find(&installed, id), Found::One(_)), "{id}");
    }
}

#[test]
fn the_list_is_read_again_when_a_folder_changed_and_only_then() {
    let world = World::new();
    let apps = world.apps();
    assert!(apps.installed().is_empty(), "no folder is there yet");
    world.entry("usr/applications/a.desktop", "Name=A\nExec=app");
    let first = apps.installed();
    assert_eq!(first.len(), 1);
    assert!(Arc::ptr_eq(&first, &apps.installed()));
    world.entry("usr/applications/kde/b.desktop", "Name=B\nExec=app");
    assert_eq!(apps.installed().len(), 2);
    // Times of the file system may be coarse, so one that certainly differs is set.
    std::fs::remove_file(world.at("usr/applications/kde/b.desktop")).expect("it is there");
    let folder = std::fs::File::open(world.at("usr/applications/kde")).expect("a folder");
    folder.set_modified(SystemTime::UNIX_EPOCH).expect("a time");
    assert_eq!(apps.installed().len(), 1);
}

#[test]
fn an_app_is_started_from_its_entry_as_it_is_now() {
    let world = World::new();
    world.entry("usr/applications/a.desktop", "Name=A\nName[de]=Ä\nExec=app --one %u\nPath=/tmp");
    let apps = world.apps();
    let app = world.at("bin/app").to_string_lossy().into_owned();
    let launch = one(&apps, "a").expect("it can be started");
    assert_eq!(launch.argv, Some(vec![app.clone(), "--one".to_owned()]));
    assert_eq!((launch.title.as_str(), launch.folder), ("Ä", Some(PathBuf::from("/tmp"))));
    world.entry("usr/applications/a.desktop", "Name=A\nExec=app --two");
    assert_eq!(one(&apps, "a").expect("it can be started").argv, Some(vec![app, "--two".to_owned()]));
    let installed = apps.installed();
    std::fs::remove_file(world.at("usr/applications/a.desktop")).expect("it is there");
    assert_eq!(apps.launch(&installed[0]), Err(LaunchError::Gone("a".to_owned())));
}

#[test]
fn what_cannot_be_started_is_an_error_that_says_why() {
    let world = World::new();
    let error = |keys: &str| {
        world.entry("usr/applications/x.desktop", &format!("Name=X\n{keys}"));
        one(&world.apps(), "x").unwrap_err()
    };
    assert_eq!(error("Exec=not-there"), LaunchError::NoProgram { id: "x".into(), program: "not-there".into() });
    assert_eq!(error("Exec=bin/app"), LaunchError::NoProgram { id: "x".into(), program: "bin/app".into() });
    assert_eq!(error("Exec=/tmp"), LaunchError::NoProgram { id: "x".into(), program: "/tmp".into() });
    assert_eq!(error("Exec=app \"x"), LaunchError::Exec { id: "x".into(), error: ExecError::Quote });
    assert_eq!(error("Comment=none"), LaunchError::Exec { id: "x".into(), error: ExecError::Empty });
    assert_eq!(error("DBusActivatable=true"), LaunchError::Exec { id: "x".into(), error: ExecError::Empty });
    assert_eq!(error("Exec=app\nTerminal=true"), LaunchError::NoTerminal("x".into()));
}

#[test]
fn what_runs_in_a_terminal_is_handed_to_one() {
    let world = World::new();
    world.program("xterm");
    world.entry("usr/applications/x.desktop", "Name=X\nExec=app 'a b'\nTerminal=true");
    let at = |name: &str| world.at("bin").join(name).to_string_lossy().into_owned();
    let argv = one(&world.apps(), "x").expect("it can be started").argv;
    assert_eq!(argv, Some(vec![at("xterm"), "-e".to_owned(), at("app"), "a b".to_owned()]));
    world.program("konsole");
    assert_eq!(one(&world.apps(), "x").expect("it can").argv.expect("a command")[0], at("konsole"));
}

#[test]
fn an_app_without_a_command_can_start_itself_on_the_bus() {
    let world = World::new();
    world.entry("usr/applications/org.example.App.desktop", "Name=X\nDBusActivatable=true");
    let launch = one(&world.apps(), "org.example.App").expect("it can be started");
    assert_eq!((launch.argv, launch.activatable), (None, true));
}

#[test]
fn a_pipe_a_folder_and_a_huge_file_are_no_entries() {
    let world = World::new();
    world.entry("usr/applications/a.desktop", "Name=A\nExec=app");
    std::fs::create_dir(world.at("usr/applications/folder.desktop")).expect("a folder");
    world.entry("usr/applications/huge.desktop", &format!("Name=H\nExec=app\n#{}", "x".repeat(600_000)));
    let pipe = world.at("usr/applications/pipe.desktop");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    assert_eq!(world.ids(), ["a"]);
}
