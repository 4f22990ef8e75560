use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> ImageRef {
    ImageRef::parse(text).unwrap()
}

fn version(tag: &str, digest: &str) -> ImageVersion {
    ImageVersion {
        tag: tag.to_owned(),
        digest: digest.to_owned(),
    }
}

#[test]
fn host_path_and_version_are_told_apart() {
    let table = [
        ("redis", "", "redis", None),
        ("redis:", "", "redis", Some(("", ""))),
        ("redis:~7.2", "", "redis", Some(("~7.2", ""))),
        ("redis:>=7, <8", "", "redis", Some((">=7, <8", ""))),
        ("library/redis:7", "", "library/redis", Some(("7", ""))),
        ("docker.io/library/redis:~7", "docker.io", "redis", Some(("~7", ""))),
        ("index.docker.io/library/redis", "", "redis", None),
        ("index.docker.io/acme/shop:^1", "", "acme/shop", Some(("^1", ""))),
        ("localhost/api", "localhost", "api", None),
        ("localhost:5000/api:~1.0", "localhost:5000", "api", Some(("~1.0", ""))),
        ("localhost:5000", "", "localhost", Some(("5000", ""))),
        ("ACME/shop:1", "ACME", "shop", Some(("1", ""))),
        ("acme/Shop:1", "", "acme/Shop", Some(("1", ""))),
        ("[2001:db8::1]:5000/a/b:1", "[2001:db8::1]:5000", "a/b", Some(("1", ""))),
        ("r.test:5000/a@sha256:12", "r.test:5000", "a", Some(("", "sha256:12"))),
        (
            "r.test:5000/a:1@sha256:12",
            "r.test:5000",
            "a",
            Some(("1", "sha256:12")),
        ),
    ];
    for (text, registry, name, expected) in table {
        let image = parsed(text);
        assert_eq!(
            (image.registry.as_str(), image.name.as_str()),
            (registry, name),
            "{text}"
        );
        assert_eq!(
            image.version,
            expected.map(|(tag, digest)| version(tag, digest)),
            "{text}"
        );
    }
}

#[test]
fn a_text_without_a_valid_host_and_path_is_refused() {
    let table = [
        "",
        "https://registry.test/api:1.0",
        "http://r.test:5000/api",
        "oci://r.test/api",
        "r.test:port/api",
        "r_x.test/api",
        "-r.test/api",
        "r..test/api",
        "[::1/api",
        "r.test/",
        "/api",
        "acme//api",
        "acme/api/",
        ":1.0",
        "@sha256:12",
        "acme/my api:1",
        " redis:7",
    ];
    for text in table {
        assert!(ImageRef::parse(text).is_err(), "{text:?}");
    }
    assert!(ImageRef::parse(&"a".repeat(5000)).is_err());
}

#[test]
fn an_alias_ends_at_the_first_equals_sign_unless_a_colon_stands_before_it() {
    let table = [
        ("cache=redis:7", Some("cache"), "redis"),
        ("=redis:7", None, "redis"),
        ("redis:>=7", None, "redis"),
        ("a=b=c:1", Some("a"), "b=c"),
        ("api=quay.io/acme/api:>=1.0, <2.0", Some("api"), "quay.io/acme/api"),
    ];
    for (text, alias, name) in table {
        let (found, image) = ImageRef::parse_with_alias(text).unwrap();
        assert_eq!((found.as_deref(), image.full_name().as_str()), (alias, name), "{text}");
    }
}

#[test]
fn all_spellings_of_docker_hub_are_one_image() {
    let spellings = [
        "nginx",
        "library/nginx",
        "docker.io/nginx",
        "docker.io/library/nginx",
        "index.docker.io/nginx",
    ];
    for one in spellings {
        for other in spellings {
            assert!(parsed(one).same_image(&parsed(other)), "{one} {other}");
        }
        assert!(!parsed(one).same_image(&parsed("quay.io/nginx")), "{one}");
        assert!(!parsed(one).same_image(&parsed("acme/nginx")), "{one}");
    }
    assert!(parsed("docker.io/acme/api:1").same_image(&parsed("acme/api:2")));
    assert!(!parsed("r.test/acme/api").same_image(&parsed("r.test:443/acme/api")));
}

#[test]
fn the_configured_spelling_is_what_is_written() {
    let image = parsed("docker.io/library/nginx:~1.26").with_version(version("1.26.3", ""));
    assert_eq!(image.to_string(), "docker.io/nginx:1.26.3");
    assert_eq!(image.tag_with_digest(), "1.26.3");
    assert_eq!(parsed("nginx@sha256:12").tag_with_digest(), "latest@sha256:12");
    assert_eq!(parsed("nginx").tag_with_digest(), "");
}

#[test]
fn what_is_written_names_the_image_that_was_read() {
    for (given, written) in [
        ("docker.io/library/nginx:1", "docker.io/nginx:1"),
        ("index.docker.io/library/nginx:1", "nginx:1"),
        ("index.docker.io/acme/api:1", "acme/api:1"),
        // A folder of that name is no official image.
        ("docker.io/library/acme/api:1", "docker.io/library/acme/api:1"),
        ("index.docker.io/library/acme/api:1", "library/acme/api:1"),
        // What would be read as a host keeps the real one before it.
        ("index.docker.io/acme.shop/api:1", "docker.io/acme.shop/api:1"),
        ("index.docker.io/localhost/api", "docker.io/localhost/api"),
        ("index.docker.io/api@sha256:A/b", "docker.io/api@sha256:A/b"),
        ("index.docker.io/library/api@sha256:A/b", "docker.io/api@sha256:A/b"),
    ] {
        let reference = parsed(given);
        assert_eq!(reference.to_string(), written, "{given}");
        assert!(parsed(written).same_image(&reference), "{given}");
        assert_eq!(parsed(written).to_string(), written, "{given}");
    }
}

#[test]
fn versions_are_compared_by_digest_as_soon_as_one_has_it() {
    let table = [
        (version("1", ""), version("1", ""), true),
        (version("1", ""), version("2", ""), false),
        (version("1", "sha256:a"), version("1", ""), false),
        (version("1", "sha256:a"), version("2", "sha256:a"), true),
    ];
    for (one, other, expected) in table {
        assert_eq!(one.same_as(&other), expected, "{one:?} {other:?}");
        assert_eq!(other.same_as(&one), expected, "{other:?} {one:?}");
    }
    assert_eq!(version("1", "sha256:a").text(), "sha256:a");
    assert_eq!(version("1", "").text(), "1");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}") {
        let _ = ImageRef::parse_with_alias(&text);
    }

    #[test]
    fn what_looks_like_a_reference_never_panics(text in "[a-zA-Z.:/@=_\\[\\] 0-9-]{0,40}") {
        let _ = ImageRef::parse_with_alias(&text);
    }

    #[test]
    fn what_was_parsed_reads_the_same_again(
        text in "((localhost|r\\.test|docker\\.io)(:[0-9]{1,4})?/)?[a-z]{1,5}(/[a-z]{1,5}){0,2}(:[a-z0-9~^ .]{0,8})?(@[a-z0-9:]{1,9})?"
    ) {
        let image = parsed(&text);
        let again = parsed(&image.to_string());
        prop_assert!(again.same_image(&image));
        prop_assert_eq!(again.version.unwrap_or_default(), image.version.unwrap_or_default());
        prop_assert_eq!(again.registry, image.registry);
    }
}
