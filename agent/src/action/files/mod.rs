//! Looking into folders; reading and writing files.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_ipc::{Code, Effect, Preview};
use steward_policy::{ArgKind, OwnedArg, PathFact, Risk};

use super::types::{count, visible};
use super::{Action, Capability, Example, Look, Opened, Perform, Ready, Shown, call, say};
use crate::backend::files::Found;
use crate::reply::{Failure, Outcome};
use crate::services::Context;
use class::Places;

mod class;
mod read;
mod write;

pub(crate) use read::ahead;
pub use read::{MaxBytes, ReadFile};
pub use write::{Content, FileMode, WriteFile};

/// Bytes that are read or written at once: as in the action plans of `llm-osd`, section 1.5 of its description.
pub const MAX_CONTENT: usize = 64 * 1024;

/// How many entries an answer has at most.
const MAX_ENTRIES: usize = 2000;
/// The longest path (`PATH_MAX` of limits.h).
const MAX_PATH: usize = 4096;

/// Lists what is in a folder.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListFiles {
    /// The folder: an absolute path, or one that begins with `~`.
    pub path: String,
}

impl Capability for ListFiles {
    const NAME: &'static str = "list_files";
    const RISK: Risk = Risk::Observe;
    const ARGS: &'static [(&'static str, ArgKind)] = &[("path", ArgKind::Path)];
    const PHRASES: &'static [&'static str] = &[
        "(list|show|show me|display|ls|print|view|see|give me|get|enumerate|list out|let me see|tell me) [me] [all|all the|the|my|all my|\
         all of my|a list of|a list of the|a list of my|a list of all] files [here|i have|in here|in this folder|in this directory|in the \
         current folder|in the current directory]",
        "(list|show|show me|display|print|view|see|give me|enumerate|list out|look at|get|let me see|let us see|tell me|get me|i want to \
         see|i would like to see|id like to see|i need to see|read out) [me] [all|all the|the|my|all my|a list of|a list of the|a list of \
         all|a listing of|a listing of the] (files|file names|filenames|subfolders|directories|listing|list|list of files|file listing|\
         directory listing|files and folders|folders|contents|content|documents|items|stuff|things|directory contents|file list|folder \
         contents|everything) (in|from|of|inside|under|at|within|on|i have in|stored in|that are in|which are in|there are in|contained in|\
         located in) {place}",
        "(list|ls|dir|ls -l|ls -la|list out) [up] {place}",
        "(what|which|whats) [files|folders|stuff|documents|files and folders|is|are|things|all is] [are|is] [there|stored|saved|located] \
         (in|inside|on|under|at) {place} [right now|now|folder|at the moment]",
        "what (does|do) {place} (contain|hold|have|have in it)",
        "what (do|have) i (have|got|keep|saved|stored|put) (in|inside|on|under) {place}",
        "(what files do i have|which files do i have|what files are there|what files are here|list files here|ls|what are my files|list \
         the directory|list directory|list the current directory|list the files here)",
        "(show|show me|display|list|look in|look inside|look into|peek into|check|view|let me see|give me|get) {place} (contents|files|\
         listing|content|folder contents|directory listing|folder listing)",
        "(show|show me|display|open) [me] {place} (folder|directory)",
        "(look|peek|have a look|take a look|check|see|look around) (in|into|inside|whats in|what is in|whats inside|what is inside) {place}",
        "(list|show|show me) [all] [my|the] {place} files",
        "(show|show me|list|display) [me] (whats|what is|what i have|what do i have|whats stored|what files are|what there is) (in|on|\
         inside|under) {place}",
        "(whats|what is|what do i have|what have i got|what all is|whats all|whats stored|whats saved|whats there|what kind of files are) \
         (in|inside|on|under|inside of|within) {place} [right now|now|at the moment|these days]",
        "(list|show|show me|display|print|give me|tell me|get) [me] [out] [all|everything|all of] [the|my|that is|thats|of the] [files|\
         stuff|contents|things|documents|items|folders] [i have|that i have|stored|saved|there is|thats|that are|sitting] (in|inside|on|\
         under|within|from|of|at) {place} [please|for me]",
        "(whats|what is) (lying around|sitting|hiding|living) (in|on|inside) {place}",
        "(take|have|lets take|lets have|let me have|let me take) a (look|peek|glance|gander) (in|into|inside|at|through|at whats in) {place}",
        "(look|go) (through|over|into) {place}",
        "(contents|listing|files|file list|file listing|directory listing) (of|in|for|from) {place}",
        "(can|could|may) (i|we) (see|get|have) [a list of|the list of|a listing of] [the|my|all] [files|contents|stuff|documents|folders] \
         (in|of|inside|on|from) {place}",
        "{place} (contents|listing|file list) [please]",
        "(what|which) (files|folders|documents|things|stuff) (are|there are|i have|ive got|i keep|i saved|are stored|are sitting|are saved|\
         is) [there|stored|saved] (in|inside|on|under|within) {place}",
        "(give me|get me|show me|show|i want|id like|i need|make|print|produce) (a|the) (listing|list|file listing|directory listing|file \
         list|overview) (of|for|from) {place}",
        "(give me|get me|show me|show|i want|id like|i need|make) (a|the) (listing|list) of (files|everything|the files|all files|the \
         contents|whats) (in|on|inside|under|of) {place}",
        "<ask> [all|everything|all of] [the|my|a list of|a list of the|a list of all|a listing of|the list of] [files|folders|contents|\
         content|stuff|things|documents|items|files and folders|subfolders|listing|file list|everything] (in|inside|of|from|under|within|\
         on|at|that are in|i have in|thats in|that is in|stored in|saved in|located in|contained in) {place} <now>",
        "<ask> (what|whats|what is|what files are|what files i have|which files are|which files i have|what i have|what i got|what ive got|\
         what i keep|what all is|what all i have|what stuff is|what stuff i have|what there is|what things are) [there|stored|saved|\
         sitting] (in|inside|on|under|within|at) {place} <now>",
        "(whats|what is|what are|what all is|what stuff is|what things are|what kind of stuff is|what sort of files are) [the] [files|\
         contents|stuff|things] [there|stored|saved|sitting|living|lying] [around] (in|inside|on|under|within|at|of) {place} <now>",
        "(what|which) (files|folders|documents|things|stuff|items|files and folders) (are|do i have|have i got|do i keep|do we have|did i \
         save|did i put|have i saved|have i put|live|sit|is|are sitting|are stored|are there|are saved|exist|can be found) [stored|saved|\
         sitting|there] (in|inside|on|under|within|at) {place} <now>",
        "(list|ls|dir|show|enumerate|print) [out|up|me] [all of|all] (the contents of|the files of|everything in|everything inside|\
         everything under|everything on) {place} <now>",
        "(open|show|show me|print|give me|bring up|pull up) (the|a) (listing|contents|directory|folder|file list) [of|for|in] {place} \
         [folder|directory]",
        "(can|could|may) (i|we) (see|look at|look in|check|look into) {place} [files|contents] <now>",
        "(what|which) (files|documents|pictures|photos|music|videos|downloads) (do i|did i|have i|do we) (have|got|keep|save|saved|store|\
         stored) (in|inside|on|under) {place} <now>",
    ];
    const EXAMPLES: &'static [Example] = &[say("list the files in /etc", Some("/etc")), call(Some("~/Downloads"))];

    /// Without a payload it is the home folder.
    fn from_payload(payload: Option<&str>) -> Result<ListFiles, Failure> {
        let path = payload.filter(|p| !p.is_empty()).unwrap_or("~");
        Ok(ListFiles { path: path.to_owned() })
    }

    fn payload(&self) -> Option<String> {
        Some(self.path.clone())
    }
}

