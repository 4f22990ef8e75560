//! Where changes go in git, from whole resources and applications.

#![expect(clippy::needless_pass_by_value, reason = "values are made where they are handed over")]

use serde_json::{Value, json};

use super::*;
use crate::core::verdict::Reason;

/// The only application, `team/shop` with this spec and status, under one rule of these fields.
fn tracked(rule: &Value, spec: &Value, application: Value) -> Result<TrackedApplication, Verdict> {
    let mut application = application;
    application["metadata"] = json!({"namespace": "team", "name": "shop"});
    let mut spec = spec.clone();
    spec["applicationRefs"] = json!([{"namePattern": "shop"}]);
    for (field, value) in rule.as_object().into_iter().flatten() {
        spec["applicationRefs"][0][field] = value.clone();
    }
    let updater = json!({
        "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1",
        "kind": "ImageUpdater",
        "metadata": {"namespace": "team", "name": "u"},
        "spec": spec,
    });
    let context = ResolveContext {
        argocd_namespace: "argocd".to_owned(),
        runtime_platform: Platform::new("linux", "arm64"),
        allow_env_ext_credentials: true,
    };
    let updater = serde_json::from_value(updater).unwrap();
    let application = Arc::new(serde_json::from_value(application).unwrap());
    let mut resolved = resolve(&updater, &[application], &context).unwrap();
    resolved.applications.pop().unwrap().tracked
}

/// An application with one source.
fn source() -> Value {
    json!({
        "spec": {"source": {"repoURL": "https://git.test/r.git", "path": "p", "targetRevision": "HEAD"}},
        "status": {"sourceType": "Helm"},
    })
}

/// An application with several sources, and what Argo CD says of them.
fn sources(sources: Value, types: Value) -> Value {
    json!({"spec": {"sources": sources}, "status": {"sourceTypes": types}})
}

/// The target of an application that follows `registry.test/app` with these git settings.
fn target(config: &Value, application: Value) -> Result<GitTarget, Verdict> {
    let images = json!({"images": [{"imageName": "registry.test/app:1.x"}]});
    let spec = json!({"writeBackConfig": {"method": "git", "gitConfig": config}});
    let found = tracked(&images, &spec, application)?;
    match found.target {
        WriteTarget::Git(git) => Ok(*git),
        WriteTarget::Application => panic!("not git"),
    }
}

/// Repository, base and path of a target, or why there is none.
fn place(config: &Value, application: Value) -> String {
    match target(config, application) {
        Ok(git) => {
            let base = git.base.as_deref().unwrap_or("HEAD");
            format!(
                "{} {base} {}",
                git.repository.trim_start_matches("https://git.test/"),
                git.file.path()
            )
        }
        Err(verdict) => format!("{:?}", verdict.reason),
    }
}

#[test]
fn write_back_settings_that_cannot_be_used_refuse_the_application_and_name_the_layer() {
    let rule = |block: Value| json!({"images": [{"imageName": "a"}], "writeBackConfig": block});
    for (block, reason, field) in [
        (
            json!({"method": "Git"}),
            Reason::InvalidSetting,
            "spec.applicationRefs[0].writeBackConfig.method",
        ),
        (
            json!({"method": "git:secret:other/x"}),
            Reason::CredentialsUnavailable,
            "spec.applicationRefs[0].writeBackConfig.method",
        ),
        (
            json!({"gitConfig": {"branch": "a:b:c"}}),
            Reason::InvalidSetting,
            "spec.applicationRefs[0].writeBackConfig.gitConfig.branch",
        ),
        (
            json!({"gitConfig": {"branch": "main:iu-{{ .SHA256"}}),
            Reason::InvalidSetting,
            "spec.applicationRefs[0].writeBackConfig.gitConfig.branch: the part from the colon on: the template is not \
             valid: line 1",
        ),
        (
            json!({"gitConfig": {"message": "{{ .AppName }}\n{{ if }}"}}),
            Reason::InvalidSetting,
            "spec.applicationRefs[0].writeBackConfig.gitConfig.message: the template is not valid: line 2",
        ),
        (
            json!({"gitConfig": {"commitGrouping": "all"}}),
            Reason::InvalidSetting,
            "spec.applicationRefs[0].writeBackConfig.gitConfig.commitGrouping: \"all\"",
        ),
        (
            json!({"gitConfig": {"writeBackTarget": "helmvalues:$values/x.yaml"}}),
            Reason::InvalidSetting,
            "spec.applicationRefs[0].writeBackConfig.gitConfig.writeBackTarget: no source of the application has the ref \
             \"values\"",
        ),
        (
            json!({"gitConfig": {"respectSyncWindows": true}}),
            Reason::UnsupportedSetting,
            "spec.applicationRefs[0].writeBackConfig.gitConfig.respectSyncWindows",
        ),
        (
            json!({}),
            Reason::UnsupportedSetting,
            "spec.writeBackConfig.gitConfig.pullRequest",
        ),
        (
            json!({"gitConfig": {"repository": "https://git.test/a/../b"}}),
            Reason::TargetUnusable,
            "must not have . or ..",
        ),
        (
            json!({"gitConfig": {"repository": "OCI://registry.test/a"}}),
            Reason::TargetUnusable,
            "spec.applicationRefs[0].writeBackConfig.gitConfig.repository",
        ),
    ] {
        let mut spec = json!({"writeBackConfig": {"method": "git"}});
        if field.contains("pullRequest") {
            spec["writeBackConfig"]["gitConfig"] = json!({"pullRequest": {"github": {}}});
        }
        let verdict = tracked(&rule(block.clone()), &spec, source()).unwrap_err();
        assert_eq!(verdict.reason, reason, "{block}");
        assert!(verdict.message.contains(field), "{verdict}");
    }
}

