//! The JSON Patch that writes new values to an Application, and nothing else.
//!
//! It only adds or replaces the lists that hold images, and tests first that they, the object and the source are still
//! what the decision was made on. Absence is tested with the value `null`, and only below an object that is known to be
//! there: an API server takes a missing key for `null`, but refuses a path through a missing object.

use json_patch::{AddOperation, Patch, PatchOperation, ReplaceOperation, TestOperation, jsonptr::PointerBuf};
use serde_json::{Value, json};

use crate::{
    api::argocd::{Application, ApplicationSource},
    core::{
        plan::SourceEdit,
        resolve::{SourceSlot, source_type},
    },
};

/// Why there is no patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The object cannot be told from another one of its name.
    #[error("the Application has no metadata.uid")]
    NoUid,
    /// The source that was decided on is not there.
    #[error("the Application has no such source any more")]
    NoSource,
}

/// The patch that turns every `before` into its `after`; `None` when nothing changes.
pub fn render(application: &Application, edits: &[SourceEdit]) -> Result<Option<Patch>, PatchError> {
    let mut operations = Vec::new();
    for edit in edits {
        if source_type::source_in(application, edit.slot).is_none() {
            return Err(PatchError::NoSource);
        }
        source_operations(edit, &mut operations);
    }
    if operations.is_empty() {
        return Ok(None);
    }
    let uid = application.metadata.uid.as_deref().ok_or(PatchError::NoUid)?;
    operations.insert(0, test(pointer(&["metadata", "uid"]), json!(uid)));
    Ok(Some(Patch(operations)))
}

/// Whether the API server's answer holds what was meant. It prunes what it does not know, and still says that all is well.
pub fn took_effect(answer: &Application, edits: &[SourceEdit]) -> bool {
    edits.iter().all(|edit| {
        source_type::source_in(answer, edit.slot).is_some_and(|source| {
            let lists = owned_lists(source).into_iter().zip(owned_lists(&edit.after));
            lists
                .into_iter()
                .all(|(found, meant)| meant.list.is_none() || found.list == meant.list)
        })
    })
}

/// A list that holds images, and the block around it.
struct OwnedList {
    block: &'static str,
    field: &'static str,
    has_block: bool,
    list: Option<Value>,
}

fn owned_lists(source: &ApplicationSource) -> [OwnedList; 3] {
    let strings = |list: &Vec<String>| json!(list);
    let objects = |list: &Vec<Value>| Value::Array(list.clone());
    [
        OwnedList {
            block: "helm",
            field: "parameters",
            has_block: source.helm.is_some(),
            list: source
                .helm
                .as_ref()
                .and_then(|helm| helm.parameters.as_ref())
                .map(objects),
        },
        OwnedList {
            block: "kustomize",
            field: "images",
            has_block: source.kustomize.is_some(),
            list: source
                .kustomize
                .as_ref()
                .and_then(|kustomize| kustomize.images.as_ref())
                .map(strings),
        },
        OwnedList {
            block: "plugin",
            field: "env",
            has_block: source.plugin.is_some(),
            list: source
                .plugin
                .as_ref()
                .and_then(|plugin| plugin.env.as_ref())
                .map(objects),
        },
    ]
}

/// The operations for one source: its identity is tested, then each changed list, with the blocks that it needs.
fn source_operations(edit: &SourceEdit, operations: &mut Vec<PatchOperation>) {
    let base = base(edit.slot);
    let at = |path: &[&str]| base.concat(&pointer(path));
    let mut changes = Vec::new();
    for (before, after) in owned_lists(&edit.before).into_iter().zip(owned_lists(&edit.after)) {
        let Some(list) = after.list.filter(|list| before.list.as_ref() != Some(list)) else {
            continue;
        };
        let path = at(&[before.block, before.field]);
        if !before.has_block {
            changes.push(test(at(&[before.block]), Value::Null));
            changes.push(add(at(&[before.block]), json!({})));
            changes.push(add(path, list));
            continue;
        }
        let absent = before.list.is_none();
        changes.push(test(path.clone(), before.list.unwrap_or(Value::Null)));
        changes.push(if absent { add(path, list) } else { replace(path, list) });
    }
    if changes.is_empty() {
        return;
    }
    for (field, value) in [
        ("repoURL", &edit.before.repo_url),
        ("chart", &edit.before.chart),
        ("path", &edit.before.path),
    ] {
        operations.push(test(at(&[field]), json!(value)));
    }
    operations.append(&mut changes);
}

fn base(slot: SourceSlot) -> PointerBuf {
    match slot {
        SourceSlot::Single => pointer(&["spec", "source"]),
        SourceSlot::Multi(index) => pointer(&["spec", "sources", &index.to_string()]),
        SourceSlot::Hydrator => pointer(&["spec", "sourceHydrator", "drySource"]),
    }
}

fn pointer(tokens: &[&str]) -> PointerBuf {
    PointerBuf::from_tokens(tokens.iter().copied())
}

fn test(path: PointerBuf, value: Value) -> PatchOperation {
    PatchOperation::Test(TestOperation { path, value })
}

fn add(path: PointerBuf, value: Value) -> PatchOperation {
    PatchOperation::Add(AddOperation { path, value })
}

fn replace(path: PointerBuf, value: Value) -> PatchOperation {
    PatchOperation::Replace(ReplaceOperation { path, value })
}

#[cfg(test)]
mod tests;
