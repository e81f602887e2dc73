//! What is going on while an answer takes long: a line on standard error that renews itself, on a terminal only.

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use steward_agent::caller::Caller;
use steward_agent::core::Core;
use steward_ipc::{Client, Request};

use crate::out::{Out, one_line};

/// Whoever waits longer than this wants to know what is going on.
const PATIENCE: Duration = Duration::from_secs(1);
/// The longest line, in characters, so that it stays one line.
const WIDTH: usize = 76;

/// A watch on a daemon's events, over a connection of its own.
#[derive(Debug)]
pub(crate) struct OverSocket(Option<(JoinHandle<()>, Sender<()>)>);

/// Begins to watch the events of the agent at `path`.
pub(crate) fn over_socket(path: &Path, out: &Out) -> OverSocket {
    if !out.can_show_progress() {
        return OverSocket(None);
    }
    let (sender, ended) = channel();
    let path = path.to_owned();
    let watching = move || {
        if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout)
            && let Ok(stream) = UnixStream::connect(path)
        {
            listen(stream, &ended);
        }
    };
    match std::thread::Builder::new().name("progress".into()).spawn(watching) {
        Ok(thread) => OverSocket(Some((thread, sender))),
        Err(_) => OverSocket(None),
    }
}

impl OverSocket {
    /// Ends the watch and wipes the line.
    pub(crate) fn end(self) {
        if let Some((thread, sender)) = self.0 {
            drop(sender);
            // It only shows things: a panic there is not the request's.
            let _over = thread.join();
        }
    }
}

fn listen(stream: UnixStream, ended: &Receiver<()>) {
    let Ok(ours) = stream.try_clone() else { return };
    let reader = std::thread::Builder::new().name("events".into()).spawn(move || {
        let mut client = Client::over(stream);
        let mut line = Line::default();
        if client.request(&Request::new("subscribe", None)).is_ok() {
            while let Ok(event) = client.next_event() {
                line.show(&event.event, &event.data);
            }
        }
    });
    // The sender is dropped when the answer is there.
    let _over = ended.recv();
    let _closed = ours.shutdown(Shutdown::Both);
    if let Ok(reader) = reader {
        let _over = reader.join();
    }
}

/// A watch on the events of the agent in this process.
#[derive(Debug)]
pub(crate) struct OfCore(Option<tokio::task::JoinHandle<()>>);

/// Begins to watch the events of `core`.
pub(crate) fn of_core(core: &Core, caller: &Caller, out: &Out) -> OfCore {
    let watch = if out.can_show_progress() { core.watch(caller) } else { None };
    let Some(mut watch) = watch else { return OfCore(None) };
    OfCore(Some(tokio::spawn(async move {
        let began = Instant::now();
        let mut line = Line::default();
        while let Some(event) = watch.next().await {
            if began.elapsed() >= PATIENCE {
                line.show(event.name, &event.data);
            }
        }
    })))
}

impl OfCore {
    /// Ends the watch and wipes the line.
    pub(crate) async fn end(self) {
        if let Some(task) = self.0 {
            task.abort();
            // Aborted, which is what it says.
            let _over = task.await;
        }
    }
}

/// The line; wiped when it is dropped.
#[derive(Debug, Default)]
struct Line {
    shown: bool,
}

impl Line {
    fn show(&mut self, event: &str, data: &Value) {
        if let Some(text) = sentence(event, data) {
            self.shown = true;
            let _gone = write!(std::io::stderr(), "\r\x1b[K{text}");
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.shown {
            let _gone = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn sentence(event: &str, data: &Value) -> Option<String> {
    if event != "action_progress" {
        return None;
    }
    let percent = data["percent"].as_u64().map(|p| format!("{p:>3} % ")).unwrap_or_default();
    let text = one_line(data["text"].as_str()?);
    Some(format!("{percent}{text}").chars().take(WIDTH).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn progress_is_one_short_line_without_escape_sequences() {
        let text = format!("Unpacking \x1b[2J{}", "x".repeat(200));
        let line = sentence("action_progress", &json!({ "percent": 7, "text": text })).unwrap();
        assert!(line.starts_with("  7 % Unpacking <U+001B>[2Jx"));
        assert_eq!(line.chars().count(), WIDTH);
        assert_eq!(sentence("action_started", &json!({})), None);
    }
}
