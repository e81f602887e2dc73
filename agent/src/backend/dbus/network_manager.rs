//! NetworkManager: the Wi-Fi switch and what is connected.
//! <https://networkmanager.dev/docs/api/latest/gdbus-org.freedesktop.NetworkManager.html>

use std::time::Duration;

use serde::Serialize;
use zbus::OwnedObjectPath;

use super::{at, begun, the};
use crate::backend::bus::{Bus, BusError, Service, Side};

/// The service.
pub static NETWORK_MANAGER: Service = Service {
    title: "NetworkManager",
    name: "org.freedesktop.NetworkManager",
    side: Side::System,
    get: "install `network-manager` or start it with `systemctl start NetworkManager`",
};

/// How long switching may take: the kernel's switch, and leaving the networks.
const SWITCH: Duration = Duration::from_secs(10);
/// How many connections and devices are told at the most.
const MAX_ROWS: usize = 32;
/// The connection type of Wi-Fi (`NM_SETTING_WIRELESS_SETTING_NAME`).
const WIFI: &str = "802-11-wireless";
/// What polkit calls the switch.
const MAY_SWITCH: &str = "org.freedesktop.NetworkManager.enable-disable-wifi";

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager",
    default_service = "org.freedesktop.NetworkManager",
    default_path = "/org/freedesktop/NetworkManager"
)]
trait Manager {
    #[zbus(property)]
    fn wireless_enabled(&self) -> zbus::Result<bool>;
    #[zbus(property)]
    fn set_wireless_enabled(&self, on: bool) -> zbus::Result<()>;
    #[zbus(property)]
    fn wireless_hardware_enabled(&self) -> zbus::Result<bool>;
    #[zbus(property)]
    fn networking_enabled(&self) -> zbus::Result<bool>;
    #[zbus(property)]
    fn primary_connection_type(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn primary_connection(&self) -> zbus::Result<OwnedObjectPath>;
    #[zbus(property)]
    fn active_connections(&self) -> zbus::Result<Vec<OwnedObjectPath>>;
    #[zbus(property)]
    fn connectivity(&self) -> zbus::Result<u32>;
    #[zbus(property)]
    fn version(&self) -> zbus::Result<String>;
    fn get_permissions(&self) -> zbus::Result<std::collections::HashMap<String, String>>;
}

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager.Connection.Active",
    default_service = "org.freedesktop.NetworkManager"
)]
trait Active {
    #[zbus(property)]
    fn id(&self) -> zbus::Result<String>;
    #[zbus(property, name = "Type")]
    fn kind(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn state(&self) -> zbus::Result<u32>;
    #[zbus(property)]
    fn devices(&self) -> zbus::Result<Vec<OwnedObjectPath>>;
    #[zbus(property)]
    fn ip4_config(&self) -> zbus::Result<OwnedObjectPath>;
}

#[zbus::proxy(interface = "org.freedesktop.NetworkManager.Device", default_service = "org.freedesktop.NetworkManager")]
trait Device {
    #[zbus(property)]
    fn interface(&self) -> zbus::Result<String>;
}

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager.IP4Config",
    default_service = "org.freedesktop.NetworkManager"
)]
trait Ip4 {
    #[zbus(property)]
    fn address_data(&self) -> zbus::Result<Vec<std::collections::HashMap<String, zbus::OwnedVariant>>>;
}

/// The switch of Wi-Fi.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wifi {
    /// Whether it is on.
    pub on: bool,
    /// Whether the machine's own switch or key lets it be on.
    pub hardware: bool,
}

/// Whether Wi-Fi carries the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// The primary connection is Wi-Fi: without it there is none, or a worse one.
    Primary,
    /// Something else does, or there is no way out.
    Nothing,
}

/// What is connected.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Whether networking is on at all.
    pub networking: bool,
    /// Whether Wi-Fi is on.
    pub wifi: bool,
    /// How far the network reaches: `none`, `portal`, `limited`, `full` or `unknown`.
    pub connectivity: &'static str,
    /// The connections, the one that carries the way out first.
    pub connections: Vec<Connection>,
}

/// One connection.
#[derive(Clone, Debug, Serialize)]
pub struct Connection {
    /// Its name; of Wi-Fi usually that of the network.
    pub name: String,
    /// `wifi`, `ethernet`, `vpn` … or NetworkManager's own word.
    pub kind: String,
    /// Whether it carries the way out.
    pub primary: bool,
    /// Its network interfaces.
    pub interfaces: Vec<String>,
    /// Its IPv4 addresses.
    pub addresses: Vec<String>,
}

/// NetworkManager on a bus.
#[derive(Clone, Copy, Debug)]
pub struct NetworkManager<'a>(pub &'a Bus);

