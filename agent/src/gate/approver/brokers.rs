//! Programs that stand between a person and a shell, or between a session and its programs.
//!
//! A process proves nothing with its name, so a broker is a program: an absolute path, root's own file, seen the same way
//! by the agent. An interpreter can never be one (a terminal emulator written in Python has the program `python3`), nor a
//! program that runs extensions of any kind beside its terminal, such as a code editor.

use std::collections::HashMap;

use super::chain::Link;

/// What a broker vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It gives a person a terminal: an emulator, a multiplexer, a login.
    Terminal,
    /// It starts programs because a person told it to, such as a desktop's shell. Two programs may meet in it, but it
    /// makes no terminal.
    Launcher,
}

/// Where distributions install them. `/proc/PID/exe` has no links in it, so merged and unmerged layouts are both here.
const FOLDERS: [&str; 9] = [
    "/usr/bin",
    "/usr/sbin",
    "/bin",
    "/sbin",
    "/usr/libexec",
    "/usr/lib/openssh",
    "/usr/libexec/openssh",
    "/usr/lib/ssh",
    "/usr/lib/gnome-terminal",
];

/// Programs of root that open a session for a person. Their link is known by its command name alone where the agent may
/// not read programs of root, see [`Link::root_comm`].
const LOGINS: [&str; 4] = ["sshd", "sshd-session", "login", "dropbear"];

const TERMINALS: [&str; 31] = [
    // Multiplexers and remote terminals.
    "tmux",
    "screen",
    "zellij",
    "abduco",
    "dtach",
    "mosh-server",
    // Emulators.
    "gnome-terminal-server",
    "kgx",
    "gnome-console",
    "ptyxis",
    "ptyxis-agent",
    "konsole",
    "yakuake",
    "xfce4-terminal",
    "lxterminal",
    "mate-terminal",
    "qterminal",
    "deepin-terminal",
    "cosmic-term",
    "tilix",
    "terminology",
    "xterm",
    "rxvt",
    "urxvt",
    "urxvtd",
    "foot",
    "kitty",
    "alacritty",
    "wezterm-gui",
    "ghostty",
    "stterm",
];

const LAUNCHERS: [&str; 20] = [
    "gnome-shell",
    "gnome-session-binary",
    "gnome-session-service",
    "plasmashell",
    "plasma_session",
    "ksmserver",
    "kwin_wayland",
    "kwin_x11",
    "xfce4-session",
    "xfce4-panel",
    "xfdesktop",
    "lxqt-session",
    "lxqt-panel",
    "mate-session",
    "cinnamon",
    "cosmic-session",
    "sway",
    "labwc",
    "i3",
    "openbox",
];

/// The brokers that count, by absolute path.
#[derive(Clone, Debug)]
pub struct Brokers {
    by_path: HashMap<String, Kind>,
}

impl Brokers {
    /// The list that Steward ships.
    pub fn shipped() -> Brokers {
        let terminals = LOGINS.iter().chain(&TERMINALS).map(|name| (name, Kind::Terminal));
        let launchers = LAUNCHERS.iter().map(|name| (name, Kind::Launcher));
        let everywhere = |(name, kind): (&&str, Kind)| {
            let name: &str = name;
            FOLDERS.map(|folder| (format!("{folder}/{name}"), kind))
        };
        Brokers { by_path: terminals.chain(launchers).flat_map(everywhere).collect() }
    }

    /// No broker at all: then nobody approves at `desktop`.
    pub fn none() -> Brokers {
        Brokers { by_path: HashMap::new() }
    }

    /// The same list and one more program by its absolute path.
    #[must_use]
    pub fn and(mut self, path: &str, kind: Kind) -> Brokers {
        self.by_path.insert(path.to_owned(), kind);
        self
    }

    /// What the process of this link vouches for, and how it is known.
    pub(super) fn find(&self, link: &Link) -> Option<Known> {
        if let Some(exe) = &link.exe {
            let kind = self.by_path.get(exe).filter(|_| link.exe_root_owned)?;
            return Some(Known { kind: *kind, by: By::Program });
        }
        // A process in its user manager's groups may have been put there by that user.
        let of_the_system = link.cgroup.as_ref().is_some_and(|group| !group.is_delegated());
        let name = link.root_comm.as_deref().filter(|_| of_the_system)?;
        let listed =
            LOGINS.contains(&name) && FOLDERS.iter().any(|f| self.by_path.contains_key(&format!("{f}/{name}")));
        listed.then_some(Known { kind: Kind::Terminal, by: By::RootsName })
    }
}

/// A broker that was found in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) kind: Kind,
    pub(super) by: By,
}

/// How a broker was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Program,
    RootsName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_interpreter_shell_or_pty_wrapper_is_a_broker() {
        let brokers = Brokers::shipped();
        for name in
            ["python3", "python3.11", "perl", "node", "bash", "sh", "script", "sudo", "su", "env", "code", "bwrap"]
        {
            for folder in FOLDERS {
                let path = format!("{folder}/{name}");
                assert_eq!(brokers.by_path.get(&path), None, "{path}");
            }
        }
    }

    #[test]
    fn every_listed_path_is_absolute_and_named_once() {
        let names = LOGINS.len() + TERMINALS.len() + LAUNCHERS.len();
        let brokers = Brokers::shipped();
        assert_eq!(brokers.by_path.len(), names * FOLDERS.len());
        assert!(brokers.by_path.keys().all(|path| path.starts_with('/')));
    }
}
