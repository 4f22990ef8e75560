//! Three layers of settings become one: spec, rule, image; field by field, the most specific layer that has the field wins.
//!
//! Short forms are turned into long ones layer by layer, before anything is merged. An explicit empty list or text is a
//! value: it replaces. `author` and `pullRequest` are taken whole. What the merged texts mean is decided elsewhere:
//! `super::image` and [`super::write_target`].

use std::sync::Arc;

use crate::{
    api::v1alpha1::{
        AllowTag, Author, CommonUpdateSettings, GitConfig, ImageConfig, ImagesVerification, WriteBackConfig,
    },
    core::{report::Remark, resolve::origin::Origin},
};

/// One layer of settings and where it stands.
#[derive(Debug, Clone)]
pub struct Layer<T> {
    /// Where the object stands that holds the settings.
    pub origin: Origin,
    /// The settings, with short forms turned into long ones.
    pub settings: Arc<T>,
}

/// Merges layers, the most general first.
pub fn merge_update_settings<'a>(layers: impl IntoIterator<Item = &'a CommonUpdateSettings>) -> CommonUpdateSettings {
    layers
        .into_iter()
        .fold(CommonUpdateSettings::default(), |general, specific| {
            let CommonUpdateSettings {
                update_strategy,
                force_update,
                allow_tags,
                ignore_tags,
                pull_secret,
                platforms,
                extract,
                order,
                minimum_age,
                allow_downgrade,
                pin_digest,
                current_from,
            } = specific.clone();
            CommonUpdateSettings {
                update_strategy: update_strategy.or(general.update_strategy),
                force_update: force_update.or(general.force_update),
                allow_tags: allow_tags.or(general.allow_tags),
                ignore_tags: ignore_tags.or(general.ignore_tags),
                pull_secret: pull_secret.or(general.pull_secret),
                platforms: platforms.or(general.platforms),
                extract: extract.or(general.extract),
                order: order.or(general.order),
                minimum_age: minimum_age.or(general.minimum_age),
                allow_downgrade: allow_downgrade.or(general.allow_downgrade),
                pin_digest: pin_digest.or(general.pin_digest),
                current_from: current_from.or(general.current_from),
            }
        })
}

/// Merges layers, the most general first; `None` when there is no block at all.
pub fn merge_verification<'a>(layers: impl IntoIterator<Item = &'a ImagesVerification>) -> Option<ImagesVerification> {
    layers.into_iter().fold(None, |general, specific| {
        let general = general.unwrap_or_default();
        let ImagesVerification {
            enabled,
            cosign_key,
            cosign_keys,
            keyless,
            on_unverified,
        } = specific.clone();
        Some(ImagesVerification {
            enabled: enabled.or(general.enabled),
            cosign_key: cosign_key.or(general.cosign_key),
            cosign_keys: cosign_keys.or(general.cosign_keys),
            keyless: keyless.or(general.keyless),
            on_unverified: on_unverified.or(general.on_unverified),
        })
    })
}

/// Merges layers, the most general first. A rule can replace an inherited `pullRequest`, but not remove it.
pub fn merge_write_back<'a>(layers: impl IntoIterator<Item = &'a WriteBackConfig>) -> WriteBackConfig {
    layers
        .into_iter()
        .fold(WriteBackConfig::default(), |general, specific| {
            let WriteBackConfig {
                method,
                git_commit_user,
                git_commit_email,
                git_config,
            } = specific.clone();
            WriteBackConfig {
                method: method.or(general.method),
                git_commit_user: git_commit_user.or(general.git_commit_user),
                git_commit_email: git_commit_email.or(general.git_commit_email),
                git_config: match (general.git_config, git_config) {
                    (Some(general), Some(specific)) => Some(merge_git(general, specific)),
                    (general, specific) => specific.or(general),
                },
            }
        })
}

