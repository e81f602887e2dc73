//! Sentences: understood, then treated as the named action that they mean.

use std::sync::Arc;

use super::Core;
use crate::caller::Caller;
use crate::reply::Reply;
use crate::request::{Ask, Plan};

impl Core {
    /// Answers with the understood action's name; with `natural_language` when nothing was understood.
    pub(super) async fn say(&self, caller: &Arc<Caller>, text: &str) -> Reply {
        match self.understand(text) {
            Ok((Ask::Do(action), _)) => {
                let mut plan = Plan::one(action);
                plan.said = true;
                Box::pin(self.path(caller, plan)).await
            }
            // Only questions and withdrawals can be said; a yes is never read from a sentence.
            Ok((Ask::Meta(meta), _)) => Box::pin(self.meta(caller, meta)).await,
            Err(failure) => {
                self.refused(caller, "natural_language", &failure);
                Reply::failed("natural_language", failure)
            }
        }
    }
}
