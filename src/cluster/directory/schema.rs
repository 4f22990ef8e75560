//! Checks an ImageUpdater against its own schema, so that a misspelt field is found before anything is decided.
//!
//! An API server prunes unknown fields; in a folder nobody would tell the user, so here they are errors.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use crate::{
    api::v1alpha1,
    core::yaml::{Path, Step},
};

/// A place that does not fit the schema.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    pub(super) path: Path,
    pub(super) reason: String,
}

/// The schema of the resource.
#[derive(Debug)]
pub(super) struct Schema(Value);

impl Schema {
    pub(super) fn of_image_updater() -> Self {
        let crd = serde_json::to_value(v1alpha1::crd()).unwrap_or_default();
        Self(
            crd.pointer("/spec/versions/0/schema/openAPIV3Schema")
                .cloned()
                .unwrap_or_default(),
        )
    }

    /// Everything in `object` that the schema does not know, or that has another type there.
    pub(super) fn misfits(&self, object: &Value) -> Vec<Misfit> {
        let mut misfits = Vec::new();
        let mut body = object.clone();
        if let Some(body) = body.as_object_mut() {
            body.shift_remove("apiVersion");
            body.shift_remove("kind");
            body.shift_remove("metadata");
        }
        check(&self.0, &body, &mut Vec::new(), &mut misfits);
        misfits.extend(metadata(&object["metadata"]));
        misfits
    }
}

/// Unknown fields of the metadata: those that do not come back from the type.
fn metadata(given: &Value) -> Vec<Misfit> {
    let here = Path::root().key("metadata");
    match serde_json::from_value::<ObjectMeta>(given.clone()) {
        Err(e) => vec![Misfit {
            path: here,
            reason: e.to_string(),
        }],
        Ok(meta) => {
            let known = serde_json::to_value(meta).unwrap_or_default();
            let fields = given.as_object().into_iter().flatten();
            fields
                .filter(|(key, value)| !value.is_null() && known.get(key.as_str()).is_none())
                .map(|(key, _)| Misfit {
                    path: here.clone().key(key),
                    reason: "unknown field".to_owned(),
                })
                .collect()
        }
    }
}

fn check(schema: &Value, value: &Value, steps: &mut Vec<Step>, misfits: &mut Vec<Misfit>) {
    let mut report = |steps: &[Step], reason: String| {
        misfits.push(Misfit {
            path: steps.to_vec().into(),
            reason,
        });
    };
    // A null is an absent field, as it is for the API server.
    if value.is_null() || schema["x-kubernetes-preserve-unknown-fields"] == true {
        return;
    }
    let wanted = schema["type"].as_str().unwrap_or_default();
    let fits = match wanted {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    if !fits {
        return report(steps, format!("must be of type {wanted}"));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        return report(steps, format!("must be one of {}", Value::from(allowed.clone())));
    }
    match value {
        Value::Array(list) => {
            for (index, item) in list.iter().enumerate() {
                steps.push(Step::Index(index));
                check(&schema["items"], item, steps, misfits);
                steps.pop();
            }
        }
        Value::Object(map) => {
            for required in schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
            {
                if map.get(required).is_none_or(Value::is_null) {
                    report(steps, format!("{required} is missing"));
                }
            }
            let properties = schema["properties"].as_object();
            let more = &schema["additionalProperties"];
            for (key, item) in map {
                steps.push(Step::Key(key.clone()));
                match properties.and_then(|properties| properties.get(key)) {
                    Some(schema) => check(schema, item, steps, misfits),
                    None if more.is_object() => check(more, item, steps, misfits),
                    None if more == true || wanted.is_empty() => {}
                    None => misfits.push(Misfit {
                        path: steps.clone().into(),
                        reason: "unknown field".to_owned(),
                    }),
                }
                steps.pop();
            }
        }
        _ => {}
    }
}
