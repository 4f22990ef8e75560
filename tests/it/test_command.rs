//! The command `test`, as a user runs it: one image, its registry, and a cluster only where a Secret is needed.

use serde_json::json;

use crate::{
    support::registry::Registry,
    world::{Child, World},
};

/// A registry and nothing else.
async fn registry() -> World {
    World::given(
        "
registry:
  shop: { v1.0.0: '2020-01-01T00:00:00Z', v1.1.0: '2020-01-03T00:00:00Z', v1.0.7: '2020-01-02T00:00:00Z', main-ab-7: '2020-01-04T00:00:00Z', main-cd-12: '2020-01-05T00:00:00Z', latest: '2020-01-06T00:00:00Z' }
",
    )
    .await
}

#[tokio::test]
async fn the_answer_is_one_line_on_standard_output() {
    let world = registry().await;
    for (flags, expected) in [
        (&[][..], "v1.1.0"),
        (&["--semver-constraint=~1.0"], "v1.0.7"),
        (&["--semver-constraint", "~1.0"], "v1.0.7"),
        (
            &["--allow-tags=regexp:^main-", "--update-strategy=latest"],
            "main-cd-12",
        ),
        (
            &["--update-strategy=newest-build", "--ignore-tags=latest"],
            "main-cd-12",
        ),
        (&["--ignore-tags=v1.1.*", "--ignore-tags=x,v1.0.7"], "v1.0.7"),
        (&["--update-strategy=alphabetical", "--order=desc"], "latest"),
        (
            &["--update-strategy=numerical", "--extract=^main-[a-z]+-([0-9]+)$"],
            "main-cd-12",
        ),
        (
            &[
                "--update-strategy=numerical",
                "--extract=^main-[a-z]+-([0-9]+)$",
                "--order=desc",
            ],
            "main-ab-7",
        ),
        (
            &["--platforms=linux/arm64,linux/amd64", "--platforms=linux/s390x"],
            "v1.1.0",
        ),
        (&["--rate-limit=1000"], "v1.1.0"),
    ] {
        let run = world.test("REG/shop", flags, &[]).await;
        assert_eq!(run.code, Some(0), "{flags:?}: {}", run.log);
        assert_eq!(
            run.stdout,
            world.fill_in(&format!("REG/shop:{expected}\n")),
            "{flags:?}: {}",
            run.log
        );
        assert_eq!(run.stderr, "", "{flags:?}");
    }
}

#[tokio::test]
async fn a_digest_is_added_where_it_is_asked_for() {
    let world = registry().await;
    let digest = world.push("shop", "v1.1.0", "2020-01-03T00:00:00Z").await;
    for (flags, tag) in [
        (
            &["--update-strategy=digest", "--semver-constraint=v1.1.0"][..],
            "v1.1.0",
        ),
        (&["--pin-digest"], "v1.1.0"),
    ] {
        let run = world.test("REG/shop", flags, &[]).await;
        assert_eq!(run.code, Some(0), "{}", run.log);
        assert_eq!(
            run.stdout,
            world.fill_in(&format!("REG/shop:{tag}@{digest}\n")),
            "{flags:?}"
        );
    }
}

