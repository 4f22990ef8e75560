//! What was written here and undone by somebody else: an ApplicationSet, a parent application, a person.
//!
//! Pure. A value is written again after it was undone once. When it was undone twice without a newer tag, it is left alone
//! until another version is wanted, the resource changes or a reconcile is requested. The memory counts real writes only;
//! it is lost when the program ends, which costs at most two more writes.

use std::collections::{BTreeMap, HashMap};

use super::{
    change::Entry,
    ownership::{Claimant, Spot, Target},
};
use crate::{
    api::annotations,
    core::{
        keys::ObjectKey,
        resolve::SourceSlot,
        schedule::Version,
        verdict::{Reason, Verdict},
    },
};

/// How often one value is written to one place.
const TRIES: u32 = 2;

/// The most values that are remembered; beyond it the one that was written first is forgotten.
const MOST: usize = 50_000;

/// The values of one image at their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    places: Places,
    values: Vec<String>,
}

type Places = (Target, Vec<Spot>);

impl Written {
    /// The values of one image in `target`.
    pub fn new(target: &Target, slot: SourceSlot, entries: &[Entry]) -> Self {
        let slot = matches!(target, Target::Application(_)).then_some(slot);
        let spots = entries.iter().map(|entry| Spot { slot, key: entry.key() });
        Self {
            places: (target.clone(), spots.collect()),
            values: entries.iter().map(Entry::value).collect(),
        }
    }
}

/// Who asks, on what state of the resource.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The resource and the application.
    pub claimant: &'a Claimant,
    /// The state of the resource.
    pub version: &'a Version,
}

/// Whether a value may be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It may.
    Write,
    /// It was taken back as often as it is written, if what was seen of the place is not older than the last write: look
    /// at the place itself and ask again.
    Suspect,
    /// It was taken back.
    TakenBack(Verdict),
}

/// What was written, and how often.
#[derive(Debug, Default)]
pub struct Memory {
    places: HashMap<Places, State>,
    clock: u64,
}

#[derive(Debug)]
struct State {
    values: Vec<String>,
    writes: u32,
    /// Whether the place was looked at since the last write.
    confirmed: bool,
    last: u64,
    writer: Claimant,
    versions: BTreeMap<ObjectKey, Version>,
}

impl Memory {
    /// Whether `wanted`, which does not stand at its place, may be written there. `fresh` says that the place was read for
    /// this question, and not some time before.
    pub fn judge(&mut self, wanted: &Written, version: &str, asker: Asker<'_>, fresh: bool) -> Judgement {
        let Some(state) = self.places.get_mut(&wanted.places) else {
            return Judgement::Write;
        };
        let resource = &asker.claimant.resource;
        let known = state.versions.insert(resource.clone(), asker.version.clone());
        if state.values != wanted.values || known.is_some_and(|known| known != *asker.version) {
            state.writes = 0;
        }
        if state.writes < TRIES {
            return Judgement::Write;
        }
        if !fresh && !state.confirmed {
            return Judgement::Suspect;
        }
        state.confirmed = true;
        Judgement::TakenBack(verdict(version, &wanted.places.0, state.writes))
    }

    /// `written` was really written.
    pub fn wrote(&mut self, written: &Written, asker: Asker<'_>) {
        self.clock += 1;
        let state = self.places.entry(written.places.clone()).or_insert_with(|| State {
            values: Vec::new(),
            writes: 0,
            confirmed: false,
            last: 0,
            writer: asker.claimant.clone(),
            versions: BTreeMap::new(),
        });
        if state.values != written.values {
            state.values.clone_from(&written.values);
            state.writes = 0;
        }
        state.writes = state.writes.saturating_add(1);
        state.confirmed = false;
        state.last = self.clock;
        state.writer.clone_from(asker.claimant);
        state
            .versions
            .insert(asker.claimant.resource.clone(), asker.version.clone());
        if self.places.len() > MOST {
            let oldest = self.places.iter().min_by_key(|(_, state)| state.last);
            if let Some(oldest) = oldest.map(|(places, _)| places.clone()) {
                self.places.remove(&oldest);
            }
        }
    }

    /// Forgets what was written by claimants that are not `present`.
    pub fn retain(&mut self, present: impl Fn(&Claimant) -> bool) {
        self.places.retain(|_, state| present(&state.writer));
    }

    /// How many values are remembered.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

fn verdict(version: &str, target: &Target, writes: u32) -> Verdict {
    let (other, remedy) = match target {
        Target::Application(_) => (
            "an ApplicationSet, a parent application or a person",
            "let the other one ignore the field (ignoreApplicationDifferences of the ApplicationSet, ignoreDifferences of \
             the parent), or use writeBackConfig.method git",
        ),
        Target::File { .. } => (
            "a person or another program",
            "keep the other one from changing the file, or narrow the constraint to the version that is wanted",
        ),
    };
    let message = format!(
        "{version} was written {writes} times and each time taken back by somebody else ({other}), so it is left alone \
         until there is a newer tag, the ImageUpdater changes, or its annotation {} gets a new value; {remedy}",
        annotations::RECONCILE_REQUESTED_AT
    );
    Verdict::new(Reason::Reverted, message)
}

#[cfg(test)]
mod tests;
