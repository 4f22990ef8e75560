use serde_json::{Value, json};

use super::*;

fn change(path: &str, op: Op) -> Change {
    let mut built = Path::root();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        built = match part.parse() {
            Ok(index) => built.index(index),
            Err(_) => built.key(part),
        };
    }
    Change { path: built, op }
}

fn set(path: &str, value: impl Into<Value>) -> Change {
    change(path, Op::Set(value.into()))
}

fn edited(text: &str, changes: &[Change]) -> String {
    match edit(text, 0, changes) {
        Ok(Edited::New(new)) => new,
        Ok(Edited::Unchanged) => text.to_owned(),
        Err(e) => panic!("{e}\n{text}\n{changes:?}"),
    }
}

fn check(rows: &[(&str, &[Change], &str)]) {
    for (given, changes, expected) in rows {
        assert_eq!(
            edited(given, changes),
            *expected,
            "\ngiven {given:?}\nchanges {changes:?}"
        );
    }
}

#[test]
fn a_scalar_keeps_its_quotes_and_everything_around_it() {
    check(&[
        ("tag: v1\n", &[set("tag", "v2")], "tag: v2\n"),
        ("tag: v1", &[set("tag", "v2")], "tag: v2"),
        ("tag: \"v1\" # pin\n", &[set("tag", "v2")], "tag: \"v2\" # pin\n"),
        (
            "tag:   'it''s'  # x\nb: 1\n",
            &[set("tag", "it's 2")],
            "tag:   'it''s 2'  # x\nb: 1\n",
        ),
        ("tag: v1\n", &[set("tag", "1.20")], "tag: \"1.20\"\n"),
        ("tag: 1.19\n", &[set("tag", "1.20")], "tag: \"1.20\"\n"),
        ("tag:\n", &[set("tag", "v2")], "tag: v2\n"),
        ("tag: # none\nb: 1\n", &[set("tag", "v2")], "tag: v2 # none\nb: 1\n"),
        ("tag: ~\n", &[set("tag", "v2")], "tag: v2\n"),
        ("a: &t v1\nb: *t\n", &[set("a", "v2")], "a: &t v2\nb: *t\n"),
        ("a: &t v1\nb: *t\n", &[set("b", "v2")], "a: &t v2\nb: *t\n"),
        ("a: !!str 1.2\n", &[set("a", "1.3")], "a: !!str 1.3\n"),
        (
            "\u{feff}a: v1\r\nb: 'é'\r\n",
            &[set("a", "v2"), set("b", "ü")],
            "\u{feff}a: v2\r\nb: 'ü'\r\n",
        ),
        ("a: one\n  two\nb: 1\n", &[set("a", "three")], "a: three\nb: 1\n"),
        ("a: |\n  v1\n\n\nb: 1\n", &[set("a", "v2")], "a: |-\n  v2\n\n\nb: 1\n"),
        (
            "a: |  # c\n    v1\nb: 1\n",
            &[set("a", "x\ny\n")],
            "a: |  # c\n    x\n    y\nb: 1\n",
        ),
        (
            "a: >-\n  one\n  two\nb: 1\n",
            &[set("a", "three")],
            "a: >-\n  three\nb: 1\n",
        ),
        ("a: {b: v1, c: x}\n", &[set("a/b", "v2,3")], "a: {b: \"v2,3\", c: x}\n"),
        ("a: [x, y]\n", &[set("a/1", "z")], "a: [x, z]\n"),
        ("a: 1\n---\na: 2\n", &[set("a", 3)], "a: 3\n---\na: 2\n"),
        ("a: x\na: y\n", &[set("a", "z")], "a: z\na: y\n"),
        ("{\"a\": 1}\n", &[set("a", "x")], "{\"a\": \"x\"}\n"),
    ]);
}

