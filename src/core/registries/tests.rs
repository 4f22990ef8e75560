use proptest::prelude::*;

use super::*;
use crate::core::image::ImageRef;

fn image(registry: &str, name: &str) -> ImageRef {
    ImageRef {
        registry: registry.to_owned(),
        name: name.to_owned(),
        version: None,
    }
}

fn entry(name: &str, prefix: &str, more: &str) -> String {
    format!("- name: {name}\n  api_url: https://{name}.test\n  prefix: \"{prefix}\"\n{more}")
}

fn warnings(conf: &RegistriesConf) -> String {
    let all: Vec<_> = conf.warnings().iter().map(ToString::to_string).collect();
    all.join("\n")
}

fn conf(entries: &[String]) -> RegistriesConf {
    RegistriesConf::parse(&format!("registries:\n{}", entries.concat())).unwrap()
}

#[test]
fn the_longest_prefix_on_a_slash_boundary_wins() {
    let conf = conf(&[
        entry("host", "quay.io", ""),
        entry("team", "Quay.io/team/", ""),
        entry("port", "quay.io:8443", ""),
        entry("v6", "[2001:db8::1]:5000", ""),
    ]);
    for (registry, name, expected) in [
        ("quay.io", "other/x", "host"),
        ("quay.io", "team/x", "team"),
        ("QUAY.io", "team/x", "team"),
        ("quay.io", "team", "team"),
        ("quay.io", "teammate/x", "host"),
        ("quay.io:8443", "team/x", "port"),
        ("quay.io.evil.test", "x", "quay.io.evil.test"),
        ("[2001:db8::1]:5000", "x", "v6"),
        ("[2001:db8::1]", "x", "[2001:db8::1]"),
    ] {
        assert_eq!(conf.lookup(&image(registry, name)).name, expected, "{registry}/{name}");
    }
}

#[test]
fn docker_hub_is_one_registry_in_all_spellings() {
    let conf = conf(&[entry("hub", "index.docker.io", ""), entry("acme", "docker.io/acme", "")]);
    for (registry, name, expected) in [
        ("", "nginx", "hub"),
        ("docker.io", "nginx", "hub"),
        ("index.docker.io", "nginx", "hub"),
        ("", "acme/api", "acme"),
        ("docker.io", "acme/api", "acme"),
    ] {
        assert_eq!(conf.lookup(&image(registry, name)).name, expected, "{registry}/{name}");
    }
}

#[test]
fn a_default_without_prefix_serves_only_images_without_a_registry() {
    let conf = conf(&[entry("cache", "", "  default: true\n")]);
    assert_eq!(conf.lookup(&image("", "nginx")).name, "cache");
    assert_eq!(conf.lookup(&image("ghcr.io", "a/b")).name, "ghcr.io");
    assert_eq!(conf.lookup(&image("docker.io", "nginx")).name, "Docker Hub");
}

#[test]
fn an_ipv6_host_makes_a_url() {
    let profile = RegistriesConf::default().lookup(&image("[::1]:5000", "x"));
    assert_eq!(profile.api_url, "https://[::1]:5000");
    assert!(url::Url::parse(&profile.api_url).is_ok());
}

#[test]
fn the_default_namespace_is_for_names_of_one_component() {
    let hub = RegistriesConf::default().lookup(&image("", "redis"));
    assert_eq!(hub.repository(&image("", "redis")), "library/redis");
    assert_eq!(hub.repository(&image("", "acme/redis")), "acme/redis");
}

#[test]
fn odd_entries_are_named_in_warnings() {
    let conf = conf(&[
        entry("a", "x.test", "  credentials: bob:hunter2\n"),
        entry("b", "x.test", ""),
        entry("c", "c.test", "  insecure: on\n  ca_data: PEM\n"),
    ]);
    let warnings = warnings(&conf);
    for part in [
        "registries[0] (a): `credentials`",
        "registries[1] (b): `prefix`: it replaces",
        "registries[2] (c): `ca_data`",
    ] {
        assert!(warnings.contains(part), "{part}\n{warnings}");
    }
    assert!(!warnings.contains("hunter2"), "{warnings}");
    assert_eq!(conf.entries().len(), 2);
}

