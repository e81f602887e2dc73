//! The two buses: connected when they are first needed, connected again when they were restarted, every call with a deadline,
//! every error with a meaning. What is said to which service stands in `dbus/`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

/// How long a question to a service may take.
pub const QUESTION: Duration = Duration::from_secs(2);
/// How long connecting to a bus may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How much of a service's own words is kept, in characters.
const MAX_WORDS: usize = 300;

/// The agent's own name on a bus, by which it can be started. Nothing can be called there.
pub const OWN_NAME: &str = "io.github.steward_project.Steward";

/// Which bus a service is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The machine's.
    System,
    /// That of the user's session.
    Session,
}

impl Side {
    fn words(self) -> &'static str {
        match self {
            Side::System => "system bus",
            Side::Session => "session bus",
        }
    }
}

/// A service: how people call it, where it is, and how it is had.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// What people call it.
    pub title: &'static str,
    /// Its well-known name.
    pub name: &'static str,
    /// The bus that it is on.
    pub side: Side,
    /// What to install or start when it is not there, as an order.
    pub get: &'static str,
}

/// Why a service did not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BusError {
    /// There is no bus.
    #[error("the {} cannot be reached: {text}", side.words())]
    NoBus {
        /// Which.
        side: Side,
        /// What the system said.
        text: String,
    },
    /// The service is not there, or does not have the object that is needed.
    #[error("{} is not running; {}", service.title, service.get)]
    NoService {
        /// Which.
        service: &'static Service,
    },
    /// It did not answer a question in time; nothing was changed.
    #[error("{} did not answer within {} seconds", service.title, after.as_secs())]
    Late {
        /// Which.
        service: &'static Service,
        /// The deadline.
        after: Duration,
    },
    /// It was told to change something, and it is not known whether it did: it did not answer in time, or it ended before it answered.
    #[error("{} {text}, so it is not known whether it was done", service.title)]
    Lost {
        /// Which.
        service: &'static Service,
        /// What is known, such as `did not answer within 10 seconds`.
        text: String,
    },
    /// It, or polkit on its behalf, said no.
    #[error("{} said no{}", service.title, words(text))]
    Refused {
        /// Which.
        service: &'static Service,
        /// Whether it would have asked for a password: somebody who can be asked, or a rule, would let it through.
        challenge: bool,
        /// Its words; may be empty.
        text: String,
    },
    /// It answered with another error.
    #[error("{} answered{}", service.title, words(text))]
    Said {
        /// Which.
        service: &'static Service,
        /// The error's D-Bus name; empty when it did not come from the service.
        name: String,
        /// Its words.
        text: String,
    },
}

impl BusError {
    /// Whether it is what GLib's services answer between taking their name and offering their objects (`gdbusconnection.c`).
    pub(in crate::backend) fn is_beginning(&self) -> bool {
        matches!(self, BusError::Said { name, text, .. }
            if name == "org.freedesktop.DBus.Error.UnknownMethod" && text.starts_with("Object does not exist at path"))
    }
}

fn words(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// How a connection is made.
type Connect =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = zbus::Result<zbus::Connection>> + Send>> + Send + Sync + 'static>;

/// One bus.
struct Line {
    side: Side,
    connect: Connect,
    /// Guards the connection; held while it is made, so that it is made once.
    open: Mutex<Option<zbus::Connection>>,
}

impl Line {
    fn new(side: Side, connect: Connect) -> Line {
        Line { side, connect, open: Mutex::default() }
    }

    /// The connection; a new one when the bus was restarted since.
    async fn get(&self) -> Result<zbus::Connection, BusError> {
        let mut open = self.open.lock().await;
        if let Some(connection) = open.as_ref().filter(|c| !c.is_closed()) {
            return Ok(connection.clone());
        }
        let no_bus = |text: String| BusError::NoBus { side: self.side, text };
        let connection = tokio::time::timeout(CONNECT, (self.connect)())
            .await
            .map_err(|_| no_bus(format!("it did not answer within {} seconds", CONNECT.as_secs())))?
            .map_err(|e| no_bus(clean(&e.to_string())))?;
        *open = Some(connection.clone());
        Ok(connection)
    }
}

/// The system bus and the session bus.
pub struct Bus {
    system: Line,
    session: Line,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").finish_non_exhaustive()
    }
}

