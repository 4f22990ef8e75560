//! The objects that are served, their versions, and what happened to them.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    path::PathBuf,
    sync::Arc,
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    kind::Kind,
    read::{Found, Key, Place, fold_string_data},
    selector::Selector,
};

/// The most changes that a watch can be behind before it has to list again.
const MAX_HISTORY: usize = 1024;

/// The most events that are kept.
pub(super) const MAX_EVENTS: usize = 200;

/// One object.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// As it stands in its file.
    pub(super) value: Value,
    pub(super) file: PathBuf,
    pub(super) place: Place,
    /// Kept beside the user's files; wins over a status in the file.
    pub(super) status: Option<Value>,
    pub(super) generation: u64,
    pub(super) version: u64,
}

/// One change, for watches.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) kind: Kind,
    pub(super) before: Option<Arc<Value>>,
    pub(super) after: Option<Arc<Value>>,
}

/// Everything that is served.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) objects: BTreeMap<Key, Object>,
    /// The text of every file with objects that can be patched, as it was read or written last.
    pub(super) texts: HashMap<PathBuf, String>,
    pub(super) events: VecDeque<Value>,
    pub(super) version: u64,
    history: VecDeque<Change>,
}

impl Object {
    pub(super) fn new(found: Found, file: PathBuf, version: u64) -> Self {
        Self {
            value: found.value,
            file,
            place: found.place,
            status: None,
            generation: 1,
            version,
        }
    }
}

impl Store {
    /// Nothing, in its first version; 0 means something else in requests.
    pub(super) fn new() -> Self {
        Self {
            version: 1,
            ..Self::default()
        }
    }

    /// The object as a client sees it.
    pub(super) fn view(&self, key: &Key) -> Option<Value> {
        self.objects.get(key).map(|object| view(key, object))
    }

    /// All objects of a kind that `selector` and `namespace` admit.
    pub(super) fn list(&self, kind: Kind, namespace: Option<&str>, selector: &Selector) -> Vec<Value> {
        let admitted = |value: &Value| {
            namespace.is_none_or(|namespace| value["metadata"]["namespace"] == namespace) && selector.matches(value)
        };
        if kind == Kind::Event {
            return self.events.iter().filter(|event| admitted(event)).cloned().collect();
        }
        let of_kind = self.objects.iter().filter(|(key, _)| key.kind == kind);
        of_kind
            .map(|(key, object)| view(key, object))
            .filter(admitted)
            .collect()
    }

    /// Puts an object in the place of the one of this key, with the next version.
    pub(super) fn put(&mut self, key: &Key, mut object: Object) -> Value {
        let before = self.view(key);
        self.version += 1;
        object.version = self.version;
        let after = view(key, &object);
        self.objects.insert(key.clone(), object);
        self.remember(key.kind, before, Some(after.clone()));
        after
    }

    /// Forgets an object.
    pub(super) fn remove(&mut self, key: &Key) {
        let Some(mut before) = self.view(key) else { return };
        self.version += 1;
        before["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.remove(key);
        self.remember(key.kind, Some(before), None);
    }

    /// Adds an event, and drops the oldest beyond the bound.
    pub(super) fn add_event(&mut self, mut event: Value) -> Value {
        self.version += 1;
        event["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.events.push_back(event.clone());
        if self.events.len() > MAX_EVENTS {
            self.events.pop_front();
        }
        self.remember(Kind::Event, None, Some(event.clone()));
        event
    }

    fn remember(&mut self, kind: Kind, before: Option<Value>, after: Option<Value>) {
        let change = Change {
            version: self.version,
            kind,
            before: before.map(Arc::new),
            after: after.map(Arc::new),
        };
        self.history.push_back(change);
        if self.history.len() > MAX_HISTORY {
            self.history.pop_front();
        }
    }

    /// The changes after `version`; `None` when some of them are forgotten already.
    pub(super) fn changes_after(&self, version: u64) -> Option<impl Iterator<Item = &Change>> {
        let known = self.history.front().map_or(self.version, |oldest| oldest.version - 1);
        (version >= known && version <= self.version)
            .then(|| self.history.iter().filter(move |change| change.version > version))
    }
}

/// The object with what a server adds to it.
pub(super) fn view(key: &Key, object: &Object) -> Value {
    let mut value = object.value.clone();
    let metadata = &mut value["metadata"];
    metadata["namespace"] = json!(key.namespace);
    metadata["uid"] = json!(uid(key));
    metadata["generation"] = json!(object.generation);
    metadata["resourceVersion"] = json!(object.version.to_string());
    if let Some(status) = &object.status {
        value["status"] = status.clone();
    }
    if key.kind == Kind::Secret {
        fold_string_data(&mut value);
    }
    value
}

/// Stable over restarts: made of kind, namespace and name alone.
pub(super) fn uid(key: &Key) -> String {
    let digest = Sha256::digest(format!("{}/{}/{}", key.kind.name(), key.namespace, key.name));
    let text = hex::encode(digest);
    // The form of a UUID of version 8, which is for such uses.
    format!(
        "{}-{}-8{}-a{}-{}",
        &text[..8],
        &text[8..12],
        &text[13..16],
        &text[17..20],
        &text[20..32]
    )
}

/// A value in its file's form again: what the server added goes, and the status stays as the file has it.
pub(super) fn without_server_fields(mut view: Value, in_file: &Value) -> Value {
    for field in [
        "namespace",
        "uid",
        "generation",
        "resourceVersion",
        "creationTimestamp",
        "managedFields",
    ] {
        restore(&mut view["metadata"], &in_file["metadata"], field);
    }
    restore(&mut view, in_file, "status");
    view
}

fn restore(value: &mut Value, original: &Value, field: &str) {
    let Some(map) = value.as_object_mut() else { return };
    match original.get(field) {
        Some(old) => {
            map.insert(field.to_owned(), old.clone());
        }
        None => {
            map.shift_remove(field);
        }
    }
}
