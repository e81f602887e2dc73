//! Whatever PackageKit says, reading it ends, does not panic, and a package id is written again as it was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steward_agent::backend::package::Mark;
use steward_agent::backend::package::package_kit::Id;
use steward_agent::backend::package::package_kit::refusal::{Meter, Role, refusal, sentence};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for part in text.lines() {
        let Some(id) = Id::parse(part) else { continue };
        assert_eq!(id.to_string(), part);
        assert!(!id.name.is_empty() && !part.contains(char::is_control));
        assert_eq!(id.marked(Mark::Auto).mark(), Some(Mark::Auto));
        assert_eq!(id.marked(Mark::Auto).origin(), id.marked(Mark::Manual).origin());
    }
    assert!(!sentence(&text).contains(char::is_control));
    let mut meter = Meter::default();
    let mut last = None;
    for four in bytes.chunks_exact(4) {
        let number = u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
        let _ = refusal(number, &text, Role::Install, &text);
        let step = meter.take(Some(number % 40), Some(number % 103), Some(&text));
        assert!(step.percent >= last && step.percent.is_none_or(|p| p <= 100));
        last = step.percent;
    }
});
