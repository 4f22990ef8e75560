//! Where signatures are looked for, what they are bound to, and which keys are taken.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    samples::{BUNDLE, SIMPLE, Shelf, Signer, UNREADABLE, bundle, list, simple, statement},
    signed::{Hashes, Useless, of_bundle, of_simple_signing},
    *,
};
use crate::core::image::{
    Digest,
    manifest::{Fetched, OCI_INDEX, OCI_MANIFEST},
};

mod keys;
mod places;

fn image() -> Digest {
    Digest::of(b"the image")
}

fn other() -> Digest {
    Digest::of(b"another image")
}

fn referrers_tag() -> String {
    image().to_string().replace(':', "-")
}

fn signature_tag() -> String {
    format!("{}.sig", referrers_tag())
}

#[test]
fn a_payload_counts_only_for_the_image_that_it_names() {
    let hex = image().to_string().replace("sha256:", "");
    let (upper, prefixed) = (hex.to_uppercase(), image().to_string());
    for (payload, expected) in [
        (statement(&[image()]), true),
        (statement(&[other()]), false),
        // Any subject may be meant, not only the first.
        (statement(&[other(), image()]), true),
        (statement(&[]), false),
        (
            json!({"_type": "https://in-toto.io/Statement/v0.1", "subject": [{"digest": {"sha256": hex}}]}),
            true,
        ),
        (json!({"_type": "https://in-toto.io/Statement/v1"}), false),
        (
            json!({"_type": "https://in-toto.io/Statement/v1", "subject": {"digest": {"sha256": hex}}}),
            false,
        ),
        (
            json!({"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha512": hex}}]}),
            false,
        ),
        (
            json!({"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": upper}}]}),
            false,
        ),
        (
            json!({"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": prefixed}}]}),
            false,
        ),
        // A statement is bound by its subjects alone.
        (
            json!({"_type": "https://in-toto.io/Statement/v1", "subject": [],
            "critical": {"image": {"docker-manifest-digest": image().to_string()}}}),
            false,
        ),
        (
            json!({"_type": "https://elsewhere.test/", "subject": [{"digest": {"sha256": hex}}]}),
            false,
        ),
        (
            json!({"critical": {"image": {"docker-manifest-digest": image().to_string()}}}),
            true,
        ),
        (
            json!({"critical": {"image": {"docker-manifest-digest": other().to_string()}}}),
            false,
        ),
        (json!({"critical": {"image": {"docker-manifest-digest": hex}}}), false),
        (json!({"critical": null}), false),
        (json!(null), false),
        (json!([image().to_string()]), false),
        (json!(image().to_string()), false),
    ] {
        let text = payload.to_string();
        let signer = Signer::new(1);
        let signature = [signer.sign(text.as_bytes())];
        let simple = of_simple_signing(text.as_bytes(), &signature, image());
        assert_eq!(simple.is_ok(), expected, "{payload}");
        let bundled = of_bundle(signer.bundle(&payload).as_bytes(), image());
        assert_eq!(bundled.is_ok(), expected, "{payload}");
        for found in [simple, bundled] {
            match found {
                Ok(all) => assert!(signer.key().made(&all[0]), "{payload}"),
                Err(why) => assert_eq!(why, Useless::OtherImage, "{payload}"),
            }
        }
    }
}

