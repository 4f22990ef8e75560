use std::{collections::BTreeMap, sync::Arc};

use super::*;

/// One application with two changes.
fn data() -> Value {
    let change = |image: &str, old: &str, new: &str, labels: &[(&str, &str)]| {
        let labels: BTreeMap<String, String> = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Value::fields([
            ("Image", image.into()),
            ("OldTag", old.into()),
            ("NewTag", new.into()),
            ("Labels", Value::Map(Arc::new(labels))),
        ])
    };
    let changes = [
        change("acme/api", "v1.0.0", "v1.1.0", &[("a.b", "x"), ("rev", "deadbeef")]),
        change("acme/web", "2.0", "2.1é", &[]),
    ];
    Value::fields([
        ("AppName", "shop".into()),
        ("AppChanges", changes.into_iter().collect()),
    ])
}

fn render(template: &str) -> Result<String, RenderError> {
    Template::parse(template)
        .unwrap_or_else(|error| panic!("{template}: {error}"))
        .render(&data())
}

/// Templates and their results in Go 1.26 for the same data.
const AS_IN_GO: &[(&str, &str)] = &[
    ("x", "x"),
    ("{{.AppName}}", "shop"),
    ("{{ .AppName }}", "shop"),
    (
        "{{.AppChanges}}",
        "[{acme/api v1.0.0 v1.1.0 map[a.b:x rev:deadbeef]} {acme/web 2.0 2.1é map[]}]",
    ),
    (
        "{{.}}",
        "{shop [{acme/api v1.0.0 v1.1.0 map[a.b:x rev:deadbeef]} {acme/web 2.0 2.1é map[]}]}",
    ),
    (
        "{{$}}",
        "{shop [{acme/api v1.0.0 v1.1.0 map[a.b:x rev:deadbeef]} {acme/web 2.0 2.1é map[]}]}",
    ),
    ("{{$.AppName}}", "shop"),
    ("{{range .AppChanges}}{{.Image}} {{end}}", "acme/api acme/web "),
    (
        "{{range $i, $c := .AppChanges}}{{$i}}={{$c.Image}}:{{$.AppName}} {{end}}",
        "0=acme/api:shop 1=acme/web:shop ",
    ),
    (
        "{{range $c := .AppChanges}}{{$c.NewTag}}{{else}}none{{end}}",
        "v1.1.02.1é",
    ),
    (
        "{{range .AppChanges}}{{.Labels}}{{end}}",
        "map[a.b:x rev:deadbeef]map[]",
    ),
    ("{{range .AppChanges}}{{.Labels.rev}},{{end}}", "deadbeef,<no value>,"),
    (
        "{{range .AppChanges}}{{.Labels.nope}},{{end}}",
        "<no value>,<no value>,",
    ),
    (
        "{{range .AppChanges}}{{.Labels.nope.x}},{{end}}",
        "<no value>,<no value>,",
    ),
    ("{{range .AppChanges}}{{index .Labels \"rev\"}},{{end}}", "deadbeef,,"),
    ("{{range .AppChanges}}{{index .Labels \"nope\"}},{{end}}", ",,"),
    (
        "{{range .AppChanges}}{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}{{end}}",
        "a.b=x;rev=deadbeef;",
    ),
    (
        "{{range .AppChanges}}{{range .Labels}}{{.}};{{else}}no labels{{end}}{{end}}",
        "x;deadbeef;no labels",
    ),
    ("{{(index .AppChanges 0).Image}}", "acme/api"),
    ("{{index .AppName 0}}", "115"),
    (
        "{{index .AppChanges}}",
        "[{acme/api v1.0.0 v1.1.0 map[a.b:x rev:deadbeef]} {acme/web 2.0 2.1é map[]}]",
    ),
    ("{{len .AppChanges}}", "2"),
    ("{{len .AppName}}", "4"),
    ("{{slice .AppName 1 2}}", "h"),
    ("{{slice .AppName 1}}", "hop"),
    ("{{slice .AppName}}", "shop"),
    (
        "{{slice .AppChanges 0 1}}",
        "[{acme/api v1.0.0 v1.1.0 map[a.b:x rev:deadbeef]}]",
    ),
    (
        "{{slice .AppChanges 0 1 2}}",
        "[{acme/api v1.0.0 v1.1.0 map[a.b:x rev:deadbeef]}]",
    ),
    ("{{range .AppChanges}}{{slice .NewTag 0 3}}{{end}}", "v1.2.1"),
    ("{{printf \"%s-%d\" \"x\" (len .AppChanges)}}", "x-2"),
    (
        "{{printf \"%v %q %x %5s|%-5s|%05d %t\" .AppName .AppName .AppName \"a\" \"b\" 42 true}}",
        "shop \"shop\" 73686f70     a|b    |00042 true",
    ),
    ("{{printf \"%s\"}}", "%!s(MISSING)"),
    ("{{printf \"%d\" \"x\"}}", "%!d(string=x)"),
    ("{{printf \"%s %s\" .AppName}}", "shop %!s(MISSING)"),
    ("{{printf \"%s\" .AppName \"extra\"}}", "shop%!(EXTRA string=extra)"),
    (
        "{{printf \"%v\" .AppChanges}}",
        "[{acme/api v1.0.0 v1.1.0 map[a.b:x rev:deadbeef]} {acme/web 2.0 2.1é map[]}]",
    ),
    ("{{printf \"%.3s\" .AppName}}", "sho"),
    ("{{printf \"%%\"}}", "%"),
    ("{{printf \"%c\" 65}}", "A"),
    ("{{printf \"%U\" 65}}", "U+0041"),
    ("{{printf \"%6.2f\" 3.14159}}", "  3.14"),
    ("{{printf \"%*d\" 5 42}}", "   42"),
    ("{{printf \"%[2]s %[1]s\" \"a\" \"b\"}}", "b a"),
    ("{{printf \"%s\" nil}}", "%!s(<nil>)"),
    ("{{print 1 2 \"a\" \"b\" 3 4}}", "1 2ab3 4"),
    ("{{print nil}}", "<nil>"),
    ("{{println 1 2 \"a\"}}", "1 2 a\n"),
    ("{{print}}", ""),
    ("{{html \"<a&'\\\">\"}}", "&lt;a&amp;&#39;&#34;&gt;"),
    ("{{js \"it's <b>\"}}", "it\\'s \\u003Cb\\u003E"),
    ("{{urlquery \"a b&c\"}}", "a+b%26c"),
    ("{{\"a\" | printf \"%s-%s\" \"b\"}}", "b-a"),
    ("{{.AppName | len | printf \"%03d\"}}", "004"),
    ("{{eq .AppName \"shop\"}}", "true"),
    ("{{eq .AppName \"a\" \"b\" \"shop\"}}", "true"),
    ("{{ne 1 2}}", "true"),
    (
        "{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge \"b\" \"a\"}}",
        "true true false true",
    ),
    ("{{eq nil nil}}", "true"),
    ("{{eq .AppName nil}}", "false"),
    ("{{eq true true}}", "true"),
    ("{{and false .Nope}}", "false"),
    ("{{or true .Nope}}", "true"),
    ("{{if .AppChanges}}some{{else}}none{{end}}", "some"),
    (
        "{{if not .AppChanges}}some{{else if eq .AppName \"shop\"}}shop{{else}}none{{end}}",
        "shop",
    ),
    (
        "{{if eq .AppName \"x\"}}1{{else if eq .AppName \"y\"}}2{{else if eq .AppName \"shop\"}}3{{end}}!",
        "3!",
    ),
    ("{{with .AppName}}{{.}}{{else}}none{{end}}", "shop"),
    ("{{with \"\"}}{{.}}{{else}}none{{end}}", "none"),
    ("{{with \"\"}}{{.}}{{else with .AppName}}{{.}}{{end}}", "shop"),
    ("{{with $x := .AppName}}{{$x}}{{end}}", "shop"),
    ("{{if $x := .AppName}}{{$x}}{{else}}{{$x}}{{end}}", "shop"),
    ("{{$x := 1}}{{$x = 2}}{{$x}}", "2"),
    ("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"),
    ("{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"),
    ("{{$x := 1 | printf \"%d\"}}{{$x}}", "1"),
    ("{{define \"a\"}}[{{.}}]{{end}}{{template \"a\" .AppName}}", "[shop]"),
    ("{{define \"a\"}}[{{.}}]{{end}}{{template \"a\"}}", "[<no value>]"),
    (
        "{{define \"a\"}}[{{.AppName}}]{{end}}{{template \"a\"}}",
        "[<no value>]",
    ),
    ("{{define \"a\"}}[{{$.AppName}}]{{end}}{{template \"a\" .}}", "[shop]"),
    (
        "{{define \"a\"}}x{{end}}{{define \"a\"}} {{end}}{{template \"a\"}}",
        "x",
    ),
    ("{{template \"a\"}}{{define \"a\"}}x{{end}}", "x"),
    ("{{block \"b\" .AppName}}<{{.}}>{{end}}", "<shop>"),
    ("{{range .AppChanges}}{{break}}{{end}}", ""),
    (
        "{{range .AppChanges}}{{.Image}}{{continue}}x{{end}}",
        "acme/apiacme/web",
    ),
    (
        "{{range .AppChanges}}{{if eq .Image \"acme/web\"}}{{break}}{{end}}{{.Image}}{{end}}",
        "acme/api",
    ),
    ("{{range 3}}{{.}}{{end}}", "012"),
    ("{{range $i := 3}}{{$i}}{{end}}", "012"),
    ("{{range 0}}x{{else}}none{{end}}", "none"),
    ("{{range -1}}x{{else}}none{{end}}", "none"),
    ("{{`a\nb`}}", "a\nb"),
    ("{{'a'}}", "97"),
    ("{{/* c */}}", ""),
    ("a {{/* c */}} b", "a  b"),
    ("a {{- /* c */}} b", "a b"),
    ("a {{/* c */ -}} b", "a b"),
    ("a {{- /* c */ -}} b", "ab"),
    ("{{/* a }} b */}}x", "x"),
    ("{{- .AppName -}}", "shop"),
    (" a  {{- .AppName -}}  b ", " ashopb "),
    ("a {{- 3}} b", "a3 b"),
    ("a {{-3}} b", "a -3 b"),
    ("{{\"}}\"}}", "}}"),
    ("{{\"{{\"}}", "{{"),
    ("{{ \"a\\tb\\x41\\u00e9\" }}", "a\tbAé"),
    (
        "{{1.5}} {{1e3}} {{0x1F}} {{0b11}} {{0o17}} {{017}} {{1_000}} {{1.0}} {{-5}} {{+5}}",
        "1.5 1000 31 3 15 15 1000 1 -5 5",
    ),
    (
        "{{1e100}} {{0.000001}} {{123456789.0}} {{1e21}}",
        "1e+100 1e-06 1.23456789e+08 1e+21",
    ),
    ("{{true}} {{false}}", "true false"),
    ("{{print nil | printf \"%v\"}}", "<nil>"),
    ("{{(.AppName)}}", "shop"),
    ("{{((len (.AppName)))}}", "4"),
    ("{{if false}}{{.Nope}}{{end}}ok", "ok"),
    ("{{if true}}x{{ end }}", "x"),
    ("{{if true }}{{ if false }}a{{ else }}b{{ end }}{{ end }}", "b"),
    ("{{with index .AppChanges 0}}{{.Image}}{{end}}", "acme/api"),
    ("{{with (index .AppChanges 0).Labels}}{{.rev}}{{end}}", "deadbeef"),
    (
        "{{range .AppChanges}}{{with index .Labels \"rev\"}}{{.}}{{else}}none{{end}};{{end}}",
        "deadbeef;none;",
    ),
    (
        "{{range .AppChanges}}{{if and (eq .OldTag \"v1.0.0\") (ne .NewTag \"\")}}yes{{end}}{{end}}",
        "yes",
    ),
    (
        "{{printf \"%s\" (index (index .AppChanges 0).Labels \"rev\") | printf \"%.7s\"}}",
        "deadbee",
    ),
    ("{{len (printf \"%s\" .AppName)}}", "4"),
    (
        "{{$n := len .AppChanges}}{{if gt $n 1}}{{$n}} images{{else}}one{{end}}",
        "2 images",
    ),
    (
        "{{range $i, $c := .AppChanges}}{{if $i}}, {{end}}{{$c.Image}}{{end}}",
        "acme/api, acme/web",
    ),
    ("{{- range .AppChanges -}} {{ .Image }} {{- end -}}", "acme/apiacme/web"),
    (
        "{{range .AppChanges}}\n- {{.Image}}: {{.OldTag}} -> {{.NewTag}}\n{{- end}}",
        "\n- acme/api: v1.0.0 -> v1.1.0\n- acme/web: 2.0 -> 2.1é",
    ),
    ("{{not true | print}}", "false"),
    ("{{true | not}}", "false"),
    ("{{\"a\" | and \"b\"}} {{\"\" | or \"b\"}}", "a b"),
    (
        "{{html 1 2}} {{html nil}} {{js 3}} {{urlquery \"ä/\"}}",
        "1 2 &lt;no value&gt; 3 %C3%A4%2F",
    ),
    (
        "{{html .AppChanges}}",
        "[{acme/api v1.0.0 v1.1.0 map[a.b:x rev:deadbeef]} {acme/web 2.0 2.1é map[]}]",
    ),
    ("{{println}}x", "\nx"),
    ("{{eq 'a' 97}}", "true"),
    ("{{slice \"héllo\" 0 2}}", "h�"),
    ("{{\"quote \\\" inside\"}}", "quote \" inside"),
    ("{{.AppName}}{{\"\\n\"}}{{.AppName}}", "shop\nshop"),
    ("{{range .AppChanges}}{{continue}}{{end}}x", "x"),
    ("{{if .AppName}}{{end}}{{.AppName}}", "shop"),
    ("{{if eq (len .AppChanges) 2}}two{{end}}", "two"),
    ("{{template \"x\" 1}}{{define \"x\"}}{{printf \"%d\" .}}{{end}}", "1"),
    ("{{len \"é\"}}", "2"),
    ("{{lt 1.5 2.5}}", "true"),
    ("{{index \"abc\" 1}}", "98"),
    ("{{print 'a'}}", "97"),
    ("{{print 1.5 2.5}}", "1.5 2.5"),
    ("{{print true false}}", "true false"),
    ("{{eq \"a\" \"a\" 1}}", "true"),
    ("{{.AppName | html | printf \"%q\"}}", "\"shop\""),
    (
        "{{define \"T\"}}{{if .}}{{slice . 1 | printf \"%s\"}}{{end}}{{end}}{{template \"T\" \"abc\"}}",
        "bc",
    ),
];

