use super::*;
use crate::core::resolve::PathPattern;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn pattern() -> PathPattern {
    PathPattern::parse("apps", "**/*.yaml").unwrap()
}

fn entry(alias: &str, image: &str, fields: bool) -> Entry {
    Entry::ManifestImage {
        alias: alias.to_owned(),
        image: ImageRef::parse(image).unwrap(),
        fields,
    }
}

fn file(text: &str) -> TargetText {
    TargetText {
        path: "apps/a.yaml".to_owned(),
        text: Some(text.to_owned()),
    }
}

/// The new text, or the error; a second run over the new text changes nothing.
fn written(text: &str, entries: &[Entry]) -> Result<Option<String>, ManifestsError> {
    let new = render(&pattern(), &[file(text)], entries)?.pop().map(|new| new.text);
    if let Some(new) = &new {
        assert_eq!(render(&pattern(), &[file(new)], entries), Ok(Vec::new()), "{new}");
    }
    Ok(new)
}

/// Every text is written as the same one with each `OLD` replaced by its `NEW`.
fn each_is_written(entries: &[Entry], shapes: &[(&str, &[(&str, &str)])]) {
    for (text, changes) in shapes {
        let mut expected = (*text).to_owned();
        for (old, new) in *changes {
            assert!(expected.contains(old), "{old} in {text}");
            expected = expected.replace(old, new);
        }
        let expected = (!changes.is_empty()).then_some(expected);
        assert_eq!(written(text, entries), Ok(expected), "{text}");
    }
}

#[test]
fn the_image_of_a_container_is_found_in_every_shape() {
    each_is_written(
        &[entry("api", "acme/api:1.1", true)],
        &[
            (
                "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    image: acme/api:1.0 # keep\n",
                &[(":1.0", ":1.1")],
            ),
            (
                "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: \"acme/api:1.0\"\n    - image: 'acme/api:1.0'\n",
                &[(":1.0", ":1.1")],
            ),
            (
                "# ключ 鍵\napiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      initContainers:\n      - image: acme/api:0.9 # ключ\n\n      containers:\n      - image: acme/api:1.0   # 鍵\n      ephemeralContainers:\n      - image: acme/api\n",
                &[(":0.9", ":1.1"), (":1.0", ":1.1"), ("acme/api\n", "acme/api:1.1\n")],
            ),
            (
                "apiVersion: batch/v1\nkind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers: [{name: a, image: acme/api:1.0}]\n",
                &[(":1.0", ":1.1")],
            ),
            (
                "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  spec: {containers: [{image: acme/api:1.0}, {image: acme/web:1.0}]}\n",
                &[("api:1.0", "api:1.1")],
            ),
            (
                "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"spec\": {\"containers\": [{\"image\": \"acme/api:1.0\"}]}}",
                &[(":1.0", ":1.1")],
            ),
            (
                "apiVersion: v1\r\nkind: Pod\r\nspec:\r\n  containers:\r\n  - image: acme/api:1.0\r\n    name: a",
                &[(":1.0", ":1.1")],
            ),
            (
                "%YAML 1.2\n---\napiVersion: v1\nkind: Service\n--- # two\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: acme/api:1.0\n...\n---\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: acme/api:0.9\n---\n",
                &[(":1.0", ":1.1"), (":0.9", ":1.1")],
            ),
            (
                "apiVersion: example.com/v1\nkind: Runner\nspec:\n  podTemplate:\n    spec:\n      containers:\n      - command: [run, acme/api:1.0x]\n        image: >-\n          acme/api:1.0\n",
                &[("          acme/api:1.0\n", "          acme/api:1.1\n")],
            ),
            (
                "apiVersion: v1\nkind: Pod\nx: &img acme/api:1.0\nspec:\n  containers:\n  - image: *img\n  - image: *img\n",
                &[(":1.0", ":1.1")],
            ),
            (
                "apiVersion: v1\nkind: Pod\nx: &base\n  image: acme/api:1.0\nspec:\n  containers:\n  - <<: *base\n    name: a\n",
                &[(":1.0", ":1.1")],
            ),
            (
                "apiVersion: v1\nkind: Pod\nx: &all\n- &one {image: acme/api:1.0}\nspec:\n  containers: *all\n  initContainers:\n  - *one\n",
                &[(":1.0", ":1.1")],
            ),
            (
                "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - &a\n    image: &v !!str acme/api:1.0\n  - <<: *a\n",
                &[(":1.0", ":1.1")],
            ),
        ],
    );
}

