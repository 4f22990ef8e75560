//! Which keys are taken, and what they verify. The signatures were made by another program (`made_by` in the file).

use super::*;

const OPENSSL: &str = include_str!("../../../../tests/fixtures/signatures/openssl.json");
const ED25519: &str = "MCowBQYDK2VwAyEAGkiu24vC7LBTcP5txkiwaRnN1bUGZUhomBLpOArWpz8=";

fn openssl() -> Value {
    serde_json::from_str(OPENSSL).unwrap()
}

fn pem(label: &str, base64: &str) -> String {
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}

fn p256() -> String {
    openssl()["keys"]["P-256"].as_str().unwrap().to_owned()
}

/// The bytes of a key, without its PEM lines.
fn der(pem: &str) -> Vec<u8> {
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(base64).unwrap()
}

#[test]
fn signatures_of_another_program_verify_with_the_hash_of_cosign_or_of_the_curve() {
    let openssl = openssl();
    let payload = openssl["payload"].as_str().unwrap();
    let image = format!("sha256:{:064}", 1).parse().unwrap();
    for sample in openssl["signatures"].as_array().unwrap() {
        let (curve, hash) = (sample["curve"].as_str().unwrap(), sample["hash"].as_str().unwrap());
        let keys = PublicKey::parse_all(openssl["keys"][curve].as_str().unwrap().as_bytes()).unwrap();
        let signature = sample["signature"].as_str().unwrap().to_owned();
        let signed = of_simple_signing(payload.as_bytes(), &[signature], image).unwrap();
        let expected = matches!(
            (curve, hash),
            (_, "SHA-256") | ("P-384", "SHA-384") | ("P-521", "SHA-512")
        );
        assert_eq!(keys[0].made(&signed[0]), expected, "{curve} {hash}");
        let changed = payload.replace("r.test", "s.test");
        let signed = of_simple_signing(
            changed.as_bytes(),
            &[sample["signature"].as_str().unwrap().to_owned()],
            image,
        )
        .unwrap();
        assert!(!keys[0].made(&signed[0]), "{curve} {hash} over something else");
    }
}

#[test]
fn every_block_is_a_key_whatever_its_label() {
    let (alice, bob) = (Signer::new(1), Signer::new(2));
    let both = format!("alice:\n{}bob:\r\n{}\n", alice.pem(), bob.pem().replace('\n', "\r\n"));
    assert_eq!(PublicKey::parse_all(both.as_bytes()).unwrap(), [alice.key(), bob.key()]);
    let twice = alice.pem().repeat(2);
    assert_eq!(PublicKey::parse_all(twice.as_bytes()).unwrap(), [alice.key()]);
    let labelled = alice.pem().replace("PUBLIC KEY", "ECDSA KEY");
    assert_eq!(PublicKey::parse_all(labelled.as_bytes()).unwrap(), [alice.key()]);
}

#[test]
fn a_key_is_named_as_other_tools_name_it() {
    // openssl pkey -pubin -in P-256.pub -outform der | sha256sum
    let keys = PublicKey::parse_all(p256().as_bytes()).unwrap();
    let name = "sha256:38ca194c03b1ff8beddc1f6f9858e39bcb171af760a7f76ae0901dc1d8afcb04";
    assert_eq!(keys[0].id().to_string(), name);
    assert_eq!(format!("{:?}", keys[0]), format!("PublicKey({name})"));
}

#[test]
fn a_key_that_cannot_be_used_is_an_error_that_says_which_and_why() {
    let good = Signer::new(1).pem();
    let mut off_curve = der(&p256());
    *off_curve.last_mut().unwrap() ^= 1;
    let mut cut = der(&p256());
    cut.pop();
    let p224 = openssl()["keys"]["P-224"].as_str().unwrap().to_owned();
    let rsa = "MBwwDQYJKoZIhvcNAQEBBQADCwAwCAIBAwIDAQAB";
    for (given, expected) in [
        (String::new(), "it holds no PEM block"),
        ("not a key".to_owned(), "it holds no PEM block"),
        (good.repeat(101), "more than 100"),
        (" ".repeat((1 << 20) + 1), "longer than 1 MiB"),
        (
            pem("PUBLIC KEY", ED25519),
            "PEM block 1 (PUBLIC KEY): Ed25519 keys are not supported",
        ),
        (pem("PUBLIC KEY", rsa), "RSA keys are not supported"),
        (
            p224,
            "ECDSA P-224 keys are not supported; use an ECDSA key on P-256, P-384 or P-521",
        ),
        (
            format!("{good}{}", pem("PUBLIC KEY", ED25519)),
            "PEM block 2 (PUBLIC KEY): Ed25519",
        ),
        (
            format!("{}{good}", pem("PUBLIC KEY", "*")),
            "PEM block 1 (PUBLIC KEY): it is not base64",
        ),
        (
            good.replace("-----END PUBLIC KEY-----", ""),
            "it has no matching END line",
        ),
        (
            pem("ENCRYPTED SIGSTORE PRIVATE KEY", "c2VjcmV0"),
            "it is a private key; only the public key",
        ),
        (pem("CERTIFICATE", "YQ=="), "it is a certificate"),
        (pem("PUBLIC KEY", "YQ=="), "it is not a public key in PKIX form"),
        (pem("PUBLIC KEY", ""), "it is not a public key in PKIX form"),
        (
            pem("PUBLIC KEY", &STANDARD.encode(cut)),
            "it is not a public key in PKIX form",
        ),
        (
            pem("PUBLIC KEY", &STANDARD.encode(off_curve)),
            "its point is not on the curve",
        ),
    ] {
        let error = PublicKey::parse_all(given.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{given:.200}: {error}");
        assert!(!error.contains("c2VjcmV0"), "{error}");
    }
    assert_eq!(PublicKey::parse_all(&[0xff; 40]), Err(InvalidKey::NoKey));
}

proptest! {
    // The curves are slow without optimisation.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_key_and_no_signature_makes_it_panic(
        curve in prop::sample::select(vec!["P-256", "P-384", "P-521"]),
        at in any::<prop::sample::Index>(), byte in any::<u8>(), signature in any::<Vec<u8>>(),
    ) {
        let mut bytes = der(openssl()["keys"][curve].as_str().unwrap());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let text = pem("PUBLIC KEY", &STANDARD.encode(&bytes));
        if let Ok(keys) = PublicKey::parse_all(text.as_bytes()) {
            let signed = of_simple_signing(simple(image()).as_bytes(), &[STANDARD.encode(&signature)], image());
            for signed in signed.iter().flatten() {
                prop_assert!(!keys[0].made(signed));
            }
        }
    }

    #[test]
    fn a_signature_with_any_byte_changed_is_no_signature(at in any::<prop::sample::Index>(), flip in 1..=u8::MAX) {
        let signer = Signer::new(1);
        let payload = simple(image());
        let mut signature = STANDARD.decode(signer.sign(payload.as_bytes())).unwrap();
        let at = at.index(signature.len());
        signature[at] ^= flip;
        let signed = of_simple_signing(payload.as_bytes(), &[STANDARD.encode(signature)], image()).unwrap();
        prop_assert!(!signer.key().made(&signed[0]));
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<Vec<u8>>()) {
        let _ = PublicKey::parse_all(&text);
    }
}
