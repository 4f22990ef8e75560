//! What an answer leads to: a list to manifests, a manifest to blobs, a blob to signatures.

use super::{
    super::{
        format::{BUNDLE, Entry, LayerKind, Layers, Place, Unread, entries, layers},
        signed::{self, Useless},
    },
    MAX_PAGES, MAX_SIGNATURES, SignatureSearch, Task,
};
use crate::core::image::manifest::Fetched;

impl SignatureSearch {
    /// Takes what was fetched for `task`; what it leads to is put into `found`.
    pub(super) fn take(&mut self, task: Task, fetched: Fetched<'_>, more: bool, found: &mut Vec<Task>) {
        match task {
            Task::Referrers { .. } => self.page(fetched.body, more, found),
            Task::Tag(_) => self.tag(fetched, found),
            Task::Manifest(_) => {
                self.bytes += fetched.body.len();
                match Place::of(fetched) {
                    // Whatever is wrong with bytes that have the right digest will stay wrong.
                    Place::Manifest => match layers(fetched.body) {
                        Ok(layers) => self.layers(layers, found),
                        Err(_) => self.seen.unusable += 1,
                    },
                    Place::Index | Place::Other | Place::NoManifest(_) => self.seen.unusable += 1,
                }
            }
            Task::Blob(_, kind) => {
                self.bytes += fetched.body.len();
                self.blob(fetched.body, &kind);
            }
        }
    }

    fn page(&mut self, body: &[u8], more: bool, found: &mut Vec<Task>) {
        self.pages += 1;
        self.bytes += body.len();
        match entries(body) {
            Ok(entries) => {
                for entry in entries {
                    if entry.artifact_type.as_deref() == Some(BUNDLE) {
                        self.entry(&entry, found);
                    }
                }
            }
            Err(why) => self.complain(&format!("the referrers list {why}")),
        }
        if more && self.pages >= MAX_PAGES {
            self.seen.limited = true;
        } else if more {
            found.push(Task::Referrers { first: false });
        }
    }

    /// A tag names a signature manifest, or an index that stands for a referrers list.
    fn tag(&mut self, fetched: Fetched<'_>, found: &mut Vec<Task>) {
        self.bytes += fetched.body.len();
        let unread = match Place::of(fetched) {
            Place::Manifest => match layers(fetched.body) {
                Ok(layers) => return self.layers(layers, found),
                Err(why) => why,
            },
            Place::Index => match entries(fetched.body) {
                Ok(mut entries) => {
                    // Any entry may hold signatures, but these say that they do.
                    entries.sort_by_key(|entry| entry.artifact_type.as_deref() != Some(BUNDLE));
                    for entry in entries {
                        self.entry(&entry, found);
                    }
                    return;
                }
                Err(why) => why,
            },
            Place::Other => Unread::Shape,
            // A login page, or a proxy's own words: this says nothing about the image.
            Place::NoManifest(media_type) => {
                let why = format!("it answers with the content type {media_type:?} where a manifest is asked for");
                return self.complain(&why);
            }
        };
        match unread {
            Unread::Shape => self.seen.unusable += 1,
            Unread::NotJson => self.complain(&format!("what a signature tag names {unread}")),
        }
    }

    fn layers(&mut self, layers: Layers, found: &mut Vec<Task>) {
        let Layers { usable, limited } = layers;
        self.seen.limited |= limited;
        if usable.is_empty() {
            self.seen.unusable += 1;
        }
        found.extend(usable.into_iter().map(|(digest, kind)| Task::Blob(digest, kind)));
    }

    fn blob(&mut self, blob: &[u8], kind: &LayerKind) {
        let found = match kind {
            LayerKind::Bundle => signed::of_bundle(blob, self.image),
            LayerKind::SimpleSigning(signatures) => signed::of_simple_signing(blob, signatures, self.image),
        };
        match found {
            Ok(signed) => {
                for signed in signed {
                    if self.signed.len() >= MAX_SIGNATURES {
                        self.seen.limited = true;
                        return;
                    }
                    if !self.signed.contains(&signed) {
                        self.seen.by_others += 1;
                        self.signed.push(signed);
                    }
                }
            }
            Err(Useless::OtherImage) => self.seen.of_others += 1,
            Err(Useless::Malformed) => self.seen.unusable += 1,
        }
    }

    fn entry(&mut self, entry: &Entry, found: &mut Vec<Task>) {
        match entry.digest.parse() {
            Ok(digest) if self.known.insert(digest) => found.push(Task::Manifest(digest)),
            Ok(_) => {}
            Err(_) => self.seen.unusable += 1,
        }
    }
}
