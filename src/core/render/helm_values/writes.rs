//! What a values file shall say about an image.

use serde_json::Value;

use crate::{
    api::argocd::ApplicationSource,
    core::{
        image::ImageRef,
        plan::Entry,
        resolve::{ManifestTarget, target::places::Part},
    },
};

/// One value for one parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueWrite {
    /// The path in the file, such as `image.tag` or `containers[0].image`.
    pub parameter: String,
    /// The value. An empty one is never written.
    pub value: String,
    /// Whether the registry in front of the value is left out where the file has a value without one. So for names and
    /// whole references, because charts often keep the registry under a key of its own.
    pub registry_as_in_file: bool,
}

impl ValueWrite {
    /// The Helm parameters among the values that were decided for an application.
    pub fn from_entries(entries: &[Entry]) -> Vec<Self> {
        let parameters = entries.iter().filter_map(|entry| match entry {
            Entry::HelmParameter { name, value } => Some((name.clone(), value.clone())),
            Entry::KustomizeImage { .. } | Entry::PluginVariable { .. } | Entry::ManifestImage { .. } => None,
        });
        // A version has no registry in front, so it is never shortened.
        let writes = parameters.map(|(parameter, value)| Self {
            parameter,
            value,
            registry_as_in_file: true,
        });
        writes.collect()
    }

    /// The values of running images: of each the version, then the name or the whole reference. A parameter that `source`
    /// holds counts, and what runs where there is none.
    pub fn from_source(source: &ApplicationSource, running: &[(&ManifestTarget, &ImageRef)]) -> Vec<Self> {
        let mut writes = Vec::new();
        for (target, image) in running {
            let places = target.helm_places();
            for (parameter, part) in places.iter().flat_map(|place| place.parts().rev()) {
                let value = parameter_of(source, parameter).map_or_else(|| part.of(image), str::to_owned);
                if !value.is_empty() {
                    writes.push(Self {
                        parameter: parameter.to_owned(),
                        value,
                        registry_as_in_file: part != Part::Tag,
                    });
                }
            }
        }
        writes
    }

    /// The value to write where `present` stands now.
    pub(super) fn value_beside(&self, present: Option<&str>) -> &str {
        let present = present.filter(|present| self.registry_as_in_file && !present.is_empty());
        match (present.map(behind_registry), behind_registry(&self.value)) {
            (Some(None), Some(rest)) => rest,
            _ => &self.value,
        }
    }
}

/// The value of a Helm parameter of `source`; of several of one name the last counts.
fn parameter_of<'s>(source: &'s ApplicationSource, parameter: &str) -> Option<&'s str> {
    let parameters = source.helm.as_ref()?.parameters.as_deref()?;
    let is_wanted = |entry: &&Value| entry.get("name").and_then(Value::as_str) == Some(parameter);
    parameters.iter().rev().find(is_wanted)?.get("value")?.as_str()
}

/// What follows the registry: a first component with a dot.
fn behind_registry(name: &str) -> Option<&str> {
    let (first, rest) = name.split_once('/')?;
    (first.contains('.') && !rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::core::resolve::target::{HelmPlaces, ValuePlace};

    fn write(parameter: &str, value: &str, registry_as_in_file: bool) -> ValueWrite {
        ValueWrite {
            parameter: parameter.to_owned(),
            value: value.to_owned(),
            registry_as_in_file,
        }
    }

    #[test]
    fn parameters_of_the_source_go_before_what_runs() {
        let source: ApplicationSource = serde_json::from_value(json!({"helm": {"parameters": [
            {"name": "a.tag", "value": "v1"}, {"name": "a.tag", "value": "v2"}, {"name": "b.tag", "value": ""},
        ]}}))
        .unwrap();
        let image = |text: &str| ImageRef::parse(text).unwrap();
        let split = |name: &str, tag: &str| ValuePlace::Split {
            name: Some(name.to_owned()).filter(|name| !name.is_empty()),
            tag: Some(tag.to_owned()),
        };
        let helm = |name: &str, tag: &str| ManifestTarget::Helm(split(name, tag).into());
        let twice = ManifestTarget::Helm(HelmPlaces {
            first: ValuePlace::Whole("c".to_owned()),
            more: vec![split("", "d.tag")],
        });
        let running = [
            (helm("a.name", "a.tag"), image("quay.io/acme/api:v1")),
            (helm("b.name", "b.tag"), image("acme/web:v1")),
            (twice, image("acme/job@sha256:00")),
            (ManifestTarget::Default, image("nginx")),
        ];
        let running: Vec<_> = running.iter().map(|(target, image)| (target, image)).collect();
        assert_eq!(
            ValueWrite::from_source(&source, &running),
            [
                write("a.tag", "v2", false),
                write("a.name", "quay.io/acme/api", true),
                write("b.name", "acme/web", true),
                write("c", "acme/job@sha256:00", true),
                write("d.tag", "latest@sha256:00", false),
                write("image.name", "nginx", true),
            ]
        );
    }

    #[test]
    fn only_helm_parameters_go_into_a_values_file() {
        let entries = [
            Entry::HelmParameter {
                name: "image.tag".to_owned(),
                value: "v2".to_owned(),
            },
            Entry::PluginVariable {
                name: "TAG".to_owned(),
                value: "v2".to_owned(),
            },
        ];
        assert_eq!(ValueWrite::from_entries(&entries), [write("image.tag", "v2", true)]);
    }

    #[test]
    fn a_name_without_registry_stays_one() {
        for (registry_as_in_file, present, new, written) in [
            (true, Some("acme/api"), "quay.io/acme/api", "acme/api"),
            (true, Some("ghcr.io/acme/api"), "quay.io/acme/api", "quay.io/acme/api"),
            (true, Some("api:1.2"), "quay.io/acme/api:1.3", "acme/api:1.3"),
            (
                true,
                Some("acme/api"),
                "localhost:5000/acme/api",
                "localhost:5000/acme/api",
            ),
            (true, Some("acme/api"), "acme/api", "acme/api"),
            (true, Some("api.v2"), "nginx", "nginx"),
            (true, None, "quay.io/acme/api", "quay.io/acme/api"),
            (true, Some(""), "quay.io/acme/api", "quay.io/acme/api"),
            (false, Some("acme/api"), "quay.io/acme/api", "quay.io/acme/api"),
        ] {
            let write = write("image", new, registry_as_in_file);
            assert_eq!(write.value_beside(present), written, "{present:?} {new}");
        }
    }
}