impl ListFiles {
    fn absolute(&self, home: Option<&str>) -> Result<String, Failure> {
        absolute(&self.path, home)
    }
}

/// The absolute path that a path of a request means: `~` is the represented user's home folder, and there is no way up.
///
/// # Errors
/// `invalid_payload` when it is no such path.
pub(super) fn absolute(path: &str, home: Option<&str>) -> Result<String, Failure> {
    if path.len() > MAX_PATH || path.contains('\0') {
        return Err(Failure::invalid_payload(format!("a path has at most {MAX_PATH} bytes, and no zero byte")));
    }
    if path.split('/').any(|part| part == "..") {
        return Err(Failure::invalid_payload("a path cannot have `..` in it; name the folder itself"));
    }
    match path.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            let home = home.ok_or_else(|| Failure::new(Code::Unavailable, "the home folder is not known"))?;
            Ok(format!("{home}{rest}"))
        }
        None if path.starts_with('/') => Ok(path.to_owned()),
        _ => Err(Failure::invalid_payload(format!(
            "`{}` is not a whole path; begin it with `/` or `~/`",
            visible(path, 100)
        ))),
    }
}

/// The path of a file as it is judged: absolute, and without `.` and doubled slashes.
///
/// # Errors
/// As for [`absolute`]; and when it names a folder.
fn normal(path: &str, home: Option<&str>) -> Result<String, Failure> {
    if path.contains('\0') {
        // In the words of the library that would open it, for those who know them.
        let reason = "file name contained an unexpected NUL byte";
        return Err(Failure::invalid_payload("a path has no zero byte in it").with(json!({ "reason": reason })));
    }
    let path = absolute(path, home)?;
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    if parts.is_empty() || path.ends_with('/') || path.ends_with("/.") {
        let message = format!("`{}` names a folder, not a file", visible(&path, 100));
        let reason = std::io::Error::from(Errno::ISDIR).to_string();
        return Err(Failure::invalid_payload(message).with(json!({ "reason": reason })));
    }
    Ok(format!("/{}", parts.join("/")))
}

