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
/// How many of them one uid has at the most.
pub const MAX_SUBSCRIBERS_OF_UID: usize = 16;

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
    reads_policy: bool,
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

    /// Subscribes a uid to its own events; root to all. `reads_policy` says whether it may read the policy's files. None when
    /// there are too many subscribers, here or of this uid, or the agent stops.
    pub fn subscribe(&self, uid: u32, reads_policy: bool) -> Option<Watch> {
        let mut subscribers = self.lock();
        subscribers.retain(|s| !s.sender.is_closed());
        let own = subscribers.iter().filter(|s| s.uid == uid).count();
        if own >= MAX_SUBSCRIBERS_OF_UID || subscribers.len() >= MAX_SUBSCRIBERS || self.closed.load(Ordering::Acquire)
        {
            return None;
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        let slow = Arc::new(AtomicBool::new(false));
        subscribers.push(Subscriber { uid, reads_policy, sender, slow: slow.clone() });
        Some(Watch { receiver, slow })
    }

    /// Tells the subscribers of `owner`, or everybody when it concerns nobody in particular.
    pub fn tell(&self, owner: Option<u32>, name: &'static str, wall_ms: i64, data: impl FnOnce() -> Value) {
        self.tell_those(|s| owner.is_none_or(|o| o == s.uid || s.uid == 0), name, wall_ms, data);
    }

    /// Tells everybody: those who may read the policy's files with `data`, the others with `others`.
    pub fn tell_of_policy(&self, name: &'static str, wall_ms: i64, data: Value, others: Value) {
        self.tell_those(|s| s.reads_policy, name, wall_ms, || data);
        self.tell_those(|s| !s.reads_policy, name, wall_ms, || others);
    }

    fn tell_those(
        &self,
        concerned: impl Fn(&Subscriber) -> bool,
        name: &'static str,
        wall_ms: i64,
        data: impl FnOnce() -> Value,
    ) {
        let mut subscribers = self.lock();
        if !subscribers.iter().any(&concerned) {
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
        let mut watch = events.subscribe(1000, true).unwrap();
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
        let (mut mine, mut root) = (events.subscribe(1000, false).unwrap(), events.subscribe(0, true).unwrap());
        events.tell(Some(1001), "request_held", 0, || 1.into());
        events.tell(None, "policy_reloaded", 0, || 2.into());
        events.close();
        assert_eq!(mine.next().await.unwrap().data, 2);
        assert!(mine.next().await.is_none());
        assert_eq!(root.next().await.unwrap().data, 1);
    }

    #[tokio::test]
    async fn who_may_not_read_the_policy_is_told_that_it_is_wrong_and_not_how() {
        let events = Events::default();
        let (mut other, mut own) = (events.subscribe(1000, false).unwrap(), events.subscribe(990, true).unwrap());
        events.tell_of_policy("policy_rejected", 0, "line 3".into(), "wrong".into());
        assert_eq!(other.next().await.unwrap().data, "wrong");
        assert_eq!(own.next().await.unwrap().data, "line 3");
    }

    #[test]
    fn sixteen_subscriptions_of_one_uid_lock_nobody_else_out() {
        let events = Events::default();
        let mut own: Vec<Watch> = (0..MAX_SUBSCRIBERS).map_while(|_| events.subscribe(1000, false)).collect();
        assert_eq!(own.len(), MAX_SUBSCRIBERS_OF_UID);
        assert!(events.subscribe(1001, false).is_some());
        own.pop();
        assert!(events.subscribe(1000, false).is_some());
    }
}
