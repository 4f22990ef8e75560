//! Secrets and ConfigMaps by name. Values are redacted from the moment they are read.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use k8s_openapi::api::core::v1 as k8s;
use kube::api::GetParams;
use serde::Deserialize;

use super::{Cluster, ClusterError, error::Action, requests_for};
use crate::{core::keys::ObjectKey, secret::Secret};

/// The fields of a Secret that are text.
pub type SecretFields = BTreeMap<String, Secret>;

/// A Secret as it comes over the wire. Not the generated type: its errors quote what they cannot decode.
#[derive(Deserialize)]
pub(super) struct RawSecret {
    pub(super) metadata: RawMetadata,
    #[serde(default)]
    data: Option<BTreeMap<String, Option<String>>>,
}

#[derive(Deserialize)]
pub(super) struct RawMetadata {
    pub(super) name: String,
}

impl RawSecret {
    /// Decoded. A field that is not UTF-8 text is left out: nothing that this program needs is binary.
    pub(super) fn fields(self) -> SecretFields {
        let decoded = |value: Option<String>| {
            let bytes = STANDARD.decode(value.unwrap_or_default()).ok()?;
            String::from_utf8(bytes).ok().map(Secret::new)
        };
        let data = self.data.unwrap_or_default().into_iter();
        data.filter_map(|(key, value)| Some((key, decoded(value)?))).collect()
    }
}

#[derive(Deserialize)]
struct RawConfigMap {
    #[serde(default)]
    data: Option<BTreeMap<String, String>>,
}

impl Cluster {
    /// The fields of a Secret; `None` when there is no such Secret.
    pub async fn secret(&self, key: &ObjectKey) -> Result<Option<SecretFields>, ClusterError> {
        let action = Action::new::<k8s::Secret>("get", Some(&key.namespace)).named(&key.name);
        let request = requests_for::<k8s::Secret>(&action)?;
        let found: Option<RawSecret> = self
            .call_optional(&action, request.get(&key.name, &GetParams::default()))
            .await?;
        Ok(found.map(RawSecret::fields))
    }

    /// The text fields of a ConfigMap; `None` when there is no such ConfigMap.
    pub async fn config_map(&self, key: &ObjectKey) -> Result<Option<BTreeMap<String, String>>, ClusterError> {
        let action = Action::new::<k8s::ConfigMap>("get", Some(&key.namespace)).named(&key.name);
        let request = requests_for::<k8s::ConfigMap>(&action)?;
        let found: Option<RawConfigMap> = self
            .call_optional(&action, request.get(&key.name, &GetParams::default()))
            .await?;
        Ok(found.map(|map| map.data.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_decoded_and_its_binary_fields_are_left_out() {
        let raw: RawSecret = serde_json::from_str(
            r#"{"metadata": {"name": "s"}, "data": {"a": "eA==", "empty": "", "null": null, "binary": "/w==", "bad": "%"}}"#,
        )
        .unwrap();
        let expected = [("a", "x"), ("empty", ""), ("null", "")].map(|(k, v)| (k.to_owned(), Secret::new(v)));
        assert_eq!(raw.fields(), BTreeMap::from(expected));
    }
}
