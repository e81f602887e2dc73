//! Starting a program of the desktop so that it is no child of this agent: as a unit of the user's systemd where that knows the person's
//! screen, else as a process in a session of its own. Its environment is the session's, never the request's.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::backend::bus::{Bus, BusError};
use crate::backend::dbus::systemd1::{self, Started, UserManager};
use crate::backend::spawn::{self, Job, Program, SpawnError};

/// How long a program that was started directly is watched for an error at once: a missing library, no screen.
const EARLY_END: Duration = Duration::from_millis(300);
/// Where the output of a program goes that was started directly.
const NOWHERE: &str = "/dev/null";

/// The variables that say where the person's screen is.
const DISPLAYS: [&str; 2] = ["WAYLAND_DISPLAY", "DISPLAY"];
/// The variables of a session that its programs need, beside those that begin with one of [`PREFIXES`].
const VARIABLES: [&str; 22] = [
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "WAYLAND_DISPLAY",
    "DISPLAY",
    "XAUTHORITY",
    "DBUS_SESSION_BUS_ADDRESS",
    "DESKTOP_SESSION",
    "BROWSER",
    "GTK_IM_MODULE",
    "QT_IM_MODULE",
    "XMODIFIERS",
    "QT_QPA_PLATFORM",
    "GDK_BACKEND",
    "SSH_AUTH_SOCK",
    "PULSE_SERVER",
];
/// See [`VARIABLES`].
const PREFIXES: [&str; 2] = ["LC_", "XDG_"];

/// A program to be started.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// What it is for programs: a desktop file id, or the name of the program.
    pub id: &'a str,
    /// What it is for people.
    pub title: &'a str,
    /// The absolute program and its arguments.
    pub argv: &'a [String],
    /// The folder to start in; the person's home when there is none.
    pub folder: Option<&'a Path>,
}

/// How a program was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Through {
    /// As this unit of the user's systemd.
    Systemd(String),
    /// As a process of its own.
    Direct,
}

/// Why a program was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Neither the user's systemd nor this process knows a screen.
    #[error(
        "no desktop session of this user is known here, so nothing can be shown; run the user service in the desktop session"
    )]
    NoDesktop,
    /// It could not be executed, or ended with an error at once.
    #[error("{0}")]
    Failed(String),
    /// The user's systemd did not do it.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// What starts programs of a session.
#[derive(Clone, Debug)]
pub struct Starter {
    environment: Vec<(OsString, OsString)>,
}

impl Starter {
    /// With the environment of this process, of which only what a session's programs need is handed on.
    pub fn of_this_session() -> Starter {
        Starter::with(std::env::vars_os())
    }

    /// With this environment.
    pub fn with(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Starter {
        let needed = |name: &OsStr| {
            let name = name.to_str().unwrap_or_default();
            VARIABLES.contains(&name) || PREFIXES.iter().any(|p| name.starts_with(p))
        };
        Starter { environment: environment.into_iter().filter(|(name, _)| needed(name)).collect() }
    }

    /// Whether this process knows a screen.
    pub fn has_display(&self) -> bool {
        self.environment.iter().any(|(name, value)| DISPLAYS.iter().any(|d| name == d) && !value.is_empty())
    }

    /// Starts a program and returns when it is executed.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(&self, bus: &Bus, order: &Order<'_>) -> Result<Through, StartError> {
        match UserManager(bus).environment().await {
            Ok(environment) if shows(&environment) => self.in_unit(bus, order).await,
            // A manager that was not told of the screen: what it starts could show nothing.
            Ok(_) | Err(BusError::NoBus { .. } | BusError::NoService { .. }) if self.has_display() => {
                self.directly(order).await
            }
            Ok(_) | Err(BusError::NoBus { .. } | BusError::NoService { .. }) => Err(StartError::NoDesktop),
            Err(e) => Err(e.into()),
        }
    }

    async fn in_unit(&self, bus: &Bus, order: &Order<'_>) -> Result<Through, StartError> {
        let (_, random) = uuid::Uuid::new_v4().as_u64_pair();
        let unit = systemd1::unit_name(order.id, random);
        let folder = order.folder.and_then(Path::to_str);
        let program = systemd1::Program { unit: &unit, description: order.title, argv: order.argv, folder };
        match UserManager(bus).start(&program).await? {
            Started::Yes => Ok(Through::Systemd(unit)),
            Started::No(result) => Err(StartError::Failed(format!(
                "`{}` could not be executed (systemd says `{result}`; `journalctl --user -u '{unit}'` may say more)",
                order.argv.first().map(String::as_str).unwrap_or_default(),
            ))),
        }
    }

