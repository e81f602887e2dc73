//! logind: power, sessions, inhibitors. org.freedesktop.login1(5)

use std::os::fd::OwnedFd;
use std::time::Duration;

use serde::Serialize;
use zbus::OwnedObjectPath;

use super::{at, the};
use crate::backend::bus::{Bus, BusError, Service, Side, clean};

/// The service.
pub static LOGIN1: Service = Service {
    title: "The login manager (systemd-logind)",
    name: "org.freedesktop.login1",
    side: Side::System,
    get: "start it with `systemctl start systemd-logind`; machines without systemd do not have it",
};

/// How long an order to logind may take: it answers when it has begun, not when the machine is down.
const ORDER: Duration = Duration::from_secs(10);
/// The object that stands for the caller's session.
const OWN_SESSION: &str = "/org/freedesktop/login1/session/auto";
/// How many sessions and inhibitors are looked at.
const MAX_ROWS: usize = 64;

#[zbus::proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1"
)]
trait Manager {
    fn can_reboot(&self) -> zbus::Result<String>;
    fn can_power_off(&self) -> zbus::Result<String>;
    fn can_suspend(&self) -> zbus::Result<String>;
    fn reboot(&self, interactive: bool) -> zbus::Result<()>;
    fn power_off(&self, interactive: bool) -> zbus::Result<()>;
    fn suspend(&self, interactive: bool) -> zbus::Result<()>;
    #[allow(clippy::type_complexity, reason = "the signature of the interface")]
    fn list_inhibitors(&self) -> zbus::Result<Vec<(String, String, String, String, u32, u32)>>;
    fn inhibit(&self, what: &str, who: &str, why: &str, mode: &str) -> zbus::Result<zbus::OwnedFd>;
    fn list_sessions(&self) -> zbus::Result<Vec<(String, u32, String, String, OwnedObjectPath)>>;
    fn lock_session(&self, id: &str) -> zbus::Result<()>;
    fn get_session(&self, id: &str) -> zbus::Result<OwnedObjectPath>;
}

#[zbus::proxy(interface = "org.freedesktop.login1.Session", default_service = "org.freedesktop.login1")]
trait Session {
    #[zbus(property)]
    fn locked_hint(&self) -> zbus::Result<bool>;
    #[zbus(property)]
    fn active(&self) -> zbus::Result<bool>;
    #[zbus(property)]
    fn class(&self) -> zbus::Result<String>;
    #[zbus(property, name = "Type")]
    fn kind(&self) -> zbus::Result<String>;
    fn set_brightness(&self, subsystem: &str, name: &str, value: u32) -> zbus::Result<()>;
}

/// logind does not tell its version; systemd, which it is a part of, does.
#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait Systemd {
    #[zbus(property)]
    fn version(&self) -> zbus::Result<String>;
}

/// What the machine can be made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Restart.
    Reboot,
    /// Switch off.
    PowerOff,
    /// Sleep, with the memory kept alive.
    Suspend,
}

impl Power {
    /// Its word in previews.
    pub fn verb(self) -> &'static str {
        match self {
            Power::Reboot => "restart",
            Power::PowerOff => "switch-off",
            Power::Suspend => "suspend",
        }
    }

    /// polkit's name for it, org.freedesktop.login1(5).
    pub fn polkit(self) -> &'static str {
        match self {
            Power::Reboot => "org.freedesktop.login1.reboot",
            Power::PowerOff => "org.freedesktop.login1.power-off",
            Power::Suspend => "org.freedesktop.login1.suspend",
        }
    }
}

/// What logind says to the question whether it would do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Can {
    /// Yes.
    Yes,
    /// After asking somebody for a password.
    Challenge,
    /// The rules of polkit say no.
    No,
    /// The machine, its kernel or its configuration cannot do it (`na`).
    NotAvailable,
}

/// A program that does not want the machine to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inhibitor {
    /// Its name, as it says itself.
    pub who: String,
    /// Why, as it says itself.
    pub why: String,
    /// Whose it is.
    pub uid: u32,
    /// Whether it forbids it; the others only delay it for seconds.
    pub blocks: bool,
}

