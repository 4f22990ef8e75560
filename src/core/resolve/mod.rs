//! What a resource asks for, per application and image, in types that later stages need not question.
//!
//! Pure. The result of [`resolve`] names every application that a rule matched, with its images, where they are written,
//! and a [`Verdict`] for each that cannot be followed. Settings are merged once per rule and image, not per application,
//! and shared by all applications of the rule. Start at `rule`.

use std::sync::Arc;

use crate::{
    api::{argocd::Application, v1alpha1::ImageUpdater},
    core::{
        image::{ImageRef, Platform, Platforms},
        matching::{
            assign::{Pick, Rules},
            specificity,
        },
        report::Remark,
        select::Policy,
        verdict::{Reason, Verdict},
    },
};

pub mod aliases;
pub mod credential_ref;
mod image;
pub mod manifest_target;
mod merged;
mod policy;
pub mod pull_request;
pub mod repository_match;
pub mod repository_path;
mod rule;
pub mod settings;
pub mod source_type;
pub mod target;
pub mod unsupported;
pub mod verification;
pub mod write_target;

pub use target::{
    ApplicationKind, Author, CurrentFrom, GitCredentialRef, GitTarget, ManifestTarget, SourceSlot, TargetFile,
    WriteTarget,
};

/// What has to be known beside the resource.
#[derive(Debug, Clone)]
pub struct ResolveContext {
    /// The namespace of Argo CD.
    pub argocd_namespace: String,
    /// The platform that this program runs on, which is wanted where nothing else is.
    pub runtime_platform: Platform,
    /// Whether pull secrets may be environment variables and executables of this program.
    pub allow_env_ext_credentials: bool,
}

/// What a resource asks for.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The applications that a rule matched, in the order in which they were given.
    pub applications: Vec<ResolvedApplication>,
    /// What works, but should be looked at. Sorted by field, each once.
    pub warnings: Vec<Remark>,
}

/// An application that a rule matched.
#[derive(Debug, Clone)]
pub struct ResolvedApplication {
    /// The object, as it was seen when the cycle began.
    pub application: Arc<Application>,
    /// The index of the rule in `spec.applicationRefs`.
    pub rule: usize,
    /// How specific that rule is: of two resources that write one place, the more specific rule wins.
    pub specificity: i64,
    /// The application's images and target, or why it is left alone as a whole.
    pub tracked: Result<TrackedApplication, Verdict>,
}

/// An application whose images are followed.
#[derive(Debug, Clone)]
pub struct TrackedApplication {
    /// How values are written, except for images whose target names another source.
    pub kind: ApplicationKind,
    /// The type of the source.
    pub source_type: source_type::SourceType,
    /// Which of its sources is written.
    pub source: SourceSlot,
    /// Where changes go.
    pub target: WriteTarget,
    /// The images, in the order of the list; a refused one keeps its alias. Shared by all applications of the rule.
    pub images: Arc<[ResolvedImage]>,
}

/// One configured image: followed, or refused with the reason.
#[derive(Debug, Clone)]
pub struct ResolvedImage {
    /// The explicit or derived alias.
    pub alias: String,
    /// The image, or why it is left alone.
    pub tracked: Result<Arc<TrackedImage>, Verdict>,
}

/// An image that is followed.
#[derive(Debug, Clone)]
pub struct TrackedImage {
    /// The explicit or derived alias.
    pub alias: String,
    /// As configured; the tag is the constraint.
    pub reference: ImageRef,
    /// Which tags may be picked, and which of them is.
    pub policy: Policy,
    /// Whether it is updated although Argo CD does not report it as running.
    pub force_update: bool,
    /// Where its current version is read.
    pub current_from: CurrentFrom,
    /// Where its own registry credentials lie.
    pub credentials: Option<credential_ref::CredentialRef>,
    /// The wanted platforms.
    pub platforms: Platforms,
    /// Where it stands in the manifests.
    pub manifest_target: ManifestTarget,
}

/// Resolves `updater` for `applications`, of which only those in its own namespace count. Applications that no rule
/// matches are not in the result. A mistake that concerns the resource as a whole stalls it: no rules, a pattern that
/// cannot be read, images that cannot be told apart.
pub fn resolve(
    updater: &ImageUpdater,
    applications: &[Arc<Application>],
    context: &ResolveContext,
) -> Result<Resolved, Vec<Remark>> {
    let refs = &updater.spec.application_refs;
    let namespace = updater.metadata.namespace.as_deref().unwrap_or("");
    let mut warnings = Vec::new();
    let rules = compile(updater, namespace, context, &mut warnings);
    let patterns = Rules::compile(refs).map_err(|errors| rule::unreadable_patterns(&errors));
    let (rules, patterns) = match (rules, patterns) {
        (Ok(rules), Ok(patterns)) => (rules, patterns),
        (rules, patterns) => {
            let mut stalled = rules.err().unwrap_or_default();
            stalled.extend(patterns.err().unwrap_or_default());
            return Err(stalled);
        }
    };
    let mut resolved = Vec::new();
    for application in applications
        .iter()
        .filter(|application| application.namespace() == namespace)
    {
        let (rule, tracked) = match patterns.pick(application.name(), application.metadata.labels.as_ref()) {
            Pick::None => continue,
            Pick::Rule(index) => match rules.get(index) {
                Some(rule) => (index, rule.apply(application, context)),
                None => continue,
            },
            Pick::Unusable { rule, message } => (rule, Err(Verdict::new(Reason::InvalidPattern, message))),
        };
        resolved.push(ResolvedApplication {
            application: Arc::clone(application),
            rule,
            specificity: refs.get(rule).map_or(0, |rule| {
                specificity::score(&rule.name_pattern, rule.label_selectors.as_ref())
            }),
            tracked,
        });
    }
    warnings.sort_by(|a, b| (&a.field, &a.message).cmp(&(&b.field, &b.message)));
    warnings.dedup();
    Ok(Resolved {
        applications: resolved,
        warnings,
    })
}

/// Everything about the rules that does not depend on an application.
fn compile<'a>(
    updater: &'a ImageUpdater,
    namespace: &'a str,
    context: &'a ResolveContext,
    warnings: &mut Vec<Remark>,
) -> Result<Vec<rule::Rule<'a>>, Vec<Remark>> {
    let spec = &updater.spec;
    if spec.application_refs.is_empty() {
        return Err(vec![Remark {
            field: "spec.applicationRefs".to_owned(),
            message: "it is empty; name at least one rule".to_owned(),
        }]);
    }
    if let Some(given) = spec.namespace.as_deref().filter(|given| *given != namespace) {
        warnings.push(Remark {
            field: "spec.namespace".to_owned(),
            message: format!(
                "{given:?} is ignored: Applications are followed in the resource's own namespace \
                 {namespace:?}; remove the field"
            ),
        });
    }
    let mut compiler = rule::Compiler {
        spec,
        namespace,
        context,
        warnings,
    };
    let stalled = compiler.duplicates();
    if !stalled.is_empty() {
        return Err(stalled);
    }
    Ok((0..spec.application_refs.len())
        .filter_map(|index| compiler.rule(index))
        .collect())
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
