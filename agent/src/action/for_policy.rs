//! The catalogue as the policy sees it: names, classes of harm, arguments, and example requests.

use serde_json::Value;
use steward_policy::{ActionInfo, Catalogue, OwnedArg, OwnedStep, PathFact};

use super::{CATALOGUE, entry, files, read};
use crate::request::Ask;

/// The catalogue of this agent.
#[derive(Clone, Copy, Debug, Default)]
pub struct ForPolicy;

impl Catalogue for ForPolicy {
    fn names(&self) -> Vec<String> {
        CATALOGUE.iter().map(|e| e.name.to_owned()).collect()
    }

    fn action(&self, name: &str) -> Option<ActionInfo> {
        let entry = entry(name)?;
        Some(ActionInfo {
            risk: entry.risk,
            args: entry.args.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect(),
            // Rules for sentences are allowed: they join with those for what the sentence becomes.
            meta: entry.meta && name != "natural_language",
        })
    }

    fn parse(&self, text: &str) -> Result<Vec<OwnedStep>, String> {
        let request = match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(_)) => steward_ipc::Request::decode(text.as_bytes())?,
            _ => {
                let (name, payload) = match text.trim().split_once(' ') {
                    Some((name, payload)) => (name, Some(payload.trim())),
                    None => (text.trim(), None),
                };
                steward_ipc::Request::new(name, payload)
            }
        };
        let ask = read(&request.name, request.payload.as_deref(), request.args.clone()).map_err(|e| e.to_string())?;
        let Ask::Do(action) = ask else {
            let action = request.name.into_owned();
            return Ok(vec![OwnedStep { action, risk: steward_policy::Risk::Observe, args: Vec::new() }]);
        };
        let mut args: Vec<(String, OwnedArg)> =
            action.facts().into_iter().map(|(name, arg)| (name.to_owned(), arg)).collect();
        // Paths are opened when a request is looked at; an example stays as it is written.
        if let Some(path) = action.args().get("path").and_then(Value::as_str)
            && args.is_empty()
        {
            let fact = PathFact { path: path.to_owned(), kind: String::new(), owner: None };
            args.push(("path".to_owned(), OwnedArg::Path(fact)));
        }
        Ok(vec![OwnedStep { action: action.name().to_owned(), risk: files::by_name(&action), args }])
    }
}