/// A login session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoginSession {
    /// Its id, such as `3` or `c1`.
    pub id: String,
    /// Whose it is.
    pub uid: u32,
    /// The user's name.
    pub user: String,
    /// The seat; empty for one from afar.
    pub seat: String,
    /// Whether it is at the front of its seat.
    pub active: bool,
    /// Whether it is a desktop (`x11`, `wayland`, `mir`) and not a terminal.
    pub graphical: bool,
}

/// logind on a bus.
#[derive(Clone, Copy, Debug)]
pub struct Login1<'a>(pub &'a Bus);

/// What an error means stands at [`BusError`].
#[allow(clippy::missing_errors_doc)]
impl Login1<'_> {
    /// The version of systemd, when logind is there.
    pub async fn version(&self) -> Result<String, BusError> {
        self.0.there(&LOGIN1).await?;
        self.0.ask(&LOGIN1, async |bus| the::<SystemdProxy<'_>>(bus).await?.version().await).await
    }

    /// Whether logind would do it for this process.
    pub async fn can(&self, power: Power) -> Result<Can, BusError> {
        let answer = self
            .0
            .ask(&LOGIN1, async |bus| {
                let manager: ManagerProxy<'_> = the(bus).await?;
                match power {
                    Power::Reboot => manager.can_reboot().await,
                    Power::PowerOff => manager.can_power_off().await,
                    Power::Suspend => manager.can_suspend().await,
                }
            })
            .await?;
        Ok(match answer.as_str() {
            "yes" => Can::Yes,
            "challenge" => Can::Challenge,
            "na" => Can::NotAvailable,
            _ => Can::No,
        })
    }

    /// Has logind do it. It answers when it has begun.
    pub async fn power(&self, power: Power) -> Result<(), BusError> {
        self.0
            .change(&LOGIN1, ORDER, async |bus| {
                let manager: ManagerProxy<'_> = the(bus).await?;
                match power {
                    Power::Reboot => manager.reboot(false).await,
                    Power::PowerOff => manager.power_off(false).await,
                    Power::Suspend => manager.suspend(false).await,
                }
            })
            .await
    }

    /// Has the machine neither shut down nor put to sleep while what this gives is kept (systemd.inhibit: `block`).
    ///
    /// # Errors
    /// What an error means stands at [`BusError`].
    pub async fn stay_awake(&self, why: &str) -> Result<OwnedFd, BusError> {
        let asked = async |bus: &zbus::Connection| {
            the::<ManagerProxy<'_>>(bus).await?.inhibit("shutdown:sleep", "Steward", why, "block").await
        };
        self.0.ask(&LOGIN1, asked).await.map(Into::into)
    }

    /// The programs that do not want the machine to stop, or to sleep.
    pub async fn inhibitors(&self, power: Power) -> Result<Vec<Inhibitor>, BusError> {
        let what = if power == Power::Suspend { "sleep" } else { "shutdown" };
        let rows = self.0.ask(&LOGIN1, async |bus| the::<ManagerProxy<'_>>(bus).await?.list_inhibitors().await).await?;
        let against = rows.into_iter().filter(|row| row.0.split(':').any(|w| w == what));
        let inhibitor = |(_, who, why, mode, uid, _): (String, String, String, String, u32, u32)| Inhibitor {
            who: clean(&who),
            why: clean(&why),
            uid,
            blocks: mode.starts_with("block"),
        };
        Ok(against.map(inhibitor).take(MAX_ROWS).collect())
    }

    /// The sessions of people: not those of greeters, managers and background jobs.
    pub async fn sessions(&self) -> Result<Vec<LoginSession>, BusError> {
        self.0
            .ask(&LOGIN1, async |bus| {
                let mut sessions = Vec::new();
                let rows = the::<ManagerProxy<'_>>(bus).await?.list_sessions().await?;
                for (id, uid, user, seat, path) in rows.into_iter().take(MAX_ROWS) {
                    let session: SessionProxy<'_> = at(bus, path).await?;
                    // One that ended in this moment is left out.
                    let Ok(class) = session.class().await else { continue };
                    if !class.starts_with("user") {
                        continue;
                    }
                    let graphical = matches!(session.kind().await?.as_str(), "x11" | "wayland" | "mir");
                    let active = session.active().await?;
                    sessions.push(LoginSession { id, uid, user: clean(&user), seat, active, graphical });
                }
                Ok(sessions)
            })
            .await
    }

    /// The session in which `uid` sits at this machine: `own`, the caller's, when it is on a seat, else the desktop at the front of
    /// its seat, else another one on a seat. A login from afar has no screen.
    pub async fn at_the_seat(&self, uid: u32, own: Option<&str>) -> Result<Option<LoginSession>, BusError> {
        let rows = self.sessions().await?.into_iter().filter(|s| s.uid == uid && !s.seat.is_empty());
        Ok(rows.max_by_key(|s| (own == Some(&s.id), s.active && s.graphical, s.active, s.graphical)))
    }

    /// Locks a session: its desktop shows the lock screen.
    pub async fn lock(&self, session: &str) -> Result<(), BusError> {
        self.0.change(&LOGIN1, ORDER, async |bus| the::<ManagerProxy<'_>>(bus).await?.lock_session(session).await).await
    }

    /// Sets a backlight to one of its own values, through the session of this process; where it has none, as a service of the user
    /// manager, through the session in front that is `uid`'s.
    pub async fn set_brightness(&self, uid: u32, backlight: &str, raw: u32) -> Result<(), BusError> {
        let set = async |path: &str| {
            self.0
                .change(&LOGIN1, ORDER, async |bus| {
                    let path = zbus::ObjectPath::try_from(path)?;
                    at::<SessionProxy<'_>>(bus, path).await?.set_brightness("backlight", backlight, raw).await
                })
                .await
        };
        // logind takes the user's graphical session for `auto` where the process has none; before version 243 it does not.
        let first = set(OWN_SESSION).await;
        let none = match &first {
            Err(BusError::NoService { .. }) => true,
            Err(BusError::Said { name, .. }) => name.starts_with("org.freedesktop.login1.No"),
            _ => false,
        };
        if !none {
            return first;
        }
        let mut own = self.sessions().await?;
        own.retain(|s| s.uid == uid && s.active && !s.seat.is_empty());
        own.sort_by_key(|s| !s.graphical);
        let Some(session) = own.first() else {
            let text = "this user has no session in front at a screen".to_owned();
            return Err(BusError::Refused { service: &LOGIN1, challenge: false, text });
        };
        let path = self.0.ask(&LOGIN1, async |bus| the::<ManagerProxy<'_>>(bus).await?.get_session(&session.id).await);
        set(path.await?.as_str()).await
    }

    /// Whether the screen of a person is locked, as the desktop says of the caller's session `own`, or, where the caller has none, of the
    /// one at the seat; `None` when there is no session. What a desktop starts runs in the user manager, whose own session is none of
    /// a person's.
    pub async fn screen_locked(&self, uid: u32, own: Option<&str>) -> Result<Option<bool>, BusError> {
        let sessions = self.sessions().await?.into_iter().filter(|s| s.uid == uid);
        let rank =
            |s: &LoginSession| (own == Some(&s.id), !s.seat.is_empty(), s.active && s.graphical, s.active, s.graphical);
        let seen = sessions.filter(|s| own == Some(&s.id) || !s.seat.is_empty()).max_by_key(rank);
        match seen {
            Some(session) => self.locked(&session.id).await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether the desktop of a session says that it is locked.
    pub async fn locked(&self, session: &str) -> Result<bool, BusError> {
        self.0
            .ask(&LOGIN1, async |bus| {
                let path = the::<ManagerProxy<'_>>(bus).await?.get_session(session).await?;
                at::<SessionProxy<'_>>(bus, path).await?.locked_hint().await
            })
            .await
    }
}
