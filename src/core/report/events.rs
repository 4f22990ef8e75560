//! The Events that are recorded for an Application: when its images were updated, and when they could not be written.
//!
//! Other programs read the first: name, reason, source and annotations are those that Argo CD Image Updater has always
//! written. The second is new; its reason is that of the verdict. Pure; the creation of the object is `cluster::events`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Event, EventSource, ObjectReference},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};

use crate::{
    api::argocd::Application,
    core::{image::ImageRef, plan::ImageChange, verdict::Verdict},
};

/// The reason of the event.
pub const REASON: &str = "ImagesUpdated";

/// The component that the event comes from.
pub const COMPONENT: &str = "ArgocdImageUpdater";

/// The most bytes of an event's message that the API server takes.
const MESSAGE_LIMIT: usize = 1024;

/// The most bytes of a name.
const NAME_LIMIT: usize = 253;

/// The event for `changes`, all of them written to `application` or to its git target, at the time `at`.
pub fn images_updated(application: &Application, changes: &[ImageChange], at: Timestamp) -> Event {
    let mut event = event(application, "Normal", REASON, message(changes), at);
    event.metadata.annotations = Some(annotations(changes));
    event
}

/// The event for changes that could not be written, with what went wrong.
pub fn write_failed(application: &Application, verdict: &Verdict, at: Timestamp) -> Event {
    let message = cut(verdict.message.clone());
    event(application, "Warning", &verdict.reason.to_string(), message, at)
}

fn event(application: &Application, kind: &str, reason: &str, message: String, at: Timestamp) -> Event {
    let time = Some(Time(at));
    Event {
        metadata: ObjectMeta {
            name: Some(name(application.name(), at)),
            namespace: Some(application.namespace().to_owned()),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some("argoproj.io/v1alpha1".to_owned()),
            kind: Some("Application".to_owned()),
            namespace: Some(application.namespace().to_owned()),
            name: Some(application.name().to_owned()),
            uid: application.metadata.uid.clone(),
            ..ObjectReference::default()
        },
        type_: Some(kind.to_owned()),
        reason: Some(reason.to_owned()),
        message: Some(message),
        source: Some(EventSource {
            component: Some(COMPONENT.to_owned()),
            ..EventSource::default()
        }),
        count: Some(1),
        first_timestamp: time.clone(),
        last_timestamp: time,
        ..Event::default()
    }
}

/// `<application>.<nanoseconds since 1970 in hex>`; a long application name is cut, so that the whole is a legal name.
fn name(application: &str, at: Timestamp) -> String {
    let moment = format!("{:x}", at.as_nanosecond().max(0));
    let room = NAME_LIMIT.saturating_sub(moment.len() + 1);
    let end = application.floor_char_boundary(room);
    let stem = application.get(..end).unwrap_or_default().trim_end_matches(['-', '.']);
    format!("{stem}.{moment}")
}

fn annotations(changes: &[ImageChange]) -> BTreeMap<String, String> {
    let of_one = |(index, change): (usize, &ImageChange)| {
        let key = move |last: &str| format!("argocd-image-updater.image-{index}/{last}");
        [
            (key("full-image-name"), full_name(&change.image)),
            (key("image-name"), change.image.name.clone()),
            (key("old-tag"), change.old_text().into_owned()),
            (key("new-tag"), change.new_text().into_owned()),
        ]
    };
    changes.iter().enumerate().flat_map(of_one).collect()
}

fn message(changes: &[ImageChange]) -> String {
    let one = |change: &ImageChange| {
        let (old, new) = (change.old_text(), change.new_text());
        format!("{} from {old:?} to {new:?}", full_name(&change.image))
    };
    let all: Vec<_> = changes.iter().map(one).collect();
    cut(format!("Updated {}", all.join(", ")))
}

fn cut(mut text: String) -> String {
    if text.len() > MESSAGE_LIMIT {
        text.truncate(text.floor_char_boundary(MESSAGE_LIMIT - '…'.len_utf8()));
        text.push('…');
    }
    text
}

