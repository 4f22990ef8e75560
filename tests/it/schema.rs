//! The resource's schema: compared with a table that is written by hand, and tried on the real API server.

use std::collections::{BTreeMap, BTreeSet};

use argocd_image_updater::{
    api::v1alpha1::{self, ImageUpdater},
    cli::crd,
};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, PostParams},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::apiserver::ApiServer;

const TABLE: &str = include_str!("../fixtures/schema/table.txt");
const RESOURCES: &str = include_str!("../fixtures/schema/resources.yaml");

/// One field, of the table or of the schema.
#[derive(Debug, Clone, PartialEq)]
struct Field {
    kind: String,
    required: bool,
    default: Option<Value>,
    list: String,
    rest: Value,
}

struct Row {
    field: Field,
    new: bool,
}

/// The table: type name -> field name -> what it says.
fn table() -> BTreeMap<String, BTreeMap<String, Row>> {
    let mut types: BTreeMap<String, BTreeMap<String, Row>> = BTreeMap::new();
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        // The last cell is JSON, which may have bars of its own.
        let cells: Vec<&str> = line.splitn(7, " | ").collect();
        let [name, kind, needs, default, list, since, rest] = cells[..] else {
            panic!("seven cells: {line}")
        };
        let (owner, name) = name.split_once('.').expect("TYPE.field");
        let field = Field {
            kind: kind.to_owned(),
            required: needs == "required",
            default: (default != "-").then(|| serde_json::from_str(default).expect("a default in JSON")),
            list: list.to_owned(),
            rest: serde_json::from_str(rest).expect("keywords in JSON"),
        };
        let row = Row {
            field,
            new: since == "new",
        };
        types.entry(owner.to_owned()).or_default().insert(name.to_owned(), row);
    }
    types
}

