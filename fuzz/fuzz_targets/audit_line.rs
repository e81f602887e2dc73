//! Reads any bytes as a line of the audit log, and as a whole log: there is always an answer, and only what is sealed with
//! the right hash is a record.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steward_agent::audit::{Place, Sha256Hash, Stored, tail, verify};

fuzz_target!(|bytes: &[u8]| {
    // As it is, and with a hash that fits, so that the parser behind the hash is reached.
    let hash = Sha256Hash::of(&[bytes, b"}"]);
    let sealed = [bytes, b",\"hash\":\"", hash.to_string().as_bytes(), b"\"}"].concat();
    let _ = Stored::parse(bytes);
    if let Ok(record) = Stored::parse(&sealed) {
        assert_eq!(record.hash, hash);
    }
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let place = Place::in_state(folder.path());
    std::fs::create_dir(folder.path().join("audit")).expect("a folder in it");
    std::fs::write(&place.current, [&sealed[..], b"\n", bytes].concat()).expect("a file in it");
    let report = verify(&place, &[]).expect("damage is no error");
    let _ = report.to_string();
    assert!(tail(&place, 3).expect("damage is no error").len() <= 3);
});