#[tokio::test]
async fn every_tag_is_explained() {
    let world = registry().await;
    let run = world
        .test(
            "REG/shop",
            &[
                "--semver-constraint=~1.0",
                "--ignore-tags=main-*",
                "--explain",
                "--color=always",
            ],
            &[],
        )
        .await;
    let expected = world.fill_in(
        "REG/shop:v1.0.7
  \u{1b}[32mv1.0.7\u{1b}[0m      \u{1b}[32mchosen\u{1b}[0m
  v1.0.0      number 2 in order
  \u{1b}[2mlatest\u{1b}[0m      \u{1b}[2mnot a version\u{1b}[0m
  \u{1b}[2mmain-ab-7\u{1b}[0m   \u{1b}[2mignored by main-*\u{1b}[0m
  \u{1b}[2mmain-cd-12\u{1b}[0m  \u{1b}[2mignored by main-*\u{1b}[0m
  \u{1b}[2mv1.1.0\u{1b}[0m      \u{1b}[2moutside of the constraint ~1.0\u{1b}[0m
",
    );
    assert_eq!(run.stdout, expected, "{}", run.stderr);
}

#[tokio::test]
async fn nothing_to_pick_is_no_failure_and_prints_no_tag() {
    let world = registry().await;
    for (flags, reason) in [
        (&["--semver-constraint=>=3"][..], "NoTagMatches"),
        (&["--minimum-age=1000000h"], "TooYoung"),
        (&["--current=v1.2.0"], "WouldDowngrade"),
    ] {
        let run = world.test("REG/shop", flags, &[]).await;
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""), "{flags:?}: {}", run.log);
        assert!(run.stderr.contains(reason), "{flags:?}: {}", run.stderr);
    }
}

#[tokio::test]
async fn every_failure_ends_with_status_1_and_names_the_flag() {
    let world = registry().await;
    for (image, flags, words) in [
        ("REG/none", &[][..], "RepositoryNotFound"),
        ("REG/shop", &["--semver-constraint=>>1"], "--semver-constraint"),
        ("REG/shop", &["--update-strategy=digest"], "InvalidConstraint"),
        ("REG/shop", &["--allow-tags=^v"], "--allow-tags: \"^v\" is neither"),
        ("REG/shop", &["--ignore-tags=["], "--ignore-tags: \"[\" is not"),
        (
            "REG/shop",
            &["--update-strategy=semvre"],
            "--update-strategy: \"semvre\" is no strategy; use one of semver, newest-build, alphabetical, numerical, digest",
        ),
        ("REG/*", &[], "* works in resources only"),
        ("REG/shop", &["--extract=("], "--extract"),
        ("REG/shop", &["--order=up"], "--order"),
        ("REG/shop", &["--platforms=linux"], "--platforms"),
        ("REG/shop", &["--minimum-age=3"], "--minimum-age"),
        ("REG/shop", &["--credentials=secret"], "--credentials"),
        ("REG/shop", &["--credentials=env:NOT_SET"], "NOT_SET"),
        ("REG/shop", &["--rate-limit=0"], "--rate-limit"),
        (
            "REG/shop",
            &["--registries-conf-path=/does/not/exist"],
            "/does/not/exist",
        ),
        ("https://REG/shop", &[], "is not an image reference"),
    ] {
        let run = world.test(image, flags, &[]).await;
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (Some(1), ""),
            "{image} {flags:?}: {}",
            run.log
        );
        assert!(
            run.stderr.contains(&world.fill_in(words)),
            "{image} {flags:?}: {}",
            run.stderr
        );
    }
}

#[tokio::test]
async fn a_tag_behind_the_image_is_no_constraint_and_that_is_said() {
    let world = registry().await;
    let run = world.test("REG/shop:v1.0.0", &[], &[]).await;
    assert_eq!(run.stdout, world.fill_in("REG/shop:v1.1.0\n"));
    assert!(run.stderr.contains("--semver-constraint"), "{}", run.stderr);
    let run = world.test("REG/shop:v1.0.0", &["--loglevel=error"], &[]).await;
    assert_eq!(run.stderr, "");
}

#[tokio::test]
async fn without_exactly_one_image_the_help_is_printed() {
    for line in [&["test"][..], &["test", "--update-strategy=digest"]] {
        let line: Vec<String> = line.iter().map(|text| (*text).to_owned()).collect();
        let run = Child::start(&line).finish().await;
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{}", run.log);
        assert!(
            run.stderr.contains("Usage:") && run.stderr.contains("Examples:"),
            "{}",
            run.stderr
        );
    }
    let two = ["test", "a", "b"].map(str::to_owned);
    let run = Child::start(&two).finish().await;
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("Usage:"), "{}", run.stderr);
}

#[tokio::test]
async fn a_cluster_is_only_needed_for_a_secret() {
    let world = registry().await;
    let login = "someone:registrypassword-93ab";
    let run = world
        .test("REG/shop", &["--credentials=env:LOGIN"], &[("LOGIN", login)])
        .await;
    assert_eq!(run.code, Some(0), "no cluster is there: {}", run.log);

    let secret = "--credentials=secret:NS/login#field";
    let run = world.test("REG/shop", &[secret], &[]).await;
    assert_eq!(run.code, Some(1), "{}", run.log);
    assert!(run.stderr.contains("Secret"), "{}", run.stderr);

    let kubeconfig = format!("--kubeconfig={}", world.kubeconfig());
    let missing = world.test("REG/shop", &[secret, &kubeconfig], &[]).await;
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("does not exist"), "{}", missing.stderr);
    world
        .create(json!({ "kind": "Secret", "metadata": { "name": "login" }, "stringData": { "field": login } }))
        .await;
    let run = world.test("REG/shop", &[secret, &kubeconfig], &[]).await;
    assert_eq!(
        (run.code, run.stdout),
        (Some(0), world.fill_in("REG/shop:v1.1.0\n")),
        "{}",
        run.stderr
    );
}

#[tokio::test]
async fn a_mistake_in_a_pattern_is_told_once() {
    let world = registry().await;
    let run = world.test("REG/shop", &["--allow-tags=regexp:(["], &[]).await;
    assert_eq!(run.code, Some(1), "{}", run.log);
    assert_eq!(
        run.stderr.matches("is not a regular expression").count(),
        1,
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("ignore"), "{}", run.stderr);
}

#[tokio::test]
async fn as_many_young_tags_are_read_as_it_takes_to_find_one_that_is_old_enough() {
    let registry = Registry::start().await;
    let now = jiff::Timestamp::now().to_string();
    registry.push("shop", "1.0.0", "2020-01-01T00:00:00Z");
    for patch in 1..=40 {
        registry.push("shop", &format!("1.0.{patch}"), &now);
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let conf = folder.path().join("registries.conf");
    let entry = format!(
        "registries: [{{ name: r, prefix: registry.example.com, api_url: {}, limit: 1000 }}]",
        registry.url()
    );
    std::fs::write(&conf, entry).expect("a writable folder");
    let line = [
        "test".to_owned(),
        "registry.example.com/shop".to_owned(),
        "--minimum-age=72h".to_owned(),
        format!("--registries-conf-path={}", conf.display()),
    ];
    let run = Child::start(&line).finish().await;
    assert_eq!(run.stdout, "registry.example.com/shop:1.0.0\n", "{}", run.log);
}

#[tokio::test]
async fn the_help_of_the_help_is_the_help() {
    for line in [&["help", "--help"][..], &["help", "-h"], &["help"], &["--help"]] {
        let line: Vec<String> = line.iter().map(|text| (*text).to_owned()).collect();
        let run = Child::start(&line).finish().await;
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{line:?}: {}", run.log);
        assert!(
            run.stdout.contains("Usage:") && run.stdout.contains("Examples:"),
            "{}",
            run.stdout
        );
    }
}
