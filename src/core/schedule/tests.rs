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
