//! What a sentence was understood as: an order, several that it can be, or none and why.

use serde_json::{Map, Value, json};

use super::refuse::Reason;

/// A sentence that is an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The action's name.
    pub action: &'static str,
    /// Its payload in the string form of the NDJSON protocol.
    pub payload: Option<String>,
    /// The template that said it.
    pub template: &'static str,
    /// What its slots took: name and value.
    pub slots: Vec<(&'static str, String)>,
    /// What was set aside around the order, as written.
    pub skipped: Vec<String>,
}

impl Order {
    /// How it was read, for explanations: `action`, `payload`, `template`, `slots`, `skipped`.
    pub fn to_json(&self) -> Value {
        let slots: Map<String, Value> =
            self.slots.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        json!({
            "action": self.action,
            "payload": self.payload,
            "template": self.template,
            "slots": slots,
            "skipped": self.skipped,
        })
    }
}

/// Why a sentence is no order, and what is near it. Nothing may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nothing {
    /// Why not.
    pub reason: Reason,
    /// What it spoke of, when that can be told: "rebooting the computer".
    pub about: Option<String>,
    /// Up to three of the nearest commands, in words.
    pub near: Vec<String>,
}

impl Nothing {
    /// What to tell the person.
    pub fn sentence(&self) -> String {
        self.reason.sentence(self.about.as_deref())
    }

    /// `reason`, `near`, where it can be told `about`, and for two orders in one sentence `orders`: requests that can be sent one by one.
    pub fn to_json(&self) -> Value {
        let mut data = json!({ "reason": self.reason.name(), "near": self.near });
        if let Some(about) = &self.about {
            data["about"] = json!(about);
        }
        if let Reason::Compound(orders) = &self.reason {
            let requests = orders.iter().map(|o| json!({ "version": 1, "name": o.action, "payload": o.payload }));
            data["orders"] = requests.collect();
        }
        data
    }
}

/// What a sentence was understood as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// One clear order.
    Order(Order),
    /// An order that can be meant in more than one way.
    Ambiguous(Vec<Order>),
    /// No order.
    Nothing(Nothing),
}

impl Reading {
    /// What to tell the person when there is no order; for an order, an empty sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Order(_) => String::new(),
            Self::Ambiguous(orders) => {
                let mut names: Vec<String> = orders.iter().map(|o| o.action.replace('_', " ")).collect();
                names.dedup();
                format!("That can mean {}; I did nothing.", names.join(" or "))
            }
            Self::Nothing(nothing) => nothing.sentence(),
        }
    }
}
