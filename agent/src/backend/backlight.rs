//! Screens with a backlight, as the kernel shows them in sysfs (<https://docs.kernel.org/ABI/testing/sysfs-class-backlight.html>). It reads;
//! setting is logind's business, because the files belong to root.

use std::path::{Path, PathBuf};

use super::read;

/// How many backlights are looked at.
const MAX_BACKLIGHTS: usize = 32;
/// The longest value in a file of sysfs that is read, in bytes.
const MAX_VALUE: u64 = 64;

/// Where the backlights of a machine are.
#[derive(Clone, Debug)]
pub struct Backlights {
    /// The folder `class/backlight` of sysfs.
    folder: PathBuf,
}

/// One backlight with its present value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlight {
    /// Its name for the kernel, such as `intel_backlight`.
    pub name: String,
    /// The present value.
    pub raw: u32,
    /// The highest value; at least 1.
    pub max: u32,
}

impl Backlights {
    /// Those below `sysfs`, which is `/sys` but in tests and simulations.
    pub fn below(sysfs: &Path) -> Backlights {
        Backlights { folder: sysfs.join("class/backlight") }
    }

    /// The backlight that the brightness is about: by type firmware, then platform, then raw, as the kernel's documentation and systemd
    /// have it; of two of a type the one whose screen is on, then the first by name.
    pub fn best(&self) -> Option<Backlight> {
        let folders = std::fs::read_dir(&self.folder).ok()?.flatten().take(MAX_BACKLIGHTS);
        let ranked = folders.filter_map(|folder| {
            let name = folder.file_name().into_string().ok()?;
            let value = |file: &str| short(&folder.path().join(file));
            let number = |file: &str| value(file)?.parse::<u32>().ok();
            let kind = match value("type")?.as_str() {
                "firmware" => 0,
                "platform" => 1,
                "raw" => 2,
                _ => return None,
            };
            let off = value("device/enabled").is_some_and(|e| e == "disabled");
            let (raw, max) = (number("brightness")?, number("max_brightness").filter(|max| *max > 0)?);
            Some(((kind, off, name.clone()), Backlight { name, raw: raw.min(max), max }))
        });
        ranked.min_by(|a, b| a.0.cmp(&b.0)).map(|(_, best)| best)
    }
}

/// A short value in a file.
fn short(path: &Path) -> Option<String> {
    Some(read::text(path, MAX_VALUE).ok()?.trim().to_owned())
}

impl Backlight {
    /// The present value in percent, rounded.
    pub fn percent(&self) -> u32 {
        self.percent_of(self.raw)
    }

    /// A value in percent, rounded.
    pub fn percent_of(&self, raw: u32) -> u32 {
        let max = u64::from(self.max);
        u32::try_from((u64::from(raw) * 100 + max / 2) / max).unwrap_or(100)
    }

    /// The lowest value that is ever set. On many screens 0 switches the light off, and nothing can be seen any more; as desktops do,
    /// a hundredth of the range, or one step where it has fewer, is kept.
    pub fn lowest(&self) -> u32 {
        (self.max / 100).max(1)
    }

    /// The value nearest to `percent`, never below [`Backlight::lowest`].
    pub fn nearest(&self, percent: u32) -> u32 {
        let raw = (u64::from(self.max) * u64::from(percent.min(100)) + 50) / 100;
        u32::try_from(raw).unwrap_or(self.max).clamp(self.lowest(), self.max)
    }

