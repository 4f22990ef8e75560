use proptest::prelude::*;

use super::*;

fn write(parameter: &str, value: &str) -> ValueWrite {
    ValueWrite {
        parameter: parameter.to_owned(),
        value: value.to_owned(),
        registry_as_in_file: false,
    }
}

fn edited(given: &str, writes: &[(&str, &str)]) -> Result<String, HelmValuesError> {
    let writes: Vec<_> = writes
        .iter()
        .map(|(parameter, value)| write(parameter, value))
        .collect();
    Ok(match render(Some(given), &writes)? {
        Edited::New(new) => new,
        Edited::Unchanged => given.to_owned(),
    })
}

/// The file, parameters with their values, and the file afterwards.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

fn check(rows: &[Row<'_>]) {
    for (given, writes, expected) in rows {
        let after = edited(given, writes);
        assert_eq!(after.as_deref(), Ok(*expected), "\ngiven {given:?}\nwrites {writes:?}");
        assert_eq!(edited(expected, writes).as_deref(), Ok(*expected), "again: {writes:?}");
    }
}

#[test]
fn the_nested_value_goes_before_the_literal_key() {
    check(&[
        ("i.t: v1\ni: {t: 'v1'}\n", &[("i.t", "v2")], "i.t: v1\ni: {t: 'v2'}\n"),
        ("i.t: v1\ni: {x: 1}\n", &[("i.t", "v2")], "i.t: v2\ni: {x: 1}\n"),
        ("i.t: v1\ni: acme\n", &[("i.t", "v2")], "i.t: v2\ni: acme\n"),
        ("'i[x].t': v1\n", &[("i[x].t", "v2")], "'i[x].t': v2\n"),
        ("'a..b': v1\n", &[("a..b", "v2")], "'a..b': v2\n"),
    ]);
    assert!(matches!(
        edited("i.t: v1\ni: {t: {}}\n", &[("i.t", "v2")]),
        Err(HelmValuesError::NotAValue { .. })
    ));
}

#[test]
fn missing_keys_are_inserted_where_they_belong() {
    check(&[
        (
            "a: 1\ni:\n    # about\n    x: 1\n\nb: 2\n",
            &[("i.t", "v1"), ("i.m.r", "r")],
            "a: 1\ni:\n    # about\n    x: 1\n    t: v1\n    m:\n        r: r\n\nb: 2\n",
        ),
        (
            "i:\n  # none\nb: 1\n",
            &[("i.t", "v1")],
            "i:\n  t: v1\n  # none\nb: 1\n",
        ),
        ("l:\n- {x: 1}\n", &[("l[0].t", "v1")], "l:\n- {x: 1, t: v1}\n"),
        ("# c\n", &[("t", "v1")], "# c\nt: v1\n"),
        ("a: 1\n---\nt: v0\n", &[("t", "v1")], "a: 1\nt: v1\n---\nt: v0\n"),
        ("{}\n", &[("i.t", "1.0")], "i:\n  t: \"1.0\"\n"),
    ]);
    let new = render(None, &[write("i.t", "1.0"), write("i.m", "a")]);
    assert_eq!(new, Ok(Edited::New(format!("{HEADER}i:\n  t: \"1.0\"\n  m: a\n"))));
    assert_eq!(render(None, &[write("i.t", "")]), Ok(Edited::Unchanged));
    assert_eq!(render(None, &[]), Ok(Edited::Unchanged));
    assert_eq!(render(Some("no: [yaml"), &[]), Ok(Edited::Unchanged));
}

#[test]
fn aliases_and_merge_keys_are_respected() {
    check(&[
        ("b: &b {t: v1}\ni: *b\n", &[("i.t", "v2")], "b: &b {t: v2}\ni: *b\n"),
        ("a: &t v1\nb: *t\n", &[("a", "v2"), ("b", "v2")], "a: &t v2\nb: *t\n"),
        (
            "b: &b {t: v1, r: a}\ni:\n  <<: *b\n  x: 1\n",
            &[("i.t", "v2"), ("i.r", "a")],
            "b: &b {t: v1, r: a}\ni:\n  <<: *b\n  x: 1\n  t: v2\n",
        ),
        // The merge key brings a number, which is no version.
        (
            "b: &b {t: 1.20}\ni:\n  <<: *b\n",
            &[("i.t", "1.20")],
            "b: &b {t: 1.20}\ni:\n  <<: *b\n  t: \"1.20\"\n",
        ),
    ]);
    assert!(matches!(
        edited("a: &t v1\nb: *t\n", &[("a", "v2"), ("b", "v3")]),
        Err(HelmValuesError::SharedPlace { .. })
    ));
    assert!(matches!(
        edited("b: &b {i: {t: v1}}\nc:\n  <<: *b\n", &[("c.i.t", "v3")]),
        Err(HelmValuesError::Edit(EditError::Merged { .. }))
    ));
}

#[test]
fn a_name_takes_the_registry_of_the_file() {
    let given = "b: &b {repository: acme/api}\ni: {<<: *b, tag: v1}\n";
    let name = ValueWrite {
        registry_as_in_file: true,
        ..write("i.repository", "quay.io/acme/api")
    };
    assert_eq!(render(Some(given), &[name]), Ok(Edited::Unchanged));
}

#[test]
fn the_error_names_the_part_of_the_path() {
    for (given, parameter, expected) in [
        ("- a\n", "t", "the values file is no map of keys"),
        ("text\n", "t", "the values file is no map of keys"),
        (
            "a: 1\n",
            "a..t",
            "the parameter \"a..t\" is no path; write it as a.b[1].c",
        ),
        (
            "a: 1\n",
            "b.l[0].t",
            "the parameter \"b.l[0].t\": b.l has no entry 0; add it to the file by hand once",
        ),
        (
            "a: {l: [[x]]}\n",
            "a.l[0][1]",
            "the parameter \"a.l[0][1]\": a.l[0] has no entry 1; add it to the file by hand once",
        ),
        (
            "a: {l: x}\n",
            "a.l[2]",
            "the parameter \"a.l[2]\": a.l is no list, so it has no entry 2",
        ),
        (
            "a:\n  l: []\n",
            "a.l.t",
            "the parameter \"a.l.t\": a.l is a list; say which entry is meant, as in a.l[0]",
        ),
        (
            "a: [x]\n",
            "a[0].t",
            "the parameter \"a[0].t\": a[0] is a single value, so there is nothing below it",
        ),
        (
            "a: []\n",
            "a",
            "the parameter \"a\" is a list or map in the file, and no single value",
        ),
    ] {
        let error = edited(given, &[(parameter, "v1")]).unwrap_err();
        assert_eq!(error.to_string(), expected, "{given:?}");
    }
}

#[test]
fn with_one_unusable_path_nothing_is_written() {
    assert!(edited("i: {t: v1}\n", &[("i.t", "v2"), ("i", "x")]).is_err());
    assert!(edited("a: 1\n", &[("t", "v2"), ("t.x", "v2")]).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_a_second_run_changes_nothing(
        text in "(a: |b: |\\n|- |  |v1|\\{|\\}|\\[|\\]|, |&x |\\*x|<<: |# |---|'|\"|\\||~|1\\.0|é){0,25}",
        parameter in "(a|b|\\.|\\[0\\]|\\[1\\]|é){1,5}",
        value in "(v1|1\\.0|quay\\.io/|a/|on| |:|é){0,3}",
        registry_as_in_file in any::<bool>(),
    ) {
        let writes = [ValueWrite { parameter, value, registry_as_in_file }];
        if let Ok(Edited::New(new)) = render(Some(&text), &writes) {
            prop_assert_eq!(render(Some(&new), &writes), Ok(Edited::Unchanged), "{}", new);
        }
    }
}
