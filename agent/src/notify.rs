//! What the service manager is told: ready, reloading, stopping, how it stands, and that the agent is alive.
//!
//! The protocol is that of sd_notify(3): one datagram a message. Without a service manager nothing is told and nothing
//! fails. Nothing here decides when something is said; that is the daemon's business.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long a message may wait for a service manager that does not read.
const PATIENCE: Duration = Duration::from_secs(1);
/// The longest status that is told, in bytes; it is shown as one line.
const MAX_STATUS: usize = 512;

/// The service manager that started this process, if one did.
#[derive(Debug, Default)]
pub struct ServiceManager {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
    /// The status that was told last.
    status: Mutex<String>,
}

impl ServiceManager {
    /// As the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    ///
    /// # Errors
    /// When a socket is named and cannot be used.
    pub fn of_this_process() -> io::Result<ServiceManager> {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| meant && *usec > 0).map(Duration::from_micros);
        let address = std::env::var_os("NOTIFY_SOCKET").filter(|a| !a.is_empty());
        ServiceManager::at(address.as_deref(), watchdog)
    }

    /// One that listens at `address`, and expects a sign of life within every `watchdog`.
    fn at(address: Option<&OsStr>, watchdog: Option<Duration>) -> io::Result<ServiceManager> {
        let Some(address) = address else { return Ok(ServiceManager::default()) };
        let socket = UnixDatagram::unbound()?;
        match address.as_bytes() {
            [b'@', name @ ..] => socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
            _ => socket.connect(address)?,
        }
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(ServiceManager { socket: Some(socket), watchdog, status: Mutex::default() })
    }

    /// The agent answers from now on; also the end of a reload.
    pub fn ready(&self, status: &str) {
        let status = one_line(status);
        self.tell(&format!("READY=1\nSTATUS={status}"));
        *self.last() = status;
    }

    /// How the agent stands, where that is something new.
    pub fn status(&self, status: &str) {
        let status = one_line(status);
        if *self.last() != status {
            self.tell(&format!("STATUS={status}"));
            *self.last() = status;
        }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, String> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rules are being read again. [`ServiceManager::ready`] ends it.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let usec = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
        // From version 253 on systemd wants to know of which moment this is.
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={usec}"));
    }

    /// The agent ends in order.
    pub fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=ending what is begun");
    }

    /// The agent is alive.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// How often [`ServiceManager::alive`] has to be said: twice within the time that the service manager waits for it.
    #[must_use]
    pub fn heartbeat(&self) -> Option<Duration> {
        self.watchdog.map(|within| within / 2)
    }

    fn tell(&self, message: &str) {
        if let Some(socket) = &self.socket
            && let Err(e) = socket.send(message.as_bytes())
        {
            tracing::warn!("the service manager was not told `{}`: {e}", message.lines().next().unwrap_or_default());
        }
    }
}

/// A newline would begin another message.
fn one_line(text: &str) -> String {
    let end = text.floor_char_boundary(text.len().min(MAX_STATUS));
    text[..end].replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(at: &UnixDatagram) -> String {
        let mut bytes = [0; 1024];
        let n = at.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..n].to_vec()).unwrap()
    }

    #[test]
    fn a_status_never_becomes_a_message_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let told = ServiceManager::at(Some(path.as_os_str()), None).unwrap();
        told.ready("a\nMAINPID=1\r\u{1b}[m");
        assert_eq!(heard(&manager), "READY=1\nSTATUS=a MAINPID=1  [m");
        told.status("a\nMAINPID=1\r\u{1b}[m");
        told.status("b");
        assert_eq!(heard(&manager), "STATUS=b", "the same is not told again");
        told.ready(&"ä".repeat(600));
        assert_eq!(heard(&manager).len(), "READY=1\nSTATUS=".len() + MAX_STATUS);
    }

    #[test]
    fn a_service_manager_at_an_abstract_address_is_told_too() {
        let name = format!("steward-test-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let told = ServiceManager::at(Some(OsStr::new(&format!("@{name}"))), None).unwrap();
        told.alive();
        assert_eq!(heard(&manager), "WATCHDOG=1");
    }

    #[test]
    fn without_a_service_manager_nothing_is_told_and_nothing_fails() {
        let nobody = ServiceManager::at(None, None).unwrap();
        nobody.ready("x");
        assert_eq!(nobody.heartbeat(), None);
        let ten = ServiceManager { watchdog: Some(Duration::from_secs(10)), ..ServiceManager::default() };
        assert_eq!(ten.heartbeat(), Some(Duration::from_secs(5)));
    }
}
