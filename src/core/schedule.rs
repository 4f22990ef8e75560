//! When a resource is due: pure, with the time since the program's start as an argument.
//!
//! Cycles are aligned: resources with one interval are due at the same moments, the multiples of the interval since
//! start, so that one cycle asks each registry once for all of them. A new or changed resource is due at once and then
//! falls in step. Applications that appear or change make a *partial* cycle due for themselves only.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{duration::GoDuration, keys::ObjectKey, report::Remark};
use crate::api::{annotations, v1alpha1::ImageUpdater};

/// The least time between two partial cycles of one resource.
pub const PARTIAL_PAUSE: Duration = Duration::from_secs(10);

/// How long a partial cycle waits for more of the same: one change of an application rarely comes alone.
pub const PARTIAL_DELAY: Duration = Duration::from_secs(1);

/// How often a resource runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// At every multiple of this, since start. Never zero.
    Every(Duration),
    /// Once for each change of the resource.
    OnChange,
    /// Not at all.
    Never,
}

impl Interval {
    /// The meaning of a flag's value: below zero is never, zero is once for each change.
    pub fn from_flag(value: GoDuration) -> Self {
        if value.is_negative() {
            Self::Never
        } else if value.is_zero() {
            Self::OnChange
        } else {
            Self::Every(value.to_std())
        }
    }
}

/// How often one resource runs: its own interval or else the program's.
///
/// An interval below `minimum` is raised, with a remark. What cannot be read, and zero or less, is refused: nobody can
/// tell what was meant.
pub fn resource_interval(
    own: Option<&str>,
    default: Interval,
    minimum: Duration,
) -> Result<(Interval, Option<Remark>), Remark> {
    let Some(text) = own.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok((default, None));
    };
    let remark = |message: String| Remark {
        field: "spec.interval".to_owned(),
        message,
    };
    let interval: GoDuration = text
        .parse()
        .map_err(|e: super::duration::InvalidDuration| remark(e.to_string()))?;
    if interval.is_zero() || interval.is_negative() {
        return Err(remark(format!(
            "{text:?} is not above zero; use spec.suspend to stop this resource"
        )));
    }
    let interval = interval.to_std();
    if interval < minimum {
        let message = format!(
            "{text} is below --minimum-interval; {} s is used",
            minimum.as_secs_f64()
        );
        return Ok((Interval::Every(minimum), Some(remark(message))));
    }
    Ok((Interval::Every(interval), None))
}

/// Why a resource is due, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// All its applications.
    Full,
    /// Only these applications; counters of the whole resource are left alone.
    Partial(BTreeSet<ObjectKey>),
}

/// What makes a resource another one than before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Version {
    /// `metadata.uid`: generations count anew in an object that was deleted and created again.
    pub uid: String,
    /// `metadata.generation`: it counts changes of the spec.
    pub generation: i64,
    /// The value of the annotation that asks for a cycle now.
    pub requested: Option<String>,
}

impl Version {
    /// The version of `updater` as it is.
    pub fn of(updater: &ImageUpdater) -> Self {
        let meta = &updater.metadata;
        let requested = meta
            .annotations
            .as_ref()
            .and_then(|a| a.get(annotations::RECONCILE_REQUESTED_AT));
        Self {
            uid: meta.uid.clone().unwrap_or_default(),
            generation: meta.generation.unwrap_or(0),
            requested: requested.cloned(),
        }
    }
}

/// What is known of one resource.
#[derive(Debug)]
struct Entry {
    version: Version,
    interval: Interval,
    /// The next full cycle.
    next: Option<Duration>,
    touched: BTreeSet<ObjectKey>,
    /// The next partial cycle, when something was touched.
    partial: Option<Duration>,
    last_partial: Option<Duration>,
    running: bool,
}

/// The resources and when each is due.
#[derive(Debug, Default)]
pub struct Schedule {
    entries: BTreeMap<ObjectKey, Entry>,
}

