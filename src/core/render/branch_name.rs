//! Which texts are branch names: the rules of `git check-ref-format --branch`, and what a file system can store.
//!
//! Pure, and in one place: names from templates are checked here before anything is asked of a server, and those of a
//! server by `git::names`.

/// The most bytes of one component of a name; git adds `.lock` to it, and file systems stop at 255.
pub const MAX_COMPONENT: usize = 250;

/// The most bytes of a branch name.
const MAX_NAME: usize = 1000;

/// The rule that `text` breaks, in words that go on "it"; `None` for a branch name.
pub fn broken_rule(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.len() > MAX_NAME {
        return Some("it is longer than 1000 bytes");
    }
    if text == "@" || text == "HEAD" {
        return Some("the name is reserved");
    }
    if text.starts_with('-') {
        return Some("it starts with a dash");
    }
    if text
        .chars()
        .any(|c| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\'))
    {
        return Some("it contains a blank, a control character or one of ~^:?*[\\");
    }
    if text.contains("..") || text.contains("@{") || text.ends_with('.') {
        return Some("it contains '..' or '@{', or ends with a dot");
    }
    for component in text.split('/') {
        if component.is_empty() {
            return Some("it starts or ends with a slash, or has two in a row");
        }
        let lock = component.len() >= 5 && component.as_bytes().ends_with(b".lock");
        if component.starts_with('.') || lock {
            return Some("a component starts with a dot or ends with .lock");
        }
        if component.len() > MAX_COMPONENT {
            return Some("a component is longer than 250 bytes");
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_name_is_told_the_rule_that_it_breaks() {
        for (text, rule) in [
            ("main", None),
            ("image-updater/shop-1.2.0", None),
            ("größe/@a", None),
            ("", Some("empty")),
            ("HEAD", Some("reserved")),
            ("-a", Some("dash")),
            ("a b", Some("blank")),
            ("a:b", Some("one of ~^:?*[\\")),
            ("a..b", Some("'..'")),
            ("iu//a", Some("two in a row")),
            ("a/", Some("ends with a slash")),
            ("a/.b", Some("starts with a dot")),
            ("a.lock/b", Some(".lock")),
        ] {
            let broken = broken_rule(text);
            assert_eq!(broken.is_some(), rule.is_some(), "{text:?}: {broken:?}");
            assert!(
                broken.unwrap_or("").contains(rule.unwrap_or("")),
                "{text:?}: {broken:?}"
            );
        }
        assert_eq!(broken_rule(&"x".repeat(MAX_COMPONENT)), None);
        assert!(broken_rule(&"x".repeat(MAX_COMPONENT + 1)).is_some());
        assert!(broken_rule(&"x/".repeat(501)).is_some());
    }
}