#[test]
fn templates_give_what_go_gives() {
    for (template, expected) in AS_IN_GO {
        assert_eq!(render(template).as_deref(), Ok(*expected), "{template}");
    }
}

#[test]
fn what_go_does_not_parse_is_refused() {
    for template in [
        "{{range .AppChanges}}{{range $k, $v := .Labels}}{{$k}}={{$v};}{{end}}{{end}}",
        "{{1 | 2}}",
        "{{.AppName | \"x\"}}",
        "{{.AppName | nil}}",
        "{{.AppName | .}}",
        "{{with $x := .AppName}}{{end}}{{$x}}",
        "{{$y}}",
        "{{define \"a\"}}x{{end}}{{define \"a\"}}y{{end}}{{template \"a\"}}",
        "{{block \"b\"}}<{{.}}>{{end}}",
        "{{if true}}{{define \"a\"}}x{{end}}{{end}}",
        "{{$x := 1}}{{define \"a\"}}{{$x}}{{end}}",
        "{{break}}",
        "{{if true}}{{break}}{{end}}",
        "{{range .AppChanges}}{{else}}{{break}}{{end}}",
        "{{range $i, $j, $k := .AppChanges}}x{{end}}",
        "{{end}}",
        "a{{end}}b",
        "{{if true}}x",
        "{{if true}}x{{else}}y{{else}}z{{end}}",
        "{{else}}",
        "{{range .AppChanges}}x{{else if true}}y{{end}}",
        "{{with .AppName}}x{{else if true}}y{{end}}",
        "{{if true}}x{{else with true}}y{{end}}",
        "{{if}}x{{end}}",
        "{{range}}x{{end}}",
        "{{with}}x{{end}}",
        "{{}}",
        "{{ }}",
        "{{.AppName",
        "{{.AppName}",
        "{{\"abc}}",
        "{{\"a\nb\"}}",
        "{{'ab'}}",
        "{{ /* c */}}",
        "{{/* c */ }}",
        "{{/* c",
        "a {{-.AppName}}",
        "a {{.AppName-}} b",
        "{{99999999999999999999}}",
        "{{(.AppName}}",
        "{{.AppName)}}",
        "{{upper .AppName}}",
        "{{if false}}{{upper .AppName}}{{end}}",
        "{{.AppName,.AppName}}",
        "{{.AppName;}}",
        "{{ | len}}",
        "{{define}}x{{end}}",
        "{{define \"a\" .}}x{{end}}",
        "{{define a}}x{{end}}",
        "{{template}}",
        "{{template a}}",
        "{{end }}",
        "{{if true}}x{{end .}}",
        "{{if true}}x{{else .}}y{{end}}",
        "{{break 1}}",
    ] {
        assert!(Template::parse(template).is_err(), "{template}");
    }
}

