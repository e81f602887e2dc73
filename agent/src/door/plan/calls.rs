//! What the steps of a plan mean as named calls. Nothing is judged here and nothing is looked up but names of programs.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use steward_ipc::Code;
use steward_ipc::plan::{Action, ActionPlan, Firmware, Mode, ObserveTool, PackageManager, Packages};

use super::Place;
use crate::action::exec::in_system_folders;
use crate::action::types::visible;
use crate::reply::Failure;
use crate::request::{About, Call, Terms};

/// Bytes of each output that a result has.
const OUTPUT: usize = 8192;
/// Characters of what a step says that a person is shown, and of all that a plan says.
const MAX_SAID: usize = 300;
const MAX_SAID_IN_ALL: usize = 2000;

/// How a plan is to be taken.
pub(super) fn terms(plan: &ActionPlan) -> Terms<'_> {
    Terms {
        only_look: plan.mode == Mode::PlanOnly,
        token: plan.confirmation.as_ref().map(|c| c.token.as_str()),
        meant: false,
        asks: plan.actions.iter().map(wants_a_person).collect(),
    }
}

/// Whether the protocol wants somebody to be asked, whatever the policy says: the step itself says that it is dangerous, or its
/// path is not one that says where it leads.
fn wants_a_person(action: &Action) -> bool {
    let winds = |path: &str| path.starts_with("//") || path.split('/').any(|part| part == "..");
    match action {
        Action::Exec(exec) => exec.danger.is_some(),
        Action::ReadFile(read) => read.danger.is_some() || winds(&read.path),
        Action::WriteFile(write) => write.danger.is_some() || winds(&write.path),
        _ => false,
    }
}

/// What the plan says about itself: shown to whoever is asked, and bound to the answer.
pub(super) fn about(plan: &ActionPlan) -> About {
    let mut text = String::new();
    for (at, action) in plan.actions.iter().enumerate() {
        let Some(words) = action.words() else { continue };
        let _written =
            write!(text, "{}{}. {}", if text.is_empty() { "" } else { " " }, at + 1, visible(words.reason, MAX_SAID));
        for (name, said) in [("danger", words.danger), ("recovery", words.recovery)] {
            if let Some(said) = said {
                let _written = write!(text, " ({name}: {})", visible(said, MAX_SAID));
            }
        }
    }
    let digest = serde_json::to_vec(&(&plan.version, &plan.actions)).unwrap_or_default();
    About {
        request_id: plan.request_id.clone(),
        session_id: plan.session_id.clone(),
        text: (!text.is_empty()).then(|| visible(&text, MAX_SAID_IN_ALL)),
        digest: Sha256::digest(&digest).iter().map(|b| format!("{b:02x}")).collect(),
    }
}

/// The steps as calls, or why one is never done.
pub(super) fn of(plan: &ActionPlan, place: &Place) -> Vec<Result<Call<'static>, Failure>> {
    plan.actions.iter().map(|action| call(action, plan.mode, place)).collect()
}

