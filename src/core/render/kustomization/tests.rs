use proptest::prelude::*;

use super::*;
use crate::core::{image::ImageRef, plan::Entry};

fn edited(given: &str, images: &[&str]) -> Result<String, KustomizationError> {
    let images = images
        .iter()
        .map(|text| ImageOverride::parse(text))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(match render(given, &images)? {
        Edited::New(new) => new,
        Edited::Unchanged => given.to_owned(),
    })
}

fn check(rows: &[(&str, &[&str], &str)]) {
    for (given, images, expected) in rows {
        let after = edited(given, images);
        assert_eq!(after.as_deref(), Ok(*expected), "\ngiven {given:?}\nimages {images:?}");
        assert_eq!(edited(expected, images).as_deref(), Ok(*expected), "again: {images:?}");
    }
}

#[test]
fn tag_and_digest_replace_each_other() {
    check(&[
        (
            "images:\n- name: a\n  newTag: v1 # c\n  tagSuffix: -x\n",
            &["a:v2"],
            "images:\n- name: a\n  newTag: v2 # c\n  tagSuffix: -x\n",
        ),
        (
            "images:\n- digest: sha256:00\n  # c\n  name: a\n",
            &["a:v2"],
            "images:\n- \n  # c\n  name: a\n  newTag: v2\n",
        ),
        (
            "images:\n- name: a\n  newTag: v1\n- name: b\n",
            &["a@sha256:00"],
            "images:\n- name: a\n  digest: sha256:00\n- name: b\n",
        ),
        (
            "images: [{name: a, newTag: v1}]\n",
            &["a:v1@sha256:00"],
            "images: [{name: a, newTag: v1, digest: sha256:00}]\n",
        ),
        (
            "images:\n- {name: a, digest: 'sha256:00', newName: b}\n",
            &["a:v1"],
            "images:\n- {name: a, newName: b, newTag: v1}\n",
        ),
    ]);
}

#[test]
fn only_kustomize_images_go_into_a_kustomization() {
    let entries = [
        Entry::HelmParameter {
            name: "image.tag".to_owned(),
            value: "v2".to_owned(),
        },
        Entry::KustomizeImage {
            name: Some("a".to_owned()),
            image: ImageRef::parse("reg.io/a:v2").unwrap(),
        },
    ];
    let expected = ImageOverride::parse("a=reg.io/a:v2").unwrap();
    assert_eq!(ImageOverride::from_entries(&entries), [expected]);
}

#[test]
fn an_image_without_version_changes_nothing() {
    for given in ["images: []\n", "not: [yaml", "", "- a\n"] {
        for images in [&["a"][..], &["a=b/a"], &[]] {
            assert_eq!(edited(given, images).as_deref(), Ok(given));
        }
    }
}

#[test]
fn entries_are_found_by_name_and_by_what_they_rename_to() {
    check(&[
        // The port belongs to the host, and a tag on the left side counts for nothing.
        (
            "images:\n- name: host:5000/a\n",
            &["host:5000/a:v0=quay.io/b:v1"],
            "images:\n- name: host:5000/a\n  newName: quay.io/b\n  newTag: v1\n",
        ),
        // Renamed by the user: no twin under the new name.
        (
            "images:\n- name: a\n  newName: reg.io/a\n",
            &["reg.io/a:v2"],
            "images:\n- name: a\n  newName: reg.io/a\n  newTag: v2\n",
        ),
        // An entry of that very name goes before.
        (
            "images:\n- name: a\n  newName: reg.io/a\n- name: reg.io/a\n",
            &["reg.io/a:v2"],
            "images:\n- name: a\n  newName: reg.io/a\n- name: reg.io/a\n  newTag: v2\n",
        ),
        // With a name of its own an image is only looked for under that name.
        (
            "images:\n- name: a\n  newName: reg.io/a\n  newTag: v1\n",
            &["b=reg.io/a:v2"],
            "images:\n- name: a\n  newName: reg.io/a\n  newTag: v1\n- name: b\n  newName: reg.io/a\n  newTag: v2\n",
        ),
        (
            "images:\n- name: index.docker.io/org/x\n  newTag: v1\n",
            &["org/x:v2"],
            "images:\n- name: index.docker.io/org/x\n  newTag: v2\n",
        ),
        (
            "images:\n- name: docker.io/library/nginx\n  newTag: v1\n",
            &["docker.io/nginx:v2"],
            "images:\n- name: docker.io/library/nginx\n  newTag: v2\n",
        ),
        // Kustomize applies one after the other, so all of a name say the same.
        (
            "images:\n- name: a\n  newTag: v1\n- name: a\n  newTag: v3\n",
            &["a:v2"],
            "images:\n- name: a\n  newTag: v2\n- name: a\n  newTag: v2\n",
        ),
        (
            "images:\n",
            &["a:v1", "b:v1", "a:v2"],
            "images:\n- name: a\n  newTag: v2\n- name: b\n  newTag: v1\n",
        ),
    ]);
}

#[test]
fn aliases_are_changed_at_their_anchor() {
    check(&[
        (
            "x: &i\n  name: a\n  newTag: v1\nimages:\n- *i\n",
            &["a:v2"],
            "x: &i\n  name: a\n  newTag: v2\nimages:\n- *i\n",
        ),
        (
            "x: &n {name: a}\nimages:\n- <<: *n\n  newTag: v1\n",
            &["a:v2"],
            "x: &n {name: a}\nimages:\n- <<: *n\n  newTag: v2\n",
        ),
    ]);
}

#[test]
fn the_error_says_what_is_wrong_with_the_file() {
    for (given, expected) in [
        ("", "the kustomization holds 0 documents; it must be exactly one"),
        (
            "# nothing\n---\n",
            "the kustomization holds 0 documents; it must be exactly one",
        ),
        (
            "a: 1\n---\nb: 1\n",
            "the kustomization holds 2 documents; it must be exactly one",
        ),
        ("- a\n", "the kustomization is no map of keys"),
        (
            "a: 1\nimages: x\n",
            "line 2: images is no list; write it as entries of the form `- name: ...`",
        ),
        (
            "images:\n- name: b\n- x\n",
            "line 3: images[1] has no keys; write it as `- name: ...`",
        ),
        (
            "x: &d {digest: 'sha256:00'}\nimages:\n- {name: a, <<: *d}\n",
            "the kustomization: images[0].digest: comes from a merge key (<<); write it out in the file first",
        ),
    ] {
        let error = edited(given, &["a:v1"]).unwrap_err();
        assert_eq!(error.to_string(), expected, "{given:?}");
    }
    assert!(edited("images: []\n---\n# end\n", &["a:v1"]).is_ok());
    assert!(matches!(
        edited("images: []\n", &["a=https://x/y"]),
        Err(KustomizationError::Image { .. })
    ));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        text in "(images:|\\n|- |  |name: a|newTag: |v1|\\{|\\}|\\[|\\]|,|&x |\\*x|<<: |#|---|'|\"|\\||é){0,25}",
        image in "(a|b=|c/|:v1|@sha256:00|\\.io|é| ){0,6}",
    ) {
        if let Ok(image) = ImageOverride::parse(&image)
            && let Ok(Edited::New(new)) = render(&text, std::slice::from_ref(&image))
        {
            prop_assert_eq!(render(&new, &[image]), Ok(Edited::Unchanged), "{}", new);
        }
    }
}
