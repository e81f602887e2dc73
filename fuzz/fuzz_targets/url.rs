//! An address that was accepted has no user name, and means the same when it is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steward_policy::UrlFact;

fuzz_target!(|text: &str| {
    if let Ok(fact) = UrlFact::parse(text) {
        assert!(fact.url().username().is_empty() && fact.url().password().is_none());
        assert!(!fact.as_str().contains(char::is_control));
        let again = UrlFact::parse(fact.as_str()).expect("what was accepted once");
        assert_eq!(again.host(), fact.host());
        assert_eq!(again.private_ip(), fact.private_ip());
    }
});