#[test]
fn a_text_is_quoted_when_any_reader_would_take_it_for_something_else() {
    for (text, written) in [
        ("1.20.0", "1.20.0"),
        ("v1", "v1"),
        ("-x", "-x"),
        ("12e4567", "12e4567"),
        ("72225e2", "\"72225e2\""),
        ("6801028", "\"6801028\""),
        ("0x1f", "\"0x1f\""),
        ("0b11", "\"0b11\""),
        ("0o17", "\"0o17\""),
        ("017", "\"017\""),
        ("089", "\"089\""),
        ("1_000", "\"1_000\""),
        ("1:30", "\"1:30\""),
        (".5", "\".5\""),
        ("1.", "\"1.\""),
        ("+1", "\"+1\""),
        (".inf", "\".inf\""),
        ("2024-05-01", "\"2024-05-01\""),
        ("2024-05-01-rc1", "2024-05-01-rc1"),
        ("20240501", "\"20240501\""),
        ("true", "\"true\""),
        ("on", "\"on\""),
        ("Y", "\"Y\""),
        ("null", "\"null\""),
        ("~", "\"~\""),
        ("", "\"\""),
        ("<<", "\"<<\""),
        ("a: b", "\"a: b\""),
        ("a #b", "\"a #b\""),
        ("a:", "\"a:\""),
        ("a:b", "a:b"),
        ("*a", "\"*a\""),
        ("- a", "\"- a\""),
        ("---", "\"---\""),
        (" a", "\" a\""),
        ("a\tb", "\"a\\tb\""),
        ("a\u{2028}\u{1f600}\u{7}", "\"a\\u2028\u{1f600}\\u0007\""),
        ("acme/api:v1@sha256:00", "acme/api:v1@sha256:00"),
    ] {
        assert_eq!(
            edited("a: old\n", &[set("a", text)]),
            format!("a: {written}\n"),
            "{text:?}"
        );
    }
}

#[test]
fn keys_are_added_in_the_indentation_of_the_file() {
    check(&[
        ("", &[set("a/b", 1)], "a:\n  b: 1\n"),
        ("# only\n", &[set("a", 1)], "# only\na: 1\n"),
        ("# only", &[set("a", 1)], "# only\na: 1\n"),
        ("---\n", &[set("a", 1)], "---\na: 1\n"),
        ("---\n---\nb: 1\n", &[set("a", 1)], "---\na: 1\n---\nb: 1\n"),
        ("{}\n", &[set("a", 1)], "a: 1\n"),
        ("--- {} # x\n", &[set("a", 1)], "--- # x\na: 1\n"),
        (
            "a:\n    x: 1 # c\n\n# tail\nb: 2\n",
            &[set("a/w/z", "1")],
            "a:\n    x: 1 # c\n    w:\n        z: \"1\"\n\n# tail\nb: 2\n",
        ),
        ("a:\n  x: 1", &[set("a/w", 2), set("b", 3)], "a:\n  x: 1\n  w: 2\nb: 3"),
        ("a: {x: 1}\n", &[set("a/w", "v")], "a: {x: 1, w: v}\n"),
        ("a: {x: 1,}\n", &[set("a/w", "v")], "a: {x: 1, w: v}\n"),
        (
            "a: {\n  x: 1, # c\n  y: 2 # d\n}\n",
            &[set("a/z", 3)],
            "a: {\n  x: 1, # c\n  y: 2, # d\n  z: 3\n}\n",
        ),
        ("a: {}\nb: 1\n", &[set("a/x/w", 1)], "a:\n  x:\n    w: 1\nb: 1\n"),
        ("a: # c\nb: 1\n", &[set("a/x", 1)], "a: # c\n  x: 1\nb: 1\n"),
        ("a: null # c\nb: 1\n", &[set("a/x", 1)], "a: # c\n  x: 1\nb: 1\n"),
        (
            "- name: x\n  v: 1\n- name: y\n",
            &[set("1/v", 2)],
            "- name: x\n  v: 1\n- name: y\n  v: 2\n",
        ),
        ("a:\r\n  x: 1\r\n", &[set("a/w", 2)], "a:\r\n  x: 1\r\n  w: 2\r\n"),
        (
            "a: |\n  t\n\nb: |+\n  u\n\n",
            &[set("c", 1)],
            "a: |\n  t\n\nb: |+\n  u\n\nc: 1\n",
        ),
        (
            "a:\n  b: |\n    t\n\n# c\nz: 1\n",
            &[set("a/c", 1)],
            "a:\n  b: |\n    t\n  c: 1\n\n# c\nz: 1\n",
        ),
        (
            "a: 1\n---\nb: 2\n",
            &[set("i/t", "v1")],
            "a: 1\ni:\n  t: v1\n---\nb: 2\n",
        ),
        ("a: 1\n...\n", &[set("b", 2)], "a: 1\nb: 2\n...\n"),
        (
            "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n",
            &[set("a/c", "v"), set("d", json!([{"x": "y"}]))],
            "{\n  \"a\": {\n    \"b\": 1,\n    \"c\": \"v\"\n  },\n  \"d\": [{\"x\": \"y\"}]\n}\n",
        ),
        (
            "base: &b {x: 1}\na:\n  <<: *b\n",
            &[set("a/x", 2)],
            "base: &b {x: 1}\na:\n  <<: *b\n  x: 2\n",
        ),
        (
            "a: x\n",
            &[set("t", "l1\n\n  l2\n"), set("u", " l1\nl2")],
            "a: x\nt: |\n  l1\n\n    l2\nu: \" l1\\nl2\"\n",
        ),
        (
            "a: x\n",
            &[set("a b: c", 1), set("1.0", 2)],
            "a: x\n\"a b: c\": 1\n\"1.0\": 2\n",
        ),
    ]);
}

