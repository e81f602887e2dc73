//! What each service of a laptop answers, in the words of the real ones, and what it does to the laptop.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use zbus::message::{Header, Message};
use zbus::{DynamicType, OwnedObjectPath, OwnedVariant, Type, Variant};

use super::bus::{Answer, signal};
use super::{Inside, Part, State, files};

/// The paths of NetworkManager's objects.
const WIFI: (&str, &str, &str) = (
    "/org/freedesktop/NetworkManager/Devices/2",
    "/org/freedesktop/NetworkManager/ActiveConnection/2",
    "/org/freedesktop/NetworkManager/IP4Config/2",
);
const CABLE: (&str, &str, &str) = (
    "/org/freedesktop/NetworkManager/Devices/1",
    "/org/freedesktop/NetworkManager/ActiveConnection/1",
    "/org/freedesktop/NetworkManager/IP4Config/1",
);
/// Where sessions are; the person's own is number 1, and is what `auto` means.
const SESSIONS: &str = "/org/freedesktop/login1/session/";
/// The version that every service has.
const VERSION: &str = "simulated";
/// Where adapters are.
const ADAPTERS: &str = "/org/bluez/";

/// A call, and whether it is about a property.
#[derive(Debug)]
pub(super) struct Call<'m> {
    message: &'m Message,
    header: &'m Header<'m>,
    pub(super) path: String,
    interface: String,
    pub(super) member: String,
}

impl<'m> Call<'m> {
    pub(super) fn new(message: &'m Message, header: &'m Header<'m>) -> Call<'m> {
        let text = |t: Option<String>| t.unwrap_or_default();
        Call {
            message,
            header,
            path: text(header.path().map(ToString::to_string)),
            interface: text(header.interface().map(ToString::to_string)),
            member: text(header.member().map(ToString::to_string)),
        }
    }

    /// Whether it changes something.
    pub(super) fn changes(&self) -> bool {
        const ORDERS: [&str; 8] =
            ["Set", "Reboot", "PowerOff", "Suspend", "LockSession", "SetBrightness", "StartTransientUnit", "OpenURI"];
        ORDERS.contains(&self.member.as_str())
    }

    /// Its arguments.
    pub(super) fn body<T: DeserializeOwned + Type>(&self) -> Result<T, (&'static str, String)> {
        let body = self.message.body();
        body.deserialize().map_err(|e| ("org.freedesktop.DBus.Error.InvalidArgs", e.to_string()))
    }

    /// The answer with this in it.
    pub(super) fn returns(&self, body: &(impl serde::Serialize + DynamicType)) -> Answer {
        let built = Message::method_return(self.header).build(body);
        built.map(|message| vec![message]).map_err(|e| ("org.freedesktop.DBus.Error.Failed", e.to_string()))
    }

    /// The error for what nobody knows.
    pub(super) fn unknown(&self) -> (&'static str, String) {
        let Call { path, interface, member, .. } = self;
        (
            "org.freedesktop.DBus.Error.UnknownMethod",
            format!("Unknown method {member} or interface {interface} at {path}"),
        )
    }

    /// The property that it asks for.
    fn wanted(&self) -> Result<Option<String>, (&'static str, String)> {
        if (self.interface.as_str(), self.member.as_str()) != ("org.freedesktop.DBus.Properties", "Get") {
            return Ok(None);
        }
        self.body::<(String, String)>().map(|(_, name)| Some(name))
    }

    /// The property that it sets, and its value.
    fn set<T: TryFrom<OwnedVariant>>(&self) -> Result<Option<(String, T)>, (&'static str, String)> {
        if (self.interface.as_str(), self.member.as_str()) != ("org.freedesktop.DBus.Properties", "Set") {
            return Ok(None);
        }
        let (_, name, value) = self.body::<(String, String, OwnedVariant)>()?;
        let value = T::try_from(value);
        let value = value.map_err(|_| ("org.freedesktop.DBus.Error.InvalidArgs", format!("{name}: wrong type")))?;
        Ok(Some((name, value)))
    }
}

/// What a part of the laptop answers.
pub(super) fn answer(inside: &Inside, part: Part, call: &Call<'_>) -> Answer {
    if let Some(name) = call.wanted()? {
        let value = property(&inside.state(), part, &call.path, &name);
        let error = || ("org.freedesktop.DBus.Error.UnknownProperty", format!("no property {name} at {}", call.path));
        return call.returns(&value.ok_or_else(error)?);
    }
    match part {
        Part::Login1 => login1(inside, call),
        Part::NetworkManager if call.member == "GetPermissions" => {
            let switching = "org.freedesktop.NetworkManager.enable-disable-wifi";
            call.returns(&HashMap::from([(switching, inside.state().may_switch_wifi)]))
        }
        Part::NetworkManager => match call.set::<bool>()? {
            Some((name, on)) if name == "WirelessEnabled" => {
                let mut state = inside.state();
                if state.may_switch_wifi != "yes" {
                    let words = "Not authorized to perform this operation".to_owned();
                    return Err(("org.freedesktop.NetworkManager.PermissionDenied", words));
                }
                state.wifi = on;
                call.returns(&())
            }
            _ => Err(call.unknown()),
        },
        Part::Bluez => bluez(inside, call),
        Part::Portal => portal(inside, call),
        Part::UserManager => user_manager(inside, call),
        Part::Upower | Part::Sound => Err(call.unknown()),
    }
}

fn paths(of: &[&str]) -> Variant<'static> {
    let paths: Vec<OwnedObjectPath> = of.iter().filter_map(|p| OwnedObjectPath::try_from(*p).ok()).collect();
    Variant::from(paths)
}

