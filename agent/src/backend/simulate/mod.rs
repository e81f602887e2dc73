//! A laptop that is not there: its services answer over socket pairs, so that clients of Steward can be written, and every action
//! tested, without D-Bus, root or a machine that may be changed.
//!
//! What it says is what the real services say, as far as Steward asks; the seam is the connection, and all code above it is the real
//! one. It has switches for trouble. It is no place for behaviour that Steward itself should have, and it never touches the machine.

mod bus;
mod files;
pub mod package_kit;
mod services;
mod sound;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bus::Bus;
use super::package::mock::MockArchive;

/// What a laptop consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// logind.
    Login1,
    /// NetworkManager.
    NetworkManager,
    /// BlueZ.
    Bluez,
    /// UPower.
    Upower,
    /// The desktop portal.
    Portal,
    /// The user's systemd.
    UserManager,
    /// The sound server.
    Sound,
}

/// What goes wrong with a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// It does not run, and is not started when it is called.
    Missing,
    /// It answers with this error and does nothing; the name, then its words.
    Says(&'static str, &'static str),
    /// It does what it is told and never answers.
    Silent,
    /// It does what it is told and ends before it answers.
    Dies,
    /// It does what it is told, and the bus, or the server's socket, is gone before it answers. The next connection is a good one.
    Closes,
}

/// When something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At every call.
    Always,
    /// At calls that change something; it can still be looked at.
    Changing,
}

/// A laptop with a battery, Wi-Fi, two Bluetooth adapters, sound, a screen and a small archive of packages.
#[derive(Clone, Debug)]
pub struct Laptop {
    inside: Arc<Inside>,
    archive: Arc<MockArchive>,
}

/// The laptop's inside, which its services share.
#[derive(Debug)]
struct Inside {
    folder: PathBuf,
    /// Guards how it stands; never held while waiting.
    state: Mutex<State>,
}

/// How a laptop stands.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names of what they are")]
pub struct State {
    pub wifi: bool,
    /// Whether the key on the keyboard lets Wi-Fi be on.
    pub wifi_key: bool,
    /// What `GetPermissions` says of switching Wi-Fi: `yes`, `auth` or `no`.
    pub may_switch_wifi: &'static str,
    /// Whether a cable carries the connection; else Wi-Fi does.
    pub cable: bool,
    /// The Bluetooth adapters by name, and whether each is on.
    pub adapters: BTreeMap<String, bool>,
    /// An adapter that `rfkill` keeps off.
    pub blocked: Option<&'static str>,
    /// An adapter that can be switched off and not on again.
    pub stuck: Option<&'static str>,
    /// In percent.
    pub battery: u8,
    /// What `CanReboot` and its like answer.
    pub can: &'static str,
    pub locked: bool,
    /// Other people who are logged in.
    pub others: Vec<&'static str>,
    /// Programs that do not want the machine to stop: who, and why.
    pub inhibitors: Vec<(&'static str, &'static str)>,
    /// The channels of the output, of 65,536 at 100 percent.
    pub volume: Vec<u32>,
    pub muted: bool,
    /// The output; none when it was unplugged.
    pub output: Option<&'static str>,
    /// How the user's systemd ends a job.
    pub job: &'static str,
    /// What the portal answers: 0 opened, 1 cancelled, 2 something else.
    pub portal: u32,
    /// What was done that leaves no state: `reboot`, `power-off`, `suspend`, `start UNIT`, `open URL`.
    pub done: Vec<String>,
    trouble: HashMap<Part, (When, Trouble)>,
    /// Counts the jobs of systemd.
    jobs: u32,
}

impl Default for State {
    fn default() -> State {
        State {
            wifi: true,
            wifi_key: true,
            may_switch_wifi: "yes",
            cable: false,
            adapters: [("hci0".to_owned(), true), ("hci1".to_owned(), true)].into(),
            blocked: None,
            stuck: None,
            battery: 80,
            can: "yes",
            locked: false,
            others: Vec::new(),
            inhibitors: Vec::new(),
            volume: vec![45_875, 45_875],
            muted: false,
            output: Some("Built-in Audio"),
            job: "done",
            portal: 0,
            done: Vec::new(),
            trouble: HashMap::new(),
            jobs: 0,
        }
    }
}

impl Laptop {
    /// A laptop whose files are in `folder`, which only this user can enter: sound at 70 percent, the screen at 50, Wi-Fi and Bluetooth
    /// on, the battery at 80. Runs on the runtime that this is called on.
    ///
    /// # Errors
    /// When `folder` cannot be written, or its path is too long for a socket.
    pub fn new(folder: &Path) -> io::Result<Laptop> {
        files::write(folder)?;
        let inside = Arc::new(Inside { folder: folder.to_owned(), state: Mutex::default() });
        sound::listen(inside.clone())?;
        Ok(Laptop { inside, archive: MockArchive::shipped() })
    }

    /// Its two buses.
    pub fn bus(&self) -> Bus {
        bus::of(&self.inside)
    }

    /// The socket of its sound server.
    pub fn sound(&self) -> PathBuf {
        files::sound(&self.inside.folder)
    }

    /// The folder in the place of `/` for files that are read and written: an empty home and an empty `/tmp`.
    pub fn root(&self) -> PathBuf {
        files::root(&self.inside.folder)
    }

    /// The folder in the place of `/sys`, with its screen.
    pub fn sysfs(&self) -> PathBuf {
        files::sysfs(&self.inside.folder)
    }

    /// The folder in the place of `/usr/share`, with its apps.
    pub fn data(&self) -> PathBuf {
        files::data(&self.inside.folder)
    }

    /// Its archive of packages, which has switches of its own.
    pub fn archive(&self) -> &Arc<MockArchive> {
        &self.archive
    }

    /// Makes something go wrong from now on.
    pub fn trouble(&self, part: Part, when: When, trouble: Trouble) {
        self.inside.state().trouble.insert(part, (when, trouble));
    }

    /// How it stands.
    pub fn state(&self) -> State {
        self.inside.state().clone()
    }

    /// Changes it behind Steward's back, as a person with another program would.
    pub fn meddle(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.inside.state());
    }

    /// The raw value of the screen's backlight, of 255.
    pub fn backlight(&self) -> u32 {
        files::backlight(&self.inside.folder)
    }

    /// Changes the backlight behind Steward's back.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn meddle_backlight(&self, raw: u32) -> io::Result<()> {
        files::set_backlight(&self.inside.folder, raw)
    }
}

impl Inside {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What goes wrong with a call.
    fn trouble(&self, part: Part, changes: bool) -> Trouble {
        match self.state().trouble.get(&part) {
            Some((When::Always, trouble)) => *trouble,
            Some((When::Changing, trouble)) if changes => *trouble,
            _ => Trouble::None,
        }
    }
}