fn call(action: &Action, mode: Mode, place: &Place) -> Result<Call<'static>, Failure> {
    let whole = |path: &str| whole(path, &place.folder);
    // With a stroke at its end a name is a folder's, and no file is read or written by it.
    let file = |path: &str| whole(path) + if path.ends_with('/') || path.ends_with("/.") { "/" } else { "" };
    let (name, args) = match action {
        Action::Ping => return Ok(Call::new("ping", None)),
        Action::Exec(exec) => {
            let mut argv = exec.argv.clone();
            if let Some(program) = argv.first_mut() {
                *program = if program.contains('/') { whole(program) } else { in_system_folders(program) };
            }
            let mut args = json!({ "argv": argv, "timeout_sec": exec.timeout_sec, "max_output": OUTPUT });
            if let Some(cwd) = &exec.cwd {
                args["cwd"] = json!(whole(cwd));
            }
            if let Some(env) = &exec.env {
                args["env"] = json!(env);
            }
            ("exec", args)
        }
        Action::ReadFile(read) => ("read_file", json!({ "path": file(&read.path), "max_bytes": read.max_bytes })),
        Action::WriteFile(write) => {
            let mode = write.mode.trim();
            ("write_file", json!({ "path": file(&write.path), "content": write.content, "mode": mode }))
        }
        Action::ServiceControl(control) => {
            let name = match control.action.name() {
                "start" => "service_start",
                "stop" => "service_stop",
                "restart" => "service_restart",
                "enable" => "service_enable",
                "disable" => "service_disable",
                _ => "service_status",
            };
            (name, json!({ "unit": control.unit }))
        }
        Action::InstallPackages(packages) => ("package_install", named(action, packages, mode)?),
        Action::RemovePackages(packages) => ("package_remove", named(action, packages, mode)?),
        // Only apt's is one that the protocol knows.
        Action::UpdateSystem(update) if update.manager != PackageManager::Apt => return Err(no_manager(action)),
        Action::UpdateSystem(_) => ("system_update", json!({})),
        Action::Observe(observe) if observe.tool == ObserveTool::Other => {
            return Err(Failure::new(Code::Denied, "observe tool not supported"));
        }
        Action::Observe(observe) => ("observe", json!({ "tool": observe.tool.name(), "args": observe.args })),
        Action::CgroupApply(cgroup) => {
            let mut args = Map::new();
            let mut give = |name: &str, value: Option<Value>| args.extend(value.map(|v| (name.to_owned(), v)));
            give("pid", cgroup.pid.map(|n| json!(n)));
            give("unit", cgroup.unit.as_ref().map(|u| json!(u)));
            give("cpu_weight", cgroup.cpu_weight.map(|n| json!(n)));
            give("mem_max_bytes", cgroup.mem_max_bytes.map(|n| json!(n)));
            ("cgroup_apply", Value::Object(args))
        }
        Action::FirmwareOp(firmware) => match firmware.op {
            Firmware::Inventory => ("firmware_inventory", json!({})),
            Firmware::UefiVarRead => ("firmware_variable", json!({ "name": firmware.uefi_var_name })),
            Firmware::FwupdUpdate => return Err(never(action, mode)),
        },
    };
    let Value::Object(args) = args else { return Err(Failure::internal("arguments that are no object")) };
    Ok(Call::with_args(name, args))
}

/// The packages by name. Which manager has them is the machine's business; two of the protocol's are on none.
fn named(action: &Action, packages: &Packages, mode: Mode) -> Result<Value, Failure> {
    match packages.manager {
        PackageManager::Other => Err(no_manager(action)),
        PackageManager::Brew => match mode {
            Mode::Execute => Err(no_manager(action)),
            Mode::PlanOnly => Err(never(action, mode)),
        },
        _ => Ok(json!({ "packages": packages.packages })),
    }
}

fn no_manager(action: &Action) -> Failure {
    Failure::new(Code::Denied, format!("{} manager not supported", action.name()))
}

/// What the protocol describes and nobody carries out.
fn never(action: &Action, mode: Mode) -> Failure {
    let message = format!("{} is not supported in execute mode", action.name());
    Failure::new(if mode == Mode::Execute { Code::Denied } else { Code::Unavailable }, message)
}

