use serde_json::json;

use super::*;
use crate::core::report::plan_view::{
    ApplicationPlan, FieldRemark, GitPlan, GitValue, ImagePlan, Outcome, Plan, Refusal, ResourcePlan, ResourceState,
    SchemaVersion, Summary, TagFate, TagPlan, Unreadable, ValueChange,
};

const PIPE: Page = Page {
    color: false,
    width: None,
};

fn terminal(width: usize) -> Page {
    Page {
        color: false,
        width: Some(width),
    }
}

fn image(alias: &str, outcome: Outcome, current: Option<&str>, chosen: Option<&str>, told: (&str, &str)) -> ImagePlan {
    ImagePlan {
        alias: alias.to_owned(),
        image: format!("registry.example.com/{alias}"),
        live: true,
        strategy: Some("semver".to_owned()),
        constraint: None,
        current: current.map(str::to_owned),
        chosen: chosen.map(str::to_owned),
        outcome,
        reason: (!told.0.is_empty()).then(|| told.0.to_owned()),
        message: told.1.to_owned(),
        tags: None,
    }
}

fn application(name: &str, images: Vec<ImagePlan>) -> ApplicationPlan {
    ApplicationPlan {
        namespace: "argocd".to_owned(),
        name: name.to_owned(),
        refused: None,
        images,
        changes: Vec::new(),
        git: None,
    }
}

fn resource(name: &str, state: ResourceState, applications: Vec<ApplicationPlan>) -> ResourcePlan {
    ResourcePlan {
        namespace: "argocd".to_owned(),
        name: name.to_owned(),
        state,
        stalled: Vec::new(),
        warnings: Vec::new(),
        applications,
    }
}

fn plan_of(resources: Vec<ResourcePlan>) -> Plan {
    Plan {
        schema_version: SchemaVersion::V1,
        summary: Summary {
            resources: resources.len(),
            applications: 1,
            images: 3,
            changes: 1,
            problems: 1,
        },
        resources,
        unreadable: Vec::new(),
    }
}

/// A plan with a change, an image that stays and one with a problem.
fn shop() -> Plan {
    let mut shop = application(
        "shop",
        vec![
            image(
                "api",
                Outcome::Change,
                Some("v1.0.0"),
                Some("v1.1.0"),
                ("", "picked by semver, 1.x"),
            ),
            image(
                "worker",
                Outcome::Stays,
                Some("2.0"),
                Some("2.0"),
                ("UpToDate", "2.0 is running"),
            ),
            image(
                "db",
                Outcome::Problem,
                Some("15"),
                None,
                (
                    "RegistryUnavailable",
                    "registry.example.com does not answer within 30 seconds",
                ),
            ),
        ],
    );
    shop.changes = vec![
        ValueChange {
            path: "spec.source.helm.parameters".to_owned(),
            before: Some(json!({"name": "image.tag", "value": "v1.0.0"})),
            after: Some(json!({"name": "image.tag", "value": "v1.1.0", "forceString": true})),
        },
        ValueChange {
            path: "spec.source.helm.parameters".to_owned(),
            before: None,
            after: Some(json!({"name": "image.name", "value": "registry.example.com/api"})),
        },
    ];
    plan_of(vec![resource("all", ResourceState::Active, vec![shop])])
}

#[test]
fn a_plan_is_aligned_and_shows_what_goes_and_comes() {
    let expected = "\
ImageUpdater argocd/all

  Application argocd/shop
    change   api     v1.0.0 -> v1.1.0  picked by semver, 1.x
    stays    worker  2.0               UpToDate: 2.0 is running
    problem  db      15                RegistryUnavailable: registry.example.com does not answer within 30 seconds

    spec.source.helm.parameters
    - { name: image.tag, value: v1.0.0 }
    + { name: image.tag, value: v1.1.0, forceString: true }
    + { name: image.name, value: registry.example.com/api }

1 of 3 images in 1 application of 1 resource would change; 1 problem needs a person. Nothing was written.
";
    assert_eq!(plan::text(&shop(), PIPE), expected);
}

