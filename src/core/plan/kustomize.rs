//! Kustomize image overrides as Argo CD keeps them: `[name=]reference`.

use crate::core::image::ImageRef;

/// One override, split but not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Override<'a> {
    /// The text before `=`: the image that is replaced. It may carry a tag, which counts for nothing.
    pub name: Option<&'a str>,
    /// The reference that replaces it.
    pub reference: &'a str,
}

impl<'a> Override<'a> {
    /// Splits the text at its first `=`.
    pub fn split(text: &'a str) -> Self {
        match text.split_once('=') {
            Some((name, reference)) => Self {
                name: Some(name),
                reference,
            },
            None => Self {
                name: None,
                reference: text,
            },
        }
    }

    /// What Kustomize looks for in the manifests: the left side without tag and digest, else the reference's own name. A
    /// colon before the last slash belongs to a host.
    pub fn left(&self) -> &'a str {
        let text = self.name.unwrap_or(self.reference);
        let text = text.split_once('@').map_or(text, |(name, _)| name);
        let last = text.rfind('/').map_or(0, |at| at + 1);
        match text[last..].find(':') {
            Some(at) => &text[..last + at],
            None => text,
        }
    }

    /// Whether it replaces an image by `image` (its version aside), and for the name `wanted` where both name one.
    fn is_for(&self, wanted: Option<&str>, image: &ImageRef) -> bool {
        let same_name = match (wanted, self.name) {
            (Some(wanted), Some(_)) => wanted == self.left(),
            _ => true,
        };
        same_name && ImageRef::parse(self.reference).is_ok_and(|found| found.same_image(image))
    }
}

/// The text of an override.
pub fn text(name: Option<&str>, image: &ImageRef) -> String {
    let reference = image.full_name_with_version();
    match name {
        Some(name) => format!("{name}={reference}"),
        None => reference,
    }
}

/// What Kustomize looks for when `image` is written for the configured `name`.
pub fn left_of(name: Option<&str>, image: &ImageRef) -> String {
    name.map_or_else(|| image.full_name(), str::to_owned)
}

/// The indices of the entries of `list` that an override of `image` for `name` replaces: those with the same left side,
/// else those for the same image, except entries whose left side is in `others`, which belong to other images.
pub fn places(list: &[String], name: Option<&str>, image: &ImageRef, others: &[String]) -> Vec<usize> {
    let left = left_of(name, image);
    let find = |fits: &dyn Fn(Override<'_>) -> bool| -> Vec<usize> {
        let entries = list.iter().enumerate();
        entries
            .filter(|(_, text)| fits(Override::split(text)))
            .map(|(index, _)| index)
            .collect()
    };
    let same_left = find(&|entry| entry.left() == left);
    if !same_left.is_empty() {
        return same_left;
    }
    find(&|entry| entry.is_for(name, image) && !others.iter().any(|other| other == entry.left()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_left_side_has_no_tag_and_a_port_belongs_to_the_host() {
        for (given, expected) in [
            ("acme/api:v1", "acme/api"),
            ("host:5000/api:v1@sha256:00", "host:5000/api"),
            ("host:5000/api", "host:5000/api"),
            ("blue=host:5000/api:v1", "blue"),
            ("base/api:v0=acme/api:v1", "base/api"),
            ("", ""),
        ] {
            assert_eq!(Override::split(given).left(), expected, "{given}");
        }
    }

    #[test]
    fn an_entry_is_found_by_its_left_side_and_else_by_its_image() {
        let list = |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>();
        for (entries, name, image, others, expected) in [
            (&["a/x:1", "a/y:1"][..], None, "a/y:2", &[][..], &[1][..]),
            (&["blue=a/x:1", "green=a/x:1"], Some("green"), "a/x:2", &[], &[1]),
            (&["blue=a/x:1"], Some("green"), "a/x:2", &[], &[]),
            (&["green=b/x:1"], Some("green"), "a/x:2", &[], &[0]),
            (&["a/x:1"], Some("green"), "a/x:2", &[], &[0]),
            (&["a/x:1"], Some("green"), "a/x:2", &["a/x"], &[]),
            (&["blue=a/x:1"], None, "a/x:2", &["blue"], &[]),
            (&["a/x:1", "a/x:2"], None, "a/x:3", &[], &[0, 1]),
            (&["h:1/a:1", "h:1/b:1"], None, "h:1/c:2", &[], &[]),
            (&["ghcr.io/a/x:1"], None, "quay.io/a/x:2", &[], &[]),
            (&["docker.io/a/x:1"], None, "a/x:2", &[], &[0]),
            (&["%%%"], None, "a/x:2", &[], &[]),
        ] {
            let image = ImageRef::parse(image).unwrap();
            let found = places(&list(entries), name, &image, &list(others));
            assert_eq!(found, expected, "{entries:?} {name:?} {image:?}");
        }
    }
}
