//! The places of one file that hold an image, or a part of one.

use std::collections::{HashMap, HashSet};

use super::{
    ManifestsError, Wanted,
    marker::{self, Meaning},
};
use crate::{
    api::argocd::ManifestPart,
    core::{
        foreign::ForeignText,
        image::ImageRef,
        yaml::{Look, Node, Path, Shape, Stream, Walk},
    },
};

/// The keys of the lists whose entries have an `image` that runs.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// A place for an image, or a part of it.
pub(super) struct Hit<'d> {
    /// The index of the image.
    pub(super) image: usize,
    pub(super) part: ManifestPart,
    /// The text that stands there; empty when nothing does.
    pub(super) present: &'d str,
    /// The line, counted from 1.
    pub(super) line: usize,
    /// The number of the value.
    number: usize,
}

/// A file that was looked through.
pub(super) struct File<'d, 't> {
    pub(super) path: &'d str,
    pub(super) stream: &'d Stream<'t>,
    /// In the order of the text.
    pub(super) hits: Vec<Hit<'d>>,
    walk: &'d Walk<'d, 't>,
    looks: &'d [Look<'d, 't>],
}

impl File<'_, '_> {
    /// Looks through the file and hands it to `act`, unless nothing in it can be about the images.
    pub(super) fn with(
        path: &str,
        text: &str,
        wanted: &[Wanted<'_>],
        act: impl FnOnce(&File<'_, '_>) -> Result<(), ManifestsError>,
    ) -> Result<(), ManifestsError> {
        if !may_concern(text, wanted) {
            return Ok(());
        }
        let stream = Stream::parse(text).map_err(|error| ManifestsError::NotYaml {
            path: ForeignText::new(path),
            error,
        })?;
        let walk = Walk::new(&stream);
        let looks: Vec<_> = stream.documents().iter().map(Look::new).collect();
        let mut search = Search {
            path,
            walk: &walk,
            looks: &looks,
            wanted,
            hits: Vec::new(),
            marked: HashSet::new(),
        };
        search.markers()?;
        search.fields();
        let mut hits = search.hits;
        hits.sort_by_key(|hit| hit.number);
        act(&File {
            path,
            stream: &stream,
            hits,
            walk: &walk,
            looks: &looks,
        })
    }

    /// Whether the place says this already, as a text and not as a number that looks like it.
    pub(super) fn says(&self, hit: &Hit<'_>, value: &str) -> bool {
        let look = self
            .walk
            .document_of(hit.number)
            .and_then(|document| self.looks.get(document));
        self.walk
            .node(hit.number)
            .zip(look)
            .is_some_and(|(node, look)| look.is_text(node, value))
    }

    /// The document of the place, and the way to it.
    pub(super) fn place(&self, hit: &Hit<'_>) -> Result<(usize, Path), ManifestsError> {
        let document = self.walk.document_of(hit.number);
        let place = document.zip(self.walk.path_to(hit.number));
        place.ok_or_else(|| ManifestsError::NotEditable {
            path: ForeignText::new(self.path),
            line: hit.line,
        })
    }
}

/// Whether the text holds the name of an image whose fields are looked for, or one of the aliases beside a setter.
fn may_concern(text: &str, wanted: &[Wanted<'_>]) -> bool {
    let has_setter = text.contains(marker::WORD);
    wanted.iter().any(|wanted| {
        let (_, name) = wanted.image.canonical();
        (wanted.fields && text.contains(name)) || (has_setter && text.contains(wanted.alias))
    })
}

struct Search<'s, 'd, 't> {
    path: &'s str,
    walk: &'d Walk<'d, 't>,
    looks: &'d [Look<'d, 't>],
    wanted: &'s [Wanted<'s>],
    hits: Vec<Hit<'d>>,
    /// The values with a setter comment, whoever they belong to.
    marked: HashSet<usize>,
}

