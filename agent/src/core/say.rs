//! Sentences: understood, then treated as the named action that they mean.

use std::sync::Arc;

use serde_json::{Value, json};
use steward_ipc::Code;
use steward_policy::{Assurance, Risk};

use super::Core;
use crate::action::meta::{Cancel, Confirm};
use crate::action::{self, Meta};
use crate::caller::Caller;
use crate::gate::record::Held;
use crate::reply::{Failure, Reply};
use crate::request::{Ask, Plan, Terms};
use crate::services::Mode;
use steward_interpret::{Context, FollowUp, Reading};

/// How old a held request may be for a yes in words, in milliseconds: who says it still knows what was asked.
const YES_WITHIN: i64 = 60_000;

impl Core {
    /// Answers with the understood action's name; with `natural_language` when nothing was understood.
    pub(super) async fn say(&self, caller: &Arc<Caller>, text: &str) -> Reply {
        match self.understand(caller, text).await {
            Ok((Ask::Do(action), _)) => {
                let mut plan = Plan::one(action);
                plan.said = true;
                Box::pin(self.path(caller, plan, &Terms::default())).await
            }
            Ok((Ask::Meta(meta), _)) => Box::pin(self.meta(caller, meta)).await,
            Err(failure) => {
                self.refused(caller, "natural_language", &failure);
                Reply::failed("natural_language", failure)
            }
        }
    }

    /// Reads a sentence: the request that it means, and how it was read. What is no order by itself may follow from what was asked
    /// on this connection before.
    ///
    /// # Errors
    /// `not_understood` with commands that are near, `ambiguous` with the readings as requests, or what is wrong with the
    /// arguments.
    pub(super) async fn understand(&self, caller: &Caller, text: &str) -> Result<(Ask, Value), Failure> {
        let personal = self.0.services.mode == Mode::User;
        let cx = Context { home: self.0.services.home.as_deref().filter(|_| personal), ..Context::default() };
        let mut reading = self.0.interpreter.read(text, &cx);
        if personal && matches!(reading, Reading::Nothing(_)) {
            // Only now, because it reads folders: what is installed may have a name that means something else as well.
            let apps = self.0.services.seat.apps.clone();
            let names = move || apps.installed().iter().map(|app| app.title().to_lowercase()).collect::<Vec<_>>();
            let installed = tokio::task::spawn_blocking(names).await.unwrap_or_default();
            if !installed.is_empty() {
                reading = self.0.interpreter.read(text, &Context { installed: &installed, ..cx });
            }
        }
        match reading {
            Reading::Order(order) => {
                let ask = action::read(order.action, order.payload.as_deref(), None)?;
                Ok((ask, order.to_json()))
            }
            Reading::Ambiguous(orders) => {
                let readings: Vec<Value> =
                    orders.iter().map(|o| json!({ "version": 1, "name": o.action, "payload": o.payload })).collect();
                let message = "that can mean more than one thing; say it another way, or send one of the readings";
                Err(Failure::new(Code::Ambiguous, message).with(json!({ "readings": readings })))
            }
            Reading::Nothing(nothing) => match self.follow_up(caller, text)? {
                Some(followed) => Ok(followed),
                None => Err(Failure::new(Code::NotUnderstood, nothing.sentence()).with(nothing.to_json())),
            },
        }
    }

    /// What the sentence adds to what was asked on this connection before, as a named action.
    fn follow_up(&self, caller: &Caller, text: &str) -> Result<Option<(Ask, Value)>, Failure> {
        let last = caller.talk().last();
        let last = last.as_ref().map(|(action, payload)| (*action, payload.as_deref()));
        let (ask, action, payload) = match self.0.interpreter.follow_up(text, last) {
            None => return Ok(None),
            Some(FollowUp::Order { action, payload }) => {
                (action::read(action, payload.as_deref(), None)?, action, payload)
            }
            Some(FollowUp::No) => {
                let Some(held) = self.one_pending(caller) else { return Ok(None) };
                let id = held.id.to_string();
                (Ask::Meta(Meta::Cancel(Cancel { id: id.clone() })), "cancel", Some(id))
            }
            Some(FollowUp::Yes) => {
                let Some(held) = self.one_pending(caller) else { return Ok(None) };
                self.may_be_said(&held)?;
                let id = held.id.to_string();
                let confirm = Confirm { id: id.clone(), grant: None, scope: None, token: false };
                (Ask::Meta(Meta::Confirm(confirm)), "confirm", Some(id))
            }
        };
        let follows = last.map(|(action, payload)| json!({ "action": action, "payload": payload }));
        Ok(Some((ask, json!({ "action": action, "payload": payload, "follows": follows }))))
    }

    /// The one request of this connection that waits for an answer; nothing when there are several.
    fn one_pending(&self, caller: &Caller) -> Option<Arc<Held>> {
        let mut waiting = caller.talk().held().into_iter().filter_map(|id| {
            let (held, standing, _) = self.0.gate.standing(&id.to_string(), caller).ok()?;
            (standing == "pending").then_some(held)
        });
        let one = waiting.next()?;
        waiting.next().is_none().then_some(one)
    }

    /// Whether a yes in words is enough: the requester may answer, it was asked a moment ago, and it does no great harm.
    fn may_be_said(&self, held: &Held) -> Result<(), Failure> {
        let now = self.0.clock.now();
        let young = *now.boot_id == *held.boot_id && now.boot_ms - held.boot_ms < YES_WITHIN;
        let mild = held.steps.iter().all(|s| s.risk <= Risk::Disruptive);
        if held.needs.assurance <= Assurance::Requester && young && mild {
            return Ok(());
        }
        let message = format!("a yes in words is not enough for this; nothing was done. It waits as `{}`", held.id);
        Err(Failure::new(Code::NotUnderstood, message).with(json!({ "reason": "yes_needs_id", "near": [] })))
    }
}
