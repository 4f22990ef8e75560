//! From the values of an application's images to the text of its override file.

use super::argocd_source::{self, HelmParameter, Overrides, PluginVariable, RenderError};
use crate::core::{
    plan::{Entry, kustomize},
    yaml::Edited,
};

/// Renders the override file with `entries`. `existing` is the file as it is, if there is one.
///
/// An application whose images stand in several ways (a Helm parameter here, a plugin variable there) has all of them in
/// its one file.
pub fn render(existing: Option<&str>, entries: &[Entry]) -> Result<Edited, RenderError> {
    let mut text = existing.map(str::to_owned);
    let mut changed = false;
    for overrides in by_kind(entries) {
        if let Edited::New(new) = argocd_source::render(text.as_deref(), &overrides)? {
            text = Some(new);
            changed = true;
        }
    }
    Ok(match text {
        Some(text) if changed => Edited::New(text),
        _ => Edited::Unchanged,
    })
}

/// The entries of each kind, in their order; kinds without entries are left out.
fn by_kind(entries: &[Entry]) -> Vec<Overrides> {
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
    let mut all = Vec::new();
    if !helm.is_empty() {
        all.push(Overrides::Helm(helm));
    }
    if !images.is_empty() {
        all.push(Overrides::Kustomize(images));
    }
    if !plugin.is_empty() {
        all.push(Overrides::Plugin(plugin));
    }
    all
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
        assert_eq!(render(None, &entries), Ok(Edited::New(expected.to_owned())));
        assert_eq!(render(Some(expected), &entries), Ok(Edited::Unchanged));
        assert_eq!(render(None, &[]), Ok(Edited::Unchanged));
    }
}
