//! Which app is meant by a name. Pure: one, several, or none with what is near; a near one is never taken for the one that was asked for.

use super::App;

/// How many apps are told when several are meant.
const MAX_TOLD: usize = 10;
/// How many names are told that are near.
const MAX_NEAR: usize = 3;
/// More of a name than this is not compared, in characters.
const MAX_COMPARED: usize = 64;

/// What people call apps of a kind, and the category that such apps have (Desktop Menu Specification, "Registered Categories").
const KINDS: &[(&str, &str)] = &[
    ("terminal", "TerminalEmulator"),
    ("browser", "WebBrowser"),
    ("web browser", "WebBrowser"),
    ("text editor", "TextEditor"),
    ("calculator", "Calculator"),
    ("file manager", "FileManager"),
    ("email", "Email"),
    ("mail", "Email"),
];

/// What is meant by a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// This one.
    One(&'a App),
    /// One of these; the first of more.
    Many(Vec<&'a App>),
    /// None; these have names that look like it.
    None(Vec<&'a App>),
}

/// Looks for `asked`: by id to the letter; then, of the apps that menus show, by name, by name in the session's language, by id in any case
/// or the last part of it (`org.mozilla.firefox`), by generic name, keyword or kind. The first way that finds any decides.
pub fn find<'a>(apps: &'a [App], asked: &str) -> Found<'a> {
    let id = asked.strip_suffix(".desktop").unwrap_or(asked);
    if let Some(app) = apps.iter().find(|a| a.id == id) {
        return Found::One(app);
    }
    let wanted = asked.to_lowercase();
    let same = |text: &str| text.to_lowercase() == wanted;
    let category = KINDS.iter().find(|(word, _)| *word == wanted).map(|(_, category)| *category);
    let ways: [&dyn Fn(&App) -> bool; 4] = [
        &|a| same(&a.name),
        &|a| a.local_name.as_deref().is_some_and(same),
        &|a| same(&a.id) || a.id.rsplit('.').next().is_some_and(same),
        &|a| {
            a.generic.iter().chain(&a.keywords).any(|word| same(word))
                || category.is_some_and(|c| a.categories.iter().any(|of| of == c))
        },
    ];
    for way in ways {
        let mut fit = apps.iter().filter(|a| a.shown && way(a));
        if let Some(first) = fit.next() {
            let more: Vec<&App> = fit.take(MAX_TOLD - 1).collect();
            return match more.is_empty() {
                true => Found::One(first),
                false => Found::Many(std::iter::once(first).chain(more).collect()),
            };
        }
    }
    Found::None(near(apps, &wanted))
}

/// Apps whose names look like it, or have it as a word, the nearest first.
fn near<'a>(apps: &'a [App], wanted: &str) -> Vec<&'a App> {
    let wanted: String = wanted.chars().take(MAX_COMPARED).collect();
    let score = |name: &str| {
        let name: String = name.to_lowercase().chars().take(MAX_COMPARED).collect();
        let distance = strsim::osa_distance(&wanted, &name);
        let word = name.split(|c: char| !c.is_alphanumeric()).any(|w| w == wanted);
        match word {
            true => Some(0),
            false => (distance <= 1 + name.chars().count() / 4).then_some(distance),
        }
    };
    let mut scored: Vec<(usize, &App)> = apps
        .iter()
        .filter(|a| a.shown)
        .filter_map(|a| {
            let names = std::iter::once(a.name.as_str()).chain(a.local_name.as_deref()).chain([a.id.as_str()]);
            Some((names.filter_map(score).min()?, a))
        })
        .collect();
    scored.sort_by(|a, b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
    scored.into_iter().take(MAX_NEAR).map(|(_, app)| app).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(id: &str, name: &str) -> App {
        App { id: id.to_owned(), name: name.to_owned(), shown: true, ..App::default() }
    }

    fn list(items: &[&str]) -> Vec<String> {
        items.iter().map(|i| (*i).to_owned()).collect()
    }

    fn desktop() -> Vec<App> {
        vec![
            App {
                generic: list(&["Web Browser"]),
                categories: list(&["WebBrowser"]),
                ..app("firefox-esr", "Firefox ESR")
            },
            App { local_name: Some("Taschenrechner".into()), ..app("org.gnome.Calculator", "Calculator") },
            App { keywords: list(&["calculation", "math"]), ..app("kcalc", "KCalc") },
            App { keywords: list(&["math"]), ..app("maxima", "Maxima") },
            app("org.gnome.Nautilus", "Files"),
            app("pcmanfm", "Files"),
            App { shown: false, ..app("gnome-sound-panel", "Sound") },
            App { generic: list(&["Sound"]), ..app("pavucontrol", "Volume Control") },
            App { categories: list(&["TerminalEmulator"]), ..app("org.kde.konsole", "Konsole") },
            app("vim", "Vim"),
        ]
    }

    #[test]
    fn the_first_way_that_finds_any_decides() {
        let apps = desktop();
        for (asked, ids) in [
            ("firefox-esr", vec!["firefox-esr"]),
            ("firefox-esr.desktop", vec!["firefox-esr"]),
            ("firefox esr", vec!["firefox-esr"]),
            ("FIREFOX ESR", vec!["firefox-esr"]),
            ("calculator", vec!["org.gnome.Calculator"]),
            ("taschenrechner", vec!["org.gnome.Calculator"]),
            ("konsole", vec!["org.kde.konsole"]),
            ("nautilus", vec!["org.gnome.Nautilus"]),
            ("files", vec!["org.gnome.Nautilus", "pcmanfm"]),
            ("math", vec!["kcalc", "maxima"]),
            ("calculation", vec!["kcalc"]),
            ("web browser", vec!["firefox-esr"]),
            ("browser", vec!["firefox-esr"]),
            ("terminal", vec!["org.kde.konsole"]),
            // Not in menus: only by its id to the letter.
            ("gnome-sound-panel", vec!["gnome-sound-panel"]),
            ("sound", vec!["pavucontrol"]),
        ] {
            let found: Vec<&str> = match find(&apps, asked) {
                Found::One(app) => vec![app.id.as_str()],
                Found::Many(apps) => apps.iter().map(|a| a.id.as_str()).collect(),
                Found::None(_) => vec![],
            };
            assert_eq!(found, ids, "{asked}");
        }
    }

    #[test]
    fn a_near_name_is_told_and_never_taken() {
        let apps = desktop();
        for (asked, near) in [
            ("firefox", vec!["firefox-esr"]),
            ("konsol", vec!["org.kde.konsole"]),
            ("vm", vec!["vim"]),
            ("../../etc/passwd", vec![]),
            ("something else", vec![]),
        ] {
            let Found::None(told) = find(&apps, asked) else { panic!("{asked} was taken for another") };
            assert_eq!(told.iter().map(|a| a.id.as_str()).collect::<Vec<_>>(), near, "{asked}");
        }
    }
}