/// The image without its version, with its registry where one is written.
fn full_name(image: &ImageRef) -> String {
    let ImageRef { registry, name, .. } = image;
    if registry.is_empty() || name.starts_with(&format!("{registry}/")) {
        return name.clone();
    }
    format!("{registry}/{name}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::core::{
        image::{ImageVersion, VersionWords},
        keys::ObjectKey,
        verdict::Reason,
    };

    fn change(registry: &str, old: (&str, &str), new: (&str, &str)) -> ImageChange {
        let version = |(tag, digest): (&str, &str)| ImageVersion {
            tag: tag.to_owned(),
            digest: digest.to_owned(),
        };
        ImageChange {
            application: ObjectKey::new("argocd", "shop"),
            alias: "api".to_owned(),
            image: ImageRef {
                registry: registry.to_owned(),
                name: "shop/api".to_owned(),
                version: None,
            },
            old: version(old),
            new: version(new),
            words: VersionWords::Either,
            note: None,
        }
    }

    fn application(name: &str) -> Application {
        serde_json::from_value(json!({"metadata": {"name": name, "namespace": "argocd", "uid": "u-1"}})).unwrap()
    }

    #[test]
    fn the_event_names_the_application_and_every_change() {
        let at: Timestamp = "2026-03-01T10:00:00.000000001Z".parse().unwrap();
        let changes = [
            change("quay.io", ("1.0", ""), ("1.1", "")),
            change("", ("main", "sha256:aa"), ("main", "sha256:bb")),
        ];
        let event = serde_json::to_value(images_updated(&application("shop"), &changes, at)).unwrap();
        assert_eq!(
            event,
            json!({
                "apiVersion": "v1", "kind": "Event",
                "metadata": {
                    "name": "shop.1898af4d52654001", "namespace": "argocd",
                    "annotations": {
                        "argocd-image-updater.image-0/full-image-name": "quay.io/shop/api",
                        "argocd-image-updater.image-0/image-name": "shop/api",
                        "argocd-image-updater.image-0/old-tag": "1.0",
                        "argocd-image-updater.image-0/new-tag": "1.1",
                        "argocd-image-updater.image-1/full-image-name": "shop/api",
                        "argocd-image-updater.image-1/image-name": "shop/api",
                        "argocd-image-updater.image-1/old-tag": "sha256:aa",
                        "argocd-image-updater.image-1/new-tag": "sha256:bb",
                    },
                },
                "involvedObject": {
                    "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
                    "namespace": "argocd", "name": "shop", "uid": "u-1",
                },
                "type": "Normal", "reason": "ImagesUpdated", "count": 1,
                "message": "Updated quay.io/shop/api from \"1.0\" to \"1.1\", \
                    shop/api from \"sha256:aa\" to \"sha256:bb\"",
                "source": {"component": "ArgocdImageUpdater"},
                "firstTimestamp": "2026-03-01T10:00:00Z", "lastTimestamp": "2026-03-01T10:00:00Z",
            })
        );
    }

    #[test]
    fn a_write_that_failed_is_a_warning_with_the_reason_and_the_words() {
        let verdict = Verdict::new(
            Reason::CredentialsUnavailable,
            "https://git.example.com/a refused the credentials",
        );
        let event = write_failed(&application("shop"), &verdict, Timestamp::UNIX_EPOCH);
        assert_eq!(
            (
                event.type_.as_deref(),
                event.reason.as_deref(),
                event.message.as_deref()
            ),
            (
                Some("Warning"),
                Some("CredentialsUnavailable"),
                Some("https://git.example.com/a refused the credentials")
            )
        );
        assert_eq!(
            event.metadata.annotations, None,
            "those are of images that were updated"
        );
        assert_eq!(event.involved_object.uid.as_deref(), Some("u-1"));
        let long = Verdict::new(Reason::WriteFailed, "é".repeat(2000));
        let event = write_failed(&application("shop"), &long, Timestamp::UNIX_EPOCH);
        assert!(event.message.unwrap().len() <= MESSAGE_LIMIT);
    }

    #[test]
    fn long_names_and_many_changes_stay_within_what_the_api_server_takes() {
        let at = Timestamp::UNIX_EPOCH;
        let name = format!("{}-", "a".repeat(251));
        let changes = vec![change("quay.io", ("1", ""), ("2", "")); 100];
        let event = images_updated(&application(&name), &changes, at);
        assert_eq!(event.metadata.name.unwrap(), format!("{}.0", "a".repeat(251)));
        assert!(event.message.unwrap().len() <= MESSAGE_LIMIT);
    }
}
