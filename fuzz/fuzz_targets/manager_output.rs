//! Whatever dnf, zypper, pacman and flatpak print, reading it ends, does not panic, and gives no item that contradicts itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steward_agent::backend::package::{Item, Transaction, dnf, flatpak, pacman, zypper};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let check = |items: Vec<Item>, versions: bool| {
        for item in &items {
            assert!(!versions || item.verb.keeps() == item.to.is_some());
            assert!(!item.name.is_empty() && !item.name.contains(char::is_control));
        }
        let transaction = Transaction { items, ..Transaction::default() };
        assert!(transaction.diff(&transaction).is_empty());
        let _ = (transaction.summary(), transaction.inverse(), transaction.beyond(&transaction.undoable()));
    };
    check(dnf::parse::simulation(&text).items, true);
    check(zypper::parse::simulation(&text).map(|s| s.items).unwrap_or_default(), true);
    check(pacman::parse::printed(&text, true), true);
    check(pacman::parse::printed(&text, false), true);
    // The versions are not in flatpak's table.
    check(flatpak::parse::table(&text).unwrap_or_default(), false);
    let _ = (dnf::parse::refusal(&text, &text), dnf::parse::search(&text), dnf::parse::versions(&text));
    let _ = (zypper::parse::refusal(&text), zypper::parse::found(&text), zypper::parse::hits(&text));
    let _ = (zypper::parse::names(&text), zypper::parse::messages(&text, "info"));
    let _ = (pacman::parse::refusal(&text, &text), pacman::parse::search(&text), pacman::parse::rows(&text));
    let _ = (pacman::parse::installed_change(&text), pacman::parse::kept_back(&text), pacman::parse::older(&text));
    let _ = (flatpak::parse::reasons(&text), flatpak::parse::here(&text, false), flatpak::parse::nothing_to_do(&text, &text));
    for offer in flatpak::parse::offers(&text) {
        assert!(!offer.what.to_string().contains(|c: char| c.is_whitespace() || c.is_control()));
    }
    for line in text.lines() {
        let all = [dnf::parse::progress(line), zypper::parse::progress(line), pacman::parse::progress(line)];
        for progress in all.into_iter().chain([flatpak::parse::progress(line)]).flatten() {
            assert!(progress.percent.is_none_or(|p| p <= 100));
        }
    }
});
