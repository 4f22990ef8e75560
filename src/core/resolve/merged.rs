//! The update settings of one image: its layers, what they come to, and where each field was said.

use std::fmt::Display;

use crate::{
    api::v1alpha1::CommonUpdateSettings,
    core::{
        report::Remark,
        resolve::{
            origin::Origin,
            settings::{self, Layer},
        },
        verdict::{Reason, Verdict},
    },
};

/// A field of the update settings.
pub(super) struct Field {
    /// Its name in a resource.
    name: &'static str,
    /// Whether a layer has it.
    present: fn(&CommonUpdateSettings) -> bool,
}

/// Names the fields once.
macro_rules! fields {
    ($($constant:ident = $field:ident, $name:literal;)+) => {
        impl Field {
            $(pub(super) const $constant: Self = Self {
                name: $name,
                present: |settings| settings.$field.is_some(),
            };)+
        }
    };
}

fields! {
    UPDATE_STRATEGY = update_strategy, "updateStrategy";
    ALLOW_TAGS = allow_tags, "allowTags";
    IGNORE_TAGS = ignore_tags, "ignoreTags";
    PULL_SECRET = pull_secret, "pullSecret";
    PLATFORMS = platforms, "platforms";
    EXTRACT = extract, "extract";
    ORDER = order, "order";
    MINIMUM_AGE = minimum_age, "minimumAge";
    CURRENT_FROM = current_from, "currentFrom";
}

/// The layers of one image and what they come to.
pub(super) struct Merged {
    layers: Vec<Layer<CommonUpdateSettings>>,
    /// The settings that hold.
    pub(super) settings: CommonUpdateSettings,
}

impl Merged {
    /// Merges layers, the most general first.
    pub(super) fn new(layers: Vec<Layer<CommonUpdateSettings>>) -> Self {
        Self {
            settings: settings::merge_update_settings(layers.iter().map(|layer| &*layer.settings)),
            layers,
        }
    }

    /// The path of a field, in the most specific layer that has it.
    pub(super) fn path(&self, field: &Field) -> String {
        let mut layers = self.layers.iter().rev();
        let nowhere = Origin::Resource("spec".to_owned());
        let origin = layers
            .find(|layer| (field.present)(&layer.settings))
            .map_or(&nowhere, |layer| &layer.origin);
        origin.field(&format!("commonUpdateSettings.{}", field.name))
    }

    /// A verdict that names the field.
    pub(super) fn refused(&self, reason: Reason, field: &Field, why: &dyn Display) -> Verdict {
        Verdict::new(reason, format!("{}: {why}", self.path(field)))
    }

    /// A remark that names the field.
    pub(super) fn remark(&self, field: &Field, message: String) -> Remark {
        Remark {
            field: self.path(field),
            message,
        }
    }
}

/// A text without the blanks around it; an empty one counts as absent.
pub(super) fn given(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}
