//! The system bus: connected when it is first needed, every call with a deadline.

use std::time::Duration;

use tokio::sync::OnceCell;

use super::dbus::{login1, upower};

/// How long a question to a service may take.
const DEADLINE: Duration = Duration::from_secs(2);

/// Why a service did not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BusError {
    /// There is no bus.
    #[error("the system bus cannot be reached: {0}")]
    NoBus(String),
    /// The service is not there.
    #[error("{0} is not running")]
    NoService(&'static str),
    /// It did not answer in time.
    #[error("{0} did not answer within {seconds} seconds", seconds = DEADLINE.as_secs())]
    Late(&'static str),
    /// It said no, or something else.
    #[error("{service} answered: {error}")]
    Said {
        /// The service.
        service: &'static str,
        /// Its error.
        error: String,
    },
}

/// The system bus.
#[derive(Debug, Default)]
pub struct Bus {
    system: OnceCell<zbus::Connection>,
}

/// The battery, as UPower sees all of them together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Battery {
    /// From 0 to 100.
    pub percent: u8,
    /// Whether it is being charged.
    pub charging: bool,
}

impl Bus {
    async fn system(&self) -> Result<&zbus::Connection, BusError> {
        let connect = self.system.get_or_try_init(zbus::Connection::system);
        match tokio::time::timeout(DEADLINE, connect).await {
            Err(_) => Err(BusError::Late("the system bus")),
            Ok(connection) => connection.map_err(|e| BusError::NoBus(e.to_string())),
        }
    }

    /// The battery; none when the machine has none.
    ///
    /// # Errors
    /// When UPower cannot be asked.
    pub async fn battery(&self) -> Result<Option<Battery>, BusError> {
        let bus = self.system().await?;
        let asked = tokio::time::timeout(DEADLINE, upower::battery(bus)).await;
        asked.map_err(|_| BusError::Late("UPower"))?.map_err(|e| error("UPower", e))
    }

    /// Whether a login session is locked.
    ///
    /// # Errors
    /// When logind cannot be asked.
    pub async fn locked(&self, session: &str) -> Result<bool, BusError> {
        let bus = self.system().await?;
        let asked = tokio::time::timeout(DEADLINE, login1::locked(bus, session)).await;
        asked.map_err(|_| BusError::Late("logind"))?.map_err(|e| error("logind", e))
    }
}

/// What a failed call means.
fn error(service: &'static str, error: zbus::Error) -> BusError {
    match &error {
        zbus::Error::FDO(e)
            if matches!(**e, zbus::fdo::Error::ServiceUnknown(_) | zbus::fdo::Error::NameHasNoOwner(_)) =>
        {
            BusError::NoService(service)
        }
        other => BusError::Said { service, error: other.to_string() },
    }
}
