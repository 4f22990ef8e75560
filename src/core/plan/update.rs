//! What changes in one application: image by image, in the order of the list, on a copy of its sources.
//!
//! Pure. Which tag is wanted was decided before, and every image ends here in one [`ImageChange`] or one [`Verdict`]. The
//! Application only gets what changes; an override file in git also lists the values of the images that stay.

use crate::{
    api::argocd::Application,
    core::{
        image::{ImageRef, ImageVersion, VersionWords},
        keys::ObjectKey,
        plan::{
            change::{Entry, ImageChange, SourceEdit},
            claims::Claims,
            place::{self, Place},
            repeated,
            running::{self, behind, current_text, is_settled, kept_version},
            standing,
            values::{self, ValueError},
            verified::{Picked, Verified},
        },
        resolve::{CurrentFrom, ResolvedImage, SourceSlot, TrackedApplication, TrackedImage, source_type},
        select::{Candidate, live::LiveImages},
        verdict::{Reason, Verdict},
    },
};

/// What was decided for one application.
#[derive(Debug, Clone)]
pub struct Update {
    /// The images, in the order of the list.
    pub images: Vec<ImageUpdate>,
    /// The sources that change, with nothing but the changes.
    pub edits: Vec<SourceEdit>,
    /// What an override file holds: the values of every image that changes, or whose version is settled. Images that
    /// could not be decided are left out, so that the file keeps what it says about them. So are images whose signatures
    /// have to be checked and were not, unless their values stand in the source: the file would be the first to say them.
    pub entries: Vec<Entry>,
    /// What the source says of configured images that `entries` leave out. A list that is new in the override file repeats
    /// it, because it takes the place of the source's list; in a list that is there already nothing is added for it.
    pub repeated: Vec<Entry>,
    /// The images, by their index, that would change if their pick were verified: its signatures have to be checked, and
    /// then everything is decided again.
    pub unchecked: Vec<usize>,
}

/// What was decided for one image.
#[derive(Debug, Clone)]
pub struct ImageUpdate {
    /// The alias.
    pub alias: String,
    /// Whether Argo CD reports it as running, or it is updated by force, or read from the manifest. One that runs but whose
    /// settings cannot be used is not followed all the same.
    pub live: bool,
    /// The version that runs or, where that is asked for, stands in the manifest; `None` when there is none.
    pub current: Option<String>,
    /// The same, in the spelling found there.
    pub running: Option<ImageRef>,
    /// The change, or why there is none.
    pub decision: Result<ImageChange, Verdict>,
    /// What an override file lists when the image stays as it runs.
    pub kept: Option<ImageRef>,
    /// Which source its values stand in, and the values that are written or kept; empty when nothing was decided.
    pub values: Option<(SourceSlot, Vec<Entry>)>,
}

impl Update {
    /// The changes, in the order of the images.
    pub fn changes(&self) -> Vec<ImageChange> {
        self.images
            .iter()
            .filter_map(|image| image.decision.as_ref().ok())
            .cloned()
            .collect()
    }

    /// Whether there is anything to write.
    pub fn has_changes(&self) -> bool {
        self.images.iter().any(|image| image.decision.is_ok())
    }
}

/// Decides what changes in `application`. `picks` are the wanted versions of the images, in their order; for an image
/// that was refused or does not run nothing has to be picked, and what stands there does not count.
pub fn decide(
    application: &Application,
    tracked: &TrackedApplication,
    live: &LiveImages,
    picks: &[Result<Picked, Verdict>],
) -> Update {
    decide_beside(application, tracked, live, picks, &[])
}

/// The same beside images of other resources: the Kustomize entries with the left sides `foreign` are theirs and are never
/// taken for one of ours.
pub fn decide_beside(
    application: &Application,
    tracked: &TrackedApplication,
    live: &LiveImages,
    picks: &[Result<Picked, Verdict>],
    foreign: &[(SourceSlot, String)],
) -> Update {
    let mut decision = Decision {
        application,
        tracked,
        live,
        claims: Claims::of(application, tracked, foreign),
        copies: Vec::new(),
        entries: Vec::new(),
        unchecked: Vec::new(),
    };
    let images = tracked.images.iter().enumerate();
    let images = images
        .map(|(index, image)| decision.image(index, image, picks.get(index)))
        .collect();
    let repeated = repeated::repeated(application, tracked, &decision.claims, &decision.entries);
    let mut edits = decision.copies;
    edits.retain(|edit| edit.before != edit.after);
    Update {
        images,
        edits,
        entries: decision.entries,
        repeated,
        unchecked: decision.unchecked,
    }
}

