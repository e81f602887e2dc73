//! What the machine's agent writes down for root to carry out: one order a file, found by its id and bound by its digest.
//!
//! Whoever writes orders is trusted with what an order can say and with nothing else. So root follows no link on the way to
//! the file, reads it once and not too much of it, compares the digest that the service manager was told, and believes
//! nothing in it that it can check. Nothing here runs anything.

use std::fmt;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::fs::{CWD, OFlags, ResolveFlags};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::transaction::{Item, Transaction, VERSION, is_word};
use super::{Manager, ManagerName, clean};

/// The largest order in bytes. An upgrade of all packages of a large desktop, about 5,000, has a fifth of it.
pub(super) const MAX_ORDER: u64 = 4 << 20;
/// The most packages in one order: more than any distribution can have installed at once in practice.
const MAX_ITEMS: usize = 20_000;
/// The folder of the orders in the agent's state folder.
pub(super) const FOLDER: &str = "orders";

/// What root is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Exactly this.
    Commit(Transaction),
    /// Fetch the package index of a manager.
    Refresh(ManagerName),
}

/// The name of one order: its id, and what it says in 32 bytes. Written `ID-DIGEST`, which is the instance of the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instance {
    /// The id: for a commit that of the request.
    pub id: Uuid,
    digest: [u8; 32],
}

impl Instance {
    /// The unit that carries it out.
    #[must_use]
    pub fn unit(&self) -> String {
        format!("steward-txn@{self}.service")
    }

    fn of(id: Uuid, bytes: &[u8]) -> Instance {
        Instance { id, digest: Sha256::digest(bytes).into() }
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.id)?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Instance {
    type Err = Refusal;

    /// Only what [`Instance`] itself writes: 36 characters, `-`, and 64 lower-case digits.
    fn from_str(text: &str) -> Result<Instance, Refusal> {
        let read = || {
            let (id, digits) = (text.get(..36)?, text.get(36..)?.strip_prefix('-')?);
            let id = Uuid::try_parse(id).ok()?;
            let mut digest = [0; 32];
            if digits.len() != 64 {
                return None;
            }
            for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
                *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
            }
            let instance = Instance { id, digest };
            (instance.to_string() == text).then_some(instance)
        };
        read().ok_or(Refusal::Instance)
    }
}

/// Why root does not carry an order out. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The instance is no name of an order.
    #[error(
        "this is started by the machine's agent of Steward, with a transaction's id and SHA-256; it is not for use by hand"
    )]
    Instance,
    /// Whoever started this is not root.
    #[error("only root may do this; steward-txn@.service does it for the machine's agent")]
    NotRoot,
    /// A file or folder is not as it has to be.
    #[error("{}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file is not what was approved.
    #[error("{}: its SHA-256 is not the one in the unit's name, so it is not what was approved", .0.display())]
    Digest(PathBuf),
    /// The file says something that no order says.
    #[error("the order is refused: {0}")]
    Order(String),
    /// It was begun before; an order is carried out once.
    #[error("the transaction {0} was begun before; it is not begun again")]
    Twice(Uuid),
}

/// Writes an order down in the agent's state folder, and gives its name.
///
/// # Errors
/// What the disk says.
pub(super) fn write(state: &Path, id: Uuid, order: &Order) -> std::io::Result<Instance> {
    let folder = state.join(FOLDER);
    crate::store::private_folder(&folder).map_err(std::io::Error::other)?;
    let bytes = serde_json::to_vec(order)?;
    // The name is new with every id; a file that is there already is not touched.
    let path = file(state, id);
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    out.write_all(&bytes)?;
    out.sync_data()?;
    Ok(Instance::of(id, &bytes))
}

/// Forgets an order that is carried out, or will not be.
pub(super) fn forget(state: &Path, id: Uuid) {
    let path = file(state, id);
    if let Err(e) = std::fs::remove_file(&path)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!("{} could not be removed: {e}", path.display());
    }
}

fn file(state: &Path, id: Uuid) -> PathBuf {
    state.join(FOLDER).join(format!("{id}.json"))
}

