//! What all processes of a command may use up together: a control group for it, made within the one that the service manager has
//! delegated to the agent. cgroups(7), version 2 alone; the units that are packaged say `Delegate=memory pids cpu`.
//!
//! Only profiles that have such limits need one. Others are spared the group, its files and the move of a process into it, because what else a
//! group would do, to end all of a command at once, its process group does. A limit that nothing here would count is refused by name and never left out.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Pid;
use steward_policy::SandboxGroup;

use crate::backend::read;

/// Where service managers mount the hierarchy of version 2: alone, or beside those of version 1.
const MOUNTED: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
/// The group of the agent itself within its own: one that hands controllers on to others has no processes in it.
const AGENT: &str = "agent";
/// How the names of the groups of commands begin; the agent's process and a number follow.
const COMMAND: &str = "command-";
/// The longest file of a group that is read, in bytes: each is a line, or a list of short ones.
const MAX_FILE: u64 = 64 * 1024;
/// How long the kernel may take to end a group that it was told to kill.
const EMPTYING: Duration = Duration::from_secs(2);
/// Keys of a profile.
pub(super) const MEMORY: &str = "memory_max_mib";
pub(super) const TASKS: &str = "tasks_max";

/// Why a command cannot have its limits: what is wanting, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanting {
    pub(super) fence: String,
    pub(super) what: String,
}

/// A controller that a profile needs, with the key of the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Controller {
    name: &'static str,
    key: &'static str,
}

fn controllers(limits: &SandboxGroup) -> Vec<Controller> {
    let all = [
        (limits.memory_max.is_some(), Controller { name: "memory", key: MEMORY }),
        (limits.tasks_max.is_some(), Controller { name: "pids", key: TASKS }),
        (limits.cpu_weight.is_some(), Controller { name: "cpu", key: "cpu_weight" }),
    ];
    all.into_iter().filter_map(|(wanted, controller)| wanted.then_some(controller)).collect()
}

impl Controller {
    fn wanting(self, what: impl std::fmt::Display) -> Wanting {
        let Controller { name, key } = self;
        Wanting {
            fence: format!("the cgroup controller `{name}`"),
            what: format!("{what}, or leave `{key}` out of the sandbox"),
        }
    }
}

/// Takes the agent's own process out of the way where it is alone in a control group that it may write to, as that of its unit is: to be
/// called at the start, while it has started nothing. Elsewhere everything stays as it is, and who needs a group is told why there is none.
pub fn settle() {
    if let Ok(home) = Home::here()
        && let Err(wanting) = home.settle()
    {
        tracing::debug!("commands have no control groups: {}", wanting.what);
    }
}

/// The group of one command; what is left in it is killed, and it is removed, when it ends or is dropped.
#[derive(Debug)]
pub(super) struct Group {
    folder: Option<PathBuf>,
}

/// Which of the limits a command ran into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reached {
    /// Some of it was killed for the memory that all of it had.
    pub(super) memory: bool,
    /// It was refused another process.
    pub(super) tasks: bool,
}

impl Reached {
    /// Their keys in a profile.
    pub(super) fn keys(self) -> Vec<&'static str> {
        [(self.memory, MEMORY), (self.tasks, TASKS)]
            .into_iter()
            .filter_map(|(reached, key)| reached.then_some(key))
            .collect()
    }
}

impl Group {
    /// A group with these limits. Blocks as file systems do.
    pub(super) fn new(limits: &SandboxGroup) -> Result<Group, Wanting> {
        static HOME: OnceLock<Result<Home, String>> = OnceLock::new();
        let wanted = controllers(limits);
        let first = *wanted.first().ok_or_else(|| Wanting { fence: "limits".into(), what: "there are none".into() })?;
        let home = HOME.get_or_init(Home::here).as_ref().map_err(|what| first.wanting(what))?;
        home.make(limits, &wanted)
    }

