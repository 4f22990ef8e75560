//! Which changes of an Application are worth a cycle of their own. Pure.

use std::collections::BTreeSet;

use crate::api::{annotations, argocd::Application};

/// Whether something changed that a decision depends on: the application appeared or went, its labels, our own
/// annotations, its sources, or the *set* of its running images changed.
///
/// `is_own_write` says of the new state that its sources are what we wrote ourselves.
pub fn is_relevant(
    old: Option<&Application>,
    new: Option<&Application>,
    is_own_write: impl Fn(&Application) -> bool,
) -> bool {
    let (Some(old), Some(new)) = (old, new) else {
        return old.is_some() != new.is_some();
    };
    old.metadata.labels != new.metadata.labels
        || own_annotations(old) != own_annotations(new)
        || (old.spec != new.spec && !is_own_write(new))
        || source_types(old) != source_types(new)
        || images(old) != images(new)
}

fn own_annotations(application: &Application) -> BTreeSet<(&str, &str)> {
    let all = application.metadata.annotations.iter().flatten();
    all.filter(|(key, _)| key.starts_with(annotations::PREFIX))
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect()
}

fn source_types(application: &Application) -> (Option<&str>, Option<&[String]>) {
    let status = application.status.as_ref();
    (
        status.and_then(|s| s.source_type.as_deref()),
        status.and_then(|s| s.source_types.as_deref()),
    )
}

fn images(application: &Application) -> BTreeSet<&str> {
    application.live_images().iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn application(change: &serde_json::Value) -> Application {
        let mut object = json!({
            "metadata": { "name": "shop", "namespace": "argocd", "labels": { "a": "b" }, "annotations": { "x": "y" } },
            "spec": { "source": { "repoURL": "https://git.example.com/a.git", "path": "a" } },
            "status": { "sourceType": "Helm", "summary": { "images": ["a:1", "b:1"] } },
        });
        json_patch::merge(&mut object, change);
        serde_json::from_value(object).expect("an Application")
    }

    #[test]
    fn only_what_a_decision_depends_on_counts() {
        let old = application(&json!({}));
        for (change, expected) in [
            (json!({}), false),
            (
                json!({ "metadata": { "annotations": { "x": "z" }, "resourceVersion": "7" } }),
                false,
            ),
            (
                json!({ "metadata": { "annotations": { "argocd.argoproj.io/refresh": "normal" } } }),
                false,
            ),
            (json!({ "status": { "summary": { "images": ["b:1", "a:1"] } } }), false),
            (json!({ "status": { "summary": { "images": ["b:1", "a:2"] } } }), true),
            (json!({ "metadata": { "labels": { "a": "c" } } }), true),
            (
                json!({ "metadata": { "annotations": { "argocd-image-updater.argoproj.io/image-list": "a" } } }),
                true,
            ),
            (json!({ "spec": { "source": { "path": "b" } } }), true),
            (json!({ "status": { "sourceType": "Kustomize" } }), true),
        ] {
            assert_eq!(
                is_relevant(Some(&old), Some(&application(&change)), |_| false),
                expected,
                "{change}"
            );
        }
        let written = application(&json!({ "spec": { "source": { "path": "b" } } }));
        assert!(
            !is_relevant(Some(&old), Some(&written), |_| true),
            "our own write is no news"
        );
        assert!(is_relevant(None, Some(&old), |_| true));
        assert!(is_relevant(Some(&old), None, |_| true));
        assert!(!is_relevant(None, None, |_| false));
    }
}
