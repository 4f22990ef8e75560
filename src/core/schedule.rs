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
mod tests {
    use super::*;

    const MINUTE: Interval = Interval::Every(Duration::from_mins(1));

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("argocd", name)
    }

    fn version(generation: i64) -> Version {
        Version {
            uid: String::new(),
            generation,
            requested: None,
        }
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn run(schedule: &mut Schedule, now: u64) -> Vec<(String, Due)> {
        let due = schedule.take_due(secs(now));
        for (key, _) in &due {
            schedule.finished(key);
        }
        due.into_iter().map(|(key, due)| (key.name, due)).collect()
    }

    #[test]
    fn a_resource_that_is_worth_another_look_is_due_then_and_falls_in_step_again() {
        let mut schedule = Schedule::default();
        let hour = Interval::Every(Duration::from_hours(1));
        for (name, interval) in [("a", hour), ("b", hour), ("once", Interval::OnChange)] {
            schedule.applied(key(name), version(1), interval, secs(0));
        }
        run(&mut schedule, 0);
        schedule.again(&key("a"), secs(60), secs(1));
        schedule.again(&key("b"), secs(7200), secs(1));
        schedule.again(&key("once"), secs(60), secs(1));
        schedule.again(&key("gone"), secs(60), secs(1));
        assert_eq!(schedule.next_wakeup(), Some(secs(60)));
        assert_eq!(run(&mut schedule, 60), [("a".into(), Due::Full)]);
        assert_eq!(schedule.next_full(&key("a")), Some(secs(3600)));
        // Not at once, whatever a registry says.
        schedule.again(&key("a"), secs(60), secs(60));
        assert_eq!(schedule.next_wakeup(), Some(secs(70)));
    }

    #[test]
    fn a_resource_may_have_its_own_interval_within_bounds() {
        let minimum = secs(10);
        let every = |s| Interval::Every(secs(s));
        assert_eq!(resource_interval(None, MINUTE, minimum), Ok((MINUTE, None)));
        assert_eq!(resource_interval(Some("5m"), MINUTE, minimum), Ok((every(300), None)));
        let raised = resource_interval(Some("1s"), MINUTE, minimum).map(|(i, r)| (i, r.map(|r| r.field)));
        assert_eq!(raised, Ok((every(10), Some("spec.interval".to_owned()))));
        for refused in ["0", "-5m", "5", "soon"] {
            assert!(resource_interval(Some(refused), MINUTE, minimum).is_err(), "{refused}");
        }
    }

    #[test]
    fn resources_with_one_interval_fall_in_step() {
        let mut schedule = Schedule::default();
        schedule.applied(key("a"), version(1), MINUTE, secs(3));
        assert_eq!(run(&mut schedule, 3), [("a".into(), Due::Full)]);
        schedule.applied(key("b"), version(1), MINUTE, secs(40));
        assert_eq!(run(&mut schedule, 40), [("b".into(), Due::Full)]);
        assert_eq!(schedule.next_wakeup(), Some(secs(60)));
        assert_eq!(
            run(&mut schedule, 60),
            [("a".into(), Due::Full), ("b".into(), Due::Full)]
        );
        assert_eq!(run(&mut schedule, 60), []);
    }

    #[test]
    fn what_all_depend_on_makes_all_due_that_run_at_all() {
        let mut schedule = Schedule::default();
        for (name, interval) in [("a", MINUTE), ("b", Interval::OnChange), ("c", Interval::Never)] {
            schedule.applied(key(name), version(1), interval, secs(0));
        }
        run(&mut schedule, 0);
        schedule.all_due(secs(5));
        assert_eq!(
            run(&mut schedule, 5),
            [("a".into(), Due::Full), ("b".into(), Due::Full)]
        );
        assert_eq!(schedule.next_wakeup(), Some(secs(60)));
    }

    #[test]
    fn only_a_new_generation_or_interval_makes_a_resource_due() {
        let mut schedule = Schedule::default();
        schedule.applied(key("a"), version(1), MINUTE, secs(0));
        run(&mut schedule, 0);
        schedule.applied(key("a"), version(1), MINUTE, secs(5));
        assert_eq!(run(&mut schedule, 5), []);
        schedule.applied(key("a"), version(2), MINUTE, secs(6));
        assert_eq!(run(&mut schedule, 6), [("a".into(), Due::Full)]);
        schedule.applied(key("a"), version(2), Interval::Every(secs(30)), secs(7));
        assert_eq!(run(&mut schedule, 7), [("a".into(), Due::Full)]);
        assert_eq!(schedule.next_full(&key("a")), Some(secs(30)));
    }

    #[test]
    fn a_requested_cycle_is_due_once_for_each_new_value() {
        let mut schedule = Schedule::default();
        schedule.applied(key("a"), version(1), MINUTE, secs(0));
        run(&mut schedule, 0);
        let requested = Version {
            uid: String::new(),
            generation: 1,
            requested: Some("now".to_owned()),
        };
        schedule.applied(key("a"), requested.clone(), MINUTE, secs(1));
        assert_eq!(run(&mut schedule, 1), [("a".into(), Due::Full)]);
        schedule.applied(key("a"), requested, MINUTE, secs(2));
        assert_eq!(run(&mut schedule, 2), []);
    }

    #[test]
    fn a_touched_application_is_due_soon_alone_and_at_most_once_in_ten_seconds() {
        let mut schedule = Schedule::default();
        schedule.applied(key("a"), version(1), MINUTE, secs(0));
        run(&mut schedule, 0);
        schedule.touched(&key("a"), key("shop"), secs(1));
        schedule.touched(&key("a"), key("web"), secs(1));
        assert_eq!(
            run(&mut schedule, 2),
            [("a".into(), Due::Partial([key("shop"), key("web")].into()))]
        );
        schedule.touched(&key("a"), key("shop"), secs(3));
        assert_eq!(run(&mut schedule, 11), []);
        assert_eq!(
            run(&mut schedule, 12),
            [("a".into(), Due::Partial([key("shop")].into()))]
        );
    }

    #[test]
    fn all_resources_that_a_touched_application_concerns_look_at_it_together() {
        let mut schedule = Schedule::default();
        for name in ["a", "b"] {
            schedule.applied(key(name), version(1), MINUTE, secs(0));
        }
        run(&mut schedule, 0);
        schedule.touched(&key("a"), key("web"), secs(1));
        assert_eq!(run(&mut schedule, 2), [("a".into(), Due::Partial([key("web")].into()))]);
        for name in ["a", "b"] {
            schedule.touched(&key(name), key("shop"), secs(3));
        }
        let shop = || Due::Partial([key("shop")].into());
        assert_eq!(run(&mut schedule, 4), [("a".into(), shop()), ("b".into(), shop())]);
        assert_eq!(run(&mut schedule, 30), []);
    }

    #[test]
    fn without_a_positive_interval_nothing_is_due_by_time_or_touch() {
        let mut schedule = Schedule::default();
        schedule.applied(
            key("once"),
            version(1),
            Interval::from_flag(GoDuration::from_secs(0)),
            secs(0),
        );
        schedule.applied(
            key("never"),
            version(1),
            Interval::from_flag(GoDuration::from_secs(-1)),
            secs(0),
        );
        assert_eq!(run(&mut schedule, 0), [("once".into(), Due::Full)]);
        schedule.touched(&key("once"), key("shop"), secs(1));
        schedule.touched(&key("never"), key("shop"), secs(1));
        assert_eq!(run(&mut schedule, 1000), []);
        assert_eq!(schedule.next_wakeup(), None);
    }

    #[test]
    fn what_runs_is_not_started_twice() {
        let mut schedule = Schedule::default();
        schedule.applied(key("a"), version(1), MINUTE, secs(0));
        assert_eq!(schedule.take_due(secs(0)).len(), 1);
        schedule.applied(key("a"), version(2), MINUTE, secs(1));
        assert_eq!(schedule.take_due(secs(2)).len(), 0);
        schedule.finished(&key("a"));
        assert_eq!(schedule.take_due(secs(3)).len(), 1);
    }
}