struct Decision<'a> {
    application: &'a Application,
    tracked: &'a TrackedApplication,
    live: &'a LiveImages,
    claims: Claims,
    copies: Vec<SourceEdit>,
    entries: Vec<Entry>,
    unchecked: Vec<usize>,
}

/// An image that can be written, with what runs and what is wanted.
struct Subject<'a> {
    image: &'a TrackedImage,
    place: Place,
    running: ImageRef,
    wanted: ImageVersion,
    picked: &'a Picked,
}

impl Decision<'_> {
    fn image(&mut self, index: usize, resolved: &ResolvedImage, pick: Option<&Result<Picked, Verdict>>) -> ImageUpdate {
        let mut update = ImageUpdate {
            alias: resolved.alias.clone(),
            live: false,
            current: None,
            running: None,
            decision: Err(Verdict::new(Reason::NotLive, String::new())),
            kept: None,
            values: None,
        };
        update.decision = match &resolved.tracked {
            Err(verdict) => {
                self.refused_image(resolved, &mut update);
                Err(verdict.clone())
            }
            Ok(image) => self.tracked_image(index, image, pick, &mut update),
        };
        update
    }

    /// What runs of an image whose settings cannot be used. Without its policy the first one of that name is told.
    fn refused_image(&self, resolved: &ResolvedImage, update: &mut ImageUpdate) {
        let wanted = resolved.reference.as_ref();
        let mut running = self.live.iter().map(|live| &live.reference);
        let running = running.find(|running| wanted.is_some_and(|wanted| running.same_image(wanted)));
        update.live = running.is_some();
        update.current = running.map(|running| current_text(running, VersionWords::Both));
        update.running = running.cloned();
    }

    fn tracked_image(
        &mut self,
        index: usize,
        image: &TrackedImage,
        pick: Option<&Result<Picked, Verdict>>,
        update: &mut ImageUpdate,
    ) -> Result<ImageChange, Verdict> {
        let found = self.find(image, None);
        update.live = found.followed;
        let words = image.policy.version_words();
        let standing = found.running?;
        update.current = standing.as_ref().map(|running| current_text(running, words));
        let place = place::place(self.application, self.tracked, image).map_err(|e| unusable(&e))?;
        if !update.live {
            return Err(Verdict::new(
                Reason::NotLive,
                format!(
                    "{} is not among the application's running images",
                    image.reference.full_name()
                ),
            ));
        }
        let picked = match pick {
            Some(Ok(picked)) => picked,
            Some(Err(verdict)) => return Err(verdict.clone()),
            None => return Err(Verdict::new(Reason::MetadataUnavailable, "no version was picked")),
        };
        let candidate = picked.candidate();
        let wanted = candidate.version();
        // With digests, the one of several running images that is behind counts.
        let found = self.find(image, Some(candidate)).running?.or(standing);
        let found = behind(place.kind, image, self.live, &wanted).or(found);
        update.current = found.as_ref().map(|running| current_text(running, words));
        update.running.clone_from(&found);
        let running = found.unwrap_or_else(|| ImageRef {
            version: None,
            ..image.reference.clone()
        });
        self.compare(
            index,
            &Subject {
                image,
                place,
                running,
                wanted,
                picked,
            },
            update,
        )
    }

    fn find(&self, image: &TrackedImage, picked: Option<&Candidate>) -> running::Found {
        running::find(self.application, self.tracked, self.live, image, picked)
    }

    /// Compares what runs and what is written with what is wanted, and notes the values.
    fn compare(
        &mut self,
        index: usize,
        subject: &Subject<'_>,
        update: &mut ImageUpdate,
    ) -> Result<ImageChange, Verdict> {
        let Subject {
            image,
            place,
            running,
            wanted,
            picked,
        } = subject;
        let wanted_values = values::entries(
            place.kind,
            &image.alias,
            &image.reference.with_version(wanted.clone()),
            &image.manifest_target,
        )
        .map_err(|e| unusable(&e))?;
        // Of several places in the manifest only the first one says what the current version is.
        let source = source_type::source_in(self.application, place.slot).ok_or_else(no_source)?;
        let elsewhere = image.current_from == CurrentFrom::Manifest && standing::differs(source, &wanted_values)?;
        let settled = is_settled(image, running, wanted) && !elsewhere;
        let version = if settled {
            kept_version(running, wanted)
        } else {
            wanted.clone()
        };
        let reference = image.reference.with_version(version);
        let entries =
            values::entries(place.kind, &image.alias, &reference, &image.manifest_target).map_err(|e| unusable(&e))?;
        let others = self.claims.others(index, place.slot);
        self.claims.claim(place.slot, &image.alias, &entries)?;
        let copy = self.copy(place.slot)?;
        let text = image.policy.version_words().of(wanted);
        let decision = if settled {
            update.kept = Some(reference);
            let stands = match image.current_from {
                CurrentFrom::Live => "is running",
                CurrentFrom::Manifest => "stands in the manifest",
            };
            Err(up_to_date(format!("{text} {stands}"), picked.candidate()))
        } else if values::holds(&copy.after, &entries, &others) {
            let message = format!("{text} is already written, but does not run yet");
            Err(up_to_date(message, picked.candidate()))
        } else {
            let Picked::Verified(verified) = picked else {
                self.unchecked.push(index);
                let message = format!("the signatures of {text} were not checked yet; the next cycle does");
                return Err(Verdict::new(Reason::NotVerified, message));
            };
            values::put(&mut copy.after, &entries, &others);
            Ok(self.change(subject, verified))
        };
        // Being up to date is no proof of a signature. What the source says can stay: it is said already, and a file would
        // hide it by listing less.
        let is_checked = matches!(picked, Picked::Verified(_));
        for entry in &entries {
            let is_said = || values::holds(source, std::slice::from_ref(entry), &others);
            if !self.entries.contains(entry) && (is_checked || is_said()) {
                self.entries.push(entry.clone());
            }
        }
        update.values = Some((place.slot, entries));
        decision
    }

    fn change(&self, subject: &Subject<'_>, verified: &Verified<Candidate>) -> ImageChange {
        ImageChange {
            application: ObjectKey::new(self.application.namespace(), self.application.name()),
            alias: subject.image.alias.clone(),
            image: subject.image.reference.clone(),
            old: subject.running.version.clone().unwrap_or_default(),
            new: verified.get().version(),
            words: subject.image.policy.version_words(),
            note: verified.get().note.clone(),
        }
    }

    /// The working copy of the source in `slot`.
    fn copy(&mut self, slot: SourceSlot) -> Result<&mut SourceEdit, Verdict> {
        let index = if let Some(index) = self.copies.iter().position(|copy| copy.slot == slot) {
            index
        } else {
            let source = source_type::source_in(self.application, slot).ok_or_else(no_source)?;
            self.copies.push(SourceEdit {
                slot,
                before: source.clone(),
                after: source.clone(),
            });
            self.copies.len() - 1
        };
        self.copies.get_mut(index).ok_or_else(no_source)
    }
}

/// There is nothing to do, and why it is this version.
fn up_to_date(message: String, candidate: &Candidate) -> Verdict {
    let message = match &candidate.note {
        Some(note) => format!("{message}; {note}"),
        None => message,
    };
    Verdict::new(Reason::UpToDate, message)
}

fn no_source() -> Verdict {
    Verdict::new(Reason::TargetUnusable, "the application has no such source any more")
}

fn unusable(error: &ValueError) -> Verdict {
    let reason = match error {
        ValueError::WrongSourceType { .. } => Reason::TargetUnusable,
        ValueError::PluginTargetIncomplete => Reason::InvalidSetting,
    };
    Verdict::new(reason, error.to_string())
}

#[cfg(test)]
pub(crate) mod tests;
