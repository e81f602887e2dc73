//! Which resources systemd can limit here: a setting that no controller of the kernel carries out is taken by systemd and does nothing.
//! cgroups(7), systemd.resource-control(5).

use std::path::Path;

use super::read;

/// The longest list of controllers that is read, in bytes.
const MAX_LIST: u64 = 4096;

/// The controllers among `wanted` that are not there for the units of a manager whose control group is `group` (empty for the
/// machine's). `sysfs` is `/sys` but in tests.
pub fn missing(sysfs: &Path, group: &str, wanted: &[&'static str]) -> Vec<&'static str> {
    let root = sysfs.join("fs/cgroup");
    let is_there = |controller: &str| match read::text(&root.join("cgroup.controllers"), MAX_LIST) {
        // One hierarchy: what the manager's own group has, it can give to its units.
        Ok(_) => {
            let list = root.join(group.trim_start_matches('/')).join("cgroup.controllers");
            let list = read::text(&list, MAX_LIST).unwrap_or_default();
            list.split_ascii_whitespace().any(|c| c == controller)
        }
        // A hierarchy for each controller (version 1): these are never delegated to a person's systemd.
        Err(_) => group.trim_matches('/').is_empty() && root.join(controller).join("cgroup.procs").exists(),
    };
    wanted.iter().copied().filter(|c| !is_there(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_must_be_there_for_the_manager_that_is_asked() {
        let sys = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = sys.path().join("fs/cgroup").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!(missing(sys.path(), "", &["cpu", "memory"]), ["cpu", "memory"]);
        // Version 1: the machine's systemd has them, a person's does not.
        write("memory/cgroup.procs", "");
        assert_eq!(missing(sys.path(), "/", &["cpu", "memory"]), ["cpu"]);
        assert_eq!(missing(sys.path(), "/user.slice/x", &["memory"]), ["memory"]);
        // Version 2: as far as they are delegated.
        write("cgroup.controllers", "cpuset cpu io memory pids\n");
        write("user.slice/user@7.service/cgroup.controllers", "memory pids\n");
        assert!(missing(sys.path(), "", &["cpu", "memory"]).is_empty());
        assert_eq!(missing(sys.path(), "/user.slice/user@7.service", &["cpu", "memory"]), ["cpu"]);
    }
}