fn merge_git(general: GitConfig, specific: GitConfig) -> GitConfig {
    let GitConfig {
        repository,
        branch,
        write_back_target,
        author,
        message,
        commit_grouping,
        refresh_application,
        respect_sync_windows,
        pull_request,
    } = specific;
    GitConfig {
        repository: repository.or(general.repository),
        branch: branch.or(general.branch),
        write_back_target: write_back_target.or(general.write_back_target),
        author: author.or(general.author),
        message: message.or(general.message),
        commit_grouping: commit_grouping.or(general.commit_grouping),
        refresh_application: refresh_application.or(general.refresh_application),
        respect_sync_windows: respect_sync_windows.or(general.respect_sync_windows),
        pull_request: pull_request.or(general.pull_request),
    }
}

/// The image's own layer: `updateStrategy` and `allowTags` of the image become fields of its `commonUpdateSettings`.
/// Where both forms are set the long one wins, with a warning. The image stands at `origin`.
pub fn image_layer(image: &ImageConfig, origin: &Origin, warnings: &mut Vec<Remark>) -> Layer<CommonUpdateSettings> {
    let mut settings = image.common_update_settings.clone().unwrap_or_default();
    let mut both = |field: &str| warnings.push(both_forms(origin, field, &format!("commonUpdateSettings.{field}")));
    if let Some(short) = &image.update_strategy {
        if settings.update_strategy.is_some() {
            both("updateStrategy");
        } else {
            settings.update_strategy = Some(short.clone());
        }
    }
    if let Some(short) = &image.allow_tags {
        if settings.allow_tags.is_some() {
            both("allowTags");
        } else {
            settings.allow_tags = Some(one_pattern(short));
        }
    }
    Layer {
        origin: origin.clone(),
        settings: Arc::new(settings),
    }
}

/// A write-back layer: `gitCommitUser` and `gitCommitEmail` become `gitConfig.author`, which wins, with a warning, where
/// both are set. The object that holds the block stands at `origin`.
pub fn write_back_layer(
    settings: &WriteBackConfig,
    origin: &Origin,
    warnings: &mut Vec<Remark>,
) -> Layer<WriteBackConfig> {
    let mut settings = settings.clone();
    let short = Author {
        name: settings.git_commit_user.take(),
        email: settings.git_commit_email.take(),
    };
    let long = settings.git_config.as_ref().is_some_and(|git| git.author.is_some());
    if long {
        for (field, text) in [("gitCommitUser", &short.name), ("gitCommitEmail", &short.email)] {
            if text.is_some() {
                let field = format!("writeBackConfig.{field}");
                warnings.push(both_forms(origin, &field, "writeBackConfig.gitConfig.author"));
            }
        }
    } else if short != Author::default() {
        settings.git_config.get_or_insert_default().author = Some(short);
    }
    Layer {
        origin: origin.clone(),
        settings: Arc::new(settings),
    }
}

fn both_forms(origin: &Origin, short: &str, long: &str) -> Remark {
    Remark {
        field: origin.field(short),
        message: format!("ignored because {} is set too; remove one of them", origin.field(long)),
    }
}

