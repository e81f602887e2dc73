//! Opens any bytes as a journal: it opens or says why not, and what it accepted it accepts again, all of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steward_agent::store::Log;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("journal.jsonl");
    std::fs::write(&path, bytes).expect("a file in it");
    let open = || {
        let mut seqs = Vec::new();
        let log = Log::open(&path, |entry| {
            seqs.push(entry.seq);
            Ok(())
        });
        log.map(|log| (seqs, log.cut().is_some()))
    };
    if let Ok((seqs, _)) = open() {
        assert!(seqs.windows(2).all(|w| w[1] == w[0] + 1));
        let (again, cut) = open().expect("what was accepted once");
        assert_eq!(again, seqs);
        assert!(!cut, "a cut is made once");
    }
});
