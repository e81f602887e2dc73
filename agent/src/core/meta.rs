//! Answers about Steward itself: subject to ownership and assurance, not to rules.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use steward_ipc::{Capabilities, Code};
use steward_policy::{Decision, Policy, Verdict};
use uuid::Uuid;

use super::Core;
use crate::action::meta::{Explain, MAX_WAIT, ResultOf};
use crate::action::{self, CATALOGUE, Meta};
use crate::audit::{Kind, What};
use crate::caller::Caller;
use crate::gate::grants::offers;
use crate::gate::judge::{Subject, Who};
use crate::reply::{Failure, Outcome, Reply};
use crate::request::{Ask, Plan};
use crate::services::Progress;

/// How long it may take to find out whether an action would work.
const PROBE: Duration = Duration::from_secs(3);
/// What callers are told of errors in files that they may not read.
pub(super) const NOT_SHOWN: &str = "the policy files have an error; their owner sees which";

impl Core {
    pub(super) async fn meta(&self, caller: &Arc<Caller>, meta: Meta) -> Reply {
        // The hottest answers first, without a future of the others' size.
        match meta {
            Meta::Ping(_) => {
                self.0.audit.count(caller.uid(), What::Ping);
                Reply::done("ping", Outcome { message: Some("pong".into()), ..Outcome::default() })
            }
            other => Box::pin(self.other_meta(caller, other)).await,
        }
    }

    async fn other_meta(&self, caller: &Arc<Caller>, meta: Meta) -> Reply {
        let name = meta.name();
        let answer = match meta {
            Meta::Ping(_) => Ok(Outcome::says("pong")),
            Meta::GetCapabilities(get) => {
                self.0.audit.count(caller.uid(), What::GetCapabilities);
                Ok(self.capabilities(caller, get.details).await)
            }
            Meta::NaturalLanguage(said) => return self.say(caller, &said.text).await,
            Meta::Confirm(confirm) => return self.confirm(caller, confirm).await,
            Meta::Reject(reject) => self.reject(caller, reject).await,
            Meta::Cancel(cancel) => self.cancel(caller, &cancel.id).await,
            Meta::PendingList(_) => Ok(self.pending(caller)),
            Meta::ResultOf(of) => self.result(caller, of).await,
            Meta::GrantsList(_) => Ok(self.grants(caller)),
            Meta::GrantRevoke(revoke) => self.revoke(caller, &revoke.id).await,
            Meta::Explain(explain) => return self.explain(caller, explain).await,
            Meta::Subscribe(_) => Ok(self.full_state(caller)),
        };
        match answer {
            Ok(outcome) => Reply::done(name, outcome),
            Err(failure) => {
                self.refused(caller, name, &failure);
                Reply::failed(name, failure)
            }
        }
    }

    async fn capabilities(&self, caller: &Arc<Caller>, details: bool) -> Outcome {
        let capabilities = Capabilities { ipc_version: 1, protocol_version: 1, actions: action::names() };
        let mut data = if details { Some(self.details(caller).await) } else { None };
        let mut message = None;
        if self.0.services.simulated {
            data.get_or_insert_with(|| json!({}))["simulated"] = json!(true);
            message = Some("This is a simulation: nothing on this machine is changed.".into());
        }
        Outcome { message, capabilities: Some(Box::new(capabilities)), data, ..Outcome::default() }
    }