#[test]
fn what_is_said_about_commits_is_known_to_the_target() {
    let said = |config: Value| target(&config, source()).unwrap();
    for config in [
        json!({}),
        json!({"message": " \n", "commitGrouping": "", "refreshApplication": true}),
    ] {
        let git = said(config);
        assert_eq!(
            (git.message, git.grouping, git.refresh),
            (None, CommitGrouping::Application, true)
        );
    }
    let git = said(json!({
        "message": "deploy {{ .AppName }}", "commitGrouping": " Target ", "refreshApplication": false,
        "branch": "main:iu/{{ .AppName }}",
    }));
    assert_eq!(git.message.as_deref(), Some("deploy {{ .AppName }}"));
    assert_eq!((git.grouping, git.refresh), (CommitGrouping::Target, false));
    assert_eq!(
        (git.base.as_deref(), git.push.as_deref()),
        (Some("main"), Some("iu/{{ .AppName }}"))
    );
}

#[test]
fn a_registry_is_no_git_repository() {
    let chart = json!({"repoURL": "https://charts.test", "chart": "c", "targetRevision": "1.0.0"});
    let artifact = json!({"repoURL": "oci://registry.test/app", "path": ".", "targetRevision": "1.0.0"});
    let elsewhere = json!({"repository": "https://git.test/deploy"});
    for (source, config, refused) in [
        (&chart, json!({}), true),
        (&chart, json!({"writeBackTarget": "helmvalues"}), true),
        (&chart, elsewhere.clone(), false),
        (&artifact, json!({}), true),
        (&artifact, elsewhere, false),
    ] {
        let application = json!({"spec": {"source": source}, "status": {"sourceType": "Helm"}});
        let found = target(&config, application);
        assert_eq!(found.is_err(), refused, "{source} {config}");
        if let Err(verdict) = found {
            assert_eq!(verdict.reason, Reason::TargetUnusable);
            assert!(verdict.message.contains("helmvalues:$<ref>/<path>"), "{verdict}");
        }
    }
}

#[test]
fn of_two_kustomizations_the_one_that_has_the_image_is_written() {
    // https://github.com/argoproj-labs/argocd-image-updater/issues/1147
    let two = |first: Value, second: Value| {
        let kustomization = |name: &str, images: Value| json!({"repoURL": format!("https://git.test/{name}"), "path": name, "targetRevision": name, "kustomize": {"images": images}});
        sources(
            json!([kustomization("a", first), kustomization("b", second)]),
            json!(["Kustomize", "Kustomize"]),
        )
    };
    for (first, second, expected) in [
        (json!(["other:1"]), json!(["registry.test/app:v1"]), "b b b"),
        (
            json!(["registry.test/app:v1"]),
            json!(["registry.test/app:v1"]),
            "a a a",
        ),
        (json!([]), json!([]), "a a a"),
    ] {
        let found = place(
            &json!({"writeBackTarget": "kustomization"}),
            two(first.clone(), second.clone()),
        );
        assert_eq!(found, expected, "{first} {second}");
    }
}

