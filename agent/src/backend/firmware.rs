//! What the kernel shows of the machine's firmware, in sysfs: what it calls itself (<https://docs.kernel.org/ABI/testing/sysfs-firmware-dmi-entries.html>),
//! and the variables of UEFI (efivarfs). Everything here reads; there is no code that writes to firmware.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};

/// What the firmware says of itself and of the machine. Not the numbers of this one machine: nobody but root may read those.
const IDS: [&str; 12] = [
    "bios_date",
    "bios_release",
    "bios_vendor",
    "bios_version",
    "board_name",
    "board_vendor",
    "board_version",
    "chassis_type",
    "chassis_vendor",
    "product_name",
    "product_version",
    "sys_vendor",
];
/// The longest of them that is read, in bytes.
const MAX_ID: u64 = 256;
/// How much of a variable is read, in bytes.
pub const MAX_VARIABLE: usize = 64 * 1024;
/// The longest name of a variable, in bytes (`NAME_MAX` of limits.h).
const MAX_NAME: usize = 255;
/// Whether the firmware starts only what is signed: one byte after the attributes (UEFI specification, 3.3).
const SECURE_BOOT: &str = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// What the firmware says of itself and of the machine, by the kernel's names; empty where it says nothing.
pub fn ids(sysfs: &Path) -> BTreeMap<&'static str, String> {
    let read = |name: &&'static str| {
        let mut text = String::new();
        File::open(sysfs.join("class/dmi/id").join(name)).ok()?.take(MAX_ID).read_to_string(&mut text).ok()?;
        let text = text.trim();
        (!text.is_empty()).then(|| (*name, text.to_owned()))
    };
    IDS.iter().filter_map(read).collect()
}

/// Whether the machine was started by UEFI.
pub fn is_efi(sysfs: &Path) -> bool {
    sysfs.join("firmware/efi").is_dir()
}

/// Whether the firmware starts only what is signed, where that can be read.
pub fn secure_boot(sysfs: &Path) -> Option<bool> {
    variable(sysfs, SECURE_BOOT).ok()?.0.get(4).map(|on| *on == 1)
}

/// Whether it is a name of a variable: that of a file, and nothing that leads elsewhere.
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME
        && !name.starts_with('.')
        && !name.contains("..")
        && name.bytes().all(|b| b.is_ascii_graphic() && b != b'/' && b != b'\\')
}

/// A variable, its four bytes of attributes first, up to [`MAX_VARIABLE`]; and whether there is more of it.
///
/// # Errors
/// As open(2) and read(2), and when it is no regular file.
pub fn variable(sysfs: &Path, name: &str) -> io::Result<(Vec<u8>, bool)> {
    if !is_name(name) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let folder = rustix::fs::openat2(
        CWD,
        sysfs.join("firmware/efi/efivars"),
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
        ResolveFlags::NO_MAGICLINKS,
    )?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    let within =
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    let file: OwnedFd = rustix::fs::openat2(&folder, name, flags, Mode::empty(), within)?;
    if FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    File::from(file).take(MAX_VARIABLE as u64 + 1).read_to_end(&mut bytes)?;
    let more = bytes.len() > MAX_VARIABLE;
    bytes.truncate(MAX_VARIABLE);
    Ok((bytes, more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_of_the_folder_itself_is_a_variable() {
        let sys = tempfile::tempdir().unwrap();
        let folder = sys.path().join("firmware/efi/efivars");
        assert!(!is_efi(sys.path()));
        std::fs::create_dir_all(folder.join("folder")).unwrap();
        std::fs::write(folder.join(SECURE_BOOT), [6, 0, 0, 0, 1]).unwrap();
        std::fs::write(folder.join("long"), vec![7; MAX_VARIABLE + 1]).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
        rustix::fs::mkfifoat(CWD, folder.join("pipe"), Mode::RUSR).unwrap();
        assert!(is_efi(sys.path()));
        assert_eq!(secure_boot(sys.path()), Some(true));
        assert_eq!(variable(sys.path(), SECURE_BOOT).unwrap(), (vec![6, 0, 0, 0, 1], false));
        let (bytes, more) = variable(sys.path(), "long").unwrap();
        assert_eq!((bytes.len(), more), (MAX_VARIABLE, true));
        for bad in [
            "link",
            "pipe",
            "folder",
            "missing",
            "",
            ".",
            "..",
            "../../x",
            "/etc/passwd",
            "a/b",
            "a\\b",
            "a..b",
            "a b",
            "é",
            "a\0",
        ] {
            assert!(variable(sys.path(), bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_the_firmware_says_of_itself_is_read_and_numbers_of_this_machine_are_not() {
        let sys = tempfile::tempdir().unwrap();
        let folder = sys.path().join("class/dmi/id");
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in
            [("bios_vendor", "Acme\n"), ("product_name", "  "), ("product_serial", "12345"), ("product_uuid", "x")]
        {
            std::fs::write(folder.join(name), text).unwrap();
        }
        assert_eq!(ids(sys.path()), BTreeMap::from([("bios_vendor", "Acme".to_owned())]));
    }
}
