//! What time it is: on the wall, since boot, and which boot. A parameter, so that tests can turn it.

use std::sync::{Arc, Mutex};

/// A moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The kernel's id of this boot (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: Arc<str>,
    /// Milliseconds since boot, sleep included (`CLOCK_BOOTTIME`).
    pub boot_ms: i64,
    /// Milliseconds since 1970 in UTC, as the wall clock has it.
    pub wall_ms: i64,
}

impl Moment {
    /// The wall clock as RFC 3339 in UTC with milliseconds.
    pub fn timestamp(&self) -> String {
        rfc3339(self.wall_ms)
    }
}

/// Milliseconds since 1970 as RFC 3339 in UTC.
pub fn rfc3339(wall_ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(wall_ms) {
        Ok(t) => format!("{t:.3}"),
        Err(_) => wall_ms.to_string(),
    }
}

/// A source of moments.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clocks.
    System {
        /// The id of this boot, read once.
        boot_id: Arc<str>,
    },
    /// A clock that a test turns.
    Set(Arc<Mutex<Moment>>),
}

impl Clock {
    /// The machine's clocks.
    pub fn system() -> Clock {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        // Without /proc there is no boot id: each start then counts as a new boot, which only ends confirmations early.
        let id = id.map_or_else(|_| uuid::Uuid::new_v4().to_string(), |s| s.trim().to_owned());
        Clock::System { boot_id: id.into() }
    }

    /// A clock that stands at `moment` until it is turned.
    pub fn set_to(moment: Moment) -> Clock {
        Clock::Set(Arc::new(Mutex::new(moment)))
    }

    /// Turns a clock that was set; the machine's clocks stay as they are.
    pub fn turn(&self, by: impl FnOnce(&mut Moment)) {
        if let Clock::Set(moment) = self {
            by(&mut moment.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        }
    }

    /// Now.
    pub fn now(&self) -> Moment {
        match self {
            Clock::System { boot_id } => {
                let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
                let wall = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
                let ms = |t: rustix::time::Timespec| t.tv_sec * 1000 + t.tv_nsec / 1_000_000;
                Moment { boot_id: boot_id.clone(), boot_ms: ms(boot), wall_ms: ms(wall) }
            }
            Clock::Set(moment) => moment.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone(),
        }
    }
}