fn path(of: &str) -> Option<Variant<'static>> {
    OwnedObjectPath::try_from(of).ok().map(Variant::from)
}

fn property(state: &State, part: Part, at: &str, name: &str) -> Option<Variant<'static>> {
    match part {
        Part::Login1 => session(state, at, name),
        Part::NetworkManager => network(state, at, name),
        Part::Upower => Some(match name {
            // Of `UpDeviceKind` a battery, of `UpDeviceState` one that gives power.
            "Type" | "State" => Variant::from(2u32),
            "IsPresent" => Variant::from(true),
            "Percentage" => Variant::from(f64::from(state.battery)),
            "DaemonVersion" => Variant::from(VERSION),
            _ => return None,
        }),
        // The manager knows a screen.
        Part::UserManager if name == "Environment" => Some(Variant::from(vec!["WAYLAND_DISPLAY=wayland-0"])),
        Part::Portal if name == "version" => Some(Variant::from(4u32)),
        Part::UserManager if name == "Version" => Some(Variant::from(VERSION)),
        _ => None,
    }
}

/// The sessions: their id, uid, user and seat; the first is the person's own.
fn sessions(state: &State) -> Vec<(String, u32, String, String, OwnedObjectPath)> {
    let uid = rustix::process::geteuid().as_raw();
    let own = nix::unistd::User::from_uid(uid.into()).ok().flatten().map_or_else(|| uid.to_string(), |u| u.name);
    let others = state.others.iter().map(|name| (*name).to_owned());
    let users = [own].into_iter().chain(others).enumerate();
    let row = |(n, user): (usize, String)| {
        let n = u32::try_from(n).ok()?;
        let id = (n + 1).to_string();
        let path = OwnedObjectPath::try_from(format!("{SESSIONS}_3{id}")).ok()?;
        let seat = if n == 0 { "seat0" } else { "" };
        Some((id, uid + n, user, seat.to_owned(), path))
    };
    users.filter_map(row).collect()
}

fn session(state: &State, at: &str, name: &str) -> Option<Variant<'static>> {
    let id = at.strip_prefix(SESSIONS)?;
    let own = matches!(id, "auto" | "_31");
    Some(match name {
        "LockedHint" => Variant::from(own && state.locked),
        "Active" => Variant::from(own),
        "Class" => Variant::from("user"),
        "Type" => Variant::from(if own { "wayland" } else { "tty" }),
        _ => return None,
    })
}