impl<'d, 't> Search<'_, 'd, 't> {
    fn markers(&mut self) -> Result<(), ManifestsError> {
        let path = || ForeignText::new(self.path);
        let aliases: Vec<&str> = self.wanted.iter().map(|wanted| wanted.alias).collect();
        let mut with_digest = HashSet::new();
        for comment in self.walk.comments_with(marker::WORD) {
            let line = comment.line;
            let value = match marker::read(comment.text) {
                Ok(Some(value)) => value,
                Ok(None) => continue,
                Err(marker::Unreadable) => return Err(ManifestsError::BadMarker { path: path(), line }),
            };
            self.marked.extend(comment.value);
            let (image, part) = match marker::meaning(&value, &aliases) {
                Meaning::Other => continue,
                Meaning::Part(image, part) => (image, part),
                Meaning::UnknownPart { alias, part } => {
                    return Err(ManifestsError::UnknownPart {
                        path: path(),
                        line,
                        alias: ForeignText::new(alias),
                        part: ForeignText::new(part),
                    });
                }
            };
            let nothing_marked = || ManifestsError::NothingMarked { path: path(), line };
            let number = comment.value.ok_or_else(nothing_marked)?;
            let node = self.walk.node(number).ok_or_else(nothing_marked)?;
            let look = self.look(number).ok_or_else(nothing_marked)?;
            let present = match look.shape(node) {
                Shape::Scalar(text) => text,
                Shape::Null => "",
                Shape::Map | Shape::List(_) => return Err(nothing_marked()),
            };
            if part == ManifestPart::Digest {
                with_digest.insert(image);
            }
            self.hits.push(Hit {
                image,
                part,
                present,
                line,
                number,
            });
        }
        for hit in &mut self.hits {
            if hit.part == ManifestPart::TagWithDigest && with_digest.contains(&hit.image) {
                hit.part = ManifestPart::Tag;
            }
        }
        Ok(())
    }

    fn look(&self, number: usize) -> Option<&'d Look<'d, 't>> {
        self.looks.get(self.walk.document_of(number)?)
    }

    /// The `image:` fields of containers that no setter comment marks.
    fn fields(&mut self) {
        if !self.wanted.iter().any(|wanted| wanted.fields) {
            return;
        }
        let mut seen = HashSet::new();
        let mut parsed: HashMap<&'d str, Option<usize>> = HashMap::new();
        for (number, node) in self.walk.nodes() {
            let is_list = self
                .walk
                .key_of(number)
                .is_some_and(|key| CONTAINERS.contains(&key.as_str()));
            let Some(look) = self.look(number).filter(|look| is_list && is_object(look)) else {
                continue;
            };
            let Shape::List(len) = look.shape(node) else { continue };
            for index in 0..len {
                let Some((field, value)) = look.item(node, index).and_then(|item| image_of(look, item)) else {
                    continue;
                };
                let numbers = [field, look.follow(field)].map(|node| self.walk.number_of(node));
                let Some(number) = numbers[0].filter(|number| seen.insert(*number)) else {
                    continue;
                };
                if numbers.iter().flatten().any(|number| self.marked.contains(number)) {
                    continue;
                }
                let image = *parsed.entry(value).or_insert_with(|| self.wanted_in(value));
                self.hits.extend(image.map(|image| Hit {
                    image,
                    part: ManifestPart::Field,
                    present: value,
                    line: field.line(),
                    number,
                }));
            }
        }
    }

    /// The image that a field with this text is about.
    fn wanted_in(&self, text: &str) -> Option<usize> {
        let found = ImageRef::parse(text).ok()?;
        let mut wanted = self.wanted.iter();
        wanted.position(|wanted| wanted.fields && wanted.image.same_image(&found))
    }
}

/// Whether the document is a Kubernetes object.
fn is_object(look: &Look<'_, '_>) -> bool {
    ["apiVersion", "kind"].iter().all(|key| {
        let value = look.entry(look.root(), key);
        value.is_some_and(|value| matches!(look.shape(value), Shape::Scalar(_)))
    })
}

/// The `image` of a container and its text, also when a merge key brings it.
fn image_of<'d, 't>(look: &Look<'d, 't>, item: &'d Node<'t>) -> Option<(&'d Node<'t>, &'d str)> {
    let node = look.entry(item, "image").or_else(|| look.merged(item, "image"))?;
    match look.shape(node) {
        Shape::Scalar(text) => Some((node, text)),
        Shape::Null | Shape::List(_) | Shape::Map => None,
    }
}
