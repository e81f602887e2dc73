//! Services: units of the machine's systemd and of the person's. What an order brings along is found out before anybody is asked,
//! and judged like what was asked for.
//!
//! Under whatever name a unit was asked for, it is judged, shown and recorded by its own; rules that name one of its other names
//! hold too. Which units are protected is the policy's business.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steward_ipc::{Code, Effect, Fact, Preview};
use steward_policy::{ArgKind, OwnedArg, Risk};

use super::types::{listed, visible};
use super::{Capability, Example, Look, Need, Perform, Ready, Shown, call};
use crate::backend::dbus::units::{Along, JOB, Order, Scope, Unit, Units};
use crate::backend::journal;
use crate::backend::unit_name::UnitName;
use crate::caller::proc::Process;
use crate::gate::judge::Subject;
use crate::provenance::{self, raised};
use crate::reply::{Failure, Outcome, Undo};
use crate::services::Context;

mod text;

use text::Text;

/// What can be done with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Start,
    Stop,
    Restart,
    Enable,
    Disable,
    Status,
}

impl Verb {
    fn action(self) -> &'static str {
        match self {
            Verb::Start => ServiceStart::NAME,
            Verb::Stop => ServiceStop::NAME,
            Verb::Restart => ServiceRestart::NAME,
            Verb::Enable => ServiceEnable::NAME,
            Verb::Disable => ServiceDisable::NAME,
            Verb::Status => ServiceStatus::NAME,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Verb::Start => "start",
            Verb::Stop => "stop",
            Verb::Restart => "restart",
            Verb::Enable => "enable",
            Verb::Disable => "disable",
            Verb::Status => "look at",
        }
    }

    fn order(self) -> Option<Order> {
        match self {
            Verb::Start => Some(Order::Start),
            Verb::Stop => Some(Order::Stop),
            Verb::Restart => Some(Order::Restart),
            Verb::Enable | Verb::Disable | Verb::Status => None,
        }
    }

    /// Whether it makes something run that is in the unit's file.
    fn runs_it(self) -> bool {
        matches!(self, Verb::Start | Verb::Restart)
    }
}

macro_rules! service {
    ($(#[doc = $doc:literal])+ $name:ident, $word:literal, $verb:expr, $undo:literal, [$($example:expr),+]) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The unit, such as `ssh` or `ssh.service`: without a type it is a service.
            pub unit: UnitName,
            /// Whose systemd: `system` or `user`; when left out, the person's where that one has the unit, else the machine's.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub scope: Option<Scope>,
        }

        impl Capability for $name {
            const NAME: &'static str = $word;
            const RISK: Risk = risk_of($verb);
            const RISK_POSSIBLE: Risk = risk_possible($verb);
            const ARGS: &'static [(&'static str, ArgKind)] = &[("unit", ArgKind::Text), ("scope", ArgKind::Text)];
            const EXAMPLES: &'static [Example] = &[$($example),+];

            fn from_payload(payload: Option<&str>) -> Result<$name, Failure> {
                let name = payload.filter(|p| !p.is_empty()).ok_or_else(|| {
                    Failure::invalid_payload(format!("missing unit; name one, such as `{} ssh.service`", Self::NAME))
                })?;
                let unit = UnitName::try_from(name.to_owned()).map_err(|e| Failure::invalid_payload(Self::invalid(&e)))?;
                Ok($name { unit, scope: None })
            }

            fn payload(&self) -> Option<String> {
                self.scope.is_none().then(|| self.unit.to_string())
            }

            fn invalid(detail: &str) -> String {
                format!("invalid unit: {detail}")
            }
        }

        impl Perform for $name {
            const NEED: Need = Need::Systemd;
            const UNDO: &'static str = $undo;
            /// The time of a job, and of what is around it.
            const DEADLINE: Duration = JOB.saturating_add(Duration::from_secs(25));
            const HELD_TO_PREVIEW: bool = !matches!($verb, Verb::Status);

            fn sentence(&self) -> String {
                sentence($verb, &self.unit, self.scope)
            }

            fn facts(&self) -> Vec<(&'static str, OwnedArg)> {
                facts(self.unit.as_str(), self.scope)
            }

            async fn mean(&mut self, cx: &Context<'_>) -> Result<(), Failure> {
                mean($verb, &mut self.unit, &mut self.scope, cx).await
            }

            async fn look(&self, cx: &Context<'_>) -> Result<Look, Failure> {
                let risk = risk($verb, &self.unit, self.scope, cx).await;
                Ok(Look { risk, facts: self.facts(), opened: None })
            }

            async fn preview(&self, cx: &Context<'_>) -> Result<Shown, Failure> {
                preview($verb, &self.unit, self.scope, cx).await
            }

            async fn run(&self, cx: &Context<'_>, ready: Ready) -> Result<Outcome, Failure> {
                run($verb, &self.unit, self.scope, cx, ready).await
            }

            async fn present(&self, cx: &Context<'_>) -> Result<Value, Failure> {
                Ok(state($verb, &units(cx, self.scope).unit(&self.unit).await?))
            }

            async fn took_place(&self, cx: &Context<'_>, _rebooted: Option<bool>) -> Option<bool> {
                took_place($verb, &units(cx, self.scope).unit(&self.unit).await.ok()?)
            }
        }
    };
}

