//! Events: what a subscriber is told. Every queue is bounded; a reader that is too slow is told so and dropped.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::sync::mpsc;

/// How many events wait for a subscriber at the most.
pub const QUEUE: usize = 256;
/// How many subscribers there are at the most.
pub const MAX_SUBSCRIBERS: usize = 256;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Happening {
    /// `request_held`, `action_finished` and so on.
    pub name: &'static str,
    /// When, RFC 3339 in UTC.
    pub ts: String,
    /// What exactly.
    pub data: Value,
}

#[derive(Debug)]
struct Subscriber {
    uid: u32,
    sender: mpsc::Sender<Arc<Happening>>,
    slow: Arc<AtomicBool>,
}

/// Everybody who listens.
#[derive(Debug, Default)]
pub struct Events {
    /// Guards the list of subscribers; sending never waits.
    subscribers: Mutex<Vec<Subscriber>>,
    /// Set when the agent stops: nobody is told anything after that.
    closed: AtomicBool,
}

/// A subscription.
#[derive(Debug)]
pub struct Watch {
    receiver: mpsc::Receiver<Arc<Happening>>,
    slow: Arc<AtomicBool>,
}

impl Watch {
    /// The next event; none when the subscription ended.
    pub async fn next(&mut self) -> Option<Arc<Happening>> {
        self.receiver.recv().await
    }

    /// Whether it ended because the reader was too slow.
    pub fn was_slow(&self) -> bool {
        self.slow.load(Ordering::Acquire)
    }
}

impl Events {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Subscriber>> {
        self.subscribers.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Subscribes a uid to its own events; root to all. None when there are too many subscribers, or the agent stops.
    pub fn subscribe(&self, uid: u32) -> Option<Watch> {
        let mut subscribers = self.lock();
        subscribers.retain(|s| !s.sender.is_closed());
        if subscribers.len() >= MAX_SUBSCRIBERS || self.closed.load(Ordering::Acquire) {
            return None;
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        let slow = Arc::new(AtomicBool::new(false));
        subscribers.push(Subscriber { uid, sender, slow: slow.clone() });
        Some(Watch { receiver, slow })
    }

    /// Tells the subscribers of `owner`, or everybody when it concerns nobody in particular.
    pub fn tell(&self, owner: Option<u32>, name: &'static str, wall_ms: i64, data: impl FnOnce() -> Value) {
        let mut subscribers = self.lock();
        let concerned = |s: &Subscriber| owner.is_none_or(|o| o == s.uid || s.uid == 0);
        if !subscribers.iter().any(concerned) {
            return;
        }
        let happening = Arc::new(Happening { name, ts: crate::clock::rfc3339(wall_ms), data: data() });
        subscribers.retain(|s| {
            if !concerned(s) {
                return true;
            }
            match s.sender.try_send(happening.clone()) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    s.slow.store(true, Ordering::Release);
                    false
                }
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            }
        });
    }

    /// Ends every subscription after what waits in it, and takes no more.
    pub fn close(&self) {
        let mut subscribers = self.lock();
        self.closed.store(true, Ordering::Release);
        subscribers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_reader_gets_what_waits_and_then_the_end() {
        let events = Events::default();
        let mut watch = events.subscribe(1000).unwrap();
        for n in 0..=QUEUE {
            events.tell(Some(1000), "request_held", 0, || n.into());
        }
        for n in 0..QUEUE {
            assert_eq!(watch.next().await.unwrap().data, n);
        }
        assert!(watch.next().await.is_none());
        assert!(watch.was_slow());
    }

    #[tokio::test]
    async fn nobody_hears_of_another_uid_but_root() {
        let events = Events::default();
        let (mut mine, mut root) = (events.subscribe(1000).unwrap(), events.subscribe(0).unwrap());
        events.tell(Some(1001), "request_held", 0, || 1.into());
        events.tell(None, "policy_reloaded", 0, || 2.into());
        events.close();
        assert_eq!(mine.next().await.unwrap().data, 2);
        assert!(mine.next().await.is_none());
        assert_eq!(root.next().await.unwrap().data, 1);
    }
}
