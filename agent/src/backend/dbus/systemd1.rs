//! systemd's Manager, the machine's and the user's: its interface, the ends of its jobs, programs in units of their own. What is known
//! and done of units by their names stands in `units`.
//! org.freedesktop.systemd1(5), systemd.exec(5), and for names and slices of apps <https://systemd.io/DESKTOP_ENVIRONMENTS/>.

use std::time::Duration;

use zbus::{OwnedObjectPath, Variant};

use super::{at, next, the};
use crate::backend::bus::{Bus, BusError, Service, Side, clean};

/// The service.
pub static USER_MANAGER: Service = Service {
    title: "The user's systemd",
    name: "org.freedesktop.systemd1",
    side: Side::Session,
    get: "run Steward in a session of systemd (`systemctl --user` must work there)",
};

/// The machine's.
pub static SYSTEM_MANAGER: Service = Service {
    title: "The machine's systemd",
    name: "org.freedesktop.systemd1",
    side: Side::System,
    get: "a machine is needed that systemd has started",
};

/// How long systemd may take to queue a unit: it answers before the unit is started.
const QUEUE: Duration = Duration::from_secs(20);

/// How long a program may take until it is executed, or the manager until it says that it cannot be.
const START: Duration = Duration::from_secs(10);

/// The longest name of a unit, in bytes (`UNIT_NAME_MAX` of systemd).
const MAX_UNIT: usize = 255;

