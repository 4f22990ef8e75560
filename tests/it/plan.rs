//! The command `plan`, as a user runs it: what it prints, how it ends, and that it writes nothing.

use std::fs;

use argocd_image_updater::core::report::plan_view::Plan;
use serde_json::{Value, json};

use crate::{
    support::registry::Registry,
    world::{Child, World},
};

/// Two applications, one of which is to be changed.
const SHOPS: &str = "
registry:
  shop: [v1.0.0, v1.0.1, v1.1.0, v2.0.0, latest]
  web: ['1.0']
---
kind: Application
metadata: { name: shop }
spec:
  project: default
  destination: {}
  source:
    repoURL: https://charts.example.com
    chart: shop
    targetRevision: 1.0.0
    helm: { parameters: [{ name: image.tag, value: v1.0.0 }] }
status:
  sourceType: Helm
  summary: { images: ['REG/shop:v1.0.0'] }
---
kind: Application
metadata: { name: web }
spec:
  project: default
  destination: {}
  source: { repoURL: 'https://git.example.com/a.git', path: web }
status:
  sourceType: Kustomize
  summary: { images: ['REG/web:1.0'] }
---
kind: ImageUpdater
metadata: { name: shops }
spec:
  applicationRefs:
    - namePattern: shop
      images: [{ alias: shop, imageName: 'REG/shop:1.x' }]
---
kind: ImageUpdater
metadata: { name: webs }
spec:
  applicationRefs:
    - namePattern: web
      images: [{ alias: web, imageName: REG/web }, { alias: gone, imageName: REG/gone }]
";

/// A cluster where something is to be done.
async fn shops() -> World {
    World::given(SHOPS).await
}

#[tokio::test]
async fn a_plan_shows_what_changes_and_why_the_rest_stays() {
    let world = shops().await;

    let plan = world.plan(&[]).await;

    let name = world.fill_in("REG/shop");
    let expected = world.fill_in(&format!(
        "\
ImageUpdater NS/shops

  Application NS/shop
    change   shop  v1.0.0 -> v1.1.0  picked by semver, 1.x

    spec.source.helm.parameters
    - {{ name: image.tag, value: v1.0.0 }}
    + {{ name: image.tag, value: v1.1.0, forceString: true }}
    + {{ name: image.name, value: {name}, forceString: true }}

ImageUpdater NS/webs

  Application NS/web
    stays    web   1.0               UpToDate: 1.0 is running
    stays    gone  -                 NotLive: REG/gone is not among the application's running images

1 of 3 images in 2 applications of 2 resources would change. Nothing was written.
"
    ));
    assert_eq!(plan.stdout, expected, "{}", plan.stderr);
    assert_eq!((plan.code, plan.stderr.as_str()), (Some(2), ""));
}

#[tokio::test]
async fn a_plan_writes_nothing() {
    let world = shops().await;
    let objects = async || {
        let mut all = Vec::new();
        for (kind, name) in [
            ("Application", "shop"),
            ("Application", "web"),
            ("ImageUpdater", "shops"),
            ("ImageUpdater", "webs"),
        ] {
            all.push(world.object(kind, name).await);
        }
        all
    };
    let before = objects().await;
    assert!(before[0]["metadata"]["resourceVersion"].is_string());

    assert_eq!(world.plan(&["--explain"]).await.code, Some(2));

    assert_eq!(objects().await, before, "neither spec nor status nor resourceVersion");
    assert_eq!(world.events("ImagesUpdated").await.len(), 0);
}

#[tokio::test]
async fn what_a_plan_says_is_what_a_cycle_does() {
    let world = shops().await;
    let plan = json_of(&world.plan(&["-o", "json"]).await.stdout);
    let promised = plan["resources"][0]["applications"][0]["changes"].clone();

    world.cycle().await;

    let written = world.application("shop").await["spec"]["source"]["helm"]["parameters"].clone();
    let promised: Vec<Value> = promised
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| c["after"].clone())
        .collect();
    assert_eq!(written, json!(promised));
    let again = world.plan(&[]).await;
    assert_eq!(again.code, Some(0), "{}", again.log);
    assert!(
        again
            .stdout
            .contains("UpToDate: v1.1.0 is already written, but does not run yet"),
        "{}",
        again.stdout
    );
}