/// A file's path as rules see it, with what is known of what was found there.
fn fact(path: &str, found: Option<&Found>) -> OwnedArg {
    let kind = found.map_or("missing", Found::kind).to_owned();
    OwnedArg::Path(PathFact { path: path.to_owned(), kind, owner: found.map(|f| f.stat().st_uid) })
}

/// Where things lie, for those who judge a path.
fn places<'a>(cx: &Context<'a>) -> Places<'a> {
    let services = cx.services;
    Places { home: services.home.as_deref(), own: &services.own, programs: &services.programs }
}

/// The class of harm of an example in a policy: for a file what its name alone says; `~` is a home.
pub(super) fn by_name(action: &Action) -> Risk {
    let places = Places { home: Some("~"), own: &[], programs: &[] };
    match action {
        Action::ReadFile(read) if places.private(&read.path).is_some() => Risk::Destructive,
        Action::WriteFile(write) if places.is_own(&write.path) => Risk::Critical,
        Action::WriteFile(write) => places.writing(&write.path).0,
        other => other.risk(),
    }
}

/// Does what may block elsewhere.
async fn blocking<T: Send + 'static>(what: &str, f: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(f).await.map_err(|e| Failure::internal(format!("{what}: {e}")))
}

/// What is said where a file cannot be opened, for the errors that reading and writing have in common.
fn not_opened(error: Errno, shown: &str) -> Option<Failure> {
    let failed = |text: String| Some(Failure::new(Code::Failed, text));
    match error {
        Errno::LOOP => failed(format!(
            "a part of `{shown}` is a symbolic link, and links are not followed; name the place that it leads to"
        )),
        Errno::STALE => {
            failed(format!("`{shown}` was moved while it was opened, or something is mounted over it; try again"))
        }
        Errno::ISDIR => failed(format!("`{shown}` is a folder")),
        Errno::NODEV => failed(format!(
            "`{shown}` is no regular file on a disk but a device, a pipe, a socket or something that the kernel makes up, and those are \
             neither read nor written"
        )),
        Errno::NOENT | Errno::NOTDIR => failed(format!("there is no `{shown}`")),
        Errno::ACCESS | Errno::PERM => {
            Some(Failure::new(Code::NotAuthorized, format!("`{shown}` is not open to this user")))
        }
        Errno::NOSPC | Errno::DQUOT => failed(format!("`{shown}` is as it was: the disk is full")),
        _ => None,
    }
}

