//! Whatever the machine's agent writes down for root, reading it ends and does not panic, and what is accepted has no word that a package
//! manager could read as an option, a file, a pattern or more than one word.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steward_agent::backend::package::{Instance, ManagerName, Order, understood_order};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(instance) = String::from_utf8_lossy(bytes).parse::<Instance>() {
        assert_eq!(instance.to_string().as_bytes(), bytes);
    }
    let Ok(order) = understood_order(bytes, &ManagerName::ORDER) else { return };
    let again = serde_json::to_vec(&order).expect("an order can be written down");
    assert_eq!(understood_order(&again, &ManagerName::ORDER).expect("and read again"), order);
    assert!(understood_order(bytes, &[]).is_err(), "no manager is allowed that the administrator does not allow");
    let Order::Commit(transaction) = order else { return };
    for item in &transaction.items {
        let words = [Some(&item.name), item.arch.as_ref(), item.from.as_ref(), item.to.as_ref()];
        for word in words.into_iter().flatten() {
            assert!(word.starts_with(|c: char| c.is_ascii_alphanumeric()), "{word}");
            assert!(!word.contains(|c: char| c.is_whitespace() || c.is_control() || "/*?[]=\\".contains(c)), "{word}");
        }
        assert!(!item.verb.keeps() || item.to.is_some());
    }
});
