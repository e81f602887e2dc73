//! The policy files on disk: which there are, whose they are, what is in them, and when they change.
//!
//! It reads and checks owners and modes; what the files say is the business of `steward-policy`.

mod open;
mod watch;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use steward_policy::{Layer, LoadError, Source, shipped};

use open::{Folder, Opened};
pub use watch::{SETTLE, Watch};

/// The largest policy file, in bytes.
pub const MAX_FILE: u64 = 4 << 20;
/// The most policy files in one folder.
pub const MAX_FILES: usize = 256;

/// Where policy files are looked for, and who may own them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    /// The administrator's folder.
    pub admin: PathBuf,
    /// The folder that packages write to.
    pub vendor: PathBuf,
    /// The user's folder; none for a system service.
    pub user: Option<PathBuf>,
    /// The files named by `--policy` or `STEWARD_POLICY`. They replace the user's folder, and where there is no admin file also
    /// the vendor folder; they never remove the administrator's.
    pub given: Vec<PathBuf>,
    /// The uid that the agent runs as: the user's folder and the given files belong to it or to `system`.
    pub uid: u32,
    /// The owner of the admin and vendor files: 0, but in tests.
    pub system: u32,
}

impl Roots {
    /// The usual folders of a person's agent: `/etc/steward/policy.d`, `/usr/share/steward/policy.d`, and `steward/policy.d`
    /// under `config_home` (`$XDG_CONFIG_HOME`).
    pub fn usual(config_home: Option<&Path>, given: Vec<PathBuf>, uid: u32) -> Roots {
        Roots {
            admin: PathBuf::from("/etc/steward/policy.d"),
            vendor: PathBuf::from("/usr/share/steward/policy.d"),
            user: config_home.map(|home| home.join("steward/policy.d")),
            given,
            uid,
            system: 0,
        }
    }

    /// The usual folders of the machine's agent: `/etc/steward/policy.d`, which is law for both, and
    /// `/usr/share/steward/system/policy.d`. A package brings a policy for a desktop and one for a server, and neither may
    /// hold where the other is meant.
    pub fn of_the_system(given: Vec<PathBuf>, uid: u32) -> Roots {
        Roots { vendor: PathBuf::from("/usr/share/steward/system/policy.d"), ..Roots::usual(None, given, uid) }
    }
}

/// One file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadFile {
    /// Its path.
    pub path: PathBuf,
    /// The layer that it belongs to.
    pub layer: Layer,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Its owner's uid.
    pub owner: u32,
    /// The owners of the folders above it, without repetitions.
    pub folder_owners: Vec<u32>,
}

impl ReadFile {
    /// Whether `uid` could write or replace the file: it owns the file or a folder above, or it is root.
    pub fn writable_by(&self, uid: u32) -> bool {
        uid == 0 || self.owner == uid || self.folder_owners.contains(&uid)
    }
}

/// All policy files of one moment, opened, checked and read, ready for [`steward_policy::Policy::load`]. No file at all is no error:
/// then the built-in policy holds.
#[derive(Clone, Debug, Default)]
pub struct ReadPolicy {
    /// The texts with their layers.
    pub sources: Vec<Source>,
    /// What is recorded of each, in the same order.
    pub files: Vec<ReadFile>,
}

impl ReadPolicy {
    /// Whether `uid` could change what the policy says: it can write a file that is not merely the user layer, which only tightens
    /// while another layer is there.
    pub fn self_writable(&self, uid: u32) -> bool {
        let others = self.files.iter().any(|f| f.layer != Layer::User);
        self.files.iter().any(|f| (f.layer != Layer::User || !others) && f.writable_by(uid))
    }
}

/// The policy files of an agent.
#[derive(Clone, Debug)]
pub struct PolicyFiles {
    roots: Roots,
}

impl PolicyFiles {
    /// The files under `roots`; nothing is read yet.
    pub fn new(roots: Roots) -> PolicyFiles {
        PolicyFiles { roots }
    }

