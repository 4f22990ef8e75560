use super::*;

fn directory(recurse: bool, include: &str, exclude: &str) -> DirectorySource {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    DirectorySource {
        recurse: recurse.then_some(true),
        include: given(include),
        exclude: given(exclude),
    }
}

#[test]
fn a_star_stays_in_its_folder_and_two_are_any_folders() {
    for (folder, pattern, path, expected) in [
        ("apps", "a.yaml", "apps/a.yaml", true),
        ("apps", "a.yaml", "apps/b.yaml", false),
        ("apps", "/a.yaml", "a.yaml", true),
        ("apps", "../base/a.yaml", "base/a.yaml", true),
        ("apps", "*.yaml", "apps/a.yaml", true),
        ("apps", "*.yaml", "apps/.yaml", true),
        ("apps", "*.yaml", "apps/x/a.yaml", false),
        ("apps", "*.yaml", "other/a.yaml", false),
        ("apps", "?.yaml", "apps/a.yaml", true),
        ("apps", "?.yaml", "apps/ab.yaml", false),
        ("apps", "?.yaml", "apps/ä.yaml", true),
        ("apps", "**/*.yaml", "apps/a.yaml", true),
        ("apps", "**/*.yaml", "apps/x/y/a.yaml", true),
        ("apps", "**/*.yaml", "appsx/a.yaml", false),
        ("apps", "**", "apps/x/a.yaml", true),
        ("apps", "**", "apps", false),
        ("apps", "x/**/prod/*.yaml", "apps/x/prod/a.yaml", true),
        ("apps", "x/**/prod/*.yaml", "apps/x/eu/west/prod/a.yaml", true),
        ("apps", "x/**/prod/*.yaml", "apps/x/preprod/a.yaml", false),
        ("apps", "*/*.yaml", "apps/x/a.yaml", true),
        ("apps", "*/*.yaml", "apps/a.yaml", false),
        ("apps", "a**b.yaml", "apps/axxb.yaml", true),
        ("apps", "a**b.yaml", "apps/ax/xb.yaml", false),
        ("", "**/deploy-*.y?ml", "x/deploy-a.yaml", true),
        (".", "*.yaml", "a.yaml", true),
        ("app[1]", "[a].yaml", "app[1]/[a].yaml", true),
        ("a*b", "*.yaml", "a*b/x.yaml", true),
        ("a*b", "*.yaml", "axb/x.yaml", false),
        ("apps", "../*/a.yaml", "base/a.yaml", true),
    ] {
        let found = PathPattern::parse(folder, pattern).unwrap();
        assert_eq!(found.matches(path), expected, "{folder} {pattern} {path}");
        let folder = path.rsplit_once('/').map(|(folder, _)| folder);
        assert!(
            !expected || folder.is_none_or(|folder| found.may_hold(folder)),
            "{pattern} {path}"
        );
    }
}

#[test]
fn a_pattern_stays_in_the_repository() {
    for (folder, pattern) in [
        ("apps", "../../*.yaml"),
        ("apps", "/.."),
        ("apps", ".git/config"),
        ("apps", "x/.GIT/*"),
        ("../x", "a.yaml"),
        ("apps", "a\nb"),
    ] {
        assert_eq!(
            PathPattern::parse(folder, pattern),
            Err(OutsideRepository),
            "{folder} {pattern}"
        );
    }
    assert!(matches!(
        PathPattern::of_folder("../x", None),
        Err(InvalidFolder::Outside(_))
    ));
}

