//! The apps that are installed, from the desktop entries in the data folders (Desktop Entry and Base Directory specifications).
//!
//! The list is kept and read again when a folder changed; an entry is read anew when it is started. What starts them is in `start`.

pub mod entry;
pub mod exec;
pub mod find;
pub mod start;

use std::collections::HashSet;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use entry::{Entry, Languages};
use exec::{ExecError, Fields};

/// The longest desktop entry that is read, in bytes; those of big programs have all their languages in 40 thousand.
const MAX_ENTRY: u64 = 512 * 1024;
/// How many apps are kept; those of the person's own folder come first.
const MAX_APPS: usize = 4096;
/// How many files are looked at.
const MAX_FILES: usize = 4 * MAX_APPS;
/// How deep folders are looked into.
const MAX_DEPTH: usize = 4;

/// An installed app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct App {
    /// Its desktop file id without `.desktop`, such as `org.gnome.Calculator`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its name in the language of the session, where that is another.
    pub local_name: Option<String>,
    /// What it is, such as `Web Browser`.
    pub generic: Vec<String>,
    /// Other words for it.
    pub keywords: Vec<String>,
    /// Its categories.
    pub categories: Vec<String>,
    /// Whether menus of this desktop show it.
    pub shown: bool,
    file: PathBuf,
}

impl App {
    /// Its name as the person knows it.
    pub fn title(&self) -> &str {
        self.local_name.as_deref().unwrap_or(&self.name)
    }
}

/// How an app is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Its id.
    pub id: String,
    /// Its name as the person knows it.
    pub title: String,
    /// The program, absolute, and its arguments; none when it can only be started over D-Bus.
    pub argv: Option<Vec<String>>,
    /// Its desktop entry.
    pub entry: PathBuf,
    /// The folder to start in.
    pub folder: Option<PathBuf>,
    /// Whether it starts itself when it is called on the session bus.
    pub activatable: bool,
}

/// Why an app cannot be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// Its entry went away, or is no app's any more.
    #[error("the entry of `{0}` is not there any more")]
    Gone(String),
    /// Its command is wrong.
    #[error("the entry of `{id}` has a command that cannot be started: {error}")]
    Exec {
        /// Its id.
        id: String,
        /// What is wrong.
        error: ExecError,
    },
    /// Its program is not installed.
    #[error("the program `{program}` of `{id}` is not installed")]
    NoProgram {
        /// Its id.
        id: String,
        /// The program.
        program: String,
    },
    /// It needs a terminal and none is known here.
    #[error("`{0}` runs in a terminal, and no terminal program was found; install one, such as `xterm`")]
    NoTerminal(String),
}

/// Terminal programs and what stands before a command in their arguments. The first is the desktop's own choice, the second Debian's.
const TERMINALS: &[(&str, &[&str])] = &[
    ("xdg-terminal-exec", &[]),
    ("x-terminal-emulator", &["-e"]),
    ("gnome-terminal", &["--"]),
    ("kgx", &["--"]),
    ("ptyxis", &["--"]),
    ("konsole", &["-e"]),
    ("xfce4-terminal", &["-x"]),
    ("mate-terminal", &["-x"]),
    ("alacritty", &["-e"]),
    ("foot", &[]),
    ("kitty", &[]),
    ("xterm", &["-e"]),
];

/// The apps of a session.
#[derive(Debug)]
pub struct Apps {
    /// The folders with entries, the person's own first.
    folders: Vec<PathBuf>,
    /// Where programs without a path are looked for.
    path: Vec<PathBuf>,
    languages: Languages,
    /// The names of this desktop, for `OnlyShowIn`.
    desktops: Vec<String>,
    /// Guards the list that was read last.
    cache: Mutex<Option<Cache>>,
}

#[derive(Debug)]
struct Cache {
    apps: Arc<Vec<App>>,
    /// The folders that were looked into, with the time of their last change.
    seen: Vec<(PathBuf, Option<SystemTime>)>,
}

impl Apps {
    /// Those of the session in which this process runs: `XDG_DATA_HOME`, `XDG_DATA_DIRS`, `XDG_CURRENT_DESKTOP`, `PATH` and the locale of
    /// this process, which in the user service are the user manager's. Nothing is read yet.
    pub fn of_this_session() -> Apps {
        let var = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let home = directories::BaseDirs::new().map(|d| d.data_dir().to_owned());
        let system = var("XDG_DATA_DIRS").unwrap_or_else(|| "/usr/local/share:/usr/share".to_owned());
        let data = home.into_iter().chain(split_paths(&system));
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(var).unwrap_or_default();
        let desktops = var("XDG_CURRENT_DESKTOP").unwrap_or_default();
        Apps::new(data, split_paths(&var("PATH").unwrap_or_default()), &locale, &desktops)
    }

    /// Those in these data folders (`applications` below each), with programs in `path`.
    pub fn new(
        data: impl IntoIterator<Item = PathBuf>,
        path: impl IntoIterator<Item = PathBuf>,
        locale: &str,
        desktops: &str,
    ) -> Apps {
        Apps {
            folders: data.into_iter().map(|folder| folder.join("applications")).collect(),
            path: path.into_iter().collect(),
            languages: Languages::of(locale),
            desktops: desktops.split(':').filter(|d| !d.is_empty()).map(str::to_owned).collect(),
            cache: Mutex::default(),
        }
    }