fn schema() -> Value {
    let crd = serde_json::to_value(v1alpha1::crd()).expect("JSON");
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// The type as the table names it, and the schema of its fields. Types without a name are told by the table.
fn kind_of(schema: &Value, named: &str) -> String {
    let named = named.trim_start_matches('[').trim_end_matches(']');
    match (schema["type"].as_str().expect("a type"), schema["format"].as_str()) {
        ("string", Some("date-time")) => "time".to_owned(),
        ("integer", Some(format)) => format!("integer:{format}"),
        ("array", None) => format!("[{}]", kind_of(&schema["items"], named)),
        ("object", None) if schema.get("additionalProperties") == Some(&json!({"type": "string"})) => "map".to_owned(),
        ("object", None) => named.to_owned(),
        (kind, None) => kind.to_owned(),
        (kind, Some(format)) => format!("{kind}:{format}"),
    }
}

fn list_of(schema: &Map<String, Value>) -> String {
    match (
        schema.get("x-kubernetes-list-type"),
        schema.get("x-kubernetes-map-type"),
    ) {
        (None, None) => "-".to_owned(),
        (Some(kind), None) if kind == "map" => {
            let keys = &schema["x-kubernetes-list-map-keys"];
            assert_eq!(keys.as_array().map(Vec::len), Some(1), "{keys}");
            format!("map({})", keys[0].as_str().expect("a key"))
        }
        (Some(kind), None) | (None, Some(kind)) => kind.as_str().expect("a word").to_owned(),
        both => panic!("{both:?}"),
    }
}

/// Every keyword that no other cell tells.
fn rest_of(schema: &Map<String, Value>) -> Value {
    let mut rest = schema.clone();
    for told in [
        "description",
        "type",
        "format",
        "default",
        "properties",
        "required",
        "additionalProperties",
        "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-map-type",
    ] {
        rest.remove(told);
    }
    if let Some(Value::Object(items)) = rest.remove("items")
        && let Value::Object(items) = rest_of(&items)
        && !items.is_empty()
    {
        rest.insert("items".to_owned(), Value::Object(items));
    }
    if let Some(rules) = rest.get_mut("x-kubernetes-validations") {
        *rules = rules
            .as_array()
            .expect("rules")
            .iter()
            .map(|rule| rule["rule"].clone())
            .collect();
    }
    for value in rest.values_mut() {
        // Limits are numbers of any kind to Kubernetes' own types: 0 is 0.0.
        if let Some(Ok(whole)) = value.as_f64().map(|number| number.to_string().parse::<i64>()) {
            *value = json!(whole);
        }
    }
    Value::Object(rest)
}

fn compare(
    path: &str,
    owner: &str,
    schema: &Value,
    types: &BTreeMap<String, BTreeMap<String, Row>>,
    wrong: &mut Vec<String>,
) {
    let empty = BTreeMap::new();
    let expected = types.get(owner).unwrap_or(&empty);
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    let known: BTreeSet<_> = expected.keys().chain(properties.keys()).collect();
    for name in known {
        let path = format!("{path}.{name}");
        let (Some(row), Some(property)) = (expected.get(name), properties.get(name)) else {
            wrong.push(format!(
                "{path}: in the table {}, in the schema {}",
                expected.contains_key(name),
                properties.contains_key(name)
            ));
            continue;
        };
        let object = property.as_object().expect("a schema");
        let actual = Field {
            kind: kind_of(property, &row.field.kind),
            required: schema["required"]
                .as_array()
                .is_some_and(|all| all.iter().any(|field| field == name)),
            default: object.get("default").cloned(),
            list: list_of(object),
            rest: rest_of(object),
        };
        if actual != row.field {
            wrong.push(format!("{path}:\n  table  {:?}\n  schema {actual:?}", row.field));
        }
        let description = property["description"].as_str().unwrap_or_default();
        if (description.is_empty() && name != "metadata") || description.starts_with("New.") != row.new {
            wrong.push(format!("{path}: the description is {description:?}, new: {}", row.new));
        }
        let inner = if property["type"] == "array" {
            &property["items"]
        } else {
            property
        };
        let owner = row.field.kind.trim_start_matches('[').trim_end_matches(']');
        compare(&path, owner, inner, types, wrong);
    }
}

#[test]
fn every_field_is_what_the_table_says_and_has_a_description() {
    let mut wrong = Vec::new();
    compare("ImageUpdater", "ImageUpdater", &schema(), &table(), &mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_nullable_and_no_field_says_its_line_breaks() {
    fn look(schema: &Value, path: &str) {
        let Value::Object(object) = schema else { return };
        for (key, value) in object {
            assert_ne!(key, "nullable", "{path}");
            assert!(
                key != "description" || !value.as_str().is_some_and(|text| text.contains('\n')),
                "{path}: {value}"
            );
            match key.as_str() {
                "properties" => value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .for_each(|(k, v)| look(v, &format!("{path}.{k}"))),
                "items" => look(value, &format!("{path}[]")),
                _ => {}
            }
        }
    }
    look(&schema(), "");
}

#[test]
fn the_definition_has_the_names_and_columns_that_must_stay() {
    let crd = serde_json::to_value(v1alpha1::crd()).expect("JSON");
    assert_eq!(
        crd["metadata"]["name"],
        "imageupdaters.argocd-image-updater.argoproj.io"
    );
    let names = json!({
        "kind": "ImageUpdater", "listKind": "ImageUpdaterList", "plural": "imageupdaters", "singular": "imageupdater",
    });
    assert_eq!(crd["spec"]["names"], names);
    assert_eq!(crd["spec"]["group"], "argocd-image-updater.argoproj.io");
    assert_eq!(crd["spec"]["scope"], "Namespaced");
    let version = &crd["spec"]["versions"][0];
    assert_eq!(version["name"], "v1alpha1");
    assert_eq!(version["subresources"], json!({"status": {}}));
    let columns = json!([
        {"name": "Apps", "type": "integer", "jsonPath": ".status.applicationsMatched"},
        {"name": "Images", "type": "integer", "jsonPath": ".status.imagesManaged"},
        {"name": "Last Checked", "type": "date", "jsonPath": ".status.lastCheckedAt"},
        {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
    ]);
    assert_eq!(version["additionalPrinterColumns"], columns);
}

#[test]
fn the_file_in_crds_is_what_the_program_prints() {
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/crds/imageupdaters.yaml"));
    let printed = crd::yaml().expect("YAML");
    assert!(
        file.is_ok_and(|file| file == printed),
        "crds/imageupdaters.yaml is stale: run `make crds`"
    );
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trial {
    name: String,
    spec: Option<Value>,
    stored: Option<Value>,
    because: Option<String>,
}

fn trials() -> Vec<Trial> {
    let mut text = RESOURCES.to_owned();
    for length in [254, 255, 256] {
        text = text.replace(&format!("REPEAT-{length}"), &"x".repeat(length));
    }
    yaml_serde::from_str(&text).expect("a list of trials")
}

#[test]
fn the_types_keep_what_the_schema_keeps() {
    for trial in trials().into_iter().filter(|trial| trial.because.is_none()) {
        // Dropped by both, with or without a warning.
        if trial.name == "unknown fields are pruned" {
            continue;
        }
        let given = json!({
            "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1", "kind": "ImageUpdater", "metadata": {},
            "spec": trial.spec,
        });
        let read: ImageUpdater =
            serde_json::from_value(given.clone()).unwrap_or_else(|e| panic!("{}: {e}", trial.name));
        assert_eq!(serde_json::to_value(read).expect("JSON"), given, "{}", trial.name);
    }
}

#[tokio::test]
async fn the_api_server_accepts_and_refuses_what_it_should() {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    let resource = ApiResource::erase::<ImageUpdater>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(server.client(), &namespace, &resource);
    let mut wrong = Vec::new();
    for (number, trial) in trials().into_iter().enumerate() {
        let mut object = DynamicObject::new(&format!("trial-{number}"), &resource);
        if let Some(spec) = trial.spec {
            object.data = json!({ "spec": spec });
        }
        match (api.create(&PostParams::default(), &object).await, trial.because) {
            (Ok(created), None) => {
                if let Some(stored) = trial.stored
                    && created.data["spec"] != stored
                {
                    wrong.push(format!(
                        "{}: stored\n  {}\n  instead of\n  {stored}",
                        trial.name, created.data["spec"]
                    ));
                }
            }
            (Ok(_), Some(_)) => wrong.push(format!("{}: accepted", trial.name)),
            (Err(error), None) => wrong.push(format!("{}: refused: {error}", trial.name)),
            (Err(error), Some(because)) => {
                if !error.to_string().contains(&because) {
                    wrong.push(format!("{}: {because:?} is not in: {error}", trial.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