/// Opens a folder for judging: links are followed, but not those that the kernel makes up in `/proc`. What does not exist
/// is judged on its nearest parent that does.
pub(super) fn open_path(path: &str) -> Result<(PathFact, Option<OwnedFd>), Failure> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(CWD, path, flags, Mode::empty(), resolve) {
        Ok(fd) => {
            let stat = rustix::fs::fstat(&fd).map_err(|e| Failure::internal(format!("fstat of an open path: {e}")))?;
            let real = real_path(&fd).unwrap_or_else(|| path.to_owned());
            let fact = PathFact { path: real, kind: kind(stat.st_mode).to_owned(), owner: Some(stat.st_uid) };
            Ok((fact, Some(fd)))
        }
        // An old kernel, or a filter of system calls around the agent: nothing can be said of any path then.
        Err(rustix::io::Errno::NOSYS) => {
            let message = "this system does not open paths without links (openat2(2) is missing or forbidden), so files are left alone";
            Err(Failure::new(Code::Unavailable, message))
        }
        Err(_) => {
            let (mut parent, mut rest) = (path, String::new());
            while let Some((up, last)) = parent.rsplit_once('/') {
                rest = format!("/{last}{rest}");
                parent = up;
                let at = if up.is_empty() { "/" } else { up };
                if let Ok(fd) = rustix::fs::openat2(CWD, at, flags, Mode::empty(), resolve) {
                    let real = real_path(&fd).unwrap_or_else(|| at.to_owned());
                    let path = format!("{}{rest}", real.trim_end_matches('/'));
                    return Ok((PathFact { path, kind: "missing".to_owned(), owner: None }, None));
                }
            }
            Ok((PathFact { path: path.to_owned(), kind: "missing".to_owned(), owner: None }, None))
        }
    }
}

/// Where a descriptor points, as `proc(5)` has it under `/proc/self/fd`.
fn real_path(fd: &OwnedFd) -> Option<String> {
    use std::os::fd::AsRawFd;
    let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok()?;
    link.into_os_string().into_string().ok()
}

fn kind(mode: u32) -> &'static str {
    match FileType::from_raw_mode(mode) {
        FileType::RegularFile => "file",
        FileType::Directory => "folder",
        FileType::Symlink => "link",
        _ => "other",
    }
}

impl Perform for ListFiles {
    const PERSONAL: bool = true;
    fn sentence(&self) -> String {
        format!("List the files in `{}`", visible(&self.path, 200))
    }

    async fn look(&self, cx: &Context<'_>) -> Result<Look, Failure> {
        let path = self.absolute(cx.services.home.as_deref())?;
        let opening = tokio::task::spawn_blocking(move || open_path(&path));
        let (fact, opened) = opening.await.map_err(|e| Failure::internal(format!("opening a path: {e}")))??;
        Ok(Look { risk: Self::RISK, facts: vec![("path", OwnedArg::Path(fact))], opened: opened.map(Opened::Folder) })
    }

    /// Bound to the folder itself, by its path without links, its device and its number.
    async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
        let path = self.absolute(cx.services.home.as_deref())?;
        let opening = tokio::task::spawn_blocking(move || open_path(&path));
        let (fact, opened) = opening.await.map_err(|e| Failure::internal(format!("opening a path: {e}")))??;
        let number = match opened.map(|fd| rustix::fs::fstat(&fd)) {
            Some(Ok(stat)) => format!("device {}, inode {}", stat.st_dev, stat.st_ino),
            _ => "not there".to_owned(),
        };
        let effect = Effect { verb: "list".into(), object: fact.path.clone(), to: Some(number), ..Effect::default() };
        let summary = format!("List the files in `{}`", visible(&fact.path, 200));
        let preview = Preview { summary, effects: vec![effect], ..Preview::default() };
        Ok(Shown { preview, ..Shown::default() })
    }

    async fn run(&self, _cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
        let path = self.path.clone();
        let listing = tokio::task::spawn_blocking(move || match ready.opened {
            Some(Opened::Folder(fd)) => list(&path, &fd),
            _ => Err(Failure::new(Code::Failed, format!("there is no folder `{}`", visible(&path, 200)))),
        });
        listing.await.map_err(|e| Failure::internal(format!("listing a folder: {e}")))?
    }
}

