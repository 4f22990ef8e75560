//! Images that are asked for at a mirror, which need not have their signatures.

use serde_json::json;

use super::{front::Front, given, image, key, problem, push, secret, sign, written};
use crate::world::{
    Signer,
    signer::{NEW, OLD},
};

#[tokio::test]
async fn signatures_that_a_mirror_lacks_are_looked_for_at_the_registry_itself() {
    let alice = Signer::new();
    let policy = json!({"imagesVerification": {"cosignKey": key("alice"), "onUnverified": "fallback"}});
    let images = ["new", "old", "none"].map(|name| image(name, &json!({})));
    let world = given(&["new:1.0.0", "old:1.0.0", "none:1.0.0"], &images, &policy).await;
    let (mirror, original) = Front::mirror_of(&world).await;
    mirror.leave_out_signatures();
    secret(&world, "alice", &[&alice]).await;
    for (name, format) in [("new", Some(NEW)), ("old", Some(OLD)), ("none", None)] {
        for tag in ["1.1.0", "1.2.0"] {
            let digest = push(&world, name, tag).await;
            if let Some(format) = format {
                sign(&world, &alice, name, digest, format).await;
            }
        }
    }

    // Nobody knows while the registry itself does not say.
    original.break_signatures(true);
    world.cycle().await;
    for name in ["new", "old", "none"] {
        assert_eq!(written(&world, name).await, "", "{name}");
        let (reason, message) = problem(&world, name).await;
        assert_ne!(reason, "NotVerified", "{name}: {message}");
        let start = "whether 1.2.0 is signed is not known: its mirror has no signature for it, and ";
        assert!(message.starts_with(start), "{name}: {message}");
    }

    original.break_signatures(false);
    world.cycle().await;
    assert_eq!(written(&world, "new").await, "1.2.0");
    assert_eq!(written(&world, "old").await, "1.2.0");
    assert_eq!(written(&world, "none").await, "");
    assert_eq!(problem(&world, "none").await.0, "NotVerified");
    assert_ne!(mirror.signature_requests("new"), 0, "the mirror is asked first");
    assert_eq!(original.requests("/tags/list"), Vec::<String>::new());
}
