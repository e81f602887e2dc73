//! Opening what is to be executed: once, so that what was checked is what runs.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};

use super::SandboxError;
use crate::backend::spawn::Program;

/// The longest path, in bytes (`PATH_MAX` of limits.h).
const MAX_PATH: usize = 4096;
/// What the kernel reads of a file to see what it is (`BINPRM_BUF_SIZE` of linux/binfmts.h).
const HEAD: usize = 256;

/// A program that was opened and checked, and is executed by its descriptor.
#[derive(Debug)]
pub struct OpenProgram {
    /// What is executed: the program, or the interpreter of a script.
    pub(super) file: OwnedFd,
    /// The script, and what its first line says.
    pub(super) script: Option<(OwnedFd, Shebang)>,
    /// The path, as it was asked for.
    asked: String,
    /// The path with its folder's links followed.
    judged: String,
}

/// The first line of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shebang {
    /// The interpreter's path.
    pub interpreter: String,
    /// The one argument that may follow it.
    pub argument: Option<String>,
}

impl OpenProgram {
    /// Opens the program at `path` and checks it, every folder above it, and its interpreter when it is a script.
    ///
    /// # Errors
    /// When it is not there, no program, or when others could have put something else in its place.
    pub fn open(path: &str) -> Result<OpenProgram, SandboxError> {
        let (file, judged) = open(path)?;
        let begins = head(&file, path)?;
        let script = match shebang(&begins) {
            // The magic number of elf(5). What other formats an administrator made known (binfmt_misc) is not run.
            Ok(None) if !begins.starts_with(b"\x7fELF") => {
                return Err(refused(path, "it is neither a program nor a script"));
            }
            Ok(None) => None,
            Ok(Some(line)) => Some(line),
            Err(what) => return Err(refused(path, what)),
        };
        let asked = path.to_owned();
        let Some(line) = script else { return Ok(OpenProgram { file, script: None, asked, judged }) };
        let (interpreter, _) = open(&line.interpreter)?;
        if !matches!(shebang(&head(&interpreter, &line.interpreter)?), Ok(None)) {
            return Err(refused(
                path,
                "its interpreter is a script itself; name the interpreter and give it the script",
            ));
        }
        Ok(OpenProgram { file: interpreter, script: Some((file, line)), asked, judged })
    }

    /// The files that are executed and read: the program, or an interpreter and its script.
    pub fn files(&self) -> Vec<File> {
        let all = std::iter::once(&self.file).chain(self.script.as_ref().map(|(script, _)| script));
        all.filter_map(|fd| fd.try_clone().ok()).map(File::from).collect()
    }

    /// The path as it was asked for: what the program sees as its name.
    pub fn asked(&self) -> &str {
        &self.asked
    }

    /// The path as rules see it: the links of its folder followed, its own name kept (`/bin/dd` is `/usr/bin/dd` where `/bin` is a
    /// link; the name says which program one file with many names is to be).
    pub fn judged(&self) -> &str {
        &self.judged
    }
}

fn refused(program: &str, reason: impl Into<String>) -> SandboxError {
    SandboxError::Program { program: program.to_owned(), reason: reason.into() }
}

fn open(path: &str) -> Result<(OwnedFd, String), SandboxError> {
    if !path.starts_with('/')
        || path.len() > MAX_PATH
        || path.contains('\0')
        || path.split('/').any(|part| part == "..")
    {
        return Err(refused(path, "name it by its whole path, such as `/usr/bin/true`, without `..`"));
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)
        .map_err(|e| refused(path, io::Error::from(e).to_string()))?;
    let io_failed = |e: io::Error| refused(path, e.to_string());
    // The path is only looked at to learn who could have put something else there; what runs is the descriptor.
    let real = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(io_failed)?;
    Program::new(&real).map_err(|e| refused(path, e.to_string()))?;
    let there = std::fs::metadata(&real).map_err(io_failed)?;
    let opened = rustix::fs::fstat(&file).map_err(|e| io_failed(e.into()))?;
    if (there.dev(), there.ino()) != (opened.st_dev, opened.st_ino) {
        return Err(refused(path, "it was exchanged while it was looked at"));
    }
    Ok((file, judged(path).ok_or_else(|| refused(path, "its folder cannot be found"))?))
}

