//! The brightness, with logind played: it writes what it is told into the made-up sysfs, as the real one does.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::support::{DESKTOP, desktop_and, id_of};
use super::{Session, done, failed};

/// What logind was told: the subsystem, the name and the value.
type Told = Arc<Mutex<Vec<(String, String, u32)>>>;

/// The caller's session at logind.
struct Seat {
    backlights: PathBuf,
    refuses: Arc<AtomicBool>,
    told: Told,
}

#[zbus::interface(name = "org.freedesktop.login1.Session")]
impl Seat {
    fn set_brightness(&self, subsystem: String, name: String, value: u32) -> zbus::fdo::Result<()> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(zbus::fdo::Error::AccessDenied("Only owner of session may change brightness.".to_owned()));
        }
        std::fs::write(self.backlights.join(&name).join("brightness"), value.to_string()).unwrap();
        self.told.lock().unwrap().push((subsystem, name, value));
        Ok(())
    }
}

fn logind(session: &Session) -> (zbus::Connection, Arc<AtomicBool>, Told) {
    let (refuses, told) = (Arc::new(AtomicBool::new(false)), Told::default());
    let seat = Seat { backlights: session.at("sys/class/backlight"), refuses: refuses.clone(), told: told.clone() };
    let path = "/org/freedesktop/login1/session/auto";
    (session.play("system", "org.freedesktop.login1", path, seat), refuses, told)
}

#[test]
fn the_brightness_is_set_stepped_and_put_back_through_logind() {
    let Some(mut session) = Session::new() else { return };
    session.start_buses(false);
    let (_logind, _, told) = logind(&session);
    let file = session.backlight("intel_backlight", "500", "1000");
    let now = || std::fs::read_to_string(&file).unwrap();
    let world = session.world(DESKTOP);
    let set = world.ask("set_brightness", "73");
    done(&set, "Brightness set to 73 percent.");
    assert_eq!((now().as_str(), &set["data"]["before"]), ("730", &json!(50)));
    done(&world.ask("adjust_brightness", "-10"), "Brightness set to 63 percent.");
    done(&world.ask("undo", ""), "Brightness set to 73 percent.");
    done(&world.ask("set_brightness", "73"), "The brightness is already at 73 percent.");
    // The light stays on.
    done(&world.ask("set_brightness", "0"), "Brightness set to 1 percent, the lowest.");
    assert_eq!(now(), "10");
    done(&world.ask("adjust_brightness", "-10"), "The brightness is already at 1 percent, the lowest.");
    done(&world.ask("adjust_brightness", "+100"), "Brightness set to 100 percent, the highest.");
    let old = world.ask("undo", set["data"]["receipt"].as_str().unwrap());
    failed(&old, "confirmation_changed", "not the one that the change left");
    let told = told.lock().unwrap();
    assert!(
        told.iter().all(|(subsystem, name, _)| (subsystem.as_str(), name.as_str()) == ("backlight", "intel_backlight"))
    );
    assert_eq!(told.iter().map(|t| t.2).collect::<Vec<_>>(), [730, 630, 730, 10, 1000]);
}

#[test]
fn what_logind_refuses_and_what_is_not_there_are_told() {
    let Some(mut session) = Session::new() else { return };
    session.start_buses(false);
    let world = session.world(DESKTOP);
    failed(&world.ask("set_brightness", "40"), "unavailable", "backlight");
    let file = session.backlight("intel_backlight", "500", "1000");
    failed(&world.ask("set_brightness", "40"), "unavailable", "systemd-logind");
    let (_logind, refuses, _) = logind(&session);
    refuses.store(true, Ordering::SeqCst);
    let refused = world.ask("set_brightness", "40");
    failed(&refused, "not_authorized", "Only owner of session");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "500");
    refuses.store(false, Ordering::SeqCst);
    done(&world.ask("set_brightness", "40"), "Brightness set to 40 percent.");
}

#[test]
fn a_person_sees_the_screen_and_the_values() {
    let Some(mut session) = Session::new() else { return };
    session.start_buses(false);
    let (_logind, ..) = logind(&session);
    session.backlight("intel_backlight", "3", "7");
    let world =
        session.world(&desktop_and("[[rule]]\nid = \"ask\"\nactions = [\"set_brightness\"]\ndecision = \"confirm\"\n"));
    let held = world.ask("set_brightness", "80");
    let summary = "Set brightness of intel_backlight from 43 % to 86 %";
    assert_eq!(held["preview"]["summary"], summary, "{held}");
    done(&world.ask("confirm", &id_of(&held)), "Brightness set to 86 percent, the nearest that there is.");
    done(&world.ask("adjust_brightness", "-1"), "Brightness set to 71 percent, the nearest that there is.");
}
