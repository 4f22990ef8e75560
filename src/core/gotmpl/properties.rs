//! Random templates: nothing panics, and what comes out is bounded.

use proptest::prelude::*;

use super::*;

fn data() -> Value {
    let change = Value::fields([
        ("Image", "acme/api".into()),
        ("Labels", Value::Map(std::sync::Arc::default())),
    ]);
    Value::fields([
        ("AppName", "shöp".into()),
        ("AppChanges", [change].into_iter().collect()),
    ])
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        ".",
        "$",
        ".AppName",
        ".AppChanges",
        ".Image",
        ".Labels",
        "$x",
        "nil",
        "true",
        "0",
        "-1",
        "3",
        "1.5",
        "\"a\"",
        "\"%s|%5d\"",
        "'a'",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(3, 12, 3, |inner| {
        let function = prop::sample::select(vec![
            "len", "index", "printf", "print", "eq", "lt", "and", "or", "not", "slice", "html", "js", "urlquery",
        ]);
        (function, prop::collection::vec(inner.clone(), 0..4), any::<bool>()).prop_map(|(name, arguments, piped)| {
            let mut parts = vec![name.to_owned()];
            parts.extend(arguments.iter().map(|argument| format!("({argument})")));
            parts.extend(piped.then(|| "| print".to_owned()));
            parts.join(" ")
        })
    })
}

fn template() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("text \n".to_owned()),
        expression().prop_map(|e| format!("{{{{{e}}}}}")),
        expression().prop_map(|e| format!("{{{{- $x := {e} -}}}}")),
        expression().prop_map(|e| format!("{{{{template \"d\" {e}}}}}")),
        Just("{{/* c */}}".to_owned()),
        Just("{{break}}".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let body = prop::collection::vec(inner, 1..4).prop_map(|parts| parts.concat());
        let word = prop::sample::select(vec!["if", "with", "range", "range $i, $x :=", "with $x :="]);
        (word, expression(), body.clone(), body)
            .prop_map(|(word, e, body, other)| format!("{{{{{word} {e}}}}}{body}{{{{else}}}}{other}{{{{end}}}}"))
    })
}

proptest! {
    #[test]
    fn well_formed_templates_end_with_a_bounded_text_or_an_error(
        body in template(), defined in template(), defines in any::<bool>(),
    ) {
        let define = if defines { format!("{{{{define \"d\"}}}}{defined}{{{{end}}}}") } else { String::new() };
        if let Ok(template) = Template::parse(&format!("{{{{$x := 1}}}}{body}{define}"))
            && let Ok(text) = template.render(&data())
        {
            prop_assert!(text.len() <= MAX_OUTPUT);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(
        text in "(\\{\\{|\\}\\}|\\{\\{-| -\\}\\}|/\\*|\\*/|if |else|else if |end|range |with |define |block |template |break|\"a\"|\"|`|'|\\.|\\.A|\\$x|:=|=|\\||\\(|\\)|,| |\n|1|-|0x|1e|é|\\\\|len ){0,20}",
    ) {
        if let Ok(template) = Template::parse(&text) {
            let _ = template.render(&data());
        }
    }

    #[test]
    fn no_format_makes_printf_panic(
        format in "(%|[-+# 0]|[0-9]|\\.|\\*|\\[|\\]|[vsdqxXtcUboegfEG]|é){0,12}", number in any::<i64>(), text in any::<String>(),
    ) {
        let _ = printf::printf(&format.into(), &[Value::Int(number), text.into(), Value::Bool(true), Value::Float(1e300)]);
    }
}
