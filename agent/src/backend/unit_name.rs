//! Names of systemd's units, by the grammar of systemd.unit(5): a word that systemd cannot take for an option, a path or a pattern.

use serde::{Deserialize, Serialize};

/// The longest name of a unit, in bytes (`UNIT_NAME_MAX` of systemd).
pub const MAX_UNIT: usize = 255;

/// The types of units (systemd.unit(5)).
const TYPES: [&str; 11] =
    ["service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice", "scope"];
/// The types that are started, stopped, enabled and disabled by an action. Targets switch the machine off, mounts have disks and
/// scopes people behind them: those have actions, or none.
const CHANGED: [&str; 4] = ["service", "socket", "timer", "path"];

/// The name of a unit with its type: `ssh.service`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct UnitName(String);

impl UnitName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What kind of unit it is: `service`.
    pub fn kind(&self) -> &str {
        self.0.rsplit_once('.').map_or("", |(_, kind)| kind)
    }

    /// Whether it is a template without an instance, `name@.service`: nothing that runs.
    pub fn is_template(&self) -> bool {
        self.0.rsplit_once('.').is_some_and(|(prefix, _)| prefix.ends_with('@'))
    }

    /// Whether actions change units of its type.
    pub fn is_changed(&self) -> bool {
        CHANGED.contains(&self.kind())
    }

    /// systemd's name for the D-Bus interface with what is special to its type: `Service`.
    pub fn interface(&self) -> String {
        let kind = self.kind();
        let (first, rest) = kind.split_at(1.min(kind.len()));
        format!("{}{rest}", first.to_ascii_uppercase())
    }
}

impl TryFrom<String> for UnitName {
    type Error = String;

    /// Without a type it is a service, as for systemctl(1).
    fn try_from(text: String) -> Result<UnitName, String> {
        let typed = text.rsplit_once('.').is_some_and(|(prefix, kind)| !prefix.is_empty() && TYPES.contains(&kind));
        let name = if typed { text } else { format!("{text}.service") };
        let prefix = name.rsplit_once('.').map_or("", |(prefix, _)| prefix);
        let expected = "expected the name of a unit, such as `ssh` or `ssh.service`: letters, digits and `:-_.\\@`";
        if prefix.is_empty() || name.len() > MAX_UNIT {
            return Err(format!("{expected}, at most {MAX_UNIT} bytes"));
        }
        // The first character of `-.mount` is systemd's for the root folder; nobody means that, and to a program it is an option.
        if prefix.starts_with(['-', '@', '.']) {
            return Err(format!("{expected}, beginning with a letter, a digit, `_` or `:`"));
        }
        let valid = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
        if !prefix.chars().all(valid) {
            return Err(expected.to_owned());
        }
        Ok(UnitName(name))
    }
}

impl From<UnitName> for String {
    fn from(name: UnitName) -> String {
        name.0
    }
}

impl std::fmt::Display for UnitName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<String, String> {
        UnitName::try_from(text.to_owned()).map(String::from)
    }

    #[test]
    fn a_unit_has_a_type_and_is_a_service_without_one() {
        for (text, name) in [
            ("ssh", "ssh.service"),
            ("ssh.service", "ssh.service"),
            ("ssh.socket", "ssh.socket"),
            ("org.example.App", "org.example.App.service"),
            ("getty@tty1", "getty@tty1.service"),
            ("dev-disk-by\\x2dlabel-a.swap", "dev-disk-by\\x2dlabel-a.swap"),
            ("a.service.d", "a.service.d.service"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(name));
        }
        let unit = UnitName::try_from("getty@.service".to_owned()).unwrap();
        assert!(unit.is_template() && unit.is_changed());
        assert_eq!((unit.kind(), unit.interface().as_str()), ("service", "Service"));
        assert!(!UnitName::try_from("poweroff.target".to_owned()).unwrap().is_changed());
    }

    #[test]
    fn options_paths_and_patterns_are_no_units() {
        for bad in [
            "",
            " ",
            "-",
            "--now",
            "-H.service",
            "--host=a.service",
            "-.mount",
            ".service",
            "..",
            "/etc/passwd",
            "../x",
            "a/b.service",
            "*",
            "ssh*",
            "a?",
            "[ab]",
            "a b",
            "a\nb",
            "a\0",
            "é",
            "a;b",
            "$HOME",
            "a=b",
            "@tty1.service",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
        assert!(read(&"x".repeat(247)).is_ok() && read(&"x".repeat(248)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_a_unit_is_one_again_and_nothing_else(text in "\\PC{0,20}") {
            if let Ok(name) = read(&text) {
                prop_assert_eq!(read(&name), Ok(name.clone()));
                prop_assert!(!name.starts_with('-') && !name.contains(['/', '*', '?', '[', ' ']));
            }
        }
    }
}
