//! What is read of units: their names, their files, their journal, and the arguments of tools that look.

#![no_main]

use libfuzzer_sys::fuzz_target;
use steward_agent::action::observe::{Tool, grammar};
use steward_agent::backend::unit_file::{self, UnitText};
use steward_agent::backend::unit_name::UnitName;

fuzz_target!(|bytes: &[u8]| {
    let lines = steward_agent::backend::journal::parse(bytes);
    assert!(lines.iter().all(|line| !line.contains(['\n', '\u{1b}', '\u{202e}'])));
    let text = String::from_utf8_lossy(bytes);
    unit_file::read(&text, &mut UnitText::default());
    if let Ok(name) = UnitName::try_from(text.clone().into_owned()) {
        assert!(!name.as_str().starts_with('-') && !name.as_str().contains(['/', '*', ' ', '\n']));
        assert_eq!(UnitName::try_from(name.to_string()), Ok(name));
    }
    let args: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for tool in [Tool::Ps, Tool::Top, Tool::Journalctl, Tool::Perf, Tool::Bpftrace] {
        if grammar::check(tool, &args).is_ok() {
            // Nothing that is taken names a file, whatever it stands behind, but for what is looked for.
            let looks = args.iter().any(|a| a.starts_with("-g") || a.starts_with("--grep") || a.contains('='));
            assert!(looks || args.iter().all(|a| !a.contains('/')), "{args:?}");
        }
    }
});
