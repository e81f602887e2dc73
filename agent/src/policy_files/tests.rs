use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use tempfile::TempDir;

use super::*;

/// Three empty folders that belong to whoever runs the tests.
struct World {
    dir: TempDir,
    roots: Roots,
}

impl World {
    fn new() -> World {
        let dir = TempDir::new().unwrap();
        let base = dir.path().canonicalize().unwrap();
        let uid = rustix::process::getuid().as_raw();
        let roots = Roots {
            admin: base.join("admin"),
            vendor: base.join("vendor"),
            user: Some(base.join("user")),
            given: Vec::new(),
            uid,
            system: uid,
        };
        for folder in ["admin", "vendor", "user"] {
            fs::create_dir(base.join(folder)).unwrap();
            chmod(&base.join(folder), 0o755);
        }
        World { dir, roots }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().canonicalize().unwrap().join(name);
        fs::write(&path, text).unwrap();
        chmod(&path, 0o644);
        path
    }

    fn read(&self) -> Result<ReadPolicy, Vec<LoadError>> {
        PolicyFiles::new(self.roots.clone()).read()
    }

    fn refused(&self) -> String {
        self.read().unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    fn layers(&self) -> Vec<(Layer, String)> {
        let read = self.read().unwrap();
        read.files.iter().map(|f| (f.layer, f.path.file_name().unwrap().to_string_lossy().into_owned())).collect()
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

const GOOD: &str = "version = 1\n";

#[test]
fn only_toml_files_are_read_layer_by_layer_and_name_by_name() {
    let w = World::new();
    for name in [
        "admin/b.toml",
        "admin/a.toml",
        "vendor/v.toml",
        "user/u.toml",
        "user/notes.txt",
        "user/.hidden.toml",
        "user/x.toml~",
    ] {
        w.write(name, GOOD);
    }
    let names: Vec<_> = w.layers().into_iter().map(|(l, n)| format!("{} {n}", l.name())).collect();
    assert_eq!(names, ["admin a.toml", "admin b.toml", "vendor v.toml", "user u.toml"]);
    let read = w.read().unwrap();
    assert_eq!(read.files[0].sha256.len(), 64);
    assert_eq!(read.sources.len(), 4);
}

#[test]
fn folders_that_are_missing_or_empty_have_no_files() {
    let mut w = World::new();
    w.roots.admin = w.roots.admin.join("not/there");
    w.roots.user = None;
    assert!(w.read().unwrap().files.is_empty());
}

#[test]
fn given_files_replace_the_user_layer_or_without_admin_files_the_vendor_layer() {
    let mut w = World::new();
    w.write("vendor/v.toml", GOOD);
    w.write("user/u.toml", GOOD);
    w.roots.given = vec![w.write("mine.toml", GOOD)];
    assert_eq!(w.layers(), [(Layer::Vendor, "mine.toml".to_owned())]);
    w.write("admin/a.toml", GOOD);
    assert_eq!(
        w.layers(),
        [
            (Layer::Admin, "a.toml".to_owned()),
            (Layer::Vendor, "v.toml".to_owned()),
            (Layer::User, "mine.toml".to_owned())
        ]
    );
    w.roots.given = vec![w.dir.path().join("missing.toml")];
    assert!(w.refused().contains("does not exist"));
}

#[test]
fn a_file_that_is_not_what_it_should_be_is_refused() {
    let w = World::new();
    let path = w.write("admin/a.toml", " \n");
    assert!(w.refused().contains("the file is empty"));
    w.write("admin/a.toml", GOOD);
    chmod(&path, 0o664);
    assert!(w.refused().contains("can be written by group or others (mode 0664)"));
    fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    assert!(w.refused().contains("is a link"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(w.refused().contains("is not a regular file"));
    fs::remove_dir(&path).unwrap();
    fs::write(&path, [0xff, 0xfe]).unwrap();
    chmod(&path, 0o644);
    assert!(w.refused().contains("is not UTF-8"));
    fs::write(&path, vec![b'#'; MAX_FILE as usize + 1]).unwrap();
    assert!(w.refused().contains("is larger than 4 MiB"));
}

#[test]
fn a_folder_that_others_can_write_is_refused_when_there_are_files_in_it() {
    let w = World::new();
    chmod(&w.roots.admin, 0o777);
    assert!(w.read().is_ok());
    w.write("admin/a.toml", GOOD);
    assert!(w.refused().contains("can be written by group or others (mode 0777)"));
    // Sticky or not: whoever can write the folder itself can add a file.
    chmod(&w.roots.admin, 0o1777);
    assert!(w.refused().contains("mode 1777"));
    chmod(&w.roots.admin, 0o755);
    assert!(w.read().is_ok());
    // A folder above.
    chmod(w.dir.path(), 0o770);
    assert!(w.refused().contains("mode 0770"));
}

#[test]
fn a_file_of_somebody_else_is_refused() {
    let mut w = World::new();
    w.write("admin/a.toml", GOOD);
    w.roots.system = w.roots.uid + 1;
    assert!(w.refused().contains("belongs to uid"));
}

#[test]
fn the_system_folders_are_not_followed_through_links_and_the_users_is() {
    let mut w = World::new();
    w.write("admin/a.toml", GOOD);
    w.write("user/u.toml", GOOD);
    let base = w.dir.path().canonicalize().unwrap();
    symlink(base.join("user"), base.join("link")).unwrap();
    w.roots.user = Some(base.join("link"));
    assert_eq!(w.layers().len(), 2);
    w.roots.admin = base.join("link");
    assert!(w.refused().contains("is a link or not a folder"));
}

#[test]
fn the_guarded_policy_loads_only_where_root_alone_can_write_it() {
    let mut w = World::new();
    w.write("admin/guarded.toml", GOOD);
    assert!(w.read().is_ok());
    fs::remove_file(w.roots.admin.join("guarded.toml")).unwrap();
    w.write("user/other.toml", shipped::GUARDED);
    w.roots.system += 1;
    assert!(w.refused().contains("the guarded policy loads only where root alone can write it"));
}

#[test]
fn an_admin_file_that_vanishes_needs_more_than_a_change() {
    let w = World::new();
    let path = w.write("admin/a.toml", GOOD);
    w.write("user/u.toml", GOOD);
    let files = PolicyFiles::new(w.roots.clone());
    let last = files.read().unwrap();
    fs::remove_file(w.roots.user.as_ref().unwrap().join("u.toml")).unwrap();
    assert!(files.reread(&last).is_ok());
    fs::remove_file(&path).unwrap();
    assert!(files.reread(&last).unwrap_err()[0].to_string().contains("a.toml: the admin file has vanished"));
    assert!(files.read().unwrap().files.is_empty());
}

#[test]
fn who_can_write_the_policy_is_told_by_its_owners() {
    let w = World::new();
    w.write("user/u.toml", GOOD);
    let read = w.read().unwrap();
    assert!(read.self_writable(w.roots.uid));
    assert!(!read.self_writable(54_321));
    assert!(read.self_writable(0));
}

#[test]
fn without_any_file_the_policy_is_whosever_first_file_would_be_it() {
    let mut w = World::new();
    let nothing = ReadPolicy::default();
    assert!(PolicyFiles::new(w.roots.clone()).self_writable(&nothing), "the user's folder would be the policy");
    w.roots.user = None;
    w.roots.uid = 54_321;
    assert!(!PolicyFiles::new(w.roots.clone()).self_writable(&nothing), "only root can write where it is looked for");
    w.roots.uid = 0;
    assert!(PolicyFiles::new(w.roots.clone()).self_writable(&nothing), "root can write everywhere");
}

#[tokio::test]
async fn a_change_is_told_once_it_has_settled_also_in_a_folder_that_was_missing() {
    let mut w = World::new();
    fs::remove_dir(&w.roots.vendor).unwrap();
    w.roots.user = None;
    let mut watch = PolicyFiles::new(w.roots.clone()).watch();
    for text in [GOOD, "version = 1\n# more\n"] {
        if !w.roots.vendor.exists() {
            fs::create_dir(&w.roots.vendor).unwrap();
        }
        w.write("vendor/v.toml", text);
        let start = std::time::Instant::now();
        tokio::time::timeout(std::time::Duration::from_secs(20), watch.changed()).await.unwrap();
        assert!(start.elapsed() >= SETTLE - std::time::Duration::from_millis(50));
    }
    // Nothing is told of files that are none of ours.
    w.write("vendor/notes.txt", "x");
    assert!(tokio::time::timeout(SETTLE * 2, watch.changed()).await.is_err());
}