    /// What each action does, takes and needs, and what this caller would be answered now.
    async fn details(&self, caller: &Arc<Caller>) -> Value {
        let rules = self.rules();
        let mut actions = Vec::with_capacity(CATALOGUE.len());
        let progress = |_: Progress| {};
        let cx = self.context(caller, caller.uid(), Uuid::new_v4(), &progress);
        // A service that is not there is asked once, not once for each of its actions.
        let mut missing: Vec<(action::Need, Failure)> = Vec::new();
        for entry in CATALOGUE {
            let available = match missing.iter().find(|(need, _)| *need == entry.need) {
                Some((_, failure)) => Err(failure.clone()),
                None => would_work(&cx, entry).await,
            };
            if let Err(failure) = &available
                && failure.code != Code::NotAuthorized
                && failure.data.as_ref().is_some_and(|d| d.get("needs").or(d.get("service")).is_some())
            {
                missing.push((entry.need, failure.clone()));
            }
            let judged = async |risk| match entry.meta {
                true => "ok",
                false => {
                    let subject = Subject { risk, ..ordinary(entry) };
                    self.judge(&rules.policy, &[subject], Who::Here(caller)).await.decision.name()
                }
            };
            let verdict = judged(entry.risk).await;
            let verdict_possible = judged(entry.risk_possible).await;
            actions.push(json!({
                "name": entry.name, "summary": entry.summary(), "args": (entry.schema)(), "risk": entry.risk,
                "risk_possible": entry.risk_possible, "undo": entry.undo, "needs": entry.need.words(),
                "available": available.is_ok(), "why_not": available.err().map(|f| f.message),
                "verdict": verdict, "verdict_possible": verdict_possible,
                "examples": entry.examples.iter().map(|e| json!({ "say": e.say, "payload": e.payload })).collect::<Vec<_>>(),
            }));
        }
        json!({
            "actions": actions, "policy": self.policy_state_for(caller), "version": env!("CARGO_PKG_VERSION"), "mode": self.0.services.mode,
            "services": self.0.services.versions().await,
            "package_managers": self.0.services.packages.standing().await,
        })
    }

    /// How the policy stands: its hash, its generation, who can write it, and what was wrong with the last files.
    pub fn policy_state(&self) -> Value {
        let rules = self.rules();
        let mut state = json!({
            "hash": rules.policy.hash(), "generation": rules.generation,
            "written_by": if self.0.files.self_writable(&rules.files) { "self-writable" } else { "others" },
        });
        if let Some(why) = rules.policy.is_broken() {
            state["broken"] = json!(why);
        }
        if let Some(why) = &rules.rejected {
            state["rejected"] = json!(why);
        }
        state
    }

    /// [`Core::policy_state`] for this caller: the text of the files, which errors quote, is for those who may read them.
    fn policy_state_for(&self, caller: &Caller) -> Value {
        let mut state = self.policy_state();
        if !self.may_read_policy(caller) {
            for key in ["broken", "rejected"] {
                if let Some(text) = state.get_mut(key) {
                    *text = json!(NOT_SHOWN);
                }
            }
        }
        state
    }

    /// The reason of a verdict as this caller may know it: a rule's own words, but not the errors of broken files.
    pub(super) fn why(&self, caller: &Caller, policy: &Policy, verdict: &Verdict) -> Option<String> {
        match policy.is_broken() {
            Some(_) if !self.may_read_policy(caller) => Some(NOT_SHOWN.to_owned()),
            _ => verdict.why.as_deref().map(str::to_owned),
        }
    }

    fn pending(&self, caller: &Caller) -> Outcome {
        let mut pending = self.0.gate.pending(caller, self.plain_yes(caller));
        let rules = self.rules();
        for item in &mut pending {
            item["scopes"] = json!(scopes(&item["steps"], &rules.policy));
        }
        let message = match pending.len() {
            0 => "Nothing waits for an answer.".to_owned(),
            1 => "One request waits for an answer.".to_owned(),
            n => format!("{n} requests wait for an answer."),
        };
        Outcome::says(message).with(json!({ "pending": pending }))
    }

    fn grants(&self, caller: &Caller) -> Outcome {
        let grants = self.0.gate.grants(caller);
        let message = match grants.len() {
            0 => "There are no standing approvals.".to_owned(),
            1 => "There is one standing approval.".to_owned(),
            n => format!("There are {n} standing approvals."),
        };
        Outcome::says(message).with(json!({ "grants": grants }))
    }

    async fn revoke(&self, caller: &Arc<Caller>, id: &str) -> Result<Outcome, Failure> {
        let grant = self.0.gate.revoke(id, caller).await?;
        let mut record = self.blank(Kind::Decided, caller);
        record.action = Some(grant.action.clone());
        record.decision = Some("revoked".to_owned());
        record.data = Some(json!({ "grant": grant.id, "owner": grant.owner }));
        self.write_later(&record);
        let now = self.0.clock.now().wall_ms;
        self.0.events.tell(Some(grant.owner), "grant_changed", now, || json!({ "revoked": grant.id }));
        Ok(Outcome::says("Taken back.").with(json!({ "id": grant.id })))
    }

