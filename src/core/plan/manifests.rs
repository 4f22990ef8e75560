//! What plain manifests say of an image, as [`crate::core::render::read_back`] reads it into a copy of the source, and what
//! they should say.

use crate::{
    api::argocd::{ApplicationSource, ManifestPart, ManifestText},
    core::image::{ImageRef, ImageVersion, TagName},
};

/// What a place of this part says for `image`, where `present` stands now; `None` when there is nothing to say.
pub fn value_of(part: ManifestPart, image: &ImageRef, present: &str) -> Option<String> {
    let version = image.version.as_ref()?;
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    match part {
        ManifestPart::Field => {
            let written = image.full_name_with_version();
            let version = written.strip_prefix(&image.full_name())?;
            Some(format!("{}{version}", without_version(present)))
        }
        ManifestPart::Whole => Some(image.full_name_with_version()),
        ManifestPart::Name => {
            let same = ImageRef::parse(present).is_ok_and(|found| found.version.is_none() && found.same_image(image));
            Some(if same { present.to_owned() } else { image.full_name() })
        }
        ManifestPart::TagWithDigest => given(&image.tag_with_digest()),
        ManifestPart::Tag => given(&version.tag),
        ManifestPart::Digest => given(&version.digest),
    }
}

/// The text before tag and digest. A colon before the last slash belongs to the host.
fn without_version(text: &str) -> &str {
    let text = text.split_once('@').map_or(text, |(name, _)| name);
    let last = text.rfind('/').map_or(0, |slash| slash + 1);
    match text.get(last..).and_then(|name| name.find(':')) {
        Some(colon) => text.get(..last + colon).unwrap_or(text),
        None => text,
    }
}

fn texts<'s>(source: &'s ApplicationSource, alias: &str) -> impl Iterator<Item = &'s ManifestText> {
    let texts = source.manifests.as_deref().unwrap_or(&[]).iter();
    texts.filter(move |text| text.alias == alias)
}

/// The image that the manifests say: the first whole reference of it with a version, else the first tag with the first digest
/// that stands apart from it.
pub fn standing(source: &ApplicationSource, alias: &str, image: &ImageRef) -> Option<ImageRef> {
    let whole = texts(source, alias).filter(|text| matches!(text.part, ManifestPart::Field | ManifestPart::Whole));
    let mut whole = whole.filter_map(|text| parsed(&text.text, image));
    whole.next().or_else(|| {
        let first = |wanted: &[ManifestPart]| {
            let mut texts = texts(source, alias);
            texts.find(|text| wanted.contains(&text.part) && !text.text.is_empty())
        };
        let tag = first(&[ManifestPart::Tag, ManifestPart::TagWithDigest]);
        let digest = first(&[ManifestPart::Digest]);
        let tag = tag.map(|text| format!(":{}", text.text)).unwrap_or_default();
        let digest = digest.map(|text| format!("@{}", text.text)).unwrap_or_default();
        parsed(&format!("{}{tag}{digest}", image.full_name()), image)
    })
}

fn parsed(text: &str, image: &ImageRef) -> Option<ImageRef> {
    let found = ImageRef::parse(text).ok()?;
    let ImageVersion { tag, digest } = found.version.as_ref()?;
    let has_version = TagName::new(tag).is_some() || (tag.is_empty() && !digest.is_empty());
    (has_version && found.same_image(image)).then_some(found)
}

/// Whether the manifests were read, and every place of the image says `image` with its version.
pub fn holds(source: &ApplicationSource, alias: &str, image: &ImageRef) -> bool {
    texts(source, alias).next().is_some() && !differs(source, alias, image)
}

/// Whether a place of the image says something else than it would get.
pub fn differs(source: &ApplicationSource, alias: &str, image: &ImageRef) -> bool {
    texts(source, alias).any(|text| {
        let value = value_of(text.part, image, &text.text);
        value.is_some_and(|value| value != text.text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(texts: &[(ManifestPart, &str)]) -> ApplicationSource {
        let text = |(part, text): &(ManifestPart, &str)| ManifestText {
            alias: "api".to_owned(),
            part: *part,
            text: (*text).to_owned(),
        };
        ApplicationSource {
            manifests: Some(texts.iter().map(text).collect()),
            ..ApplicationSource::default()
        }
    }

    #[test]
    fn the_first_place_with_a_version_says_what_stands() {
        use ManifestPart::{Digest, Field, Name, Tag, TagWithDigest, Whole};
        let image = ImageRef::parse("acme/api:1.x").unwrap();
        for (texts, expected) in [
            (&[][..], None),
            (&[(Field, "docker.io/acme/api:1.0")], Some("docker.io/acme/api:1.0")),
            (&[(Field, "acme/api"), (Field, "acme/api:1.1")], Some("acme/api:1.1")),
            (&[(Whole, "acme/other:1.0")], None),
            (&[(Name, "acme/api"), (TagWithDigest, "1.0")], Some("acme/api:1.0")),
            (&[(Tag, "1.0"), (Digest, "sha256:00")], Some("acme/api:1.0@sha256:00")),
            (&[(Tag, "1.0"), (Digest, "")], Some("acme/api:1.0")),
            (&[(Digest, "sha256:00")], Some("acme/api@sha256:00")),
            (&[(Tag, "1.0"), (Field, "acme/api:2.0")], Some("acme/api:2.0")),
            (&[(Name, "acme/api")], None),
            (&[(Tag, "not a tag")], None),
        ] {
            let found = standing(&source(texts), "api", &image).map(|found| found.full_name_with_version());
            assert_eq!(found.as_deref(), expected, "{texts:?}");
            assert_eq!(standing(&source(texts), "web", &image), None);
        }
        assert_eq!(standing(&ApplicationSource::default(), "api", &image), None);
    }

    #[test]
    fn a_place_differs_when_it_would_get_another_text() {
        use ManifestPart::{Digest, Field, Name, Tag, TagWithDigest, Whole};
        let image = ImageRef::parse("acme/api:1.1").unwrap();
        for (texts, expected) in [
            (&[(Field, "docker.io/acme/api:1.1")][..], true),
            (&[(Field, "acme/api:1.1"), (Field, "acme/api:1.0")], false),
            (&[(Field, "acme/api:1.1@sha256:00")], false),
            (&[(Whole, "acme/api:1.1"), (TagWithDigest, "1.1")], true),
            (&[(Whole, "docker.io/acme/api:1.1")], false),
            (&[(Name, "docker.io/acme/api"), (Tag, "1.1"), (Digest, "")], true),
            (&[(Name, "acme/other"), (Tag, "1.1")], false),
            (&[], false),
        ] {
            assert_eq!(holds(&source(texts), "api", &image), expected, "{texts:?}");
            assert_eq!(
                differs(&source(texts), "api", &image),
                !expected && !texts.is_empty(),
                "{texts:?}"
            );
        }
    }
}
