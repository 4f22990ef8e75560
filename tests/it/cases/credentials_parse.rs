//! Where registry credentials lie, and what lies there.

use argocd_image_updater::{
    core::{keys::ObjectKey, resolve::credential_ref::CredentialRef},
    registry::credentials::{Credentials, CredentialsError, from_docker_config, from_env_value, from_user_password},
};
use serde_json::{Value, json};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let text = |key: &str| input[key].as_str().ok_or(format!("no {key}"));
    let read = match input["kind"].as_str() {
        Some("source") => return Ok(source(text("spec")?, input["require_registry"] == true)),
        Some("dockerconfigjson") => from_docker_config(text("config")?, text("registry_api_url")?),
        Some("env_value") => from_env_value("CREDENTIALS", text("value")?),
        Some("secret_value" | "script_output") => from_user_password(text("value")?),
        other => return Err(format!("unknown kind {other:?}")),
    };
    Ok(match read {
        Ok(Credentials { username, password, .. }) => json!({"username": username, "password": password.expose()}),
        Err(error) => json!({"error": label(&error)}),
    })
}

fn source(text: &str, require_registry: bool) -> Value {
    let (registry, _) = CredentialRef::split_registry(text);
    let Ok(source) = CredentialRef::parse(text) else {
        return json!({"error": "invalid"});
    };
    if require_registry && registry.is_none() {
        return json!({"error": "invalid"});
    }
    let mut shown = match source {
        CredentialRef::Secret {
            secret: ObjectKey { namespace, name },
            field,
        } => {
            json!({"type": "secret", "namespace": namespace, "name": name, "field": field})
        }
        CredentialRef::PullSecret(ObjectKey { namespace, name }) => {
            json!({"type": "pullsecret", "namespace": namespace, "name": name, "field": ".dockerconfigjson"})
        }
        CredentialRef::Env(name) => json!({"type": "env", "env": name}),
        CredentialRef::Ext(path) => json!({"type": "ext", "script": path}),
        CredentialRef::Cloud(vendor) => json!({"type": vendor.as_str()}),
    };
    if let Some(registry) = registry {
        shown["registry"] = registry.into();
    }
    shown
}

fn label(error: &CredentialsError) -> &'static str {
    match error {
        CredentialsError::Malformed => "malformed",
        CredentialsError::Unset { .. } => "unset",
        CredentialsError::NotText => "not_text",
        CredentialsError::BadJson => "bad_json",
        CredentialsError::NoAuths => "no_auths",
        CredentialsError::NoMatch { .. } => "no_match",
        CredentialsError::BadEntry => "bad_entry",
        CredentialsError::BadAuthType => "bad_auth_type",
        CredentialsError::BadBase64 => "bad_base64",
        CredentialsError::BadUserPass => "bad_user_pass",
        CredentialsError::Program { .. } => "program",
    }
}