    async fn result(&self, caller: &Arc<Caller>, of: ResultOf) -> Result<Outcome, Failure> {
        if of.wait > MAX_WAIT {
            return Err(Failure::invalid_payload(format!("`wait` is at most {MAX_WAIT} seconds")));
        }
        let until = tokio::time::Instant::now() + Duration::from_secs(of.wait.into());
        loop {
            let mut moved = std::pin::pin!(self.0.gate.moved.notified());
            moved.as_mut().enable();
            let (held, state, end) = self.0.gate.standing(&of.id, caller)?;
            let waits = matches!(state, "pending" | "executing");
            if !waits || tokio::time::timeout_at(until, moved).await.is_err() {
                let mut data = json!({ "id": held.id, "state": state, "action": held.name });
                if let Some(end) = end {
                    data["reply"] = end.reply.clone().unwrap_or(Value::Null);
                    data["note"] = json!(end.note);
                }
                let said = data["reply"]["message"].as_str().map(str::to_owned);
                return Ok(Outcome::says(said.unwrap_or_else(|| standing(state).to_owned())).with(data));
            }
        }
    }

    fn full_state(&self, caller: &Caller) -> Outcome {
        Outcome::says("Subscribed.").with(json!({
            "pending": self.0.gate.pending(caller, self.plain_yes(caller)), "grants": self.0.gate.grants(caller),
            "policy": self.policy_state_for(caller), "seq": 0,
        }))
    }

    /// What a request would be understood as, and what the policy says to it. Nothing runs and nothing changes.
    async fn explain(&self, caller: &Arc<Caller>, explain: Explain) -> Reply {
        match self.try_explain(caller, explain).await {
            Ok(outcome) => Reply::done("explain", outcome),
            Err(failure) => Reply::failed("explain", failure),
        }
    }

    async fn try_explain(&self, caller: &Arc<Caller>, explain: Explain) -> Result<Outcome, Failure> {
        let (ask, parse, said) = match (&explain.request, &explain.text) {
            (Some(request), None) => {
                let line = request.to_string();
                let request = steward_ipc::Request::decode(line.as_bytes())
                    .map_err(|e| Failure::new(Code::InvalidRequest, format!("invalid request: {e}")))?;
                let ask = action::read(&request.name, request.payload.as_deref(), request.args.clone())?;
                match ask {
                    Ask::Meta(Meta::NaturalLanguage(said)) => {
                        let (ask, parse) = self.understand(caller, &said.text).await?;
                        (ask, parse, true)
                    }
                    ask => (ask, Value::Null, false),
                }
            }
            (None, Some(text)) => {
                let (ask, parse) = self.understand(caller, text).await?;
                (ask, parse, true)
            }
            _ => return Err(Failure::invalid_payload("give either `request` or `text`")),
        };
        let action = match ask {
            Ask::Do(action) => action,
            Ask::Meta(meta) => {
                let message = format!("`{}` is answered without asking the rules.", meta.name());
                return Ok(Outcome::says(message).with(json!({
                    "action": meta.name(), "payload": parse.get("payload"), "args": {}, "decision": "ok", "rule": "meta",
                    "why": null, "instead": null, "parse": parse,
                })));
            }
        };
        let (name, args) = (action.name(), action.args());
        // What a sentence was understood as, before the action spells it in its own way.
        let payload = parse.get("payload").cloned().unwrap_or_else(|| json!(action.payload()));
        let sentence = action.sentence();
        let rules = self.rules();
        let progress = |_: Progress| {};
        let cx = self.context(caller, caller.uid(), Uuid::new_v4(), &progress);
        let mut plan = Plan::one(action);
        plan.said = said;
        let looked = async {
            let mut plan = self.resolve(plan, &cx).await?;
            let (subjects, _, troubles) = self.look(&mut plan, &rules.policy, Who::Here(caller), &cx).await;
            match troubles.into_iter().flatten().next() {
                Some(failure) => Err(failure),
                None => Ok((plan, subjects)),
            }
        };
        let (plan, subjects) = match looked.await {
            Ok(looked) => looked,
            // What the words mean is the same on any machine.
            Err(f) if said => {
                let message = format!("{sentence}: this cannot be done here: {}", f.message);
                return Ok(Outcome::says(message).with(json!({
                    "action": name, "payload": payload, "args": args, "decision": null, "rule": null, "why": f.message,
                    "instead": null, "error": f.code, "parse": parse,
                })));
            }
            Err(f) => return Err(f),
        };
        let verdict = self.judge(&rules.policy, &subjects, Who::Here(caller)).await;
        let may_read = self.may_read_policy(caller);
        let sentence = plan.steps.iter().map(action::Action::sentence).collect::<Vec<_>>().join("; then ");
        let message = match verdict.decision {
            Decision::Ok => format!("{sentence}: this would be done at once."),
            Decision::Confirm(_) => format!("{sentence}: a person would be asked first."),
            Decision::Deny => format!("{sentence}: the policy says no."),
        };
        let mut data = json!({
            "action": name, "payload": payload, "args": args, "decision": verdict.decision.name(),
            "rule": may_read.then_some(&*verdict.rule), "why": self.why(caller, &rules.policy, &verdict), "instead": verdict.instead.as_deref(),
            "parse": parse,
        });
        if let Decision::Confirm(needs) = verdict.decision {
            data["assurance"] = json!(needs.assurance);
        }
        let mut outcome = Outcome::says(message);
        if explain.preview && verdict.decision != Decision::Deny {
            let mut there = Ok(());
            for step in &plan.steps {
                there = there.and(cx.available(step).await);
            }
            let preview = match there {
                Ok(()) => {
                    self.preview(&plan, &[], &cx).await.and_then(|all| all.into_iter().collect::<Result<Vec<_>, _>>())
                }
                Err(f) => Err(f),
            };
            match preview {
                Ok(mut shown) => {
                    self.mark_previews(&plan.steps, &mut shown);
                    data["preview"] = serde_json::to_value(super::assess::merged(&shown)).unwrap_or(Value::Null);
                    outcome.preview = super::assess::merged(&shown).map(Box::new);
                }
                Err(f) => data["preview_error"] = json!(f.message),
            }
        }
        Ok(outcome.with(data))
    }
}