/// A path as a whole one: read against `folder`, with `.` and `..` taken out by their names. What is judged and what is opened is
/// this path, so it does not matter where links would have led.
fn whole(path: &str, folder: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let start = if path.starts_with('/') { "" } else { folder };
    for part in start.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(step: &str) -> ActionPlan {
        let text = format!(r#"{{"request_id":"r","version":"0.1","mode":"execute","actions":[{step}]}}"#);
        ActionPlan::decode(text.as_bytes()).expect("a plan")
    }

    fn called(step: &str) -> Result<(String, Value), Failure> {
        let place = Place { folder: "/srv/work".into() };
        let call = of(&one(step), &place).pop().expect("one step")?;
        Ok((call.name.into_owned(), Value::Object(call.args.unwrap_or_default())))
    }

    #[test]
    fn paths_are_read_against_the_folder_and_have_no_way_up() {
        for (path, wanted) in [
            ("x", "/srv/work/x"),
            ("./a//b/", "/srv/work/a/b"),
            ("../x", "/srv/x"),
            ("../../../../etc/passwd", "/etc/passwd"),
            ("/a/../b", "/b"),
            ("//tmp/x", "/tmp/x"),
            ("~/x", "/srv/work/~/x"),
            ("a..b", "/srv/work/a..b"),
        ] {
            assert_eq!(whole(path, "/srv/work"), wanted, "{path}");
        }
    }

    #[test]
    fn a_program_without_a_folder_is_one_of_the_systems() {
        let exec = |program: &str| {
            let step = format!(
                r#"{{"type":"exec","argv":["{program}","a"],"cwd":".","env":{{"LANG":"C"}},"timeout_sec":5,"as_root":false,"reason":"r"}}"#
            );
            called(&step).expect("a call").1
        };
        assert_eq!(
            exec("echo"),
            json!({ "argv": ["/bin/echo", "a"], "cwd": "/srv/work", "env": { "LANG": "C" }, "timeout_sec": 5, "max_output": 8192 })
        );
        assert_eq!(exec("no-such-program-anywhere")["argv"][0], "/bin/no-such-program-anywhere");
        assert_eq!(exec("./tool")["argv"][0], "/srv/work/tool");
        assert_eq!(exec("/usr/bin/echo")["argv"][0], "/usr/bin/echo");
    }

    #[test]
    fn every_step_is_an_action_by_name() {
        for (step, name, args) in [
            (
                r#"{"type":"read_file","path":"x","max_bytes":9,"reason":"r"}"#,
                "read_file",
                json!({"path":"/srv/work/x","max_bytes":9}),
            ),
            (
                r#"{"type":"read_file","path":"x/.","max_bytes":9,"reason":"r"}"#,
                "read_file",
                json!({"path":"/srv/work/x/","max_bytes":9}),
            ),
            (
                r#"{"type":"write_file","path":"/tmp/x","content":"c","mode":" 0o644 ","reason":"r"}"#,
                "write_file",
                json!({"path":"/tmp/x","content":"c","mode":"0o644"}),
            ),
            (
                r#"{"type":"service_control","action":"restart","unit":"a.service","reason":"r"}"#,
                "service_restart",
                json!({"unit":"a.service"}),
            ),
            (
                r#"{"type":"service_control","action":"status","unit":"a","reason":"r"}"#,
                "service_status",
                json!({"unit":"a"}),
            ),
            (
                r#"{"type":"install_packages","manager":"dnf","packages":["a"],"reason":"r"}"#,
                "package_install",
                json!({"packages":["a"]}),
            ),
            (
                r#"{"type":"remove_packages","manager":"apt","packages":["a"],"reason":"r"}"#,
                "package_remove",
                json!({"packages":["a"]}),
            ),
            (r#"{"type":"update_system","manager":"apt","reason":"r"}"#, "system_update", json!({})),
            (
                r#"{"type":"observe","tool":"ps","args":["-e"],"reason":"r"}"#,
                "observe",
                json!({"tool":"ps","args":["-e"]}),
            ),
            (
                r#"{"type":"cgroup_apply","pid":7,"cpu_weight":9,"reason":"r"}"#,
                "cgroup_apply",
                json!({"pid":7,"cpu_weight":9}),
            ),
            (r#"{"type":"firmware_op","op":"inventory","reason":"r"}"#, "firmware_inventory", json!({})),
            (
                r#"{"type":"firmware_op","op":"uefi_var_read","uefi_var_name":"B","reason":"r"}"#,
                "firmware_variable",
                json!({"name":"B"}),
            ),
            (r#"{"type":"ping"}"#, "ping", json!({})),
        ] {
            assert_eq!(called(step).expect(step), (name.to_owned(), args), "{step}");
        }
    }

    #[test]
    fn what_is_never_done_says_so() {
        for (step, message) in [
            (
                r#"{"type":"install_packages","manager":"other","packages":["a"],"reason":"r"}"#,
                "install_packages manager not supported",
            ),
            (
                r#"{"type":"remove_packages","manager":"brew","packages":["a"],"reason":"r"}"#,
                "remove_packages manager not supported",
            ),
            (r#"{"type":"update_system","manager":"dnf","reason":"r"}"#, "update_system manager not supported"),
            (r#"{"type":"observe","tool":"other","args":[],"reason":"r"}"#, "observe tool not supported"),
            (
                r#"{"type":"firmware_op","op":"fwupd_update","reason":"r"}"#,
                "firmware_op is not supported in execute mode",
            ),
        ] {
            let failure = called(step).expect_err(step);
            assert_eq!((failure.code, &*failure.message), (Code::Denied, message), "{step}");
        }
    }

    #[test]
    fn danger_and_winding_paths_ask_and_what_is_said_is_bound() {
        let read = |path: &str, more: &str| {
            one(&format!(r#"{{"type":"read_file","path":"{path}","max_bytes":1,"reason":"why"{more}}}"#))
        };
        assert_eq!(terms(&read("a..b", "")).asks, [false]);
        assert_eq!(terms(&read("../x", "")).asks, [true]);
        assert_eq!(terms(&read("x", r#","danger":"""#)).asks, [true]);
        let plain = about(&read("x", ""));
        assert_eq!(plain.text.as_deref(), Some("1. why"));
        assert_ne!(plain.digest, about(&read("x", r#","recovery":"r""#)).digest);
        assert_ne!(plain.digest, about(&read("y", "")).digest);
        let mut other = read("x", "");
        other.request_id = "another".to_owned();
        assert_eq!(plain.digest, about(&other).digest);
    }
}
