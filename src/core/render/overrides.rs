//! From the values of an application's images to the text of its override file.

use super::argocd_source::{self, HelmParameter, Overrides, PluginVariable, RenderError};
use crate::core::{
    plan::{Entry, kustomize},
    yaml::Edited,
};

/// Renders the override file with `entries`. `existing` is the file as it is, if there is one.
///
/// An application whose images stand in several ways (a Helm parameter here, a plugin variable there) has all of them in
/// its one file. What is `repeated` goes only into lists that are new; by itself it makes none.
pub fn render(existing: Option<&str>, entries: &[Entry], repeated: &[Entry]) -> Result<Edited, RenderError> {
    let mut text = existing.map(str::to_owned);
    let mut changed = false;
    for (overrides, repeated) in by_kind(entries).into_iter().zip(by_kind(repeated)) {
        if let Edited::New(new) = argocd_source::render_repeating(text.as_deref(), &overrides, &repeated)? {
            text = Some(new);
            changed = true;
        }
    }
    Ok(match text {
        Some(text) if changed => Edited::New(text),
        _ => Edited::Unchanged,
    })
}

/// The entries of each kind, in their order.
fn by_kind(entries: &[Entry]) -> [Overrides; 3] {
    let (mut helm, mut images, mut plugin) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            Entry::HelmParameter { name, value } => {
                helm.push(HelmParameter {
                    name: name.clone(),
                    value: value.clone(),
                    force_string: true,
                });
            }
            Entry::KustomizeImage { name, image } => images.push(kustomize::text(name.as_deref(), image)),
            // Plain manifests have no override file.
            Entry::ManifestImage { .. } => {}
            Entry::PluginVariable { name, value } => {
                plugin.push(PluginVariable {
                    name: name.clone(),
                    value: value.clone(),
                });
            }
        }
    }
    [
        Overrides::Helm(helm),
        Overrides::Kustomize(images),
        Overrides::Plugin(plugin),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::image::ImageRef;

    #[test]
    fn values_of_several_kinds_share_the_file() {
        let entries = [
            Entry::HelmParameter {
                name: "image.tag".into(),
                value: "1.10".into(),
            },
            Entry::KustomizeImage {
                name: Some("api".into()),
                image: ImageRef::parse("acme/api:v1").expect("a reference"),
            },
        ];
        let expected = "helm:\n  parameters:\n  - name: image.tag\n    value: \"1.10\"\n    forcestring: true\n\
                        kustomize:\n  images:\n  - api=acme/api:v1\n";
        assert_eq!(render(None, &entries, &[]), Ok(Edited::New(expected.to_owned())));
        assert_eq!(render(Some(expected), &entries, &[]), Ok(Edited::Unchanged));
        assert_eq!(render(None, &[], &entries), Ok(Edited::Unchanged));
    }

    fn parameter(name: &str, value: &str) -> Entry {
        Entry::HelmParameter {
            name: name.into(),
            value: value.into(),
        }
    }

    fn image(text: &str) -> Entry {
        Entry::KustomizeImage {
            name: None,
            image: ImageRef::parse(text).expect("a reference"),
        }
    }

    fn variable(name: &str, value: &str) -> Entry {
        Entry::PluginVariable {
            name: name.into(),
            value: value.into(),
        }
    }

    #[test]
    fn a_new_list_repeats_what_the_source_says_and_a_list_that_is_there_does_not() {
        let helm = [parameter("b.tag", "v2")];
        let more_helm = [parameter("a.tag", "v7"), variable("OTHER", "v7")];
        let helm_file = "helm:\n  parameters:\n  - name: a.tag\n    value: v7\n    forcestring: true\n  \
                         - name: b.tag\n    value: v2\n    forcestring: true\n";
        let one_parameter = "  - name: b.tag\n    value: v2\n    forcestring: true\n";
        let images = [image("acme/b:v2")];
        let more_images = [image("acme/a:v7")];
        let variables = [variable("B", "v2")];
        let more_variables = [variable("A", "v7")];
        for (entries, repeated, given, expected) in [
            (&helm[..], &more_helm[..], None, helm_file),
            (&helm, &more_helm, Some(""), helm_file),
            // Not readable for Argo CD either, so nothing of it was in force.
            (&helm, &more_helm, Some("helm: ["), helm_file),
            (
                &helm,
                &more_helm,
                Some("# ours\nhelm:\n  releaseName: shop\n"),
                "# ours\nhelm:\n  releaseName: shop\n  parameters:\n  - name: a.tag\n    value: v7\n    \
                 forcestring: true\n  - name: b.tag\n    value: v2\n    forcestring: true\n",
            ),
            (
                &helm,
                &more_helm,
                Some("helm:\n  parameters: []\n"),
                &format!("helm:\n  parameters:\n{one_parameter}"),
            ),
            // A null takes the list of the source away, so it is not in force now.
            (
                &helm,
                &more_helm,
                Some("helm:\n  parameters:\n"),
                &format!("helm:\n  parameters:\n{one_parameter}"),
            ),
            (
                &helm,
                &more_helm,
                Some("helm: ~\n"),
                &format!("helm:\n  parameters:\n{one_parameter}"),
            ),
            (
                &images,
                &more_images,
                None,
                "kustomize:\n  images:\n  - acme/b:v2\n  - acme/a:v7\n",
            ),
            (
                &images,
                &more_images,
                Some("kustomize:\n  images:\n  - acme/c:v1\n"),
                "kustomize:\n  images:\n  - acme/c:v1\n  - acme/b:v2\n",
            ),
            (
                &variables,
                &more_variables,
                None,
                "plugin:\n  env:\n  - name: B\n    value: v2\n  - name: A\n    value: v7\n",
            ),
            (
                &variables,
                &more_variables,
                Some("plugin:\n  env:\n  - name: B\n    value: v1\n"),
                "plugin:\n  env:\n  - name: B\n    value: v2\n",
            ),
        ] {
            let edited = render(given, entries, repeated);
            assert_eq!(edited, Ok(Edited::New(expected.to_owned())), "{given:?}");
            assert_eq!(
                render(Some(expected), entries, repeated),
                Ok(Edited::Unchanged),
                "{given:?}"
            );
        }
    }
}
