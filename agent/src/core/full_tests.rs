//! A disk that fails when the end of a request and its receipts are written.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use serde_json::Value;

use super::{Core, Setup};
use crate::action;
use crate::audit;
use crate::backend::package::Manager;
use crate::backend::package::mock::MockArchive;
use crate::caller::{Caller, Door};
use crate::reply::{Ending, Outcome};
use crate::request::{Ask, Plan};
use crate::services::Machine;
use crate::store::seam::{Step, fail_next, fail_second};

/// Everything is done at once.
const ALLOW: &str = "version = 1\n[risk]\nobserve = \"ok\"\nlow = \"ok\"\nreversible = \"ok\"\ndisruptive = \"ok\"\n";

/// An agent with packages of its own.
struct World {
    folder: tempfile::TempDir,
    archive: Arc<MockArchive>,
    caller: Arc<Caller>,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("policy.toml"), ALLOW).expect("written");
        std::fs::write(folder.path().join("config.toml"), "version = 1\n").expect("written");
        World { folder, archive: MockArchive::shipped(), caller: Arc::new(Caller::this_process(Door::Command)) }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self) -> Core {
        let machine = Machine::bare(Some(Manager::Mock(self.archive.clone())));
        Core::start(Setup::of_a_test(self.folder.path(), machine)).expect("it starts").0
    }

    async fn does(&self, core: &Core, name: &str, payload: &str) -> Outcome {
        let Ok(Ask::Do(action)) = action::read(name, Some(payload), None) else { panic!("{name}") };
        match core.path(&self.caller, Plan::one(action), &crate::request::Terms::default()).await.ending {
            Ending::Done(outcome) => outcome,
            other => panic!("{name}: {other:?}"),
        }
    }

    /// The records of what was done, without those of the agent itself.
    fn kinds(&self) -> Vec<String> {
        let records = audit::tail(&audit::Place::in_state(&self.at("state")), 100).expect("a log");
        let kinds = records.iter().filter(|r| r.text("id").is_some()).filter_map(|r| r.text("kind"));
        kinds.map(str::to_owned).collect()
    }
}

fn receipt(outcome: &Outcome) -> Option<String> {
    outcome.data.as_ref()?.get("receipt").and_then(Value::as_str).map(str::to_owned)
}

#[tokio::test]
async fn a_receipt_that_does_not_fit_on_the_disk_is_not_named_and_the_end_is_recorded() {
    let world = World::new();
    let core = world.start();
    fail_next(&world.at("state/receipts.jsonl"), Step::Write, 20, Errno::NOSPC);
    let done = world.does(&core, "remember", "x").await;
    assert_eq!((done.message.as_deref(), receipt(&done)), (Some("I'll remember that."), None));
    assert_eq!(world.kinds(), ["judged", "finished"]);
    assert!(core.0.receipts.find(world.caller.uid(), None).is_none(), "there is nothing to put back");
    assert!(receipt(&world.does(&core, "remember", "y").await).is_some(), "the next one is kept");
    core.stop().await;
    drop(core);
    let core = world.start();
    assert_eq!(core.0.receipts.find(world.caller.uid(), None).map(|r| r.action).as_deref(), Some("remember"));
}

#[tokio::test]
async fn the_end_of_a_request_is_recorded_on_a_full_disk_by_what_was_set_aside() {
    let world = World::new();
    let core = world.start();
    fail_second(&world.at("state/audit/audit.jsonl"), Step::Write, 20, Errno::NOSPC);
    let done = world.does(&core, "remember", "x").await;
    assert!(receipt(&done).is_some());
    assert_eq!(world.kinds(), ["judged", "finished"]);
}

#[tokio::test]
async fn an_end_that_could_not_be_recorded_is_recorded_by_the_next_start() {
    let world = World::new();
    let core = world.start();
    fail_second(&world.at("state/audit/audit.jsonl"), Step::Write, 20, Errno::IO);
    let done = world.does(&core, "package_install", "cowsay").await;
    let kept = receipt(&done).expect("the receipt is in another file");
    assert_eq!(world.kinds(), ["judged"]);
    core.stop().await;
    drop(core);

    let core = world.start();
    core.take_up(Vec::new()).await;
    let ended = async {
        while world.kinds() != ["judged", "finished"] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ended).await.expect("it is found out");
    assert_eq!(world.archive.started(), 1, "nothing is done twice");
    let last = core.0.receipts.find(world.caller.uid(), None).map(|r| r.id.to_string());
    assert_eq!(last, Some(kept), "and there is one receipt for it");
}
