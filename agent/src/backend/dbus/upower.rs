//! UPower: the battery. <https://upower.freedesktop.org/docs/Device.html>

use super::the;
use crate::backend::bus::{Bus, BusError, Service, Side};

/// The service.
pub static UPOWER: Service = Service {
    title: "The power service (UPower)",
    name: "org.freedesktop.UPower",
    side: Side::System,
    get: "install `upower`",
};

#[zbus::proxy(
    interface = "org.freedesktop.UPower.Device",
    default_service = "org.freedesktop.UPower",
    default_path = "/org/freedesktop/UPower/devices/DisplayDevice"
)]
trait Device {
    #[zbus(property)]
    fn is_present(&self) -> zbus::Result<bool>;
    #[zbus(property)]
    fn percentage(&self) -> zbus::Result<f64>;
    #[zbus(property)]
    fn state(&self) -> zbus::Result<u32>;
    #[zbus(property, name = "Type")]
    fn kind(&self) -> zbus::Result<u32>;
}

#[zbus::proxy(
    interface = "org.freedesktop.UPower",
    default_service = "org.freedesktop.UPower",
    default_path = "/org/freedesktop/UPower"
)]
trait Daemon {
    #[zbus(property)]
    fn daemon_version(&self) -> zbus::Result<String>;
}

/// `Type` of a battery.
const BATTERY: u32 = 2;
/// `State` of a battery that is charged from the mains, or is full on it.
const CHARGING: [u32; 3] = [1, 4, 5];

/// All batteries together, as a desktop shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Battery {
    /// From 0 to 100.
    pub percent: u8,
    /// Whether it is being charged, or full on the mains.
    pub charging: bool,
}

/// UPower on a bus.
#[derive(Clone, Copy, Debug)]
pub struct Upower<'a>(pub &'a Bus);

impl Upower<'_> {
    /// Its version.
    ///
    /// # Errors
    /// When UPower cannot be asked.
    pub async fn version(&self) -> Result<String, BusError> {
        self.0.ask(&UPOWER, async |bus| the::<DaemonProxy<'_>>(bus).await?.daemon_version().await).await
    }

    /// The battery; none when the machine has none.
    ///
    /// # Errors
    /// When UPower cannot be asked.
    pub async fn battery(&self) -> Result<Option<Battery>, BusError> {
        self.0
            .ask(&UPOWER, async |bus| {
                let device: DeviceProxy<'_> = the(bus).await?;
                if device.kind().await? != BATTERY || !device.is_present().await? {
                    return Ok(None);
                }
                // The range is UPower's own, 0 to 100.
                let percent = device.percentage().await?.round().clamp(0.0, 100.0) as u8;
                Ok(Some(Battery { percent, charging: CHARGING.contains(&device.state().await?) }))
            })
            .await
    }
}
