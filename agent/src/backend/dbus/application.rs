//! Apps that start themselves when they are called on the session bus (Desktop Entry Specification, "D-Bus Activation").

use std::collections::HashMap;
use std::time::Duration;

use zbus::Variant;
use zbus::proxy::{Builder, CacheProperties};

use crate::backend::bus::{Bus, BusError, Service, Side};

/// The app, whichever it is.
pub static APPLICATION: Service = Service {
    title: "The app",
    name: "org.freedesktop.Application",
    side: Side::Session,
    get: "install it again: its desktop entry says that it starts itself over D-Bus",
};

/// How long an app may take until it is there.
const START: Duration = Duration::from_secs(20);

#[zbus::proxy(interface = "org.freedesktop.Application", assume_defaults = false)]
trait Application {
    fn activate(&self, platform_data: HashMap<&str, Variant<'_>>) -> zbus::Result<()>;
}

/// Calls an app by its id, which starts it where it does not run.
///
/// # Errors
/// What an error means stands at [`BusError`]; [`BusError::NoService`] where nothing on the bus has this name.
pub async fn activate(bus: &Bus, id: &str) -> Result<(), BusError> {
    bus.change(&APPLICATION, START, async |connection| {
        let path = object_path(id);
        let app: ApplicationProxy<'_> = Builder::new(connection)
            .destination(id)
            .path(path.as_str())
            .cache_properties(CacheProperties::No)
            .build()
            .await?;
        app.activate(HashMap::new()).await
    })
    .await
}

/// The path of an app's object: its id with a slash before it and for each dot, and `_` for `-`.
fn object_path(id: &str) -> String {
    format!("/{}", id.replace('.', "/").replace('-', "_"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_id_becomes_a_path() {
        assert_eq!(super::object_path("org.gnome.Text-Editor"), "/org/gnome/Text_Editor");
    }
}
