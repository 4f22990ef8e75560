//! Whether a text that was edited says what was meant, and everywhere else what it said before.

use serde_json::Value;

use super::{
    node::{Kind, Node, ScalarStyle},
    path::{is_merge, key_text},
    plan::{Plan, PlannedItem},
    scalar,
};

/// Whether `node` of the new text is what `plan` made of the old one.
pub(super) fn is_meant(plan: &Plan<'_, '_>, node: &Node<'_>) -> bool {
    match plan {
        Plan::Keep(old) => same(old, node),
        Plan::Replace(old, value) => same_properties(old, node) && has_value(node, value),
        Plan::Map { node: old, kept, added } => {
            let (Kind::Map { entries: before, .. }, Kind::Map { entries: after, .. }) = (&old.kind, &node.kind) else {
                return false;
            };
            let (old_part, new_part) = after.split_at(kept.len().min(after.len()));
            same_properties(old, node)
                && after.len() == kept.len() + added.len()
                && kept.iter().zip(old_part).all(|(kept, after)| {
                    let key_fits = match &kept.rename {
                        Some(name) => key_text(&after.key).as_ref() == Some(name),
                        None => before.get(kept.index).is_some_and(|entry| same(&entry.key, &after.key)),
                    };
                    key_fits && is_meant(&kept.plan, &after.value)
                })
                && added.iter().zip(new_part).all(|((key, value), after)| {
                    !is_merge(&after.key)
                        && key_text(&after.key).as_ref() == Some(key)
                        && has_value(&after.value, value)
                })
        }
        Plan::List { node: old, items } => {
            let Kind::List { items: after, .. } = &node.kind else {
                return false;
            };
            same_properties(old, node)
                && items.len() == after.len()
                && items.iter().zip(after).all(|(item, after)| match item {
                    PlannedItem::Kept { plan, .. } => is_meant(plan, &after.node),
                    PlannedItem::New(value) => has_value(&after.node, value),
                })
        }
    }
}

/// Whether two nodes say the same: values, tags, anchors and aliases. Styles do not matter.
pub(super) fn same(a: &Node<'_>, b: &Node<'_>) -> bool {
    if !same_properties(a, b) {
        return false;
    }
    match (&a.kind, &b.kind) {
        (
            Kind::Scalar {
                value: old,
                style: old_style,
            },
            Kind::Scalar {
                value: new,
                style: new_style,
            },
        ) => {
            let text = |value: &str, style| scalar::is_text(value, style, a.tag_text());
            // One value in one style is one text, or is none.
            old == new && (old_style == new_style || text(old, *old_style) == text(new, *new_style))
        }
        (Kind::Alias { name: old, .. }, Kind::Alias { name: new, .. }) => old == new,
        (Kind::List { items: old, .. }, Kind::List { items: new, .. }) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| same(&old.node, &new.node))
        }
        (Kind::Map { entries: old, .. }, Kind::Map { entries: new, .. }) => {
            old.len() == new.len()
                && old
                    .iter()
                    .zip(new)
                    .all(|(old, new)| same(&old.key, &new.key) && same(&old.value, &new.value))
        }
        _ => false,
    }
}

fn same_properties(a: &Node<'_>, b: &Node<'_>) -> bool {
    // An alias that is replaced by a value has no properties of its own.
    let anchors_are_same = match (a.anchor(), b.anchor()) {
        (Some(a), Some(b)) => a.name == b.name,
        (None, None) => true,
        _ => false,
    };
    anchors_are_same && a.tag_text() == b.tag_text()
}

fn has_value(node: &Node<'_>, want: &Value) -> bool {
    match (&node.kind, want) {
        (Kind::Scalar { value, style }, Value::String(want)) => {
            value == want && scalar::is_text(value, *style, node.tag_text())
        }
        (
            Kind::Scalar {
                value,
                style: ScalarStyle::Plain,
            },
            Value::Null | Value::Bool(_) | Value::Number(_),
        ) => node.tag_text().is_none() && *value == want.to_string(),
        (Kind::List { items, .. }, Value::Array(want)) => {
            items.len() == want.len() && items.iter().zip(want).all(|(item, want)| has_value(&item.node, want))
        }
        (Kind::Map { entries, .. }, Value::Object(want)) => {
            entries.len() == want.len()
                && entries.iter().zip(want).all(|(entry, (key, want))| {
                    key_text(&entry.key).as_ref() == Some(key) && has_value(&entry.value, want)
                })
        }
        _ => false,
    }
}
