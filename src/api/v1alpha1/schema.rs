//! The CustomResourceDefinition, made from the types of this module.
//!
//! What a field allows is written at the field (`#[schemars(...)]`). Here is only what cannot be said there: optional
//! means absent and never null, and what the API server wants to know about the types of Kubernetes itself.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceValidation,
};
use kube::CustomResourceExt as _;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{ImageUpdater, ImageUpdaterSpec, ImageUpdaterStatus};

/// The definition of the resource, as it is applied to a cluster.
pub fn crd() -> CustomResourceDefinition {
    let mut crd = ImageUpdater::crd();
    crd.spec.names.list_kind = Some("ImageUpdaterList".to_owned());
    for version in &mut crd.spec.versions {
        version.schema = Some(CustomResourceValidation {
            open_api_v3_schema: Some(
                serde_json::from_value(resource()).expect("the schema of the types is one that Kubernetes knows"),
            ),
        });
    }
    crd
}

fn resource() -> Value {
    let mut schema = json!({
        "description": "ImageUpdater says which Argo CD Applications follow which images.",
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {
                "type": "string",
                "description": "The version of the schema: argocd-image-updater.argoproj.io/v1alpha1.",
            },
            "kind": {"type": "string", "description": "ImageUpdater."},
            "metadata": {"type": "object"},
            "spec": schema_of::<ImageUpdaterSpec>(),
            "status": schema_of::<ImageUpdaterStatus>(),
        },
    });
    describe_selector(at(&mut schema, &["spec", "applicationRefs", "[]", "labelSelectors"]));
    describe_conditions(at(&mut schema, &["status", "conditions"]));
    schema
}

fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::openapi3().with(|s| {
        s.meta_schema = None;
        s.inline_subschemas = true;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    mend(&mut schema);
    schema
}

/// Takes out what says "or null" (absence is how a value is left out), titles, and the line breaks of doc comments.
fn mend(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    if let Some(Value::Array(variants)) = object.get("anyOf")
        && let [value, null] = variants.as_slice()
        && null.get("enum") == Some(&json!([null]))
    {
        let value = value.clone();
        object.remove("anyOf");
        for (key, value) in value.as_object().into_iter().flatten() {
            // What is said at the field stands before what is said at its type.
            object.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    object.remove("nullable");
    object.remove("title");
    if let Some(Value::String(text)) = object.get_mut("description") {
        *text = text
            .split("\n\n")
            .map(|part| part.replace('\n', " "))
            .collect::<Vec<_>>()
            .join("\n\n");
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties.values_mut().for_each(mend);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = object.get_mut(key) {
            mend(inner);
        }
    }
}

/// The schema of the field at `path`; `[]` means the entries of a list.
fn at<'a>(schema: &'a mut Value, path: &[&str]) -> &'a mut Map<String, Value> {
    let field = path.iter().fold(schema, |schema, step| match *step {
        "[]" => &mut schema["items"],
        name => &mut schema["properties"][name],
    });
    field
        .as_object_mut()
        .expect("the path names a field of the types above")
}

/// A label selector is one value: two owners of its parts would make a selector that neither of them meant.
fn describe_selector(selector: &mut Map<String, Value>) {
    selector.insert("x-kubernetes-map-type".to_owned(), json!("atomic"));
    let expressions = &mut selector["properties"]["matchExpressions"];
    expressions["x-kubernetes-list-type"] = json!("atomic");
    expressions["items"]["properties"]["values"]["x-kubernetes-list-type"] = json!("atomic");
}

/// Conditions are kept apart by their type. The limits are those of Kubernetes for `metav1.Condition`.
fn describe_conditions(conditions: &mut Map<String, Value>) {
    conditions.insert("x-kubernetes-list-type".to_owned(), json!("map"));
    conditions.insert("x-kubernetes-list-map-keys".to_owned(), json!(["type"]));
    let limits = json!({
        "message": {"maxLength": 32768},
        "observedGeneration": {"minimum": 0},
        "reason": {"minLength": 1, "maxLength": 1024, "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"},
        "status": {"enum": ["True", "False", "Unknown"]},
        "type": {
            "maxLength": 316,
            "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?\
                (([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
        },
    });
    for (field, limits) in limits.as_object().into_iter().flatten() {
        for (keyword, value) in limits.as_object().into_iter().flatten() {
            conditions["items"]["properties"][field][keyword] = value.clone();
        }
    }
}
