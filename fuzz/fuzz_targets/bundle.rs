//! Signatures: each line is a document that a registry serves for a referrers list, a tag, a manifest or a blob. Nobody
//! who does not hold the key can make a signature, so none may ever be found.
#![no_main]

use argocd_image_updater::core::{
    image::{
        Digest,
        manifest::{Fetched, OCI_INDEX, OCI_MANIFEST},
    },
    signature::{Answer, Fetch, PublicKey, Searched, SignatureSearch, Step},
};
use argocd_image_updater_fuzz::{assert_presentable, lines};
use libfuzzer_sys::fuzz_target;

/// The public half of a key whose private half is written down nowhere.
const KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2UbhT7pR9lHk+cg5L9uPnCqoJKS7
b7GUsbd8Yp06SIw2+SnHCU8zZsTuLCRmBOey9rDBWUCS2nPZVJchtQsWFw==
-----END PUBLIC KEY-----
";

/// More rounds than any search may need.
const MOST_ROUNDS: usize = 5000;

fuzz_target!(|data: &[u8]| {
    let Some((first, documents)) = lines(data) else { return };
    if let Err(error) = PublicKey::parse_all(first.as_bytes()) {
        assert_presentable(&error.to_string());
    }
    let keys = PublicKey::parse_all(KEY.as_bytes()).expect("a key");
    let mut search = SignatureSearch::new(Digest::of(b"image"));
    let mut served = 0;
    for _ in 0..MOST_ROUNDS {
        assert!(search.signed_by(&keys).is_none(), "nobody signed this");
        let needed = match search.step() {
            Step::Need(needed) => needed,
            Step::Done(Searched::Whole(unverified)) => return assert_presentable(&unverified.to_string()),
            Step::Done(Searched::Partly { complaint }) => {
                return complaint.iter().for_each(|why| assert_presentable(why.as_str()));
            }
        };
        assert!(!needed.is_empty());
        let answers: Vec<_> = needed
            .iter()
            .map(|fetch| {
                served += 1;
                match documents.get(served % (documents.len() + 1)) {
                    Some(document) => Answer::Found {
                        fetched: Fetched {
                            media_type: Some(media_type(fetch, served)),
                            body: document.as_bytes(),
                        },
                        more: served.is_multiple_of(3),
                    },
                    None if served.is_multiple_of(2) => Answer::Missing,
                    None => Answer::Unreadable,
                }
            })
            .collect();
        search.answer(&answers);
    }
    panic!("the search does not end");
});

fn media_type(fetch: &Fetch, served: usize) -> &'static str {
    match fetch {
        Fetch::Referrers | Fetch::MoreReferrers => OCI_INDEX,
        Fetch::Tag(_) if served.is_multiple_of(2) => OCI_INDEX,
        Fetch::Tag(_) | Fetch::Manifest(_) => OCI_MANIFEST,
        Fetch::Blob(_) => "application/octet-stream",
    }
}
