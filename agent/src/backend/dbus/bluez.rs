//! BlueZ: the power of the Bluetooth adapters. org.bluez.Adapter(5)

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use zbus::{ObjectPath, OwnedObjectPath, OwnedVariant};

use super::{at, the};
use crate::backend::bus::{Bus, BusError, Service, Side};

/// The service.
pub static BLUEZ: Service = Service {
    title: "The Bluetooth service (BlueZ)",
    name: "org.bluez",
    side: Side::System,
    get: "install `bluez` or start it with `systemctl start bluetooth`; it needs a Bluetooth adapter",
};

/// How long an adapter may take to switch.
const SWITCH: Duration = Duration::from_secs(10);

#[zbus::proxy(interface = "org.freedesktop.DBus.ObjectManager", default_service = "org.bluez", default_path = "/")]
trait Objects {
    fn get_managed_objects(
        &self,
    ) -> zbus::Result<HashMap<OwnedObjectPath, HashMap<String, HashMap<String, OwnedVariant>>>>;
}

#[zbus::proxy(interface = "org.bluez.Adapter1", default_service = "org.bluez")]
trait Adapter {
    #[zbus(property)]
    fn set_powered(&self, on: bool) -> zbus::Result<()>;
}

/// BlueZ on a bus.
#[derive(Clone, Copy, Debug)]
pub struct Bluez<'a>(pub &'a Bus);

/// What an error means stands at [`BusError`].
#[allow(clippy::missing_errors_doc)]
impl Bluez<'_> {
    /// The adapters by name (`hci0`), and whether each is on.
    pub async fn adapters(&self) -> Result<BTreeMap<String, bool>, BusError> {
        self.0
            .ask(&BLUEZ, async |bus| {
                let objects = the::<ObjectsProxy<'_>>(bus).await?.get_managed_objects().await?;
                let adapter =
                    |(path, interfaces): (OwnedObjectPath, HashMap<String, HashMap<String, OwnedVariant>>)| {
                        let powered =
                            interfaces.get("org.bluez.Adapter1")?.get("Powered")?.downcast_ref::<bool>().ok()?;
                        Some((path.as_str().rsplit('/').next()?.to_owned(), powered))
                    };
                Ok(objects.into_iter().filter_map(adapter).collect())
            })
            .await
    }

    /// Switches one adapter.
    pub async fn set_powered(&self, adapter: &str, on: bool) -> Result<(), BusError> {
        self.0
            .change(&BLUEZ, SWITCH, async |bus| {
                let path = format!("/org/bluez/{adapter}");
                at::<AdapterProxy<'_>>(bus, ObjectPath::try_from(path)?).await?.set_powered(on).await
            })
            .await
    }
}