#[test]
fn list_entries_are_added_in_the_style_of_the_list() {
    let append = |path: &str, value: Value| change(path, Op::Append(value));
    check(&[
        ("l:\n- a\n# t\n", &[append("l", json!("b"))], "l:\n- a\n- b\n# t\n"),
        (
            "l:\n  - a # c\nm: 1\n",
            &[append("l", json!("b"))],
            "l:\n  - a # c\n  - b\nm: 1\n",
        ),
        (
            "l:\n-   name: a\n    v: 1\n",
            &[append("l", json!({"name": "b", "v": 2}))],
            "l:\n-   name: a\n    v: 1\n-   name: b\n    v: 2\n",
        ),
        ("l: []\n", &[append("l", json!({"k": 1}))], "l:\n- k: 1\n"),
        (
            "l: [] # c\nm:\n  - x\n",
            &[append("l", json!("a"))],
            "l: # c\n  - a\nm:\n  - x\n",
        ),
        ("l: [a, b]\n", &[append("l", json!("c"))], "l: [a, b, c]\n"),
        (
            "l: [\n  a,\n  b,\n]\n",
            &[append("l", json!("c"))],
            "l: [\n  a,\n  b,\n  c,\n]\n",
        ),
        (
            "l:\n  # first\n  - a\n",
            &[change("l", Op::Insert(0, json!("z")))],
            "l:\n  - z\n  # first\n  - a\n",
        ),
        ("- a\n", &[change("", Op::Insert(0, json!("z")))], "- z\n- a\n"),
        (
            "- - a\n  - b\n",
            &[change("0", Op::Insert(0, json!("z")))],
            "- - z\n  - a\n  - b\n",
        ),
        ("l:\n- a\n-\n- c", &[append("l", json!("d"))], "l:\n- a\n-\n- c\n- d"),
        (
            "l:\n- a\n-\n",
            &[set("l/1", json!({"x": 1, "z": 2}))],
            "l:\n- a\n- x: 1\n  z: 2\n",
        ),
        ("a: 1\n", &[append("l/m", json!("x"))], "a: 1\nl:\n  m:\n  - x\n"),
        ("l: [a]\n", &[change("l", Op::Insert(0, json!("z")))], "l: [z, a]\n"),
        (
            "l: [a, b]\n",
            &[change("l", Op::Insert(1, json!("z")))],
            "l: [a, z, b]\n",
        ),
    ]);
}

