//! Any document is a plan or an error, and is as complete as its reader says; a plan that keeps the rules survives being written
//! down and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steward_ipc::plan::{ActionPlan, Completeness, StepResult};

fuzz_target!(|document: &[u8]| {
    let mut at_once = Completeness::default();
    let end = at_once.look(document);
    let mut in_pieces = Completeness::default();
    let pieces = (1..=document.len()).filter_map(|n| in_pieces.look(&document[..n])).next();
    assert_eq!(end, pieces);
    let plan = match ActionPlan::decode(document) {
        Ok(plan) => plan,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    // A plan is an object or an array, so it was complete.
    assert!(end.is_some());
    if let Err(invalid) = plan.validate() {
        return assert!(!invalid.to_string().is_empty());
    }
    let text = serde_json::to_vec(&plan).expect("a plan is JSON");
    assert_eq!(ActionPlan::decode(&text).expect("it was written by us"), plan);
    for action in &plan.actions {
        let _ = (action.described(), action.words());
        let result = serde_json::to_value(StepResult::of(action)).expect("a result is JSON");
        assert_eq!(result["type"] == "pong", action.name() == "ping");
    }
});
