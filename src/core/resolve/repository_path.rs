//! Paths inside a repository: cleaned, relative to its root, and never outside of it.

/// A path that leaves the repository, or that git cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the path leads out of the repository, or into .git")]
pub struct OutsideRepository;

/// `path` below `folder`, or from the repository root when it starts with a slash: `.` and `..` are resolved, double and
/// trailing slashes dropped. The root itself is `.`.
pub fn join(folder: &str, path: &str) -> Result<String, OutsideRepository> {
    let folder = if path.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or(OutsideRepository)?;
            }
            part if part.eq_ignore_ascii_case(".git") || part.contains(char::is_control) => {
                return Err(OutsideRepository);
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Ok(".".to_owned());
    }
    Ok(parts.join("/"))
}

/// The last component of `path`.
pub fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_and_stay_inside() {
        for (folder, path, expected) in [
            ("apps/shop", "", Ok("apps/shop")),
            ("apps/shop/", "values.yaml", Ok("apps/shop/values.yaml")),
            ("./a/../b", "x", Ok("b/x")),
            ("", "", Ok(".")),
            (".", "x", Ok("x")),
            ("a", "/b/./c//d", Ok("b/c/d")),
            ("apps/shop", "../../base", Ok("base")),
            ("apps/shop", "../../../base", Err(OutsideRepository)),
            ("../x", "y", Err(OutsideRepository)),
            ("a", "/..", Err(OutsideRepository)),
            ("a", ".git/config", Err(OutsideRepository)),
            ("a", "b\0c", Err(OutsideRepository)),
        ] {
            assert_eq!(
                join(folder, path).as_deref(),
                expected.as_ref().map(|p| *p),
                "{folder} {path}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn no_path_leaves_the_repository(folder in "[./a]{0,8}", path in "[./a]{0,8}") {
            if let Ok(joined) = join(&folder, &path) {
                proptest::prop_assert!(!joined.split('/').any(|part| part == ".." || part.is_empty()));
            }
        }
    }
}
