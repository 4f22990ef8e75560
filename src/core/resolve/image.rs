//! One configured image with its merged settings, as a [`TrackedImage`], or the verdict that says which field is wrong.

use std::sync::Arc;

use crate::{
    api::v1alpha1::{CommonUpdateSettings, ImageConfig, ImagesVerification},
    core::{
        foreign::ForeignText,
        image::Platforms,
        report::Remark,
        resolve::{
            CurrentFrom, ResolveContext, TrackedImage,
            credential_ref::CredentialRef,
            manifest_target,
            merged::{Field, Merged, given},
            origin::Origin,
            patterns::Patterns,
            policy,
            settings::{self, Layer},
            verification, wildcard,
        },
        signature::SignaturePolicy,
        verdict::{Reason, Verdict},
    },
};

/// The layers above the images of one rule, the most general first.
#[derive(Debug, Clone)]
pub(super) struct General {
    pub(super) settings: Vec<Layer<CommonUpdateSettings>>,
    pub(super) verification: Vec<Layer<ImagesVerification>>,
    /// Whether changes go to git.
    pub(super) git: bool,
    pub(super) surroundings: Arc<Surroundings>,
}

/// What all rules of a resource share.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// The namespace of the resource and its applications.
    pub(super) namespace: String,
    pub(super) context: ResolveContext,
    pub(super) patterns: Patterns,
}

/// Resolves the image that stands at `origin`.
pub(super) fn resolve(
    image: &ImageConfig,
    alias: &str,
    origin: &Origin,
    general: &General,
    warnings: &mut Vec<Remark>,
) -> Result<TrackedImage, Verdict> {
    let merged = merge(image, origin, general, warnings);
    let force_update = merged.settings.force_update == Some(true);
    warnings.extend(wildcard::warnings(image, origin, force_update));
    let signatures = signatures(image, origin, general)?;
    let reference = wildcard::reference(&image.image_name).map_err(|e| invalid(origin, "imageName", &e))?;
    // What a wildcard stands for is put in when it is known.
    let manifest_target = manifest_target::parse(image.manifest_targets.as_ref())
        .and_then(|target| {
            if wildcard::is_wildcard(&reference) {
                Ok(target)
            } else {
                manifest_target::fill(&target, &reference, alias)
            }
        })
        .map_err(|e| invalid(origin, e.field(), &e))?;
    let policy = policy::resolve(
        image,
        origin,
        &reference,
        &merged,
        &general.surroundings.patterns,
        warnings,
    )?;
    let platforms = merged.settings.platforms.as_deref().unwrap_or(&[]);
    let platforms = Platforms::parse(platforms, general.surroundings.context.runtime_platform.clone())
        .map_err(|e| merged.refused(Reason::InvalidSetting, &Field::PLATFORMS, &e))?;
    Ok(TrackedImage {
        alias: alias.to_owned(),
        reference,
        policy: Arc::new(policy),
        force_update,
        current_from: current_from(&merged)?,
        credentials: credentials(&merged, general)?,
        platforms,
        signatures: signatures.map(Arc::new),
        manifest_target,
    })
}

fn invalid(origin: &Origin, field: &str, why: &dyn std::fmt::Display) -> Verdict {
    Verdict::new(Reason::InvalidSetting, format!("{}: {why}", origin.field(field)))
}

fn merge(image: &ImageConfig, origin: &Origin, general: &General, warnings: &mut Vec<Remark>) -> Merged {
    let mut layers = general.settings.clone();
    layers.push(settings::image_layer(image, origin, warnings));
    Merged::new(layers)
}

/// Whose signatures the image needs.
fn signatures(image: &ImageConfig, origin: &Origin, general: &General) -> Result<Option<SignaturePolicy>, Verdict> {
    let mut layers = general.verification.clone();
    layers.extend(image.images_verification.as_ref().map(|settings| Layer {
        origin: origin.clone(),
        settings: Arc::new(settings.clone()),
    }));
    verification::resolve(&layers)
}

/// Where the current version is read.
fn current_from(merged: &Merged) -> Result<CurrentFrom, Verdict> {
    match given(merged.settings.current_from.as_ref()) {
        None => Ok(CurrentFrom::Live),
        Some(text) if text.eq_ignore_ascii_case("live") => Ok(CurrentFrom::Live),
        Some(text) if text.eq_ignore_ascii_case("manifest") => Ok(CurrentFrom::Manifest),
        Some(text) => {
            let why = format!("{:?} is no place; use live or manifest", ForeignText::new(text));
            Err(merged.refused(Reason::InvalidSetting, &Field::CURRENT_FROM, &why))
        }
    }
}

/// The image's own credentials. Secrets lie in the namespace of the application; this is checked on what the text means,
/// not on how it is spelled.
fn credentials(merged: &Merged, general: &General) -> Result<Option<CredentialRef>, Verdict> {
    let text = merged.settings.pull_secret.as_deref();
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        return Ok(None);
    };
    let refuse = |why: &dyn std::fmt::Display| merged.refused(Reason::CredentialsUnavailable, &Field::PULL_SECRET, why);
    let parsed =
        CredentialRef::parse(text).map_err(|e| merged.refused(Reason::InvalidSetting, &Field::PULL_SECRET, &e))?;
    match &parsed {
        CredentialRef::Secret { secret, .. } | CredentialRef::PullSecret(secret)
            if secret.namespace != general.surroundings.namespace =>
        {
            let namespace = &general.surroundings.namespace;
            Err(refuse(&format!(
                "the Secret {secret} is not in the namespace {namespace:?} of the application; copy it there"
            )))
        }
        CredentialRef::Env(_) | CredentialRef::Ext(_) if !general.surroundings.context.allow_env_ext_credentials => {
            Err(refuse(
                &"env: and ext: are switched off for resources (--allow-env-ext-credentials); use a Secret",
            ))
        }
        _ => Ok(Some(parsed)),
    }
}
