//! Credentials as a user of the program sees them.

use std::{fs, os::unix::fs::PermissionsExt as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::stand_in::{StandIn, reply};
use crate::{support::registry::Registry, world::World};

/// A program, and its path.
fn script(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("login");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
    let path = path.display().to_string();
    (folder, path)
}

#[tokio::test]
async fn variables_and_programs_can_be_forbidden_to_resources_and_annotations_but_not_to_the_operator() {
    let (_folder, login) = script("echo bob:s3cret");
    let yaml = "
registry:
  entry: [v1.0.0, v1.1.0]
  own: [v1.0.0, v1.1.0]
---
kind: Application
metadata: { name: shop }
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a } }
status: { sourceType: Kustomize, summary: { images: ['REG/entry:v1.0.0', 'REG/own:v1.0.0'] } }
---
kind: Application
metadata:
  name: annotated
  annotations:
    argocd-image-updater.argoproj.io/image-list: own=REG/own:1.x
    argocd-image-updater.argoproj.io/own.pull-secret: ext:LOGIN
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/b.git, path: a } }
status: { sourceType: Kustomize, summary: { images: ['REG/own:v1.0.0'] } }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs:
    - namePattern: annotated
      useAnnotations: true
    - namePattern: shop
      images:
        - { alias: entry, imageName: 'REG/entry:1.x' }
        - { alias: own, imageName: 'REG/own:1.x', commonUpdateSettings: { pullSecret: 'any=EXT:LOGIN' } }
";
    for (flag, allowed) in [("true", true), ("false", false)] {
        let world = World::given(&yaml.replace("LOGIN", &login))
            .await
            .with_flags(&[&format!("--allow-env-ext-credentials={flag}")]);
        world.write_registries_conf(&format!(
            "registries:\n- {{ name: test, prefix: {host}, api_url: 'http://{host}', credentials: 'ext:{login}' }}\n",
            host = world.registry.host()
        ));

        world.cycle().await;

        let written = |images: Value| images.as_array().map_or(0, Vec::len);
        let (shop, annotated) = (
            world.kustomize_images("shop").await,
            world.kustomize_images("annotated").await,
        );
        let expected = if allowed { (2, 1) } else { (1, 0) };
        assert_eq!((written(shop), written(annotated)), expected, "{flag}");
        let problems = world.status("all").await["problems"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        assert_eq!(problems.len(), if allowed { 0 } else { 2 }, "{problems:?}");
        for problem in problems {
            assert_eq!(
                (&problem["alias"], &problem["reason"]),
                (&"own".into(), &"CredentialsUnavailable".into())
            );
        }
    }
}

#[tokio::test]
async fn what_a_credentials_program_says_is_in_the_log_without_secrets() {
    let world = World::given("registry:\n  shop: [v1.0.0]\n").await;
    let said = "echo \"cannot log in with $VAULT_TOKEN\" >&2";
    for (end, flags, code, logged) in [
        ("exit 1", &[][..], 1, true),
        ("echo bob:pw-93ab", &["--loglevel=debug"], 0, true),
        ("echo bob:pw-93ab", &[], 0, false),
    ] {
        let (_folder, login) = script(&format!("{said}\necho 'and bob:pw-93ab' >&2\n{end}"));
        let credentials = format!("--credentials=ext:{login}");
        let flags = [&[credentials.as_str()], flags].concat();
        let run = world.test("REG/shop", &flags, &[("VAULT_TOKEN", "hvs.5ecr3t")]).await;
        assert_eq!(run.code, Some(code), "{}", run.log);
        assert_eq!(run.log.contains("cannot log in with ***"), logged, "{}", run.log);
        assert!(!run.log.contains("hvs.5ecr3t"), "{}", run.log);
        // A program that prints nothing has told nothing that could be known for a secret.
        assert!(code == 1 || !run.log.contains("pw-93ab"), "{}", run.log);
    }
}

#[tokio::test]
async fn the_identity_in_the_environment_of_the_program_logs_in_where_the_operator_says_so() {
    let registry = Registry::start().await;
    registry.push("shop", "v1.0.0", "2026-01-01T00:00:00Z");
    registry.require_basic("AWS:ecr-password");
    let ecr = StandIn::start(|_, _| {
        let token = STANDARD.encode("AWS:ecr-password");
        reply(
            200,
            format!(r#"{{"authorizationData":[{{"authorizationToken":"{token}","expiresAt":4.0E9}}]}}"#),
        )
    })
    .await;
    let world = World::given("registry:\n  other: [v1.0.0]\n").await;
    let environment = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "aws-5ecr3t"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL_ECR", ecr.url.as_str()),
    ];
    for (credentials, code) in [(", credentials: 'aws:'", 0), ("", 1)] {
        world.write_registries_conf(&format!(
            "registries:\n- {{ name: test, prefix: ecr.example.com, api_url: '{}'{credentials} }}\n",
            registry.url()
        ));
        let run = world
            .test("ecr.example.com/shop", &["--loglevel=trace"], &environment)
            .await;
        assert_eq!(run.code, Some(code), "{}", run.log);
        for secret in ["aws-5ecr3t", "ecr-password", &STANDARD.encode("AWS:ecr-password")] {
            assert!(!run.log.contains(secret), "{secret} in {}", run.log);
        }
    }
    assert_eq!(ecr.asked().len(), 1);
    let run = world
        .test("ecr.example.com/shop", &["--credentials=aws:"], &environment)
        .await;
    assert_eq!(run.code, Some(1));
    assert!(run.log.contains("registries.conf"), "{}", run.log);
    assert_eq!(ecr.asked().len(), 1, "an image chooses no host");
}