type Properties<'a> = Vec<(&'a str, Variant<'a>)>;

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
pub(super) trait Manager {
    fn get_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
    fn load_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn stop_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn restart_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    #[allow(clippy::type_complexity, reason = "the signature of the interface")]
    fn start_transient_unit(
        &self,
        name: &str,
        mode: &str,
        properties: &[(&str, Variant<'_>)],
        aux: &[(&str, &[(&str, Variant<'_>)])],
    ) -> zbus::Result<OwnedObjectPath>;
    #[allow(clippy::type_complexity, reason = "the signature of the interface")]
    fn enable_unit_files(
        &self,
        files: &[&str],
        runtime: bool,
        force: bool,
    ) -> zbus::Result<(bool, Vec<(String, String, String)>)>;
    fn disable_unit_files(&self, files: &[&str], runtime: bool) -> zbus::Result<Vec<(String, String, String)>>;
    fn get_unit_file_state(&self, file: &str) -> zbus::Result<String>;
    fn set_unit_properties(&self, name: &str, runtime: bool, properties: &[(&str, Variant<'_>)]) -> zbus::Result<()>;
    fn reload(&self) -> zbus::Result<()>;
    #[zbus(property)]
    fn version(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn control_group(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn environment(&self) -> zbus::Result<Vec<String>>;
    #[zbus(signal)]
    fn job_removed(&self, id: u32, job: OwnedObjectPath, unit: String, result: String) -> zbus::Result<()>;
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEnd {
    /// Its number.
    pub id: u32,
    /// systemd's word: `done`, `failed`, `dependency`, `timeout`, `canceled`, `skipped` and others.
    pub result: String,
}

/// Waits for the end of a job; none when the connection has ended before. `ended` is from before the call that made the job, so that
/// its end is not missed.
pub(super) async fn end_of(mut ended: JobRemovedStream, job: OwnedObjectPath) -> Option<JobEnd> {
    while let Some(signal) = next(&mut ended).await {
        let Ok(args) = signal.args() else { continue };
        if args.job == job {
            return Some(JobEnd { id: args.id, result: clean(&args.result) });
        }
    }
    None
}

#[zbus::proxy(interface = "org.freedesktop.systemd1.Unit", default_service = "org.freedesktop.systemd1")]
trait Unit {
    #[zbus(property)]
    fn active_state(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn job(&self) -> zbus::Result<(u32, OwnedObjectPath)>;
}

/// A program to be started.
#[derive(Clone, Debug)]
pub struct Program<'a> {
    /// The name of its unit, from [`unit_name`].
    pub unit: &'a str,
    /// What it is, for people.
    pub description: &'a str,
    /// The absolute program and its arguments.
    pub argv: &'a [String],
    /// The folder to start in; the person's home when there is none.
    pub folder: Option<&'a str>,
}

/// How starting a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
    /// It was executed.
    Yes,
    /// It was not: the result of the job, such as `failed`.
    No(String),
}

/// The user's systemd on the session bus.
#[derive(Clone, Copy, Debug)]
pub struct UserManager<'a>(pub &'a Bus);

impl UserManager<'_> {
    /// The environment of what it starts, as `NAME=value`.
    ///
    /// # Errors
    /// What an error means stands at [`BusError`].
    pub async fn environment(&self) -> Result<Vec<String>, BusError> {
        self.0.ask(&USER_MANAGER, async |bus| the::<ManagerProxy<'_>>(bus).await?.environment().await).await
    }

    /// Starts a program in a transient unit, with the user manager's environment, and waits until it was executed. What it started goes on
    /// when it ends.
    ///
    /// # Errors
    /// What an error means stands at [`BusError`].
    pub async fn start(&self, program: &Program<'_>) -> Result<Started, BusError> {
        // Browsers and openers end while what they started goes on: the unit ends with the last of its processes.
        let whole = self.start_with(program, ("ExitType", Variant::from("cgroup"))).await;
        match whole {
            // Before systemd 250 there is no `ExitType`; then what is left is at least not killed.
            Err(BusError::Said { ref name, .. }) if UNKNOWN_PROPERTY.contains(&name.as_str()) => {
                self.start_with(program, ("KillMode", Variant::from("process"))).await
            }
            other => other,
        }
    }

    async fn start_with(&self, program: &Program<'_>, ends: (&str, Variant<'_>)) -> Result<Started, BusError> {
        self.0
            .change(&USER_MANAGER, START, async |bus| {
                let manager: ManagerProxy<'_> = the(bus).await?;
                let ended = manager.receive_job_removed().await?;
                let path = program.argv.first().map(String::as_str).unwrap_or_default();
                let command = vec![(path, literal(program.argv), false)];
                let mut properties: Properties<'_> = vec![
                    ("Description", Variant::from(program.description)),
                    // Ready when the program is executed, failed when it cannot be.
                    ("Type", Variant::from("exec")),
                    ("ExecStart", Variant::from(command)),
                    ("CollectMode", Variant::from("inactive-or-failed")),
                    ("Slice", Variant::from("app.slice")),
                    (ends.0, ends.1.clone()),
                ];
                // `~` is the home folder (systemd.exec(5)); with `-` a folder that is not there is no error.
                let folder = program.folder.map_or_else(|| "~".to_owned(), |f| format!("-{f}"));
                properties.push(("WorkingDirectory", Variant::from(folder)));
                let job = manager.start_transient_unit(program.unit, "fail", &properties, &[]).await?;
                match end_of(ended, job).await {
                    Some(end) if end.result == "done" => Ok(Started::Yes),
                    Some(end) => Ok(Started::No(end.result)),
                    None => Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted).into()),
                }
            })
            .await
    }
}

/// Arguments that systemd leaves as they are. It fills variables into those of `ExecStart` (systemd.service(5), "Command lines"), which would
/// put the person's environment into an address that somebody else wrote; `$$` is a plain `$`.
fn literal(argv: &[String]) -> Vec<String> {
    argv.iter().map(|arg| arg.replace('$', "$$")).collect()
}

/// Has the machine's systemd start a unit. It is begun when this returns, or is about to be.
///
/// # Errors
/// What an error means stands at [`BusError`]; polkit's no is [`BusError::Refused`].
pub async fn start(bus: &Bus, unit: &str) -> Result<(), BusError> {
    let order = async |bus: &zbus::Connection| the::<ManagerProxy<'_>>(bus).await?.start_unit(unit, "fail").await;
    bus.change(&SYSTEM_MANAGER, QUEUE, order).await.map(drop)
}

/// Whether a unit of the machine runs, or is about to. No only where systemd itself says so: it knows no such unit, or one that has
/// ended. A systemd that is not on the bus, because one of the two is started again, has said nothing.
///
/// # Errors
/// What an error means stands at [`BusError`]; nothing is known of the unit then. Ask again.
pub async fn runs(bus: &Bus, unit: &str) -> Result<bool, BusError> {
    let question = async |bus: &zbus::Connection| {
        let path = the::<ManagerProxy<'_>>(bus).await?.get_unit(unit).await?;
        let unit = at::<UnitProxy<'_>>(bus, path).await?;
        let (job, _) = unit.job().await?;
        let state = unit.active_state().await?;
        Ok(job != 0 || !matches!(state.as_str(), "inactive" | "failed"))
    };
    match bus.ask(&SYSTEM_MANAGER, question).await {
        // systemd forgets units that have ended. One that is forgotten between the two questions is told the next time.
        Err(BusError::Said { name, .. }) if name == "org.freedesktop.systemd1.NoSuchUnit" => Ok(false),
        other => other,
    }
}

/// The errors under which managers refuse a property that they do not know.
const UNKNOWN_PROPERTY: [&str; 2] =
    ["org.freedesktop.DBus.Error.PropertyReadOnly", "org.freedesktop.DBus.Error.UnknownProperty"];

/// The name of the unit of an app: `app-steward-ID@RANDOM.service`, with the id escaped as `systemd-escape` does.
pub fn unit_name(app: &str, random: u64) -> String {
    let mut name = String::from("app-steward-");
    let end = format!("@{random:016x}.service");
    for byte in app.bytes() {
        let piece = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("\\x{other:02x}"),
        };
        if name.len() + piece.len() + end.len() > MAX_UNIT {
            break;
        }
        name.push_str(&piece);
    }
    name + &end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_variable_is_filled_into_an_argument() {
        let argv = ["/usr/bin/xdg-open", "https://example.com/?q=${HOME}", "$HOME", "$$", "100 %"].map(str::to_owned);
        let safe = ["/usr/bin/xdg-open", "https://example.com/?q=$${HOME}", "$$HOME", "$$$$", "100 %"];
        assert_eq!(literal(&argv), safe);
    }

    #[test]
    fn the_unit_of_an_app_has_its_id_escaped_and_fits() {
        assert_eq!(unit_name("org.gnome.Calculator", 7), "app-steward-org.gnome.Calculator@0000000000000007.service");
        assert_eq!(unit_name("firefox-esr", 255), "app-steward-firefox\\x2desr@00000000000000ff.service");
        assert_eq!(unit_name("é@/", 0), "app-steward-\\xc3\\xa9\\x40\\x2f@0000000000000000.service");
        assert!(unit_name(&"-".repeat(300), 0).len() <= MAX_UNIT);
    }
}
