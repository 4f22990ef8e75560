use proptest::prelude::*;

use super::*;

#[test]
fn expressions_mean_what_they_mean_in_go() {
    let table = [
        (r"^\d+$", "12", true),
        (r"^\d+$", "१२", false),
        (r"^\w+$", "aé", false),
        (r"^[\w-]+$", "a-b_1", true),
        (r"^[^\W_]+$", "ab1", true),
        (r"^[^\W_]+$", "a_b", false),
        (r"\s", "\u{b}", false),
        (r"a\b", "aé", true),
        (r"a\Bb", "ab", true),
        (r"^\Qa.b*\E+$", "a.b**", true),
        (r"^\Qa.b", "a.bc", true),
        (r"^a\z", "a\n", false),
        (r"^a$", "a\n", false),
        (r"(?m)^a$", "a\nb", true),
        (r"^(?P<key>[0-9]+)$", "7", true),
        (r"^(?<key>[0-9]+)$", "7", true),
        (r"^(?i:V)1", "v1", true),
        (r"(?)a", "a", true),
        (r"^\<a\>$", "<a>", true),
        (r"^a{,2}$", "a{,2}", true),
        (r"^a{x}$", "a{x}", true),
        (r"^{a}$", "{a}", true),
        (r"^a{2,3}$", "aaa", true),
        (r"^[[a]+$", "[a", true),
        (r"^[]a]+$", "]a", true),
        (r"^[^]a]$", "b", true),
        (r"^[a&&b]+$", "a&b", true),
        (r"^[a~~b]+$", "a~b", true),
        (r"^[a-c-e]+$", "b-e", true),
        (r"^[+--]$", ",", true),
        (r"^[[:alpha:]_]+$", "ab_", true),
        (r"^[[:^alpha:]]+$", "1-2", true),
        (r"^[\x41\x{42}\103]+$", "ABC", true),
        (r"^\052\x2a$", "**", true),
        (r"^\pL\p{Greek}\p{^Greek}\PL$", "aαa1", true),
        (r"^[\p{Lu}\d]+$", "A1", true),
        (r"^\/\_\-\ $", "/_- ", true),
        (r"^#a b$", "#a b", true),
        (r"^a|b$", "xb", true),
        (r"^(a|)$", "", true),
        (r"^.$", "\n", false),
        (r"^[^a]$", "\n", true),
        (r"^*a", "a", true),
        ("", "anything", true),
    ];
    for (expression, text, expected) in table {
        let regex = compile(expression).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(regex.is_match(text), expected, "{expression} {text:?}");
    }
}

#[test]
fn what_go_refuses_is_refused() {
    let table = [
        "([",
        "(",
        ")",
        "a)(b",
        "[a",
        "[]",
        "[b-a]",
        "[a--]",
        r"[a-\d]",
        "a**",
        "a*+",
        "a{2}{3}",
        "a???",
        "*",
        "+a",
        "a|*",
        "(?x)a",
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?P=a)",
        "(?P<a",
        "(?P<>a)",
        "(?i-)a",
        r"\1",
        r"\8",
        r"\Z",
        r"\C",
        r"\h",
        r"\é",
        "\\",
        r"\p",
        r"\p{",
        r"\p{Nonsense}",
        r"\x",
        r"\x4",
        r"\x{110000}",
        r"\x{d800}",
        "a{1001}",
        "a{3,2}",
        r"[\b]",
        "[[:x:]]",
        r"[\Qa\E]",
    ];
    for expression in table {
        assert!(compile(expression).is_err(), "{expression}");
    }
}

#[test]
fn an_anchored_expression_matches_whole_texts() {
    let regex = compile_anchored("a|bc").unwrap();
    let matched: Vec<_> = ["a", "bc", "ab", "abc", "bcx"]
        .into_iter()
        .filter(|text| regex.is_match(text))
        .collect();
    assert_eq!(matched, ["a", "bc"]);
    assert!(compile_anchored("a)(b").is_err());
    assert!(compile_anchored("(?i)A").unwrap().is_match("a"));
}

#[test]
fn the_size_of_an_expression_is_bounded() {
    assert!(compile(&"a".repeat(MAX_LENGTH + 1)).is_err());
    assert!(compile(r"((\pL{1000}){1000}){1000}").is_err());
    assert!(compile(&format!("{}a{}", "(".repeat(500), ")".repeat(500))).is_err());
    assert!(compile(r"^[\w][\w.-]{0,127}$").is_ok());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(expression in "\\PC{0,40}") {
        let _ = compile_anchored(&expression);
    }

    #[test]
    fn what_looks_like_an_expression_never_panics(expression in r"[a-c\\\[\](){}*+?|^$.,:<>=!QEPpdxb0-9&~é-]{0,24}") {
        let _ = compile(&expression);
    }

    #[test]
    fn quoted_text_matches_itself_and_nothing_else(text in "\\PC{0,20}", other in "\\PC{0,20}") {
        prop_assume!(!text.contains("\\E"));
        // A backslash at the end would take the backslash of the closing quote.
        prop_assume!(!text.ends_with('\\'));
        let regex = compile_anchored(&format!(r"\Q{text}\E")).unwrap();
        prop_assert!(regex.is_match(&text));
        prop_assert_eq!(regex.is_match(&other), text == other);
    }
}
