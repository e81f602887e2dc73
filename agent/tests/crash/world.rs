//! A daemon of our own: its folder, its policy, its life and its end.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use steward_agent::caller::{Caller, Door};
use steward_agent::clock::Clock;
use steward_agent::gate::grants::{Grant, offers};
use steward_agent::gate::judge::Subject;
use steward_agent::gate::record::{Approver, Asker, Needs};
use steward_agent::store::{Durability, Log, private_folder};
use steward_ipc::{Client, Request, Response};
use steward_policy::{Assurance, GrantLength, OwnedArg, Risk};
use uuid::Uuid;

/// Longer than anything here takes on a slow machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Notes that begin with `ask` are asked about; the grant in [`World::give_grant`] covers one of them.
const POLICY: &str = r#"
version = 1

[defaults]
unmatched = "deny"
confirm   = { assurance = "requester", ttl = "5m", grants = ["once", "until_revoked"] }

[risk]
observe     = "ok"
low         = "ok"
reversible  = "ok"
disruptive  = "confirm"
destructive = "confirm"
critical    = "deny"

[[rule]]
id       = "note.ask"
actions  = ["remember"]
decision = "confirm"
why      = "A person wants to know."
args.text = { glob = "ask *" }
"#;

/// The grant that a world has after [`World::give_grant`].
pub(crate) const GRANT: &str = "6fb2c1de-3f51-4b0c-9d3e-5a8f00c0ffee";

/// A folder with everything that a daemon needs.
pub(crate) struct World {
    _folder: Option<tempfile::TempDir>,
    pub(crate) root: PathBuf,
    pub(crate) state: PathBuf,
    pub(crate) socket: PathBuf,
}

impl World {
    pub(crate) fn new() -> World {
        World::with("")
    }

    /// A folder whose configuration has these lines more.
    pub(crate) fn with(config: &str) -> World {
        // In memory where that is possible: being killed does not lose what was written, so the disk adds nothing but time.
        let shm = Path::new("/dev/shm");
        let folder = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap();
        let mut world = World::at(folder.path().to_owned(), config);
        world._folder = Some(folder);
        world
    }

    pub(crate) fn at(root: PathBuf, config: &str) -> World {
        std::fs::write(root.join("policy.toml"), POLICY).unwrap();
        let quotas = "[confirm]\nper_uid = 1000\nper_caller = 1000\n";
        std::fs::write(root.join("config.toml"), format!("version = 1\n{quotas}{config}\n")).unwrap();
        World { _folder: None, state: root.join("state"), socket: root.join("socket"), root }
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stewardd"));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.root.join("log")).unwrap();
        command
            .env_clear()
            .env("HOME", &self.root)
            .env("STEWARD_LOG", "info")
            .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
            .arg("--socket")
            .arg(&self.socket)
            .arg("--state-dir")
            .arg(&self.state)
            .arg("--policy")
            .arg(self.root.join("policy.toml"))
            .arg("--config")
            .arg(self.root.join("config.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        command
    }

    /// Starts a daemon with these settings of the environment; it may be dead already when this returns.
    pub(crate) fn start_with(&self, env: &[(&str, &str)]) -> Daemon {
        let mut command = self.command();
        command.envs(env.iter().copied());
        // What a killed daemon left behind must not be taken for the new one's.
        let _stale = std::fs::remove_file(&self.socket);
        let mut daemon = Daemon { child: command.spawn().unwrap(), socket: self.socket.clone() };
        let until = Instant::now() + LONG;
        while daemon.ended().is_none() && daemon.try_client().is_none() {
            assert!(Instant::now() < until, "the daemon did not start:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(1));
        }
        daemon
    }

    /// Starts a daemon that has to live.
    pub(crate) fn start(&self) -> Daemon {
        let mut daemon = self.start_with(&[]);
        assert_eq!(daemon.ended(), None, "the daemon did not start:\n{}", self.log());
        daemon
    }

    /// A standing approval for the note `ask granted`, as a person at the desk would have given it.
    pub(crate) fn give_grant(&self) {
        private_folder(&self.state).unwrap();
        let caller = Caller::this_process(Door::Ndjson);
        let asker = Asker::of(&caller);
        let facts = vec![("text", OwnedArg::Text("ask granted".to_owned()))];
        let policy = steward_policy::Policy::load(Vec::new(), &steward_agent::action::for_policy::ForPolicy).unwrap();
        let subject = Subject { action: "remember", risk: Risk::Low, facts };
        let (scope, covers) = offers(&[subject], &policy).remove(0);
        let now = Clock::system().now();
        let grants = vec![GrantLength::Once, GrantLength::UntilRevoked];
        let approver = Approver {
            uid: asker.uid,
            pid: 1,
            exe: None,
            door: Door::Ndjson,
            assurance: Assurance::Desktop,
            approver_same_uid: true,
        };
        let grant = Grant {
            id: Uuid::try_parse(GRANT).unwrap(),
            owner: asker.uid,
            door: Door::Ndjson,
            unit: asker.unit,
            action: "remember".to_owned(),
            scope,
            covers,
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            length: GrantLength::UntilRevoked,
            session: None,
            connection: None,
            needs: Needs { assurance: Assurance::Requester, ttl: 300, grants, preview: false },
            approver,
            boot_id: now.boot_id.to_string(),
            boot_ms: now.boot_ms,
            wall_ms: now.wall_ms,
            uses: 0,
        };
        let log = Log::open(&self.state.join("journal.jsonl"), |_| Ok(())).unwrap();
        log.append("grant", &grant, Durability::Synced).wait().unwrap();
        log.stop();
    }

    /// Whether a daemon answers.
    pub(crate) fn is_alive(&self) -> bool {
        std::os::unix::net::UnixStream::connect(&self.socket).is_ok()
    }

    /// What the daemons of this folder said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.root.join("log")).unwrap_or_default()
    }
}

/// A daemon that runs; killed when it is dropped.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    socket: PathBuf,
}

impl Daemon {
    pub(crate) fn try_client(&self) -> Option<Client> {
        let mut client = Client::connect(&self.socket).ok()?;
        client.set_timeout(Some(LONG)).ok()?;
        Some(client)
    }

    pub(crate) fn client(&self) -> Client {
        self.try_client().expect("the daemon listens")
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// SIGKILL, unless it is dead already.
    pub(crate) fn kill(&mut self) {
        let _dead = self.child.kill();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Asks for an action with arguments.
pub(crate) fn ask(client: &mut Client, name: &str, args: Value) -> Option<Response> {
    let Value::Object(args) = args else { panic!("arguments are an object") };
    client.request(&Request::with_args(name.to_owned(), args)).ok()
}

/// Asks, and the answer has to come.
pub(crate) fn must(client: &mut Client, name: &str, args: Value) -> Response {
    let shown = format!("{name} {args}");
    ask(client, name, args).unwrap_or_else(|| panic!("no answer to {shown}"))
}

/// A member of the data of an answer.
pub(crate) fn data(response: &Response, member: &str) -> Value {
    response.data.as_ref().map_or(Value::Null, |d| d[member].clone())
}

/// The state of a confirmation; one that is being looked into is waited for.
pub(crate) fn state_of(client: &mut Client, id: &str) -> (String, Response) {
    let state = |result: &Response| data(result, "state").as_str().unwrap_or_default().to_owned();
    let mut result = must(client, "result", json!({ "id": id }));
    if state(&result) == "executing" {
        result = must(client, "result", json!({ "id": id, "wait": 10 }));
    }
    (state(&result), result)
}