#[test]
fn what_is_no_image_of_a_container_stays() {
    let pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: acme/api:1.0\n";
    for beside in [
        "image: acme/api:1.0\n",
        "spec:\n  containers:\n  - image: acme/api:1.0\n",
        "apiVersion: v1\nspec:\n  containers:\n  - image: acme/api:1.0\n",
        "apiVersion: v1\nkind: ~\nspec:\n  containers:\n  - image: acme/api:1.0\n",
        "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nspec:\n  image: acme/api:1.0\n",
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  image: acme/api:1.0\n  pod: |\n    containers:\n    - image: acme/api:1.0\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: other.test/acme/api:1.0\n  - image: acme/api2:1.0\n  - image: [acme/api:1.0]\n  - image:\n  - acme/api:1.0\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    image: acme/api:1.0\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: acme/api:1.0 # {\"$imageupdater\": \"none\"}\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: \"# {\\\"$imageupdater\\\": \\\"api\\\"}\"\n",
        "- 1\n",
        "",
    ] {
        let given = format!("{pod}---\n{beside}");
        let expected = format!("{}---\n{beside}", pod.replace(":1.0", ":1.1"));
        assert_eq!(
            written(&given, &[entry("api", "acme/api:1.1", true)]),
            Ok(Some(expected)),
            "{beside}"
        );
    }
}

#[test]
fn the_name_keeps_its_spelling_and_the_version_is_replaced() {
    for (image, given, expected) in [
        ("nginx:1.1", "nginx:1.0", "nginx:1.1"),
        ("nginx:1.1", "library/nginx:1.0", "library/nginx:1.1"),
        (
            "nginx:1.1",
            "docker.io/library/nginx:1.0",
            "docker.io/library/nginx:1.1",
        ),
        (
            "docker.io/nginx:1.1",
            "index.docker.io/nginx",
            "index.docker.io/nginx:1.1",
        ),
        ("host:5000/a:1.1", "host:5000/a:1.0", "host:5000/a:1.1"),
        ("host:5000/a:1.1", "host:5000/a", "host:5000/a:1.1"),
        ("a/b:1.1", "a/b:1.0@sha256:00", "a/b:1.1"),
        ("a/b:1.1", "a/b@sha256:00", "a/b:1.1"),
        ("a/b:1.1@sha256:11", "a/b:1.0@sha256:00", "a/b:1.1@sha256:11"),
        ("a/b@sha256:11", "a/b:1.0", "a/b@sha256:11"),
        (
            "host:5000/a@sha256:11",
            "host:5000/a@sha256:00",
            "host:5000/a@sha256:11",
        ),
    ] {
        let text =
            |image: &str| format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: {image}\n    name: x\n");
        let found = written(&text(given), &[entry("a", image, true)]);
        assert_eq!(found, Ok(Some(text(expected))), "{image} {given}");
    }
}