/// Whether an action would work here and now: its service is there, and what would happen can be found out for its ordinary
/// arguments. Changes nothing.
async fn would_work(cx: &crate::services::Context<'_>, entry: &'static action::Entry) -> Result<(), Failure> {
    if entry.personal {
        cx.personal()?;
    }
    cx.services.probe(entry.need).await?;
    // What packages would do is not looked at: it takes long, and depends on which. A command has no ordinary one.
    if matches!(entry.need, action::Need::Nothing | action::Need::Packages | action::Need::Sandbox) {
        return Ok(());
    }
    let payload = entry.examples.iter().find_map(|e| e.payload);
    let Ok(Ask::Do(action)) = entry.parse(payload, None) else { return Ok(()) };
    match tokio::time::timeout(PROBE, action.preview(cx)).await {
        Ok(Err(failure)) if matches!(failure.code, Code::Unavailable | Code::NotAuthorized | Code::TimedOut) => {
            Err(failure)
        }
        Ok(_) => Ok(()),
        Err(_) => Err(Failure::new(Code::TimedOut, format!("nothing answered within {} seconds", PROBE.as_secs()))),
    }
}

/// An ordinary request for an action, to be judged: its first example with a payload.
fn ordinary(entry: &'static action::Entry) -> Subject {
    let payload = entry.examples.iter().find_map(|e| e.payload);
    let facts = match entry.parse(payload, None) {
        Ok(Ask::Do(action)) => action.facts(),
        _ => Vec::new(),
    };
    Subject { action: entry.name, risk: entry.risk, facts }
}

/// What a longer approval of a held request can cover, narrowest first, as sentences: their numbers are what `confirm` takes as
/// `scope`.
fn scopes(steps: &Value, policy: &Policy) -> Vec<String> {
    let read = |step: &Value| match action::recall(step["action"].as_str()?, step["args"].as_object().cloned()?) {
        Ok(Ask::Do(action)) => Some(Subject { action: action.name(), risk: action.risk(), facts: action.facts() }),
        _ => None,
    };
    let subjects: Option<Vec<Subject>> = steps.as_array().into_iter().flatten().map(read).collect();
    offers(&subjects.unwrap_or_default(), policy).into_iter().map(|(_, sentence)| sentence).collect()
}

fn standing(state: &str) -> &'static str {
    match state {
        "pending" => "It waits for an answer.",
        "executing" => "It is being carried out.",
        "denied" => "A person said no.",
        "expired" => "Nobody answered in time.",
        "cancelled" => "It was withdrawn.",
        "invalidated" => "What would happen changed, so it must be asked for again.",
        "unknown" => "It is not known whether it had its effect. When that is found out later, it is told here.",
        _ => "It ended.",
    }
}