impl Default for Bus {
    /// The buses of this machine and of this process's session (`DBUS_SYSTEM_BUS_ADDRESS`, `DBUS_SESSION_BUS_ADDRESS`, else the
    /// usual sockets).
    fn default() -> Bus {
        Bus::with(Arc::new(|| Box::pin(zbus::Connection::system())), Arc::new(|| Box::pin(zbus::Connection::session())))
    }
}

impl Bus {
    /// Buses that cannot be reached.
    pub fn nowhere() -> Bus {
        let refuse: Connect =
            Arc::new(|| Box::pin(async { Err(zbus::Error::Failure("there is none here".to_owned())) }));
        Bus::with(refuse.clone(), refuse)
    }

    /// The buses at these addresses, such as `unix:path=/run/dbus/system_bus_socket`.
    pub fn at(system: impl Into<String>, session: impl Into<String>) -> Bus {
        fn to(address: String) -> Connect {
            Arc::new(move || {
                let address = address.clone();
                Box::pin(async move { zbus::connection::Builder::address(address.as_str()).build().await })
            })
        }
        Bus::with(to(system.into()), to(session.into()))
    }

    /// Buses whose connections are made by these functions, each called again when its last connection has closed.
    pub(in crate::backend) fn with(system: Connect, session: Connect) -> Bus {
        Bus { system: Line::new(Side::System, system), session: Line::new(Side::Session, session) }
    }

    /// The connection to the bus that `service` is on, for signals and for conversations of several calls.
    pub(in crate::backend) async fn connection(&self, side: Side) -> Result<zbus::Connection, BusError> {
        match side {
            Side::System => self.system.get().await,
            Side::Session => self.session.get().await,
        }
    }

    /// Asks a service something that changes nothing, within [`QUESTION`].
    ///
    /// # Errors
    /// See [`BusError`]; never [`BusError::Lost`].
    pub(in crate::backend) async fn ask<T>(
        &self,
        service: &'static Service,
        question: impl AsyncFnOnce(&zbus::Connection) -> zbus::Result<T>,
    ) -> Result<T, BusError> {
        let connection = self.connection(service.side).await?;
        match tokio::time::timeout(QUESTION, question(&connection)).await {
            Ok(answer) => answer.map_err(|e| meaning(service, e)),
            // Started on demand and not coming up is the same as not being there. A bus that is slow itself has not said so.
            Err(_) if up(&connection, service.name).await == Some(false) => Err(BusError::NoService { service }),
            Err(_) => Err(BusError::Late { service, after: QUESTION }),
        }
    }

    /// Has a service change something, within `deadline`. Whatever leaves it open whether it was done is [`BusError::Lost`].
    ///
    /// # Errors
    /// See [`BusError`].
    pub(in crate::backend) async fn change<T>(
        &self,
        service: &'static Service,
        deadline: Duration,
        order: impl AsyncFnOnce(&zbus::Connection) -> zbus::Result<T>,
    ) -> Result<T, BusError> {
        let connection = self.connection(service.side).await?;
        match tokio::time::timeout(deadline, order(&connection)).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(match meaning(service, error) {
                BusError::Late { .. } => BusError::Lost { service, text: "ended before it answered".to_owned() },
                other => other,
            }),
            Err(_) => {
                let text = format!("did not answer within {} seconds", deadline.as_secs());
                Err(BusError::Lost { service, text })
            }
        }
    }

    /// Takes the agent's own name, so that whoever looks for the agent sees that it is there, or has the bus start it. The name goes with
    /// the connection; after a restart of the bus nobody has it until the agent is started again.
    ///
    /// # Errors
    /// [`BusError::NoBus`], also when another agent has the name.
    pub async fn own_name(&self, side: Side) -> Result<(), BusError> {
        let connection = self.connection(side).await?;
        let no_bus = |text: String| BusError::NoBus { side, text };
        match tokio::time::timeout(CONNECT, connection.request_name(OWN_NAME)).await {
            Ok(taken) => taken.map_err(|e| no_bus(clean(&e.to_string()))),
            Err(_) => Err(no_bus(format!("it did not answer within {} seconds", CONNECT.as_secs()))),
        }
    }

    /// Whether `service` answers or would be started by the bus when it is called.
    ///
    /// # Errors
    /// [`BusError::NoBus`], [`BusError::NoService`], and [`BusError::Late`] when the bus does not say in time.
    pub async fn there(&self, service: &'static Service) -> Result<(), BusError> {
        let connection = self.connection(service.side).await?;
        let up = up(&connection, service.name).await;
        let startable = if up == Some(true) { None } else { startable(&connection, service.name).await };
        match (up, startable) {
            (Some(true), _) | (_, Some(true)) => Ok(()),
            (Some(false), Some(false)) => Err(BusError::NoService { service }),
            _ => Err(BusError::Late { service, after: QUESTION }),
        }
    }
}