/// The class of harm. What is enabled starts at every start of the machine or at every login, as what lies in `autostart` does.
const fn risk_of(verb: Verb) -> Risk {
    match verb {
        Verb::Status => Risk::Observe,
        Verb::Start | Verb::Stop | Verb::Restart | Verb::Disable => Risk::Disruptive,
        Verb::Enable => Risk::Destructive,
    }
}

/// One class more for what runs a file that was written through Steward a short time ago, or that is not there yet.
const fn risk_possible(verb: Verb) -> Risk {
    match verb {
        Verb::Start | Verb::Restart => Risk::Destructive,
        other => risk_of(other),
    }
}

service!(
    /// Starts a unit of systemd, and waits until it has started.
    ServiceStart, "service_start", Verb::Start, "stop it", [call(Some("cups")), call(Some("syncthing.service"))]
);
service!(
    /// Stops a unit of systemd, and waits until it has ended.
    ServiceStop, "service_stop", Verb::Stop, "start it, where nothing else was stopped with it",
    [call(Some("cups")), call(Some("apt-daily.timer"))]
);
service!(
    /// Stops a unit of systemd where it runs, and starts it.
    ServiceRestart, "service_restart", Verb::Restart, "–", [call(Some("bluetooth")), call(Some("cups.service"))]
);
service!(
    /// Has a unit started by itself: at the start of the machine, at a login, or with what its file names.
    ServiceEnable, "service_enable", Verb::Enable, "disable it", [call(Some("cups")), call(Some("fstrim.timer"))]
);
service!(
    /// Has a unit not started by itself any more. It goes on running.
    ServiceDisable, "service_disable", Verb::Disable, "enable it", [call(Some("cups")), call(Some("fstrim.timer"))]
);
service!(
    /// Tells how a unit of systemd stands, with the last lines of its journal.
    ServiceStatus, "service_status", Verb::Status, "–", [call(Some("cups")), call(Some("apt-daily.timer"))]
);

/// How many units are named in a sentence.
const NAMED: usize = 4;

/// The systemd that is meant. Once [`mean`] has settled it, there is one.
fn units<'a>(cx: &Context<'a>, scope: Option<Scope>) -> Units<'a> {
    Units { bus: &cx.services.bus, scope: scope.unwrap_or(Scope::System) }
}

fn facts(unit: &str, scope: Option<Scope>) -> Vec<(&'static str, OwnedArg)> {
    let unit = ("unit", OwnedArg::Text(unit.to_owned()));
    let scope = scope.map(|s| ("scope", OwnedArg::Text(s.word().to_owned())));
    [unit].into_iter().chain(scope).collect()
}

fn sentence(verb: Verb, unit: &UnitName, scope: Option<Scope>) -> String {
    let word = verb.word();
    let (first, rest) = word.split_at(1);
    let of = if scope == Some(Scope::User) { " of the person's own systemd" } else { "" };
    format!("{}{rest} {unit}{of}", first.to_ascii_uppercase())
}

/// Settles which unit is meant, and refuses those that this is not for.
async fn mean(verb: Verb, unit: &mut UnitName, scope: &mut Option<Scope>, cx: &Context<'_>) -> Result<(), Failure> {
    if verb != Verb::Status && !unit.is_changed() {
        return Err(Failure::invalid_payload(format!(
            "a {} is not changed by this; only services, sockets, timers and paths are",
            unit.kind()
        )));
    }
    if unit.is_template() && verb.order().is_some() {
        return Err(Failure::invalid_payload(format!(
            "`{unit}` is a template; name an instance, such as `name@x.service`"
        )));
    }
    settle(unit, scope, cx).await;
    Ok(())
}

