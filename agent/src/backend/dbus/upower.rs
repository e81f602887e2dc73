//! UPower: the battery. <https://upower.freedesktop.org/docs/Device.html>

use crate::backend::bus::Battery;

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

/// `Type` of a battery.
const BATTERY: u32 = 2;
/// `State` of a battery that is charged from the mains, or is full on it.
const CHARGING: [u32; 3] = [1, 4, 5];

/// All batteries together, as a desktop shows them.
pub(crate) async fn battery(bus: &zbus::Connection) -> zbus::Result<Option<Battery>> {
    let device = DeviceProxy::new(bus).await?;
    if device.kind().await? != BATTERY || !device.is_present().await? {
        return Ok(None);
    }
    // The range is UPower's own, 0 to 100.
    let percent = device.percentage().await?.round().clamp(0.0, 100.0) as u8;
    Ok(Some(Battery { percent, charging: CHARGING.contains(&device.state().await?) }))
}
