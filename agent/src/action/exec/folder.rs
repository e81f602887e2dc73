//! Where no command writes, and where the machine's agent lets none work.

use std::path::Path;

/// Why a folder is not one that a command may write to, if it is not: what starts programs, and what Steward itself is, lies there.
pub(crate) fn not_to_be_written(folder: &Path, home: Option<&Path>, state: Option<&Path>) -> Option<&'static str> {
    const SYSTEM: [&str; 12] =
        ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/boot", "/dev", "/proc", "/sys", "/run"];
    const ABOVE: [&str; 8] = ["/", "/var", "/home", "/opt", "/srv", "/mnt", "/media", "/root"];
    if SYSTEM.iter().any(|s| folder.starts_with(s)) || ABOVE.iter().any(|a| folder == Path::new(a)) {
        return Some("it belongs to the system");
    }
    if holds_state(folder, state) {
        return Some("Steward's own files are there");
    }
    let home = home?.canonicalize().ok()?;
    if home.starts_with(folder) {
        return Some("a home folder has files that start programs");
    }
    let first = folder.strip_prefix(&home).ok()?.components().next()?;
    first
        .as_os_str()
        .as_encoded_bytes()
        .starts_with(b".")
        .then_some("hidden folders of a home have files that start programs")
}

/// Whether Steward's own files lie in or beneath a folder, or it among them.
pub(super) fn holds_state(folder: &Path, state: Option<&Path>) -> bool {
    let state = state.and_then(|s| s.canonicalize().ok());
    state.is_some_and(|state| state.starts_with(folder) || folder.starts_with(&state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_writes_where_programs_are_started_from() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let state = home.join("state");
        for folder in ["project", ".config/autostart", ".ssh", "state/audit"] {
            std::fs::create_dir_all(home.join(folder)).unwrap();
        }
        let refused = |folder: &Path| not_to_be_written(folder, Some(&home), Some(&state)).is_some();
        for bad in ["/", "/usr/local/x", "/etc", "/run/user/1000", "/home", "/dev/shm"] {
            assert!(refused(Path::new(bad)), "{bad}");
        }
        for bad in ["", ".config/autostart", ".ssh", "state", "state/audit"] {
            assert!(refused(&home.join(bad)), "{bad}");
        }
        assert!(refused(home.parent().unwrap()));
        assert!(!refused(&home.join("project")) && !refused(Path::new("/srv/work")));
    }
}