#[test]
fn only_folders_that_may_hold_a_match_are_searched() {
    let recursive = directory(true, "", "");
    for (pattern, folder, expected) in [
        (PathPattern::parse("apps", "x/a.yaml").unwrap(), "apps", true),
        (PathPattern::parse("apps", "x/a.yaml").unwrap(), "apps/x", true),
        (PathPattern::parse("apps", "x/a.yaml").unwrap(), "app", false),
        (PathPattern::parse("apps", "x/a.yaml").unwrap(), "apps/y", false),
        (PathPattern::parse("apps", "*/a.yaml").unwrap(), "apps/y", true),
        (PathPattern::parse("apps", "*/a.yaml").unwrap(), "apps/y/z", false),
        (PathPattern::parse("apps", "**/a.yaml").unwrap(), "apps/y/z", true),
        (PathPattern::parse("apps", "**/a.yaml").unwrap(), "other", false),
        (PathPattern::of_folder("apps/x", None).unwrap(), "apps", true),
        (PathPattern::of_folder("apps/x", None).unwrap(), "apps/x", true),
        (PathPattern::of_folder("apps/x", None).unwrap(), "apps/x/y", false),
        (
            PathPattern::of_folder("apps", Some(&recursive)).unwrap(),
            "apps/y",
            true,
        ),
        (
            PathPattern::of_folder("apps", Some(&recursive)).unwrap(),
            "appsy",
            false,
        ),
        (PathPattern::of_folder(".", Some(&recursive)).unwrap(), "y", true),
        (PathPattern::of_folder("", None).unwrap(), "y", false),
    ] {
        assert_eq!(pattern.may_hold(folder), expected, "{pattern} {folder}");
    }
}

#[test]
fn a_folder_is_read_as_argo_cd_reads_it() {
    for (settings, path, expected) in [
        (directory(false, "", ""), "apps/a.yaml", true),
        (directory(false, "", ""), "apps/a.yml", true),
        (directory(false, "", ""), "apps/a.json", true),
        (directory(false, "", ""), "apps/a.txt", false),
        (directory(false, "", ""), "apps/x/a.yaml", false),
        (directory(false, "", ""), "a.yaml", false),
        (directory(true, "", ""), "apps/x/a.yaml", true),
        (directory(true, "", "x/*"), "apps/x/a.yaml", false),
        (directory(true, "", "x/*"), "apps/x/y/a.yaml", false),
        (directory(true, "x/*", ""), "apps/a.yaml", false),
        (directory(true, "x/*", ""), "apps/x/y/a.yaml", true),
        (directory(true, "*.yaml", "x/*"), "apps/x/a.yaml", false),
        (directory(true, "{a,b}.yaml", ""), "apps/b.yaml", true),
        (directory(true, "{*.yml,x/{c,d}*}", ""), "apps/x/d1.yaml", true),
        (directory(true, "{*.yml,x/{c,d}*}", ""), "apps/x/e1.yaml", false),
        (directory(true, "[a-c]?.yaml", ""), "apps/bx.yaml", true),
        (directory(true, "[!a-c]?.yaml", ""), "apps/bx.yaml", false),
        (directory(true, "\\*.yaml", ""), "apps/a.yaml", false),
        (directory(true, "\\*.yaml", ""), "apps/*.yaml", true),
        (directory(true, "a,b}.yaml", ""), "apps/a,b}.yaml", true),
    ] {
        let found = PathPattern::of_folder("./apps/", Some(&settings)).unwrap();
        assert_eq!(found.matches(path), expected, "{settings:?} {path}");
    }
    assert_eq!(PathPattern::of_folder("", None).unwrap().as_str(), "*.yaml");
}

#[test]
fn a_pattern_of_the_source_that_cannot_be_read_is_no_pattern() {
    for text in [
        "{a",
        "[a",
        "[]",
        "a\\",
        "{a,b",
        "[!]",
        &"{a,b}".repeat(7),
        &"a".repeat(5000),
    ] {
        let settings = directory(false, text, "");
        let found = PathPattern::of_folder("apps", Some(&settings));
        assert!(matches!(found, Err(InvalidFolder::Wild(_))), "{text} {found:?}");
    }
}

proptest::proptest! {
    #[test]
    fn what_matches_lies_in_a_folder_that_is_searched(pattern in "[a*?/]{0,8}", path in "[a/]{1,10}") {
        if let Ok(pattern) = PathPattern::parse("", &pattern)
            && pattern.matches(&path)
        {
            let mut folder = path.as_str();
            while let Some((above, _)) = folder.rsplit_once('/') {
                proptest::prop_assert!(pattern.may_hold(above), "{} {}", pattern, above);
                folder = above;
            }
        }
    }
}