/// Whether a name on a bus is somebody's; nothing when the bus does not say in time.
async fn up(connection: &zbus::Connection, name: &str) -> Option<bool> {
    let look = async {
        let bus = zbus::fdo::DBusProxy::new(connection).await?;
        let known: zbus::names::BusName<'_> = name.try_into()?;
        Ok::<_, zbus::Error>(bus.name_has_owner(known).await?)
    };
    tokio::time::timeout(QUESTION, look).await.ok()?.ok()
}

/// Whether the bus would start somebody for a name. That need not come up: the unit of BlueZ, for one, does not start on a machine
/// without an adapter, and the bus then says nothing for a long time. Nothing when the bus does not say in time.
async fn startable(connection: &zbus::Connection, name: &str) -> Option<bool> {
    let look = async {
        let started = zbus::fdo::DBusProxy::new(connection).await?.list_activatable_names().await?;
        Ok::<_, zbus::Error>(started.iter().any(|n| n.as_str() == name))
    };
    tokio::time::timeout(QUESTION, look).await.ok()?.ok()
}

/// What an error means, by its D-Bus name.
///
/// The names are those of the D-Bus specification, "Standard Errors" in `dbus-protocol.h`, of polkit, and of the services' own
/// documentation where they refuse under a name of their own.
pub(in crate::backend) fn meaning(service: &'static Service, error: zbus::Error) -> BusError {
    let (name, text) = match &error {
        zbus::Error::FDO(e) => {
            use zbus::DBusError as _;
            (e.name().to_string(), e.description().unwrap_or_default().to_owned())
        }
        zbus::Error::MethodError(name, text, _) => (name.to_string(), text.clone().unwrap_or_default()),
        // The connection broke: with the bus, or with the peer of a socket pair.
        zbus::Error::InputOutput(_) => return BusError::Late { service, after: QUESTION },
        other => (String::new(), other.to_string()),
    };
    let text = clean(&text);
    let short = name.strip_prefix("org.freedesktop.DBus.Error.").unwrap_or(&name);
    match short {
        "ServiceUnknown" | "NameHasNoOwner" | "UnknownObject" => BusError::NoService { service },
        // The unit behind a name is masked, missing, or failed when it was started.
        s if s.starts_with("Spawn.") => BusError::NoService { service },
        "org.freedesktop.systemd1.NoSuchUnit" | "org.freedesktop.systemd1.UnitMasked" if service.name != SYSTEMD => {
            BusError::NoService { service }
        }
        "NoReply" | "Timeout" | "TimedOut" | "Disconnected" => BusError::Late { service, after: QUESTION },
        "InteractiveAuthorizationRequired" => BusError::Refused { service, challenge: true, text },
        "AccessDenied" | "AuthFailed" => {
            // systemd's services say so when polkit would have asked (sd-bus: "Interactive authentication required.").
            let challenge = text.to_ascii_lowercase().contains("interactive authentication");
            BusError::Refused { service, challenge, text }
        }
        s if s.ends_with(".NotAuthorized") || s.ends_with(".PermissionDenied") => {
            BusError::Refused { service, challenge: false, text }
        }
        _ => BusError::Said { service, name, text },
    }
}

/// systemd's own name, under which a missing unit is an answer and not a missing service.
const SYSTEMD: &str = "org.freedesktop.systemd1";

/// A service's words, on one line, without what cannot be seen, at most [`MAX_WORDS`] long, without a full stop.
pub(in crate::backend) fn clean(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    crate::action::types::visible(text.trim().trim_end_matches('.'), MAX_WORDS)
}

#[cfg(test)]
pub(in crate::backend) mod tests {
    use zbus::message::Message;

    use super::*;

    const SERVICE: Service =
        Service { title: "The tester", name: "org.example.Test", side: Side::System, get: "install it" };

    #[test]
    fn words_of_a_service_are_one_visible_line() {
        assert_eq!(clean("no\nway\u{202e}. "), "no way<U+202E>");
        assert_eq!(clean(&"x".repeat(1000)).chars().count(), MAX_WORDS + 1);
    }

