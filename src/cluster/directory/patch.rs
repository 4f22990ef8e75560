//! A patch: checked as the API server checks it, written into the object's own file, then told to the watches.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    Shared,
    answer::ApiError,
    files,
    json_patch::{self, PatchFault},
    kind::Kind,
    read::{Key, decodes},
    store::{Object, Store, view, without_server_fields},
};
use crate::core::yaml::{self, Edited, Stream};

/// How a patch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PatchKind {
    Merge,
    Json,
}

/// A patch request.
#[derive(Debug)]
pub(super) struct Patch {
    pub(super) key: Key,
    pub(super) status: bool,
    pub(super) kind: PatchKind,
    pub(super) body: Value,
    pub(super) dry_run: bool,
}

impl Shared {
    /// Applies a patch and answers with the object as it is then. Reads and writes files, so not for an async thread.
    pub(super) fn patch(&self, patch: &Patch) -> Result<Value, ApiError> {
        let mut store = self.store();
        let key = &patch.key;
        let Some(object) = store.objects.get(key).cloned() else {
            return Err(ApiError::not_found(key.kind, &key.name));
        };
        if !key.kind.is_patched() {
            return Err(ApiError::method_not_allowed());
        }
        let before = view(key, &object);
        let patched = apply(patch, &before)?;
        check_identity(key, &before, &patched)?;
        let Some(next) = self.next(patch, &object, &before, patched)? else {
            return Ok(before);
        };
        if patch.dry_run {
            return Ok(view(key, &next));
        }
        if next.value != object.value {
            self.write_object(&mut store, key, &object, &next.value)?;
        }
        if next.status != object.status
            && let Some(status) = &next.status
        {
            let file = files::status_file(&self.sidecar, key, store.objects.iter());
            files::write_status(&file, key, status).map_err(|e| cannot_write(&file, &e.to_string()))?;
        }
        let after = store.put(key, next);
        self.told(&store);
        Ok(after)
    }

    /// The object after the patch; `None` when nothing changes.
    fn next(&self, patch: &Patch, object: &Object, before: &Value, patched: Value) -> Result<Option<Object>, ApiError> {
        let key = &patch.key;
        let mut next = object.clone();
        // Main and status are separate endpoints, except that Applications have no status subresource in Argo CD.
        let status_counts = patch.status || key.kind == Kind::Application;
        if status_counts && patched.get("status") != before.get("status") {
            next.status = Some(patched.get("status").cloned().unwrap_or_else(|| json!({})));
        }
        if !patch.status {
            next.value = without_server_fields(patched, &object.value);
        }
        if next.value == object.value && next.status == object.status {
            return Ok(None);
        }
        if spec_of(&next.value) != spec_of(&object.value) {
            next.generation += 1;
        }
        let invalid = |why: String| ApiError::invalid(key.kind, &key.name, &why);
        if key.kind == Kind::ImageUpdater
            && let Some(misfit) = self.reader.schema.misfits(&next.value).first()
        {
            return Err(invalid(format!("{}: {}", misfit.path, misfit.reason)));
        }
        decodes(key.kind, &view(key, &next)).map_err(invalid)?;
        Ok(Some(next))
    }

    /// Writes the changed lines of one object into its file.
    fn write_object(&self, store: &mut Store, key: &Key, object: &Object, value: &Value) -> Result<(), ApiError> {
        let path = object.file.as_path();
        let text = store.texts.get(path).cloned().unwrap_or_default();
        let on_disk = files::read_bounded(path, yaml::MAX_TEXT as u64).ok().flatten();
        if on_disk.as_deref() != Some(text.as_bytes()) {
            let why = self.reload(store, path, on_disk);
            self.told(store);
            return Err(ApiError::conflict(key.kind, &key.name, &why));
        }
        let new = edited(&text, object, value).map_err(|why| cannot_write(path, &why))?;
        if let Some(new) = new {
            files::replace(path, &new).map_err(|e| cannot_write(path, &e.to_string()))?;
            store.texts.insert(path.to_owned(), new);
        }
        Ok(())
    }
}

/// The text with `value` in the place of the object; `None` when that is what it says.
fn edited(text: &str, object: &Object, value: &Value) -> Result<Option<String>, String> {
    let stream = Stream::parse(text).map_err(|e| e.to_string())?;
    let index = object.place.document;
    let document = stream.documents().get(index).ok_or("the document is gone")?;
    let before = document.to_value().map_err(|e| e.to_string())?;
    let mut after = before.clone();
    match object.place.item {
        None => after = value.clone(),
        Some(item) => *after["items"].get_mut(item).ok_or("the list entry is gone")? = value.clone(),
    }
    let is_json = serde_json::from_str::<Value>(text).is_ok();
    match yaml::apply_value(text, index, &before, &after).map_err(|e| e.to_string())? {
        Edited::Unchanged => Ok(None),
        Edited::New(new) if is_json && serde_json::from_str::<Value>(&new).is_err() => {
            Err("the edited text would not be JSON any more".to_owned())
        }
        Edited::New(new) => Ok(Some(new)),
    }
}

fn apply(patch: &Patch, before: &Value) -> Result<Value, ApiError> {
    let mut patched = before.clone();
    match patch.kind {
        PatchKind::Merge if patch.body.is_object() => json_patch::merge(&mut patched, &patch.body),
        PatchKind::Merge => return Err(ApiError::bad_request("a merge patch is an object")),
        PatchKind::Json => json_patch::apply(&mut patched, &patch.body).map_err(|fault| match fault {
            PatchFault::NotAPatch(why) => ApiError::bad_request(format!("error decoding patch: {why}")),
            PatchFault::TooLong => ApiError::too_large("the patch has too many operations"),
            PatchFault::DoesNotApply => ApiError::patch_does_not_apply(),
        })?,
    }
    Ok(patched)
}

/// What a patch must not change, and the optimistic lock.
fn check_identity(key: &Key, before: &Value, patched: &Value) -> Result<(), ApiError> {
    for field in ["apiVersion", "kind"] {
        if patched.get(field) != before.get(field) {
            return Err(ApiError::bad_request(format!("the patch changes {field}")));
        }
    }
    let (old, new) = (&before["metadata"], &patched["metadata"]);
    for field in ["name", "namespace"] {
        if new.get(field) != old.get(field) {
            let message = format!(
                "the {field} of the object does not match the {field} on the URL ({})",
                old[field]
            );
            return Err(ApiError::bad_request(message));
        }
    }
    if new.get("uid").is_some() && new["uid"] != old["uid"] {
        let why = format!(
            "Precondition failed: UID in precondition: {}, UID in object meta: {}",
            new["uid"], old["uid"]
        );
        return Err(ApiError::conflict(key.kind, &key.name, &why));
    }
    let version = new["resourceVersion"].as_str().unwrap_or_default();
    if !version.is_empty() && new["resourceVersion"] != old["resourceVersion"] {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        return Err(ApiError::conflict(key.kind, &key.name, why));
    }
    Ok(())
}

/// Everything whose change makes a new generation.
fn spec_of(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(map) = value.as_object_mut() {
        map.shift_remove("metadata");
        map.shift_remove("status");
    }
    value
}

fn cannot_write(path: &Path, why: &str) -> ApiError {
    ApiError::internal(format!("cannot write {}: {why}", path.display()))
}