#[test]
fn of_two_charts_in_git_the_one_whose_parameters_name_the_image_is_written() {
    let chart = |name: &str, image: &str| {
        let parameters = json!([{"name": "image.name", "value": image}, {"name": "image.tag", "value": "v1"}]);
        json!({"repoURL": format!("https://git.test/{name}"), "path": name, "helm": {"parameters": parameters}})
    };
    let given = sources(
        json!([chart("a", "other"), chart("b", "registry.test/app")]),
        json!(["Helm", "Helm"]),
    );
    assert_eq!(
        place(&json!({"writeBackTarget": "helmvalues"}), given),
        "b HEAD b/values.yaml"
    );
}

#[test]
fn a_kustomization_beside_a_chart_is_never_looked_for_in_the_registry_of_the_chart() {
    // https://github.com/argoproj-labs/argocd-image-updater/issues/1096
    let chart = json!({"repoURL": "https://charts.test", "chart": "c", "targetRevision": "1.0.0", "helm": {}});
    let folder = json!({"repoURL": "https://git.test/deploy", "path": "k", "targetRevision": "prod"});
    let values = json!({"repoURL": "https://git.test/deploy", "targetRevision": "values", "ref": "values"});
    let config = json!({"writeBackTarget": "kustomization"});
    for (given, types, expected) in [
        (json!([chart, folder]), json!(["Helm", "Kustomize"]), "deploy prod k"),
        (
            json!([chart, folder, values]),
            json!(["Helm", "Kustomize", "Directory"]),
            "deploy prod k",
        ),
        // Argo CD has not said anything yet.
        (json!([chart, folder]), json!([]), "deploy prod k"),
        (json!([values, chart, folder]), json!([]), "deploy prod k"),
        (json!([chart, folder, folder]), json!([]), "TargetUnusable"),
        (json!([chart, values]), json!([]), "TargetUnusable"),
        (json!([chart]), json!(["Helm"]), "TargetUnusable"),
    ] {
        assert_eq!(
            place(&config, sources(given.clone(), types.clone())),
            expected,
            "{given} {types}"
        );
    }
}

#[test]
fn the_branch_is_that_of_the_source_that_is_written() {
    // https://github.com/argoproj-labs/argocd-image-updater/issues/932
    let primary = json!({"repoURL": "https://git.test/a", "path": "a", "targetRevision": "main", "helm": {}});
    let second = json!({"repoURL": "https://git.test/b", "path": "b", "targetRevision": "prod", "kustomize": {}});
    let same = json!({"repoURL": "https://git.test/a", "path": "b", "targetRevision": "prod", "kustomize": {}});
    let target = json!({"writeBackTarget": "kustomization"});
    for (second, config, expected) in [
        (&second, target.clone(), "b prod b"),
        (&same, target.clone(), "a prod b"),
        (
            &second,
            json!({"writeBackTarget": "kustomization", "repository": "https://git.test/a"}),
            "a main b",
        ),
        (
            &second,
            json!({"writeBackTarget": "kustomization", "branch": "dev"}),
            "b dev b",
        ),
        (
            &second,
            json!({"writeBackTarget": "kustomization", "branch": "HEAD"}),
            "b HEAD b",
        ),
        (
            &second,
            json!({"writeBackTarget": "kustomization", "branch": ":iu"}),
            "b prod b",
        ),
    ] {
        let given = sources(json!([primary, second]), json!(["Helm", "Kustomize"]));
        assert_eq!(place(&config, given), expected, "{second} {config}");
    }
}

#[test]
fn a_hydrated_application_is_written_in_its_dry_source() {
    // https://github.com/argoproj-labs/argocd-image-updater/issues/1809
    let given = json!({
        "spec": {
            "sources": [{"repoURL": "https://git.test/other", "path": "x", "helm": {}}],
            "sourceHydrator": {"drySource": {"repoURL": "https://git.test/dry", "path": "d", "targetRevision": "main"}},
        },
        "status": {"sourceType": "Kustomize"},
    });
    for (config, expected) in [
        (json!({}), "dry main d/.argocd-source-team_shop.yaml"),
        (json!({"writeBackTarget": "kustomization:base"}), "dry main d/base"),
        (json!({"writeBackTarget": "helmvalues"}), "dry main d/values.yaml"),
        (json!({"writeBackTarget": "helmvalues:$x/y.yaml"}), "InvalidSetting"),
    ] {
        assert_eq!(place(&config, given.clone()), expected, "{config}");
    }
}

