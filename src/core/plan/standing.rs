//! What the manifest says about an image: the version that stands in a source of its application.

use std::borrow::Cow;

use crate::{
    api::argocd::ApplicationSource,
    core::{
        image::{ImageRef, TagName},
        plan::{
            change::Entry,
            inline::{HelmValues, Unreadable},
            kustomize, manifests, values,
        },
        resolve::{ApplicationKind, ManifestTarget, TrackedImage, target::ValuePlace},
    },
};

/// The version that stands in `source` for `image`, as far as it can be read; `None` when there is none, or when what
/// stands there names another image. A tag may stand alone: the name then comes from a default of the chart. Values of Helm
/// are also looked for inline. Kustomize entries with a left side in `others` belong to other images.
pub fn standing(
    kind: ApplicationKind,
    source: &ApplicationSource,
    image: &ImageRef,
    target: &ManifestTarget,
    others: &[String],
) -> Result<Option<ImageRef>, Unreadable> {
    Ok(match kind {
        ApplicationKind::Helm => {
            let values = HelmValues::read(source)?;
            at(&target.helm_places().first, image, |name| values.get(name))
        }
        ApplicationKind::Plugin => values::plugin_place(target).ok().and_then(|place| {
            let list = values::plugin_list(source);
            at(place, image, |name| values::value_of(list, name).map(Cow::Borrowed))
        }),
        ApplicationKind::Kustomize => {
            let list = values::kustomize_list(source);
            let found = kustomize::places(list, target.kustomize_name(), image, others);
            let entry = found.first().and_then(|index| list.get(*index));
            entry.and_then(|entry| parsed(kustomize::Override::split(entry).reference, image))
        }
        // Known by their alias: see `of`.
        ApplicationKind::Manifests | ApplicationKind::Markers => None,
    })
}

/// The version that stands in `source` for an image of a list. See [`standing`]; plain manifests count as far as they were
/// read into `source`.
pub fn of(
    kind: ApplicationKind,
    source: &ApplicationSource,
    image: &TrackedImage,
    others: &[String],
) -> Result<Option<ImageRef>, Unreadable> {
    match kind {
        ApplicationKind::Manifests | ApplicationKind::Markers => {
            Ok(manifests::standing(source, &image.alias, &image.reference))
        }
        _ => standing(kind, source, &image.reference, &image.manifest_target, others),
    }
}

/// What stands in `place`, where `value` knows the values.
fn at<'v>(place: &ValuePlace, image: &ImageRef, value: impl Fn(&str) -> Option<Cow<'v, str>>) -> Option<ImageRef> {
    match place {
        ValuePlace::Whole(name) => parsed(&value(name)?, image),
        ValuePlace::Split { name, tag } => {
            let name = name.as_deref().and_then(&value).filter(|name| !name.is_empty());
            let tag = value(tag.as_deref()?)?;
            let name = name.unwrap_or_else(|| Cow::Owned(image.full_name()));
            parsed(&format!("{name}:{tag}"), image)
        }
    }
}

fn parsed(text: &str, image: &ImageRef) -> Option<ImageRef> {
    let found = ImageRef::parse(text).ok()?;
    let version = found.version.as_ref()?;
    let has_tag = TagName::new(&version.tag).is_some();
    let has_version = has_tag || (version.tag.is_empty() && !version.digest.is_empty());
    (has_version && found.same_image(image)).then_some(found)
}

/// Whether another value than one of `entries` stands in its place. A place that is empty has the default of the chart.
/// Inline, another spelling of the same image is the same value.
pub fn differs(source: &ApplicationSource, entries: &[Entry]) -> Result<bool, Unreadable> {
    for entry in entries {
        let differs = match entry {
            Entry::HelmParameter { name, value } => match values::value_of(values::helm_list(source), name) {
                Some(found) => found != value,
                None => HelmValues::read(source)?
                    .inline(name)
                    .is_some_and(|found| !is_same(&found, value)),
            },
            Entry::PluginVariable { name, value } => {
                values::value_of(values::plugin_list(source), name).is_some_and(|found| found != value)
            }
            Entry::ManifestImage { alias, image, .. } => manifests::differs(source, alias, image),
            Entry::KustomizeImage { .. } => false,
        };
        if differs {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_same(found: &str, value: &str) -> bool {
    let parsed = ImageRef::parse(found).ok().zip(ImageRef::parse(value).ok());
    found == value || parsed.is_some_and(|(found, value)| found.same_image(&value) && found.version == value.version)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn source(helm: &Value) -> ApplicationSource {
        serde_json::from_value(json!({"helm": helm})).unwrap()
    }

    #[test]
    fn the_version_of_a_helm_source_may_stand_inline() {
        let image = ImageRef::parse("acme/x").unwrap();
        let split = |name: Option<&str>, tag: &str| {
            ManifestTarget::Helm(
                ValuePlace::Split {
                    name: name.map(str::to_owned),
                    tag: Some(tag.to_owned()),
                }
                .into(),
            )
        };
        let whole = ManifestTarget::Helm(ValuePlace::Whole("image".to_owned()).into());
        let none = ManifestTarget::Default;
        for (helm, target, expected) in [
            (
                json!({"valuesObject": {"image": {"tag": "v1.5.0"}}}),
                &none,
                Some("v1.5.0"),
            ),
            (
                json!({"values": "image: {name: docker.io/acme/x, tag: v1.5.0}"}),
                &none,
                Some("v1.5.0"),
            ),
            (json!({"values": "image: {name: acme/other, tag: v1.5.0}"}), &none, None),
            (json!({"values": "image: {tag: ''}"}), &none, None),
            (json!({"values": "image: acme/x:v1.5.0"}), &whole, Some("v1.5.0")),
            (json!({"values": "image: acme/x"}), &whole, None),
            (
                json!({"values": "apps: [{i.m: {tag: 2}}]"}),
                &split(Some("apps[0].name"), r"apps[0].i\.m.tag"),
                Some("2"),
            ),
            (
                json!({"parameters": [{"name": "image.name", "value": "acme/x"}], "values": "image: {name: b, tag: v1}"}),
                &none,
                Some("v1"),
            ),
        ] {
            let found = standing(ApplicationKind::Helm, &source(&helm), &image, target, &[]).unwrap();
            let tag = found.and_then(|found| found.version).map(|version| version.tag);
            assert_eq!(tag.as_deref(), expected, "{helm}");
        }
        let broken = source(&json!({"values": "image: {"}));
        assert!(standing(ApplicationKind::Helm, &broken, &image, &none, &[]).is_err());
        assert!(standing(ApplicationKind::Kustomize, &broken, &image, &none, &[]).is_ok());
    }

    #[test]
    fn another_value_inline_differs_and_another_spelling_of_the_image_does_not() {
        let entry = |name: &str, value: &str| Entry::HelmParameter {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let entries = [entry("image.name", "acme/x"), entry("worker.tag", "1.1")];
        for (helm, expected) in [
            (json!({}), false),
            (json!({"valuesObject": {"worker": {"tag": "1.0"}}}), true),
            (json!({"valuesObject": {"worker": {"tag": "1.1"}}}), false),
            (
                json!({"parameters": [{"name": "worker.tag", "value": "1.1"}], "values": "worker: {tag: '1.0'}"}),
                false,
            ),
            (json!({"values": "image: {name: docker.io/acme/x}"}), false),
            (json!({"values": "image: {name: docker.io/acme/y}"}), true),
        ] {
            assert_eq!(differs(&source(&helm), &entries), Ok(expected), "{helm}");
        }
    }
}
