use super::*;
use crate::core::keys::ObjectKey;

fn application(spec: &serde_json::Value, status: &serde_json::Value) -> Application {
    serde_json::from_value(serde_json::json!({
        "metadata": {"name": "shop", "namespace": "argocd"}, "spec": spec, "status": status,
    }))
    .unwrap()
}

fn single(source_type: &str) -> Application {
    application(
        &serde_json::json!({"source": {"repoURL": "https://git.test/r.git", "path": "apps/shop", "targetRevision": "main"}}),
        &serde_json::json!({"sourceType": source_type}),
    )
}

fn settings(json: serde_json::Value) -> WriteBackConfig {
    serde_json::from_value(json).unwrap()
}

fn git(application: &Application, config: &serde_json::Value) -> Result<GitDestination, InvalidWriteBack> {
    let settings = settings(serde_json::json!({"method": "git", "gitConfig": config}));
    resolve(&settings, application, "argocd").map(|destination| destination.git.unwrap())
}

#[test]
fn the_method_says_whether_git_and_with_which_credentials() {
    let secret = |namespace: &str, name: &str| Ok(Some(GitCredentialRef::Secret(ObjectKey::new(namespace, name))));
    let method_error = |text: &str| Err(InvalidWriteBack::Method(text.to_owned()));
    let credentials_error = |text: &str| Err(InvalidWriteBack::Credentials(text.to_owned()));
    for (text, expected) in [
        ("", Ok(None)),
        (" argocd ", Ok(None)),
        ("git", Ok(Some(GitCredentialRef::RepoCreds))),
        ("git:repocreds", Ok(Some(GitCredentialRef::RepoCreds))),
        ("git:secret:a", secret("team", "a")),
        ("git:secret:b/a", secret("b", "a")),
        ("Git", method_error("Git")),
        ("argocd:x", method_error("argocd:x")),
        ("git:", credentials_error("git:")),
        ("git:vault:x", credentials_error("git:vault:x")),
        ("git:secret:", credentials_error("git:secret:")),
        ("git:secret:/a", credentials_error("git:secret:/a")),
        ("git:secret:a/b/c", credentials_error("git:secret:a/b/c")),
    ] {
        let settings = settings(serde_json::json!({"method": text}));
        assert_eq!(method(&settings, "team"), expected, "{text:?}");
        assert_eq!(is_git(&settings), !matches!(expected, Ok(None)), "{text:?}");
    }
}

#[test]
fn a_branch_is_split_at_its_only_colon() {
    for (text, expected) in [
        ("dev", Some(("dev", None))),
        (" dev ", Some(("dev", None))),
        ("dev:", Some(("dev", None))),
        (":iu-{{.SHA256}}", Some(("main", Some("iu-{{.SHA256}}")))),
        ("dev:iu", Some(("dev", Some("iu")))),
        ("", Some(("main", None))),
        ("a:b:c", None),
    ] {
        let found = git(&single("Helm"), &serde_json::json!({"branch": text})).ok();
        let found = found.map(|git| (git.base, git.push));
        let expected = expected.map(|(base, push): (&str, Option<&str>)| (base.to_owned(), push.map(str::to_owned)));
        assert_eq!(found, expected, "{text:?}");
    }
}

#[test]
fn a_target_is_one_of_four_forms() {
    let outside = |path: &str| Err(InvalidWriteBack::OutsideRepository(path.to_owned()));
    let kustomization = |path: &str| Err(InvalidWriteBack::KustomizationFile(path.to_owned()));
    for (status, text, expected) in [
        (
            "Helm",
            "",
            Ok(TargetFile::Override("apps/shop/.argocd-source-shop.yaml".to_owned())),
        ),
        (
            "Kustomize",
            "kustomization",
            Ok(TargetFile::Kustomization("apps/shop".to_owned())),
        ),
        (
            "Kustomize",
            "kustomization:/",
            Ok(TargetFile::Kustomization(".".to_owned())),
        ),
        (
            "Kustomize",
            "kustomization:../base",
            Ok(TargetFile::Kustomization("apps/base".to_owned())),
        ),
        ("Kustomize", "kustomization:../../..", outside("../../..")),
        ("Kustomize", "kustomization.yml", kustomization("kustomization.yml")),
        ("Kustomize", "x/Kustomization", kustomization("x/Kustomization")),
        (
            "Helm",
            "helmvalues",
            Ok(TargetFile::HelmValues("apps/shop/values.yaml".to_owned())),
        ),
        (
            "Helm",
            "helmvalues:a.yml",
            Ok(TargetFile::HelmValues("apps/shop/a.yml".to_owned())),
        ),
        (
            "Helm",
            "helmvalues:/a.yml",
            Ok(TargetFile::HelmValues("a.yml".to_owned())),
        ),
        (
            "Helm",
            "helmvalues.yaml",
            Ok(TargetFile::HelmValues("helmvalues.yaml".to_owned())),
        ),
        ("Helm", "/x/./a.yaml", Ok(TargetFile::HelmValues("x/a.yaml".to_owned()))),
        ("Helm", "x/a.txt", Ok(TargetFile::Override("x/a.txt".to_owned()))),
        (
            "Helm",
            "x/.argocd-source-y.yaml",
            Ok(TargetFile::Override("x/.argocd-source-y.yaml".to_owned())),
        ),
        ("Kustomize", "x/a.yaml", Ok(TargetFile::Override("x/a.yaml".to_owned()))),
        ("Helm", "../a.yaml", outside("../a.yaml")),
    ] {
        let found = git(&single(status), &serde_json::json!({"writeBackTarget": text}));
        assert_eq!(found.map(|git| git.file), expected, "{status} {text:?}");
    }
}