impl Schedule {
    /// A resource appeared or changed. Only a new version or another interval makes it due.
    pub fn applied(&mut self, key: ObjectKey, version: Version, interval: Interval, now: Duration) {
        let at_once = (interval != Interval::Never).then_some(now);
        match self.entries.get_mut(&key) {
            Some(entry) if entry.version == version && entry.interval == interval => {}
            Some(entry) => {
                entry.version = version;
                entry.interval = interval;
                entry.next = at_once;
            }
            None => {
                let entry = Entry {
                    version,
                    interval,
                    next: at_once,
                    touched: BTreeSet::new(),
                    partial: None,
                    last_partial: None,
                    running: false,
                };
                self.entries.insert(key, entry);
            }
        }
    }

    /// Something that all resources depend on changed: whatever runs at all is due.
    pub fn all_due(&mut self, now: Duration) {
        for entry in self.entries.values_mut() {
            if entry.interval != Interval::Never {
                entry.next = Some(now);
            }
        }
    }

    /// A resource is gone.
    pub fn deleted(&mut self, key: &ObjectKey) {
        self.entries.remove(key);
    }

    /// An application that a resource may select appeared, changed or went.
    pub fn touched(&mut self, resource: &ObjectKey, application: ObjectKey, now: Duration) {
        let Some(entry) = self.entries.get_mut(resource) else {
            return;
        };
        if !matches!(entry.interval, Interval::Every(_)) {
            return;
        }
        entry.touched.insert(application);
        if entry.partial.is_none() {
            let earliest = entry.last_partial.map_or(Duration::ZERO, |last| last + PARTIAL_PAUSE);
            entry.partial = Some((now + PARTIAL_DELAY).max(earliest));
        }
    }

    /// Takes what is due now, and counts it as running until [`Self::finished`].
    ///
    /// All resources that a touched application concerns look at it in one cycle, even if one of them did so a short time
    /// ago: only together they know which of them may write.
    pub fn take_due(&mut self, now: Duration) -> Vec<(ObjectKey, Due)> {
        let mut due = Vec::new();
        let ripe = self.entries.values().filter(|entry| !entry.running);
        let ripe = ripe.filter(|entry| [entry.next, entry.partial].into_iter().flatten().any(|at| at <= now));
        let shared: BTreeSet<ObjectKey> = ripe.flat_map(|entry| entry.touched.iter().cloned()).collect();
        for (key, entry) in &mut self.entries {
            if entry.running {
                continue;
            }
            if entry.next.is_some_and(|at| at <= now) {
                entry.next = match entry.interval {
                    Interval::Every(interval) => Some(next_multiple(interval, now)),
                    Interval::OnChange | Interval::Never => None,
                };
                // A full cycle sees what was touched as well.
                entry.touched.clear();
                entry.partial = None;
                entry.running = true;
                due.push((key.clone(), Due::Full));
            } else if entry.partial.is_some_and(|at| at <= now) || entry.touched.iter().any(|a| shared.contains(a)) {
                entry.partial = None;
                entry.last_partial = Some(now);
                entry.running = true;
                due.push((key.clone(), Due::Partial(std::mem::take(&mut entry.touched))));
            }
        }
        due
    }

    /// A resource is worth a full look at this time already, not sooner than a partial cycle might come.
    pub fn again(&mut self, key: &ObjectKey, at: Duration, now: Duration) {
        let at = at.max(now + PARTIAL_PAUSE);
        if let Some(entry) = self.entries.get_mut(key)
            && entry.next.is_some_and(|next| at < next)
        {
            entry.next = Some(at);
        }
    }

    /// The cycle of a resource ended.
    pub fn finished(&mut self, key: &ObjectKey) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.running = false;
        }
    }

    /// When something is due next, not counting what runs.
    pub fn next_wakeup(&self) -> Option<Duration> {
        self.entries
            .values()
            .filter(|e| !e.running)
            .flat_map(|e| [e.next, e.partial])
            .flatten()
            .min()
    }

    /// When the next full cycle of a resource is due.
    pub fn next_full(&self, key: &ObjectKey) -> Option<Duration> {
        self.entries.get(key).and_then(|entry| entry.next)
    }
}

/// The first multiple of `interval` after `now`.
fn next_multiple(interval: Duration, now: Duration) -> Duration {
    let step = interval.as_nanos().max(1);
    let next = (now.as_nanos() / step + 1) * step;
    Duration::from_nanos(u64::try_from(next).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