    /// Whether the agent's own uid could change what the policy says: also where there is no file, and a first one of its user would
    /// be the whole policy.
    pub fn self_writable(&self, read: &ReadPolicy) -> bool {
        let first = read.files.is_empty() && (self.roots.user.is_some() || !self.roots.given.is_empty());
        first || self.roots.uid == 0 || read.self_writable(self.roots.uid)
    }

    /// Where it looks.
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// Reads all files: at start, and after SIGHUP.
    ///
    /// # Errors
    /// Everything that is wrong with any file: it is a link or no regular file, empty, too large, not UTF-8, or it or a folder above it
    /// belongs to somebody else or can be written by group or others.
    pub fn read(&self) -> Result<ReadPolicy, Vec<LoadError>> {
        let system = [self.roots.system];
        let own = [self.roots.uid, self.roots.system];
        let mut errors = Vec::new();
        let mut out = ReadPolicy::default();
        let mut take = |layer: Layer, opened: Result<Vec<Opened>, Vec<LoadError>>| match opened {
            Ok(files) => {
                let before = out.files.len();
                files.into_iter().for_each(|file| self.add(&mut out, &mut errors, layer, file));
                out.files.len() > before
            }
            Err(e) => {
                errors.extend(e);
                true
            }
        };
        let admin = take(Layer::Admin, folder(&self.roots.admin, &system, Folder::AsItIs));
        if self.roots.given.is_empty() {
            take(Layer::Vendor, folder(&self.roots.vendor, &system, Folder::AsItIs));
            if let Some(user) = &self.roots.user {
                take(Layer::User, folder(user, &own, Folder::Resolved));
            }
        } else {
            if admin {
                take(Layer::Vendor, folder(&self.roots.vendor, &system, Folder::AsItIs));
            }
            let layer = if admin { Layer::User } else { Layer::Vendor };
            for path in &self.roots.given {
                take(layer, open::one(path, &own).map(|f| vec![f]).map_err(|e| vec![e]));
            }
        }
        if errors.is_empty() { Ok(out) } else { Err(errors) }
    }

    /// Reads all files after a change. As [`PolicyFiles::read`], and an admin file of `last` that is gone is an error: losing a rule
    /// by accident must not loosen the policy, so that takes a SIGHUP.
    pub fn reread(&self, last: &ReadPolicy) -> Result<ReadPolicy, Vec<LoadError>> {
        let now = self.read()?;
        let gone: Vec<LoadError> = last
            .files
            .iter()
            .filter(|old| old.layer == Layer::Admin && !now.files.iter().any(|new| new.path == old.path))
            .map(|old| {
                LoadError::file(
                    old.path.display().to_string(),
                    "the admin file has vanished; SIGHUP goes on without it",
                )
            })
            .collect();
        if gone.is_empty() { Ok(now) } else { Err(gone) }
    }

    /// A watch for changes, from what is there now: to be made before the files are read, so that none is missed.
    pub fn watch(&self) -> Watch {
        Watch::new(self.roots.clone())
    }

    fn add(&self, out: &mut ReadPolicy, errors: &mut Vec<LoadError>, layer: Layer, file: Opened) {
        let name = file.path.display().to_string();
        let guarded = file.path.file_name().is_some_and(|n| n == "guarded.toml") || file.text == shipped::GUARDED;
        let roots_own = file.owner == self.roots.system && file.folder_owners.iter().all(|o| *o == self.roots.system);
        if guarded && !roots_own {
            errors.push(LoadError::file(name, "the guarded policy loads only where root alone can write it"));
            return;
        }
        let sha256 = Sha256::digest(file.text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
        out.sources.push(Source { layer, name, text: file.text });
        out.files.push(ReadFile {
            path: file.path,
            layer,
            sha256,
            owner: file.owner,
            folder_owners: file.folder_owners,
        });
    }
}

fn folder(path: &Path, owners: &[u32], how: Folder) -> Result<Vec<Opened>, Vec<LoadError>> {
    open::all(path, owners, how)
}

#[cfg(test)]
mod tests;