#[test]
fn what_is_removed_takes_its_lines_along_and_nothing_else() {
    let remove = |path: &str| change(path, Op::Remove);
    check(&[
        ("a: 1\nb: 2 # c\nc: 3\n", &[remove("b")], "a: 1\nc: 3\n"),
        ("a: 1\nb: 2\n", &[remove("a")], "b: 2\n"),
        ("a: 1\nb: 2", &[remove("b")], "a: 1"),
        ("# h\na: 1\n# about b\nb: 2\n", &[remove("b")], "# h\na: 1\n# about b\n"),
        (
            "x:\n  a: 1\n  b: 2\ny: 1\n",
            &[remove("x/b"), set("z", 1)],
            "x:\n  a: 1\ny: 1\nz: 1\n",
        ),
        (
            "y: 1\nx:\n  a: 1\n  b: 2\n",
            &[remove("x/b"), set("z", 1), set("x/c", 3)],
            "y: 1\nx:\n  a: 1\n  c: 3\nz: 1\n",
        ),
        ("x:\n  a: 1\ny: 1\n", &[remove("x/a")], "x: {}\ny: 1\n"),
        ("l:\n- a\n- b\n- c\n", &[remove("l/0")], "l:\n- b\n- c\n"),
        ("l:\n- a\n", &[remove("l/0")], "l: []\n"),
        ("- a: 1\n  b: 2\n  c: 3\n", &[remove("0/a")], "- b: 2\n  c: 3\n"),
        ("- a: 1\n  b: 2\n  c: 3\n", &[remove("0/a"), remove("0/b")], "- c: 3\n"),
        ("- a: 1\n  # c\n  b: 2\n", &[remove("0/a")], "- \n  # c\n  b: 2\n"),
        ("{a: 1, b: 2, c: 3}\n", &[remove("b")], "{a: 1, c: 3}\n"),
        (
            "{a: 1, b: 2, c: 3}\n",
            &[remove("b"), remove("c"), set("d", 4)],
            "{a: 1, d: 4}\n",
        ),
        ("{a: 1, b: 2, c: 3}\n", &[remove("a")], "{b: 2, c: 3}\n"),
        ("l: [a, b]\n", &[remove("l/1"), remove("l/0")], "l: []\n"),
        ("\u{feff}a: 1\nb: 2\n", &[remove("a")], "\u{feff}b: 2\n"),
    ]);
}

#[test]
fn keys_are_renamed_and_lists_put_in_order_with_their_comments() {
    check(&[
        (
            "a: 1 # c\nb: 2\n",
            &[change("a", Op::Rename("z".into()))],
            "z: 1 # c\nb: 2\n",
        ),
        ("'a': 1\n", &[change("a", Op::Rename("z".into()))], "'z': 1\n"),
        (
            "l:\n# about z\n- name: z # z\n  v: 1\n\n# about a\n- name: a\n# end\n",
            &[
                change("l", Op::Reorder(vec![1, 0])),
                set("l/1/v", 2),
                change("l", Op::Insert(1, json!({"name": "m"}))),
                set("k", 1),
            ],
            "l:\n\n# about a\n- name: a\n- name: m\n# about z\n- name: z # z\n  v: 2\nk: 1\n# end\n",
        ),
        ("l: [b, a]\n", &[change("l", Op::Reorder(vec![1, 0]))], "l: [a, b]\n"),
        ("- b\n- a", &[change("", Op::Reorder(vec![1, 0]))], "- a\n- b"),
    ]);
}