#[test]
fn each_oddity_is_told_with_its_entry_and_whether_a_part_of_it_does_nothing() {
    for (more, key, part, is_idle) in [
        ("  limit: -5\n", "limit", "-5 is no limit", false),
        ("  limit: 0\n", "", "", false),
        ("  api_url: https://a.test/v2\n", "api_url", "leave it out", false),
        ("  api_url: https://a.test/v2/\n", "api_url", "leave it out", false),
        ("  api_url: https://a.test/v2//\n", "api_url", "leave it out", false),
        ("  api_url: https://a.test/v22\n", "", "", false),
        ("  api_url: https://v2\n", "", "", false),
        ("  api_url: a.test\n", "api_url", "does not start with", false),
        ("  prefix: https://a.test\n", "prefix", "serves no image", true),
        ("  mirrors: [https://m.test]\n", "mirrors", "is not asked", true),
        ("  mirrors: [a.test]\n", "mirrors", "is not asked twice", false),
    ] {
        let mut keys = String::from("- name: a\n");
        for (key, line) in [
            ("api_url", "  api_url: https://a.test\n"),
            ("prefix", "  prefix: a.test\n"),
        ] {
            if !more.contains(key) {
                keys.push_str(line);
            }
        }
        let conf = conf(&[keys + more, entry("b", "b.test", "")]);
        let told: Vec<_> = conf.warnings_of(&conf.entries()[0]).collect();
        assert_eq!(told.len(), usize::from(!key.is_empty()), "{more}: {told:?}");
        assert_eq!(conf.warnings().len(), told.len(), "{more}");
        for warning in told {
            assert_eq!((warning.key, warning.is_idle), (key, is_idle), "{more}");
            assert!(warning.words().contains(part), "{more}: {warning}");
        }
        assert_eq!(conf.warnings_of(&conf.entries()[1]).count(), 0, "{more}");
    }
}

#[test]
fn what_is_odd_in_a_replaced_entry_is_not_told_of_the_one_that_replaces_it() {
    let conf = conf(&[entry("a", "x.test", "  limit: -1\n"), entry("b", "x.test", "")]);
    let told: Vec<_> = conf.warnings_of(&conf.entries()[0]).map(|w| w.key).collect();
    assert_eq!((told, conf.warnings().len()), (vec!["prefix"], 2));
}

#[test]
fn a_wrong_key_is_told_with_its_place_and_not_with_all_the_right_ones() {
    for (yaml, key, end) in [
        (
            "registries:\n- name: a\n  mirror: [m.test]\n",
            "mirror",
            "at line 3 column 3",
        ),
        ("registry: []\n", "registry", "expected `registries`"),
    ] {
        let error = RegistriesConf::parse(yaml).unwrap_err().to_string();
        assert!(error.contains(&format!("unknown field `{key}`")), "{error}");
        assert!(error.ends_with(end), "{error}");
    }
}

