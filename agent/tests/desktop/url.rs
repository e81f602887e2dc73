//! Addresses: the portal, played and real, and `xdg-open`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::json;
use zbus::OwnedObjectPath;
use zbus::object_server::SignalEmitter;
use zbus::{OwnedVariant, Variant};

use super::support::DESKTOP;
use super::{Session, done, failed, installed};

const URL: &str = "https://example.com/a?b=${HOME}&c=$HOME";

/// The portal: answers each request as the address says.
struct Portal(Arc<Mutex<Vec<String>>>);

#[zbus::interface(name = "org.freedesktop.portal.OpenURI")]
impl Portal {
    #[zbus(name = "OpenURI")]
    async fn open_uri(
        &self,
        _parent: String,
        uri: String,
        options: HashMap<String, OwnedVariant>,
        #[zbus(header)] header: zbus::message::Header<'_>,
        #[zbus(connection)] connection: &zbus::Connection,
    ) -> zbus::fdo::Result<OwnedObjectPath> {
        if uri.contains("forbidden") {
            return Err(zbus::fdo::Error::AccessDenied("locked down".to_owned()));
        }
        let token: &str = options["handle_token"].downcast_ref().unwrap();
        let sender = header.sender().unwrap().trim_start_matches(':').replace('.', "_");
        let path = format!("/org/freedesktop/portal/desktop/request/{sender}/{token}");
        let response: u32 = uri.rsplit('=').next().unwrap().parse().unwrap_or(0);
        self.0.lock().unwrap().push(uri);
        let path = OwnedObjectPath::try_from(path).unwrap();
        let emitter = SignalEmitter::new(connection, path.clone()).unwrap();
        let results: HashMap<&str, Variant<'_>> = HashMap::new();
        emitter.emit("org.freedesktop.portal.Request", "Response", &(response, results)).await?;
        Ok(path)
    }

    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        4
    }
}

#[test]
fn the_portal_opens_an_address_and_its_no_is_told() {
    let Some(mut session) = Session::new() else { return };
    session.start_buses(false);
    let opened = Arc::default();
    let portal = Portal(Arc::clone(&opened));
    let path = "/org/freedesktop/portal/desktop";
    let _portal = session.play("session", "org.freedesktop.portal.Desktop", path, portal);
    let world = session.world(DESKTOP);
    let answer = world.ask("open_url", "https://example.com/?answer=0");
    done(&answer, "Opened https://example.com/?answer=0.");
    assert_eq!(answer["data"]["through"], "portal");
    let cancelled = world.ask("open_url", "https://example.com/?answer=1");
    failed(&cancelled, "failed", "the person said no");
    assert_eq!(cancelled["data"]["cancelled"], true);
    failed(&world.ask("open_url", "https://example.com/?answer=2"), "failed", "no program that opens");
    failed(&world.ask("open_url", "https://example.com/forbidden"), "not_authorized", "locked down");
    assert_eq!(opened.lock().unwrap().len(), 3, "each was asked for once");
}

#[test]
fn without_a_portal_xdg_open_is_handed_the_address_as_it_is() {
    let Some(mut session) = Session::new().filter(|_| installed(&["/usr/bin/xdg-open"])) else { return };
    session.start_buses(false);
    let browser = session.program("fakebrowser");
    session.set("BROWSER", &browser);
    let world = session.world(DESKTOP);
    let answer = world.ask("open_url", URL);
    assert_eq!(answer["status"], "ok", "{answer}");
    assert_eq!((&answer["data"]["through"], &answer["data"]["started"]), (&json!("xdg-open"), &json!("direct")));
    assert_eq!(session.ran(), format!("fakebrowser|{URL}"));
}

#[test]
fn with_neither_it_is_said_what_to_install() {
    let Some(mut session) = Session::new() else { return };
    session.start_buses(false);
    session.set("PATH", "/nonexistent");
    let world = session.world(DESKTOP);
    failed(&world.ask("open_url", URL), "unavailable", "install `xdg-desktop-portal` or `xdg-utils`");
}

#[test]
fn the_real_portal_opens_an_address_in_the_real_default_browser() {
    let tools = [
        "/usr/bin/Xvfb",
        "/usr/libexec/xdg-desktop-portal",
        "/usr/libexec/xdg-desktop-portal-gtk",
        "/usr/bin/update-desktop-database",
    ];
    let Some(mut session) = Session::new().filter(|_| installed(&tools)) else { return };
    // Xvfb takes a free number, and says which when it is ready.
    let screen = session.at("screen");
    let file = std::fs::File::create(&screen).unwrap();
    let mut xvfb = session
        .command("/usr/bin/Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp"])
        .stdout(file)
        .spawn()
        .unwrap();
    super::support::eventually(|| std::fs::read_to_string(&screen).is_ok_and(|t| t.ends_with('\n')));
    let number = std::fs::read_to_string(&screen).unwrap().trim().to_owned();
    session.set("DISPLAY", &format!(":{number}"));
    session.set("XDG_CURRENT_DESKTOP", "GNOME");
    let browser = session.program("fakebrowser");
    session.entry(
        "fakebrowser",
        &format!("Name=Fake Browser\nExec={browser} %u\nMimeType=x-scheme-handler/http;x-scheme-handler/https;"),
    );
    let indexed = session.command("/usr/bin/update-desktop-database").arg(session.at("data/applications")).status();
    assert!(indexed.unwrap().success());
    std::fs::write(
        session.at("config/mimeapps.list"),
        "[Default Applications]\nx-scheme-handler/https=fakebrowser.desktop\n",
    )
    .unwrap();
    session.start_buses(true);
    // It is started by whoever calls it first, which on a machine this slow may take longer than a question.
    let ready = || {
        let mut call = session.command("/usr/bin/dbus-send");
        call.args([
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.portal.Desktop",
            "/org/freedesktop/portal/desktop",
        ]);
        call.args(["org.freedesktop.DBus.Properties.Get", "string:org.freedesktop.portal.OpenURI", "string:version"]);
        call.status().unwrap().success()
    };
    super::support::eventually(ready);
    let world = session.world(DESKTOP);
    let answer = world.ask("open_url", URL);
    assert_eq!((&answer["status"], &answer["data"]["through"]), (&json!("ok"), &json!("portal")), "{answer}");
    assert_eq!(session.ran(), format!("fakebrowser|{URL}"));
    drop(world);
    for bus in &mut session.buses {
        drop(bus.kill());
        drop(bus.wait());
    }
    // What the bus started ends with it; the document portal's mount goes with its process.
    drop(xvfb.kill());
    drop(xvfb.wait());
    drop(session.command("/usr/bin/fusermount3").args(["-u", "-z"]).arg(session.at("run/doc")).status());
}