/// Puts the unit's own name and its systemd in the place of what was said. Where systemd cannot be asked, it stays as it was said, and
/// the preview tells why nothing can be done.
pub(super) async fn settle(unit: &mut UnitName, scope: &mut Option<Scope>, cx: &Context<'_>) {
    let possible = match *scope {
        // Judged first, and refused after that.
        Some(Scope::User) if cx.personal().is_err() => return,
        Some(Scope::User) => vec![Scope::User],
        Some(Scope::System) => vec![Scope::System],
        None if cx.personal().is_ok() => vec![Scope::User, Scope::System],
        None => vec![Scope::System],
    };
    for one in &possible {
        match (Units { bus: &cx.services.bus, scope: *one }).unit(unit).await {
            Ok(found) if !found.is_missing() => {
                *scope = Some(*one);
                if let Ok(own) = UnitName::try_from(found.id) {
                    *unit = own;
                }
                return;
            }
            _ => {}
        }
    }
    // Nobody has it. An earlier step may write it, and where says whose it is (systemd.unit(5)); else it is the machine's.
    let users = |path: &str| path.contains("/systemd/user/") && path.ends_with(&format!("/{unit}"));
    let a_persons =
        cx.personal().is_ok() && cx.earlier.iter().any(|step| step.args()["path"].as_str().is_some_and(users));
    *scope = scope.or(Some(if a_persons { Scope::User } else { Scope::System }));
}

/// How bad it can be. What would run and cannot be looked at now counts as written a moment ago.
async fn risk(verb: Verb, unit: &UnitName, scope: Option<Scope>, cx: &Context<'_>) -> Risk {
    if !verb.runs_it() {
        return risk_of(verb);
    }
    if scope == Some(Scope::User) && cx.personal().is_err() {
        return risk_possible(verb);
    }
    match units(cx, scope).unit(unit).await {
        Ok(found) if !found.is_missing() && !is_written_before(unit, cx) => {
            let text = Text::of(&found, cx).await;
            match text::written(&found, &text, cx).await {
                Ok(written) => raised(risk_of(verb), &written),
                Err(_) => risk_possible(verb),
            }
        }
        _ => risk_possible(verb),
    }
}

/// Whether an earlier step of the same plan changes the machine, so that a unit that is not there may be there when it is its turn.
fn may_appear(cx: &Context<'_>) -> bool {
    cx.earlier.iter().any(|step| step.risk() > Risk::Observe)
}

/// Whether an earlier step of the same plan writes a file of this unit.
fn is_written_before(unit: &UnitName, cx: &Context<'_>) -> bool {
    cx.earlier.iter().any(|step| step.args()["path"].as_str().is_some_and(|path| path.contains(unit.as_str())))
}

/// The unit as it must be for anything to be done with it.
///
/// # Errors
/// When it is not there, is masked, or systemd cannot read its file; and for somebody else's systemd.
pub(super) async fn known(unit: &UnitName, scope: Option<Scope>, cx: &Context<'_>) -> Result<Unit, Failure> {
    if scope == Some(Scope::User) {
        cx.personal()?;
    }
    let found = units(cx, scope).unit(unit).await?;
    let told = json!({ "unit": unit, "scope": scope, "load_state": found.load_state });
    match found.load_state.as_str() {
        "not-found" => {
            let whose = if scope == Some(Scope::User) { "the person's systemd" } else { "this machine's systemd" };
            Err(Failure::new(Code::Failed, format!("{whose} has no unit `{unit}`")).with(told))
        }
        "masked" => {
            let message = format!(
                "`{unit}` is masked: somebody has said that it is not to be started; unmask it by hand if that is meant"
            );
            Err(Failure::new(Code::Failed, message).with(told))
        }
        "loaded" | "template" => Ok(found),
        other => {
            let why = if found.load_error.is_empty() { other.to_owned() } else { found.load_error.clone() };
            Err(Failure::new(Code::Failed, format!("systemd cannot read the file of `{unit}`: {why}")).with(told))
        }
    }
}