#[test]
fn what_fails_in_go_fails_here() {
    for template in [
        "{{.Nope}}",
        "{{range .AppChanges}}{{index .Labels 1}},{{end}}",
        "{{(index .AppChanges 3).Image}}",
        "{{index .AppChanges 0 \"x\"}}",
        "{{index .AppName 99}}",
        "{{index .AppName -1}}",
        "{{len 3}}",
        "{{len nil}}",
        "{{slice .AppName 3 2}}",
        "{{slice .AppName 0 99}}",
        "{{slice .AppName 0 1 2}}",
        "{{slice .AppChanges 0 1 9}}",
        "{{printf 3}}",
        "{{\"x\" | .AppName}}",
        "{{.AppName \"x\"}}",
        "{{eq 1 1.0}}",
        "{{eq 1 \"1\"}}",
        "{{eq .AppName}}",
        "{{eq}}",
        "{{ne 1 2 3}}",
        "{{lt true false}}",
        "{{lt 1 \"a\"}}",
        "{{eq .AppChanges .AppChanges}}",
        "{{and 1 0 2}} {{or 0 \"\" 3}} {{not 0}} {{not \"\"}} {{and}} ",
        "{{and true .Nope}}",
        "{{not}}",
        "{{not 1 2}}",
        "{{$x = 1}}",
        "{{$x := $x}}",
        "{{template \"nope\"}}",
        "{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}",
        "{{range $i, $v := 3}}{{$i}}{{end}}",
        "{{range nil}}x{{end}}",
        "{{range .AppName}}x{{end}}",
        "{{range .}}x{{end}}",
        "{{range \"abc\"}}{{.}}{{end}}",
        "{{range true}}x{{end}}",
        "a {{- /* c\n\nd */ -}} b{{.Nope}}",
        "{{18446744073709551615}}",
        "{{nil}}",
        "{{.AppName.X}}",
        "{{.AppChanges.X}}",
        "{{call .AppName}}",
        "{{call nil}}",
        "{{template \"a\" . .}}",
        "{{. .}}",
        "{{.AppName .AppName}}",
        "{{index .AppChanges 0 | len}}",
        "{{index .AppChanges \"x\"}}",
        "{{lt 1 2.5}}",
        "{{eq 1 \"a\" 1}}",
        "{{or}}",
        "{{.appName}}",
    ] {
        assert!(render(template).is_err(), "{template}");
    }
}

