//! The files of a laptop: its backlight as sysfs shows one, and a few apps with their desktop entries.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The name of the backlight.
pub(super) const BACKLIGHT: &str = "simulated_backlight";
/// Its highest value.
pub(super) const BRIGHTEST: u32 = 255;
/// The value at the beginning, half of it.
const BRIGHTNESS: u32 = 128;

/// The apps: id, name, generic name, more lines.
const APPS: [(&str, &str, &str, &str); 3] = [
    ("firefox-esr", "Firefox", "Web Browser", "Categories=Network;WebBrowser;\n"),
    ("org.gnome.Calculator", "Calculator", "Calculator", "Categories=Utility;Calculator;\n"),
    ("org.gnome.TextEditor", "Text Editor", "Text Editor", "Categories=Utility;TextEditor;\n"),
];

/// The folder that is in the place of `/` where files are read and written.
pub(super) fn root(folder: &Path) -> PathBuf {
    folder.join("root")
}

/// The folder that is in the place of `/sys`.
pub(super) fn sysfs(folder: &Path) -> PathBuf {
    folder.join("sys")
}

/// The folder that is in the place of `/usr/share`.
pub(super) fn data(folder: &Path) -> PathBuf {
    folder.join("share")
}

/// The socket of the sound server.
pub(super) fn sound(folder: &Path) -> PathBuf {
    folder.join("sound")
}

/// Writes everything.
pub(super) fn write(folder: &Path) -> io::Result<()> {
    let screen = sysfs(folder).join("class/backlight").join(BACKLIGHT);
    fs::create_dir_all(&screen)?;
    for (file, value) in [("type", "raw".to_owned()), ("max_brightness", BRIGHTEST.to_string())] {
        fs::write(screen.join(file), value + "\n")?;
    }
    set_backlight(folder, BRIGHTNESS)?;
    fs::create_dir_all(root(folder).join("tmp"))?;
    // The person's home has the name that it has here, and nothing in it.
    let home = std::env::var("HOME").unwrap_or_default();
    if let Some(home) = home.strip_prefix('/').filter(|h| !h.split('/').any(|part| part == "..")) {
        fs::create_dir_all(root(folder).join(home))?;
    }
    let (entries, programs) = (data(folder).join("applications"), folder.join("bin"));
    fs::create_dir_all(&entries)?;
    fs::create_dir_all(&programs)?;
    for (id, name, generic, more) in APPS {
        // It is there to be found; nothing starts it but the systemd of this laptop, which only says so.
        let program = programs.join(id);
        fs::write(&program, "#!/bin/sh\n")?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700))?;
        let entry = format!(
            "[Desktop Entry]\nType=Application\nName={name}\nGenericName={generic}\nExec={}\n{more}",
            program.display()
        );
        fs::write(entries.join(format!("{id}.desktop")), entry)?;
    }
    Ok(())
}

fn value(folder: &Path) -> PathBuf {
    sysfs(folder).join("class/backlight").join(BACKLIGHT).join("brightness")
}

/// The present value of the backlight.
pub(super) fn backlight(folder: &Path) -> u32 {
    fs::read_to_string(value(folder)).ok().and_then(|text| text.trim().parse().ok()).unwrap_or_default()
}

/// Sets it.
pub(super) fn set_backlight(folder: &Path, raw: u32) -> io::Result<()> {
    fs::write(value(folder), format!("{raw}\n"))
}
