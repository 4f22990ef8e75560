//! What happens when the best tag is not signed, and `onUnverified` is `fallback`.

use serde_json::json;

use super::{front::Front, given, image, key, problem, push, secret, sign, written};
use crate::world::{Signer, signer::NEW};

#[tokio::test]
async fn with_fallback_the_newest_signed_tag_is_written_and_never_one_below_what_runs() {
    let alice = Signer::new();
    let policy = json!({"imagesVerification": {"cosignKey": key("alice"), "onUnverified": "fallback"}});
    let images = ["falls", "stays", "none"].map(|name| image(name, &json!({})));
    let world = given(&["falls:1.0.0", "stays:1.1.0", "none:1.0.0"], &images, &policy).await;
    secret(&world, "alice", &[&alice]).await;
    for (name, tags, signed) in [
        ("falls", &["1.0.0", "1.1.0", "1.2.0", "1.3.0"][..], "1.1.0"),
        ("stays", &["1.0.0", "1.1.0", "1.2.0"], "1.0.0"),
        // What runs is not listed any more.
        ("none", &["1.1.0", "1.2.0"], ""),
    ] {
        for tag in tags {
            let digest = push(&world, name, tag).await;
            if *tag == signed {
                sign(&world, &alice, name, digest, NEW).await;
            }
        }
    }

    let plan = world.plan(&["--explain"]).await;
    world.cycle().await;

    assert_eq!(written(&world, "falls").await, "1.1.0");
    assert_eq!(written(&world, "stays").await, "");
    assert_eq!(written(&world, "none").await, "");
    assert_eq!(problem(&world, "falls").await.0, "");
    assert_eq!(
        problem(&world, "stays").await.0,
        "",
        "what runs is the newest that may run"
    );
    let (reason, message) = problem(&world, "none").await;
    assert_eq!(reason, "NotVerified");
    assert!(message.ends_with("; nor is one more tag"), "{message}");
    let told: Vec<_> = plan.stdout.split_whitespace().collect();
    let told = told.join(" ");
    for words in [
        "change falls 1.0.0 -> 1.1.0",
        "1.3.0 not verified: it is not signed",
        "1.2.0 not verified: it is not signed",
        "UpToDate: 1.1.0 is running; 1.2.0 is not verified: it is not signed",
    ] {
        assert!(told.contains(words), "{words}:\n{}", plan.stdout);
    }
}

#[tokio::test]
async fn a_fallback_goes_twenty_tags_deep_and_no_deeper() {
    let alice = Signer::new();
    let policy = json!({"imagesVerification": {"cosignKey": key("alice"), "onUnverified": "fallback"}});
    let images = ["near", "far"].map(|name| image(name, &json!({})));
    let world = given(&["near:1.0.0", "far:1.0.0"], &images, &policy).await;
    secret(&world, "alice", &[&alice]).await;
    for (name, unsigned) in [("near", 19), ("far", 20)] {
        let signed = push(&world, name, "1.1.0").await;
        sign(&world, &alice, name, signed, NEW).await;
        push(&world, name, "1.2.0").await;
        for patch in 1..unsigned {
            let repository = format!("{}/{name}", world.namespace);
            world.registry.tag(&repository, "1.2.0", &format!("1.2.{patch}")).await;
        }
    }

    world.cycle().await;

    assert_eq!(written(&world, "near").await, "1.1.0");
    assert_eq!(written(&world, "far").await, "");
    let (reason, message) = problem(&world, "far").await;
    assert_eq!(reason, "NotVerified");
    assert!(
        message.starts_with("none of the 20 best tags is verified; the last: 1.2.0"),
        "{message}"
    );
}

#[tokio::test]
async fn what_cannot_be_read_about_signatures_holds_the_image_and_never_falls_back() {
    let alice = Signer::new();
    let policy = json!({"imagesVerification": {"cosignKey": key("alice"), "onUnverified": "fallback"}});
    let world = given(&["app:1.0.0"], &[image("app", &json!({}))], &policy).await;
    let front = Front::of(&world).await;
    secret(&world, "alice", &[&alice]).await;
    let signed = push(&world, "app", "1.1.0").await;
    sign(&world, &alice, "app", signed, NEW).await;
    push(&world, "app", "1.2.0").await;

    front.break_signatures(true);
    world.cycle().await;
    assert_eq!(written(&world, "app").await, "");
    let (reason, message) = problem(&world, "app").await;
    assert_ne!(reason, "NotVerified", "{message}");
    assert!(
        message.starts_with("whether 1.2.0 is signed is not known: "),
        "{message}"
    );

    front.break_signatures(false);
    world.cycle().await;
    assert_eq!(written(&world, "app").await, "1.1.0");
}