    async fn directly(&self, order: &Order<'_>) -> Result<Through, StartError> {
        let failed = |e: SpawnError| StartError::Failed(e.to_string());
        let [program, args @ ..] = order.argv else {
            return Err(StartError::Failed("there is no program".to_owned()));
        };
        let home = self.environment.iter().find(|(name, _)| name == "HOME").map(|(_, home)| PathBuf::from(home));
        let folder = [order.folder.map(Path::to_owned), home].into_iter().flatten().find(|f| f.is_dir());
        let mut job = Job::in_session(Program::new(program).map_err(failed)?, &self.environment).args(args);
        if let Some(folder) = folder {
            job = job.folder(folder);
        }
        let mut started = spawn::spawn_detached(&job, Path::new(NOWHERE)).map_err(failed)?;
        match tokio::time::timeout(EARLY_END, started.wait()).await {
            Ok(Ok(Some(status))) if !status.success() => {
                Err(StartError::Failed(format!("`{program}` ended at once with an error ({status})")))
            }
            _ => Ok(Through::Direct),
        }
    }
}

/// Whether an environment, as `NAME=value`, knows a screen.
fn shows(environment: &[String]) -> bool {
    let display = |line: &String| line.split_once('=').is_some_and(|(n, v)| DISPLAYS.contains(&n) && !v.is_empty());
    environment.iter().any(display)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starter(rows: &[(&str, &str)]) -> Starter {
        Starter::with(rows.iter().map(|(n, v)| (OsString::from(n), OsString::from(v))))
    }

    async fn start(starter: &Starter, argv: &[&str]) -> Result<Through, StartError> {
        let argv: Vec<String> = argv.iter().map(|a| (*a).to_owned()).collect();
        starter.start(&Bus::nowhere(), &Order { id: "x", title: "X", argv: &argv, folder: None }).await
    }

    #[test]
    fn a_screen_is_known_by_its_variables() {
        assert!(shows(&["A=b".into(), "WAYLAND_DISPLAY=wayland-0".into()]));
        assert!(!shows(&["DISPLAY=".into(), "XDISPLAY=:0".into()]));
        assert!(starter(&[("DISPLAY", ":0")]).has_display());
        assert!(!starter(&[("DISPLAY", ""), ("HOME", "/")]).has_display());
    }

    #[tokio::test]
    async fn a_program_gets_the_sessions_variables_its_arguments_as_they_are_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("out");
        let session = starter(&[
            ("DISPLAY", ":9"),
            ("HOME", &folder.path().to_string_lossy()),
            ("XDG_DATA_HOME", "/d"),
            ("STEWARD_SOCKET", "/s"),
            ("LD_PRELOAD", "/evil.so"),
            ("NOTIFY_SOCKET", "/n"),
        ]);
        let script =
            "env > \"$1.part\"; echo \"arg=$2\" >> \"$1.part\"; echo \"in=$PWD\" >> \"$1.part\"; mv \"$1.part\" \"$1\"";
        let argv = ["/bin/sh", "-c", script, "sh", &out.to_string_lossy(), "$(id) ; rm -rf ~"];
        assert_eq!(start(&session, &argv).await.expect("it starts"), Through::Direct);
        let until = std::time::Instant::now() + Duration::from_secs(30);
        while !out.exists() && std::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let text = std::fs::read_to_string(&out).expect("it ran");
        for line in ["DISPLAY=:9", "XDG_DATA_HOME=/d", "arg=$(id) ; rm -rf ~"] {
            assert!(text.lines().any(|l| l == line), "{line} in {text}");
        }
        assert!(text.contains(&format!("in={}", folder.path().display())), "{text}");
        for other in ["STEWARD", "LD_PRELOAD", "NOTIFY", "CARGO"] {
            assert!(!text.contains(other), "{other} in {text}");
        }
    }

    #[tokio::test]
    async fn without_a_screen_nothing_is_started_and_an_error_at_once_is_one() {
        assert!(matches!(start(&starter(&[]), &["/bin/true"]).await, Err(StartError::NoDesktop)));
        let session = starter(&[("DISPLAY", ":9")]);
        for argv in [["/bin/false"], ["/nonexistent"], ["relative"]] {
            let error = start(&session, &argv).await.expect_err("it cannot be started");
            assert!(matches!(error, StartError::Failed(_)), "{error:?}");
        }
        assert_eq!(start(&session, &["/bin/true"]).await.expect("it starts"), Through::Direct);
    }
}
