//! What `sourceRepos` and `sourceNamespaces` of an AppProject allow, as Argo CD's documentation says (User Guide,
//! "Projects"; Operator Manual, "Applications in any namespace").
//!
//! A repository is allowed when a rule without `!` matches it and no rule with `!` does. `*` alone matches everything; in
//! a longer pattern it stops at a slash, and `**` does not. Denials are read generously and permissions narrowly: a second
//! spelling of a URL must not get around a denial, and a denial that cannot be read denies.

use ::regex::Regex;

use crate::core::{matching::regex, repository_url};

/// Whether `source_repos` allow the repository.
pub fn allows(source_repos: &[String], repository: &str) -> bool {
    let repository = canonical(repository);
    // The text itself counts too: decoded, it may hold what would be special in a pattern.
    let matches = |pattern: &str| {
        let canonical = canonical(pattern);
        if pattern == "*" || canonical == repository {
            return Some(true);
        }
        Some(glob(&canonical)?.is_match(&repository))
    };
    let (denials, permissions): (Vec<&str>, Vec<&str>) = source_repos
        .iter()
        .map(|rule| rule.trim())
        .partition(|rule| rule.starts_with('!'));
    let is_denied = denials
        .iter()
        .any(|rule| matches(rule.trim_start_matches('!')).unwrap_or(true));
    !is_denied && permissions.iter().any(|rule| matches(rule).unwrap_or(false))
}

/// Whether `source_namespaces` have the namespace: as a glob, or as a regular expression between slashes.
pub fn admits(source_namespaces: &[String], namespace: &str) -> bool {
    source_namespaces.iter().map(|rule| rule.trim()).any(|rule| {
        let expression = rule.strip_prefix('/').and_then(|rule| rule.strip_suffix('/'));
        let parsed = match expression {
            Some(expression) => regex::compile(expression).ok(),
            None => glob(rule),
        };
        !namespace.is_empty() && parsed.is_some_and(|parsed| parsed.is_match(namespace))
    })
}

/// One spelling for all that lead to the same place: beside what [`repository_url::normalize`] does, `%xx` is decoded,
/// default ports, doubled and trailing slashes and the dot behind a host are dropped, and a colon before a path is a
/// slash. Patterns are spelled the same way.
fn canonical(url: &str) -> String {
    let decoded = decode(&repository_url::normalize(url));
    let (scheme, rest) = decoded.split_once("://").unwrap_or(("", &decoded));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let default_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => ":22",
    };
    let host = host.strip_suffix(default_port).unwrap_or(host);
    let host = match host.rsplit_once(':') {
        Some((host, folder)) if !folder.is_empty() && !folder.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{}/{folder}", host.trim_end_matches('.'))
        }
        _ => host.trim_end_matches('.').to_owned(),
    };
    let parts = std::iter::once(host.as_str()).chain(path.split('/').filter(|part| !part.is_empty()));
    let joined = parts.collect::<Vec<_>>().join("/");
    let joined = joined.strip_suffix(".git").unwrap_or(&joined);
    if scheme.is_empty() {
        joined.to_owned()
    } else {
        format!("{scheme}://{joined}")
    }
}

/// `%xx` decoded once, as a server does; what is no text afterwards stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let code = more
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|code| hex::decode(code).ok());
        if let Some([byte]) = code.as_deref() {
            bytes.push(*byte);
            rest = more.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = more;
        }
    }
    String::from_utf8(bytes).map_or_else(|_| text.to_owned(), |decoded| decoded.to_lowercase())
}

/// A glob that matches a whole text; `None` when it cannot be read. `*` and `?` stop at slashes, `**` does not; `[a-z]`
/// and `[!a-z]` are sets, `{a,b}` alternatives, and a backslash takes the next character as it is.
fn glob(pattern: &str) -> Option<Regex> {
    let mut expression = String::with_capacity(pattern.len() * 2);
    let mut alternatives = 0_u32;
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                while rest.next_if_eq(&'*').is_some() {}
                expression.push_str("(?s:.)*");
            }
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            '[' => expression.push_str(&set(&mut rest)?),
            '{' => {
                alternatives += 1;
                expression.push_str("(?:");
            }
            ',' if alternatives > 0 => expression.push('|'),
            '}' if alternatives > 0 => {
                alternatives -= 1;
                expression.push(')');
            }
            '\\' => expression.push_str(&literal(rest.next()?)),
            c => expression.push_str(&literal(c)),
        }
    }
    if alternatives > 0 {
        return None;
    }
    regex::compile_anchored(&expression).ok()
}

/// A set, behind its bracket.
fn set(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    let mut set = String::from("[");
    if rest.next_if_eq(&'!').is_some() {
        set.push('^');
    }
    let mut is_empty = true;
    loop {
        match rest.next()? {
            ']' if !is_empty => break,
            '-' => set.push('-'),
            c => set.push_str(&literal(c)),
        }
        is_empty = false;
    }
    set.push(']');
    Some(set)
}

