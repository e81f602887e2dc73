//! The beginning of a file that somebody asks to be run.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steward_agent::backend::sandbox::shebang;

fuzz_target!(|bytes: &[u8]| {
    match shebang(bytes) {
        Ok(None) => assert!(!bytes.starts_with(b"#!")),
        Ok(Some(line)) => {
            assert!(line.interpreter.starts_with('/') && !line.interpreter.contains([' ', '\t', '\n', '\0']));
            assert!(line.argument.is_none_or(|a| !a.contains(['\n', '\0'])));
        }
        Err(why) => assert!(!why.is_empty()),
    }
});