#[test]
fn a_source_path_that_leaves_the_repository_is_refused() {
    let given = application(
        &serde_json::json!({"source": {"repoURL": "https://git.test/r.git", "path": "../x"}}),
        &serde_json::json!({"sourceType": "Helm"}),
    );
    assert!(matches!(
        git(&given, &serde_json::json!({})),
        Err(InvalidWriteBack::OutsideRepository(_))
    ));
}

#[test]
fn the_branch_is_taken_from_the_source_that_is_written_not_from_the_first() {
    let given = application(
        &serde_json::json!({"sources": [
            {"repoURL": "https://charts.test", "chart": "redis", "targetRevision": "20.1.0", "helm": {}},
            {"repoURL": "https://git.test/r.git", "path": "k", "targetRevision": "prod", "kustomize": {}},
        ]}),
        &serde_json::json!({"sourceTypes": ["Helm", "Kustomize"]}),
    );
    let found = git(&given, &serde_json::json!({"writeBackTarget": "kustomization"})).unwrap();
    assert_eq!(
        (found.repository.as_str(), found.base.as_str()),
        ("https://git.test/r.git", "prod")
    );
    assert_eq!(found.file, TargetFile::Kustomization("k".to_owned()));
}

#[test]
fn an_author_needs_name_and_mail() {
    for (given, expected) in [
        (serde_json::json!({"name": "a", "email": "a@x.test"}), true),
        (serde_json::json!({"name": "a"}), false),
        (serde_json::json!({"name": "a", "email": " "}), false),
    ] {
        let found = git(&single("Helm"), &serde_json::json!({"author": given})).unwrap();
        assert_eq!(found.author.is_some(), expected, "{given}");
    }
}

#[test]
fn an_application_without_repository_is_no_destination() {
    let given = application(
        &serde_json::json!({"source": {"path": "a"}}),
        &serde_json::json!({"sourceType": "Helm"}),
    );
    assert_eq!(git(&given, &serde_json::json!({})), Err(InvalidWriteBack::NoRepository));
    let given = application(&serde_json::json!({}), &serde_json::json!({}));
    assert_eq!(git(&given, &serde_json::json!({})), Err(InvalidWriteBack::NoSource));
    assert_eq!(
        resolve(&WriteBackConfig::default(), &given, "argocd"),
        Err(InvalidWriteBack::NoSource)
    );
}

#[test]
fn plain_manifests_are_a_path_a_glob_or_what_argo_cd_reads() {
    let outside = |path: &str| Err(InvalidWriteBack::OutsideRepository(path.to_owned()));
    for (text, expected) in [
        ("manifests", Ok("apps/shop/*.yaml")),
        (" manifests: ", Ok("apps/shop/*.yaml")),
        ("manifests:deploy.yaml", Ok("apps/shop/deploy.yaml")),
        ("manifests:**/*.yaml", Ok("apps/shop/**/*.yaml")),
        ("manifests:/base/*.yaml", Ok("base/*.yaml")),
        ("manifests:../base/a.yaml", Ok("apps/base/a.yaml")),
        ("manifests:../../../*.yaml", outside("../../../*.yaml")),
        ("manifests:.git/*", outside(".git/*")),
        ("manifests.yaml", Ok("manifests.yaml")),
    ] {
        for status in ["Directory", "Kustomize", "Plugin", "Helm", ""] {
            let config = serde_json::json!({"method": "git", "gitConfig": {"writeBackTarget": text}});
            let found = resolve(&settings(config), &single(status), "argocd");
            let found = found.map(|found| (found.kind(found.source_type), found.git.unwrap().file));
            match (&expected, found) {
                (Ok(path), Ok((kind, file))) => {
                    let is_manifests = matches!(file, TargetFile::Manifests(_));
                    assert_eq!((file.path(), is_manifests), (*path, text != "manifests.yaml"), "{text}");
                    if is_manifests {
                        assert_eq!(kind, Some(ApplicationKind::Manifests), "{status}");
                    }
                }
                (Err(expected), Err(found)) => assert_eq!(found, *expected, "{text}"),
                (expected, found) => panic!("{text}: {expected:?} {found:?}"),
            }
        }
    }
    let directory = settings(serde_json::json!({"gitConfig": {"writeBackTarget": "manifests"}}));
    let found = resolve(&directory, &single("Directory"), "argocd").unwrap();
    assert_eq!(
        found.kind(found.source_type),
        None,
        "method argocd has no place for them"
    );
}

#[test]
fn a_pattern_of_the_source_that_cannot_be_read_is_the_fault_of_the_application() {
    let given = application(
        &serde_json::json!({"source": {"repoURL": "https://git.test/r.git", "path": "a", "directory": {"include": "{a"}}}),
        &serde_json::json!({"sourceType": "Directory"}),
    );
    let error = git(&given, &serde_json::json!({"writeBackTarget": "manifests"})).unwrap_err();
    assert_eq!(error.field(), None);
    assert!(error.to_string().contains("manifests:<path or glob>"), "{error}");
    assert!(git(&given, &serde_json::json!({"writeBackTarget": "manifests:*.yaml"})).is_ok());
}
