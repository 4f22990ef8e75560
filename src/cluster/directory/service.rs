//! The requests that are served, one by one.

use std::{convert::Infallible, sync::Arc};

use http::{Method, Request, Response, StatusCode, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Limited};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Shared,
    answer::{ApiError, Body, json_response},
    files,
    kind::Kind,
    patch::{Patch, PatchKind},
    read::{Key, is_dns_name},
    request::{Query, Target},
    store::uid,
    watch::watch,
};

/// The largest body that is read: as with the real server.
const MAX_BODY: usize = 3 << 20;

/// What is done with a body.
type Work = Box<dyn FnOnce(Value) -> Result<Value, ApiError> + Send>;

/// Answers one request; a failure is an answer too.
pub(super) async fn serve(
    shared: Arc<Shared>,
    request: Request<kube::client::Body>,
) -> Result<Response<Body>, Infallible> {
    Ok(answer(shared, request).await.unwrap_or_else(|error| error.response()))
}

async fn answer(shared: Arc<Shared>, request: Request<kube::client::Body>) -> Result<Response<Body>, ApiError> {
    let (head, body) = request.into_parts();
    let target = Target::parse(&head.uri)?;
    if head.method == Method::GET {
        return get(shared, target, &head.uri);
    }
    if shared.lock.is_none() {
        return Err(ApiError::method_not_allowed());
    }
    let query = Query::parse(target.kind, &head.uri)?;
    let kind = head
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = match kind.split(';').next().unwrap_or_default().trim() {
        "application/merge-patch+json" => Some(PatchKind::Merge),
        "application/json-patch+json" => Some(PatchKind::Json),
        _ => None,
    };
    let (code, work): (_, Work) = match (head.method, target.name) {
        (Method::PATCH, Some(name)) => {
            let namespace = target.namespace.unwrap_or_default();
            let key = Key {
                kind: target.kind,
                namespace,
                name,
            };
            let kind = kind.ok_or_else(ApiError::unsupported_media_type)?;
            let (status, dry_run) = (target.status, query.dry_run);
            let work = move |body| {
                shared.patch(&Patch {
                    key,
                    status,
                    kind,
                    body,
                    dry_run,
                })
            };
            (StatusCode::OK, Box::new(work))
        }
        (Method::POST, None) if target.kind == Kind::Event => {
            let namespace = target.namespace.ok_or_else(ApiError::method_not_allowed)?;
            (
                StatusCode::CREATED,
                Box::new(move |body| shared.create_event(&namespace, body)),
            )
        }
        _ => return Err(ApiError::method_not_allowed()),
    };
    let body = Limited::new(body, MAX_BODY).collect().await;
    let body = body
        .map_err(|_| ApiError::too_large("the body of the request is too large"))?
        .to_bytes();
    let body =
        serde_json::from_slice(&body).map_err(|e| ApiError::bad_request(format!("the body is not JSON: {e}")))?;
    // Files are written, and the disk may take its time.
    let done = tokio::task::spawn_blocking(move || work(body)).await;
    let value = done.map_err(|_| ApiError::internal("the request was cut off"))??;
    Ok(json_response(code, &value))
}

fn get(shared: Arc<Shared>, target: Target, uri: &Uri) -> Result<Response<Body>, ApiError> {
    let query = Query::parse(target.kind, uri)?;
    if let Some(name) = &target.name {
        let namespace = target.namespace.clone().unwrap_or_default();
        let key = Key {
            kind: target.kind,
            namespace,
            name: name.clone(),
        };
        let found = shared
            .get(&key)
            .ok_or_else(|| ApiError::not_found(key.kind, &key.name))?;
        return Ok(json_response(StatusCode::OK, &found));
    }
    if query.watch {
        return watch(shared, target, query);
    }
    let store = shared.store();
    let list = json!({
        "apiVersion": target.kind.api_version(),
        "kind": format!("{}List", target.kind.name()),
        "metadata": {"resourceVersion": store.version.to_string()},
        "items": store.list(target.kind, target.namespace.as_deref(), &query.selector),
    });
    Ok(json_response(StatusCode::OK, &list))
}

impl Shared {
    fn get(&self, key: &Key) -> Option<Value> {
        let store = self.store();
        if key.kind != Kind::Event {
            return store.view(key);
        }
        let is_it = |event: &&Value| {
            event["metadata"]["name"] == key.name.as_str() && event["metadata"]["namespace"] == key.namespace.as_str()
        };
        store.events.iter().find(is_it).cloned()
    }

    /// Keeps an event and writes the list of them. Writes a file, so not for an async thread.
    fn create_event(&self, namespace: &str, mut event: Value) -> Result<Value, ApiError> {
        let mut store = self.store();
        if !event["metadata"].is_object() {
            return Err(ApiError::bad_request("an event needs metadata"));
        }
        let metadata = &mut event["metadata"];
        if !matches!(metadata["namespace"].as_str(), None | Some("")) && metadata["namespace"] != namespace {
            let message = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(ApiError::bad_request(message));
        }
        let name = match (metadata["name"].as_str(), metadata["generateName"].as_str()) {
            (Some(name), _) if !name.is_empty() => name.to_owned(),
            (_, Some(prefix)) if !prefix.is_empty() => format!("{prefix}{:05x}", store.version + 1),
            _ => {
                return Err(ApiError::invalid(
                    Kind::Event,
                    "",
                    "metadata.name: Required value: name or generateName is required",
                ));
            }
        };
        if !is_dns_name(&name, 253) {
            return Err(ApiError::invalid(Kind::Event, &name, "metadata.name: Invalid value"));
        }
        let key = Key {
            kind: Kind::Event,
            namespace: namespace.to_owned(),
            name,
        };
        metadata["uid"] = json!(uid(&key));
        metadata["namespace"] = json!(key.namespace);
        metadata["name"] = json!(key.name);
        metadata["creationTimestamp"] = json!(Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        let same =
            |event: &Value| event["metadata"]["name"] == key.name && event["metadata"]["namespace"] == key.namespace;
        if store.events.iter().any(same) {
            return Err(ApiError::already_exists(Kind::Event, &key.name));
        }
        event["apiVersion"] = json!("v1");
        event["kind"] = json!("Event");
        let event = store.add_event(event);
        let written = files::write_events(&self.sidecar, store.events.iter());
        self.told(&store);
        written.map_err(|e| {
            ApiError::internal(format!(
                "cannot write {}: {e}",
                files::events_file(&self.sidecar).display()
            ))
        })?;
        Ok(event)
    }
}
