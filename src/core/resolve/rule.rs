//! One rule of a resource: what it says for every application that it matches, worked out once, and then per application
//! the place that is written.

use std::{borrow::Cow, sync::Arc};

use crate::{
    api::{
        argocd::Application,
        v1alpha1::{ApplicationRef, ImageConfig, ImageUpdaterSpec, WriteBackConfig},
    },
    core::{
        matching::assign::RuleError,
        report::Remark,
        resolve::{
            GitCredentialRef, GitTarget, ResolveContext, ResolvedImage, TrackedApplication, WriteTarget, aliases,
            image::{self, General},
            settings::{self, Layer},
            unsupported,
            write_target::{self, GitDestination, InvalidWriteBack},
        },
        verdict::{Reason, Verdict},
    },
};

/// Works out the rules of one resource.
pub(super) struct Compiler<'a, 'w> {
    pub(super) spec: &'a ImageUpdaterSpec,
    /// The namespace of the resource and its applications.
    pub(super) namespace: &'a str,
    pub(super) context: &'a ResolveContext,
    pub(super) warnings: &'w mut Vec<Remark>,
}

/// What one rule says.
pub(super) struct Rule<'a> {
    write_back: WriteBackConfig,
    write_back_layers: Vec<Layer<'a, WriteBackConfig>>,
    /// Why no application of this rule is written.
    fault: Option<Verdict>,
    images: Arc<[ResolvedImage]>,
}

/// The images of a rule and the path of their list. An empty list counts as absent.
fn images_of<'a>(spec: &'a ImageUpdaterSpec, index: usize, rule: &'a ApplicationRef) -> (&'a [ImageConfig], String) {
    match rule.images.as_deref().filter(|images| !images.is_empty()) {
        Some(images) => (images, format!("spec.applicationRefs[{index}].images")),
        None => (spec.images.as_deref().unwrap_or(&[]), "spec.images".to_owned()),
    }
}

/// Patterns that cannot be read: nobody can tell which applications they were meant for.
pub(super) fn unreadable_patterns(errors: &[RuleError]) -> Vec<Remark> {
    let stalled = |error: &RuleError| Remark {
        field: error.field.clone(),
        message: error.source.to_string(),
    };
    errors.iter().map(stalled).collect()
}

impl<'a> Compiler<'a, '_> {
    /// Images that cannot be told apart, of every list.
    pub(super) fn duplicates(&self) -> Vec<Remark> {
        let rules = self.spec.application_refs.iter().enumerate();
        let lists =
            rules.map(|(index, rule)| (format!("spec.applicationRefs[{index}].images"), rule.images.as_deref()));
        let lists = [("spec.images".to_owned(), self.spec.images.as_deref())]
            .into_iter()
            .chain(lists);
        lists
            .flat_map(|(field, images)| {
                let duplicates = aliases::aliases(images.unwrap_or(&[])).err().unwrap_or_default();
                duplicates.into_iter().map(move |duplicate| Remark {
                    field: field.clone(),
                    message: duplicate.to_string(),
                })
            })
            .collect()
    }

    /// The rule at `index`, when there is one.
    pub(super) fn rule(&mut self, index: usize) -> Option<Rule<'a>> {
        let spec = self.spec;
        let rule = spec.application_refs.get(index)?;
        let path = format!("spec.applicationRefs[{index}]");
        let blocks = [
            ("spec", spec.write_back_config.as_ref()),
            (path.as_str(), rule.write_back_config.as_ref()),
        ];
        let write_back_layers: Vec<_> = blocks
            .into_iter()
            .filter_map(|(owner, block)| Some(settings::write_back_layer(block?, owner, self.warnings)))
            .collect();
        let write_back = settings::merge_write_back(write_back_layers.iter().map(|layer| &*layer.settings));
        let mut compiled = Rule {
            write_back,
            write_back_layers,
            fault: None,
            images: Arc::new([]),
        };
        if rule.use_annotations == Some(true) {
            compiled.fault = Some(unsupported::verdict(&format!("{path}.useAnnotations")));
            return Some(compiled);
        }
        compiled.warn_of_half_an_author(self.warnings);
        compiled.images = self.images(index, rule, &path, write_target::is_git(&compiled.write_back));
        compiled.fault = compiled.fault_of_all(&path);
        Some(compiled)
    }

    fn images(&mut self, index: usize, rule: &'a ApplicationRef, path: &str, git: bool) -> Arc<[ResolvedImage]> {
        let (images, list) = images_of(self.spec, index, rule);
        let names = aliases::aliases(images).unwrap_or_default();
        let general = General {
            settings: layers([
                ("spec", self.spec.common_update_settings.as_ref()),
                (path, rule.common_update_settings.as_ref()),
            ]),
            verification: layers([
                ("spec", self.spec.images_verification.as_ref()),
                (path, rule.images_verification.as_ref()),
            ]),
            git,
            namespace: self.namespace,
            context: self.context,
        };
        let resolve = |(index, (image, alias)): (usize, (&ImageConfig, String))| {
            let tracked = image::resolve(image, &alias, &format!("{list}[{index}]"), &general, self.warnings);
            ResolvedImage {
                alias,
                tracked: tracked.map(Arc::new),
            }
        };
        images.iter().zip(names).enumerate().map(resolve).collect()
    }
}

