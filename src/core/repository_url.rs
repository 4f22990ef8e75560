//! What a git repository URL says: when two name the same repository, and what a forge calls it.
//!
//! Pure. Nothing here contacts a host, and credentials in a URL never come out.

use url::Url;

/// The form in which repository URLs are compared, as Argo CD does: trimmed, in lower case, without a trailing `.git`,
/// `git@host:path` like `ssh://git@host/path`, and without `ssh://`.
pub fn normalize(url: &str) -> String {
    let lower = url.trim().to_lowercase();
    let joined = match scp_form(&lower) {
        Some((host, path)) => format!("{host}/{path}"),
        None => lower.strip_prefix("ssh://").unwrap_or(&lower).to_owned(),
    };
    joined.strip_suffix(".git").unwrap_or(&joined).to_owned()
}

/// Owner and repository as GitHub's API wants them: the first two path components.
pub fn owner_and_repo(url: &str) -> Option<(String, String)> {
    let path = path(url)?;
    let mut components = path.split('/');
    let (owner, repo) = (components.next()?, components.next()?);
    let repo = repo.strip_suffix(".git").unwrap_or(repo);
    (!owner.is_empty() && !repo.is_empty()).then(|| (owner.to_owned(), repo.to_owned()))
}

/// The project as GitLab's API wants it: the whole path.
pub fn gitlab_project(url: &str) -> Option<String> {
    owner_and_repo(url)?;
    path(url)
}

/// The GraphQL endpoint that belongs to the base URL of a GitHub REST API.
///
/// Enterprise servers have it at `/api/graphql` beside `/api/v3`; hosts of their own for the API (`api.github.com`,
/// `api.<name>.ghe.com`) at `/graphql`.
pub fn graphql_endpoint(api_base_url: &str) -> String {
    let base = api_base_url.trim_end_matches('/');
    if let Some(api) = base.strip_suffix("/v3") {
        return format!("{api}/graphql");
    }
    let is_api = Url::parse(base)
        .ok()
        .and_then(|url| url.host_str().map(|host| host.starts_with("api.")))
        .unwrap_or(false);
    if is_api || base.ends_with("/api") {
        format!("{base}/graphql")
    } else {
        format!("{base}/api/graphql")
    }
}

/// The URL without user and password, when it is one for the web that carries them: `https://user:password@host/...`.
///
/// Credentials belong into a Secret. Where a URL is shown everybody would read them, so it is not used at all.
pub fn without_credentials(url: &str) -> Option<String> {
    let mut url = Url::parse(url.trim()).ok()?;
    let is_web = matches!(url.scheme(), "https" | "http");
    if !is_web || (url.username().is_empty() && url.password().is_none()) {
        return None;
    }
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url.to_string())
}

/// Whether a component of the URL is `.` or `..`, also as `%2e`. Whoever follows it ends up elsewhere than the text says,
/// and texts are what credentials and projects are chosen by.
pub fn climbs(url: &str) -> bool {
    let url = url.to_ascii_lowercase().replace("%2e", ".");
    url.split(['/', '\\', ':'])
        .any(|part| matches!(part.trim(), "." | ".."))
}

/// The path of a URL with a host, or of `[user@]host:path`, without leading slash and trailing `.git`.
fn path(url: &str) -> Option<String> {
    let url = url.trim();
    let path = if let Some((_, path)) = scp_form(url) {
        path.to_owned()
    } else {
        let parsed = Url::parse(url).ok()?;
        if parsed.host_str().is_none_or(str::is_empty) {
            return None;
        }
        parsed.path().to_owned()
    };
    let path = path.strip_prefix('/').unwrap_or(&path);
    Some(path.strip_suffix(".git").unwrap_or(path).to_owned())
}

/// `user@host` and path of `user@host:path`; a colon after a slash, or a scheme, makes it something else.
fn scp_form(url: &str) -> Option<(&str, &str)> {
    if url.contains("://") {
        return None;
    }
    let (host, path) = url.split_once(':')?;
    (host.contains('@') && !host.contains('/')).then_some((host, path))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_repository_are_equal() {
        for (given, expected) in [
            (
                " https://Git.Example.com/Team/App.git ",
                "https://git.example.com/team/app",
            ),
            ("git@git.example.com:team/app.git", "git@git.example.com/team/app"),
            ("ssh://git@git.example.com/team/app", "git@git.example.com/team/app"),
            ("https://git.example.com:8443/a", "https://git.example.com:8443/a"),
        ] {
            assert_eq!(normalize(given), expected, "{given}");
        }
    }

    #[test]
    fn credentials_in_a_web_url_are_found_and_taken_out() {
        for (given, expected) in [
            (
                "https://bot:hunter2@git.example.com/a.git",
                Some("https://git.example.com/a.git"),
            ),
            (
                " http://bot@git.example.com:8080/a ",
                Some("http://git.example.com:8080/a"),
            ),
            ("HTTPS://:hunter2@git.example.com/a", Some("https://git.example.com/a")),
            ("https://git.example.com/a@b:c", None),
            ("ssh://git@git.example.com/a", None),
            ("git@git.example.com:a", None),
            ("", None),
        ] {
            assert_eq!(without_credentials(given).as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn a_url_that_leads_elsewhere_than_it_says_is_noticed() {
        for (url, expected) in [
            ("https://git.example.com/acme/app.git", false),
            ("https://git.example.com/acme/..app/.github", false),
            ("git@git.example.com:acme/app", false),
            ("https://git.example.com/acme/../app", true),
            ("https://git.example.com/acme/%2E%2e/app", true),
            ("https://git.example.com/acme/.%2e/app", true),
            ("https://git.example.com/./app", true),
            ("https://git.example.com/acme/..", true),
            ("git@git.example.com:../app", true),
            ("https://git.example.com\\..\\app", true),
        ] {
            assert_eq!(climbs(url), expected, "{url}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = (normalize(&text), owner_and_repo(&text), gitlab_project(&text), graphql_endpoint(&text));
            let _ = without_credentials(&text);
        }
    }
}
