//! Values with a name that hold an image, or a part of it: Helm parameters and plugin variables.

use crate::core::image::ImageRef;

/// The Helm parameter for the name where none is configured.
pub const DEFAULT_HELM_NAME: &str = "image.name";
/// The Helm parameter for the tag where none is configured.
pub const DEFAULT_HELM_TAG: &str = "image.tag";

/// One place of an image: one value for all of it, or one for each part. Names are trimmed and never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ValuePlace {
    /// One value for the whole reference.
    Whole(String),
    /// Values for name and tag; a part without one is not written.
    Split {
        /// The value for the name.
        name: Option<String>,
        /// The value for the tag and the digest.
        tag: Option<String>,
    },
}

/// What a value holds of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The reference with its version.
    Whole,
    /// Registry and name.
    Name,
    /// Tag and digest.
    Tag,
}

/// All places of one image among Helm parameters, which are written together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HelmPlaces {
    /// The place whose text tells what is written now.
    pub first: ValuePlace,
    /// The others, in their order.
    pub more: Vec<ValuePlace>,
}

impl Default for HelmPlaces {
    fn default() -> Self {
        Self::from(ValuePlace::Split {
            name: Some(DEFAULT_HELM_NAME.to_owned()),
            tag: Some(DEFAULT_HELM_TAG.to_owned()),
        })
    }
}

impl From<ValuePlace> for HelmPlaces {
    fn from(first: ValuePlace) -> Self {
        Self {
            first,
            more: Vec::new(),
        }
    }
}

impl HelmPlaces {
    /// The places, the first one first.
    pub fn iter(&self) -> impl Iterator<Item = &ValuePlace> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

impl ValuePlace {
    /// The names of its values and what each holds: the name before the tag.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = (&str, Part)> {
        let parts = match self {
            Self::Whole(spec) => [Some((spec.as_str(), Part::Whole)), None],
            Self::Split { name, tag } => [
                name.as_deref().map(|name| (name, Part::Name)),
                tag.as_deref().map(|tag| (tag, Part::Tag)),
            ],
        };
        parts.into_iter().flatten()
    }

    /// Whether the version of the image stands in it.
    pub fn holds_version(&self) -> bool {
        self.parts().any(|(_, part)| part != Part::Name)
    }

    /// The same place with other names.
    #[must_use]
    pub fn map(&self, rename: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Whole(spec) => Self::Whole(rename(spec)),
            Self::Split { name, tag } => Self::Split {
                name: name.as_deref().map(&rename),
                tag: tag.as_deref().map(&rename),
            },
        }
    }
}

impl Part {
    /// The value for `image`; empty when the image has no such part.
    pub fn of(self, image: &ImageRef) -> String {
        match self {
            Self::Whole => image.full_name_with_version(),
            Self::Name => image.full_name(),
            Self::Tag => image.tag_with_digest(),
        }
    }
}
