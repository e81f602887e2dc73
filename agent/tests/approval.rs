//! No self-approval, with real processes: both sides connect to a real socket, and the kernel says who they are.
//!
//! The test binary starts itself again as requester and approver. Where a tool is missing a test says so and passes, unless
//! `STEWARD_TEST_REAL=1` makes that a failure. `STEWARD_TEST_SSH="ssh -tt …"` logs in at a server that is already there: run by
//! an ordinary user against root's own, it shows what an agent sees that may not read root's programs.

#![expect(clippy::disallowed_methods, reason = "the test arranges process trees; the daemon starts nothing here")]
#![expect(clippy::panic, reason = "helpers of tests")]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use steward_agent::caller::{Caller, Door};
use steward_agent::gate::approver::{Approval, Brokers, Chain, Refusal, may_approve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// How long a process may take to start and connect.
const PATIENCE: Duration = Duration::from_secs(60);
/// Set in a process that plays a part: the socket to connect to.
const SOCKET: &str = "STEWARD_APPROVAL_SOCKET";
/// What it says when it connects.
const PART: &str = "STEWARD_APPROVAL_PART";
/// A shell command that it runs after it has connected.
const THEN: &str = "STEWARD_APPROVAL_THEN";

/// Not a test: the body of the processes that the tests start.
#[test]
fn part() {
    let Ok(socket) = std::env::var(SOCKET) else { return };
    let mut stream = std::os::unix::net::UnixStream::connect(socket).expect("the test listens");
    stream.write_all(&[std::env::var(PART).expect("a part").as_bytes()[0]]).expect("the test reads");
    if let Ok(then) = std::env::var(THEN) {
        let done = Command::new("sh").args(["-c", &then]).env_remove(THEN).status().expect("a shell");
        assert!(done.success(), "{then}");
    }
    // Ends when the test does.
    let _ = stream.read(&mut [0]);
}

/// A socket, and the processes that connect to it.
struct Stage {
    folder: tempfile::TempDir,
    listener: UnixListener,
    kept: Vec<UnixStream>,
    children: Vec<Child>,
    cleanup: Vec<Vec<String>>,
}

impl Stage {
    fn new() -> Stage {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("s")).expect("a socket");
        Stage { folder, listener, kept: Vec::new(), children: Vec::new(), cleanup: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The shell words that play a part, and `then` run something else below it.
    fn play(&self, part: &str, then: Option<&str>) -> String {
        let own = std::env::current_exe().expect("has a name");
        let then = then.map_or(String::new(), |then| format!("{THEN}={} ", quoted(then)));
        let socket = self.path("s");
        format!("{SOCKET}={} {PART}={part} {then}{} --exact part", socket.display(), own.display())
    }

    fn start(&mut self, words: &[&str]) {
        let child = Command::new(words[0])
            .args(&words[1..])
            .env_remove("TMUX")
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.children.push(child.unwrap_or_else(|e| panic!("{}: {e}", words[0])));
    }

    fn shell(&mut self, line: &str) {
        self.start(&["sh", "-c", line]);
    }

    /// Waits until `count` processes have connected; their parts and chains, sorted by part.
    async fn chains(&mut self, count: usize) -> Vec<(char, Chain)> {
        let mut found = Vec::new();
        while found.len() < count {
            let (mut stream, _) = tokio::time::timeout(PATIENCE, self.listener.accept())
                .await
                .expect("it connects in time")
                .expect("accepts");
            let mut part = [0];
            stream.read_exact(&mut part).await.expect("says its part");
            let stream = Arc::new(stream);
            let caller = Caller::from_peer(stream.clone(), Door::Ndjson, None).expect("credentials");
            let chain = Chain::of(&caller).expect("a living peer has a chain");
            drop(caller);
            // As the journal keeps it.
            let line = serde_json::to_string(&chain).expect("writes");
            found.push((char::from(part[0]), serde_json::from_str(&line).expect("reads")));
            self.kept.push(Arc::into_inner(stream).expect("nobody else has it"));
        }
        found.sort_by_key(|(part, _)| *part);
        found
    }

    /// The verdict on approver `a` answering requester `r`, which both connect now.
    async fn verdict(&mut self) -> Result<Approval, Refusal> {
        let chains = self.chains(2).await;
        let [('a', approver), ('r', requester)] = chains.as_slice() else { panic!("{chains:?}") };
        println!("requester {requester:?}\napprover {approver:?}");
        may_approve(requester, false, approver, &Brokers::shipped())
    }

    /// A terminal multiplexer with one pane for each of these commands.
    fn tmux(&mut self, panes: &[String]) {
        let socket = self.path("tmux");
        let socket = socket.to_str().expect("plain").to_owned();
        let base = ["tmux", "-S", &socket, "-f", "/dev/null"];
        self.cleanup.push([&base[..], &["kill-server"]].concat().iter().map(|s| s.to_string()).collect());
        for (at, pane) in panes.iter().enumerate() {
            let how: &[&str] = if at == 0 { &["new-session", "-d"] } else { &["split-window"] };
            let words = [&base[..], how, &[pane.as_str()]].concat();
            let done = Command::new(words[0]).args(&words[1..]).env_remove("TMUX").status().expect("tmux starts");
            assert!(done.success(), "{words:?}");
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.kept.clear();
        for words in &self.cleanup {
            let _ = Command::new(&words[0]).args(&words[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn quoted(words: &str) -> String {
    format!("'{}'", words.replace('\'', r"'\''"))
}

/// Whether these programs are there; says what is skipped if not.
fn has(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|p| !["/usr/bin", "/usr/sbin"].iter().any(|f| Path::new(f).join(p).exists()));
    let Some(missing) = missing else { return true };
    assert!(std::env::var("STEWARD_TEST_REAL").as_deref() != Ok("1"), "`{missing}` is not installed");
    println!("skipped: `{missing}` is not installed");
    false
}

/// Runs `then` below a requester in a pane and expects this refusal.
async fn below_a_requester_in_a_pane(then: impl Fn(&str) -> String, expected: &[Refusal]) {
    if !has(&["tmux", "script", "setsid"]) {
        return;
    }
    let mut stage = Stage::new();
    let approver = stage.play("a", None);
    let requester = stage.play("r", Some(&then(&approver)));
    stage.tmux(&[requester]);
    let verdict = stage.verdict().await;
    assert!(expected.iter().any(|refusal| verdict == Err(*refusal)), "{verdict:?}");
}

#[tokio::test]
async fn a_child_is_refused() {
    below_a_requester_in_a_pane(str::to_owned, &[Refusal::SameTerminal]).await;
}

#[tokio::test]
async fn a_setsid_child_is_refused() {
    below_a_requester_in_a_pane(|a| format!("setsid --wait env {a}"), &[Refusal::NoTerminal]).await;
}

#[tokio::test]
async fn a_child_with_a_terminal_of_its_own_is_refused() {
    let own = |a: &str| format!("script -qc {} /dev/null", quoted(a));
    below_a_requester_in_a_pane(own, &[Refusal::CommonAncestor]).await;
}

#[tokio::test]
async fn a_process_that_left_its_parents_with_a_terminal_of_its_own_is_refused() {
    // Nobody waits for it, so pid 1 or the user's manager becomes its parent; a parent that has not ended yet is refused too.
    let left = |a: &str| format!("(setsid script -qc {} /dev/null </dev/null >/dev/null 2>&1 &)", quoted(a));
    below_a_requester_in_a_pane(left, &[Refusal::NoBroker, Refusal::CommonAncestor, Refusal::SameService]).await;
}

#[tokio::test]
async fn the_parent_shell_and_the_same_pane_are_refused() {
    if !has(&["tmux"]) {
        return;
    }
    let mut stage = Stage::new();
    let pane = format!("env {} & env {}; wait", stage.play("r", None), stage.play("a", None));
    stage.tmux(&[format!("sh -c {}", quoted(&pane))]);
    assert_eq!(stage.verdict().await, Err(Refusal::SameTerminal));
    drop(stage);

    // The shell itself answers, after it became the approver.
    let mut stage = Stage::new();
    let pane = format!("env {} & exec env {}", stage.play("r", None), stage.play("a", None));
    stage.tmux(&[format!("exec sh -c {}", quoted(&pane))]);
    assert_eq!(stage.verdict().await, Err(Refusal::SameTerminal));
}

#[tokio::test]
async fn a_job_of_the_multiplexer_is_refused() {
    if !has(&["tmux", "script"]) {
        return;
    }
    let mut stage = Stage::new();
    let (requester, approver) = (stage.play("r", None), stage.play("a", None));
    stage.tmux(&[requester]);
    let socket = stage.path("tmux");
    let job = format!("script -qc {} /dev/null", quoted(&approver));
    stage.start(&["tmux", "-S", socket.to_str().expect("plain"), "run-shell", "-b", &job]);
    assert_eq!(stage.verdict().await, Err(Refusal::NoBroker));
}

#[tokio::test]
async fn another_pane_is_accepted() {
    if !has(&["tmux"]) {
        return;
    }
    let mut stage = Stage::new();
    let panes = [stage.play("r", None), stage.play("a", None)];
    stage.tmux(&panes);
    let approval = stage.verdict().await.expect("a person in another pane");
    assert_eq!((approval.same_uid, approval.broker.as_str()), (true, "/usr/bin/tmux"));
}

#[tokio::test]
async fn a_shell_in_another_pane_is_accepted_when_the_requester_is_gone() {
    if !has(&["tmux"]) {
        return;
    }
    let mut stage = Stage::new();
    // A second window keeps the server when the first ends.
    let (requester, approver) = (stage.play("r", None), stage.play("a", None));
    let keeper = stage.play("k", None);
    stage.tmux(&[keeper, requester]);
    let mut chains = stage.chains(2).await;
    let (_, requester) = chains.pop().expect("two connected");
    let socket = stage.path("tmux");
    let socket = socket.to_str().expect("plain").to_owned();
    stage.start(&["tmux", "-S", &socket, "new-window", &format!("sh -c {}", quoted(&format!("env {approver}; true")))]);
    let (_, approver) = stage.chains(1).await.pop().expect("one connected");
    assert!(approver.links.len() >= 4, "{approver:?}");
    may_approve(&requester, false, &approver, &Brokers::shipped()).map(drop).expect("a person in another pane");
}

#[tokio::test]
async fn a_multiplexer_inside_a_sandbox_is_refused() {
    if !has(&["tmux", "unshare"]) {
        return;
    }
    let sandbox = ["unshare", "--user", "--map-current-user"];
    if !Command::new(sandbox[0]).args(&sandbox[1..]).arg("true").status().is_ok_and(|status| status.success()) {
        println!("skipped: no user namespaces here");
        return;
    }
    let mut stage = Stage::new();
    let (requester, approver) = (stage.play("r", None), stage.play("a", None));
    stage.shell(&format!("exec env {requester}"));
    let inner = stage.path("inner");
    let inner = inner.to_str().expect("plain").to_owned();
    stage.cleanup.push(["tmux", "-S", &inner, "kill-server"].map(String::from).to_vec());
    stage.start(&[&sandbox[..], &["tmux", "-S", &inner, "-f", "/dev/null", "new-session", "-d", &approver]].concat());
    assert_eq!(stage.verdict().await, Err(Refusal::Sandboxed));
}

#[tokio::test]
async fn another_window_of_screen_is_accepted() {
    if !has(&["screen"]) {
        return;
    }
    let mut stage = Stage::new();
    let (requester, approver) = (stage.play("r", None), stage.play("a", None));
    let folder = stage.path("screens");
    fs::create_dir(&folder).expect("a folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("its owner");
    let config = stage.path("screenrc");
    fs::write(&config, format!("screen sh -c {}\nscreen sh -c {}\n", quoted(&requester), quoted(&approver)))
        .expect("a file");
    let screen = format!("SCREENDIR={} exec screen -c {}", folder.display(), config.display());
    stage.shell(&format!("{screen} -dmS steward"));
    let quit = format!("SCREENDIR={} exec screen -S steward -X quit", folder.display());
    stage.cleanup.push(["sh", "-c", &quit].map(String::from).to_vec());
    let verdict = stage.verdict().await;
    // Where it is set-gid, only root may see which program it is.
    if rustix::process::geteuid().is_root() {
        verdict.map(drop).expect("a person in another window");
    }
}

/// The words that log in by ssh: those of `STEWARD_TEST_SSH`, else for a server of our own on a free port.
fn ssh(stage: &mut Stage) -> Option<Vec<String>> {
    if let Ok(words) = std::env::var("STEWARD_TEST_SSH") {
        return Some(words.split_whitespace().map(String::from).collect());
    }
    if !has(&["sshd", "ssh", "ssh-keygen"]) {
        return None;
    }
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root's ssh server counts; name one in STEWARD_TEST_SSH");
        return None;
    }
    // The folder that its unprivileged part is locked into.
    let _ = fs::create_dir("/run/sshd");
    let path = |name: &str| stage.path(name).to_str().expect("plain").to_owned();
    let (host, key, pid) = (path("host"), path("key"), path("sshd.pid"));
    for file in [&host, &key] {
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", file]).status().expect("starts");
        assert!(made.success());
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("bound").port().to_string();
    drop(free);
    let config = path("sshd_config");
    let text = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nPidFile {pid}\nAuthorizedKeysFile {key}.pub\n\
         StrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nPrintMotd no\n"
    );
    fs::write(&config, text).expect("a file");
    let log = path("sshd.log");
    let up = Command::new("/usr/sbin/sshd").args(["-f", &config, "-E", &log]).status().expect("starts");
    assert!(up.success(), "{}", fs::read_to_string(&log).unwrap_or_default());
    // It leaves its starter before it listens, and writes this file after.
    let begun = Instant::now();
    while fs::read(&pid).unwrap_or_default().is_empty() {
        assert!(begun.elapsed() < PATIENCE, "{}", fs::read_to_string(&log).unwrap_or_default());
        std::thread::yield_now();
    }
    stage.cleanup.push(["sh", "-c", &format!("kill $(cat {pid})")].map(String::from).to_vec());
    let options =
        ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oIdentitiesOnly=yes", "-F", "none"];
    let words = [&["ssh", "-tt", "-p", &port, "-i", &key][..], &options, &["root@127.0.0.1"]].concat();
    Some(words.into_iter().map(String::from).collect())
}

#[tokio::test]
async fn another_ssh_login_is_accepted() {
    let mut stage = Stage::new();
    let Some(ssh) = ssh(&mut stage) else { return };
    for part in ["r", "a"] {
        let remote = stage.play(part, None);
        let mut words: Vec<&str> = ssh.iter().map(String::as_str).collect();
        words.push(&remote);
        stage.start(&words);
    }
    let approval = stage.verdict().await.expect("a person who logged in");
    assert!(approval.broker.contains("sshd"), "{}", approval.broker);
}

#[tokio::test]
async fn an_ssh_login_besides_a_pane_is_accepted_unless_all_of_it_is_one_service() {
    let mut stage = Stage::new();
    if !has(&["tmux"]) {
        return;
    }
    let Some(ssh) = ssh(&mut stage) else { return };
    let (requester, remote) = (stage.play("r", None), stage.play("a", None));
    stage.tmux(&[requester]);
    let mut words: Vec<&str> = ssh.iter().map(String::as_str).collect();
    words.push(&remote);
    stage.start(&words);
    match stage.verdict().await {
        Ok(approval) => assert!(approval.broker.contains("sshd"), "{}", approval.broker),
        // A build machine may run everything in one service, or below a subreaper that is no broker.
        Err(refusal) => assert!(matches!(refusal, Refusal::SameService | Refusal::CommonAncestor), "{refusal}"),
    }
}

#[tokio::test]
async fn a_process_that_connected_and_ended_has_no_facts_and_no_chain() {
    let mut stage = Stage::new();
    let line = format!("exec env {}", stage.play("r", None));
    stage.shell(&line);
    let (mut stream, _) =
        tokio::time::timeout(PATIENCE, stage.listener.accept()).await.expect("it connects in time").expect("accepts");
    // Sees that nothing more comes, and ends; the connection stays open on this side.
    stream.shutdown().await.expect("shuts down");
    stage.children.pop().expect("was started").wait().expect("ends");
    let caller = Caller::from_peer(Arc::new(stream), Door::Ndjson, None).expect("credentials stay");
    assert_eq!(caller.uid(), rustix::process::geteuid().as_raw());
    assert_ne!(caller.pid(), 0);
    assert!(!caller.facts().are_known());
    assert!(Chain::of(&caller).is_err());
}