#[test]
fn the_error_names_the_line_and_what_is_wrong() {
    for (template, expected) in [
        (
            "a\n{{ if .AppName }}\nb\n",
            "the template is not valid: line 2: this block has no {{end}}",
        ),
        (
            "a\n\n{{ upper .AppName }}",
            "the template is not valid: line 3: there is no function \"upper\"",
        ),
        (
            "{{/* c\n */}}{{ $x }}",
            "the template is not valid: line 2: the variable $x is not declared here",
        ),
        (
            "a{{ end }}",
            "the template is not valid: line 1: {{end}} without a block",
        ),
        (
            "{{ .AppName",
            "the template is not valid: line 1: the action is not closed by }}",
        ),
    ] {
        assert_eq!(Template::parse(template).unwrap_err().to_string(), expected);
    }
    for (template, expected) in [
        (
            "a\n{{ .Nope }}",
            "the template failed: line 2: there is no field .Nope, only .AppName .AppChanges",
        ),
        (
            "{{ index .AppChanges 3 }}",
            "the template failed: line 1: index: there is no entry 3",
        ),
        (
            "{{ template \"x\" }}",
            "the template failed: line 1: there is no template \"x\"",
        ),
    ] {
        assert_eq!(render(template).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_field_is_found_wherever_it_is_asked_for() {
    for (template, expected) in [
        ("{{range .AppChanges}}{{index .Labels \"x\"}}{{end}}", true),
        ("{{define \"d\"}}{{.Labels.x}}{{end}}", true),
        ("{{(index .AppChanges 0).Labels.x}}", true),
        ("{{with $c := .AppChanges}}{{else}}{{$c.Labels}}{{end}}", true),
        ("{{printf \"%s\" (len .Labels)}}", true),
        ("{{.AppName}} Labels {{\"Labels\"}}", false),
    ] {
        let template = Template::parse(template).unwrap();
        assert_eq!(template.mentions_field("Labels"), expected);
    }
}

#[test]
fn no_template_takes_long_or_makes_much() {
    use std::fmt::Write as _;

    let mut doubling = "{{define \"t0\"}}{{end}}".to_owned();
    for n in 1..60 {
        let _ = write!(
            doubling,
            "{{{{define \"t{n}\"}}}}{{{{template \"t{0}\"}}}}{{{{template \"t{0}\"}}}}{{{{end}}}}",
            n - 1
        );
    }
    for (template, expected) in [
        (format!("{doubling}{{{{template \"t40\"}}}}"), RenderError::TooManySteps),
        ("{{range 1000000000000}}{{end}}".to_owned(), RenderError::TooManySteps),
        (
            "{{range 1000000}}text text text{{end}}".to_owned(),
            RenderError::TooLong,
        ),
        (
            "{{$x := \"abcdefgh\"}}{{range 100}}{{$x = print $x $x}}{{end}}".to_owned(),
            RenderError::TooLong,
        ),
        (
            "{{$x := printf \"%1000s\" \"\"}}{{range 100000}}{{$y := print $x $x}}{{end}}".to_owned(),
            RenderError::TooLong,
        ),
        (
            format!("{{{{printf \"{}\" 1}}}}", "%900[1]d".repeat(5000)),
            RenderError::TooLong,
        ),
        (
            "{{define \"r\"}}{{template \"r\"}}{{end}}{{template \"r\"}}".to_owned(),
            RenderError::TooDeep,
        ),
    ] {
        let template = Template::parse(&template).unwrap();
        assert_eq!(template.render(&data()), Err(expected));
    }
    assert!(render("{{printf \"%99999d\" 1}}").is_err());
    assert!(render("{{printf \"%*d\" 99999 1}}").is_err());
    // Numbers in the text of a format are no widths.
    assert_eq!(
        render("{{printf \"20240501 %s%% 20240501\" \"a\"}}").unwrap(),
        "20240501 a% 20240501"
    );
    for deep in [
        format!("{}{}", "{{if true}}".repeat(3000), "{{end}}".repeat(3000)),
        format!("{{{{if true}}}}{}{{{{end}}}}", "{{else if true}}".repeat(3000)),
        format!("{{{{{}1{}}}}}", "(".repeat(3000), ")".repeat(3000)),
        "x".repeat(MAX_TEMPLATE + 1),
    ] {
        assert!(Template::parse(&deep).is_err());
    }
}
