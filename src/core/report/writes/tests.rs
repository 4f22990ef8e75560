use super::*;
use crate::core::{
    keys::ObjectKey,
    report::{GitWrite, Remark},
    verdict::{Reason, Verdict},
};

const URL: &str = "https://github.com/acme/deploy";
const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn pushed(commit: &str) -> WriteOutcome {
    WriteOutcome::Pushed {
        repository: URL.to_owned(),
        branch: "main".to_owned(),
        commit: commit.to_owned(),
    }
}

fn failed(message: &str, again: i64) -> WriteOutcome {
    WriteOutcome::Failed(Verdict::new(Reason::WriteFailed, message).with_another_look(Some(at(again))))
}

fn report(partial: bool, applications: &[(&str, WriteOutcome)]) -> ResourceReport {
    let one = |(name, write): &(&str, WriteOutcome)| ApplicationReport {
        application: ObjectKey::new("argocd", *name),
        refused: None,
        images: Vec::new(),
        edits: Vec::new(),
        write: write.clone(),
        repository: Some(GitWrite {
            url: URL.to_owned(),
            base: Some("main".to_owned()),
            push: None,
            file: "values.yaml".to_owned(),
            values: Vec::new(),
        }),
        files: Vec::new(),
    };
    ResourceReport {
        partial,
        applications: applications.iter().map(one).collect(),
        ..ResourceReport::default()
    }
}

/// What a person reads of a write: when, which commit or error, and for whom.
fn short(writes: &[Write]) -> Vec<String> {
    let one = |write: &Write| {
        let what = write
            .commit
            .as_deref()
            .map(|commit| &commit[..1])
            .or(write.error.as_deref());
        let names = write
            .applications
            .iter()
            .flatten()
            .map(|name| name.trim_start_matches("argocd/"));
        let names: Vec<_> = names.collect();
        format!(
            "{} {} {}",
            seconds(write.time.as_ref()).unwrap_or_default(),
            what.unwrap_or_default(),
            names.join(",")
        )
    };
    writes.iter().map(one).collect()
}

#[test]
fn a_commit_is_one_entry_with_all_its_applications_and_its_page() {
    let outcomes = [("a", pushed(ONE)), ("b", pushed(TWO)), ("c", pushed(ONE))];
    let writes = after_cycle(&[], &report(false, &outcomes), at(9)).unwrap();
    assert_eq!(short(&writes), ["9 1 a,c", "9 2 b"]);
    let first = &writes[0];
    assert_eq!((first.target.as_str(), first.branch.as_deref()), (URL, Some("main")));
    assert_eq!(first.url.as_deref(), Some(format!("{URL}/commit/{ONE}").as_str()));
    assert_eq!(
        (&first.error, &first.retry_at, first.more_applications),
        (&None, &None, None)
    );
}

#[test]
fn only_what_happened_is_told() {
    let patched_failure = {
        let mut report = report(false, &[("a", failed("forbidden", 60))]);
        report.applications[0].repository = None;
        report
    };
    assert_eq!(
        after_cycle(&[], &patched_failure, at(9)),
        None,
        "that is no write to git"
    );
    for outcome in [
        WriteOutcome::Nothing,
        WriteOutcome::DryRun,
        WriteOutcome::Patched,
        WriteOutcome::AlreadyWritten,
    ] {
        let report = report(false, &[("a", outcome.clone())]);
        assert_eq!(after_cycle(&[], &report, at(9)), None, "{outcome:?}");
    }
}

#[test]
fn a_failure_has_its_words_branch_and_next_try_and_stays_until_its_applications_are_looked_at() {
    let outcomes = [
        ("a", failed("hook", 60)),
        ("b", failed("hook", 60)),
        ("c", failed("gone", 70)),
    ];
    let failures = after_cycle(&[], &report(false, &outcomes), at(0)).unwrap();
    assert_eq!(short(&failures), ["0 hook a,b", "0 gone c"]);
    assert_eq!(failures[0].retry_at, Some(Time(at(60))));
    assert_eq!(failures[0].branch.as_deref(), Some("main"));
    assert_eq!((&failures[0].commit, &failures[0].url), (&None, &None));

    for (name, given, expected) in [
        ("nobody was looked at", report(true, &[]), None),
        (
            "one of two was looked at, and the other not",
            report(true, &[("a", pushed(ONE))]),
            Some(vec!["5 1 a", "0 hook b", "0 gone c"]),
        ),
        (
            "one fails in another way now",
            report(true, &[("b", failed("no route", 15))]),
            Some(vec!["5 no route b", "0 hook a", "0 gone c"]),
        ),
        (
            "all were looked at",
            report(false, &[("a", WriteOutcome::AlreadyWritten)]),
            Some(vec![]),
        ),
        (
            "nothing was decided",
            ResourceReport {
                stalled: vec![Remark {
                    field: String::new(),
                    message: String::new(),
                }],
                ..ResourceReport::default()
            },
            None,
        ),
    ] {
        let after = after_cycle(&failures, &given, at(5)).map(|writes| short(&writes));
        let expected: Option<Vec<String>> = expected.map(|lines| lines.into_iter().map(str::to_owned).collect());
        assert_eq!(after, expected, "{name}");
    }
}