    /// Puts a process into it. What the process has used up before is not counted.
    pub(super) fn take(&self, process: u32) -> io::Result<()> {
        let folder = self.folder.as_deref().ok_or(io::ErrorKind::NotFound)?;
        fs::write(folder.join("cgroup.procs"), process.to_string())
    }

    /// Kills what is left, removes the group and says which limits were reached. Blocks until the kernel has done so.
    pub(super) fn end(mut self) -> Reached {
        self.folder.take().map(|folder| end(&folder)).unwrap_or_default()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(folder) = self.folder.take() else { return };
        kill(&folder);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || end(&folder))),
            Err(_) => drop(end(&folder)),
        }
    }
}

/// A kernel before 5.14 has no word for it; there the process group is what ends a command.
fn kill(folder: &Path) {
    let _none = fs::write(folder.join("cgroup.kill"), "1");
}

fn end(folder: &Path) -> Reached {
    kill(folder);
    if let Err(e) = emptied(folder) {
        tracing::warn!("the control group {} does not end: {e}", folder.display());
    }
    let count = |file: &str, key: &str| read(&folder.join(file)).ok().and_then(|text| counted(&text, key)).unwrap_or(0);
    let reached = Reached { memory: count("memory.events", "oom_kill") > 0, tasks: count("pids.events", "max") > 0 };
    if let Err(e) = fs::remove_dir(folder) {
        tracing::warn!("the control group {} stays: {e}", folder.display());
    }
    reached
}

