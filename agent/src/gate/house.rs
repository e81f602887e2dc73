//! Keeping house: what ends by time or by a new policy, and a journal that does not grow for ever.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::record::{End, Held, HeldStep};
use super::state::{Entry, Phase, State, records};
use super::{Gate, KEPT_MS, MAX_ENDED};

/// The oldest ended requests of each uid beyond [`MAX_ENDED`], without those that are `stale`.
fn surplus(state: &State, stale: &HashSet<Uuid>) -> HashSet<Uuid> {
    let mut of_uid: HashMap<u32, Vec<(i64, Uuid)>> = HashMap::new();
    for (id, entry) in state.held.iter().filter(|(id, _)| !stale.contains(id)) {
        if let Phase::Ended(_, end) = &entry.phase {
            of_uid.entry(entry.held.asker.uid).or_default().push((end.wall_ms, *id));
        }
    }
    let mut surplus = HashSet::new();
    for mut ended in of_uid.into_values() {
        ended.sort_unstable();
        let over = ended.len().saturating_sub(MAX_ENDED);
        surplus.extend(ended.into_iter().take(over).map(|(_, id)| id));
    }
    surplus
}

impl Gate {
    /// Ends what the new policy would judge stricter than when it was held; `stricter` decides. Gives back what was ended.
    pub async fn invalidate(&self, stricter: impl Fn(&Held) -> bool) -> Vec<Arc<Held>> {
        let ended: Vec<Arc<Held>> = {
            let mut state = self.state();
            let waiting = state.held.values_mut().filter(|e| matches!(e.phase, Phase::Pending) && stricter(&e.held));
            waiting
                .map(|e| {
                    e.phase = Phase::Claimed;
                    e.held.clone()
                })
                .collect()
        };
        for held in &ended {
            let note = Some("the policy changed".to_owned());
            let end = End { id: held.id, reply: None, note, approver: None, wall_ms: 0, by_another: false };
            if let Err(e) = self.end(held.id, "invalidated", end).await {
                tracing::warn!(id = %held.id, "{e}");
            }
        }
        ended
    }

    /// Journals what expired, forgets what ended a day ago, and writes the journal anew without it. Called now and then.
    pub async fn tidy(&self) -> Vec<Arc<Held>> {
        let now = self.clock.now();
        let expired: Vec<Arc<Held>> = {
            let mut state = self.state();
            let late = state.held.values_mut().filter(|e| matches!(e.phase, Phase::Pending) && e.held.expired(&now));
            late.map(|e| {
                e.phase = Phase::Claimed;
                e.held.clone()
            })
            .collect()
        };
        for held in &expired {
            let end = End { id: held.id, reply: None, note: None, approver: None, wall_ms: 0, by_another: false };
            if let Err(e) = self.end(held.id, "expired", end).await {
                tracing::warn!(id = %held.id, "{e}");
            }
        }
        self.compact().await;
        expired
    }

    /// Writes the journal anew when there is something to leave out.
    pub(super) async fn compact(&self) {
        let now = self.clock.now();
        let _nobody_holds = self.holding.lock().await;
        let ack = {
            let mut state = self.state();
            let old = |e: &Entry| matches!(&e.phase, Phase::Ended(_, end) if now.wall_ms - end.wall_ms > KEPT_MS);
            let stale: HashSet<Uuid> = state.held.iter().filter(|(_, e)| old(e)).map(|(id, _)| *id).collect();
            let surplus = surplus(&state, &stale);
            if !state.scrubbed
                && stale.is_empty()
                && surplus.is_empty()
                && !state.grants.values().any(|g| g.ended(&now))
            {
                return;
            }
            // Nothing may be on its way to the journal while it is written anew.
            if state.held.values().any(|e| matches!(e.phase, Phase::Claimed | Phase::Executing)) {
                return;
            }
            state.scrubbed = false;
            state.held.retain(|id, _| !stale.contains(id) && !surplus.contains(id));
            state.grants.retain(|_, g| !g.ended(&now));
            // Under the lock, so that nothing that happens meanwhile is lost.
            self.journal.rewrite(records(&state))
        };
        if let Err(e) = ack.await {
            tracing::warn!("the journal could not be written anew: {e}");
            self.state().scrubbed = true;
        }
    }

    /// Takes the texts of notes out of requests that ended, in memory and in the journal: a note that is gone from the
    /// memory is to be gone from here too. Where another request is being carried out at the moment, the journal follows
    /// when that has ended.
    pub async fn scrub(&self) {
        {
            let mut state = self.state();
            let mut any = false;
            for entry in state.held.values_mut() {
                let of_notes = |s: &HeldStep| matches!(s.name.as_str(), "remember" | "read_context" | "forget");
                if let Phase::Ended(_, end) = &mut entry.phase
                    && entry.held.steps.iter().any(of_notes)
                {
                    let held = Arc::make_mut(&mut entry.held);
                    held.steps.iter_mut().filter(|s| of_notes(s)).for_each(|s| s.args = json!({}));
                    held.preview = None;
                    if let Some(Value::Object(reply)) = &mut end.reply {
                        reply.remove("data");
                        reply.remove("preview");
                        if held.steps.iter().any(|s| s.name == "read_context") {
                            reply.insert("message".to_owned(), Value::Null);
                        }
                    }
                    any = true;
                }
            }
            state.scrubbed |= any;
        }
        self.compact().await;
    }

    /// Whether the journal has the text of a note that was purged: the agent stopped before it was taken out.
    pub(crate) fn owes_scrub(&self) -> bool {
        let purge = |s: &HeldStep| s.name == "forget" && s.args["purge"] == true;
        let ended = |e: &&Entry| matches!(e.phase, Phase::Ended(..));
        self.state().held.values().filter(ended).any(|e| e.held.steps.iter().any(purge))
    }
}
