//! Apps: which is meant, and the three ways in which one is started.

use std::sync::{Arc, Mutex};

use serde_json::json;
use zbus::object_server::SignalEmitter;
use zbus::{OwnedObjectPath, OwnedVariant};

use super::support::{DESKTOP, desktop_and};
use super::{Session, done, failed};

#[test]
fn an_app_is_started_by_its_name_and_never_one_with_a_near_name() {
    let Some(mut session) = Session::new() else { return };
    session.start_buses(false);
    let program = session.program("fakeapp");
    session.entry("fake-app", &format!("Name=Fake App\nExec={program} \"a b\" $HOME ; %u"));
    session.entry("files-one", "Name=Files\nExec=fakeapp one");
    session.entry("files-two", "Name=Files\nExec=fakeapp two");
    let world = session.world(DESKTOP);
    failed(&world.ask("open_app", "fake"), "failed", "did you mean Fake App (`fake-app`)?");
    failed(&world.ask("open_app", "fakeapp"), "failed", "`fakeapp`");
    let answer = world.ask("open_app", "fake app");
    done(&answer, "Started Fake App.");
    assert_eq!((&answer["data"]["app"], &answer["data"]["through"]), (&json!("fake-app"), &json!("direct")));
    assert_eq!(session.ran(), "fakeapp|a b|$HOME|;");

    let both = world.ask("open_app", "files");
    failed(&both, "ambiguous", "Files (`files-one`) and Files (`files-two`)");
    std::fs::remove_file(session.at("ran")).unwrap();
    done(&world.line(&both["data"]["readings"][1].to_string()), "Started Files.");
    assert_eq!(session.ran(), "fakeapp|two");
}

#[test]
fn rules_see_the_id_under_whatever_name_it_was_asked_for() {
    let Some(mut session) = Session::new() else { return };
    session.start_buses(false);
    session.program("fakeapp");
    session.entry("org.example.Danger", "Name=Nice App\nGenericName=Toy\nExec=fakeapp");
    let world = session.world(&desktop_and(
        "[[rule]]\nid = \"danger\"\nactions = [\"open_app\"]\nargs.app = { in = [\"org.example.Danger\"] }\ndecision = \"deny\"\n",
    ));
    for name in ["org.example.Danger", "nice app", "Toy", "danger"] {
        let answer = world.ask("open_app", name);
        assert_eq!((&answer["status"], &answer["policy"]["rule"]), (&json!("deny"), &json!("danger")), "{answer}");
    }
    assert!(!session.at("ran").exists());
}

#[test]
fn a_person_sees_the_command_and_a_changed_one_is_not_started() {
    let Some(mut session) = Session::new() else { return };
    session.start_buses(false);
    let program = session.program("fakeapp");
    session.program("other");
    session.entry("fake-app", "Name=Fake App\nExec=fakeapp --safe");
    let world =
        session.world(&desktop_and("[[rule]]\nid = \"ask\"\nactions = [\"open_app\"]\ndecision = \"confirm\"\n"));
    let held = world.ask("open_app", "fake app");
    assert_eq!(held["preview"]["summary"], "Start Fake App (fake-app)", "{held}");
    assert_eq!(held["preview"]["effects"][0]["to"], json!(format!("{program} --safe")), "{held}");
    session.entry("fake-app", "Name=Fake App\nExec=other --bad");
    let id = super::support::id_of(&held);
    failed(&world.ask("confirm", &id), "confirmation_changed", "");
    assert!(!session.at("ran").exists());
}

#[test]
fn what_cannot_be_started_is_an_error_and_nothing_is_without_a_screen() {
    let Some(mut session) = Session::new() else { return };
    session.start_buses(false);
    session.entry("gone", "Name=Gone\nExec=/no/such/program");
    session.entry("fails", "Name=Fails\nExec=false");
    session.entry("fine", "Name=Fine\nExec=true");
    let world = session.world(DESKTOP);
    failed(&world.ask("open_app", "gone"), "unavailable", "`/no/such/program` of `gone` is not installed");
    failed(&world.ask("open_app", "fails"), "failed", "ended at once with an error");
    done(&world.ask("open_app", "fine"), "Started Fine.");
    session.set("DISPLAY", "");
    let world = session.world(DESKTOP);
    failed(&world.ask("open_app", "fine"), "unavailable", "no desktop session");
}

/// An app that starts itself.
struct App(Arc<Mutex<u32>>);

#[zbus::interface(name = "org.freedesktop.Application")]
impl App {
    fn activate(&self, _platform: std::collections::HashMap<String, OwnedVariant>) {
        *self.0.lock().unwrap() += 1;
    }
}

