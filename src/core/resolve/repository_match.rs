//! Which of Argo CD's repository Secrets serves a repository.
//!
//! Pure, and without the secrets themselves: the caller says of each Secret what its URL and project are and whether it
//! holds credentials, and fills the gaps of the chosen one from the chosen template.

/// What has to be known about a Secret labelled `repository` or `repo-creds`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryEntry<'a> {
    /// The name of the Secret; it only decides between two that are equal in everything else.
    pub name: &'a str,
    /// Its `url`, normalized.
    pub url: &'a str,
    /// Its `project`; empty for all projects.
    pub project: &'a str,
    /// Whether there are credentials in it.
    pub has_credentials: bool,
}

/// The chosen Secrets, as indexes into the lists that were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RepositoryChoice {
    /// The Secret of this very repository.
    pub repository: Option<usize>,
    /// The template that fills what the Secret of the repository lacks. Only when that has no credentials itself.
    pub template: Option<usize>,
}

/// Chooses for the repository `url` (normalized) of an application in `project`.
///
/// The Secret of the repository: one of the application's own project, else one without project, never one of another
/// project. If it has no credentials, or there is none: the template with the longest URL that the repository's URL
/// starts with, on a `/` boundary, so that what is meant for `https://git.example.com/acme` never reaches
/// `https://git.example.com/acme-evil` or another port of that host.
pub fn choose(
    repositories: &[RepositoryEntry<'_>],
    templates: &[RepositoryEntry<'_>],
    url: &str,
    project: &str,
) -> RepositoryChoice {
    let own = best(repositories, |entry| {
        let fits = entry.url == url && (entry.project.is_empty() || entry.project == project);
        fits.then(|| usize::from(!entry.project.is_empty()))
    });
    let complete = own
        .and_then(|index| repositories.get(index))
        .is_some_and(|entry| entry.has_credentials);
    let template = if complete {
        None
    } else {
        best(templates, |entry| covers(entry.url, url).then_some(entry.url.len()))
    };
    RepositoryChoice {
        repository: own,
        template,
    }
}

/// The entry with the highest score; among equals the first by name.
fn best(entries: &[RepositoryEntry<'_>], score: impl Fn(&RepositoryEntry<'_>) -> Option<usize>) -> Option<usize> {
    let scored = entries
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| Some((score(entry)?, entry.name, index)));
    let best = scored.min_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    best.map(|(.., index)| index)
}

/// Whether `url` is `prefix` itself or lies below it.
fn covers(prefix: &str, url: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    match url.strip_prefix(prefix) {
        // `https:` would cover every server.
        Some(_) if prefix.is_empty() || prefix.ends_with(':') => false,
        Some(rest) => rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://git.example.com/acme/deploy";

    fn entry<'a>(name: &'a str, url: &'a str, project: &'a str, has_credentials: bool) -> RepositoryEntry<'a> {
        RepositoryEntry {
            name,
            url,
            project,
            has_credentials,
        }
    }

    #[test]
    fn the_secret_of_the_own_project_comes_first_and_that_of_another_never() {
        let all = [
            entry("other", URL, "other", true),
            entry("any", URL, "", true),
            entry("own", URL, "web", true),
            entry("elsewhere", "https://git.example.com/acme/x", "web", true),
        ];
        for (project, expected) in [("web", Some(2)), ("else", Some(1)), ("other", Some(0))] {
            assert_eq!(choose(&all, &[], URL, project).repository, expected, "{project}");
        }
        assert_eq!(choose(&all[..1], &[], URL, "web").repository, None);
    }

    #[test]
    fn a_template_serves_what_lies_below_it_and_nothing_else() {
        for (prefix, expected) in [
            ("https://git.example.com/acme", true),
            ("https://git.example.com/acme/", true),
            ("https://git.example.com", true),
            (URL, true),
            ("https://git.example.com/acm", false),
            ("https://git.example.com/acme/deploy-evil", false),
            ("https://git.example", false),
            ("https://", false),
            ("", false),
            ("http://git.example.com/acme", false),
        ] {
            assert_eq!(covers(prefix, URL), expected, "{prefix}");
        }
        for stranger in [
            "https://git.example.com.evil.test/acme/deploy",
            "https://git.example.com:8443/acme/deploy",
            "https://git.example.community/acme/deploy",
        ] {
            assert!(!covers("https://git.example.com", stranger), "{stranger}");
        }
    }

    #[test]
    fn the_longest_template_fills_what_is_missing() {
        let templates = [
            entry("host", "https://git.example.com", "", true),
            entry("team-b", "https://git.example.com/acme", "", true),
            entry("team-a", "https://git.example.com/acme", "", true),
        ];
        let bare = [entry("own", URL, "", false)];
        let chosen = choose(&bare, &templates, URL, "web");
        assert_eq!((chosen.repository, chosen.template), (Some(0), Some(2)));
        assert_eq!(choose(&[], &templates, URL, "web").template, Some(2));
        let full = [entry("own", URL, "", true)];
        assert_eq!(choose(&full, &templates, URL, "web").template, None);
        assert_eq!(choose(&[], &[], URL, "web"), RepositoryChoice::default());
    }
}
