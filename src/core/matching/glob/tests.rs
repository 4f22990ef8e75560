use proptest::prelude::*;

use super::*;

#[test]
fn patterns_match_as_in_go() {
    let table = [
        ("abc", "abc", true),
        ("*", "abc", true),
        ("*c", "abc", true),
        ("a*", "abc", true),
        ("a*", "ab/c", false),
        ("a*/b", "abc/b", true),
        ("a*/b", "a/c/b", false),
        ("a*b*c*d*e*/f", "axbxcxdxe/f", true),
        ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
        ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false),
        ("a*b?c*x", "abxbbxdbxebxczzx", true),
        ("a*b?c*x", "abxbbxdbxebxczzy", false),
        ("ab[c]", "abc", true),
        ("ab[b-d]", "abc", true),
        ("ab[e-g]", "abc", false),
        ("ab[^c]", "abc", false),
        ("ab[^e-g]", "abc", true),
        ("a\\*b", "a*b", true),
        ("a\\*b", "ab", false),
        ("a?b", "aéb", true),
        ("a[^a]b", "aéb", true),
        ("a???b", "aéb", false),
        ("[a-ζ]*", "α", true),
        ("*[a-ζ]", "A", false),
        ("a?b", "a/b", false),
        ("a*b", "a/b", false),
        ("a[^x]b", "a/b", true),
        ("[\\]a]", "]", true),
        ("[\\-]", "-", true),
        ("[x\\-]", "x", true),
        ("[\\-x]", "a", false),
        ("*x", "xxx", true),
        ("**a**b**", "xaxbx", true),
        ("a]", "a]", true),
        ("*é", "éé", true),
        ("[[]", "[", true),
    ];
    for (pattern, text, expected) in table {
        assert_eq!(
            Glob::parse(pattern).unwrap().matches(text),
            expected,
            "{pattern} {text}"
        );
    }
}

#[test]
fn malformed_patterns_are_errors() {
    let table = [
        "[]a]", "[-]", "[x-]", "[-x]", "[", "[^", "[^bc", "a[", "a[a", "[a-b-c]", "[]", "[^]", "\\", "a\\", "[\\",
        "[a-]",
    ];
    for pattern in table {
        assert!(Glob::parse(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn many_stars_do_not_take_exponential_time() {
    // With exponential effort this would not end.
    let glob = Glob::parse(&"a*".repeat(200)).unwrap();
    let text = "a".repeat(5000) + "/";
    assert!(!glob.matches(&text));
    assert!(!Glob::parse(&("*a".repeat(200) + "b")).unwrap().matches(&text[..5000]));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(pattern in "[a-c*?\\[\\]\\\\^/é-]{0,16}", text in "[a-c/é-]{0,16}") {
        if let Ok(glob) = Glob::parse(&pattern) {
            let _ = glob.matches(&text);
        }
    }

    #[test]
    fn escaped_text_matches_itself(text in "\\PC{0,20}") {
        let pattern: String = text.chars().flat_map(|c| ['\\', c]).collect();
        prop_assert!(Glob::parse(&pattern).unwrap().matches(&text));
    }

    #[test]
    fn a_star_on_both_sides_is_a_search(text in "[a-c]{0,12}", part in "[a-c]{0,3}") {
        prop_assert_eq!(Glob::parse(&format!("*{part}*")).unwrap().matches(&text), text.contains(&part));
    }
}