/// What an error means stands at [`BusError`].
#[allow(clippy::missing_errors_doc)]
impl NetworkManager<'_> {
    /// The switch of Wi-Fi.
    pub async fn wifi(&self) -> Result<Wifi, BusError> {
        begun!(self.0.ask(&NETWORK_MANAGER, async |bus| {
            let manager: ManagerProxy<'_> = the(bus).await?;
            let (on, hardware) = tokio::join!(manager.wireless_enabled(), manager.wireless_hardware_enabled());
            Ok(Wifi { on: on?, hardware: hardware? })
        }))
    }

    /// Its version.
    pub async fn version(&self) -> Result<String, BusError> {
        self.0.ask(&NETWORK_MANAGER, async |bus| the::<ManagerProxy<'_>>(bus).await?.version().await).await
    }

    /// Refuses when this process may not switch Wi-Fi.
    pub async fn may_switch(&self) -> Result<(), BusError> {
        let all = self.0.ask(&NETWORK_MANAGER, async |bus| the::<ManagerProxy<'_>>(bus).await?.get_permissions().await);
        match all.await?.get(MAY_SWITCH).map(String::as_str) {
            // An older version that does not know the permission decides when it is called.
            Some("yes") | None => Ok(()),
            Some(answer) => Err(BusError::Refused {
                service: &NETWORK_MANAGER,
                challenge: answer == "auth",
                text: format!("switching Wi-Fi ({MAY_SWITCH})"),
            }),
        }
    }

    /// Whether the primary connection is Wi-Fi.
    pub async fn carries(&self) -> Result<Carries, BusError> {
        begun!(self.0.ask(&NETWORK_MANAGER, async |bus| {
            let kind = the::<ManagerProxy<'_>>(bus).await?.primary_connection_type().await?;
            Ok(if kind == WIFI { Carries::Primary } else { Carries::Nothing })
        }))
    }

    /// Switches Wi-Fi.
    pub async fn set_wifi(&self, on: bool) -> Result<(), BusError> {
        let done = self
            .0
            .change(&NETWORK_MANAGER, SWITCH, async |bus| {
                the::<ManagerProxy<'_>>(bus).await?.set_wireless_enabled(on).await
            })
            .await;
        if let Err(BusError::Refused { .. }) = &done {
            // Its own words do not tell a no from a question for a password.
            self.may_switch().await?;
        }
        done
    }

    /// What is connected.
    pub async fn status(&self) -> Result<Status, BusError> {
        begun!(self.0.ask(&NETWORK_MANAGER, async |bus| {
            let manager: ManagerProxy<'_> = the(bus).await?;
            let primary = manager.primary_connection().await?;
            let mut connections = Vec::new();
            for path in manager.active_connections().await?.into_iter().take(MAX_ROWS) {
                // One that ended in this moment is left out.
                if let Ok(connection) = connection(bus, path.clone(), path == primary).await {
                    connections.push(connection);
                }
            }
            connections.sort_by_key(|c| (!c.primary, c.kind == "loopback", c.name.clone()));
            Ok(Status {
                networking: manager.networking_enabled().await?,
                wifi: manager.wireless_enabled().await?,
                connectivity: connectivity(manager.connectivity().await?),
                connections,
            })
        }))
    }
}

async fn connection(bus: &zbus::Connection, path: OwnedObjectPath, primary: bool) -> zbus::Result<Connection> {
    let active: ActiveProxy<'_> = at(bus, path).await?;
    let mut interfaces = Vec::new();
    for path in active.devices().await?.into_iter().take(MAX_ROWS) {
        interfaces.push(at::<DeviceProxy<'_>>(bus, path).await?.interface().await?);
    }
    let config = active.ip4_config().await?;
    let addresses = match config.as_str() {
        "/" => Vec::new(),
        _ => at::<Ip4Proxy<'_>>(bus, config).await?.address_data().await.unwrap_or_default(),
    };
    let address = |row: &std::collections::HashMap<String, zbus::OwnedVariant>| {
        let text: &str = row.get("address")?.downcast_ref().ok()?;
        Some(text.to_owned())
    };
    let kind = active.kind().await?;
    Ok(Connection {
        name: crate::backend::bus::clean(&active.id().await?),
        kind: plain_kind(&kind).to_owned(),
        primary,
        interfaces,
        addresses: addresses.iter().take(MAX_ROWS).filter_map(address).collect(),
    })
}

/// The word that people use for a connection type.
fn plain_kind(kind: &str) -> &str {
    match kind {
        WIFI => "wifi",
        "802-3-ethernet" => "ethernet",
        "gsm" | "cdma" => "mobile",
        other => other,
    }
}

/// `NMConnectivityState`.
fn connectivity(state: u32) -> &'static str {
    match state {
        1 => "none",
        2 => "portal",
        3 => "limited",
        4 => "full",
        _ => "unknown",
    }
}
