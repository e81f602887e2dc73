//! The desktop portal: opening an address in the person's browser, with the desktop's own say.
//! <https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.OpenURI.html>

use std::collections::HashMap;
use std::time::Duration;

use zbus::{OwnedObjectPath, OwnedVariant, Variant};

use super::{at, next, the};
use crate::backend::bus::{Bus, BusError, QUESTION, Service, Side, meaning};

/// The service.
pub static PORTAL: Service = Service {
    title: "The desktop portal (xdg-desktop-portal)",
    name: "org.freedesktop.portal.Desktop",
    side: Side::Session,
    get: "install `xdg-desktop-portal` and a backend for the desktop, such as `xdg-desktop-portal-gtk`",
};

/// How long the portal may take to accept a request. It is started for it, and starts its backend.
const ACCEPT: Duration = Duration::from_secs(10);
/// How long the person may take to choose a program, where the portal asks.
pub const CHOICE: Duration = Duration::from_secs(60);

#[zbus::proxy(
    interface = "org.freedesktop.portal.OpenURI",
    default_service = "org.freedesktop.portal.Desktop",
    default_path = "/org/freedesktop/portal/desktop"
)]
trait OpenUri {
    #[zbus(name = "OpenURI")]
    fn open_uri(
        &self,
        parent_window: &str,
        uri: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> zbus::Result<OwnedObjectPath>;
    #[zbus(property, name = "version")]
    fn version(&self) -> zbus::Result<u32>;
}

#[zbus::proxy(interface = "org.freedesktop.portal.Request", default_service = "org.freedesktop.portal.Desktop")]
trait Request {
    fn close(&self) -> zbus::Result<()>;
    #[zbus(signal)]
    fn response(&self, response: u32, results: HashMap<String, OwnedVariant>) -> zbus::Result<()>;
}

/// What became of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It was handed to a program.
    Yes,
    /// The person did not want it (response 1).
    Cancelled,
    /// It ended in another way (response 2): no program for it, or one that cannot be started.
    No,
    /// Nobody chose a program within [`CHOICE`]; the portal was told that it is no longer wanted.
    NoChoice,
}

/// The portal on the session bus.
#[derive(Clone, Copy, Debug)]
pub struct Portal<'a>(pub &'a Bus);

impl Portal<'_> {
    /// Hands an address to the portal and waits for what becomes of it.
    ///
    /// # Errors
    /// What an error means stands at [`BusError`]; [`BusError::NoService`] also where the portal has no such interface, or is one that the
    /// bus would start and that does not come up, as without a desktop. Nothing was asked of it then.
    pub async fn open(&self, url: &str) -> Result<Opened, BusError> {
        let there = self.0.ask(&PORTAL, async |bus| the::<OpenUriProxy<'_>>(bus).await?.version().await).await;
        there.map_err(|e| match e {
            BusError::Late { .. } => BusError::NoService { service: &PORTAL },
            BusError::Said { name, .. } if NOT_THERE.contains(&name.as_str()) => {
                BusError::NoService { service: &PORTAL }
            }
            other => other,
        })?;
        let bus = self.0.connection(PORTAL.side).await?;
        let told = |e| meaning(&PORTAL, e);
        // The path of a request is known before it is made, so that its answer is not missed.
        let token = format!("steward_{}", uuid::Uuid::new_v4().simple());
        let sender = bus.unique_name().map(|name| name.trim_start_matches(':').replace('.', "_"));
        let path = format!("/org/freedesktop/portal/desktop/request/{}/{token}", sender.as_deref().unwrap_or("peer"));
        let expected = zbus::ObjectPath::try_from(path).map_err(told)?;
        let (mut request, mut answers) = self.request(&bus, expected.clone()).await?;
        let accepted = self
            .0
            .change(&PORTAL, ACCEPT, async |bus| {
                let options = HashMap::from([("handle_token", Variant::from(token.as_str()))]);
                the::<OpenUriProxy<'_>>(bus).await?.open_uri("", url, options).await
            })
            .await;
        let handle = accepted?;
        if handle.as_str() != expected.as_str() {
            // A portal from before 0.9 names its requests itself.
            (request, answers) = self.request(&bus, handle.into()).await.map_err(|e| match e {
                // It was accepted by now.
                BusError::Late { service, .. } => {
                    BusError::Lost { service, text: "accepted it, and its answer could not be waited for".to_owned() }
                }
                other => other,
            })?;
        }
        let answer = tokio::time::timeout(CHOICE, async {
            loop {
                let signal = next(&mut answers).await?;
                if let Ok(args) = signal.args() {
                    return Some(args.response);
                }
            }
        });
        match answer.await {
            Ok(Some(0)) => Ok(Opened::Yes),
            Ok(Some(1)) => Ok(Opened::Cancelled),
            Ok(Some(_)) => Ok(Opened::No),
            Ok(None) => Err(BusError::Lost { service: &PORTAL, text: "ended before it answered".to_owned() }),
            Err(_) => {
                // So that nothing is opened later, when nobody expects it any more.
                let closed = tokio::time::timeout(ACCEPT, request.close()).await;
                match closed {
                    Ok(Ok(())) => Ok(Opened::NoChoice),
                    _ => Err(BusError::Lost {
                        service: &PORTAL,
                        text: format!("did not answer within {} seconds", CHOICE.as_secs()),
                    }),
                }
            }
        }
    }

    /// A request by its path, and its answers from now on: the bus is told to pass them on.
    async fn request(
        &self,
        bus: &zbus::Connection,
        path: zbus::ObjectPath<'_>,
    ) -> Result<(RequestProxy<'static>, ResponseStream), BusError> {
        let listened = async {
            let request: RequestProxy<'static> = at(bus, path).await?;
            let answers = request.receive_response().await?;
            Ok((request, answers))
        };
        match tokio::time::timeout(QUESTION, listened).await {
            Ok(listened) => listened.map_err(|e| meaning(&PORTAL, e)),
            Err(_) => Err(BusError::Late { service: &PORTAL, after: QUESTION }),
        }
    }
}

/// The errors of a portal without this interface (GLib's is `InvalidArgs`).
const NOT_THERE: [&str; 4] = [
    "org.freedesktop.DBus.Error.UnknownMethod",
    "org.freedesktop.DBus.Error.UnknownInterface",
    "org.freedesktop.DBus.Error.UnknownProperty",
    "org.freedesktop.DBus.Error.InvalidArgs",
];

#[cfg(test)]
mod tests {
    use zbus::message::Message;

    use super::*;
    use crate::backend::bus::tests::{member, real_saying};

    #[tokio::test]
    async fn a_bus_that_does_not_say_that_it_will_pass_answers_on_is_not_waited_for() {
        let bus = real_saying(|call| {
            let answer = Message::method_return(&call.header());
            (member(call) == "Get").then(|| answer.build(&Variant::from(4_u32)).unwrap())
        });
        let opened = tokio::time::timeout(2 * QUESTION, Portal(&bus).open("https://example.com/")).await;
        assert!(matches!(opened, Ok(Err(BusError::Late { .. }))), "{opened:?}");
    }
}