#[tokio::test]
async fn json_and_yaml_say_the_same_as_the_schema_describes() {
    let world = shops().await;
    let plan = world.plan(&["--output=json", "--explain"]).await;
    assert_eq!(plan.code, Some(2), "{}", plan.log);
    let document = json_of(&plan.stdout);
    let schema = Plan::schema();
    assert_eq!(faults(&schema, &schema, &document, "plan"), [""; 0]);
    assert_eq!(document["schemaVersion"], "v1");
    assert_eq!(
        document["summary"],
        json!({ "resources": 2, "applications": 2, "images": 3, "changes": 1, "problems": 0 })
    );
    let image = &document["resources"][0]["applications"][0]["images"][0];
    assert_eq!(
        (&image["current"], &image["chosen"], &image["outcome"]),
        (&json!("v1.0.0"), &json!("v1.1.0"), &json!("Change"))
    );
    let fates: Vec<_> = image["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|tag| format!("{} {} {}", tag["tag"], tag["fate"], tag["rank"]))
        .collect();
    assert_eq!(
        fates,
        [
            r#""v1.1.0" "Chosen" 1"#,
            r#""v1.0.1" "Ranked" 2"#,
            r#""v1.0.0" "Ranked" 3"#,
            r#""latest" "OutOfScope" null"#,
            r#""v2.0.0" "OutOfScope" null"#,
        ]
    );

    let yaml = world.plan(&["-o", "yaml", "--explain"]).await;
    let yaml: Value = yaml_serde::from_str(&yaml.stdout).expect("YAML");
    assert_eq!(yaml, document);
}

#[tokio::test]
async fn the_check_of_documents_finds_what_the_schema_forbids() {
    let schema = Plan::schema();
    let wrong = json!({
        "schemaVersion": "v2", "summary": { "resources": "1" }, "resources": [{ "namespace": 1 }],
        "unreadable": [],
    });
    let found = faults(&schema, &schema, &wrong, "plan").join("\n");
    for fault in [
        "plan.schemaVersion",
        "plan.summary.resources",
        "plan.resources[0].namespace",
        "applications",
    ] {
        assert!(found.contains(fault), "{fault}: {found}");
    }
}

#[tokio::test]
async fn one_resource_is_shown_alone() {
    let world = shops().await;
    let webs = world.fill_in("--resource=NS/webs");
    let plan = world.plan(&[&webs]).await;
    assert_eq!(plan.code, Some(0), "its own exit code: {}", plan.log);
    assert!(
        plan.stdout.contains("/webs") && !plan.stdout.contains("/shops"),
        "{}",
        plan.stdout
    );

    let missing = world.plan(&[&world.fill_in("--resource=NS/none")]).await;
    assert_eq!((missing.code, missing.stdout.as_str()), (Some(1), ""));
    assert!(
        missing.stderr.contains("there is no ImageUpdater"),
        "{}",
        missing.stderr
    );
    for resource in ["--resource=x", "--resource=a/b/c", "--resource=/x"] {
        let refused = world.plan(&[resource]).await;
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.contains("namespace/name"), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn a_problem_wins_over_a_change_and_nothing_is_silent() {
    let world = World::given(&format!(
        "{SHOPS}---
kind: ImageUpdater
metadata: {{ name: broken }}
spec:
  applicationRefs:
    - namePattern: web
      images: [{{ alias: web, imageName: 'REG/web:>>1' }}]
---
kind: ImageUpdater
metadata: {{ name: held }}
spec:
  suspend: true
  applicationRefs: [{{ namePattern: web, images: [{{ alias: web, imageName: REG/web }}] }}]
---
kind: ImageUpdater
metadata: {{ name: idle }}
spec:
  applicationRefs: [{{ namePattern: nothing, images: [{{ alias: web, imageName: REG/web }}] }}]
---
kind: ImageUpdater
metadata: {{ name: stalled }}
spec:
  interval: soon
  applicationRefs: [{{ namePattern: web, images: [{{ alias: web, imageName: REG/web }}] }}]
"
    ))
    .await;

    let plan = world.plan(&["--color=always"]).await;

    assert_eq!(plan.code, Some(1), "{}", plan.log);
    for text in [
        "\u{1b}[31mproblem\u{1b}[0m",
        "InvalidConstraint",
        "suspended (spec.suspend is true)",
        "nothing was decided for 1 suspended resource",
        "in 2 applications of 6 resources",
        "no application is selected by its rules",
        "spec.interval",
        "\u{1b}[32mchange\u{1b}[0m",
    ] {
        assert!(plan.stdout.contains(text), "{text}: {}", plan.stdout);
    }

    let broken = world.fill_in("--resource=NS/broken");
    let document = json_of(&world.plan(&[&broken, "-o", "json"]).await.stdout);
    let image = &document["resources"][0]["applications"][0]["images"][0];
    assert_eq!(
        (&image["image"], &image["live"], &image["current"], &image["reason"]),
        (
            &json!(world.fill_in("REG/web")),
            &json!(true),
            &json!("1.0"),
            &json!("InvalidConstraint")
        ),
        "it runs, although its settings cannot be used"
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one world with every kind of file")]
async fn changes_in_git_are_told_with_repository_and_file_and_without_password() {
    let world = World::given(
        "
registry:
  web: ['1.0', '1.1']
git:
  deploy: { apps/web/kustomization.yaml: 'kind: Kustomization' }
---
kind: Application
metadata: { name: web }
spec:
  project: default
  destination: {}
  source: { repoURL: GIT/deploy, path: apps/web }
status:
  sourceType: Kustomize
  summary: { images: ['REG/web:1.0'] }
---
kind: Secret
metadata: { name: deploy, labels: { argocd.argoproj.io/secret-type: repository } }
stringData: { type: git, url: GIT/deploy, username: bot, password: gitpassword-6f1d }
---
kind: ImageUpdater
metadata: { name: webs }
spec:
  writeBackConfig: { method: git, gitConfig: { branch: main } }
  applicationRefs:
    - namePattern: web
      images: [{ alias: web, imageName: REG/web }]
",
    )
    .await;
    let url = world.git.url("deploy");

    let plan = world.plan(&["-o", "json"]).await;

    assert_eq!(plan.code, Some(2), "{}", plan.log);
    let document = json_of(&plan.stdout);
    let application = &document["resources"][0]["applications"][0];
    assert_eq!(
        application["git"],
        json!({
            "repository": url,
            "baseBranch": "main",
            "file": "apps/web/.argocd-source-web.yaml",
            "values": [{ "path": "kustomize.images", "value": world.fill_in("REG/web:1.1") }],
            "files": [{
                "path": "apps/web/.argocd-source-web.yaml",
                "diff": world.fill_in(
                    "--- /dev/null\n+++ b/apps/web/.argocd-source-web.yaml\n@@ -0,0 +1,3 @@\n\
                     +kustomize:\n+  images:\n+  - REG/web:1.1\n",
                ),
                "new": true,
            }],
        })
    );
    assert_eq!(application["changes"], json!([]));
    let text = world.plan(&[]).await.stdout;
    assert!(
        text.contains("apps/web/.argocd-source-web.yaml") && text.contains(&url),
        "{text}"
    );
    assert_eq!(world.git.pushes(), 0);

    let file = "# kept\nkustomize:\n  images: # ours\n  - REG/web:1.0\n  - other:1\n";
    world.git.commit_as_other(
        "deploy",
        "main",
        "apps/web/.argocd-source-web.yaml",
        &world.fill_in(file),
    );
    let text = world.plan(&["--color=never"]).await.stdout;
    let diff = world.fill_in(
        "
    --- a/apps/web/.argocd-source-web.yaml
    +++ b/apps/web/.argocd-source-web.yaml
    @@ -1,5 +1,5 @@
     # kept
     kustomize:
       images: # ours
    -  - REG/web:1.0
    +  - REG/web:1.1
       - other:1
",
    );
    assert!(text.contains(&diff), "{text}");

    let done = file.replace("web:1.0", "web:1.1");
    world.git.commit_as_other(
        "deploy",
        "main",
        "apps/web/.argocd-source-web.yaml",
        &world.fill_in(&done),
    );
    let plan = world.plan(&["--color=never"]).await;
    assert_eq!(plan.code, Some(0), "nothing would be written: {}", plan.stdout);
    let stays = "UpToDate: 1.1 is already written, but does not run yet";
    assert!(plan.stdout.contains(stays), "{}", plan.stdout);

    world.git.fail_with(Some(503));
    let plan = world.plan(&["--color=never"]).await;
    assert_eq!(plan.code, Some(1), "{}", plan.stdout);
    for words in [
        "problem  WriteFailed:",
        "holds afterwards, unless it does already:",
        "+ kustomize.images",
    ] {
        assert!(plan.stdout.contains(words), "{words}: {}", plan.stdout);
    }
    assert_eq!(world.git.pushes(), 0);
}

#[tokio::test]
async fn a_folder_is_planned_without_a_trace_even_while_somebody_works_on_it() {
    let registry = Registry::start().await;
    for tag in ["1.0.0", "1.1.0"] {
        registry.push("shop", tag, "2026-01-01T00:00:00Z");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let manifests = folder.path().join("manifests");
    fs::create_dir(&manifests).expect("a writable folder");
    let text = "\
kind: Application
apiVersion: argoproj.io/v1alpha1
metadata: {name: shop}
spec: {project: default, source: {repoURL: 'https://charts.example.com', chart: shop}}
status: {sourceType: Helm, summary: {images: ['registry.example.com/shop:1.0.0']}}
---
apiVersion: argocd-image-updater.argoproj.io/v1alpha1
kind: ImageUpdater
metadata: {name: all}
spec:
  applicationRefs: [{namePattern: shop, images: [{alias: shop, imageName: registry.example.com/shop}]}]
";
    fs::write(manifests.join("all.yaml"), text).expect("a writable folder");
    let conf = folder.path().join("registries.conf");
    let entry = format!(
        "registries: [{{ name: r, prefix: registry.example.com, api_url: {} }}]",
        registry.url()
    );
    fs::write(&conf, entry).expect("a writable folder");
    let flags = |command: &str| {
        vec![
            command.to_owned(),
            format!("--directory={}", manifests.display()),
            format!("--registries-conf-path={}", conf.display()),
        ]
    };

    let plan = Child::start(&flags("plan")).finish().await;

    assert_eq!(plan.code, Some(2), "{}", plan.log);
    assert!(plan.stdout.contains("1.0.0 -> 1.1.0"), "{}", plan.stdout);
    let names = || {
        let entries = fs::read_dir(&manifests).expect("a folder");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["all.yaml"], "no lock, no status");
    assert_eq!(fs::read_to_string(manifests.join("all.yaml")).expect("a file"), text);

    let mut run = flags("run");
    run.extend(["--interval=1h".to_owned(), "--dry-run".to_owned()]);
    let run = Child::start(&run);
    run.wrote("cycle done").await;
    let beside = Child::start(&flags("plan")).finish().await;
    assert_eq!(beside.code, Some(2), "{}", beside.log);
    assert!(run.stop().await.success);
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_is_an_error_with_its_words() {
    let world = shops().await;
    let plan = world.plan(&["--watch-namespaces=elsewhere"]).await;
    assert_eq!((plan.code, plan.stdout.as_str()), (Some(1), ""), "{}", plan.log);
    assert!(
        plan.stderr.contains("error:") && plan.stderr.contains("elsewhere"),
        "{}",
        plan.stderr
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_a_problem_and_nothing_found_is_said() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let flag = format!("--directory={}", folder.path().display());
    let run = async |more: &[&str]| {
        let mut line = vec!["plan".to_owned(), flag.clone()];
        line.extend(more.iter().map(|text| (*text).to_owned()));
        Child::start(&line).finish().await
    };

    let empty = run(&[]).await;
    assert_eq!(empty.code, Some(0), "{}", empty.log);
    assert!(empty.stdout.starts_with("0 of 0 images"), "{}", empty.stdout);
    let name = folder.path().display().to_string();
    assert!(
        empty.stderr.contains("there is no ImageUpdater in folder") && empty.stderr.contains(&name),
        "{}",
        empty.stderr
    );
    let elsewhere = run(&["--watch-namespaces=a,b"]).await;
    assert!(
        elsewhere.stderr.contains("in the namespaces a, b of folder")
            && elsewhere.stderr.contains("--watch-namespaces"),
        "{}",
        elsewhere.stderr
    );

    fs::write(folder.path().join("bad.yaml"), "foo: [bar").expect("a writable folder");
    fs::write(folder.path().join("latin.yaml"), b"a: \xe9\n").expect("a writable folder");
    let broken = run(&[]).await;
    assert_eq!(broken.code, Some(1), "{}", broken.log);
    for words in [
        "bad.yaml cannot be read: not YAML",
        "latin.yaml cannot be read: not UTF-8",
        "2 problems need",
    ] {
        assert!(broken.stdout.contains(words), "{words}: {}", broken.stdout);
    }
    assert!(!broken.stderr.contains("bad.yaml"), "told once: {}", broken.stderr);
    let document = json_of(&run(&["-o", "json"]).await.stdout);
    assert_eq!(document["summary"]["problems"], 2, "{document}");
    let first = &document["unreadable"][0];
    assert_eq!((&first["kind"], &first["namespace"]), (&json!("File"), &json!("")));

    let resource = run(&["--resource=argocd/none"]).await;
    assert_eq!(
        (resource.code, resource.stdout.as_str()),
        (Some(1), ""),
        "{}",
        resource.log
    );
    for words in ["there is no ImageUpdater argocd/none", "bad.yaml"] {
        assert!(resource.stderr.contains(words), "{words}: {}", resource.stderr);
    }
}

#[tokio::test]
async fn a_namespace_without_resources_is_named() {
    let world = World::given("registry: { web: ['1.0'] }").await;
    let plan = world.plan(&[]).await;
    assert_eq!(plan.code, Some(0), "{}", plan.log);
    let expected = world.fill_in("there is no ImageUpdater in namespace NS; --watch-namespaces");
    assert!(plan.stderr.contains(&expected), "{}", plan.stderr);
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// What `value` has that `schema`, a part of `root`, does not allow: as much of JSON Schema as is used here.
fn faults(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).expect("a definition");
        return faults(root, target, value, at);
    }
    if let Some(choices) = ["oneOf", "anyOf"].iter().find_map(|key| schema[*key].as_array()) {
        let fits = |choice| faults(root, choice, value, at).is_empty();
        return if choices.iter().any(fits) {
            Vec::new()
        } else {
            vec![format!("{at}: {value} is none of the choices")]
        };
    }
    let mut found = Vec::new();
    if schema.get("const").is_some_and(|wanted| wanted != value) {
        found.push(format!("{at}: not {}", schema["const"]));
    }
    if schema["enum"].as_array().is_some_and(|all| !all.contains(value)) {
        found.push(format!("{at}: {value} is none of {}", schema["enum"]));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !types.is_empty() && !types.contains(&kind) {
        found.push(format!("{at}: {kind} instead of {types:?}"));
    }
    for name in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if value.get(name).is_none() {
            found.push(format!("{at}: {name} is missing"));
        }
    }
    if let (Some(properties), Some(object)) = (schema["properties"].as_object(), value.as_object()) {
        for (name, value) in object {
            match properties.get(name) {
                Some(schema) => found.extend(faults(root, schema, value, &format!("{at}.{name}"))),
                None => found.push(format!("{at}: {name} is not described")),
            }
        }
    }
    if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
        for (index, value) in list.iter().enumerate() {
            found.extend(faults(root, items, value, &format!("{at}[{index}]")));
        }
    }
    found
}