async fn preview(verb: Verb, unit: &UnitName, scope: Option<Scope>, cx: &Context<'_>) -> Result<Shown, Failure> {
    let found = match known(unit, scope, cx).await {
        // Where it is not, an earlier step may put it; what it runs is shown by that step.
        Err(f) if f.code == Code::Failed && may_appear(cx) => return Ok(not_yet(verb, unit, scope)),
        other => other?,
    };
    let text = Text::of(&found, cx).await;
    let along = match verb.order() {
        Some(order) => units(cx, scope).along(&found, order).await?,
        None => Along::default(),
    };
    if let Some(why) = text.cannot(verb.word(), &found) {
        return Err(Failure::new(Code::Failed, why).with(data(&found, scope, &[])));
    }
    if along.more {
        let message = format!("more hangs on `{unit}` than can be looked at, so it is left alone");
        return Err(Failure::new(Code::Failed, message));
    }
    if matches!(verb, Verb::Stop | Verb::Restart) {
        spare_oneself(&found, &along, scope)?;
    }

    let mut effects = Vec::new();
    if verb.runs_it() && found.need_daemon_reload {
        effects.push(effect("read anew", "the unit files of systemd"));
    }
    effects.push(text.effect(verb.word(), &found, verb.runs_it()));
    effects
        .extend(along.stopped.iter().map(|name| effect(if verb == Verb::Restart { "restart" } else { "stop" }, name)));
    effects.extend(along.started.iter().map(|unit| effect("start", &unit.id)));
    let also = if verb.order().is_none() { text.parsed.also.clone() } else { Vec::new() };
    effects.extend(also.iter().map(|name| effect(verb.word(), name)));
    let mut known_facts =
        vec![fact("now", now(&found)), fact("systemd", scope.unwrap_or(Scope::System).word().to_owned())];
    if !found.description.is_empty() {
        known_facts.push(fact("what it is", found.description.clone()));
    }

    let subject =
        |verb: Verb, name: &str| Subject { action: verb.action(), risk: risk_of(verb), facts: facts(name, scope) };
    // Other units that are stopped, enabled or disabled are judged as if they had been asked for. Those that are started come along as
    // the packages do that a package needs, and the unit's other names are judged where a rule is about them.
    let stops = if verb == Verb::Restart { Verb::Restart } else { Verb::Stop };
    let mut implies: Vec<Subject> =
        along.stopped.iter().map(|n| subject(stops, n)).chain(also.iter().map(|n| subject(verb, n))).collect();
    // What was written through Steward is shown whoever brings it along, and then counts by itself.
    if verb != Verb::Stop && verb != Verb::Disable {
        let mut relied = text::written(&found, &text, cx).await?;
        for other in &along.started {
            let theirs = text::written(other, &Text::of(other, cx).await, cx).await?;
            if !theirs.is_empty() {
                implies
                    .push(Subject { risk: raised(risk_of(Verb::Start), &theirs), ..subject(Verb::Start, &other.id) });
            }
            relied.extend(theirs);
        }
        let (more, said) = provenance::shown(relied).await;
        effects.extend(more);
        known_facts.extend(said);
    }
    let names = found.names.iter().filter(|n| **n != found.id).map(|n| subject(verb, n));
    let pulls_in = names.chain(along.started.iter().map(|u| subject(Verb::Start, &u.id))).collect();
    Ok(Shown {
        preview: Preview { summary: sentence(verb, unit, scope), effects, facts: known_facts, ..Preview::default() },
        already: already(verb, &found),
        implies,
        pulls_in,
        ..Shown::default()
    })
}

/// The preview of a unit that an earlier step may bring.
fn not_yet(verb: Verb, unit: &UnitName, scope: Option<Scope>) -> Shown {
    let effects = vec![effect(verb.word(), unit.as_str())];
    let facts = vec![fact("now", "not there; a step before this one may bring it".to_owned())];
    Shown {
        preview: Preview { summary: sentence(verb, unit, scope), effects, facts, ..Preview::default() },
        ..Shown::default()
    }
}

fn effect(verb: &str, object: &str) -> Effect {
    Effect { verb: verb.to_owned(), object: visible(object, 255), ..Effect::default() }
}

fn fact(name: &str, value: String) -> Fact {
    Fact { name: name.to_owned(), value }
}

/// How a unit stands, in words.
fn now(unit: &Unit) -> String {
    let enabled = match unit.unit_file_state.as_str() {
        "" => String::new(),
        state => format!(", {state}"),
    };
    match unit.active_state.as_str() {
        "" => format!("a template{enabled}"),
        active => format!("{active} ({}){enabled}", unit.sub_state),
    }
}

fn already(verb: Verb, unit: &Unit) -> Option<String> {
    let id = visible(&unit.id, 255);
    match verb {
        Verb::Start if unit.active_state == "active" => Some(format!("{id} is already running.")),
        Verb::Stop if !unit.is_up() => Some(format!("{id} is not running.")),
        Verb::Enable if unit.unit_file_state == "enabled" => Some(format!("{id} is already enabled.")),
        Verb::Disable if unit.unit_file_state == "disabled" => Some(format!("{id} is already disabled.")),
        _ => None,
    }
}

