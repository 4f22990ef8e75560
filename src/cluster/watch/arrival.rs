//! An object as it comes from the API server: trimmed, or malformed, but never in the way of the others.

use std::{borrow::Cow, sync::Arc};

use kube::core::{NamespaceResourceScope, ObjectMeta, Resource};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use super::Watched;
use crate::core::{foreign::ForeignText, keys::ObjectKey};

/// An object that arrived.
#[derive(Debug, Clone)]
pub(super) struct Arrival<K> {
    /// Its metadata as far as a watch needs it: name, namespace and version.
    meta: ObjectMeta,
    /// The object, or what is wrong with it.
    pub(super) object: Result<Arc<K>, ForeignText>,
}

impl<K> Arrival<K> {
    pub(super) fn key(&self) -> ObjectKey {
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        ObjectKey::new(text(&self.meta.namespace), text(&self.meta.name))
    }
}

impl<'de, K: Watched> Deserialize<'de> for Arrival<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        let text = |value: &Value, field: &str| value["metadata"][field].as_str().map(str::to_owned);
        let meta = ObjectMeta {
            name: text(&value, "name"),
            namespace: text(&value, "namespace"),
            resource_version: text(&value, "resourceVersion"),
            ..ObjectMeta::default()
        };
        if meta.name.is_none() {
            return Err(D::Error::custom("an object without name"));
        }
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            // Often the largest part of an object, and nobody here reads it.
            metadata.remove("managedFields");
        }
        let object = match K::deserialize(&value) {
            Ok(mut object) => {
                object.trim();
                Ok(Arc::new(object))
            }
            Err(error) => Err(ForeignText::new(&error.to_string())),
        };
        Ok(Self { meta, object })
    }
}

impl<K: Watched> Resource for Arrival<K> {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        K::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        K::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        K::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::argocd::Application;

    #[test]
    fn a_malformed_object_arrives_with_its_name_and_its_fault() {
        let arrival: Arrival<Application> = serde_json::from_value(json!({
            "metadata": {"name": "shop", "namespace": "argocd", "resourceVersion": "7"},
            "spec": {"source": {"path": {"not": "a text"}}},
        }))
        .unwrap();
        assert_eq!(arrival.key(), ObjectKey::new("argocd", "shop"));
        assert_eq!(arrival.meta().resource_version.as_deref(), Some("7"));
        let error = arrival.object.unwrap_err();
        assert!(error.as_str().contains("expected a string"), "{error}");
    }

    #[test]
    fn lists_in_an_object_keep_the_order_of_their_keys() {
        let arrival: Arrival<Application> = serde_json::from_str(
            r#"{"metadata": {"name": "shop"}, "spec": {"source": {"helm": {"parameters": [{"value": "v", "name": "n"}]}}}}"#,
        )
        .unwrap();
        let text = serde_json::to_string(&*arrival.object.unwrap()).unwrap();
        assert!(text.contains(r#"{"value":"v","name":"n"}"#), "{text}");
    }
}
