//! fwupd: which devices have firmware that it knows, and in which version. It is asked and told nothing: there is no call here that
//! changes a device. <https://fwupd.github.io/libfwupd/>, `org.freedesktop.fwupd.xml`

use std::collections::HashMap;

use serde::Serialize;
use zbus::OwnedVariant;

use super::the;
use crate::backend::bus::{Bus, BusError, Service, Side, clean};

/// The service.
pub static FWUPD: Service = Service {
    title: "The firmware service (fwupd)",
    name: "org.freedesktop.fwupd",
    side: Side::System,
    get: "install `fwupd`",
};

/// How many devices are told.
const MAX_DEVICES: usize = 64;

#[zbus::proxy(interface = "org.freedesktop.fwupd", default_service = "org.freedesktop.fwupd", default_path = "/")]
trait Fwupd {
    fn get_devices(&self) -> zbus::Result<Vec<HashMap<String, OwnedVariant>>>;
}

/// A device with firmware.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Device {
    /// What people call it.
    pub name: String,
    /// Who made it.
    pub vendor: String,
    /// The version of its firmware; empty where fwupd does not know it.
    pub version: String,
}

/// The devices that fwupd knows.
///
/// # Errors
/// What an error means stands at [`BusError`].
pub async fn devices(bus: &Bus) -> Result<Vec<Device>, BusError> {
    let rows = bus.ask(&FWUPD, async |bus| the::<FwupdProxy<'_>>(bus).await?.get_devices().await).await?;
    Ok(rows.iter().take(MAX_DEVICES).map(device).collect())
}

fn device(row: &HashMap<String, OwnedVariant>) -> Device {
    let text = |name: &str| row.get(name).and_then(|v| v.downcast_ref::<&str>().ok()).map(clean).unwrap_or_default();
    Device { name: text("Name"), vendor: text("Vendor"), version: text("Version") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zbus::Variant;

    #[test]
    fn what_a_device_says_of_itself_is_one_visible_line() {
        let value = |v: Variant<'static>| v.try_into_owned().unwrap();
        let row = HashMap::from([
            ("Name".to_owned(), value(Variant::from("UEFI\nBIOS\u{202e}"))),
            ("Version".to_owned(), value(Variant::from("1.2"))),
            ("Vendor".to_owned(), value(Variant::from(7u32))),
        ]);
        let told = device(&row);
        assert_eq!((told.name.as_str(), told.vendor.as_str(), told.version.as_str()), ("UEFI BIOS<U+202E>", "", "1.2"));
    }
}
