//! The buses of a laptop: a socket pair for each connection, with the laptop at its other end, which is bus and services in one.

use std::pin::Pin;
use std::sync::Arc;

use zbus::message::{Header, Message, Type};
use zbus::{DynamicType, Guid, MessageStream};

use super::services::{self, Call};
use super::{Inside, Part, Trouble};
use crate::backend::bus::{Bus, Side};

/// The name of everything on the buses.
const UNIQUE: &str = ":1.1";

/// What a call leads to: an answer and signals after it, or an error's name with its words.
pub(super) type Answer = Result<Vec<Message>, (&'static str, String)>;

/// The system bus and the session bus.
pub(super) fn of(inside: &Arc<Inside>) -> Bus {
    let connect = |inside: Arc<Inside>, side: Side| {
        Arc::new(move || {
            let inside = inside.clone();
            Box::pin(connect(inside, side)) as Pin<Box<dyn Future<Output = zbus::Result<zbus::Connection>> + Send>>
        })
    };
    Bus::with(connect(inside.clone(), Side::System), connect(inside.clone(), Side::Session))
}

async fn connect(inside: Arc<Inside>, side: Side) -> zbus::Result<zbus::Connection> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    let server = zbus::connection::Builder::unix_stream(theirs).server(Guid::generate()).p2p().build();
    let client = zbus::connection::Builder::unix_stream(ours).p2p().build();
    let (server, client) = tokio::try_join!(server, client)?;
    // Before the client has a first question.
    let calls = MessageStream::from(&server);
    tokio::spawn(serve(inside, side, server, calls));
    Ok(client)
}

/// Answers calls one after the other until the connection ends.
async fn serve(inside: Arc<Inside>, side: Side, connection: zbus::Connection, mut calls: MessageStream) {
    while let Some(Ok(message)) = crate::backend::dbus::next(&mut calls).await {
        if message.message_type() != Type::MethodCall {
            continue;
        }
        let Some(answers) = answer(&inside, side, &message) else { break };
        for answer in answers {
            if connection.send(&answer).await.is_err() {
                return;
            }
        }
    }
    // It is closed for both when this side goes; whoever waits is told.
    let _closed_already = connection.close().await;
}

/// The answer to one call and the signals after it, nothing for silence; none when the connection is to end.
fn answer(inside: &Inside, side: Side, message: &Message) -> Option<Vec<Message>> {
    let header = message.header();
    let destination = header.destination().map(ToString::to_string).unwrap_or_default();
    let call = Call::new(message, &header);
    let answered = match (part(side, &destination), destination.as_str()) {
        (_, "org.freedesktop.DBus") => driver(inside, side, &call),
        (None, other) => Err(unknown_name(other)),
        (Some(part), name) => match inside.trouble(part, call.changes()) {
            Trouble::None => services::answer(inside, part, &call),
            Trouble::Missing => Err(unknown_name(name)),
            Trouble::Says(error, words) => Err((error, words.to_owned())),
            trouble => {
                let _done_and_not_told = services::answer(inside, part, &call);
                match trouble {
                    Trouble::Dies => Err((
                        "org.freedesktop.DBus.Error.NoReply",
                        "Message recipient disconnected from message bus without replying".to_owned(),
                    )),
                    Trouble::Closes => {
                        inside.state().trouble.remove(&part);
                        return None;
                    }
                    _ => return Some(Vec::new()),
                }
            }
        },
    };
    Some(match answered {
        Ok(messages) => messages,
        Err((name, words)) => error(&header, name, &words).into_iter().collect(),
    })
}

/// Whose name it is.
fn part(side: Side, name: &str) -> Option<Part> {
    Some(match name {
        "org.freedesktop.login1" => Part::Login1,
        "org.freedesktop.NetworkManager" => Part::NetworkManager,
        "org.bluez" => Part::Bluez,
        "org.freedesktop.UPower" => Part::Upower,
        "org.freedesktop.portal.Desktop" => Part::Portal,
        "org.freedesktop.systemd1" if side == Side::System => Part::SystemManager,
        "org.freedesktop.systemd1" => Part::UserManager,
        _ => return None,
    })
}

/// The bus itself: who has a name.
fn driver(inside: &Inside, side: Side, call: &Call<'_>) -> Answer {
    let there = |name: &str| part(side, name).is_some_and(|p| inside.trouble(p, false) != Trouble::Missing);
    match call.member.as_str() {
        "NameHasOwner" => call.returns(&there(&call.body::<String>()?)),
        "GetNameOwner" => match call.body::<String>()? {
            name if there(&name) => call.returns(&UNIQUE),
            name => Err((
                "org.freedesktop.DBus.Error.NameHasNoOwner",
                format!("Could not get owner of name '{name}': no such name"),
            )),
        },
        "ListActivatableNames" => call.returns(&Vec::<String>::new()),
        _ => Err(call.unknown()),
    }
}

fn unknown_name(name: &str) -> (&'static str, String) {
    ("org.freedesktop.DBus.Error.ServiceUnknown", format!("The name {name} was not provided by any .service files"))
}

/// A signal of the laptop.
pub(super) fn signal(
    path: &str,
    interface: &str,
    name: &str,
    body: &(impl serde::Serialize + DynamicType),
) -> zbus::Result<Message> {
    Message::signal(path, interface, name).sender(UNIQUE).build(body)
}

fn error(to: &Header<'_>, name: &str, words: &str) -> zbus::Result<Message> {
    Message::error(to, name).sender(UNIQUE).build(&words)
}