fn login1(inside: &Inside, call: &Call<'_>) -> Answer {
    let mut state = inside.state();
    let done = |state: &mut State, what: &str| {
        state.done.push(what.to_owned());
        call.returns(&())
    };
    match call.member.as_str() {
        "CanReboot" | "CanPowerOff" | "CanSuspend" => call.returns(&state.can),
        "Reboot" => done(&mut state, "reboot"),
        "PowerOff" => done(&mut state, "power-off"),
        "Suspend" => done(&mut state, "suspend"),
        "ListSessions" => call.returns(&sessions(&state)),
        "ListInhibitors" => {
            let row = |(who, why): &(&str, &str)| {
                ("shutdown:sleep", (*who).to_owned(), (*why).to_owned(), "block", 0u32, 1u32)
            };
            call.returns(&state.inhibitors.iter().map(row).collect::<Vec<_>>())
        }
        "GetSession" | "LockSession" => {
            let id: String = call.body()?;
            let row = sessions(&state).into_iter().find(|s| s.0 == id || id == "auto");
            let error = || ("org.freedesktop.login1.NoSuchSession", format!("No session '{id}' known"));
            let (.., path) = row.ok_or_else(error)?;
            if call.member == "GetSession" {
                return call.returns(&path);
            }
            state.locked |= path.as_str().ends_with("_31");
            call.returns(&())
        }
        "SetBrightness" => {
            let (subsystem, name, raw): (String, String, u32) = call.body()?;
            if (subsystem.as_str(), name.as_str()) != ("backlight", files::BACKLIGHT) {
                return Err(("org.freedesktop.DBus.Error.FileNotFound", format!("no device {subsystem}:{name}")));
            }
            let set = files::set_backlight(&inside.folder, raw.min(files::BRIGHTEST));
            set.map_err(|e| ("org.freedesktop.DBus.Error.IOError", e.to_string()))?;
            call.returns(&())
        }
        _ => Err(call.unknown()),
    }
}

fn network(state: &State, at: &str, name: &str) -> Option<Variant<'static>> {
    let wifi = state.wifi && state.wifi_key;
    let active = match (state.cable, wifi) {
        (true, true) => vec![CABLE, WIFI],
        (true, false) => vec![CABLE],
        (false, true) => vec![WIFI],
        (false, false) => vec![],
    };
    let primary = active.first().map_or("/", |p| p.1);
    let of = |links: &[(&str, &str, &str)]| links.iter().find(|l| [l.0, l.1, l.2].contains(&at)).map(|l| *l == WIFI);
    if at == "/org/freedesktop/NetworkManager" {
        return Some(match name {
            "WirelessEnabled" => Variant::from(state.wifi),
            "WirelessHardwareEnabled" => Variant::from(state.wifi_key),
            "NetworkingEnabled" => Variant::from(true),
            "Version" => Variant::from(VERSION),
            "PrimaryConnection" => path(primary)?,
            "PrimaryConnectionType" => Variant::from(match active.first() {
                Some(link) if *link == WIFI => "802-11-wireless",
                Some(_) => "802-3-ethernet",
                None => "",
            }),
            "ActiveConnections" => paths(&active.iter().map(|l| l.1).collect::<Vec<_>>()),
            "Devices" => paths(&[CABLE.0, WIFI.0]),
            // `NMConnectivityState`: full, or none.
            "Connectivity" => Variant::from(if active.is_empty() { 1u32 } else { 4u32 }),
            _ => return None,
        });
    }
    // Devices are there whether they are connected or not; connections are not.
    let is_wifi = of(&[CABLE, WIFI]).filter(|_| at.contains("/Devices/")).or_else(|| of(&active))?;
    Some(match name {
        "Interface" => Variant::from(if is_wifi { "wlp2s0" } else { "enp1s0" }),
        "DeviceType" => Variant::from(if is_wifi { 2u32 } else { 1u32 }),
        "Id" => Variant::from(if is_wifi { "Simulated Wi-Fi" } else { "Simulated cable" }),
        "Type" => Variant::from(if is_wifi { "802-11-wireless" } else { "802-3-ethernet" }),
        // `NMActiveConnectionState`: activated.
        "State" => Variant::from(2u32),
        "Devices" => paths(&[if is_wifi { WIFI.0 } else { CABLE.0 }]),
        "Ip4Config" => path(if is_wifi { WIFI.2 } else { CABLE.2 })?,
        "AddressData" => {
            // RFC 5737: addresses for documents.
            let address = if is_wifi { "192.0.2.7" } else { "192.0.2.8" };
            let row = HashMap::from([("address", Variant::from(address)), ("prefix", Variant::from(24u32))]);
            Variant::from(vec![row])
        }
        _ => return None,
    })
}