/// One pattern that matches where one of `expressions` matches; the empty pattern, which allows every tag, for none.
fn one_pattern(expressions: &[AllowTag]) -> String {
    if expressions.is_empty() {
        return String::new();
    }
    let alternatives: Vec<_> = expressions.iter().map(|e| format!("(?:{})", e.regex)).collect();
    format!("regexp:{}", alternatives.join("|"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn at(path: &str) -> Origin {
        Origin::Resource(path.to_owned())
    }

    fn image(json: serde_json::Value) -> ImageConfig {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn short_forms_of_an_image_become_long_ones() {
        let image = image(serde_json::json!({
            "imageName": "a", "updateStrategy": "latest", "allowTags": [{"regex": "^v"}, {"regex": "a|b"}],
        }));
        let mut warnings = Vec::new();
        let layer = image_layer(&image, &at("spec.images[0]"), &mut warnings);
        assert_eq!(layer.settings.update_strategy.as_deref(), Some("latest"));
        assert_eq!(layer.settings.allow_tags.as_deref(), Some("regexp:(?:^v)|(?:a|b)"));
        assert_eq!(warnings, []);
    }

    #[test]
    fn the_long_form_wins_in_one_layer_and_a_warning_names_both() {
        let image = image(serde_json::json!({
            "imageName": "a", "updateStrategy": "latest", "commonUpdateSettings": {"updateStrategy": "digest"},
        }));
        let mut warnings = Vec::new();
        let layer = image_layer(&image, &at("spec.images[0]"), &mut warnings);
        assert_eq!(layer.settings.update_strategy.as_deref(), Some("digest"));
        assert_eq!(warnings.len(), 1);
        assert_eq!(warnings[0].field, "spec.images[0].updateStrategy");
        assert!(
            warnings[0]
                .message
                .contains("spec.images[0].commonUpdateSettings.updateStrategy")
        );
    }

    #[test]
    fn a_short_form_of_a_specific_layer_wins_over_a_long_form_of_a_general_one() {
        let general: CommonUpdateSettings =
            serde_json::from_value(serde_json::json!({"updateStrategy": "digest", "allowTags": "x"})).unwrap();
        let image = image(serde_json::json!({"imageName": "a", "updateStrategy": "name", "allowTags": []}));
        let layer = image_layer(&image, &at("i"), &mut Vec::new());
        let merged = merge_update_settings([&general, &*layer.settings]);
        assert_eq!(merged.update_strategy.as_deref(), Some("name"));
        assert_eq!(
            merged.allow_tags.as_deref(),
            Some(""),
            "an explicit empty list replaces"
        );
    }

    #[test]
    fn commit_user_and_mail_become_the_author_of_their_layer_which_is_taken_whole() {
        let general: WriteBackConfig = serde_json::from_value(serde_json::json!({
            "method": "git", "gitConfig": {"author": {"name": "all", "email": "all@x.test"}},
        }))
        .unwrap();
        let specific: WriteBackConfig = serde_json::from_value(serde_json::json!({"gitCommitUser": "bot"})).unwrap();
        let mut warnings = Vec::new();
        let layers = [
            write_back_layer(&general, &at("spec"), &mut warnings),
            write_back_layer(&specific, &at("spec.applicationRefs[0]"), &mut warnings),
        ];
        let merged = merge_write_back(layers.iter().map(|layer| &*layer.settings));
        let author = merged.git_config.unwrap().author.unwrap();
        assert_eq!((author.name.as_deref(), author.email), (Some("bot"), None));
        assert_eq!(warnings, []);
    }

    #[test]
    fn an_author_wins_over_the_short_form_beside_it() {
        let block: WriteBackConfig = serde_json::from_value(serde_json::json!({
            "gitCommitUser": "short", "gitConfig": {"author": {"name": "long", "email": "l@x.test"}},
        }))
        .unwrap();
        let mut warnings = Vec::new();
        let layer = write_back_layer(&block, &at("spec"), &mut warnings);
        let author = layer
            .settings
            .git_config
            .as_ref()
            .and_then(|git| git.author.as_ref())
            .unwrap();
        assert_eq!(author.name.as_deref(), Some("long"));
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].field.contains("spec.writeBackConfig.gitCommitUser"));
        assert!(warnings[0].message.contains("spec.writeBackConfig.gitConfig.author"));
    }

    /// Objects of these fields, each with one of two values or without it.
    fn objects(fields: &serde_json::Value) -> impl Strategy<Value = serde_json::Value> + use<> {
        let fields = fields.as_object().unwrap().clone();
        prop::collection::vec(prop::option::of(0..2_usize), fields.len()).prop_map(move |picks| {
            let pick = |((name, values), pick): ((&String, &serde_json::Value), Option<usize>)| {
                Some((name.clone(), values[pick?].clone()))
            };
            fields.iter().zip(picks).filter_map(pick).collect()
        })
    }

    fn of<T: serde::de::DeserializeOwned>(given: serde_json::Value) -> T {
        serde_json::from_value(given).unwrap()
    }

    fn update_settings() -> impl Strategy<Value = CommonUpdateSettings> {
        objects(&json!({
            "updateStrategy": ["digest", ""], "forceUpdate": [true, false], "allowTags": ["x", ""],
            "ignoreTags": [["a"], []], "pullSecret": ["env:A", ""], "platforms": [["linux/arm64"], []],
            "extract": ["(.)", ""], "order": ["asc", "desc"], "minimumAge": ["1h", ""],
            "allowDowngrade": [true, false], "pinDigest": [true, false], "currentFrom": ["live", "manifest"],
        }))
        .prop_map(of)
    }

    fn verification() -> impl Strategy<Value = ImagesVerification> {
        let key = |name: &str| json!({"secretName": name, "key": "k"});
        objects(&json!({
            "enabled": [true, false], "cosignKey": [key("a"), key("b")], "cosignKeys": [[key("a")], []],
            "keyless": [{}, {"identities": []}], "onUnverified": ["block", "fallback"],
        }))
        .prop_map(of)
    }

    fn both(a: &ImagesVerification, b: &ImagesVerification) -> ImagesVerification {
        merge_verification([a, b]).expect("there are two blocks")
    }

    fn write_back() -> impl Strategy<Value = WriteBackConfig> {
        let git = objects(&json!({
            "repository": ["a", ""], "branch": ["a", "b"], "writeBackTarget": ["a", ""],
            "author": [{"name": "a"}, {"email": "b"}], "message": ["a", ""], "commitGrouping": ["target", ""],
            "refreshApplication": [true, false], "respectSyncWindows": [true, false],
            "pullRequest": [{"github": {}}, {"gitlab": {}, "labels": ["a"]}],
        }));
        let outer = objects(&json!({"method": ["git", ""], "gitCommitUser": ["a", "b"], "gitCommitEmail": ["a", "b"]}));
        (outer, prop::option::of(git)).prop_map(|(mut outer, git)| {
            if let Some(git) = git {
                outer["gitConfig"] = git;
            }
            of(outer)
        })
    }

    proptest! {
        #[test]
        fn merging_is_associative_and_a_layer_of_nothing_changes_nothing(
            updates in prop::array::uniform3(update_settings()),
            verifications in prop::array::uniform3(verification()),
            write_backs in prop::array::uniform3(write_back()),
        ) {
            let [a, b, c] = &updates;
            let left = merge_update_settings([&merge_update_settings([a, b]), c]);
            prop_assert_eq!(&left, &merge_update_settings([a, &merge_update_settings([b, c])]));
            prop_assert_eq!(&merge_update_settings([&left, &CommonUpdateSettings::default()]), &left);

            let [a, b, c] = &verifications;
            let left = both(&both(a, b), c);
            prop_assert_eq!(&left, &both(a, &both(b, c)));
            prop_assert_eq!(&both(&left, &ImagesVerification::default()), &left);

            let [a, b, c] = &write_backs;
            let left = merge_write_back([&merge_write_back([a, b]), c]);
            prop_assert_eq!(&left, &merge_write_back([a, &merge_write_back([b, c])]));
            prop_assert_eq!(&merge_write_back([&left, &WriteBackConfig::default()]), &left);
        }

        #[test]
        fn the_most_specific_layer_that_has_a_field_wins(layers in prop::array::uniform3(update_settings())) {
            let merged = json!(merge_update_settings(&layers));
            let layers = layers.map(|layer| json!(layer));
            for layer in &layers {
                for field in layer.as_object().unwrap().keys() {
                    let expected = layers.iter().rev().find_map(|layer| layer.get(field));
                    prop_assert_eq!(merged.get(field), expected, "{}", field);
                }
            }
        }
    }
}
