//! The commit message for the changes of one application.

use crate::core::plan::ImageChange;

/// The message that is used where no other is configured.
pub fn default_message(app_name: &str, changes: &[ImageChange]) -> String {
    let lines = changes.iter().map(|change| {
        format!(
            "updates image {} tag '{}' to '{}'\n",
            change.image.name,
            change.old_text(),
            change.new_text()
        )
    });
    format!("build: automatic update of {app_name}\n\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{
        image::{ImageRef, ImageVersion, VersionWords},
        keys::ObjectKey,
    };

    fn change(image: &str, old: (&str, &str), new: (&str, &str)) -> ImageChange {
        let version = |(tag, digest): (&str, &str)| ImageVersion {
            tag: tag.to_owned(),
            digest: digest.to_owned(),
        };
        ImageChange {
            application: ObjectKey::new("argocd", "shop"),
            alias: "api".to_owned(),
            image: ImageRef::parse(image).unwrap(),
            old: version(old),
            new: version(new),
            words: VersionWords::Either,
            note: None,
        }
    }

    #[test]
    fn every_change_has_a_line_with_the_name_without_its_registry() {
        let changes = [
            change("quay.io/acme/api:1.x", ("v1.0.0", ""), ("v1.1.0", "")),
            change("acme/job:main", ("main", "sha256:0a"), ("main", "sha256:1b")),
        ];
        assert_eq!(
            default_message("shop", &changes),
            "build: automatic update of shop\n\n\
             updates image acme/api tag 'v1.0.0' to 'v1.1.0'\n\
             updates image acme/job tag 'sha256:0a' to 'sha256:1b'\n"
        );
    }

    #[test]
    fn a_pinned_image_is_told_with_its_tag() {
        let mut pinned = change("acme/api:1.x", ("v1.0.0", ""), ("v1.1.0", "sha256:0a"));
        pinned.words = VersionWords::Both;
        assert_eq!(
            default_message("shop", &[pinned]),
            "build: automatic update of shop\n\nupdates image acme/api tag 'v1.0.0' to 'v1.1.0@sha256:0a'\n"
        );
    }
}
