//! Judging: the plan and its facts against the policy, with what the policy may ask about the caller and the moment.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use steward_policy::{Arg, LimitUse, LocalTime, OwnedArg, Policy, Released, Risk, Step, Surroundings, Verdict};

use super::rates::Rates;
use super::record::Asker;
use crate::backend::read;
use crate::caller::Caller;
use crate::clock::Moment;

/// Who is judged: a caller that is there, or one that was written down when its request was held.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// There now; `/proc` is read only when a rule asks.
    Here(&'a Caller),
    /// Written down.
    Then(&'a Asker),
}

/// What judging needs beside the policy and the plan.
#[derive(Debug)]
pub struct Judging<'a> {
    /// The caller.
    pub who: Who<'a>,
    /// The moment.
    pub now: Moment,
    /// How often what was released.
    pub rates: &'a Rates,
    /// The home folder of the represented user.
    pub home: Option<&'a str>,
    /// The folder that the agent was started to work in.
    pub folder: Option<&'a str>,
    /// Whether the caller's session is locked, when that is known.
    pub locked: Option<bool>,
}

/// One thing to judge: an action's name, its class of harm and its arguments.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The action's name.
    pub action: &'static str,
    /// Its class of harm.
    pub risk: Risk,
    /// Its arguments.
    pub facts: Vec<(&'static str, OwnedArg)>,
}

/// The verdict of `policy` on all of `subjects` together.
pub fn judge(policy: &Policy, subjects: &[Subject], judging: &Judging<'_>) -> Verdict {
    let args: Vec<Vec<(&str, Arg<'_>)>> =
        subjects.iter().map(|s| s.facts.iter().map(|(name, arg)| (*name, arg.borrow())).collect()).collect();
    let steps: Vec<Step<'_>> =
        subjects.iter().zip(&args).map(|(s, args)| Step { action: s.action, risk: s.risk, args }).collect();
    policy.decide(&steps, judging)
}

impl Judging<'_> {
    fn foreign(&self) -> bool {
        match self.who {
            Who::Here(c) => c.is_foreign(),
            Who::Then(a) => a.foreign,
        }
    }
}

impl Surroundings for Judging<'_> {
    fn uid(&self) -> Option<u32> {
        if self.foreign() {
            return None;
        }
        Some(match self.who {
            Who::Here(c) => c.uid(),
            Who::Then(a) => a.uid,
        })
    }

    fn gid(&self) -> Option<u32> {
        if self.foreign() {
            return None;
        }
        Some(match self.who {
            Who::Here(c) => c.gid(),
            Who::Then(a) => a.gid,
        })
    }

    fn pid(&self) -> Option<u32> {
        Some(match self.who {
            Who::Here(c) => c.pid(),
            Who::Then(a) => a.pid,
        })
    }

    fn exe(&self) -> Option<&str> {
        match self.who {
            Who::Here(c) => c.facts().exe.as_deref(),
            Who::Then(a) => a.exe.as_deref(),
        }
    }

    fn unit(&self) -> Option<&str> {
        match self.who {
            Who::Here(c) => c.facts().unit.as_deref(),
            Who::Then(a) => a.unit.as_deref(),
        }
    }

    fn user_unit(&self) -> Option<&str> {
        match self.who {
            Who::Here(c) => c.facts().user_unit.as_deref(),
            Who::Then(a) => a.user_unit.as_deref(),
        }
    }

    fn door(&self) -> &str {
        match self.who {
            Who::Here(c) => c.door().name(),
            Who::Then(a) => a.door.name(),
        }
    }

    /// A socket without a name is known to have none: a rule about the socket `voice` is not one about this.
    fn socket(&self) -> Option<&str> {
        let name = match self.who {
            Who::Here(c) => c.socket(),
            Who::Then(a) => a.socket.as_deref(),
        };
        Some(name.unwrap_or_default())
    }

    fn locked(&self) -> Option<bool> {
        self.locked
    }

    fn local_time(&self, zone: Option<&str>) -> Option<LocalTime> {
        local_time(self.now.wall_ms, zone)
    }

    fn released(&self, limit: &LimitUse) -> Option<Released> {
        let uid = match self.who {
            Who::Here(c) => c.uid(),
            Who::Then(a) => a.uid,
        };
        Some(self.rates.released(limit, uid, self.now.boot_ms))
    }

    fn home(&self) -> Option<&str> {
        self.home
    }

    fn folder(&self) -> Option<&str> {
        self.folder
    }
}

/// The longest description of a time zone that is read, in bytes; the longest there is has a few thousand.
const MAX_ZONE: u64 = 1 << 20;

/// The wall clock in a zone of the time zone database, or in that of `/etc/localtime`; `TZ` is not looked at.
pub fn local_time(wall_ms: i64, zone: Option<&str>) -> Option<LocalTime> {
    static LOCAL: OnceLock<Option<Arc<jiff::tz::TimeZone>>> = OnceLock::new();
    let tz = match zone {
        Some(name) => jiff::tz::TimeZone::get(name).ok()?,
        None => {
            let local = LOCAL.get_or_init(|| match read::bytes(Path::new("/etc/localtime"), MAX_ZONE) {
                Ok(bytes) => jiff::tz::TimeZone::tzif("localtime", &bytes).ok().map(Arc::new),
                // localtime(5): without the file the zone is UTC.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => Some(Arc::new(jiff::tz::TimeZone::UTC)),
                Err(_) => None,
            });
            local.as_deref()?.clone()
        }
    };
    let zoned = jiff::Timestamp::from_millisecond(wall_ms).ok()?.to_zoned(tz);
    let weekday = u8::try_from(zoned.weekday().to_monday_zero_offset()).ok()?;
    let minute = u16::try_from(i32::from(zoned.hour()) * 60 + i32::from(zoned.minute())).ok()?;
    Some(LocalTime { weekday, minute })
}
