//! What was asked on one connection before, so that "a bit more" and "yes" have something to refer to. It lives and dies with
//! the connection and says nothing about who asks.

use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

/// Most held requests of one connection that are remembered; the gate lets fewer wait at a time.
const MAX_HELD: usize = 16;

/// The memory of a connection; an idle one costs a few bytes.
#[derive(Debug, Default)]
pub struct Talk(Mutex<Option<Box<Before>>>);

/// What came before.
#[derive(Debug, Default)]
struct Before {
    last: Option<(&'static str, Option<String>)>,
    held: Vec<Uuid>,
}

impl Talk {
    /// The last action that was done on this connection, with its payload.
    pub fn last(&self) -> Option<(&'static str, Option<String>)> {
        self.with(|before| before.last.clone())
    }

    /// Notes an action that was done.
    pub fn did(&self, action: &'static str, payload: Option<String>) {
        self.with(|before| before.last = Some((action, payload)));
    }

    /// Notes a request of this connection that waits for a person.
    pub fn holds(&self, id: Uuid) {
        self.with(|before| {
            if before.held.contains(&id) {
                return;
            }
            if before.held.len() == MAX_HELD {
                before.held.remove(0);
            }
            before.held.push(id);
        });
    }

    /// The requests of this connection that were held.
    pub fn held(&self) -> Vec<Uuid> {
        self.with(|before| before.held.clone())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Before) -> T) -> T {
        let mut before = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(before.get_or_insert_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_remembers_a_bounded_number_of_held_requests_and_its_last_action() {
        let talk = Talk::default();
        assert_eq!(talk.last(), None);
        talk.did("adjust_volume", Some("+10".into()));
        assert_eq!(talk.last(), Some(("adjust_volume", Some("+10".into()))));
        let ids: Vec<Uuid> = (0..MAX_HELD + 3).map(|_| Uuid::new_v4()).collect();
        for id in &ids {
            talk.holds(*id);
            talk.holds(*id);
        }
        assert_eq!(talk.held(), ids[3..]);
    }
}
