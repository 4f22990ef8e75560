use super::*;

fn rules(yaml: &str) -> Rules {
    Rules::compile(&references(yaml)).unwrap()
}

fn references(yaml: &str) -> Vec<ApplicationRef> {
    yaml_serde::from_str(yaml).unwrap()
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn the_most_specific_rule_that_matches_is_used() {
    let rules = rules(
        "[{namePattern: '*'}, {namePattern: 'shop-*'}, {namePattern: 'shop-api'}, {namePattern: 'shop-.*-eu'},
          {namePattern: 'shop-*', labelSelectors: {matchLabels: {tier: web}}}]",
    );
    assert_eq!(rules.order().collect::<Vec<_>>(), [2, 4, 3, 1, 0]);
    let table = [
        ("shop-api", &[][..], 2),
        ("shop-api", &[("tier", "web")], 2),
        ("shop-web", &[("tier", "web")], 4),
        ("shop-web", &[("tier", "db")], 1),
        ("shop-web-eu", &[], 3),
        ("cart", &[], 0),
    ];
    for (name, given, expected) in table {
        assert_eq!(
            rules.pick(name, Some(&labels(given))),
            Pick::Rule(expected),
            "{name} {given:?}"
        );
    }
}

#[test]
fn equally_specific_rules_keep_the_order_of_the_resource() {
    let rules = rules("[{namePattern: 'app-?'}, {namePattern: 'app-*'}, {namePattern: 'app-[1]'}]");
    assert_eq!(rules.order().collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(rules.pick("app-1", None), Pick::Rule(0));
    assert_eq!(rules.pick("app-10", None), Pick::Rule(1));
    assert_eq!(rules.pick("shop", None), Pick::None);
}

#[test]
fn an_invalid_selector_makes_its_rule_unusable_and_does_not_let_a_lesser_rule_in() {
    let rules = rules(
        "[{namePattern: '*'},
          {namePattern: 'shop-*', labelSelectors: {matchExpressions: [{key: tier, operator: Gt}]}}]",
    );
    let Pick::Unusable { rule, message } = rules.pick("shop-api", None) else {
        panic!("a rule was used")
    };
    assert_eq!(rule, 1);
    assert!(
        message.starts_with("spec.applicationRefs[1].labelSelectors.matchExpressions[0].operator: "),
        "{message}"
    );
    assert_eq!(rules.pick("cart", None), Pick::Rule(0));
}

#[test]
fn every_name_pattern_that_cannot_be_read_is_named() {
    let errors = Rules::compile(&references(
        "[{namePattern: 'a['}, {namePattern: ok}, {namePattern: 'regexp:('}]",
    ))
    .unwrap_err();
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "spec.applicationRefs[0].namePattern",
            "spec.applicationRefs[2].namePattern"
        ]
    );
    assert!(
        errors[0]
            .to_string()
            .starts_with("spec.applicationRefs[0].namePattern: \"a[\" is not a pattern: "),
        "{}",
        errors[0]
    );
}