fn literal(c: char) -> String {
    if c.is_alphanumeric() || matches!(c, '/' | ':' | '_') {
        return c.to_string();
    }
    format!("\\x{{{:x}}}", u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(rules: &[&str]) -> Vec<String> {
        rules.iter().map(|rule| (*rule).to_owned()).collect()
    }

    const URL: &str = "https://git.example.com/acme/deploy.git";

    #[test]
    fn a_repository_is_allowed_by_one_rule_and_denied_by_none() {
        for (rules, expected) in [
            (&[][..], false),
            (&["*"], true),
            (&[" * "], true),
            (&[URL], true),
            (&["https://git.example.com/acme/deploy"], true),
            (&["HTTPS://GIT.example.com/Acme/Deploy.git"], true),
            (&["https://git.example.com/acme/*"], true),
            (&["https://git.example.com/*"], false),
            (&["https://git.example.com/*/*"], true),
            (&["https://git.example.com/**"], true),
            (&["https://*/acme/deploy"], true),
            (&["https://git.example.com/acme/deplo?"], true),
            (&["https://git.example.com/acme/deplo[w-z]"], true),
            (&["https://git.example.com/acme/deplo[!y]"], false),
            (&["https://git.example.com/{acme,team}/deploy"], true),
            (&["https://git.example.com/{team,other}/deploy"], false),
            (&["https://git.example.com/acme"], false),
            (&["https://git-example.com/acme/deploy"], false),
            (&["https://git.example.com/acme/["], false),
            (&["https://git.example.com/{acme"], false),
            (&[""], false),
            (&["*", "!https://git.example.com/acme/deploy"], false),
            (&["!https://git.example.com/acme/deploy", "*"], false),
            (&["*", "!https://git.example.com/**"], false),
            (&["*", "!https://git.example.com/*"], true),
            (&["*", "!https://git.example.com/other/*"], true),
            (&["!https://git.example.com/other/*"], false),
            (&["*", "!*"], false),
            (&["*", "!https://git.example.com/["], false),
        ] {
            assert_eq!(allows(&texts(rules), URL), expected, "{rules:?}");
        }
    }

    #[test]
    fn another_spelling_does_not_get_around_a_denial() {
        let https = texts(&["*", "!https://git.example.com/acme/deploy"]);
        for url in [
            "https://git.example.com/acme/deploy",
            "https://git.example.com/acme//deploy.git",
            "https://git.example.com/acme/deploy/",
            "https://git.example.com/acme/deploy.git/",
            "https://git.example.com:443/acme/deploy",
            "https://git.example.com./acme/deploy",
            "https://GIT.example.com/ACME/deploy",
            "https://git.example.com/acme/%64eploy",
            "https://git.example.com/acme%2Fdeploy",
        ] {
            assert!(!allows(&https, url), "{url}");
        }
        for rule in [
            "!ssh://git@git.example.com/acme/deploy",
            "!ssh://git@GIT.example.com:acme/deploy",
            "!git@git.example.com:acme/*",
        ] {
            let rules = texts(&["*", rule]);
            for url in [
                "git@git.example.com:acme/deploy.git",
                "ssh://git@git.example.com/acme/deploy",
                "ssh://git@git.example.com:22/acme/deploy",
            ] {
                assert!(!allows(&rules, url), "{rule} {url}");
            }
            assert!(allows(&rules, "git@git.example.com:other/deploy.git"), "{rule}");
        }
        assert!(allows(&https, "https://git.example.com:8443/acme/deploy"));
    }

    #[test]
    fn a_namespace_is_admitted_by_name_glob_or_expression() {
        for (rules, expected) in [
            (&[][..], false),
            (&["team-a"], true),
            (&["team-b", "team-*"], true),
            (&["*"], true),
            (&["team"], false),
            (&["/^team-[a-c]$/"], true),
            (&["/^team$/"], false),
            (&["/(/"], false),
            (&["team-["], false),
        ] {
            assert_eq!(admits(&texts(rules), "team-a"), expected, "{rules:?}");
        }
        assert!(!admits(&texts(&["*"]), ""));
    }

    proptest::proptest! {
        #[test]
        fn what_is_denied_is_never_allowed(url in "https://[a-b]{1,3}/[a-c/%0-9]{0,8}", more in "[*!a-c/\\[{?]{0,6}") {
            let rules = texts(&["*", &more, &format!("!{url}")]);
            proptest::prop_assert!(!allows(&rules, &url));
        }

        #[test]
        fn no_rule_makes_it_panic(rule in ".{0,40}", url in ".{0,40}") {
            let rules = [rule];
            let _ = (allows(&rules, &url), admits(&rules, &url));
        }
    }
}
