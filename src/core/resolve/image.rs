//! One configured image with its merged settings, as a [`TrackedImage`], or the verdict that says which field is wrong.

use std::borrow::Cow;

use crate::{
    api::v1alpha1::{CommonUpdateSettings, ImageConfig, ImagesVerification},
    core::{
        foreign::ForeignText,
        image::{ImageRef, Platforms},
        report::Remark,
        resolve::{
            CurrentFrom, ResolveContext, TrackedImage,
            credential_ref::CredentialRef,
            manifest_target,
            settings::{self, Layer},
            unsupported,
        },
        select::Policy,
        strategy::{StrategyKind, TagFilter},
        verdict::{Reason, Verdict},
    },
};

/// The layers above the images of one rule, the most general first.
pub(super) struct General<'a> {
    pub(super) settings: Vec<Layer<'a, CommonUpdateSettings>>,
    pub(super) verification: Vec<Layer<'a, ImagesVerification>>,
    /// The namespace of the resource and its applications.
    pub(super) namespace: &'a str,
    pub(super) context: &'a ResolveContext,
}

/// The layers of one image and what they come to.
struct Merged<'a> {
    layers: Vec<Layer<'a, CommonUpdateSettings>>,
    settings: CommonUpdateSettings,
}

impl Merged<'_> {
    /// The path of a field, in the most specific layer that has it.
    fn field(&self, name: &str, present: fn(&CommonUpdateSettings) -> bool) -> String {
        let mut layers = self.layers.iter().rev();
        let owner = layers
            .find(|layer| present(&layer.settings))
            .map_or("spec", |layer| &layer.owner);
        format!("{owner}.commonUpdateSettings.{name}")
    }

    /// The same as a verdict.
    fn invalid(
        &self,
        reason: Reason,
        name: &str,
        present: fn(&CommonUpdateSettings) -> bool,
        why: &dyn std::fmt::Display,
    ) -> Verdict {
        Verdict::new(reason, format!("{}: {why}", self.field(name, present)))
    }
}

/// Resolves the image at `path`.
pub(super) fn resolve(
    image: &ImageConfig,
    alias: &str,
    path: &str,
    general: &General<'_>,
    warnings: &mut Vec<Remark>,
) -> Result<TrackedImage, Verdict> {
    let merged = merge(image, path, general, warnings);
    let refused = unsupported::of_image(image, path)
        .or_else(|| unsupported::of_update_settings(&merged.layers))
        .or_else(|| demands_signatures(image, path, general));
    if let Some(verdict) = refused {
        return Err(verdict);
    }
    let reference = ImageRef::parse(&image.image_name).map_err(|e| invalid(path, "imageName", &e))?;
    let manifest_target = manifest_target::parse(image.manifest_targets.as_ref())
        .and_then(|target| manifest_target::fill(&target, &reference, alias))
        .map_err(|e| invalid(path, "manifestTargets", &e))?;
    let policy = policy(image, path, &reference, &merged, warnings)?;
    let platforms = merged.settings.platforms.as_deref().unwrap_or(&[]);
    let platforms = Platforms::parse(platforms, general.context.runtime_platform.clone())
        .map_err(|e| merged.invalid(Reason::InvalidSetting, "platforms", |s| s.platforms.is_some(), &e))?;
    Ok(TrackedImage {
        alias: alias.to_owned(),
        reference,
        policy,
        force_update: merged.settings.force_update == Some(true),
        current_from: CurrentFrom::Live,
        credentials: credentials(&merged, general)?,
        platforms,
        manifest_target,
    })
}

fn invalid(path: &str, field: &str, why: &dyn std::fmt::Display) -> Verdict {
    Verdict::new(Reason::InvalidSetting, format!("{path}.{field}: {why}"))
}

fn merge<'a>(image: &'a ImageConfig, path: &str, general: &'a General<'a>, warnings: &mut Vec<Remark>) -> Merged<'a> {
    let mut layers: Vec<_> = general.settings.iter().map(Layer::share).collect();
    layers.push(settings::image_layer(image, path, warnings));
    Merged {
        settings: settings::merge_update_settings(layers.iter().map(|layer| &*layer.settings)),
        layers,
    }
}