#[test]
fn what_is_signed_in_an_envelope_is_its_pre_authentication_encoding() {
    // The example of the DSSE specification.
    let expected = Hashes::of([&b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"[..]]);
    assert_eq!(
        Hashes::of_envelope("http://example.com/HelloWorld", b"hello world"),
        expected
    );
    // Lengths are in bytes.
    let expected = Hashes::of(["DSSEv1 2 é 4 ….".as_bytes()]);
    assert_eq!(Hashes::of_envelope("é", "….".as_bytes()), expected);
}

#[test]
fn a_bundle_is_signed_by_each_of_its_signatures() {
    let payload = statement(&[image()]).to_string();
    let (alice, bob, eve) = (Signer::new(1), Signer::new(2), Signer::new(3));
    let signed = of_bundle(bundle("t", &payload, &[&alice, &bob]).as_bytes(), image()).unwrap();
    let made = |signer: &Signer| signed.iter().filter(|signed| signer.key().made(signed)).count();
    assert_eq!((made(&alice), made(&bob), made(&eve)), (1, 1, 0));
}

#[test]
fn a_malformed_bundle_holds_no_signature() {
    let good: Value = serde_json::from_str(&Signer::new(1).bundle(&statement(&[image()]))).unwrap();
    for (pointer, value) in [
        ("/dsseEnvelope", json!(null)),
        ("/dsseEnvelope", json!([])),
        ("/dsseEnvelope/payload", json!(null)),
        ("/dsseEnvelope/payload", json!("*")),
        ("/dsseEnvelope/payload", json!("bm8=")),
        ("/dsseEnvelope/signatures", json!(null)),
        ("/dsseEnvelope/signatures", json!([])),
        ("/dsseEnvelope/signatures", json!([{}])),
        ("/dsseEnvelope/signatures", json!([{"sig": ""}])),
        ("/dsseEnvelope/signatures", json!([{"sig": "*"}])),
        ("/dsseEnvelope/signatures", json!({"sig": "YQ=="})),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        let found = of_bundle(bad.to_string().as_bytes(), image());
        assert_eq!(found, Err(Useless::Malformed), "{bad}");
    }
    for bad in ["", "null", "[]", "{", "{}", r#"{"messageSignature":{}}"#] {
        assert_eq!(of_bundle(bad.as_bytes(), image()), Err(Useless::Malformed), "{bad}");
    }
}

#[test]
fn a_signature_over_the_bare_payload_or_another_type_is_not_one_over_the_envelope() {
    let signer = Signer::new(1);
    let payload = statement(&[image()]).to_string();
    let bare = json!({"dsseEnvelope": {
        "payload": STANDARD.encode(&payload), "payloadType": "t",
        "signatures": [{"sig": signer.sign(payload.as_bytes())}],
    }});
    let mut retyped: Value = serde_json::from_str(&bundle("t", &payload, &[&signer])).unwrap();
    retyped["dsseEnvelope"]["payloadType"] = json!("u");
    for bad in [bare, retyped] {
        let all = of_bundle(bad.to_string().as_bytes(), image()).unwrap();
        assert!(!signer.key().made(&all[0]), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_bundle_and_no_payload_makes_it_panic(
        payload in any_json(), kind in ".{0,4}", signature in any::<Vec<u8>>(), raw in any::<Vec<u8>>(),
    ) {
        let envelope = json!({"dsseEnvelope": {
            "payload": STANDARD.encode(payload.to_string()), "payloadType": kind,
            "signatures": [{"sig": STANDARD.encode(&signature)}, payload],
        }});
        for bytes in [envelope.to_string().as_bytes(), payload.to_string().as_bytes(), raw.as_slice()] {
            let _ = of_bundle(bytes, image());
            let _ = of_simple_signing(bytes, &[STANDARD.encode(&signature)], image());
        }
    }
}

/// JSON made of the words that are looked for, in any place.
fn any_json() -> impl Strategy<Value = Value> {
    let hex = image().to_string().replace("sha256:", "");
    let word = prop::sample::select(vec![
        "_type".to_owned(),
        "subject".to_owned(),
        "digest".to_owned(),
        "sha256".to_owned(),
        "critical".to_owned(),
        "image".to_owned(),
        "docker-manifest-digest".to_owned(),
        "manifests".to_owned(),
        "layers".to_owned(),
        "mediaType".to_owned(),
        "artifactType".to_owned(),
        "annotations".to_owned(),
        "dsseEnvelope".to_owned(),
        "payload".to_owned(),
        "signatures".to_owned(),
        "sig".to_owned(),
        "dev.cosignproject.cosign/signature".to_owned(),
        "https://in-toto.io/Statement/v1".to_owned(),
        BUNDLE.to_owned(),
        SIMPLE.to_owned(),
        OCI_MANIFEST.to_owned(),
        format!("sha256:{hex}"),
        hex,
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}
