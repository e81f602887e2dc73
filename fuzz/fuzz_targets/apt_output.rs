//! Whatever apt and dpkg print, reading it ends, does not panic, and gives no item that contradicts itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steward_agent::backend::package::apt::parse;
use steward_agent::backend::package::{PackageName, Transaction};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let read = parse::simulation(&text);
    for item in &read.items {
        assert_eq!(item.verb.keeps(), item.to.is_some());
        assert!(!item.name.is_empty() && !item.name.contains(char::is_control));
    }
    let transaction = Transaction { items: read.items, ..Transaction::default() };
    assert!(transaction.diff(&transaction).is_empty());
    let _ = (transaction.summary(), transaction.inverse(), transaction.beyond(&transaction.undoable()));
    let _ = (parse::uris(&text), parse::refusal(&text, &text), parse::rows(&text), parse::auto_marks(&text));
    let _ = (parse::search(&text), parse::versions(&text), parse::providers(&text), parse::last_words(&text));
    let _ = text.lines().filter_map(parse::status_line).count();
    if let Ok(names) = PackageName::list(&text) {
        assert!(names.iter().all(|name| !name.as_str().starts_with('-')));
    }
});