/// Reads the order `instance` from the state folder of the agent, whose uid is `owner`, and checks all of it. `allowed` are
/// the managers that the administrator's configuration has.
///
/// # Errors
/// [`Refusal`].
pub(super) fn read(state: &Path, owner: u32, instance: &Instance, allowed: &[ManagerName]) -> Result<Order, Refusal> {
    let bytes = bytes(state, owner, instance)?;
    let path = file(state, instance.id);
    if Instance::of(instance.id, &bytes) != *instance {
        return Err(Refusal::Digest(path));
    }
    understood(&bytes, allowed)
}

/// What the bytes of an order say, all of it checked.
///
/// # Errors
/// [`Refusal::Order`].
pub fn understood(bytes: &[u8], allowed: &[ManagerName]) -> Result<Order, Refusal> {
    let order: Order = serde_json::from_slice(bytes).map_err(|e| Refusal::Order(clean(&e.to_string())))?;
    check(&order, allowed).map_err(Refusal::Order)?;
    Ok(order)
}

/// The bytes of the file, if it and the folders above are the agent's own and nobody else's. The folders above the state
/// folder are root's.
fn bytes(state: &Path, owner: u32, instance: &Instance) -> Result<Vec<u8>, Refusal> {
    let refuse = |path: &Path, why: &dyn fmt::Display| Refusal::File { path: path.to_owned(), why: why.to_string() };
    let folder_flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
    // NONBLOCK: a FIFO in its place must not hold this up.
    let file_flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let beneath =
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    let none = rustix::fs::Mode::empty();

    let top = rustix::fs::openat(CWD, state, folder_flags, none).map_err(|e| refuse(state, &e))?;
    let path = state.join(FOLDER);
    let folder = rustix::fs::openat2(&top, FOLDER, folder_flags, none, beneath).map_err(|e| refuse(&path, &e))?;
    let own_folder = |path: &Path, fd: &std::os::fd::OwnedFd| {
        let there = rustix::fs::fstat(fd).map_err(|e| refuse(path, &e))?;
        private(there.st_uid, there.st_mode, owner).map_err(|why| refuse(path, &why))
    };
    own_folder(state, &top)?;
    own_folder(&path, &folder)?;

    let path = file(state, instance.id);
    let name = format!("{}.json", instance.id);
    let file = rustix::fs::openat2(&folder, name, file_flags, none, beneath).map_err(|e| refuse(&path, &e))?;
    let file = std::fs::File::from(file);
    let there = file.metadata().map_err(|e| refuse(&path, &e))?;
    if !there.is_file() {
        return Err(refuse(&path, &"it is not a regular file"));
    }
    private(there.uid(), there.mode(), owner).map_err(|why| refuse(&path, &why))?;
    if there.nlink() != 1 {
        return Err(refuse(&path, &"it has more than one name"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_ORDER + 1).read_to_end(&mut bytes).map_err(|e| refuse(&path, &e))?;
    if bytes.len() as u64 > MAX_ORDER {
        return Err(refuse(&path, &format!("it is larger than {MAX_ORDER} bytes")));
    }
    Ok(bytes)
}

/// Whether something belongs to `owner` and is nobody else's business.
fn private(uid: u32, mode: u32, owner: u32) -> Result<(), String> {
    if uid != owner {
        return Err(format!("it belongs to uid {uid}, not to uid {owner}"));
    }
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(format!("others can use it (mode {:04o})", mode & 0o7777)),
    }
}

/// Whether an order says only what an order may say.
fn check(order: &Order, allowed: &[ManagerName]) -> Result<(), String> {
    let manager = match order {
        Order::Refresh(manager) => Some(*manager),
        Order::Commit(transaction) => {
            if transaction.items.is_empty() || transaction.items.len() > MAX_ITEMS {
                return Err(format!("it has {} packages; 1 to {MAX_ITEMS} are possible", transaction.items.len()));
            }
            transaction.items.iter().try_for_each(check_item)?;
            transaction.manager
        }
    };
    let name = manager.ok_or("it names no package manager")?;
    if !by_root(name) || !allowed.contains(&name) || Manager::of_this_machine(name).is_none() {
        return Err(format!("{} is no package manager that is used as root here", name.as_str()));
    }
    Ok(())
}

/// Whether root runs this manager itself. PackageKit has root of its own and asks polkit who may; flatpak would be simulated for the
/// agent's own user.
pub(super) fn by_root(manager: ManagerName) -> bool {
    !matches!(manager, ManagerName::PackageKit | ManagerName::Flatpak)
}

/// Names, architectures and versions become arguments: none may be an option, a file, a pattern or more than one word.
fn check_item(item: &Item) -> Result<(), String> {
    let word = |what: &str, text: &str, more: &str| {
        if is_word(text, more) { Ok(()) } else { Err(format!("`{}` is no {what}", clean(text))) }
    };
    word("name of a package", &item.name, "+.-_@")?;
    item.arch.iter().try_for_each(|arch| word("architecture", arch, "-_"))?;
    let versions = item.from.iter().chain(&item.to);
    versions.into_iter().try_for_each(|version| word("version", version, VERSION))?;
    // Without it "install this version" would become "install any", or "remove" by the manager's grammar.
    if item.verb.keeps() && item.to.is_none() {
        return Err(format!("`{}` has no version", item.name));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::super::transaction::{Mark, Verb};
    use super::*;

    fn item(name: &str) -> Item {
        Item {
            verb: Verb::Install,
            name: name.into(),
            arch: Some("amd64".into()),
            from: None,
            to: Some("1:2.0~rc1+b2-3".into()),
            origin: Some("Debian:12".into()),
            download_bytes: Some(1),
            mark: Mark::Manual,
        }
    }

    fn commit(items: Vec<Item>) -> Order {
        Order::Commit(Transaction { manager: Some(ManagerName::Apt), items, ..Transaction::default() })
    }

    fn own() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    const APT: &[ManagerName] = &[ManagerName::Apt];

    /// A state folder with one good order in it.
    fn state() -> (tempfile::TempDir, PathBuf, Instance) {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        crate::store::private_folder(&state).unwrap();
        let instance = write(&state, Uuid::new_v4(), &commit(vec![item("cowsay")])).unwrap();
        (folder, state, instance)
    }

    #[test]
    fn an_order_that_was_written_is_read_once_its_name_is_said() {
        let (_folder, state, instance) = state();
        assert_eq!(instance.to_string().parse::<Instance>().unwrap(), instance);
        assert_eq!(read(&state, own(), &instance, APT).unwrap(), commit(vec![item("cowsay")]));
        let again = write(&state, instance.id, &Order::Refresh(ManagerName::Apt));
        assert!(again.is_err(), "an order is never written over");
        forget(&state, instance.id);
        assert!(read(&state, own(), &instance, APT).is_err());
    }

    #[test]
    fn what_is_no_name_of_an_order_is_refused() {
        let (_folder, _, good) = state();
        let good = good.to_string();
        let table = [
            String::new(),
            "x".into(),
            good[..36].into(),
            good.to_uppercase(),
            format!("{good}0"),
            good.replacen('-', "", 1),
            format!("../{}", &good[3..]),
            format!("{}\u{e9}{}", &good[..35], &good[36..]),
            good.replace(&good[40..42], "+1"),
        ];
        for text in table {
            assert!(matches!(text.parse::<Instance>(), Err(Refusal::Instance)), "{text}");
        }
    }

    #[test]
    fn a_file_that_is_not_the_agents_own_or_not_what_was_approved_is_refused() {
        type Spoil = fn(&Path, &Path);
        let table: [(&str, Spoil, &str); 11] = [
            ("readable by others", |_, file| chmod(file, 0o604), "mode 0604"),
            ("writable by its group", |_, file| chmod(file, 0o660), "mode 0660"),
            ("a folder that others enter", |state, _| chmod(&state.join(FOLDER), 0o755), "mode 0755"),
            ("a state folder that others enter", |state, _| chmod(state, 0o711), "mode 0711"),
            (
                "a link",
                |state, file| {
                    std::fs::rename(file, state.join("elsewhere")).unwrap();
                    symlink(state.join("elsewhere"), file).unwrap();
                },
                "Too many levels",
            ),
            (
                "a folder that is a link",
                |state, _| {
                    std::fs::rename(state.join(FOLDER), state.join("elsewhere")).unwrap();
                    symlink(state.join("elsewhere"), state.join(FOLDER)).unwrap();
                },
                "orders:",
            ),
            (
                "a second name",
                |state, file| std::fs::hard_link(file, state.join("second")).unwrap(),
                "more than one name",
            ),
            (
                "a FIFO",
                |_, file| {
                    std::fs::remove_file(file).unwrap();
                    rustix::fs::mknodat(CWD, file, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
                },
                "not a regular file",
            ),
            (
                "another content",
                |_, file| {
                    let bytes = std::fs::read(file).unwrap();
                    std::fs::write(file, String::from_utf8(bytes).unwrap().replace("cowsay", "sudo12")).unwrap();
                },
                "not what was approved",
            ),
            (
                "too large",
                |_, file| {
                    let length = MAX_ORDER + 1;
                    std::fs::File::options().write(true).open(file).unwrap().set_len(length).unwrap();
                },
                "larger than",
            ),
            ("gone", |_, file| std::fs::remove_file(file).unwrap(), "No such file"),
        ];
        for (name, spoil, why) in table {
            let (_folder, state, instance) = state();
            spoil(&state, &file(&state, instance.id));
            let said = read(&state, own(), &instance, APT).expect_err(name).to_string();
            assert!(said.contains(why), "{name}: {said}");
        }
        let (_folder, state, instance) = state();
        let said = read(&state, own() + 1, &instance, APT).unwrap_err().to_string();
        assert!(said.contains("belongs to uid"), "another owner: {said}");
    }

    fn chmod(path: &Path, mode: u32) {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_no_order_may_say_is_refused() {
        let with = |change: &dyn Fn(&mut Item)| {
            let mut item = item("cowsay");
            change(&mut item);
            commit(vec![item])
        };
        let by =
            |manager| Order::Commit(Transaction { manager, items: vec![item("cowsay")], ..Transaction::default() });
        let table = [
            (commit(vec![]), "0 packages"),
            (commit(vec![item("cowsay"); MAX_ITEMS + 1]), "20001 packages"),
            (with(&|i| i.name = "-oDPkg::Pre-Invoke::=id".into()), "no name of a package"),
            (with(&|i| i.name = "./evil.deb".into()), "no name of a package"),
            (with(&|i| i.name = "a*".into()), "no name of a package"),
            (with(&|i| i.name = "two words".into()), "no name of a package"),
            (with(&|i| i.name = String::new()), "no name of a package"),
            (with(&|i| i.name = "x".repeat(201)), "no name of a package"),
            (with(&|i| i.arch = Some("amd64=1".into())), "no architecture"),
            (with(&|i| i.to = Some("1/../x".into())), "no version"),
            (with(&|i| i.to = Some("--force".into())), "no version"),
            (with(&|i| i.from = Some("1 2".into())), "no version"),
            (with(&|i| i.to = None), "has no version"),
            (by(None), "names no package manager"),
            (by(Some(ManagerName::PackageKit)), "no package manager that is used as root"),
            (by(Some(ManagerName::Pacman)), "no package manager that is used as root"),
            (Order::Refresh(ManagerName::PackageKit), "no package manager that is used as root"),
        ];
        for (order, why) in table {
            let said = check(&order, APT).expect_err(why);
            assert!(said.contains(why), "{why}: {said}");
        }
        for good in [by(Some(ManagerName::Apt)), Order::Refresh(ManagerName::Apt)] {
            assert_eq!(check(&good, APT), Ok(()));
        }
        for text in [r#"{"commit":{"items":[],"shell":"id"}}"#, r#"{"run":"id"}"#, r#"{"refresh":"rm"}"#, "[]", ""] {
            assert!(serde_json::from_str::<Order>(text).is_err(), "{text}");
        }
    }
}