/// The state that an order of this kind changes, for receipts.
fn state(verb: Verb, unit: &Unit) -> Value {
    match verb {
        Verb::Start | Verb::Stop => json!(if unit.is_up() { "running" } else { "stopped" }),
        Verb::Enable | Verb::Disable => json!(unit.unit_file_state),
        Verb::Restart | Verb::Status => Value::Null,
    }
}

fn took_place(verb: Verb, unit: &Unit) -> Option<bool> {
    match verb {
        Verb::Start => Some(unit.is_up()),
        Verb::Stop => Some(!unit.is_up()),
        Verb::Enable => Some(unit.unit_file_state == "enabled"),
        Verb::Disable => Some(unit.unit_file_state != "enabled"),
        Verb::Restart | Verb::Status => None,
    }
}

/// Refuses what would end this agent in the middle of it, whatever its unit is called and whatever the policy says.
fn spare_oneself(unit: &Unit, along: &Along, scope: Option<Scope>) -> Result<(), Failure> {
    let Some(group) = Process::this().ok().and_then(|p| p.cgroup()) else { return Ok(()) };
    let own = if scope == Some(Scope::User) { group.user_unit() } else { group.unit() };
    let hit = |own: &str| own == unit.id || along.stopped.iter().any(|s| s == own);
    match own {
        Some(own) if hit(own) => Err(Failure::new(
            Code::Failed,
            format!("Steward itself runs in {own} and would be stopped in the middle of it; do it with `systemctl`"),
        )),
        _ => Ok(()),
    }
}

/// Facts about a unit for programs.
fn data(unit: &Unit, scope: Option<Scope>, journal: &[String]) -> Value {
    let mut data = json!({
        "unit": unit.id, "scope": scope, "load_state": unit.load_state, "active_state": unit.active_state,
        "sub_state": unit.sub_state, "enabled": unit.unit_file_state, "main_pid": unit.main_pid,
        "since": (unit.state_change != 0).then(|| since(unit)), "journal": journal,
    });
    if unit.job != 0 {
        data["job"] = json!({ "id": unit.job });
    }
    data
}

fn since(unit: &Unit) -> String {
    crate::clock::rfc3339(i64::try_from(unit.state_change / 1000).unwrap_or(i64::MAX))
}

/// The last lines of a unit's journal; why there are none is one line.
async fn lines(unit: &UnitName, scope: Option<Scope>, cx: &Context<'_>) -> Vec<String> {
    // The journal of this machine is not that of one that is not there.
    if cx.services.simulated {
        return Vec::new();
    }
    match journal::last_lines(scope.unwrap_or(Scope::System), unit).await {
        Ok(lines) => lines,
        Err(why) => vec![format!("(the journal could not be read: {why})")],
    }
}

async fn run(
    verb: Verb,
    unit: &UnitName,
    scope: Option<Scope>,
    cx: &Context<'_>,
    ready: Ready,
) -> Result<Outcome, Failure> {
    if scope == Some(Scope::User) {
        cx.personal()?;
    }
    let units = units(cx, scope);
    let mut before = units.unit(unit).await?;
    if before.is_missing() && verb != Verb::Status && may_appear(cx) {
        // Written a moment ago by a step before this one.
        units.reload().await?;
    }
    before = known(unit, scope, cx).await?;
    if before.id != unit.as_str() {
        let message = format!("`{unit}` is another name of {} now; look again", visible(&before.id, 255));
        return Err(Failure::new(Code::ConfirmationChanged, message));
    }
    if let Some(said) = already(verb, &before) {
        return Ok(Outcome::says(said).with(with_changed(data(&before, scope, &[]), false)));
    }
    match verb {
        Verb::Status => {
            let journal = lines(unit, scope, cx).await;
            Ok(Outcome::says(told(&before, &journal)).with(data(&before, scope, &journal)))
        }
        Verb::Start | Verb::Stop | Verb::Restart => {
            let Some(order) = verb.order() else { return Err(Failure::internal("an order without a word")) };
            if verb.runs_it() && before.need_daemon_reload {
                units.reload().await?;
            }
            let end = units.order(unit.as_str(), order).await?;
            let after = units.unit(unit).await?;
            let journal = lines(unit, scope, cx).await;
            let mut data = with_changed(data(&after, scope, &journal), true);
            data["job"] = json!({ "id": end.id, "result": end.result });
            if let Some(why) = failed(verb, &end.result, &after) {
                return Err(Failure::new(Code::Failed, why).with(data));
            }
            let alone = ready.shown.is_some_and(|s| s.implies.is_empty());
            let outcome = Outcome::says(done(verb, &after)).with(data);
            Ok(match (verb, alone) {
                (Verb::Start, true) if after.is_up() => {
                    outcome.undone_by(undo(Verb::Stop, unit, scope, &before, &after))
                }
                (Verb::Stop, true) => outcome.undone_by(undo(Verb::Start, unit, scope, &before, &after)),
                _ => outcome,
            })
        }
        Verb::Enable | Verb::Disable => {
            let links = match verb {
                Verb::Enable => units.enable(unit.as_str()).await?,
                _ => units.disable(unit.as_str()).await?,
            };
            // The links are what counts at the next start; systemd sees them now where it may be told.
            let reloaded = units.reload().await;
            let after = units.unit(unit).await?;
            let mut data = with_changed(data(&after, scope, &[]), true);
            data["links"] = json!(links);
            data["reloaded"] = json!(reloaded.is_ok());
            let back = if verb == Verb::Enable { Verb::Disable } else { Verb::Enable };
            Ok(Outcome::says(done(verb, &after)).with(data).undone_by(undo(back, unit, scope, &before, &after)))
        }
    }
}

