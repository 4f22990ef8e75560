//! A rule that follows annotations: what they come to, worked out once for all Applications that say the same.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use super::{Annotated, InvalidAnnotation, parse, unknown};
use crate::{
    api::{
        annotations::PREFIX,
        argocd::Application,
        v1alpha1::{ImageConfig, ImagesVerification},
    },
    core::{
        foreign::ForeignText,
        report::Remark,
        resolve::{
            aliases,
            image::{General, Surroundings},
            origin::Origin,
            rule::{Rule, Source},
            settings::Layer,
            wildcard, write_target,
        },
        verdict::{Reason, Verdict},
    },
};

/// How many different sets of annotations are remembered, twice: those in use and those before.
const REMEMBERED: usize = 4096;

/// A rule that follows annotations.
#[derive(Debug)]
pub(in crate::core::resolve) struct AnnotationRule {
    /// Which signatures are demanded; the rest of the resource does not count.
    verification: Vec<Layer<ImagesVerification>>,
    surroundings: Arc<Surroundings>,
    /// What each set of annotations came to: nothing but a function of them, remembered.
    known: Mutex<Recent>,
}

/// What a set of annotations comes to; `None` when there are no images in it.
type Outcome = Arc<Option<(Rule, Vec<Remark>)>>;

/// The outcomes that were asked for lately. Bounded: when the first map is full it becomes the second.
#[derive(Debug, Default)]
struct Recent {
    new: HashMap<String, Outcome>,
    old: HashMap<String, Outcome>,
}

impl Recent {
    fn get(&mut self, key: String, make: impl FnOnce() -> Outcome) -> Outcome {
        if let Some(known) = self.new.get(&key) {
            return known.clone();
        }
        let outcome = self.old.remove(&key).unwrap_or_else(make);
        if self.new.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(key, outcome.clone());
        outcome
    }
}

impl AnnotationRule {
    /// A rule of a resource. Of its settings only those about signatures count here.
    pub(in crate::core::resolve) fn new(
        verification: Vec<Layer<ImagesVerification>>,
        surroundings: Arc<Surroundings>,
    ) -> Self {
        Self {
            verification,
            surroundings,
            known: Mutex::default(),
        }
    }

    /// What the annotations of `application` come to, with warnings.
    pub(in crate::core::resolve) fn rule(&self, application: &Application) -> Arc<Option<(Rule, Vec<Remark>)>> {
        let none = BTreeMap::new();
        let annotations = application.metadata.annotations.as_ref().unwrap_or(&none);
        let mut key = String::new();
        for (name, value) in annotations.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            // Lengths, because both may hold any character.
            let (name_length, length) = (name.len().to_string(), value.len().to_string());
            key.extend([&name_length, " ", &length, " ", name, value]);
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key, || Arc::new(self.compile(annotations)))
    }

    fn compile(&self, annotations: &BTreeMap<String, String>) -> Option<(Rule, Vec<Remark>)> {
        let annotated = match parse(annotations).and_then(|annotated| check(&annotated.images).map(|()| annotated)) {
            Ok(annotated) => annotated,
            Err(InvalidAnnotation::NoImages) => return None,
            Err(error) => {
                let verdict = Verdict::new(Reason::InvalidSetting, error.to_string());
                return Some((Rule::refused(verdict), Vec::new()));
            }
        };
        let Annotated {
            common_update_settings,
            images,
            write_back_config,
        } = annotated;
        let mut warnings = unknown::remarks(annotations, &images);
        let write_back = write_back_config.unwrap_or_default();
        let source = Source {
            origins: images
                .iter()
                .map(|image| Origin::Annotations(image.alias.clone()))
                .collect(),
            images: &images,
            write_back_layers: vec![layer(write_back.clone())],
            general: General {
                settings: common_update_settings.map(layer).into_iter().collect(),
                verification: self.verification.clone(),
                git: write_target::is_git(&write_back),
                surroundings: Arc::clone(&self.surroundings),
            },
            write_back,
        };
        Some((Rule::compile(source, &mut warnings), warnings))
    }
}

fn layer<T>(settings: T) -> Layer<T> {
    Layer {
        origin: Origin::Annotations(None),
        settings: Arc::new(settings),
    }
}

/// Whether the elements of the list are images that can be told apart. What was cut out of the middle of a constraint
/// would leave the image before it with half of its bounds.
fn check(images: &[ImageConfig]) -> Result<(), InvalidAnnotation> {
    for image in images {
        let name = &image.image_name;
        let is_image = looks_like_a_name(aliases::without_version(name), "._-/:*") && wildcard::reference(name).is_ok();
        if !is_image
            || !image
                .alias
                .as_ref()
                .is_none_or(|alias| looks_like_a_name(alias, "._-/"))
        {
            let element = match &image.alias {
                Some(alias) => format!("{alias}={name}"),
                None => name.clone(),
            };
            return Err(InvalidAnnotation::NotAnImage {
                element: ForeignText::new(&element),
            });
        }
    }
    let duplicates = aliases::aliases(images).err().unwrap_or_default();
    match duplicates.first() {
        None => Ok(()),
        Some(duplicate) => Err(InvalidAnnotation::Duplicate {
            why: ForeignText::new(&duplicate.to_string()),
        }),
    }
}

/// Whether a text is made of letters, digits and `others`, and no operator of a constraint stands at its beginning.
fn looks_like_a_name(text: &str, others: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '*') && text.chars().all(plain)
}

#[cfg(test)]
mod tests;
