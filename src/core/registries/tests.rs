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
    let warnings = conf.warnings().join("\n");
    for part in [
        "registries[0] (a): `credentials`",
        "registries[1] (b): `prefix` replaces",
        "registries[2] (c): `ca_file`",
    ] {
        assert!(warnings.contains(part), "{part}\n{warnings}");
    }
    assert!(!warnings.contains("hunter2"), "{warnings}");
    assert_eq!(conf.entries().len(), 2);
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

proptest! {
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
