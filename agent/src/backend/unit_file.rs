//! What a unit's file says that a person should see before it is started or enabled: the commands, and what enabling it brings.
//!
//! The form is that of systemd.syntax(7). Nothing is decided here, and specifiers such as `%i` stay as they are written.

/// More of a unit's file is not read, in bytes.
pub const MAX_FILE: usize = 64 * 1024;

/// What was found in one file, or in a file and its drop-ins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitText {
    /// The commands of `Exec…=`, as they are written, in their order.
    pub commands: Vec<String>,
    /// `Also=`: units that are enabled and disabled with it.
    pub also: Vec<String>,
    /// `Alias=`: other names that it gets when it is enabled.
    pub aliases: Vec<String>,
    /// `WantedBy=`, `RequiredBy=` and `UpheldBy=`: what starts it when it is enabled.
    pub started_by: Vec<String>,
}

/// Reads the text of a unit's file and adds what it says. An empty value takes back what stood before, as systemd has it.
pub fn read(text: &str, found: &mut UnitText) {
    let mut section = Section::Other;
    let mut joined = String::new();
    for line in text.lines() {
        let line = line.trim();
        // Comments may stand between the lines of a long one.
        if line.starts_with(['#', ';']) || (line.is_empty() && joined.is_empty()) {
            continue;
        }
        joined.push_str(line);
        if joined.ends_with('\\') {
            joined.pop();
            joined.push(' ');
            continue;
        }
        let whole = std::mem::take(&mut joined);
        if let Some(name) = whole.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = match name {
                "Install" => Section::Install,
                "Service" | "Socket" | "Mount" | "Swap" => Section::Commands,
                _ => Section::Other,
            };
            continue;
        }
        let Some((key, value)) = whole.split_once('=') else { continue };
        let (key, value) = (key.trim(), value.trim());
        match (section, key) {
            (Section::Install, "Also") => add(&mut found.also, value),
            (Section::Install, "Alias") => add(&mut found.aliases, value),
            (Section::Install, "WantedBy" | "RequiredBy" | "UpheldBy") => add(&mut found.started_by, value),
            (Section::Commands, key) if COMMANDS.contains(&key) => {
                if value.is_empty() {
                    let of = format!("{key}=");
                    found.commands.retain(|c| !c.starts_with(&of));
                } else {
                    found.commands.push(format!("{key}={value}"));
                }
            }
            _ => {}
        }
    }
}

/// Where a line stands.
#[derive(Clone, Copy)]
enum Section {
    Install,
    Commands,
    Other,
}

/// The keys with commands (systemd.service(5), systemd.socket(5)).
const COMMANDS: [&str; 8] = [
    "ExecCondition",
    "ExecStart",
    "ExecStartPre",
    "ExecStartPost",
    "ExecReload",
    "ExecStop",
    "ExecStopPre",
    "ExecStopPost",
];

/// Adds the words of a list; an empty one takes back those before it.
fn add(to: &mut Vec<String>, value: &str) {
    if value.is_empty() {
        to.clear();
    }
    to.extend(value.split_ascii_whitespace().map(str::to_owned));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_and_what_enabling_brings_are_found_where_they_stand() {
        let file = "[Unit]\nDescription=ExecStart=/no\nWants=a.service\n# ExecStart=/no\n[Service]\nExecStartPre=-/bin/a\n\
                    ExecStart=/bin/b --long \\\n  # in between\n  --more\nEnvironment=ExecStart=/no\n ExecStop = /bin/c \n\
                    [Install]\nWantedBy=multi-user.target graphical.target\nAlias=x.service\nAlso=y.socket\nExecStart=/no\n";
        let mut found = UnitText::default();
        read(file, &mut found);
        assert_eq!(found.commands, ["ExecStartPre=-/bin/a", "ExecStart=/bin/b --long  --more", "ExecStop=/bin/c"]);
        assert_eq!(found.started_by, ["multi-user.target", "graphical.target"]);
        assert_eq!(
            (found.aliases.as_slice(), found.also.as_slice()),
            (&["x.service".to_owned()][..], &["y.socket".to_owned()][..])
        );
    }

    #[test]
    fn a_drop_in_takes_back_and_adds() {
        let mut found = UnitText::default();
        read("[Service]\nExecStart=/bin/a\nExecStop=/bin/s\n[Install]\nWantedBy=a.target\n", &mut found);
        read("[Service]\nExecStart=\nExecStart=/bin/b\n[Install]\nWantedBy=\n", &mut found);
        assert_eq!(found.commands, ["ExecStop=/bin/s", "ExecStart=/bin/b"]);
        assert!(found.started_by.is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(\\PC|\n|\\[Service\\]\n|ExecStart=|\\\\\n){0,40}") {
            read(&text, &mut UnitText::default());
        }
    }
}
