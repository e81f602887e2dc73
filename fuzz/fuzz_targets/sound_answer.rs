//! A sound server's answer about an output: any bytes are one or none, and no volume that is made of it is over 100 %.

#![no_main]

use libfuzzer_sys::fuzz_target;
use steward_agent::backend::sound::read_any;

fuzz_target!(|bytes: &[u8]| {
    if let Some((_, channels)) = read_any(bytes) {
        assert!(!channels.is_empty() && channels.iter().all(|volume| *volume <= 0x1_0000));
    }
});