#[test]
fn values_of_a_chart_lie_where_its_reference_says() {
    let chart = |files: &[&str], path: Value| json!({"repoURL": "https://charts.test", "chart": "c", "path": path, "targetRevision": "1.0.0", "helm": {"valueFiles": files}});
    let values = json!({"repoURL": "https://git.test/values", "targetRevision": "prod", "ref": "values"});
    let with_path =
        json!({"repoURL": "https://git.test/more", "path": "deep", "targetRevision": "main", "ref": "more"});
    let plain = json!({"writeBackTarget": "helmvalues"});
    for (files, config, expected) in [
        (
            &["$values/app/prod.yaml"][..],
            plain.clone(),
            "values prod app/prod.yaml",
        ),
        (
            &["values.yaml", "$values/./app//prod.yaml"],
            plain.clone(),
            "values prod app/prod.yaml",
        ),
        (&["$more/prod.yaml"], plain.clone(), "more main prod.yaml"),
        (
            &["$values/prod.yaml", "$unknown/x.yaml"],
            plain.clone(),
            "values prod prod.yaml",
        ),
        (
            &["$values/prod.yaml"],
            json!({"writeBackTarget": "helmvalues", "branch": "dev"}),
            "values dev prod.yaml",
        ),
        // Not one, or not known.
        (&["$values/a.yaml", "$values/b.yaml"], plain.clone(), "TargetUnusable"),
        (&["$values/a.yaml", "$more/b.yaml"], plain.clone(), "TargetUnusable"),
        (&["$unknown/x.yaml"], plain.clone(), "TargetUnusable"),
        (&["values.yaml"], plain.clone(), "TargetUnusable"),
        (&["$values"], plain.clone(), "TargetUnusable"),
        (&["$values/$ARGOCD_APP_NAME.yaml"], plain.clone(), "TargetUnusable"),
        (&["$values/*.yaml"], plain.clone(), "TargetUnusable"),
        (&["$values/../x.yaml"], plain, "InvalidSetting"),
        // Another form, or a repository of one's own: as ever.
        (
            &["$values/prod.yaml"],
            json!({"writeBackTarget": "helmvalues:values.yaml"}),
            "TargetUnusable",
        ),
        (
            &["$values/prod.yaml"],
            json!({"writeBackTarget": "helmvalues", "repository": "https://git.test/x", "branch": "b"}),
            "x b values.yaml",
        ),
        // Named.
        (
            &["$values/a.yaml", "$values/b.yaml"],
            json!({"writeBackTarget": "helmvalues:$values/b.yaml"}),
            "values prod b.yaml",
        ),
        (
            &[],
            json!({"writeBackTarget": "helmvalues:$more/x.yaml"}),
            "more main x.yaml",
        ),
        (
            &[],
            json!({"writeBackTarget": "helmvalues:$values/x.yaml", "repository": "https://git.test/y"}),
            "y prod x.yaml",
        ),
        (
            &[],
            json!({"writeBackTarget": "helmvalues:$other/x.yaml"}),
            "InvalidSetting",
        ),
        (&[], json!({"writeBackTarget": "helmvalues:$/x.yaml"}), "InvalidSetting"),
        (
            &[],
            json!({"writeBackTarget": "helmvalues:$values/../x.yaml"}),
            "InvalidSetting",
        ),
    ] {
        let given = sources(
            json!([chart(files, Value::Null), values, with_path]),
            json!(["Helm", "Directory", "Directory"]),
        );
        assert_eq!(place(&config, given), expected, "{files:?} {config}");
    }
    // A chart in git has values of its own.
    let in_git = json!({"repoURL": "https://git.test/chart", "path": "c", "targetRevision": "main", "helm": {"valueFiles": ["$values/x.yaml"]}});
    let given = sources(json!([in_git, values]), json!(["Helm", "Directory"]));
    assert_eq!(
        place(&json!({"writeBackTarget": "helmvalues"}), given),
        "chart main c/values.yaml"
    );
}
