//! What becomes of a file, as a unified diff (the format of `diff -u` and `git apply`).

use similar::TextDiff;

use crate::core::report::FileChange;

/// The unchanged lines around each change.
const CONTEXT: usize = 3;

/// The most lines of a diff, and the most bytes: a person reads no more, and a file may be one line of megabytes.
const MOST_LINES: usize = 500;
const MOST_BYTES: usize = 64 << 10;

/// The diff of `file`. Too long a one ends with a line that says how much is left out; like the remark about a missing
/// line break it begins with a backslash, as no line of a file does in a diff.
pub(super) fn unified(file: &FileChange) -> String {
    let path = shown(&file.path);
    let old = match file.before {
        Some(_) => format!("a/{path}"),
        None => "/dev/null".to_owned(),
    };
    let diff = TextDiff::from_lines(file.before.as_deref().unwrap_or_default(), &file.after);
    let text = diff
        .unified_diff()
        .context_radius(CONTEXT)
        .header(&old, &format!("b/{path}"))
        .to_string();
    bounded(text)
}

/// A path with a line break in it would look like lines of the diff.
fn shown(path: &str) -> String {
    let spelled = |c: char| {
        let hostile = c.is_control();
        let spelled = hostile.then(|| c.escape_default().to_string());
        spelled.unwrap_or_else(|| c.to_string())
    };
    path.chars().map(spelled).collect()
}

fn bounded(text: String) -> String {
    let (mut end, mut lines) = (0, 0);
    for line in text.split_inclusive('\n') {
        if lines == MOST_LINES || end + line.len() > MOST_BYTES {
            let left = text.get(end..).unwrap_or_default().split_inclusive('\n').count();
            let many = if left == 1 { "line is" } else { "lines are" };
            return format!(
                "{}\\ {left} more {many} not shown\n",
                text.get(..end).unwrap_or_default()
            );
        }
        end += line.len();
        lines += 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn file(before: Option<&str>, after: &str) -> FileChange {
        FileChange {
            path: "apps/web/values.yaml".to_owned(),
            before: before.map(str::to_owned),
            after: after.to_owned(),
        }
    }

    #[test]
    fn three_lines_stand_around_a_change() {
        let before = "1\n2\n3\n4\nimage: a\n6\n7\n8\n9\n";
        let after = before.replace("image: a", "image: b");
        assert_eq!(
            unified(&file(Some(before), &after)),
            "\
--- a/apps/web/values.yaml
+++ b/apps/web/values.yaml
@@ -2,7 +2,7 @@
 2
 3
 4
-image: a
+image: b
 6
 7
 8
"
        );
    }

    #[test]
    fn a_new_file_comes_from_nowhere_and_a_missing_line_break_is_told() {
        assert_eq!(
            unified(&file(None, "kustomize:\n  images: []")),
            "\
--- /dev/null
+++ b/apps/web/values.yaml
@@ -0,0 +1,2 @@
+kustomize:
+  images: []
\\ No newline at end of file
"
        );
        let crlf = unified(&file(Some("a: 1\r\nb: 1\r\n"), "a: 1\r\nb: 2\r\n"));
        assert!(crlf.ends_with(" a: 1\r\n-b: 1\r\n+b: 2\r\n"), "{crlf:?}");
        assert_eq!(unified(&file(Some("a\n"), "a\n")), "", "nothing changes");
    }

    #[test]
    fn what_is_too_long_is_cut_and_said() {
        let mut many = String::new();
        for n in 0..2 * MOST_LINES {
            let _ = writeln!(many, "{n}");
        }
        let diff = unified(&file(None, &many));
        assert_eq!(diff.lines().count(), MOST_LINES + 1);
        assert!(diff.ends_with("+496\n\\ 503 more lines are not shown\n"), "{diff}");

        let wide = "x".repeat(MOST_BYTES);
        let diff = unified(&file(Some("a\n"), &format!("{wide}\n")));
        assert!(diff.ends_with("-a\n\\ 1 more line is not shown\n"), "{diff}");
    }

    #[test]
    fn a_path_cannot_look_like_a_line() {
        let hostile = FileChange {
            path: "a\n+b".to_owned(),
            ..file(None, "c\n")
        };
        assert_eq!(unified(&hostile).lines().nth(1), Some("+++ b/a\\n+b"));
    }

    proptest! {
        #[test]
        fn every_line_of_a_diff_says_what_it_is(before in "([a-c ]{0,3}\n){0,12}", after in "([a-c ]{0,3}\n){0,12}") {
            let diff = unified(&file(Some(&before), &after));
            prop_assert_eq!(diff.is_empty(), before == after);
            let lines: Vec<_> = diff.lines().skip(2).collect();
            prop_assert!(lines.iter().all(|line| line.starts_with([' ', '+', '-', '@'])));
            // The lines that stay and come are lines of the new text, in their order.
            let mut rest = after.lines();
            for line in lines.iter().filter(|line| line.starts_with([' ', '+'])) {
                prop_assert!(rest.any(|known| known == &line[1..]), "{line}");
            }
        }
    }
}