    /// What a bus that is its services as well says to a call, or nothing. Nobody is asked for signals on it.
    pub(in crate::backend) fn saying(says: impl Fn(&Message) -> Option<Message> + Send + Sync + 'static) -> Bus {
        of_one(true, says)
    }

    /// The same that has to be told which signals are wanted, as a real one.
    pub(in crate::backend) fn real_saying(says: impl Fn(&Message) -> Option<Message> + Send + Sync + 'static) -> Bus {
        of_one(false, move |call| match member(call).as_str() {
            "Hello" => Some(Message::method_return(&call.header()).build(&":1.7").unwrap()),
            _ => says(call),
        })
    }

    fn of_one(p2p: bool, says: impl Fn(&Message) -> Option<Message> + Send + Sync + 'static) -> Bus {
        let says = Arc::new(says);
        let connect: Connect = Arc::new(move || {
            let says = says.clone();
            Box::pin(async move {
                let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
                let server =
                    zbus::connection::Builder::unix_stream(theirs).server(zbus::Guid::generate()).p2p().build();
                let client = zbus::connection::Builder::unix_stream(ours);
                let client = if p2p { client.p2p() } else { client };
                let serve = async {
                    let server = server.await?;
                    let mut calls = zbus::MessageStream::from(&server);
                    tokio::spawn(async move {
                        while let Some(Ok(call)) = crate::backend::dbus::next(&mut calls).await {
                            if let Some(answer) = says(&call) {
                                server.send(&answer).await.unwrap();
                            }
                        }
                    });
                    Ok(())
                };
                tokio::try_join!(serve, client.build()).map(|((), client)| client)
            })
        });
        Bus::with(connect.clone(), connect)
    }

    /// The member that is called.
    pub(in crate::backend) fn member(call: &Message) -> String {
        call.header().member().map(ToString::to_string).unwrap_or_default()
    }

    /// The bus itself says whether a name is somebody's, and which names it would start somebody for; or nothing at all.
    fn answering(answers: Option<(bool, &'static [&'static str])>) -> Bus {
        saying(move |call| {
            let (up, startable) = answers?;
            let answer = Message::method_return(&call.header());
            match member(call).as_str() {
                "NameHasOwner" => Some(answer.build(&up).unwrap()),
                "ListActivatableNames" => Some(answer.build(&startable).unwrap()),
                _ => None,
            }
        })
    }

    #[tokio::test]
    async fn only_a_bus_that_says_so_makes_a_service_one_that_is_not_there() {
        let silent = async |_: &zbus::Connection| std::future::pending::<zbus::Result<()>>().await;
        let rows = [
            (Some((true, &[][..])), "", "did not answer"),
            (Some((false, &["org.example.Test"][..])), "", "is not running"),
            (Some((false, &[][..])), "is not running", "is not running"),
            (None, "did not answer", "did not answer"),
        ];
        let rows = rows.map(|(answers, there, asked)| async move {
            let bus = answering(answers);
            let (found, answer) = tokio::join!(bus.there(&SERVICE), bus.ask(&SERVICE, silent));
            let said = found.err().map(|e| e.to_string()).unwrap_or_default();
            assert!(said.contains(there) && said.is_empty() == there.is_empty(), "{answers:?}: {said}");
            let said = answer.unwrap_err().to_string();
            assert!(said.contains(asked), "{answers:?}: {said}");
        });
        let [a, b, c, d] = rows;
        tokio::join!(a, b, c, d);
    }

    #[test]
    fn errors_have_a_meaning_by_their_name() {
        use zbus::fdo::Error as E;
        let text = || "Interactive authentication required.".to_owned();
        let rows = [
            (E::ServiceUnknown(text()), "is not running"),
            (E::NameHasNoOwner(text()), "is not running"),
            (E::UnknownObject(text()), "is not running"),
            (E::NoReply(text()), "did not answer"),
            (E::TimedOut(text()), "did not answer"),
            (E::AccessDenied("no".to_owned()), "said no: no"),
            (E::AuthFailed("no".to_owned()), "said no: no"),
            (E::InteractiveAuthorizationRequired(text()), "said no"),
            (E::InvalidArgs("what".to_owned()), "answered: what"),
        ];
        for (error, said) in rows {
            let shown = error.to_string();
            let got = meaning(&SERVICE, error.into()).to_string();
            assert!(got.contains(said), "{shown}: {got}");
        }
        let challenged = meaning(&SERVICE, E::AccessDenied(text()).into());
        assert!(matches!(challenged, BusError::Refused { challenge: true, .. }), "{challenged:?}");
    }
}
