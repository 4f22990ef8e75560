use super::*;

fn helm(pairs: &[(&str, &str)]) -> Overrides {
    let parameter = |(name, value): &(&str, &str)| HelmParameter {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
        force_string: true,
    };
    Overrides::Helm(pairs.iter().map(parameter).collect())
}

fn kustomize(images: &[&str]) -> Overrides {
    Overrides::Kustomize(images.iter().map(|image| (*image).to_owned()).collect())
}

fn rendered(existing: &str, overrides: &Overrides) -> String {
    match render(Some(existing), overrides).unwrap() {
        Edited::New(text) => {
            assert_eq!(
                render(Some(&text), overrides),
                Ok(Edited::Unchanged),
                "a second time: {text}"
            );
            text
        }
        Edited::Unchanged => existing.to_owned(),
    }
}

#[test]
fn nothing_to_write_makes_no_file_and_changes_none() {
    for overrides in [helm(&[]), kustomize(&[]), Overrides::Plugin(Vec::new())] {
        assert_eq!(render(None, &overrides), Ok(Edited::Unchanged));
        assert_eq!(render(Some("a: [\n"), &overrides), Ok(Edited::Unchanged));
    }
}

#[test]
fn comments_and_unknown_keys_stay_and_moved_parameters_take_their_comments_along() {
    let given = "# ours\nhelm:\n  valueFiles: [a.yaml] # files\n  parameters:\n  # by hand\n  - name: zz\n    value: 'keep'\n    forceString: true\n\n  - name: image.tag # tag\n    value: \"1.0\"\n    forceString: true\n    note: x\n# end\n";
    let expected = "# ours\nhelm:\n  valueFiles: [a.yaml] # files\n  parameters:\n  - name: image.name\n    value: a/b\n    forcestring: true\n\n  - name: image.tag # tag\n    value: \"1.1\"\n    forcestring: true\n    note: x\n  # by hand\n  - name: zz\n    value: 'keep'\n    forcestring: true\n# end\n";
    assert_eq!(
        rendered(given, &helm(&[("image.tag", "1.1"), ("image.name", "a/b")])),
        expected
    );
}

#[test]
fn spelling_and_order_alone_change_nothing() {
    let given = "helm:\n  parameters:\n  - {name: z, value: x, forceString: true}\n  - {name: a, value: y}\n";
    assert_eq!(rendered(given, &helm(&[("z", "x")])), given);
    let expected = "helm:\n  parameters:\n  - {name: a, value: y}\n  - {name: z, value: v, forcestring: true}\n";
    assert_eq!(rendered(given, &helm(&[("z", "v")])), expected);
}

#[test]
fn a_file_that_is_not_of_the_shape_is_replaced_and_one_of_comments_is_filled() {
    let new = "helm:\n  parameters:\n  - name: t\n    value: \"1\"\n    forcestring: true\n";
    for given in [
        "",
        " \n",
        "- a\n",
        "helm: x\n",
        "helm:\n  parameters: x\n",
        "helm:\n  parameters: [x]\n",
        "a: b: c\n",
        "a: 1\na: 2\n",
    ] {
        assert_eq!(rendered(given, &helm(&[("t", "1")])), new, "{given:?}");
    }
    for given in [
        "# c\n",
        "# c\n---\n",
        "other: 1\n",
        "# c\nhelm:\n",
        "helm: {}\n",
        "helm:\n  parameters: null\n",
    ] {
        let text = rendered(given, &helm(&[("t", "1")]));
        assert!(
            text.ends_with(&new[6..]) && text.starts_with(given.split([':', '{']).next().unwrap()),
            "{text}"
        );
    }
    assert_eq!(
        rendered(
            "kustomize:\r\n    images:\r\n        - a/b:1",
            &kustomize(&["a/b:2", "c:1"])
        ),
        "kustomize:\r\n    images:\r\n        - a/b:2\r\n        - c:1"
    );
}

#[test]
fn a_kustomize_entry_is_found_by_its_left_side_and_then_by_its_image() {
    for (have, want, expected) in [
        (
            &["blue=a/x:1", "green=a/x:1"][..],
            &["green=a/x:2"][..],
            &["blue=a/x:1", "green=a/x:2"][..],
        ),
        (&["blue=a/x:1"], &["green=a/x:2"], &["blue=a/x:1", "green=a/x:2"]),
        (&["a/x=old.test/x:1"], &["a/x=new.test/x:1"], &["a/x=new.test/x:1"]),
        (&["a/x:1"], &["green=a/x:1"], &["green=a/x:1"]),
        (&["a/x:1"], &["green=a/x:2", "a/x:3"], &["a/x:3", "green=a/x:2"]),
        (
            &["h.test:5000/a:1", "h.test:5000/b:1"],
            &["h.test:5000/b:2"],
            &["h.test:5000/a:1", "h.test:5000/b:2"],
        ),
        (
            &["ghcr.io/a/x:1"],
            &["quay.io/a/x:2"],
            &["ghcr.io/a/x:1", "quay.io/a/x:2"],
        ),
        (&["index.docker.io/a/x:1"], &["a/x:2"], &["a/x:2"]),
        (
            &["docker.io/library/nginx:1"],
            &["nginx:1"],
            &["docker.io/library/nginx:1"],
        ),
        (&["a/x:1@sha256:aa"], &["a/x:1@sha256:bb"], &["a/x:1@sha256:bb"]),
        (&["a/x:1", "a/x:2"], &["a/x:3"], &["a/x:3", "a/x:3"]),
    ] {
        let text = |list: &[&str]| format!("kustomize:\n  images:\n  - {}\n", list.join("\n  - "));
        assert_eq!(
            rendered(&text(have), &kustomize(want)),
            text(expected),
            "{have:?} {want:?}"
        );
    }
}
