//! Keys and policies that cannot be used.

use serde_json::json;

use super::{front::Front, given, image, key, problem, push, secret, written};
use crate::world::Signer;

#[tokio::test]
async fn a_key_that_cannot_be_used_is_named_and_the_registry_is_not_asked() {
    let alice = Signer::new();
    let names = ["missing", "field", "broken", "private", "beside"];
    let running: Vec<String> = names.iter().map(|name| format!("{name}:1.1.0")).collect();
    let running: Vec<_> = running.iter().map(String::as_str).collect();
    let images = names.map(|name| {
        let keys = match name {
            "field" => json!([{"secretName": "alice", "key": "other.pub"}]),
            "beside" => json!([key("alice"), key("gone")]),
            name => json!([key(name)]),
        };
        image(name, &json!({"imagesVerification": {"cosignKeys": keys}}))
    });
    let world = given(&running, &images, &json!({})).await;
    let front = Front::of(&world).await;
    secret(&world, "alice", &[&alice]).await;
    let texts = [
        ("broken", "no key at all".to_owned()),
        (
            "private",
            std::fs::read_to_string(alice.path("cosign.key")).expect("a private key"),
        ),
    ];
    for (name, text) in texts {
        let secret = json!({"kind": "Secret", "metadata": {"name": name}, "stringData": {"cosign.pub": text}});
        world.create(secret).await;
    }

    world.cycle().await;

    for (alias, expected, words) in [
        ("missing", "KeyUnavailable", "Secret NS/missing does not exist"),
        (
            "field",
            "KeyUnavailable",
            "Secret NS/alice has no text field \"other.pub\"",
        ),
        (
            "broken",
            "InvalidSetting",
            "Secret NS/broken, field \"cosign.pub\": it holds no PEM block",
        ),
        (
            "private",
            "InvalidSetting",
            "Secret NS/private, field \"cosign.pub\": PEM block 1",
        ),
        ("beside", "KeyUnavailable", "Secret NS/gone does not exist"),
    ] {
        let (reason, message) = problem(&world, alias).await;
        assert_eq!(reason, expected, "{alias}: {message}");
        assert!(message.contains(&world.fill_in(words)), "{alias}: {message}");
    }
    assert_eq!(front.requests(""), Vec::<String>::new());
}

#[tokio::test]
async fn a_policy_that_cannot_be_honoured_blocks_its_images_and_names_the_field() {
    let images = [
        image(
            "keyless",
            &json!({"imagesVerification": {"keyless": {"identities": []}}}),
        ),
        image(
            "word",
            &json!({"imagesVerification": {"cosignKey": key("k"), "onUnverified": "warn"}}),
        ),
        image("free", &json!({})),
    ];
    let world = given(&["keyless:1.0.0", "word:1.0.0", "free:1.0.0"], &images, &json!({})).await;
    for name in ["keyless", "word", "free"] {
        push(&world, name, "1.1.0").await;
    }

    world.cycle().await;

    for (index, alias, expected, field) in [
        (0, "keyless", "UnsupportedSetting", "keyless"),
        (1, "word", "InvalidSetting", "onUnverified"),
    ] {
        let (reason, message) = problem(&world, alias).await;
        assert_eq!(reason, expected, "{alias}");
        let path = format!("spec.applicationRefs[0].images[{index}].imagesVerification.{field}: ");
        assert!(message.starts_with(&path), "{message}");
        assert_eq!(written(&world, alias).await, "", "{alias}");
    }
    assert_eq!(written(&world, "free").await, "1.1.0");
}
