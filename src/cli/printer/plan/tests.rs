//! What goes to git, on the page.

use super::*;
use crate::core::report::plan_view::GitValue;

const DIFF: &str = "\
--- a/apps/web/values.yaml
+++ b/apps/web/values.yaml
@@ -1,4 +1,4 @@
 image:
   # the tag that runs
-  tag: v1.0.0
+  tag: v1.1.0
 replicas:   3
";

fn page(color: bool, width: Option<usize>) -> Page {
    Page { color, width }
}

fn git(files: Vec<FilePlan>) -> GitPlan {
    GitPlan {
        repository: "https://git.example.com/deploy".to_owned(),
        base_branch: Some("main".to_owned()),
        push_branch: None,
        file: "apps/web/values.yaml".to_owned(),
        values: vec![GitValue {
            path: "helm.parameters".to_owned(),
            name: Some("image.tag".to_owned()),
            value: "v1.1.0".to_owned(),
        }],
        files,
        more_files: None,
    }
}

fn values_file() -> FilePlan {
    FilePlan {
        path: "apps/web/values.yaml".to_owned(),
        diff: DIFF.to_owned(),
        new: false,
    }
}

#[test]
fn a_file_that_was_read_is_shown_as_a_diff_blanks_and_all() {
    let expected = "
    repository  https://git.example.com/deploy
    branch      main
    file        apps/web/values.yaml

    --- a/apps/web/values.yaml
    +++ b/apps/web/values.yaml
    @@ -1,4 +1,4 @@
     image:
       # the tag that runs
    -  tag: v1.0.0
    +  tag: v1.1.0
     replicas:   3
";
    assert_eq!(of_git(&git(vec![values_file()]), page(false, None)), expected);
    let narrow = of_git(&git(vec![values_file()]), page(false, Some(20)));
    assert!(
        narrow.ends_with("\n    +  tag: v1.1.0\n     replicas:   3\n"),
        "{narrow}"
    );
}

#[test]
fn a_file_that_could_not_be_read_is_told_by_its_values() {
    let expected = "
    repository  https://git.example.com/deploy
    branch      main
    file        apps/web/values.yaml
    holds afterwards, unless it does already:
    + helm.parameters image.tag: v1.1.0
";
    assert_eq!(of_git(&git(Vec::new()), page(false, None)), expected);
}

#[test]
fn only_what_goes_and_comes_is_coloured() {
    let text = of_git(&git(vec![values_file()]), page(true, None));
    for line in [
        "\u{1b}[1m--- a/apps/web/values.yaml\u{1b}[0m",
        "\u{1b}[1m+++ b/apps/web/values.yaml\u{1b}[0m",
        "\u{1b}[2m@@ -1,4 +1,4 @@\u{1b}[0m",
        "\u{1b}[31m-  tag: v1.0.0\u{1b}[0m",
        "\u{1b}[32m+  tag: v1.1.0\u{1b}[0m",
        "    \u{20}image:\n",
    ] {
        assert!(text.contains(line), "{line:?}: {text:?}");
    }
    assert!(!of_git(&git(vec![values_file()]), page(false, None)).contains('\u{1b}'));
}

#[test]
fn several_files_follow_each_other_and_a_long_diff_is_cut() {
    let mut long = values_file();
    long.diff.extend((0..200).map(|n| format!("+line {n}\n")));
    let mut git = git(vec![long, values_file()]);
    git.more_files = Some(7);
    let text = of_git(&git, page(false, None));
    assert!(
        text.contains("    +line 91\n    108 more lines of this diff; -o json shows more of it\n\n    --- a/apps/web/values.yaml\n"),
        "{text}"
    );
    assert!(text.ends_with("    and 7 more files\n"), "{text}");
}

#[test]
fn a_line_of_a_file_cannot_reach_the_terminal() {
    let mut file = values_file();
    file.diff.push_str("+evil: \u{1b}[2J\u{202e}\n");
    let text = of_git(&git(vec![file]), page(false, None));
    assert!(text.contains("+evil: \\u{1b}[2J\\u{202e}"), "{text}");
}