fn with_changed(mut data: Value, changed: bool) -> Value {
    data["changed"] = json!(changed);
    data
}

fn undo(back: Verb, unit: &UnitName, scope: Option<Scope>, before: &Unit, after: &Unit) -> Undo {
    Undo::new(back.action(), json!({ "unit": unit, "scope": scope }), state(back, before), state(back, after))
}

/// Why a job did not do what it was for, if it did not.
fn failed(verb: Verb, result: &str, after: &Unit) -> Option<String> {
    let id = visible(&after.id, 255);
    let why = match result {
        "done" if verb == Verb::Stop || after.is_up() => return None,
        "done" if after.active_state == "failed" => "it ended at once with an error",
        "done" if after.condition_failed => "a condition in its file is not met",
        // A task that has ended, or what systemd has forgotten already.
        "done" => return None,
        "failed" => "it failed",
        "dependency" => "something that it needs did not start",
        "timeout" => "it took longer than its file allows",
        "canceled" => "another order to systemd took its place",
        "skipped" => "systemd skipped it",
        other => return Some(format!("systemd did not {} {id} ({other})", verb.word())),
    };
    Some(format!("systemd did not {} {id}: {why}; the last lines of its journal are in `data`", verb.word()))
}

fn done(verb: Verb, after: &Unit) -> String {
    let id = visible(&after.id, 255);
    match verb {
        Verb::Start if after.is_up() => format!("Started {id}."),
        Verb::Start => {
            format!(
                "Started {id}; it does not run now: it was a task that has ended, or a condition in its file is not met."
            )
        }
        Verb::Stop => format!("Stopped {id}."),
        Verb::Restart if after.is_up() => format!("Restarted {id}."),
        Verb::Restart => format!("Restarted {id}; it does not run now."),
        Verb::Enable => format!("Enabled {id}: it starts by itself from now on."),
        Verb::Disable => format!("Disabled {id}: it does not start by itself any more."),
        Verb::Status => String::new(),
    }
}

/// How a unit stands, as a person would say it, and the last lines of its journal.
fn told(unit: &Unit, journal: &[String]) -> String {
    let id = visible(&unit.id, 255);
    let since = if unit.state_change == 0 { String::new() } else { format!(" since {}", since(unit)) };
    let process = if unit.main_pid == 0 { String::new() } else { format!("; its process is {}", unit.main_pid) };
    let names: Vec<String> =
        unit.names.iter().filter(|n| **n != unit.id).take(NAMED).map(|n| visible(n, 255)).collect();
    let names = if names.is_empty() { String::new() } else { format!(" It is also called {}.", listed(&names)) };
    let stands = match unit.active_state.as_str() {
        "" => "a template".to_owned(),
        active => format!("{active} ({})", unit.sub_state),
    };
    let by_itself = match unit.unit_file_state.as_str() {
        "" => String::new(),
        state => format!("; {state}"),
    };
    let mut said = format!("{id} is {stands}{since}{process}{by_itself}.{names}");
    for line in journal {
        said.push('\n');
        said.push_str(line);
    }
    said
}