/// Waits until no process is left in a group; the kernel says so by an event on its file.
fn emptied(folder: &Path) -> io::Result<()> {
    let mut events = fs::File::open(folder.join("cgroup.events"))?;
    let until = Instant::now() + EMPTYING;
    loop {
        let mut text = String::new();
        events.seek(SeekFrom::Start(0))?;
        (&mut events).take(MAX_FILE).read_to_string(&mut text)?;
        if counted(&text, "populated") == Some(0) {
            return Ok(());
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        poll(&mut [PollFd::new(&events, PollFlags::PRI)], Some(&left))?;
    }
}

/// The group that was given to the agent, in which those of commands are made.
#[derive(Clone, Debug)]
struct Home {
    /// The top of the hierarchy.
    top: PathBuf,
    /// The group's folder.
    folder: PathBuf,
}

impl Home {
    /// Finds it, and says what to do where there is none.
    fn here() -> Result<Home, String> {
        let own = read(Path::new("/proc/self/cgroup")).map_err(|e| format!("`/proc/self/cgroup` is not read ({e})"))?;
        let top = MOUNTED.iter().map(Path::new).find(|top| top.join("cgroup.controllers").exists());
        let top = top.ok_or("there is no hierarchy of version 2 on this machine; start it with one")?;
        Home::at(top, &own)
    }

    /// The group of a process whose `/proc/PID/cgroup` says `own`.
    fn at(top: &Path, own: &str) -> Result<Home, String> {
        let path = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
        if path.split('/').any(|part| part == "..") {
            return Err("the agent's own group lies outside of what it sees; give it one that it can see".to_owned());
        }
        let mut folder = top.join(path);
        // The agent was there before, or the service manager has put it there (`DelegateSubgroup=agent`).
        if folder.file_name().is_some_and(|name| name == AGENT) {
            folder.pop();
        }
        Ok(Home { top: top.to_owned(), folder })
    }

    /// Whether this is the kernel's own topmost group, which alone may have processes beside groups.
    fn is_top(&self) -> bool {
        !self.folder.join("cgroup.type").exists()
    }

    fn name(&self) -> String {
        format!("/{}", self.folder.strip_prefix(&self.top).unwrap_or(&self.folder).display())
    }

    fn make(&self, limits: &SandboxGroup, wanted: &[Controller]) -> Result<Group, Wanting> {
        let [top, own] = [&self.top, &self.folder].map(|f| read(&f.join("cgroup.controllers")).unwrap_or_default());
        if let Some((controller, what)) = lacking(&top, &own, &self.name(), wanted) {
            return Err(controller.wanting(what));
        }
        let first = wanted.first().copied();
        let failed = |what: String| match first {
            Some(controller) => controller.wanting(what),
            None => Wanting { fence: "a control group".to_owned(), what },
        };
        self.settle().map_err(|w| failed(w.what))?;
        for controller in wanted {
            self.hand_on(*controller)?;
        }
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(format!("{COMMAND}{}-{number}", std::process::id()));
        fs::create_dir(&folder).map_err(|e| failed(self.refused(&e)))?;
        let group = Group { folder: Some(folder) };
        group.limit(limits).map_err(|(file, e)| failed(format!("the kernel does not take `{file}` ({e})")))?;
        Ok(group)
    }

    /// Puts the agent into a group of its own within this one, and ends what commands of earlier agents have left here.
    fn settle(&self) -> Result<(), Wanting> {
        let wanting = |what: String| Wanting { fence: "a control group".to_owned(), what };
        if !self.is_top() {
            let procs = self.folder.join("cgroup.procs");
            let inside = || read(&procs).map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
            let others = |inside: &[String]| inside.iter().any(|pid| *pid != std::process::id().to_string());
            let all = inside().map_err(|e| wanting(self.refused(&e)))?;
            if others(&all) {
                let what = format!(
                    "other processes are in the agent's own control group `{}`; start the agent in one of its own, with `Delegate=yes`",
                    self.name()
                );
                return Err(wanting(what));
            }
            if !all.is_empty() {
                let agent = self.folder.join(AGENT);
                let made = match fs::create_dir(&agent) {
                    Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
                    _ => fs::write(agent.join("cgroup.procs"), "0"),
                };
                made.map_err(|e| wanting(self.refused(&e)))?;
            }
        }
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let agent = name.to_str().and_then(|n| n.strip_prefix(COMMAND)?.split('-').next()?.parse::<i32>().ok());
            if agent.is_some_and(|pid| !is_there(pid)) {
                end(&entry.path());
            }
        }
        Ok(())
    }

    /// Lets the groups within this one have a controller.
    fn hand_on(&self, controller: Controller) -> Result<(), Wanting> {
        let file = self.folder.join("cgroup.subtree_control");
        if read(&file).is_ok_and(|text| has(&text, controller.name)) {
            return Ok(());
        }
        fs::write(&file, format!("+{}", controller.name)).map_err(|e| controller.wanting(self.refused(&e)))
    }

    /// What to do when the kernel does not let the agent work in this group.
    fn refused(&self, error: &io::Error) -> String {
        format!(
            "the agent's control group `{}` was not delegated to it ({error}); its unit needs `Delegate=memory pids cpu`, and a command by hand \
             `systemd-run --user --scope -p Delegate=yes steward …`",
            self.name()
        )
    }
}

impl Group {
    fn limit(&self, limits: &SandboxGroup) -> Result<(), (&'static str, io::Error)> {
        let folder = self.folder.as_deref().ok_or(("cgroup", io::ErrorKind::NotFound.into()))?;
        let set = |file: &'static str, value: String| fs::write(folder.join(file), value).map_err(|e| (file, e));
        if let Some(bytes) = limits.memory_max {
            set("memory.max", bytes.to_string())?;
            // Not there where nothing is swapped out.
            let _none = set("memory.swap.max", "0".to_owned());
            // Half of a command is no command.
            set("memory.oom.group", "1".to_owned())?;
        }
        if let Some(tasks) = limits.tasks_max {
            set("pids.max", tasks.to_string())?;
        }
        if let Some(weight) = limits.cpu_weight {
            set("cpu.weight", weight.to_string())?;
        }
        Ok(())
    }
}