#[test]
fn on_a_terminal_no_line_is_longer_than_it_is_wide() {
    let expected = "\
    problem  db      15                RegistryUnavailable:
                                       registry.example.com does
                                       not answer within 30
                                       seconds
";
    let text = plan::text(&shop(), terminal(65));
    assert!(text.contains(expected), "{text}");
    let wrapped = "
    - { name: image.tag, value: v1.0.0 }
    + { name: image.tag, value: v1.1.0, forceString:
      true }
";
    let narrow = plan::text(&shop(), terminal(56));
    assert!(narrow.contains(wrapped), "a diff is never cut: {narrow}");
    for width in [65, 80, 100] {
        let text = plan::text(&shop(), terminal(width));
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn text_is_wrapped_at_blanks_and_long_words_are_parted() {
    for (text, room, expected) in [
        ("", Some(5), vec![""]),
        ("one two three", None, vec!["one two three"]),
        ("one two three", Some(7), vec!["one two", "three"]),
        ("one two three", Some(3), vec!["one", "two", "thr", "ee"]),
        ("abcdefgh ij", Some(4), vec!["abcd", "efgh", "ij"]),
        ("a  b", Some(9), vec!["a b"]),
        ("ää öö", Some(2), vec!["ää", "öö"]),
    ] {
        assert_eq!(wrap(text, room), expected, "{text:?} in {room:?}");
    }
}

#[test]
fn only_where_it_is_wanted_text_is_coloured() {
    let coloured = plan::text(
        &shop(),
        Page {
            color: true,
            width: None,
        },
    );
    assert!(coloured.contains("\u{1b}[32mchange\u{1b}[0m"), "{coloured:?}");
    assert!(
        coloured.contains("\u{1b}[31m- { name: image.tag, value: v1.0.0 }\u{1b}[0m"),
        "{coloured:?}"
    );
    let mut plain = coloured;
    for ink in [Ink::Bold, Ink::Dim, Ink::Green, Ink::Red, Ink::Yellow] {
        plain = plain.replace(ink.code(), "");
    }
    assert_eq!(plain.replace("\u{1b}[0m", ""), plan::text(&shop(), PIPE));
}

#[test]
fn what_strangers_wrote_cannot_change_the_terminal() {
    let hostile = "x\u{1b}]0;title\u{7}\u{9b}31m\u{202e}\r\n\u{8}y";
    let mut application = application(
        hostile,
        vec![image(
            hostile,
            Outcome::Problem,
            Some(hostile),
            Some(hostile),
            (hostile, hostile),
        )],
    );
    application.refused = Some(Refusal {
        reason: hostile.to_owned(),
        message: hostile.to_owned(),
        needs_person: true,
    });
    application.images[0].tags = Some(vec![TagPlan {
        tag: hostile.to_owned(),
        fate: TagFate::Filtered,
        rank: None,
        message: hostile.to_owned(),
    }]);
    application.changes = vec![ValueChange {
        path: hostile.to_owned(),
        before: Some(json!({hostile: hostile})),
        after: Some(json!(hostile)),
    }];
    application.git = Some(GitPlan {
        repository: hostile.to_owned(),
        base_branch: Some(hostile.to_owned()),
        push_branch: Some(hostile.to_owned()),
        files: Vec::new(),
        more_files: None,
        file: hostile.to_owned(),
        values: vec![GitValue {
            path: hostile.to_owned(),
            name: Some(hostile.to_owned()),
            value: hostile.to_owned(),
        }],
    });
    let remark = FieldRemark {
        field: hostile.to_owned(),
        message: hostile.to_owned(),
    };
    let mut resource = resource(hostile, ResourceState::Stalled, vec![application]);
    resource.stalled = vec![remark.clone()];
    resource.warnings = vec![remark];
    let mut plan = plan_of(vec![resource]);
    plan.unreadable = vec![Unreadable {
        kind: hostile.to_owned(),
        namespace: hostile.to_owned(),
        name: hostile.to_owned(),
        message: hostile.to_owned(),
    }];
    for page in [PIPE, terminal(60)] {
        let text = plan::text(&plan, page);
        assert!(!text.contains(|c| is_hostile(c) && c != '\n'), "{text:?}");
        assert!(text.contains("\\u{1b}"), "it is shown, not hidden: {text}");
    }
}

#[test]
fn resources_without_decisions_say_why() {
    let mut stalled = resource("stalled", ResourceState::Stalled, Vec::new());
    stalled.stalled = vec![FieldRemark {
        field: "spec.applicationRefs".to_owned(),
        message: "there is none".to_owned(),
    }];
    let mut empty = resource("empty", ResourceState::Active, Vec::new());
    empty.warnings = vec![FieldRemark {
        field: "spec.namespace".to_owned(),
        message: "it is ignored".to_owned(),
    }];
    let text = plan::text(
        &plan_of(vec![
            stalled,
            empty,
            resource("held", ResourceState::Suspended, Vec::new()),
        ]),
        PIPE,
    );
    let expected = "\
ImageUpdater argocd/stalled
  stalled  spec.applicationRefs: there is none

ImageUpdater argocd/empty
  warning  spec.namespace: it is ignored
  no application is selected by its rules

ImageUpdater argocd/held
  suspended (spec.suspend is true): nothing is asked, decided or written
";
    assert!(text.starts_with(expected), "{text}");
    assert!(
        text.ends_with(
            "1 of 3 images in 1 application of 3 resources would change; nothing was decided for 1 suspended resource; \
             1 problem needs a person. Nothing was written.\n"
        ),
        "{text}"
    );
}

#[test]
fn a_plan_of_suspended_resources_only_counts_no_images() {
    let held = |name| resource(name, ResourceState::Suspended, Vec::new());
    for (names, expected) in [
        (
            &["a"][..],
            "Suspended: nothing was decided for 1 suspended resource. Nothing was written.\n",
        ),
        (
            &["a", "b"],
            "Suspended: nothing was decided for 2 suspended resources. Nothing was written.\n",
        ),
    ] {
        let mut plan = plan_of(names.iter().copied().map(held).collect());
        plan.summary = Summary {
            resources: names.len(),
            ..Summary::default()
        };
        let text = plan::text(&plan, PIPE);
        assert!(text.ends_with(expected) && !text.contains("0 of 0"), "{text}");
    }
}

#[test]
fn what_a_problem_holds_back_is_not_shown_as_a_step() {
    let loser = image(
        "api",
        Outcome::Problem,
        Some("v1.0.0"),
        Some("v2.0.0"),
        ("Conflict", "argocd/other wants v1.9.0 there"),
    );
    let plan = plan_of(vec![resource(
        "a",
        ResourceState::Active,
        vec![application("shop", vec![loser])],
    )]);
    let text = plan::text(&plan, PIPE);
    let line = "    problem  api  v1.0.0  Conflict: argocd/other wants v1.9.0 there\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn a_pinned_version_is_shown_with_its_tag_and_a_short_digest() {
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let pinned = image(
        "api",
        Outcome::Change,
        Some("v1.0.0"),
        Some(&format!("v1.1.0@{digest}")),
        ("", "picked by semver"),
    );
    let plan = plan_of(vec![resource(
        "a",
        ResourceState::Active,
        vec![application("shop", vec![pinned])],
    )]);
    let text = plan::text(&plan, PIPE);
    assert!(text.contains("v1.0.0 -> v1.1.0@sha256:0123456789ab…"), "{text}");
}

#[test]
fn every_tag_is_told_below_its_image() {
    let mut plan = shop();
    let tag = |tag: &str, fate, message: &str| TagPlan {
        tag: tag.to_owned(),
        fate,
        rank: None,
        message: message.to_owned(),
    };
    plan.resources[0].applications[0].images[0].tags = Some(vec![
        tag("v1.1.0", TagFate::Chosen, "chosen"),
        tag("latest", TagFate::OutOfScope, "not a version"),
    ]);
    let expected = "\
    change   api     v1.0.0 -> v1.1.0  picked by semver, 1.x
             v1.1.0  chosen
             latest  not a version
    stays ";
    let text = plan::text(&plan, PIPE);
    assert!(text.contains(expected), "{text}");
}

#[test]
fn changes_in_git_name_the_file_and_its_values() {
    let mut plan = shop();
    let application = &mut plan.resources[0].applications[0];
    application.changes.clear();
    application.git = Some(GitPlan {
        repository: "https://git.example.com/deploy.git".to_owned(),
        base_branch: None,
        push_branch: Some("update-{{.SHA256}}".to_owned()),
        files: Vec::new(),
        more_files: None,
        file: "apps/shop/.argocd-source-shop.yaml".to_owned(),
        values: vec![
            GitValue {
                path: "helm.parameters".to_owned(),
                name: Some("image.tag".to_owned()),
                value: "v1.1.0".to_owned(),
            },
            GitValue {
                path: "kustomize.images".to_owned(),
                name: Some("api".to_owned()),
                value: "api=registry.example.com/api:v1.1.0".to_owned(),
            },
        ],
    });
    let expected = "
    repository  https://git.example.com/deploy.git
    branch      update-{{.SHA256}} (from the default branch)
    file        apps/shop/.argocd-source-shop.yaml
    holds afterwards, unless it does already:
    + helm.parameters image.tag: v1.1.0
    + kustomize.images api=registry.example.com/api:v1.1.0
";
    let text = plan::text(&plan, PIPE);
    assert!(text.contains(expected), "{text}");
}

#[test]
fn of_a_digest_only_the_beginning_is_shown_in_a_column() {
    let digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for (given, expected) in [
        ("v1.0.0".to_owned(), "v1.0.0"),
        (format!("latest@sha256:{digest}"), "latest@sha256:0123456789ab…"),
        (format!("sha256:{digest}"), "sha256:0123456789ab…"),
    ] {
        assert_eq!(short_version(&given), expected);
    }
}