#[test]
fn a_value_of_another_kind_takes_the_place_of_the_old_one() {
    check(&[
        (
            "a: x # c\nb: 1\n",
            &[set("a", json!({"k": [1]}))],
            "a: # c\n  k:\n  - 1\nb: 1\n",
        ),
        ("a:\n  x: 1 # d\nb: 1\n", &[set("a", "v")], "a: v # d\nb: 1\n"),
        (
            "a:\n- x\n- y\nb: 1\n",
            &[set("a", json!({"k": 1}))],
            "a:\n  k: 1\nb: 1\n",
        ),
        ("- a: 1\n  b: 2\n- c\n", &[set("0", "x")], "- x\n- c\n"),
        (
            "- x # c\n",
            &[set("0", json!({"a": 1, "b": [2]}))],
            "- # c\n  a: 1\n  b:\n  - 2\n",
        ),
        (
            "- x\n- c\n",
            &[set("0", json!({"a": 1, "b": [2]}))],
            "- a: 1\n  b:\n  - 2\n- c\n",
        ),
        ("a: |\n  x\nb: 1\n", &[set("a", json!([1]))], "a:\n- 1\nb: 1\n"),
        ("a:\n  v\nb: 1\n", &[set("a", json!([1]))], "a:\n- 1\nb: 1\n"),
        ("a: [1, {b: 2}]\n", &[set("a/1", json!({"c": "d"}))], "a: [1, {c: d}]\n"),
        ("x\n", &[set("", json!({"a": 1}))], "a: 1\n"),
        ("a: 1\n", &[set("", "x")], "x\n"),
        ("a: &b\nc: 1\n", &[set("a/x", 1)], "a: &b\n  x: 1\nc: 1\n"),
    ]);
}

#[test]
fn a_whole_value_is_set_by_changing_only_what_differs() {
    let given = "spec: # s\n  source:\n    helm:\n      parameters:\n      # the tag\n      - name: tag # t\n        value: \"1.0\"\n      - {name: b, value: c}\n  other: [1, 2]\n";
    let before = Stream::parse(given).unwrap().documents()[0].to_value().unwrap();
    let mut after = before.clone();
    after["spec"]["source"]["helm"]["parameters"] = json!([{"name": "new", "value": "1"}, {"name": "tag", "value": "1.1"}, {"name": "b", "value": "c", "forceString": true}]);
    after["spec"].as_object_mut().unwrap().shift_remove("other");
    let new = "spec: # s\n  source:\n    helm:\n      parameters:\n      - name: new\n        value: \"1\"\n      # the tag\n      - name: tag # t\n        value: \"1.1\"\n      - {name: b, value: c, forceString: true}\n";
    assert_eq!(apply_value(given, 0, &before, &after), Ok(Edited::New(new.to_owned())));
    assert_eq!(apply_value(given, 0, &before, &before), Ok(Edited::Unchanged));
    assert_eq!(apply_value(given, 0, &after, &before), Err(EditError::Changed));
}

#[test]
fn a_value_behind_an_alias_is_written_out_when_it_alone_changes() {
    let given = "a: &x {t: 1}\nb: *x\nc:\n  <<: *x\n  u: 2\n";
    let before = Stream::parse(given).unwrap().documents()[0].to_value().unwrap();
    assert_eq!(before["c"], json!({"u": 2, "t": 1}));
    let mut after = before.clone();
    after["b"]["t"] = json!(5);
    after["c"]["t"] = json!(6);
    let new = "a: &x {t: 1}\nb:\n  t: 5\nc:\n  <<: *x\n  u: 2\n  t: 6\n";
    assert_eq!(apply_value(given, 0, &before, &after), Ok(Edited::New(new.to_owned())));
    after["c"].as_object_mut().unwrap().shift_remove("t");
    assert_eq!(apply_value(given, 0, &before, &after), Err(EditError::NotAsMeant));
}

#[test]
fn a_place_that_cannot_be_changed_is_named() {
    let merged = "base: &b\n  image:\n    tag: v1\nx:\n  <<: *b\n";
    let error = |text: &str, one: Change| edit(text, 0, &[one]).unwrap_err().to_string();
    for (given, one, expected) in [
        ("l: [1]\n", set("l/4", 1), "l[4]: there is no entry 4 among 1"),
        ("l: 1\n", set("l/4", 1), "l[4]: leads through something that is no list"),
        ("l: [1]\n", set("l/x", 1), "l.x: leads through something that is no map"),
        (
            "l: x\n",
            change("l", Op::Append(json!(1))),
            "l: leads through something that is no list",
        ),
        ("l: x\n", change("m", Op::Remove), "m: not there"),
        (
            "l: [1, 2]\n",
            change("l", Op::Reorder(vec![1, 1])),
            "l: not an order of the list's entries",
        ),
        (
            "a: !!int 5\n",
            set("a", "x"),
            "line 1: a value with a tag such as !!int cannot be edited; change it by hand once",
        ),
        (
            "b: 1\n? a\n: 1\n",
            set("a", "x"),
            "line 2: a key written with `?`, or without a colon, cannot be edited; change it by hand once",
        ),
        (
            merged,
            set("x/image/tag", "v2"),
            "x.image.tag: comes from a merge key (<<); write it out in the file first",
        ),
        ("a: [\n", set("a", 1), "not YAML: line 1: unclosed bracket '['"),
        (
            "a: *b\n",
            set("a", 1),
            "not YAML: line 1: while parsing node, found unknown anchor",
        ),
    ] {
        assert_eq!(error(given, one), expected, "{given}");
    }
    assert_eq!(
        edit("a: 1\n", 3, &[]),
        Err(EditError::NoSuchDocument { index: 3, count: 1 })
    );
}