fn demands_signatures(image: &ImageConfig, path: &str, general: &General<'_>) -> Option<Verdict> {
    let mut layers: Vec<_> = general.verification.iter().map(Layer::share).collect();
    layers.extend(image.images_verification.as_ref().map(|settings| Layer {
        owner: path.to_owned(),
        settings: Cow::Borrowed(settings),
    }));
    unsupported::of_verification(&layers)
}

/// The strategy with its filters and constraint. An unknown strategy is semver, with a warning.
fn policy(
    image: &ImageConfig,
    path: &str,
    reference: &ImageRef,
    merged: &Merged<'_>,
    warnings: &mut Vec<Remark>,
) -> Result<Policy, Verdict> {
    let name = merged.settings.update_strategy.as_deref().unwrap_or("").trim();
    let (strategy, known) = if name.is_empty() {
        (StrategyKind::Semver, true)
    } else {
        StrategyKind::parse(name)
    };
    if !known {
        warnings.push(Remark {
            field: merged.field("updateStrategy", |s| s.update_strategy.is_some()),
            message: format!("{:?} is no strategy, so semver is used", ForeignText::new(name)),
        });
    }
    let filter_error =
        |field: &str, present, why: &dyn std::fmt::Display| merged.invalid(Reason::InvalidPattern, field, present, why);
    for short in image.allow_tags.iter().flatten() {
        // Each by itself: joined, two halves of an expression could make a whole.
        TagFilter::compile(Some(&format!("regexp:{}", short.regex)), &[])
            .map_err(|e| Verdict::new(Reason::InvalidPattern, format!("{path}.allowTags: {e}")))?;
    }
    let allow = merged.settings.allow_tags.as_deref();
    TagFilter::compile(allow, &[]).map_err(|e| filter_error("allowTags", |s| s.allow_tags.is_some(), &e))?;
    let ignore = merged.settings.ignore_tags.as_deref().unwrap_or(&[]);
    let filter =
        TagFilter::compile(allow, ignore).map_err(|e| filter_error("ignoreTags", |s| s.ignore_tags.is_some(), &e))?;
    let constraint = reference.version.as_ref().map_or("", |version| &version.tag);
    Policy::parse(strategy, constraint, filter).map_err(|verdict| Verdict {
        message: format!("{path}.imageName: {}", verdict.message),
        ..verdict
    })
}

/// The image's own credentials. Secrets lie in the namespace of the application; this is checked on what the text means,
/// not on how it is spelled.
fn credentials(merged: &Merged<'_>, general: &General<'_>) -> Result<Option<CredentialRef>, Verdict> {
    let Some(text) = merged
        .settings
        .pull_secret
        .as_deref()
        .filter(|text| !text.trim().is_empty())
    else {
        return Ok(None);
    };
    let refuse = |why: &dyn std::fmt::Display| {
        merged.invalid(
            Reason::CredentialsUnavailable,
            "pullSecret",
            |s| s.pull_secret.is_some(),
            why,
        )
    };
    let parsed = CredentialRef::parse(text)
        .map_err(|e| merged.invalid(Reason::InvalidSetting, "pullSecret", |s| s.pull_secret.is_some(), &e))?;
    match &parsed {
        CredentialRef::Secret { secret, .. } | CredentialRef::PullSecret(secret)
            if secret.namespace != general.namespace =>
        {
            let namespace = general.namespace;
            Err(refuse(&format!(
                "the Secret {secret} is not in the namespace {namespace:?} of the application; copy it there"
            )))
        }
        CredentialRef::Env(_) | CredentialRef::Ext(_) if !general.context.allow_env_ext_credentials => Err(refuse(
            &"env: and ext: are switched off for resources (--allow-env-ext-credentials); use a Secret",
        )),
        _ => Ok(Some(parsed)),
    }
}
