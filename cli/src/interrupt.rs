//! Ctrl-C: the command ends with 130 and says what is left behind.

use std::sync::{Mutex, PoisonError};

use crate::exit::Exit;

/// What is said when somebody presses Ctrl-C now. Guards one sentence; never held while waiting.
static LEFT: Mutex<Option<String>> = Mutex::new(None);

/// Waits for Ctrl-C on a thread of its own, for as long as the command runs.
pub(crate) fn listen() {
    let waiting = || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            let left = LEFT.lock().unwrap_or_else(PoisonError::into_inner).take();
            eprintln!();
            if let Some(left) = left {
                eprintln!("{left}");
            }
            std::process::exit(Exit::Interrupted.number().into());
        }
    };
    // Without the thread Ctrl-C ends the process all the same, with less to say.
    let _unneeded = std::thread::Builder::new().name("interrupt".into()).spawn(waiting);
}

/// While this lives, Ctrl-C says `sentence`.
#[derive(Debug)]
#[must_use]
pub(crate) struct Saying;

/// Sets what Ctrl-C says.
pub(crate) fn says(sentence: String) -> Saying {
    *LEFT.lock().unwrap_or_else(PoisonError::into_inner) = Some(sentence);
    Saying
}

impl Drop for Saying {
    fn drop(&mut self) {
        *LEFT.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
