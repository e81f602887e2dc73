//! The sizes of packages, read from the index that apt keeps and from dpkg's status, both of which are paragraphs in Debian's control
//! format (deb822(5)). A second apt for them would read the whole index once more, and take as long as the simulation.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The most of one file that is read. The largest index of Debian 12 has 47 MB.
const MAX_INDEX: u64 = 1024 * 1024 * 1024;

/// How much of a file is read at once.
const CHUNK: usize = 256 * 1024;

/// One version of a package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub name: String,
    /// Its architecture.
    pub arch: String,
    /// Its version.
    pub version: String,
    /// Bytes to download.
    pub size: Option<u64>,
    /// What it takes on the disk, in KiB.
    pub installed_kib: Option<u64>,
}

/// The records of the packages with these names.
///
/// # Errors
/// When the text cannot be read.
pub fn records(mut text: impl BufRead, names: &HashSet<&str>) -> io::Result<Vec<Record>> {
    let mut found = Vec::new();
    let mut record: Option<Record> = None;
    let mut line = Vec::with_capacity(4096);
    loop {
        line.clear();
        let end = text.read_until(b'\n', &mut line)? == 0;
        let bare = line.strip_suffix(b"\n").unwrap_or(&line);
        if end || bare.is_empty() {
            found.extend(record.take());
        }
        if end {
            return Ok(found);
        }
        let field =
            |name: &[u8]| bare.strip_prefix(name).and_then(|value| std::str::from_utf8(value).ok()).map(str::trim);
        if let Some(name) = field(b"Package:") {
            record = names.contains(name).then(|| Record { name: name.to_owned(), ..Record::default() });
        } else if let Some(record) = &mut record {
            if let Some(version) = field(b"Version:") {
                version.clone_into(&mut record.version);
            } else if let Some(arch) = field(b"Architecture:") {
                arch.clone_into(&mut record.arch);
            } else if let Some(size) = field(b"Size:") {
                record.size = size.parse().ok();
            } else if let Some(size) = field(b"Installed-Size:") {
                record.installed_kib = size.parse().ok();
            }
        }
    }
}

/// The records of one file.
///
/// # Errors
/// When it cannot be read.
pub fn of_file(path: &Path, names: &HashSet<&str>) -> io::Result<Vec<Record>> {
    records(BufReader::with_capacity(CHUNK, File::open(path)?.take(MAX_INDEX)), names)
}

/// Whether an index in apt's folder is kept compressed, so that only apt reads it (`Acquire::GzipIndexes` of apt.conf(5)).
pub fn is_compressed(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().contains("_Packages."))
}

/// The records of all the indexes in apt's folder; what is compressed there is passed over.
///
/// # Errors
/// When a file cannot be read.
pub fn of_lists(folder: &Path, names: &HashSet<&str>) -> io::Result<Vec<Record>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with("_Packages") {
            all.extend(of_file(&path, names)?);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_only_apt_reads_is_told_from_one_of_plain_text() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_compressed(&folder.path().join("none")));
        std::fs::write(folder.path().join("a_dists_b_main_binary-amd64_Packages"), "").unwrap();
        assert!(!is_compressed(folder.path()));
        std::fs::write(folder.path().join("a_dists_c_main_binary-amd64_Packages.lz4"), "").unwrap();
        assert!(is_compressed(folder.path()));
    }

    #[test]
    fn only_whole_names_are_taken_and_every_version_of_them() {
        let text = "Package: vim\nVersion: 2:9\nInstalled-Size: 10\nDescription: an editor\n Version: 1\nArchitecture: amd64\nSize: 5\n\n\
                    Package: vim-tiny\nVersion: 1\nSize: 7\n\nPackage: vim\nSize: many\nVersion: 2:8\nArchitecture: all\n";
        let found = records(text.as_bytes(), &HashSet::from(["vim"])).unwrap();
        let row = |version: &str, arch: &str, size, kib| Record {
            name: "vim".into(),
            arch: arch.into(),
            version: version.into(),
            size,
            installed_kib: kib,
        };
        assert_eq!(found, [row("2:9", "amd64", Some(5), Some(10)), row("2:8", "all", None, None)]);
        assert_eq!(records("\n\nPackage\n: \n".as_bytes(), &HashSet::from(["vim"])).unwrap(), []);
    }
}