    /// The value nearest to `percent` that is at least one step up, or down, from the present one, where there is one: a short step on a
    /// screen with few values would otherwise do nothing.
    pub fn step_to(&self, percent: u32, up: bool) -> u32 {
        let nearest = self.nearest(percent);
        match up {
            true => nearest.max(self.raw.saturating_add(1)).min(self.max),
            // A present value below the lowest is left.
            false => nearest.min(self.raw.saturating_sub(1)).max(self.lowest().min(self.raw)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn machine(rows: &[(&str, &str, &str, &str)]) -> (tempfile::TempDir, Backlights) {
        let sysfs = tempfile::tempdir().expect("a folder");
        for (name, kind, brightness, max) in rows {
            let folder = sysfs.path().join("class/backlight").join(name);
            std::fs::create_dir_all(&folder).expect("a folder");
            for (file, value) in [("type", kind), ("brightness", brightness), ("max_brightness", max)] {
                std::fs::write(folder.join(file), format!("{value}\n")).expect("a file");
            }
        }
        let backlights = Backlights::below(sysfs.path());
        (sysfs, backlights)
    }

    #[test]
    fn firmware_goes_before_platform_and_that_before_raw_then_the_first_by_name() {
        let raw = ("intel_backlight", "raw", "400", "937");
        let platform = ("thinkpad_screen", "platform", "3", "7");
        let firmware = ("acpi_video0", "firmware", "5", "10");
        for (rows, best) in [
            (vec![raw, platform, firmware], Some("acpi_video0")),
            (vec![raw, platform], Some("thinkpad_screen")),
            (vec![raw, ("amdgpu_bl0", "raw", "1", "255")], Some("amdgpu_bl0")),
            (vec![("broken", "firmware", "x", "10"), raw], Some("intel_backlight")),
            (vec![("none", "firmware", "0", "0"), raw], Some("intel_backlight")),
            (vec![("odd", "leds", "1", "10")], None),
            (vec![], None),
        ] {
            let (_sysfs, backlights) = machine(&rows);
            assert_eq!(backlights.best().map(|b| b.name).as_deref(), best, "{rows:?}");
        }
    }

    #[test]
    fn a_screen_that_is_off_goes_after_one_that_is_on() {
        let (sysfs, backlights) = machine(&[("a", "raw", "1", "9"), ("b", "raw", "1", "9")]);
        let device = sysfs.path().join("class/backlight/a/device");
        std::fs::create_dir_all(&device).expect("a folder");
        std::fs::write(device.join("enabled"), "disabled\n").expect("a file");
        assert_eq!(backlights.best().map(|b| b.name).as_deref(), Some("b"));
    }

    #[test]
    fn zero_percent_keeps_the_light_on() {
        for (max, lowest) in [(1, 1), (7, 1), (100, 1), (255, 2), (937, 9), (96_000, 960)] {
            let screen = Backlight { name: String::new(), raw: max, max };
            assert_eq!(screen.nearest(0), lowest, "{max}");
            assert_eq!(screen.nearest(100), max);
            assert_eq!(screen.step_to(0, false), lowest.min(max), "{max}");
        }
    }

    #[test]
    fn a_short_step_on_a_screen_with_few_values_is_one_value() {
        let screen = Backlight { name: String::new(), raw: 3, max: 7 };
        assert_eq!((screen.percent(), screen.step_to(48, true), screen.step_to(38, false)), (43, 4, 2));
        let dark = Backlight { raw: 0, ..screen.clone() };
        assert_eq!(dark.step_to(0, false), 0, "one that was set to 0 by hand is not made brighter by turning it down");
        assert_eq!(Backlight { raw: 7, ..screen }.step_to(100, true), 7);
    }

    proptest! {
        #[test]
        fn values_stay_in_their_range_and_a_step_never_goes_the_other_way(
            raw in 0u32..5000, max in 1u32..5000, percent in 0u32..=200
        ) {
            let screen = Backlight { name: String::new(), raw: raw.min(max), max };
            let nearest = screen.nearest(percent);
            prop_assert!((screen.lowest()..=max).contains(&nearest));
            prop_assert!((screen.raw..=max).contains(&screen.step_to(percent, true)));
            prop_assert!((0..=screen.raw).contains(&screen.step_to(percent, false)));
            if max >= 100 && percent >= 1 {
                prop_assert_eq!(screen.percent_of(nearest), percent.min(100));
            }
        }
    }
}
