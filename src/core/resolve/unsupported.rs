//! The settings that this version knows but does not implement, as one list.
//!
//! None of them is ignored: while one is set to anything but its default, the images concerned are left alone with the
//! verdict `UnsupportedSetting`, which names the field. A feature that arrives deletes its line here and nothing else.

use crate::{
    api::v1alpha1::{GitConfig, WriteBackConfig},
    core::{
        resolve::settings::Layer,
        verdict::{Reason, Verdict},
    },
};

/// One field: whether a layer has it, and whether what it has is not implemented.
struct Row<T> {
    /// The path of the field below the object that holds the layer.
    field: &'static str,
    /// Whether the layer has the field, so that more general layers do not count.
    present: fn(&T) -> bool,
    /// Whether its value asks for what is not implemented.
    refused: fn(&T) -> bool,
}

/// Settings of the write-back, when the method is git.
const WRITE_BACK: &[Row<WriteBackConfig>] = &[
    Row {
        field: "writeBackConfig.gitConfig.respectSyncWindows",
        present: |s| git(s, |git| git.respect_sync_windows.is_some()),
        refused: |s| git(s, |git| git.respect_sync_windows == Some(true)),
    },
    Row {
        field: "writeBackConfig.gitConfig.pullRequest",
        present: |s| git(s, |git| git.pull_request.is_some()),
        refused: |s| git(s, |git| git.pull_request.is_some()),
    },
];

fn git(settings: &WriteBackConfig, test: fn(&GitConfig) -> bool) -> bool {
    settings.git_config.as_ref().is_some_and(test)
}

/// The first refused field of merged layers, the most general layer first: the most specific one that has it counts.
fn first<T: Clone>(layers: &[Layer<T>], rows: &[Row<T>]) -> Option<Verdict> {
    rows.iter().find_map(|row| {
        let layer = layers.iter().rev().find(|layer| (row.present)(&layer.settings))?;
        (row.refused)(&layer.settings).then(|| verdict(&layer.origin.field(row.field)))
    })
}

/// A field that is refused.
pub fn verdict(field: &str) -> Verdict {
    Verdict::new(
        Reason::UnsupportedSetting,
        format!("{field} is set to something that this version does not support; nothing is written while it is set"),
    )
}

/// What is refused of the write-back settings of an application whose method is git.
pub fn of_write_back(layers: &[Layer<WriteBackConfig>]) -> Option<Verdict> {
    first(layers, WRITE_BACK)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::resolve::origin::Origin;

    fn layers<T: Clone + serde::de::DeserializeOwned>(given: &serde_json::Value) -> Vec<Layer<T>> {
        let layers: Vec<T> = serde_json::from_value(given.clone()).unwrap();
        let layer = |(index, settings)| Layer {
            origin: Origin::Resource(format!("layer{index}")),
            settings: Arc::new(settings),
        };
        layers.into_iter().enumerate().map(layer).collect()
    }

    fn field(verdict: Option<Verdict>) -> String {
        let Some(verdict) = verdict else { return String::new() };
        assert_eq!(verdict.reason, Reason::UnsupportedSetting);
        verdict.message.split(' ').next().unwrap_or("").to_owned()
    }

    #[test]
    fn write_back_settings_of_later_versions_are_refused_and_their_defaults_are_not() {
        for (given, expected) in [
            (serde_json::json!({}), ""),
            (
                serde_json::json!({
                    "branch": "main:x", "writeBackTarget": "kustomization", "message": "x", "commitGrouping": "target",
                    "refreshApplication": true, "respectSyncWindows": false,
                }),
                "",
            ),
            (serde_json::json!({"respectSyncWindows": true}), "respectSyncWindows"),
            (serde_json::json!({"pullRequest": {}}), "pullRequest"),
        ] {
            let blocks = serde_json::json!([{"method": "git", "gitConfig": given}]);
            let expected = match expected {
                "" => String::new(),
                field => format!("layer0.writeBackConfig.gitConfig.{field}"),
            };
            assert_eq!(field(of_write_back(&layers(&blocks))), expected, "{blocks}");
        }
    }
}