/// The real folder and the name.
fn judged(path: &str) -> Option<String> {
    let path = Path::new(path);
    let folder: PathBuf = path.parent()?.canonicalize().ok()?;
    folder.join(path.file_name()?).into_os_string().into_string().ok()
}

fn head(file: &OwnedFd, path: &str) -> Result<Vec<u8>, SandboxError> {
    let failed = |e: io::Error| refused(path, e.to_string());
    let mut head = vec![0; HEAD];
    let n = File::from(file.try_clone().map_err(failed)?).read_at(&mut head, 0).map_err(failed)?;
    head.truncate(n);
    Ok(head)
}

/// What the beginning of a file says of its interpreter, as the kernel reads it (fs/binfmt_script.c); none when it is no script.
///
/// # Errors
/// Why a first line cannot be used, in words.
pub fn shebang(head: &[u8]) -> Result<Option<Shebang>, &'static str> {
    let Some(line) = head.strip_prefix(b"#!") else { return Ok(None) };
    let Some(end) = line.iter().position(|b| *b == b'\n') else {
        return Err("its first line has no end within 256 bytes");
    };
    let line = std::str::from_utf8(&line[..end]).map_err(|_| "its first line is not UTF-8")?;
    if line.contains('\0') {
        return Err("its first line has a zero byte");
    }
    let line = line.trim_matches([' ', '\t']);
    let (interpreter, argument) = match line.split_once([' ', '\t']) {
        Some((interpreter, rest)) => (interpreter, Some(rest.trim_start_matches([' ', '\t']).to_owned())),
        None => (line, None),
    };
    if !interpreter.starts_with('/') {
        return Err("its interpreter is not named by its whole path");
    }
    Ok(Some(Shebang { interpreter: interpreter.to_owned(), argument }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_script_is_read_as_the_kernel_does() {
        let read = |text: &str| shebang(text.as_bytes()).map(|s| s.map(|s| (s.interpreter, s.argument)));
        let line = |i: &str, a: Option<&str>| Ok(Some((i.to_owned(), a.map(str::to_owned))));
        assert_eq!(read("\x7fELF"), Ok(None));
        assert_eq!(read("#!/bin/sh\necho"), line("/bin/sh", None));
        assert_eq!(read("#! /bin/sh -e -x \n"), line("/bin/sh", Some("-e -x")));
        assert_eq!(read("#!\t/usr/bin/env\tpython3\n"), line("/usr/bin/env", Some("python3")));
        for bad in ["#!", "#!/bin/sh", "#!sh\n", "#!\n", "#! \n", "#!/bin/s\0h\n"] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_program_that_others_could_replace_is_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tool");
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        let mode = |m| std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(m)).unwrap();
        let open = || OpenProgram::open(path.to_str().unwrap());
        mode(0o644);
        assert!(open().unwrap_err().to_string().contains("executable"));
        mode(0o777);
        assert!(open().unwrap_err().to_string().contains("written by others"));
        mode(0o755);
        assert!(open().unwrap().script.is_some());
        for bad in
            ["true", "/usr/bin/../bin/true", "/proc/self/exe", "/etc/passwd", "/usr/bin", "/no/such", "/bin/tr\0ue", ""]
        {
            assert!(OpenProgram::open(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rules_see_the_real_folder_and_the_name_that_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        std::os::unix::fs::symlink("/usr/bin", real.join("bin")).unwrap();
        let program = OpenProgram::open(real.join("bin/env").to_str().unwrap()).unwrap();
        assert_eq!(program.judged(), "/usr/bin/env");
    }
}
