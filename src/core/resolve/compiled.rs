//! A resource with everything worked out that does not depend on an Application.

use std::sync::Arc;

use crate::{
    api::{
        argocd::Application,
        v1alpha1::{ApplicationRef, ImageConfig, ImageUpdater, ImageUpdaterSpec},
    },
    core::{
        matching::{
            assign::{Pick, RuleError, Rules},
            specificity,
        },
        report::Remark,
        resolve::{
            ResolveContext, Resolved, ResolvedApplication, aliases,
            image::{General, Surroundings},
            origin::Origin,
            rule::{Rule, Source},
            settings::{self, Layer},
            unsupported, write_target,
        },
        verdict::{Reason, Verdict},
    },
};

/// A resource, compiled: made once per generation, asked in every cycle. Needs nothing of the resource any more.
#[derive(Debug)]
pub struct Compiled {
    surroundings: Arc<Surroundings>,
    patterns: Rules,
    /// In the order of `spec.applicationRefs`.
    rules: Vec<Ranked>,
    warnings: Vec<Remark>,
}

/// A rule with its score.
#[derive(Debug)]
struct Ranked {
    specificity: i64,
    rule: Rule,
}

impl Compiled {
    /// Works out `updater`. A mistake that concerns the resource as a whole stalls it: no rules, a pattern that cannot be
    /// read, images that cannot be told apart.
    pub fn new(updater: &ImageUpdater, context: &ResolveContext) -> Result<Self, Vec<Remark>> {
        let spec = &updater.spec;
        if spec.application_refs.is_empty() {
            return Err(vec![Remark {
                field: "spec.applicationRefs".to_owned(),
                message: "it is empty; name at least one rule".to_owned(),
            }]);
        }
        let mut stalled = duplicates(spec);
        let patterns = match Rules::compile(&spec.application_refs) {
            Ok(patterns) if stalled.is_empty() => patterns,
            patterns => {
                stalled.extend(patterns.err().iter().flatten().map(unreadable_pattern));
                return Err(stalled);
            }
        };
        let surroundings = Arc::new(Surroundings {
            namespace: updater.metadata.namespace.clone().unwrap_or_default(),
            context: context.clone(),
        });
        let mut warnings = Vec::new();
        warnings.extend(other_namespace(spec, &surroundings.namespace));
        let rules = (0..).zip(&spec.application_refs).map(|(index, reference)| Ranked {
            specificity: specificity::score(&reference.name_pattern, reference.label_selectors.as_ref()),
            rule: rule(spec, index, reference, &surroundings, &mut warnings),
        });
        Ok(Self {
            rules: rules.collect(),
            surroundings,
            patterns,
            warnings,
        })
    }

    /// What the resource asks for of `applications`, of which only those in its own namespace count. Applications that no
    /// rule matches are not in the result.
    pub fn resolve(&self, applications: &[Arc<Application>]) -> Resolved {
        let namespace = &self.surroundings.namespace;
        let own = applications.iter().filter(|a| a.namespace() == namespace);
        let mut stalled = Vec::new();
        let applications = own.filter_map(|application| self.application(application, &mut stalled));
        Resolved {
            applications: applications.collect(),
            warnings: sorted(self.warnings.clone()),
            stalled: sorted(stalled),
        }
    }

    fn application(&self, application: &Arc<Application>, stalled: &mut Vec<Remark>) -> Option<ResolvedApplication> {
        let (index, unusable) = match self
            .patterns
            .pick(application.name(), application.metadata.labels.as_ref())
        {
            Pick::None => return None,
            Pick::Rule(index) => (index, None),
            Pick::Unusable { rule, message } => (rule, Some(Verdict::new(Reason::InvalidPattern, message))),
        };
        let Ranked { specificity, rule } = self.rules.get(index)?;
        Some(ResolvedApplication {
            application: Arc::clone(application),
            rule: index,
            specificity: *specificity,
            tracked: match unusable {
                Some(verdict) => Err(verdict),
                None => rule.apply(application, &self.surroundings.context, stalled),
            },
        })
    }
}