#[test]
fn a_marked_value_is_set_whatever_it_stands_in() {
    let pinned = format!("acme/api:1.1@{DIGEST}");
    let set = |value: &str| format!("# {{\"$imageupdater\": \"{value}\"}}");
    let (whole, tag, name, digest) = (set("api"), set("api:tag"), set("api:name"), set("api:digest"));
    for (image, text, old, new) in [
        (
            "acme/api:1.1",
            format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  IMAGE: acme/api:1.0 {whole}\n"),
            ":1.0",
            ":1.1",
        ),
        ("acme/api:1.10", format!("tag: 1.9 {tag}\n"), "1.9", "\"1.10\""),
        ("acme/api:1.10", format!("tag: 1.10 {tag}\n"), "1.10", "\"1.10\""),
        ("acme/api:7", format!("tag: '6' {tag}\n"), "6", "7"),
        (
            "acme/api:1.1",
            format!("image: {{repository: acme/api, tag: v1}} {tag}\n"),
            "v1",
            "\"1.1\"",
        ),
        (
            "acme/api:v2",
            format!("image: {{repository: acme/api, tag: v1}} {tag}\n"),
            "v1",
            "v2",
        ),
        (
            "acme/api:v2",
            format!("image: {{\n  repository: docker.io/acme/api, {name}\n  tag: v1 {tag}\n}}\n"),
            "v1",
            "v2",
        ),
        (
            "acme/api:v2",
            format!("a:\n- acme/old {name}\n- x\n"),
            "acme/old",
            "acme/api",
        ),
        (
            "acme/api:v2",
            format!("args: [--image, \"acme/api:v1\"] {whole}\n"),
            ":v1",
            ":v2",
        ),
        ("acme/api:v2", format!("tag: {tag}\nx: 1\n"), "tag: #", "tag: v2 #"),
        ("acme/api:v2", format!("x: &v v1\ntag: *v {tag}\n"), "v1", "v2"),
        (
            "acme/api:v2",
            format!("tag: |- {tag} rest\n  v1\nx: 1\n"),
            "  v1",
            "  v2",
        ),
        ("acme/api:v2", format!("\u{feff}tag: v1 {tag}\r\nx: 1"), "v1", "v2"),
        (
            pinned.as_str(),
            format!("tag: v1 {tag}\n"),
            "v1",
            &format!("1.1@{DIGEST}"),
        ),
        (
            pinned.as_str(),
            format!("digest: sha256:00 {digest}\n"),
            "sha256:00",
            DIGEST,
        ),
        (
            pinned.as_str(),
            format!("tag: \"1.0\" {tag}\ndigest: {DIGEST} {digest}\n"),
            "1.0",
            "1.1",
        ),
        (
            "acme/api:v2",
            format!("tag: v1 {tag}\ndigest: \"\" {digest}\n"),
            "v1",
            "v2",
        ),
        (
            pinned.as_str(),
            format!("image: quay.io/acme/api {whole}\n"),
            "quay.io/acme/api",
            &pinned,
        ),
        (
            "acme/api:v2",
            format!(
                "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: acme/api:v1 {whole}\n  - image: acme/api:old {}\n",
                set("web")
            ),
            ":v1",
            ":v2",
        ),
    ] {
        let expected = text.replacen(old, new, 1);
        let found = written(&text, &[entry("api", image, false)]);
        assert_eq!(found, Ok(Some(expected)), "{image} {text}");
    }
}

#[test]
fn two_aliases_of_one_image_are_told_apart_by_their_markers() {
    let text = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: acme/api:1.0 # {\"$imageupdater\": \"one\"}\n  \
                - image: acme/api:2.0 # {\"$imageupdater\": \"two\"}\n  - image: acme/api:0.1\n";
    let entries = [entry("one", "acme/api:1.5", false), entry("two", "acme/api:2.5", false)];
    let expected = text.replace(":1.0", ":1.5").replace(":2.0", ":2.5");
    assert_eq!(written(text, &entries), Ok(Some(expected)));
    let unmarked = text.replace("\"two\"", "\"x\"");
    let error = written(&unmarked, &entries).unwrap_err();
    assert!(matches!(error, ManifestsError::NotMarked { .. }), "{error}");
    assert!(
        error.to_string().contains("\"two\"") && error.to_string().contains("acme/api"),
        "{error}"
    );
}

