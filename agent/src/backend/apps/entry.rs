//! A desktop entry's text as the Desktop Entry Specification 1.5 has it: the one group and the few keys that starting an app needs.
//!
//! Pure. A parser of our own because that is less code than what the ready ones bring along: they keep every key of every group and of
//! every language, and one of them links a translation library.

/// How much of a name, a generic name or a keyword is kept, in characters; longer ones are left out.
const MAX_NAME: usize = 200;
/// How many keywords and categories are kept of each.
const MAX_LISTED: usize = 64;

/// What an app's entry says. Lists and names are cut to what a person would say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// `Name`.
    pub name: String,
    /// `Name` in the language of the session, where there is one.
    pub local_name: Option<String>,
    /// `GenericName`, plain and in the session's language.
    pub generic: Vec<String>,
    /// `Keywords`, plain and in the session's language.
    pub keywords: Vec<String>,
    /// `Categories`.
    pub categories: Vec<String>,
    /// `Exec`, with the escapes of strings resolved and its own quoting not.
    pub exec: Option<String>,
    /// `TryExec`.
    pub try_exec: Option<String>,
    /// `Path`: the folder to start in.
    pub folder: Option<String>,
    /// `Icon`.
    pub icon: Option<String>,
    /// `Terminal`.
    pub terminal: bool,
    /// `DBusActivatable`.
    pub activatable: bool,
    /// `NoDisplay`: not in menus.
    pub no_display: bool,
    /// `Hidden`: as if it were deleted.
    pub hidden: bool,
    /// `OnlyShowIn`.
    pub only_show_in: Option<Vec<String>>,
    /// `NotShowIn`.
    pub not_show_in: Vec<String>,
}

/// The languages of a session as keys have them, the best first: `de_AT@euro`, `de_AT`, `de@euro`, `de`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Languages(Vec<String>);

impl Languages {
    /// Those of a locale such as `de_AT.UTF-8@euro`; none for `C` and `POSIX`.
    pub fn of(locale: &str) -> Languages {
        let (rest, modifier) = locale.split_once('@').map_or((locale, None), |(rest, m)| (rest, Some(m)));
        let rest = rest.split('.').next().unwrap_or_default();
        let (language, country) = rest.split_once('_').map_or((rest, None), |(l, c)| (l, Some(c)));
        if matches!(language, "" | "C" | "POSIX") {
            return Languages::default();
        }
        let mut all = Vec::new();
        if let (Some(country), Some(modifier)) = (country, modifier) {
            all.push(format!("{language}_{country}@{modifier}"));
        }
        all.extend(country.map(|country| format!("{language}_{country}")));
        all.extend(modifier.map(|modifier| format!("{language}@{modifier}")));
        all.push(language.to_owned());
        Languages(all)
    }

    fn rank(&self, of: &str) -> Option<usize> {
        self.0.iter().position(|l| l == of)
    }
}

/// A value in the session's language, with how good a match it is.
#[derive(Default)]
struct Local<'t>(Option<(usize, &'t str)>);

impl<'t> Local<'t> {
    fn offer(&mut self, rank: usize, value: &'t str) {
        if self.0.is_none_or(|(best, _)| rank < best) {
            self.0 = Some((rank, value));
        }
    }
}

/// Reads an entry. None when it is not that of an app, or has no name.
pub fn parse(bytes: &[u8], languages: &Languages) -> Option<Entry> {
    let mut entry = Entry::default();
    let (mut name, mut generic, mut keywords) = (Local::default(), Local::default(), Local::default());
    let (mut inside, mut application) = (false, false);
    for line in bytes.split(|b| *b == b'\n') {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        let line = line.trim_matches(|c| matches!(c, ' ' | '\t' | '\r'));
        if line.starts_with('[') {
            if inside {
                // The groups after the first are actions, which nobody can ask for.
                break;
            }
            inside = line == "[Desktop Entry]";
            continue;
        }
        let Some((key, value)) = line.split_once('=').filter(|_| inside && !line.starts_with('#')) else { continue };
        let (key, value) = (key.trim_end(), value.trim_start());
        if let Some((key, language)) = key.strip_suffix(']').and_then(|k| k.split_once('[')) {
            let Some(rank) = languages.rank(language) else { continue };
            match key {
                "Name" => name.offer(rank, value),
                "GenericName" => generic.offer(rank, value),
                "Keywords" => keywords.offer(rank, value),
                _ => (),
            }
            continue;
        }
        match key {
            "Type" => application = value == "Application",
            "Name" => entry.name = short(value).unwrap_or_default(),
            "GenericName" => entry.generic.extend(short(value)),
            "Keywords" => entry.keywords = list(value),
            "Categories" => entry.categories = list(value),
            "Exec" => entry.exec = Some(string(value)),
            "TryExec" => entry.try_exec = Some(string(value)).filter(|v| !v.is_empty()),
            "Path" => entry.folder = Some(string(value)).filter(|v| !v.is_empty()),
            "Icon" => entry.icon = Some(string(value)).filter(|v| !v.is_empty()),
            "Terminal" => entry.terminal = value == "true",
            "DBusActivatable" => entry.activatable = value == "true",
            "NoDisplay" => entry.no_display = value == "true",
            "Hidden" => entry.hidden = value == "true",
            "OnlyShowIn" => entry.only_show_in = Some(list(value)),
            "NotShowIn" => entry.not_show_in = list(value),
            _ => (),
        }
    }
    entry.local_name = name.0.and_then(|(_, v)| short(v)).filter(|n| *n != entry.name);
    entry.generic.extend(generic.0.and_then(|(_, v)| short(v)));
    entry.keywords.extend(keywords.0.map(|(_, v)| list(v)).unwrap_or_default());
    (application && !entry.name.is_empty()).then_some(entry)
}