#[test]
fn errors_name_entry_and_key() {
    for (yaml, part) in [
        ("registries:\n- name: A\n", "registries[0] (A): `api_url`"),
        ("registries:\n- api_url: https://a\n", "registries[0]: `name`"),
        (
            "registries:\n- {name: A, api_url: 'https://a', prefix: a, limit: many}\n",
            "limit",
        ),
        (
            "registries:\n- {name: A, api_url: 'https://a', prefix: a, insecure: maybe}\n",
            "insecure",
        ),
        (
            "registries:\n- {name: A, api_url: 'https://a', prefix: a, credsexpire: 3600}\n",
            "`credsexpire`",
        ),
    ] {
        let error = RegistriesConf::parse(yaml).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn plain_scalars_are_texts_where_a_text_is_meant() {
    let conf =
        RegistriesConf::parse("registries:\n- {name: 1.20, api_url: 'https://a', prefix: 10, limit: ~}\n").unwrap();
    assert_eq!(
        (conf.entries()[0].name.as_str(), conf.entries()[0].prefix.as_str()),
        ("1.20", "10")
    );
}

#[test]
fn a_mirror_stands_in_the_place_of_the_prefix() {
    let conf = conf(&[
        entry(
            "hub",
            "docker.io",
            "  mirrors: [harbor.test/dockerhub, 'localhost:5000', quay.io/hub/]\n",
        ),
        entry("acme", "docker.io/acme", "  mirrors: [m.test/a]\n"),
        entry("official", "docker.io/library/redis", "  mirrors: [m.test/r, m.test]\n"),
        entry("harbor", "harbor.test", "  defaultns: x\n  mirrors: [never.test]\n"),
        entry("ns", "ns.test", "  defaultns: team\n  mirrors: ['[::1]:5000/p']\n"),
    ]);
    for (registry, name, expected) in [
        (
            "",
            "nginx",
            &[
                "harbor dockerhub/library/nginx",
                "localhost:5000 library/nginx",
                "quay.io hub/library/nginx",
            ][..],
        ),
        (
            "index.docker.io",
            "team/app",
            &[
                "harbor dockerhub/team/app",
                "localhost:5000 team/app",
                "quay.io hub/team/app",
            ],
        ),
        ("docker.io", "acme/api", &["m.test a/api"]),
        ("", "redis", &["m.test r"]),
        ("harbor.test", "y", &["never.test x/y"]),
        ("ns.test", "app", &["[::1]:5000 p/team/app"]),
        ("ghcr.io", "a/b", &[]),
    ] {
        let places = conf.places(&image(registry, name));
        let mirrors: Vec<_> = places
            .mirrors
            .iter()
            .map(|(_, p)| format!("{} {}", p.profile.name, p.repository))
            .collect();
        assert_eq!(mirrors, expected, "{registry}/{name}");
        assert_eq!(places.registry.profile, conf.lookup(&image(registry, name)));
    }
}

#[test]
fn a_default_registry_without_prefix_has_mirrors_too() {
    let conf = conf(&[entry("cache", "", "  default: true\n  mirrors: [m.test/hub]\n")]);
    for (name, expected) in [("nginx", "hub/library/nginx"), ("acme/api", "hub/acme/api")] {
        assert_eq!(conf.places(&image("", name)).mirrors[0].1.repository, expected);
    }
}

#[test]
fn a_mirror_that_leads_back_to_its_registry_is_not_asked_twice() {
    let conf = conf(&[entry("a", "a.test", "  mirrors: [A.test/, b.test]\n")]);
    assert!(
        warnings(&conf).contains("`mirrors`: a.test is the `prefix` itself"),
        "{}",
        warnings(&conf)
    );
    let mirrors = conf.places(&image("a.test", "x")).mirrors;
    let names: Vec<_> = mirrors.iter().map(|(mirror, _)| mirror.to_string()).collect();
    assert_eq!(names, ["b.test"]);
}

#[test]
fn what_is_no_mirror_is_named_and_left_out() {
    for (text, part) in [
        ("https://m.test", "it is a URL"),
        ("", "host"),
        ("/path", "host"),
        ("bob@m.test", "host"),
        ("m.test:port", "host"),
        ("m.test/a//b", "repository"),
        ("m.test/../b", "repository"),
        ("m.test/a b", "repository"),
    ] {
        let conf = conf(&[entry("a", "a.test", &format!("  mirrors: [{text:?}]\n"))]);
        let warnings = warnings(&conf);
        assert!(
            warnings.contains("registries[0] (a): `mirrors`") && warnings.contains(part),
            "{text}: {warnings}"
        );
        assert!(conf.places(&image("a.test", "x")).mirrors.is_empty(), "{text}");
    }
}

#[test]
fn what_cannot_be_used_at_all_is_an_error_without_the_secret_in_it() {
    let many = format!("  mirrors: [{}]\n", "m.test, ".repeat(9));
    for (more, part) in [
        (
            "  client_cert: /c.pem\n",
            "`client_cert` is there and `client_key` is not",
        ),
        (
            "  client_key: /k.pem\n",
            "`client_key` is there and `client_cert` is not",
        ),
        ("  proxy: 'bob:hunter2@proxy.test'\n", "`proxy`"),
        ("  proxy: 'ftp://bob:hunter2@proxy.test'\n", "socks5h://"),
        ("  proxy: 'http://bob:hunter2@'\n", "`proxy`"),
        ("  proxy: [hunter2]\n", "proxy"),
        (&many, "`mirrors` names more than 8"),
    ] {
        let yaml = format!("registries:\n{}", entry("a", "a.test", more));
        let error = RegistriesConf::parse(&yaml).unwrap_err().to_string();
        assert!(error.contains(part), "{more}: {error}");
        assert!(!error.contains("hunter2"), "{more}: {error}");
    }
    for scheme in ["http", "https", "socks5", "socks5h"] {
        let conf = conf(&[entry(
            "a",
            "a.test",
            &format!("  proxy: {scheme}://bob:hunter2@proxy.test:1\n"),
        )]);
        let shown = format!("{:?}", conf.entries()[0]);
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

proptest! {
    #[test]
    fn no_mirror_makes_it_panic(text in "[a-z0-9.:/@%\\[\\] -]{0,24}", name in "[a-z/]{0,12}") {
        let conf = conf(&[entry("a", "a.test/x", &format!("  mirrors: [{text:?}]\n"))]);
        for (_, place) in conf.places(&image("a.test", &name)).mirrors {
            prop_assert!(!place.repository.contains("..") || name.contains(".."));
        }
    }

    #[test]
    fn no_file_makes_it_panic(yaml in r#"(registries:\n|- name: a\n|  api_url: b\n|  prefix: c\n|  limit: |  default: (on|yes)\n|&a |\*a\n|[0-9]|\{|\[|"|.)*"#) {
        let _ = RegistriesConf::parse(&yaml);
    }

    #[test]
    fn every_image_has_a_registry(registry in "[a-zA-Z0-9.:\\[\\]]{0,12}", name in "[a-z/]{0,12}") {
        let conf = conf(&[entry("a", "a", ""), entry("b", "docker.io/b", "")]);
        let image = image(&registry, &name);
        let _ = conf.lookup(&image).repository(&image);
    }
}
