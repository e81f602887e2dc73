//! Any line is a request or an error, and any request names an action with good arguments or gets a coded failure.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steward_agent::action;
use steward_agent::request::Ask;
use steward_ipc::Request;

fuzz_target!(|line: &[u8]| {
    let Ok(request) = Request::decode(line) else { return };
    match action::read(&request.name, request.payload.as_deref(), request.args.clone()) {
        Ok(Ask::Do(action)) => {
            let _ = (action.facts(), action.audited(), action.sentence());
            // What was understood can be said again with its arguments, and means the same.
            let args = action.args().as_object().cloned().expect("arguments are an object");
            match action::read(action.name(), None, Some(args)) {
                Ok(Ask::Do(again)) => assert_eq!(again.args(), action.args()),
                other => panic!("{other:?}"),
            }
        }
        Ok(Ask::Meta(meta)) => assert_eq!(meta.name(), request.name),
        Err(failure) => assert!(!failure.message.is_empty()),
    }
});