fn bluez(inside: &Inside, call: &Call<'_>) -> Answer {
    let mut state = inside.state();
    if call.member == "GetManagedObjects" {
        let mut objects = HashMap::new();
        for (name, on) in &state.adapters {
            let Ok(path) = OwnedObjectPath::try_from(format!("{ADAPTERS}{name}")) else { continue };
            let properties = HashMap::from([("Powered", Variant::from(*on)), ("Alias", Variant::from(name.clone()))]);
            objects.insert(path, HashMap::from([("org.bluez.Adapter1", properties)]));
        }
        return call.returns(&objects);
    }
    let name = call.path.strip_prefix(ADAPTERS).unwrap_or_default();
    if state.blocked == Some(name) {
        return Err(("org.bluez.Error.Blocked", "Blocked through rfkill".to_owned()));
    }
    let stuck = state.stuck == Some(name);
    match (call.set::<bool>()?, state.adapters.get_mut(name)) {
        (Some((_, true)), _) if stuck => Err(("org.bluez.Error.Failed", "Failed".to_owned())),
        (Some((property, on)), Some(powered)) if property == "Powered" => {
            *powered = on;
            call.returns(&())
        }
        (_, None) => Err(("org.freedesktop.DBus.Error.UnknownObject", format!("no adapter {name}"))),
        _ => Err(call.unknown()),
    }
}

fn user_manager(inside: &Inside, call: &Call<'_>) -> Answer {
    // Only what is told back is read: the name of the unit.
    type Start = (String, String, Vec<(String, OwnedVariant)>, Vec<(String, Vec<(String, OwnedVariant)>)>);
    if call.member != "StartTransientUnit" {
        return Err(call.unknown());
    }
    let (unit, ..): Start = call.body()?;
    let mut state = inside.state();
    state.jobs += 1;
    let (number, result) = (state.jobs, state.job);
    if result == "done" {
        state.done.push(format!("start {unit}"));
    }
    let job = format!("/org/freedesktop/systemd1/job/{number}");
    let job = OwnedObjectPath::try_from(job).map_err(|e| ("org.freedesktop.DBus.Error.Failed", e.to_string()))?;
    let mut messages = call.returns(&job)?;
    let body = (number, job, unit, result);
    messages.extend(signal("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "JobRemoved", &body));
    Ok(messages)
}

fn portal(inside: &Inside, call: &Call<'_>) -> Answer {
    match call.member.as_str() {
        "OpenURI" => {
            let (_, url, options): (String, String, HashMap<String, OwnedVariant>) = call.body()?;
            let token = options.get("handle_token").and_then(|t| t.downcast_ref::<String>().ok()).unwrap_or_default();
            // A peer without a bus has no name; what would be it is a word that the caller knows too.
            let handle = format!("/org/freedesktop/portal/desktop/request/peer/{token}");
            let mut state = inside.state();
            if state.portal == 0 {
                state.done.push(format!("open {url}"));
            }
            let body = (state.portal, HashMap::<String, Variant<'_>>::new());
            let path = OwnedObjectPath::try_from(handle.as_str());
            let path = path.map_err(|e| ("org.freedesktop.portal.Error.InvalidArgument", e.to_string()))?;
            let mut messages = call.returns(&path)?;
            messages.extend(signal(&handle, "org.freedesktop.portal.Request", "Response", &body));
            Ok(messages)
        }
        "Close" => call.returns(&()),
        _ => Err(call.unknown()),
    }
}