/// Each remark once, by field.
fn sorted(mut remarks: Vec<Remark>) -> Vec<Remark> {
    remarks.sort_by(|a, b| (&a.field, &a.message).cmp(&(&b.field, &b.message)));
    remarks.dedup();
    remarks
}

/// The rule at `index`.
fn rule(
    spec: &ImageUpdaterSpec,
    index: usize,
    reference: &ApplicationRef,
    surroundings: &Arc<Surroundings>,
    warnings: &mut Vec<Remark>,
) -> Rule {
    let path = format!("spec.applicationRefs[{index}]");
    if reference.use_annotations == Some(true) {
        return Rule::refused(unsupported::verdict(&format!("{path}.useAnnotations")));
    }
    let (images, list) = images_of(spec, &path, reference);
    if images.is_empty() {
        let message = format!("{path}.images: there are none; name some here or in spec.images");
        return Rule::refused(Verdict::new(Reason::InvalidSetting, message));
    }
    let blocks = [
        ("spec", spec.write_back_config.as_ref()),
        (path.as_str(), reference.write_back_config.as_ref()),
    ];
    let write_back: Vec<_> = blocks
        .into_iter()
        .filter_map(|(owner, block)| {
            let origin = Origin::Resource(owner.to_owned());
            Some(settings::write_back_layer(block?, &origin, warnings))
        })
        .collect();
    let merged = settings::merge_write_back(write_back.iter().map(|layer| &*layer.settings));
    let general = General {
        settings: layers([
            ("spec", spec.common_update_settings.as_ref()),
            (&path, reference.common_update_settings.as_ref()),
        ]),
        verification: layers([
            ("spec", spec.images_verification.as_ref()),
            (&path, reference.images_verification.as_ref()),
        ]),
        git: write_target::is_git(&merged),
        surroundings: Arc::clone(surroundings),
    };
    let origin = |index| Origin::Resource(format!("{list}[{index}]"));
    let source = Source {
        images,
        origins: (0..images.len()).map(origin).collect(),
        write_back: merged,
        write_back_layers: write_back,
        general,
    };
    Rule::compile(source, warnings)
}

/// The images of a rule and the path of their list. An empty list counts as absent.
fn images_of<'a>(spec: &'a ImageUpdaterSpec, path: &str, reference: &'a ApplicationRef) -> (&'a [ImageConfig], String) {
    match reference.images.as_deref().filter(|images| !images.is_empty()) {
        Some(images) => (images, format!("{path}.images")),
        None => (spec.images.as_deref().unwrap_or(&[]), "spec.images".to_owned()),
    }
}

/// The layers that are there, the most general first.
fn layers<T: Clone>(blocks: [(&str, Option<&T>); 2]) -> Vec<Layer<T>> {
    let layer = |(owner, settings): (&str, Option<&T>)| {
        Some(Layer {
            origin: Origin::Resource(owner.to_owned()),
            settings: Arc::new(settings?.clone()),
        })
    };
    blocks.into_iter().filter_map(layer).collect()
}

/// Images that cannot be told apart, of every list.
fn duplicates(spec: &ImageUpdaterSpec) -> Vec<Remark> {
    let rules = spec.application_refs.iter().enumerate();
    let lists = rules.map(|(index, rule)| (format!("spec.applicationRefs[{index}].images"), rule.images.as_deref()));
    let lists = [("spec.images".to_owned(), spec.images.as_deref())]
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

/// A pattern that cannot be read: nobody can tell which applications it was meant for.
fn unreadable_pattern(error: &RuleError) -> Remark {
    Remark {
        field: error.field.clone(),
        message: error.source.to_string(),
    }
}

fn other_namespace(spec: &ImageUpdaterSpec, namespace: &str) -> Option<Remark> {
    let given = spec.namespace.as_deref().filter(|given| *given != namespace)?;
    Some(Remark {
        field: "spec.namespace".to_owned(),
        message: format!(
            "{given:?} is ignored: Applications are followed in the resource's own namespace {namespace:?}; remove the \
             field"
        ),
    })
}
