#![expect(clippy::needless_pass_by_value, reason = "values are made where they are handed over")]

use serde_json::{Value, json};

use super::*;

const OWN: &str = "https://git.test/team/app.git";

fn application(spec: Value) -> Application {
    let metadata = json!({"name": "app", "namespace": "team-a"});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
}

fn project(repos: Value, namespaces: Value) -> AppProject {
    serde_json::from_value(json!({"spec": {"sourceRepos": repos, "sourceNamespaces": namespaces}})).unwrap()
}

fn request<'a>(application: &'a Application, repository: &'a str, base: &'a str, push: &'a str) -> WriteRequest<'a> {
    WriteRequest {
        application,
        repository,
        push,
        base,
        default_branch: Some("main"),
    }
}

#[test]
fn an_application_of_argo_cds_namespace_and_a_secret_of_ones_own_are_not_bound() {
    let secret = GitCredentialRef::Secret(crate::core::keys::ObjectKey::new("team-a", "s"));
    let given = application(json!({}));
    for (namespace, credentials, expected) in [
        ("argocd", &GitCredentialRef::RepoCreds, true),
        ("team-a", &GitCredentialRef::RepoCreds, false),
        ("argocd", &secret, false),
    ] {
        assert_eq!(
            is_bound(&given, namespace, credentials),
            expected,
            "{namespace} {credentials:?}"
        );
    }
}

#[test]
fn the_branches_that_own_sources_follow_need_no_project() {
    let source = |url: &str, revision: &str| json!({"repoURL": url, "path": "a", "targetRevision": revision});
    let one = |revision: &str| json!({"source": source(OWN, revision)});
    for (spec, repository, base, push, own) in [
        (one("main"), OWN, "main", "main", true),
        (one(" main "), "https://GIT.test/team/app", "main", "main", true),
        (one(""), OWN, "main", "main", true),
        (json!({"source": {"repoURL": OWN}}), OWN, "main", "main", true),
        (one("HEAD"), OWN, "main", "main", true),
        (one("refs/heads/prod"), OWN, "prod", "prod", true),
        (one("HEAD"), OWN, "dev", "dev", false),
        (one("prod"), OWN, "main", "main", false),
        (one("prod"), OWN, "prod", "iu-1", false),
        (one("prod"), OWN, "secret", "prod", false),
        (one("prod"), OWN, "prod", "", false),
        (one("main"), "https://git.test/team/other.git", "main", "main", false),
        (one("main"), "https://git.test/team/app/x", "main", "main", false),
        // What does not count in Argo CD does not count here.
        (
            json!({"source": source(OWN, "main"), "sources": [source("https://git.test/b", "main")]}),
            OWN,
            "main",
            "main",
            false,
        ),
        (
            json!({"source": source(OWN, "main"), "sources": []}),
            OWN,
            "main",
            "main",
            true,
        ),
        // A ref is a source of its own.
        (
            json!({"sources": [{"repoURL": "https://charts.test", "chart": "c", "targetRevision": "1.0.0"},
                               {"repoURL": OWN, "ref": "values", "targetRevision": "prod"}]}),
            OWN,
            "prod",
            "prod",
            true,
        ),
        (
            json!({"sources": [source(OWN, "a"), source(OWN, "b")]}),
            OWN,
            "a",
            "b",
            true,
        ),
        // Charts and artifacts have versions, not branches.
        (
            json!({"source": {"repoURL": OWN, "chart": "c", "targetRevision": "main"}}),
            OWN,
            "main",
            "main",
            false,
        ),
        (
            json!({"source": source("oci://git.test/app", "main")}),
            "oci://git.test/app",
            "main",
            "main",
            false,
        ),
        // Of a hydrator, the dry source.
        (
            json!({"sourceHydrator": {"drySource": source(OWN, "main"), "syncSource": {"targetBranch": "env/prod"}}}),
            OWN,
            "main",
            "main",
            true,
        ),
        (
            json!({"sourceHydrator": {"drySource": source(OWN, "main"), "syncSource": {"targetBranch": "env/prod"}}}),
            OWN,
            "env/prod",
            "env/prod",
            false,
        ),
        (
            json!({"source": source(OWN, "x"), "sourceHydrator": {"drySource": source(OWN, "main")}}),
            OWN,
            "x",
            "x",
            false,
        ),
        (json!({}), OWN, "main", "main", false),
    ] {
        let given = application(spec.clone());
        let request = request(&given, repository, base, push);
        assert_eq!(!request.needs_project(false), own, "{spec} {repository} {base} {push}");
        assert!(request.needs_project(true), "{spec}");
    }
}

#[test]
fn nobody_follows_a_default_branch_that_is_not_known() {
    let given = application(json!({"source": {"repoURL": OWN}}));
    let request = WriteRequest {
        default_branch: None,
        ..request(&given, OWN, "main", "main")
    };
    assert!(request.needs_project(false));
}

#[test]
fn a_project_allows_any_branch_of_its_repositories_to_those_who_belong_to_it() {
    let given = application(json!({"project": "web", "source": {"repoURL": OWN, "targetRevision": "main"}}));
    let other = "https://git.test/team/other.git";
    let refused = |refusal: &Refusal| match refusal {
        Refusal::NoProject { .. } => "no project",
        Refusal::NotOfProject { .. } => "not of it",
        Refusal::NotAllowed { .. } => "not allowed",
    };
    let of = |repos: &[&str], namespaces: &[&str]| project(json!(repos), json!(namespaces));
    for (answer, repository, expected) in [
        (of(&["https://git.test/team/*"], &["team-a"]), other, "yes"),
        (of(&["*"], &["team-*"]), other, "yes"),
        (
            of(&["*", "!https://git.test/team/other"], &["team-a"]),
            other,
            "not allowed",
        ),
        (of(&[], &["team-a"]), other, "not allowed"),
        (of(&["*"], &[]), other, "not of it"),
        (of(&["*"], &["team-b"]), other, "not of it"),
        // Where the credentials are those of one project, a source of one's own is not enough.
        (of(&[], &["team-a"]), OWN, "yes"),
        (of(&["*"], &[]), OWN, "not of it"),
        (AppProject::default(), other, "not of it"),
    ] {
        let found = request(&given, repository, "main", "main").check(ProjectAnswer::Read(&answer));
        assert_eq!(
            found.as_ref().map_or_else(refused, |()| "yes"),
            expected,
            "{answer:?} {repository}"
        );
    }
}

#[test]
fn a_project_that_cannot_be_read_allows_nothing_and_the_message_says_why_and_what_to_do() {
    let given = application(json!({"project": "web"}));
    let request = request(&given, OWN, "main", "iu");
    for (answer, words) in [
        (ProjectAnswer::Missing, "AppProject \"web\" does not exist"),
        (
            ProjectAnswer::Unreadable("not allowed to get it"),
            "not allowed to get it",
        ),
        (
            ProjectAnswer::Read(&project(json!(["*"]), json!([]))),
            "\"team-a\" in sourceNamespaces",
        ),
        (ProjectAnswer::Read(&project(json!([]), json!(["*"]))), "branch \"iu\""),
    ] {
        let text = request.check(answer).unwrap_err().to_string();
        for expected in [
            words,
            "its own sources follow",
            "git:secret:",
            "--allow-foreign-repositories",
        ] {
            assert!(text.contains(expected), "{text}");
        }
    }
}
