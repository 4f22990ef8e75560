use serde_json::json;

use super::*;
use crate::core::{
    image::{ImageRef, ImageVersion, VersionWords},
    report::{GitWrite, ImageReport},
    verdict::Reason,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn change(application: &str) -> ImageChange {
    let version = |tag: &str| ImageVersion {
        tag: tag.to_owned(),
        digest: String::new(),
    };
    ImageChange {
        application: ObjectKey::new("argocd", application),
        alias: "api".to_owned(),
        image: ImageRef {
            registry: "quay.io".to_owned(),
            name: "shop/api".to_owned(),
            version: None,
        },
        old: version("1.0"),
        new: version("1.1"),
        words: VersionWords::Either,
        note: None,
    }
}

/// A report of applications, each of which wants one image to change.
fn report(applications: &[(&str, WriteOutcome)]) -> ResourceReport {
    let one = |(name, write): &(&str, WriteOutcome)| ApplicationReport {
        application: ObjectKey::new("argocd", *name),
        refused: None,
        images: vec![ImageReport {
            alias: "api".to_owned(),
            image: "quay.io/shop/api".to_owned(),
            live: true,
            rule: None,
            current: Some("1.0".to_owned()),
            chosen: Some("1.1".to_owned()),
            decision: Ok(change(name)),
            story: Vec::new(),
            waiting: None,
        }],
        edits: Vec::new(),
        write: write.clone(),
        repository: Some(GitWrite {
            url: "https://git.example.com/deploy".to_owned(),
            base: Some("main".to_owned()),
            push: None,
            file: "values.yaml".to_owned(),
            values: Vec::new(),
        }),
        files: Vec::new(),
    };
    ResourceReport {
        generation: 3,
        applications: applications.iter().map(one).collect(),
        ..ResourceReport::default()
    }
}

fn pushed() -> WriteOutcome {
    WriteOutcome::Pushed {
        repository: "https://git.example.com/deploy".to_owned(),
        branch: "main".to_owned(),
        commit: "1111111111111111111111111111111111111111".to_owned(),
    }
}

fn failed(reason: Reason) -> WriteOutcome {
    WriteOutcome::Failed(Verdict::new(reason, "the server said no").with_another_look(Some(at(60))))
}

fn patch(report: &ResourceReport) -> Value {
    let next = Some(Duration::from_mins(2));
    final_patch(&ImageUpdaterStatus::default(), report, next, at(0)).expect("a full cycle has something to say")["status"]
        .clone()
}

#[test]
fn only_what_was_really_written_is_an_update() {
    for (outcome, updated) in [
        (pushed(), true),
        (WriteOutcome::Patched, true),
        (WriteOutcome::AlreadyWritten, false),
        (WriteOutcome::DryRun, false),
        (WriteOutcome::Nothing, false),
        (failed(Reason::WriteFailed), false),
    ] {
        let status = patch(&report(&[("shop", outcome.clone())]));
        assert_eq!(status.get("lastUpdatedAt").is_some(), updated, "{outcome:?}");
        assert_eq!(status.get("recentUpdates").is_some(), updated, "{outcome:?}");
    }
}

#[test]
fn of_two_applications_only_the_written_one_counts() {
    let status = patch(&report(&[("shop", pushed()), ("web", failed(Reason::WriteFailed))]));
    assert_eq!(status["recentUpdates"][0]["applicationsUpdated"], 1);
    let writes: Vec<_> = status["writes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| &w["applications"])
        .collect();
    assert_eq!(writes, [&json!(["argocd/web"]), &json!(["argocd/shop"])]);
}

#[test]
fn a_failed_write_is_an_error_a_problem_and_a_write_with_the_next_try() {
    for reason in [
        Reason::WriteFailed,
        Reason::CredentialsUnavailable,
        Reason::TargetUnusable,
        Reason::InvalidSetting,
    ] {
        let status = patch(&report(&[("shop", failed(reason))]));
        let condition = |kind: &str| {
            let all = status["conditions"].as_array().unwrap();
            let found = all.iter().find(|c| c["type"] == kind).unwrap();
            (
                found["status"].clone(),
                found["reason"].clone(),
                found["message"].clone(),
            )
        };
        let (error, why, message) = condition("Error");
        assert_eq!((error, why), (json!("True"), json!("PartialErrors")));
        assert!(message.as_str().unwrap().contains("the server said no"), "{message}");
        let (ready, why, _) = condition("Ready");
        assert_eq!((ready, why), (json!("True"), json!("ReconcileCompletedWithErrors")));
        assert_eq!(
            status["problems"],
            json!([{ "application": "argocd/shop", "reason": reason.to_string(), "message": "the server said no" }])
        );
        assert_eq!(
            status["writes"],
            json!([{
                "target": "https://git.example.com/deploy", "branch": "main", "applications": ["argocd/shop"],
                "time": "1970-01-01T00:00:00Z", "error": "the server said no", "retryAt": "1970-01-01T00:01:00Z",
            }])
        );
    }
}

#[test]
fn a_failed_write_starts_no_cycle_of_its_own() {
    let mut report = report(&[("shop", failed(Reason::WriteFailed))]);
    assert_eq!(report.again(), None, "the next cycle after its wait tries again");
    let limited = Verdict::new(Reason::RateLimited, "").with_another_look(Some(at(30)));
    report.applications[0].images[0].decision = Err(limited);
    assert_eq!(
        report.again(),
        Some(at(30)),
        "a registry that asked to wait is asked then"
    );
}

#[test]
fn what_is_over_is_removed() {
    let before = ImageUpdaterStatus {
        writes: serde_json::from_value(json!([{ "target": "x", "error": "y", "applications": ["argocd/shop"] }]))
            .unwrap(),
        ..ImageUpdaterStatus::default()
    };
    let after = final_patch(&before, &report(&[("shop", WriteOutcome::Nothing)]), None, at(0)).unwrap();
    assert_eq!(after["status"]["writes"], Value::Null);
    assert!(
        after["status"].as_object().unwrap().contains_key("writes"),
        "null removes the field"
    );
}
