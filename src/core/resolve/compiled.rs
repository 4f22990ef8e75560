//! A resource with everything worked out that does not depend on an Application.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    api::{
        argocd::Application,
        v1alpha1::{ApplicationRef, ImageConfig, ImageUpdater, ImageUpdaterSpec},
    },
    core::{
        foreign::ForeignText,
        matching::{
            assign::{Pick, RuleError, Rules},
            specificity,
        },
        report::Remark,
        resolve::{
            ResolveContext, Resolved, ResolvedApplication, aliases,
            annotations::AnnotationRule,
            image::{General, Surroundings},
            origin::Origin,
            patterns::Patterns,
            rule::{Rule, Source},
            settings::{self, Layer},
            write_target,
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
    kind: Kind,
}

/// Where a rule has its images and settings from.
#[derive(Debug)]
enum Kind {
    /// The resource.
    Listed(Box<Rule>),
    /// The annotations of each Application.
    Annotated(AnnotationRule),
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
            patterns: Patterns::default(),
        });
        let mut warnings = Vec::new();
        warnings.extend(other_namespace(spec, &surroundings.namespace));
        let rules = (0..).zip(&spec.application_refs).map(|(index, reference)| Ranked {
            specificity: specificity::score(&reference.name_pattern, reference.label_selectors.as_ref()),
            kind: kind(spec, index, reference, &surroundings, &mut warnings),
        });
        Ok(Self {
            rules: rules.collect(),
            surroundings,
            patterns,
            warnings,
        })
    }

    /// What the resource asks for of `applications`, of which only those in its own namespace count. Applications that no
    /// rule matches are not in the result, nor are those that a rule asks for their annotations and that list no images.
    pub fn resolve(&self, applications: &[Arc<Application>]) -> Resolved {
        let namespace = &self.surroundings.namespace;
        let own = applications.iter().filter(|a| a.namespace() == namespace);
        let mut remarks = Remarks::default();
        let applications = own.filter_map(|a| self.application(a, &mut remarks)).collect();
        let Remarks { stalled, annotations } = remarks;
        let warnings = self.warnings.iter().cloned();
        Resolved {
            applications,
            warnings: sorted(warnings.chain(annotations.into_remarks()).collect()),
            stalled: sorted(stalled),
        }
    }

    fn application(&self, application: &Arc<Application>, remarks: &mut Remarks) -> Option<ResolvedApplication> {
        let labels = application.metadata.labels.as_ref();
        let (index, unusable) = match self.patterns.pick(application.name(), labels) {
            Pick::None => return None,
            Pick::Rule(index) => (index, None),
            Pick::Unusable { rule, message } => (rule, Some(Verdict::new(Reason::InvalidPattern, message))),
        };
        let Ranked { specificity, kind } = self.rules.get(index)?;
        let context = &self.surroundings.context;
        let tracked = match (unusable, kind) {
            (Some(verdict), _) => Err(verdict),
            (None, Kind::Listed(rule)) => rule.apply(application, context, &mut remarks.stalled),
            (None, Kind::Annotated(annotations)) => {
                let outcome = annotations.rule(application);
                let (rule, warnings) = outcome.as_ref().as_ref()?;
                remarks.annotations.add(application, warnings);
                let mut stalled = Vec::new();
                let tracked = rule.apply(application, context, &mut stalled);
                // One Application's mistake is no reason to call the resource unusable.
                remarks.annotations.add(application, &stalled);
                tracked
            }
        };
        Some(ResolvedApplication {
            application: Arc::clone(application),
            rule: index,
            specificity: *specificity,
            tracked,
        })
    }
}

/// What is to be said beside the decisions.
#[derive(Default)]
struct Remarks {
    stalled: Vec<Remark>,
    annotations: Said,
}

/// Remarks about annotations: each once, with the first Application that it is about and how many more there are.
#[derive(Default)]
struct Said(BTreeMap<(String, String), (String, usize)>);

impl Said {
    fn add(&mut self, application: &Application, warnings: &[Remark]) {
        for Remark { field, message } in warnings {
            let said = self.0.entry((field.clone(), message.clone()));
            said.or_insert_with(|| (application.name().to_owned(), 0)).1 += 1;
        }
    }

    fn into_remarks(self) -> impl Iterator<Item = Remark> {
        self.0.into_iter().map(|((field, message), (name, count))| {
            let more = match count {
                1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            Remark {
                field,
                message: format!("{message} (Application {}{more})", ForeignText::new(&name)),
            }
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
fn kind(
    spec: &ImageUpdaterSpec,
    index: usize,
    reference: &ApplicationRef,
    surroundings: &Arc<Surroundings>,
    warnings: &mut Vec<Remark>,
) -> Kind {
    let path = format!("spec.applicationRefs[{index}]");
    let verification = layers([
        ("spec", spec.images_verification.as_ref()),
        (&path, reference.images_verification.as_ref()),
    ]);
    if reference.use_annotations == Some(true) {
        return Kind::Annotated(AnnotationRule::new(verification, Arc::clone(surroundings)));
    }
    let (images, list) = images_of(spec, &path, reference);
    if images.is_empty() {
        let message = format!("{path}.images: there are none; name some here or in spec.images");
        let refused = Rule::refused(Verdict::new(Reason::InvalidSetting, message));
        return Kind::Listed(Box::new(refused));
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
        verification,
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
    Kind::Listed(Box::new(Rule::compile(source, warnings)))
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