/// A string with its escapes resolved.
fn string(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (c, false) => out.push(c),
            (_, true) => match chars.next() {
                Some('s') => out.push(' '),
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('\\') => out.push('\\'),
                // Not an escape of strings: `Exec` has its own.
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
        }
    }
    out
}

/// A name; none when it is empty or longer than a name is.
fn short(value: &str) -> Option<String> {
    let value = string(value);
    let value = value.trim();
    (!value.is_empty() && value.chars().nth(MAX_NAME).is_none()).then(|| value.to_owned())
}

/// A list; `\;` is no end of an item.
fn list(value: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut item = String::new();
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&';') => item.extend(chars.next()),
            ';' => items.push(std::mem::take(&mut item)),
            other => item.push(other),
        }
    }
    items.push(item);
    items.iter().filter_map(|i| short(i)).take(MAX_LISTED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "# a comment\n[Desktop Entry]\nType=Application\nName=Files\nName[de]=Dateien\nName[de_AT]=Ordner\n\
        GenericName=File Manager\nGenericName[de]=Dateiverwaltung\nKeywords=folder;disk\\;drive;\n\
        Categories=GNOME;FileManager;\nExec=nautilus --new-window %U\nTryExec=nautilus\nIcon=org.gnome.Nautilus\nTerminal=false\n\
        DBusActivatable=true\nOnlyShowIn=GNOME;Unity;\nPath=/tmp/a\\sb\n\n[Desktop Action new]\nName=Wrong\nExec=wrong\n";

    #[test]
    fn the_first_group_is_read_in_the_best_language() {
        let entry = parse(TEXT.as_bytes(), &Languages::of("de_DE.UTF-8")).expect("an app");
        assert_eq!((entry.name.as_str(), entry.local_name.as_deref()), ("Files", Some("Dateien")));
        assert_eq!(entry.generic, ["File Manager", "Dateiverwaltung"]);
        assert_eq!(entry.keywords, ["folder", "disk;drive"]);
        assert_eq!(entry.categories, ["GNOME", "FileManager"]);
        assert_eq!(entry.exec.as_deref(), Some("nautilus --new-window %U"));
        assert_eq!(entry.folder.as_deref(), Some("/tmp/a b"));
        assert_eq!(entry.only_show_in, Some(vec!["GNOME".to_owned(), "Unity".to_owned()]));
        assert!(entry.activatable && !entry.terminal && !entry.no_display && !entry.hidden);
        for (locale, name) in
            [("de_AT@euro", Some("Ordner")), ("C.UTF-8", None), ("", None), ("fr_FR", None), ("de", Some("Dateien"))]
        {
            let entry = parse(TEXT.as_bytes(), &Languages::of(locale)).expect("an app");
            assert_eq!(entry.local_name.as_deref(), name, "{locale}");
        }
    }

    #[test]
    fn what_is_no_app_is_none() {
        for text in [
            "",
            "Type=Application\nName=a\nExec=a\n",
            "[Desktop Entry]\nType=Link\nName=a\n",
            "[Desktop Entry]\nType=Application\nExec=a\n",
            "[Other]\nType=Application\nName=a\n",
            "[Desktop Action x]\nName=a\nType=Application\n",
        ] {
            assert_eq!(parse(text.as_bytes(), &Languages::default()), None, "{text}");
        }
        let long = format!("[Desktop Entry]\nType=Application\nName={}\n", "x".repeat(MAX_NAME + 1));
        assert_eq!(parse(long.as_bytes(), &Languages::default()), None);
    }

    #[test]
    fn escapes_of_strings_are_resolved_once() {
        assert_eq!(string(r"a\sb\\c\n\x\"), "a b\\c\n\\x\\");
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_entry_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut text = b"[Desktop Entry]\nType=Application\nName=a\n".to_vec();
            text.extend(bytes);
            let _ = parse(&text, &Languages::of("de_DE"));
        }
    }
}
