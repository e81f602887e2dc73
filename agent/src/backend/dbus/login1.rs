//! logind: sessions. org.freedesktop.login1(5)

#[zbus::proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1"
)]
trait Manager {
    #[zbus(object = "Session")]
    fn get_session(&self, id: &str);
}

#[zbus::proxy(interface = "org.freedesktop.login1.Session", default_service = "org.freedesktop.login1")]
trait Session {
    #[zbus(property)]
    fn locked_hint(&self) -> zbus::Result<bool>;
}

/// Whether the desktop of a session says that it is locked.
pub(crate) async fn locked(bus: &zbus::Connection, session: &str) -> zbus::Result<bool> {
    ManagerProxy::new(bus).await?.get_session(session).await?.locked_hint().await
}
