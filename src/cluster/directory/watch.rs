//! A watch: what is there, then what changes, until the client leaves or the time is over.
//!
//! Nothing runs on its own: the stream is driven by the client that reads it, and is gone when that drops it.

use std::{collections::VecDeque, convert::Infallible, sync::Arc};

use bytes::Bytes;
use futures::stream;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::{sync::watch::Receiver, time::Instant};

use super::{
    Shared,
    answer::{ApiError, Body, with_body},
    request::{Query, Target},
    store::Change,
};

/// One watch in progress.
struct Watch {
    shared: Arc<Shared>,
    changed: Receiver<u64>,
    target: Target,
    query: Query,
    /// Everything up to here was told.
    version: u64,
    queue: VecDeque<Value>,
    until: Option<Instant>,
    over: bool,
}

/// Answers a watch request.
pub(super) fn watch(shared: Arc<Shared>, target: Target, query: Query) -> Result<Response<Body>, ApiError> {
    let mut queue = VecDeque::new();
    let changed = shared.changed.subscribe();
    let asked = query.resource_version.as_deref().unwrap_or_default();
    let asked: u64 = match asked {
        "" => 0,
        text => text
            .parse()
            .map_err(|_| ApiError::bad_request(format!("invalid resource version {text:?}")))?,
    };
    let from_now = asked == 0 || query.initial_events;
    let version = if from_now {
        let store = shared.store();
        let objects = store.list(target.kind, target.namespace.as_deref(), &query.selector);
        queue.extend(objects.into_iter().map(|object| event("ADDED", &object)));
        if query.initial_events {
            queue.push_back(initial_events_end(&target, store.version));
        }
        store.version
    } else {
        asked
    };
    let until = query.timeout.map(|timeout| Instant::now() + timeout);
    let watch = Watch {
        shared,
        changed,
        target,
        query,
        version,
        queue,
        until,
        over: false,
    };
    let frames = stream::unfold(watch, |mut watch| async move {
        let line = watch.next().await?;
        let frame = Frame::data(Bytes::from(format!("{line}\n")));
        Some((Ok::<_, Infallible>(frame), watch))
    });
    Ok(with_body(StatusCode::OK, StreamBody::new(frames).boxed_unsync()))
}

impl Watch {
    /// The next event; `None` when the watch is over.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            // Seen before it is looked at, so that nothing can come in between.
            self.changed.mark_unchanged();
            self.collect();
            if !self.queue.is_empty() {
                continue;
            }
            let changed = self.changed.changed();
            let waited = match self.until {
                Some(until) => tokio::time::timeout_at(until, changed).await.ok()?,
                None => changed.await,
            };
            waited.ok()?;
        }
    }

    /// Puts what happened since the last time into the queue.
    fn collect(&mut self) {
        let shared = Arc::clone(&self.shared);
        let store = shared.store();
        let Some(changes) = store.changes_after(self.version) else {
            let error = ApiError::expired(format!(
                "too old resource version: {} ({})",
                self.version, store.version
            ));
            self.queue.push_back(event("ERROR", &error.status()));
            self.over = true;
            return;
        };
        let events: Vec<Value> = changes.filter_map(|change| self.event_of(change)).collect();
        self.queue.extend(events);
        self.version = store.version;
    }

    /// What the change means for somebody who sees only what is selected.
    fn event_of(&self, change: &Change) -> Option<Value> {
        if change.kind != self.target.kind {
            return None;
        }
        let admitted = |object: &&Arc<Value>| {
            let namespace = self.target.namespace.as_deref();
            namespace.is_none_or(|namespace| object["metadata"]["namespace"] == namespace)
                && self.query.selector.matches(object)
        };
        let before = change.before.as_ref().filter(admitted);
        let after = change.after.as_ref().filter(admitted);
        match (before, after) {
            (None, None) => None,
            (None, Some(after)) => Some(event("ADDED", after)),
            (Some(_), Some(after)) => Some(event("MODIFIED", after)),
            (Some(before), None) => Some(event("DELETED", change.after.as_ref().unwrap_or(before))),
        }
    }
}

fn event(kind: &str, object: &Value) -> Value {
    json!({"type": kind, "object": object})
}

fn initial_events_end(target: &Target, version: u64) -> Value {
    let object = json!({
        "apiVersion": target.kind.api_version(),
        "kind": target.kind.name(),
        "metadata": {
            "resourceVersion": version.to_string(),
            "annotations": {"k8s.io/initial-events-end": "true"},
        },
    });
    event("BOOKMARK", &object)
}