#[test]
fn a_failure_that_is_only_told_again_keeps_the_time_of_its_try() {
    let waiting = |again| report(false, &[("a", failed("hook", again))]);
    let first = after_cycle(&[], &waiting(60), at(0)).unwrap();
    assert_eq!(
        after_cycle(&first, &waiting(60), at(30)),
        None,
        "nothing was tried in between"
    );
    let second = after_cycle(&first, &waiting(180), at(60)).unwrap();
    assert_eq!(short(&second), ["60 hook a"]);
}

#[test]
fn a_failure_without_a_wait_is_one_of_this_cycle() {
    let lasting = WriteOutcome::Failed(Verdict::new(Reason::TargetUnusable, "a symbolic link"));
    let report = report(false, &[("a", lasting)]);
    let first = after_cycle(&[], &report, at(0)).unwrap();
    assert_eq!(first[0].retry_at, None);
    assert_eq!(
        short(&after_cycle(&first, &report, at(30)).unwrap()),
        ["30 a symbolic link a"]
    );
}

#[test]
fn of_more_than_twenty_the_oldest_commits_go_and_failures_stay() {
    let mut writes = Vec::new();
    for n in 0..30_i64 {
        let commit = format!("{:040x}", n + 1);
        writes = after_cycle(&writes, &report(true, &[("a", pushed(&commit))]), at(n)).unwrap();
    }
    assert_eq!(writes.len(), MOST);
    let times: Vec<_> = writes.iter().filter_map(|write| seconds(write.time.as_ref())).collect();
    assert_eq!(times, (10..30).rev().collect::<Vec<_>>(), "the newest first");

    let many: Vec<_> = (0..15).map(|n| failed(&format!("error {n:02}"), 99)).collect();
    let names: Vec<_> = (0..15).map(|n| format!("f{n:02}")).collect();
    let outcomes: Vec<_> = names.iter().map(String::as_str).zip(many).collect();
    writes = after_cycle(&writes, &report(true, &outcomes), at(40)).unwrap();
    for n in 50..80_i64 {
        let commit = format!("{:040x}", n + 1);
        writes = after_cycle(&writes, &report(true, &[("a", pushed(&commit))]), at(n)).unwrap();
    }
    let failures = writes.iter().filter(|write| write.error.is_some()).count();
    assert_eq!((writes.len(), failures), (MOST, 15));
    assert_eq!(
        short(&writes)[..6].iter().map(|line| &line[..2]).collect::<Vec<_>>(),
        ["79", "78", "77", "76", "75", "40"]
    );
}

#[test]
fn many_applications_are_counted_and_long_words_are_cut() {
    let names: Vec<_> = (0..120).map(|n| format!("app-{n:03}")).collect();
    let outcomes: Vec<_> = names.iter().map(|name| (name.as_str(), pushed(ONE))).collect();
    let writes = after_cycle(&[], &report(false, &outcomes), at(0)).unwrap();
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].applications.as_ref().map(Vec::len), Some(MOST_NAMES));
    assert_eq!(writes[0].more_applications, Some(70));

    let long = report(false, &[("a", failed(&"é".repeat(9000), 60))]);
    let writes = after_cycle(&[], &long, at(0)).unwrap();
    assert!(writes[0].error.as_ref().unwrap().len() < 2100);
    assert_eq!(
        after_cycle(&writes, &long, at(1)),
        None,
        "the cut text is the same failure"
    );
}

#[test]
fn what_is_told_already_is_known_by_its_words_and_application() {
    let before = after_cycle(&[], &report(false, &[("a", failed("hook", 60))]), at(0)).unwrap();
    for (name, outcome, expected) in [
        ("a", failed("hook", 120), Some(true)),
        ("a", failed("another hook", 60), Some(false)),
        ("b", failed("hook", 60), Some(false)),
        ("a", pushed(ONE), None),
        ("a", WriteOutcome::AlreadyWritten, None),
    ] {
        let report = report(false, &[(name, outcome.clone())]);
        assert_eq!(
            is_told(&before, &report.applications[0]),
            expected,
            "{name} {outcome:?}"
        );
    }
}

#[test]
fn a_branch_is_told_only_where_it_is_known() {
    for (base, push, expected) in [
        (Some("main"), None, Some("main")),
        (Some("main"), Some("updates"), Some("updates")),
        (Some("main"), Some("updates-{{ .SHA256 }}"), None),
        (None, Some("updates"), Some("updates")),
        (None, None, None),
    ] {
        let write = GitWrite {
            url: URL.to_owned(),
            base: base.map(str::to_owned),
            push: push.map(str::to_owned),
            file: String::new(),
            values: Vec::new(),
        };
        assert_eq!(write.known_branch(), expected, "{base:?} {push:?}");
    }
}