/// The layers that are there, the most general first.
fn layers<'a, T: Clone>(blocks: [(&str, Option<&'a T>); 2]) -> Vec<Layer<'a, T>> {
    let layer = |(owner, settings): (&str, Option<&'a T>)| {
        Some(Layer {
            owner: owner.to_owned(),
            settings: Cow::Borrowed(settings?),
        })
    };
    blocks.into_iter().filter_map(layer).collect()
}

impl Rule<'_> {
    /// What the rule says for `application`.
    pub(super) fn apply(
        &self,
        application: &Application,
        context: &ResolveContext,
    ) -> Result<TrackedApplication, Verdict> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let destination = write_target::resolve(&self.write_back, application, &context.argocd_namespace)
            .map_err(|error| self.invalid_write_back(&error))?;
        let git = destination.git.is_some();
        let kind = destination.source_type.kind(git).ok_or_else(|| {
            Verdict::new(
                Reason::UnsupportedSource,
                "the application has no source of type Helm, Kustomize or Plugin (yet)",
            )
        })?;
        Ok(TrackedApplication {
            kind,
            source_type: destination.source_type,
            source: destination.slot,
            target: match destination.git {
                None => WriteTarget::Application,
                Some(git) => WriteTarget::Git(self.git_target(git, application)?),
            },
            images: Arc::clone(&self.images),
        })
    }

    /// A fault that every application of the rule shares.
    fn fault_of_all(&self, path: &str) -> Option<Verdict> {
        if write_target::is_git(&self.write_back)
            && let Some(verdict) = unsupported::of_write_back(&self.write_back_layers)
        {
            return Some(verdict);
        }
        self.images.is_empty().then(|| {
            Verdict::new(
                Reason::InvalidSetting,
                format!("{path}.images: there are none; name some here or in spec.images"),
            )
        })
    }

    /// An author without name or mail would be half the controller's own.
    fn warn_of_half_an_author(&self, warnings: &mut Vec<Remark>) {
        let author = self.write_back.git_config.as_ref().and_then(|git| git.author.as_ref());
        let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
        let half = author.is_some_and(|author| given(&author.name) != given(&author.email));
        if half && write_target::is_git(&self.write_back) {
            warnings.push(Remark {
                field: self.field("gitConfig.author"),
                message: "name and email are both needed; the controller's own author is used".to_owned(),
            });
        }
    }

    /// The path of a field of the write-back settings, in the most specific layer that has it.
    fn field(&self, name: &str) -> String {
        let present = |layer: &&Layer<'_, WriteBackConfig>| {
            let git = layer.settings.git_config.as_ref();
            match name {
                "method" => layer.settings.method.is_some(),
                "gitConfig.branch" => git.is_some_and(|git| git.branch.is_some()),
                "gitConfig.writeBackTarget" => git.is_some_and(|git| git.write_back_target.is_some()),
                "gitConfig.author" => git.is_some_and(|git| git.author.is_some()),
                _ => git.is_some_and(|git| git.pull_request.is_some()),
            }
        };
        let layer = self.write_back_layers.iter().rev().find(present);
        let owner = layer.map_or("spec", |layer| &layer.owner);
        format!("{owner}.writeBackConfig.{name}")
    }

    fn invalid_write_back(&self, error: &InvalidWriteBack) -> Verdict {
        match error.field() {
            Some(field) => Verdict::new(Reason::InvalidSetting, format!("{}: {error}", self.field(field))),
            None => Verdict::new(Reason::UnsupportedSource, error.to_string()),
        }
    }

    /// The target, when its credentials may be used for `application`: a Secret of its own namespace, or Argo CD's.
    fn git_target(&self, git: GitDestination, application: &Application) -> Result<GitTarget, Verdict> {
        if let GitCredentialRef::Secret(secret) = &git.credentials
            && secret.namespace != application.namespace()
        {
            let namespace = application.namespace();
            let field = self.field("method");
            return Err(Verdict::new(
                Reason::CredentialsUnavailable,
                format!("{field}: the Secret {secret} is not in the namespace {namespace:?} of the application"),
            ));
        }
        Ok(GitTarget {
            repository: git.repository,
            credentials: git.credentials,
            base: (!matches!(git.base.as_str(), "" | "HEAD")).then_some(git.base),
            push: git.push,
            file: git.file,
            author: git.author,
        })
    }
}
