//! Setter comments: `# {"$imageupdater": "alias"}`, at the end of the line of any value.
//!
//! The alias alone marks a place for the whole reference, `alias:tag`, `alias:name` and `alias:digest` one for a part of it.
//! Behind the closing brace the comment may go on.

use serde_json::Value;

use crate::api::argocd::ManifestPart;

/// The key that makes a comment a setter.
pub(super) const WORD: &str = "$imageupdater";

/// A comment that is meant as a setter, and cannot be read.
pub(super) struct Unreadable;

/// What a setter comment is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning<'m> {
    /// An image that is not ours; the place is not ours either.
    Other,
    /// A part of the image with this index.
    Part(usize, ManifestPart),
    /// No part of an image of ours.
    UnknownPart { alias: &'m str, part: &'m str },
}

/// The value of the setter in a comment; `None` when the comment is another one.
pub(super) fn read(comment: &str) -> Result<Option<String>, Unreadable> {
    let comment = comment.trim_start();
    if !comment.starts_with('{') {
        return Ok(None);
    }
    match serde_json::Deserializer::from_str(comment).into_iter::<Value>().next() {
        Some(Ok(Value::Object(mut object))) => match object.shift_remove(WORD) {
            Some(Value::String(value)) => Ok(Some(value)),
            Some(_) => Err(Unreadable),
            None => Ok(None),
        },
        _ => Err(Unreadable),
    }
}

/// What `value` means among images with these aliases. An alias may hold a colon, so the whole text is tried first.
pub(super) fn meaning<'m>(value: &'m str, aliases: &[&str]) -> Meaning<'m> {
    let image = |alias: &str| aliases.iter().position(|known| *known == alias);
    if let Some(image) = image(value) {
        return Meaning::Part(image, ManifestPart::Whole);
    }
    let Some((alias, part)) = value.rsplit_once(':') else {
        return Meaning::Other;
    };
    let Some(image) = image(alias) else {
        return Meaning::Other;
    };
    match part {
        "tag" => Meaning::Part(image, ManifestPart::TagWithDigest),
        "name" => Meaning::Part(image, ManifestPart::Name),
        "digest" => Meaning::Part(image, ManifestPart::Digest),
        // The end of another alias may look like this.
        part if part.contains('/') => Meaning::Other,
        part => Meaning::UnknownPart { alias, part },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_a_setter_by_its_key() {
        for (comment, expected) in [
            (r#" {"$imageupdater": "api"}"#, Some(Some("api"))),
            (r#"{"$imageupdater":"api:tag"} keep"#, Some(Some("api:tag"))),
            (r#" {"x": 1, "$imageupdater": "ä"}"#, Some(Some("ä"))),
            (r#" {"$imagepolicy": "flux:app"}"#, Some(None)),
            (" see $imageupdater", Some(None)),
            (r#" old: b # {"$imageupdater": "api"}"#, Some(None)),
            (r#" {"$imageupdater": api}"#, None),
            (r#" {"$imageupdater": 1}"#, None),
            (r#" {"$imageupdater": "api""#, None),
        ] {
            let found = read(comment).ok();
            assert_eq!(found, expected.map(|text| text.map(str::to_owned)), "{comment}");
        }
    }

    #[test]
    fn a_part_follows_an_alias_which_may_hold_a_colon_itself() {
        use ManifestPart::{Digest, Name, TagWithDigest, Whole};
        let aliases = ["api", "host:5000/x", "api:tag2", "a:tag", "a"];
        for (value, expected) in [
            ("api", Meaning::Part(0, Whole)),
            ("api:tag", Meaning::Part(0, TagWithDigest)),
            ("api:name", Meaning::Part(0, Name)),
            ("api:digest", Meaning::Part(0, Digest)),
            ("host:5000/x", Meaning::Part(1, Whole)),
            ("host:5000/x:digest", Meaning::Part(1, Digest)),
            ("api:tag2", Meaning::Part(2, Whole)),
            ("a:tag", Meaning::Part(3, Whole)),
            ("a:tag:tag", Meaning::Part(3, TagWithDigest)),
            ("api:5000/y", Meaning::Other),
            ("other", Meaning::Other),
            ("other:tag", Meaning::Other),
            ("", Meaning::Other),
            (
                "api:Tag",
                Meaning::UnknownPart {
                    alias: "api",
                    part: "Tag",
                },
            ),
            ("api:", Meaning::UnknownPart { alias: "api", part: "" }),
        ] {
            assert_eq!(meaning(value, &aliases), expected, "{value}");
        }
    }
}