    /// What is installed, in the order of ids. Costs one look at each folder when nothing changed. Reads the file system.
    pub fn installed(&self) -> Arc<Vec<App>> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = cache.as_ref().filter(|c| c.seen.iter().all(|(folder, at)| changed(folder) == *at)) {
            return kept.apps.clone();
        }
        let mut walk = Walk { apps: Vec::new(), ids: HashSet::new(), seen: Vec::new(), files: 0, of: self };
        for folder in &self.folders {
            walk.folder(folder, "", 0);
        }
        walk.apps.sort_by(|a, b| a.id.cmp(&b.id));
        let apps = Arc::new(walk.apps);
        *cache = Some(Cache { apps: apps.clone(), seen: walk.seen });
        apps
    }

    /// How to start an app, from its entry as it is now. Reads the file system.
    ///
    /// # Errors
    /// See [`LaunchError`].
    pub fn launch(&self, app: &App) -> Result<Launch, LaunchError> {
        let id = || app.id.clone();
        let entry = read(&app.file).and_then(|text| entry::parse(&text, &self.languages)).filter(|e| !e.hidden);
        let entry = entry.ok_or_else(|| LaunchError::Gone(id()))?;
        let title = entry.local_name.as_deref().unwrap_or(&entry.name);
        let file = app.file.to_string_lossy();
        let fields = Fields { icon: entry.icon.as_deref(), name: title, file: &file };
        // A name on the bus has a dot; an entry without one cannot be called there, whatever it says.
        let activatable = entry.activatable && app.id.contains('.');
        let argv = match &entry.exec {
            Some(exec) => {
                let argv = exec::parse(exec, &fields).map_err(|error| LaunchError::Exec { id: id(), error })?;
                Some(self.resolved(argv, entry.terminal, &app.id)?)
            }
            None if activatable => None,
            None => return Err(LaunchError::Exec { id: id(), error: ExecError::Empty }),
        };
        let folder = entry.folder.as_ref().map(PathBuf::from).filter(|f| f.is_absolute());
        Ok(Launch { id: id(), title: title.to_owned(), argv, entry: app.file.clone(), folder, activatable })
    }

    /// The command with an absolute program, in a terminal where it needs one.
    fn resolved(&self, mut argv: Vec<String>, terminal: bool, id: &str) -> Result<Vec<String>, LaunchError> {
        let program = self.program(&argv[0]).and_then(|p| p.into_os_string().into_string().ok());
        argv[0] = program.ok_or_else(|| LaunchError::NoProgram { id: id.to_owned(), program: argv[0].clone() })?;
        if !terminal {
            return Ok(argv);
        }
        let found = TERMINALS.iter().find_map(|(name, before)| Some((self.program(name)?, before)));
        let (emulator, before) = found.ok_or_else(|| LaunchError::NoTerminal(id.to_owned()))?;
        let emulator = emulator.to_string_lossy().into_owned();
        Ok(std::iter::once(emulator).chain(before.iter().map(|b| (*b).to_owned())).chain(argv).collect())
    }

    /// The executable file of this name: absolute already, or in the `PATH`.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let executable =
            |path: &Path| path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
        if name.starts_with('/') {
            return Some(PathBuf::from(name)).filter(|p| executable(p));
        }
        if name.contains('/') {
            return None;
        }
        self.path.iter().filter(|folder| folder.is_absolute()).map(|f| f.join(name)).find(|p| executable(p))
    }

    fn is_shown(&self, entry: &Entry) -> bool {
        let here = |names: &[String]| names.iter().any(|n| self.desktops.contains(n));
        !entry.no_display && entry.only_show_in.as_deref().is_none_or(here) && !here(&entry.not_show_in)
    }
}

fn split_paths(list: &str) -> impl Iterator<Item = PathBuf> + use<> {
    std::env::split_paths(list).filter(|p| p.is_absolute()).collect::<Vec<_>>().into_iter()
}

/// When a folder was changed last; none when it is not there.
fn changed(folder: &Path) -> Option<SystemTime> {
    folder.metadata().and_then(|m| m.modified()).ok()
}

/// The text of an entry; none when it cannot be read, is no file or is too long.
fn read(path: &Path) -> Option<Vec<u8>> {
    // A pipe or a device would keep the reader waiting.
    let meta = path.metadata().ok().filter(|m| m.is_file() && m.len() <= MAX_ENTRY)?;
    let mut text = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
    std::fs::File::open(path).ok()?.take(MAX_ENTRY).read_to_end(&mut text).ok()?;
    Some(text)
}

/// One reading of all folders.
struct Walk<'a> {
    apps: Vec<App>,
    /// Ids that were seen: an entry hides those of the same id in the folders after it, also when it says that it is none.
    ids: HashSet<String>,
    seen: Vec<(PathBuf, Option<SystemTime>)>,
    files: usize,
    of: &'a Apps,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) {
        // Noted before it is read: what changes meanwhile is seen the next time.
        self.seen.push((folder.to_owned(), changed(folder)));
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            self.files += 1;
            if self.files > MAX_FILES || self.apps.len() >= MAX_APPS {
                return;
            }
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = entry.path();
            match name.strip_suffix(".desktop") {
                Some(id) => self.file(path, format!("{prefix}{id}")),
                None if depth < MAX_DEPTH && entry.file_type().is_ok_and(|t| t.is_dir()) => {
                    self.folder(&path, &format!("{prefix}{name}-"), depth + 1);
                }
                None => (),
            }
        }
    }

    fn file(&mut self, file: PathBuf, id: String) {
        if !self.ids.insert(id.clone()) {
            return;
        }
        let Some(entry) = read(&file).and_then(|text| entry::parse(&text, &self.of.languages)) else { return };
        let there = entry.try_exec.as_deref().is_none_or(|program| self.of.program(program).is_some());
        if entry.hidden || !there {
            return;
        }
        let shown = self.of.is_shown(&entry);
        let Entry { name, local_name, generic, keywords, categories, .. } = entry;
        self.apps.push(App { id, name, local_name, generic, keywords, categories, shown, file });
    }
}

#[cfg(test)]
mod tests;
