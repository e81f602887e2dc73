//! A desktop entry comes from whoever can write into a data folder: any bytes are an app's entry or none, and its command is split or
//! refused, with every argument one that a process can have.

#![no_main]

use libfuzzer_sys::fuzz_target;
use steward_agent::backend::apps::entry::{Languages, parse};
use steward_agent::backend::apps::exec::{self, Fields};

fuzz_target!(|bytes: &[u8]| {
    let check = |command: &str, name: &str, icon: Option<&str>| {
        let fields = Fields { icon, name, file: "/usr/share/applications/x.desktop" };
        if let Ok(args) = exec::parse(command, &fields) {
            assert!(!args.is_empty() && !args[0].is_empty() && !args[0].contains('='));
        }
    };
    if let Ok(text) = std::str::from_utf8(bytes) {
        check(text, "A name", Some("icon"));
        drop(Languages::of(text));
    }
    for languages in [Languages::default(), Languages::of("de_AT.UTF-8@euro")] {
        let Some(entry) = parse(bytes, &languages) else { continue };
        assert!(!entry.name.is_empty());
        if let Some(command) = &entry.exec {
            check(command, entry.local_name.as_deref().unwrap_or(&entry.name), entry.icon.as_deref());
        }
    }
});
