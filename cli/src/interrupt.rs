//! Ctrl-C: the command ends with 130 and says what is left behind.

use std::sync::{Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Exit;

/// What is said when somebody presses Ctrl-C now. Guards one sentence; never held while waiting.
static LEFT: Mutex<Option<String>> = Mutex::new(None);

/// From now on Ctrl-C ends the command in order; a thread of its own waits for it.
pub(crate) fn listen() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
    let here = runtime.enter();
    // Without it Ctrl-C ends the process all the same, with less to say.
    let Ok(mut pressed) = signal(SignalKind::interrupt()) else { return };
    drop(here);
    let waiting = move || {
        if runtime.block_on(pressed.recv()).is_some() {
            let left = swap(None);
            eprintln!();
            if let Some(left) = left {
                eprintln!("{left}");
            }
            std::process::exit(Exit::Interrupted.number().into());
        }
    };
    let _thread = std::thread::Builder::new().name("interrupt".into()).spawn(waiting);
}

fn swap(sentence: Option<String>) -> Option<String> {
    std::mem::replace(&mut *LEFT.lock().unwrap_or_else(PoisonError::into_inner), sentence)
}

/// While this lives, Ctrl-C says a sentence; then it says again what it said before.
#[derive(Debug)]
#[must_use]
pub(crate) struct Saying(Option<String>);

/// Sets what Ctrl-C says.
pub(crate) fn says(sentence: String) -> Saying {
    Saying(swap(Some(sentence)))
}

impl Drop for Saying {
    fn drop(&mut self) {
        swap(self.0.take());
    }
}