fn list(path: &str, folder: &OwnedFd) -> Result<Outcome, Failure> {
    let shown = visible(path, 200);
    let failed = |e: rustix::io::Errno| match e {
        rustix::io::Errno::ACCESS | rustix::io::Errno::PERM => {
            Failure::new(Code::NotAuthorized, format!("`{shown}` may not be read by this user"))
        }
        rustix::io::Errno::NOTDIR => Failure::new(Code::Failed, format!("`{shown}` is not a folder")),
        other => Failure::new(Code::Failed, format!("`{shown}` could not be read: {other}")),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let readable = rustix::fs::openat(folder, ".", flags, Mode::empty()).map_err(failed)?;
    let mut entries: Vec<(String, &'static str, u64)> = Vec::new();
    let mut more = 0usize;
    for entry in rustix::fs::Dir::read_from(&readable).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if entries.len() == MAX_ENTRIES {
            more += 1;
            continue;
        }
        let stat = rustix::fs::statat(&readable, name, AtFlags::SYMLINK_NOFOLLOW);
        let (kind, bytes) = stat.map_or(("other", 0), |s| (kind(s.st_mode), u64::try_from(s.st_size).unwrap_or(0)));
        entries.push((name.to_string_lossy().into_owned(), kind, bytes));
    }
    entries.sort();
    let mut message = match entries.len() + more {
        0 => format!("`{shown}` is empty."),
        n => format!("`{shown}` has {}:", if n == 1 { "1 entry".to_owned() } else { count(n, "entrie") }),
    };
    for (name, kind, _) in &entries {
        message.push('\n');
        message.push_str(&visible(name, 255));
        message.push_str(if *kind == "folder" { "/" } else { "" });
    }
    let listed: Vec<Value> =
        entries.iter().map(|(name, kind, bytes)| json!({ "name": name, "kind": kind, "bytes": bytes })).collect();
    Ok(Outcome::says(message).with(json!({ "path": path, "entries": listed, "left_out": more })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_whole_and_have_no_way_up() {
        let at = |p: &str| ListFiles { path: p.into() }.absolute(Some("/home/sam"));
        assert_eq!(at("~/x").ok().as_deref(), Some("/home/sam/x"));
        assert_eq!(at("/etc").ok().as_deref(), Some("/etc"));
        for bad in ["../etc", "/etc/../root", "~root", "etc", "", "/a\0b"] {
            assert!(at(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_path_of_a_file_is_made_plain_and_names_no_folder() {
        let home = Some("/home/sam");
        for (path, plain) in
            [("/tmp//a/./b", "/tmp/a/b"), ("~/x", "/home/sam/x"), ("//tmp/x", "/tmp/x"), ("/a..b", "/a..b")]
        {
            assert_eq!(normal(path, home).ok().as_deref(), Some(plain), "{path}");
        }
        for bad in
            ["/", "~/", "/tmp/", "/tmp/.", "/tmp/x/./", "tmp/x", "./x", "../x", "/tmp/../etc/passwd", "", "/a\0b"]
        {
            assert!(normal(bad, home).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_missing_folder_is_judged_on_its_parent() {
        let tmp = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc", tmp.path().join("link")).unwrap();
        let (fact, fd) = open_path(&format!("{}/link/no-such-thing/x", tmp.path().display())).unwrap();
        assert_eq!((fact.path.as_str(), fact.kind.as_str()), ("/etc/no-such-thing/x", "missing"));
        assert!(fd.is_none());
        assert_eq!(open_path(&format!("{}/link", tmp.path().display())).unwrap().0.path, "/etc");
    }

    #[test]
    fn the_kernels_own_links_are_not_followed() {
        assert_eq!(open_path("/proc/self/root").unwrap().0.kind, "missing");
    }
}