#[test]
fn a_place_that_cannot_be_written_is_told_with_file_and_line() {
    for (text, expected) in [
        (
            "a: 1\ntag: x # {\"$imageupdater\": \"api:tga\"}\n",
            "apps/a.yaml: line 2: \"tga\"",
        ),
        (
            "a: 1\ntag: x # {\"$imageupdater\": api}\n",
            "apps/a.yaml: line 2: the setter comment cannot be read",
        ),
        (
            "a: # {\"$imageupdater\": \"api\"}\n  b: 1\n",
            "apps/a.yaml: line 1: the setter comment must stand",
        ),
        (
            "x: &x {y: 1}\na: *x # {\"$imageupdater\": \"api\"}\n",
            "apps/a.yaml: line 2: the setter comment must stand",
        ),
        (
            "# {\"$imageupdater\": \"api\"}\na: 1\n",
            "apps/a.yaml: line 1: the setter comment must stand",
        ),
        (
            "d: sha256:0 # {\"$imageupdater\": \"api:digest\"}\n",
            "apps/a.yaml: line 1: the setter comment asks for a digest",
        ),
        (
            "a: x\na: y # {\"$imageupdater\": \"api\"}\n",
            "apps/a.yaml: line 2: the value cannot be edited",
        ),
        (
            "a: !!int 1 # {\"$imageupdater\": \"api\"}\n",
            "apps/a.yaml: line 1: a value with a tag",
        ),
        (
            "a: &a x # {\"$imageupdater\": \"api\"}\nb: *a # {\"$imageupdater\": \"api:tag\"}\n",
            "apps/a.yaml: line 1: the value is shared",
        ),
        ("image: {{ acme/api }}: x\n", "apps/a.yaml: not YAML: line 1"),
        (
            "apiVersion: v1\n",
            "apps/**/*.yaml: no container has the image acme/api",
        ),
        (
            "{{ template }}: [\n",
            "apps/**/*.yaml: no container has the image acme/api",
        ),
    ] {
        let error = written(text, &[entry("api", "acme/api:1.1", true)])
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
    let none = render(&pattern(), &[], &[entry("api", "acme/api:1.1", true)]);
    assert!(matches!(none, Err(ManifestsError::NoFile { .. })));
    assert_eq!(render(&pattern(), &[], &[]), Ok(Vec::new()));
}

#[test]
fn only_files_that_change_are_written_and_templates_beside_them_are_left_alone() {
    let pod = |tag: &str| format!("apiVersion: v1\nkind: Pod\nspec: {{containers: [{{image: 'acme/api:{tag}'}}]}}\n");
    let files: Vec<TargetText> = [
        ("apps/new.yaml", pod("1.1")),
        ("apps/old.yaml", pod("1.0")),
        ("apps/template.yaml", "a: {{ .Values.image }}: [\n".to_owned()),
        ("apps/flux.yaml", "tag: 1.0 # {\"$imagepolicy\": \"a:b\"}\n".to_owned()),
        (
            "apps/marked.yaml",
            "tag: v1 # {\"$imageupdater\": \"api:tag\"}\n".to_owned(),
        ),
    ]
    .into_iter()
    .map(|(path, text)| TargetText {
        path: path.to_owned(),
        text: Some(text),
    })
    .collect();
    let new = render(&pattern(), &files, &[entry("api", "acme/api:1.1", true)]).unwrap();
    let new: Vec<_> = new.iter().map(|new| (new.path.as_str(), new.text.as_str())).collect();
    assert_eq!(
        new,
        [
            ("apps/old.yaml", pod("1.1").as_str()),
            ("apps/marked.yaml", "tag: \"1.1\" # {\"$imageupdater\": \"api:tag\"}\n"),
        ]
    );
}

#[test]
fn what_files_say_is_read_in_their_order() {
    let text = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: docker.io/acme/api:1.0\n---\n\
                tag: '2' # {\"$imageupdater\": \"api:tag\"}\ndigest: # {\"$imageupdater\": \"api:digest\"}\n";
    let image = ImageRef::parse("acme/api:1.x").unwrap();
    let wanted = Wanted {
        alias: "api",
        image: &image,
        fields: true,
    };
    let said = read(&[file(text)], &[wanted]).unwrap();
    let said: Vec<_> = said.iter().map(|said| (said.part, said.text.as_str())).collect();
    assert_eq!(
        said,
        [
            (ManifestPart::Field, "docker.io/acme/api:1.0"),
            (ManifestPart::Tag, "2"),
            (ManifestPart::Digest, ""),
        ]
    );
    assert_eq!(read(&[], &[wanted]), Ok(Vec::new()));
}

proptest::proptest! {
    #[test]
    fn any_text_is_written_once_or_refused(text in "(image: acme/api:1\n|- |containers:\n|  |# \\{\"\\$imageupdater\": \"api\"\\}\n|kind: a\n|apiVersion: b\n|---\n|&a |\\*a |x: |[{}\\[\\],'\"|>]){0,14}") {
        let entries = [entry("api", "acme/api:2", true)];
        if let Ok(new) = render(&pattern(), &[file(&text)], &entries)
            && let Some(new) = new.into_iter().next()
        {
            proptest::prop_assert_eq!(render(&pattern(), &[file(&new.text)], &entries), Ok(Vec::new()));
        }
    }
}