/// The first of the wanted controllers that is not to be had, and what to do; `top` and `own` are the lists of the topmost group and of
/// the agent's.
fn lacking(top: &str, own: &str, name: &str, wanted: &[Controller]) -> Option<(Controller, String)> {
    for controller in wanted {
        if !has(top, controller.name) {
            let there = if top.trim().is_empty() { "no controllers" } else { top.trim() };
            let what = format!(
                "the hierarchy of version 2 has {there} here; start the machine with `systemd.unified_cgroup_hierarchy=1`"
            );
            return Some((*controller, what));
        }
        if !has(own, controller.name) {
            let what = format!(
                "the service manager gives it to others, and not to the agent's control group `{name}`; its unit needs `Delegate=memory pids cpu`"
            );
            return Some((*controller, what));
        }
    }
    None
}

fn has(list: &str, controller: &str) -> bool {
    list.split_ascii_whitespace().any(|c| c == controller)
}

/// The number behind a key in a file of lines with a key and a number each.
fn counted(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

fn read(path: &Path) -> io::Result<String> {
    read::text(path, MAX_FILE)
}

fn is_there(pid: i32) -> bool {
    let pid = Pid::from_raw(pid);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    const ALL: SandboxGroup = SandboxGroup { memory_max: Some(64 << 20), tasks_max: Some(9), cpu_weight: Some(50) };

    #[test]
    fn what_is_not_to_be_had_is_named_with_what_to_do() {
        let wanted = controllers(&ALL);
        assert_eq!(wanted.iter().map(|c| c.name).collect::<Vec<_>>(), ["memory", "pids", "cpu"]);
        let all = "cpuset cpu io memory pids\n";
        for (top, own, controller, says) in [
            (all, all, None, ""),
            ("", "", Some("memory"), "has no controllers here; start the machine with"),
            ("hugetlb\n", "hugetlb\n", Some("memory"), "has hugetlb here; start the machine with"),
            (all, "memory pids", Some("cpu"), "not to the agent's control group `/x`; its unit needs `Delegate="),
            ("memory cpu", "memory cpu", Some("pids"), "systemd.unified_cgroup_hierarchy=1"),
            // No name is taken for another that begins like it.
            ("memory pids cpuset", "memory pids cpuset", Some("cpu"), "has memory pids cpuset"),
        ] {
            let found = lacking(top, own, "/x", &wanted);
            assert_eq!(found.as_ref().map(|(c, _)| c.name), controller, "{top:?} {own:?}");
            if let Some((controller, what)) = found {
                assert!(what.contains(says), "{what}");
                let said = controller.wanting(what);
                assert!(said.fence.contains(&format!("`{}`", controller.name)) && said.what.contains(controller.key));
            }
        }
    }

    #[test]
    fn the_agents_own_group_is_found() {
        let top = Path::new("/cg");
        let at = |own: &str| Home::at(top, own).map(|home| home.folder);
        let v1 = "9:name=systemd:/init.scope\n8:pids:/elsewhere\n";
        assert_eq!(
            at(&format!("{v1}0::/system.slice/steward.service\n")).unwrap(),
            top.join("system.slice/steward.service")
        );
        assert_eq!(at("0::/system.slice/steward.service/agent\n").unwrap(), top.join("system.slice/steward.service"));
        assert_eq!(at("0::/\n").unwrap(), top);
        assert!(at("0::/../../x\n").is_err(), "what lies outside is not worked in");
    }

    #[test]
    fn counters_are_read_by_their_whole_key() {
        let text = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n";
        assert_eq!(
            (counted(text, "oom_kill"), counted(text, "oom"), counted(text, "max")),
            (Some(2), Some(3), Some(12))
        );
        assert_eq!((counted(text, "oom_kil"), counted("max\n", "max"), counted("", "max")), (None, None, None));
    }

    /// The files that are written, in a folder that stands for the kernel's.
    #[test]
    fn each_limit_goes_into_its_file() {
        let top = tempfile::tempdir().unwrap();
        let own = top.path().join("unit.service");
        fs::create_dir(&own).unwrap();
        for folder in [top.path(), &own] {
            fs::write(folder.join("cgroup.controllers"), "memory pids cpu").unwrap();
        }
        fs::write(own.join("cgroup.type"), "domain").unwrap();
        let procs = |text: &str| fs::write(own.join("cgroup.procs"), text).unwrap();
        let home = Home::at(top.path(), "0::/unit.service\n").unwrap();
        let make = || home.make(&ALL, &controllers(&ALL));
        // A group of others is left as it is, and nothing is begun in it.
        procs(&format!("{}\n1\n", std::process::id()));
        assert!(
            make().unwrap_err().what.contains("other processes are in the agent's own control group `/unit.service`")
        );
        assert!(!own.join(AGENT).exists());
        procs(&format!("{}\n", std::process::id()));
        let group = make().unwrap();
        assert_eq!(read(&own.join(AGENT).join("cgroup.procs")).unwrap(), "0");
        let folder = group.folder.clone().unwrap();
        for (file, value) in [
            ("memory.max", "67108864"),
            ("memory.swap.max", "0"),
            ("memory.oom.group", "1"),
            ("pids.max", "9"),
            ("cpu.weight", "50"),
        ] {
            assert_eq!(read(&folder.join(file)).unwrap(), value, "{file}");
        }
        group.take(4242).unwrap();
        assert_eq!(read(&folder.join("cgroup.procs")).unwrap(), "4242");
        fs::write(folder.join("memory.events"), "oom 1\noom_kill 4\n").unwrap();
        fs::write(folder.join("pids.events"), "max 0\n").unwrap();
        fs::write(folder.join("cgroup.events"), "populated 0\nfrozen 0\n").unwrap();
        let reached = group.end();
        assert_eq!(reached, Reached { memory: true, tasks: false });
        assert_eq!(reached.keys(), [MEMORY]);
        assert_eq!(read(&folder.join("cgroup.kill")).unwrap(), "1");
    }

    /// With the kernel's own hierarchy, where this is root and may make a group: it needs no controller to end one.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "something has to be in the group")]
    fn what_is_in_a_group_ends_with_it_and_what_an_earlier_agent_left_is_ended() {
        let Some(top) = MOUNTED.iter().map(Path::new).find(|top| top.join("cgroup.controllers").exists()) else {
            return;
        };
        let own = top.join(format!("steward-test-{}", std::process::id()));
        if fs::create_dir(&own).is_err() {
            return;
        }
        let home = Home { top: top.to_owned(), folder: own.clone() };
        assert!(!home.is_top());
        // By numbers of processes that are not there.
        let left = own.join(format!("{COMMAND}{}-0", i32::MAX));
        fs::create_dir(&left).unwrap();
        let sleeper = |folder: &Path| {
            let child = std::process::Command::new("/bin/sleep").arg("300").spawn().unwrap();
            fs::write(folder.join("cgroup.procs"), child.id().to_string()).unwrap();
            child
        };
        let mut orphan = sleeper(&left);
        let group = home.make(&SandboxGroup::default(), &[]).unwrap();
        assert_eq!(orphan.wait().unwrap().signal(), Some(9));
        assert!(!left.exists());
        let folder = group.folder.clone().unwrap();
        let mut inside = sleeper(&folder);
        assert_eq!(group.end(), Reached::default());
        assert_eq!(inside.wait().unwrap().signal(), Some(9));
        assert!(!folder.exists());
        let dropped = home.make(&SandboxGroup::default(), &[]).unwrap();
        let folder = dropped.folder.clone().unwrap();
        let mut inside = sleeper(&folder);
        drop(dropped);
        assert_eq!(inside.wait().unwrap().signal(), Some(9));
        assert!(!folder.exists());
        fs::remove_dir(&own).unwrap();
    }
}