#[test]
fn an_app_that_starts_itself_is_called_on_the_bus_and_started_by_its_command_where_it_is_not_there() {
    let Some(mut session) = Session::new() else { return };
    session.start_buses(false);
    session.program("fakeapp");
    session.entry("org.example.My-App", "Name=My App\nExec=fakeapp\nDBusActivatable=true");
    let world = session.world(DESKTOP);
    let answer = world.ask("open_app", "my app");
    assert_eq!(answer["data"]["through"], "direct", "{answer}");
    assert_eq!(session.ran(), "fakeapp");
    let called = Arc::default();
    let _app = session.play("session", "org.example.My-App", "/org/example/My_App", App(Arc::clone(&called)));
    let answer = world.ask("open_app", "my app");
    assert_eq!(answer["data"]["through"], "dbus", "{answer}");
    assert_eq!(*called.lock().unwrap(), 1);
}

type Unit = (String, Vec<(String, OwnedVariant)>);

/// The user's systemd.
struct Manager {
    started: Arc<Mutex<Vec<Unit>>>,
    /// Whether it knows `ExitType`.
    new: bool,
}

#[zbus::interface(name = "org.freedesktop.systemd1.Manager")]
impl Manager {
    #[allow(clippy::type_complexity, reason = "the signature of the interface")]
    async fn start_transient_unit(
        &self,
        name: String,
        _mode: String,
        properties: Vec<(String, OwnedVariant)>,
        _aux: Vec<(String, Vec<(String, OwnedVariant)>)>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<OwnedObjectPath> {
        if !self.new && properties.iter().any(|(n, _)| n == "ExitType") {
            return Err(zbus::fdo::Error::PropertyReadOnly("Cannot set property ExitType".to_owned()));
        }
        let result = if name.contains("broken") { "failed" } else { "done" };
        self.started.lock().unwrap().push((name.clone(), properties));
        let path = |n: u32| OwnedObjectPath::try_from(format!("/org/freedesktop/systemd1/job/{n}")).unwrap();
        // That of another job first; and before the answer, as it may happen.
        emitter.job_removed(6, path(6), "other.service".to_owned(), "failed".to_owned()).await?;
        emitter.job_removed(7, path(7), name, result.to_owned()).await?;
        Ok(path(7))
    }

    #[zbus(property)]
    fn environment(&self) -> Vec<String> {
        vec!["WAYLAND_DISPLAY=wayland-0".to_owned()]
    }

    #[zbus(signal)]
    async fn job_removed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        job: OwnedObjectPath,
        unit: String,
        result: String,
    ) -> zbus::Result<()>;
}

#[test]
fn where_the_users_systemd_knows_the_screen_an_app_is_a_unit_of_it() {
    for new in [true, false] {
        let Some(mut session) = Session::new() else { return };
        session.start_buses(false);
        let program = session.program("fakeapp");
        session.entry("fake-app", "Name=Fake App\nExec=fakeapp ${HOME} %c\nPath=/tmp");
        session.entry("broken", "Name=Broken\nExec=fakeapp");
        let started: Arc<Mutex<Vec<Unit>>> = Arc::default();
        let manager = Manager { started: started.clone(), new };
        let _manager = session.play("session", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", manager);
        let world = session.world(DESKTOP);
        let answer = world.ask("open_app", "fake-app");
        done(&answer, "Started Fake App.");
        assert_eq!(answer["data"]["through"], "systemd", "{answer}");
        failed(&world.ask("open_app", "broken"), "failed", "could not be executed (systemd says `failed`");

        let started = started.lock().unwrap();
        let (name, properties) = &started[0];
        assert_eq!(answer["data"]["unit"], json!(name));
        assert!(name.starts_with("app-steward-fake\\x2dapp@") && name.ends_with(".service"), "{name}");
        let text =
            |key: &str| properties.iter().find(|(n, _)| n == key).map(|(_, v)| v.to_string()).unwrap_or_default();
        for (key, value) in [
            ("Type", "exec"),
            ("Slice", "app.slice"),
            ("CollectMode", "inactive-or-failed"),
            ("Description", "Fake App"),
            ("WorkingDirectory", "-/tmp"),
            ("ExecStart", &program),
            ("ExecStart", "$${HOME}"),
            if new { ("ExitType", "cgroup") } else { ("KillMode", "process") },
        ] {
            assert!(text(key).contains(value), "{key} is {}", text(key));
        }
        assert!(!session.at("ran").exists(), "it is systemd's to start it");
    }
}
