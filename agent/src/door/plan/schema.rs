//! The JSON Schema of plans (docs/action-plan.schema.json), made from the types that read them, and the table of error codes
//! (docs/error-codes.md). Lengths in it are in characters, those of the rules in bytes, so a plan that it refuses is refused; what
//! only the rules know (danger needs a token, a process or a unit) it does not say.

use serde_json::{Map, Value, json};
use steward_ipc::plan::{ActionPlan, ErrorCode};

/// The schema.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(ActionPlan).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), json!("ActionPlan"));
    }
    let definitions = schema["$defs"].clone();
    if let Some(steps) = schema.pointer_mut("/$defs/Action/oneOf").and_then(Value::as_array_mut) {
        steps.iter_mut().for_each(|step| whole(step, &definitions));
    }
    // The arguments stand in the steps now.
    let used = schema.to_string();
    if let Some(definitions) = schema["$defs"].as_object_mut() {
        definitions.retain(|name, _| used.contains(&format!("#/$defs/{name}\"")));
    }
    schema
}

/// Writes the arguments of a step into the step itself: only so nothing else can be allowed in it.
fn whole(step: &mut Value, definitions: &Value) {
    let Some(step) = step.as_object_mut() else { return };
    let arguments = step.remove("$ref").and_then(|r| {
        let name = r.as_str()?.rsplit('/').next()?;
        definitions.get(name)?.as_object().cloned()
    });
    let merge = |step: &mut Map<String, Value>, key: &str, more: Option<&Value>| match (step.get_mut(key), more) {
        (Some(Value::Object(own)), Some(Value::Object(more))) => own.extend(more.clone()),
        (Some(Value::Array(own)), Some(Value::Array(more))) => own.extend(more.iter().cloned()),
        (None, Some(more)) => drop(step.insert(key.to_owned(), more.clone())),
        _ => {}
    };
    if let Some(arguments) = &arguments {
        for key in ["properties", "required"] {
            merge(step, key, arguments.get(key));
        }
    }
    // The reader takes anything beside the type of `ping`; nobody has a reason to write it.
    step.insert("additionalProperties".to_owned(), json!(false));
}

/// The document of the error codes.
pub fn error_codes() -> String {
    let mut text = String::from(
        "# Error codes of action plans\n\nGenerated from `steward_ipc::plan::ErrorCode`; `UPDATE_DOCS=1 cargo test -p steward-agent --lib door::plan` writes it anew.\n\
         A code of a plan is in `error.code`, and nothing was run; one of a step in `results[i].error.code`. A command that ended with another\n\
         status than 0 has none: `ok` is false there. The codes never change their meaning; messages may, but for those that docs/plan.md names.\n\n\
         | code | of | when |\n|---|---|---|\n",
    );
    for (code, of, when) in ErrorCode::ALL {
        text.push_str(&format!("| `{code}` | {of} | {} |\n", when.trim()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use steward_ipc::plan::caps;

    fn is_current(name: &str, made: &str) {
        let path = format!("{}/../docs/{name}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, made).expect("the document can be written");
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == made,
            "docs/{name} is stale; run `UPDATE_DOCS=1 cargo test -p steward-agent --lib door::plan`"
        );
    }

    #[test]
    fn the_documents_are_up_to_date() {
        let schema = serde_json::to_string_pretty(&schema()).expect("JSON") + "\n";
        is_current("action-plan.schema.json", &schema);
        is_current("error-codes.md", &error_codes());
    }

    #[test]
    fn no_step_takes_what_it_does_not_know_and_caps_are_written_down() {
        let schema = schema();
        let steps = schema["$defs"]["Action"]["oneOf"].as_array().expect("steps");
        assert_eq!(steps.len(), 11);
        for step in steps {
            assert_eq!(step["additionalProperties"], json!(false), "{step}");
            assert!(step["properties"]["type"]["const"].is_string(), "{step}");
        }
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(schema["properties"]["actions"]["maxItems"], json!(caps::ACTIONS));
        let exec = steps.iter().find(|s| s["properties"]["type"]["const"] == "exec").expect("exec");
        assert_eq!(exec["properties"]["argv"]["items"]["maxLength"], json!(caps::TEXT));
        assert_eq!(exec["properties"]["timeout_sec"]["maximum"], json!(caps::SECONDS));
        assert_eq!(exec["properties"]["as_root"]["const"], json!(false));
        let write = steps.iter().find(|s| s["properties"]["type"]["const"] == "write_file").expect("write_file");
        assert_eq!(write["properties"]["content"]["maxLength"], json!(caps::CONTENT));
    }
}