#[test]
fn values_are_read_as_kubernetes_reads_them() {
    let read = |text: &str| Stream::parse(text).unwrap().documents()[0].to_value();
    let given = "a: yes\nb: 0644\nc: 1.5\nd: 2024-05-01\ne: ~\nf:\ng: 'on'\nh: 0x1f\ni: 1_000\n1: x\ntrue: y\nj: -3\nk: 18446744073709551615\n";
    assert_eq!(
        read(given).unwrap(),
        json!({"a": true, "b": 420, "c": 1.5, "d": "2024-05-01", "e": null, "f": null, "g": "on", "h": 31, "i": 1000,
               "1": "x", "true": true, "j": -3, "k": 18_446_744_073_709_551_615_u64})
    );
    assert_eq!(
        read("a: 1\na: 2\n").unwrap_err().to_string(),
        "line 2: the key is there twice"
    );
    assert_eq!(
        read("a: &a\n  b: *a\n").unwrap_err().to_string(),
        "line 2: an alias that contains itself"
    );
    assert_eq!(
        read("a: .inf\n").unwrap_err().reason,
        "infinity and NaN cannot be stored"
    );
}

#[test]
fn size_depth_and_aliases_are_bounded() {
    assert!(
        Stream::parse(&"[".repeat(10_000))
            .unwrap_err()
            .to_string()
            .contains("line 1")
    );
    let deep = (0..200).map(|n| " ".repeat(n)).collect::<Vec<_>>().join("a:\n");
    assert!(Stream::parse(&deep).is_err());
    assert!(Stream::parse(&" ".repeat(MAX_TEXT + 1)).is_err());
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let line = format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "));
        laughs.push_str(&line);
    }
    let stream = Stream::parse(&laughs).unwrap();
    assert_eq!(
        stream.documents()[0].to_value().unwrap_err().reason,
        "aliases expand to more than is read"
    );
    assert!(edited(&laughs, &[set("b", 1)]).ends_with("b: 1\n"));
}

#[test]
fn lines_are_found_for_messages() {
    let stream = Stream::parse("# x\na:\n  - b: 1\n    c: 2\n").unwrap();
    let document = &stream.documents()[0];
    assert_eq!(document.line_of(&Path::root().key("a").index(0).key("c")), 4);
    assert_eq!(document.line_of(&Path::root().key("a").index(0).key("zz")), 3);
    assert_eq!(
        document
            .locate(&Path::root().key("a").index(0).key("c"))
            .unwrap()
            .line(),
        4
    );
    assert_eq!(
        write(&json!({"a": {"b": [1, {"c": "on"}]}, "d": []})),
        "a:\n  b:\n  - 1\n  - c: \"on\"\nd: []\n"
    );
}

#[test]
fn the_effort_grows_with_the_text_and_not_with_its_square() {
    let entry = |n| format!("app{n}:\n  # note {n}\n  image:\n    tag: \"1.{n}\"\n  list: [a, b]\n");
    let text: String = (0..20_000).map(entry).collect();
    // With quadratic effort this would take minutes.
    let new = edited(
        &text,
        &[
            set("app10000/image/tag", "9.9"),
            change("app19999", Op::Remove),
            set("z", 1),
        ],
    );
    assert_eq!(new.lines().count(), text.lines().count() - 4);
}
