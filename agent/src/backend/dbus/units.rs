//! The machine's systemd: units that are started and waited for. org.freedesktop.systemd1(5)

use std::time::Duration;

use zbus::OwnedObjectPath;

use super::{at, the};
use crate::backend::bus::{Bus, BusError, Service, Side};

/// The service.
pub static SYSTEM_MANAGER: Service = Service {
    title: "The machine's systemd",
    name: "org.freedesktop.systemd1",
    side: Side::System,
    get: "the machine's agent needs a machine that systemd runs",
};

/// How long systemd may take to queue a unit: it answers before the unit is started.
const QUEUE: Duration = Duration::from_secs(20);

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait Manager {
    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn get_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
}

#[zbus::proxy(interface = "org.freedesktop.systemd1.Unit", default_service = "org.freedesktop.systemd1")]
trait Unit {
    #[zbus(property)]
    fn active_state(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn job(&self) -> zbus::Result<(u32, OwnedObjectPath)>;
}

/// Has systemd start a unit. It is begun when this returns, or is about to be.
///
/// # Errors
/// What an error means stands at [`BusError`]; polkit's no is [`BusError::Refused`].
pub async fn start(bus: &Bus, unit: &str) -> Result<(), BusError> {
    let order = async |bus: &zbus::Connection| the::<ManagerProxy<'_>>(bus).await?.start_unit(unit, "fail").await;
    bus.change(&SYSTEM_MANAGER, QUEUE, order).await.map(drop)
}

/// Whether a unit runs, or is about to.
///
/// # Errors
/// What an error means stands at [`BusError`].
pub async fn runs(bus: &Bus, unit: &str) -> Result<bool, BusError> {
    let question = async |bus: &zbus::Connection| {
        let path = the::<ManagerProxy<'_>>(bus).await?.get_unit(unit).await?;
        let unit = at::<UnitProxy<'_>>(bus, path).await?;
        let (job, _) = unit.job().await?;
        let state = unit.active_state().await?;
        Ok(job != 0 || !matches!(state.as_str(), "inactive" | "failed"))
    };
    match bus.ask(&SYSTEM_MANAGER, question).await {
        // systemd forgets units that have ended.
        Err(BusError::Said { name, .. }) if name.ends_with(".NoSuchUnit") => Ok(false),
        // Forgotten between the two questions.
        Err(BusError::NoService { .. }) => Ok(false),
        other => other,
    }
}
