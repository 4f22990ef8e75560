use proptest::prelude::*;

use super::*;

fn accepts(constraint: &str, version: &str) -> bool {
    let constraint = Constraint::parse(constraint).unwrap_or_else(|error| panic!("{error}"));
    constraint.accepts(&Version::parse(version).unwrap())
}

#[test]
fn terms_accept_what_they_accept_in_the_original() {
    let table: &[(&str, &[&str], &[&str])] = &[
        ("", &["0.0.0", "9.9.9"], &["1.0.0-a"]),
        ("*", &["0.0.0", "9.9.9"], &["1.0.0-a"]),
        ("=*", &["0.0.0", "9.9.9"], &[]),
        (">=*", &["0.0.0", "9.9.9"], &[]),
        ("*-0", &["0.0.0-0", "9.9.9-a"], &[]),
        ("^*", &["0.0.0"], &["0.0.1", "0.1.0", "1.0.0"]),
        ("<=*", &["0.0.0", "0.0.9"], &["0.1.0", "1.0.0"]),
        (">*", &["0.0.1"], &["0.0.0"]),
        ("!=*", &["0.0.1"], &["0.0.0"]),
        ("1.2.3", &["1.2.3", "v1.2.3"], &["1.2.4"]),
        ("=1.2", &["1.2.0", "1.2.9"], &["1.3.0", "1.1.9"]),
        ("1", &["1.0.0", "1.9.9"], &["2.0.0", "0.9.9"]),
        ("1.x.3", &["1.2.3", "1.0.0"], &["2.0.0"]),
        ("0", &["0.0.0", "0.9.0"], &["1.0.0"]),
        ("!=1.2.3", &["1.2.4"], &["1.2.3"]),
        ("!=1.2", &["1.3.0", "2.2.0"], &["1.2.0", "1.2.9"]),
        ("!=1", &["2.0.0"], &["1.0.0", "1.2.3"]),
        ("!=1.2.x-a", &["1.2.3-b", "1.2.3"], &["1.2.3-a"]),
        (">1.2.3", &["1.2.4"], &["1.2.3"]),
        (">1.2", &["1.3.0", "2.0.0"], &["1.2.9"]),
        (">1", &["2.0.0"], &["1.9.9"]),
        ("<1.2", &["1.1.9"], &["1.2.0"]),
        (">=1.2", &["1.2.0"], &["1.1.9"]),
        ("=>1.2", &["1.2.0"], &["1.1.9"]),
        ("<=1.2.3", &["1.2.3"], &["1.2.4"]),
        ("<=1.2", &["1.2.9", "0.9.9"], &["1.3.0", "2.0.0"]),
        ("<=1", &["1.9.9"], &["2.0.0"]),
        ("~1.2.5", &["1.2.5", "1.2.9"], &["1.2.4", "1.3.0"]),
        ("~>1", &["1.9.0"], &["2.0.0"]),
        ("~0.0.0", &["0.0.0", "5.0.0"], &[]),
        ("~0.0", &["0.0.9"], &["0.1.0"]),
        (
            "~3.0.0-rc.0",
            &["3.0.0-rc.1", "3.0.0", "3.0.1-a"],
            &["3.1.0", "3.0.0-0"],
        ),
        ("^1.2.3", &["1.2.3", "1.9.0"], &["1.2.2", "2.0.0"]),
        ("^0.2.3", &["0.2.9"], &["0.3.0", "1.0.0"]),
        ("^0.0.3", &["0.0.3"], &["0.0.4", "0.1.3"]),
        ("^0.0", &["0.0.9"], &["0.1.0"]),
        ("^0", &["0.9.0"], &["1.0.0"]),
        ("1.0 - 1.2", &["1.0.0", "1.2.9"], &["1.3.0", "0.9.0"]),
        ("1.0.0 - 2.0.0, !=1.5.0", &["1.4.0"], &["1.5.0", "2.0.1"]),
        ("!=1.5.0,1.0.0 - 2.0.0 || 3", &["1.4.0", "3.1.0"], &["1.5.0", "2.0.1"]),
        (">=1.0 <2.0 , !=1.5.0", &["1.4.0"], &["1.5.0", "2.0.0"]),
        ("<2 || >=3.0.0-0", &["1.0.0", "3.0.0-rc"], &["1.0.0-rc", "2.0.0"]),
        ("1.0.0+b", &["1.0.0"], &["1.0.1"]),
        ("> v2024.01.x", &["2024.2.0"], &["2024.1.9"]),
    ];
    for (constraint, within, outside) in table {
        for version in *within {
            assert!(accepts(constraint, version), "{constraint} accepts {version}");
        }
        for version in *outside {
            assert!(!accepts(constraint, version), "{constraint} does not accept {version}");
        }
    }
}

#[test]
fn what_does_not_fit_the_grammar_is_an_error() {
    let table = [
        "stable",
        "not valid",
        " ",
        ">1 ||",
        "|| >1",
        "1.2.3.4",
        "1,,2",
        ",1",
        "1,",
        ">",
        ">1<2",
        "1>=2",
        "> =1",
        "<>1",
        "V1",
        "1x",
        "xx",
        "1.y",
        "1.",
        "1.0.0-",
        "1.0.0-01",
        "1.0.0-a.",
        "1.0.0+",
        "1|2",
        "==1",
        "1 - ",
        "1 - 2 - 3",
        ">1 - 2",
        "!=1.5 1.0 - 2.0",
        "99999999999999999999",
        "é",
    ];
    for text in table {
        assert!(Constraint::parse(text).is_err(), "{text:?}");
    }
    assert!(Constraint::parse(&"1 ".repeat(1000)).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}") {
        let _ = Constraint::parse(&text);
    }

    #[test]
    fn what_looks_like_a_constraint_never_panics(
        text in "[0-2xv*.,|<>=!~^ +a-]{0,24}",
        version in "[0-2]\\.[0-2]\\.[0-2](-[a-c0-2])?",
    ) {
        if let Ok(constraint) = Constraint::parse(&text) {
            let _ = constraint.accepts(&Version::parse(&version).unwrap());
        }
    }

    #[test]
    fn comparisons_agree_with_the_order_of_versions(
        one in (0u64..3, 0u64..3, 0u64..3),
        other in (0u64..3, 0u64..3, 0u64..3),
    ) {
        let text = |(a, b, c): (u64, u64, u64)| format!("{a}.{b}.{c}");
        let (own, v) = (text(one), text(other));
        prop_assert_eq!(accepts(&format!(">{own}"), &v), other > one);
        prop_assert_eq!(accepts(&format!(">={own}"), &v), other >= one);
        prop_assert_eq!(accepts(&format!("<{own}"), &v), other < one);
        prop_assert_eq!(accepts(&format!("<={own}"), &v), other <= one);
        prop_assert_eq!(accepts(&own, &v), other == one);
        prop_assert_eq!(accepts(&format!("!={own}"), &v), other != one);
        for operator in ["~", "^"] {
            let accepted = accepts(&format!("{operator}{own}"), &v);
            prop_assert!(!accepted || other >= one, "{}{} {}", operator, own, v);
        }
    }
}
